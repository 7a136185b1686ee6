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
  private let orphans: Int
  private let all: Int
  private let byOrphan: Bool

  /// - Parameters:
  ///   - olderThan: in days; with `orphaned`, both must hold.
  ///   - now: seconds since the epoch.
  init(_ inventory: StorageInventory, orphaned: Bool, olderThan: Int64?, now: Int64) {
    var candidates: [Int] = []
    var (inUse, unconfirmed, unanswered, orphans, all) = (0, 0, 0, 0, 0)
    for (index, entry) in inventory.entries.enumerated() {
      switch entry.state {
      case .occupied, .mount: continue
      case .unconfirmed: unconfirmed += 1
      case .unanswered: unanswered += 1
      case .orphaned: orphans += 1
      case .ok: break
      }
      all += 1
      guard entry.isJudged, let measure = entry.measure else { continue }
      if orphaned && entry.state != .orphaned { continue }
      if let olderThan, now - measure.lastUse < olderThan * 86400 { continue }
      // Only a user's own things are in it: nothing of it would go.
      if !measure.hasEngines && measure.hasOthers { continue }
      if entry.isInUse == false { candidates.append(index) } else { inUse += 1 }
    }
    self.candidates = candidates
    self.inUse = inUse
    self.unconfirmed = unconfirmed
    self.unanswered = unanswered
    self.orphans = orphans
    self.all = all
    byOrphan = orphaned
  }

  /// Some could not be judged.
  var isIncomplete: Bool { unanswered > 0 || (byOrphan && unconfirmed > 0) }

  /// Why nothing is deleted without somebody who looks at it.
  func refusal(yes: Bool) -> String? {
    guard byOrphan && yes && orphans * 2 > all && !candidates.isEmpty else { return nil }
    return "\(orphans) of \(all) storage directories have no account, which is more than half and may mean that the name service does not tell of everybody; nothing is deleted. If it is true, run this without --yes"
  }
}
