import Foundation
import Synchronization

/// C that tests put into their machines, compiled once for all tests of a process: a compiler costs more than most tests do.
private let compiled = Mutex<[[String]: Data]>([:])

private func compile(_ source: String, _ options: [String]) throws -> Data {
  try compiled.withLock { known in
    let key = [source] + options
    if let built = known[key] { return built }
    let directory = FileManager.default.temporaryDirectory.appending(path: "rootless-storage-c-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let (file, result) = (directory.appending(path: "source.c"), directory.appending(path: "built"))
    try Data(source.utf8).write(to: file)
    let words = ["-c", #"exec "$(command -v cc || command -v clang)" "$@""#, "sh"] + options + ["-o", result.path, file.path]
    let output = try run("/bin/sh", words)
    guard output.status == 0 else { throw CommandFailure(description: "\(output)") }
    let built = try Data(contentsOf: result)
    known[key] = built
    return built
  }
}

extension Machine {
  /// Compiles C and puts the shared library into the machine.
  ///
  /// - Throws: `CommandFailure` with the compiler's words.
  public func library(_ source: String, to path: String) throws { try write(compile(source, ["-shared", "-fPIC"]), to: path) }

  /// Compiles C and puts the program into the machine, for everybody.
  ///
  /// - Throws: `CommandFailure` with the compiler's words.
  public func program(_ source: String, to path: String) throws {
    try write(compile(source, []), to: path)
    try sure("chmod 755 '\(path)'")
  }
}
