internal import CLinux
import RootlessStorage

/// What the file system says of a directory's project, to whoever may read the directory.
struct DirectoryQuota: Equatable, Sendable {
  var mark: ProjectMark
  /// Of the whole file system.
  var state: QuotaState
  /// The limit that holds in the directory; nil: none, or one beyond the file system's size, which shows in nothing.
  var bytes: Use?
  var inodes: Use?
  /// Of the file system, in bytes and files: a limit that is not below these shows in nothing.
  var size = UInt64.max
  var files = UInt64.max

  struct Use: Equatable, Sendable {
    var limit: UInt64
    var used: UInt64

    var free: UInt64 { limit - used }
  }

  init(mark: ProjectMark, state: QuotaState, bytes: Use? = nil, inodes: Use? = nil) {
    self.mark = mark
    self.state = state
    self.bytes = bytes
    self.inodes = inodes
  }

  /// statvfs(3) of a directory that hands its project on tells the limit as the size, and what is left of it as free.
  ///
  /// - Parameters:
  ///   - directory: open for reading, on a local file system.
  ///   - parent: on the same file system, and in no project.
  ///   - state: of the file system, where it was asked for already.
  init(of directory: borrowing FileDescriptor, in parent: borrowing FileDescriptor, _ state: QuotaState? = nil) throws(Errno) {
    do throws(Errno) { mark = try projectMark(of: directory) } catch {
      guard error.isOfNoQuota else { throw error }
      mark = ProjectMark(project: 0, isInherited: false)
    }
    self.state = if let state { state } else { try quotaState(at: directory) }
    guard mark.isInherited && self.state == .enforced else { return }
    let whole = try fileSystemStatistics(of: parent)
    let own = try fileSystemStatistics(of: directory)
    size = UInt64(whole.f_blocks).multipliedReportingOverflow(by: UInt64(whole.f_frsize)).partialValue
    files = UInt64(whole.f_files)
    bytes = Use(whole.f_blocks, own.f_blocks, free: own.f_bfree, unit: UInt64(own.f_frsize))
    inodes = Use(whole.f_files, own.f_files, free: own.f_ffree, unit: 1)
  }
}

extension DirectoryQuota.Use {
  fileprivate init?(_ whole: UInt, _ own: UInt, free: UInt, unit: UInt64) {
    guard own < whole else { return nil }
    limit = UInt64(own).multipliedReportingOverflow(by: unit).partialValue
    used = UInt64(own - min(own, free)).multipliedReportingOverflow(by: unit).partialValue
  }
}

/// The project of what bears the name; nil where that cannot be told, or is no directory of this owner's on this mount.
func projectMark(at directory: borrowing FileDescriptor, _ name: [UInt8], of owner: UInt32) -> ProjectMark? {
  do throws(Errno) {
    guard let inner = try ownDirectory(at: directory, name, of: owner) else { return nil }
    return try projectMark(of: inner)
  } catch { return nil }
}
