import Foundation
import Testing

/// Tests/Mutations/run takes hours, so nobody runs it after every change: here at least each patch applies, and names its reason and test.
struct MutationsTests {
  static let patches = ((try? FileManager.default.contentsOfDirectory(atPath: "\(projectDirectory)/Tests/Mutations")) ?? []).filter {
    $0.hasSuffix(".patch")
  }.sorted()

  @Test func `there are many`() { #expect(MutationsTests.patches.count > 150) }

  @Test(arguments: patches) func `what each mutation changes stands in its file`(name: String) throws {
    let path = URL(filePath: "\(projectDirectory)/Tests/Mutations/\(name)")
    let header = try #require(try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n\n").first)
    for key in ["Why", "Suite", "Test"] {
      #expect(header.split(separator: "\n").contains { $0.hasPrefix("\(key): ") && $0.count > key.count + 3 }, "\(key)")
    }
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = ["git", "apply", "--check", "--recount", "-C1", path.path]
    git.currentDirectoryURL = URL(filePath: projectDirectory)
    let problems = Pipe()
    git.standardError = problems
    try git.run()
    let said = problems.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    #expect(git.terminationStatus == 0, "write it anew: \(String(decoding: said, as: UTF8.self))")
  }
}
