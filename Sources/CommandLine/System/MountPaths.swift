internal import CLinux
import RootlessStorage

/// The paths by which a directory can be reached through other mounts of its file system: a bind mount (mount(8)) shows a part of it in
/// another place. Some may be hidden by what is mounted over them.
///
/// - Parameters:
///   - place: the directory.
///   - path: where it lies, without symbolic links.
func pathsByOtherMounts(of place: borrowing FileDescriptor, at path: Path) -> [Path] {
  do throws(Errno) {
    let info = try readAll(
      try open(path: "/proc/self/fdinfo" / decimal(UInt64(UInt32(bitPattern: place.raw))), .reading), limit: 4096)
    guard let number = mountNumber(inDescriptorInfo: info) else { return [] }
    return pathsByOtherMounts(
      ofMount: number, at: path, try readAll(try open(path: "/proc/self/mountinfo", .reading), limit: 64 << 20, chunk: 65536))
  } catch { return [] }
}

/// The same, of a mount by its number in mountinfo.
func pathsByOtherMounts(ofMount number: UInt64, at path: Path, _ mountinfo: [UInt8]) -> [Path] {
  /// So many are told of.
  let most = 16
  var own: MountinfoLine? = nil
  forEachLine(mountinfo) { text in
    if own == nil, let line = MountinfoLine(text), line.number == number { own = line }
  }
  guard let own, begins(path, own.mountPoint) else { return [] }
  let inside = joined(own.root, path, below: own.mountPoint)
  var found: [Path] = []
  forEachLine(mountinfo) { text in
    guard found.count < most, let line = MountinfoLine(text), line.device == own.device, line.number != own.number,
      begins(inside, line.root)
    else { return }
    let other = joined(line.mountPoint, inside, below: line.root)
    if other != path && !found.contains(other) { found.append(other) }
  }
  return found
}

/// Whether a path is a directory's, or leads below it.
private func begins(_ path: Path, _ directory: Path) -> Bool { path.components.starts(with: directory.components) }

/// `directory`, and what comes behind `prefix` in `path`.
private func joined(_ directory: Path, _ path: Path, below prefix: Path) -> Path {
  Path(absolute: directory.components + path.components.dropFirst(prefix.components.count))
}

/// A line of /proc/self/mountinfo (proc(5)), as far as it is needed here.
private struct MountinfoLine {
  let number: UInt64
  /// `MAJOR:MINOR`.
  let device: [UInt8]
  /// What of its file system it shows.
  let root: Path
  let mountPoint: Path

  init?(_ text: ArraySlice<UInt8>) {
    let fields = words(text)
    guard fields.count > 4, let number = decimalValue(fields[0]) else { return nil }
    self.number = number
    device = fields[2]
    root = MountinfoLine.unescaped(fields[3])
    mountPoint = MountinfoLine.unescaped(fields[4])
  }

  /// Blanks and backslashes are three octal digits there.
  private static func unescaped(_ field: [UInt8]) -> Path {
    var result: [UInt8] = []
    var rest = field[...]
    while let byte = rest.popFirst() {
      if byte == .backslash, rest.count >= 3, let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
        result.append(value)
        rest = rest.dropFirst(3)
      } else {
        result.append(byte)
      }
    }
    return Path(result)
  }
}
