internal import CLinux

/// A descriptor that closes itself, at the end of its owner's life and not twice.
public struct FileDescriptor: ~Copyable {
  package let raw: Int32

  package init(owning raw: Int32) { self.raw = raw }

  deinit { _ = close(raw) }
}

/// How a file is opened. Every combination includes `O_CLOEXEC`, and none follows a symbolic link in the last
/// component unless its name says so.
package struct OpenMode {
  package let flags: Int32

  package init(flags: Int32) { self.flags = flags }

  /// A place in the tree, to look at and to start from: neither reads nor needs permission to, and triggers an automount.
  package static let pathOnlyDirectory = OpenMode(flags: clinux_o_path | clinux_o_directory | clinux_o_nofollow)
  /// The same, through a symbolic link in the last component.
  package static let pathOnlyDirectoryFollowing = OpenMode(flags: clinux_o_path | clinux_o_directory)
  /// Whatever bears the name, a symbolic link itself included.
  package static let pathOnly = OpenMode(flags: clinux_o_path | clinux_o_nofollow)
  /// A directory to list, to change the mode of, or to synchronize.
  package static let directory = OpenMode(flags: O_RDONLY | clinux_o_directory | clinux_o_nofollow)
  /// The same, through a symbolic link in the last component.
  package static let directoryFollowing = OpenMode(flags: O_RDONLY | clinux_o_directory)
  /// A place of any kind, through a symbolic link in the last component.
  package static let pathOnlyFollowing = OpenMode(flags: clinux_o_path)
  /// A file to read. Does not wait for the other end of a FIFO and takes no terminal.
  package static let reading = OpenMode(flags: O_RDONLY | clinux_o_nofollow | O_NONBLOCK | O_NOCTTY)
  /// The same, through a symbolic link in the last component.
  package static let readingFollowing = OpenMode(flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
  /// A file to take a lock on, made if it is missing.
  package static let locking = OpenMode(flags: O_WRONLY | O_CREAT | clinux_o_nofollow | O_NONBLOCK | O_NOCTTY)
  /// A file to read and to write.
  package static let updating = OpenMode(flags: O_RDWR | clinux_o_nofollow | O_NONBLOCK | O_NOCTTY)
  /// The same of one that must not exist yet.
  package static let creatingToUpdate = OpenMode(flags: O_RDWR | O_CREAT | O_EXCL | clinux_o_nofollow)
  /// A file that must not exist yet, to write.
  package static let creating = OpenMode(flags: O_WRONLY | O_CREAT | O_EXCL | clinux_o_nofollow)
}

/// openat(2). An absolute path ignores `directory`.
package func open(
  at directory: borrowing FileDescriptor, _ name: [UInt8], _ mode: OpenMode, permissions: UInt32 = 0
) throws(Errno) -> FileDescriptor {
  try openRaw(directory.raw, name, mode, permissions)
}

/// The same of a path that begins in the directory.
package func open(at directory: borrowing FileDescriptor, path: Path, _ mode: OpenMode) throws(Errno) -> FileDescriptor {
  try openRaw(directory.raw, path.isEmpty ? [.dot] : path.bytes, mode, 0)
}

/// open(2) of an absolute path, resolved by the kernel with the identity the process has at the moment.
package func open(path: Path, _ mode: OpenMode) throws(Errno) -> FileDescriptor {
  try openRaw(clinux_at_fdcwd, path.bytes, mode, 0)
}

private func openRaw(_ directory: Int32, _ name: [UInt8], _ mode: OpenMode, _ permissions: UInt32) throws(Errno) -> FileDescriptor {
  let descriptor = try retrying {
    unsafe withCString(name) { unsafe Int(clinux_openat(directory, $0, mode.flags | clinux_o_cloexec, permissions)) }
  }
  return FileDescriptor(owning: Int32(truncatingIfNeeded: descriptor))
}

/// Reads from the descriptor's position to the end of the file, at most `limit` bytes and one more: an answer longer
/// than `limit` says that the file is.
package func readAll(_ file: borrowing FileDescriptor, limit: Int, chunk: Int = 4096) throws(Errno) -> [UInt8] {
  var content: [UInt8] = []
  while content.count <= limit {
    let raw = file.raw
    var failure: Errno? = nil
    let piece = unsafe [UInt8](unsafeUninitializedCapacity: min(chunk, limit + 1 - content.count)) { buffer, got in
      // SAFETY: read(2) writes at most the buffer's count, which is not 0, and says how much it has written.
      do throws(Errno) { got = try retrying { unsafe read(raw, buffer.baseAddress!, buffer.count) } } catch { failure = error }
    }
    if let failure { throw failure }
    if piece.isEmpty { break }
    if content.isEmpty { content = piece } else { content += piece }
  }
  return content
}

/// Whether the rest of the file, from the descriptor's position, is this. Reads `chunk` bytes at once, into the same place.
package func hasContent(_ file: borrowing FileDescriptor, _ content: [UInt8], chunk: Int) throws(Errno) -> Bool {
  let raw = file.raw
  var piece = [UInt8](repeating: 0, count: chunk)
  var done = 0
  while true {
    // SAFETY: read(2) writes at most the buffer's count, which is not 0.
    let got = try retrying { unsafe piece.withUnsafeMutableBytes { unsafe read(raw, $0.baseAddress!, $0.count) } }
    if got == 0 { return done == content.count }
    guard got <= content.count - done, piece[..<got] == content[done..<(done + got)] else { return false }
    done += got
  }
}

/// Writes all of it; a short write is continued (write(2)).
package func writeAll(_ file: borrowing FileDescriptor, _ content: [UInt8]) throws(Errno) {
  let raw = file.raw
  var done = 0
  while done < content.count {
    let start = done
    done += try retrying {
      unsafe content.withUnsafeBytes { bytes in
        // SAFETY: `start` is less than the count, so the buffer is not empty and the range is inside it.
        unsafe write(raw, bytes.baseAddress! + start, bytes.count - start)
      }
    }
  }
}

/// Writes from the beginning of the file, in one call (pwrite(2)).
package func overwrite(_ file: borrowing FileDescriptor, _ content: [UInt8]) throws(Errno) {
  let raw = file.raw
  _ = try retrying { unsafe content.withUnsafeBytes { unsafe pwrite(raw, $0.baseAddress, $0.count, 0) } }
}

/// fsync(2): the file's, or the directory's, content is on the server or the disk when it returns.
package func synchronize(_ file: borrowing FileDescriptor) throws(Errno) {
  let raw = file.raw
  _ = try retrying { Int(fsync(raw)) }
}
