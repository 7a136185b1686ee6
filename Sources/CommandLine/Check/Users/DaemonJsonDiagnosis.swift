import RootlessStorage

// Docker's daemon.json in the home.

extension UserDiagnosis {
  private static let file = "~/.config/docker/daemon.json"

  mutating func judgeDaemonJson() {
    guard let daemon = facts.daemonJson else { return }
    switch daemon.file {
    case .absent: return  // the skeleton's business
    case .dangling, .notRegular, .tooLarge, .failed:
      add(
        .daemonJsonUnreadable, .error, "\(UserDiagnosis.file) \(unreadable(daemon.file)): Docker does not start.",
        "\(asUser("mv \(inHome(UserExaminer.daemonJson)) \(inHome(UserExaminer.daemonJson + Array(".old".utf8)))")) && \(repairCommand)")
    case .content(let content):
      if let problem = daemon.problem {
        let sentence = "\(UserDiagnosis.file) is invalid JSON (line \(problem.line): \(problem.reason)): Docker does not start."
        if facts.isNetworkHome, storageIsFit, let new = intended.daemonJson, isOwnFile(content) {
          add(.daemonJsonInvalid, .error, sentence, mending: .replaceFile(new))
        } else {
          add(.daemonJsonInvalid, .error, sentence, "edit \(UserDiagnosis.file)    # as \(name)")
        }
      } else if let text = daemon.text {
        judge(daemon, text, content)
      }
    }
  }

  private mutating func add(_ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, _ content: ConfigFile.Content) {
    let change = KeyChange.set(key: "data-root", value: intended.dataRoot)
    let edited = try? facts.daemonJson?.text?.applying([change])
    if edited?.bytes == content.bytes {
      // It is written as it should be: something is wrong with the place.
      add(code, severity, sentence, asUser("ls -la \(shellWord(Array(intended.dataRoot.utf8)))", isShowing: true))
    } else if facts.isNetworkHome && storageIsFit && isOwnFile(content) && edited != nil {
      add(code, severity, sentence, mending: .editDaemonJson([change]))
    } else {
      let place = content.isLink ? "the file that \(UserDiagnosis.file) is a link to" : UserDiagnosis.file
      add(code, severity, sentence, "in \(place): \(change.text)    # as \(name)")
    }
  }

  private mutating func judge(_ daemon: UserFacts.DaemonJson, _ text: JSONText, _ content: ConfigFile.Content) {
    let file = UserDiagnosis.file
    if let unit = daemon.unit, text.has("data-root") {
      add(
        .dataRootTwice, .error, "data-root stands in \(file), and on dockerd's command line too (\(unit)): Docker does not start.",
        "remove --data-root from \(unit.prefix { $0 != ":" }), then: systemctl --user daemon-reload    # as \(name)")
    }
    guard text.has("data-root") else {
      if facts.isNetworkHome && daemon.unit == nil {
        add(.dataRootMissing, .error, "\(file) has no data-root: Docker puts its storage into the home, which is on \(homeType).", content)
      }
      return
    }
    guard let path = text.string("data-root"), path.hasPrefix("/") else {
      return add(.dataRootMissing, .error, "data-root in \(file) is no absolute path.", content)
    }
    if let graphroot = graphrootThen, UserDiagnosis.share(path, graphroot) {
      let sentence = "data-root in \(file) (\(shown(path))) and Podman's graphroot (\(shown(graphroot))) share a directory: a reset of one deletes the other."
      // If this file is as it should be, the other one is not.
      return path == intended.dataRoot ? addMovingGraphroot(.dataRootShared, sentence) : add(.dataRootShared, .error, sentence, content)
    }
    if let (code, sentence) = problem(ofStore: path, daemon.dataRoot, "data-root in \(file)", facts) {
      return add(UserDiagnosis.dockerCode[code] ?? .dataRootMissing, .error, sentence, content)
    }
    // Docker's file has no comment that tells who made it: it is as the skeleton's, but for the directory.
    if let earlier = IntendedConfig.earlierStorage(path, like: intended.dataRoot, facts), isSkeletons(content, with: earlier) {
      add(
        .dataRootStale, .warning, "data-root in \(file) is in \(shown(earlier)), and the storage directory is \(shown(facts.storage?.path ?? [])) by now.",
        content)
    }
  }

  /// Where Podman's storage will be when all is done that is planned by now.
  private var graphrootThen: String? {
    for action in actions {
      switch action {
      case .editStorageConf(let changes):
        for case .set("graphroot", let value) in changes { return value }
      case .replaceFile(let file) where file.path == UserExaminer.storageConf: return intended.graphroot
      case .login(.createFile(let file)) where file.path == UserExaminer.storageConf: return intended.graphroot
      default: continue
      }
    }
    return facts.storageConf?.graphroot?.path
  }

  private func isSkeletons(_ content: ConfigFile.Content, with storage: String) -> Bool {
    let file = facts.skeleton.first { $0.path == UserExaminer.daemonJson }
    return file?.rendered(for: facts.account, storage: Array(storage.utf8)) == content.bytes
  }

  private static let dockerCode: [FindingCode: FindingCode] = [
    .graphrootNetwork: .dataRootNetwork, .graphrootForeign: .dataRootForeign, .graphrootMissing: .dataRootMissing,
  ]

  /// One is the other, or lies in it.
  private static func share(_ first: String, _ second: String) -> Bool {
    let (left, right) = (components(Array(first.utf8)), components(Array(second.utf8)))
    let length = min(left.count, right.count)
    return left.prefix(length) == right.prefix(length)
  }
}
