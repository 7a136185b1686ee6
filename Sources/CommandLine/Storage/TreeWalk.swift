import RootlessStorage

/// Measures trees that belong to somebody else, as root, and so guarantees:
///
/// - it goes down from a descriptor, one name at a time, never through a symbolic link, and enters a directory only after it is
///   known, by a descriptor that asks nobody anything (O_PATH, statx with DONT_SYNC), to be on the mount where it began: a FUSE
///   mount of the user's might answer anything, or never;
/// - it goes up only to the directory that it came from: `..` of one that was moved meanwhile leads elsewhere, and ends the walk;
/// - descriptors and memory are bounded, however deep or wide the tree is;
/// - a directory is entered once: who moves it meanwhile to where the walk has yet to come cannot make it walk for ever;
/// - it ends with its budget at the latest.
struct TreeWalk {
  /// When a walk ends, done or not.
  struct Budget {
    /// Names that are looked at.
    var entries: Int
    /// From the beginning of the walk.
    var seconds: Int64

    /// What a size is worth.
    static let size = Budget(entries: 5_000_000, seconds: 60)
    /// What has to be known before something is called idle: one change that was not seen makes it wrong.
    static let age = Budget(entries: 50_000_000, seconds: 600)
  }

  /// Deeper levels that are kept open; those above are opened again on the way back.
  private static let mostOpen = 64
  /// A level takes some bytes of memory: a tree that is deeper is not measured to its end.
  private static let deepest = 100_000
  /// Files with several names that are remembered at once.
  private static let mostLinked = 1 << 18
  /// Directories that are remembered at once.
  private static let mostEntered = 1 << 20
  /// Names between two looks at the clock.
  private static let clockInterval = 256

  /// What the trees take on the disk. A file with several names in them counts once.
  private(set) var bytes: UInt64 = 0
  /// Of these, what nothing outside them holds: a file with a further name elsewhere is not in it.
  private(set) var exclusiveBytes: UInt64 = 0
  /// The latest change in seconds since the epoch, and not in the future; nil if nothing was seen.
  private(set) var newest: Int64?
  /// Everything was seen. If not, the sizes are "at least".
  private(set) var isComplete = true
  /// The budget has ended it: what was not looked at may be anything.
  private(set) var isCutShort = false
  private(set) var files = 0

  private let now: Int64
  private let budget: Budget
  private let end: Int64
  private var entries = 0
  private let isRoot: Bool
  private let onProgress: (Int, UInt64) -> Void
  /// Names that are still to come, of files with several.
  private var linked: [FileIdentity: UInt32] = [:]
  /// Directories that the walk has been in.
  private var entered: Set<FileIdentity> = []

  private struct Level {
    let identity: FileIdentity
    var reader: DirectoryReader?
    var offset: Int64 = 0

    mutating func close() {
      offset = reader?.offset ?? offset
      reader = nil
    }
  }

  /// - Parameter onProgress: hears of the files and bytes so far, now and then.
  init(now: Int64, isRoot: Bool, budget: Budget, onProgress: @escaping (Int, UInt64) -> Void) {
    self.now = now
    self.isRoot = isRoot
    self.budget = budget
    end = monotonicMilliseconds() + budget.seconds * 1000
    self.onProgress = onProgress
  }

  /// Adds what bears the name, and everything below it.
  ///
  /// - Parameter mount: the status of something on the mount that is not left.
  mutating func add(at directory: borrowing FileDescriptor, _ name: [UInt8], on mount: FileStatus) {
    guard mayGoOn() else { return }
    guard let first = visit(directory, DirectoryEntry(name: name, kind: .unknown), mount) else { return }
    var levels = [first]
    while let reader = levels.last?.reader {
      var entry: DirectoryEntry? = nil
      do throws(Errno) { entry = try reader.next() } catch { isComplete = false }
      if let entry {
        guard mayGoOn() else { return }
        if levels.count >= TreeWalk.deepest {
          isComplete = false
          continue
        }
        if let next = visit(reader.descriptor, entry, mount) {
          levels.append(next)
          if levels.count > TreeWalk.mostOpen { levels[levels.count - 1 - TreeWalk.mostOpen].close() }
        }
        continue
      }
      levels.removeLast()
      if let above = levels.last, above.reader == nil {
        do throws(Errno) { levels[levels.count - 1].reader = try reopen(above, from: reader.descriptor) } catch {
          isComplete = false
          return
        }
      }
    }
  }

  /// Takes one name from the budget.
  private mutating func mayGoOn() -> Bool {
    entries += 1
    if isCutShort { return false }
    if entries > budget.entries || (entries % TreeWalk.clockInterval == 0 && monotonicMilliseconds() >= end) {
      isCutShort = true
      isComplete = false
    }
    return !isCutShort
  }

  /// - Returns: whether the walk has not been in this directory.
  private mutating func enter(_ directory: FileIdentity) -> Bool {
    if entered.count >= TreeWalk.mostEntered {
      // Too many to remember. The budget holds all the same.
      isComplete = false
      return !entered.contains(directory)
    }
    if entered.insert(directory).inserted { return true }
    isComplete = false
    return false
  }

  /// - Returns: the level to go on with, if it is a directory.
  private mutating func visit(_ directory: borrowing FileDescriptor, _ entry: DirectoryEntry, _ mount: FileStatus) -> Level? {
    do throws(Errno) {
      if entry.kind == .other {
        let seen = try knownStatus(at: directory, entry.name)
        if seen.kind != .directory {
          if seen.isOnMount(of: mount) { count(seen) }
          return nil
        }
      }
      let place = try open(at: directory, entry.name, .anyPlace)
      let seen = try fileStatus(of: place)
      guard seen.isOnMount(of: mount) else { return nil }
      let identity = FileIdentity(seen)
      // What was moved into the walk's way again has been counted.
      if seen.kind == .directory && !enter(identity) { return nil }
      count(seen)
      guard seen.kind == .directory else { return nil }
      return Level(identity: identity, reader: DirectoryReader(try open(at: place, [.dot], .directory)))
    } catch {
      // Gone since it was listed; and a FUSE mount answers not even root, unless that was allowed.
      let isMount = isRoot && error == .accessDenied
      if error != .noEntry && !isMount { isComplete = false }
      return nil
    }
  }

  private func reopen(_ level: Level, from below: borrowing FileDescriptor) throws(Errno) -> DirectoryReader {
    let place = try open(at: below, [.dot, .dot], .directoryPlace)
    guard FileIdentity(try fileStatus(of: place)) == level.identity else { throw .stale }
    let reader = DirectoryReader(try open(at: place, [.dot], .directory))
    try reader.seek(to: level.offset)
    return reader
  }

  private mutating func count(_ seen: FileStatus) {
    files += 1
    if files % 1024 == 0 { onProgress(files, bytes) }
    // A user can give a file any time of modification, but not one of change. If that is in the future, the clock was wrong.
    let modified = seen.modified <= now ? seen.modified : Int64.min
    newest = max(newest ?? Int64.min, modified, min(seen.changed, now))

    let size = seen.allocated
    if seen.kind == .directory || seen.links <= 1 {
      bytes &+= size
      exclusiveBytes &+= size
      return
    }
    let identity = FileIdentity(seen)
    if let left = linked[identity] {
      linked[identity] = left > 1 ? left - 1 : nil
      if left <= 1 { exclusiveBytes &+= size }
    } else if linked.count < TreeWalk.mostLinked {
      bytes &+= size
      linked[identity] = seen.links - 1
    } else {
      // Too many to remember: each name counts for its share.
      bytes &+= size / UInt64(seen.links)
      isComplete = false
    }
  }
}
