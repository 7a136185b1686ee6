import Foundation
import TestSupport
import Testing

/// libpam-rootless-storage as dpkg handles it, in a clean Debian: what an administrator and a login see at each step.
@Suite(.enabled(if: DebianRoot.isPossible, Comment(rawValue: DebianRoot.need)))
struct DebianPackageTests {
  private let package = "libpam-rootless-storage"
  private let settings = "/etc/rootless-storage/rootless-storage.conf"
  private let module = "/usr/lib/$(uname -m)-linux-gnu/security/pam_rootless_storage.so"

  private func upgrade(_ root: DebianRoot) throws {
    try root.sure("dpkg --force-confdef --force-confold --install \(DebianRoot.inside(DebianRoot.nextDeb)) 2>&1")
  }

  @Test func `installed, it stands behind every module that it depends on, in both stacks, and prepares a user's storage`() throws {
    let root = try DebianRoot()
    try root.sure("pam-auth-update --enable mkhomedir")
    try root.install()
    let interactive = try root.session("common-session")
    #expect(interactive.last == DebianRoot.line, "\(interactive)")
    for other in ["pam_unix.so", "pam_krb5.so", "pam_sss.so", "pam_systemd.so", "pam_mkhomedir.so"] {
      #expect(interactive.dropLast().contains { $0.contains(other) }, "\(other)")
    }
    let other = try root.session("common-session-noninteractive")
    #expect(
      other.last == DebianRoot.line && other.filter { $0 == DebianRoot.line }.count == 1, "cron, sudo and systemd's user manager: \(other)")

    try root.user("alice", uid: 4001)
    try root.sure("echo 'network_filesystems = ramfs' >> \(settings)")
    let login = try root.login("alice")
    #expect(login.code == 0 && login.errors == [] && login.warnings == [], "\(login)")
    #expect(login.informations.contains { $0.hasPrefix("alice: created storage directory /var/tmp/alice") }, "\(login)")
    #expect(try root.sure("cat /home/alice/.config/containers/storage.conf").text.contains("\"/var/tmp/alice/containers/storage\""))
    #expect(try root.sure("rootless-storage list").text.contains("alice"))
    // dh_installman and dh_compress have left pages that man finds.
    for page in ["8 rootless-storage", "8 pam_rootless_storage", "5 rootless-storage.conf"] {
      #expect(try root.sh("man --path \(page)").status == 0, "\(page)")
    }
  }

  @Test func `the timer that deletes storage is not switched on, and what an administrator has switched on goes with a purge`() throws {
    let root = try DebianRoot()
    try root.install()
    #expect(try root.sh("systemctl is-enabled rootless-storage-prune.timer rootless-storage-check.timer").text == "disabled\ndisabled\n")
    #expect(try root.sh("find /etc/systemd -name '*rootless*'").text == "")
    // As if it had run.
    try root.sure(
      "systemctl enable rootless-storage-prune.timer rootless-storage-check.timer; mkdir -p /var/lib/systemd/timers; touch /var/lib/systemd/timers/stamp-rootless-storage-prune.timer"
    )
    try root.sure(
      "install -d -m 755 /var/lib/rootless-storage; touch /var/lib/rootless-storage/orphans /var/lib/rootless-storage/.orphans.lock")
    try upgrade(root)
    #expect(
      try root.sh("systemctl is-enabled rootless-storage-prune.timer rootless-storage-check.timer").text == "enabled\nenabled\n",
      "an upgrade keeps it")
    try root.sure("dpkg --purge \(package)")
    #expect(try root.sh("find /etc/systemd /var/lib -name '*rootless*' -not -path '/var/lib/dpkg/*'").text == "")
  }

  @Test func `an upgrade keeps settings that were changed, replaces those that were not, and leaves the stacks as they are`() throws {
    let root = try DebianRoot()
    try root.install()
    try root.sure("echo 'uid_min = 5000' >> \(settings)")
    // An administrator's options behind the module are kept by pam-auth-update.
    try root.sure("sed -i 's/pam_rootless_storage.so.*/pam_rootless_storage.so debug/' /etc/pam.d/common-session")
    let stacks = try root.sure("cat /etc/pam.d/common-*").text
    try upgrade(root)
    #expect(try root.sure("dpkg-query --show --showformat '${Version}' \(package)").text == "1000.0")
    #expect(try root.sure("tail -n 1 \(settings)").text == "uid_min = 5000\n")
    #expect(try root.sure("tail -n 1 \(settings).dpkg-dist").text == "# next\n")
    #expect(try root.sure("cat /etc/rootless-storage/skel/.config/docker/daemon.json").text.contains("next"), "unchanged, so it follows")
    #expect(try root.sure("cat /etc/pam.d/common-*").text == stacks)
    #expect(try root.session("common-session").last == "session optional pam_rootless_storage.so debug")
  }

  @Test func `what an administrator has switched off stays off at an upgrade, and comes back when asked for`() throws {
    let root = try DebianRoot()
    try root.install()
    try root.sure("pam-auth-update --disable rootless-storage")
    #expect(try !root.session("common-session").contains(DebianRoot.line))
    try upgrade(root)
    #expect(try !root.session("common-session").contains(DebianRoot.line))
    #expect(try !root.session("common-session-noninteractive").contains(DebianRoot.line))
    try root.sure("pam-auth-update --enable rootless-storage")
    #expect(try root.session("common-session").last == DebianRoot.line)
  }

  @Test func `removed, it leaves stacks without its line and the settings; purged, nothing; installed again, it is on`() throws {
    let root = try DebianRoot()
    let before = try root.files(), stacks = try root.sure("cat /etc/pam.d/* /var/lib/pam/*").text
    try root.user("alice", uid: 4001)
    try root.install()
    try root.sure("echo 'uid_min = 5000' >> \(settings)")
    try root.sure("dpkg --remove \(package)")
    #expect(try root.sh("grep -rs pam_rootless_storage /etc/pam.d /var/lib/pam").text == "")
    #expect(try root.sh("test -e \(module)").status != 0)
    #expect(try root.sure("tail -n 1 \(settings)").text == "uid_min = 5000\n")
    let login = try root.login("alice")
    #expect(login.code == 0 && login.log.filter { $0.text.contains("rootless") } == [], "\(login)")

    try root.install()
    #expect(try root.session("common-session").last == DebianRoot.line)
    #expect(try root.sure("tail -n 1 \(settings)").text == "uid_min = 5000\n")

    try root.sure("dpkg --purge \(package)")
    // The test's own account, its home and the stack that it was tried with.
    try root.sure("userdel alice; rm -rf /home/alice /etc/pam.d/tested /etc/*- /var/spool/mail/alice")
    let after = try root.files()
    let added = Set(after).subtracting(before).filter { !$0.hasPrefix("/etc/.pwd.lock") }
    #expect(added == [], "left behind")
    #expect(try root.sure("cat /etc/pam.d/* /var/lib/pam/*").text == stacks)
  }

  @Test func `installed, it reports for which services it is on, and what to run next; an upgrade does not`() throws {
    let root = try DebianRoot()
    try root.sure(
      "printf '@include common-session\\n' > /etc/pam.d/sshd; printf '@include common-session-noninteractive\\n' > /etc/pam.d/cron")
    let output = try root.sure("dpkg --install \(DebianRoot.inside(DebianRoot.deb)) 2>&1").text
    let services = try #require(output.split(separator: "\n").first { $0.hasPrefix("pam_rootless_storage.so is on for: ") }, "\(output)")
      .split(separator: " ").dropFirst(4)
    #expect(Set(services).isSuperset(of: ["cron", "login", "sshd"]) && output.contains("\nNext: rootless-storage check;"), "\(output)")
    let upgraded = try root.sure("dpkg --force-confdef --force-confold --install \(DebianRoot.inside(DebianRoot.nextDeb)) 2>&1").text
    #expect(!upgraded.contains("is on for"), "\(upgraded)")
  }

  @Test func `removed where there is container storage, it leaves the lines that keep systemd-tmpfiles away, until it is installed again`()
    throws
  {
    let root = try DebianRoot()
    let kept = "/etc/tmpfiles.d/rootless-storage-kept.conf"
    let ageing =
      "install -d /var/tmp/other; touch /var/tmp/alice/containers/layer /var/tmp/other/file; printf 'e /var/tmp - - - 0\\n' > /etc/tmpfiles.d/age.conf; systemd-tmpfiles --clean"
    try root.user("alice", uid: 4001)
    try root.install()
    let none = try root.sure("dpkg --remove \(package) 2>&1").text
    #expect(try root.sh("test -e \(kept)").status != 0 && !none.contains("Container storage"), "\(none)")

    try root.install()
    try root.sure("install -d -o 4001 -g 4001 -m 700 /var/tmp/alice /var/tmp/alice/containers")
    for action in ["remove", "purge"] {
      let removed = try root.sure("dpkg --\(action) \(package) 2>&1").text
      #expect(
        removed.contains("Container storage of users stays on this host. \(kept) keeps systemd-tmpfiles away") == (action == "remove"),
        "\(removed)")
      try root.sure(ageing)
      #expect(try root.sure("ls /var/tmp/alice/containers; ls -A /var/tmp/other 2>/dev/null || true").text == "layer\n", "after \(action)")
    }
    try root.install()
    #expect(try root.sh("test -e \(kept)").status != 0)
  }

  @Test func `a line that an administrator has written keeps the package from being removed, and nothing changes`() throws {
    let root = try DebianRoot()
    try root.install()
    for isOn in [true, false] {
      try root.sure("pam-auth-update \(isOn ? "--enable" : "--disable") rootless-storage")
      try root.sure("echo 'session required pam_rootless_storage.so strict' >> /etc/pam.d/cron; cp /etc/pam.d/cron /etc/pam.d/cron.bak")
      let stacks = try root.sure("cat /etc/pam.d/common-*").text
      let refused = try root.sh("dpkg --remove \(package)")
      #expect(refused.status != 0 && refused.text.contains("/etc/pam.d/cron\n") && !refused.text.contains("cron.bak"), "\(refused)")
      #expect(try root.sure("dpkg-query --show --showformat '${db:Status-Status}' \(package)").text == "installed")
      #expect(try root.sure("cat /etc/pam.d/common-*").text == stacks, "on: \(isOn)")
      #expect(try root.session("common-session").contains(DebianRoot.line) == isOn)
      try root.sure("sed -i /rootless/d /etc/pam.d/cron")
    }
    try root.sure("dpkg --remove \(package)")
  }

  @Test func `where pam-auth-update may not write, the line that rootless-storage pam enable has put goes with the package`() throws {
    let root = try DebianRoot()
    // Without the comment that begins its block, it takes the file for the administrator's.
    try root.sure("sed -i '/here are the per-package modules/d' /etc/pam.d/common-session /etc/pam.d/common-session-noninteractive")
    let installed = try root.install()
    #expect(try !root.session("common-session").contains(DebianRoot.line))
    #expect(installed.text.contains("rootless-storage pam enable"), "\(installed)")
    let stacks = try root.sure("cat /etc/pam.d/common-session").text
    let enabled = try root.sh("rootless-storage pam enable")
    #expect(try root.session("common-session").contains { $0.hasPrefix(DebianRoot.line) }, "\(enabled)")
    try root.sure("dpkg --remove \(package)")
    #expect(try root.sure("cat /etc/pam.d/common-session").text == stacks)
  }

  @Test func `the scripts that install from source leave alone what the package has installed`() throws {
    let root = try DebianRoot()
    try root.install()
    let before = try root.files()
    #expect(try root.outside("mkdir /mnt/root/run/source; mount --bind '\(projectDirectory)' /mnt/root/run/source").status == 0)
    for script in ["install --without-build", "uninstall"] {
      let refused = try root.sh("/run/source/packaging/\(script)")
      #expect(refused.status == 1 && refused.text.contains("The package libpam-rootless-storage is installed here"), "\(refused)")
    }
    #expect(try root.files() == before)
    try root.sure("dpkg --remove \(package)")
    #expect(try root.sh("/run/source/packaging/install --without-build").status == 0)
    #expect(try root.session("common-session").contains(DebianRoot.line) == false)
    try root.sure("pam-auth-update --enable rootless-storage")
    // Its profile goes before its module, and so does the line.
    #expect(try root.sh("/run/source/packaging/uninstall").status == 0)
    #expect(try root.sh("grep -rs rootless /etc/pam.d /var/lib/pam /usr/share/pam-configs").text == "")
  }

  @Test func `a configuration that fails leaves the stacks alone, and is completed later`() throws {
    let root = try DebianRoot()
    let stacks = try root.sure("cat /etc/pam.d/common-*").text
    try root.sure(
      "mv /usr/sbin/pam-auth-update /usr/sbin/original; printf '#!/bin/sh\\nexit 1\\n' > /usr/sbin/pam-auth-update; chmod 755 /usr/sbin/pam-auth-update"
    )
    #expect(try root.sh("dpkg --install \(DebianRoot.inside(DebianRoot.deb))").status != 0)
    #expect(try root.sure("cat /etc/pam.d/common-*").text == stacks)
    try root.sure(
      "mv /usr/sbin/pam-auth-update /usr/sbin/broken; mv /usr/sbin/original /usr/sbin/pam-auth-update; dpkg --configure --pending")
    #expect(try root.session("common-session").last == DebianRoot.line)
    // Nor is the module taken away while the line cannot be.
    try root.sure("mv /usr/sbin/pam-auth-update /usr/sbin/original; mv /usr/sbin/broken /usr/sbin/pam-auth-update")
    #expect(try root.sh("dpkg --remove \(package)").status != 0)
    #expect(try root.sh("test -e \(module)").status == 0)
  }

  /// dpkg is killed at one of its calls that change a file: at no moment does a stack name a module that is missing.
  @Test(arguments: ["install", "remove"])
  func `dpkg killed at any moment never leaves a stack with a module that is missing`(_ action: String) throws {
    let step = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] == nil ? 9 : 1
    var number = 1, killed = 0, named = 0, unnamed = 0
    while true {
      let root = try DebianRoot()
      if action == "remove" { try root.install() }
      let words = action == "remove" ? "--remove \(package)" : "--install \(DebianRoot.inside(DebianRoot.deb))"
      // Only dpkg itself: what it starts runs to its end.
      let calls = "rename,unlink,rmdir,unlinkat,renameat,renameat2"
      let isKilled = try !root.outside(
        "strace -o /mnt/trace -e trace=\(calls) -e inject=\(calls):signal=KILL:when=\(number) chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive dpkg \(words) >/dev/null 2>&1 || true; tail -n 1 /mnt/trace"
      ).text.contains("exited with 0")
      guard isKilled else { break }
      killed += 1
      let isNamed = try root.sh("grep -qs '^session.*pam_rootless_storage' /etc/pam.d/*").status == 0
      if isNamed { named += 1 } else { unnamed += 1 }
      let exists = try root.sh("test -e \(module)").status == 0
      #expect(!isNamed || exists, "call \(number)")
      try root.user("alice", uid: 4001)
      let login = try root.login("alice")
      #expect(login.code == 0 && !login.output.text.contains("unable to dlopen"), "call \(number): \(login)")
      // And whoever repeats it gets what was asked for.
      try root.sure("dpkg --force-confdef \(words) 2>&1")
      #expect(try root.session("common-session").contains(DebianRoot.line) == (action == "install"), "call \(number)")
      number += step
    }
    // The proof that it was killed before and after the stacks were changed.
    #expect(killed > 1 && unnamed > 0, "\(killed), \(named), \(unnamed)")
  }
}
