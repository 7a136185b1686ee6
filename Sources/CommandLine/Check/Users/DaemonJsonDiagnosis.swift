import RootlessStorage

// Docker's daemon.json in the home.

extension UserDiagnosis {
  private static let usual = "~/.config/docker/daemon.json"

  /// Where Docker stores in the session of whoever asks, or in any of the user's; nil: below ~/.local/share.
  var dataRoot: String? {
    let own = facts.dataHome == nil ? ownStore(.docker)?.place.real : nil
    let fallback =
      own
      ?? facts.dataHome.map { $0.real + "/docker" }.flatMap {
        $0 == String(decoding: facts.account.home) + "/.local/share/docker" ? nil : $0
      }
    if let session = facts.sessionDocker { return session.dataRoot?.real ?? fallback }
    guard let daemon = facts.daemonJson else { return fallback }
    if let root = daemon.unitRoot { return root.real }
    guard let written = daemon.text?.string("data-root") ?? daemon.text?.string("graph"), !written.isEmpty else { return fallback }
    return (daemon.dataRoot ?? daemon.graph)?.real ?? written
  }

  func judgeDaemonJson() {
    guard let daemon = facts.daemonJson else { return }
    let file = daemon.name
    // With both, Docker does not start, and the option is the one to take out.
    if let root = daemon.unit.option("data-root"), !(daemon.text?.has("data-root") ?? false) { judge(root, daemon) }
    switch daemon.file {
    case .absent:
      // The usual one is the skeleton's business.
      if let option = daemon.unit.option("config-file"), !daemon.isUsual, option.value != nil {
        add(
          .daemonJsonUnreadable, .error,
          "dockerd is started with --config-file \(file) (\(option.place)), which does not exist: Docker does not start.",
          taking("config-file", outOf: option.place))
      }
    case .dangling, .notRegular, .tooLarge, .failed:
      let sentence = "\(file) \(unreadable(daemon.file)): Docker does not start."
      if daemon.isUsual {
        add(.daemonJsonUnreadable, .error, sentence, readable(daemon.file, UserExaminer.daemonJson))
      } else {
        add(.daemonJsonUnreadable, .error, sentence, Remedy("put a regular file in the place of \(file)", by: .user(name)))
      }
    case .content(let content):
      if let problem = daemon.problem {
        let sentence = "\(file) is invalid JSON (line \(problem.line): \(problem.reason)): Docker does not start."
        if facts.isNetworkHome, isStorageUsable, daemon.isUsual, let new = intended.daemonJson, isOwnFile(content) {
          add(.daemonJsonInvalid, .error, sentence, repairedBy: .replaceFile(new))
        } else {
          let (place, person) = whereabouts(content, file)
          add(.daemonJsonInvalid, .error, sentence, Remedy("edit \(place)", by: person))
        }
      } else if let text = daemon.text {
        judge(daemon, text, content)
      }
    }
  }

  /// What to do about an option of the command line.
  private func taking(_ option: String, outOf place: String) -> Remedy {
    let owner = place.hasPrefix("~") ? name : "root"
    return .user(name, "systemctl --user daemon-reload", after: "take --\(option) out of \(fileOf(place)) as \(owner), then as \(name)")
  }

  /// The file of `FILE:LINE`.
  private func fileOf(_ place: String) -> Substring { place.prefix { $0 != ":" } }

  /// Docker's storage where the command line says; the file is not asked then.
  private func judge(_ root: DockerUnit.Option, _ daemon: UserFacts.DaemonJson) {
    let remedy = taking("data-root", outOf: root.place)
    guard let path = root.value else {
      return add(
        .dataRootUnknown, .note, "dockerd is started with a --data-root that only the user's manager can tell (\(root.place)).",
        inSession("systemctl --user show -p ExecStart docker.service", note: "decide whether that is a good place"))
    }
    if root.isOld {
      add(
        .dataRootOldKey, facts.dockerGeneration == .late ? .error : .warning,
        "dockerd is started with -g, the old name of --data-root (\(root.place)): \(fromVersion23On)",
        Remedy("write --data-root instead of it in \(fileOf(root.place))", by: root.place.hasPrefix("~") ? .user(name) : .root))
    }
    let key = "--data-root at \(root.place)"
    guard path.hasPrefix("/") else { return add(.dataRootMissing, .error, "\(key) (\(shown(path))) is no absolute path.", remedy) }
    if let (code, sentence) = problem(ofStore: path, daemon.unitRoot, key, facts, hasRoot: true) {
      return add(UserDiagnosis.dockerCode[code] ?? .dataRootMissing, .error, sentence, remedy)
    }
    judgeVolume(of: path, key, daemon)
  }

  /// Where the file says nothing that a repair could change, and an edit is asked for.
  private func add(
    _ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, _ content: ConfigFile.Content, _ changes: [KeyChange]? = nil
  ) {
    let changes = changes ?? [.set(key: "data-root", value: intended.dataRoot)]
    let edited = try? facts.daemonJson?.text?.applying(changes)
    let isUsual = facts.daemonJson?.isUsual ?? true
    if edited?.bytes == content.bytes {
      // It is written as it should be: something is wrong with the place.
      add(
        code, severity, sentence,
        run(
          asUser("ls -la \(shellWord(Array(intended.dataRoot.utf8)))", isShowing: true),
          note: "find out what is wrong there, and remove it or give it to \(name)"))
    } else if facts.isNetworkHome && isStorageUsable && isOwnFile(content) && edited != nil && isUsual
      && facts.daemonJson?.laterProblem == nil
    {
      add(code, severity, sentence, repairedBy: .editDaemonJson(changes))
    } else if content.isNull, isUsual {
      add(code, severity, sentence, readable(.notRegular(.characterDevice), UserExaminer.daemonJson))
    } else {
      let (place, person) = whereabouts(content, facts.daemonJson?.name ?? UserDiagnosis.usual)
      let what = changes.isEmpty ? "take the byte order mark away" : changes.map(\.text).joined(separator: ", ")
      add(code, severity, sentence, Remedy("in \(place): \(what)", by: person))
    }
  }

  private func judge(_ daemon: UserFacts.DaemonJson, _ text: JSONText, _ content: ConfigFile.Content) {
    let file = daemon.name
    if daemon.hasMark && facts.dockerGeneration != .late {
      let severity = facts.dockerGeneration == .early ? Finding.Severity.error : .warning
      add(
        .daemonJsonInvalid, severity,
        "\(file) begins with a byte order mark, which an editor does not show: Docker before version 23 does not start.", content, [])
    }
    if let problem = daemon.laterProblem {
      let (place, person) = whereabouts(content, file)
      let sentence =
        "\(file) is invalid JSON (line \(problem.line): \(problem.reason)), which Docker of this host does not see: \(fromVersion23On)"
      add(.daemonJsonInvalid, .warning, sentence, Remedy("edit \(place)", by: person))
    }
    for option in daemon.unit.options where !["config-file", "runtimes"].contains(option.name) && text.has(option.name) {
      add(
        .dataRootTwice, .error,
        "\(option.name) stands in \(file), and on dockerd's command line too (\(option.place)): Docker does not start.",
        taking(option.name, outOf: option.place))
    }
    for option in daemon.unit.options where !option.isKnown {
      add(
        .daemonJsonKey, .warning,
        "dockerd is started with \(shown(option.name)) (\(option.place)), an option that Docker 20.10 to 29 does not know: it does not start.",
        taking(shown(String(option.name.drop { $0 == "-" })), outOf: option.place))
    }
    judgeKeys(text, file)
    judgeDriver(daemon, text, content)
    judgeExecRoot(daemon, text, content)
    judgeValues(daemon, text)
    if text.has("graph") { return judgeGraph(daemon, text, content) }
    // The command line has the word, and was judged.
    if daemon.unit.option("data-root") != nil { return }
    guard text.has("data-root") else {
      if let store = ownStore(.docker), facts.dataHome == nil {
        if let (code, sentence) = problem(of: store) { add(UserDiagnosis.dockerCode[code] ?? .dataRootMissing, .error, sentence, content) }
        return
      }
      if facts.isNetworkHome {
        if let data = facts.dataHome, !data.isNetwork {
          return add(
            .dataRootMissing, .warning,
            "\(file) has no data-root: Docker stores below XDG_DATA_HOME (\(shown(data.path))), and in a session without that in the home, which is on \(homeType).",
            content)
        }
        let what = daemon.isBlank ? "is empty" : "has no data-root"
        let consequence =
          switch (daemon.isBlank, facts.dockerGeneration) {
          case (true, .early): "Docker does not start"
          case (true, nil):
            "Docker before version 23 does not start with it, and later ones put their storage into the home, which is on \(homeType)"
          default: "Docker puts its storage into the home, which is on \(homeType)"
          }
        add(.dataRootMissing, .error, "\(file) \(what): \(consequence).", content)
      }
      return
    }
    guard let path = text.string("data-root"), path.hasPrefix("/") else {
      return add(.dataRootMissing, .error, "data-root in \(file) is no absolute path.", content)
    }
    if facts.dockerGeneration == .early && path.contains(",") {
      return add(
        .dataRootMissing, .error, "data-root in \(file) (\(shown(path))) has a comma, with which Docker before version 23 does not start.",
        content)
    }
    if let graphroot = graphrootThen, UserDiagnosis.share(path, graphroot) {
      let sentence =
        "data-root in \(file) (\(shown(path))) and Podman's graphroot (\(shown(graphroot))) share a directory: a reset of one deletes the other."
      // If this file is as it should be, the other one is not.
      return path == intended.dataRoot ? addMovingGraphroot(.dataRootShared, sentence) : add(.dataRootShared, .error, sentence, content)
    }
    if let (code, sentence) = problem(ofStore: path, daemon.dataRoot, "data-root in \(file)", facts, hasRoot: true) {
      return add(UserDiagnosis.dockerCode[code] ?? .dataRootMissing, .error, sentence, content)
    }
    // Docker's file has no comment that tells who made it: it is as the skeleton's, but for the directory.
    if let earlier = IntendedConfig.earlierStorage(path, like: intended.dataRoot, facts), isSkeletons(content, with: earlier) {
      return add(
        .dataRootStale, .warning,
        "data-root in \(file) is in \(shown(earlier)), and the storage directory is \(shown(facts.storage?.path ?? "")) by now.",
        content)
    }
    judgeVolume(of: path, "data-root in \(file)", daemon)
  }

  /// The old name of data-root: up to 20.10 dockerd takes either, and does not start with both; from 23 on it does not start with this one.
  private func judgeGraph(_ daemon: UserFacts.DaemonJson, _ text: JSONText, _ content: ConfigFile.Content) {
    let hasBoth = text.has("data-root")
    let isTaken = facts.dockerGeneration == .early && !hasBoth
    let what = "\(daemon.name) has the key graph, the old name of data-root"
    let sentence =
      facts.dockerGeneration == .early && hasBoth ? "\(what), beside that one: Docker does not start." : "\(what): \(fromVersion23On)"
    // A good place is kept under the new name.
    var root = intended.dataRoot
    if let path = text.string("graph"), path.hasPrefix("/"), problem(ofStore: path, daemon.graph, "graph", facts) == nil { root = path }
    if hasBoth, let path = text.string("data-root"), path.hasPrefix("/"), problem(ofStore: path, daemon.dataRoot, "data-root", facts) == nil
    {
      root = path
    }
    let changes: [KeyChange] = [.set(key: "data-root", value: root), .remove(key: "graph")]
    if isTaken, let path = text.string("graph"),
      let (code, sentence) = problem(ofStore: path, daemon.graph, "graph in \(daemon.name)", facts)
    {
      return add(UserDiagnosis.dockerCode[code] ?? .dataRootMissing, .error, sentence, content, changes)
    }
    add(.dataRootOldKey, isTaken ? .warning : .error, sentence, content, changes)
  }

  /// What becomes of what Docker 20.10 takes.
  private var fromVersion23On: String { "Docker \(facts.dockerGeneration == .late ? "" : "from version 23 on ")does not start." }

  /// dockerd refuses a whole file for one key that it does not know, or whose value is of another kind.
  private func judgeKeys(_ text: JSONText, _ file: String) {
    var told: Set<String> = []
    for (key, kind) in text.keys where key != "graph" && told.insert(key).inserted {
      let remedy = Remedy("in \(file): remove \(shown(key)), or correct it", by: .user(name))
      guard let kinds = DaemonJsonKeys.kinds(of: key) else {
        let lower = key.lowercased()
        if let version = DaemonJsonKeys.removed[key] {
          let isTaken = facts.dockerGeneration == .early && DaemonJsonKeys.isTakenEarly(key)
          if isTaken {
            add(
              .daemonJsonKey, .warning,
              "\(file) has the key \(shown(key)), which no Docker takes from version \(version) on: that does not start.", remedy)
            continue
          }
          add(
            .daemonJsonKey, .error,
            "\(file) has the key \(shown(key)), which Docker has not taken since version \(version): it does not start.", remedy)
        } else if lower != key, DaemonJsonKeys.kinds(of: lower) != nil {
          add(.daemonJsonKey, .error, "\(file) has the key \(shown(key)), which has to be written \(lower): Docker does not start.", remedy)
        } else {
          add(
            .daemonJsonKey, .warning,
            "\(file) has the key \(shown(key)), which Docker 20.10 to 29 does not know: with an unknown key it does not start.", remedy)
        }
        continue
      }
      if facts.daemonJson?.unknownKeys.contains(key) ?? false || key == "validate" && facts.dockerGeneration == .early {
        add(
          .daemonJsonKey, .error, "\(file) has the key \(shown(key)), which Docker of this host does not know: it does not start.", remedy)
        continue
      }
      // A null is as if the key were not there. data-root has findings of its own.
      if kind == .null || key == "data-root" { continue }
      if kinds.isEmpty || kinds.contains(kind) {
        if let shape = DaemonJsonShape.of(key), let value = text.value(key), let fault = shape.fault(in: value) {
          add(.daemonJsonKey, .error, "\(shown(key)) in \(file) \(fault): Docker does not start.", remedy)
        }
        continue
      }
      add(
        .daemonJsonKey, .error,
        "\(shown(key)) in \(file) is of the kind \(kind.rawValue) and has to be of the kind \(kinds[0].rawValue): Docker does not start.",
        remedy)
    }
    let option = facts.daemonJson?.unit.option("userns-remap")
    if let option, option.value != "" {
      add(
        .daemonJsonKey, .error,
        "dockerd is started with --userns-remap (\(option.place)), which is for a daemon of root's: a rootless Docker does not start.",
        taking("userns-remap", outOf: option.place))
    } else if let remap = text.string("userns-remap"), !remap.isEmpty {
      add(
        .daemonJsonKey, .error, "\(file) has userns-remap, which is for a daemon of root's: a rootless Docker does not start.",
        Remedy("in \(file): remove userns-remap", by: .user(name)))
    }
  }

  private static let copies = "which copies a whole image for each of its layers and each container"

  private func judgeDriver(_ daemon: UserFacts.DaemonJson, _ text: JSONText, _ content: ConfigFile.Content) {
    let option = daemon.unit.option("storage-driver")
    guard let driver = text.string("storage-driver") ?? option?.value, !driver.isEmpty else { return }
    let place = text.has("storage-driver") ? daemon.name : option?.place ?? ""
    // The snapshotters of containerd have names of their own, and which ones there are is containerd's.
    let snapshotter = facts.dockerGeneration == .early ? false : text.object("features")?.boolean("containerd-snapshotter")
    if snapshotter ?? (daemon.hasImageStore == true) {
      if UserDiagnosis.snapshotters.contains(driver) { return }
      return add(
        .dockerDriver, .warning,
        "storage-driver in \(place) is \(shown(driver)), a snapshotter that containerd has not by itself: without it no image can be stored.",
        Remedy("remove storage-driver from \(place), or see to it that containerd has that snapshotter", by: .user(name)))
    }
    let why: String
    switch driver {
    case "overlay2": return
    case "overlayfs", "native":
      // Later ones than are known here may have it.
      if snapshotter == nil && facts.dockerGeneration != .early && daemon.hasImageStore != false { return }
      why = "\(driver), a snapshotter of containerd's, and features does not have containerd-snapshotter"
    case "vfs":
      let remedy = Remedy("save the images that are needed, stop Docker, and remove storage-driver from \(place)", by: .user(name))
      return add(.dockerDriver, .warning, "storage-driver in \(place) is vfs, \(UserDiagnosis.copies).", remedy)
    case "overlay" where facts.dockerGeneration == .early:
      let sentence =
        "storage-driver in \(place) is overlay, the predecessor of overlay2: a later Docker does not have it, and does not start."
      return add(
        .dockerDriver, .warning, sentence,
        Remedy("before Docker is upgraded, save the images, and remove storage-driver from \(place)", by: .user(name)))
    case "fuse-overlayfs":
      if daemon.hasFuseOverlayfs { return }
      why = "fuse-overlayfs, which is not installed"
    case "btrfs", "zfs":
      guard let type = (daemon.volume ?? facts.storage?.volume)?.type, type != driver else { return }
      why = "\(driver), and its storage is on \(type)"
    default: why = "\(shown(driver)), which rootless Docker has not"
    }
    let sentence = "storage-driver in \(place) is \(why): Docker does not start."
    if text.has("storage-driver") {
      add(.dockerDriver, .error, sentence, content, [.remove(key: "storage-driver")])
    } else {
      add(.dockerDriver, .error, sentence, taking("storage-driver", outOf: place))
    }
  }

  /// containerd's own, and those that people add to it.
  private static let snapshotters: Set<String> = [
    "overlayfs", "native", "fuse-overlayfs", "btrfs", "zfs", "devmapper", "blockfile", "erofs", "stargz", "soci", "nydus", "overlaybd",
    "overlay2", "vfs",
  ]

  /// Values of which Docker takes only some, or that are too far from what it takes.
  private func judgeWords(_ daemon: UserFacts.DaemonJson, _ text: JSONText) {
    var faults: [(key: String, what: String, severity: Finding.Severity)] = []
    func fault(_ key: String, _ what: String, _ severity: Finding.Severity = .error) { faults.append((key, what, severity)) }
    if let runtime = text.string("default-runtime"), !runtime.isEmpty, runtime != "runc", !runtime.contains("."), !runtime.hasPrefix("/"),
      !(text.object("runtimes")?.has(runtime) ?? false), !(text.object("add-runtime")?.has(runtime) ?? false),
      daemon.unit.option("add-runtime") == nil
    {
      fault("default-runtime", "is \(shown(runtime)), which runtimes does not have")
    }
    let logDriver = text.string("log-driver").flatMap { $0.isEmpty ? nil : $0 } ?? "json-file"
    if daemon.unit.option("log-driver") == nil, let known = DaemonJsonWords.logOptions(of: logDriver), let options = text.object("log-opts")
    {
      if let wrong = options.keys.first(where: { !known.contains($0.name) }) {
        fault("log-opts", "has \(shown(wrong.name)), which the log driver \(logDriver) does not know")
      } else if logDriver == "syslog", let facility = options.string("syslog-facility"), !DaemonJsonWords.isFacility(facility) {
        fault("log-opts", "has syslog-facility \(shown(facility)), which there is not")
      }
    }
    judgeNumbers(text, &faults)
    judgeNetwork(text, &faults)
    judgeRuntimes(text, &faults)
    for option in text.strings("exec-opts") where option.hasPrefix("native.cgroupdriver=") {
      let driver = option.dropFirst("native.cgroupdriver=".count)
      if ["", "cgroupfs", "systemd", "none"].contains(driver) { continue }
      fault("exec-opts", "has \(shown(option)), a driver that there is not")
    }
    if daemon.checkedKeys.contains("api-cors-header") {
      fault("api-cors-header", "is a key that Docker of this host does not take any more")
    }
    if daemon.checkedKeys.contains("exec-opts"), let option = DaemonJsonKeys.foreignExecOption(text) {
      fault("exec-opts", "has \(shown(option)), which is not native.cgroupdriver=DRIVER")
    }
    if daemon.checkedKeys.contains("network-diagnostic-port"), let port = text.integer("network-diagnostic-port") {
      fault("network-diagnostic-port", "is \(port), which is no port")
    }
    // Up to 20.10 Docker looks for that program when a container wants it.
    for key in daemon.missingFiles where key != "userland-proxy-path" || facts.dockerGeneration != .early {
      // It comes and goes with the session.
      let severity = key == "containerd" ? Finding.Severity.warning : .error
      fault(key, "is \(shown(text.string(key) ?? "")), which does not exist", severity)
    }
    if daemon.hasUnknownGroup { fault("group", "is \(shown(text.string("group") ?? "")), a group that there is not") }
    for registry in text.strings("insecure-registries") {
      guard let why = DaemonJsonWords.problem(ofRegistry: registry, isAddress: UserDiagnosis.isAddress) else { continue }
      fault("insecure-registries", "has \"\(shown(registry))\", \(why)")
      break
    }
    if let mode = text.string("default-cgroupns-mode"), !["", "host", "private"].contains(mode) {
      fault("default-cgroupns-mode", "is \(shown(mode)), and can be host or private")
    }
    if let wrong = text.object("default-ulimits")?.keys.first(where: { $0.kind != .object && $0.kind != .null }) {
      fault("default-ulimits", "has \(shown(wrong.name)), which is no object with Name, Hard and Soft")
    }
    if facts.dockerGeneration == .early, let attempts = text.integer("max-download-attempts"), attempts < 1 {
      fault("max-download-attempts", "is less than 1")
    }
    let labels = text.strings("labels")
    if let wrong = labels.first(where: { !$0.contains("=") }) {
      fault("labels", "has \(shown(wrong)), which is no name=value")
    } else {
      let names = Set(labels).map { $0.prefix { $0 != "=" } }
      if Set(names).count < names.count { fault("labels", "has two values for one name") }
    }
    if let size = text.string("default-shm-size"), !UserDiagnosis.isSize(size) {
      fault("default-shm-size", "is \(shown(size)), which is no size")
    }
    if let address = text.string("ip"), !address.isEmpty, !UserDiagnosis.isAddress(address) {
      fault("ip", "is \(shown(address)), which is no address")
    }
    for (key, what, severity) in faults {
      add(.daemonJsonKey, severity, "\(key) in \(daemon.name) \(what): Docker does not start.", correction(of: key, in: daemon))
    }
  }

  private typealias Fault = (key: String, what: String, severity: Finding.Severity)

  private func judgeNumbers(_ text: JSONText, _ faults: inout [Fault]) {
    let isEarly = facts.dockerGeneration == .early
    for key in ["max-concurrent-downloads", "max-concurrent-uploads"] + (isEarly ? [] : ["max-download-attempts", "mtu"]) {
      if let number = text.integer(key), number < 0 { faults.append((key, "is less than 0", .error)) }
    }
    if !isEarly, let key = ["cpu-rt-runtime", "cpu-rt-period"].first(where: { (text.integer($0) ?? 0) != 0 }) {
      faults.append((key, "is set, which there is with control groups of version 1 only", .warning))
    }
    if isEarly, let profile = text.string("seccomp-profile"), ["unconfined", "builtin"].contains(profile) {
      faults.append(("seccomp-profile", "is \(profile), a word that Docker knows from version 23 on", .error))
    }
  }

  private func judgeNetwork(_ text: JSONText, _ faults: inout [Fault]) {
    for key in ["default-gateway", "default-gateway-v6", "host-gateway-ip"] {
      guard let address = text.string(key), !address.isEmpty, !UserDiagnosis.isAddress(address) else { continue }
      faults.append((key, "is \(shown(address)), which is no address", .error))
    }
    for key in ["bip", "fixed-cidr", "fixed-cidr-v6"] {
      guard let range = text.string(key), !range.isEmpty, UserDiagnosis.prefix(ofRange: range) == nil else { continue }
      faults.append((key, "is \(shown(range)), which is no address with the length of a prefix", .error))
    }
    if case .array(let pools)? = text.value("default-address-pools") {
      for case .object(let pool) in pools {
        guard case .string(let base)? = pool["base"] else { continue }
        var size: Int64 = 0
        switch pool["size"] {
        case .integer(let number)?: size = number
        case nil, .null?: break
        // Its kind was told of.
        default: continue
        }
        guard let prefix = UserDiagnosis.prefix(ofRange: base) else {
          faults.append(("default-address-pools", "has \(shown(base)), which is no range of addresses", .error))
          break
        }
        if size < prefix || size > (base.contains(":") ? 128 : 32) {
          faults.append(("default-address-pools", "has the size \(size) for networks of \(shown(base))", .error))
          break
        }
      }
    }
    if let domain = text.strings("dns-search").first(where: { !DaemonJsonWords.isDomain($0) }) {
      faults.append(("dns-search", "has \"\(shown(domain))\", which is no domain", .error))
    }
    if let address = text.string("metrics-addr"), !address.isEmpty, !address.contains(":") {
      faults.append(("metrics-addr", "is \(shown(address)), which has no port", .error))
    }
    for host in text.strings("hosts") {
      guard let why = DaemonJsonWords.problem(ofHost: host) else { continue }
      faults.append(("hosts", "has \(shown(host)), \(why)", host.hasPrefix("unix:") || host.hasPrefix("fd:") ? .warning : .error))
      break
    }
    if text.boolean("tls") ?? false || text.boolean("tlsverify") ?? false,
      ["tlscert", "tlskey"].contains(where: { text.string($0) ?? "" == "" && facts.daemonJson?.unit.option($0) == nil })
    {
      faults.append((text.has("tlsverify") ? "tlsverify" : "tls", "is set without tlscert and tlskey", .error))
    }
  }

  private func judgeRuntimes(_ text: JSONText, _ faults: inout [Fault]) {
    if case .object(let runtimes)? = text.value("runtimes") {
      if runtimes["runc"] != nil { faults.append(("runtimes", "has runc, a name that Docker keeps for itself", .error)) }
      for (runtime, value) in runtimes.sorted(by: { $0.key < $1.key }) where facts.dockerGeneration != .early {
        guard case .object(let members) = value else { continue }
        let names = members.filter { if case .string("") = $0.value { false } else { true } }.keys.map { $0.lowercased() }
        if names.contains("path") == names.contains("runtimetype") {
          faults.append(("runtimes", "has \(shown(runtime)), which needs either path or runtimeType", .error))
          break
        }
      }
    }
    if let proxies = text.object("proxies"), facts.dockerGeneration != .early,
      let wrong = proxies.keys.first(where: { !["http-proxy", "https-proxy", "no-proxy"].contains($0.name) })
    {
      faults.append(("proxies", "has \(shown(wrong.name)), which there is not", .error))
    }
    if let mode = text.string("default-ipc-mode"), !["", "private", "shareable"].contains(mode) {
      faults.append(("default-ipc-mode", "is \(shown(mode)), and can be private or shareable", .error))
    }
    if let format = text.string("log-format"), !["", "text", "json"].contains(format), facts.dockerGeneration != .early {
      faults.append(("log-format", "is \(shown(format)), and can be text or json", .error))
    }
    if let backend = text.string("firewall-backend"), !["", "iptables", "nftables"].contains(backend) {
      faults.append(("firewall-backend", "is \(shown(backend)), and can be iptables or nftables", .error))
    }
    if let slice = text.string("cgroup-parent"), !slice.isEmpty, !slice.hasSuffix(".slice"),
      text.strings("exec-opts").contains("native.cgroupdriver=systemd")
    {
      faults.append(("cgroup-parent", "is \(shown(slice)), and has to end in .slice where systemd has the control groups", .error))
    }
    if let resource = text.strings("node-generic-resources").first(where: { !$0.contains("=") }) {
      faults.append(("node-generic-resources", "has \(shown(resource)), which is no name=value", .error))
    }
    if let plugin = text.strings("authorization-plugins").first {
      faults.append(("authorization-plugins", "has \(shown(plugin)), and no plugin of that name is known here", .warning))
    }
    if let directory = text.string("exec-root"), directory.utf8.count > UserDiagnosis.longestExecRoot {
      faults.append(
        ("exec-root", "is longer than \(UserDiagnosis.longestExecRoot) bytes, so that containerd's sockets have no place in it", .error))
    }
  }

  /// The longest path of a socket is 107 bytes, and containerd's are containerd/containerd.sock.ttrpc.
  private static let longestExecRoot = 107 - "/containerd/containerd.sock.ttrpc".utf8.count

  /// The length behind the slash of a range of addresses; nil if it is none.
  private static func prefix(ofRange text: String) -> Int64? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, isAddress(String(parts[0])), let length = UInt8(parts[1]), length <= (text.contains(":") ? 128 : 32) else {
      return nil
    }
    return Int64(length)
  }

  /// As go-units takes it: a number, and a unit that may have `i` and `b` behind.
  static func isSize(_ text: String) -> Bool {
    let unit = text.drop { $0 == "." || ("0"..."9").contains($0) }
    let number = text[..<unit.startIndex]
    let units = ["", "b"] + ["k", "m", "g", "t", "p"].flatMap { [$0, $0 + "b", $0 + "ib"] }
    return Double(number) != nil && units.contains((unit.hasPrefix(" ") ? unit.dropFirst() : unit).lowercased())
  }

  private func correction(of key: String, in daemon: UserFacts.DaemonJson) -> Remedy {
    Remedy("in \(daemon.name): remove or correct \(key)", by: .user(name))
  }

  /// Values that Docker looks at before it starts.
  private func judgeValues(_ daemon: UserFacts.DaemonJson, _ text: JSONText) {
    let file = daemon.name
    func correct(_ key: String) -> Remedy { correction(of: key, in: daemon) }
    if let options = text.object("log-opts"), let (key, _) = options.keys.first(where: { $0.kind != .string }) {
      add(.daemonJsonKey, .error, "\(shown(key)) of log-opts in \(file) is no text: Docker does not start.", correct("log-opts"))
    }
    if let level = text.string("log-level"), !level.isEmpty,
      !["trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"].contains(level.lowercased())
    {
      add(
        .daemonJsonKey, .error, "log-level in \(file) is \(shown(level)), which Docker does not know: it does not start.",
        correct("log-level"))
    }
    for key in ["dns", "host-gateway-ips"] {
      // An empty one is passed over by Docker from version 23 on.
      let isEmptyTaken = facts.dockerGeneration != .early
      if let wrong = text.strings(key).first(where: { !UserDiagnosis.isAddress($0) && !($0.isEmpty && isEmptyTaken) }) {
        add(.daemonJsonKey, .error, "\(key) in \(file) has \(shown(wrong)), which is no address: Docker does not start.", correct(key))
      }
    }
    for mirror in text.strings("registry-mirrors") {
      let isURL = mirror.hasPrefix("http://") || mirror.hasPrefix("https://")
      guard
        let why = isURL
          ? DaemonJsonWords.problem(ofMirror: mirror, hasPaths: facts.dockerGeneration != .early)
          : "which does not begin with http:// or https://"
      else { continue }
      add(
        .daemonJsonKey, .error, "registry-mirrors in \(file) has \(shown(mirror)), \(why): Docker does not start.",
        correct("registry-mirrors"))
      break
    }
    judgeWords(daemon, text)
    if let directory = daemon.pidDirectory, !isInRuntimeDirectory(directory.path) {
      switch directory.state {
      case .directory where !directory.isClosed:
        if daemon.hasPidDirectory {
          add(.daemonJsonKey, .error, "pidfile in \(file) is a directory: Docker does not start.", correct("pidfile"))
        }
      case .absent: break
      case .directory, .unreachable, .notDirectory, .failed:
        add(
          .daemonJsonKey, .error,
          "pidfile in \(file) is in \(shown(directory.path)), where \(name) can make nothing: Docker does not start.", correct("pidfile"))
      }
    }
    judgeStorageOptions(daemon, text)
  }

  private func judgeStorageOptions(_ daemon: UserFacts.DaemonJson, _ text: JSONText) {
    guard text.string("storage-driver") ?? "overlay2" == "overlay2" else { return }
    let type = (daemon.volume ?? facts.storage?.volume)?.type
    let given = daemon.unit.options.filter { $0.name == "storage-opts" }.compactMap(\.value)
    for option in text.strings("storage-opts") + given {
      let why: String
      switch option.lowercased().prefix(while: { $0 != "=" }) {
      case "overlay2.override_kernel_check" where facts.dockerGeneration == .early:
        let value = String(option.drop { $0 != "=" }.dropFirst())
        if UserDiagnosis.booleans.contains(value) { continue }
        why = "which is neither true nor false"
      case "overlay2.override_kernel_check" where facts.dockerGeneration == nil: continue
      case "overlay2.size" where type == "xfs" || type == nil: continue
      case "overlay2.size": why = "which it can on xfs alone, and its storage is on \(type ?? "another")"
      default: why = "which the driver overlay2 does not know"
      }
      add(
        .dockerDriver, .error, "storage-opts in \(daemon.name) has \(shown(option)), \(why): Docker does not start.",
        Remedy("in \(daemon.name): take \(shown(option)) out of storage-opts", by: .user(name)))
    }
  }

  /// As ParseIP of Go's takes it, or nearly: a name is none.
  private static func isAddress(_ text: String) -> Bool {
    if text.contains(":") {
      return text.filter { $0 == ":" }.count > 1 && text.utf8.allSatisfy { isHexDigit(lowercase($0)) || $0 == .colon || $0 == .dot }
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in part.utf8.allSatisfy { isDigit($0) } && decimalValue(Array(part.utf8)).map { $0 < 256 } ?? false }
  }

  /// Sockets and pid files: not on a file server, and the user's.
  private func judgeExecRoot(_ daemon: UserFacts.DaemonJson, _ text: JSONText, _ content: ConfigFile.Content) {
    guard let path = text.string("exec-root"), !path.isEmpty, !isInRuntimeDirectory(path) else { return }
    if let place = daemon.execRoot, let root = daemon.unitRoot ?? daemon.dataRoot, place.real == root.real {
      return add(
        .execRootUnusable, .error,
        "exec-root in \(daemon.name) is \(shown(path)), as data-root is, and containerd wants two: Docker does not start.", content,
        [.remove(key: "exec-root")])
    }
    if let place = daemon.execRoot, problem(ofStore: path, place, "exec-root", facts) == nil {
      for trouble in troubles(of: place, path, for: .state, "exec-root in \(daemon.name)") {
        let remedy =
          if case .command(let command) = trouble.cure { command } else { Remedy("in \(daemon.name): remove exec-root", by: .user(name)) }
        add(trouble.code, trouble.severity, trouble.sentence, remedy)
      }
      return
    }
    let why = daemon.execRoot?.isNetwork == true ? "on a network file system" : "no directory that \(name) can use"
    add(
      .execRootUnusable, .error, "exec-root in \(daemon.name) is \(shown(path)), which is \(why): Docker does not start.", content,
      [.remove(key: "exec-root")])
  }

  /// A place of the user's own choice, judged as the storage directory is.
  private func judgeVolume(of path: String, _ key: String, _ daemon: UserFacts.DaemonJson) {
    let what = "\(key) (\(shown(path)))"
    // With both, Docker does not start.
    let option = daemon.unit.option("data-root").flatMap { daemon.text?.has("data-root") ?? false ? nil : $0 }
    let elsewhere =
      option.map { taking("data-root", outOf: $0.place) }
      ?? Remedy("in \(daemon.name): set data-root = \"\(shown(intended.dataRoot))\"", by: .user(name))
    // A colon separates directories in a mount's options, and a comma options. Seen with 20.10.24 (colon), 26.1.5 and 28.5.2.
    if daemon.text?.string("storage-driver") ?? "" == "", let character = path.first(where: { $0 == "," || $0 == ":" }) {
      let sentence =
        "\(what) has a \(character == "," ? "comma" : "colon"), with which overlay does not work: Docker takes the driver vfs, \(UserDiagnosis.copies)."
      add(.dockerDriver, .warning, sentence, elsewhere)
    }
    if daemon.takesFormat, path.contains("%") {
      add(
        .dataRootMissing, .warning,
        "\(what) has a per cent sign, which Docker before version 28 takes for a format: it makes directories beside data-root, with names that nobody has chosen, and does not start where such a name is too long.",
        elsewhere)
    }
    guard facts.isNetworkHome, let volume = daemon.volume else { return }
    if !volume.hasFileTypes {
      add(.storageFileSystem, .error, "\(what) is on xfs without ftype=1, on which overlay cannot work.", elsewhere)
    } else if volume.type == "overlay", daemon.text?.string("storage-driver") ?? "" == "" {
      add(
        .dockerDriver, .warning,
        "\(what) is on overlay, on which the driver overlay2 cannot work: Docker takes the driver vfs, \(UserDiagnosis.copies).", elsewhere)
    } else if let type = volume.type, UserDiagnosis.unfitForOverlay(volume) {
      add(.storageFileSystem, .error, "\(what) is on \(type), on which the driver overlay2 cannot work.", elsewhere)
    } else if let type = volume.type, volume.isInMemory {
      add(
        .storageVolatile, .warning, "\(what) is on \(type): images and volumes fill the memory, and are gone at the next boot.", elsewhere)
    }
    if volume.noexec { add(.storageNoexec, .warning, "\(what) is on a mount with noexec: programs in volumes do not start.", elsewhere) }
    if let shortage = spaceShortage(volume, of: what) { add(.storageSpace, shortage.severity, shortage.sentence, elsewhere) }
    for trouble in troubles(of: daemon.unitRoot ?? daemon.dataRoot, path, for: .store, key)
    where [.storageAgeing, .imageInHome, .imageOnTwoHosts].contains(trouble.code) {
      add(trouble.code, trouble.severity, trouble.sentence, remedy(for: trouble, of: .docker, elsewhere: elsewhere))
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
    return file?.rendered(for: facts.account, storage: Path(storage)) == content.bytes
  }

  static let dockerCode: [FindingCode: FindingCode] = [
    .graphrootNetwork: .dataRootNetwork, .graphrootForeign: .dataRootForeign, .graphrootMissing: .dataRootMissing,
  ]

  /// One is the other, or lies in it.
  private static func share(_ first: String, _ second: String) -> Bool {
    let (left, right) = (Path(first).components, Path(second).components)
    let length = min(left.count, right.count)
    return left.prefix(length) == right.prefix(length)
  }
}
