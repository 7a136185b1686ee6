import Foundation
import TestSupport
import Testing

/// The role packaging/ansible/rootless_storage against a virtual machine, with Debian's ansible-playbook.
///
/// A play is a minute of an emulated processor. So here are the few that need a running systemd, NFS, sessions or Podman, each with what
/// the one before has left. RoleTests of the suite packages has all others.
@Suite(.serialized, .enabled(if: Lab.isPossible && Packages.file != nil, Comment(rawValue: Lab.need)))
struct AnsibleTests {
  @Test func `a fleet takes it, moves its storage, goes back a version, and gets rid of it`() throws {
    let lab = try Lab()
    let site = try Site(
      package: Packages.file ?? "", networkFilesystems: ["nfs", "nfs4"], connection: try lab.sshVariables, isEmulated: true)
    // alice is logged in before all this, and nothing has been made for her.
    try lab.root("loginctl enable-linger alice")

    // The gate asks the engines of those that the site names; without a daemon of theirs, only Podman.
    let first = try site.play(variables: ["rootless_storage_verify_users": ["alice", "bob"]])
    #expect(first.recap["failed"] == 0, "\(first)")
    #expect(
      try lab.root(Site.settings).lines == [
        "network_filesystems = nfs nfs4", "uid_max = 40000", "subids = off", "reserved_ids = 5000000-5999999 7",
      ])
    #expect(try lab.root(Site.stacks).lines == Array(repeating: "session optional pam_rootless_storage.so ", count: 2))
    #expect(try lab.root("systemctl is-enabled rootless-storage-prune.timer || true").text == "disabled\n")
    // What alice's session lacked was made as her login would have made it. cni is of Podman, which the gate has then asked.
    #expect(
      try lab.root("stat -c '%a %U' /var/tmp/alice; runuser -u alice -- sh -c 'cd; cat .site; ls .config .config/containers'").lines == [
        "700 alice", "for alice", ".config:", "cni", "containers", ".config/containers:", "storage.conf",
      ])
    // dpkg has put its own version beside the changed one. It is in nobody's home, neither is what the site does not want.
    #expect(
      try lab.root(Site.skeleton).lines == [
        "./.config/containers/storage.conf", "./.config/containers/storage.conf.dpkg-dist", "./.site",
      ])
    #expect(try lab.login("bob", "cd; find .site .config -type f").lines == [".site", ".config/containers/storage.conf"])

    // A second run changes nothing. Errors of this host, of a user and of an engine fail it, and are shown with what fixes them.
    try lab.root(
      """
      mv /usr/bin/newuidmap /usr/bin/newuidmap.away; runuser -u bob -- sed -i /graphroot/d /home/nfs4/bob/.config/containers/storage.conf
      mv /usr/bin/podman /usr/bin/podman.away; printf '#!/bin/sh\\necho broken; exit 125\\n' > /usr/bin/podman; chmod 755 /usr/bin/podman
      """)
    let unfit = try site.play()
    #expect(
      unfit.recap["failed"] == 1 && unfit.recap["changed"] == 0
        && unfit.text.contains("error engine-fails: Podman failed at the step info: ") && unfit.text.contains("broken"), "\(unfit)")
    for said in Site.faults { #expect(unfit.text.contains(said), "\(said) in \(unfit)") }
    try lab.root(
      "mv /usr/bin/podman.away /usr/bin/podman; mv /usr/bin/newuidmap.away /usr/bin/newuidmap; rootless-storage repair bob")

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

    // Away with it: nothing of it is left but what is the users'.
    let removed = try site.play(variables: ["rootless_storage_state": "absent", "rootless_storage_purge": true])
    #expect(removed.recap["failed"] == 0, "\(removed)")
    #expect(try lab.root(Site.remains).lines == ["0"])
    #expect(try lab.login("bob", "echo in; ls ~/.config/containers/storage.conf").lines.first == "in")
  }
}
