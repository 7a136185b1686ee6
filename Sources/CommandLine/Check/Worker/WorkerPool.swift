import Dispatch
import RootlessStorage
import Synchronization

/// Asks about users, several at once, each in a process of its own that ends at its deadline: a file server that is gone costs its
/// users' deadlines, and stops nobody else.
struct Examiners: Sendable {
  /// Most of them wait for a server, not for a processor.
  static let atOnce = 8

  let task: UserRequest.Task
  let conf: Path
  let timeout: UInt32
  /// Of the one user who is the caller.
  let environment: UserFacts.Environment?
  /// nil: nobody is given subordinate ids.
  let allocator: RepairAllocator?
  /// How the engines of this host read their configuration: found out once for all.
  let engines: EngineGenerations
  /// Asked before the name service, where that would ask it first anyhow; nil: the name service alone.
  var sources: AccountSources? = nil
  var groups: LocalGroups? = nil
  /// Older content of storage directories is given their project too.
  var isRecursive = false

  /// - Parameter deliver: gets the report on each, in the order of `subjects`, and the account if there is one; one at a time.
  func run(_ subjects: [UserSelection.Subject], _ deliver: @escaping @Sendable (UserReport, Account?) -> Void) {
    let delivery = Delivery(deliver)
    let next = SharedCounter()
    // Queues of their own, each with a thread: others share as many threads as there are processors, and these wait.
    let lanes = DispatchGroup()
    for lane in 0..<min(Examiners.atOnce, subjects.count) {
      DispatchQueue(label: "examiner \(lane)").async(group: lanes) {
        let examiner = Examiner()
        while true {
          let index = next.next()
          guard index < subjects.count else { return }
          delivery.put(index, report(on: subjects[index], examiner))
        }
      }
    }
    lanes.wait()
  }

  /// - Returns: nil for a uid without an account, which is `list`'s to tell of.
  private func report(on subject: UserSelection.Subject, _ examiner: Examiner) -> (UserReport, Account?)? {
    var uid: UInt32? = nil
    do throws(NameServiceError) {
      let found: Account
      switch subject {
      case .unknown(let name, let cause): return (UserReport(name: name, uid: nil, failure: cause), nil)
      case .account(let account): found = account
      case .uid(let number):
        uid = number
        guard let account = try account(uid: number) else { return nil }
        found = account
      }
      let account = if let groups { groups.withGroups(found) } else { try NameService.withGroups(found) }
      // First: whether Podman has to migrate depends on the ranges.
      let given = allocator?.perform(for: account)
      var report = ask(examiner, account, task, seconds: timeout)
      if let given, report.failure == nil { report.actions = [given] + (report.actions ?? []) }
      if isRecursive, report.failure == nil, report.storage?.isInPlace == true {
        // So that the report on the home stays, whatever happens there.
        let inclusion = ask(examiner, account, task == .plan ? .includePlan : .include, seconds: timeout + ProjectWalk.seconds)
        report.actions = (report.actions ?? []) + (inclusion.actions ?? [])
        if let cause = inclusion.failure {
          report.actions?.append(
            .init(action: RepairWording.inclusion(in: Path(report.storage?.path ?? "")), outcome: .failed, cause: cause))
        } else if task == .repair {
          // Of the others, the first report has the causes.
          let isAnew = { (finding: Finding) in finding.code == .quotaLeft || finding.code == .quotaReached }
          report.findings = report.findings.filter { !isAnew($0) } + inclusion.findings.filter(isAnew)
        }
      }
      // Only now, with a home in which Podman can work; and longer than a home may take to answer.
      if task == .repair, report.failure == nil, report.findings.contains(where: { $0.code == .migrateNeeded && $0.isRepairable }) {
        let migration = migrate(examiner, account)
        if migration.failure == nil { report.findings = migration.findings }
        report.actions = (report.actions ?? []) + (migration.actions ?? [])
        report.failure = migration.failure
      }
      return (report, account)
    } catch {
      let cause = text(error.cause)
      return (
        UserReport(name: uid.map { "uid \($0)" } ?? "user", uid: uid, failure: "the name service did not answer: \(cause); try again"), nil
      )
    }
  }

  private func account(uid: UInt32) throws(NameServiceError) -> Account? {
    if let account = sources?.account(ofUid: uid) { return account }
    return sources?.isFileOnly == true ? nil : try NameService.account(uid: uid)
  }

  /// Has podman migrate, and looks again.
  private func migrate(_ examiner: Examiner, _ account: Account) -> UserReport {
    // Whoever is no root has no other session to keep it out of than their own.
    guard effectiveIDs().user == 0, let podman = UserNamespaces.find("podman", HostTree.this) else {
      return ask(examiner, account, .migrate, seconds: timeout + PodmanMigration.seconds)
    }
    var action = UserReport.Action(action: RepairWording(account: account, storage: "").text(of: .migrate(podman: podman)), outcome: .done)
    if let cause = PodmanMigration(UserProgram(as: account, isCaller: false), podman).perform() {
      action.outcome = .failed
      action.cause = cause
    }
    var report = ask(examiner, account, .check, seconds: timeout)
    report.actions = [action]
    return report
  }

  func ask(_ examiner: Examiner, _ account: Account, _ task: UserRequest.Task, seconds: UInt32) -> UserReport {
    let request = UserRequest(
      task: task, name: account.name, uid: account.uid, gid: account.credentials.group, groups: account.credentials.groups,
      groupsLeftOut: account.groupsLeftOut, home: account.home, conf: conf, timeout: seconds, environment: environment, engines: engines)
    func failure(_ cause: String) -> UserReport { UserReport(name: shown(account.name), uid: account.uid, failure: cause) }
    do throws(ChildProcess.Failure) {
      let answer = try examiner.ask(request.message, seconds: seconds)
      // It ran as the user at last, and has read the user's files: nothing but what it can say is taken from it.
      guard let report = UserReport(message: answer), report.uid == account.uid, report.name == shown(account.name),
        report.isPrintable
      else {
        return failure("the process that looked ended without an answer; try again")
      }
      return report
    } catch {
      switch error {
      case .timedOut:
        return failure(
          "no answer within \(seconds) seconds; is the file server of \(shown(account.home)) down, or of another path that its files name?")
      case .notStarted(let cause): return failure("no process can be started: \(text(cause)); try again")
      case .tooMuch: return failure("the process that looked printed too much; try again")
      }
    }
  }
}

/// Hands results on in order, whatever order they come in.
private final class Delivery: Sendable {
  private struct State {
    var next = 0
    var waiting: [Int: (UserReport, Account?)?] = [:]
  }

  private let state = Mutex(State())
  private let deliver: @Sendable (UserReport, Account?) -> Void

  init(_ deliver: @escaping @Sendable (UserReport, Account?) -> Void) { self.deliver = deliver }

  func put(_ index: Int, _ result: (UserReport, Account?)?) {
    state.withLock { state in
      state.waiting.updateValue(result, forKey: index)
      while let result = state.waiting.removeValue(forKey: state.next) {
        if let (report, account) = result { deliver(report, account) }
        state.next += 1
      }
    }
  }
}

/// 0, 1, 2, … for whoever asks next.
private final class SharedCounter: Sendable {
  private let value = Atomic(0)

  func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}
