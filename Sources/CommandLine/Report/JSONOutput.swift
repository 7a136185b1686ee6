import FoundationEssentials
import RootlessStorage

/// Of the keys of everything that `--json` prints: it changes when one changes its meaning or goes.
let jsonVersion = 1

/// A member that is always there: null says that it is not known, or does not exist. A plain Optional would be left out.
@propertyWrapper
struct NullIfAbsent<Value: Encodable>: Encodable {
  var wrappedValue: Value?

  init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(wrappedValue)
  }
}

extension NullIfAbsent: Equatable where Value: Equatable {}
extension NullIfAbsent: Sendable where Value: Sendable {}
extension NullIfAbsent: Decodable where Value: Decodable {
  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    wrappedValue = value.decodeNil() ? nil : try value.decode(Value.self)
  }
}

/// Names as they are. What is no UTF-8 cannot stand in JSON: it is escaped as for a person.
func string(_ bytes: [UInt8]) -> String { String(validating: bytes, as: UTF8.self) ?? shown(bytes) }

func string(_ path: Path) -> String { string(path.bytes) }

/// One value on one line.
func jsonText(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // Records of numbers, texts and nothing else: encoding cannot fail.
  guard let data = try? encoder.encode(value) else { return "null" }
  return String(decoding: data, as: UTF8.self)
}

/// Writes an object whose one list is long: a record at a time. It begins with the version of the keys, and the program's.
struct JSONList {
  private var isFirst = true

  /// - Parameter head: the members between these and the list, as they stand, each with a comma behind it.
  init(_ head: String, list: String) {
    writeToStandardOutput(Array("{\"version\":\(jsonVersion),\"programVersion\":\(jsonText(Program.version)),\(head)\"\(list)\":[".utf8))
  }

  mutating func add(_ record: some Encodable) {
    writeToStandardOutput(Array("\(isFirst ? "" : ",")\n\(jsonText(record))".utf8))
    isFirst = false
  }

  /// - Parameter tail: the members after the list.
  func end(_ tail: String = "") { printOut("\n]\(tail)}") }
}

/// What `--json` of `check` and `repair` prints. Documented in rootless-storage-json(7).
struct ReportDocument: Encodable {
  let version = jsonVersion
  let programVersion = Program.version
  let host: Host
  let users: [UserReport]

  struct Host: Encodable {
    let name: String
    let findings: [Finding]
    /// Files that the caller may not read, so that nothing is known of what they say.
    let unseen: [String]
    /// Ids that the name service was asked for; absent where it is not.
    var asked: Int?
  }
}

/// One JSON object with its keys in order, for people and for `diff` too.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  printOut(String(decoding: try encoder.encode(value), as: UTF8.self))
}
