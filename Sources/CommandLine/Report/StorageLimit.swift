import RootlessStorage

/// The limit of a storage directory, as `--json` has it. Every key is always there.
struct StorageLimit: Codable, Equatable, Sendable {
  /// Bytes; nil: no such limit.
  @NullIfAbsent var bytes: UInt64?
  @NullIfAbsent var bytesUsed: UInt64?
  /// Files of any kind.
  @NullIfAbsent var inodes: UInt64?
  @NullIfAbsent var inodesUsed: UInt64?

  /// - Parameter limits: the user's. Where these limit no files, what looks like such a limit is none: XFS makes inodes as needed. Asked
  ///   for only where there is one.
  init?(_ quota: DirectoryQuota, _ limits: @autoclosure () -> StorageQuota) {
    let files = quota.inodes == nil || limits().inodes == 0 ? nil : quota.inodes
    if quota.bytes == nil && files == nil { return nil }
    bytes = quota.bytes?.limit
    bytesUsed = quota.bytes?.used
    inodes = files?.limit
    inodesUsed = files?.used
  }

  /// `5.0 MiB of 8.0 MiB, 40 of 50 files`
  var shown: String {
    var parts: [String] = []
    if let bytes, let bytesUsed { parts.append("\(shownSize(bytesUsed)) of \(shownSize(bytes))") }
    if let inodes, let inodesUsed { parts.append("\(inodesUsed) of \(inodes) files") }
    return parts.joined(separator: ", ")
  }
}
