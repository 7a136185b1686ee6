import RootlessStorage

/// A directory of files that libpam reads, in which files are replaced: root's, with nobody else able to write on the way to it. As
/// long as it is held, no second run of this program replaces PAM files.
///
/// Whenever it is interrupted, the old file or the new one bears the name, whole; at worst a backup or a file that begins with a dot is
/// left over, which libpam takes for nothing.
struct PAMFiles: ~Copyable {
  enum Failure: Error, Equatable {
    case way(PathError)
    /// Another run of this program is at it.
    case locked
    /// The lock or its directory is not root's alone.
    case lockNotRoots(Path)
    /// Somebody has changed the file since it was looked at.
    case changedMeanwhile(Path)
    /// What is no file of root's alone.
    case notRoots(Path)
    case failed(Path, Errno)

    var refusal: PAMPlan.Refusal {
      let (reason, remedy): (String, Remedy) =
        switch self {
        case .way(let problem): (text(Wording.way(problem, .trusted)), "fix that, and run this again")
        case .locked: ("another run of rootless-storage pam is changing files that libpam reads", "wait for it, and run this again")
        case .lockNotRoots(let path):
          ("\(shown(path)), where this program takes its lock, is not root's, or is open to others", "remove it, and run this again")
        case .changedMeanwhile(let path): ("\(shown(path)) was changed by somebody else meanwhile", "run this again")
        case .notRoots(let path):
          (
            "\(shown(path)) is not a regular file of root's that nobody else can write to",
            "make it one (chown root, chmod go-w), and run this again"
          )
        case .failed(let path, let cause): ("\(shown(path)): \(text(cause))", "fix that, and run this again")
        }
      return PAMPlan.Refusal(services: [], reason: reason, remedy: remedy)
    }
  }

  /// A new file beside its place.
  private struct Prepared {
    let change: PAMPlan.Change
    let name: [UInt8]
    let temporary: [UInt8]
    let identity: FileIdentity
    /// Of the new file.
    let born: FileIdentity
    var backup: [UInt8] = []
  }

  private let path: Path
  private let directory: FileDescriptor
  /// flock(2) of a file that only root can open: of a directory in /etc anybody could take it. It goes with this, or with the process,
  /// however that ends.
  private let lock: FileDescriptor

  init(_ path: Path) throws(Failure) {
    let directory = try PAMFiles.reach(path)
    lock = try PAMFiles.takeLock()
    self.directory = directory
    self.path = path
  }

  private static func reach(_ path: Path) throws(Failure) -> FileDescriptor {
    do throws(PathError) { return try walk(toDirectory: path, .trusted, MountTable(blockDeviceIsLocal: true)).takeDescriptor() } catch {
      throw .way(error)
    }
  }

  /// Where the lock lies: below /run, where it goes with the boot.
  private static let lockDirectory: Path = "/run/rootless-storage"
  private static let lockName = Array("pam.lock".utf8)

  private static func takeLock() throws(Failure) -> FileDescriptor {
    var path = lockDirectory
    let run = try reach(lockDirectory.parent)
    do throws(Errno) { try makeNamedDirectory(at: run, lockDirectory.name, mode: 0o755) } catch {
      if error != .exists { throw .failed(path, error) }
    }
    var isRoots = true
    do throws(Errno) {
      // Neither is followed through a link, and what was judged is what is used.
      let directory = try open(at: run, lockDirectory.name, .directory)
      let status = try fileStatus(of: directory)
      isRoots = status.owner == 0 && status.mode & 0o022 == 0
      if !isRoots { throw .notPermitted }
      path = path / lockName
      let lock = try open(at: directory, lockName, .locking, permissions: 0o600)
      let file = try fileStatus(of: lock)
      // Whoever can open it can lock it.
      isRoots = file.kind == .regular && file.owner == 0 && file.mode & 0o077 == 0
      if !isRoots { throw .notPermitted }
      try lockExclusively(lock)
      return lock
    } catch {
      if !isRoots { throw .lockNotRoots(path) }
      throw error == .wouldBlock ? .locked : .failed(path, error)
    }
  }

  /// Puts the new contents in the place of the old ones, all or none.
  ///
  /// - Parameter isRight: looks at what is there then. If it is not what was wanted, the old files come back.
  /// - Returns: the paths of the backups, in the order of the changes; nil if it was not right.
  func replace(_ changes: [PAMPlan.Change], _ isRight: () -> Bool) throws(Failure) -> [Path]? {
    sweep()
    var prepared: [Prepared] = []
    do throws(Failure) {
      for change in changes { prepared.append(try prepare(change)) }
      for index in prepared.indices { prepared[index].backup = try keep(prepared[index]) }
    } catch {
      discard(prepared)
      throw error
    }
    var done: [Prepared] = []
    for file in prepared {
      do throws(Failure) { try put(file) } catch {
        undo(done)
        discard(prepared[done.count...])
        throw error
      }
      done.append(file)
    }
    synchronizeDirectory()
    if isRight() { return done.map { $0.change.file.parent / $0.backup } }
    undo(done)
    // A rename that was not made leaves its new file.
    for file in done { do throws(Errno) { try unlink(at: directory, file.temporary) } catch {} }
    return nil
  }

  /// Takes away old files that a run which was killed had exchanged already: those that are also kept as a backup.
  private func sweep() {
    do throws(Errno) {
      for name in try names(in: try open(at: directory, [.dot], .directory), limit: 4096)
      where name.first == .dot && name.suffix(17).elementsEqual(".rootless-storage".utf8) {
        let status = try fileStatus(at: directory, name)
        if status.kind == .regular && status.links > 1 { try unlink(at: directory, name) }
      }
    } catch {}
  }

  /// Writes the content beside its place, with owner, mode, access control list and label of what is there.
  private func prepare(_ change: PAMPlan.Change) throws(Failure) -> Prepared {
    let name = change.file.name
    // The lock is held, so that what bears this name was left by a run that was killed.
    let temporary = Array(".".utf8) + name + Array(".rootless-storage".utf8)
    var failure: Failure? = nil
    do throws(Errno) {
      let old = try open(at: directory, name, .reading)
      let status = try fileStatus(of: old)
      if status.kind != .regular || status.owner != 0 || status.mode & 0o022 != 0 {
        failure = .notRoots(change.file)
        throw .notPermitted
      }
      let content = try readAll(old, limit: HostTree.largestFile, chunk: 65536)
      if content != change.old {
        failure = .changedMeanwhile(change.file)
        throw .busy
      }
      do throws(Errno) { try unlink(at: directory, temporary) } catch { if error != .noEntry { throw error } }
      let born = try makeFile(at: directory, temporary) { new throws(Errno) in
        try copyAttributes(from: old, to: new)
        try writeAll(new, change.new)
        try synchronize(new)
        // What is on the disk is what was proved, or it does not get the name.
        if try readAll(try open(at: directory, temporary, .reading), limit: HostTree.largestFile, chunk: 65536) != change.new {
          throw .ioError
        }
        return FileIdentity(try fileStatus(of: new))
      }
      return Prepared(
        change: change, name: name, temporary: temporary, identity: FileIdentity(status), born: born)
    } catch { throw failure ?? .failed(change.file, error == .tooManySymlinks ? .invalid : error) }
  }

  private func keep(_ file: Prepared) throws(Failure) -> [UInt8] {
    do throws(Errno) {
      if let backup = try keepBackup(at: directory, of: file.name, file.identity, size: file.change.old.count) { return backup }
    } catch { throw .failed(file.change.file, error) }
    throw .changedMeanwhile(file.change.file)
  }

  /// Gives the new file its name. What bore it until then must be what was looked at: if somebody has put another file there, or
  /// written to it, since, theirs comes back.
  private func put(_ file: Prepared) throws(Failure) {
    do throws(Errno) { try exchange(at: directory, file.temporary, file.name) } catch {
      // A file system or a kernel that cannot.
      guard error == .invalid || error == .notImplemented else { throw .failed(file.change.file, error) }
      do throws(Errno) { return try rename(file.temporary, in: directory, to: file.name, in: directory) } catch {
        throw .failed(file.change.file, error)
      }
    }
    let failure: Failure
    do throws(Errno) {
      let old = try open(at: directory, file.temporary, .reading)
      let content = try readAll(old, limit: HostTree.largestFile, chunk: 65536)
      if FileIdentity(try fileStatus(of: old)) == file.identity && content == file.change.old {
        // Left over, it is taken for nothing.
        do throws(Errno) { try unlink(at: directory, file.temporary) } catch {}
        return
      }
      failure = .changedMeanwhile(file.change.file)
    } catch { failure = .failed(file.change.file, error) }
    do throws(Errno) {
      if FileIdentity(try fileStatus(at: directory, file.name)) == file.born { try exchange(at: directory, file.temporary, file.name) }
    } catch { throw .failed(file.change.file, error) }
    throw failure
  }

  /// What was written and did not get its name, and the second names of files that stayed.
  private func discard(_ files: some Sequence<Prepared>) {
    for file in files {
      do throws(Errno) { try unlink(at: directory, file.temporary) } catch {}
      if !file.backup.isEmpty { do throws(Errno) { try unlink(at: directory, file.backup) } catch {} }
    }
  }

  /// Where that fails too, the backup stays.
  private func undo(_ files: [Prepared]) {
    for file in files.reversed() {
      // What somebody else has put there since is theirs, and the backup stays.
      do throws(Errno) {
        if FileIdentity(try fileStatus(at: directory, file.name)) != file.born { continue }
        try rename(file.backup, in: directory, to: file.name, in: directory)
      } catch {}
    }
    synchronizeDirectory()
  }

  /// The files are on the disk already; not every file system can do this for a directory.
  private func synchronizeDirectory() { do throws(Errno) { try synchronize(try open(at: directory, [.dot], .directory)) } catch {} }
}
