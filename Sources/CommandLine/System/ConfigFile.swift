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
    let inode: UInt64
  }

  /// Larger ones nobody writes by hand.
  static let largest = 1 << 20

  /// - Parameter directory: where `path` begins. The process must be the user.
  static func read(at directory: borrowing FileDescriptor, _ path: [UInt8], limit: Int = largest) -> ConfigFile {
    let named: FileStatus
    do throws(Errno) { named = try fileStatus(at: directory, path) } catch {
      return error == .noEntry ? .absent : .failed(error)
    }
    do throws(Errno) {
      let file = try open(at: directory, path, .readingFollowing)
      let status = try fileStatus(of: file)
      guard status.kind == .regular else { return .notRegular(status.kind) }
      let bytes = try readAll(file, limit: limit, chunk: 65536)
      if bytes.count > limit { return .tooLarge }
      let isLink = named.kind == .symbolicLink
      return .content(Content(bytes: bytes, isLink: isLink, owner: status.owner, mode: status.mode, inode: status.inode))
    } catch {
      if error == .noEntry && named.kind == .symbolicLink { return .dangling }
      // open(2) of a socket.
      if error == Errno(ENXIO) { return .notRegular(.socket) }
      return .failed(error)
    }
  }
}
