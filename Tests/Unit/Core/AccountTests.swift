import Testing

@testable import RootlessStorage

@Suite struct AccountTests {
  @Test(arguments: ["a", "alice", "Alice.B-c_9", "alice@example.org", "_svc", "@", "0", "a-", "a.", "a..b"] as [[UInt8]])
  func `a name of harmless characters may stand in a path`(name: [UInt8]) { #expect(account(name).pathName == name) }

  @Test(
    arguments: [
      "", ".", "..", ".hidden", "-x", "--", "a/b", "/", "DOM\\alice", "ä", "alice\n", "a b", "a\"b", "a'b", "a`b", "a$b", "$USER",
      "a;b", "a:b", "a*b", "a~b", "a+b", "a\u{7f}", "a\0b", "\0", [0x61, 0xff], [0xc3, 0xa4],
    ] as [[UInt8]])
  func `any other name may not`(name: [UInt8]) { #expect(account(name).pathName == nil) }

  @Test func `a name may have the length of a file name and no more`() {
    #expect(account(repeated("a", 255)).pathName == repeated("a", 255))
    #expect(account(repeated("a", 256)).pathName == nil)
  }

  @Test func `of all bytes exactly the letters, digits and four others are harmless`() {
    let fit = (UInt8.min...UInt8.max).filter { account([0x61, $0]).pathName != nil }
    #expect(shown(fit) == "-.0123456789@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
  }
}

@Suite struct StorageTemplateTests {
  @Test(
    arguments: [
      ("/var/tmp/$USER", "/var/tmp", "alice"), ("/$USER", "/", "alice"),
      ("/var/lib/rootless storage/$UID", "/var/lib/rootless storage", "1000"),
      ("/s/$USER-$UID", "/s", "alice-1000"), ("/s/$UID$USER", "/s", "1000alice"), ("/s/$USER$USER", "/s", "alicealice"),
      ("/s/pre.$USER.post", "/s", "pre.alice.post"), ("/s/.$UID", "/s", ".1000"), ("/@USER@/$USER@$UID", "/@USER@", "alice@1000"),
    ] as [(String, String, String)])
  func `the last component is made for every user, the rest stands as it is`(text: String, parent: String, leaf: String) throws {
    let template = try StorageTemplate(bytes(text))
    #expect(shown(template.parent) == parent)
    #expect(template.leaf(for: account()).map(shown) == leaf)
    #expect(shown(template.parent / bytes(leaf)) == (parent == "/" ? "" : parent) + "/" + leaf)
  }

  @Test(
    arguments: [
      ("", .notAbsolute), ("var/tmp/$USER", .notAbsolute), ("$USER", .notAbsolute), (" /var/$USER", .notAbsolute),
      ("~/$USER", .notAbsolute),
      ("/", .emptyComponent), ("//$USER", .emptyComponent), ("/var//tmp/$USER", .emptyComponent), ("/var/tmp/$USER/", .emptyComponent),
      ("/var/./$USER", .dotComponent), ("/var/../$USER", .dotComponent), ("/var/$USER/..", .dotComponent), ("/var/$USER/.", .dotComponent),
      ("/var/\"/$USER", .forbiddenCharacter), ("/var/'/$USER", .forbiddenCharacter), ("/var/`/$USER", .forbiddenCharacter),
      ("/var/\\/$USER", .forbiddenCharacter), ("/var/\t/$USER", .forbiddenCharacter), ("/var/\n/$USER", .forbiddenCharacter),
      ("/var/\0/$USER", .forbiddenCharacter), ("/var/$USER\0", .forbiddenCharacter), ("/var/\u{7f}/$USER", .forbiddenCharacter),
      ("/vär/$USER", .forbiddenCharacter), ("/var/\u{1b}[2J/$USER", .forbiddenCharacter),
      ("/var/$USER/containers", .placeholderBeforeLast), ("/var/$USER/$USER", .placeholderBeforeLast),
      ("/$HOME/$USER", .placeholderBeforeLast),
      ("/a$/$USER", .placeholderBeforeLast), ("/var/tmp/shared", .noPlaceholder), ("/var/tmp/USER", .noPlaceholder),
      ("/var/tmp/@USER@", .noPlaceholder), ("/var/$HOME", .unknownPlaceholder), ("/var/$USERS", .unknownPlaceholder),
      ("/var/$USER_x", .unknownPlaceholder), ("/var/$USER1", .unknownPlaceholder), ("/var/$USERNAME", .unknownPlaceholder),
      ("/var/$UIDS", .unknownPlaceholder), ("/var/${USER}", .unknownPlaceholder), ("/var/$(USER)", .unknownPlaceholder),
      ("/var/$user", .unknownPlaceholder), ("/var/$", .unknownPlaceholder), ("/var/$$USER", .unknownPlaceholder),
      ("/var/$USER$", .unknownPlaceholder),
      ("/var/$USER$HOME", .unknownPlaceholder),
    ] as [(String, StorageTemplate.Problem)])
  func `a path that is not meant so is refused with its reason`(text: String, problem: StorageTemplate.Problem) {
    #expect(throws: problem) { try StorageTemplate(bytes(text)) }
  }

  @Test func `a path may have 1024 bytes and a component 255`() throws {
    let long = repeated("/" + String(repeating: "d", count: 200), 5)
    let filler = [UInt8](repeating: 0x66, count: 1024 - long.count - 1 - 5)
    #expect(try StorageTemplate(long + "/" + filler + "$USER").leaf(for: account()) == filler + "alice")
    #expect(throws: StorageTemplate.Problem.tooLong) { try StorageTemplate(long + "/" + filler + "f$USER") }
    _ = try StorageTemplate("/" + repeated("d", 255) + "/$USER")
    #expect(throws: StorageTemplate.Problem.tooLong) { try StorageTemplate("/" + repeated("d", 256) + "/$USER") }
  }

  @Test func `a component that would be longer than a file name is not made`() throws {
    let template = try StorageTemplate("/s/" + repeated("x", 249) + "$USER")
    #expect(template.leaf(for: account("bobbie"))?.count == 255)
    #expect(template.leaf(for: account("bobbies")) == nil)
  }

  @Test(arguments: ["", ".", "..", "-x", "a/b", "DOM\\alice", "ä", "a\nb", "a\0b"] as [[UInt8]])
  func `an unfit name stands in no path, but its uid does`(name: [UInt8]) throws {
    #expect(try StorageTemplate("/s/x$USER").leaf(for: account(name)) == nil)
    #expect(try StorageTemplate("/s/$UID").leaf(for: account(name)) == "1000")
    #expect(try StorageTemplate("/s/$UID").leaf(for: account(name, uid: 4_294_967_294)) == "4294967294")
  }
}
