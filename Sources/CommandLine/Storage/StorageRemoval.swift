import RootlessStorage

/// Takes the engines' directories out of storage directories and deletes them, then the storage directories that this leaves empty,
/// and what a login has put out of the way.
struct StorageRemoval {
  enum Result: String {
    case deleted
    /// The engines' directories are gone, or empty; the storage directory stays.
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
    /// `emptied`, with empty directories of the engines in it, for the user who has an account.
    var isKept = false
  }

  /// So many are moved out of reach before the processes are looked at once more: a look costs as much for one as for all. Each
  /// holds two descriptors open.
  private static let batch = 32

  let inventory: StorageInventory
  private let watch = ProcessWatch()
  var parent: StorageParent { inventory.parent }

  init(_ inventory: StorageInventory) { self.inventory = inventory }

  /// What is out of its owner's reach, and may have to go back.
  private final class Moved {
    let entry: StorageEntry
    /// The storage directory; of what was put out of the way, its parent.
    let place: FileDescriptor
    let trash: Trash
    var names: [[UInt8]] = []
    var report: Report
    /// Its owner has come back, or that cannot be told.
    var isBack = false
    /// What is to go of it; nil before that is decided.
    var removal: TreeRemoval? = nil

    init(_ entry: StorageEntry, _ place: consuming FileDescriptor, _ trash: Trash, _ report: Report) {
      self.entry = entry
      self.place = place
      self.trash = trash
      self.report = report
    }
  }

  private enum Step {
    /// Nothing of it was moved.
    case over(StorageEntry, Report)
    case moved(Moved)
  }

  /// - Parameters:
  ///   - onProgress: hears of the number of the entry, from 0, and of the files that went so far.
  ///   - onReport: hears of every entry, in their order, when it is done with.
  func remove(_ entries: [StorageEntry], onProgress: @escaping (Int, Int) -> Void, onReport: (StorageEntry, Report) -> Void) {
    for start in stride(from: 0, to: entries.count, by: StorageRemoval.batch) {
      let steps = entries[start..<min(start + StorageRemoval.batch, entries.count)].map { move($0) }
      // From here on nobody starts anything on them: whoever has meanwhile, gets it back, and before anything is deleted.
      let moved = steps.compactMap { if case .moved(let moved) = $0 { moved } else { nil } }
      if !moved.isEmpty { putBackUsed(moved) }
      for (offset, step) in steps.enumerated() {
        if case .moved(let moved) = step, !moved.isBack { condemn(moved) { onProgress(start + offset, $0) } }
      }
      for step in steps {
        switch step {
        case .over(let entry, let report): onReport(entry, report)
        case .moved(let moved): onReport(moved.entry, finish(moved))
        }
      }
    }
  }

  // MARK: Out of reach

  private func move(_ entry: StorageEntry) -> Step {
    let path = shown(parent.path(entry.leaf))
    do throws(Errno) {
      let place = try open(at: parent.descriptor, entry.leaf, .pathOnly)
      let seen = try fileStatus(of: place)
      guard isSame(seen, entry) else {
        return .over(
          entry,
          Report(
            result: .failed,
            messages: ["\(path) is not what it was a moment ago, nothing is deleted; look at it again: rootless-storage list"]))
      }
      if inventory.isInUse(entry, try watch.recently()) != false {
        return .over(entry, Report(result: .inUse, messages: ["\(path) has come into use, nothing is deleted"]))
      }
      return entry.isAside ? try moveAside(entry) : try moveEngines(entry, place, seen)
    } catch {
      return .over(
        entry, Report(result: .failed, messages: ["\(path) cannot be looked at: \(text(error)), nothing is deleted; \(remedy(error))"]))
    }
  }

  private func isSame(_ seen: FileStatus, _ entry: StorageEntry) -> Bool {
    FileIdentity(seen) == entry.identity && (seen.kind == .directory || entry.isAside) && seen.owner == entry.uid
      && seen.isOnMount(of: parent.status)
  }

  private func moveEngines(_ entry: StorageEntry, _ storage: consuming FileDescriptor, _ seen: FileStatus) throws(Errno) -> Step {
    let path = shown(parent.path(entry.leaf))
    var report = Report(result: .deleted)
    var found: [[UInt8]] = []
    for engine in parent.engines.names {
      do throws(Errno) {
        let status = try cachedStatus(at: storage, engine)
        if let objection = objection(to: status, entry, seen) {
          report.result = .failed
          report.messages.append("\(path)/\(shown(engine)) stays: \(objection)")
        } else {
          found.append(engine)
        }
      } catch {
        if error == .noEntry { continue }
        report.result = .failed
        report.messages.append(
          "\(path)/\(shown(engine)) stays: \(error == .accessDenied ? "it is a FUSE mount; unmount it" : immovable(error, entry))")
      }
    }
    if found.isEmpty {
      finish(entry, &report)
      return .over(entry, report)
    }

    let moved = Moved(entry, storage, try Trash(in: parent.descriptor, for: entry.leaf), report)
    for engine in found {
      do throws(Errno) {
        let before = try cachedStatus(at: moved.place, engine)
        try rename(engine, in: moved.place, to: engine, in: moved.trash.descriptor)
        moved.names.append(engine)
        // The owner may have exchanged it in between. Whatever it is, it is out of reach now; but it is the owner's, and goes back.
        let after = try cachedStatus(at: moved.trash.descriptor, engine)
        if FileIdentity(before) != FileIdentity(after) || objection(to: after, entry, seen) != nil {
          moved.report.result = .failed
          moved.report.messages.append(
            "\(path)/\(shown(engine)) was exchanged while it was being looked at, nothing of it is deleted; look at it again: rootless-storage list"
          )
          putBack([engine], moved)
          moved.names.removeLast()
        }
      } catch {
        if error == .noEntry { continue }
        moved.report.result = .failed
        moved.report.messages.append("\(path)/\(shown(engine)) stays: \(immovable(error, entry))")
      }
    }
    return .moved(moved)
  }

  private func moveAside(_ entry: StorageEntry) throws(Errno) -> Step {
    let path = parent.path(entry.leaf)
    let moved = Moved(
      entry, try open(at: parent.descriptor, [.dot], .pathOnlyDirectory), try Trash(in: parent.descriptor, for: nil),
      Report(result: .deleted))
    do throws(Errno) {
      try rename(entry.leaf, in: parent.descriptor, to: entry.leaf, in: moved.trash.descriptor)
      moved.names.append(entry.leaf)
      if !isSame(try cachedStatus(at: moved.trash.descriptor, entry.leaf), entry) {
        moved.report.result = .failed
        moved.report.messages.append(
          "\(shown(path)) was exchanged while it was being looked at, nothing of it is deleted; look at it again: rootless-storage list")
        putBack(moved.names, moved)
        moved.names = []
      }
    } catch {
      moved.report.result = .failed
      moved.report.messages.append("\(shown(path)) stays: \(immovable(error, entry))")
    }
    return .moved(moved)
  }

  /// Why an engine's directory is left where it is; nil if it can go.
  private func objection(to status: FileStatus, _ entry: StorageEntry, _ storage: FileStatus) -> String? {
    if !status.isOnMount(of: storage) { return "something is mounted there; unmount it" }
    if status.kind != .directory { return "it is no directory; \(byHand(entry))" }
    if status.owner != entry.uid { return "it is owned by uid \(status.owner), not by uid \(entry.uid); \(byHand(entry))" }
    return nil
  }

  /// Why something could not be moved out of its owner's reach, and what to do. It was seen not to be on another mount.
  private func immovable(_ cause: Errno, _ entry: StorageEntry) -> String {
    switch cause {
    case .busy: return "something is mounted there; unmount it"
    case .otherDevice:
      return
        "it cannot be moved within the file system: it has another project id than \(shown(parent.settings.storage.parent)) (lsattr -pd), is encrypted with another key, or is in another subvolume or overlay layer; \(byHand(entry))"
    case .noKey: return "it is encrypted, and its key is not there (fscryptctl get_policy); \(byHand(entry))"
    case .notPermitted: return "\(text(cause)); root has made it immutable (lsattr -d), and has to undo that"
    default: return "\(text(cause)); \(remedy(cause))"
    }
  }

  /// What to do about something in a storage directory that stays. No command has a path through that directory: its owner can
  /// exchange it for a link to anywhere while root types. As the last name of a path it is safe: rm follows no link there.
  private func byHand(_ entry: StorageEntry) -> String {
    if let account = entry.account { return "\(shown(account)) can move or delete it, in a session of their own" }
    let path = parent.path(entry.leaf)
    return "when nobody needs anything in \(shown(path)) any more, delete all of it: rm -rf --one-file-system \(shellWord(path))"
  }

  // MARK: The second look, and what follows

  /// Looks at the processes once, and gives back at once what has come into use.
  private func putBackUsed(_ batch: [Moved]) {
    var running: RunningProcesses? = nil
    var failure: Errno? = nil
    do throws(Errno) { running = try watch.now() } catch { failure = error }
    for moved in batch {
      let path = shown(parent.path(moved.entry.leaf))
      if let failure { moved.report.messages.append("it is unknown whether \(path) is in use: \(text(failure)); is /proc mounted?") }
      moved.isBack = running.map { inventory.isInUse(moved.entry, $0) != false } ?? true
      if !moved.isBack { continue }
      moved.report.result = .inUse
      moved.report.messages.append("\(path) has come into use, nothing is deleted")
      putBack(moved.names, moved)
    }
  }

  /// Gives it the names of what no run puts back. What the owner gets back as an empty directory keeps its name until it is empty.
  private func condemn(_ moved: Moved, _ onProgress: @escaping (Int) -> Void) {
    var removal = TreeRemoval(moved.trash, onProgress: onProgress)
    if !parent.keeps(moved.entry) {
      for name in moved.names { attempt(name, moved) { () throws(Errno) in try removal.moveToTrash(name, from: moved.trash.descriptor) } }
    }
    moved.removal = removal
  }

  private func finish(_ moved: Moved) -> Report {
    delete(moved)
    moved.report.discard(moved.trash, parent)
    if !moved.isBack && !moved.entry.isAside { finish(moved.entry, &moved.report) }
    return moved.report
  }

  private func delete(_ moved: Moved) {
    guard var removal = moved.removal else { return }
    var stuck: [[UInt8]] = []
    for name in parent.keeps(moved.entry) ? moved.names : [] {
      attempt(name, moved) { () throws(Errno) in
        if try !removal.deleteContents(of: name) { return stuck.append(name) }
        // The user's own empty directory goes back: without one, the storage directory would be empty, and age away.
        if !returned(name, moved) { try removal.moveToTrash(name, from: moved.trash.descriptor) }
      }
    }
    removal.run()
    // What stays in these was told of: they wait for the next run.
    for name in stuck { attempt(name, moved) { () throws(Errno) in try removal.moveToTrash(name, from: moved.trash.descriptor) } }
    moved.report.tell(of: removal, in: moved.trash, parent)
  }

  private func attempt(_ name: [UInt8], _ moved: Moved, _ step: () throws(Errno) -> Void) {
    do throws(Errno) { try step() } catch {
      moved.report.result = .failed
      moved.report.messages.append(
        "\(shown(parent.path(moved.entry.leaf)))/\(shown(name)) cannot be deleted: \(text(error)); \(remedy(error))")
    }
  }

  private func returned(_ name: [UInt8], _ moved: Moved) -> Bool {
    do throws(Errno) { try renameWithoutReplacing(name, in: moved.trash.descriptor, to: name, in: moved.place) } catch { return false }
    return true
  }

  private func putBack(_ names: [[UInt8]], _ moved: Moved) {
    let top = moved.entry.isAside ? parent.settings.storage.parent : parent.path(moved.entry.leaf)
    for name in names {
      do throws(Errno) { try renameWithoutReplacing(name, in: moved.trash.descriptor, to: name, in: moved.place) } catch {
        moved.report.result = .failed
        let here = parent.path(moved.trash.name) / name
        let there = top / name
        let (cause, remedy) =
          error == .exists
          ? ("its owner has made a new one there", "when the owner has renamed the new one, the next prune puts it back")
          : (text(error), "the next prune tries again")
        moved.report.messages.append("\(shown(there)) cannot be put back: \(cause). It is kept as \(shown(here)); \(remedy)")
      }
    }
  }

  // MARK: The storage directory itself

  private func finish(_ entry: StorageEntry, _ report: inout Report) {
    if parent.keeps(entry) {
      if report.result == .deleted {
        report.result = .emptied
        report.isKept = true
      }
      return
    }
    let path = shown(parent.path(entry.leaf))
    do throws(Errno) {
      guard isSame(try cachedStatus(at: parent.descriptor, entry.leaf), entry) else {
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
}

extension StorageRemoval.Report {
  mutating func tell(of removal: TreeRemoval, in trash: Trash, _ parent: StorageParent) {
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
    if removal.problemCount > removal.problems.count {
      messages.append("\(removal.problemCount - removal.problems.count) more in \(place) stay")
    }
    messages.append("what is left of it is in \(place); the next prune tries again")
  }

  /// Removes a trash that is empty; one that is not was told of.
  mutating func discard(_ trash: Trash, _ parent: StorageParent) {
    do throws(Errno) { try trash.discard(from: parent.descriptor) } catch {
      if error == .noEntry || result == .failed { return }
      result = .failed
      messages.append("\(shown(parent.path(trash.name))) cannot be removed: \(text(error)); \(remedy(error))")
    }
  }
}

func remedy(_ cause: Errno) -> String {
  switch cause {
  case .notPermitted: "it may be immutable: chattr -R -i -a, then run this again"
  case .readOnly: "make the file system writable, then run this again"
  case .noSpace, .quotaExceeded: "free some space on that disk, then run this again"
  case .ioError: "check the disk"
  default: "look at it as root, then run this again"
  }
}
