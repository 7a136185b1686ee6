import RootlessStorage

/// pam-auth-update(8), which makes /etc/pam.d/common-* of profiles: ours is switched on and off.
///
/// It is never told `--force`: where an administrator has changed what it writes, it leaves the files alone, and so the line is put
/// outside of that (`PAMPlan`), which it keeps.
struct AuthUpdate {
  static let program: Path = "/usr/sbin/pam-auth-update"
  private static let profile: Path = "/usr/share/pam-configs/rootless-storage"
  private static let directories: [Path] = ["/etc/pam.d", "/var/lib/pam", "/usr/share/pam-configs"]

  static func isUsable(_ tree: HostTree) -> Bool {
    tree.exists(program) && tree.exists(profile) && tree.exists("/etc/pam.d/common-session")
  }

  enum Action: String {
    case enable = "--enable"
    /// It stays off at upgrades, too: a profile that was seen is not switched on again.
    case disable = "--disable"
  }

  /// What is run, as one would type it.
  static func command(_ action: Action) -> String { "pam-auth-update --package \(action.rawValue) rootless-storage" }

  let tree: HostTree

  /// What the files would be: seen by letting it work on copies, with a debconf database of their own.
  ///
  /// - Returns: one for each file that would change.
  func changes(_ action: Action) throws(CommandError) -> [PAMPlan.Change] {
    let script = (try? tree.read(AuthUpdate.program)) ?? []
    for option in ["'--root'", "'\(action.rawValue)'"] where !contains(script, Array(option.utf8)) {
      throw CommandError(
        "this host's pam-auth-update is too old to be asked; run it as root, and \(action == .enable ? "choose" : "take away") the profile of rootless-storage: sudo pam-auth-update"
      )
    }
    let copy: TemporaryDirectory
    do throws(Errno) {
      copy = try TemporaryDirectory()
      for directory in AuthUpdate.directories { try copy.copy(directory, from: tree) }
      try copy.write(AuthUpdate.debconf(copy.path), to: "debconf.conf")
    } catch {
      throw CommandError(
        "pam-auth-update cannot be tried on a copy of this host's files in /run (\(text(error))); fix that, and run this again")
    }
    let ending = try run(
      ["--root", String(decoding: copy.path)], action,
      [Array("DEBCONF_SYSTEMRC=".utf8) + (copy.path / "debconf.conf").bytes])
    if ending.status != 0 {
      throw CommandError(
        "pam-auth-update does not work on a copy of this host's files (\(AuthUpdate.said(ending))); try: sudo pam-auth-update")
    }
    let copied = HostTree(copy.path)
    var changes: [PAMPlan.Change] = []
    for name in (try? tree.names("/etc/pam.d")) ?? [] where begins(name, with: Array("common-".utf8)) {
      let file = "/etc/pam.d" / name
      guard let old = try? tree.read(file), let new = try? copied.read(file), old != new else { continue }
      changes.append(PAMPlan.Change(file: file, old: old, new: new))
    }
    return changes
  }

  /// Lines of all types stay, also those that are not for sessions: it takes up whatever other profiles it has not seen yet, and a
  /// line more in common-auth can lock everybody out.
  static func isOnlyOurs(_ changes: [PAMPlan.Change]) -> Bool {
    changes.allSatisfy { PAMText($0.old).isSameButForOurs(as: PAMText($0.new)) }
  }

  /// It writes all of them anew, as files of root's with mode 0644: one for which that would be a change.
  var otherwiseKept: Path? {
    AuthUpdate.files.first { file in
      guard let status = tree.status(file) else { return false }
      return tree.link(file) != nil || status.owner != 0 || status.group != 0 || status.mode & 0o7777 != 0o644
    }
  }

  private static let files = ["auth", "account", "password", "session", "session-noninteractive"].map {
    Path("/etc/pam.d/common-\($0)")
  }

  /// It knows the profile, and does not switch it on by itself again.
  var isSeen: Bool {
    let seen = (try? tree.read("/var/lib/pam/seen")) ?? []
    return seen.split(separator: .newline).contains { $0.elementsEqual("rootless-storage".utf8) }
  }

  /// The profile is on.
  var isOn: Bool {
    AuthUpdate.files.contains { file in
      guard let content = try? tree.read(file) else { return false }
      let text = PAMText(content)
      return text.ours.contains { text.isManaged($0.numbers.lowerBound) }
    }
  }

  /// Runs it on this host's files.
  func perform(_ action: Action) throws(CommandError) {
    let ending = try run([], action, [])
    if ending.status != 0 {
      throw CommandError("\(AuthUpdate.command(action)) failed (\(AuthUpdate.said(ending))); fix that, and run this again")
    }
  }

  private func run(_ root: [String], _ action: Action, _ more: [[UInt8]]) throws(CommandError) -> ChildProcess.Ending {
    let words = ["pam-auth-update"] + root + ["--package", action.rawValue, "rootless-storage"]
    let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"].map { Array($0.utf8) } + more
    do throws(ChildProcess.Failure) {
      return try ChildProcess.run(
        AuthUpdate.program, words.map { Array($0.utf8) }, environment: environment, withErrors: true, seconds: 120, limit: 65536
      )
    } catch { throw CommandError("pam-auth-update cannot be run (\(error.explanation)); try: sudo pam-auth-update") }
  }

  /// debconf.conf(5) for databases of its own: the host's remember what pam-auth-update is told.
  private static func debconf(_ directory: Path) -> [UInt8] {
    Array("Config: config\nTemplates: templates\n\n".utf8)
      + ["config", "templates"].flatMap { name in
        Array("Name: \(name)\nDriver: File\nMode: 600\nFilename: ".utf8) + directory.bytes + Array("/\(name).dat\n\n".utf8)
      }
  }

  private static func said(_ ending: ChildProcess.Ending) -> String {
    let first = ending.output.split(separator: .newline).first.map { shown(Array($0)) } ?? ""
    return first.isEmpty ? "exit status \(ending.status)" : first
  }
}

/// Whether the bytes stand somewhere in it.
func contains(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
  bytes.indices.contains { begins(Array(bytes[$0...].prefix(wanted.count)), with: wanted) }
}

extension ChildProcess.Failure {
  /// For a sentence, in brackets.
  var explanation: String {
    switch self {
    case .notStarted(let cause): "the child cannot be started: \(text(cause))"
    case .timedOut: "no answer in time"
    case .tooMuch: "it prints too much"
    }
  }
}
