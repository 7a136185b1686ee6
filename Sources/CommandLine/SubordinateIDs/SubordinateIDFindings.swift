import RootlessStorage

/// What is wrong with the subordinate ids of one account.
///
/// - Parameters:
///   - ignoresChownErrors: the user's Podman unpacks images as one user, so that it needs no ranges.
///   - seen: uids of accounts that this run looks at, in order: of a directory's, the files know nothing.
func accountFindings(
  for account: Account, _ index: SubordinateIDIndex, _ settings: Settings?, ignoresChownErrors: Bool = false, seen: [UInt32] = []
) -> [Finding] {
  if let source = index.source {
    let elsewhere = Finding(
      .subidSource, .warning,
      "The subordinate ids of \(shown(account.name)) come from \"\(shown(source))\" (subid in /etc/nsswitch.conf), where they cannot be checked from here; /etc/subuid and /etc/subgid do not count.",
      remedy: .anyone("getsubids \(shellWord(account.name)) && getsubids -g \(shellWord(account.name))", after: "look at them"))
    guard let podman = index.readers.podmanOfFiles else { return [elsewhere] }
    return [ofFiles(account, source, podman, index)]
  }
  var findings = missingRanges(of: account, index, settings, ignoresChownErrors: ignoresChownErrors)
  for table in index.tables where table.failure != .denied {
    findings += table.doubles(of: account).map { double($0.0, $0.1, table) }
    findings += overlaps(account, table, index, settings, seen)
  }
  return findings + exposures(of: account, index, settings)
}

/// A Podman that is not built with libsubid looks into the files, whatever nsswitch.conf(5) says.
private func ofFiles(_ account: Account, _ source: [UInt8], _ podman: Path, _ index: SubordinateIDIndex) -> Finding {
  let name = shown(account.name)
  let empty = index.tables.filter { $0.failure != .denied && !$0.ranges(of: account).contains(where: \.isCertain) }
  let begin =
    "Subordinate ids come from \"\(shown(source))\" (subid in /etc/nsswitch.conf), but \(shown(podman)) is built without libsubid and reads only /etc/subuid and /etc/subgid"
  if empty.isEmpty {
    return Finding(
      .subidSource, .warning,
      "\(begin): the ranges of \(name) there have to be the same as those of \"\(shown(source))\", or newuidmap refuses them.",
      remedy: .anyone("getsubids \(shellWord(account.name)); grep \(shellWord(account.name)) /etc/subuid", after: "compare"))
  }
  return Finding(
    .subidSource, .error, "\(begin), where \(name) has no range in \(list(empty.map(\.file))): Podman finds no ids.",
    remedy:
      "install a Podman that is built with libsubid, or write the ranges that getsubids \(shellWord(account.name)) prints into /etc/subuid and /etc/subgid too"
  )
}

/// Too few ids, and why `subids allocate` would give none. Of the files, whatever the source is.
func missingRanges(of account: Account, _ index: SubordinateIDIndex, _ settings: Settings?, ignoresChownErrors: Bool = false) -> [Finding] {
  let tables = index.tables.filter { $0.failure != .denied }
  var findings: [Finding] = []
  for table in tables {
    let existing = index.facts.existing(table.kind)
    guard existing.ranges != nil else { continue }
    findings += table.ranges(of: account).filter { $0.isCertain && !existing.contains($0.ids) }.prefix(mostOverlaps).map {
      nonexistent($0, table, account, existing)
    }
  }
  let empty = tables.filter { !$0.ranges(of: account).contains(where: \.isCertain) }
  if empty.isEmpty && tables.allSatisfy({ $0.sum(of: account) >= UInt64(SubordinateIDPlanner.enough) }) {
    return findings + byNumber(account, tables)
  }
  // Looked for only here: it takes a pass over all lines.
  let refused = allocationRefusal(account, settings, index.facts)
  let site = SubordinateIDRemedy(account, index, settings, isRefused: refused != nil)
  if !empty.isEmpty {
    findings.append(missing(account, empty, index, site, isNote: ignoresChownErrors || index.readers.ignoresChownErrors))
  }
  for table in tables where !empty.contains(table) {
    if let finding = small(account, table, site, isNote: ignoresChownErrors || index.readers.ignoresChownErrors) {
      findings.append(finding)
    }
  }
  if let refused {
    findings.append(
      Finding(
        .subidRefused, .error,
        sentence(.subordinateIDsRefused(refused)).replacing("No ", with: "\(shown(account.name)): no ", maxReplacements: 1),
        remedy: remedy(refused)))
  }
  return findings + byNumber(account, tables)
}

/// What only this account is refused for, where logins give ids out. What everybody is, is this host's finding.
private func allocationRefusal(_ account: Account, _ settings: Settings?, _ facts: SubordinateIDFacts) -> SubordinateIDRefusal? {
  guard let settings, settings.subordinateIDs.allocates, SubordinateIDPlanner.obstacle(settings, facts) == nil else { return nil }
  do throws(SubordinateIDRefusal) { _ = try SubordinateIDPlanner(account, settings).plan(facts) } catch { return error }
  return nil
}

/// Where the cause lies that the sentence names.
func remedy(_ refusal: SubordinateIDRefusal) -> Remedy {
  switch refusal {
  case .definitionUncertain: "edit /etc/login.defs; see login.defs(5)"
  case .notFromFiles: "give them out there, and set subids = off in rootless-storage.conf; see rootless-storage.conf(5)"
  case .nameUnfit: "give the account another name"
  case .overlap: .anyone("rootless-storage subids list", note: "see also rootless-storage.conf(5)")
  case .settingsUncertain, .deterministic, .nothingReserved, .noGroupsReserved, .belowUidMin, .tooFew, .beyondMaximum, .noneFree:
    "edit rootless-storage.conf; see rootless-storage.conf(5)"
  }
}

private func missing(
  _ account: Account, _ tables: [SubordinateIDTable], _ index: SubordinateIDIndex, _ site: SubordinateIDRemedy, isNote: Bool
) -> Finding {
  let name = shown(account.name)
  let files = tables.map { table in table.failure.map { "\(table.file), which \($0.explanation)" } ?? table.file }
  if isNote {
    return Finding(
      .subuidMissing, .note,
      "\(name) has no range in \(list(files)); with ignore_chown_errors Podman unpacks images as one user, and needs none.",
      remedy: "nothing, unless containers need more than one user")
  }
  // Numbers that only shadow reads are ids for an engine that asks shadow's library.
  if let table = tables.first(where: { $0.ranges(of: account).contains(where: \.isShadows) }),
    let range = table.ranges(of: account).first(where: \.isShadows)
  {
    return Finding(
      .subuidMissing, .warning,
      "\(name) has ids in line \(range.line) of \(table.file), but not in decimal digits: engines that are built without libsubid do not find them.",
      remedy: .root(
        "sudo vi +\(range.line) \(table.file)",
        after: "write the line in decimal digits, as \(shown(range.owner)):\(range.ids.lowerBound):\(range.ids.size)"))
  }
  let disabled = tables.flatMap { $0.ranges(of: [[.exclamationMark] + account.name]).prefix(1) }.first
  let before = disabled.map { "; Apptainer has disabled a line of theirs (!\(name):\($0.ids.lowerBound):\($0.ids.size))" } ?? ""
  return Finding(
    .subuidMissing, .error,
    "\(name) has no range in \(list(files)), so images with files of more than one user cannot be unpacked\(before).",
    remedy: disabled == nil
      ? site.adding(to: tables)
      : .root("sudo apptainer config fakeroot --enable \(shellWord(account.name))", note: "or leave it, if it was disabled on purpose"),
    isRepairable: disabled == nil && site.isRepairable)
}

private func small(_ account: Account, _ table: SubordinateIDTable, _ site: SubordinateIDRemedy, isNote: Bool) -> Finding? {
  let sum = table.sum(of: account)
  if sum >= UInt64(SubordinateIDPlanner.enough) { return nil }
  return Finding(
    .subuidSmall, isNote ? .note : .warning,
    "\(shown(account.name)) has \(counted(Int(sum), "id", "ids")) in \(table.file), fewer than the 65536 that images expect (nobody is 65534).",
    remedy: site.adding(to: [table]), isRepairable: site.isRepairable)
}

private func nonexistent(_ range: SubordinateRange, _ table: SubordinateIDTable, _ account: Account, _ existing: ExistingIDs) -> Finding {
  return Finding(
    .subidNonexistent, .error,
    "The subordinate \(table.noun)s \(range.ids.shown) of \(shown(account.name)) in \(table.file) do not all exist on this host, which is a container itself and has \(list((existing.ranges ?? []).prefix(mostNames).map(\.shown))) (/proc/self/\(table.noun)_map): newuidmap and newgidmap cannot use them.",
    remedy:
      "give this host more ids where it is configured (its own entries in /etc/subuid and /etc/subgid outside, lxc.idmap), or \(shown(account.name)) a range that exists here"
  )
}

/// Some versions of Podman look for the name only.
private func byNumber(_ account: Account, _ tables: [SubordinateIDTable]) -> [Finding] {
  tables.compactMap { table in
    let ranges = table.ranges(of: account).filter(\.isCertain)
    guard let first = ranges.first, !ranges.contains(where: { $0.owner == account.name }) else { return nil }
    return Finding(
      .subidName, .note,
      "\(shown(account.name)) has subordinate \(table.noun)s in \(table.file) only under the number \(account.uid): Podman 4.0 and builds without cgo look for the name.",
      remedy:
        "if one of them finds no ids, add a line with the name in place of it: \(shown(account.name)):\(first.ids.lowerBound):\(first.ids.size)"
    )
  }
}

// MARK: Overlaps

/// Findings of this kind for one file; nobody has as many ranges.
private let mostOverlaps = 8
/// Names in one sentence.
private let mostNames = 3

/// Two lines of one owner with ids in common: newuidmap(1) hands both to the kernel, which refuses such a map.
func double(_ first: SubordinateRange, _ second: SubordinateRange, _ table: SubordinateIDTable) -> Finding {
  Finding(
    .subuidOverlap, .error,
    "Lines \(first.line) and \(second.line) of \(table.file) give \(shown(first.owner)) \(first.ids == second.ids ? "the \(table.noun)s \(first.ids.shown) twice" : "\(table.noun)s twice (\(first.ids.shown) and \(second.ids.shown))"): the kernel refuses such a map, and no container of theirs starts.",
    remedy: .root("sudo vi +\(second.line) \(table.file)", after: "remove one of the two lines"))
}

private func overlaps(_ account: Account, _ table: SubordinateIDTable, _ index: SubordinateIDIndex, _ settings: Settings?, _ seen: [UInt32])
  -> [Finding]
{
  var findings: [Finding] = []
  let own = table.kind == .users ? [account.uid] : [account.credentials.group]
  // A group that somebody was given on purpose is no mistake.
  let singles = table.ranges(of: account).filter { isSingleGroup($0.ids, table.kind) }
  for single in singles.prefix(mostOverlaps) { if let finding = deviceGroup(single, of: account.name, table) { findings.append(finding) } }
  let ranges = table.ranges(of: account).filter { !isSingleGroup($0.ids, table.kind) }
  for range in merged(ranges.map(\.ids)) where findings.count < mostOverlaps {
    let (others, spellings) = strangers(account, table, range)
    findings += spellings.map { spelling($0, of: account.name, table) }
    var faults = bounded(others.map { "subordinate ids of \(shown($0.owner)) (\($0.ids.shown))" })
    for id in own where range.contains(id) { faults.append("the user's own \(table.noun) \(id)") }
    faults += people(
      table, range, settings, own: own, known: table.kind == .users ? directoryUsers(seen, in: range, than: account, table) : [])
    if faults.isEmpty { continue }
    let site = SubordinateIDRemedy(account, index, settings, isRefused: false)
    findings.append(overlap(table, range, of: account.name, faults, remedy: site.replacing(range, in: table)))
  }
  return findings
}

/// Accounts that this run looks at, have ids of the range, and are in none of this host's files.
private func directoryUsers(_ seen: [UInt32], in range: IDRange, than account: Account, _ table: SubordinateIDTable) -> [RealID] {
  var low = 0
  var high = seen.count
  while low < high {
    let middle = (low + high) / 2
    if seen[middle] < range.lowerBound { low = middle + 1 } else { high = middle }
  }
  return seen[low...].prefix { $0 <= range.upperBound }.prefix(mostNames + 1).compactMap { uid in
    guard uid != account.uid, table.realIDs(in: uid...uid, limit: 1).isEmpty else { return nil }
    do throws(NameServiceError) { return try NameService.account(uid: uid).map { RealID(id: uid, name: $0.name) } } catch { return nil }
  }
}

/// Others who have ids of the range, without those who are the same user under another spelling; and lines of that spelling.
private func strangers(_ account: Account, _ table: SubordinateIDTable, _ range: IDRange) -> (
  others: [SubordinateRange], spellings: [SubordinateRange]
) {
  var others: [SubordinateRange] = []
  var spellings: [SubordinateRange] = []
  for other in table.others(than: account, in: range, limit: mostNames + 1) {
    if isSpelling(other.owner, of: account.name) || isSame(other.owner, account) { spellings.append(other) } else { others.append(other) }
  }
  return (others, spellings)
}

/// `CORPjdoe` is what dockerd-rootless-setuptool.sh looks for where the name is `CORP\jdoe`.
func isSpelling(_ owner: [UInt8], of name: [UInt8]) -> Bool { name.contains(.backslash) && owner == name.filter { $0 != .backslash } }

/// The name service knows the owner as this account, as it does with names of Active Directory in other cases, or with and without the
/// domain. Asked only where the names look alike.
private func isSame(_ owner: [UInt8], _ account: Account) -> Bool {
  guard owner.count == account.name.count || owner.contains(where: isDomainSign) || account.name.contains(where: isDomainSign),
    bareName(owner) == bareName(account.name)
  else {
    return false
  }
  do throws(NameServiceError) { return try NameService.account(named: owner)?.uid == account.uid } catch { return false }
}

private func isDomainSign(_ byte: UInt8) -> Bool { byte == .backslash || byte == .at }

/// `jdoe` of `CORP\JDoe` and `jdoe@corp.example`.
private func bareName(_ name: [UInt8]) -> [UInt8] {
  let last = name.split(separator: .backslash).last ?? []
  return last.prefix { $0 != .at }.map(lowercase)
}

/// The finding that two names are those of one user.
func spelling(_ range: SubordinateRange, of name: [UInt8], _ table: SubordinateIDTable) -> Finding {
  Finding(
    .subidName, .note,
    "Line \(range.line) of \(table.file) has the owner \(shown(range.owner)), which is another spelling of \(shown(name)): one user, who has the ids under both.",
    remedy: "nothing; some programs look for the one, some for the other")
}

/// The finding that somebody's containers can have a group of this host; nil if it is nobody's.
func deviceGroup(_ range: SubordinateRange, of name: [UInt8], _ table: SubordinateIDTable) -> Finding? {
  guard let real = table.realIDs(in: range.ids, limit: 1).first else { return nil }
  return Finding(
    .subuidOverlap, .note,
    "Line \(range.line) of \(table.file) gives the containers of \(shown(name)) the group \(shown(real.name)) (\(real.id)), as is done for devices.",
    remedy: .root("sudo usermod --del-subgids \(real.id)-\(real.id) \(shellWord(name))", after: "nothing; if it is not meant"))
}

/// Others' ranges that have the account's own uid or gid: they can act as this user.
func exposures(of account: Account, _ index: SubordinateIDIndex, _ settings: Settings?) -> [Finding] {
  index.tables.filter { $0.failure != .denied }.flatMap { table in
    let id = table.kind == .users ? account.uid : account.credentials.group
    var found: [SubordinateRange] = []
    table.forEach(overlapping: id...id) { range in
      if !range.belongs(to: account) && range.canHaveUser && !isSingleGroup(range.ids, table.kind) { found.append(range) }
      return found.count < mostOverlaps
    }
    return found.filter { !isSpelling($0.owner, of: account.name) }.map { range in
      Finding(
        .subuidOverlap, .error,
        "The \(table.noun) \(id) of \(shown(account.name)) lies in the subordinate \(table.noun)s \(range.ids.shown) of \(shown(range.owner)) in \(table.file): in a user namespace \(shown(range.owner)) can act as \(shown(account.name)).",
        remedy: taking(range, table, from: range.owner.uid == nil ? range.owner : nil, settings))
    }
  }
}

/// The command that takes the range from its owner, who gets another one.
///
/// - Parameter name: of the owner's account, if the line has it.
func taking(_ range: SubordinateRange, _ table: SubordinateIDTable, from name: [UInt8]?, _ settings: Settings?) -> Remedy {
  guard let name else { return .root("sudo rootless-storage subids release \(shellWord(range.owner))") }
  let word = shellWord(name)
  let removal = "sudo usermod \(table.kind == .users ? "--del-subuids" : "--del-subgids") \(range.ids.shown) \(word)"
  let note = "images that were unpacked with these ids are lost to \(shown(name)); then, as that user: podman system migrate"
  return settings?.subordinateIDs.allocates == true
    ? .root("\(removal) && sudo rootless-storage subids allocate \(word)", note: note)
    : .root(removal, note: "give \(shown(name)) another range by your site's policy; \(note)")
}

/// The finding that a range has ids of these.
func overlap(_ table: SubordinateIDTable, _ range: IDRange, of owner: [UInt8], _ faults: [String], remedy: Remedy) -> Finding {
  Finding(
    .subuidOverlap, .error,
    "The subordinate \(table.noun)s \(range.shown) of \(shown(owner)) in \(table.file) include \(list(faults)): with ids in common, one can act as the other.",
    remedy: remedy)
}

/// Ids that systemd gives to others, and that stand in no file (UIDS-GIDS.md). Its range for containers is not among them: shadow's own
/// defaults lie in it.
private let systemRanges: [(ids: IDRange, use: String)] = [
  (60001...60513, "homes of systemd-homed"), (60578...60705, "greeters"), (61184...65519, "services with DynamicUser"),
  (65534...65535, "nobody"),
  (SubordinateIDPlanner.foreign, "foreign ids, which every user may use"),
]

/// Accounts that have ids of the range, or for which the settings keep them.
///
/// - Parameter known: ids that the name service was seen to know, in order.
func people(_ table: SubordinateIDTable, _ range: IDRange, _ settings: Settings?, own: [UInt32] = [], known: [RealID] = []) -> [String] {
  let real = table.realIDs(in: range, limit: mostNames + 2).filter { !own.contains($0.id) }.prefix(mostNames + 1)
  var faults = bounded(real.map { "the \(table.noun) \($0.id) of \(shown($0.name)) in \(table.kind.accounts)" })
  faults += bounded(
    RealID.some(of: known, in: range, limit: mostNames + 1).map { "the \(table.noun) \($0.id) of \(shown($0.name)) in the name service" })
  if table.kind == .users, let served = settings?.servedIDs, served.overlaps(range) {
    faults.append("uids of the people here (\(served.shown): uid_min to uid_max in rootless-storage.conf)")
  }
  let reserved = (settings?.subordinateIDs.reserved ?? []).filter { $0.overlaps(range) }.prefix(mostNames + 1)
  faults += bounded(reserved.map { "reserved ids (\($0.shown): reserved_ids in rootless-storage.conf)" })
  return faults + systemRanges.filter { $0.ids.overlaps(range) }.prefix(1).map { "systemd's ids (\($0.ids.shown): \($0.use))" }
}

private func bounded(_ words: [String]) -> [String] { words.count > mostNames ? words.prefix(mostNames) + ["more"] : words }
