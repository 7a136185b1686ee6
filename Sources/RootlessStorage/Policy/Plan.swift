/// What is to be done, and what is to be said about what was seen. A value: made by the planner, shown or performed by others.
public struct Plan: Equatable, Sendable {
  public enum Action: Equatable, Sendable {
    /// Make the storage directory, with the user's ownership from birth.
    case createStorageDirectory(mode: UInt32)
    /// Take the write bits for others away from the storage directory.
    case restrictStorageDirectory(from: UInt32, to: UInt32)
    /// Put a directory of the user's into the place of another's object, which stays beside it under another name.
    case takePlace(from: FileKind, owner: UInt32)
    /// Remove what a killed helper left in this directory of the home.
    case removeLeftover(directory: Path, name: [UInt8])
    /// Create a file of the home, whole or not at all, and never over another.
    case createFile(NewFile)
  }

  /// Paths are relative to the home.
  public struct NewFile: Equatable, Sendable {
    public let directory: Path
    public let name: [UInt8]
    public let mode: UInt32
    public let content: [UInt8]

    public var path: Path { directory / name }
  }

  public var actions: [Action] = []
  public var events: [Event] = []

  /// The storage directory is not fit to point at, so nothing at all is to be done.
  public var refusesStorage: Bool { events.contains { if case .storageRefused = $0 { true } else { false } } }

  public init(actions: [Action] = [], events: [Event] = []) {
    self.actions = actions
    self.events = events
  }
}

extension Plan.NewFile {
  /// - Parameter content: what the skeleton's file is for this user.
  package init(_ file: SkeletonFile, content: [UInt8]) {
    self.init(directory: file.path.parent, name: file.path.name, mode: file.mode, content: content)
  }
}
