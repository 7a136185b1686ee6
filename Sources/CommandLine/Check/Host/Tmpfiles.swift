import RootlessStorage

/// What systemd-tmpfiles removes on this host (tmpfiles.d(5)).
struct Tmpfiles: Codable, Equatable, Sendable {
  /// In the order that counts. Of several lines that own one path, the first.
  let lines: [TmpfilesLine]
  /// Files that could not be read.
  let failures: [Failure]

  struct Failure: Codable, Equatable, Sendable {
    let file: [UInt8]
    let reason: ReadError
  }

  /// What becomes of a directory's content, and which line says so.
  enum Fate: Equatable, Sendable {
    /// Removed when it has not been used for so long.
    case ages(TmpfilesLine)
    /// Removed at every boot.
    case emptiedAtBoot(TmpfilesLine)
  }

  private static let directories = ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"]

  /// - Returns: nil where nothing ages: there is no systemd-tmpfiles, or its timer is masked.
  init?(_ tree: HostTree) {
    guard ["/usr/bin/systemd-tmpfiles", "/bin/systemd-tmpfiles"].contains(where: tree.exists) else { return nil }
    if let timer = tree.link(Array("/etc/systemd/system/systemd-tmpfiles-clean.timer".utf8)), timer.elementsEqual("/dev/null".utf8) {
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
      return owned.insert([line.isGlob ? .asterisk : .slash] + line.path).inserted
    }
    for index in lines.indices where lines[index].type == UInt8(ascii: "X") {
      if let age = Tmpfiles.inheritedAge(lines[index], lines) { lines[index].age = age }
    }
    self.lines = lines
    self.failures = failures
  }

  static func lines(_ content: [UInt8], _ file: [UInt8]) -> [TmpfilesLine] {
    content.split(separator: .newline, omittingEmptySubsequences: false).enumerated().compactMap { index, raw in
      let text = Array(raw.drop { isBlank($0) })
      if text.isEmpty || text[0] == .hash || text[0] == .semicolon { return nil }
      return TmpfilesLine(text, file: file, number: index + 1)
    }
  }

  /// In byte order of their names, whichever directory they lie in. One hides those of its name in later directories, also as a
  /// symbolic link to /dev/null.
  private static func files(_ tree: HostTree, _ failures: inout [Failure]) -> [[UInt8]] {
    var found: [[UInt8]: [UInt8]] = [:]
    for directory in directories {
      do throws(ReadError) {
        for name in try tree.names(directory) where name.count > 5 && name.suffix(5).elementsEqual(".conf".utf8) && found[name] == nil {
          found[name] = Array("\(directory)/".utf8) + name
        }
      } catch { if error != .missing { failures.append(Failure(file: Array(directory.utf8), reason: error)) } }
    }
    return found.sorted { isOrderedBefore($0.key, $1.key) }.map(\.value).filter {
      tree.link($0).map { !$0.elementsEqual("/dev/null".utf8) } ?? true
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
        isNearer = isBelow(other.path, candidate.path) && line.matches(other.path)
      } else {
        isNearer = isBelow(line.path, other.path)
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
  func fate(of directory: [UInt8]) -> Fate? {
    let steps = Tmpfiles.prefixes(directory)
    let all = lines.filter { line in steps.contains(where: line.matches) }
    if let line = all.first(where: \.isEmptying) { return .emptiedAtBoot(line) }
    // The timer that cleans does not take lines for the boot. The nearest directory on the way that has any line has the word.
    let cleaning = all.filter { !$0.isForBoot }
    for step in steps.reversed() {
      let here = cleaning.filter { $0.matches(step) }
      if !here.isEmpty { return here.first { $0.age != nil }.map { .ages($0) } }
    }
    return nil
  }

  /// The path and all directories above it, from the root down.
  private static func prefixes(_ path: [UInt8]) -> [[UInt8]] {
    var found: [[UInt8]] = [[.slash]]
    var walked: [UInt8] = []
    for component in components(path) {
      walked += [.slash] + component
      found.append(walked)
    }
    return found
  }
}

/// Whether a path is below a directory, or is that itself.
func isBelow(_ path: [UInt8], _ directory: [UInt8]) -> Bool {
  directory == [.slash] || path == directory || begins(path, with: directory + [.slash])
}
