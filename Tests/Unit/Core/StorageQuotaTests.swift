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
    let quota = quota()
    #expect(quota.mayUse(found(0, 0)))
    #expect(quota.mayUse(found(8192, 50, used: 5, files: 5)), "the limit of these settings")
    #expect(!quota.mayUse(found(0, 0, used: 1)))
    #expect(!quota.mayUse(found(0, 0, files: 1)))
    #expect(!quota.mayUse(found(8192, 0)))
    #expect(!quota.mayUse(found(8191, 50)))
    #expect(!quota.mayUse(found(8192, 50, soft: true)))
    #expect(!quota.mayUse(found(0, 0, soft: true)))
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
