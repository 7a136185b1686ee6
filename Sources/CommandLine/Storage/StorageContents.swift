import RootlessStorage

// What in a storage directory is a user's work, and cannot be pulled again.

extension StorageInventory {
  /// Directories of volumes, in which each volume has one of its own with `_data` in it.
  private static let volumes: [Path] = ["containers/storage/volumes", "docker/volumes"]

  /// The components below an engine's directory that lead to its volumes; none where that is not known.
  static func volumes(of engine: [UInt8]) -> [[UInt8]] {
    for path in volumes.map(\.components) where path.first == engine { return Array(path.dropFirst()) }
    return []
  }
  /// Directories in which each container, running or not, has one of its own.
  private static let containers: [Path] = [
    "containers/storage/overlay-containers", "containers/storage/vfs-containers", "docker/containers",
  ]
  /// What has more entries is taken for used, unseen.
  private static let mostNames = 4096

  /// A volume with something in it, or a container, is there. What cannot be looked at counts as such.
  func holdsData(_ entry: StorageEntry) -> Bool {
    do throws(Errno) {
      let place = try open(at: parent.descriptor, entry.leaf, .pathOnly)
      let seen = try fileStatus(of: place)
      guard FileIdentity(seen) == entry.identity, seen.kind == .directory, seen.isOnMount(of: parent.status) else { return true }
      for path in StorageInventory.containers {
        guard try isDirectory(place, path, of: entry.uid, seen) else { continue }
        if try hasEntry(place, path, { directory, name throws(Errno) in try fileStatus(at: directory, name).kind == .directory }) {
          return true
        }
      }
      for path in StorageInventory.volumes {
        guard try isDirectory(place, path, of: entry.uid, seen) else { continue }
        if try hasEntry(place, path, { directory, name throws(Errno) in try isVolumeWithData(directory, name) }) { return true }
      }
      return false
    } catch {
      return true
    }
  }

  /// - Parameter path: every component was seen to be a directory, and no link; were one exchanged since, opening it fails.
  private func hasEntry(
    _ place: borrowing FileDescriptor, _ path: Path, _ counts: (borrowing FileDescriptor, [UInt8]) throws(Errno) -> Bool
  ) throws(Errno) -> Bool {
    var directory = try open(at: place, [.dot], .pathOnlyDirectory)
    for component in path.components { directory = try open(at: directory, component, .pathOnlyDirectory) }
    let names = try names(in: open(at: directory, [.dot], .directory), limit: StorageInventory.mostNames)
    if names.count >= StorageInventory.mostNames { return true }
    for name in names where try counts(directory, name) { return true }
    return false
  }

  private func isVolumeWithData(_ directory: borrowing FileDescriptor, _ name: [UInt8]) throws(Errno) -> Bool {
    if try fileStatus(at: directory, name).kind != .directory { return false }
    let volume = try open(at: directory, name, .pathOnlyDirectory)
    let data: FileDescriptor
    do throws(Errno) { data = try open(at: volume, Array("_data".utf8), .directory) } catch {
      if error == .noEntry { return false }
      throw error
    }
    return try DirectoryReader(data).next() != nil
  }
}
