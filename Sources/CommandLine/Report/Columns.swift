/// The columns of a table, two blanks apart. Numbers end in one column; behind the last column nothing follows.
struct Columns {
  /// In characters.
  private(set) var widths: [Int] = []
  let rightAligned: Set<Int>

  init(rightAligned: Set<Int> = []) { self.rightAligned = rightAligned }

  /// Makes room for a row.
  mutating func fit(_ row: [String]) {
    widths += Array(repeating: 0, count: max(0, row.count - widths.count))
    for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
  }

  /// Leaves the first column no more than what fits into a line of `width` characters, and 8 at least. Cells may be longer then.
  mutating func narrow(to width: Int) { widths[0] = min(widths[0], max(8, width - widths.dropFirst().reduce(0) { $0 + $1 + 2 })) }

  func line(_ row: [String]) -> String {
    row.enumerated().map { column, cell in
      if rightAligned.contains(column) { return padded(cell, to: widths[column], .left) }
      return column == row.count - 1 ? cell : padded(cell, to: widths[column])
    }.joined(separator: "  ")
  }
}
