import RootlessStorage

extension UserFacts.Quota {
  /// Names in a directory that are looked at.
  private static let mostNames = 256
  /// Directories that are listed as left out.
  private static let mostLeft = 16

  /// - Parameters:
  ///   - place: the storage directory, open as a place. The process has the user's ids.
  ///   - parent: the directory that holds it, open as a place.
  init?(
    _ place: borrowing FileDescriptor, in parent: borrowing FileDescriptor, _ account: Account, _ settings: Settings,
    _ engineNames: [[UInt8]]
  ) {
    guard settings.quotas.isSet else { return nil }
    let limits = settings.quotas.limits(for: account)
    do throws(Errno) {
      let opened = try open(at: place, [.dot], .directory)
      directory = try DirectoryQuota(of: opened, in: parent)
      guard directory.state == .enforced else { return nil }
      let own = limits.project(of: account.uid).map { ProjectMark(project: $0, isInherited: true) }
      if !limits.isSet {
        // Of a group whose users have none: one that is left of another group's goes.
        if own == nil || directory.mark != own || directory.bytes == nil { return nil }
        return
      }
      guard let own else { return }
      let project = own.project
      for name in try names(in: opened, limit: Self.mostNames).sorted(by: isOrderedBefore) {
        guard let mark = projectMark(at: opened, name, of: account.uid) else { continue }
        let isEngines = engineNames.contains(name)
        if mark != own {
          let isRepairable = isEngines && (mark.project == 0 || mark.project == project)
          if isRepairable { engines.append(name) } else { leave(Path(name), mark, project) }
        }
        guard isEngines else { continue }
        let inner = try open(at: opened, name, .directory)
        for below in try names(in: inner, limit: Self.mostNames).sorted(by: isOrderedBefore) where left.count < Self.mostLeft {
          if let mark = projectMark(at: inner, below, of: account.uid), mark != own { leave(Path(name) / below, mark, project) }
        }
      }
    } catch { return nil }
  }

  private mutating func leave(_ path: Path, _ mark: ProjectMark, _ project: UInt32) {
    if mark.project == 0 || mark.project == project { canInclude = true }
    if left.count < Self.mostLeft { left.append(path) }
  }
}

/// In every text about it: nobody is to rely on it.
let quotaBoundary = "Such a limit guards against accidents, and is no boundary: the owner of a file may change its project."

extension UserDiagnosis {
  /// Bytes below which an engine meets the limit with its next write.
  private static let reached: UInt64 = 1 << 20

  private var limits: StorageQuota { settings.quotas.limits(for: facts.account) }

  /// Behind sentences that depend on it.
  private var doubt: String {
    func sentence(_ key: String, _ group: UInt32?) -> String {
      " The user is in more than \(HelperArguments.mostGroups) groups: whether one of the rest has a limit by \(key)_groups is not known, and \(group.map { "that of the group \($0)" } ?? key) holds."
    }
    let (quotas, limits, account) = (settings.quotas, limits, facts.account)
    return (quotas.bytesOfGroups.doubt(about: account) == nil ? "" : sentence("storage_quota", limits.bytesGroup))
      + (quotas.inodesOfGroups.doubt(about: account) == nil ? "" : sentence("storage_quota_inodes", limits.inodesGroup))
  }

  /// The setting that a limit comes from.
  private func setting(_ key: String, _ group: UInt32?, _ value: String) -> String {
    group.map { "\(key)_groups has \(value) for the group \($0)" } ?? "\(key) is \(value)"
  }

  func judgeQuota(_ storage: UserFacts.Storage) {
    guard let quota = storage.quota else { return }
    let path = shown(storage.path)
    guard let project = limits.project(of: facts.account.uid) else {
      return add(
        .quotaMissing, .warning,
        "The storage directory \(path) has no limit: storage_quota_project_base and the uid add up to more than 4294967294, which is no project. \(quotaBoundary)",
        "lower storage_quota_project_base in /etc/rootless-storage/rootless-storage.conf")
    }
    let mark = quota.directory.mark
    if mark.project != 0 && mark.project != project {
      return add(
        .quotaMissing, .warning,
        "The storage directory \(path) is in the project \(mark.project), which is not that of these settings (\(project)), and is left there. \(quotaBoundary)",
        run(asUser("chattr -p 0 \(shellWord(storage.path))"), note: "if nobody needs that project; then: \(repairCommand)"))
    }
    if let what = missing(quota, project) {
      let sentence = "The storage directory \(path) \(what).\(doubt) \(quotaBoundary)"
      if let failure = storage.quotaFailure {
        add(
          .quotaMissing, .warning, "\(sentence) It could not be set: \(text(Wording.quota(failure))).", "fix that, then: \(repairCommand)")
      } else {
        addForRoot(.quotaMissing, .warning, sentence, repairedBy: .setQuota(engines: quota.engines))
      }
    }
    judgeUse(quota.directory, path)
    if !quota.left.isEmpty {
      let places = list(quota.left.prefix(4).map { shown($0) }) + (quota.left.count > 4 ? " and more" : "")
      add(
        .quotaLeft, .note,
        "In the storage directory \(path), \(places) \(quota.left.count == 1 ? "is" : "are") not in its project (\(project)), and not counted. \(quotaBoundary)",
        quota.canInclude
          ? run(recursiveRepairCommand, note: "or leave it: what is made anew counts")
          : "find out who needs the projects that they are in, which repair leaves alone; if nobody does, their owner gives them none with chattr -p 0, and then: \(recursiveRepairCommand)"
      )
    }
  }

  private func missing(_ quota: UserFacts.Quota, _ project: UInt32) -> String? {
    let directory = quota.directory
    if directory.mark != ProjectMark(project: project, isInherited: true) {
      return "has no limit: it is not in the project \(project), or does not hand it on"
    }
    let wanted = limits
    // Both are whole blocks of the file system.
    let bytes = wanted.blocks << 10
    if !isAsSet(directory.bytes?.limit, bytes, of: directory.size, within: 1 << 16) {
      return
        "has \(directory.bytes.map { "a limit of \(shownSize($0.limit))" } ?? "no limit in bytes"), and \(setting("storage_quota", wanted.bytesGroup, bytes == 0 ? "0" : shownSize(bytes)))"
    }
    // Where the settings limit no files, XFS has a number that comes and goes.
    if wanted.inodes != 0 && !isAsSet(directory.inodes?.limit, UInt64(wanted.inodes), of: directory.files, within: 1) {
      return
        "has \(directory.inodes.map { "a limit of \($0.limit) files" } ?? "no limit in files"), and \(setting("storage_quota_inodes", wanted.inodesGroup, String(wanted.inodes)))"
    }
    if !quota.engines.isEmpty {
      return "has a limit, but \(list(quota.engines.map { shown($0) })) in it \(quota.engines.count == 1 ? "is" : "are") not counted"
    }
    return nil
  }

  private func isAsSet(_ limit: UInt64?, _ wanted: UInt64, of whole: UInt64, within unit: UInt64) -> Bool {
    guard let limit else { return wanted == 0 || wanted >= whole }
    return (limit < wanted ? wanted - limit : limit - wanted) < unit
  }

  private func judgeUse(_ directory: DirectoryQuota, _ path: String) {
    let isFull = directory.bytes.map { $0.free < Self.reached } ?? false
    let limits = limits
    let hasNoFiles = limits.inodes != 0 && (directory.inodes.map { $0.free == 0 } ?? false)
    guard isFull || hasNoFiles, let limit = StorageLimit(directory, limits) else { return }
    let raised =
      isFull
      ? "storage_quota\(limits.bytesGroup == nil ? "" : "_groups")" : "storage_quota_inodes\(limits.inodesGroup == nil ? "" : "_groups")"
    add(
      .quotaReached, .error,
      "The storage of \(name) at \(path) has reached its limit: \(limit.shown). Podman then reports \"disk quota exceeded\", on XFS \"no space left on device\".\(doubt) \(quotaBoundary)",
      inSession(
        "podman system df; docker system df",
        note: "remove what is not needed; or raise \(raised), and then: sudo rootless-storage repair \(quotedName)"))
  }
}
