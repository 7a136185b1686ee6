import RootlessStorage

/// Repairs the storage directory, before the process is the user for good.
struct StorageRepairer {
  /// A mount may lie on another one. Whoever stacks more is stopped by an administrator.
  private static let mostLayers = 16

  let account: Account
  let settings: Settings
  /// Milliseconds to wait for a login that is replacing the same object.
  let timeout: Int64

  enum Failure: Error, Equatable {
    /// What a login would say.
    case events([Event])
    case failed(Errno)
    /// Somebody has put something else there since it was looked at; it was left as it is.
    case changedMeanwhile
    /// More mounts lie on each other than are unmounted by one repair.
    case tooManyLayers
    /// No limit; all else is as before.
    case quota(QuotaError)
  }

  /// - Returns: the path that another user's object has by now, if there was one.
  func perform(_ action: RepairAction, at place: borrowing StorageObserver, _ identity: inout Identity) throws(Failure) -> Path? {
    switch action {
    case .login(let step):
      var executor = Executor(account, settings, deadline: monotonicMilliseconds() + timeout)
      var isFit = false
      do throws(IdentityError) { isFit = try executor.prepareStorage(Plan(actions: [step]), at: place, &identity) } catch {
        throw .failed(error.cause ?? .notPermitted)
      }
      if !isFit { throw .events(executor.events) }
      for event in executor.events { if case .storageTaken(let takeover) = event { return takeover.keptAs } }
      return nil
    case .setStorageMode(_, let mode):
      switch place.found {
      case .none: throw .changedMeanwhile
      case .some(let found):
        do throws(Errno) { try changeMode(ofPlace: found, to: mode) } catch { throw .failed(error) }
      }
      return nil
    case .setQuota(let engines):
      switch place.found {
      case .none: throw .changedMeanwhile
      case .some(let found): try limit(found, place, engines, &identity)
      }
      return nil
    case .detachMount(let owner):
      try detach(place, owner, &identity)
      return nil
    case .editStorageConf, .editDaemonJson, .replaceFile, .removeOverlayRecords, .migrate: return nil
    }
  }

  private func limit(
    _ found: borrowing FileDescriptor, _ place: borrowing StorageObserver, _ engines: [[UInt8]], _ identity: inout Identity
  ) throws(Failure) {
    switch place.parent {
    case .none: throw .changedMeanwhile
    case .some(let parent):
      var failure: QuotaError? = nil
      do throws(IdentityError) {
        failure = try QuotaSetter(account, settings, MountTable(blockDeviceIsLocal: false)).set(
          on: found, in: parent, with: engines, &identity)
      } catch { throw .failed(error.cause ?? .notPermitted) }
      if let failure { throw .quota(failure) }
    }
  }

  /// Nothing is unmounted that the kernel does not call a FUSE mount of this owner. A login never does this: it would act on a path, in
  /// the namespace of one service, and perhaps wait for whoever serves the mount.
  private func detach(_ place: borrowing StorageObserver, _ owner: UInt32, _ identity: inout Identity) throws(Failure) {
    switch place.parent {
    case .none: throw .changedMeanwhile
    case .some(let parent):
      do throws(IdentityError) { try identity.becomeRootAgain() } catch { throw .failed(error.cause ?? .notPermitted) }
      var failure: Failure? = nil
      do throws(Failure) { try detachLayers(place.leaf, parent, owner) } catch { failure = error }
      do throws(IdentityError) { try identity.becomeUser() } catch { throw .failed(error.cause ?? .notPermitted) }
      if let failure { throw failure }
    }
  }

  private func detachLayers(_ leaf: [UInt8], _ parent: borrowing FileDescriptor, _ owner: UInt32) throws(Failure) {
    do throws(Errno) {
      for layer in 0...StorageRepairer.mostLayers {
        guard userMountOwner(of: try open(at: parent, leaf, .pathOnly)) == owner else {
          if layer == 0 { throw Errno.busy }
          return
        }
        if layer < StorageRepairer.mostLayers { try detachMount(leaf, in: parent) }
      }
    } catch {
      if error == .noEntry { return }
      throw error == .busy ? .changedMeanwhile : .failed(error)
    }
    throw .tooManyLayers
  }
}
