import RootlessStorage

/// Whether a session of a service calls our module, and where.
enum PAMReach: Equatable {
  /// It stands at this place among so many.
  case reached(PAMStep, position: Int, of: Int)
  /// It stands there, but a step before it can skip it.
  case skippable(PAMStep, by: PAMStep)
  case notReached
  /// Nobody knows: the stack cannot be followed to its end, or libpam lets every session fail.
  case unknown(String)

  init(_ stack: PAMStack) {
    if let failure = stack.failures.first {
      self = .unknown("\(shown(failure.file)) \(failure.explanation)")
    } else if let broken = stack.steps.first(where: { $0.kind == .broken }) {
      self = .unknown("\(PAMPlan.place(broken)) is no line that libpam understands")
    } else if let ours = stack.ours {
      let skip = stack.steps[..<ours].indices.first { stack.canSkip(ours, from: $0) }
      self =
        skip.map { .skippable(stack.steps[ours], by: stack.steps[$0]) }
        ?? .reached(stack.steps[ours], position: ours + 1, of: stack.steps.count)
    } else {
      self = .notReached
    }
  }

  var isReached: Bool { if case .reached = self { true } else { false } }
}

extension PAMStacks {
  /// The services that begin sessions for people, of which a session reaches our module.
  var reached: Set<[UInt8]> { Set(PAMPlan.wanted(self).filter { PAMReach($0).isReached }.map(\.service)) }

  /// Sessions are the same but for our module, wherever lines stand in their files.
  func isSameButForOurs(as other: PAMStacks) -> Bool {
    func kept(_ stack: PAMStack) -> [PAMStep] {
      stack.steps.filter { !$0.isOurs }.map {
        PAMStep(kind: $0.kind, path: $0.path, file: $0.file, line: 0, level: $0.level, control: $0.control, arguments: $0.arguments)
      }
    }
    return stacks.filter { PAMPlan.isInUse($0.service) }.allSatisfy { stack in
      guard let same = other.stacks.first(where: { $0.service == stack.service }) else { return false }
      return same.failures == stack.failures && kept(same) == kept(stack) && same.ways == stack.ways
    }
  }

  /// All stacks of the other are here, to the last byte that matters. There may be more: backups. What a run that was killed has left
  /// may be gone.
  func includes(_ other: PAMStacks) -> Bool {
    other.stacks.filter { PAMPlan.isInUse($0.service) }.allSatisfy { stack in stacks.contains(stack) }
  }
}

extension PAMStack {
  /// To which step, counted without ours, every control that jumps or ends leads, and how many there were too few: a line of ours that
  /// comes in must not make one count to another step.
  fileprivate var ways: [[Int]] {
    steps.indices.filter { !steps[$0].isOurs }.flatMap { index in
      (steps[index].control?.actions ?? []).compactMap { action in
        let count: Int
        switch action.action {
        case .done: count = Int.max
        case .jump(let steps): count = steps
        case .ignore, .ok, .bad, .die, .reset: return nil
        }
        let landing = landing(after: index, jumping: count)
        return [steps[..<landing.step].count { !$0.isOurs }, count == Int.max ? 0 : landing.missing]
      }
    }
  }
}
