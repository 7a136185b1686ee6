import RootlessStorage

// What each generation of Podman makes of all its files of configuration together.

extension UserDiagnosis {
  /// Something that one generation of Podman, or several, stumble on.
  private struct Trouble: Equatable {
    let code: FindingCode
    let severity: Finding.Severity
    let sentence: String
    let file: PodmanConfig.File
    /// What to change in it.
    let change: Change

    enum Change: Equatable {
      case keys([KeyChange])
      case told(Remedy)
    }
  }

  /// What Podman here makes of its files; where it is not known which generation it is, what each would make of them.
  static func readings(_ facts: UserFacts) -> [PodmanReading] {
    let own = PodmanConfig.File(path: UserDiagnosis.storageConfFile, .user, facts.storageConf?.file ?? .absent)
    let config = facts.podmanConfig ?? PodmanConfig(user: own)
    return (facts.podmanGeneration.map { [$0] } ?? PodmanGeneration.supposed).map { config.reading($0) }
  }

  /// Where Podman stores in the session of whoever asks, or in any of the user's; nil: below ~/.local/share.
  var graphroot: String? {
    let generation = readings.first?.generation ?? .merging
    guard let store = (facts.sessionConfig.map { $0.reading(generation) } ?? readings.first)?.store else {
      guard let data = facts.environment?.dataHome, data.hasPrefix("/") else { return ownStore(.podman)?.place.real }
      let path = data + "/containers/storage"
      return path == String(decoding: facts.account.home) + "/.local/share/containers/storage" ? nil : path
    }
    // Up to then the path in the database had the last word.
    if facts.sessionConfig == nil, let kept = facts.storageConf?.keptGraphroot { return kept }
    let path = ExpandedPath(store.path, facts.account).path
    if generation == .oldest { return path.hasPrefix("/") ? Place.cleaned(Path(path)) : path }
    // It may be a link, which every later Podman follows before it tells the path.
    return facts.places[path]?.real ?? path
  }

  /// What follows a sentence that does not hold for every Podman that may be meant.
  func concern(_ some: [PodmanReading]) -> String {
    if facts.podmanGeneration != nil || some.count == PodmanGeneration.supposed.count { return "" }
    return " That concerns \(PodmanGeneration.names(some.map(\.generation)))."
  }

  func isUsers(_ file: PodmanConfig.File) -> Bool { file.path == UserDiagnosis.storageConfFile }

  /// Where the path leads that stands in a file.
  func place(_ text: String) -> Place? { facts.places[ExpandedPath(text, facts.account).path] }

  /// The same of a path in which Podman replaces no variable.
  func place(asWritten path: String) -> Place? { facts.places[path] }

  /// For a sentence about such a path, if it has a variable.
  func literalNote(_ path: String) -> String { path.contains("$") ? " In this path Podman replaces no variable." : "" }

  // MARK: Together

  func judgePodmanConfig() {
    var found: [(trouble: Trouble, readings: [PodmanReading])] = []
    let areAlike = areAlike
    var first: [Trouble]? = nil
    for reading in readings {
      let troubles = areAlike ? first ?? troubles(reading) : troubles(reading)
      first = troubles
      for trouble in troubles {
        if let index = found.firstIndex(where: { $0.trouble == trouble }) {
          found[index].readings.append(reading)
        } else {
          found.append((trouble, [reading]))
        }
      }
    }
    for (trouble, some) in found {
      let sentence = trouble.sentence + concern(some)
      switch trouble.change {
      case .told(let remedy): add(trouble.code, trouble.severity, sentence, remedy)
      case .keys(let changes):
        if isUsers(trouble.file), case .content(let content) = trouble.file.file {
          add(trouble.code, trouble.severity, sentence, content, changing: changes)
        } else {
          add(trouble.code, trouble.severity, sentence, UserDiagnosis.remedy(changes, trouble.file, name))
        }
      }
    }
  }

  /// Nothing that only some generations know is in any file, as where there is nothing but what a login writes.
  private var areAlike: Bool {
    guard facts.storeFaults.isEmpty, let config = facts.podmanConfig, let text = config.user.text,
      case .table(let entries)? = text.root["storage"],
      text.root.count == 1
    else { return false }
    return config.dropIns.isEmpty && !config.others.contains(where: \.isThere) && !config.user.hasByteOrderMark
      && entries.keys.allSatisfy { $0 == "driver" || $0 == "graphroot" }
  }

  private static func remedy(_ changes: [KeyChange], _ file: PodmanConfig.File, _ name: String) -> Remedy {
    let told = changes.map(\.text).joined(separator: ", ")
    switch file.place {
    case .user: return Remedy("in [storage] of \(file.path): \(told)", by: .user(name))
    case .site:
      return Remedy(
        "in [storage] of \(file.path): \(told)", by: .root,
        note: "what is for root's containers alone belongs into /etc/containers/storage.rootful.conf.d")
    case .vendor:
      return Remedy(
        "copy \(file.path) to the same place below /etc/containers, where it counts instead, and there in [storage]: \(told)", by: .root)
    }
  }

  private func troubles(_ reading: PodmanReading) -> [Trouble] {
    var files = reading.files
    // It reads that one too, and then uses nothing of it.
    if reading.generation == .early, let others = facts.podmanConfig?.others, let site = others.first(where: \.isThere),
      !files.contains(site)
    {
      files.append(site)
    }
    let stopping = files.flatMap { isUsers($0) && $0.text == nil ? [] : fileTroubles($0, reading.generation) }
    // It does not start.
    if reading.isPassedOver { return stopping + storeTroubles(reading) }
    if !stopping.isEmpty || files.contains(where: { $0.text == nil }) { return stopping }
    return storeTroubles(reading) + driverTroubles(reading) + runrootTroubles(reading) + imageTroubles(reading) + overlayTroubles(reading)
      + remapTroubles(reading)
  }

  // MARK: One file

  private func editor(of file: PodmanConfig.File) -> Remedy.Actor { file.place == .user ? .user(name) : .root }

  /// What a Podman does with a fault in the user's file.
  var faultEffect: String {
    guard let generation = facts.podmanGeneration else { return "Podman does not start (before version 4.2 it uses the home)" }
    if !generation.passesOverFaults { return "Podman does not start" }
    return "Podman takes nothing of it, and stores in \(shown(graphroot ?? "~/.local/share/containers/storage"))"
  }

  /// A local home is a place to store in, and so is what the site may have named.
  var faultSeverity: Finding.Severity {
    guard let reading = readings.first, reading.generation.passesOverFaults else { return .error }
    return facts.isNetworkHome && reading.store == nil ? .error : .warning
  }

  private func fileTroubles(_ file: PodmanConfig.File, _ generation: PodmanGeneration) -> [Trouble] {
    // Of another file than the user's it takes no more than one key.
    if generation.passesOverFaults && file.place != .user { return [] }
    let word = shellWord(Array(file.path.utf8))
    func byHand(_ what: String) -> Trouble.Change { .told(Remedy(what, by: editor(of: file))) }
    switch file.file {
    case .absent, .dangling: return []
    case .notRegular, .tooLarge, .failed:
      let change =
        file.place == .user
        ? byHand("move \(file.path) away")
        : Trouble.Change.told(.root("sudo ls -l \(word)", note: "everybody's Podman has to read it, or it has to go"))
      return [
        Trouble(
          code: .storageConfUnreadable, severity: faultSeverity, sentence: "\(file.path) \(unreadable(file.file)): \(faultEffect).",
          file: file, change: change)
      ]
    case .content:
      if let problem = file.problem {
        return [
          Trouble(
            code: .storageConfInvalid, severity: faultSeverity,
            sentence: "\(file.path) is invalid TOML (line \(problem.line): \(problem.reason)): \(faultEffect).", file: file,
            change: byHand("edit \(file.path)"))
        ]
      }
      guard let text = file.text else { return [] }
      if let (what, cure) = syntaxFault(of: file, text, generation) {
        let effect = generation.passesOverFaults ? faultEffect : "Podman before version 5 does not start"
        return [
          Trouble(
            code: .storageConfInvalid, severity: facts.podmanGeneration == nil ? .warning : faultSeverity,
            sentence: "\(file.path) \(what): \(effect).", file: file, change: byHand(cure))
        ]
      }
      return typeTroubles(file, text, generation)
    }
  }

  /// What is valid TOML, and not to the reader that a generation has; and what to do about it.
  func syntaxFault(of file: PodmanConfig.File, _ text: TOMLText, _ generation: PodmanGeneration) -> (what: String, cure: String)? {
    if file.hasByteOrderMark, generation <= .early {
      return ("begins with a byte order mark", "edit \(file.path), and save it as UTF-8 without one")
    }
    if generation == .oldest, text.hasNewerSyntax {
      return (
        "has a key with a dot, a list of values of several types, or a number or time in a way that Podman before 3.3 cannot read",
        "write keys in tables of their own in \(file.path), values of one type in each list, and plain decimal numbers"
      )
    }
    return nil
  }

  /// A value that is not of its key's type: no generation takes it.
  private func typeTroubles(_ file: PodmanConfig.File, _ text: TOMLText, _ generation: PodmanGeneration) -> [Trouble] {
    PodmanKey.faults(inStorageConf: text, generation).map { fault in
      let key = fault.key.keys.dropFirst().joined(separator: ".")
      let change: Trouble.Change
      switch (fault.key.type, fault.value) {
      case (.text, _) where fault.key.path == "storage.graphroot": change = .keys([.set(key: "graphroot", value: intended.graphroot)])
      case (.text, _) where fault.key.path == "storage.driver": change = .keys([.set(key: "driver", value: intended.driver)])
      case (.text, .boolean(let value)): change = .keys([.set(key: key, value: value ? "true" : "false")])
      case (.text, _) where !fault.key.path.contains("options"): change = .keys([.remove(key: key)])
      default: change = .told(Remedy("write it as \(fault.key.type.name) in \(file.path)", by: editor(of: file)))
      }
      return Trouble(
        code: .storageConfInvalid, severity: faultSeverity,
        sentence: "\(fault.key.path) in \(file.path) is \(fault.kind), and has to be \(fault.key.type.name): \(faultEffect).",
        file: file, change: change)
    }
  }

  // MARK: The store

  private func storeTroubles(_ reading: PodmanReading) -> [Trouble] {
    let faults = UserDiagnosis.storePath(of: reading, facts).flatMap { facts.storeFaults[$0] } ?? []
    // One list is told of: where a disk was full, most of them are cut.
    let damages = faults.prefix(1).map { fault in
      let (code, severity, sentence, remedy) = finding(of: fault, reading.generation)
      let file = reading.store?.file ?? PodmanConfig.File(path: UserDiagnosis.storageConfFile, .user, .absent)
      return Trouble(code: code, severity: severity, sentence: sentence, file: file, change: .told(remedy))
    }
    guard let (key, raw, file) = reading.store else { return damages }
    let path = ExpandedPath(raw, facts.account).path
    let setting = "\(key) in \(file.path)"
    var found: [Trouble] = []
    let change = isUsers(file) ? Trouble.Change.keys([.set(key: "graphroot", value: intended.graphroot)]) : .keys([.remove(key: key)])
    if !isUsers(file), let (code, sentence) = problem(ofStore: path, place(raw), setting, facts, mayBeRoots: true) {
      return [Trouble(code: code, severity: .error, sentence: sentence, file: file, change: change)]
    }
    if path.contains(",") || path.contains(":") || path.contains("\\"), reading.driver.map({ $0.name.hasPrefix("overlay") }) ?? true {
      found.append(
        Trouble(
          code: .storagePath, severity: .error,
          sentence:
            "\(setting) is \"\(shown(path))\": overlay takes a comma, a colon or a backslash for something else, and Podman does not start.",
          file: file, change: change))
    }
    // What cannot be used is told of with the user's file (`judgeGraphroot`).
    if problem(ofStore: path, place(raw), setting, facts, mayBeRoots: true) != nil { return found }
    found += damages
    found += troubles(of: place(raw), path, for: .store, setting, isVfs: reading.driver?.name == "vfs").map {
      self.trouble($0, file, change)
    }
    return found
  }

  /// - Parameter change: what gives it another place.
  private func trouble(_ trouble: PlaceTrouble, _ file: PodmanConfig.File, _ change: Trouble.Change) -> Trouble {
    // What works until the next boot is not moved away from what is stored there.
    let isMoved = trouble.cure == .elsewhere && trouble.severity == .error
    let cure = isMoved ? change : .told(remedy(for: trouble, of: .podman, elsewhere: told(change, file)))
    return Trouble(code: trouble.code, severity: trouble.severity, sentence: trouble.sentence, file: file, change: cure)
  }

  /// Podman does not start, and does without the key.
  private func stopping(_ code: FindingCode, _ sentence: String, without key: String, of file: PodmanConfig.File) -> Trouble {
    Trouble(code: code, severity: .error, sentence: sentence, file: file, change: .keys([.remove(key: key)]))
  }

  private func told(_ change: Trouble.Change, _ file: PodmanConfig.File) -> Remedy {
    switch change {
    case .keys(let changes): UserDiagnosis.remedy(changes, file, name)
    case .told(let text): text
    }
  }

  // MARK: The driver

  /// - Returns: why a rootless Podman does not start with the driver; nil if it does.
  func problem(ofDriver driver: String, at store: Place?) -> String? {
    switch driver {
    case "overlay", "overlay2", "vfs": nil
    case "btrfs" where store?.type == "btrfs", "zfs" where store?.type == "zfs": nil
    case "btrfs", "zfs": "which needs a store on \(driver)"
    case "aufs", "devicemapper", "devmapper": "which Podman has no more, or never had without root"
    default: "which Podman does not know"
    }
  }

  private func driverTroubles(_ reading: PodmanReading) -> [Trouble] {
    guard let (key, driver, file) = reading.driver, !isUsers(file) || key != "driver" else { return [] }
    let isUsers = isUsers(file)
    let change = isUsers ? Trouble.Change.keys([.set(key: "driver", value: intended.driver)]) : .keys([.remove(key: key)])
    // The first of several that works is taken.
    if key == "driver", let why = problem(ofDriver: driver, at: reading.store.flatMap { place($0.path) }) {
      return [
        Trouble(
          code: .driverUnknown, severity: .error,
          sentence: "The driver in \(file.path) is \"\(shown(driver))\", \(why), and so it does not start.", file: file, change: change)
      ]
    }
    if driver == "vfs" {
      return [
        Trouble(
          code: .driverVfs, severity: .warning,
          sentence: "The first driver in \(file.path) (\(key)) is vfs, which copies whole images for every container.", file: file,
          change: change)
      ]
    }
    return []
  }

  private func runrootTroubles(_ reading: PodmanReading) -> [Trouble] {
    guard let (raw, file) = reading.text(["storage", "runroot"]) else { return [] }
    let change = Trouble.Change.keys([.remove(key: "runroot")])
    guard let (severity, why) = problem(ofRunroot: raw, place(raw)) else {
      let path = ExpandedPath(raw, facts.account).path
      return isInRuntimeDirectory(path)
        ? [] : troubles(of: place(raw), path, for: .state, "runroot in \(file.path)").map { trouble($0, file, change) }
    }
    return [
      Trouble(
        code: .runrootUnusable, severity: severity,
        sentence: "runroot in \(file.path) is \(shown(raw)), \(why); without it Podman finds a place itself.", file: file, change: change)
    ]
  }

  // MARK: Images elsewhere, and options

  private func imageTroubles(_ reading: PodmanReading) -> [Trouble] {
    var found: [Trouble] = []
    // Podman before 4.8 does not know it.
    if reading.generation >= .single, let (raw, file) = reading.text(["storage", "imagestore"]) {
      let path = raw
      if raw.hasPrefix("$") {
        found.append(
          stopping(
            .imageStore, "imagestore in \(file.path) is \(shown(raw)), and there Podman replaces no variable: it does not start.",
            without: "imagestore", of: file))
      } else if let store = reading.store, ExpandedPath(store.path, facts.account).path == path {
        found.append(
          stopping(
            .imageStore, "imagestore in \(file.path) is \(shown(path)), as graphroot is: Podman does not start.", without: "imagestore",
            of: file))
      } else if let (_, sentence) = problem(ofStore: path, place(asWritten: raw), "imagestore in \(file.path)", facts) {
        found.append(
          stopping(.imageStore, sentence + literalNote(raw), without: "imagestore", of: file))
      } else {
        let isVfs = reading.driver?.name == "vfs"
        found += troubles(of: place(asWritten: raw), path, for: .images, "imagestore in \(file.path)", isVfs: isVfs).map {
          trouble($0, file, .keys([.remove(key: "imagestore")]))
        }
      }
    }
    for file in reading.layers {
      // One that is listed in vain is no finding.
      guard let counting = reading.value(["storage", "options", "additionalimagestores"]), counting.file == file, let toml = file.text
      else { continue }
      for raw in PodmanReading.imageStores(toml) where !raw.isEmpty {
        let why: String
        switch place(asWritten: raw)?.state {
        case _ where !raw.hasPrefix("/") && (reading.generation < .merging || raw.hasPrefix("$")): why = "is no absolute path"
        case .directory
        where reading.store.map({ ExpandedPath($0.path, facts.account).path == raw }) ?? false:
          why = "is graphroot itself"
        case .directory:
          // It makes a directory for the driver in one that has none, and cannot where it is not the user's.
          let driver = reading.driver.map { $0.name == "vfs" ? "vfs" : "overlay" } ?? "overlay"
          guard case .unreachable? = place(asWritten: "\(raw)/\(driver)-images")?.state else {
            found += faults(ofStore: raw, driver, reading, file) + othersImages(raw, "additionalimagestores", file)
            continue
          }
          why = "has no \(driver)-images, which \(name) may not make there,"
        case nil: why = "is no absolute path"
        case .absent, .unreachable: why = "does not exist"
        case .notDirectory: why = "is no directory"
        case .failed(let cause): why = "cannot be reached: \(text(cause))"
        }
        found.append(
          Trouble(
            code: .imageStore, severity: .error,
            sentence:
              "additionalimagestores in \(file.path) lists \(shown(raw)), which \(why), and so Podman does not start.\(literalNote(raw))",
            file: file,
            change: .told(
              Remedy(
                "take \(shown(raw)) out of additionalimagestores in \(file.path), or make it readable for \(name)", by: editor(of: file)))))
      }
    }
    for file in reading.layers {
      guard reading.generation >= .lenient, let counting = reading.value(["storage", "options", "additionallayerstores"]),
        counting.file == file, let toml = file.text
      else { continue }
      for path in PodmanReading.layerStores(toml) where !path.isEmpty {
        if case .directory? = place(asWritten: path)?.state {
          found += othersImages(path, "additionallayerstores", file)
          continue
        }
        found.append(
          Trouble(
            code: .imageStore, severity: .error,
            sentence:
              "additionallayerstores in \(file.path) lists \(shown(path)), which is no directory that \(name) can reach, and so Podman does not start.\(literalNote(path))",
            file: file,
            change: .told(
              Remedy(
                "take \(shown(path)) out of additionallayerstores in \(file.path), or make it readable for \(name)", by: editor(of: file))))
        )
      }
    }
    return found
  }

  /// What is wrong with a store that is there, and lists images.
  private func faults(ofStore raw: String, _ driver: String, _ reading: PodmanReading, _ file: PodmanConfig.File) -> [Trouble] {
    let without = "take \(shown(raw)) out of additionalimagestores in \(file.path)"
    if let fault = facts.imageStoreFaults[raw], fault.file.hasPrefix("\(driver)-") {
      let (why, cure) =
        switch fault.cause {
        case .missing, .missingReadOnly:
          ("is not there, and \(name) may not make it", "make it there as an empty file that everybody may read")
        case .unmade: ("is not there, and Podman before 3.2 does not make it", "make it there as an empty file")
        case .failed(.accessDenied):
          (
            "may not be read by \(name)",
            "let everybody read what is below \(shown(raw)) (mode a+rX), but for diff in overlay, which has modes of images"
          )
        case .failed(let cause): ("cannot be read (\(text(cause)))", "see to what it is on")
        case .noFile: ("is no file", "fill the store anew")
        case .invalid: ("is no valid JSON", "fill the store anew")
        }
      let isPartial =
        reading.generation < .single
        ? fault.cause == .invalid && fault.isImageList : fault.cause == .missingReadOnly && fault.file.hasSuffix("/images.lock")
      let effect = isPartial ? "Podman finds none of its images" : "Podman's commands fail, also for images that are not in it"
      return [
        Trouble(
          code: .imageStore, severity: isPartial ? .warning : .error,
          sentence: "\(fault.file) in \(shown(raw)), a part of additionalimagestores in \(file.path), \(why), and so \(effect).",
          file: file,
          change: .told(Remedy("\(cure); or \(without)", by: editor(of: file))))
      ]
    }
    let hasProgram = [["storage", "options", "overlay", "mount_program"], ["storage", "options", "mount_program"]].contains {
      reading.text($0) != nil
    }
    guard driver == "overlay", facts.mountsOverlay, !hasProgram, case .directory(let owner)? = place(asWritten: "\(raw)/overlay")?.state,
      owner != facts.account.uid
    else { return [] }
    // Copying such a file up fails with EOVERFLOW; and there is always one, since Podman makes /etc/mtab in every container.
    return [
      Trouble(
        code: .imageStore, severity: .warning,
        sentence:
          "The images in \(shown(raw)), a part of additionalimagestores in \(file.path), have files of uids that \(name)'s containers do not have (\(owner), for one), and the kernel's overlay is used for them: such a container does not start, or cannot write to what is in its image.",
        file: file,
        change: .told(
          Remedy(
            "fill it with force_mask = \"shared\" and name fuse-overlayfs as mount_program in \(file.path), or mount it for \(name) with ids mapped; or \(without)",
            by: editor(of: file))))
    ]
  }

  private func othersImages(_ raw: String, _ key: String, _ file: PodmanConfig.File) -> [Trouble] {
    let elsewhere = Remedy("take \(shown(raw)) out of \(key) in \(file.path)", by: editor(of: file))
    return troubles(of: place(asWritten: raw), raw, for: .othersImages, "a part of \(key) in \(file.path)").map {
      trouble($0, file, .told(elsewhere))
    }
  }

  /// Options of overlay for which the kernel wants extended attributes of root's.
  private static let rootsMountOptions: Set<String> = [
    "metacopy=on", "redirect_dir=on", "redirect_dir=follow", "redirect_dir=off", "verity=on", "verity=require",
  ]

  /// Words that ParseBool of Go's takes.
  static let booleans: Set<String> = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"]

  private func overlayTroubles(_ reading: PodmanReading) -> [Trouble] {
    if let driver = reading.driver?.name, !driver.hasPrefix("overlay") { return [] }
    // With most users there are none.
    if !reading.layers.contains(where: { $0.text?.value(["storage", "options"]) != nil }) { return [] }
    var found: [Trouble] = []
    func option(_ name: String) -> (text: String, file: PodmanConfig.File, key: String)? {
      for key in ["options.overlay.\(name)", "options.\(name)"] {
        if let (text, file) = reading.text(["storage"] + key.split(separator: ".").map(String.init)) { return (text, file, key) }
      }
      return nil
    }
    if reading.generation >= .merging, let value = option("sync"), value.key.hasPrefix("options.overlay."),
      !["", "none", "filesystem"].contains(value.text)
    {
      found.append(
        stopping(
          .storageOption,
          "\(value.key) in \(value.file.path) is \(shown(value.text)), which Podman does not know, and so it does not start.",
          without: value.key, of: value.file))
    }
    let program = option("mount_program")
    if let (path, file, key) = program, facts.missingPrograms.contains(path) {
      found.append(
        stopping(
          .storageOption, "\(key) in \(file.path) is \(shown(path)), which does not exist, and so Podman does not start.", without: key,
          of: file))
    }
    // A general one that is missing stops it beside a good one of the driver's.
    if let (path, file) = reading.text(["storage", "options", "mount_program"]), facts.missingPrograms.contains(path), program?.text != path
    {
      found.append(
        stopping(
          .storageOption, "options.mount_program in \(file.path) is \(shown(path)), which does not exist, and so Podman does not start.",
          without: "options.mount_program", of: file))
    }
    if program == nil, let value = option("mountopt"), value.text.split(separator: ",").contains("ro") {
      found.append(
        stopping(
          .storageOption, "\(value.key) in \(value.file.path) has ro, with which nothing can be written, and so Podman does not start.",
          without: value.key, of: value.file))
    }
    func refused(_ option: (text: String, file: PodmanConfig.File, key: String), _ why: String) -> Trouble {
      stopping(
        .storageOption, "\(option.key) in \(option.file.path) is \"\(shown(option.text))\"\(why), and so Podman does not start.",
        without: option.key, of: option.file)
    }
    // Podman before 4.8 takes any word for false in the second.
    for name in reading.generation < .single ? ["ignore_chown_errors"] : ["ignore_chown_errors", "skip_mount_home"] {
      if let value = option(name), !UserDiagnosis.booleans.contains(value.text) {
        found.append(refused(value, ", which is neither true nor false"))
      }
    }
    // Podman from 3.2 on mounts with userxattr, where these are no more than refused, and passes over that.
    if reading.generation == .oldest, program == nil, let value = option("mountopt") {
      let words = value.text.split(separator: ",")
      if !words.contains("userxattr"), let word = words.first(where: { UserDiagnosis.rootsMountOptions.contains(String($0)) }) {
        found.append(refused(value, ", of which \(word) needs root"))
      }
    }
    if program == nil, let value = option("mountopt"),
      let word = value.text.split(separator: ",").first(where: {
        $0.hasPrefix("lowerdir=") || $0.hasPrefix("upperdir=") || $0.hasPrefix("workdir=")
      })
    {
      found.append(refused(value, ", of which Podman sets \(word.prefix { $0 != "=" }) itself"))
    }
    if reading.generation >= .single, let value = option("use_composefs") {
      if !UserDiagnosis.booleans.contains(value.text) {
        found.append(refused(value, ", which is neither true nor false"))
      } else if ["1", "t"].contains(value.text.lowercased().prefix(1)) {
        found.append(refused(value, ", which needs root"))
      }
    }
    if let value = option("force_mask"), value.text != "shared", value.text != "private",
      !value.text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "7") })
    {
      found.append(refused(value, ", which is no mode"))
    }
    let type = reading.store.flatMap { place($0.path)?.type }
    for name in ["size", "inodes"] {
      // Podman before 3.2 does not know the second.
      guard name == "size" || reading.generation >= .lenient else { continue }
      guard let (value, file, key) = option(name), let type, type != "xfs" else { continue }
      found.append(
        stopping(
          .storageOption,
          "\(key) in \(file.path) is \"\(shown(value))\": overlay can do that on xfs alone, the store is on \(type), and so Podman does not start.",
          without: key, of: file))
    }
    if reading.generation < .single, program == nil, let (value, file, key) = option("force_mask") {
      found.append(
        stopping(
          .storageOption, "\(key) in \(file.path) is \"\(shown(value))\": without mount_program Podman does not start.", without: key,
          of: file))
    }
    return found
  }

  /// Up to 4.7 a rootless Podman takes ids of remap-… for ids of its own user namespace, where there are not so many. Later ones do not
  /// look at them.
  private func remapTroubles(_ reading: PodmanReading) -> [Trouble] {
    var found: [Trouble] = []
    func refuse(_ key: String, _ value: (text: String, file: PodmanConfig.File), _ why: String) {
      found.append(
        stopping(
          .storageOption, "options.\(key) in \(value.file.path) is \(shown(value.text)), \(why), and so Podman does not start.",
          without: "options.\(key)", of: value.file))
    }
    // The oldest stops at a name that has such ids, and those from 4.2 to 4.7 at one that has none.
    if [.oldest, .early].contains(facts.podmanGeneration) {
      for key in ["remap-user", "remap-group"] {
        guard let value = reading.text(["storage", "options", key]) else { continue }
        let hasIDs = facts.remappedNames.contains(value.text)
        if hasIDs != (reading.generation == .oldest) { continue }
        refuse(key, value, hasIDs ? "whose subordinate ids are none of its user namespace" : "who has no subordinate ids")
        break
      }
    }
    if reading.generation < .single {
      for key in ["remap-uids", "remap-gids"] {
        guard let value = reading.text(["storage", "options", key]) else { continue }
        // INSIDE:OUTSIDE:COUNT, with commas between several.
        let starts = value.text.split(separator: ",").compactMap { range -> UInt32? in
          let numbers = range.split(separator: ":")
          return numbers.count == 3 ? UInt32(numbers[1]) : nil
        }
        if starts.contains(where: { $0 > 65_536 }) { refuse(key, value, "ids that are none of its user namespace") }
      }
    }
    return found
  }

  // MARK: containers.conf

  func judgeContainersConf() {
    guard let all = facts.podmanConfig?.engine else { return }
    // Podman before 3.2 reads no directories of them.
    judgeContainersConf(all.filter { facts.podmanGeneration != .oldest || !$0.path.contains("/containers.conf.d/") })
  }

  /// - Parameter written: in the order in which they are read.
  func judgeContainersConf(_ written: [PodmanConfig.File]) {
    let files = written.map { $0.read(by: facts.podmanGeneration) }
    // An unknown one is of this time.
    let generation = facts.podmanGeneration ?? .merging
    for file in files {
      let edit = Remedy("edit \(file.path)", by: editor(of: file))
      switch file.file {
      case .absent, .dangling: continue
      // What keeps both files from being read is told once.
      case .failed where file.place == .user && file.file == facts.storageConf?.file: continue
      case .notRegular, .tooLarge, .failed:
        add(.containersConf, .error, "\(file.path) \(unreadable(file.file)): Podman does not start.", edit)
      case .content:
        if let problem = file.problem {
          add(
            .containersConf, .error, "\(file.path) is invalid TOML (line \(problem.line): \(problem.reason)): Podman does not start.", edit)
        }
        judgeLaterProblem(of: file)
        if let text = file.text, let (what, cure) = syntaxFault(of: file, text, generation) {
          add(.containersConf, .error, "\(file.path) \(what): Podman does not start.", Remedy(cure, by: editor(of: file)))
        }
      }
    }
    func value(_ key: String) -> (text: String, file: PodmanConfig.File)? { UserDiagnosis.last(["engine", key], of: files) }
    for file in files {
      guard let text = file.text else { continue }
      for fault in PodmanKey.faults(inContainersConf: text, generation) {
        add(
          .containersConf, .error,
          "\(fault.key.path) in \(file.path) is \(fault.kind), and has to be \(fault.key.type.name): Podman does not start.",
          Remedy("write \(fault.key.path) as \(fault.key.type.name) in \(file.path)", by: editor(of: file)))
      }
    }
    judgeWords(files)
    judgeEventsDirectory(files)
    judgeNetworkDirectory(files)
    judgeOwnEnvironment(files)
    if facts.podmanGeneration ?? .merging >= .single, let (backend, file) = value("database_backend"),
      !["boltdb", "sqlite"].contains(backend)
    {
      let known = facts.podmanGeneration == nil ? " That concerns \(PodmanGeneration.names([.single, .merging]))." : ""
      add(
        .containersConf, .error,
        "database_backend in \(file.path) is \"\(shown(backend))\", which Podman does not know: it does not start.\(known)",
        Remedy("take database_backend out of \(file.path)", by: editor(of: file)))
    }
    let hasOlder = facts.storageConf?.database?.hasSuffix(UserExaminer.olderDatabase) ?? false
    if facts.podmanGeneration == .single, !hasOlder, let (backend, file) = value("database_backend"), backend == "boltdb" {
      add(
        .containersConf, .warning,
        "database_backend in \(file.path) is boltdb: from version 5 on Podman makes no new database of that kind, and does not start.",
        Remedy("take database_backend out of \(file.path)", by: editor(of: file)))
    }
    if facts.podmanGeneration ?? .merging == .merging, let (backend, file) = value("database_backend"), backend == "boltdb" {
      let known = facts.podmanGeneration == nil ? " That concerns \(PodmanGeneration.names([.merging]))." : ""
      add(
        .containersConf, .error, "database_backend in \(file.path) is boltdb, which Podman makes no more: it does not start.\(known)",
        Remedy("take database_backend out of \(file.path)", by: editor(of: file)))
    }
    for key in UserExaminer.engineKeys where key != "image_copy_tmp_dir" || facts.podmanGeneration != .oldest {
      guard let (path, file) = value(key) else { continue }
      let place = place(asWritten: path)
      let remedy = Remedy("take \(key) out of \(file.path), or set it to a directory of \(name)'s", by: editor(of: file))
      // It is a word with a meaning of its own.
      if key == "image_copy_tmp_dir" && path == "storage" { continue }
      if isInRuntimeDirectory(path) { continue }
      let use = PlaceUse(engineKey: key)
      // For what is gone when a command ends, a directory of anybody's will do.
      if key == "image_copy_tmp_dir", case .absent? = place?.state {
        add(
          .containersConf, .error,
          "\(key) in \(file.path) is \(shown(path)), which does not exist, and Podman does not make it: it can neither pull nor import or build images.\(literalNote(path))",
          remedy)
        continue
      }
      if use == .scratch, let place, case .directory = place.state, !place.isClosed {
        add(troubles(of: place, path, for: use, "\(key) in \(file.path)"), elsewhere: remedy)
        continue
      }
      if let place, place.isNetwork, key != "image_copy_tmp_dir" {
        if case .directory(facts.account.uid) = place.state {
          add(
            .containersConf, .note,
            "\(key) in \(file.path) is \(shown(path)), which is on a network file system (\(place.type ?? "unknown")): files of other ids than \(name)'s cannot be made there.",
            remedy)
          continue
        }
      }
      if let (code, sentence) = problem(ofStore: path, place, "\(key) in \(file.path)", facts), code != .graphrootNetwork {
        add(.containersConf, .error, sentence + literalNote(path), remedy)
      } else {
        add(troubles(of: place, path, for: use, "\(key) in \(file.path)"), elsewhere: remedy)
      }
    }
  }

  /// Podman makes a lock in it with its first command.
  private func judgeNetworkDirectory(_ files: [PodmanConfig.File]) {
    guard facts.podmanGeneration ?? .merging >= .early,
      let (path, file) = UserDiagnosis.last(["network", "network_config_dir"], of: files), path.hasPrefix("/")
    else { return }
    let why: String
    switch place(asWritten: path)?.state {
    case .directory(let owner) where owner != facts.account.uid && place(asWritten: path)?.isClosed == true:
      why = "which is owned by uid \(owner), and where \(name) may make nothing"
    case nil, .directory, .absent: return
    case .unreachable(let nearest): why = "which does not exist, and \(name) may not create it in \(nearest)"
    case .notDirectory: why = "and a component of it is no directory"
    case .failed(let cause): why = "which cannot be reached: \(text(cause))"
    }
    add(
      .containersConf, .error,
      "network_config_dir in \(file.path) is \(shown(path)), \(why): Podman does not start.\(literalNote(path))",
      Remedy("take network_config_dir out of \(file.path)", by: editor(of: file)))
  }

  /// Variables that Podman gives itself with `env`, before it looks at them.
  private func judgeOwnEnvironment(_ files: [PodmanConfig.File]) {
    let variables = files.flatMap { file in (file.text.map(PodmanReading.environment) ?? []).map { (file, $0.name, $0.value) } }
    for (file, variable, value) in variables where !value.isEmpty {
      let why: String
      switch variable {
      case "TMPDIR":
        guard let place = place(asWritten: value), let problem = problem(ofTemporary: place) else { continue }
        why = "\(problem): Podman can neither pull nor import or build images"
      case "CONTAINERS_STORAGE_CONF": why = "and Podman reads that file in place of \(UserDiagnosis.storageConfFile)"
      case "CONTAINERS_STORAGE_CONF_OVERRIDE" where facts.podmanGeneration ?? .merging == .merging:
        why = "and what that file sets wins over all other files"
      case "STORAGE_OPTS": why = "which overrides the options of storage.conf"
      case "XDG_CONFIG_HOME" where [.lenient, .early].contains(facts.podmanGeneration):
        guard case .unreachable? = place(asWritten: value)?.state else { continue }
        why = "which \(name) may not make, and so Podman before 4.8 does not start"
      case "CONTAINER_HOST" where facts.podmanGeneration != .oldest, "CONTAINER_CONNECTION" where facts.podmanGeneration != .oldest:
        why = "and Podman only asks the service there"
      default: continue
      }
      add(
        .containersConf, .warning, "engine.env in \(file.path) sets \(variable)=\(shown(value)), \(why).",
        Remedy("take \(variable) out of env in \(file.path)", by: editor(of: file)))
    }
  }

  private func judgeEventsDirectory(_ files: [PodmanConfig.File]) {
    guard let (path, file) = UserDiagnosis.last(["engine", "events_logfile_path"], of: files), path.hasPrefix("/") else { return }
    let directory = UserExaminer.directory(of: path)
    switch place(asWritten: directory)?.state {
    case nil, .directory, .absent: return
    case .unreachable, .notDirectory, .failed:
      add(
        .containersConf, .error,
        "events_logfile_path in \(file.path) is in \(shown(directory)), which \(name) can neither use nor make: Podman does not start.\(literalNote(path))",
        Remedy("take events_logfile_path out of \(file.path)", by: editor(of: file)))
    }
  }

  /// What only later versions than the one of this host stumble on.
  func judgeLaterProblem(of file: PodmanConfig.File) {
    guard let problem = file.laterProblem else { return }
    add(
      .containersConf, .warning,
      "\(file.path) is invalid TOML (line \(problem.line): \(problem.reason)), which Podman of this host does not see: later ones do not start.",
      Remedy("edit \(file.path)", by: editor(of: file)))
  }

  /// The text that counts: the last file's that has one.
  private static func last(_ path: [String], of files: [PodmanConfig.File]) -> (text: String, file: PodmanConfig.File)? {
    for file in files.reversed() {
      if case .string(let text)? = file.text?.value(path), !text.isEmpty { return (text, file) }
    }
    return nil
  }

  /// Runtimes that Podman knows by name (common/pkg/config/default.go). Of any other name, a file has to tell the path.
  private static let runtimes: Set<String> = [
    "crun", "crun-vm", "crun-wasm", "kata", "krun", "ocijail", "runc", "runj", "runsc", "youki",
  ]

  /// Keys of containers.conf that take one of a few words.
  private func judgeWords(_ files: [PodmanConfig.File]) {
    func last(_ path: [String]) -> (text: String, file: PodmanConfig.File)? { UserDiagnosis.last(path, of: files) }
    func refuse(_ severity: Finding.Severity, _ key: String, _ value: (text: String, file: PodmanConfig.File), _ why: String) {
      add(
        .containersConf, severity, "\(key) in \(value.file.path) is \"\(shown(value.text))\", \(why): it does not start.",
        Remedy("take \(key) out of \(value.file.path)", by: editor(of: value.file)))
    }
    for (key, words) in [("events_logger", ["journald", "file", "none"]), ("lock_type", ["shm", "file"])] {
      if let value = last(["engine", key]), !words.contains(value.text.lowercased()) {
        refuse(.error, key, value, "which Podman does not know")
      }
    }
    if let value = last(["engine", "runtime"]), !value.text.contains("/"), !UserDiagnosis.runtimes.contains(value.text),
      !files.contains(where: { $0.text?.value(["engine", "runtimes", value.text]) != nil })
    {
      refuse(.error, "runtime", value, "of which no file tells Podman where it is")
    }
    let generation = facts.podmanGeneration ?? .merging
    if let value = last(["engine", "runtime"]), facts.missingPrograms.contains(value.text) {
      refuse(.error, "runtime", value, "which is not there")
    }
    let runtime = last(["engine", "runtime"])?.text
    for file in files.reversed() {
      guard let runtime, case .array(let paths)? = file.text?.value(["engine", "runtimes", runtime]) else { continue }
      let named = paths.compactMap { if case .string(let path) = $0 { path } else { nil } }
      if !named.isEmpty, !UserDiagnosis.runtimes.contains(runtime), named.allSatisfy({ facts.missingPrograms.contains($0) }) {
        refuse(.error, "runtimes.\(runtime)", (named[0], file), "which is not there")
      }
      break
    }
    if let value = last(["engine", "pull_policy"]),
      !["always", "missing", "ifmissing", "ifnotpresent", "newer", "ifnewer", "never"].contains(value.text.lowercased())
    {
      refuse(.error, "pull_policy", value, "which Podman does not know")
    }
    if generation >= .early, let value = last(["engine", "image_volume_mode"]),
      !["bind", "anonymous", "tmpfs", "ignore", "nullfs"].contains(value.text)
    {
      refuse(.error, "image_volume_mode", value, "which Podman does not know")
    }
    if let value = last(["engine", "namespace"]), facts.podmanGeneration.map({ $0 >= .single }) ?? false {
      refuse(.error, "namespace", value, "a key that Podman does not take any more")
    }
    if generation < .early {
      for file in files {
        guard case .array(let pairs)? = file.text?.value(["engine", "env"]) else { continue }
        for case .string(let pair) in pairs where !(pair.dropFirst().contains("=") && !pair.hasPrefix("=")) {
          refuse(generation == .oldest ? .error : .warning, "engine.env", (pair, file), "which is no NAME=value")
        }
      }
    }
    if let value = last(["containers", "tz"]), facts.missingZones.contains(value.text) {
      refuse(.error, "tz", value, "which is neither in /usr/share/zoneinfo nor in /etc/zoneinfo")
    }
    for file in files {
      guard case .array(let devices)? = file.text?.value(["containers", "devices"]) else { continue }
      for case .string(let device) in devices where !UserDiagnosis.isDevice(device) {
        refuse(.error, "devices", (device, file), "which is no device below /dev, with a place and rwm behind it")
      }
    }
    if generation >= .early, let file = files.last(where: { $0.text?.value(["engine", "events_logfile_max_size"]) != nil }) {
      switch file.text?.value(["engine", "events_logfile_max_size"]) {
      case .string(let size)? where !size.isEmpty && !UserDiagnosis.isSize(size):
        refuse(.error, "events_logfile_max_size", (size, file), "which is no size")
      case .integer(let size)? where size < 0: refuse(.error, "events_logfile_max_size", ("\(size)", file), "which is no size")
      default: break
      }
    }
    if generation >= .single, let file = files.last(where: { $0.text?.value(["engine", "helper_binaries_dir"]) != nil }),
      case .array(let paths)? = file.text?.value(["engine", "helper_binaries_dir"]), last(["network", "network_backend"])?.text != "cni",
      // What other files list is not looked at here, nor a place that depends on where podman is.
      !paths.contains(where: { if case .string(let path) = $0 { path.contains("$") } else { true } }),
      paths.allSatisfy({ if case .string(let path) = $0 { facts.missingPrograms.contains("\(path)/netavark") } else { false } })
    {
      let listed = paths.compactMap { if case .string(let path) = $0 { path } else { nil } }.joined(separator: ", ")
      add(
        .containersConf, .error,
        "helper_binaries_dir in \(file.path) lists \(listed.isEmpty ? "nothing" : shown(listed)), where netavark is not: Podman from version 5 on does not start.",
        Remedy("take helper_binaries_dir out of \(file.path), or list the directory of netavark too", by: editor(of: file)))
    }
    if let value = last(["containers", "umask"]),
      value.text.utf8.count > 4 || !value.text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "7") })
    {
      refuse(.error, "umask", value, "which is no mode")
    }
    if let value = last(["containers", "shm_size"]), !UserDiagnosis.isSize(value.text) {
      refuse(.error, "shm_size", value, "which is no size")
    }
    if generation >= .early, let value = last(["network", "default_subnet"]), !value.text.contains("/") {
      refuse(.error, "default_subnet", value, "which is no range of addresses")
    }
    for file in files {
      if case .array(let limits)? = file.text?.value(["containers", "default_ulimits"]) {
        for case .string(let limit) in limits where !limit.contains("=") {
          refuse(.error, "default_ulimits", (limit, file), "which is no name=soft:hard")
        }
      }
      if generation >= .early, case .boolean(true)? = file.text?.value(["engine", "remote"]) {
        add(
          .containersConf, .warning,
          "remote in \(file.path) is true: Podman only asks a service of another host's or of a virtual machine, and fails where there is none.",
          Remedy("take remote out of \(file.path), unless that is meant", by: editor(of: file)))
      }
    }
    if generation >= .early, let value = last(["network", "network_backend"]), value.text != "netavark" {
      switch (value.text, generation) {
      case ("cni", .early): break
      case ("cni", .single):
        refuse(.warning, "network_backend", value, "which Podman from version 5 on has only where it was built with it")
      case ("cni", _): refuse(.error, "network_backend", value, "which Podman has no more")
      default: refuse(.error, "network_backend", value, "which Podman does not know")
      }
    }
  }

  /// SOURCE, SOURCE:PLACE, SOURCE:MODE or SOURCE:PLACE:MODE; or the name of a device of CDI's.
  private static func isDevice(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    func isMode(_ part: Substring) -> Bool { !part.isEmpty && part.allSatisfy { "rwm".contains($0) } && Set(part).count == part.count }
    if !text.hasPrefix("/"), text.contains("/"), text.contains("=") { return true }
    guard parts[0].hasPrefix("/dev/") else { return false }
    switch parts.count {
    case 1: return true
    case 2: return isMode(parts[1]) || parts[1].hasPrefix("/")
    case 3: return (isMode(parts[1]) || parts[1].hasPrefix("/")) && isMode(parts[2])
    default: return false
    }
  }

  private func add(_ troubles: [PlaceTrouble], elsewhere: Remedy) {
    for trouble in troubles {
      add(trouble.code, trouble.severity, trouble.sentence, remedy(for: trouble, of: .podman, elsewhere: elsewhere))
    }
  }
}

extension UserDiagnosis {
  /// Where Podman stores although the user has no file: as another one says, if every generation finds a good place there.
  var storeWithoutUsersFile: String? {
    let stores = readings.map(\.store)
    guard case .absent? = facts.storageConf?.file, let first = stores.first ?? nil else { return nil }
    let areFit = stores.allSatisfy { store in
      guard let store else { return false }
      return problem(ofStore: ExpandedPath(store.path, facts.account).path, place(store.path), store.key, facts, mayBeRoots: true) == nil
    }
    return areFit ? "\(shown(ExpandedPath(first.path, facts.account).path)), as \(first.file.path) says" : nil
  }
}
