import RootlessStorage

/// What the session stacks of this host mean for our module.
struct PAMFindings {
  /// Services that begin sessions for people, who then want containers. Left out are those that begin none (passwd, polkit-1, ppp),
  /// those of file servers (vsftpd, samba, dovecot), and those that do one command as somebody (sudo, runuser, pkexec).
  static let services = [
    // Shells, from near and far
    "login", "remote", "rlogin", "rsh", "sshd", "su", "su-l", "mosh", "cockpit", "xrdp-sesman", "systemd-run0",
    // Desktops, notebooks and shells in a browser
    "jupyterhub", "rstudio", "rstudio-server", "nx", "nxserver", "ood", "shellinabox", "tigervnc", "turbovnc", "vncserver", "wetty", "x2go",
    "xpra",
    // Jobs: containers run in those too, and a user's services
    "atd", "condor", "cron", "crond", "htcondor", "lsf", "pbs", "sge", "slurm", "systemd-user", "torque",
    // Display managers
    "gdm", "gdm-autologin", "gdm-fingerprint", "gdm-password", "gdm-smartcard", "greetd", "kde", "kde-np", "lightdm", "lightdm-autologin",
    "lxdm", "ly", "sddm", "sddm-autologin", "slim", "wdm", "xdm",
  ]

  /// Modules that make, mount or unlock the home, bring the credentials for its file server, or begin the session: ours needs what
  /// they do.
  static let before = [
    "pam_mkhomedir", "pam_oddjob_mkhomedir", "pam_namespace", "pam_mount", "pam_krb5", "pam_sss", "pam_ldap", "pam_winbind",
    "pam_afs_session",
    "pam_systemd", "pam_systemd_home", "pam_elogind", "pam_fscrypt", "pam_ecryptfs",
  ]

  /// Files that others include, where one line serves many services. Of those that a service includes, the first here is the place.
  static let shared = [
    "common-session", "common-session-noninteractive", "system-login", "system-auth", "password-auth", "smartcard-auth", "fingerprint-auth",
    "switchable-auth",
  ]

  static let line = String(decoding: PAMText.line, as: UTF8.self)

  let stacks: PAMStacks
  /// As root everything can be read, and what cannot be is wrong.
  let isRoot: Bool

  func all() -> [Finding] { unreadable() + notReached() + orders() + skips() }

  /// What only root may read is no finding, but must be said: file names.
  func unseen() -> [Path] {
    if isRoot { return [] }
    var found = stacks.deniedDirectories
    for failure in stacks.stacks.flatMap(\.failures) where failure.reason == .read(.denied) && !found.contains(failure.file) {
      found.append(failure.file)
    }
    return found
  }

  // MARK: Files

  private func unreadable() -> [Finding] {
    var seen: [PAMStack.Failure] = []
    var findings: [Finding] = []
    for stack in stacks.stacks {
      for failure in stack.failures where !seen.contains(failure) && (isRoot || failure.reason != .read(.denied)) {
        seen.append(failure)
        let services = naming(stacks.stacks.filter { $0.failures.contains(failure) })
        findings.append(
          Finding(
            .pamUnreadable, .warning, "\(shown(failure.file)), a part of the session stack of \(services), \(failure.explanation).",
            remedy: "fix or restore \(shellWord(failure.file)) as root"))
      }
    }
    return findings
  }

  // MARK: Reach

  private func notReached() -> [Finding] {
    if stacks.stacks.isEmpty {
      if !unseen().isEmpty { return [] }
      let sentence = "No service that begins sessions for people has a file in /etc/pam.d, so no login calls pam_rootless_storage.so."
      return [
        Finding(
          .pamNotReached, .error, sentence, remedy: "add the line \"\(PAMFindings.line)\" at the end of the service's file in /etc/pam.d")
      ]
    }
    // Of a stack that could not be read to its end nobody knows.
    let missing = stacks.stacks.filter { $0.failures.isEmpty && $0.ours == nil }
    if missing.isEmpty { return [] }
    let sentence =
      if missing.count == stacks.stacks.count {
        "No login on this host calls pam_rootless_storage.so: it is in none of the session stacks of \(naming(missing))."
      } else if stacks.stacks.contains(where: { $0.ours != nil }) {
        "Sessions of \(naming(missing)) do not call pam_rootless_storage.so, as others on this host do."
      } else {
        "Sessions of \(naming(missing)) do not call pam_rootless_storage.so; others could not be looked at to their end."
      }
    return [
      Finding(
        .pamNotReached, missing.count == stacks.stacks.count ? .error : .warning, sentence,
        remedy: .root("sudo rootless-storage pam enable"))
    ]
  }

  // MARK: Order

  /// What stands behind our line and should be before it, where both are.
  private struct Disorder: Equatable {
    let ours: PAMStep
    let late: [PAMStep]
  }

  private func orders() -> [Finding] {
    var found: [(Disorder, PAMStack)] = []
    for stack in stacks.stacks {
      guard let ours = stack.ours else { continue }
      let late = stack.late(behind: ours)
      if !late.isEmpty { found.append((Disorder(ours: stack.steps[ours], late: late), stack)) }
    }
    return grouped(found).map { fault, stacks in
      let modules = list(fault.late.map { "\(shown(fileName($0))) (\(place($0)))" })
      return Finding(
        .pamOrder, .warning,
        "In sessions of \(naming(stacks)), pam_rootless_storage.so (\(place(fault.ours))) runs before \(modules), and may miss the home or what is needed to reach it.",
        remedy: "move \"\(PAMFindings.line)\" from \(place(fault.ours)) to behind \(list(fault.late.map(place)))")
    }
  }

  // MARK: Lines that skip ours

  private struct Skip: Equatable {
    let ours: PAMStep
    let step: PAMStep
  }

  private func skips() -> [Finding] {
    var found: [(Skip, PAMStack)] = []
    for stack in stacks.stacks {
      guard let ours = stack.ours else { continue }
      for index in stack.steps.indices[..<ours] where stack.canSkip(ours, from: index) {
        found.append((Skip(ours: stack.steps[ours], step: stack.steps[index]), stack))
      }
    }
    return grouped(found).map { fault, stacks in
      let control = shown(fault.step.control?.text ?? [])
      return Finding(
        .pamOrder, .warning,
        "In sessions of \(naming(stacks)), \(shown(fileName(fault.step))) (\(place(fault.step)), \(control)) can skip pam_rootless_storage.so (\(place(fault.ours))).",
        remedy: "move \"\(PAMFindings.line)\" from \(place(fault.ours)) to before \(place(fault.step)), or let the control there skip less")
    }
  }

  // MARK: Words

  private func naming(_ stacks: [PAMStack]) -> String { list(stacks.map { shown($0.service) }) }
  private func place(_ step: PAMStep) -> String { PAMPlan.place(step) }
  private func fileName(_ step: PAMStep) -> [UInt8] { step.path.name }
}

extension PAMStack {
  /// The modules behind our line that it needs to run before it, each once.
  func late(behind ours: Int) -> [PAMStep] {
    let earlier = Set(steps[..<ours].map(\.module))
    var late: [PAMStep] = []
    for step in steps[ours...] where isNeeded(step) && !earlier.contains(step.module) {
      if !late.contains(where: { $0.module == step.module }) { late.append(step) }
    }
    return late
  }

  private func isNeeded(_ step: PAMStep) -> Bool {
    guard step.kind == .module, PAMFindings.before.contains(String(decoding: step.module, as: UTF8.self)) else { return false }
    // A user's manager is started by a session that pam_systemd has begun already; Debian's file names it last.
    return !(service.elementsEqual("systemd-user".utf8) && step.module.elementsEqual("pam_systemd".utf8))
  }

  /// Whether the step's control can, for some answer of its module, end the stack well before the wanted step, or jump over it
  /// (pam_dispatch.c). Where it ends in a failure the session does not begin at all.
  func canSkip(_ wanted: Int, from index: Int) -> Bool {
    guard let control = steps[index].control else { return false }
    return control.actions.contains { action in
      switch action.action {
      case .done: landing(after: index, jumping: Int.max).step > wanted
      case .jump(let count): landing(after: index, jumping: count).step > wanted
      case .ignore, .ok, .bad, .die, .reset: false
      }
    }
  }

  /// The step that comes next when so many are left out. A substack counts as one, and none is left that the step is in.
  ///
  /// - Returns: also how many there were too few. libpam lets a session fail that jumps that far.
  func landing(after index: Int, jumping count: Int) -> (step: Int, missing: Int) {
    let level = steps[index].level
    var current = index
    var left = count
    while left > 0, current + 1 < steps.count, steps[current + 1].level >= level {
      repeat { current += 1 } while current + 1 < steps.count && steps[current + 1].level > level
      left -= 1
    }
    return (current + 1, left)
  }
}

/// One for all services of which the same is to be said, for they share files; in the order in which they come.
func grouped<Fault: Equatable, Service>(_ found: [(Fault, Service)]) -> [(Fault, [Service])] {
  var groups: [(Fault, [Service])] = []
  for (fault, service) in found {
    if let index = groups.firstIndex(where: { $0.0 == fault }) {
      groups[index].1.append(service)
    } else {
      groups.append((fault, [service]))
    }
  }
  return groups
}
