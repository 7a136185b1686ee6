import RootlessStorage

/// What is not the user's where Podman of that user works: sudo podman with the user's configuration, or a chown, leaves such things.
struct Stranger: Equatable, Sendable {
  let path: [UInt8]
  let owner: UInt32
  /// In the store; else in a runtime directory.
  let isInStore: Bool
}

extension UserExaminer {
  /// So many of one directory are looked at.
  private static let mostEntries = 256

  /// Below these first levels a container's users own things too.
  func strangers(_ graphroot: String?) -> [Stranger] {
    var found: [Stranger] = []
    if let graphroot {
      let top = Array(graphroot.utf8)
      for level in ["", "/libpod", "/overlay-images", "/overlay-layers", "/overlay-containers"] {
        found += strangers(in: top + Array(level.utf8), isInStore: true)
      }
    }
    let uid = decimal(UInt64(account.uid))
    for name in ["containers", "libpod"] {
      let place = state.runtime + Array("/\(name)".utf8)
      if let stranger = stranger(place, isInStore: false) {
        found.append(stranger)
      } else {
        found += strangers(in: place, isInStore: false)
      }
    }
    for name in ["storage-run-", "podman-run-", "containers-user-"] {
      if let stranger = stranger(state.temporary + Array(name.utf8) + uid, isInStore: false) { found.append(stranger) }
    }
    return found
  }

  private func strangers(in directory: [UInt8], isInStore: Bool) -> [Stranger] {
    do throws(Errno) {
      let place = try open(path: directory, .directory)
      // One of another user's is told of where it is an entry.
      guard try fileStatus(of: place).owner == account.uid else { return [] }
      return try names(in: place, limit: UserExaminer.mostEntries).compactMap { stranger(directory + [.slash] + $0, isInStore: isInStore) }
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
    for isInStore in [true, false] {
      let strangers = facts.strangers.filter { $0.isInStore == isInStore }
      guard let first = strangers.first else { continue }
      let others = strangers.count == 1 ? "" : " So are \(counted(strangers.count - 1, "other", "others")) there."
      let effect = isInStore ? "Podman cannot use it, and fails" : "Podman fails where it wants that directory"
      add(
        .storeOwner, isInStore || first.path.starts(with: Array("/run/".utf8)) ? .error : .warning,
        "\(shown(first.path)) is owned by uid \(first.owner), not by \(name): \(effect).\(others)",
        .root(
          "sudo ls -ld \(strangers.prefix(4).map { shellWord($0.path) }.joined(separator: " "))",
          note: "decide whose it is; it has to be \(name)'s, or be moved away"))
    }
  }
}
