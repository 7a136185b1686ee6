import RootlessStorage

/// A file of an additional image store that keeps Podman from reading the store.
///
/// Podman (4.3 and 5.4 were asked) opens the locks of a store that it only reads, and then the lists. It makes a lock that is missing,
/// and a list that is missing is an empty one; a store of root's it cannot make anything in.
struct ImageStoreFault: Equatable, Sendable {
  enum Cause: Equatable, Sendable {
    /// A lock, in a directory where the user can make none.
    case missing
    /// The same where nobody can: Podman since 4.9 then passes over a store, if it is the lock of its images.
    case missingReadOnly
    /// The same where the user could, and Podman before 3.2 does not.
    case unmade
    case failed(Errno)
    case noFile
    /// Not what encoding/json of Go's takes.
    case invalid
  }

  /// Relative to the store.
  let file: String
  let cause: Cause
  /// With a list of images that is invalid, Podman before 4.8 goes on without its images.
  var isImageList: Bool { file.hasSuffix("/images.json") }

  /// The first that there is; nil if there is none, or nothing that belongs to a store.
  ///
  /// - Parameters:
  ///   - store: absolute. The process must be the user; what it asks may hang with a file server.
  ///   - needsLocks: Podman makes nothing there.
  init?(in store: String, needsLocks: Bool = false) {
    for (directory, lock, list) in [("images", "images.lock", "images.json"), ("layers", "layers.lock", "layers.json")] {
      for driver in ["overlay", "vfs"] {
        let name = "\(driver)-\(directory)"
        guard let cause = ImageStoreFault.fault("\(store)/\(name)", lock, list, needsLocks: needsLocks && driver == "overlay") else {
          continue
        }
        (file, self.cause) = ("\(name)/\(cause.file)", cause.cause)
        return
      }
    }
    return nil
  }

  private static func fault(_ directory: String, _ lock: String, _ list: String, needsLocks: Bool) -> (file: String, cause: Cause)? {
    do throws(Errno) {
      let place = try open(path: Path(directory), .pathOnlyDirectoryFollowing)
      do throws(Errno) { _ = try open(at: place, Array(lock.utf8), .readingFollowing) } catch {
        if error != .noEntry { return (lock, .failed(error)) }
        if needsLocks { return (lock, .unmade) }
        if !canMakeFiles(in: place) { return (lock, isReadOnly(place) ? .missingReadOnly : .missing) }
      }
      switch ConfigFile.read(at: place, Path(list)) {
      // What is larger is not read for this.
      case .absent, .tooLarge: return nil
      case .dangling, .notRegular: return (list, .noFile)
      case .failed(let cause): return (list, .failed(cause))
      case .content(let content):
        return StoreFault.problem(ofList: content.bytes) == nil ? nil : (list, .invalid)
      }
    } catch {
      // Judged by its place.
      return needsLocks && error == .noEntry ? (lock, .unmade) : nil
    }
  }
}
