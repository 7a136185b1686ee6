import RootlessStorage
import Synchronization

/// Something that is in the way of a removal.
struct RemovalProblem {
  enum Cause {
    /// Something is mounted there.
    case mount
    /// Somebody writes into it faster than it can be emptied.
    case growing
    case failed(Errno)
  }

  /// Relative to the trash.
  let path: Path
  let cause: Cause
}

/// Deletes trees that belong to somebody else, as root, without ever being led out of them.
///
/// Nothing is recursive. In the trash, which only root can write to, trees wait under numbers. The first is opened, its files and
/// those of its directories that hold nothing else are removed, its other directories are moved up into the trash under the next
/// numbers, and then it is empty and goes itself. So:
///
/// - every call is one name in a directory that is open, and lies in the trash itself or one below: there is no way to be exchanged,
///   no `..` to be believed, no symbolic link to be followed, and no depth. Whoever still has such a one below open can move it out
///   meanwhile: of what is in it by then only files go, which the owner of a directory may delete anyhow;
/// - what is mounted somewhere in a tree is neither entered nor moved (EBUSY), and stays with what leads to it;
/// - three descriptors and a few numbers for each thread are all that it takes, however many files there are.
///
/// Where there is much, several threads work on what waits in the trash. Each tree there is one thread's at a time.
///
/// A directory that cannot be moved up (it is encrypted and its key is not there, it has another project id, it is in another
/// subvolume or on another layer of an overlay) is taken apart where it is: see `descend`.
struct TreeRemoval {
  /// Problems that are remembered; the others are counted.
  static let mostProblems = 8
  /// Visits of one directory that never becomes empty, since somebody who has it open writes to it.
  private static let mostVisits = 16
  /// The same where the trash was too full to take more of it.
  private static let mostFullVisits = 10_000
  /// Visits in which nothing went, before it is believed that nothing ever will.
  private static let mostIdleVisits = 3
  /// Entries that are taken out of a directory in one visit.
  private static let mostEntries = 50_000_000
  private static let mostDeferred = 4096
  /// Files of a directory that are removed without moving it.
  private static let mostInPlace = 1_000_000
  /// Levels that `descend` goes down: one takes the bytes of its name.
  private static let deepest = 100_000

  /// Directories that are visited between two questions whether other threads should help.
  private static let visitsAlone = 256

  private(set) var problems: [RemovalProblem] = []
  private(set) var problemCount = 0
  private(set) var removed = 0

  private let trash: Trash
  private let waiting: WaitingTrees
  /// Of `waiting`, that of this thread.
  private let lane: Int
  private let onProgress: (Int) -> Void
  /// Directories that were not empty at the end of a visit, with the number of their visits.
  private var deferred: [(number: UInt64, visits: Int)] = []

  /// - Parameter threads: at most so many at once, this one included.
  init(_ trash: Trash, threads: Int = min(TreeWalk.mostThreads, HelperThreads.processors), onProgress: @escaping (Int) -> Void) {
    self.init(trash, WaitingTrees(lanes: threads), lane: 0, onProgress)
  }

  private init(_ trash: Trash, _ waiting: WaitingTrees, lane: Int, _ onProgress: @escaping (Int) -> Void) {
    self.trash = trash
    self.waiting = waiting
    self.lane = lane
    self.onProgress = onProgress
  }

  /// Moves something into the trash for good.
  mutating func moveToTrash(_ name: [UInt8], from directory: borrowing FileDescriptor) throws(Errno) {
    try rename(name, in: directory, to: Trash.condemned(waiting.nextNumber(of: lane)), in: trash.descriptor)
    waiting.add(to: lane)
  }

  /// Deletes what is in a directory that lies in the trash, and leaves the directory.
  ///
  /// - Returns: whether it is empty.
  mutating func deleteContents(of name: [UInt8]) throws(Errno) -> Bool {
    for _ in 0..<TreeRemoval.mostVisits {
      guard let reader = try DirectoryReader.opened(at: trash.descriptor, name, on: trash.status, { $0.kind == .directory }) else {
        throw .notDirectory
      }
      let emptying = try empty(Path(name), reader)
      run()
      if emptying.isStuck { return false }
      if emptying.entries == 0 && !emptying.isFull { return true }
    }
    report(Path(name), .growing)
    return false
  }

  /// Deletes all that was taken.
  mutating func run() {
    var visits = 0
    while true {
      if let number = waiting.next(for: lane) {
        visit(number, visits: 0)
        visits += 1
        if visits >= TreeRemoval.visitsAlone && waiting.lanes > 1 {
          runTogether()
          visits = 0
        }
      } else if let next = deferred.popLast() {
        visit(next.number, visits: next.visits)
      } else {
        return
      }
    }
  }

  /// Visits all that waits, together with other threads.
  private mutating func runTogether() {
    let crew = Crew(trash, waiting)
    waiting.crew = crew
    let helpers = HelperThreads(waiting.lanes - 1) {
      var removal = TreeRemoval(crew.trash, crew.waiting, lane: crew.claimLane(), { _ in })
      removal.visitAll(with: crew)
      crew.add(Part(removed: removal.removed, problems: removal.problems, problemCount: removal.problemCount, deferred: removal.deferred))
    }
    crew.hints.leave(waiting.lanes - 1 - helpers.count)
    visitAll(with: crew)
    helpers.join()
    waiting.crew = nil
    for part in crew.parts {
      removed += part.removed
      problems += part.problems.prefix(TreeRemoval.mostProblems - problems.count)
      problemCount += part.problemCount
      deferred += part.deferred
    }
  }

  private mutating func visitAll(with crew: Crew) {
    repeat {
      while let number = waiting.next(for: lane) { visit(number, visits: 0) }
    } while crew.hints.next(meanwhile: { onProgress(waiting.removed) }) != nil
  }

  private mutating func visit(_ number: UInt64, visits: Int) {
    let name = Trash.condemned(number)
    var emptying = Emptying()
    do throws(Errno) {
      var kind: FileKind? = nil
      let reader = try DirectoryReader.opened(at: trash.descriptor, name, on: trash.status) {
        kind = $0.kind
        return $0.kind == .directory
      }
      if kind == nil { return report(Path(name), .mount) }
      if let reader {
        emptying = try empty(Path(name), reader)
        // What is left in it was told of already.
        if emptying.isStuck && !emptying.isFull { return }
        try removeEmptyDirectory(at: trash.descriptor, name)
      } else {
        // Exchanged in the moment before it was moved here.
        try unlink(at: trash.descriptor, name)
      }
      count()
    } catch {
      switch error {
      case .noEntry: return
      case .busy, .accessDenied: report(Path(name), .mount)
      case .notEmpty, .exists: putOff(number, visits + 1, emptying)
      default: report(Path(name), .failed(error))
      }
    }
  }

  private struct Emptying {
    /// Something in it stays.
    var isStuck = false
    /// There was no room in the trash for more of its directories.
    var isFull = false
    var cause: Errno = .notEmpty
    var entries = 0
  }

  private mutating func empty(_ path: Path, _ reader: DirectoryReader) throws(Errno) -> Emptying {
    var result = Emptying()
    while result.entries < TreeRemoval.mostEntries, let entry = try reader.next() {
      result.entries += 1
      do throws(Errno) {
        let isRemoved =
          if entry.kind == .directory { try removedWithFiles(entry.name, in: reader.descriptor) } else {
            try removed(entry, in: reader.descriptor)
          }
        if isRemoved { continue }
        do throws(Errno) { try moveToTrash(entry.name, from: reader.descriptor) } catch {
          guard error == .noKey || error == .otherDevice else { throw error }
          if !descend(into: entry.name, of: reader.descriptor, path) { result.isStuck = true }
        }
      } catch {
        switch error {
        case .noEntry: continue
        case .noSpace, .quotaExceeded, .tooManyLinks:
          // The trash itself cannot grow. What is in it goes first, and what is no tree here: then there is room.
          result.isFull = true
          result.cause = error
          result.entries -= 1
        default:
          result.isStuck = true
          _ = fail(path / entry.name, error)
        }
      }
    }
    return result
  }

  // MARK: Where it is

  /// A directory on the way down, which is opened again on the way up.
  private struct Level {
    let name: [UInt8]
    let identity: FileIdentity
    var offset: Int64 = 0
    var isStuck = false
  }

  /// Takes a directory apart without moving anything, and removes it. Every step is one name in a directory that is open, entered
  /// without following a link and without leaving the mount. It goes up only to the directory that it came from: `..` of one that
  /// was moved meanwhile leads elsewhere, and ends it. So nothing is deleted but what its owner has put into this tree.
  ///
  /// - Returns: false if something of it is left, which was told of.
  private mutating func descend(into name: [UInt8], of directory: borrowing FileDescriptor, _ path: Path) -> Bool {
    let top = path / name
    do throws(Errno) {
      var reader = try enter(name, of: directory)
      var levels = [Level(name: name, identity: FileIdentity(try fileStatus(of: reader.descriptor)))]
      var entries = 0
      while true {
        let entry = entries < TreeRemoval.mostEntries ? next(reader, &levels, top) : nil
        entries += 1
        if let entry {
          guard let below = remove(entry, apartIn: reader.descriptor, &levels, top) else { continue }
          levels[levels.count - 1].offset = reader.offset
          levels.append(Level(name: entry.name, identity: FileIdentity(try fileStatus(of: below.descriptor))))
          reader = below
          continue
        }
        let done = levels.removeLast()
        guard let above = levels.last else {
          if done.isStuck { return false }
          try removeEmptyDirectory(at: directory, name)
          count()
          return true
        }
        let up = try open(at: reader.descriptor, [.dot, .dot], .pathOnlyDirectory)
        guard FileIdentity(try fileStatus(of: up)) == above.identity else { throw .stale }
        if done.isStuck || !removedEmptied(done.name, of: up, top) { levels[levels.count - 1].isStuck = true }
        reader = DirectoryReader(try open(at: up, [.dot], .directory))
        // What stays would be met again.
        if levels[levels.count - 1].isStuck { try reader.seek(to: above.offset) }
      }
    } catch {
      return fail(top, error)
    }
  }

  /// The next name; nil at the end, and where it cannot be read on.
  private mutating func next(_ reader: DirectoryReader, _ levels: inout [Level], _ path: Path) -> DirectoryEntry? {
    do throws(Errno) { return try reader.next() } catch {
      levels[levels.count - 1].isStuck = !fail(path, error)
      return nil
    }
  }

  /// - Returns: the directory to go down into; nil if the name is gone, or stays.
  private mutating func remove(
    _ entry: DirectoryEntry, apartIn directory: borrowing FileDescriptor, _ levels: inout [Level], _ path: Path
  ) -> DirectoryReader? {
    do throws(Errno) {
      if try removed(entry, in: directory) { return nil }
      if levels.count >= TreeRemoval.deepest { throw .nameTooLong }
      return try enter(entry.name, of: directory)
    } catch {
      if error != .noEntry { levels[levels.count - 1].isStuck = !fail(path, error) }
      return nil
    }
  }

  private mutating func removedEmptied(_ name: [UInt8], of directory: borrowing FileDescriptor, _ path: Path) -> Bool {
    do throws(Errno) {
      try removeEmptyDirectory(at: directory, name)
      count()
      return true
    } catch {
      return error == .noEntry || fail(path, error)
    }
  }

  private func enter(_ name: [UInt8], of directory: borrowing FileDescriptor) throws(Errno) -> DirectoryReader {
    var kind: FileKind? = nil
    let reader = try DirectoryReader.opened(at: directory, name, on: trash.status) {
      kind = $0.kind
      return $0.kind == .directory
    }
    if let reader { return reader }
    throw kind == nil ? .busy : .notDirectory
  }

  /// Removes a file, or an empty directory.
  private mutating func removed(_ entry: DirectoryEntry, in directory: borrowing FileDescriptor) throws(Errno) -> Bool {
    if entry.kind != .directory {
      do throws(Errno) {
        try unlink(at: directory, entry.name)
        count()
        return true
      } catch {
        if error != .isDirectory { throw error }
      }
    }
    do throws(Errno) {
      try removeEmptyDirectory(at: directory, entry.name)
      count()
      return true
    } catch {
      if error != .notEmpty && error != .exists { throw error }
      return false
    }
  }

  /// Removes a directory that holds nothing but files, and these.
  ///
  /// - Returns: whether it is gone. What is in the way, a visit of its own tells of.
  private mutating func removedWithFiles(_ name: [UInt8], in directory: borrowing FileDescriptor) throws(Errno) -> Bool {
    do throws(Errno) {
      guard let reader = try DirectoryReader.opened(at: directory, name, on: trash.status, { $0.kind == .directory }) else { return false }
      var files = 0
      while let entry = try reader.next() {
        files += 1
        if entry.kind == .directory || files > TreeRemoval.mostInPlace { return false }
        do throws(Errno) {
          try unlink(at: reader.descriptor, entry.name)
          count()
        } catch {
          if error != .noEntry { return false }
        }
      }
      try removeEmptyDirectory(at: directory, name)
      count()
      return true
    } catch {
      if error == .noEntry { throw error }
      return false
    }
  }

  private mutating func fail(_ path: Path, _ cause: Errno) -> Bool {
    report(path, cause == .busy ? .mount : .failed(cause))
    return false
  }

  private mutating func putOff(_ number: UInt64, _ visits: Int, _ emptying: Emptying) {
    let hasHope =
      emptying.isFull
      ? visits < TreeRemoval.mostFullVisits && (emptying.entries > 0 || !waiting.isEmpty || visits < TreeRemoval.mostIdleVisits)
      : visits < TreeRemoval.mostVisits
    if hasHope && deferred.count < TreeRemoval.mostDeferred { return deferred.append((number, visits)) }
    report(Path(Trash.condemned(number)), emptying.isFull ? .failed(emptying.cause) : .growing)
  }

  private mutating func count() {
    removed += 1
    if removed % 256 == 0 { onProgress(waiting.note(removed: 256)) }
  }

  private mutating func report(_ path: Path, _ cause: RemovalProblem.Cause) {
    problemCount += 1
    if problems.count < TreeRemoval.mostProblems { problems.append(RemovalProblem(path: path, cause: cause)) }
  }
}

/// What one thread has done.
private struct Part: Sendable {
  let removed: Int
  let problems: [RemovalProblem]
  let problemCount: Int
  let deferred: [(number: UInt64, visits: Int)]
}

/// The threads that empty one trash together.
private final class Crew: @unchecked Sendable {
  // Both are the same for as long as there are several threads.
  let trash: Trash
  let waiting: WaitingTrees
  /// One for a tree that has come to wait, or fewer: whoever gets one looks for all.
  let hints: SharedWork<Void>
  private let nextLane = Atomic(1)
  private let done = Mutex<[Part]>([])

  init(_ trash: Trash, _ waiting: WaitingTrees) {
    self.trash = trash
    self.waiting = waiting
    hints = SharedWork(members: waiting.lanes, room: waiting.lanes)
  }

  func claimLane() -> Int { nextLane.add(1, ordering: .relaxed).oldValue }
  func add(_ part: Part) { done.withLock { $0.append(part) } }
  var parts: [Part] { done.withLock { $0 } }
}

/// The numbers of the trees that wait in the trash. Each thread adds in a lane of its own, so that a number is known before the tree
/// bears it, and takes from all.
private final class WaitingTrees: @unchecked Sendable {
  private let state: Mutex<[(first: UInt64, last: UInt64)]>
  private let count = Atomic(0)
  let lanes: Int
  /// Those who are to hear of what comes to wait. It changes only while there is one thread.
  var crew: Crew? = nil

  init(lanes: Int) {
    self.lanes = max(1, lanes)
    state = Mutex((0..<UInt64(self.lanes)).map { (first: $0 << 56 + 1, last: $0 << 56) })
  }

  func nextNumber(of lane: Int) -> UInt64 { state.withLock { $0[lane].last + 1 } }

  /// The next number of this lane waits.
  func add(to lane: Int) {
    state.withLock { $0[lane].last += 1 }
    _ = crew?.hints.offer(())
  }

  /// The one that has waited longest, in this lane if there is one.
  func next(for lane: Int) -> UInt64? {
    state.withLock { state in
      for offset in 0..<lanes {
        let other = (lane + offset) % lanes
        if state[other].first > state[other].last { continue }
        state[other].first += 1
        return state[other].first - 1
      }
      return nil
    }
  }

  var isEmpty: Bool { state.withLock { $0.allSatisfy { $0.first > $0.last } } }

  /// Files that are gone, for who waits.
  var removed: Int { count.load(ordering: .relaxed) }
  func note(removed: Int) -> Int { count.add(removed, ordering: .relaxed).newValue }
}
