import RootlessStorage

/// A range as `subids list` shows it: once, if it stands in both files.
struct SubordinateEntry: Equatable {
  enum State: String, Encodable {
    case ok
    /// The owner cannot count on 65,536 ids in a file in which this stands.
    case small
    /// Somebody else has ids of it, as subordinate ids or as an account.
    case overlap
    /// There is no such account.
    case gone
    /// The same, but a directory that is offline would say so too.
    case unconfirmed
    /// There is no such account on purpose: Podman's, Docker's, disabled by Apptainer, or another spelling of a user's name.
    case kept
    /// There is no such account, and another one owns the storage directory of that name.
    case renamed
    /// Programs do not agree on what the line says.
    case ambiguous
  }

  let owner: [UInt8]
  let uid: UInt32?
  /// What the name service calls the owner.
  let account: [UInt8]?
  var kinds: [SubordinateIDKind]
  let ids: IDRange
  var state: State
}

/// All of them, by owner and range.
func subordinateEntries(_ index: SubordinateIDIndex, _ settings: Settings?, _ owners: SubordinateOwners) -> [SubordinateEntry] {
  struct Key: Hashable {
    let owner: [UInt8]
    let ids: IDRange
  }
  var entries: [Key: SubordinateEntry] = [:]
  for table in index.tables {
    for range in table.ranges {
      let found = state(of: range, table, settings, owners)
      let key = Key(owner: range.owner, ids: range.ids)
      if var entry = entries[key] {
        if !entry.kinds.contains(table.kind) { entry.kinds.append(table.kind) }
        // What is wrong in one of them is wrong.
        if entry.state == .ok || entry.state == .small && found != .ok { entry.state = found }
        entries[key] = entry
        continue
      }
      var (account, uid): ([UInt8]?, UInt32?) = (nil, range.owner.uid)
      if case .account(let name, let number) = owners.state(range.owner) { (account, uid) = (name, number) }
      entries[key] = SubordinateEntry(owner: range.owner, uid: uid, account: account, kinds: [table.kind], ids: range.ids, state: found)
    }
  }
  return entries.values.sorted { left, right in
    if left.owner != right.owner { return isOrderedBefore(left.owner, right.owner) }
    return (left.ids.lowerBound, left.ids.upperBound) < (right.ids.lowerBound, right.ids.upperBound)
  }
}

private func state(
  of range: SubordinateRange, _ table: SubordinateIDTable, _ settings: Settings?, _ owners: SubordinateOwners
) -> SubordinateEntry.State {
  if !range.isCertain { return .ambiguous }
  let own = owners.identities[range.ownerNumber]
  var isShared = !isSingleGroup(range.ids, table.kind) && !people(table, range.ids, settings).isEmpty
  if !isShared {
    table.forEach(overlapping: range.ids) { other in
      isShared = owners.identities[other.ownerNumber] != own
      return !isShared
    }
  }
  if isShared { return .overlap }
  switch owners.state(range.owner) {
  case .kept(.renamed): return .renamed
  case .kept: return .kept
  case .gone: return .gone
  case .unconfirmed: return .unconfirmed
  case .account(let name, let uid):
    return table.sum(of: name == decimal(UInt64(uid)) ? [name] : [name, decimal(UInt64(uid))]) < UInt64(SubordinateIDPlanner.enough)
      ? .small : .ok
  }
}
