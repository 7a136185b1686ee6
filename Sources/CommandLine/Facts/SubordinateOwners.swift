import RootlessStorage

/// Whose the subordinate ids are: every owner in the two files, looked up once.
struct SubordinateOwners {
  enum State: Equatable {
    case account(name: [UInt8], uid: UInt32)
    /// There is no such account, and that is believed.
    case gone
    /// Nobody knows: a directory may be offline, or did not answer; or it was not asked any more.
    case unconfirmed
  }

  /// Owners that are asked for. A site with more has them in a directory.
  static let mostLookups = 20_000

  private var states: [[UInt8]: State] = [:]
  /// Why it cannot be told, where it cannot.
  private(set) var doubt: String

  /// - Parameter only: nil: all of them.
  init(_ index: SubordinateIDIndex, _ accounts: Accounts, only: [[UInt8]]? = nil) {
    var asked = 0
    for owner in only ?? index.tables.flatMap({ $0.ranges.map(\.owner) }) where states[owner] == nil {
      // A comment for those who know comments: no account has such a name.
      if owner.first == 0x23 || asked >= SubordinateOwners.mostLookups {
        states[owner] = .unconfirmed
        continue
      }
      asked += 1
      states[owner] = SubordinateOwners.look(owner, accounts)
    }
    doubt = accounts.failure.map { "the name service did not answer (\(text($0)))" } ?? offlineDoubt
    // Only now has everybody been asked for who could show that the directory answers.
    if states.values.contains(.gone) && !accounts.absenceCounts() {
      for (owner, state) in states where state == .gone { states[owner] = .unconfirmed }
      doubt = offlineDoubt
    }
  }

  /// Digits are a uid, and could be a name.
  private static func look(_ owner: [UInt8], _ accounts: Accounts) -> State {
    var answers: [AccountLookup] = []
    if let uid = owner.uid { answers.append(accounts.account(uid: uid)) }
    if case .found? = answers.first {} else { answers.append(accounts.account(named: owner)) }
    for answer in answers { if case .found(let name, let uid) = answer { return .account(name: name, uid: uid) } }
    return answers.allSatisfy { $0 == .absent } ? .gone : .unconfirmed
  }

  func state(_ owner: [UInt8]) -> State { states[owner] ?? .unconfirmed }

  /// The same for an account's name and for its uid.
  func identity(_ owner: [UInt8]) -> [UInt8] {
    if case .account(_, let uid) = state(owner) { return decimal(UInt64(uid)) }
    return owner.uid.map { decimal(UInt64($0)) } ?? owner
  }

  /// In byte order.
  var sorted: [[UInt8]] { states.keys.sorted(by: isOrderedBefore) }
}

/// Why "no such account" is not believed.
let offlineDoubt =
  "no account was found that is not in /etc/passwd, so the directory service that /etc/nsswitch.conf names may be offline"
