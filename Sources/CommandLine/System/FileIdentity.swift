import RootlessStorage

/// One file, whatever its names.
struct FileIdentity: Hashable {
  /// Of what is not there, or cannot be looked at.
  static let none = FileIdentity(device: 0, inode: 0)

  let device: UInt64
  let inode: UInt64

  init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  init(_ status: FileStatus) {
    device = UInt64(status.deviceMajor) << 32 | UInt64(status.deviceMinor)
    inode = status.inode
  }
}

extension FileStatus {
  /// No mount lies between the two. A btrfs subvolume has a device number of its own and yet is no mount.
  func isOnMount(of other: FileStatus) -> Bool {
    mount != nil && other.mount != nil ? mount == other.mount : isInMount(of: other)
  }
}
