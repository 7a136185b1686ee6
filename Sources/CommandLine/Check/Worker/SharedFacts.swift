import RootlessStorage

/// What is the same for every user: read before the first copy of the process is made (`ExaminerService`), with the rights of whoever
/// asks, and never again.
///
/// Nothing in it is an account's, no name service is asked, and of the site's files it has only those that everybody may read.
///
/// A class: in a copy of the process each count of a reference in it that is changed copies a page.
final class SharedFacts {
  /// The file of settings that it was read for.
  let conf: Path
  let settings: Result<Settings, PathError>
  let skeleton: Result<[SkeletonFile], PathError>
  /// What would remove old files.
  let cleaning: Cleaning
  /// Where podman is; nil: not installed.
  let podman: Path?
  /// The same as the user's (`UserFacts`), where every user's Podman depends on it: the vendor's policy.json is the only one of the host.
  let readsImageFilesAsBefore: Bool?
  let hasFuseOverlayfs: Bool
  /// The kernel mounts overlay in user namespaces.
  let mountsOverlay: Bool
  /// Root can have a user's manager start something.
  let hasManagerClient: Bool
  /// SELinux is on, and files have labels that count.
  let hasSecurityLabels: Bool
  /// Where users' managers find something about Docker, outside of homes.
  let unitDirectories: [String]
  let files: SharedFiles

  /// - Parameter isPrivileged: this process has root's rights.
  init(_ conf: Path, isPrivileged: Bool) {
    self.conf = conf
    let tree = HostTree.this
    settings = SharedFacts.settings(conf, isPrivileged)
    skeleton = SharedFacts.skeleton(settings, isPrivileged)
    cleaning = Cleaning(tree)
    podman = UserNamespaces.find("podman", tree)
    let isVendorsPolicy = tree.exists("/usr/share/containers/policy.json") && !tree.exists("/etc/containers/policy.json")
    readsImageFilesAsBefore = isVendorsPolicy ? EngineGenerations.readsImageFilesAsBefore(tree) : nil
    hasFuseOverlayfs = UserNamespaces.find("fuse-overlayfs", tree) != nil
    mountsOverlay = UserNamespaces(tree).hasRootlessOverlay
    hasManagerClient = UserProgram.hasClient
    hasSecurityLabels = tree.exists("/sys/fs/selinux/enforce")
    unitDirectories = DockerUnit.directories.filter { directory in
      directory.hasPrefix("/") && ["", ".d"].contains { tree.exists(Path("\(directory)/docker.service\($0)")) }
    }
    files = isPrivileged ? SharedFiles() : SharedFiles(none: ())
  }

  private static func settings(_ conf: Path, _ isPrivileged: Bool) -> Result<Settings, PathError> {
    do throws(PathError) {
      return .success(try readSettings(conf, trusted: isPrivileged, MountTable(blockDeviceIsLocal: true)).settings)
    } catch { return .failure(error) }
  }

  private static func skeleton(_ settings: Result<Settings, PathError>, _ isPrivileged: Bool) -> Result<[SkeletonFile], PathError> {
    do throws(PathError) {
      return .success(try SkeletonReader(try settings.get().skeleton, trusted: isPrivileged, MountTable(blockDeviceIsLocal: false)).files)
    } catch { return .failure(error) }
  }
}

/// The site's and the vendor's files of Podman's configuration, as they were parsed once.
///
/// Only where a user's process may open the very same file, unchanged, is it taken from here: what a user cannot read, Podman of that user
/// cannot read either, whatever root can.
struct SharedFiles {
  private var known: [String: (mark: ConfigFile.Mark, file: PodmanConfig.File)] = [:]
  /// Of the places that are asked for, those where there is nothing, whoever looks.
  private var absent: Set<String> = []

  /// None: every process reads all.
  init(none: Void) {}

  init() {
    for (base, place) in PodmanConfig.siteDirectories {
      // Where not everybody may look, nobody else can be told that there is nothing.
      let isOpen = HostTree.this.status(Path(base)).map { $0.mode & 0o005 == 0o005 } ?? isAbsent(Path(base))
      for name in ["storage.conf", "containers.conf", "registries.conf", "policy.json"] { add("\(base)/\(name)", place) }
      for directory in ["storage.conf.d", "storage.rootless.conf.d", "containers.conf.d", "registries.conf.d"] {
        let path = "\(base)/\(directory)"
        do throws(ReadError) {
          for name in try HostTree.this.names(Path(path)) where name.suffix(5).elementsEqual(".conf".utf8) {
            add("\(path)/\(shown(name))", place)
          }
        } catch { if error == .missing, isAbsent(Path(path)) { absent.insert(path) } }
      }
      if !isOpen { absent = absent.filter { !$0.hasPrefix(base + "/") } }
    }
  }

  private func isAbsent(_ path: Path) -> Bool {
    do throws(Errno) { _ = try fileStatus(path: path) } catch { return error == .noEntry }
    return false
  }

  private mutating func add(_ path: String, _ place: PodmanConfig.Place) {
    // A file that somebody else could exchange, or that only some may read, is not kept.
    guard let (mark, file) = ConfigFile.common(Path(path)) else {
      if isAbsent(Path(path)) { absent.insert(path) }
      return
    }
    known[path] = (mark, PodmanConfig.File(path: path, place, file))
  }

  /// - Parameter path: absolute and printable.
  func file(_ path: String) -> (mark: ConfigFile.Mark, file: PodmanConfig.File)? { known[path] }

  /// There was nothing of that name when this began, nor of the directory that it is in.
  func hasNothing(_ path: String) -> Bool { !absent.isEmpty && (absent.contains(path) || absent.contains { path.hasPrefix($0 + "/") }) }
}
