import RootlessStorage

/// What a line says of how its module's answer counts (pam.d(5)), as far as it decides what comes next.
struct PAMControl: Equatable, Sendable {
  enum Action: Equatable, Sendable {
    case ignore, ok, done, bad, die, reset
    /// So many modules are left out.
    case jump(Int)
  }

  /// As it is written; brackets included.
  let text: [UInt8]
  /// By the module's answer, in the file's order; `default` stands for all that are not named.
  let actions: [Case]

  struct Case: Equatable, Sendable {
    let answer: String
    let action: Action
  }
}

/// One line of a file in /etc/pam.d, put together from as many as it spans.
struct PAMLine: Equatable, Sendable {
  enum Content: Equatable, Sendable {
    /// `@include NAME`: Debian's. Takes all types of lines.
    case includeAll(Path)
    /// `TYPE include NAME` or `TYPE substack NAME`: takes the lines of that type.
    case include(PAMType, Path, isSubstack: Bool)
    case module(PAMType, PAMControl, path: Path, arguments: [[UInt8]])
    /// Something is missing or wrong. libpam lets the whole stack of that type fail; nil: of the type that is being read.
    case broken(PAMType?)
  }

  /// In /etc/pam.conf, the service that the line is for.
  let service: [UInt8]?
  /// Counted from 1; where it begins.
  let number: Int
  /// Where it ends.
  let lastNumber: Int
  /// A `-` before the type: nobody is told when the module is missing.
  let isSilent: Bool
  let content: Content
}

enum PAMType: String, Sendable { case auth, account, password, session }

/// The lines of a file as libpam reads them (pam_handlers.c, pam_line.c, `_pam_tokenize`), comments and empty ones left out.
struct PAMLines {
  private(set) var lines: [PAMLine] = []
  /// The file ends in a line that should be continued; libpam then refuses all of it.
  private(set) var isUnfinished = false

  /// - Parameter withServices: it is /etc/pam.conf, where every line begins with a service.
  init(_ content: [UInt8], withServices: Bool = false) {
    var statement: [UInt8] = []
    var first = 0
    var number = 0
    // What follows the last newline is a line only if there is something.
    for raw in (content.last == .newline ? content.dropLast() : content[...]).split(separator: .newline, omittingEmptySubsequences: false) {
      number += 1
      if first == 0 { first = number }
      // What is read is a C string.
      let text = raw.prefix { $0 != 0 }
      let hasComment = text.contains(.hash)
      var part = Array(text.prefix { $0 != .hash }.drop(while: isBlank))
      // A backslash in a comment does not continue it.
      let isContinued = !hasComment && text.last(where: { !isBlank($0) }) == .backslash
      if isContinued, let backslash = part.lastIndex(of: .backslash) { part.replaceSubrange(backslash..., with: [.space]) }
      statement += part
      if isContinued { continue }
      if let line = PAMLine(statement, first...number, withServices) { lines.append(line) }
      statement = []
      first = 0
    }
    if first != 0 { isUnfinished = true }
  }
}

extension PAMLine {
  fileprivate init?(_ statement: [UInt8], _ numbers: ClosedRange<Int>, _ withService: Bool) {
    var tokens = PAMTokens(statement)
    var next = tokens.next()
    if next == nil { return nil }
    service = withService ? next?.text : nil
    if withService { next = tokens.next() }
    number = numbers.lowerBound
    lastNumber = numbers.upperBound
    let kind = lowercased(next?.text ?? [])
    if kind.elementsEqual("@include".utf8) {
      isSilent = false
      content = tokens.next().map { .includeAll(Path($0.text)) } ?? .broken(nil)
      return
    }
    isSilent = kind.first == .hyphen
    let type = PAMType(rawValue: String(decoding: isSilent ? Array(kind.dropFirst()) : kind, as: UTF8.self))
    guard let type, let control = tokens.next(), let path = tokens.next() else {
      content = .broken(type)
      return
    }
    let word = control.isBracketed ? [] : lowercased(control.text)
    if word.elementsEqual("include".utf8) || word.elementsEqual("substack".utf8) {
      content = .include(type, Path(path.text), isSubstack: word.elementsEqual("substack".utf8))
      return
    }
    var arguments: [[UInt8]] = []
    while let argument = tokens.next() { arguments.append(argument.text) }
    content = .module(type, PAMControl(control), path: Path(path.text), arguments: arguments)
  }
}

/// The words of a line. What stands in brackets is one, and loses them; `\]` in it is a bracket.
private struct PAMTokens {
  struct Token {
    let text: [UInt8]
    let isBracketed: Bool
  }

  private var rest: ArraySlice<UInt8>

  init(_ statement: [UInt8]) { rest = statement[...] }

  mutating func next() -> Token? {
    rest = rest.drop { isBlank($0) }
    guard let first = rest.first else { return nil }
    var text: [UInt8] = []
    guard first == .leftBracket else {
      text = Array(rest.prefix { !isBlank($0) })
      rest = rest.dropFirst(text.count)
      return Token(text: text, isBracketed: false)
    }
    rest = rest.dropFirst()
    while let byte = rest.popFirst(), byte != .rightBracket {
      if byte == .backslash && rest.first == .rightBracket {
        rest = rest.dropFirst()
        text.append(.rightBracket)
      } else {
        text.append(byte)
      }
    }
    return Token(text: text, isBracketed: true)
  }
}

extension PAMControl {
  /// What libpam does with a control that it does not understand: every answer is a failure.
  private static let failing = [Case(answer: "default", action: .bad)]

  fileprivate init(_ token: PAMTokens.Token) {
    text = token.isBracketed ? [.leftBracket] + token.text + [.rightBracket] : token.text
    let isWord = { (word: String) in !token.isBracketed && lowercased(token.text).elementsEqual(word.utf8) }
    if isWord("required") {
      actions = PAMControl.cases("success=ok new_authtok_reqd=ok ignore=ignore default=bad")
    } else if isWord("requisite") {
      actions = PAMControl.cases("success=ok new_authtok_reqd=ok ignore=ignore default=die")
    } else if isWord("optional") {
      actions = PAMControl.cases("success=ok new_authtok_reqd=ok default=ignore")
    } else if isWord("sufficient") {
      actions = PAMControl.cases("success=done new_authtok_reqd=done default=ignore")
    } else {
      actions = PAMControl.cases(String(decoding: token.text, as: UTF8.self))
    }
  }

  /// `answer=action answer=action …`, blanks around `=` allowed.
  private static func cases(_ text: String) -> [Case] {
    var found: [Case] = []
    let statement = text.split(separator: "=", omittingEmptySubsequences: false).map {
      $0.split(whereSeparator: { $0 == " " || $0 == "\t" })
    }
    // Between two `=` stand the action of the one before and the answer of the one after.
    for index in statement.indices.dropFirst() {
      guard let answer = statement[index - 1].last, let value = statement[index].first, let action = action(value),
        statement[index].count == (index == statement.count - 1 ? 1 : 2), index > 1 || statement[0].count == 1
      else { return failing }
      found.append(Case(answer: String(answer), action: action))
    }
    return found.isEmpty ? failing : found
  }

  private static func action(_ text: Substring) -> Action? {
    switch text {
    case "ignore": .ignore
    case "ok": .ok
    case "done": .done
    case "bad": .bad
    case "die": .die
    case "reset": .reset
    default: Int32(text).flatMap { $0 > 0 ? .jump(Int($0)) : nil }
    }
  }
}

/// ASCII letters in lower case.
func lowercased(_ bytes: [UInt8]) -> [UInt8] { bytes.map(lowercase) }
