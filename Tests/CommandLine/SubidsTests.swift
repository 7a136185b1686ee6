import Foundation
import TestSupport
import Testing

/// `rootless-storage subids`: what it says of hostile files, what it writes, and what it never does.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct SubidsTests {
  /// What is seen once is believed at once, where nobody could be offline.
  private static let atOnce = SubidsTests.allocating + "\norphan_days = 0"
  static let allocating = "network_filesystems = ramfs\nsubids = allocate\nuid_max = 60000"
  /// What the scheme uid gives to alice (4001): 100000 + (4001 - 1000) * 65536.
  static let alices = "196773536-196839071"

  /// alice and bob, without ids.
  private func machine(settings: String = SubidsTests.atOnce, ownProcesses: Bool = false) throws -> Machine {
    let machine = try Machine(ownProcesses: ownProcesses, settings: settings)
    try machine.user("alice", uid: 4001)
    try machine.user("bob", uid: 4002)
    return machine
  }

  private func object(_ output: Output) throws -> [String: Any] {
    guard let object = try? JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? [String: Any], object["version"] as? Int == 1
    else {
      throw CommandFailure(description: "no JSON: \(output)")
    }
    return object
  }

  private func subuid(_ machine: Machine) throws -> String { try machine.sure("cat /etc/subuid; echo --; cat /etc/subgid").text }

  // MARK: Looking

  /// Everything that can be wrong with the files.
  static let hostile = """
    printf 'alice:100000:65536\\nbob:165535:65536\\nleft:400000:65536\\n#x:500000:10\\nalice:1:2:3\\nbob:0x500000:65536\\nbob:700000:0\\n\\033]0;owned\\007:800000:5\\nalice:3990:100\\n' > /etc/subuid
    printf 'alice:100000:1000\\n' > /etc/subgid; printf '2147483647\\0' > /etc/subuid.lock; : > /etc/subgid.lock; chmod 600 /etc/*.lock
    """

  @Test func `check tells everything that is wrong with the files, and changes nothing`() throws {
    let machine = try machine()
    try machine.sure(SubidsTests.hostile)
    let before = try machine.snapshot("/etc /home /var/tmp")
    let output = try machine.rootlessStorage("subids check --json alice bob nobody-here")
    let report = try Report(output)
    #expect(output.status == 2, "\(output)")
    #expect(Set(report.host.findings.map(\.code)) == ["subuid-overlap", "subid-line", "subid-gone", "subid-lock"], "\(output)")
    let sentences = report.host.findings.map(\.sentence)
    for part in [
      "subordinate ids of bob (165535-231070)", "Line 4 of /etc/subuid is a comment", "Line 5 of /etc/subuid has not three fields",
      "Line 6 of /etc/subuid is not read by all",
      "Line 7 of /etc/subuid is none", "left has no account any more", "include the uid 4001 of alice in /etc/passwd",
      "uids of the people here (1000-60000",
      "/etc/subuid.lock was left by process 2147483647", "/etc/subgid.lock names no process",
    ] { #expect(sentences.contains { $0.contains(part) }, "\(part): \(output)") }
    #expect(report.users.map(\.name) == ["alice", "bob", "nobody-here"] && report.users[2].failure != nil)
    #expect(report.users[0].findings.map(\.code) == ["subuid-small"], "\(output)")
    #expect(report.users[1].findings.map(\.code) == ["subuid-missing", "subuid-overlap"], "bob's uid is among alice's: \(output)")
    #expect(report.users[1].findings.first?.remedy.hasPrefix("sudo rootless-storage repair bob") == true)
    #expect(try #require((object(output)["host"] as? [String: Any])?["asked"] as? Int) > 10)
    let text = try machine.rootlessStorage("subids check alice")
    #expect(
      text.status == 1 && text.text.contains("The name service was asked for ")
        && text.text.utf8.allSatisfy { $0 == 0x0a || $0 >= 0x20 && $0 < 0x7f }, "\(text)")
    #expect(try machine.snapshot("/etc /home /var/tmp") == before)
    // The general check names the same command.
    #expect(
      try machine.check("bob").users.first?.findings.contains {
        $0.code == "subuid-missing" && $0.remedy.hasPrefix("sudo rootless-storage repair bob")
      } == true)
  }

  @Test func `where all is good, check says so in a line, and a user may ask too`() throws {
    let machine = try machine()
    try machine.sure("printf 'alice:100000:65536\\nbob:200000:65536\\n' | tee /etc/subuid > /etc/subgid")
    for uid in [nil, 4001] as [Int?] {
      let output = try machine.rootlessStorage("subids check alice", asUid: uid)
      #expect(
        output.status == 0 && output.lines.first == "1 user, and 4 ranges of 2 owners in /etc/subuid and /etc/subgid: no problems found.",
        "\(output)")
    }
    #expect(try machine.rootlessStorage("subids check bob", asUid: 4001).status == 2)
    // As root without names: all who have been here.
    try machine.sure("install -d -o 4002 /var/tmp/bob; sed -i /bob/d /etc/subgid")
    let all = try Report(machine.rootlessStorage("subids check --json"))
    #expect(all.users.map(\.name) == ["bob"] && all.codes == ["subuid-missing"], "\(all)")
  }

  @Test func `settings that keep ids from being given out are told by both checks`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs\nsubids = allocate")
    for command in ["check", "subids check"] {
      let report = try Report(machine.rootlessStorage("\(command) --json alice"))
      let finding = try #require(report.host.findings.first { $0.code == "subid-settings" }, "\(command)")
      #expect(finding.severity == "error" && finding.sentence.contains("neither uid_max nor reserved_ids"))
      #expect(report.users.first?.findings.contains { $0.code == "subid-refused" } == false)
    }
    try machine.sure("echo 'subid: sss' >> /etc/nsswitch.conf")
    #expect(try machine.check("alice").codes.contains("subid-source"))
    #expect(try Report(machine.rootlessStorage("subids check --json alice")).host.findings.map(\.severity) == ["warning"])
  }

  @Test func `ids that only the directory knows are found`() throws {
    let machine = try machine()
    try machine.directoryService()
    try machine.sure("printf 'alice:100000:65536\\n' | tee /etc/subuid > /etc/subgid; echo 'intruder 100000' > /etc/directory")
    let report = try Report(machine.rootlessStorage("subids check --json alice", environment: Machine.directory))
    #expect(
      report.host.findings.map(\.code) == ["subuid-overlap"]
        && report.host.findings[0].sentence.contains("the uid 100000 of intruder in the name service"), "\(report)")
  }

  @Test func `list shows every range, and changes nothing`() throws {
    let machine = try machine()
    try machine.sure(SubidsTests.hostile)
    let before = try machine.snapshot("/etc")
    let output = try machine.rootlessStorage("subids list --json", asUid: 4001)
    let ranges = try #require(object(output)["ranges"] as? [[String: Any]])
    let lines = ranges.map {
      "\($0["owner"] ?? "") \($0["start"] ?? "") \($0["count"] ?? "") \($0["state"] ?? "") \(($0["files"] as? [String])?.count ?? 0)"
    }
    #expect(
      lines == [
        "\u{1b}]0;owned\u{7} 800000 5 gone 1", "#x 500000 10 unconfirmed 1", "alice 3990 100 overlap 1", "alice 100000 1000 small 1",
        "alice 100000 65536 overlap 1",
        "bob 165535 65536 overlap 1", "bob 5242880 65536 ambiguous 1", "left 400000 65536 gone 1",
      ], "\(output)")
    let text = try machine.rootlessStorage("subids list")
    #expect(text.status == 0 && text.text.utf8.allSatisfy { $0 == 0x0a || $0 >= 0x20 && $0 < 0x7f }, "\(text)")
    #expect(try machine.snapshot("/etc") == before)
  }

  // MARK: Nobody inside anybody's range

  @Test func `whose uid lies in another's range is told wherever they are looked at, and the other too`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs")
    try machine.directoryService()
    // carol is a user of the directory, and has been here.
    try machine.sure(
      "printf 'alice:100000:65536\\ncarol:300000:65536\\n' | tee /etc/subuid > /etc/subgid; echo 'carol 108472' > /etc/directory; install -d -o 108472 -g 108472 /var/tmp/carol"
    )
    func overlaps(_ command: String) throws -> [String: [String]] {
      let report = try Report(machine.rootlessStorage("\(command) --json", environment: Machine.directory))
      func errors(_ findings: [Report.Finding]) -> [String] {
        findings.filter { $0.code == "subuid-overlap" && $0.severity == "error" }.map(\.sentence)
      }
      return Dictionary(uniqueKeysWithValues: report.users.map { ($0.name, errors($0.findings)) } + [("", errors(report.host.findings))])
        .filter { !$0.value.isEmpty }
    }
    let victim =
      "The uid 108472 of carol lies in the subordinate uids 100000-165535 of alice in /etc/subuid: in a user namespace alice can act as carol."
    #expect(try overlaps("check carol")["carol"]?.contains(victim) == true)
    #expect(try overlaps("check alice").isEmpty, "nobody has named carol")
    let both = try overlaps("check alice carol")
    #expect(
      both["carol"]?.contains(victim) == true && both["alice"]?.first?.contains("the uid 108472 of carol in the name service") == true,
      "\(both)")
    let look = try overlaps("subids check alice carol")
    #expect(
      look["carol"]?.contains(victim) == true && look[""]?.contains { $0.contains("the uid 108472 of carol in the name service") } == true,
      "\(look)")
    // A victim of this host's own files, whose neighbour's range it is.
    try machine.sure(
      "printf 'alice:100000:65536\\nbob:200000:65536\\nalice:4002:1\\n' > /etc/subuid; printf 'alice:100000:65536\\nbob:200000:65536\\n' > /etc/subgid"
    )
    #expect(
      try overlaps("check bob")["bob"] == [
        "The uid 4002 of bob lies in the subordinate uids 4002-4002 of alice in /etc/subuid: in a user namespace alice can act as bob."
      ])
  }

  // MARK: Files that give nobody ids

  @Test(arguments: [
    ("chmod 600 /etc/subgid", "subid-closed", "/etc/subgid has the mode 0600"),
    ("truncate -s -1 /etc/subuid", "subid-line", "The last line of /etc/subuid does not end"),
    ("echo oops >> /etc/subuid", "subid-line", "has not three fields"),
  ])
  func `what keeps everybody's ids from being found is told by both checks`(script: String, code: String, words: String) throws {
    let machine = try Machine.good()
    try machine.sure(script)
    for command in ["check", "subids check"] {
      let findings = try Report(machine.rootlessStorage("\(command) --json alice")).host.findings.filter { $0.code == code }
      #expect(findings.count == 1 && findings.first?.sentence.contains(words) == true, "\(command): \(findings)")
    }
  }

  // MARK: Owners that are no accounts

  @Test func `owners that are no accounts on purpose stay, and a renamed user is told`() throws {
    let machine = try machine()
    try machine.sure(
      """
      printf 'containers:1000000:65536\\ndockremap:2000000:65536\\ntestuser:3000000:65536\\n!bob:4000000:65536\\nleft:5000000:65536\\nalicia:6000000:65536\\n' | tee /etc/subuid > /etc/subgid
      mkdir -p /etc/docker; echo '{"userns-remap": "testuser"}' > /etc/docker/daemon.json
      install -d -o 4001 /var/tmp/alicia /var/tmp/alicia/containers /var/tmp/alicia/containers/storage /var/tmp/alicia/containers/storage/overlay
      """)
    let listed = try machine.rootlessStorage("subids list --json")
    let states = try #require(object(listed)["ranges"] as? [[String: Any]]).map { "\($0["owner"] ?? "") \($0["state"] ?? "")" }
    #expect(states == ["!bob kept", "alicia renamed", "containers kept", "dockremap kept", "left gone", "testuser kept"], "\(listed)")
    let report = try Report(machine.rootlessStorage("subids check --json alice"))
    let gone = report.host.findings.filter { $0.code == "subid-gone" }
    #expect(gone.map(\.severity).sorted() == ["note", "warning", "warning"], "\(gone)")
    #expect(
      gone.contains { $0.sentence.contains("/var/tmp/alicia is owned by alice (uid 4001): either alicia has been renamed to alice") },
      "\(gone)")
    let former = try #require(try machine.check("alice").users.first?.findings.first { $0.code == "storage-former" })
    #expect(
      former.remedy.contains(
        "give the subordinate ids of alicia the new name, so that the images keep their owners: sudo vi /etc/subuid and sudo vi /etc/subgid"
      ), "\(former)")
    let release = try machine.rootlessStorage("subids release --gone --yes")
    #expect(release.status == 0, "\(release)")
    let text = release.lines.joined(separator: " ")
    for part in [
      "containers stays: Podman uses", "dockremap stays: Docker uses", "testuser stays: Docker uses", "!bob stays: Apptainer has disabled",
      "alicia stays: /var/tmp/alicia is owned by alice",
    ] {
      #expect(text.contains(part), "\(part): \(release)")
    }
    #expect(try machine.sure("cut -d: -f1 /etc/subuid").lines == ["containers", "dockremap", "testuser", "!bob", "alicia"])
  }

  // MARK: Giving out

  @Test func `repair gives ids where logins do, and a plan does not`() throws {
    let machine = try Machine.good(settings: SubidsTests.allocating)
    try machine.sure("sed -i /alice/d /etc/subuid /etc/subgid")
    let before = try machine.snapshot("/etc")
    let found = try #require(try machine.check("alice").users.first?.findings.first)
    #expect(found.code == "subuid-missing" && found.isRepairable && found.remedy.hasPrefix("sudo rootless-storage repair alice"))
    let plan = try machine.repair("--dry-run alice")
    #expect(
      plan.users.first?.actions?.map(\.action) == ["add subordinate ids: uids \(SubidsTests.alices), gids \(SubidsTests.alices)"]
        && plan.users.first?.actions?.map(\.outcome) == ["planned"], "\(plan)")
    #expect(try machine.snapshot("/etc") == before)
    let done = try machine.repair("alice")
    #expect(done.users.first?.actions?.map(\.outcome) == ["done"] && done.codes == [], "\(done)")
    #expect(
      try machine.sure("grep alice /etc/subuid /etc/subgid").lines == [
        "/etc/subuid:alice:196773536:65536", "/etc/subgid:alice:196773536:65536",
      ])
    #expect(try machine.check("alice").codes == [])
    // Who is refused is left to the administrator.
    try machine.sure("sed -i s/^alice:.*/mallory:196773536:1/ /etc/subuid")
    let refused = try machine.repair("alice")
    #expect(
      Set(refused.codes).isSuperset(of: ["subuid-missing", "subid-refused"]) && refused.users.first?.actions?.isEmpty != false, "\(refused)"
    )
    // Where the site gives none, nobody is told ids that are free here.
    try machine.sure(
      "sed -i 's/subids = allocate/subids = off/' /etc/rootless-storage/rootless-storage.conf; sed -i '/alice/d;/mallory/d' /etc/subuid /etc/subgid"
    )
    let off = try machine.check("alice").users.flatMap(\.findings).filter { $0.code == "subuid-missing" }
    #expect(
      off.map(\.remedy) == [
        "give alice one range in both files as your site does it, or set subids = allocate in rootless-storage.conf on every host; see SUBORDINATE IDS in rootless-storage.conf(5)"
      ])
    #expect(try machine.repair("alice").users.first?.actions?.isEmpty != false)
    #expect(try machine.sure("cat /etc/subuid /etc/subgid").text.contains("alice") == false)
  }

  @Test func `allocate gives what a login would, once, and keeps every other byte`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs\nuid_max = 60000")
    try machine.sure("printf '# ours\\n\\nbob:100000:65536\\nodd' > /etc/subuid; chmod 640 /etc/subuid; install -d -o 4001 /var/tmp/alice")
    let before = try machine.snapshot("/etc")
    let plan = try machine.rootlessStorage("subids allocate --dry-run alice")
    #expect(plan.status == 0 && plan.lines == ["alice: would be given: added subordinate uids and gids \(SubidsTests.alices)"], "\(plan)")
    #expect(try machine.snapshot("/etc") == before, "a plan changes nothing")
    // The settings do not have logins give out ids, but somebody says so.
    let output = try machine.rootlessStorage("subids allocate --json --all")
    let user = try #require((object(output)["users"] as? [[String: Any]])?.first)
    #expect(output.status == 0 && user["name"] as? String == "alice" && user["outcome"] as? String == "added", "\(output)")
    #expect((user["uids"] as? [String: Int]) == ["start": 196_773_536, "last": 196_839_071] && user["asked"] as? Int == 128, "\(output)")
    #expect(try subuid(machine) == "# ours\n\nbob:100000:65536\nodd\nalice:196773536:65536\n--\nalice:196773536:65536\n")
    #expect(try machine.sure("stat -c %a /etc/subuid; ls /etc/sub*.lock /etc/sub*+ 2>/dev/null || true").text == "640\n")
    let again = try machine.rootlessStorage("subids allocate alice")
    #expect(again.status == 0 && again.text == "alice: has enough subordinate ids\n", "\(again)")
    // What shadow makes of it.
    #expect(try machine.sh("usermod --add-subuids 900000-900009 alice && grep -c '^alice:' /etc/subuid").text == "2\n")
  }

  @Test func `who cannot be given ids is refused, with nothing written`() throws {
    let machine = try machine()
    try machine.directoryService()
    try machine.sure(
      "echo 'bob:196773000:65536' > /etc/subuid; : > /etc/subgid; printf 'carol 4003\\nintruder 196970143\\n' > /etc/directory")
    func refused(_ arguments: String, _ status: Int32, _ words: String, asUid uid: Int? = nil) throws {
      let before = try machine.snapshot("/etc")
      let output = try machine.rootlessStorage("subids allocate \(arguments)", asUid: uid, environment: Machine.directory)
      #expect(
        output.status == status && output.lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ").contains(words),
        "\(output)")
      #expect(try machine.snapshot("/etc") == before, "\(arguments)")
    }
    try refused("alice", 1, "bob has")
    // carol's last id is the uid of somebody whom no file knows.
    try refused("carol", 1, "196970143 is the uid of intruder")
    try refused("nobody-here", 2, "there is no account of that name")
    try refused("alice nobody-here", 2, "bob has")
    try refused("root", 1, "uid 0 is reserved")
    try refused("alice", 2, "only root may", asUid: 4001)
    try refused("", 2, "Name the users")
    try refused("--all alice", 2, "exclude each other")
    try machine.sure("echo 'uid_max = x' >> /etc/rootless-storage/rootless-storage.conf")
    try refused("alice", 1, "is wrong, and might be one that names ids to keep off")
    try machine.sure(
      "printf 'network_filesystems = ramfs\\nuid_max = 60000\\n' > /etc/rootless-storage/rootless-storage.conf; touch /etc/directory.fails")
    try refused("carol", 2, "did not answer")
  }

  @Test func `what is given is what the name service was asked about, whatever happens meanwhile`() throws {
    let machine = try machine(settings: SubidsTests.allocating + "\nsubid_scheme = first-free")
    try machine.directoryService()
    try machine.sure("touch /etc/subuid /etc/subgid /etc/directory.wait; echo 'intruder 165536' > /etc/directory")
    let output = try machine.sh(
      """
      export \(Machine.directory); '\(Machine.commandLine)' subids allocate alice & child=$!
      for round in $(seq 600); do test ! -e /etc/directory.waiting || break; sleep 0.05; done
      echo 'bob:100000:65536' >> /etc/subuid; rm /etc/directory.wait; wait $child
      """)
    #expect(output.status == 1 && output.text.contains("165536 is the uid of intruder"), "\(output)")
    #expect(try subuid(machine) == "bob:100000:65536\n--\n")
  }

  @Test func `allocate, useradd and usermod at once lose no line and give no id twice`() throws {
    let machine = try machine()
    try machine.sure(
      "touch /etc/subuid /etc/subgid /etc/shadow /etc/gshadow; for n in $(seq 10 29); do echo \"d$n:x:50$n:50$n::/home/d$n:/bin/sh\" >> /etc/passwd; done"
    )
    let output = try machine.sh(
      """
      for n in $(seq 10 29); do '\(Machine.commandLine)' subids allocate d$n > /dev/null || echo refused d$n & done
      for n in $(seq 1 8); do useradd -M -u 300$n u$n || echo failed u$n; usermod --add-subuids $((900000 + n))-$((900000 + n)) u$n || echo failed usermod u$n; done
      wait
      """)
    #expect(output.text == "", "\(output)")
    let lines = try machine.sure("cat /etc/subuid").lines
    #expect(lines.count == 20 + 8 * 2 && Set(lines).count == lines.count, "\(lines)")
    #expect(try machine.sure("cat /etc/subgid").lines.count == 28)
    let report = try Report(machine.rootlessStorage("subids check --json"))
    #expect(report.host.findings.map(\.code) == [], "\(report)")
    #expect(try machine.sh("ls /etc/sub*.lock /etc/sub*+").status != 0)
  }

  // MARK: Taking back

  private static let two =
    "# ours\nalice:100000:65536\nleft:200000:65536\n4711:300000:65536\nodd line\nleft:x\nalice2:1000000:65536\nbob:400000:65536"

  private func releasing(settings: String = SubidsTests.atOnce) throws -> Machine {
    let machine = try machine(ownProcesses: true)
    try machine.terminals()
    try machine.user("alice2", uid: 4003)
    try machine.write(SubidsTests.two, to: "/etc/subuid")
    try machine.write("left:200000:65536\n", to: "/etc/subgid")
    return machine
  }

  @Test func `release asks, and does nothing where nobody answers or the answer is no`() throws {
    let machine = try releasing()
    try machine.storage("alice", uid: 4001)
    let before = try machine.snapshot("/etc /var/tmp")
    let silent = try machine.sh(
      "setpriv --reuid 4001 --regid 4001 --clear-groups sleep 60 & \(Machine.asleep); \(Machine.commandLine) subids release alice < /dev/null; status=$?; kill -9 $!; exit $status"
    )
    #expect(silent.status == 1, "\(silent)")
    let text = silent.lines.joined(separator: " ")
    for part in [
      "/etc/subuid: alice:100000:65536", "alice has an account,", "Processes of alice,",
      "There is still a storage directory: /var/tmp/alice.",
      "Files in storage directories may still belong to these ids.", "there is no terminal to ask on",
    ] { #expect(text.contains(part), "\(part): \(silent)") }
    for answer in ["", "n", "x"] {
      let output = try machine.sh("echo '\(answer)' | script -qec '\(Machine.commandLine) subids release alice left' /dev/null")
      #expect(output.text.contains("Remove 4 lines? [y/N]") && output.text.contains("nothing is removed"), "\(output)")
    }
    let dry = try machine.rootlessStorage("subids release --dry-run alice")
    #expect(dry.status == 0 && dry.text.hasPrefix("Would remove:"), "\(dry)")
    #expect(try machine.rootlessStorage("subids release --json alice").status == 2)
    #expect(try machine.rootlessStorage("subids release --yes alice", asUid: 4001).status == 2)
    #expect(try machine.rootlessStorage("subids release --yes").status == 2)
    #expect(try machine.rootlessStorage("subids release --yes --gone alice").status == 2)
    #expect(try machine.snapshot("/etc /var/tmp") == before)
    let yes = try machine.sh("echo y | script -qec '\(Machine.commandLine) subids release alice' /dev/null")
    #expect(yes.text.contains("1 line removed"), "\(yes)")
    #expect(try subuid(machine) == SubidsTests.two.replacing("alice:100000:65536\n", with: "") + "--\nleft:200000:65536\n")
  }

  @Test func `release takes the lines of those who are gone and leaves every other byte`() throws {
    let machine = try releasing()
    try machine.sure("chmod 640 /etc/subuid")
    let output = try machine.rootlessStorage("subids release --gone --yes --json")
    let all = try object(output)
    #expect(output.status == 0 && all["removed"] as? Int == 4 && (all["lines"] as? [[String: String]])?.count == 4, "\(output)")
    #expect(try subuid(machine) == "# ours\nalice:100000:65536\nodd line\nalice2:1000000:65536\nbob:400000:65536--\n")
    #expect(
      try machine.sure("cat /etc/subuid-; stat -c %a /etc/subuid; ls /etc/sub*.lock /etc/sub*+ 2>/dev/null || true").text == SubidsTests.two
        + "640\n")
    let again = try machine.rootlessStorage("subids release --gone --yes")
    #expect(again.status == 0 && again.text == "There are no lines to remove.\n", "\(again)")
    let unknown = try machine.rootlessStorage("subids release left --yes")
    #expect(unknown.status == 1 && unknown.text.contains("left has no subordinate ids under that name"), "\(unknown)")
  }

  @Test func `nobody is gone as long as the directory may be offline`() throws {
    let machine = try releasing()
    try machine.directoryService()
    let before = try machine.snapshot("/etc")
    func release() throws -> Output { try machine.rootlessStorage("subids release --gone --yes", environment: Machine.directory) }
    // It answers "no such user", as sssd does without its server.
    let offline = try release()
    #expect(offline.status == 1 && offline.text.contains("2 owners stay, since nobody knows"), "\(offline)")
    #expect(try machine.snapshot("/etc") == before)
    #expect(
      try Report(machine.rootlessStorage("subids check --json alice", environment: Machine.directory)).host.findings.filter {
        $0.code == "subid-gone"
      }.map(\.severity) == ["note"])
    // It does not answer at all.
    try machine.sure("touch /etc/directory.fails")
    let silent = try machine.snapshot("/etc")
    #expect(try release().status == 1)
    #expect(try machine.snapshot("/etc") == silent)
    try machine.sure("rm /etc/directory.fails; echo 'left 4711' > /etc/directory")
    // left is found by both of its names, and so nobody is gone.
    #expect(try release().status == 0)
    // One account that is found proves nothing of others: they may be in the directory, and alice9 in its cache.
    try machine.sure("echo 'alice9 4009' > /etc/directory; printf '\\nalice9:600000:65536\\n' >> /etc/subuid")
    let lines = try subuid(machine)
    for _ in 1...3 {
      let known = try release()
      #expect(
        known.status == 0 && known.text.contains("left stays: no such account, absent since ") && known.text.contains("at the earliest"),
        "\(known)")
    }
    #expect(try subuid(machine) == lines)
    // A look that changes nothing is no run.
    try machine.daysPass(2)
    _ = try release()
    try machine.daysPass(2)
    #expect(try machine.rootlessStorage("subids release --gone --dry-run", environment: Machine.directory).text.contains("subuid: left:"))
    let listed = try object(machine.rootlessStorage("subids list --json", environment: Machine.directory))
    #expect(try #require(listed["ranges"] as? [[String: Any]]).filter { $0["state"] as? String == "gone" }.count == 2, "\(listed)")
    // Who has other ids by now waits anew, and so does who has been back.
    try machine.sure("sed -i 's/^left:200000:/left:210000:/' /etc/subuid; echo '4711 4711' >> /etc/directory")
    #expect(try release().text.contains("left stays: no such account, absent since "))
    #expect(try subuid(machine).contains("left:210000:"))
    try machine.sure("sed -i '/^4711/d' /etc/directory")
    for _ in 1...2 {
      try machine.daysPass(4)
      _ = try release()
      #expect(try subuid(machine).contains("4711:"))
    }
    #expect(try !subuid(machine).contains("left:"))
    try machine.daysPass(4)
    let gone = try release()
    #expect(gone.status == 0 && gone.text.contains("removed"), "\(gone)")
    #expect(try !subuid(machine).contains("4711:"))
  }

  @Test func `who is named needs no waiting`() throws {
    let machine = try releasing(settings: SubidsTests.allocating)
    let output = try machine.rootlessStorage("subids release left --yes")
    #expect(output.status == 0 && output.text.contains("removed"), "\(output)")
    #expect(try machine.sure("ls -A /var/lib/rootless-storage").text == "")
  }

  // MARK: podman system migrate

  /// A manager of the user's, who is asked by this systemd-run: it writes down how, and runs the program.
  static func managed(version: String = "systemd 252 (252.1-1)") -> String {
    """
    install -d /run/systemd/system; install -d -m 700 -o 4001 -g 4001 /run/user/4001/systemd
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/user/4001/systemd/private")'; chown 4001:4001 /run/user/4001/systemd/private
    cat > /usr/local/bin/systemd-run <<'END'
    #!/bin/sh
    if [ "$*" = --version ]; then echo '\(version)'; exit; fi
    { id -u; env | LC_ALL=C sort | grep -vE '^(PWD|OLDPWD|SHLVL|_)='; for word; do echo "$word"; done; } > /run/asked
    while [ "$1" != -- ]; do shift; done
    shift; cd /; exec setpriv --reuid 4001 --regid 4001 --clear-groups "$@"
    END
    chmod 755 /usr/local/bin/systemd-run
    """
  }

  /// A podman that writes down how it is run, and does what the real one does: it ends the pause process.
  static let podman = """
    #!/bin/sh
    { echo "arguments: $*"; id -u; id -G; pwd; env | LC_ALL=C sort | grep -vE '^(PWD|OLDPWD|SHLVL|_)='; readlink /proc/self/fd/0; ps -o tty= -p $$; test "$(ps -o sid= -p $$)" -eq $$ && echo leader; } > /var/tmp/alice/podman.log
    test ! -e /var/tmp/alice/fail || { printf 'first\\n\\033[31mlast line\\n' >&2; exit 125; }
    kill -9 $(cat /run/user/4001/libpod/tmp/pause.pid); rm /run/user/4001/libpod/tmp/pause.pid
    """

  /// A pause process with another map than the ranges are.
  static func paused() -> String {
    """
    mount -t tmpfs -o mode=755 none /run; mount -t tmpfs -o mode=755 none /usr/local/bin
    install -d -m 755 /run/user; install -d -m 700 -o 4001 -g 4001 /run/user/4001 /run/user/4001/libpod /run/user/4001/libpod/tmp
    setpriv --reuid 4001 --regid 4001 --clear-groups setsid unshare --user sleep 300 < /dev/null > /dev/null 2>&1 & pause=$!
    until [ "$(cat /proc/$pause/comm)" = sleep ]; do sleep 0.05; done
    printf '0 4001 1\\n1 700000 65536\\n' > /run/map; cat /run/map > /proc/$pause/uid_map
    printf %s $pause > /run/user/4001/libpod/tmp/pause.pid
    chown 4001:4001 /run/user/4001/libpod/tmp/pause.pid
    """
  }

  @Test(arguments: [
    ("systemd 252 (252.1-1)", ["--user", "--machine=4001@.host"]),
    (
      "systemd 239 (239-82.el8)",
      [
        "--uid=4001", "--slice=user-4001.slice", "--property=PAMName=systemd-user", "--property=KeyringMode=private",
        "--property=Delegate=yes",
      ]
    ),
  ])
  func `repair has a manager run podman migrate, as the user and with a clean environment`(version: String, manager: [String]) throws {
    let machine = try Machine.good()
    try machine.sure(SubidsTests.paused() + "\n" + SubidsTests.managed(version: version))
    let left = try machine.repair("alice")
    #expect(
      left.codes == ["migrate-needed"] && left.users.first?.actions?.isEmpty == true, "without podman it is left to the user: \(left)")
    #expect(left.users.first?.findings.first?.remedy.contains("podman system migrate") == true)
    try machine.write(SubidsTests.podman, to: "/usr/local/bin/podman")
    try machine.sure("chmod 755 /usr/local/bin/podman; touch /var/tmp/alice/fail")
    let plan = try machine.repair("--dry-run alice")
    #expect(
      plan.users.first?.actions?.map(\.action) == [
        "run /usr/local/bin/podman system migrate, which stops running containers, so that the ranges in /etc/subuid count"
      ], "\(plan)")
    #expect(try machine.sh("test -e /var/tmp/alice/podman.log").status != 0, "a plan runs nothing")
    let failed = try machine.repair("alice")
    #expect(failed.users.first?.actions?.map(\.outcome) == ["failed"] && failed.codes == ["migrate-needed"], "\(failed)")
    #expect(
      failed.users.first?.actions?.first?.cause?.hasPrefix("it ended with the exit status 125: \\033[31mlast line; ") == true, "\(failed)")
    try machine.sure("rm /var/tmp/alice/fail")
    let output = try machine.rootlessStorage(
      "repair alice", environment: "SUDO_UID=0 HOME=/root XDG_RUNTIME_DIR=/run/root LD_DEBUG_OUTPUT=/etc/x CONTAINERS_CONF=/etc/evil")
    #expect(
      output.status == 0 && output.text.contains("  done   run /usr/local/bin/podman system migrate, which stops running\n"), "\(output)")
    #expect(
      try machine.sure("cat /var/tmp/alice/podman.log").lines == [
        "arguments: system migrate", "4001", "4001", "/", "HOME=/home/alice", "LOGNAME=alice",
        "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
        "USER=alice", "XDG_RUNTIME_DIR=/run/user/4001", "/dev/null", "?", "leader",
      ])
    // The client of the manager stays root, and gets nothing of the caller's environment.
    #expect(
      try machine.sure("cat /run/asked").lines == ["0", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "--quiet", "--pipe", "--wait", "--collect"]
        + manager + [
          "--property=WorkingDirectory=/", "--property=RuntimeMaxSec=60", "--property=TimeoutStopSec=5",
          "--property=KillMode=control-group", "--", "/usr/bin/env", "-i",
          "HOME=/home/alice", "USER=alice", "LOGNAME=alice", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
          "XDG_RUNTIME_DIR=/run/user/4001",
          "/usr/local/bin/podman", "system", "migrate",
        ])
    #expect(try machine.check("alice").codes == [])
  }

  @Test func `where no manager can run podman, the user is told to`() throws {
    let machine = try Machine.good()
    try machine.sure(SubidsTests.paused() + "\n" + SubidsTests.managed())
    try machine.write(SubidsTests.podman, to: "/usr/local/bin/podman")
    try machine.sure("chmod 755 /usr/local/bin/podman")
    func expectLeft(
      _ what: String, remedy: String = "as alice, in a session of theirs: podman system migrate    # ", asUid uid: Int? = nil,
      environment: String = ""
    ) throws {
      for command in ["repair --dry-run", "repair", "check"] {
        let report = try Report(machine.rootlessStorage("\(command) --json alice", asUid: uid, environment: environment))
        let findings = report.users.flatMap(\.findings).filter { $0.code == "migrate-needed" }
        #expect(
          findings.map(\.isRepairable) == [false] && findings.first?.remedy.hasPrefix(remedy) == true, "\(what), \(command): \(report)")
        #expect(report.users.first?.actions?.isEmpty ?? true && report.users.first?.failure == nil, "\(what), \(command): \(report)")
      }
      #expect(try machine.sh("test -e /run/asked || test -e /var/tmp/alice/podman.log").status != 0, "\(what)")
    }
    // Of somebody else's session, as sudo -u makes it.
    try expectLeft("sudo -u", asUid: 4001, environment: "SUDO_UID=0")
    for (what, script, undo) in [
      ("no systemd", "mv /run/systemd /run/away", "mv /run/away /run/systemd"),
      (
        "no systemd-run of root's", "chmod 775 /usr/local/bin/systemd-run; mount --bind /dev/null /usr/bin/systemd-run",
        "chmod 755 /usr/local/bin/systemd-run; umount /usr/bin/systemd-run"
      ),
      ("logged out", "mv /run/user/4001/systemd /run/user/4001/away", "mv /run/user/4001/away /run/user/4001/systemd"),
      ("a manager of somebody else's", "chown 4002 /run/user/4001/systemd/private", "chown 4001 /run/user/4001/systemd/private"),
      (
        "a file in its place", "mv /run/user/4001/systemd/private /run/socket; touch /run/user/4001/systemd/private",
        "mv -f /run/socket /run/user/4001/systemd/private"
      ),
    ] {
      try machine.sh(script)
      try expectLeft(what)
      try machine.sh(undo)
    }
    // A version that cannot do it is seen only then.
    try machine.sure("sed -i 's/systemd 252/systemd 219/' /usr/local/bin/systemd-run")
    let old = try machine.repair("alice")
    #expect(old.users.first?.actions?.map(\.outcome) == ["failed"] && old.codes == ["migrate-needed"], "\(old)")
    #expect(
      old.users.first?.actions?.first?.cause
        == "the user has no session here that it could run in; run podman system migrate as that user in a session of theirs, and see what it prints",
      "\(old)")
    #expect(try machine.sh("test -e /run/asked").status != 0)
  }

  @Test(arguments: ["INT", "KILL"]) func `podman migrate ends with whoever has asked for it, and the next repair does it`(signal: String)
    throws
  {
    let machine = try Machine.good(ownProcesses: true)
    try machine.sure(SubidsTests.paused())
    try machine.write(
      """
      #!/bin/bash
      [ ! -e /var/tmp/alice/hang ] || { (setsid sleep 3001 &); exec sleep 3002; }
      kill -9 $(cat /run/user/4001/libpod/tmp/pause.pid); rm /run/user/4001/libpod/tmp/pause.pid
      """, to: "/usr/local/bin/podman")
    // A shell has its background ignore what a terminal sends for Ctrl-C, and the threads of the tests' program block it.
    let ended = try machine.sh(
      """
      chmod 755 /usr/local/bin/podman; touch /var/tmp/alice/hang; cd /
      setpriv --reuid 4001 --regid 4001 --clear-groups env -i --default-signal=INT XDG_RUNTIME_DIR=/run/user/4001 \
        '\(Machine.commandLine)' repair > /dev/null 2>&1 & asker=$!
      for round in $(seq 500); do [ $(pgrep -cfx 'sleep 300[12]') -lt 2 ] || break; sleep 0.02; done
      kill -\(signal) $asker; { wait $asker; } 2> /dev/null; echo "status $?"
      for round in $(seq 100); do pgrep -fax 'sleep 300[12]|rootless-storage examine' > /etc/left || break; sleep 0.05; done
      cat /etc/left
      """)
    #expect(ended.lines == ["status \(signal == "INT" ? 130 : 137)"], "\(ended)")
    try machine.sure("rm /var/tmp/alice/hang")
    let done = try Report(machine.rootlessStorage("repair --json", asUid: 4001, environment: "XDG_RUNTIME_DIR=/run/user/4001"))
    #expect(done.users.first?.actions?.map(\.outcome) == ["done"] && done.codes == [], "\(done)")
  }

  @Test func `users have podman migrate themselves, and all of it ends at the deadline`() throws {
    let machine = try Machine.good(ownProcesses: true)
    try machine.sure(SubidsTests.paused())
    // Out of its session and its process group, without a parent, and with a child.
    try machine.write(
      """
      #!/bin/bash
      { id -u; env | LC_ALL=C sort | grep -vE '^(PWD|OLDPWD|SHLVL|_)='; } > /var/tmp/alice/podman.log
      (setsid bash -c 'sleep 3001 & exec sleep 3002' &)
      (sleep 3003 &)
      [ -e /var/tmp/alice/hang ] && exec sleep 3004
      kill -9 $(cat /run/user/4001/libpod/tmp/pause.pid); rm /run/user/4001/libpod/tmp/pause.pid
      """, to: "/usr/local/bin/podman")
    try machine.sure("chmod 755 /usr/local/bin/podman; touch /var/tmp/alice/hang")
    func sleeping() throws -> [String] { try machine.sh("pgrep -a sleep | cut -d' ' -f2- | grep ' 300[1-4]' | sort").lines }
    let late = try Report(machine.rootlessStorage("repair --json", asUid: 4001, environment: "XDG_RUNTIME_DIR=/run/user/4001"))
    #expect(
      late.users.first?.actions?.map(\.cause) == [
        "it was not done within 60 seconds, and was ended; run podman system migrate as that user in a session of theirs, and see what it prints"
      ], "\(late)")
    #expect(late.codes.contains("migrate-needed") && late.users.first?.failure == nil, "\(late)")
    #expect(try sleeping() == [])
    // What a podman that ends by itself leaves is meant to stay: its pause process, a container's monitor.
    try machine.sure("rm /var/tmp/alice/hang")
    let done = try Report(machine.rootlessStorage("repair --json", asUid: 4001, environment: "XDG_RUNTIME_DIR=/run/user/4001"))
    #expect(done.users.first?.actions?.map(\.outcome) == ["done"] && done.codes == [], "\(done)")
    // The last of them may only just have been started.
    var left = try sleeping()
    for _ in 0..<100 where left.count < 3 {
      usleep(100_000)
      left = try sleeping()
    }
    #expect(left == ["sleep 3001", "sleep 3002", "sleep 3003"])
    #expect(
      try machine.sure("cat /var/tmp/alice/podman.log").lines == [
        "4001", "HOME=/home/alice", "LOGNAME=alice", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "USER=alice",
        "XDG_RUNTIME_DIR=/run/user/4001",
      ])
  }
}
