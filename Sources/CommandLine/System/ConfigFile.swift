internal import CLinux
import RootlessStorage

/// A config file as a program of the user's would read it: through symbolic links, but never waiting for a FIFO, and bounded.
enum ConfigFile: Equatable, Sendable {
  case absent
  /// A symbolic link that leads nowhere.
  case dangling
  case notRegular(FileKind)
  case tooLarge
  case failed(Errno)
  case content(Content)

  struct Content: Equatable, Sendable {
    let bytes: [UInt8]
    /// The name is a symbolic link to the file.
    let isLink: Bool
    let owner: UInt32
    let mode: UInt32
    let identity: FileIdentity
    /// Where the link leads in the end; nil where nobody tells.
    var target: Path? = nil
    /// It is /dev/null, which programs read as an empty file: so a file of the site's is masked, or an own one switched off.
    var isNull = false
  }

  /// Larger ones nobody writes by hand.
  static let largest = 1 << 20

  /// By what a file is known again that was read before, unchanged.
  struct Mark: Equatable, Sendable {
    private let identity: FileIdentity
    private let size: UInt64
    private let modified: Int64
    private let changed: Int64

    fileprivate init(_ status: FileStatus) {
      identity = FileIdentity(status)
      size = status.size
      modified = status.modified
      changed = status.changed
    }
  }

  /// A regular file that everybody may read, and that nobody but root can change or exchange; nil for any other.
  static func common(_ path: Path) -> (Mark, ConfigFile)? {
    do throws(PathError) {
      let file = try walk(toFile: path, .trusted, MountTable(blockDeviceIsLocal: true))
      let status = file.status
      guard status.mode & 0o004 != 0, let bytes = try? readAll(file.descriptor, limit: largest, chunk: 65536), bytes.count <= largest else {
        return nil
      }
      return (
        Mark(status),
        .content(Content(bytes: bytes, isLink: false, owner: status.owner, mode: status.mode, identity: FileIdentity(status)))
      )
    } catch { return nil }
  }

  /// - Parameters:
  ///   - directory: where `path` begins. The process must be the user.
  ///   - known: what may be there, and was read before.
  static func read(
    at directory: borrowing FileDescriptor, _ path: Path, limit: Int = largest, known: (mark: Mark, file: ConfigFile)? = nil
  ) -> ConfigFile {
    read(limit, known, status: { () throws(Errno) in try fileStatus(at: directory, path: path) }) { () throws(Errno) in
      try open(at: directory, path: path, .readingFollowing)
    }
  }

  /// The same of an absolute path.
  static func read(path: Path, limit: Int = largest) -> ConfigFile {
    read(limit, nil, status: { () throws(Errno) in try fileStatus(path: path) }) { () throws(Errno) in
      try open(path: path, .readingFollowing)
    }
  }

  private static func read(
    _ limit: Int, _ known: (mark: Mark, file: ConfigFile)?, status: () throws(Errno) -> FileStatus,
    open: () throws(Errno) -> FileDescriptor
  ) -> ConfigFile {
    let named: FileStatus
    do throws(Errno) { named = try status() } catch {
      return error == .noEntry ? .absent : .failed(error)
    }
    do throws(Errno) {
      let file = try open()
      let status = try fileStatus(of: file)
      guard status.kind == .regular else { return isNull(status) ? .empty(status, named) : .notRegular(status.kind) }
      let bytes: [UInt8]
      if let known, case .content(let content) = known.file, known.mark == Mark(status) {
        bytes = content.bytes
      } else {
        // It is small most often, and its end is then seen with it.
        bytes = try readAll(file, limit: limit, chunk: Int(min(65536, max(4096, status.size + 1))))
      }
      if bytes.count > limit { return .tooLarge }
      let isLink = named.kind == .symbolicLink
      return .content(
        Content(
          bytes: bytes, isLink: isLink, owner: status.owner, mode: status.mode, identity: FileIdentity(status),
          target: isLink ? realPath(ofPlace: file) : nil))
    } catch {
      if error == .noEntry && named.kind == .symbolicLink { return .dangling }
      // open(2) of a socket.
      if error == Errno(ENXIO) { return .notRegular(.socket) }
      return .failed(error)
    }
  }
}

extension ConfigFile {
  /// The last bytes of a large one; nil where nobody tells.
  static func end(of path: String, _ count: Int) -> [UInt8]? {
    do throws(Errno) {
      let file = try open(path: Path(path), .readingFollowing)
      let status = try fileStatus(of: file)
      guard status.kind == .regular else { return nil }
      if status.size > UInt64(count), lseek(file.raw, -count, SEEK_END) < 0 { return nil }
      return try readAll(file, limit: count)
    } catch { return nil }
  }

  /// The first bytes, or fewer; nil where it is no file, or cannot be read.
  static func beginning(of path: String, _ count: Int) -> [UInt8]? {
    do throws(Errno) {
      let file = try open(path: Path(path), .readingFollowing)
      guard try fileStatus(of: file).kind == .regular else { return nil }
      // One more than the limit is read.
      return try readAll(file, limit: count - 1)
    } catch { return nil }
  }

  private static func isNull(_ status: FileStatus) -> Bool {
    guard status.kind == .characterDevice else { return false }
    do throws(Errno) { return FileIdentity(try fileStatus(path: "/dev/null")) == FileIdentity(status) } catch { return false }
  }

  private static func empty(_ status: FileStatus, _ named: FileStatus) -> ConfigFile {
    .content(
      Content(
        bytes: [], isLink: named.kind == .symbolicLink, owner: status.owner, mode: status.mode, identity: FileIdentity(status),
        target: "/dev/null", isNull: true))
  }

  /// As if it had been read, for a rehearsal.
  init(sample: String) { self = .content(Content(bytes: Array(sample.utf8), isLink: false, owner: 65533, mode: 0o600, identity: .none)) }
}
