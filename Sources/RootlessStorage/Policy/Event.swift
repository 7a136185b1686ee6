/// What there is to say, as facts. `Wording` finds the words.
public enum Event: Equatable, Sendable {
  // Before anything is looked at
  case usage(UsageError)
  case notPermitted(uid: UInt32)
  case processNotPrepared(Errno)
  case identity(IdentityError)
  case groupsLeftOut
  case settingsProblem(SettingsProblem)
  case settingsRefused(PathError)
  case idReserved
  case uidOutOfRange
  case excluded(Exclusions.Reason)
  /// Whether the user is, nobody can tell.
  case exclusionUnknown(Exclusions.Uncertainty)
  case nameUnfit

  // The skeleton
  case skeletonRefused(PathError)
  case skeletonWarning(SkeletonWarning)

  // The home
  case homeLocal(type: [UInt8]?)
  case homeUnusable(HomeObservation)

  // Subordinate ids
  case subordinateIDsAdded(SubordinateIDPlan)
  case subordinateIDsRefused(SubordinateIDRefusal)
  case subordinateIDsFailed(SubordinateIDFailure)
  /// Somebody else's containers can act as this user.
  case subordinateIDsExposed(SubordinateIDExposure)

  // The storage directory
  case storageRefused(StorageObservation)
  /// Another's object is in its place, and could not be replaced.
  case storageNotTaken(StorageObservation, TakeoverFailure)
  case storageTaken(Takeover)
  case storageOpen(mode: UInt32)
  case engineDirectoryFailed([UInt8], Errno)
  case storageCreated(mode: UInt32)
  case quotaNotSet(QuotaError)
  /// Whether a limit of another group holds in place of the one for everybody, or of that group, nobody can tell.
  case quotaUncertain(LimitKind, UInt32?, Exclusions.Place)
  case storageRestricted(from: UInt32, to: UInt32)
  case storageFailed(Errno, parentIsWritableByOthers: Bool)

  // Files in the home, relative to it
  case fileCreated(Path)
  case storeMoved(file: Path, store: Path)
  case storeUnknown(file: Path, store: Path, Errno)
  case nameUnfitForFile(file: Path)
  case fileBlocked(file: Path, Errno)
  case fileFailed(file: Path, Errno)
  case leftoverRemoved(Path)
  case leftoverStays(Path, Errno)

  // Podman's record that overlay does not work
  case overlayRecordRemoved(Path)
  case overlayRecordStays(Path, Errno)

  case allInPlace

  /// syslog(3) priority.
  public var severity: Severity {
    switch self {
    case .usage, .notPermitted, .processNotPrepared, .identity, .settingsRefused, .skeletonRefused, .idReserved, .exclusionUnknown,
      .nameUnfit,
      .storageRefused, .storageNotTaken, .storageTaken, .storageFailed, .fileFailed:
      .err
    // Containers have their storage all the same, so these are no reason to fail a login.
    case .subordinateIDsRefused(.notFromFiles): .debug
    case .subordinateIDsRefused, .subordinateIDsFailed, .subordinateIDsExposed: .warning
    case .settingsProblem, .groupsLeftOut, .skeletonWarning, .fileBlocked, .storeUnknown, .nameUnfitForFile,
      .leftoverStays, .overlayRecordStays, .storageOpen, .engineDirectoryFailed, .quotaNotSet, .quotaUncertain:
      .warning
    case .storageRestricted, .storeMoved: .notice
    case .storageCreated, .fileCreated, .subordinateIDsAdded, .overlayRecordRemoved: .info
    case .uidOutOfRange, .excluded, .homeLocal, .allInPlace, .leftoverRemoved: .debug
    case .homeUnusable(let home): Event.severity(home)
    }
  }

  private static func severity(_ home: HomeObservation) -> Severity {
    switch home {
    case .missing, .denied, .withoutTicket: .notice
    case .failed: .err
    case .on, .notAbsolute, .notDirectory, .ownedBy, .typeUnknown: .warning
    }
  }

  /// The same cause has the same line at every session, which is not to fill the log. What was changed is said each time.
  var isRepeated: Bool {
    switch self {
    case .storageTaken, .storageRestricted: false
    default: severity.rawValue <= Severity.notice.rawValue
    }
  }

  /// From here on Podman's storage is where it was not before.
  public var placesStorage: Bool {
    switch self {
    case .storageCreated, .storageTaken: true
    case .fileCreated(let path): path == SkeletonFile.storageConf
    default: false
    }
  }

  /// What it means for a login that the option `strict` guards.
  public var outcome: Outcome {
    if severity != .err { return .done }
    // Where others can write to the parent, anybody could lock anybody out, by being there first or by filling it; and where a disk is
    // full, or has been made read-only after an error, it is rarely the user's doing.
    switch self {
    case .storageTaken: return .done
    // Whether this user is served at all is unknown: a slip in that line, which concerns everybody, must lock nobody out.
    case .exclusionUnknown: return .done
    case .storageRefused(let seen), .storageNotTaken(let seen, _): return seen.parentIsWritableByOthers ? .tolerated : .failed
    case .storageFailed(let cause, let isWritable): return isWritable || cause.isFullDisk ? .tolerated : .failed
    case .fileFailed(_, let cause): return cause.isFullDisk ? .tolerated : .failed
    default: return .failed
    }
  }
}

/// What came of another's object in the place of a storage directory.
public struct Takeover: Equatable, Sendable {
  public var kind: FileKind
  public var owner: UInt32
  /// Its path now; nil: its owner has moved it elsewhere since.
  public var keptAs: Path?
  /// Nothing could be put into its place.
  public var isEmpty = false

  public init(kind: FileKind, owner: UInt32, keptAs: Path?) {
    self.kind = kind
    self.owner = owner
    self.keptAs = keptAs
  }
}

/// What a storage directory is limited in.
public enum LimitKind: Equatable, Sendable { case bytes, inodes }

/// Why another's object stays in the place of a storage directory.
public enum TakeoverFailure: Equatable, Sendable {
  /// A system call that failed.
  case failed(Errno)
  /// The file system, or the kernel, does not exchange names.
  case noExchange
  /// Another session of the user's has not come to an end with it.
  case locked
  /// Somebody has exchanged or moved what is there at every try.
  case contested
}

extension Errno {
  /// No space, no quota, or a file system that is read-only.
  var isFullDisk: Bool { self == .noSpace || self == .quotaExceeded || self == .readOnly }
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
