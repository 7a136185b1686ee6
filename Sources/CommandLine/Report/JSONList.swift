import FoundationEssentials
import RootlessStorage

/// Names as they are. What is no UTF-8 cannot stand in JSON: it is escaped as for a person.
func string(_ bytes: [UInt8]) -> String { String(validating: bytes, as: UTF8.self) ?? shown(bytes) }

/// One value on one line.
func jsonText(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // Records of numbers, texts and nothing else: encoding cannot fail.
  guard let data = try? encoder.encode(value) else { return "null" }
  return String(decoding: data, as: UTF8.self)
}

/// Writes an object whose one list is long: a record at a time. It begins with the version of the keys, which changes when one changes
/// its meaning or goes, and with the program's.
struct JSONList {
  private var isFirst = true

  /// - Parameter head: the members between these and the list, as they stand, each with a comma behind it.
  init(_ head: String, list: String) {
    writeToStandardOutput(Array("{\"version\":1,\"programVersion\":\(jsonText(Program.version)),\(head)\"\(list)\":[".utf8))
  }

  mutating func add(_ record: some Encodable) {
    writeToStandardOutput(Array("\(isFirst ? "" : ",")\n\(jsonText(record))".utf8))
    isFirst = false
  }

  /// - Parameter tail: the members after the list.
  func end(_ tail: String = "") { printOut("\n]\(tail)}") }
}
