import Testing

@testable import RootlessStorage

/// A reader whose line lies between guard bytes.
@safe private final class Listener {
  struct Line: Equatable {
    let priority: Int32
    let text: String
  }

  private static let guardSize = 256
  private static let size = ReportFormat.longestLine + 2 * guardSize
  private let memory: UnsafeMutablePointer<UInt8>
  private var reader: ReportReader
  private(set) var lines: [Line] = []

  init() {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: Listener.size)
    unsafe memory.initialize(repeating: 0xa5, count: Listener.size)
    unsafe self.memory = memory
    reader = unsafe ReportReader(line: memory + Listener.guardSize)
  }

  deinit { unsafe memory.deallocate() }

  var outcome: Outcome? { reader.outcome }
  var isFlooded: Bool { reader.isFlooded }
  var texts: [String] { logged.map(\.text) }
  /// What is for the log.
  var logged: [Line] { lines.filter { $0.priority != ReportFormat.userPriority } }
  /// What is for the user.
  var told: [String] { lines.filter { $0.priority == ReportFormat.userPriority }.map(\.text) }

  var guardsHold: Bool {
    (0..<Listener.guardSize).allSatisfy {
      unsafe memory[$0] == 0xa5 && memory[Listener.size - 1 - $0] == 0xa5
    }
  }

  func hear(_ piece: [UInt8]) {
    unsafe piece.withUnsafeBufferPointer { buffer in
      // SAFETY: an empty array may have no address; a byte that is not read has any.
      var none: UInt8 = 0
      unsafe withUnsafePointer(to: &none) { nowhere in
        unsafe reader.consume(buffer.baseAddress ?? nowhere, count: buffer.count) { priority, text in
          unsafe lines.append(Line(priority: priority, text: String(cString: text)))
        }
      }
    }
  }
}

private func heard(_ bytes: [UInt8]) -> Listener {
  let listener = Listener()
  listener.hear(bytes)
  return listener
}

@Suite struct ReportTests {
  private static let events: [Event] = [
    .settingsProblem(SettingsProblem(file: "/f", line: 3, reason: .unknownKey("\nend done"))), .storageCreated(mode: 0o700),
    .fileCreated(Path([0xff, 0x0a, 0x00])), .storeMoved(file: "a", store: "b"), .leftoverRemoved("l"), .fileFailed(file: "f", .ioError),
  ]

  private func report(_ events: [Event]) -> [UInt8] {
    var writer = ReportWriter()
    for event in events { writer.add(event, Wording(account())) }
    return writer.drainWithEnd()
  }

  private func expected(_ events: [Event]) -> [Listener.Line] {
    events.map { .init(priority: Int32($0.severity.rawValue), text: shown(Wording(account()).text(of: $0).bytes)) }
  }

  @Test func `what is written arrives, cut at every place`() {
    let report = report(ReportTests.events)
    for cut in 0...report.count {
      let listener = Listener()
      listener.hear(Array(report[..<cut]))
      #expect((listener.outcome == nil) == (cut < report.count))
      listener.hear(Array(report[cut...]))
      #expect(listener.lines == expected(ReportTests.events))
      #expect(listener.outcome == .failed)
      #expect(!listener.isFlooded && listener.guardsHold)
    }
  }

  @Test(arguments: [1, 2, 3, 7, 1023, 1024, 1025]) func `what is written arrives in pieces of any size`(size: Int) {
    let report = report(ReportTests.events)
    let listener = Listener()
    for start in stride(from: 0, to: report.count, by: size) { listener.hear(Array(report[start..<min(start + size, report.count)])) }
    #expect(listener.lines == expected(ReportTests.events))
    #expect(listener.outcome == .failed)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>) func `what is written arrives in pieces of random sizes`(seed: UInt64) {
    var random = FixedNumbers(seed)
    var rest = report(ReportTests.events)[...]
    let listener = Listener()
    while !rest.isEmpty {
      let size = Int.random(in: 0...min(90, rest.count), using: &random)
      listener.hear(Array(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    #expect(listener.lines == expected(ReportTests.events))
    #expect(listener.outcome == .failed)
  }

  private static let tolerated = Event.storageRefused(
    StorageObservation(parentIsWritableByOthers: true, state: .occupied(by: .regular, owner: 1)))
  private static let failed = Event.storageFailed(.ioError, parentIsWritableByOthers: false)

  @Test(
    arguments: [
      ([], .done), ([.allInPlace], .done), ([.idReserved], .failed), ([tolerated], .tolerated), ([failed], .failed),
      ([tolerated, failed], .failed),
      ([failed, tolerated], .failed), ([failed, .allInPlace], .failed), ([tolerated, .allInPlace], .tolerated),
    ] as [([Event], Outcome)])
  func `the worst outcome of all is at the end of the report`(events: [Event], outcome: Outcome) {
    #expect(heard(report(events)).outcome == outcome)
    var writer = ReportWriter()
    for event in events { writer.add(event, Wording()) }
    #expect(writer.outcome == outcome)
  }

  @Test func `taken parts add up to the whole, each line once`() {
    var writer = ReportWriter()
    var parts: [UInt8] = []
    for event in ReportTests.events {
      writer.add(event, Wording(account()))
      parts += writer.drain()
    }
    #expect(writer.drain() == [])
    #expect(parts + writer.drainWithEnd() == report(ReportTests.events))
  }

  @Test(arguments: hostileBytes)
  func `whatever an event quotes, every line is whole, printable and short enough`(value: [UInt8]) {
    let samples = EventSamples.all(with: value)
    // One report leaves out what is more than it may say.
    for start in stride(from: 0, to: samples.count, by: 25) {
      let events = samples[start..<min(start + 25, samples.count)]
      var writer = ReportWriter()
      var wording = Wording(account(value, home: Path(value)))
      wording.storage = Path(value)
      wording.skeleton = Path(value)
      for event in events { writer.add(event, wording) }
      let report = writer.drainWithEnd()
      // A line for the user may stand among them.
      let written = parts(report, separator: { $0 == 0x0a })
      let lines = written.filter { !$0.starts(with: bytes("tell ")) }
      #expect(lines.count == events.count + 2 && written.count <= lines.count + 1)
      #expect(written.allSatisfy { $0.count < ReportFormat.longestLine && isPrintable($0) })
      let listener = heard(report)
      #expect(listener.logged.map(\.priority) == events.map { Int32($0.severity.rawValue) })
      #expect(listener.logged.map { bytes($0.text) } == lines.dropLast(2).map { Array($0.dropFirst(3)) })
      #expect(listener.outcome == writer.outcome && listener.guardsHold)
    }
  }

  @Test func `a flood of events leaves out lines but never the outcome`() {
    var writer = ReportWriter()
    for _ in 0..<100_000 { writer.add(.leftoverRemoved("l"), Wording(account())) }
    writer.add(.storageFailed(.ioError, parentIsWritableByOthers: false), Wording(account()))
    let listener = heard(writer.drainWithEnd())
    #expect(listener.lines.count < ReportFormat.mostLines)
    #expect(listener.texts.contains { $0.contains("further messages of this priority are left out") })
    #expect(listener.outcome == .failed)
    #expect(!listener.isFlooded)
  }

  @Test func `an error is not crowded out by what a user can cause`() {
    // The names in a home are the user's: 64 leftovers in each of four directories are removed with a debug line each.
    var writer = ReportWriter()
    for _ in 0..<256 { writer.add(.leftoverRemoved("l"), Wording(account())) }
    writer.add(.fileFailed(file: "f", .noSpace), Wording(account()))
    #expect(heard(writer.drainWithEnd()).lines.contains { $0.priority == 3 })
  }

  @Test func `the owner of what is in the way stays in the line, however the thing is called`() {
    let name = [UInt8](repeating: 0x01, count: 255)
    let seen = StorageObservation(
      parentIsWritableByOthers: true, state: .writableByOthers(mode: 0o777, content: .foreign(name: name, owner: 4711)))
    var wording = Wording(account())
    wording.storage = "/var/tmp/alice"
    var writer = ReportWriter()
    writer.add(.storageRefused(seen), wording)
    #expect(heard(writer.drainWithEnd()).texts.first?.contains("owned by uid 4711") == true)
  }
}

/// A person reads no log: of a directory that another user controls there is one line for them.
@Suite struct LogMemoryTests {
  private let wording = Wording(account("alice"))
  private let settings = Event.settingsProblem(SettingsProblem(file: "/f", line: 3, reason: .noTypes))
  private let refused = Event.skeletonRefused(PathError(path: "/s", reason: .ownedBy(7)))

  /// What is heard of a session, and what is kept of it.
  private func session(_ events: [Event], _ content: [UInt8]) -> (priorities: [Int32], content: [UInt8]?) {
    var memory = LogMemory(content, random: 42)
    var report = ReportWriter()
    for event in events { report.add(event, wording) }
    #expect(report.mayRepeat == events.contains { $0.severity.rawValue <= 5 && $0 != taken })
    report.quieten(&memory)
    return (heard(report.drainWithEnd()).lines.map(\.priority), memory.content)
  }

  private let taken = Event.storageTaken(Takeover(kind: .directory, owner: 7, keptAs: "/k"))

  @Test func `what an earlier session has said is a debug message, and an error stays one for a strict session`() throws {
    let first = session([settings, settings, refused, .fileCreated("f")], [])
    #expect(first.priorities == [4, 4, 3, 6])
    let content = try #require(first.content)
    #expect(content.count == LogMemory.length)
    let second = session([settings, refused, .fileCreated("f"), .groupsLeftOut], content)
    #expect(second.priorities == [7, ReportFormat.repeatedError, 6, 4])
    #expect(session([settings, refused, .groupsLeftOut], try #require(second.content)).content == nil, "nothing is new")
  }

  @Test func `a place that was taken is said each time`() throws {
    let first = session([taken], [])
    #expect(first.priorities == [3] && first.content == nil)
  }

  @Test func `the newest sixteen are kept, and no bytes are too many or too few`() throws {
    let events = (1...20).map { Event.settingsProblem(SettingsProblem(file: "/f", line: $0, reason: .noTypes)) }
    let content = try #require(session(events, []).content)
    #expect(session(events, content).priorities == [Int32](repeating: 4, count: 4) + [Int32](repeating: 7, count: 16))
    for other in [[], Array(content.dropLast()), content + [0], [UInt8](repeating: 0, count: 136), [UInt8](repeating: 0xff, count: 136)] {
      #expect(session([settings], other).priorities == [4])
    }
  }

  @Test func `nobody knows the hash of a line beforehand`() throws {
    func knows(_ memory: inout LogMemory, _ text: String, from start: Int = 0) -> Bool { memory.knows(lineIn: bytes(text), from: start) }
    var one = LogMemory([], random: 1), other = LogMemory([], random: 2)
    let news = [knows(&one, "alice: a line\n"), knows(&other, "alice: a line\n")]
    #expect(news == [false, false])
    #expect(one.content?.dropFirst(8) != other.content?.dropFirst(8))
    // Every byte counts, up to the end of the line.
    var known = LogMemory(try #require(one.content), random: 3)
    let same = [knows(&known, "alice: a line"), knows(&known, "<3>alice: a line\nmore", from: 3)]
    #expect(same == [true, true])
    for position in 0..<13 {
      var changed = bytes("alice: a line\n")
      changed[position] ^= 1
      let isKnown = known.knows(lineIn: changed, from: 0)
      #expect(!isKnown)
    }
  }
}

@Suite struct UserTextTests {
  private func told(_ states: [StorageObservation.State]) -> [String] {
    var writer = ReportWriter()
    var wording = Wording(account())
    wording.storage = "/var/tmp/alice"
    for state in states { writer.add(.storageRefused(StorageObservation(parentIsWritableByOthers: true, state: state)), wording) }
    return heard(writer.drainWithEnd()).told
  }

  @Test func `a refusal of another user's object is told, once`() {
    var way = PathError(path: "/var/tmp/site", reason: .ownedBy(7))
    way.mayBeTamperedByOthers = true
    let others: [StorageObservation.State] = [
      .occupied(by: .directory, owner: 7), .occupied(by: .symbolicLink, owner: 7), .userMount(owner: 7), .userMount(owner: nil), .way(way),
      .writableByOthers(mode: 0o777, content: .foreign(name: "x", owner: 7)), .writableByOthers(mode: 0o777, content: .mount(name: "x")),
      .writableByOthers(mode: 0o777, content: .openEngine(name: "docker", mode: 0o777)),
      .way(PathError(path: "/data", reason: .ownedBy(7))),
    ]
    for state in others {
      #expect(told([state, state]).count == 1 && told([state])[0].contains("Do not use containers on this host"), "\(state)")
    }
    let own: [StorageObservation.State] = [
      .occupied(by: .directory, owner: 0), .occupied(by: .symbolicLink, owner: account().uid), .userMount(owner: 0), .failed(.ioError),
      .onNetwork(type: "nfs"),
      .way(PathError(path: "/var", reason: .notDirectory)), .writableByOthers(mode: 0o777, content: .foreign(name: "x", owner: 0)),
    ]
    for state in own { #expect(told([state]) == [], "\(state)") }
  }

  @Test func `nothing else is told`() {
    var writer = ReportWriter()
    for event in EventSamples.all(with: "value") {
      switch event {
      case .storageRefused, .storageNotTaken: continue
      case .storageTaken(let takeover) where takeover.isEmpty: continue
      default: writer.add(event, Wording(account()))
      }
    }
    #expect(heard(writer.drainWithEnd()).told == [])
  }

  @Test(arguments: [("tell x", "x"), ("tell ", ""), ("tell a\u{1b}b", "a?b")] as [(String, String)])
  func `the reader knows it by its first word`(line: String, text: String) {
    let listener = heard(bytes(line) + "\n")
    #expect(listener.lines == [.init(priority: ReportFormat.userPriority, text: text)] && listener.guardsHold)
    #expect(heard("tells\ntell\n <3>tell x\n").told == [])
  }
}

@Suite struct ReportReaderTests {
  @Test(
    arguments: [
      ("<3>error", 3, "error"), ("<4>w", 4, "w"), ("<5>n", 5, "n"), ("<6>i", 6, "i"), ("<7>d", 7, "d"), ("<7>", 7, ""),
      ("no priority", 4, "no priority"),
      ("<0>panic", 4, "<0>panic"), ("<2>x", 4, "<2>x"), ("<8>x", 4, "<8>x"), ("<9>x", 4, "<9>x"), ("<33>x", 4, "<33>x"), ("<3x", 4, "<3x"),
      ("<", 4, "<"), ("<3", 4, "<3"), (" <3>x", 4, " <3>x"), ("3>x", 4, "3>x"), ("<->x", 4, "<->x"), ("%s%n", 4, "%s%n"),
      ("a\tb", 4, "a?b"),
      ("a\u{1b}[2J\u{7f}\rb", 4, "a?[2J??b"), ("a\0b", 4, "a?b"), ("ä", 4, "??"), ("\0", 4, "?"), ("<3>\0", 3, "?"),
    ] as [(String, Int32, String)])
  func `a line has a priority of syslog's that a helper may use, and printable text`(line: String, priority: Int32, text: String) {
    let listener = heard(bytes(line) + "\n")
    #expect(listener.lines == [.init(priority: priority, text: text)])
    #expect(listener.outcome == nil && listener.guardsHold)
  }

  @Test(arguments: [("end done", .done), ("end tolerated", .tolerated), ("end failed", .failed)] as [(String, Outcome)])
  func `the report ends with its end record`(record: String, outcome: Outcome) {
    #expect(heard(bytes(record) + "\n").outcome == outcome)
    #expect(heard(bytes(record)).outcome == nil)
    let listener = heard("<3>first\n" + bytes(record) + "\n<3>after\nend failed\nend done\n<3>after\n")
    #expect(listener.texts == ["first"])
    #expect(listener.outcome == outcome)
    listener.hear("<3>later\nend done\nend failed\n")
    #expect(listener.texts == ["first"])
    #expect(listener.outcome == outcome)
  }

  @Test(arguments: [
    "xend done", " end done", "end done ", "end  done", "end done\r", "end\tdone", "end\0done", "end done\0", "END DONE", "end", "end ",
    "end don",
    "end donee", "end ok", "<3>end done", "the end done", "end failedd", "end tolerate",
  ])
  func `nothing else is an end record`(line: String) {
    let listener = heard(bytes(line) + "\n")
    #expect(listener.outcome == nil)
    #expect(listener.lines.count == 1)
  }

  @Test func `empty lines are no messages`() {
    #expect(heard("\n\n\n<3>x\n\n").texts == ["x"])
    #expect(heard([]).lines == [])
  }

  @Test func `a line that never ends is held in its place`() {
    let listener = Listener()
    let megabyte = [UInt8](repeating: 0x61, count: 1 << 20)
    for _ in 0..<4 { listener.hear(megabyte) }
    #expect(listener.lines == [] && listener.guardsHold)
    listener.hear("end done\n")
    #expect(listener.outcome == nil)
    #expect(listener.texts.map(\.utf8.count) == [ReportFormat.longestLine - 1])
    listener.hear("<3>next\nend done\n")
    #expect(listener.texts.last == "next")
    #expect(listener.outcome == .done && listener.guardsHold)
  }

  @Test(arguments: [-2, -1, 0, 1, 2, 1000]) func `a line is cut where the writer cuts it`(more: Int) {
    // The limit counts the newline.
    let length = ReportFormat.longestLine - 1 + more
    let line = "<3>" + [UInt8](repeating: 0x61, count: length - 4) + "z"
    let listener = heard(line + "\n<5>next\n")
    #expect(listener.lines.first?.priority == 3)
    #expect(listener.texts.first.map(bytes) == Array(line.prefix(ReportFormat.longestLine - 1).dropFirst(3)))
    #expect(listener.lines.last == .init(priority: 5, text: "next"))
    #expect(listener.guardsHold)
  }

  @Test(arguments: [299, 300, 301, 5000]) func `three hundred lines are passed on, and the end is still seen`(count: Int) {
    let listener = heard(repeated("<6>x\n", count) + "end tolerated\n")
    #expect(listener.lines.count == min(count, ReportFormat.mostLines))
    #expect(listener.isFlooded == (count > ReportFormat.mostLines))
    #expect(listener.outcome == .tolerated && listener.guardsHold)
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>) func `noise does no harm`(seed: UInt64) {
    var random = FixedNumbers(seed)
    let listener = Listener()
    for _ in 0..<50 {
      var noise = (0..<Int.random(in: 0...3000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if Bool.random(using: &random) { noise += "\nend " }
      listener.hear(noise)
    }
    #expect(listener.guardsHold)
    #expect(listener.lines.count <= ReportFormat.mostLines)
    #expect(
      listener.lines.allSatisfy {
        (3...7).contains($0.priority) && isPrintable(bytes($0.text)) && $0.text.utf8.count < ReportFormat.longestLine
      })
  }
}
