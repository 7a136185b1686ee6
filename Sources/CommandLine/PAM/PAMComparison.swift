import RootlessStorage

/// What a change of files in /etc/pam.d changes for sessions: nothing but that our module comes in or goes.
///
/// Every service of the host is compared, step for step as libpam takes them, and with where every control leads that jumps or ends.
struct PAMComparison {
  /// Why the change may not be made.
  enum Objection: Equatable {
    /// The module of a line can, by its answer, make libpam leave our line out.
    case skips(PAMStep)
    /// A control counts the lines behind it, and would count to another one.
    case moves(PAMStep)
    /// Our module stands in the session a second time.
    case twice(service: [UInt8])
    /// Our line would run before a module whose work it needs.
    case early(PAMStep, service: [UInt8])
    /// Something else would be different.
    case differs(service: [UInt8])
  }

  let before: PAMStacks
  let after: PAMStacks

  /// What is wrong with it if our line comes into the file behind that physical line.
  ///
  /// - Parameter names: the file's, by which stacks have it: symbolic links to it too.
  func objection(addingTo names: [Path], behind number: Int) -> Objection? {
    let isNew = { (step: PAMStep) in names.contains(step.file) && step.line == number + 1 && step.isOurs }
    let objection = compare(few: before, many: after, isNew) { names.contains($0.file) && $0.line > number ? $0.line + 1 : $0.line }
    return objection ?? whatSkips(isNew) ?? whatComesTwice(isNew) ?? whatIsEarly(isNew)
  }

  /// What is wrong with it if our lines go: those of the file at these physical lines.
  func objection(removingFrom names: [Path], lines: [ClosedRange<Int>]) -> Objection? {
    compare(few: after, many: before, { step in names.contains(step.file) && step.isOurs && lines.contains { $0.contains(step.line) } }) {
      step in
      if !names.contains(step.file) { return step.line }
      // Where it stood: so many lines further down.
      var line = step.line
      for range in lines where range.lowerBound <= line { line += range.count }
      return line
    }
  }

  /// - Parameters:
  ///   - few: the stacks without the lines.
  ///   - many: those with them.
  ///   - isNew: what only they have.
  ///   - shifted: the number of a step's line in `many`.
  private func compare(few: PAMStacks, many: PAMStacks, _ isNew: (PAMStep) -> Bool, _ shifted: (PAMStep) -> Int) -> Objection? {
    guard few.stacks.map(\.service) == many.stacks.map(\.service) else { return .differs(service: []) }
    for (old, new) in zip(few.stacks, many.stacks) {
      if old.steps == new.steps && old.failures == new.failures && old.files == new.files { continue }
      if let objection = compare(old, new, isNew, shifted) { return objection }
    }
    return nil
  }

  private func compare(_ old: PAMStack, _ new: PAMStack, _ isNew: (PAMStep) -> Bool, _ shifted: (PAMStep) -> Int) -> Objection? {
    let added = new.steps.indices.filter { isNew(new.steps[$0]) }
    let kept = new.steps.indices.filter { !added.contains($0) }
    guard old.file == new.file, old.files == new.files, old.failures == new.failures, kept.count == old.steps.count else {
      return .differs(service: old.service)
    }
    for (index, place) in zip(old.steps.indices, kept) {
      if !old.steps[index].isSame(as: new.steps[place], at: shifted(old.steps[index])) { return .differs(service: old.service) }
    }
    for (index, place) in zip(old.steps.indices, kept) {
      for action in old.steps[index].control?.actions ?? [] {
        let count: Int
        switch action.action {
        case .done: count = Int.max
        case .jump(let steps): count = steps
        case .ignore, .ok, .bad, .die, .reset: continue
        }
        let was = old.landing(after: index, jumping: count)
        let will = new.landing(after: place, jumping: count)
        // Where our line stands before the step that it led to, ours runs first.
        var step = will.step
        while added.contains(step) { step += 1 }
        let expected = was.step < kept.count ? kept[was.step] : new.steps.count
        if step != expected || (was.missing != will.missing && count != Int.max) { return .moves(old.steps[index]) }
      }
    }
    return nil
  }

  // MARK: Our own line

  private func whatSkips(_ isNew: (PAMStep) -> Bool) -> Objection? {
    for stack in after.stacks {
      for ours in stack.steps.indices where isNew(stack.steps[ours]) {
        if let index = stack.steps[..<ours].indices.first(where: { stack.canSkip(ours, from: $0) }) { return .skips(stack.steps[index]) }
      }
    }
    return nil
  }

  private func whatComesTwice(_ isNew: (PAMStep) -> Bool) -> Objection? {
    let stack = after.stacks.first { stack in stack.steps.contains(where: isNew) && stack.steps.count { $0.isOurs } > 1 }
    return stack.map { .twice(service: $0.service) }
  }

  private func whatIsEarly(_ isNew: (PAMStep) -> Bool) -> Objection? {
    for stack in after.stacks where PAMFindings.services.contains(where: { stack.service.elementsEqual($0.utf8) }) {
      if let ours = stack.steps.firstIndex(where: isNew), let late = stack.late(behind: ours).first {
        return .early(late, service: stack.service)
      }
    }
    return nil
  }
}

extension PAMStep {
  fileprivate func isSame(as other: PAMStep, at line: Int) -> Bool {
    kind == other.kind && path == other.path && file == other.file && other.line == line && level == other.level && control == other.control
      && arguments == other.arguments
  }
}
