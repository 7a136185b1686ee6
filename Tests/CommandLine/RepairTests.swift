import Foundation
import TestSupport
import Testing

/// What repair does under attack, under faults, and for whom.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct RepairTests {
  private static let conf = "/home/alice/.config/containers/storage.conf"
  private static let daemon = "/home/alice/.config/docker/daemon.json"

  /// What repair asks of the process that looks, as one word for a shell.
  private static func request(_ task: String) -> String {
    func bytes(_ text: String) -> String { "[\(text.utf8.map(String.init).joined(separator: ","))]" }
    return
      "'{\"task\":\"\(task)\",\"name\":\(bytes("alice")),\"uid\":4001,\"gid\":4001,\"groups\":[4001],\"groupsLeftOut\":false,\"engines\":{},\"home\":\(bytes("/home/alice")),\"conf\":\(bytes("/etc/rootless-storage/rootless-storage.conf")),\"timeout\":20}'"
  }

  @Test func `killed before any call that changes something, it leaves the old state or the new one`() throws {
    let machine = try Machine.good()
    let spoil = """
      rm -rf /var/tmp/alice /var/tmp/.alice.*; install -d -o 4002 /var/tmp/alice
      rm -f /home/alice/.config/*/*; echo '{ "data-root": ' > \(RepairTests.daemon)
      printf '# mine\\n[storage]\\ndriver = "overlay"\\ngraphroot = "/home/alice/x"\\n' > \(RepairTests.conf); chown -R 4001:4001 /home/alice/.config
      """
    let calls = "write,fchmod,chmod,fsync,linkat,renameat,renameat2,unlinkat,mkdirat,rename"
    let examine = "'\(Machine.commandLine)' examine \(RepairTests.request("repair"))"
    let trace = try machine.sure("\(spoil)\nstrace -f -qq -o /etc/trace -e trace=\(calls) \(examine) > /etc/answer; cat /etc/trace")
    var seen: [Substring: Int] = [:]
    var kills: [String] = []
    // It writes the answer at last.
    let first = trace.lines.last?.split(separator: " ").first
    for line in trace.lines {
      // The copy that looks, which is not the first process.
      guard let process = line.split(separator: " ").first, process != first else { continue }
      let name = line.dropFirst(process.count).drop { $0 == " " }.prefix { $0 != "(" }
      guard name.allSatisfy({ $0.isLetter || $0.isNumber }) else { continue }
      seen[name, default: 0] += 1
      kills.append("\(name) \(seen[name]!)")
    }
    #expect(seen["renameat"] ?? 0 == 2 && seen["linkat"] ?? 0 == 2 && seen["renameat2"] ?? 0 >= 1, "\(seen)")
    let output = try machine.sure(
      """
      spoil() { \(spoil)
      }
      spoil; olddaemon=$(cksum < \(RepairTests.daemon)); oldconf=$(cksum < \(RepairTests.conf))
      \(examine) > /dev/null; newdaemon=$(cksum < \(RepairTests.daemon)); newconf=$(cksum < \(RepairTests.conf))
      [ "$olddaemon" != "$newdaemon" ] && [ "$oldconf" != "$newconf" ]
      killed=0; halfway=0
      while read -r name when; do
        spoil
        status=0; strace -f -qq -o /dev/null -e trace=$name -e inject=$name:signal=KILL:when=$when \(examine) >/dev/null 2>&1 || status=$?
        [ $status -ne 0 ] && killed=$((killed + 1))
        now=$(cksum < \(RepairTests.daemon)); [ "$now" = "$olddaemon" ] || [ "$now" = "$newdaemon" ] || echo "partial daemon.json after $name $when"
        now=$(cksum < \(RepairTests.conf)); [ "$now" = "$oldconf" ] || [ "$now" = "$newconf" ] || echo "partial storage.conf after $name $when"
        case $(stat -c %u /var/tmp/alice) in
          4001) ;;
          4002) halfway=$((halfway + 1)) ;;
          *) echo "no storage directory after $name $when" ;;
        esac
        [ "$(find /var/tmp -user 4002 -type d | wc -l)" -eq 1 ] || echo "what was there is gone after $name $when"
        \(examine) > /etc/answer || echo "next repair failed after $name $when"
        [ "$(cksum < \(RepairTests.daemon))" = "$newdaemon" ] && [ "$(cksum < \(RepairTests.conf))" = "$newconf" ] && [ "$(stat -c '%a %u' /var/tmp/alice)" = '700 4001' ] || echo "not fixed after $name $when: $(cat /etc/answer)"
        grep -q /home/alice/x \(RepairTests.conf).*.bak && grep -qx '{ "data-root": ' \(RepairTests.daemon).*.bak || echo "the original is lost after $name $when"
      done <<'KILLS' 2>/dev/null
      \(kills.joined(separator: "\n"))
      KILLS
      echo "killed $killed halfway $halfway"
      """)
    #expect(output.lines.count == 1, "\(output)")
    let figures = output.text.split { !$0.isNumber }.compactMap { Int($0) }
    #expect(figures.first ?? 0 > kills.count * 9 / 10, "\(output), of \(kills.count)")
    #expect(figures.last ?? 0 > 0, "\(output)")
  }

  @Test func `an object that is swapped while it is being replaced is never lost, followed or handed over`() throws {
    let machine = try Machine.good()
    let before = try machine.snapshot("/etc/pam.d /etc/security")
    let output = try machine.sure(
      """
      rm -r /var/tmp/alice
      cat > /etc/attack <<'END'
      cd /var/tmp
      end=$((SECONDS + 25))
      while [ $SECONDS -lt $end ]; do
        mkdir alice 2>/dev/null && { mv -T alice mallory-dir 2>/dev/null; rmdir mallory-dir 2>/dev/null; }
        ln -s /etc alice 2>/dev/null && rm -f alice
        mkfifo alice 2>/dev/null && mv -T alice mallory-fifo 2>/dev/null
        rm -f mallory-fifo
      done
      END
      setpriv --reuid 4002 --regid 4002 --clear-groups bash /etc/attack 2>/dev/null &
      attacker=$!
      rounds=0; replaced=0
      while kill -0 $attacker 2>/dev/null; do
        timeout 30 env -i '\(Machine.commandLine)' repair alice > /etc/out 2>&1 || [ $? -le 2 ] || { echo "died: $(cat /etc/out)"; }
        rounds=$((rounds + 1))
        [ "$(stat -c %u:%F /var/tmp/alice 2>/dev/null)" = '4001:directory' ] && { replaced=$((replaced + 1)); rm -r /var/tmp/alice; }
      done
      echo "rounds $rounds replaced $replaced"
      find /var/tmp -user 4001 ! -type d
      find /etc -user 4001 -o -user 4002
      """)
    #expect(output.lines.count == 1, "\(output)")
    let figures = output.text.split { !$0.isNumber }.compactMap { Int($0) }
    #expect(figures.first ?? 0 > 20 && figures.last ?? 0 > 0, "\(output)")
    #expect(try machine.snapshot("/etc/pam.d /etc/security") == before)
    #expect(try machine.repair("alice").users.first?.findings.isEmpty == true)
  }

  @Test func `what came out bears a name that no user can have, and nothing in it was changed`() throws {
    let machine = try Machine.good()
    try machine.sure(
      "rm -r /var/tmp/alice; install -d -o 4002 -m 755 /var/tmp/alice /var/tmp/alice/deep; ln -s /etc /var/tmp/alice/link; echo x > /var/tmp/alice/file; ln /var/tmp/alice/file /var/tmp/alice/twin"
    )
    let before = try machine.sure("cd /var/tmp/alice; find . -printf '%p %y %m %U:%G %s %n %T@ %C@ %l\\n' | sort | grep -v '^\\. '").text
    let action = try machine.repair("alice").users.first?.actions?.first
    #expect(action?.backup?.hasPrefix("/var/tmp/.alice.replaced-") == true, "\(String(describing: action))")
    #expect(
      try machine.sure(
        "cd '\(action?.backup ?? "/nonexistent")'; find . -printf '%p %y %m %U:%G %s %n %T@ %C@ %l\\n' | sort | grep -v '^\\. '"
      ).text == before)
  }

  @Test func `a user repairs for themselves, and is told what is root's to fix`() throws {
    let machine = try Machine.good()
    try machine.sure("rm \(RepairTests.conf)")
    let own = try machine.repair("", asUid: 4001, environment: "XDG_RUNTIME_DIR=/home/alice")
    #expect(own.users.first?.actions?.map(\.outcome) == ["done"] && own.users.first?.findings.isEmpty == true, "\(own)")
    try machine.sure("rm -r /var/tmp/alice; install -d -o 4002 /var/tmp/alice")
    let before = try machine.snapshot("/home /var/tmp")
    let left = try machine.repair("alice", asUid: 4001, environment: "XDG_RUNTIME_DIR=/home/alice")
    #expect(left.users.first?.actions?.isEmpty == true)
    #expect(left.codes == ["storage-occupied"] && left.users[0].findings[0].remedy == "sudo rootless-storage repair alice", "\(left)")
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `a storage directory that its user may not make is root's to make, and nothing points at it before`() throws {
    let machine = try Machine.good()
    try machine.sure(
      "rm -r /home/alice/.config /var/tmp/alice; mkdir /var/tmp/roots; echo 'storage_directory = /var/tmp/roots/$USER' >> /etc/rootless-storage/rootless-storage.conf"
    )
    let before = try machine.snapshot("/home /var/tmp")
    let own = try machine.repair("", asUid: 4001, environment: "XDG_RUNTIME_DIR=/home/alice")
    #expect(own.users.first?.actions?.isEmpty == true && own.codes.contains("storage-missing"), "\(own)")
    #expect(own.users.first?.findings.first { $0.code == "storage-missing" }?.remedy == "sudo rootless-storage repair alice")
    #expect(try machine.snapshot("/home /var/tmp") == before)
    #expect(try machine.repair("alice").codes == [])
  }

  @Test func `when the storage directory cannot be fixed, nothing is pointed at it`() throws {
    let machine = try Machine.good()
    try machine.sure("rm -r /home/alice/.config /var/tmp/alice; mount -o remount,ro /var/tmp")
    let report = try machine.repair("alice")
    #expect(report.users.first?.actions?.map(\.outcome) == ["failed"], "\(report)")
    #expect(report.users.first?.actions?.first?.cause?.contains("Read-only file system") == true)
    #expect(try machine.sure("ls -A /home/alice").text == "")
  }

  @Test func `nobody looks at or repairs others but root`() throws {
    let machine = try Machine.good()
    try machine.sure("rm \(RepairTests.conf)")
    let before = try machine.snapshot("/home /var/tmp")
    for command in ["check mallory", "repair mallory", "check --all", "repair --all", "check alice mallory"] {
      let output = try machine.rootlessStorage(command, asUid: 4001)
      #expect(output.status == 2 && output.text.contains("sudo"), "\(command): \(output)")
    }
    let forged = try machine.rootlessStorage("examine \(RepairTests.request("repair"))", asUid: 4002)
    #expect(forged.text.contains("only root"), "\(forged)")
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `nothing of the user's is touched with root's identity`() throws {
    // Below the home, every file that comes into being is the user's; a directory that only the user may enter stays closed to root
    // without capabilities over it, as under root_squash.
    let machine = try Machine.good()
    try machine.sure(
      "rm -r /home/alice/.config; echo '{' > /home/alice/junk; mkdir -p /home/alice/.config/docker; mv /home/alice/junk \(RepairTests.daemon); chown -R 4001:4001 /home/alice/.config"
    )
    let trace = try machine.sure("strace -f -y -qq -o /etc/trace '\(Machine.commandLine)' repair alice > /etc/out || true; cat /etc/trace")
    #expect(try machine.sure("find /home/alice /var/tmp/alice ! -user 4001").text == "")
    // Between the last change of ids and the end there is no way back, and all paths below the home come after a change to the user.
    var isUser: [Substring: Bool] = [:]
    var isForGood: Set<Substring> = []
    var touched = 0
    for line in trace.lines {
      let process = line.prefix { $0 != " " }
      if line.contains("setresuid(") && line.contains("= 0") { isUser[process] = line.contains("4001") }
      if line.contains("setresuid(4001, 4001, 4001)") { isForGood.insert(process) }
      // With -y every descriptor shows where it leads. The account's home is an argument of the one process for the other.
      if line.contains("/home/alice") && !line.contains("execve(") && !line.contains(" write(") {
        touched += 1
        #expect(isUser[process] == true, "\(line)")
        // What writes does so with no way back to root.
        let writes = ["renameat", "linkat", "mkdirat", "O_CREAT", "unlinkat", "fchmod", "fsync"].contains { line.contains($0) }
        if writes { #expect(isForGood.contains(process), "\(line)") }
      }
    }
    #expect(touched > 5)
  }

  @Test func `a process that looks is the user for good before it looks`() throws {
    let machine = try Machine.good()
    let trace = try machine.sure("strace -f -y -qq -o /etc/trace '\(Machine.commandLine)' check alice > /etc/out || true; cat /etc/trace")
    var isForGood: Set<Substring> = []
    var touched = 0
    for line in trace.lines {
      let process = line.prefix { $0 != " " }
      if line.contains("setresuid(4001, 4001, 4001)") { isForGood.insert(process) }
      guard ["openat(", "statx(", "newfstatat("].contains(where: { line.contains($0) }),
        line.contains("/home/alice") || line.contains("/var/tmp/alice")
      else { continue }
      touched += 1
      #expect(isForGood.contains(process), "\(line)")
    }
    #expect(touched > 5)
  }

  @Test func `what looks as a user for root leaves the session keyring of root's before`() throws {
    let machine = try Machine.good()
    // Where a sandbox forbids it, the look goes on.
    for injection in ["", "-e inject=keyctl:error=ENOSYS", "-e inject=keyctl:error=EDQUOT"] {
      let trace = try machine.sure(
        "strace -f -qq -e trace=keyctl,setresuid \(injection) -o /etc/trace '\(Machine.commandLine)' check alice > /etc/out || true; cat /etc/trace"
      ).lines
      guard let joined = trace.firstIndex(where: { $0.contains("keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)") }),
        let became = trace.firstIndex(where: { $0.contains("setresuid(") && $0.contains("4001") })
      else {
        throw CommandFailure(description: "no such calls: \(trace)")
      }
      #expect(joined < became && trace[joined].prefix { $0 != " " } == trace[became].prefix { $0 != " " }, "\(trace)")
    }
    // Whoever looks at themselves keeps what is theirs.
    #expect(
      try !machine.sure(
        "setpriv --reuid 4001 --regid 4001 --clear-groups strace -f -qq -e trace=keyctl '\(Machine.commandLine)' check 2>&1 || true"
      ).text.contains("keyctl"))
  }

  @Test func `with the home full the original stays, nothing partial is left, and the cause is told`() throws {
    let machine = try Machine(homes: "tmpfs", storage: "ramfs", settings: "network_filesystems = tmpfs")
    try machine.user("alice", uid: 4001)
    try machine.sure("echo 'alice:100000:65536' | tee /etc/subuid > /etc/subgid")
    try machine.login("alice")
    try machine.sure(
      "sed -i s,/var/tmp/alice/,/home/alice/, \(RepairTests.conf); chown 4001 \(RepairTests.conf); mount -o remount,nr_inodes=$(df --output=iused /home | tail -n 1 | tr -d ' ') /home"
    )
    let before = try machine.sure("cd /home/alice; find . -printf '%p %s %i\n' | sort; cat \(RepairTests.conf)").text
    // The bytes that are free do not tell of it: what is tried in vain does, and so does the finding that stays.
    let user = try machine.repair("alice").users.first
    let action = user?.actions?.first
    #expect(
      user?.findings.first?.isRepairable == false
        && user?.findings.first?.sentence.contains("no space, or none of the quota, is left for the home") == true,
      "\(String(describing: user))")
    #expect(action?.outcome == "failed" && action?.cause?.hasPrefix("No space left on device") == true, "\(String(describing: action))")
    #expect(try machine.sure("cd /home/alice; find . -printf '%p %s %i\n' | sort; cat \(RepairTests.conf)").text == before)
  }

  /// What a login refuses, since it would have to act on a path, in the namespace of one service.
  @Test func `another user's FUSE mounts in the storage directory's place are detached, however many lie on each other`() throws {
    let machine = try Machine()
    for (name, uid) in [("alice", 4001), ("mallory", 4009)] { try machine.user(name, uid: uid) }
    try machine.sure(
      """
      echo user_allow_other > /etc/fuse.conf; mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab
      install -d -m 777 -o 4009 /var/tmp/alice /home/mallory/x; chmod 755 /home/mallory
      for layer in 1 2 3; do
        setpriv --reuid 4009 --regid 4009 --clear-groups bindfs --no-allow-other --force-user=4009 --perms=0755 -o nonempty /home/mallory/x /var/tmp/alice > /dev/null 2>&1 || true
      done
      grep -c ' /var/tmp/alice fuse' /proc/mounts
      """)
    #expect(try machine.login("alice", "").errors.first?.contains("it is a FUSE mount of uid 4009") == true)
    let check = try Report(machine.rootlessStorage("check alice --json"))
    #expect(check.codes.contains("storage-occupied"), "\(check)")
    #expect(
      check.users[0].findings.contains { $0.code == "storage-occupied" && $0.remedy == "sudo rootless-storage repair alice" }, "\(check)")
    let repaired = try machine.rootlessStorage("repair alice")
    #expect(repaired.status == 0 || repaired.status == 1, "\(repaired)")
    #expect(repaired.text.contains("unmount the FUSE mount of uid 4009"), "\(repaired)")
    #expect(try machine.sure("stat -c '%u %a' /var/tmp/alice; ! grep -q ' /var/tmp/alice fuse' /proc/mounts").text == "4001 700\n")
    #expect(try machine.login("alice", "").errors == [])
  }

  @Test(arguments: [0, 4009]) func `a mount of root's in the place is a person's decision, whoever owns it`(owner: Int) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d /var/tmp/alice; mount -t tmpfs -o mode=755,uid=\(owner) none /var/tmp/alice")
    let finding = try #require(machine.check("alice").users[0].findings.first { $0.code == "storage-occupied" })
    #expect(finding.sentence.hasSuffix(" It is a mount point.") && finding.remedy.contains("findmnt /var/tmp/alice"), "\(finding)")
    #expect(try machine.rootlessStorage("repair alice").status != 0)
    try machine.sure("grep -q ' /var/tmp/alice tmpfs' /proc/mounts")
    #expect(try machine.sure("stat -c %u /var/tmp/alice; ls /var/tmp/alice").text == "\(owner)\n")
  }
}
