import ArgumentParser
import FoundationEssentials
import RootlessStorage

/// `rootless-storage config`.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check the settings, and show the values that are in effect.",
    subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self])
}

/// `rootless-storage config check`.
struct ConfigCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Report lines of a settings file that have no effect, and why.",
    discussion: """
      Changes nothing. A file that is named may be a draft anywhere, and is checked alone; without one, the file that logins use and its \
      drop-ins are checked, with owner and mode. Exits with 0 if every line holds, 1 if one does not, 2 if the file could not be read.
      """)

  @Argument(
    help: ArgumentHelp("Settings file. Default: the one in the PAM line, or \(shown(Settings.defaultPath)).", valueName: "file"),
    completion: .file())
  var file: String?

  @Flag(help: "Print one JSON object.") var json = false

  func validate() throws {
    if file?.utf8.contains(0) == true || file?.isEmpty == true { throw ValidationError("A file has a name.") }
  }

  func run() throws {
    let path = file.map(absolute) ?? SettingsOptions.pathOfLogins
    let reading: SettingsReading
    var given: [UInt8]? = nil
    do throws(PathError) {
      if file != nil {
        do throws(Errno) {
          if let draft = GivenDescriptor(path) {
            given = try draft.content(limit: SettingsFile.longest)
          } else {
            _ = try open(path: path, .pathOnly)
          }
        } catch { throw PathError(path: path, reason: .failed(error)) }
        reading = if let given { try readSettings(alone: path, content: given) } else { try readSettings(alone: path) }
      } else {
        reading = try readSettings(path, trusted: effectiveIDs().user == 0, MountTable(blockDeviceIsLocal: true))
      }
    } catch {
      throw CommandError("the settings cannot be used: \(text(Wording.way(error, .trusted)))")
    }
    if json {
      let problems = reading.problems.map { ConfigProblems.Problem(file: string($0.file), line: $0.line, text: words($0)) }
      try printJSON(ConfigProblems(file: string(path), dropIns: reading.dropIns(besides: path).map(string), problems: problems))
    } else {
      for problem in reading.problems { printOut(Terminal.standard.wrapped(words(problem), indent: 2)) }
      if reading.problems.isEmpty { for file in [path] + reading.dropIns(besides: path) { printOut("\(shown(file)): every line holds.") } }
      let settings = reading.settings
      for line in names(of: settings.exclusions)
        + names(of: settings.quotas.bytesOfGroups.pairs.map(\.group), "storage_quota_groups")
        + names(of: settings.quotas.inodesOfGroups.pairs.map(\.group), "storage_quota_inodes_groups")
      {
        printOut(Terminal.standard.wrapped(line, indent: 2))
      }
    }
    if !reading.problems.isEmpty { throw ExitCode(1) }
  }

  /// With the number of a group that is named, which a login cannot look up.
  private func words(_ problem: SettingsProblem) -> String {
    let sentence = text(Wording().settings(problem))
    let name: [UInt8]
    switch problem.reason {
    case .badExcludedGroup(let word), .badGroupLimit(_, .noGroup(let word)): name = word
    default: return sentence
    }
    guard let number = try? NameService.gid(ofGroup: name) else { return sentence }
    return "\(sentence); the number of \(shown(name)) is \(number)"
  }

  /// Who the excluded are: a number or a name that is misspelt excludes somebody else, or nobody.
  private func names(of exclusions: Exclusions) -> [String] {
    let users = exclusions.users.compactMap { name -> String? in
      do throws(NameServiceError) {
        return try NameService.account(named: name) == nil ? "exclude_users: this host knows no user \(shown(name))" : nil
      } catch { return "exclude_users: \(shown(name)): \(ConfigCheckCommand.unanswered)" }
    }
    return users + names(of: exclusions.groups, "exclude_groups")
  }

  private func names(of groups: [UInt32], _ key: String) -> [String] {
    groups.map { group in
      do throws(NameServiceError) {
        return try NameService.name(ofGroup: group).map { "\(key): \(group) is \(shown($0))" }
          ?? "\(key): this host knows no group \(group)"
      } catch { return "\(key): \(group): \(ConfigCheckCommand.unanswered)" }
    }
  }

  private static let unanswered = "the name service did not answer"

  private func absolute(_ file: String) -> Path {
    Path(file.hasPrefix("/") ? file : "\(FileManager.default.currentDirectoryPath)/\(file)")
  }
}

/// What `config check --json` prints. Documented in rootless-storage-json(7).
private struct ConfigProblems: Encodable {
  struct Problem: Encodable {
    let file: String
    let line: Int
    let text: String
  }

  let version = jsonVersion
  let programVersion = Program.version
  let file: String
  let dropIns: [String]
  let problems: [Problem]
}

extension SettingsReading {
  /// Paths of the drop-ins that were read, in the order in which they count.
  fileprivate func dropIns(besides main: Path) -> [Path] { files.map(\.path).filter { $0 != main } }
}

/// `rootless-storage config show`.
struct ConfigShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show every setting with the value that is in effect, and where it comes from.",
    discussion: "Changes nothing. Lines that have no effect are reported on standard error.")

  @Flag(help: "Print one JSON object.") var json = false

  @OptionGroup var settings: SettingsOptions

  func run() throws {
    let path = settings.path
    // Reports what does not hold, and refuses what a login would refuse.
    let reading = try settings.reading()
    let all = EffectiveSetting.all(reading)
    let dropIns = reading.dropIns(besides: path)
    if json {
      return try printJSON(ConfigValues(file: string(path), dropIns: dropIns.map(string), settings: all))
    }
    for file in [path] + dropIns { printOut("# \(shown(file))") }
    for setting in all {
      let origin = setting.origin.map { $0.file == path ? "line \($0.line)" : "\(shown($0.file)):\($0.line)" } ?? "default"
      printOut(Terminal.standard.wrapped("\(setting.key) = \(setting.value) # \(origin)", indent: 4))
    }
  }
}

/// What `config show --json` prints. Documented in rootless-storage-json(7).
private struct ConfigValues: Encodable {
  let version = jsonVersion
  let programVersion = Program.version
  let file: String
  let dropIns: [String]
  let settings: [EffectiveSetting]
}

/// One setting as it holds.
struct EffectiveSetting: Encodable {
  let key: String
  /// As the file spells it, or the documented default.
  let value: String
  /// Where it comes from; nil: the default.
  let origin: (file: Path, line: Int)?

  private enum CodingKeys: CodingKey { case key, value, file, line }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(key, forKey: .key)
    try container.encode(value, forKey: .value)
    try container.encodeIfPresent((origin?.file).map(string), forKey: .file)
    try container.encodeIfPresent(origin?.line, forKey: .line)
  }

  /// What holds where no line says otherwise, in the order of the shipped file.
  static func defaults(_ settings: Settings) -> [(key: String, value: String)] {
    let standard = Settings()
    return [
      ("storage_directory", "/var/tmp/$USER"), ("occupied", "take"),
      ("guarded_directories", settings.storage == standard.storage ? "none" : "/var/tmp/$USER"), ("directory_mode", "0700"),
      ("storage_quota", "0"), ("storage_quota_inodes", "0"), ("storage_quota_groups", "none"),
      ("storage_quota_inodes_groups", "none"), ("storage_quota_project_base", String(standard.quotas.general.projectBase)),
      ("network_filesystems", standard.networkFileSystems.map { shown($0) }.joined(separator: " ")), ("uid_min", String(standard.uidMin)),
      ("uid_max", "none"),
      ("exclude_users", "none"), ("exclude_groups", "none"),
      ("orphan_days", String(standard.orphanDays)), ("skel", shown(standard.skeleton)), ("subids", "off"), ("subid_scheme", "uid"),
      ("subid_min", "SUB_UID_MIN of /etc/login.defs"), ("subid_max", "SUB_UID_MAX of /etc/login.defs"),
      ("subid_count", "SUB_UID_COUNT of /etc/login.defs"),
      ("reserved_ids", "none"),
    ]
  }

  static func all(_ reading: SettingsReading) -> [EffectiveSetting] {
    var last: [String: (value: String, file: Path, line: Int)] = [:]
    for file in reading.files {
      for (index, line) in parts(file.content, separator: { $0 == .newline }).enumerated() where line.count <= SettingsParser.longestLine {
        let statement = line.prefix { $0 != .hash }
        guard let equals = statement.firstIndex(of: .equals) else { continue }
        let key = shown(trimmed(statement[..<equals]))
        // Of two lines for one key the later counts, also if it does not hold: then the default does.
        let holds = SettingsParser(Array(statement)).problems.isEmpty
        last[key] = holds ? (shown(trimmed(statement[(equals + 1)...])), file.path, index + 1) : nil
      }
    }
    if reading.settings.uidMax == nil { last["uid_max"] = nil }
    return defaults(reading.settings).map { key, standard in
      EffectiveSetting(key: key, value: last[key]?.value ?? standard, origin: last[key].map { ($0.file, $0.line) })
    }
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> [UInt8] {
    func isOutside(_ byte: UInt8) -> Bool { byte == .space || byte == .tab || byte == .carriageReturn }
    return Array(text.drop(while: isOutside).reversed().drop(while: isOutside).reversed())
  }
}
