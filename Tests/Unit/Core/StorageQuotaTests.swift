import Testing

@testable import RootlessStorage

/// Which project a storage directory gets, and whose it may be.
@Suite struct StorageQuotaTests {
  private func quota(_ change: (inout StorageQuota) -> Void = { _ in }) -> StorageQuota {
    var quota = StorageQuota()
    quota.bytes = 8 << 20
    quota.inodes = 50
    change(&quota)
    return quota
  }

  private func found(_ blocks: UInt64, _ inodes: UInt64, used: UInt64 = 0, files: UInt64 = 0, soft: Bool = false) -> ProjectQuota {
    var found = ProjectQuota()
    (found.blocks, found.inodes, found.usedBytes, found.usedInodes, found.hasSoftLimits) = (blocks, inodes, used, files, soft)
    return found
  }

  @Test func `the project is the base and the uid, as long as there is such a number`() {
    #expect(quota().project(of: 1000) == 1_073_742_824)
    #expect(quota { $0.projectBase = 0 }.project(of: 1000) == 1000)
    #expect(quota { $0.projectBase = 0 }.project(of: 0) == nil, "0 is no project")
    #expect(quota().project(of: 3_221_225_470) == 4_294_967_294)
    #expect(quota().project(of: 3_221_225_471) == nil, "4294967295 is none")
    #expect(quota().project(of: UInt32.max) == nil)
  }

  @Test func `nothing is set without a limit`() {
    #expect(!StorageQuota().isSet)
    #expect(quota { $0.bytes = 0 }.isSet)
    #expect(quota { $0.inodes = 0 }.isSet)
  }

  @Test func `bytes are rounded up to what the kernel counts in`() {
    #expect([0, 1, 1023, 1024, 1025, 1 << 62].map { bytes in quota { $0.bytes = bytes }.blocks } == [0, 1, 1, 1, 2, 1 << 52])
  }

  @Test func `a project that somebody else has is never taken`() {
    let quota = quotas(quota())
    #expect(quota.mayUse(found(0, 0)))
    #expect(quota.mayUse(found(8192, 50, used: 5, files: 5)), "the limit of these settings")
    #expect(!quota.mayUse(found(0, 0, used: 1)))
    #expect(!quota.mayUse(found(0, 0, files: 1)))
    #expect(!quota.mayUse(found(8192, 0)))
    #expect(!quota.mayUse(found(8191, 50)))
    #expect(!quota.mayUse(found(8192, 50, soft: true)))
    #expect(!quota.mayUse(found(0, 0, soft: true)))
  }

  private func quotas(_ general: StorageQuota, bytes: [(UInt32, UInt64)] = [], inodes: [(UInt32, UInt64)] = []) -> StorageQuotas {
    func limits(_ pairs: [(UInt32, UInt64)], _ line: Int) -> GroupLimits {
      var limits = GroupLimits()
      limits.pairs = pairs.map { .init(group: $0, limit: $1) }
      limits.place = pairs.isEmpty ? nil : .init(file: "/f", line: line)
      return limits
    }
    var quotas = StorageQuotas()
    quotas.general = general
    (quotas.bytesOfGroups, quotas.inodesOfGroups) = (limits(bytes, 1), limits(inodes, 2))
    return quotas
  }

  @Test func `a project that has any limit of the settings is the user's, who may have been in another group`() {
    let settings = quotas(quota(), bytes: [(1300, 4 << 20), (1200, 0)], inodes: [(1300, 20)])
    for (blocks, files) in [(8192, 50), (4096, 50), (8192, 20), (4096, 20), (0, 20)] as [(UInt64, UInt64)] {
      #expect(settings.mayUse(found(blocks, files, used: 5, files: 5)), "\(blocks) \(files)")
      #expect(!settings.mayUse(found(blocks, files, soft: true)))
    }
    for (blocks, files) in [(8191, 50), (4096, 0), (0, 21)] as [(UInt64, UInt64)] {
      #expect(!settings.mayUse(found(blocks, files)), "\(blocks) \(files)")
    }
    #expect(settings.mayUse(found(0, 0)) && !settings.mayUse(found(0, 0, used: 1)) && !settings.mayUse(found(0, 0, files: 1)))
    // What has no limit is not told from somebody else's by a setting of none.
    let none = quotas(StorageQuota(), bytes: [(1300, 4 << 20)])
    #expect(none.mayUse(found(0, 0)) && none.mayUse(found(4096, 0, used: 1)) && !none.mayUse(found(0, 0, used: 1)))
  }

  /// alice, whose own group is 2000, and who is in 27 and 3000.
  private func user(areLeftOut: Bool = false) -> Account {
    Account(
      credentials: Credentials(user: 2000, group: 2000, groups: [27, 3000]), name: "alice", home: "/home/alice", groupsLeftOut: areLeftOut)
  }

  @Test(
    arguments: [
      ([], 8 << 20, nil), ([(28, 1)], 8 << 20, nil), ([(2000, 1)], 1, 2000), ([(3000, 1)], 1, 3000), ([(5, 7), (27, 1), (3000, 2)], 1, 27),
      ([(3000, 2), (27, 1), (2000, 3)], 2, 3000), ([(27, 1), (27, 2)], 1, 27), ([(27, 0)], 0, 27), ([(0, 1)], 8 << 20, nil),
    ] as [([(UInt32, UInt64)], UInt64, UInt32?)])
  func `of the groups in a list, the first that the user is in decides`(pairs: [(UInt32, UInt64)], limit: UInt64, group: UInt32?) {
    let bytes = quotas(quota(), bytes: pairs).limits(for: user())
    #expect(bytes.bytes == limit && bytes.bytesGroup == group && bytes.inodes == 50 && bytes.inodesGroup == nil)
    let inodes = quotas(quota { $0.inodes = 8 << 20 }, inodes: pairs).limits(for: user())
    #expect(UInt64(inodes.inodes) == limit && inodes.inodesGroup == group && inodes.bytes == 8 << 20 && inodes.bytesGroup == nil)
    #expect(bytes.projectBase == StorageQuota.defaultProjectBase)
  }

  @Test func `a group alone can have a limit, or none`() {
    let alone = quotas(StorageQuota(), bytes: [(3000, 1)])
    #expect(alone.isSet && alone.limits(for: user()).isSet)
    let others = quotas(StorageQuota(), inodes: [(28, 1)])
    #expect(others.isSet && !others.limits(for: user()).isSet)
    #expect(!quotas(StorageQuota(), bytes: [(3000, 0)], inodes: [(3000, 0)]).isSet && !StorageQuotas().isSet)
    #expect(!quotas(quota(), bytes: [(3000, 0)], inodes: [(3000, 0)]).limits(for: user()).isSet)
  }

  @Test func `with groups left out, the limit that is known holds, and that it was not decided is known`() {
    let settings = quotas(quota(), bytes: [(28, 1)], inodes: [(27, 1), (28, 2)])
    let user = user(areLeftOut: true)
    #expect(settings.limits(for: user).bytes == 8 << 20 && settings.limits(for: user).inodes == 1)
    #expect(settings.bytesOfGroups.doubt(about: user) == .init(file: "/f", line: 1))
    #expect(settings.inodesOfGroups.doubt(about: user) == nil, "the first of them is known")
    let later = quotas(quota(), bytes: [(28, 1), (27, 2)])
    #expect(later.limits(for: user).bytes == 2 && later.bytesOfGroups.doubt(about: user) != nil, "the first would count for more")
    #expect(settings.bytesOfGroups.doubt(about: self.user()) == nil && GroupLimits().doubt(about: user) == nil)
  }

  @Test(
    arguments: [
      ("", "", false), ("site:1073742824\n", "", true), ("site:1073742824", "", true), (" site : 1073742824 \n", "", true),
      ("#site:1073742824\n", "", true),
      ("a:b:1073742824\n", "", true), ("site:107374282\nother:10737428240\n", "", false), ("1073742824:site\n", "", false),
      ("1073742824\n", "", false),
      ("", "1073742824:/srv\n", true), ("", "7:/srv/1073742824\n1073742824:/a:b", true), ("", "7:1073742824\n", false),
      ("", "0x40000\n:\n::\n", false),
    ] as [(String, String, Bool)])
  func `the files of an administrator name projects`(projid: String, projects: String, isNamed: Bool) {
    #expect(StorageQuota.isNamed(1_073_742_824, projid: bytes(projid), projects: bytes(projects)) == isNamed)
  }

  @Test func `what a file system without project quotas answers is told from errors`() {
    let none: [Errno] = [.noProcess, .notImplemented, .notSupported, .notTerminal, .invalid, .noDevice, .notBlockDevice]
    #expect(none.allSatisfy { $0.isOfNoQuota })
    let others: [Errno] = [.notPermitted, .accessDenied, .ioError, .noEntry, .noSpace, .quotaExceeded, .readOnly, .interrupted]
    #expect(!others.contains { $0.isOfNoQuota })
  }
}
