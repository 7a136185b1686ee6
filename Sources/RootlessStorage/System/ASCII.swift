// Names for the bytes of ASCII that paths and config files are made of. Letters and digits are written `UInt8(ascii: "a")`.

extension UInt8 {
  @inlinable package static var tab: UInt8 { 0x09 }
  @inlinable package static var newline: UInt8 { 0x0a }
  @inlinable package static var carriageReturn: UInt8 { 0x0d }
  @inlinable package static var space: UInt8 { 0x20 }
  @inlinable package static var exclamationMark: UInt8 { 0x21 }
  @inlinable package static var quote: UInt8 { 0x22 }
  @inlinable package static var hash: UInt8 { 0x23 }
  @inlinable package static var dollar: UInt8 { 0x24 }
  @inlinable package static var percent: UInt8 { 0x25 }
  @inlinable package static var ampersand: UInt8 { 0x26 }
  @inlinable package static var apostrophe: UInt8 { 0x27 }
  @inlinable package static var leftParenthesis: UInt8 { 0x28 }
  @inlinable package static var rightParenthesis: UInt8 { 0x29 }
  @inlinable package static var asterisk: UInt8 { 0x2a }
  @inlinable package static var plus: UInt8 { 0x2b }
  @inlinable package static var comma: UInt8 { 0x2c }
  @inlinable package static var hyphen: UInt8 { 0x2d }
  @inlinable package static var dot: UInt8 { 0x2e }
  @inlinable package static var slash: UInt8 { 0x2f }
  @inlinable package static var colon: UInt8 { 0x3a }
  @inlinable package static var semicolon: UInt8 { 0x3b }
  @inlinable package static var lessThan: UInt8 { 0x3c }
  @inlinable package static var equals: UInt8 { 0x3d }
  @inlinable package static var greaterThan: UInt8 { 0x3e }
  @inlinable package static var questionMark: UInt8 { 0x3f }
  @inlinable package static var at: UInt8 { 0x40 }
  @inlinable package static var leftBracket: UInt8 { 0x5b }
  @inlinable package static var backslash: UInt8 { 0x5c }
  @inlinable package static var rightBracket: UInt8 { 0x5d }
  @inlinable package static var underscore: UInt8 { 0x5f }
  @inlinable package static var backquote: UInt8 { 0x60 }
  @inlinable package static var leftBrace: UInt8 { 0x7b }
  @inlinable package static var verticalBar: UInt8 { 0x7c }
  @inlinable package static var rightBrace: UInt8 { 0x7d }
  @inlinable package static var tilde: UInt8 { 0x7e }
}

@inlinable package func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
@inlinable package func isLowercase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
@inlinable package func isUppercase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
@inlinable package func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLowercase(byte) || isUppercase(byte) }
@inlinable package func lowercase(_ byte: UInt8) -> UInt8 { isUppercase(byte) ? byte | 0x20 : byte }
/// As this program and engines write them, in small letters.
@inlinable package func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f") }
