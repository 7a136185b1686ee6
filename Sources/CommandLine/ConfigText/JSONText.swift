import FoundationEssentials
import RootlessStorage

/// A JSON file with one object, as its user wrote it, whose members can be edited without touching anything else.
struct JSONText: Equatable, Sendable {
  typealias Problem = TextError

  let bytes: [UInt8]
  private let scan: JSONScan

  init(_ bytes: [UInt8]) throws(Problem) {
    self.bytes = bytes
    scan = try JSONScan(bytes)
    // The scanner does not see a number beyond all ranges; whatever else it takes, Foundation takes too.
    if scan.hasNumbers && tree() == nil { throw Problem(line: 0, reason: "no JSON object") }
  }

  /// The first object in bytes that may go on behind it, and that need not be UTF-8: as dockerd up to 20.10 reads them.
  static func leniently(_ bytes: [UInt8]) -> JSONText? {
    let valid = Array(String(decoding: bytes, as: UTF8.self).utf8)
    guard let scan = try? JSONScan(valid, isAlone: false) else { return nil }
    return try? JSONText(Array(valid[..<scan.range.upperBound]))
  }

  /// The member's value, if it is a string. Of several members with this key the last counts, as for Go.
  func string(_ key: String) -> String? { scan.members.last { isSame($0.key, key) }?.string }

  /// The keys with the kinds of their values, in the order of the text.
  var keys: [(name: String, kind: JSONKind)] { scan.members.map { ($0.key, JSONKind(beginning: bytes[$0.value.lowerBound])) } }

  /// The member's value, if it is an object.
  func object(_ key: String) -> JSONText? {
    guard let member = scan.members.last(where: { isSame($0.key, key) }) else { return nil }
    return try? JSONText(Array(bytes[member.value]))
  }

  /// The texts in the member's value, if that is a list; of another kind of value in it there is none.
  func strings(_ key: String) -> [String] {
    // Few files have such a key, and Foundation is slow.
    guard has(key), case .array(let values)? = tree()?[key] else { return [] }
    return values.compactMap { if case .string(let text) = $0 { text } else { nil } }
  }

  /// The member's value, whatever it is.
  func value(_ key: String) -> JSONTree? { has(key) ? tree()?[key] : nil }

  /// The member's value, if it is true or false.
  func boolean(_ key: String) -> Bool? { if case .boolean(let value)? = value(key) { value } else { nil } }

  /// The member's value, if it is a whole number.
  func integer(_ key: String) -> Int? {
    scan.members.last { isSame($0.key, key) }.flatMap { Int(String(decoding: bytes[$0.value], as: UTF8.self)) }
  }

  func has(_ key: String) -> Bool { scan.members.contains { isSame($0.key, key) } }

  /// Gives every member with this key the string as its value, or else adds one in front of the others.
  func setting(_ key: String, to value: String) throws(EditError) -> JSONText {
    let found = scan.members.filter { isSame($0.key, key) }
    if !found.isEmpty && found.allSatisfy({ $0.string.map { isSame($0, value) } ?? false }) { return self }
    let quoted = [UInt8](quoting: value)
    let new = found.isEmpty ? inserting([UInt8](quoting: key) + Array(": ".utf8) + quoted) : replacing(found.map { ($0.value, quoted) })
    let result = try proven(new, key, is: value)
    guard let written = result.string(key), isSame(written, value) else { throw .notUnderstood }
    return result
  }

  /// Without any member that has this key.
  func removing(_ key: String) throws(EditError) -> JSONText {
    let members = scan.members
    guard has(key) else { return self }
    guard let kept = members.lastIndex(where: { !isSame($0.key, key) }) else {
      let inside = scan.range.lowerBound + 1..<scan.range.upperBound - 1
      return try proven(bytes.replacing(inside, with: []), key, is: nil)
    }
    // Each goes with the comma behind it; those at the end with the comma before them.
    var gone: [(Range<Int>, [UInt8])] = []
    for (member, next) in zip(members, members.dropFirst()).prefix(kept)
    where isSame(member.key, key) {
      gone.append((member.range.lowerBound..<next.range.lowerBound, []))
    }
    if let last = members.last, kept < members.count - 1 {
      gone.append((members[kept].range.upperBound..<last.range.upperBound, []))
    }
    let result = try proven(replacing(gone), key, is: nil)
    if result.has(key) { throw .notUnderstood }
    return result
  }

  /// The text with these ranges replaced, which are in order.
  private func replacing(_ changes: [(range: Range<Int>, new: [UInt8])]) -> [UInt8] {
    var result: [UInt8] = []
    var place = 0
    for change in changes {
      result += bytes[place..<change.range.lowerBound] + change.new
      place = change.range.upperBound
    }
    return result + bytes[place...]
  }

  /// The text with a new first member: on a line of its own if the others have that.
  private func inserting(_ member: [UInt8]) -> [UInt8] {
    let inside = scan.range.lowerBound + 1
    guard let first = scan.members.first else {
      let gap = bytes[inside..<scan.range.upperBound - 1]
      if gap.contains(.newline) { return bytes.replacing(inside..<inside, with: bytes.lineEnding + [.space, .space] + member) }
      return bytes.replacing(gap.indices, with: [.space] + member + [.space])
    }
    let start = first.range.lowerBound
    let gap = bytes[inside..<start]
    let isOnOwnLine = gap.contains(.newline)
    let indentation = Array(gap.reversed().prefix(while: isBlank).reversed())
    return bytes.replacing(start..<start, with: member + [.comma] + (isOnOwnLine ? bytes.lineEnding + indentation : [.space]))
  }

  /// The text, if Foundation reads from it what it reads from this one, but for the one member.
  func proven(_ new: [UInt8], _ key: String, is value: String?) throws(EditError) -> JSONText {
    guard let result = try? JSONText(new), var wanted = tree() else { throw .notUnderstood }
    wanted[key] = value.map { .string($0) }
    guard let after = result.tree(), after == wanted else { throw .notUnderstood }
    return result
  }

  /// What Foundation makes of it.
  private func tree() -> [String: JSONTree]? { try? JSONDecoder().decode([String: JSONTree].self, from: Data(bytes)) }
}

/// What kind of value there is.
enum JSONKind: String, Equatable, Sendable {
  case string, number, boolean, null, array, object

  fileprivate init(beginning byte: UInt8) {
    switch byte {
    case .quote: self = .string
    case .leftBrace: self = .object
    case .leftBracket: self = .array
    case UInt8(ascii: "t"), UInt8(ascii: "f"): self = .boolean
    case UInt8(ascii: "n"): self = .null
    default: self = .number
    }
  }
}

/// Any value, as Foundation's decoder reads it.
indirect enum JSONTree: Decodable, Equatable {
  case null, boolean(Bool), integer(Int64), number(Double), string(String), array([JSONTree]), object([String: JSONTree])

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let boolean = try? value.decode(Bool.self) {
      self = .boolean(boolean)
    } else if let integer = try? value.decode(Int64.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let array = try? value.decode([JSONTree].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: JSONTree].self))
    }
  }
}
