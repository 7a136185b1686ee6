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
    #expect(
      try machine.sure("cat /etc/subuid- /etc/subgid-").text == "bob:100000:65536\nbob:100000:65536\n",
      "the content before, as shadow keeps it")
    #expect(try machine.sure("cd /etc; echo *sub*").text == "subgid subgid- subuid subuid-\n")
    let before = try machine.snapshot("/etc/sub*")
    let second = try machine.login("alice", "strict")
    #expect(second.log.isEmpty && second.code == 0, "\(second)")
    #expect(try machine.snapshot("/etc/sub*") == before)
    // It takes no lock then, and reads only the two files.
    let calls = try machine.sure("strace -qq -e trace=openat \(SubordinateIDTests.helper) 2>&1").lines
    #expect(
      calls.contains { $0.contains("\"subgid\"") } && !calls.contains { $0.contains(".pwd.lock") || $0.contains("\"passwd\"") }, "\(calls)")
  }

  @Test func `what a login says after that does not deny it`() throws {
    let machine = try machine()
    try machine.sure("install -d -o 4001 -m 770 /var/tmp/alice; touch /var/tmp/alice/x; chown 4009 /var/tmp/alice/x")
    let refused = try machine.login("alice")
    #expect(
      refused.informations.first == SubordinateIDTests.added
        && refused.errors.first?.contains("/var/tmp/alice is refused, nothing else is done: ") == true, "\(refused)")
    // This time there was nothing to add.
    #expect(try machine.login("alice").errors.first?.contains("/var/tmp/alice is refused, nothing is done: ") == true)
    try machine.sure("rm -r /var/tmp/alice; sed -i /alice/d /etc/subuid; chmod 777 /etc/rootless-storage/skel")
    let skeleton = try machine.login("alice")
    #expect(
      skeleton.informations == ["alice: added subordinate uids 196773536-196839071"]
        && skeleton.errors.first?.contains("the skeleton is not used and nothing else is done: ") == true, "\(skeleton)")
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

  @Test(arguments: refusals) func `what cannot be given is said with the cause, and neither file is touched; the login goes on`(
    settings: String, before: String, says: String
  ) throws {
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

  // MARK: Nobody inside anybody's range

  private static let exposed =
    "alice: uid 4001 lies in the subordinate uids 4000-69535 of bob in /etc/subuid: in a user namespace bob can act as this user"

  @Test func `whose uid or gid lies in another's range is warned of at every login, and nothing is asked or locked for it`() throws {
    let own = "alice:300000:65536\n"
    let machine = try machine(subuid: own)
    try machine.sure("echo 'bob:4000:65536' >> /etc/subuid; echo 'eve:4001:1' >> /etc/subgid")
    for _ in 1...2 {
      let login = try machine.login("alice", "strict")
      #expect(
        login.code == 0 && login.warnings.count == 1 && login.warnings.first?.hasPrefix(SubordinateIDTests.exposed) == true,
        "a single gid is given on purpose: \(login)")
    }
    try machine.sure("echo 'eve:4000:2' >> /etc/subgid")
    #expect(
      try machine.login("alice").warnings.contains { $0.contains("gid 4001 lies in the subordinate gids 4000-4001 of eve in /etc/subgid") })
    let calls = try machine.sure("strace -qq -e trace=openat \(SubordinateIDTests.helper) 2>&1").lines
    #expect(
      calls.contains { $0.contains("\"subgid\"") } && !calls.contains { $0.contains(".pwd.lock") || $0.contains("\"passwd\"") }, "\(calls)")
    // Who gets a range is warned too, and so is who is refused.
    try machine.sure("printf 'bob:4000:65536\\n' > /etc/subuid; : > /etc/subgid")
    let given = try machine.login("alice")
    #expect(
      given.warnings.first?.hasPrefix(SubordinateIDTests.exposed) == true && given.informations.contains(SubordinateIDTests.added),
      "\(given)")
    try machine.sure("printf 'bob:4000:65536\\neve:196773536:1\\n' > /etc/subuid")
    #expect(try machine.login("alice").warnings.count == 2)
    // Where the files do not count, they give nobody anything.
    try machine.sure("echo 'subid: sss' >> /etc/nsswitch.conf; printf 'bob:4000:65536\\n\(own)' | tee /etc/subuid > /etc/subgid")
    #expect(try machine.login("alice").warnings == [])
  }

  @Test func `the line is what useradd would write, where login.defs says so`() throws {
    let machine = try machine(subuid: "")
    try machine.sure("printf 'SUB_UID_DETERMINISTIC yes\\nSUB_GID_DETERMINISTIC yes\\nSUB_UID_STORE_BY_UID yes\\n' > /etc/login.defs")
    let login = try machine.login("alice")
    #expect(login.informations.first == "alice: added subordinate uids and gids 196739072-196804607", "\(login)")
    #expect(try files(machine) == ["4001:196739072:65536\n", "alice:196739072:65536\n"])
  }

  @Test func `ids that do not exist in a container are not given, and where nobody can read which do, all do`() throws {
    let machine = try machine(subuid: "")
    let maps = "-P /proc/self/uid_map -P /proc/self/gid_map"
    // A user namespace with fewer ids, as LXC makes one.
    let run = try machine.sh(
      """
      unshare --user sleep 60 & process=$!
      for number in $(seq 100); do [ "$(readlink /proc/$process/ns/user)" = "$(readlink /proc/self/ns/user)" ] || break; sleep 0.02; done
      echo '0 0 70000' > /proc/$process/uid_map; echo '0 0 70000' > /proc/$process/gid_map
      nsenter --user --target $process --setuid 0 --setgid 0 -- \(SubordinateIDTests.helper)
      kill $process
      """)
    #expect(
      run.text.contains(
        "196773536-196839071 would be somebody else's too: 70000-4294967295 do not exist on this host, which is a container itself"),
      "\(run)")
    #expect(try files(machine) == ["", ""])
    let unread = try machine.sh(
      "strace -f -qq -o /var/tmp/maps \(maps) -e trace=openat -e inject=openat:error=EACCES \(SubordinateIDTests.helper); grep -c INJECTED /var/tmp/maps"
    )
    #expect(unread.text.contains(SubordinateIDTests.added) && unread.lines.last == "2", "\(unread)")
  }

  @Test func `where the ranges come from elsewhere, only debug says so`() throws {
    let machine = try machine()
    try machine.sure("echo 'subid: sss' >> /etc/nsswitch.conf")
    let login = try machine.login("alice", "debug")
    #expect(login.warnings.isEmpty && login.debugs.contains { $0.contains("they come from \"sss\"") }, "\(login)")
    #expect(try files(machine) == Array(repeating: "bob:100000:65536\n", count: 2))
  }

  static let contents = [
    "no newline at the end:1:2", "\n\n\n", "#comment\n# another:100000:65536\n\n", "a:1:2\r\nb:3:4\r\n", ":\n::\n:::\n::::\n",
    "x:-1:-1\ny:4294967295:1\n",
    String(repeating: "x", count: 5000) + ":1:1\n", String(repeating: "a:1:1\n", count: 5000),
  ]

  @Test(arguments: contents) func `whatever else is in a file stays byte for byte`(content: String) throws {
    let machine = try machine(subuid: "")
    for file in ["subuid", "subgid"] {
      try machine.write(content + "\\x00\\xff", to: "/etc/\(file).text");
      try machine.sure(
        "printf \"$(cat /etc/\(file).text)\" > /etc/\(file) || cp /etc/\(file).text /etc/\(file); rm /etc/\(file).text; cp /etc/\(file) /etc/\(file).before"
      )
    }
    #expect(try machine.login("alice").informations.first == SubordinateIDTests.added)
    for file in ["subuid", "subgid"] {
      let size = try machine.sure("stat -c %s /etc/\(file).before").text.trimmingCharacters(in: .newlines)
      #expect(
        try machine.sure("head -c \(size) /etc/\(file) | cmp - /etc/\(file).before; tail -n 1 /etc/\(file)").text == SubordinateIDTests.line
      )
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
      let output = try held.sh(
        "printf '%s' \"\(content)\" > /etc/\(name).lock; time=$(date +%s); \(SubordinateIDTests.helper); echo $(($(date +%s) - time)) seconds; ls -A /etc | grep -c lock"
      )
      #expect(
        output.text.contains(
          "<4>alice: no subordinate ids are given: /etc/\(name).lock is held by \(content == "$$" ? "process" : "another program")"),
        "\(output)")
      #expect(output.text.contains("created storage directory") && output.lines.last == "2", "the other lock is given back: \(output)")
      #expect(try held.snapshot("/etc/subuid /etc/subgid") == before)
      // Once it is free, the next login does it.
      try held.sure("rm /etc/\(name).lock")
      #expect(try held.login("alice").informations == [SubordinateIDTests.added])
    }
  }

  @Test(arguments: ["subuid", "subgid"]) func `a lock is given back where the other one cannot be made`(name: String) throws {
    let machine = try machine()
    // In the place of the file that becomes the lock.
    let output = try machine.sh("mkdir /etc/\(name).rootless-storage; \(SubordinateIDTests.helper); ls -A /etc | grep lock")
    #expect(output.text.contains("alice: no subordinate ids are given: "), "\(output)")
    #expect(output.text.contains("created storage directory") && output.text.hasSuffix("\n.pwd.lock\n"), "\(output)")
    try machine.sure("rmdir /etc/\(name).rootless-storage")
    #expect(try machine.login("alice").informations.first == SubordinateIDTests.added)
  }

  @Test func `whoever holds the lock of lckpwdf is waited for`() throws {
    let machine = try machine()
    let hold =
      "import fcntl, os, sys, time; f = open('/etc/.pwd.lock', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(float(sys.argv[1]))"
    let long = try machine.sh("python3 -c \"\(hold)\" 60 & sleep 3; \(SubordinateIDTests.helper); kill -KILL $!")
    #expect(long.text.contains("/etc/.pwd.lock is held by another program; log in again"), "\(long)")
    #expect(try files(machine) == Array(repeating: "bob:100000:65536\n", count: 2))
    let short = try machine.sh(
      "python3 -c \"\(hold)\" 2 & sleep 1; \(SubordinateIDTests.helper.replacing("--timeout 4", with: "--timeout 60"))")
    #expect(short.text.contains(SubordinateIDTests.added), "\(short)")
  }

  /// A program that notes, as long as /var/tmp/end is not there, how long the lock of lckpwdf could not be had; milliseconds.
  private static let probe = """
    import ctypes, os, time
    libc = ctypes.CDLL(None)
    longest = tries = 0
    while not os.path.exists('/var/tmp/end'):
      start = time.monotonic()
      if libc.lckpwdf() == 0: libc.ulckpwdf()
      longest = max(longest, time.monotonic() - start); tries += 1
      time.sleep(0.002)
    print(tries, int(longest * 1000))
    """

  @Test func `who waits for the lock of one file keeps nobody from other accounts, nor from the other file`() throws {
    let machine = try machine()
    try machine.write(SubordinateIDTests.probe, to: "/etc/probe.py")
    let run = try machine.sh(
      """
      printf $$ > /etc/subgid.lock
      python3 /etc/probe.py > /var/tmp/probe & probe=$!
      sleep 0.5
      for number in 1 2 3; do \(SubordinateIDTests.helper.replacing("--timeout 4", with: "--timeout 10")) & done
      for number in $(seq 30); do [ -e /etc/subuid.lock ] && echo seen; sleep 0.1; done
      kill -0 $! && echo waits
      usermod -c x alice
      touch /var/tmp/end; wait $probe; wait
      """)
    #expect(run.text.contains("waits") && run.text.contains("/etc/subgid.lock is held by process") && !run.text.contains("seen"), "\(run)")
    #expect(run.text.contains(", which started at 20"), "\(run)")
    let numbers = try machine.sure("cat /var/tmp/probe; grep alice:x /etc/passwd | grep -c x:/home >&2 || true").text.split {
      $0 == " " || $0 == "\n"
    }.compactMap { Int($0) }
    #expect(numbers.count >= 2 && numbers[0] > 20 && numbers[1] < 1000, "tries, and the longest of them: \(numbers)")
  }

  @Test func `a lock is the process's that took it, and not of one that has its number by now`() throws {
    // What stands behind the number is when the process started.
    for (content, time, isHeld) in [
      ("%d\\000%s", "now", true), ("%d\\000%s1", "now", false), ("%d\\000%s", "2001-01-01", true), ("%d", "now", true),
      ("%d\\000", "now", true),
      ("%d\\000", "2001-01-01", false), ("%d", "2001-01-01", false), ("%d", "2100-01-01", true), ("%d\\000x", "now", true),
      ("%d\\000%s\\000", "now", true),
    ] {
      let machine = try machine()
      let run = try machine.sh(
        """
        sleep 60 & start=$(cut -d' ' -f22 /proc/$!/stat)
        printf "$(printf '%s' '\(content)' | sed "s/%d/$!/; s/%s/$start/")" > /etc/subuid.lock; touch -d \(time) /etc/subuid.lock
        \(SubordinateIDTests.helper.replacing("--timeout 4", with: "--timeout 2"))
        kill $!
        """)
      #expect(run.text.contains("/etc/subuid.lock is held by process") == isHeld, "\(content) \(time): \(run)")
      #expect(run.text.contains(SubordinateIDTests.added) != isHeld, "\(content) \(time): \(run)")
      #expect(try machine.sure("cd /etc; ls -A | grep -cE '^sub.*(lock|storage)$' || true").text == (isHeld ? "1\n" : "0\n"))
    }
  }

  @Test func `shadow respects a lock of ours, and removes one that was left`() throws {
    let machine = try machine()
    try machine.sure("printf 'root:*:1::::::\\nalice:*:1::::::\\n' > /etc/shadow; printf 'root:*::\\nalice:*::\\n' > /etc/gshadow")
    let usermod = "usermod --add-subuids 900000000-900065535 alice"
    let respected = try machine.sh(
      """
      sleep 60 & printf "$!\\000$(cut -d' ' -f22 /proc/$!/stat)" > /etc/subuid.lock
      \(usermod); echo status $?; useradd new; echo status $?; cat /etc/subuid; kill $!; wait $!
      \(usermod); echo status $?; ls /etc/subuid.lock
      """)
    #expect(
      respected.text.components(separatedBy: "status 0").count == 2 && respected.text.contains("subuid.lock already used by PID"),
      "\(respected)")
    #expect(
      try machine.sure("cat /etc/subuid; ls -A /etc | grep -c 'sub.*lock' || true").text == "bob:100000:65536\nalice:900000000:65536\n0\n",
      "\(respected)")
    // And the lock that an allocation really takes has this form.
    let calls = try machine.sure("strace -qq -e trace=write \(SubordinateIDTests.helper) 2>&1 >/dev/null")
    #expect(calls.lines.contains { $0.wholeMatch(of: /write\([0-9]+, "[0-9]+\\0[0-9]+", [0-9]+\).*/) != nil }, "\(calls)")
  }

  // MARK: Limits

  @Test func `whatever memory the caller allows, no lock and nothing partial is left`() throws {
    let machine = try machine()
    // In one shell, and each from the beginning: what is wrong is printed. A hard limit takes CAP_SYS_RESOURCE to set back.
    try machine.write(
      """
      cd /etc
      # Large enough that what is done with it under the locks is seen.
      (echo bob:100000:65536; for number in $(seq 2000); do echo "# $number, a line that is there so that the file is long, and takes memory; nobody has ids of it, whatever it says"; done) > before
      (cat before; echo alice:196773536:65536) > whole
      for limit in data as; do
        for kind in soft hard; do
          added=0
          for size in $(seq 65536 16384 4194304); do
            cp before subuid; cp before subgid; rm -f sub?id-
            both=$size:; [ $kind = hard ] && both=$size:$size
            prlimit --$limit=$both /usr/libexec/rootless-storage/session-helper --timeout 4 --uid 4001 --gid 4001 --home /home/alice alice > /var/tmp/out 2>/dev/null
            for file in sub*; do
              case $file in subuid|subgid|subuid-|subgid-) ;; *) echo "$limit $kind $size: $file is left"; rm $file ;; esac
            done
            cmp -s subuid subgid || echo "$limit $kind $size: one of two"
            if cmp -s subuid whole; then added=$((added + 1)); else cmp subuid before 2>&1; fi
          done
          # In less than 4 MiB of addresses there is no room for libc and these files; of data there is.
          [ $limit$kind != datasoft ] || [ $added -gt 50 ] || echo "so few prove nothing: $added"
        done
      done
      """, to: "/etc/limits.sh")
    let run = try machine.sh("bash /etc/limits.sh 2>/dev/null")
    #expect(run.text == "", "\(run)")
  }

  @Test func `whoever lowers priority, policy and processors before lowers nothing of the process that holds the locks`() throws {
    let machine = try machine()
    let run = try machine.sh(
      """
      cd /var/tmp; ulimit -S -t 5 -f 100 -n 20
      nice -n 19 ionice -c 3 taskset -c 0 chrt --idle 0 strace -qq -o trace -e trace=prlimit64,setpriority,sched_setscheduler,ioprio_set,sched_setaffinity,linkat \(SubordinateIDTests.helper)
      cat trace
      """)
    #expect(run.text.contains(SubordinateIDTests.added), "\(run)")
    let lock = run.lines.firstIndex { $0.contains("subuid.lock") } ?? 0
    for call in [
      "RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_RSS", "RLIMIT_MEMLOCK",
      "setpriority(PRIO_PROCESS, 0, 0)", "SCHED_OTHER", "ioprio_set(IOPRIO_WHO_PROCESS, 0", "sched_setaffinity(",
    ] {
      #expect(run.lines[..<lock].contains { $0.contains(call) && $0.hasSuffix("= 0") }, "\(call): \(run)")
    }
    #expect(run.lines[..<lock].contains { $0.contains("RLIMIT_NOFILE") }, "\(run)")
    // Whoever has enough makes none of these calls.
    let next = try machine.sh(
      "cd /var/tmp; strace -qq -o next -e trace=setpriority,sched_setscheduler,ioprio_set,sched_setaffinity,linkat \(SubordinateIDTests.helper); cat next"
    )
    #expect(!["setpriority(", "sched_set", "ioprio_set(", "linkat("].contains { next.text.contains($0) }, "\(next)")
  }

  static let hindrances = [
    ("prlimit --data=67108864:67108864", "the limit RLIMIT_DATA"), ("prlimit --nofile=30:30", "the limit RLIMIT_NOFILE"),
    ("prlimit --cpu=9:9", "the limit RLIMIT_CPU"),
    ("nice -n 19", "the nice value"),
  ]

  @Test(arguments: hindrances) func `what cannot be set back is told, and no lock is taken`(before: String, says: String) throws {
    let machine = try machine()
    let run = try machine.sh(
      "\(before) setpriv --bounding-set -sys_resource,-sys_nice --inh-caps -sys_resource,-sys_nice strace -qq -o /var/tmp/trace -e trace=linkat,openat \(SubordinateIDTests.helper); grep -c lock /var/tmp/trace"
    )
    #expect(
      run.text.contains("<4>alice: no subordinate ids are given: \(says) that this process has from its caller cannot be set back (")
        && run.text.contains("CAP_SYS_RESOURCE"), "\(run)")
    #expect(run.text.contains("created storage directory") && run.lines.last == "0", "\(run)")
    #expect(try files(machine) == Array(repeating: "bob:100000:65536\n", count: 2))
    // Where nothing is worse than needed, the capabilities are not needed either.
    let free = try machine.sh(
      "setpriv --bounding-set -sys_resource,-sys_nice --inh-caps -sys_resource,-sys_nice \(SubordinateIDTests.helper)")
    #expect(free.text.contains(SubordinateIDTests.added), "\(free)")
  }

  // MARK: Faults

  /// Calls that change something in /etc while ids are given.
  private static let changing = ["openat", "write", "fsync", "fchmod", "linkat", "renameat", "unlinkat", "read", "fcntl"]

  private func reset(_ machine: Machine) throws {
    try machine.sure(
      "rm -rf /etc/sub* /etc/.pwd.lock /var/tmp/alice /home/alice/.config; for f in subuid subgid; do echo bob:100000:65536 > /etc/$f; done; install -d -m 700 -o 4001 -g 4001 /var/tmp/alice"
    )
  }

  @Test(arguments: changing)
  func `killed before any call, or with any call failing, both files have their line or neither, and the next login completes it`(
    call: String
  ) throws {
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
        let run = try machine.sh(
          "strace -qq -o /dev/null -e trace=\(call) -e inject=\(call):\(fault):when=\(number) \(SubordinateIDTests.helper)")
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
    try machine.sure(
      "(for n in $(seq 12); do useradd --no-create-home local$n 2>&1 && usermod --add-subuids $((900000000 + n * 65536))-$((900000000 + n * 65536 + 65535)) local$n 2>&1 || echo FAILED; done > /etc/useradd.log; echo end >> /etc/useradd.log) > /dev/null 2>&1 &"
    )
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
      let unordered = lines.compactMap { line -> ClosedRange<Int>? in
        guard let first = Int(line[1]), let count = Int(line[2]) else { return nil }
        return first...first + count - 1
      }
      let ranges = unordered.sorted { $0.lowerBound < $1.lowerBound }
      #expect(ranges.count == lines.count)
      for (left, right) in zip(ranges, ranges.dropFirst()) { #expect(left.upperBound < right.lowerBound) }
    }
    #expect(try machine.sure("cd /etc; ls -A | grep -E 'lock|[+]|sub.id[.]' || true").text == ".pwd.lock\n")
  }
}
