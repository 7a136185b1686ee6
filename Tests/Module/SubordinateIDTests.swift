import Foundation
import TestSupport
import Testing

/// `subids = allocate`: what a login writes into /etc/subuid and /etc/subgid, whatever happens meanwhile.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct SubordinateIDTests {
  private static let helper = "/usr/libexec/rootless-storage/session-helper --timeout 4 \(FilesTests.alice)"
  /// 100000 + (4001 - 1000) * 65536
  private static let line = "alice:196773536:65536\n"
  private static let added = "alice: added subordinate uids and gids 196773536-196839071"

  private func machine(_ settings: String = "uid_max = 60000", subuid: String = "bob:100000:65536\n") throws -> Machine {
    let machine = try Machine(settings: "network_filesystems = ramfs\nsubids = allocate\n" + settings)
    try machine.user("alice")
    for file in ["/etc/subuid", "/etc/subgid"] { try machine.write(subuid, to: file) }
    return machine
  }

  private func files(_ machine: Machine) throws -> [String] {
    try ["subuid", "subgid"].map { try machine.sure("cat /etc/\($0)").text }
  }

  @Test func `a first login adds a line to both files, and keeps all else; a second one writes nothing`() throws {
    let machine = try machine()
    try machine.sure("chmod 640 /etc/subuid; chgrp 42 /etc/subuid; setfacl -m u:1:r /etc/subgid; getfacl -cp /etc/subgid > /etc/before")
    let first = try machine.login("alice", "strict debug")
    #expect(first.code == 0 && first.informations.first == SubordinateIDTests.added && first.informations.count == 4, "\(first)")
    #expect(try files(machine) == Array(repeating: "bob:100000:65536\n" + SubordinateIDTests.line, count: 2))
    #expect(try machine.sure("stat -c '%a %u:%g %h' /etc/subuid; getfacl -cp /etc/subgid | cmp - /etc/before").text == "640 0:42 1\n")
    #expect(try machine.sure("cat /etc/subuid- /etc/subgid-").text == "bob:100000:65536\nbob:100000:65536\n", "the content before, as shadow keeps it")
    #expect(try machine.sure("cd /etc; echo *sub*").text == "subgid subgid- subuid subuid-\n")
    let before = try machine.snapshot("/etc/sub*")
    let second = try machine.login("alice", "strict")
    #expect(second.log.isEmpty && second.code == 0, "\(second)")
    #expect(try machine.snapshot("/etc/sub*") == before)
    // It takes no lock then, and reads only the two files.
    let calls = try machine.sure("strace -qq -e trace=openat \(SubordinateIDTests.helper) 2>&1").lines
    #expect(calls.contains { $0.contains("\"subgid\"") } && !calls.contains { $0.contains(".pwd.lock") || $0.contains("\"passwd\"") }, "\(calls)")
  }

  @Test func `files that are missing are made`() throws {
    let machine = try machine()
    try machine.sure("rm /etc/subuid /etc/subgid")
    #expect(try machine.login("alice").informations.first == SubordinateIDTests.added)
    #expect(try files(machine) == Array(repeating: SubordinateIDTests.line, count: 2))
    #expect(try machine.sure("cd /etc; stat -c '%n %a %u:%g' *sub*").text == "subgid 644 0:0\nsubuid 644 0:0\n")
  }

  @Test func `nothing is written where it is off, for local homes, and by the user`() throws {
    for (settings, home) in [("subids = off\nuid_max = 60000", "/home/alice"), ("uid_max = 60000", "/var/tmp/local")] {
      let machine = try machine(settings)
      if home != "/home/alice" { try machine.sure("install -d -o 4001 -g 4001 \(home); sed -i s,/home/alice,\(home), /etc/passwd") }
      let before = try machine.snapshot("/etc/sub*")
      #expect(try machine.login("alice").code == 0)
      #expect(try machine.snapshot("/etc/sub*") == before)
    }
    let machine = try machine()
    let before = try machine.snapshot("/etc/sub*")
    #expect(try machine.helper(FilesTests.alice, asUid: 4001).status == 0)
    #expect(try machine.snapshot("/etc/sub*") == before)
  }

  static let refusals: [(String, String, String)] = [
    ("subid_scheme = uid", "", "neither uid_max nor reserved_ids"),
    ("reserved_ids = 196800000-200000000", "", "196800000-200000000 are reserved"),
    ("uid_max = 60000", "echo eve:196839071:1 >> /etc/subgid", "eve has 196839071-196839071 in /etc/subgid"),
    ("uid_max = 60000", "echo eve:0x0bba8020:1 >> /etc/subuid", "eve has 196771872-196771872 in /etc/subuid"),
    ("uid_max = 60000", "echo 'out:x:196773536:1::/:' >> /etc/passwd", "196773536 is the uid of out in /etc/passwd"),
    ("uid_max = 60000", "echo 'out:x:196773537:' >> /etc/group", "196773537 is the gid of out"),
    ("uid_max = 60000\nsubid_max = 196839070", "", "196773536-196839071, and the largest allowed is 196839070"),
    ("uid_max = 60000\nsubid_count = 100", "", "a line of rootless-storage.conf is wrong"),
    ("uid_max = 60000", "echo 'SUB_GID_MIN x' >> /etc/login.defs", "SUB_GID_MIN in /etc/login.defs"),
    ("uid_max = 60000", "ln -sf /etc/other /etc/subgid", "/etc/subgid is a symbolic link"),
    ("uid_max = 60000", "rm /etc/subuid; mkfifo /etc/subuid", "/etc/subuid is not a regular file"),
    ("uid_max = 60000", "chown 4001 /etc/subuid", "/etc/subuid is not root's alone"),
    ("uid_max = 60000", "chmod 666 /etc/subgid", "/etc/subgid is not root's alone"),
  ]

  @Test(arguments: refusals) func `what cannot be given is said with the cause, and neither file is touched; the login goes on`(settings: String, before: String, says: String) throws {
    let machine = try machine(settings)
    if !before.isEmpty { try machine.sure(before) }
    // 0x0bba8020 lies below alice's: that line is no obstacle.
    let isObstacle = !before.contains("0x0bba8020")
    let seen = try machine.snapshot("/etc/sub*")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.informations.contains("alice: created storage directory /var/tmp/alice (mode 0700)"), "\(login)")
    if isObstacle {
      #expect(login.warnings.contains { $0.hasPrefix("alice: no subordinate ids are given: ") && $0.contains(says) }, "\(login)")
      #expect(try machine.snapshot("/etc/sub*") == seen)
      #expect(try machine.sure("cd /etc; ls -A | grep -E 'lock|[+]' || true").text == "", "no lock was taken for it")
    } else {
      #expect(login.informations.contains(SubordinateIDTests.added), "\(login)")
    }
  }

  @Test func `where the ranges come from elsewhere, only debug says so`() throws {
    let machine = try machine()
    try machine.sure("echo 'subid: sss' >> /etc/nsswitch.conf")
    let login = try machine.login("alice", "debug")
    #expect(login.warnings.isEmpty && login.debugs.contains { $0.contains("they come from \"sss\"") }, "\(login)")
    #expect(try files(machine) == Array(repeating: "bob:100000:65536\n", count: 2))
  }

  static let contents = [
    "no newline at the end:1:2", "\n\n\n", "#comment\n# another:100000:65536\n\n", "a:1:2\r\nb:3:4\r\n", ":\n::\n:::\n::::\n", "x:-1:-1\ny:4294967295:1\n",
    String(repeating: "x", count: 5000) + ":1:1\n", String(repeating: "a:1:1\n", count: 5000),
  ]

  @Test(arguments: contents) func `whatever else is in a file stays byte for byte`(content: String) throws {
    let machine = try machine(subuid: "")
    for file in ["subuid", "subgid"] { try machine.write(content + "\\x00\\xff", to: "/etc/\(file).text"); try machine.sure("printf \"$(cat /etc/\(file).text)\" > /etc/\(file) || cp /etc/\(file).text /etc/\(file); rm /etc/\(file).text; cp /etc/\(file) /etc/\(file).before") }
    #expect(try machine.login("alice").informations.first == SubordinateIDTests.added)
    for file in ["subuid", "subgid"] {
      let size = try machine.sure("stat -c %s /etc/\(file).before").text.trimmingCharacters(in: .newlines)
      #expect(try machine.sure("head -c \(size) /etc/\(file) | cmp - /etc/\(file).before; tail -n 1 /etc/\(file)").text == SubordinateIDTests.line)
    }
  }

  // MARK: Locks

  @Test func `stale locks are removed, those of the living are waited for, and then said`() throws {
    let machine = try machine()
    try machine.sure("echo -n 4194305 > /etc/subuid.lock; printf '4194306\\0' > /etc/subgid.lock; touch /etc/subuid.$$")
    #expect(try machine.login("alice").informations.first == SubordinateIDTests.added)
    for (name, content) in [("subgid", "$$"), ("subuid", "x"), ("subuid", "")] {
      let held = try self.machine()
      let before = try held.snapshot("/etc/subuid /etc/subgid")
      try held.sure("printf '%s' \"\(content)\" > /etc/\(name).lock")
      let output = try held.sh("printf '%s' \"\(content)\" > /etc/\(name).lock; time=$(date +%s); \(SubordinateIDTests.helper); echo $(($(date +%s) - time)) seconds; ls -A /etc | grep -c lock")
      #expect(output.text.contains("<4>alice: no subordinate ids are given: /etc/\(name).lock is held by \(content == "$$" ? "process" : "another program")"), "\(output)")
      #expect(output.text.contains("created storage directory") && output.lines.last == "2", "the other lock is given back: \(output)")
      #expect(try held.snapshot("/etc/subuid /etc/subgid") == before)
      // Once it is free, the next login does it.
      try held.sure("rm /etc/\(name).lock")
      #expect(try held.login("alice").informations == [SubordinateIDTests.added])
    }
  }

  @Test func `whoever holds the lock of lckpwdf is waited for`() throws {
    let machine = try machine()
    let hold = "import fcntl, os, sys, time; f = open('/etc/.pwd.lock', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(float(sys.argv[1]))"
    let long = try machine.sh("python3 -c \"\(hold)\" 60 & sleep 3; \(SubordinateIDTests.helper); kill -KILL $!")
    #expect(long.text.contains("/etc/.pwd.lock is held by another program; log in again"), "\(long)")
    #expect(try files(machine) == Array(repeating: "bob:100000:65536\n", count: 2))
    let short = try machine.sh("python3 -c \"\(hold)\" 2 & sleep 1; \(SubordinateIDTests.helper.replacing("--timeout 4", with: "--timeout 60"))")
    #expect(short.text.contains(SubordinateIDTests.added), "\(short)")
  }

  // MARK: Faults

  /// Calls that change something in /etc while ids are given.
  private static let changing = ["openat", "write", "fsync", "fchmod", "linkat", "renameat", "unlinkat", "read", "fcntl"]

  private func reset(_ machine: Machine) throws {
    try machine.sure("rm -rf /etc/sub* /etc/.pwd.lock /var/tmp/alice /home/alice/.config; for f in subuid subgid; do echo bob:100000:65536 > /etc/$f; done; install -d -m 700 -o 4001 -g 4001 /var/tmp/alice")
  }

  @Test(arguments: changing) func `killed before any call, or with any call failing, both files have their line or neither, and the next login completes it`(call: String) throws {
    let machine = try machine()
    try reset(machine)
    let trace = try machine.sure("strace -qq -e trace=\(call) \(SubordinateIDTests.helper) 2>&1 >/dev/null").lines
    let count = trace.filter { $0.hasPrefix("\(call)(") }.count
    try #require(count > 0 && count < 150, "\(trace)")
    let whole = "bob:100000:65536\n" + SubordinateIDTests.line
    var completed = 0
    for number in 1...count {
      for fault in ["signal=KILL", "error=EIO", "error=ENOSPC", "error=EROFS", "error=EINTR"] {
        try reset(machine)
        let run = try machine.sh("strace -qq -o /dev/null -e trace=\(call) -e inject=\(call):\(fault):when=\(number) \(SubordinateIDTests.helper)")
        let after = try files(machine)
        for content in after { #expect(content == whole || content == "bob:100000:65536\n", "\(call) \(number) \(fault): \(content)") }
        // What is left beside the files. A lock whose process is dead holds nobody up.
        func left(but allowed: String) throws -> String {
          try machine.sure("cd /etc; ls -A | grep -E '^sub' | grep -vE '^(subuid|subgid)(-|\(allowed))?$' || true").text
        }
        if fault != "signal=KILL" {
          #expect(after[0] == after[1], "both or neither: \(call) \(number) \(fault): \(after) \(run)")
          if run.text.hasSuffix("end done\n") {
            #expect(run.text.contains("added subordinate") == (after[0] == whole), "what is said is so: \(call) \(number) \(fault): \(run)")
          }
          // An unlink that fails leaves the name.
          if call != "unlinkat" { #expect(try left(but: "-") == "", "\(call) \(number) \(fault): \(run)") }
        }
        if after[0] == whole { completed += 1 }
        // Without a fault the next one comes to the right end, and to the same, whatever was left.
        let next = try machine.sh(SubordinateIDTests.helper)
        #expect(try files(machine) == [whole, whole], "\(call) \(number) \(fault): \(next)")
        let stale = after == [whole, whole] ? call == "unlinkat" ? "[.](lock|rootless-storage)" : "[.]lock" : "-"
        #expect(try left(but: stale) == "", "\(call) \(number) \(fault): \(next)")
      }
    }
    #expect(completed > 0)
  }

  // MARK: Many at once

  @Test func `200 first logins at once, and useradd among them: no line is lost, and nobody has another's ids`() throws {
    let machine = try machine("uid_max = 60000\nsubid_scheme = first-free")
    try machine.sure(
      """
      for number in $(seq 200); do
        uid=$((5000 + number))
        echo "user$number:x:$uid:$uid::/home/user$number:/bin/sh" >> /etc/passwd
        echo "user$number:x:$uid:" >> /etc/group
        install -d -m 700 -o $uid -g $uid /home/user$number
      done
      printf 'root:*:1::::::\\n' > /etc/shadow; printf 'root:*::\\n' > /etc/gshadow
      """)
    // Of the accounts that useradd makes none may fail: it waits for the one lock, and never finds the others taken.
    try machine.sure("(for n in $(seq 12); do useradd --no-create-home local$n 2>&1 && usermod --add-subuids $((900000000 + n * 65536))-$((900000000 + n * 65536 + 65535)) local$n 2>&1 || echo FAILED; done > /etc/useradd.log; echo end >> /etc/useradd.log) > /dev/null 2>&1 &")
    let login = try machine.login("user", "strict timeout=600", host: "--users 200")
    #expect(login.code == 0 && login.output.status == 0, "\(login.code)")
    let added = login.informations.filter { $0.contains(": added subordinate") }
    #expect(added.count == 200, "\(added.count); \(login.warnings.prefix(3))")
    try machine.sure("for n in $(seq 600); do grep -q end /etc/useradd.log && break; sleep 0.1; done")
    #expect(try machine.sure("cat /etc/useradd.log").text == "end\n")
    for file in try files(machine) {
      let lines = file.split(separator: "\n").map { $0.split(separator: ":") }
      #expect(lines.allSatisfy { $0.count == 3 })
      let expected = ["bob"] + (1...200).map { "user\($0)" } + (1...12).map { "local\($0)" }
      #expect(Set(lines.map { String($0[0]) }) == Set(expected))
      #expect(lines.filter { $0[0].hasPrefix("user") }.count == 200)
      let ranges = lines.compactMap { line in Int(line[1]).flatMap { first in Int(line[2]).map { first...(first + $0 - 1) } } }.sorted { $0.lowerBound < $1.lowerBound }
      #expect(ranges.count == lines.count)
      for (left, right) in zip(ranges, ranges.dropFirst()) { #expect(left.upperBound < right.lowerBound) }
    }
    #expect(try machine.sure("cd /etc; ls -A | grep -E 'lock|[+]|sub.id[.]' || true").text == ".pwd.lock\n")
  }
}
