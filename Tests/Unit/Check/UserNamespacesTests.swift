import CLinux
import Testing

@testable import RootlessStorage
@testable import rootless_storage

@Suite struct UserNamespacesTests {
  private let place = TestDirectory()

  /// A host on which everything is as it should be.
  init() {
    place.put("proc/sys/user/max_user_namespaces", "96365\n")
    place.put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
    place.put("proc/self/ns/pid", "")
    place.put("proc/self/ns/user", "")
    place.put("etc/os-release", "NAME=x\nID=debian\n")
    for name in ["newuidmap", "newgidmap", "podman"] { place.put("usr/bin/\(name)", "", mode: 0o4755) }
  }

  private func findings() -> [Finding] { userNamespaceFindings(UserNamespaces(place.tree)) }
  private func sentences() -> [String] { findings().map(\.sentence) }
  private func remedy() -> String? { findings().first?.remedy.text }

  @Test(.enabled(if: isRoot, "needs root")) func `a good host has no findings`() { #expect(sentences() == []) }

  @Test(
    .enabled(if: isRoot, "needs root"),
    arguments: [
      ("user/max_user_namespaces", "user.max_user_namespaces"), ("kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone"),
    ])
  func `namespaces that are switched off`(file: String, key: String) {
    place.put("proc/sys/\(file)", "0\n")
    #expect(findings().map(\.code) == [.usernsDisabled])
    #expect(sentences().first?.contains("(\(key) is 0)") == true)
    #expect(remedy()?.hasPrefix("echo '\(key) = ") == true)
  }

  @Test(.enabled(if: isRoot, "needs root")) func `a kernel without`() {
    _ = unsafe withCString(place("proc/self/ns/user").bytes) { unsafe unlink($0) }
    #expect(sentences() == ["The kernel 6.1.0-18-amd64 has no user namespaces, so nobody can run rootless containers."])
  }

  @Test(.enabled(if: isRoot, "needs root")) func `AppArmor's restriction concerns engines without a profile`() {
    place.put("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n")
    #expect(findings().map(\.code) == [.usernsRestricted])
    #expect(findings().first?.severity == .warning)
    place.put("etc/apparmor.d/podman", "")
    #expect(sentences() == [])
    place.put("usr/bin/rootlesskit", "", mode: 0o755)
    #expect(sentences().first?.hasSuffix("and rootlesskit has none in /etc/apparmor.d, as podman has.") == true)
    #expect(remedy()?.contains("profile rootlesskit /usr/bin/rootlesskit flags=(unconfined) { userns, }") == true)
    place.put("etc/apparmor.d/usr.bin.rootlesskit", "")
    #expect(sentences() == [])
    place.put("etc/apparmor.d/disable/podman", "")
    #expect(sentences().first?.hasSuffix("and podman has none in /etc/apparmor.d, as rootlesskit has.") == true)
    place.put("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n")
    #expect(sentences() == [])
  }

  @Test(arguments: [
    ("ID=ubuntu\nID_LIKE=debian\n", "sudo apt install uidmap"),
    ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "sudo dnf install shadow-utils"),
    ("ID=arch\n", "sudo pacman -S shadow"), ("ID='opensuse-leap'\nID_LIKE=\"suse opensuse\"\n", "sudo zypper install shadow"),
    ("", "install the package with it (uidmap on Debian and Ubuntu, shadow-utils on Fedora and RHEL)"),
  ])
  func `programs that are missing come from the distribution's package`(release: String, command: String) {
    place.put("etc/os-release", release)
    for name in ["newuidmap", "newgidmap"] as [[UInt8]] { _ = unsafe withCString(place("usr/bin/" + name).bytes) { unsafe unlink($0) } }
    #expect(sentences() == ["newuidmap and newgidmap are not installed, so no user's subordinate ids can be used."])
    #expect(remedy() == command)
  }

  @Test(.enabled(if: isRoot, "needs root")) func `programs without the rights that they need`() {
    place.setMode("usr/bin/newgidmap", 0o755)
    #expect(
      sentences() == [
        "newgidmap (/usr/bin/newgidmap) has neither the file capability cap_setgid nor root's set-user-ID bit (owner 0, mode 0755), so no user's subordinate gids can be used."
      ])
    #expect(remedy() == "sudo setcap cap_setgid+ep /usr/bin/newgidmap    # or: chown root, chmod u+s")
    place.setMode("usr/bin/newgidmap", 0o4750)
    #expect(sentences().first?.contains("cannot be executed by everybody (mode 4750)") == true)
    place.setMode("usr/bin/newgidmap", 0o4755)
    place.setOwner("usr/bin/newuidmap", 12_345)
    #expect(sentences().first?.contains("newuidmap (/usr/bin/newuidmap) has neither") == true)
  }

  @Test func `file capabilities are read as the kernel writes them`() {
    // cap_setuid=ep, revision 2; and revision 3, which ends in the root of its namespace.
    let attribute: [UInt8] = [1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(UserNamespaces.has(7, attribute) && !UserNamespaces.has(6, attribute))
    #expect(UserNamespaces.has(7, [1, 0, 0, 3] + attribute.dropFirst(4) + [0, 0, 0, 0]))
    #expect(!UserNamespaces.has(7, [0] + attribute.dropFirst()))
    for count in 0..<12 { #expect(!UserNamespaces.has(7, Array(attribute.prefix(count)))) }
  }

  @Test func `a mount with nosuid is told`() {
    let program = UserNamespaces.MapProgram(path: "/usr/bin/newuidmap", owner: 0, mode: 0o4755, hasCapability: true, isNosuid: true)
    #expect(!program.works)
    // As the kernel lists them: field 5 is the mount point, field 6 its options. Of several on one point the last is seen.
    guard let mounts = try? readAll(try open(path: "/proc/self/mountinfo", .reading), limit: 1 << 20) else { return }
    var options: [Path: Bool] = [:]
    for line in parts(mounts, separator: { $0 == 0x0a }).map(words) where line.count > 5 {
      options[Path(line[4])] = parts(line[5], separator: { $0 == 0x2c }).contains("nosuid")
    }
    for (path, isNosuid) in options where !isNosuid || exists(path / bytes(".")) {
      #expect(isMountedNosuid(path) == isNosuid, "\(shown(path))")
    }
  }

  @Test(
    .enabled(if: isRoot, "needs root"),
    arguments: [
      ("5.10.0-28-amd64", "debian", true), ("5.11.0", "debian", false), ("6.18.44-x", "debian", false),
      ("4.18.0-348.el8.x86_64", "rhel", false),
      ("4.18.0-305.3.1.el8.x86_64", "rhel", true), ("4.18.0-400.generic", "debian", true), ("5.4.0-100-generic", "ubuntu", false),
      ("garbage", "debian", false),
      ("3.10.0-1160.el7.x86_64", "centos", true),
    ])
  func `a kernel too old for overlay wants fuse-overlayfs`(kernel: String, distribution: String, isOld: Bool) {
    place.put("proc/sys/kernel/osrelease", kernel + "\n")
    place.put("etc/os-release", "ID=\(distribution)\n")
    #expect(findings().map(\.code) == (isOld ? [.fuseOverlayfs] : []))
    if !isOld { return }
    if distribution == "debian" {
      #expect(sentences() == ["The kernel \(kernel) cannot mount overlay for users (Linux 5.11 can) unless its module overlay is told to."])
      #expect(remedy()?.contains("permit_mounts_in_userns=1") == true)
      place.put("sys/module/overlay/parameters/permit_mounts_in_userns", "Y\n")
      #expect(findings() == [])
      place.put("sys/module/overlay/parameters/permit_mounts_in_userns", "N\n")
      #expect(findings().map(\.code) == [.fuseOverlayfs])
    } else {
      #expect(
        sentences().first
          == "The kernel \(kernel) cannot mount overlay for users (Linux 5.11 can), and fuse-overlayfs, which does it instead, is not installed."
      )
    }
    place.put("usr/bin/fuse-overlayfs", "", mode: 0o755)
    #expect(remedy() == "sudo modprobe fuse")
    place.put("dev/fuse", "")
    #expect(findings() == [])
  }
}
