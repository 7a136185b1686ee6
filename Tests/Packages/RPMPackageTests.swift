import Foundation
import TestSupport
import Testing

/// pam_rootless_storage as rpm handles it, with its scriptlets, in a root whose session stacks are those of RHEL without authselect. rpm
/// and the programs of the root are Debian's; its libpam finds the module through a symbolic link.
@Suite(.enabled(if: DebianRoot.isPossible, Comment(rawValue: DebianRoot.need)))
struct RPMPackageTests {
  private let settings = "/etc/rootless-storage/rootless-storage.conf"
  private let stacks = ["system-auth", "password-auth"]

  private func redHat() throws -> DebianRoot {
    let root = try DebianRoot()
    try root.sure(
      """
      rm -rf /usr/sbin/pam-auth-update /usr/share/pam-configs /usr/lib/pam.d /etc/pam.d; mkdir /etc/pam.d
      ln -s /usr/lib64/security/pam_rootless_storage.so /usr/lib/$(uname -m)-linux-gnu/security/pam_rootless_storage.so
      for stack in \(stacks.joined(separator: " ")); do
        printf 'auth        required      pam_unix.so\\naccount     required      pam_unix.so\\npassword    required      pam_unix.so\\n' > /etc/pam.d/$stack
        printf 'session     optional      pam_keyinit.so revoke\\n-session    optional      pam_systemd.so\\nsession     required      pam_unix.so\\n' >> /etc/pam.d/$stack
      done
      for type in auth account password session; do printf '%s include password-auth\\n' $type >> /etc/pam.d/sshd; printf '%s include system-auth\\n' $type | tee -a /etc/pam.d/login >> /etc/pam.d/su; done
      printf 'session required pam_deny.so\\n' > /etc/pam.d/other
      """)
    return root
  }

  /// - Parameter what: options, and a package to install, or the name of the one to remove.
  @discardableResult
  private func rpm(_ root: DebianRoot, _ what: String) throws -> Output {
    // Its dependencies are not in this root's database.
    try root.outside("rpm --root /mnt/root --force-debian --nodeps \(what)")
  }

  private func install(_ root: DebianRoot) throws {
    let output = try rpm(root, "--install '\(DebianRoot.rpm)'")
    #expect(output.status == 0, "\(output)")
  }

  @Test func `installed, it changes no stack and switches nothing on; rootless-storage pam enable does`() throws {
    let root = try redHat()
    let before = try root.sure("cat /etc/pam.d/*").text
    try install(root)
    #expect(try root.sure("cat /etc/pam.d/*").text == before)
    #expect(try root.sh("systemctl is-enabled rootless-storage-prune.timer").text == "disabled\n")
    try root.sure("rootless-storage pam enable")
    for stack in stacks { #expect(try root.session(stack).last == DebianRoot.line, "\(stack)") }
    try root.user("alice", uid: 4001)
    try root.sure("echo 'network_filesystems = ramfs' >> \(settings); printf 'session include system-auth\\n' > /etc/pam.d/tested")
    let login = try Login(try root.sh("rm -f /dev/log; /run/tests/pam-host --log /etc/pam.d tested alice"))
    #expect(login.code == 0 && login.informations.contains { $0.hasPrefix("alice: created storage directory /var/tmp/alice") }, "\(login)")
  }

  @Test func `an upgrade keeps changed settings and the line, and replaces what is unchanged`() throws {
    let root = try redHat()
    try install(root)
    try root.sure("rootless-storage pam enable; echo 'uid_min = 5000' >> \(settings)")
    let before = try root.sure("cat /etc/pam.d/*-auth").text
    let output = try rpm(root, "--upgrade '\(DebianRoot.nextRPM)'")
    #expect(output.status == 0, "\(output)")
    #expect(try root.sure("tail -n 1 \(settings)").text == "uid_min = 5000\n")
    #expect(try root.sure("tail -n 1 \(settings).rpmnew").text == "# next\n")
    #expect(try root.sure("cat /etc/rootless-storage/skel/.config/docker/daemon.json").text.contains("next"))
    #expect(try root.sure("cat /etc/pam.d/*-auth").text == before)
  }

  @Test func `removed, its line is gone before its module, a timer that was switched on too, and nothing is left but what was changed`() throws {
    let root = try redHat()
    let before = try root.files(), stacks = try root.sure("cat /etc/pam.d/*").text
    try install(root)
    try root.sure("rootless-storage pam enable; systemctl enable rootless-storage-prune.timer; echo '# mine' >> \(settings); install -d /var/lib/rootless-storage; touch /var/lib/rootless-storage/orphans")
    // The erasure of the module's file, and what the stacks say at that moment.
    let output = try root.outside(
      "strace -f -o /mnt/trace -e trace=unlink,unlinkat,rename,renameat,renameat2 rpm --root /mnt/root --force-debian --nodeps --erase pam_rootless_storage; grep -nE 'pam_rootless_storage.so|system-auth|password-auth' /mnt/trace >/mnt/order")
    #expect(try root.sh("grep -ls rootless /etc/pam.d/system-auth /etc/pam.d/password-auth").text == "", "\(output)")
    let order = try root.outside("cat /mnt/order").lines.filter { !$0.contains("= -1") }
    let module = try #require(order.firstIndex { $0.contains("unlinkat(") && $0.contains("\"pam_rootless_storage.so\"") }, "\(order)")
    for stack in self.stacks {
      let last = try #require(order.lastIndex { $0.contains("\(stack)\"") }, "\(order)")
      #expect(last < module, "\(order)")
    }
    #expect(try root.sh("systemctl is-enabled rootless-storage-prune.timer").status != 0)
    #expect(try root.sure("tail -n 1 \(settings).rpmsave").text == "# mine\n")
    try root.sure("rm -r /etc/rootless-storage /etc/pam.d/*.bak")
    // Shared directories are other packages' on the systems that it is for, and Debian's rpm has its database in /root.
    #expect(Set(try root.files()).subtracting(before).filter { !$0.contains(" d ") && !$0.hasPrefix("/root/.rpmdb/") } == [])
    #expect(try root.sure("cat /etc/pam.d/*").text == stacks)
  }

  @Test func `a line that an administrator has written keeps it from being removed`() throws {
    let root = try redHat()
    try install(root)
    try root.sure("echo 'session required pam_rootless_storage.so strict' >> /etc/pam.d/su; cp /etc/pam.d/su /etc/pam.d/su.rpmsave")
    let refused = try rpm(root, "--erase pam_rootless_storage")
    #expect(refused.status != 0 && refused.text.contains("/etc/pam.d/su\n") && !refused.text.contains("/etc/pam.d/su.rpmsave"), "\(refused)")
    #expect(try root.sh("test -e /usr/lib64/security/pam_rootless_storage.so").status == 0)
    try root.sure("sed -i /rootless/d /etc/pam.d/su")
    #expect(try rpm(root, "--erase pam_rootless_storage").status == 0)
  }
}
