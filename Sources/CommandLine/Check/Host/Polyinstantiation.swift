import RootlessStorage

/// What gives sessions a directory of their own in the place of one above the storage directories, so that those with and those
/// without it do not see the same storage.
struct Polyinstantiation: Equatable, Sendable {
  /// Who does it, for the beginning of a sentence: `pam_namespace gives every user`.
  let who: String
  /// `FILE:LINE`, or a file.
  let place: String

  init(who: String, place: String) {
    self.who = who
    self.place = place
  }

  /// - Parameter parent: the directory that holds the storage directories.
  init?(_ tree: HostTree, _ parent: Path, _ stacks: PAMStacks) {
    guard
      let found = Polyinstantiation.namespace(tree, parent, stacks) ?? Polyinstantiation.slurm(tree, parent)
        ?? Polyinstantiation.plugin(tree, parent) ?? Polyinstantiation.unit(tree, parent)
    else { return nil }
    self = found
  }

  /// pam_namespace(8).
  private static func namespace(_ tree: HostTree, _ parent: Path, _ stacks: PAMStacks) -> Polyinstantiation? {
    guard stacks.stacks.contains(where: { $0.steps.contains { $0.module.elementsEqual("pam_namespace".utf8) } }) else { return nil }
    let files = ["/etc/security/namespace.conf"] + names("/etc/security/namespace.d", ".conf", tree)
    return first(tree, files) { fields in fields.count >= 3 && parent.isAtOrBelow(Path(fields[0])) }.map {
      Polyinstantiation(who: "pam_namespace gives every user", place: $0)
    }
  }

  /// Slurm's own plugins, which have a file beside slurm.conf (job_container.conf(5)).
  private static func slurm(_ tree: HostTree, _ parent: Path) -> Polyinstantiation? {
    for directory in ["/etc/slurm", "/etc/slurm-llnl"] {
      guard let content = try? tree.read(Path("\(directory)/slurm.conf")) else { continue }
      let lines = bareLines(content)
      let plugins = ["jobcontainertype=job_container/tmpfs", "namespacetype=namespace/tmpfs"].map { Array($0.utf8) }
      guard lines.contains(where: { plugins.contains($0) }), let settings = try? tree.read(Path("\(directory)/job_container.conf")) else {
        continue
      }
      var isListed = false
      for (index, raw) in settings.split(separator: .newline, omittingEmptySubsequences: false).enumerated() {
        for word in words(raw.prefix { $0 != .hash }) where begins(lowercased(word), with: Array("dirs=".utf8)) {
          isListed = true
          let list = word.dropFirst(5).filter { $0 != .quote }.split(separator: .comma)
          if list.contains(where: { parent.isAtOrBelow(Path(Array($0))) }) {
            return Polyinstantiation(who: "Slurm gives every job", place: "\(directory)/job_container.conf:\(index + 1)")
          }
        }
      }
      if !isListed && parent.isAtOrBelow("/tmp") {
        return Polyinstantiation(who: "Slurm gives every job", place: "\(directory)/job_container.conf")
      }
    }
    return nil
  }

  /// Plugins of others for Slurm: `required private-tmpdir.so base=/scratch/slurm mount=/var/tmp`.
  private static func plugin(_ tree: HostTree, _ parent: Path) -> Polyinstantiation? {
    for directory in ["/etc/slurm", "/etc/slurm-llnl"] {
      let files = [Path("\(directory)/plugstack.conf")] + names(Path("\(directory)/plugstack.conf.d"), "", tree)
      let place = first(tree, files) { fields in
        fields.contains { word in begins(word, with: Array("mount=".utf8)) && parent.isAtOrBelow(Path(Array(word.dropFirst(6)))) }
      }
      if let place { return Polyinstantiation(who: "A plugin of Slurm's gives every job", place: place) }
    }
    return nil
  }

  /// Services in which people's sessions begin, and whose mounts these have.
  private static let units = [
    "sshd.service", "ssh.service", "sshd@.service", "ssh@.service", "user@.service", "cron.service", "crond.service", "atd.service",
    "slurmd.service", "xrdp-sesman.service", "display-manager.service", "gdm.service", "gdm3.service", "lightdm.service", "sddm.service",
  ]

  /// `PrivateTmp=` (systemd.exec(5)).
  private static func unit(_ tree: HostTree, _ parent: Path) -> Polyinstantiation? {
    guard parent.isAtOrBelow("/tmp") || parent.isAtOrBelow("/var/tmp") else { return nil }
    for directory in ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"] {
      for unit in units {
        let files = [Path("\(directory)/\(unit)")] + names(Path("\(directory)/\(unit).d"), ".conf", tree)
        let place = first(tree, files) { fields in
          let line = Array(lowercased(Array(fields.joined())))
          return ["yes", "true", "on", "1", "disconnected"].contains { line.elementsEqual("privatetmp=\($0)".utf8) }
        }
        if let place {
          return Polyinstantiation(
            who: "\(unit) gives the sessions that begin in it", place: place)
        }
      }
    }
    return nil
  }

  private static func names(_ directory: Path, _ ending: String, _ tree: HostTree) -> [Path] {
    ((try? tree.names(directory)) ?? []).filter { $0.suffix(ending.utf8.count).elementsEqual(ending.utf8) }
      .map { directory / $0 }
  }

  /// The first line of the files, without its comment, whose words are so.
  private static func first(_ tree: HostTree, _ files: [Path], _ isSo: ([[UInt8]]) -> Bool) -> String? {
    for path in files {
      guard let content = try? tree.read(path) else { continue }
      for (index, line) in content.split(separator: .newline, omittingEmptySubsequences: false).enumerated() {
        let fields = words(line.prefix { $0 != .hash }).map { Array($0) }
        if !fields.isEmpty && isSo(fields) { return "\(shown(path)):\(index + 1)" }
      }
    }
    return nil
  }
}
