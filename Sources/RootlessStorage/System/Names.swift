internal import CLinux

// Calls that act on one name in a directory that is open already.

/// mkdirat(2) with exactly this mode, whatever the umask.
package func makeNamedDirectory(at directory: borrowing FileDescriptor, _ name: [UInt8], mode: UInt32) throws(Errno) {
  let raw = directory.raw
  let previous = umask(0)
  defer { _ = umask(previous) }
  _ = try retrying { unsafe withCString(name) { unsafe Int(mkdirat(raw, $0, mode)) } }
}

/// linkat(2): the new name appears whole, and never over another.
package func link(at directory: borrowing FileDescriptor, _ old: [UInt8], _ new: [UInt8]) throws(Errno) {
  let raw = directory.raw
  _ = try retrying {
    unsafe withCString(old) { from in unsafe withCString(new) { to in unsafe Int(linkat(raw, from, raw, to, 0)) } }
  }
}

/// renameat2(2) with RENAME_NOREPLACE.
package func renameWithoutReplacing(at directory: borrowing FileDescriptor, _ old: [UInt8], _ new: [UInt8]) throws(Errno) {
  let raw = directory.raw
  _ = try retrying {
    unsafe withCString(old) { from in
      unsafe withCString(new) { to in unsafe Int(clinux_renameat2(raw, from, raw, to, clinux_rename_noreplace)) }
    }
  }
}

/// renameat2(2) with RENAME_EXCHANGE: both names stay, each with the other's file.
package func exchange(at directory: borrowing FileDescriptor, _ one: [UInt8], _ other: [UInt8]) throws(Errno) {
  let raw = directory.raw
  _ = try retrying {
    unsafe withCString(one) { one in
      unsafe withCString(other) { other in unsafe Int(clinux_renameat2(raw, one, raw, other, clinux_rename_exchange)) }
    }
  }
}

/// renameat(2), which replaces an empty directory or a file of the new name: only where that is wanted, or where nobody else can write.
package func rename(_ old: [UInt8], in source: borrowing FileDescriptor, to new: [UInt8], in target: borrowing FileDescriptor) throws(Errno)
{
  let from = source.raw, to = target.raw
  _ = try retrying { unsafe withCString(old) { old in unsafe withCString(new) { new in unsafe Int(renameat(from, old, to, new)) } } }
}

/// unlinkat(2) of a file.
package func unlink(at directory: borrowing FileDescriptor, _ name: [UInt8]) throws(Errno) {
  let raw = directory.raw
  _ = try retrying { unsafe withCString(name) { unsafe Int(unlinkat(raw, $0, 0)) } }
}

/// The same of a path that begins in the directory.
package func unlink(at directory: borrowing FileDescriptor, path: Path) throws(Errno) { try unlink(at: directory, path.bytes) }

/// unlinkat(2) of a directory, which must be empty.
package func removeEmptyDirectory(at directory: borrowing FileDescriptor, _ name: [UInt8]) throws(Errno) {
  let raw = directory.raw
  _ = try retrying { unsafe withCString(name) { unsafe Int(unlinkat(raw, $0, clinux_at_removedir)) } }
}

/// The same of a path that begins in the directory.
package func removeEmptyDirectory(at directory: borrowing FileDescriptor, path: Path) throws(Errno) {
  try removeEmptyDirectory(at: directory, path.bytes)
}

/// fchmod(2).
package func changeMode(of file: borrowing FileDescriptor, to mode: UInt32) throws(Errno) {
  let raw = file.raw
  _ = try retrying { Int(fchmod(raw, mode)) }
}

/// The target of a symbolic link that is open as `pathOnly` (readlinkat(2) with an empty path).
package func target(ofLink link: borrowing FileDescriptor) throws(Errno) -> Path {
  let raw = link.raw
  var buffer = [UInt8](repeating: 0, count: 4096)
  let room = buffer.count
  let length = unsafe buffer.withUnsafeMutableBytes { bytes in
    unsafe withCString([]) { empty in
      // SAFETY: readlinkat writes at most `room` bytes into a buffer of that size.
      unsafe readlinkat(raw, empty, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), room)
    }
  }
  if length < 0 { throw Errno.last }
  if length >= room { throw .nameTooLong }
  buffer.removeLast(room - length)
  return Path(buffer)
}

/// The names in a directory, `.` and `..` left out, at most `limit` and one more: a longer answer says that there are more.
/// The order is the file system's.
package func names(in directory: borrowing FileDescriptor, limit: Int) throws(Errno) -> [[UInt8]] {
  var found: [[UInt8]] = []
  let raw = directory.raw
  while found.count <= limit {
    var failure: Errno? = nil
    let records = unsafe [UInt8](unsafeUninitializedCapacity: 16384) { buffer, filled in
      // SAFETY: the kernel writes at most the buffer's count, and says how much it has written.
      do throws(Errno) { filled = try retrying { unsafe clinux_getdents(raw, buffer.baseAddress!, buffer.count) } } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    if records.isEmpty { break }
    parseDirectoryEntries(records[...], into: &found, limit: limit)
  }
  return found
}

/// struct linux_dirent64: 8 bytes inode, 8 offset, 2 length of the record, 1 type, then the name up to a NUL.
private func parseDirectoryEntries(_ records: ArraySlice<UInt8>, into found: inout [[UInt8]], limit: Int) {
  var start = records.startIndex
  while start + 19 < records.endIndex && found.count <= limit {
    let length = Int(records[start + 16]) | Int(records[start + 17]) << 8
    let end = start + length
    if length < 20 || end > records.endIndex { return }
    var nameEnd = start + 19
    while nameEnd < end && records[nameEnd] != 0 { nameEnd += 1 }
    let name = Array(records[(start + 19)..<nameEnd])
    if name != [.dot] && name != [.dot, .dot] { found.append(name) }
    start = end
  }
}
