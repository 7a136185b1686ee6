public import Testing

@testable import RootlessStorage

/// Every event, in every form that has words of its own.
enum EventSamples {
  static func all(with value: [UInt8]) -> [Event] {
    let path = Path(value)
    var events: [Event] = [
      .usage(.missing("--uid N")), .usage(.noValue(value)), .usage(.badValue("--uid", value)), .usage(.unknownOption(value)),
      .usage(.extraArgument(value)), .notPermitted(uid: 1001), .processNotPrepared(.notPermitted), .groupsLeftOut, .idReserved,
      .uidOutOfRange,
      .nameUnfit, .homeLocal(type: nil), .homeLocal(type: value), .storageCreated(mode: 0o700), .storageRestricted(from: 0o777, to: 0o755),
      .storageFailed(.noSpace, parentIsWritableByOthers: false), .storageFailed(.noSpace, parentIsWritableByOthers: true),
      .fileCreated(path), .storeMoved(file: path, store: path), .storeUnknown(file: path, store: path, .accessDenied),
      .nameUnfitForFile(file: path),
      .fileBlocked(file: path, .notDirectory), .fileFailed(file: path, .ioError), .leftoverRemoved(path),
      .leftoverStays(path, .accessDenied),
      .overlayRecordRemoved(path), .overlayRecordStays(path, .accessDenied),
      .allInPlace, .storageOpen(mode: 0o775), .engineDirectoryFailed(value, .noSpace),
      .storageFailed(.ioError, parentIsWritableByOthers: false),
      .storageTaken(Takeover(kind: .directory, owner: 1001, keptAs: path)), .storageTaken(Takeover(kind: .fifo, owner: 1001, keptAs: nil)),
      emptied(value),
      .fileFailed(file: path, .noSpace), .fileFailed(file: path, .quotaExceeded), .fileFailed(file: path, .readOnly),
    ]
    let squatted = StorageObservation(parentIsWritableByOthers: true, state: .occupied(by: .directory, owner: 1001))
    let failures: [TakeoverFailure] = [
      .locked, .contested, .noExchange, .failed(.invalid), .failed(.otherDevice), .failed(.busy), .failed(.notPermitted),
      .failed(.readOnly), .failed(.ioError),
    ]
    events += failures.map { .storageNotTaken(squatted, $0) }
    let unlimited: [QuotaError] = [
      .noProject, .otherProject(7), .parentProject(7), .named(7), .unreadable(PathError(path: path, reason: .tooLarge)), .taken(7),
      .unsupported(nil),
      .unsupported(.notTerminal), .notEnforced, .failed(.notPermitted), .failed(.ioError),
    ]
    events += unlimited.map { .quotaNotSet($0) }
    let limited = Exclusions.Place(file: path, line: 7)
    events += [.quotaUncertain(.bytes, 1300, limited), .quotaUncertain(.bytes, nil, limited), .quotaUncertain(.inodes, nil, limited)]
    let steps: [IdentityError.Step] = [.becomeRoot, .groups, .groupID, .userID, .capabilities, .dumpable, .verify]
    for step in steps {
      events.append(.identity(IdentityError(step: step, cause: .notPermitted)))
      events.append(.identity(IdentityError(step: step, cause: nil)))
    }
    let place = Exclusions.Place(file: path, line: 7)
    events += [.excluded(.name(place)), .excluded(.group(2000, place)), .exclusionUnknown(.line(place)), .exclusionUnknown(.groups(place))]
    events += settings(value).map { .settingsProblem(SettingsProblem(file: path, line: 7, reason: $0)) }
    let ways = ways(value)
    events += ways.map { .settingsRefused($0) } + ways.map { .skeletonRefused($0) }
    let warnings: [SkeletonWarning.Reason] = [.symbolicLink, .special, .tooLarge, .tooManyFiles, .tooDeep, .tooManyEntries, .nameTooLong]
    events += warnings.map { .skeletonWarning(SkeletonWarning(path: path, reason: $0)) }
    let homes: [HomeObservation] = [
      .on(.named(value)), .notAbsolute, .notDirectory, .missing, .ownedBy(1001), .denied(.accessDenied),
      .withoutTicket(KerberosMount(type: value, flavour: value), .keyExpired), .failed(.stale), .typeUnknown(.noEntry),
    ]
    events += homes.map { .homeUnusable($0) }
    events += subordinateIDs(value)
    events += storages(value).map { .storageRefused(StorageObservation(parentIsWritableByOthers: true, state: $0)) }
    return events
  }

  /// What was taken on a full disk.
  private static func emptied(_ value: [UInt8]) -> Event {
    var takeover = Takeover(kind: .directory, owner: 1001, keptAs: Path(value))
    takeover.isEmpty = true
    return .storageTaken(takeover)
  }

  private static func settings(_ value: [UInt8]) -> [SettingsProblem.Reason] {
    let paths: [StorageTemplate.Problem] = [
      .notAbsolute, .emptyComponent, .dotComponent, .forbiddenCharacter, .placeholderBeforeLast, .noPlaceholder, .unknownPlaceholder,
      .tooLong,
    ]
    let limits: [GroupLimitProblem] = [.empty, .tooMany, .noPair(value), .noGroup(value), .badLimit(1300, value)]
    let keys: [[UInt8]] = ["storage_quota_groups", "storage_quota_inodes_groups"]
    let ofGroups: [SettingsProblem.Reason] = keys.flatMap { key in limits.map { .badGroupLimit(key: key, $0) } }
    return ofGroups + paths.map { .badPath(key: "storage_directory", value: value, $0) } + [
      .noEqualsSign(value), .unknownKey(value), .badMode(value), .badNumber(key: "uid_min", value: value), .badType(value), .noTypes,
      .badOrphanDays(value), .rangeIsEmpty(min: 1000, max: 5), .lineTooLong, .tooManyProblems, .badSubids(value), .badScheme(value),
      .badCount(value), .badRange(value), .noRanges,
      .badOccupied(value), .badQuota(value), .tooManyGuards, .badExcludedUser(value), .badExcludedGroup(value),
      .nobodyExcluded(key: "exclude_users"),
    ]
  }

  private static func subordinateIDs(_ value: [UInt8]) -> [Event] {
    let range: IDRange = 100_000...165_535
    let holders: [IDHolder] = [
      .range(of: value, range, .users), .range(of: value, range, .groups), .uid(2000, of: value), .gid(2000, of: value), .served(range),
      .reserved(range),
      .reserved(0...65535), .foreign, .nonexistent(range), .oneself(2000),
    ]
    let refusals: [SubordinateIDRefusal] = [
      .notFromFiles(source: value), .nameUnfit, .settingsUncertain, .definitionUncertain(key: value), .deterministic(key: value),
      .nothingReserved, .noGroupsReserved(source: value), .belowUidMin(1000), .tooFew(count: 1000),
      .beyondMaximum(first: UInt64.max, last: UInt64.max, max: UInt32.max), .noneFree(min: 100_000, max: 200_000, count: 65536),
    ]
    let failures: [SubordinateIDFailure] = [
      .unfit(file: value, .symbolicLink), .unfit(file: value, .notRegular), .unfit(file: value, .notRoots), .unfit(file: value, .tooLarge),
      .locked(file: value, process: 4711, since: 1_795_810_530), .locked(file: value, process: 4711, since: nil),
      .locked(file: value, process: nil, since: nil),
      .failed(file: value, .noSpace),
    ]
    let hindrances: [Hindrance] = [
      .addressSpace, .data, .stack, .processorTime, .fileSize, .openFiles, .lockedMemory, .residentSet, .niceness, .scheduling,
      .inputOutput,
    ]
    let plans = [
      SubordinateIDPlan(users: range, groups: range), SubordinateIDPlan(users: range, groups: 200_000...265_535),
      SubordinateIDPlan(users: range, groups: nil),
      SubordinateIDPlan(users: nil, groups: range), SubordinateIDPlan(users: nil, groups: nil),
    ]
    let exposures = [SubordinateIDKind.users, .groups].map {
      Event.subordinateIDsExposed(SubordinateIDExposure(kind: $0, id: 108_472, owner: value, range: range))
    }
    return exposures + plans.map { .subordinateIDsAdded($0) }
      + (refusals + holders.map { .overlap(range, $0) }).map { .subordinateIDsRefused($0) }
      + (failures + hindrances.map { .hindered($0, .notPermitted) } + ways(value).map { .way($0) }).map { .subordinateIDsFailed($0) }
  }

  private static func ways(_ value: [UInt8]) -> [PathError] {
    let reasons: [PathError.Reason] = [
      .missing, .notDirectory, .notRegular, .tooManySymbolicLinks, .tooLarge, .tooManyFiles, .ownedBy(1001), .writableByOthers(mode: 0o777),
      .linkOwnedBy(1001), .onNetwork(type: value), .userMount, .failed(.ioError), .failed(.accessDenied),
    ]
    return reasons.map { PathError(path: Path(value), reason: $0) }
  }

  private static func storages(_ value: [UInt8]) -> [StorageObservation.State] {
    let kinds: [FileKind] = [.directory, .regular, .symbolicLink, .fifo, .socket, .characterDevice, .blockDevice, .unknown]
    return kinds.map { .occupied(by: $0, owner: 1001) } + ways(value).map { .way($0) } + [
      .absent, .inPlace(mode: 0o700), .writableByOthers(mode: 0o777, content: .own),
      .writableByOthers(mode: 0o777, content: .foreign(name: value, owner: 1001)), .writableByOthers(mode: 0o777, content: .tooMuchToTell),
      .writableByOthers(mode: 0o777, content: .mount(name: value)), .onNetwork(type: value), .userMount(owner: nil),
      .userMount(owner: 1001), .failed(.ioError), .failed(.accessDenied),
      .writableByOthers(mode: 0o777, content: .ownAndOther), .writableByOthers(mode: 0o777, content: .openEngine(name: value, mode: 0o775)),
    ]
  }

  static let count = 41

  /// A new event does not compile here before it has a number, and then a sample.
  static func number(_ event: Event) -> Int {
    switch event {
    case .usage: 1
    case .notPermitted: 2
    case .processNotPrepared: 3
    case .identity: 4
    case .groupsLeftOut: 5
    case .settingsProblem: 6
    case .settingsRefused: 7
    case .idReserved: 8
    case .uidOutOfRange: 9
    case .nameUnfit: 10
    case .skeletonRefused: 11
    case .skeletonWarning: 12
    case .homeLocal: 13
    case .homeUnusable: 14
    case .storageRefused: 15
    case .storageCreated: 16
    case .storageRestricted: 17
    case .storageFailed: 18
    case .fileCreated: 19
    case .storeMoved: 20
    case .nameUnfitForFile: 21
    case .fileBlocked: 22
    case .fileFailed: 23
    case .leftoverRemoved: 24
    case .leftoverStays: 25
    case .overlayRecordRemoved: 35
    case .overlayRecordStays: 36
    case .allInPlace: 26
    case .storeUnknown: 27
    case .subordinateIDsAdded: 28
    case .subordinateIDsRefused: 29
    case .subordinateIDsFailed: 30
    case .storageTaken: 31
    case .storageNotTaken: 32
    case .storageOpen: 33
    case .engineDirectoryFailed: 34
    case .subordinateIDsExposed: 37
    case .excluded: 38
    case .exclusionUnknown: 39
    case .quotaNotSet: 40
    case .quotaUncertain: 41
    }
  }
}

extension Event: CustomTestStringConvertible {
  var testDescription: String { shown(Wording(account()).text(of: self).bytes.prefix(200)) }
}
