import Foundation
import TestSupport
import Testing

/// An administrator is never locked out: whatever happens to `pam enable` and `pam disable`, each file is the old one or the new one,
/// whole, and sessions begin.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct PAMFaultTests {
  private static let shared = "session required pam_marker.so shared\n"
  private static let service = "session required pam_marker.so own\nsession include system-auth\n"

  /// Two files are to be changed: login's stack is in one that it shares, su's is its own.
  private func machine() throws -> Machine {
    let machine = try Machine.ofMarkers()
    try reset(machine)
    return machine
  }

  private func reset(_ machine: Machine) throws {
    try machine.sure(
      """
      find /etc/pam.d -mindepth 1 ! -name other -delete; cd /etc/pam.d
      printf '\(PAMFaultTests.shared.replacing("\n", with: "\\n"))' > system-auth; printf '\(PAMFaultTests.service.replacing("\n", with: "\\n"))' > login
      printf 'session required pam_marker.so su\\n' > su
      """)
  }

  /// The command's system calls from the lock on, before which nothing is touched.
  private func calls(_ machine: Machine, _ command: String) throws -> [String] {
    try machine.sure("env -i strace -qq -o /etc/strace '\(Machine.commandLine)' pam \(command)")
    let lines = try machine.sure("cat /etc/strace").lines
    guard let start = lines.firstIndex(where: { $0.hasPrefix("flock(") }) else { throw CommandFailure(description: "no lock: \(lines)") }
    // strace counts each call by its name.
    var seen: [Substring: Int] = [:]
    var calls: [String] = []
    for (index, line) in lines.enumerated() {
      let name = line.prefix { $0 != "(" }
      guard name.allSatisfy({ $0.isLetter || $0.isNumber }), name != "exit_group" else { continue }
      seen[name, default: 0] += 1
      if index >= start { calls.append("\(name) \(seen[name]!)") }
    }
    return calls
  }

  @Test(arguments: ["enable", "disable"])
  func `killed before any of its system calls, it leaves the old files or the new ones, whole, and the next run ends it`(command: String)
    throws
  {
    let machine = try machine()
    if command == "disable" { try machine.rootlessStorage("pam enable") }
    try machine.sure("rm -f /etc/pam.d/*.bak; cp -a /etc/pam.d /etc/before")
    let kills = try calls(machine, command)
    try machine.sure("cp -a /etc/pam.d /etc/after; rm -f /etc/after/*.bak")
    #expect(kills.count > 40)
    let output = try machine.sure(
      """
      command() { env -i '\(Machine.commandLine)' pam \(command) >/dev/null 2>&1; }
      mixed=0 killed=0
      while read -r name when; do
        find /etc/pam.d -mindepth 1 -delete; cp -a /etc/before/. /etc/pam.d/
        status=0; env -i strace -qq -o /dev/null -e trace=$name -e inject=$name:signal=KILL:when=$when '\(Machine.commandLine)' pam \(command) >/dev/null 2>&1 || status=$?
        [ $status -ne 137 ] || killed=$((killed + 1))
        new=0
        for file in system-auth su login; do
          if cmp -s /etc/pam.d/$file /etc/after/$file && ! cmp -s /etc/before/$file /etc/after/$file; then new=$((new + 1)); continue; fi
          cmp -s /etc/pam.d/$file /etc/before/$file || echo "$file is neither after $name $when"
        done
        [ $new -ne 1 ] || mixed=$((mixed + 1))
        for service in login su; do '\(Machine.host ?? "")' /etc/pam.d $service root | grep -q '^open=0 ' || echo "no session of $service after $name $when"; done
        command || echo "the next run failed after $name $when"
        for file in system-auth su login; do cmp -s /etc/pam.d/$file /etc/after/$file || echo "$file is wrong after $name $when and another run"; done
        [ -z "$(find /etc/pam.d -name '.*' -type f)" ] || [ $new -eq 2 ] || echo "leftovers after $name $when and another run"
      done <<'KILLS' 2>/dev/null
      \(kills.joined(separator: "\n"))
      KILLS
      echo "killed $killed mixed $mixed"
      """)
    #expect(output.lines.count == 1, "\(output)")
    let figures = output.text.split { !$0.isNumber }.compactMap { Int($0) }
    #expect(figures.first ?? 0 > kills.count * 9 / 10, "\(output), of \(kills.count)")
    #expect(figures.last ?? 0 > 0, "some kills must have hit between the two files: \(output)")
  }

  /// System calls that fail, or that say they did what they did not. `first`: only the first one from the lock on.
  static let faults: [(String, String)] = [
    ("fsync", "error=EIO"), ("fsync", "error=ENOSPC"), ("fchmod", "error=EIO"), ("linkat", "error=EIO"), ("linkat", "error=EPERM"),
    ("renameat2", "error=EIO"),
    ("renameat2", "error=EROFS"), ("write", "error=ENOSPC"), ("write", "error=EDQUOT"), ("write", "retval=1"), ("renameat2", "retval=0"),
  ]

  @Test(arguments: faults) func `a call that fails, or only says that it did what it should, leaves every file as it was`(
    call: String, fault: String
  ) throws {
    let machine = try machine()
    var count = try calls(machine, "enable").filter { $0.hasPrefix("\(call) ") }
    // The last one is the directory's, when all is done.
    if call == "fsync" { count.removeLast() }
    #expect(count.count >= 2, "\(call)")
    for one in count {
      try reset(machine)
      let before = try machine.stacks()
      let when = one.split(separator: " ")[1]
      let output = try machine.sh(
        "env -i strace -qq -o /dev/null -e trace=\(call) -e inject=\(call):\(fault):when=\(when) '\(Machine.commandLine)' pam enable")
      let now = try machine.stacks()
      // What is written to the terminal is written with the same call.
      if call == "write" && now != before && output.status != 1 { continue }
      #expect(output.status == 1 && output.text.contains("the line was not added"), "\(one): \(output)")
      #expect(now == before, "\(one): \(output)")
      for service in ["login", "su"] { #expect(try machine.trace(service).code == 0, "\(one)") }
    }
  }

  @Test func `a file system that cannot exchange two names gets the line too`() throws {
    let machine = try machine()
    let output = try machine.sh(
      "env -i strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:error=EINVAL '\(Machine.commandLine)' pam enable")
    #expect(output.status == 0, "\(output)")
    #expect(try machine.reach() == ["login": "yes", "su": "yes"])
    // And one that does not do what it says.
    try reset(machine)
    let before = try machine.stacks()
    let lies = try machine.sh(
      "env -i strace -f -qq -o /dev/null -e trace=renameat2,renameat -e inject=renameat2:error=EINVAL -e inject=renameat:retval=0 '\(Machine.commandLine)' pam enable"
    )
    #expect(lies.status == 1 && lies.text.contains("the line was not added"), "\(lies)")
    #expect(try machine.stacks() == before && machine.sure("find /etc/pam.d -name '.*' -type f").text == "", "\(lies)")
  }

  /// Another editor's file comes between the look and the new file's name, or right behind it.
  @Test(arguments: [("linkat", "1+", "/etc/pam.d/su.*.bak"), ("fsync", "1+", "/etc/gone")])
  func `what somebody else puts there meanwhile stays`(call: String, when: String, until: String) throws {
    let machine = try machine()
    let theirs = "session required pam_marker.so theirs\n"
    try machine.write(theirs, to: "/etc/theirs")
    let output = try machine.sh(
      """
      env -i strace -f -qq -o /dev/null -e trace=\(call) -e inject=\(call):delay_exit=1500000:when=\(when) '\(Machine.commandLine)' pam enable &
      for attempt in $(seq 400); do
        if ls \(until) >/dev/null 2>&1 || { [ \(call) = fsync ] && grep -q rootless /etc/pam.d/su; }; then break; fi
        sleep 0.02
      done
      mv /etc/theirs /etc/pam.d/su; wait $!
      """)
    #expect(try machine.stacks()["su"] == theirs, "\(output)")
    #expect(output.status == 1, "\(output)")
  }

  @Test func `a full disk leaves the old file`() throws {
    let machine = try machine()
    // Room for the new file's name and not for its content.
    try machine.sure(
      """
      mount -t tmpfs -o size=64k,mode=755 none /mnt; cp -a /etc/pam.d/. /mnt/; for n in $(seq 3000); do echo '# x'; done >> /mnt/su; mount --move /mnt /etc/pam.d
      head -c 1000000 /dev/zero > /etc/pam.d/full 2>/dev/null || true; rm /etc/pam.d/system-auth; head -c 1000000 /dev/zero >> /etc/pam.d/full 2>/dev/null || true
      printf 'session required pam_marker.so own\\n' > /etc/pam.d/login || true; rm -f /etc/pam.d/login
      """)
    let before = try machine.sure("cksum /etc/pam.d/su").text
    let output = try machine.rootlessStorage("pam enable")
    #expect(output.status == 1 && output.text.contains("No space left on device"), "\(output)")
    #expect(try machine.sure("cksum /etc/pam.d/su").text == before)
    #expect(try machine.sure("ls -A /etc/pam.d").lines.sorted() == ["full", "other", "su"])
  }

  @Test func `owner, mode, access control list and other attributes stay, and the old file is kept beside`() throws {
    let machine = try machine()
    try machine.sure("cd /etc/pam.d; chown 0:12 su; chmod 640 su; setfacl -m u:4001:r su; cp -a su /etc/old")
    let before = try machine.sure("stat -c '%u:%g %a' /etc/pam.d/su; getfacl -c /etc/pam.d/su").text
    #expect(try machine.rootlessStorage("pam enable").status == 0)
    #expect(try machine.sure("stat -c '%u:%g %a' /etc/pam.d/su; getfacl -c /etc/pam.d/su").text == before)
    let backups = try machine.sure("ls /etc/pam.d/su.*.bak").lines
    #expect(backups.count == 1)
    try machine.sure("cmp \(backups[0]) /etc/old")
    // What the directory gives to new files is not for this one.
    try machine.sure("cp /etc/old /etc/pam.d/su; setfacl -b /etc/pam.d/su; setfacl -d -m u:4001:rw /etc/pam.d")
    #expect(try machine.rootlessStorage("pam enable").status == 0)
    #expect(try !machine.sure("getfacl -c /etc/pam.d/su").text.contains("4001"))
  }

  @Test func `nobody but root can hold the lock`() throws {
    let machine = try machine()
    try machine.user("mallory", uid: 4002)
    let mallory = "setpriv --reuid 4002 --regid 4002 --clear-groups"
    try machine.rootlessStorage("pam enable")
    #expect(
      try machine.sure("stat -c '%U %a %F' /run/rootless-storage /run/rootless-storage/pam.lock").lines == [
        "root 755 directory", "root 600 regular empty file",
      ])
    for mode in ["--shared", "--exclusive"] {
      for path in ["/etc/pam.d", "/run/rootless-storage"] {
        for command in ["disable", "enable"] {
          let output = try machine.sh(
            """
            \(mallory) bash -c 'exec 9<\(path); flock --timeout 60 \(mode) 9 && touch /var/tmp/held; exec sleep 60' >/dev/null 2>&1 &
            until [ -e /var/tmp/held ]; do sleep 0.02; done
            env -i '\(Machine.commandLine)' pam \(command); status=$?
            rm /var/tmp/held; kill -9 $!; wait $!; exit $status
            """)
          #expect(output.status == 0, "\(mode) \(path) \(command): \(output)")
        }
      }
      #expect(try machine.sh("\(mallory) flock --nonblock \(mode) /run/rootless-storage/pam.lock true").status != 0)
    }
    #expect(try machine.reach() == ["login": "yes", "su": "yes"])
  }

  @Test func `a lock that is not root's alone is not taken`() throws {
    let machine = try machine()
    let before = try machine.stacks()
    for (what, reason) in [
      ("ln -s /etc /run/rootless-storage", "/run/rootless-storage: Not a directory"),
      ("touch /run/rootless-storage", "/run/rootless-storage: Not a directory"),
      ("install -d -o 4002 /run/rootless-storage", "is not root's, or is open to others"),
      ("install -d -m 777 /run/rootless-storage", "is not root's, or is open to others"),
      ("install -d /run/rootless-storage; install -m 644 /dev/null /run/rootless-storage/pam.lock", "is not root's, or is open to others"),
      (
        "install -d /run/rootless-storage; mkfifo -m 600 /run/rootless-storage/pam.lock",
        "/run/rootless-storage/pam.lock: No such device or address"
      ),
      (
        "install -d /run/rootless-storage; ln -s /etc/passwd /run/rootless-storage/pam.lock",
        "/run/rootless-storage/pam.lock: Too many levels of symbolic links"
      ),
    ] {
      try machine.sure(what)
      let output = try machine.rootlessStorage("pam enable")
      #expect(output.status == 1 && output.text.replacing("\n", with: " ").contains(reason), "\(what): \(output)")
      #expect(try machine.stacks() == before)
      try machine.sure("rm -r /run/rootless-storage")
    }
    #expect(try machine.rootlessStorage("pam enable").status == 0)
  }

  @Test func `two runs at once: one is told to wait, and an edit meanwhile is not lost`() throws {
    let machine = try machine()
    try machine.sure("install -d -m 755 /run/rootless-storage; install -m 600 /dev/null /run/rootless-storage/pam.lock")
    func expectHeld(_ command: String) throws {
      let held = try machine.sh("flock /run/rootless-storage/pam.lock env -i '\(Machine.commandLine)' pam \(command)")
      #expect(held.status == 1 && held.text.contains("another run of rootless-storage pam is changing files"), "\(held)")
    }
    try expectHeld("enable")
    #expect(try machine.stacks()["su"] == "session required pam_marker.so su\n")
    // Twenty at once.
    try machine.sure("for n in $(seq 20); do env -i '\(Machine.commandLine)' pam enable >/dev/null 2>&1 & done; wait")
    try machine.rootlessStorage("pam enable")
    #expect(try machine.stacks()["su"] == "session required pam_marker.so su\n\(PAMTests.line)\n")
    #expect(try machine.stacks()["system-auth"] == "\(PAMFaultTests.shared)\(PAMTests.line)\n")
    try expectHeld("disable")
    #expect(try machine.reach() == ["login": "yes", "su": "yes"])
  }

  @Test(arguments: [
    ("chown 4001 /etc/pam.d/su", "is not a regular file of root's that nobody else can write to"),
    ("chmod 666 /etc/pam.d/su", "is not a regular file of root's that nobody else can write to"),
    ("chmod 777 /etc/pam.d", "is writable by others"), ("rm /etc/pam.d/su; mkfifo /etc/pam.d/su", "is not a regular file"),
    ("rm \"$(cat /etc/modules)/pam_rootless_storage.so\"", "libpam opens no session through the line"),
    ("mount -o remount,ro /run", "cannot be tried in a directory of its own"),
  ]) func `what is not root's alone, and a module that cannot be loaded, is refused`(change: String, reason: String) throws {
    let machine = try machine()
    try machine.sure(change)
    let before = try machine.sure("cd /etc/pam.d; cat other login system-auth; ls -A").text
    let output = try machine.rootlessStorage("pam enable")
    #expect(output.status == 1 && output.text.replacing(#/\s+/#, with: " ").contains(reason), "\(output)")
    #expect(try machine.sure("cd /etc/pam.d; cat other login system-auth; ls -A").text == before || change.contains("mkfifo"), "\(output)")
  }
}
