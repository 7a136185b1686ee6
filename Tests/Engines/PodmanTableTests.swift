import Foundation
import TestSupport
import Testing

/// Every way in which Podman's configuration may be, tried with the real Podman of five releases, and held against what `check` says of it.
@Suite(.enabled(if: EngineRoot.isPossible, Comment(rawValue: EngineRoot.need)), .serialized)
struct PodmanTableTests {
  @Test func `check and Podman are of one mind about every configuration`() async throws {
    try await EngineTable.run("Podman", EngineTable.chosen(PodmanCases.all), EngineTable.releases, version: Self.version, row: Self.row)
  }

  private static func version(_ root: EngineRoot) throws -> String {
    try root.sure("podman --version").text.split(separator: " ").last.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) } ?? "?"
  }

  private static let daemon = [("~/.config/docker/daemon.json", "{ \"data-root\": \"/var/tmp/alice/docker\" }\n")]

  private static func row(_ some: EngineCase, _ root: EngineRoot) throws -> EngineRow {
    try root.prepare(some, some.user == "alice" ? daemon : [])
    let verdicts = try root.check(some)
    var row = EngineRow(name: some.name)
    let said = try root.sh(
      "timeout 60 podman info --format '{{.Store.GraphRoot}}|{{.Store.GraphDriverName}}|{{.Store.RunRoot}}' 2>/tmp/words || { code=$?; cat /tmp/words; exit $code; }",
      as: some.user, some.environment)
    let usual = EngineRoot.home(some.user) + "/.local/share/containers/storage"
    let parts = said.lines.last?.split(separator: "|", omittingEmptySubsequences: false).map(String.init) ?? []
    if said.status == 0, parts.count == 3 {
      let imported = try root.sh("timeout 60 podman import --quiet /run/tests/layer.tar tried 2>&1", as: some.user, some.environment)
      try row.recordStart(parts[0], driver: parts[1], hasImported: imported.status == 0, root)
      row.words = imported.text
    } else {
      row.answer = "does not start"
      row.words = said.text
    }
    row.judge(verdicts, advice: some.advice, store: \.graphroot, usual: usual)
    return row
  }
}
