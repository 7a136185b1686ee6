import RootlessStorage

/// What an engine has in the directory that a key of its configuration names, and so what has to be true of the place. What keeps a
/// place from being used at all is asked of every one (`UserDiagnosis.problem(ofStore:…)`).
///
/// | key | lost at boot | ageing | overlay | noexec | bytes free |
/// | --- | --- | --- | --- | --- | --- |
/// | graphroot, rootless_storage_path, data-root | yes | yes | yes | yes | yes |
/// | imagestore | yes | yes | yes | | yes |
/// | additionalimagestores, additionallayerstores | | yes | | | |
/// | static_dir | yes | yes | | | yes |
/// | volume_path | yes | yes | | yes | yes |
/// | runroot, tmp_dir, exec-root | | yes | | | a few |
/// | image_copy_tmp_dir | | | | | yes |
struct PlaceUse: Equatable, Sendable {
  /// It has to be there after a boot.
  var isKept = false
  /// What has not been used for some time is needed all the same.
  var isKeptWhenOld = true
  /// Layers of images lie there, on which the driver overlay works.
  var hasLayers = false
  /// Containers start programs there that are in no image.
  var hasPrograms = false
  /// Bytes that have to be free.
  var least: UInt64 = 100 << 20

  static let store = PlaceUse(isKept: true, hasLayers: true, hasPrograms: true)
  static let images = PlaceUse(isKept: true, hasLayers: true)
  /// Of others, and read alone.
  static let othersImages = PlaceUse(least: 0)
  static let containers = PlaceUse(isKept: true)
  static let volumes = PlaceUse(isKept: true, hasPrograms: true)
  /// Locks, sockets and the numbers of processes.
  static let state = PlaceUse(least: 1 << 20)
  /// What is gone when a command ends.
  static let scratch = PlaceUse(isKeptWhenOld: false)

  /// Of a key of containers.conf.
  init(engineKey: String) {
    switch engineKey {
    case "static_dir": self = .containers
    case "volume_path": self = .volumes
    case "tmp_dir": self = .state
    default: self = .scratch
    }
  }

  private init(
    isKept: Bool = false, isKeptWhenOld: Bool = true, hasLayers: Bool = false, hasPrograms: Bool = false, least: UInt64 = 100 << 20
  ) {
    self.isKept = isKept
    self.isKeptWhenOld = isKeptWhenOld
    self.hasLayers = hasLayers
    self.hasPrograms = hasPrograms
    self.least = least
  }
}

/// What is wrong with a place that can be used.
struct PlaceTrouble: Equatable, Sendable {
  enum Cure: Equatable, Sendable {
    /// Another place.
    case elsewhere
    /// Something there is to be removed.
    case space
    case command(Remedy)
  }

  let code: FindingCode
  let severity: Finding.Severity
  let sentence: String
  let cure: Cure
}

extension UserDiagnosis {
  /// - Parameters:
  ///   - path: as the key has it.
  ///   - setting: the key and its file, for a sentence.
  func troubles(of place: Place?, _ path: String, for use: PlaceUse, _ setting: String, isVfs: Bool = false) -> [PlaceTrouble] {
    // The storage directory has findings of its own.
    guard let place, !isBelowStorage(path), !isBelowStorage(place.real), !place.isNetwork else { return [] }
    var found: [PlaceTrouble] = []
    func add(_ code: FindingCode, _ severity: Finding.Severity, _ sentence: String, _ cure: PlaceTrouble.Cure) {
      found.append(PlaceTrouble(code: code, severity: severity, sentence: sentence, cure: cure))
    }
    if use.isKept, use.hasLayers, let image = place.image { found.append(trouble(image, path, setting)) }
    if use == .store, case .directory(0) = place.state, facts.account.uid != 0, !place.isClosed {
      add(
        .graphrootForeign, .warning,
        "\(setting) is \(shown(path)), which is root's, and where others may write too: whoever makes a directory of an engine's there first keeps the others out.",
        .elsewhere)
    }
    var isVolatile = false
    if let volume = place.volume {
      let type = volume.type ?? "a disk"
      if use.hasLayers, !isVfs, !(needsNoOverlay && UserDiagnosis.hasOwners(volume)) {
        if !volume.hasFileTypes {
          add(
            .storageFileSystem, .error, "\(setting) is \(shown(path)), which is on xfs without ftype=1, on which overlay cannot work.",
            .elsewhere)
        } else if UserDiagnosis.unfitForOverlay(volume) {
          add(
            .storageFileSystem, .error, "\(setting) is \(shown(path)), which is on \(type), on which the overlay driver cannot work.",
            .elsewhere)
        }
      }
      isVolatile = use.isKept && volume.isInMemory && !(use.hasLayers && isWhereAllIsInMemory(place, volume))
      if isVolatile {
        let isImages = use.hasLayers
        add(
          isImages ? .graphrootVolatile : .storageVolatile, isImages ? .note : .warning,
          "\(setting) is \(shown(path)), which is in memory: a reboot removes what is stored there.", .elsewhere)
      }
      if use.least > 0, volume.size > 0, volume.free < use.least || volume.inodes > 0 && volume.freeInodes < 100 {
        let left =
          volume.free < use.least
          ? "\(shownSize(volume.free)) of \(shownSize(volume.size)) are" : "\(volume.freeInodes) of \(volume.inodes) inodes are"
        add(.storageSpace, .error, "Only \(left) free at \(shown(path)), which is \(setting).", .space)
      }
      if use.hasPrograms, volume.noexec {
        let effect = isVfs ? "with the driver vfs no container starts" : "programs in volumes do not start"
        add(
          .storageNoexec, isVfs ? .error : .warning, "\(setting) is \(shown(path)), which is on a mount with noexec: \(effect).", .elsewhere
        )
      }
    }
    if use.isKeptWhenOld, let (danger, real) = danger(to: place), !danger.isAtBoot || use.isKept && !isVolatile {
      let what = danger.isAtBoot ? "" : ", file by file"
      let isSame = real == Path(path)
      let where_ = isSame ? shown(path) : "\(shown(real)), where \(shown(path)) leads"
      var cure = PlaceTrouble.Cure.elsewhere
      if case .directory(facts.account.uid) = place.state, let command = danger.exemption(of: real) { cure = .command(command) }
      add(.storageAgeing, .warning, "\(danger.sentence), and with it what is in \(where_)\(what): that is \(setting).", cure)
    }
    return found
  }

  /// - Parameter elsewhere: what gives it another place.
  func remedy(for trouble: PlaceTrouble, of engine: UserFacts.Engine, elsewhere: Remedy) -> Remedy {
    switch trouble.cure {
    case .elsewhere: elsewhere
    case .space: inSession("\(engine == .podman ? "podman" : "docker") system df", note: "decide what is no longer needed")
    case .command(let command): command
    }
  }

  /// A host without a disk has nothing else for storage or homes either; that images are gone there is known.
  private func isWhereAllIsInMemory(_ place: Place, _ volume: Volume) -> Bool {
    if ["/dev/shm/", "/run/", "/tmp/"].contains(where: place.real.hasPrefix) { return false }
    if let storage = facts.storage { return storage.volume?.memoryDevice == volume.memoryDevice }
    if case .on(.named(let type)) = facts.home { return Volume.isInMemory(shown(type)) }
    return false
  }

  /// By any of the paths that it can be reached by.
  private func danger(to place: Place) -> (Cleaning.Danger, Path)? {
    for path in [Path(place.real)] + (facts.otherPaths[place.real] ?? []) {
      if let danger = facts.cleaning.danger(to: path) { return (danger, path) }
    }
    return nil
  }
}
