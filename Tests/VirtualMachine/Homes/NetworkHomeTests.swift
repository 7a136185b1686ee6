import Foundation
import TestSupport
import Testing

extension NetworkTests {
  /// The main job, for real: NFS v4.2 and v3 homes under root_squash, autofs, sshd, Podman.
  @Suite(.serialized) struct NetworkHomeTests {
    private static let podmanInfo = "podman info --format '{{.Store.GraphDriverName}} {{.Store.GraphRoot}} {{.Store.ConfigFile}}'"

    @Test(arguments: [("alice", "nfs4"), ("carol", "nfs3")])
    func `a user with an NFS home logs in, and podman works that did not`(user: String, type: String) throws {
      let lab = try Lab()
      let home = "/home/\(type)/\(user)"
      let before = try lab.login(user, "podman import /srv/image.tar localhost/test; echo status $?; \(NetworkHomeTests.podmanInfo)")
      #expect(before.text.contains("permission denied") && before.text.contains("status 125"), "\(before)")
      #expect(before.text.contains("vfs \(home)/.local/share/containers/storage"), "\(before)")
      // 0700 under root_squash: what is in it is not root's to see.
      #expect(
        try lab.root("stat -c %a:%U \(home); ls \(home) 2>&1 || true").text
          == "700:\(user)\nls: cannot open directory '\(home)': Permission denied\n")

      try lab.install()
      let first = try lab.login(
        user, "stat -c '%n %a %U:%G' /var/tmp/\(user) ~/.config/containers ~/.config/containers/storage.conf ~/.config/docker/daemon.json")
      #expect(
        first.lines == [
          "/var/tmp/\(user) 700 \(user):\(user)", "\(home)/.config/containers 700 \(user):\(user)",
          "\(home)/.config/containers/storage.conf 644 \(user):\(user)", "\(home)/.config/docker/daemon.json 644 \(user):\(user)",
        ], "\(first)")
      #expect(
        try lab.log().sorted() == [
          "\(user): created \(home)/.config/containers/storage.conf", "\(user): created \(home)/.config/docker/daemon.json",
          "\(user): created storage directory /var/tmp/\(user) (mode 0700)",
        ])
      let after = try lab.login(user, NetworkHomeTests.podmanInfo)
      #expect(after.text == "overlay /var/tmp/\(user)/containers/storage \(home)/.config/containers/storage.conf\n", "\(after)")
      #expect(try lab.login(user, "podman import -q /srv/image.tar localhost/test").status == 0)
      let owners = try lab.login(
        user, "podman run --rm --network=none localhost/test stat -c %u:%g /etc/shadow /data/owned-by-999 /data/owned-by-root")
      #expect(owners.text == "0:42\n999:999\n0:0\n", "\(owners)")
      // Nothing more was said at these logins, and nothing is left of them.
      #expect(try lab.log().count == 3)
      #expect(try lab.root("pgrep -c session-helper || true").text == "0\n")
    }

    @Test func `a local user is left alone`() throws {
      let lab = try Lab()
      try lab.install("debug")
      #expect(try lab.login("dave", "ls -A /var/tmp/dave ~/.config 2>/dev/null | wc -l").text == "0\n")
      let log = try lab.log()
      #expect(log.count > 0 && log.allSatisfy { $0.hasPrefix("dave: home /home/dave is on a local ") }, "\(log)")
    }

    @Test func `a second host that shares the home makes its own storage directory, and leaves the files alone`() throws {
      let lab = try Lab([.lab1, .lab2])
      try lab.install(on: .lab1)
      try lab.install(on: .lab2)
      let state = "stat -c '%i %Y %Z %h' ~/.config/containers/storage.conf ~/.config/docker/daemon.json"
      let first = try lab.login("alice", state)
      #expect(first.lines.count == 2)
      let second = try lab.login("alice", state, on: .lab2)
      #expect(second.text == first.text)
      #expect(try lab.log(on: .lab2) == ["alice: created storage directory /var/tmp/alice (mode 0700)"])
      let run = try lab.login(
        "alice",
        "podman import -q /srv/image.tar localhost/test && podman run --rm --network=none localhost/test stat -c %u:%g /data/owned-by-999",
        on: .lab2)
      #expect(run.lines.last == "999:999", "\(run)")
    }

    @Test(arguments: [("alice", "nfs4"), ("carol", "nfs3")])
    func `with the server gone the module gives up at its deadline and says so, and local users log in`(user: String, type: String) throws {
      let lab = try Lab()
      try lab.install("timeout=3")
      #expect(try lab.login(user, "true").status == 0)
      let before = try lab.log(of: "sshd").count
      try lab.link("down")
      // The shell behind the session hangs in the home, as it would without us; so this login is given up.
      _ = try lab.login(user, "true", patience: 45)
      let log = try lab.log(of: "sshd").dropFirst(before)
      #expect(
        log.count == 1
          && log.first
            == "\(user): the session helper was not done within the timeout and was killed, this session may be without container storage; check that the file server of the home answers, and with Kerberos its KDC and rpc.gssd",
        "\(log)")
      #expect(try lab.root("pgrep -c session-helper || true").text == "0\n")
      let local = try lab.login("dave", "echo in", patience: 120)
      #expect(local.text == "in\n", "\(local)")

      try lab.link("up")
      // TCP takes its time to try again.
      try lab.root("runuser -u \(user) -- timeout 100 stat /home/\(type)/\(user)/.config > /dev/null")
      let again = try lab.login(user, "echo in")
      #expect(again.text == "in\n", "\(again)")
      #expect(try lab.log(of: "sshd").dropFirst(before + 1).isEmpty)
    }

    @Test func `a home that is not mounted while its server is down is called missing, or its server down`() throws {
      let lab = try Lab()
      try lab.install("timeout=20")
      try lab.server("down")
      let login = try lab.login("bob", "echo in", patience: 120)
      #expect(login.text.contains("in"), "the login itself goes on: \(login)")
      // The user manager's session and sshd's have the same to say: once is enough.
      let log = try lab.log()
      #expect(log.count == 1 && log[0].contains("bob: home /home/nfs4/bob does not exist, or its file server is down"), "\(log)")
      try lab.server("up")
      try lab.root("sleep 4")  // autofs remembers a failure for a while
      #expect(try lab.login("bob", "cat ~/.config/docker/daemon.json").text == "{ \"data-root\": \"/var/tmp/bob/docker\" }\n")
    }

    @Test(arguments: [("alice", "nfs4"), ("carol", "nfs3")])
    func `a login that finds everything in place costs no more requests than a stat of each file`(user: String, type: String) throws {
      let lab = try Lab()
      try lab.install()
      #expect(try lab.login(user, "true").status == 0)
      let home = "/home/\(type)/\(user)"
      // All requests of the mount, from its statistics: the second number of each operation's line counts transmissions.
      let output = try lab.root(
        """
        uid=$(id -u \(user)); gid=$(id -g \(user)); groups=$(id -G \(user) | tr ' ' ,)
        requests() { awk -v home=\(home) '$1 == "device" { here = ($5 == home) } here && $1 ~ /^[A-Z_]+:$/ { sum += $3 } END { print sum }' /proc/self/mountstats; }
        measure() { sync; echo 3 > /proc/sys/vm/drop_caches; sleep 1; before=$(requests); "$@" > /dev/null; after=$(requests); echo $((after - before)); }
        stats() { setpriv --reuid $uid --regid $gid --groups $groups stat \(home)/.config/containers/storage.conf \(home)/.config/docker/daemon.json; }
        helper() { /usr/libexec/rootless-storage/session-helper --uid $uid --gid $gid --groups $groups --home \(home) \(user); }
        helper | head -n 1 >&2
        for round in 1 2 3; do echo "$(measure stats) $(measure helper)"; done
        rm -rf /var/tmp/\(user); ln -s /etc /var/tmp/\(user)
        """)
      let rounds = output.lines.compactMap { line in
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        return numbers.count == 2 ? numbers : nil
      }
      #expect(rounds.count == 3, "\(output)")
      for round in rounds {
        #expect(round[0] > 0, "the caches were empty: \(output)")
        #expect(round[1] <= round[0], "requests: stat of both files, and the session helper: \(output)")
      }
    }
  }
}
