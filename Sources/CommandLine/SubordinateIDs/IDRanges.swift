import RootlessStorage

/// The same ids in as few ranges as possible, in order. Neighbours are one.
func merged(_ ranges: [IDRange]) -> [IDRange] {
  var result: [IDRange] = []
  for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
    if let last = result.last, last.upperBound == UInt32.max || range.lowerBound <= last.upperBound + 1 {
      result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    } else {
      result.append(range)
    }
  }
  return result
}

/// Finds which of many ranges overlap one, in logarithmic time for each that does: ten thousand users have ten thousand ranges.
struct RangeSearch: Equatable, Sendable {
  /// Places in the array that was given, by where the range begins.
  let sorted: [Int]
  private let starts: [UInt32]
  /// A binary tree over `sorted`, the root at 1: where the ranges below a node end at the latest. -1: there are none.
  private let ends: [Int64]
  private let leaves: Int

  init(_ ranges: [IDRange]) {
    sorted = ranges.indices.sorted { ranges[$0].lowerBound < ranges[$1].lowerBound }
    starts = sorted.map { ranges[$0].lowerBound }
    var leaves = 1
    while leaves < ranges.count { leaves *= 2 }
    var ends = [Int64](repeating: -1, count: 2 * leaves)
    for (place, index) in sorted.enumerated() { ends[leaves + place] = Int64(ranges[index].upperBound) }
    for node in stride(from: leaves - 1, to: 0, by: -1) { ends[node] = max(ends[2 * node], ends[2 * node + 1]) }
    self.ends = ends
    self.leaves = leaves
  }

  /// Hands over the place of each range that overlaps, in order of their beginnings, until the answer is false.
  func forEach(overlapping range: IDRange, _ body: (Int) -> Bool) {
    _ = visit(1, 0, leaves, range, body)
  }

  private func visit(_ node: Int, _ first: Int, _ count: Int, _ range: IDRange, _ body: (Int) -> Bool) -> Bool {
    if first >= starts.count || starts[first] > range.upperBound || ends[node] < Int64(range.lowerBound) { return true }
    if count == 1 { return body(sorted[first]) }
    let half = count / 2
    return visit(2 * node, first, half, range, body) && visit(2 * node + 1, first + half, half, range, body)
  }
}
