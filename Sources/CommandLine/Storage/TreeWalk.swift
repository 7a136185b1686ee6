import RootlessStorage
import Synchronization

/// Measures trees that belong to somebody else, as root, and so guarantees:
///
/// - it goes down from a descriptor, one name at a time, never through a symbolic link, and enters a directory only if it is on the
///   mount where the walk began, which is known without asking it: see `DirectoryReader.opened(at:_:on:_:)`. A FUSE mount of the user's
///   might answer anything, or never;
/// - it goes up only to the directory that it came from: `..` of one that was moved meanwhile leads elsewhere, and ends the walk;
/// - descriptors and memory are bounded, however deep or wide the tree is;
/// - a directory is entered once: who moves it meanwhile to where the walk has yet to come cannot make it walk for ever;
/// - it ends with its budget at the latest.
///
/// A large tree is walked by several threads. Each has directories of its own, that nobody else reads, from where it goes down; what
/// has been seen is remembered by all together.
struct TreeWalk {
  /// When a walk ends, done or not.
  struct Budget {
    /// Names that are looked at; some hundreds more where there are several threads.
    var entries: Int
    /// From the beginning of the walk.
    var seconds: Int64

    /// What a size is worth.
    static let size = Budget(entries: 5_000_000, seconds: 60)
    /// What has to be known before something is called idle: one change that was not seen makes it wrong.
    static let age = Budget(entries: 50_000_000, seconds: 600)
  }

  /// Threads at once: beyond, they wait for the disk and for each other.
  static let mostThreads = 4
  /// Names from which on other threads help: below, it takes longer to start them.
  static let worthThreads = 4096

  /// What the trees take on the disk. A file with several names in them counts once.
  var bytes: UInt64 { tally.bytes }
  /// Of these, what nothing outside them holds: a file with a further name elsewhere is not in it.
  var exclusiveBytes: UInt64 { tally.exclusiveBytes }
  /// Of `bytes`, those that were to be counted apart.
  var apartBytes: UInt64 { tally.apartBytes }
  /// The latest change in seconds since the epoch, and not in the future; nil if nothing was seen.
  var newest: Int64? { tally.newest }
  /// Everything was seen. If not, the sizes are "at least".
  var isComplete: Bool { tally.isComplete && !isCutShort }
  /// The budget has ended it: what was not looked at may be anything.
  var isCutShort: Bool { memory.isCutShort }
  var files: Int { tally.files }

  private var tally = Tally()
  private let memory: WalkMemory
  private let onProgress: (Int, UInt64) -> Void
  private let threads: Int

  /// - Parameters:
  ///   - threads: at most so many at once, this one included.
  ///   - onProgress: hears of the files and bytes so far, now and then.
  init(
    now: Int64, isRoot: Bool, budget: Budget, threads: Int = min(TreeWalk.mostThreads, HelperThreads.processors),
    onProgress: @escaping (Int, UInt64) -> Void
  ) {
    memory = WalkMemory(now: now, isRoot: isRoot, budget, threads: threads)
    self.threads = threads
    self.onProgress = onProgress
  }

  /// Adds what bears the name, and everything below it.
  ///
  /// - Parameters:
  ///   - mount: the status of something on the mount that is not left.
  ///   - apart: a directory below it whose bytes are counted apart too, by its components.
  mutating func add(at directory: borrowing FileDescriptor, _ name: [UInt8], on mount: FileStatus, apart: [[UInt8]] = []) {
    let shared = SharedWalk(memory, mount, apart)
    var walker = Walker(shared)
    if let first = walker.begin(directory, name) {
      var helpers: HelperThreads? = nil
      walker.run([first]) {
        if helpers == nil && threads > 1 && memory.entries >= TreeWalk.worthThreads { helpers = TreeWalk.start(threads - 1, shared) }
        onProgress(memory.files, memory.bytes)
      }
      if let helpers {
        while let handed = shared.work.next(meanwhile: { onProgress(memory.files, memory.bytes) }) {
          walker.run([handed.level]) { onProgress(memory.files, memory.bytes) }
        }
        helpers.join()
      }
    }
    walker.end()
    tally.add(shared.tally)
  }

  private static func start(_ count: Int, _ shared: SharedWalk) -> HelperThreads {
    shared.work.join(count)
    let helpers = HelperThreads(count) {
      var walker = Walker(shared)
      while let handed = shared.work.next(meanwhile: {}) { walker.run([handed.level]) {} }
      walker.end()
    }
    shared.work.leave(count - helpers.count)
    return helpers
  }
}

/// What one thread has counted.
private struct Tally: Sendable {
  var bytes: UInt64 = 0
  var exclusiveBytes: UInt64 = 0
  var apartBytes: UInt64 = 0
  var newest: Int64? = nil
  var isComplete = true
  var files = 0

  mutating func add(_ other: Tally) {
    bytes &+= other.bytes
    exclusiveBytes &+= other.exclusiveBytes
    apartBytes &+= other.apartBytes
    if let time = other.newest { newest = max(newest ?? time, time) }
    isComplete = isComplete && other.isComplete
    files += other.files
  }
}

/// What has to be known of all trees of one walk, by all threads.
private final class WalkMemory: Sendable {
  /// Names that a thread takes from the budget at once, and between two looks at the clock.
  private static let chunk = 256
  /// Files with several names that are remembered at once.
  private static let mostLinked = 1 << 18
  /// Directories that are remembered at once.
  private static let mostEntered = 1 << 20

  let now: Int64
  let isRoot: Bool
  private let end: Int64
  private let budget: Int
  private let taken = Mutex(0)
  private let cut = Atomic(false)
  private let seenFiles = Atomic(0)
  private let seenBytes = Atomic<UInt64>(0)
  /// Names that are still to come, of files with several.
  private let linked = Mutex<[FileIdentity: UInt32]>([:])
  /// Directories that the walk has been in.
  private let entered = Mutex<Set<FileIdentity>>([])

  init(now: Int64, isRoot: Bool, _ budget: TreeWalk.Budget, threads: Int) {
    self.now = now
    self.isRoot = isRoot
    // What others have taken and not looked at is missing to the one that comes last.
    self.budget = budget.entries + (budget.entries > TreeWalk.worthThreads ? WalkMemory.chunk * (threads - 1) : 0)
    end = monotonicMilliseconds() + budget.seconds * 1000
  }

  var isCutShort: Bool { cut.load(ordering: .relaxed) }
  var entries: Int { taken.withLock { $0 } }
  var files: Int { seenFiles.load(ordering: .relaxed) }
  var bytes: UInt64 { seenBytes.load(ordering: .relaxed) }

  /// - Returns: names that may be looked at now; 0 at the end of the budget.
  func grant() -> Int {
    if isCutShort { return 0 }
    let count = taken.withLock { taken in
      if taken > 0 && monotonicMilliseconds() >= end { return 0 }
      let count = min(WalkMemory.chunk, budget - taken)
      taken += count
      return count
    }
    if count <= 0 { cut.store(true, ordering: .relaxed) }
    return max(0, count)
  }

  func giveBack(_ count: Int) { taken.withLock { $0 -= count } }

  func publish(_ files: Int, _ bytes: UInt64) {
    seenFiles.add(files, ordering: .relaxed)
    seenBytes.add(bytes, ordering: .relaxed)
  }

  /// - Returns: whether the walk has not been in this directory, and whether that is certain to be all.
  func enter(_ directory: FileIdentity) -> (isNew: Bool, isComplete: Bool) {
    entered.withLock { entered in
      // Too many to remember. The budget holds all the same.
      if entered.count >= WalkMemory.mostEntered { return (!entered.contains(directory), false) }
      let isNew = entered.insert(directory).inserted
      return (isNew, isNew)
    }
  }

  /// One name of a file with several.
  func link(_ file: FileIdentity, _ links: UInt32, _ size: UInt64) -> (bytes: UInt64, exclusiveBytes: UInt64, isComplete: Bool) {
    linked.withLock { linked in
      if let left = linked[file] {
        linked[file] = left > 1 ? left - 1 : nil
        return (0, left <= 1 ? size : 0, true)
      }
      if linked.count < WalkMemory.mostLinked {
        linked[file] = links - 1
        return (size, 0, true)
      }
      // Too many to remember: each name counts for its share.
      return (size / UInt64(links), 0, false)
    }
  }
}

/// One tree, that several threads may be in.
private final class SharedWalk: @unchecked Sendable {
  /// Directories that wait for a thread: each is open.
  private static let mostWaiting = 24

  let memory: WalkMemory
  // These two never change.
  let mount: FileStatus
  let apart: [[UInt8]]
  let work = SharedWork<Handed>(members: 1, room: mostWaiting)
  private let sum = Mutex(Tally())

  init(_ memory: WalkMemory, _ mount: FileStatus, _ apart: [[UInt8]]) {
    self.memory = memory
    self.mount = mount
    self.apart = apart
  }

  var tally: Tally { sum.withLock { $0 } }
  func add(_ tally: Tally) { sum.withLock { $0.add(tally) } }
}

/// A directory on its way from one thread to another: the one that found it does not touch it again.
private struct Handed: @unchecked Sendable {
  let level: Level
}

private struct Level {
  let identity: FileIdentity
  /// Components of what is counted apart that lead here; all of them in it and below; -1 elsewhere.
  let mark: Int
  var reader: DirectoryReader?
  var offset: Int64 = 0

  mutating func close() {
    offset = reader?.offset ?? offset
    reader = nil
  }
}

/// One thread's part of a walk.
private struct Walker {
  /// Deeper levels that are kept open; those above are opened again on the way back.
  private static let mostOpen = 16
  /// A level takes some bytes of memory: a tree that is deeper is not measured to its end.
  private static let deepest = 100_000

  private let shared: SharedWalk
  private let memory: WalkMemory
  private let mount: FileStatus
  private let apart: [[UInt8]]
  private var tally = Tally()
  private var published = (files: 0, bytes: UInt64(0))
  /// Names of the budget that this thread has yet to look at.
  private var granted = 0

  init(_ shared: SharedWalk) {
    self.shared = shared
    memory = shared.memory
    mount = shared.mount
    apart = shared.apart
  }

  mutating func begin(_ directory: borrowing FileDescriptor, _ name: [UInt8]) -> Level? {
    guard mayGoOn() else { return nil }
    return visit(directory, name, mark: 0)
  }

  /// Hands over what it has counted. It may go on after that, from nothing.
  mutating func end() {
    publish()
    memory.giveBack(granted)
    shared.add(tally)
    tally = Tally()
    published = (0, 0)
    granted = 0
  }

  private mutating func publish() {
    memory.publish(tally.files - published.files, tally.bytes &- published.bytes)
    published = (tally.files, tally.bytes)
  }

  /// Takes one name from the budget.
  private mutating func mayGoOn() -> Bool {
    if granted == 0 {
      publish()
      granted = memory.grant()
      if granted == 0 { return false }
    }
    granted -= 1
    return true
  }

  /// Goes through all of it, and leaves to others what they have time for.
  ///
  /// - Parameter onProgress: called now and then.
  mutating func run(_ from: [Level], _ onProgress: () -> Void) {
    var levels = from
    var shownFiles = tally.files
    while let last = levels.last, let reader = last.reader {
      var found: DirectoryReader.Found? = nil
      do throws(Errno) { found = try reader.nextFound() } catch { tally.isComplete = false }
      if let found {
        guard mayGoOn() else { return }
        switch found {
        case .file(let seen): if seen.isOnMount(of: mount) { count(seen, last.mark) }
        case .gone(let cause): note(cause)
        case .name(let name):
          if levels.count >= Walker.deepest {
            tally.isComplete = false
            continue
          }
          guard let next = visit(reader.descriptor, name, mark: mark(name, in: last.mark)) else { break }
          if shared.work.offer(Handed(level: next)) { break }
          levels.append(next)
          if levels.count > Walker.mostOpen { levels[levels.count - 1 - Walker.mostOpen].close() }
        }
        if tally.files - shownFiles >= 1024 {
          shownFiles = tally.files
          publish()
          onProgress()
        }
        continue
      }
      levels.removeLast()
      if let above = levels.last, above.reader == nil {
        do throws(Errno) { levels[levels.count - 1].reader = try reopen(above, from: reader.descriptor) } catch {
          tally.isComplete = false
          return
        }
      }
    }
  }

  private func mark(_ name: [UInt8], in above: Int) -> Int {
    if above < 0 || above == apart.count { return above }
    return apart[above] == name ? above + 1 : -1
  }

  /// - Returns: the level to go on with, if it is a directory.
  private mutating func visit(_ directory: borrowing FileDescriptor, _ name: [UInt8], mark: Int) -> Level? {
    do throws(Errno) {
      guard let reader = try DirectoryReader.opened(at: directory, name, on: mount, { enter($0, mark) }) else { return nil }
      return Level(identity: FileIdentity(reader.status ?? mount), mark: mark, reader: reader)
    } catch {
      note(error)
      return nil
    }
  }

  /// - Returns: whether it is a directory that is to be gone into.
  private mutating func enter(_ seen: FileStatus, _ mark: Int) -> Bool {
    if seen.kind == .directory {
      let (isNew, isComplete) = memory.enter(FileIdentity(seen))
      if !isComplete { tally.isComplete = false }
      // What was moved into the walk's way again has been counted.
      if !isNew { return false }
    }
    count(seen, mark)
    return seen.kind == .directory
  }

  private mutating func note(_ cause: Errno) {
    // Gone since it was listed; and a FUSE mount answers not even root, unless that was allowed.
    let isMount = memory.isRoot && cause == .accessDenied
    if cause != .noEntry && !isMount { tally.isComplete = false }
  }

  private func reopen(_ level: Level, from below: borrowing FileDescriptor) throws(Errno) -> DirectoryReader {
    let place = try open(at: below, [.dot, .dot], .pathOnlyDirectory)
    guard FileIdentity(try fileStatus(of: place)) == level.identity else { throw .stale }
    let reader = DirectoryReader(try open(at: place, [.dot], .directory))
    try reader.seek(to: level.offset)
    return reader
  }

  private mutating func count(_ seen: FileStatus, _ mark: Int) {
    tally.files += 1
    // A user can give a file any time of modification, but not one of change. If that is in the future, the clock was wrong.
    let modified = seen.modified <= memory.now ? seen.modified : Int64.min
    tally.newest = max(tally.newest ?? Int64.min, modified, min(seen.changed, memory.now))

    let size = seen.allocated
    var (bytes, exclusiveBytes) = (size, size)
    if seen.kind != .directory && seen.links > 1 {
      var isComplete = true
      (bytes, exclusiveBytes, isComplete) = memory.link(FileIdentity(seen), seen.links, size)
      if !isComplete { tally.isComplete = false }
    }
    tally.bytes &+= bytes
    tally.exclusiveBytes &+= exclusiveBytes
    if mark == apart.count && mark > 0 { tally.apartBytes &+= bytes }
  }
}
