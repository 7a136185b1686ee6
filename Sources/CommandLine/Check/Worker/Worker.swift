import RootlessStorage

/// One user, looked at, judged, and perhaps repaired, in a process of its own. Its order is a login's (SessionHelper.swift), but for the
/// settings and the skeleton, which were read before: as the user the home, the storage directory; and then, for good as the user, what is
/// in the home.
final class Examination {
  private let request: UserRequest
  private let shared: SharedFacts
  private let account: Account
  private var settings: Settings
  private var facts: UserFacts
  private var actions: [UserReport.Action] = []
  /// Why the limit of the storage directory could not be set.
  private var quotaFailure: QuotaError?
  /// What failed last failed for want of space or quota.
  private var failedFull = false

  init(_ request: UserRequest, _ shared: SharedFacts) {
    self.request = request
    self.shared = shared
    settings = (try? shared.settings.get()) ?? Settings()
    account = Account(
      credentials: Credentials(user: request.uid, group: request.gid, groups: request.groups), name: request.name, home: request.home,
      groupsLeftOut: request.groupsLeftOut)
    facts = UserFacts(account: account, home: .missing)
    facts.environment = request.environment
    facts.podmanGeneration = request.engines.podman
    facts.dockerGeneration = request.engines.docker
  }

  private var isRepairing: Bool { request.task == .repair }
  private var program: UserProgram { UserProgram(as: account, isCaller: request.environment != nil, whileAsked: true) }

  func run() -> UserReport {
    if let cause = prepareProcess(endingAfter: min(request.timeout, 3600 + max(PodmanMigration.seconds, ProjectWalk.seconds)) + 1) {
      return failure("the process cannot be prepared: \(text(cause))")
    }
    let caller = effectiveIDs()
    // For root's look into a home: what has the user's ids possesses no key of root's. Where it cannot be, that is not the last line: the
    // process cannot be traced by the user, and runs nothing of theirs.
    if caller.user == 0 { leaveSessionKeyring() }
    if caller.user != 0 && caller.user != account.uid { return failure("only root may look into another user's home; run it with sudo") }
    do throws(IdentityError) {
      var identity = try Identity(for: account.credentials)
      return try run(&identity)
    } catch {
      return failure("the identity of the user cannot be taken: \(error.cause.map { text($0) } ?? "it had no effect")")
    }
  }

  private func run(_ identity: inout Identity) throws(IdentityError) -> UserReport {
    if case .failure = shared.settings { return failure("the settings are refused, see the findings of this host") }
    if Planner.ineligibility(of: account, settings) != nil {
      return report(UserDiagnosis(facts, settings, isPrivileged: identity.isPrivileged))
    }

    // Root's rights are kept for nothing but the repair of the storage directory, and to act as the user's subordinate ids in it.
    let keepsRights = isRepairing || request.task.isInclusion
    if keepsRights { try identity.becomeUser() } else { try identity.dropForGood() }
    let mounts = MountTable(blockDeviceIsLocal: false)
    let home = HomeObserver(account, mounts)
    facts.home = home.observation
    switch Planner.earlyResult(from: home.observation, settings) {
    case nil: facts.isNetworkHome = true
    case .homeLocal?: break
    default: return report(UserDiagnosis(facts, settings, isPrivileged: identity.isPrivileged))
    }
    if facts.isNetworkHome {
      guard let leaf = settings.storage.leaf(for: account) else {
        return report(UserDiagnosis(facts, settings, isPrivileged: identity.isPrivileged))
      }
      do throws(PathError) { facts.skeleton = try shared.skeleton.get() } catch {
        return failure("the skeleton is refused, see the findings of this host")
      }
      facts.files = home.files(facts.skeleton, settings, mounts, findingAllLeftovers: true)
      facts.home = home.observation(after: facts.files, of: account, mounts)
      try repairStorage(leaf, mounts, EngineDirectories(skeleton: facts.skeleton), &identity)
    }
    let isPrivileged = identity.isPrivileged
    if keepsRights { try identity.dropForGood() }
    if case .withoutTicket = facts.home {
      let diagnosis = UserDiagnosis(facts, settings, isPrivileged: isPrivileged)
      if request.task == .plan { actions = planned(diagnosis) }
      return report(diagnosis)
    }
    return inHome(home, mounts, isPrivileged)
  }

  /// What `run` does once the process is the user, so that it has been done before (`ExaminerService`).
  func rehearse(
    _ place: borrowing StorageObserver, _ home: borrowing HomeObserver, _ skeleton: [SkeletonFile], _ settings: Settings,
    _ mounts: MountTable
  ) {
    self.settings = settings
    facts.home = .on(.named(Array("nfs4".utf8)))
    facts.isNetworkHome = true
    facts.skeleton = skeleton
    facts.files = home.files(skeleton, settings, mounts, findingAllLeftovers: true)
    facts.storage = storage(place.path, place, mounts)
    _ = report(UserDiagnosis(facts, settings, isPrivileged: true))
    switch home.descriptor {
    case .none: return
    case .some(let root):
      UserExaminer(account: account, settings: settings, mounts: mounts, shared: shared, state: .none).rehearse(root, &facts)
      _ = report(UserDiagnosis(facts, settings, isPrivileged: true)).message
    }
  }

  // MARK: The storage directory

  /// Looks at it and, if that is the task, repairs and looks again, until nothing is left to repair or something has failed.
  private func repairStorage(
    _ leaf: [UInt8], _ mounts: MountTable, _ engines: EngineDirectories, _ identity: inout Identity
  ) throws(IdentityError) {
    let path = settings.storage.parent / leaf
    while true {
      let place = StorageObserver(account, settings, leaf: leaf, mounts, engines)
      facts.storage = storage(path, place, mounts)
      if request.task.isInclusion && actions.isEmpty && settings.quotas.limits(for: account).isSet {
        actions.append(try include(place, &identity))
        // What is left then is looked at anew.
        continue
      }
      guard isRepairing else { return }
      let diagnosis = UserDiagnosis(facts, settings, isPrivileged: identity.isPrivileged)
      // One at a time: what the next one finds is what this one has left.
      guard let action = diagnosis.actions.first(where: \.isStorage), actions.count < 8 else { return }
      if !perform(action, place, path, &identity) {
        // Without a limit the storage is no less fit.
        if case .setQuota = action, quotaFailure != nil { continue }
        facts.storage?.repairFailed = true
        return
      }
    }
  }

  /// Gives older content of the storage directory its project.
  private func include(_ place: borrowing StorageObserver, _ identity: inout Identity) throws(IdentityError) -> UserReport.Action {
    let isPlan = request.task == .includePlan
    var done = UserReport.Action(action: RepairWording.inclusion(in: place.path), outcome: .done)
    var walk: ProjectWalk? = nil
    do throws(ProjectWalk.Refusal) {
      switch place.found {
      case .none: throw .notInPlace
      case .some(let found):
        guard case .inPlace = place.observation.state else { throw .notInPlace }
        let ranges = UserExaminer.subordinateUsers(of: account)
        var begun = try ProjectWalk(found, account, settings, ranges, isPlan: isPlan, isPrivileged: identity.isPrivileged)
        try begun.run(from: found, &identity)
        walk = begun
      }
    } catch {
      switch error {
      case .identity(let cause): throw cause
      case .notInPlace: done.cause = "it is not in place, see what else is left to you"
      case .notInProject(let project):
        let next =
          identity.isPrivileged
          ? "see what else is left to you"
          : "only root can begin: sudo rootless-storage repair --recursive \(shellWord(account.name))"
        done.cause = "it is not in the project \(project) yet; \(next)"
      case .quota(let failure): done.cause = text(Wording.quota(failure))
      }
      done.outcome = .failed
      return done
    }
    guard let count = walk?.count else { return done }
    done.counts = count
    done.cause = count.trouble
    if done.cause != nil { done.outcome = .failed } else if isPlan && count.set > 0 { done.outcome = .planned }
    return done
  }

  private func perform(
    _ action: RepairAction, _ place: borrowing StorageObserver, _ path: Path, _ identity: inout Identity
  ) -> Bool {
    var done = UserReport.Action(action: wording(path).text(of: action), outcome: .done)
    do throws(StorageRepairer.Failure) {
      let repairer = StorageRepairer(account: account, settings: settings, timeout: Int64(request.timeout) * 500)
      if let backup = try repairer.perform(action, at: place, &identity) { done.backup = shown(backup) }
    } catch {
      done.outcome = .failed
      done.cause = cause(of: error)
      if case .quota(let failure) = error { quotaFailure = failure }
    }
    actions.append(done)
    return done.outcome == .done
  }

  private func storage(_ path: Path, _ place: borrowing StorageObserver, _ mounts: MountTable) -> UserFacts.Storage {
    var storage = UserFacts.Storage(path: path, observation: place.observation)
    storage.hasLabels = shared.hasSecurityLabels
    storage.quotaFailure = quotaFailure
    storage.changed = place.changed
    // A way that is not to be trusted is not looked at further.
    if case .way = place.observation.state { return storage }
    switch place.parent {
    case .none: return storage
    case .some(let parent):
      switch place.found {
      // Where it would be.
      case .none:
        storage.volume = volume(parent, mounts)
        storage.canBeMade = canMakeFiles(in: parent)
      case .some(let found):
        storage.isMountPoint = !areInOneMount(found, parent)
        switch place.observation.state {
        case .inPlace, .writableByOthers:
          storage.volume = volume(found, mounts)
          if storage.hasLabels { storage.label = label(found) }
          storage.quota = UserFacts.Quota(found, in: parent, account, settings, EngineDirectories(skeleton: facts.skeleton).names)
          // It matters where others can read or write.
          if case .inPlace(let mode) = place.observation.state, mode & 0o066 == 0 { break }
          storage.holdsOther = holdsOther(found)
        // After a repair it is where its parent is.
        case .occupied: storage.volume = volume(parent, mounts)
        default: break
        }
      }
    }
    return storage
  }

  /// Whether more than directories of engines lies in it. Unknown of a directory that its owner may not read.
  private func holdsOther(_ found: borrowing FileDescriptor) -> Bool {
    let engines = EngineDirectories(skeleton: facts.skeleton).names
    do throws(Errno) {
      return try names(in: try open(at: found, [.dot], .directory), limit: 256).contains { name in !engines.contains(name) }
    } catch { return false }
  }

  private func areInOneMount(_ first: borrowing FileDescriptor, _ second: borrowing FileDescriptor) -> Bool {
    do throws(Errno) { return try fileStatus(of: first).isOnMount(of: fileStatus(of: second)) } catch { return false }
  }

  private func volume(_ place: borrowing FileDescriptor, _ mounts: MountTable) -> Volume? {
    do throws(Errno) { return try Volume(of: place, mounts.fileSystem(of: fileStatus(of: place)), settings) } catch { return nil }
  }

  private func label(_ place: borrowing FileDescriptor) -> String? {
    do throws(Errno) { return securityType(of: try open(at: place, [.dot], .directory)) } catch { return nil }
  }

  // MARK: The home

  /// The process is the user for good.
  private func inHome(_ place: borrowing HomeObserver, _ mounts: MountTable, _ isPrivileged: Bool) -> UserReport {
    switch place.descriptor {
    case .none: return failure("the home was lost while it was looked at; try again")
    case .some(let home):
      let examiner = UserExaminer(account: account, settings: settings, mounts: mounts, shared: shared, state: .init(uid: account.uid))
      facts.canRunPrograms = program.isPossible(isPrivileged: isPrivileged, hasClient: shared.hasManagerClient)
      examiner.examine(home, &facts)
      facts.overlayRecords = overlayRecords(place)
      var diagnosis = UserDiagnosis(facts, settings, isPrivileged: isPrivileged)
      switch request.task {
      case .check, .verify, .include, .includePlan: break
      case .plan: actions = planned(diagnosis)
      case .repair, .migrate:
        for action in diagnosis.actions where !action.isStorage && action.isMigration == (request.task == .migrate) {
          let done = perform(action, place, home)
          // The finding that stays has the cause: else check would only name this repair again.
          if done.outcome == .failed, let path = UserDiagnosis.file(of: action) {
            facts.writeFailures.append(WriteFailure(path: path, cause: done.cause ?? "for an unknown reason", isFull: failedFull))
          }
          actions.append(done)
        }
        facts.files = place.files(facts.skeleton, settings, mounts, findingAllLeftovers: true)
        examiner.examine(home, &facts)
        facts.overlayRecords = overlayRecords(place)
        diagnosis = UserDiagnosis(facts, settings, isPrivileged: isPrivileged)
      }
      return report(diagnosis)
    }
  }

  private func planned(_ diagnosis: UserDiagnosis) -> [UserReport.Action] {
    diagnosis.actions.map { UserReport.Action(action: wording(facts.storage?.path ?? "").text(of: $0), outcome: .planned) }
  }

  private func overlayRecords(_ home: borrowing HomeObserver) -> [UserFacts.OverlayRecord] {
    guard facts.isNetworkHome else { return [] }
    let configured = max(home.storageConfChanged, facts.storage?.changed ?? 0)
    var found: [UserFacts.OverlayRecord] = []
    OverlayCache(uid: account.uid, MountTable(blockDeviceIsLocal: false)).forEach { record in
      found.append(.init(path: record.path, isOutdated: record.changed <= configured))
    }
    return found
  }

  private func perform(_ action: RepairAction, _ place: borrowing HomeObserver, _ home: borrowing FileDescriptor)
    -> UserReport.Action
  {
    failedFull = false
    var done = UserReport.Action(action: wording(facts.storage?.path ?? "").text(of: action), outcome: .done)
    do throws(HomeRepairer.Failure) {
      switch action {
      case .login(let step):
        var executor = Executor(account, settings, deadline: 0)
        executor.completeHome(Plan(actions: [step]), at: place)
        if let problem = executor.events.first(where: { $0.severity.rawValue <= Severity.warning.rawValue }) {
          done.outcome = .failed
          done.cause = sentence(problem)
          if case .fileFailed(_, let cause) = problem { failedFull = cause == .noSpace || cause == .quotaExceeded }
        }
      case .editStorageConf(let changes):
        guard let conf = facts.storageConf, let text = conf.text else { throw .changedMeanwhile }
        done.backup = try replace(UserExaminer.storageConf, conf.file, with: edited(text, changes), home)
      case .editDaemonJson(let changes):
        guard let daemon = facts.daemonJson, let text = daemon.text else { throw .changedMeanwhile }
        done.backup = try replace(UserExaminer.daemonJson, daemon.file, with: edited(text, changes), home)
      case .replaceFile(let file):
        let current = file.path == UserExaminer.storageConf ? facts.storageConf?.file : facts.daemonJson?.file
        done.backup = try replace(file.path, current ?? .absent, with: file.content, home)
      case .migrate(let podman):
        // Root's own process asks a manager for it instead (WorkerPool.swift).
        if let cause = PodmanMigration(program, podman).perform() {
          done.outcome = .failed
          done.cause = cause
        }
      case .removeOverlayRecords(let paths):
        let problems = removeOverlayRecords(paths)
        if !problems.isEmpty {
          done.outcome = .failed
          done.cause = problems.map { sentence($0) }.joined(separator: "; ")
        }
      case .detachMount, .setStorageMode, .setQuota: break
      }
    } catch {
      done.outcome = .failed
      done.cause = cause(of: error)
      if case .failed(let cause) = error { failedFull = cause == .noSpace || cause == .quotaExceeded }
    }
    return done
  }

  /// Those that were named, and no other: a newer one in another place is of the storage as it is.
  private func removeOverlayRecords(_ paths: [Path]) -> [Event] {
    var problems: [Event] = []
    OverlayCache(uid: account.uid, MountTable(blockDeviceIsLocal: false)).forEach { record in
      guard paths.contains(record.path) else { return }
      do throws(Errno) { try record.remove() } catch {
        // A login of the same user was faster.
        if error != .noEntry { problems.append(.overlayRecordStays(record.path, error)) }
      }
    }
    return problems
  }

  private func replace(
    _ path: Path, _ file: ConfigFile, with content: [UInt8], _ home: borrowing FileDescriptor
  ) throws(HomeRepairer.Failure) -> String {
    guard case .content(let original) = file else { throw .changedMeanwhile }
    // Nothing would be changed: something else is wrong than was thought.
    if original.bytes == content { throw .notUnderstood }
    let backup = try HomeRepairer().replace(path, original, with: content, mode: original.mode, at: home)
    return "~/\(shown(path.parent / backup))"
  }

  private func edited(_ text: TOMLText, _ changes: [KeyChange]) throws(HomeRepairer.Failure) -> [UInt8] {
    do throws(EditError) { return try text.applying(changes).bytes } catch { throw .notUnderstood }
  }

  private func edited(_ text: JSONText, _ changes: [KeyChange]) throws(HomeRepairer.Failure) -> [UInt8] {
    do throws(EditError) { return try text.applying(changes).bytes } catch { throw .notUnderstood }
  }

  // MARK: Words

  private func wording(_ storage: Path) -> RepairWording { RepairWording(account: account, storage: storage) }

  /// What a login would log.
  private func sentence(_ event: Event) -> String {
    var wording = Wording(account)
    wording.storage = facts.storage?.path ?? ""
    return String(decoding: wording.sentence(event).bytes, as: UTF8.self)
  }

  private func cause(of failure: StorageRepairer.Failure) -> String {
    switch failure {
    case .events(let events): events.map { sentence($0) }.joined(separator: "; ")
    case .failed(let cause): "\(text(cause)); check the disk that holds it, and repair again"
    case .tooManyLayers: "more than 16 mounts lie on each other there, and some are left; repair again"
    case .changedMeanwhile: "it was changed while it was being repaired, and left as it is; repair again"
    case .quota(let failure): text(Wording.quota(failure))
    }
  }

  private func cause(of failure: HomeRepairer.Failure) -> String {
    switch failure {
    case .changedMeanwhile: "it was changed while it was being repaired, and left as it is; repair again"
    case .failed(let cause): "\(text(cause)); check the home, and repair again"
    case .notUnderstood: "this cannot be changed in it without touching something else; edit it by hand"
    }
  }

  private func failure(_ cause: String) -> UserReport { UserReport(name: shown(account.name), uid: account.uid, failure: cause) }

  private func report(_ diagnosis: UserDiagnosis) -> UserReport {
    var report = UserReport(name: shown(account.name), uid: account.uid)
    var type: String? = nil
    switch facts.home {
    case .on(.named(let name)): type = shown(name)
    case .withoutTicket(let mount, _): type = shown(mount.type)
    default: break
    }
    report.isServed = Planner.ineligibility(of: account, settings) == nil
    if report.isServed { report.home = UserReport.Home(path: shown(account.home), fileSystem: type, isNetwork: facts.isNetworkHome) }
    if let storage = facts.storage {
      var isInPlace = false
      if case .inPlace = storage.observation.state { isInPlace = true }
      report.storage = UserReport.Storage(path: shown(storage.path), isInPlace: isInPlace)
    }
    report.graphroot = diagnosis.graphroot.map { shown($0) }
    if SubordinateIDReaders.ignoresChownErrors(facts.storageConf?.text) { report.ignoresChownErrors = true }
    report.dataRoot = diagnosis.dataRoot.map { shown($0) }
    report.findings = diagnosis.findings
    switch request.task {
    case .check: break
    case .verify:
      report.hasSession = facts.canRunPrograms && isOwnDirectory(Path("/run/user/\(account.uid)"), of: account.uid)
      report.expected = diagnosis.expectedEngines
      report.volumes = facts.localVolumes.reduce(0) { $0 + $1.names.count }
    case .plan, .repair, .migrate, .include, .includePlan: report.actions = actions
    }
    return report
  }
}
