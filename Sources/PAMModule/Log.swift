internal import CLinux
internal import CPAM

/// Lines to syslog through pam_syslog(3), which puts the module's, the service's and the stack's name before them.
@safe struct Log {
  private let handle: OpaquePointer
  private static let longest = 900

  init(_ handle: OpaquePointer) { unsafe self.handle = handle }

  /// A line that is whole already.
  func write(_ priority: Int32, _ text: UnsafePointer<CChar>) { unsafe cpam_syslog(handle, priority, text) }

  // Inlined, so that the compiler sees a literal where StaticString would check, and trap.
  @inline(__always) func error(_ text: StaticString) { unsafe write(LOG_ERR, literal(text), nil) }
  @inline(__always) func error(_ text: StaticString, _ detail: UnsafePointer<CChar>?) { unsafe write(LOG_ERR, literal(text), detail) }
  @inline(__always) func warning(_ text: StaticString) { unsafe write(LOG_WARNING, literal(text), nil) }
  @inline(__always) func warning(_ text: StaticString, _ detail: UnsafePointer<CChar>?) { unsafe write(LOG_WARNING, literal(text), detail) }
  @inline(__always) func debug(_ text: StaticString, _ detail: UnsafePointer<CChar>?) { unsafe write(LOG_DEBUG, literal(text), detail) }
  @inline(__always) func error(_ text: StaticString, number: Int32) { unsafe write(LOG_ERR, literal(text), number) }

  private func write(_ priority: Int32, _ text: UnsafePointer<CChar>, _ number: Int32) {
    var digits = InlineArray<12, UInt8>(repeating: 0)
    var position = 11
    var rest = UInt32(bitPattern: number)
    repeat {
      position &-= 1
      unsafe digits[unchecked: position] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0 && position > 0
    unsafe withUnsafePointer(to: digits) {
      unsafe write(priority, text, (UnsafeRawPointer($0) + position).assumingMemoryBound(to: CChar.self))
    }
  }

  /// The text and then, escaped and bounded, what somebody outside has given.
  private func write(_ priority: Int32, _ text: UnsafePointer<CChar>, _ detail: UnsafePointer<CChar>?) {
    var line = InlineArray<1024, UInt8>(repeating: 0)
    var length = 0
    while length < Log.longest, unsafe text[length] != 0 {
      unsafe line[unchecked: length] = UInt8(bitPattern: text[length])
      length &+= 1
    }
    var position = 0
    while let detail = unsafe detail, length < Log.longest {
      let byte = unsafe UInt8(bitPattern: detail[position])
      if byte == 0 { break }
      unsafe line[unchecked: length] = byte >= 0x20 && byte < 0x7f ? byte : 0x3f
      length &+= 1
      position &+= 1
    }
    // SAFETY: the array was zeroed, and its last bytes were not written to: it ends in NUL.
    unsafe withUnsafePointer(to: line) {
      unsafe cpam_syslog(handle, priority, UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
    }
  }
}
