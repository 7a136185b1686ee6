import RootlessStorage

/// What is wrong with an engine, by what it said and did.
struct EngineFindings {
  let account: Account
  /// The user asks for themselves.
  let isSelf: Bool

  /// - Parameter explanations: what check finds that explains the failure.
  func all(_ report: EngineReport, _ explanations: [Finding]) -> [Finding] {
    var findings = report.differences.map { difference($0, report) }
    if let step = report.failedStep { findings.append(failure(step, report, explanations)) }
    return findings
  }

  private var again: String { "\(isSelf ? "" : "sudo ")rootless-storage verify \(shellWord(account.name))" }

  /// What the user runs.
  private func asUser(_ command: String, note: String) -> Remedy {
    .user(shown(account.name), command, note: note, after: isSelf ? nil : "as \(shown(account.name)), in a session of theirs")
  }

  private func run(_ command: String, note: String? = nil, after instruction: String? = nil) -> Remedy {
    isSelf ? .user(shown(account.name), command, note: note, after: instruction) : .root(command, note: note, after: instruction)
  }

  // MARK: Differences

  private func difference(_ difference: EngineReport.Difference, _ report: EngineReport) -> Finding {
    let isRoot = difference.what == .graphroot
    let subject = isRoot && report.engine == .docker ? "data-root" : difference.what.rawValue
    let network = isRoot && report.isNetwork
    let place = network ? ", which is on a network file system (\(report.fileSystem ?? "unknown"))" : ""
    let files = "~/.config/containers /etc/containers /usr/share/containers"
    let remedy =
      switch (report.engine, difference.what) {
      case (.docker, _):
        asUser(
          "systemctl --user cat docker.service",
          note: "its daemon may be older than daemon.json: systemctl --user restart docker; or the unit sets XDG_DATA_HOME")
      case (.podman, .database):
        asUser("grep -rs database_backend \(files)", note: "it keeps what it knows of containers there, and its runroot")
      case (.podman, .runroot):
        asUser(
          "ls -l \(shellWord(Array((report.graphroot ?? "").utf8)))/db.sql",
          note:
            "Podman's database, there or in libpod/bolt_state.db, has kept it since its first command: nothing has to be done while that place is good"
        )
      case (.podman, _):
        asUser("grep -rsE 'graphroot|rootless_storage_path|driver' \(files)", note: "another file sets it")
      }
    return Finding(
      .engineDiffers, network ? .error : .warning,
      "\(report.engine.name) reports the \(subject) \(difference.engine)\(place); check expects \(difference.check).", remedy: remedy)
  }

  // MARK: Failures

  private func failure(_ step: EngineReport.Step, _ report: EngineReport, _ explanations: [Finding]) -> Finding {
    let engine = report.engine
    var sentence = "\(engine.name) failed at the step \(step.step.rawValue): \(step.cause ?? "it did not work")."
    if let words = step.words?.last { sentence += " It printed last: \(words)" }
    let isTidying = step.step == .remove || step.step == .leftovers
    return Finding(.engineFails, isTidying ? .warning : .error, sentence, remedy: remedy(step, engine, explanations))
  }

  private func remedy(_ step: EngineReport.Step, _ engine: EngineReport.Engine, _ explanations: [Finding]) -> Remedy {
    if let first = explanations.first {
      return run(again, after: "fix \(first.code.rawValue), which check finds and which explains it; then")
    }
    let program = engine.rawValue
    let watch =
      engine == .podman
      ? "podman --log-level=debug info" : "DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock docker info; journalctl --user -u docker.service"
    switch step.outcome {
    case .notStarted:
      return .root(
        "sudo ls -lL $(command -v \(program))", note: "it has to be a program that everybody can run: reinstall \(program); then: \(again)")
    case .killed:
      return .root("sudo journalctl -k -g 'killed process'", note: "the kernel ends programs when memory is short; then: \(again)")
    case .late: return asUser(watch, note: "see what it waits for; or give it longer: \(again) --timeout 600")
    case .flooded: return asUser(watch, note: "see what it prints; \(program) may be a script of somebody's; then: \(again)")
    case .failed, .done, .skipped: break
    }
    if step.step == .remove || step.step == .leftovers {
      return run(
        again,
        note:
          "what is left bears the label \(EngineCommands.label), and the next run removes it; if that fails too, as \(shown(account.name)): \(watch)"
      )
    }
    if step.step == .volume {
      return asUser(
        "touch ~/rootless-storage-test && ls -l ~/rootless-storage-test",
        note: "see whether the home can be written to, and whose new files are; then: \(again)")
    }
    return asUser(watch, note: "check finds nothing that explains it: act on what \(engine.name) prints; then: \(again)")
  }

  // MARK: Explanations

  /// The findings of check's that explain why an engine failed, the gravest first: those that can stop the engine at that step, and, where
  /// there are several ways for a step to fail, whose sign is in what it printed. A program that never answered, or that something ended,
  /// is explained by none of them.
  static func explanations(_ findings: [Finding], of report: EngineReport) -> [Finding] {
    guard let step = report.failedStep, step.outcome == .failed, step.status ?? 0 != 0 || step.step == .volume else { return [] }
    let said = ((step.words ?? []) + [step.cause ?? ""]).joined(separator: "\n").lowercased()
    let fit = findings.filter { finding in
      guard finding.severity != .note, let signs = signs(of: finding.code, report.engine, at: step.step) else { return false }
      return signs.isEmpty ? finding.severity == .error : signs.contains { said.contains($0) }
    }
    return fit.filter { $0.severity == .error } + fit.filter { $0.severity != .error }
  }

  /// What an engine prints if this finding is why it fails at a step, one of them; none: it always fails then. nil: it is never why.
  private static func signs(of code: FindingCode, _ engine: EngineReport.Engine, at step: EngineReport.Step.Name) -> [String]? {
    let isStart = step == .info
    let stores = isStart || step == .import || step == .run
    switch code {
    // It does not start with such files.
    case .storageConfInvalid, .storageConfUnreadable, .containersConf, .driverUnknown, .imageStore, .storageOption, .overlayRecord,
      .podmanDatabase, .pauseProcess:
      return engine == .podman && isStart ? [] : nil
    case .daemonJsonInvalid, .daemonJsonUnreadable, .daemonJsonKey, .dataRootTwice, .dataRootOldKey, .dockerDriver, .execRootUnusable,
      .dockerStore:
      return engine == .docker && isStart ? [] : nil
    // Its store is where it cannot work. A network file system refuses the owners of an image's files.
    case .graphrootNetwork, .graphrootMissing, .storageConfMissing:
      return engine == .podman && stores ? ["network file system", "nfs", "overlay", "chown", "not supported", "permitted", "denied"] : nil
    case .graphrootForeign, .graphrootVariable, .runrootUnusable, .storeOwner:
      return engine == .podman && stores ? ["denied", "permitted", "no such file", "mkdir"] : nil
    case .dataRootNetwork, .dataRootMissing, .daemonJsonMissing:
      return engine == .docker && stores ? ["overlay", "chown", "not supported", "permitted", "denied"] : nil
    case .dataRootForeign: return engine == .docker && stores ? ["denied", "permitted", "mkdir"] : nil
    case .storageMissing, .storageOccupied, .storageTampered, .storageNetwork, .storageWay, .storageFailed:
      return stores ? ["denied", "permitted", "no such file", "mkdir", "network file system", "not supported"] : nil
    case .storagePath, .storageFileSystem, .fuseOverlayfs: return stores ? ["overlay", "fuse"] : nil
    case .storageSpace: return stores || step == .volume ? ["no space left", "quota exceeded"] : nil
    case .storageNoexec: return step == .run ? ["denied"] : nil
    case .storageLabel: return step == .run || step == .import ? ["denied"] : nil
    // Who is who in the container.
    case .subuidMissing, .subuidSmall, .subidSource, .subidRefused, .subidLine, .migrateNeeded:
      return stores || step == .volume
        ? ["subuid", "subgid", "newuidmap", "newgidmap", "chown", "uid_map", "gid_map", "insufficient uids", "belongs to"] : nil
    case .usernsDisabled, .usernsRestricted, .newuidmap:
      return stores ? ["namespace", "newuidmap", "newgidmap", "clone", "unshare", "permitted"] : nil
    // Nothing of these keeps an engine from working, or they are of the caller's environment, which a trial does not have.
    default: return nil
    }
  }
}
