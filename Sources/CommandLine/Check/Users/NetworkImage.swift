import RootlessStorage

/// A file on a network file system that has in it the file system that a place is on (loop(4)).
///
/// Such a file system keeps what it has read, and knows nothing of others who write to it: two hosts that have it mounted at once destroy
/// it. Nothing of the file or of its content tells that another host has it mounted. A lock does, which a file server shows to all hosts,
/// if whoever mounts takes one that lasts as long as the loop device (packaging/doc/admin.md).
struct NetworkImage: Equatable, Sendable {
  /// As this host's kernel tells it.
  let path: String
  /// The type of the file system that it lies on.
  let type: String
  let lock: LockHolder

  /// - Parameter status: of the place. The process must be the user; what it asks may hang with a file server.
  init?(_ status: FileStatus, _ settings: Settings, _ mounts: MountTable) {
    guard status.deviceMajor == NetworkImage.loopDevices else { return nil }
    do throws(Errno) {
      // It is there only while a file is behind the device, and everybody may read it.
      let link = "/sys/dev/block" / status.device / "loop/backing_file"
      let path = Path(Array(try readAll(open(path: link, .reading), limit: 4096).prefix { $0 != .newline }))
      let place = try open(path: path, .pathOnlyFollowing)
      let file = try fileStatus(of: place)
      guard file.kind == .regular, case .named(let type) = try mounts.fileSystem(of: file), settings.isNetwork(type) else { return nil }
      self.path = String(decoding: path)
      self.type = shown(type)
      lock = NetworkImage.lock(place)
    } catch { return nil }
  }

  init(path: String, type: String, lock: LockHolder) { (self.path, self.type, self.lock) = (path, type, lock) }

  /// Their number in devices.txt of Linux.
  private static let loopDevices: UInt32 = 7

  private static func lock(_ place: borrowing FileDescriptor) -> LockHolder {
    do throws(Errno) { return LockHolder(of: try reopen(place)) } catch { return .unknown }
  }
}

extension UserDiagnosis {
  /// What has to be known of a store in an image, or done about it.
  ///
  /// - Parameter sentence: that it is, without its end.
  private func judge(_ image: NetworkImage, _ sentence: String) -> (FindingCode, Finding.Severity, String, Remedy) {
    switch image.lock {
    case .another:
      (
        .imageOnTwoHosts, .error,
        "\(sentence), which another host has locked, and this one has not: both seem to have it mounted, and what one of them writes destroys what the other has written.",
        Remedy(
          "end \(name)'s containers and unmount it on one of the two hosts at once; then unmount it on the other one too, and check it with xfs_repair or fsck before it is mounted again",
          by: .root, note: "what was written since the second mount may be lost")
      )
    case .nobody:
      (
        .imageInHome, .warning,
        "\(sentence), which nobody has locked: nothing keeps another host from mounting it too, which would destroy it, and nothing would show it.",
        Remedy(
          "mount it by what takes a lock that lasts as long as the loop device, as the chapter about images in homes of the administrator's guide does",
          by: .root)
      )
    case .thisHost, .unknown:
      (
        .imageInHome, .note,
        "\(sentence). One host at a time may have it mounted\(image.lock == .thisHost ? ", and this one has locked it" : ", and whether it is locked is not known").",
        Remedy("nothing has to be done, if this host has no disk for it; else a directory of the host's own is faster and safer")
      )
    }
  }

  /// - Parameter setting: what names the place, and the file that says it.
  func trouble(_ image: NetworkImage, _ path: String, _ setting: String) -> PlaceTrouble {
    let (code, severity, sentence, remedy) = judge(
      image, "\(setting) is \(shown(path)), in a file system in the image \(shown(image.path)) on \(image.type)")
    return PlaceTrouble(code: code, severity: severity, sentence: sentence, cure: .command(remedy))
  }

  /// An image that is mounted where an engine's store would be, if no file said another place.
  func judgeUnusedImages() {
    for store in facts.ownStores where !store.isLink {
      guard let image = store.place.image else { continue }
      let used = store.engine == .podman ? graphroot : dataRoot
      if used == store.place.real || used == store.place.path { continue }
      let engine = store.engine == .podman ? "Podman" : "Docker"
      let sentence =
        "The image \(shown(image.path)) on \(image.type) is mounted at ~/\(shown(store.path)), and \(engine) stores at \(used.map { shown($0) } ?? "another place")"
      if image.lock == .another {
        let (code, severity, sentence, remedy) = judge(image, sentence + ": the image")
        add(code, severity, sentence, remedy)
      }
      let file = store.engine == .podman ? UserDiagnosis.storageConfFile : "~/.config/docker/daemon.json"
      add(
        .imageInHome, .warning, "\(sentence): what is in the image is not used.",
        Remedy(
          "in \(file): \(store.engine == .podman ? "graphroot" : "data-root") = \"\(shown(store.place.path))\"; or unmount the image",
          by: .user(name)))
    }
  }
}
