import Foundation
import TestSupport
import Testing

/// A host whose services are laid out as RHEL's are, and whose stacks the real authselect has written: sshd → password-auth; login, su,
/// cron and systemd's user manager → system-auth. Debian's programs call them; the users are the directory's, and their homes on NFS 4.2.
@Suite(.enabled(if: Lab.isPossible && Packages.authselect != nil, Comment(rawValue: Lab.need)))
struct AuthselectStoryTests {
  private let lab: Lab

  init() throws { lab = try Lab(release: "trixie") }

  @Test func `on authselect's stacks people log in by ssh, su, console and cron, Podman runs, and disable leaves every byte`() throws {
    try lab.root("use-directory")
    try lab.install()
    try isLikeRedHat()
    try lab.giveSubordinateIDs()
    let before = try state()

    #expect(try codes() == ["pam-not-reached"])
    #expect(try lab.login("user9", "ls -d /var/tmp/user9 2>&1 || true").text.contains("No such file"))
    let enabled = try lab.root("rootless-storage pam enable && authselect check && authselect current --raw")
    #expect(enabled.lines.last == "custom/rootless-storage with-mkhomedir", "\(enabled)")
    #expect(try codes() == [])
    try eachSession("user1")
    try podmanWorks()
    try lab.root("authselect apply-changes && authselect check")
    try eachSession("user2")
    try lab.root("rootless-storage pam disable")
    #expect(try state() == before)
    try lab.root("authselect check && rootless-storage pam enable")

    // Another profile takes the line away, and the remedy brings it with that one.
    try lab.root("authselect select sssd with-faillock")
    #expect(try codes() == ["pam-not-reached"])
    try lab.root("rootless-storage pam enable && authselect check")
    #expect(try lab.root("authselect current --raw").lines == ["custom/rootless-storage with-faillock"])
    try eachSession("user3")

    // The line stays, and the remedy takes over what is newer.
    try lab.root("for file in /run/newer/*.deb; do dpkg-deb --extract $file /; done; ldconfig; authselect apply-changes --upgrade")
    #expect(try codes() == ["pam-profile-outdated"])
    try lab.root("rootless-storage pam enable && authselect check")
    #expect(try codes() == [])
    try eachSession("user4")

    try lab.root("rootless-storage pam disable && authselect check")
    #expect(try lab.root("authselect current --raw; ls -A /etc/authselect/custom").lines == ["sssd with-faillock"])
    #expect(try lab.login("user9", "ls -d /var/tmp/user9 2>&1 || true").text.contains("No such file"))
    #expect(try lab.loadFailures().filter { $0.contains("rootless") } == [])
  }

  /// Which file each service includes is the distribution's; that file is authselect's.
  private func isLikeRedHat() throws {
    let root = Packages.authselect ?? "/nonexistent"
    let libraries = "\(root)/usr/lib/x86_64-linux-gnu"
    try lab.put("\(root)/usr/bin/authselect", into: "/usr/bin")
    try lab.put("\(root)/usr/share/authselect", into: "/usr/share")
    for name in try FileManager.default.contentsOfDirectory(atPath: libraries) where name.hasPrefix("libauthselect.so.") {
      try lab.put("\(libraries)/\(name)", into: "/usr/lib/x86_64-linux-gnu")
    }
    try lab.put("\(root)/var/cache/newer", into: "/run")
    try lab.put("\(projectDirectory)/Tests/CommandLine/pam/rhel-9-sssd", into: "/run")
    try lab.root(
      """
      rm -rf /usr/sbin/pam-auth-update /usr/share/pam-configs /usr/lib/pam.d /etc/pam.d
      cp -r /run/rhel-9-sssd /etc/pam.d
      cd /etc/pam.d
      rm -f gdm-* *-auth postlogin
      mv crond cron
      printf 'session required pam_deny.so\\n' > other
      chown -R root:root .; chmod 755 .; chmod 644 *
      mkdir -p /etc/authselect/custom
      authselect select sssd with-mkhomedir --force
      """)
  }

  /// Everything that authselect and libpam read: names, modes, links, contents.
  private func state() throws -> [String] {
    try lab.root(
      """
      cd /; find etc/authselect etc/pam.d etc/nsswitch.conf -printf '%p %y %m %U:%G %l\\n' | LC_ALL=C sort
      find etc/authselect etc/pam.d etc/nsswitch.conf -type f -exec sha256sum {} + | LC_ALL=C sort
      """
    ).lines
  }

  private func codes() throws -> [String] {
    try Report(lab.root("rootless-storage check --json || true")).host.findings.map(\.code).filter { $0.hasPrefix("pam-") }
  }

  /// Every service's session makes the storage where there is none. The user manager's comes first, before that of whatever starts it; it
  /// stays, so that the others are seen by themselves.
  private func eachSession(_ user: String) throws {
    func expectMade(_ service: String) throws {
      let made = try lab.root("stat -c %U:%a /var/tmp/\(user); rm -rf /var/tmp/\(user)").text
      let log = try lab.log(of: service)
      #expect(
        made == "\(user):700\n" && log.contains("\(user): created storage directory /var/tmp/\(user) (mode 0700)"),
        "\(service): \(made) \(log)")
    }
    try lab.root("loginctl enable-linger \(user); systemctl start user@$(id -u \(user)).service")
    try expectMade("systemd-user")
    #expect(try lab.login(user, "cat .config/docker/daemon.json").text == "{ \"data-root\": \"/var/tmp/\(user)/docker\" }\n")
    try expectMade("sshd")
    try lab.root("su - \(user) -c true")
    try expectMade("su-l")
    try lab.root("su \(user) -c true")
    try expectMade("su")
    try lab.console(user)
    try expectMade("login")
    try lab.root("install -d -m 1777 /run/jobs; rm -f /run/jobs/*; echo '* * * * * \(user) id -un >> /run/jobs/\(user)' > /etc/cron.d/jobs")
    #expect(try lab.cronJobs(after: 0).first == user)
    try lab.root("rm /etc/cron.d/jobs")
    try expectMade("cron")
  }

  private func podmanWorks() throws {
    let output = try lab.login(
      "erin",
      "podman import -q /srv/image.tar localhost/test >/dev/null && podman run --rm --pull=never --network=none localhost/test stat -c %u:%g /etc/shadow /data/owned-by-999 && podman info --format '{{.Store.GraphDriverName}} {{.Store.GraphRoot}}'"
    )
    #expect(output.lines.suffix(3) == ["0:42", "999:999", "overlay /var/tmp/erin/containers/storage"], "\(output)")
  }
}
