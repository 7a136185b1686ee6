import RootlessStorage

/// What the scanner takes, toml++ reads the same way; and an edit changes the one key and not a byte besides.
func fuzzTOML(_ input: [UInt8]) {
  let parts = fields(input, 3)
  guard let before = try? TOMLText(parts[2]) else { return }
  promiseAgreement(before)
  let path = parts[0].split(separator: 0x2e, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  if parts[1].isEmpty { remove(path, before) } else { set(path, to: String(decoding: parts[1], as: UTF8.self), before) }
}

private func set(_ path: [String], to value: String, _ before: TOMLText) {
  guard let after = try? before.setting(path, to: value) else { return }
  promise(after.value(path).map { $0 == .string(value) } ?? false, "the value is there")
  promise((try? after.setting(path, to: value).bytes) == after.bytes, "once more changes nothing")
  promiseAgreement(after)
  guard let key = after.matches(path).first else { return }
  promiseSameBesides(key, before, after)
  if let pair = pair(key, in: before) {
    promise(after.bytes.starts(with: before.bytes[..<pair.value.lowerBound]), "what is before the value stays")
    promise(after.bytes.reversed().starts(with: before.bytes[pair.value.upperBound...].reversed()), "what is behind the value stays")
  } else {
    // Of an empty table in braces, the blanks go.
    promise(Change(before.bytes, after.bytes).removed.allSatisfy { isBlank($0) || $0 == 0x7b || $0 == 0x7d }, "nothing is taken away")
  }
}

private func remove(_ path: [String], _ before: TOMLText) {
  guard let after = try? before.removing(path) else { return }
  promise(after.matches(path).isEmpty, "the key is gone")
  promise((try? after.removing(path).bytes) == after.bytes, "once more changes nothing")
  promiseAgreement(after)
  guard let key = before.matches(path).first else { return promise(before.bytes == after.bytes, "nothing to remove") }
  promiseSameBesides(key, before, after)
  promise(Change(before.bytes, after.bytes).added.isEmpty, "nothing is added")
}

private func pair(_ path: [String], in text: TOMLText) -> TOMLPair? { text.scan.pairs.first { same($0.path, path) } }

private func same(_ left: [String], _ right: [String]) -> Bool { left.elementsEqual(right, by: isSame) }

/// Every value that toml++ has read, outside arrays, was seen by the scanner, and the other way round; strings mean the same to both.
private func promiseAgreement(_ text: TOMLText) {
  let read = leaves(.table(text.root))
  var seen: Set<[[UInt8]]> = []
  for pair in text.scan.pairs {
    let header = pair.header.map { text.scan.headers[$0].path } ?? []
    let isInArray = text.scan.headers.contains {
      $0.isArray && header.count >= $0.path.count && same(Array(header.prefix($0.path.count)), $0.path)
    }
    // What has no value of its own: a table in braces.
    let isTable = text.scan.braces.contains { $0.range == pair.value }
    if isInArray || isTable { continue }
    let path = pair.path.map { Array($0.utf8) }
    seen.insert(path)
    guard let value = read[path] else { return promise(false, "toml++ has no \(pair.path)") }
    if case .string(let meaning) = value {
      var scanner = TextScanner(Array(text.bytes[pair.value]))
      promise((try? TOMLScan.string(&scanner, isKey: false)) == Array(meaning.utf8), "a string means the same: \(pair.path)")
    }
  }
  promise(seen == Set(read.keys.filter { path in !isInArrayOfTables(path, text) }), "toml++ has what the scanner has not")
}

private func isInArrayOfTables(_ path: [[UInt8]], _ text: TOMLText) -> Bool {
  text.scan.headers.contains { $0.isArray && path == $0.path.map { Array($0.utf8) } }
}

/// All values that are no tables, by their paths as bytes: for Swift's dictionaries two spellings of one accent are one key.
private func leaves(_ value: TOMLText.Value, _ path: [[UInt8]] = []) -> [[[UInt8]]: TOMLText.Value] {
  guard case .table(let entries) = value else { return [path: value] }
  return entries.reduce(into: [:]) { all, entry in all.merge(leaves(entry.value, path + [Array(entry.key.utf8)])) { $1 } }
}

private func promiseSameBesides(_ key: [String], _ before: TOMLText, _ after: TOMLText) {
  let path = key.map { Array($0.utf8) }
  // What was in a table in braces that stood there goes with it.
  func others(_ text: TOMLText) -> [[[UInt8]]: TOMLText.Value] { leaves(.table(text.root)).filter { !$0.key.starts(with: path) } }
  promise(others(before) == others(after), "all other values stay")
}

/// What is between the longest common beginning and end.
struct Change {
  let removed: ArraySlice<UInt8>
  let added: ArraySlice<UInt8>

  init(_ before: [UInt8], _ after: [UInt8]) {
    let start = zip(before, after).prefix { $0 == $1 }.count
    let end = zip(before[start...].reversed(), after[start...].reversed()).prefix { $0 == $1 }.count
    removed = before[start..<before.count - end]
    added = after[start..<after.count - end]
  }
}
