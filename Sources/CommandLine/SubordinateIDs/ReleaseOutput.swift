import RootlessStorage

/// What `subids release` says: for a person, or as one JSON object.
struct ReleaseOutput {
  private struct Record: Encodable {
    let file: String
    let line: String
  }

  /// Lines that are shown to a person.
  private static let mostLines = 200

  var removed = 0
  private let release: SubordinateRelease
  private let isJSON: Bool
  private let isDryRun: Bool
  private var messages: [String] = []

  init(_ release: SubordinateRelease, isJSON: Bool, isDryRun: Bool) {
    self.release = release
    self.isJSON = isJSON
    self.isDryRun = isDryRun
  }

  func showPlan() {
    if isJSON { return }
    if release.lines.isEmpty { return printOut("There are no lines to remove.") }
    printOut("\(isDryRun ? "Would remove" : "To remove"):\n")
    for line in release.lines.prefix(ReleaseOutput.mostLines) { printOut("  \(line.kind.file): \(shown(line.text))") }
    if release.lines.count > ReleaseOutput.mostLines { printOut("  and \(release.lines.count - ReleaseOutput.mostLines) more") }
    printOut("")
    for note in notes { printOut(Terminal.standard.wrapped(note, indent: 0)) }
  }

  private var notes: [String] {
    if release.lines.isEmpty { return [] }
    let most = 24
    let more = release.warnings.count > most ? ["And \(release.warnings.count - most) more of that kind."] : []
    return release.warnings.prefix(most) + more + [
      "Files in storage directories may still belong to these ids. Once they are released, subid_scheme = first-free, useradd and usermod may give them to somebody else, who could read and write those files."
    ]
  }

  /// Something that is about no single line.
  mutating func tell(_ message: String) {
    if isJSON { messages.append(message) } else { printError("rootless-storage: \(message)") }
  }

  func end() {
    if !isJSON {
      if removed > 0 {
        printOut("\(counted(removed, "line", "lines")) removed; what was there before is in /etc/subuid- and /etc/subgid-.")
      }
      return
    }
    var list = JSONList("\"dryRun\":\(isDryRun),", list: "lines")
    for line in release.lines { list.add(Record(file: line.kind.file, line: string(line.text))) }
    list.end(",\"removed\":\(removed),\"messages\":\(jsonText(messages + notes))")
  }
}
