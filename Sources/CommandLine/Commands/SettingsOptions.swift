import ArgumentParser
import RootlessStorage

/// Which settings a command goes by: those that logins go by, unless others are named.
struct SettingsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Settings file. Default: the one in the PAM line, or \(shown(Settings.defaultPath)).", valueName: "file"),
    completion: .file())
  var conf: String?

  func validate() throws {
    if let conf, conf.isEmpty || conf.utf8.contains(0) { throw ValidationError("--conf takes a path.") }
    // It is read several times, and by other processes.
    if let given, GivenDescriptor(given) != nil {
      throw ValidationError(
        "--conf takes a file that can be opened again, and \(shown(given)) is none: write it to a file, or try it as a draft: rootless-storage config check \(shown(given))"
      )
    }
  }

  /// What `--conf` says, from the root: a process that looks at a user has another working directory.
  var given: Path? {
    conf.map {
      let path = Path($0)
      return path.isAbsolute ? path : workingDirectory() / path
    }
  }

  var path: Path { given ?? SettingsOptions.pathOfLogins }

  /// What the PAM line names, or the default.
  static var pathOfLogins: Path {
    PAMStacks(HostTree.this, services: PAMFindings.services).ourSteps.first?.pathOption("conf") ?? Settings.defaultPath
  }

  /// The settings as they hold. Reports on standard error what is wrong with single lines, without stopping anything.
  func read() throws(CommandError) -> Settings {
    try reading().settings
  }

  /// The same, with the files that they come from.
  func reading() throws(CommandError) -> SettingsReading {
    let reading = try read(path)
    for problem in reading.problems { printError("rootless-storage: \(text(Wording().settings(problem)))") }
    return reading
  }

  /// The settings as they hold, and what is wrong with single lines. A missing file means the defaults, unless somebody names it.
  func read(_ path: Path) throws(CommandError) -> SettingsReading {
    if given != nil {
      do throws(Errno) { _ = try open(path: path, .pathOnly) } catch {
        throw CommandError("the settings cannot be used: \(shown(path)): \(text(error)); name another file")
      }
    }
    do throws(PathError) {
      return try readSettings(path, trusted: effectiveIDs().user == 0, MountTable(blockDeviceIsLocal: true))
    } catch {
      throw CommandError("the settings cannot be used: \(text(Wording.way(error, .trusted)))")
    }
  }
}
