import ArgumentParser

/// What a shell reads to complete this program's words: ArgumentParser's, and behind `help` the commands, of which it knows nothing there.
enum CompletionScript {
  /// - Parameter shell: bash, zsh or fish.
  static func text(_ shell: CompletionShell) -> String {
    let script = RootlessStorageCommand.completionScript(for: shell)
    let commands = RootlessStorageCommand.configuration.subcommands.compactMap { $0.configuration.shouldDisplay ? $0.configuration : nil }
    let names = commands.compactMap { $0.commandName }
    switch shell {
    case .bash:
      // Its last function is that of help.
      let end = "    __rootless-storage_offer_flags_options -1\n"
      guard let function = script.firstRange(of: "_rootless-storage_help() {"),
        let place = script[function.upperBound...].firstRange(of: end)
      else { return script }
      return script.replacingCharacters(
        in: place,
        with: end
          + "    if [[ \"${prev}\" = help ]]; then\n        __rootless-storage_add_completions -W '\(names.joined(separator: "\n"))'\n    fi\n"
      )
    case .zsh: return script.replacing("'*:subcommands:'", with: "'1:command:(\(names.joined(separator: " ")))'")
    default:
      let lines = commands.map { command in
        "complete -c 'rootless-storage' -n '__rootless-storage_should_offer_completions_for_positional \"rootless-storage help\" -eq 1' -fa '\(command.commandName ?? "")' -d '\(command.abstract.replacing("'", with: "\\'"))'\n"
      }
      return script + (script.hasSuffix("\n") ? "" : "\n") + lines.joined()
    }
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}
