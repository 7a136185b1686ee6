internal import CLinux

/// What keeps others from the account files.
public enum AccountLockProblem: Error, Equatable, Sendable {
  /// Somebody held it until the end of the patience. The process is known of shadow's lock files.
  case held(file: [UInt8], process: UInt32?)
  case failed(file: [UInt8], Errno)
}

/// The locks that shadow-utils holds while it edits such files (lib/commonio.c): first that of lckpwdf(3), for which useradd and the
/// others wait, then `FILE.lock` for each file, for which they do not. The latter is a hard link to a file with the process's number,
/// and stale when there is no such process.
///
/// lckpwdf itself would take alarm(2) for its own, which here guards the deadline. Whoever dies with the locks frees the first, and
/// leaves the others stale.
package struct AccountLock: ~Copyable {
  private let directory: FileDescriptor
  private let passwords: FileDescriptor
  private let files: [[UInt8]]

  /// - Parameters:
  ///   - directory: /etc.
  ///   - milliseconds: how long to wait for others, in all.
  package init(in directory: borrowing FileDescriptor, for files: [[UInt8]], patience milliseconds: Int64) throws(AccountLockProblem) {
    let end = clinux_monotonic_milliseconds() + milliseconds
    let lock = try AccountLock.lockPasswords(directory, until: end)
    let own: FileDescriptor
    do throws(Errno) { own = try open(at: directory, [0x2e], .directoryPlace) } catch { throw .failed(file: [0x2e], error) }
    try AccountLock.take(files, in: directory, until: end)
    self.directory = own
    passwords = lock
    self.files = files
  }

  deinit { AccountLock.release(files, in: directory) }

  /// The end of what had to be done under the lock.
  package consuming func release() {}

  /// The lock of lckpwdf(3).
  private static func lockPasswords(_ directory: borrowing FileDescriptor, until end: Int64) throws(AccountLockProblem) -> FileDescriptor {
    let name = Array(".pwd.lock".utf8)
    do throws(Errno) {
      let file = try open(at: directory, name, .locking, permissions: 0o600)
      while clinux_lock_whole(file.raw) != 0 {
        let cause = Errno.last
        if cause == .interrupted { continue }
        guard cause == .wouldBlock || cause == .accessDenied else { throw cause }
        if clinux_monotonic_milliseconds() >= end { throw .wouldBlock }
        clinux_sleep_milliseconds(5)
      }
      return file
    } catch {
      throw error == .wouldBlock ? .held(file: name, process: nil) : .failed(file: name, error)
    }
  }

  private static func take(_ files: [[UInt8]], in directory: borrowing FileDescriptor, until end: Int64) throws(AccountLockProblem) {
    var taken: [[UInt8]] = []
    do throws(AccountLockProblem) {
      for file in files {
        try take(file, in: directory, until: end)
        taken.append(file)
      }
    } catch {
      release(taken, in: directory)
      throw error
    }
  }

  private static func release(_ files: [[UInt8]], in directory: borrowing FileDescriptor) {
    for file in files.reversed() {
      do throws(Errno) { try removeFile(at: directory, lockName(file)) } catch {}
    }
  }

  private static func lockName(_ file: [UInt8]) -> [UInt8] { file + Array(".lock".utf8) }

  private static func take(_ file: [UInt8], in directory: borrowing FileDescriptor, until end: Int64) throws(AccountLockProblem) {
    // shadow puts its number there; ours is one name, so that the next of us removes what a killed one has left.
    let ticket = file + Array(".rootless-storage".utf8)
    let lock = lockName(file)
    defer {
      do throws(Errno) { try removeFile(at: directory, ticket) } catch {}
    }
    let new: FileDescriptor
    do throws(Errno) { new = try writeTicket(ticket, in: directory) } catch { throw .failed(file: ticket, error) }
    while true {
      do throws(Errno) { return try link(at: directory, ticket, lock) } catch {
        // On a root that is NFS, a lost reply makes a link that was made look as if it had failed: the link count tells (link(2)).
        if isLinked(new) { return }
        if error != .exists { throw .failed(file: lock, error) }
      }
      if try removeStale(lock, in: directory) { continue }
      if clinux_monotonic_milliseconds() >= end { throw .held(file: lock, process: holder(of: lock, in: directory)) }
      clinux_sleep_milliseconds(20)
    }
  }

  private static func writeTicket(_ ticket: [UInt8], in directory: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
    do throws(Errno) { try removeFile(at: directory, ticket) } catch { if error != .noEntry { throw error } }
    let new = try open(at: directory, ticket, .creating, permissions: 0o600)
    // With the NUL, as shadow writes it; synced, since an empty lock would outlive a crash of the machine and hold everybody up.
    try writeAll(new, decimal(UInt64(thisProcess().number)) + [0])
    try synchronise(new)
    return new
  }

  private static func isLinked(_ ticket: borrowing FileDescriptor) -> Bool {
    do throws(Errno) { return try freshStatus(of: ticket).links > 1 } catch { return false }
  }

  /// Removes a lock whose process is gone. Safe, because whoever does it holds the lock of lckpwdf.
  ///
  /// - Returns: whether it is gone now.
  private static func removeStale(_ lock: [UInt8], in directory: borrowing FileDescriptor) throws(AccountLockProblem) -> Bool {
    guard let process = holder(of: lock, in: directory), !processExists(process) else { return false }
    do throws(Errno) { try removeFile(at: directory, lock) } catch {
      if error != .noEntry { throw .failed(file: lock, error) }
    }
    return true
  }

  /// nil: it is gone, or says no process.
  private static func holder(of lock: [UInt8], in directory: borrowing FileDescriptor) -> UInt32? {
    do throws(Errno) {
      return identifier(try readAll(try open(at: directory, lock, .reading), limit: 31).prefix { $0 >= 0x30 && $0 <= 0x39 })
    } catch { return nil }
  }
}
