/// The files of /etc that decide.
package struct SubordinateIDFacts: Equatable, Sendable {
  package var subuid: [UInt8] = []
  package var subgid: [UInt8] = []
  package var passwd: [UInt8] = []
  package var group: [UInt8] = []
  package var nsswitch: [UInt8] = []
  package var loginDefinitions: [UInt8] = []
  /// /usr/etc/login.defs, which shadow reads where /etc has none (openSUSE).
  package var vendorDefinitions: [UInt8] = []
  /// /proc/self/uid_map and gid_map; empty: all ids exist.
  package var uidMap: [UInt8] = []
  package var gidMap: [UInt8] = []

  package init() {}

  package var definitions: LoginDefinitions { LoginDefinitions(loginDefinitions.isEmpty ? vendorDefinitions : loginDefinitions) }

  package func existing(_ kind: SubordinateIDKind) -> ExistingIDs { ExistingIDs(kind == .users ? uidMap : gidMap) }

  package func content(_ kind: SubordinateIDKind) -> [UInt8] { kind == .users ? subuid : subgid }
}

/// Ranges to be added, one in each file at most.
public struct SubordinateIDPlan: Equatable, Sendable {
  public let users: IDRange?
  public let groups: IDRange?

  public var isEmpty: Bool { users == nil && groups == nil }
}

/// Who has an id that would be given out.
public enum IDHolder: Equatable, Sendable {
  case range(of: [UInt8], IDRange, SubordinateIDKind)
  case uid(UInt32, of: [UInt8])
  case gid(UInt32, of: [UInt8])
  /// uid_min to uid_max.
  case served(IDRange)
  case reserved(IDRange)
  /// systemd's foreign ids, which every user may use.
  case foreign
  /// They do not exist on this host.
  case nonexistent(IDRange)
  case oneself(UInt32)
  /// The name service knows it, where it was asked.
  case known(UInt32, SubordinateIDKind, of: [UInt8])
}

/// Why no range is given.
public enum SubordinateIDRefusal: Error, Equatable, Sendable {
  case notFromFiles(source: [UInt8])
  case nameUnfit
  case settingsUncertain
  case definitionUncertain(key: [UInt8])
  /// subid_scheme = first-free, where useradd computes ranges from uids.
  case deterministic(key: [UInt8])
  /// Neither uid_max nor reserved_ids says where accounts may have their ids.
  case nothingReserved
  /// Groups come from this source too, and reserved_ids does not say which gids they have; uid_max says nothing of them.
  case noGroupsReserved(source: [UInt8])
  case belowUidMin(UInt32)
  case tooFew(count: UInt32)
  /// The figures do not fit in 64 bits are cut there.
  case beyondMaximum(first: UInt64, last: UInt64, max: UInt32)
  case noneFree(min: UInt32, max: UInt32, count: UInt32)
  case overlap(IDRange, IDHolder)
}

/// Decides, from files and settings alone, which ids an account is given. No range that it gives has an id in common with anybody's.
public struct SubordinateIDPlanner {
  /// With fewer there is no `nobody` (65534) in a container.
  package static let enough: UInt32 = 65536
  /// Below are the host's own (system accounts, DynamicUser of systemd, nobody), which need not be in any file.
  package static let lowest: UInt32 = 65536

  private let account: Account
  private let settings: Settings

  public init(_ account: Account, _ settings: Settings) {
    self.account = account
    self.settings = settings
  }

  /// UIDS-GIDS.md of systemd: "all users have full access to the foreign UID range".
  package static var foreign: IDRange { 2_147_352_576...2_147_418_111 }

  private func hasEnough(_ kind: SubordinateIDKind, _ facts: SubordinateIDFacts) -> Bool {
    SubordinateIDSurvey(account, kind, facts.content(kind), existing: facts.existing(kind)).hasEnough
  }

  /// Ranges for the files in which there are not enough; an empty plan if both have.
  package func plan(_ facts: SubordinateIDFacts) throws(SubordinateIDRefusal) -> SubordinateIDPlan {
    let needsUsers = !hasEnough(.users, facts)
    let needsGroups = !hasEnough(.groups, facts)
    if !needsUsers && !needsGroups { return SubordinateIDPlan(users: nil, groups: nil) }
    if let obstacle = SubordinateIDPlanner.obstacle(settings, facts) { throw obstacle }
    guard isNameFit else { throw .nameUnfit }
    let definitions = facts.definitions
    let users = needsUsers ? try range(.users, facts, definitions) : nil
    return SubordinateIDPlan(users: users, groups: needsGroups ? try range(.groups, facts, definitions) : nil)
  }

  /// What keeps everybody on this host from being given ids.
  package static func obstacle(_ settings: Settings, _ facts: SubordinateIDFacts) -> SubordinateIDRefusal? {
    if let source = subordinateIDSource(facts.nsswitch) { return .notFromFiles(source: source) }
    if settings.subordinateIDs.isUncertain { return .settingsUncertain }
    if settings.uidMax == nil && settings.subordinateIDs.reserved.isEmpty { return .nothingReserved }
    if settings.subordinateIDs.reserved.isEmpty, let source = remoteGroupSource(facts.nsswitch) { return .noGroupsReserved(source: source) }
    let definitions = facts.definitions
    if let key = definitions.uncertain.first { return .definitionUncertain(key: key) }
    guard settings.subordinateIDs.scheme == .firstFree, let key = definitions.deterministicKey else { return nil }
    return .deterministic(key: key)
  }

  /// A name that cannot be taken for another line, or for a number.
  private var isNameFit: Bool {
    guard let first = account.name.first, first != .hash, first != .plus, first != .hyphen, account.name.count <= 256 else { return false }
    if account.name.contains(where: { $0 <= .space || $0 >= 0x7f || $0 == .colon }) { return false }
    return !account.name.allSatisfy { isDigit($0) }
  }

  private func range(_ kind: SubordinateIDKind, _ facts: SubordinateIDFacts, _ definitions: LoginDefinitions) throws(SubordinateIDRefusal)
    -> IDRange
  {
    let wanted = settings.subordinateIDs
    let defaults = kind == .users ? definitions.users : definitions.groups
    let min = Swift.max(wanted.min ?? defaults.min, SubordinateIDPlanner.lowest)
    // The number that means "none" is nobody's.
    let max = Swift.min(wanted.max ?? defaults.max, UInt32.max - 1)
    let count = wanted.count ?? defaults.count
    if count < SubordinateIDPlanner.enough { throw .tooFew(count: count) }
    switch wanted.scheme {
    case .uid:
      return try computed(
        wanted.min ?? defaults.min, max, count, kind, facts, definitions.uidMin, wraps: defaults.isDeterministic && defaults.wraps)
    case .firstFree: return try firstFree(min, max, count, kind, facts)
    }
  }

  // MARK: The scheme uid

  private func computed(
    _ min: UInt32, _ max: UInt32, _ count: UInt32, _ kind: SubordinateIDKind, _ facts: SubordinateIDFacts, _ uidMin: UInt32, wraps: Bool
  ) throws(SubordinateIDRefusal) -> IDRange {
    guard account.uid >= uidMin else { throw .belowUidMin(uidMin) }
    var slot = UInt64(account.uid - uidMin)
    // As shadow does where it is told to; what somebody has already is refused below.
    if wraps && max >= min {
      let slots = (UInt64(max - min) + 1) / UInt64(Swift.max(count, 1))
      if slots > 0 { slot %= slots }
    }
    // 2^32 * 2^32 + 2^33 fits in 64 bits only just not: the largest of each is 2^32 - 1.
    let (product, overflow) = slot.multipliedReportingOverflow(by: UInt64(count))
    let (first, carry) = product.addingReportingOverflow(UInt64(min))
    let (last, carried) = first.addingReportingOverflow(UInt64(count) - 1)
    if overflow || carry || carried || last > UInt64(max) {
      throw .beyondMaximum(first: first, last: carried ? UInt64.max : last, max: max)
    }
    // Both are below `max`, which has 32 bits.
    let range = UInt32(truncatingIfNeeded: first)...UInt32(truncatingIfNeeded: last)
    if let holder = holder(of: range, kind, facts) { throw .overlap(range, holder) }
    return range
  }

  /// Who has an id of these already.
  package func holder(of range: IDRange, _ kind: SubordinateIDKind, _ facts: SubordinateIDFacts) -> IDHolder? {
    var found: IDHolder? = nil
    forEachTaken(kind, facts) { taken, holder in
      if found == nil && taken.overlaps(range) { found = holder() }
    }
    return found
  }

  // MARK: The scheme first-free

  private func firstFree(_ min: UInt32, _ max: UInt32, _ count: UInt32, _ kind: SubordinateIDKind, _ facts: SubordinateIDFacts)
    throws(SubordinateIDRefusal) -> IDRange
  {
    var taken: [IDRange] = []
    forEachTaken(kind, facts) { range, _ in if range.upperBound >= min && range.lowerBound <= max { taken.append(range) } }
    taken.sort { $0.lowerBound < $1.lowerBound }
    var candidate = UInt64(min)
    for range in taken {
      if candidate + UInt64(count) <= UInt64(range.lowerBound) { break }
      candidate = Swift.max(candidate, UInt64(range.upperBound) + 1)
    }
    let last = candidate + UInt64(count) - 1
    guard last <= UInt64(max) else { throw .noneFree(min: min, max: max, count: count) }
    return UInt32(truncatingIfNeeded: candidate)...UInt32(truncatingIfNeeded: last)
  }

  // MARK: Whose ids are whose

  /// Hands over everything that must stay free of new ids, and whose it is.
  ///
  /// - Parameter kind: the file for which ids are looked for. The account's own range in the other one is no obstacle: both usually
  ///   have the same.
  private func forEachTaken(_ kind: SubordinateIDKind, _ facts: SubordinateIDFacts, _ body: (IDRange, () -> IDHolder) -> Void) {
    let definitions = facts.definitions
    // Where useradd computes them, others' uids may be somebody's gids: SUB_UID_MIN and SUB_GID_MIN need not be the same.
    let countsOtherFile = !(kind == .users ? definitions.users : definitions.groups).isDeterministic
    let own = account.credentials
    for id in [own.user, own.group] { body(id...id) { .oneself(id) } }
    for id in own.groups { body(id...id) { .oneself(id) } }
    body(0...(SubordinateIDPlanner.lowest - 1)) { .reserved(0...(SubordinateIDPlanner.lowest - 1)) }
    body(UInt32.max...UInt32.max) { .reserved(UInt32.max...UInt32.max) }
    body(SubordinateIDPlanner.foreign) { .foreign }
    facts.existing(kind).forEachGap { range in body(range) { .nonexistent(range) } }
    if let max = settings.uidMax, max >= settings.uidMin { body(settings.uidMin...max) { .served(settings.uidMin...max) } }
    for range in settings.subordinateIDs.reserved { body(range) { .reserved(range) } }
    for file in [SubordinateIDKind.users, .groups] {
      forEachRange(facts.content(file)) { line, range in
        if file == kind || countsOtherFile && !line.belongs(to: account) { body(range) { .range(of: Array(line.owner), range, file) } }
      }
    }
    forEachLine(facts.passwd) { line in
      let fields = Fields(line)
      if let id = fields.number(2) { body(id...id) { .uid(id, of: Array(fields.first)) } }
      if let id = fields.number(3) { body(id...id) { .gid(id, of: Array(fields.first)) } }
    }
    forEachLine(facts.group) { line in
      let fields = Fields(line)
      if let id = fields.number(2) { body(id...id) { .gid(id, of: Array(fields.first)) } }
    }
  }
}

/// A line of passwd(5) or group(5).
private struct Fields {
  private let line: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) { self.line = line }

  var first: ArraySlice<UInt8> { line.prefix { $0 != .colon } }

  /// The id in a field, counted from 0.
  func number(_ place: Int) -> UInt32? {
    var rest = line
    for _ in 0..<place {
      guard let colon = rest.firstIndex(of: .colon) else { return nil }
      rest = rest[(colon + 1)...]
    }
    return identifier(rest.prefix { $0 != .colon })
  }
}
