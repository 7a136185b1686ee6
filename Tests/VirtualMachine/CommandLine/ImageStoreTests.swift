import Foundation
import TestSupport
import Testing

/// A folder with fuse-overlayfs of Debian 13 and its library, as packages.
private let fusePackages = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FUSE"]

/// Images that are stored once for a site (packaging/doc/admin.md), by the very lines of that chapter: NFS, two hosts, two users. No
/// machine here reaches a registry.
@Suite(.serialized, .enabled(if: Lab.isPossible && fusePackages != nil, Comment(rawValue: Lab.need)))
struct ImageStoreTests {
  /// What stands between lines of ``` in that chapter, in its order: the script, the export, the mount, the skeleton's lines, and the same
  /// for the kernel's overlay, on the server and on a host.
  private static func recipe() throws -> [String] {
    let text = try String(contentsOfFile: "\(projectDirectory)/packaging/doc/admin.md", encoding: .utf8)
    let chapter = try #require(text.components(separatedBy: "\n### ").first { $0.hasPrefix("Images once for the site\n") })
    return chapter.components(separatedBy: "\n```\n").enumerated().filter { $0.offset % 2 == 1 }.map { "\($0.element)\n" }
  }

  private static let store = "/var/tmp/$USER/containers/storage"
  private static let start = "podman run --rm --network=none"
  /// Of the image below, as a container has it.
  private static let owners = [
    "0:42:640 /etc/shadow", "999:999:644 /data/owned-by-999", "0:0:644 /data/owned-by-root", "0:0:1777 /tmp", "999:998:2750 /work",
    "0:0:4755 /bin/own",
  ]
  private static let look = "stat -c '%u:%g:%a %n' /etc/shadow /data/owned-by-999 /data/owned-by-root /tmp /work /bin/own"
  /// What a user tries, with what has to come of it. /work is copied up by the container's root, whose it is not.
  private static let trial = """
    \(start) localhost/site/tool sh -c "\(look)"
    \(start) localhost/site/tool sh -c 'cat /etc/shadow; echo new > /etc/new; echo more >> /data/owned-by-999; echo > /work/made; stat -c "%u:%g:%a %n" /etc /etc/new /data/owned-by-999 /work'
    \(start) --user 999:998 localhost/site/tool sh -c 'cat /etc/shadow 2> /dev/null || echo closed; echo > /work/mine && stat -c "%u:%g:%a %n" /work /work/mine'
    podman images --format '{{.Repository}} {{.ReadOnly}}'
    ls \(store)/overlay-images | grep -v lock; ls \(store)/overlay | grep -vx l
    test $(du -sk \(store) | cut -f 1) -lt 1000 && echo small
    """
  /// - Parameter copied: the mode that /work has then.
  private static func outcome(_ copied: String) -> [String] {
    owners + ["secret", "0:0:755 /etc", "0:0:644 /etc/new", "999:999:644 /data/owned-by-999", "999:998:\(copied) /work"]
      + ["closed", "999:998:\(copied) /work", "999:998:644 /work/mine", "localhost/site/tool true", "small"]
  }

  private struct Site {
    let lab: Lab
    let recipe: [String]

    init(_ hosts: [Lab.Host]) throws {
      lab = try Lab(hosts, release: "trixie")
      recipe = try ImageStoreTests.recipe()
      try #require(recipe.count == 6)
      for host in hosts { try lab.install(on: host) }
      // An image with more than the usual one has.
      try lab.root(
        """
        mkdir /t; tar -C /t -xf /srv/image.tar; cp /t/bin/busybox /t/bin/own; chmod 4755 /t/bin/own
        install -d -m 2750 -o 999 -g 998 /t/work; chmod 2750 /t/work; tar --numeric-owner -C /t -cf /srv/image.tar .
        """)
    }

    func packages(on host: Lab.Host) throws {
      for name in try FileManager.default.contentsOfDirectory(atPath: fusePackages ?? "/nonexistent") {
        try lab.put("\(fusePackages ?? "/nonexistent")/\(name)", into: "/srv", on: host)
      }
      // Not fuse3, with what that needs: its program is for mounts outside of a user namespace.
      try lab.root("dpkg --force-depends --install /srv/*.deb", on: host)
    }

    func write(_ text: String, _ redirection: String, on host: Lab.Host = .lab1) throws {
      try lab.root("cat \(redirection) <<'END'\n\(text)END", on: host)
    }

    /// Codes of what check finds about a user's image stores, and the sentences.
    func check(_ user: String, on host: Lab.Host) throws -> (codes: [String], text: String) {
      let report = try Report(lab.root("rootless-storage check --json \(user) || true", on: host))
      let found = report.users.flatMap(\.findings).filter { $0.code == "image-store" || $0.sentence.contains("/images") }
      return (found.map(\.code), "\(found)")
    }
  }

  @Test func `two users on two hosts run images of one store on NFS, and nothing is pulled or copied`() throws {
    let site = try Site([.lab1, .lab2])
    let lab = site.lab
    for host in [Lab.Host.lab1, .lab2] { try site.packages(on: host) }
    try site.write(site.recipe[0], "> /usr/local/sbin/site-images")
    try lab.root("chmod 755 /usr/local/sbin/site-images; set -e; \(site.recipe[1])")
    try lab.root("site-images import -q /srv/image.tar localhost/site/tool")
    for host in [Lab.Host.lab1, .lab2] {
      try lab.root("set -e; \(site.recipe[2])", on: host)
      try site.write(site.recipe[3], ">> /etc/rootless-storage/skel/.config/containers/storage.conf", on: host)
    }
    for (user, host) in [("alice", Lab.Host.lab1), ("bob", .lab2), ("alice", .lab2)] {
      let output = try lab.login(user, ImageStoreTests.trial, on: host)
      // fuse-overlayfs 1.14 makes the copy without the set-group-ID bit.
      #expect(output.lines == ImageStoreTests.outcome("750"), "\(user) on \(host): \(output)")
      let found = try site.check(user, on: host)
      #expect(found.codes == [], "\(user) on \(host): \(found.text)")
    }

    // Filled again while a container runs; and a command that fails leaves the store as it was.
    try lab.root("loginctl enable-linger alice")
    let kept = try lab.login("alice", "podman run -d --name kept --network=none localhost/site/tool sleep 3000")
    #expect(kept.status == 0, "\(kept)")
    try lab.root(
      "printf 'FROM localhost/site/tool\\nRUN echo second > /second\\n' > /t/Containerfile; site-images build -q --isolation=chroot -t localhost/site/second /t"
    )
    #expect(
      try lab.root(
        "before=$(readlink /srv/images/current); site-images rmi localhost/nothing 2> /dev/null || ls /srv/images; test $(readlink /srv/images/current) = $before"
      ).lines.count == 3)
    try lab.root("echo 3 > /proc/sys/vm/drop_caches")
    let second = try lab.login(
      "alice", "podman exec kept cat /etc/shadow; \(ImageStoreTests.start) localhost/site/second cat /second; podman rm -f -t 0 kept")
    #expect(second.lines == ["secret", "second", "kept"], "\(second)")

    try whatIsMissing(site)
  }

  /// On lab2, to dave, whose home is a local one, with an image of his own.
  private func whatIsMissing(_ site: Site) throws {
    let lab = site.lab
    func dave(_ command: String) throws -> Output { try lab.login("dave", "\(command) 2>&1; echo status $?", on: .lab2) }
    let own = "\(ImageStoreTests.start) localhost/own echo ran"
    func conf(_ graphroot: String, _ options: String) -> String {
      "cat > .config/containers/storage.conf <<'END'\n[storage]\ndriver = \"overlay\"\ngraphroot = \"\(graphroot)\"\n\(options)END"
    }
    #expect(
      try dave(
        "mkdir -p -m 700 /var/tmp/dave .config/containers\n\(conf("/var/tmp/dave/storage", site.recipe[3]))\npodman import -q /srv/image.tar localhost/own; \(own)"
      ).lines.suffix(2) == ["ran", "status 0"])

    // The server does not answer. What lies below the mount point brings the user's own images back.
    try lab.link("down", .lab2)
    let silent = try dave("podman images -q")
    #expect(silent.text.contains("status 125") && silent.text.contains("nput/output error"), "\(silent)")
    // It waits as Podman does, and check for no longer than its time.
    let told = try Report(lab.root("rootless-storage check --json dave || true", on: .lab2)).users.compactMap(\.failure)
    #expect(told.first?.contains("no answer within") ?? false, "\(told)")
    try lab.root("umount -l /images", on: .lab2)
    #expect(try dave(own).lines == ["ran", "status 0"])
    #expect(try dave("\(ImageStoreTests.start) --pull=never localhost/site/tool true").lines.last == "status 125")
    #expect(try site.check("dave", on: .lab2).codes == [])
    try lab.root("mv /images/current /images/away", on: .lab2)
    for (damage, words) in [("true", "no such file"), ("mkdir /images/current", "permission denied")] {
      try lab.root(damage, on: .lab2)
      let output = try dave(own)
      #expect(output.text.contains("status 125") && output.text.contains(words), "\(output)")
      #expect(try site.check("dave", on: .lab2).codes == ["image-store"])
    }
    try lab.root("rmdir /images/current; mv /images/away /images/current", on: .lab2)
    try lab.link("up", .lab2)
    try lab.root("for i in $(seq 20); do mount /images && exit; sleep 3; done; exit 1", on: .lab2)

    // Damage: of what was before, and what then works of two images, the user's own and the site's. The last one is hidden to check.
    // On a mount that is read-only Podman passes over a store without images.lock; where it may not make it for another reason, it ends.
    let lists = "/srv/images/current/overlay"
    let damages = [
      (file: "\(lists)-layers/layers.json", damage: "echo '[{' > FILE", own: false, codes: ["image-store"]),
      (file: "\(lists)-layers/layers.json", damage: "chmod 600 FILE", own: false, codes: ["image-store"]),
      (file: "\(lists)-images/images.json", damage: "echo '[{' > FILE", own: false, codes: ["image-store"]),
      (file: "\(lists)-images/images.lock", damage: "rm FILE", own: true, codes: ["image-store"]),
      (file: "\(lists)", damage: "mkdir -m 755 FILE", own: true, codes: []),
    ]
    for (file, damage, worksAlone, codes) in damages {
      let what = "\(damage.replacing("FILE", with: file))"
      // Other names of the same file stay as they are.
      try lab.root("mv \(file) \(file).away; [ ! -f \(file).away ] || cp -p \(file).away \(file); \(what)")
      try lab.root("sync; echo 3 > /proc/sys/vm/drop_caches", on: .lab2)
      let alone = try dave(own)
      #expect(alone.lines.contains("status 0") == worksAlone, "\(what): \(alone)")
      let others = try dave("\(ImageStoreTests.start) --pull=never localhost/site/tool true")
      #expect(!others.lines.contains("status 0"), "\(what): \(others)")
      let found = try site.check("dave", on: .lab2)
      #expect(found.codes == codes, "\(what): \(found.text)")
      try lab.root("rm -rf \(file); mv \(file).away \(file)")
    }
    try lab.root("sync; echo 3 > /proc/sys/vm/drop_caches", on: .lab2)
    #expect(try dave("\(own); \(ImageStoreTests.start) --pull=never localhost/site/tool echo back").lines == ["ran", "back", "status 0"])
    // Named without the program that reads the owners.
    let options = site.recipe[3].split(separator: "\n", omittingEmptySubsequences: false).prefix(2).joined(separator: "\n") + "\n"
    let plain = try dave("\(conf("/var/tmp/dave/plain", options))\n\(ImageStoreTests.start) localhost/site/tool true")
    #expect(plain.text.contains("/etc/mtab") && !plain.lines.contains("status 0"), "\(plain)")
    let warned = try site.check("dave", on: .lab2)
    #expect(warned.codes == ["image-store"] && warned.text.contains("fuse-overlayfs"), "\(warned.text)")
  }

  @Test func `mounted for each user with ids mapped, the kernel's overlay does it`() throws {
    let site = try Site([.lab1])
    let lab = site.lab
    // The machine has no mkfs.
    let file = try run("/usr/bin/mktemp", ["-d"]).lines[0] + "/site-1"
    defer { _ = try? Foundation.FileManager.default.removeItem(atPath: URL(fileURLWithPath: file).deletingLastPathComponent().path) }
    _ = try run("/bin/sh", ["-c", "truncate -s 16M \(file) && mkfs.ext4 -q \(file)"])
    try lab.root("modprobe loop; \(site.recipe[1])")
    try lab.put(file, into: "/srv/images")
    try lab.root("set -e; \(site.recipe[4])")
    try lab.root(
      "set -e; mkdir -p /net/images; mount -t nfs4 -o ro,vers=4.2,nosuid,nodev nfs-server:/srv/images /net/images; \(site.recipe[5])")
    try lab.root(
      "set -e; \(site.recipe[5].replacing("alice", with: "bob").replacing("2001", with: "2002").replacing("100000", with: "165536"))")
    try site.write(
      "[storage.options]\nadditionalimagestores = [\"/images/@USER@/store\"]\n",
      ">> /etc/rootless-storage/skel/.config/containers/storage.conf")
    for user in ["alice", "bob"] {
      let output = try lab.login(user, ImageStoreTests.trial)
      #expect(output.lines == ImageStoreTests.outcome("2750"), "\(user): \(output)")
      let found = try site.check(user, on: .lab1)
      #expect(found.codes == [], "\(user): \(found.text)")
    }
  }
}
