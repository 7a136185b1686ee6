import Foundation
import TestSupport
import Testing

/// `pam enable` where the real authselect writes the session stacks: services as RHEL 9 has them, in Debian, which packages authselect.
/// The product is the RPM's.
@Suite(.enabled(if: DebianRoot.isPossible && DebianRoot.authselectBase != nil, Comment(rawValue: DebianRoot.need)))
struct AuthselectTests {
  /// Which file each service includes is the distribution's; that file is authselect's.
  private static let services = ["sshd", "login", "su", "crond", "systemd-user"]

  /// - Parameter profile: what is selected, with features.
  private func redHat(_ profile: String = "sssd with-mkhomedir") throws -> DebianRoot {
    let root = try DebianRoot(DebianRoot.authselectBase)
    let installed = try root.outside(
      """
      set -e; r=/mnt/root; rm -rf $r/usr/sbin/pam-auth-update $r/usr/share/pam-configs $r/usr/lib/pam.d $r/etc/pam.d; mkdir -p $r/etc/pam.d $r/etc/authselect/custom
      cp '\(projectDirectory)/Tests/CommandLine/pam/rhel-9-sssd/'* $r/etc/pam.d/; rm -f $r/etc/pam.d/*-auth $r/etc/pam.d/postlogin
      printf 'session required pam_deny.so\\n' > $r/etc/pam.d/other; for service in gdm-fingerprint gdm-smartcard; do rm -f $r/etc/pam.d/$service; done
      ln -s /usr/lib64/security/pam_rootless_storage.so $r/usr/lib/$(uname -m)-linux-gnu/security/pam_rootless_storage.so
      rpm --root $r --force-debian --nodeps --install '\(DebianRoot.rpm)'
      """)
    if installed.status != 0 { throw CommandFailure(description: "\(installed)") }
    // overlay, on which the whole Debian is here, is no place for engines.
    try root.sure(
      "mount -t tmpfs -o mode=1777 storage /var/tmp; authselect select \(profile) --force; printf 'network_filesystems = ramfs\\n' > /etc/rootless-storage/rootless-storage.conf"
    )
    try root.user("alice", uid: 4001)
    return root
  }

  /// Everything that authselect and libpam read: names, modes, links, contents.
  private func state(_ root: DebianRoot) throws -> String {
    try root.sure(
      """
      cd /; find etc/authselect etc/pam.d etc/nsswitch.conf var/lib/authselect -printf '%p %y %m %U:%G %l\\n' | LC_ALL=C sort
      find etc/authselect etc/pam.d -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
      """
    ).text
  }

  private func current(_ root: DebianRoot) throws -> String { try root.sure("authselect current --raw").lines[0] }

  /// What `check` says of stacks.
  private func findings(_ root: DebianRoot) throws -> [Report.Finding] {
    try Report(root.sh("rootless-storage check --json")).host.findings.filter { $0.code.hasPrefix("pam-") }
  }

  private func codes(_ root: DebianRoot) throws -> [String] { try findings(root).map(\.code) }

  /// What it advises, as root would type it.
  private func remedy(_ root: DebianRoot, _ code: String) throws -> String {
    try findings(root).first { $0.code == code }?.remedy.replacing("sudo ", with: "") ?? "no finding \(code)"
  }

  /// A login by each service makes the storage, where there is none.
  private func expectLogins(_ root: DebianRoot, _ about: String) throws {
    for service in AuthselectTests.services {
      let login = try Login(
        try root.sh("rm -rf /var/tmp/alice /home/alice/.config /dev/log; /run/tests/pam-host --log /etc/pam.d \(service) alice"))
      #expect(
        login.code == 0 && login.informations.contains { $0.contains("alice: created storage directory /var/tmp/alice") },
        "\(about), \(service): \(login)")
      #expect(try root.sh("test -s /home/alice/.config/containers/storage.conf").status == 0, "\(about), \(service)")
    }
  }

  @Test(arguments: ["sssd with-mkhomedir", "local with-mkhomedir", "sssd with-mkhomedir with-faillock without-nullok", "winbind"])
  func `authselect's own stacks: sshd, login, su, cron and systemd's user manager prepare storage, and disable leaves every byte`(
    profile: String
  ) throws {
    let root = try redHat(profile)
    let before = try state(root)
    #expect(try codes(root) == ["pam-not-reached"])
    let enabled = try root.sh("rootless-storage pam enable")
    #expect(enabled.status == 0, "\(enabled)")
    let features = profile.drop { $0 != " " }
    #expect(try current(root) == "custom/rootless-storage\(features)")
    #expect(try root.sh("authselect check").status == 0)
    #expect(try codes(root) == [])
    try expectLogins(root, profile)
    // And a program that goes through all types of stacks.
    let su = try root.sh("rm -rf /var/tmp/alice /home/alice/.config; su alice -c 'test -d /var/tmp/alice/containers'")
    #expect(su.status == 0, "\(su)")

    try root.sure("authselect apply-changes")
    #expect(try root.sh("authselect check").status == 0)
    try expectLogins(root, "after apply-changes")
    #expect(try root.sure("rootless-storage pam enable").text.hasSuffix("nothing to do.\n"))

    let disabled = try root.sh("rootless-storage pam disable")
    #expect(disabled.status == 0, "\(disabled)")
    let after = try state(root)
    #expect(after == before)
    #expect(try root.sh("authselect check").status == 0)
  }

  @Test func `another profile that is selected takes the line away; check says so, and its remedy works with that profile`() throws {
    let root = try redHat()
    try root.sure("rootless-storage pam enable")
    for profile in ["local with-mkhomedir", "winbind", "sssd with-faillock"] {
      try root.sure("authselect select \(profile)")
      let before = try root.sure("cat /etc/authselect/authselect.conf /etc/authselect/*-auth | grep -v '^#'").text
      #expect(try codes(root) == ["pam-not-reached"], "\(profile)")
      let remedy = try remedy(root, "pam-not-reached")
      let output = try root.sh(remedy)
      #expect(remedy == "rootless-storage pam enable" && output.status == 0, "\(remedy): \(output)")
      #expect(try codes(root) == [] && root.sh("authselect check").status == 0)
      #expect(try current(root).hasPrefix("custom/rootless-storage") && root.sure("ls /etc/authselect/custom").text == "rootless-storage\n")
      try root.sure(
        "cmp <(grep -v '^session optional pam_rootless' /etc/authselect/custom/rootless-storage/system-auth) /usr/share/authselect/default/\(profile.prefix { $0 != " " })/system-auth"
      )
      try expectLogins(root, profile)
      try root.sure("rootless-storage pam disable")
      #expect(try root.sure("cat /etc/authselect/authselect.conf /etc/authselect/*-auth | grep -v '^#'").text == before, "\(profile)")
      try root.sure("rootless-storage pam enable")
    }
    // Left over, it is nobody's: disable takes it along.
    try root.sure("authselect select local")
    let (dry, listed) = (try root.sure("rootless-storage pam disable --dry-run"), try root.sure("ls -A /etc/authselect/custom").text)
    #expect(dry.text.contains("would run: rm -r /etc/authselect/custom/rootless-storage") && listed == "rootless-storage\n", "\(dry)")
    try root.sure("rootless-storage pam disable")
    #expect(try root.sure("ls -A /etc/authselect/custom").text == "" && current(root) == "local")
  }

  @Test func `a copy that somebody has changed is kept, and said`() throws {
    let root = try redHat()
    try root.sure(
      "rootless-storage pam enable; echo 'session optional pam_echo.so mine' >> /etc/authselect/custom/rootless-storage/postlogin; authselect select local"
    )
    let before = try state(root)
    let refused = try root.sh("rootless-storage pam enable")
    #expect(
      refused.status == 1
        && refused.text.replacing(#/\s+/#, with: " ").contains(
          "custom/rootless-storage already, which was changed by hand, and local is selected"),
      "\(refused)")
    try root.sure("rootless-storage pam disable")
    #expect(try state(root) == before)
    // What it says works.
    try root.sure("authselect select custom/rootless-storage")
    #expect(try codes(root) == [])
  }

  /// Debian's authselect 1.5, and then sid's, with other templates, one more of them, and one profile less.
  @Test func `an update of authselect: the line stays, check says that the copy is of before, and its remedy takes the update over`() throws
  {
    let root = try redHat()
    try root.sure("rootless-storage pam enable")
    let update = try root.sh("dpkg --install /var/cache/newer/*.deb 2>&1")
    #expect(update.status == 0, "\(update)")
    let (old, new) = (
      try root.sure("cat /etc/authselect/custom/rootless-storage/system-auth").text,
      try root.sure("cat /usr/share/authselect/default/sssd/system-auth").text
    )
    #expect(old != new + DebianRoot.line + "\n", "this update changes nothing: the test needs another")
    #expect(try codes(root) == ["pam-profile-outdated"])
    // Its new files are not there yet. What is wrong is authselect's own, and the message has its command.
    let early = try root.sh("rootless-storage pam enable")
    #expect(early.status == 1 && early.text.replacing(#/\s+/#, with: " ").contains("sudo authselect apply-changes"), "\(early)")
    // What its service does at the next start.
    try root.sure("authselect apply-changes --upgrade")
    #expect(try root.sh("authselect check").status == 0 && current(root) == "custom/rootless-storage with-mkhomedir")
    try expectLogins(root, "after the update")
    #expect(try codes(root) == ["pam-profile-outdated"])

    let before = try state(root)
    let dry = try root.sh("rootless-storage pam enable --dry-run")
    #expect(try dry.status == 0 && dry.text.contains("would run: authselect apply-changes") && state(root) == before, "\(dry)")
    let remedy = try remedy(root, "pam-profile-outdated")
    let output = try root.sh(remedy)
    #expect(remedy == "rootless-storage pam enable" && output.status == 0, "\(remedy): \(output)")
    #expect(try codes(root) == [] && root.sh("authselect check").status == 0 && current(root) == "custom/rootless-storage with-mkhomedir")
    #expect(try root.sure("cat /etc/authselect/custom/rootless-storage/system-auth").text == new + DebianRoot.line + "\n")
    #expect(try root.sure("ls -A /etc/authselect/custom").text == "rootless-storage\n")
    #expect(try root.sh("test -e /etc/authselect/custom/rootless-storage/switchable-auth").status == 0)
    try expectLogins(root, "renewed")
    try root.sure("rootless-storage pam disable")
    #expect(try current(root) == "sssd with-mkhomedir" && root.sure("ls -A /etc/authselect/custom").text == "")
  }

  @Test func `an update of authselect, and nobody takes it over: disable still selects the stock profile`() throws {
    let root = try redHat()
    try root.sure(
      "rootless-storage pam enable; dpkg --install /var/cache/newer/*.deb >/dev/null 2>&1; authselect apply-changes --upgrade; rootless-storage pam disable"
    )
    #expect(try current(root) == "sssd with-mkhomedir" && root.sure("ls -A /etc/authselect/custom").text == "")
    #expect(try root.sh("authselect check").status == 0 && codes(root) == ["pam-not-reached"])
    // A copy that somebody has changed is theirs to update.
    try root.sure(
      "rootless-storage pam enable; echo '# mine' >> /etc/authselect/custom/rootless-storage/postlogin; sed -i 1d /usr/share/authselect/default/sssd/system-auth"
    )
    #expect(try codes(root) == [])
  }

  /// The copy that takes the older one's name is made beside it.
  @Test(arguments: ["create-profile", "test", "apply-changes"])
  func `an authselect that fails while the copy is made anew leaves the older one`(command: String) throws {
    let root = try redHat()
    try root.sure("rootless-storage pam enable; sed -i '1i# newer' /usr/share/authselect/default/sssd/system-auth")
    #expect(try codes(root) == ["pam-profile-outdated"])
    let before = try state(root)
    try root.sure(
      """
      mv /usr/bin/authselect /usr/bin/authselect-real; cat > /usr/bin/authselect <<'END'
      #!/bin/bash
      case "$*" in
        '\(command) '*rootless-storage.being-made*) exit 1 ;;
        apply-changes) if [ \(command) = apply-changes ] && mkdir /run/failed 2>/dev/null; then exit 1; fi ;;
      esac
      exec authselect-real "$@"
      END
      chmod 755 /usr/bin/authselect
      """)
    let output = try root.sh("rootless-storage pam enable")
    #expect(output.status == 1, "\(output)")
    try root.sure("mv /usr/bin/authselect-real /usr/bin/authselect")
    #expect(try state(root) == before, "\(output)")
    #expect(try root.sh("authselect check").status == 0)
    try expectLogins(root, command)
    // And then it works.
    try root.sure("rootless-storage pam enable")
    #expect(try codes(root) == [])
  }
}
