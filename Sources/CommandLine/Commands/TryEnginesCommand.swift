import ArgumentParser
import FoundationEssentials
import RootlessStorage

/// What `verify` has started for every user, as that user and in a session of theirs: it runs the engines. Not for people.
struct TryEnginesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try-engines", abstract: "Try the engines of this user; started by verify.", shouldDisplay: false)

  @Argument(help: "A request in JSON.") var request: String

  func run() throws {
    let request = try JSONDecoder().decode(TrialRequest.self, from: Data(request.utf8))
    let left = request.deadline.subtractingReportingOverflow(monotonicMilliseconds())
    guard effectiveIDs().user == request.uid, request.uid != 0, !left.overflow, (1...3_600_000).contains(left.partialValue) else {
      throw CommandError("only the user's own engines can be tried: run rootless-storage verify")
    }
    // All of a session's environment, as whoever starts this has made it.
    let environment = ProcessInfo.processInfo.environment.map { Array("\($0.key)=\($0.value)".utf8) }
    let reports = tryEngines(request, environment: environment)
    writeToStandardOutput(Array("\n".utf8) + Array(try JSONEncoder().encode(reports)) + [.newline])
  }
}
