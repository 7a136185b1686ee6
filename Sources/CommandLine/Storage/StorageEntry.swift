import RootlessStorage

/// One storage directory, or what is in the place of one. Small: a host may have ten thousand.
struct StorageEntry {
  enum State: String {
    /// Its owner has an account.
    case ok
    /// Neither its name nor its owner's uid has an account, and it has been so for long enough.
    case orphaned
    /// There is none now, but that is not believed: see `uncertainty`.
    case unconfirmed
    /// Its owner has an account, but its name is another's, who has none: that of somebody who had this uid before, or the owner's
    /// own former one.
    case former
    /// The name service did not answer.
    case unanswered
    /// It has the name of one user's storage directory, and is another's, or no directory.
    case occupied
    /// Something is mounted in the place: it is not looked into.
    case mount
    /// A login or `repair` has put it out of the place of somebody's storage directory; its owner has an account, or needs none.
    case replaced
    /// An engine of the owner's has left it beside the storage directories.
    case leftover
    /// It is where `storage_directory` pointed before.
    case guarded
  }

  /// Why an absence is not believed.
  enum Uncertainty: Equatable {
    /// A directory service that is offline would say so too.
    case offline
    /// It has not lasted for long enough.
    case waiting(AbsenceMemory.Answer)
    /// The owner may be a subordinate id, of which this host's files do not know.
    case subordinate
  }

  /// What is on the disk.
  struct Measure {
    /// Bytes of all of it.
    var size: UInt64
    /// Of each engine that has a directory.
    var engines: [Engine] = []
    /// Bytes that go with the engines' directories, and with nothing else.
    var reclaimable: UInt64
    /// If not, both are "at least".
    var isExact: Bool
    /// Seconds since the epoch.
    var lastUse: Int64
    /// There is something in it that is no engine's.
    var hasOthers: Bool
    var hasEngines: Bool
    /// There is nothing in the engines' directories.
    var isEmpty: Bool
    /// The walk ended before it had seen everything: `lastUse` is "at least" too.
    var isCutShort: Bool

    struct Engine {
      /// Of its directory.
      let name: [UInt8]
      /// Bytes in volumes, which no registry has.
      let volumes: UInt64
      /// The other bytes: layers, what containers have written, and caches.
      let images: UInt64
    }
  }

  let leaf: [UInt8]
  let uid: UInt32
  /// The owner's name, if there is an account.
  let account: [UInt8]?
  /// `occupied`, `mount`, `replaced`: the user whose place it is, or was.
  let placeOf: [UInt8]?
  let identity: FileIdentity
  var state: State
  /// `unconfirmed`: why.
  var uncertainty: Uncertainty? = nil
  /// nil if it was not looked into.
  var measure: Measure?
  /// `isReplaced`: since when it has been there, in seconds since the epoch.
  var replacedAt: Int64? = nil
  /// What it may hold, as far as its file system limits that.
  var limit: StorageLimit? = nil
  /// A process of the owner, or of the owner's subordinate uids, is running; nil if that cannot be told.
  var isInUse: Bool?

  /// `prune` may ever touch it.
  var isPrunable: Bool { state == .ok || state == .orphaned || state == .replaced || state == .leftover }

  /// It was put out of the place of a storage directory: of any kind, and not one itself.
  var isReplaced: Bool { AsideName(leaf)?.purpose == .replaced }
  /// It has the name of what engines leave, and was taken for that.
  var isLeftover = false
  /// It lies beside the storage directories: all of it goes, or nothing.
  var isAside: Bool { isReplaced || isLeftover }
}
