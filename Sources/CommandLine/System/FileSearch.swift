internal import CLinux
import RootlessStorage

/// Which of the texts stand somewhere in the rest of a file. It never holds more than a part of the file.
///
/// - Parameter limit: no more bytes than that, about, are read.
func texts(_ wanted: [[UInt8]], in file: borrowing FileDescriptor, limit: Int) throws(Errno) -> [Bool] {
  var found = wanted.map { _ in false }
  let longest = wanted.map(\.count).max() ?? 0
  var piece: [UInt8] = []
  var count = 0
  while count < limit && found.contains(false) {
    // The end of the piece before comes again: a text may lie across.
    let next = try readAll(file, limit: 1 << 20, chunk: 1 << 20)
    if next.isEmpty { break }
    count += next.count
    piece = piece.suffix(longest) + next
    for (index, text) in wanted.enumerated() where !found[index] {
      found[index] = unsafe piece.withUnsafeBytes { bytes in
        unsafe text.withUnsafeBytes { text in
          // SAFETY: both are readable for as many bytes as are named, and neither is kept.
          unsafe memmem(bytes.baseAddress!, bytes.count, text.baseAddress!, text.count) != nil
        }
      }
    }
  }
  return found
}
