/// What there is to say, as facts. `Wording` finds the words.
public enum Event: Equatable, Sendable {
  // Before anything is looked at
  case usage(UsageProblem)
  case notPermitted(uid: UInt32)
  case processNotPrepared(Errno)
  case identity(IdentityError)
  case groupsLeftOut
  case settingsProblem(file: [UInt8], SettingsProblem)
  case settingsRefused(WayProblem)
  case idReserved
  case uidOutOfRange
  case nameUnfit

  // The skeleton
  case skeletonRefused(WayProblem)
  case skeletonWarning(SkeletonWarning)

  // The home
  case homeLocal(type: [UInt8]?)
  case homeUnusable(HomeObservation)

  // Subordinate ids
  case subordinateIDsAdded(SubordinateIDPlan)
  case subordinateIDsRefused(SubordinateIDRefusal)
  case subordinateIDsFailed(SubordinateIDFailure)

  // The storage directory
  case storageRefused(StorageObservation)
  case storageCreated(mode: UInt32)
  case storageClosed(from: UInt32, to: UInt32)
  case storageFailed(Errno, parentIsWritableByOthers: Bool)

  // Files in the home, relative to it
  case fileCreated([UInt8])
  case storeMoved(file: [UInt8], store: [UInt8])
  case storeUnknown(file: [UInt8], store: [UInt8], Errno)
  case nameUnfitForFile(file: [UInt8])
  case fileBlocked(file: [UInt8], Errno)
  case fileFailed(file: [UInt8], Errno)
  case leftoverRemoved([UInt8])
  case leftoverStays([UInt8], Errno)

  case allInPlace

  /// syslog(3) priority.
  public var severity: Severity {
    switch self {
    case .usage, .notPermitted, .processNotPrepared, .identity, .settingsRefused, .skeletonRefused, .idReserved, .nameUnfit, .storageRefused,
      .storageFailed, .fileFailed:
      .err
    // Containers have their storage all the same, so these are no reason to fail a login.
    case .subordinateIDsRefused(.notFromFiles): .debug
    case .subordinateIDsRefused, .subordinateIDsFailed: .warning
    case .settingsProblem, .groupsLeftOut, .skeletonWarning, .fileBlocked, .storeUnknown, .nameUnfitForFile,
      .leftoverStays:
      .warning
    case .storageClosed, .storeMoved: .notice
    case .storageCreated, .fileCreated, .subordinateIDsAdded: .info
    case .uidOutOfRange, .homeLocal, .allInPlace, .leftoverRemoved: .debug
    case .homeUnusable(let home): Event.severity(home)
    }
  }

  private static func severity(_ home: HomeObservation) -> Severity {
    switch home {
    case .missing, .denied: .notice
    case .failed: .err
    case .on, .notAbsolute, .notDirectory, .ownedBy, .typeUnknown: .warning
    }
  }

  /// What it means for a login that the option `strict` guards.
  public var outcome: Outcome {
    if severity != .err { return .done }
    // Where others can write to the parent, anybody could lock anybody out, by being there first or by filling it.
    switch self {
    case .storageRefused(let seen): return seen.parentIsWritableByOthers ? .tolerated : .failed
    case .storageFailed(_, let isWritable): return isWritable ? .tolerated : .failed
    default: return .failed
    }
  }
}

/// syslog(3) priorities that are in use here.
public enum Severity: UInt8, Equatable, Sendable {
  case err = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7
}

/// How a run ended. The larger one counts.
public enum Outcome: UInt8, Equatable, Sendable {
  case done = 0
  /// Refused, where a refusal must not fail a login even if `strict` is given.
  case tolerated = 1
  case failed = 2
}
