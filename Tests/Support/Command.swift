import Foundation

/// What a program printed, and how it ended.
public struct Output: Sendable, CustomStringConvertible {
  public let status: Int32
  /// Standard output and error as they came.
  public let text: String

  public init(status: Int32, text: String) {
    self.status = status
    self.text = text
  }

  public var lines: [String] { text.split(separator: "\n").map(String.init) }
  public var description: String { "exit \(status): \(text)" }
}

/// A program that could not do what a test builds on.
public struct CommandFailure: Error, CustomStringConvertible {
  public let description: String

  public init(description: String) { self.description = description }
}

/// Runs a program to its end, with nothing on standard input.
@discardableResult
public func run(_ program: String, _ arguments: [String], environment: [String: String]? = nil) throws -> Output {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  if let environment { process.environment = environment }
  // Into a file: a daemon that the program leaves behind may hold its output for ever.
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("rootless-storage-test-\(UUID().uuidString)").path
  guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forUpdatingAtPath: path) else {
    throw CommandFailure(description: "\(path) cannot be made")
  }
  defer { try? FileManager.default.removeItem(atPath: path) }
  process.standardOutput = file
  process.standardError = file
  process.standardInput = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  try file.seek(toOffset: 0)
  let data = try file.readToEnd() ?? Data()
  let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
  return Output(status: status, text: String(decoding: data, as: UTF8.self))
}
