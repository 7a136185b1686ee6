import TestSupport
import Testing

/// Hosts with different releases that share a home. What a login writes there is the same on all of them; what one host needs besides is
/// that host's own.
@Suite(.enabled(if: Packages.file != nil && Lab.isPossible, Comment(rawValue: Packages.need)))
struct SharedHomeTests {
  private static let files = ".config/containers/storage.conf .config/docker/daemon.json"

  @Test func `one home on bullseye and trixie, whichever a user logs in to first: the files stay, and Podman works on both`() throws {
    let lab = try Lab([.lab1, .lab2], release: "trixie", second: "bullseye")
    #expect(try lab.root("uname -r").text.hasPrefix("6.12.") && lab.root("uname -r", on: .lab2).text.hasPrefix("5.10."))
    for host in [Lab.Host.lab1, .lab2] { try lab.installPackage(on: host) }
    // The host says so, and no file in a home.
    #expect(try lab.root("rootless-storage check || true", on: .lab2).text.contains("error fuse-overlayfs"))
    #expect(try !lab.root("rootless-storage check || true").text.contains("fuse-overlayfs"))
    try lab.permitOverlay(on: .lab2)
    #expect(try !lab.root("rootless-storage check || true", on: .lab2).text.contains("fuse-overlayfs"))

    let look = "sha256sum \(SharedHomeTests.files); stat -c %y:%i \(SharedHomeTests.files)"
    var written: [String] = []
    for (user, hosts) in [("alice", [Lab.Host.lab1, .lab2]), ("bob", [.lab2, .lab1])] {
      let first = try lab.login(user, look, on: hosts[0])
      let log = try lab.log(on: hosts[0])
      #expect(first.status == 0, "\(first) \(log)")
      let second = try lab.login(user, look, on: hosts[1])
      #expect(second.text == first.text, "\(user)")
      for host in hosts {
        let ran = try lab.login(
          user,
          "podman import -q /srv/image.tar localhost/test >/dev/null && podman run --rm --network=none localhost/test stat -c %u:%g /etc/shadow /data/owned-by-999; podman info --format '{{.Store.GraphDriverName}} {{.Store.GraphRoot}}'",
          on: host)
        #expect(ran.lines.suffix(3) == ["0:42", "999:999", "overlay /var/tmp/\(user)/containers/storage"], "\(user), \(host): \(ran)")
        #expect(try lab.root("stat -c %U:%a /var/tmp/\(user)", on: host).text == "\(user):700\n")
      }
      try written.append(lab.login(user, "cat \(SharedHomeTests.files)").text.replacing(user, with: "USER"))
    }
    #expect(written[0] == written[1], "the first login's host is not to be told from its files")
  }
}
