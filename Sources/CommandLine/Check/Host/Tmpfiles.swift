import RootlessStorage

/// What systemd-tmpfiles removes on this host (tmpfiles.d(5)).
struct Tmpfiles: Equatable, Sendable {
  /// In the order that counts. Of several lines that own one path, the first.
  let lines: [TmpfilesLine]
  /// Files that could not be read.
  let failures: [Failure]

  struct Failure: Equatable, Sendable {
    let file: Path
    let reason: ReadError
  }

  /// What becomes of a directory's content, and which line says so.
  enum Fate: Equatable, Sendable {
    /// Removed when it has not been used for so long.
    case ages(TmpfilesLine)
    /// Removed at every boot.
    case emptiedAtBoot(TmpfilesLine)
  }

  private static let directories: [Path] = ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"]

  /// - Returns: nil where nothing ages: there is no systemd-tmpfiles, or its timer is masked.
  init?(_ tree: HostTree) {
    guard (["/usr/bin/systemd-tmpfiles", "/bin/systemd-tmpfiles"] as [Path]).contains(where: tree.exists) else { return nil }
    if let timer = tree.link("/etc/systemd/system/systemd-tmpfiles-clean.timer"), timer == "/dev/null" {
      return nil
    }
    var lines: [TmpfilesLine] = []
    var failures: [Failure] = []
    for file in Tmpfiles.files(tree, &failures) {
      do throws(ReadError) { lines += Tmpfiles.lines(try tree.read(file), file) } catch {
        if error != .missing { failures.append(Failure(file: file, reason: error)) }
      }
    }
    self.init(lines, failures)
  }

  init(_ all: [TmpfilesLine], _ failures: [Failure] = []) {
    var owned: Set<[UInt8]> = []
    var lines = all.filter { line in
      if !line.takesOwnership { return true }
      // Globs and paths are kept apart.
      return owned.insert([line.isGlob ? .asterisk : .slash] + line.path.bytes).inserted
    }
    for index in lines.indices where lines[index].type == UInt8(ascii: "X") {
      if let age = Tmpfiles.inheritedAge(lines[index], lines) { lines[index].age = age }
    }
    self.lines = lines
    self.failures = failures
  }

  static func lines(_ content: [UInt8], _ file: Path) -> [TmpfilesLine] {
    content.split(separator: .newline, omittingEmptySubsequences: false).enumerated().compactMap { index, raw in
      let text = Array(raw.drop { isBlank($0) })
      if text.isEmpty || text[0] == .hash || text[0] == .semicolon { return nil }
      return TmpfilesLine(text, file: file, number: index + 1)
    }
  }

  /// In byte order of their names, whichever directory they lie in. One hides those of its name in later directories, also as a
  /// symbolic link to /dev/null.
  private static func files(_ tree: HostTree, _ failures: inout [Failure]) -> [Path] {
    var found: [[UInt8]: Path] = [:]
    for directory in directories {
      do throws(ReadError) {
        for name in try tree.names(directory) where name.count > 5 && name.suffix(5).elementsEqual(".conf".utf8) && found[name] == nil {
          found[name] = directory / name
        }
      } catch { if error != .missing { failures.append(Failure(file: directory, reason: error)) } }
    }
    return found.sorted { isOrderedBefore($0.key, $1.key) }.map(\.value).filter {
      tree.link($0) != "/dev/null"
    }
  }

  /// `X` keeps the directory and leaves its content to the age of the directory around it (`read_config_file` in tmpfiles.c).
  private static func inheritedAge(_ line: TmpfilesLine, _ lines: [TmpfilesLine]) -> [UInt8]? {
    var candidate: TmpfilesLine? = nil
    for other in lines where "dDvqQ".utf8.contains(other.type) {
      if other.path == line.path {
        candidate = other
        break
      }
      let isNearer: Bool
      if let candidate {
        isNearer = other.path.isAtOrBelow(candidate.path) && line.matches(other.path)
      } else {
        isNearer = line.path.isAtOrBelow(other.path)
      }
      if isNearer { candidate = other }
    }
    return candidate?.age
  }

  // MARK: Judging a path

  /// What becomes of what is in the directory; nil: it stays.
  ///
  /// systemd-tmpfiles walks down from the path of a line that ages, and turns back at whatever has a line of its own, of any type:
  /// those others say what becomes of that (findings/tmpfiles-any-line.sh). What is emptied at boot has no such refuge before
  /// systemd 256.
  func fate(of directory: Path) -> Fate? {
    let steps = Path(absolute: directory.components).lineage
    let all = lines.filter { line in steps.contains(where: line.matches) }
    if let line = all.first(where: \.isEmptying) { return .emptiedAtBoot(line) }
    // The timer that cleans does not take lines for the boot. The nearest directory on the way that has any line has the word.
    let cleaning = all.filter { !$0.isForBoot }
    for step in steps {
      let here = cleaning.filter { $0.matches(step) }
      if !here.isEmpty { return here.first { $0.age != nil }.map { .ages($0) } }
    }
    return nil
  }
}
