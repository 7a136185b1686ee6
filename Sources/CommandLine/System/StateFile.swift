internal import CLinux
import RootlessStorage

// Files in a directory where nobody but root can make one.

/// Takes the lock of a file that only root can open (flock(2)), without waiting: `wouldBlock` where somebody else has it.
func lockExclusively(_ file: borrowing FileDescriptor) throws(Errno) {
  if clinux_lock_exclusively(file.raw) != 0 { throw Errno.last }
}

/// Writes one byte into a file, whose size stays, and so does all else in it (pwrite(2)).
///
/// - Parameter offset: in bytes, less than the file's size.
func overwrite(_ file: borrowing FileDescriptor, at offset: Int, with byte: UInt8) throws(Errno) {
  let raw = file.raw
  let content = [byte]
  _ = try retrying {
    unsafe content.withUnsafeBytes { bytes in
      // SAFETY: pwrite(2) reads the buffer's one byte.
      unsafe pwrite(raw, bytes.baseAddress!, bytes.count, off_t(offset))
    }
  }
}

extension OpenMode {
  /// A file to change in its place, in a directory where nobody else can make one.
  static let overwriting = OpenMode(flags: O_WRONLY | clinux_o_nofollow | O_NONBLOCK | O_NOCTTY)
  /// A file to write anew, in a directory where nobody else can make one.
  static let rewriting = OpenMode(flags: O_WRONLY | O_CREAT | O_TRUNC | clinux_o_nofollow | O_NONBLOCK | O_NOCTTY)
  /// A file that is there for its lock, in such a directory.
  static let lockFile = OpenMode(flags: O_WRONLY | O_CREAT | clinux_o_nofollow | O_NONBLOCK | O_NOCTTY)
}
