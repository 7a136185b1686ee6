import RootlessStorage

/// Owners of subordinate ids, numbered in the order in which they are met: names are compared once, and numbers afterwards.
struct OwnerNumbers: Equatable, Sendable {
  private(set) var names: [[UInt8]] = []
  private var numbers: [NameKey: Int] = [:]
  /// The owner that is likely to be next: both files usually have theirs in one order.
  private var next = 0

  var count: Int { names.count }

  /// The owner's number, a new one if it has none.
  mutating func number(of owner: ArraySlice<UInt8>) -> Int {
    if next < names.count && owner.elementsEqual(names[next]) {
      next += 1
      return next - 1
    }
    let key = NameKey(Array(owner))
    if let number = numbers[key] {
      next = number + 1
      return number
    }
    let number = names.count
    numbers[key] = number
    names.append(key.bytes)
    return number
  }

  /// nil: it was never met.
  func number(of owner: [UInt8]) -> Int? { numbers[NameKey(owner)] }

  /// The next name is likely to be that of the first owner: another file begins.
  mutating func startOver() { next = 0 }
}
