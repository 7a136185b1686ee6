import RootlessStorage

/// One line of /etc/subuid or /etc/subgid (subuid(5)): `OWNER:START:COUNT`.
struct SubordinateRange: Codable, Equatable, Sendable {
  /// A name, or a uid in digits.
  let owner: [UInt8]
  let start: UInt32
  /// At least 1; `start + count - 1` fits in 32 bits.
  let count: UInt32

  /// The last id of the range.
  var last: UInt32 { start + (count - 1) }

  func contains(_ id: UInt32) -> Bool { id >= start && id <= last }
  func overlaps(_ other: SubordinateRange) -> Bool { start <= other.last && other.start <= last }
  func belongs(to account: Account) -> Bool { owner == account.name || owner == decimal(UInt64(account.uid)) }
}

/// The content of /etc/subuid or /etc/subgid. Lines that shadow would not take are left out.
struct SubordinateIDs: Codable, Equatable, Sendable {
  let ranges: [SubordinateRange]

  init(_ content: [UInt8]) {
    ranges = parts(content, separator: { $0 == 0x0a }).compactMap { line in
      let fields = parts(line, separator: { $0 == 0x3a })
      guard fields.count == 3, !fields[0].isEmpty, let start = identifier(fields[1]), let count = identifier(fields[2]), count > 0,
        !start.addingReportingOverflow(count - 1).overflow
      else { return nil }
      return SubordinateRange(owner: fields[0], start: start, count: count)
    }
  }

  func ranges(of account: Account) -> [SubordinateRange] { ranges.filter { $0.belongs(to: account) } }
}

/// The ranges by their owner, for many questions.
struct SubordinateTable {
  private var ranges: [[UInt8]: [SubordinateRange]] = [:]
  /// All of them, sorted, where they overlap made one.
  private var united: [ClosedRange<UInt32>] = []

  init(_ all: SubordinateIDs) {
    for range in all.ranges { ranges[range.owner, default: []].append(range) }
    for range in all.ranges.sorted(by: { $0.start < $1.start }) {
      if let before = united.last, before.upperBound >= range.start {
        united[united.count - 1] = before.lowerBound...max(before.upperBound, range.last)
      } else {
        united.append(range.start...range.last)
      }
    }
  }

  /// Whether somebody's containers have this uid, and so no person does.
  func isSubordinate(_ uid: UInt32) -> Bool {
    var low = 0
    var high = united.count
    while low < high {
      let middle = (low + high) / 2
      if united[middle].upperBound < uid { low = middle + 1 } else { high = middle }
    }
    return low < united.count && united[low].contains(uid)
  }

  /// - Parameter owners: names, or uids in digits.
  func ranges(of owners: [[UInt8]]) -> [SubordinateRange] { owners.flatMap { ranges[$0] ?? [] } }
}
