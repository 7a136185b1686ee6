internal import RootlessStorageEmbedded

/// The session helper: looks, plans, acts, for one user and one session.
///
/// Its report goes to standard output. Exit status: 0, nothing to do or done; 1, refused or failed, the report says what; 2, the
/// arguments are wrong.
@c(SessionHelper_main)
public func sessionHelper(_ count: CInt, _ vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
  let arguments: HelperArguments
  do throws(UsageError) {
    arguments = try HelperArguments(unsafe RootlessStorageEmbedded.arguments(count, vector))
  } catch {
    var report = ReportWriter()
    report.add(.usage(error), Wording())
    writeToStandardOutput(report.drainWithEnd())
    return 2
  }
  var run = Run(arguments)
  run.session()
  return run.finish()
}

/// One run: what a login does, in its order.
private struct Run: ~Copyable {
  private let arguments: HelperArguments
  private let account: Account
  private var report = ReportWriter()
  private var wording: Wording
  /// Nothing of the report has been lost so far.
  private var isReportDelivered = true
  /// What the log has of this user already. Looked at once there is something to say, and where something is about to be done.
  private var memory = LogMemory()
  private var memoryFile: LogMemoryFile? = nil

  init(_ arguments: HelperArguments) {
    self.arguments = arguments
    account = arguments.account
    wording = Wording(account)
  }

  mutating func finish() -> CInt {
    // A report with a gap must not look whole: without its end, the module says that something is missing.
    if isReportDelivered { isReportDelivered = writeToStandardOutput(report.drainWithEnd()) }
    remember()
    return report.outcome == .done ? 0 : 1
  }

  @inline(never) private mutating func say(_ event: Event) { report.add(event, wording) }

  private mutating func say(_ events: [Event]) { for event in events { say(event) } }

  /// Tells what was found so far, before a file server is asked that may never answer.
  @inline(never) private mutating func flush(_ identity: inout Identity) {
    if report.mayRepeat { recall(&identity) }
    isReportDelivered = writeToStandardOutput(report.drain()) && isReportDelivered
    remember()
  }

  /// Makes debug messages of what the log has already.
  @inline(never) private mutating func recall(_ identity: inout Identity) {
    if arguments.isByHand { return }
    if memoryFile == nil {
      do throws(IdentityError) {
        try identity.asRoot { memoryFile = LogMemoryFile.ofUser(account.uid, MountTable(blockDeviceIsLocal: true), into: &memory) }
      } catch {
        // Not the identity that was: nothing more may be done with it.
        say(.identity(error))
        endProcess(status: finish())
      }
      if memoryFile == nil { return }
    }
    report.quieten(&memory)
  }

  private func remember() { if isReportDelivered { memoryFile?.write(memory) } }

  mutating func session() {
    // The backstop of the module's deadline, in case the host dies before it.
    if let cause = prepareProcess(endingAfter: arguments.timeout + 1) { return say(.processNotPrepared(cause)) }
    if account.groupsLeftOut { say(.groupsLeftOut) }
    let caller = effectiveIDs()
    if caller.user != 0 && (caller.user != account.uid || caller.group != account.credentials.group) {
      return say(.notPermitted(uid: caller.user))
    }
    do throws(IdentityError) {
      var identity = try Identity(for: account.credentials)
      try session(&identity)
      if report.mayRepeat { recall(&identity) }
    } catch {
      say(.identity(error))
    }
  }

  /// Waits for others who edit account files for half of the time there is, at most: what comes after needs some of it too.
  private mutating func giveSubordinateIDs(_ settings: Settings, _ mounts: MountTable) {
    let result: SubordinateIDResult
    do throws(SubordinateIDError) {
      result = try SubordinateIDFiles(mounts).allocate(for: account, settings, timeout: Int64(arguments.timeout) * 500)
    } catch { return say(.subordinateIDsFailed(error.failure)) }
    for exposure in result.exposures { say(.subordinateIDsExposed(exposure)) }
    switch result.outcome {
    case .enough, .changed: break
    case .added(let plan):
      say(.subordinateIDsAdded(plan))
      wording.omission = .rest
    case .refused(let refusal): say(.subordinateIDsRefused(refusal))
    case .failed(let failure): say(.subordinateIDsFailed(failure))
    }
  }

  private mutating func session(_ identity: inout Identity) throws(IdentityError) {
    // As root: the settings.
    let settings: Settings
    do throws(PathError) {
      // Which types count as what is not known yet.
      let mounts = MountTable(blockDeviceIsLocal: true)
      let reading = try readSettings(arguments.conf, trusted: identity.isPrivileged, mounts)
      settings = reading.settings
      for problem in reading.problems { say(.settingsProblem(problem)) }
    } catch {
      return say(.settingsRefused(error))
    }
    if let ineligibility = Planner.ineligibility(of: account, settings) { return say(ineligibility) }

    // As the user: where is the home?
    try identity.becomeUser()
    flush(&identity)
    let mounts = MountTable(blockDeviceIsLocal: settings.blockDeviceIsLocal)
    let home = HomeObserver(account, mounts)
    if let earlyResult = Planner.earlyResult(from: home.observation, settings) { return say(earlyResult) }
    guard let leaf = settings.storage.leaf(for: account) else { return say(.nameUnfit) }
    let storage = settings.storage.parent / leaf
    wording.storage = storage
    wording.skeleton = settings.skeleton

    // As root: subordinate ids, and the skeleton.
    try identity.becomeRootAgain()
    if settings.subordinateIDs.allocates && identity.isPrivileged { giveSubordinateIDs(settings, mounts) }
    let skeleton: [SkeletonFile]
    do throws(PathError) {
      let reader = try SkeletonReader(settings.skeleton, trusted: identity.isPrivileged, mounts)
      skeleton = reader.files
      for warning in reader.warnings { say(.skeletonWarning(warning)) }
    } catch {
      return say(.skeletonRefused(error))
    }

    // As the user: look at everything, and judge.
    try identity.becomeUser()
    let engines = EngineDirectories(skeleton: skeleton)
    let place = StorageObserver(account, settings, leaf: leaf, mounts, engines)
    flush(&identity)
    let looked = home.files(skeleton, settings, mounts)
    let seen = Observation(home: home.observation(after: looked, of: account, mounts), storage: place.observation, files: looked)
    let planner = Planner(account: account, settings: settings, skeleton: skeleton, storage: storage, isPrivileged: identity.isPrivileged)
    let plan = planner.plan(for: seen)
    say(plan.events)

    // Act: the storage directory first, then, for good as the user, the home.
    let end = monotonicMilliseconds() + Int64(arguments.timeout) * 500
    var executor = Executor(account, settings, deadline: end)
    let isReady = try executor.prepareStorage(plan, at: place, &identity)
    let prepared = executor.takeEvents()
    say(prepared)
    try guardFormerPlaces(&identity, settings, mounts, engines, until: end)
    if !isReady || plan.refusesStorage { return }
    // The user's own file system may be in the path of the record, and never answer.
    if !plan.actions.isEmpty || plan.events.contains(where: { $0.severity != .debug }) { flush(&identity) }
    // The file may have been created by a login on another host, and the record made on this one.
    let overlay = OverlayCache(uid: account.uid, mounts)
    let mayBeRecorded = overlay.mayBeThere
    if plan.actions.isEmpty && !mayBeRecorded { return }
    // What fails in the home is said when root's rights are gone.
    if !plan.actions.isEmpty { recall(&identity) }
    try identity.dropForGood()
    executor.completeHome(plan, at: home)
    let files = executor.takeEvents()
    say(files)
    let isNew = (prepared + files).contains { $0.placesStorage }
    if isNew || mayBeRecorded {
      flush(&identity)
      executor.remove(overlay, notNewerThan: isNew ? Int64.max : max(home.storageConfChanged, place.changed))
      say(executor.takeEvents())
    }
  }

  /// Homes may still name a former storage directory, and files in them are never rewritten: nobody else's may be there.
  private mutating func guardFormerPlaces(
    _ identity: inout Identity, _ settings: Settings, _ mounts: MountTable, _ engines: EngineDirectories, until end: Int64
  ) throws(IdentityError) {
    for template in settings.guards {
      // Where the name cannot be part of the path, no file can name it.
      guard let leaf = template.leaf(for: account) else { continue }
      let place = StorageObserver(account, settings, leaf: leaf, mounts, engines, in: template)
      let planner = Planner(account: account, settings: settings, skeleton: [], storage: place.path, isPrivileged: identity.isPrivileged)
      // Where storage directories are named otherwise, but in the same directory, the name may be another user's.
      let others = template.parent == settings.storage.parent ? settings.storage.users(inLeaf: leaf) : []
      let mayBeAnothers = others.contains { $0.name.map { $0 != account.name } ?? false || $0.uid.map { $0 != account.uid } ?? false }
      let plan = planner.planGuard(for: place.observation, mayBeAnothers: mayBeAnothers)
      var executor = Executor(account, settings, deadline: end)
      try executor.guardPlace(plan, at: place, &identity)
      let own = wording
      wording.storage = place.path
      wording.isGuarded = true
      say(plan.events)
      say(executor.takeEvents())
      wording = own
      flush(&identity)
    }
  }
}
