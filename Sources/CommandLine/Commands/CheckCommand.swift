import ArgumentParser
import RootlessStorage
import Synchronization

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Report problems, each with the command that fixes it. Changes nothing.",
    discussion: "Exits with 0 if all is good, 1 if there are findings, 2 if something could not be looked at.")

  @Flag(help: "Print one line if there are errors or warnings, else nothing.") var quiet = false

  @Flag(help: "Print numbers for Prometheus, without names.") var metrics = false

  @OptionGroup var options: UserOptions

  func validate() throws {
    if [quiet, metrics, options.json].filter({ $0 }).count > 1 {
      throw ValidationError("--quiet, --metrics and --json exclude each other.")
    }
  }

  func run() throws {
    let began = monotonicMilliseconds()
    let host = HostFacts.look(settingsPath: options.settings.given)
    let result = Mutex(Result())
    let isJSON = options.json
    // What keeps it from looking at users is told when the host's findings are, which may be the cause.
    var obstacle: CommandError? = nil
    var asked = 0
    do { asked = try options.examine(.check, host) { report in result.withLock { $0.record(report, keeping: isJSON) } } } catch let failure
      as CommandError
    {
      obstacle = failure
    }
    let orphans = options.all && obstacle == nil ? asked - result.withLock { $0.seen } : 0
    let findings = hostFindings(host) + (options.all ? siteFindings(host, orphans: orphans) : [])
    let unseen = hostUnseen(host).map { shown($0) }
    try result.withLock { result in
      result.progress.clear()
      if options.json {
        let name = String(decoding: hostName(), as: UTF8.self)
        try printJSON(ReportDocument(host: .init(name: shown(name), findings: findings, unseen: unseen), users: result.reports))
      } else if quiet || metrics {
        result.summary.add(findings)
        if quiet, let line = result.summary.line { printOut(line) }
        if metrics && obstacle == nil {
          printOut(
            result.summary.metrics(disk: host.storageParent?.volume, milliseconds: monotonicMilliseconds() - began, now: wallClock()))
        }
      } else {
        result.table.add(host: findings, unseen: unseen)
        let quiet =
          options.all && result.seen == 0
          ? "No user has been seen on this host; no problems found." : CheckCommand.quiet(result.seen, result.reports.first)
        let text = result.table.text(quiet: obstacle == nil ? quiet : "")
        if !text.isEmpty { printOut(text) }
      }
    }
    if let obstacle {
      // The cause is among the findings that were printed, with its remedy.
      let causes = findings.filter { [.settingsRefused, .storageWay].contains($0.code) }.map(\.code.rawValue)
      if !causes.isEmpty && !options.json && !quiet && !metrics {
        throw CommandError("no user was looked at, because of \(list(causes)); see above")
      }
      throw obstacle
    }
    let worst = worseExit(result.withLock { $0.worst }, findings.hasProblems ? ExitCode(1) : .success)
    if worst != .success { throw worst }
  }

  private struct Result {
    var table = UserTable(.standard)
    var summary = CheckSummary()
    var progress = Progress()
    /// All for JSON, else the first.
    var reports: [UserReport] = []
    var seen = 0
    var worst = ExitCode.success

    mutating func record(_ report: UserReport, keeping: Bool) {
      seen += 1
      let seen = seen
      if seen > 1 { progress.show("looked at \(seen) users") }
      worst = worseExit(worst, report.exitCode)
      summary.add(report)
      if keeping || seen == 1 { reports.append(report) }
      if !keeping { table.add(report) }
    }
  }

  /// What it says where nothing is wrong, and the next step.
  private static func quiet(_ users: Int, _ report: UserReport?) -> String {
    guard users > 0, let report else { return "This host: no problems found. Name users, or give --all, to look at their homes too." }
    if users > 1 { return "\(users) users: no problems found.\nNext, to ask the engines of one of them: rootless-storage verify USER" }
    guard report.isServed else {
      return "\(report.name): not served (uid \(report.uid ?? 0) is outside uid_min to uid_max), no problems found."
    }
    let storage = report.storagePlace.map { ", storage in \($0)" } ?? ""
    return
      "\(report.name): no problems found; home on \(UserTable.home(report))\(storage).\nNext, to ask the engines: rootless-storage verify \(shellWord(Array(report.name.utf8)))"
  }
}

/// 2, could not look, is worse than 1, findings.
func worseExit(_ first: ExitCode, _ second: ExitCode) -> ExitCode { first.rawValue >= second.rawValue ? first : second }

extension UserReport {
  var exitCode: ExitCode {
    if failure != nil { return ExitCode(2) }
    let isLeft = actions?.contains { $0.outcome != .done } ?? false
    return !findings.hasProblems && !isLeft ? .success : ExitCode(1)
  }
}
