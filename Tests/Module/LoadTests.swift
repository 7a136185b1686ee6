import Foundation
import TestSupport
import Testing

/// Many sessions: at once, and one after another in one process. With `Tests/run --full` 40 times as many of the latter.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct LoadTests {
  /// No login here may come to its deadline on a busy machine: what is tested is that nothing is lost, not how long it takes.
  private static let patient = "strict timeout=600"
  private static let processes =
    "exec python3 -c \"import os; print(*(open(f'/proc/{p}/comm').read().strip() for p in os.listdir('/proc') if p.isdigit()))\""
  private static let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil

  @Test func `64 sessions at once for one user make everything once and say it once`() throws {
    let machine = try Machine()
    try machine.user("alice")
    for _ in 0..<5 {
      try machine.sure("rm -rf /var/tmp/alice /home/alice/.config")
      let login = try machine.login("alice", LoadTests.patient, host: "--threads 64")
      #expect(login.code == 0 && login.output.status == 0, "\(login)")
      #expect(
        login.informations.sorted() == [
          "alice: created /home/alice/.config/containers/storage.conf", "alice: created /home/alice/.config/docker/daemon.json",
          "alice: created storage directory /var/tmp/alice (mode 0700)",
        ])
      #expect(login.log.count == 3, "\(login)")
      #expect(try machine.sure("find /home/alice -type f | wc -l").text == "2\n")
    }
  }

  @Test func `1000 users at once each get what is theirs, and every line is said once`() throws {
    let machine = try Machine(ownProcesses: true)
    try machine.sure(
      """
      for number in $(seq 1000); do
        uid=$((4000 + number))
        echo "user$number:x:$uid:$uid::/home/user$number:/bin/sh" >> /etc/passwd
        echo "user$number:x:$uid:" >> /etc/group
      done
      python3 -c "
      import os
      for number in range(1, 1001):
          os.mkdir(f'/home/user{number}', 0o700)
          os.chown(f'/home/user{number}', 4000 + number, 4000 + number)"
      """)
    let processes = try machine.sure(LoadTests.processes).text
    let first = try machine.login("user", LoadTests.patient, host: "--users 1000")
    #expect(first.code == 0 && first.output.status == 0 && first.log.count == 3000, "\(first.code), \(first.log.count) lines")
    let expected = (1...1000).flatMap {
      [
        "user\($0): created /home/user\($0)/.config/containers/storage.conf",
        "user\($0): created /home/user\($0)/.config/docker/daemon.json",
        "user\($0): created storage directory /var/tmp/user\($0) (mode 0700)",
      ]
    }
    #expect(first.informations.sorted() == expected.sorted())
    #expect(first.output.text.contains("children=0"))
    // Everything that exists is the one user's whose name is in its path.
    let census = """
      import collections, os, pwd, stat
      seen = collections.Counter()
      for place in '/home', '/var/tmp':
          for top in os.listdir(place):
              for path, _, names in os.walk(f'{place}/{top}'):
                  for name in ['.', *names]:
                      status = os.lstat(f'{path}/{name}')
                      whose = 'own' if pwd.getpwuid(status.st_uid).pw_name == top else f'foreign in {top}'
                      seen[os.path.normpath(f'{path}/{name}').replace(top, '*', 1), f'{stat.S_IMODE(status.st_mode):o}', whose] += 1
      for (path, mode, whose), count in sorted(seen.items()): print(count, mode, whose, path)
      """
    try machine.write(census, to: "/etc/census")
    #expect(
      try machine.sure("python3 /etc/census").lines == [
        "1000 700 own /home/*", "1000 700 own /home/*/.config", "1000 700 own /home/*/.config/containers",
        "1000 644 own /home/*/.config/containers/storage.conf",
        "1000 700 own /home/*/.config/docker", "1000 644 own /home/*/.config/docker/daemon.json", "1000 700 own /var/tmp/*",
        "1000 700 own /var/tmp/*/containers", "1000 700 own /var/tmp/*/docker",
      ])
    // The second time there is nothing to do, and nothing is said or left.
    let second = try machine.login("user", LoadTests.patient, host: "--users 1000")
    #expect(second.code == 0 && second.output.status == 0 && second.log.isEmpty && second.output.text.contains("children=0"), "\(second)")
    #expect(try machine.sure(LoadTests.processes).text == processes)
  }

  @Test func `transactions in one process leave no memory, no descriptor and no process behind`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", LoadTests.patient, host: "--count \(LoadTests.isFull ? 200_000 : 5000) --memory")
    let figures = login.output.lines.filter { $0.hasPrefix("descriptors=") }.map { $0.split { !$0.isNumber }.compactMap { Int($0) } }
    try #require(figures.count == 3)
    #expect(figures[1][0] == figures[2][0])
    #expect(figures[2][1] - figures[1][1] <= 256, "kilobytes, from the tenth part of the transactions to the last: \(login)")
    // Other tests have helpers of their own at the same time; this host's are its children.
    #expect(login.output.text.contains("children=0"))
    #expect(login.code == 0 && login.output.status == 0 && login.log.count == 3, "\(login)")
    print("load: \(login.output.lines.filter { $0.hasPrefix("descriptors=") })")
  }

  @Test func `of many transactions each says its line, once`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice")
    let count = LoadTests.isFull ? 20_000 : 1000
    let login = try machine.login("alice", "\(LoadTests.patient) debug", host: "--count \(count)")
    let line = "alice: storage directory /var/tmp/alice and the files in the home are in place"
    #expect(login.debugs == Array(repeating: line, count: count), "\(login.debugs.count) of \(count)")
    #expect(login.log.count == count)
  }
}
