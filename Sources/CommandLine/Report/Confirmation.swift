import RootlessStorage

/// Asks a question with the answer no unless yes is said; nil: there is nobody to ask.
func confirmed(_ question: String) -> Bool? {
  guard TerminalDevice.isTerminal(0) && TerminalDevice.isTerminal(1) else { return nil }
  writeToStandardOutput(Array("\n\(question) [y/N] ".utf8))
  let answer = (readLine() ?? "").lowercased().filter { $0 != " " }
  return answer == "y" || answer == "yes"
}
