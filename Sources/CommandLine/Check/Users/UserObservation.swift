import RootlessStorage

/// What was seen of one user on this host, and nothing of what it means. Made by `UserExaminer`, judged by `UserDiagnosis`.
struct UserFacts: Equatable, Sendable {
  /// The storage directory and the volume it is on, or would be.
  struct Storage: Equatable, Sendable {
    var path: Path
    var observation: StorageObservation
    /// Nil where the way there is not to be trusted.
    var volume: Volume?
    /// Type of its SELinux label; nil without SELinux.
    var label: String?
    /// Whoever repairs may make it where it is absent.
    var canBeMade = true
    /// A repair of it has failed: nothing may point at it.
    var repairFailed = false
    /// What bears the name is a mount point.
    var isMountPoint = false
    /// SELinux is on.
    var hasLabels = false
    /// When it, or what is directly in it, was last changed, in seconds since the epoch; 0: it was not there.
    var changed: Int64 = 0
    /// More than directories of engines lies in it: it may be meant for others to read. Looked at where they can.
    var holdsOther = false
    /// Looked at where the settings limit it, and its file system enforces such limits.
    var quota: Quota?
    /// Why a repair could not set the limit.
    var quotaFailure: QuotaError?
  }

  /// The project of the storage directory and of what is directly in it.
  struct Quota: Equatable, Sendable {
    var directory: DirectoryQuota
    /// Engines' directories that are in no project, or do not hand it on.
    var engines: [[UInt8]] = []
    /// Other directories, one or two levels deep, that are not in the user's project.
    var left: [Path] = []
    /// Some of these are in nobody else's project, and `repair --recursive` gives them the user's.
    var canInclude = false
  }

  /// `storage.conf` of the home.
  struct StorageConf: Equatable, Sendable {
    var file: ConfigFile
    var text: TOMLText?
    var problem: TOMLText.Problem?
    /// What is wrong with it in the eyes of later versions of Podman than the one of this host; `text` is what this one reads then, and not
    /// the file's.
    var laterProblem: TOMLText.Problem?
    /// Where `graphroot` leads, if it stands there.
    var graphroot: Place?
    /// The runroot that Podman's database in the graphroot keeps, whatever the file says.
    var keptRunroot: Place?
    /// The path of that database; nil where there is none, or none that counts.
    var database: String?
    /// The graphroot that a Bolt database keeps, in which Podman goes on.
    var keptGraphroot: String?
    /// What it keeps, if it is `db.sql`.
    var kept: PodmanDatabase?
    /// Why it cannot be read.
    var databaseProblem: String?
    /// What bears its name is no database.
    var isNoDatabase = false
    /// Podman keeps a store of the driver `vfs` in the graphroot.
    var hasVfsStore = false
  }

  /// `daemon.json` of the home.
  struct DaemonJson: Equatable, Sendable {
    var file: ConfigFile
    var text: JSONText?
    var problem: JSONText.Problem?
    /// What is wrong with it in the eyes of later versions of Docker than the one of this host; `text` is what this one reads then, and not
    /// the file's.
    var laterProblem: JSONText.Problem?
    /// The file as sentences name it; another one where a unit says `--config-file`.
    var name = "~/.config/docker/daemon.json"
    /// It is the one that the skeleton has, and that `repair` may change.
    var isUsual = true
    /// It begins with a byte order mark, which `text` has not.
    var hasMark = false
    /// Nothing is in it but blanks; `text` is an empty object then.
    var isBlank = false
    var dataRoot: Place?
    var graph: Place?
    var execRoot: Place?
    /// The directory of the file that it names.
    var pidDirectory: Place?
    /// A directory stands in that file's place.
    var hasPidDirectory = false
    /// Keys whose value is the path of a file that is not there.
    var missingFiles: [String] = []
    /// Keys of it that other versions of Docker take, and the one of this host does not.
    var unknownKeys: Set<String> = []
    /// Of `DaemonJsonKeys.laterChecks`, those that the file has and the dockerd of this host looks at.
    var checkedKeys: Set<String> = []
    /// The dockerd of this host is of a version whose store can be containerd's; nil where that is not known.
    var hasImageStore: Bool?
    /// data-root has a per cent sign, which the dockerd of this host takes for a part of a format.
    var takesFormat = false
    /// Nobody knows the group that its socket is to have.
    var hasUnknownGroup = false
    /// What the user's manager starts dockerd with.
    var unit = DockerUnit()
    /// Of `--data-root` there.
    var unitRoot: Place?
    /// The volume of the directory that holds, where it is not in the storage directory.
    var volume: Volume?
    var hasFuseOverlayfs = false
  }

  /// Images below the home that no engine uses any more.
  struct Leftover: Equatable, Sendable {
    var engine: Engine
    /// Relative to the home.
    var path: Path
    var size: UInt64
    /// Not all of it could be counted.
    var isAtLeast: Bool
    /// Something in it belongs to a subordinate id, and is nobody's to remove but root's or the engine's.
    var hasOthers = false
    /// Names of volumes with something in them.
    var volumes: [[UInt8]] = []
  }

  enum Engine: Equatable, Sendable { case podman, docker }

  /// The process that keeps Podman's user namespace, as pause.pid names it.
  enum PauseProcess: Equatable, Sendable {
    case none, current
    /// Its uid map no longer fits /etc/subuid.
    case outdated(pid: UInt32)
    /// There is no such process, or the file at the path names none.
    case gone(path: String, PauseFault)
  }

  enum PauseFault: Equatable, Sendable { case noNumber, noFile(FileKind), noProcess(UInt32), otherProcess(UInt32) }

  /// newuidmap or newgidmap as the caller's session finds it, where that is none that works.
  struct SessionMapProgram: Equatable, Sendable {
    let name: String
    /// nil: it finds none.
    let path: String?
  }

  /// Volumes with something in them, on this host's disk.
  struct LocalVolumes: Equatable, Sendable {
    let engine: Engine
    /// The directory that they are in.
    let path: Path
    let names: [[UInt8]]
  }

  struct SessionDocker: Equatable, Sendable {
    var dataRoot: Place?
  }

  struct OverlayRecord: Equatable, Sendable {
    var path: Path
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
  /// The same as variables of the caller's environment have it; nil where none says anything about it.
  var sessionConfig: PodmanConfig?
  /// The file that stands in for all files of containers.conf in the caller's session; nil where its environment names none.
  var sessionContainersConf: PodmanConfig.File?
  /// The one that is read after all of them there, and the one that stands in for all of registries.conf.
  var sessionOverride: PodmanConfig.File?
  var sessionRegistries: PodmanConfig.File?
  /// Where the caller's programs put temporary files, if the environment says it.
  var temporaryDirectory: Place?
  /// Where Podman keeps what it knows of short names: in the caller's session, or in any.
  var cacheDirectory: Place?
  /// The runtime directory is the user's, who may make nothing in it.
  var isRuntimeDirectoryClosed = false
  /// How the podman of this host reads them; nil where that is not known.
  var podmanGeneration: PodmanGeneration?
  /// How the dockerd of this host reads its file; nil where that is not known.
  var dockerGeneration: DockerGeneration?
  /// Where the paths lead that stand in these files, as they are expanded.
  var places: [String: Place] = [:]
  /// What keeps Podman from reading additional image stores, by the path of the store as it is expanded.
  var imageStoreFaults: [String: ImageStoreFault] = [:]
  /// What keeps Podman from using a store of its own, by the path of the store.
  var storeFaults: [String: [StoreFault]] = [:]
  /// The kernel mounts overlay for users: Podman then takes fuse-overlayfs only if it is told to.
  var mountsOverlay = true
  /// What is not the user's where Podman works.
  var strangers: [Stranger] = []
  /// Programs that these files name, and that are not there.
  var missingPrograms: Set<String> = []
  /// Names that storage.conf remaps to, and that have lines in /etc/subuid and /etc/subgid.
  var remappedNames: Set<String> = []
  /// Time zones that they name, and that this host does not have.
  var missingZones: Set<String> = []
  /// Whether Podman reads registries.conf and policy.json as before version 6.1: the former in its old form, the latter in two places
  /// alone. Looked at where it matters; nil where that is not known.
  var readsImageFilesAsBefore: Bool?
  var daemonJson: DaemonJson?
  /// What Docker would take in the caller's session, whose environment names another directory of configuration.
  var sessionDocker: SessionDocker?
  /// Where XDG_DATA_HOME of the caller's environment leads, if it is not below the home's.
  var dataHome: Place?
  /// What the user, or somebody else, has put into the place of an engine's store in the home.
  var ownStores: [OwnStore] = []
  /// What would remove old files.
  var cleaning = Cleaning()
  /// Paths without symbolic links by which the same directory can be reached, through other mounts of its file system.
  var otherPaths: [String: [Path]] = [:]
  var leftovers: [Leftover] = []
  var localVolumes: [LocalVolumes] = []
  var pause: PauseProcess = .none
  /// The podman of this host takes pause.pid away where there is no such process; nil where that is not known, or not asked.
  var forgetsPauseProcess: Bool?
  var sessionMapProgram: SessionMapProgram?
  /// Of DOCKER_TMPDIR.
  var dockerTemporary: Place?
  /// The socket of CONTAINER_HOST is there.
  var hasContainerHost = false
  var dockerStoreFaults: [DockerStoreFault] = []
  var dockerRuntimeFaults: [DockerStoreFault] = []
  /// Podman's file of locks, which is too small to have any.
  var cutLocks: Path?
  /// Podman's records that overlay does not work.
  var overlayRecords: [OverlayRecord] = []
  /// Where podman is; nil: not installed.
  var podman: Path?
  /// `UserProgram` can run podman as the user.
  var canRunPrograms = false
  struct Blocked: Equatable, Sendable {
    /// Relative to the home.
    let file: Path
    let place: BlockedPlace
  }

  /// Files of the home that its user cannot write now.
  var blocked: [Blocked] = []
  /// The file system of the home says that no byte is free for its user.
  var homeIsFull = false
  /// What a repair has tried to write in vain.
  var writeFailures: [WriteFailure] = []
  /// What the caller's environment says; nil when somebody else is checked.
  var environment: Environment?

  /// Variables that move podman's or docker's files, and whether the runtime directory is usable.
  struct Environment: Codable, Equatable, Sendable {
    var home: String?
    var temporaryDirectory: String?
    var configHome: String?
    var cacheHome: String?
    var dataHome: String?
    var storageConf: String?
    var storageConfOverride: String?
    var containersConf: String?
    var containersConfOverride: String?
    var registriesConf: String?
    var storageDriver: String?
    var storageOptions: String?
    /// PATH.
    var searchPath: String?
    var containerHost: String?
    var containerConnection: String?
    var dockerDriver: String?
    var dockerTemporary: String?
    /// What Podman sets for what it starts in a user namespace.
    var namespaceConfigured: String?
    var runtimeDirectory: String?
    var runtimeDirectoryIsUsable = false
    /// Where the caller is.
    var workingDirectory: String?

    /// A path as an engine takes it that the caller starts here; nil if there is none.
    func absolute(_ path: String?) -> String? {
      guard let path, !path.isEmpty else { return nil }
      if path.hasPrefix("/") { return path }
      return workingDirectory.map { Place.cleaned(Path("\($0)/\(path)")) }
    }
  }
}
