import Testing

@testable import RootlessStorage

@Suite struct SettingsReaderTests {
  private let place = TestDirectory()
  private let mounts = MountTable(blockDeviceIsLocal: true)

  @Test func `a missing file means the defaults, and so does a missing directory`() throws {
    for path in ["none", "none/none"] as [[UInt8]] {
      let reading = try readSettings(place(path), trusted: false, mounts)
      #expect(reading.settings == Settings())
      #expect(reading.problems == [])
    }
  }

  @Test func `a link that leads nowhere is no missing file`() {
    place.link("dangling", to: "nowhere")
    #expect(throws: PathError(path: place("nowhere"), reason: .failed(.noEntry))) {
      try readSettings(place("dangling"), trusted: false, mounts)
    }
  }

  @Test func `a file is read, and its problems are told`() throws {
    place.file("f", "uid_min = 500\ncolour = red\n")
    place.link("l", to: "f")
    for path in ["f", "l"] as [[UInt8]] {
      let reading = try readSettings(place(path), trusted: isRoot, mounts)
      #expect(reading.settings.uidMin == 500)
      #expect(reading.problems == [SettingsProblem(file: place(path), line: 2, reason: .unknownKey("colour"))])
    }
  }

  @Test func `drop-ins count after the file, in byte order, and name their own lines`() throws {
    place.directory("conf.d")
    place.file("f", "uid_min = 500\norphan_days = 5\nuid_max = 9000\n")
    place.file("conf.d/b.conf", "orphan_days = 30\n\ncolour = red\n")
    place.file("conf.d/B.conf", "orphan_days = 20\ndirectory_mode = 0711\nskel = x\n")
    place.file("conf.d/10.conf", "directory_mode = 0700\nskel = /x")
    let reading = try readSettings(place("f"), trusted: isRoot, mounts)
    #expect(reading.files.map(\.path) == [place("f"), place("conf.d/10.conf"), place("conf.d/B.conf"), place("conf.d/b.conf")])
    #expect(reading.settings.uidMin == 500 && reading.settings.uidMax == 9000)
    #expect(reading.settings.orphanDays == 30)
    #expect(reading.settings.directoryMode == 0o711)
    // The later line does not hold, and leaves the default.
    #expect(reading.settings.skeleton == Settings.defaultSkeleton)
    #expect(reading.settings.subordinateIDs.isUncertain)
    #expect(
      reading.problems == [
        SettingsProblem(file: place("conf.d/B.conf"), line: 3, reason: .badPath(key: "skel", value: "x", .notAbsolute)),
        SettingsProblem(file: place("conf.d/b.conf"), line: 3, reason: .unknownKey("colour")),
      ])
    // Without the file itself they count too.
    #expect(try readSettings(place("none"), trusted: isRoot, mounts).settings.orphanDays == 30)
    #expect(try readSettings(alone: place("f")).settings.orphanDays == 5)
  }

  @Test func `an empty range is told where uid_max stands`() throws {
    place.directory("conf.d")
    place.file("f", "\nuid_max = 10\n")
    place.file("conf.d/a.conf", "uid_min = 500")
    #expect(
      try readSettings(place("f"), trusted: isRoot, mounts).problems == [
        SettingsProblem(file: place("f"), line: 2, reason: .rangeIsEmpty(min: 500, max: 10))
      ])
  }

  @Test func `what editors and packages leave among the drop-ins is not read`() throws {
    place.directory("conf.d")
    let names: [[UInt8]] = [
      ".a.conf", ".conf", "a.conf~", "a.conf.rpmnew", "a.conf.rpmsave", "a.conf.rpmorig", "a.conf.dpkg-dist", "a.conf.dpkg-old",
      "a.conf.dpkg-new", "a.conf.bak", "a.conf.new",
      ".a.conf.swp", "#a.conf#", "a.CONF", "a", "README", "conf",
    ]
    for name in names { place.file("conf.d/" + name, "uid_min = 1\n") }
    let reading = try readSettings(place("f"), trusted: isRoot, mounts)
    #expect(reading.settings == Settings() && reading.files == [])
  }

  @Test func `64 drop-ins are read, and one more is refused, as is too long a directory`() throws {
    place.directory("conf.d")
    for number in 10..<74 { place.file(bytes("conf.d/\(number).conf"), bytes("orphan_days = \(number)\n")) }
    #expect(try readSettings(place("f"), trusted: isRoot, mounts).settings.orphanDays == 73)
    place.file("conf.d/74.conf", "")
    #expect(throws: PathError(path: place("conf.d"), reason: .tooManyFiles)) { try readSettings(place("f"), trusted: isRoot, mounts) }
    place.delete("conf.d/74.conf")
    for number in 0..<961 { place.file(bytes("conf.d/x\(number)"), "") }
    #expect(throws: PathError(path: place("conf.d"), reason: .tooManyFiles)) { try readSettings(place("f"), trusted: isRoot, mounts) }
  }

  @Test func `a drop-in that is no good file refuses all of them`() throws {
    place.directory("conf.d")
    place.file("conf.d/a.conf", "uid_min = 500\n")
    place.fifo("conf.d/b.conf")
    #expect(throws: PathError(path: place("conf.d/b.conf"), reason: .notRegular)) { try readSettings(place("f"), trusted: isRoot, mounts) }
    place.delete("conf.d/b.conf")
    place.file("conf.d/b.conf", [UInt8](repeating: 0x0a, count: 65537))
    #expect(throws: PathError(path: place("conf.d/b.conf"), reason: .tooLarge)) { try readSettings(place("f"), trusted: isRoot, mounts) }
    place.delete("conf.d/b.conf")
    place.link("conf.d/b.conf", to: "nowhere")
    #expect(throws: PathError(path: place("conf.d/nowhere"), reason: .failed(.noEntry))) {
      try readSettings(place("f"), trusted: isRoot, mounts)
    }
    place.delete("conf.d/b.conf")
    // A file in the directory's place.
    place.delete("conf.d/a.conf")
    place.delete("conf.d")
    place.file("conf.d", "")
    #expect(throws: PathError(path: place("conf.d"), reason: .notDirectory)) { try readSettings(place("f"), trusted: isRoot, mounts) }
    place.delete("conf.d")
    place.link("conf.d", to: "nowhere")
    #expect(throws: PathError(path: place("nowhere"), reason: .failed(.noEntry))) { try readSettings(place("f"), trusted: isRoot, mounts) }
  }

  @Test(.enabled(if: isRoot, "needs root")) func `for root the directory of drop-ins, and every one, must be root's alone`() throws {
    place.directory("conf.d", mode: 0o777)
    #expect(throws: PathError(path: place("conf.d"), reason: .writableByOthers(mode: 0o777))) {
      try readSettings(place("f"), trusted: true, mounts)
    }
    #expect(try readSettings(place("f"), trusted: false, mounts).settings == Settings())
    place.delete("conf.d")
    place.directory("conf.d")
    place.file("conf.d/a.conf", "uid_min = 500\n", mode: 0o646)
    #expect(throws: PathError(path: place("conf.d/a.conf"), reason: .writableByOthers(mode: 0o646))) {
      try readSettings(place("f"), trusted: true, mounts)
    }
  }

  @Test func `what is no regular file is refused, and nobody waits for it`() {
    place.fifo("fifo")
    place.directory("d")
    place.link("l", to: "fifo")
    for (path, fault) in [("fifo", "fifo"), ("d", "d"), ("l", "fifo")] as [([UInt8], [UInt8])] {
      #expect(throws: PathError(path: place(fault), reason: .notRegular)) { try readSettings(place(path), trusted: false, mounts) }
    }
    #expect(throws: PathError(path: "/dev/null", reason: .notRegular)) { try readSettings("/dev/null", trusted: false, mounts) }
    #expect(throws: PathError(path: "/", reason: .notRegular)) { try readSettings("/", trusted: false, mounts) }
  }

  @Test func `a file may have 64 KiB`() throws {
    let line: [UInt8] = "uid_min = 500\n"
    place.file("f", [UInt8](repeating: 0x0a, count: 65536 - line.count) + line)
    #expect(try readSettings(place("f"), trusted: false, mounts).settings.uidMin == 500)
    place.file("g", [UInt8](repeating: 0x0a, count: 65537))
    #expect(throws: PathError(path: place("g"), reason: .tooLarge)) { try readSettings(place("g"), trusted: false, mounts) }
    // A size that lies does not help.
    #expect(throws: PathError.self) { try readSettings("/proc/self/pagemap", trusted: false, mounts) }
  }

  @Test(.enabled(if: isRoot, "needs root")) func `for root the file must be root's alone`() {
    place.file("f", "uid_min = 500\n", mode: 0o666)
    #expect(throws: PathError(path: place("f"), reason: .writableByOthers(mode: 0o666))) {
      try readSettings(place("f"), trusted: true, mounts)
    }
  }
}

@Suite struct SkeletonReaderTests {
  private let place = TestDirectory()
  private let mounts = MountTable(blockDeviceIsLocal: true)

  private func read() throws(PathError) -> SkeletonReader { try SkeletonReader(place.path, trusted: isRoot, mounts) }

  @Test func `every regular file is read, in byte order, with its path, mode and content`() throws {
    place.directory(".config/docker", mode: 0o700)
    place.directory("empty/empty")
    place.file(".config/docker/daemon.json", "{}", mode: 0o755)
    place.file(".config/b", [0, 0xff], mode: 0o600)
    place.file("Z")
    place.file("a")
    place.file([0xff, 0x0a, 0x20], "odd")
    let reader = try read()
    #expect(
      reader.files == [
        SkeletonFile(path: ".config/b", mode: 0o600, content: [0, 0xff]),
        SkeletonFile(path: ".config/docker/daemon.json", mode: 0o644, content: "{}"),
        SkeletonFile(path: "Z", mode: 0o644, content: []), SkeletonFile(path: "a", mode: 0o644, content: []),
        SkeletonFile(path: Path([0xff, 0x0a, 0x20]), mode: 0o644, content: "odd"),
      ])
    #expect(reader.warnings == [])
  }

  @Test func `an empty skeleton has no files`() throws { #expect(try read().files == []) }

  @Test func `links and special files are left out with a warning, and never opened`() throws {
    place.file("a", "a")
    place.link("b", to: "a")
    place.link("c", to: "nowhere")
    place.link("d", to: "..")
    place.fifo("e")
    let reader = try read()
    #expect(reader.files.map { shown($0.path) } == ["a"])
    #expect(
      reader.warnings == [
        SkeletonWarning(path: "b", reason: .symbolicLink), SkeletonWarning(path: "c", reason: .symbolicLink),
        SkeletonWarning(path: "d", reason: .symbolicLink), SkeletonWarning(path: "e", reason: .special),
      ])
  }

  @Test func `a file may have 64 KiB, one more is left out`() throws {
    place.file("a", [UInt8](repeating: 0x61, count: 65536))
    place.file("b", [UInt8](repeating: 0x62, count: 65537))
    place.file("c")
    let reader = try read()
    #expect(reader.files.map(\.content.count) == [65536, 0])
    #expect(reader.warnings == [SkeletonWarning(path: "b", reason: .tooLarge)])
  }

  @Test func `sixty-four files are taken, one more is left out`() throws {
    for number in 100..<164 as Range<UInt64> { place.file(decimal(number)) }
    #expect(try read().files.count == 64)
    #expect(try read().warnings == [])
    place.file("164")
    let reader = try read()
    #expect(reader.files.map { shown($0.path) } == (100..<164).map { String($0) })
    #expect(reader.warnings == [SkeletonWarning(path: "164", reason: .tooManyFiles)])
  }

  @Test func `a path may be eight deep, not nine`() throws {
    place.directory("1/2/3/4/5/6/7/8")
    place.file("1/2/3/4/5/6/7/f")
    place.file("1/2/3/4/5/6/7/8/f")
    let reader = try read()
    #expect(reader.files.map { shown($0.path) } == ["1/2/3/4/5/6/7/f"])
    #expect(reader.warnings == [SkeletonWarning(path: "1/2/3/4/5/6/7/8", reason: .tooDeep)])
  }

  @Test func `a path may have 1024 bytes`() throws {
    let component = repeated("d", 255)
    let directory: [UInt8] = Array([component, component, component].joined(separator: [.slash]))
    place.directory(directory)
    place.file(directory + "/" + repeated("f", 255))
    place.directory(directory + "/" + repeated("e", 255))
    place.file(directory + "/" + repeated("e", 255) + "/f")
    let reader = try read()
    #expect(reader.files.map(\.path.bytes.count) == [1023])
    #expect(reader.warnings.map(\.reason) == [.nameTooLong])
    #expect(reader.warnings.map(\.path.bytes.count) == [1025])
  }

  @Test func `of a directory with too many entries some are looked at, and the warnings are bounded`() throws {
    for number in 0..<1030 as Range<UInt64> { place.link(decimal(number), to: "x") }
    let reader = try read()
    #expect(reader.files == [])
    #expect(reader.warnings.first == SkeletonWarning(path: "", reason: .tooManyEntries))
    #expect(reader.warnings.count == 17)
    #expect(reader.warnings.last?.reason == .unlisted)
  }

  @Test func `a skeleton that is missing, or no directory, is a problem`() {
    place.file("f")
    #expect(throws: PathError(path: place("none"), reason: .missing)) { try SkeletonReader(place("none"), trusted: false, mounts) }
    #expect(throws: PathError(path: place("f"), reason: .notDirectory)) { try SkeletonReader(place("f"), trusted: false, mounts) }
  }

  @Test(.enabled(if: isRoot, "needs root"), arguments: ["d", "d/f"] as [[UInt8]])
  func `for root, one thing that is not root's alone makes the whole skeleton refused`(name: [UInt8]) throws {
    place.file("a")
    place.directory("d")
    place.file("d/f")
    let mode: UInt32 = name == "d" ? 0o1777 : 0o664
    place.setMode(name, mode)
    #expect(throws: PathError(path: place(name), reason: .writableByOthers(mode: mode))) { try read() }
    #expect(try SkeletonReader(place.path, trusted: false, mounts).files.count == 2)
    place.setMode(name, 0o755)
    place.setOwner(name, 12_345)
    #expect(throws: PathError(path: place(name), reason: .ownedBy(12_345))) { try read() }
  }
}
