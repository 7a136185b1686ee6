/// What an administrator can choose in rootless-storage.conf(5). Holds valid values only.
public struct Settings: Equatable, Sendable {
  public static var defaultPath: Path { "/etc/rootless-storage/rootless-storage.conf" }

  public var storage: StorageTemplate
  /// Mode of a new storage directory.
  public var directoryMode: UInt32
  /// Types that count as network file systems, named as in /proc/self/mountinfo.
  public var networkFileSystems: [[UInt8]]
  public var uidMin: UInt32
  /// The largest uid served; nil: no limit.
  public var uidMax: UInt32?
  public var exclusions = Exclusions()
  /// Where the files lie that a home gets.
  public var skeleton: Path
  /// Days for which an account must have been absent before `prune` and `subids release` take it for gone.
  public var orphanDays: UInt32 = Settings.defaultOrphanDays
  public var subordinateIDs = SubordinateIDSettings()
  /// What a login does about a third user's object in the place of the storage directory.
  public var occupied = Occupied.take
  /// Former values of `storage_directory`, as they were given; nil: not given.
  public var guardedDirectories: [StorageTemplate]?

  /// What storage directories may hold.
  package var quotas = StorageQuotas()

  /// The setting `occupied`.
  public enum Occupied: Equatable, Sendable {
    /// The user's own directory takes its place, and it stays beside it under another name.
    case take
    /// Nothing is done, and the log says so.
    case refuse
  }

  /// Where homes may still point although the storage directory is elsewhere: nobody else's directory may be there. The default of
  /// `storage_directory` is such a place wherever the setting has another value, since configuration files in homes are never rewritten.
  public var guards: [StorageTemplate] {
    let all = guardedDirectories ?? [Settings.defaultStorage]
    return all.filter { $0 != storage }
  }

  /// The documented defaults.
  public init() {
    storage = Settings.defaultStorage
    directoryMode = Settings.defaultDirectoryMode
    networkFileSystems = Settings.defaultNetworkFileSystems
    uidMin = Settings.defaultUidMin
    uidMax = nil
    skeleton = Settings.defaultSkeleton
  }

  static var defaultStorage: StorageTemplate {
    do throws(StorageTemplate.Problem) { return try StorageTemplate(Array("/var/tmp/$USER".utf8)) } catch {
      preconditionFailure("the default of storage_directory is valid")
    }
  }
  static let defaultDirectoryMode: UInt32 = 0o700
  static var defaultNetworkFileSystems: [[UInt8]] {
    words(
      """
      nfs nfs4 cifs smb3 smbfs afs ceph lustre gpfs beegfs panfs orangefs pvfs2 9p \
      wekafs virtiofs vboxsf prl_fs ncpfs dvs auristorfs coda \
      fuse.sshfs fuse.glusterfs fuse.cvmfs fuse.s3fs fuse.rclone fuse.ceph fuse.ceph-fuse fuse.juicefs fuse.quobyte fuse.mfs
      """.utf8)
  }
  static let defaultUidMin: UInt32 = 1000
  static let defaultOrphanDays: UInt32 = 7
  static let mostOrphanDays: UInt32 = 3650
  static var defaultSkeleton: Path { "/etc/rootless-storage/skel" }

  public func isNetwork(_ type: [UInt8]) -> Bool { networkFileSystems.contains(type) }

  /// Whether any user can mount such a file system (fusermount3(1)), and answer, or not answer, whatever is asked of it.
  package static func isUserMount(_ type: [UInt8]) -> Bool { type.elementsEqual("fuse".utf8) || type.starts(with: "fuse.".utf8) }

  /// Whether a file on a block device can be called local without asking for its type: as long as no listed type lies on one.
  public var blockDeviceIsLocal: Bool {
    for type in networkFileSystems where !Settings.neverOnBlockDevice(type) { return false }
    return true
  }

  private static func neverOnBlockDevice(_ type: [UInt8]) -> Bool {
    type.starts(with: "fuse.".utf8)
      || isWord(
        type,
        of:
          "nfs nfs4 cifs smb3 smbfs afs ceph lustre gpfs beegfs panfs orangefs pvfs2 9p tmpfs ramfs overlay autofs virtiofs wekafs vboxsf prl_fs ncpfs dvs auristorfs coda"
      )
  }

  /// Whether the session of such a user is this project's business.
  public func serves(uid: UInt32) -> Bool {
    if uid < uidMin { return false }
    if let uidMax, uid > uidMax { return false }
    return true
  }
}
