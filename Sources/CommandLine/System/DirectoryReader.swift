internal import CLinux
import RootlessStorage

/// A name in a directory. What it is, the directory only says by the way: it may have become something else since.
struct DirectoryEntry {
  enum Kind { case directory, other, unknown }

  let name: [UInt8]
  let kind: Kind
}

/// Reads a directory one entry at a time: a directory may hold millions, and a user makes as many as they like.
final class DirectoryReader {
  /// The directory, open for reading.
  let descriptor: FileDescriptor
  /// Where the entry lies that comes after those that were handed out (d_off in getdents(2)).
  private(set) var offset: Int64 = 0
  private var buffer: [UInt8] = []
  private var position = 0
  private var filled = 0

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Goes on at an `offset` of before, of the same directory.
  func seek(to offset: Int64) throws(Errno) {
    if lseek(descriptor.raw, Int(offset), SEEK_SET) < 0 { throw .last }
    self.offset = offset
    position = 0
    filled = 0
  }

  /// The next entry, `.` and `..` left out; nil at the end.
  func next() throws(Errno) -> DirectoryEntry? {
    while true {
      if position >= filled { try fill() }
      if filled == 0 { return nil }
      if let entry = takeRecord() { return entry }
    }
  }

  private func fill() throws(Errno) {
    if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 32768) }
    let raw = descriptor.raw
    let room = buffer.count
    position = 0
    filled = 0
    filled = try retrying {
      unsafe buffer.withUnsafeMutableBytes { bytes in
        // SAFETY: the kernel writes at most `room` bytes into a buffer of that size, which is not empty.
        unsafe clinux_getdents(raw, bytes.baseAddress!, room)
      }
    }
  }

  /// struct linux_dirent64: 8 bytes inode, 8 offset, 2 length of the record, 1 type, then the name up to a NUL.
  private func takeRecord() -> DirectoryEntry? {
    let start = position
    guard start + 19 < filled else {
      position = filled
      return nil
    }
    let length = Int(buffer[start + 16]) | Int(buffer[start + 17]) << 8
    guard length >= 20, start + length <= filled else {
      position = filled
      return nil
    }
    position = start + length
    var next: UInt64 = 0
    for index in 0..<8 { next |= UInt64(buffer[start + 8 + index]) << (8 * UInt64(index)) }
    offset = Int64(bitPattern: next)
    var end = start + 19
    while end < start + length && buffer[end] != 0 { end += 1 }
    let name = Array(buffer[(start + 19)..<end])
    if name == [.dot] || name == [.dot, .dot] { return nil }
    let kind: DirectoryEntry.Kind =
      switch Int32(buffer[start + 18]) {
      case 4: .directory  // DT_DIR
      case 0: .unknown  // DT_UNKNOWN
      default: .other
      }
    return DirectoryEntry(name: name, kind: kind)
  }
}
