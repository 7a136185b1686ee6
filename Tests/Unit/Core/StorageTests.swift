import Testing

@testable import RootlessStorage

/// Looking at the storage directory's place. Needs root, since the way there must be root's.
@Suite(.enabled(if: isRoot, "needs root"), .serialized) struct StorageTests {
  private let place = TestDirectory()
  private let alice = account(uid: 12_345)
  private let bob: UInt32 = 12_346

  private func look(_ parent: [UInt8] = "parent") throws -> StorageObservation {
    var settings = Settings()
    settings.storage = try StorageTemplate(place(parent).bytes + "/$USER")
    return StorageObserver(alice, settings, leaf: "alice", MountTable(blockDeviceIsLocal: true), EngineDirectories(skeleton: []))
      .observation
  }

  private func make(_ mode: UInt32, owner: UInt32 = 12_345) {
    place.directory("parent/alice", mode: mode)
    place.setOwner("parent/alice", owner)
  }

  @Test(arguments: [(0o755, false), (0o1777, true), (0o1775, true)] as [(UInt32, Bool)])
  func `who can write to the parent is told beside what is in it`(mode: UInt32, open: Bool) throws {
    place.directory("parent", mode: mode)
    #expect(try look() == StorageObservation(parentIsWritableByOthers: open, state: .absent))
    make(0o700)
    #expect(try look() == StorageObservation(parentIsWritableByOthers: open, state: .inPlace(mode: 0o700)))
  }

  @Test(arguments: [0o700, 0o711, 0o755, 0o500, 0o1700] as [UInt32]) func `a directory of the user's that is closed to others is in place`(
    mode: UInt32
  ) throws {
    make(mode)
    #expect(try look().state == .inPlace(mode: mode))
  }

  @Test(arguments: [0o777, 0o770, 0o702, 0o1777] as [UInt32]) func `a writable one is looked into, one level deep`(mode: UInt32) throws {
    make(mode)
    #expect(try look().state == .writableByOthers(mode: mode, content: .own))
    place.directory("parent/alice/docker/deep")
    place.setOwner("parent/alice/docker", 12_345)
    #expect(try look().state == .writableByOthers(mode: mode, content: .own))
    place.directory("parent/alice/data")
    place.setOwner("parent/alice/data", 12_345)
    #expect(try look().state == .writableByOthers(mode: mode, content: .ownAndOther))
    place.directory("parent/alice/docker", mode: 0o775)
    #expect(try look().state == .writableByOthers(mode: mode, content: .openEngine(name: "docker", mode: 0o775)))
    place.directory("parent/alice/docker", mode: 0o755)
    place.link("parent/alice/link", to: "/")
    place.setOwner("parent/alice/link", bob)
    #expect(try look().state == .writableByOthers(mode: mode, content: .foreign(name: "link", owner: bob)))
  }

  @Test func `a writable one with more entries than anybody looks at is not vouched for`() throws {
    make(0o777)
    for number in 0..<1025 as Range<UInt64> {
      place.link("parent/alice/" + decimal(number), to: "x")
      place.setOwner("parent/alice/" + decimal(number), 12_345)
    }
    #expect(try look().state == .writableByOthers(mode: 0o777, content: .tooMuchToTell))
  }

  @Test func `anything else in its place is told with its owner, and not followed`() throws {
    make(0o700, owner: bob)
    #expect(try look().state == .occupied(by: .directory, owner: bob))
    make(0o700, owner: 0)
    #expect(try look().state == .occupied(by: .directory, owner: 0))
    place.directory("other")
    place.file("other/alice")
    place.setOwner("other/alice", 12_345)
    #expect(try look("other").state == .occupied(by: .regular, owner: 12_345))
    place.directory("third")
    place.link("third/alice", to: place("parent/alice"))
    place.setOwner("third/alice", 12_345)
    make(0o700)
    #expect(try look("third").state == .occupied(by: .symbolicLink, owner: 12_345))
    place.directory("fourth")
    place.fifo("fourth/alice")
    place.setOwner("fourth/alice", bob)
    #expect(try look("fourth").state == .occupied(by: .fifo, owner: bob))
  }

  @Test func `a way that is not to be trusted is told, and whether others can have done it`() throws {
    place.directory("parent", mode: 0o777)
    #expect(
      try look()
        == StorageObservation(
          parentIsWritableByOthers: true, state: .way(PathError(path: place("parent"), reason: .writableByOthers(mode: 0o777)))))
    place.directory("parent/deep")
    #expect(
      try look("parent/deep")
        == StorageObservation(
          parentIsWritableByOthers: true, state: .way(PathError(path: place("parent"), reason: .writableByOthers(mode: 0o777)))))
    #expect(
      try look("none")
        == StorageObservation(parentIsWritableByOthers: false, state: .way(PathError(path: place("none"), reason: .missing))))
  }

  @Test func `a parent that others can write to is known as such behind a link too`() throws {
    place.directory("parent", mode: 0o777)
    place.link("link", to: "parent")
    let seen = try look("link")
    #expect(seen.state == .way(PathError(path: place("parent"), reason: .writableByOthers(mode: 0o777))))
    #expect(seen.parentIsWritableByOthers)
  }

  @Test func `whoever squats on the way where others can write locks nobody out of a strict login`() throws {
    place.directory("open", mode: 0o1777)
    for made in [false, true] {
      if made {
        place.directory("open/squatted")
        place.setOwner("open/squatted", bob)
      }
      var problem = PathError(path: place("open/squatted"), reason: made ? .ownedBy(bob) : .missing)
      problem.mayBeTamperedByOthers = true
      #expect(try look("open/squatted") == StorageObservation(parentIsWritableByOthers: true, state: .way(problem)))
    }
    place.directory("closed/theirs")
    place.setOwner("closed/theirs", bob)
    #expect(try look("closed/theirs").parentIsWritableByOthers == false)
  }

  @Test func `a parent on a network file system is refused`() throws {
    // /dev/shm or /proc: any type will do, if it is listed.
    var settings = Settings()
    settings.networkFileSystems = ["proc"]
    settings.storage = try StorageTemplate("/proc/$USER")
    #expect(
      StorageObserver(alice, settings, leaf: "alice", MountTable(blockDeviceIsLocal: true), EngineDirectories(skeleton: [])).observation
        == StorageObservation(parentIsWritableByOthers: false, state: .way(PathError(path: "/proc", reason: .onNetwork(type: "proc")))))
  }
}
