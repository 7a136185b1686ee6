/// What Podman remembers of its test whether overlay works.
///
/// containers/storage tests that once, on the file system of the first storage directory it is pointed to, and records a failure as the
/// file `overlay-false` below its runtime directory (`cachedFeatureRecord`, drivers/overlay of containers/storage; seen with Podman 4.3.1,
/// 5.4.2, 5.8.6 and 6.1.1). From then on it refuses overlay wherever the storage is, until the runtime directory goes. Whoever has tried
/// Podman on a network home before has that file, and it outlives every session of a user who lingers. The other results of that kind
/// stop nothing.
///
/// Everything is done as the user, with the user's rights alone, and by descriptors: in `/tmp` anybody may have made the directories.
public struct OverlayCache {
  fileprivate static let fileName = Array("overlay-false".utf8)
  private static let directories = [Array("containers".utf8), Array("overlay".utf8)]
  /// A cause in words: more is no record of Podman's.
  private static let largestFile: UInt64 = 4096

  private let uid: UInt32
  private let mounts: MountTable
  /// Podman's runtime directories, the one with a session manager first, then those that it makes itself without one.
  private let places: [Path]

  public init(uid: UInt32, _ mounts: MountTable) {
    self.uid = uid
    self.mounts = mounts
    let number = decimal(UInt64(uid))
    places = ["/run/user/", "/tmp/storage-run-", "/tmp/podman-run-", "/tmp/containers-user-"].map { Path(Array($0.utf8) + number) }
  }

  /// Whether there may be a record in the session's runtime directory, for the price of one system call.
  public var mayBeThere: Bool {
    var path = places[0]
    for name in OverlayCache.directories + [OverlayCache.fileName] { path = path / name }
    do throws(Errno) {
      _ = try fileStatus(path: path)
      return true
    } catch { return false }
  }

  /// A record that was found.
  package struct Record: ~Copyable {
    package let path: Path
    /// Seconds since the epoch.
    package let changed: Int64
    fileprivate let directory: FileDescriptor

    /// unlinkat(2).
    package func remove() throws(Errno) { try unlink(at: directory, OverlayCache.fileName) }
  }

  /// Calls with each record that is there. Never enters a directory that another user controls, or another file system.
  package func forEach(_ body: (borrowing Record) -> Void) {
    for place in places {
      do throws(Errno) { if let record = try record(in: place) { body(record) } } catch { continue }
    }
  }

  private func record(in place: Path) throws(Errno) -> Record? {
    var path = place
    var directory = try open(path: place, .pathOnlyDirectory)
    var status = try fileStatus(of: directory)
    guard isOwn(status) else { return nil }
    // Another user may have mounted it, and show an owner of their choice, and answer nothing else ever.
    if case .named(let type) = try mounts.fileSystem(of: status), Settings.isUserMount(type) { return nil }
    for name in OverlayCache.directories {
      // Looked at before it is entered: what is mounted there may be a file system that never answers.
      let seen = try cachedStatus(at: directory, name)
      guard isOwn(seen), seen.isInMount(of: status) else { return nil }
      let next = try open(at: directory, name, .pathOnlyDirectory)
      status = try fileStatus(of: next)
      guard isOwn(status), status.isSameFile(as: seen) else { return nil }
      directory = next
      path = path / name
    }
    let file = try fileStatus(at: directory, OverlayCache.fileName)
    guard file.kind == .regular, file.owner == uid, file.links == 1, file.size <= OverlayCache.largestFile else { return nil }
    return Record(path: path / OverlayCache.fileName, changed: file.changed, directory: directory)
  }

  private func isOwn(_ status: FileStatus) -> Bool { status.kind == .directory && status.owner == uid && status.mode & 0o022 == 0 }
}
