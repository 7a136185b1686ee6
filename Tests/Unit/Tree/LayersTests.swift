import Foundation
import Testing

@testable import RootlessStorage

/// Every arrow between the folders of the sources runs downwards, and libc is called by the folders System alone.
///
/// Folders of one target see each other, so the compiler finds none of this. Here a name counts that a folder declares at the top level
/// of a file: a type wherever it stands, a function where it is called. Members that an extension in a higher folder adds are not seen.
struct LayersTests {
  /// From the lowest one upwards.
  static let targets: [(folder: String, layers: [String])] = [
    ("Sources/RootlessStorage", ["System", "Policy", "Session"]),
    (
      "Sources/CommandLine",
      ["Text", "System", "ConfigText", "Report", "Accounts", "SubordinateIDs", "Storage", "PAM", "Check", "Commands"]
    ),
  ]

  private struct Source {
    let path: String
    let layer: Int
    /// Without comments, and without texts but for what is put into them.
    let lines: [String]

    init(_ path: String, layer: Int) throws {
      self.path = path
      self.layer = layer
      lines = try String(contentsOfFile: "\(projectDirectory)/\(path)", encoding: .utf8).components(separatedBy: "\n").map { line in
        if line.drop(while: { $0 == " " }).hasPrefix("//") { return "" }
        if !line.utf8.contains(UInt8(ascii: "\"")) { return line.components(separatedBy: "//")[0] }
        let opened = line.replacing(#/\\\((?<inner>[^()]*(?:\([^()]*\)[^()]*)*)\)/#) { "\"+\($0.output.inner)+\"" }
        return String(opened.replacing(#/"(?:[^"\\]|\\.)*"/#, with: "\"\"").components(separatedBy: "//")[0])
      }
    }

    /// Names that it declares: of types and functions that other files see, and of functions of any kind.
    var declared: (types: Set<String>, functions: Set<String>, members: Set<String>) {
      var (types, functions, members): (Set<String>, Set<String>, Set<String>) = ([], [], [])
      for line in lines {
        guard line.contains("func ") || line.utf8.first.map({ $0 != UInt8(ascii: " ") }) ?? false else { continue }
        if let found = line.firstMatch(of: #/\bfunc ([a-z]\w*)/#) { members.insert(String(found.output.1)) }
        guard
          let found = line.prefixMatch(
            of: #/(?:(?:public|package|internal|final|indirect|nonisolated|@\w+) )*(struct|enum|class|protocol|typealias|actor|func) (\w+)/#
          )
        else { continue }
        if found.output.1 == "func" { functions.insert(String(found.output.2)) } else { types.insert(String(found.output.2)) }
      }
      return (types, functions, members)
    }
  }

  private static func sources(_ folder: String, _ layers: [String]) throws -> [Source] {
    try layers.enumerated().flatMap { index, layer in
      try FileManager.default.subpathsOfDirectory(atPath: "\(projectDirectory)/\(folder)/\(layer)").filter { $0.hasSuffix(".swift") }
        .sorted()
        .map { try Source("\(folder)/\(layer)/\($0)", layer: index) }
    }
  }

  /// The words of a line that are no members, and whether an argument list follows.
  private static func words(_ line: String) -> [(name: String, isCalled: Bool)] {
    func isOfWord(_ byte: UInt8) -> Bool { byte == .underscore || isAlphanumeric(byte) }
    let bytes = Array(line.utf8)
    var (found, index): ([(name: String, isCalled: Bool)], Int) = ([], 0)
    while index < bytes.count {
      guard isOfWord(bytes[index]) else { index += 1; continue }
      let start = index
      while index < bytes.count && isOfWord(bytes[index]) { index += 1 }
      if start > 0 && bytes[start - 1] == UInt8(ascii: ".") { continue }
      found.append((String(decoding: bytes[start..<index], as: UTF8.self), index < bytes.count && bytes[index] == UInt8(ascii: "(")))
    }
    return found
  }

  @Test(arguments: targets) func `no folder uses what a higher one declares`(folder: String, layers: [String]) throws {
    #expect(
      try Set(FileManager.default.contentsOfDirectory(atPath: "\(projectDirectory)/\(folder)")) == Set(layers),
      "each folder has its place in the order")
    let sources = try LayersTests.sources(folder, layers)
    var types: [String: Int] = [:], functions: [String: Int] = [:], members: [String: Int] = [:]
    for source in sources {
      let declared = source.declared
      for name in declared.types { types[name] = min(source.layer, types[name] ?? Int.max) }
      for name in declared.functions { functions[name] = min(source.layer, functions[name] ?? Int.max) }
      for name in declared.members { members[name] = min(source.layer, members[name] ?? Int.max) }
    }
    #expect(types.count > 20 && functions.count > 10, "nothing was read")
    for source in sources {
      for (number, line) in source.lines.enumerated() {
        for word in LayersTests.words(line) {
          let name = word.name
          // A function of its own folder, or a lower one, may have the same name.
          let isCall = word.isCalled && (members[name] ?? Int.max) > source.layer
          guard let layer = types[name] ?? (isCall ? functions[name] : nil), layer > source.layer else { continue }
          Issue.record(
            "\(source.path):\(number + 1): \(layers[source.layer]) uses \(name), which \(layers[layer]) above it declares: move one of them"
          )
        }
      }
    }
  }

  @Test(arguments: targets) func `libc and libpam are imported by System alone`(folder: String, layers: [String]) throws {
    for source in try LayersTests.sources(folder, layers) where layers[source.layer] != "System" {
      for (number, line) in source.lines.enumerated()
      where line.contains("import ") && line.contains(#/^\s*(?:\w+ )*import (?:CLinux|CPAM|Glibc|Foundation)\b/#) {
        Issue.record("\(source.path):\(number + 1): only a folder System calls libc: put the call there, behind a function of ours")
      }
    }
  }

  /// Machine code, and the constants themselves, are numbers.
  private static let numbers: Set<String> = [
    "Sources/CommandLine/Check/Engines/ProbeProgram.swift", "Sources/RootlessStorage/System/ASCII.swift",
  ]

  @Test(arguments: targets) func `a byte that is a character is written as one`(folder: String, layers: [String]) throws {
    for source in try LayersTests.sources(folder, layers) where !LayersTests.numbers.contains(source.path) {
      for (number, line) in source.lines.enumerated() {
        // The bit by which small and capital letters differ is a number too.
        let rest = line.replacing("| 0x20", with: "")
        guard let found = rest.firstMatch(of: #/\b0x(?:09|0a|0d|[2-6][0-9a-f]|7[0-9a-e])\b/#) else { continue }
        Issue.record(
          "\(source.path):\(number + 1): \(found.output): System/ASCII.swift has a name for it, and a letter or digit is UInt8(ascii:)")
      }
    }
  }
}
