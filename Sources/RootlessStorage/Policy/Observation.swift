/// What was seen, and nothing of what it means. The observer makes it, the planner judges it.
public struct Observation: Equatable, Sendable {
  public var home: HomeObservation
  /// Looked at only when the home is on a network file system, as `files` are.
  public var storage: StorageObservation?
  /// One for each file of the skeleton, in its order.
  public var files: [FileObservation]

  public init(home: HomeObservation, storage: StorageObservation? = nil, files: [FileObservation] = []) {
    self.home = home
    self.storage = storage
    self.files = files
  }
}

public enum HomeObservation: Equatable, Sendable {
  case on(FileSystem)
  case notAbsolute
  case notDirectory
  /// ENOENT, which autofs also says while the server is down.
  case missing
  case ownedBy(UInt32)
  /// The user may not get there.
  case denied(Errno)
  /// The user may not get there, and the file server there wants a Kerberos ticket.
  case withoutTicket(KerberosMount, Errno)
  case failed(Errno)
  /// The home can be opened, but nobody tells its file system's type.
  case typeUnknown(Errno)
}

/// The place of the storage directory.
public struct StorageObservation: Equatable, Sendable {
  /// Others can make entries in the parent, or in the directory above it where the way ends: so anybody could have put there what
  /// stands in the way.
  public var parentIsWritableByOthers: Bool
  public var state: State

  public enum State: Equatable, Sendable {
    case absent
    /// A directory of the user's, closed to other writers.
    case inPlace(mode: UInt32)
    /// A directory of the user's that others can write to.
    case writableByOthers(mode: UInt32, content: Content)
    /// Something else.
    case occupied(by: FileKind, owner: UInt32)
    case onNetwork(type: [UInt8])
    /// A FUSE mount: whoever made it says what one sees there.
    case userMount(owner: UInt32?)
    /// The parent, or a directory on the way to it, is not to be trusted, or cannot be reached.
    case way(PathError)
    case failed(Errno)
  }

  public enum Content: Equatable, Sendable {
    /// Nothing but directories of engines, all the user's or of the user's subordinate ids.
    case own
    /// The same, and other things of the user's.
    case ownAndOther
    case foreign(name: [UInt8], owner: UInt32)
    /// A directory of an engine is the user's, and others can write to it: a default access control list of somebody else's directory,
    /// in which the user has once made it, does that.
    case openEngine(name: [UInt8], mode: UInt32)
    /// Something is mounted there.
    case mount(name: [UInt8])
    case tooMuchToTell
  }

  /// Whether what is there may be exchanged for the user's own directory.
  ///
  /// Only in a directory where anybody can make entries, and with the sticky bit, nobody but root can undo it (the walk there has seen
  /// to both): elsewhere only an administrator can have put it there, or the user had another uid then. Links and directories of root's,
  /// and links of the user's own, are somebody's decision even there; a file, FIFO or socket may be a hard link to anybody's, and is
  /// no use to anybody in this place. So is a character device that is not root's: a whiteout, the one kind that users may make.
  package func mayBeTaken(from account: Account) -> Bool {
    guard parentIsWritableByOthers, case .occupied(let kind, let owner) = state else { return false }
    switch kind {
    case .regular, .fifo, .socket: return true
    case .directory, .symbolicLink: return owner != 0 && owner != account.uid
    case .characterDevice: return owner != 0
    case .blockDevice, .unknown: return false
    }
  }

  /// Somebody who is neither root nor the user of this uid says what lies there.
  package func isAnothers(than uid: UInt32) -> Bool {
    switch state {
    case .occupied(_, let owner): owner != 0 && owner != uid
    case .userMount(let owner?): owner != 0 && owner != uid
    case .userMount(nil): true
    case .writableByOthers(_, .foreign(_, let owner)): owner != 0
    case .writableByOthers(_, .mount), .writableByOthers(_, .openEngine): true
    case .way(let problem): problem.mayBeTamperedByOthers || problem.owner.map { $0 != 0 && $0 != uid } ?? false
    case .absent, .inPlace, .writableByOthers, .onNetwork, .failed: false
    }
  }

  public init(parentIsWritableByOthers: Bool, state: State) {
    self.parentIsWritableByOthers = parentIsWritableByOthers
    self.state = state
  }
}

/// Why a path cannot be walked with trust, and where.
public struct PathError: Error, Equatable, Sendable {
  /// The path down to the component at fault.
  public var path: Path
  public var reason: Reason

  public enum Reason: Equatable, Sendable {
    case missing, notDirectory, notRegular, tooManySymbolicLinks, tooLarge, tooManyFiles
    case ownedBy(UInt32)
    case writableByOthers(mode: UInt32)
    case linkOwnedBy(UInt32)
    case onNetwork(type: [UInt8])
    /// A FUSE mount: whoever made it says what one sees there.
    case userMount
    case failed(Errno)
  }

  /// Others can write to the directory that holds what is at fault, or to that itself: so they may have done it.
  public var mayBeTamperedByOthers: Bool

  /// Whose the component at fault is, where that is the fault.
  var owner: UInt32? {
    switch reason {
    case .ownedBy(let owner), .linkOwnedBy(let owner): owner
    default: nil
    }
  }

  public init(path: Path, reason: Reason) {
    self.path = path
    self.reason = reason
    if case .writableByOthers = reason { mayBeTamperedByOthers = true } else { mayBeTamperedByOthers = false }
  }
}

/// The place of one file of the skeleton in the home.
public struct FileObservation: Equatable, Sendable {
  public var state: State
  /// Names in the file's directory that a killed helper left behind.
  public var leftovers: [[UInt8]]

  public enum State: Equatable, Sendable {
    /// Something bears the name, whatever it is.
    case present
    case absent
    /// Absent, and the engine that would read it has a store that the user moved: `path` is a symbolic link, or on another mount of a
    /// local file system.
    case storeMoved(path: Path)
    /// Absent, and it cannot be told whether that store was moved.
    case storeUnknown(path: Path, Errno)
    /// A component on the way is no directory, or not accessible.
    case blocked(Errno)
    case failed(Errno)
  }

  public init(state: State, leftovers: [[UInt8]] = []) {
    self.state = state
    self.leftovers = leftovers
  }
}
