import Foundation
import TestSupport
import Testing

/// The whole login under Debian's policy with the module in it. The machine is permissive: what would have been denied is logged
/// and goes on.
@Suite(.serialized, .enabled(if: Policy.source != nil && Policy.hasMachine, "needs a virtual machine with SELinux: run it as Tests/run selinux"))
struct SELinuxLoginTests {
  @Test func `logins of every kind make everything, and nothing of it would have been denied`() throws {
    let lab = try Lab()
    #expect(try lab.root("getenforce; id -Z").lines.first == "Permissive")
    try lab.putPackage()
    try lab.install(policy: try Policy.linked.get())
    #expect(try lab.root("ls -Z /usr/libexec/rootless-storage/session-helper").text.contains(":rootless_storage_helper_exec_t:"))

    // The first session of all is the one of systemd's user manager, where pam_selinux has chosen the user's own domain by then.
    try lab.root("loginctl enable-linger alice && loginctl enable-linger carol")
    let own = "unconfined_u:object_r:user_tmp_t:s0\n"
    #expect(try lab.root("for n in $(seq 60); do [ -d /var/tmp/alice ] && [ -d /var/tmp/carol ] && break; sleep 1; done; stat -c %C /var/tmp/alice /var/tmp/carol").text == own + own)
    // sshd: homes on NFS 4.2 and 3, and a local one. Debian's policy has no types for containers, so Podman is told to set none.
    try lab.root("rm -rf /var/tmp/alice /var/tmp/carol")
    let podman = """
      printf '[containers]\\nlabel = false\\n' > ~/.config/containers/containers.conf
      podman import -q /srv/image.tar localhost/test > /dev/null && podman run --rm --network=none localhost/test stat -c %u:%g /data/owned-by-999
      """
    for user in ["alice", "carol"] { #expect(try lab.login(user, podman).lines.last == "999:999", "\(user)") }
    #expect(try lab.login("dave", "echo in").text == "in\n")
    // cron, and su.
    try lab.root("echo '* * * * * bob touch /tmp/cron-was-here' > /etc/cron.d/bob; systemctl restart cron; for n in $(seq 90); do [ -e /tmp/cron-was-here ] && break; sleep 1; done; [ -e /tmp/cron-was-here ]")
    try lab.root("rm /etc/cron.d/bob; su - bob -c true")
    // Only in the helper's domain it gets this type.
    #expect(try lab.root("cd /var/tmp; stat -c '%n %C' alice bob carol | sed 's/:s0$//; s/ .*:/ /'").lines == ["alice xdg_data_t", "bob xdg_data_t", "carol xdg_data_t"])
    #expect(try lab.log(of: "cron").contains("bob: created storage directory /var/tmp/bob (mode 0700)"))

    // Of the helper, of those who start it about it, and of the helper in whatever domain.
    for pattern in ["scontext=[^ ]*:rootless_storage_helper_t:", "tcontext=[^ ]*:rootless_storage_helper", "comm=.session-helper"] {
      #expect(try lab.denials(pattern) == [], "\(pattern)")
    }

    // The proof that a denial would have been seen: of subordinate ids the policy knows nothing until it is told. By sshd, since su of an
    // unconfined root starts the helper in root's own domain.
    try lab.root("printf 'subids = allocate\\nuid_max = 40000\\nreserved_ids = 1000-40000\\n' > /etc/rootless-storage/rootless-storage.conf; sed -i /alice/d /etc/subuid /etc/subgid")
    #expect(try lab.login("alice", "echo in").text == "in\n")
    #expect(try lab.denials("scontext=[^ ]*:rootless_storage_helper_t:").contains { $0.contains(":etc_t:") })
    try lab.root("setsebool rootless_storage_allocate_subids on; dmesg -C; journalctl --rotate --vacuum-time=1s 2> /dev/null; sed -i /alice/d /etc/subuid /etc/subgid")
    #expect(try lab.login("alice", "echo in").text == "in\n")
    try lab.root("grep -q alice /etc/subuid")
    let denials = try lab.denials("scontext=[^ ]*:rootless_storage_helper_t:")
    #expect(denials == [])
    #expect(try lab.root("stat -c %C /etc/subuid").text.contains(":etc_t:"))
  }
}

extension Lab {
  fileprivate func putPackage() throws {
    let package = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_DEB"] ?? ""
    try put(package)
    try root("dpkg -i /usr/local/sbin/\(URL(fileURLWithPath: package).lastPathComponent)")
  }

  fileprivate func install(policy: Policy) throws {
    try put(policy.module)
    try root("semodule -i /usr/local/sbin/rootless_storage.pp && restorecon -R /usr/libexec/rootless-storage")
  }

  /// What the kernel says it would have denied, each once.
  ///
  /// - Parameter pattern: an extended regular expression.
  fileprivate func denials(_ pattern: String) throws -> [String] {
    try root("{ journalctl --no-pager -o cat _TRANSPORT=audit + _TRANSPORT=kernel; dmesg; } | grep -a 'avc:  denied' | sed 's/.*avc: /avc:/; s/ pid=[0-9]*//; s/ ino=[0-9]*//' | grep -aE \"\(pattern)\" | sort -u | head -n 50").lines
  }
}
