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

  private let owners: OwnerNumbers
  /// By the owners' numbers; nil: nobody has asked for it.
  private var states: [State?]
  /// By the owners' numbers: the first that is the same person.
  private(set) var identities: [Int] = []
  /// Those who have no account, but have not been absent for long enough.
  private(set) var waiting: [[UInt8]: AbsenceMemory.Answer] = [:]
  /// Why it cannot be told, where it cannot.
  private(set) var uncertainty: String

  /// - Parameters:
  ///   - orphanDays: as the settings say.
  ///   - memory: what earlier runs have seen. One that is written wants all owners.
  ///   - storage: where storage directories are, by which a renamed account is found; nil: nobody looks.
  ///   - only: nil: all of them.
  init(
    _ index: SubordinateIDIndex, _ accounts: Accounts, orphanDays: UInt32, _ memory: inout AbsenceMemory, storage: StorageTemplate? = nil,
    only: [[UInt8]]? = nil
  ) {
    var owners = index.owners
    // Who is named need not be an owner.
    let numbers = only.map { names in names.map { owners.number(of: $0[...]) } } ?? Array(0..<owners.count)
    self.owners = owners
    uncertainty = offlineUncertainty
    states = Array(repeating: nil, count: owners.count)
    var asked = 0
    for number in numbers where states[number] == nil {
      let owner = owners.names[number]
      let purpose = SubordinateOwnerPurpose(owner, dockerOwners: index.readers.dockerOwners)
      if case .disabled? = purpose {
        states[number] = purpose.map { .kept($0) }
        continue
      }
      // A comment for those who know comments: no account has such a name.
      if owner.first == .hash || asked >= SubordinateOwners.mostLookups {
        states[number] = .unconfirmed
        continue
      }
      asked += 1
      let found = SubordinateOwners.look(owner, accounts)
      states[number] = found
      guard let purpose else { continue }
      if case .account = found { continue }
      states[number] = .kept(purpose)
    }
    for number in numbers where owners.names[number].contains(.backslash) {
      guard case .account? = states[number], let spelling = owners.number(of: owners.names[number].filter { $0 != .backslash }) else {
        continue
      }
      if states[spelling] == .gone || states[spelling] == .unconfirmed { states[spelling] = .kept(.spelling(of: owners.names[number])) }
    }
    if let storage { findRenamed(storage, accounts) }
    if let failure = accounts.failure { uncertainty = "the name service did not answer (\(text(failure)))" }
    let absent = names { $0 == .gone }
    // Only now has everybody been asked for who could show that the directory answers.
    let couldLook = absent.isEmpty || accounts.couldLook()
    let answers = memory.note(
      couldLook ? absent.map { SubordinateOwners.subject($0, index) } : [], .owners, orphanDays: orphanDays,
      isLocal: accounts.sources.isLocal)
    for (place, owner) in absent.enumerated() where !couldLook || !answers[place].isGone {
      if let number = owners.number(of: owner) { states[number] = .unconfirmed }
      if couldLook { waiting[owner] = answers[place] }
    }
    identities = findIdentities()
    if !couldLook {
      uncertainty = offlineUncertainty
    } else if let first = waiting.values.min(by: { $0.earliest ?? Int64.max < $1.earliest ?? Int64.max }), accounts.failure == nil {
      uncertainty = memory.problem ?? waitingUncertainty(first, by: "rootless-storage subids release --gone")
    }
  }

  /// An owner with other ranges than before is not the one who was absent.
  private static func subject(_ owner: [UInt8], _ index: SubordinateIDIndex) -> Absence.Subject {
    // An owner may have thousands of them, and nobody gains anything by making two sums alike.
    var sum = fowlerNollVo([])
    for (place, table) in index.tables.enumerated() {
      if place > 0 { sum = fowlerNollVo([.semicolon], from: sum) }
      for (place, range) in table.ranges(of: [owner]).enumerated() {
        sum = fowlerNollVo(
          (place > 0 ? [.comma] : []) + decimal(UInt64(range.ids.lowerBound)) + [.hyphen] + decimal(UInt64(range.ids.upperBound)), from: sum
        )
      }
    }
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
    let old = Account(credentials: Credentials(user: UInt32.max, group: 0, groups: []), name: owner, home: "")
    guard owner.uid == nil, let leaf = storage.leaf(for: old), storage.users(inLeaf: leaf).contains(where: { $0.name == owner }) else {
      return nil
    }
    let path = storage.parent / leaf
    guard let seen = HostTree.this.status(path), seen.kind == .directory, !Account.isReserved(uid: seen.owner) else { return nil }
    guard case .found(let name, let uid) = accounts.account(uid: seen.owner), name != owner else { return nil }
    return .renamed(to: name, uid: uid, storage: path)
  }

  /// Looks at what is where storage directories are, and not for a directory of each owner: owners may be a hundred thousand.
  private mutating func findRenamed(_ storage: StorageTemplate, _ accounts: Accounts) {
    if !states.contains(.gone) { return }
    do throws(Errno) {
      let reader = DirectoryReader(try open(path: storage.parent, .directoryFollowing))
      while let entry = try reader.next() {
        for user in storage.users(inLeaf: entry.name) {
          guard let name = user.name, let number = owners.number(of: name), states[number] == .gone else { continue }
          if let new = SubordinateOwners.renamed(name, storage, accounts) { states[number] = .kept(new) }
        }
      }
    } catch {}
  }

  /// Owners with one uid are one, whether they are named by it, by their name, or by another spelling of that.
  private func findIdentities() -> [Int] {
    var firsts: [UInt32: Int] = [:]
    firsts.reserveCapacity(owners.count)
    return owners.names.enumerated().map { number, name in
      guard let uid = uid(of: name, states[number]) else { return number }
      if let first = firsts[uid] { return first }
      firsts[uid] = number
      return number
    }
  }

  private func uid(of owner: [UInt8], _ state: State?) -> UInt32? {
    switch state {
    case .account(_, let uid)?: return uid
    case .kept(.spelling(let name))?: if case .account(_, let uid) = self.state(name) { return uid }
    default: break
    }
    return owner.uid
  }

  func state(_ owner: [UInt8]) -> State { owners.number(of: owner).flatMap { states[$0] } ?? .unconfirmed }

  /// Of those that were asked for, in byte order.
  func names(where isWanted: (State) -> Bool) -> [[UInt8]] {
    owners.names.indices.filter { states[$0].map(isWanted) ?? false }.map { owners.names[$0] }.sorted(by: isOrderedBefore)
  }

  /// The first in byte order, and how many there are.
  func first(where isWanted: (State) -> Bool) -> (name: [UInt8], count: Int)? {
    let found = owners.names.indices.filter { states[$0].map(isWanted) ?? false }
    return found.map { owners.names[$0] }.min(by: isOrderedBefore).map { ($0, found.count) }
  }
}

/// Why somebody who was seen absent is not taken for gone yet.
///
/// - Parameter command: what has to be run again.
func waitingUncertainty(_ answer: AbsenceMemory.Answer, by command: String) -> String {
  guard let since = answer.since, let earliest = answer.earliest else { return "no run of \(command) has seen them absent before" }
  return "absent since \(UTCTime(since).day), counts as gone on \(UTCTime(earliest).day) at the earliest"
}

/// Why "no such account" is not believed.
let offlineUncertainty =
  "no account was found that is not in /etc/passwd, so the directory service that /etc/nsswitch.conf names may be offline"
