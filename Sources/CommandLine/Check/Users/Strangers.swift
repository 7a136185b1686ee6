import RootlessStorage

/// What is not the user's where Podman of that user works: sudo podman with the user's configuration, or a chown, leaves such things.
struct Stranger: Equatable, Sendable {
  let path: Path
  let owner: UInt32
  /// In the store; else in a runtime directory.
  let isInStore: Bool
  /// Of Docker's store.
  var isDockers = false
}

extension UserExaminer {
  /// So many of one directory are looked at.
  private static let mostEntries = 256

  /// What lies at the top of a file system, which a store may be: no engine looks at it.
  private static let ofFileSystems = ["lost+found", "aquota.user", "aquota.group", ".snapshots", ".zfs"]

  /// Below these first levels a container's users own things too.
  func strangers(_ graphroot: String?) -> [Stranger] {
    var found: [Stranger] = []
    if let graphroot {
      let top = Path(graphroot)
      let names = entries(of: top)
      found += strangers(names, in: top, isInStore: true)
      for level in ["libpod", "overlay-images", "overlay-layers", "overlay-containers", "networks", "secrets"] where mayHave(level, names) {
        let place = top / Array(level.utf8)
        found += strangers(entries(of: place), in: place, isInStore: true)
      }
      if let links = stranger(top / "overlay/l", isInStore: true) { found.append(links) }
    }
    let uid = decimal(UInt64(account.uid))
    let hasRuntime: Bool
    switch look(at: state.runtime, isInStore: false) {
    case .stranger(let runtime): return found + [runtime]
    case .own: hasRuntime = true
    case .absent: hasRuntime = false
    }
    if state.isReal, let locks = stranger(locks, isInStore: false) { found.append(locks) }
    if hasRuntime {
      for (name, levels) in [("containers", ["overlay-layers", "overlay-images"]), ("libpod", ["tmp"])] as [(Path, [Path])] {
        let place = state.runtime / name
        guard addStrangers(in: place, &found) else { continue }
        for level in levels { _ = addStrangers(in: place / level, &found) }
      }
    }
    for name in ["storage-run-", "podman-run-", "containers-user-"] {
      if let stranger = stranger(state.temporary / (Array(name.utf8) + uid), isInStore: false) { found.append(stranger) }
    }
    return found
  }

  /// The directory, or what is directly in it.
  ///
  /// - Returns: whether it is there.
  private func addStrangers(in place: Path, _ found: inout [Stranger]) -> Bool {
    switch look(at: place, isInStore: false) {
    case .absent: return false
    case .own: found += strangers(entries(of: place), in: place, isInStore: false)
    case .stranger(let stranger): if !found.contains(stranger) { found.append(stranger) }
    }
    return true
  }

  /// Podman's locks.
  private var locks: Path { "/dev/shm" / (Array("libpod_rootless_lock_".utf8) + decimal(UInt64(account.uid))) }

  /// What a full /dev/shm leaves of them: with it every command is killed by a signal (SIGBUS).
  func cutLocks() -> Path? {
    do throws(Errno) {
      let status = try fileStatus(path: locks)
      // The fewest that there can be, 32, have more.
      return state.isReal && status.kind == .regular && status.size < 1024 ? locks : nil
    } catch { return nil }
  }

  /// The first level of Docker's store.
  func strangers(inDataRoot path: String) -> [Stranger] {
    let top = Path(path)
    return strangers(entries(of: top), in: top, isInStore: true).filter { stranger in
      // dockerd moves the first away, and starts without the others (20.10, 26.1).
      !["tmp", "runtimes", "trust"].contains { stranger.path.name.elementsEqual($0.utf8) }
    }.map { Stranger(path: $0.path, owner: $0.owner, isInStore: true, isDockers: true) }
  }

  /// Where dockerd and rootlesskit keep the state of what runs.
  ///
  /// - Parameter names: what is in the runtime directory.
  func dockerStrangers(inRuntimeDirectory names: [[UInt8]]) -> [Stranger] {
    ["docker", "dockerd-rootless"].filter { mayHave($0, names) }
      .compactMap { stranger(state.runtime / Array($0.utf8), isInStore: true) }
      .map { Stranger(path: $0.path, owner: $0.owner, isInStore: true, isDockers: true) }
  }

  /// The names in a directory of the user's; nil if it is none. One of another user's is told of where it is an entry.
  func entries(of directory: Path) -> [[UInt8]]? {
    do throws(Errno) {
      let place = try open(path: directory, .directory)
      guard try fileStatus(of: place).owner == account.uid else { return nil }
      return try names(in: place, limit: UserExaminer.mostEntries)
    } catch { return nil }
  }

  /// Whether the name can be in a directory of which these names were seen: what is not there need not be looked for one by one.
  func mayHave(_ name: String, _ names: [[UInt8]]?) -> Bool {
    guard let names, names.count <= UserExaminer.mostEntries else { return true }
    return names.contains { $0.elementsEqual(name.utf8) }
  }

  private func strangers(_ names: [[UInt8]]?, in directory: Path, isInStore: Bool) -> [Stranger] {
    (names ?? []).filter { name in !UserExaminer.ofFileSystems.contains { name.elementsEqual($0.utf8) } }
      .compactMap { stranger(directory / $0, isInStore: isInStore) }
  }

  private enum Look { case absent, own, stranger(Stranger) }

  private func look(at path: Path, isInStore: Bool) -> Look {
    do throws(Errno) {
      let owner = try fileStatus(path: path).owner
      return owner == account.uid ? .own : .stranger(Stranger(path: path, owner: owner, isInStore: isInStore))
    } catch { return .absent }
  }

  private func stranger(_ path: Path, isInStore: Bool) -> Stranger? {
    if case .stranger(let stranger) = look(at: path, isInStore: isInStore) { stranger } else { nil }
  }
}

extension UserDiagnosis {
  func judgeStrangers() {
    for (isInStore, isDockers) in [(true, false), (true, true), (false, false)] {
      let strangers = facts.strangers.filter { $0.isInStore == isInStore && $0.isDockers == isDockers }
      // Those come first with which nothing works.
      let sorted = strangers.filter { useWithout($0) == nil } + strangers.filter { useWithout($0) != nil }
      guard let first = sorted.first else { continue }
      let others = sorted.count == 1 ? "" : " So are \(counted(sorted.count - 1, "other", "others")) there."
      let effect =
        isDockers
        ? "Docker cannot use it, and does not start"
        : isInStore ? useWithout(first) ?? "Podman cannot use it, and fails" : "Podman fails where it wants that directory"
      let isSerious = isInStore ? useWithout(first) == nil : first.path.isAtOrBelow("/run") || first.path.isAtOrBelow("/dev/shm")
      add(
        .storeOwner, isSerious ? .error : .warning,
        "\(shown(first.path)) is owned by uid \(first.owner), not by \(name): \(effect).\(others)",
        .root(
          "sudo ls -ld \(sorted.prefix(4).map { shellWord($0.path) }.joined(separator: " "))",
          note: "decide whose it is; it has to be \(name)'s, or be moved away"))
    }
  }

  /// What fails, where Podman starts and has images all the same; nil where it does not.
  private func useWithout(_ stranger: Stranger) -> String? {
    guard stranger.isInStore, !stranger.isDockers else { return nil }
    switch String(decoding: stranger.path.name, as: UTF8.self) {
    case "secrets": return "Podman cannot use it, and has no secrets"
    case "artifacts": return "Podman cannot use it, and has no artifacts"
    case "volumes": return "Podman cannot use it, and containers with named volumes do not start"
    case "networks" where facts.podmanGeneration.map { $0 < .single } ?? false:
      return "Podman cannot use it, and containers with networks of their own do not start"
    default: return nil
    }
  }
}
