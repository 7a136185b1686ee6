/// What the session helper tells the module, over a pipe: lines `<N>TEXT`, N being the syslog(3) priority as in sd-daemon(3), and at
/// last `end OUTCOME`. Without that last line the report is not whole. A line `tell TEXT` is for the user and not for the log. A line
/// `<s>TEXT` was logged before: it is an error where it fails the session (the option `strict`), and a debug message elsewhere.
public enum ReportFormat {
  /// Longest line, its newline included. A longer one is cut by the writer, and by the reader too.
  public static let longestLine = 1024
  /// The reader passes on this many lines.
  public static let mostLines = 300
  /// Stands for a priority with a line that is for the user.
  public static let userPriority: Int32 = -1
  /// Stands for that of an error that was logged before.
  public static let repeatedError: Int32 = -2
}

/// The helper's side: gathers lines until they are taken to be written.
public struct ReportWriter {
  private var pending: [UInt8] = []
  /// Lines in it that may have been logged before: twice the place where the text begins, and 1 if it fails a strict session.
  private var repeated: [Int] = []
  private var worst = Outcome.done
  /// There is something for the user, who gets one line at most.
  private var hasTold = false
  /// Lines of each priority so far. Each priority has its own bound, so that what a user can cause never crowds an error out.
  private var lines = [0, 0, 0, 0, 0, 0, 0, 0]

  public init() {}

  /// There are lines that may have been logged before, and are not taken yet.
  public var mayRepeat: Bool { !repeated.isEmpty }

  /// Makes debug messages of the lines that were logged before.
  public mutating func quieten(_ memory: inout LogMemory) {
    // The priority is two bytes before the text.
    for line in repeated where memory.knows(lineIn: pending, from: line / 2) {
      pending[line / 2 - 2] = line & 1 == 1 ? UInt8(ascii: "s") : UInt8(ascii: "7")
    }
    repeated = []
  }

  public var outcome: Outcome { worst }

  public mutating func add(_ event: Event, _ wording: Wording) {
    if event.outcome.rawValue > worst.rawValue { worst = event.outcome }
    if !hasTold, let text = wording.userText(of: event) {
      hasTold = true
      pending += Array("tell ".utf8) + text.bytes.prefix(ReportFormat.longestLine - 6)
      pending.append(.newline)
    }
    let priority = Int(event.severity.rawValue)
    lines[priority] += 1
    let most = ReportWriter.mostLines(event.severity)
    if lines[priority] > most { return }
    if event.isRepeated { repeated.append((pending.count + 3) * 2 + (event.outcome == .failed ? 1 : 0)) }
    line(event.severity, lines[priority] == most ? wording.leftOut : wording.text(of: event))
  }

  /// In all fewer than the reader takes. The skeleton has at most 64 files.
  private static func mostLines(_ severity: Severity) -> Int {
    switch severity {
    case .err: 100
    case .info: 70
    case .warning: 60
    case .notice, .debug: 30
    }
  }

  private mutating func line(_ severity: Severity, _ text: Text) {
    pending += [.lessThan, UInt8(ascii: "0") + severity.rawValue, .greaterThan]
    pending += text.bytes.prefix(ReportFormat.longestLine - 4)
    pending.append(.newline)
  }

  /// What is to be written now.
  public mutating func drain() -> [UInt8] {
    let text = pending
    pending = []
    repeated = []
    return text
  }

  /// The same, with the end record.
  public mutating func drainWithEnd() -> [UInt8] {
    var text = drain()
    switch worst {
    case .done: text += Array("end done".utf8)
    case .tolerated: text += Array("end tolerated".utf8)
    case .failed: text += Array("end failed".utf8)
    }
    text.append(.newline)
    return text
  }
}
