import RootlessStorage

/// Adds up what lies below a directory of the user's, as that user, in the same mount, and no further than a limit and a second: it
/// is on a network file system, every entry may be a request, and the rest of what is to be told must not wait for it.
struct TreeCount {
  private(set) var size: UInt64 = 0
  private(set) var files = 0
  /// Something belongs to another than the process's user.
  private(set) var hasOthers = false
  /// Everything was counted.
  private(set) var isWhole = true
  private var left: Int
  private let user = effectiveIDs().user
  private let deadline = monotonicMilliseconds() + 1000
  private static let deepest = 64

  /// - Parameter limit: entries that are looked at.
  init(limit: Int) { left = limit }

  mutating func add(_ directory: borrowing FileDescriptor) throws(Errno) { try add(directory, fileStatus(of: directory), depth: 0) }

  private mutating func add(_ directory: borrowing FileDescriptor, _ top: FileStatus, depth: Int) throws(Errno) {
    for name in try names(in: directory, limit: max(left, 0)) {
      left -= 1
      if left < 0 || monotonicMilliseconds() >= deadline {
        isWhole = false
        return
      }
      do throws(Errno) {
        let status = try fileStatus(at: directory, name)
        guard status.isInMount(of: top) else { continue }
        size &+= status.allocated
        if status.owner != user { hasOthers = true }
        if status.kind != .directory {
          files += 1
        } else if depth >= TreeCount.deepest {
          isWhole = false
        } else {
          try add(open(at: directory, name, .directory), top, depth: depth + 1)
        }
      } catch {
        if error != .noEntry { isWhole = false }
      }
    }
  }
}
