import ArgumentParser
import RootlessStorage

/// `rootless-storage subids release`.
struct SubidsReleaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Take subordinate ids back: remove owners' lines from /etc/subuid and /etc/subgid.",
    discussion: """
      Removes the lines whose owner is spelt as given, from both files or from neither, and leaves every other byte. It asks first: files \
      in storage directories may still belong to these ids, and somebody else may be given them. Exits with 0 if done, 1 if something \
      was refused, 2 if something could not be done.
      """)

  /// Owners that are told of one by one.
  private static let mostWaiting = 24

  /// Those that the files have.
  private static let owners = CompletionKind.custom { (_: [String], _: Int, prefix: String) in
    SubordinateIDIndex(HostTree.this).owners.names.filter {
      begins($0, with: Array(prefix.utf8)) && $0.allSatisfy { $0 > .space && $0 < 0x7f && $0 != .backslash }
    }
    .map { String(decoding: $0, as: UTF8.self) }
  }

  /// As in `allocate`.
  private static let timeout: Int64 = 15_000

  @Argument(
    help: ArgumentHelp("Owners as the files spell them: names, or uids in digits.", valueName: "owner"),
    completion: SubidsReleaseCommand.owners) var owners: [String] = []

  @Flag(help: "All owners whose account has been absent for orphan_days.") var gone = false

  @Flag(help: "Show what would be removed, and remove nothing.") var dryRun = false

  @Flag(help: "Do not ask.") var yes = false

  @Flag(help: "Print one JSON object. Needs --yes or --dry-run.") var json = false

  @OptionGroup var settings: SettingsOptions

  func validate() throws {
    if gone == !owners.isEmpty { throw ValidationError("Name the owners, or give --gone.") }
    if json && !yes && !dryRun { throw ValidationError("--json cannot ask: add --yes or --dry-run.") }
    for owner in owners where owner.isEmpty || owner.utf8.contains(where: { $0 == .colon || $0 == .newline }) {
      throw ValidationError("\"\(shown(owner))\" can be no owner of subordinate ids.")
    }
  }

  func run() throws {
    if effectiveIDs().user != 0 { throw CommandError("only root may take subordinate ids back; run it with sudo") }
    let host = try SubordinateHost(settings.read())
    let accounts = Accounts(AccountSources.ofThisHost())
    // Who is named needs no waiting.
    var memory = AbsenceMemory.ofThisHost(isWriting: gone && !dryRun)
    let states = SubordinateOwners(
      host.index, accounts, orphanDays: host.settings.orphanDays, &memory, storage: host.settings.storage,
      only: gone ? nil : owners.map { Array($0.utf8) } + host.index.owners.names)
    let wanted = gone ? states.names { $0 == .gone } : owners.map { Array($0.utf8) }
    let release = SubordinateRelease(host, states, wanted)
    var output = ReleaseOutput(release, isJSON: json, isDryRun: dryRun)
    output.showPlan()
    var isRefused = false
    if gone {
      let unsure = states.names { $0 == .unconfirmed }.filter { states.waiting[$0] == nil }.count
      if unsure > 0 {
        output.tell(
          "\(counted(unsure, "owner stays", "owners stay")), since nobody knows whether there is an account: \(states.uncertainty)")
        isRefused = true
      }
      let waiting = states.waiting.sorted { isOrderedBefore($0.key, $1.key) }
      for (owner, answer) in waiting.prefix(SubidsReleaseCommand.mostWaiting) {
        output.tell("\(shown(owner)) stays: no such account, \(waitingUncertainty(answer, by: "rootless-storage subids release --gone"))")
      }
      let kept = states.names { if case .kept = $0 { true } else { false } }
      for owner in kept.prefix(SubidsReleaseCommand.mostWaiting) {
        if case .kept(let purpose) = states.state(owner) { output.tell("\(shown(owner)) stays: \(purpose.reason)") }
      }
      if waiting.count > SubidsReleaseCommand.mostWaiting {
        output.tell("\(waiting.count - SubidsReleaseCommand.mostWaiting) more stay for that reason")
      }
      if !waiting.isEmpty { output.tell("if you know that they have left, name them: rootless-storage subids release OWNER") }
      if let problem = memory.problem { output.tell(problem) }
      if memory.problem != nil { isRefused = true }
    }
    for owner in release.without {
      output.tell("\(shown(owner)) has no subordinate ids under that name")
      isRefused = true
    }
    if !dryRun && !release.lines.isEmpty {
      switch yes ? true : confirmed("Remove \(counted(release.lines.count, "line", "lines"))?") {
      case true?:
        do throws(SubordinateIDError) { output.removed = try release.perform(timeout: SubidsReleaseCommand.timeout) } catch {
          output.tell("nothing is removed: \(text(Wording.failure(error.failure)))")
          output.end()
          throw ExitCode(2)
        }
      case false?: output.tell("nothing is removed")
      case nil:
        output.tell("there is no terminal to ask on, nothing is removed; add --yes, or --dry-run to only look")
        isRefused = true
      }
    }
    output.end()
    if isRefused { throw ExitCode(1) }
  }
}
