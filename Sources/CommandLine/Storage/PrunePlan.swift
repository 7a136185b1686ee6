import RootlessStorage

/// What is to go, decided from what was seen.
struct PrunePlan {
  /// Indices of the inventory's entries.
  let candidates: [Int]
  /// Would go, but for being in use.
  let inUse: Int
  /// Have no account, but that is not believed.
  let unconfirmed: Int
  /// Of these, indices of the inventory's entries that have only to be absent for longer.
  let waiting: [Int]
  /// Of these, so many are perhaps not of people.
  let subordinate: Int
  /// The name service did not answer.
  let unanswered: Int
  /// So large that it is unknown when they were last used.
  let unmeasured: Int
  /// Of users that were named: indices of the inventory's entries that can never go.
  let refused: [Int]
  /// Would go, but for volumes or containers in them.
  let withData: Int
  /// Bytes that the goal still lacks when all candidates are gone; nil without a goal.
  let lacking: UInt64?
  private let absent: Int
  private let all: Int
  private let byOrphan: Bool

  /// - Parameters:
  ///   - olderThan: in days; with `orphaned`, both must hold.
  ///   - now: seconds since the epoch.
  ///   - goal: `olderThan` is of no account for orphans then. They go first, then what engines have left and what was replaced, then idle
  ///     storage, of each what was used longest ago first, and no more than is needed.
  ///   - isNamed: the inventory holds what users have that were named. Whether they have an account is not asked then.
  init(_ inventory: StorageInventory, orphaned: Bool, olderThan: Int64?, goal: Goal? = nil, isNamed: Bool = false, now: Int64) {
    var (candidates, waiting, refused): ([Int], [Int], [Int]) = ([], [], [])
    var (inUse, unconfirmed, subordinate, unanswered, unmeasured, absent, all) = (0, 0, 0, 0, 0, 0, 0)
    for (index, entry) in inventory.entries.enumerated() {
      if isNamed {
        if entry.state == .occupied || entry.state == .mount {
          refused.append(index)
          continue
        }
      } else {
        // Anybody can make names of what was replaced: they count for nothing but themselves.
        let counts = entry.isAside ? 0 : 1
        switch entry.state {
        case .occupied, .mount, .former, .guarded: continue
        case .unconfirmed:
          unconfirmed += 1
          if case .waiting? = entry.uncertainty { waiting.append(index) }
          // Containers can make any number of them, and so are neither counted among the absent nor among all.
          if entry.uncertainty == .subordinate {
            subordinate += 1
            continue
          }
          absent += counts
        case .unanswered: unanswered += 1
        case .orphaned: absent += counts
        case .ok, .replaced, .leftover: break
        }
        all += counts
      }
      let olderThan = goal == nil ? olderThan : entry.state == .orphaned ? nil : entry.isLeftover ? EngineLeftover.restDays : olderThan
      guard PrunePlan.matters(entry, orphaned: orphaned, olderThan: olderThan, isNamed: isNamed, now: now) else { continue }
      // It was not looked into, and is not judged by what is in it.
      if entry.isInUse != false {
        inUse += 1
        continue
      }
      guard let measure = entry.measure else { continue }
      if let olderThan {
        if now - measure.lastUse < olderThan * 86400 { continue }
        if measure.isCutShort {
          unmeasured += 1
          continue
        }
      }
      // Only a user's own things are in it: nothing of it would go.
      if !measure.hasEngines && measure.hasOthers { continue }
      // Nor would anything of this.
      if measure.isEmpty && inventory.parent.keeps(entry) { continue }
      candidates.append(index)
    }
    var withData = 0
    var missing = goal?.missing
    if let goal {
      func rank(_ index: Int) -> (Int, Int64) {
        let entry = inventory.entries[index]
        return (entry.state == .orphaned ? 0 : entry.isAside ? 1 : 2, entry.measure?.lastUse ?? 0)
      }
      let ordered = candidates.sorted { rank($0) < rank($1) }
      candidates = []
      for index in ordered where missing ?? 0 > 0 {
        let entry = inventory.entries[index]
        if !goal.takesData && !entry.isLeftover && inventory.holdsData(entry) {
          withData += 1
          continue
        }
        candidates.append(index)
        let gain = entry.measure?.reclaimable ?? 0
        missing = missing.map { $0 > gain ? $0 - gain : 0 }
      }
    }
    lacking = missing
    self.withData = withData
    self.candidates = candidates
    self.inUse = inUse
    self.unconfirmed = unconfirmed
    self.waiting = waiting
    self.subordinate = subordinate
    self.refused = refused
    self.unanswered = unanswered
    self.unmeasured = unmeasured
    self.absent = absent
    self.all = all
    byOrphan = orphaned || goal != nil
  }

  /// So much is to be given back, and no more.
  struct Goal {
    /// Bytes.
    let missing: UInt64
    /// Volumes and containers go too.
    let takesData: Bool
  }

  /// Whether it could go, whatever is in it and whether or not it is in use.
  static func matters(_ entry: StorageEntry, orphaned: Bool, olderThan: Int64?, isNamed: Bool, now: Int64) -> Bool {
    if entry.state == .occupied || entry.state == .mount { return false }
    // Its age is known without a look into it.
    if let olderThan, let since = entry.replacedAt, now - since < olderThan * 86400 { return false }
    return (isNamed || entry.isPrunable) && (!orphaned || entry.state == .orphaned)
  }

  /// Some could not be judged. That an absence has to last first is the usual course, and so is what containers make.
  var isIncomplete: Bool { unanswered > 0 || unmeasured > 0 || (byOrphan && offline > 0) }
  /// Of the unconfirmed, so many are so because a directory service may be offline.
  var offline: Int { unconfirmed - waiting.count - subordinate }

  /// Why nothing is deleted without somebody who looks at it.
  func refusal(yes: Bool) -> String? {
    guard byOrphan && yes && absent * 2 > all && !candidates.isEmpty else { return nil }
    return
      "\(absent) of \(all) storage directories have no account, which is more than half and may mean that the name service does not report everybody; nothing is deleted. If it is true, run this without --yes"
  }
}
