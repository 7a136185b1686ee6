/// The name of an account as a key of dictionaries, of which a host may have a hundred thousand: its bytes are summed up once.
struct NameKey: Hashable, Sendable {
  let bytes: [UInt8]
  private let sum: UInt64

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    sum = fowlerNollVo(bytes)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(sum) }
}

/// FNV-1a of 64 bits, or its continuation.
func fowlerNollVo(_ bytes: [UInt8], from sum: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
  var sum = sum
  for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
  return sum
}
