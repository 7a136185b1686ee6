/// Puts a directory of the user's into the place of another's object, in a directory with the sticky bit where anybody can make entries.
///
/// The right directory is prepared beside it under a name that nobody could know, and the two names are exchanged (renameat2(2),
/// RENAME_EXCHANGE): at every moment the place holds the other's object or the user's own directory. It guarantees:
///
/// - what was in the place is renamed, and never opened, followed, changed or deleted;
/// - only the place decides: it is taken once the directory that was prepared is there, by descriptor. What came out is still its
///   owner's, who may move it at once, and that changes nothing: were it looked at to undo the exchange, whoever moves it in time
///   would get the place back;
/// - the exchange is undone only where a directory or link of the user's own, or of root's, came out: another session was faster, or
///   an administrator acted. A second link to somebody's symbolic link is no such thing, since others may be able to make one;
/// - on a full disk, where nothing can be prepared, the object alone is renamed away: an empty place is safe, since an engine then makes
///   its directory as the user, and another's directory is not;
/// - where SELinux refuses the exchange, the two are renamed one after the other, and the place is empty in between.
///
/// The process looks as the user, with root's rights in reserve.
struct PlaceExchange: ~Copyable {
  /// Everything may change between two system calls. Whoever loses so often is held up on purpose.
  private static let mostTries = 8
  /// Names are random: that one is taken happens once in the age of the universe, or to a random number that is none.
  private static let mostNames = 4
  /// What killed runs have prepared is removed when it is this old, in seconds: longer than any deadline.
  private static let leftoverAge: Int64 = 3600
  private static let mostLeftovers = 64

  enum Ending: Equatable {
    /// A directory of the user's is in the place; `isNew`: of this run's making.
    case inPlace(isNew: Bool)
    /// Nothing is there, and nothing could be made, or was to be.
    case absent(Errno?)
    case refused(StorageObservation.State, TakeoverFailure?)
  }

  private let leaf: [UInt8]
  private let path: Path
  private let look: LeafLook
  private let mode: UInt32
  private let makesAbsent: Bool
  /// What was taken away, in order. More than one where somebody was quick.
  private(set) var takeovers: [Takeover] = []
  private var prepared: Prepared?
  /// What the last exchange was to take away.
  private var attempt: Takeover?
  private var hasNoExchange = false

  private struct Prepared: ~Copyable {
    let name: [UInt8]
    /// Holds its number, so that no other directory gets it.
    let descriptor: FileDescriptor
    let status: FileStatus
  }

  /// - Parameters:
  ///   - path: of the place, for messages.
  ///   - mode: of a new directory.
  ///   - makesAbsent: a directory is made also where nothing is by now.
  init(_ leaf: [UInt8], path: Path, _ look: LeafLook, mode: UInt32, makesAbsent: Bool) {
    self.leaf = leaf
    self.path = path
    self.look = look
    self.mode = mode
    self.makesAbsent = makesAbsent
    prepared = nil
  }

  /// - Parameter parent: open as a place; root's, sticky, and writable by others.
  mutating func run(in parent: borrowing FileDescriptor, _ identity: borrowing Identity) -> Ending {
    removeLeftovers(parent)
    let ending = exchange(in: parent, identity)
    discardPrepared(parent)
    if case .absent = ending, let last = takeovers.indices.last { takeovers[last].isEmpty = true }
    return ending
  }

  private mutating func exchange(in parent: borrowing FileDescriptor, _ identity: borrowing Identity) -> Ending {
    var last = StorageObservation.State.absent
    for _ in 0..<PlaceExchange.mostTries {
      let found = LeafPlace(leaf, in: parent, look)
      last = found.state
      switch found.state {
      case .absent:
        guard makesAbsent else { return .absent(nil) }
        do throws(Errno) {
          try make(in: parent, identity)
          return .inPlace(isNew: true)
        } catch {
          if error != .exists { return .absent(error) }
        }
      case .inPlace where isPrepared(leaf, in: parent):
        // It was exchanged, and the answer said otherwise.
        if let takeover = attempt, let name = prepared?.name { settle(takeover, name, in: parent, identity) }
        prepared = nil
        return .inPlace(isNew: true)
      // After a look that failed, it is to be treated as new by whoever completes it.
      case .inPlace, .writableByOthers: return .inPlace(isNew: !takeovers.isEmpty)
      case .occupied(let kind, let owner):
        guard StorageObservation(parentIsWritableByOthers: true, state: found.state).mayBeTaken(from: look.account) else {
          return .refused(found.state, nil)
        }
        do throws(Errno) {
          let isTaken = try takeOver(Takeover(kind: kind, owner: owner, keptAs: nil), in: parent, identity)
          if isTaken { return .inPlace(isNew: true) }
        } catch {
          // Somebody was quicker.
          if error != .noEntry && error != .exists { return .refused(found.state, hasNoExchange ? .noExchange : .failed(error)) }
        }
      case .onNetwork, .userMount, .way, .failed: return .refused(found.state, nil)
      }
    }
    return .refused(last, .contested)
  }

  // MARK: One try

  /// The place is empty: the directory that was prepared is moved there, or one is made.
  private mutating func make(in parent: borrowing FileDescriptor, _ identity: borrowing Identity) throws(Errno) {
    guard prepared != nil else { return try identity.makeDirectory(at: parent, leaf, mode: mode) }
    if let name = prepared?.name { try identity.renameAnothers(at: parent, name, leaf) }
    prepared = nil
  }

  /// - Returns: whether the user's own directory is in the place now. If not, something has changed: look again.
  private mutating func takeOver(
    _ takeover: Takeover, in parent: borrowing FileDescriptor, _ identity: borrowing Identity
  ) throws(Errno) -> Bool {
    do throws(Errno) { try prepare(in: parent, identity) } catch {
      guard error == .noSpace || error == .quotaExceeded else { throw error }
      _ = try moveAway(takeover, in: parent, identity)
      return false
    }
    guard let name = prepared?.name else { return false }
    attempt = takeover
    do throws(Errno) { try identity.exchangeNames(at: parent, leaf, name) } catch {
      // It has just been moved away by its owner: the place is free for this moment.
      if error == .noEntry && makesAbsent {
        try make(in: parent, identity)
        return true
      }
      // For an exchange SELinux asks for the right to delete both, which packaging/selinux does not give: the helper deletes nobody's.
      if error == .accessDenied {
        guard try moveAway(takeover, in: parent, identity) else { return false }
        try make(in: parent, identity)
        return true
      }
      hasNoExchange = error == .invalid || error == .notImplemented || error == .notSupported
      throw error
    }
    guard isPrepared(leaf, in: parent) else {
      // Its own user, or root, has moved it. Whatever is there is judged anew, and the name of what came out is its owner's affair.
      settle(takeover, name, in: parent, identity)
      prepared = nil
      return false
    }
    if isOfUserOrRoot(name, in: parent) {
      do throws(Errno) {
        try identity.exchangeNames(at: parent, leaf, name)
        return false
      } catch {
        // The user's new directory stays in the place, then, and what was there is kept like another's.
      }
    }
    settle(takeover, name, in: parent, identity)
    prepared = nil
    return true
  }

  /// Makes the directory beside the place, once.
  private mutating func prepare(in parent: borrowing FileDescriptor, _ identity: borrowing Identity) throws(Errno) {
    if prepared != nil { return }
    let name = try named(.new) { (name) throws(Errno) in try identity.makeDirectory(at: parent, name, mode: mode) }
    do throws(Errno) {
      let descriptor = try open(at: parent, name, .pathOnlyDirectory)
      let status = try fileStatus(of: descriptor)
      // With the sticky bit nobody but its owner and root can have put another one there.
      guard status.kind == .directory && status.owner == look.account.uid else { throw .exists }
      prepared = Prepared(name: name, descriptor: descriptor, status: status)
    } catch {
      remove(name, parent)
      throw error
    }
  }

  /// The object goes alone.
  ///
  /// - Returns: whether it is away. If not, it has come back: something has changed, look again.
  private mutating func moveAway(
    _ takeover: Takeover, in parent: borrowing FileDescriptor, _ identity: borrowing Identity
  ) throws(Errno) -> Bool {
    let leaf = leaf
    let name = try named(.replaced) { (name) throws(Errno) in try identity.renameAnothers(at: parent, leaf, name) }
    if isOfUserOrRoot(name, in: parent) {
      try identity.renameAnothers(at: parent, name, leaf)
      return false
    }
    add(takeover, name)
    return true
  }

  /// Gives what came out the name under which it is kept. Its owner may be faster and move it elsewhere.
  private mutating func settle(_ takeover: Takeover, _ name: [UInt8], in parent: borrowing FileDescriptor, _ identity: borrowing Identity) {
    do throws(Errno) {
      add(takeover, try named(.replaced) { (kept) throws(Errno) in try identity.renameAnothers(at: parent, name, kept) })
    } catch {
      add(takeover, error == .noEntry ? nil : name)
    }
  }

  private mutating func add(_ takeover: Takeover, _ name: [UInt8]?) {
    takeovers.append(Takeover(kind: takeover.kind, owner: takeover.owner, keptAs: name.map { path.parent / $0 }))
  }

  /// Calls with new names until one of them is free.
  private func named(_ purpose: AsideName.Purpose, _ call: ([UInt8]) throws(Errno) -> Void) throws(Errno) -> [UInt8] {
    var tries = 0
    while true {
      let name = AsideName(purpose, of: leaf, time: wallClock(), random: try randomNumber()).bytes
      tries += 1
      do throws(Errno) {
        try call(name)
        return name
      } catch {
        if error != .exists || tries == PlaceExchange.mostNames { throw error }
      }
    }
  }

  // MARK: Looking

  private func isPrepared(_ name: [UInt8], in parent: borrowing FileDescriptor) -> Bool {
    switch prepared {
    case .none: return false
    case .some(let prepared):
      do throws(Errno) { return try fileStatus(of: try open(at: parent, name, .pathOnly)).isSameFile(as: prepared.status) } catch {
        return false
      }
    }
  }

  /// A directory or symbolic link that is the user's own or root's.
  private func isOfUserOrRoot(_ name: [UInt8], in parent: borrowing FileDescriptor) -> Bool {
    do throws(Errno) {
      let seen = try fileStatus(of: try open(at: parent, name, .pathOnly))
      guard seen.owner == 0 || seen.owner == look.account.uid else { return false }
      return seen.kind == .directory || seen.kind == .symbolicLink && seen.links == 1
    } catch {
      // A FUSE mount, or gone: not theirs.
      return false
    }
  }

  // MARK: What is left over

  /// Empty, or somebody has used it meanwhile.
  private mutating func discardPrepared(_ parent: borrowing FileDescriptor) {
    if let name = prepared?.name { remove(name, parent) }
    prepared = nil
  }

  private func remove(_ name: [UInt8], _ parent: borrowing FileDescriptor) {
    do throws(Errno) { try removeEmptyDirectory(at: parent, name) } catch {}
  }

  /// Removes what killed runs have prepared: as the user, who may remove nothing but what is theirs, and only empty directories.
  /// What is not among the first entries, `rootless-storage prune` removes.
  private func removeLeftovers(_ parent: borrowing FileDescriptor) {
    do throws(Errno) {
      let now = wallClock()
      var left = PlaceExchange.mostLeftovers
      for name in try names(in: try open(at: parent, [.dot], .directory), limit: 4096) {
        guard left > 0, let aside = AsideName(name), aside.purpose == .new, aside.isOf(leaf) else { continue }
        let seen = try cachedStatus(at: parent, name)
        let (age, isAbsurd) = now.subtractingReportingOverflow(seen.changed)
        guard seen.kind == .directory, seen.owner == look.account.uid, !isAbsurd, age > PlaceExchange.leftoverAge else { continue }
        remove(name, parent)
        left -= 1
      }
    } catch {}
  }
}
