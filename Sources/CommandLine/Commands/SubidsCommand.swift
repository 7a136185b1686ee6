import ArgumentParser
import RootlessStorage

/// `rootless-storage subids`.
struct SubidsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subids", abstract: "See, give out and take back subordinate ids (/etc/subuid, /etc/subgid).",
    subcommands: [SubidsCheckCommand.self, SubidsListCommand.self, SubidsAllocateCommand.self, SubidsReleaseCommand.self])
}
