import RootlessStorage

/// Little space where storage is, as a finding has it; nil where there is enough.
///
/// - Parameter what: for the end of a sentence.
func spaceShortage(_ volume: Volume, of what: String) -> (severity: Finding.Severity, sentence: String)? {
  if volume.size > 0 && volume.free < 2 << 30 {
    return (
      volume.free < 100 << 20 ? .error : .warning, "Only \(shownSize(volume.free)) of \(shownSize(volume.size)) are free where \(what) is."
    )
  }
  if volume.inodes > 0 && volume.freeInodes < 20_000 {
    return (.warning, "Only \(volume.freeInodes) of \(volume.inodes) inodes are free where \(what) is.")
  }
  return nil
}

/// What makes the way to a storage directory fit.
func wayRemedy(_ problem: PathError) -> Remedy {
  let path = shellWord(problem.path)
  let elsewhere = "set storage_directory in /etc/rootless-storage/rootless-storage.conf to another place"
  switch problem.reason {
  case .missing: return .root("sudo mkdir \(path)", note: "unless a disk has to be mounted there; or \(elsewhere)")
  case .writableByOthers:
    return .root("sudo chmod +t \(path)", note: "others can still create files there, but not rename those of a user; or \(elsewhere)")
  case .ownedBy, .linkOwnedBy: return .root("sudo ls -ld \(path)", note: "decide whose it is: it has to be root's; or \(elsewhere)")
  case .onNetwork, .userMount, .notDirectory, .notRegular, .tooLarge, .tooManyFiles, .tooManySymbolicLinks, .failed:
    return .root("sudo namei -l \(path)", note: "find out why it cannot be used; or \(elsewhere)")
  }
}

/// The judgement of one user: what is wrong, and what `repair` does about it. Pure.
///
/// Every finding that says it is repairable has its action here, and no action is without a finding, so that after a repair a new
/// diagnosis has no action left.
///
/// A class: a value of this size was copied, on the stack and reference by reference, in each judgement that hands itself to a closure.
final class UserDiagnosis {
  private(set) var findings: [Finding] = []
  private(set) var actions: [RepairAction] = []

  let facts: UserFacts
  let settings: Settings
  /// Whoever repairs has root's rights.
  let isPrivileged: Bool
  private let wording: Wording
  let intended: IntendedConfig
  let readings: [PodmanReading]
  /// The storage directory is fit to point at, or will be after the actions.
  private(set) var isStorageUsable = false

  /// - Parameter isPrivileged: what only root can fix counts as repairable all the same, but has no action without.
  init(_ facts: UserFacts, _ settings: Settings, isPrivileged: Bool) {
    self.facts = facts
    self.settings = settings
    self.isPrivileged = isPrivileged
    var wording = Wording(facts.account)
    wording.omission = .login
    if let storage = facts.storage { wording.storage = storage.path }
    self.wording = wording
    intended = IntendedConfig(facts)
    readings = UserDiagnosis.readings(facts)

    if let ineligibility = Planner.ineligibility(of: facts.account, settings) {
      switch ineligibility {
      // Nobody's containers are meant to be theirs.
      case .idReserved where facts.account.uid == 0 || facts.account.uid == 65534:
        add(
          .accountRefused, .note, "\(name) (uid \(facts.account.uid)) is no user of rootless containers, and is never served.",
          "nothing has to be done")
      case .idReserved: add(.accountRefused, .error, sentence(ineligibility), "give the user another id")
      case .exclusionUnknown(.line):
        add(
          .accountRefused, .error, sentence(ineligibility),
          .root("sudo rootless-storage config check", note: "then correct the line that it names"))
      case .exclusionUnknown(.groups):
        add(.accountRefused, .error, sentence(ineligibility), "name \(name) in exclude_users, or take \(name) out of groups")
      case .excluded:
        add(.accountExcluded, .note, sentence(ineligibility), "to serve \(name), change that line; else nothing has to be done")
      default: break
      }
      return
    }
    switch Planner.earlyResult(from: facts.home, settings) {
    case .homeLocal?: judgeHomeType()
    case nil: break
    case let earlyResult?:
      add(.homeUnusable, .error, sentence(earlyResult), "log in as \(name) when that is fixed")
      return
    }
    if facts.isNetworkHome && facts.storage == nil {
      add(.accountRefused, .error, sentence(.nameUnfit), "set storage_directory with $UID in /etc/rootless-storage/rootless-storage.conf")
      return
    }
    judgeStorage()
    if case .withoutTicket(let mount, let cause) = facts.home {
      add(
        .homeTicketMissing, .note,
        "The home is on a network file system with Kerberos (\(shown(mount.type)), sec=\(shown(mount.flavour))), and \(name) has no valid ticket: \(text(cause)). What is in it is unknown.",
        inSession("kinit && rootless-storage check"))
      return
    }
    judgeFiles()
    judgeBlocked()
    if !isBehindBlocked(facts.storageConf?.file, UserExaminer.storageConf) { judgeStorageConf() }
    judgePodmanConfig()
    judgeContainersConf()
    judgeImageFiles()
    judgeOwnStores()
    judgeUnusedImages()
    judgeStrangers()
    if !isBehindBlocked(facts.daemonJson?.file, UserExaminer.daemonJson) { judgeDaemonJson() }
    judgeOverlayRecords()
    judgeLeftovers()
    judgeLocalVolumes()
    judgeEnvironment()
    judgePause()
    if let locks = facts.cutLocks, facts.podman != nil {
      add(
        .podmanDatabase, .error, "\(shown(locks)), the file of Podman's locks, is cut, as when /dev/shm was full: Podman crashes.",
        run(asUser("rm -f \(shellWord(locks))"), note: "with no container of \(name)'s running; Podman makes it anew"))
    }
    judgeDockerStore()
    if case .outdated(let pid) = facts.pause {
      // Without a word about the database it would fail.
      let isRepairable = facts.podman != nil && facts.canRunPrograms && !hasBoltDatabase
      let command = hasBoltDatabase ? PodmanMigration.commandWithDatabase : PodmanMigration.command
      findings.append(
        Finding(
          .migrateNeeded, .warning,
          "Podman's pause process \(pid) was started before the ranges in /etc/subuid became what they are, and keeps the old ones.",
          remedy: isRepairable ? run(repairCommand, note: UserDiagnosis.ofMigration) : inSession(command, note: UserDiagnosis.ofMigration),
          isRepairable: isRepairable))
      if isRepairable, let podman = facts.podman { add(.migrate(podman: podman)) }
    }
  }

  /// A file system that nobody here knows may be a file server's, and a login then does nothing for a user who needs it.
  private func judgeHomeType() {
    guard case .on(.named(let name)) = facts.home else { return }
    let type = shown(name)
    if UserDiagnosis.localTypes.contains(type) { return }
    add(
      .homeUnfamiliar, .note, "The home is on \(type), which is none of network_filesystems, and is left alone as a local one.",
      "if a file server has it, add \(type) to network_filesystems in /etc/rootless-storage/rootless-storage.conf; otherwise nothing has to be done"
    )
  }

  /// Types that no file server has.
  private static let localTypes: Set<String> = [
    "apfs", "bcachefs", "btrfs", "ecryptfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfsplus", "iso9660", "jfs", "nilfs2",
    "ntfs", "ntfs3",
    "overlay", "ramfs", "reiserfs", "squashfs", "tmpfs", "udf", "ufs", "vfat", "xfs", "zfs", "fuseblk", "fuse.bindfs", "fuse.gocryptfs",
    "fuse.encfs",
    "fuse.cryfs", "aufs", "bind",
  ]

  // MARK: Building

  var name: String { shown(facts.account.name) }
  /// For a command line.
  var quotedName: String { shellWord(facts.account.name) }
  /// Whoever looks at another user is an administrator, who may not be root on the terminal where this is pasted.
  var repairCommand: String { (facts.environment == nil ? "sudo " : "") + "rootless-storage repair \(quotedName)" }
  var recursiveRepairCommand: String {
    (facts.environment == nil ? "sudo " : "") + "rootless-storage repair --recursive \(quotedName)"
  }
  /// What the user cannot do, whoever looks.
  private var repairByRoot: Remedy { .root("sudo rootless-storage repair \(quotedName)") }
  private static let ofMigration = "it stops running containers; images that were unpacked with the old ids keep them, pull these again"

  /// A command for whoever looks: an administrator, or the user.
  func run(_ command: String, note: String? = nil, after instruction: String? = nil) -> Remedy {
    facts.environment == nil ? .root(command, note: note, after: instruction) : .user(name, command, note: note, after: instruction)
  }

  /// A command on the user's files: pasted by an administrator it must not act on the administrator's own, nor with root's rights.
  ///
  /// A manager runs it. sudo -iu, runuser and su would start the user's shell profile on the administrator's terminal, and what has the
  /// user's ids can be traced by the user, with the terminal and the session keyring that it has.
  ///
  /// - Parameter isShowing: what it prints is what it is for.
  func asUser(_ command: String, isShowing: Bool = false) -> String {
    if facts.environment != nil { return command }
    // A manager replaces $NAME in what it starts.
    let unit =
      "systemd-run \(isShowing ? "--quiet --pipe" : "--wait") --collect --uid=\(unitUser) \(String(command.flatMap { $0 == "$" ? "$$" : "\($0)" }))"
    return "sudo \(unit)" + (isShowing ? " </dev/null 2>&1 | cat -v" : "")
  }

  /// A command that runs what the user's configuration names, or that wants their session.
  func inSession(_ command: String, note: String? = nil) -> Remedy {
    .user(name, command, note: note, after: facts.environment != nil ? nil : "as \(name), in a session of theirs")
  }

  /// The user for a unit: by number where not every systemd takes the name.
  private var unitUser: String {
    let isPlain = facts.account.name.allSatisfy { isLowercase($0) || isDigit($0) || $0 == .underscore || $0 == .hyphen }
    let beginsWell = facts.account.name.first.map { isLowercase($0) || $0 == .underscore } ?? false
    return isPlain && beginsWell ? name : "\(facts.account.uid)"
  }

  /// A path in the home as a word for a shell, whoever's shell it is.
  func inHome(_ path: Path) -> String {
    facts.environment != nil ? "~/" + shellWord(path) : shellWord(facts.account.home / path)
  }

  /// The same of where something is put that is in the way.
  func asideInHome(_ path: Path) -> String { inHome(Path(path.bytes + Array(".old".utf8))) }

  /// A finding that nothing here fixes.
  func add(_ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, _ remedy: Remedy) {
    findings.append(Finding(code, severity, sentence, remedy: remedy))
  }

  /// A finding with the action that fixes it.
  func add(_ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, repairedBy action: RepairAction) {
    // What repair would fail at is not promised, and the remedy is that of what is in the way.
    if let file = UserDiagnosis.file(of: action), let obstacle = obstacle(to: file) {
      return add(code, severity, "\(sentence) \(obstacle.sentence)", obstacle.remedy)
    }
    findings.append(Finding(code, severity, sentence, remedy: run(repairCommand), isRepairable: true))
    add(action)
  }

  /// A finding that root's repair fixes.
  func addForRoot(_ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, repairedBy action: RepairAction) {
    findings.append(Finding(code, severity, sentence, remedy: repairByRoot, isRepairable: true))
    if isPrivileged { add(action) }
  }

  private func add(_ action: RepairAction) {
    if actions.contains(action) { return }
    // Several changes of one file are one edit, with one backup.
    switch action {
    case .editStorageConf(let changes):
      let place = actions.firstIndex { if case .editStorageConf = $0 { true } else { false } }
      if let place, case .editStorageConf(let earlier) = actions[place] {
        actions[place] = .editStorageConf(earlier + changes.filter { !earlier.contains($0) })
        return
      }
    case .editDaemonJson(let changes):
      let place = actions.firstIndex { if case .editDaemonJson = $0 { true } else { false } }
      if let place, case .editDaemonJson(let earlier) = actions[place] {
        actions[place] = .editDaemonJson(earlier + changes.filter { !earlier.contains($0) })
        return
      }
    default: break
    }
    actions.append(action)
  }

  /// What a login would log, as a sentence.
  private func sentence(_ event: Event) -> String {
    let text = String(decoding: wording.sentence(event).bytes, as: UTF8.self)
    return text.prefix(1).uppercased() + text.dropFirst() + "."
  }

  // MARK: The storage directory

  private func judgeStorage() {
    guard let storage = facts.storage else { return }
    let path = shown(storage.path)
    switch storage.observation.state {
    case .inPlace(let mode):
      isStorageUsable = true
      judge(mode, path)
    case .absent:
      let isNew = !facts.files.isEmpty && facts.files.allSatisfy { $0.state == .absent }
      let sentence =
        "The storage directory \(path) does not exist\(isNew ? ", nor do the engines' files in the home: it seems that \(name) has not logged in here yet, which makes them" : "")."
      if storage.canBeMade || isPrivileged {
        isStorageUsable = true
        add(.storageMissing, .error, sentence, repairedBy: .login(.createStorageDirectory(mode: settings.directoryMode)))
      } else {
        findings.append(Finding(.storageMissing, .error, sentence, remedy: repairByRoot, isRepairable: true))
      }
    case .writableByOthers(let mode, .own):
      isStorageUsable = true
      let closed = mode & ~0o022
      add(
        .storageOpen, .error, "The storage directory \(path) is writable by others (mode \(shownMode(mode))).",
        repairedBy: .login(.restrictStorageDirectory(from: mode, to: closed)))
      judge(closed, path)
    case .writableByOthers(let mode, .ownAndOther):
      isStorageUsable = true
      add(
        .storageOpen, .warning,
        "The storage directory \(path) is writable by others (mode \(shownMode(mode))), who can exchange what is in it. Its mode is not changed, since more than directories of engines lies in it.",
        .root(
          "sudo chmod go-w \(shellWord(storage.path))",
          note: "if nobody else has to write there; else set storage_directory to a directory for containers alone"))
    case .writableByOthers:
      add(
        .storageTampered, .error, "The storage directory \(path) is refused: \(problem(storage)).",
        .root(
          "sudo ls -la \(shellWord(storage.path))",
          note: "decide about what is not \(name)'s, remove it, then: sudo chmod go-w \(shellWord(storage.path))"))
    case .occupied(let kind, let owner):
      judgeOccupied(storage, kind, owner)
    case .onNetwork(let type):
      add(
        .storageNetwork, .error, "The storage directory \(path) is itself on a network file system (\(shown(type))).",
        "set storage_directory in /etc/rootless-storage/rootless-storage.conf to a place on local disk")
    case .userMount(let owner?) where owner != 0 && owner != facts.account.uid:
      findings.append(
        Finding(
          .storageOccupied, .error,
          "The storage directory \(path) is a FUSE mount of uid \(owner), not of \(name) (uid \(facts.account.uid)). Containers must not be used on this host until it is repaired.",
          remedy: repairByRoot, isRepairable: true))
      if isPrivileged { add(.detachMount(owner: owner)) }
    case .userMount:
      add(
        .storageOccupied, .error, "The storage directory \(path) is a FUSE mount, which any user can make.",
        UserDiagnosis.unmount(storage.path))
    case .way(let way):
      if case .onNetwork = way.reason {
        add(
          .storageNetwork, .error, "The path to the storage directory \(path) is refused: \(problem(storage)).",
          "set storage_directory in /etc/rootless-storage/rootless-storage.conf to a place on local disk")
      } else {
        add(.storageWay, .error, "The path to the storage directory \(path) is refused: \(problem(storage)).", wayRemedy(way))
      }
    case .failed:
      add(
        .storageFailed, .error, "The storage directory \(path) is refused: \(problem(storage)).",
        .root(
          "sudo stat \(shellWord(storage.path))", note: "find out why it cannot be looked at, or set storage_directory to another place"))
    }
    if storage.repairFailed { isStorageUsable = false }
    if storage.path.bytes.contains(.comma) || storage.path.bytes.contains(.colon) {
      add(
        .storagePath, .error,
        "The path of the storage directory \(path) has a comma or a colon, which overlay takes for the end of a path.",
        "set storage_directory in /etc/rootless-storage/rootless-storage.conf without them")
    }
    if isStorageUsable, let volume = storage.volume { judge(volume, storage) }
    if isStorageUsable { judgeQuota(storage) }
    if isStorageUsable, storage.hasLabels, let label = storage.label, !UserDiagnosis.storageLabels.contains(label) {
      add(
        .storageLabel, .warning, "The storage directory \(path) has the SELinux type \(label), and containers may not use what lies in it.",
        .root(
          "sudo semanage fcontext -a -e /var/lib/containers/storage \(shellWord(Array(intended.graphroot.utf8))) && \(asUser("restorecon -R \(shellWord(storage.path))"))"
        ))
    }
  }

  /// Not a command to paste: umount(8) follows a symbolic link that somebody has put there meanwhile.
  private static func unmount(_ path: Path) -> Remedy {
    "see what is mounted there (findmnt \(shellWord(path))), and unmount it as root while nobody can log in who may put a link in its place"
  }

  /// Types that container-selinux and the reference policy give to images, or to the data in a home.
  private static let storageLabels: Set<String> = [
    "container_file_t", "container_ro_file_t", "container_var_lib_t", "container_data_home_t", "data_home_t", "xdg_data_t",
  ]

  private func problem(_ storage: UserFacts.Storage) -> String {
    String(decoding: wording.storageProblem(storage.observation).bytes, as: UTF8.self)
  }

  private func judge(_ mode: UInt32, _ path: String) {
    var fit = (mode | 0o700) & ~0o066
    if facts.storage?.holdsOther == true {
      if mode & 0o066 != 0, let storage = facts.storage {
        add(
          .storageMode, .warning,
          "The storage directory \(path) has the mode \(shownMode(mode)): others may read what is in it. Its mode is not changed, since more than directories of engines lies in it.",
          .root(
            "sudo chmod go-rw \(shellWord(storage.path))",
            note: "if nobody else has to read there; else set storage_directory to a directory for containers alone"))
      }
      fit = mode | 0o700
    }
    if mode == fit { return }
    let why = mode & 0o700 != 0o700 ? "its owner may not use it" : "others may read what is in it"
    add(
      .storageMode, mode & 0o700 != 0o700 ? .error : .warning, "The storage directory \(path) has the mode \(shownMode(mode)): \(why).",
      repairedBy: .setStorageMode(from: mode, to: fit))
  }

  private func judgeOccupied(_ storage: UserFacts.Storage, _ kind: FileKind, _ owner: UInt32) {
    let path = shown(storage.path)
    let sentence =
      kind == .directory
      ? "The storage directory \(path) is owned by uid \(owner), not by \(name) (uid \(facts.account.uid))."
      : "In the place of the storage directory \(path) is \(noun(kind)) owned by uid \(owner)."
    if storage.isMountPoint {
      add(.storageOccupied, .error, sentence + " It is a mount point.", UserDiagnosis.unmount(storage.path))
      return
    }
    guard storage.observation.mayBeTaken(from: facts.account) else {
      // Only root can have put it there, or the user, or it is from a time when the user had another uid: a person has to decide.
      let why =
        owner == facts.account.uid
        ? " \(name) has made it."
        : storage.observation.parentIsWritableByOthers
          ? "" : " Only root can have put it there, or \(name) had another uid when it was made."
      add(
        .storageOccupied, .error, sentence + why,
        .root(
          "sudo ls -ld \(shellWord(storage.path))",
          note: "decide whose it is, and move it away or give it to \(name); the next login makes a new one"))
      return
    }
    findings.append(
      Finding(
        .storageOccupied, .error, sentence + " Containers must not be used on this host until it is repaired.", remedy: repairByRoot,
        isRepairable: true))
    guard isPrivileged else { return }
    isStorageUsable = true
    add(.login(.takePlace(from: kind, owner: owner)))
  }

  private func judge(_ volume: Volume, _ storage: UserFacts.Storage) {
    let path = shown(storage.path)
    let type = volume.type ?? "a disk"
    let elsewhere = "set storage_directory in /etc/rootless-storage/rootless-storage.conf to a place on another mount"
    let isVfs = facts.storageConf?.text?.value(["storage", "driver"]) == .string("vfs")
    // What breaks nothing is told of once, among the host's findings, where it is the same for all.
    for option in MountOption.all(volume, isVfs: isVfs) where option.severity != .note || storage.isMountPoint {
      add(
        option.code, option.severity, "The storage directory \(path) is on a mount with \(option.name): \(option.effect).",
        option.severity == .note ? "nothing has to be done" : remounting(storage, without: option.name, or: elsewhere))
    }
    if needsNoOverlay && UserDiagnosis.hasOwners(volume) {
      // A program of the user's choice mounts it, or the driver needs none.
    } else if !volume.hasFileTypes {
      add(
        .storageFileSystem, .error, "The storage directory \(path) is on xfs without ftype=1, on which overlay cannot work.",
        "mkfs.xfs -n ftype=1 on a new volume, or \(elsewhere)")
    } else if UserDiagnosis.unfitForOverlay(volume) {
      add(
        .storageFileSystem, .error, "The storage directory \(path) is on \(type), on which the overlay driver cannot work.",
        Remedy(elsewhere))
    } else if refusesZFS, type == "zfs" {
      add(
        .storageFileSystem, .warning,
        "The storage directory \(path) is on zfs, which Podman before 4.4 does not take without fuse-overlayfs as mount_program.",
        Remedy("name fuse-overlayfs as mount_program in \(UserDiagnosis.storageConfFile), or \(elsewhere)"))
    }
    // Where it is no mount of its own, all users share the space, and the host's findings have it once.
    if storage.isMountPoint, let shortage = spaceShortage(volume, of: "the storage directory \(path)") {
      add(
        .storageSpace, shortage.severity, shortage.sentence,
        .root("sudo du -xh --max-depth=2 \(shellWord(storage.path)) | sort -h", note: "decide what is no longer needed"))
    }
  }

  /// Never on a path that a user decides about: what they had mounted there would be remounted, with set-user-ID programs of theirs.
  private func remounting(_ storage: UserFacts.Storage, without option: String, or elsewhere: String) -> Remedy {
    guard !storage.isMountPoint else { return "remount \(shown(storage.path)) with \(option.dropFirst(2)) as root, or \(elsewhere)" }
    let mountPoint = "\"$(findmnt -no TARGET -T \(shellWord(storage.path.parent)))\""
    return .root(
      "sudo mount -o remount,\(option.dropFirst(2)) \(mountPoint)",
      note: "until the next boot; for good, take \(option) out of /etc/fstab, or \(elsewhere)")
  }

  static func unfitForOverlay(_ volume: Volume) -> Bool {
    !volume.hasFileTypes || ["overlay", "ecryptfs", "aufs"].contains(volume.type ?? "") || !hasOwners(volume)
  }

  /// Files there can have owners, without which no driver works.
  static func hasOwners(_ volume: Volume) -> Bool {
    !["vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "hfsplus"].contains(volume.type ?? "")
  }

  /// No Podman that may be meant has the kernel mount overlay: a program that is there does, or the driver is another one.
  var needsNoOverlay: Bool {
    !readings.isEmpty
      && readings.allSatisfy { reading in
        if let driver = reading.driver?.name, !driver.hasPrefix("overlay") { return true }
        let program =
          reading.text(["storage", "options", "overlay", "mount_program"]) ?? reading.text(["storage", "options", "mount_program"])
        return program.map { !facts.missingPrograms.contains($0.text) } ?? false
      }
  }

  /// Podman of before 4.4 may be meant, and it has the kernel mount overlay.
  var refusesZFS: Bool { facts.podmanGeneration.map { $0 <= .early } ?? false && !needsNoOverlay }

  // MARK: Files of the skeleton

  private func judgeFiles() {
    guard facts.isNetworkHome, let storage = facts.storage else { return }
    guard isStorageUsable else {
      for (file, seen) in zip(facts.skeleton, facts.files)
      where seen.state == .absent && !facts.blocked.contains(where: { $0.file == file.path }) {
        let (code, sentence) = missing(file.path)
        findings.append(Finding(code, .error, sentence, remedy: run(repairCommand, after: "fix the storage directory first, then")))
      }
      return
    }
    // As if the storage directory were in place, as it will be then.
    var seen = storage.observation
    seen.state = .inPlace(mode: settings.directoryMode)
    let planner = Planner(
      account: facts.account, settings: settings, skeleton: facts.skeleton, storage: storage.path, isPrivileged: isPrivileged)
    let plan = planner.plan(for: Observation(home: facts.home, storage: seen, files: facts.files))
    for action in plan.actions {
      switch action {
      case .createFile(let file) where facts.blocked.contains { $0.file == file.path }: continue
      case .createFile(let file):
        if file.path == UserExaminer.storageConf, let place = storeWithoutUsersFile {
          add(
            .storageConfMissing, .note, "\(UserDiagnosis.storageConfFile) does not exist: Podman stores in \(place).",
            repairedBy: .login(action))
          continue
        }
        let (code, sentence) = missing(file.path)
        add(code, .error, sentence, repairedBy: .login(action))
      case .removeLeftover(let directory, let name):
        add(
          .leftover, .warning, "~/\(shown(directory)) holds \(shown(name)), which an interrupted login or repair left.",
          repairedBy: .login(action))
      case .createStorageDirectory, .restrictStorageDirectory, .takePlace: continue
      }
    }
    for event in plan.events {
      switch event {
      case .fileBlocked(let file, _), .fileFailed(let file, _): if facts.blocked.contains(where: { $0.file == file }) { continue }
      default: break
      }
      switch event {
      case .fileBlocked, .fileFailed, .storeUnknown, .nameUnfitForFile:
        add(.fileBlocked, .error, sentence(event), run(asUser("ls -ld \(inHome(".config"))", isShowing: true)))
      default: continue
      }
    }
  }

  /// One cause is one finding, whatever it keeps from being created.
  private func judgeBlocked() {
    guard facts.isNetworkHome else { return }
    var told: [BlockedPlace] = []
    for blocked in facts.blocked where !told.contains(blocked.place) {
      let files = facts.blocked.filter { other in
        guard other.place == blocked.place else { return false }
        if case .content? = content(of: other.file) { return false }
        return facts.skeleton.contains { $0.path == other.file }
      }
      if files.isEmpty { continue }
      told.append(blocked.place)
      let names = list(files.map { "~/\(shown($0.file))" })
      let sentence = sentence(on: blocked.place)
      add(
        .fileBlocked, .error,
        "\(sentence.prefix(1).uppercased())\(sentence.dropFirst()): \(names) cannot be created, and engines put their storage into the home.",
        remedy(of: blocked.place))
    }
  }

  /// What is at the place of a file, as far as it was read.
  private func content(of path: Path) -> ConfigFile? {
    if path == UserExaminer.storageConf { return facts.storageConf?.file }
    if path == UserExaminer.daemonJson { return facts.daemonJson?.file }
    let isPresent = zip(facts.skeleton, facts.files).contains { $0.path == path && $1.state == .present }
    return isPresent ? .content(.init(bytes: [], isLink: false, owner: 0, mode: 0, identity: .none)) : nil
  }

  /// What is in the way to a file has its own finding, so that the file itself needs none.
  private func isBehindBlocked(_ file: ConfigFile?, _ path: Path) -> Bool {
    guard case .failed? = file else { return false }
    return facts.isNetworkHome && facts.blocked.contains { $0.file == path }
  }

  private func missing(_ path: Path) -> (FindingCode, String) {
    if path == UserExaminer.storageConf {
      return (
        .storageConfMissing,
        "~/.config/containers/storage.conf does not exist: Podman puts its storage into the home, which is on \(homeType)."
      )
    }
    if path == UserExaminer.daemonJson {
      return (
        .daemonJsonMissing, "~/.config/docker/daemon.json does not exist: Docker puts its storage into the home, which is on \(homeType)."
      )
    }
    return (.fileMissing, "~/\(shown(path)), which the skeleton has, does not exist.")
  }

  /// The type of the home's file system, for a sentence.
  var homeType: String { if case .on(.named(let type)) = facts.home { shown(type) } else { "a local disk" } }

  // MARK: What Podman remembers

  /// A record that is newer than the configuration is of the storage that is configured, unless that is about to be changed.
  private func judgeOverlayRecords() {
    let isReconfigured = actions.contains { action in
      switch action {
      case .editStorageConf: true
      case .replaceFile(let file), .login(.createFile(let file)): file.path == UserExaminer.storageConf
      case .login, .setStorageMode, .setQuota, .detachMount, .editDaemonJson, .removeOverlayRecords, .migrate: false
      }
    }
    let paths = facts.overlayRecords.filter { $0.isOutdated || isReconfigured }.map(\.path)
    if paths.isEmpty { return }
    let places = paths.map { shown($0) }.joined(separator: " and ")
    add(
      .overlayRecord, .error,
      "Podman recorded in \(places), before its storage was where storage.conf puts it, that overlay does not work. It does not try again as long as that file exists.",
      repairedBy: .removeOverlayRecords(paths))
  }

  // MARK: What is left in the home

  private func judgeLeftovers() {
    for leftover in facts.leftovers {
      let path = "~/\(shown(leftover.path))"
      let size = (leftover.isAtLeast ? "at least " : "") + shownSize(leftover.size)
      var sentence = "\(path) holds \(size) from earlier attempts to keep images in the home on \(homeType)."
      let note = "when nothing in it is needed any more"
      let removal: Remedy
      if leftover.hasOthers {
        // Only in a user namespace of theirs, or as root, can files of subordinate ids be removed.
        sentence += " Files in it belong to subordinate ids of \(name)'s."
        removal = inSession(
          "\(leftover.engine == .podman ? "podman unshare" : "rootlesskit") rm -rf ~/\(shellWord(leftover.path))", note: note)
      } else {
        removal = run(asUser("rm -rf \(inHome(leftover.path))"), note: note)
      }
      if leftover.volumes.isEmpty {
        add(.imagesInHome, .warning, sentence, removal)
      } else {
        let names = list(leftover.volumes.prefix(4).map { shown($0) }) + (leftover.volumes.count > 4 ? " and more" : "")
        add(
          .imagesInHome, .warning,
          "\(sentence) \(leftover.volumes.count == 1 ? "The volume \(names) in it holds" : "The volumes \(names) in it hold") data that may be nowhere else.",
          run(
            asUser("ls -l \(inHome(leftover.path / "volumes"))", isShowing: true),
            note: "\(name) decides about the volumes and copies what is needed out of \(path)/volumes, before anything is removed"))
      }
    }
  }

  private func judgeLocalVolumes() {
    for volumes in facts.localVolumes {
      let names = list(volumes.names.prefix(4).map { shown($0) }) + (volumes.names.count > 4 ? " and more" : "")
      let what = "\(volumes.names.count == 1 ? "The volume" : "The volumes") \(names) of \(volumes.engine == .podman ? "Podman" : "Docker")"
      // Docker has no command of its own for that.
      let one = shellWord(volumes.names[0])
      let command =
        volumes.engine == .podman
        ? "podman volume export --output ~/\(one).tar \(one)"
        : "docker run --rm --volume \(one):/volume:ro busybox tar -c -C /volume . > ~/\(one).tar"
      add(
        .volumesLocal, .note,
        "\(what) \(volumes.names.count == 1 ? "is" : "are") on this host's disk alone, in \(shown(volumes.path)): a backup of the home does not have \(volumes.names.count == 1 ? "it" : "them").",
        inSession(command, note: "for each volume that is not to be lost with this disk"))
    }
  }

  // MARK: The environment

  /// Files that stand in for those that every session has, or that are read beside them.
  private func judgeSessionFiles() {
    func refuse(_ variable: String, _ file: PodmanConfig.File, _ why: String) {
      add(
        .environmentConfig, .warning, "\(variable) is \(file.path), \(why): Podman does not start.", .user(name, "unset \(variable)"))
    }
    func refuse(_ variable: String, _ sentence: String) {
      add(.environmentConfig, .warning, "\(variable) names a file with a fault. \(sentence)", .user(name, "unset \(variable)"))
    }
    func unread(_ file: PodmanConfig.File) -> String? {
      switch file.file {
      case .absent, .dangling: "which does not exist"
      case .content: file.problem.map { "which is invalid TOML (line \($0.line): \($0.reason))" }
      case .notRegular, .tooLarge, .failed: "which \(unreadable(file.file))"
      }
    }
    let generation = facts.podmanGeneration ?? .merging
    if let file = facts.sessionContainersConf?.read(by: facts.podmanGeneration) {
      if let why = unread(file) {
        refuse("CONTAINERS_CONF", file, why)
      } else if let first = errors(ofContainersConf: [file]).first {
        refuse("CONTAINERS_CONF", first)
      }
    }
    // Podman before 4.8 does not know it, and one that reads its files as 5.8.6 passes over one that is missing.
    if generation >= .single, let file = facts.sessionOverride {
      let isPassedOver = !file.isThere && generation == .merging && facts.readsImageFilesAsBefore == true
      if let why = unread(file) {
        if !isPassedOver { refuse("CONTAINERS_CONF_OVERRIDE", file, why) }
      } else if let first = errors(ofContainersConf: [file]).first {
        refuse("CONTAINERS_CONF_OVERRIDE", first)
      }
    }
    if generation > .oldest, let file = facts.sessionRegistries {
      if let why = unread(file) ?? fault(ofRegistries: file).map({ "which \($0)" }) { refuse("CONTAINERS_REGISTRIES_CONF", file, why) }
    }
  }

  private func errors(ofContainersConf files: [PodmanConfig.File]) -> [String] {
    let before = (findings, actions)
    defer { (findings, actions) = before }
    findings = []
    judgeContainersConf(files)
    return findings.filter { $0.severity == .error }.map(\.sentence)
  }

  /// Podman looks there for what a short name of an image stands for; before 3.2 when it imports one, too.
  private func judgeCache(_ environment: UserFacts.Environment?) {
    guard let place = facts.cacheDirectory, facts.podmanGeneration != nil else { return }
    let why: String
    switch place.state {
    case .directory(let owner) where owner != facts.account.uid && place.isClosed: why = "which is owned by uid \(owner)"
    case .directory, .absent: return
    case .unreachable(let nearest): why = "which does not exist, and \(name) may not create it in \(nearest)"
    case .notDirectory: why = "and a component of it is no directory"
    case .failed(let cause): why = "which cannot be reached: \(text(cause))"
    }
    let effect = "Podman fails where an image is named without its registry, as \"alpine\""
    if let environment, environment.absolute(environment.cacheHome) != nil {
      return add(
        .environmentStore, .warning, "XDG_CACHE_HOME is \(shown(environment.cacheHome ?? "")), \(why): \(effect).",
        .user(name, "unset XDG_CACHE_HOME"))
    }
    add(
      .storeOwner, .warning, "Podman's cache directory is \(shown(place.path)), \(why): \(effect).",
      .root("sudo ls -ld \(shellWord(Array(place.path.utf8)))", note: "decide whose it is; it has to be a directory of \(name)'s"))
  }

  /// Podman comes there as root of its user namespace, whom a mode of the user's own directory does not stop.
  func problem(ofTemporary place: Place) -> String? {
    guard case .directory(let owner) = place.state else { return "which is no directory" }
    return place.isClosed && (owner != facts.account.uid || place.isOnReadOnlyMount) ? "where \(name) may make nothing" : nil
  }

  /// Podman joins the namespace of that process, or does nothing at all.
  private func judgePause() {
    guard case .gone(let path, let fault) = facts.pause, facts.podman != nil else { return }
    // A file that names no process of the kind is all that any Podman takes away.
    if facts.forgetsPauseProcess == true { if case .noFile = fault {} else { return } }
    let what =
      switch fault {
      case .noNumber: "has no number of a process, as after a crash or on a full disk"
      case .noFile(let kind): "is \(noun(kind)), not a file"
      case .noProcess(let pid): "names the process \(pid), which does not exist any more"
      case .otherProcess(let pid): "names the process \(pid), which is another one by now"
      }
    let word = shellWord(Array(path.utf8))
    add(
      .pauseProcess, facts.forgetsPauseProcess == nil ? .warning : .error,
      "\(shown(path)) \(what): Podman, which keeps its user namespace with that process, does not start.",
      run(asUser("mv -nT \(word) \(word).old"), note: "Podman makes it anew"))
  }

  /// What makes Podman another one's client, or keeps it from making its user namespace.
  private func judgeSessionPodman(_ environment: UserFacts.Environment) {
    func add(_ variable: String, _ sentence: String) {
      self.add(.environmentConfig, .warning, sentence, .user(name, "unset \(variable)"))
    }
    // Podman before 3.2 takes them with --remote alone.
    let isAsked = facts.podmanGeneration != .oldest
    if isAsked, let host = environment.containerHost, !host.isEmpty, !facts.hasContainerHost {
      add(
        "CONTAINER_HOST",
        "CONTAINER_HOST is \(shown(host)): Podman only asks the service there, whose storage is not what is judged here, and fails without it."
      )
    }
    if isAsked, let connection = environment.containerConnection, !connection.isEmpty {
      add(
        "CONTAINER_CONNECTION",
        "CONTAINER_CONNECTION is \(shown(connection)): Podman only asks the service of that connection, and fails without it.")
    }
    if let value = environment.namespaceConfigured, !value.isEmpty, facts.account.uid != 0 {
      add(
        "_CONTAINERS_USERNS_CONFIGURED",
        "_CONTAINERS_USERNS_CONFIGURED is set, as podman unshare sets it: Podman makes no user namespace, and does not start.")
    }
    if facts.dockerGeneration != nil, let driver = environment.dockerDriver, !driver.isEmpty, driver != "overlay2" {
      self.add(
        driver == "vfs" ? .dockerDriver : .environmentStore, .warning,
        "DOCKER_DRIVER is \(shown(driver)): a dockerd that has it in its environment takes that driver, whatever its file says.",
        .user(name, "unset DOCKER_DRIVER", note: "and in what starts dockerd: systemctl --user show-environment"))
    }
    if facts.dockerGeneration != nil, let place = facts.dockerTemporary, case .unreachable(let nearest) = place.state {
      self.add(
        .environmentStore, .warning,
        "DOCKER_TMPDIR is \(shown(place.path)), which does not exist, and \(name) may not create it in \(nearest): a dockerd that has it in its environment does not start.",
        .user(name, "unset DOCKER_TMPDIR", note: "and in what starts dockerd: systemctl --user show-environment"))
    }
    if let program = facts.sessionMapProgram {
      let what =
        program.path.map { "\($0), which has neither root's set-user-ID bit nor the capability, as that of conda" }
        ?? "in none of its directories"
      let first = program.path.map { shown(UserExaminer.directory(of: $0)) }
      self.add(
        .newuidmap, .warning, "In the PATH of this session \(program.name) is \(what): Podman and Docker cannot use subordinate ids.",
        Remedy(
          first.map { "put /usr/bin before \($0) in PATH" } ?? "put /usr/bin, or where \(program.name) is, into PATH", by: .user(name)))
    }
  }

  private func judgeEnvironment() {
    if facts.isRuntimeDirectoryClosed {
      add(
        .runtimeDirectory, .error,
        "\(name) may make nothing in the runtime directory /run/user/\(facts.account.uid): Podman and Docker do not start.",
        run(asUser("chmod u+rwx /run/user/\(facts.account.uid)")))
    }
    if facts.environment == nil { judgeCache(nil) }
    guard let environment = facts.environment else { return }
    let home = String(decoding: facts.account.home)
    func moved(_ value: String?, from place: String) -> String? {
      guard let value, !value.isEmpty, value != home + place, value != home + place + "/" else { return nil }
      return value
    }
    if let value = environment.home, !value.isEmpty, value != home, value != home + "/" {
      add(
        .environmentConfig, .warning, "HOME is \(shown(value)), and not \(shown(home)): Podman and Docker read and store there, or fail.",
        .user(name, "export HOME=\(shellWord(facts.account.home))"))
    }
    judgeSessionFiles()
    judgeSessionPodman(environment)
    if let place = facts.temporaryDirectory {
      if let why = problem(ofTemporary: place) {
        add(
          .environmentStore, .warning, "TMPDIR is \(shown(place.path)), \(why): Podman can neither pull nor import or build images.",
          .user(name, "unset TMPDIR"))
      }
    }
    judgeCache(environment)
    if environment.configHome == "", facts.podmanGeneration == .merging {
      add(
        .environmentConfig, .warning,
        "XDG_CONFIG_HOME is set, and empty: Podman from 6 on (in Debian from 5.8.6 on) reads storage.conf below the directory in which it is started, and may store in the home.",
        .user(name, "unset XDG_CONFIG_HOME"))
    }
    if let value = moved(environment.configHome, from: "/.config") {
      add(
        .environmentConfig, .warning,
        "XDG_CONFIG_HOME is \(shown(value)): Podman and Docker read their configuration there, and not ~/.config.",
        .user(name, "unset XDG_CONFIG_HOME"))
    }
    if let value = moved(environment.storageConf, from: "/.config/containers/storage.conf") {
      let effect =
        switch facts.podmanGeneration {
        case .merging?: "and no other"
        case .oldest?, .lenient?, .early?, .single?: "where graphroot has no effect, and not ~/.config/containers/storage.conf"
        case nil:
          "and not ~/.config/containers/storage.conf; graphroot has no effect in it for \(PodmanGeneration.names([.early, .single]))"
        }
      add(
        .environmentConfig, .warning, "CONTAINERS_STORAGE_CONF is \(shown(value)): Podman reads that file, \(effect).",
        .user(name, "unset CONTAINERS_STORAGE_CONF"))
    }
    if let value = environment.storageConfOverride, !value.isEmpty, facts.podmanGeneration ?? .merging == .merging {
      add(
        .environmentConfig, .warning,
        "CONTAINERS_STORAGE_CONF_OVERRIDE is \(shown(value)): for \(PodmanGeneration.names([.merging])) what that file sets wins over all other files.",
        .user(name, "unset CONTAINERS_STORAGE_CONF_OVERRIDE"))
    }
    for (variable, value) in [("STORAGE_DRIVER", environment.storageDriver), ("STORAGE_OPTS", environment.storageOptions)] {
      guard let value, !value.isEmpty, value != "overlay" else { continue }
      add(
        .environmentStore, .warning, "\(variable) is \(shown(value)): for a new store it overrides storage.conf.",
        .user(name, "unset \(variable)"))
    }
    if environment.runtimeDirectory ?? "" == "" {
      add(
        .runtimeDirectory, .warning,
        "XDG_RUNTIME_DIR is not set, as after su or in a cron job: Podman keeps its state below /tmp, for good if the store is new, and Docker does not start.",
        .root(
          "sudo loginctl enable-linger \(quotedName); export XDG_RUNTIME_DIR=/run/user/\(facts.account.uid)",
          after: "log in by ssh or on a console, or"))
    } else if let directory = environment.runtimeDirectory, !environment.runtimeDirectoryIsUsable {
      // It has a finding of its own.
      if facts.isRuntimeDirectoryClosed, directory == "/run/user/\(facts.account.uid)" { return }
      add(
        .runtimeDirectory, .warning, "XDG_RUNTIME_DIR is \(shown(directory)), which is no directory of \(name)'s to write to.",
        .root(
          "sudo loginctl enable-linger \(quotedName); export XDG_RUNTIME_DIR=/run/user/\(facts.account.uid)",
          after: "log in by ssh or on a console, or"))
    }
  }
}

/// An option of a mount that storage is on, and what it breaks.
struct MountOption {
  let name: String
  let code: FindingCode
  let severity: Finding.Severity
  /// For the end of a sentence.
  let effect: String

  /// Those that the mount has. What each breaks was tried with Podman 4.3 on Linux 6.1: the root of a container is a mount of its own
  /// with overlay, and takes no option from below; with vfs it is a part of the mount.
  static func all(_ volume: Volume, isVfs: Bool) -> [MountOption] {
    var found: [MountOption] = []
    if volume.noexec {
      found.append(
        MountOption(
          name: "noexec", code: .storageNoexec, severity: isVfs ? .error : .warning,
          effect: "programs in volumes do not start, and with the driver vfs no container does; overlay itself is not concerned"))
    }
    if volume.nosuid {
      found.append(
        MountOption(
          name: "nosuid", code: .storageNosuid, severity: isVfs ? .warning : .note,
          effect: "with the driver vfs, setuid programs and file capabilities in containers have no effect; overlay is not concerned"))
    }
    if volume.nodev {
      found.append(
        MountOption(
          name: "nodev", code: .storageNodev, severity: .note,
          effect: "that breaks nothing, since rootless containers have no device nodes of their own"))
    }
    return found
  }
}
