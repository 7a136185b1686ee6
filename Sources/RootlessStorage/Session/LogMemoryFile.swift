/// `/run/rootless-storage/UID`, root's alone, where the lines that have been logged of a user are kept until the host goes down
/// (`LogMemory`). Whatever cannot be read or written is as if nothing had been logged: too many lines do less harm than too few.
///
/// It is opened as root, and held over the drop of root's rights: what is said after that would be said at every session otherwise. The
/// process cannot be traced, and what could be written are hashes of lines about this very user.
public struct LogMemoryFile: ~Copyable {
  /// So many names may be in the directory for one more to be made: each takes a page of memory.
  private static let mostFiles = 65536

  private let file: FileDescriptor

  /// The process must be root.
  ///
  /// - Parameter memory: gets what is in the file.
  /// - Returns: nil if there is no such file, and none can be made.
  public static func ofUser(_ uid: UInt32, _ mounts: MountTable, into memory: inout LogMemory) -> LogMemoryFile? {
    guard let directory = runDirectory(mounts) else { return nil }
    do throws(Errno) {
      let file = try opened(decimal(UInt64(uid)), in: directory)
      let status = try fileStatus(of: file)
      guard status.kind == .regular && status.owner == 0 && status.mode & 0o077 == 0 && status.links == 1 else { return nil }
      memory = LogMemory(try readAll(file, limit: LogMemory.length), random: try randomNumber())
      return LogMemoryFile(file: file)
    } catch {
      return nil
    }
  }

  private static func opened(_ name: [UInt8], in directory: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
    do throws(Errno) { return try open(at: directory, name, .updating) } catch {
      if error != .noEntry { throw error }
    }
    let listed = try open(at: directory, [.dot], .directory)
    if try names(in: listed, limit: mostFiles).count >= mostFiles { throw .noSpace }
    return try open(at: directory, name, .creatingToUpdate, permissions: 0o600)
  }

  /// In one call: a session of the same user at the same moment loses its lines, or this one does.
  public func write(_ memory: LogMemory) {
    guard let content = memory.content else { return }
    do throws(Errno) { try overwrite(file, content) } catch {}
  }
}
