/// Only one session of a user replaces what is in the place of their storage directory: an open file description lock (fcntl(2),
/// F_OFD_SETLK) on `/run/rootless-storage/takeover.UID`, which only root can open, one file for each user, so that nobody keeps others
/// waiting. It goes with its process. Nothing depends on it but quiet: without it, two sessions exchange each other's directories once.
struct TakeoverLock: ~Copyable {
  enum Failure: Error, Equatable {
    /// Another session holds it.
    case held
    /// There is no such file, and none can be made.
    case unavailable
  }

  private let file: FileDescriptor

  /// The process must be root.
  ///
  /// - Parameter end: until when another session is waited for (`monotonicMilliseconds`).
  init(uid: UInt32, _ mounts: MountTable, until end: Int64) throws(Failure) {
    guard let directory = runDirectory(mounts) else { throw .unavailable }
    let name = Array("takeover.".utf8) + decimal(UInt64(uid))
    do throws(Errno) {
      let file = try open(at: directory, name, .locking, permissions: 0o600)
      let status = try fileStatus(of: file)
      guard status.kind == .regular && status.owner == 0 else { throw .notPermitted }
      try lockWhole(file, until: end)
      self.file = file
    } catch {
      throw error == .wouldBlock ? .held : .unavailable
    }
  }

  /// The end of what had to be done under the lock.
  consuming func release() {}
}

/// `/run/rootless-storage`, where nobody but root can write; nil: there is none to be had. tmpfiles.d makes it at boot; a host that was not
/// booted since the installation has none yet. The process must be root.
func runDirectory(_ mounts: MountTable) -> FileDescriptor? {
  let path: Path = "/run/rootless-storage"
  do throws(PathError) { return try walk(toDirectory: path, .trusted, mounts).takeDescriptor() } catch {
    if error.reason != .missing { return nil }
  }
  do throws(PathError) {
    make(in: try walk(toDirectory: "/run", .trusted, mounts))
    return try walk(toDirectory: path, .trusted, mounts).takeDescriptor()
  } catch {
    return nil
  }
}

/// Whatever comes of it is looked at again.
private func make(in parent: borrowing OpenedPath) {
  do throws(Errno) { try makeNamedDirectory(at: parent.descriptor, Array("rootless-storage".utf8), mode: 0o755) } catch {}
}
