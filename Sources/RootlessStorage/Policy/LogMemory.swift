/// Which lines have been logged of a user since the host was booted, as hashes. Of a line that is known, the log needs no second one: a
/// job of cron's every minute would fill it.
///
/// As bytes: a number that nobody else knows, then the hashes, the newest last, 0 for none, each in 8 bytes.
public struct LogMemory: Equatable, Sendable {
  /// So many lines are kept, the newest.
  static let most = 16
  package static let length = 8 * (1 + most)

  /// Begins each hash, so that nobody can look for names that give two lines the same one.
  private var key: UInt64
  private var hashes: [UInt64] = []
  /// So many of them are of earlier sessions: a session's own lines are no repetition.
  private var before = 0

  public init() { key = 0 }

  /// - Parameters:
  ///   - content: what there is of earlier sessions; nothing is known where it has another length.
  ///   - random: any number, from getrandom(2).
  package init(_ content: [UInt8], random: UInt64) {
    key = random
    if content.count != LogMemory.length { return }
    var number: UInt64 = 0
    for (index, byte) in content.enumerated() {
      number = number << 8 | UInt64(byte)
      if index & 7 != 7 { continue }
      if index == 7 { key = number } else { hashes.append(number) }
    }
    before = hashes.count
  }

  /// Whether an earlier session has said the same. Keeps it in any case.
  ///
  /// - Parameter start: where the line begins in a report. It ends with its newline.
  mutating func knows(lineIn report: [UInt8], from start: Int) -> Bool {
    var hash = key
    var position = start
    while position < report.count && report[position] != .newline {
      hash = (hash ^ UInt64(report[position])) &* 0x0000_0100_0000_01b3
      hash ^= hash >> 29
      position += 1
    }
    for (index, known) in hashes.enumerated() where known == hash { return index < before }
    hashes.append(hash)
    return false
  }

  /// What is to be written; nil: there is nothing new.
  package var content: [UInt8]? {
    if hashes.count == before { return nil }
    var bytes: [UInt8] = []
    for index in (hashes.count - LogMemory.most - 1)..<hashes.count {
      var rest = index == hashes.count - LogMemory.most - 1 ? key : index < 0 ? 0 : hashes[index]
      for _ in 0..<8 {
        bytes.append(UInt8(truncatingIfNeeded: rest >> 56))
        rest <<= 8
      }
    }
    return bytes
  }
}
