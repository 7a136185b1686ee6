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

/// How the engines of this host read their configuration; nil where that is not known.
struct EngineGenerations: Codable, Equatable, Sendable {
  var podman: PodmanGeneration?
  var docker: DockerGeneration?

  init(podman: PodmanGeneration? = nil, docker: DockerGeneration? = nil) {
    self.podman = podman
    self.docker = docker
  }

  init(installedIn tree: HostTree) { self.init(podman: PodmanGeneration.installed(tree), docker: DockerGeneration.installed(tree)) }

  /// Which of the texts stand in a program that is installed.
  ///
  /// - Returns: nil if it is not, or is no ELF program: a script may start another one.
  static func find(_ wanted: [StaticString], inProgram name: String, _ tree: HostTree) -> [Bool]? {
    guard let path = UserNamespaces.find(name, tree) else { return nil }
    do throws(Errno) {
      let file = try open(path: tree(tree.real(path)), .reading)
      guard try fileStatus(of: file).kind == .regular else { return nil }
      // One more than the limit is read.
      let head = try readAll(file, limit: 3)
      guard head.elementsEqual([0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F")]) else { return nil }
      return try texts(wanted, in: file, limit: 256 << 20)
    } catch { return nil }
  }
}
