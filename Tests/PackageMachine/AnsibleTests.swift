import Foundation
import TestSupport
import Testing

/// The role packaging/ansible/rootless_storage against a virtual machine, with Debian's ansible-playbook.
///
/// A play is a minute of an emulated processor. So few of them tell the whole story, each from what the one before has left.
@Suite(.serialized, .enabled(if: Lab.isPossible && Site.package != nil, Comment(rawValue: Lab.need)))
struct AnsibleTests {
  @Test func `a fleet takes it, moves its storage, goes back a version, and gets rid of it`() throws {
    let site = try Site()
    let lab = site.lab
    // alice is logged in before all this, and nothing has been made for her.
    try lab.root("loginctl enable-linger alice")

    // Check mode on a host that knows nothing of it.
    let before = try lab.root(Site.snapshot).text
    let fresh = try site.play("--check")
    #expect(fresh.recap["failed"] == 0 && fresh.recap["changed", default: 0] > 0, "\(fresh)")
    let untouched = try lab.root(Site.snapshot).text
    #expect(untouched == before, "\(Site.difference(before, untouched))")

    let first = try site.play()
    #expect(first.recap["failed"] == 0, "\(first)")
    #expect(
      try lab.root("grep -v '^#' /etc/rootless-storage/rootless-storage.conf").lines == [
        "network_filesystems = nfs nfs4", "uid_max = 40000", "subids = off", "reserved_ids = 5000000-5999999 7",
      ])
    #expect(
      try lab.root("grep -h rootless /etc/pam.d/common-session{,-noninteractive} | tr -s '\\t ' ' '").lines
        == Array(repeating: "session optional pam_rootless_storage.so ", count: 2))
    #expect(try lab.root("systemctl is-enabled rootless-storage-prune.timer || true").text == "disabled\n")
    // What alice's session lacked was made as her login would have made it.
    #expect(
      try lab.root("stat -c '%a %U' /var/tmp/alice; runuser -u alice -- sh -c 'cd; cat .site; ls .config .config/containers'").lines == [
        "700 alice", "for alice", ".config:", "containers", ".config/containers:", "storage.conf",
      ])
    // dpkg has put its own version beside the changed one. It is in nobody's home, neither is what the site does not want.
    #expect(
      try lab.root("cd /etc/rootless-storage/skel; find . -type f | LC_ALL=C sort").lines == [
        "./.config/containers/storage.conf", "./.config/containers/storage.conf.dpkg-dist", "./.site",
      ])
    #expect(try lab.login("bob", "cd; find .site .config -type f").lines == [".site", ".config/containers/storage.conf"])

    // A second run changes nothing, and says so; and so does check mode.
    let state = try lab.root(Site.snapshot).text
    for options in ["", "--check"] {
      let again = try site.play(options)
      #expect(again.recap["failed"] == 0 && again.recap["changed"] == 0, "\(options): \(again)")
    }
    let now = try lab.root(Site.snapshot).text
    #expect(now == state, "\(Site.difference(state, now))")

    // The gate: an error fails the play and is shown with what fixes it, on this host and of a user.
    try lab.root(
      "mv /usr/bin/newuidmap /usr/bin/newuidmap.away; runuser -u bob -- sed -i /graphroot/d /home/nfs4/bob/.config/containers/storage.conf")
    let stopped = try site.play()
    #expect(stopped.recap["failed"] == 1, "\(stopped)")
    for said in ["error newuidmap: ", "sudo apt install uidmap", "error graphroot-missing: ", "rootless-storage repair bob"] {
      #expect(stopped.text.contains(said), "\(said) in \(stopped)")
    }
    try lab.root("mv /usr/bin/newuidmap.away /usr/bin/newuidmap; rootless-storage repair bob")

    // The gate asks the engines of those that the site names; without a daemon of theirs, only Podman.
    let asked = try site.play(variables: ["rootless_storage_verify_users": ["alice", "bob"]])
    #expect(asked.recap["failed"] == 0 && asked.recap["changed"] == 0, "\(asked)")
    try lab.root(
      "mv /usr/bin/podman /usr/bin/podman.away; printf '#!/bin/sh\\necho broken; exit 125\\n' > /usr/bin/podman; chmod 755 /usr/bin/podman")
    let unfit = try site.play()
    #expect(
      unfit.recap["failed"] == 1 && unfit.text.contains("error engine-fails: Podman failed at the step info: ")
        && unfit.text.contains("broken"), "\(unfit)")
    try lab.root("mv /usr/bin/podman.away /usr/bin/podman")

    // Moved, and back to an older version, in one play.
    #expect(try lab.login("bob", "podman import -q /srv/image.tar localhost/test").status == 0)
    let older = try site.olderPackage()
    let moved = try site.play(variables: [
      "rootless_storage_verify_users": [String](), "rootless_storage_package": older,
      "rootless_storage_storage_directory": "/var/lib/storage/$USER", "rootless_storage_prune_timer": true,
      "rootless_storage_check_timer": true,
    ])
    #expect(moved.recap["failed"] == 0 && moved.text.contains("warning graphroot-stale: "), "\(moved)")
    #expect(
      try lab.root(
        "dpkg-query -W -f '${Version}' libpam-rootless-storage; systemctl is-active rootless-storage-prune.timer rootless-storage-check.timer; stat -c '%a %U' /var/lib/storage"
      ).lines == [
        "0.1active", "active", "755 root",
      ])
    let graphroot = "podman info --format '{{.Store.GraphRoot}}'; podman images -q | wc -l"
    // The file in bob's home is bob's: what runs goes on at the old place, until somebody repairs it.
    #expect(try lab.login("bob", graphroot).lines == ["/var/tmp/bob/containers/storage", "1"])
    try lab.root("rootless-storage repair bob")
    #expect(try lab.login("bob", graphroot).lines == ["/var/lib/storage/bob/containers/storage", "0"])
    #expect(
      try lab.root("ls -d /var/tmp/bob/containers/storage/overlay-images; runuser -u bob -- sh -c 'ls ~/.config/containers | grep -c bak'")
        .lines == ["/var/tmp/bob/containers/storage/overlay-images", "2"])

    // A line of the settings that would not be understood never gets there.
    let good = try lab.root("cat /etc/rootless-storage/rootless-storage.conf").text
    let refused = try site.play(variables: ["rootless_storage_storage_directory": "/var/lib/storage"])
    #expect(refused.recap["failed"] == 1 && refused.text.contains("settings-problem"), "\(refused)")
    #expect(try lab.root("cat /etc/rootless-storage/rootless-storage.conf").text == good)

    // Away with it: nothing of it is left but what is the users'.
    let removed = try site.play(variables: ["rootless_storage_state": "absent", "rootless_storage_purge": true])
    #expect(removed.recap["failed"] == 0, "\(removed)")
    #expect(
      try lab.root(
        "grep -rl rootless_storage /etc/pam.d || true; ls -d /etc/rootless-storage /usr/bin/rootless-storage /var/cache/rootless-storage* 2>/dev/null || true; dpkg -l libpam-rootless-storage 2>/dev/null | grep -c ^.[^n] || true"
      ).lines.last == "0")
    #expect(try lab.login("bob", "echo in; ls ~/.config/containers/storage.conf").lines.first == "in")
    let absent = try site.play(variables: ["rootless_storage_state": "absent", "rootless_storage_purge": true])
    #expect(absent.recap["failed"] == 0 && absent.recap["changed"] == 0, "\(absent)")
  }
}

/// A site: one host, and a folder with its inventory and its play.
final class Site {
  static let package = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_DEB"]

  /// What a play did.
  struct Play: CustomStringConvertible {
    let text: String
    /// Of the one host: ok, changed, unreachable, failed, skipped.
    let recap: [String: Int]

    var description: String { text }
  }

  /// Lines that one of them has and the other has not.
  static func difference(_ before: String, _ after: String) -> [String] {
    Set(before.split(separator: "\n")).symmetricDifference(after.split(separator: "\n")).sorted().prefix(20).map(String.init)
  }

  /// All that a play could have changed, with the times of changes: not the locks of dpkg, nor what apt remembers of its lists.
  static let snapshot = """
    find /etc /usr/lib/x86_64-linux-gnu/security /usr/libexec /usr/bin /var/cache /var/lib/dpkg /var/tmp -xdev \\
      -not -path '/etc/rootless-storage/*.dpkg-*' -not -path '*/systemd-private-*' -not -path '/var/lib/dpkg/lock*' \\
      -not -path '/var/cache/apt*' -printf '%p %y %m %U %s %T@\\n' | LC_ALL=C sort
    """

  let lab: Lab
  private let folder: String
  private var variables: [String: Any] = [
    "rootless_storage_uid_max": 40000, "rootless_storage_network_filesystems": ["nfs", "nfs4"], "rootless_storage_subids": "off",
    "rootless_storage_reserved_ids": ["5000000-5999999", "7"],
    "rootless_storage_skeleton": [
      ".config/containers/storage.conf": "# The site's.\n[storage]\ndriver = \"overlay\"\ngraphroot = \"@STORAGE@/containers/storage\"\n",
      ".config/docker/daemon.json": NSNull(), ".site": "for @USER@\n",
    ] as [String: Any],
  ]

  init() throws {
    lab = try Lab()
    folder = try run("/usr/bin/mktemp", ["-d"]).lines[0]
    variables["rootless_storage_package"] = Site.package ?? ""
    try "lab1 \(try lab.sshVariables) ansible_python_interpreter=/usr/bin/python3\n".write(
      toFile: folder + "/hosts", atomically: true, encoding: .utf8)
    try "- hosts: all\n  gather_facts: false\n  roles: [rootless_storage]\n".write(
      toFile: folder + "/site.yml", atomically: true, encoding: .utf8)
  }

  deinit { _ = try? run("/bin/rm", ["-rf", folder]) }

  /// - Parameter variables: from here on, those of the site.
  func play(_ options: String = "", variables: [String: Any] = [:]) throws -> Play {
    self.variables.merge(variables) { $1 }
    try JSONSerialization.data(withJSONObject: self.variables).write(to: URL(fileURLWithPath: folder + "/variables.json"))
    let roles = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../packaging/ansible").standardized
      .path
    let output = try run(
      "/usr/bin/timeout",
      ["--kill-after=5", "900", "ansible-playbook", "-i", "\(folder)/hosts", "-e", "@\(folder)/variables.json"]
        + options.split(separator: " ").map(String.init) + ["\(folder)/site.yml"],
      environment: [
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8", "ANSIBLE_ROLES_PATH": roles,
        "ANSIBLE_PIPELINING": "1", "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": folder,
      ])
    guard let line = output.lines.last(where: { $0.hasPrefix("lab1 ") && $0.contains("ok=") }) else {
      throw CommandFailure(description: "no play took place: \(output)")
    }
    var recap: [String: Int] = [:]
    for word in line.split(separator: " ") {
      let pair = word.split(separator: "=")
      if pair.count == 2 { recap[String(pair[0])] = Int(pair[1]) }
    }
    return Play(text: output.text, recap: recap)
  }

  /// The same package with a lower version.
  func olderPackage() throws -> String {
    let older = folder + "/older.deb"
    let made = try run(
      "/bin/bash",
      [
        "-c",
        "set -e; dpkg-deb -R '\(Site.package ?? "")' '\(folder)/older'; sed -i 's/^Version: .*/Version: 0.1/' '\(folder)/older/DEBIAN/control'; dpkg-deb --root-owner-group -Zgzip -b '\(folder)/older' '\(older)'",
      ])
    if made.status != 0 { throw CommandFailure(description: "\(made)") }
    return older
  }
}
