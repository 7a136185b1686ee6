import Testing

@testable import RootlessStorage
@testable import rootless_storage

private let machine: [UInt8] = "0123456789abcdef0123456789abcdef"
private let boot: [UInt8] = "11111111111111111111111111111111"
private let otherBoot: [UInt8] = "22222222222222222222222222222222"
/// A Tuesday's midnight, UTC.
private let start: Int64 = 1_798_761_600

/// So many days later, where the machine has run on all the time.
private func day(_ days: Double, running: Int64? = nil, boot name: [UInt8] = boot) -> Moment {
  Moment(wall: start + Int64(days * 86400), boot: name, running: running ?? 1000 + Int64(days * 86400))
}

private let parent: Path = "/var/tmp"
private let subject = Absence.Subject(key: "/var/tmp/erin", binding: "8:1:77:1.000000001:2600")

/// When an absence counts: the line that is kept from run to run.
@Suite struct AbsenceTests {
  /// The runs after which it counts, counted from 1.
  private func gone(_ runs: [Moment], days: UInt32 = 7) -> [Int] {
    var list = AbsenceList(machine: machine)
    return runs.enumerated().compactMap { number, moment in
      // What is kept is what is read in the next run.
      list = AbsenceList(list.content, machine: machine)
      return list.note([subject], .storage(parent: parent), moment)[0].isGone(afterDays: days) ? number + 1 : nil
    }
  }

  @Test func `three days, orphan_days between the first and the last, and a day of the machine's own clock`() {
    #expect(gone([day(0), day(1), day(2), day(6.9), day(7), day(8)]) == [5, 6])
    // Two days are too few, however far apart; so are many runs on them.
    #expect(gone([day(0), day(0.1), day(0.2), day(30), day(30.5)]) == [])
    #expect(gone([day(0), day(30), day(60)]) == [3])
    #expect(gone([day(0), day(1), day(2)], days: 0) == [3])
    #expect(gone([day(0), day(3650), day(3651)], days: 3650) == [3])
  }

  @Test func `a wall clock that jumps makes no days`() {
    // The machine ran for five minutes.
    #expect(gone([day(0, running: 10), day(4, running: 100), day(8, running: 200), day(20, running: 310)]) == [])
    // The last run's time is in the future now: one of the two was wrong, and it begins anew.
    let later: (Double) -> Int64 = { 1000 + Int64($0 * 86400) }
    #expect(gone([day(0), day(9), day(2, running: later(10)), day(9.5, running: later(11)), day(10, running: later(12))]) == [5])
    var list = AbsenceList(machine: machine)
    _ = list.note([subject], .storage(parent: parent), day(9))
    #expect(list.note([subject], .storage(parent: parent), day(2, running: later(10)))[0].first == day(2).wall)
    // As it does if the other clock went back in the same boot.
    #expect(gone([day(0), day(4), day(8, running: 5), day(9, running: 86400 * 2)]) == [])
    // A clock that was never set writes nothing that is believed later.
    #expect(Moment.earliest > 1_600_000_000)
    let unset = Absence(kind: .storage, subject, first: 60, last: 60, days: 9, running: 99_999_999, boot: boot, bootTime: 1)
    #expect(!unset.isCredible(day(0)))
  }

  @Test func `over restarts only what each start has run is added`() {
    let hours: (Int64) -> Int64 = { $0 * 3600 }
    // Ten hours after its start each time: 10, 20, 30 hours.
    #expect(
      gone([day(0), day(7, running: hours(10), boot: otherBoot), day(14, running: hours(10)), day(21, running: hours(10), boot: otherBoot)])
        == [4])
    // Within one start the difference.
    #expect(
      gone([day(0, running: hours(100)), day(7, running: hours(111)), day(14, running: hours(123)), day(21, running: hours(124))]) == [4])
    // Sums cannot overflow.
    let long = Absence(
      kind: .storage, subject, first: start, last: start, days: UInt32.max, running: Int64.max, boot: otherBoot, bootTime: 0)
    #expect(long.seen(day(1)).running == Int64.max && long.seen(day(1)).days == UInt32.max)
  }

  @Test func `who is back loses the line, and so does what was made anew, and everybody in a run that could not look`() {
    let scope = Absence.Scope.storage(parent: parent)
    for between in [[], [Absence.Subject(key: subject.key, binding: "8:1:78:1.000000001:2600")]] {
      var list = AbsenceList(machine: machine)
      _ = list.note([subject], scope, day(0))
      _ = list.note([subject], scope, day(4))
      _ = list.note(between, scope, day(8))
      #expect(list.note([subject], scope, day(9))[0] == Absence(kind: .storage, subject, day(9)))
    }
  }

  @Test func `a run keeps the lines of what it does not look at`() {
    let owner = Absence.Subject(key: "left", binding: "-:17")
    let elsewhere = Absence.Subject(key: "/srv/storage/erin", binding: "8:1:9:-:2600")
    let below = Absence.Subject(key: "/var/tmp/sub/erin", binding: "8:1:9:-:2600")
    var list = AbsenceList(machine: machine)
    _ = list.note([owner], .owners, day(0))
    _ = list.note([elsewhere], .storage(parent: "/srv/storage"), day(0))
    _ = list.note([below], .storage(parent: "/var/tmp/sub"), day(0))
    _ = list.note([subject], .storage(parent: "/var//tmp"), day(1))
    #expect(list.lines.map(\.subject) == [owner, elsewhere, below, subject])
    _ = list.note([], .storage(parent: parent), day(2))
    _ = list.note([], .owners, day(2))
    #expect(list.lines.map(\.subject) == [elsewhere, below])
    // But not for ever.
    _ = list.note([], .owners, day(500))
    #expect(list.lines == [])
  }

  @Test func `the earliest moment is told, and the rule holds then and not before`() {
    for (runs, days) in [
      ([day(0)], 7), ([day(0), day(1)], 7), ([day(0), day(1), day(2)], 7), ([day(0)], 0), ([day(0), day(0.5)], 1),
      ([day(0), day(9, running: 5, boot: otherBoot)], 7),
    ] as [([Moment], UInt32)] {
      var absence = Absence(kind: .storage, subject, runs[0])
      for run in runs.dropFirst() { absence = absence.seen(run) }
      let earliest = absence.earliest(afterDays: days)
      #expect(earliest > runs.last!.wall)
      func after(_ seconds: Int64) -> Absence {
        // Runs on each day between.
        var seen = absence
        let last = runs.last!
        for time in stride(from: last.wall + 86400, to: earliest + seconds, by: 86400) {
          seen = seen.seen(Moment(wall: time, boot: last.boot, running: last.running + time - last.wall))
        }
        return seen.seen(Moment(wall: earliest + seconds, boot: last.boot, running: last.running + earliest + seconds - last.wall))
      }
      #expect(after(0).isGone(afterDays: days), "\(runs) \(days)")
      #expect(!after(-1).isGone(afterDays: days), "\(runs) \(days)")
    }
  }

  @Test func `what is kept is read as it was written, and anything else is not believed`() {
    var list = AbsenceList(machine: machine)
    let names: [[UInt8]] = ["/var/tmp/erin", "a b%\n", [0xff, 0x00, 0x25], "#x:y"]
    _ = list.note(names.map { Absence.Subject(key: $0, binding: "8:1:2:-:3") }, .owners, day(0))
    #expect(AbsenceList(list.content, machine: machine) == list)
    #expect(list.content.allSatisfy { $0 == 0x0a || $0 >= 0x20 && $0 < 0x7f })
    // Another machine's, as in a copy of its disk.
    #expect(AbsenceList(list.content, machine: "f123456789abcdef0123456789abcdef").lines == [])
    for bad in ["", "\n", "rootless-storage-absences 2 \(shown(machine))\n", "rootless-storage-absences 1\n"] {
      #expect(AbsenceList(bytes(bad) + list.content.drop { $0 != 0x0a }, machine: machine).lines == [], "\(bad)")
    }
    let heading = "rootless-storage-absences 1 \(shown(machine))\n"
    let good = "storage /var/tmp/erin 8:1:77:-:2600 1798761600 1798761600 1 0 \(shown(boot)) 1000"
    #expect(AbsenceList(bytes(heading + good), machine: machine).lines.count == 1)
    for (old, new) in [
      ("storage ", "store "), ("/erin", "/%4"), ("/erin", "/%zz"), (" 1 0 ", " -1 0 "), (" 1 0 ", " 1 99999999999999999999 "),
      (" 1 0 ", " 1 999999999999999 "), (" 1000", " x"), (" 1000", ""), (" 1000", " 1000 1"), ("1111", "111"),
    ] {
      #expect(
        AbsenceList(bytes(heading + good.replacing(old, with: new, maxReplacements: 1)), machine: machine).lines == [], "\(old) \(new)")
    }
    #expect(AbsenceList(bytes(heading + good + "\n" + good), machine: machine).lines.count == 1)
  }

  @Test func `of too many, those who wait longest keep their lines`() {
    var list = AbsenceList(machine: machine)
    let first = (0..<4000).map { Absence.Subject(key: bytes("/var/tmp/a\($0)"), binding: "x") }
    let more = (0..<5000).map { Absence.Subject(key: bytes("/var/tmp/b\($0)"), binding: "x") }
    _ = list.note(first, .storage(parent: parent), day(0))
    #expect(list.note(more + first, .storage(parent: parent), day(1)).count == 9000)
    #expect(list.lines.count == AbsenceList.most && Set(list.lines.prefix(4000).map(\.subject)) == Set(first))
    #expect(AbsenceList(list.content, machine: machine).lines.count == AbsenceList.most)
    #expect(list.content.count < AbsenceList.longestFile)
  }
}

/// The file, which only root can have written.
@Suite(.enabled(if: isRoot, "needs root"), .serialized) struct AbsenceMemoryTests {
  private let place = TestDirectory()

  private func memory(_ moment: Moment?, isWriting: Bool = true, machine id: [UInt8]? = machine) -> AbsenceMemory {
    AbsenceMemory(directory: place("lib/kept"), machine: id, moment: moment, isWriting: isWriting)
  }

  private func note(_ moment: Moment, isWriting: Bool = true, _ absent: [Absence.Subject] = [subject]) -> (AbsenceMemory.Answer?, String?) {
    var memory = memory(moment, isWriting: isWriting)
    let answers = memory.note(absent, .storage(parent: parent), orphanDays: 7, isLocal: true)
    return (answers.first, memory.problem)
  }

  @Test func `it is made where it is needed, root's alone, and replaced as a whole`() {
    place.directory("lib")
    #expect(note(day(0), []) == (nil, nil))
    #expect(place.entries("lib") == [])
    #expect(note(day(0)) == (AbsenceMemory.Answer(isGone: false, since: start, earliest: start + 7 * 86400), nil))
    #expect(place.entries("lib/kept") == [".orphans.lock", "orphans"])
    #expect(place.mode("lib/kept") == 0o755 && place.mode("lib/kept/orphans") == 0o600 && place.mode("lib/kept/.orphans.lock") == 0o600)
    // Left by a run that was killed.
    place.file("lib/kept/.orphans.new", repeated("rubbish\n", 1000), mode: 0o666)
    #expect(note(day(3)).0?.isGone == false)
    #expect(place.entries("lib/kept") == [".orphans.lock", "orphans"] && place.mode("lib/kept/orphans") == 0o600)
    #expect(note(day(8)) == (AbsenceMemory.Answer(isGone: true, since: start, earliest: start + 8 * 86400), nil))
    #expect(note(day(9), []) == (nil, nil))
    #expect(place.content("lib/kept/orphans") == bytes("rootless-storage-absences 1 \(shown(machine))\n"))
  }

  @Test func `a look that changes nothing writes nothing, and is no run`() {
    place.directory("lib")
    #expect(note(day(0), isWriting: false) == (AbsenceMemory.Answer(isGone: false), nil))
    #expect(place.entries("lib") == [])
    _ = note(day(0))
    _ = note(day(1))
    let before = place.content("lib/kept/orphans")
    // It tells what a run would do now.
    #expect(note(day(8), isWriting: false).0?.isGone == true)
    #expect(note(day(2), isWriting: false).0 == AbsenceMemory.Answer(isGone: false, since: start, earliest: start + 7 * 86400))
    #expect(place.content("lib/kept/orphans") == before)
  }

  @Test func `what somebody else could have written is not believed`() {
    func prepare() {
      place.directory("lib/kept")
      let text =
        "rootless-storage-absences 1 \(shown(machine))\nstorage /var/tmp/erin \(shown(subject.binding)) \(start) \(start) 5 900000 \(shown(boot)) 0\n"
      place.file("lib/kept/orphans", bytes(text), mode: 0o600)
    }
    prepare()
    #expect(
      note(day(8), isWriting: false) == (AbsenceMemory.Answer(isGone: true, since: start, earliest: start + 8 * 86400), nil),
      "\(shown(place.content("lib/kept/orphans") ?? []))")
    let spoilers: [() -> Void] = [
      { place.setMode("lib/kept/orphans", 0o620) }, { place.setOwner("lib/kept/orphans", 1000) }, { place.setMode("lib/kept", 0o777) },
      { place.setMode("lib/kept", 0o1777) },
      { place.setOwner("lib/kept", 1000) }, { place.setMode("lib", 0o775) },
      {
        _ = unlink(place, "lib/kept/orphans"); place.link("lib/kept/orphans", to: place.file("other", []))
      },
      {
        _ = unlink(place, "lib/kept/orphans"); place.fifo("lib/kept/orphans")
      },
    ]
    for isWriting in [false, true] {
      for (number, spoil) in spoilers.enumerated() {
        prepare()
        spoil()
        let (answer, problem) = note(day(8), isWriting: isWriting)
        #expect(answer == AbsenceMemory.Answer(isGone: false) && problem != nil, "\(number) \(isWriting)")
        _ = unlink(place, "lib/kept/orphans")
        for name in ["lib/kept", "lib"] as [[UInt8]] {
          place.setOwner(name, 0)
          place.setMode(name, 0o755)
        }
      }
    }
  }

  @Test func `without an id of the machine or a clock nobody is gone`() {
    place.directory("lib")
    for var memory in [memory(day(8), machine: nil), memory(nil)] {
      #expect(memory.note([subject], .storage(parent: parent), orphanDays: 0, isLocal: false) == [AbsenceMemory.Answer(isGone: false)])
      #expect(memory.problem?.contains("; ") == true)
      // Only where there is nobody who could be offline, and an administrator has said so, one look is enough.
      #expect(memory.note([subject], .storage(parent: parent), orphanDays: 1, isLocal: true) == [AbsenceMemory.Answer(isGone: false)])
      #expect(memory.note([subject], .storage(parent: parent), orphanDays: 0, isLocal: true) == [AbsenceMemory.Answer(isGone: true)])
      #expect(memory.problem == nil)
    }
    #expect(hexadecimal("uninitialized\n") == nil && hexadecimal("") == nil && hexadecimal("0123456789ABCDEF0123456789abcdef") == nil)
    #expect(hexadecimal("11111111-1111-1111-1111-111111111111\n") == boot)
  }
}

extension AbsenceMemoryTests {
  /// A file that cannot be written, whoever writes: the new one's place is taken by a directory.
  private func block() { place.directory("lib/kept/.orphans.new/x") }

  @Test func `a run that cannot be written down neither counts nor keeps older ones from counting`() {
    let other = Absence.Subject(key: "/var/tmp/frank", binding: "1:2:3")
    place.directory("lib")
    for time in [0.0, 4] { _ = note(day(time)) }
    let before = place.content("lib/kept/orphans")
    block()
    let (answer, problem) = note(day(8), [subject, other])
    #expect(answer == AbsenceMemory.Answer(isGone: true, since: start, earliest: start + 8 * 86400))
    #expect(problem?.contains("this run is not recorded") == true && problem?.contains("/lib/kept/orphans: ") == true, "\(problem ?? "")")
    #expect(place.content("lib/kept/orphans") == before)
    // What no line tells of has no date.
    var memory = memory(day(9))
    #expect(memory.note([other], .storage(parent: parent), orphanDays: 7, isLocal: true) == [AbsenceMemory.Answer(isGone: false)])
  }

  @Test func `whoever is found again in a run that cannot be written down has no line any more`() {
    let other = Absence.Subject(key: "/var/tmp/frank", binding: "1:2:3")
    place.directory("lib")
    for time in [0.0, 4] { _ = note(day(time), [subject, other]) }
    block()
    #expect(note(day(8), [other]).0?.isGone == true)
    #expect(note(day(9), [other, subject]).0?.isGone == true)
    #expect(note(day(9), [subject]).0 == AbsenceMemory.Answer(isGone: false))
  }

  @Test func `who does not fit into the file has no date, and that is reported`() {
    place.directory("lib")
    let many = (0..<AbsenceList.most).map { Absence.Subject(key: bytes("/var/tmp/a\($0)"), binding: "x") }
    #expect(note(day(0), many).1 == nil)
    var memory = memory(day(1))
    let answers = memory.note(many + [subject], .storage(parent: parent), orphanDays: 7, isLocal: true)
    #expect(answers.first?.since == start && answers.last == AbsenceMemory.Answer(isGone: false))
    #expect(memory.problem?.contains("is full (4096 lines), so 1 absence is not recorded") == true, "\(memory.problem ?? "")")
  }
}

private func unlink(_ place: TestDirectory, _ name: [UInt8]) -> Bool {
  guard let root = try? open(path: place.path, .directory) else { return false }
  return (try? unlink(at: root, name)) != nil
}

/// Whose storage it is, with a name service that says what the test says.
@Suite(.enabled(if: isRoot, "needs root"), .serialized) struct InventoryTests {
  private let place = TestDirectory()

  /// A name service that counts.
  private final class Directory {
    var users: [[UInt8]: UInt32] = [:]
    var failing: Set<UInt32> = []
    var asked = 0

    var lookups: AccountLookups {
      AccountLookups(
        byUid: { [self] (uid) throws(NameServiceError) in
          asked += 1
          if failing.contains(uid) { throw NameServiceError(cause: .stale) }
          return users.first { $0.value == uid }.map { account($0.key, uid: uid) }
        },
        byName: { [self] (name) throws(NameServiceError) in
          asked += 1
          return users[name].map { account(name, uid: $0) }
        })
    }
  }

  private let directory = Directory()
  private var switching = "passwd: files sss\n"
  private var template: [UInt8] = "/parent/$USER"
  private var uidMax: UInt32? = nil
  private var subuid: [UInt8] = []
  private var guarded: [[UInt8]] = []

  init() {
    place.directory("parent", mode: 0o1777)
    place.directory("lib")
  }

  private func store(_ name: [UInt8], _ owner: UInt32, empty: Bool = false) {
    for path in empty ? [name] : [name, name + "/docker"] {
      place.directory("parent/" + path, mode: 0o700)
      place.setOwner("parent/" + path, owner)
    }
  }

  private func inventory(_ moment: Moment?, isWriting: Bool = true) throws -> StorageInventory {
    var settings = Settings()
    settings.storage = try StorageTemplate(place.path.bytes + template)
    settings.skeleton = place("none")
    settings.uidMax = uidMax
    settings.guardedDirectories = try guarded.map { (path) throws in try StorageTemplate(place.path.bytes + path) }
    settings.networkFileSystems = ["nfs"]
    let sources = AccountSources(switching: bytes(switching), passwd: "root:x:0:0:root:/root:/bin/sh\n")
    let memory = AbsenceMemory(directory: place("lib/kept"), machine: machine, moment: moment, isWriting: isWriting)
    var inventory = StorageInventory(
      try StorageParent(settings), Accounts(sources, lookups: directory.lookups), SubordinateIDTable(.users, subuid), memory: memory)
    try inventory.look()
    return inventory
  }

  private func states(_ moment: Moment, isWriting: Bool = true) throws -> [String: String] {
    Dictionary(uniqueKeysWithValues: try inventory(moment, isWriting: isWriting).entries.map { (shown($0.leaf), $0.state.rawValue) })
  }

  @Test func `one account that is found proves nothing of another that is not`() throws {
    directory.users = ["alice": 2001]
    store("alice", 2001)
    store("erin", 2600)
    #expect(try states(day(0)) == ["alice": "ok", "erin": "unconfirmed"])
    #expect(try states(day(0.1)) == ["alice": "ok", "erin": "unconfirmed"])
    #expect(try states(day(4)) == ["alice": "ok", "erin": "unconfirmed"])
    #expect(try states(day(8), isWriting: false) == ["alice": "ok", "erin": "orphaned"])
    // She is back, and the line is gone.
    directory.users["erin"] = 2600
    #expect(try states(day(8)) == ["alice": "ok", "erin": "ok"])
    directory.users["erin"] = nil
    #expect(try states(day(9)) == ["alice": "ok", "erin": "unconfirmed"])
    #expect(try states(day(13)) == ["alice": "ok", "erin": "unconfirmed"])
    #expect(try states(day(17)) == ["alice": "ok", "erin": "orphaned"])
  }

  @Test func `a run that could not look begins the waiting anew`() throws {
    directory.users = ["alice": 2001]
    store("alice", 2001)
    store("erin", 2600)
    let failures: [(Bool) -> Void] = [{ directory.users = $0 ? [:] : ["alice": 2001] }, { directory.failing = $0 ? [2600] : [] }]
    for (number, isDown) in failures.enumerated() {
      let start = Double(number * 40)
      _ = try states(day(start))
      _ = try states(day(start + 5))
      isDown(true)
      #expect(try states(day(start + 9))["erin"] == (number == 0 ? "unconfirmed" : "unanswered"))
      isDown(false)
      #expect(try states(day(start + 10))["erin"] == "unconfirmed")
      #expect(try states(day(start + 14))["erin"] == "unconfirmed")
      #expect(try states(day(start + 18))["erin"] == "orphaned")
      directory.users["erin"] = 2600
      _ = try states(day(start + 19))
      directory.users["erin"] = nil
    }
  }

  @Test func `a directory that is made anew waits anew`() throws {
    directory.users = ["alice": 2001]
    store("alice", 2001)
    store("erin", 2600)
    _ = try states(day(0))
    _ = try states(day(4))
    let parent = try open(path: place("parent"), .directory)
    try rename("erin", in: parent, to: "old", in: parent)
    store("erin", 2600)
    #expect(try states(day(8)) == ["alice": "ok", "erin": "unconfirmed", "old": "unconfirmed"])
  }

  @Test func `a line is bound to the directory's device and inode, and to the time of birth, which the kernel keeps`() throws {
    directory.users = ["alice": 2001]
    store("alice", 2001)
    store("erin", 2600)
    _ = try states(day(0))
    let parent = try open(path: place("parent"), .directory)
    let found = birthTime(at: parent, "erin")
    let born = try #require(found, "the file system of the tests keeps it")
    let text = try #require(place.content("lib/kept/orphans"))
    let status = try fileStatus(at: parent, "erin")
    #expect(
      shown(text).contains(" \(status.deviceMajor):\(status.deviceMinor):\(status.inode):\(shown(born)):2600 "), "\(shown(text))")
    #expect(abs((Int64(decimalValue(born.prefix { $0 != 0x2e }) ?? 0)) - wallClock()) < 600)
    let none = birthTime(at: parent, "none")
    #expect(none == nil)
  }

  @Test func `of a thousand owners in one subordinate range 64 names are asked for, and no uid`() throws {
    directory.users = ["alice": 2001, "bob": 2002]
    var test = self
    test.subuid = "mallory:100000:65536\nmallory:300000:65536\n"
    for number in 0..<1000 as Range<UInt32> { store(bytes("d\(number)"), (number % 2 == 0 ? 100_000 : 300_000) + number) }
    store("alice", 2001)
    #expect(try test.states(day(0)) == ["alice": "ok"])
    #expect(directory.asked <= 64 + 1)
  }

  @Test func `what a former setting gives to the owner is nobody's former storage`() throws {
    directory.users = ["bob": 2002, "twin": 2002, "carol": 2003]
    store("bob", 2002)
    store("old-bob", 2002)
    store("old-twin", 2002)
    store("old-erin", 2002)
    store("2003.old", 2003)
    for name in ["old-bob", "old-twin", "old-erin", "2003.old"] as [[UInt8]] { place.directory("parent/" + name + "/docker/x") }
    var test = self
    #expect(
      try test.states(day(0)) == ["bob": "ok", "old-bob": "former", "old-twin": "former", "old-erin": "former", "2003.old": "former"])
    test.guarded = ["/elsewhere/old-$USER"]
    #expect(try test.states(day(0))["old-bob"] == "former", "another parent")
    test.guarded = ["/parent/old-$USER", "/parent/$UID.old"]
    #expect(try test.states(day(0)) == ["bob": "ok", "old-erin": "former"])
  }

  @Test func `a storage directory stays in a sticky parent unless its account is gone`() throws {
    directory.users = ["alice": 2001, "newbie": 2002]
    for (name, owner) in [("alice", 2001), ("old", 2002), ("erin", 2600), ("frank", 2601)] as [([UInt8], UInt32)] { store(name, owner) }
    place.directory("parent/old/docker/x")
    directory.failing = [2601]
    let inventory = try inventory(day(0))
    #expect(Set(inventory.entries.map(\.state)) == [.ok, .former, .unconfirmed, .unanswered])
    #expect(inventory.entries.allSatisfy { inventory.parent.keeps($0) })
    for time in [4.0, 8] { _ = try self.inventory(day(time)) }
    directory.failing = []
    for time in [12.0, 16] { _ = try self.inventory(day(time)) }
    let later = try self.inventory(day(20))
    let erin = try #require(later.entries.first { $0.leaf == "erin" })
    #expect(erin.state == .orphaned && !later.parent.keeps(erin))
    place.setMode("parent", 0o755)
    let safe = try self.inventory(day(20))
    #expect(safe.entries.allSatisfy { !safe.parent.keeps($0) })
  }

  @Test func `an emptied former directory is nobody's storage`() throws {
    directory.users = ["newbie": 2002]
    store("old", 2002)
    #expect(try states(day(0)) == [:])
    place.directory("parent/old/docker/x", mode: 0o700)
    #expect(try states(day(0)) == ["old": "former"])
  }

  @Test func `many owners of what was replaced hide nobody else's`() throws {
    directory.users = ["alice": 2001]
    var test = self
    test.subuid = "mallory:100000:65536\n"
    func replaced(_ number: Int, _ owner: UInt32) {
      let name = bytes(".x.replaced-20261128T201500Z-\(number)")
      place.directory("parent/" + name)
      place.setOwner("parent/" + name, owner)
    }
    for number in 0..<200 { replaced(number, 100_000 + UInt32(number)) }
    for number in 200..<300 { replaced(number, 3000 + UInt32(number)) }
    replaced(300, 2001)
    let entries = try test.inventory(day(0)).entries
    #expect(entries.filter { $0.uid >= 100_000 }.count == 64)
    #expect(entries.filter { $0.uid >= 3000 && $0.uid < 4000 }.count == 100)
    #expect(entries.contains { $0.uid == 2001 && $0.state == .replaced })
    // Where subordinate ids come from a directory, nobody knows of an absent owner that it is a person's.
    test.switching = "passwd: files sss\nsubid: sss\n"
    test.subuid = []
    directory.asked = 0
    let uncertain = try test.inventory(day(0)).entries.filter { $0.uid >= 3000 }
    #expect(uncertain.count == 300 && uncertain.allSatisfy { $0.state == .unconfirmed && $0.uncertainty == .subordinate })
    #expect(directory.asked <= 2 * 64 + 2)
  }

  @Test func `a subordinate owner in somebody's place is told`() throws {
    directory.users = ["alice": 2001, "inner": 100_007]
    var test = self
    test.subuid = "mallory:100000:65536\n"
    store("alice", 100_005)
    store("inner", 100_007)
    store("thing", 100_006)
    #expect(try test.states(day(0)) == ["alice": "occupied", "inner": "ok"])
  }

  @Test func `where subordinate ids come from a directory, owners that may be some are not believed to be people`() throws {
    var test = self
    test.switching = "passwd: files sss\nsubid: sss\n"
    directory.users = ["alice": 2001]
    store("alice", 2001)
    for number in 0..<500 as Range<UInt32> { store(bytes("d\(number)"), 500_000 + number) }
    let inventory = try test.inventory(day(0))
    #expect(
      inventory.entries.count == 501 && inventory.entries.filter { $0.uncertainty == .subordinate && $0.state == .unconfirmed }.count == 500
    )
    #expect(directory.asked <= 2 * 64 + 500 / 65536 + 2)
    // Nor do they make a majority that switches the timer off, or hide one.
    let plan = PrunePlan(inventory, orphaned: true, olderThan: nil, now: start)
    #expect(plan.unconfirmed == 500 && plan.subordinate == 500 && plan.refusal(yes: true) == nil)
    _ = try test.inventory(day(4))
    #expect(try test.inventory(day(9)).entries.allSatisfy { $0.state != .orphaned })
    #expect(place.entries("lib") == [], "nothing of them is kept")
    // With the end of people's uids in the settings they are nobody's.
    test.uidMax = 60000
    store("erin", 2600)
    #expect(try test.states(day(10)) == ["alice": "ok", "erin": "unconfirmed"])
    // And where only root can make directories, all of them are people's.
    test.uidMax = nil
    place.setMode("parent", 0o755)
    #expect(try test.inventory(day(11)).entries.allSatisfy { $0.uncertainty != .subordinate })
  }

  @Test func `more than half that are absent need somebody who looks, those who wait included`() throws {
    directory.users = ["alice": 2001]
    store("alice", 2001)
    store("gone", 2600)
    for time in [0.0, 4] { _ = try inventory(day(time)) }
    store("away", 2601)
    let inventory = try inventory(day(8))
    let plan = PrunePlan(inventory, orphaned: true, olderThan: nil, now: day(8).wall)
    #expect(plan.candidates.count == 1 && plan.waiting.count == 1)
    #expect(plan.refusal(yes: true)?.hasPrefix("2 of 3 storage directories have no account") == true)
  }

  @Test func `storage under a name without an account, whose owner has another, is former and never goes by itself`() throws {
    directory.users = ["newbie": 2001, "alice": 2002]
    store("old", 2001)
    place.directory("parent/old/docker/x")
    store("newbie", 2001)
    store("project", 2002, empty: true)
    store("alice", 2001)
    #expect(try states(day(0)) == ["old": "former", "newbie": "ok", "alice": "occupied"])
    let inventory = try inventory(day(0))
    for orphaned in [true, false] {
      let plan = PrunePlan(inventory, orphaned: orphaned, olderThan: 1, now: wallClock() + 400 * 86400)
      #expect(plan.candidates.allSatisfy { inventory.entries[$0].state != .former })
    }
    let old = try #require(inventory.entries.first { $0.state == .former })
    #expect(old.account == "newbie" && old.uid == 2001)
  }

  @Test func `with the uid as the name a former owner cannot be told from the present one`() throws {
    directory.users = ["newbie": 2001]
    store("old", 2001)
    var test = self
    test.template = "/parent/$UID"
    store("2001", 2001)
    #expect(try test.states(day(0)) == ["2001": "ok"])
  }
}
