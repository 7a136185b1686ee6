import ArgumentParser
import FoundationEssentials
import RootlessStorage

/// `rootless-storage prune`.
struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Give disk back: delete the container storage of users who are gone or idle.",
    discussion: """
      Deletes the directories that engines have in a storage directory, and the storage directory itself if that leaves it \
      empty and its owner's account is gone, or nobody else could take its name. A user's own files there stay. What is in use is \
      left alone. What a login or repair has put out of the place of a storage directory goes by its owner and age. With \
      --older-than beside --orphaned or users, both must hold. With --until-free nothing goes that has volumes or containers in it, \
      unless --volumes is given. An account counts as gone once it has been absent for orphan_days \
      (rootless-storage.conf); who is named need not be.
      """)

  @Argument(
    help: ArgumentHelp("Users whose storage is to go, with or without an account: names, or uids in digits.", valueName: "user"),
    completion: UserCompletion.kind)
  var users: [String] = []

  @Flag(help: "Storage of all users whose account is gone.")
  var orphaned = false

  @Option(help: ArgumentHelp("Storage that was last used at least so many days ago.", valueName: "days"))
  var olderThan: String?

  @Option(
    help: ArgumentHelp(
      "Storage of users who are gone, then of users who are idle (--older-than, else 90 days), until so much of the disk is free: 20%, 50G.",
      valueName: "size"))
  var untilFree: String?

  @Flag(help: "With --until-free: also storage that has volumes or containers in it.")
  var volumes = false

  @Flag(help: "Show what would be deleted, and delete nothing.")
  var dryRun = false

  @Flag(help: "Do not ask.")
  var yes = false

  @Flag(help: "Print one JSON object. Needs --yes or --dry-run.")
  var json = false

  @OptionGroup var settings: SettingsOptions

  /// `--older-than`, once it is known to be a number.
  private var days: Int64? { olderThan.flatMap { Int64($0) } ?? (untilFree == nil ? nil : PruneCommand.idleDays) }

  /// Who has used nothing for so long may be asked to pull images again.
  private static let idleDays: Int64 = 90

  private var goal: FreeSpaceGoal? { untilFree.flatMap { FreeSpaceGoal($0) } }

  func validate() throws {
    guard orphaned || olderThan != nil || untilFree != nil || !users.isEmpty else {
      throw ValidationError("Name what is to be deleted: users, --orphaned, --older-than DAYS, both of the latter, or --until-free SIZE.")
    }
    if let untilFree {
      if orphaned || !users.isEmpty { throw ValidationError("--until-free chooses by itself: leave out --orphaned and names of users.") }
      if goal == nil {
        throw ValidationError("\"\(shown(untilFree))\" is no free space; give --until-free 1% to 99%, or a whole number with K, M, G or T.")
      }
    } else if volumes {
      throw ValidationError("--volumes goes with --until-free; without it, volumes go with the storage that they are in.")
    }
    if orphaned && !users.isEmpty { throw ValidationError("--orphaned and names of users exclude each other.") }
    if let olderThan {
      guard let days, days >= 1, days <= 36500 else {
        throw ValidationError("\"\(shown(olderThan))\" is no number of days; give --older-than a whole number from 1 to 36500.")
      }
    }
    if json && !yes && !dryRun { throw ValidationError("--json cannot ask: add --yes or --dry-run.") }
  }

  func run() throws {
    if effectiveIDs().user != 0 {
      throw CommandError("prune is root's, since it deletes other users' storage; to give your own back: podman system reset")
    }
    // A run that somebody else's terminal or file limits end in the middle leaves something behind.
    ignoreFileSizeLimit()
    let parent = try StorageParent(settings.read())
    var outcome = PruneOutcome()
    if !dryRun {
      try lookForHidden(parent)
      removeLeftovers(parent, &outcome)
    }
    let wanted = wanted(parent)
    var inventory = inventory(parent, wanted)
    let isNamed = !users.isEmpty
    // How long it has been idle has to be known, and how large it is need not be.
    let now = wallClock()
    let space = try goal.map { goal throws(CommandError) in FreeSpace(goal, on: try volume(parent)) }
    try inventory.look(days == nil ? .size : .age) { entry in
      // Who uses most is named, where what may go is not enough.
      space?.isReached == false
        || entry.isInUse == false && PrunePlan.matters(entry, orphaned: orphaned, olderThan: days, isNamed: isNamed, now: now)
    }
    let plan = PrunePlan(
      inventory, orphaned: orphaned, olderThan: days, goal: space.map { PrunePlan.Goal(missing: $0.missing, takesData: volumes) },
      isNamed: isNamed, now: now)
    var output = PruneOutput(plan, inventory, space, isJSON: json, isDryRun: dryRun)
    output.showPlan()
    for message in objections(inventory, plan, wanted) {
      output.tell(message)
      outcome.hasFailed = true
    }
    if !dryRun, let refusal = plan.refusal(yes: yes) {
      output.tell(refusal)
      outcome.hasFailed = true
    } else if !dryRun && !plan.candidates.isEmpty && allowed(plan, &output, &outcome) {
      let entries = plan.candidates.map { inventory.entries[$0] }
      StorageRemoval(inventory).remove(entries) { number, files in
        output.progress.show("deleting \(number + 1) of \(entries.count): \(shown(entries[number].leaf)), \(files) files")
      } onReport: { entry, report in
        output.progress.clear()
        outcome.record(entry, report)
        output.show(entry, report)
      }
    }
    if let goal, let space, !space.isReached {
      let now = dryRun ? nil : FreeSpace(goal, on: try volume(parent))
      if let lack = plan.lacking, lack > 0 {
        outcome.hasFailed = true
      } else if outcome.directories > 0, let now, !now.isReached {
        output.tell(
          "\(shownSize(now.free)) are free now, and not the \(shownSize(now.wanted)) that were asked for: others have written meanwhile, or layers are shared; run it again"
        )
        outcome.hasFailed = true
      }
    }
    output.end(outcome)
    if outcome.hasFailed || plan.isIncomplete { throw ExitCode(1) }
  }

  /// Ends it where others may be at work whom nobody sees: what they use, and what another run is taking apart, would be deleted.
  private func lookForHidden(_ parent: StorageParent) throws {
    let inventory = StorageInventory(parent)
    let processes: RunningProcesses
    // Without a /proc, everything counts as in use.
    do throws(Errno) { processes = try RunningProcesses.look() } catch { return }
    if let hidden = inventory.hidden(from: processes) { throw CommandError("\(hidden.sentence), so nothing is deleted; \(hidden.remedy)") }
  }

  private func volume(_ parent: StorageParent) throws(CommandError) -> Volume {
    do throws(Errno) {
      let volume = try Volume(of: parent.descriptor, MountTable(blockDeviceIsLocal: true).fileSystem(of: parent.status), parent.settings)
      if volume.size > 0 { return volume }
    } catch {
      throw CommandError("the free space of \(shown(parent.settings.storage.parent)) is unknown: \(text(error))")
    }
    throw CommandError(
      "the free space of \(shown(parent.settings.storage.parent)) is unknown: it is on a network file system, or on one without a size; use --orphaned or --older-than"
    )
  }

  /// The names that the storage directories of the users may have who were named, in that order.
  private func wanted(_ parent: StorageParent) -> [[[UInt8]]] {
    if users.isEmpty { return [] }
    let accounts = Accounts(AccountSources.ofThisHost())
    return users.map { PruneCommand.leaves(ofUser: Array($0.utf8), parent, accounts) }
  }

  /// What the run is about. A run that looks at everything, and changes something, remembers who is absent; for users who are named,
  /// what is remembered decides whether their emptied directories go.
  private func inventory(_ parent: StorageParent, _ wanted: [[[UInt8]]]) -> StorageInventory {
    if users.isEmpty { return StorageInventory(parent, memory: .ofThisHost(isWriting: !dryRun)) }
    return StorageInventory(parent, memory: .ofThisHost(isWriting: false), only: Set(wanted.joined()))
  }

  /// The names that this user's storage directory may have. A user without an account is known by half of what may stand in them.
  private static func leaves(ofUser name: [UInt8], _ parent: StorageParent, _ accounts: Accounts) -> [[UInt8]] {
    let storage = parent.settings.storage
    func leaf(_ name: [UInt8], _ uid: UInt32) -> [[UInt8]] {
      let account = Account(credentials: Credentials(user: uid, group: 0, groups: []), name: name, home: "")
      return storage.leaf(for: account).map { [$0] } ?? []
    }
    var found: [[UInt8]] = []
    if case .found(let name, let uid) = accounts.account(named: name) { found += leaf(name, uid) }
    if let uid = identifier(name), case .found(let name, let uid) = accounts.account(uid: uid) { found += leaf(name, uid) }
    if !found.isEmpty { return found }
    do throws(Errno) {
      let reader = DirectoryReader(try open(at: parent.descriptor, [.dot], .directory))
      while let entry = try reader.next() {
        if storage.users(inLeaf: entry.name).contains(where: { $0.name == name || $0.uid != nil && $0.uid == identifier(name) }) {
          found.append(entry.name)
        }
      }
    } catch {}
    return found
  }

  /// What keeps what was asked for from being done.
  private func objections(_ inventory: StorageInventory, _ plan: PrunePlan, _ wanted: [[[UInt8]]]) -> [String] {
    if users.isEmpty { return inventory.memory?.problem.map { [$0] } ?? [] }
    var objections: [String] = []
    let found = Set(inventory.entries.map(\.leaf))
    let missing = zip(users, wanted).filter { _, leaves in found.isDisjoint(with: leaves) }.map { shown(Array($0.0.utf8)) }
    if !missing.isEmpty {
      objections.append(
        "\(list(missing)): there is no storage directory of that name in \(shown(inventory.parent.settings.storage.parent)); to see all: rootless-storage list"
      )
    }
    for index in plan.refused {
      let entry = inventory.entries[index]
      let what =
        entry.state == .mount
        ? "something is mounted there; unmount it" : "it is another user's, or no directory; look at it as root, and move it away"
      objections.append("\(shown(inventory.parent.path(entry.leaf))) stays: \(what)")
    }
    return objections
  }

  private func removeLeftovers(_ parent: StorageParent, _ outcome: inout PruneOutcome) {
    var progress = Progress()
    let reports = StorageRemoval(StorageInventory(parent)).removeLeftovers { files in
      progress.show("deleting what an interrupted run has left, \(files) files")
    }
    progress.clear()
    for report in reports {
      if report.result != .deleted { outcome.hasFailed = true }
      for message in report.messages { printError("rootless-storage: \(message)") }
    }
  }

  /// Asks, where there is somebody to ask.
  private func allowed(_ plan: PrunePlan, _ output: inout PruneOutput, _ outcome: inout PruneOutcome) -> Bool {
    if yes { return true }
    guard let answer = confirmed("Delete the container storage in \(counted(plan.candidates.count, "directory", "directories"))?") else {
      output.tell("there is no terminal to ask on, nothing is deleted; add --yes, or --dry-run to only look")
      outcome.hasFailed = true
      return false
    }
    if answer { return true }
    printOut("Nothing is deleted.")
    return false
  }
}
