/// A name beside a storage directory: `.LEAF.new-TIME-RANDOM` for a directory that is being prepared, `.LEAF.replaced-TIME-RANDOM` for
/// what another user had put into its place. TIME is UTC (`20261128T201530Z`), RANDOM 64 bits in hexadecimal digits, so that nobody can
/// occupy the name beforehand.
public struct AsideName: Equatable, Sendable {
  public enum Purpose: Equatable, Sendable { case new, replaced }

  /// A name has room for 255 bytes: of longer leaves only the beginning stands in it.
  private static let longestLeaf = 200
  private static let digits = 16

  public let leaf: [UInt8]
  public let purpose: Purpose
  /// As in the name.
  public let stamp: [UInt8]
  private let random: [UInt8]
  private let separator: UInt8

  /// - Parameters:
  ///   - time: seconds since the epoch.
  ///   - random: any number, from getrandom(2).
  public init(_ purpose: Purpose, of leaf: [UInt8], time: Int64, random: UInt64) {
    self.leaf = Array(leaf.prefix(AsideName.longestLeaf))
    self.purpose = purpose
    stamp = utcStamp(time)
    var number: [UInt8] = []
    var rest = random
    for _ in 0..<AsideName.digits {
      let digit = UInt8(truncatingIfNeeded: rest & 15)
      number.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      rest >>= 4
    }
    number.reverse()
    self.random = number
    separator = .hyphen
  }

  public var bytes: [UInt8] { [.dot] + leaf + AsideName.word(purpose) + stamp + [separator] + random }

  private static func word(_ purpose: Purpose) -> [UInt8] {
    switch purpose {
    case .new: Array(".new-".utf8)
    case .replaced: Array(".replaced-".utf8)
    }
  }

  /// Reads a name of this form, and no other, whatever the length of its number. Earlier versions wrote a full stop before it, and
  /// decimal digits.
  public init?(_ name: [UInt8]) {
    guard name.first == .dot, name.count <= 255, let separator = name.lastIndex(where: { $0 == .hyphen || $0 == .dot }) else { return nil }
    random = Array(name[(separator + 1)...])
    self.separator = name[separator]
    guard !random.isEmpty, random.count <= 32, random.allSatisfy({ isHexDigit($0) }) else { return nil }
    let rest = name[..<separator].dropFirst()
    stamp = Array(rest.suffix(16))
    guard AsideName.isStamp(stamp) else { return nil }
    let front = Array(rest.dropLast(16))
    for purpose in [Purpose.new, .replaced] {
      let word = AsideName.word(purpose)
      guard front.count > word.count, front.suffix(word.count).elementsEqual(word) else { continue }
      self.purpose = purpose
      leaf = Array(front.dropLast(word.count))
      return
    }
    return nil
  }

  /// `YYYYMMDDThhmmssZ`.
  private static func isStamp(_ text: [UInt8]) -> Bool {
    guard text.count == 16, text[8] == UInt8(ascii: "T"), text[15] == UInt8(ascii: "Z") else { return false }
    for (index, byte) in text.enumerated() where index != 8 && index != 15 && !isDigit(byte) { return false }
    return true
  }

  /// Whether this is a name for that storage directory. Of one of more than 200 bytes only the beginning is compared.
  public func isOf(_ leaf: [UInt8]) -> Bool { self.leaf.elementsEqual(leaf.prefix(AsideName.longestLeaf)) }
}

/// `20261128T201530Z`. A time before 1970 counts as 1970, one after 9999 as the last second of that.
///
/// - Parameter seconds: since the epoch.
func utcStamp(_ seconds: Int64) -> [UInt8] {
  let bounded = min(max(seconds, 0), 253_402_300_799)
  let clock = UInt64(bounded % 86400)
  // Days since 1 March of the year 0, in eras of 400 years: there the leap day is the last of a year.
  let days = UInt64(bounded / 86400) + 719_468
  let era = days / 146_097
  let dayOfEra = days % 146_097
  let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let march = (5 * dayOfYear + 2) / 153
  let month = march < 10 ? march + 3 : march - 9
  let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  let day = dayOfYear - (153 * march + 2) / 5 + 1
  var stamp = decimal((year * 100 + month) * 100 + day)
  while stamp.count < 8 { stamp.insert(UInt8(ascii: "0"), at: 0) }
  // The leading 1 keeps the zeros behind it, and becomes the T.
  stamp += decimal(1_000_000 + clock / 3600 * 10000 + clock / 60 % 60 * 100 + clock % 60)
  stamp[8] = UInt8(ascii: "T")
  stamp.append(UInt8(ascii: "Z"))
  return stamp
}
