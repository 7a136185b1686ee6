import Testing

@testable import RootlessStorage

@Suite struct AsideNameTests {
  @Test func `a name says whose place it is, what for, when, and has a number that nobody can guess`() {
    #expect(
      shown(AsideName(.replaced, of: "alice", time: 1_795_896_930, random: 0x0123_4567_89ab_cdef).bytes)
        == ".alice.replaced-20261128T201530Z-0123456789abcdef")
    #expect(shown(AsideName(.new, of: "a.b@c", time: 0, random: UInt64.max).bytes) == ".a.b@c.new-19700101T000000Z-ffffffffffffffff")
  }

  @Test(
    arguments: [
      (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"), (951_868_800, "20000301T000000Z"),
      (1_709_164_800, "20240229T000000Z"), (4_107_542_400, "21000301T000000Z"), (253_402_300_799, "99991231T235959Z"),
      (-5, "19700101T000000Z"),
      (Int64.max, "99991231T235959Z"), (Int64.min, "19700101T000000Z"), (1_798_761_599, "20261231T235959Z"),
      (1_798_761_600, "20270101T000000Z"),
    ] as [(Int64, String)]) func `times are UTC, in the calendar`(time: Int64, text: String)
  { #expect(shown(utcStamp(time)) == text) }

  @Test(
    arguments: ["alice", "a", "a.new-", "x.replaced-20261128T201530Z-0123456789abcdef", "4711", ".", "..b"] as [[UInt8]],
    [AsideName.Purpose.new, .replaced])
  func `a name is read as it was written`(leaf: [UInt8], purpose: AsideName.Purpose) {
    let name = AsideName(purpose, of: leaf, time: 1_795_896_930, random: 7)
    #expect(AsideName(name.bytes) == name)
    #expect(name.isOf(leaf) && !name.isOf(leaf + "x") && name.bytes.count <= 255)
  }

  @Test func `of a long component only the beginning stands in it`() {
    let long = [UInt8](repeating: 0x61, count: 255)
    let name = AsideName(.replaced, of: long, time: 0, random: 1)
    #expect(name.bytes.count <= 255 && AsideName(name.bytes) == name && name.isOf(long))
  }

  @Test func `a number of any length is read, and what earlier versions wrote`() {
    #expect(AsideName(".a.b-c.new-20261128T201500Z-12345")?.leaf == "a.b-c")
    #expect(AsideName(".x.replaced-1.replaced-20261128T201500Z-1")?.leaf == "x.replaced-1")
    let earlier = AsideName(".alice.replaced-20261128T201500Z.12345")
    #expect(earlier?.purpose == .replaced && earlier?.leaf == "alice" && earlier?.bytes == ".alice.replaced-20261128T201500Z.12345")
  }

  @Test(
    arguments: [
      "", ".", "alice", ".alice", "alice.new-20261128T201530Z-0123456789abcdef", ".alice.new-20261128T201530Z-0123456789ABCDEF",
      ".alice.new-20261128T201530-0123456789abcdef", ".alice.old-20261128T201530Z-0123456789abcdef",
      ".alice.new-2026112xT201530Z-0123456789abcdef", ".new-20261128T201530Z-0123456789abcdef",
      ".alice.replaced-20261128T201530Z_0123456789abcdef", ".alice.replaced-20261128T201530Z-",
      ".alice.replaced-20261128T201530Z-0123456789abcdef0123456789abcdef0",
      ".alice.replaced-20261128T201530Z-0123456789abcdef ", ".alice.replaced-20261128T201530Z-0123456789abcdeg",
    ] as [[UInt8]]) func `other names are not such names`(name: [UInt8])
  { #expect(AsideName(name) == nil) }

  @Test(arguments: hostileBytes) func `whatever the bytes are`(bytes: [UInt8]) {
    if let name = AsideName(bytes) { #expect(name.bytes == bytes) }
    if let name = AsideName("." + bytes.prefix(300) + ".new-20261128T201530Z-0123456789abcdef") { #expect(AsideName(name.bytes) == name) }
  }
}
