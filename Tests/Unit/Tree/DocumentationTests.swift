import Foundation
import Testing

@testable import rootless_storage

/// The documents for people: their links lead somewhere, and the README stays a page that is read.
struct DocumentationTests {
  static let documents = [
    "README.md", "packaging/doc/admin.md", "packaging/doc/evidence.md", "packaging/doc/engines.md", ".github/CONTRIBUTING.md",
    ".github/SECURITY.md", "Sources/README.md", "Tests/README.md",
    "packaging/CHANGELOG.md", "findings/README.md", "packaging/ansible/rootless_storage/README.md", "packaging/selinux/README.md",
  ]

  /// As GitHub makes them of headings: lower case, blanks become hyphens, other punctuation goes.
  private func anchors(_ text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
        let heading = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
        return String(heading.compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : nil })
      })
  }

  @Test(arguments: documents) func `every link within the project leads to a file, and to a heading in it`(document: String) throws {
    let file = URL(filePath: "\(projectDirectory)/\(document)")
    let text = try String(contentsOf: file, encoding: .utf8)
    for match in text.matches(of: /\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/) {
      let target = match.1.isEmpty ? file : file.deletingLastPathComponent().appending(path: String(match.1))
      #expect(FileManager.default.fileExists(atPath: target.path), "\(document) links to \(match.1)")
      guard let anchor = match.2, let content = try? String(contentsOf: target, encoding: .utf8) else { continue }
      #expect(anchors(content).contains(String(anchor)), "\(document) links to \(match.1)#\(anchor)")
    }
  }

  @Test func `the README has at most 130 lines and the two commands`() throws {
    let text = try String(contentsOfFile: "\(projectDirectory)/README.md", encoding: .utf8)
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 131)
    #expect(text.contains("`sudo packaging/try`") && text.contains("`sudo Tests/run`"))
  }

  @Test func `the program, the packages and the changelog have one version`() throws {
    let changelog = try String(contentsOfFile: "\(projectDirectory)/packaging/CHANGELOG.md", encoding: .utf8)
    let newest = try #require(changelog.firstMatch(of: /(?m)^## (\S+) \((\d{4}-\d{2}-\d{2})\)$/))
    #expect(String(newest.1) == Program.version)
  }
}
