/// The options in the PAM line. Read in the host's process: nothing here can trap or allocate.
@safe public struct ModuleOptions {
  public private(set) var debug = false
  public private(set) var strict = false
  public private(set) var tell = false
  public private(set) var uidMin: UInt32 = 1000
  /// Seconds.
  public private(set) var timeout: UInt32 = HelperArguments.defaultTimeout
  /// An absolute path, or nil for the default.
  public private(set) var conf: UnsafePointer<CChar>? = nil
  /// An absolute path, or nil for the default.
  public private(set) var helper: UnsafePointer<CChar>? = nil

  public init() {}

  /// Takes one option.
  ///
  /// - Parameter option: ends in NUL, and lives as long as this value.
  /// - Returns: whether it is one of ours and well formed; if not, nothing is changed.
  public mutating func parse(_ option: UnsafePointer<CChar>) -> Bool {
    if let rest = unsafe after("debug", option) {
      guard unsafe rest.pointee == 0 else { return false }
      debug = true
      return true
    }
    if let rest = unsafe after("strict", option) {
      guard unsafe rest.pointee == 0 else { return false }
      strict = true
      return true
    }
    if let rest = unsafe after("tell", option) {
      guard unsafe rest.pointee == 0 else { return false }
      tell = true
      return true
    }
    if let rest = unsafe after("uid_min=", option) {
      guard let number = unsafe decimalNumber(rest) else { return false }
      uidMin = number
      return true
    }
    if let rest = unsafe after("timeout=", option) {
      guard let number = unsafe decimalNumber(rest), number >= 1, number <= HelperArguments.longestTimeout else { return false }
      timeout = number
      return true
    }
    if let rest = unsafe after("conf=", option) {
      guard unsafe UInt8(bitPattern: rest.pointee) == .slash else { return false }
      unsafe conf = rest
      return true
    }
    if let rest = unsafe after("helper=", option) {
      guard unsafe UInt8(bitPattern: rest.pointee) == .slash else { return false }
      unsafe helper = rest
      return true
    }
    return false
  }
}

/// What follows the prefix, or nil if the text begins otherwise. Inlined: what asks a StaticString that is not known for its bytes can
/// trap.
@inline(__always) private func after(_ prefix: StaticString, _ text: UnsafePointer<CChar>) -> UnsafePointer<CChar>? {
  var position = 0
  while position < prefix.utf8CodeUnitCount {
    // SAFETY: a NUL differs from every byte of the prefix, so nothing behind the text's end is read.
    if unsafe UInt8(bitPattern: text[position]) != prefix.utf8Start[position] { return nil }
    position &+= 1
  }
  return unsafe text + position
}

/// The number that the text is, if it is nothing but decimal digits and fits into 32 bits.
private func decimalNumber(_ text: UnsafePointer<CChar>) -> UInt32? {
  var value: UInt64 = 0
  var position = 0
  while unsafe text[position] != 0 {
    let digit = unsafe UInt8(bitPattern: text[position]) &- UInt8(ascii: "0")
    if digit > 9 { return nil }
    value = value &* 10 &+ UInt64(truncatingIfNeeded: digit)
    if value > UInt64(UInt32.max) { return nil }
    position &+= 1
  }
  return position > 0 ? UInt32(truncatingIfNeeded: value) : nil
}
