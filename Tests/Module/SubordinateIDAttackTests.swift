import Foundation
import TestSupport
import Testing

/// What a user tries so that `subids = allocate` gives ids to the wrong one, or keeps others from theirs.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct SubordinateIDAttackTests {
  private static let old = "bob:100000:65536\n"
  /// By 100000 + (uid - 1000) * 65536.
  private static let alice = "alice:196773536:65536\n"

  private func machine(_ settings: String = "") throws -> Machine {
    // $UID: names that cannot stand in a path must not be refused for that alone.
    let machine = try Machine(
      settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/$UID\nsubids = allocate\nuid_max = 60000\n" + settings)
    try machine.user("alice")
    for file in ["subuid", "subgid"] { try machine.write(SubordinateIDAttackTests.old, to: "/etc/\(file)") }
    return machine
  }

  private func files(_ machine: Machine) throws -> [String] { try ["subuid", "subgid"].map { try machine.sure("cat /etc/\($0)").text } }

  private func isUntouched(_ machine: Machine) throws -> Bool {
    try files(machine) == [SubordinateIDAttackTests.old, SubordinateIDAttackTests.old]
      && machine.sure("cd /etc; ls -A | grep -E 'sub|lock' | tr '\\n' ' '").text == "subgid subuid "
  }

  // MARK: Names and numbers

  /// As a directory may have them: nothing but the name service says what a name is.
  static let names = [
    "a:b", "a:1:4294967295", "4002", "0", "a\\nroot", "a\\nroot:0:4294967295", "a b", "a\\tb", "#a", "+a", "+", "-a", "a\\x7f",
    "\\xc3\\xa9", "a\\r", String(repeating: "a", count: 257),
  ]

  @Test(arguments: names) func `a name that could be another line, or another user, gets no line`(name: String) throws {
    let machine = try machine()
    let run = try machine.sh(
      "/usr/libexec/rootless-storage/session-helper --timeout 4 --uid 4001 --gid 4001 --home /home/alice -- \"$(printf '\(name)')\"")
    #expect(!run.text.contains("added subordinate"), "\(run)")
    #expect(try isUntouched(machine), "\(run)")
    // Another user of the same uid and a good name does, so it is the name.
    #expect(
      try machine.helper("--timeout 4 \(FilesTests.alice)").text.contains("alice: added subordinate uids and gids 196773536-196839071"))
  }

  @Test func `a user named like another's number, through PAM, gets no line and logs in`() throws {
    let machine = try machine()
    try machine.user("4002", uid: 4003)
    let login = try machine.login("4002", "strict")
    #expect(
      login.code == 0
        && login.warnings.contains { $0.hasPrefix("4002: no subordinate ids are given: this user name cannot stand in /etc/subuid") },
      "\(login)")
    #expect(try isUntouched(machine))
  }

  @Test(arguments: [999, 60001, 65534, 200000, 4_294_967_294]) func `a uid that is not served gets no line`(uid: Int) throws {
    let machine = try machine()
    try machine.user("other", uid: uid)
    let login = try machine.login("other", "strict debug")
    #expect(login.informations.isEmpty, "\(login)")
    #expect(try isUntouched(machine))
  }

  @Test func `ids from one's own, from one's groups, and from the host's own range are not given`() throws {
    for (uid, gid, groups, settings) in [
      (4001, 196_773_536, "", ""), (4001, 4001, "--groups 27,196839071", ""), (1000, 1000, "", "subid_min = 1\nsubid_max = 70000"),
    ] {
      let machine = try machine(settings)
      let run = try machine.sh(
        "chown \(uid):\(gid) /home/alice; /usr/libexec/rootless-storage/session-helper --timeout 4 --uid \(uid) --gid \(gid) \(groups) --home /home/alice alice"
      )
      #expect(run.text.contains("<4>alice: no subordinate ids are given: the ids "), "\(run)")
      #expect(try isUntouched(machine))
    }
  }

  // MARK: Room

  @Test func `a disk that is full, at whatever page, costs nobody a line, and leaves nothing`() throws {
    let machine = try machine()
    // 3 pages each: what is written has room for some of them.
    let filler = (1...180).map { "user\($0):\(1_000_000_000 + $0 * 65536):65536\n" }.joined() + String(repeating: "#\n", count: 3000)
    var full = 0, added = 0
    for pages in 0...9 {
      for file in ["subuid", "subgid"] { try machine.write(filler, to: "/etc/\(file)") }
      // /etc is a tmpfs of its own; df counts its pages.
      try machine.sure(
        "rm -f /etc/subuid- /etc/subgid-; mount -o remount,size=8m /etc; (dd if=/dev/zero of=/etc/fill bs=4096 2>/dev/null || true); truncate -s -\(pages * 4096) /etc/fill"
      )
      let run = try machine.helper("--timeout 4 \(FilesTests.alice)")
      let after = try files(machine)
      if run.text.contains("added subordinate") {
        #expect(after == [filler + SubordinateIDAttackTests.alice, filler + SubordinateIDAttackTests.alice])
        added += 1
      } else {
        #expect(
          run.text.contains("<4>alice: no subordinate ids are given: /etc/") && run.text.contains("No space left on device"),
          "\(pages): \(run)")
        #expect(after == [filler, filler], "\(pages)")
        #expect(try machine.sure("cd /etc; ls -A | grep -E 'sub|lock' | tr '\\n' ' '").text == ".pwd.lock subgid subuid ", "\(pages)")
        full += 1
      }
      try machine.sure("rm /etc/fill")
    }
    #expect(full > 1 && added > 1, "both were met: \(full) full, \(added) added")
  }

  // MARK: Locks and signals

  /// What any user may do to files that one can read, and to processes, again and again until the file /var/tmp/end is there.
  private static let pest = """
    import fcntl, os, signal
    tries = gained = 0
    held = [open('/etc/' + name) for name in ('subuid', 'subgid', 'passwd')]
    for file in held:
      try: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except OSError: pass
      fcntl.lockf(file, fcntl.LOCK_SH)
    while not os.path.exists('/var/tmp/end'):
      tries += 1
      for name in ('.pwd.lock', 'subuid.lock', 'subgid.lock', 'subuid+', 'subgid+', 'subuid.rootless-storage', 'subgid.rootless-storage'):
        for mode in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT):
          # The new content is as readable as the old.
          readable = mode == os.O_RDONLY and name.endswith('+')
          try:
            gained += fcntl.lockf(os.open('/etc/' + name, mode), fcntl.LOCK_SH if mode == os.O_RDONLY else fcntl.LOCK_EX) is None and not readable
          except OSError: pass
        try: os.link('/etc/subuid', '/etc/' + name); gained += 1
        except OSError: pass
        try: os.unlink('/etc/' + name); gained += 1
        except OSError: pass
      for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGALRM):
        # To all that one may signal: it succeeds where there are none, too.
        try: os.kill(-1, number)
        except OSError: pass
    print(tries, gained)
    """

  @Test func `whoever locks, links, creates and signals whatever one may keeps nobody from a line`() throws {
    let machine = try Machine(ownProcesses: true, settings: "network_filesystems = ramfs\nsubids = allocate\nuid_max = 60000")
    for (name, uid) in [("alice", 4001), ("carol", 4003)] { try machine.user(name, uid: uid) }
    // The homes are complete: there, the session helper is the user for good, who may end it.
    for name in ["alice", "carol"] { #expect(try machine.login(name).code == 0) }
    try machine.write(SubordinateIDAttackTests.pest, to: "/etc/pest.py")
    for uid in [4001, 4002] {
      try machine.sure("setpriv --reuid \(uid) --regid \(uid) --clear-groups /usr/bin/python3 /etc/pest.py > /var/tmp/pest-\(uid) 2>&1 &")
    }
    try machine.sure("for n in $(seq 100); do [ \"$(pgrep -c python3)\" = 2 ] && exit 0; sleep 0.1; done; exit 1")
    for _ in 1...15 {
      for (name, line) in [("alice", SubordinateIDAttackTests.alice), ("carol", "carol:196904608:65536\n")] {
        for file in ["subuid", "subgid"] { try machine.write(SubordinateIDAttackTests.old, to: "/etc/\(file)") }
        let login = try machine.login(name, "strict timeout=20")
        #expect(
          login.code == 0 && login.warnings.isEmpty && login.errors.isEmpty
            && login.informations.contains { $0.hasPrefix("\(name): added subordinate uids and gids") }, "\(login)")
        #expect(try files(machine) == Array(repeating: SubordinateIDAttackTests.old + line, count: 2))
      }
    }
    try machine.sure(
      "touch /var/tmp/end; for n in $(seq 100); do [ \"$(cat /var/tmp/pest-* | wc -l)\" = 2 ] && exit 0; sleep 0.1; done; exit 1")
    for uid in [4001, 4002] {
      let numbers = try machine.sure("cat /var/tmp/pest-\(uid)").text.split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
      #expect(numbers.count == 2 && numbers[0] > 10 && numbers[1] == 0, "tries, and what was gained: \(numbers)")
    }
  }

  @Test func `one whose ids are somebody else's, and who opens sessions all the time, takes no lock and keeps nobody from a line`() throws {
    let machine = try machine("reserved_ids = 196773536-196839071")
    let helper = "/usr/libexec/rootless-storage/session-helper --timeout 4 \(FilesTests.alice)"
    let calls = try machine.sure("strace -qq -e trace=openat,linkat \(helper) 2>&1")
    #expect(
      calls.text.contains("alice: no subordinate ids are given") && calls.text.contains("\"subgid\"") && !calls.text.contains(".pwd.lock")
        && !calls.text.contains("subuid.lock"), "\(calls)")
    try machine.sure("for n in $(seq 8); do (until [ -e /var/tmp/end ]; do \(helper); done > /dev/null 2>&1 &) ; done")
    for number in 1...10 {
      try machine.user("carol\(number)", uid: 4010 + number)
      let login = try machine.login("carol\(number)", "strict timeout=60")
      #expect(
        login.code == 0 && login.warnings.isEmpty && login.informations.contains { $0.hasPrefix("carol\(number): added subordinate") },
        "\(login)")
    }
    try machine.sure("touch /var/tmp/end")
    #expect(try files(machine).allSatisfy { $0.split(separator: "\n").count == 11 && !$0.contains("alice") })
  }
}
