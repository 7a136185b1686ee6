import RootlessStorage

/// Where a path of a user's config file leads, as that user's programs would find it.
struct Place: Equatable, Sendable {
  enum State: Equatable, Sendable {
    case directory(owner: UInt32)
    /// It can be made, in a directory that exists.
    case absent
    /// It cannot: `nearest` exists and is not the user's to write to.
    case unreachable(nearest: String)
    case notDirectory
    case failed(Errno)
  }

  /// As it was written.
  let path: String
  let state: State
  /// The same without symbolic links, dots and needless slashes, as engines tell it.
  private(set) var real: String
  /// It is there, and the process may make nothing in it.
  private(set) var isClosed = false
  /// That is since the mount is read-only.
  private(set) var isOnReadOnlyMount = false
  /// The file system of the path, or of the nearest directory above it; nil if nobody tells.
  let type: String?
  let isNetwork: Bool
  /// The volume of it; nil on a network file system, and where nobody tells.
  private(set) var volume: Volume?
  /// What the file system is in, if that is a file of a network file system.
  private(set) var image: NetworkImage?

  /// - Parameter path: absolute. The process must be the user; what it asks may hang with a file server.
  init(_ path: String, _ settings: Settings, _ mounts: MountTable) {
    self.path = path
    real = Place.cleaned(Path(path))
    var nearest = Path(path)
    var isWhole = true
    while true {
      do throws(Errno) {
        let place = try open(path: nearest, .pathOnlyDirectoryFollowing)
        let status = try fileStatus(of: place)
        (type, isNetwork) = Place.fileSystem(status, settings, mounts)
        if let above = realPath(ofPlace: place), above.isAbsolute {
          real = Place.cleaned(above / Array(path.utf8.dropFirst(nearest.bytes.count)))
        }
        if isWhole {
          state = .directory(owner: status.owner)
          isClosed = !canMakeFiles(in: place)
          if isClosed { isOnReadOnlyMount = isReadOnly(place) }
        } else {
          state = canMakeFiles(in: place) ? .absent : .unreachable(nearest: shown(nearest))
        }
        if !isNetwork {
          volume = Place.volume(place, status, settings, mounts)
          image = NetworkImage(status, settings, mounts)
        }
        return
      } catch {
        guard error == .noEntry, nearest.isAbsolute, nearest != "/" else {
          state = error == .notDirectory || error == .tooManySymlinks ? .notDirectory : .failed(error)
          type = nil
          isNetwork = false
          return
        }
        // What bears the name all the same is a symbolic link that leads nowhere.
        if Place.isThere(nearest) {
          state = .notDirectory
          type = nil
          isNetwork = false
          return
        }
        isWhole = false
        nearest = nearest.parent
      }
    }
  }

  /// As filepath.Clean of Go's does it with an absolute path.
  static func cleaned(_ path: Path) -> String {
    var kept: [[UInt8]] = []
    for part in path.bytes.split(separator: .slash) {
      switch String(decoding: part, as: UTF8.self) {
      case ".": continue
      case "..": _ = kept.popLast()
      default: kept.append(Array(part))
      }
    }
    return String(decoding: Path(absolute: kept))
  }

  private static func fileSystem(_ status: FileStatus, _ settings: Settings, _ mounts: MountTable) -> (String?, Bool) {
    do throws(Errno) {
      if case .named(let name) = try mounts.fileSystem(of: status) { return (shown(name), settings.isNetwork(name)) }
    } catch {}
    return (nil, false)
  }

  private static func volume(_ place: borrowing FileDescriptor, _ status: FileStatus, _ settings: Settings, _ mounts: MountTable) -> Volume?
  {
    do throws(Errno) { return try Volume(of: place, mounts.fileSystem(of: status), settings) } catch { return nil }
  }

  private static func isThere(_ path: Path) -> Bool {
    do throws(Errno) { _ = try open(path: path, .pathOnly) } catch { return false }
    return true
  }
}

extension Place {
  static func isDirectory(_ path: String) -> Bool {
    do throws(Errno) { _ = try open(path: Path(path), .pathOnlyDirectoryFollowing) } catch { return false }
    return true
  }

  var exists: Bool { if case .directory = state { true } else { false } }
}
