import RootlessStorage

/// What is wrong with the subordinate ids of one account.
///
/// - Parameter allocator: where free ids for the commands come from. One for all accounts of a run: no two are told the same ids.
func accountFindings(
  for account: Account, _ index: SubordinateIDIndex, _ settings: Settings?, _ allocator: inout SubordinateIDAllocator
) -> [Finding] {
  if let source = index.source {
    return [
      Finding(
        .subidSource, .warning,
        "The subordinate ids of \(shown(account.name)) come from \"\(shown(source))\" (subid in /etc/nsswitch.conf), where they cannot be checked from here; /etc/subuid and /etc/subgid do not count.",
        remedy: "look at them: getsubids \(shellWord(account.name)) && getsubids -g \(shellWord(account.name))")
    ]
  }
  var findings = wants(of: account, index, settings, &allocator)
  for table in index.tables where table.failure != .denied { findings += overlaps(account, table, settings, &allocator) }
  return findings
}

/// Too few ids, and why `subids allocate` would give none. Of the files, whatever the source is.
func wants(of account: Account, _ index: SubordinateIDIndex, _ settings: Settings?, _ allocator: inout SubordinateIDAllocator) -> [Finding] {
  let tables = index.tables.filter { $0.failure != .denied }
  var findings: [Finding] = []
  let empty = tables.filter { !$0.ranges(of: account).contains(where: \.isCertain) }
  if !empty.isEmpty { findings.append(missing(account, empty, settings, &allocator)) }
  for table in tables where !empty.contains(table) {
    if let finding = small(account, table, settings, &allocator) { findings.append(finding) }
  }
  if !findings.isEmpty, let settings, settings.subordinateIDs.allocates, let refusal = refusal(account, settings, index.facts) {
    findings.append(
      Finding(.subidRefused, .error, sentence(.subordinateIDsRefused(refusal)).replacing("No ", with: "\(shown(account.name)): no ", maxReplacements: 1), remedy: remedy(refusal)))
  }
  return findings
}

/// What only this account is refused for. What everybody is, is this host's finding.
private func refusal(_ account: Account, _ settings: Settings, _ facts: SubordinateIDFacts) -> SubordinateIDRefusal? {
  if SubordinateIDPlanner.obstacle(settings, facts) != nil { return nil }
  do throws(SubordinateIDRefusal) { _ = try SubordinateIDPlanner(account, settings).plan(facts) } catch { return error }
  return nil
}

/// Where the cause lies that the sentence names.
func remedy(_ refusal: SubordinateIDRefusal) -> String {
  switch refusal {
  case .definitionDoubtful: "edit /etc/login.defs; see login.defs(5)"
  case .notFromFiles: "give them out there, and set subids = off in rootless-storage.conf; see rootless-storage.conf(5)"
  case .nameUnfit: "give the account another name"
  case .overlap: "rootless-storage subids list; see also rootless-storage.conf(5)"
  case .settingsDoubtful, .nothingReserved, .noGroupsReserved, .belowUidMin, .tooFew, .beyondMaximum, .noneFree: "edit rootless-storage.conf; see rootless-storage.conf(5)"
  }
}

private func missing(
  _ account: Account, _ tables: [SubordinateIDTable], _ settings: Settings?, _ allocator: inout SubordinateIDAllocator
) -> Finding {
  let files = tables.map { table in table.failure.map { "\(table.file), which \($0.explanation)" } ?? table.file }
  return Finding(
    .subuidMissing, .error, "\(shown(account.name)) has no range in \(list(files)), so images with files of more than one user cannot be unpacked.",
    remedy: command(account, add: tables, settings, &allocator))
}

private func small(
  _ account: Account, _ table: SubordinateIDTable, _ settings: Settings?, _ allocator: inout SubordinateIDAllocator
) -> Finding? {
  let sum = table.sum(of: [account.name, decimal(UInt64(account.uid))])
  if sum >= UInt64(SubordinateIDPlanner.enough) { return nil }
  return Finding(
    .subuidSmall, .warning,
    "\(shown(account.name)) has \(counted(Int(sum), "id", "ids")) in \(table.file), fewer than the 65536 that images expect (nobody is 65534).",
    remedy: command(account, add: [table], settings, &allocator))
}

// MARK: Overlaps

/// Findings of this kind for one file; nobody has as many ranges.
private let mostOverlaps = 8
/// Names in one sentence.
private let mostNames = 3

private func overlaps(
  _ account: Account, _ table: SubordinateIDTable, _ settings: Settings?, _ allocator: inout SubordinateIDAllocator
) -> [Finding] {
  var findings: [Finding] = []
  for range in merged(table.ranges(of: account).map(\.ids)) where findings.count < mostOverlaps {
    let own = table.kind == .users ? [account.uid] : [account.credentials.group]
    var faults = bounded(table.others(than: account, in: range, limit: mostNames + 1).map { "subordinate ids of \(shown($0.owner)) (\($0.ids.shown))" })
    for id in own where range.contains(id) { faults.append("the user's own \(table.noun) \(id)") }
    faults += people(table, range, settings, own: own)
    if faults.isEmpty { continue }
    let option = table.kind == .users ? "--del-subuids" : "--del-subgids"
    findings.append(
      overlap(
        table, range, of: account.name, faults, remedy: command(account, first: "\(option) \(range.shown) ", add: [table], settings, &allocator)))
  }
  return findings
}

/// The finding that a range has ids of these.
func overlap(_ table: SubordinateIDTable, _ range: IDRange, of owner: [UInt8], _ faults: [String], remedy: String) -> Finding {
  Finding(
    .subuidOverlap, .error,
    "The subordinate \(table.noun)s \(range.shown) of \(shown(owner)) in \(table.file) include \(list(faults)): with ids in common, one can act as the other.",
    remedy: remedy)
}

/// Accounts that have ids of the range, or for which the settings keep them.
///
/// - Parameter known: ids that the name service was seen to know.
func people(_ table: SubordinateIDTable, _ range: IDRange, _ settings: Settings?, own: [UInt32] = [], known: [RealID] = []) -> [String] {
  let real = table.realIDs(in: range, limit: mostNames + 2).filter { !own.contains($0.id) }.prefix(mostNames + 1)
  var faults = bounded(real.map { "the \(table.noun) \($0.id) of \(shown($0.name)) in \(table.kind.accounts)" })
  faults += bounded(known.filter { range.contains($0.id) }.prefix(mostNames + 1).map { "the \(table.noun) \($0.id) of \(shown($0.name)) in the name service" })
  if table.kind == .users, let served = settings?.servedIDs, served.overlaps(range) {
    faults.append("uids of the people here (\(served.shown): uid_min to uid_max in rootless-storage.conf)")
  }
  let reserved = (settings?.subordinateIDs.reserved ?? []).filter { $0.overlaps(range) }.prefix(mostNames + 1)
  faults += bounded(reserved.map { "reserved ids (\($0.shown): reserved_ids in rootless-storage.conf)" })
  return faults
}

private func bounded(_ words: [String]) -> [String] { words.count > mostNames ? words.prefix(mostNames) + ["more"] : words }

// MARK: The command

/// Where the settings have ids given out, our own; else usermod(8), which takes the lock of the files and knows accounts of the name
/// service. Containers that run keep the old ids.
private func command(
  _ account: Account, first: String = "", add tables: [SubordinateIDTable], _ settings: Settings?, _ allocator: inout SubordinateIDAllocator
) -> String {
  let name = shellWord(account.name)
  let migrate = "    # then, as that user: podman system migrate"
  if settings?.subordinateIDs.allocates == true {
    return (first.isEmpty ? "" : "sudo usermod \(first)\(name) && ") + "sudo rootless-storage subids allocate \(name)\(migrate)"
  }
  if allocator.isBlind { return "as root, rootless-storage check \(name) says which ids are free" }
  guard let range = allocator.take(for: account) else { return "no range of 65536 free ids is left between SUB_UID_MIN and SUB_UID_MAX: raise SUB_UID_MAX in /etc/login.defs" }
  let options = tables.map { "\($0.kind == .users ? "--add-subuids" : "--add-subgids") \(range.shown)" }
  return "sudo usermod \(first)\(options.joined(separator: " ")) \(name)\(migrate)"
}
