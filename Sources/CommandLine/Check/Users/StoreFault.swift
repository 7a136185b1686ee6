import RootlessStorage

/// Something in a store of Podman's that keeps Podman from using it.
struct StoreFault: Equatable, Sendable {
  enum Cause: Equatable, Sendable {
    /// In the place of a directory that Podman makes.
    case file, dangling
    /// The driver works on it, and it is a link there.
    case network(type: String)
    /// In the place of a file that Podman makes.
    case directory
    /// A list that Podman cannot read.
    case invalid(TextError)
  }

  let path: String
  let cause: Cause
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
    // Of most configurations every generation makes the same.
    var looked: Set<[String]> = []
    for reading in UserDiagnosis.readings(facts) {
      guard let path = UserDiagnosis.storePath(of: reading, facts), found[path] == nil else { continue }
      let driver = reading.driver?.name == "vfs" ? "vfs" : "overlay"
      guard looked.insert([path, driver]).inserted, let place = facts.places[path] ?? ownPlace(path, facts), place.exists, !place.isNetwork
      else { continue }
      let faults = storeFaults(in: path, driver: driver)
      if !faults.isEmpty { found[path] = faults }
    }
    return found
  }

  /// Of the store that no file names.
  private func ownPlace(_ path: String, _ facts: UserFacts) -> Place? { facts.isNetworkHome ? nil : Place(path, settings, mounts) }

  func storeFaults(in store: String, driver: String) -> [StoreFault] {
    var found: [StoreFault] = []
    let names = entries(of: Path(store))
    // Podman makes them with its first command.
    for name in [driver, "\(driver)-images", "\(driver)-layers", "\(driver)-containers", "libpod", "tmp"] where mayHave(name, names) {
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
    for path in locks.map({ "\(store)/\($0)" }) where Place.isDirectory(path) { found.append(StoreFault(path: path, cause: .directory)) }
    if lists.isEmpty { return found }
    do throws(Errno) {
      let place = try open(path: Path(store), .pathOnlyDirectoryFollowing)
      for (directory, _, lists) in lists {
        for name in lists { if let fault = StoreFault(list: "\(driver)-\(directory)/\(name)", in: store, place) { found.append(fault) } }
      }
    } catch {}
    return found
  }
}

extension StoreFault {
  /// - Returns: nil if it is a list, or not there, or cannot be looked at.
  fileprivate init?(list name: String, in store: String, _ place: borrowing FileDescriptor) {
    let path = "\(store)/\(name)"
    switch ConfigFile.read(at: place, Path(name)) {
    // What is larger is not read for this. Whose it is, is asked elsewhere.
    case .absent, .dangling, .tooLarge, .failed, .notRegular(.regular): return nil
    case .notRegular(let kind):
      guard kind == .directory else { return nil }
      self.init(path: path, cause: .directory)
    case .content(let content):
      guard let problem = StoreFault.problem(ofList: content.bytes) else { return nil }
      self.init(path: path, cause: .invalid(problem))
    }
  }

  /// What is wrong with it for encoding/json of Go's; nil: nothing. An empty file is an empty list.
  static func problem(ofList bytes: [UInt8]) -> TextError? {
    if bytes.isEmpty { return nil }
    // The scanner takes an object.
    do throws(TextError) {
      _ = try JSONScan(Array("{\"list\":".utf8) + bytes + [UInt8(ascii: "}")])
    } catch { return error }
    let first = bytes.first { !isBlank($0) && $0 != .newline && $0 != .carriageReturn }
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
    case .directory:
      return (.podmanDatabase, .error, "\(path) is a directory, and has to be a file of Podman's: Podman does not start.", run(away))
    case .invalid(let problem):
      let isStopping = generation >= .single
      let effect =
        isStopping
        ? "Podman does not start (its error has: loading \"\(path)\")"
        : "Podman before 4.4 forgets what was in it and writes a new one, and later ones do not start"
      let loss =
        if path.hasSuffix("containers.json") {
          "containers are forgotten: podman rm --force removes what is left of each"
        } else {
          "images are forgotten, and have to be pulled again; volumes stay"
        }
      return (
        .podmanDatabase, isStopping ? .error : .warning,
        "\(path), a list of Podman's, is invalid JSON (line \(problem.line): \(problem.reason)), as after a crash or on a full disk: \(effect).",
        run(away, note: loss)
      )
    }
  }
}
