/// Performs a plan, and tells what came of it.
///
/// The storage directory is made while root's rights are in reserve; the home is written to only when the process is for good the
/// user (`Identity.dropForGood`).
public struct Executor {
  private let account: Account
  private let settings: Settings
  /// In milliseconds of the monotonic clock.
  private let end: Int64
  public private(set) var events: [Event] = []
  private var filesWritten: UInt32 = 0

  /// - Parameter end: until when (`monotonicMilliseconds`) another session is waited for that replaces what is in the storage directory's
  ///   place; all places together.
  public init(_ account: Account, _ settings: Settings, deadline end: Int64) {
    self.account = account
    self.settings = settings
    self.end = end
  }

  /// What happened since the last call.
  public mutating func takeEvents() -> [Event] {
    let taken = events
    events = []
    return taken
  }

  // MARK: The storage directory

  /// - Returns: whether the storage directory is fit to point at; if not, nothing else of the plan may be done.
  public mutating func prepareStorage(
    _ plan: Plan, at place: borrowing StorageObserver, _ identity: inout Identity
  ) throws(IdentityError) -> Bool {
    for action in plan.actions {
      var done = true
      switch action {
      case .createStorageDirectory(let mode):
        switch place.parent {
        case .some(let parent): done = try create(mode, place, parent, &identity)
        case .none: done = refuse(place.observation.state, place)
        }
      case .takePlace: done = try takePlace(place, &identity, makesAbsent: true)
      case .restrictStorageDirectory: done = closeFound(place)
      case .removeLeftover, .createFile: continue
      }
      if !done { return false }
    }
    return true
  }

  /// Carries out what `Planner.planGuard` wants of a former storage directory's place, where none is ever made.
  public mutating func guardPlace(_ plan: Plan, at place: borrowing StorageObserver, _ identity: inout Identity) throws(IdentityError) {
    for action in plan.actions {
      switch action {
      case .takePlace: _ = try takePlace(place, &identity, makesAbsent: false)
      case .restrictStorageDirectory: _ = closeFound(place)
      case .createStorageDirectory, .removeLeftover, .createFile: continue
      }
    }
  }

  private mutating func takePlace(
    _ place: borrowing StorageObserver, _ identity: inout Identity, makesAbsent: Bool
  ) throws(IdentityError) -> Bool {
    switch place.parent {
    case .none: return refuse(place.observation.state, place)
    case .some(let parent):
      // The lock is root's; all the rest is done with the user's ids.
      try identity.becomeRootAgain()
      var lock: TakeoverLock? = nil
      do throws(TakeoverLock.Failure) { lock = try TakeoverLock(uid: account.uid, place.look.mounts, until: end) } catch {
        if error == .held {
          try identity.becomeUser()
          events.append(.storageNotTaken(place.observation, .locked))
          return false
        }
      }
      try identity.becomeUser()
      let isFit = try takePlace(place, parent, &identity, makesAbsent: makesAbsent)
      lock?.release()
      return isFit
    }
  }

  private mutating func takePlace(
    _ place: borrowing StorageObserver, _ parent: borrowing FileDescriptor, _ identity: inout Identity, makesAbsent: Bool
  ) throws(IdentityError) -> Bool {
    var exchange = PlaceExchange(place.leaf, path: place.path, place.look, mode: settings.directoryMode, makesAbsent: makesAbsent)
    let ending = exchange.run(in: parent, identity)
    for takeover in exchange.takeovers { events.append(.storageTaken(takeover)) }
    let open = place.observation.parentIsWritableByOthers
    switch ending {
    case .inPlace(let isNew): return try adopt(place, parent, isNew: isNew, mode: settings.directoryMode, &identity)
    case .absent(nil): return true
    case .absent(let cause?):
      events.append(.storageFailed(cause, parentIsWritableByOthers: open))
      return false
    case .refused(let state, let failure?):
      events.append(.storageNotTaken(StorageObservation(parentIsWritableByOthers: open, state: state), failure))
      return false
    case .refused(let state, nil): return refuse(state, place)
    }
  }

  private mutating func create(
    _ mode: UInt32, _ place: borrowing StorageObserver, _ parent: borrowing FileDescriptor, _ identity: inout Identity
  ) throws(IdentityError) -> Bool {
    var isNew = true
    var failure: Errno? = nil
    do throws(Errno) { try identity.makeDirectory(at: parent, place.leaf, mode: mode) } catch {
      isNew = false
      if error != .exists { failure = error }
    }
    if let failure {
      events.append(.storageFailed(failure, parentIsWritableByOthers: place.observation.parentIsWritableByOthers))
      return false
    }
    // Whoever was faster, another login or somebody else, who may be moving it all the time.
    if !isNew && identity.isPrivileged && settings.occupied == .take && place.observation.parentIsWritableByOthers {
      return try takePlace(place, &identity, makesAbsent: true)
    }
    guard try adopt(place, parent, isNew: isNew, mode: mode, &identity) else { return false }
    if isNew { events.append(.storageCreated(mode: mode)) }
    return true
  }

  /// Judges what is in the place once more, by its descriptor, and completes a new directory.
  private mutating func adopt(
    _ place: borrowing StorageObserver, _ parent: borrowing FileDescriptor, isNew: Bool, mode: UInt32, _ identity: inout Identity
  ) throws(IdentityError) -> Bool {
    let found = LeafPlace(place.leaf, in: parent, place.look)
    switch found.descriptor {
    case .none: return refuse(found.state, place)
    case .some(let descriptor):
      switch found.state {
      // A parent with the set-group-ID bit hands it on.
      case .inPlace(let now): if isNew && now != mode { setMode(of: descriptor, to: mode) }
      // The login that was faster is not done yet, or a default ACL of the parent opened it.
      case .writableByOthers(_, .own): if !close(descriptor, place) { return false }
      case .writableByOthers(let mode, .ownAndOther): events.append(.storageOpen(mode: mode))
      default: return refuse(found.state, place)
      }
      // Before anything is in it, which would not be counted.
      if isNew && settings.quotas.isSet && identity.isPrivileged { try limit(descriptor, in: parent, place.look.mounts, &identity) }
      if isNew { makeEngineDirectories(in: descriptor, place.look.engines, mode: mode) }
    }
    return true
  }

  private mutating func limit(
    _ directory: borrowing FileDescriptor, in parent: borrowing FileDescriptor, _ mounts: MountTable, _ identity: inout Identity
  ) throws(IdentityError) {
    let (quotas, limits) = (settings.quotas, settings.quotas.limits(for: account))
    if let place = quotas.bytesOfGroups.doubt(about: account) { events.append(.quotaUncertain(.bytes, limits.bytesGroup, place)) }
    if let place = quotas.inodesOfGroups.doubt(about: account) { events.append(.quotaUncertain(.inodes, limits.inodesGroup, place)) }
    if !limits.isSet { return }
    let failure = try QuotaSetter(account, settings, mounts).set(on: directory, in: parent, &identity)
    if let failure { events.append(.quotaNotSet(failure)) }
  }

  /// systemd-tmpfiles removes an empty directory when it is old enough, and then anybody can take the name: it is not left empty. The
  /// process has the user's ids.
  private mutating func makeEngineDirectories(in storage: borrowing FileDescriptor, _ engines: EngineDirectories, mode: UInt32) {
    for name in engines.ofSkeleton {
      do throws(Errno) { try makeNamedDirectory(at: storage, name, mode: mode) } catch {
        if error != .exists { events.append(.engineDirectoryFailed(name, error)) }
      }
    }
  }

  /// A directory with more bits than asked for, none of them for writing by others, is fit all the same.
  private func setMode(of place: borrowing FileDescriptor, to mode: UInt32) {
    do throws(Errno) { try changeMode(of: try open(at: place, [.dot], .directory), to: mode) } catch {}
  }

  private mutating func closeFound(_ place: borrowing StorageObserver) -> Bool {
    switch place.found {
    case .some(let found): close(found, place)
    case .none: refuse(place.observation.state, place)
    }
  }

  /// Takes the write bits for others away, through the descriptor that was looked at. After that nobody else can put anything in
  /// it, so what is in it then is the last word.
  private mutating func close(_ found: borrowing FileDescriptor, _ place: borrowing StorageObserver) -> Bool {
    do throws(Errno) {
      let directory = try open(at: found, [.dot], .directory)
      let seen = try fileStatus(of: directory)
      guard seen.owner == account.uid else { return refuse(.occupied(by: seen.kind, owner: seen.owner), place) }
      let mode = seen.mode & ~0o022
      if mode != seen.mode {
        try changeMode(of: directory, to: mode)
        events.append(.storageRestricted(from: seen.mode, to: mode))
      }
      let content = try content(of: directory, account, place.look.engines)
      return content == .own || content == .ownAndOther ? true : refuse(.writableByOthers(mode: seen.mode, content: content), place)
    } catch {
      return refuse(.failed(error), place)
    }
  }

  private mutating func refuse(_ state: StorageObservation.State, _ place: borrowing StorageObserver) -> Bool {
    let open = place.observation.parentIsWritableByOthers
    events.append(.storageRefused(StorageObservation(parentIsWritableByOthers: open, state: state)))
    return false
  }

  // MARK: The home

  /// Does what the plan wants in the home. The process must be the user for good.
  public mutating func completeHome(_ plan: Plan, at place: borrowing HomeObserver) {
    switch place.descriptor {
    case .none: return
    case .some(let home):
      for action in plan.actions {
        switch action {
        case .createStorageDirectory, .restrictStorageDirectory, .takePlace: continue
        case .removeLeftover(let directory, let name): removeLeftover(directory, name, home)
        case .createFile(let file): create(file, home)
        }
      }
    }
  }

  /// Removes Podman's records of a failure that are not newer than `time`, in seconds since the epoch: what they tell is of another
  /// directory than the one that is configured since. The process must be the user for good.
  public mutating func remove(_ overlay: OverlayCache, notNewerThan time: Int64) {
    var seen: [Event] = []
    overlay.forEach { record in
      guard record.changed <= time else { return }
      do throws(Errno) {
        try record.remove()
        seen.append(.overlayRecordRemoved(record.path))
      } catch {
        // Another login of the same user was faster.
        if error != .noEntry { seen.append(.overlayRecordStays(record.path, error)) }
      }
    }
    events += seen
  }

  private mutating func removeLeftover(_ directory: Path, _ name: [UInt8], _ home: borrowing FileDescriptor) {
    let path = directory / name
    do throws(Errno) {
      try unlink(at: home, path: path)
      events.append(.leftoverRemoved(path))
    } catch {
      // Another login of the same user was faster.
      if error != .noEntry { events.append(.leftoverStays(path, error)) }
    }
  }

  private mutating func create(_ file: Plan.NewFile, _ home: borrowing FileDescriptor) {
    var made: [Path] = []
    var isOnWay = true
    do throws(Errno) {
      let directory = try openDirectory(file.directory, home, &made)
      isOnWay = false
      if try place(file, directory) { events.append(.fileCreated(file.path)) }
    } catch {
      // A directory that was made for nothing goes again, if nobody has used it meanwhile.
      for path in made.reversed() {
        do throws(Errno) { try removeEmptyDirectory(at: home, path: path) } catch { break }
      }
      // A directory that cannot be written to is such an obstacle too, and so is a ticket that has just ended.
      let isObstacle = isOnWay ? error.isObstacleOnWay : error == .accessDenied || error.isOfKey
      events.append(isObstacle ? .fileBlocked(file: file.path, error) : .fileFailed(file: file.path, error))
    }
  }

  /// Opens the directory, and makes what is missing on the way, 0700. Directories that the user has symlinked are followed, as by
  /// any program of theirs.
  private func openDirectory(_ path: Path, _ home: borrowing FileDescriptor, _ made: inout [Path]) throws(Errno) -> FileDescriptor {
    var current = try open(at: home, [.dot], .pathOnlyDirectoryFollowing)
    var walked: Path = ""
    for component in path.components {
      walked = walked / component
      do throws(Errno) {
        current = try open(at: current, component, .pathOnlyDirectoryFollowing)
        continue
      } catch {
        if error != .noEntry { throw error }
      }
      do throws(Errno) {
        try makeNamedDirectory(at: current, component, mode: 0o700)
        made.append(walked)
      } catch {
        if error != .exists { throw error }
      }
      do throws(Errno) { current = try open(at: current, component, .pathOnlyDirectoryFollowing) } catch {
        // The name is there, and yet leads nowhere: a dangling symbolic link.
        throw error == .noEntry ? .notDirectory : error
      }
    }
    return current
  }

  /// Writes the file beside its place and gives it its name in one step, so that every host that shares the home sees all of it or
  /// nothing, and what bears the name already stays.
  ///
  /// - Returns: false if the name was taken meanwhile.
  private mutating func place(_ file: Plan.NewFile, _ directory: borrowing FileDescriptor) throws(Errno) -> Bool {
    var attempt = 1
    while true {
      filesWritten += 1
      let temporary = TemporaryName(process: thisProcess(), index: filesWritten, host: hostName()).bytes
      var placement: Placement? = nil
      var failure: Errno? = nil
      do throws(Errno) { placement = try write(file, directory, temporary) } catch { failure = error }
      // The descriptor is closed by now: NFS would keep an open file under yet another name.
      if placement != .renamed {
        do throws(Errno) { try unlink(at: directory, temporary) } catch {
          if failure == nil && error != .noEntry { events.append(.leftoverStays(file.directory / temporary, error)) }
        }
      }
      guard let failure else { return placement != .taken }
      // A host of the same name took the temporary file for the leftover of a dead process. An open file that is gone, NFS calls stale.
      guard (failure == .noEntry || failure == .stale) && attempt < 3 else { throw failure }
      attempt += 1
    }
  }

  private enum Placement { case linked, renamed, taken }

  private func write(_ file: Plan.NewFile, _ directory: borrowing FileDescriptor, _ temporary: [UInt8]) throws(Errno) -> Placement {
    let new = try open(at: directory, temporary, .creating, permissions: 0o600)
    try writeAll(new, file.content)
    do throws(Errno) { try changeMode(of: new, to: file.mode) } catch {
      // A file system without modes: what it gives the user's files is what they get.
      if error != .notPermitted && error != .notSupported && error != .notImplemented { throw error }
    }
    try synchronize(new)
    do throws(Errno) {
      try link(at: directory, temporary, file.name)
      return .linked
    } catch {
      // link(2) over NFS can succeed and its reply get lost; the repeated request is then told EEXIST. The link count knows.
      if try syncedStatus(of: new).links > 1 { return .linked }
      if error == .exists { return .taken }
      guard error == .notPermitted || error == .notSupported || error == .notImplemented || error == .tooManyLinks else { throw error }
    }
    // A file system without links.
    do throws(Errno) {
      try renameWithoutReplacing(at: directory, temporary, file.name)
      return .renamed
    } catch {
      if error == .exists { return .taken }
      throw error == .invalid || error == .notImplemented ? .notSupported : error
    }
  }
}
