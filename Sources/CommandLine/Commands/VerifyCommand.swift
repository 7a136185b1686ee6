import ArgumentParser
import RootlessStorage

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Ask the engines: run a tiny container as the user.",
    discussion: """
      Runs podman, and docker where a daemon of the user's is running, as the user and in a session of theirs: a tiny image is made, \
      imported, run without network and removed. What the engines report of themselves is compared with what check expects. Exits with 0 \
      if all is good, 1 if there are findings, 2 if something could not be looked at, 3 if no engine could be asked, as with a user who \
      is logged out.
      """)

  @Argument(help: ArgumentHelp("Users; without any, you. Only root may name others.", valueName: "user"), completion: UserCompletion.kind)
  var users: [String] = []

  @Option(help: ArgumentHelp("Ask only this engine: podman or docker.", valueName: "engine"), completion: .list(["podman", "docker"]))
  var engine: String?

  @Flag(help: "Print one JSON object.") var json = false

  @Option(help: ArgumentHelp("Give up on a user's engines after so many seconds.", valueName: "seconds")) var timeout: UInt32 = 120

  @OptionGroup var settings: SettingsOptions

  func validate() throws {
    guard (5...3600).contains(timeout) else { throw ValidationError("--timeout takes 5 to 3600 seconds.") }
    if let engine, EngineReport.Engine(rawValue: engine) == nil { throw ValidationError("--engine takes podman or docker.") }
    if users.isEmpty && effectiveIDs().user == 0 { throw ValidationError("Name the users whose engines are to be asked.") }
  }

  func run() throws {
    let path = settings.path
    let known = try settings.read(path).settings
    let selection = try UserSelection(users, all: false, known)
    let given = settings.given
    let verifier = EngineVerifier(
      engines: engine.flatMap { EngineReport.Engine(rawValue: $0) }.map { [$0] } ?? EngineReport.Engine.allCases, conf: path,
      timeout: timeout,
      environment: selection.isSelf ? UserOptions.environment : nil, host: { HostFacts.look(settingsPath: given) }, settings: known)
    var list = json ? JSONList("\"host\":\(jsonText(shown(hostName()))),", list: "users") : nil
    var seen: Set<Int32> = []
    for subject in selection.subjects {
      let report = verifier.report(on: subject)
      if json { list?.add(report) } else { printOut((seen.isEmpty ? "" : "\n") + VerifyCommand.text(report, .standard)) }
      seen.insert(report.exitStatus)
    }
    list?.end()
    // What could not be looked at counts most, and what is unknown least.
    if let worst = ([2, 1, 3] as [Int32]).first(where: seen.contains) { throw ExitCode(worst) }
  }

  // MARK: Text

  private static func text(_ report: VerificationReport, _ terminal: Terminal) -> String {
    switch report.state {
    case .failed: return terminal.wrapped("\(report.name): could not look: \(report.cause ?? "")", indent: 2)
    case .unknown: return terminal.wrapped("\(report.name): unknown: \(report.cause ?? "")", indent: 2)
    case .notServed: return terminal.wrapped("\(report.name): not served (\(report.cause ?? "")), nothing was run.", indent: 2)
    case .good, .findings: break
    }
    var lines = report.engines.flatMap { text($0, of: report.name, terminal) }
    if lines.isEmpty { lines.append("\(report.name): no engine was asked.") }
    lines += report.findings.map { UserTable(terminal).text(of: $0) }
    if !report.explanations.isEmpty {
      lines.append("  check finds, and that explains it:")
      lines += report.explanations.map { UserTable(terminal).text(of: $0) }
    }
    return lines.joined(separator: "\n")
  }

  private static func text(_ report: EngineReport, of user: String, _ terminal: Terminal) -> [String] {
    if let unknown = report.unknown { return [terminal.wrapped("\(user): \(report.engine.rawValue) was not asked: \(unknown)", indent: 2)] }
    let version = report.version.map { " \($0)" } ?? ""
    let place = report.graphroot.map { ", \(report.driver ?? "storage") in \($0)\(report.fileSystem.map { " (\($0))" } ?? "")" } ?? ""
    let verdict =
      report.failedStep.map { "failed at \($0.step.rawValue)" }
      ?? (report.differences.isEmpty ? "works" : "works, and not as check expects")
    var lines = [terminal.wrapped("\(user): \(report.engine.rawValue)\(version) \(verdict)\(place).", indent: 2)]
    for step in report.steps {
      let head = "  \(padded(step.step.rawValue, to: 9))  \(padded(seconds(step.milliseconds), to: 8, .left))  "
      lines.append(terminal.wrapped(step.outcome.rawValue + (step.cause.map { ": \($0)" } ?? ""), indent: head.count, first: head))
      lines += (step.words ?? []).map { terminal.wrapped($0, indent: 8, first: "      | ") }
    }
    return lines
  }

  /// `0.31 s`.
  private static func seconds(_ milliseconds: Int) -> String {
    let hundredths = (milliseconds + 5) / 10
    return "\(hundredths / 100).\(padded(String(hundredths % 100), to: 2, .left, with: "0")) s"
  }
}

extension VerificationReport {
  fileprivate var exitStatus: Int32 {
    switch state {
    case .good, .notServed: 0
    case .findings: 1
    case .failed: 2
    case .unknown: 3
    }
  }
}
