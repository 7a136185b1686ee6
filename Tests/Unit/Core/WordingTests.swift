import Testing

@testable import RootlessStorage

@Suite struct TextTests {
  @Test(arguments: [
    ("", ""), ("plain ~", "plain ~"), ("\n", "\\012"), ("\u{1b}[2J", "\\033[2J"), ("\u{7f}", "\\177"), ("\0", "\\000"),
    ("ä", "\\303\\244"), ("%s%n", "%s%n"),
    // A backslash, where it cannot be read as one of these.
    ("LAB\\alice", "LAB\\alice"), ("\\", "\\"), ("\\08", "\\08"), ("\\012", "\\134012"), ("\\\n", "\\\\012"),
    ("\\12\u{1}", "\\12\\001"),
  ])
  func `printable ASCII stays, anything else becomes octal`(value: String, expected: String) {
    #expect(shown(escaped(bytes(value))) == expected)
    #expect(shown(Text("<\(bytes(value))>").bytes) == "<" + expected + ">")
  }

  @Test func `every byte is printable afterwards, and no two look the same`() {
    let all = (UInt8.min...UInt8.max).map { escaped([$0]) }
    #expect(all.allSatisfy { isPrintable($0) })
    #expect(Set(all).count == 256)
    #expect(shown(escaped([0xff])) == "\\377")
  }

  @Test func `a value is cut after 256 bytes as they are shown, and that is said`() {
    #expect(escaped(repeated("a", 256)) == repeated("a", 256))
    #expect(escaped(repeated("\n", 64)) == repeated("\\012", 64))
    #expect(escaped(repeated("\n", 65)) == repeated("\\012", 64) + "...")
    #expect(escaped(repeated("a", 257)) == repeated("a", 256) + "...")
    #expect(same(escaped([UInt8](repeating: 0xff, count: 1_000_000)), repeated("\\377", 64) + "..."))
  }

  @Test func `numbers, modes, causes and texts are put in as they read`() {
    let inner: Text = "inner \("x\n" as [UInt8])"
    #expect(
      shown(Text("\(UInt32.max) \(UInt32(0)) \(mode: 0o700) \(mode: 0) \(mode: 0o1777) \(inner)").bytes)
        == "4294967295 0 0700 0000 1777 inner x\\012")
    #expect(shown(Text("\(Errno.noSpace); \(Errno.stale)").bytes) == "No space left on device; Stale file handle")
    for number: Int32 in [0, -1, 524, 4096, Int32.max, Int32.min] { #expect(isPrintable(Text("\(Errno(number))").bytes)) }
  }
}

@Suite struct WordingTests {
  private func wording(_ user: Account = account(), storage: Path = "/var/tmp/alice", skeleton: Path = "/etc/skel") -> Wording {
    var wording = Wording(user)
    wording.storage = storage
    wording.skeleton = skeleton
    return wording
  }

  private func text(_ event: Event) -> String { shown(wording().text(of: event).bytes) }

  @Test func `there is a sample of every event`() {
    #expect(Set(EventSamples.all(with: "x").map(EventSamples.number)) == Set(1...EventSamples.count))
  }

  @Test(arguments: EventSamples.all(with: "value"))
  func `every event has words, and they begin with the user's name`(event: Event) {
    let text = text(event)
    #expect(text.hasPrefix("alice: "))
    #expect(text.count > 20 && text.count < 520, "\(text)")
    #expect(!text.contains("  ") && !text.hasSuffix(" ") && !text.hasSuffix("."), "\(text)")
  }

  @Test(arguments: hostileBytes)
  func `nothing but printable ASCII of bounded length, whatever the names are`(value: [UInt8]) {
    let hostile = wording(account(value, home: Path(value)), storage: Path(value), skeleton: Path(value))
    let nameless = Wording()
    for event in EventSamples.all(with: value) {
      for words in [hostile, nameless] {
        let text = words.text(of: event).bytes
        #expect(isPrintable(text), "\(shown(text.prefix(300)))")
        // Name, storage directory and at most five more values, each escaped and cut.
        #expect(text.count < 8 * 262, "\(text.count)")
      }
    }
  }

  /// What a next step begins with, after a semicolon, or how a message ends that has a consequence instead of one.
  private static let steps = [
    "log in", "find out ", "run it", "run the", "set ", "create ", "look at it", "free ", "make ", "raise ", "check ", "reinstall ",
    "correct ", "usage: ",
    "use ", "is a Kerberos ticket", "is /proc mounted", "it and every directory", "every directory above", "every component",
    "in this path only",
    "remove ", "give ", "move ", "install ", "mount ", "add ", "shorten ", "lower ", "fix ", "unmount ",
    "it may be a mount of your own, else make",
  ]

  private func hasNextStep(_ text: String) -> Bool {
    if text.hasSuffix("ignoring") || text.hasSuffix("the default holds") || text.hasSuffix(", log in again")
      || text.hasSuffix("until that is fixed") || text.contains(": set ")
    {
      return true
    }
    return text.split(separator: ";").dropFirst().contains { part in WordingTests.steps.contains { part.dropFirst().hasPrefix($0) } }
  }

  /// A home on a network file system is served, and never spoken of.
  private static let troubles = EventSamples.all(with: "value").filter {
    ($0.severity == .err || $0.severity == .warning) && $0 != .homeUnusable(.on(.named("value")))
  }

  @Test(arguments: troubles)
  func `every error and warning tells what to do next`(event: Event) {
    let text = text(event)
    #expect(hasNextStep(text), "\(text)")
  }

  @Test func `an unfit name is told to use $UID`() {
    #expect(text(.nameUnfit).contains("$UID"))
    #expect(text(.nameUnfitForFile(file: "f")).contains("@UID@"))
  }

  @Test(arguments: [FileKind.directory, .regular, .symbolicLink, .fifo, .socket, .characterDevice, .blockDevice, .unknown])
  func `whoever is in the storage directory's place is named`(kind: FileKind) {
    let seen = StorageObservation(parentIsWritableByOthers: true, state: .occupied(by: kind, owner: 4711))
    #expect(text(.storageRefused(seen)).contains("owned by uid 4711"))
    #expect(text(.storageRefused(seen)).contains("/var/tmp/alice"))
  }

  @Test func `a user's path shows as it is typed, also for a home that is the root`() {
    #expect(text(.fileCreated(".config/f")) == "alice: created /home/alice/.config/f")
    let root = Wording(account(home: "/"))
    #expect(shown(root.text(of: .fileCreated(".config/f")).bytes) == "alice: created /.config/f")
  }

  @Test func `a problem of the settings says file and line`() {
    let event = Event.settingsProblem(SettingsProblem(file: "/etc/f.conf", line: 12, reason: .unknownKey("colour")))
    #expect(text(event) == "alice: /etc/f.conf:12: there is no setting \"colour\", ignoring")
  }

  @Test(arguments: [Errno.noSpace, .quotaExceeded, .readOnly, .fileTooLarge, .accessDenied, .notPermitted, .ioError, .stale, Errno(9999)])
  func `a failure names its cause`(cause: Errno) {
    for event in [
      Event.storageFailed(cause, parentIsWritableByOthers: true), .fileFailed(file: "f", cause), .fileBlocked(file: "f", cause),
      .homeUnusable(.failed(cause)),
    ] {
      #expect(text(event).contains(": " + shown(cause.explanation)))
    }
  }
}
