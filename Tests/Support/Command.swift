import Foundation

/// What a program printed, and how it ended.
public struct Output: Sendable, CustomStringConvertible {
  public let status: Int32
  /// Standard output and error as they came.
  public let text: String

  public var lines: [String] { text.split(separator: "\n").map(String.init) }
  public var description: String { "exit \(status): \(text)" }
}

/// A program that could not do what a test builds on.
public struct CommandFailure: Error, CustomStringConvertible {
  public let description: String
}

/// Runs a program to its end, with nothing on standard input.
@discardableResult
public func run(_ program: String, _ arguments: [String], environment: [String: String]? = nil) throws -> Output {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  if let environment { process.environment = environment }
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  process.standardInput = FileHandle.nullDevice
  try process.run()
  // Its own children may hold the pipe; whoever starts such ones redirects them.
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
  return Output(status: status, text: String(decoding: data, as: UTF8.self))
}
