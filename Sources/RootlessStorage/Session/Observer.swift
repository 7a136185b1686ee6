/// Looks, as the user, and changes nothing. It keeps the descriptors of what it looked at, so that the executor acts on the very
/// same places.
public struct HomeObserver: ~Copyable {
  public let observation: HomeObservation
  /// The home, open as a place.
  let descriptor: FileDescriptor?
  private let status: FileStatus?

  /// Resolves the home by the kernel, as any program of the user's would: that triggers autofs. O_PATH and AT_STATX_DONT_SYNC ask
  /// nothing of the file server.
  public init(_ account: Account, _ settings: Settings) {
    guard account.home.first == 0x2f else {
      self.init(.notAbsolute)
      return
    }
    do throws(Errno) {
      let home = try open(path: account.home, .directoryPlaceFollowing)
      let status = try fileStatus(of: home)
      guard status.owner == account.uid else {
        self.init(.ownedBy(status.owner))
        return
      }
      let type: FileSystem
      do throws(Errno) { type = try fileSystem(of: home, status, blockDeviceIsLocal: settings.blockDeviceIsLocal) } catch {
        self.init(.typeUnknown(error))
        return
      }
      self.init(.on(type), home, status)
    } catch {
      self.init(HomeObserver.meaning(of: error))
    }
  }

  private init(_ observation: HomeObservation) {
    self.observation = observation
    descriptor = nil
    status = nil
  }

  private init(_ observation: HomeObservation, _ descriptor: consuming FileDescriptor, _ status: FileStatus) {
    self.observation = observation
    self.descriptor = .some(descriptor)
    self.status = status
  }

  private static func meaning(of error: Errno) -> HomeObservation {
    switch error {
    case .noEntry: .missing
    case .notDirectory, .tooManySymlinks, .nameTooLong: .notDirectory
    case .accessDenied, .notPermitted, .noKey, .keyExpired, .keyRevoked: .denied(error)
    default: .failed(error)
    }
  }

  /// Looks at the places of the skeleton's files. Costs a stat of each; more only where one is missing or has a second link.
  public func files(_ skeleton: [SkeletonFile]) -> [FileObservation] {
    skeleton.map { look($0) }
  }

  private func look(_ file: SkeletonFile) -> FileObservation {
    // A home that could not be opened is not looked into.
    switch descriptor {
    case .some(let home): return look(file, in: home)
    case .none: return FileObservation(state: .failed(.stale))
    }
  }

  private func look(_ file: SkeletonFile, in home: borrowing FileDescriptor) -> FileObservation {
    do throws(Errno) {
      let seen = try fileStatus(at: home, file.path)
      // Killed between link(2) and unlink(2), a helper leaves a second link.
      let suspicious = seen.kind == .regular && seen.links > 1
      return FileObservation(state: .present, leftovers: suspicious ? leftovers(home, file.directory) : [])
    } catch {
      if error == .noEntry { return absent(home, file) }
      return FileObservation(state: error.isObstacleOnWay ? .blocked(error) : .failed(error))
    }
  }

  private func absent(_ home: borrowing FileDescriptor, _ file: SkeletonFile) -> FileObservation {
    let left = leftovers(home, file.directory)
    if let store = file.ownStore, isMoved(home, store) { return FileObservation(state: .storeMoved(path: store), leftovers: left) }
    return FileObservation(state: .absent, leftovers: left)
  }

  private func isMoved(_ home: borrowing FileDescriptor, _ store: [UInt8]) -> Bool {
    do throws(Errno) {
      let seen = try fileStatus(at: home, store)
      guard let status else { return false }
      return seen.kind == .symbolicLink || seen.mount != status.mount || seen.deviceMajor != status.deviceMajor
        || seen.deviceMinor != status.deviceMinor
    } catch {
      return false
    }
  }

  private func leftovers(_ home: borrowing FileDescriptor, _ path: [UInt8]) -> [[UInt8]] {
    do throws(Errno) {
      let directory = try open(at: home, path.isEmpty ? [0x2e] : path, .directoryFollowing)
      let host = hostName()
      let now = wallClock()
      var found: [[UInt8]] = []
      for name in try names(in: directory, limit: 4096) {
        guard found.count < 64, let temporary = TemporaryName(name) else { continue }
        let written = try fileStatus(at: directory, name).modified
        if temporary.isLeftover(onHost: host, age: now - written, processIsGone: isGone) { found.append(name) }
      }
      return found
    } catch {
      // Another login may be clearing up at this moment; what stays is found the next time.
      return []
    }
  }
}

extension Errno {
  /// A component on the way to a file is no directory, or not accessible, as opposed to a fault.
  var isObstacleOnWay: Bool {
    switch self {
    case .notDirectory, .accessDenied, .notPermitted, .tooManySymlinks, .nameTooLong: true
    default: false
    }
  }
}

/// The place of the storage directory, and what is there.
public struct StorageObserver: ~Copyable {
  public let observation: StorageObservation
  /// The directory that holds it, open as a place; nil if the way there is not to be trusted.
  let parent: FileDescriptor?
  let leaf: [UInt8]

  /// - Parameter leaf: the component that `settings.storage` gives for this account.
  public init(_ account: Account, _ settings: Settings, leaf: [UInt8]) {
    self.leaf = leaf
    do throws(WayProblem) {
      let end = try walk(toDirectory: settings.storage.parent, .storage)
      let open = end.status.mode & 0o022 != 0
      let state = StorageObserver.problem(ofParent: end, settings) ?? look(at: leaf, in: end.descriptor, account, settings)
      observation = StorageObservation(parentIsWritableByOthers: open, state: state)
      parent = end.takeDescriptor()
    } catch {
      var open = false
      if case .writableByOthers = error.reason { open = error.path == settings.storage.parent }
      observation = StorageObservation(parentIsWritableByOthers: open, state: .way(error))
      parent = nil
    }
  }

  private static func problem(ofParent end: borrowing WayEnd, _ settings: Settings) -> StorageObservation.State? {
    do throws(Errno) {
      if let type = try networkType(end.descriptor, end.status, settings) {
        return .way(WayProblem(path: settings.storage.parent, reason: .onNetwork(type: type)))
      }
      return nil
    } catch {
      return .way(WayProblem(path: settings.storage.parent, reason: .failed(error)))
    }
  }
}

extension WayEnd {
  consuming func takeDescriptor() -> FileDescriptor { descriptor }
}

/// The type of the file system if it counts as a network one.
private func networkType(_ file: borrowing FileDescriptor, _ status: FileStatus, _ settings: Settings) throws(Errno) -> [UInt8]? {
  switch try fileSystem(of: file, status, blockDeviceIsLocal: settings.blockDeviceIsLocal) {
  case .blockDevice: nil
  case .named(let type): settings.isNetwork(type) ? type : nil
  }
}

/// What bears the name in the parent. A directory of the user's that others can write to is looked into, one level deep.
func look(
  at leaf: [UInt8], in parent: borrowing FileDescriptor, _ account: Account, _ settings: Settings
) -> StorageObservation.State {
  do throws(Errno) {
    let place = try open(at: parent, leaf, .anyPlace)
    let seen = try fileStatus(of: place)
    guard seen.kind == .directory && seen.owner == account.uid else { return .occupied(by: seen.kind, owner: seen.owner) }
    if let type = try networkType(place, seen, settings) { return .onNetwork(type: type) }
    if seen.mode & 0o022 == 0 { return .inPlace(mode: seen.mode) }
    return .writableByOthers(mode: seen.mode, content: try content(of: try open(at: place, [0x2e], .directory), account))
  } catch {
    return error == .noEntry ? .absent : .failed(error)
  }
}

/// Whether everything directly in the storage directory is the user's.
func content(of directory: borrowing FileDescriptor, _ account: Account) throws(Errno) -> StorageObservation.Content {
  let entries = try names(in: directory, limit: 1024)
  if entries.count > 1024 { return .tooMuchToTell }
  for name in entries {
    do throws(Errno) {
      let owner = try fileStatus(at: directory, name).owner
      if owner != account.uid { return .foreign(name: name, owner: owner) }
    } catch {
      // Gone since it was listed.
      if error != .noEntry { throw error }
    }
  }
  return .own
}
