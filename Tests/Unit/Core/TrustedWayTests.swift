import Testing

@testable import RootlessStorage

private var mounts: MountTable { MountTable(blockDeviceIsLocal: true) }

/// Where a way leads: the content of the file, or what is in the directory.
private func content(_ path: Path, _ rule: WayRule) throws(PathError) -> String {
  let end = try walk(toFile: path, rule, mounts)
  do throws(Errno) { return shown(try readAll(end.descriptor, limit: 4096)) } catch { return "unreadable" }
}

private func mark(_ path: Path, _ rule: WayRule) throws(PathError) -> String {
  let end = try walk(toDirectory: path, rule, mounts)
  do throws(Errno) { return shown(try readAll(try open(at: end.descriptor, "mark", .reading), limit: 4096)) } catch { return "unmarked" }
}

/// What holds for anybody, whoever owns the way.
@Suite struct WayTests {
  private let place = TestDirectory()

  @Test func `a file is found through directories`() throws {
    place.directory("a/b")
    place.file("a/b/f", "found")
    for path in ["a/b/f", "a//b/./f", "a/b/../b/f", "a/b/f/", "./a/b/f/."] as [[UInt8]] {
      #expect(try content(place(path), .any) == "found")
    }
  }

  @Test(
    arguments: [
      ("none", "none", .missing), ("a/none/f", "a/none", .missing), ("a/f/g", "a/f", .notDirectory), ("a", "a", .notRegular),
      ("fifo", "fifo", .notRegular), ("toFifo", "fifo", .notRegular),
      ("a/" + repeated("x", 256), "a/" + repeated("x", 256), .failed(.nameTooLong)),
      ("dangling", "nowhere", .failed(.noEntry)), ("dangling/f", "nowhere", .failed(.noEntry)), ("toFile/g", "a/f", .notDirectory),
      ("loop", "loop", .tooManySymbolicLinks), ("loop/f", "loop", .tooManySymbolicLinks), ("ring1/f", "ring1", .tooManySymbolicLinks),
    ] as [([UInt8], [UInt8], PathError.Reason)])
  func `what is wrong is told with the component at fault`(path: [UInt8], fault: [UInt8], reason: PathError.Reason) {
    place.directory("a")
    place.file("a/f")
    place.fifo("fifo")
    place.link("toFifo", to: "fifo")
    place.link("dangling", to: "nowhere")
    place.link("toFile", to: "a/f")
    place.link("loop", to: "loop")
    place.link("ring1", to: "ring2")
    place.link("ring2", to: place("ring1"))
    #expect(throws: PathError(path: place(fault), reason: reason)) { try content(place(path), .any) }
  }

  @Test(arguments: ["fifo", "f"] as [[UInt8]]) func `what is no directory is refused as the end of a way to one`(name: [UInt8]) {
    place.fifo("fifo")
    place.file("f")
    #expect(throws: PathError(path: place(name), reason: .notDirectory)) { try mark(place(name), .any) }
  }

  @Test func `links are followed, absolute and relative, through links again`() throws {
    place.directory("a/b")
    place.file("a/b/mark", "b")
    place.file("a/mark", "a")
    place.link("relative", to: "a/b")
    place.link("absolute", to: place("a/b"))
    place.link("again", to: "./relative/../b/.")
    place.link("a/up", to: "..")
    for path in ["relative", "absolute", "again", "a/up/absolute", "a/up/a/up/again"] as [[UInt8]] {
      #expect(try mark(place(path), .any) == "b", "\(shown(path))")
      #expect(try content(place(path + "/mark"), .any) == "b", "\(shown(path))")
    }
    // `..` is the directory that holds the target, as for the kernel, not the one that holds the link.
    #expect(try mark(place("relative/.."), .any) == "a")
    #expect(try content(place("absolute/../mark"), .any) == "a")
  }

  @Test func `forty links are followed in all, and no more`() throws {
    place.file("l0", "end")
    for number in 1...41 { place.link("l" + decimal(UInt64(number)), to: Path("l" + decimal(UInt64(number - 1)))) }
    #expect(try content(place("l40"), .any) == "end")
    #expect(throws: PathError(path: place("l1"), reason: .tooManySymbolicLinks)) { try content(place("l41"), .any) }
    place.directory("d")
    place.link("d/self", to: ".")
    place.file("d/mark", "d")
    #expect(try mark(place("d" + repeated("/self", 40)), .any) == "d")
    #expect(throws: PathError.self) { try mark(place("d" + repeated("/self", 41)), .any) }
  }

  @Test func `nobody climbs above the root`() throws {
    place.file("f", "found")
    #expect(try content(Path(repeated("/..", 50) + place("f").bytes), .any) == "found")
    _ = try walk(toDirectory: "/", .any, mounts)
    _ = try walk(toDirectory: "", .any, mounts)
  }
}

/// What needs files of root's, and of others.
@Suite(.enabled(if: isRoot, "needs root"), .serialized) struct TrustedWayTests {
  private let place = TestDirectory()
  private let other: UInt32 = 12_345

  @Test(
    arguments: [
      (0o755, true, true), (0o700, true, true), (0o711, true, true), (0o555, true, true), (0o775, false, false), (0o757, false, false),
      (0o777, false, false), (0o720, false, false), (0o702, false, false), (0o2775, false, false), (0o1777, false, true),
      (0o1775, false, true),
      (0o1757, false, true), (0o1755, true, true),
    ] as [(UInt32, Bool, Bool)])
  func `a directory that others can write to is refused, and the sticky bit helps only on the way to the storage`(
    mode: UInt32, trusted: Bool, storage: Bool
  ) {
    place.directory("d/e")
    place.file("d/e/mark", "m")
    place.setMode("d", mode)
    let refusal = PathError(path: place("d"), reason: .writableByOthers(mode: mode))
    for (rule, passes) in [(WayRule.trusted, trusted), (.storage, storage), (.any, true)] {
      for path in ["d", "d/e"] as [[UInt8]] {
        let result = Result { () throws(PathError) -> String in
          _ = try walk(toDirectory: place(path), rule, mounts)
          return try content(place("d/e/mark"), rule)
        }
        #expect(result == (passes ? .success("m") : .failure(refusal)), "\(rule) \(shown(path))")
      }
    }
  }

  @Test(arguments: [WayRule.trusted, .storage]) func `a directory that is not root's is refused, whatever its mode`(rule: WayRule) throws {
    place.directory("d/e", mode: 0o700)
    place.setMode("d", 0o1755)
    place.setOwner("d", other)
    for path in ["d", "d/e"] as [[UInt8]] {
      #expect(throws: PathError(path: place("d"), reason: .ownedBy(other))) { try mark(place(path), rule) }
    }
    _ = try walk(toDirectory: place("d/e"), .any, mounts)
  }

  @Test(arguments: [WayRule.trusted, .storage]) func `the last directory is judged as every other`(rule: WayRule) {
    place.directory("d/e", mode: 0o777)
    #expect(throws: PathError(path: place("d/e"), reason: .writableByOthers(mode: 0o777))) { try mark(place("d/e"), rule) }
    place.setMode("d/e", 0o755)
    place.setOwner("d/e", other)
    #expect(throws: PathError(path: place("d/e"), reason: .ownedBy(other))) { try mark(place("d/e"), rule) }
  }

  @Test(arguments: [WayRule.trusted, .storage]) func `a link is followed only if it is root's, wherever it stands`(rule: WayRule) throws {
    place.directory("d")
    place.file("d/mark", "m")
    place.link("l", to: "d")
    place.link("f", to: "d/mark")
    #expect(try mark(place("l"), rule) == "m")
    #expect(try content(place("f"), rule) == "m")
    #expect(try content(place("l/mark"), rule) == "m")
    place.setOwner("l", other)
    place.setOwner("f", other)
    #expect(throws: PathError(path: place("l"), reason: .linkOwnedBy(other))) { try mark(place("l"), rule) }
    #expect(throws: PathError(path: place("l"), reason: .linkOwnedBy(other))) { try content(place("l/mark"), rule) }
    #expect(throws: PathError(path: place("f"), reason: .linkOwnedBy(other))) { try content(place("f"), rule) }
    #expect(try mark(place("l"), .any) == "m")
  }

  @Test(arguments: [WayRule.trusted, .storage]) func `a link's target is under the same rules`(rule: WayRule) {
    place.directory("d/e")
    place.file("d/e/mark", "m")
    place.link("relative", to: "d/e")
    place.link("absolute", to: place("d/e"))
    place.link("up", to: "d/e/../e")
    place.setMode("d", 0o777)
    for name in ["relative", "absolute", "up"] as [[UInt8]] {
      #expect(throws: PathError(path: place("d"), reason: .writableByOthers(mode: 0o777))) { try mark(place(name), rule) }
    }
  }

  @Test(
    arguments: [(0o664, false), (0o646, false), (0o666, false), (0o1666, false), (0o644, true), (0o600, true), (0o444, true)]
      as [(UInt32, Bool)])
  func `a file that others can write to is refused`(mode: UInt32, passes: Bool) {
    place.file("f", "m", mode: mode)
    let result = Result { () throws(PathError) in try content(place("f"), .trusted) }
    #expect(result == (passes ? .success("m") : .failure(PathError(path: place("f"), reason: .writableByOthers(mode: mode)))))
  }

  @Test func `a file that is not root's is refused`() throws {
    place.file("f", "m")
    place.setOwner("f", other)
    #expect(throws: PathError(path: place("f"), reason: .ownedBy(other))) { try content(place("f"), .trusted) }
    #expect(try content(place("f"), .any) == "m")
  }

  @Test func `a missing file in a place that others can write to is not simply missing`() {
    place.directory("d", mode: 0o1777)
    #expect(throws: PathError(path: place("d"), reason: .writableByOthers(mode: 0o1777))) {
      try readSettings(place("d/f"), trusted: true, mounts)
    }
  }
}
