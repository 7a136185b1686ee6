import RootlessStorage

/// A range, as `--json` tells it. Every key is always there: null says that it is not known.
struct SubordinateRecord: Encodable {
  let owner: String
  @NullIfAbsent var uid: UInt32?
  @NullIfAbsent var account: String?
  let files: [String]
  let start: UInt32
  let last: UInt32
  let count: UInt64
  let state: String

  init(_ entry: SubordinateEntry) {
    owner = string(entry.owner)
    uid = entry.uid
    account = entry.account.map(string)
    files = entry.kinds.map(\.file)
    start = entry.ids.lowerBound
    last = entry.ids.upperBound
    count = entry.ids.size
    state = entry.state.rawValue
  }
}

/// What `subids allocate` did for one user. Every key is always there.
struct AllocationRecord: Encodable {
  enum Outcome: String, Encodable { case added, planned, enough, refused, failed }
  struct Ids: Encodable {
    let start: UInt32
    let last: UInt32

    init(_ range: IDRange) { (start, last) = (range.lowerBound, range.upperBound) }
  }

  let name: String
  @NullIfAbsent var uid: UInt32?
  let outcome: Outcome
  @NullIfAbsent var uids: Ids? = nil
  @NullIfAbsent var gids: Ids? = nil
  /// So many ids the name service was asked for.
  var asked = 0
  let message: String
}

extension KnownIDs {
  /// What was asked for, for a person.
  var summary: String {
    let found = users.count + groups.count
    let answer = found == 0 ? "knew none of them" : "knew \(found) of them"
    let end = failure.map { "; it was asked no further, since \($0)" } ?? ""
    return asked == 0 && failure == nil
      ? "There are no ids to ask the name service for."
      : "The name service was asked for \(counted(asked, "id", "ids")) in these ranges, and \(answer)\(end)."
  }
}
