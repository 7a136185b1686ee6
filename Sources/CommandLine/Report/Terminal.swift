import FoundationEssentials
import RootlessStorage

/// Where text goes, and what can be shown there.
struct Terminal {
  /// Standard output is one, and so somebody reads.
  let isTerminal: Bool
  let hasColour: Bool
  /// Columns that text is wrapped at.
  let width: Int

  /// Standard output as it is. Colour only on a terminal that has it, and not with NO_COLOR.
  static let standard: Terminal = {
    let isTerminal = TerminalDevice.isTerminal(1)
    let environment = ProcessInfo.processInfo.environment
    let hasColour = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    let columns = isTerminal ? TerminalDevice.columns(1) : 80
    return Terminal(isTerminal: isTerminal, hasColour: hasColour, width: columns >= 40 ? min(columns, 120) : 80)
  }()

  enum Style: String {
    case bold = "1"
    case red = "31"
    case yellow = "33"
    case green = "32"
    case dim = "2"
  }

  func styled(_ text: String, _ style: Style) -> String { hasColour ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text }

  /// The text in lines of at most `width` columns, broken at blanks, each after the first indented. A word that is longer stands alone.
  func wrapped(_ text: String, indent: Int, first: String = "") -> String {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = first
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty && line.count + 1 + word.count > width {
        lines.append(line)
        line = margin
        isEmpty = true
      }
      if !isEmpty { line += " " }
      line += word
      isEmpty = false
    }
    lines.append(line)
    return lines.joined(separator: "\n")
  }

  /// Rows in columns, two blanks apart; the last column is not padded. `rows[0]` is the heading.
  func table(_ rows: [[String]], rightAligned: Set<Int> = []) -> String {
    var columns = Columns(rightAligned: rightAligned)
    for row in rows { columns.fit(row) }
    let lines = rows.map(columns.line)
    return ([styled(lines[0], .bold)] + lines.dropFirst()).joined(separator: "\n")
  }
}

/// Writes all of it to standard output. A reader that has gone, as `head` does, is no fault of anybody's.
func printOut(_ text: String) { writeToStandardOutput(Array((text + "\n").utf8)) }

/// The same to standard error.
func printError(_ text: String) { TerminalDevice.writeToStandardError(text + "\n") }

/// One line that tells how far it is, on a terminal only, over which the next one is written.
struct Progress {
  private let isShown = TerminalDevice.isTerminal(2) && TerminalDevice.isTerminal(1)
  private var lastShown = 0.0

  /// At most ten times a second.
  mutating func show(_ text: @autoclosure () -> String) {
    guard isShown else { return }
    let now = Date().timeIntervalSinceReferenceDate
    if now - lastShown < 0.1 { return }
    lastShown = now
    TerminalDevice.writeToStandardError("\r\u{1b}[K\(text())")
  }

  func clear() {
    if isShown { TerminalDevice.writeToStandardError("\r\u{1b}[K") }
  }
}
