import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// Whose storage directory a name can be, and which directories in it are an engine's.
struct StorageMatchTests {
  private func users(_ template: String, _ leaf: String) throws -> [String] {
    try StorageTemplate(Array("/s/\(template)".utf8)).users(inLeaf: Array(leaf.utf8)).map { user in
      "\(user.name.map { String(decoding: $0, as: UTF8.self) } ?? "-") \(user.uid.map { String($0) } ?? "-")"
    }
  }

  @Test func `a template is solved for its user`() throws {
    #expect(try users("$USER", "alice") == ["alice -"])
    #expect(try users("$USER", "") == [])
    for name in [".hidden", "-rf", "a b", "a\nb", "ä"] { #expect(try users("$USER", name) == [], "\(name)") }
    #expect(try users("$UID", "4001") == ["- 4001"])
    for name in ["04001", "alice", "4294967296", "-1", ""] { #expect(try users("$UID", name) == [], "\(name)") }
    #expect(try users("u-$USER.d", "u-alice.d") == ["alice -"])
    for name in ["u-.d", "alice", "u-alice", "x-alice.d"] { #expect(try users("u-$USER.d", name) == [], "\(name)") }
    #expect(try users("$USER-$USER", "a-b-a-b") == ["a-b -"])
    #expect(try users("$USER-$USER", "a-b") == [])
    #expect(try users("$UID_$UID".replacing("_", with: "."), "17.17") == ["- 17"])
    #expect(try users("$UID.$UID", "17.18") == [])
    #expect(try users("$USER-$UID", "alice-4001") == ["alice 4001"])
    // Where there are several answers, all are given.
    #expect(try users("$USER$UID", "a123") == ["a12 3", "a1 23", "a 123"])
  }

  @Test func `engines' directories are what stands behind the storage directory in the skeleton`() {
    let text =
      "root=\"@STORAGE@/buildkit/x\" '@STORAGE@/nerdctl' @STORAGE@/@USER@ @STORAGE@/.. @STORAGE@/a@UID@ @STORAGE@ @STORAGE@/ @STORAGE@/docker,@STORAGE@/last"
    let file = SkeletonFile(path: "x", mode: 0o644, content: Array(text.utf8))
    #expect(EngineDirectories(skeleton: [file]).shownNames == "containers, docker, buildkit, nerdctl, last")
  }

  @Test func `sources of accounts are read as glibc reads them`() {
    let passwd = Array("root:x:0:0:root:/root:/bin/sh\nalice:x:4001:4001::/home/alice:/bin/sh\nlate:x:4001:1::/:/bin/sh\n".utf8)
    func sources(_ switching: String, _ more: String = "") -> AccountSources {
      AccountSources(switching: Array(switching.utf8), passwd: passwd + Array(more.utf8))
    }
    for local in [
      "", "passwd: files\n", "group: sss\n", " passwd:\tfiles systemd\n", "passwd: compat # sss",
      "passwd: files [NOTFOUND=return !UNAVAIL=continue] db\n",
    ] {
      #expect(sources(local).isLocal, "\(local)")
    }
    for directory in ["passwd: files sss\n", "passwd: winbind files", "passwd: files [SUCCESS=continue] ldap"] {
      #expect(!sources(directory).isLocal, "\(directory)")
    }
    #expect(!sources("passwd: compat", "+::::::\n").isLocal)
    #expect(!AccountSources(switching: [], passwd: []).isLocal, "a file that was not read says nothing")
    #expect(sources("").name(ofUid: 4001) == Array("alice".utf8), "the first line counts")
    #expect(
      sources("passwd: sss files").name(ofUid: 4001) == nil && sources("passwd: files [SUCCESS=continue] sss").name(ofUid: 4001) == nil)
    #expect(!sources("passwd: files sss").comesFromDirectory(Array("alice".utf8), uid: 4001))
    #expect(sources("passwd: files sss").comesFromDirectory(Array("bob".utf8), uid: 60005))
    #expect(!sources("passwd: files systemd sss").comesFromDirectory(Array("bob".utf8), uid: 60005), "systemd makes it up")
  }
}
