import RootlessStorage

/// `pam enable` and `pam disable`: what there is to do, and doing it.
struct PAMWork {
  struct Done {
    let change: PAMPlan.Change
    /// Where the old file is; nil: nowhere, or nothing was done.
    let backup: Path?
  }

  let method: PAMMethod
  let isDryRun: Bool
  private(set) var changes: [Done] = []
  /// What was run, or would be.
  private(set) var commands: [String] = []
  private(set) var refusals: [PAMPlan.Refusal] = []
  /// What is good to know, a sentence each.
  private(set) var notes: [String] = []
  /// The host as it is by now, or would be.
  private var tree = HostTree.this

  init(isDryRun: Bool) {
    method = PAMMethod.of(tree)
    self.isDryRun = isDryRun
  }

  // MARK: Enabling

  mutating func enable() throws(CommandError) {
    let wanted = PAMPlan.enabling(tree, throughLinks: method == .authselect)
    if PAMPlan.wanted(wanted.before).isEmpty {
      refusals.append(
        PAMPlan.Refusal(
          services: [], reason: "no service that begins sessions for people has a file in /etc/pam.d",
          remedy:
            "add the line \"\(PAMFindings.line)\" by hand to the stack of the service that is meant (in /etc/pam.conf: SERVICE \(PAMFindings.line))"
        ))
      return
    }
    let isRenewal = method == .authselect && AuthselectCopy(tree)?.isToBeRenewed == true
    if wanted.changes.isEmpty && wanted.refusals.isEmpty && !isRenewal { return }
    if !wanted.changes.isEmpty || method == .pamAuthUpdate || isRenewal {
      if let failure = PAMTrial.failure() {
        return refusals.append(PAMPlan.Refusal(services: [], reason: failure.reason, remedy: failure.remedy))
      }
    }
    switch method {
    case .pamAuthUpdate: try enableProfile()
    case .authselect:
      enableAuthselect(wanted)
      // Lines in the services' own files would be in the way of the right one later.
      if !refusals.isEmpty { return }
    case .files: break
    }
    apply(PAMPlan.enabling(tree))
  }

  private mutating func enableProfile() throws(CommandError) {
    let update = AuthUpdate(tree: tree)
    let before = PAMStacks(everyServiceOf: tree)
    let changes = try update.changes(.enable)
    let predicted = changes.reduce(tree) { $0.replacing($0.real($1.file), with: $1.new) }
    let after = PAMStacks(everyServiceOf: predicted)
    if let other = update.otherwiseKept {
      notes.append(
        "pam-auth-update would write \(shown(other)) anew, which is a symbolic link or has an owner or a mode of its own, so it is not asked to. The line is put behind its last marker, where it stays."
      )
      return
    }
    // It is on already, and some service does not include its files.
    if changes.isEmpty && update.isOn { return }
    if after.reached == before.reached {
      notes.append(
        "pam-auth-update leaves its files alone, since something between its markers was changed by hand; the line is put behind the last marker, where it stays."
      )
      return
    }
    guard after.isSameButForOurs(as: before), AuthUpdate.isOnlyOurs(changes) else {
      notes.append(
        "pam-auth-update would change more than this line, so it is not asked to; to see it: sudo pam-auth-update. The line is put behind its last marker, where it stays."
      )
      return
    }
    try perform(.enable, update, changes, predicted, after)
  }

  private mutating func perform(
    _ action: AuthUpdate.Action, _ update: AuthUpdate, _ changes: [PAMPlan.Change], _ predicted: HostTree, _ after: PAMStacks
  ) throws(CommandError) {
    self.changes += changes.map { Done(change: $0, backup: nil) }
    commands.append(AuthUpdate.command(action))
    if isDryRun {
      tree = predicted
      return
    }
    try update.perform(action)
    if PAMStacks(everyServiceOf: tree).includes(after) { return }
    try update.perform(action == .enable ? .disable : .enable)
    throw CommandError(
      "pam-auth-update did not write what it wrote on a copy, and was told to take it back; look at: git diff or debsums of /etc/pam.d, and run this again"
    )
  }

  private mutating func enableAuthselect(_ wanted: PAMPlan) {
    do throws(Authselect.Failure) {
      let authselect = try Authselect(tree)
      var names = wanted.changes.map(\.file).filter(authselect.writes).map(\.name)
      let isRenewal = authselect.isRenewal
      if isRenewal { names += authselect.namesInCopy.filter { !names.contains($0) } }
      if names.isEmpty { return }
      let templates = try authselect.templates(names)
      let before = PAMStacks(everyServiceOf: tree)
      let goal = wanted.after.reached
      let renewed = isRenewal ? tree(of: authselect.renewed()) : tree
      // The sessions that are to be, but for our line.
      let others = isRenewal ? PAMStacks(everyServiceOf: renewed) : before
      // Which services a template serves may depend on features; fewer than before it may not be, and not none.
      let isWanted = { (stacks: PAMStacks) in
        let reached = stacks.reached
        return stacks.isSameButForOurs(as: others) && before.reached.isSubset(of: reached)
          && (isRenewal || !reached.subtracting(before.reached).isDisjoint(with: goal))
      }
      let tree = self.tree
      var backups: [Path] = []
      if !isDryRun {
        backups = try authselect.enable(templates) { generated in
          generated.count == templates.count
            && isWanted(PAMStacks(everyServiceOf: generated.reduce(renewed) { $0.replacing($1.file, with: $1.new) }))
        } _: {
          isWanted(PAMStacks(everyServiceOf: tree))
        }
      }
      changes += templates.enumerated().map { Done(change: $1, backup: $0 < backups.count ? backups[$0] : nil) }
      commands += authselect.enablingCommands
      if isRenewal { notes.append("\(Authselect.ours) is made anew: the profile that it is a copy of was updated since.") }
      // The rest is planned as if these files had their line already.
      if isDryRun {
        self.tree = wanted.changes.filter { authselect.writes($0.file) }.reduce(tree) { $0.replacing($0.real($1.file), with: $1.new) }
      }
    } catch {
      record(error)
    }
  }

  /// The host, if these files were others.
  private func tree(of changes: [PAMPlan.Change]) -> HostTree { changes.reduce(tree) { $0.replacing($1.file, with: $1.new) } }

  // MARK: Disabling

  mutating func disable(all: Bool) throws(CommandError) {
    switch method {
    case .pamAuthUpdate:
      let update = AuthUpdate(tree: tree)
      let changes = try update.changes(.disable)
      let predicted = changes.reduce(tree) { $0.replacing($0.real($1.file), with: $1.new) }
      let after = PAMStacks(everyServiceOf: predicted)
      let isRight =
        update.otherwiseKept == nil && AuthUpdate.isOnlyOurs(changes) && after.isSameButForOurs(as: PAMStacks(everyServiceOf: tree))
      // A profile that it has not seen yet would be switched on at the next opportunity.
      if isRight && (!changes.isEmpty || !update.isSeen) { try perform(.disable, update, changes, predicted, after) }
    case .authselect:
      disableAuthselect(all)
      if !refusals.isEmpty { return }
      removeLeftover()
    case .files: break
    }
    apply(PAMPlan.disabling(tree, all: all))
  }

  private mutating func disableAuthselect(_ all: Bool) {
    do throws(Authselect.Failure) {
      // Without a line there is nothing to ask authselect for.
      if PAMStacks(everyServiceOf: tree).ourSteps.isEmpty { return }
      let authselect = try Authselect(tree)
      guard let removal = authselect.removal(all: all) else { return }
      // The stock profile as it is by now, if it is selected again.
      let others = PAMStacks(everyServiceOf: removal.former != nil && authselect.isRenewal ? tree(of: authselect.renewed()) : tree)
      let tree = self.tree
      var backups: [Path] = []
      if !isDryRun { backups = try authselect.disable(removal) { PAMStacks(everyServiceOf: tree).isSameButForOurs(as: others) } }
      changes += removal.templates.enumerated().map { Done(change: $1, backup: $0 < backups.count ? backups[$0] : nil) }
      commands += authselect.disablingCommands(removal)
      if authselect.isOurs && removal.former == nil {
        notes.append("\(Authselect.ours) stays selected: it differs from every stock profile in more than the line.")
      }
      if isDryRun {
        // What authselect would generate: the same without our lines.
        for name in removal.templates.map(\.file.name) {
          let file = "/etc/authselect" / name
          guard let content = try? tree.read(file) else { continue }
          let text = PAMText(content)
          self.tree = self.tree.replacing(file, with: text.removing(text.ours.filter { all || $0.isAsAdded }))
        }
      }
    } catch {
      record(error)
    }
  }

  /// Our copy, where another profile is selected.
  private mutating func removeLeftover() {
    guard let copy = AuthselectCopy(tree), copy.isUnchanged, !copy.isSelected else { return }
    if !isDryRun { Authselect.removeCopies(tree) }
    commands.append(Authselect.removal)
  }

  private mutating func record(_ failure: Authselect.Failure) {
    switch failure {
    case .refused(let reason, let remedy): refusals.append(PAMPlan.Refusal(services: [], reason: reason, remedy: remedy))
    }
  }

  // MARK: Files

  private mutating func apply(_ plan: PAMPlan) {
    refusals += plan.refusals
    if plan.changes.isEmpty { return }
    if isDryRun {
      changes += plan.changes.map { Done(change: $0, backup: nil) }
      return
    }
    do throws(PAMFiles.Failure) {
      // All are named as files in /etc/pam.d: others are refused.
      let tree = self.tree
      let backups = try PAMFiles(plan.changes[0].file.parent).replace(plan.changes) {
        PAMStacks(everyServiceOf: tree).includes(plan.after)
      }
      if let backups { return changes += zip(plan.changes, backups).map { Done(change: $0, backup: $1) } }
      refusals.append(
        PAMPlan.Refusal(
          services: [], reason: "libpam would not have taken what was written as it was meant, so the old files were put back",
          remedy: "run this again; somebody may be changing /etc/pam.d just now"))
    } catch { refusals.append(error.refusal) }
  }
}
