import Foundation
import TestSupport
import Testing

/// What an engine did, and what `check` had said before.
struct EngineRow: Sendable {
  let name: String
  /// It has started.
  var starts = false
  /// Where it stores, how, and what went wrong; for the table.
  var answer = ""
  /// As it says itself, if it has started.
  var store: String?
  /// It has imported an image, and the store is not in a network home.
  var works = false
  /// What check has found, as `severity code`, without notes.
  var findings: [String] = []
  /// The engine's own, last lines.
  var words = ""
  /// What is wrong with that.
  var differences: [String] = []

  /// The engine has started, and tells its store and its driver.
  ///
  /// - Parameter hasImported: it has imported an image since.
  mutating func recordStart(_ store: String, driver: String, hasImported: Bool, _ root: EngineRoot) throws {
    let onNetwork = try root.isInNetwork(store)
    let imagesInHome = try !onNetwork && root.hasImagesInHome()
    starts = true
    self.store = store
    works = hasImported && !onNetwork && !imagesInHome
    answer = "\(store), \(driver)" + (hasImported ? "" : ", but no import") + (imagesInHome ? ", images in the home" : "")
  }
}

enum EngineTable {
  private static let variables = ProcessInfo.processInfo.environment
  /// For who works on this: cases whose name has one of these texts, with | between them, and these releases alone.
  private static let some = variables["ROOTLESS_STORAGE_ENGINE_CASES"]?.split(separator: "|").map(String.init)
  static let releases = variables["ROOTLESS_STORAGE_ENGINE_RELEASES"]?.split(separator: " ").map(String.init) ?? EngineRoot.releases
  static func chosen(_ cases: [EngineCase]) -> [EngineCase] { cases.filter { one in some?.contains { one.name.contains($0) } ?? true } }

  private struct Column: Sendable {
    let release: String
    let version: String
    let rows: [EngineRow]
  }

  /// Tries all cases with the engine of each release, and holds the document against them.
  static func run(
    _ title: String, _ cases: [EngineCase], _ releases: [String], version: @escaping @Sendable (EngineRoot) throws -> String,
    row: @escaping @Sendable (EngineCase, EngineRoot) throws -> EngineRow
  ) async throws {
    let columns = try await withThrowingTaskGroup(of: Column.self) { group in
      for release in releases {
        group.addTask {
          let root = try EngineRoot(release)
          return Column(
            release: release, version: try version(root),
            rows: cases.map { some in
              let begin = Date()
              // One that cannot be tried does not take the others with it.
              let done: EngineRow
              do { done = try row(some, root) } catch {
                done = EngineRow(name: some.name, answer: "cannot be tried", words: "\(error)", differences: ["it cannot be tried"])
              }
              let took = Date().timeIntervalSince(begin)
              if took > 15 { print("  slow: \(title) of \(release), \(some.name): \(Int(took)) s") }
              return done
            })
        }
      }
      var found: [Column] = []
      for try await column in group { found.append(column) }
      return releases.compactMap { release in found.first { $0.release == release } }
    }
    #expect(Set(cases.filter { !$0.bugs.isEmpty }.map(\.name)).count <= 3)
    for column in columns {
      for (row, some) in zip(column.rows, cases) {
        if row.differences.isEmpty != (some.bugs[column.release] != nil) { continue }
        Issue.record(
          "\(title) \(column.version), \(row.name): \(row.answer). \(row.differences.joined(separator: "; ")). It printed: \(row.words.suffix(300))"
        )
      }
    }
    let section = EngineDocument.section(title, columns.map { "\($0.version) (\($0.release))" }, columns.map(\.rows))
    if let place = variables["ROOTLESS_STORAGE_TABLE"] { try section.write(toFile: "\(place)-\(title)", atomically: true, encoding: .utf8) }
    if some != nil || Self.releases != EngineRoot.releases { return }
    if let difference = try EngineDocument.compare(title, section) {
      Issue.record("packaging/doc/engines.md is not what was seen; see Tests/run engines --update-golden\n\(difference)")
    }
  }
}

extension EngineRoot {
  /// An engine keeps images or their layers in the home of alice, wherever it says that it stores.
  func hasImagesInHome() throws -> Bool {
    try !sure(
      "find /home -mindepth 2 \\( -path '*/overlay-images/*' -o -path '*/vfs-images/*' -o -path '*/overlay/*/diff' -o -path '*/image/*/layerdb' -o -path '*/overlay2/*' \\) -print -quit"
    ).text.isEmpty
  }

  /// A path is on the file system of the homes that are on the network, or would be.
  func isInNetwork(_ path: String) throws -> Bool {
    // Relative to where it was started: in the home.
    try sure(
      "cd /home; p='\(path.replacing("'", with: "'\\''"))'; while [ ! -e \"$p\" ]; do p=$(dirname \"$p\"); done; stat --file-system --format %T \"$p\""
    ).text
      .contains("ramfs")
  }

  func prepare(_ some: EngineCase, _ base: [(path: String, content: String)]) throws {
    try reset()
    if !some.root.isEmpty { try sure(some.root) }
    try write(base + some.files, of: some.user)
    // What root's files need is done when they are there.
    if !some.site.isEmpty { try sure(some.site) }
    if !some.own.isEmpty {
      let output = try sh("set -e; " + some.own, as: some.user)
      if output.status != 0 { throw CommandFailure(description: "\(some.name)\n\(output)") }
    }
    if !some.after.isEmpty {
      endProcesses(of: some.user)
      // Podman's pause process went with them, and not as it does by itself.
      try sure("rm -f /run/user/*/libpod/tmp/pause.pid; \(some.after)")
    }
  }

  /// What check says to root, if that is not about the caller's environment, and to the user.
  func check(_ some: EngineCase) throws -> [(who: String, user: EngineVerdict)] {
    let command = "rootless-storage check --json \(some.user)"
    var found = [("the user", try EngineVerdict(sh(command, as: some.user, some.environment)))]
    if some.environment.isEmpty { found.append(("root", try EngineVerdict(sh(command)))) }
    return found
  }
}

/// One user's part of the report, as far as it is about engines.
struct EngineVerdict: Decodable, Sendable {
  let graphroot: String?
  let dataRoot: String?
  let findings: [Report.Finding]

  private struct Whole: Decodable { let users: [EngineVerdict] }

  init(_ output: Output) throws {
    guard let text = output.text.firstIndex(of: "{").map({ output.text[$0...] }),
      let user = try? JSONDecoder().decode(Whole.self, from: Data(text.utf8)).users.first
    else {
      throw CommandFailure(description: "no report: \(output)")
    }
    self = user
  }

  /// What claims a fault.
  var claims: [Report.Finding] { findings.filter { $0.severity != "note" } }
}

extension EngineRow {
  /// Warnings that explain no failure.
  private static let harmless: Set<String> = ["driver-vfs", "driver-missing", "rootless-storage-path", "site-options-hidden"]

  /// Docker tells a path as it is written, with its dots and slashes.
  private static func cleaned(_ path: String) -> String {
    var kept: [Substring] = []
    for part in path.split(separator: "/") where part != "." { if part == ".." { _ = kept.popLast() } else { kept.append(part) } }
    return (path.hasPrefix("/") ? "/" : "") + kept.joined(separator: "/")
  }

  /// Holds what check said against what the engine did.
  ///
  /// - Parameters:
  ///   - store: what is in the report, of a verdict.
  ///   - usual: where the engine stores with no word of anybody's.
  mutating func judge(
    _ verdicts: [(who: String, user: EngineVerdict)], advice: Set<String>, store: (EngineVerdict) -> String?, usual: String
  ) {
    findings = (verdicts.first?.user.claims ?? []).map { "\($0.severity) \($0.code)" }
    for (who, user) in verdicts {
      let serious = user.claims.filter { !(works ? advice : EngineRow.harmless).contains($0.code) || $0.severity == "error" }
      if works, let first = serious.first {
        differences.append("it works, and check tells \(who): \(first.severity) \(first.code): \(first.sentence)")
      }
      if !works && serious.isEmpty { differences.append("it does not work, and check tells \(who) nothing") }
      if let real = self.store, starts, EngineRow.cleaned(real) != EngineRow.cleaned(store(user) ?? usual) {
        differences.append("it stores in \(real), and check tells \(who): \(store(user) ?? "\(usual), by default")")
      }
    }
  }
}

/// packaging/doc/engines.md, which is made of what was seen.
enum EngineDocument {
  private static let file = URL(filePath: "\(projectDirectory)/packaging/doc/engines.md")
  static let isUpdating = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_UPDATE_GOLDEN"] != nil

  /// The section of an engine: a heading, and a table with a column for each version.
  static func section(_ title: String, _ versions: [String], _ rows: [[EngineRow]]) -> String {
    var text =
      "## \(title)\n\n| case | \(versions.joined(separator: " | ")) |\n| --- |\(String(repeating: " --- |", count: versions.count))\n"
    for index in rows.first?.indices ?? 0..<0 {
      let cells = rows.map { cell($0[index]) }
      let same = Set(cells).count == 1
      text +=
        "| \(escaped(rows[0][index].name)) | "
        + (same ? [cells[0]] + cells.dropFirst().map { _ in "the same" } : cells).joined(separator: " | ") + " |\n"
    }
    return text
  }

  private static func cell(_ row: EngineRow) -> String {
    let codes = row.findings.map { $0.split(separator: " ").last.map(String.init) ?? $0 }
    var seen: [String] = []
    for code in codes where !seen.contains(code) { seen.append(code) }
    return "\(escaped(row.answer)); \(seen.isEmpty ? "silent" : seen.map { "`\($0)`" }.joined(separator: ", "))"
  }

  private static func escaped(_ text: String) -> String { text.replacing("|", with: "\\|").replacing("<", with: "&lt;") }

  /// - Returns: nil if the document has the section as it is; what it has instead otherwise, or, when it is made anew, nil.
  static func compare(_ title: String, _ section: String) throws -> String? {
    let text = try String(contentsOf: file, encoding: .utf8)
    let parts = text.components(separatedBy: "\n## ")
    let wanted = section.dropFirst("## ".count).trimmingCharacters(in: .newlines)
    let index = parts.firstIndex { $0.hasPrefix(title + "\n") }
    if let index, parts[index].trimmingCharacters(in: .newlines) == wanted { return nil }
    guard isUpdating else { return index.map { difference(parts[$0], wanted) } ?? "it has no section \(title)" }
    var changed = parts
    if let index { changed[index] = wanted + "\n" } else { changed.append(wanted + "\n") }
    let joined = changed.map { $0.trimmingCharacters(in: .newlines) + "\n" }.joined(separator: "\n## ")
    try joined.write(to: file, atomically: true, encoding: .utf8)
    return nil
  }

  private static func difference(_ old: String, _ new: String) -> String {
    let (left, right) = (Set(old.split(separator: "\n")), Set(new.split(separator: "\n")))
    let gone = old.split(separator: "\n").filter { !right.contains($0) }.map { "- \($0)" }
    let come = new.split(separator: "\n").filter { !left.contains($0) }.map { "+ \($0)" }
    return (gone + come).joined(separator: "\n")
  }
}
