import RootlessStorage

/// Why logins give nobody ids although they are meant to.
func allocationFindings(_ index: SubordinateIDIndex, _ settings: Settings?) -> [Finding] {
  guard let settings, settings.subordinateIDs.allocates, let obstacle = SubordinateIDPlanner.obstacle(settings, index.facts) else {
    return []
  }
  var isElsewhere = false
  if case .notFromFiles = obstacle { isElsewhere = true }
  return [Finding(.subidSettings, isElsewhere ? .warning : .error, sentence(.subordinateIDsRefused(obstacle)), remedy: remedy(obstacle))]
}

/// What keeps everybody's ids in a file from being found.
func fileFindings(_ index: SubordinateIDIndex) -> [Finding] {
  index.tables.flatMap { table in
    var findings: [Finding] = []
    if let mode = index.readers.closed[table.kind] {
      findings.append(
        Finding(
          .subidClosed, .error,
          "\(table.file) has the mode \(shownMode(mode)): engines read it as their user, and find no ids in it for anybody but root.",
          remedy: .root("sudo chmod 644 \(table.file)")))
    }
    if table.lacksLastNewline {
      let known = index.readers.hasAddSubids
      findings.append(
        Finding(
          .subidLine, known ? .error : .warning,
          "The last line of \(table.file) does not end with a newline: \(known ? "shadow, here 4.20 or later," : "shadow 4.20") takes no ids from such a file (\"Non-text file\"), for anybody.",
          remedy: .root("echo | sudo tee -a \(table.file)")))
    }
    return findings
  }
}

/// The first line in each file that keeps everybody's ids from being found.
func brokenLines(_ index: SubordinateIDIndex) -> [Finding] {
  index.tables.compactMap { table in table.oddities.first { $0.kind == .fields }.map { lineFinding($0, table) } }
}

/// What is wrong with one line.
private func lineFinding(_ odd: SubordinateOddity, _ table: SubordinateIDTable) -> Finding {
  let line = "Line \(odd.line) of \(table.file)"
  let fix = Remedy.root("sudo vi +\(odd.line) \(table.file)", after: "correct line \(odd.line) of \(table.file), or remove it")
  func ids(_ range: IDRange?) -> String { range?.shown ?? "none" }
  switch odd.kind {
  case .fields:
    return Finding(
      .subidLine, .error,
      "\(line) has not three fields: Podman gives up at it, whoever's ids it looks for, unless it is built with libsubid.", remedy: fix)
  case .unread: return Finding(.subidLine, .warning, "\(line) is none from which anybody takes ids.", remedy: fix)
  case .ambiguous(let shadow, let podman):
    return Finding(
      .subidLine, .warning, "\(line) is not read by all in the same way: shadow finds the ids \(ids(shadow)) in it, Podman \(ids(podman)).",
      remedy: fix)
  case .comment(let range):
    return Finding(
      .subidLine, .note,
      "\(line) is a comment for Podman, and for shadow gives somebody the ids \(range.shown), so that they are not free.", remedy: fix)
  case .beyond(let range):
    return Finding(
      .subidLine, .error,
      "\(line) reaches beyond 4294967294, the last id that the kernel maps (it begins at \(range.lowerBound)): shadow 4.20 leaves it out, and with older versions no container of its owner starts.",
      remedy: fix)
  }
}

/// What is wrong with the subordinate ids of this host, whoever's they are. Judged from what was seen, and bounded: of many findings
/// of a kind the first are told, and the number of the others.
struct SubordinateHostFindings {
  /// Of each kind, for each file.
  static let most = 24

  let index: SubordinateIDIndex
  let settings: Settings?
  let owners: SubordinateOwners
  /// Ids that the name service was seen to know.
  let known: KnownIDs
  let locks: [AccountLockFile]

  func all() -> [Finding] {
    var findings = allocationFindings(index, settings) + fileFindings(index)
    for table in index.tables {
      findings += lines(table)
      findings += doubles(table)
      findings += pairs(table)
      findings += accounts(table)
    }
    return findings + gone() + locks.map(lock)
  }

  // MARK: Lines

  private func lines(_ table: SubordinateIDTable) -> [Finding] {
    bounded(table.oddities, .subidLine, "lines of \(table.file) are not read by everybody") { lineFinding($0, table) }
  }

  // MARK: Overlaps

  private func pairs(_ table: SubordinateIDTable) -> [Finding] {
    let found = overlappingPairs(
      table.ranges, table.order, of: table.ranges.map { owners.identities[$0.ownerNumber] }, limit: SubordinateHostFindings.most)
    var findings = found.pairs.map { pair in
      // Whoever has no account needs no ids.
      let (first, second) = owners.state(pair.first.owner) == .gone ? (pair.second, pair.first) : (pair.first, pair.second)
      return overlap(
        table, first.ids, of: first.owner, ["subordinate ids of \(shown(second.owner)) (\(second.ids.shown))"],
        remedy: command(second, table))
    }
    if found.count > found.pairs.count {
      findings.append(
        Finding(
          .subuidOverlap, .error, "\(found.count - found.pairs.count) more pairs of ranges in \(table.file) have ids in common.",
          remedy: .anyone("rootless-storage subids list")))
    }
    return findings
  }

  /// Lines of one owner, under all of its names, with ids in common.
  private func doubles(_ table: SubordinateIDTable) -> [Finding] {
    let ranges = table.ranges.filter(\.canHaveUser)
    var counts = [Int](repeating: 0, count: owners.identities.count)
    for range in ranges { counts[owners.identities[range.ownerNumber]] += 1 }
    let groups = Dictionary(grouping: ranges.filter { counts[owners.identities[$0.ownerNumber]] > 1 }) { owners.identities[$0.ownerNumber] }
    let found = groups.values.flatMap { table.doubles(of: $0) }.sorted { $0.1.line < $1.1.line }
    // Two spellings of one name are meant to have the same ids.
    let (twice, spelt) = (found.filter { !isSpelt($0, $1) }, found.filter { isSpelt($0, $1) })
    return bounded(twice, .subuidOverlap, "lines of \(table.file) repeat ids of their owner") { double($0, $1, table) }
      + bounded(spelt, .subidName, "lines of \(table.file) have another spelling of a name") { first, second in
        isSpelling(first.owner, of: second.owner) ? spelling(first, of: second.owner, table) : spelling(second, of: first.owner, table)
      }
  }

  private func isSpelt(_ first: SubordinateRange, _ second: SubordinateRange) -> Bool {
    isSpelling(first.owner, of: second.owner) || isSpelling(second.owner, of: first.owner)
  }

  private func accounts(_ table: SubordinateIDTable) -> [Finding] {
    let singles = table.ranges.filter { isSingleGroup($0.ids, table.kind) }.compactMap { deviceGroup($0, of: $0.owner, table) }
    let hit = table.ranges.filter { !isSingleGroup($0.ids, table.kind) }.compactMap { range in
      let faults = people(table, range.ids, settings, known: table.kind == .users ? known.users : known.groups)
      return faults.isEmpty ? nil : (range, faults)
    }
    return bounded(singles, .subuidOverlap, "single gids in \(table.file) are groups of this host") { $0 }
      + bounded(hit, .subuidOverlap, "ranges in \(table.file) have ids of accounts") { range, faults in
        overlap(table, range.ids, of: range.owner, faults, remedy: command(range, table))
      }
  }

  /// Takes the range from its owner, who gets another one.
  private func command(_ range: SubordinateRange, _ table: SubordinateIDTable) -> Remedy {
    if case .account(let name, _) = owners.state(range.owner), name == range.owner { return taking(range, table, from: name, settings) }
    if case .kept(let purpose) = owners.state(range.owner) { return purpose.otherIDs(instead: range, table) }
    return taking(range, table, from: nil, settings)
  }

  // MARK: Owners

  private func gone() -> [Finding] {
    func ranges(_ owner: [UInt8]) -> [String] {
      index.tables.flatMap { table in table.ranges(of: [owner]).prefix(2).map { "\($0.ids.shown) in \(table.file)" } }
    }
    let kept = owners.names { if case .kept = $0 { true } else { false } }.compactMap { owner -> Finding? in
      guard case .kept(let purpose) = owners.state(owner) else { return nil }
      return purpose.finding(owner, ranges(owner))
    }
    var findings = bounded(kept, .subidGone, "owners of subordinate ids have no account, on purpose or under that name") { $0 }
    findings += bounded(owners.names { $0 == .gone }, .subidGone, "owners of subordinate ids have no account any more") { owner in
      let ranges = ranges(owner)
      return Finding(
        .subidGone, .warning, "\(shown(owner)) has no account any more, but subordinate ids: \(list(ranges)).",
        remedy: .root("sudo rootless-storage subids release \(shellWord(owner))", note: "or --gone for all of them"))
    }
    if let unsure = owners.first(where: { $0 == .unconfirmed }) {
      let others = unsure.count > 1 ? " and \(counted(unsure.count - 1, "other", "others"))" : ""
      findings.append(
        Finding(
          .subidGone, .note,
          "It is unknown whether \(shown(unsure.name))\(others) still \(unsure.count > 1 ? "have" : "has") an account: \(owners.uncertainty).",
          remedy: "try: getent passwd NAME, for a user of the directory, and look again"))
    }
    return findings
  }

  // MARK: Locks

  private func lock(_ lock: AccountLockFile) -> Finding {
    switch lock.state {
    case .left(let process):
      Finding(
        .subidLock, .note, "\(lock.path) was left by process \(process), which is gone; whoever edits these files next removes it.",
        remedy: "nothing")
    case .reused(let process):
      Finding(
        .subidLock, .warning,
        "\(lock.path) names process \(process), which started after the lock was made: a login with subids = allocate removes it, and useradd and usermod take it for held.",
        remedy: .root("sudo rm \(lock.path)", note: "when nobody edits account files"))
    case .unreadable:
      Finding(
        .subidLock, .warning, "\(lock.path) names no process, so useradd, usermod and logins take it for held, for good.",
        remedy: .root("sudo rm \(lock.path)", note: "when nobody edits account files"))
    }
  }

  /// Findings of one kind, and the number of those that are too many.
  private func bounded<Item>(_ items: [Item], _ code: FindingCode, _ rest: String, _ finding: (Item) -> Finding) -> [Finding] {
    var findings = items.prefix(SubordinateHostFindings.most).map(finding)
    let left = items.count - findings.count
    if left > 0 {
      let severity = findings.contains { $0.severity == .error } ? Finding.Severity.error : .warning
      findings.append(Finding(code, severity, "\(left) more \(rest).", remedy: .anyone("rootless-storage subids list")))
    }
    return findings
  }
}

/// Pairs of ranges of different owners that have ids in common: the first ones, and how many there are.
///
/// - Parameters:
///   - byStart: places in `ranges`, in order of where these begin.
///   - owners: a number for each range, the same for all names of one owner.
func overlappingPairs(
  _ ranges: [SubordinateRange], _ byStart: [Int], of owners: [Int], limit: Int
) -> (pairs: [(first: SubordinateRange, second: SubordinateRange)], count: Int) {
  let byEnd = byStart.sorted { ranges[$0].ids.upperBound < ranges[$1].ids.upperBound }
  // Those that have begun and not ended where the sweep is: all, and of each owner.
  var active = 0
  var activeOf = [Int](repeating: 0, count: (owners.max() ?? -1) + 1)
  var ended = 0
  var count = 0
  var pairs: [(first: SubordinateRange, second: SubordinateRange)] = []
  for (place, index) in byStart.enumerated() {
    let ids = ranges[index].ids
    while ended < byEnd.count, ranges[byEnd[ended]].ids.upperBound < ids.lowerBound {
      active -= 1
      activeOf[owners[byEnd[ended]]] -= 1
      ended += 1
    }
    let others = active - activeOf[owners[index]]
    if others > 0 && pairs.count < limit {
      for earlier in byStart[..<place]
      where pairs.count < limit && owners[earlier] != owners[index] && ranges[earlier].ids.upperBound >= ids.lowerBound {
        pairs.append((ranges[earlier], ranges[index]))
      }
    }
    count += others
    active += 1
    activeOf[owners[index]] += 1
  }
  return (pairs, count)
}
