import Testing

@testable import RootlessStorage

private let engines = [
  SkeletonFile(path: ".config/containers/storage.conf", mode: 0o644, content: "graphroot = \"@STORAGE@/containers/storage\"\n"),
  SkeletonFile(path: ".config/docker/daemon.json", mode: 0o600, content: "{ \"data-root\": \"@STORAGE@/docker\" }\n"),
]

private let createPodman = Plan.Action.createFile(
  Plan.NewFile(
    directory: ".config/containers", name: "storage.conf", mode: 0o644,
    content: "graphroot = \"/var/tmp/alice/containers/storage\"\n"))
private let createDocker = Plan.Action.createFile(
  Plan.NewFile(
    directory: ".config/docker", name: "daemon.json", mode: 0o600, content: "{ \"data-root\": \"/var/tmp/alice/docker\" }\n"))

private func plan(
  _ seen: Observation, for user: Account = account(), _ settings: Settings = Settings(), _ skeleton: [SkeletonFile] = engines,
  isPrivileged: Bool = true
) -> Plan {
  Planner(account: user, settings: settings, skeleton: skeleton, storage: "/var/tmp/alice", isPrivileged: isPrivileged).plan(for: seen)
}

private let nfs = HomeObservation.on(.named("nfs4"))

private func storage(_ state: StorageObservation.State, open: Bool = true) -> StorageObservation {
  StorageObservation(parentIsWritableByOthers: open, state: state)
}

private let bothPresent = [FileObservation(state: .present), FileObservation(state: .present)]
private let bothAbsent = [FileObservation(state: .absent), FileObservation(state: .absent)]

/// Every way in which the storage directory is refused.
let refusals: [StorageObservation.State] = [
  .writableByOthers(mode: 0o777, content: .foreign(name: "layer", owner: 1001)),
  .writableByOthers(mode: 0o770, content: .tooMuchToTell),
  .writableByOthers(mode: 0o775, content: .openEngine(name: "containers", mode: 0o775)),
  .occupied(by: .directory, owner: 0), .occupied(by: .symbolicLink, owner: 0), .occupied(by: .symbolicLink, owner: 1000),
  .occupied(by: .characterDevice, owner: 0), .occupied(by: .blockDevice, owner: 0), .occupied(by: .blockDevice, owner: 1001),
  .occupied(by: .unknown, owner: 1001), .userMount(owner: nil), .userMount(owner: 1001), .userMount(owner: 0),
  .writableByOthers(mode: 0o777, content: .mount(name: "docker")), .onNetwork(type: "nfs"), .failed(.ioError), .failed(.stale),
  .way(PathError(path: "/var/tmp", reason: .missing)), .way(PathError(path: "/var", reason: .notDirectory)),
  .way(PathError(path: "/var/tmp", reason: .ownedBy(1001))),
  .way(PathError(path: "/var", reason: .writableByOthers(mode: 0o777))),
  .way(PathError(path: "/var", reason: .linkOwnedBy(1001))), .way(PathError(path: "/var", reason: .tooManySymbolicLinks)),
  .way(PathError(path: "/var/tmp", reason: .onNetwork(type: "nfs"))), .way(PathError(path: "/var/tmp/x", reason: .userMount)),
  .way(PathError(path: "/var", reason: .failed(.accessDenied))),
]

/// The table "what is seen, what login does, syslog" of the design, row by row.
@Suite struct PlannerTests {
  struct HomeRow: Sendable, CustomTestStringConvertible {
    let seen: HomeObservation
    let event: Event
    let severity: Severity
    let outcome: Outcome
    var testDescription: String { "\(event)" }
    init(_ seen: HomeObservation, _ event: Event, _ severity: Severity, _ outcome: Outcome = .done) {
      self.seen = seen
      self.event = event
      self.severity = severity
      self.outcome = outcome
    }
  }

  @Test(arguments: [
    HomeRow(.on(.blockDevice), .homeLocal(type: nil), .debug),
    HomeRow(.on(.named("ext4")), .homeLocal(type: "ext4"), .debug),
    HomeRow(.on(.named("tmpfs")), .homeLocal(type: "tmpfs"), .debug),
    HomeRow(.on(.named("fuse.gocryptfs")), .homeLocal(type: "fuse.gocryptfs"), .debug),
    HomeRow(.on(.named("nfs5")), .homeLocal(type: "nfs5"), .debug),
    HomeRow(.on(.named("NFS")), .homeLocal(type: "NFS"), .debug),
    HomeRow(.on(.named("")), .homeLocal(type: ""), .debug),
    HomeRow(.on(.named("autofs")), .homeUnusable(.missing), .notice),
    HomeRow(.missing, .homeUnusable(.missing), .notice),
    HomeRow(.notAbsolute, .homeUnusable(.notAbsolute), .warning),
    HomeRow(.notDirectory, .homeUnusable(.notDirectory), .warning),
    HomeRow(.ownedBy(0), .homeUnusable(.ownedBy(0)), .warning),
    HomeRow(.ownedBy(1001), .homeUnusable(.ownedBy(1001)), .warning),
    HomeRow(.denied(.accessDenied), .homeUnusable(.denied(.accessDenied)), .notice),
    HomeRow(.denied(.keyExpired), .homeUnusable(.denied(.keyExpired)), .notice),
    HomeRow(.withoutTicket(KerberosMount(type: "nfs5", flavour: "krb5"), .noKey), .homeUnusable(.denied(.noKey)), .notice),
    HomeRow(.typeUnknown(.noEntry), .homeUnusable(.typeUnknown(.noEntry)), .warning),
    HomeRow(.failed(.stale), .homeUnusable(.failed(.stale)), .err, .failed),
    HomeRow(.failed(.ioError), .homeUnusable(.failed(.ioError)), .err, .failed),
  ])
  func `a home that is local or cannot be used ends the matter, whatever else was seen`(row: HomeRow) {
    let seen = Observation(home: row.seen, storage: storage(.absent), files: bothAbsent)
    #expect(plan(seen) == Plan(events: [row.event]))
    #expect(Planner.earlyResult(from: row.seen, Settings()) == row.event)
    #expect(row.event.severity == row.severity)
    #expect(row.event.outcome == row.outcome)
  }

  @Test(arguments: [Errno.accessDenied, .noKey, .keyExpired, .keyRevoked])
  func `without a ticket the storage directory is made or taken, one notice says what is missing, and no file is planned`(cause: Errno) {
    let home = HomeObservation.withoutTicket(KerberosMount(type: "nfs4", flavour: "krb5p"), cause)
    let missing = Event.homeUnusable(home)
    #expect(Planner.earlyResult(from: home, Settings()) == nil)
    #expect(missing.severity == .notice && missing.outcome == .done)
    let blocked = [FileObservation(state: .blocked(cause)), FileObservation(state: .absent)]
    for files in [[], blocked] {
      #expect(
        plan(Observation(home: home, storage: storage(.absent), files: files))
          == Plan(actions: [.createStorageDirectory(mode: 0o700)], events: [missing]))
      #expect(plan(Observation(home: home, storage: storage(.inPlace(mode: 0o700)), files: files)) == Plan(events: [missing]))
      let squatted = storage(.occupied(by: .directory, owner: 1001))
      #expect(
        plan(Observation(home: home, storage: squatted, files: files))
          == Plan(actions: [.takePlace(from: .directory, owner: 1001)], events: [missing]))
    }
    let refused = storage(.occupied(by: .directory, owner: 0))
    #expect(plan(Observation(home: home, storage: refused)) == Plan(events: [missing, .storageRefused(refused)]))
  }

  @Test(arguments: Settings().networkFileSystems)
  func `a home on any of the listed types is served`(type: [UInt8]) {
    #expect(Planner.earlyResult(from: .on(.named(type)), Settings()) == nil)
    let seen = Observation(home: .on(.named(type)), storage: storage(.absent), files: bothAbsent)
    #expect(plan(seen) == Plan(actions: [.createStorageDirectory(mode: 0o700), createPodman, createDocker]))
  }

  @Test func `the list of types is the administrator's`() {
    var settings = Settings()
    settings.networkFileSystems = ["tmpfs"]
    #expect(Planner.earlyResult(from: .on(.named("tmpfs")), settings) == nil)
    #expect(Planner.earlyResult(from: .on(.named("nfs")), settings) == .homeLocal(type: "nfs"))
    // An automount point that did not trigger has no home in it, whatever the list says.
    settings.networkFileSystems = ["autofs"]
    #expect(Planner.earlyResult(from: .on(.named("autofs")), settings) == .homeUnusable(.missing))
  }

  @Test func `with everything in place nothing is done, and one debug line says so`() {
    for mode: UInt32 in [0o700, 0o711, 0o755, 0o500, 0o1700] {
      let seen = Observation(home: nfs, storage: storage(.inPlace(mode: mode)), files: bothPresent)
      #expect(plan(seen) == Plan(events: [.allInPlace]))
    }
    #expect(Event.allInPlace.severity == .debug)
    #expect(Event.allInPlace.outcome == .done)
  }

  @Test(arguments: [0o700, 0o711] as [UInt32])
  func `an absent storage directory is created first, with the mode of the settings`(mode: UInt32) {
    var settings = Settings()
    settings.directoryMode = mode
    let seen = Observation(home: nfs, storage: storage(.absent), files: bothAbsent)
    #expect(plan(seen, settings) == Plan(actions: [.createStorageDirectory(mode: mode), createPodman, createDocker]))
    #expect(Event.storageCreated(mode: mode).severity == .info)
    #expect(Event.storageCreated(mode: mode).outcome == .done)
  }

  @Test(arguments: zip([0o777, 0o770, 0o722, 0o731, 0o1777, 0o2775] as [UInt32], [0o755, 0o750, 0o700, 0o711, 0o1755, 0o2755]))
  func `of a writable storage directory only the write bits for others are taken away`(from: UInt32, to: UInt32) {
    let seen = Observation(home: nfs, storage: storage(.writableByOthers(mode: from, content: .own)), files: bothPresent)
    #expect(plan(seen) == Plan(actions: [.restrictStorageDirectory(from: from, to: to)]))
    #expect(Event.storageRestricted(from: from, to: to).severity == .notice)
    #expect(Event.storageRestricted(from: from, to: to).outcome == .done)
  }

  @Test(arguments: refusals, [false, true])
  func `a storage directory that is refused stops everything, config files included`(state: StorageObservation.State, open: Bool) {
    let refused = storage(state, open: open)
    let leftover = FileObservation(state: .absent, leftovers: [".rootless-storage.1.2.3.host"])
    let moved = FileObservation(state: .storeMoved(path: ".local/share/docker"))
    #expect(plan(Observation(home: nfs, storage: refused, files: [leftover, moved])) == Plan(events: [.storageRefused(refused)]))
    #expect(Event.storageRefused(refused).severity == .err)
    // Where others can write, anybody could lock anybody out: the option strict must not make that a refused login.
    #expect(Event.storageRefused(refused).outcome == (open ? .tolerated : .failed))
  }

  /// What anybody can have put into a place that anybody can write to.
  static let takeable: [(FileKind, UInt32)] = [
    (.directory, 1001), (.symbolicLink, 1001), (.regular, 1001), (.regular, 1000), (.regular, 0), (.fifo, 1001), (.fifo, 1000), (.fifo, 0),
    (.socket, 1001), (.socket, 1000), (.socket, 0), (.characterDevice, 1001), (.characterDevice, 1000),
  ]

  @Test(arguments: takeable)
  func `another's object is replaced only where anybody can make entries, by root, and unless the settings forbid it`(
    kind: FileKind, owner: UInt32
  ) {
    let seen = storage(.occupied(by: kind, owner: owner))
    let observation = Observation(home: nfs, storage: seen, files: bothAbsent)
    #expect(plan(observation) == Plan(actions: [.takePlace(from: kind, owner: owner), createPodman, createDocker]))
    #expect(plan(observation, isPrivileged: false) == Plan(events: [.storageRefused(seen)]))
    var settings = Settings()
    settings.occupied = .refuse
    #expect(plan(observation, settings) == Plan(events: [.storageRefused(seen)]))
    let inRoots = storage(.occupied(by: kind, owner: owner), open: false)
    #expect(plan(Observation(home: nfs, storage: inRoots, files: bothAbsent)) == Plan(events: [.storageRefused(inRoots)]))
  }

  @Test func `a directory in which others may be meant to write keeps its mode, with a warning`() {
    let seen = Observation(home: nfs, storage: storage(.writableByOthers(mode: 0o775, content: .ownAndOther)), files: bothPresent)
    #expect(plan(seen) == Plan(events: [.storageOpen(mode: 0o775)]))
    #expect(Event.storageOpen(mode: 0o775).severity == .warning)
  }

  @Test func `at a former place nobody else's object stays, and none is made`() {
    let planner = Planner(account: account(), settings: Settings(), skeleton: [], storage: "/var/tmp/alice", isPrivileged: true)
    var squatted = PathError(path: "/var/tmp/site", reason: .ownedBy(1001))
    squatted.mayBeTamperedByOthers = true
    var missing = PathError(path: "/var/tmp/site", reason: .missing)
    missing.mayBeTamperedByOthers = true
    func plan(_ state: StorageObservation.State, mayBeAnothers: Bool = false) -> Plan {
      planner.planGuard(for: storage(state), mayBeAnothers: mayBeAnothers)
    }
    let quiet: [StorageObservation.State] = [
      .absent, .inPlace(mode: 0o755), .onNetwork(type: "nfs"), .failed(.accessDenied),
      .way(PathError(path: "/var/tmp", reason: .onNetwork(type: "nfs"))),
      .way(missing), .way(PathError(path: "/var", reason: .ownedBy(0))), .way(PathError(path: "/var", reason: .notDirectory)),
    ]
    for state in quiet { #expect(plan(state) == Plan(), "\(state)") }
    for (kind, owner) in PlannerTests.takeable {
      #expect(plan(.occupied(by: kind, owner: owner)) == Plan(actions: [.takePlace(from: kind, owner: owner)]))
      // By the settings, it may be the storage directory of a user whose uid is this one's name.
      let seen = StorageObservation.State.occupied(by: kind, owner: owner)
      #expect(plan(seen, mayBeAnothers: true) == Plan(events: [.storageRefused(storage(seen))]))
    }
    #expect(plan(.writableByOthers(mode: 0o777, content: .own)) == Plan(actions: [.restrictStorageDirectory(from: 0o777, to: 0o755)]))
    #expect(plan(.writableByOthers(mode: 0o777, content: .ownAndOther)) == Plan(events: [.storageOpen(mode: 0o777)]))
    let told: [StorageObservation.State] = [
      .occupied(by: .symbolicLink, owner: 0), .userMount(owner: 1001), .way(squatted), .failed(.ioError),
      .way(PathError(path: "/data", reason: .ownedBy(1001))),
      .way(PathError(path: "/data", reason: .linkOwnedBy(1001))),
      .writableByOthers(mode: 0o777, content: .foreign(name: "x", owner: 1001)),
      .writableByOthers(mode: 0o777, content: .openEngine(name: "docker", mode: 0o777)),
    ]
    for state in told { #expect(plan(state) == Plan(events: [.storageRefused(storage(state))]), "\(state)") }
  }

  struct FileRow: Sendable, CustomTestStringConvertible {
    let seen: FileObservation.State
    let event: Event
    let severity: Severity
    let outcome: Outcome
    var testDescription: String { "\(event)" }
  }

  @Test(arguments: [
    FileRow(
      seen: .storeMoved(path: ".local/share/containers"),
      event: .storeMoved(file: ".config/containers/storage.conf", store: ".local/share/containers"), severity: .notice, outcome: .done),
    FileRow(
      seen: .storeUnknown(path: ".local/share/containers", .accessDenied),
      event: .storeUnknown(file: ".config/containers/storage.conf", store: ".local/share/containers", .accessDenied), severity: .warning,
      outcome: .done),
    FileRow(
      seen: .blocked(.notDirectory), event: .fileBlocked(file: ".config/containers/storage.conf", .notDirectory), severity: .warning,
      outcome: .done),
    FileRow(
      seen: .blocked(.accessDenied), event: .fileBlocked(file: ".config/containers/storage.conf", .accessDenied), severity: .warning,
      outcome: .done),
    FileRow(
      seen: .failed(.stale), event: .fileFailed(file: ".config/containers/storage.conf", .stale), severity: .err, outcome: .failed),
  ])
  func `one file that cannot be made does not keep the others from being made`(row: FileRow) {
    let files = [FileObservation(state: row.seen), FileObservation(state: .absent)]
    let seen = Observation(home: nfs, storage: storage(.inPlace(mode: 0o700)), files: files)
    #expect(plan(seen) == Plan(actions: [createDocker], events: [row.event]))
    #expect(row.event.severity == row.severity)
    #expect(row.event.outcome == row.outcome)
  }

  @Test func `what is present is left alone and not spoken of`() {
    let files = [FileObservation(state: .present), FileObservation(state: .absent)]
    let seen = Observation(home: nfs, storage: storage(.inPlace(mode: 0o700)), files: files)
    #expect(plan(seen) == Plan(actions: [createDocker]))
    #expect(Event.fileCreated("x").severity == .info)
  }

  @Test func `leftovers go before the file is made, also beside one that is present`() {
    let files = [FileObservation(state: .absent, leftovers: ["l1", "l2"]), FileObservation(state: .present, leftovers: ["l3"])]
    let seen = Observation(home: nfs, storage: storage(.inPlace(mode: 0o700)), files: files)
    let expected: [Plan.Action] = [
      .removeLeftover(directory: ".config/containers", name: "l1"), .removeLeftover(directory: ".config/containers", name: "l2"),
      createPodman, .removeLeftover(directory: ".config/docker", name: "l3"),
    ]
    #expect(plan(seen) == Plan(actions: expected))
    #expect(Event.leftoverRemoved("l1").severity == .debug)
    #expect(Event.leftoverStays("l1", .accessDenied).severity == .warning)
  }

  @Test func `a leftover that two files of one directory see is removed once`() {
    let skeleton = [SkeletonFile(path: "d/a", mode: 0, content: []), SkeletonFile(path: "d/b", mode: 0, content: [])]
    let files = [FileObservation(state: .present, leftovers: ["l1", "l2"]), FileObservation(state: .present, leftovers: ["l1", "l2"])]
    let seen = Observation(home: nfs, storage: storage(.inPlace(mode: 0o700)), files: files)
    #expect(
      plan(seen, Settings(), skeleton)
        == Plan(actions: [.removeLeftover(directory: "d", name: "l1"), .removeLeftover(directory: "d", name: "l2")]))
  }

  @Test func `a name that cannot stand in a file costs only the files that want it`() {
    let skeleton = [
      SkeletonFile(path: "a", mode: 0o644, content: "user = \"@USER@\""),
      SkeletonFile(path: "b", mode: 0o644, content: "uid = @UID@"),
    ]
    let seen = Observation(home: nfs, storage: storage(.inPlace(mode: 0o700)), files: bothAbsent)
    let uid = Plan.Action.createFile(Plan.NewFile(directory: "", name: "b", mode: 0o644, content: "uid = 1000"))
    #expect(
      plan(seen, for: account("DOM\\alice"), Settings(), skeleton)
        == Plan(actions: [uid], events: [.nameUnfitForFile(file: "a")]))
    #expect(Event.nameUnfitForFile(file: "a").severity == .warning)
    #expect(Event.nameUnfitForFile(file: "a").outcome == .done)
  }

  @Test func `an empty skeleton leaves the storage directory as the only matter`() {
    #expect(
      plan(Observation(home: nfs, storage: storage(.absent)), Settings(), []) == Plan(actions: [.createStorageDirectory(mode: 0o700)]))
    #expect(plan(Observation(home: nfs, storage: storage(.inPlace(mode: 0o700))), Settings(), []) == Plan(events: [.allInPlace]))
  }

  @Test func `after an execution, a new plan is empty`() {
    let states: [StorageObservation.State] =
      [
        .absent, .inPlace(mode: 0o700), .inPlace(mode: 0o711), .writableByOthers(mode: 0o777, content: .own),
        .writableByOthers(mode: 0o1770, content: .own),
      ] + refusals
    let files: [FileObservation] = [
      FileObservation(state: .present), FileObservation(state: .absent), FileObservation(state: .present, leftovers: ["l1"]),
      FileObservation(state: .absent, leftovers: ["l1", "l2"]), FileObservation(state: .storeMoved(path: "s"), leftovers: ["l1"]),
      FileObservation(state: .blocked(.notDirectory)), FileObservation(state: .failed(.ioError)),
    ]
    for state in states {
      for first in files {
        for second in files {
          let before = Observation(home: nfs, storage: storage(state), files: [first, second])
          let after = performed(plan(before), on: before)
          #expect(plan(after).actions == [], "\(state) \(first) \(second)")
        }
      }
    }
  }

  /// What an execution that succeeds makes of what was seen.
  private func performed(_ plan: Plan, on before: Observation) -> Observation {
    var seen = before
    for action in plan.actions {
      switch action {
      case .createStorageDirectory(let mode): seen.storage?.state = .inPlace(mode: mode)
      case .takePlace: seen.storage?.state = .inPlace(mode: 0o700)
      case .restrictStorageDirectory(_, let to):
        seen.storage?.state = to & 0o022 == 0 ? .inPlace(mode: to) : .writableByOthers(mode: to, content: .own)
      case .removeLeftover(let directory, let name):
        for index in engines.indices where engines[index].path.parent == directory { seen.files[index].leftovers.removeAll { $0 == name } }
      case .createFile(let file):
        for index in engines.indices where engines[index].path == file.path { seen.files[index].state = .present }
      }
    }
    return seen
  }
}

@Suite struct ExclusionTests {
  @Test(arguments: [0, 65534, 65535, UInt32.max] as [UInt32])
  func `ids that no person has are refused, whatever the settings say`(uid: UInt32) {
    var settings = Settings()
    settings.uidMin = 0
    #expect(Planner.ineligibility(of: account(uid: uid), settings) == .idReserved)
  }

  @Test func `the group id that means 'leave it' is refused, and no other`() {
    #expect(Planner.ineligibility(of: account(gid: UInt32.max), Settings()) == .idReserved)
    for gid: UInt32 in [0, 100, 65534, 65535, UInt32.max - 1] { #expect(Planner.ineligibility(of: account(gid: gid), Settings()) == nil) }
  }

  private static func place(_ line: Int) -> Exclusions.Place { Exclusions.Place(file: "/f", line: line) }

  /// alice, who is in the groups 2000, which is hers, 27 and 3000.
  private func exclusion(_ text: String, name: [UInt8] = "alice", groupsLeftOut: Bool = false) -> Event? {
    let account = Account(
      credentials: Credentials(user: 2000, group: 2000, groups: [27, 3000]), name: name, home: "/home/alice", groupsLeftOut: groupsLeftOut)
    return Planner.ineligibility(of: account, SettingsParser([SettingsFile(path: "/f", content: bytes(text))]).settings)
  }

  @Test(
    arguments: [
      ("exclude_users = alice", .excluded(.name(place(1)))), ("\nexclude_users = bob alice eve", .excluded(.name(place(2)))),
      ("exclude_users = alice2 alic Alice ALICE", nil), ("exclude_users = none", nil), ("exclude_users = alice\nexclude_users = bob", nil),
      ("exclude_groups = 2000", .excluded(.group(2000, place(1)))), ("exclude_groups = 5 27", .excluded(.group(27, place(1)))),
      ("exclude_groups = 3000 27", .excluded(.group(3000, place(1)))), ("exclude_groups = 2001 270 300 0", nil),
      ("exclude_groups = none", nil),
      ("exclude_groups = 27\nexclude_users = alice", .excluded(.name(place(2)))),
      // The uid is no group, and a number is a name too.
      ("exclude_users = 2000 27", nil),
      ("uid_min = 5000\nexclude_users = alice", .uidOutOfRange), ("exclude_users = alice\nuid_max = 1999", .uidOutOfRange),
      // What cannot be decided, is not "no".
      ("exclude_groups = students", .exclusionUnknown(.line(place(1)))),
      ("exclude_groups = 5 students", .exclusionUnknown(.line(place(1)))),
      ("exclude_groups =", .exclusionUnknown(.line(place(1)))), ("exclude_users = bob, eve", .exclusionUnknown(.line(place(1)))),
      ("exclude_users =", .exclusionUnknown(.line(place(1)))),
      ("exclude_groups = 27\nexclude_groups = x", .exclusionUnknown(.line(place(2)))),
      ("exclude_groups = x\nexclude_groups = 28", nil), ("exclude_groups = x\nexclude_users = alice", .excluded(.name(place(2)))),
      ("exclude_users = " + String(repeating: "x ", count: 4096), .exclusionUnknown(.line(place(1)))),
      ("#exclude_users = " + String(repeating: "x ", count: 4096), nil), ("exclude_user = alice", nil),
    ] as [(String, Event?)])
  func `users are excluded by name and by the number of any group of theirs`(text: String, event: Event?) {
    #expect(exclusion(text) == event, "\(text.prefix(60))")
  }

  @Test func `where groups are left out, a group that was not found is not known to be none of the user's`() {
    #expect(exclusion("exclude_groups = 28", groupsLeftOut: true) == .exclusionUnknown(.groups(ExclusionTests.place(1))))
    #expect(exclusion("exclude_groups = 28 27", groupsLeftOut: true) == .excluded(.group(27, ExclusionTests.place(1))))
    #expect(exclusion("exclude_groups = 28\nexclude_users = alice", groupsLeftOut: true) == .excluded(.name(ExclusionTests.place(2))))
    #expect(exclusion("exclude_groups = none\nexclude_users = bob", groupsLeftOut: true) == nil)
    #expect(exclusion("", groupsLeftOut: true) == nil)
  }

  @Test func `any name of the name service's can be excluded, but for one with a blank`() {
    for name in ["DOM\\alice", "alice@example.org", "pc$", "ä", "4711", "a.b-c_d", "x"] {
      #expect(exclusion("exclude_users = \(name)", name: bytes(name)) == .excluded(.name(ExclusionTests.place(1))), "\(name)")
    }
  }

  @Test(
    arguments: [
      (1000, nil, 999, false), (1000, nil, 1000, true), (1000, nil, UInt32.max - 1, true), (0, nil, 1, true), (1000, 2000, 2000, true),
      (1000, 2000, 2001, false), (1000, 1000, 1000, true), (UInt32.max, nil, UInt32.max - 1, false), (1, 65536, 65533, true),
      (1, 65536, 65536, true),
    ] as [(UInt32, UInt32?, UInt32, Bool)])
  func `uid_min and uid_max are both served themselves`(min: UInt32, max: UInt32?, uid: UInt32, served: Bool) {
    var settings = Settings()
    settings.uidMin = min
    settings.uidMax = max
    #expect(Planner.ineligibility(of: account(uid: uid), settings) == (served ? nil : .uidOutOfRange))
    #expect(Event.uidOutOfRange.severity == .debug)
  }
}
