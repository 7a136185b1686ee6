import RootlessStorage

/// What this host lets users do with user namespaces, and the programs that rootless engines need for them.
struct UserNamespaces: Equatable, Sendable {
  /// newuidmap(1) or newgidmap(1), which writes the ids of /etc/subuid or /etc/subgid into a namespace.
  struct MapProgram: Equatable, Sendable {
    let path: Path
    let owner: UInt32
    let mode: UInt32
    /// It has the file capability that it needs, permitted and effective.
    let hasCapability: Bool
    /// On a mount where neither counts.
    let isNosuid: Bool

    /// It can do its work for everybody.
    var works: Bool { !isNosuid && mode & 0o001 != 0 && (hasCapability || (owner == 0 && mode & 0o4000 != 0)) }
  }

  struct Engine: Equatable, Sendable {
    let name: String
    let path: Path
    /// There is a file for an AppArmor profile of it.
    let hasProfile: Bool
  }

  /// user.max_user_namespaces; nil: not known.
  let most: UInt64?
  /// The kernel is known to have none.
  let isKernelWithout: Bool
  /// Kinds of namespaces that nobody may make: user.max_mnt_namespaces and the like are 0.
  let forbidden: [String]
  /// kernel.unprivileged_userns_clone, which Debian's and Arch's kernels have; nil elsewhere.
  let unprivilegedClone: UInt64?
  /// kernel.apparmor_restrict_unprivileged_userns is set: only programs with a profile that says so may (Ubuntu 24.04).
  let isRestricted: Bool
  /// Programs that make user namespaces and are installed.
  let engines: [Engine]
  /// Programs of engines with the set-user-ID bit.
  let setUserID: [Path]
  /// nil: not installed.
  let newuidmap: MapProgram?
  let newgidmap: MapProgram?

  /// As uname(2) has it.
  let kernel: [UInt8]
  let hasFuseOverlayfs: Bool
  let hasFuseDevice: Bool
  /// What Debian's kernels of 10 and 11 ask; nothing if the module is not loaded.
  let permitsOverlay: Bool
  /// From /etc/os-release: ID, then ID_LIKE.
  let distribution: [String]

  init(_ tree: HostTree) {
    most = tree.number("/proc/sys/user/max_user_namespaces")
    // Engines make one of each for a container, and of mounts for themselves.
    forbidden = ["mnt", "pid", "net", "ipc", "uts"].filter { tree.number(Path("/proc/sys/user/max_\($0)_namespaces")) == 0 }
    isKernelWithout = tree.exists("/proc/self/ns/pid") && !tree.exists("/proc/self/ns/user")
    unprivilegedClone = tree.number("/proc/sys/kernel/unprivileged_userns_clone")
    isRestricted = tree.number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1
    // crun and runc run in the namespace that these have made.
    engines = ["podman", "buildah", "rootlesskit"].compactMap { name in
      UserNamespaces.find(name, tree).map { path in
        Engine(name: name, path: path, hasProfile: UserNamespaces.hasProfile(name, tree))
      }
    }
    setUserID = UserNamespaces.engineDirectories.flatMap { directory in
      UserNamespaces.enginePrograms.map { directory / Path($0) }
    }.filter { tree.status($0).map { $0.kind == .regular && $0.mode & 0o4000 != 0 } ?? false }
    newuidmap = UserNamespaces.mapProgram("newuidmap", capability: 7, tree)
    newgidmap = UserNamespaces.mapProgram("newgidmap", capability: 6, tree)
    kernel = ((try? tree.read("/proc/sys/kernel/osrelease", limit: 4096)) ?? []).filter { $0 > .space }
    hasFuseOverlayfs = UserNamespaces.find("fuse-overlayfs", tree) != nil
    hasFuseDevice = tree.exists("/dev/fuse")
    permitsOverlay =
      ((try? tree.read("/sys/module/overlay/parameters/permit_mounts_in_userns", limit: 16)) ?? []).first == UInt8(ascii: "Y")
    distribution = UserNamespaces.distribution((try? tree.read("/etc/os-release")) ?? [])
  }

  /// What needs no rights of root's to do its work for a user. newuidmap and newgidmap do.
  private static let enginePrograms = [
    "podman", "buildah", "skopeo", "crun", "runc", "conmon", "rootlesskit", "slirp4netns", "pasta", "netavark", "fuse-overlayfs",
  ]
  private static let engineDirectories = UserProgram.directories + ["/usr/libexec/podman", "/usr/lib/podman"]

  /// nil: not installed.
  static func find(_ program: String, _ tree: HostTree) -> Path? {
    UserProgram.directories.map { $0 / Path(program) }.first { tree.status($0)?.kind == .regular }
  }

  private static func mapProgram(_ name: String, capability: UInt32, _ tree: HostTree) -> MapProgram? {
    find(name, tree).flatMap { mapProgram(at: $0, capability: capability, tree) }
  }

  private static func mapProgram(at path: Path, capability: UInt32, _ tree: HostTree) -> MapProgram? {
    guard let status = tree.status(path) else { return nil }
    let attribute = extendedAttribute("security.capability", of: tree.resolve(path))
    return MapProgram(
      path: path, owner: status.owner, mode: status.mode, hasCapability: attribute.map { has(capability, $0) } ?? false,
      isNosuid: isMountedNosuid(tree.resolve(path)))
  }

  /// Of a program at a path of one's own: it is there, and does its work for everybody.
  static func isWorking(_ name: String, at path: String) -> Bool {
    mapProgram(at: Path(path), capability: name == "newuidmap" ? 7 : 6, HostTree.this)?.works ?? false
  }

  static func isExecutable(_ path: String) -> Bool {
    HostTree.this.status(Path(path)).map { $0.kind == .regular && $0.mode & 0o111 != 0 } ?? false
  }

  /// struct vfs_cap_data (linux/capability.h), little-endian: revision and a bit that says "effective", then the lower 32 permitted.
  static func has(_ capability: UInt32, _ attribute: [UInt8]) -> Bool {
    guard attribute.count >= 12 else { return false }
    func word(at start: Int) -> UInt32 { attribute[start..<start + 4].reversed().reduce(0) { word, byte in word << 8 | UInt32(byte) } }
    return word(at: 0) & 1 != 0 && word(at: 4) >> capability & 1 != 0
  }

  /// Profiles are named after the program, or, as people do for what they install by hand, after its path. Whether one is loaded
  /// only root could see.
  private static func hasProfile(_ program: String, _ tree: HostTree) -> Bool {
    [program, "usr.bin.\(program)", "usr.local.bin.\(program)", "bin.\(program)"].contains { name in
      tree.exists(Path("/etc/apparmor.d/\(name)")) && !tree.exists(Path("/etc/apparmor.d/disable/\(name)"))
    }
  }

  private static func distribution(_ content: [UInt8]) -> [String] {
    let lines = content.split(separator: .newline).map { String(decoding: $0, as: UTF8.self) }
    return ["ID=", "ID_LIKE="].flatMap { key -> [String] in
      guard let line = lines.last(where: { $0.hasPrefix(key) }) else { return [] }
      let value = line.dropFirst(key.count).filter { $0 != "\"" && $0 != "'" }
      return value.split(separator: " ").map(String.init)
    }
  }

  /// Whether the kernel mounts overlay in a user namespace: since 5.11, in RHEL 8.5's, in Ubuntu's long before, and in Debian's if its
  /// module is told to.
  var hasRootlessOverlay: Bool {
    // Nobody knows: nothing to say.
    guard let major = number(at: 0), let minor = number(at: 1) else { return true }
    if permitsOverlay || major > 5 || (major == 5 && minor >= 11) || distribution.first == "ubuntu" { return true }
    let release = String(decoding: kernel, as: UTF8.self)
    guard release.contains(".el8"), release.hasPrefix("4.18.0-"), let build = number(at: 3) else { return false }
    return build >= 348
  }

  /// The numbers of the kernel's release: 4, 18, 0, 348 of `4.18.0-348.el8.x86_64`.
  private func number(at index: Int) -> UInt64? {
    let fields = parts(kernel, separator: { $0 == .dot || $0 == .hyphen })
    return index < fields.count ? decimalValue(fields[index].prefix { isDigit($0) }) : nil
  }

  /// The command that installs a package, by the distribution's name for it.
  func installation(debian: String, fedora: String, arch: String, suse: String) -> Remedy {
    for name in distribution {
      switch name {
      case "debian", "ubuntu": return .root("sudo apt install \(debian)")
      case "fedora", "rhel", "centos": return .root("sudo dnf install \(fedora)")
      case "arch": return .root("sudo pacman -S \(arch)")
      case "suse", "opensuse": return .root("sudo zypper install \(suse)")
      default: continue
      }
    }
    return "install the package with it (\(debian) on Debian and Ubuntu, \(fedora) on Fedora and RHEL)"
  }
}
