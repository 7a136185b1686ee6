import RootlessStorage

// What an earlier run, or a login that was killed, has left.

extension StorageRemoval {
  /// Trash that is dealt with in one run.
  private static let mostTrash = 1024
  /// Directories that logins have prepared and not used, in one run.
  private static let mostPrepared = 64
  /// Seconds after which no login is at work any more.
  private static let preparedAge: Int64 = 86400

  /// Removes the trash of runs that were killed, and empty directories that logins had prepared.
  func removeLeftovers(onProgress: @escaping (Int) -> Void) -> [Report] {
    var reports: [Report] = []
    do throws(Errno) {
      let reader = DirectoryReader(try open(at: parent.descriptor, [.dot], .directory))
      let now = wallClock()
      var names: [[UInt8]] = []
      var prepared = 0
      while let name = try reader.next()?.name {
        if prepared < StorageRemoval.mostPrepared && removedPrepared(name, now) { prepared += 1 }
        // Only what is root's counts: others make as many such names as they like.
        guard Trash.isOne(name, in: parent.descriptor, parent.status) else { continue }
        if names.count >= StorageRemoval.mostTrash {
          reports.append(
            Report(
              result: .failed,
              messages: [
                "interrupted runs have left more than \(StorageRemoval.mostTrash) directories .rootless-storage.prune.* in \(shown(parent.settings.storage.parent)); run this again for the others"
              ]))
          break
        }
        names.append(name)
      }
      for name in names {
        do throws(Errno) {
          if let old = try Trash(leftBehind: name, in: parent.descriptor, parent.status) {
            reports.append(try removeLeftover(old, onProgress))
          }
        } catch {
          if error != .noEntry {
            reports.append(
              Report(
                result: .failed,
                messages: [
                  "\(shown(parent.path(name))), which an interrupted run has left, cannot be removed: \(text(error)); \(remedy(error))"
                ]))
          }
        }
      }
    } catch {
      reports.append(
        Report(result: .failed, messages: ["\(shown(parent.settings.storage.parent)) cannot be listed: \(text(error)); \(remedy(error))"]))
    }
    return reports
  }

  /// Whoever it is of: an empty directory with such a name is nobody's loss.
  private func removedPrepared(_ name: [UInt8], _ now: Int64) -> Bool {
    guard let kept = AsideName(name), kept.purpose == .new else { return false }
    do throws(Errno) {
      let seen = try cachedStatus(at: parent.descriptor, name)
      guard seen.kind == .directory, seen.isOnMount(of: parent.status), now - seen.changed > StorageRemoval.preparedAge else {
        return false
      }
      try removeEmptyDirectory(at: parent.descriptor, name)
      return true
    } catch {
      return false
    }
  }

  private func removeLeftover(_ old: Trash, _ onProgress: @escaping (Int) -> Void) throws(Errno) -> Report {
    var report = Report(result: .deleted)
    let path = shown(parent.path(old.name))
    let trash = try Trash(in: parent.descriptor, for: nil)
    var removal = TreeRemoval(trash, onProgress: onProgress)
    let origin = try old.origin()
    let reader = DirectoryReader(try open(at: old.descriptor, [.dot], .directory))
    while let entry = try reader.next() {
      if Trash.isOrigin(entry.name) { continue }
      do throws(Errno) {
        if Trash.isCondemned(entry.name) {
          try removal.moveToTrash(entry.name, from: old.descriptor)
        } else {
          // That run ended before it had looked again: this one decides anew.
          try putBack(entry.name, from: old, to: origin)
        }
      } catch {
        report.result = .failed
        let home = origin.map { shown(parent.path($0)) } ?? "its storage directory"
        let cause =
          switch error {
          case .busy, .otherDevice: "something is mounted there; unmount it"
          case .exists: "its owner has made a new one in \(home); when the owner has renamed the new one, the next prune puts it back"
          default:
            "it cannot go back into \(home): \(text(error)); the next prune tries again, and when nobody needs it any more, delete it here"
          }
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
    if AsideName(engine)?.purpose == .replaced || origin == nil && EngineLeftover.isOne(engine) {
      return try renameWithoutReplacing(engine, in: old.descriptor, to: engine, in: parent.descriptor)
    }
    guard let origin else { throw .noEntry }
    let owner = try cachedStatus(at: old.descriptor, engine).owner
    let storage = try open(at: parent.descriptor, origin, .pathOnly)
    let seen = try fileStatus(of: storage)
    guard seen.kind == .directory, seen.owner == owner, seen.isOnMount(of: parent.status) else { throw .noEntry }
    try renameWithoutReplacing(engine, in: old.descriptor, to: engine, in: storage)
  }
}
