/// How it ended.
public enum SubordinateIDOutcome: Equatable, Sendable {
  /// There were enough already.
  case enough
  case added(SubordinateIDPlan)
  /// What was expected is not what would be given by now; nothing is written.
  case changed
  case refused(SubordinateIDRefusal)
  case failed(SubordinateIDFailure)
}

/// How it ended, and what was seen on the way.
package struct SubordinateIDResult: Equatable, Sendable {
  package let outcome: SubordinateIDOutcome
  package let exposures: [SubordinateIDExposure]
}

/// /etc with the files that say who has which ids. The process must be root.
///
/// Written directly and not through usermod(8), which would ask the name service, wait up to 15 seconds for its lock, and read the
/// host's environment; but with its locks, and by its rules: every other line stays byte for byte, the new file is synced and
/// renamed over the old one, owner, mode and label are kept, and the old content stays as `FILE-`.
///
/// Both files get their line, or neither: both are written beside their places first. Killed between the two renames, the next run
/// adds the second line, since each file is judged for itself.
package struct SubordinateIDFiles: ~Copyable {
  private static let largestFile = 64 << 20

  private let directory: FileDescriptor

  package init(_ mounts: MountTable, path: Path = "/etc") throws(SubordinateIDError) {
    do throws(PathError) { directory = try walk(toDirectory: path, .trusted, mounts).takeDescriptor() } catch {
      throw SubordinateIDError(.way(error))
    }
  }

  /// Gives the account ranges where it has not enough ids, and tells whose ranges have its own ids.
  ///
  /// - Parameters:
  ///   - milliseconds: how long to wait for programs that edit account files.
  ///   - expected: the only plan to carry out, for whoever has asked others about it; nil: whichever it is.
  package func allocate(
    for account: Account, _ settings: Settings, timeout milliseconds: Int64, expecting expected: SubordinateIDPlan? = nil
  ) -> SubordinateIDResult {
    var exposures: [SubordinateIDExposure] = []
    do throws(SubordinateIDError) {
      // A login that finds enough takes no lock and reads nothing else.
      let subuid = try readSubordinate(.users)
      let users = SubordinateIDSurvey(account, .users, subuid)
      if let exposure = users.exposure { exposures.append(exposure) }
      let subgid = try readSubordinate(.groups)
      let groups = SubordinateIDSurvey(account, .groups, subgid)
      if let exposure = groups.exposure { exposures.append(exposure) }
      if users.hasEnough && groups.hasEnough {
        // Where ids come from elsewhere, what the files say gives nobody anything.
        if !exposures.isEmpty, subordinateIDSource(try readOther("nsswitch.conf")) != nil { exposures = [] }
        return SubordinateIDResult(outcome: .enough, exposures: exposures)
      }
      // What is refused is refused without a lock too: it happens at every login.
      let facts = try facts(subuid, subgid)
      if subordinateIDSource(facts.nsswitch) != nil { exposures = [] }
      let planner = SubordinateIDPlanner(account, settings)
      if let refusal = refusal(planner, facts) { return SubordinateIDResult(outcome: .refused(refusal), exposures: exposures) }
      let prepared = try change(planner, account, facts, expected)
      let lock = try lock(milliseconds)
      let outcome = try allocateLocked(planner, account, expected, prepared, facts)
      lock.release()
      return SubordinateIDResult(outcome: outcome, exposures: exposures)
    } catch {
      return SubordinateIDResult(outcome: .failed(error.failure), exposures: exposures)
    }
  }

  private func refusal(_ planner: SubordinateIDPlanner, _ facts: SubordinateIDFacts) -> SubordinateIDRefusal? {
    do throws(SubordinateIDRefusal) { _ = try planner.plan(facts) } catch { return error }
    return nil
  }

  /// Keeps other programs from the files until the lock is released. Whatever takes it comes through here: no limit of whoever started
  /// this process reaches code that holds it.
  package func lock(_ milliseconds: Int64) throws(SubordinateIDError) -> AccountLock {
    do throws(HindranceError) { try becomeUnhindered() } catch { throw SubordinateIDError(.hindered(error.hindrance, error.cause)) }
    do throws(AccountLockError) {
      return try AccountLock(
        in: directory, for: [SubordinateIDKind.users.fileName, SubordinateIDKind.groups.fileName], timeout: milliseconds)
    } catch {
      switch error {
      case .held(let file, let process, let since): throw SubordinateIDError(.locked(file: file, process: process, since: since))
      case .failed(let file, let cause): throw SubordinateIDError(.failed(file: file, cause))
      }
    }
  }

  /// What is to be done, made before the lock is taken.
  private enum Change {
    case none(SubordinateIDOutcome)
    case some(SubordinateIDPlan, [(kind: SubordinateIDKind, content: [UInt8])])
  }

  private func change(
    _ planner: SubordinateIDPlanner, _ account: Account, _ facts: SubordinateIDFacts, _ expected: SubordinateIDPlan?
  ) throws(SubordinateIDError) -> Change {
    let plan: SubordinateIDPlan
    do throws(SubordinateIDRefusal) { plan = try planner.plan(facts) } catch { return .none(.refused(error)) }
    if plan.isEmpty { return .none(.enough) }
    if let expected, plan != expected { return .none(.changed) }
    var changes: [(kind: SubordinateIDKind, content: [UInt8])] = []
    let definitions = facts.definitions
    func owner(_ definitions: LoginDefinitions.Subordinate) -> [UInt8] {
      definitions.storesByUid ? decimal(UInt64(account.uid)) : account.name
    }
    if let range = plan.users { changes.append((.users, SubordinateIDFiles.adding(owner(definitions.users), range, to: facts.subuid))) }
    if let range = plan.groups { changes.append((.groups, SubordinateIDFiles.adding(owner(definitions.groups), range, to: facts.subgid))) }
    return .some(plan, changes)
  }

  /// Only what is seen under the lock counts: what was prepared is written if the files are as they were, else it is made again. That is
  /// done under the lock, since among many who wait, somebody has always changed them.
  private func allocateLocked(
    _ planner: SubordinateIDPlanner, _ account: Account, _ expected: SubordinateIDPlan?, _ prepared: Change, _ before: SubordinateIDFacts
  ) throws(SubordinateIDError) -> SubordinateIDOutcome {
    let change = try isStill(before) ? prepared : try change(planner, account, try facts(), expected)
    switch change {
    case .none(let outcome): return outcome
    case .some(let plan, let changes):
      try replace(changes)
      return .added(plan)
    }
  }

  private static func adding(_ owner: [UInt8], _ range: IDRange, to content: [UInt8]) -> [UInt8] {
    var new = content
    if let last = new.last, last != .newline { new.append(.newline) }
    new += owner + [.colon] + decimal(UInt64(range.lowerBound)) + [.colon]
    return new + decimal(UInt64(range.upperBound) - UInt64(range.lowerBound) + 1) + [.newline]
  }

  // MARK: Reading

  package func facts() throws(SubordinateIDError) -> SubordinateIDFacts {
    try facts(try readSubordinate(.users), try readSubordinate(.groups))
  }

  private func facts(_ subuid: [UInt8], _ subgid: [UInt8]) throws(SubordinateIDError) -> SubordinateIDFacts {
    var facts = SubordinateIDFacts()
    (facts.subuid, facts.subgid) = (subuid, subgid)
    facts.passwd = try readOther("passwd")
    facts.group = try readOther("group")
    facts.nsswitch = try readOther("nsswitch.conf")
    facts.loginDefinitions = try readOther("login.defs")
    if facts.loginDefinitions.isEmpty { facts.vendorDefinitions = try readVendorsDefinitions() }
    (facts.uidMap, facts.gidMap) = (SubordinateIDFiles.map("uid_map"), SubordinateIDFiles.map("gid_map"))
    return facts
  }

  /// No file that changes while a login waits for a lock.
  private func readVendorsDefinitions() throws(SubordinateIDError) -> [UInt8] {
    do throws(Errno) {
      return try readAll(
        try open(path: "/usr/etc/login.defs", .readingFollowing), limit: SubordinateIDFiles.largestFile, chunk: 65536)
    } catch {
      if error == .noEntry || error == .notDirectory { return [] }
      throw SubordinateIDError(.failed(file: Array("login.defs".utf8), error))
    }
  }

  /// Without /proc, all ids are taken for existing: the host is no container then that anybody knows of.
  private static func map(_ name: String) -> [UInt8] {
    do throws(Errno) { return try readAll(try open(path: "/proc/self" / Path(name), .reading), limit: 65536) } catch {
      return []
    }
  }

  /// Whether all files are as they were. Makes no copy of them.
  package func isStill(_ before: SubordinateIDFacts) throws(SubordinateIDError) -> Bool {
    guard try hasSubordinate(.users, before.subuid), try hasSubordinate(.groups, before.subgid), try hasOther("passwd", before.passwd)
    else { return false }
    guard try hasOther("group", before.group), try hasOther("nsswitch.conf", before.nsswitch) else { return false }
    return try hasOther("login.defs", before.loginDefinitions)
  }

  private func hasOther(_ name: String, _ before: [UInt8]) throws(SubordinateIDError) -> Bool {
    let name = Array(name.utf8)
    guard let file = try openIfThere(name, .readingFollowing) else { return before.isEmpty }
    return try has(file, name, before)
  }

  private func hasSubordinate(_ kind: SubordinateIDKind, _ before: [UInt8]) throws(SubordinateIDError) -> Bool {
    guard let file = try openSubordinate(kind) else { return before.isEmpty }
    return try has(file, kind.fileName, before)
  }

  private func has(_ file: borrowing OpenedPath, _ name: [UInt8], _ before: [UInt8]) throws(SubordinateIDError) -> Bool {
    do throws(Errno) { return try hasContent(file.descriptor, before, chunk: 65536) } catch {
      throw SubordinateIDError(.failed(file: name, error))
    }
  }

  private func readOther(_ name: String) throws(SubordinateIDError) -> [UInt8] {
    let name = Array(name.utf8)
    guard let file = try openIfThere(name, .readingFollowing) else { return [] }
    return try bytes(of: file, name)
  }

  private func readSubordinate(_ kind: SubordinateIDKind) throws(SubordinateIDError) -> [UInt8] {
    guard let file = try openSubordinate(kind) else { return [] }
    return try bytes(of: file, kind.fileName)
  }

  /// One of the two files that may be replaced: a plain one of root's, or none.
  private func openSubordinate(_ kind: SubordinateIDKind) throws(SubordinateIDError) -> OpenedPath? {
    let name = kind.fileName
    guard let file = try openIfThere(name, .reading) else { return nil }
    if file.status.kind != .regular { throw SubordinateIDError(.unfit(file: name, .notRegular)) }
    if file.status.owner != 0 || file.isWritableByOthers { throw SubordinateIDError(.unfit(file: name, .notRoots)) }
    return file
  }

  private func openIfThere(_ name: [UInt8], _ mode: OpenMode) throws(SubordinateIDError) -> OpenedPath? {
    let opened: FileDescriptor
    do throws(Errno) { opened = try open(at: directory, name, mode) } catch {
      if error == .noEntry { return nil }
      if error == .tooManySymlinks { throw SubordinateIDError(.unfit(file: name, .symbolicLink)) }
      throw SubordinateIDError(.failed(file: name, error))
    }
    do throws(Errno) { return try OpenedPath(opened) } catch { throw SubordinateIDError(.failed(file: name, error)) }
  }

  /// Less than there was a moment ago is none here too: what is missing would be lost, or given to somebody else.
  private func bytes(of file: borrowing OpenedPath, _ name: [UInt8]) throws(SubordinateIDError) -> [UInt8] {
    let content: [UInt8]
    do throws(Errno) { content = try file.content(limit: SubordinateIDFiles.largestFile, chunk: 65536) } catch {
      throw SubordinateIDError(.failed(file: name, error))
    }
    if content.count > SubordinateIDFiles.largestFile { throw SubordinateIDError(.unfit(file: name, .tooLarge)) }
    return content
  }

  // MARK: Writing

  /// Puts new contents in the place of the old ones, all or none. The lock must be held.
  package func replace(_ changes: [(kind: SubordinateIDKind, content: [UInt8])]) throws(SubordinateIDError) {
    do throws(SubordinateIDError) { for change in changes { try prepare(change.kind, change.content) } } catch {
      for change in changes { discard(change.kind) }
      throw error
    }
    var done: [SubordinateIDKind] = []
    for change in changes {
      do throws(Errno) {
        try exchange(change.kind)
        done.append(change.kind)
      } catch {
        // A rename whose reply was lost is done nevertheless: then what was to be renamed is gone.
        if !isPrepared(change.kind) { done.append(change.kind) }
        for kind in done.reversed() { undo(kind) }
        for change in changes { discard(change.kind) }
        throw SubordinateIDError(.failed(file: change.kind.fileName, error))
      }
    }
    // The lines are in force; should the machine crash now and lose them, the next login adds them again.
    do throws(Errno) { try synchronize(try open(at: directory, [.dot], .directory)) } catch {}
  }

  /// shadow's names: what is new, and what was before.
  private func newName(_ kind: SubordinateIDKind) -> [UInt8] { kind.fileName + [.plus] }
  private func backupName(_ kind: SubordinateIDKind) -> [UInt8] { kind.fileName + [.hyphen] }

  /// Writes the content beside its place, with owner, mode and labels of what is there.
  private func prepare(_ kind: SubordinateIDKind, _ content: [UInt8]) throws(SubordinateIDError) {
    let old = try openIfThere(kind.fileName, .reading)
    do throws(Errno) {
      // What another program, or this one, has left when it was killed.
      do throws(Errno) { try unlink(at: directory, newName(kind)) } catch { if error != .noEntry { throw error } }
      let new = try open(at: directory, newName(kind), .creating, permissions: 0o600)
      switch old {
      case .some(let old): try copyAttributes(from: old.descriptor, to: new)
      case .none: try changeMode(of: new, to: 0o644)
      }
      try writeAll(new, content)
      try synchronize(new)
    } catch {
      throw SubordinateIDError(.failed(file: newName(kind), error))
    }
  }

  private func discard(_ kind: SubordinateIDKind) {
    do throws(Errno) { try unlink(at: directory, newName(kind)) } catch {}
  }

  private func isPrepared(_ kind: SubordinateIDKind) -> Bool {
    do throws(Errno) { _ = try fileStatus(at: directory, newName(kind)) } catch { return error != .noEntry }
    return true
  }

  /// The old file becomes the backup, without ever missing in its place.
  private func exchange(_ kind: SubordinateIDKind) throws(Errno) {
    do throws(Errno) { try unlink(at: directory, backupName(kind)) } catch { if error != .noEntry { throw error } }
    do throws(Errno) { try link(at: directory, kind.fileName, backupName(kind)) } catch { if error != .noEntry { throw error } }
    try rename(newName(kind), in: directory, to: kind.fileName, in: directory)
  }

  private func undo(_ kind: SubordinateIDKind) {
    do throws(Errno) { try rename(backupName(kind), in: directory, to: kind.fileName, in: directory) } catch {
      // There was no file before.
      if error == .noEntry { do throws(Errno) { try unlink(at: directory, kind.fileName) } catch {} }
    }
  }
}

package struct SubordinateIDError: Error, Equatable {
  package let failure: SubordinateIDFailure

  package init(_ failure: SubordinateIDFailure) { self.failure = failure }
}
