internal import CLinux

public enum FileKind: Equatable, Sendable {
  case directory, regular, symbolicLink, fifo, socket, characterDevice, blockDevice, unknown
}

/// What statx(2) tells of a file.
package struct FileStatus {
  package let kind: FileKind
  /// The twelve permission bits.
  package let mode: UInt32
  package let owner: UInt32
  package let group: UInt32
  package let links: UInt32
  package let inode: UInt64
  package let deviceMajor: UInt32
  package let deviceMinor: UInt32
  /// Bytes of content.
  package let size: UInt64
  /// Bytes on disk.
  package let allocated: UInt64
  /// Seconds since the epoch; any number that the owner likes.
  package let modified: Int64
  /// Seconds since the epoch; the kernel's.
  package let changed: Int64
  package let mount: MountID?

  /// `MAJOR:MINOR`, as the kernel names the device in /sys/dev/block, /dev/block and /proc/self/mountinfo.
  package var device: [UInt8] { decimal(UInt64(deviceMajor)) + [.colon] + decimal(UInt64(deviceMinor)) }
}

/// A mount, as statx(2) numbers it.
package struct MountID: Equatable {
  package let number: UInt64
  /// Since Linux 6.8: a number that is never used again, which statmount(2) takes. Else the one of /proc/self/mountinfo.
  package let isUnique: Bool
}

/// The descriptor's own status, without a request to a file server when the kernel knows enough (AT_STATX_DONT_SYNC).
package func fileStatus(of file: borrowing FileDescriptor) throws(Errno) -> FileStatus {
  try statxRaw(file.raw, [], clinux_at_empty_path | clinux_at_statx_dont_sync, clinux_statx_mnt_id | clinux_statx_mnt_id_unique)
}

/// The descriptor's status as the file server has it now: for what other hosts may have changed.
package func syncedStatus(of file: borrowing FileDescriptor) throws(Errno) -> FileStatus {
  try statxRaw(file.raw, [], clinux_at_empty_path | clinux_at_statx_force_sync, 0)
}

/// The status of what bears the name, a symbolic link itself included. Mounts nothing.
package func fileStatus(at directory: borrowing FileDescriptor, _ name: [UInt8]) throws(Errno) -> FileStatus {
  try statxRaw(directory.raw, name, clinux_at_symlink_nofollow | clinux_at_no_automount, clinux_statx_mnt_id | clinux_statx_mnt_id_unique)
}

/// The same of a path that begins in the directory.
package func fileStatus(at directory: borrowing FileDescriptor, path: Path) throws(Errno) -> FileStatus {
  try fileStatus(at: directory, path.bytes)
}

/// The same of an absolute path, resolved by the kernel with the identity the process has at the moment.
package func fileStatus(path: Path) throws(Errno) -> FileStatus {
  try statxRaw(clinux_at_fdcwd, path.bytes, clinux_at_symlink_nofollow | clinux_at_no_automount | clinux_at_statx_dont_sync, 0)
}

/// The same as `fileStatus(at:_:)` without a request to whoever serves the file system there (AT_STATX_DONT_SYNC).
package func cachedStatus(at directory: borrowing FileDescriptor, _ name: [UInt8]) throws(Errno) -> FileStatus {
  try statxRaw(
    directory.raw, name, clinux_at_symlink_nofollow | clinux_at_no_automount | clinux_at_statx_dont_sync,
    clinux_statx_mnt_id | clinux_statx_mnt_id_unique)
}

/// The same of a path that begins in the directory.
package func cachedStatus(at directory: borrowing FileDescriptor, path: Path) throws(Errno) -> FileStatus {
  try cachedStatus(at: directory, path.bytes)
}

/// The same of a name that a kernel has written.
package func cachedStatus(at directory: borrowing FileDescriptor, cString name: UnsafePointer<CChar>) throws(Errno) -> FileStatus {
  try unsafe statxRaw(
    directory.raw, name, clinux_at_symlink_nofollow | clinux_at_no_automount | clinux_at_statx_dont_sync,
    clinux_statx_mnt_id | clinux_statx_mnt_id_unique)
}

extension FileStatus {
  /// Both are of one file. A number is given to another file once this one is gone: hold it open.
  package func isSameFile(as other: FileStatus) -> Bool {
    inode == other.inode && deviceMajor == other.deviceMajor && deviceMinor == other.deviceMinor
  }

  /// Both are in the same mount, as far as the kernel tells.
  package func isInMount(of other: FileStatus) -> Bool {
    mount == other.mount && deviceMajor == other.deviceMajor && deviceMinor == other.deviceMinor
  }
}

private func statxRaw(_ directory: Int32, _ name: [UInt8], _ flags: Int32, _ mountMask: UInt32) throws(Errno) -> FileStatus {
  var buffer = statx()
  _ = try retrying {
    unsafe withCString(name) { unsafe Int(statx(directory, $0, flags, clinux_statx_basic | mountMask, &buffer)) }
  }
  return status(buffer)
}

private func statxRaw(_ directory: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32, _ mountMask: UInt32) throws(Errno) -> FileStatus {
  var buffer = statx()
  _ = try retrying { unsafe Int(statx(directory, name, flags, clinux_statx_basic | mountMask, &buffer)) }
  return status(buffer)
}

private func status(_ seen: statx) -> FileStatus {
  var buffer = seen
  var mount: MountID? = nil
  if buffer.stx_mask & clinux_statx_mnt_id_unique != 0 {
    mount = unsafe MountID(number: clinux_statx_mount(&buffer), isUnique: true)
  } else if buffer.stx_mask & clinux_statx_mnt_id != 0 {
    mount = unsafe MountID(number: clinux_statx_mount(&buffer), isUnique: false)
  }
  return FileStatus(
    kind: kind(UInt32(buffer.stx_mode)), mode: UInt32(buffer.stx_mode) & 0o7777, owner: buffer.stx_uid, group: buffer.stx_gid,
    links: buffer.stx_nlink, inode: buffer.stx_ino, deviceMajor: buffer.stx_dev_major,
    deviceMinor: buffer.stx_dev_minor, size: buffer.stx_size, allocated: buffer.stx_blocks &* 512,
    modified: buffer.stx_mtime.tv_sec, changed: buffer.stx_ctime.tv_sec, mount: mount)
}

private func kind(_ mode: UInt32) -> FileKind {
  switch mode & 0o170000 {
  case 0o040000: .directory
  case 0o100000: .regular
  case 0o120000: .symbolicLink
  case 0o010000: .fifo
  case 0o140000: .socket
  case 0o020000: .characterDevice
  case 0o060000: .blockDevice
  default: .unknown
  }
}
