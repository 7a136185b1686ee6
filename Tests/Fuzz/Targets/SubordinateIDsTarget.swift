import RootlessStorage

/// Tables and searches find what a walk over all lines finds, and ranges that are given out are nobody's.
func fuzzSubordinateIDs(_ input: [UInt8]) {
  let parts = fields(input, 4)
  let user = account(parts[0], uid: parts[1])
  let bounds = parts[2].split(separator: 0x20).map { number($0) ?? UInt32(0) }
  let wanted = min(bounds.first ?? 0, bounds.last ?? 0)...max(bounds.first ?? 0, bounds.last ?? 0)

  let real = RealID.read(parts[3])
  let table = SubordinateIDTable(.users, parts[3], realIDs: real)
  promise(
    table.ranges.filter(\.isCertain).map { [$0.ids.lowerBound, $0.ids.upperBound] } == plain(parts[3]),
    "the lines that everybody reads alike")
  let all = table.ranges.filter { user.name == $0.owner || identifier($0.owner) == user.uid }
  let exact = table.ranges.filter { user.name == $0.owner || decimal(UInt64(user.uid)) == $0.owner }
  promise(sorted(table.ranges(of: user)) == sorted(exact), "the user's own")
  var met: [SubordinateRange] = []
  table.forEach(overlapping: wanted) { range in
    met.append(range)
    return true
  }
  promise(sorted(met) == sorted(table.ranges.filter { $0.ids.overlaps(wanted) }), "those that have some of the ids")

  let united = merged(table.ranges.map(\.ids))
  for (range, next) in zip(united, united.dropFirst()) { promise(range.upperBound < next.lowerBound - 1, "neighbours are one") }
  for id in table.ranges.flatMap({ [$0.ids.lowerBound, $0.ids.lowerBound &- 1, $0.ids.upperBound, $0.ids.upperBound &+ 1] }) {
    let isTaken = table.ranges.contains { $0.ids.contains(id) }
    promise(united.contains { $0.contains(id) } == isTaken && table.isSubordinate(id) == isTaken, "the same ids: \(id)")
  }

  // What a login would add to the file.
  var facts = SubordinateIDFacts()
  facts.subuid = parts[3]
  var settings = Settings()
  settings.uidMax = 60_000
  for scheme in [SubordinateIDSettings.Scheme.uid, .firstFree] {
    settings.subordinateIDs.scheme = scheme
    let plan: SubordinateIDPlan
    do throws(SubordinateIDRefusal) { plan = try SubordinateIDPlanner(user, settings).plan(facts) } catch { continue }
    if let range = plan.users {
      promise(
        !table.ranges.contains { $0.ids.overlaps(range) } && !range.contains(user.uid) && range.lowerBound > 65535, "nobody's: \(range)")
      promise(range.count == 65536, "enough")
    }
    // The user's own in the one file may be the same in the other.
    if let range = plan.groups {
      promise(!table.ranges.contains { range.overlaps($0.ids) && !all.contains($0) }, "nobody else's: \(range)")
    }
  }
}

private func sorted(_ ranges: [SubordinateRange]) -> [[UInt32]] {
  ranges.map { [$0.ids.lowerBound, $0.ids.upperBound, UInt32(truncatingIfNeeded: $0.line)] }.sorted { $0.lexicographicallyPrecedes($1) }
}

/// Lines whose numbers are digits alone and give the same ids in decimal as they do where a leading 0 means octal.
private func plain(_ content: [UInt8]) -> [[UInt32]] {
  content.split(separator: 0x0a).compactMap { line in
    let fields = line.split(separator: 0x3a, omittingEmptySubsequences: false)
    guard fields.count == 3, !fields[0].isEmpty, let start: UInt64 = number(fields[1]), let count: UInt64 = number(fields[2]) else {
      return nil
    }
    let ids = cut(start, count)
    // The kernel maps no more ids than up to 4294967294.
    let (end, overflow) = (octal(fields[1]) ?? start).addingReportingOverflow(octal(fields[2]) ?? count)
    if overflow || end > UInt64(UInt32.max) { return nil }
    return cut(octal(fields[1]) ?? start, octal(fields[2]) ?? count) == ids && !isWrong(fields[1]) && !isWrong(fields[2]) ? ids : nil
  }
}

/// Nil without a leading 0.
private func octal(_ digits: ArraySlice<UInt8>) -> UInt64? {
  digits.count > 1 && digits.first == 0x30 ? UInt64(String(decoding: digits, as: UTF8.self), radix: 8) : nil
}

/// A leading 0, and no octal number.
private func isWrong(_ digits: ArraySlice<UInt8>) -> Bool { digits.count > 1 && digits.first == 0x30 && octal(digits) == nil }

/// The first and the last id; what is beyond 32 bits is nobody's.
private func cut(_ start: UInt64, _ count: UInt64) -> [UInt32]? {
  guard count > 0, start < 1 << 32 else { return nil }
  let end = start.addingReportingOverflow(count - 1)
  return [UInt32(start), end.overflow ? UInt32.max : UInt32(exactly: end.partialValue) ?? UInt32.max]
}
