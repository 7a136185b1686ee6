internal import CLinux

// Project quotas: a directory bears a project, what is made below it inherits that, and the file system counts all of it together, whoever
// owns it. Whoever owns a file may change its project.

/// Which project a file or directory is counted for (ioctl_xfs_fsgetxattr(2)).
package struct ProjectMark: Equatable, Sendable {
  /// 0: none.
  package var project: UInt32
  /// What is made in the directory gets the project too.
  package var isInherited: Bool

  package init(project: UInt32, isInherited: Bool) {
    self.project = project
    self.isInherited = isInherited
  }
}

/// Limits and use of one project.
package struct ProjectQuota: Equatable, Sendable {
  /// Hard limits, in units of 1024 bytes and in files; 0: none.
  package var blocks: UInt64 = 0
  package var inodes: UInt64 = 0
  /// In bytes, and in files.
  package var usedBytes: UInt64 = 0
  package var usedInodes: UInt64 = 0
  package var hasSoftLimits = false

  package init() {}
}

/// What a file system does about projects.
package enum QuotaState: Equatable, Sendable {
  /// Their use is not counted.
  case off
  /// It is counted, and no limit holds.
  case counted
  case enforced
}

/// - Parameter directory: open for reading.
package func projectMark(of directory: borrowing FileDescriptor) throws(Errno) -> ProjectMark {
  let raw = directory.raw
  var mark = ProjectMark(project: 0, isInherited: false)
  var inherits: Int32 = 0
  _ = try retrying { unsafe Int(clinux_get_project(raw, &mark.project, &inherits)) }
  mark.isInherited = inherits != 0
  return mark
}

/// The owner's to do, outside of user namespaces. What lies in the directory already stays as it is.
///
/// - Parameter directory: open for reading.
package func setProject(of directory: borrowing FileDescriptor, to project: UInt32) throws(Errno) {
  let raw = directory.raw
  _ = try retrying { Int(clinux_set_project(raw, project, 1)) }
}

/// The owner's to do, outside of user namespaces.
///
/// - Parameter file: a regular file, open for reading.
package func setProject(ofFile file: borrowing FileDescriptor, to project: UInt32) throws(Errno) {
  let raw = file.raw
  _ = try retrying { Int(clinux_set_project(raw, project, 0)) }
}

/// The directory of this owner's that bears the name, on the mount of the one above it, open for reading; nil where there is none.
///
/// - Parameter directory: open for reading.
package func ownDirectory(at directory: borrowing FileDescriptor, _ name: [UInt8], of owner: UInt32) throws(Errno) -> FileDescriptor? {
  do throws(Errno) {
    let mount = try fileStatus(of: directory)
    // A FUSE mount is not opened: whoever serves it may never answer.
    let known = try cachedStatus(at: directory, name)
    guard known.kind == .directory, known.isInMount(of: mount) else { return nil }
    let inner = try open(at: directory, name, .directory)
    let status = try fileStatus(of: inner)
    guard status.owner == owner, status.isInMount(of: mount) else { return nil }
    return inner
  } catch {
    // Missing, a link, or somebody else's.
    if error == .noEntry || error == .notDirectory || error == .tooManySymlinks || error == .accessDenied { return nil }
    throw error
  }
}

/// Anybody may ask (quotactl(2), Q_XGETQSTATV). A file system without quotas, or with none turned on, is `off`.
package func quotaState(at place: borrowing FileDescriptor) throws(Errno) -> QuotaState {
  var state = clinux_quota_state()
  state.version = 1
  do throws(Errno) { try unsafe quotaCall(place, clinux_q_xgetqstatv, 0, &state) } catch {
    if error.isOfNoQuota { return .off }
    throw error
  }
  if state.flags & clinux_quota_counted == 0 { return .off }
  return state.flags & clinux_quota_enforced == 0 ? .counted : .enforced
}

/// Root's to ask (Q_GETQUOTA).
package func projectQuota(of project: UInt32, at place: borrowing FileDescriptor) throws(Errno) -> ProjectQuota {
  var answer = clinux_quota()
  var quota = ProjectQuota()
  do throws(Errno) { try unsafe quotaCall(place, clinux_q_getquota, project, &answer) } catch {
    // XFS: nothing has ever been counted for it, nor limited.
    if error == .noEntry { return quota }
    throw error
  }
  quota.blocks = answer.hard_blocks
  quota.inodes = answer.hard_inodes
  quota.usedBytes = answer.space
  quota.usedInodes = answer.inodes
  quota.hasSoftLimits = answer.soft_blocks != 0 || answer.soft_inodes != 0
  return quota
}

/// Root's to do (Q_SETQUOTA). Hard limits, and no soft ones.
package func setLimits(of project: UInt32, at place: borrowing FileDescriptor, blocks: UInt64, inodes: UInt64) throws(Errno) {
  var limits = clinux_quota()
  limits.hard_blocks = blocks
  limits.hard_inodes = inodes
  limits.valid = clinux_quota_limits
  try unsafe quotaCall(place, clinux_q_setquota, project, &limits)
}

/// By descriptor, or, before Linux 5.14, by the device, which is named by the descriptor that was looked at.
///
/// - Parameter data: has the type that the command wants.
private func quotaCall(_ place: borrowing FileDescriptor, _ command: UInt32, _ project: UInt32, _ data: UnsafeMutableRawPointer)
  throws(Errno)
{
  let raw = place.raw
  do throws(Errno) {
    _ = try retrying { unsafe clinux_quotactl_descriptor(raw, command, project, data) }
    return
  } catch {
    // A file system without quotas answers the same.
    if error != .notImplemented { throw error }
  }
  let status = try fileStatus(of: place)
  if status.deviceMajor == 0 { throw .notImplemented }
  let device = try open(path: "/dev/block" / status.device, .pathOnlyFollowing)
  if clinux_is_block_device(device.raw, status.deviceMajor, status.deviceMinor) == 0 { throw .notBlockDevice }
  try unsafe quotaCall(device: device, command, project, data)
}

private func quotaCall(device: borrowing FileDescriptor, _ command: UInt32, _ project: UInt32, _ data: UnsafeMutableRawPointer)
  throws(Errno)
{
  let path = "/proc/self/fd" / decimal(UInt64(device.raw))
  _ = try retrying { unsafe withCString(path.bytes) { unsafe clinux_quotactl_device($0, command, project, data) } }
}

extension Errno {
  /// The file system has no project quotas, or they are not turned on; or the kernel has none.
  package var isOfNoQuota: Bool {
    self == .noProcess || self == .notImplemented || self == .notSupported || self == .notTerminal || self == .invalid || self == .noDevice
      || self == .notBlockDevice
  }
}
