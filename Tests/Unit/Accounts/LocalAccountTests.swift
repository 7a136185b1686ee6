import RootlessStorage
import Testing

@testable import rootless_storage

@Suite struct LocalAccountTests {
  private let passwd = bytes(
    """
    root:x:0:0:root:/root:/bin/sh
    alice:x:4001:100:Alice,,,:/home/alice:/bin/sh
    second:x:4001:101::/home/second:/bin/sh
    odd:x:4002:group::/home/odd:/bin/sh
    short:x:4003:100::/home/short
    DOM\\bob:x:4004:100::/nfs/bob:

    """)

  private func account(_ uid: UInt32, _ switching: String) -> Account? {
    AccountSources(switching: bytes(switching), passwd: passwd).account(ofUid: uid)
  }

  @Test(arguments: ["passwd: files", "passwd: files sss", ""])
  func `an account of the file is as the name service would tell it`(switching: String) {
    let alice = account(4001, switching)
    #expect(
      alice == Account(credentials: Credentials(user: 4001, group: 100, groups: []), name: bytes("alice"), home: "/home/alice"))
    #expect(account(4004, switching)?.name == bytes("DOM\\bob") && account(4004, switching)?.home == "/nfs/bob")
    #expect(account(5000, switching) == nil)
  }

  @Test func `a line with something unusual in it is for the name service`() {
    #expect(account(4002, "passwd: files") == nil && account(4003, "passwd: files") == nil)
  }

  @Test(arguments: ["passwd: sss files", "passwd: files [SUCCESS=merge] sss", "passwd: compat", "passwd: db files"])
  func `where another source has a word before it, the file has none`(switching: String) { #expect(account(4001, switching) == nil) }
}

@Suite struct LocalGroupTests {
  private func groups(_ group: String, _ switching: String = "group: files") -> LocalGroups? {
    LocalGroups(AccountSources(switching: bytes(switching), passwd: bytes("root:x:0:0::/:/bin/sh\n")), group: bytes(group))
  }
  private let alice = Account(
    credentials: Credentials(user: 4001, group: 100, groups: []), name: bytes("alice"), home: "/home/alice")

  @Test func `the groups of the file are those that the name service would tell`() {
    let group = "# all\nroot:x:0:\nusers:x:100:alice\nvideo:x:44:bob,alice\nlab:x:9:alice\nvideo2:x:44:alice\nmalice:x:7:malice,alice2\n"
    #expect(groups(group)?.withGroups(alice).credentials.groups == [100, 44, 9])
  }

  @Test func `where another source is asked, or a line is unusual, the file says nothing`() {
    #expect(groups("lab:x:9:alice\n", "group: files sss") == nil && groups("lab:x:9:alice\n", "group: compat") == nil)
    for line in ["+:::", "lab:x:9", "lab:x:nine:alice", "lab:x:9:alice, bob"] { #expect(groups("root:x:0:\n\(line)\n") == nil, "\(line)") }
    #expect(groups("") == nil)
  }
}
