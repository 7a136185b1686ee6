import RootlessStorage

/// How much of a disk is to be free: `20%`, or `50G`.
enum FreeSpaceGoal: Equatable {
  case percent(UInt64)
  case bytes(UInt64)

  /// - Parameter text: 1% to 99%, or a whole number with K, M, G or T (powers of 1024).
  init?(_ text: String) {
    let digits = text.prefix { ("0"..."9").contains($0) }
    guard let number = UInt64(digits), number > 0 else { return nil }
    switch text.dropFirst(digits.count) {
    case "%" where number < 100: self = .percent(number)
    case let unit where unit.count == 1:
      guard let power = ["K", "M", "G", "T"].firstIndex(of: unit.uppercased()) else { return nil }
      let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: UInt64(1) << (10 * (UInt64(power) + 1)))
      if isTooLarge { return nil }
      self = .bytes(bytes)
    default: return nil
    }
  }

  /// Bytes that are to be free on a disk of so many.
  func bytes(of size: UInt64) -> UInt64 {
    switch self {
    case .percent(let number): size / 100 * number
    case .bytes(let bytes): bytes
    }
  }
}

/// A goal on a disk.
struct FreeSpace: Equatable {
  /// Bytes, as an ordinary user sees them.
  let wanted: UInt64
  let free: UInt64
  let size: UInt64

  init(_ goal: FreeSpaceGoal, on volume: Volume) {
    wanted = goal.bytes(of: volume.size)
    free = volume.free
    size = volume.size
  }

  var missing: UInt64 { wanted > free ? wanted - free : 0 }
  var isReached: Bool { missing == 0 }
}
