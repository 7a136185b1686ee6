/// The settings that hold for this run.
public struct SettingsReading {
  public let settings: Settings
  public let problems: [SettingsProblem]
  /// What was read, the settings file first, then the drop-ins in their order. Those that are missing are left out.
  package let files: [SettingsFile]
}

/// Reads the settings file, and the drop-ins beside it: `conf.d/*.conf`, in byte order of their names. What is missing says nothing.
///
/// A directory `conf.d` that is missing costs one system call.
///
/// - Parameter trusted: the process has root's rights, so every file, and every directory above it, must be root's alone. One that is
///   not makes all of them refused: what it would have set is not known.
public func readSettings(_ path: Path, trusted: Bool, _ mounts: MountTable) throws(PathError) -> SettingsReading {
  let rule = trusted ? WayRule.trusted : .any
  var files: [SettingsFile] = []
  try read(path, rule, mounts, into: &files)
  let directory = path.parent / "conf.d"
  for name in try dropIns(in: directory, rule, mounts) { try read(directory / name, rule, mounts, into: &files) }
  return parsed(files)
}

/// The settings of one file alone, such as a draft.
package func readSettings(alone path: Path) throws(PathError) -> SettingsReading {
  var files: [SettingsFile] = []
  try read(path, .any, MountTable(blockDeviceIsLocal: true), into: &files)
  return parsed(files)
}

/// The same of what somebody else has read.
package func readSettings(alone path: Path, content: [UInt8]) throws(PathError) -> SettingsReading {
  if content.count > SettingsFile.longest { throw PathError(path: path, reason: .tooLarge) }
  return parsed([SettingsFile(path: path, content: content)])
}

private func parsed(_ files: [SettingsFile]) -> SettingsReading {
  let parser = SettingsParser(files)
  return SettingsReading(settings: parser.settings, problems: parser.problems, files: files)
}

private func read(_ path: Path, _ rule: WayRule, _ mounts: MountTable, into files: inout [SettingsFile]) throws(PathError) {
  var reason = PathError.Reason.tooLarge
  do throws(PathError) {
    let file = try walk(toFile: path, rule, mounts)
    do throws(Errno) {
      let content = try file.content(limit: SettingsFile.longest)
      if content.count <= SettingsFile.longest { return files.append(SettingsFile(path: path, content: content)) }
    } catch { reason = .failed(error) }
  } catch {
    if error.reason == .missing { return }
    throw error
  }
  throw PathError(path: path, reason: reason)
}

/// The names of the drop-ins, in their order.
private func dropIns(in path: Path, _ rule: WayRule, _ mounts: MountTable) throws(PathError) -> [[UInt8]] {
  // The directories above have been judged on the way to the settings file. Whatever else the kernel says of this one, the walk says it
  // too.
  do throws(Errno) { _ = try open(path: path, .pathOnly) } catch { if error == .noEntry { return [] } }
  var reason = PathError.Reason.tooManyFiles
  do throws(PathError) {
    let directory = try walk(toDirectory: path, rule, mounts)
    do throws(Errno) {
      let listed = try open(at: directory.descriptor, [.dot], .directory)
      let all = try names(in: listed, limit: SettingsFile.mostNames)
      let found = all.filter(SettingsFile.isDropIn)
      if all.count <= SettingsFile.mostNames && found.count <= SettingsFile.mostDropIns { return found.sorted(by: isOrderedBefore) }
    } catch { reason = .failed(error) }
  } catch {
    if error.reason == .missing { return [] }
    throw error
  }
  throw PathError(path: path, reason: reason)
}
