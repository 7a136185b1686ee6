import Foundation
import Testing

/// Tests/mutations takes hours, so nobody runs it after every change: here at least what it changes is there.
struct MutationsTests {
  private static let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  @Test func `what each mutation changes stands in its file`() throws {
    let script = try String(contentsOfFile: "\(MutationsTests.top)/Tests/mutations", encoding: .utf8)
    let list = try #require(script.components(separatedBy: "cat <<'LIST'\n").dropFirst().first?.components(separatedBy: "\nLIST\n").first)
    let lines = list.components(separatedBy: "\n")
    #expect(lines.count > 150)
    var contents: [String: String] = [:]
    for line in lines {
      let parts = line.replacing("\\|", with: "\u{1}").components(separatedBy: "|").map { $0.replacing("\u{1}", with: "|") }
      guard parts.count >= 5 else {
        Issue.record("\(line): expected NAME | FILE | what stands there | what stands there instead | tests")
        continue
      }
      let content = try contents[parts[1]] ?? String(contentsOfFile: "\(MutationsTests.top)/\(parts[1])", encoding: .utf8)
      contents[parts[1]] = content
      let old = parts[2].replacing("\\n", with: "\n").replacing("\\&", with: "&")
      if !content.contains(old) { Issue.record("\(parts[0]): \(parts[1]) has nothing like \(old): write the mutation anew") }
    }
    #expect(Set(lines.map { $0.prefix { $0 != "|" } }).count == lines.count, "names are unique")
  }
}
