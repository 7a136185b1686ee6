import RootlessStorage

// The files of Podman's configuration, and what their paths lead to. The process must be for good the user.

extension UserExaminer {
  /// So many files of one directory are read: nobody has as many.
  private static let mostFiles = 256

  ///
  /// - Parameter own: the user's storage.conf.
  func podmanConfig(_ home: borrowing FileDescriptor, _ own: UserFacts.StorageConf) -> PodmanConfig? {
    do throws(Errno) {
      let root = try open(path: "/", .pathOnlyDirectory)
      var config = PodmanConfig(user: PodmanConfig.File(own))
      for (base, place) in [("/etc", PodmanConfig.Place.site), ("/usr/share", .vendor)] {
        config.others.append(file("\(base)/containers/storage.conf", place, root))
      }
      let shared = PodmanConfig.dropInDirectories(account.uid).map { files(in: $0.path, $0.place, root) }
      config.dropIns = merged(shared + [files(in: ".config/containers/storage.conf.d", .user, home)])
      config.engine = engineFiles(home, root)
      config.registries = registries(home, root)
      config.policy = policy(home, root)
      return config
    } catch { return nil }
  }

  /// The files that count in the caller's session, if its environment names other ones.
  func sessionConfig(_ usual: PodmanConfig, _ environment: UserFacts.Environment) -> PodmanConfig? {
    let named = environment.absolute
    guard named(environment.configHome) != nil || named(environment.storageConf) != nil || named(environment.storageConfOverride) != nil
    else { return nil }
    do throws(Errno) {
      let root = try open(path: "/", .pathOnlyDirectory)
      var config = usual
      if let home = named(environment.configHome) {
        config.user = file("\(home)/containers/storage.conf", .user, root)
        let shared = PodmanConfig.dropInDirectories(account.uid).map { files(in: $0.path, $0.place, root) }
        config.dropIns = merged(shared + [files(in: "\(home)/containers/storage.conf.d", .user, root)])
      }
      if let path = named(environment.storageConf) {
        config = PodmanConfig(user: PodmanConfig.File(path: shown(path), .user, .absent))
        // Podman before version 6 takes it for a site's file, where graphroot is root's.
        config.others = [file(path, .site, root)]
      }
      if let path = named(environment.storageConfOverride) { config.dropIns.append(file(path, .user, root)) }
      return config
    } catch { return nil }
  }

  /// A file that a variable of the caller's environment names.
  func sessionFile(_ path: String?) -> PodmanConfig.File? {
    guard let path else { return nil }
    do throws(Errno) { return file(path, .user, try open(path: "/", .pathOnlyDirectory)) } catch { return nil }
  }

  /// containers.conf: every one of its files counts, in every generation.
  private func engineFiles(_ home: borrowing FileDescriptor, _ root: borrowing FileDescriptor) -> [PodmanConfig.File] {
    let names = ["/usr/share", "/etc"]
    var found = zip(names, [PodmanConfig.Place.vendor, .site]).map { file("\($0)/containers/containers.conf", $1, root) }
    found += merged([files(in: "/etc/containers/containers.conf.d", .site, root)])
    found.append(
      PodmanConfig.File(
        path: "~/.config/containers/containers.conf", .user, ConfigFile.read(at: home, ".config/containers/containers.conf")))
    found += merged([files(in: ".config/containers/containers.conf.d", .user, home)])
    return found.filter(\.isThere)
  }

  func file(_ path: String, _ place: PodmanConfig.Place, _ root: borrowing FileDescriptor) -> PodmanConfig.File {
    read(path, place, root, Path(path))
  }

  /// Whether it may be read, and what is there, this process asks itself.
  private func read(_ path: String, _ place: PodmanConfig.Place, _ directory: borrowing FileDescriptor, _ name: Path)
    -> PodmanConfig.File
  {
    let path = shown(path)
    if shared.files.hasNothing(path) { return PodmanConfig.File(path: path, place, .absent) }
    guard let (mark, file) = shared.files.file(path) else {
      return PodmanConfig.File(path: path, place, ConfigFile.read(at: directory, name))
    }
    return PodmanConfig.File(path: path, place, ConfigFile.read(at: directory, name, known: (mark, file.file)), known: file)
  }

  /// - Parameter path: absolute, or below the home.
  func files(in path: String, _ place: PodmanConfig.Place, _ base: borrowing FileDescriptor) -> [(
    name: [UInt8], file: PodmanConfig.File
  )] {
    if path.hasPrefix("/"), shared.files.hasNothing(path) { return [] }
    let prefix = path.hasPrefix("/") ? path : "~/" + path
    do throws(Errno) {
      let directory = try open(at: base, path: Path(path), .directoryFollowing)
      return try names(in: directory, limit: UserExaminer.mostFiles).filter { $0.suffix(5).elementsEqual(".conf".utf8) }.map { name in
        (name, read("\(prefix)/\(shown(name))", place, directory, Path(name)))
      }
    } catch {
      // Podman does not start then, whatever lies in it.
      return error == .accessDenied ? [(Array(path.utf8), PodmanConfig.File(path: shown(prefix), place, .failed(error)))] : []
    }
  }

  /// By name over all directories; of one name the file of the last directory.
  private func merged(_ directories: [[(name: [UInt8], file: PodmanConfig.File)]]) -> [PodmanConfig.File] {
    var strongest: [[UInt8]: PodmanConfig.File] = [:]
    for (name, file) in directories.joined() { strongest[name] = file }
    return strongest.sorted { isOrderedBefore($0.key, $1.key) }.map(\.value)
  }

  // MARK: Where they lead

  /// Keys of storage.conf that name one directory, in which Podman replaces variables. In no other path does it.
  static let directoryKeys = [
    ["storage", "graphroot"], ["storage", "rootless_storage_path"], ["storage", "runroot"],
  ]
  static let engineKeys = ["static_dir", "tmp_dir", "volume_path", "image_copy_tmp_dir"]
  static let programKeys = [["storage", "options", "mount_program"], ["storage", "options", "overlay", "mount_program"]]

  /// Every path that a file names, as it is expanded.
  ///
  /// - Parameter known: those that were looked at before.
  func places(_ config: PodmanConfig, _ known: [String: Place]) -> [String: Place] {
    var found = known
    func add(asWritten path: String) {
      if path.hasPrefix("/"), found[path] == nil { found[path] = Place(path, settings, mounts) }
    }
    func add(_ text: String) { add(asWritten: ExpandedPath(text, account).path) }
    for text in ([config.user] + config.others + config.dropIns).compactMap(\.text) {
      for key in UserExaminer.directoryKeys { if case .string(let path)? = text.value(key) { add(path) } }
      if case .string(let path)? = text.value(["storage", "imagestore"]) { add(asWritten: path) }
      for path in PodmanReading.imageStores(text) {
        add(asWritten: path)
        // What Podman makes in one where it is not there.
        for driver in ["overlay", "vfs"] { add(asWritten: "\(path)/\(driver)-images") }
        // Whose ids the files of the images have.
        add(asWritten: "\(path)/overlay")
      }
      for path in PodmanReading.layerStores(text) { add(asWritten: path) }
    }
    for text in config.engine.compactMap(\.text) {
      for key in UserExaminer.engineKeys { if case .string(let path)? = text.value(["engine", key]) { add(asWritten: path) } }
      if case .string(let path)? = text.value(["engine", "events_logfile_path"]), path.hasPrefix("/") {
        add(asWritten: UserExaminer.directory(of: path))
      }
      if case .string(let path)? = text.value(["network", "network_config_dir"]) { add(asWritten: path) }
      for (name, path) in PodmanReading.environment(text) where ["TMPDIR", "XDG_CONFIG_HOME"].contains(name) { add(asWritten: path) }
    }
    return found
  }

  static func directory(of path: String) -> String { String(decoding: Path(path).parent) }

  /// Of every store that is there.
  func imageStoreFaults(_ configs: [PodmanConfig], _ places: [String: Place], _ generation: PodmanGeneration?) -> [String: ImageStoreFault]
  {
    var found: [String: ImageStoreFault] = [:]
    for text in configs.flatMap({ [$0.user] + $0.others + $0.dropIns }).compactMap(\.text) {
      for raw in PodmanReading.imageStores(text) {
        if found[raw] == nil, places[raw]?.exists ?? false, let fault = ImageStoreFault(in: raw, needsLocks: generation == .oldest) {
          found[raw] = fault
        }
      }
    }
    return found
  }

  /// By which other paths what is not in the storage directory can be reached, where anything would remove old files.
  func otherPaths(_ facts: UserFacts) -> [String: [Path]] {
    if shared.cleaning.isIdle { return [:] }
    let docker = facts.daemonJson.map { [$0.unitRoot, $0.dataRoot, $0.execRoot] } ?? []
    let places = Array(facts.places.values) + docker.compactMap { $0 } + facts.ownStores.map(\.place)
    let storage = facts.storage?.path
    var found: [String: [Path]] = [:]
    for place in places where !place.isNetwork && found[place.real] == nil {
      let path = Path(place.real)
      if storage.map(path.isAtOrBelow) ?? false { continue }
      // What is not there yet will be where the nearest directory above it is.
      var nearest = path
      while nearest != "/" {
        do throws(Errno) {
          let directory = try open(path: nearest, .pathOnlyDirectory)
          found[place.real] = pathsByOtherMounts(of: directory, at: nearest).map {
            $0 / Array(path.bytes.dropFirst(nearest.bytes.count + 1))
          }
          break
        } catch { nearest = nearest.parent }
      }
    }
    return found
  }

  /// Programs that a file names and that are not there.
  func missingPrograms(_ config: PodmanConfig) -> Set<String> {
    var missing: Set<String> = []
    for text in ([config.user] + config.others + config.dropIns).compactMap(\.text) {
      for key in UserExaminer.programKeys {
        guard case .string(let path)? = text.value(key), !path.isEmpty else { continue }
        // Nothing is put into it, and from where Podman is started it is not known.
        if !path.hasPrefix("/") {
          missing.insert(path)
          continue
        }
        do throws(Errno) { _ = try fileStatus(path: Path(path)) } catch { missing.insert(path) }
      }
    }
    for text in config.engine.compactMap(\.text) {
      var paths: [TOMLText.Value] = [text.value(["engine", "runtime"])].compactMap { $0 }
      if case .table(let runtimes)? = text.value(["engine", "runtimes"]) {
        for case .array(let list) in runtimes.values { paths += list }
      }
      for key in ["conmon_path"] { if case .array(let list)? = text.value(["engine", key]) { paths += list } }
      if case .array(let list)? = text.value(["engine", "helper_binaries_dir"]) {
        for case .string(let path) in list {
          do throws(Errno) { _ = try fileStatus(path: Path("\(path)/netavark")) } catch { missing.insert("\(path)/netavark") }
        }
      }
      for case .string(let path) in paths where path.hasPrefix("/") {
        do throws(Errno) { _ = try fileStatus(path: Path(path)) } catch { missing.insert(path) }
      }
    }
    return missing
  }
}

extension UserExaminer {
  /// Time zones that files name, and that are not there.
  func missingZones(_ config: PodmanConfig) -> Set<String> {
    var missing: Set<String> = []
    for text in config.engine.compactMap(\.text) {
      guard case .string(let zone)? = text.value(["containers", "tz"]), !zone.isEmpty, zone != "local" else { continue }
      let isThere = ["/usr/share/zoneinfo", "/etc/zoneinfo"].contains { directory in
        do throws(Errno) { _ = try fileStatus(path: Path("\(directory)/\(zone)")) } catch { return false }
        return true
      }
      if !isThere { missing.insert(zone) }
    }
    return missing
  }

  /// Names of remap-user and remap-group for which there are subordinate ids of both kinds.
  func remappedNames(_ config: PodmanConfig) -> Set<String> {
    let names = ([config.user] + config.others).compactMap(\.text).flatMap { text in
      ["remap-user", "remap-group"].compactMap { key in
        if case .string(let name)? = text.value(["storage", "options", key]), !name.isEmpty { name } else { nil }
      }
    }
    if names.isEmpty { return [] }
    let files = (["/etc/subuid", "/etc/subgid"] as [Path]).map { ConfigFile.read(path: $0) }
    return Set(
      names.filter { name in
        files.allSatisfy { file in
          guard case .content(let content) = file else { return false }
          return content.bytes.split(separator: .newline).contains { $0.starts(with: Array("\(name):".utf8)) }
        }
      })
  }

  /// Podman's program, of some 40 MB, is searched only where a file has what only some versions take, and where
  /// the generation does not tell.
  func readsImageFilesAsBefore(_ config: PodmanConfig, _ override: PodmanConfig.File?, _ generation: PodmanGeneration?) -> Bool? {
    if let generation, generation < .merging { return true }
    if let known = shared.readsImageFilesAsBefore { return known }
    let isDoubtful =
      override.map { !$0.isThere } ?? false || config.registries.contains { $0.text?.root["registries"] != nil }
      || config.policy.map { $0.place == .vendor } ?? false
    return isDoubtful ? EngineGenerations.readsImageFilesAsBefore(HostTree.this) : nil
  }
}

extension PodmanReading {
  /// The variables that `env` of containers.conf sets for Podman itself.
  static func environment(_ text: TOMLText) -> [(name: String, value: String)] {
    guard case .array(let values)? = text.value(["engine", "env"]) else { return [] }
    return values.compactMap { value in
      guard case .string(let pair) = value, let equals = pair.firstIndex(of: "=") else { return nil }
      return (String(pair[..<equals]), String(pair[pair.index(after: equals)...]))
    }
  }

  /// The paths of `additionalimagestores` in one file.
  static func imageStores(_ text: TOMLText) -> [String] { texts("additionalimagestores", text) }

  /// The same of `additionallayerstores`, without the word `:ref` that may stand behind.
  static func layerStores(_ text: TOMLText) -> [String] {
    texts("additionallayerstores", text).map { $0.hasSuffix(":ref") ? String($0.dropLast(4)) : $0 }
  }

  private static func texts(_ key: String, _ text: TOMLText) -> [String] {
    guard case .array(let values)? = text.value(["storage", "options", key]) else { return [] }
    return values.compactMap { value in
      if case .string(let path) = value { return path }
      return nil
    }
  }
}
