import RootlessStorage

/// Why logins give nobody ids although they are meant to.
func allocationFindings(_ index: SubordinateIDIndex, _ settings: Settings?) -> [Finding] {
  guard let settings, settings.subordinateIDs.allocates, let obstacle = SubordinateIDPlanner.obstacle(settings, index.facts) else { return [] }
  var isElsewhere = false
  if case .notFromFiles = obstacle { isElsewhere = true }
  return [Finding(.subidSettings, isElsewhere ? .warning : .error, sentence(.subordinateIDsRefused(obstacle)), remedy: remedy(obstacle))]
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
    var findings = allocationFindings(index, settings)
    for table in index.tables {
      findings += lines(table)
      findings += pairs(table)
      findings += accounts(table)
    }
    return findings + gone() + locks.map(lock)
  }

  // MARK: Lines

  private func lines(_ table: SubordinateIDTable) -> [Finding] {
    bounded(table.oddities, .subidLine, "lines of \(table.file) are not read by everybody") { odd in
      let line = "Line \(odd.line) of \(table.file)"
      let mend = "correct line \(odd.line) of \(table.file), or remove it: sudo vi +\(odd.line) \(table.file)"
      func ids(_ range: IDRange?) -> String { range?.shown ?? "none" }
      switch odd.kind {
      case .fields: return Finding(.subidLine, .error, "\(line) has not three fields: Podman gives up at it, whoever's ids it looks for, unless it is built with libsubid.", remedy: mend)
      case .unread: return Finding(.subidLine, .warning, "\(line) is none from which anybody takes ids.", remedy: mend)
      case .ambiguous(let shadow, let podman):
        return Finding(.subidLine, .warning, "\(line) is not read by all in the same way: shadow finds the ids \(ids(shadow)) in it, Podman \(ids(podman)).", remedy: mend)
      case .comment(let range): return Finding(.subidLine, .note, "\(line) is a comment for Podman, and for shadow gives somebody the ids \(range.shown), so that they are not free.", remedy: mend)
      }
    }
  }

  // MARK: Overlaps

  private func pairs(_ table: SubordinateIDTable) -> [Finding] {
    let found = overlappingPairs(table.ranges, limit: SubordinateHostFindings.most) { owners.identity($0) }
    var findings = found.pairs.map { pair in
      // Whoever has no account needs no ids.
      let (first, second) = owners.state(pair.first.owner) == .gone ? (pair.second, pair.first) : (pair.first, pair.second)
      return overlap(
        table, first.ids, of: first.owner, ["subordinate ids of \(shown(second.owner)) (\(second.ids.shown))"], remedy: command(second, table))
    }
    if found.count > found.pairs.count {
      findings.append(
        Finding(.subuidOverlap, .error, "\(found.count - found.pairs.count) more pairs of ranges in \(table.file) have ids in common.", remedy: "rootless-storage subids list"))
    }
    return findings
  }

  private func accounts(_ table: SubordinateIDTable) -> [Finding] {
    let hit = table.ranges.compactMap { range in
      let faults = people(table, range.ids, settings, known: table.kind == .users ? known.users : known.groups)
      return faults.isEmpty ? nil : (range, faults)
    }
    return bounded(hit, .subuidOverlap, "ranges in \(table.file) have ids of accounts") { range, faults in
      overlap(table, range.ids, of: range.owner, faults, remedy: command(range, table))
    }
  }

  /// Takes the range from its owner, who gets another one.
  private func command(_ range: SubordinateRange, _ table: SubordinateIDTable) -> String {
    guard case .account(let name, _) = owners.state(range.owner), name == range.owner else {
      return "sudo rootless-storage subids release \(shellWord(range.owner))"
    }
    let word = shellWord(name)
    return "sudo usermod \(table.kind == .users ? "--del-subuids" : "--del-subgids") \(range.ids.shown) \(word) && sudo rootless-storage subids allocate \(word)    # images that were unpacked with these ids are lost to \(shown(name)); then, as that user: podman system migrate"
  }

  // MARK: Owners

  private func gone() -> [Finding] {
    let all = owners.sorted
    var findings = bounded(all.filter { owners.state($0) == .gone }, .subidGone, "owners of subordinate ids have no account any more") { owner in
      let ranges = index.tables.flatMap { table in table.ranges(of: [owner]).prefix(2).map { "\($0.ids.shown) in \(table.file)" } }
      return Finding(
        .subidGone, .warning, "\(shown(owner)) has no account any more, but subordinate ids: \(list(ranges)).",
        remedy: "sudo rootless-storage subids release \(shellWord(owner))    # or --gone for all of them")
    }
    let unsure = all.filter { owners.state($0) == .unconfirmed }
    if let first = unsure.first {
      let others = unsure.count > 1 ? " and \(counted(unsure.count - 1, "other", "others"))" : ""
      findings.append(
        Finding(.subidGone, .note, "Whether \(shown(first))\(others) still \(unsure.count > 1 ? "have" : "has") an account cannot be told: \(owners.doubt).", remedy: "try: getent passwd NAME, for a user of the directory, and look again"))
    }
    return findings
  }

  // MARK: Locks

  private func lock(_ lock: AccountLockFile) -> Finding {
    switch lock.state {
    case .left(let process):
      Finding(
        .subidLock, .note, "\(lock.path) was left by process \(process), which is gone; whoever edits these files next removes it.", remedy: "nothing")
    case .reused(let process):
      Finding(
        .subidLock, .warning,
        "\(lock.path) names process \(process), which started after the lock was made: a login with subids = allocate removes it, and useradd and usermod take it for held.",
        remedy: "sudo rm \(lock.path)    # when nobody edits account files")
    case .unreadable:
      Finding(
        .subidLock, .warning, "\(lock.path) names no process, so useradd, usermod and logins take it for held, for good.",
        remedy: "sudo rm \(lock.path)    # when nobody edits account files")
    }
  }

  /// Findings of one kind, and the number of those that are too many.
  private func bounded<Item>(_ items: [Item], _ code: FindingCode, _ rest: String, _ finding: (Item) -> Finding) -> [Finding] {
    var findings = items.prefix(SubordinateHostFindings.most).map(finding)
    let left = items.count - findings.count
    if left > 0 {
      let severity = findings.contains { $0.severity == .error } ? Finding.Severity.error : .warning
      findings.append(Finding(code, severity, "\(left) more \(rest).", remedy: "rootless-storage subids list"))
    }
    return findings
  }
}

/// Pairs of ranges of different owners that have ids in common: the first ones, and how many there are.
///
/// - Parameter identity: the same for both names of one owner.
func overlappingPairs(
  _ ranges: [SubordinateRange], limit: Int, identity: ([UInt8]) -> [UInt8]
) -> (pairs: [(first: SubordinateRange, second: SubordinateRange)], count: Int) {
  // Numbers for owners: names are compared once.
  var numbers: [[UInt8]: Int] = [:]
  let owners = ranges.map { range in
    let name = identity(range.owner)
    if let number = numbers[name] { return number }
    numbers[name] = numbers.count
    return numbers.count - 1
  }
  let byStart = ranges.indices.sorted { (ranges[$0].ids.lowerBound, $0) < (ranges[$1].ids.lowerBound, $1) }
  let byEnd = ranges.indices.sorted { ranges[$0].ids.upperBound < ranges[$1].ids.upperBound }
  // Those that have begun and not ended where the sweep is: all, and of each owner.
  var active = 0
  var activeOf = [Int](repeating: 0, count: numbers.count)
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
      for earlier in byStart[..<place] where pairs.count < limit && owners[earlier] != owners[index] && ranges[earlier].ids.upperBound >= ids.lowerBound {
        pairs.append((ranges[earlier], ranges[index]))
      }
    }
    count += others
    active += 1
    activeOf[owners[index]] += 1
  }
  return (pairs, count)
}
