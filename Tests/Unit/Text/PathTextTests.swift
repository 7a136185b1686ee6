import Foundation
import RootlessStorage
import Testing

@testable import rootless_storage

@Suite struct PathTextTests {
  @Test func `a path is sent between processes as its bytes alone`() throws {
    let path = Path([0x2f, 0x61, 0xff])
    #expect(try JSONEncoder().encode(path) == Data("[47,97,255]".utf8))
    #expect(try JSONDecoder().decode(Path.self, from: Data("[47,97,255]".utf8)) == path)
  }

  @Test func `the directories above a path end at the root, and those of a relative one are not known`() {
    #expect(("/a/b/c" as Path).lineage == ["/a/b/c", "/a/b", "/a", "/"])
    #expect(("/" as Path).lineage == ["/"])
    #expect(("a/b" as Path).lineage == ["a/b"] && ("" as Path).lineage == [""])
  }

  @Test func `a path is shown as its bytes are`() {
    let path = Path([0x2f, 0x61, 0x20, 0x0a])
    #expect(rootless_storage.shown(path) == "/a \\012" && shellWord(path) == "$'/a \\012'" && string(path) == "/a \n")
    #expect(String(decoding: path) == "/a \n")
  }
}
