import RootlessStorage

// Edits of a TOML file as text. Each reads its result again and proves that nothing but the one value is different.

extension TOMLText {
  /// Gives the key this string as its value, in the place of whatever it has, or else as a new line.
  func setting(_ path: [String], to value: String) throws(EditError) -> TOMLText {
    if let found = try only(path) {
      if self.value(at: found) == .string(value) { return self }
      guard let pair = pair(found) else { throw .isTable }
      return try proven(bytes.replacing(pair.value, with: [UInt8](quoting: value)), is: [changed(root, found, to: .string(value))])
    }
    let table = try innermostTable(path)
    let missing = Array(path[table.count...])
    let new = inserting(missing, to: value, in: table)
    return try proven(new, is: [changed(root, table + missing, to: .string(value))])
  }

  /// Without the key. Its line goes, with the comment on it; a comment above stays.
  func removing(_ path: [String]) throws(EditError) -> TOMLText {
    guard let found = try only(path) else { return self }
    guard let pair = pair(found) else { throw .isTable }
    var emptied = changed(root, found, to: nil)
    var possible = [emptied]
    // `a.b = 1` makes the table `a`, and nothing may be left that does.
    for depth in (pair.base.count..<found.count - 1).reversed() {
      let table = Array(found[...depth])
      guard case .table(let entries) = TOMLText.value(emptied, table), entries.isEmpty else { break }
      emptied = changed(emptied, table, to: nil)
      possible.append(emptied)
    }
    return try proven(bytes.replacing(withoutPair(pair), with: []), is: possible)
  }

  /// The path in the file that this one means.
  private func only(_ path: [String]) throws(EditError) -> [String]? {
    if path.isEmpty { throw .notUnderstood }
    let found = matches(path)
    if found.count > 1 { throw .ambiguous }
    return found.first
  }

  /// The path of the innermost table on the way to a key that is missing.
  private func innermostTable(_ path: [String]) throws(EditError) -> [String] {
    for count in (0..<path.count).reversed() {
      guard let found = matches(Array(path[..<count])).first else { continue }
      guard case .table = value(at: found) else { throw .notATable }
      return found
    }
    return []
  }

  private func pair(_ path: [String]) -> TOMLPair? {
    scan.pairs.first { $0.base.count + $0.names.count == path.count && $0.path == path }
  }

  /// The text with a new pair, at the place where the table is written that it belongs to.
  private func inserting(_ missing: [String], to value: String, in table: [String]) -> [UInt8] {
    let value = Array(" = ".utf8) + [UInt8](quoting: value)
    let pair = written(missing) + value
    if !table.isEmpty, let number = scan.braces.firstIndex(where: { $0.path == table }) {
      if let last = scan.pairs.last(where: { $0.braces == number }) { return inserting(pair, behind: last) }
      let braces = scan.braces[number].range
      return bytes.replacing(braces, with: Array("{ ".utf8) + pair + Array(" }".utf8))
    }
    if missing.count == 1 {
      let header = scan.headers.firstIndex { !$0.isArray && $0.path == table }
      if table.isEmpty || header != nil, let last = scan.pairs.last(where: { $0.header == header && $0.braces == nil }) {
        return inserting(pair, behind: last)
      }
      if let header {
        let line = scan.headers[header].line
        return inserting(bytes.lineEnding + indentation(line) + pair, at: line.upperBound)
      }
      if table.isEmpty { return inserting(pair + bytes.lineEnding, at: 0) }
    }
    // A table that dotted keys make may have no header.
    if let last = scan.pairs.last(where: { makes($0, table) }), let first = last.written.first {
      let prefix = bytes[first.lowerBound..<last.written[table.count - last.base.count - 1].upperBound]
      return inserting(prefix + [.dot] + pair, behind: last)
    }
    return bytes + header(table + missing.dropLast()) + written(missing.suffix(1)) + value + bytes.lineEnding
  }

  private func makes(_ pair: TOMLPair, _ table: [String]) -> Bool {
    pair.base.count < table.count && pair.base.count + pair.names.count > table.count && pair.path.starts(with: table)
  }

  private func inserting(_ pair: [UInt8], behind last: TOMLPair) -> [UInt8] {
    if last.braces != nil { return inserting(Array(", ".utf8) + pair, at: last.value.upperBound) }
    return inserting(bytes.lineEnding + indentation(last.lines) + pair, at: last.lines.upperBound)
  }

  private func inserting(_ new: [UInt8], at place: Int) -> [UInt8] { bytes.replacing(place..<place, with: new) }

  private func indentation(_ line: Range<Int>) -> [UInt8] { Array(bytes[line].prefix(while: isBlank)) }

  /// A header for the end of the file, behind an empty line.
  private func header(_ table: [String]) -> [UInt8] {
    let end = bytes.lineEnding
    let gap = bytes.isEmpty ? [] : bytes.last == .newline ? end : end + end
    return gap + [.leftBracket] + written(table) + [.rightBracket] + end
  }

  /// A key with its dots.
  private func written(_ names: some Collection<String>) -> [UInt8] {
    let parts = names.map { !$0.isEmpty && $0.utf8.allSatisfy(TOMLScan.isBare) ? Array($0.utf8) : [UInt8](quoting: $0) }
    return Array(parts.joined(separator: [.dot]))
  }

  /// What goes with a pair: its lines, or in an inline table itself and one comma.
  private func withoutPair(_ pair: TOMLPair) -> Range<Int> {
    guard let number = pair.braces else {
      let newline = bytes[pair.lines.upperBound...].firstIndex(of: .newline) ?? bytes.count - 1
      return pair.lines.lowerBound..<newline + 1
    }
    let all = scan.pairs.filter { $0.braces == number }
    if let next = all.first(where: { $0.lines.lowerBound > pair.lines.lowerBound }) {
      return pair.lines.lowerBound..<next.lines.lowerBound
    }
    if let last = all.last(where: { $0.lines.lowerBound < pair.lines.lowerBound }) {
      return last.value.upperBound..<pair.value.upperBound
    }
    return scan.braces[number].range.lowerBound + 1..<scan.braces[number].range.upperBound - 1
  }

  /// The text, if it reads as one of these.
  func proven(_ new: [UInt8], is wanted: [[String: Value]]) throws(EditError) -> TOMLText {
    guard let result = try? TOMLText(new), wanted.contains(result.root) else { throw .notUnderstood }
    return result
  }

  /// The tree with one value changed, or without it.
  func changed(_ table: [String: Value], _ path: some Collection<String>, to value: Value?) -> [String: Value] {
    guard let name = path.first else { return table }
    var table = table
    let rest = path.dropFirst()
    if rest.isEmpty {
      table[name] = value
    } else if case .table(let inner) = table[name] ?? .table([:]) {
      table[name] = .table(changed(inner, rest, to: value))
    }
    return table
  }
}
