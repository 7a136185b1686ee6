import RootlessStorage

/// A uid or a gid that somebody has.
struct RealID: Equatable, Sendable {
  let id: UInt32
  let name: [UInt8]

  /// Those in the range, at most so many.
  ///
  /// - Parameter sorted: by id.
  static func some(of sorted: [RealID], in range: IDRange, limit: Int) -> [RealID] {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].id < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return Array(sorted[low...].prefix(limit).prefix { $0.id <= range.upperBound })
  }

  /// The lines of passwd(5) or group(5): in both, the third field is the id.
  static func read(_ content: [UInt8]) -> [RealID] {
    var found: [RealID] = []
    forEachLine(content) { line in
      guard let first = line.firstIndex(of: .colon), let second = line[(first + 1)...].firstIndex(of: .colon) else { return }
      guard let id = identifier(line[(second + 1)...].prefix { $0 != .colon }) else { return }
      found.append(RealID(id: id, name: Array(line[..<first])))
    }
    return found.sorted { $0.id < $1.id }
  }
}
