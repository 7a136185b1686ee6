import ArgumentParser
import RootlessStorage

/// `rootless-storage subids list`.
struct SubidsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Show the subordinate ids on this host: owner, files, range, state. Changes nothing.")

  @Flag(help: "Print one JSON object.") var json = false

  @OptionGroup var settings: SettingsOptions

  func run() throws {
    let host = try SubordinateHost(settings.read())
    var memory = AbsenceMemory.ofThisHost(isWriting: false)
    let owners = SubordinateOwners(
      host.index, Accounts(AccountSources.ofThisHost()), orphanDays: host.settings.orphanDays, &memory, storage: host.settings.storage)
    let entries = subordinateEntries(host.index, host.settings, owners)
    if json {
      var list = JSONList("", list: "ranges")
      for entry in entries { list.add(SubordinateRecord(entry)) }
      list.end()
      return
    }
    if let source = host.index.source {
      printOut(
        Terminal.standard.wrapped(
          "These do not count: subordinate ids come from \"\(shown(source))\" (subid in /etc/nsswitch.conf).\n", indent: 0))
    }
    if entries.isEmpty { return printOut("There are no subordinate ids in /etc/subuid and /etc/subgid.") }
    let rows = entries.map { entry in
      [
        shown(entry.owner), entry.uid.map { "\($0)" } ?? "-",
        entry.kinds.map { String(decoding: $0.fileName, as: UTF8.self) }.joined(separator: " "),
        entry.ids.shown, "\(entry.ids.size)", entry.state.rawValue,
      ]
    }
    printOut(Terminal.standard.table([["OWNER", "UID", "FILES", "RANGE", "COUNT", "STATE"]] + rows, rightAligned: [1, 4]))
    let states = Set(entries.map(\.state))
    if states != [.ok] { printOut("") }
    for (state, note) in [
      (SubordinateEntry.State.overlap, "others have ids of it too; to see who: rootless-storage subids check"),
      (.ambiguous, "not every program reads these ids in its line; to see which: rootless-storage subids check"),
      (
        .kept,
        "there is no such account, on purpose: Podman or Docker uses the ids, Apptainer has disabled them (!), or a user has them under another spelling"
      ),
      (
        .renamed,
        "there is no such account, and another one owns the storage directory of that name; for whom: rootless-storage subids check"
      ),
      (.gone, "there is no such account any more; to take the ids back: rootless-storage subids release"),
      (.unconfirmed, "there is no such account, or nobody knows: \(owners.uncertainty)"),
      (.small, "the owner has fewer than \(SubordinateIDPlanner.enough) ids in a file"),
    ] where states.contains(state) {
      printOut(Terminal.standard.wrapped("\(state.rawValue): \(note)", indent: 0))
    }
  }
}
