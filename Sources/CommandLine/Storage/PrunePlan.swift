import RootlessStorage

/// What is to go, decided from what was seen.
struct PrunePlan {
  /// Indices of the inventory's entries.
  let candidates: [Int]
  /// Would go, but for being in use.
  let inUse: Int
  /// Have no account, but that cannot be believed.
  let unconfirmed: Int
  /// The name service did not answer.
  let unanswered: Int
  /// So large that it cannot be told when they were used last.
  let unmeasured: Int
  private let orphans: Int
  private let all: Int
  private let byOrphan: Bool

  /// - Parameters:
  ///   - olderThan: in days; with `orphaned`, both must hold.
  ///   - now: seconds since the epoch.
  init(_ inventory: StorageInventory, orphaned: Bool, olderThan: Int64?, now: Int64) {
    var candidates: [Int] = []
    var (inUse, unconfirmed, unanswered, unmeasured, orphans, all) = (0, 0, 0, 0, 0, 0)
    for (index, entry) in inventory.entries.enumerated() {
      switch entry.state {
      case .occupied, .mount: continue
      case .unconfirmed: unconfirmed += 1
      case .unanswered: unanswered += 1
      // Anybody can make names of what was replaced: they count for nothing but themselves.
      case .orphaned: orphans += entry.isReplaced ? 0 : 1
      case .ok, .replaced: break
      }
      all += entry.isReplaced ? 0 : 1
      guard PrunePlan.matters(entry, orphaned: orphaned) else { continue }
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
    self.candidates = candidates
    self.inUse = inUse
    self.unconfirmed = unconfirmed
    self.unanswered = unanswered
    self.unmeasured = unmeasured
    self.orphans = orphans
    self.all = all
    byOrphan = orphaned
  }

  /// Whether it could go, whatever is in it and whether or not it is in use.
  static func matters(_ entry: StorageEntry, orphaned: Bool) -> Bool { entry.isJudged && (!orphaned || entry.state == .orphaned) }

  /// Some could not be judged.
  var isIncomplete: Bool { unanswered > 0 || unmeasured > 0 || (byOrphan && unconfirmed > 0) }

  /// Why nothing is deleted without somebody who looks at it.
  func refusal(yes: Bool) -> String? {
    guard byOrphan && yes && orphans * 2 > all && !candidates.isEmpty else { return nil }
    return "\(orphans) of \(all) storage directories have no account, which is more than half and may mean that the name service does not tell of everybody; nothing is deleted. If it is true, run this without --yes"
  }
}
