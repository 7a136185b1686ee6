import Testing

@testable import RootlessStorage

@Suite struct BytesTests {
  @Test func `numbers are read only when they are nothing but digits and fit`() {
    #expect(number(Array("18446744073709551615".utf8)) == UInt64.max)
    #expect(number(Array("18446744073709551616".utf8)) == nil)
    #expect(identifier(Array("4294967295".utf8)) == UInt32.max)
    #expect(identifier(Array("4294967296".utf8)) == nil)
    for bad in ["", "-1", "+1", " 1", "1 ", "0x1", "1.0"] { #expect(number(Array(bad.utf8)) == nil) }
  }
}
