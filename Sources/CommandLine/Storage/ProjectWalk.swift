import RootlessStorage

/// Gives what is older than the limit of a storage directory the directory's project: files and directories of the user, and, with root's
/// rights in reserve, of the user's subordinate ids.
///
/// The tree is the user's, who may change all of it meanwhile. So:
///
/// - nothing in it is touched with root's ids. A name is looked up as the owner of its directory, and what bears it is opened and set as
///   its own owner, if that is the user or one of the user's subordinate ids. Nobody else is acted as;
/// - every name is one in a directory that is open. What bears it is first opened as a place, which has no effect, and looked at: only
///   regular files and directories on the mount of the storage directory are then opened for reading, through that descriptor;
/// - what is in no project gets one, however many names it has. What is in the project of somebody else's is left, and what is in it too:
///   a file of another project could not be renamed there;
/// - a directory is set before what is in it: what is made in it meanwhile is counted;
/// - it ends at its deadline, and goes down so deep as it can hold directories open.
struct ProjectWalk {
  /// It may take so long.
  static let seconds: UInt32 = 1800
  /// Each level is a descriptor, of which a process has 1024.
  static let deepest = 256

  enum Refusal: Error {
    case notInPlace
    case notInProject(UInt32)
    case quota(QuotaError)
    case identity(IdentityError)
  }

  private(set) var count = ProjectCount()
  private let project: UInt32
  private let credentials: Credentials
  private let subordinates: [IDRange]
  private let isPlan: Bool
  private let isPrivileged: Bool
  private let end: Int64

  private struct Level {
    let reader: DirectoryReader
    let owner: UInt32
  }

  /// - Parameters:
  ///   - place: the storage directory, open as a place. The process has the user's ids.
  ///   - subordinates: of the user.
  ///   - isPlan: count, and change nothing.
  ///   - seconds: of the deadline, from now.
  init(
    _ place: borrowing FileDescriptor, _ account: Account, _ settings: Settings, _ subordinates: [IDRange], isPlan: Bool,
    isPrivileged: Bool, seconds: UInt32 = ProjectWalk.seconds - 10
  ) throws(Refusal) {
    guard let project = settings.quotas.general.project(of: account.uid) else { throw .quota(.noProject) }
    var mark = ProjectMark(project: 0, isInherited: false)
    var state = QuotaState.off
    do throws(Errno) {
      let directory = try open(at: place, [.dot], .directory)
      mark = try projectMark(of: directory)
      state = try quotaState(at: directory)
    } catch {
      throw .quota(error.isOfNoQuota ? .unsupported(error) : .failed(error))
    }
    switch state {
    case .off: throw .quota(.unsupported(nil))
    case .counted: throw .quota(.notEnforced)
    case .enforced: break
    }
    if mark.project != 0 && mark.project != project { throw .quota(.otherProject(mark.project)) }
    // What the repair before it would do is part of a plan.
    if !isPlan && mark != ProjectMark(project: project, isInherited: true) { throw .notInProject(project) }
    self.project = project
    credentials = account.credentials
    self.subordinates = subordinates
    self.isPlan = isPlan
    self.isPrivileged = isPrivileged
    end = monotonicMilliseconds() + Int64(seconds) * 1000
  }

  /// Sets all below it, and leaves the process with the user's ids.
  mutating func run(from place: borrowing FileDescriptor, _ identity: inout Identity) throws(Refusal) {
    do throws(IdentityError) {
      try walk(from: place, &identity)
      try become(credentials.user, &identity)
    } catch { throw .identity(error) }
  }

  private mutating func walk(from place: borrowing FileDescriptor, _ identity: inout Identity) throws(IdentityError) {
    var levels: [Level] = []
    let mount: FileStatus
    do throws(Errno) {
      let directory = try open(at: place, [.dot], .directory)
      mount = try fileStatus(of: directory)
      levels.append(Level(reader: DirectoryReader(directory), owner: credentials.user))
    } catch { return count.leave(.error) }
    while let level = levels.last {
      if monotonicMilliseconds() >= end {
        count.isComplete = false
        return
      }
      var entry: DirectoryEntry? = nil
      do throws(Errno) { entry = try level.reader.next() } catch { count.leave(.error) }
      guard let entry else {
        levels.removeLast()
        continue
      }
      if let below = try visit(entry.name, in: level, mount, depth: levels.count, &identity) { levels.append(below) }
    }
  }

  /// - Returns: the level to go on with, if it is a directory that may be gone into.
  private mutating func visit(
    _ name: [UInt8], in level: Level, _ mount: FileStatus, depth: Int, _ identity: inout Identity
  ) throws(IdentityError) -> Level? {
    try become(level.owner, &identity)
    let place: FileDescriptor
    do throws(Errno) { place = try open(at: level.reader.descriptor, name, .pathOnly) } catch {
      note(error)
      return nil
    }
    let seen: FileStatus
    do throws(Errno) { seen = try fileStatus(of: place) } catch {
      note(error)
      return nil
    }
    if let cause = obstacle(to: seen, mount, depth) {
      count.leave(cause)
      return nil
    }
    try become(seen.owner, &identity)
    do throws(Errno) {
      return try include(place, seen)
    } catch {
      note(error)
      return nil
    }
  }

  /// Why it is not opened.
  private func obstacle(to seen: FileStatus, _ mount: FileStatus, _ depth: Int) -> ProjectCount.Cause? {
    if !seen.isOnMount(of: mount) { return .mount }
    if seen.kind != .directory && seen.kind != .regular { return .special }
    switch ProjectWalk.standing(of: seen.owner, credentials.user, subordinates, isPrivileged: isPrivileged) {
    case .stranger: return .stranger
    case .subordinate: return .subordinate
    default: return seen.kind == .directory && depth >= ProjectWalk.deepest ? .deep : nil
    }
  }

  /// - Returns: nil if what belongs to this owner may be set.
  static func standing(
    of owner: UInt32, _ user: UInt32, _ subordinates: [IDRange], isPrivileged: Bool
  ) -> ProjectCount.Cause? {
    if owner == user { return nil }
    // Whatever the file of the ranges says.
    if owner == 0 || owner == UInt32.max { return .stranger }
    if !subordinates.contains(where: { $0.contains(owner) }) { return .stranger }
    return isPrivileged ? nil : .subordinate
  }

  /// What is to be done about the project that something has.
  enum Step: Equatable { case set, already, left }

  static func step(for mark: ProjectMark, isDirectory: Bool, _ project: UInt32) -> Step {
    if mark.project == project { return isDirectory && !mark.isInherited ? .set : .already }
    return mark.project == 0 ? .set : .left
  }

  /// The process has the ids of its owner.
  private mutating func include(_ place: borrowing FileDescriptor, _ seen: FileStatus) throws(Errno) -> Level? {
    let isDirectory = seen.kind == .directory
    let opened =
      isDirectory ? try open(at: place, [.dot], .directory) : try reopen(place)
    let now = try fileStatus(of: opened)
    guard now.isSameFile(as: seen), now.kind == seen.kind, now.owner == seen.owner else { throw .stale }
    switch ProjectWalk.step(for: try projectMark(of: opened), isDirectory: isDirectory, project) {
    case .left:
      count.leave(.project)
      return nil
    case .already: count.already += 1
    case .set:
      if !isPlan {
        if isDirectory { try setProject(of: opened, to: project) } else { try setProject(ofFile: opened, to: project) }
      }
      count.set += 1
    }
    return isDirectory ? Level(reader: DirectoryReader(opened), owner: seen.owner) : nil
  }

  private mutating func note(_ error: Errno) {
    switch error {
    // Gone since it was listed.
    case .noEntry: break
    case .accessDenied, .notPermitted: count.leave(.unreadable)
    case .quotaExceeded, .noSpace: count.leave(.limit)
    default: count.leave(.error)
    }
  }

  private func become(_ owner: UInt32, _ identity: inout Identity) throws(IdentityError) {
    if identity.credentials.user == owner { return }
    try identity.becomeRootAgain()
    identity = try Identity(
      for: Credentials(user: owner, group: credentials.group, groups: owner == credentials.user ? credentials.groups : []))
    try identity.becomeUser()
  }
}
