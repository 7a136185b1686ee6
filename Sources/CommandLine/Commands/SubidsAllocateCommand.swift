import ArgumentParser
import RootlessStorage

/// `rootless-storage subids allocate`.
struct SubidsAllocateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allocate", abstract: "Give users subordinate ids where they have not enough, as a login does with subids = allocate.",
    discussion: """
      Goes by the settings of subordinate ids, whether or not logins give them out, and asks the name service besides. Exits with 0 if \
      everybody has enough, 1 if somebody was refused, 2 if something could not be done.
      """)

  /// For programs that edit account files; milliseconds. As long as usermod(8) waits.
  private static let timeout: Int64 = 15_000

  @Argument(help: ArgumentHelp("Users.", valueName: "user"), completion: UserCompletion.kind) var users: [String] = []

  @Flag(help: "All users seen on this host: the owners of storage directories and of runtime directories.") var all = false

  @Flag(help: "Print what would be done, and do nothing.") var dryRun = false

  @Flag(help: "Print one JSON object.") var json = false

  @OptionGroup var settings: SettingsOptions

  func validate() throws {
    if all && !users.isEmpty { throw ValidationError("--all and names of users exclude each other.") }
    if !all && users.isEmpty { throw ValidationError("Name the users to give ids to, or give --all.") }
  }

  func run() throws {
    if effectiveIDs().user != 0 { throw CommandError("only root may give out subordinate ids; run it with sudo") }
    let settings = try SubordinateHost(self.settings.read()).settings
    let files: SubordinateIDFiles
    do throws(SubordinateIDError) { files = try SubordinateIDFiles(MountTable(blockDeviceIsLocal: true)) } catch {
      throw CommandError(text(Wording.failure(error.failure)))
    }
    var list = json ? JSONList("\"dryRun\":\(dryRun),", list: "users") : nil
    var worst = ExitCode.success
    for subject in try UserSelection(users, all: all, settings).subjects {
      guard let subject = AllocationSubject(subject) else { continue }
      let record: AllocationRecord
      switch subject {
      case .unknown(let name, let uid, let cause): record = AllocationRecord(name: name, uid: uid, outcome: .failed, message: cause)
      case .account(let account):
        // Of those whom --all finds, others are no more this project's business than at a login.
        if all && Planner.ineligibility(of: account, settings) != nil { continue }
        record = allocate(for: account, settings, files, isDryRun: dryRun, timeout: SubidsAllocateCommand.timeout)
      }
      worst = worseExit(worst, record.exitCode)
      if list != nil { list?.add(record) } else { printOut(Terminal.standard.wrapped("\(record.name): \(record.message)", indent: 2)) }
    }
    list?.end()
    if worst != .success { throw worst }
  }
}

extension AllocationRecord {
  fileprivate var exitCode: ExitCode {
    switch outcome {
    case .added, .planned, .enough: .success
    case .refused: ExitCode(1)
    case .failed: ExitCode(2)
    }
  }
}
