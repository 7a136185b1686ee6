// /etc/subuid and /etc/subgid (subuid(5)): lines `OWNER:START:COUNT`, the owner a name or a uid in digits.

/// Ids from the first to the last, both included.
public typealias IDRange = ClosedRange<UInt32>

/// One of the two files.
public enum SubordinateIDKind: Equatable, Sendable {
  case users, groups

  /// In /etc.
  package var fileName: [UInt8] {
    switch self {
    case .users: Array("subuid".utf8)
    case .groups: Array("subgid".utf8)
    }
  }
}

/// A line of either file, as far as anybody might take ids from it.
///
/// Programs disagree: shadow takes numbers as C writes them (`0x…`, a leading 0 for octal, a plus sign, blanks before), Podman only
/// decimal digits. Who looks for collisions has to reckon with both; ids that a user can count on are those that both see.
package struct SubordinateLine {
  package let owner: ArraySlice<UInt8>
  /// As decimal digits say.
  package let plain: IDRange?
  /// As shadow reads it.
  package let shadow: IDRange?

  /// - Parameter line: without its newline.
  package init?(_ line: ArraySlice<UInt8>) {
    guard let first = line.firstIndex(of: .colon), first > line.startIndex else { return nil }
    let rest = line[(first + 1)...]
    guard let second = rest.firstIndex(of: .colon) else { return nil }
    let count = rest[(second + 1)...]
    if count.contains(.colon) { return nil }
    owner = line[..<first]
    let start = rest[..<second]
    let (plainStart, plainCount) = (decimalValue(start), decimalValue(count))
    plain = SubordinateLine.range(plainStart, plainCount)
    // Digits without a leading 0 are the same for both, and are nearly all that there is.
    let shadowStart = plainStart != nil && start.first != UInt8(ascii: "0") ? plainStart : SubordinateLine.number(start)
    let shadowCount = plainCount != nil && count.first != UInt8(ascii: "0") ? plainCount : SubordinateLine.number(count)
    shadow = SubordinateLine.range(shadowStart, shadowCount)
    if plain == nil && shadow == nil { return nil }
    let (end, overflow) = (shadowStart ?? 0).addingReportingOverflow(shadowCount ?? 0)
    isBeyond = overflow || end > UInt64(UInt32.max)
  }

  /// It reaches beyond the last id that the kernel maps, 4294967294: shadow 4.20 leaves such a line out, and with older versions no
  /// container starts.
  package let isBeyond: Bool

  /// What the owner can count on.
  package var certain: IDRange? { plain == shadow && !isBeyond ? plain : nil }

  /// `#NAME` is a comment for Podman, and `!NAME` is what Apptainer makes of a user's line to disable it. No user has such a name.
  package var canHaveUser: Bool { owner.first != .hash && owner.first != .exclamationMark }

  /// Hands over the ids that anybody takes from it: one range, or two where programs differ.
  package func forEachReading(_ body: (IDRange) -> Void) {
    if let plain { body(plain) }
    if let shadow, shadow != plain { body(shadow) }
  }

  package func belongs(to account: Account) -> Bool {
    owner.elementsEqual(account.name) || decimalValue(owner) == UInt64(account.uid)
  }

  /// A range that reaches beyond 32 bits is cut there: some versions take it so, others leave it out.
  private static func range(_ start: UInt64?, _ count: UInt64?) -> IDRange? {
    guard let start, let count, count > 0, let first = UInt32(exactly: start) else { return nil }
    let (end, overflow) = start.addingReportingOverflow(count - 1)
    return first...(overflow ? UInt32.max : UInt32(exactly: end) ?? UInt32.max)
  }

  /// strtoul(3) with base 0, nothing behind the digits.
  private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
    var digits = text.drop { $0 == .space || $0 >= .tab && $0 <= .carriageReturn }
    if digits.first == .plus { digits.removeFirst() }
    guard digits.first == UInt8(ascii: "0"), let kind = digits.dropFirst().first else { return decimalValue(digits) }
    switch kind {
    case UInt8(ascii: "x"), UInt8(ascii: "X"): return value(digits.dropFirst(2), base: 16)
    case UInt8(ascii: "b"), UInt8(ascii: "B"): return value(digits.dropFirst(2), base: 2)
    default: return value(digits.dropFirst(), base: 8)
    }
  }

  private static func value(_ digits: ArraySlice<UInt8>, base: UInt64) -> UInt64? {
    if digits.isEmpty { return nil }
    var sum: UInt64 = 0
    for byte in digits {
      let digit: UInt64
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte - UInt8(ascii: "A")) + 10
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - UInt8(ascii: "a")) + 10
      default: return nil
      }
      let (product, overflow) = sum.multipliedReportingOverflow(by: base)
      if digit >= base || overflow { return nil }
      // `product` is a multiple of the base, and the digit is smaller than that.
      let (next, carry) = product.addingReportingOverflow(digit)
      if carry { return nil }
      sum = next
    }
    return sum
  }
}

/// Hands over every range of such a file, also in the two readings of one line.
package func forEachRange(_ content: [UInt8], _ body: (SubordinateLine, IDRange) -> Void) {
  forEachLine(content) { text in
    if let line = SubordinateLine(text) { line.forEachReading { body(line, $0) } }
  }
}
