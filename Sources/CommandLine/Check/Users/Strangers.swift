import RootlessStorage

/// What is not the user's where Podman of that user works: sudo podman with the user's configuration, or a chown, leaves such things.
struct Stranger: Equatable, Sendable {
  let path: [UInt8]
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
      let top = Array(graphroot.utf8)
      for level in ["", "/libpod", "/overlay-images", "/overlay-layers", "/overlay-containers", "/networks", "/secrets"] {
        found += strangers(in: top + Array(level.utf8), isInStore: true)
      }
    }
    if let graphroot, let links = stranger(Array("\(graphroot)/overlay/l".utf8), isInStore: true) { found.append(links) }
    let uid = decimal(UInt64(account.uid))
    if let runtime = stranger(state.runtime, isInStore: false) { return found + [runtime] }
    // Podman's locks.
    if state.isReal, let locks = stranger(Array("/dev/shm/libpod_rootless_lock_".utf8) + uid, isInStore: false) { found.append(locks) }
    for name in ["containers", "libpod", "containers/overlay-layers", "containers/overlay-images", "libpod/tmp"] {
      let place = state.runtime + Array("/\(name)".utf8)
      if let stranger = stranger(place, isInStore: false) {
        if !found.contains(stranger) { found.append(stranger) }
      } else {
        found += strangers(in: place, isInStore: false)
      }
    }
    for name in ["storage-run-", "podman-run-", "containers-user-"] {
      if let stranger = stranger(state.temporary + Array(name.utf8) + uid, isInStore: false) { found.append(stranger) }
    }
    return found
  }

  /// The first level of Docker's store.
  func strangers(inDataRoot path: String) -> [Stranger] {
    strangers(in: Array(path.utf8), isInStore: true).map { Stranger(path: $0.path, owner: $0.owner, isInStore: true, isDockers: true) }
  }

  private func strangers(in directory: [UInt8], isInStore: Bool) -> [Stranger] {
    do throws(Errno) {
      let place = try open(path: directory, .directory)
      // One of another user's is told of where it is an entry.
      guard try fileStatus(of: place).owner == account.uid else { return [] }
      return try names(in: place, limit: UserExaminer.mostEntries).filter { name in
        !UserExaminer.ofFileSystems.contains { name.elementsEqual($0.utf8) }
      }.compactMap { stranger(directory + [.slash] + $0, isInStore: isInStore) }
    } catch { return [] }
  }

  private func stranger(_ path: [UInt8], isInStore: Bool) -> Stranger? {
    do throws(Errno) {
      let owner = try fileStatus(path: path).owner
      return owner == account.uid ? nil : Stranger(path: path, owner: owner, isInStore: isInStore)
    } catch { return nil }
  }
}

extension UserDiagnosis {
  mutating func judgeStrangers() {
    for (isInStore, isDockers) in [(true, false), (true, true), (false, false)] {
      let strangers = facts.strangers.filter { $0.isInStore == isInStore && $0.isDockers == isDockers }
      guard let first = strangers.first else { continue }
      let others = strangers.count == 1 ? "" : " So are \(counted(strangers.count - 1, "other", "others")) there."
      let effect =
        isDockers
        ? "Docker cannot use it, and does not start"
        : isInStore ? "Podman cannot use it, and fails" : "Podman fails where it wants that directory"
      add(
        .storeOwner, isInStore || ["/run/", "/dev/shm/"].contains { first.path.starts(with: Array($0.utf8)) } ? .error : .warning,
        "\(shown(first.path)) is owned by uid \(first.owner), not by \(name): \(effect).\(others)",
        .root(
          "sudo ls -ld \(strangers.prefix(4).map { shellWord($0.path) }.joined(separator: " "))",
          note: "decide whose it is; it has to be \(name)'s, or be moved away"))
    }
  }
}
