import RootlessStorage

/// A uid or a gid that somebody has.
struct RealID: Equatable, Sendable {
  let id: UInt32
  let name: [UInt8]

  /// The lines of passwd(5) or group(5): in both, the third field is the id.
  static func read(_ content: [UInt8]) -> [RealID] {
    content.split(separator: 0x0a).compactMap { line in
      let fields = line.split(separator: 0x3a, maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count >= 3, let id = identifier(fields[2]) else { return nil }
      return RealID(id: id, name: Array(fields[0]))
    }.sorted { $0.id < $1.id }
  }
}

/// The subordinate ids of this host, and the files that decide on new ones. Read once in a run.
struct SubordinateIDIndex: Equatable, Sendable {
  /// Where they come from instead of the files (nsswitch.conf(5), `subid`); nil: from the files.
  let source: [UInt8]?
  let users: SubordinateIDTable
  let groups: SubordinateIDTable
  /// SUB_UID_MIN and SUB_UID_MAX of login.defs(5), where both they and those for groups hold.
  let bounds: IDRange
  /// What the planner of a login goes by.
  let facts: SubordinateIDFacts

  var tables: [SubordinateIDTable] { [users, groups] }

  init(_ tree: HostTree) {
    var facts = SubordinateIDFacts()
    var failures: [SubordinateIDKind: ReadFailure] = [:]
    func read(_ kind: SubordinateIDKind) -> [UInt8] {
      do throws(ReadFailure) { return try tree.read(kind.file, limit: 64 << 20) } catch {
        if error != .missing { failures[kind] = error }
        return []
      }
    }
    facts.subuid = read(.users)
    facts.subgid = read(.groups)
    facts.passwd = (try? tree.read("/etc/passwd", limit: 64 << 20)) ?? []
    facts.group = (try? tree.read("/etc/group", limit: 64 << 20)) ?? []
    facts.nsswitch = (try? tree.read("/etc/nsswitch.conf")) ?? []
    facts.loginDefinitions = (try? tree.read("/etc/login.defs")) ?? []
    self.init(facts, failures)
  }

  init(_ facts: SubordinateIDFacts, _ failures: [SubordinateIDKind: ReadFailure] = [:]) {
    self.facts = facts
    source = subordinateIDSource(facts.nsswitch)
    users = SubordinateIDTable(.users, facts.subuid, realIDs: RealID.read(facts.passwd), failure: failures[.users])
    groups = SubordinateIDTable(.groups, facts.subgid, realIDs: RealID.read(facts.group), failure: failures[.groups])
    let definitions = LoginDefinitions(facts.loginDefinitions)
    let first = max(definitions.users.min, definitions.groups.min)
    bounds = first...max(first, min(definitions.users.max, definitions.groups.max))
  }
}

/// Finds ids that nobody has: not as subordinate ids in either file, nor as uid or gid. What it gave once it does not give again.
struct SubordinateIDAllocator {
  /// So many ids make a range: with fewer there is no `nobody` (65534) in a container.
  static let count = SubordinateIDPlanner.enough

  /// A file that counts may not be read by whoever runs this: what is free is not known.
  let isBlind: Bool
  private let taken: [IDRange]
  private var next = 0
  private var candidate: UInt32
  private let last: UInt32

  /// - Parameter uids: of accounts that are not in this host's files.
  init(_ index: SubordinateIDIndex, _ settings: Settings?, uids: [UInt32] = []) {
    var taken = (index.users.ranges + index.groups.ranges).map(\.ids)
    taken += (index.users.realIDs + index.groups.realIDs).map { $0.id...$0.id } + uids.map { $0...$0 }
    if let served = settings?.servedIDs { taken.append(served) }
    taken += settings?.subordinateIDs.reserved ?? []
    self.taken = merged(taken)
    isBlind = index.users.failure == .denied || index.groups.failure == .denied
    candidate = index.bounds.lowerBound
    last = index.bounds.upperBound
  }

  /// - Returns: nil if there are none left, or nobody knows.
  mutating func take(for account: Account) -> IDRange? {
    if isBlind { return nil }
    let own = merged(([account.uid, account.credentials.group] + account.credentials.groups).map { $0...$0 })
    while true {
      guard last >= SubordinateIDAllocator.count - 1, candidate <= last - (SubordinateIDAllocator.count - 1) else { return nil }
      let range = candidate...(candidate + (SubordinateIDAllocator.count - 1))
      while next < taken.count, taken[next].upperBound < candidate { next += 1 }
      if next < taken.count, taken[next].overlaps(range) {
        guard let after = SubordinateIDAllocator.after(taken[next]) else { return nil }
        candidate = after
      } else if let obstacle = own.first(where: { $0.overlaps(range) }) {
        guard let after = SubordinateIDAllocator.after(obstacle) else { return nil }
        candidate = after
      } else {
        guard let after = SubordinateIDAllocator.after(range) else { return nil }
        candidate = after
        return range
      }
    }
  }

  private static func after(_ range: IDRange) -> UInt32? { range.upperBound == UInt32.max ? nil : range.upperBound + 1 }
}

extension Settings {
  /// The uids of people, where the settings say how far they reach.
  var servedIDs: IDRange? { uidMax.flatMap { $0 >= uidMin ? uidMin...$0 : nil } }
}
