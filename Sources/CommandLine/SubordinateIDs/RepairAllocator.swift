import RootlessStorage
import Synchronization

/// Gives users the ids that they lack, as a login with `subids = allocate` does, while `repair` goes through them.
final class RepairAllocator: Sendable {
  /// How the words of its actions begin.
  static let action = "add subordinate ids"
  /// As in `subids allocate`.
  private static let timeout: Int64 = 15_000

  private let settings: Settings
  private let isDryRun: Bool
  /// One at a time: the locks of the files keep other processes off, and not another thread.
  private let turn = Mutex(())

  /// - Returns: nil where `repair` gives nobody ids: it is not root's, or the site does not want it.
  init?(_ settings: Settings, isDryRun: Bool) {
    guard settings.subordinateIDs.allocates, effectiveIDs().user == 0 else { return nil }
    self.settings = settings
    self.isDryRun = isDryRun
  }

  /// - Returns: nil if there is nothing to be done, or the account is refused, which is a finding.
  func perform(for account: Account) -> UserReport.Action? {
    if Planner.ineligibility(of: account, settings) != nil { return nil }
    let record = turn.withLock { _ in run(account) }
    func ids(_ ids: AllocationRecord.Ids?) -> String { ids.map { "\($0.start)-\($0.last)" } ?? "none" }
    switch record.outcome {
    case .enough, .refused: return nil
    case .added, .planned:
      return UserReport.Action(
        action: "\(RepairAllocator.action): uids \(ids(record.uids)), gids \(ids(record.gids))",
        outcome: record.outcome == .added ? .done : .planned)
    case .failed: return UserReport.Action(action: RepairAllocator.action, outcome: .failed, cause: record.message)
    }
  }

  private func run(_ account: Account) -> AllocationRecord {
    do throws(SubordinateIDError) {
      return allocate(
        for: account, settings, try SubordinateIDFiles(MountTable(blockDeviceIsLocal: true)), isDryRun: isDryRun,
        timeout: RepairAllocator.timeout)
    } catch {
      return AllocationRecord(name: shown(account.name), uid: account.uid, outcome: .failed, message: text(Wording.failure(error.failure)))
    }
  }
}
