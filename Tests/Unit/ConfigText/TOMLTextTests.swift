import Testing

@testable import rootless_storage

private let graphroot = ["storage", "graphroot"]

/// What a user's storage.conf may look like: every kind of statement, string and value.
private let everything: [UInt8] = """
  # Ours \t ä€𝄞
  title = "a \\"quoted\\" \\u00e4 \\U0001d11e \\\\" # a comment with "quotes" and = [signs]
  'single.key' = 'C:\\path'  \t
  "double key"."with\\ttab" = \"""
  long "text" \\
     joined = "x"
  [storage]
  \"""\""
  dotted . sub.deep = [ 1, +2, -3, 0xf ]

  [ storage ] # the store
    driver = "overlay"
    graphroot = '''/home/alice
  store''''
    list = [
      "a", # first ]
      { name = "b", "more keys" = [ [ ], [ [ 1 ] ] ] },
    ]
    inline = { a = 1, b.c = 'x', d = { }, e = { f = true } }
    numbers = [ 0xdead_BEEF, 0o755, 0b1101, 1_000, 3.14, -2e+10, 6.626e-34, inf, -nan, +1.0 ]
    dates = [ 1979-05-27T07:32:00Z, 1979-05-27 00:32:00.999999-07:00, 1979-05-27T07:32:00, 1979-05-27, 07:32:00.5 ]
    yes = true
    no = false
  [storage.options."a.b"]
  size = ""
  empty = ''
  [[pools]]
  name = "one"
  [pools.inner]
  name = "x"
  [[pools]]
  name = "two"
  """
private func crlf(_ text: [UInt8]) -> [UInt8] { Array(text.map { $0 == 0x0a ? "\r\n" : [$0] }.joined()) }

/// Bytes as text. `shown` is the helper's own here, which escapes.
func plain(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A table of tuples of this length takes the compiler minutes.
struct Edit: Sendable {
  let before: String
  let path: [String]
  let value: String
  let after: String

  init(_ before: String, _ path: [String], _ value: String, _ after: String) {
    (self.before, self.path, self.value, self.after) = (before, path, value, after)
  }
}

@Suite struct TOMLTextTests {
  /// Each was given to Podman 3.0.1, whose BurntSushi/toml 0.3.1 reads a value as it is here, or does not.
  @Test(arguments: [
    ("0x400", true), ("0o17", true), ("0b11", true), ("inf", true), ("-nan", true), ("07:32:00", true), ("2024-01-01 07:32:00", true),
    ("[0x1]", true), ("{ a = 0o1 }", true), ("[1, \"a\"]", true), ("\"\"\"a\"\"\"\"", true), ("1_024", false), ("+1024", false),
    ("1.5e3", false), ("-1.5E-3", false), ("2024-01-01", false), ("2024-01-01T07:32:00Z", false), ("2024-01-01T07:32:00.5+01:00", false),
    ("\"inf 0x1\"", false), ("\"\"\"a\"b\"\"\"", false), ("true", false), ("[[], [\"a\"]]", false),
  ])
  func `what only newer readers take is told`(value: String, isNewer: Bool) throws {
    #expect(try TOMLText(Array("x = \(value)\n".utf8)).hasNewerSyntax == isNewer)
  }

  @Test func `a value is found by its names, also in another case as Go finds it`() throws {
    let text = try TOMLText(everything)
    #expect(text.bytes == everything)
    #expect(text.value(["title"]) == .string("a \"quoted\" ä 𝄞 \\"))
    #expect(text.value(["single.key"]) == .string("C:\\path"))
    #expect(text.value(["double key", "with\ttab"]) == .string("long \"text\" joined = \"x\"\n[storage]\n\"\""))
    #expect(text.value(["dotted", "sub", "deep"]) == .array([.integer(1), .integer(2), .integer(-3), .integer(15)]))
    #expect(text.value(["STORAGE", "Driver"]) == .string("overlay"))
    #expect(text.value(graphroot) == .string("/home/alice\nstore'"))
    #expect(text.value(["storage", "inline", "b", "c"]) == .string("x"))
    #expect(text.value(["storage", "inline", "d"]) == .table([:]))
    #expect(text.value(["storage", "yes"]) == .boolean(true))
    #expect(text.value(["storage", "options", "a.b", "size"]) == .string(""))
    #expect(
      text.value(["pools"])
        == .array([.table(["name": .string("one"), "inner": .table(["name": .string("x")])]), .table(["name": .string("two")])]))
    for missing in [[], ["storage", "none"], ["pools", "name"], ["title", "x"], ["dotted.sub"], ["storage", ""]] as [[String]] {
      #expect(text.value(missing) == nil)
    }
    if case .array(let dates) = text.value(["storage", "dates"]), case .array(let numbers) = text.value(["storage", "numbers"]) {
      #expect(dates[0] == .other("1979-05-27T07:32:00Z"))
      #expect(dates[3] == .other("1979-05-27"))
      #expect(numbers.prefix(4) == [.integer(0xdead_beef), .integer(0o755), .integer(13), .integer(1000)])
      #expect(numbers[4] == .other("3.14"))
    } else {
      Issue.record("no arrays")
    }
  }

  @Test func `the exact name goes before one in another case`() throws {
    let text = try TOMLText("[Storage]\nA = 1\na = 2\nB = 3\n[storage]\na = 4\n")
    #expect(text.value(["storage", "a"]) == .integer(4))
    #expect(text.value(["Storage", "a"]) == .integer(2))
    #expect(text.value(["storage", "b"]) == .integer(3))
    #expect(text.value(["STORAGE", "b"]) == .integer(3))
  }

  @Test(
    arguments: [
      "", "\n", "\r\n", "#", "# x\n", " \t\n", "a=1", "a.b=1\na.c=2", "[a]\n[a.b]", "[a.b]\n[a]", "[[a]]\n[[a]]",
      "1 = 1\n-=2\n_=3",
      "\"\"=1", "''=1", "[ a . b ]", "a=[]", "a=[1,]", "a=[\n#c\n1\n,\n]", "a={}", "a={ b = 1 }", "a=''''''", "a=\"\"\"\"\"\"",
      "a='''''x'''''",
      "a=\"\"\"\n\"\"\"",
      "a=\"\"\"\\\n \r\n\n  x\"\"\"", "a=\"\"\"\"\"x\"\"\"\"\"", "a='\\'", "a=00:00:00", "a=2000-01-01t00:00:00.1z", "a=0", "a=-0",
      "a=+0.0e00",
      "a=1e5", "a=0xA_b", "a=1\t#",
      "true = true", "inf = inf", "1979-05-27 = 1979-05-27",
    ] as [[UInt8]])
  func `what is TOML is taken`(text: [UInt8]) throws {
    #expect(try TOMLText(text).bytes == text)
  }

  static let invalid: [(String, Int)] = [
    ("a", 1), ("a=", 1), ("=1", 1), ("\n\na=x", 3), ("a=1 b=2", 1), ("a=1\na=2", 2), ("[a]\n[a]", 2), ("[[a]]\n[a]", 2), ("a.b=1\n[a]", 2),
    ("[", 1), ("[]", 1), ("[a", 1),
    ("[[a]", 1), ("[a]]", 1), ("[ [a]]", 1), ("[[ ", 1), ("[[]]", 1), ("[a] b=1", 1), ("[.]", 1), ("a..b=1", 1),
    (".a=1", 1), ("a.=1", 1), ("a b=1", 1),
    ("a=[", 1), ("a=[1", 1), ("a=[1 2]", 1), ("a=[,]", 1), ("a={", 1), ("a={b", 1), ("a={b=1", 1), ("a={b=1,}", 1), ("a={\n}", 1),
    ("a={b=1,,c=1}", 1),
    ("a={b=1}\na.c=1", 2), ("a={b=1}\n[a.c]", 2), ("a=\"", 1), ("a='", 1), ("a=\"\"\"", 1), ("a='''\n\n", 3), ("a=\"\n\"", 1),
    ("a='\n'", 1),
    ("a=\"\\x\"", 1), ("a=\"\\u12\"", 1),
    ("a=\"\\ud800\"", 1), ("a=\"\\U00110000\"", 1), ("a=\"\\ \"", 1), ("a=\"\"\"\\ x\"\"\"", 1), ("a=\"\u{1}\"", 1), ("a='\u{7f}'", 1),
    ("a='x\r'", 1), ("#\u{0}", 1), ("\n#\u{1}", 2), ("#\rx", 1), ("a=1\rb=2", 1),
    ("a=01", 1), ("a=1_", 1), ("a=_1", 1), ("a=1__0", 1), ("a=1.", 1), ("a=.1", 1), ("a=1e", 1), ("a=0x", 1), ("a=0xg", 1), ("a=+0x1", 1),
    ("a=0X1", 1), ("a=0b2", 1), ("a=0o8", 1), ("a=True", 1), ("a=tru", 1),
    ("a=infinity", 1), ("a=--1", 1), ("a=9223372036854775808", 1), ("a=2000-13-01", 1), ("a=2000-1-01", 1), ("a=2000-01-01T", 1),
    ("a=00:00", 1),
    ("a=25:00:00", 1), ("a=2000-01-01 x", 1),
    ("\"\"\"a\"\"\"=1", 1), ("a\n=1", 1), ("é=1", 1), ("a=1\u{0}", 1), ("a=\"\\u0000\"", 1), ("\n\"\\U00000000\"=1", 2),
    ("\"\u{e9}\"=1\n\"e\u{301}\"=1", 0),
  ]

  @Test(arguments: invalid) func `what is no TOML is refused, with its line`(text: String, line: Int) {
    let problem = #expect(throws: TextError.self) { try TOMLText(bytes(text)) }
    #expect(problem?.line == line)
    #expect(isPrintable(bytes(problem?.reason ?? "\n")) && problem?.reason.isEmpty == false)
    #expect((problem?.reason.utf8.count ?? 0) < 300)
  }

  @Test func `bytes that are no UTF-8 are refused`() {
    for bad in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]] as [[UInt8]] {
      #expect(throws: TextError(line: 0, reason: "not UTF-8")) { try TOMLText("a = \"" + bad + "\"\n") }
      #expect(throws: TextError(line: 0, reason: "not UTF-8")) { try TOMLText("#" + bad) }
    }
  }

  @Test(arguments: [
    ("[", ""), ("a=[", ""), ("a={a=", ""), ("[[", "a]]"), ("a=[{a=", ""), ("a.", "a=1"), ("[a.", "a]"), ("[[a.", "a]]"),
    ("a={a.a.a=", "1}"),
    ("a=[[", "]]"), ("a={'x'.", ""), ("[a]\na.", "a=1"),
  ])
  func `nesting of any depth ends in a problem`(again: String, end: String) {
    for count in [65, 300, 3000, 30_000, 300_000] where count * again.utf8.count < TextScanner.longest {
      #expect(throws: TextError.self) { try TOMLText(repeated(again, count) + bytes(end)) }
    }
    let forty = plain(repeated("a.", 40))
    let twenty = plain(repeated("a.", 20))
    #expect(throws: TextError.self) { try TOMLText(bytes("[\(forty)a]\n\(forty)a=1\n")) }
    #expect(throws: TextError.self) { try TOMLText(bytes("\(forty)a={\(forty)a=1}\n")) }
    #expect(throws: Never.self) { try TOMLText(bytes("[\(twenty)a]\n\(twenty)b={\(twenty)c=1}\n")) }
  }

  @Test(.timeLimit(.minutes(1))) func `a long file is read in bounded time, a longer one not at all`() throws {
    let wide = (0..<4000).reduce(into: "[a]\n" as [UInt8]) { $0 += bytes("key\($1) = 'value'\n") }
    let edited = try TOMLText(wide).setting(["a", "key3999"], to: "x").setting(["b", "c"], to: "y")
    #expect(edited.value(["a", "key3999"]) == .string("x"))
    for piece in ["a", "\"", "'", "[", "{", "#", "\\", "\n", "\r", ".", "=", "a=\"\"\"\\\n", "[a]\n", "[[a]]\n", "a=", "0,"] {
      _ = try? TOMLText(repeated(piece, 65536 / piece.utf8.count))
      _ = try? TOMLText("a = \"\"\"" + repeated(piece, 65536 / piece.utf8.count) + "\"\"\"")
      _ = try? TOMLText("a = [" + repeated(piece, 65536 / piece.utf8.count) + "]")
    }
    #expect(throws: Never.self) { try TOMLText("a=1 #" + repeated("x", 1_000_000)) }
    #expect(throws: TextError(line: 0, reason: "longer than 1 MiB")) { try TOMLText(repeated("\n", 1 << 20 | 1)) }
  }

  static let edits: [Edit] = [
    // The value is there.
    Edit("[storage]\ngraphroot = \"/a\" # mine\n", graphroot, "/b", "[storage]\ngraphroot = \"/b\" # mine\n"),
    Edit("[storage]\r\ngraphroot=\"/a\"\r\n", graphroot, "/b", "[storage]\r\ngraphroot=\"/b\"\r\n"),
    Edit("[storage]\n\tgraphroot\t=\t'/a'\t", graphroot, "/b", "[storage]\n\tgraphroot\t=\t\"/b\"\t"),
    Edit("storage.graphroot = '/a'", graphroot, "/b", "storage.graphroot = \"/b\""),
    Edit("storage . \"graphroot\" = '/a'", graphroot, "/b", "storage . \"graphroot\" = \"/b\""),
    Edit("[\"storage\"] # x\n'graphroot' = 1\n", graphroot, "/b", "[\"storage\"] # x\n'graphroot' = \"/b\"\n"),
    Edit(
      "[ storage ]\n\"gr\\u0061phroot\" = [ 1, # x\n 2 ] # y\nz = 1", graphroot, "/b",
      "[ storage ]\n\"gr\\u0061phroot\" = \"/b\" # y\nz = 1"),
    Edit("[storage]\ngraphroot = '''\r\n/a\r\n'''\n", graphroot, "/b", "[storage]\ngraphroot = \"/b\"\n"),
    Edit("[storage]\ngraphroot = \"\"\"\n[storage]\ngraphroot='x'\\\"\"\"\"\"\n", graphroot, "/b", "[storage]\ngraphroot = \"/b\"\n"),
    Edit(
      "storage = { driver = \"overlay\", graphroot = \"x\" }\n", graphroot, "/b", "storage = { driver = \"overlay\", graphroot = \"/b\" }\n"
    ),
    Edit("storage = { graphroot = { a = 1 }, b = 1 }", graphroot, "/b", "storage = { graphroot = \"/b\", b = 1 }"),
    Edit("[storage]\ngraphroot = { a = 1 } #", graphroot, "/b", "[storage]\ngraphroot = \"/b\" #"),
    Edit("[Storage]\nGraphRoot = 2000-01-01 00:00:00#\n", graphroot, "/b", "[Storage]\nGraphRoot = \"/b\"#\n"),
    Edit(
      "[a]\ngraphroot = 1\n[storage.x]\ngraphroot = 2\n[storage]\ngraphroot = 3\n[[b]]\ngraphroot = 4\n", graphroot, "/b",
      "[a]\ngraphroot = 1\n[storage.x]\ngraphroot = 2\n[storage]\ngraphroot = \"/b\"\n[[b]]\ngraphroot = 4\n"),
    // Its table is there.
    Edit("[storage]\n", graphroot, "/b", "[storage]\ngraphroot = \"/b\"\n"),
    Edit("[storage]", graphroot, "/b", "[storage]\ngraphroot = \"/b\""),
    Edit("  [storage] # x\r\n\r\n# y\r\n", graphroot, "/b", "  [storage] # x\r\n  graphroot = \"/b\"\r\n\r\n# y\r\n"),
    Edit(
      "[storage]\n  driver = \"overlay\" # d\n  # graphroot = \"\"\n\n[storage.options]\nsize = 1\n", graphroot, "/b",
      "[storage]\n  driver = \"overlay\" # d\n  graphroot = \"/b\"\n  # graphroot = \"\"\n\n[storage.options]\nsize = 1\n"),
    Edit("[storage]\n\tlist = [\n1]", graphroot, "/b", "[storage]\n\tlist = [\n1]\n\tgraphroot = \"/b\""),
    Edit("[storage]\ninline = { a = 1 }\n", graphroot, "/b", "[storage]\ninline = { a = 1 }\ngraphroot = \"/b\"\n"),
    Edit("[STORAGE]\nx = 1\n", graphroot, "/b", "[STORAGE]\nx = 1\ngraphroot = \"/b\"\n"),
    Edit("storage.driver = 1\n[x]\n", graphroot, "/b", "storage.driver = 1\nstorage.graphroot = \"/b\"\n[x]\n"),
    Edit("  'storage' . driver = 1", graphroot, "/b", "  'storage' . driver = 1\n  'storage'.graphroot = \"/b\""),
    Edit("storage.a.b = 1\nstorage.c = 2\nd = 3\n", graphroot, "/b", "storage.a.b = 1\nstorage.c = 2\nstorage.graphroot = \"/b\"\nd = 3\n"),
    Edit("storage = {}\n", graphroot, "/b", "storage = { graphroot = \"/b\" }\n"),
    Edit("storage = {   } # x", graphroot, "/b", "storage = { graphroot = \"/b\" } # x"),
    Edit("storage = { driver = { a = 1 }  }", graphroot, "/b", "storage = { driver = { a = 1 }, graphroot = \"/b\"  }"),
    Edit(
      "x = { storage.driver = 1, y = 2 }", ["x", "storage", "graphroot"], "/b",
      "x = { storage.driver = 1, storage.graphroot = \"/b\", y = 2 }"),
    Edit("[storage.options]\nsize = 1\n", graphroot, "/b", "[storage.options]\nsize = 1\n\n[storage]\ngraphroot = \"/b\"\n"),
    Edit("[[storage.pools]]\nsize = 1\n", graphroot, "/b", "[[storage.pools]]\nsize = 1\n\n[storage]\ngraphroot = \"/b\"\n"),
    Edit(
      "[storage.options.overlay]\n", ["storage", "options", "size"], "1", "[storage.options.overlay]\n\n[storage.options]\nsize = \"1\"\n"),
    Edit("[storage]\noptions.a = 1\n[x]\n", ["storage", "options", "size"], "1", "[storage]\noptions.a = 1\noptions.size = \"1\"\n[x]\n"),
    // Its table is not.
    Edit("", graphroot, "/b", "[storage]\ngraphroot = \"/b\"\n"),
    Edit("# only this", graphroot, "/b", "# only this\n\n[storage]\ngraphroot = \"/b\"\n"),
    Edit("a = 1\r\n", graphroot, "/b", "a = 1\r\n\r\n[storage]\r\ngraphroot = \"/b\"\r\n"),
    Edit("[storage]\ndriver = 1\n", ["storage", "options", "size"], "1", "[storage]\ndriver = 1\n\n[storage.options]\nsize = \"1\"\n"),
    Edit("storage.driver = 1\n", ["storage", "options", "size"], "1", "storage.driver = 1\nstorage.options.size = \"1\"\n"),
    Edit("storage = {driver = 1}", ["storage", "options", "size"], "1", "storage = {driver = 1, options.size = \"1\"}"),
    Edit("storage = {}", ["storage", "options", "size"], "1", "storage = { options.size = \"1\" }"),
    Edit("", ["a b", "", "ä", "c.d"], "1", "[\"a b\".\"\".\"ä\"]\n\"c.d\" = \"1\"\n"),
    // At the top.
    Edit("", ["a"], "1", "a = \"1\"\n"),
    Edit("# c\n[x]\n", ["a"], "1", "a = \"1\"\n# c\n[x]\n"),
    Edit(" b = 1 # c\n\n[x]\n", ["a"], "1", " b = 1 # c\n a = \"1\"\n\n[x]\n"),
    // What the value holds.
    Edit("a = 1", ["a"], "\"\\\u{8}\t\n\u{c}\r\u{1b}\u{7f}ä", "a = \"\\\"\\\\\\b\\t\\n\\f\\r\\u001b\\u007fä\""),
    Edit("a = 'e\u{301}'", ["a"], "\u{e9}", "a = \"\u{e9}\""),
  ]

  @Test(arguments: edits) func `an edit changes the value and no other byte`(edit: Edit) throws {
    let text = try TOMLText(bytes(edit.before)).setting(edit.path, to: edit.value)
    #expect(plain(text.bytes) == edit.after)
    #expect(text.value(edit.path) == .string(edit.value))
    #expect(try text.setting(edit.path, to: edit.value) == text)
  }

  static let removals: [Edit] = [
    Edit("[storage]\n# above\n graphroot = 1 # beside\n# below\n", graphroot, "", "[storage]\n# above\n# below\n"),
    Edit("[storage]\r\ngraphroot = '''\r\n\r\n'''\r\ndriver = 1\r\n", graphroot, "", "[storage]\r\ndriver = 1\r\n"),
    Edit("[storage]\ngraphroot = [\n1, # x\n]", graphroot, "", "[storage]\n"),
    Edit("[storage]\nGraphRoot = 1\n\n", graphroot, "", "[storage]\n\n"),
    Edit("storage.graphroot = 1\nx = 1\n", graphroot, "", "x = 1\n"),
    Edit("storage.graphroot = 1\nstorage.x = 1\n", graphroot, "", "storage.x = 1\n"),
    Edit("a.b.c.d = 1\na.x = 1", ["a", "b", "c", "d"], "", "a.x = 1"),
    Edit("[a]\nb.c.d = 1", ["a", "b", "c", "d"], "", "[a]\n"),
    Edit("storage.graphroot = 1\n[storage.options]\n", graphroot, "", "[storage.options]\n"),
    Edit("storage = { graphroot = 1 }", graphroot, "", "storage = {}"),
    Edit("storage = { graphroot = 1, a = 2, b = 3 }", graphroot, "", "storage = { a = 2, b = 3 }"),
    Edit("storage = { a = 2 , graphroot = 1 , b = 3 }", graphroot, "", "storage = { a = 2 , b = 3 }"),
    Edit("storage = { a = { x = 1, y = 2 }, graphroot = 1 } # x", graphroot, "", "storage = { a = { x = 1, y = 2 } } # x"),
    Edit(
      "storage = { a = 1, b = { c = 2, graphroot = { z = 1 } } }", ["storage", "b", "graphroot"], "", "storage = { a = 1, b = { c = 2 } }"),
    Edit("storage = { a = 1 }\nb = 2", ["storage"], "", "b = 2"),
    Edit("[a]\nb = 1", graphroot, "", "[a]\nb = 1"),
    Edit("[[storage]]\ngraphroot = 1", graphroot, "", "[[storage]]\ngraphroot = 1"),
  ]

  @Test(arguments: removals) func `a removal takes the statement and no other byte`(edit: Edit) throws {
    let text = try TOMLText(bytes(edit.before)).removing(edit.path)
    #expect(plain(text.bytes) == edit.after)
    #expect(text.value(edit.path) == nil)
  }

  @Test(
    arguments: [
      ("[storage]\na = 1\n", ["storage"], .isTable), ("storage.a = 1", ["storage"], .isTable), ("[storage.a]", ["storage"], .isTable),
      ("[[storage]]", ["storage"], .isTable),
      ("[storage]\ngraphroot = 1\nGraphroot = 2", graphroot, .ambiguous),
      ("[storage]\ngraphroot = 1\n[Storage]\ngraphRoot = 2", graphroot, .ambiguous),
      ("a = 1", [], .notUnderstood),
    ] as [([UInt8], [String], EditError)])
  func `what has no single value is not edited`(text: [UInt8], path: [String], problem: EditError) throws {
    #expect(throws: problem) { try TOMLText(text).setting(path, to: "x") }
    #expect(throws: problem) { try TOMLText(text).removing(path) }
  }

  @Test(arguments: ["storage = 1", "[[storage]]", "storage = []", "storage = [{ a = 1 }]", "Storage = ''"] as [[UInt8]])
  func `below what is no table nothing is added`(text: [UInt8]) throws {
    #expect(throws: EditError.notATable) { try TOMLText(text).setting(graphroot, to: "x") }
  }

  @Test func `of two tables that Go takes for one, the exact one is added to`() throws {
    let text = try TOMLText("[Storage]\na = 1\n[storage]\nb = 1\n").setting(graphroot, to: "x")
    #expect(plain(text.bytes) == "[Storage]\na = 1\n[storage]\nb = 1\ngraphroot = \"x\"\n")
  }

  @Test func `a result with any other difference is no proof`() throws {
    let text = try TOMLText("a = 1\nb = { c = 2 }\nd = 1.5\n")
    let wanted = [text.changed(text.root, ["a"], to: .string("x"))]
    #expect(throws: Never.self) { try text.proven("d = 1.5\na = 'x'\nb.c = 2", is: wanted) }
    let wrong: [[UInt8]] = [
      "", "a = 1\nb.c = 2\nd = 1.5", "a = 'y'\nb.c = 2\nd = 1.5", "a = 'x'\nb.c = 3\nd = 1.5", "a = 'x'\nb.c = 2\nd = 1.6",
      "a = 'x'\nb.c = 2",
      "a = 'x'\nb.c = 2\nd = 1.5\ne = 1", "a = 'x'\nb.c = 2\nb.e = 1\nd = 1.5", "a = 'x'\nb.c = '2'\nd = 1.5",
      "a = 'x'\nb.c = 2\nd = 1.5\nx",
    ]
    for wrong in wrong {
      #expect(throws: EditError.notUnderstood) { try text.proven(wrong, is: wanted) }
    }
  }

  @Test func `whatever a value holds, it comes back or is refused`() throws {
    for value in hostileBytes.map(plain) {
      for before in ["", "storage = { a = 1 }", crlf(everything)] as [[UInt8]] {
        if value.contains("\0") {
          #expect(throws: EditError.notUnderstood) { try TOMLText(before).setting(graphroot, to: value) }
        } else {
          #expect(try TOMLText(before).setting(graphroot, to: value).value(graphroot) == .string(value))
        }
      }
    }
  }

  /// Both edits, whose results are read again by the code under test; here that all around the place is what it was.
  private func edit(_ text: TOMLText, _ path: [String]) throws(EditError) {
    for after in [try text.setting(path, to: "/x"), try text.removing(path)] {
      let start = zip(text.bytes, after.bytes).prefix { $0 == $1 }.count
      let end = zip(text.bytes.dropFirst(start).reversed(), after.bytes.dropFirst(start).reversed()).prefix { $0 == $1 }.count
      let inserted = after.bytes.dropFirst(start).dropLast(end)
      #expect(inserted.count { $0 == 0x0a } <= 4 && inserted.count < 100, "\(plain(text.bytes)) -> \(plain(after.bytes)) \(start) \(end)")
    }
  }

  @Test func `a file that was cut anywhere, or hit by anything, is edited or refused`() {
    var random = FixedNumbers(1)
    let pieces: [[UInt8]] =
      [
        "[", "]", "{", "}", "=", ".", ",", "\"", "'", "\"\"\"", "'''", "#", "\\", "\n", "\r", " ", "[[", "]]", "a", "1", "\u{0}",
        "\u{feff}",
      ] + hostileBytes.filter { $0.count < 300 }
    for cut in 0...everything.count {
      if let text = try? TOMLText(Array(everything[..<cut])) { #expect(throws: Never.self) { try edit(text, graphroot) } }
      _ = try? TOMLText(Array(everything[cut...])).setting(graphroot, to: "x")
    }
    let other = crlf(everything)
    for cut in 0...other.count { _ = try? TOMLText(Array(other[..<cut])).removing(graphroot) }
    var edited = 0
    for _ in 0..<1500 {
      var bytes = everything
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let start = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 0...3, using: &random))
        bytes.replaceSubrange(start..<end, with: pieces.randomElement(using: &random) ?? [])
      }
      guard let text = try? TOMLText(bytes) else { continue }
      do throws(EditError) {
        try edit(text, graphroot)
        edited += 1
      } catch {
        #expect(error != .notUnderstood, "\(plain(bytes))")
      }
    }
    #expect(edited > 100)
    for bytes in hostileBytes { _ = try? TOMLText(bytes).setting(graphroot, to: "x") }
  }
}

@Suite struct TOMLTextPropertyTests {
  /// A file of random statements. Not all are valid: one key may be defined twice.
  private struct Writer {
    var random: FixedNumbers
    let end: String

    mutating func pick(_ texts: [String]) -> String { texts.randomElement(using: &random) ?? "" }
    mutating func blank() -> String { pick(["", "", " ", "\t", "  "]) }
    mutating func name() -> String { pick(["a", "b", "c", "\"a\"", "'d e'", "storage", "graphroot", "x-1", "\"\\u00e4\""]) }
    mutating func key() -> String {
      let dot = blank() + "." + blank()
      return (0..<max(1, Int.random(in: -2...3, using: &random))).map { _ in name() }.joined(separator: dot)
    }

    mutating func value(_ depth: Int = 0) -> String {
      switch Int.random(in: 0..<(depth < 3 ? 10 : 8), using: &random) {
      case 0: return "\"x \\\" # y\""
      case 1: return "'[storage]'"
      case 2: return "\"\"\"\(end)graphroot = \"1\" \\\(end)  z\"\"\""
      case 3: return "'''\(end)[a]\(end)b = 1'''"
      case 4: return "-1_0"
      case 5: return "1979-05-27 07:32:00Z"
      case 6: return "true"
      case 7: return "1e3"
      case 8:
        let values = (0..<Int.random(in: 0...2, using: &random)).map { _ in value(depth + 1) }
        return "[" + blank() + values.joined(separator: "," + pick([" ", end, "# ]\(end)"])) + pick(["", end]) + "]"
      default:
        let pairs = (0..<Int.random(in: 0...3, using: &random)).map { _ in key() + blank() + "=" + blank() + value(depth + 1) }
        return "{" + blank() + pairs.joined(separator: blank() + "," + blank()) + blank() + "}"
      }
    }

    mutating func file() -> [UInt8] {
      var text = ""
      for _ in 0..<Int.random(in: 0...8, using: &random) {
        text += blank()
        switch Int.random(in: 0..<8, using: &random) {
        case 0...3: text += key() + blank() + "=" + blank() + value()
        case 4, 5: text += "[" + blank() + key() + blank() + "]"
        case 6: text += "[[" + key() + "]]"
        default: text += "# graphroot = ["
        }
        text += blank() + pick(["", "# \"c\""]) + end
      }
      if pick(["0", "1"]) == "1", text.hasSuffix(end) { text.removeLast(end.count) }
      return bytes(text)
    }
  }

  /// All paths through tables.
  private func paths(_ table: [String: TOMLText.Value]) -> [[String]] {
    table.sorted { $0.key < $1.key }.flatMap { key, value in
      if case .table(let inner) = value { return [[key]] + paths(inner).map { [key] + $0 } }
      return [[key]]
    }
  }

  @Test func `an edit of any file changes one value, and is undone`() throws {
    var valid = 0
    var edited = 0
    for seed in 0..<1500 as Range<UInt64> {
      var writer = Writer(random: FixedNumbers(seed), end: seed % 3 == 0 ? "\r\n" : "\n")
      let before = writer.file()
      guard let text = try? TOMLText(before) else { continue }
      valid += 1
      let known = paths(text.root)
      let fresh = [["storage", "graphroot"], ["new"], ["a", "new"], ["a", "b", "new"], ["new", "a", "b"], ["storage", "b", "c", "d"]]
      for path in known + fresh {
        do throws(EditError) {
          let after = try text.setting(path, to: "new \"value\"")
          #expect(after.value(at: path) == .string("new \"value\""), "\(plain(before))")
          let others = known.filter { !$0.starts(with: path) && !path.starts(with: $0) }
          for other in others { #expect(after.value(at: other) == text.value(at: other), "\(plain(before))") }
          if known.contains(path) {
            let without = try text.removing(path)
            #expect(without.value(at: path) == nil)
            for other in others { #expect(without.value(at: other) == text.value(at: other), "\(plain(before))") }
          } else {
            // A header that was added stays, and so does a table that was there.
            let again = try after.removing(path)
            #expect(again.value(at: path) == nil)
          }
          edited += 1
        } catch {
          #expect(error == .isTable || error == .notATable, "\(path) \(plain(before))")
        }
      }
    }
    #expect(valid > 500)
    #expect(edited > 2500)
  }
}
