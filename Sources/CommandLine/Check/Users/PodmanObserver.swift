import RootlessStorage

// The files of Podman's configuration, and what their paths lead to. The process must be for good the user.

extension UserExaminer {
  /// So many files of one directory are read: nobody has as many.
  private static let mostFiles = 256

  func podmanConfig(_ home: borrowing FileDescriptor) -> PodmanConfig? {
    do throws(Errno) {
      let root = try open(path: [0x2f], .directoryPlace)
      let own = ConfigFile.read(at: home, UserExaminer.storageConf)
      var config = PodmanConfig(user: PodmanConfig.File(path: "~/.config/containers/storage.conf", .user, own))
      for (base, place) in [("/etc", PodmanConfig.Place.site), ("/usr/share", .vendor)] {
        config.others.append(file("\(base)/containers/storage.conf", place, root))
      }
      let shared = PodmanConfig.dropInDirectories(account.uid).map { files(in: $0.path, $0.place, root) }
      config.dropIns = merged(shared + [files(in: ".config/containers/storage.conf.d", .user, home)])
      config.engine = engineFiles(home, root)
      return config
    } catch { return nil }
  }

  /// containers.conf: every one of its files counts, in every generation.
  private func engineFiles(_ home: borrowing FileDescriptor, _ root: borrowing FileDescriptor) -> [PodmanConfig.File] {
    let names = ["/usr/share", "/etc"]
    var found = zip(names, [PodmanConfig.Place.vendor, .site]).map { file("\($0)/containers/containers.conf", $1, root) }
    found += merged([files(in: "/etc/containers/containers.conf.d", .site, root)])
    found.append(PodmanConfig.File(path: "~/.config/containers/containers.conf", .user, ConfigFile.read(at: home, Array(".config/containers/containers.conf".utf8))))
    found += merged([files(in: ".config/containers/containers.conf.d", .user, home)])
    return found.filter(\.isThere)
  }

  private func file(_ path: String, _ place: PodmanConfig.Place, _ root: borrowing FileDescriptor) -> PodmanConfig.File {
    PodmanConfig.File(path: path, place, ConfigFile.read(at: root, Array(path.utf8.drop { $0 == 0x2f })))
  }

  /// - Parameter path: absolute, or below the home.
  private func files(in path: String, _ place: PodmanConfig.Place, _ base: borrowing FileDescriptor) -> [(name: [UInt8], file: PodmanConfig.File)] {
    let relative = Array(path.utf8.drop { $0 == 0x2f })
    let prefix = path.hasPrefix("/") ? path : "~/" + path
    do throws(Errno) {
      let directory = try open(at: base, relative, .directoryFollowing)
      return try names(in: directory, limit: UserExaminer.mostFiles).filter { $0.suffix(5).elementsEqual(".conf".utf8) }.map { name in
        (name, PodmanConfig.File(path: "\(prefix)/\(shown(name))", place, ConfigFile.read(at: directory, name)))
      }
    } catch { return [] }
  }

  /// By name over all directories; of one name the file of the last directory.
  private func merged(_ directories: [[(name: [UInt8], file: PodmanConfig.File)]]) -> [PodmanConfig.File] {
    var strongest: [[UInt8]: PodmanConfig.File] = [:]
    for (name, file) in directories.joined() { strongest[name] = file }
    return strongest.sorted { isOrderedBefore($0.key, $1.key) }.map(\.value)
  }

  // MARK: Where they lead

  /// Keys of storage.conf and containers.conf that name one directory.
  static let directoryKeys = [["storage", "graphroot"], ["storage", "rootless_storage_path"], ["storage", "runroot"], ["storage", "imagestore"]]
  static let engineKeys = ["static_dir", "tmp_dir", "volume_path", "image_copy_tmp_dir"]
  static let programKeys = [["storage", "options", "mount_program"], ["storage", "options", "overlay", "mount_program"]]

  /// Every path that a file names, as it is expanded.
  func places(_ config: PodmanConfig) -> [String: Place] {
    var found: [String: Place] = [:]
    func add(_ text: String) {
      let path = ExpandedPath(text, account).path
      if path.hasPrefix("/"), found[path] == nil { found[path] = Place(path, settings, mounts) }
    }
    for text in ([config.user] + config.others + config.dropIns).compactMap(\.text) {
      for key in UserExaminer.directoryKeys { if case .string(let path)? = text.value(key) { add(path) } }
      for path in PodmanReading.imageStores(text) { add(path) }
    }
    for text in config.engine.compactMap(\.text) {
      for key in UserExaminer.engineKeys { if case .string(let path)? = text.value(["engine", key]) { add(path) } }
    }
    return found
  }

  /// Programs that a file names and that are not there.
  func missingPrograms(_ config: PodmanConfig) -> Set<String> {
    var missing: Set<String> = []
    for text in ([config.user] + config.others + config.dropIns).compactMap(\.text) {
      for key in UserExaminer.programKeys {
        guard case .string(let path)? = text.value(key), path.hasPrefix("/") else { continue }
        do throws(Errno) { _ = try fileStatus(path: Array(path.utf8)) } catch { missing.insert(path) }
      }
    }
    return missing
  }
}

extension PodmanReading {
  /// The paths of `additionalimagestores` in one file.
  static func imageStores(_ text: TOMLText) -> [String] {
    guard case .array(let values)? = text.value(["storage", "options", "additionalimagestores"]) else { return [] }
    return values.compactMap { value in
      if case .string(let path) = value { return path }
      return nil
    }
  }
}
