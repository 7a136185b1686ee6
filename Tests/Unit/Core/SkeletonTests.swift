import Testing

@testable import RootlessStorage

@Suite struct SkeletonTests {
  private func rendered(_ content: [UInt8], for user: Account = account(), storage: Path = "/var/tmp/alice") -> [UInt8]? {
    SkeletonFile(path: "f", mode: 0o644, content: content).rendered(for: user, storage: storage)
  }

  @Test(arguments: [
    ("", ""), ("plain", "plain"), ("@STORAGE@", "/var/tmp/alice"), ("@USER@", "alice"), ("@UID@", "1000"),
    ("graphroot = \"@STORAGE@/containers/storage\"\n", "graphroot = \"/var/tmp/alice/containers/storage\"\n"),
    ("@USER@@UID@@STORAGE@", "alice1000/var/tmp/alice"), ("@@USER@@", "@alice@"), ("@@@UID@@@", "@@1000@@"), ("@USER@USER@", "aliceUSER@"),
    ("@US@UID@ER@", "@US1000ER@"), ("@STORAGE", "@STORAGE"), ("STORAGE@", "STORAGE@"), ("@STORAGE@UID@", "/var/tmp/aliceUID@"), ("@", "@"),
    ("@@", "@@"), ("@@@", "@@@"), ("@user@", "@user@"), ("@ USER@", "@ USER@"), ("@USERS@", "@USERS@"), ("@HOME@", "@HOME@"),
    ("@GID@", "@GID@"),
    ("$USER ${STORAGE} %u", "$USER ${STORAGE} %u"), ("\\@USER@", "\\alice"), ("me@USER@host", "mealicehost"), ("@US\nER@", "@US\nER@"),
  ])
  func `the three placeholders are replaced, anything else stays as it is`(content: String, expected: String) {
    #expect(rendered(bytes(content)).map(shown) == expected)
  }

  @Test func `what was put in is not looked at again`() {
    #expect(rendered("@STORAGE@", storage: "/srv/@UID@/@USER@").map(shown) == "/srv/@UID@/@USER@")
    #expect(rendered("@USER@", for: account("@UID@")).map(shown) == "@UID@")
    #expect(rendered("@@STORAGE@UID@", storage: "/srv/").map(shown) == "@/srv/UID@")
    // Half a placeholder in the value and half in the file make none.
    #expect(rendered("@STORAGE@ID@", storage: "/srv/@U").map(shown) == "/srv/@UID@")
  }

  @Test func `bytes that are no text pass unchanged`() {
    let binary: [UInt8] = [0, 0xff, 0x0d, 0x0a, 0x40, 0x55, 0x00, 0xc3]
    func around(_ text: [UInt8]) -> [UInt8] { binary + text + binary }
    #expect(rendered(around("@UID@")) == around("1000"))
    #expect(rendered([UInt8](repeating: 0x40, count: SkeletonFile.largestFile))?.count == SkeletonFile.largestFile)
  }

  @Test(arguments: ["", "..", "-x", "a/b", "DOM\\alice", "ä", "\"", "a\nb"] as [[UInt8]])
  func `a name that could do harm between quotes is never put in`(name: [UInt8]) {
    #expect(rendered("x @USER@", for: account(name)) == nil)
    #expect(rendered("@UID@ @STORAGE@ @USER", for: account(name)) == "1000 /var/tmp/alice @USER")
  }

  @Test(
    arguments: zip([0o777, 0o644, 0o600, 0o6755, 0o1666, 0o111, 0o444, 0] as [UInt32], [0o644, 0o644, 0o600, 0o644, 0o644, 0, 0o444, 0]))
  func `a file gets the skeleton's mode, but never more than 0644`(mode: UInt32, expected: UInt32) {
    #expect(SkeletonFile(path: "f", mode: mode, content: []).mode == expected)
  }

  @Test(arguments: [("f", "", "f"), ("a/f", "a", "f"), (".config/containers/storage.conf", ".config/containers", "storage.conf")])
  func `a path is cut at its last slash`(path: String, directory: String, name: String) {
    let file = Plan.NewFile(SkeletonFile(path: Path(path), mode: 0, content: []), content: [])
    #expect(shown(file.directory) == directory)
    #expect(shown(file.name) == name)
    #expect(file.path == Path(path))
  }

  @Test(arguments: [
    ("storage.conf.dpkg-dist", true), ("storage.conf.dpkg-new", true), ("daemon.json.dpkg-old", true), ("a.rpmnew", true),
    ("a.rpmsave", true), ("a.rpmorig", true),
    ("a.ucf-dist", true), ("storage.conf;5f3a91c2", true), (".ansible_tmpx1_y2storage.conf", true), (".dpkg-dist", true),
    ("storage.conf", false), ("dpkg-dist", false), ("a.dpkg", false), ("a.rpmnew.conf", false), ("rpmnew", false), ("a;5f3a91c", false),
    ("a;5f3a91cZ", false),
    ("a;5f3a91c2b", false), (";", false), ("a.ansible_tmp", false), ("a~", false), ("", false), (".", false),
  ])
  func `what installers leave beside a file is none of the skeleton's`(name: String, expected: Bool) {
    #expect(SkeletonFile.isLeftByInstallers(bytes(name)) == expected)
  }

  @Test(
    arguments: [
      (".config/containers/storage.conf", ".local/share/containers"), (".config/docker/daemon.json", ".local/share/docker"),
      (".config/containers/containers.conf", nil), ("storage.conf", nil), (".config/docker/daemon.json~", nil), ("", nil),
    ] as [(String, String?)])
  func `each engine's own store is known by its file`(path: String, store: String?) {
    #expect(SkeletonFile(path: Path(path), mode: 0, content: []).ownStore.map { shown($0) } == store)
  }
}
