import FoundationEssentials
import RootlessStorage

/// What `prune` says: for a person, or as one JSON object.
struct PruneOutput {
  private struct Record: Encodable {
    let path: String
    let uid: UInt32
    @NullIfAbsent var account: String?
    let state: String
    let reclaimable: UInt64
    let sizeIsExact: Bool
    let lastUse: String
    /// `planned` with --dry-run and after a refusal.
    let result: String
    let messages: [String]
  }

  var progress = Progress()
  private let plan: PrunePlan
  private let inventory: StorageInventory
  private let space: FreeSpace?
  private let isDryRun: Bool
  private var list: JSONList?
  private var messages: [String] = []
  private var shownEntries = 0

  /// - Parameter space: as it is before, with `--until-free`.
  init(_ plan: PrunePlan, _ inventory: StorageInventory, _ space: FreeSpace? = nil, isJSON: Bool, isDryRun: Bool) {
    self.plan = plan
    self.inventory = inventory
    self.space = space
    self.isDryRun = isDryRun
    if isJSON {
      let parent = jsonText(string(inventory.parent.settings.storage.parent))
      list = JSONList("\"dryRun\":\(isDryRun),\"parent\":\(parent),", list: "directories")
    }
  }

  /// What will be deleted, and how much that gives back.
  func showPlan() {
    if list != nil { return }
    let parent = shown(inventory.parent.settings.storage.parent)
    if let space {
      printOut(
        "\(shownSize(space.free)) of \(shownSize(space.size)) are free, \(space.isReached ? "as much as the \(shownSize(space.wanted)) that are needed" : "\(shownSize(space.wanted)) are needed")."
      )
    }
    if plan.candidates.isEmpty {
      printOut("There is nothing to delete in \(parent).")
    } else {
      var (total, isExact, keeps, replaced, left, withData) = (UInt64(0), true, 0, 0, 0, 0)
      for index in plan.candidates {
        let entry = inventory.entries[index]
        total &+= entry.measure?.reclaimable ?? 0
        if entry.measure?.isExact != true { isExact = false }
        if entry.measure?.hasOthers == true { keeps += 1 }
        if entry.isReplaced { replaced += 1 } else if entry.isLeftover { left += 1 } else if inventory.holdsData(entry) { withData += 1 }
      }
      let what = counted(plan.candidates.count - replaced - left, "storage directory", "storage directories")
      let verb = isDryRun ? "Would delete" : "To delete"
      printOut(
        plan.candidates.count > replaced + left
          ? "\(verb): the container storage (\(inventory.parent.engines.shownNames)) in\n\(what) in \(parent):\n"
          : "\(verb) in \(parent):\n")
      StorageTable(plan.candidates.lazy.map { inventory.entries[$0] }) { $0.measure?.reclaimable }.write()
      printOut("\nThat gives \(isExact ? "" : "at least ")\(shownSize(total)) back.")
      if replaced > 0 {
        printOut("\(counted(replaced, "of these was", "of these were")) put out of the place of a storage directory: all of it goes.")
      }
      if left > 0 { printOut("\(counted(left, "of these was", "of these were")) left beside them by an engine: all of it goes.") }
      if withData > 0 {
        let subject = counted(withData, "of them has", "of them have")
        printOut(
          Terminal.standard.wrapped(
            "\(subject) volumes or containers: these are on this disk alone, and no backup of a home has them.", indent: 0))
      }
      if keeps > 0 { printOut("\(counted(keeps, "of them holds", "of them hold")) other files too: those stay.") }
    }
    if plan.inUse > 0 { printOut(counted(plan.inUse, "more is in use and stays.", "more are in use and stay.")) }
    for note in notes { printOut(Terminal.standard.wrapped(note, indent: 0)) }
  }

  private var notes: [String] {
    var notes: [String] = []
    if let lack = plan.lacking, lack > 0 {
      let users = inventory.entries.filter { $0.measure != nil }.sorted { $0.measure?.size ?? 0 > $1.measure?.size ?? 0 }.prefix(5)
      let most = users.map { "\(shown($0.leaf)) \(shownSize($0.measure?.size ?? 0))" }.joined(separator: ", ")
      notes.append(
        "That is not enough: \(shownSize(lack)) more are needed. \(most.isEmpty ? "" : "Most is used by \(most). ")Ask who uses most, or make the disk larger."
      )
    }
    if plan.withData > 0 {
      notes.append(
        "\(counted(plan.withData, "more stays, since it holds", "more stay, since they hold")) volumes or containers: those are nowhere else. To delete them too: --volumes."
      )
    }
    notes += waitingNotes
    if plan.subordinate > 0 {
      notes.append(
        "\(counted(plan.subordinate, "more may be", "more may be")) subordinate ids' and \(plan.subordinate == 1 ? "stays" : "stay"): those come from a directory (subid in /etc/nsswitch.conf), and no uid_max in rootless-storage.conf tells them from people."
      )
    }
    if plan.offline > 0 {
      notes.append(
        "\(counted(plan.offline, "more has", "more have")) no account, but that is not believed: \(offlineUncertainty). When it answers (getent passwd NAME, for a user of the directory who is logged in or has storage here), run this again."
      )
    }
    if plan.unanswered > 0 {
      let cause = inventory.accounts.failure.map { " (\(text($0)))" } ?? ""
      notes.append(
        "\(counted(plan.unanswered, "more stays", "more stay")), since the name service did not answer\(cause). When it does (getent passwd UID), run this again."
      )
    }
    if plan.unmeasured > 0 {
      notes.append(
        "\(counted(plan.unmeasured, "more stays", "more stay")), with so many files that it is unknown when they were last used. To delete the container storage of one of these users, whenever it was used: rootless-storage prune USER."
      )
    }
    if let hidden = inventory.hiddenProcesses {
      notes.append("It is unknown whether anything is in use: \(hidden.sentence); \(hidden.remedy).")
    }
    if let failure = inventory.processFailure {
      notes.append("It is unknown whether anything is in use: /proc: \(text(failure)); is it mounted?")
    }
    return notes
  }

  /// Who will go later.
  private var waitingNotes: [String] {
    if plan.waiting.isEmpty { return [] }
    let most = 24
    var notes = [
      "\(counted(plan.waiting.count, "more has", "more have")) no account, but \(plan.waiting.count == 1 ? "stays" : "stay") until that has lasted (orphan_days in rootless-storage.conf). If you know that a user has left: rootless-storage prune USER."
    ]
    for index in plan.waiting.prefix(most) {
      let entry = inventory.entries[index]
      guard case .waiting(let answer)? = entry.uncertainty else { continue }
      notes.append("\(shown(entry.leaf)): \(waitingUncertainty(answer, by: "rootless-storage prune"))")
    }
    if plan.waiting.count > most { notes.append("And \(plan.waiting.count - most) more.") }
    return notes
  }

  /// Something that is about no single directory.
  mutating func tell(_ message: String) {
    if list != nil { messages.append(message) } else { printError("rootless-storage: \(message)") }
  }

  mutating func show(_ entry: StorageEntry, _ report: StorageRemoval.Report) {
    shownEntries += 1
    if list != nil {
      let record = record(entry, report.result.rawValue, report.messages)
      list?.add(record)
      return
    }
    let path = shown(inventory.parent.path(entry.leaf))
    let size = shownSize(entry.measure?.reclaimable ?? 0)
    switch report.result {
    case .deleted: printOut("deleted \(path) (\(size))")
    case .emptied where report.isKept:
      printOut(
        "deleted the container storage in \(path) (\(size)); the directory stays, since \(entry.state == .ok ? "its user has an account" : "it is not certain that its user has none")"
      )
    case .emptied: printOut("deleted the container storage in \(path) (\(size)); other files there stay")
    case .inUse, .failed: break
    }
    for message in report.messages { printError("rootless-storage: \(message)") }
  }

  mutating func end(_ outcome: PruneOutcome) {
    if list == nil {
      if outcome.directories > 0 {
        printOut("\(shownSize(outcome.bytes)) given back in \(counted(outcome.directories, "storage directory", "storage directories")).")
      }
      return
    }
    if shownEntries == 0 {
      for index in plan.candidates {
        let record = record(inventory.entries[index], "planned", [])
        list?.add(record)
      }
    }
    let freeSpace =
      space.map { "\"free\":\($0.free),\"wantedFree\":\($0.wanted),\"lacking\":\(plan.lacking ?? 0),\"withData\":\(plan.withData)," } ?? ""
    let tail =
      "\(freeSpace)\"bytes\":\(outcome.bytes),\"inUse\":\(plan.inUse),\"unconfirmed\":\(plan.unconfirmed),\"unanswered\":\(plan.unanswered),\"unmeasured\":\(plan.unmeasured),\"messages\":\(jsonText(messages + notes))"
    list?.end(",\(tail)")
  }

  private func record(_ entry: StorageEntry, _ result: String, _ messages: [String]) -> Record {
    Record(
      path: string(inventory.parent.path(entry.leaf)), uid: entry.uid, account: entry.account.map(string), state: entry.state.rawValue,
      reclaimable: entry.measure?.reclaimable ?? 0, sizeIsExact: entry.measure?.isExact ?? false,
      lastUse: UTCTime(entry.measure?.lastUse ?? 0).iso, result: result, messages: messages)
  }
}

/// What came of a run of `prune`.
struct PruneOutcome {
  var hasFailed = false
  var bytes: UInt64 = 0
  var directories = 0

  mutating func record(_ entry: StorageEntry, _ report: StorageRemoval.Report) {
    switch report.result {
    case .deleted, .emptied:
      bytes &+= entry.measure?.reclaimable ?? 0
      directories += 1
    case .inUse, .failed: hasFailed = true
    }
  }
}
