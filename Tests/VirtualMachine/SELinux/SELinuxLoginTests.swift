import Foundation
import TestSupport
import Testing

/// The whole login under Debian's policy with the module in it. The machine is permissive: what would have been denied is logged
/// and goes on.
@Suite(
  .serialized, .enabled(if: Policy.source != nil && Policy.hasMachine, "needs a virtual machine with SELinux: run it as Tests/run selinux"))
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
    #expect(
      try lab.root(
        "for n in $(seq 60); do [ -d /var/tmp/alice ] && [ -d /var/tmp/carol ] && break; sleep 1; done; stat -c %C /var/tmp/alice /var/tmp/carol"
      ).text == own + own)
    // sshd: homes on NFS 4.2 and 3, and a local one. Debian's policy has no types for containers, so Podman is told to set none.
    try lab.root("rm -rf /var/tmp/alice /var/tmp/carol")
    let podman = """
      printf '[containers]\\nlabel = false\\n' > ~/.config/containers/containers.conf
      podman import -q /srv/image.tar localhost/test > /dev/null && podman run --rm --network=none localhost/test stat -c %u:%g /data/owned-by-999
      """
    for user in ["alice", "carol"] { #expect(try lab.login(user, podman).lines.last == "999:999", "\(user)") }
    #expect(try lab.login("dave", "echo in").text == "in\n")
    // cron, and su.
    try lab.root(
      "echo '* * * * * bob touch /tmp/cron-was-here' > /etc/cron.d/bob; systemctl restart cron; for n in $(seq 90); do [ -e /tmp/cron-was-here ] && break; sleep 1; done; [ -e /tmp/cron-was-here ]"
    )
    try lab.root("rm /etc/cron.d/bob; su - bob -c true")
    // Only in the helper's domain it gets this type.
    #expect(
      try lab.root("cd /var/tmp; stat -c '%n %C' alice bob carol | sed 's/:s0$//; s/ .*:/ /'").lines == [
        "alice xdg_data_t", "bob xdg_data_t", "carol xdg_data_t",
      ])
    #expect(try lab.log(of: "cron").contains("bob: created storage directory /var/tmp/bob (mode 0700)"))

    // Of the helper, of those who start it about it, and of the helper in whatever domain.
    for pattern in ["scontext=[^ ]*:rootless_storage_helper_t:", "tcontext=[^ ]*:rootless_storage_helper", "comm=.session-helper"] {
      #expect(try lab.denials(pattern) == [], "\(pattern)")
    }

    // The proof that a denial would have been seen: of subordinate ids the policy knows nothing until it is told. By sshd, since su of an
    // unconfined root starts the helper in root's own domain.
    try lab.root(
      "printf 'subids = allocate\\nuid_max = 40000\\nreserved_ids = 1000-40000\\n' > /etc/rootless-storage/rootless-storage.conf; sed -i /alice/d /etc/subuid /etc/subgid"
    )
    #expect(try lab.login("alice", "echo in").text == "in\n")
    #expect(try lab.denials("scontext=[^ ]*:rootless_storage_helper_t:").contains { $0.contains(":etc_t:") })
    try lab.root(
      "setsebool rootless_storage_allocate_subids on; dmesg -C; journalctl --rotate --vacuum-time=1s 2> /dev/null; sed -i /alice/d /etc/subuid /etc/subgid"
    )
    #expect(try lab.login("alice", "echo in").text == "in\n")
    try lab.root("grep -q alice /etc/subuid")
    let denials = try lab.denials("scontext=[^ ]*:rootless_storage_helper_t:")
    #expect(denials == [])
    #expect(try lab.root("stat -c %C /etc/subuid").text.contains(":etc_t:"))
  }

  /// Enforcing from before the first login. A home on NFS is something that the policy has to be told of; the rest is as it comes.
  @Test func `enforcing, check tells what is denied without the policy module, and with it nothing is`() throws {
    let lab = try Lab()
    try lab.putPackage()
    // modprobe may not read what unpacking a machine's modules has left without a label.
    try lab.root("modprobe loop; modprobe quota_v2; setsebool use_nfs_home_dirs on; dmesg -C; setenforce 1")
    #expect(try lab.root("getenforce").text == "Enforcing\n")

    // systemd's user manager makes the directory in the user's own domain; sshd's helper may not even look at it.
    #expect(try lab.login("bob", "echo in").lines.last == "in")
    let log = try lab.log().filter { $0.hasPrefix("bob: storage directory") }
    #expect(
      log == [
        "bob: storage directory /var/tmp/bob is refused, nothing is done: its user may not get there: Permission denied; make the directory above it searchable by everybody (chmod o+x), or see what SELinux denies (ausearch -m avc)"
      ])
    let check = try lab.root("journalctl --sync; rootless-storage check --json; echo status $?")
    #expect(
      check.text.contains("\"code\" : \"selinux-denied\"") && check.text.contains("in the domain sshd_t") && check.lines.last == "status 1",
      "\(check)")

    try lab.install(policy: try Policy.linked.get())
    try lab.root(
      "loginctl terminate-user bob; rm -rf /var/tmp/bob; dmesg -C; journalctl --rotate --vacuum-time=1s 2> /dev/null; printf 'subids = allocate\nuid_max = 40000\nreserved_ids = 1000-40000\n' > /etc/rootless-storage/rootless-storage.conf; setsebool rootless_storage_allocate_subids on; sed -i /alice/d /etc/subuid /etc/subgid"
    )
    let podman = """
      printf '[containers]\\nlabel = false\\n' > ~/.config/containers/containers.conf
      podman import -q /srv/image.tar localhost/test > /dev/null && podman run --rm --network=none localhost/test stat -c %u:%g /data/owned-by-999
      """
    for user in ["alice", "carol"] { #expect(try lab.login(user, podman).lines.last == "999:999", "\(user)") }
    #expect(try lab.root("grep -c alice /etc/subuid /etc/subgid").lines == ["/etc/subuid:1", "/etc/subgid:1"])
    #expect(try lab.login("dave", "echo in").text == "in\n")
    try lab.root(
      "echo '* * * * * bob touch /tmp/cron-was-here' > /etc/cron.d/bob; systemctl restart cron; for n in $(seq 90); do [ -e /tmp/cron-was-here ] && break; sleep 1; done; [ -e /tmp/cron-was-here ]; rm /etc/cron.d/bob; su - bob -c true"
    )
    #expect(try lab.root("ls -d /var/tmp/bob/containers").text == "/var/tmp/bob/containers\n")
    try squat(lab)
    // What root types: repair makes again what is gone, and prune removes what is named.
    try lab.root("rm -rf /var/tmp/bob; rootless-storage repair bob || true")
    let pruned = try lab.root(
      "loginctl terminate-user carol; for n in $(seq 100); do pgrep -u carol >/dev/null || break; sleep 0.1; done; rootless-storage prune carol --yes; echo status $?; ls -A /var/tmp/carol 2>/dev/null || true"
    )
    #expect(pruned.text.contains("deleted the container storage in /var/tmp/carol") && pruned.lines.contains("status 0"), "\(pruned)")
    #expect(try lab.root("stat -c '%U %a' /var/tmp/bob").text == "bob 700\n")
    for pattern in [
      "scontext=[^ ]*:rootless_storage_helper_t:", "tcontext=[^ ]*:rootless_storage_helper", "comm=.(session-helper|rootless-storag)",
    ] {
      #expect(try lab.denials(pattern) == [], "\(pattern)")
    }
    let quiet = try lab.root("journalctl --sync; rootless-storage check --all; echo status $?")
    #expect(!quiet.text.contains("selinux-denied"), "\(quiet)")
    try limit(lab)
  }

  /// alice's storage directory on a file system with project quotas. Of limits the policy knows nothing until it is told; `check` says so,
  /// and what it prints is run.
  private func limit(_ lab: Lab) throws {
    try lab.root(
      """
      set -e
      truncate -s 64M /srv/limits.img; mkfs.ext4 -q -O quota,project /srv/limits.img
      mount -o loop,prjquota /srv/limits.img /var/lib/rootless-storage; chmod 711 /var/lib/rootless-storage; restorecon /var/lib/rootless-storage
      printf 'storage_directory = /var/lib/rootless-storage/$USER\nguarded_directories = none\nstorage_quota = 8M\n' > /etc/rootless-storage/rootless-storage.conf
      loginctl enable-linger alice; for n in $(seq 60); do pgrep -u alice systemd > /dev/null && break; sleep 0.5; done
      """)
    // The session of her manager, behind pam_selinux, is not the helper's domain: sshd's is.
    let logIn = "rm -rf /var/lib/rootless-storage/alice"
    func project() throws -> String { try lab.root("lsattr -pd /var/lib/rootless-storage/alice | awk '{print $1}'").text }
    try lab.root(logIn)
    #expect(try lab.login("alice", "echo in").text == "in\n")
    #expect(try project() == "0\n")
    #expect(
      try lab.log().contains {
        $0.contains("/var/lib/rootless-storage/alice has no limit: Permission denied") && $0.contains("rootless_storage_limit_storage")
      })
    let remedy = "sudo setsebool -P rootless_storage_limit_storage=on"
    func denied() throws -> [String] {
      try lab.root(
        "journalctl --sync; rootless-storage check --json | python3 -c 'import json, sys; print(*(f[\"remedyParts\"][\"command\"] for f in json.load(sys.stdin)[\"host\"][\"findings\"] if f[\"code\"] == \"selinux-denied\"), sep=\"\\n\")'"
      ).lines
    }
    #expect(try denied() == [remedy])
    // Debian's image has no sudo for root.
    try lab.root(String(remedy.dropFirst("sudo ".count)))
    #expect(try denied() == [])
    try lab.root(logIn)
    #expect(try lab.login("alice", "echo in").text == "in\n")
    let log = try lab.log().suffix(5)
    let denials = try lab.denials("comm=.session-helper")
    #expect(try project() == "1073743825\n", "\(log) \(denials)")
    #expect(try lab.root("rootless-storage list").lines.contains { $0.hasPrefix("alice: ") && $0.contains(" of 8.0 MiB") })
    #expect(try denied() == [])
  }

  /// carol takes the place of alice's storage directory, once before her login, and then as often as she can while alice logs in
  /// (Tests/Programs/attacker/race.c). It is alice's after each of them; what is denied of it is looked for by the caller.
  private func squat(_ lab: Lab) throws {
    try lab.put(ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_ATTACKER"] ?? "/nonexistent")
    let away = "loginctl terminate-user alice; for n in $(seq 100); do pgrep -u alice >/dev/null || break; sleep 0.1; done"
    let logIn = { try lab.login("alice", "stat -c %U:%a /var/tmp/alice").lines.last }
    try lab.root("\(away); rm -rf /var/tmp/alice; install -d -m 755 -o carol -g carol /var/tmp/alice")
    #expect(try logIn() == "alice:700")
    let replaced = try lab.log().filter { $0.contains("was a directory of uid 2003, and is now a directory of uid 2001") }
    #expect(!replaced.isEmpty)
    for thing in ["dir:777", "symlink:/home/dave", "fifo"] {
      try lab.root(
        "\(away); rm -rf /var/tmp/alice; setsid attacker race --uid 2003 --place /var/tmp/alice --thing \(thing) </dev/null >/run/moves 2>&1 & echo $! >/run/attacker"
      )
      for _ in 0..<3 {
        #expect(try logIn() == "alice:700", "\(thing)")
        try lab.root("\(away); rm -rf /var/tmp/alice")
      }
      let moves = try lab.root(
        "kill $(cat /run/attacker); for n in $(seq 50); do [ ! -s /run/moves ] || break; sleep 0.1; done; cat /run/moves")
      #expect((moves.text.firstMatch(of: #/moves=(\d+)/#).flatMap { Int($0.1) } ?? 0) > 10, "\(moves)")
    }
    try lab.root("rm -rf /var/tmp/.alice.* /var/tmp/alice*")
    #expect(try logIn() == "alice:700")
  }
}
