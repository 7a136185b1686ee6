import Testing

@testable import RootlessStorage

@Suite struct TemporaryNameTests {
  private func name(_ host: [UInt8], number: UInt32 = 42, started: UInt64 = 1234, index: UInt32 = 1) -> TemporaryName {
    TemporaryName(process: ProcessStamp(number: number, started: started), index: index, host: host)
  }

  @Test(arguments: [
    ("node7", ".rootless-storage.42.1234.1.node7"), ("node7.example.org", ".rootless-storage.42.1234.1.node7.example.org"),
    ("", ".rootless-storage.42.1234.1."), ("..", ".rootless-storage.42.1234.1..."), ("a/b", ".rootless-storage.42.1234.1.a_b"),
    ("../../etc/passwd", ".rootless-storage.42.1234.1..._.._etc_passwd"), ("ä", ".rootless-storage.42.1234.1.__"),
    ("a\n\0\u{1b}b c", ".rootless-storage.42.1234.1.a___b_c"), ("A-Z_9", ".rootless-storage.42.1234.1.A-Z_9"),
  ])
  func `a name says process, start, number and host, and is one harmless component`(host: String, expected: String) {
    #expect(shown(name(bytes(host)).bytes) == expected)
  }

  @Test(arguments: ["node7", "node7.example.org", "", ".", "..", "a..b.", "1.2.3", "_", "ä", "a/b", "\0\n"] as [[UInt8]] + hostileBytes)
  func `what is written is read again`(host: [UInt8]) {
    for (number, started, index) in [(1, 0, 0), (42, 1234, 1), (UInt32.max, UInt64.max, UInt32.max)] as [(UInt32, UInt64, UInt32)] {
      let written = name(host, number: number, started: started, index: index)
      #expect(TemporaryName(written.bytes) == written)
      #expect(written.bytes.count <= 255 && !written.bytes.contains(0x2f) && isPrintable(written.bytes))
    }
  }

  @Test(
    arguments: [
      "", ".", "..", "storage.conf", ".rootless-storage", ".rootless-storage.", ".rootless-storage.1", ".rootless-storage.1.2",
      ".rootless-storage.1.2.3",
      "rootless-storage.1.2.3.host", "x.rootless-storage.1.2.3.host", ".rootless-storage.x.2.3.host", ".rootless-storage.1.x.3.host",
      ".rootless-storage.1.2.x.host", ".rootless-storage.-1.2.3.host", ".rootless-storage.+1.2.3.host", ".rootless-storage. 1.2.3.host",
      ".rootless-storage.01.2.3.host", ".rootless-storage.1.02.3.host", ".rootless-storage.1.2.03.host", ".rootless-storage..2.3.host",
      ".rootless-storage.4294967296.2.3.host", ".rootless-storage.1.18446744073709551616.3.host", ".rootless-storage.1.2.4294967296.host",
      ".rootless-storage.1.2.3.a b", ".rootless-storage.1.2.3.a/b", ".rootless-storage.1.2.3.ä", ".rootless-storage.1.2.3.a\n",
      ".Rootless-storage.1.2.3.host",
      ".rootless-storage.1.2.3." + repeated("h", 65), ".rootless-storage.1.2.3." + repeated("h", 100_000), ".rootless-storage.1.2.3.a\0",
    ] as [[UInt8]])
  func `a name of any other form is not ours`(other: [UInt8]) { #expect(TemporaryName(other) == nil) }

  struct Case: Sendable, CustomTestStringConvertible {
    let host: [UInt8]
    let age: Int64
    let gone: Bool
    let expected: Bool
    var testDescription: String { "\(shown(host)) \(age) s \(gone ? "gone" : "alive")" }
  }

  @Test(arguments: [
    Case(host: "here", age: 0, gone: true, expected: true), Case(host: "here", age: -100, gone: true, expected: true),
    Case(host: "here", age: 1_000_000, gone: true, expected: true), Case(host: "here", age: 0, gone: false, expected: false),
    Case(host: "here", age: 3601, gone: false, expected: false), Case(host: "here", age: Int64.max, gone: false, expected: false),
    Case(host: "there", age: 0, gone: true, expected: false), Case(host: "there", age: -1, gone: true, expected: false),
    Case(host: "there", age: Int64.min, gone: true, expected: false), Case(host: "there", age: 3600, gone: true, expected: false),
    Case(host: "there", age: 3601, gone: true, expected: true), Case(host: "there", age: 3601, gone: false, expected: true),
    Case(host: "here.", age: 0, gone: true, expected: false), Case(host: "HERE", age: 0, gone: true, expected: false),
    Case(host: "", age: 0, gone: true, expected: false),
  ])
  func `the same host's dead ones are leftovers at once, other hosts' after an hour`(row: Case) {
    var asked: [ProcessStamp] = []
    let leftover = name(row.host).isLeftover(onHost: "here", age: row.age) { process in
      asked.append(process)
      return row.gone
    }
    #expect(leftover == row.expected)
    // Another host's numbers say nothing about this one's processes.
    #expect(asked == (row.host == "here" ? [ProcessStamp(number: 42, started: 1234)] : []))
  }

  @Test func `a host with an odd name knows its own`() {
    let odd = repeated("ä b/", 100)
    #expect(name(odd).isLeftover(onHost: odd, age: 0) { _ in true })
    #expect(!name(odd).isLeftover(onHost: odd, age: 1_000_000) { _ in false })
  }
}
