import RootlessStorage

/// A directory's fate is said by a line that stands there and that is about it, and comments, order and blank lines mean what they should.
func fuzzTmpfiles(_ input: [UInt8]) {
  let parts = fields(input, 2)
  let directory = parts[0].first == 0x2f ? Path(parts[0]) : "/var/tmp/alice/containers"
  let lines = Tmpfiles.lines(parts[1], "/f.conf")
  for line in lines {
    promise(line.path.isAbsolute && !line.path.bytes.contains(0), "an absolute path that C can read: \(line)")
    promise(line.path.bytes.count == 1 || line.path.bytes.last != 0x2f, "no slash at its end: \(line)")
    promise(line.age.map { !$0.isEmpty } ?? true, "an age or none: \(line)")
    promise(line.number <= parts[1].count { $0 == 0x0a } + 1, "where it stands")
  }
  let read = Tmpfiles(lines)
  let fate = read.fate(of: directory)
  switch fate {
  case .ages(let line):
    promise(read.lines.contains(line) && line.age != nil && !line.isForBoot && isAbout(line, directory), "a line that ages it")
  case .emptiedAtBoot(let line):
    promise(read.lines.contains(line) && (line.type == 0x44 || line.type == 0x52) && isAbout(line, directory), "a line that empties it")
  case nil:
    promise(!read.lines.contains { ($0.type == 0x44 || $0.type == 0x52) && isAbout($0, directory) }, "nothing empties it")
  }
  let spaced = Array(parts[1].split(separator: 0x0a).map { bytes("\t") + $0 + bytes("\n# d /var/tmp - - - 1d\n\n") }.joined())
  promise(
    Tmpfiles(Tmpfiles.lines(spaced, "/f.conf")).lines.map { $0.path } == read.lines.map { $0.path },
    "comments and blanks do not count")
}

/// Whether it names the directory or one above it.
private func isAbout(_ line: TmpfilesLine, _ directory: Path) -> Bool {
  var path: Path = "/"
  return line.matches(path)
    || directory.components.contains { component in
      path = path / component
      return line.matches(path)
    }
}
