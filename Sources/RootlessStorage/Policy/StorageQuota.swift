/// What one user's storage directory may hold, and in which project it is: the settings `storage_quota`, `storage_quota_inodes` and
/// `storage_quota_project_base`, or what holds in place of the first two (`StorageQuotas.limits`).
public struct StorageQuota: Equatable, Sendable {
  /// In bytes, and in files; 0: no limit.
  package var bytes: UInt64 = 0
  package var inodes: UInt32 = 0
  /// The group whose limit each is; nil: it is the general one.
  package var bytesGroup: UInt32? = nil
  package var inodesGroup: UInt32? = nil
  /// Above what others number upwards from 1, such as Docker, and what sites write into /etc/projid.
  package var projectBase: UInt32 = StorageQuota.defaultProjectBase

  static let defaultProjectBase: UInt32 = 1 << 30
  /// The kernel's.
  package static let mostBytes: UInt64 = 1 << 62
  private static let highestProject: UInt32 = 4_294_967_294

  /// A storage directory gets a limit.
  package var isSet: Bool { bytes != 0 || inodes != 0 }

  /// In the units of the kernel, 1024 bytes.
  package var blocks: UInt64 { StorageQuota.blocks(bytes) }

  static func blocks(_ bytes: UInt64) -> UInt64 { bytes >> 10 &+ (bytes & 1023 == 0 ? 0 : 1) }

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

/// The settings of limits: those for everybody, and those for groups, `storage_quota_groups` and `storage_quota_inodes_groups`.
package struct StorageQuotas: Equatable, Sendable {
  package var general = StorageQuota()
  package var bytesOfGroups = GroupLimits()
  package var inodesOfGroups = GroupLimits()

  /// Somebody's storage directory gets a limit.
  package var isSet: Bool { general.isSet || bytesOfGroups.isSet || inodesOfGroups.isSet }

  /// What holds for a user. All that judges or sets a limit asks here.
  package func limits(for account: Account) -> StorageQuota {
    var quota = general
    if let own = bytesOfGroups.limit(for: account) { (quota.bytes, quota.bytesGroup) = (own.limit, own.group) }
    if let own = inodesOfGroups.limit(for: account) {
      (quota.inodes, quota.inodesGroup) = (UInt32(truncatingIfNeeded: own.limit), own.group)
    }
    return quota
  }

  /// Nobody has ever limited it, or has anything counted for it, or the limit is one of these settings: that of a user whose directory
  /// is gone, and who may have been in another group.
  package func mayUse(_ quota: ProjectQuota) -> Bool {
    if quota.hasSoftLimits { return false }
    if quota.blocks == 0 && quota.inodes == 0 { return quota.usedBytes == 0 && quota.usedInodes == 0 }
    return isOne(quota.blocks, general.blocks, bytesOfGroups) { StorageQuota.blocks($0) }
      && isOne(quota.inodes, UInt64(general.inodes), inodesOfGroups) { $0 }
  }

  private func isOne(_ limit: UInt64, _ general: UInt64, _ groups: GroupLimits, _ unit: (UInt64) -> UInt64) -> Bool {
    limit == general || groups.pairs.contains { unit($0.limit) == limit }
  }
}

/// The limits of groups, of one kind.
package struct GroupLimits: Equatable, Sendable {
  package struct Pair: Equatable, Sendable {
    package let group: UInt32
    /// 0: none.
    package let limit: UInt64

    package init(group: UInt32, limit: UInt64) {
      self.group = group
      self.limit = limit
    }
  }

  /// Each user may be in 4,096 groups, each of which is looked for here.
  static let most = 64

  /// In the order in which they count.
  package var pairs: [Pair] = []
  /// Where they stand.
  package var place: Exclusions.Place? = nil

  package init() {}

  /// - Parameters:
  ///   - value: `GID=LIMIT`, separated by blanks, or `none`.
  ///   - limit: reads what stands behind the number of a group.
  init(_ value: [UInt8], _ place: Exclusions.Place, _ limit: ([UInt8]) -> UInt64?) throws(GroupLimitProblem) {
    let list = words(value)
    if list.isEmpty { throw .empty }
    if list.count == 1 && list[0].elementsEqual("none".utf8) { return }
    if list.count > GroupLimits.most { throw .tooMany }
    for word in list {
      let halves = parts(word, separator: { $0 == .equals })
      if halves.count != 2 { throw .noPair(word) }
      guard let group = identifier(halves[0]), !Account.isReserved(gid: group) else { throw .noGroup(halves[0]) }
      guard let number = limit(halves[1]) else { throw .badLimit(group, halves[1]) }
      pairs.append(Pair(group: group, limit: number))
    }
    self.place = place
  }

  var isSet: Bool {
    for pair in pairs where pair.limit != 0 { return true }
    return false
  }

  /// The first of a group that the user is in.
  package func limit(for account: Account) -> Pair? {
    for pair in pairs where pair.group == account.credentials.group || account.credentials.groups.contains(pair.group) { return pair }
    return nil
  }

  /// Where it stands that the user may have another limit, by a group that is not known: then what is known holds.
  package func doubt(about account: Account) -> Exclusions.Place? {
    account.groupsLeftOut && limit(for: account) != pairs.first ? place : nil
  }
}

/// Why a list of limits of groups does not hold.
public enum GroupLimitProblem: Error, Equatable, Sendable {
  case empty
  case tooMany
  case noPair([UInt8])
  /// The name of a group, or no number of one.
  case noGroup([UInt8])
  case badLimit(UInt32, [UInt8])
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
