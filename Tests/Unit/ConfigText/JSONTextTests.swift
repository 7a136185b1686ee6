import Testing

@testable import rootless_storage

private let everything = """
  \t{
    "data-root" : "/home/alice/\\u0064ocker",
    "b\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud834\\udd1e" : [ 1, -0, 1.5e+10, 0.1E-2, [ ], [ { } ], null, true, false ],
    "nested": { "data-root": "inner", "x": { "y": "}" } }, "ä€𝄞": "{ \\"data-root\\": 1 }",
    "last": ""
  }

  """

private func crlf(_ text: String) -> String { text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n") }

@Suite struct JSONTextTests {
  @Test func `a member is found by what its key means`() throws {
    let text = try JSONText(bytes(everything))
    #expect(plain(text.bytes) == everything)
    #expect(text.string("data-root") == "/home/alice/docker")
    #expect(text.string("ä€𝄞") == "{ \"data-root\": 1 }")
    #expect(text.string("last") == "")
    #expect(text.has("b\"\\/\u{8}\u{c}\n\r\tä𝄞") && text.string("b\"\\/\u{8}\u{c}\n\r\tä𝄞") == nil)
    for missing in ["x", "y", "Data-root", "data-roo", "", "a\u{308}€𝄞"] { #expect(!text.has(missing) && text.string(missing) == nil) }
  }

  @Test func `of two members with one key the last counts`() throws {
    #expect(try JSONText("{\"a\": \"x\", \"\\u0061\": \"y\"}").string("a") == "y")
    #expect(try JSONText("{\"a\": \"x\", \"a\": 1}").string("a") == nil)
    #expect(try JSONText("{\"a\": 1, \"a\": \"x\"}").string("a") == "x")
  }

  @Test func `what people write although JSON has it not is named`() throws {
    for (text, reason) in [
      ("{\n// c\n}", "a comment, which JSON has not"), ("{} # c", "a comment, which JSON has not"),
      ("{\"a\": 1 /* c */}", "a comment, which JSON has not"),
      ("{\"a\":1,}", "a comma with nothing behind it"), ("{\"a\":[1,]}", "a comma with nothing behind it"),
      ("{\"a\":}", "no value where one belongs"),
    ] {
      #expect(throws: JSONText.Problem.self) { try JSONText(bytes(text)) }
      do throws(JSONText.Problem) { _ = try JSONText(bytes(text)) } catch { #expect(error.reason == reason, "\(text)") }
    }
  }

  static let invalid: [(String, Int)] = [
    ("", 1), (" \n", 2), ("null", 1), ("[]", 1), ("1", 1), ("\"a\"", 1), ("{", 1), ("}", 1), ("{}}", 1), ("{} {}", 1), ("{}\n\nx", 3),
    ("{},", 1),
    ("\u{feff}{}", 1), ("{}\u{0}", 1), ("{\u{a0}}", 1), ("\u{c}{}", 1),
    ("{,}", 1), ("{\"a\"}", 1), ("{\"a\":}", 1), ("{\"a\":1,}", 1), ("{\"a\":1 \"b\":2}", 1), ("{a:1}", 1), ("{'a':1}", 1), ("{1:1}", 1),
    ("{\"a\"=1}", 1), ("{\"a\":1;}", 1),
    ("{\"a\":[1,]}", 1), ("{\"a\":[,]}", 1), ("{\"a\":[1}", 1), ("{\"a\":[}", 1), ("{\n// c\n}", 2), ("{/* c */}", 1), ("{} # c", 1),
    ("{\"a\":01}", 1), ("{\"a\":+1}", 1), ("{\"a\":1.}", 1), ("{\"a\":.1}", 1), ("{\"a\":1e}", 1), ("{\"a\":-}", 1), ("{\"a\":0x1}", 1),
    ("{\"a\":NaN}", 1), ("{\"a\":Infinity}", 1), ("{\"a\":True}", 1), ("{\"a\":nul}", 1),
    ("{\"a\":\"", 1), ("{\"a\":\"\n\"}", 2), ("{\"a\":\"\t\"}", 1), ("{\"a\":\"\u{1f}\"}", 1), ("{\"\t\":1}", 1), ("{\"a\":\"\\x\"}", 1),
    ("{\"a\":\"\\'\"}", 1), ("{\"a\":\"\\u12\"}", 1), ("{\"a\":\"\\U00000041\"}", 1),
    ("{\"a\":\"\\ud834\"}", 1), ("{\"a\":\"\\udd1e\\ud834\"}", 1), ("{\"a\":\"\\ud834\\ud834\"}", 1), ("{\"a\":\"\\ud834x\"}", 1),
    ("{\"\\udfff\":1}", 1), ("{\"a\":1e999}", 0),
  ]

  @Test(arguments: invalid) func `what Go would not take is refused, with its line`(text: String, line: Int) {
    let problem = #expect(throws: TextError.self) { try JSONText(bytes(text)) }
    #expect(problem?.line == line)
    #expect(isPrintable(bytes(problem?.reason ?? "\n")) && problem?.reason.isEmpty == false)
  }

  @Test func `bytes that are no UTF-8, and other encodings, are refused`() {
    for bad in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]] as [[UInt8]] {
      #expect(throws: TextError(line: 0, reason: "not UTF-8")) { try JSONText("{\"a\":\"" + bad + "\"}") }
    }
    #expect(throws: TextError.self) { try JSONText([0x7b, 0, 0x7d, 0]) }
    #expect(throws: TextError.self) { try JSONText([0xff, 0xfe, 0x7b, 0, 0x7d, 0]) }
  }

  private func nested(_ count: Int) -> [UInt8] { bytes("{\"a\":\(plain(repeated("[", count)))\(plain(repeated("]", count)))}") }

  @Test func `nesting of any depth ends in a problem`() {
    for count in [65, 600, 30_000, 200_000] {
      for again in ["[", "{\"a\":", "[{\"a\":"] where count * again.utf8.count < TextScanner.longest {
        #expect(throws: TextError.self) { try JSONText("{\"a\":" + repeated(again, count)) }
      }
      #expect(throws: TextError.self) { try JSONText(nested(count)) }
    }
    #expect(throws: Never.self) { try JSONText(nested(60)) }
  }

  @Test(.timeLimit(.minutes(1))) func `a long file is read and edited in bounded time, a longer one not at all`() throws {
    let wide = (0..<4000).reduce(into: "{\"a\": 1" as [UInt8]) { $0 += bytes(",\n\"key\($1)\": true") } + "}"
    #expect(try JSONText(wide).setting("a", to: "x").removing("key7").string("a") == "x")
    let twice = "{" + repeated("\"a\":1,", 5000) + "\"b\":1}"
    #expect(plain(try JSONText(twice).removing("a").bytes) == "{\"b\":1}")
    #expect(try JSONText(twice).setting("a", to: "x").string("a") == "x")
    #expect(throws: TextError(line: 0, reason: "longer than 1 MiB")) { try JSONText("{}" + repeated(" ", 1 << 20)) }
  }

  static let edits: [Edit] = [
    Edit("{}", ["a"], "/b", "{ \"a\": \"/b\" }"),
    Edit(" {  }\n", ["a"], "/b", " { \"a\": \"/b\" }\n"),
    Edit("{\n}\n", ["a"], "/b", "{\n  \"a\": \"/b\"\n}\n"),
    Edit("{\r\n}", ["a"], "/b", "{\r\n  \"a\": \"/b\"\r\n}"),
    Edit("{ \"x\": 1 }", ["a"], "/b", "{ \"a\": \"/b\", \"x\": 1 }"),
    Edit("{\"x\":1}", ["a"], "/b", "{\"a\": \"/b\", \"x\":1}"),
    Edit("{\n\t\"x\": 1,\n\t\"y\": 2\n}\n", ["a"], "/b", "{\n\t\"a\": \"/b\",\n\t\"x\": 1,\n\t\"y\": 2\n}\n"),
    Edit("{\r\n\r\n    \"x\": {\r\n}\r\n}", ["a"], "/b", "{\r\n\r\n    \"a\": \"/b\",\r\n    \"x\": {\r\n}\r\n}"),
    Edit("{ \"x\": 1,\n  \"y\": 2 }", ["a"], "/b", "{ \"a\": \"/b\", \"x\": 1,\n  \"y\": 2 }"),
    Edit("{ \"x\": { \"a\": 1 } }", ["a"], "/b", "{ \"a\": \"/b\", \"x\": { \"a\": 1 } }"),
    Edit("{ \"a\" : \"x\\\"\" , \"y\":2}", ["a"], "/b", "{ \"a\" : \"/b\" , \"y\":2}"),
    Edit("{\"\\u0061\":[{\"a\":1},\n2]}", ["a"], "/b", "{\"\\u0061\":\"/b\"}"),
    Edit("{\"a\":-1.5e3}", ["a"], "/b", "{\"a\":\"/b\"}"),
    Edit(
      "{\"a\":null, \"b\":true, \"\\u0061\" : \"\", \"a\":1}", ["a"], "/b", "{\"a\":\"/b\", \"b\":true, \"\\u0061\" : \"/b\", \"a\":\"/b\"}"
    ),
    Edit("{}", ["ä\"\\\n\u{0}\u{7f}"], "/\t\r\u{1b}", "{ \"ä\\\"\\\\\\n\\u0000\\u007f\": \"/\\t\\r\\u001b\" }"),
    Edit("{\"a\":\"e\u{301}\"}", ["a"], "\u{e9}", "{\"a\":\"\u{e9}\"}"),
  ]

  @Test(arguments: edits) func `an edit changes the value and no other byte`(edit: Edit) throws {
    let key = edit.path[0]
    let text = try JSONText(bytes(edit.before)).setting(key, to: edit.value)
    #expect(plain(text.bytes) == edit.after)
    #expect(text.string(key) == edit.value)
    #expect(try text.setting(key, to: edit.value) == text)
  }

  static let removals: [Edit] = [
    Edit("{ \"a\": 1 }", ["a"], "", "{}"), Edit("{\n  \"a\": 1,\n  \"a\": 2\n}\n", ["a"], "", "{}\n"),
    Edit("{ \"a\": 1, \"b\": 2 }", ["a"], "", "{ \"b\": 2 }"), Edit("{ \"b\": 2 , \"a\": 1 }", ["a"], "", "{ \"b\": 2 }"),
    Edit("{\n  \"a\": {},\n  \"b\": 2\n}", ["a"], "", "{\n  \"b\": 2\n}"),
    Edit("{\r\n  \"b\": 2,\r\n  \"\\u0061\": \"x\"\r\n}", ["a"], "", "{\r\n  \"b\": 2\r\n}"),
    Edit("{\"a\":1,\"b\":2,\"a\":3,\"a\":4,\"c\":5,\"a\":6,\"a\":7}", ["a"], "", "{\"b\":2,\"c\":5}"),
    Edit("{\"b\":{\"a\":1}}", ["a"], "", "{\"b\":{\"a\":1}}"),
  ]

  @Test(arguments: removals) func `a removal takes the member with its comma and no other byte`(edit: Edit) throws {
    let text = try JSONText(bytes(edit.before)).removing(edit.path[0])
    #expect(plain(text.bytes) == edit.after)
    #expect(!text.has(edit.path[0]))
  }

  @Test func `a result with any other difference is no proof`() throws {
    let text = try JSONText("{\"a\":1,\"b\":{\"c\":1}}")
    #expect(throws: Never.self) { try text.proven("{ \"b\": { \"c\": 1 }, \"a\": \"x\" }", "a", is: "x") }
    #expect(throws: Never.self) { try text.proven("{\"b\":{\"c\":1}}", "a", is: nil) }
    for wrong in [
      "", "{}", "{\"a\":\"x\"}", "{\"a\":\"y\",\"b\":{\"c\":1}}", "{\"a\":\"x\",\"b\":{\"c\":true}}",
      "{\"a\":\"x\",\"b\":{\"c\":1},\"d\":null}",
      "{\"a\":\"x\",\"b\":{\"c\":\"1\"}}", "{\"a\":\"x\",\"b\":{\"c\":1,\"d\":1}}", "{\"a\":\"x\",\"b\":{\"c\":1}},",
    ] as [[UInt8]] {
      #expect(throws: EditError.notUnderstood) { try text.proven(wrong, "a", is: "x") }
    }
  }

  @Test func `whatever a value or a key holds, it comes back`() throws {
    for value in hostileBytes.map(plain) {
      for before in ["{}", everything, crlf(everything)] {
        #expect(try JSONText(bytes(before)).setting("data-root", to: value).string("data-root").map(bytes) == bytes(value))
        #expect(try JSONText(bytes(before)).setting(value, to: "x").string(value) == "x")
      }
    }
  }

  @Test func `a file that was cut anywhere, or hit by anything, is edited or refused`() {
    var random = FixedNumbers(1)
    let pieces: [[UInt8]] =
      [
        "[", "]", "{", "}", ":", ",", "\"", "\\", "\n", "\r", " ", "a", "1", "\u{0}", "\u{feff}", "\\u0000",
      ] + hostileBytes.filter { $0.count < 300 }
    for whole in [bytes(everything), bytes(crlf(everything))] {
      let end = whole.lastIndex(of: 0x7d) ?? 0
      for cut in 0...whole.count {
        #expect((try? JSONText(Array(whole[..<cut]))) == nil || cut > end)
        _ = try? JSONText(Array(whole[cut...]))
      }
    }
    var edited = 0
    for _ in 0..<1500 {
      var bytes = bytes(everything)
      let start = Int.random(in: 0..<bytes.count, using: &random)
      bytes.replaceSubrange(
        start..<min(bytes.count, start + Int.random(in: 0...3, using: &random)), with: pieces.randomElement(using: &random) ?? [])
      guard let text = try? JSONText(bytes) else { continue }
      edited += 1
      #expect((try? text.setting("data-root", to: "/x").removing("data-root").has("data-root")) == false, "\(plain(bytes))")
      #expect((try? text.setting("new", to: "/x").removing("new")) == text, "\(plain(bytes))")
    }
    #expect(edited > 100)
    for bytes in hostileBytes { _ = try? JSONText(bytes) }
  }
}

@Suite struct JSONTextPropertyTests {
  private struct Writer {
    var random: FixedNumbers
    mutating func pick(_ texts: [String]) -> String { texts.randomElement(using: &random) ?? "" }
    mutating func blank() -> String { pick(["", "", " ", "\n", "\r\n  ", "\t"]) }

    mutating func value(_ depth: Int = 0) -> String {
      switch Int.random(in: 0..<(depth < 3 ? 8 : 6), using: &random) {
      case 0: return "\"x\\\"}\""
      case 1: return "\"\\ud834\\udd1e\""
      case 2: return "-0.5e1"
      case 3: return "null"
      case 4: return "true"
      case 5: return "12345678901234567890"
      case 6:
        return "[" + blank() + (0..<Int.random(in: 0...2, using: &random)).map { _ in value(depth + 1) }.joined(separator: blank() + ",")
          + blank() + "]"
      default: return object(depth + 1)
      }
    }

    mutating func object(_ depth: Int = 0) -> String {
      let members = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        blank() + pick(["\"a\"", "\"\\u0061\"", "\"b\"", "\"\"", "\"ä\""]) + blank() + ":" + blank() + value(depth) + blank()
      }
      return "{" + (members.isEmpty ? blank() : members.joined(separator: ",")) + "}"
    }
  }

  @Test func `an edit of any file changes one member, and is undone`() throws {
    for seed in 0..<600 as Range<UInt64> {
      var writer = Writer(random: FixedNumbers(seed))
      let before = writer.blank() + writer.object() + writer.blank()
      let text = try JSONText(bytes(before))
      for key in ["a", "b", "", "ä", "new"] {
        let after = try text.setting(key, to: "new \"value\"")
        #expect(after.string(key) == "new \"value\"")
        let without = try text.removing(key)
        #expect(!without.has(key) && (text.has(key) || without == text))
        for other in ["a", "b", "", "ä", "new"] where other != key {
          #expect(after.has(other) == text.has(other) && after.string(other) == text.string(other), "\(before)")
          #expect(without.has(other) == text.has(other) && without.string(other) == text.string(other), "\(before)")
        }
      }
    }
  }
}
