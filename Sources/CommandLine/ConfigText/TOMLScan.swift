import RootlessStorage

/// `key = value` in a TOML file, on lines of its own or in an inline table.
struct TOMLPair: Equatable, Sendable {
  /// The table that the key stands in: its header's, or the inline table's.
  let base: [String]
  /// The parts of the key, and where each is written.
  let names: [String]
  let written: [Range<Int>]
  let value: Range<Int>
  /// From the start of its first line to the end of its last, without the line ending. Of a pair in an inline table: from key to value.
  let lines: Range<Int>
  /// Which header it stands below; nil before the first.
  let header: Int?
  /// Which inline table it stands in.
  let braces: Int?

  /// The names of the tables on the way to it, and its own.
  var path: [String] { base + names }
}

/// `[table]` or `[[table]]`.
struct TOMLHeader: Equatable, Sendable {
  let path: [String]
  let isArray: Bool
  /// Its line, without the line ending.
  let line: Range<Int>
}

/// An inline table, with its braces.
struct TOMLBraces: Equatable, Sendable {
  let path: [String]
  var range: Range<Int>
}

/// Where things stand in a TOML 1.0 file. What lies in arrays has no path, and is passed over.
///
/// It takes nothing that is no TOML, because an assertion of toml++ behind it (3.4.0, in TOMLKit 0.6.0) ends the process on two kinds of
/// invalid table headers. What needs an understanding of the whole file, such as a key that is defined twice, is left to toml++.
struct TOMLScan: Equatable, Sendable {
  private(set) var headers: [TOMLHeader] = []
  private(set) var pairs: [TOMLPair] = []
  private(set) var braces: [TOMLBraces] = []
  /// A value is written in a way that older readers do not know.
  private(set) var hasNewerWords = false

  init(_ bytes: [UInt8]) throws(TextError) {
    var text = TextScanner(bytes)
    try text.check()
    // toml++ takes a byte order mark, and so does Podman, but for its old versions.
    _ = text.skip("\u{feff}")
    while true {
      let start = text.at
      text.skip(while: isBlank)
      if text.sees("[") {
        try header(&text, from: start)
      } else if let next = text.peek(), next != .hash, next != .newline, next != .carriageReturn {
        let base = headers.last?.path ?? []
        try pair(&text, base: base, depth: base.count, lineStart: start, braces: nil)
      } else {
        try TOMLScan.comment(&text)
      }
      hasNewerWords = text.hasSeenNewer
      if text.peek() == nil { return }
      guard TOMLScan.newline(&text) else { throw text.problem("something behind the end of a value or header") }
    }
  }

  private mutating func header(_ text: inout TextScanner, from start: Int) throws(TextError) {
    let isArray = text.skip("[[")
    if !isArray { _ = text.skip("[") }
    let (names, _) = try TOMLScan.key(&text)
    guard isArray ? text.skip("]]") : text.skip("]") else { throw text.problem("a table header without its end") }
    try TOMLScan.comment(&text)
    headers.append(TOMLHeader(path: names, isArray: isArray, line: start..<text.at))
  }

  private mutating func pair(
    _ text: inout TextScanner, base: [String]?, depth: Int, lineStart: Int?, braces: Int?
  ) throws(TextError) {
    let start = lineStart ?? text.at
    let (names, written) = try TOMLScan.key(&text)
    guard text.skip("=") else { throw text.problem("a key without =") }
    text.skip(while: isBlank)
    let valueStart = text.at
    try value(&text, path: base.map { $0 + names }, depth: depth + names.count)
    let value = valueStart..<text.at
    if lineStart != nil { try TOMLScan.comment(&text) }
    guard let base else { return }
    let header = headers.isEmpty ? nil : headers.count - 1
    pairs.append(
      TOMLPair(base: base, names: names, written: written, value: value, lines: start..<text.at, header: header, braces: braces))
  }

  /// - Parameter path: nil in an array.
  private mutating func value(_ text: inout TextScanner, path: [String]?, depth: Int) throws(TextError) {
    guard depth <= TextScanner.deepest else { throw text.problem("nested more than \(TextScanner.deepest) deep") }
    if text.sees("\"") || text.sees("'") {
      _ = try TOMLScan.string(&text, isKey: false)
    } else if text.skip("[") {
      try array(&text, depth: depth)
    } else if text.sees("{") {
      try inlineTable(&text, path: path, depth: depth)
    } else {
      try TOMLScan.scalar(&text)
    }
  }

  private mutating func array(_ text: inout TextScanner, depth: Int) throws(TextError) {
    try TOMLScan.blankLines(&text)
    while !text.skip("]") {
      try value(&text, path: nil, depth: depth + 1)
      try TOMLScan.blankLines(&text)
      if text.skip("]") { return }
      guard text.skip(",") else { throw text.problem("an array without its end") }
      try TOMLScan.blankLines(&text)
    }
  }

  private mutating func inlineTable(_ text: inout TextScanner, path: [String]?, depth: Int) throws(TextError) {
    let start = text.at
    let number = braces.count
    if let path { braces.append(TOMLBraces(path: path, range: start..<start)) }
    _ = text.skip("{")
    text.skip(while: isBlank)
    if !text.skip("}") {
      repeat {
        text.skip(while: isBlank)
        try pair(&text, base: path, depth: depth, lineStart: nil, braces: path == nil ? nil : number)
        text.skip(while: isBlank)
      } while text.skip(",")
      guard text.skip("}") else { throw text.problem("an inline table without its end") }
    }
    if path != nil { braces[number].range = start..<text.at }
  }
}
