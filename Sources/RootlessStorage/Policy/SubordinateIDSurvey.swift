/// Another's range that has the account's own uid or gid: in a user namespace, its owner can act as this account.
public struct SubordinateIDExposure: Equatable, Sendable {
  public let kind: SubordinateIDKind
  /// The account's uid or gid.
  public let id: UInt32
  /// As the file spells it.
  public let owner: [UInt8]
  public let range: IDRange
}

/// What one of the two files says of an account, from one pass over it.
package struct SubordinateIDSurvey: Equatable, Sendable {
  /// So many ids the account can count on, by name and by number. What stands in two lines counts once.
  package let sum: UInt64
  /// The first of others' ranges that has the account's own id.
  package let exposure: SubordinateIDExposure?

  /// - Parameter existing: a range with ids that do not exist on this host is none: newuidmap(1) cannot write it.
  package init(_ account: Account, _ kind: SubordinateIDKind, _ content: [UInt8], existing: ExistingIDs = ExistingIDs()) {
    let own = kind == .users ? account.uid : account.credentials.group
    var ranges: [IDRange] = []
    var exposure: SubordinateIDExposure? = nil
    forEachLine(content) { text in
      guard let line = SubordinateLine(text) else { return }
      if line.belongs(to: account) {
        if let range = line.certain, existing.contains(range) { ranges.append(range) }
      } else if exposure == nil && line.canHaveUser {
        line.forEachReading { range in
          if range.contains(own) && !isSingleGroup(range, kind) {
            exposure = SubordinateIDExposure(kind: kind, id: own, owner: Array(line.owner), range: range)
          }
        }
      }
    }
    self.exposure = exposure
    sum = SubordinateIDSurvey.count(ranges)
  }

  package var hasEnough: Bool { sum >= UInt64(SubordinateIDPlanner.enough) }

  private static func count(_ unordered: [IDRange]) -> UInt64 {
    var sum: UInt64 = 0
    var next: UInt64 = 0
    for range in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      let first = Swift.max(next, UInt64(range.lowerBound))
      let end = UInt64(range.upperBound) &+ 1
      if end <= first { continue }
      sum = sum &+ (end &- first)
      next = end
    }
    return sum
  }
}

/// A range of one gid gives its owner's containers one group of the host, such as that of a device. Nobody writes that by accident.
package func isSingleGroup(_ range: IDRange, _ kind: SubordinateIDKind) -> Bool { kind == .groups && range.lowerBound == range.upperBound }

/// The ids that exist on this host: in a container (LXC, WSL), fewer than 2^32 (user_namespaces(7), /proc/self/uid_map).
package struct ExistingIDs: Equatable, Sendable {
  /// In order, neighbours made one; nil: all.
  package let ranges: [IDRange]?

  /// All of them.
  package init() { ranges = nil }

  /// - Parameter map: lines `ID OUTSIDE COUNT`. All ids exist if there are none that can be read.
  package init(_ map: [UInt8]) {
    var found: [IDRange] = []
    forEachLine(map) { line in
      let words = words(line)
      guard words.count == 3, let first = identifier(words[0]), let count = identifier(words[2]), count > 0 else { return }
      let (last, overflow) = first.addingReportingOverflow(count - 1)
      found.append(first...(overflow ? UInt32.max : last))
    }
    var merged: [IDRange] = []
    for range in found.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound || range.lowerBound &- last.upperBound == 1 {
        merged.removeLast()
        merged.append(last.lowerBound...Swift.max(last.upperBound, range.upperBound))
      } else {
        merged.append(range)
      }
    }
    ranges = merged.isEmpty ? nil : merged
  }

  package func contains(_ range: IDRange) -> Bool {
    guard let ranges else { return true }
    return ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
  }

  /// Hands over the ranges between, before and after them.
  package func forEachGap(_ body: (IDRange) -> Void) {
    guard let ranges else { return }
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { body(next...(range.lowerBound - 1)) }
      if range.upperBound == UInt32.max { return }
      next = range.upperBound + 1
    }
    body(next...UInt32.max)
  }
}
