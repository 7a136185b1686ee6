import RootlessStorage

/// Fields in one message: each its length in four bytes, the least first, and so many bytes. A site has ten thousand users, and to say the
/// same in JSON takes as long as a look into many a home.
enum MessageFields {
  static func joined(_ fields: [[UInt8]]) -> [UInt8] {
    var message: [UInt8] = []
    message.reserveCapacity(fields.reduce(0) { $0 + 4 + $1.count })
    for field in fields {
      for shift in 0..<4 { message.append(UInt8(truncatingIfNeeded: field.count >> (shift * 8))) }
      message += field
    }
    return message
  }

  /// nil where the last one is not whole.
  static func split(_ message: [UInt8]) -> [[UInt8]]? {
    var fields: [[UInt8]] = []
    var rest = message[...]
    while rest.count >= 4 {
      let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      guard length <= rest.count else { return nil }
      fields.append(Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return rest.isEmpty ? fields : nil
  }
}
