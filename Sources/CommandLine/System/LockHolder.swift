internal import CLinux
import RootlessStorage

/// Who has a lock of a file (fcntl(2), flock(2)).
enum LockHolder: Equatable, Sendable {
  case nobody
  /// A process of this host, or a file that its kernel holds open: that of a loop device, for one.
  case thisHost
  /// None that this host's kernel knows: on a network file system another host's.
  case another
  /// Nobody tells.
  case unknown

  /// Asks, and takes no lock (fcntl(2), F_GETLK). On a network file system this asks the server, and hangs when that is gone.
  ///
  /// - Parameter file: open for reading.
  init(of file: borrowing FileDescriptor) {
    do throws(Errno) {
      let status = try fileStatus(of: file)
      // Taken or given up by this host in between, it is seen by one of the two questions alone.
      let isLocked = try LockHolder.isLocked(file)
      let locks = try readAll(open(path: "/proc/locks", .reading), limit: LockHolder.longestList, chunk: 65536)
      if LockHolder.isListed(status, in: locks) {
        self = .thisHost
      } else if locks.count > LockHolder.longestList {
        self = .unknown
      } else {
        let isStillLocked = isLocked ? try LockHolder.isLocked(file) : false
        self = isStillLocked ? .another : .nobody
      }
    } catch { self = .unknown }
  }

  private static let longestList = 4 << 20

  /// Locks of flock(2) are seen on network file systems alone, whose servers have one kind.
  private static func isLocked(_ file: borrowing FileDescriptor) throws(Errno) -> Bool {
    let raw = file.raw
    return try retrying { Int(clinux_is_locked(raw)) } != 0
  }

  /// Lines `NUMBER: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE START END` of /proc/locks (proc_locks(5)); of one who waits, `->` is the
  /// second word.
  static func isListed(_ file: FileStatus, in locks: [UInt8]) -> Bool {
    func hexadecimal(_ number: UInt32) -> String { (number < 16 ? "0" : "") + String(number, radix: 16) }
    let name = Array("\(hexadecimal(file.deviceMajor)):\(hexadecimal(file.deviceMinor)):\(file.inode)".utf8)
    return parts(locks, separator: { $0 == .newline }).contains { line in
      let words = words(line)
      return words.count >= 6 && words[5] == name
    }
  }
}
