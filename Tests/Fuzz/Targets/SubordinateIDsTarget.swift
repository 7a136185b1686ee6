import RootlessStorage

/// Tables and searches find what a walk over all lines finds, and ranges that are given out are nobody's.
func fuzzSubordinateIDs(_ input: [UInt8]) {
  let parts = fields(input, 4)
  let user = account(parts[0], uid: parts[1])
  let bounds = parts[2].split(separator: 0x20).map { number($0) ?? UInt32(0) }
  let wanted = min(bounds.first ?? 0, bounds.last ?? 0)...max(bounds.first ?? 0, bounds.last ?? 0)

  let ids = SubordinateIDs(parts[3])
  promise(ids.ranges == ranges(in: parts[3]), "the lines that are good")
  let real = RealID.read(parts[3])
  let table = SubordinateIDTable(.users, parts[3], realIDs: real)
  let all = ids.ranges.filter { user.name == $0.owner || decimal(UInt64(user.uid)) == $0.owner }
  promise(sorted(table.ranges(of: user)) == sorted(all) && ids.ranges(of: user) == all, "the user's own")
  let others = ids.ranges.filter { range in !all.contains(range) && range.ids.overlaps(wanted) }
  promise(sorted(table.others(than: user, in: wanted, limit: .max)) == sorted(others), "those of others")
  promise(table.others(than: user, in: wanted, limit: 2).count == min(others.count, 2), "no more than are asked for")
  promise(table.realIDs(in: wanted, limit: .max) == real.filter { wanted.contains($0.id) }, "ids that somebody has")

  let united = merged(ids.ranges.map(\.ids))
  for (range, next) in zip(united, united.dropFirst()) { promise(range.upperBound < next.lowerBound - 1, "neighbours are one") }
  let search = SubordinateTable(ids)
  for id in ids.ranges.flatMap({ [$0.start, $0.start &- 1, $0.last, $0.last &+ 1] }) {
    let isTaken = ids.ranges.contains { $0.ids.contains(id) }
    promise(united.contains { $0.contains(id) } == isTaken && search.isSubordinate(id) == isTaken, "the same ids: \(id)")
  }

  let none = SubordinateIDTable(.groups, [], realIDs: [])
  let index = SubordinateIDIndex(users: table, groups: none)
  var allocator = SubordinateIDAllocator(index, nil, uids: [wanted.lowerBound])
  var given: [IDRange] = []
  while given.count < 3, let range = allocator.take(for: user) {
    promise(range.count == 65536 && index.bounds.contains(range.lowerBound) && index.bounds.contains(range.upperBound), "a whole range within bounds")
    let taken = ids.ranges.map(\.ids) + given + (real.map(\.id) + [wanted.lowerBound, user.uid]).map { $0...$0 }
    promise(!taken.contains { $0.overlaps(range) }, "nobody else's: \(range)")
    given.append(range)
  }
}

private func sorted(_ ranges: [SubordinateRange]) -> [[UInt32]] {
  ranges.map { [$0.start, $0.last, UInt32(truncatingIfNeeded: $0.owner.hashValue)] }.sorted { $0.lexicographicallyPrecedes($1) }
}

private func ranges(in content: [UInt8]) -> [SubordinateRange] {
  content.split(separator: 0x0a).compactMap { line in
    let fields = line.split(separator: 0x3a, omittingEmptySubsequences: false)
    guard fields.count == 3, let start: UInt64 = number(fields[1]), let count: UInt64 = number(fields[2]), !fields[0].isEmpty else { return nil }
    guard count > 0, start <= 1 << 32, count <= 1 << 32, start + count <= 1 << 32, let short = UInt32(exactly: count) else { return nil }
    return SubordinateRange(owner: Array(fields[0]), start: UInt32(start), count: short)
  }
}
