import ArgumentParser
import RootlessStorage
import Synchronization

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair", abstract: "Fix what check finds, and keep what is replaced.",
    discussion: """
      Prints each action, and what it leaves to you. With --dry-run it prints the same plan and does nothing. Exits with 0 if nothing is \
      left to fix, 1 if something is, 2 if something could not be looked at.
      """)

  @OptionGroup var options: UserOptions

  @Flag(help: "Print what would be done, and do nothing.") var dryRun = false

  @Flag(help: "Count what is older than storage_quota too: give it the storage directory's project.") var recursive = false

  func validate() throws {
    if options.users.isEmpty && !options.all && effectiveIDs().user == 0 {
      throw ValidationError("Name the users to repair, or give --all.")
    }
  }

  func run() throws {
    let host = HostFacts.look(settingsPath: options.settings.given)
    if recursive { try requireQuota(host) }
    let output = Mutex(Output())
    let isJSON = options.json
    try options.examine(dryRun ? .plan : .repair, host, isRecursive: recursive) { report in
      output.withLock { output in
        output.worst = worseExit(output.worst, report.exitCode)
        output.seen += 1
        if isJSON { return output.reports.append(report) }
        guard let text = RepairCommand.text(report, .standard) else { return }
        // While it goes on: an interrupted run has said what it did.
        printOut(output.said ? "\n\(text)" : text)
        output.said = true
      }
    }
    let findings = hostFindings(host)
    try output.withLock { output in
      if isJSON {
        let name = String(decoding: hostName(), as: UTF8.self)
        return try printJSON(
          ReportDocument(
            host: .init(name: shown(name), findings: findings, unseen: hostUnseen(host).map { shown($0) }), users: output.reports))
      }
      if !output.said { printOut("\(output.seen == 1 ? "1 user" : "\(output.seen) users"): no problems found.") }
      if findings.hasProblems {
        printOut("\nThis host: \(UserTable.count(findings)), which repair leaves to you: rootless-storage check")
      }
    }
    let worst = output.withLock { $0.worst }
    if worst != .success { throw worst }
  }

  private func requireQuota(_ host: HostFacts) throws {
    let path = host.installation.settingsPath
    if try !options.settings.read(path).settings.quotas.isSet {
      throw CommandError(
        "--recursive gives files the project of a limit, and \(shown(path)) sets none; set storage_quota, or repair without --recursive")
    }
  }

  private struct Output {
    var reports: [UserReport] = []
    var worst = ExitCode.success
    var seen = 0
    var said = false
  }

  /// - Returns: nil if there is nothing to say.
  private static func text(_ report: UserReport, _ terminal: Terminal) -> String? {
    var lines = [terminal.styled(report.name, .bold)]
    if let failure = report.failure {
      lines.append(terminal.wrapped("could not look: \(failure)", indent: 4, first: "  "))
      return lines.joined(separator: "\n")
    }
    for action in report.actions ?? [] {
      let (word, style): (String, Terminal.Style) =
        switch action.outcome {
        case .planned: ("would ", .yellow)
        case .done: ("done   ", .green)
        case .failed: ("failed ", .red)
        }
      let body = terminal.wrapped(action.action, indent: 9, first: "         ")
      lines.append("  " + terminal.styled(word, style) + body.dropFirst(9))
      if let backup = action.backup { lines.append(terminal.wrapped("what was there is now \(backup)", indent: 9, first: "         ")) }
      for line in action.counts?.lines(isPlan: action.outcome == .planned) ?? [] {
        lines.append(terminal.wrapped(line, indent: 9, first: "         "))
      }
      if let cause = action.cause { lines.append(terminal.wrapped(cause, indent: 9, first: "         ")) }
    }
    // A plan fixes what it can; what is left then is what it cannot.
    let isPlan = report.actions?.contains { $0.outcome == .planned } ?? false
    let left = report.findings.filter { (!isPlan || !$0.isRepairable) && $0.severity != .note }
    if !left.isEmpty {
      lines.append("  left to you:")
      lines += left.map { UserTable(terminal).text(of: $0) }
    }
    return lines.count > 1 ? lines.joined(separator: "\n") : nil
  }
}
