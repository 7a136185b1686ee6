import Foundation
import TestSupport
import Testing

/// Invariants 3 to 5: whose identity touches what, and files that appear whole or not at all.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct FilesTests {
  /// The session helper's arguments for alice.
  static let alice = "--uid 4001 --gid 4001 --groups 4001 --home /home/alice alice"

  /// The helper's system calls, one a line, without those before main.
  private func trace(_ machine: Machine, _ options: String = "") throws -> [String] {
    try machine.sh("strace -qq -o /etc/trace \(options) /usr/libexec/rootless-storage/session-helper \(FilesTests.alice)")
    let lines = try machine.sure("cat /etc/trace").lines
    guard let start = lines.firstIndex(where: { $0.hasPrefix("chdir(") }) else { return lines }
    return Array(lines[start...])
  }

  /// How often a first login makes this call.
  private func occurrences(_ machine: Machine, of call: String) throws -> Int {
    try machine.sure("rm -rf /var/tmp/alice /home/alice/.config")
    return try trace(machine).filter { $0.hasPrefix("\(call)(") }.count
  }

  @Test(arguments: ["first", "steady", "squatted"])
  func `nothing of the user's is touched with root's identity, and the home only after the drop for good`(scenario: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    if scenario == "steady" { try machine.login("alice") }
    if scenario == "squatted" { try machine.sure("ln -s /etc /var/tmp/alice") }
    var isRoot = true
    var isDropped = false
    var homeCalls = 0
    var written = 0
    // Descriptors with the path they stand for (-yy): every call that names the home or the storage parent counts.
    for call in try trace(machine, "-yy") {
      if call.hasPrefix("setresuid(-1, 4001, -1)") { isRoot = false }
      if call.hasPrefix("setresuid(-1, 0, -1)") { isRoot = call.hasSuffix("= 0") }
      if call.hasPrefix("setresuid(4001, 4001, 4001)") { (isRoot, isDropped) = (false, true) }
      if call.contains("/home/") && !call.hasPrefix("write(1") {
        homeCalls += 1
        #expect(!isRoot, "\(call)")
      }
      let name = call.prefix { $0 != "(" }
      if ["mkdirat", "linkat", "unlinkat", "write", "fchmod", "renameat2", "fsync"].contains(name), call.contains("/home/"),
        !call.hasPrefix("write(1")
      {
        written += 1
        #expect(isDropped, "\(call)")
      }
      #expect(!name.contains("chown"), "\(call)")
      if call.contains("/var/tmp") && name != "write" { #expect(!isRoot, "\(call)") }
    }
    #expect(homeCalls > 0)
    #expect((written > 0) == (scenario == "first"))
  }

  @Test(arguments: ["", "--deny \(SystemCall.statmount)"])
  func `neither the name service nor the number of mounts is asked more than needed`(deny: String) throws {
    // With statmount(2), and as before Linux 6.8, when mountinfo is read once.
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("for number in $(seq 300); do mkdir /home/m$number; mount -t tmpfs none /home/m$number; done")
    try machine.write("#!/bin/sh\nexec strace -qq -o /etc/trace /usr/libexec/rootless-storage/session-helper \"$@\"\n", to: "/etc/traced")
    try machine.sure("chmod 755 /etc/traced")
    func calls() throws -> [String] {
      #expect(try machine.login("alice", "strict helper=/etc/traced", host: deny).code == 0)
      let lines = try machine.sure("cat /etc/trace").lines
      return Array(lines[(lines.firstIndex { $0.hasPrefix("chdir(") } ?? 0)...])
    }
    let first = try calls()
    let steady = try calls()
    for calls in [first, steady] {
      #expect(calls.filter { $0.contains("/proc/self/mountinfo") }.count == (deny.isEmpty ? 0 : 1))
      for file in ["nsswitch", "/etc/passwd", "/etc/group", "libnss", "socket("] {
        #expect(!calls.contains { $0.contains(file) }, "\(file)")
      }
    }
    #expect(first.contains { $0.contains("linkat(") } && !steady.contains { $0.contains("linkat(") })
  }

  @Test func `everything below the root is opened without following, but for the home itself and the user's directories in it`() throws {
    let machine = try Machine()
    try machine.user("alice")
    for call in try trace(machine) where call.hasPrefix("openat(") && !call.contains("O_NOFOLLOW") {
      // The home; directories in it, as a place or to list; the helper's own lines in /proc.
      let isHome = call.hasPrefix("openat(AT_FDCWD, \"/home/alice\"")
      #expect(isHome || (call.contains("O_DIRECTORY") && !call.hasPrefix("openat(AT_FDCWD")), "\(call)")
    }
    for call in try trace(machine) where call.hasPrefix("openat(") { #expect(call.contains("O_CLOEXEC"), "\(call)") }
  }

  @Test func `the drop for good covers groups, ids, capabilities and tracing`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let calls = try trace(machine)
    let drop = try #require(calls.firstIndex { $0.hasPrefix("setresuid(4001, 4001, 4001)") })
    #expect(calls[..<drop].last { $0.hasPrefix("setgroups(") }?.hasPrefix("setgroups(1, [4001])") == true)
    #expect(calls[..<drop].last { $0.hasPrefix("setresgid(") }?.hasPrefix("setresgid(4001, 4001, 4001)") == true)
    let after = calls[drop...]
    #expect(after.contains { $0.hasPrefix("capset(") && $0.contains("effective=0, permitted=0, inheritable=0") })
    #expect(after.contains { $0.hasPrefix("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)") })
    for check in [
      "getresuid([4001], [4001], [4001])", "getresgid([4001], [4001], [4001])", "getgroups(", "capget(", "prctl(PR_GET_DUMPABLE)",
    ] {
      #expect(after.contains { $0.hasPrefix(check) }, "\(check)")
    }
  }

  static let steps = ["setgroups", "setresgid", "setresuid", "capset", "prctl", "capget", "getresuid", "getresgid", "getgroups"]

  @Test(arguments: steps) func `a step of the drop that fails stops everything before the home is written to`(step: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    let count = try occurrences(machine, of: step)
    #expect(count > 0)
    for number in 1...max(count, 1) {
      try machine.sure("rm -rf /var/tmp/alice /home/alice/.config")
      let output = try machine.sh(
        "strace -qq -o /dev/null -e trace=\(step) -e inject=\(step):error=EPERM:when=\(number) /usr/libexec/rootless-storage/session-helper \(FilesTests.alice)"
      )
      // The last setresuid is the proof that root cannot come back: there, failing is right.
      if step == "setresuid" && number == count {
        #expect(output.status == 0, "\(output)")
        continue
      }
      #expect(output.status == 1, "\(step) \(number): \(output)")
      #expect(output.text.contains("<3>alice: ") && output.text.hasSuffix("end failed\n"), "\(step) \(number): \(output)")
      #expect(try machine.sh("find /home/alice -mindepth 1").text == "", "\(step) \(number)")
    }
  }

  @Test func `a step that pretends to succeed is found out`() throws {
    let machine = try Machine()
    try machine.user("alice")
    for step in ["setgroups", "setresgid", "setresuid", "capset"] {
      let count = try occurrences(machine, of: step)
      for number in 1...max(count, 1) {
        try machine.sure("rm -rf /var/tmp/alice /home/alice/.config")
        let output = try machine.sh(
          "strace -qq -o /dev/null -e trace=\(step) -e inject=\(step):retval=0:when=\(number) /usr/libexec/rootless-storage/session-helper --uid 4001 --gid 4001 --groups 4001,4007 --home /home/alice alice"
        )
        // Whatever it pretends: what is in the home belongs to the user, and came from a process with the user's ids only.
        let foreign = try machine.sh("find /home/alice /var/tmp -mindepth 1 ! -user 4001").text
        #expect(foreign == "", "\(step) \(number): \(output)")
      }
    }
  }

  @Test func `killed before any of its system calls, it leaves nothing partial, and the next login fixes it`() throws {
    let machine = try Machine()
    try machine.user("alice")
    // strace counts each call by its name: the list is "NAME OCCURRENCE", for every call of a first login.
    var seen: [Substring: Int] = [:]
    var kills: [String] = []
    for line in try trace(machine) {
      let name = line.prefix { $0 != "(" }
      guard name.allSatisfy({ $0.isLetter || $0.isNumber }), name != "exit_group" else { continue }
      seen[name, default: 0] += 1
      kills.append("\(name) \(seen[name]!)")
    }
    #expect(kills.count > 100)
    let output = try machine.sure(
      """
      helper="/usr/libexec/rootless-storage/session-helper \(FilesTests.alice)"
      conf=/home/alice/.config/containers/storage.conf; daemon=/home/alice/.config/docker/daemon.json
      wanted() { [ "$(cksum < $conf)$(cksum < $daemon)" = "$good" ] && [ "$(find /home/alice -type f | wc -l)" -eq 2 ] && [ "$(stat -c '%a %u' /var/tmp/alice)" = '700 4001' ]; }
      good=$(cksum < $conf)$(cksum < $daemon); goodconf=$(cksum < $conf); gooddaemon=$(cksum < $daemon)
      leftovers=0; killed=0
      while read -r name when; do
        rm -rf /var/tmp/alice /home/alice/.config
        status=0; strace -qq -o /dev/null -e trace=$name -e inject=$name:signal=KILL:when=$when $helper >/dev/null 2>&1 || status=$?
        [ $status -eq 137 ] && killed=$((killed + 1))
        [ ! -e $conf ] || [ "$(cksum < $conf)" = "$goodconf" ] || echo "partial storage.conf after $name $when"
        [ ! -e $daemon ] || [ "$(cksum < $daemon)" = "$gooddaemon" ] || echo "partial daemon.json after $name $when"
        [ -z "$(find /home/alice -name '.rootless-storage.*')" ] || leftovers=$((leftovers + 1))
        $helper > /etc/report || echo "next login failed after $name $when"
        wanted || { echo "wrong state after $name $when"; find /home/alice /var/tmp; cat /etc/report; }
      done <<'KILLS' 2>/dev/null
      \(kills.joined(separator: "\n"))
      KILLS
      echo "killed $killed leftovers $leftovers"
      """)
    #expect(output.lines.count == 1, "\(output)")
    let figures = output.text.split { !$0.isNumber }.compactMap { Int($0) }
    // Calls that happen only in some runs can be missing in this one.
    #expect(figures.first ?? 0 > kills.count * 9 / 10, "\(output), of \(kills.count)")
    #expect(figures.last ?? 0 > 5, "some of the kills must have hit while a file was being written: \(output)")
  }

  @Test func `leftovers are told apart by host and process`() throws {
    let machine = try Machine()
    try machine.user("alice")
    // A time of change can only be set beside the kernel, in an unmounted file system.
    try machine.write("network_filesystems = ext4\n", to: "/etc/rootless-storage/rootless-storage.conf")
    try machine.sure(
      "truncate -s 8M /var/tmp/disk; mkfs.ext4 -q /var/tmp/disk; mount -o loop /var/tmp/disk /home/alice; chown 4001 /home/alice")
    let first = try machine.login("alice")
    try machine.sure(
      """
      cd /home/alice/.config/containers; rm storage.conf; host=$(uname -n | tr -c 'A-Za-z0-9.\\n-' _)
      start=$(cut -d' ' -f22 /proc/1/stat)
      touch .rootless-storage.1.$start.1.$host                            # alive: process 1
      touch .rootless-storage.1.1$start.1.$host                           # its number is another process's by now
      touch .rootless-storage.4194303.5.1.$host                           # gone
      touch .rootless-storage.77.5.1.elsewhere                            # another host's, just written
      touch -d 1970-01-02 .rootless-storage.79.5.1.elsewhere              # another host's, just being created over NFS 3
      touch .rootless-storage.78.5.1.elsewhere                            # another host's, old
      touch .rootless-storage.x .rootless-storage.1.2.3 notes             # not ours
      chown 4001 .[a-z]* notes
      cd /; umount /home/alice
      debugfs -w -R "set_inode_field /.config/containers/.rootless-storage.78.5.1.elsewhere ctime @$(($(date +%s) - 7200))" /var/tmp/disk
      mount -o loop /var/tmp/disk /home/alice
      """)
    let login = try machine.login("alice", "debug")
    let left = try machine.sure(
      "cd /home/alice/.config/containers; ls -A | sed 's/^\\(\\.rootless-storage\\.[0-9]*\\)\\..*/\\1/' | LC_ALL=C sort"
    ).lines
    #expect(
      left == [
        ".rootless-storage.1", ".rootless-storage.1", ".rootless-storage.77", ".rootless-storage.79", ".rootless-storage.x", "notes",
        "storage.conf",
      ], "\(first) \(login)")
  }

  @Test func `a leftover beside a file that is whole is found by its link count`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice")
    try machine.sure(
      "cd /home/alice/.config/containers; ln storage.conf .rootless-storage.4194303.5.1.$(uname -n | tr -c 'A-Za-z0-9.\\n-' _)")
    let login = try machine.login("alice", "debug")
    #expect(login.debugs.count == 1 && login.debugs[0].contains("which an interrupted login had left"), "\(login)")
    #expect(try machine.sure("ls -A /home/alice/.config/containers").text == "storage.conf\n")
  }

  /// What another login or a file server does between the steps, made with fault injection.
  static let placements: [(String, String, String)] = [
    ("linkat:error=EOPNOTSUPP", "done", "a file system without links: renamed into place"),
    ("linkat:error=EPERM", "done", "a file system without links, as vfat says it"),
    ("linkat:error=EXDEV", "failed", "another error is one"),
    ("linkat:error=EEXIST", "done", "another login was faster: its file stays"),
    ("linkat:error=ENOENT:when=1", "done", "the temporary file was taken for a leftover: once more"),
    ("linkat:error=ENOENT", "failed", "but not for ever"),
    ("linkat:error=ESTALE:when=1", "done", "NFS says so of a file that is gone"),
    ("fchmod:error=ESTALE:when=1", "done", "gone even earlier"),
    ("fsync:error=ESTALE", "failed", "gone each time"),
    ("linkat:error=EINTR:when=1", "done", "interrupted calls are made again"),
    ("fsync:error=EIO", "failed", "not on the disk"),
    ("fsync:error=EDQUOT", "tolerated", "over quota, told late, as NFS does"),
    ("fsync:error=EINTR:when=1", "done", "interrupted calls are made again"),
    ("fchmod:error=EIO", "failed", "an I/O error"),
    ("fchmod:error=EPERM", "done", "a file system without modes"),
    ("unlinkat:error=EIO", "done", "the second name stays, with a warning"),
  ]

  @Test(arguments: placements) func `a file is placed whole or not at all`(inject: String, outcome: String, why: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -m 700 -o 4001 -g 4001 /var/tmp/alice; rm -r /etc/rootless-storage/skel/.config/docker")
    let call = inject.prefix { $0 != ":" }
    let output = try machine.sh(
      "strace -qq -o /dev/null -e trace=\(call) -e inject=\(inject) /usr/libexec/rootless-storage/session-helper \(FilesTests.alice)")
    #expect(output.text.hasSuffix("end \(outcome)\n"), "\(why): \(output)")
    var files = try machine.sure("find /home/alice -type f -printf '%f\\n'").lines
    if call == "unlinkat" {
      #expect(output.text.contains("<4>alice: ") && files.count == 2)
      files.removeAll { $0.hasPrefix(".rootless-storage.") }
    }
    #expect(
      files == (outcome == "failed" || outcome == "tolerated" || inject.contains("EEXIST") ? [] : ["storage.conf"]), "\(why): \(output)")
  }

  @Test func `short writes are continued, and a full disk in the middle leaves nothing`() throws {
    let machine = try Machine(storage: "ramfs", settings: "network_filesystems = tmpfs")
    try machine.user("alice", home: "/home/alice")
    // Room for the directories and for one page of a file of three.
    try machine.sure(
      "mkdir /home/alice; mount -t tmpfs -o nr_blocks=1 tmpfs /home/alice; chown 4001:4001 /home/alice; head -c 12000 /dev/zero | tr '\\0' '#' > /etc/rootless-storage/skel/.config/containers/storage.conf"
    )
    let login = try machine.login("alice", "")
    #expect(login.errors.count == 1 && login.errors[0].contains("No space left on device"), "\(login)")
    #expect(try machine.sure("find /home/alice -type f -printf '%f\\n'").text == "daemon.json\n")
    try machine.sure("mount -o remount,nr_blocks=100 /home/alice")
    #expect(try machine.login("alice", "").informations.count == 1)
    #expect(
      try machine.sure("cmp /home/alice/.config/containers/storage.conf /etc/rootless-storage/skel/.config/containers/storage.conf").text
        == "")
  }

  @Test func `a lost reply to link is told by the link count`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -m 700 -o 4001 -g 4001 /var/tmp/alice; rm -r /etc/rootless-storage/skel/.config/docker")
    // The link is made, and the answer is EEXIST, as when NFS repeats a request whose reply was lost: a second thread of strace's
    // cannot do that, so the link is made by the test while the helper is stopped before its own.
    let output = try machine.sh(
      """
      cd /home/alice; install -d -o 4001 -g 4001 .config .config/containers
      strace -qq -o /dev/null -e trace=linkat -e inject=linkat:delay_enter=1500000 /usr/libexec/rootless-storage/session-helper \(FilesTests.alice) > /etc/report &
      for i in $(seq 100); do sleep 0.02; temporary=$(ls -A .config/containers | grep '^.rootless-storage' || true); [ -z "$temporary" ] || break; done
      sleep 0.3; ln ".config/containers/$temporary" .config/containers/storage.conf; wait; cat /etc/report
      """)
    #expect(output.text == "<6>alice: created /home/alice/.config/containers/storage.conf\nend done\n")
    #expect(try machine.sure("ls -A /home/alice/.config/containers").text == "storage.conf\n")
  }

  @Test func `a directory that was made for nothing goes again, one that was there stays`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -m 700 -o 4001 -g 4001 /home/alice/.config /home/alice/.config/docker")
    let output = try machine.sh(
      "strace -qq -o /dev/null -e trace=fsync -e inject=fsync:error=EIO /usr/libexec/rootless-storage/session-helper \(FilesTests.alice)")
    #expect(output.text.hasSuffix("end failed\n"))
    #expect(try machine.sure("cd /home/alice; find . | LC_ALL=C sort").lines == [".", "./.config", "./.config/docker"])
  }

  // MARK: The helper by hand

  @Test func `users may run the helper for themselves, and for nobody else`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.user("bob", uid: 4002)
    let forbidden = try machine.helper(FilesTests.alice, asUid: 4002)
    #expect(
      forbidden.status == 1
        && forbidden.text.contains("uid 4002 may not do this for uid 4001 and its group; log in as that user, or run it as root"),
      "\(forbidden)")
    let own = try machine.helper(FilesTests.alice, asUid: 4001)
    #expect(own.status == 0 && own.lines.filter { $0.hasPrefix("<6>") }.count == 3, "\(own)")
    #expect(try machine.sure("stat -c '%a %u:%g' /var/tmp/alice").text == "700 4001:4001\n")
    let again = try machine.helper(FilesTests.alice, asUid: 4001)
    #expect(again.text == "<7>alice: storage directory /var/tmp/alice and the files in the home are in place\nend done\n")
  }

  @Test func `a user who may not read the settings or the skeleton is told so`() throws {
    for (path, what) in [
      ("rootless-storage.conf", "settings are"), ("skel/.config/docker/daemon.json", "skeleton is"), ("skel/.config", "skeleton is"),
    ] {
      let machine = try Machine()
      try machine.user("alice")
      try machine.sure("chmod go-rwx /etc/rootless-storage/\(path)")
      let own = try machine.helper(FilesTests.alice, asUid: 4001)
      #expect(
        own.status == 1
          && own.text.contains(
            "the \(what) not used and nothing is done: /etc/rootless-storage/\(path): Permission denied; fix that as root"),
        "\(own)")
      #expect(try machine.sure("ls -A /home/alice /var/tmp").lines.filter { !$0.hasSuffix(":") } == [])
      #expect(try machine.helper(FilesTests.alice).status == 0, "root may")
    }
  }

  @Test func `in a parent that only root can write to, users are told to ask root`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/roots/$USER")
    try machine.user("alice")
    try machine.sure("mkdir /var/tmp/roots")
    let own = try machine.helper(FilesTests.alice, asUid: 4001)
    #expect(own.status == 1 && own.text.contains("cannot create storage directory /var/tmp/roots/alice: Permission denied"), "\(own)")
    #expect(try machine.helper(FilesTests.alice).status == 0)
    #expect(try machine.helper(FilesTests.alice, asUid: 4001).status == 0)
  }

  static let usages: [(String, String)] = [
    ("", "--uid N is missing"),
    ("--uid 4001 --gid 4001 --home /home/alice", "NAME is missing"),
    ("--uid x --gid 4001 --home /home/alice alice", "\"x\" is no value for --uid"),
    ("--uid 4294967296 --gid 4001 --home /home/alice alice", "is no value for --uid"),
    ("--uid 4001 --gid 4001 --home /home/alice alice bob", "unexpected argument \"bob\""),
    ("--uid 4001 --gid 4001 --groups 1,,2 --home /home/alice alice", "is no value for --groups"),
    ("--uid 4001 --gid 4001 --groups 4294967295 --home /home/alice alice", "is no value for --groups"),
    ("--uid 4001 --gid 4001 --timeout 0 --home /home/alice alice", "is no value for --timeout"),
    ("--conf relative --uid 4001 --gid 4001 --home /home/alice alice", "is no value for --conf"),
    ("--frob 1", "there is no option --frob"),
    ("--uid", "option --uid needs a value"),
  ]

  @Test(arguments: usages) func `wrong arguments are explained`(arguments: String, says: String) throws {
    let machine = try Machine()
    let output = try machine.helper(arguments)
    #expect(output.status == 2)
    #expect(output.text.contains(says) && output.text.contains("usage: session-helper"), "\(output)")
    #expect(output.text.hasSuffix("end failed\n"))
  }

  @Test(arguments: [("0", "4001"), ("65534", "4001"), ("65535", "4001"), ("4294967295", "4001"), ("4001", "4294967295")])
  func `reserved ids are refused by the helper too`(uid: String, gid: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    let output = try machine.helper("--uid \(uid) --gid \(gid) --home /home/alice alice")
    #expect(output.status == 1 && output.text.contains("is reserved; give"), "\(output)")
    #expect(try machine.sure("ls -A /var/tmp").text == "")
  }
}
