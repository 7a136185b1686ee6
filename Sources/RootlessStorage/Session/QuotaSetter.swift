/// Limits what a storage directory may hold, with a project quota: files of subordinate ids count too.
///
/// It guards against accidents, and is no boundary: the owner of a file may change its project. Projects of others are never touched.
package struct QuotaSetter {
  /// A file may have so many bytes.
  private static let largestFile = 1 << 20

  private let uid: UInt32
  /// The user's.
  private let quota: StorageQuota
  /// Everybody's.
  private let quotas: StorageQuotas
  private let mounts: MountTable

  package init(_ account: Account, _ settings: Settings, _ mounts: MountTable) {
    uid = account.uid
    quotas = settings.quotas
    quota = quotas.limits(for: account)
    self.mounts = mounts
  }

  /// The user, whose directory it is, gives it the project, and root sets the limit, in this order: whatever ends it half-way, the next
  /// time completes it. A limit of a project in which nothing is yet could be somebody else's, as soon as the settings name another one.
  /// The process looks as the user, with root's rights in reserve, before and after.
  ///
  /// - Parameters:
  ///   - place: the storage directory, open as a place.
  ///   - parent: the directory that holds it, open as a place.
  ///   - names: directories in it that get the project too, if they are there and the user's.
  /// - Returns: why it could not be done.
  package func set(
    on place: borrowing FileDescriptor, in parent: borrowing FileDescriptor, with names: [[UInt8]] = [], _ identity: inout Identity
  ) throws(IdentityError) -> QuotaError? {
    guard let project = quota.project(of: uid) else { return .noProject }
    let directory: FileDescriptor
    do throws(Errno) { directory = try open(at: place, [.dot], .directory) } catch { return QuotaSetter.failure(error) }
    return try set(project, of: directory, in: parent, with: names, &identity)
  }

  private func set(
    _ project: UInt32, of directory: borrowing FileDescriptor, in parent: borrowing FileDescriptor, with names: [[UInt8]],
    _ identity: inout Identity
  ) throws(IdentityError) -> QuotaError? {
    let mark: ProjectMark
    do throws(Errno) { mark = try projectMark(of: directory) } catch { return QuotaSetter.failure(error) }
    try identity.becomeRootAgain()
    var failure = refusal(project, mark, directory, parent)
    try identity.becomeUser()
    if let failure { return failure }
    do throws(Errno) { if !mark.isInherited || mark.project != project { try setProject(of: directory, to: project) } } catch {
      return QuotaSetter.failure(error)
    }
    try identity.becomeRootAgain()
    failure = limit(project, directory)
    try identity.becomeUser()
    if let failure { return failure }
    do throws(Errno) { for name in names { try include(name, in: directory, project) } } catch { return QuotaSetter.failure(error) }
    return nil
  }

  /// As root: why the project or the directory is left alone.
  private func refusal(_ project: UInt32, _ mark: ProjectMark, _ directory: borrowing FileDescriptor, _ parent: borrowing FileDescriptor)
    -> QuotaError?
  {
    do throws(Errno) {
      switch try quotaState(at: directory) {
      case .off: return .unsupported(nil)
      case .counted: return .notEnforced
      case .enforced: break
      }
      let above = try projectMark(of: try open(at: parent, [.dot], .directory))
      if above.project != 0 || above.isInherited { return .parentProject(above.project) }
      if mark.project != 0 && mark.project != project { return .otherProject(mark.project) }
      if let failure = naming(project) { return failure }
      if mark.project == project { return nil }
      return quotas.mayUse(try projectQuota(of: project, at: directory)) ? nil : .taken(project)
    } catch {
      return QuotaSetter.failure(error)
    }
  }

  /// As root.
  private func limit(_ project: UInt32, _ directory: borrowing FileDescriptor) -> QuotaError? {
    do throws(Errno) {
      if quota.isLimit(of: try projectQuota(of: project, at: directory)) { return nil }
      try setLimits(of: project, at: directory, blocks: quota.blocks, inodes: UInt64(quota.inodes))
      return nil
    } catch {
      return QuotaSetter.failure(error)
    }
  }

  private func naming(_ project: UInt32) -> QuotaError? {
    do throws(PathError) {
      let projid = try content("/etc/projid")
      let projects = try content("/etc/projects")
      return StorageQuota.isNamed(project, projid: projid, projects: projects) ? .named(project) : nil
    } catch {
      return .unreadable(error)
    }
  }

  /// - Returns: nothing where there is no such file.
  private func content(_ path: Path) throws(PathError) -> [UInt8] {
    var reason = PathError.Reason.tooLarge
    do throws(PathError) {
      let file = try walk(toFile: path, .trusted, mounts)
      do throws(Errno) {
        let content = try file.content(limit: QuotaSetter.largestFile)
        if content.count <= QuotaSetter.largestFile { return content }
      } catch { reason = .failed(error) }
    } catch {
      if error.reason == .missing { return [] }
      throw error
    }
    throw PathError(path: path, reason: reason)
  }

  private func include(_ name: [UInt8], in directory: borrowing FileDescriptor, _ project: UInt32) throws(Errno) {
    guard let inner = try ownDirectory(at: directory, name, of: uid) else { return }
    let mark = try projectMark(of: inner)
    if mark.project == 0 || mark.project == project && !mark.isInherited { try setProject(of: inner, to: project) }
  }

  private static func failure(_ error: Errno) -> QuotaError { error.isOfNoQuota ? .unsupported(error) : .failed(error) }
}
