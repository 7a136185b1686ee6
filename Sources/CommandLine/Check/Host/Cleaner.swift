import RootlessStorage

/// A job of cron's that removes old files, other than systemd-tmpfiles: tmpwatch(8) and tmpreaper(8).
struct Cleaner: Equatable, Sendable {
  let program: String
  let file: [UInt8]
  let line: Int
  /// Directories whose old files it removes.
  let directories: [[UInt8]]
  /// Paths and patterns that it leaves alone.
  let spared: [[UInt8]]

  /// Whether it removes old files below a directory.
  func takes(_ path: [UInt8]) -> Bool {
    directories.contains { isBelow(path, $0) }
      && !spared.contains { spare in
        // A pattern that matches a directory on the way spares what is in it.
        var step = path
        while !step.isEmpty {
          if step == spare || matchesPath(spare, step) { return true }
          step = parent(step)
        }
        return false
      }
  }

  static func all(_ tree: HostTree) -> [Cleaner] {
    var files = [Array("/etc/crontab".utf8)]
    for directory in ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/cron.d"] {
      for name in (try? tree.names(directory)) ?? [] where name.first != .dot { files.append(Array("\(directory)/".utf8) + name) }
    }
    var found: [Cleaner] = []
    for file in files {
      guard let content = try? tree.read(file) else { continue }
      for (number, words) in commands(content) {
        guard let at = words.firstIndex(where: { isProgram($0) }) else { continue }
        let program = String(decoding: baseName(words[at]), as: UTF8.self)
        var directories: [[UInt8]] = []
        var spared: [[UInt8]] = []
        var previous: [UInt8] = []
        for word in words[(at + 1)...] {
          if sparing.contains(String(decoding: previous, as: UTF8.self)) {
            spared.append(word)
          } else if let value = sparing.lazy.compactMap({ value(of: $0, in: word) }).first {
            spared.append(value)
          } else if word.first == .slash {
            directories.append(withoutSlash(word))
          }
          previous = word
        }
        // Debian's job takes its directories from a file.
        if program == "tmpreaper", let configured = configured(tree) {
          directories += configured.directories
          spared += configured.spared
        }
        if !directories.isEmpty {
          found.append(Cleaner(program: program, file: file, line: number, directories: directories, spared: spared))
        }
      }
    }
    return found
  }

  private static let sparing = ["-x", "-X", "--exclude", "--exclude-pattern", "--protect"]

  private static func isProgram(_ word: [UInt8]) -> Bool {
    let name = baseName(word)
    return name.elementsEqual("tmpwatch".utf8) || name.elementsEqual("tmpreaper".utf8)
  }

  /// `--protect=PATTERN`.
  private static func value(of option: String, in word: [UInt8]) -> [UInt8]? {
    let prefix = Array("\(option)=".utf8)
    return option.hasPrefix("--") && begins(word, with: prefix) ? Array(word.dropFirst(prefix.count)) : nil
  }

  private static func withoutSlash(_ path: [UInt8]) -> [UInt8] { [.slash] + components(path).joined(separator: [.slash]) }

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
  private static func configured(_ tree: HostTree) -> (directories: [[UInt8]], spared: [[UInt8]])? {
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
      withoutSlash(path.suffix(2).elementsEqual("/.".utf8) ? Array(path.dropLast(2)) : path)
    }
    return (directories, values["TMPREAPER_PROTECT_EXTRA"] ?? [])
  }
}
