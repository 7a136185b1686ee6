import Glibc
import Testing

@testable import RootlessStorage

/// Which ids are given out, decided from files and settings alone. The property that counts: nobody else has one of them.
@Suite struct SubordinateIDPlannerTests {
  private func settings(_ text: String = "uid_max = 60000") -> SettingsParser { SettingsParser(bytes("subids = allocate\n" + text)) }

  private func planner(_ user: Account, _ settings: SettingsParser) -> SubordinateIDPlanner {
    SubordinateIDPlanner(user, settings.settings)
  }

  private func facts(
    _ subuid: String = "", _ subgid: String? = nil, passwd: String = "", group: String = "", nsswitch: String = "", defs: String = ""
  ) -> SubordinateIDFacts {
    var facts = SubordinateIDFacts()
    facts.subuid = bytes(subuid)
    facts.subgid = bytes(subgid ?? subuid)
    facts.passwd = bytes(passwd)
    facts.group = bytes(group)
    facts.nsswitch = bytes(nsswitch)
    facts.loginDefinitions = bytes(defs)
    return facts
  }

  private func plan(_ facts: SubordinateIDFacts, _ user: Account = account(uid: 2000), _ settings: SettingsParser? = nil) throws
    -> SubordinateIDPlan
  {
    try planner(user, settings ?? self.settings()).plan(facts)
  }

  private func refusal(_ facts: SubordinateIDFacts, _ user: Account = account(uid: 2000), _ settings: SettingsParser? = nil)
    -> SubordinateIDRefusal?
  {
    do throws(SubordinateIDRefusal) { _ = try planner(user, settings ?? self.settings()).plan(facts) } catch { return error }
    return nil
  }

  // MARK: Who needs ids

  @Test(arguments: ["alice:100000:65536\n", "2000:100000:65536", "alice:100000:65535\n2000:300000:1\n", "x\n\nalice:4294901759:65536\n"])
  func `who has enough is given none`(content: String) throws {
    #expect(try plan(facts(content)).isEmpty)
  }

  @Test(arguments: [
    "", "alice:100000:65535\n", "alice:0100000:65536\n", "alice:0x186a0:65536\n", "alice: 100000:65536\n", "alice:100000:+65536\n",
    "alice:4294967295:65536\n", "alice:4294901760:65536\n", "alice:100000\n",
    "alice:100000:65536:\n", "alic:100000:65536\n", "alice2:100000:65536\n", ":100000:65536\n", "02000:100000:65535\n",
  ])
  func `ids that not every program sees do not count`(content: String) throws {
    #expect(refusal(facts(content), account(uid: 2000), settings("uid_max = 60000\nsubid_scheme = first-free")) == nil)
    #expect(try !plan(facts(content), account(uid: 2000), settings("uid_max = 60000\nsubid_scheme = first-free")).isEmpty)
  }

  @Test func `each file is judged for itself, so a second run completes what a killed one began`() throws {
    let range: IDRange = 65_636_000...65_701_535
    #expect(try plan(facts("", "")) == SubordinateIDPlan(users: range, groups: range))
    #expect(try plan(facts("alice:65636000:65536\n", "")) == SubordinateIDPlan(users: nil, groups: range))
    #expect(try plan(facts("", "alice:65636000:65536\n")) == SubordinateIDPlan(users: range, groups: nil))
  }

  // MARK: The scheme uid

  @Test func `the formula is that of shadow, and common practice can be written with it`() throws {
    let practice = settings("uid_max = 40000\nsubid_min = 100000000\nsubid_count = 100000\nsubid_max = 4294967294")
    #expect(try plan(facts(), account(uid: 2001), practice).users == 200_100_000...200_199_999)
    #expect(try plan(facts(), account(uid: 1000)).users == 100_000...165_535)
    #expect(
      try plan(facts(defs: "UID_MIN 1999\nSUB_UID_MIN\t200000\nSUB_UID_COUNT 70000\nSUB_GID_MIN 300000 # x\n"))
        == SubordinateIDPlan(users: 270_000...339_999, groups: 365_536...431_071))
    // As the documented defaults have it: 10154 is the last.
    #expect(try plan(facts(), account(uid: 10154)).users == 600_016_544...600_082_079)
    #expect(refusal(facts(), account(uid: 10155)) == .beyondMaximum(first: 600_082_080, last: 600_147_615, max: 600_100_000))
  }

  @Test func `figures that do not fit are refused with the figure`() {
    let wide = settings("reserved_ids = 1-60000\nsubid_max = 4294967295\nsubid_count = 65536")
    #expect(refusal(facts(), account(uid: 66534), wide) == .beyondMaximum(first: 4_294_936_224, last: 4_295_001_759, max: UInt32.max - 1))
    let largest = settings("reserved_ids = 1-2\nsubid_min = 4294967295\nsubid_max = 4294967295\nsubid_count = 4294967295")
    let first = UInt64(4_294_966_295) * 4_294_967_295
    #expect(
      refusal(facts(), account(uid: 4_294_967_294), largest)
        == .beyondMaximum(first: first, last: first + 4_294_967_294, max: UInt32.max - 1))
    #expect(refusal(facts(), account(uid: 999)) == .belowUidMin(1000))
    // 2^32 - 1 is nobody's.
    let end = settings("uid_max = 60000\nsubid_min = 4294901760\nsubid_max = 4294967295")
    #expect(refusal(facts(), account(uid: 1000), end) == .beyondMaximum(first: 4_294_901_760, last: 4_294_967_295, max: UInt32.max - 1))
    let just = settings("uid_max = 60000\nsubid_min = 4294901759\nsubid_max = 4294967295")
    #expect(refusal(facts(), account(uid: 1000), just) == nil)
  }

  @Test(
    arguments: [
      ("bob:65700000:1\n", .range(of: "bob", 65_700_000...65_700_000, .users)),
      ("7:65701535:9\n", .range(of: "7", 65_701_535...65_701_543, .users)),
      ("bob:0x3e98720:1\n", .range(of: "bob", 65_636_128...65_636_128, .users)),
      ("bob:0372303440:1\n", .range(of: "bob", 65_636_128...65_636_128, .users)),
      ("bob: 65636000:1\n", .range(of: "bob", 65_636_000...65_636_000, .users)),
      ("bob:1:4294967295\n", .range(of: "bob", 1...4_294_967_295, .users)),
      ("bob:65536:99999999999\n", .range(of: "bob", 65536...4_294_967_295, .users)),
      ("alice:65636000:10\n", .range(of: "alice", 65_636_000...65_636_009, .users)),
    ] as [(String, IDHolder)])
  func `whoever has one of the ids in either file is in the way`(content: String, holder: IDHolder) {
    #expect(refusal(facts(content, "")) == .overlap(65_636_000...65_701_535, holder))
    guard case .range(let owner, let range, _) = holder, owner != "alice" else { return }
    #expect(refusal(facts("", content)) == .overlap(65_636_000...65_701_535, .range(of: owner, range, .groups)))
  }

  @Test func `accounts, reserved ids and oneself are in the way`() {
    let range: IDRange = 65_636_000...65_701_535
    #expect(refusal(facts(passwd: "bob:x:65636000:1::/:\n")) == .overlap(range, .uid(65_636_000, of: "bob")))
    #expect(refusal(facts(passwd: "bob:x:1:65701535::/:\n")) == .overlap(range, .gid(65_701_535, of: "bob")))
    #expect(refusal(facts(group: "staff:x:65650000:\n")) == .overlap(range, .gid(65_650_000, of: "staff")))
    #expect(refusal(facts(), account(uid: 2000), settings("uid_max = 65636000")) == .overlap(range, .served(1000...65_636_000)))
    #expect(
      refusal(facts(), account(uid: 2000), settings("reserved_ids = 5 65701535-70000000"))
        == .overlap(range, .reserved(65_701_535...70_000_000)))
    #expect(refusal(facts(), account(uid: 2000, gid: 65_640_000)) == .overlap(range, .oneself(65_640_000)))
    let member = Account(credentials: Credentials(user: 2000, group: 2000, groups: [65_640_001]), name: "alice", home: "/home/alice")
    #expect(refusal(facts(), member) == .overlap(range, .oneself(65_640_001)))
    let low = settings("uid_max = 30000\nsubid_min = 40000")
    #expect(refusal(facts(), account(uid: 1000), low) == .overlap(40_000...105_535, .reserved(0...65535)))
  }

  @Test func `systemd's foreign ids are never given out`() {
    let wide = "reserved_ids = 1-60000\nsubid_max = 4294967294\nsubid_min = 100000"
    // 33763 is the last whose range lies before them, 33766 the first whose range lies behind.
    #expect(refusal(facts(), account(uid: 33763), settings(wide)) == nil && refusal(facts(), account(uid: 33766), settings(wide)) == nil)
    for uid: UInt32 in [33764, 33765] {
      guard case .overlap(_, .foreign)? = refusal(facts(), account(uid: uid), settings(wide)) else { return #expect(Bool(false), "\(uid)") }
    }
    let free = settings("uid_max = 60000\nsubid_scheme = first-free\nsubid_min = 2147352570\nsubid_max = 4294967294")
    #expect(try! plan(facts(), account(uid: 2000), free).users == 2_147_418_112...2_147_483_647)
  }

  // MARK: As shadow 4.20 is told to

  private static let deterministic = "SUB_UID_DETERMINISTIC yes\nSUB_GID_DETERMINISTIC \"YES\"\n"

  @Test func `with the deterministic keys the bounds are shadow's`() throws {
    let user = account(uid: 2001)
    #expect(
      try plan(facts(defs: Self.deterministic), user) == SubordinateIDPlan(users: 65_667_072...65_732_607, groups: 65_667_072...65_732_607))
    #expect(
      try plan(facts(defs: "SUB_UID_DETERMINISTIC yes\n"), user)
        == SubordinateIDPlan(users: 65_667_072...65_732_607, groups: 65_701_536...65_767_071))
    #expect(try plan(facts(defs: "SUB_UID_DETERMINISTIC no\n"), user).users == 65_701_536...65_767_071)
    #expect(try plan(facts(defs: Self.deterministic + "SUB_UID_MIN 100000\nSUB_GID_MIN 100000\n"), user).users == 65_701_536...65_767_071)
    // What the settings say comes first.
    #expect(
      try plan(facts(defs: Self.deterministic), user, settings("uid_max = 60000\nsubid_min = 200000")).users == 65_801_536...65_867_071)
  }

  @Test func `where useradd computes ranges, others' uids may be somebody's gids`() throws {
    let keys = "SUB_UID_DETERMINISTIC yes\nSUB_GID_DETERMINISTIC yes\nSUB_UID_MIN 200000\nSUB_GID_MIN 300000\nUID_MIN 1000\n"
    var seen = facts("bob:300000:65536\n", "")
    seen.loginDefinitions = bytes(keys)
    let given = try planner(account("alice", uid: 1000), settings("uid_max = 60000")).plan(seen)
    #expect(given.users == 200000...265535 && given.groups == 300000...365535)
    // Elsewhere, a range is free in both files.
    seen.loginDefinitions = bytes(keys.replacing(" yes", with: " no"))
    #expect(throws: SubordinateIDRefusal.self) { _ = try planner(account("alice", uid: 1000), settings("uid_max = 60000")).plan(seen) }
  }

  @Test func `the span is a ring only where shadow is told so`() throws {
    let defs = Self.deterministic + "SUB_UID_MIN 100000\nSUB_UID_MAX 755359\nSUB_GID_MIN 100000\nSUB_GID_MAX 755359\n"
    #expect(try plan(facts(defs: defs), account(uid: 1009)).users == 689_824...755_359)
    #expect(refusal(facts(defs: defs), account(uid: 1010)) == .beyondMaximum(first: 755_360, last: 820_895, max: 755_359))
    let ring = defs + "UNSAFE_SUB_UID_DETERMINISTIC_WRAP yes\nUNSAFE_SUB_GID_DETERMINISTIC_WRAP yes\n"
    #expect(try plan(facts(defs: ring), account(uid: 1011)).users == 165_536...231_071)
    #expect(
      refusal(facts("bob:165536:65536\n", defs: ring), account(uid: 1011))
        == .overlap(165_536...231_071, .range(of: "bob", 165_536...231_071, .users)))
    // It means nothing where ranges are not computed.
    #expect(try plan(facts(defs: "UNSAFE_SUB_UID_DETERMINISTIC_WRAP yes\n"), account(uid: 2001)).users == 65_701_536...65_767_071)
  }

  @Test func `first-free beside a deterministic useradd is refused`() {
    let free = settings("uid_max = 60000\nsubid_scheme = first-free")
    #expect(refusal(facts(defs: Self.deterministic), account(uid: 2000), free) == .deterministic(key: "SUB_UID_DETERMINISTIC"))
    #expect(refusal(facts(defs: "SUB_GID_DETERMINISTIC yes\n"), account(uid: 2000), free) == .deterministic(key: "SUB_GID_DETERMINISTIC"))
    #expect(refusal(facts(), account(uid: 2000), free) == nil)
  }

  @Test func `the distribution's login.defs holds where /etc has none`() throws {
    var facts = facts()
    facts.vendorDefinitions = bytes("SUB_UID_MIN 200000\n")
    #expect(try plan(facts).users == 65_736_000...65_801_535)
    facts.loginDefinitions = bytes("# empty\n")
    #expect(try plan(facts).users == 65_636_000...65_701_535)
  }

  // MARK: Where not all ids exist

  @Test func `ids that do not exist on this host are neither given nor counted`() throws {
    var facts = facts("alice:100000:65536\n")
    (facts.uidMap, facts.gidMap) = (bytes("0 100000 65536\n"), bytes("0 100000 65536\n"))
    #expect(refusal(facts) == .overlap(65_636_000...65_701_535, .nonexistent(65536...4_294_967_295)))
    facts.uidMap = bytes("0 1000 1\n1 100000 70000\n 70001 300000 200000\n")
    facts.gidMap = bytes("0 0 4294967295\n")
    let free = settings("reserved_ids = 1-60000\nsubid_scheme = first-free\nsubid_min = 65536")
    #expect(try plan(facts, account(uid: 2000), free).isEmpty, "they exist by now")
    facts.subuid = bytes("alice:300000:65536\n")
    #expect(try plan(facts, account(uid: 2000), free) == SubordinateIDPlan(users: 65536...131_071, groups: nil))
    #expect(
      ExistingIDs(bytes("0 0 4294967295\n")).contains(0...4_294_967_294)
        && !ExistingIDs(bytes("0 0 4294967295\n")).contains(5...4_294_967_295))
    #expect(ExistingIDs([]).contains(0...4_294_967_295) && ExistingIDs(bytes("x\n")).ranges == nil)
  }

  // MARK: Who else has the account's own ids

  @Test(arguments: [
    ("bob:1990:20\n", Optional(2000 as UInt32)), ("bob:2000:1\n", 2000), ("7:0x7d0:1\n", 2000), ("bob:2001:10\nbob:1000:1000\n", nil),
    ("alice:1990:20\n2000:1990:20\n", nil),
    ("#bob:1990:20\n!bob:1990:20\n", nil),
  ])
  func `whose uid lies in another's range is found in the same pass`(content: String, id: UInt32?) {
    let survey = SubordinateIDSurvey(account(uid: 2000, gid: 5), .users, bytes("x:3000:5\nalice:100000:65536\n" + content))
    #expect(survey.exposure?.id == id && survey.hasEnough)
  }

  @Test func `a single gid is no exposure, and a range with the own gid is one`() {
    let user = account(uid: 5, gid: 2000)
    #expect(SubordinateIDSurvey(user, .groups, bytes("bob:2000:1\n")).exposure == nil)
    #expect(
      SubordinateIDSurvey(user, .groups, bytes("bob:1999:2\n")).exposure
        == SubordinateIDExposure(kind: .groups, id: 2000, owner: "bob", range: 1999...2000))
  }

  // MARK: What is refused

  @Test func `without a word on the ids of accounts nobody can tell what is free`() {
    #expect(refusal(facts(), account(uid: 2000), settings("")) == .nothingReserved)
    #expect(refusal(facts(), account(uid: 2000), settings("reserved_ids = 5")) == nil)
  }

  @Test(arguments: [
    ("group: files sss", "sss"), ("group: files [NOTFOUND=return] ldap", "ldap"), ("group:sss files", "sss"),
    (" group : files[SUCCESS=merge] winbind", "winbind"),
    ("group: compat", "compat"), ("group: db files", "db"), ("group: files\ngroup: nis", "nis"), ("group: files systemd", nil),
    ("group: files [SUCCESS=merge] systemd # sss", nil),
    ("#group: sss", nil), ("passwd: files sss\ngroup_compat: nis\ngshadow: sss", nil), ("", nil),
  ]) func `a directory's groups need reserved_ids, and uid_max does not cover them`(nsswitch: String, source: String?) {
    var seen = facts()
    seen.nsswitch = Array(nsswitch.utf8)
    #expect(refusal(seen, account(uid: 2000), settings("uid_max = 60000")) == source.map { .noGroupsReserved(source: Array($0.utf8)) })
    #expect(refusal(seen, account(uid: 2000), settings("uid_max = 60000\nreserved_ids = 5")) == nil)
  }

  @Test(arguments: [
    "reserved_ids = 5-", "reserved_ids = 9-5", "reserved_ids = 1 x", "reserved_ids =", "reserved_ids = 1-2-3", "subid_max = many",
    "subid_min = -1", "subid_count = 65535", "subid_count = 0",
    "subid_scheme = random", "uid_min = x", "uid_max = 70000x", "uid_max = 5", "subid_mix = 5", "reserved = 5", "nonsense", "color = blue",
  ])
  func `a line that may say what to keep off, and is wrong, stops it`(line: String) {
    #expect(refusal(facts(), account(uid: 2000), settings("uid_max = 60000\n" + line)) == .settingsUncertain)
  }

  @Test func `another source, names that read otherwise, and uncertain definitions are refused`() {
    #expect(refusal(facts(nsswitch: "subid: sss\n")) == .notFromFiles(source: "sss"))
    #expect(refusal(facts(nsswitch: "subid: files\n")) == nil)
    for name in ["", "4711", "a:b", "a b", "a\nb:1:2", "#a", "+a", "-a", "\u{e4}", "a\t"] {
      #expect(refusal(facts(), account(bytes(name), uid: 2000)) == .nameUnfit, "\(name)")
    }
    for name in ["alice", "DOM\\alice", "alice@ad.example", "4711a", "a.b-c_d$"] {
      #expect(refusal(facts(), account(bytes(name), uid: 2000)) == nil, "\(name)")
    }
    for line in ["SUB_UID_MIN 0100000", "SUB_GID_COUNT x", "UID_MIN 0x10", "SUB_UID_MAX -1"] {
      #expect(refusal(facts(defs: line)) == .definitionUncertain(key: bytes(String(line.split(separator: " ")[0]))))
    }
    #expect(refusal(facts(defs: "SUB_UID_COUNT 1000")) == .tooFew(count: 1000))
  }

  @Test func `in the scheme first-free the lowest gap is taken, and none is said`() throws {
    let first = settings("uid_max = 60000\nsubid_scheme = first-free\nsubid_min = 100000\nsubid_max = 400000")
    #expect(
      try plan(facts("bob:100000:65536\n", "eve:165536:10\n"), account(uid: 2000), first)
        == SubordinateIDPlan(users: 165_546...231_081, groups: 165_546...231_081))
    #expect(try plan(facts(passwd: "x:x:165535:5::/:\n"), account(uid: 2000), first).users == 165_536...231_071)
    #expect(
      refusal(facts("bob:100000:100000\n5:260000:1\n6:320000:1\n7:380000:1\n"), account(uid: 2000), first)
        == .noneFree(min: 100_000, max: 400_000, count: 65536))
    // Exactly fits.
    #expect(try plan(facts("bob:100000:234465\n"), account(uid: 2000), first).users == 334_465...400_000)
    #expect(refusal(facts("bob:100000:234466\n"), account(uid: 2000), first) == .noneFree(min: 100_000, max: 400_000, count: 65536))
    let end = settings("uid_max = 60000\nsubid_scheme = first-free\nsubid_min = 4294900000\nsubid_max = 4294967295")
    #expect(try plan(facts(), account(uid: 2000), end).users == 4_294_900_000...4_294_965_535)
    #expect(
      refusal(facts("b:4294900000:2000\n"), account(uid: 2000), end) == .noneFree(min: 4_294_900_000, max: 4_294_967_294, count: 65536))
  }

  // MARK: Any files

  /// As shadow (lib/subordinateio.c: three fields, numbers by strtoul with base 0) or Podman (decimal digits) read a file.
  private func ranges(_ text: String) -> [(owner: String, first: UInt64, last: UInt64)] {
    text.split(separator: "\n").flatMap { line -> [(owner: String, first: UInt64, last: UInt64)] in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3, !fields[0].isEmpty else { return [] }
      var found: [(owner: String, first: UInt64, last: UInt64)] = []
      func add(_ start: UInt64?, _ count: UInt64?) {
        guard let start, let count, count > 0, start < 1 << 32 else { return }
        found.append(
          (fields[0], start, min(start.addingReportingOverflow(count - 1).overflow ? UInt64.max : start + count - 1, 1 << 32 - 1)))
      }
      func shadow(_ field: String) -> UInt64? {
        var end: UnsafeMutablePointer<CChar>? = nil
        return unsafe field.withCString { text in
          errno = 0
          let value = unsafe strtoul(text, &end, 0)
          return unsafe errno != 0 || field.isEmpty || end == nil || end!.pointee != 0 || field.contains("-") ? nil : UInt64(value)
        }
      }
      func decimal(_ field: String) -> UInt64? { field.allSatisfy { $0.isASCII && $0.isNumber } ? UInt64(field) : nil }
      add(decimal(fields[1]), decimal(fields[2]))
      add(shadow(fields[1]), shadow(fields[2]))
      return found
    }
  }

  @Test func `of any files, what is given out is nobody's, is enough, and is given once`() throws {
    var numbers = FixedNumbers(5)
    let owners = ["alice", "1001", "bob", "1002", "eve", "7", "x y", "!bob", "containers", "#eve"]
    var wrong: [String] = []
    var counts = (given: 0, refused: 0, enough: 0, computed: 0)
    for round in 0..<3000 {
      func number() -> String {
        let value = UInt32.random(in: 60_000...1_500_000, using: &numbers)
        switch Int.random(in: 0...11, using: &numbers) {
        case 0: return "0" + String(value, radix: 8)
        case 1: return "0x" + String(value, radix: 16)
        case 2: return " \(value)"
        case 3: return "+\(value)"
        case 4: return "0\(value)"
        case 5: return ["", "-1", "x", "4294967295", "99999999999999999999", "1 "].randomElement(using: &numbers)!
        default: return "\(value)"
        }
      }
      func file() -> String {
        (0..<Int.random(in: 0...10, using: &numbers)).map { _ in
          let size = Int.random(in: 0...5, using: &numbers) == 0 ? number() : "\(UInt32.random(in: 0...90_000, using: &numbers))"
          return "\(owners.randomElement(using: &numbers)!):\(number()):\(size)"
            + (Int.random(in: 0...20, using: &numbers) == 0 ? "" : "\n")
        }.joined()
      }
      let scheme = round % 2 == 0 ? "uid" : "first-free"
      // On a host whose login.defs computes the ranges, as shadow 4.20 does, perhaps in a ring.
      let isComputed = round % 6 == 0
      let ring = Bool.random(using: &numbers)
      let defs = ["UID", "GID"].map {
        "SUB_\($0)_MIN 100000\nSUB_\($0)_MAX 1500000\nSUB_\($0)_COUNT 65536\nSUB_\($0)_DETERMINISTIC yes\n"
          + (ring ? "UNSAFE_SUB_\($0)_DETERMINISTIC_WRAP yes\n" : "")
      }.joined()
      let passwd = (0..<3).map {
        "p\($0):x:\(UInt32.random(in: 60_000...1_500_000, using: &numbers)):\(UInt32.random(in: 60_000...1_500_000, using: &numbers))::/:\n"
      }.joined()
      let reserved = UInt32.random(in: 60_000...1_500_000, using: &numbers)
      let wanted = settings(
        "uid_min = 1000\nuid_max = 60000\nreserved_ids = \(reserved)-\(reserved + 5000)\n"
          + (isComputed ? "" : "subid_scheme = \(scheme)\nsubid_min = 100000\nsubid_max = 1500000\nsubid_count = 65536"))
      let user = account(
        "alice", uid: 1000 + UInt32.random(in: 0...12, using: &numbers), gid: UInt32.random(in: 60_000...1_500_000, using: &numbers))
      var files = (file(), file())
      let seen = facts(files.0, files.1, passwd: passwd, group: "g:x:\(reserved + 9000):\n", defs: isComputed ? defs : "")
      let given: SubordinateIDPlan
      do throws(SubordinateIDRefusal) { given = try planner(user, wanted).plan(seen) } catch {
        counts.refused += 1
        continue
      }
      if isComputed && !given.isEmpty { counts.computed += 1 }
      if given.isEmpty { counts.enough += 1 } else { counts.given += 1 }
      func isOwn(_ owner: String) -> Bool { owner == "alice" || owner == "\(user.uid)" }
      for (range, kind) in [(given.users, 0), (given.groups, 1)] {
        guard let range else { continue }
        let (first, last) = (UInt64(range.lowerBound), UInt64(range.upperBound))
        func meets(_ low: UInt64, _ high: UInt64) -> Bool { low <= last && high >= first }
        // Where both are computed, the ranges of uids and of gids are looked at apart, as shadow does.
        let others = (ranges(files.0).map { ($0, 0) } + ranges(files.1).map { ($0, 1) }).filter {
          meets($0.0.first, $0.0.last) && !($0.1 != kind && (isComputed || isOwn($0.0.owner)))
        }
        let people =
          passwd.split(whereSeparator: { $0 == ":" || $0 == "\n" }).compactMap { UInt64($0) } + [
            UInt64(reserved) + 9000, UInt64(user.uid), UInt64(user.credentials.group),
          ]
        if !others.isEmpty || people.contains(where: { meets($0, $0) }) || meets(UInt64(reserved), UInt64(reserved) + 5000)
          || meets(0, 65535) || range.count != 65536 || last > 1_500_000
        {
          wrong.append("\(range) for \(user.uid) in \(files) \(passwd) \(reserved): \(others)")
        }
        let line = "alice:\(range.lowerBound):\(range.count)\n"
        if kind == 0 {
          files.0 += (files.0.isEmpty || files.0.hasSuffix("\n") ? "" : "\n") + line
        } else {
          files.1 += (files.1.isEmpty || files.1.hasSuffix("\n") ? "" : "\n") + line
        }
      }
      if try !planner(user, wanted).plan(facts(files.0, files.1, passwd: passwd, defs: isComputed ? defs : "")).isEmpty {
        wrong.append("given twice: \(files)")
      }
    }
    #expect(wrong.first == nil, "\(wrong.count) of 3000")
    #expect(counts.given > 500 && counts.refused > 500 && counts.enough > 0 && counts.computed > 30, "\(counts)")
  }
}
