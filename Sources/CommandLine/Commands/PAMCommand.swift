import ArgumentParser
import RootlessStorage

/// `rootless-storage pam`.
struct PAMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pam", abstract: "Show, add and remove the line of pam_rootless_storage.so in the session stacks.",
    subcommands: [PAMStatusCommand.self, PAMEnableCommand.self, PAMDisableCommand.self, PAMTryCommand.self])
}

/// `rootless-storage pam status`.
struct PAMStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show for each service whether its sessions reach pam_rootless_storage.so, and where it stands.",
    discussion: """
      Services are those that begin sessions for people, as far as this host has them, and others that reach the module. Changes nothing. \
      Exits with 0 if all of the first kind reach it, 1 if some do not, 2 if something could not be looked at.
      """)

  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let stacks = PAMStacks(everyServiceOf: HostTree.this)
    if let denied = stacks.deniedDirectories.first { throw CommandError("\(shown(denied)) cannot be read by this user; run it with sudo") }
    let output = PAMStatusOutput(stacks, PAMMethod.of(HostTree.this))
    if json { output.writeJSON() } else { output.write() }
    if !output.unread.isEmpty { throw ExitCode(2) }
    if !output.isAllReached { throw ExitCode(1) }
  }
}

/// `rootless-storage pam enable`.
struct PAMEnableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable", abstract: "Let sessions call pam_rootless_storage.so: add its line to the session stacks.",
    discussion: """
      Uses pam-auth-update where it makes the stacks of our profile, a custom profile of authselect where that makes them, and else adds \
      the line to the files. Everything is tried before anything is replaced, and what is replaced is kept beside. Exits with 0 if all \
      services reach the module, 1 if something was refused, 2 if something could not be done.
      """)

  @Flag(help: "Show what would be changed, and change nothing.") var dryRun = false

  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    if effectiveIDs().user != 0 { throw CommandError("only root may change the session stacks; run it with sudo") }
    var work = PAMWork(isDryRun: dryRun)
    try work.enable()
    let output = PAMWorkOutput(work)
    if json {
      output.writeJSON()
    } else {
      output.write(quiet: "Sessions of all services reach pam_rootless_storage.so; nothing to do.", verb: "add")
    }
    if !work.refusals.isEmpty { throw ExitCode(1) }
  }
}

/// `rootless-storage pam disable`.
struct PAMDisableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable", abstract: "Let no session call pam_rootless_storage.so: remove the lines that enable added.",
    discussion: """
      Removes exactly what enable added, and leaves what others have changed since. Lines of the module that were written in another way \
      are named and stay, unless --all is given. Exits with 0 if no line is left, 1 if one is, 2 if something could not be done.
      """)

  @Flag(help: "Also remove lines of the module that enable did not add.") var all = false

  @Flag(help: "Show what would be changed, and change nothing.") var dryRun = false

  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    if effectiveIDs().user != 0 { throw CommandError("only root may change the session stacks; run it with sudo") }
    var work = PAMWork(isDryRun: dryRun)
    try work.disable(all: all)
    let output = PAMWorkOutput(work)
    if json {
      output.writeJSON()
    } else {
      output.write(quiet: "No file in /etc/pam.d has a line of pam_rootless_storage.so; nothing to do.", verb: "remove")
    }
    if !work.refusals.isEmpty { throw ExitCode(1) }
  }
}

/// What `pam enable` starts to try the line: the module is loaded into a process of its own. Not for people.
struct PAMTryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try", abstract: "Open a session through a directory; started by enable.", shouldDisplay: false)

  @Argument(help: "The directory.") var directory: String

  func run() throws { printOut(PAMTrial.tryOut(Path(directory))) }
}
