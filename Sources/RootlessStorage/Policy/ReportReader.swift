/// The module's side of the report. It runs in the host's process, so nothing in it can trap or allocate: memory of a fixed size is
/// handed in, every index is compared before it is used, and arithmetic wraps.
@safe public struct ReportReader {
  /// Room for `ReportFormat.longestLine` bytes.
  private let line: UnsafeMutablePointer<UInt8>
  private var length = 0
  private var lines = 0
  /// The outcome, once the end record has come. Whatever follows it is not looked at.
  public private(set) var outcome: Outcome? = nil
  /// Lines beyond `ReportFormat.mostLines` came.
  public private(set) var isFlooded = false

  /// - Parameter line: memory for `ReportFormat.longestLine` bytes, the caller's for as long as the reader lives.
  public init(line: UnsafeMutablePointer<UInt8>) { unsafe self.line = line }

  /// Takes bytes in pieces of any size and hands on whole lines.
  ///
  /// - Parameter deliver: gets a syslog(3) priority, `ReportFormat.userPriority` or `ReportFormat.repeatedError`, and a text that ends in
  ///   NUL, of printable ASCII only.
  public mutating func consume(_ bytes: UnsafePointer<UInt8>, count: Int, _ deliver: (Int32, UnsafePointer<CChar>) -> Void) {
    var position = 0
    while position < count && outcome == nil {
      let byte = unsafe bytes[position]
      position &+= 1
      if byte == .newline {
        unsafe endLine(deliver)
      } else if length < ReportFormat.longestLine &- 1 {
        // Nothing of a helper's, or of what it quotes, can reach the log's terminal or begin a second line.
        unsafe line[length] = byte >= .space && byte < 0x7f ? byte : .questionMark
        length &+= 1
      }
    }
  }

  private mutating func endLine(_ deliver: (Int32, UnsafePointer<CChar>) -> Void) {
    defer { length = 0 }
    if let end = endRecord() {
      outcome = end
      return
    }
    if length == 0 { return }
    if lines >= ReportFormat.mostLines {
      isFlooded = true
      return
    }
    lines &+= 1
    unsafe line[length] = 0
    var priority = Int32(4)
    var start = 0
    if lineBegins("tell ") {
      priority = ReportFormat.userPriority
      start = 5
    } else if length >= 3, unsafe line[0] == .lessThan, unsafe line[2] == .greaterThan, unsafe line[1] >= UInt8(ascii: "3"),
      unsafe line[1] <= UInt8(ascii: "7")
    {
      priority = unsafe Int32(truncatingIfNeeded: line[1] &- UInt8(ascii: "0"))
      start = 3
    } else if lineBegins("<s>") {
      priority = ReportFormat.repeatedError
      start = 3
    }
    // SAFETY: `start` is at most `length`, where the NUL is; UInt8 and CChar share a layout.
    unsafe deliver(priority, UnsafeRawPointer(line + start).assumingMemoryBound(to: CChar.self))
  }

  private func endRecord() -> Outcome? {
    if lineIs("end done") { return .done }
    if lineIs("end tolerated") { return .tolerated }
    if lineIs("end failed") { return .failed }
    return nil
  }

  @inline(__always) private func lineIs(_ text: StaticString) -> Bool { text.utf8CodeUnitCount == length && lineBegins(text) }

  // Inlined: what asks a StaticString that is not known for its bytes can trap.
  @inline(__always) private func lineBegins(_ text: StaticString) -> Bool {
    guard text.utf8CodeUnitCount <= length else { return false }
    var position = 0
    while position < text.utf8CodeUnitCount {
      if unsafe line[position] != text.utf8Start[position] { return false }
      position &+= 1
    }
    return true
  }
}
