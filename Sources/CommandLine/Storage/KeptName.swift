import RootlessStorage

/// A name that the taking of a storage directory's place leaves beside it: `.LEAF.replaced-TIME-RANDOM` for what was there,
/// `.LEAF.new-TIME-RANDOM` for a directory that was prepared and did not get there.
struct KeptName: Equatable {
  enum Kind { case replaced, new }

  let kind: Kind
  /// The storage directory's name, which may hold dots.
  let leaf: [UInt8]

  /// - Returns: nil if it is anything else, however similar.
  init?(_ name: [UInt8]) {
    guard name.first == 0x2e, name.count <= 255 else { return nil }
    for (mark, kind) in [(".replaced-", Kind.replaced), (".new-", .new)] {
      let mark = Array(mark.utf8)
      guard let start = KeptName.last(mark, in: name), start > 1, KeptName.isStamp(name[(start + mark.count)...]) else { continue }
      self.kind = kind
      leaf = Array(name[1..<start])
      return
    }
    return nil
  }

  private static func last(_ mark: [UInt8], in name: [UInt8]) -> Int? {
    var start = name.count - mark.count
    while start >= 0 {
      if name[start..<(start + mark.count)].elementsEqual(mark) { return start }
      start -= 1
    }
    return nil
  }

  /// `20261128T201500Z-`, and a number in digits or hexadecimal digits. With a full stop before the number it is of an earlier version.
  private static func isStamp(_ text: ArraySlice<UInt8>) -> Bool {
    let form = Array("00000000T000000Z".utf8)
    guard text.count > form.count + 1 else { return false }
    for (byte, wanted) in zip(text, form) {
      if wanted == 0x30 ? !isDigit(byte) : byte != wanted { return false }
    }
    let rest = text.dropFirst(form.count)
    let number = rest.dropFirst()
    return (rest.first == 0x2d || rest.first == 0x2e) && number.count <= 32 && number.allSatisfy { isDigit($0) || (0x61...0x66).contains($0) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
