import RootlessStorage

/// What was seen of one user on this host, and nothing of what it means. Made by `UserExaminer`, judged by `UserDiagnosis`.
struct UserFacts: Equatable, Sendable {
  /// The storage directory and the volume it is on, or would be.
  struct Storage: Equatable, Sendable {
    var path: [UInt8]
    var observation: StorageObservation
    /// Nil where the way there is not to be trusted.
    var volume: Volume?
    /// Type of its SELinux label; nil without SELinux.
    var label: String?
    /// Whoever repairs may make it where it is absent.
    var canBeMade = true
    /// A repair of it has failed: nothing may point at it.
    var isLost = false
    /// What bears the name is a mount point.
    var isMountPoint = false
    /// SELinux is on.
    var hasLabels = false
    /// When it, or what is directly in it, was last changed, in seconds since the epoch; 0: it was not there.
    var changed: Int64 = 0
  }

  /// `storage.conf` of the home.
  struct StorageConf: Equatable, Sendable {
    var file: ConfigFile
    var text: TOMLText?
    var problem: TOMLText.Problem?
    /// Where `graphroot` leads, if it stands there.
    var graphroot: Place?
    /// The runroot that Podman's database in the graphroot keeps, whatever the file says.
    var keptRunroot: Place?
    /// Podman keeps a store of the driver `vfs` in the graphroot.
    var hasVfsStore = false
  }

  /// `daemon.json` of the home.
  struct DaemonJson: Equatable, Sendable {
    var file: ConfigFile
    var text: JSONText?
    var problem: JSONText.Problem?
    var dataRoot: Place?
    /// Where a unit file of the user's gives dockerd `--data-root` too, `FILE:LINE`.
    var unit: String?
  }

  /// Images below the home that no engine uses any more.
  struct Leftover: Equatable, Sendable {
    var engine: Engine
    /// Relative to the home.
    var path: [UInt8]
    var size: UInt64
    /// Not all of it could be counted.
    var isAtLeast: Bool
  }

  enum Engine: Equatable, Sendable { case podman, docker }

  /// The uid map of a pause process that no longer fits /etc/subuid.
  enum PauseProcess: Equatable, Sendable { case none, current, outdated(pid: UInt32) }

  struct OverlayRecord: Equatable, Sendable {
    var path: [UInt8]
    /// Podman's configuration, or the storage directory, was changed since.
    var isOutdated: Bool
  }

  var account: Account
  var home: HomeObservation
  var isNetworkHome = false
  /// Nil for a local home.
  var storage: Storage?
  var skeleton: [SkeletonFile] = []
  var files: [FileObservation] = []
  var storageConf: StorageConf?
  /// All files of Podman's configuration; nil where they cannot be looked at.
  var podmanConfig: PodmanConfig?
  /// How the podman of this host reads them; nil where that is not known.
  var podmanGeneration: PodmanGeneration?
  /// Where the paths lead that stand in these files, as they are expanded.
  var places: [String: Place] = [:]
  /// What is not the user's where Podman works.
  var strangers: [Stranger] = []
  /// Programs that these files name, and that are not there.
  var missingPrograms: Set<String> = []
  var daemonJson: DaemonJson?
  var leftovers: [Leftover] = []
  var pause: PauseProcess = .none
  /// Podman's records that overlay does not work.
  var overlayRecords: [OverlayRecord] = []
  /// Where podman is; nil: not installed.
  var podman: [UInt8]?
  /// `UserProgram` can run podman as the user.
  var canRunPrograms = false
  /// What the caller's environment says; nil when somebody else is checked.
  var environment: Environment?

  /// Variables that move podman's or docker's files, and whether the runtime directory is usable.
  struct Environment: Codable, Equatable, Sendable {
    var configHome: String?
    var storageConf: String?
    var storageConfOverride: String?
    var storageDriver: String?
    var storageOptions: String?
    var runtimeDirectory: String?
    var runtimeDirectoryIsUsable = false
  }
}
