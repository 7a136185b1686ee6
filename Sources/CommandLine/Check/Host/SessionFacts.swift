import RootlessStorage

/// How sessions begin on this host that libpam has no part in.
struct SessionFacts: Equatable, Sendable {
  /// `FILE:LINE` that keeps sshd from PAM (`UsePAM no`); nil: it does not say so.
  let sshWithoutPAM: String?
  /// Slurm's settings, where its jobs open no PAM session; nil: there is no Slurm, or they do.
  let slurmWithoutPAM: Path?
  /// Others that begin sessions without PAM: what they are, and the file that says so.
  let others: [Other]

  struct Other: Equatable, Sendable {
    /// For the beginning of a sentence: `Jobs of PBS`.
    let who: String
    let file: String
  }

  init(_ tree: HostTree) {
    sshWithoutPAM = SessionFacts.ssh(tree)
    others = SessionFacts.others(tree)
    let slurm = (["/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf"] as [Path]).first { tree.status($0)?.kind == .regular }
    slurmWithoutPAM = slurm.flatMap { path in
      guard let content = try? tree.read(path) else { return nil }
      return bareLines(content).contains { $0.elementsEqual("usepam=1".utf8) } ? nil : path
    }
  }

  /// What is known of them by a file of settings.
  private static func others(_ tree: HostTree) -> [Other] {
    func lines(_ path: String) -> [[UInt8]]? { (try? tree.read(Path(path))).map { bareLines($0) } }
    func has(_ path: String, _ wanted: [String]) -> Bool {
      lines(path)?.contains { line in wanted.contains { line.elementsEqual($0.utf8) } } ?? false
    }
    var found: [Other] = []
    if has("/etc/pbs.conf", ["pbs_start_mom=1"]) { found.append(Other(who: "Jobs of PBS", file: "/etc/pbs.conf")) }
    let teleport = "/etc/teleport.yaml"
    if let all = lines(teleport), has(teleport, ["ssh_service:"]), !all.contains(where: { $0.elementsEqual("pam:".utf8) }) {
      found.append(Other(who: "Sessions of Teleport", file: teleport))
    }
    if has("/etc/rstudio/rserver.conf", ["auth-pam-sessions-enabled=0"]) {
      found.append(Other(who: "Sessions of RStudio", file: "/etc/rstudio/rserver.conf"))
    }
    for path in ["/etc/jupyterhub/jupyterhub_config.py", "/etc/jupyterhub_config.py", "/srv/jupyterhub/jupyterhub_config.py"]
    where has(path, ["c.pamauthenticator.open_sessions=false", "c.localauthenticator.open_sessions=false"]) {
      found.append(Other(who: "Sessions of JupyterHub", file: path))
    }
    return found
  }

  /// The first value of a keyword counts (sshd_config(5)). What stands in a Match block cannot be UsePAM.
  private static func ssh(_ tree: HostTree) -> String? {
    var left = 64
    func value(_ file: Path, depth: Int) -> (isYes: Bool, place: String)? {
      guard depth < 8, let content = try? tree.read(file) else { return nil }
      for (index, raw) in content.split(separator: .newline, omittingEmptySubsequences: false).enumerated() {
        let fields = raw.split { isBlank($0) || $0 == .equals || $0 == .carriageReturn }.map { field in field.filter { $0 != .quote } }
        guard fields.count >= 2, let keyword = fields.first.map({ lowercased($0) }), keyword.first != .hash else { continue }
        if keyword.elementsEqual("match".utf8) { return nil }
        if keyword.elementsEqual("usepam".utf8) { return (lowercased(fields[1]).elementsEqual("yes".utf8), "\(shown(file)):\(index + 1)") }
        guard keyword.elementsEqual("include".utf8) else { continue }
        for pattern in fields.dropFirst() {
          let path = Path(pattern)
          let whole = path.isAbsolute ? path : "/etc/ssh" / path
          let directory = whole.parent
          for name in (try? tree.names(directory)) ?? [] where name.first != .dot && matchesPath(whole, directory / name) {
            left -= 1
            if left < 0 { return nil }
            if let found = value(directory / name, depth: depth + 1) { return found }
          }
        }
      }
      return nil
    }
    guard let found = value("/etc/ssh/sshd_config", depth: 0), !found.isYes else { return nil }
    return found.place
  }
}

/// The lines of settings without comments and blanks, in lower case: `key=value`.
func bareLines(_ content: [UInt8]) -> [[UInt8]] {
  content.split(separator: .newline).map { line in lowercased(line.prefix { $0 != .hash }.filter { !isBlank($0) && $0 != .carriageReturn })
  }
}
