import RootlessStorage

/// What is wrong in a config file.
struct TextError: Error, Equatable, Sendable {
  /// Counted from 1; 0 for the file as a whole.
  let line: Int
  /// One short line of printable ASCII: what it quotes is escaped already.
  let reason: String
}

/// Why a config file was not edited. It is as it was.
enum EditError: Error, Equatable, Sendable {
  /// The edit could not be proven: the parser did not read from the result exactly what was wanted.
  case notUnderstood
  /// Several keys differ only in case. Go's TOML takes them all for one and lets a random one win.
  case ambiguous
  /// Something on the way to the key is no table.
  case notATable
  /// The key is a table with lines of its own, and no value that could be replaced.
  case isTable
}

/// A place in a file's bytes. Reads nothing beyond them, whatever they are.
struct TextScanner {
  /// Deeper than any config file, and far below what a stack holds: toml++ overflows it with 30,000 dotted keys on one line.
  static let deepest = 64
  /// No config file is longer. The reader of files has a limit of its own; this one is for the time that parsers take.
  static let longest = 1 << 20

  let bytes: [UInt8]
  private(set) var at = 0
  var hasSeenNumber = false
  /// A word of TOML 1.0 that older readers do not know.
  var hasSeenNewer = false

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func peek(_ ahead: Int = 0) -> UInt8? { at + ahead < bytes.count ? bytes[at + ahead] : nil }

  func sees(_ text: StaticString) -> Bool {
    for number in 0..<text.utf8CodeUnitCount where peek(number) != byte(text, number) { return false }
    return true
  }

  /// Whether the text stood here, and is behind now.
  mutating func skip(_ text: StaticString) -> Bool {
    guard sees(text) else { return false }
    at += text.utf8CodeUnitCount
    return true
  }

  mutating func skip(while isWanted: (UInt8) -> Bool) {
    while let next = peek(), isWanted(next) { at += 1 }
  }

  /// The next byte, which is behind then; nil at the end.
  mutating func next() -> UInt8? {
    guard let next = peek() else { return nil }
    at += 1
    return next
  }

  /// As many hexadecimal digits, as an escape in a string has them.
  mutating func hexadecimal(_ count: Int) -> UInt32? {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let digit = next(), let number = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(number)
    }
    return value
  }

  /// At the place where it is. Counts lines, and so is for the end of a scan.
  func problem(_ reason: String) -> TextError { TextError(line: 1 + bytes.prefix(at).count { $0 == .newline }, reason: reason) }

  /// What no parser needs to see: too long, a NUL (which ends the text for parsers in C), no UTF-8.
  func check() throws(TextError) {
    if bytes.count > TextScanner.longest { throw TextError(line: 0, reason: "longer than 1 MiB") }
    var place = self
    place.skip { $0 != 0 }
    if place.peek() != nil { throw place.problem("a NUL byte") }
    if String(validating: bytes, as: UTF8.self) == nil { throw TextError(line: 0, reason: "not UTF-8") }
  }

  private func byte(_ text: StaticString, _ number: Int) -> UInt8 {
    // SAFETY: a literal's bytes are static, and every caller counts to utf8CodeUnitCount.
    unsafe text.utf8Start[number]
  }
}

extension [UInt8] {
  /// CR LF if the first line ends so.
  var lineEnding: [UInt8] {
    guard let newline = firstIndex(of: .newline) else { return [.newline] }
    return newline > 0 && self[newline - 1] == .carriageReturn ? [.carriageReturn, .newline] : [.newline]
  }

  /// The bytes with one range replaced.
  func replacing(_ range: Range<Int>, with new: [UInt8]) -> [UInt8] { self[..<range.lowerBound] + new + self[range.upperBound...] }

  /// The text as a string in double quotes, which means the same in TOML and JSON.
  init(quoting text: String) {
    self = [.quote]
    for byte in text.utf8 {
      switch byte {
      case .quote, .backslash: self += [.backslash, byte]
      case 0x08: self += Array("\\b".utf8)
      case .tab: self += Array("\\t".utf8)
      case .newline: self += Array("\\n".utf8)
      case 0x0c: self += Array("\\f".utf8)
      case .carriageReturn: self += Array("\\r".utf8)
      case 0x00...0x1f, 0x7f:
        let digits = Array("0123456789abcdef".utf8)
        self += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: append(byte)
      }
    }
    append(.quote)
  }
}

/// Whether they are the same bytes. Swift's `==` also takes different ways to write an accent for the same, which Linux does not.
func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
