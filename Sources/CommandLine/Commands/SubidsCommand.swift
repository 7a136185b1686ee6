import ArgumentParser
import RootlessStorage

/// `rootless-storage subids`.
struct SubidsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subids", abstract: "See, give out and take back subordinate ids (/etc/subuid, /etc/subgid).",
    subcommands: [SubidsCheckCommand.self, SubidsListCommand.self, SubidsAllocateCommand.self, SubidsReleaseCommand.self])
}

/// What they go by: the settings of logins, and the files of this host.
struct SubordinateHost {
  let settings: Settings
  let settingsPath: [UInt8]
  let index: SubordinateIDIndex

  /// Tells on standard error what is wrong with the settings without stopping anything.
  init(_ options: SettingsOptions) throws(CannotLook) {
    settingsPath = options.path
    let reading = try options.read(settingsPath)
    settings = reading.settings
    for problem in reading.problems { printError("rootless-storage: \(text(Wording().settings(settingsPath, problem)))") }
    index = SubordinateIDIndex(HostTree.this)
    for table in index.tables {
      if let failure = table.failure { throw CannotLook("\(table.file) \(failure.explanation); look at it as root") }
    }
  }
}
