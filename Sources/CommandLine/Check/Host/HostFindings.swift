import RootlessStorage

/// What is wrong with this host, whoever is asked about.
func hostFindings(_ facts: HostFacts) -> [Finding] {
  var findings = PAMFindings(stacks: facts.stacks, isRoot: facts.isRoot).all()
  findings += profileFindings(facts.authselectCopy)
  findings += moduleFindings(facts.stacks, facts.installation.moduleDirectory) + sessionFindings(facts.sessions)
  findings += installationFindings(facts.installation)
  findings += storageParentFindings(facts)
  if let tmpfiles = facts.tmpfiles, let settings = facts.settings { findings += ageingFindings(tmpfiles, settings.storage) }
  if let settings = facts.settings { findings += cleanerFindings(facts.cleaners, settings.storage) }
  findings += userNamespaceFindings(facts.userNamespaces)
  findings += kernelFindings(facts) + needFindings(facts.needs)
  findings += selinuxFindings(facts.selinux, facts.settings)
  findings += dockerFindings(facts.docker, facts.userNamespaces, facts.subordinateIDs, facts.settings)
  findings += allocationFindings(facts.subordinateIDs, facts.settings)
  if facts.subordinateIDs.source == nil { findings += fileFindings(facts.subordinateIDs) + brokenLines(facts.subordinateIDs) }
  return findings
}

/// authselect writes the stacks of a copy that an update of the profile does not reach.
private func profileFindings(_ copy: AuthselectCopy?) -> [Finding] {
  guard let copy, copy.isToBeRenewed else { return [] }
  let files = list(copy.outdated.map { shown($0) })
  return [
    Finding(
      .pamProfileOutdated, .warning,
      "authselect writes this host's stacks of \(Authselect.ours), a copy of the profile \(copy.base) from before its update: what the update changed in \(files) has no effect here.",
      remedy: .root("sudo rootless-storage pam enable"))
  ]
}

/// What is wrong with the directory that holds all storage directories.
private func storageParentFindings(_ facts: HostFacts) -> [Finding] {
  guard let parent = facts.storageParent else { return [] }
  let path = shellWord(parent.path)
  var findings: [Finding] = []
  if let problem = parent.problem {
    findings.append(
      Finding(
        .storageWay, .error,
        "No login makes a storage directory: the path to \(shown(parent.path)), where they are to be, is refused: \(String(decoding: Wording.way(problem, .storage).bytes, as: UTF8.self)).",
        remedy: wayRemedy(problem)))
  }
  // A host whose /var/tmp is in memory has no disk, as a rule; another place was chosen.
  if let volume = parent.volume, volume.isInMemory, parent.path != "/var/tmp" {
    findings.append(
      Finding(
        .storageVolatile, .note,
        "\(shown(parent.path)), the parent of all storage directories, is on \(volume.type ?? "tmpfs"): images and volumes fill the memory, and are gone at the next boot.",
        remedy: "set storage_directory in /etc/rootless-storage/rootless-storage.conf to a place on a disk, or do nothing if that is meant")
    )
  }
  if let volume = parent.volume, !volume.isNetwork,
    let shortage = spaceShortage(volume, of: "\(shown(parent.path)), the parent of all storage directories,")
  {
    findings.append(
      Finding(
        .storageSpace, shortage.severity, shortage.sentence,
        remedy: .root(
          "sudo rootless-storage prune --until-free 20% --dry-run; sudo du -xh --max-depth=1 \(path) | sort -h",
          note: "decide what is no longer needed")))
  }
  if let volume = parent.volume, !volume.isNetwork {
    for option in MountOption.all(volume, isVfs: false) where option.severity == .note {
      findings.append(
        Finding(
          option.code, .note,
          "\(shown(parent.path)), the parent of all storage directories, is on a mount with \(option.name): \(option.effect).",
          remedy: "nothing has to be done"))
    }
  }
  findings += quotaFindings(parent)
  if let polyinstantiation = facts.polyinstantiation {
    let place = polyinstantiation.place
    findings.append(
      Finding(
        .storagePolyinstantiated, .warning,
        "\(polyinstantiation.who) a directory of their own in the place of one above the storage directories (\(place)): what one session has there, a user's manager or a job of cron's may not see, and containers of one are lost for the other.",
        remedy:
          "set storage_directory in /etc/rootless-storage/rootless-storage.conf to a place that \(place) does not name, such as /var/lib/rootless-storage/$USER"
      ))
  }
  return findings
}

/// Jobs that would remove what the engines keep in the storage directories.
private func cleanerFindings(_ cleaners: [Cleaner], _ template: StorageTemplate) -> [Finding] {
  let storage = template.path(placeholder: Array("user".utf8))
  let shownStorage = shown(template.path(placeholder: Array("USER".utf8)))
  return cleaners.compactMap { cleaner in
    let taken = ["containers", "docker"].filter { cleaner.takes(storage / Path($0)) }
    if taken.isEmpty { return nil }
    let pattern = shown(template.path(placeholder: [.asterisk]))
    return Finding(
      .storageAgeing, .warning,
      "\(cleaner.program) (\(shown(cleaner.file)):\(cleaner.line)) \(cleaner.deed), and with it the containers and images in \(list(taken.map { "\(shownStorage)/\($0)" })), file by file.",
      remedy: cleaner.exemption(taken.map { "'\(pattern)/\($0)'" })
    )
  }
}

/// Sessions that begin without PAM.
private func sessionFindings(_ sessions: SessionFacts) -> [Finding] {
  var findings: [Finding] = []
  if let place = sessions.sshWithoutPAM {
    findings.append(
      Finding(
        .pamUnused, .warning,
        "sshd opens sessions without PAM (UsePAM no, \(place)), so that logins by ssh do not call pam_rootless_storage.so.",
        remedy: .root("sudo systemctl reload sshd", after: "set UsePAM yes at \(place), then")))
  }
  if let file = sessions.slurmWithoutPAM {
    findings.append(
      Finding(
        .pamUnused, .note,
        "Jobs of Slurm open no PAM session here (\(shown(file)) has no UsePAM=1): a user who has a job on this host and has never logged in to it has no storage directory.",
        remedy:
          "set UsePAM=1 in \(shellWord(file)) and call pam_rootless_storage.so in /etc/pam.d/slurm, or run the session helper in a prolog"))
  }
  for other in sessions.others {
    findings.append(
      Finding(
        .pamUnused, .note,
        "\(other.who) open no PAM session here (\(other.file)): a user who has one on this host and has never logged in to it otherwise has no storage directory.",
        remedy: "have them open PAM sessions at \(shellWord(Array(other.file.utf8))), or run the session helper before they begin"))
  }
  return findings
}

/// Modules without which a session does not begin, and that are not there.
private func moduleFindings(_ stacks: PAMStacks, _ directory: Path?) -> [Finding] {
  var found: [(PAMStep, PAMStack)] = []
  for stack in stacks.stacks {
    for step in stack.steps where step.fails(where: directory, missing: stacks.missingModules) { found.append((step, stack)) }
  }
  return grouped(found).map { step, stacks in
    let services = list(stacks.map { shown($0.service) })
    let place = PAMPlan.place(step)
    let what = step.kind == .broken ? "libpam cannot use the line at \(place)" : "\(shown(step.path.name)) (\(place)) is not there"
    return Finding(
      .pamModule, .error, "Sessions of \(services) fail: \(what).",
      remedy: "install the package with that module, or take the line at \(place) out")
  }
}

/// Why no storage directory can have the limit of the settings.
private func quotaFindings(_ parent: HostFacts.StorageParentFacts) -> [Finding] {
  let place = shown(parent.path)
  if let mark = parent.project, mark.project != 0 || mark.isInherited {
    return [
      Finding(
        .quotaUnsupported, .warning,
        "No storage directory gets the limit that the settings have: \(place), which holds them all, is in the project \(mark.project), or hands it on, and no other is set in it. \(quotaBoundary)",
        remedy: .root(
          "sudo chattr -P -p 0 \(shellWord(parent.path))",
          note: "if nobody needs that project; else remove the limits from the settings"))
    ]
  }
  guard let quota = parent.quota, quota != .enforced else { return [] }
  let type = parent.volume?.type ?? "its file system"
  let why = quota == .off ? "project quotas are not turned on there" : "projects are counted there, and no limit is enforced"
  let anew =
    "prjquota among its options in /etc/fstab, unmounted and mounted again (a remount does not turn it on), or for the root file system rootflags=prjquota on the kernel's command line"
  let remedy: Remedy =
    switch type {
    case "ext4": Remedy("turn them on: unmounted, tune2fs -O project -Q prjquota DEVICE, and then \(anew)", by: .root)
    case "xfs": Remedy("turn them on: \(anew)", by: .root)
    default: Remedy("set storage_directory to a place on ext4 or XFS, or remove the limits from the settings", by: .root)
    }
  return [
    Finding(
      .quotaUnsupported, .warning,
      "No storage directory gets the limit that the settings have: \(place) is on \(type), and \(why). \(quotaBoundary)", remedy: remedy)
  ]
}

/// What the kernel and its mounts keep from engines.
private func kernelFindings(_ facts: HostFacts) -> [Finding] {
  var findings: [Finding] = []
  if facts.hasOldControlGroups && facts.userNamespaces.engines.contains(where: { $0.name == "podman" }) {
    findings.append(
      Finding(
        .cgroupOld, .note,
        "Control groups are of version 1 here, or of both versions: Podman 6 does not start on such a host, earlier ones do.",
        remedy: "before an upgrade to Podman 6, boot with systemd.unified_cgroup_hierarchy=1"))
  }
  if let value = facts.hidesProcesses {
    findings.append(
      Finding(
        .procHidden, .note,
        "/proc is mounted with hidepid=\(shown(value)): users do not see processes of others, and a user's manager or an engine that looks for them may fail.",
        remedy: "if engines fail, mount /proc with hidepid=0, or with gid= for a group that has all their users"))
  }
  for program in facts.userNamespaces.setUserID {
    findings.append(
      Finding(
        .engineSetuid, .error,
        "\(shown(program.name)) (\(shown(program))) has the set-user-ID bit: it runs with root's rights for everybody, and with root's storage.",
        remedy: .root("sudo chmod u-s,g-s \(shellWord(program))")))
  }
  return findings
}

/// What concerns the hosts that share homes with this one. A site decides on it once, so it is told with all users only.
///
/// - Parameter orphans: uids without an account that own something where storage directories are.
func siteFindings(_ facts: HostFacts, orphans: Int) -> [Finding] {
  var findings: [Finding] = []
  if orphans > 0 {
    findings.append(
      Finding(
        .storageOrphaned, .note,
        "\(orphans) \(orphans == 1 ? "uid that owns something where storage directories are has" : "uids that own something where storage directories are have") no account.",
        remedy: .root("sudo rootless-storage list")))
  }
  guard let parent = facts.sharedParent else { return findings }
  return findings + [
    Finding(
      .storageParentShared, .note,
      "every user can create entries in \(shown(parent)), and the files in the homes name it on every host that mounts them. Here a login takes a user's path back from another user. A host without this package does not: whoever creates the path there first provides that user's container storage.",
      remedy:
        "install this package on every host that mounts these homes, or set storage_directory below a directory that only root can write to, such as /var/lib/rootless-storage/$USER"
    )
  ]
}

/// Files that could not be looked at, so that nothing is known of what they say. Root may see more.
func hostUnseen(_ facts: HostFacts) -> [Path] {
  var paths = PAMFindings(stacks: facts.stacks, isRoot: facts.isRoot).unseen() + installationUnseen(facts.installation)
  paths += facts.tmpfiles?.failures.map(\.file) ?? []
  paths += facts.subordinateIDs.tables.filter { $0.failure == .denied }.map { Path($0.file) }
  return paths
}
