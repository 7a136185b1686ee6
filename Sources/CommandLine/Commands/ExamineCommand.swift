import ArgumentParser
import FoundationEssentials
import RootlessStorage

/// What `check` and `repair` start: it looks at each user in a process of its own. Nothing below a home is touched with root's identity,
/// and a home that hangs ends with its process. Not for people.
struct ExamineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "examine", abstract: "Look at users; started by check and repair.", shouldDisplay: false)

  @Argument(help: "One request in JSON, to see what happens; without it, requests come through a socket as standard output.") var request:
    String?

  func run() throws {
    var service = ExaminerService()
    if let request {
      guard let question = try? JSONDecoder().decode(UserRequest.self, from: Data(request.utf8)) else {
        throw CommandError("this is no request; see UserRequest.swift")
      }
      guard let report = UserReport(message: try service.answer(question).text()) else {
        throw CommandError("the process that looked ended without an answer")
      }
      return try printJSON(report)
    }
    do throws(ExaminerService.Failure) { try service.run() } catch {
      throw CommandError("examine is started by check and repair, which talk with it through a socket; run: rootless-storage check")
    }
  }
}
