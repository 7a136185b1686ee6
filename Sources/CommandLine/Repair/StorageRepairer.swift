import RootlessStorage

/// Mends the storage directory, before the process is the user for good.
struct StorageRepairer {
  let account: Account
  let settings: Settings

  enum Failure: Error, Equatable {
    /// What a login would say.
    case events([Event])
    case failed(Errno)
    /// Something is mounted there.
    case mountPoint
    /// Somebody has put something else there since it was looked at; it was left as it is.
    case changedMeanwhile
    /// What was taken away could not be put back, and bears this name.
    case notPutBack([UInt8])
  }

  /// - Returns: the name that somebody else's object has by now, if there was one.
  func perform(_ action: RepairAction, at place: borrowing StorageObserver, _ identity: inout Identity) throws(Failure) -> [UInt8]? {
    switch action {
    case .login(let step):
      var executor = Executor(account, settings)
      if !executor.prepareStorage(Plan(actions: [step]), at: place, identity) { throw .events(executor.events) }
      return nil
    case .setStorageMode(_, let mode):
      switch place.found {
      case .none: throw .changedMeanwhile
      case .some(let found):
        do throws(Errno) { try changeMode(ofPlace: found, to: mode) } catch { throw .failed(error) }
      }
      return nil
    case .replaceStorage:
      return try replace(place, &identity)
    case .editStorageConf, .editDaemonJson, .replaceFile, .migrate: return nil
    }
  }

  /// Prepares the right directory beside the object, exchanges the two, and looks at what came out: if that is not what was inspected,
  /// they are exchanged back. Nothing is deleted, opened or followed.
  private func replace(_ place: borrowing StorageObserver, _ identity: inout Identity) throws(Failure) -> [UInt8] {
    // No user name begins with a dot, and nobody knows it beforehand. The longest names are cut: a path has room for 255 bytes.
    let random = UInt32.random(in: 1...UInt32.max)
    let name = [0x2e] + place.leaf.prefix(200) + Array(".replaced-\(UTCTime(wallClock()).stamp).\(random)".utf8)
    switch place.parent {
    case .none: throw .changedMeanwhile
    case .some(let parent):
      // Held open as `place.found`, so that no other object gets its number meanwhile.
      guard let inspected = try found(place) else { throw .changedMeanwhile }
      guard inspected.isOnMount(of: try look(parent)) else { throw .mountPoint }
      do throws(Errno) { try identity.makeDirectory(at: parent, name, mode: settings.directoryMode) } catch { throw .failed(error) }
      do throws(IdentityError) { try identity.becomeRootAgain() } catch { throw .failed(error.cause ?? .notPermitted) }
      var outcome = Outcome.exchanged
      do throws(Errno) { outcome = try exchange(parent, place.leaf, name, inspected) } catch {
        removePrepared(parent, name)
        throw error == .busy ? .mountPoint : .failed(error)
      }
      do throws(IdentityError) { try identity.becomeUser() } catch { throw .failed(error.cause ?? .notPermitted) }
      switch outcome {
      case .exchanged: return name
      case .notPutBack: throw .notPutBack(name)
      case .putBack:
        removePrepared(parent, name)
        throw .changedMeanwhile
      }
    }
  }

  private enum Outcome { case exchanged, putBack, notPutBack }

  private func exchange(
    _ parent: borrowing FileDescriptor, _ leaf: [UInt8], _ name: [UInt8], _ inspected: FileStatus
  ) throws(Errno) -> Outcome {
    let prepared = try fileStatus(of: open(at: parent, name, .anyPlace))
    // In a directory with the sticky bit nobody but its owner and root can have taken the name; elsewhere nobody but root.
    guard prepared.kind == .directory && prepared.owner == account.uid else { throw .exists }
    try rootless_storage.exchange(at: parent, leaf, name)
    if isSame(parent, name, inspected) && isSame(parent, leaf, prepared) { return .exchanged }
    do throws(Errno) { try rootless_storage.exchange(at: parent, leaf, name) } catch { return .notPutBack }
    return .putBack
  }

  private func isSame(_ parent: borrowing FileDescriptor, _ name: [UInt8], _ status: FileStatus) -> Bool {
    do throws(Errno) { return FileIdentity(try fileStatus(of: open(at: parent, name, .anyPlace))) == FileIdentity(status) } catch { return false }
  }

  private func found(_ place: borrowing StorageObserver) throws(Failure) -> FileStatus? {
    switch place.found {
    case .none: return nil
    case .some(let found): return try look(found)
    }
  }

  private func look(_ place: borrowing FileDescriptor) throws(Failure) -> FileStatus {
    do throws(Errno) { return try fileStatus(of: place) } catch { throw .failed(error) }
  }

  /// It is empty, or somebody has used it meanwhile.
  private func removePrepared(_ parent: borrowing FileDescriptor, _ name: [UInt8]) {
    do throws(Errno) { try removeEmptyDirectory(at: parent, name) } catch {}
  }
}
