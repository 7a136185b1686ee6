import Foundation
import Glibc

/// Where this tree lies.
public let projectDirectory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

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
///
/// Not Foundation's Process, and not through a pipe: both wait for whatever daemon the program leaves behind.
@discardableResult
public func run(_ program: String, _ arguments: [String], environment: [String: String]? = nil) throws -> Output {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("rootless-storage-test-\(UUID().uuidString)").path
  defer { unlink(path) }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_addopen(&actions, 1, path, O_RDWR | O_CREAT | O_EXCL, 0o600)
  posix_spawn_file_actions_adddup2(&actions, 1, 2)
  // What another thread has just opened must not stay open in a daemon that the program leaves behind: a pipe that tells a namespace to
  // end would never be closed then.
  posix_spawn_file_actions_addclosefrom_np(&actions, 3)
  var vector = ([program] + arguments).map { strdup($0) } + [nil]
  var variables = (environment ?? ProcessInfo.processInfo.environment).map { strdup("\($0)=\($1)") } + [nil]
  defer { for text in vector + variables { free(text) } }
  var child: pid_t = 0
  let failure = posix_spawn(&child, program, &actions, nil, &vector, &variables)
  if failure != 0 { throw CommandFailure(description: "\(program): \(String(cString: strerror(failure)))") }
  var status: Int32 = 0
  while waitpid(child, &status, 0) < 0 && errno == EINTR {}
  let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  // As a shell says it: the exit status, or 128 and the signal.
  return Output(status: status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f), text: text)
}
