import RootlessStorage

/// A lock file of the two files (shadow's `FILE.lock`) that nobody holds.
struct AccountLockFile: Equatable {
  enum State: Equatable {
    /// By a process that is gone.
    case left(process: UInt32)
    /// The same, and another process has its number by now: shadow does not remove such a one.
    case reused(process: UInt32)
    /// It names no process. shadow never removes such a one.
    case unreadable
  }

  let path: String
  let state: State

  /// Those of this host, as far as the caller may read them.
  static func look(_ tree: HostTree) -> [AccountLockFile] {
    [SubordinateIDKind.users, .groups].compactMap { kind in
      let path = kind.file + ".lock"
      guard let content = try? tree.read(Path(path), limit: 4096) else { return nil }
      guard let holder = AccountLockHolder(content) else { return AccountLockFile(path: path, state: .unreadable) }
      let modified = tree.status(Path(path))?.modified ?? Int64.max
      guard isGone(holder, modified: modified) else { return nil }
      return AccountLockFile(
        path: path, state: processExists(holder.number) ? .reused(process: holder.number) : .left(process: holder.number))
    }
  }
}
