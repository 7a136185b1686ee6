/// The judgement: from what was seen to what is to be done. Pure; the table in pam_rootless_storage(8) row by row.
public struct Planner {
  private let account: Account
  private let settings: Settings
  private let skeleton: [SkeletonFile]
  /// The storage directory.
  private let storage: Path
  private let isPrivileged: Bool

  /// - Parameters:
  ///   - storage: the path that `settings` give for this account.
  ///   - isPrivileged: whoever executes the plan has root's rights in reserve.
  public init(account: Account, settings: Settings, skeleton: [SkeletonFile], storage: Path, isPrivileged: Bool) {
    self.account = account
    self.isPrivileged = isPrivileged
    self.settings = settings
    self.skeleton = skeleton
    self.storage = storage
  }

  /// What to say of an account whose sessions are not this project's business; nil if they are.
  public static func ineligibility(of account: Account, _ settings: Settings) -> Event? {
    if Account.isReserved(uid: account.uid) || Account.isReserved(gid: account.credentials.group) { return .idReserved }
    if !settings.serves(uid: account.uid) { return .uidOutOfRange }
    if let reason = settings.exclusions.reason(for: account) { return .excluded(reason) }
    return settings.exclusions.uncertainty(about: account).map { .exclusionUnknown($0) }
  }

  /// What to say when the home ends the matter; nil for a home on a network file system.
  public static func earlyResult(from home: HomeObservation, _ settings: Settings) -> Event? {
    switch home {
    case .on(.blockDevice): .homeLocal(type: nil)
    // An automount that did not happen, however the kernel says so.
    case .on(.named(let type)) where type.elementsEqual("autofs".utf8): .homeUnusable(.missing)
    case .on(.named(let type)): settings.isNetwork(type) ? nil : .homeLocal(type: type)
    // The storage directory needs no home; and without it, the next login's engines would use whatever is in its place.
    case .withoutTicket(let mount, let cause): settings.isNetwork(mount.type) ? nil : .homeUnusable(.denied(cause))
    case let problem: .homeUnusable(problem)
    }
  }

  public func plan(for seen: Observation) -> Plan {
    if let earlyResult = Planner.earlyResult(from: seen.home, settings) { return Plan(events: [earlyResult]) }
    var plan = Plan()
    let isReached = if case .on = seen.home { true } else { false }
    if !isReached { plan.events.append(.homeUnusable(seen.home)) }
    guard let storage = seen.storage, prepareStorage(storage, &plan), isReached else { return plan }
    for (file, seen) in zip(skeleton, seen.files) { complete(file, seen, &plan) }
    if plan.actions.isEmpty && plan.events.isEmpty { plan.events.append(.allInPlace) }
    return plan
  }

  /// - Returns: whether the storage directory will be fit to point at.
  private func prepareStorage(_ seen: StorageObservation, _ plan: inout Plan) -> Bool {
    switch seen.state {
    case .inPlace:
      return true
    case .absent:
      plan.actions.append(.createStorageDirectory(mode: settings.directoryMode))
      return true
    case .writableByOthers(let mode, .own):
      plan.actions.append(.restrictStorageDirectory(from: mode, to: mode & ~0o022))
      return true
    case .writableByOthers(let mode, .ownAndOther):
      // Others may be meant to write to what else lies there.
      plan.events.append(.storageOpen(mode: mode))
      return true
    case .occupied(let kind, let owner) where mayTake(seen):
      plan.actions.append(.takePlace(from: kind, owner: owner))
      return true
    case .writableByOthers, .occupied, .onNetwork, .userMount, .way, .failed:
      plan.events.append(.storageRefused(seen))
      return false
    }
  }

  private func mayTake(_ seen: StorageObservation) -> Bool {
    isPrivileged && settings.occupied == .take && seen.mayBeTaken(from: account)
  }

  /// For a former place of storage directories, to which homes may still point: nobody else's may be there. None is made.
  ///
  /// - Parameter mayBeAnothers: by the settings the place may be the storage directory of somebody else, as where names of users are
  ///   uids of others: it is never taken from them.
  public func planGuard(for seen: StorageObservation, mayBeAnothers: Bool) -> Plan {
    switch seen.state {
    case .absent, .inPlace: return Plan()
    case .writableByOthers(let mode, .own): return Plan(actions: [.restrictStorageDirectory(from: mode, to: mode & ~0o022)])
    case .writableByOthers(let mode, .ownAndOther): return Plan(events: [.storageOpen(mode: mode)])
    // Nothing can be there, or only root has a say in what is.
    case .way(let problem) where problem.reason == .missing || !seen.isAnothers(than: account.uid): return Plan()
    case .onNetwork, .failed(.accessDenied): return Plan()
    case .occupied(let kind, let owner) where mayTake(seen) && !mayBeAnothers: return Plan(actions: [.takePlace(from: kind, owner: owner)])
    case .writableByOthers, .occupied, .userMount, .way, .failed: return Plan(events: [.storageRefused(seen)])
    }
  }

  private func complete(_ file: SkeletonFile, _ seen: FileObservation, _ plan: inout Plan) {
    for name in seen.leftovers {
      let action = Plan.Action.removeLeftover(directory: file.path.parent, name: name)
      // Two files of one directory see the same.
      if !plan.actions.contains(action) { plan.actions.append(action) }
    }
    switch seen.state {
    case .present:
      return
    case .storeMoved(let store):
      plan.events.append(.storeMoved(file: file.path, store: store))
    case .storeUnknown(let store, let cause):
      plan.events.append(.storeUnknown(file: file.path, store: store, cause))
    case .blocked(let cause):
      plan.events.append(.fileBlocked(file: file.path, cause))
    case .failed(let cause):
      plan.events.append(.fileFailed(file: file.path, cause))
    case .absent:
      guard let content = file.rendered(for: account, storage: storage) else {
        plan.events.append(.nameUnfitForFile(file: file.path))
        return
      }
      plan.actions.append(.createFile(Plan.NewFile(file, content: content)))
    }
  }
}
