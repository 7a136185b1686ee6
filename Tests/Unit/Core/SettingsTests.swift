import Testing

@testable import RootlessStorage

private func changed(_ change: (inout Settings) throws -> Void) rethrows -> Settings {
  var settings = Settings()
  try change(&settings)
  return settings
}

/// The settings without the doubt that any wrong line casts on ids, and a wrong one on who is excluded.
private func certain(_ settings: Settings) -> Settings {
  var settings = settings
  settings.exclusions = Exclusions()
  settings.subordinateIDs.isUncertain = false
  return settings
}

private func template(_ text: String) -> StorageTemplate {
  do throws(StorageTemplate.Problem) { return try StorageTemplate(bytes(text)) } catch { fatalError("\(error)") }
}

@Suite struct SettingsTests {
  @Test func `the defaults are the documented ones`() {
    let settings = Settings()
    #expect(settings.storage == template("/var/tmp/$USER"))
    #expect(settings.directoryMode == 0o700)
    #expect(
      settings.networkFileSystems.map(shown) == [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "beegfs", "panfs", "orangefs", "pvfs2", "9p",
        "wekafs", "virtiofs", "vboxsf", "prl_fs", "ncpfs", "dvs", "auristorfs", "coda",
        "fuse.sshfs", "fuse.glusterfs", "fuse.cvmfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph", "fuse.ceph-fuse", "fuse.juicefs",
        "fuse.quobyte", "fuse.mfs",
      ])
    #expect(settings.uidMin == 1000)
    #expect(settings.uidMax == nil)
    #expect(shown(settings.skeleton) == "/etc/rootless-storage/skel")
    #expect(Settings.defaultPath == "/etc/rootless-storage/rootless-storage.conf")
  }

  @Test(arguments: [
    ("nfs nfs4 fuse.sshfs", true), ("nfs tmpfs overlay", true), ("nfs ext4", false), ("xfs", false), ("fuse", false), ("fuseblk", false),
    ("nfs4x", false), ("gfs2", false), ("ocfs2", false), ("btrfs nfs", false),
  ])
  func `a block device is local only while no listed type can lie on one`(types: String, expected: Bool) {
    #expect(changed { $0.networkFileSystems = words(bytes(types)) }.blockDeviceIsLocal == expected)
  }

  @Test func `the default place is guarded wherever another one is set, unless the settings say which are`() {
    #expect(Settings().guards == [])
    #expect(changed { $0.storage = template("/srv/$UID") }.guards == [template("/var/tmp/$USER")])
    #expect(changed { $0.guardedDirectories = [template("/srv/$UID"), template("/var/tmp/$USER")] }.guards == [template("/srv/$UID")])
    let none = changed {
      $0.storage = template("/srv/$UID")
      $0.guardedDirectories = []
    }
    #expect(none.guards == [])
  }

  @Test func `with the default list a block device is local`() { #expect(Settings().blockDeviceIsLocal) }
}

@Suite struct SettingsParserTests {
  struct Good: Sendable, CustomTestStringConvertible {
    let text: String
    let expected: Settings
    var testDescription: String { text.debugDescription }
    init(_ text: String, _ change: (inout Settings) -> Void = { _ in }) {
      self.text = text
      expected = changed(change)
    }

    /// - Parameter line: where the limits stand.
    static func groups(_ value: String, _ pairs: [(UInt32, UInt64)], _ key: String = "storage_quota_groups", line: Int = 1) -> Good {
      Good("\(key) = \(value)") {
        var limits = GroupLimits()
        limits.pairs = pairs.map { .init(group: $0, limit: $1) }
        limits.place = pairs.isEmpty ? nil : place(line)
        if key == "storage_quota_groups" { $0.quotas.bytesOfGroups = limits } else { $0.quotas.inodesOfGroups = limits }
      }
    }
  }

  @Test(arguments: [
    Good(""), Good("\n"), Good("\n\n\n"), Good("# only a comment"), Good("   \t# indented"), Good("#uid_min = 5"), Good("\r\n\r\n"),
    Good(" \t \n\t"),
    Good("uid_min = 500\n") { $0.uidMin = 500 }, Good("uid_min=500") { $0.uidMin = 500 }, Good("\t uid_min\t=\t500 \t") { $0.uidMin = 500 },
    Good("uid_min = 500\r\nuid_max = 600\r\n") {
      $0.uidMin = 500
      $0.uidMax = 600
    },
    Good("uid_min = 500 # people") { $0.uidMin = 500 }, Good("uid_min = 500#people") { $0.uidMin = 500 },
    Good("orphan_days = 30") { $0.orphanDays = 30 }, Good("orphan_days = 0") { $0.orphanDays = 0 },
    Good("orphan_days = 3650") { $0.orphanDays = 3650 },
    Good("uid_min = 0") { $0.uidMin = 0 }, Good("uid_min = 0000000000000000000000500") { $0.uidMin = 500 },
    Good("uid_min = 4294967295") { $0.uidMin = UInt32.max }, Good("uid_max = 4294967295") { $0.uidMax = UInt32.max },
    Good("uid_max = 1000") { $0.uidMax = 1000 },
    // The order of the two lines does not matter.
    Good("uid_max = 600\nuid_min = 500") {
      $0.uidMin = 500
      $0.uidMax = 600
    },
    Good("directory_mode = 0711") { $0.directoryMode = 0o711 }, Good("directory_mode = 0700"),
    Good("storage_directory = /srv/$UID") { $0.storage = template("/srv/$UID") },
    Good("storage_directory = /srv/my disk/$USER") { $0.storage = template("/srv/my disk/$USER") },
    Good("storage_directory = /srv/a=b/$USER") { $0.storage = template("/srv/a=b/$USER") },
    Good("occupied = take"), Good("occupied = refuse") { $0.occupied = .refuse }, Good("occupied = refuse\noccupied = take"),
    Good("storage_quota = 0"), Good("storage_quota_inodes = 0"), Good("storage_quota_project_base = 1073741824"),
    Good("storage_quota = 5000") { $0.quotas.general.bytes = 5000 }, Good("storage_quota = 1K") { $0.quotas.general.bytes = 1024 },
    Good("storage_quota = 3M") { $0.quotas.general.bytes = 3 << 20 },
    Good("storage_quota = 20G # for all") { $0.quotas.general.bytes = 20 << 30 },
    Good("storage_quota = 4194304T") { $0.quotas.general.bytes = 1 << 62 }, Good("storage_quota = 20G\nstorage_quota = 0"),
    Good("storage_quota_inodes = 4294967295") { $0.quotas.general.inodes = UInt32.max },
    Good("storage_quota_project_base = 0") { $0.quotas.general.projectBase = 0 },
    Good("guarded_directories = none") { $0.guardedDirectories = [] },
    Good("guarded_directories = /var/tmp/$USER  /scratch/c-$UID") {
      $0.guardedDirectories = [template("/var/tmp/$USER"), template("/scratch/c-$UID")]
    },
    Good("skel = /etc/skel2") { $0.skeleton = "/etc/skel2" },
    Good("network_filesystems = tmpfs") { $0.networkFileSystems = ["tmpfs"] },
    Good("network_filesystems =  nfs\t \tmyfs.3 ") { $0.networkFileSystems = ["nfs", "myfs.3"] },
    // Of two lines for one key the later holds.
    Good("uid_min = 500\nuid_min = 700") { $0.uidMin = 700 }, Good("uid_max = 5000\nuid_max = 6000") { $0.uidMax = 6000 },
    Good("storage_directory = /a/$UID\nstorage_directory = /b/$UID") { $0.storage = template("/b/$UID") },
    Good("uid_min = 500") { $0.uidMin = 500 },
    Good("exclude_users = none") { $0.exclusions.usersPlace = place(1) },
    Good("exclude_groups = none") { $0.exclusions.groupsPlace = place(1) },
    Good("\nexclude_users = alice  DOM\\bob\t4711 # people") {
      $0.exclusions.users = ["alice", "DOM\\bob", "4711"]
      $0.exclusions.usersPlace = place(2)
    },
    Good("exclude_groups = 2000 0 4294967294") {
      $0.exclusions.groups = [2000, 0, 4_294_967_294]
      $0.exclusions.groupsPlace = place(1)
    },
    Good("exclude_groups = 2000\nexclude_groups = 2001") {
      $0.exclusions.groups = [2001]
      $0.exclusions.groupsPlace = place(2)
    },
  ])
  func `lines that hold are taken`(row: Good) {
    let parser = SettingsParser(bytes(row.text))
    #expect(parser.settings == row.expected)
    #expect(parser.problems == [])
  }

  private static let limitsOfGroups: [Good] = [
    .groups("none", []), .groups("1200=100G", [(1200, 100 << 30)]),
    .groups("1200=100G \t 1300=10M 0=0 4294967294=5000 # all", [(1200, 100 << 30), (1300, 10 << 20), (0, 0), (4_294_967_294, 5000)]),
    .groups("1200=1K 1200=2K", [(1200, 1024), (1200, 2048)]),
    .groups(String(repeating: "1=1 ", count: 64), [(UInt32, UInt64)](repeating: (1, 1), count: 64)),
    .groups("none\nstorage_quota_groups = 7=4194304T", [(7, 1 << 62)], line: 2), .groups("7=1\nstorage_quota_groups = none", []),
    .groups("1300=4294967295 1200=0", [(1300, UInt64(UInt32.max)), (1200, 0)], "storage_quota_inodes_groups"),
  ]

  @Test(arguments: limitsOfGroups) func `limits of groups are taken in their order`(row: Good) { `lines that hold are taken`(row: row) }

  private static func place(_ line: Int) -> Exclusions.Place { Exclusions.Place(file: "", line: line) }

  struct Bad: Sendable, CustomTestStringConvertible {
    let line: [UInt8]
    let reason: SettingsProblem.Reason
    var testDescription: String { shown(line.prefix(80)).debugDescription }
    init(_ line: [UInt8], _ reason: SettingsProblem.Reason) {
      self.line = line
      self.reason = reason
    }
    static func path(_ value: [UInt8], _ problem: StorageTemplate.Problem) -> Bad {
      Bad("storage_directory = " + value, .badPath(key: "storage_directory", value: value, problem))
    }
    static func skel(_ value: [UInt8], _ problem: StorageTemplate.Problem) -> Bad {
      Bad("skel = " + value, .badPath(key: "skel", value: value, problem))
    }
    static func number(_ value: [UInt8]) -> Bad { Bad("uid_min = " + value, .badNumber(key: "uid_min", value: value)) }
    static func max(_ value: [UInt8]) -> Bad { Bad("uid_max = " + value, .badNumber(key: "uid_max", value: value)) }
    static func mode(_ value: [UInt8]) -> Bad { Bad("directory_mode = " + value, .badMode(value)) }
    static func groups(_ value: [UInt8], _ problem: GroupLimitProblem, _ key: [UInt8] = "storage_quota_groups") -> Bad {
      Bad(key + " = " + value, .badGroupLimit(key: key, problem))
    }
    static func inodesOfGroups(_ value: [UInt8], _ problem: GroupLimitProblem) -> Bad {
      groups(value, problem, "storage_quota_inodes_groups")
    }
    static func type(_ value: [UInt8], _ bad: [UInt8]) -> Bad { Bad("network_filesystems = " + value, .badType(bad)) }
  }

  static let bad = forms + numbers + modesAndTypes + paths + lengths + places + ofGroups + exclusions

  private static let exclusions: [Bad] =
    [
      "alice,", "alice,bob", "alice;", "@students", "%students", "+", "-bob", "!bob", "&staff", "~bob", "a*", "a?", "\"alice\"", "'a'",
      "a:b", "/home/a", "a=b", "a\0b", "\u{1b}[m", repeated("x", 256),
    ].map {
      Bad("exclude_users = bob " + $0, .badExcludedUser($0))
    }
    + ["students", "2000,2001", "-1", "0x7d0", "2000-2010", "4294967295", "4294967296", "2000;", "none", "\"2000\""].map {
      Bad("exclude_groups = 5 " + $0 + " 6", .badExcludedGroup($0))
    } + ["exclude_users", "exclude_groups"].map { Bad($0 + " =", .nobodyExcluded(key: $0)) }

  private static let ofGroups: [Bad] = [
    .groups("", .empty), .groups("1200", .noPair("1200")), .groups("1200=1G none", .noPair("none")), .groups("1200 = 1G", .noPair("1200")),
    .groups("1200=1=1", .noPair("1200=1=1")), .groups("1200:1G", .noPair("1200:1G")), .groups("=", .noGroup("")),
    .groups("students=10G", .noGroup("students")), .groups("1200=1G =1G", .noGroup("")), .groups("-1=1G", .noGroup("-1")),
    .groups("0x10=1G", .noGroup("0x10")), .groups("4294967295=1G", .noGroup("4294967295")),
    .groups("4294967296=1G", .noGroup("4294967296")),
    .groups("1200=1G,1300=1G", .noPair("1200=1G,1300=1G")), .groups("1200=", .badLimit(1200, "")),
    .groups("1200=10g", .badLimit(1200, "10g")),
    .groups("1=1G 1200=10GB", .badLimit(1200, "10GB")), .groups("1200=-1", .badLimit(1200, "-1")),
    .groups("1200=1.5G", .badLimit(1200, "1.5G")),
    .groups("1200=none", .badLimit(1200, "none")), .groups("1200=4194305T", .badLimit(1200, "4194305T")),
    .groups("1200=99999999999999999999", .badLimit(1200, "99999999999999999999")), .groups(repeated("1=1 ", 65), .tooMany),
    .inodesOfGroups("", .empty), .inodesOfGroups("1200=1K", .badLimit(1200, "1K")), .inodesOfGroups("staff=1", .noGroup("staff")),
    .inodesOfGroups("1200=4294967296", .badLimit(1200, "4294967296")), .inodesOfGroups("1200=1 x", .noPair("x")),
  ]

  private static let places: [Bad] = [
    Bad("storage_quota =", .badQuota("")), Bad("storage_quota = 20g", .badQuota("20g")), Bad("storage_quota = 20GB", .badQuota("20GB")),
    Bad("storage_quota = G", .badQuota("G")), Bad("storage_quota = 20 G", .badQuota("20 G")), Bad("storage_quota = -1", .badQuota("-1")),
    Bad("storage_quota = 1.5G", .badQuota("1.5G")), Bad("storage_quota = 4194305T", .badQuota("4194305T")),
    Bad("storage_quota = none", .badQuota("none")),
    Bad("storage_quota = 18446744073709551616", .badQuota("18446744073709551616")),
    Bad("storage_quota = 99999999999999999999T", .badQuota("99999999999999999999T")),
    Bad("storage_quota_inodes = 1K", .badNumber(key: "storage_quota_inodes", value: "1K")),
    Bad("storage_quota_project_base = 4294967296", .badNumber(key: "storage_quota_project_base", value: "4294967296")),
    Bad("occupied =", .badOccupied("")), Bad("occupied = Take", .badOccupied("Take")),
    Bad("occupied = take refuse", .badOccupied("take refuse")),
    Bad("guarded_directories =", .badPath(key: "guarded_directories", value: "", .notAbsolute)),
    Bad("guarded_directories = /srv/$USER none", .badPath(key: "guarded_directories", value: "none", .notAbsolute)),
    Bad("guarded_directories = /srv/$USER /srv/all", .badPath(key: "guarded_directories", value: "/srv/all", .noPlaceholder)),
    Bad("guarded_directories =" + repeated(" /srv/$USER", 9), .tooManyGuards),
  ]

  private static let forms: [Bad] = [
    Bad("uid_min", .noEqualsSign("uid_min")), Bad("storage_directory /srv/$USER", .noEqualsSign("storage_directory /srv/$USER")),
    Bad("  [section]  ", .noEqualsSign("[section]")), Bad("uid_min # = 5", .noEqualsSign("uid_min")), Bad("\0", .noEqualsSign("\0")),
    Bad([0xff, 0xfe], .noEqualsSign([0xff, 0xfe])), Bad("= 5", .unknownKey("")), Bad("=", .unknownKey("")),
    Bad("uidmin = 5", .unknownKey("uidmin")),
    Bad("UID_MIN = 5", .unknownKey("UID_MIN")), Bad("uid_min\0 = 5", .unknownKey("uid_min\0")), Bad("uid min = 5", .unknownKey("uid min")),
    Bad("\u{feff}uid_min = 5", .unknownKey("\u{feff}uid_min")), Bad("uid_min+ = 5", .unknownKey("uid_min+")),
  ]

  private static let numbers: [Bad] = [
    .number(""), .number("-1"), .number("+5"), .number("0x10"), .number("1e3"), .number("1_000"), .number("1 000"), .number("5;"),
    .number("\"5\""), .number("= 5"), .number("５"), .number("5\0"), .number("4294967296"), .number("18446744073709551616"),
    .number(repeated("9", 1000)), .max(""), .max("none"), .max("-1"), .max("4294967296"),
    Bad("orphan_days = 3651", .badOrphanDays("3651")), Bad("orphan_days =", .badOrphanDays("")),
    Bad("orphan_days = -1", .badOrphanDays("-1")),
    Bad("orphan_days = 7d", .badOrphanDays("7d")), Bad("orphan_days = never", .badOrphanDays("never")),
  ]

  private static let modesAndTypes: [Bad] = [
    .mode(""), .mode("700"), .mode("711"), .mode("0755"), .mode("0777"), .mode("00700"), .mode("0o700"), .mode("rwx------"),
    .mode("0700 0711"), Bad("network_filesystems =", .noTypes), Bad("network_filesystems = \t # nfs", .noTypes),
    .type("nfs nf\0s", "nf\0s"), .type("nfs ä", "ä"), .type("nfs\u{7f}", "nfs\u{7f}"), .type("nfs a\rb", "a\rb"),
    .type("nfs " + repeated("x", 65), repeated("x", 65)),
  ]

  private static let paths: [Bad] = [
    .path("", .notAbsolute), .path("srv/$USER", .notAbsolute), .path("\"/srv/$USER\"", .notAbsolute), .path("/srv/$USER/", .emptyComponent),
    .path("/srv//$USER", .emptyComponent), .path("/srv/../$USER", .dotComponent), .path("/srv/\\/$USER", .forbiddenCharacter),
    .path("/srv/ä/$USER", .forbiddenCharacter), .path("/srv/\0/$USER", .forbiddenCharacter), .path("/srv/a\tb/$USER", .forbiddenCharacter),
    .path("/srv/$USER/x", .placeholderBeforeLast), .path("/srv/shared", .noPlaceholder), .path("/srv/$HOME", .unknownPlaceholder),
    .path("/srv/$USERS", .unknownPlaceholder), .path("/srv/${USER}", .unknownPlaceholder), .path(repeated("/12345678", 150), .tooLong),
    .skel("", .notAbsolute), .skel("skel", .notAbsolute), .skel("/", .emptyComponent), .skel("/etc/skel/", .emptyComponent),
    .skel("/etc/../skel", .dotComponent), .skel("/etc/'skel'", .forbiddenCharacter), .skel(repeated("/12345678", 150), .tooLong),
  ]

  private static let lengths: [Bad] = [
    Bad("uid_min = " + repeated("0", 4096), .lineTooLong), Bad("#" + repeated("#", 4096), .lineTooLong),
    Bad(repeated("a", 1 << 20), .lineTooLong), Bad([UInt8](repeating: 0, count: 1 << 20), .lineTooLong),
  ]

  @Test(arguments: bad)
  func `a line that does not hold leaves the default, and says where and why`(row: Bad) {
    let parser = SettingsParser("# first\n\n" + row.line + "\n# last\n")
    #expect(certain(parser.settings) == Settings())
    #expect(parser.problems == [SettingsProblem(line: 3, reason: row.reason)])
    #expect(parser.settings.subordinateIDs.isUncertain)
  }

  @Test(arguments: bad)
  func `the lines around a bad one hold, with CRLF and without a last newline too`(row: Bad) {
    let around = changed {
      $0.uidMin = 2000
      $0.uidMax = 3000
      $0.directoryMode = 0o711
      $0.skeleton = "/srv/skel"
      $0.networkFileSystems = ["afs"]
      $0.storage = template("/srv/$UID")
    }
    let good: [UInt8] =
      "uid_min = 2000\r\nuid_max = 3000\r\ndirectory_mode = 0711\r\nskel = /srv/skel\r\nnetwork_filesystems = afs\r\nstorage_directory = /srv/$UID"
    let parser = SettingsParser(row.line + "\r\n" + good)
    #expect(certain(parser.settings) == around)
    #expect(parser.problems.map(\.line) == [1])
  }

  @Test(arguments: [
    ("uid_min = 2000\nuid_min = x", 2), ("uid_max = 3000\nuid_max = x", 2), ("directory_mode = 0711\ndirectory_mode = x", 2),
    ("skel = /srv/skel\nskel = x", 2), ("network_filesystems = afs\nnetwork_filesystems =", 2),
    ("network_filesystems = afs\nnetwork_filesystems = nfs ä", 2), ("storage_directory = /srv/$UID\n\nstorage_directory = /srv", 3),
    ("storage_quota_groups = 1200=1G\nstorage_quota_groups = staff=1G", 2),
    ("storage_quota_inodes_groups = 1200=1\nstorage_quota_inodes_groups = 1200=1K", 2),
  ])
  func `a bad line leaves the default also over an earlier good one`(text: String, line: Int) {
    let parser = SettingsParser(bytes(text))
    #expect(certain(parser.settings) == Settings())
    #expect(parser.problems.map(\.line) == [line])
  }

  @Test(
    arguments: [
      ("uid_max = 999", 1, 1000, 999, 1000), ("uid_min = 5000\nuid_max = 4999", 2, 5000, 4999, 5000),
      ("uid_max = 4999\n\nuid_min = 5000", 1, 5000, 4999, 5000), ("uid_max = 0", 1, 1000, 0, 1000),
      ("uid_max = 5\nuid_max = 6\n", 2, 1000, 6, 1000),
    ] as [(String, Int, UInt32, UInt32, UInt32)])
  func `a uid_max below uid_min does not hold`(text: String, line: Int, min: UInt32, max: UInt32, uidMin: UInt32) {
    let parser = SettingsParser(bytes(text))
    #expect(parser.problems == [SettingsProblem(line: line, reason: .rangeIsEmpty(min: min, max: max))])
    #expect(certain(parser.settings) == changed { $0.uidMin = uidMin })
  }

  @Test func `a line may have 4096 bytes`() {
    let parser = SettingsParser("uid_min = " + repeated("0", 4096 - 11) + "7")
    #expect(parser.settings.uidMin == 7)
    #expect(parser.problems == [])
  }

  @Test func `a hundred thousand bad lines make a short list`() {
    let parser = SettingsParser(repeated("x\n", 100_000) + "uid_min = 7\n")
    #expect(parser.problems.count == 17)
    #expect(parser.problems.prefix(16).map(\.line) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
    #expect(parser.problems.prefix(16).allSatisfy { $0.reason == .noEqualsSign("x") })
    #expect(parser.problems.last == SettingsProblem(line: 17, reason: .tooManyProblems))
    #expect(certain(parser.settings) == changed { $0.uidMin = 7 })
  }

  @Test(arguments: hostileBytes)
  func `no value of any key makes settings that are not valid`(value: [UInt8]) {
    for key in [
      "storage_directory", "directory_mode", "network_filesystems", "uid_min", "uid_max", "skel", "occupied", "guarded_directories",
      "exclude_users", "exclude_groups", "",
    ] as [[UInt8]] {
      let text: [[UInt8]] = [key, " = ", value, "\n", value, key]
      let settings = SettingsParser(Array(text.joined())).settings
      #expect(settings.storage.parent.isAbsolute && isPrintable(settings.storage.parent.bytes))
      #expect(isPrintable(settings.storage.leaf(for: account()) ?? [0]))
      #expect(settings.directoryMode == 0o700 || settings.directoryMode == 0o711)
      #expect(!settings.networkFileSystems.isEmpty && settings.networkFileSystems.allSatisfy { isPrintable($0) && !$0.contains(0x20) })
      #expect(settings.skeleton.isAbsolute && isPrintable(settings.skeleton.bytes))
      #expect(settings.exclusions.users.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0 > 0x20 && $0 != 0x7f } })
      for guarded in settings.guards { #expect(guarded.parent.isAbsolute && isPrintable(guarded.parent.bytes)) }
    }
  }
}
