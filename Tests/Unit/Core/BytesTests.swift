import Testing

@testable import RootlessStorage

@Suite struct BytesTests {
  @Test func `numbers are read only when they are nothing but digits and fit`() {
    #expect(decimalValue(Array("18446744073709551615".utf8)) == UInt64.max)
    #expect(decimalValue(Array("18446744073709551616".utf8)) == nil)
    #expect(identifier(Array("4294967295".utf8)) == UInt32.max)
    #expect(identifier(Array("4294967296".utf8)) == nil)
    for bad in ["", "-1", "+1", " 1", "1 ", "0x1", "1.0"] { #expect(decimalValue(Array(bad.utf8)) == nil) }
  }

  @Test func `what is written as a number is read as the same`() {
    for value: UInt64 in [0, 1, 9, 10, 1000, 4_294_967_295, UInt64.max] { #expect(shown(decimal(value)) == "\(value)") }
    for value: UInt64 in [0, 7, 10, 99, UInt64.max] { #expect(decimalValue(decimal(value)) == value) }
    #expect([0, 0o7, 0o700, 0o1777, 0o7777, 0o12345].map { shown(octal($0)) } == ["0000", "0007", "0700", "1777", "7777", "12345"])
  }

  @Test func `words are between blanks, parts between separators`() {
    #expect(words(bytes(" a\t\tb  c ")).map(shown) == ["a", "b", "c"])
    #expect(words(bytes(" \t ")).isEmpty)
    #expect(parts(bytes(",a,,b,"), separator: { $0 == 0x2c }).map(shown) == ["", "a", "", "b", ""])
    #expect(parts(bytes(""), separator: { $0 == 0x2c }).map(shown) == [""])
  }

  @Test func `a word is one of a list's only whole`() {
    for word in ["nfs", "nfs4", "9p"] { #expect(isWord(bytes(word), of: "nfs nfs4 9p")) }
    for word in ["", "n", "nf", "nfs44", "fs", "9", "p", "nfs nfs4", "nfs ", " nfs", "9p "] {
      #expect(!isWord(bytes(word), of: "nfs nfs4 9p"), "\(word)")
    }
    #expect(!isWord(bytes("a"), of: ""))
  }

  @Test func `a beginning is compared byte by byte`() {
    #expect(begins("abc", with: "ab") && begins("ab", with: "ab") && begins("ab", with: []))
    #expect(!begins("a", with: "ab") && !begins("b", with: "ab") && !begins([], with: "a"))
  }
}
