import RootlessStorage

/// Something in Docker's store or in the user's runtime directory that keeps dockerd from starting, as a crash or a full disk leaves it.
/// Tried with 20.10, 26.1 and 28.5.
struct DockerStoreFault: Equatable, Sendable {
  enum Cause: Equatable, Sendable {
    /// In the place of a directory that dockerd makes.
    case file
    /// In the place of a file that it makes.
    case noFile(FileKind)
    /// A directory in the place of the socket that it listens at.
    case noSocket
    /// A symbolic link in the place of a file that it makes, into a directory that does not exist.
    case strayLink
    /// The file of dockerd's process names this one, which is none of Docker's.
    case process(UInt32)
    /// A Bolt database, of which neither of the first two pages is one.
    case database
    /// The list of images' names.
    case names(String)
    /// There are layers of a driver that dockerd then takes, and cannot have here.
    case driver(String)
    /// There are layers of both, of which it takes neither.
    case drivers(String, String)
  }

  let path: String
  let cause: Cause
}

extension UserExaminer {
  private static let dockerDirectories = ["containers", "network", "plugins", "volumes", "image", "buildkit", "containerd"]
  private static let dockerDatabases = [
    "network/files/local-kv.db", "volumes/metadata.db", "buildkit/cache.db", "buildkit/metadata_v2.db", "buildkit/containerdmeta.db",
    "buildkit/snapshots.db", "containerd/daemon/io.containerd.metadata.v1.bolt/meta.db",
  ]

  /// - Parameter place: of data-root. In one that does not exist there is nothing.
  func dockerStoreFaults(in place: Place, _ text: JSONText?, _ generation: DockerGeneration?) -> [DockerStoreFault] {
    guard let generation, case .directory(account.uid) = place.state else { return [] }
    let store = place.real
    let entries = entries(of: store)
    if entries.isEmpty { return [] }
    let driver = text?.string("storage-driver").flatMap { $0.isEmpty ? nil : $0 }
    var found: [DockerStoreFault] = []
    func look(_ name: String) -> FileKind? {
      do throws(Errno) { return try fileStatus(of: open(path: Path("\(store)/\(name)"), .pathOnlyFollowing)).kind } catch {
        return nil
      }
    }
    func add(_ name: String, _ cause: DockerStoreFault.Cause) {
      found.append(DockerStoreFault(path: "\(store)/\(name)", cause: cause))
    }
    // Later ones make their runtimes anew, and 20.10 has no file for its name.
    let directories = UserExaminer.dockerDirectories + [driver ?? "overlay2"] + (generation == .early ? ["runtimes"] : [])
    for name in directories where (entries[name] ?? .directory) != .directory && look(name) == .regular { add(name, .file) }
    if generation != .early, let entry = entries["engine-id"], entry != .other, let kind = look("engine-id"), kind != .regular {
      add("engine-id", .noFile(kind))
    }
    for name in UserExaminer.dockerDatabases + (generation == .early ? [] : ["buildkit/history.db"])
    where entries[String(name.prefix { $0 != "/" })] != nil {
      if let bytes = ConfigFile.beginning(of: "\(store)/\(name)", 8192) {
        if !bytes.isEmpty, !UserExaminer.isBolt(bytes), !passesOver(name) { add(name, .database) }
      } else if let kind = look(name), kind != .regular {
        add(name, .noFile(kind))
      }
    }
    let names = "image/\(driver ?? "overlay2")/repositories.json"
    if entries["image"] != nil, let reason = problem(ofNames: "\(store)/\(names)") { add(names, .names(reason)) }
    if driver == nil, entries["fuse-overlayfs"] != nil, !isEmpty("\(store)/fuse-overlayfs"), !usesContainerdStore(text) {
      if !isEmpty("\(store)/overlay2") {
        add("fuse-overlayfs", .drivers("fuse-overlayfs", "overlay2"))
      } else if !shared.hasFuseOverlayfs {
        add("fuse-overlayfs", .driver("fuse-overlayfs"))
      }
    }
    return found
  }

  /// As dockerd-rootless.sh and dockerd use the runtime directory where neither daemon.json nor the unit names other places.
  ///
  /// - Parameter names: what is in the runtime directory.
  func dockerRuntimeFaults(_ names: [[UInt8]], _ daemon: UserFacts.DaemonJson) -> [DockerStoreFault] {
    var found: [DockerStoreFault] = []
    func isSet(_ key: String) -> Bool { daemon.unit.option(key) != nil || daemon.text?.has(key) ?? false }
    func look(_ name: String, _ cause: (Path) throws(Errno) -> DockerStoreFault.Cause?) {
      if !mayHave(name, names) { return }
      let path = state.runtime / Array(name.utf8)
      do throws(Errno) {
        if let cause = try cause(path) { found.append(DockerStoreFault(path: String(decoding: path), cause: cause)) }
      } catch {}
    }
    func file(_ path: Path) throws(Errno) -> DockerStoreFault.Cause? {
      try fileStatus(of: open(path: path, .pathOnlyFollowing)).kind == .regular ? .file : nil
    }
    look("dockerd-rootless", file)
    if !isSet("exec-root") { look("docker", file) }
    if !isSet("hosts") { look("docker.sock") { path throws(Errno) in try fileStatus(path: path).kind == .directory ? .noSocket : nil } }
    if !isSet("pidfile") { look("docker.pid", cause(ofProcessFile:)) }
    return found
  }

  /// dockerd does not start beside a process that its file names, whatever that process is.
  private func cause(ofProcessFile path: Path) throws(Errno) -> DockerStoreFault.Cause? {
    switch ConfigFile.read(path: path) {
    case .notRegular(.directory): return .noFile(.directory)
    case .dangling:
      let target = try target(ofLink: open(path: path, .pathOnly))
      let parent = (target.isAbsolute ? target : path.parent / target).parent
      return Place.isDirectory(String(decoding: parent)) ? nil : .strayLink
    case .content(let content):
      guard let pid = UserExaminer.process(content.bytes), case .content(let name) = ConfigFile.read(path: Path("/proc/\(pid)/comm")) else {
        return nil
      }
      return name.bytes.elementsEqual("dockerd\n".utf8) || isRootlessKitRunning ? nil : .process(pid)
    case .absent, .notRegular, .tooLarge, .failed: return nil
    }
  }

  /// As dockerd reads it: a number, and blanks around it.
  private static func process(_ bytes: [UInt8]) -> UInt32? {
    let words = parts(bytes, separator: JSONScan.isSpace).filter { !$0.isEmpty }
    return words.count == 1 ? identifier(words[0]) : nil
  }

  /// With --pidns the number is one of RootlessKit's namespace of processes, and any other process may have it here.
  private var isRootlessKitRunning: Bool {
    guard case .content(let file) = ConfigFile.read(path: state.runtime / "dockerd-rootless/child_pid"),
      let pid = UserExaminer.process(file.bytes), case .content(let map) = ConfigFile.read(path: Path("/proc/\(pid)/uid_map"))
    else { return false }
    return isOwnNamespace(UserExaminer.idMap(map.bytes))
  }

  /// What the directory itself tells of what is in it: most often all of it are directories, and need no look.
  private func entries(of store: String) -> [String: DirectoryEntry.Kind] {
    var found: [String: DirectoryEntry.Kind] = [:]
    do throws(Errno) {
      let reader = DirectoryReader(try open(path: Path(store), .directory))
      while found.count < 256, let entry = try reader.next() { found[String(decoding: entry.name, as: UTF8.self)] = entry.kind }
    } catch {}
    return found
  }

  /// Docker 28.5.2 starts with a cache.db, or a meta.db of a containerd that it does not store in, that is none; 20.10 and 26.1 do not.
  private func passesOver(_ name: String) -> Bool {
    guard name == "buildkit/cache.db" || name.hasSuffix("/meta.db") else { return false }
    // The name of a function.
    return EngineGenerations.find(["boltutil.Open"], inProgram: "dockerd", HostTree.this) == [true]
  }

  private func usesContainerdStore(_ text: JSONText?) -> Bool {
    text?.object("features")?.boolean("containerd-snapshotter") ?? false
  }

  /// Or not there.
  private func isEmpty(_ directory: String) -> Bool {
    do throws(Errno) { return try names(in: open(path: Path(directory), .directory), limit: 1).isEmpty } catch { return true }
  }

  /// - Returns: nil where it is good, or not there.
  private func problem(ofNames path: String) -> String? {
    switch ConfigFile.read(path: Path(path)) {
    case .absent, .dangling, .failed, .notRegular: return nil
    case .tooLarge:
      let end = ConfigFile.end(of: path, 4096)?.last { !JSONScan.isSpace($0) }
      return end == UInt8(ascii: "}") || end == nil ? nil : "its end is missing"
    case .content(let content):
      if content.bytes.isEmpty { return "it is empty" }
      do throws(TextError) { _ = try JSONScan(content.bytes) } catch { return "line \(error.line): \(error.reason)" }
      return nil
    }
  }
}

extension UserDiagnosis {
  func judgeDockerStore() {
    // One is told of: where a disk was full, there are several.
    if let fault = facts.dockerStoreFaults.first { judge(fault, others: facts.dockerStoreFaults.count - 1) }
    for fault in facts.dockerRuntimeFaults { judge(fault, others: 0) }
  }

  private func judge(_ fault: DockerStoreFault, others count: Int) {
    let path = shown(fault.path)
    let word = shellWord(Array(fault.path.utf8))
    let others = count == 0 ? "" : " So are \(counted(count, "other", "others")) there."
    let away = asUser("mv -nT \(word) \(word).old")
    func stopped(_ what: String, _ loss: String) {
      add(.dockerStore, .error, "\(path) \(what): Docker does not start.\(others)", run(away, note: loss))
    }
    switch fault.cause {
    case .file: stopped("is a file, and has to be a directory of Docker's", "Docker makes it anew")
    case .noFile(let kind): stopped("is \(noun(kind)), and has to be a file of Docker's", "Docker makes it anew")
    case .noSocket: stopped("is a directory, and has to be a socket of Docker's", "Docker makes it anew")
    case .strayLink: stopped("is a symbolic link into a directory that does not exist", "Docker makes a file in its place")
    case .process(let pid):
      stopped("names the process \(pid), which is another one by now, and which Docker takes for its own", "Docker makes it anew")
    case .database:
      stopped("is no database any more, as after a crash or on a full disk", loss(ofDatabase: fault.path))
    case .names(let reason):
      stopped(
        "is invalid JSON (\(reason)), as after a crash or on a full disk",
        "names of images are forgotten, and the images with them: pull them again; containers and volumes stay")
    case .driver(let name):
      add(
        .dockerDriver, .error,
        "\(path) has images of the driver \(name), which Docker goes on with, and which is not installed: Docker does not start.",
        Remedy(
          "install \(name), or set storage-driver in \(facts.daemonJson?.name ?? "~/.config/docker/daemon.json")", by: .user(name),
          note: "with another driver Docker does not see these images, nor their containers"))
    case .drivers(let one, let other):
      add(
        .dockerDriver, .error,
        "\(path) has images of the driver \(one), and beside it there are such of \(other): Docker does not start as long as storage-driver does not say which.",
        Remedy(
          "set storage-driver in \(facts.daemonJson?.name ?? "~/.config/docker/daemon.json") to \"\(one)\" or to \"\(other)\"",
          by: .user(name)))
    }
  }

  private func loss(ofDatabase path: String) -> String {
    if path.hasSuffix("local-kv.db") { return "networks of the user's own have to be made again" }
    if path.hasSuffix("volumes/metadata.db") { return "volumes stay; their labels and options are forgotten" }
    return path.contains("/buildkit/") ? "the cache of builds is forgotten" : "Docker makes it anew"
  }
}
