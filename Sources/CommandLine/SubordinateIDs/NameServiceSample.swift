import RootlessStorage

/// Ids of subordinate ranges that the name service knows as somebody's: asked for in bounded numbers, since there are billions.
struct KnownIDs: Equatable {
  /// Look-ups for all ranges of this host.
  static let most = 256
  /// Look-ups for a range that is to be given out, of either kind.
  static let mostForOne = 64
  /// A name service that is slow is not asked for longer than this; milliseconds.
  private static let timeout: Int64 = 10_000

  private(set) var users: [RealID] = []
  private(set) var groups: [RealID] = []
  /// So many ids were asked for.
  private(set) var asked = 0
  /// Why it was not asked for the rest.
  private(set) var failure: String?

  init() {}

  /// - Parameters:
  ///   - places: in the order in which they are to be asked for.
  ///   - files: this host's files, where they are all that the name service has: it would read all of their lines for each question.
  init(asking places: [(SubordinateIDKind, UInt32)], files: (SubordinateIDKind) -> SubordinateIDTable? = { _ in nil }) {
    let end = monotonicMilliseconds() + KnownIDs.timeout
    for (kind, id) in places {
      if monotonicMilliseconds() >= end {
        failure = "the name service is slow"
        return
      }
      if let table = files(kind) {
        let real = table.realIDs(in: id...id, limit: 1)
        if kind == .users { users += real } else { groups += real }
        asked += 1
        continue
      }
      do throws(NameServiceError) {
        switch kind {
        case .users: if let account = try NameService.account(uid: id) { users.append(RealID(id: id, name: account.name)) }
        case .groups: if let name = try NameService.name(ofGroup: id) { groups.append(RealID(id: id, name: name)) }
        }
        asked += 1
      } catch {
        failure = "the name service did not answer (\(text(error.cause)))"
        return
      }
    }
  }

  /// Who was looked at has an id too, whatever was asked for.
  mutating func add(_ accounts: [Account]) {
    // The group's name is not known; the user's tells whose it is.
    let (uids, gids) = (Set(users.map(\.id)), Set(groups.map(\.id)))
    users += accounts.filter { !uids.contains($0.uid) }.map { RealID(id: $0.uid, name: $0.name) }
    groups += accounts.filter { !gids.contains($0.credentials.group) }.map { RealID(id: $0.credentials.group, name: $0.name) }
  }

  /// Without those that stand in this host's files, which are told anyhow; in order.
  func without(_ index: SubordinateIDIndex) -> KnownIDs {
    var rest = self
    rest.users = users.filter { index.users.realIDs(in: $0.id...$0.id, limit: 1).isEmpty }.sorted { $0.id < $1.id }
    rest.groups = groups.filter { index.groups.realIDs(in: $0.id...$0.id, limit: 1).isEmpty }.sorted { $0.id < $1.id }
    return rest
  }

  /// The two ends of each range first, then the middles between what was asked for; the same in every run.
  ///
  /// - Parameter limit: for all of them.
  static func places(in ranges: [(SubordinateIDKind, IDRange)], limit: Int) -> [(SubordinateIDKind, UInt32)] {
    var places: [(SubordinateIDKind, UInt32)] = []
    // With more ranges than look-ups, some of all of them.
    let step = max(1, (ranges.count * 2 + limit - 1) / max(1, limit))
    for (_, (kind, range)) in ranges.enumerated().filter({ $0.offset % step == 0 }) {
      places.append((kind, range.lowerBound))
      if range.upperBound > range.lowerBound { places.append((kind, range.upperBound)) }
    }
    // Halves, quarters, eighths: 1/2, 1/4, 3/4, 1/8, …
    var parts: UInt64 = 2
    while places.count < limit, parts <= UInt64(limit) * 2 {
      for part in stride(from: UInt64(1), to: parts, by: 2) {
        for (kind, range) in ranges where places.count < limit && range.size > parts {
          places.append((kind, UInt32(UInt64(range.lowerBound) + range.size / parts * part)))
        }
      }
      parts *= 2
    }
    return Array(places.prefix(limit))
  }
}
