import RootlessStorage

/// The limit of a storage directory, as `--json` has it.
struct StorageLimit: Codable, Equatable, Sendable {
  /// Bytes; nil: no such limit.
  let bytes: UInt64?
  let bytesUsed: UInt64?
  /// Files of any kind.
  let inodes: UInt64?
  let inodesUsed: UInt64?

  /// - Parameter settings: where these limit no files, what looks like such a limit is none: XFS makes inodes as needed.
  init?(_ quota: DirectoryQuota, _ settings: StorageQuota) {
    let files = settings.inodes == 0 ? nil : quota.inodes
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

  private enum Key: String, CodingKey { case bytes, bytesUsed, inodes, inodesUsed }

  /// Every key is always there.
  func encode(to encoder: any Encoder) throws {
    var limit = encoder.container(keyedBy: Key.self)
    try limit.encode(bytes, forKey: .bytes)
    try limit.encode(bytesUsed, forKey: .bytesUsed)
    try limit.encode(inodes, forKey: .inodes)
    try limit.encode(inodesUsed, forKey: .inodesUsed)
  }
}
