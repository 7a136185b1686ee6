import Testing

@testable import RootlessStorage

@Suite struct PathTests {
  @Test(
    arguments: [
      ("", []), ("/", []), ("a", ["a"]), ("/a/b", ["a", "b"]), ("//a///b//", ["a", "b"]), ("./a/./b/.", ["a", "b"]),
      ("a/../b", ["a", "..", "b"]),
      ("/...", ["..."]),
    ] as [(String, [String])])
  func `a path has components, and neither empty ones nor dots`(path: String, expected: [String]) {
    #expect(Path(path).components.map { shown($0) } == expected)
  }

  @Test(
    arguments: [
      ("/", "a", "/a"), ("/", "a/b", "/a/b"), ("/a", "b", "/a/b"), ("/a/b", "c/d", "/a/b/c/d"), ("", "a", "a"), ("", "a/b", "a/b"),
      ("a", "b", "a/b"), ("/a", "", "/a"), ("/", "", "/"), ("", "", ""),
    ] as [(Path, Path, Path)])
  func `a name or a relative path leads on from a directory, from the root without a second slash`(
    directory: Path, relative: Path, whole: Path
  ) {
    #expect(directory / relative == whole)
    #expect(directory / relative.bytes == whole)
  }

  @Test(
    arguments: [
      ("/a/b", "/a", "b"), ("/a", "/", "a"), ("/", "/", ""), ("a/b", "a", "b"), ("a", "", "a"), ("", "", ""), ("/a/b/", "/a/b", ""),
      ("/a/.b", "/a", ".b"),
    ] as [(Path, Path, [UInt8])])
  func `a path lies in a directory, and has a name there`(path: Path, parent: Path, name: [UInt8]) {
    #expect(path.parent == parent)
    #expect(path.name == name)
  }

  @Test func `a path is made of the directory that it lies in and its name`() {
    for path: Path in ["/a/b", "/a", "a", "a/b/c", "/a/.b", "/"] { #expect(path.parent / path.name == path) }
  }

  @Test func `the absolute path of components is read as the same`() {
    for names: [[UInt8]] in [[], ["a"], ["a", "b", "..."]] { #expect(Path(absolute: names).components == names) }
    #expect(Path(absolute: []) == "/")
    #expect(Path(absolute: ["a", "b"]) == "/a/b")
  }

  @Test func `a path is absolute or relative`() {
    for path: Path in ["/", "/a", "//"] { #expect(path.isAbsolute && !path.isEmpty) }
    for path: Path in ["a", ".", "a/b"] { #expect(!path.isAbsolute && !path.isEmpty) }
    #expect(("" as Path).isEmpty && !("" as Path).isAbsolute)
  }

  @Test func `a path is at or below a directory by whole components`() {
    for (path, directory): (Path, Path) in [
      ("/a", "/a"), ("/a/b", "/a"), ("/a/b/c", "/a"), ("/a", "/"), ("/", "/"), ("a/b", "a"),
    ] {
      #expect(path.isAtOrBelow(directory), "\(path) \(directory)")
    }
    for (path, directory): (Path, Path) in [("/ab", "/a"), ("/a", "/a/b"), ("/b/a", "/a"), ("a", "/a"), ("a", "/"), ("/a", "a")] {
      #expect(!path.isAtOrBelow(directory), "\(path) \(directory)")
    }
  }

  @Test func `paths are in byte order`() {
    #expect((["/b", "/a/b", "/a", "/B", "/a-b", "/ä"] as [Path]).sorted() == ["/B", "/a", "/a-b", "/a/b", "/b", "/ä"])
  }

  @Test func `a literal has the bytes that it is written with`() {
    #expect(("/ä\u{7f}" as Path).bytes == [0x2f, 0xc3, 0xa4, 0x7f])
    #expect(("/" as Path).bytes == [0x2f])
    #expect(("" as Path).bytes == [])
  }
}
