import Foundation
import TestSupport
import Testing

/// Subordinate ids beside the real shadow-utils of each release: 4.8 (bullseye), 4.13 (bookworm), 4.17 (trixie) and 4.20 (sid).
@Suite(.enabled(if: Machine.isPossible && releases.allSatisfy { DebianRoot.shadowBase($0) != nil }, Comment(rawValue: DebianRoot.need)))
struct ShadowTests {
  private static let allocating = "network_filesystems = ramfs\nsubids = allocate\nuid_max = 60000\norphan_days = 0"

  private func root(_ release: String, _ settings: String = "") throws -> DebianRoot {
    let root = try DebianRoot(DebianRoot.shadowBase(release))
    try root.place(settings: ShadowTests.allocating + "\n" + settings)
    // overlay, on which the whole Debian is here, is no place for engines.
    try root.sure("mount -t tmpfs -o mode=1777 storage /var/tmp; : > /etc/subuid; : > /etc/subgid")
    return root
  }

  private func files(_ root: DebianRoot) throws -> [String] { try ["subuid", "subgid"].map { try root.sure("cat /etc/\($0)").text } }

  // MARK: The same numbers

  struct Case: CustomStringConvertible {
    let release: String
    let name: String
    /// In rootless-storage.conf.
    let settings: String
    /// What is done to login.defs.
    let script: String
    /// The uid of the user i of 200, in the shell's arithmetic.
    let uid: String
    var description: String { "\(release): \(name)" }
  }

  private static let both = "printf 'SUB_UID_DETERMINISTIC yes\\nSUB_GID_DETERMINISTIC yes\\n' >> /etc/login.defs"
  private static let silent = "sed -i '/^SUB_/d; /^UID_MIN/d' /etc/login.defs"

  static let cases =
    releases.map {
      Case(
        release: $0, name: "as shipped, the first that are free", settings: "subid_scheme = first-free", script: ":", uid: "1001 + i * 293")
    } + [
      Case(release: "sid", name: "computed", settings: "", script: both, uid: "1000 + i * 45"),
      Case(
        release: "sid", name: "computed, without a word on the bounds", settings: "", script: "\(silent); \(both)", uid: "1000 + i * 293"),
      // 256 ranges, of which some uids have the second to seventh turn.
      Case(
        release: "sid", name: "computed in a ring", settings: "",
        script:
          "sed -i '/^SUB_.*_MAX/d' /etc/login.defs; printf 'SUB_UID_MAX 16877215\\nSUB_GID_MAX 16877215\\nUNSAFE_SUB_UID_DETERMINISTIC_WRAP yes\\nUNSAFE_SUB_GID_DETERMINISTIC_WRAP yes\\n' >> /etc/login.defs; \(both)",
        uid: "1000 + i + 256 * (i % 7)"),
      Case(
        release: "sid", name: "computed by other figures, different for uids and gids", settings: "",
        script:
          "\(silent); printf 'UID_MIN 2000\\nSUB_UID_MIN 200000\\nSUB_UID_COUNT 131072\\nSUB_GID_MIN 300000\\nSUB_UID_MAX 4294967295\\nSUB_GID_MAX 4000000000\\n' >> /etc/login.defs; \(both)",
        uid: "2000 + i * 150"),
      Case(
        release: "sid", name: "computed, and some beyond the bounds, to whom nobody gives anything", settings: "", script: both,
        uid: "8000 + i * 25"),
    ]

  @Test(arguments: cases) func `two hundred users get the lines of useradd`(some: Case) throws {
    let root = try root(some.release, some.settings)
    try root.sure(some.script)
    let made = try root.sh(
      "for i in $(seq 0 199); do useradd --no-create-home --no-log-init --user-group --uid $((\(some.uid))) u$i || echo \"u$i failed $?\"; done"
    )
    let theirs = try files(root)
    let accounts = try root.sure("grep -o '^u[0-9][0-9]*' /etc/passwd").lines
    let refused = some.name.contains("beyond")
    let expected = refused ? 51..<150 : 200..<201
    #expect(expected.contains(accounts.count), "\(made)")
    #expect(theirs.map { $0.split(separator: "\n").count } == [accounts.count, accounts.count], "\(made)")
    // The others, too: useradd has made no account of them.
    try root.sure(
      """
      : > /etc/subuid; : > /etc/subgid
      for i in $(seq 0 199); do grep -q "^u$i:" /etc/passwd || { echo "u$i:x:$((\(some.uid))):$((\(some.uid)))::/:/bin/sh" >> /etc/passwd; echo "u$i:x:$((\(some.uid))):" >> /etc/group; }; done
      """)
    let ours = try root.sh("rootless-storage subids allocate $(for i in $(seq 0 199); do echo u$i; done)")
    #expect(ours.status == (refused ? 1 : 0), "\(ours)")
    #expect(try files(root) == theirs, "\(ours)")
  }

  @Test func `where useradd computes only uids, these are the same`() throws {
    let root = try root("sid")
    try root.sure(
      "printf 'SUB_UID_DETERMINISTIC yes\\n' >> /etc/login.defs; for i in $(seq 0 19); do useradd --no-create-home --no-log-init --user-group --uid $((1000 + i * 45)) u$i; done"
    )
    let theirs = try files(root)
    try root.sure(": > /etc/subuid; : > /etc/subgid; rootless-storage subids allocate $(for i in $(seq 0 19); do echo u$i; done)")
    #expect(try files(root)[0] == theirs[0])
  }

  @Test func `lines by uid are those of usermod, but for the id that it takes too many`() throws {
    let root = try root("sid")
    // useradd of 4.20.3 fails with these keys ("failed to prepare the new /etc/subuid entry").
    try root.sure("useradd --no-create-home --uid 4001 alice; : > /etc/subuid; : > /etc/subgid")
    try root.sure(
      "\(ShadowTests.both); printf 'SUB_UID_STORE_BY_UID yes\\nSUB_GID_STORE_BY_UID yes\\n' >> /etc/login.defs; usermod --add-subids alice")
    let theirs = try files(root)
    try root.sure(": > /etc/subuid; : > /etc/subgid; rootless-storage subids allocate alice")
    #expect(try files(root) == ["4001:196773536:65536\n", "4001:196773536:65536\n"])
    // shadow 4.20.3 gives 65,537. Once it does not, the remedy of subuid-missing can be its command.
    #expect(theirs == ["4001:196773536:65537\n", "4001:196773536:65537\n"])
  }

  @Test func `the remedy of a host that computes ranges gives what useradd would`() throws {
    let root = try root("sid", "subids = off")
    try root.sure("\(ShadowTests.both); useradd --no-create-home --uid 4001 alice; useradd --no-create-home --uid 4002 bob")
    let theirs = try files(root)
    try root.sure(": > /etc/subuid; : > /etc/subgid; printf '#!/bin/sh\\nexec \"$@\"\\n' > /usr/bin/sudo; chmod 755 /usr/bin/sudo")
    for name in ["alice", "bob"] {
      let report = try Report(root.sh("rootless-storage subids check --json \(name)"))
      let remedy = try #require(report.users.first?.findings.first { $0.code == "subuid-missing" }?.remedy)
      try root.sure(String(remedy.prefix { $0 != "#" }))
    }
    #expect(try files(root) == theirs)
    let after = try Report(root.sh("rootless-storage subids check --json alice bob"))
    #expect((after.host.findings + after.users.flatMap(\.findings)).map(\.code) == [])
  }

  // MARK: Locks

  private static let helper = "/usr/libexec/rootless-storage/session-helper --uid 4001 --gid 4001 --home /home/alice alice --timeout"
  private static let line = "alice:196773536:65536\n"
  private static let added = "alice: added subordinate uids and gids 196773536-196839071"

  private func withUsers(_ release: String) throws -> DebianRoot {
    let root = try root(release)
    try root.user("alice", uid: 4001)
    try root.user("bob", uid: 4002)
    try root.sure(": > /etc/subuid; : > /etc/subgid; rm -f /etc/.pwd.lock /etc/sub*-")
    return root
  }

  /// Runs a program in it, in which something happens at its first rename, which it makes under its locks; and meanwhile a script. The
  /// text behind `--` is the program's.
  private func locked(_ root: DebianRoot, _ program: String, _ fault: String, meanwhile script: String = "") throws -> Output {
    let calls = "rename,renameat,renameat2"
    return try root.outside(
      """
      inside() { chroot \(DebianRoot.place) /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
      strace -qq -o /dev/null -e trace=\(calls) -e inject=\(calls):\(fault):when=1 chroot \(DebianRoot.place) /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \(program) > /mnt/program 2>&1 &
      if [ -n '\(script.isEmpty ? "" : "x")' ]; then
        for number in $(seq 100); do [ ! -e \(DebianRoot.place)/etc/subuid.lock ] || break; sleep 0.05; done
        inside bash -c "$(echo \(Data(script.utf8).base64EncodedString()) | base64 -d)" 2>&1
      fi
      wait; echo --; cat /mnt/program
      """)
  }

  @Test(arguments: releases) func `the programs of shadow wait for our lock, refuse its file, and take it from the dead`(release: String)
    throws
  {
    let root = try withUsers(release)
    // Both locks, as a login has them: that of lckpwdf is waited for.
    let held = try locked(
      root, "\(ShadowTests.helper) 20", "delay_enter=1500000",
      meanwhile:
        "start=$(date +%s%N); useradd --no-create-home --uid 4003 carol; echo \"rc $? after $((($(date +%s%N) - start) / 1000000))\"; grep -c alice /etc/subuid"
    )
    let waited = held.lines.first { $0.hasPrefix("rc 0 after ") }.flatMap { Int($0.dropFirst(11)) } ?? -1
    #expect(waited >= 800 && waited < 12000 && held.text.contains(ShadowTests.added) && held.lines.contains("1"), "\(held)")
    let after = try files(root)
    #expect(after[0].hasPrefix(ShadowTests.line + "carol:") && after[1].hasPrefix(ShadowTests.line + "carol:"), "\(after)")

    // The file alone, with the process and its start: it has to be read.
    try root.sure(": > /etc/subuid; : > /etc/subgid")
    let file = try locked(
      root, "\(ShadowTests.helper) 20", "delay_enter=1500000",
      meanwhile:
        "rm /etc/.pwd.lock; tr '\\000' ' ' < /etc/subuid.lock; echo; usermod --add-subuids 900000-900001 bob; echo usermod $?; useradd --no-create-home --uid 4004 dave; echo useradd $?; id dave"
    )
    #expect(
      file.lines.contains { $0.split(separator: " ").count == 2 && $0.allSatisfy { $0.isNumber || $0 == " " } },
      "a number, and a start: \(file)")
    #expect(
      file.text.contains("usermod 16") && file.text.contains("useradd 16")
        && file.text.contains("lock /etc/subuid.lock already used by PID"), "\(file)")
    #expect(file.text.contains("no such user") && file.text.contains(ShadowTests.added), "\(file)")
    #expect(try files(root) == [ShadowTests.line, ShadowTests.line])

    // Killed under its locks: whoever comes next takes them.
    try root.sure(": > /etc/subuid; : > /etc/subgid")
    _ = try locked(root, "\(ShadowTests.helper) 20", "signal=KILL")
    #expect(try root.sure("ls /etc/subuid.lock /etc/subgid.lock").lines.count == 2)
    try root.sure("usermod --add-subuids 900000-900001 bob; useradd --no-create-home --uid 4005 erin")
    let next = try files(root)
    #expect(next[0].hasPrefix("bob:900000:2\nerin:") && next[1].hasPrefix("erin:"), "\(next)")
    #expect(try root.sure("ls -A /etc | grep -c 'sub.id.lock' || true").text == "0\n")
  }

  @Test(arguments: releases) func `we wait for the locks of shadow's programs, respect their files, and take them from the dead`(
    release: String
  ) throws {
    let root = try withUsers(release)
    let usermod = "usermod --add-subuids 900000-900001 bob"
    let held = try locked(
      root, usermod, "delay_enter=1500000",
      meanwhile: "start=$(date +%s%N); \(ShadowTests.helper) 20; echo \"after $((($(date +%s%N) - start) / 1000000))\"")
    let waited = held.lines.first { $0.hasPrefix("after ") }.flatMap { Int($0.dropFirst(6)) } ?? -1
    #expect(waited >= 800 && held.text.contains(ShadowTests.added), "\(held)")
    #expect(try files(root) == ["bob:900000:2\n" + ShadowTests.line, ShadowTests.line])

    try root.sure(": > /etc/subuid; : > /etc/subgid")
    let file = try locked(root, usermod, "delay_enter=2500000", meanwhile: "rm /etc/.pwd.lock; \(ShadowTests.helper) 2")
    #expect(file.text.contains("no subordinate ids are given: /etc/subuid.lock is held by process"), "\(file)")
    #expect(try files(root) == ["bob:900000:2\n", ""])

    try root.sure(": > /etc/subuid; : > /etc/subgid; rm -f /etc/*.lock")
    _ = try locked(root, usermod, "signal=KILL")
    #expect(try root.sure("ls /etc/subuid.lock").lines.count == 1)
    #expect(try root.sh("\(ShadowTests.helper) 4").text.contains(ShadowTests.added))
    #expect(try files(root) == [ShadowTests.line, ShadowTests.line])
    #expect(try root.sure("ls -A /etc | grep -c 'sub.id.lock' || true").text == "0\n")
    // What is theirs alone, they take themselves.
    try root.sure("usermod --add-subuids 900000-900001 bob")
  }

  // MARK: What is read

  /// What newuidmap(1) does with what the engine is told.
  enum Map { case whole, none, refused }

  struct Row: CustomStringConvertible {
    let content: String
    /// With shadow before 4.20, and since.
    let before: Map
    let since: Map
    /// With 4.13, if that is something else.
    var oldest: Map?
    /// Findings that tell of it, worst first, "" where there are none.
    let finding: String
    var after = ":"
    var description: String { content.debugDescription }
  }

  static let rows = [
    Row(content: "alice:100000:65536\n", before: .whole, since: .whole, finding: ""),
    Row(content: "alice:100000:65536\n4001:200000:65536\n", before: .whole, since: .whole, finding: ""),
    Row(content: "alice:100000:65536 \n", before: .none, since: .none, finding: "error subuid-missing"),
    Row(content: "alice:100000:65536 # x\n", before: .none, since: .none, finding: "error subuid-missing"),
    Row(content: "alice:100000:65536\r\n", before: .none, since: .none, finding: "error subuid-missing"),
    Row(content: " alice:100000:65536\n", before: .none, since: .none, finding: "error subuid-missing"),
    Row(content: "alice:100000:65536", before: .whole, since: .none, finding: "subid-line"),
    Row(content: "alice:100000:65536\nalice:100000:65536\n", before: .refused, since: .refused, finding: "error subuid-overlap"),
    Row(content: "alice:100000:65536\nalice:165000:65536\n", before: .refused, since: .refused, finding: "error subuid-overlap"),
    Row(content: "alice:4294900000:100000\n", before: .refused, since: .none, finding: "error subuid-missing"),
    Row(content: "alice:100000:4294967296\n", before: .refused, since: .none, finding: "error subuid-missing"),
    Row(content: "alice:100000:0\n", before: .refused, since: .refused, finding: "error subuid-missing"),
    Row(content: "alice:0x186a0:65536\n", before: .whole, since: .whole, finding: "warning subuid-missing"),
    Row(content: "alice:0303240:65536\n", before: .whole, since: .whole, finding: "warning subuid-missing"),
    Row(content: "alice:+100000:65536\n", before: .whole, since: .whole, finding: "warning subuid-missing"),
    Row(content: "alice:-100000:65536\n", before: .none, since: .none, oldest: .refused, finding: "error subuid-missing"),
    Row(content: "alice:100000:65536:5\n", before: .whole, since: .none, finding: "error subid-line"),
    Row(content: "bob:\nalice:100000:65536\n", before: .whole, since: .whole, finding: "error subid-line"),
    Row(content: "alice:100000:65536\n", before: .none, since: .none, finding: "error subid-closed", after: "chmod 600 /etc/subuid"),
    Row(content: "alice:4000:65536\n", before: .refused, since: .refused, finding: "error subuid-overlap"),
    Row(content: "bob:100000:65536\n", before: .none, since: .none, finding: "error subuid-missing"),
  ]

  /// Asks as an engine with libsubid does, as the user, and maps the user and all ranges. The new namespace is made outside: from a
  /// root directory of its own, the kernel allows none.
  private static let mapping = """
    inside() { chroot \(DebianRoot.place) /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
    ranges=$(inside setpriv --reuid 4001 --regid 4001 --clear-groups getsubids alice 2>/dev/null | sed -n 's/^[0-9]*: alice //p')
    if [ -z "$ranges" ]; then echo none; exit; fi
    setpriv --reuid 4001 --regid 4001 --clear-groups unshare --user sleep 20 & process=$!
    # Before it is sleep, its files in /proc are root's.
    for number in $(seq 100); do [ "$(cat /proc/$process/comm)" != sleep ] || break; sleep 0.02; done
    map="0 4001 1" next=1
    while read -r start count; do map+=" $next $start $count"; next=$((next + count)); done <<< "$ranges"
    if inside setpriv --reuid 4001 --regid 4001 --clear-groups newuidmap $process $map 2>/dev/null && grep -q . /proc/$process/uid_map; then echo whole; else echo refused; fi
    kill $process
    """

  @Test(arguments: ["bookworm", "trixie", "sid"]) func `what shadow and the kernel make of a file, check tells`(release: String) throws {
    let root = try withUsers(release)
    try root.configure("network_filesystems = ramfs")
    for row in ShadowTests.rows {
      let data = Data(row.content.utf8).base64EncodedString()
      try root.sure(
        "echo \(data) | base64 -d > /etc/subuid; printf 'alice:100000:65536\\nbob:300000:65536\\n' > /etc/subgid; chmod 644 /etc/subuid; \(row.after)"
      )
      // newuidmap needs to see the process: /proc is the machine's own.
      let made = try root.outside(ShadowTests.mapping).text.trimmingCharacters(in: .whitespacesAndNewlines)
      let expected = release == "sid" ? row.since : release == "bookworm" ? row.oldest ?? row.before : row.before
      #expect(made == "\(expected)", "\(row): \(made)")
      let report = try Report(root.sh("rootless-storage subids check --json alice"))
      let found = (report.host.findings + report.users.flatMap(\.findings)).map { "\($0.severity) \($0.code)" }
      if row.finding.isEmpty {
        #expect(found.isEmpty, "\(row): \(found)")
      } else {
        #expect(found.contains { $0.hasSuffix(row.finding) }, "\(row): \(found)")
      }
      // Where nothing comes of a file, something worse than a note has to tell; where 4.20 alone reads it so, there.
      if made != "whole" { #expect(found.contains { $0.hasPrefix("error") }, "\(row): \(found)") }
    }
  }
}

/// In the order of their versions of shadow-utils.
private let releases = ["bullseye", "bookworm", "trixie", "sid"]
