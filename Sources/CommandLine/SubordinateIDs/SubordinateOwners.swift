import RootlessStorage

/// Whose the subordinate ids are: every owner in the two files, looked up once.
struct SubordinateOwners {
  enum State: Equatable {
    case account(name: [UInt8], uid: UInt32)
    /// There is none, and its ids are not to be taken back.
    case kept(SubordinateOwnerPurpose)
    /// There is no such account, and there has been none for long enough.
    case gone
    /// Nobody knows: it has not been absent for long enough, a directory may be offline, or did not answer; or it was not asked any more.
    case unconfirmed
  }

  /// Owners that are asked for. A site with more has them in a directory.
  static let mostLookups = 20_000

  private var states: [[UInt8]: State] = [:]
  /// Those who have no account, but have not been absent for long enough.
  private(set) var waiting: [[UInt8]: AbsenceMemory.Answer] = [:]
  /// Why it cannot be told, where it cannot.
  private(set) var doubt: String

  /// - Parameters:
  ///   - orphanDays: as the settings say.
  ///   - memory: what earlier runs have seen. One that is written wants all owners.
  ///   - storage: where storage directories are, by which a renamed account is found; nil: nobody looks.
  ///   - only: nil: all of them.
  init(
    _ index: SubordinateIDIndex, _ accounts: Accounts, orphanDays: UInt32, _ memory: inout AbsenceMemory, storage: StorageTemplate? = nil, only: [[UInt8]]? = nil
  ) {
    var asked = 0
    for owner in only ?? index.tables.flatMap({ $0.ranges.map(\.owner) }) where states[owner] == nil {
      let purpose = SubordinateOwnerPurpose(owner, dockerOwners: index.readers.dockerOwners)
      if case .disabled? = purpose {
        states[owner] = purpose.map { .kept($0) }
        continue
      }
      // A comment for those who know comments: no account has such a name.
      if owner.first == 0x23 || asked >= SubordinateOwners.mostLookups {
        states[owner] = .unconfirmed
        continue
      }
      asked += 1
      states[owner] = SubordinateOwners.look(owner, accounts)
      guard let purpose else { continue }
      if case .account? = states[owner] { continue }
      states[owner] = .kept(purpose)
    }
    let spellings = Dictionary(states.keys.filter { $0.contains(0x5c) }.map { ($0.filter { $0 != 0x5c }, $0) }, uniquingKeysWith: { first, _ in first })
    for (spelling, name) in spellings where states[spelling] == .gone || states[spelling] == .unconfirmed {
      if case .account? = states[name] { states[spelling] = .kept(.spelling(of: name)) }
    }
    if let storage { for owner in states.keys where states[owner] == .gone { if let new = SubordinateOwners.renamed(owner, storage, accounts) { states[owner] = .kept(new) } } }
    doubt = accounts.failure.map { "the name service did not answer (\(text($0)))" } ?? offlineDoubt
    let absent = sorted.filter { states[$0] == .gone }
    // Only now has everybody been asked for who could show that the directory answers.
    let couldLook = absent.isEmpty || accounts.couldLook()
    let answers = memory.note(
      couldLook ? absent.map { SubordinateOwners.subject($0, index) } : [], .owners, orphanDays: orphanDays, isLocal: accounts.sources.isLocal)
    for (number, owner) in absent.enumerated() where !couldLook || !answers[number].isGone {
      states[owner] = .unconfirmed
      if couldLook { waiting[owner] = answers[number] }
    }
    if !couldLook { doubt = offlineDoubt } else if let first = waiting.values.min(by: { $0.earliest ?? Int64.max < $1.earliest ?? Int64.max }), accounts.failure == nil {
      doubt = memory.problem ?? waitingDoubt(first, by: "rootless-storage subids release --gone")
    }
  }

  /// An owner with other ranges than before is not the one who was absent.
  private static func subject(_ owner: [UInt8], _ index: SubordinateIDIndex) -> Absence.Subject {
    let ranges = index.tables.map { table in table.ranges(of: [owner]).map(\.ids.shown).joined(separator: ",") }
    // FNV-1a: an owner may have thousands of them, and nobody gains anything by making two alike.
    let sum = ranges.joined(separator: ";").utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return Absence.Subject(key: owner, binding: Array("\(owner.uid.map { "\($0)" } ?? "-"):\(sum)".utf8))
  }

  /// Digits are a uid, and could be a name.
  private static func look(_ owner: [UInt8], _ accounts: Accounts) -> State {
    var answers: [AccountLookup] = []
    if let uid = owner.uid { answers.append(accounts.account(uid: uid)) }
    if case .found? = answers.first {} else { answers.append(accounts.account(named: owner)) }
    for answer in answers { if case .found(let name, let uid) = answer { return .account(name: name, uid: uid) } }
    return answers.allSatisfy { $0 == .absent } ? .gone : .unconfirmed
  }

  /// An account that owns the storage directory of this name may have had the name.
  private static func renamed(_ owner: [UInt8], _ storage: StorageTemplate, _ accounts: Accounts) -> SubordinateOwnerPurpose? {
    let old = Account(credentials: Credentials(user: UInt32.max, group: 0, groups: []), name: owner, home: [])
    guard owner.uid == nil, let leaf = storage.leaf(for: old), storage.users(inLeaf: leaf).contains(where: { $0.name == owner }) else { return nil }
    let path = storage.path(leaf: leaf)
    guard let seen = HostTree.this.status(path), seen.kind == .directory, !Account.isReserved(uid: seen.owner) else { return nil }
    guard case .found(let name, let uid) = accounts.account(uid: seen.owner), name != owner else { return nil }
    return .renamed(to: name, uid: uid, storage: path)
  }

  func state(_ owner: [UInt8]) -> State { states[owner] ?? .unconfirmed }

  /// The same for an account's name and for its uid.
  func identity(_ owner: [UInt8]) -> [UInt8] {
    switch state(owner) {
    case .account(_, let uid): return decimal(UInt64(uid))
    case .kept(.spelling(let name)): if case .account(_, let uid) = state(name) { return decimal(UInt64(uid)) }
    default: break
    }
    return owner.uid.map { decimal(UInt64($0)) } ?? owner
  }

  /// In byte order.
  var sorted: [[UInt8]] { states.keys.sorted(by: isOrderedBefore) }
}

/// Why somebody who was seen absent is not taken for gone yet.
///
/// - Parameter command: what has to be run again.
func waitingDoubt(_ answer: AbsenceMemory.Answer, by command: String) -> String {
  guard let since = answer.since, let earliest = answer.earliest else { return "no run of \(command) has seen them absent before" }
  return "absent since \(UTCTime(since).day), counts as gone on \(UTCTime(earliest).day) at the earliest"
}

/// Why "no such account" is not believed.
let offlineDoubt =
  "no account was found that is not in /etc/passwd, so the directory service that /etc/nsswitch.conf names may be offline"
