import RootlessStorage

/// A uid or a gid that somebody has.
struct RealID: Codable, Equatable, Sendable {
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

/// One of the two files, with all that its ranges can collide with, sorted once.
struct SubordinateIDTable: Equatable, Sendable {
  enum Kind: String, Codable, Sendable { case users, groups }

  let kind: Kind
  let ids: SubordinateIDs
  /// Why there are none. A file that is missing is empty.
  let failure: ReadFailure?
  /// Of this host's own files, in order. The name service has more.
  let realIDs: [RealID]
  private let byOwner: [[UInt8]: [Int]]
  private let search: RangeSearch

  var file: String { kind == .users ? "/etc/subuid" : "/etc/subgid" }

  init(_ kind: Kind, _ content: [UInt8], realIDs: [RealID], failure: ReadFailure? = nil) {
    self.kind = kind
    ids = SubordinateIDs(content)
    self.failure = failure
    self.realIDs = realIDs
    byOwner = Dictionary(grouping: ids.ranges.indices, by: { [ranges = ids.ranges] in ranges[$0].owner })
    search = RangeSearch(ids.ranges.map(\.ids))
  }

  /// The user's own, by name and by number.
  func ranges(of account: Account) -> [SubordinateRange] {
    let number = decimal(UInt64(account.uid))
    let places = (byOwner[account.name] ?? []) + (number == account.name ? [] : byOwner[number] ?? [])
    return places.map { ids.ranges[$0] }
  }

  /// Ranges of others that have ids of these, at most so many.
  func others(than account: Account, in range: IDRange, limit: Int) -> [SubordinateRange] {
    var found: [SubordinateRange] = []
    search.forEach(overlapping: range) { place in
      if !ids.ranges[place].belongs(to: account) { found.append(ids.ranges[place]) }
      return found.count < limit
    }
    return found
  }

  /// Ids in the range that somebody has, at most so many.
  func realIDs(in range: IDRange, limit: Int) -> [RealID] {
    var low = 0
    var high = realIDs.count
    while low < high {
      let middle = (low + high) / 2
      if realIDs[middle].id < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return Array(realIDs[low...].prefix(limit).prefix { $0.id <= range.upperBound })
  }
}

extension SubordinateRange {
  var ids: IDRange { start...last }
}

/// The subordinate ids of this host. Read once in a run.
struct SubordinateIDIndex: Equatable, Sendable {
  /// Where they come from instead of the files (nsswitch.conf(5), `subid`); nil: from the files.
  let source: [UInt8]?
  let users: SubordinateIDTable
  let groups: SubordinateIDTable
  /// SUB_UID_MIN and SUB_UID_MAX of login.defs(5), where both they and those for groups hold.
  let bounds: IDRange

  init(_ tree: HostTree) {
    source = SubordinateIDIndex.source((try? tree.read("/etc/nsswitch.conf")) ?? [])
    users = SubordinateIDIndex.table(tree, .users, "/etc/subuid", "/etc/passwd")
    groups = SubordinateIDIndex.table(tree, .groups, "/etc/subgid", "/etc/group")
    bounds = SubordinateIDIndex.bounds((try? tree.read("/etc/login.defs")) ?? [])
  }

  /// From two tables, with the bounds that login.defs has by default.
  init(users: SubordinateIDTable, groups: SubordinateIDTable) {
    source = nil
    self.users = users
    self.groups = groups
    bounds = SubordinateIDIndex.bounds([])
  }

  private static func table(_ tree: HostTree, _ kind: SubordinateIDTable.Kind, _ file: String, _ accounts: String) -> SubordinateIDTable {
    let real = RealID.read((try? tree.read(accounts, limit: 64 << 20)) ?? [])
    do throws(ReadFailure) { return SubordinateIDTable(kind, try tree.read(file, limit: 64 << 20), realIDs: real) } catch {
      return SubordinateIDTable(kind, [], realIDs: real, failure: error == .missing ? nil : error)
    }
  }

  /// shadow takes the first source only (lib/nss.c).
  private static func source(_ content: [UInt8]) -> [UInt8]? {
    for line in content.split(separator: 0x0a) {
      let words = words(line.prefix { $0 != 0x23 })
      guard let first = words.first, begins(first, with: Array("subid:".utf8)) else { continue }
      // The blank behind the colon may be missing.
      let source = first.count > 6 ? Array(first.dropFirst(6)) : words.dropFirst().first
      return source.flatMap { $0.elementsEqual("files".utf8) ? nil : $0 }
    }
    return nil
  }

  private static func bounds(_ content: [UInt8]) -> IDRange {
    var values: [String: UInt32] = [:]
    for line in content.split(separator: 0x0a) {
      let words = words(line)
      if words.count >= 2, let number = identifier(words[1]) { values[String(decoding: words[0], as: UTF8.self)] = number }
    }
    let first = max(values["SUB_UID_MIN"] ?? 100_000, values["SUB_GID_MIN"] ?? 100_000)
    let last = min(values["SUB_UID_MAX"] ?? 600_100_000, values["SUB_GID_MAX"] ?? 600_100_000)
    return first...max(first, last)
  }
}

/// Finds ids that nobody has: not as subordinate ids in either file, nor as uid or gid. What it gave once it does not give again.
struct SubordinateIDAllocator {
  /// So many ids make a range: with fewer there is no `nobody` (65534) in a container.
  static let count: UInt32 = 65536

  /// A file that counts may not be read by whoever runs this: what is free is not known.
  let isBlind: Bool
  private let taken: [IDRange]
  private var next = 0
  private var candidate: UInt32
  private let last: UInt32

  /// - Parameter uids: of accounts that are not in this host's files.
  init(_ index: SubordinateIDIndex, _ settings: Settings?, uids: [UInt32] = []) {
    var taken = (index.users.ids.ranges + index.groups.ids.ranges).map(\.ids)
    taken += (index.users.realIDs + index.groups.realIDs).map { $0.id...$0.id } + uids.map { $0...$0 }
    if let served = settings?.servedIDs { taken.append(served) }
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
