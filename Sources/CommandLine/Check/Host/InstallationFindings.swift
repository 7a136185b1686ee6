import RootlessStorage

/// What is wrong with the installation on this host.
func installationFindings(_ installation: Installation) -> [Finding] {
  var findings: [Finding] = []
  if installation.moduleDirectory == nil {
    findings.append(
      Finding(
        .moduleMissing, .error, "No directory with PAM modules is found on this host, and so not pam_rootless_storage.so either.",
        remedy: "install Linux-PAM, then this package again"))
  }
  for module in installation.modules where !module.isThere {
    findings.append(
      Finding(
        .moduleMissing, .error, "The PAM module \(shown(module.path)) is not there, so no login prepares anything.",
        remedy: "install the package again, or packaging/install from its source"))
  }
  for helper in installation.helpers {
    if let finding = finding(helper) { findings.append(finding) }
  }
  switch installation.settings {
  case .read(let file):
    for problem in file.problems {
      let edit = "edit \(shellWord(problem.file))\(problem.line > 0 ? " at line \(problem.line)" : "")"
      // As long as nobody knows who is excluded, nobody is served.
      let place = Exclusions.Place(file: problem.file, line: problem.line)
      let isDecisive = file.settings.exclusions.uncertainUsers == place || file.settings.exclusions.uncertainGroups == place
      findings.append(
        Finding(
          .settingsProblem, isDecisive ? .error : .warning, sentence(.settingsProblem(problem)),
          remedy: "\(edit); see rootless-storage.conf(5)"))
    }
  case .refused(let problem):
    findings.append(
      Finding(.settingsRefused, .error, sentence(.settingsRefused(problem)), remedy: remedy(problem, to: installation.settingsPath)))
  case .unseen: break
  }
  switch installation.skeleton {
  case .read(let skeleton):
    guard case .read(let file) = installation.settings else { break }
    for fault in skeleton.faults {
      let path = file.settings.skeleton / fault.path
      findings.append(
        Finding(
          .skeletonInvalid, .error,
          "\(shown(path)) is invalid \(fault.format.rawValue) (line \(fault.problem.line): \(fault.problem.reason)), and logins create ~/\(shown(fault.path)) from it: the engine does not start with that file, or uses the home.",
          remedy: "edit \(shellWord(path)); the homes that have a copy already: sudo rootless-storage repair --all"))
    }
    for warning in skeleton.warnings {
      let path = file.settings.skeleton / warning.path
      findings.append(
        Finding(
          .skeletonWarning, .warning, sentence(.skeletonWarning(warning), skeleton: file.settings.skeleton),
          remedy: "move \(shellWord(path)) out of the skeleton, or make it a regular file within its limits; see rootless-storage.conf(5)"))
    }
  case .refused(let problem):
    findings.append(
      Finding(.skeletonRefused, .error, sentence(.skeletonRefused(problem)), remedy: remedy(problem, to: installation.skeletonPath)))
  case .unseen, nil: break
  }
  return findings
}

/// What only root may read, or whose owner only root may see.
func installationUnseen(_ installation: Installation) -> [Path] {
  var paths = installation.helpers.filter { $0.state == .unseen }.map(\.path)
  if case .unseen(let path) = installation.settings { paths.append(path) }
  if case .unseen(let path) = installation.skeleton { paths.append(path) }
  return paths
}

private func finding(_ helper: Installation.Helper) -> Finding? {
  let path = shown(helper.path)
  switch helper.state {
  case .good, .unseen: return nil
  case .notExecutable(let mode):
    return Finding(
      .helperMissing, .error,
      "The session helper \(path) is not executable (mode \(String(decoding: octal(mode), as: UTF8.self))), so no login prepares anything.",
      remedy: .root("sudo chmod 755 \(shellWord(helper.path))"))
  case .refused(let problem) where problem.reason == .missing || problem.reason == .failed(.noEntry):
    return Finding(
      .helperMissing, .error,
      "The session helper \(path) is not there (\(shown(problem.path)) does not exist), so no login prepares anything.",
      remedy: "install the package again, or correct helper= in the PAM line")
  case .refused(let problem):
    let sentence = "The session helper \(path), which runs as root at every login, is not root's alone: "
    return Finding(.helperMissing, .error, sentence + objection(problem) + ".", remedy: remedy(problem, to: helper.path))
  }
}

private func objection(_ problem: PathError) -> String {
  let path = shown(problem.path)
  switch problem.reason {
  case .ownedBy(let owner), .linkOwnedBy(let owner): return "\(path) is owned by uid \(owner)"
  case .writableByOthers(let mode): return "\(path) is writable by others (mode \(String(decoding: octal(mode), as: UTF8.self)))"
  case .notRegular: return "\(path) is not a regular file"
  case .notDirectory: return "\(path) is not a directory"
  case .failed(let cause): return "\(path) cannot be looked at (\(shown(cause.explanation)))"
  case .missing, .tooLarge, .tooManyFiles, .tooManySymbolicLinks, .onNetwork, .userMount: return "\(path) is not fit for it"
  }
}

/// What makes a way to something of root's trustworthy again.
///
/// - Parameter target: what the way leads to. Directories above it have other users: their mode and owner are changed only where nobody
///   but root can be meant to write. `chmod go-w /tmp` would break the host.
private func remedy(_ problem: PathError, to target: Path) -> Remedy {
  let path = shellWord(problem.path)
  let isSystem = (["/etc", "/usr", "/opt", "/lib", "/lib64"] as [Path]).contains(where: problem.path.isAtOrBelow)
  let isOurs = problem.path.isAtOrBelow(target) || isSystem
  let elsewhere: Remedy =
    "put \(shellWord(target.name)) where only root can write, such as below /etc/rootless-storage, and name it there; \(path) is left as it is"
  switch problem.reason {
  case .ownedBy:
    return isOurs
      ? .root("sudo chown root:root \(path)", note: "when what is in it is as it should be: its owner could write to it") : elsewhere
  case .linkOwnedBy: return isOurs ? .root("sudo chown -h root:root \(path)", note: "when it leads to where it should") : elsewhere
  case .writableByOthers(let mode):
    return isOurs && mode & 0o1000 == 0
      ? .root("sudo chmod go-w \(path)", note: "when what is in it is as it should be: others could write to it") : elsewhere
  case .missing: return "install the package again, or set skel in rootless-storage.conf"
  case .userMount: return .root("sudo umount \(path)")
  case .onNetwork, .notDirectory, .notRegular, .tooLarge, .tooManyFiles, .tooManySymbolicLinks, .failed:
    return .root("sudo ls -ld \(path)", note: "find out why it cannot be used")
  }
}
