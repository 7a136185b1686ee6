import RootlessStorage

// Podman's storage.conf in the home.

extension UserDiagnosis {
  private static let file = "~/.config/containers/storage.conf"

  mutating func judgeStorageConf() {
    guard let conf = facts.storageConf else { return }
    switch conf.file {
    case .absent: return  // the skeleton's business
    case .dangling, .notRegular, .tooLarge, .failed:
      add(
        .storageConfUnreadable, .error,
        "\(UserDiagnosis.file) \(unreadable(conf.file)): \(conf.file == .dangling ? "Podman takes it for absent, and uses the home" : "Podman cannot read it, and uses the home").",
        "\(asUser("mv -nT \(inHome(UserExaminer.storageConf)) \(inHome(UserExaminer.storageConf + Array(".old".utf8)))")) && \(repairCommand)")
    case .content(let content):
      if let problem = conf.problem {
        judgeInvalid(problem.line, problem.reason, content)
      } else if let text = conf.text {
        judge(conf, text, content)
      }
    }
  }

  private mutating func judgeInvalid(_ line: Int, _ reason: String, _ content: ConfigFile.Content) {
    if content.bytes.starts(with: [0xef, 0xbb, 0xbf]) {
      return add(
        .storageConfInvalid, .error, "\(UserDiagnosis.file) begins with a byte order mark, for which many versions of Podman ignore it.",
        "edit \(UserDiagnosis.file)    # as \(name), and save it as UTF-8 without one")
    }
    let effect = facts.isNetworkHome ? "Podman ignores it and uses the home, which is on \(homeType)" : "Podman ignores it"
    let sentence = "\(UserDiagnosis.file) is invalid TOML (line \(line): \(reason)): \(effect)."
    if facts.isNetworkHome, storageIsFit, let new = intended.storageConf, isOwnFile(content) {
      add(.storageConfInvalid, .error, sentence, mending: .replaceFile(new))
    } else {
      add(.storageConfInvalid, .error, sentence, "edit \(UserDiagnosis.file)    # as \(name)")
    }
  }

  /// A plain file of the user's: what repair may put another in the place of.
  func isOwnFile(_ content: ConfigFile.Content) -> Bool { !content.isLink && content.owner == facts.account.uid }

  func unreadable(_ file: ConfigFile) -> String {
    switch file {
    case .dangling: "is a symbolic link that leads nowhere"
    case .notRegular(let kind): "is \(noun(kind)), not a file"
    case .tooLarge: "is larger than \(shownSize(UInt64(ConfigFile.largest)))"
    case .failed(let cause): "cannot be read: \(text(cause))"
    case .absent, .content: "is there"
    }
  }

  /// A finding whose mending is a change of keys; where the file is not one to edit, the change is told.
  private mutating func add(
    _ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, _ content: ConfigFile.Content, changing changes: [KeyChange]
  ) {
    let edited = try? facts.storageConf?.text?.applying(changes)
    if edited?.bytes == content.bytes {
      // It is written as it should be: something is wrong with the place.
      add(code, severity, sentence, asUser("ls -la \(shellWord(Array(intended.graphroot.utf8)))", isShowing: true) + "    # find out what is wrong there, and remove it or give it to \(name)")
    } else if facts.isNetworkHome && storageIsFit && isOwnFile(content) && edited != nil {
      add(code, severity, sentence, mending: .editStorageConf(changes))
    } else {
      let change = changes.map(\.text).joined(separator: ", ")
      let place = content.isLink ? "the file that \(UserDiagnosis.file) is a link to" : UserDiagnosis.file
      add(code, severity, sentence, "in [storage] of \(place): \(change)    # as \(name)")
    }
  }

  private mutating func judge(_ conf: UserFacts.StorageConf, _ text: TOMLText, _ content: ConfigFile.Content) {
    if judgeTypes(text, content) { return }
    let before = actions
    judgeGraphroot(conf, text, content)
    let movesStore = actions != before
    judgeDriver(conf, text, content, movesStore: movesStore)
    judgeRunroot(conf, text, content)
    judgeSiteOptions(text)
  }

  private func string(_ text: TOMLText, _ key: String) -> String? {
    if case .string(let value)? = text.value(["storage", key]), !value.isEmpty { value } else { nil }
  }

  /// A key that is not of its type makes Podman ignore the whole file, as invalid TOML does.
  ///
  /// - Returns: whether there is one.
  private mutating func judgeTypes(_ text: TOMLText, _ content: ConfigFile.Content) -> Bool {
    let mendings: [(String, KeyChange)] = [
      ("graphroot", .set(key: "graphroot", value: intended.graphroot)), ("driver", .set(key: "driver", value: intended.driver)),
      ("runroot", .remove(key: "runroot")), ("rootless_storage_path", .remove(key: "rootless_storage_path")),
    ]
    var isFound = false
    for (key, change) in mendings {
      guard let value = text.value(["storage", key]) else { continue }
      if case .string = value { continue }
      isFound = true
      add(.storageConfInvalid, .error, "\(key) in \(UserDiagnosis.file) is no text: Podman ignores the whole file.", content, changing: [change])
    }
    return isFound
  }

  // MARK: graphroot

  private mutating func judgeGraphroot(_ conf: UserFacts.StorageConf, _ text: TOMLText, _ content: ConfigFile.Content) {
    let file = UserDiagnosis.file
    var toIntended = [KeyChange.set(key: "graphroot", value: intended.graphroot)]
    // It has no effect beside graphroot.
    if text.value(["storage", "rootless_storage_path"]) != nil { toIntended.append(.remove(key: "rootless_storage_path")) }
    let graphroot = string(text, "graphroot")
    let rootlessPath = string(text, "rootless_storage_path")
    for (key, path) in [("graphroot", graphroot), ("rootless_storage_path", graphroot == nil ? rootlessPath : nil)] {
      guard let path, path.contains("$") else { continue }
      return add(
        .graphrootVariable, .error, "\(key) in \(file) is \"\(shown(path))\": where the variable is not set, as in some sessions, that is another directory.",
        content, changing: toIntended)
    }
    if let graphroot {
      if let (code, sentence) = problem(ofStore: graphroot, conf.graphroot, "graphroot in \(file)", facts) {
        return add(code, .error, sentence, content, changing: toIntended)
      }
      if wasWritten(here: content), isMovedBySite(graphroot), let earlier = IntendedConfig.earlierStorage(graphroot, like: intended.graphroot, facts) {
        return add(
          .graphrootStale, .warning, "graphroot in \(file) is in \(shown(earlier)), and the storage directory is \(shown(facts.storage?.path ?? [])) by now.",
          content, changing: toIntended)
      }
      if let rootlessPath, rootlessPath != graphroot {
        add(
          .rootlessStoragePath, .warning, "rootless_storage_path in \(file) (\(shown(rootlessPath))) has no effect beside graphroot.", content,
          changing: [.remove(key: "rootless_storage_path")])
      }
      return
    }
    guard let rootlessPath else {
      if facts.isNetworkHome {
        add(
          .graphrootMissing, .error, "\(file) has no graphroot: Podman puts its storage into the home, which is on \(homeType).", content,
          changing: toIntended)
      }
      return
    }
    if let (code, sentence) = problem(ofStore: rootlessPath, conf.rootlessPath, "rootless_storage_path in \(file)", facts) {
      return add(code, .error, sentence, content, changing: toIntended)
    }
    // It works, and what is stored there stays where it is.
    add(
      .rootlessStoragePath, .warning, "\(file) has rootless_storage_path and no graphroot: in a user's file graphroot is what all versions of Podman know.",
      content, changing: [.set(key: "graphroot", value: rootlessPath)])
  }

  /// Docker's file, if it has a data-root, still names the same earlier storage directory: it was the site that moved it. A user who
  /// has chosen another place for Podman has changed Podman's file alone.
  private func isMovedBySite(_ graphroot: String) -> Bool {
    guard let dataRoot = facts.daemonJson?.text?.string("data-root") else { return true }
    return IntendedConfig.earlierStorage(dataRoot, like: intended.dataRoot, facts) == IntendedConfig.earlierStorage(graphroot, like: intended.graphroot, facts)
  }

  /// The user has not made the file themselves: it begins as the skeleton's does.
  private func wasWritten(here content: ConfigFile.Content) -> Bool {
    guard let new = intended.storageConf else { return false }
    let firstLine = new.content.prefix { $0 != 0x0a }
    return firstLine.first == 0x23 && content.bytes.starts(with: firstLine)
  }

  /// What is wrong with a path that an engine's storage is to be at.
  func problem(ofStore path: String, _ place: Place?, _ setting: String, _ facts: UserFacts) -> (FindingCode, String)? {
    guard let place else { return (.graphrootMissing, "\(setting) is \"\(shown(path))\", which is no absolute path.") }
    if isBelowStorage(path) {
      // The storage directory has findings of its own, and below it an engine makes what it needs.
      guard case .inPlace? = facts.storage?.observation.state else { return nil }
      switch place.state {
      case .directory, .notDirectory: break
      case .absent, .unreachable, .failed: return nil
      }
    }
    if place.isNetwork { return (.graphrootNetwork, "\(setting) is \(shown(path)), which is on a network file system (\(place.type ?? "unknown")).") }
    switch place.state {
    case .directory(let owner):
      return owner == facts.account.uid ? nil : (.graphrootForeign, "\(setting) is \(shown(path)), which is owned by uid \(owner), not by \(name).")
    case .absent: return nil
    case .unreachable(let nearest):
      return (.graphrootMissing, "\(setting) is \(shown(path)), which does not exist, and \(name) may not create it in \(nearest).")
    case .notDirectory: return (.graphrootMissing, "\(setting) is \(shown(path)), and a component of it is no directory.")
    case .failed(let cause):
      return (.graphrootMissing, "\(setting) is \(shown(path)), which cannot be reached: \(text(cause)).")
    }
  }

  private func isBelowStorage(_ path: String) -> Bool {
    guard let storage = facts.storage else { return false }
    return path.hasPrefix(String(decoding: storage.path, as: UTF8.self) + "/") && !path.split(separator: "/").contains("..")
  }

  /// The same for a store that Docker needs to itself.
  mutating func addMovingGraphroot(_ code: FindingCode, _ sentence: String) {
    guard case .content(let content)? = facts.storageConf?.file else { return }
    add(code, .error, sentence, content, changing: [.set(key: "graphroot", value: intended.graphroot)])
  }

  // MARK: driver, runroot, options

  private mutating func judgeDriver(_ conf: UserFacts.StorageConf, _ text: TOMLText, _ content: ConfigFile.Content, movesStore: Bool) {
    let driver = string(text, "driver")
    let file = UserDiagnosis.file
    if let driver, driver != "vfs" {
      if UserDiagnosis.drivers.contains(driver) { return }
      return add(
        .driverUnknown, .error, "The driver in \(file) is \"\(shown(driver))\", which Podman does not know, and so it does not start.", content,
        changing: [.set(key: "driver", value: intended.driver)])
    }
    let code = driver == nil ? FindingCode.driverMissing : .driverVfs
    let sentence =
      driver == nil
      ? "\(file) names no driver: Podman complains at every command, and may choose vfs, which copies whole images for every container."
      : "The driver in \(file) is vfs, which copies whole images for every container."
    if conf.hasVfsStore && !movesStore {
      // The driver is part of a store: with another one Podman would not find what is there.
      add(code, .warning, sentence + " There are images of that driver in the graphroot.", "\(inSession("podman system reset")) && \(repairCommand)    # it deletes all images and containers of \(name)")
    } else {
      add(code, .warning, sentence, content, changing: [.set(key: "driver", value: intended.driver)])
    }
  }

  /// The drivers of containers/storage, of any version.
  private static let drivers: Set<String> = ["overlay", "overlay2", "vfs", "btrfs", "zfs", "aufs", "devmapper", "devicemapper"]

  private mutating func judgeRunroot(_ conf: UserFacts.StorageConf, _ text: TOMLText, _ content: ConfigFile.Content) {
    let file = UserDiagnosis.file
    if let runroot = string(text, "runroot"), let why = problem(ofRunroot: runroot, conf.runroot) {
      add(.runrootUnusable, .error, "runroot in \(file) is \(shown(runroot)), \(why); without it Podman finds a place itself.", content, changing: [.remove(key: "runroot")])
    } else if let kept = conf.keptRunroot, let graphroot = conf.graphroot, let why = problem(ofRunroot: kept.path, kept) {
      let database = graphroot.path + UserExaminer.podmanDatabase
      let word = shellWord(Array(database.utf8))
      add(
        .runrootUnusable, .error, "The runroot that Podman keeps in \(shown(database)) is \(shown(kept.path)), \(why); it holds whatever \(file) says.",
        "\(asUser("mv -nT \(word) \(word).old"))    # images stay, containers are forgotten")
    }
  }

  /// - Returns: nil if Podman can use it.
  private func problem(ofRunroot runroot: String, _ place: Place?) -> String? {
    // A runtime directory comes and goes with the sessions.
    if runroot == "/run/user/\(facts.account.uid)" || runroot.hasPrefix("/run/user/\(facts.account.uid)/") { return nil }
    switch place?.state {
    case nil: return "which is no absolute path"
    case .directory(let owner) where owner != facts.account.uid: return "which is owned by uid \(owner)"
    case .unreachable(let nearest): return "which does not exist, and \(name) may not create it in \(nearest)"
    case .notDirectory: return "and a component of it is no directory"
    case .failed(let cause): return "which cannot be reached: \(text(cause))"
    case .directory, .absent: return place?.isNetwork == true ? "which is on a network file system" : nil
    }
  }

  /// Before version 6 Podman reads the user's file in place of the site's.
  private mutating func judgeSiteOptions(_ text: TOMLText) {
    guard let site = facts.siteConf, case .table(let options)? = site.value(["storage", "options"]) else { return }
    let own = text.value(["storage", "options"])
    let hidden = UserDiagnosis.settings(options, []).filter { setting in
      var place = own
      for key in setting {
        guard case .table(let table)? = place else { return true }
        place = table[key]
      }
      return place == nil
    }
    guard !hidden.isEmpty else { return }
    let names = hidden.map { $0.joined(separator: ".") }.sorted().prefix(6).joined(separator: ", ")
    add(
      .siteOptionsHidden, .warning,
      "/etc/containers/storage.conf sets \(shown(names))\(hidden.count > 6 ? " and more" : ""), which \(UserDiagnosis.file) hides from Podman before version 6.",
      "copy them into [storage.options] of \(UserDiagnosis.file), and for everybody of \(shown(settings.skeleton))/.config/containers/storage.conf")
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
