/// The settings that hold for this run.
public struct SettingsReading {
  public let settings: Settings
  public let problems: [SettingsProblem]
}

/// Reads the settings file. One that is missing means the defaults.
///
/// - Parameter trusted: the process has root's rights, so the file and every directory above it must be root's alone.
public func readSettings(_ path: [UInt8], trusted: Bool, _ mounts: MountTable) throws(WayProblem) -> SettingsReading {
  let content: [UInt8]
  do throws(WayProblem) {
    let file = try walk(toFile: path, trusted ? .trusted : .any, mounts)
    content = try read(file, path, limit: SettingsParser.longestFile)
  } catch {
    if error.reason == .missing { return SettingsReading(settings: Settings(), problems: []) }
    throw error
  }
  let parser = SettingsParser(content)
  return SettingsReading(settings: parser.settings, problems: parser.problems)
}

private func read(_ file: borrowing WayEnd, _ path: [UInt8], limit: Int) throws(WayProblem) -> [UInt8] {
  let content: [UInt8]
  do throws(Errno) { content = try file.content(limit: limit) } catch {
    throw WayProblem(path: path, reason: .failed(error))
  }
  if content.count > limit { throw WayProblem(path: path, reason: .tooLarge) }
  return content
}
