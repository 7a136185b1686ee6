import RootlessStorage

/// `"key": value` in the outermost object of a JSON file.
struct JSONMember: Equatable, Sendable {
  let key: String
  /// What the value means, if it is a string.
  let string: String?
  let value: Range<Int>
  /// From the key to the end of the value.
  let range: Range<Int>
}

/// Where the members of a JSON file's one object stand.
///
/// It takes what Go's encoding/json takes, with which dockerd reads the file: no comment, no comma too many, no byte order mark,
/// nothing behind the object. Foundation takes a comma too many, a byte order mark and UTF-16.
struct JSONScan: Equatable, Sendable {
  private(set) var members: [JSONMember] = []
  /// The object, with its braces.
  let range: Range<Int>
  /// A number is a value somewhere in it.
  let hasNumbers: Bool

  /// - Parameter isAlone: nothing may be behind the object.
  init(_ bytes: [UInt8], isAlone: Bool = true) throws(TextError) {
    var text = TextScanner(bytes)
    try text.check()
    text.skip(while: JSONScan.isSpace)
    let start = text.at
    guard text.sees("{") else { throw text.peek() == nil ? text.problem("empty") : JSONScan.problem(text, "no object") }
    members = try JSONScan.object(&text, depth: 0)
    hasNumbers = text.hasSeenNumber
    range = start..<text.at
    text.skip(while: JSONScan.isSpace)
    if isAlone && text.peek() != nil { throw JSONScan.problem(text, "something behind the end of the object") }
  }

  /// What people write although there is no such thing, by name.
  private static func problem(_ text: TextScanner, _ reason: String) -> TextError {
    text.problem(text.sees("/") || text.sees("#") ? "a comment, which JSON has not" : reason)
  }

  private static let needlessComma = "a comma with nothing behind it"

  /// What may stand between values.
  static func isSpace(_ byte: UInt8) -> Bool { isBlank(byte) || byte == .newline || byte == .carriageReturn }

  private static func object(_ text: inout TextScanner, depth: Int) throws(TextError) -> [JSONMember] {
    var members: [JSONMember] = []
    _ = text.skip("{")
    text.skip(while: isSpace)
    if text.skip("}") { return members }
    repeat {
      text.skip(while: isSpace)
      let start = text.at
      guard text.sees("\"") else { throw JSONScan.problem(text, text.sees("}") ? needlessComma : "no key where one belongs") }
      let key = try string(&text)
      text.skip(while: isSpace)
      guard text.skip(":") else { throw text.problem("a key without a colon") }
      text.skip(while: isSpace)
      let valueStart = text.at
      let value = try value(&text, depth: depth + 1)
      members.append(JSONMember(key: key, string: value, value: valueStart..<text.at, range: start..<text.at))
      text.skip(while: isSpace)
    } while text.skip(",")
    guard text.skip("}") else { throw JSONScan.problem(text, "an object without its end") }
    return members
  }

  /// - Returns: what it means, if it is a string.
  private static func value(_ text: inout TextScanner, depth: Int) throws(TextError) -> String? {
    guard depth <= TextScanner.deepest else { throw text.problem("nested more than \(TextScanner.deepest) deep") }
    if text.sees("\"") { return try string(&text) }
    if text.sees("{") {
      _ = try object(&text, depth: depth)
    } else if text.skip("[") {
      try array(&text, depth: depth)
    } else if !text.skip("true") && !text.skip("false") && !text.skip("null") {
      guard number(&text) else { throw JSONScan.problem(text, "no value where one belongs") }
      text.hasSeenNumber = true
    }
    return nil
  }

  private static func array(_ text: inout TextScanner, depth: Int) throws(TextError) {
    text.skip(while: isSpace)
    if text.skip("]") { return }
    repeat {
      text.skip(while: isSpace)
      if text.sees("]") { throw text.problem(needlessComma) }
      _ = try value(&text, depth: depth + 1)
      text.skip(while: isSpace)
    } while text.skip(",")
    guard text.skip("]") else { throw text.problem("an array without its end") }
  }

  private static func number(_ text: inout TextScanner) -> Bool {
    _ = text.skip("-")
    guard let first = text.next(), isDigit(first) else { return false }
    if first != UInt8(ascii: "0") { text.skip(while: isDigit) }
    if text.skip(".") { guard digits(&text) else { return false } }
    if text.skip("e") || text.skip("E") {
      _ = text.skip("+") || text.skip("-")
      guard digits(&text) else { return false }
    }
    return true
  }

  private static func digits(_ text: inout TextScanner) -> Bool {
    guard let digit = text.next(), isDigit(digit) else { return false }
    text.skip(while: isDigit)
    return true
  }

  /// A string, and what it means.
  private static func string(_ text: inout TextScanner) throws(TextError) -> String {
    var meaning: [UInt8] = []
    _ = text.skip("\"")
    while let byte = text.next() {
      switch byte {
      case .quote: return String(decoding: meaning, as: UTF8.self)
      case .backslash: meaning += try escape(&text)
      case 0x00...0x1f: throw text.problem("a control character in a string")
      default: meaning.append(byte)
      }
    }
    throw text.problem("a string without its end")
  }

  private static func escape(_ text: inout TextScanner) throws(TextError) -> [UInt8] {
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "b"): 0x08, UInt8(ascii: "t"): .tab, UInt8(ascii: "n"): .newline, UInt8(ascii: "f"): 0x0c,
      UInt8(ascii: "r"): .carriageReturn, .quote: .quote, .backslash: .backslash, .slash: .slash,
    ]
    if let byte = text.next() {
      if let meaning = simple[byte] { return [meaning] }
      if byte == UInt8(ascii: "u"), let high = text.hexadecimal(4) {
        if let scalar = Unicode.Scalar(high) { return Array(String(Character(scalar)).utf8) }
        // Go makes U+FFFD of half a pair, Foundation refuses it. No file of a person has one.
        if high < 0xdc00, text.skip("\\u"), let low = text.hexadecimal(4), low >= 0xdc00 && low <= 0xdfff,
          let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
        {
          return Array(String(Character(scalar)).utf8)
        }
      }
    }
    throw text.problem("an unknown escape in a string")
  }
}
