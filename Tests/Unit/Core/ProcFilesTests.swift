import Testing

@testable import RootlessStorage

private let mountinfo: [UInt8] = """
  1 0 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
  22 1 0:20 / /proc rw,nosuid - proc proc rw
  36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
  41 1 0:40 / /home rw,relatime shared:25 - autofs systemd-1 rw,fd=51
  42 41 0:44 / /home/alice rw,relatime shared:26 master:3 propagate_from:2 unbindable - nfs4 server:/export/alice rw,vers=4.2,sec=krb5
  43 1 0:45 / /mnt/a\\040-\\040nfs rw,nosuid shared:27 - fuse.sshfs evil rw,user_id=1000
  44 1 0:46 - - - - tmpfs - rw
  45 1 0:47 net:[4026531840] /run/netns/a rw shared:28 - nsfs nsfs rw
  420 1 0:48 / /mnt/42 rw - xfs 42 rw
  4 42 0:49 / /mnt/4 rw - btrfs 4 rw
  46 1 0:50 / /mnt/b rw - fuse.my\\040fs none rw

  """

@Suite struct MountinfoTests {
  private func type(_ number: UInt64, _ pieces: [[UInt8]]) -> String? {
    var search = MountinfoSearch(mount: number)
    for piece in pieces { if let type = search.consume(piece) { return shown(type) } }
    return search.finish().map(shown)
  }

  static let mounts: [(UInt64, String?)] = [
    (1, "ext4"), (22, "proc"), (36, "ext3"), (41, "autofs"), (42, "nfs4"), (43, "fuse.sshfs"), (44, "tmpfs"), (45, "nsfs"), (420, "xfs"),
    (4, "btrfs"), (46, "fuse.my\\040fs"), (0, nil), (2, nil), (35, nil), (3, nil), (47, nil), (UInt64.max, nil),
  ]

  @Test(arguments: mounts) func `the type of a mount is the one in its own line`(number: UInt64, expected: String?) {
    #expect(type(number, [mountinfo]) == expected)
    #expect(type(number, mountinfo.map { [$0] }) == expected)
  }

  @Test(
    arguments: [
      (259, 1, "ext4"), (0, 44, "nfs4"), (0, 45, "fuse.sshfs"), (0, 46, "tmpfs"), (0, 48, "xfs"), (0, 4, nil), (0, 440, nil),
      (259, 44, nil),
      (1, 1, nil), (0, 0, nil), (UInt32.max, UInt32.max, nil),
    ] as [(UInt32, UInt32, String?)])
  func `the type of a device is that of a mount of it`(major: UInt32, minor: UInt32, expected: String?) {
    for cut in [0, 1, 100, 333, 500, mountinfo.count] {
      var search = MountinfoSearch(deviceMajor: major, minor: minor)
      let type = search.consume(mountinfo[..<cut]) ?? search.consume(mountinfo[cut...]) ?? search.finish()
      #expect(type.map(shown) == expected)
    }
  }

  @Test(arguments: [42, 43, 46, 3] as [UInt64]) func `a cut at any place changes nothing`(number: UInt64) {
    let expected = type(number, [mountinfo])
    for cut in 0...mountinfo.count {
      #expect(type(number, [Array(mountinfo[..<cut]), [], Array(mountinfo[cut...])]) == expected)
    }
  }

  @Test func `the last line needs no newline`() {
    #expect(type(46, [mountinfo.dropLast()]) == "fuse.my\\040fs")
    #expect(type(7, ["7 1 0:1 / / rw - nfs4"]) == "nfs4")
    #expect(type(7, ["7 1 0:1 / / rw -"]) == nil)
    #expect(type(7, ["7"]) == nil)
    #expect(type(7, []) == nil)
  }

  @Test func `a mount point of any length, whatever it looks like, is no type`() {
    let long = "7 1 0:1 / /" + repeated("x", 200_000) + " rw - tmpfs t rw\n"
    #expect(type(7, [long + "8 1 0:2 / /m rw - nfs s rw\n"]) == "tmpfs")
    #expect(type(8, [long + "8 1 0:2 / /m rw - nfs s rw\n"]) == "nfs")
    let options = "9 1 0:1 / /m rw,a=-," + repeated("-,", 1000) + " - cifs //s rw - nfs\n"
    #expect(type(9, [options]) == "cifs")
    let optional = "9 1 0:1 / /m rw" + repeated(" shared:1", 1000) + " - ceph s rw\n"
    #expect(type(9, [optional]) == "ceph")
  }

  @Test(
    arguments: [
      "", "\n\n\n", "7", "7\n", "7 \n", "7 -\n", "7 1 0:1 / - nfs\n", "7 1 0:1 / / rw\n", "7 1 0:1 / / rw -\n", " 7 1 0:1 / / rw - nfs\n",
      "07 1 0:1 / / rw - nfs\n",
      "7x 1 0:1 / / rw - nfs\n", "17 1 0:1 / / rw - nfs\n", "1 7 0:1 / / rw - nfs\n", "7 1 0:1 / / rw\n- - - - - - - nfs\n",
    ] as [[UInt8]])
  func `a line that is not whole, or another mount's, has no type`(content: [UInt8]) { #expect(type(7, [content]) == nil) }
}

@Suite struct ProcessFilesTests {
  /// As proc(5) has it: every further field holds its number times 100.
  private func stat(_ name: [UInt8], fields: Int = 52) -> [UInt8] {
    var text: [UInt8] = "4711 (" + name + ") S"
    if fields > 3 { for field in 4...fields { text += " " + decimal(UInt64(field) * 100) } }
    return text + "\n"
  }

  @Test(
    arguments: [
      "bash", "", " ", "a b", ")", "(", ") (", "))) S 1 2 3", ") S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 666 ", "\n", "a\n4712 (b", "ä", "\0",
    ] as [[UInt8]])
  func `a process cannot hide when it started behind its name`(name: [UInt8]) { #expect(startTime(inStat: stat(name)) == 2200) }

  @Test func `what is no such file has no start time`() {
    for fields in 3...21 { #expect(startTime(inStat: stat("sh", fields: fields)) == nil) }
    #expect(startTime(inStat: stat("sh", fields: 23)) == 2200)
    for bad in ["", ")", "(", "1 sh S 1 2 3", "1 (sh)", "1 (sh) S" + repeated(" x", 40), "1 (sh) S" + repeated(" -1", 40)] as [[UInt8]] {
      #expect(startTime(inStat: bad) == nil)
    }
  }

  @Test func `this process is not gone, but was one that bore its number before`() {
    let stamp = thisProcess()
    #expect(stamp.started > 0)
    #expect(!isGone(stamp))
    #expect(isGone(ProcessStamp(number: stamp.number, started: stamp.started &+ 1)))
    #expect(isGone(ProcessStamp(number: UInt32(Int32.max), started: 1)))
    // kill(2) takes 0 and negative numbers for groups of processes.
    #expect(isGone(ProcessStamp(number: 0, started: 1)))
    #expect(isGone(ProcessStamp(number: UInt32.max, started: 1)))
  }
}

@Suite struct UserMountTests {
  private static let mountinfo: [UInt8] = """
    22 1 0:21 / / rw shared:1 - ext4 /dev/vda rw
    301 22 0:55 / /var/tmp/alice rw,nosuid,nodev,relatime shared:7 - fuse.sshfs mallory@h:/x rw,user_id=4009,group_id=4009,allow_other
    302 22 0:56 / /var/tmp/a\\040-\\040fuse\\040x\\040user_id=1 rw - fuse x rw,group_id=7,user_id=0
    303 22 0:57 / /user_id=5 rw,user_id=6 - fuse user_id=8 rw
    304 22 0:57 / / rw - fuse x rw,user_id=4294967296
    30 22 0:57 / / rw
    310 22 0:60 / /home/nfs4/alice rw shared:9 - nfs4 server:/home/alice rw,vers=4.2,hard,sec=krb5p,clientaddr=10.0.0.1,local_lock=none
    311 22 0:61 / /mnt rw,sec=krb5 - nfs4 server:/sec=krb5 rw,vers=4.2,sec=sys
    312 22 0:62 / /win rw - cifs //server/home rw,sec=krb5i,multiuser,uid=0
    313 22 0:63 / /x\\040-\\040nfs4\\040x\\040sec=krb5 rw - ext4 /dev/vdb rw
    314 22 0:64 / /y rw - nfs4 server:/y
    """.utf8.map { $0 }

  @Test(arguments: [(301, 4009), (302, 0), (303, nil), (304, nil), (30, nil), (3, nil), (22, nil)] as [(UInt64, UInt32?)])
  func `the user who has made a mount is told by the options of its file system alone`(mount: UInt64, user: UInt32?) {
    #expect(userID(ofMount: mount, inMountinfo: UserMountTests.mountinfo) == user)
  }

  @Test(
    arguments: [
      (310, "nfs4", "krb5p"), (311, nil, nil), (312, "cifs", "krb5i"), (313, nil, nil), (314, nil, nil), (22, nil, nil), (9, nil, nil),
    ] as [(UInt64, [UInt8]?, [UInt8]?)])
  func `a mount with Kerberos is told by the options of its file system alone`(mount: UInt64, type: [UInt8]?, flavour: [UInt8]?) {
    let found = KerberosMount(mount, inMountinfo: UserMountTests.mountinfo)
    #expect(found?.type == type && found?.flavour == flavour)
  }

  @Test func `the number of a descriptor's mount`() {
    #expect(mountNumber(inDescriptorInfo: "pos:\t0\nflags:\t012100000\nmnt_id:\t301\nino:\t2\n") == 301)
    #expect(mountNumber(inDescriptorInfo: "pos:\t0\nmnt_id:\tx\n") == nil)
    #expect(mountNumber(inDescriptorInfo: "") == nil)
  }

  @Test(arguments: hostileBytes) func `whatever the bytes are`(bytes: [UInt8]) {
    _ = userID(ofMount: 1, inMountinfo: bytes)
    _ = KerberosMount(1, inMountinfo: bytes)
    _ = mountNumber(inDescriptorInfo: bytes)
  }
}
