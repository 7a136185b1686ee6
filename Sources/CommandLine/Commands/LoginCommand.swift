import ArgumentParser
import RootlessStorage

/// `rootless-storage login`.
struct LoginCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Do what a login does for a user, and print what it logs.",
    discussion: """
      Runs the session helper as the module does, without a session: for users whose session is older than the package, and to see the \
      messages of a login. Only root may do it for others. Exits with 0 if all is in place or was done, 1 if something was refused or \
      failed, 2 if the session helper could not be run.
      """)

  @Argument(help: ArgumentHelp("User; without one, you.", valueName: "user"), completion: UserCompletion.kind) var user: String?

  @Flag(help: "Print debug messages too: what was left alone.") var debug = false

  @Flag(help: "Print one JSON object.") var json = false

  @Option(help: ArgumentHelp("Give up on a home after so many seconds.", valueName: "seconds")) var timeout: UInt32 = HelperArguments
    .defaultTimeout

  @OptionGroup var settings: SettingsOptions

  func validate() throws {
    guard (1...HelperArguments.longestTimeout).contains(timeout) else {
      throw ValidationError("--timeout takes 1 to \(HelperArguments.longestTimeout) seconds.")
    }
  }

  func run() throws {
    let account = try account()
    let helper = try helper()
    let groups = account.credentials.groups.map(String.init).joined(separator: ",")
    let words =
      [
        "--by-hand", "--timeout", String(timeout), "--uid", String(account.uid), "--gid", String(account.credentials.group), "--groups",
        groups,
      ] + (account.groupsLeftOut ? ["--groups-left-out"] : [])
    let arguments =
      [Array("--conf".utf8), settings.path.bytes] + words.map { Array($0.utf8) } + [
        Array("--home".utf8), account.home.bytes, Array("--".utf8), account.name,
      ]
    let report: SessionReport
    do throws(ChildProcess.Failure) {
      // The helper ends itself a second after its timeout at the latest.
      let ending = try ChildProcess.run(
        helper, [helper.bytes] + arguments, environment: [], withErrors: false, seconds: timeout + 2,
        limit: ReportFormat.mostLines * ReportFormat.longestLine)
      report = SessionReport(ending.output)
    } catch {
      switch error {
      case .notStarted(let cause): throw CommandError("\(shown(helper)) cannot be started: \(text(cause)); reinstall the package")
      case .timedOut:
        throw CommandError(
          "it was not done within \(timeout) seconds and was ended; does the file server of \(shown(account.home)) answer?")
      case .tooMuch: throw CommandError("\(shown(helper)) prints more than a session helper does; reinstall the package")
      }
    }
    guard let outcome = report.outcome else {
      throw CommandError("\(shown(helper)) ended before its report did; run it again, and see the system's log")
    }
    if json {
      try printJSON(
        LoginRecord(user: string(account.name), outcome: outcome, messages: report.messages.filter { debug || $0.severity != "debug" }))
    } else {
      report.write(debug: debug, name: account.name)
    }
    if outcome != "done" { throw ExitCode(1) }
  }

  private func account() throws(CommandError) -> Account {
    let caller = effectiveIDs().user
    if user == nil && caller == 0 { throw CommandError("root's own logins are not served; name a user") }
    let found: Account?
    do throws(NameServiceError) {
      let known = if let user { try NameService.account(named: Array(user.utf8)) } else { try NameService.account(uid: caller) }
      found = if let known, known.uid == caller || caller == 0 { try NameService.withGroups(known) } else { known }
    } catch {
      throw CommandError("the name service did not answer: \(text(error.cause)); try again")
    }
    guard let found else {
      throw CommandError(
        "there is no account of that name; is the name service up? (getent passwd \(shellWord(Array((user ?? String(caller)).utf8))))")
    }
    guard caller == 0 || found.uid == caller else { throw CommandError("only root may do that for another user; run it with sudo") }
    if found.uid == 0 { throw CommandError("root's own logins are not served; name another user") }
    return found
  }

  /// The one that logins start. Root starts nothing that others can write.
  private func helper() throws(CommandError) -> Path {
    let step = PAMStacks(HostTree.this, services: PAMFindings.services).ourSteps.first
    let path = step?.pathOption("helper") ?? Installation.defaultHelper
    do throws(PathError) { _ = try walk(toFile: path, .trusted, MountTable(blockDeviceIsLocal: true)) } catch {
      throw CommandError("the session helper cannot be used: \(text(Wording.way(error, .trusted)))")
    }
    return path
  }
}

/// What `login --json` prints. Documented in rootless-storage-json(7).
private struct LoginRecord: Encodable {
  let version = jsonVersion
  let programVersion = Program.version
  let user: String
  let outcome: String
  let messages: [SessionReport.Message]
}

/// What a session helper has written: lines `<N>TEXT`, and at last `end OUTCOME`.
struct SessionReport {
  struct Message: Encodable, Equatable {
    /// `error`, `warning`, `notice`, `info` or `debug`.
    let severity: String
    let text: String
  }

  private(set) var messages: [Message] = []
  /// `done`, `tolerated` or `failed`; nil: the report is not whole.
  private(set) var outcome: String?

  init(_ output: [UInt8]) {
    let severities: [UInt8: String] = [
      UInt8(ascii: "3"): "error", UInt8(ascii: "4"): "warning", UInt8(ascii: "5"): "notice", UInt8(ascii: "6"): "info",
      UInt8(ascii: "7"): "debug",
    ]
    for line in parts(output, separator: { $0 == .newline }) {
      if begins(line, with: Array("end ".utf8)) {
        outcome = shown(Array(line.dropFirst(4)))
        return
      }
      guard line.count > 3, line[0] == .lessThan, line[2] == .greaterThan, let severity = severities[line[1]] else { continue }
      messages.append(Message(severity: severity, text: shown(Array(line.dropFirst(3)))))
    }
  }

  func write(debug: Bool, name: [UInt8]) {
    let printed = messages.filter { debug || $0.severity != "debug" }
    if printed.isEmpty { printOut("\(shown(name)): there was nothing to do.") }
    let styles: [String: Terminal.Style] = ["error": .red, "warning": .yellow]
    for message in printed {
      let word = padded(message.severity, to: 7)
      let text = Terminal.standard.wrapped(message.text, indent: 8, first: "\(word) ").dropFirst(word.count)
      printOut((styles[message.severity].map { Terminal.standard.styled(word, $0) } ?? word) + text)
    }
  }
}
