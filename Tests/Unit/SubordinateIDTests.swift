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
    var allocator = SubordinateIDAllocator(index, settings)
    return accountFindings(for: user, index, settings, &allocator)
  }

  private func sentences(_ index: SubordinateIDIndex, _ user: Account = account(), _ settings: Settings? = nil) -> [String] {
    findings(index, user, settings).map { "\($0.code.rawValue) \($0.sentence)" }
  }

  @Test func `a range in both files, by name or by number, is all that is needed`() {
    #expect(sentences(index("alice:100000:65536\n")) == [])
    #expect(sentences(index("1000:100000:65536\n")) == [])
    #expect(sentences(index("alice:100000:65535\nalice:165535:1\n")) == [])
    #expect(sentences(index("alice:100000:65536\nbob:165536:65536\n1001:231072:65536\n")) == [])
  }

  @Test func `without a range, the command gives one that is free in both files`() {
    let found = findings(index("bob:100000:65536\n", "carol:165536:65536\n"))
    #expect(found.map(\.code) == [.subuidMissing])
    #expect(found.first?.severity == .error)
    #expect(found.first?.sentence == "alice has no range in /etc/subuid and /etc/subgid, so images with files of more than one user cannot be unpacked.")
    #expect(found.first?.remedy == "sudo usermod --add-subuids 231072-296607 --add-subgids 231072-296607 alice    # then, as that user: podman system migrate")
    let half = findings(index("alice:100000:65536\n", ""))
    #expect(half.first?.sentence.contains("no range in /etc/subgid,") == true)
    #expect(findings(index("bob:99999:2\n")).first?.remedy.hasPrefix("sudo usermod --add-subuids 100001-165536 ") == true)
    #expect(half.first?.remedy == "sudo usermod --add-subgids 165536-231071 alice    # then, as that user: podman system migrate")
  }

  @Test func `files that are missing are empty, others are told`() {
    #expect(findings(SubordinateIDIndex(place.tree)).map(\.code) == [.subuidMissing])
    place.directory("etc")
    place.fifo("etc/subuid")
    #expect(sentences(SubordinateIDIndex(place.tree)).first?.contains("no range in /etc/subuid, which is not a regular file and /etc/subgid") == true)
  }

  @Test func `where a file may not be read, nothing is said of it, and no ids are called free`() {
    let found = findings(SubordinateIDIndex(SubordinateIDFacts(), [.users: .denied]))
    #expect(found.map(\.sentence) == ["alice has no range in /etc/subgid, so images with files of more than one user cannot be unpacked."])
    #expect(found.first?.remedy == "as root, rootless-storage check alice says which ids are free")
  }

  @Test func `too few ids are told with their number`() {
    let found = findings(index("alice:100000:1000\nalice:100500:1000\nalice:300000:10\n", "alice:100000:65536\n"))
    #expect(found.map(\.code) == [.subuidSmall])
    #expect(found.first?.severity == .warning)
    #expect(found.first?.sentence == "alice has 1510 ids in /etc/subuid, fewer than the 65536 that images expect (nobody is 65534).")
    #expect(found.first?.remedy.hasPrefix("sudo usermod --add-subuids 165536-231071 alice") == true)
  }

  @Test func `ids of others, by name or by number, are an overlap`() {
    let found = findings(index("alice:100000:65536\nbob:165535:65536\n2000:90000:20000\n", "alice:100000:65536\n"))
    #expect(found.map(\.code) == [.subuidOverlap])
    #expect(found.first?.severity == .error)
    #expect(
      found.first?.sentence
        == "The subordinate uids 100000-165535 of alice in /etc/subuid include subordinate ids of 2000 (90000-109999) and subordinate ids of bob (165535-231070): with ids in common, one can act as the other.")
    #expect(found.first?.remedy == "sudo usermod --del-subuids 100000-165535 --add-subuids 231071-296606 alice    # then, as that user: podman system migrate")
  }

  @Test func `ids that people have are an overlap`() {
    let people = index("alice:1000:100000\n", passwd: "root:x:0:0::/:\nalice:x:1000:1000::/:\nbob:x:1001:100::/:\nout:x:101000:1::/:\n", group: "staff:x:1002:bob\nalice:x:1000:\n")
    #expect(
      sentences(people) == [
        "subuid-overlap The subordinate uids 1000-100999 of alice in /etc/subuid include the user's own uid 1000 and the uid 1001 of bob in /etc/passwd: with ids in common, one can act as the other.",
        "subuid-overlap The subordinate gids 1000-100999 of alice in /etc/subgid include the user's own gid 1000 and the gid 1002 of staff in /etc/group: with ids in common, one can act as the other.",
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
    #expect(findings(good, account(), settings).first?.remedy.contains("--add-subuids 165536-231071") == true)
  }

  @Test func `of many collisions some are named`() {
    let all = (0..<20).map { "u\($0):100000:65536\n" }.joined()
    let found = findings(index("alice:100000:65536\n" + all))
    #expect(found.count == 2)
    #expect(found.first?.sentence.contains("u0 (100000-165535), subordinate ids of u1 (100000-165535), subordinate ids of u2 (100000-165535) and more:") == true)
  }

  @Test(arguments: [
    ("subid: sss\n", "sss"), ("# subid: sss\npasswd: files\n", nil), ("subid: files sss\n", nil), ("subid:\tsss files # x\n", "sss"), ("subid:sss\n", "sss"), ("subid:\n", nil),
    ("", nil),
  ] as [(String, String?)])
  func `another source makes the files count for nothing`(content: String, source: String?) {
    place.put("etc/nsswitch.conf", content)
    let index = index("")
    #expect(index.source.map { shown($0) } == source)
    let found = findings(index, account("o'brien"))
    #expect(found.map(\.code) == [source == nil ? .subuidMissing : .subidSource])
    if source != nil { #expect(found.first?.remedy == "look at them: getsubids $'o\\047brien' && getsubids -g $'o\\047brien'") }
  }

  @Test func `hostile names are escaped`() {
    for name in hostileBytes where !name.isEmpty {
      for finding in findings(index("x:100000:65536\n"), account(name)) {
        #expect(isPrintable(bytes(finding.sentence)) && isPrintable(bytes(finding.remedy)))
      }
    }
  }

  @Test func `free ranges are given once, within the bounds, and keep off everybody`() {
    place.put("etc/login.defs", "SUB_UID_MIN 200000\nSUB_UID_MAX 500000\n# SUB_GID_MAX 1\n")
    let index = index("bob:200000:10\n", passwd: "carol:x:300000:1::/:\n", group: "g:x:370000:\n")
    var allocator = SubordinateIDAllocator(index, nil, uids: [436_000])
    #expect(allocator.take(for: account()) == 200_010...265_545)
    // Between 300000 and 370000 there is just room enough, after 436000 not any more.
    #expect(allocator.take(for: account(uid: 300_001)) == 300_002...365_537)
    #expect(allocator.take(for: account()) == 370_001...435_536)
    #expect(allocator.take(for: account()) == nil)
  }

  // MARK: Any files

  private static let owners = ["alice", "1000", "bob", "1001", "carol", "dave"]

  /// Overlaps as anybody would look for them.
  private func bruteForce(_ table: SubordinateIDTable, _ user: Account) -> Bool {
    table.ranges.contains { own in
      own.belongs(to: user)
        && (table.ranges.contains { !$0.belongs(to: user) && $0.ids.overlaps(own.ids) } || table.realIDs.contains { own.ids.contains($0.id) }
          || own.ids.contains(user.uid))
    }
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

  @Test func `what is free is free`() {
    var numbers = FixedNumbers(21)
    var wrong: [String] = []
    for _ in 0..<200 {
      let users = random(&numbers, span: 6_000_000, lines: 40, longest: 100_000)
      let groups = random(&numbers, span: 6_000_000, lines: 5, longest: 100_000)
      let index = SubordinateIDIndex(facts(users, groups, passwd: people(&numbers, span: 6_000_000)))
      let taken = index.tables.flatMap { $0.ranges.map(\.ids) + $0.realIDs.map { $0.id...$0.id } }
      var allocator = SubordinateIDAllocator(index, nil)
      var given: [IDRange] = []
      for _ in 0..<30 {
        let user = account(uid: UInt32.random(in: 100_000...6_000_000, using: &numbers))
        guard let range = allocator.take(for: user) else { break }
        if range.count != 65536 || range.lowerBound < 100_000 || range.contains(user.uid) || (taken + given).contains(where: range.overlaps) {
          wrong.append("\(range) among \(taken) and \(given)")
        }
        given.append(range)
      }
      if given.count != 30 { wrong.append("only \(given.count)") }
    }
    #expect(wrong.first == nil)
  }

  @Test func `ten thousand users with ten thousand lines take no more than a moment`() {
    let users = (0..<10_000).map { account(bytes("user\($0)"), uid: 1_000_000_000 + UInt32($0)) }
    // One owner with as many lines again, and one range over all, so that everything overlaps.
    let lines =
      (0..<10_000).map { "user\($0):\(100_000 + $0 * 65536):65536\n" }.joined()
      + (0..<10_000).map { "big:\(100_000 + $0 * 65536):65537\n" }.joined() + "all:0:4294967295\n"
    let start = ContinuousClock.now
    let index = index(lines)
    var allocator = SubordinateIDAllocator(index, nil)
    var count = 0
    for user in users + [account("big", uid: 70)] { count += accountFindings(for: user, index, nil, &allocator).count }
    #expect(count == 20_002)
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
