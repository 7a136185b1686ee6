import Foundation
import TestSupport
import Testing

/// The built module and session helper under valgrind's memcheck: no wrong access, nothing lost, no descriptor left.
///
/// Valgrind of Debian 12 knows neither statmount(2) nor pidfd_open(2) and answers ENOSYS, so these are the ways for old kernels.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct ValgrindTests {
  /// What is still reachable at the end is a static's: Swift makes it when it is first used. Nobody attaches a debugger, whose pipes in
  /// /tmp a process that has become the user could not remove.
  private static let command =
    "valgrind --quiet --vgdb=no --leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible --track-fds=yes --error-exitcode=99"

  /// Runs it in a machine, and expects every process that ended by itself to have a clean log.
  private func check(
    _ machine: Machine, _ program: String, children: Bool = true, processes: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Output {
    // A process opens its log before it becomes the user.
    try machine.sure("rm -rf /etc/valgrind; mkdir /etc/valgrind")
    let output = try machine.sh(
      "\(ValgrindTests.command) --trace-children=\(children ? "yes" : "no") --log-file=/etc/valgrind/%p \(program)")
    let logs = try machine.sure("for log in /etc/valgrind/*; do echo process; cat $log; done").text.components(separatedBy: "process\n")
      // Of a child that became no other program, there is an empty one.
      .filter { !$0.isEmpty }
    #expect(logs.count == processes && output.status != 99, "\(output)\n\(logs)", sourceLocation: sourceLocation)
    for log in logs {
      #expect(log.contains("FILE DESCRIPTORS: "), "it ended by itself: \(log)", sourceLocation: sourceLocation)
      #expect(ValgrindTests.faults(log) == [], "\(log)", sourceLocation: sourceLocation)
    }
    return output
  }

  /// What a log says, but for the descriptors that were there before. What begins with two dashes is valgrind's of itself.
  private static func faults(_ log: String) -> [String] {
    log.replacing(/==\d+== Open .*\n==\d+== +<inherited from parent>\n/, with: "").split(separator: "\n")
      .compactMap { $0.wholeMatch(of: /==\d+== *(\S.*)/).map { String($0.1) } }.filter { !$0.hasPrefix("FILE DESCRIPTORS: ") }
  }

  @Test func `a log with a fault is told from one without`() throws {
    let machine = try Machine()
    try machine.write("#!/bin/bash\nexec 7< /etc/passwd\n", to: "/etc/leaking")
    let output = try machine.sh("\(ValgrindTests.command) --log-file=/etc/log /bin/bash /etc/leaking; cat /etc/log")
    #expect(ValgrindTests.faults(output.text).contains { $0.hasPrefix("Open file descriptor 7: /etc/passwd") }, "\(output)")
  }

  static let runs: [(String, String, Int32)] = [
    ("", "end done\n", 0),
    ("/usr/libexec/rootless-storage/session-helper \(FilesTests.alice)", "end done\n", 0),
    ("ln -s /etc /var/tmp/alice", "end tolerated\n", 1),
    ("install -d -o 4002 /var/tmp/alice", "what was there is kept as", 0),
    ("chmod 666 /etc/rootless-storage/rootless-storage.conf", "the settings are not used", 1),
    ("printf 'typo\\nuid_min = x\\nskel = y\\n' >> /etc/rootless-storage/rootless-storage.conf", "is not of the form key = value", 0),
    ("chown 4001 /etc/rootless-storage/skel", "the skeleton is not used", 1),
    ("install -d -m 700 -o 4001 /home/alice/.config; mkdir -m 700 /home/alice/.config/docker", "is skipped: Permission denied", 0),
  ]

  @Test(arguments: runs) func `the session helper`(before: String, says: String, status: Int32) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(before)
    let output = try check(machine, "/usr/libexec/rootless-storage/session-helper \(FilesTests.alice)", processes: 1)
    #expect(output.text.contains(says) && output.status == status, "\(output)")
  }

  @Test func `the session helper without arguments`() throws {
    #expect(try check(try Machine(), "/usr/libexec/rootless-storage/session-helper --uid", processes: 1).status == 2)
  }

  /// Whole transactions. The session is opened without a log to write to, since that would stay open.
  private func sessions(
    _ machine: Machine, _ options: String, count: Int = 1, user: String = "alice", children: Bool = true, processes: Int
  ) throws -> String {
    try machine.write("session required \(try Machine.modulePath()) strict \(options)\n", to: "/etc/pam.d/tested")
    return try check(
      machine, "'\(Machine.host ?? "")' --count \(count) /etc/pam.d tested \(user)", children: children, processes: processes
    ).text
  }

  @Test func `the module and the helper it starts`() throws {
    let machine = try Machine()
    try machine.user("alice")
    #expect(try sessions(machine, "timeout=60", processes: 2).contains("open=0 close=0"))
    #expect(try machine.sure("find /home/alice -type f | wc -l; ls /var/tmp").lines == ["2", "alice"])
    #expect(try sessions(machine, "timeout=60", count: 5, processes: 6).contains("open=0 close=0"))
  }

  @Test func `the module where nothing is to be done, and where nothing can be done`() throws {
    let machine = try Machine(homes: "tmpfs")
    try machine.user("alice")
    #expect(try sessions(machine, "timeout=60", processes: 2).contains("open=0"), "a local home")
    #expect(try sessions(machine, "uid_min=5000 timeout=x", count: 3, processes: 1).contains("open=0"), "below uid_min")
    #expect(try sessions(machine, "", user: "nobodythere", processes: 1).contains("open=0"), "no account")
    #expect(try sessions(machine, "helper=/nonexistent", count: 3, children: false, processes: 1).contains("open=14"), "no helper")
    try machine.write("#!/bin/sh\necho '<6>half'\nexec sleep 3600\n", to: "/etc/slow")
    try machine.sure("chmod 755 /etc/slow")
    #expect(
      try sessions(machine, "helper=/etc/slow timeout=1", children: false, processes: 1).contains("open=14"), "killed at its deadline")
    #expect(try machine.sure("ls -A /var/tmp").text == "")
  }
}
