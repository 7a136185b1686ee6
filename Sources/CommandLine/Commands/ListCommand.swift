import ArgumentParser
import RootlessStorage

/// `rootless-storage list`.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show the storage directories on this host: owner, size, last use, state.",
    discussion: """
      Root sees all of them, a user sees one's own. Sizes are what is on the disk; ">=" means that not everything could be \
      looked at. Nothing is changed.
      """)

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var settings: SettingsOptions

  func run() throws {
    var inventory = StorageInventory(try StorageParent(settings), memory: .ofThisHost(isWriting: false))
    try inventory.look()
    if json { printJSON(inventory) } else { printTable(inventory) }
  }

  private func printJSON(_ inventory: StorageInventory) {
    var list = JSONList("\"version\":1,\"parent\":\(jsonText(string(inventory.parent.settings.storage.parent))),", list: "directories")
    for entry in inventory.entries { list.add(StorageRecord(entry, inventory.parent.path(entry.leaf))) }
    list.end()
  }

  private func printTable(_ inventory: StorageInventory) {
    let parent = shown(inventory.parent.settings.storage.parent)
    if inventory.entries.isEmpty {
      printOut(inventory.parent.isRoot ? "There are no storage directories in \(parent)." : "You have no storage directory in \(parent).")
    } else {
      StorageTable(inventory.entries) { $0.measure?.size }.write()
      func sum(_ entries: [StorageEntry]) -> String { shownSize(entries.reduce(0) { $0 &+ ($1.measure?.size ?? 0) }) }
      let replaced = inventory.entries.filter(\.isReplaced)
      let storage = inventory.entries.filter { !$0.isReplaced }
      printOut("\n\(counted(storage.count, "storage directory", "storage directories")) in \(parent), \(sum(storage)).")
      if !replaced.isEmpty { printOut("\(counted(replaced.count, "more was", "more were")) put out of the place of one, \(sum(replaced)).") }
    }
    for note in inventory.notes { printOut(Terminal.standard.wrapped(note, indent: 0)) }
  }
}

extension StorageInventory {
  /// What the states mean that ask for something to be done.
  var notes: [String] {
    var notes: [String] = []
    func count(_ state: StorageEntry.State) -> Int { entries.filter { $0.state == state }.count }
    if count(.orphaned) > 0 { notes.append("orphaned: there is no such account any more; to give that disk back: rootless-storage prune --orphaned") }
    if entries.contains(where: { $0.doubt == .offline }) {
      notes.append("unconfirmed: there is no such account, but that is not believed: \(offlineDoubt); try: getent passwd NAME for a user of the directory")
    }
    notes += waitingNotes
    if entries.contains(where: { $0.doubt == .subordinate }) {
      notes.append("unconfirmed: it may be a subordinate id's: those come from a directory (subid in /etc/nsswitch.conf), and no uid_max in rootless-storage.conf tells them from people")
    }
    if count(.former) > 0 {
      notes.append("former: the owner has an account, but under another name: the uid was another person's before, who has left, or the account was renamed. Look at it as root; to delete the container storage: rootless-storage prune NAME")
    }
    if count(.unanswered) > 0 {
      notes.append("unanswered: the name service did not answer\(accounts.failure.map { " (\(text($0)))" } ?? ""); try: getent passwd UID, and look again when it answers")
    }
    for entry in entries where entry.state == .occupied {
      notes.append("occupied: \(shown(parent.path(entry.leaf))) is where \(shown(entry.placeOf ?? [])) should have a storage directory, and is something else, owned by uid \(entry.uid); look at it as root, and move it away")
      if notes.count > 16 { break }
    }
    if count(.mount) > 0 { notes.append("mount: something is mounted in the place of a storage directory; it was not looked into") }
    if count(.replaced) > 0 || entries.contains(where: { $0.isReplaced && $0.state == .orphaned }) {
      notes.append("replaced: a login or repair has put it out of the place of a storage directory; look at it as root, and remove it by hand, or leave it to: rootless-storage prune --older-than DAYS")
    }
    if let hiddenProcesses { notes.append("Whether anything is in use cannot be told: \(hiddenProcesses.sentence); \(hiddenProcesses.remedy).") }
    if let processFailure { notes.append("Whether anything is in use cannot be told: /proc: \(text(processFailure)); is it mounted?") }
    return notes
  }

  /// Who is absent, but not for long enough.
  private var waitingNotes: [String] {
    let waiting = entries.compactMap { entry -> (StorageEntry, AbsenceMemory.Answer)? in
      if case .waiting(let answer)? = entry.doubt { (entry, answer) } else { nil }
    }
    if waiting.isEmpty { return [] }
    let most = 16
    var notes = ["unconfirmed: there is no such account, but that counts only once it has lasted (orphan_days in rootless-storage.conf):"]
    notes += waiting.prefix(most).map { "\(shown($0.0.leaf)): \(waitingDoubt($0.1, by: "rootless-storage prune"))" }
    if waiting.count > most { notes.append("and \(waiting.count - most) more") }
    if let problem = memory?.problem { notes.append("unconfirmed: \(problem)") }
    return notes
  }
}
