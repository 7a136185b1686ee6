import ArgumentParser
import RootlessStorage

/// `rootless-storage status`.
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show what a user has here, without judging it. Changes nothing.",
    discussion: """
      Shows the home and its file system, the storage directory and its size, the disk, where Podman and Docker store images, the \
      subordinate ids, and what the module logged last for the user.
      """)

  @Argument(help: ArgumentHelp("Users; without any, you. Only root may name others.", valueName: "user"), completion: UserCompletion.kind)
  var users: [String] = []

  @Flag(help: "Print one JSON object.") var json = false

  @Option(help: ArgumentHelp("Give up on a home after so many seconds.", valueName: "seconds")) var timeout: UInt32 = 10

  @OptionGroup var settings: SettingsOptions

  func validate() throws {
    guard (1...3600).contains(timeout) else { throw ValidationError("--timeout takes 1 to 3600 seconds.") }
    if users.isEmpty && effectiveIDs().user == 0 { throw ValidationError("Name the users whose status is to be shown.") }
  }

  func run() throws {
    let known = try settings.read()
    let selection = try UserSelection(users, all: false, known)
    let parent = try StorageParent(known)
    let observer = StatusObserver(
      conf: settings.path, timeout: timeout, environment: selection.isSelf ? UserOptions.environment : nil, parent: parent,
      subordinateIDs: SubordinateIDIndex(.this))
    var list = json ? JSONList("\"host\":\(jsonText(shown(hostName()))),", list: "users") : nil
    var isFirst = true
    var isWhole = true
    for subject in selection.subjects {
      let report = observer.report(on: subject)
      if json { list?.add(report) } else { printOut((isFirst ? "" : "\n") + report.text(.standard)) }
      isFirst = false
      if report.failure != nil { isWhole = false }
    }
    list?.end()
    if !isWhole { throw ExitCode(2) }
  }
}
