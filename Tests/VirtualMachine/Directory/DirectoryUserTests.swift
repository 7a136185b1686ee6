import Foundation
import TestSupport
import Testing

/// Users of a directory (slapd and sssd), whom no file of the host names and to whom nobody gives subordinate ids: `subids = allocate`.
@Suite(.serialized, .enabled(if: Lab.isPossible && Machine.host != nil, Comment(rawValue: Lab.need)))
struct DirectoryUserTests {
  /// 100000 + (20001 - 1000) * 65536, and the next.
  private static let erin = 1_245_349_536, frank = 1_245_415_072
  private static let settings = "subids = allocate\nuid_max = 60000\nreserved_ids = 1000-60000\nsubid_max = 4294967294"
  private static let map = "podman unshare cat /proc/self/uid_map"
  private static let owners =
    "podman import -q /srv/image.tar localhost/test && podman run --rm --pull=never --network=none localhost/test stat -c %u:%g /etc/shadow /data/owned-by-999 /data/owned-by-root"
  /// Inode and change of the files, and what else is beside them.
  private static let state = "cd /etc; stat -c '%n %i %Z' *sub* .pwd.lock"

  private func added(_ user: String, _ first: Int) -> String { "\(user): added subordinate uids and gids \(first)-\(first + 65535)" }

  @Test func `at a directory user's first login Podman works at the first attempt; who had run it before needs podman system migrate`()
    throws
  {
    let lab = try Lab()
    try lab.useDirectory()
    // Storage alone is not enough.
    let before = try lab.login("erin", "podman import -q /srv/image.tar localhost/test; echo status $?; \(DirectoryUserTests.map)")
    #expect(
      before.text.contains("status 125")
        && before.text.contains("potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for /etc/shadow)"),
      "\(before)")
    #expect(identifierMap(before.lines).contains("0 20001 1"), "\(before)")

    try lab.addSettings(DirectoryUserTests.settings)
    try lab.root("chgrp shadow /etc/subuid; cp -p /etc/subuid /root/subuid; cp -p /etc/subgid /root/subgid")
    let first = try lab.login("frank", "\(DirectoryUserTests.owners); \(DirectoryUserTests.map)")
    #expect(first.lines.suffix(5).prefix(3) == ["0:42", "999:999", "0:0"], "\(first)")
    let frank = ["0 20002 1", "1 \(DirectoryUserTests.frank) 65536"]
    #expect(identifierMap(first.lines.suffix(2)) == frank, "\(first)")
    // The tool itself: all of the range, and not one more.
    let tool = try lab.login(
      "frank",
      """
      unshare -U sleep 60 & sleep 1
      newuidmap $! 0 20002 1 1 \(DirectoryUserTests.frank) 65537
      newuidmap $! \(frank.joined(separator: " ")) && newgidmap $! \(frank.joined(separator: " ")) && cat /proc/$!/uid_map /proc/$!/gid_map
      kill $!
      """)
    #expect(tool.lines.first?.contains("not allowed") == true && identifierMap(tool.lines.dropFirst()) == frank + frank, "\(tool)")
    #expect(try lab.log().filter { $0.contains("ubordinate") } == [added("frank", DirectoryUserTests.frank)])
    for file in ["subuid", "subgid"] {
      #expect(try lab.root("diff /root/\(file) /etc/\(file) || true").lines.dropFirst() == ["> frank:\(DirectoryUserTests.frank):65536"])
      #expect(try lab.root("stat -c '%a %U:%G' /root/\(file) /etc/\(file) | uniq | wc -l; cmp /root/\(file) /etc/\(file)-").text == "1\n")
    }
    let seen = try lab.root(DirectoryUserTests.state).text
    #expect(try lab.login("frank", "true").status == 0)
    #expect(try lab.root(DirectoryUserTests.state).text == seen, "a second login writes nothing")

    // The pause process keeps the namespace of the time before.
    let late = try lab.login(
      "erin", "\(DirectoryUserTests.map); podman system migrate; \(DirectoryUserTests.map); \(DirectoryUserTests.owners)")
    #expect(identifierMap(late.lines.prefix(3)) == ["0 20001 1", "0 20001 1", "1 \(DirectoryUserTests.erin) 65536"], "\(late)")
    #expect(late.lines.suffix(3) == ["0:42", "999:999", "0:0"], "\(late)")
  }

  @Test func `every host computes the same range, also while the directory is away; and where ids are somebody else's nothing is written`()
    throws
  {
    let lab = try Lab([.lab1, .lab2], processors: 2)
    for host in [Lab.Host.lab1, .lab2] { try lab.useDirectory(settings: DirectoryUserTests.settings, on: host) }
    // Two sessions at once, and one on the other host.
    let logins = try lab.atOnce([(.lab1, "true"), (.lab1, "true"), (.lab2, "true")], user: "erin")
    #expect(logins.map(\.status) == [0, 0, 0], "\(logins)")
    for host in [Lab.Host.lab1, .lab2] {
      #expect(
        try lab.root("grep -h erin /etc/subuid /etc/subgid", on: host).lines
          == Array(repeating: "erin:\(DirectoryUserTests.erin):65536", count: 2))
      #expect(try lab.log(on: host).filter { $0.contains("ubordinate") } == [added("erin", DirectoryUserTests.erin)])
      #expect(try lab.root("cd /etc; echo *sub*", on: host).text == "subgid subgid- subuid subuid-\n")
    }
    try overlaps(lab)
    try away(lab)
  }

  /// What user1 is refused, and why: 100000 + (21001 - 1000) * 65536 is the first of the ids.
  private static let obstacles: [(String, String?)] = [
    ("useradd --no-create-home --uid 1310885600 inside", "1310885600 is the uid of inside in /etc/passwd"),
    ("groupadd --gid 1310951071 inside", "1310951071 is the gid of inside in /etc/passwd or /etc/group"),
    ("echo erin:1310885536:1 >> /etc/subuid", "erin has 1310885536-1310885536 in /etc/subuid"),
    ("echo 21002:0x4e22ffff:9 >> /etc/subgid", "21002 has 1310916607-1310916615 in /etc/subgid"),
    // grace's, whom only the directory knows.
    (
      "grep -q :1310900000: <(getent passwd grace); echo reserved_ids = 1310900000-1310999999 >> /etc/rootless-storage/rootless-storage.conf",
      "1310900000-1310999999 are reserved (reserved_ids)"
    ),
    // Where they come from elsewhere, it is no fault, and nobody is warned.
    ("echo subid: sss >> /etc/nsswitch.conf", nil),
  ]

  private func overlaps(_ lab: Lab) throws {
    try lab.root("cp -a /etc /root/etc")
    for (obstacle, says) in DirectoryUserTests.obstacles {
      try lab.root("set -e; \(obstacle)")
      let seen = try lab.root(DirectoryUserTests.state).text
      let before = try lab.log(of: "tested").count
      let session = try lab.session("user1")
      let log = try lab.log(of: "tested").dropFirst(before).filter { $0.contains("ubordinate") }
      #expect(session.text.hasPrefix("open=0 ") && session.status == 0, "\(obstacle): \(session)")
      let why = says.map {
        "user1: no subordinate ids are given: the ids 1310885536-1310951071 would be somebody else's too: \($0); with ids in common, one could act as the other; add a range that is free with usermod, or set other bounds"
      }
      #expect(log == (why.map { [$0] } ?? []), "\(obstacle)")
      #expect(try lab.root(DirectoryUserTests.state).text == seen, "\(obstacle)")
      try lab.root("cd /root/etc; cp -a passwd group shadow gshadow subuid subgid nsswitch.conf rootless-storage /etc")
    }
    #expect(
      try lab.login("user1", "grep -h user1: /etc/subuid /etc/subgid").lines == Array(repeating: "user1:1310885536:65536", count: 2),
      "without an obstacle")
  }

  private func away(_ lab: Lab) throws {
    // lab2 has asked for frank before, and never for user7.
    try lab.root("id frank", on: .lab2)
    try lab.root("systemctl stop slapd")
    try lab.root("! getent passwd user7", on: .lab2)
    #expect(
      try lab.login("frank", "grep -h frank /etc/subuid /etc/subgid", on: .lab2).lines
        == Array(repeating: "frank:\(DirectoryUserTests.frank):65536", count: 2))
    let seen = try lab.root(DirectoryUserTests.state, on: .lab2).text
    for (user, before) in [("user7", "true"), ("user8", "systemctl stop sssd")] {
      try lab.root(before, on: .lab2)
      #expect(try lab.session(user, on: .lab2).text.hasPrefix("open=0 "), "\(user)")
      let log = try lab.log(of: "tested", on: .lab2)
      #expect(log.last == "\(user): the account cannot be looked up, nothing is done; is the name service up?", "\(log)")
      #expect(try lab.root(DirectoryUserTests.state, on: .lab2).text == seen)
    }
    #expect(try lab.login("dave", "echo in", on: .lab2).text == "in\n")
  }

  @Test func `forty first logins among useradd, usermod and userdel: no line is lost, and no two ranges overlap`() throws {
    let lab = try Lab(processors: 2)
    try lab.useDirectory(settings: "subids = allocate\nuid_max = 60000\nreserved_ids = 1000-60000\nsubid_scheme = first-free")
    let before = try lab.subordinateFiles()
    // useradd takes the lowest free ids too.
    try lab.root(
      """
      cat > /run/edit <<'END'
      for n in $(seq 8); do
        useradd --no-create-home local$n || echo FAILED useradd
        usermod --add-subuids $((900000000 + n * 65536))-$((900065535 + n * 65536)) local$n || echo FAILED usermod
        [ $((n % 2)) = 0 ] || userdel local$n || echo FAILED userdel
      done
      echo end
      END
      bash /run/edit > /run/edit.log 2>&1 &
      """)
    let login = try lab.session("user", host: "--users 40", timeout: 240)
    #expect(login.status == 0 && login.text.contains("open=0 ") && login.text.contains("differing=0"), "\(login)")
    try lab.root("for n in $(seq 600); do ! grep -qx end /run/edit.log || exit 0; sleep 0.2; done; exit 1")
    #expect(try lab.root("grep FAILED /run/edit.log || true").text == "")
    let log = try lab.log(of: "tested")
    #expect(log.filter { $0.contains(": added subordinate uids and gids ") }.count == 40, "\(log.filter { $0.contains("ubordinate") })")

    let kept = (1...4).map { "local\($0 * 2)" }
    for (old, new) in zip(before, try lab.subordinateFiles()) {
      #expect(new.starts(with: old), "the lines that were there, in their order")
      let more = new.dropFirst(old.count)
      #expect(Set(more.map(\.owner)) == Set((1...40).map { "user\($0)" } + kept))
      #expect(more.filter { $0.owner.hasPrefix("user") }.count == 40)
      let ranges = new.compactMap(\.range).sorted { $0.lowerBound < $1.lowerBound }
      #expect(ranges.count == new.count, "\(new)")
      for (left, right) in zip(ranges, ranges.dropFirst()) { #expect(left.upperBound < right.lowerBound) }
    }
    #expect(try lab.root("cd /etc; echo *sub*").text == "subgid subgid- subuid subuid-\n")
  }
}
