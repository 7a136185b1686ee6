import Foundation
import TestSupport
import Testing

/// Options, settings and skeletons that are wrong, by accident or by malice: never a hang, never a crash, and a message.
@Suite(.enabled(if: Attack.isPossible, Comment(rawValue: Attack.need)))
struct SettingsAttackTests {
  /// What stands in the settings file's or a skeleton file's place, and whether nothing is done then.
  static let files: [(script: String, says: String)] = [
    ("truncate -s 1G FILE", "is too large; shorten it"), ("head -c 70000 /dev/zero > FILE", "is too large; shorten it"),
    ("mkfifo FILE", "is not a regular file"),
    ("mkdir FILE", "is not a regular file"), ("mknod FILE c 1 5", "is not a regular file"),
    ("ln -s /dev/zero FILE", "is not a regular file"),
    ("ln -s /proc/self/mem FILE", "Input/output error"), ("ln -s FILE FILE", "symbolic links"),
    ("ln -s /home/alice/precious FILE", "is owned by uid 4001"),
    ("cp /home/alice/precious FILE; chown 4001 FILE", "is owned by uid 4001"), ("touch FILE; chmod 646 FILE", "is writable by others"),
    ("ln -s /var/tmp/mallory.own FILE", "/var/tmp is writable by others"), ("ln -s /home/bob/secret FILE", "is owned by uid 4002"),
    ("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"FILE\")'", "No such device or address"),
    ("head -c 5000 /dev/zero | tr '\\0' = > FILE", "the line is too long"),
  ]

  @Test(arguments: files) func `whatever is in the settings file's place is refused with its name, or read within bounds`(
    script: String, says: String
  ) throws {
    let machine = try Machine.attacked()
    let before = try machine.snapshot("/home /var/tmp /root")
    try machine.sure(
      "cd /etc/rootless-storage; rm rootless-storage.conf; umask 022; \(script.replacing("FILE", with: "rootless-storage.conf"))")
    let login = try machine.login("alice", "strict debug timeout=30")
    let problems = login.errors + login.warnings
    #expect(problems.count == 1 && problems[0].contains(says) && problems[0].contains("/"), "\(login)")
    #expect(login.code == (login.errors.isEmpty ? 0 : 14) && login.output.status == 0, "\(login)")
    // Refused, or the defaults, for which this home is local.
    #expect(before == (try machine.snapshot("/home /var/tmp /root")))
  }

  @Test(arguments: files) func `the same in a drop-in's place`(script: String, says: String) throws {
    let machine = try Machine.attacked()
    let before = try machine.snapshot("/home /var/tmp /root")
    try machine.sure(
      "umask 022; mkdir -p /etc/rootless-storage/conf.d; cd /etc/rootless-storage/conf.d; echo 'network_filesystems = nfs' > 00-first.conf; \(script.replacing("FILE", with: "10-bad.conf"))"
    )
    let login = try machine.login("alice", "strict debug timeout=30")
    let problems = login.errors + login.warnings
    #expect(problems.count == 1 && problems[0].contains(says) && problems[0].contains("/"), "\(login)")
    #expect(login.code == (login.errors.isEmpty ? 0 : 14) && login.output.status == 0, "\(login)")
    #expect(before == (try machine.snapshot("/home /var/tmp /root")))
  }

  @Test(arguments: [
    ("chmod 777 D", "is writable by others"), ("chmod 1777 D", "is writable by others"), ("chown 4001 D", "is owned by uid 4001"),
    ("rmdir D; touch D", "is not a directory"),
    ("rmdir D; ln -s /home/alice D", "is owned by uid 4001"), ("rmdir D; ln -s /tmp D", "/tmp is writable by others"),
    ("rmdir D; ln -s D D", "symbolic links"), ("cd D; seq -f %g.conf 10 74 | xargs touch", "more than 64 files"),
  ]) func `a directory of drop-ins that is not root's alone stops everything, and names itself`(script: String, says: String) throws {
    let machine = try Machine.attacked()
    try machine.sure("umask 022; mkdir -p /etc/rootless-storage/conf.d; \(script.replacing("D", with: "/etc/rootless-storage/conf.d"))")
    let before = try machine.snapshot("/home /var/tmp /root")
    let login = try machine.login("alice", "strict timeout=30")
    #expect(login.code == 14 && login.errors.count == 1 && login.errors[0].contains(says), "\(login)")
    #expect(before == (try machine.snapshot("/home /var/tmp /root")))
  }

  static let skeletons = [
    "truncate -s 1G FILE", "mkfifo FILE", "mknod FILE c 1 5", "ln -s /etc/shadow FILE", "mkdir -p FILE/a/b/c/d/e/f/g/h/i",
    "seq 900 | sed 's/^/FILE/' | xargs touch",
  ]

  @Test(arguments: skeletons) func `special, endless, deep and many files in the skeleton are left out with a warning`(script: String)
    throws
  {
    let machine = try Machine.attacked()
    try machine.sure("cd /etc/rootless-storage/skel; umask 022; \(script.replacing("FILE", with: "zzz"))")
    let login = try machine.login("alice", "strict timeout=30")
    #expect(login.code == 0 && !login.warnings.isEmpty && login.warnings.count <= 60 && login.errors == [], "\(login)")
    #expect(login.warnings.allSatisfy { $0.contains("/etc/rootless-storage/skel") && $0.hasSuffix("ignoring") }, "\(login)")
    // The shipped two come first by name.
    #expect(try machine.isWhole())
    #expect(try machine.sure("find /home/alice -type f | wc -l").text.trimmingCharacters(in: .whitespacesAndNewlines).count <= 2)
  }

  /// Parts that are put together at random, the same every time.
  private struct Dice: RandomNumberGenerator {
    var state: UInt64 = 88_172_645_463_325_252
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }

  @Test func `options put together at random never end, hang or mislead the host`() throws {
    let machine = try Machine.attacked()
    let parts = [
      "debug", "strict", "uid_min=", "timeout=", "conf=", "helper=", "=", "/", "0", "-1", "4294967296", "99999999999999999999", "%s%n%d",
      "\u{e9}", "/nonexistent", "x",
      "/etc/rootless-storage", "[", "\\", "'", "/dev/zero", "/etc/passwd", "../..", String(repeating: "A", count: 600),
    ]
    let words = [
      "strict", "debug", "conf=/dev/zero", "conf=/etc/passwd", "conf=/etc/rootless-storage", "conf=/home/bob/secret", "helper=/nonexistent",
      "helper=/etc/passwd", "uid_min=4002",
    ]
    var dice = Dice()
    var outcomes: Set<Int> = []
    var warned = 0
    for _ in 0..<(Attack.isFull ? 1500 : 60) {
      let line = (0..<Int.random(in: 1...8, using: &dice)).map { _ in
        Bool.random(using: &dice)
          ? words.randomElement(using: &dice)!
          : (0..<Int.random(in: 1...3, using: &dice)).map { _ in parts.randomElement(using: &dice)! }.joined()
      }
      // An option that names a program or a time that is meant is another test's.
      let options = line.filter { !$0.contains("[") && !$0.hasPrefix("timeout=9") }.joined(separator: " ").replacing("'", with: "")
      let login = try machine.login("alice", options + " timeout=20")
      outcomes.insert(login.code)
      warned += login.warnings.count
      #expect(login.output.status == 0 && [0, 14].contains(login.code), "\(options): \(login)")
      // libpam logs what it cannot read of such a line itself, as it is.
      let ours = login.log.filter { !$0.text.hasPrefix("PAM ") }
      #expect(ours.allSatisfy { $0.text.utf8.count < 1100 && $0.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f } }, "\(options): \(login)")
      #expect(login.code == 0 || !login.errors.isEmpty, "\(options): \(login)")
    }
    #expect(outcomes == [0, 14] && warned > 100, "both, and most of it is nonsense: \(outcomes) \(warned)")
  }

  @Test func `settings of random bytes and lines leave the defaults, and at most 17 messages`() throws {
    let machine = try Machine.attacked()
    var dice = Dice()
    let parts = [
      "storage_directory", "network_filesystems", "directory_mode", "uid_min", "uid_max", "skel", "=", " = ", "\n", "#", "/", "$USER",
      "$UID", "$", "..", "0711", "ramfs", "\u{1b}[2J", "\\", "\"", "nfs", "99999999999", "\u{0}",
    ]
    var served = 0
    for _ in 0..<(Attack.isFull ? 1000 : 50) {
      let text = (0..<Int.random(in: 1...60, using: &dice)).map { _ in parts.randomElement(using: &dice)! }.joined()
      try machine.write(text + "\nnetwork_filesystems = ramfs\n", to: "/etc/rootless-storage/rootless-storage.conf")
      let login = try machine.login("alice", "debug timeout=20")
      if login.errors.isEmpty { served += 1 }
      #expect(login.output.status == 0 && login.code == 0 && login.warnings.count <= 17 && !login.log.isEmpty, "\(text): \(login)")
      #expect(login.log.allSatisfy { $0.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f } }, "\(text): \(login)")
    }
    #expect(served > 20)
    // Whatever they said, the user got nothing but the user's own.
    #expect(try machine.sure("find / -xdev -newer /etc/expected -user 4001 ! -path '/proc/*' 2> /dev/null | head").text == "")
    #expect(try machine.sure("find /home/alice ! -user 4001").text == "")
  }
}
