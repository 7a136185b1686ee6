import RootlessStorage

/// How a dockerd reads daemon.json.
enum DockerGeneration: String, Codable, CaseIterable, Sendable {
  /// Up to 20.10: with the old names of keys and options.
  case early
  /// From 23 on, which is what followed.
  case late

  /// Of the dockerd that is installed here.
  ///
  /// - Returns: nil if there is none, or one that is no program of Go's as it is known.
  static func installed(_ tree: HostTree) -> DockerGeneration? {
    // Names of functions in the program's table of them: seen in Debian's 26.1.5 and 28.5.2, and in 20.10.24. Only the first one is looked
    // for in a program that has it: dockerd is large.
    if EngineGenerations.find(["config.MaskCredentials"], inProgram: "dockerd", tree) == [true] { return .late }
    return EngineGenerations.find(["config.ParseClusterAdvertiseSettings"], inProgram: "dockerd", tree) == [true] ? .early : nil
  }
}
