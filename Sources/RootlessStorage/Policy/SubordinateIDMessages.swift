extension Wording {
  func subordinate(_ plan: SubordinateIDPlan) -> Text {
    switch (plan.users, plan.groups) {
    case (let users?, let groups?) where users == groups: "added subordinate uids and gids \(Wording.ids(users))"
    case (let users?, let groups?): "added subordinate uids \(Wording.ids(users)) and gids \(Wording.ids(groups))"
    case (let users?, nil): "added subordinate uids \(Wording.ids(users))"
    case (nil, let groups?): "added subordinate gids \(Wording.ids(groups))"
    case (nil, nil): "added no subordinate ids"
    }
  }

  func exposed(_ exposure: SubordinateIDExposure) -> Text {
    let noun: Text = exposure.kind == .users ? "uid" : "gid"
    return
      "\(noun) \(exposure.id) lies in the subordinate \(noun)s \(Wording.ids(exposure.range)) of \(exposure.owner) in /etc/\(exposure.kind.fileName): in a user namespace \(exposure.owner) can act as this user; give \(exposure.owner) other ids: rootless-storage subids check prints the command"
  }

  /// Why no range is given, and what to do.
  package static func refusal(_ refusal: SubordinateIDRefusal) -> Text {
    switch refusal {
    case .notFromFiles(let source):
      "they come from \"\(source)\" (subid in /etc/nsswitch.conf), where /etc/subuid and /etc/subgid do not count; give them out there"
    case .nameUnfit:
      "this user name cannot stand in /etc/subuid; give the account a name of printable characters without a colon that is not a number"
    case .settingsUncertain: "a line of rootless-storage.conf is wrong, and might be one that names ids to keep off; fix it"
    case .definitionUncertain(let key): "\(key) in /etc/login.defs is no decimal number up to 4294967295; fix it"
    case .deterministic(let key):
      "\(key) in /etc/login.defs is yes, by which useradd computes each range from the uid, and subid_scheme = first-free would give one user what it computes for another; set subid_scheme = uid"
    case .nothingReserved:
      "neither uid_max nor reserved_ids in rootless-storage.conf names the ids of the directory's accounts, so nobody knows that they are free; set one of them"
    case .noGroupsReserved(let source):
      "groups come from \"\(source)\" too (group in /etc/nsswitch.conf), and uid_max in rootless-storage.conf does not cover their gids; set reserved_ids to the span of these gids"
    case .belowUidMin(let min):
      "the scheme uid counts from UID_MIN (\(min)) of /etc/login.defs, and this uid is below; add a range with usermod, or set subid_scheme = first-free"
    case .tooFew(let count):
      "SUB_UID_COUNT and SUB_GID_COUNT of /etc/login.defs are \(count), and containers need \(SubordinateIDPlanner.enough); set subid_count"
    case .beyondMaximum(let first, let last, let max):
      "the scheme uid gives the ids \(long: first)-\(long: last), and the largest allowed is \(max); raise subid_max if these ids are nobody's (4294967294 is the end), or lower subid_count or subid_min"
    case .noneFree(let min, let max, let count):
      "there are no \(count) free ids in a row from \(min) to \(max); set subid_min and subid_max to a larger span"
    case .overlap(let range, let holder):
      "the ids \(ids(range)) would be somebody else's too: \(Wording.holder(holder)); with ids in common, one could act as the other; add a range that is free with usermod, or set other bounds"
    }
  }

  package static func holder(_ holder: IDHolder) -> Text {
    switch holder {
    case .range(let owner, let range, let kind): "\(owner) has \(ids(range)) in /etc/\(kind.fileName)"
    case .uid(let id, let name): "\(id) is the uid of \(name) in /etc/passwd"
    case .gid(let id, let name): "\(id) is the gid of \(name) in /etc/passwd or /etc/group"
    case .served(let range): "uid_min to uid_max in rootless-storage.conf is \(ids(range))"
    case .reserved(let range):
      range.lowerBound == 0 ? "ids up to \(range.upperBound) are the host's own" : "\(ids(range)) are reserved (reserved_ids)"
    case .foreign:
      "\(ids(SubordinateIDPlanner.foreign)) are foreign ids of systemd, which every user may use"
    case .nonexistent(let range):
      "\(ids(range)) do not exist on this host, which is a container itself (/proc/self/uid_map, /proc/self/gid_map)"
    case .oneself(let id): "\(id) is the account's own uid or gid"
    case .known(let id, .users, let name): "\(id) is the uid of \(name) in the name service"
    case .known(let id, .groups, let name): "\(id) is the gid of \(name) in the name service"
    }
  }

  /// What kept the files from being changed, and what to do.
  package static func failure(_ failure: SubordinateIDFailure) -> Text {
    switch failure {
    case .way(let problem): Wording.way(problem, .trusted)
    case .unfit(let file, .symbolicLink): "/etc/\(file) is a symbolic link; make it a file, or add a range by hand"
    case .unfit(let file, .notRegular): "/etc/\(file) is not a regular file; make it one"
    case .unfit(let file, .notRoots): "/etc/\(file) is not root's alone to write; fix its owner and mode"
    case .unfit(let file, .tooLarge): "/etc/\(file) is too large; shorten it"
    case .locked(let file, let process?, let since?):
      "/etc/\(file) is held by process \(process), which started at \(time(since)); log in again when it is done; if that process edits no accounts, remove the lock"
    case .locked(let file, let process?, nil):
      "/etc/\(file) is held by process \(process); log in again when it is done; if that process edits no accounts, remove the lock"
    case .locked(let file, nil, _):
      "/etc/\(file) is held by another program; log in again when it is done; if nobody edits accounts, remove /etc/subuid.lock and /etc/subgid.lock"
    case .hindered(let hindrance, let cause):
      "\(Wording.hindrance(hindrance)) that this process has from its caller cannot be set back (\(cause)), and could stop it while it holds the locks of the account files; give the program that opens sessions CAP_SYS_RESOURCE and CAP_SYS_NICE (under SELinux: setsebool -P rootless_storage_allocate_subids on), or add a range as root with usermod"
    case .failed(let file, let cause): "/etc/\(file): \(cause); fix that as root"
    }
  }

  private static func hindrance(_ hindrance: Hindrance) -> Text {
    switch hindrance {
    case .addressSpace: "the limit RLIMIT_AS"
    case .data: "the limit RLIMIT_DATA"
    case .stack: "the limit RLIMIT_STACK"
    case .processorTime: "the limit RLIMIT_CPU"
    case .fileSize: "the limit RLIMIT_FSIZE"
    case .openFiles: "the limit RLIMIT_NOFILE"
    case .lockedMemory: "the limit RLIMIT_MEMLOCK"
    case .residentSet: "the limit RLIMIT_RSS"
    case .niceness: "the nice value"
    case .scheduling: "the scheduling policy"
    case .inputOutput: "the I/O priority"
    }
  }

  /// `2026-11-24 20:15:30 UTC`
  ///
  /// - Parameter seconds: since the epoch.
  static func time(_ seconds: Int64) -> Text {
    // Years that begin with March, counted from the year 0, in cycles of 400.
    let seconds = min(max(seconds, 0), 253_402_300_799)
    let days = seconds / 86400 + 719_468
    let day = days % 146_097
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365
    let ofYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * ofYear + 2) / 153
    let isNext = month >= 10
    func two(_ number: Int64) -> Text { number < 10 ? "0\(UInt32(number))" : "\(UInt32(number))" }
    let date: Text =
      "\(long: UInt64(days / 146_097 * 400 + year + (isNext ? 1 : 0)))-\(two(isNext ? month - 9 : month + 3))-\(two(ofYear - (153 * month + 2) / 5 + 1))"
    return "\(date) \(two(seconds % 86400 / 3600)):\(two(seconds % 3600 / 60)):\(two(seconds % 60)) UTC"
  }

  private static func ids(_ range: IDRange) -> Text { "\(range.lowerBound)-\(range.upperBound)" }
}
