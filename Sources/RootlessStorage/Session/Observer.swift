/// Looks, as the user, and changes nothing. It keeps the descriptors of what it looked at, so that the executor acts on the very
/// same places.
public struct HomeObserver: ~Copyable {
  public let observation: HomeObservation
  /// The home, open as a place.
  package let descriptor: FileDescriptor?
  private let status: FileStatus?
  private let uid: UInt32

  /// Resolves the home by the kernel, as any program of the user's would: that triggers autofs. O_PATH and AT_STATX_DONT_SYNC ask
  /// nothing of the file server.
  public init(_ account: Account, _ mounts: MountTable) {
    let uid = account.uid
    guard account.home.isAbsolute else {
      self.init(.notAbsolute)
      return
    }
    do throws(Errno) {
      let home = try open(path: account.home, .pathOnlyDirectoryFollowing)
      let status = try fileStatus(of: home)
      if status.owner != uid {
        // Before a FUSE mount was asked for the first time, the kernel makes its root's owner up: it is asked before it is refused.
        let owner = try syncedStatus(of: home).owner
        guard owner == uid else {
          self.init(.ownedBy(owner))
          return
        }
      }
      let type: FileSystem
      do throws(Errno) { type = try mounts.fileSystem(of: status) } catch {
        self.init(.typeUnknown(error))
        return
      }
      self.init(.on(type), home, status, uid)
    } catch {
      self.init(HomeObserver.meaning(of: error, account.home, mounts))
    }
  }

  private init(_ observation: HomeObservation) {
    self.observation = observation
    descriptor = nil
    status = nil
    uid = UInt32.max
  }

  private init(_ observation: HomeObservation, _ descriptor: consuming FileDescriptor, _ status: FileStatus, _ uid: UInt32) {
    self.observation = observation
    self.descriptor = .some(descriptor)
    self.status = status
    self.uid = uid
  }

  private static func meaning(of error: Errno, _ home: Path, _ mounts: MountTable) -> HomeObservation {
    switch error {
    case .noEntry: return .missing
    case .notDirectory, .tooManySymlinks, .nameTooLong: return .notDirectory
    case .accessDenied, .noKey, .keyExpired, .keyRevoked:
      // The last directory on the path that the user may open says whether the file server wants a ticket.
      var reached = home
      do throws(PathError) { _ = try walk(toDirectory: home, .any, mounts) } catch { reached = error.path }
      for place in [reached, reached.parent] {
        do throws(Errno) {
          guard let security = kerberos(of: try open(path: place, .pathOnlyDirectoryFollowing)) else { break }
          return .withoutTicket(security, error)
        } catch {}
      }
      return .denied(error)
    case .notPermitted: return .denied(error)
    default: return .failed(error)
    }
  }

  /// When Podman's configuration in the home was last changed, in seconds since the epoch as the file server counts them; 0: there is none.
  public var storageConfChanged: Int64 {
    switch descriptor {
    case .none: return 0
    case .some(let home):
      do throws(Errno) { return try fileStatus(at: home, path: SkeletonFile.storageConf).changed } catch { return 0 }
    }
  }

  /// Looks at the places of the skeleton's files. Costs a stat of each; more only where one is missing, out of reach, or has a
  /// second link.
  ///
  /// - Parameters:
  ///   - settings: tell which mounts lie on network file systems.
  ///   - findingAllLeftovers: looks for leftovers beside every file, which costs a listing of each directory.
  public func files(
    _ skeleton: [SkeletonFile], _ settings: Settings, _ mounts: MountTable, findingAllLeftovers: Bool = false
  ) -> [FileObservation] {
    // Nobody looks into a home that could not be opened.
    if case .withoutTicket = observation { return [] }
    let look = FilesLook(settings: settings, mounts: mounts, findsAllLeftovers: findingAllLeftovers)
    return skeleton.map { self.look($0, look) }
  }

  /// How the files are looked at.
  private struct FilesLook {
    let settings: Settings
    let mounts: MountTable
    let findsAllLeftovers: Bool
  }

  /// What the home turns out to be once its files were looked at: it can be opened as a place by a user who may not enter it.
  public func observation(after files: [FileObservation], of account: Account, _ mounts: MountTable) -> HomeObservation {
    let isDenied = files.contains { file in
      guard case .blocked(let cause) = file.state else { return false }
      return cause == .accessDenied || cause.isOfKey
    }
    guard isDenied else { return observation }
    switch descriptor {
    case .none: return observation
    case .some(let home):
      do throws(Errno) { _ = try fileStatus(at: home, path: "./.") } catch {
        return HomeObserver.meaning(of: error, account.home, mounts)
      }
      return observation
    }
  }

  private func look(_ file: SkeletonFile, _ how: FilesLook) -> FileObservation {
    // A home that could not be opened is not looked into.
    switch descriptor {
    case .some(let home): return look(file, in: home, how)
    case .none: return FileObservation(state: .failed(.stale))
    }
  }

  private func look(_ file: SkeletonFile, in home: borrowing FileDescriptor, _ how: FilesLook) -> FileObservation {
    do throws(Errno) {
      let seen = try fileStatus(at: home, path: file.path)
      // Killed between link(2) and unlink(2), a helper leaves a second link.
      let suspicious = how.findsAllLeftovers || seen.kind == .regular && seen.links > 1
      return FileObservation(state: .present, leftovers: suspicious ? leftoversNow(home, file.path.parent) : [])
    } catch {
      if error == .noEntry { return absent(home, file, how) }
      return FileObservation(state: error.isObstacleOnWay ? .blocked(error) : .failed(error))
    }
  }

  private func absent(_ home: borrowing FileDescriptor, _ file: SkeletonFile, _ how: FilesLook) -> FileObservation {
    let state = absence(home, file, how)
    do throws(Errno) { return FileObservation(state: state, leftovers: try leftovers(home, file.path.parent)) } catch {
      // Once the file is there and whole, nobody looks beside it any more: what lies there would stay for ever.
      if state != .absent { return FileObservation(state: state) }
      return FileObservation(state: error.isObstacleOnWay ? .blocked(error) : .failed(error))
    }
  }

  /// What is only below another mount of a file server's, as where `~/.local` is a link into the scratch file system, has the home's own
  /// trouble: nobody has moved it out of that.
  private func absence(_ home: borrowing FileDescriptor, _ file: SkeletonFile, _ how: FilesLook) -> FileObservation.State {
    guard let store = file.ownStore, let status else { return .absent }
    do throws(Errno) {
      let seen = try cachedStatus(at: home, path: store)
      if seen.kind == .symbolicLink { return .storeMoved(path: store) }
      if seen.isInMount(of: status) { return .absent }
      if case .named(let type) = try how.mounts.fileSystem(of: seen), how.settings.isNetwork(type) { return .absent }
      return .storeMoved(path: store)
    } catch {
      return error == .noEntry || error == .notDirectory ? .absent : .storeUnknown(path: store, error)
    }
  }

  /// The same beside a file that is there: what stays, or cannot be looked for now, is found the next time by the file's second link.
  private func leftoversNow(_ home: borrowing FileDescriptor, _ path: Path) -> [[UInt8]] {
    do throws(Errno) { return try leftovers(home, path) } catch { return [] }
  }

  /// What killed helpers have left in a directory of the home; nothing where there is no directory, or one that its user cannot list.
  private func leftovers(_ home: borrowing FileDescriptor, _ path: Path) throws(Errno) -> [[UInt8]] {
    do throws(Errno) { return try leftovers(in: try open(at: home, path: path, .directoryFollowing)) } catch {
      if error == .noEntry || error == .accessDenied { return [] }
      throw error
    }
  }

  private func leftovers(in directory: borrowing FileDescriptor) throws(Errno) -> [[UInt8]] {
    let host = hostName()
    let now = wallClock()
    var found: [[UInt8]] = []
    for name in try names(in: directory, limit: 4096) {
      guard found.count < 64, let temporary = TemporaryName(name) else { continue }
      do throws(Errno) {
        let seen = try fileStatus(at: directory, name)
        // Anything of that name that the user has made is theirs; a time may be any number. While another host is just creating a file
        // exclusively, NFS 3 servers keep its verifier in place of the time of modification: only the time of change is one then.
        let (age, isAbsurd) = now.subtractingReportingOverflow(seen.changed)
        if seen.kind != .regular || seen.owner != uid || isAbsurd { continue }
        if temporary.isLeftover(onHost: host, age: age, processIsGone: isGone) { found.append(name) }
      } catch {
        // Another login is clearing up at this moment.
        if error != .noEntry { throw error }
      }
    }
    return found
  }
}

extension Errno {
  /// A component on the way to a file is no directory, or not accessible, as opposed to a fault.
  var isObstacleOnWay: Bool {
    switch self {
    case .notDirectory, .accessDenied, .notPermitted, .tooManySymlinks, .nameTooLong: true
    default: isOfKey
    }
  }

  /// What a file server's client says where a Kerberos ticket is missing, has ended or was taken back; some say EACCES (rpc.gssd(8)).
  var isOfKey: Bool { self == .noKey || self == .keyExpired || self == .keyRevoked }
}

/// The place of the storage directory, and what is there.
public struct StorageObserver: ~Copyable {
  public let observation: StorageObservation
  /// The directory that holds it, open as a place; nil if the way there is not to be trusted.
  package let parent: FileDescriptor?
  package let leaf: [UInt8]
  /// What bears the name, open as a place; nil if nothing does.
  package let found: FileDescriptor?
  /// The whole path.
  public let path: Path
  let look: LeafLook

  /// - Parameters:
  ///   - leaf: the component that `template` gives for this account.
  ///   - engines: tell what a storage directory is expected to hold.
  ///   - template: one of `settings.guards`; nil: `settings.storage`.
  @inline(never) public init(
    _ account: Account, _ settings: Settings, leaf: [UInt8], _ mounts: MountTable, _ engines: EngineDirectories,
    in template: StorageTemplate? = nil
  ) {
    self.leaf = leaf
    let template = template ?? settings.storage
    path = template.parent / leaf
    look = LeafLook(account: account, settings: settings, engines: engines, mounts: mounts)
    do throws(PathError) {
      let end = try walk(toDirectory: template.parent, .storage, mounts)
      let isWritable = end.isWritableByOthers
      if let problem = StorageObserver.problem(ofParent: end.status, template.parent, settings, mounts) {
        observation = StorageObservation(parentIsWritableByOthers: isWritable, state: .way(problem))
        found = nil
      } else {
        let leafPlace = LeafPlace(leaf, in: end.descriptor, look)
        observation = StorageObservation(parentIsWritableByOthers: isWritable, state: leafPlace.state)
        found = leafPlace.takeDescriptor()
      }
      parent = end.takeDescriptor()
    } catch {
      observation = StorageObservation(parentIsWritableByOthers: error.mayBeTamperedByOthers, state: .way(error))
      parent = nil
      found = nil
    }
  }

  /// When the storage directory itself, or what is directly in it, was last changed, in seconds since the epoch; 0: there was none.
  public var changed: Int64 {
    switch found {
    case .none: return 0
    case .some(let directory): do throws(Errno) { return try fileStatus(of: directory).changed } catch { return 0 }
    }
  }

  package static func problem(ofParent parent: FileStatus, _ path: Path, _ settings: Settings, _ mounts: MountTable) -> PathError? {
    do throws(Errno) {
      if case .named(let type) = try mounts.fileSystem(of: parent), settings.isNetwork(type) {
        return PathError(path: path, reason: .onNetwork(type: type))
      }
      return nil
    } catch {
      return PathError(path: path, reason: .failed(error))
    }
  }
}

/// What the judgement of a storage directory's place depends on.
struct LeafLook {
  let account: Account
  let settings: Settings
  let engines: EngineDirectories
  let mounts: MountTable
}

/// What bears the storage directory's name in the parent. Nothing is believed of it, and nothing opened but as a place, before it is
/// known not to be a FUSE mount.
struct LeafPlace: ~Copyable {
  let state: StorageObservation.State
  let descriptor: FileDescriptor?

  @inline(never) init(_ leaf: [UInt8], in parent: borrowing FileDescriptor, _ look: LeafLook) {
    do throws(Errno) {
      let place = try open(at: parent, leaf, .pathOnly)
      state = LeafPlace.judge(place, look)
      descriptor = .some(place)
    } catch {
      state = error == .noEntry ? .absent : .failed(error)
      descriptor = nil
    }
  }

  consuming func takeDescriptor() -> FileDescriptor? { descriptor }

  private static func judge(_ place: borrowing FileDescriptor, _ look: LeafLook) -> StorageObservation.State {
    let seen: FileStatus
    do throws(Errno) { seen = try fileStatus(of: place) } catch {
      return error == .accessDenied && isSilentUserMount(place) ? .userMount(owner: userMountOwner(of: place)) : .failed(error)
    }
    do throws(Errno) {
      if case .named(let type) = try look.mounts.fileSystem(of: seen) {
        if Settings.isUserMount(type) { return .userMount(owner: userMountOwner(of: place)) }
        if look.settings.isNetwork(type) { return .onNetwork(type: type) }
      }
      guard seen.kind == .directory && seen.owner == look.account.uid else { return .occupied(by: seen.kind, owner: seen.owner) }
      if seen.mode & 0o022 == 0 { return .inPlace(mode: seen.mode) }
      return .writableByOthers(
        mode: seen.mode, content: try content(of: try open(at: place, [.dot], .directory), look.account, look.engines))
    } catch {
      return .failed(error)
    }
  }
}

/// Whose the things directly in the storage directory are, and whether they are directories of engines alone. One level deep, and
/// without asking whatever may be mounted there.
package func content(
  of directory: borrowing FileDescriptor, _ account: Account, _ engines: EngineDirectories
) throws(Errno) -> StorageObservation.Content {
  let own = try fileStatus(of: directory)
  let entries = try names(in: directory, limit: 1024)
  if entries.count > 1024 { return .tooMuchToTell }
  var ranges: [IDRange]? = nil
  var hasOther = false
  for name in entries {
    do throws(Errno) {
      let seen = try cachedStatus(at: directory, name)
      if !seen.isInMount(of: own) { return .mount(name: name) }
      if seen.owner != account.uid {
        // What a container's users have made: `podman run --volume …:U` gives a whole directory to one.
        let subordinate = ranges ?? subordinateRanges(of: account)
        ranges = subordinate
        if !subordinate.contains(where: { $0.contains(seen.owner) }) { return .foreign(name: name, owner: seen.owner) }
      }
      if seen.kind != .directory || !engines.names.contains(name) {
        hasOther = true
      } else if seen.mode & 0o022 != 0 {
        return .openEngine(name: name, mode: seen.mode)
      }
    } catch {
      // EACCES: a FUSE mount. ENOENT: gone since it was listed.
      if error == .accessDenied { return .mount(name: name) }
      if error != .noEntry { throw error }
    }
  }
  return hasOther ? .ownAndOther : .own
}

/// The ranges of uids that /etc/subuid gives the account; none where it cannot be read, or a directory service has them.
private func subordinateRanges(of account: Account) -> [IDRange] {
  var ranges: [IDRange] = []
  do throws(Errno) {
    let limit = 64 << 20
    let content = try readAll(try open(path: "/etc/subuid", .reading), limit: limit, chunk: 65536)
    if content.count > limit { return [] }
    forEachLine(content) { text in
      if let line = SubordinateLine(text), line.belongs(to: account), let range = line.certain { ranges.append(range) }
    }
  } catch {}
  return ranges
}
