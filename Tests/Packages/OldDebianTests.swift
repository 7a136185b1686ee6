import Foundation
import TestSupport
import Testing

/// The package in Debian 11: glibc 2.31, which has its threads in a library of their own and lacks calls that are newer, Linux-PAM 1.4, and
/// /lib beside /usr/lib. The kernel is this machine's.
@Suite(.enabled(if: DebianRoot.isPossible && DebianRoot.oldBase != nil, Comment(rawValue: DebianRoot.need)))
struct OldDebianTests {
  private static let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil

  private func installed() throws -> DebianRoot {
    let root = try DebianRoot(DebianRoot.oldBase)
    try root.install()
    try root.sure("printf 'network_filesystems = ramfs\\n' > /etc/rootless-storage/rootless-storage.conf")
    try root.user("alice", uid: 4001)
    return root
  }

  @Test func `on the oldest Debian, it is installed, prepares a user's storage, finds its work good, and goes`() throws {
    let root = try installed()
    #expect(try root.session("common-session").contains(DebianRoot.line))
    // overlay, on which the whole Debian is here, is no place for engines.
    try root.sure("mount -t tmpfs -o mode=1777 storage /var/tmp")
    func ours(_ login: Login) -> [String] { login.log.filter { $0.text.hasPrefix("alice: ") }.map { "\($0.priority) \($0.text)" } }
    let first = try root.login("alice")
    #expect(first.code == 0 && ours(first).allSatisfy { $0.hasPrefix("6 alice: created ") } && ours(first).count == 3, "\(first)")
    let again = try root.login("alice")
    #expect(again.code == 0 && ours(again) == [], "\(again)")

    // A clean Debian has neither newuidmap nor engines; of what was made here, nothing is wrong.
    let check = try root.sh("rootless-storage check alice")
    #expect(check.status == 1 && check.text.contains("error newuidmap") && check.text.split(separator: "error ").count == 2, "\(check)")
    #expect(check.text.contains("alice"), "\(check)")
    #expect(try root.sure("rootless-storage list").text.contains("alice"))
    try root.sure(
      "rm /home/alice/.config/docker/daemon.json; rootless-storage repair alice; test -s /home/alice/.config/docker/daemon.json")

    let output = try root.sure("dpkg --remove libpam-rootless-storage 2>&1")
    #expect(!(try root.session("common-session").contains(DebianRoot.line)), "\(output)")
    #expect(try root.sh("find / -xdev -name 'pam_rootless_storage.so'").text == "")
  }

  @Test func `the helper starts clean on the oldest Debian, too`() throws {
    let root = try installed()
    // ls itself has the fourth.
    try root.sure(
      """
      printf '#!/bin/sh\\necho "<6>fds $(ls /proc/self/fd | tr "\\\\n" " ")"\\necho "end done"\\n' > /usr/libexec/listing; chmod 755 /usr/libexec/listing
      printf 'session required pam_rootless_storage.so helper=/usr/libexec/listing\\n' > /etc/pam.d/listing
      """)
    let login = try Login(
      try root.sh("rm -f /dev/log; exec 5</etc/passwd 9</etc/group 77</etc/group; /run/tests/pam-host --log /etc/pam.d listing alice"))
    #expect(login.log.contains { $0.text.hasSuffix("fds 0 1 2 3 ") }, "\(login)")
  }

  // MARK: Faults and attacks: Tests/Programs, linked as what is released is

  /// What a login finds (Tests/Programs/pam-faults/state.c), and which of its faults are tried: each that has such a number.
  @Test(
    .enabled(if: injector != nil && attacker != nil, "needs pam-faults and attacker: run it as Tests/run packages"),
    arguments: [("first", 30), ("leftover", 30), ("squatted-directory", 40), ("module-first", 10), ("module-no-pidfd", 10)])
  func `on the oldest Debian, whatever fails in a login, it goes on, and the next one completes it`(scenario: String, every: Int) throws {
    let root = try installed()
    try root.put(injector ?? "")
    try root.sure("mount -t tmpfs -o mode=1777 storage /var/tmp")
    // A host has looked the account up before. That it could not load this library, glibc before 2.34 remembers as long as a process
    // lives.
    let output = try root.sh(
      "rm -f /dev/log; export LD_PRELOAD=/lib/$(uname -m)-linux-gnu/libnss_files.so.2; exec /run/tests/pam-faults pam_rootless_storage.so \(scenario) \(OldDebianTests.isFull ? "full" : "every \(every)") 2>&1"
    )
    print("  \(output.lines.last ?? "")")
    let figures = (output.lines.last ?? "").split { !$0.isNumber }.compactMap { Int($0) }
    #expect(output.status == 0 && figures.count > 1 && figures[0] >= 25 && figures[1] == 0, "\(output.text.prefix(4000))")
  }

  /// At every system call of the helper's, mallory puts something into the place of the storage directory.
  @Test(
    .enabled(if: injector != nil && attacker != nil, "needs pam-faults and attacker: run it as Tests/run packages"),
    arguments: ["dir:777", "symlink:/home/mallory", "fifo"])
  func `on the oldest Debian, another user who takes the place at any moment gets nothing`(thing: String) throws {
    let root = try installed()
    try root.put(attacker ?? "")
    try root.user("mallory", uid: 4009)
    try root.sure("mount -t tmpfs -o mode=1777 storage /var/tmp")
    _ = try root.login("alice")
    try root.sure(
      """
      mkdir /etc/expected; cp /home/alice/.config/*/* /etc/expected/; test "$(ls /etc/expected | wc -l)" -eq 2
      rm -rf /home/alice/.config /var/tmp/alice
      printf 'session required pam_rootless_storage.so strict debug timeout=60\\n' > /etc/pam.d/tested
      """)
    let rounds = OldDebianTests.isFull ? 1000 : 100
    let output = try root.sh(
      """
      rm -f /dev/log; exec /run/tests/attacker step --uid 4009 --place /var/tmp/alice --thing '\(thing)' --scenario fresh --rounds \(rounds) \
        --undisturbed 'end done' --protect /etc/passwd --protect /home/mallory -- /run/tests/pam-host --log /etc/pam.d tested alice 2>&1
      """)
    print("  attack: \(output.lines.last ?? "")")
    var figures: [Substring: Int] = [:]
    for word in (output.lines.last ?? "").split(separator: " ") {
      let pair = word.split(separator: "=")
      if pair.count == 2 { figures[pair[0]] = Int(pair[1]) }
    }
    #expect(
      output.status == 0 && figures["violations"] == 0 && figures["rounds"] == rounds && (figures["seen"] ?? 0) > 0
        && (figures["created"] ?? 0) > 0, "\(output.text.suffix(4000))")
  }
}

private let injector = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_PAM_FAULTS"]
private let attacker = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_ATTACKER"]
