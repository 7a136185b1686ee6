import RootlessStorage

/// Something that an engine of this host needs, and that is not there.
struct EngineNeed: Equatable, Sendable {
  /// For a sentence: `conmon, which starts containers, is not installed`.
  let what: String
  /// What becomes of that.
  let effect: String
  let severity: Finding.Severity
  let remedy: Remedy
}

/// What Podman and rootless Docker need of this host beside themselves.
///
/// Where a file of the site's says another place, nothing is said: what is there is the site's business.
struct EngineNeeds: Equatable, Sendable {
  let all: [EngineNeed]

  init(_ tree: HostTree, _ namespaces: UserNamespaces) {
    var found: [EngineNeed] = []
    // A script starts something else, or something elsewhere.
    let hasPodman = EngineNeeds.isProgram("podman", tree)
    if hasPodman { found += EngineNeeds.podman(tree, namespaces) }
    let hasDocker = UserNamespaces.find("dockerd-rootless.sh", tree) != nil && EngineNeeds.isProgram("rootlesskit", tree)
    if hasDocker { found += EngineNeeds.docker(tree, namespaces) }
    if hasPodman || hasDocker { found += EngineNeeds.network(tree) + EngineNeeds.sessions(tree) }
    all = found
  }

  private static func isProgram(_ name: String, _ tree: HostTree) -> Bool {
    guard let path = UserNamespaces.find(name, tree) else { return false }
    do throws(Errno) {
      return try readAll(try open(path: tree.resolve(tree.real(path)), .reading), limit: 3).starts(with: [
        0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F"),
      ])
    } catch { return false }
  }

  /// Where containers.conf(5) of the vendor's and the site's may name other places.
  private static let settings: [Path] = ["/usr/share/containers/containers.conf", "/etc/containers/containers.conf"]

  private static func isConfigured(_ keys: [String], _ tree: HostTree) -> Bool {
    var files = settings
    for directory in settings.map({ Path($0.bytes + Array(".d".utf8)) }) {
      for name in (try? tree.names(directory)) ?? [] { files.append(directory / name) }
    }
    return files.contains { file in
      ((try? tree.read(file)) ?? []).split(separator: .newline).contains { line in
        let text = line.drop(while: isBlank)
        return keys.contains { text.starts(with: Array($0.utf8)) }
      }
    }
  }

  private static func isThere(_ name: String, beside directories: [Path], _ tree: HostTree) -> Bool {
    UserNamespaces.find(name, tree) != nil || directories.contains { tree.exists($0 / Path(name)) }
  }

  private static let helpers: [Path] = ["/usr/libexec/podman", "/usr/lib/podman", "/usr/local/libexec/podman", "/usr/local/lib/podman"]

  private static func podman(_ tree: HostTree, _ namespaces: UserNamespaces) -> [EngineNeed] {
    var found: [EngineNeed] = []
    func install(_ name: String) -> Remedy { namespaces.installation(debian: name, fedora: name, arch: name, suse: name) }
    if !isThere("conmon", beside: helpers + ["/usr/libexec/crio"], tree), !isConfigured(["conmon_path"], tree) {
      found.append(
        EngineNeed(
          what: "conmon, which watches containers, is not installed", effect: "Podman does not start", severity: .error,
          remedy: install("conmon")))
    }
    let runtimes = ["crun", "runc", "kata-runtime", "runsc", "youki", "krun"]
    if !runtimes.contains(where: { isThere($0, beside: ["/usr/lib/cri-o-runc/sbin", "/run/current-system/sw/bin"], tree) }),
      !isConfigured(["runtime", "[engine.runtimes]", "crun", "runc"], tree)
    {
      found.append(
        EngineNeed(
          what: "neither crun nor runc is installed", effect: "Podman does not start", severity: .error, remedy: install("crun")))
    }
    let locks = tree.status("/dev/shm")
    if tree.exists("/dev"), tree.exists("/dev/null"), locks.map({ $0.kind != .directory || $0.mode & 0o003 != 0o003 }) ?? true,
      !isConfigured(["lock_type"], tree)
    {
      found.append(
        EngineNeed(
          what: locks == nil ? "/dev/shm is not there" : "users may not write to /dev/shm",
          effect: "Podman, which keeps its locks there, does not start",
          severity: .error,
          remedy: locks == nil
            ? .root(
              "sudo mkdir -p /dev/shm && sudo mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm",
              note: "until the next boot; for good, see what keeps systemd from it")
            : .root(
              "sudo chmod 1777 /dev/shm",
              note: "until the next boot; for good, see /etc/fstab, or set lock_type = \"file\" in containers.conf")))
    }
    return found
  }

  private static func docker(_ tree: HostTree, _ namespaces: UserNamespaces) -> [EngineNeed] {
    if ["slirp4netns", "vpnkit", "pasta", "gvisor-tap-vsock", "lxc-user-nic"].contains(where: { isThere($0, beside: [], tree) }) {
      return []
    }
    return [
      EngineNeed(
        what: "none of slirp4netns, pasta and vpnkit is installed", effect: "rootless Docker does not start", severity: .warning,
        remedy: namespaces.installation(debian: "slirp4netns", fedora: "slirp4netns", arch: "slirp4netns", suse: "slirp4netns"))
    ]
  }

  /// The device that slirp4netns and pasta open for each container.
  private static func network(_ tree: HostTree) -> [EngineNeed] {
    // The tree of another host has no devices.
    guard tree.exists("/dev/null") else { return [] }
    let device = tree.status("/dev/net/tun")
    guard device.map({ $0.mode & 0o006 != 0o006 }) ?? true else { return [] }
    return [
      EngineNeed(
        what: device == nil ? "/dev/net/tun is not there" : "users may not open /dev/net/tun",
        effect: "containers with a network of their own do not start", severity: .warning,
        remedy: device == nil
          ? .root("sudo modprobe tun", note: "in a container, its host has to give it the device")
          : .root("sudo chmod 666 /dev/net/tun", note: "until the next boot; for good, see the rules of udev"))
    ]
  }

  /// Who makes the runtime directory of a session.
  private static func sessions(_ tree: HostTree) -> [EngineNeed] {
    let units = ["systemd-logind.service", "user@.service", "user-runtime-dir@.service"]
    return units.filter { tree.link(Path("/etc/systemd/system/\($0)")) == "/dev/null" }.map { unit in
      EngineNeed(
        what: "\(unit) is masked",
        effect:
          "sessions have no runtime directory (XDG_RUNTIME_DIR) or no manager of their own: Podman keeps its state in /tmp, and Docker does not start",
        severity: .warning, remedy: .root("sudo systemctl unmask \(unit)", note: "if nobody has masked it on purpose"))
    }
  }
}

func needFindings(_ needs: EngineNeeds) -> [Finding] {
  needs.all.map { need in
    Finding(
      .engineIncomplete, need.severity, "\(need.what.prefix(1).uppercased())\(need.what.dropFirst()): \(need.effect).", remedy: need.remedy)
  }
}
