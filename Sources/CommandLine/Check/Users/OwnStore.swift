import RootlessStorage

/// The directory below the home that an engine stores in where no file says another one, if its user or somebody else has put it
/// elsewhere: by a symbolic link, or by a mount there.
struct OwnStore: Equatable, Sendable {
  let engine: UserFacts.Engine
  /// Relative to the home: the link, or what was mounted.
  let path: Path
  let isLink: Bool
  /// Where the store is, or would be.
  let place: Place
}

extension UserExaminer {
  /// Looked at where it ends. The process must be the user; it may hang with a file server.
  func ownStores(_ home: borrowing FileDescriptor, isNetworkHome: Bool) -> [OwnStore] {
    ([(.podman, ".local/share/containers", "storage"), (.docker, ".local/share/docker", "")] as [(UserFacts.Engine, Path, Path)]).compactMap
    {
      engine, directory, below in
      // What is most often the case: nothing is there, or a directory of the home.
      var found = moved(home, directory)
      if found == nil && !below.isEmpty { found = moved(home, directory / below) }
      guard let moved = found else { return nil }
      let place = Place(String(decoding: account.home / directory / below), settings, mounts)
      // A mount of the home's own file server is as good as the home.
      if !moved.isLink && place.isNetwork && isNetworkHome { return nil }
      return OwnStore(engine: engine, path: moved.path, isLink: moved.isLink, place: place)
    }
  }

  private func moved(_ home: borrowing FileDescriptor, _ path: Path) -> (path: Path, isLink: Bool)? {
    do throws(Errno) {
      let status = try fileStatus(at: home, path: path)
      if status.kind == .symbolicLink { return (path, true) }
      let own = try fileStatus(of: home)
      return status.kind == .directory && !status.isOnMount(of: own) ? (path, false) : nil
    } catch { return nil }
  }
}

extension UserDiagnosis {
  func ownStore(_ engine: UserFacts.Engine) -> OwnStore? { facts.ownStores.first { $0.engine == engine } }

  /// Podman stores there for these readings.
  var usingOwnStore: [PodmanReading] { ownStore(.podman) == nil || facts.dataHome != nil ? [] : readings.filter { $0.store == nil } }

  /// No `daemon.json` and no unit says where Docker stores.
  private var dockerUsesOwnStore: Bool {
    guard ownStore(.docker) != nil, facts.dataHome == nil, let daemon = facts.daemonJson, daemon.unit.option("data-root") == nil else {
      return false
    }
    switch daemon.file {
    case .absent: return daemon.isUsual
    case .content: return daemon.text.map { !$0.has("data-root") && !$0.has("graph") } ?? false
    default: return false
    }
  }

  /// Why the engine cannot use the store that its user has put elsewhere; nil if it can.
  func problem(of store: OwnStore) -> (FindingCode, String)? {
    let found = problem(ofStore: store.place.path, store.place, "~/\(shown(store.path))", facts)
    guard let (code, _) = found else { return nil }
    let what = store.isLink ? "a symbolic link" : "a mount"
    let place = "~/\(shown(store.path)) is \(what)"
    let engine = store.engine == .podman ? "Podman" : "Docker"
    let real = shown(store.place.real)
    let why: String
    switch store.place.state {
    case _ where store.place.isNetwork: why = "leads to \(real), which is on a network file system (\(store.place.type ?? "unknown"))"
    case .directory(let owner) where owner != facts.account.uid: why = "leads to \(real), which is owned by uid \(owner), not by \(name)"
    case .directory: why = "leads to \(real), where \(name) may make nothing"
    case .unreachable(let nearest): why = "leads to \(real), which does not exist, and \(name) may not create it in \(nearest)"
    case .notDirectory, .absent: why = "leads to no directory"
    case .failed(let cause): why = "leads to what cannot be reached: \(text(cause))"
    }
    return (code, "\(place) and \(why): \(engine) stores there, since no file of its configuration says another place.")
  }

  func judgeOwnStores() {
    let using = usingOwnStore
    if let store = ownStore(.podman), !using.isEmpty { judge(store, concern(using), isVfs: using.allSatisfy { $0.driver?.name == "vfs" }) }
    if let store = ownStore(.docker), dockerUsesOwnStore {
      judge(store, "", isVfs: facts.daemonJson?.text?.string("storage-driver") == "vfs")
    }
  }

  private func judge(_ store: OwnStore, _ concern: String, isVfs: Bool) {
    let path = inHome(store.path)
    let remedy =
      store.isLink
      ? run(
        "\(asUser("mv -nT \(path) \(asideInHome(store.path))")) && \(repairCommand)",
        note: "what the link leads to stays where it is")
      : run(repairCommand, after: "mount a local directory of \(name)'s at \(path) instead, or unmount it, then")
    if let (code, sentence) = problem(of: store) {
      // A file that is there is better changed.
      if case .content? = store.engine == .podman ? facts.storageConf?.file : facts.daemonJson?.file { return }
      add(store.engine == .docker ? UserDiagnosis.dockerCode[code] ?? .dataRootMissing : code, .error, sentence + concern, remedy)
      return
    }
    for trouble in troubles(of: store.place, store.place.path, for: .store, "~/\(shown(store.path))", isVfs: isVfs) {
      let isVolatile = trouble.code == .graphrootVolatile && store.engine == .docker
      let (code, severity) = isVolatile ? (FindingCode.storageVolatile, Finding.Severity.warning) : (trouble.code, trouble.severity)
      add(code, severity, trouble.sentence + concern, self.remedy(for: trouble, of: store.engine, elsewhere: remedy))
    }
  }
}
