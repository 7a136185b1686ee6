import Foundation
import Testing

/// `.swift-format` holds for every Swift file. What cannot be broken into lines is a text: shell, JSON, a message.
struct FormatTests {
  @Test func `swift format finds nothing to change`() throws {
    let format = Process()
    format.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    format.arguments = ["swift", "format", "lint", "--strict", "--parallel", "--recursive", "Package.swift", "Sources", "Tests"]
    format.currentDirectoryURL = URL(filePath: projectDirectory)
    let problems = Pipe()
    format.standardError = problems
    try format.run()
    let said = String(decoding: problems.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    format.waitUntilExit()
    #expect(
      format.terminationStatus == 0,
      "swift format --in-place --recursive Package.swift Sources Tests\n\(said.split(separator: "\n").prefix(20).joined(separator: "\n"))")
  }

  /// The formatter leaves comments as they are.
  @Test func `no comment is longer than 140 columns`() throws {
    var files = 0
    for folder in ["Sources", "Tests"] {
      let all = try #require(
        FileManager.default.enumerator(at: URL(filePath: "\(projectDirectory)/\(folder)"), includingPropertiesForKeys: nil))
      for case let file as URL in all where file.pathExtension == "swift" {
        files += 1
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() where line.count > 140 && line.drop(while: { $0 == " " }).hasPrefix("//") {
          Issue.record("\(file.path):\(number + 1) has \(line.count) columns")
        }
      }
    }
    #expect(files > 300)
  }
}
