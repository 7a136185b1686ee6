import Foundation
import TestSupport
import Testing

/// A file system in a file of the home (packaging/doc/admin.md), by the very lines of that chapter: NFS homes with root_squash, two hosts.
@Suite(.serialized, .enabled(if: Lab.isPossible, Comment(rawValue: Lab.need)))
struct HomeImageTests {
  /// What stands between lines of ``` in that chapter, in its order: what the user does, the user's storage.conf, the program, the unit.
  private static func recipe() throws -> [String] {
    let text = try String(contentsOfFile: "\(projectDirectory)/packaging/doc/admin.md", encoding: .utf8)
    let chapter = try #require(
      text.components(separatedBy: "\n### ").first { $0.hasPrefix("An image in the home, for hosts without a disk\n") })
    return chapter.components(separatedBy: "\n```\n").enumerated().filter { $0.offset % 2 == 1 }.map { "\($0.element)\n" }
  }

  private static let store = "/home/nfs4/alice/.local/share/containers"
  private static let conf = "/home/nfs4/alice/.config/containers/storage.conf"
  private static let run = "podman run --rm --network=none localhost/tool stat -c '%u:%g' /data/owned-by-999 2>&1"

  private struct Site {
    let lab: Lab

    init(_ recipe: [String]) throws {
      lab = try Lab([.lab1, .lab2])
      for host in [Lab.Host.lab1, .lab2] {
        try lab.install(on: host)
        try lab.root("modprobe xfs; modprobe loop; mkdir -p /usr/local/sbin", on: host)
        try write(recipe[2], "/usr/local/sbin/home-image", on: host)
        // The same for who does not follow the recipe.
        let careless = recipe[2].replacing("fcntl.flock(image", with: "(image")
        #expect(careless != recipe[2])
        try write(careless, "/usr/local/sbin/without-lock", on: host)
        try write(recipe[3], "/etc/systemd/system/home-image@.service", on: host)
        try lab.root("chmod 755 /usr/local/sbin/home-image /usr/local/sbin/without-lock; systemctl daemon-reload", on: host)
      }
    }

    private func write(_ text: String, _ path: String, on host: Lab.Host) throws {
      try lab.root("cat > \(path) <<'ALL'\n\(text)ALL", on: host)
    }

    /// What check finds about alice: severity and code.
    func check(on host: Lab.Host = .lab1) throws -> [String] {
      let report = try Report(lab.root("rootless-storage check --json alice || true", on: host))
      return report.users.flatMap(\.findings).map { "\($0.severity) \($0.code)" }.sorted()
    }

    /// Until a host has seen what another one has done in the home: NFS lets it remember for some time.
    func wait(until condition: String, on host: Lab.Host) throws {
      try lab.root(
        """
        for i in $(seq 90); do
          echo 3 > /proc/sys/vm/drop_caches
          if setpriv --reuid alice --regid alice --init-groups sh -c '\(condition)'; then exit 0; fi
          sleep 1
        done
        exit 1
        """, on: host)
    }

    /// After this nothing of alice's runs, and what was mounted is not any more.
    func leave(on host: Lab.Host) throws {
      try lab.root(
        """
        loginctl terminate-user alice
        for i in $(seq 60); do pgrep -u alice > /dev/null || break; sleep 1; done
        home-image unmount alice
        for i in $(seq 60); do [ -n "$(losetup --list --noheadings)" ] || exit 0; sleep 1; done
        exit 1
        """, on: host)
    }
  }

  @Test func `an image in a home is one host's at a time, and Podman works in it`() throws {
    let recipe = try HomeImageTests.recipe()
    try #require(recipe.count == 4)
    let site = try Site(recipe)
    let lab = site.lab

    // Not by a login, which would make storage.conf: the user has come from elsewhere.
    let small = recipe[0].replacing("20G", with: "512M")
    #expect(small != recipe[0])
    try lab.root(
      "cat > /run/make <<'ALL'\n\(small)ALL\nsetpriv --reuid alice --regid alice --init-groups env HOME=/home/nfs4/alice sh -e /run/make")
    // Root can neither open the image nor unmount it, as the chapter says.
    #expect(try lab.root("mount -o loop /home/nfs4/alice/containers.xfs /mnt 2>&1 || true").text.contains("failed to setup loop device"))
    try lab.root("systemctl enable --now home-image@alice")
    #expect(try lab.root("umount \(HomeImageTests.store) 2>&1 || echo no").lines.last == "no")

    // The module leaves the mount alone, and makes no file that would hide it.
    #expect(
      try lab.login("alice", "ls .config/containers; findmnt -rno FSTYPE,OPTIONS \(HomeImageTests.store)").text.contains(
        "xfs rw,nosuid,nodev"))
    let log = try lab.log()
    #expect(
      log.contains(
        "alice: \(HomeImageTests.conf) is not created, since \(HomeImageTests.store) is a symbolic link or a mount: it would hide the storage that you chose"
      ), "\(log)")
    #expect(try lab.login("alice", "test ! -e \(HomeImageTests.conf) && test -e .config/docker/daemon.json && echo so").text == "so\n")

    // With the user's file, Podman stores there, with all owners; check and Podman are of one mind.
    #expect(
      try lab.login("alice", "\(recipe[1])podman import -q /srv/image.tar localhost/tool > /dev/null && \(HomeImageTests.run)").text
        == "999:999\n")
    let info = try lab.login("alice", "podman info --format '{{.Store.GraphDriverName}} {{.Store.GraphRoot}}'")
    #expect(info.text == "overlay \(HomeImageTests.store)/storage\n", "\(info)")
    #expect(try site.check() == ["note image-in-home"])
    // As the user, too.
    #expect(try lab.login("alice", "rootless-storage check; true").text.contains("image-in-home"))

    // A second host is refused, and has no store.
    let refused = try lab.root("home-image mount alice 2>&1 || echo no", on: .lab2)
    #expect(refused.lines == ["home-image: it is mounted on another host", "no"], "\(refused)")
    #expect(try site.check(on: .lab2).contains("error graphroot-network"))

    // Without the user's file a login there makes one for all hosts, and the image is not used any more.
    try lab.root("setpriv --reuid alice --regid alice --init-groups rm \(HomeImageTests.conf)")
    try site.wait(until: "! test -e \(HomeImageTests.conf)", on: .lab2)
    #expect(
      try lab.login("alice", "grep graphroot \(HomeImageTests.conf)", on: .lab2).text.contains("\"/var/tmp/alice/containers/storage\""))
    try site.wait(until: "test -e \(HomeImageTests.conf)", on: .lab1)
    #expect(try site.check() == ["warning image-in-home"])
    #expect(try lab.login("alice", recipe[1]).status == 0)
    #expect(try site.check() == ["note image-in-home"])

    // Handed over, with what is in it.
    try lab.root("loginctl terminate-user alice; systemctl stop home-image@alice; systemctl disable home-image@alice")
    try lab.root("for i in $(seq 60); do [ -n \"$(losetup --list --noheadings)\" ] || exit 0; sleep 1; done; losetup --list; exit 1")
    #expect(try site.check().contains("error graphroot-network"))
    try lab.root("without-lock mount alice")
    #expect(try site.check() == ["warning image-in-home"], "nobody has locked it")
    try site.leave(on: .lab1)
    try lab.root("home-image mount alice", on: .lab2)
    #expect(try lab.login("alice", HomeImageTests.run, on: .lab2).text == "999:999\n")
    #expect(try site.check(on: .lab2).filter { $0.contains("image") } == ["note image-in-home"])

    // A host that is cut off loses the lock to the next one, and writes no more.
    try lab.link("down", .lab2)
    try lab.root("for i in $(seq 30); do home-image mount alice 2> /dev/null && exit; sleep 5; done; exit 1")
    #expect(try lab.login("alice", "\(HomeImageTests.run); echo here > .local/share/containers/mark; sync").text == "999:999\n")
    try lab.link("up", .lab2)
    let late = try lab.login(
      "alice", "cd \(HomeImageTests.store); for i in 1 2 3; do dd if=/dev/zero of=late bs=1M count=8 conv=fsync 2>&1; sleep 2; done; ls",
      on: .lab2)
    #expect(late.text.contains("Input/output error"), "\(late)")
    let told = try site.check(on: .lab2)
    #expect(told.contains { $0.hasPrefix("error ") }, "\(told)")
    let kept = try lab.login("alice", "\(HomeImageTests.run); cat .local/share/containers/mark; ls .local/share/containers")
    #expect(kept.lines.prefix(2) == ["999:999", "here"] && !kept.lines.contains("late"), "\(kept)")
    // The file system is whole.
    try site.leave(on: .lab2)
    try site.leave(on: .lab1)
    let whole = try lab.login("alice", "/usr/sbin/xfs_repair -n containers.xfs > /tmp/repair 2>&1; echo $?; cat /tmp/repair")
    #expect(whole.lines.first == "0", "\(whole)")

    // Who takes no lock is found, on the host that has not got it. This may destroy the image.
    try lab.root("home-image mount alice")
    try lab.root("without-lock mount alice", on: .lab2)
    #expect(try site.check(on: .lab2).contains("error image-on-two-hosts"))
    #expect(try site.check() == ["note image-in-home"], "as the chapter says, the one with the lock does not see the other")
  }
}
