import Dispatch
import Synchronization

/// What threads have to do that make work for each other: it ends when all of them wait for more.
final class SharedWork<Item: Sendable>: Sendable {
  private struct State {
    var items: [Item] = []
    var members: Int
    var waiting = 0
    var isOver = false
  }

  private let state: Mutex<State>
  private let wake = DispatchSemaphore(value: 0)
  private let room: Int

  /// - Parameters:
  ///   - members: threads that take of it, the one that makes it included.
  ///   - room: items that wait at once.
  init(members: Int, room: Int) {
    state = Mutex(State(members: members))
    self.room = room
  }

  /// - Returns: whether there was room for it, and somebody else to take it.
  func offer(_ item: Item) -> Bool {
    let (isTaken, isWaitedFor) = state.withLock { state in
      if state.items.count >= room || state.members <= 1 { return (false, false) }
      state.items.append(item)
      if state.waiting == 0 { return (true, false) }
      state.waiting -= 1
      return (true, true)
    }
    if isWaitedFor { wake.signal() }
    return isTaken
  }

  /// The item that came last; waits for one.
  ///
  /// - Parameter meanwhile: called now and then while it waits.
  /// - Returns: nil when all is done.
  func next(meanwhile: () -> Void) -> Item? {
    while true {
      let (item, isOver, isLast) = state.withLock { state -> (Item?, Bool, Bool) in
        if let item = state.items.popLast() { return (item, false, false) }
        if state.isOver { return (nil, true, false) }
        state.waiting += 1
        state.isOver = state.waiting >= state.members
        return (nil, state.isOver, state.isOver)
      }
      if let item { return item }
      if isLast { release() }
      if isOver { return nil }
      while wake.wait(timeout: .now() + .milliseconds(200)) == .timedOut { meanwhile() }
    }
  }

  func join(_ count: Int) { state.withLock { $0.members += count } }

  /// Some that were to take part never came.
  func leave(_ count: Int) { state.withLock { $0.members -= count } }

  private func release() {
    for _ in 0..<state.withLock({ $0.members }) { wake.signal() }
  }
}
