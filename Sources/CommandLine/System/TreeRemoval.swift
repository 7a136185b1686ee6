import RootlessStorage

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
  let path: [UInt8]
  let cause: Cause
}

/// Deletes trees that belong to somebody else, as root, without ever being led out of them.
///
/// Nothing is recursive. In the trash, which only root can write to, trees wait under numbers. The first is opened, its files and
/// empty directories are removed, its other directories are moved up into the trash under the next numbers, and then it is empty
/// and goes itself. So:
///
/// - every call is one name in a directory that is open and lies in the trash itself: there is no way to be exchanged, no `..` to be
///   believed, no symbolic link to be followed, and no depth;
/// - what is mounted somewhere in a tree is neither entered nor moved (EBUSY), and stays with what leads to it;
/// - two descriptors and a few numbers are all that it takes, however many files there are.
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

  private(set) var problems: [RemovalProblem] = []
  private(set) var problemCount = 0
  private(set) var removed = 0

  private let trash: Trash
  private let onProgress: (Int) -> Void
  private var first: UInt64 = 1
  private var last: UInt64 = 0
  /// Directories that were not empty at the end of a visit, with the number of their visits.
  private var deferred: [(number: UInt64, visits: Int)] = []

  init(_ trash: Trash, onProgress: @escaping (Int) -> Void) {
    self.trash = trash
    self.onProgress = onProgress
  }

  /// Moves something into the trash for good.
  mutating func take(_ name: [UInt8], from directory: borrowing FileDescriptor) throws(Errno) {
    try rename(name, in: directory, to: Trash.condemned(last + 1), in: trash.descriptor)
    last += 1
  }

  /// Deletes all that was taken.
  mutating func run() {
    while true {
      if first <= last {
        let number = first
        first += 1
        visit(number, visits: 0)
      } else if let next = deferred.popLast() {
        visit(next.number, visits: next.visits)
      } else {
        return
      }
    }
  }

  private mutating func visit(_ number: UInt64, visits: Int) {
    let name = Trash.condemned(number)
    var emptying = Emptying()
    do throws(Errno) {
      let place = try open(at: trash.descriptor, name, .anyPlace)
      let seen = try fileStatus(of: place)
      guard seen.isOnMount(of: trash.status) else { return report(name, .mount) }
      if seen.kind == .directory {
        emptying = try empty(name, DirectoryReader(try open(at: place, [0x2e], .directory)))
        // What is left in it was told of already.
        if emptying.isStuck && !emptying.isFull { return }
        try removeEmptyDirectory(at: trash.descriptor, name)
      } else {
        // Exchanged in the moment before it was moved here.
        try removeFile(at: trash.descriptor, name)
      }
      count()
    } catch {
      switch error {
      case .noEntry: return
      case .busy, .accessDenied: report(name, .mount)
      case .notEmpty, .exists: putOff(number, visits + 1, emptying)
      default: report(name, .failed(error))
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

  private mutating func empty(_ path: [UInt8], _ reader: DirectoryReader) throws(Errno) -> Emptying {
    var result = Emptying()
    while result.entries < TreeRemoval.mostEntries, let entry = try reader.next() {
      result.entries += 1
      do throws(Errno) {
        if entry.kind != .directory {
          do throws(Errno) {
            try removeFile(at: reader.descriptor, entry.name)
            count()
            continue
          } catch {
            if error != .isDirectory { throw error }
          }
        }
        do throws(Errno) {
          try removeEmptyDirectory(at: reader.descriptor, entry.name)
          count()
          continue
        } catch {
          if error != .notEmpty && error != .exists { throw error }
        }
        try take(entry.name, from: reader.descriptor)
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
          report(path + [0x2f] + entry.name, error == .busy || error == .otherDevice ? .mount : .failed(error))
        }
      }
    }
    return result
  }

  private mutating func putOff(_ number: UInt64, _ visits: Int, _ emptying: Emptying) {
    let hasHope = emptying.isFull ? visits < TreeRemoval.mostFullVisits && (emptying.entries > 0 || first <= last || visits < TreeRemoval.mostIdleVisits) : visits < TreeRemoval.mostVisits
    if hasHope && deferred.count < TreeRemoval.mostDeferred { return deferred.append((number, visits)) }
    report(Trash.condemned(number), emptying.isFull ? .failed(emptying.cause) : .growing)
  }

  private mutating func count() {
    removed += 1
    if removed % 256 == 0 { onProgress(removed) }
  }

  private mutating func report(_ path: [UInt8], _ cause: RemovalProblem.Cause) {
    problemCount += 1
    if problems.count < TreeRemoval.mostProblems { problems.append(RemovalProblem(path: path, cause: cause)) }
  }
}
