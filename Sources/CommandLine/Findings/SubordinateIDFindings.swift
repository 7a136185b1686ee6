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
  let tables = [index.users, index.groups].filter { $0.failure != .denied }
  var findings: [Finding] = []
  let empty = tables.filter { $0.ranges(of: account).isEmpty }
  if !empty.isEmpty { findings.append(missing(account, empty, &allocator)) }
  for table in tables {
    let ranges = merged(table.ranges(of: account).map(\.ids))
    if ranges.isEmpty { continue }
    if let finding = small(account, table, ranges, &allocator) { findings.append(finding) }
    findings += overlaps(account, table, ranges, settings, &allocator)
  }
  return findings
}

private func missing(_ account: Account, _ tables: [SubordinateIDTable], _ allocator: inout SubordinateIDAllocator) -> Finding {
  let files = tables.map { table in table.failure.map { "\(table.file), which \($0.explanation)" } ?? table.file }
  return Finding(
    .subuidMissing, .error, "\(shown(account.name)) has no range in \(list(files)), so images with files of more than one user cannot be unpacked.",
    remedy: command(account, add: tables, &allocator))
}

private func small(
  _ account: Account, _ table: SubordinateIDTable, _ ranges: [IDRange], _ allocator: inout SubordinateIDAllocator
) -> Finding? {
  let sum = ranges.reduce(UInt64(0)) { $0 + UInt64($1.upperBound - $1.lowerBound) + 1 }
  if sum >= UInt64(SubordinateIDAllocator.count) { return nil }
  return Finding(
    .subuidSmall, .warning,
    "\(shown(account.name)) has \(sum) ids in \(table.file), fewer than the 65536 that images expect (nobody is 65534).",
    remedy: command(account, add: [table], &allocator))
}

/// Findings of this kind for one file; nobody has as many ranges.
private let mostOverlaps = 8
/// Names in one sentence.
private let mostNames = 3

private func overlaps(
  _ account: Account, _ table: SubordinateIDTable, _ ranges: [IDRange], _ settings: Settings?, _ allocator: inout SubordinateIDAllocator
) -> [Finding] {
  let noun = table.kind == .users ? "uid" : "gid"
  var findings: [Finding] = []
  for range in ranges where findings.count < mostOverlaps {
    let faults = collisions(account, table, range, settings, noun)
    if faults.isEmpty { continue }
    let text = "\(range.lowerBound)-\(range.upperBound)"
    let option = table.kind == .users ? "--del-subuids" : "--del-subgids"
    findings.append(
      Finding(
        .subuidOverlap, .error,
        "The subordinate \(noun)s \(text) of \(shown(account.name)) in \(table.file) include \(list(faults)): with ids in common, one can act as the other.",
        remedy: command(account, first: "\(option) \(text) ", add: [table], &allocator)))
  }
  return findings
}

private func collisions(_ account: Account, _ table: SubordinateIDTable, _ range: IDRange, _ settings: Settings?, _ noun: String) -> [String] {
  let isUsers = table.kind == .users
  var faults = bounded(table.others(than: account, in: range, limit: mostNames + 1).map { "subordinate ids of \(shown($0.owner)) (\($0.start)-\($0.last))" })
  let own = isUsers ? [account.uid] : [account.credentials.group]
  for id in own where range.contains(id) { faults.append("the user's own \(noun) \(id)") }
  let real = table.realIDs(in: range, limit: mostNames + 2).filter { !own.contains($0.id) }.prefix(mostNames + 1)
  faults += bounded(real.map { "the \(noun) \($0.id) of \(shown($0.name)) in \(isUsers ? "/etc/passwd" : "/etc/group")" })
  if isUsers, let served = settings?.servedIDs, served.overlaps(range) {
    faults.append("uids of the people here (\(served.lowerBound)-\(served.upperBound): uid_min to uid_max in rootless-storage.conf)")
  }
  return faults
}

private func bounded(_ words: [String]) -> [String] { words.count > mostNames ? words.prefix(mostNames) + ["more"] : words }

/// usermod(8), which takes the lock of the files and knows accounts of the name service. Containers that run keep the old ids.
private func command(
  _ account: Account, first: String = "", add tables: [SubordinateIDTable], _ allocator: inout SubordinateIDAllocator
) -> String {
  if allocator.isBlind { return "as root, rootless-storage check \(shellWord(account.name)) says which ids are free" }
  guard let range = allocator.take(for: account) else { return "no range of 65536 free ids is left between SUB_UID_MIN and SUB_UID_MAX: raise SUB_UID_MAX in /etc/login.defs" }
  let options = tables.map { "\($0.kind == .users ? "--add-subuids" : "--add-subgids") \(range.lowerBound)-\(range.upperBound)" }
  return "sudo usermod \(first)\(options.joined(separator: " ")) \(shellWord(account.name))    # then, as that user: podman system migrate"
}
