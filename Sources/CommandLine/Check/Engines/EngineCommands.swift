import FoundationEssentials
import RootlessStorage

/// What an engine is told, and how its answers are read: the same words for Podman and Docker, but for what they say of themselves.
struct EngineCommands {
  /// What all of a trial bears. It never changes: what a trial left is found by it.
  static let label = "io.rootless-storage.verify=1"
  /// The name of the image.
  static let image = "rootless-storage-verify"

  let engine: EngineReport.Engine

  /// JSON.
  let info = ["info", "--format", "{{json .}}"]

  func importing(_ archive: Path) -> [[UInt8]] {
    words(["import"] + (engine == .podman ? ["--quiet"] : []) + ["--change", "LABEL \(EngineCommands.label)"]) + [archive.bytes]
      + words([EngineCommands.image])
  }

  /// Labels of SELinux would keep the container from a volume in the home, and are no part of what is tried.
  func running(_ image: [UInt8], volume: Path) -> [[UInt8]] {
    words(["run", "--rm", "--pull=never", "--network=none", "--label", EngineCommands.label, "--security-opt", "label=disable", "--volume"])
      + [volume.bytes + Array(":\(ProbeProgram.volume)".utf8), image] + words([ProbeProgram.path])
  }

  func removing(images: [[UInt8]]) -> [[UInt8]] { words(["image", "rm", "--force"]) + images }

  // What a run left that was cut off.
  var leftContainers: [[UInt8]] { words(["ps", "--all", "--quiet", "--no-trunc", "--filter", "label=\(EngineCommands.label)"]) }
  var leftImages: [[UInt8]] { words(["images", "--all", "--quiet", "--no-trunc", "--filter", "label=\(EngineCommands.label)"]) }
  func removing(containers: [[UInt8]]) -> [[UInt8]] { words(["rm", "--force"]) + containers }

  private func words(_ words: [String]) -> [[UInt8]] { words.map { Array($0.utf8) } }

  // MARK: Answers

  /// What the engine says of itself.
  struct Information: Equatable {
    var version: String?
    var graphroot: String?
    var driver: String?
    var runroot: String?
    var database: String?
    /// What Docker's client says of a daemon that did not answer.
    var errors: [String] = []
  }

  /// Warnings may stand before and behind the answer, which Podman 4.3 breaks into lines.
  ///
  /// - Returns: nil where there is no such answer in the output.
  func information(in output: [UInt8]) -> Information? {
    let lines = output.split(separator: .newline)
    for start in lines.indices.filter({ lines[$0].first == .leftBrace }).prefix(16) {
      let end = lines[start].last == .rightBrace ? start : lines.lastIndex { $0.first == .rightBrace } ?? start
      guard end >= start else { continue }
      let data = Data(lines[start...end].joined(separator: [.newline]))
      switch engine {
      case .podman:
        guard let said = try? JSONDecoder().decode(PodmanInformation.self, from: data), said.store != nil || said.version != nil else {
          continue
        }
        return Information(
          version: said.version?.Version, graphroot: said.store?.graphRoot, driver: said.store?.graphDriverName,
          runroot: said.store?.runRoot,
          database: said.host?.databaseBackend)
      case .docker:
        guard let said = try? JSONDecoder().decode(DockerInformation.self, from: data) else { continue }
        return Information(version: said.ServerVersion, graphroot: said.DockerRootDir, driver: said.Driver, errors: said.ServerErrors ?? [])
      }
    }
    return nil
  }

  /// The names in these records are the engines' own.
  private struct PodmanInformation: Decodable {
    struct Host: Decodable { var databaseBackend: String? }
    struct Store: Decodable {
      var graphRoot: String?
      var graphDriverName: String?
      var runRoot: String?
    }
    struct Version: Decodable { var Version: String? }
    var host: Host?
    var store: Store?
    var version: Version?
  }

  private struct DockerInformation: Decodable {
    var ServerVersion: String?
    var DockerRootDir: String?
    var Driver: String?
    var ServerErrors: [String]?
  }

  /// The ids of images or containers, each on a line of its own: 64 hexadecimal digits, before which `sha256:` may stand. Warnings stand
  /// between them.
  static func ids(in output: [UInt8]) -> [[UInt8]] {
    output.split(separator: .newline).compactMap { line in
      let digits = Array(line.starts(with: "sha256:".utf8) ? line.dropFirst(7) : line)
      return digits.count == 64 && digits.allSatisfy { isHexDigit($0) } ? digits : nil
    }
  }
}
