/// One line for a person. What is interpolated is escaped and bounded: it may be a user's.
///
/// Printable ASCII stays and every other byte becomes `\ooo`, so that nothing can pretend to be a second line or speak to a terminal. So
/// does a backslash before three octal digits, which would be read as such a byte; elsewhere it is printed: `DOMAIN\alice`.
public struct Text: ExpressibleByStringInterpolation, Equatable, Sendable {
  /// An interpolated value is cut to this many bytes, as it is shown.
  static let longestValue = 256

  public private(set) var bytes: [UInt8]

  public init(stringLiteral literal: String) { bytes = Array(literal.utf8) }

  public init(stringInterpolation interpolation: StringInterpolation) { bytes = interpolation.bytes }

  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var bytes: [UInt8] = []

    public init(literalCapacity: Int, interpolationCount: Int) { bytes.reserveCapacity(literalCapacity + interpolationCount * 16) }

    public mutating func appendLiteral(_ literal: String) { bytes += Array(literal.utf8) }

    /// A name, a value.
    public mutating func appendInterpolation(_ value: [UInt8]) { bytes += escaped(value) }

    public mutating func appendInterpolation(_ path: Path) { bytes += escaped(path.bytes) }

    /// A number in decimal.
    public mutating func appendInterpolation(_ value: UInt32) { bytes += decimal(UInt64(value)) }

    /// A number that may not fit in 32 bits, in decimal.
    public mutating func appendInterpolation(long value: UInt64) { bytes += decimal(value) }

    /// The bits of a mode in octal.
    public mutating func appendInterpolation(mode: UInt32) { bytes += octal(mode) }

    /// A text made before.
    public mutating func appendInterpolation(_ text: Text) { bytes += text.bytes }

    /// The cause that a system call gave.
    public mutating func appendInterpolation(_ cause: Errno) { bytes += cause.explanation }
  }
}

/// Printable ASCII as it is, anything else as `\ooo`; cut after `Text.longestValue` bytes, and `...` says so.
package func escaped(_ value: [UInt8]) -> [UInt8] {
  var safe: [UInt8] = []
  for (index, byte) in value.enumerated() {
    if safe.count >= Text.longestValue {
      safe += [.dot, .dot, .dot]
      break
    }
    if byte >= .space && byte < 0x7f && !(byte == .backslash && isOctal(value.dropFirst(index + 1).prefix(3))) {
      safe.append(byte)
    } else {
      safe += [.backslash, UInt8(ascii: "0") + (byte >> 6), UInt8(ascii: "0") + (byte >> 3 & 7), UInt8(ascii: "0") + (byte & 7)]
    }
  }
  return safe
}

/// Three octal digits.
private func isOctal(_ digits: ArraySlice<UInt8>) -> Bool {
  digits.count == 3 && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "7") }
}
