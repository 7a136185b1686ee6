internal import CLinux
internal import CPAM
internal import RootlessStorageEmbedded

/// Lines to syslog through pam_syslog(3), which puts the module's, the service's and the stack's name before them. Every line begins
/// with the user it is about, as the session helper's do.
@safe struct Log {
  private let handle: OpaquePointer
  private let user: UnsafePointer<CChar>
  /// Longest line; the rest of it is cut off.
  private static let longest = 1000

  /// - Parameter user: ends in NUL, and lives as long as this value.
  init(_ handle: OpaquePointer, user: UnsafePointer<CChar>) {
    unsafe self.handle = handle
    unsafe self.user = user
  }

  /// A line of the session helper's, which is whole already.
  func pass(_ priority: Int32, _ text: UnsafePointer<CChar>) { unsafe cpam_syslog(handle, priority, text) }

  // Inlined, so that the compiler sees a literal where StaticString would check, and trap.
  @inline(__always) func error(_ text: StaticString) { unsafe write(LOG_ERR, literal(text), nil) }
  @inline(__always) func error(_ text: StaticString, _ detail: UnsafePointer<CChar>?) { unsafe write(LOG_ERR, literal(text), detail) }
  @inline(__always) func error(_ text: StaticString, number: Int32) { unsafe write(LOG_ERR, literal(text), number) }
  @inline(__always) func warning(_ text: StaticString) { unsafe write(LOG_WARNING, literal(text), nil) }
  @inline(__always) func warning(_ text: StaticString, _ detail: UnsafePointer<CChar>?) { unsafe write(LOG_WARNING, literal(text), detail) }
  @inline(__always) func debug(_ text: StaticString) { unsafe write(LOG_DEBUG, literal(text), nil) }

  private func write(_ priority: Int32, _ text: UnsafePointer<CChar>, _ number: Int32) {
    // Ten digits and a NUL.
    var digits = InlineArray<12, UInt8>(repeating: 0)
    var position = 11
    var rest = UInt32(bitPattern: number)
    repeat {
      position &-= 1
      unsafe digits[unchecked: position] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0 && position > 0
    unsafe withUnsafePointer(to: digits) {
      unsafe write(priority, text, (UnsafeRawPointer($0) + position).assumingMemoryBound(to: CChar.self))
    }
  }

  /// The user, the text, and then what somebody outside has given; all but the text made harmless.
  private func write(_ priority: Int32, _ text: UnsafePointer<CChar>, _ detail: UnsafePointer<CChar>?) {
    var line = InlineArray<1024, UInt8>(repeating: 0)
    var length = 0
    func append(_ piece: UnsafePointer<CChar>) {
      var position = 0
      while length < Log.longest {
        let byte = unsafe UInt8(bitPattern: piece[position])
        if byte == 0 { return }
        unsafe line[unchecked: length] = byte >= .space && byte < 0x7f ? byte : .questionMark
        length &+= 1
        position &+= 1
      }
    }
    unsafe append(user)
    unsafe append(literal(": "))
    unsafe append(text)
    if let detail = unsafe detail { unsafe append(detail) }
    // SAFETY: the array was zeroed, and its last bytes were not written to: it ends in NUL.
    unsafe withUnsafePointer(to: line) {
      unsafe cpam_syslog(handle, priority, UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
    }
  }
}
