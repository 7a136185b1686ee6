import RootlessStorage

/// Something in a store of Podman's that keeps Podman from using it.
struct StoreFault: Equatable, Sendable {
  enum Cause: Equatable, Sendable {
    /// In the place of a directory that Podman makes.
    case file, dangling
    /// The driver works on it, and it is a link there.
    case network(type: String)
    /// In the place of a file that Podman makes.
    case noFile(FileKind)
    /// A list that Podman cannot read.
    case invalid(TextError)
    /// The same of one that is too large to be read here: its end is missing.
    case cut
    /// The name of a network backend that Podman does not know.
    case backend([UInt8])
    /// It is netavark, which is not there.
    case backendMissing
    /// The store was made with fuse-overlayfs, which is not there.
    case mountProgram
  }

  let path: String
  let cause: Cause
}

/// How a Podman uses a store, as far as it depends on its configuration and generation.
struct StoreUse: Hashable {
  let path: String
  let driver: String
  /// It takes fuse-overlayfs, which is not there, where the store says that it was made with such a program.
  let goesByRecord: Bool
}

extension UserExaminer {
  /// Locks of a store, and of what has a directory for each driver.
  private static let storeLocks = ["storage.lock", "userns.lock"]
  private static let storeLists: [(directory: String, lock: String, lists: [String])] = [
    ("images", "images.lock", ["images.json"]),
    ("layers", "layers.lock", ["layers.json", "volatile-layers.json"]),
    ("containers", "containers.lock", ["containers.json", "volatile-containers.json"]),
  ]

  /// The first of the faults of each store that a reading of the configuration has.
  func storeFaults(_ facts: UserFacts) -> [String: [StoreFault]] {
    var found: [String: [StoreFault]] = [:]
    let mayHaveHelpersElsewhere =
      facts.podmanConfig?.engine.contains { $0.text?.value(["engine", "helper_binaries_dir"]) != nil } ?? true
    // Of most configurations every generation makes the same.
    var looked: Set<StoreUse> = []
    for reading in UserDiagnosis.readings(facts) {
      guard let path = UserDiagnosis.storePath(of: reading, facts), found[path] == nil else { continue }
      let driver = reading.driver?.name == "vfs" ? "vfs" : "overlay"
      let use = StoreUse(
        path: path, driver: driver,
        goesByRecord: driver == "overlay" && reading.generation == .merging && !shared.hasFuseOverlayfs && !reading.namesMountProgram)
      guard looked.insert(use).inserted, let place = facts.places[path] ?? ownPlace(path, facts), place.exists, !place.isNetwork
      else { continue }
      let faults = storeFaults(of: use, mayHaveHelpersElsewhere)
      if !faults.isEmpty { found[path] = faults }
    }
    return found
  }

  /// Of the store that no file names.
  private func ownPlace(_ path: String, _ facts: UserFacts) -> Place? { facts.isNetworkHome ? nil : Place(path, settings, mounts) }

  func storeFaults(of use: StoreUse, _ mayHaveHelpersElsewhere: Bool) -> [StoreFault] {
    do throws(Errno) {
      return storeFaults(of: use, mayHaveHelpersElsewhere, try open(path: Path(use.path), .pathOnlyDirectoryFollowing))
    } catch { return [] }
  }

  private func storeFaults(of use: StoreUse, _ mayHaveHelpersElsewhere: Bool, _ place: borrowing FileDescriptor) -> [StoreFault] {
    var found: [StoreFault] = []
    let (store, driver) = (use.path, use.driver)
    let names = entries(of: Path(store))
    // Podman makes them with its first command.
    for name in [driver, "\(driver)-images", "\(driver)-layers", "\(driver)-containers", "libpod", "tmp", "networks", "volumes"]
    where mayHave(name, names) {
      let path = "\(store)/\(name)"
      do throws(Errno) {
        switch try fileStatus(path: Path(path)).kind {
        case .regular: found.append(StoreFault(path: path, cause: .file))
        case .symbolicLink:
          let place = Place(path, settings, mounts)
          if !place.exists { found.append(StoreFault(path: path, cause: .dangling)) }
          if name == driver, place.isNetwork { found.append(StoreFault(path: path, cause: .network(type: place.type ?? "unknown"))) }
        default: break
        }
      } catch {}
    }
    let lists = UserExaminer.storeLists.filter { mayHave("\(driver)-\($0.directory)", names) }
    let locks = UserExaminer.storeLocks.filter { mayHave($0, names) } + lists.map { "\(driver)-\($0.directory)/\($0.lock)" }
    for path in locks.map({ "\(store)/\($0)" }) {
      do throws(Errno) {
        let kind = try fileStatus(of: open(path: Path(path), .pathOnlyFollowing)).kind
        if kind != .regular { found.append(StoreFault(path: path, cause: .noFile(kind))) }
      } catch {}
    }
    for (directory, _, lists) in lists {
      for name in lists { if let fault = StoreFault(list: "\(driver)-\(directory)/\(name)", in: store, place) { found.append(fault) } }
    }
    if mayHave("defaultNetworkBackend", names), let fault = StoreFault(backendIn: store, place, mayBeElsewhere: mayHaveHelpersElsewhere) {
      found.append(fault)
    }
    if use.goesByRecord, mayHave(driver, names), let fault = StoreFault(programIn: store, place) { found.append(fault) }
    return found
  }
}

extension StoreFault {
  /// - Returns: nil if it is a list, or not there, or cannot be looked at.
  fileprivate init?(list name: String, in store: String, _ place: borrowing FileDescriptor) {
    let path = "\(store)/\(name)"
    switch ConfigFile.read(at: place, Path(name)) {
    // Whose it is, is asked elsewhere.
    case .absent, .dangling, .failed: return nil
    case .notRegular(let kind): self.init(path: path, cause: .noFile(kind))
    case .tooLarge:
      // What was not written to its end has another one, or NULs there.
      let end = ConfigFile.end(of: path, 4096)?.last { !JSONScan.isSpace($0) }
      guard let end, end != UInt8(ascii: "]") else { return nil }
      self.init(path: path, cause: .cut)
    case .content(let content):
      guard let problem = StoreFault.problem(ofList: content.bytes) else { return nil }
      self.init(path: path, cause: .invalid(problem))
    }
  }

  /// With its first command Podman writes there which one it has, and nothing else.
  ///
  /// - Parameter mayBeElsewhere: a file says where Podman looks for netavark.
  fileprivate init?(backendIn store: String, _ place: borrowing FileDescriptor, mayBeElsewhere: Bool) {
    let path = "\(store)/defaultNetworkBackend"
    switch ConfigFile.read(at: place, "defaultNetworkBackend") {
    case .absent, .dangling, .failed, .tooLarge: return nil
    case .notRegular(let kind): self.init(path: path, cause: .noFile(kind))
    case .content(let content):
      if content.bytes.elementsEqual("cni".utf8) { return nil }
      if content.bytes.elementsEqual("netavark".utf8) {
        if mayBeElsewhere || StoreFault.hasNetavark() { return nil }
        self.init(path: path, cause: .backendMissing)
      } else {
        self.init(path: path, cause: .backend(content.bytes))
      }
    }
    if EngineGenerations.readsNetworkBackend(HostTree.this) != true { return nil }
  }

  /// In one of the directories where Podman looks.
  private static func hasNetavark() -> Bool {
    ["/usr/lib/podman", "/usr/libexec/podman", "/usr/local/libexec/podman", "/usr/local/lib/podman"].contains { directory in
      do throws(Errno) { return try fileStatus(path: Path("\(directory)/netavark")).kind != .directory } catch { return false }
    }
  }

  /// containers/storage writes there whether the store was made with a program that mounts, and from 1.63 on goes by it.
  fileprivate init?(programIn store: String, _ place: borrowing FileDescriptor) {
    guard case .content(let content) = ConfigFile.read(at: place, "overlay/.has-mount-program"),
      content.bytes.filter({ !isBlank($0) && $0 != .newline }).elementsEqual("true".utf8)
    else { return nil }
    self.init(path: "\(store)/overlay/.has-mount-program", cause: .mountProgram)
  }

  /// What is wrong with it for encoding/json of Go's; nil: nothing. An empty file is an empty list.
  static func problem(ofList bytes: [UInt8]) -> TextError? {
    if bytes.isEmpty { return nil }
    // The scanner takes an object.
    do throws(TextError) {
      _ = try JSONScan(Array("{\"list\":".utf8) + bytes + [UInt8(ascii: "}")])
    } catch { return error }
    let first = bytes.first { !JSONScan.isSpace($0) }
    return first == UInt8(ascii: "[") || first == UInt8(ascii: "n") ? nil : TextError(line: 1, reason: "no list")
  }
}

extension UserDiagnosis {
  /// Where Podman's store is for a reading, as a path; nil where it cannot be told.
  static func storePath(of reading: PodmanReading, _ facts: UserFacts) -> String? {
    if let store = reading.store {
      let path = ExpandedPath(store.path, facts.account).path
      return path.hasPrefix("/") ? path : nil
    }
    return String(decoding: facts.account.home) + "/.local/share/containers/storage"
  }

  /// What a fault of the store does to a Podman.
  func finding(of fault: StoreFault, _ generation: PodmanGeneration) -> (FindingCode, Finding.Severity, String, Remedy) {
    let path = shown(fault.path)
    let word = shellWord(Array(fault.path.utf8))
    let away = asUser("mv -nT \(word) \(word).old")
    switch fault.cause {
    case .file where generation < .single && ["/networks", "/volumes"].contains(where: { fault.path.hasSuffix($0) }):
      return (
        .graphrootMissing, .warning, "\(path) is a file, and has to be a directory of Podman's: containers that need it do not start.",
        run(away)
      )
    case .file:
      return (.graphrootMissing, .error, "\(path) is a file, and has to be a directory of Podman's: Podman does not start.", run(away))
    case .dangling:
      return (
        .graphrootMissing, .error,
        "\(path) is a symbolic link that leads nowhere, and has to be a directory of Podman's: Podman does not start.",
        run(away)
      )
    case .network(let type):
      return (
        .graphrootNetwork, .error,
        "\(path) is a symbolic link into a network file system (\(shown(type))), on which overlay does not work.",
        run(away, note: "what the link leads to stays where it is")
      )
    case .noFile(let kind):
      return (.podmanDatabase, .error, "\(path) is \(noun(kind)), and has to be a file of Podman's: Podman does not start.", run(away))
    case .backend(let word):
      let what = word.isEmpty ? "is empty, as after a crash or on a full disk" : "has \"\(shown(word))\""
      return (
        .podmanDatabase, .error,
        "\(path) \(what), and has to have netavark or cni, with nothing behind it: Podman does not start.",
        run(away, note: "Podman makes it anew")
      )
    case .backendMissing:
      return (
        .podmanDatabase, .error,
        "\(path) says that networks of the store are netavark's, which is not installed: Podman does not start.",
        run(away, note: "Podman then takes what is installed, and networks have to be made again; or install netavark")
      )
    case .mountProgram:
      return (
        .overlayRecord, .error,
        "\(path) says that the store was made with fuse-overlayfs, which is not installed: \(PodmanGeneration.names([.merging])) does not start.",
        .root(
          "sudo ls -l /usr/bin/fuse-overlayfs",
          note: "install fuse-overlayfs; without it, podman system reset takes the store away, with all images and containers")
      )
    case .cut:
      return listFinding(of: fault, generation, "is cut: its end is missing", run(away, note: loss(of: fault)))
    case .invalid(let problem):
      return listFinding(
        of: fault, generation, "is invalid JSON (line \(problem.line): \(problem.reason))", run(away, note: loss(of: fault)))
    }
  }

  private func loss(of fault: StoreFault) -> String {
    fault.path.hasSuffix("containers.json")
      ? "containers are forgotten: podman rm --force removes what is left of each"
      : "images are forgotten, and have to be pulled again; volumes stay"
  }

  private func listFinding(of fault: StoreFault, _ generation: PodmanGeneration, _ what: String, _ remedy: Remedy) -> (
    FindingCode, Finding.Severity, String, Remedy
  ) {
    let path = shown(fault.path)
    let isStopping = generation >= .single
    let effect =
      isStopping
      ? "Podman does not start (its error has: loading \"\(path)\")"
      : "Podman before 4.4 forgets what was in it and writes a new one, and later ones do not start"
    return (
      .podmanDatabase, isStopping ? .error : .warning,
      "\(path), a list of Podman's, \(what), as after a crash or on a full disk: \(effect).", remedy
    )
  }
}
