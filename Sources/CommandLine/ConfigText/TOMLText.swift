import RootlessStorage
import TOMLKit

/// A TOML file as its user wrote it, which can be edited without touching anything else.
struct TOMLText: Equatable, Sendable {
  typealias Problem = TextError

  indirect enum Value: Sendable {
    case string(String)
    case boolean(Bool)
    case integer(Int64)
    case array([Value])
    case table([String: Value])
    /// A number with a fraction, a date: as it is shown.
    case other(String)

    fileprivate var kind: Int {
      switch self {
      case .string: 0
      case .boolean: 1
      case .integer: 2
      case .array: 3
      case .table: 4
      case .other: 5
      }
    }
  }

  let bytes: [UInt8]
  /// What TOMLKit made of it.
  let root: [String: Value]
  /// Where it is written.
  let scan: TOMLScan

  init(_ bytes: [UInt8]) throws(Problem) {
    self.bytes = bytes
    scan = try TOMLScan(bytes)
    do {
      root = try TOMLText.table(TOMLTable(string: String(decoding: bytes, as: UTF8.self)))
    } catch let error as TOMLParseError {
      let reason = error.description.split(separator: "Error while parsing ", maxSplits: 1).last ?? ""
      throw Problem(line: error.source.begin.line, reason: shown(String(reason)))
    } catch let problem as Problem {
      throw problem
    } catch {
      throw Problem(line: 0, reason: shown("\(error)"))
    }
  }

  /// Bytes that need not be UTF-8, with control characters anywhere but for NUL: as BurntSushi/toml up to 0.3 reads them.
  static func leniently(_ bytes: [UInt8]) -> TOMLText? {
    if bytes.contains(0) { return nil }
    let valid = String(decoding: bytes, as: UTF8.self).utf8.map { byte in
      byte == .newline || byte == .carriageReturn || isBlank(byte) || (byte >= .space && byte != UInt8(ascii: "\u{7f}"))
        ? byte : UInt8(ascii: "?")
    }
    return try? TOMLText(valid)
  }

  /// Of kinds that BurntSushi/toml up to 0.3 does not take: a key of several parts, a list of values of different kinds, an octal number.
  var hasNewerSyntax: Bool { scan.hasNewerWords || scan.pairs.contains { $0.names.count > 1 } || TOMLText.hasMixedList(.table(root)) }

  private static func hasMixedList(_ value: Value) -> Bool {
    switch value {
    case .table(let entries): entries.values.contains(where: hasMixedList)
    case .array(let values): Set(values.map(\.kind)).count > 1 || values.contains(where: hasMixedList)
    case .string, .boolean, .integer, .other: false
    }
  }

  /// The exact key first, else one that differs only in the case of ASCII letters. BurntSushi/toml, with which podman reads it, takes both
  /// too; of two in one file it takes any (findings/storage-conf-key-case.sh).
  func value(_ path: [String]) -> Value? { path.isEmpty ? nil : TOMLText.first(root, path[...]) }

  private static func first(_ entries: [String: Value], _ path: ArraySlice<String>) -> Value? {
    guard let name = path.first else { return .table(entries) }
    let rest = path.dropFirst()
    func value(_ found: Value) -> Value? {
      if rest.isEmpty { return found }
      if case .table(let inner) = found { return first(inner, rest) }
      return nil
    }
    // Most keys are written as they are asked for, or not there at all.
    if let index = entries.index(forKey: name), isSame(entries[index].key, name), let found = value(entries[index].value) { return found }
    var alike: [String] = []
    for key in entries.keys where isSameToGo(key, name) && !isSame(key, name) { alike.append(key) }
    for key in alike.sorted() {
      if let candidate = entries[key], let found = value(candidate) { return found }
    }
    return nil
  }

  /// The paths in the file that Go takes for this one, exact ones first.
  func matches(_ path: [String]) -> [[String]] {
    var found: [(path: [String], table: Value)] = [([], .table(root))]
    for name in path {
      found = found.flatMap { place -> [(path: [String], table: Value)] in
        guard case .table(let entries) = place.table else { return [] }
        let alike = entries.filter { isSameToGo($0.key, name) }.sorted { $0.key < $1.key }
        let ordered = alike.filter { isSame($0.key, name) } + alike.filter { !isSame($0.key, name) }
        return ordered.map { (place.path + [$0.key], $0.value) }
      }
    }
    return found.map(\.path)
  }

  /// The value at exactly this path; of the empty one, the whole.
  func value(at path: [String]) -> Value? { TOMLText.value(root, path) }

  static func value(_ root: [String: Value], _ path: [String]) -> Value? {
    var value = Value.table(root)
    for name in path {
      guard case .table(let entries) = value, let next = entries[name] else { return nil }
      value = next
    }
    return value
  }

  private static func table(_ table: TOMLTable) throws(Problem) -> [String: Value] {
    var entries: [String: Value] = [:]
    for key in table.keys {
      guard let value = table[key] else { continue }
      // Swift's dictionary takes two spellings of one accent for one key. TOML does not.
      guard try entries.updateValue(self.value(value), forKey: key) == nil else {
        throw Problem(line: 0, reason: "two keys that look the same: \(shown(key))")
      }
    }
    return entries
  }

  private static func value(_ value: any TOMLValueConvertible) throws(Problem) -> Value {
    switch value.type {
    case .string: .string(value.string ?? "")
    case .bool: .boolean(value.bool ?? false)
    case .int: .integer(Int64(value.int ?? 0))
    case .array:
      .array(try (value.array.map(Array.init) ?? []).map { element throws(Problem) in try self.value(element) })
    case .table: .table(try value.table.map { table throws(Problem) in try self.table(table) } ?? [:])
    case .double, .date, .time, .dateTime: .other(value.debugDescription)
    }
  }
}

extension TOMLText.Value: Equatable {
  static func == (left: TOMLText.Value, right: TOMLText.Value) -> Bool {
    switch (left, right) {
    case (.string(let left), .string(let right)), (.other(let left), .other(let right)): isSame(left, right)
    case (.boolean(let left), .boolean(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.array(let left), .array(let right)): left == right
    case (.table(let left), .table(let right)): left == right
    default: false
    }
  }
}

private func isSameToGo(_ left: String, _ right: String) -> Bool {
  return left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lowercase($0) == lowercase($1) }
}
