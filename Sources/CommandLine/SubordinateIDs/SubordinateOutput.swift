import RootlessStorage

/// A range, as `--json` tells it. Every key is always there: null says that it is not known.
struct SubordinateRecord: Encodable {
  let owner: String
  let uid: UInt32?
  let account: String?
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

  private enum Key: String, CodingKey { case owner, uid, account, files, start, last, count, state }

  func encode(to encoder: any Encoder) throws {
    var record = encoder.container(keyedBy: Key.self)
    try record.encode(owner, forKey: .owner)
    try record.encode(uid, forKey: .uid)
    try record.encode(account, forKey: .account)
    try record.encode(files, forKey: .files)
    try record.encode(start, forKey: .start)
    try record.encode(last, forKey: .last)
    try record.encode(count, forKey: .count)
    try record.encode(state, forKey: .state)
  }
}

/// What `subids allocate` did for one user.
struct AllocationRecord: Encodable {
  enum Outcome: String, Encodable { case added, planned, enough, refused, failed }
  struct Ids: Encodable {
    let start: UInt32
    let last: UInt32

    init(_ range: IDRange) { (start, last) = (range.lowerBound, range.upperBound) }
  }

  let name: String
  let uid: UInt32?
  let outcome: Outcome
  var uids: Ids?
  var gids: Ids?
  /// So many ids the name service was asked for.
  var asked = 0
  let message: String

  private enum Key: String, CodingKey { case name, uid, outcome, uids, gids, asked, message }

  func encode(to encoder: any Encoder) throws {
    var record = encoder.container(keyedBy: Key.self)
    try record.encode(name, forKey: .name)
    try record.encode(uid, forKey: .uid)
    try record.encode(outcome, forKey: .outcome)
    try record.encode(uids, forKey: .uids)
    try record.encode(gids, forKey: .gids)
    try record.encode(asked, forKey: .asked)
    try record.encode(message, forKey: .message)
  }
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
