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

  @Flag(help: "The largest first, and not by name.")
  var bySize = false

  @OptionGroup var settings: SettingsOptions

  func run() throws {
    var inventory = StorageInventory(try StorageParent(settings.read()), memory: .ofThisHost(isWriting: false))
    try inventory.look()
    if json { printJSON(inventory) } else { printTable(inventory) }
  }

  private func ordered(_ entries: [StorageEntry]) -> [StorageEntry] {
    bySize ? entries.sorted { ($0.measure?.size ?? 0) > ($1.measure?.size ?? 0) } : entries
  }

  private func printJSON(_ inventory: StorageInventory) {
    let parent = inventory.parent
    var list = JSONList("\"parent\":\(jsonText(string(parent.settings.storage.parent))),\"disk\":\(jsonText(parent.disk)),", list: "directories")
    for entry in ordered(inventory.entries) { list.add(StorageRecord(entry, inventory.parent.path(entry.leaf))) }
    list.end()
  }

  private func printTable(_ inventory: StorageInventory) {
    let parent = shown(inventory.parent.settings.storage.parent)
    if inventory.entries.isEmpty {
      printOut(inventory.parent.isRoot ? "There are no storage directories in \(parent)." : "You have no storage directory in \(parent).")
    } else {
      StorageTable(ordered(inventory.entries)) { $0.measure?.size }.write()
      func sum(_ entries: [StorageEntry]) -> String { shownSize(entries.reduce(0) { $0 &+ ($1.measure?.size ?? 0) }) }
      let replaced = inventory.entries.filter(\.isReplaced)
      let storage = inventory.entries.filter { !$0.isReplaced }
      printOut("\n\(counted(storage.count, "storage directory", "storage directories")) in \(parent), \(sum(storage)).")
      if let disk = inventory.parent.disk { printOut("The disk: \(disk.shown).") }
      if !replaced.isEmpty { printOut("\(counted(replaced.count, "more was", "more were")) put out of the place of one, \(sum(replaced)).") }
    }
    for note in inventory.limitNotes + inventory.notes { printOut(Terminal.standard.wrapped(note, indent: 0)) }
  }
}
