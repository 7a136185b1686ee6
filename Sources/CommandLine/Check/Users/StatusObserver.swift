import RootlessStorage

/// Gathers what `status` shows. What lies in a home, a process of its own looks at, as for `check`.
struct StatusObserver {
  private let examiners: Examiners
  /// Seconds that a home may take.
  private let timeout: UInt32
  private let parent: StorageParent
  private let subordinateIDs: SubordinateIDIndex

  /// - Parameters:
  ///   - timeout: seconds that a home may take.
  ///   - environment: the caller's, if the user is the caller.
  init(conf: Path, timeout: UInt32, environment: UserFacts.Environment?, parent: StorageParent, subordinateIDs: SubordinateIDIndex) {
    examiners = Examiners(
      task: .verify, conf: conf, timeout: timeout, environment: environment, allocator: nil,
      engines: EngineGenerations(installedIn: HostTree.this))
    self.timeout = timeout
    self.parent = parent
    self.subordinateIDs = subordinateIDs
  }

  func report(on subject: UserSelection.Subject) -> StatusReport {
    do throws(UserSelection.Failure) { return report(on: try subject.account()) } catch {
      return StatusReport(name: error.name, uid: error.uid, failure: error.cause)
    }
  }

  private func report(on account: Account) -> StatusReport {
    let seen = examiners.ask(Examiner(), account, .verify, seconds: timeout)
    var report = StatusReport(name: seen.name, uid: account.uid, failure: seen.failure)
    if seen.failure != nil { return report }
    report.isServed = seen.isServed
    if let obstacle = seen.findings.first(where: {
      [.homeUnusable, .homeTicketMissing, .accountRefused, .accountExcluded].contains($0.code)
    }) {
      report.obstacle = obstacle.sentence
      if obstacle.code == .homeTicketMissing {
        report.home = seen.home
        report.storage = seen.storage
      }
    } else {
      // What is in the home decides on everything else.
      report.home = seen.home
      report.storage = seen.storage
      report.graphroot = seen.expected?.graphroot ?? seen.graphroot
      report.driver = seen.expected?.driver
      report.volumes = seen.volumes
      report.dataRoot = seen.expected?.dataRoot ?? seen.dataRoot
    }
    report.disk = parent.disk
    if report.storage != nil { addUse(account, to: &report) }
    addSubordinateIDs(account, to: &report)
    addLog(account, to: &report)
    return report
  }

  private func addUse(_ account: Account, to report: inout StatusReport) {
    guard let leaf = parent.settings.storage.leaf(for: account) else { return }
    var inventory = StorageInventory(parent, only: [leaf])
    guard (try? inventory.look()) != nil, let entry = inventory.entries.first(where: { $0.leaf == leaf && $0.uid == account.uid }) else {
      return
    }
    report.limit = entry.limit
    guard let measure = entry.measure else { return }
    report.use = StatusReport.Use(
      size: measure.size, sizeIsExact: measure.isExact, lastUse: UTCTime(measure.lastUse).iso, inUse: entry.isInUse)
  }

  private func addSubordinateIDs(_ account: Account, to report: inout StatusReport) {
    if let source = subordinateIDs.source {
      report.subidSource = shown(source)
      return
    }
    func ranges(_ table: SubordinateIDTable) -> [String]? { table.failure == nil ? table.ranges(of: account).map(\.ids.shown) : nil }
    report.subuids = ranges(subordinateIDs.users)
    report.subgids = ranges(subordinateIDs.groups)
  }

  private func addLog(_ account: Account, to report: inout StatusReport) {
    do throws(Journal.Failure) {
      if let line = try Journal.lastLine(about: account.name) {
        report.lastLog = StatusReport.LogLine(time: line.time, text: line.text)
      } else if !parent.isRoot {
        report.logFailure = "none that you may read; root sees it"
      }
    } catch {
      report.logFailure =
        switch error {
        case .missing: "unknown: there is no journalctl here; look for pam_rootless_storage where syslog keeps authpriv"
        case .notStarted(let cause): "unknown: journalctl cannot be started: \(text(cause))"
        case .timedOut: "unknown: journalctl did not answer within 10 seconds"
        case .failed(let status): "unknown: journalctl ended with status \(status); try: journalctl SYSLOG_FACILITY=10"
        }
    }
  }
}
