/// Users at a glance, and what there is to say of each below.
struct UserTable {
  let terminal: Terminal
  private var rows = [["USER", "HOME", "STORAGE", "STATE"]]
  private var details: [String] = []

  init(_ terminal: Terminal) { self.terminal = terminal }

  mutating func add(_ report: UserReport) {
    rows.append([report.name, UserTable.home(report), report.storagePlace ?? "-", UserTable.state(report)])
    addFindings(report)
  }

  /// What there is to say of a user, and no row.
  mutating func addFindings(_ report: UserReport) {
    if let failure = report.failure {
      details.append(section(report.name, [terminal.wrapped("could not look: \(failure)", indent: 4, first: "  ")]))
    } else if !report.findings.isEmpty {
      details.append(section(report.name, report.findings.map(text(of:))))
    }
  }

  /// What has no user: this host's findings.
  ///
  /// - Parameter unseen: files that only root may read.
  mutating func add(host findings: [Finding], unseen: [String]) {
    var lines = findings.map(text(of:))
    if !unseen.isEmpty {
      lines.append(
        terminal.wrapped("not looked at, since it may not be read by you: \(unseen.joined(separator: ", "))", indent: 4, first: "  "))
    }
    if !lines.isEmpty { details.append(section("this host", lines)) }
  }

  /// The whole text; `quiet` in place of it if there is nothing to say.
  func text(quiet: String) -> String {
    if details.isEmpty { return quiet }
    let parts = (rows.count > 1 ? [terminal.table(rows)] : []) + details
    return parts.joined(separator: "\n\n")
  }

  private func section(_ title: String, _ lines: [String]) -> String { ([terminal.styled(title, .bold)] + lines).joined(separator: "\n") }

  /// A code, what is wrong, and what fixes it.
  func text(of finding: Finding) -> String {
    let style: Terminal.Style =
      switch finding.severity {
      case .error: .red
      case .warning: .yellow
      case .note: .dim
      }
    let severity = terminal.styled(finding.severity.rawValue, style)
    return """
        \(severity) \(finding.code.rawValue)
      \(terminal.wrapped(finding.sentence, indent: 4, first: "    "))
      \(terminal.remedy(finding.remedy))
      """
  }

  static func home(_ report: UserReport) -> String {
    guard let home = report.home else { return "-" }
    guard let type = home.fileSystem else { return "unknown" }
    return "\(type)\(home.isNetwork ? "" : ", local")"
  }

  private static func state(_ report: UserReport) -> String {
    if report.failure != nil { return "could not look" }
    if !report.isServed { return "not served" }
    if report.findings.hasProblems { return count(report.findings) }
    return report.findings.contains { $0.code == .homeTicketMissing } ? "no ticket" : "good"
  }

  /// `2 errors, 1 warning`.
  static func count(_ findings: [Finding]) -> String {
    let errors = findings.count { $0.severity == .error }
    let warnings = findings.count { $0.severity == .warning }
    return [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(
      separator: ", ")
  }
}

extension [Finding] {
  /// Something has to be fixed.
  var hasProblems: Bool { contains { $0.severity != .note } }
}

extension Terminal {
  /// What fixes something, behind an arrow. A command that has to be broken can still be copied: each line but the last ends in a
  /// backslash. One with quotes stays on one line, however long. What has to be known of a command stands below it: a broken comment
  /// would be run as a command.
  func remedy(_ remedy: Remedy) -> String {
    arrow(remedy.words, isCommand: remedy.instruction == nil)
      + (remedy.remark.map { "\n" + wrapped("(\($0))", indent: 7, first: "       ") } ?? "")
  }

  private func arrow(_ text: String, isCommand: Bool) -> String {
    // Inside quotes there is no place to break it.
    if isCommand && text.contains(where: { "'\"\\".contains($0) }) { return "    -> " + text }
    let lines = Terminal(isTerminal: isTerminal, hasColour: false, width: width - 2).wrapped(text, indent: 7, first: "    -> ").split(
      separator: "\n")
    return lines.joined(separator: isCommand ? " \\\n" : "\n")
  }
}
