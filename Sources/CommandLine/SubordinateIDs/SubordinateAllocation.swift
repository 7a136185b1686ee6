import RootlessStorage

/// So often the files may change while the name service is asked.
private let mostTries = 8

/// Plans from the files, asks the name service about the plan, and has it carried out if it still holds then: nobody is kept from the
/// files while a directory is asked.
func allocate(
  for account: Account, _ settings: Settings, _ files: borrowing SubordinateIDFiles, isDryRun: Bool, timeout: Int64
) -> AllocationRecord {
  let name = shown(account.name)
  var asked = 0
  func record(_ outcome: AllocationRecord.Outcome, _ message: String, _ plan: SubordinateIDPlan? = nil) -> AllocationRecord {
    AllocationRecord(
      name: name, uid: account.uid, outcome: outcome, uids: plan?.users.map { .init($0) }, gids: plan?.groups.map { .init($0) },
      asked: asked, message: message)
  }
  func refused(_ refusal: SubordinateIDRefusal) -> AllocationRecord { record(.refused, words(.subordinateIDsRefused(refusal))) }
  if Account.isReserved(uid: account.uid) { return record(.refused, words(.idReserved)) }
  do throws(SubordinateIDError) {
    for _ in 0..<mostTries {
      let facts = try files.facts()
      let plan: SubordinateIDPlan
      do throws(SubordinateIDRefusal) { plan = try SubordinateIDPlanner(account, settings).plan(facts) } catch { return refused(error) }
      if plan.isEmpty { return record(.enough, "has enough subordinate ids") }
      let known = KnownIDs(asking: places(in: plan))
      asked += known.asked
      if let refusal = refusal(plan, known) { return refused(refusal) }
      if let failure = known.failure { return record(.failed, "nothing is given, since \(failure); try again") }
      if isDryRun { return record(.planned, "would be given: \(words(.subordinateIDsAdded(plan)))", plan) }
      switch files.allocate(for: account, settings, timeout: timeout, expecting: plan).outcome {
      case .enough: return record(.enough, "has enough subordinate ids")
      case .added(let plan):
        return record(
          .added,
          "\(words(.subordinateIDsAdded(plan))). If containers of this user run already: rootless-storage repair \(shellWord(account.name))",
          plan)
      case .refused(let refusal): return refused(refusal)
      case .failed(let failure): return record(.failed, words(.subordinateIDsFailed(failure)))
      case .changed: continue
      }
    }
    return record(.failed, "others change the files all the time; try again")
  } catch {
    return record(.failed, words(.subordinateIDsFailed(error.failure)))
  }
}

/// What a login would log.
private func words(_ event: Event) -> String { text(Wording().sentence(event)) }

private func places(in plan: SubordinateIDPlan) -> [(SubordinateIDKind, UInt32)] {
  [(SubordinateIDKind.users, plan.users), (.groups, plan.groups)].flatMap { kind, range in
    range.map { KnownIDs.places(in: [(kind, $0)], limit: KnownIDs.mostForOne) } ?? []
  }
}

/// An account of the directory that has ids of the plan.
private func refusal(_ plan: SubordinateIDPlan, _ known: KnownIDs) -> SubordinateIDRefusal? {
  if let range = plan.users, let holder = known.users.first { return .overlap(range, .known(holder.id, .users, of: holder.name)) }
  if let range = plan.groups, let holder = known.groups.first { return .overlap(range, .known(holder.id, .groups, of: holder.name)) }
  return nil
}
