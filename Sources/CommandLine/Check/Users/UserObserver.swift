import RootlessStorage

/// Looks into a home, its config files and what they point at, and changes nothing. The process must be for good the user: all of
/// this is the user's, may be a trap, and may hang with its file server.
struct UserExaminer {
  static let storageConf = SkeletonFile.storageConf
  static let daemonJson: Path = ".config/docker/daemon.json"

  let account: Account
  let settings: Settings
  let mounts: MountTable
  let shared: SharedFacts
  let state: StatePlaces

  /// Where Podman keeps the state of what runs.
  struct StatePlaces {
    /// The runtime directory.
    let runtime: Path
    /// Where that is what Podman takes in its place. Each ends in the uid.
    let temporary: Path
    /// They are where Podman looks.
    let isReal: Bool

    init(uid: UInt32) {
      runtime = "/run/user" / decimal(UInt64(uid))
      temporary = "/tmp"
      isReal = true
    }

    private init() {
      runtime = "/etc/none"
      temporary = "/etc/none"
      isReal = false
    }

    /// Nothing is there, and no user can make anything there.
    static let none = StatePlaces()
  }

  /// Adds to `facts` what only the user can see.
  func examine(_ home: borrowing FileDescriptor, _ facts: inout UserFacts) {
    let own = storageConf(ConfigFile.read(at: home, UserExaminer.storageConf), facts.podmanGeneration)
    let daemon = daemonJson(home, ConfigFile.read(at: home, UserExaminer.daemonJson), facts.storage?.path, facts.dockerGeneration)
    examine(home, own, daemon, podmanConfig(home, own), &facts)
  }

  private func examine(
    _ home: borrowing FileDescriptor, _ own: UserFacts.StorageConf, _ daemon: UserFacts.DaemonJson, _ config: PodmanConfig?,
    _ facts: inout UserFacts
  ) {
    facts.storageConf = own
    facts.daemonJson = daemon
    facts.ownStores = ownStores(home, isNetworkHome: facts.isNetworkHome)
    if let environment = facts.environment { facts.sessionDocker = sessionDocker(environment) }
    if let data = facts.environment?.dataHome, data.hasPrefix("/") { facts.dataHome = Place(data, settings, mounts) }
    facts.podmanConfig = config
    if let config {
      if let environment = facts.environment {
        facts.sessionConfig = sessionConfig(config, environment)
        facts.sessionContainersConf = sessionFile(environment.absolute(environment.containersConf))
        facts.sessionOverride = sessionFile(environment.absolute(environment.containersConfOverride))
        facts.sessionRegistries = sessionFile(environment.absolute(environment.registriesConf))
        if let path = environment.absolute(environment.temporaryDirectory) { facts.temporaryDirectory = Place(path, settings, mounts) }
      }
      let cache = facts.environment.flatMap { $0.absolute($0.cacheHome) } ?? String(decoding: account.home) + "/.cache"
      facts.cacheDirectory = cacheDirectory(cache)
      // What the caller's environment names is looked at with the rest.
      var config = config
      config.engine += [facts.sessionContainersConf, facts.sessionOverride].compactMap(\.self)
      config.registries += [facts.sessionRegistries].compactMap(\.self)
      let known = own.graphroot.map { [$0.path: $0] } ?? [:]
      facts.places = places(config, known)
      if let session = facts.sessionConfig { facts.places = places(session, facts.places) }
      facts.imageStoreFaults = imageStoreFaults([config, facts.sessionConfig].compactMap(\.self), facts.places, facts.podmanGeneration)
      facts.storeFaults = storeFaults(facts)
      facts.mountsOverlay = shared.mountsOverlay
      facts.missingPrograms = missingPrograms(config)
      facts.missingZones = missingZones(config)
      if let generation = facts.podmanGeneration, generation < .single { facts.remappedNames = remappedNames(config) }
      facts.readsImageFilesAsBefore = readsImageFilesAsBefore(config, facts.sessionOverride, facts.podmanGeneration)
    }
    let graphroot = facts.storageConf?.graphroot
    facts.strangers = strangers(graphroot?.isNetwork == false ? graphroot?.path : nil)
    if facts.podmanGeneration == .merging,
      let index = facts.strangers.firstIndex(where: { $0.isInStore && $0.path.name.elementsEqual("libpod".utf8) }),
      EngineGenerations.forgetsPauseProcess(HostTree.this) == true
    {
      facts.strangers.remove(at: index)
    }
    if let root = daemon.unitRoot ?? daemon.dataRoot, !root.isNetwork {
      facts.strangers += strangers(inDataRoot: root.path)
      facts.dockerStoreFaults = dockerStoreFaults(in: root, daemon.text, facts.dockerGeneration)
    }
    if facts.dockerGeneration != nil, let names = entries(of: state.runtime) {
      facts.strangers += dockerStrangers(inRuntimeDirectory: names)
      facts.dockerRuntimeFaults = dockerRuntimeFaults(names, daemon)
    }
    facts.cutLocks = cutLocks()
    facts.leftovers = leftovers(home, facts)
    facts.localVolumes = localVolumes(facts)
    if facts.isNetworkHome {
      facts.blocked = []
      var looked: [Path] = []
      var seen = BlockedPlace.Seen()
      for path in [UserExaminer.storageConf, UserExaminer.daemonJson] + facts.skeleton.map(\.path) where !looked.contains(path) {
        looked.append(path)
        if let place = BlockedPlace(onTheWayTo: path, at: home, &seen) { facts.blocked.append(.init(file: path, place: place)) }
      }
      facts.homeIsFull = isFull(home)
    }
    facts.pause = pauseProcess(facts.environment)
    if case .gone = facts.pause { facts.forgetsPauseProcess = EngineGenerations.forgetsPauseProcess(HostTree.this) }
    if let environment = facts.environment {
      if let path = environment.absolute(environment.dockerTemporary) { facts.dockerTemporary = Place(path, settings, mounts) }
      facts.sessionMapProgram = sessionMapProgram(environment.searchPath)
      if let host = environment.containerHost, host.hasPrefix("unix://") {
        do throws(Errno) { facts.hasContainerHost = try fileStatus(path: Path(Array(host.utf8.dropFirst(7)))).kind == .socket } catch {}
      }
    }
    facts.podman = shared.podman
    facts.cleaning = shared.cleaning
    facts.otherPaths = otherPaths(facts)
    facts.isRuntimeDirectoryClosed = isClosed(state.runtime)
    if let directory = facts.environment?.runtimeDirectory {
      let path = Path(directory)
      facts.environment?.runtimeDirectoryIsUsable = isOwnDirectory(path, of: account.uid) && !isClosed(path)
    }
  }

  /// What `examine` does, so that it has been done once: in a home where there is nothing, and with paths that are root's. What the site's
  /// files name is not looked at, which may be on a file server.
  func rehearse(_ home: borrowing FileDescriptor, _ facts: inout UserFacts) {
    let own = storageConf(
      ConfigFile(
        sample:
          "[storage]\ndriver = \"overlay\"\ngraphroot = \"/etc/none/containers/storage\"\n[storage.options]\nadditionalimagestores = [\"/etc\"]\n"
      ), nil)
    let daemon = daemonJson(home, ConfigFile(sample: "{ \"data-root\": \"/etc/none/docker\" }\n"), nil, nil)
    _ = podmanConfig(home, own)
    examine(home, own, daemon, PodmanConfig(user: PodmanConfig.File(own)), &facts)
    // Of the store that is not there.
    _ = storeFaults(of: StoreUse(path: "/etc", driver: "overlay", goesByRecord: true), true)
  }

  /// - Returns: nil where only a mode of the user's own is in the way, which does not stop root of a user namespace.
  private func cacheDirectory(_ path: String) -> Place? {
    let place = Place(path, settings, mounts)
    guard case .unreachable(let nearest) = place.state else { return place }
    do throws(Errno) { return try fileStatus(path: Path(nearest)).owner == account.uid ? nil : place } catch { return place }
  }

  /// It is a directory of the user's who may make nothing in it.
  private func isClosed(_ directory: Path) -> Bool {
    guard isOwnDirectory(directory, of: account.uid) else { return false }
    do throws(Errno) { return !canMakeFiles(in: try open(path: directory, .pathOnlyDirectoryFollowing)) } catch { return true }
  }

  // MARK: Podman

  private func storageConf(_ file: ConfigFile, _ generation: PodmanGeneration?) -> UserFacts.StorageConf {
    var conf = UserFacts.StorageConf(file: file)
    guard case .content(let content) = conf.file else { return conf }
    do throws(TOMLText.Problem) {
      let text: TOMLText
      do throws(TOMLText.Problem) { text = try TOMLText(content.bytes) } catch {
        guard generation == .oldest, let lenient = TOMLText.leniently(content.bytes) else { throw error }
        conf.laterProblem = error
        text = lenient
      }
      conf.text = text
      if case .string(let written)? = text.value(["storage", "graphroot"]) {
        let path = ExpandedPath(written, account).path
        if path.hasPrefix("/") { conf.graphroot = Place(path, settings, mounts) }
      }
      if let graphroot = conf.graphroot, !graphroot.isNetwork {
        conf.hasVfsStore = Place.isDirectory(graphroot.path + "/vfs-images")
        readDatabase(graphroot.path, generation, &conf)
      }
    } catch {
      conf.problem = error
    }
    return conf
  }

  /// What Podman wrote into its database with its first command, and takes from there since.
  private func readDatabase(_ graphroot: String, _ generation: PodmanGeneration?, _ conf: inout UserFacts.StorageConf) {
    func read(_ name: String) -> ConfigFile { ConfigFile.read(path: Path(graphroot + name), limit: UserExaminer.largestDatabase) }
    let hasBoltAlone = generation.map { $0 < .single } ?? false
    let newer = hasBoltAlone ? .absent : read(UserExaminer.podmanDatabase)
    if newer != .absent {
      conf.database = graphroot + UserExaminer.podmanDatabase
      readDatabase(newer, hasJournal: ["-wal", "-journal"].contains { read(UserExaminer.podmanDatabase + $0) != .absent }, &conf)
      return
    }
    switch read(UserExaminer.olderDatabase) {
    case .notRegular:
      conf.database = graphroot + UserExaminer.olderDatabase
      conf.isNoDatabase = true
    case .content(let content):
      conf.database = graphroot + UserExaminer.olderDatabase
      conf.isNoDatabase = !content.bytes.isEmpty && !UserExaminer.isBolt(content.bytes)
      if hasBoltAlone { conf.keptGraphroot = UserExaminer.graphroot(inDatabase: content.bytes) }
      conf.keptRunroot = UserExaminer.runroot(inDatabase: content.bytes).map { Place($0, settings, mounts) }
    case .absent, .dangling, .tooLarge, .failed: break
    }
  }

  private func readDatabase(_ file: ConfigFile, hasJournal: Bool, _ conf: inout UserFacts.StorageConf) {
    switch file {
    case .absent: return
    case .dangling, .notRegular: conf.isNoDatabase = true
    case .tooLarge: conf.databaseProblem = "it is larger than \(shownSize(UInt64(UserExaminer.largestDatabase)))"
    // What is in the way there is judged by itself.
    case .failed(.notDirectory), .failed(.accessDenied): return
    case .failed(let cause): conf.databaseProblem = text(cause)
    case .content where hasJournal: conf.databaseProblem = "a journal with changes lies beside it"
    case .content(let content):
      conf.isNoDatabase = !PodmanDatabase.isDatabase(content.bytes)
      if conf.isNoDatabase { return }
      do throws(SQLiteDatabase.Failure) {
        conf.kept = try PodmanDatabase(content.bytes)
        conf.keptRunroot = conf.kept.flatMap { $0.runroot.hasPrefix("/") ? Place($0.runroot, settings, mounts) : nil }
      } catch {
        switch error {
        case .noLibrary: conf.databaseProblem = "this host has no libsqlite3.so.0 that can read it"
        case .unreadable(let message): conf.databaseProblem = "SQLite says \"\(message)\""
        }
      }
    }
  }

  static let podmanDatabase = "/db.sql"
  /// Podman before 4.8 makes it, and versions before 6 go on with it.
  static let olderDatabase = "/libpod/bolt_state.db"
  /// Larger ones are not read: what they keep is not known then.
  private static let largestDatabase = 64 << 20

  /// What stands after `run-root` in a Bolt database: in its pages each key is followed by its value, and that by the next key,
  /// `static-dir`. nil where it is not so, or where old and new pages differ.
  static func runroot(inDatabase bytes: [UInt8]) -> String? { value(of: "run-root", before: "static-dir", bytes) }

  /// The same of the graphroot, behind which stands the name of the system.
  static func graphroot(inDatabase bytes: [UInt8]) -> String? { value(of: "graph-root", before: "oslinuxrun-root", bytes) }

  /// One of the first two pages begins as Bolt's do.
  static func isBolt(_ bytes: [UInt8]) -> Bool {
    let magic: [UInt8] = [0xed, 0xda, 0x0c, 0xed]
    return [0, 4096].contains { (page: Int) in bytes.dropFirst(page + 16).starts(with: magic) }
  }

  private static func value(of name: String, before following: String, _ bytes: [UInt8]) -> String? {
    let (key, next) = (Array("\(name)/".utf8), Array(following.utf8))
    var found: String? = nil
    var index = 0
    while let start = bytes[index...].firstIndex(of: key[0]) {
      index = start + 1
      guard bytes[start...].starts(with: key) else { continue }
      let value = bytes[(start + key.count - 1)...].prefix(4096)
      guard let end = value.indices.first(where: { value[$0...].starts(with: next) }) else { continue }
      let path = String(decoding: value[..<end], as: UTF8.self)
      if let found, found != path { return nil }
      found = path
    }
    return found
  }

  // MARK: Docker

  /// - Parameter file: what has the usual name in the home.
  private func daemonJson(_ home: borrowing FileDescriptor, _ file: ConfigFile, _ storage: Path?, _ generation: DockerGeneration?)
    -> UserFacts.DaemonJson
  {
    let unit = DockerUnit(home, account, shared: shared.unitDirectories)
    var daemon = UserFacts.DaemonJson(file: .absent)
    daemon.unit = unit
    daemon.hasFuseOverlayfs = shared.hasFuseOverlayfs
    let usual = String(decoding: account.home / UserExaminer.daemonJson)
    if let option = unit.option("config-file"), option.value != usual {
      daemon.isUsual = false
      daemon.name = option.value.map { shown($0) } ?? "what --config-file in \(option.place) names"
      daemon.file = .absent
      if let path = option.value, path.hasPrefix("/") { daemon.file = ConfigFile.read(path: Path(path)) }
    } else {
      daemon.file = file
    }
    func place(_ path: String?) -> Place? { path.flatMap { $0.hasPrefix("/") ? Place($0, settings, mounts) : nil } }
    if case .content(let content) = daemon.file {
      var bytes = content.bytes
      daemon.hasMark = bytes.starts(with: [0xef, 0xbb, 0xbf])
      if daemon.hasMark { bytes.removeFirst(3) }
      daemon.isBlank = bytes.allSatisfy(JSONScan.isSpace)
      if daemon.isBlank { bytes = Array("{}\n".utf8) }
      do throws(JSONText.Problem) {
        let text: JSONText
        do throws(JSONText.Problem) { text = try JSONText(bytes) } catch {
          guard generation == .early, let lenient = JSONText.leniently(bytes) else { throw error }
          daemon.laterProblem = error
          text = lenient
        }
        daemon.text = text
        daemon.dataRoot = place(text.string("data-root"))
        daemon.graph = place(text.string("graph"))
        daemon.execRoot = place(text.string("exec-root"))
        look(for: text, generation, &daemon)
        daemon.missingFiles = ["seccomp-profile", "containerd", "userland-proxy-path"].filter { key in
          guard let path = text.string(key), path.hasPrefix("/") else { return false }
          do throws(Errno) { _ = try open(path: Path(path), .pathOnly) } catch { return error == .noEntry }
          return false
        }
        daemon.hasUnknownGroup = isUnknownGroup(text.string("group"))
        daemon.hasPidDirectory = text.string("pidfile").map { $0.hasPrefix("/") && Place.isDirectory($0) } ?? false
        daemon.pidDirectory = place(text.string("pidfile").map { String(decoding: Path($0).parent) })
      } catch {
        daemon.problem = error
      }
    }
    daemon.unitRoot = place(unit.option("data-root")?.value)
    if let root = daemon.unitRoot ?? daemon.dataRoot, !root.isNetwork {
      let path = Path(root.path)
      if !(storage.map(path.isAtOrBelow) ?? false) {
        daemon.volume = root.volume
      }
    }
    return daemon
  }

  /// What only the program can tell, where the file has anything that needs it.
  private func look(for text: JSONText, _ generation: DockerGeneration?, _ daemon: inout UserFacts.DaemonJson) {
    guard generation != nil else { return }
    let keys = Set(text.keys.map(\.name)).intersection(DaemonJsonKeys.varying).sorted()
    let driver = text.string("storage-driver") ?? ""
    let checks = DaemonJsonKeys.laterChecks.filter { DaemonJsonKeys.isDoubtful($0.key, text) }.sorted { $0.key < $1.key }
    let isFormat = [daemon.unit.option("data-root")?.value, text.string("data-root")].contains { $0?.contains("%") ?? false }
    if keys.isEmpty && checks.isEmpty && !isFormat && !["overlayfs", "native"].contains(driver) { return }
    // It came with version 29, whose store is containerd's unless the file says otherwise.
    let names = (keys + ["firewall-backend", DaemonJsonKeys.afterFormat]).map { "json:\"\($0)" } + checks.map(\.value)
    guard let has = EngineGenerations.find(names, inProgram: "dockerd", HostTree.this) else { return }
    daemon.unknownKeys = Set(zip(keys, has).filter { !$0.1 }.map(\.0))
    daemon.hasImageStore = has[keys.count]
    daemon.takesFormat = isFormat && !has[keys.count + 1]
    daemon.checkedKeys = Set(zip(checks.map(\.key), has.suffix(checks.count)).filter(\.1).map(\.0))
  }

  /// Docker looks the name up (getgrnam(3)). Without a group docker, its default, it goes on.
  private func isUnknownGroup(_ name: String?) -> Bool {
    guard let name, !name.isEmpty, name != "docker", identifier(Array(name.utf8)) == nil else { return false }
    do throws(NameServiceError) { return try NameService.gid(ofGroup: Array(name.utf8)) == nil } catch { return false }
  }

  private func sessionDocker(_ environment: UserFacts.Environment) -> UserFacts.SessionDocker? {
    let usual = String(decoding: account.home) + "/.config"
    guard let directory = environment.absolute(environment.configHome), directory != usual, directory != usual + "/" else { return nil }
    var docker = UserFacts.SessionDocker()
    if case .content(let content) = ConfigFile.read(path: Path("\(directory)/docker/daemon.json")),
      let written = (try? JSONText(content.bytes))?.string("data-root"), written.hasPrefix("/")
    {
      docker.dataRoot = Place(written, settings, mounts)
    }
    return docker
  }

  // MARK: What earlier attempts left

  private func leftovers(_ home: borrowing FileDescriptor, _ facts: UserFacts) -> [UserFacts.Leftover] {
    guard facts.isNetworkHome else { return [] }
    var found: [UserFacts.Leftover] = []
    for (engine, path) in [(.podman, ".local/share/containers/storage"), (.docker, ".local/share/docker")] as [(UserFacts.Engine, Path)] {
      do throws(Errno) {
        let status = try fileStatus(at: home, path: path)
        // A link or a mount there is the user's way of having moved the store.
        guard status.kind == .directory, status.isInMount(of: try fileStatus(of: home)) else { continue }
        var count = TreeCount(limit: 100_000)
        try count.add(open(at: home, path: path, .directory))
        if count.files > 0 {
          var leftover = UserFacts.Leftover(engine: engine, path: path, size: count.size, isAtLeast: !count.isWhole)
          leftover.hasOthers = count.hasOthers
          leftover.volumes = volumes(home, path / "volumes")
          found.append(leftover)
        }
      } catch {}
    }
    return found
  }

  /// In the stores that are in effect, where these are on a local disk though the home is not.
  private func localVolumes(_ facts: UserFacts) -> [UserFacts.LocalVolumes] {
    guard facts.isNetworkHome else { return [] }
    let stores: [(UserFacts.Engine, Place?)] = [
      (.podman, facts.storageConf?.graphroot), (.docker, facts.daemonJson?.unitRoot ?? facts.daemonJson?.dataRoot),
    ]
    return stores.compactMap { engine, store in
      guard let store, !store.isNetwork, let root = try? open(path: "/", .pathOnlyDirectory) else { return nil }
      let path = Path(store.path) / "volumes"
      let names = volumes(root, path)
      return names.isEmpty ? nil : UserFacts.LocalVolumes(engine: engine, path: path, names: names)
    }
  }

  /// Named volumes with something in them, at most 64: unlike images they are data of the user's, which is nowhere else.
  private func volumes(_ home: borrowing FileDescriptor, _ path: Path) -> [[UInt8]] {
    var found: [[UInt8]] = []
    do throws(Errno) {
      let directory = try open(at: home, path: path, .directory)
      for name in try names(in: directory, limit: 1024).sorted(by: isOrderedBefore) where found.count < 64 {
        do throws(Errno) {
          if try names(in: open(at: directory, path: Path(name) / "_data", .directory), limit: 1).isEmpty { continue }
          found.append(name)
        } catch {
          // What a container has closed to its user is no less theirs.
          if error == .accessDenied { found.append(name) }
        }
      }
    } catch {}
    return found
  }

  // MARK: Processes and the session

  /// Podman's pause process keeps the user namespace, with the ranges that held when it was started.
  private func pauseProcess(_ environment: UserFacts.Environment?) -> UserFacts.PauseProcess {
    let temporary = String(decoding: state.temporary)
    let usual = environment.flatMap { $0.absolute($0.runtimeDirectory) } ?? String(decoding: state.runtime)
    for directory in [usual, "\(temporary)/podman-run-\(account.uid)", "\(temporary)/storage-run-\(account.uid)"] {
      let path = "\(directory)/libpod/tmp/pause.pid"
      // Podman reads the others where there is no runtime directory.
      let counts = directory == usual || environment.map { $0.runtimeDirectory == nil } ?? false
      switch ConfigFile.read(path: Path(path)) {
      case .absent, .dangling, .failed, .tooLarge: continue
      case .notRegular(let kind): if counts { return .gone(path: path, .noFile(kind)) }
      case .content(let content):
        // As strtol(3) reads it for Podman.
        guard let pid = identifier(content.bytes.drop { JSONScan.isSpace($0) }.prefix { isDigit($0) }) else {
          if counts { return .gone(path: path, .noNumber) }
          continue
        }
        let state = pauseProcess(pid, path)
        if case .gone = state, !counts { continue }
        return state
      }
    }
    return .none
  }

  /// Whatever pause.pid says, that process's uid map is all that is read.
  private func pauseProcess(_ pid: UInt32, _ path: String) -> UserFacts.PauseProcess {
    let map: ConfigFile.Content
    switch ConfigFile.read(path: Path("/proc/\(pid)/uid_map")) {
    case .content(let content): map = content
    case .absent: return .gone(path: path, .noProcess(pid))
    default: return .none
    }
    let lines = UserExaminer.idMap(map.bytes)
    if !isOwnNamespace(lines) { return .gone(path: path, .otherProcess(pid)) }
    let ranges = UserExaminer.ranges(of: account)
    if ranges.isEmpty { return .none }
    let mapped = lines.filter { $0[1] != account.uid }.map { Array($0[1...]) }
    return Set(mapped) == Set(ranges.map { [$0.lowerBound, UInt32(clamping: $0.size)] }) ? .current : .outdated(pid: pid)
  }

  /// Lines `INSIDE OUTSIDE COUNT` (user_namespaces(7)).
  static func idMap(_ bytes: [UInt8]) -> [[UInt32]] {
    parts(bytes, separator: { $0 == .newline }).map { words($0).compactMap { identifier($0) } }.filter { $0.count == 3 }
  }

  /// In one of Podman's or RootlessKit's the first line is the user.
  func isOwnNamespace(_ map: [[UInt32]]) -> Bool { map.first == [0, account.uid, 1] }

  /// What the caller's PATH leads to in place of the host's, which has findings of its own.
  private func sessionMapProgram(_ searchPath: String?) -> UserFacts.SessionMapProgram? {
    guard let searchPath else { return nil }
    for name in ["newuidmap", "newgidmap"] {
      guard let usual = UserNamespaces.find(name, HostTree.this) else { continue }
      let found = searchPath.split(separator: ":").map { "\($0)/\(name)" }.first { UserNamespaces.isExecutable($0) }
      guard let found else { return UserFacts.SessionMapProgram(name: name, path: nil) }
      if found.utf8.elementsEqual(usual.bytes) || UserNamespaces.isWorking(name, at: found) { continue }
      return UserFacts.SessionMapProgram(name: name, path: found)
    }
    return nil
  }

  /// The user's ranges in /etc/subuid. Whether Podman itself reads the file or libsubid for it, it is right.
  private static func ranges(of account: Account) -> [IDRange] {
    guard case .content(let file) = ConfigFile.read(path: "/etc/subuid") else { return [] }
    return SubordinateIDTable(.users, file.bytes).ranges(of: account).filter(\.isCertain).map(\.ids)
  }

  /// The same; none where the file does not count, or cannot be read.
  static func subordinateUsers(of account: Account) -> [IDRange] {
    if case .content(let file) = ConfigFile.read(path: "/etc/nsswitch.conf"), subordinateIDSource(file.bytes) != nil { return [] }
    return ranges(of: account)
  }
}
