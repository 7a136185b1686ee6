import RootlessStorage

/// What keeps every user of this host from running rootless containers.
func userNamespaceFindings(_ facts: UserNamespaces) -> [Finding] {
  disabled(facts) + restricted(facts) + mapPrograms(facts) + overlay(facts)
}

private func disabled(_ facts: UserNamespaces) -> [Finding] {
  if facts.isKernelWithout {
    return [
      Finding(
        .usernsDisabled, .error, "The kernel \(shown(facts.kernel)) has no user namespaces, so nobody can run rootless containers.",
        remedy: "boot a kernel with CONFIG_USER_NS")
    ]
  }
  var findings: [Finding] = []
  for (key, value, good) in [
    ("user.max_user_namespaces", facts.most, "63000"), ("kernel.unprivileged_userns_clone", facts.unprivilegedClone, "1"),
  ] where value == 0 {
    findings.append(
      Finding(
        .usernsDisabled, .error, "User namespaces are switched off (\(key) is 0), so nobody can run rootless containers.",
        remedy: .root("echo '\(key) = \(good)' | sudo tee -a /etc/sysctl.d/99-rootless-storage.conf && sudo sysctl --system")))
  }
  for kind in facts.forbidden {
    let key = "user.max_\(kind)_namespaces"
    findings.append(
      Finding(
        .usernsDisabled, .error, "Namespaces of the kind \(kind) are switched off (\(key) is 0), so rootless containers do not start.",
        remedy: .root("echo '\(key) = 63000' | sudo tee -a /etc/sysctl.d/99-rootless-storage.conf && sudo sysctl --system")))
  }
  return findings
}

private func restricted(_ facts: UserNamespaces) -> [Finding] {
  let without = facts.engines.filter { !$0.hasProfile }
  guard facts.isRestricted, !without.isEmpty else { return [] }
  let profiled = facts.engines.filter(\.hasProfile).map(\.name)
  let others = profiled.isEmpty ? "" : ", as \(list(profiled)) \(profiled.count == 1 ? "has" : "have")"
  return [
    Finding(
      .usernsRestricted, .warning,
      "AppArmor allows user namespaces only to programs with a profile that permits it (kernel.apparmor_restrict_unprivileged_userns is 1), and \(list(without.map(\.name))) \(without.count == 1 ? "has" : "have") none in /etc/apparmor.d\(others).",
      remedy: .root(
        without.map { engine in
          let (name, path) = (engine.name, shown(engine.path))
          return
            "printf '%s\\n' 'abi <abi/4.0>,' 'include <tunables/global>' 'profile \(name) \(path) flags=(unconfined) { userns, }' | sudo tee /etc/apparmor.d/\(name) > /dev/null && sudo apparmor_parser -r /etc/apparmor.d/\(name)"
        }.joined(separator: "; ")))
  ]
}

private func mapPrograms(_ facts: UserNamespaces) -> [Finding] {
  let programs = [("newuidmap", facts.newuidmap, "cap_setuid", "uids"), ("newgidmap", facts.newgidmap, "cap_setgid", "gids")]
  let missing = programs.filter { $0.1 == nil }.map(\.0)
  var findings: [Finding] = []
  if !missing.isEmpty {
    findings.append(
      Finding(
        .newuidmap, .error,
        "\(list(missing)) \(missing.count == 1 ? "is" : "are") not installed, so no user's subordinate ids can be used.",
        remedy: facts.installation(debian: "uidmap", fedora: "shadow-utils", arch: "shadow", suse: "shadow")))
  }
  for case (let name, let program?, let capability, let ids) in programs where !program.works {
    let path = shown(program.path)
    let reason: String
    let remedy: Remedy
    if program.isNosuid {
      reason = "lies on a mount with the option nosuid"
      remedy = .root(
        "sudo mount -o remount,suid \"$(findmnt -no TARGET -T \(shellWord(program.path)))\"",
        note: "until the next boot; for good, correct /etc/fstab")
    } else if program.mode & 0o001 == 0 {
      reason = "cannot be executed by everybody (mode \(String(decoding: octal(program.mode), as: UTF8.self)))"
      remedy = .root("sudo chmod o+rx \(shellWord(program.path))")
    } else {
      reason =
        "has neither the file capability \(capability) nor root's set-user-ID bit (owner \(program.owner), mode \(String(decoding: octal(program.mode), as: UTF8.self)))"
      remedy = .root("sudo setcap \(capability)+ep \(shellWord(program.path))", note: "or: chown root, chmod u+s")
    }
    findings.append(
      Finding(.newuidmap, .error, "\(name) (\(path)) \(reason), so no user's subordinate \(ids) can be used.", remedy: remedy))
  }
  return findings
}

private func overlay(_ facts: UserNamespaces) -> [Finding] {
  if facts.hasRootlessOverlay || (facts.hasFuseOverlayfs && facts.hasFuseDevice) { return [] }
  let kernel = "The kernel \(shown(facts.kernel)) cannot mount overlay for users (Linux 5.11 can)"
  if facts.hasFuseOverlayfs {
    return [
      Finding(
        .fuseOverlayfs, .error, "\(kernel), and fuse-overlayfs, which does it instead, has no /dev/fuse.",
        remedy: .root("sudo modprobe fuse"))
    ]
  }
  if facts.distribution.first == "debian" {
    return [
      Finding(
        .fuseOverlayfs, .error, "\(kernel) unless its module overlay is told to.",
        remedy: .root(
          "echo 'options overlay permit_mounts_in_userns=1' | sudo tee /etc/modprobe.d/rootless-overlay.conf; echo overlay | sudo tee /etc/modules-load.d/rootless-overlay.conf; sudo reboot"
        ))
    ]
  }
  return [
    Finding(
      .fuseOverlayfs, .error, "\(kernel), and fuse-overlayfs, which does it instead, is not installed.",
      remedy: facts.installation(debian: "fuse-overlayfs", fedora: "fuse-overlayfs", arch: "fuse-overlayfs", suse: "fuse-overlayfs"))
  ]
}
