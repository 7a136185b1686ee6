import Foundation
import TestSupport
import Testing

/// From the first package that sites have to this one: what they have stays as it is, and nothing is deleted or refused that was not
/// before. That package is compiled from its own commit, which takes minutes, so it is there with Tests/run --all.
@Suite(
  .enabled(if: DebianRoot.isPossible && DebianRoot.formerDeb != nil, "needs the first package: Tests/run --all, in a clone with its commit")
)
struct FormerPackageTests {
  private let settings = "/etc/rootless-storage/rootless-storage.conf"

  /// A host with users, one of whom has left, and with the option strict.
  private func former(_ configure: String) throws -> DebianRoot {
    let root = try DebianRoot()
    // As on a host: a number of its own, and a disk that engines can use.
    try root.sure("echo 0123456789abcdef0123456789abcdef > /etc/machine-id; mount -t tmpfs -o mode=1777 disk /var/tmp")
    try root.install(try #require(DebianRoot.formerDeb))
    try root.sure(configure)
    try root.sure("sed -i 's/pam_rootless_storage.so/& strict/' /etc/pam.d/common-session; systemctl enable rootless-storage-prune.timer")
    for (number, name) in ["alice", "bob", "carol"].enumerated() {
      // Uids of no other test, whose processes are seen here: what is in use stays.
      try root.user(name, uid: 4761 + number)
      let login = try root.login(name)
      #expect(login.code == 0 && own(login).count == 3, "\(login)")
      try root.sure(
        "install -d -o \(name) -g \(name) -m 700 /var/tmp/\(name)/containers /var/tmp/\(name)/containers/storage; head -c 100000 /dev/zero > /var/tmp/\(name)/containers/storage/layer; chown \(name): /var/tmp/\(name)/containers/storage/layer"
      )
    }
    try root.sure("test $(grep -c : /etc/subuid) -ge 3; userdel carol")
    return root
  }

  /// What our module has logged.
  private func own(_ login: Login) -> [String] { login.log.map(\.text).filter { !$0.hasPrefix("pam_") } }

  private static let configured = "printf 'network_filesystems = ramfs\\nuid_max = 60000\\n' >> /etc/rootless-storage/rootless-storage.conf"
  /// The shipped file as it was shipped, and the site's own elsewhere.
  private static let elsewhere =
    "mkdir /etc/site; printf 'network_filesystems = ramfs\\n' > /etc/site/storage.conf; sed -i 's,pam_rootless_storage.so,& conf=/etc/site/storage.conf,' /etc/pam.d/common-session /etc/pam.d/common-session-noninteractive"

  /// What belongs to users, with times.
  private func belongings(_ root: DebianRoot) throws -> String {
    try root.sure(
      "find /home /var/tmp -printf '%p %y %m %U:%G %s %T@\\n' | LC_ALL=C sort; cat /etc/subuid /etc/subgid; cat /home/*/.config/*/*"
    ).text
  }

  /// Without what does not count: pam-auth-update puts options in its own order, and the former profile had a blank at the end of its line.
  private func stacks(_ root: DebianRoot) throws -> [String] {
    try root.sure("cat /etc/pam.d/common-*").lines.map {
      $0.contains("rootless") ? $0.split(whereSeparator: \.isWhitespace).sorted().joined(separator: " ") : $0
    }
  }

  /// The places of all values: `users[].storage.path`.
  private static func places(_ value: Any, _ place: String = "") -> Set<String> {
    if let object = value as? [String: Any] { return object.reduce(into: []) { $0.formUnion(places($1.value, "\(place).\($1.key)")) } }
    if let list = value as? [Any] { return list.reduce(into: [place]) { $0.formUnion(places($1, "\(place)[]")) } }
    return [place]
  }

  private func reports(_ root: DebianRoot) throws -> [String: [String: Any]] {
    var reports: [String: [String: Any]] = [:]
    for command in ["check --json alice", "list --json", "subids list --json"] {
      let output = try root.sh("rootless-storage \(command) 2> /dev/null")
      reports[command] = try #require(
        try JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? [String: Any], "\(command): \(output)")
    }
    return reports
  }

  @Test(arguments: [(configured, 1), (elsewhere, 0)])
  func `a host with users takes the upgrade as it is`(configure: String, questions: Int) throws {
    let root = try former(configure)
    let stacks = try stacks(root), kept = try root.sure("cat \(settings)").text
    let before = try belongings(root), said = try reports(root)

    // A file that somebody has changed, and that is another one now, is the only question.
    let upgrade = try root.sure(
      "dpkg \(questions > 0 ? "--force-confdef --force-confold" : "") --install \(DebianRoot.inside(DebianRoot.nextDeb)) 2>&1 < /dev/null"
    ).text
    #expect(upgrade.split(separator: "\n").filter { $0.hasPrefix("Configuration file ") }.count == questions, "\(upgrade)")
    #expect(
      try root.sure("dpkg-query --show --showformat '${Version} ${db:Status-Status}' libpam-rootless-storage").text == "1000.0 installed")
    if questions > 0 { #expect(try root.sure("cat \(settings)").text == kept) }
    #expect(try self.stacks(root) == stacks)
    let lines = try root.session("common-session").filter { $0.contains("rootless") }
    #expect(lines.count == 1 && lines[0].hasPrefix(DebianRoot.line) && lines[0].contains(" strict"), "\(lines)")
    #expect(try root.session("common-session-noninteractive").filter { $0.contains("rootless") }.count == 1)
    #expect(
      try root.sh("systemctl is-enabled rootless-storage-prune.timer rootless-storage-check.timer").text == "enabled\ndisabled\n",
      "what was on is on")
    #expect(try belongings(root) == before)

    // Logins as before, and nothing that a filter of the log's has not seen.
    for name in ["alice", "bob"] {
      let login = try root.login(name)
      #expect(login.code == 0 && own(login).isEmpty, "\(login)")
    }
    #expect(try belongings(root) == before)

    // Programs that read the reports find in them what they did.
    let says = try reports(root)
    for (command, old) in said {
      let new = try #require(says[command])
      #expect(FormerPackageTests.places(old).subtracting(FormerPackageTests.places(new)) == [], "\(command)")
      #expect(new["version"] as? Int == old["version"] as? Int, "\(command)")
    }
    let findings = (says["check --json alice"]?["users"] as? [[String: Any]])?.first?["findings"] as? [[String: Any]]
    #expect(findings?.allSatisfy { $0["severity"] as? String == "note" } == true, "\(findings ?? [])")

    // Who is gone was gone at once for the former one. This one has never looked yet.
    #expect("\(said["list --json"] ?? [:])".contains("orphaned"))
    let prune = try root.sh("rootless-storage prune --orphaned --yes 2>&1")
    #expect(try root.sh("test -e /var/tmp/carol/containers/storage/layer").status == 0, "\(prune)")
    #expect(try root.sh("stat -c '%a %U' /var/lib/rootless-storage/orphans").text == "600 root\n", "\(prune)")
    let named = try root.sh("rootless-storage prune --yes carol 2>&1")
    #expect(try root.sh("test -e /var/tmp/carol/containers/storage").status != 0, "named, it goes: \(named)")
    #expect(try root.sh("test -e /var/tmp/alice/containers/storage/layer && test -e /var/tmp/bob/containers/storage/layer").status == 0)
  }
}
