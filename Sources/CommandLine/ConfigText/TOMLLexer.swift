import RootlessStorage

// The words of TOML: keys, strings, comments, numbers, dates.

extension TOMLScan {
  /// A key with its dots, and the blanks around it.
  static func key(_ text: inout TextScanner) throws(TextError) -> (names: [String], written: [Range<Int>]) {
    var names: [String] = []
    var written: [Range<Int>] = []
    repeat {
      text.skip(while: isBlank)
      let start = text.at
      let name: [UInt8]
      if text.sees("\"") || text.sees("'") {
        name = try string(&text, isKey: true)
      } else {
        text.skip(while: isBare)
        name = Array(text.bytes[start..<text.at])
        if name.isEmpty { throw text.problem("no key where one belongs") }
      }
      names.append(String(decoding: name, as: UTF8.self))
      written.append(start..<text.at)
      text.skip(while: isBlank)
      if names.count > TextScanner.deepest { throw text.problem("a key with more than \(TextScanner.deepest) parts") }
    } while text.skip(".")
    return (names, written)
  }

  static func isBare(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == .underscore || byte == .hyphen }

  /// Any of the four kinds of string, and what it means.
  static func string(_ text: inout TextScanner, isKey: Bool) throws(TextError) -> [UInt8] {
    let isLiteral = text.sees("'")
    let isLong = !isKey && (text.skip("\"\"\"") || text.skip("'''"))
    if !isLong { _ = text.next() } else { _ = newline(&text) }
    let quote: UInt8 = isLiteral ? .apostrophe : .quote
    var meaning: [UInt8] = []
    while let byte = text.peek() {
      if byte == quote {
        if !isLong || (text.peek(1) == quote && text.peek(2) == quote) {
          for _ in 0..<(isLong ? 3 : 1) { _ = text.next() }
          // Up to two quotes before the end belong to the string.
          for _ in 0..<2 where isLong && text.peek() == quote {
            text.hasSeenNewer = true
            meaning.append(text.next() ?? quote)
          }
          return meaning
        }
        meaning.append(quote)
        _ = text.next()
      } else if byte == .backslash && !isLiteral {
        _ = text.next()
        meaning += try escape(&text, isLong: isLong)
      } else if isLong && newline(&text) {
        meaning.append(.newline)
      } else if byte == .tab || (byte >= .space && byte != 0x7f) {
        meaning.append(byte)
        _ = text.next()
      } else {
        throw text.problem(byte == .newline ? "a string without its end" : "a control character in a string")
      }
    }
    throw text.problem("a string without its end")
  }

  private static func escape(_ text: inout TextScanner, isLong: Bool) throws(TextError) -> [UInt8] {
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "b"): 0x08, UInt8(ascii: "t"): .tab, UInt8(ascii: "n"): .newline, UInt8(ascii: "f"): 0x0c,
      UInt8(ascii: "r"): .carriageReturn, .quote: .quote, .backslash: .backslash,
    ]
    if let byte = text.peek(), let meaning = simple[byte] {
      _ = text.next()
      return [meaning]
    }
    if text.sees("u") || text.sees("U") {
      let digits = text.next() == UInt8(ascii: "u") ? 4 : 8
      guard let number = text.hexadecimal(digits), let scalar = Unicode.Scalar(number) else {
        throw text.problem("an escape that is no character")
      }
      // TOMLKit hands strings over as C does: it would cut this one, and a cut path is another path.
      if number == 0 { throw text.problem("a NUL character in a string") }
      return Array(String(Character(scalar)).utf8)
    }
    if isLong {
      text.skip(while: isBlank)
      if newline(&text) {
        while let byte = text.peek(), isBlank(byte) || text.sees("\n") || text.sees("\r\n") { _ = text.next() }
        return []
      }
    }
    throw text.problem("an unknown escape in a string")
  }

  /// Blanks, and a comment if there is one.
  static func comment(_ text: inout TextScanner) throws(TextError) {
    text.skip(while: isBlank)
    guard text.skip("#") else { return }
    text.skip { $0 == .tab || ($0 >= .space && $0 != 0x7f) }
    if text.peek() != nil && !text.sees("\n") && !text.sees("\r\n") { throw text.problem("a control character in a comment") }
  }

  static func newline(_ text: inout TextScanner) -> Bool { text.skip("\n") || text.skip("\r\n") }

  /// What may stand between the values of an array.
  static func blankLines(_ text: inout TextScanner) throws(TextError) {
    repeat { try comment(&text) } while newline(&text)
  }

  /// A number, a boolean, a date. Their ranges are for toml++ to judge.
  static func scalar(_ text: inout TextScanner) throws(TextError) {
    let start = text.at
    text.skip { isBare($0) || $0 == .plus || $0 == .dot || $0 == .colon }
    // A blank may stand between date and time.
    if text.at - start == 10, text.peek() == .space, let digit = text.peek(1), isDigit(digit), text.bytes[start..<text.at].contains(.hyphen)
    {
      _ = text.next()
      text.skip { isBare($0) || $0 == .plus || $0 == .dot || $0 == .colon }
    }
    if start == text.at { throw text.problem("no value where one belongs") }
    let word = Array(text.bytes[start..<text.at])
    guard isScalar(word) else { throw text.problem("neither a string nor another value") }
    if isNewer(word) { text.hasSeenNewer = true }
  }

  /// What BurntSushi/toml up to 0.3 does not know: numbers that are not decimal, those that are none, and a time without a date before it
  /// and a capital T between them.
  private static func isNewer(_ word: [UInt8]) -> Bool {
    if isWholeNumber(word) { return true }
    if word.last.map({ $0 == UInt8(ascii: "f") || $0 == UInt8(ascii: "n") }) ?? false { return true }
    guard word.contains(.colon) else { return false }
    return word.count < 11 || word[10] != UInt8(ascii: "T") || word.last == UInt8(ascii: "z")
  }

  private static func isScalar(_ word: [UInt8]) -> Bool {
    if ["true", "false"].contains(where: { word.elementsEqual($0.utf8) }) { return true }
    return isWholeNumber(word) || isNumber(word) || isTime(word)
  }

  /// Hexadecimal, octal, binary.
  private static func isWholeNumber(_ word: [UInt8]) -> Bool {
    var text = TextScanner(word)
    if text.skip("0x") { return digits(&text) { isHexDigit(lowercase($0)) } && text.peek() == nil }
    if text.skip("0o") { return digits(&text) { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "7") } && text.peek() == nil }
    return text.skip("0b") && digits(&text) { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") } && text.peek() == nil
  }

  private static func isNumber(_ word: [UInt8]) -> Bool {
    var text = TextScanner(word)
    _ = text.skip("+") || text.skip("-")
    if text.skip("inf") || text.skip("nan") { return text.peek() == nil }
    if text.sees("0"), let second = text.peek(1), isDigit(second) || second == .underscore { return false }
    guard digits(&text, isDigit) else { return false }
    if text.skip(".") { guard digits(&text, isDigit) else { return false } }
    if text.skip("e") || text.skip("E") {
      _ = text.skip("+") || text.skip("-")
      guard digits(&text, isDigit) else { return false }
    }
    return text.peek() == nil
  }

  /// One digit or more, with single underscores between them.
  private static func digits(_ text: inout TextScanner, _ isWanted: (UInt8) -> Bool) -> Bool {
    repeat {
      guard let digit = text.next(), isWanted(digit) else { return false }
      text.skip(while: isWanted)
    } while text.skip("_")
    return true
  }

  private static func isTime(_ word: [UInt8]) -> Bool {
    var text = TextScanner(word)
    let hasDate = numbers(&text, [4, 2, 2], between: .hyphen)
    if hasDate {
      if text.peek() == nil { return true }
      guard text.skip("T") || text.skip("t") || text.skip(" ") else { return false }
    } else {
      text = TextScanner(word)
    }
    guard numbers(&text, [2, 2, 2], between: .colon) else { return false }
    if text.skip(".") {
      guard let digit = text.next(), isDigit(digit) else { return false }
      text.skip(while: isDigit)
    }
    if hasDate && !text.skip("Z") && !text.skip("z") && (text.skip("+") || text.skip("-")) {
      guard numbers(&text, [2, 2], between: .colon) else { return false }
    }
    return text.peek() == nil
  }

  /// Numbers of so many digits.
  private static func numbers(_ text: inout TextScanner, _ lengths: [Int], between separator: UInt8) -> Bool {
    for (number, length) in lengths.enumerated() {
      if number > 0 && text.next() != separator { return false }
      for _ in 0..<length {
        guard let digit = text.next(), isDigit(digit) else { return false }
      }
    }
    return true
  }
}
