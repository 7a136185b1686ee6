import Foundation
import TestSupport
import Testing

/// Numbers of system calls that old kernels lack; the same on all architectures.
enum SystemCall {
  static let renameat2 = 316
  static let pidfdSendSignal = 424
  static let pidfdOpen = 434
  static let closeRange = 436
  static let statmount = 457
}

/// Invariants 1, 6 and 7: what the module does in the process of sshd, login, su, gdm and cron, whatever these do.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct HostTests {
  /// A helper of the test's own.
  private func helper(_ machine: Machine, _ script: String) throws -> String {
    try machine.write("#!/bin/bash\n\(script)\n", to: "/etc/helper")
    try machine.sure("chmod 755 /etc/helper")
    return "helper=/etc/helper"
  }

  @Test func `nothing of the host's state changes`() throws {
    let machine = try Machine()
    try machine.user("alice")
    // The first login creates, the second finds everything, the third is killed at its deadline.
    let slow = try helper(machine, "exec sleep 20")
    for options in ["debug", "debug", "timeout=1 \(slow)", "helper=/nonexistent"] {
      let login = try machine.login("alice", options, host: "--state", before: "umask 027; cd /var; export FOO=bar LANG=C;")
      #expect(login.output.status == 0, "\(login)")
      #expect(login.conversations == 0)
      #expect(!login.output.text.contains("before:"), "\(login)")
    }
  }

  @Test func `the comparison of states sees a difference`() throws {
    // The proof that the test above can fail: a stack that leaves something behind.
    let machine = try Machine()
    try machine.user("alice")
    try machine.write("session required pam_umask.so umask=0123\nsession required pam_env.so\n", to: "/etc/pam.d/other-module")
    let output = try machine.sh("rm -f /dev/log; '\(Machine.host ?? "")' --state /etc/pam.d other-module alice")
    #expect(output.status == 1 && output.text.contains("after:  umask 123"), "\(output)")
  }

  static let hosts = [
    "--ignore-sigchld", "--reap", "--threads 8 --count 25", "--threads 8 --count 25 --reap", "--threads 8 --count 25 --ignore-sigchld",
    "--close-standard", "--caller 4001", "--fork --count 20", "--count 200",
  ]

  @Test(arguments: hosts) func `sessions open in every kind of host`(host: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "strict", host: host)
    #expect(login.output.status == 0, "\(login)")
    #expect(login.code == 0)
    #expect(
      login.informations.sorted() == [
        "alice: created /home/alice/.config/containers/storage.conf", "alice: created /home/alice/.config/docker/daemon.json",
        "alice: created storage directory /var/tmp/alice (mode 0700)",
      ])
    #expect(login.log.count == 3, "\(login)")
  }

  static let oldKernels = [
    [SystemCall.pidfdOpen], [SystemCall.pidfdOpen, SystemCall.pidfdSendSignal], [SystemCall.closeRange], [SystemCall.statmount],
  ]

  @Test(arguments: oldKernels) func `old kernels do too`(calls: [Int]) throws {
    let deny = calls.map { "--deny \($0)" }.joined(separator: " ")
    for host in ["", "--ignore-sigchld", "--reap", "--threads 4"] {
      let machine = try Machine()
      try machine.user("alice")
      let login = try machine.login("alice", "strict", host: "\(host) \(deny)")
      #expect(login.informations.count == 3 && login.log.count == 3 && login.code == 0, "\(login)")
    }
  }

  @Test(arguments: ["", "--deny 434", "--ignore-sigchld", "--reap", "--caller 4001"])
  func `a helper that never ends is killed, and nothing of it stays`(host: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    let mark = "3600.\(UInt32.random(in: 1...UInt32.max))"
    let login = try machine.login("alice", "timeout=1 \(try helper(machine, "exec sleep \(mark)"))", host: host)
    #expect(login.errors.count == 1 && login.errors[0].contains("was killed"), "\(login)")
    #expect(try machine.sh("pgrep -fx 'sleep \(mark)'").text == "")
    #expect(
      login.milliseconds >= 1000 && login.milliseconds < 3000,
      "the deadline and at most a second for the reaping, on a busy machine: \(login)")
  }

  @Test func `a home whose server does not answer costs the deadline, and alarm(2) ends a helper whose host has died`() throws {
    // A FUSE server that is stopped: calls hang in the kernel, as with NFS.
    let machine = try Machine(settings: "network_filesystems = fuse fuse.bindfs")
    try machine.sure(
      """
      mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab; echo user_allow_other > /etc/fuse.conf
      install -d -m 700 -o 4001 -g 4001 /var/tmp/real; mkdir /home/alice
      bindfs -o allow_other,attr_timeout=0,entry_timeout=0 /var/tmp/real /home/alice > /dev/null 2>&1
      """)
    try machine.user("alice", home: "/home/alice")
    #expect(try machine.login("alice").informations.count == 3)
    let daemon = try machine.sure("pgrep -fx 'bindfs .* /home/alice'").text.split(separator: "\n")[0]
    try machine.sure("kill -STOP \(daemon)")
    let login = try machine.login("alice", "timeout=1")
    #expect(login.code == 0)
    #expect(login.errors.count == 1 && login.errors[0].contains("was not done within the timeout and was killed"), "\(login)")
    // What was found before is not lost.
    try machine.sure("echo typo = 1 >> /etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.login("alice", "timeout=1").warnings.count == 1)
    // By hand, as if nobody were there to kill it: 128 + SIGALRM, a second after the deadline.
    let alone = try machine.sh("timeout -s KILL 20 /usr/libexec/rootless-storage/session-helper --timeout 1 \(FilesTests.alice)")
    #expect(alone.status == 142, "\(alone)")
    try machine.sure("kill -CONT \(daemon); umount /home/alice")
  }

  static let hostileHelpers: [(String, String)] = [
    ("exit 3", "its exit status was 3"),
    ("kill -SEGV $$", "the signal was 11"),
    ("echo '<6>half a report'", "its exit status was 0"),
    ("printf '<6>no newline'", "its exit status was 0"),
    ("exec >&-; sleep 0.2; exit 7", "its exit status was 7"),
    ("head -c 3000000 /dev/zero", "its exit status was 0"),
    ("head -c 3000000 /dev/urandom", "its exit status was 0"),
    ("yes '<3>%s%n%d' | head -n 100000", "its exit status was 0"),
  ]

  @Test(arguments: hostileHelpers) func `a helper without a whole report is an error, and its output is bounded and harmless`(
    script: String, says: String
  ) throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "strict timeout=20 \(try helper(machine, script))")
    #expect(login.code == 14, "\(login)")
    #expect(login.errors.last?.hasSuffix(says) == true, "\(login)")
    #expect(login.log.count <= 302)
    for line in login.log { #expect(line.text.utf8.count < 1100 && line.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }) }
  }

  @Test func `the report ends at its end record, though a child of the helper holds the pipe`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let script = "echo '<6>said'; echo 'end done'; sleep 30 & exit 0"
    let login = try machine.login("alice", "strict timeout=20 \(try helper(machine, script))")
    #expect(login.informations == ["said"])
    #expect(login.code == 0)
    #expect(login.milliseconds < 10000)
    try machine.sh("pkill -fx 'sleep 30'")
  }

  @Test func `a child that holds the pipe without an end record does not hold the login`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "timeout=20 \(try helper(machine, "echo '<6>said'; sleep 31 & exit 0"))")
    #expect(login.informations == ["said"])
    #expect(login.errors.count == 1)
    #expect(login.milliseconds < 10000)
    try machine.sh("pkill -fx 'sleep 31'")
  }

  @Test func `nor does it where the host has reaped the helper before the module can watch it`() throws {
    let machine = try Machine()
    try machine.user("alice")
    // The host's reaper gets all the time it wants between the start and pidfd_open(2).
    let slow = #"exec() { strace -qq -o /dev/null -e trace=pidfd_open -e inject=pidfd_open:delay_enter=500000 "$@"; };"#
    let login = try machine.login(
      "alice", "timeout=20 \(try helper(machine, "echo '<6>said'; sleep 33 & exit 0"))", host: "--reap", before: slow)
    #expect(login.informations == ["said"])
    #expect(login.errors == ["alice: the session helper ended without a whole report; log in again"], "\(login)")
    #expect(login.milliseconds < 10000)
    try machine.sh("pkill -fx 'sleep 33'")
  }

  @Test func `a helper that lingers after its report is killed at the deadline`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "timeout=1 \(try helper(machine, "echo '<6>said'; echo 'end done'; exec >&-; exec sleep 32"))")
    #expect(login.informations == ["said"] && login.errors.count == 1, "\(login)")
    #expect(try machine.sh("pgrep -fx 'sleep 32'").text == "")
  }

  @Test func `what outcome the helper reports decides only with strict`() throws {
    let machine = try Machine()
    try machine.user("alice")
    for (word, strict) in [("done", 0), ("tolerated", 0), ("failed", 14)] {
      let script = try helper(machine, "echo 'end \(word)'")
      #expect(try machine.login("alice", "strict \(script)").code == strict)
      #expect(try machine.login("alice", script).code == 0)
    }
  }

  @Test func `the helper starts clean, whatever the host is like`() throws {
    let machine = try Machine()
    try machine.user("alice")
    // It prints its own state; the bash that interprets it sets PWD, SHLVL and _ by itself, so the environment is read from /proc.
    let script = """
      exec 7</proc/self/environ; echo "<6>environ $(wc -c <&7)"; exec 7<&-
      echo "<6>fds $(ls /proc/self/fd | tr '\\n' ' ')"
      for n in 0 2; do echo "<6>fd$n $(readlink /proc/$$/fd/$n)"; done
      echo "<6>cwd-session $(ps -o sid= -p $$ | tr -d ' ') $$" 
      grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status | sed 's/^/<6>/'
      echo 'end done'
      """
    let login = try machine.login(
      "alice", try helper(machine, script), host: "--ignore-sigchld",
      before: "export LD_PRELOAD= SWIFT_DEBUG=1 XDG_CONFIG_HOME=/tmp TMPDIR=/tmp; exec 5</etc/passwd 9</etc/group; trap '' HUP TERM;")
    let said = login.informations
    #expect(said.first == "environ 0", "\(login)")
    #expect(said.contains { $0.split(separator: " ") == ["fds", "0", "1", "2", "3"] }, "ls itself has the fourth; \(login)")
    #expect(said.contains("fd0 /dev/null") && said.contains("fd2 /dev/null"))
    let session = said.first { $0.hasPrefix("cwd-session") }?.split(separator: " ")
    #expect(session?.count == 3 && session?[1] == session?[2], "a session of its own: \(login)")
    #expect(said.contains { $0.hasPrefix("SigBlk:") && $0.hasSuffix("0000000000000000") }, "\(login)")
    // posix_spawn(3) of glibc leaves 32 and 33, its own, ignored.
    #expect(said.contains { $0.hasPrefix("SigIgn:") && ($0.hasSuffix("0000000000000000") || $0.hasSuffix("0000000180000000")) }, "\(login)")
  }

  @Test func `too few descriptors are an error with the cause, and the login goes on`() throws {
    let machine = try Machine()
    try machine.user("alice")
    var refused = 0
    for limit in 7...16 {
      try machine.sure("rm -rf /var/tmp/alice /home/alice/.config")
      let login = try machine.login("alice", "", before: "ulimit -n \(limit);")
      #expect(login.code == 0)
      #expect(login.informations.count == 3 || login.errors.contains { $0.contains("Too many open files") }, "\(limit): \(login)")
      #expect(try machine.sure("find /home/alice -name '.rootless*'").text == "")
      if login.informations.count < 3 { refused += 1 }
    }
    #expect(refused > 0 && refused < 10, "the limits lie on both sides of what is needed")
  }

  @Test func `without memory for the groups no helper is started`() throws {
    // getgrouplist(3) answers -1 then, as for too many groups, and has written nothing: the zeros would be the group root.
    let machine = try Machine()
    try machine.user("alice")
    // Room for 4096 groups is what glibc wants there.
    let login = try machine.login("alice", "strict", host: "--no-malloc 16384")
    #expect(login.errors == ["alice: the groups cannot be looked up, nothing is done; is memory short?"], "\(login)")
    #expect(login.code == 14)
    #expect(try machine.sure("ls -A /var/tmp").text == "")
  }

  @Test func `the module unloads and loads again`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "debug", host: "--count 3")
    #expect(login.informations.count == 3 && login.debugs.count == 2, "\(login)")
  }
}
