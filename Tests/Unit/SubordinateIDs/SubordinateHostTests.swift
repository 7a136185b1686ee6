import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// What `subids` says of the whole host, and what it changes in the files.
@Suite struct SubordinateHostTests {
  private static let passwd = "root:x:0:0::/:\nalice:x:1000:1000::/:\nbob:x:1001:1001::/:\n"

  private func facts(
    _ subuid: String, _ subgid: String = "", passwd: String = SubordinateHostTests.passwd, nsswitch: String = "", defs: String = ""
  ) -> SubordinateIDFacts {
    var facts = SubordinateIDFacts()
    (facts.subuid, facts.subgid, facts.passwd) = (bytes(subuid), bytes(subgid), bytes(passwd))
    (facts.nsswitch, facts.loginDefinitions) = (bytes(nsswitch), bytes(defs))
    return facts
  }

  private func owners(_ index: SubordinateIDIndex) -> SubordinateOwners {
    var memory = AbsenceMemory(directory: "/nonexistent", machine: nil, moment: nil, isWriting: false)
    return SubordinateOwners(
      index, Accounts(AccountSources(switching: bytes("passwd: files\n"), passwd: index.facts.passwd)), orphanDays: 0, &memory)
  }

  private func findings(_ facts: SubordinateIDFacts, _ settings: Settings? = nil, locks: [AccountLockFile] = []) -> [Finding] {
    let index = SubordinateIDIndex(facts)
    return SubordinateHostFindings(index: index, settings: settings, owners: owners(index), known: KnownIDs(), locks: locks).all()
  }

  private func settings(_ text: String) -> Settings { SettingsParser(bytes(text)).settings }

  // MARK: Overlaps

  @Test func `the sweep finds the pairs that brute force finds`() {
    var numbers = FixedNumbers(31)
    var wrong: [String] = []
    var some = 0
    for _ in 0..<3000 {
      let span: UInt32 = [20, 1000, UInt32.max].randomElement(using: &numbers)!
      let ranges = (0..<Int.random(in: 0...14, using: &numbers)).map { line in
        let first = UInt32.random(in: 0...span, using: &numbers)
        let (last, overflow) = first.addingReportingOverflow(UInt32.random(in: 0...max(1, span / 6), using: &numbers))
        return SubordinateRange(
          owner: ["alice", "1000", "bob", "carol"].randomElement(using: &numbers)!, ids: first...(overflow ? UInt32.max : last),
          isCertain: true, line: line + 1)
      }
      // alice and 1000 are one.
      func name(_ owner: [UInt8]) -> [UInt8] { owner == "1000" ? "alice" : owner }
      let names: [[UInt8]] = ["alice", "bob", "carol"]
      let owners = ranges.map { names.firstIndex(of: name($0.owner))! }
      let order = ranges.indices.sorted { ranges[$0].ids.lowerBound < ranges[$1].ids.lowerBound }
      var expected: Set<[Int]> = []
      for one in ranges {
        for other in ranges where one.line < other.line && name(one.owner) != name(other.owner) && one.ids.overlaps(other.ids) {
          expected.insert([one.line, other.line])
        }
      }
      some += expected.count
      let all = overlappingPairs(ranges, order, of: owners, limit: 1000)
      let found = Set(all.pairs.map { [$0.first.line, $0.second.line].sorted() })
      if found != expected || all.count != expected.count || all.pairs.count != expected.count { wrong.append("\(ranges)") }
      let few = overlappingPairs(ranges, order, of: owners, limit: 3)
      if few.count != expected.count || few.pairs.count != min(3, expected.count) { wrong.append("three of \(ranges)") }
    }
    #expect(wrong.first == nil)
    #expect(some > 3000)
  }

  @Test func `an overlap is told once, with the command that takes the range from its owner`() {
    let found = findings(facts("alice:100000:65536\nbob:165535:65536\n1000:165000:10\n"))
    #expect(
      found.map(\.code) == [.subuidOverlap, .subuidOverlap]
        && found.first?.sentence.hasPrefix("Lines 1 and 3 of /etc/subuid give alice uids twice") == true)
    #expect(
      found.last?.sentence
        == "The subordinate uids 100000-165535 of alice in /etc/subuid include subordinate ids of bob (165535-231070): with ids in common, one can act as the other."
    )
    #expect(
      found.last?.remedy.text.hasPrefix("sudo usermod --del-subuids 165535-231070 bob    # give bob another range by your site's policy; ")
        == true)
    // Who is gone gives way.
    let gone = findings(facts("left:100000:65536\nbob:165535:65536\n"))
    #expect(gone.map(\.code) == [.subuidOverlap, .subidGone])
    #expect(gone.first?.remedy.text == "sudo rootless-storage subids release left")
    #expect(gone.last?.sentence == "left has no account any more, but subordinate ids: 100000-165535 in /etc/subuid.")
  }

  @Test func `both readings of a line count, and accounts, uid_max and reserved_ids`() {
    #expect(findings(facts("alice:0x186a0:65536\nbob:165535:10\n")).map(\.code) == [.subidLine, .subuidOverlap])
    #expect(
      findings(facts("alice:0100000:65536\nbob:40000:10\n")).map(\.code) == [.subidLine, .subuidOverlap, .subuidOverlap], "systemd's too")
    let people = findings(facts("alice:900:200\n"), settings("uid_max = 60000\nreserved_ids = 5 1050-2000"))
    #expect(
      people.map(\.sentence) == [
        "The subordinate uids 900-1099 of alice in /etc/subuid include the uid 1000 of alice in /etc/passwd, the uid 1001 of bob in /etc/passwd, uids of the people here (1000-60000: uid_min to uid_max in rootless-storage.conf) and reserved ids (1050-2000: reserved_ids in rootless-storage.conf): with ids in common, one can act as the other."
      ])
  }

  @Test func `of many findings the first are told, and the number of the others`() {
    let many = (0..<400).map { "u\($0):100000:65536\n" }.joined()
    let found = findings(facts(many, "x\ny\n" + repeatElement(":::\n", count: 100).joined()))
    let overlaps = found.filter { $0.code == .subuidOverlap }
    #expect(overlaps.count == SubordinateHostFindings.most + 1)
    #expect(
      overlaps.last?.sentence == "\(400 * 399 / 2 - SubordinateHostFindings.most) more pairs of ranges in /etc/subuid have ids in common.")
    #expect(found.filter { $0.code == .subidGone }.last?.sentence == "376 more owners of subordinate ids have no account any more.")
    #expect(found.filter { $0.code == .subidLine }.count == SubordinateHostFindings.most + 1)
    #expect(found.count < 5 * (SubordinateHostFindings.most + 1))
  }

  // MARK: Owners that are no accounts on purpose

  @Test func `owners that are no accounts on purpose are not gone`() {
    let content =
      "containers:1000000:65536\nroot-auto-userns-user:2000000:65536\ndockremap:3000000:65536\nremap:4000000:65536\n!bob:5000000:65536\nleft:6000000:65536\n"
    var readers = SubordinateIDReaders()
    readers.dockerOwners = ["remap"]
    let index = SubordinateIDIndex(facts(content), [:], readers)
    let states = owners(index)
    #expect(states.names { $0 == .gone } == ["left"])
    #expect(
      states.state("containers") == .kept(.podman) && states.state("remap") == .kept(.docker)
        && states.state("!bob") == .kept(.disabled(name: "bob")))
    let found = SubordinateHostFindings(index: index, settings: nil, owners: states, known: KnownIDs(), locks: []).all()
    #expect(
      found.map(\.severity) == [.note, .warning]
        && found.first?.sentence.contains("Apptainer has disabled the subordinate ids of bob (!bob: 5000000-5065535") == true, "\(found)")
    #expect(Set(subordinateEntries(index, nil, states).map { "\(shown($0.owner)) \($0.state.rawValue)" }).contains("containers kept"))
    // Without the settings of Docker it is a name like others.
    let plain = owners(SubordinateIDIndex(facts(content)))
    #expect(plain.names { $0 == .gone } == ["left", "remap"])
    // Ids that Apptainer keeps are still not free.
    #expect(findings(facts("!bob:100000:65536\nalice:165535:65536\n")).map(\.code).contains(.subuidOverlap))
  }

  @Test func `Docker's settings name owners`() {
    let place = TestDirectory()
    place.put("etc/docker/daemon.json", "{\"userns-remap\": \"testuser:testgroup\", \"debug\": true}")
    #expect(SubordinateIDIndex(place.tree).readers.dockerOwners == ["testuser", "testgroup"])
    place.put("etc/docker/daemon.json", "{\"userns-remap\": \"default\"}")
    #expect(SubordinateIDIndex(place.tree).readers.dockerOwners == [])
  }

  @Test func `another spelling of an account's name is that account`() {
    let passwd = "CORP\\jdoe:x:2000:2000::/:\n"
    let found = findings(facts("CORPjdoe:100000:65536\nCORP\\jdoe:100000:65536\n", passwd: passwd))
    #expect(found.map(\.code) == [.subidName] && found.map(\.severity) == [.note], "\(found)")
    // Without the account it is nobody.
    #expect(findings(facts("CORPjdoe:100000:65536\nbob:100000:65536\n", passwd: passwd)).map(\.code) == [.subuidOverlap, .subidGone])
  }

  @Test func `lines of one owner with ids in common are told, whoever it is`() {
    let found = findings(facts("alice:100000:65536\nalice:100000:65536\nbob:300000:65536\n1001:365535:65536\n"))
    #expect(
      found.map(\.code) == [.subuidOverlap, .subuidOverlap]
        && found.allSatisfy { $0.remedy.text.hasPrefix("remove one of the two lines: sudo vi +") }, "\(found)")
    #expect(found.map { $0.sentence.contains("Lines 1 and 2") } == [true, false])
  }

  @Test func `ids of those who are looked at count, of whom no file knows`() {
    let index = SubordinateIDIndex(facts("alice:100000:65536\n"))
    var known = KnownIDs()
    known.add([account("carol", uid: 108_472, gid: 108_473), account("alice", uid: 1000, gid: 1000)])
    let found = SubordinateHostFindings(index: index, settings: nil, owners: owners(index), known: known.without(index), locks: []).all()
    #expect(
      found.map(\.code) == [.subuidOverlap] && found.first?.sentence.contains("the uid 108472 of carol in the name service") == true,
      "\(found)")
  }

  // MARK: Lines, locks, settings

  @Test func `lines that not everybody reads are told with their number`() {
    let content =
      "\n# a comment\n#alice:100000:65536\nalice:100000\nalice:1:2:\nalice:100000:0\nalice:x:1\nalice:200000:65536\nalice: 300000:10\n  \n"
    #expect(
      findings(facts(content)).filter { $0.code == .subidLine }.map { "\($0.severity) \($0.sentence)" } == [
        "note Line 3 of /etc/subuid is a comment for Podman, and for shadow gives somebody the ids 100000-165535, so that they are not free.",
        "error Line 4 of /etc/subuid has not three fields: Podman gives up at it, whoever's ids it looks for, unless it is built with libsubid.",
        "error Line 5 of /etc/subuid has not three fields: Podman gives up at it, whoever's ids it looks for, unless it is built with libsubid.",
        "warning Line 6 of /etc/subuid is none from which anybody takes ids.",
        "warning Line 7 of /etc/subuid is none from which anybody takes ids.",
        "warning Line 9 of /etc/subuid is not read by all in the same way: shadow finds the ids 300000-300009 in it, Podman none.",
      ])
    // Nobody is gone who never had an account.
    #expect(findings(facts(content)).allSatisfy { $0.code != .subidGone || $0.severity == .note })
  }

  @Test func `locks that nobody holds are told`() {
    let place = TestDirectory()
    place.put("etc/subuid.lock", "2147483647\u{0}")
    place.put("etc/subgid.lock", "")
    let locks = AccountLockFile.look(place.tree)
    #expect(
      locks == [
        AccountLockFile(path: "/etc/subuid.lock", state: .left(process: 2_147_483_647)),
        AccountLockFile(path: "/etc/subgid.lock", state: .unreadable),
      ])
    #expect(findings(facts(""), locks: locks).map(\.severity) == [.note, .warning])
    place.put("etc/subgid.lock", "1\u{0}")
    #expect(AccountLockFile.look(place.tree).count == 1)
    // A process that has the number by now, and one that has it still.
    let this = thisProcess()
    place.put("etc/subgid.lock", "\(this.number)\u{0}\(this.started + 1)")
    let reused = AccountLockFile.look(place.tree)
    #expect(reused.last == AccountLockFile(path: "/etc/subgid.lock", state: .reused(process: this.number)))
    #expect(findings(facts(""), locks: reused).map(\.severity) == [.note, .warning])
    place.put("etc/subgid.lock", "\(this.number)\u{0}\(this.started)")
    #expect(AccountLockFile.look(place.tree).count == 1)
  }

  @Test(arguments: [
    ("subids = allocate", "", "", Optional("neither uid_max")), ("subids = allocate\nuid_max = 60000", "", "", nil),
    ("uid_min = 5", "", "", nil),
    ("subids = allocate\nuid_max = 60000\nsubid_maxx = 1", "", "", "a line of rootless-storage.conf is wrong"),
    ("subids = allocate\nuid_max = 60000", "subid: sss", "", "they come from \"sss\""),
    ("subids = allocate\nuid_max = 60000", "", "SUB_UID_MIN 0x10", "SUB_UID_MIN in /etc/login.defs"),
  ])
  func `what keeps ids from being given out is told of the host, and not of each user`(
    conf: String, nsswitch: String, defs: String, words: String?
  ) {
    let facts = facts("", nsswitch: nsswitch, defs: defs)
    let found = findings(facts, settings(conf))
    #expect(found.map(\.code) == (words == nil ? [] : [.subidSettings]))
    if let words { #expect(found.first?.sentence.contains(words) == true, "\(found)") }
    let index = SubordinateIDIndex(facts)
    #expect(missingRanges(of: account(uid: 2000), index, settings(conf)).map(\.code) == [.subuidMissing])
  }

  @Test func `what one user is refused for is told of that user`() {
    let wanted = settings("subids = allocate\nuid_max = 60000")
    let index = SubordinateIDIndex(facts("bob:65636000:1\n"))
    let found = missingRanges(of: account(uid: 2000), index, wanted)
    #expect(found.map(\.code) == [.subuidMissing, .subidRefused])
    #expect(found.first?.remedy.text == "see subid-refused, which explains why a login gives alice none")
    #expect(
      found.last?.sentence
        == "alice: no subordinate ids are given: the ids 65636000-65701535 would be somebody else's too: bob has 65636000-65636000 in /etc/subuid; with ids in common, one could act as the other; add a range that is free with usermod, or set other bounds."
    )
    #expect(missingRanges(of: account(uid: 3000), index, wanted).map(\.code) == [.subuidMissing])
    #expect(missingRanges(of: account("bob", uid: 1001), index, settings("")).map(\.code) == [.subuidMissing, .subuidSmall])
  }

  @Test func `ids that stand in two lines count once`() throws {
    let twice = "alice:100000:40000\nalice:100000:40000\n1000:120000:20000\n"
    #expect(SubordinateIDSurvey(account(), .users, bytes(twice)).sum == 40000)
    #expect(SubordinateIDTable(.users, bytes(twice)).sum(of: ["alice", "1000"]) == 40000)
    #expect(SubordinateIDSurvey(account(), .users, bytes("alice:4294967290:65536\nalice:0:4294967295\n")).sum == (1 << 32) - 1)
  }

  // MARK: Questions to the name service

  @Test func `few ids are asked for, the ends first, no more than there are`() {
    func places(_ ranges: [IDRange], _ limit: Int) -> [UInt32] { KnownIDs.places(in: ranges.map { (.users, $0) }, limit: limit).map(\.1) }
    #expect(places([100...199], 8) == [100, 199, 150, 125, 175, 112, 136, 160])
    #expect(places([5...5], 8) == [5])
    #expect(places([5...6], 8) == [5, 6])
    #expect(places([0...UInt32.max], 3) == [0, UInt32.max, 1 << 31])
    #expect(places([], 8) == [])
    let many = (0..<1000).map { number -> IDRange in
      let first = UInt32(number) * 100_000
      return first...first + 65535
    }
    let asked = places(many, 256)
    #expect(asked.count == 256 && Set(asked).count == 256 && asked.allSatisfy { id in many.contains { $0.contains(id) } })
    // Of the whole span, not of its beginning.
    #expect(asked.contains { $0 > 90_000_000 })
  }

  // MARK: List

  @Test func `the list shows a range once, with the worst of its states`() {
    let index = SubordinateIDIndex(
      facts(
        "alice:100000:65536\nbob:300000:65536\nleft:500000:65536\nx:600000:65536\n1001:650000:65536\nalice:0x100000:1\n",
        "alice:100000:65536\nbob:300000:1000\n"))
    let entries = subordinateEntries(index, nil, owners(index))
    #expect(
      entries.map {
        "\(shown($0.owner)) \($0.uid ?? 0) \($0.kinds.map(\.noun).joined(separator: "+")) \($0.ids.shown) \($0.state.rawValue)"
      } == [
        "1001 1001 uid 650000-715535 overlap", "alice 1000 uid+gid 100000-165535 ok", "alice 1000 uid 1048576-1048576 ambiguous",
        "bob 1001 gid 300000-300999 small",
        "bob 1001 uid 300000-365535 ok", "left 0 uid 500000-565535 gone", "x 0 uid 600000-665535 overlap",
      ])
  }

  // MARK: Release

  @Test func `release takes the lines of these owners and leaves every other byte`() {
    let content = "\n#c\nalice:1:2\r\n alice:3:4\nalice\nbob:5:6\nalice:x:\n\u{0}\u{ff}:7:8\nalicex:1:1\nalice:9:9"
    #expect(
      same(
        SubordinateRelease.removing(["alice"], from: bytes(content)),
        bytes("\n#c\n alice:3:4\nalice\nbob:5:6\n\u{0}\u{ff}:7:8\nalicex:1:1\n")))
    #expect(
      SubordinateRelease.lines(of: ["alice"], in: bytes(content)).map { String(decoding: $0, as: UTF8.self) } == [
        "alice:1:2\r", "alice:x:", "alice:9:9",
      ])
    #expect(same(SubordinateRelease.removing(["nobody"], from: bytes(content)), bytes(content)))
    var numbers = FixedNumbers(33)
    var wrong = 0
    for _ in 0..<2000 {
      let lines = (0..<Int.random(in: 0...9, using: &numbers)).map { _ -> [UInt8] in
        bytes(["alice", "bob", "", "#", "alice2"].randomElement(using: &numbers)!)
          + (0..<Int.random(in: 0...6, using: &numbers)).map { _ in
            ([0x3a, 0x31, 0x0d, 0xff, 0x20] as [UInt8]).randomElement(using: &numbers)!
          }
      }
      // Each with its own line feed; the last may have none.
      let pieces = lines.enumerated().map { place, line -> [UInt8] in
        line + (place + 1 < lines.count || Bool.random(using: &numbers) ? [0x0a] : [])
      }
      let kept = pieces.filter { !$0.starts(with: bytes("alice:")) }
      if SubordinateRelease.removing(["alice"], from: Array(pieces.joined())) != Array(kept.joined()) { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  // MARK: podman system migrate

  @Test func `a podman that never ends is ended, and what it leaves behind keeps nobody`() {
    let place = TestDirectory()
    func run(_ path: Path, seconds: UInt32) -> String? {
      PodmanMigration.trouble(seconds) { () throws(UserProgram.Failure) in
        do throws(ChildProcess.Failure) {
          return try ChildProcess.run(
            path, [path.bytes], environment: [Array("PATH=/usr/bin:/bin".utf8)], withErrors: true, seconds: seconds, limit: 1 << 20)
        } catch { throw .child(error) }
      }
    }
    func perform(_ script: String, seconds: UInt32) -> String? {
      run(place.put("podman", "#!/bin/sh\n\(script)\n", mode: 0o755), seconds: seconds)
    }
    #expect(perform("exec sleep 1000", seconds: 1)?.hasPrefix("it was not done within 1 second, and was ended; ") == true)
    // It holds the pipe, as a container's monitor may.
    #expect(perform("sleep 1000 & echo $! > '\(shown(place.path))/left'; echo all is well", seconds: 600) == nil)
    #expect(
      perform("kill $(cat '\(shown(place.path))/left'); echo one; echo two >&2; exit 7", seconds: 600)?.hasPrefix(
        "it ended with the exit status 7: two; ") == true)
    #expect(perform("kill -9 $$", seconds: 600)?.hasPrefix("it ended with the exit status 137, and printed nothing; ") == true)
    #expect(perform("exec yes", seconds: 600)?.hasPrefix("it printed more than anybody reads; ") == true)
    #expect(run("/nonexistent/podman", seconds: 600)?.hasPrefix("it cannot be started: ") == true)
    // All of its process group; where nobody reaps orphans, what has ended stays to be seen.
    #expect(perform("sleep 1000 & echo $! > '\(shown(place.path))/left'; wait", seconds: 1)?.hasPrefix("it was not done") == true)
    #expect(
      perform("sleep 0.5; cd /proc/$(cat '\(shown(place.path))/left') 2>/dev/null || exit 0; grep -q '^State:.Z' status", seconds: 600)
        == nil)
  }
}
