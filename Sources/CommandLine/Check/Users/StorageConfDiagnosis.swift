import RootlessStorage

// Podman's storage.conf in the home.

extension UserDiagnosis {
  static let storageConfFile = "~/.config/containers/storage.conf"

  func judgeStorageConf() {
    guard let conf = facts.storageConf else { return }
    switch conf.file {
    case .absent: return  // the skeleton's business
    case .dangling, .notRegular, .tooLarge, .failed:
      add(
        .storageConfUnreadable, faultSeverity,
        "\(UserDiagnosis.storageConfFile) \(unreadable(conf.file)): \(conf.file == .dangling ? "Podman takes it for absent, and uses the home" : faultEffect).",
        readable(conf.file, UserExaminer.storageConf))
    case .content(let content):
      if let problem = conf.problem {
        judgeInvalid(problem.line, problem.reason, content)
      } else if let text = conf.text {
        judge(conf, text, content)
      }
    }
  }

  private func judgeInvalid(_ line: Int, _ reason: String, _ content: ConfigFile.Content) {
    let sentence = "\(UserDiagnosis.storageConfFile) is invalid TOML (line \(line): \(reason)): \(faultEffect)."
    if facts.isNetworkHome, isStorageUsable, let new = intended.storageConf, isOwnFile(content) {
      add(.storageConfInvalid, faultSeverity, sentence, repairedBy: .replaceFile(new))
    } else {
      add(
        .storageConfInvalid, faultSeverity, sentence,
        Remedy(
          "edit \(whereabouts(content, UserDiagnosis.storageConfFile).file)", by: whereabouts(content, UserDiagnosis.storageConfFile).person
        ))
    }
  }

  /// A plain file of the user's: what repair may put another in the place of.
  func isOwnFile(_ content: ConfigFile.Content) -> Bool { !content.isLink && content.owner == facts.account.uid }

  /// Where a file is to be edited, and by whom.
  func whereabouts(_ content: ConfigFile.Content, _ file: String) -> (file: String, person: Remedy.Actor) {
    let place = content.isLink ? "the file that \(file) is a link to\(content.target.map { " (\(shown($0)))" } ?? "")" : file
    let person: Remedy.Actor = content.owner == facts.account.uid ? .user(name) : content.owner == 0 ? .root : .user("uid \(content.owner)")
    return (place, person)
  }

  func unreadable(_ file: ConfigFile) -> String {
    switch file {
    case .dangling: "is a symbolic link that leads nowhere"
    case .notRegular(let kind): "is \(noun(kind)), not a file"
    case .tooLarge: "is larger than \(shownSize(UInt64(ConfigFile.largest)))"
    case .failed(let cause): "cannot be read: \(text(cause))"
    case .absent, .content: "is there"
    }
  }

  /// What makes a file readable. A good file whose server is in trouble is not to be moved away.
  func readable(_ file: ConfigFile, _ path: Path) -> Remedy {
    switch file {
    case .failed(.accessDenied):
      run(asUser("chmod u+r \(inHome(path))"), note: "if it is \(name)'s; move it away if it is somebody else's")
    case .failed: "log in as \(name) when the file server of the home answers for it again, and look once more"
    case .absent, .dangling, .notRegular, .tooLarge, .content:
      run("\(asUser("mv -nT \(inHome(path)) \(asideInHome(path))")) && \(repairCommand)")
    }
  }

  /// A finding whose repair is a change of keys; where the file is not one to edit, the change is told.
  func add(
    _ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, _ content: ConfigFile.Content, changing changes: [KeyChange]
  ) {
    let edited = try? facts.storageConf?.text?.applying(changes)
    if edited?.bytes == content.bytes {
      // It is written as it should be: something is wrong with the place.
      add(
        code, severity, sentence,
        run(
          asUser("ls -la \(shellWord(Array(intended.graphroot.utf8)))", isShowing: true),
          note: "find out what is wrong there, and remove it or give it to \(name)"))
    } else if facts.isNetworkHome && isStorageUsable && isOwnFile(content) && edited != nil && facts.storageConf?.laterProblem == nil {
      add(code, severity, sentence, repairedBy: .editStorageConf(changes))
    } else if content.isNull {
      add(code, severity, sentence, readable(.notRegular(.characterDevice), UserExaminer.storageConf))
    } else {
      let change = changes.map(\.text).joined(separator: ", ")
      let (file, person) = whereabouts(content, UserDiagnosis.storageConfFile)
      add(code, severity, sentence, Remedy("in [storage] of \(file): \(change)", by: person))
    }
  }

  private func judge(_ conf: UserFacts.StorageConf, _ text: TOMLText, _ content: ConfigFile.Content) {
    // With a value that is of no use Podman does not start, and the others do not matter (`judgePodmanConfig`).
    guard case .table? = text.value(["storage"]) ?? .table([:]), hasTexts(text) else { return }
    if readings.allSatisfy(\.isPassedOver) { return }
    if let problem = conf.laterProblem {
      let (file, person) = whereabouts(content, UserDiagnosis.storageConfFile)
      add(
        .storageConfInvalid, .warning,
        "\(UserDiagnosis.storageConfFile) is invalid TOML (line \(problem.line): \(problem.reason)), which Podman of this host does not see: later ones do not start.",
        Remedy("edit \(file)", by: person))
    }
    let before = actions
    judgeGraphroot(text, content)
    let movesStore = actions != before
    judgeDriver(conf, text, content, movesStore: movesStore)
    judgeDatabase(conf)
    judgeSiteOptions(text)
  }

  private func string(_ text: TOMLText, _ key: String) -> String? {
    if case .string(let value)? = text.value(["storage", key]), !value.isEmpty { value } else { nil }
  }

  private func hasTexts(_ text: TOMLText) -> Bool {
    ["graphroot", "driver", "runroot", "rootless_storage_path"].allSatisfy { key in
      if case .string? = text.value(["storage", key]) ?? .string("") { true } else { false }
    }
  }

  // MARK: graphroot

  private func judgeGraphroot(_ text: TOMLText, _ content: ConfigFile.Content) {
    let file = UserDiagnosis.storageConfFile
    // Where a drop-in file moves the store, this one does not count (`judgePodmanConfig`).
    let concerned = readings.filter { $0.store.map { isUsers($0.file) } ?? true }
    if concerned.isEmpty { return }
    let concern = concern(concerned)
    var toIntended = [KeyChange.set(key: "graphroot", value: intended.graphroot)]
    // It has no effect beside graphroot.
    if text.value(["storage", "rootless_storage_path"]) != nil { toIntended.append(.remove(key: "rootless_storage_path")) }
    let graphroot = string(text, "graphroot")
    let rootlessPath = string(text, "rootless_storage_path")
    guard let written = graphroot ?? rootlessPath else {
      if let store = ownStore(.podman), facts.dataHome == nil {
        if let (code, sentence) = problem(of: store) { add(code, .error, sentence + concern, content, changing: toIntended) }
      } else if facts.isNetworkHome {
        add(
          .graphrootMissing, .error, "\(file) has no graphroot: Podman puts its storage into the home, which is on \(homeType).\(concern)",
          content,
          changing: toIntended)
      }
      return
    }
    let key = graphroot == nil ? "rootless_storage_path" : "graphroot"
    let expanded = ExpandedPath(written, facts.account)
    let path = expanded.path
    if let (code, sentence) = problem(ofStore: path, place(written), "\(key) in \(file)", facts, mayBeRoots: true) {
      return add(code, .error, sentence + concern, content, changing: toIntended)
    }
    if expanded.isVariable {
      var toExpanded = [KeyChange.set(key: "graphroot", value: path)]
      if rootlessPath != nil { toExpanded.append(.remove(key: "rootless_storage_path")) }
      return add(
        .graphrootVariable, .note,
        "\(key) in \(file) is \"\(shown(written))\", which is \(shown(path)) in most sessions: where a variable is not set, it is another directory.",
        content, changing: toExpanded)
    }
    if graphroot == nil {
      // It works, and what is stored there stays where it is.
      return add(
        .rootlessStoragePath, .warning,
        "\(file) has rootless_storage_path and no graphroot: in a user's file graphroot is what all versions of Podman know.",
        content, changing: [.set(key: "graphroot", value: path)])
    }
    if wasWritten(here: content), isMovedBySite(path), let earlier = IntendedConfig.earlierStorage(path, like: intended.graphroot, facts) {
      return add(
        .graphrootStale, .warning,
        "graphroot in \(file) is in \(shown(earlier)), and the storage directory is \(shown(facts.storage?.path ?? "")) by now.",
        content, changing: toIntended)
    }
    if let rootlessPath, rootlessPath != graphroot {
      add(
        .rootlessStoragePath, .warning, "rootless_storage_path in \(file) (\(shown(rootlessPath))) has no effect beside graphroot.",
        content,
        changing: [.remove(key: "rootless_storage_path")])
    }
  }

  /// Docker's file, if it has a data-root, still names the same earlier storage directory: it was the site that moved it. A user who
  /// has chosen another place for Podman has changed Podman's file alone.
  private func isMovedBySite(_ graphroot: String) -> Bool {
    guard let dataRoot = facts.daemonJson?.text?.string("data-root") else { return true }
    return IntendedConfig.earlierStorage(dataRoot, like: intended.dataRoot, facts)
      == IntendedConfig.earlierStorage(graphroot, like: intended.graphroot, facts)
  }

  /// The user has not made the file themselves: it begins as the skeleton's does.
  private func wasWritten(here content: ConfigFile.Content) -> Bool {
    guard let new = intended.storageConf else { return false }
    let firstLine = new.content.prefix { $0 != .newline }
    return firstLine.first == .hash && content.bytes.starts(with: firstLine)
  }

  /// What is wrong with a path that an engine's storage is to be at.
  ///
  /// - Parameters:
  ///   - hasRoot: the engine is root of a user namespace when it comes there, as dockerd is: the owner's own mode does not stop it.
  ///   - mayBeRoots: a directory of root's will do where everybody may write, as /var/tmp. One of another user's will not: who owns it
  ///     can exchange what an engine has made.
  func problem(
    ofStore path: String, _ place: Place?, _ setting: String, _ facts: UserFacts, hasRoot: Bool = false, mayBeRoots: Bool = false
  ) -> (FindingCode, String)? {
    guard let place else { return (.graphrootMissing, "\(setting) is \"\(shown(path))\", which is no absolute path.") }
    if isBelowStorage(path) {
      // The storage directory has findings of its own, and below it an engine makes what it needs.
      guard case .inPlace? = facts.storage?.observation.state else { return nil }
      switch place.state {
      case .directory, .notDirectory: break
      case .failed(.nameTooLong): break
      case .absent, .unreachable, .failed: return nil
      }
    }
    if place.isNetwork {
      return (.graphrootNetwork, "\(setting) is \(shown(path)), which is on a network file system (\(place.type ?? "unknown")).")
    }
    switch place.state {
    case .directory(let owner):
      if owner == facts.account.uid {
        return place.isClosed && !(hasRoot && !place.isOnReadOnlyMount)
          ? (
            .graphrootMissing,
            "\(setting) is \(shown(path)), where \(name) may make nothing: it has no write bit for its owner, or is on a mount that is read-only."
          ) : nil
      }
      if mayBeRoots && owner == 0 && !place.isClosed { return nil }
      return (.graphrootForeign, "\(setting) is \(shown(path)), which is owned by uid \(owner), not by \(name).")
    case .absent: return nil
    case .unreachable(let nearest):
      return (.graphrootMissing, "\(setting) is \(shown(path)), which does not exist, and \(name) may not create it in \(nearest).")
    case .notDirectory: return (.graphrootMissing, "\(setting) is \(shown(path)), and a component of it is no directory.")
    case .failed(let cause):
      return (.graphrootMissing, "\(setting) is \(shown(path)), which cannot be reached: \(text(cause)).")
    }
  }

  func isBelowStorage(_ path: String) -> Bool {
    guard let storage = facts.storage else { return false }
    return path.hasPrefix(String(decoding: storage.path) + "/") && !path.split(separator: "/").contains("..")
  }

  /// The same for a store that Docker needs to itself.
  func addMovingGraphroot(_ code: FindingCode, _ sentence: String) {
    guard case .content(let content)? = facts.storageConf?.file else { return }
    add(code, .error, sentence, content, changing: [.set(key: "graphroot", value: intended.graphroot)])
  }

  // MARK: driver, runroot, options

  private func judgeDriver(_ conf: UserFacts.StorageConf, _ text: TOMLText, _ content: ConfigFile.Content, movesStore: Bool) {
    let driver = string(text, "driver")
    let file = UserDiagnosis.storageConfFile
    let concerned = readings.filter { reading in
      guard let counting = reading.driver else { return driver == nil && reading.generation != .merging }
      return driver != nil && isUsers(counting.file)
    }
    if concerned.isEmpty { return }
    let concern = concern(concerned)
    if let driver, driver != "vfs" {
      guard let why = problem(ofDriver: driver, at: conf.graphroot) else { return }
      return add(
        .driverUnknown, .error, "The driver in \(file) is \"\(shown(driver))\", \(why), and so it does not start.\(concern)", content,
        changing: [.set(key: "driver", value: intended.driver)])
    }
    // It is the one driver that works there.
    if driver == "vfs", let volume = conf.graphroot?.volume ?? facts.storage?.volume, UserDiagnosis.unfitForOverlay(volume) { return }
    let code = driver == nil ? FindingCode.driverMissing : .driverVfs
    let sentence =
      driver == nil
      ? "\(file) names no driver: Podman complains at every command, and may choose vfs, which copies whole images for every container.\(concern)"
      : "The driver in \(file) is vfs, which copies whole images for every container.\(concern)"
    if conf.hasVfsStore && !movesStore {
      // The driver is part of a store: with another one Podman would not find what is there.
      add(
        code, .warning, sentence + " There are images of that driver in the graphroot.",
        inSession("podman system reset && \(repairCommand)", note: "it deletes all images and containers of \(name)"))
    } else {
      add(code, .warning, sentence, content, changing: [.set(key: "driver", value: intended.driver)])
    }
  }

  /// A Podman that has SQLite alone finds the database of an earlier one.
  var hasBoltDatabase: Bool {
    guard facts.podmanGeneration == .merging, let conf = facts.storageConf, !conf.isNoDatabase else { return false }
    return conf.database?.hasSuffix(UserExaminer.olderDatabase) ?? false
  }

  private func judgeDatabase(_ conf: UserFacts.StorageConf) {
    guard let database = conf.database, let graphroot = conf.graphroot else { return }
    let word = shellWord(Array(database.utf8))
    let remedy = run(asUser("mv -nT \(word) \(word).old"), note: "images stay, containers are forgotten")
    if conf.isNoDatabase {
      return add(.podmanDatabase, .error, "\(shown(database)) is no database: Podman does not start.", remedy)
    }
    if hasBoltDatabase {
      return add(
        .podmanDatabase, .warning,
        "\(shown(database)) is a database of the kind that Podman here has no more: until it is taken over, or until the next boot, which does the same, every command of Podman's may fail.",
        inSession(PodmanMigration.commandWithDatabase, note: "with no other podman running, nor a unit of one"))
    }
    if let why = conf.databaseProblem {
      return add(
        .podmanDatabase, .note,
        "\(shown(database)) cannot be read now: \(why). Whether the runroot that Podman keeps in it can be used is unknown.",
        inSession("podman info", note: "Podman's own word: nothing has to be done while it works"))
    }
    if let kept = conf.kept, let reading = readings.first, let store = reading.store, isUsers(store.file) {
      let isOwnPlace = facts.podmanConfig?.engine.contains { $0.text?.value(["engine", "static_dir"]) != nil } ?? false
      if !isOwnPlace, kept.staticDirectory != graphroot.real + "/libpod", kept.staticDirectory != graphroot.path + "/libpod" {
        return add(
          .podmanDatabase, .error,
          "\(shown(database)) says that it belongs to \(shown(kept.graphroot)): a store that was copied or moved to \(shown(graphroot.path)) keeps the old path, and Podman does not start.",
          remedy)
      }
      let isChosen = facts.podmanConfig?.engine.contains { $0.text?.value(["engine", "volume_path"]) != nil } ?? false
      if !isChosen, let volumes = kept.volumes, volumes.hasPrefix("/"),
        ![kept.graphroot, graphroot.real, graphroot.path].contains(where: { "\($0)/volumes" == volumes })
      {
        return add(
          .podmanDatabase, .error,
          "\(shown(database)) says that volumes are in \(shown(volumes)), which no volume_path of containers.conf says any more: Podman does not start.",
          Remedy(
            "in [engine] of ~/.config/containers/containers.conf: volume_path = \"\(shown(volumes))\"", by: .user(name),
            note: "or move \(shown(database)) away: images stay, containers and volumes are forgotten"))
      }
    }
    guard let kept = conf.keptRunroot, let (severity, why) = problem(ofRunroot: kept.path, kept) else { return }
    add(
      .runrootUnusable, severity,
      "The runroot that Podman keeps in \(shown(database)) is \(shown(kept.path)), \(why); it holds whatever \(UserDiagnosis.storageConfFile) says.",
      remedy)
  }

  /// A runtime directory comes and goes with the sessions: that it is not there says nothing.
  func isInRuntimeDirectory(_ path: String) -> Bool {
    let directory = "/run/user/\(facts.account.uid)"
    return path == directory || path.hasPrefix(directory + "/")
  }

  /// - Returns: nil if nothing is wrong with it; a note where Podman can use it all the same.
  func problem(ofRunroot runroot: String, _ place: Place?) -> (Finding.Severity, String)? {
    if isInRuntimeDirectory(ExpandedPath(runroot, facts.account).path) { return nil }
    switch place?.state {
    case nil: return (.note, "which depends on the directory in which Podman is started")
    case .directory(let owner) where owner != facts.account.uid: return (.error, "which is owned by uid \(owner)")
    case .directory where place?.isClosed == true: return (.error, "where \(name) may make nothing")
    case .unreachable(let nearest): return (.error, "which does not exist, and \(name) may not create it in \(nearest)")
    case .notDirectory: return (.error, "and a component of it is no directory")
    case .failed(let cause): return (.error, "which cannot be reached: \(text(cause))")
    case .directory, .absent: return place?.isNetwork == true ? (.note, "which is on a network file system") : nil
    }
  }

  /// Podman reads one main file: the user's in place of the site's.
  private func judgeSiteOptions(_ text: TOMLText) {
    guard let site = facts.podmanConfig?.others.first, case .table(let options)? = site.text?.value(["storage", "options"]) else { return }
    let hidden = UserDiagnosis.settings(options, []).filter { setting in
      readings.contains { $0.value(["storage", "options"] + setting) == nil }
    }
    guard !hidden.isEmpty else { return }
    let names = hidden.map { $0.joined(separator: ".") }.sorted().prefix(6).joined(separator: ", ")
    add(
      .siteOptionsHidden, .warning,
      "\(site.path) sets \(shown(names))\(hidden.count > 6 ? " and more" : ""), which \(UserDiagnosis.storageConfFile) hides: Podman reads the user's file in place of the site's.",
      "copy them into [storage.options] of \(UserDiagnosis.storageConfFile), and for everybody of \(shown(settings.skeleton))/.config/containers/storage.conf; \(PodmanGeneration.names([.merging])) also reads them in /etc/containers/storage.conf.d/*.conf"
    )
  }

  /// The paths of all values in a table that say something.
  private static func settings(_ table: [String: TOMLText.Value], _ path: [String]) -> [[String]] {
    table.flatMap { key, value -> [[String]] in
      switch value {
      case .table(let inner): settings(inner, path + [key])
      case .array(let values) where values.isEmpty: []
      case .string(""): []
      default: [path + [key]]
      }
    }
  }
}
