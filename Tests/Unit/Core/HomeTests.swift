import Testing

@testable import RootlessStorage

/// Observer, planner and executor together, on a home of the test's own. What is network and what is local plays no part here: the
/// plan is made as for a network home.
@Suite(.serialized) struct HomeTests {
  private let home = TestDirectory()
  private let mounts = MountTable(blockDeviceIsLocal: true)
  private var user: Account { account(uid: myself.user, gid: myself.group, home: home.path) }
  private let skeleton = [
    SkeletonFile(path: ".config/containers/storage.conf", mode: 0o644, content: "graphroot = \"@STORAGE@/c\"\n"),
    SkeletonFile(path: ".config/docker/daemon.json", mode: 0o600, content: "{}"), SkeletonFile(path: "top", mode: 0o400, content: "@UID@"),
  ]
  private let storage = StorageObservation(parentIsWritableByOthers: true, state: .inPlace(mode: 0o700))

  private func look(_ place: borrowing HomeObserver) -> Observation {
    Observation(home: .on(.named("nfs4")), storage: storage, files: place.files(skeleton, Settings(), mounts))
  }

  private func plan(_ seen: Observation) -> Plan {
    Planner(account: user, settings: Settings(), skeleton: skeleton, storage: "/var/tmp/alice", isPrivileged: true).plan(for: seen)
  }

  /// One login's worth.
  private func login() -> [Event] {
    let place = HomeObserver(user, mounts)
    let plan = plan(look(place))
    var executor = Executor(user, Settings(), deadline: 0)
    executor.completeHome(plan, at: place)
    return plan.events + executor.takeEvents()
  }

  private let created: [Event] = [
    .fileCreated(".config/containers/storage.conf"), .fileCreated(".config/docker/daemon.json"), .fileCreated("top"),
  ]

  @Test func `an empty home gets every file whole, and the next login finds nothing to do`() {
    #expect(login() == created)
    #expect(home.content(".config/containers/storage.conf").map(shown) == "graphroot = \"/var/tmp/alice/c\"\n")
    #expect(home.content("top").map(shown) == String(myself.user))
    #expect(home.mode(".config") == 0o700 && home.mode(".config/docker") == 0o700)
    #expect(home.mode(".config/containers/storage.conf") == 0o644)
    #expect(home.mode(".config/docker/daemon.json") == 0o600)
    #expect(home.mode("top") == 0o400)
    #expect(home.entries() == [".config", "top"])
    #expect(home.entries(".config/containers") == ["storage.conf"])
    #expect(login() == [.allInPlace])
  }

  @Test func `anything of that name is left alone, a dangling link and a FIFO too`() {
    home.directory(".config/containers")
    home.directory(".config/docker")
    home.link(".config/containers/storage.conf", to: home("nowhere"))
    home.fifo(".config/docker/daemon.json")
    home.directory("top")
    #expect(login() == [.allInPlace])
    #expect(home.entries() == [".config", "top"])
    #expect(home.entries(".config/containers") == ["storage.conf"])
  }

  @Test func `a name that is taken between looking and acting stays as it is`() {
    let place = HomeObserver(user, mounts)
    let plan = plan(look(place))
    home.file("top", "the user's")
    home.directory(".config/docker")
    home.link(".config/docker/daemon.json", to: home("nowhere"))
    var executor = Executor(user, Settings(), deadline: 0)
    executor.completeHome(plan, at: place)
    #expect(executor.takeEvents() == [.fileCreated(".config/containers/storage.conf")])
    #expect(home.content("top") == "the user's")
    #expect(home.entries() == [".config", "top"])
    #expect(home.entries(".config/docker") == ["daemon.json"])
  }

  @Test func `a file on the way blocks one file and not the others`() {
    home.directory(".config")
    home.file(".config/docker", "mine")
    #expect(
      login() == [
        .fileBlocked(file: ".config/docker/daemon.json", .notDirectory), .fileCreated(".config/containers/storage.conf"),
        .fileCreated("top"),
      ])
    #expect(home.content(".config/docker") == "mine")
  }

  @Test func `a dangling link on the way blocks its files, and leads nowhere afterwards`() {
    home.link(".config", to: home("elsewhere"))
    #expect(
      login() == [
        .fileBlocked(file: ".config/containers/storage.conf", .notDirectory),
        .fileBlocked(file: ".config/docker/daemon.json", .notDirectory),
        .fileCreated("top"),
      ])
    #expect(home.entries() == [".config", "top"])
  }

  @Test func `a directory that the user has linked is followed`() {
    home.directory("dotfiles")
    home.link(".config", to: "dotfiles")
    #expect(login() == created)
    #expect(home.entries("dotfiles") == ["containers", "docker"])
  }

  @Test(
    arguments: [
      (".local/share/containers", ".config/containers/storage.conf", 0), (".local/share/docker", ".config/docker/daemon.json", 1),
    ] as [(Path, Path, Int)])
  func `an engine whose store the user has moved gets no file`(store: Path, file: Path, index: Int) {
    home.directory(".local/share")
    home.link(store.bytes, to: "/nonexistent")
    var expected = created
    expected.remove(at: index)
    expected.insert(.storeMoved(file: file, store: store), at: 0)
    #expect(login() == expected)
  }

  @Test func `a store that is a plain directory is in its usual place`() {
    home.directory(".local/share/containers")
    #expect(login() == created)
  }

  @Test func `what a dead helper of this host left goes, what a live one writes stays`() {
    let here = thisProcess()
    let dead = TemporaryName(process: ProcessStamp(number: here.number, started: here.started + 1), index: 1, host: hostName()).bytes
    let alive = TemporaryName(process: here, index: 4_000_000, host: hostName()).bytes
    let elsewhere = TemporaryName(process: ProcessStamp(number: 1, started: 1), index: 1, host: "another-host").bytes
    for name in [dead, alive, elsewhere, ".rootless-storage.mine"] as [[UInt8]] { home.file(name) }
    let events = login()
    #expect(events.contains(.leftoverRemoved(Path(dead))))
    #expect(!events.contains(.leftoverRemoved(Path(alive))) && !events.contains(.leftoverRemoved(Path(elsewhere))))
    #expect(!exists(home(dead)) && exists(home(alive)) && exists(home(elsewhere)) && exists(home(".rootless-storage.mine")))
  }

  @Test func `a leftover is looked for beside a file with a second link, and not beside another`() throws {
    let here = thisProcess()
    let dead = TemporaryName(process: ProcessStamp(number: here.number, started: here.started + 1), index: 1, host: hostName()).bytes
    _ = login()
    home.file(dead)
    #expect(login() == [.allInPlace])
    let directory = try open(path: home.path, .pathOnlyDirectory)
    try RootlessStorage.link(at: directory, "top", "second")
    #expect(login() == [.leftoverRemoved(Path(dead))])
  }

  @Test func `a leftover is only what a helper can have made: a regular file of the user's`() {
    let here = thisProcess()
    func dead(_ index: UInt32) -> [UInt8] {
      TemporaryName(process: ProcessStamp(number: here.number, started: here.started + 1), index: index, host: hostName()).bytes
    }
    home.link(dead(1), to: "nowhere")
    home.fifo(dead(2))
    home.directory(dead(3))
    home.file(dead(4))
    if isRoot { home.setOwner(dead(4), 12_345) }
    let removed = login().filter { if case .leftoverRemoved = $0 { true } else { false } }
    #expect(removed == (isRoot ? [] : [.leftoverRemoved(Path(dead(4)))]))
  }

  @Test func `directories that were made for nothing go again`() {
    let place = HomeObserver(user, mounts)
    home.directory("a")
    let name = repeated("n", 256)
    let new = Plan.NewFile(directory: "a/b/c", name: name, mode: 0o644, content: "x")
    var executor = Executor(user, Settings(), deadline: 0)
    executor.completeHome(Plan(actions: [.createFile(new)]), at: place)
    #expect(executor.takeEvents() == [.fileFailed(file: Path("a/b/c/" + name), .nameTooLong)])
    #expect(home.entries() == ["a"])
    #expect(home.entries("a") == [])
  }

  @Test(
    arguments: [
      ("", .notAbsolute), ("relative", .notAbsolute), ("/nonexistent/alice", .missing), ("/dev/null", .notDirectory),
      ("/dev/null/x", .notDirectory),
      (Path("/" + repeated("x", 256)), .notDirectory),
    ] as [(Path, HomeObservation)])
  func `a home that cannot be one is told apart`(path: Path, expected: HomeObservation) {
    let place = HomeObserver(account(uid: myself.user, home: path), mounts)
    #expect(place.observation == expected)
    var executor = Executor(user, Settings(), deadline: 0)
    executor.completeHome(Plan(actions: [.createFile(Plan.NewFile(directory: "", name: "f", mode: 0, content: []))]), at: place)
    #expect(executor.takeEvents() == [])
  }

  @Test func `a home that is somebody else's, or behind a loop of links, is none`() {
    #expect(HomeObserver(account(uid: 54_321, home: home.path), mounts).observation == .ownedBy(myself.user))
    home.link("loop", to: "loop")
    #expect(HomeObserver(account(uid: myself.user, home: home("loop")), mounts).observation == .notDirectory)
  }

  @Test func `a home's file system is known`() {
    guard case .on(.named(let type)) = HomeObserver(user, MountTable(blockDeviceIsLocal: false)).observation else {
      Issue.record("the type is asked for as soon as a listed one can lie on a block device")
      return
    }
    #expect(!type.isEmpty)
    #expect(HomeObserver(account(uid: 0, home: "/proc"), mounts).observation == .on(.named("proc")))
  }
}
