import Testing

@testable import RootlessStorage
@testable import rootless_storage

@Suite struct SubordinateIDTests {
  private let place = TestDirectory()

  private func index(_ subuid: String, _ subgid: String? = nil, passwd: String = "", group: String = "") -> SubordinateIDIndex {
    place.put("etc/subuid", subuid)
    place.put("etc/subgid", subgid ?? subuid)
    place.put("etc/passwd", passwd)
    place.put("etc/group", group)
    return SubordinateIDIndex(place.tree)
  }

  private func findings(_ index: SubordinateIDIndex, _ user: Account = account(), _ settings: Settings? = nil) -> [Finding] {
    accountFindings(for: user, index, settings)
  }

  private static let policy =
    "give alice one range in both files as your site does it, or set subids = allocate in rootless-storage.conf on every host; see SUBORDINATE IDS in rootless-storage.conf(5)"

  private func sentences(_ index: SubordinateIDIndex, _ user: Account = account(), _ settings: Settings? = nil) -> [String] {
    findings(index, user, settings).map { "\($0.code.rawValue) \($0.sentence)" }
  }

  @Test func `a range in both files, by name or by number, is all that is needed`() {
    #expect(sentences(index("alice:100000:65536\n")) == [])
    #expect(findings(index("1000:100000:65536\n")).map(\.severity) == [.note, .note])
    #expect(sentences(index("alice:100000:65535\nalice:165535:1\n")) == [])
    #expect(sentences(index("alice:100000:65536\nbob:165536:65536\n1001:231072:65536\n")) == [])
  }

  @Test func `without a range, what the site has decided is asked for, and never ids that are free on this host only`() {
    let found = findings(index("bob:100000:65536\n", "carol:165536:65536\n"))
    #expect(found.map(\.code) == [.subuidMissing])
    #expect(found.first?.severity == .error)
    #expect(
      found.first?.sentence
        == "alice has no range in /etc/subuid and /etc/subgid, so images with files of more than one user cannot be unpacked.")
    #expect(found.first?.remedy.text == SubordinateIDTests.policy && found.first?.isRepairable == false)
    let half = findings(index("alice:100000:65536\n", ""))
    #expect(half.first?.sentence.contains("no range in /etc/subgid,") == true)
    #expect(
      half.first?.remedy.text
        == "sudo usermod --add-subgids 100000-165535 alice    # the same ids as in the other file; then, as that user: podman system migrate"
    )
    // Somebody else has them there.
    #expect(findings(index("alice:100000:65536\n", "bob:165535:1\n")).first?.remedy.text == SubordinateIDTests.policy)
    var settings = SettingsParser(bytes("subids = allocate\nuid_max = 60000")).settings
    let given = findings(index(""), account(), settings)
    #expect(
      given.map(\.isRepairable) == [true]
        && given.first?.remedy.text
          == "sudo rootless-storage repair alice    # or the user logs in again; then, as that user: podman system migrate"
    )
    settings.uidMax = nil
    #expect(findings(index(""), account(), settings).map(\.isRepairable) == [false])
  }

  @Test func `where useradd computes ranges, the computed one is given`() {
    place.put("etc/login.defs", "SUB_UID_DETERMINISTIC yes\nSUB_GID_DETERMINISTIC yes\n")
    let command =
      "sudo usermod --add-subuids 65536-131071 --add-subgids 65536-131071 alice    # what useradd computes from the uid, on every host; then, as that user: podman system migrate"
    #expect(findings(index("")).first?.remedy.text == command)
    #expect(findings(index("bob:100000:1\n", "bob:300000:1\n")).first?.remedy.text == SubordinateIDTests.policy, "somebody has ids of it")
    place.put("etc/login.defs", "SUB_UID_DETERMINISTIC yes\n")
    #expect(findings(index("")).first?.remedy.text == SubordinateIDTests.policy, "one of the two would be the first that is free here")
  }

  @Test func `files that are missing are empty, others are told`() {
    #expect(findings(SubordinateIDIndex(place.tree)).map(\.code) == [.subuidMissing])
    place.directory("etc")
    place.fifo("etc/subuid")
    #expect(
      sentences(SubordinateIDIndex(place.tree)).first?.contains("no range in /etc/subuid, which is not a regular file and /etc/subgid")
        == true)
  }

  @Test func `where a file may not be read, nothing is said of it`() {
    let found = findings(SubordinateIDIndex(SubordinateIDFacts(), [.users: .denied]))
    #expect(found.map(\.sentence) == ["alice has no range in /etc/subgid, so images with files of more than one user cannot be unpacked."])
    #expect(found.first?.remedy.text == SubordinateIDTests.policy)
  }

  @Test func `too few ids are told with their number`() {
    let found = findings(index("alice:100000:1000\nalice:100500:1000\nalice:300000:10\n", "alice:100000:65536\n"))
    #expect(found.map(\.code) == [.subuidSmall, .subuidOverlap])
    #expect(found.first?.severity == .warning)
    #expect(found.first?.sentence == "alice has 1510 ids in /etc/subuid, fewer than the 65536 that images expect (nobody is 65534).")
    #expect(found.first?.remedy.text == SubordinateIDTests.policy, "the range of the other file would stand beside ids of its own")
  }

  @Test func `ids of others, by name or by number, are an overlap`() {
    let found = findings(index("alice:100000:65536\nbob:165535:65536\n2000:90000:20000\n", "alice:100000:65536\n"))
    #expect(found.map(\.code) == [.subuidOverlap])
    #expect(found.first?.severity == .error)
    #expect(
      found.first?.sentence
        == "The subordinate uids 100000-165535 of alice in /etc/subuid include subordinate ids of 2000 (90000-109999) and subordinate ids of bob (165535-231070): with ids in common, one can act as the other."
    )
    #expect(
      found.first?.remedy.text
        == "sudo usermod --del-subuids 100000-165535 --del-subgids 100000-165535 alice    # and give alice one range in both files as your site does it; then, as that user: podman system migrate"
    )
  }

  @Test func `ids that people have are an overlap`() {
    let people = index(
      "alice:1000:100000\n", passwd: "root:x:0:0::/:\nalice:x:1000:1000::/:\nbob:x:1001:100::/:\nout:x:101000:1::/:\n",
      group: "staff:x:1002:bob\nalice:x:1000:\n")
    #expect(
      sentences(people) == [
        "subuid-overlap The subordinate uids 1000-100999 of alice in /etc/subuid include the user's own uid 1000, the uid 1001 of bob in /etc/passwd and systemd's ids (60001-60513: homes of systemd-homed): with ids in common, one can act as the other.",
        "subuid-overlap The subordinate gids 1000-100999 of alice in /etc/subgid include the user's own gid 1000, the gid 1002 of staff in /etc/group and systemd's ids (60001-60513: homes of systemd-homed): with ids in common, one can act as the other.",
      ])
  }

  @Test func `uids that the settings serve are an overlap, if they say how far they reach`() {
    var settings = Settings()
    let good = index("alice:100000:65536\n")
    #expect(sentences(good, account(), settings) == [])
    settings.uidMax = 99_999
    #expect(sentences(good, account(), settings) == [])
    settings.uidMax = 100_000
    #expect(findings(good, account(), settings).map(\.code) == [.subuidOverlap])
    #expect(findings(good, account(), settings).first?.remedy.text.contains("--add-sub") == false)
  }

  @Test func `of many collisions some are named`() {
    let all = (0..<20).map { "u\($0):100000:65536\n" }.joined()
    let found = findings(index("alice:100000:65536\n" + all))
    #expect(found.count == 2)
    #expect(
      found.first?.sentence.contains(
        "u0 (100000-165535), subordinate ids of u1 (100000-165535), subordinate ids of u2 (100000-165535) and more:") == true)
  }

  @Test(
    arguments: [
      ("subid: sss\n", "sss"), ("# subid: sss\npasswd: files\n", nil), ("subid: files sss\n", nil), ("subid:\tsss files # x\n", "sss"),
      ("subid:sss\n", "sss"), ("subid:\n", nil),
      ("", nil),
    ] as [(String, String?)])
  func `another source makes the files count for nothing`(content: String, source: String?) {
    place.put("etc/nsswitch.conf", content)
    let index = index("")
    #expect(index.source.map { shown($0) } == source)
    let found = findings(index, account("o'brien"))
    #expect(found.map(\.code) == [source == nil ? .subuidMissing : .subidSource])
    if source != nil { #expect(found.first?.remedy.text == "look at them: getsubids $'o\\047brien' && getsubids -g $'o\\047brien'") }
  }

  @Test func `hostile names are escaped`() {
    for name in hostileBytes where !name.isEmpty {
      for finding in findings(index("x:100000:65536\n"), account(name)) {
        #expect(isPrintable(bytes(finding.sentence)) && isPrintable(bytes(finding.remedy.text)))
      }
    }
  }

  // MARK: Whose own id is whose

  @Test func `whose uid or gid lies in another's range is told, whoever it is`() {
    // Of a directory: no file knows carol.
    let carol = account("carol", uid: 108_472, gid: 165_535)
    let found = findings(index("adm:100000:65536\ncarol:300000:65536\n", passwd: "adm:x:1001:1001::/:\n"), carol)
    #expect(
      found.map(\.sentence) == [
        "The uid 108472 of carol lies in the subordinate uids 100000-165535 of adm in /etc/subuid: in a user namespace adm can act as carol.",
        "The gid 165535 of carol lies in the subordinate gids 100000-165535 of adm in /etc/subgid: in a user namespace adm can act as carol.",
      ])
    #expect(
      found.allSatisfy {
        $0.code == .subuidOverlap && $0.severity == .error && $0.remedy.text.contains("165535 adm    # give adm another range")
      })
    // However the line is written, and under a number too; not where nobody can be the owner.
    #expect(findings(index("77:0x1a000:10000\ncarol:300000:65536\n"), carol).filter { $0.code == .subuidOverlap }.count == 1)
    #expect(findings(index("#x:100000:65536\n!x:100000:65536\ncarol:300000:65536\n"), carol).filter { $0.code == .subuidOverlap } == [])
    // A single gid is given on purpose.
    #expect(findings(index("carol:300000:65536\n", "adm:165535:1\ncarol:300000:65536\n"), carol) == [])
  }

  @Test(arguments: [
    (60000, 2, "60001-60513"), (61183, 2, "61184-65519"), (65530, 5, "65534-65535"), (2_147_352_575, 2, "2147352576-2147418111"),
    (2_147_418_111, 9, "2147352576-2147418111"),
  ])
  func `systemd's own ids are nobody's`(start: Int, count: Int, ids: String) {
    let found = findings(index("alice:100000:65536\nalice:\(start):\(count)\n"))
    #expect(
      found.count == 2 && found.allSatisfy { $0.code == .subuidOverlap && $0.sentence.contains("systemd's ids (\(ids):") }, "\(found)")
    #expect(
      found.allSatisfy { $0.remedy.text.hasSuffix("alice    # other ranges remain; then, as that user: podman system migrate") },
      "nothing is added where enough ids remain: \(found)")
    #expect(findings(index("alice:100000:65536\nalice:2147352575:1\nalice:2147418112:1\n", "alice:100000:65536\n")) == [])
  }

  @Test func `a single gid of a group is a note`() {
    let found = findings(index("alice:100000:65536\n", "alice:100000:65536\nalice:44:1\nalice:99:1\n", group: "video:x:44:\n"))
    #expect(found.map(\.severity) == [.note] && found.map(\.code) == [.subuidOverlap])
    #expect(found.first?.sentence == "Line 2 of /etc/subgid gives the containers of alice the group video (44), as is done for devices.")
    #expect(found.first?.remedy.text == "nothing; if it is not meant: sudo usermod --del-subgids 44-44 alice")
  }

  @Test func `another spelling of a name is no other user`() {
    let user = account(bytes("CORP\\jdoe"), uid: 2000)
    let found = findings(index("CORPjdoe:100000:65536\nCORP\\jdoe:100000:65536\n"), user)
    #expect(
      found.map(\.code) == [.subidName, .subidName] && found.allSatisfy { $0.severity == .note && $0.remedy.text.hasPrefix("nothing;") },
      "\(found)")
    #expect(findings(index("CORPjdo:100000:65536\nCORP\\jdoe:100000:65536\n"), user).map(\.code) == [.subuidOverlap, .subuidOverlap])
  }

  // MARK: What engines read

  @Test(arguments: [
    (
      "alice:100000:65536\nalice:100000:65536\n",
      "Lines 1 and 2 of /etc/subuid give alice the uids 100000-165535 twice: the kernel refuses such a map, and no container of theirs starts."
    ),
    (
      "alice:100000:65536\n1000:165535:2\n",
      "Lines 1 and 2 of /etc/subuid give alice uids twice (100000-165535 and 165535-165536): the kernel refuses such a map, and no container of theirs starts."
    ),
  ])
  func `lines of one owner with ids in common`(subuid: String, sentence: String) {
    let found = findings(index(subuid, "alice:100000:65536\n"))
    #expect(found.map(\.code) == [.subuidOverlap] && found.first?.severity == .error && found.first?.sentence == sentence, "\(found)")
    #expect(found.first?.remedy.text == "remove one of the two lines: sudo vi +2 /etc/subuid")
  }

  @Test(arguments: ["0x186a0", "0303240", "+100000"]) func `numbers that only shadow reads are ids for engines with libsubid`(
    number: String
  ) {
    let found = findings(index("alice:\(number):65536\n"))
    #expect(found.map(\.code) == [.subuidMissing] && found.first?.severity == .warning, "\(found)")
    #expect(found.first?.remedy.text == "write the line in decimal digits, as alice:100000:65536: sudo vi +1 /etc/subuid")
  }

  @Test(arguments: ["alice:4294900000:100000\n", "alice:100000:4294967296\n", "alice:4294901760:65536\n"])
  func `ids beyond the last one of the kernel are none`(content: String) {
    #expect(findings(index(content)).first?.code == .subuidMissing)
    #expect(findings(index(content)).first?.severity == .error)
    #expect(fileFindings(index(content)) + brokenLines(index(content)) == [])
    #expect(index(content).users.oddities.map(\.line) == [1])
    #expect(findings(index("alice:4294901759:65536\n")) == [])
  }

  @Test func `ids that do not exist in this container are none`() {
    place.put("proc/self/uid_map", "         0     100000      70000\n")
    place.put("proc/self/gid_map", "         0     100000      70000\n    100000 200000 65536\n")
    let found = findings(index("alice:100000:65536\n"))
    #expect(found.map(\.code) == [.subidNonexistent] && found.first?.severity == .error, "\(found)")
    #expect(found.first?.sentence.contains("which is a container itself and has 0-69999 (/proc/self/uid_map)") == true)
    #expect(
      findings(index("alice:4000:65536\n", "alice:100000:65536\n"), account(uid: 70_000)).map(\.code).contains(.subidNonexistent) == false)
  }

  @Test func `with ignore_chown_errors nobody needs ranges`() {
    #expect(accountFindings(for: account(), index(""), nil, ignoresChownErrors: true).map(\.severity) == [.note])
    place.put("etc/containers/storage.conf", "[storage.options.overlay]\nignore_chown_errors = \"true\"\n")
    #expect(findings(index("alice:100000:10\n")).map(\.severity) == [.note, .note])
    place.put(
      "etc/containers/storage.conf",
      "[storage.options.overlay]\nignore_chown_errors = \"false\"\n[storage.options]\nignore_chown_errors = \"true\"\n")
    #expect(findings(index("")).map(\.severity) == [.error])
  }

  @Test func `a Podman without libsubid reads the files, whatever nsswitch says`() {
    place.put("etc/nsswitch.conf", "subid: sss\n")
    #expect(findings(index("")).map(\.severity) == [.warning])
    place.put("usr/bin/podman", "\u{7f}ELF libsubid.so.5\u{0}")
    #expect(findings(index("")).map(\.severity) == [.warning])
    place.put("usr/bin/podman", "\u{7f}ELF libc.so.6\u{0}")
    let found = findings(index(""))
    #expect(
      found.map(\.code) == [.subidSource] && found.first?.severity == .error
        && found.first?.sentence.contains("/usr/bin/podman is built without libsubid") == true, "\(found)")
    #expect(findings(index("alice:100000:65536\n")).map(\.severity) == [.warning])
  }

  @Test func `a file that nobody but root may read, or that does not end, is one without ids`() {
    let good = index("alice:100000:65536\n")
    #expect(fileFindings(good) == [])
    place.put("etc/subgid", "alice:100000:65536", mode: 0o600)
    let closed = fileFindings(SubordinateIDIndex(place.tree))
    #expect(closed.map(\.code) == [.subidClosed, .subidLine] && closed.map(\.severity) == [.error, .warning], "\(closed)")
    place.put("usr/sbin/usermod", "add-subids\u{0}")
    #expect(fileFindings(SubordinateIDIndex(place.tree)).map(\.severity) == [.error, .error])
  }

  @Test func `a line that Apptainer has disabled is named`() {
    let found = findings(index("!alice:100000:65536\n"))
    #expect(
      found.map(\.code) == [.subuidMissing]
        && found.first?.sentence.contains("Apptainer has disabled a line of theirs (!alice:100000:65536)") == true)
  }

  // MARK: Any files

  private static let owners = ["alice", "1000", "bob", "1001", "carol", "dave"]

  private static let systems: [IDRange] = [60001...60513, 60578...60705, 61184...65519, 65534...65535, 2_147_352_576...2_147_418_111]

  /// Overlaps as anybody would look for them.
  private func bruteForce(_ table: SubordinateIDTable, _ user: Account) -> Bool {
    table.ranges.contains { own in
      own.belongs(to: user)
        && (table.ranges.contains { !$0.belongs(to: user) && $0.ids.overlaps(own.ids) }
          || table.realIDs.contains { own.ids.contains($0.id) }
          || own.ids.contains(user.uid)
          || table.doubles(of: user).count > 0 || SubordinateIDTests.systems.contains { own.ids.overlaps($0) })
    } || table.ranges.contains { !$0.belongs(to: user) && $0.ids.contains(user.uid) }
  }

  /// Some numbers as only shadow reads them, or as everybody does but with another result.
  private func written(_ number: UInt32, _ numbers: inout FixedNumbers) -> String {
    switch Int.random(in: 0...9, using: &numbers) {
    case 0: "0x\(String(number, radix: 16))"
    case 1: "0\(number)"
    case 2: "+\(number)"
    default: "\(number)"
    }
  }

  private func random(_ numbers: inout FixedNumbers, span: UInt32, lines: Int, longest: UInt32) -> String {
    (0..<lines).map { _ in
      let start = written(UInt32.random(in: 0...span, using: &numbers), &numbers)
      return "\(SubordinateIDTests.owners.randomElement(using: &numbers)!):\(start):\(UInt32.random(in: 1...longest, using: &numbers))\n"
    }.joined()
  }

  private func people(_ numbers: inout FixedNumbers, span: UInt32) -> String {
    (0..<Int.random(in: 0...3, using: &numbers)).map { "p\($0):x:\(UInt32.random(in: 0...span, using: &numbers)):0::/:\n" }.joined()
  }

  private func facts(_ subuid: String, _ subgid: String = "", passwd: String = "") -> SubordinateIDFacts {
    var facts = SubordinateIDFacts()
    (facts.subuid, facts.subgid, facts.passwd) = (bytes(subuid), bytes(subgid), bytes(passwd))
    return facts
  }

  @Test func `an overlap is found exactly where there is one`() {
    var numbers = FixedNumbers(20)
    var wrong: [String] = []
    var counts = [false: 0, true: 0]
    for _ in 0..<1500 {
      let span: UInt32 = [200, 2000, UInt32.max].randomElement(using: &numbers)!
      let content = random(&numbers, span: span, lines: Int.random(in: 0...12, using: &numbers), longest: max(2, span / 20))
      let index = SubordinateIDIndex(facts(content, passwd: people(&numbers, span: span)))
      for (name, uid) in [("alice", 1000), ("bob", 1001), ("carol", 70)] as [(String, UInt32)] {
        let user = account(bytes(name), uid: uid)
        let expected = bruteForce(index.users, user)
        counts[expected]! += 1
        if findings(index, user).contains(where: { $0.code == .subuidOverlap }) != expected { wrong.append("\(name): \(content)") }
        for range in index.users.ranges {
          let all = index.users.ranges.filter { !$0.belongs(to: user) && $0.ids.overlaps(range.ids) }
          let found = index.users.others(than: user, in: range.ids, limit: 100)
          if found.count != all.count || !all.allSatisfy(found.contains) { wrong.append("others than \(name): \(content)") }
        }
      }
    }
    #expect(wrong.first == nil)
    // Both happen often enough to mean something.
    #expect(counts.values.allSatisfy { $0 > 500 })
  }

  @Test func `ten thousand users with ten thousand lines take no more than a moment`() {
    let users = (0..<10_000).map { account(bytes("user\($0)"), uid: 1_000_000_000 + UInt32($0)) }
    // One owner with as many lines again, and one range over all, so that everything overlaps.
    let lines =
      (0..<10_000).map { "user\($0):\(100_000 + $0 * 65536):65536\n" }.joined()
      + (0..<10_000).map { "big:\(100_000 + $0 * 65536):65537\n" }.joined() + "all:0:4294967295\n"
    let start = ContinuousClock.now
    let index = index(lines)
    var count = 0
    for user in users.suffix(2000) + [account("big", uid: 70)] { count += accountFindings(for: user, index, nil).count }
    // Of each: an overlap in each file, and that their uid and gid lie in the range over all.
    #expect(count > 8000)
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
