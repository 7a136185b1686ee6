import ArgumentParser

/// `rootless-storage`, the helper that people run by hand: rootless-storage(8).
@main
struct RootlessStorageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rootless-storage",
    abstract: "See, explain, repair and clean up the local container storage of users with network homes.",
    discussion: "Manual: man rootless-storage. Each command has a page, as rootless-storage-check(8).",
    version: "rootless-storage \(Program.version)",
    subcommands: [
      CheckCommand.self, RepairCommand.self, VerifyCommand.self, StatusCommand.self, LoginCommand.self, ConfigCommand.self,
      ListCommand.self,
      PruneCommand.self, SubidsCommand.self, PAMCommand.self, ExamineCommand.self, TryEnginesCommand.self,
    ])

  /// Exit statuses as the manual has them: whoever calls it wrongly has not looked either.
  static func main() {
    // Whoever started this may ignore it, and then the kernel reaps children by itself.
    restoreChildSignal()
    if let shell = shellToComplete { return printOut(CompletionScript.text(shell)) }
    let names = configuration.subcommands.compactMap { $0.configuration.shouldDisplay ? $0.configuration.commandName : nil }
    if let word = CommandLine.arguments.dropFirst().first, word != "help",
      !configuration.subcommands.contains(where: { $0.configuration.commandName == word }),
      let meant = nearest(word, among: names)
    {
      printError("rootless-storage: there is no command \(shown(word)); perhaps \(meant) is meant: rootless-storage help \(meant)")
      exit(withError: ExitCode(2))
    }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as CommandError {
      printError("rootless-storage: \(failure)")
      exit(withError: ExitCode(2))
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      printError(fullMessage(for: error))
      exit(withError: ExitCode(2))
    }
  }

  /// `--generate-completion-script SHELL`, which packaging/install asks for.
  private static var shellToComplete: CompletionShell? {
    let words = CommandLine.arguments.dropFirst()
    guard words.count == 2, words.first == "--generate-completion-script" else { return nil }
    return words.last.flatMap { CompletionShell(rawValue: $0) }
  }
}
