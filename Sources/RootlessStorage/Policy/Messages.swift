/// The words for what there is to say: the cause, and what to do next. All of them are here.
///
/// Every line says whom it is about first, so that `grep alice` in the log finds all of hers.
public struct Wording: Sendable {
  private let name: [UInt8]
  private let uid: UInt32
  private let home: Path
  /// The storage directory; empty as long as it is not known.
  public var storage: Path = ""
  /// `storage` is a former storage directory, of `guarded_directories`.
  public var isGuarded = false
  /// What is not done, where a sentence says that.
  public var omission = Omission.all
  /// The skeleton's directory.
  public var skeleton: Path = ""

  public enum Omission: Sendable {
    case all
    /// Subordinate ids were added before.
    case rest
    /// Nobody logs in now.
    case login
  }

  public init(_ account: Account) {
    name = account.name
    uid = account.uid
    home = account.home
  }

  /// For what goes wrong before there is an account.
  public init() {
    name = Array("session-helper".utf8)
    uid = 0
    home = ""
  }

  public func text(of event: Event) -> Text { "\(name): \(sentence(event))" }

  /// Stands for all further messages of one priority.
  var leftOut: Text { "\(name): further messages of this priority are left out; fix what the others report first" }

  /// The same without whom it is about.
  package func sentence(_ event: Event) -> Text {
    switch event {
    case .usage(let problem): usage(problem)
    case .notPermitted(let caller):
      "uid \(caller) may not do this for uid \(uid) and its group; log in as that user, or run it as root"
    case .processNotPrepared(let cause): "the session helper cannot start: \(cause); check the limits of the service, and log in again"
    case .identity(let error): identity(error)
    case .groupsLeftOut:
      "is in more than \(UInt32(HelperArguments.mostGroups)) groups, the rest is left out; check that the home is not reached through one of those"
    case .settingsProblem(let problem): settings(problem)
    case .settingsRefused(let problem): "the settings are not used and nothing is done: \(Wording.way(problem, .trusted))"
    case .idReserved:
      Account.isReserved(uid: uid)
        ? "refused, \(nothing): uid \(uid) is reserved; give a person another id"
        : "refused, \(nothing): the group id 4294967295 is reserved; give the user another group"
    case .uidOutOfRange: "uid \(uid) is outside uid_min to uid_max, nothing to do"
    case .excluded(.name(let place)): "is excluded by exclude_users (\(Wording.place(place))), nothing to do"
    case .excluded(.group(let group, let place)):
      "is in the group \(group), which is excluded by exclude_groups (\(Wording.place(place))), nothing to do"
    case .exclusionUnknown(.line(let place)):
      "the settings do not tell whether this user is excluded, and \(nothing); correct the line \(Wording.place(place))"
    case .exclusionUnknown(.groups(let place)):
      "is in more than \(UInt32(HelperArguments.mostGroups)) groups, and whether one of the rest is excluded by exclude_groups (\(Wording.place(place))) is not known, so \(nothing); set exclude_users for this user, or remove the user from groups"
    case .nameUnfit:
      "this user name cannot be part of a path: set storage_directory with $UID in place of $USER in rootless-storage.conf; \(nothing)"
    case .skeletonRefused(let problem): "the skeleton is not used and \(nothing): \(Wording.way(problem, .trusted))"
    case .skeletonWarning(let warning): skeletonWarning(warning)
    case .homeLocal(nil): "home \(home) is on a local disk, nothing to do"
    case .homeLocal(let type?): "home \(home) is on a local file system (\(type)), nothing to do"
    case .homeUnusable(let problem): homeProblem(problem)
    case .subordinateIDsAdded(let plan): subordinate(plan)
    case .subordinateIDsRefused(let refusal): "no subordinate ids are given: \(Wording.refusal(refusal))"
    case .subordinateIDsExposed(let exposure): exposed(exposure)
    case .subordinateIDsFailed(let failure): "no subordinate ids are given: \(Wording.failure(failure))"
    case .storageRefused(let seen): "\(refused) \(storageProblem(seen))"
    case .storageNotTaken(let seen, let failure):
      "\(refused) \(occupant(seen)); containers must not be used on this host until it is repaired; it could not be replaced: \(takeoverFailure(failure))"
    case .storageTaken(let takeover): taken(takeover)
    case .storageOpen(let mode):
      "storage directory \(storage) is writable by others (mode \(mode: mode)), who can exchange what is in it; its mode is not changed, since more than directories of engines lies in it; set storage_directory to a directory for containers alone, or check whose all in it is and remove the write bits"
    case .engineDirectoryFailed(let name, let cause):
      "cannot create \(storage)/\(name): \(cause); \(remedy(cause, "the disk that holds it")); systemd-tmpfiles may remove an empty storage directory"
    case .storageCreated(let mode): "created storage directory \(storage) (mode \(mode: mode))"
    case .quotaNotSet(let failure): "storage directory \(storage) has no limit: \(Wording.quota(failure)); engines work without one"
    case .quotaUncertain(let kind, let group, let place):
      "is in more than \(UInt32(HelperArguments.mostGroups)) groups, and whether one of the rest has a limit by \(Wording.key(kind))_groups (\(Wording.place(place))) is not known, so \(Wording.limit(kind, group)) holds; remove the user from groups"
    case .storageRestricted(let from, let to):
      "storage directory \(storage) was writable by others; its mode is now \(mode: to) (was \(mode: from))"
    case .storageFailed(let cause, _): "cannot create storage directory \(storage): \(cause); \(remedy(cause, "the disk that holds it"))"
    case .fileCreated(let file): "created \(inHome(file))"
    case .storeMoved(let file, let store):
      "\(inHome(file)) is not created, since \(inHome(store)) is a symbolic link or a mount: it would hide the storage that you chose"
    case .storeUnknown(let file, let store, let cause):
      "\(inHome(file)) is not created, since \(inHome(store)) cannot be looked at: \(cause); it may be a mount of your own, else make it accessible"
    case .nameUnfitForFile(let file):
      "\(inHome(file)) is not created: the skeleton wants @USER@ in it, and this user name cannot stand there; use @UID@ in the skeleton"
    case .fileBlocked(let file, let cause):
      "\(inHome(file)) is skipped: \(cause); every component of its path must be a directory that the user can enter and write to\(fromServer(cause))"
    case .fileFailed(let file, let cause): "cannot create \(inHome(file)): \(cause); \(remedy(cause, "the home"))"
    case .leftoverRemoved(let file): "removed \(inHome(file)), which an interrupted login had left"
    case .leftoverStays(let file, let cause): "\(inHome(file)), left by an interrupted login, cannot be removed: \(cause), ignoring"
    case .overlayRecordRemoved(let path):
      "removed \(path): Podman recorded there, before its storage was where it is now, that overlay does not work, and would not have tried it again"
    case .overlayRecordStays(let path, let cause):
      "\(path) cannot be removed: \(cause); Podman recorded there, before its storage was where it is now, that overlay does not work, and does not try it again; remove it as the user"
    case .allInPlace: "storage directory \(storage) and the files in the home are in place"
    }
  }

  private static func limit(_ kind: LimitKind, _ group: UInt32?) -> Text {
    if let group { "that of the group \(group)" } else { key(kind) }
  }

  private static func key(_ kind: LimitKind) -> Text { kind == .bytes ? "storage_quota" : "storage_quota_inodes" }

  private static func place(_ place: Exclusions.Place) -> Text { "\(place.file):\(UInt32(truncatingIfNeeded: place.line))" }

  private var nothing: Text {
    switch omission {
    case .all: "nothing is done"
    case .rest: "nothing else is done"
    case .login: "a login does nothing"
    }
  }

  private var directory: Text { isGuarded ? "former storage directory" : "storage directory" }

  private var refused: Text {
    isGuarded
      ? "\(directory) \(storage), which files in the home may still name, is not the user's:"
      : "\(directory) \(storage) is refused, \(nothing):"
  }

  /// Both users, both paths, and how to undo it. A path has no quotes.
  private func taken(_ takeover: Takeover) -> Text {
    let was: Text =
      takeover.isEmpty
      ? "\(directory) \(storage) was \(Wording.noun(takeover.kind)) of uid \(takeover.owner), and nothing is there now; containers must not be used on this host until a login has made it"
      : "\(directory) \(storage) was \(Wording.noun(takeover.kind)) of uid \(takeover.owner), and is now a directory of uid \(uid)"
    guard let kept = takeover.keptAs else {
      return "\(was); the owner has moved what was there elsewhere; find out what uid \(takeover.owner) intended"
    }
    let away: Text = takeover.isEmpty ? "" : "mv -T '\(storage)' '\(storage).undone' && "
    return
      "\(was); what was there is kept as \(kept); find out what uid \(takeover.owner) intended; to undo it, set occupied = refuse and run as root: \(away)mv -T '\(kept)' '\(storage)'"
  }

  /// The line for the user's own eyes, with the option `tell`: who reads no log must not use what is another's. nil: nothing to tell.
  func userText(of event: Event) -> Text? {
    switch event {
    // The other session says what comes of it.
    case .storageNotTaken(_, .locked): return nil
    case .storageRefused(let seen), .storageNotTaken(let seen, _):
      guard seen.isAnothers(than: uid) else { return nil }
    case .storageTaken(let takeover):
      guard takeover.isEmpty else { return nil }
    default: return nil
    }
    let help: Text = isGuarded ? "see the system log" : "rootless-storage repair \(name)"
    return
      "The directory for container images \(storage) on this host is under the control of another user. Do not use containers on this host until an administrator has repaired it (\(help))."
  }

  private func takeoverFailure(_ failure: TakeoverFailure) -> Text {
    switch failure {
    case .locked: "another session of the same user is replacing it; log in again"
    case .contested: "somebody exchanges it all the time; find out who does, and end that process"
    case .noExchange:
      "this file system cannot exchange two names (renameat2 with RENAME_EXCHANGE); move it away as root"
    case .failed(.otherDevice):
      "its file system does not exchange these two directories (a lower layer of overlayfs, another project quota, or another encryption key); move it away as root"
    case .failed(.busy): "something is mounted there; unmount it as root"
    case .failed(.notPermitted):
      "Operation not permitted; it, or the directory above it, may be immutable (lsattr), or the service may lack CAP_FOWNER; move it away as root"
    case .failed(.readOnly): "Read-only file system; make it writable, and log in again"
    case .failed(let cause): "\(cause); \(remedy(cause, "the disk that holds it"))"
    }
  }

  /// Why there is no limit, and what to do.
  package static func quota(_ failure: QuotaError) -> Text {
    let again: Text = "then run rootless-storage repair"
    switch failure {
    case .noProject: return "storage_quota_project_base and the uid add up to more than 4294967294, which is no project; lower it, \(again)"
    case .otherProject(let project):
      return
        "it is in the project \(project), which is not that of these settings, and is left there; remove it from that with chattr -p 0 if nobody needs it, \(again)"
    case .parentProject(let project):
      return
        "the directory above it has the project \(project), or hands it on, and no other is set in it; remove it from that (chattr -P -p 0) if nobody needs it, \(again)"
    case .named(let project):
      return
        "/etc/projid or /etc/projects has given the project \(project) to somebody; set storage_quota_project_base to where no projects are, \(again)"
    case .unreadable(let problem): return "whose the project is cannot be told: \(way(problem, .trusted))"
    case .taken(let project):
      return
        "the project \(project) has a limit or files already; find out whose (repquota -P), and remove the limit if it is nobody's (setquota -P \(project) 0 0 0 0), or set storage_quota_project_base to where no projects are, \(again)"
    case .unsupported(let cause):
      let why: Text =
        if let cause { "its file system has no project quotas (\(cause))" } else { "project quotas are not turned on in its file system" }
      return "\(why); \(quotaMount), or remove the limits from the settings"
    case .notEnforced: return "its file system counts projects, and enforces no limit; \(quotaMount)"
    case .failed(.notPermitted):
      return "Operation not permitted; the service may lack CAP_SYS_ADMIN; run it as root: rootless-storage repair"
    // Of permissions the kernel says EPERM: what says EACCES is a security module.
    case .failed(.accessDenied):
      return
        "Permission denied; see what SELinux denies (ausearch -m avc; in packaging/selinux, the boolean rootless_storage_limit_storage allows it), \(again)"
    case .failed(let cause): return "\(cause); check the disk that holds it, \(again)"
    }
  }

  /// A mounted file system does not begin to enforce: mount(8) with remount succeeds on ext4, and nothing changes.
  private static var quotaMount: Text {
    "mount it anew with prjquota (ext4: unmounted, tune2fs -O project -Q prjquota DEVICE before that; the root file system: rootflags=prjquota on the kernel's command line)"
  }

  /// Each is bounded for itself, so that a long home leaves the file its name.
  private func inHome(_ path: Path) -> Text { "\(home == "/" ? "" : home)/\(path)" }

  private func usage(_ problem: UsageError) -> Text {
    let form: Text = "usage: session-helper [--conf FILE] [--timeout S] --uid N --gid N [--groups N,N,...] --home PATH NAME"
    return switch problem {
    case .missing(let what): "\(what) is missing; \(form)"
    case .noValue(let option): "option \(option) needs a value; \(form)"
    case .badValue(let option, let value): "\"\(value)\" is no value for \(option); \(form)"
    case .unknownOption(let option): "there is no option \(option); \(form)"
    case .extraArgument(let argument): "unexpected argument \"\(argument)\"; \(form)"
    }
  }

  private func identity(_ error: IdentityError) -> Text {
    let step: Text =
      switch error.step {
      case .becomeRoot: "becoming root"
      case .groups: "setting the groups"
      case .groupID: "setting the group id"
      case .userID: "setting the user id"
      case .capabilities: "setting the capabilities"
      case .dumpable: "making the process untraceable"
      case .verify: "changing the ids"
      }
    guard let cause = error.cause else { return "\(step) had no effect; nothing is touched without the user's identity, log in again" }
    return "\(step) failed: \(cause); nothing is touched without the user's identity, log in again"
  }

  package func settings(_ problem: SettingsProblem) -> Text {
    let reason: Text =
      switch problem.reason {
      case .noEqualsSign(let text): "\"\(text)\" is not of the form key = value, ignoring"
      case .unknownKey(let key): "there is no setting \"\(key)\", ignoring"
      case .badPath(let key, let value, let reason): "\(key) = \"\(value)\" \(path(reason)); the default holds"
      case .badMode(let value): "directory_mode is 0700 or 0711, not \"\(value)\"; the default holds"
      case .badNumber(let key, let value): "\(key) is a number up to 4294967295, not \"\(value)\"; the default holds"
      case .badType(let value):
        "\"\(value)\" in network_filesystems is no file-system type, names are separated by blanks; the default holds"
      case .noTypes: "network_filesystems is empty; the default holds"
      case .badOccupied(let value): "occupied is take or refuse, not \"\(value)\"; the default holds"
      case .badQuota(let value):
        "storage_quota is a number of bytes, or one with K, M, G or T behind it, not \"\(value)\"; the default holds"
      case .badGroupLimit(let key, let problem): groupLimit(key, problem)
      case .tooManyGuards: "guarded_directories names more than \(UInt32(SettingsParser.mostGuards)) paths; the default holds"
      case .badOrphanDays(let value):
        "orphan_days is a number of days up to \(Settings.mostOrphanDays), not \"\(value)\"; the default holds"
      case .rangeIsEmpty(let min, let max): "uid_max \(max) is below uid_min \(min); the default holds"
      case .lineTooLong: "the line is too long, ignoring"
      case .badExcludedUser(let value):
        "\"\(value)\" in exclude_users is no name of a user, names are separated by blanks; nothing is done at logins until that is fixed"
      case .badExcludedGroup(let value):
        "\"\(value)\" in exclude_groups is no number of a group, which a login needs; nothing is done at logins until that is fixed"
      case .nobodyExcluded(let key): "\(key) is empty, for nobody it is none; nothing is done at logins until that is fixed"
      case .badSubids(let value): "subids is off or allocate, not \"\(value)\"; the default holds"
      case .badScheme(let value):
        "subid_scheme is uid or first-free, not \"\(value)\"; no subordinate ids are given out until that is fixed"
      case .badCount(let value):
        "subid_count is at least \(SubordinateIDPlanner.enough), since nobody is 65534, not \"\(value)\"; no subordinate ids are given out until that is fixed"
      case .badRange(let value):
        "\"\(value)\" in reserved_ids is no range N-M of ids, ranges are separated by blanks; no subordinate ids are given out until that is fixed"
      case .noRanges: "reserved_ids is empty; no subordinate ids are given out until that is fixed"
      case .tooManyProblems: "further problems are not listed; fix the listed ones first"
      }
    return "\(problem.file):\(UInt32(truncatingIfNeeded: problem.line)): \(reason)"
  }

  private func groupLimit(_ key: [UInt8], _ problem: GroupLimitProblem) -> Text {
    switch problem {
    case .empty: return "\(key) is empty, for no group it is none; the default holds"
    case .tooMany: return "\(key) names more than \(UInt32(GroupLimits.most)) groups; the default holds"
    case .noPair(let word): return "\"\(word)\" in \(key) is not of the form GID=LIMIT, pairs are separated by blanks; the default holds"
    case .noGroup(let name): return "\"\(name)\" in \(key) is no number of a group, which a login needs; the default holds"
    case .badLimit(let group, let value):
      let form: Text =
        key.elementsEqual("storage_quota_groups".utf8)
        ? "a number of bytes, or one with K, M, G or T behind it" : "a number up to 4294967295"
      return "what \(key) gives the group \(group) is \(form), not \"\(value)\"; the default holds"
    }
  }

  private func path(_ problem: StorageTemplate.Problem) -> Text {
    switch problem {
    case .notAbsolute: "does not begin with /"
    case .emptyComponent: "has an empty component"
    case .dotComponent: "has . or .. as a component"
    case .forbiddenCharacter: "has a quote, a backslash or an unprintable character"
    case .placeholderBeforeLast: "has a $ before the last component; only the last one is made for every user"
    case .noPlaceholder: "has neither $USER nor $UID in the last component; all users would share it"
    case .unknownPlaceholder: "has a $ that begins neither $USER nor $UID"
    case .tooLong: "is too long"
    }
  }

  package enum WayUse { case trusted, storage }

  /// Why a way is not walked, and what to do.
  package static func way(_ problem: PathError, _ use: WayUse) -> Text {
    let at = problem.path
    let rule: Text =
      use == .trusted
      ? "it and every directory above it must be root's and writable by nobody else"
      : "every directory above the storage directory must be root's, and writable by others only with the sticky bit"
    switch problem.reason {
    case .missing:
      if use == .trusted { return "\(at) does not exist; reinstall the package or set skel" }
      return "\(at) does not exist; create it as root, or set storage_directory"
    case .notDirectory: return "\(at) is not a directory; make it one as root"
    case .notRegular: return "\(at) is not a regular file; make it one as root"
    case .tooLarge: return "\(at) is too large; shorten it"
    case .tooManyFiles:
      return
        "\(at) has more than \(UInt32(SettingsFile.mostDropIns)) files *.conf, or \(UInt32(SettingsFile.mostNames)) names; remove or join some"
    case .tooManySymbolicLinks: return "\(at) is behind more than 40 symbolic links; shorten the path to it, or remove a loop, as root"
    case .ownedBy(let owner): return "\(at) is owned by uid \(owner); \(rule)"
    case .writableByOthers(let mode): return "\(at) is writable by others (mode \(mode: mode)); \(rule)"
    case .linkOwnedBy(let owner):
      return "\(at) is a symbolic link owned by uid \(owner); in this path only root's are followed, replace it as root"
    case .onNetwork(let type): return "\(at) is itself on a network file system (\(type)); set storage_directory to a place on local disk"
    case .userMount: return "\(at) is a FUSE mount, which any user can make; unmount it as root"
    case .failed(.accessDenied) where use == .storage:
      return
        "\(at): Permission denied; every directory above it must be searchable by everybody (chmod o+x), or SELinux denies it (ausearch -m avc)"
    case .failed(let cause): return "\(at): \(cause); fix that as root"
    }
  }

  package func skeletonWarning(_ warning: SkeletonWarning) -> Text {
    let reason: Text =
      switch warning.reason {
      case .symbolicLink: "is a symbolic link"
      case .special: "is neither a file nor a directory"
      case .tooLarge: "is larger than \(UInt32(SkeletonFile.largestFile)) bytes"
      case .tooManyFiles: "comes after \(UInt32(SkeletonFile.mostFiles)) files"
      case .tooDeep: "has files more than \(UInt32(SkeletonFile.deepestPath)) levels deep"
      case .tooManyEntries: "has more than \(UInt32(SkeletonFile.mostEntries)) entries, the rest"
      case .nameTooLong: "has a path of more than 1024 bytes"
      case .unlisted: "is one of several that are left out without a line,"
      }
    return "\(skeleton / warning.path) in the skeleton \(reason), ignoring"
  }

  package func homeProblem(_ problem: HomeObservation) -> Text {
    switch problem {
    case .notAbsolute: "home \"\(home)\" is not an absolute path, \(nothing); correct the account"
    case .notDirectory: "home \(home) is not a directory, \(nothing); correct the account"
    case .missing:
      "home \(home) does not exist, or its file server is down, \(nothing); log in again when it is there; if autofs mounts it, check that autofs is running and has an entry for it"
    case .ownedBy(let owner): "home \(home) is owned by uid \(owner), not by uid \(uid), \(nothing); correct the owner or the account"
    case .denied(let cause):
      "home \(home) cannot be reached by its user: \(cause), \(nothing); check its mode and the options of its export, or it is a FUSE mount without allow_other"
    case .withoutTicket(let mount, let cause):
      "home \(home) is on a network file system with Kerberos (\(mount.type), sec=\(mount.flavour)), and its user has no valid ticket: \(cause); no file is created in it; get a ticket (kinit) and log in again, or run rootless-storage repair then; if klist shows a ticket, check that rpc.gssd is running and finds that cache"
    case .failed(let cause): "home \(home) cannot be looked at: \(cause), \(nothing); \(remedy(cause, "its file server"))"
    case .typeUnknown(let cause): "the file system of home \(home) cannot be found out: \(cause), \(nothing); is /proc mounted?"
    case .on: "home \(home) is on a network file system"
    }
  }

  package func storageProblem(_ seen: StorageObservation) -> Text {
    let look: Text = "look at it as root, move it away, and log in again"
    switch seen.state {
    case .occupied(_, let owner): return "\(occupant(seen)); \(unused(owner))\(look)"
    case .writableByOthers(let mode, .openEngine(let entry, let inner)):
      return
        "it is writable by others (mode \(mode: mode)) and so is \"\(entry)\" in it (mode \(mode: inner)); containers must not be used on this host until it is repaired; \(look)"
    case .writableByOthers(let mode, .foreign(let entry, let owner)):
      return "it is writable by others (mode \(mode: mode)) and an entry in it is owned by uid \(owner); \(look); the entry is \"\(entry)\""
    case .writableByOthers(let mode, .mount(let entry)):
      return
        "it is writable by others (mode \(mode: mode)) and something is mounted in it; unmount it as root, and log in again; the mount is \"\(entry)\""
    case .writableByOthers(let mode, _):
      return "it is writable by others (mode \(mode: mode)) and has too many entries to tell whose they are; \(look)"
    case .onNetwork(let type):
      return "it is itself on a network file system (\(type)); set storage_directory to a place on local disk"
    case .userMount(nil): return "it is a FUSE mount, which any user can make; \(unused(UInt32.max))unmount it as root, and log in again"
    case .userMount(let owner?): return "it is a FUSE mount of uid \(owner); \(unused(owner))unmount it as root, and log in again"
    case .way(let problem): return Wording.way(problem, .storage)
    case .failed(.accessDenied):
      return
        "its user may not get there: Permission denied; make the directory above it searchable by everybody (chmod o+x), or see what SELinux denies (ausearch -m avc)"
    case .failed(let cause): return "it cannot be looked at, or be closed to others: \(cause); \(remedy(cause, "the disk that holds it"))"
    case .absent, .inPlace: return "it changed while it was being looked at; log in again"
    }
  }

  private func occupant(_ seen: StorageObservation) -> Text {
    switch seen.state {
    case .occupied(.directory, let owner): "it is owned by uid \(owner), not by uid \(uid)"
    case .occupied(let kind, let owner): "it is \(Wording.noun(kind)) owned by uid \(owner), not a directory"
    default: "it is another user's"
    }
  }

  /// Of what a third user controls, nothing may be used: an engine would take it without a word.
  private func unused(_ owner: UInt32) -> Text {
    owner == 0 || owner == uid ? "" : "containers must not be used on this host until it is repaired; "
  }

  package static func noun(_ kind: FileKind) -> Text {
    switch kind {
    case .directory: "a directory"
    case .regular: "a file"
    case .symbolicLink: "a symbolic link"
    case .fifo: "a FIFO"
    case .socket: "a socket"
    case .characterDevice, .blockDevice: "a device"
    case .unknown: "something unknown"
    }
  }

  /// A file server that no longer exports the home to this host says the same as one that minds the mode.
  private func fromServer(_ cause: Errno) -> Text { cause == .accessDenied ? ", and the file server must let this host in" : "" }

  private func remedy(_ cause: Errno, _ place: Text) -> Text {
    switch cause {
    case .noSpace: "free space on \(place) and log in again"
    case .quotaExceeded: "free some of the quota on \(place) and log in again"
    case .readOnly: "make \(place) writable and log in again"
    case .fileTooLarge: "raise the limit on file sizes (ulimit -f) and log in again"
    case .stale: "unmount it on this host and log in again, for what was mounted is gone on the server or no longer exported"
    case .accessDenied, .notPermitted: "check the permissions of \(place)"
    case .notSupported: "\(place) has neither hard links nor RENAME_NOREPLACE; create it by hand"
    default: "check \(place) and log in again"
    }
  }
}
