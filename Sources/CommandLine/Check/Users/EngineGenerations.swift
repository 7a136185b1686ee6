import RootlessStorage

/// How the engines of this host read their configuration; nil where that is not known.
struct EngineGenerations: Codable, Equatable, Sendable {
  var podman: PodmanGeneration?
  var docker: DockerGeneration?

  init(podman: PodmanGeneration? = nil, docker: DockerGeneration? = nil) {
    self.podman = podman
    self.docker = docker
  }

  init(installedIn tree: HostTree) { self.init(podman: PodmanGeneration.installed(tree), docker: DockerGeneration.installed(tree)) }

  /// Whether the Podman of this host reads registries.conf and policy.json as before version 6.1; nil where that is not known.
  static func readsImageFilesAsBefore(_ tree: HostTree) -> Bool? {
    // The name of a function: in 5.8.6, and not in 6.1.1.
    find(["sysregistriesv2.dropInConfigs"], inProgram: "podman", tree)?.first
  }

  /// It is a Podman as 6.1.1, and not as Debian's 5.8.6, which reads its configuration alike: where the pause process is gone it makes
  /// another one, and it does not look for a Bolt database in `libpod`.
  static func forgetsPauseProcess(_ tree: HostTree) -> Bool? { find(["is not a pause process"], inProgram: "podman", tree)?.first }

  /// It reads the name of a network backend in the store.
  static func readsNetworkBackend(_ tree: HostTree) -> Bool? { find(["unknown network backend value"], inProgram: "podman", tree)?.first }

  /// Which of the texts stand in a program that is installed.
  ///
  /// - Returns: nil if it is not, or is no ELF program: a script may start another one.
  static func find(_ wanted: [String], inProgram name: String, _ tree: HostTree) -> [Bool]? {
    guard let path = UserNamespaces.find(name, tree) else { return nil }
    do throws(Errno) {
      let file = try open(path: tree.resolve(tree.real(path)), .reading)
      guard try fileStatus(of: file).kind == .regular else { return nil }
      // One more than the limit is read.
      let head = try readAll(file, limit: 3)
      guard head.elementsEqual([0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F")]) else { return nil }
      return try texts(wanted.map { Array($0.utf8) }, in: file, limit: 256 << 20)
    } catch { return nil }
  }
}
