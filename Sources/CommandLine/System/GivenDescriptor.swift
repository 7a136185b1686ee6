import RootlessStorage

/// A descriptor that whoever started this program has opened and named by a path, as a shell does with `<(…)`: what is behind it can be
/// read once, and by this process alone.
struct GivenDescriptor {
  private let number: Int32

  /// nil for every other path, and for a file, which can be opened again.
  init?(_ path: Path) {
    let rest: ArraySlice<UInt8>
    if path == "/dev/stdin" {
      rest = [UInt8(ascii: "0")]
    } else {
      guard let directory = ["/dev/fd/", "/proc/self/fd/"].first(where: { begins(path.bytes, with: Array($0.utf8)) }) else { return nil }
      rest = path.bytes.dropFirst(directory.utf8.count)
    }
    guard let number = identifier(rest).flatMap({ Int32(exactly: $0) }) else { return nil }
    do throws(Errno) { if try fileStatus(of: open(path: path, .pathOnlyFollowing)).kind == .regular { return nil } } catch { return nil }
    self.number = number
  }

  /// Waits for whoever writes to the other end. Once.
  ///
  /// - Parameter limit: bytes; of what is longer, one more is returned.
  func content(limit: Int) throws(Errno) -> [UInt8] { try readAll(FileDescriptor(owning: number), limit: limit) }
}
