import ArgumentParser
import FoundationEssentials
import RootlessStorage

/// What `check` and `repair` start for every user, in a process of its own: nothing below a home is touched with root's identity, and
/// a home that hangs ends with its process. Not for people.
struct ExamineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "examine", abstract: "Look at one user; started by check and repair.", shouldDisplay: false)

  @Argument(help: "A request in JSON.") var request: String

  func run() throws {
    let request = try JSONDecoder().decode(UserRequest.self, from: Data(request.utf8))
    var examination = Examination(request)
    writeToStandardOutput(Array(try JSONEncoder().encode(examination.run())))
  }
}
