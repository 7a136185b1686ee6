import Foundation
import TestSupport
import Testing

/// The role packaging/ansible/rootless_storage against a clean Debian, with Debian's ansible-playbook: all that needs neither a running
/// systemd nor NFS, sessions or engines. The rest is AnsibleTests of vm-packages, where a play takes ten times as long.
@Suite(.enabled(if: DebianRoot.isPossible, Comment(rawValue: DebianRoot.need)))
struct RoleTests {
  @Test func `Ansible's role tells before what it does, does it once, stops at errors, and removes all of it`() throws {
    let root = try DebianRoot(ownProcesses: true)
    let site = try Site(package: DebianRoot.deb, networkFilesystems: ["ramfs", "nfs4"], connection: root.ansibleVariables)
    // overlay, on which the whole Debian is here, is no place for engines.
    try root.sure("mount -t tmpfs -o mode=1777 storage /var/tmp")
    try root.user("alice", uid: 4051)
    try root.user("bob", uid: 4052)
    // alice has a session that is older than all this.
    try root.sure("install -d -m 700 -o alice -g alice /run/user/4051")

    // Check mode on a host that knows nothing of it.
    let before = try root.sure(Site.snapshot).text
    let fresh = try site.play("--check")
    #expect(fresh.recap["failed"] == 0 && fresh.recap["changed", default: 0] > 0, "\(fresh)")
    let untouched = try root.sure(Site.snapshot).text
    #expect(untouched == before, "\(Site.difference(before, untouched))")

    let first = try site.play()
    #expect(first.recap["failed"] == 0, "\(first)")
    #expect(
      try root.sure(Site.settings).lines == [
        "network_filesystems = ramfs nfs4", "uid_max = 40000", "subids = off", "reserved_ids = 5000000-5999999 7",
      ])
    #expect(try root.sure(Site.stacks).lines == Array(repeating: "session optional pam_rootless_storage.so ", count: 2))
    #expect(try root.sh("systemctl is-enabled rootless-storage-prune.timer").text == "disabled\n")
    // What alice's session lacked was made as her login would have made it.
    #expect(
      try root.sure("stat -c '%a %U' /var/tmp/alice; runuser -u alice -- sh -c 'cd; cat .site; ls .config .config/containers'").lines == [
        "700 alice", "for alice", ".config:", "containers", ".config/containers:", "storage.conf",
      ])
    // dpkg has put its own version beside the changed one. It is in nobody's home, neither is what the site does not want.
    #expect(
      try root.sure(Site.skeleton).lines == [
        "./.config/containers/storage.conf", "./.config/containers/storage.conf.dpkg-dist", "./.site",
      ])
    let login = try root.login("bob")
    #expect(login.code == 0 && login.errors == [] && login.warnings == [], "\(login)")
    #expect(
      try root.sure("runuser -u bob -- sh -c 'cd; find .site .config -type f'").lines == [".site", ".config/containers/storage.conf"])

    // The gate: an error fails the play and is shown with what fixes it, on this host and of a user. It is the second run, which changes
    // nothing.
    try root.sure(
      "mv /usr/bin/newuidmap /usr/bin/newuidmap.away; runuser -u bob -- sed -i /graphroot/d /home/bob/.config/containers/storage.conf")
    let faulty = try root.sure(Site.snapshot).text
    let stopped = try site.play()
    #expect(stopped.recap["failed"] == 1 && stopped.recap["changed"] == 0, "\(stopped)")
    for said in Site.faults { #expect(stopped.text.contains(said), "\(said) in \(stopped)") }
    let left = try root.sure(Site.snapshot).text
    #expect(left == faulty, "\(Site.difference(faulty, left))")
    try root.sure("mv /usr/bin/newuidmap.away /usr/bin/newuidmap; rootless-storage repair bob")

    // Another run changes nothing, and says so; and so does check mode.
    let state = try root.sure(Site.snapshot).text
    for options in ["", "--check"] {
      let again = try site.play(options)
      #expect(again.recap["failed"] == 0 && again.recap["changed"] == 0, "\(options): \(again)")
    }

    let now = try root.sure(Site.snapshot).text
    #expect(now == state, "\(Site.difference(state, now))")

    // A line of the settings that would not be understood never gets there.
    let good = try root.sure("cat /etc/rootless-storage/rootless-storage.conf").text
    let refused = try site.play(variables: ["rootless_storage_storage_directory": "/var/lib/storage"])
    #expect(refused.recap["failed"] == 1 && refused.text.contains("settings-problem"), "\(refused)")
    #expect(try root.sure("cat /etc/rootless-storage/rootless-storage.conf").text == good)

    // Away with it: nothing of it is left but what is the users'.
    let removed = try site.play(variables: ["rootless_storage_state": "absent", "rootless_storage_purge": true])
    #expect(removed.recap["failed"] == 0, "\(removed)")
    #expect(try root.sure(Site.remains).lines == ["0"])
    let free = try root.login("bob")
    #expect(free.code == 0 && free.log.filter { $0.text.contains("rootless") } == [], "\(free)")
    #expect(try root.sure("ls /home/bob/.config/containers/storage.conf").status == 0)
    let absent = try site.play(variables: ["rootless_storage_state": "absent", "rootless_storage_purge": true])
    #expect(absent.recap["failed"] == 0 && absent.recap["changed"] == 0, "\(absent)")
  }
}
