import RootlessStorage

/// Takes the engines' directories out of one storage directory and deletes them, then the storage directory if that leaves it empty.
struct StorageRemoval {
  enum Result: String {
    case deleted
    /// The engines' directories are gone; what else is in it stays.
    case emptied
    /// Its owner has come back: nothing was deleted.
    case inUse
    /// Something, or all of it, could not be deleted.
    case failed
  }

  struct Report {
    var result: Result
    /// What to tell, each with what to do.
    var messages: [String] = []
  }

  private let inventory: StorageInventory
  private let watch = ProcessWatch()
  private var parent: StorageParent { inventory.parent }

  init(_ inventory: StorageInventory) { self.inventory = inventory }

  func remove(_ entry: StorageEntry, onProgress: @escaping (Int) -> Void) -> Report {
    let path = shown(parent.path(entry.leaf))
    do throws(Errno) {
      let place = try open(at: parent.descriptor, entry.leaf, .anyPlace)
      let seen = try fileStatus(of: place)
      guard isSame(seen, entry) else {
        return Report(result: .failed, messages: ["\(path) is not what it was a moment ago, nothing is deleted; look at it again: rootless-storage list"])
      }
      if inventory.isInUse(entry, try watch.recently()) { return Report(result: .inUse, messages: ["\(path) has come into use, nothing is deleted"]) }
      var report = try removeEngines(entry, place, seen, onProgress)
      if report.result != .inUse { finish(entry, &report) }
      return report
    } catch {
      return Report(result: .failed, messages: ["\(path) cannot be looked at: \(text(error)), nothing is deleted; \(remedy(error))"])
    }
  }

  private func isSame(_ seen: FileStatus, _ entry: StorageEntry) -> Bool {
    FileIdentity(seen) == entry.identity && seen.kind == .directory && seen.owner == entry.uid && seen.isOnMount(of: parent.status)
  }

  // MARK: The engines' directories

  private func removeEngines(
    _ entry: StorageEntry, _ storage: borrowing FileDescriptor, _ seen: FileStatus, _ onProgress: @escaping (Int) -> Void
  ) throws(Errno) -> Report {
    let path = shown(parent.path(entry.leaf))
    var report = Report(result: .deleted)
    var found: [[UInt8]] = []
    for engine in parent.engines.names {
      do throws(Errno) {
        let status = try knownStatus(at: storage, engine)
        if let objection = objection(to: status, entry, seen) {
          report.result = .failed
          report.messages.append("\(path)/\(shown(engine)) \(objection)")
        } else {
          found.append(engine)
        }
      } catch {
        if error == .noEntry { continue }
        report.result = .failed
        report.messages.append("\(path)/\(shown(engine)) stays: \(error == .accessDenied ? "it is a FUSE mount; unmount it" : "\(text(error)); \(remedy(error))")")
      }
    }
    if found.isEmpty { return report }

    let trash = try Trash(in: parent.descriptor, for: entry.leaf)
    var moved: [[UInt8]] = []
    for engine in found {
      do throws(Errno) {
        let before = try knownStatus(at: storage, engine)
        try rename(engine, in: storage, to: engine, in: trash.descriptor)
        moved.append(engine)
        // The owner may have exchanged it in between. Whatever it is, it is out of reach now; but it is the owner's, and goes back.
        let after = try knownStatus(at: trash.descriptor, engine)
        if FileIdentity(before) != FileIdentity(after) || objection(to: after, entry, seen) != nil {
          report.result = .failed
          report.messages.append("\(path)/\(shown(engine)) was exchanged while it was being looked at, nothing of it is deleted; look at it again: rootless-storage list")
          putBack([engine], entry, storage, trash, &report)
          moved.removeLast()
        }
      } catch {
        if error == .noEntry { continue }
        report.result = .failed
        let cause = error == .busy || error == .otherDevice ? "something is mounted there; unmount it" : "\(text(error)); \(remedy(error))"
        report.messages.append("\(path)/\(shown(engine)) stays: \(cause)")
      }
    }

    // From here on nobody starts anything on it: whoever has meanwhile, gets it back.
    var isBack = false
    do throws(Errno) { isBack = inventory.isInUse(entry, try watch.now()) } catch {
      report.messages.append("whether \(path) is in use cannot be told: \(text(error)); is /proc mounted?")
      isBack = true
    }
    if isBack {
      report.result = .inUse
      report.messages.append("\(path) has come into use, nothing is deleted")
      putBack(moved, entry, storage, trash, &report)
    } else {
      var removal = TreeRemoval(trash, onProgress: onProgress)
      for engine in moved {
        do throws(Errno) { try removal.take(engine, from: trash.descriptor) } catch {
          report.result = .failed
          report.messages.append("\(path)/\(shown(engine)) cannot be deleted: \(text(error)); \(remedy(error))")
        }
      }
      removal.run()
      report.tell(of: removal, in: trash, parent)
    }
    report.discard(trash, parent)
    return report
  }

  /// Why an engine's directory is left where it is; nil if it can go.
  private func objection(to status: FileStatus, _ entry: StorageEntry, _ storage: FileStatus) -> String? {
    if !status.isOnMount(of: storage) { return "stays: something is mounted there; unmount it" }
    if status.kind != .directory { return "stays: it is no directory; look at it, and remove it by hand" }
    if status.owner != entry.uid { return "stays: it is owned by uid \(status.owner), not by uid \(entry.uid); look at it, and remove it by hand" }
    return nil
  }

  private func putBack(_ engines: [[UInt8]], _ entry: StorageEntry, _ storage: borrowing FileDescriptor, _ trash: Trash, _ report: inout Report) {
    for engine in engines {
      do throws(Errno) { try renameWithoutReplacing(engine, in: trash.descriptor, to: engine, in: storage) } catch {
        report.result = .failed
        let here = parent.path(trash.name) + [0x2f] + engine
        let there = parent.path(entry.leaf) + [0x2f] + engine
        let cause = error == .exists ? "its owner has made a new one there" : text(error)
        report.messages.append("\(shown(there)) cannot be put back: \(cause). It is kept as \(shown(here)); to put it back: mv -nT \(shellWord(here)) \(shellWord(there))")
      }
    }
  }

  // MARK: The storage directory itself

  private func finish(_ entry: StorageEntry, _ report: inout Report) {
    let path = shown(parent.path(entry.leaf))
    do throws(Errno) {
      guard isSame(try knownStatus(at: parent.descriptor, entry.leaf), entry) else {
        if report.result == .deleted { report.result = .emptied }
        return
      }
      // Whatever bears the name by now: only an empty directory goes.
      try removeEmptyDirectory(at: parent.descriptor, entry.leaf)
    } catch {
      switch error {
      case .noEntry: return
      case .notEmpty, .exists: if report.result == .deleted { report.result = .emptied }
      default:
        report.result = .failed
        report.messages.append("\(path) cannot be removed: \(text(error)); \(remedy(error))")
      }
    }
  }

  // MARK: What an earlier run has left

  /// Removes the trash of runs that were killed.
  func removeLeftovers(onProgress: @escaping (Int) -> Void) -> [Report] {
    var reports: [Report] = []
    do throws(Errno) {
      let reader = DirectoryReader(try open(at: parent.descriptor, [0x2e], .directory))
      var names: [[UInt8]] = []
      while names.count < 1024, let name = try reader.next()?.name {
        if begins(name, with: Array(".rootless-storage.prune.".utf8)) { names.append(name) }
      }
      for name in names {
        do throws(Errno) {
          if let old = try Trash(leftBehind: name, in: parent.descriptor, parent.status) { reports.append(try removeLeftover(old, onProgress)) }
        } catch {
          if error != .noEntry { reports.append(Report(result: .failed, messages: ["\(shown(parent.path(name))), which an interrupted run has left, cannot be removed: \(text(error)); \(remedy(error))"])) }
        }
      }
    } catch {
      reports.append(Report(result: .failed, messages: ["\(shown(parent.settings.storage.parent)) cannot be listed: \(text(error)); \(remedy(error))"]))
    }
    return reports
  }

  private func removeLeftover(_ old: Trash, _ onProgress: @escaping (Int) -> Void) throws(Errno) -> Report {
    var report = Report(result: .deleted)
    let path = shown(parent.path(old.name))
    let trash = try Trash(in: parent.descriptor, for: nil)
    var removal = TreeRemoval(trash, onProgress: onProgress)
    let origin = try old.origin()
    let reader = DirectoryReader(try open(at: old.descriptor, [0x2e], .directory))
    while let entry = try reader.next() {
      if Trash.isOrigin(entry.name) { continue }
      do throws(Errno) {
        if Trash.isCondemned(entry.name) { try removal.take(entry.name, from: old.descriptor) } else {
          // That run ended before it had looked again: this one decides anew.
          try putBack(entry.name, from: old, to: origin)
        }
      } catch {
        report.result = .failed
        let cause = error == .busy || error == .otherDevice ? "something is mounted there; unmount it" : "\(text(error)); move it back into \(origin.map { shown(parent.path($0)) } ?? "its storage directory"), or delete it"
        report.messages.append("\(path)/\(shown(entry.name)), which an interrupted run has left, stays: \(cause)")
      }
    }
    removal.run()
    report.tell(of: removal, in: trash, parent)
    do throws(Errno) { try old.discard(from: parent.descriptor) } catch {
      if error != .notEmpty && error != .noEntry { throw error }
    }
    report.discard(trash, parent)
    return report
  }

  private func putBack(_ engine: [UInt8], from old: Trash, to origin: [UInt8]?) throws(Errno) {
    guard let origin else { throw .noEntry }
    let owner = try knownStatus(at: old.descriptor, engine).owner
    let storage = try open(at: parent.descriptor, origin, .anyPlace)
    let seen = try fileStatus(of: storage)
    guard seen.kind == .directory, seen.owner == owner, seen.isOnMount(of: parent.status) else { throw .noEntry }
    try renameWithoutReplacing(engine, in: old.descriptor, to: engine, in: storage)
  }
}

extension StorageRemoval.Report {
  fileprivate mutating func tell(of removal: TreeRemoval, in trash: Trash, _ parent: StorageParent) {
    if removal.problemCount == 0 { return }
    result = .failed
    let place = shown(parent.path(trash.name))
    for problem in removal.problems {
      let cause =
        switch problem.cause {
        case .mount: "something is mounted there; unmount it"
        case .growing: "somebody is writing into it all the time; end that process"
        case .failed(let cause): "\(text(cause)); \(remedy(cause))"
        }
      messages.append("\(place)/\(shown(problem.path)) stays: \(cause)")
    }
    if removal.problemCount > removal.problems.count { messages.append("\(removal.problemCount - removal.problems.count) more in \(place) stay") }
    messages.append("what is left of it is in \(place); the next prune tries again")
  }

  /// Removes a trash that is empty; one that is not was told of.
  fileprivate mutating func discard(_ trash: Trash, _ parent: StorageParent) {
    do throws(Errno) { try trash.discard(from: parent.descriptor) } catch {
      if error == .noEntry || result == .failed { return }
      result = .failed
      messages.append("\(shown(parent.path(trash.name))) cannot be removed: \(text(error)); \(remedy(error))")
    }
  }
}

private func remedy(_ cause: Errno) -> String {
  switch cause {
  case .notPermitted: "it may be immutable: chattr -R -i -a, then run this again"
  case .readOnly: "make the file system writable, then run this again"
  case .noSpace, .quotaExceeded: "free some space on that disk, then run this again"
  case .ioError: "check the disk"
  default: "look at it as root, then run this again"
  }
}
