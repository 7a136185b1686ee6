import RootlessStorage

/// A job that removes old files, other than systemd-tmpfiles: tmpwatch(8), tmpreaper(8), stmpclean(8), and find(1) and rm(1) in scripts of
/// cron's, of the boot, or in units.
struct Cleaner: Equatable, Sendable {
  let program: String
  let file: Path
  let line: Int
  /// Directories whose old files it removes.
  let directories: [Path]
  /// Paths and patterns that it leaves alone.
  let spared: [Path]

  /// Whether it removes old files below a directory.
  func takes(_ path: Path) -> Bool {
    directories.contains { path.isAtOrBelow($0) }
      && !spared.contains { spare in
        // A pattern that matches a directory on the way spares what is in it.
        path.lineage.dropLast().contains { $0 == spare || matchesPath(spare, $0) }
      }
  }

  /// For a sentence.
  var deed: String { program == "rm" ? "removes what is there" : "removes what has not been used for some time" }

  /// What keeps it off some directories.
  ///
  /// - Parameter patterns: as they stand on a command line, with their quotes.
  func exemption(_ patterns: [String]) -> Remedy {
    switch program {
    case "tmpwatch", "tmpreaper":
      let option = program == "tmpwatch" ? "-X" : "--protect"
      let words = patterns.map { "\(option) \($0)" }
      return "give \(program) in \(shellWord(file)) the \(words.count == 1 ? "option" : "options") \(words.joined(separator: " "))"
    case "find":
      return
        "give find in \(shellWord(file)), before what it does with a file, \(patterns.map { "-not -path \($0) -not -path \($0)'/*'" }.joined(separator: " "))"
    default:
      return "take \(program) out of line \(line) of \(shellWord(file)), or have it leave \(patterns.joined(separator: " and ")) alone"
    }
  }

  /// Scripts and tables of cron's, of the boot, and units of systemd's.
  private static func files(_ tree: HostTree) -> [Path] {
    var files: [Path] = [
      "/etc/crontab", "/etc/anacrontab", "/etc/rc.local", "/etc/rc.d/rc.local", "/var/spool/cron/root", "/var/spool/cron/crontabs/root",
      "/var/spool/cron/tabs/root",
    ]
    for directory in ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/cron.d"] as [Path] {
      for name in (try? tree.names(directory)) ?? [] where name.first != .dot { files.append(directory / name) }
    }
    let units: Path = "/etc/systemd/system"
    for name in (try? tree.names(units)) ?? [] where name.suffix(8).elementsEqual(".service".utf8) {
      files.append(units / name)
    }
    return files
  }

  static func all(_ tree: HostTree) -> [Cleaner] {
    var found: [Cleaner] = []
    for file in files(tree) {
      guard let content = try? tree.read(file) else { continue }
      for (number, words) in commands(content) {
        guard let at = words.firstIndex(where: { isProgram($0) }) else { continue }
        let program = String(decoding: Path(words[at]).name, as: UTF8.self)
        let arguments = Array(words[(at + 1)...])
        var cleaner: (directories: [Path], spared: [Path])?
        switch program {
        case "find": cleaner = search(arguments)
        case "rm": cleaner = removal(arguments)
        default: cleaner = options(arguments)
        }
        // Debian's job takes its directories from a file.
        if program == "tmpreaper", let configured = configured(tree) {
          cleaner?.directories += configured.directories
          cleaner?.spared += configured.spared
        }
        if let cleaner, !cleaner.directories.isEmpty {
          found.append(
            Cleaner(program: program, file: file, line: number, directories: cleaner.directories, spared: cleaner.spared))
        }
      }
    }
    return found
  }

  /// tmpwatch, tmpreaper, stmpclean.
  private static func options(_ words: [[UInt8]]) -> (directories: [Path], spared: [Path]) {
    var directories: [Path] = []
    var spared: [Path] = []
    var previous: [UInt8] = []
    for word in words {
      if sparing.contains(String(decoding: previous, as: UTF8.self)) {
        spared.append(Path(word))
      } else if let value = sparing.lazy.compactMap({ value(of: $0, in: word) }).first {
        spared.append(Path(value))
      } else if word.first == .slash {
        directories.append(plain(Path(word)))
      }
      previous = word
    }
    return (directories, spared)
  }

  /// find(1), where it removes whatever is old. What it looks for by name, owner or kind is not known to be an engine's.
  private static func search(_ words: [[UInt8]]) -> (directories: [Path], spared: [Path])? {
    let directories = words.prefix { $0.first == .slash }
    let tests = words[directories.count...].map { String(decoding: $0, as: UTF8.self) }
    let removes = tests.contains("-delete") || tests.contains { $0 == "rm" || $0.hasSuffix("/rm") }
    let narrow: Set<String> = [
      "-name", "-iname", "-regex", "-user", "-uid", "-group", "-empty", "-maxdepth", "-size", "-nouser", "-newer", "-links",
    ]
    if !removes || tests.contains(where: { narrow.contains($0) }) { return nil }
    var spared: [Path] = []
    for (index, word) in tests.enumerated() where ["-path", "-wholename"].contains(word) && index + 1 < tests.count {
      // What is below a directory that a pattern names is what that is about.
      let pattern = tests[index + 1]
      spared.append(Path(pattern.hasSuffix("/*") ? String(pattern.dropLast(2)) : pattern))
    }
    return (directories.map { plain(Path($0)) }, spared)
  }

  /// `rm -rf /var/tmp/*`.
  private static func removal(_ words: [[UInt8]]) -> (directories: [Path], spared: [Path])? {
    let options = words.filter { $0.first == .hyphen }
    guard options.contains(where: { $0.contains(UInt8(ascii: "r")) || $0.contains(UInt8(ascii: "R")) }) else { return nil }
    let directories = words.filter { $0.first == .slash && !$0.contains(.dollar) }.compactMap { word -> Path? in
      let parts = Path(word).components
      guard parts.last.map({ $0.elementsEqual("*".utf8) || $0.elementsEqual(".[!.]*".utf8) }) ?? false else {
        return word.contains(.asterisk) ? nil : Path(absolute: parts)
      }
      let above = Array(parts.dropLast())
      return above.joined().contains(.asterisk) ? nil : Path(absolute: above)
    }
    return (directories, [])
  }

  private static let sparing = ["-x", "-X", "--exclude", "--exclude-pattern", "--protect"]

  private static func isProgram(_ word: [UInt8]) -> Bool {
    let name = Path(word).name
    return ["tmpwatch", "tmpreaper", "stmpclean", "find", "rm"].contains { name.elementsEqual($0.utf8) }
  }

  /// `--protect=PATTERN`.
  private static func value(of option: String, in word: [UInt8]) -> [UInt8]? {
    let prefix = Array("\(option)=".utf8)
    return option.hasPrefix("--") && begins(word, with: prefix) ? Array(word.dropFirst(prefix.count)) : nil
  }

  private static func plain(_ path: Path) -> Path { Path(absolute: path.components) }

  /// The commands of a shell script or of a crontab as words without quotes, as far as these jobs need it: a backslash at the end of a
  /// line continues it, and what is unusual enough to need a shell is not understood.
  private static func commands(_ content: [UInt8]) -> [(Int, [[UInt8]])] {
    var found: [(Int, [[UInt8]])] = []
    var pending: [UInt8] = []
    var first = 0
    for (index, raw) in content.split(separator: .newline, omittingEmptySubsequences: false).enumerated() {
      if pending.isEmpty { first = index + 1 }
      pending += raw
      if pending.last == .backslash {
        pending[pending.count - 1] = .space
        continue
      }
      let line = pending
      pending = []
      let words = line.split {
        $0 == .space || $0 == .tab || $0 == .semicolon || $0 == .ampersand || $0 == .verticalBar || $0 == .leftParenthesis
          || $0 == .rightParenthesis || $0 == .leftBrace || $0 == .rightBrace
      }
      .map { word in word.filter { $0 != .quote && $0 != .apostrophe } }
      if words.first?.first == .hash { continue }
      found.append((first, Array(words.prefix { $0.first != .hash })))
    }
    return found
  }

  /// TMPREAPER_DIRS and TMPREAPER_PROTECT_EXTRA of /etc/tmpreaper.conf; nil while its warning stands, with which the job does nothing.
  private static func configured(_ tree: HostTree) -> (directories: [Path], spared: [Path])? {
    guard let content = try? tree.read("/etc/tmpreaper.conf") else { return nil }
    var values: [String: [[UInt8]]] = [:]
    for raw in content.split(separator: .newline) {
      let line = raw.drop(while: isBlank)
      guard line.first != .hash, let equals = line.firstIndex(of: .equals) else { continue }
      let value = line[(equals + 1)...].filter { $0 != .quote && $0 != .apostrophe }
      values[String(decoding: line[..<equals], as: UTF8.self)] = words(value[...]).map(Array.init)
    }
    if values["SHOWWARNING"]?.first?.elementsEqual("true".utf8) == true { return nil }
    let directories = (values["TMPREAPER_DIRS"] ?? []).map { path in
      // `/tmp/.` is Debian's own, for where /tmp is a link.
      plain(Path(path))
    }
    return (directories, (values["TMPREAPER_PROTECT_EXTRA"] ?? []).map { Path($0) })
  }
}
