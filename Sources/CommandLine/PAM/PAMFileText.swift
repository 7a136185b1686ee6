import RootlessStorage

/// A file of /etc/pam.d as text: our line comes in or goes, and every other byte stays.
struct PAMText {
  /// The line that `pam enable` adds. It gets no CR even where other lines have one, which libpam takes for a part of the last word.
  static let line = Array("session optional pam_rootless_storage.so".utf8)

  let content: [UInt8]
  /// Physical lines, each with the newline that ends it.
  private let rows: [ArraySlice<UInt8>]
  private let parsed: PAMLines

  init(_ content: [UInt8]) {
    self.content = content
    var rows: [ArraySlice<UInt8>] = []
    var rest = content[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: .newline).map { $0 + 1 } ?? rest.endIndex
      rows.append(rest[..<end])
      rest = rest[end...]
    }
    self.rows = rows
    parsed = PAMLines(content)
  }

  /// Why nobody may change it without understanding it better; nil: it can be read to its end. A line that libpam cannot use is told
  /// by its number.
  var objection: (line: Int, reason: String)? {
    if let nul = rows.firstIndex(where: { $0.contains(0) }) {
      return (nul + 1, "holds a NUL byte, behind which libpam reads nothing of the line")
    }
    // Linux-PAM before 1.6 takes what does not fit into its buffer for a line of its own (findings/pam-comments.sh).
    if let long = rows.firstIndex(where: { $0.count > 1022 }) { return (long + 1, "is longer than older versions of libpam read at once") }
    if let long = parsed.lines.first(where: { rows[($0.number - 1)..<$0.lastNumber].reduce(0) { $0 + $1.count } > 1022 }) {
      return (long.number, "is longer, with the lines that continue it, than older versions of libpam read at once")
    }
    // It also goes on behind an empty line or comment where a line is continued; 1.6 ends the line there (the same script).
    for index in rows.indices.dropFirst()
    where isContinued(rows[index - 1]) && (rows[index].first { !isBlank($0) && $0 != .newline } ?? .hash) == .hash {
      return (index + 1, "is empty or a comment behind a line that is continued, which versions of libpam take differently")
    }
    if parsed.isUnfinished { return (rows.count, "is a line that should be continued, and the file ends there") }
    for line in parsed.lines { if case .broken = line.content { return (line.number, "is no line that libpam understands") } }
    return nil
  }

  private func isContinued(_ row: ArraySlice<UInt8>) -> Bool {
    !row.contains(.hash) && row.last { !isBlank($0) && $0 != .newline } == .backslash
  }

  // MARK: Adding

  /// The physical lines behind which our line can stand, the last one first: behind each line that matters for sessions, and behind
  /// what pam-auth-update writes, never in it.
  var places: [Int] {
    var found: [Int] = []
    for line in parsed.lines.reversed() {
      switch line.content {
      case .module(.session, _, _, _), .include(.session, _, _), .includeAll: break
      case .module, .include, .broken: continue
      }
      let place = managed.first { $0.contains(line.lastNumber) }?.upperBound ?? line.lastNumber
      if found.last != place { found.append(place) }
    }
    return found
  }

  /// What pam-auth-update(8) writes anew, from its first marker to its last.
  private var managed: [ClosedRange<Int>] {
    var found: [ClosedRange<Int>] = []
    var start: Int? = nil
    for (index, row) in rows.enumerated() {
      if begins(Array(row), with: Array("# here are the per-package modules (the \"Primary\" block)".utf8)) { start = start ?? index + 1 }
      if let first = start, begins(Array(row), with: Array("# end of pam-auth-update config".utf8)) {
        found.append(first...(index + 1))
        start = nil
      }
    }
    // Without its end pam-auth-update leaves the file alone.
    return found
  }

  /// The content with our line behind the physical line of that number. A file that does not end in a newline does not then either.
  func adding(behind number: Int) -> [UInt8] {
    let (before, after) = (rows[..<number].flatMap { $0 }, rows[number...].flatMap { $0 })
    if before.last.map({ $0 != .newline }) ?? false { return before + [.newline] + PAMText.line + after }
    return before + PAMText.line + [.newline] + after
  }

  /// Whether pam-auth-update writes that line.
  func isManaged(_ number: Int) -> Bool { managed.contains { $0.contains(number) } }

  /// Every line of every type is the same, in the same order, but for ours; comments may differ.
  func isSameButForOurs(as other: PAMText) -> Bool { !parsed.isUnfinished && !other.parsed.isUnfinished && kept == other.kept }

  private var kept: [PAMLine] {
    parsed.lines.compactMap { line in
      if case .module(.session, _, let path, _) = line.content, moduleName(path).elementsEqual("pam_rootless_storage".utf8) { return nil }
      return PAMLine(service: nil, number: 0, lastNumber: 0, isSilent: line.isSilent, content: line.content)
    }
  }

  // MARK: Removing

  /// A line of our module.
  struct Ours: Equatable {
    /// The physical lines that it spans.
    let numbers: ClosedRange<Int>
    /// As it is written.
    let text: [UInt8]
    /// Byte for byte what `pam enable` adds.
    let isAsAdded: Bool
  }

  /// In the file's order.
  var ours: [Ours] {
    parsed.lines.compactMap { line in
      guard case .module(_, _, let path, _) = line.content, moduleName(path).elementsEqual("pam_rootless_storage".utf8) else { return nil }
      let text = Array(rows[(line.number - 1)..<line.lastNumber].joined())
      let bare = text.last == .newline ? Array(text.dropLast()) : text
      return Ours(numbers: line.number...line.lastNumber, text: bare, isAsAdded: bare == PAMText.line)
    }
  }

  /// The content without these lines. The newline that `adding` put before a last line goes with it.
  func removing(_ lines: [Ours]) -> [UInt8] {
    var kept: [ArraySlice<UInt8>] = []
    for (index, row) in rows.enumerated() where !lines.contains(where: { $0.numbers.contains(index + 1) }) { kept.append(row) }
    let isLast = lines.contains { $0.numbers.upperBound == rows.count } && content.last != .newline
    if isLast, let last = kept.popLast() { kept.append(last.last == .newline ? last.dropLast() : last) }
    return kept.flatMap { $0 }
  }
}

/// A module's name without directory and extension, as libpam takes it: `pam_unix`.
func moduleName(_ path: Path) -> [UInt8] {
  let name = path.name
  return Array(name[..<(name.lastIndex(of: .dot) ?? name.endIndex)])
}
