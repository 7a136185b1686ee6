import ArgumentParser
import RootlessStorage

/// `rootless-storage subids check`.
struct SubidsCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Report problems with the subordinate ids on this host. Changes nothing.",
    discussion: """
      Ids that two have, users without enough, lines that not every program reads, owners who are gone, and what keeps ids from being \
      given out. Exits with 0 if all is good, 1 if there are findings, 2 if something could not be looked at.
      """)

  @Argument(
    help: ArgumentHelp("Users; without any, you, or as root all users seen on this host.", valueName: "user"),
    completion: UserCompletion.kind)
  var users: [String] = []

  @Flag(help: "Print one JSON object.") var json = false

  @OptionGroup var settings: SettingsOptions

  func run() throws {
    let host = try SubordinateHost(settings.read())
    let accounts = Accounts(AccountSources.ofThisHost())
    var memory = AbsenceMemory.ofThisHost(isWriting: false)
    let owners = SubordinateOwners(host.index, accounts, orphanDays: host.settings.orphanDays, &memory, storage: host.settings.storage)
    let ranges = host.index.tables.flatMap { table in table.united.map { (table.kind, $0) } }
    // What keeps it from looking at users is told when the host's findings are, which may be the cause.
    var reports: [UserReport] = []
    var obstacle: CommandError? = nil
    var seen: [Account] = []
    do { reports = try look(host, &seen) } catch let failure as CommandError { obstacle = failure }
    var known = KnownIDs(
      asking: KnownIDs.places(in: ranges, limit: KnownIDs.most), files: { accounts.sources.hasOnlyFiles($0) ? host.index.table($0) : nil })
    let summary = known.summary
    known.add(seen)
    let findings = SubordinateHostFindings(
      index: host.index, settings: host.settings, owners: owners, known: known.without(host.index),
      locks: AccountLockFile.look(HostTree.this)
    ).all()
    if json {
      try printJSON(
        ReportDocument(
          host: .init(name: shown(String(decoding: hostName(), as: UTF8.self)), findings: findings, unseen: [], asked: known.asked),
          users: reports))
    } else {
      var table = UserTable(.standard)
      for report in reports { table.addFindings(report) }
      table.add(host: findings, unseen: [])
      let ranges = counted(host.index.tables.reduce(0) { $0 + $1.ranges.count }, "range", "ranges")
      let asked = counted(reports.count, "user", "users") + (isRoot && users.isEmpty ? " seen on this host" : "")
      // Most owners are not among the users that were looked at.
      let quiet =
        "\(asked), and \(ranges) of \(counted(host.index.owners.count, "owner", "owners")) in /etc/subuid and /etc/subgid: no problems found."
      if obstacle == nil || !findings.isEmpty { printOut(table.text(quiet: quiet)) }
      printOut(Terminal.standard.wrapped("\n\(summary)", indent: 0))
    }
    if let obstacle { throw obstacle }
    let worst = reports.reduce(findings.hasProblems ? ExitCode(1) : .success) { worseExit($0, $1.exitCode) }
    if worst != .success { throw worst }
  }

  private var isRoot: Bool { effectiveIDs().user == 0 }

  /// The users' own findings. Their overlaps are among the host's.
  ///
  /// - Parameter seen: gets the accounts.
  private func look(_ host: SubordinateHost, _ seen: inout [Account]) throws -> [UserReport] {
    let selection = try UserSelection(users, all: isRoot && users.isEmpty, host.settings)
    var accounts: [Account] = []
    defer { seen = accounts }
    return selection.subjects.compactMap { subject in
      switch AllocationSubject(subject) {
      case nil: return nil
      case .unknown(let name, let uid, let cause): return UserReport(name: name, uid: uid, failure: cause)
      case .account(let account):
        accounts.append(account)
        var report = UserReport(name: shown(account.name), uid: account.uid)
        report.isServed = Planner.ineligibility(of: account, host.settings) == nil
        // Another source's ids cannot be looked at from here.
        if report.isServed && host.index.source == nil {
          report.findings = missingRanges(of: account, host.index, host.settings) + exposures(of: account, host.index, host.settings)
        }
        return report
      }
    }
  }
}
