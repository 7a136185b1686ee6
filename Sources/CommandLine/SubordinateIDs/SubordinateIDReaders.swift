import FoundationEssentials
import RootlessStorage

/// What is known of the programs that read /etc/subuid and /etc/subgid, where it makes a difference.
struct SubordinateIDReaders: Equatable, Sendable {
  /// Files that engines cannot read as their user, with their modes.
  var closed: [SubordinateIDKind: UInt32] = [:]
  /// usermod(8) gives ranges by itself: shadow is 4.20 or later.
  var hasAddSubids = false
  /// Where Podman is, if it reads the files itself although nsswitch.conf(5) names another source; nil: it does not, or nobody asked.
  var podmanOfFiles: Path?
  /// Podman unpacks images as one user (`ignore_chown_errors`), by this host's storage.conf.
  var ignoresChownErrors = false
  /// `userns-remap` of /etc/docker/daemon.json; nil: not set, or empty.
  var dockerRemap: String?
  /// `data-root` of the same.
  var dockerRoot: Path = "/var/lib/docker"
  /// What `userns-remap` names: users and groups.
  var dockerOwners: [[UInt8]] = []

  init() {}

  /// - Parameter hasOtherSource: subordinate ids do not come from the files.
  init(_ tree: HostTree, hasOtherSource: Bool) {
    for kind in [SubordinateIDKind.users, .groups] {
      if let status = tree.status(Path(kind.file)), status.kind == .regular, status.mode & 0o004 == 0 {
        closed[kind] = status.mode & 0o7777
      }
    }
    for path in ["/usr/sbin/usermod", "/usr/bin/usermod", "/sbin/usermod"] as [Path] where !hasAddSubids {
      hasAddSubids = SubordinateIDReaders.holds("add-subids\u{0}", tree.resolve(path))
    }
    if hasOtherSource,
      let podman = UserProgram.directories.lazy.map({ $0 / "podman" }).first(where: { tree.status($0)?.kind == .regular }),
      !SubordinateIDReaders.holds("libsubid.so", tree.resolve(podman))
    {
      podmanOfFiles = podman
    }
    ignoresChownErrors = SubordinateIDReaders.ignoresChownErrors(
      SubordinateIDReaders.storageConf.lazy.compactMap { try? tree.read($0) }.first.flatMap { try? TOMLText($0) })
    let docker = try? JSONDecoder().decode(DockerSettings.self, from: Data((try? tree.read("/etc/docker/daemon.json")) ?? []))
    if let root = docker?.root, root.hasPrefix("/") { dockerRoot = Path(root) }
    if let remap = docker?.remap, !remap.isEmpty {
      dockerRemap = remap
      if remap != "default" { dockerOwners = remap.split(separator: ":").map { Array($0.utf8) } }
    }
  }

  /// The administrator's comes before the distribution's.
  private static let storageConf: [Path] = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"]

  /// `[storage.options.overlay]` comes before `[storage.options]`.
  static func ignoresChownErrors(_ conf: TOMLText?) -> Bool {
    let values = [["storage", "options", "overlay", "ignore_chown_errors"], ["storage", "options", "ignore_chown_errors"]].compactMap {
      conf?.value($0)
    }
    return values.first == .string("true")
  }

  /// A text near the beginning of a program, where the names of its libraries and of a small one's options are.
  private static func holds(_ words: String, _ path: Path) -> Bool {
    do throws(Errno) { return try texts([Array(words.utf8)], in: try open(path: path, .readingFollowing), limit: 4 << 20)[0] } catch {
      return false
    }
  }

  private struct DockerSettings: Decodable {
    let remap: String?
    let root: String?

    enum CodingKeys: String, CodingKey { case remap = "userns-remap", root = "data-root" }
  }
}
