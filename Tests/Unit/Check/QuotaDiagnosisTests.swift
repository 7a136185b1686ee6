import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// What `check` makes of the project of a storage directory. (QuotaTests has it on a real file system.)
@Suite struct QuotaDiagnosisTests {
  private static let project: UInt32 = 1_073_742_824
  private static let own = ProjectMark(project: project, isInherited: true)

  private func directory(
    _ mark: ProjectMark = own, _ bytes: DirectoryQuota.Use? = .init(limit: 8 << 20, used: 0),
    _ inodes: DirectoryQuota.Use? = .init(limit: 50, used: 3)
  ) -> DirectoryQuota {
    var directory = DirectoryQuota(mark: mark, state: .enforced, bytes: bytes, inodes: inodes)
    (directory.size, directory.files) = (64 << 20, 16_384)
    return directory
  }

  private func diagnosis(
    _ quota: UserFacts.Quota?, isPrivileged: Bool = true, failure: QuotaError? = nil, account: Account = account(), ofGroups: String = "",
    _ change: (inout StorageQuota) -> Void = { _ in }
  ) -> UserDiagnosis {
    var facts = UserFacts(account: account, home: .on(.named("nfs4")))
    facts.isNetworkHome = true
    var storage = UserFacts.Storage(
      path: "/var/tmp/alice", observation: StorageObservation(parentIsWritableByOthers: true, state: .inPlace(mode: 0o700)))
    storage.quota = quota
    storage.quotaFailure = failure
    facts.storage = storage
    var settings = SettingsParser(bytes(ofGroups)).settings
    (settings.quotas.general.bytes, settings.quotas.general.inodes) = (8 << 20, 50)
    change(&settings.quotas.general)
    return UserDiagnosis(facts, settings, isPrivileged: isPrivileged)
  }

  @Test func `a directory with its project and limit is fine`() {
    for diagnosis in [diagnosis(.init(directory: directory())), diagnosis(nil)] {
      #expect(diagnosis.findings == [] && diagnosis.actions == [])
    }
  }

  private static let wrong: [DirectoryQuota] = [
    DirectoryQuota(mark: ProjectMark(project: 0, isInherited: false), state: .enforced),
    DirectoryQuota(mark: ProjectMark(project: 0, isInherited: true), state: .enforced),
    DirectoryQuota(mark: ProjectMark(project: project, isInherited: false), state: .enforced),
    DirectoryQuota(mark: own, state: .enforced),
    DirectoryQuota(
      mark: own, state: .enforced, bytes: DirectoryQuota.Use(limit: 9 << 20, used: 0), inodes: DirectoryQuota.Use(limit: 50, used: 3)),
    DirectoryQuota(
      mark: own, state: .enforced, bytes: DirectoryQuota.Use(limit: 8 << 20, used: 0), inodes: DirectoryQuota.Use(limit: 51, used: 3)),
  ]

  @Test(arguments: wrong)
  func `what is not as the settings say is repaired by root`(found: DirectoryQuota) {
    var found = found
    (found.size, found.files) = (64 << 20, 16_384)
    let quota = UserFacts.Quota(directory: found, engines: ["docker"])
    let diagnosis = diagnosis(quota)
    #expect(diagnosis.findings.map(\.code) == [.quotaMissing] && diagnosis.findings.allSatisfy(\.isRepairable))
    #expect(diagnosis.actions == [.setQuota(engines: ["docker"])])
    let byUser = self.diagnosis(quota, isPrivileged: false)
    #expect(byUser.actions == [] && byUser.findings.map(\.remedy.command) == ["sudo rootless-storage repair alice"])
    // What has failed is not tried again, and the cause is told.
    let failed = self.diagnosis(quota, failure: .named(QuotaDiagnosisTests.project))
    #expect(
      failed.actions == [] && failed.findings.count == 1 && failed.findings[0].sentence.contains("/etc/projid")
        && !failed.findings[0].isRepairable)
  }

  @Test func `a limit is as set within a block of the file system, and beyond its size none shows`() {
    #expect(diagnosis(.init(directory: directory(QuotaDiagnosisTests.own, .init(limit: (8 << 20) - 4096, used: 0)))).findings == [])
    #expect(diagnosis(.init(directory: directory(QuotaDiagnosisTests.own, nil))) { $0.bytes = 64 << 20 }.findings == [])
    #expect(
      diagnosis(.init(directory: directory(QuotaDiagnosisTests.own, nil))) { $0.bytes = (64 << 20) - 65536 }.findings.map(\.code) == [
        .quotaMissing
      ])
    // XFS makes files as needed: what looks like a limit is none where none is set.
    #expect(diagnosis(.init(directory: directory())) { $0.inodes = 0 }.findings == [])
  }

  /// Who is in the group 1300, and in others that nobody knows.
  private func member(areLeftOut: Bool = false) -> Account {
    let alice = account()
    return Account(
      credentials: Credentials(user: alice.uid, group: alice.credentials.group, groups: [27, 1300]), name: alice.name, home: alice.home,
      groupsLeftOut: areLeftOut)
  }

  @Test func `what a group has is what is judged, and told`() {
    let ofGroup = "storage_quota_groups = 5=1M 1300=4M 27=2M\nstorage_quota_inodes_groups = 1300=20"
    func found(_ bytes: UInt64, _ inodes: UInt64, used: UInt64 = 0) -> UserFacts.Quota {
      .init(directory: directory(QuotaDiagnosisTests.own, .init(limit: bytes, used: used), .init(limit: inodes, used: 3)))
    }
    #expect(diagnosis(found(4 << 20, 20), account: member(), ofGroups: ofGroup).findings == [])
    let general = diagnosis(found(8 << 20, 20), account: member(), ofGroups: ofGroup)
    #expect(general.findings.map(\.code) == [.quotaMissing] && general.actions == [.setQuota(engines: [])])
    #expect(
      general.findings.first?.sentence.contains("has a limit of 8.0 MiB, and storage_quota_groups has 4.0 MiB for the group 1300. ") == true
    )
    let files = diagnosis(found(4 << 20, 50), account: member(), ofGroups: ofGroup)
    #expect(
      files.findings.first?.sentence.contains("a limit of 50 files, and storage_quota_inodes_groups has 20 for the group 1300. ") == true)
    #expect(diagnosis(found(8 << 20, 50), ofGroups: ofGroup).findings == [], "who is in none of them")
    let full = diagnosis(found(4 << 20, 20, used: 4 << 20), account: member(), ofGroups: ofGroup)
    #expect(full.findings.map(\.code) == [.quotaReached])
    #expect(full.findings.first?.remedy.note?.contains("or raise storage_quota_groups, and then") == true, "\(full.findings)")
    // None for the group: what is left of another one goes.
    let none = diagnosis(found(8 << 20, 50), account: member(), ofGroups: "storage_quota_groups = 1300=0")
    #expect(none.findings.map(\.code) == [.quotaMissing] && none.actions == [.setQuota(engines: [])])
    #expect(none.findings.first?.sentence.contains("has a limit of 8.0 MiB, and storage_quota_groups has 0 for the group 1300. ") == true)
  }

  @Test func `that a limit is the general one for want of knowledge is told`() {
    let doubt = "whether one of the rest has a limit by storage_quota_groups is not known, and "
    let missing = DirectoryQuota(mark: ProjectMark(project: 0, isInherited: false), state: .enforced)
    let lists: [(String, String?)] = [("5=1M", "storage_quota"), ("5=1M 1300=2M", "that of the group 1300"), ("1300=2M 5=1M", nil)]
    for (list, holds) in lists {
      let found = diagnosis(.init(directory: missing), account: member(areLeftOut: true), ofGroups: "storage_quota_groups = \(list)")
      #expect(
        found.findings.map { $0.sentence.contains(doubt + (holds ?? "")) } == [holds != nil], "\(list): \(found.findings)")
    }
    #expect(
      diagnosis(.init(directory: missing), account: member(), ofGroups: "storage_quota_groups = 5=1M").findings.first?.sentence.contains(
        doubt)
        == false)
  }

  @Test func `a project of somebody else's is left`() {
    let other = diagnosis(.init(directory: directory(ProjectMark(project: 7, isInherited: true))))
    #expect(other.findings.map(\.code) == [.quotaMissing] && other.actions == [] && !other.findings[0].isRepairable)
    let beyond = diagnosis(.init(directory: directory())) { $0.projectBase = UInt32.max }
    #expect(beyond.findings.map(\.code) == [.quotaMissing] && beyond.actions == [])
  }

  @Test func `engines' directories are repaired, and others only told of`() {
    #expect(diagnosis(.init(directory: directory(), engines: ["docker"])).actions == [.setQuota(engines: ["docker"])])
    let left = diagnosis(.init(directory: directory(), left: ["containers/storage", "mine"]))
    #expect(left.findings.map(\.code) == [.quotaLeft] && left.findings[0].severity == .note && left.actions == [])
    #expect(left.findings[0].sentence.contains("containers/storage and mine"))
    #expect(left.findings[0].remedy.command == nil, "they are somebody's")
    let older = diagnosis(.init(directory: directory(), left: ["mine"], canInclude: true))
    #expect(older.findings.map(\.remedy.command) == ["sudo rootless-storage repair --recursive alice"])
  }

  @Test func `the limit is reached with the last MiB, or the last file`() {
    func codes(_ used: UInt64, _ files: UInt64) -> [FindingCode] {
      diagnosis(.init(directory: directory(QuotaDiagnosisTests.own, .init(limit: 8 << 20, used: used), .init(limit: 50, used: files))))
        .findings.map(\.code)
    }
    #expect(codes(7 << 20, 49) == [])
    #expect(codes((7 << 20) + 1, 0) == [.quotaReached])
    #expect(codes(0, 50) == [.quotaReached])
  }

  @Test func `a number of files is a limit only where the user has one, and nobody is asked where there is none`() {
    var asked = 0
    func limit(_ inodes: DirectoryQuota.Use?, _ most: UInt32) -> StorageLimit? {
      func limits() -> StorageQuota {
        asked += 1
        var quota = StorageQuota()
        quota.inodes = most
        return quota
      }
      return StorageLimit(directory(QuotaDiagnosisTests.own, .init(limit: 8 << 20, used: 0), inodes), limits())
    }
    #expect(limit(nil, 50)?.inodes == nil && asked == 0)
    #expect(limit(.init(limit: 50, used: 3), 50)?.shown == "0 B of 8.0 MiB, 3 of 50 files" && asked == 1)
    #expect(limit(.init(limit: 50, used: 3), 0)?.shown == "0 B of 8.0 MiB", "XFS makes files as needed")
  }

  @Test func `every text says that it is no boundary`() {
    let quotas: [UserFacts.Quota] = [
      .init(directory: directory(ProjectMark(project: 0, isInherited: false))),
      .init(directory: directory(ProjectMark(project: 7, isInherited: false))),
      .init(directory: directory(), left: ["mine"]),
      .init(directory: directory(QuotaDiagnosisTests.own, .init(limit: 8 << 20, used: 8 << 20))),
    ]
    for finding in quotas.flatMap({ diagnosis($0).findings }) { #expect(finding.sentence.contains("is no boundary"), "\(finding)") }
  }
}
