import RootlessStorage

/// All that removes old files on this host: systemd-tmpfiles, and jobs of cron's. As root reads it: it runs with root's rights.
struct Cleaning: Equatable, Sendable {
  enum Danger: Equatable, Sendable {
    case tmpfiles(Tmpfiles.Fate)
    case cleaner(Cleaner)
  }

  /// nil: it removes nothing here.
  private let tmpfiles: Tmpfiles?
  private let cleaners: [Cleaner]

  init(_ tmpfiles: Tmpfiles? = nil, _ cleaners: [Cleaner] = []) {
    self.tmpfiles = tmpfiles
    self.cleaners = cleaners
  }

  init(_ tree: HostTree) { self.init(Tmpfiles(tree), Cleaner.all(tree)) }

  /// It removes nothing anywhere.
  var isIdle: Bool { tmpfiles?.lines.isEmpty ?? true && cleaners.isEmpty }

  /// What would remove what lies in a directory; nil: nothing.
  ///
  /// - Parameter path: without symbolic links, which none of them follows.
  func danger(to path: Path) -> Danger? {
    if let fate = tmpfiles?.fate(of: path) { return .tmpfiles(fate) }
    return cleaners.first { $0.takes(path) }.map { .cleaner($0) }
  }
}

extension Cleaning.Danger {
  var isAtBoot: Bool { if case .tmpfiles(.emptiedAtBoot) = self { true } else { false } }

  /// For the beginning of a sentence: who removes what.
  var sentence: String {
    switch self {
    case .tmpfiles(.ages(let line)):
      "systemd-tmpfiles removes what has not been used for \(shown(line.age ?? [])) below \(shown(line.path)) (\(shown(line.file)):\(line.number))"
    case .tmpfiles(.emptiedAtBoot(let line)):
      "systemd-tmpfiles empties \(shown(line.path)) at every boot (\(shown(line.file)):\(line.number))"
    case .cleaner(let cleaner): "\(cleaner.program) (\(shown(cleaner.file)):\(cleaner.line)) \(cleaner.deed)"
    }
  }

  /// What keeps it off one directory; nil where that cannot be told in one command.
  ///
  /// Root pastes it, and a user may have chosen the path: in a line of a file it must be nothing but a path.
  func exemption(of path: Path) -> Remedy? {
    let isPlain = path.bytes.allSatisfy { byte in isAlphanumeric(byte) || "/._-@+".utf8.contains(byte) }
    guard isPlain else { return nil }
    switch self {
    case .tmpfiles(.ages(let line)):
      // A line keeps off only what begins above it.
      if line.type == UInt8(ascii: "x") || line.matches(path) { return nil }
      return .root("printf '%s\\n' \(shellWord(Array("x ".utf8) + path.bytes)) | sudo tee -a /etc/tmpfiles.d/rootless-storage-local.conf")
    case .tmpfiles(.emptiedAtBoot): return nil
    case .cleaner(let cleaner): return cleaner.exemption([shellWord(path)])
    }
  }
}
