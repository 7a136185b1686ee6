import ArgumentParser

/// `rootless-storage`, the helper that people run by hand: rootless-storage(8).
@main
struct RootlessStorageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rootless-storage",
    abstract: "See, explain, repair and clean up the local container storage of users with network homes.",
    version: "rootless-storage \(Program.version)",
    subcommands: [
      CheckCommand.self, RepairCommand.self, VerifyCommand.self, StatusCommand.self, LoginCommand.self, ConfigCommand.self, ListCommand.self,
      PruneCommand.self, SubidsCommand.self, PAMCommand.self, ExamineCommand.self, TryEnginesCommand.self,
    ])

  /// Exit statuses as the manual has them: whoever calls it wrongly has not looked either.
  static func main() {
    // Whoever started this may ignore it, and then the kernel reaps children by itself.
    restoreChildSignal()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as CannotLook {
      printError("rootless-storage: \(failure)")
      exit(withError: ExitCode(2))
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      printError(fullMessage(for: error))
      exit(withError: ExitCode(2))
    }
  }
}
