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

  @Flag(help: "The largest first, each with what its engines have.")
  var bySize = false

  @OptionGroup var settings: SettingsOptions

  func run() throws {
    var inventory = StorageInventory(try StorageParent(settings.read()), memory: .ofThisHost(isWriting: false))
    try inventory.look()
    let guarded = inventory.guarded { printError("rootless-storage: guarded_directories: \($0)") }
    if json { printJSON(inventory, guarded) } else { printTable(inventory, guarded) }
  }

  private func ordered(_ entries: [StorageEntry]) -> [StorageEntry] {
    bySize ? entries.sorted { ($0.measure?.size ?? 0) > ($1.measure?.size ?? 0) } : entries
  }

  private func printJSON(_ inventory: StorageInventory, _ guarded: [StorageInventory]) {
    let parent = inventory.parent
    var list = JSONList(
      "\"parent\":\(jsonText(string(parent.settings.storage.parent))),\"disk\":\(jsonText(parent.disk)),", list: "directories")
    var all = ([inventory] + guarded).flatMap { each in each.entries.map { (entry: $0, path: each.parent.path($0.leaf)) } }
    all.sort { bySize ? ($0.entry.measure?.size ?? 0) > ($1.entry.measure?.size ?? 0) : $0.path < $1.path }
    for (entry, path) in all { list.add(StorageRecord(entry, path)) }
    list.end()
  }

  private func printTable(_ inventory: StorageInventory, _ guarded: [StorageInventory]) {
    let parent = shown(inventory.parent.settings.storage.parent)
    if inventory.entries.isEmpty {
      printOut(inventory.parent.isRoot ? "There are no storage directories in \(parent)." : "You have no storage directory in \(parent).")
    } else {
      StorageTable(ordered(inventory.entries), showsEngines: bySize) { $0.measure?.size }.write()
      func sum(_ entries: [StorageEntry]) -> String { shownSize(entries.reduce(0) { $0 &+ ($1.measure?.size ?? 0) }) }
      let replaced = inventory.entries.filter(\.isReplaced)
      let leftovers = inventory.entries.filter(\.isLeftover)
      let storage = inventory.entries.filter { !$0.isAside }
      printOut("\n\(counted(storage.count, "storage directory", "storage directories")) in \(parent), \(sum(storage)).")
      if let disk = inventory.parent.disk { printOut("The disk: \(disk.shown).") }
      if !replaced.isEmpty {
        printOut("\(counted(replaced.count, "more was", "more were")) put out of the place of one, \(sum(replaced)).")
      }
      if !leftovers.isEmpty {
        printOut("\(counted(leftovers.count, "more was", "more were")) left beside them by engines, \(sum(leftovers)).")
      }
    }
    for former in guarded where !former.entries.isEmpty {
      printOut("\nIn \(shown(former.parent.settings.storage.parent)), where storage_directory pointed before (guarded_directories):\n")
      StorageTable(ordered(former.entries), showsEngines: bySize) { $0.measure?.size }.write()
      printOut("\n" + Terminal.standard.wrapped(StorageInventory.noteOfGuarded, indent: 0))
    }
    for note in inventory.limitNotes + inventory.notes { printOut(Terminal.standard.wrapped(note, indent: 0)) }
  }
}
