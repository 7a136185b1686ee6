import ArgumentParser
import FoundationEssentials
import RootlessStorage

/// Whom `check` and `repair` are about, and how they look.
struct UserOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Users; without any, you, or as root this host alone.", valueName: "user"), completion: UserCompletion.kind)
  var users: [String] = []

  @Flag(help: "All users seen on this host: the owners of storage directories and of runtime directories. Root's.") var all = false

  @Flag(help: "Print one JSON object.") var json = false

  @Option(help: ArgumentHelp("Give up on a home after so many seconds.", valueName: "seconds")) var timeout: UInt32 = 10

  @OptionGroup var settings: SettingsOptions

  func validate() throws {
    guard (1...3600).contains(timeout) else { throw ValidationError("--timeout takes 1 to 3600 seconds.") }
    if all && !users.isEmpty { throw ValidationError("--all and names of users exclude each other.") }
  }

  /// Looks at everybody, and tells about each in order.
  ///
  /// - Parameter deliver: gets the report with what only the asker can see of a user added to it.
  /// - Returns: of how many the name service was asked. More than were delivered: the others own something here, and have no account.
  @discardableResult
  func examine(
    _ task: UserRequest.Task, _ host: HostFacts, isRecursive: Bool = false, _ deliver: @escaping @Sendable (UserReport) -> Void
  ) throws -> Int {
    let path = host.installation.settingsPath
    let settings = try self.settings.read(path).settings
    let selection = try UserSelection(users, all: all, settings)
    let allocator = task == .check ? nil : RepairAllocator(settings, isDryRun: task == .plan)
    // Many are asked for.
    let sources = all ? AccountSources.ofThisHost() : nil
    let groups = sources.flatMap { LocalGroups($0, group: content("/etc/group", limit: 64 << 20)) }
    let examiners = Examiners(
      task: task, conf: path, timeout: timeout, environment: selection.isSelf ? UserOptions.environment : nil, allocator: allocator,
      engines: EngineGenerations(installedIn: HostTree.this), sources: sources, groups: groups,
      isRecursive: isRecursive)
    let formers = task == .check ? FormerStorage(selection.subjects, settings) : nil
    let seen = selection.uids
    examiners.run(selection.subjects) { report, account in
      var report = report
      report.findings = report.findings.map(\.namingOwners)
      if let account, report.failure == nil, report.isServed {
        report.findings += formers?.findings(for: account, host.subordinateIDs) ?? []
        report.findings += accountFindings(
          for: account, host.subordinateIDs, settings, ignoresChownErrors: report.ignoresChownErrors == true, seen: seen)
        // The files were read before.
        if report.actions?.contains(where: { $0.outcome == .done && $0.action.hasPrefix(RepairAllocator.action) }) == true {
          report.findings.removeAll { $0.isRepairable && ($0.code == .subuidMissing || $0.code == .subuidSmall) }
        }
      }
      deliver(report)
    }
    return selection.subjects.count
  }

  /// The caller's.
  static var environment: UserFacts.Environment {
    let variables = ProcessInfo.processInfo.environment
    return UserFacts.Environment(
      home: variables["HOME"], temporaryDirectory: variables["TMPDIR"], configHome: variables["XDG_CONFIG_HOME"],
      cacheHome: variables["XDG_CACHE_HOME"], dataHome: variables["XDG_DATA_HOME"], storageConf: variables["CONTAINERS_STORAGE_CONF"],
      storageConfOverride: variables["CONTAINERS_STORAGE_CONF_OVERRIDE"], containersConf: variables["CONTAINERS_CONF"],
      containersConfOverride: variables["CONTAINERS_CONF_OVERRIDE"], registriesConf: variables["CONTAINERS_REGISTRIES_CONF"],
      storageDriver: variables["STORAGE_DRIVER"], storageOptions: variables["STORAGE_OPTS"],
      searchPath: variables["PATH"], containerHost: variables["CONTAINER_HOST"], containerConnection: variables["CONTAINER_CONNECTION"],
      dockerDriver: variables["DOCKER_DRIVER"], dockerTemporary: variables["DOCKER_TMPDIR"],
      namespaceConfigured: variables["_CONTAINERS_USERNS_CONFIGURED"],
      runtimeDirectory: variables["XDG_RUNTIME_DIR"], workingDirectory: FileManager.default.currentDirectoryPath)
  }
}
