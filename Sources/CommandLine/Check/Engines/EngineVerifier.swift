import FoundationEssentials
import RootlessStorage

/// Has engines tried for one user after another, and holds what they say against what check computed.
///
/// A process of our own does it in the user's session, all engines' commands at once: a manager is asked once for each user. What that
/// process prints is the user's, and no proof of anything.
struct EngineVerifier {
  /// Seconds until a home is given up.
  private static let timeout: UInt32 = 10
  /// Milliseconds of the time that are left for processes to end.
  private static let margin: Int64 = 1000

  let engines: [EngineReport.Engine]
  let conf: Path
  /// Seconds for each user.
  let timeout: UInt32
  /// Of the one user who is the caller.
  let environment: UserFacts.Environment?
  /// What is wrong with the host, which may be why an engine fails; only then is it looked at.
  let host: () -> HostFacts
  let settings: Settings
  let generations = EngineGenerations(installedIn: HostTree.this)

  func report(on subject: UserSelection.Subject) -> VerificationReport {
    do throws(UserSelection.Failure) { return report(on: try subject.account()) } catch {
      return VerificationReport(name: error.name, uid: error.uid, state: .failed, cause: error.cause)
    }
  }

  private func report(on account: Account) -> VerificationReport {
    let deadline = monotonicMilliseconds() + Int64(timeout) * 1000
    var report = VerificationReport(name: shown(account.name), uid: account.uid, state: .good)
    func ended(_ state: VerificationReport.State, _ cause: String? = nil) -> VerificationReport {
      report.state = state
      report.cause = cause
      return report
    }
    // With the storage, the home and the files as check sees them. A home that hangs ends here, before an engine hangs in it.
    let examiners = Examiners(task: .verify, conf: conf, timeout: timeout, environment: environment, allocator: nil, engines: generations)
    // Of a process that is gone before engines are asked: at a deadline all children of this one end.
    let seen = examiners.ask(Examiner(), account, .verify, seconds: min(EngineVerifier.timeout, timeout - 3))
    if let failure = seen.failure { return ended(.failed, failure) }
    // Nothing that an engine could do there would tell more.
    let obstacles = seen.findings.filter { [.homeUnusable, .homeTicketMissing, .accountRefused, .accountExcluded].contains($0.code) }
    guard seen.isServed else {
      return ended(
        .notServed,
        obstacles.contains { $0.code == .accountExcluded } ? "excluded by the settings" : "uid \(account.uid) is outside uid_min to uid_max"
      )
    }
    if let first = obstacles.first {
      report.findings = obstacles
      return obstacles.hasProblems ? ended(.findings) : ended(.unknown, "\(first.sentence) No engine was asked: \(first.remedy.text)")
    }
    guard seen.hasSession == true else { return ended(.unknown, noSession(account)) }
    do throws(UserProgram.Failure) {
      report.engines = try trial(account, seen.expected ?? ExpectedEngines(), deadline)
    } catch {
      switch error {
      case .noSession: return ended(.unknown, noSession(account))
      case .child(.timedOut):
        return ended(.failed, "the engines were not done within \(timeout) seconds, and were ended; try again with a larger --timeout")
      case .child(.tooMuch): return ended(.failed, "the process that asks the engines printed too much; try again")
      case .child(.notStarted(let cause)):
        return ended(.failed, "the process that asks the engines cannot be started: \(text(cause)); try again")
      }
    }
    guard report.engines.map(\.engine) == engines, report.engines.allSatisfy(\.isSane) else {
      report.engines = []
      return ended(.failed, "the process that asks the engines ended without an answer; try again")
    }
    judge(&report, account, seen)
    return report
  }

  private func judge(_ report: inout VerificationReport, _ account: Account, _ seen: UserReport) {
    let judge = EngineFindings(account: account, isSelf: environment != nil)
    var known: [Finding]? = nil
    for engine in report.engines {
      var explanations: [Finding] = []
      if engine.failedStep != nil {
        let all = known ?? allFindings(account, seen)
        known = all
        explanations = EngineFindings.explanations(all, of: engine)
      }
      report.findings += judge.all(engine, explanations)
      for finding in explanations where !report.explanations.contains(finding) { report.explanations.append(finding) }
    }
    if !report.findings.isEmpty {
      report.state = .findings
    } else if report.engines.allSatisfy({ $0.unknown != nil }) {
      report.state = .unknown
      report.cause = report.engines.map { "\($0.engine.rawValue) was not asked: \($0.unknown ?? "")" }.joined(separator: "; ")
    }
  }

  /// What check finds for the user, and on this host.
  private func allFindings(_ account: Account, _ seen: UserReport) -> [Finding] {
    let host = host()
    return seen.findings
      + accountFindings(
        for: account, host.subordinateIDs, settings, ignoresChownErrors: seen.ignoresChownErrors == true, seen: [account.uid])
      + hostFindings(host)
  }

  /// Why nothing can be run as the user, and what to do.
  private func noSession(_ account: Account) -> String {
    let name = shown(account.name)
    let linger = "loginctl enable-linger \(shellWord(account.name))"
    if effectiveIDs().user == 0 {
      return "\(name) is not logged in on this host, or there is no systemd from version 236 on to ask for a process of theirs: "
        + "try again while \(name) is logged in, or after \(linger)"
    }
    return environment == nil
      ? "this is no session of \(name)'s own, since sudo made the caller \(name): log in as \(name), or run it as root"
      : "there is no /run/user/\(account.uid) of \(name)'s, as after su or in a cron job: log in by ssh or on a console, or first: sudo \(linger)"
  }

  // MARK: The process in the user's session

  private func trial(_ account: Account, _ expected: ExpectedEngines, _ deadline: Int64) throws(UserProgram.Failure) -> [EngineReport] {
    let left = UInt32(clamping: (deadline - monotonicMilliseconds()) / 1000)
    if left < 3 { throw .child(.timedOut(output: [])) }
    let request = TrialRequest(
      engines: engines, uid: account.uid, home: account.home, conf: conf, deadline: deadline - EngineVerifier.margin, expected: expected)
    guard let question = try? JSONEncoder().encode(request), let program = HostTree.this.link("/proc/self/exe"),
      program.isAbsolute
    else {
      throw .child(.notStarted(.noEntry))
    }
    let ending = try UserProgram(as: account, isCaller: environment != nil).run(
      program, [Array("try-engines".utf8), Array(question)], seconds: left, limit: 1 << 20)
    // Its own errors, and a manager's, may stand before the answer.
    guard ending.status == 0, let answer = ending.output.split(separator: .newline).last,
      let reports = try? JSONDecoder().decode([EngineReport].self, from: Data(answer))
    else {
      return []
    }
    return reports
  }
}
