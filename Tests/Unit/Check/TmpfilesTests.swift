import Testing

@testable import RootlessStorage
@testable import rootless_storage

private let shippedFile = Path("\(projectDirectory)/packaging/tmpfiles.d/rootless-storage.conf")

@Suite struct TmpfilesLineTests {
  private func line(_ text: String) -> String? {
    TmpfilesLine(bytes(text), file: "f", number: 1).map { line in
      "\(Character(Unicode.Scalar(line.type)))\(line.isForBoot ? "!" : "") \(shown(line.path)) \(line.age.map { shown($0) } ?? "-")"
    }
  }

  @Test(arguments: [
    ("q /var/tmp 1777 root root 30d", "q /var/tmp 30d"), ("x /var/tmp/*/containers", "x /var/tmp/*/containers -"),
    ("d /a// 0755 root root -", "d /a -"),
    ("d\t/a/./b - - - 0", "d /a/b 0"), ("D! /tmp 1777 root root ~10d", "D! /tmp 10d"),
    ("e /a - - - aAm:1w2d argument \"that need not fit", "e /a 1w2d"),
    ("d \"/a b\" - - - '1d'", "d /a b 1d"), ("d /a\\x20b - - - 1d", "d /a b 1d"), ("d %V/%U%% - - - 1d", "d /var/tmp/0% 1d"),
    ("d /a - - - infinity", "d /a -"),
    ("f /a - - - 1d", "f /a -"), ("x /a - - - 1d", "x /a 1d"), ("C+ /a - - - 1d /b", "C /a 1d"),
  ])
  func `lines that hold`(text: String, expected: String) { #expect(line(text) == expected) }

  @Test(arguments: [
    "", "d", "d a", "y /a", "d /%H - - - 1d", "d \"/a", "d /a\\", "d /a\\q", "d /a - - - soon", "d /a - - - :1d", "d /a - - - z:1d",
    "d, /a", "d /a%", "d /a\\x00b - - - 1d", "d /a\u{0}b - - - 1d",
  ])
  func `lines that systemd does not take, or that cannot concern us`(text: String) { #expect(line(text) == nil) }

  @Test func `nothing traps`() {
    for content in hostileBytes {
      _ = Tmpfiles.lines(content, "f")
      _ = TmpfilesLine("d /" + content + " - - - " + content, file: "f", number: 1)
    }
  }
}

@Suite struct TmpfilesTests {
  private let place = TestDirectory()
  private let rhel = "q /tmp 1777 root root 10d\nq /var/tmp 1777 root root 30d\n"
  private var shipped: String {
    get throws { String(decoding: try readAll(try open(path: shippedFile, .reading), limit: 65536), as: UTF8.self) }
  }

  private func host(_ files: [String: String]) -> Tmpfiles? {
    place.put("usr/bin/systemd-tmpfiles", "")
    for (name, content) in files { place.put(name, content) }
    return Tmpfiles(place.tree)
  }

  private func fate(_ lines: String, _ path: Path = "/var/tmp/alice/containers/storage") -> String {
    switch Tmpfiles(Tmpfiles.lines(bytes(lines), "f")).fate(of: path) {
    case nil: "stays"
    case .ages(let line): "ages by \(line.number)"
    case .emptiedAtBoot(let line): "emptied by \(line.number)"
    }
  }

  private func findings(_ files: [String: String], _ template: [UInt8] = "/var/tmp/$USER") throws -> [Finding] {
    try host(files).map { ageingFindings($0, try StorageTemplate(template)) } ?? []
  }

  @Test(arguments: [
    ("", "stays"), ("q /var/tmp 1777 root root 30d", "ages by 1"), ("#q /var/tmp 1777 root root 30d", "stays"),
    ("q /var/tmp 1777 root root -", "stays"),
    ("q /var/tmp 1777 root root 0", "ages by 1"), ("q /var 1777 root root 30d", "ages by 1"), ("q / - - - 30d", "ages by 1"),
    ("q /var/tm - - - 30d", "stays"),
    ("q /var/tmp - - - 30d\nx /var/tmp/*/containers", "stays"), ("q /var/tmp - - - 30d\nx /var/tmp/*/docker", "ages by 1"),
    // What has a line of its own is left alone, whatever the line.
    ("q /var/tmp - - - 30d\nd /var/tmp/alice", "stays"), ("q /var/tmp - - - 30d\nz /var/tmp/alice/containers", "stays"),
    ("q /var - - - 30d\nq /var/tmp - - - -", "stays"), ("q /var - - - 1d\nq /var/tmp - - - 30d", "ages by 2"),
    // A star is one component, and not hidden.
    ("q /var/tmp - - - 30d\nx /var/*/containers", "ages by 1"), ("q /var/tmp - - - 30d\nx /var/tmp/*", "stays"),
    // A line for the boot means nothing to the timer.
    ("q /var/tmp - - - 30d\nx! /var/tmp/*", "ages by 1"), ("q! /var/tmp - - - 30d", "stays"),
    // Lines that protect and age.
    ("q /var/tmp - - - 30d\nx /var/tmp/*/containers - - - 90d", "ages by 2"),
    ("q /var/tmp - - - 30d\nX /var/tmp/*/containers", "ages by 2"),
    ("q /var/tmp - - - -\nX /var/tmp/*/containers", "stays"), ("e /var/tmp/*/containers - - - 10d", "ages by 1"),
    ("e /var/tmp/*/docker - - - 10d", "stays"),
    // Of two lines for a path the first counts.
    ("q /var/tmp - - - -\nq /var/tmp - - - 30d", "stays"), ("q /var/tmp - - - 30d\nd /var/tmp - - - -", "ages by 1"),
    // At boot.
    ("D /var/tmp", "emptied by 1"), ("D /var/tmp\nx /var/tmp/*/containers", "emptied by 1"),
    ("q /var/tmp - - - 1d\nD! /var", "emptied by 2"),
    ("R! /var/tmp/*", "emptied by 1"), ("r! /var/tmp/*", "stays"), ("D /tmp", "stays"),
  ])
  func `what becomes of a store`(lines: String, expected: String) { #expect(fate(lines) == expected) }

  @Test func `Debian 12 ages nothing in var tmp`() throws {
    #expect(try findings(["usr/lib/tmpfiles.d/tmp.conf": "D /tmp 1777 root root -\n#q /var/tmp 1777 root root 30d\n"]) == [])
  }

  @Test func `RHEL ages it, and our file keeps it away`() throws {
    let found = try findings(["usr/lib/tmpfiles.d/tmp.conf": rhel])
    #expect(found.map(\.code) == [.storageAgeing])
    #expect(
      found.first?.sentence
        == "systemd-tmpfiles removes what has not been used for 30d below /var/tmp (/usr/lib/tmpfiles.d/tmp.conf:2), and with it the containers and images in /var/tmp/USER/containers/storage and /var/tmp/USER/docker, file by file."
    )
    #expect(
      found.first?.remedy.text
        == "printf '%s\\n' 'x /var/tmp/*/containers' 'x /var/tmp/*/docker' | sudo tee -a /etc/tmpfiles.d/rootless-storage-local.conf")
    #expect(try findings(["usr/lib/tmpfiles.d/rootless-storage.conf": try shipped]) == [])
  }

  @Test func `storage elsewhere needs lines of its own, which the command writes`() throws {
    let files = [
      "usr/lib/tmpfiles.d/a.conf": "d \"/scratch [a]\" 1777 root root 2w\n", "usr/lib/tmpfiles.d/rootless-storage.conf": try shipped,
    ]
    let remedy = try findings(files, "/scratch [a]/c-$UID").first?.remedy.text ?? ""
    #expect(remedy.hasPrefix("printf '%s\\n' 'x /scratch\\x20[[]a]/c-*/containers' "))
    // The lines that it writes do it.
    place.put("etc/tmpfiles.d/rootless-storage-local.conf", "x /scratch\\x20[[]a]/c-*/containers\nx /scratch\\x20[[]a]/c-*/docker\n")
    #expect(try findings(files, "/scratch [a]/c-$UID") == [])
  }

  @Test func `a line for the engine's own directory must go`() throws {
    let found = try findings(["usr/lib/tmpfiles.d/a.conf": "e /var/tmp/*/containers - - - 10d\n"])
    #expect(
      found.first?.remedy.text
        == "take that line out: copy /usr/lib/tmpfiles.d/a.conf to /etc/tmpfiles.d, where it hides the other, and edit line 1 there")
    let own = try findings(["usr/lib/tmpfiles.d/a.conf": "", "etc/tmpfiles.d/b.conf": "\ne /var/tmp/*/containers - - - 10d\n"])
    #expect(own.first?.remedy.text == "take line 2 out of /etc/tmpfiles.d/b.conf")
  }

  @Test func `what is emptied at boot must go too: older ones of systemd keep nothing of it`() throws {
    let found = try findings(["usr/lib/tmpfiles.d/a.conf": "D /scratch 1777 root root -\n"], "/scratch/$USER")
    #expect(
      found.first?.sentence
        == "systemd-tmpfiles empties /scratch at every boot (/usr/lib/tmpfiles.d/a.conf:1), and with it the containers and images in /scratch/USER/containers/storage and /scratch/USER/docker."
    )
    #expect(found.first?.remedy.text.hasPrefix("take that line out: copy /usr/lib/tmpfiles.d/a.conf to /etc/tmpfiles.d") == true)
  }

  @Test func `a file hides those of its name in later directories, and a link to null masks`() throws {
    #expect(try findings(["usr/lib/tmpfiles.d/tmp.conf": rhel, "etc/tmpfiles.d/tmp.conf": "# nothing\n"]) == [])
    #expect(try findings(["run/tmpfiles.d/other.conf": rhel]).count == 1)
    place.link("etc/tmpfiles.d/other.conf", to: "/dev/null")
    #expect(host([:])?.lines == [])
    #expect(try findings(["etc/tmpfiles.d/not-a-conf": rhel]) == [])
  }

  @Test func `files count in the order of their names, whichever directory they are in`() {
    let tmpfiles = host(["usr/lib/tmpfiles.d/b.conf": "q /var/tmp - - - 30d\n", "usr/local/lib/tmpfiles.d/a.conf": "q /var/tmp - - - -\n"])
    #expect(tmpfiles?.lines.map { shown($0.file) } == ["/usr/local/lib/tmpfiles.d/a.conf"])
  }

  @Test func `without systemd-tmpfiles, or with its timer masked, nothing ages`() {
    #expect(Tmpfiles(place.tree) == nil)
    #expect(host([:]) != nil)
    place.directory("etc/systemd/system")
    place.link("etc/systemd/system/systemd-tmpfiles-clean.timer", to: "/dev/null")
    #expect(Tmpfiles(place.tree) == nil)
  }

  @Test func `what is no file is left out and told`() {
    _ = host(["usr/lib/tmpfiles.d/a.conf": rhel])
    place.fifo("usr/lib/tmpfiles.d/b.conf")
    #expect(Tmpfiles(place.tree)?.failures == [Tmpfiles.Failure(file: "/usr/lib/tmpfiles.d/b.conf", reason: .notRegular)])
  }
}
