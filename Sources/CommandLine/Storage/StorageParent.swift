import RootlessStorage

/// The directory that holds the storage directories, reached by a way that is to be trusted, with the settings that led there.
final class StorageParent {
  let settings: Settings
  let engines: EngineDirectories
  /// Open as a place.
  let descriptor: FileDescriptor
  let status: FileStatus
  let isRoot: Bool

  /// Reads the skeleton as a login does.
  init(_ settings: Settings) throws(CommandError) {
    isRoot = effectiveIDs().user == 0
    let mounts = MountTable(blockDeviceIsLocal: false)
    self.settings = settings
    var files: [SkeletonFile] = []
    do throws(PathError) {
      files = try SkeletonReader(settings.skeleton, trusted: isRoot, mounts).files
    } catch {
      // Without one, nobody has other engines than the two that are always known.
      if error.reason != .missing { throw CommandError("the skeleton cannot be used: \(text(Wording.way(error, .trusted)))") }
    }
    engines = EngineDirectories(skeleton: files)
    do throws(PathError) {
      let end = try walk(toDirectory: settings.storage.parent, .storage, mounts)
      status = end.status
      if let problem = StorageObserver.problem(ofParent: end.status, settings.storage.parent, settings, mounts) { throw problem }
      descriptor = end.takeDescriptor()
    } catch {
      throw CommandError("the storage directories cannot be looked at: \(text(Wording.way(error, .storage)))")
    }
  }

  /// A storage directory stays when it is emptied: its user has an account, or may have one that nobody could ask for now, and anybody
  /// could take the name.
  func keeps(_ entry: StorageEntry) -> Bool { entry.state != .orphaned && !entry.isAside && status.mode & 0o022 != 0 }

  /// The whole path of an entry.
  func path(_ leaf: [UInt8]) -> Path { settings.storage.parent / leaf }
}

extension EngineDirectories {
  /// `containers` and `docker`, for a sentence.
  var shownNames: String { names.map { shown($0) }.joined(separator: ", ") }
}

extension StorageParent {
  /// The directory is of this container's own, so that nobody outside of it is at work there: the first process says that it is a
  /// container's (`container=` in its environment, as podman, systemd-nspawn and LXC set it), and the directory is on the mount
  /// that is its root and ours. A volume may be anybody's too.
  var isContainersOwn: Bool {
    do throws(Errno) {
      let environment = try readAll(try open(path: "/proc/1/environ", .reading), limit: 1 << 20)
      guard parts(environment, separator: { $0 == 0 }).contains(where: { begins($0, with: Array("container=".utf8)) && $0.count > 10 })
      else { return false }
      let root = try fileStatus(of: try open(path: "/", .pathOnlyDirectory))
      let first = try fileStatus(of: try open(path: "/proc/1/root", .pathOnlyDirectoryFollowing))
      return FileIdentity(root) == FileIdentity(first) && first.isOnMount(of: root) && status.isOnMount(of: root)
    } catch {
      return false
    }
  }
}

extension StorageParent {
  /// Of the file system that it is on; nil where that does not tell.
  var disk: DiskSpace? {
    guard let volume = try? Volume(of: descriptor, MountTable(blockDeviceIsLocal: false).fileSystem(of: status), settings) else {
      return nil
    }
    return DiskSpace(volume)
  }
}
