import RootlessStorage

/// The file system that the storage directories are on, as `--json` has it.
struct DiskSpace: Encodable, Equatable {
  /// As /proc/self/mountinfo names it.
  let fileSystem: String?
  /// Bytes that users can still write, and all there are.
  let free: UInt64
  let size: UInt64

  /// - Returns: nil on a network file system, whose server is not asked, and where there is no size.
  init?(_ volume: Volume) {
    if volume.isNetwork || volume.size == 0 { return nil }
    fileSystem = volume.type
    free = volume.free
    size = volume.size
  }

  /// `12 GiB of 40 GiB free (30 %), ext4`
  var shown: String {
    let percent = size < 100 ? free * 100 / size : free / (size / 100)
    return "\(shownSize(free)) of \(shownSize(size)) free (\(min(100, percent)) %)" + (fileSystem.map { ", \($0)" } ?? "")
  }
}
