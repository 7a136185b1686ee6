internal import CLinux
import RootlessStorage

/// The directory that holds the storage directories, reached by a way that is to be trusted, with the settings that led there.
final class StorageParent {
  let settings: Settings
  let engines: EngineDirectories
  /// Open as a place.
  let descriptor: FileDescriptor
  let status: FileStatus
  let isRoot: Bool

  /// Reads settings and skeleton as a login does, and tells on standard error what is wrong with them without stopping anything.
  convenience init(_ options: SettingsOptions) throws(CannotLook) {
    let path = options.path
    let reading = try options.read(path)
    for problem in reading.problems { printError("rootless-storage: \(text(Wording().settings(path, problem)))") }
    try self.init(reading.settings)
  }

  init(_ settings: Settings) throws(CannotLook) {
    isRoot = geteuid() == 0
    let mounts = MountTable(blockDeviceIsLocal: false)
    self.settings = settings
    var files: [SkeletonFile] = []
    do throws(WayProblem) {
      files = try SkeletonReader(settings.skeleton, trusted: isRoot, mounts).files
    } catch {
      // Without one, nobody has other engines than the two that are always known.
      if error.reason != .missing { throw CannotLook("the skeleton cannot be used: \(text(Wording.way(error, .trusted)))") }
    }
    engines = EngineDirectories(skeleton: files)
    do throws(WayProblem) {
      let end = try walk(toDirectory: settings.storage.parent, .storage, mounts)
      status = end.status
      if let problem = StorageObserver.problem(ofParent: end.status, settings.storage.parent, settings, mounts) { throw problem }
      descriptor = end.takeDescriptor()
    } catch {
      throw CannotLook("the storage directories cannot be looked at: \(text(Wording.way(error, .storage)))")
    }
  }

  /// A storage directory stays when it is emptied: its user has an account, or may have one that nobody could ask for now, and anybody
  /// could take the name.
  func keeps(_ entry: StorageEntry) -> Bool { entry.state != .orphaned && !entry.isReplaced && status.mode & 0o022 != 0 }

  /// The whole path of an entry.
  func path(_ leaf: [UInt8]) -> [UInt8] { settings.storage.path(leaf: leaf) }
}

extension EngineDirectories {
  /// `containers` and `docker`, for a sentence.
  var shownNames: String { names.map { shown($0) }.joined(separator: ", ") }
}
