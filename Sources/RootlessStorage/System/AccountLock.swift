internal import CLinux

/// What keeps others from the account files.
public enum AccountLockError: Error, Equatable, Sendable {
  /// Somebody held it until the timeout. The process is known of shadow's lock files; since when it runs, in seconds since
  /// the epoch, of processes that run.
  case held(file: [UInt8], process: UInt32?, since: Int64?)
  case failed(file: [UInt8], Errno)
}

/// The locks that shadow-utils holds while it edits such files (lib/commonio.c): first that of lckpwdf(3), for which useradd and the
/// others wait, then `FILE.lock` for each file, for which they do not. The latter is a hard link to a file with the process's number,
/// and stale when there is no such process, or another one has the number by now.
///
/// All are taken at once or none: whoever waits here holds nothing, and so keeps nobody from accounts that have nothing to do with it.
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
  package init(in directory: borrowing FileDescriptor, for files: [[UInt8]], timeout milliseconds: Int64) throws(AccountLockError) {
    let end = clinux_monotonic_milliseconds() + milliseconds
    let own: FileDescriptor
    do throws(Errno) { own = try open(at: directory, [.dot], .pathOnlyDirectory) } catch { throw .failed(file: [.dot], error) }
    let number = Int64(getpid())
    while true {
      do throws(AccountLockError) {
        let lock = try AccountLock.lockPasswords(directory)
        try AccountLock.acquire(files, in: directory)
        self.directory = own
        passwords = lock
        self.files = files
        return
      } catch {
        guard case .held(_, let process, _) = error else { throw error }
        let now = clinux_monotonic_milliseconds()
        if now >= end { throw error }
        // Not all in step, who wait for the same.
        clinux_sleep_milliseconds(Int((process == nil ? 3 : 20) + (now &+ number) % (process == nil ? 5 : 20)))
      }
    }
  }

  deinit { AccountLock.release(files, in: directory) }

  /// The end of what had to be done under the lock.
  package consuming func release() {}

  /// The lock of lckpwdf(3), without waiting.
  private static func lockPasswords(_ directory: borrowing FileDescriptor) throws(AccountLockError) -> FileDescriptor {
    let name = Array(".pwd.lock".utf8)
    do throws(Errno) {
      let file = try open(at: directory, name, .locking, permissions: 0o600)
      try lockWhole(file)
      return file
    } catch {
      throw error == .wouldBlock ? .held(file: name, process: nil, since: nil) : .failed(file: name, error)
    }
  }

  /// All or none, without waiting.
  private static func acquire(_ files: [[UInt8]], in directory: borrowing FileDescriptor) throws(AccountLockError) {
    // Most often it is seen here, before anything is written.
    for file in files { try removeStale(lockName(file), in: directory) }
    var taken: [[UInt8]] = []
    do throws(AccountLockError) {
      for file in files {
        try acquire(file, in: directory)
        taken.append(file)
      }
    } catch {
      release(taken, in: directory)
      throw error
    }
  }

  private static func release(_ files: [[UInt8]], in directory: borrowing FileDescriptor) {
    for file in files.reversed() {
      do throws(Errno) { try unlink(at: directory, lockName(file)) } catch {}
    }
  }

  private static func lockName(_ file: [UInt8]) -> [UInt8] { file + Array(".lock".utf8) }

  private static func acquire(_ file: [UInt8], in directory: borrowing FileDescriptor) throws(AccountLockError) {
    // shadow puts its number there; ours is one name, so that the next of us removes what a killed one has left.
    let ticket = file + Array(".rootless-storage".utf8)
    let lock = lockName(file)
    defer {
      do throws(Errno) { try unlink(at: directory, ticket) } catch {}
    }
    let new: FileDescriptor
    do throws(Errno) { new = try writeTicket(ticket, in: directory) } catch { throw .failed(file: ticket, error) }
    do throws(Errno) { try link(at: directory, ticket, lock) } catch {
      // On a root that is NFS, a lost reply makes a link that was made look as if it had failed: the link count tells (link(2)).
      if isLinked(new) { return }
      throw error == .exists ? held(lock, by: nil) : .failed(file: lock, error)
    }
  }

  private static func writeTicket(_ ticket: [UInt8], in directory: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
    do throws(Errno) { try unlink(at: directory, ticket) } catch { if error != .noEntry { throw error } }
    let new = try open(at: directory, ticket, .creating, permissions: 0o600)
    // Synced, since an empty lock would outlive a crash of the machine and hold everybody up.
    try writeAll(new, AccountLockHolder(thisProcess()).content)
    try synchronize(new)
    return new
  }

  private static func isLinked(_ ticket: borrowing FileDescriptor) -> Bool {
    do throws(Errno) { return try syncedStatus(of: ticket).links > 1 } catch { return false }
  }

  /// Removes a lock whose process is gone. Safe, because whoever does it holds the lock of lckpwdf.
  ///
  /// Throws `held` when somebody has the lock.
  private static func removeStale(_ lock: [UInt8], in directory: borrowing FileDescriptor) throws(AccountLockError) {
    var holder: AccountLockHolder? = nil
    do throws(Errno) {
      let file = try open(at: directory, lock, .reading)
      holder = AccountLockHolder(try readAll(file, limit: AccountLockHolder.longestContent))
      guard let holder, isGone(holder, modified: try fileStatus(of: file).modified) else { throw .exists }
    } catch {
      if error == .noEntry { return }
      // What cannot be read is somebody's too.
      throw held(lock, by: holder?.number)
    }
    do throws(Errno) { try unlink(at: directory, lock) } catch {
      if error != .noEntry { throw .failed(file: lock, error) }
    }
  }

  private static func held(_ lock: [UInt8], by process: UInt32?) -> AccountLockError {
    .held(file: lock, process: process, since: process.flatMap { startOfProcess($0) })
  }
}
