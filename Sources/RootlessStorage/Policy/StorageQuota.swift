/// The settings `storage_quota`, `storage_quota_inodes` and `storage_quota_project_base`.
public struct StorageQuota: Equatable, Sendable {
  /// In bytes, and in files; 0: no limit.
  package var bytes: UInt64 = 0
  package var inodes: UInt32 = 0
  /// Above what others number upwards from 1, such as Docker, and what sites write into /etc/projid.
  package var projectBase: UInt32 = StorageQuota.defaultProjectBase

  static let defaultProjectBase: UInt32 = 1 << 30
  /// The kernel's.
  package static let mostBytes: UInt64 = 1 << 62
  private static let highestProject: UInt32 = 4_294_967_294

  /// Storage directories get a limit.
  package var isSet: Bool { bytes != 0 || inodes != 0 }

  /// In the units of the kernel, 1024 bytes.
  package var blocks: UInt64 { bytes >> 10 &+ (bytes & 1023 == 0 ? 0 : 1) }

  /// The project of a user's storage directory; nil if there is no such number.
  package func project(of uid: UInt32) -> UInt32? {
    let (project, overflow) = projectBase.addingReportingOverflow(uid)
    return overflow || project > StorageQuota.highestProject || project == 0 ? nil : project
  }

  /// - Parameter text: digits, and K, M, G or T for powers of 1024.
  static func bytes(of text: [UInt8]) -> UInt64? {
    var shift: UInt64 = 0
    switch text.last {
    case UInt8(ascii: "K"): shift = 10
    case UInt8(ascii: "M"): shift = 20
    case UInt8(ascii: "G"): shift = 30
    case UInt8(ascii: "T"): shift = 40
    default: break
    }
    guard let number = decimalValue(shift == 0 ? text[...] : text.dropLast()), number <= mostBytes >> shift else { return nil }
    return number << shift
  }

  /// What holds of the project is what these settings would make.
  package func isLimit(of quota: ProjectQuota) -> Bool { quota.blocks == blocks && quota.inodes == UInt64(inodes) && !quota.hasSoftLimits }

  /// Nobody has ever limited it, or has anything counted for it, or the limit is the one of these settings.
  package func mayUse(_ quota: ProjectQuota) -> Bool {
    if isLimit(of: quota) { return true }
    return quota.blocks == 0 && quota.inodes == 0 && !quota.hasSoftLimits && quota.usedBytes == 0 && quota.usedInodes == 0
  }

  /// Whether an administrator has given the number a name or a directory.
  ///
  /// - Parameters:
  ///   - projid: lines `NAME:ID` (projid(5)).
  ///   - projects: lines `ID:PATH` (projects(5)).
  package static func isNamed(_ project: UInt32, projid: [UInt8], projects: [UInt8]) -> Bool {
    var isNamed = false
    func look(_ field: some Collection<UInt8>) {
      let number = words(field)
      if number.count == 1 && identifier(number[0]) == project { isNamed = true }
    }
    forEachLine(projid) { line in if let colon = line.lastIndex(of: .colon) { look(line[(colon + 1)...]) } }
    forEachLine(projects) { line in if let colon = line.firstIndex(of: .colon) { look(line[..<colon]) } }
    return isNamed
  }
}

/// Why a storage directory has no limit, or not the one of the settings.
public enum QuotaError: Error, Equatable, Sendable {
  /// The base and the uid make no number of a project.
  case noProject
  /// The directory is in the project of somebody else's.
  case otherProject(UInt32)
  /// The directory above has a project: what is made in it would have it too.
  case parentProject(UInt32)
  /// /etc/projid or /etc/projects names it.
  case named(UInt32)
  /// One of these cannot be read.
  case unreadable(PathError)
  /// It has a limit, or a use, that is not of these settings.
  case taken(UInt32)
  /// The file system counts no projects; nil: they are not turned on.
  case unsupported(Errno?)
  /// It counts, and enforces nothing.
  case notEnforced
  case failed(Errno)
}
