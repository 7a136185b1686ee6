// Names for the bytes of ASCII that paths and config files are made of. Letters and digits are written `UInt8(ascii: "a")`.

extension UInt8 {
  @inlinable package static var tab: UInt8 { .tab }
  @inlinable package static var newline: UInt8 { .newline }
  @inlinable package static var carriageReturn: UInt8 { .carriageReturn }
  @inlinable package static var space: UInt8 { .space }
  @inlinable package static var exclamationMark: UInt8 { .exclamationMark }
  @inlinable package static var quote: UInt8 { .quote }
  @inlinable package static var hash: UInt8 { .hash }
  @inlinable package static var dollar: UInt8 { .dollar }
  @inlinable package static var percent: UInt8 { .percent }
  @inlinable package static var ampersand: UInt8 { .ampersand }
  @inlinable package static var apostrophe: UInt8 { .apostrophe }
  @inlinable package static var leftParenthesis: UInt8 { .leftParenthesis }
  @inlinable package static var rightParenthesis: UInt8 { .rightParenthesis }
  @inlinable package static var asterisk: UInt8 { .asterisk }
  @inlinable package static var plus: UInt8 { .plus }
  @inlinable package static var comma: UInt8 { .comma }
  @inlinable package static var hyphen: UInt8 { .hyphen }
  @inlinable package static var dot: UInt8 { .dot }
  @inlinable package static var slash: UInt8 { .slash }
  @inlinable package static var colon: UInt8 { .colon }
  @inlinable package static var semicolon: UInt8 { .semicolon }
  @inlinable package static var lessThan: UInt8 { .lessThan }
  @inlinable package static var equals: UInt8 { .equals }
  @inlinable package static var greaterThan: UInt8 { .greaterThan }
  @inlinable package static var questionMark: UInt8 { .questionMark }
  @inlinable package static var at: UInt8 { .at }
  @inlinable package static var leftBracket: UInt8 { .leftBracket }
  @inlinable package static var backslash: UInt8 { .backslash }
  @inlinable package static var rightBracket: UInt8 { .rightBracket }
  @inlinable package static var underscore: UInt8 { .underscore }
  @inlinable package static var backquote: UInt8 { .backquote }
  @inlinable package static var leftBrace: UInt8 { .leftBrace }
  @inlinable package static var verticalBar: UInt8 { .verticalBar }
  @inlinable package static var rightBrace: UInt8 { .rightBrace }
  @inlinable package static var tilde: UInt8 { .tilde }
}

@inlinable package func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
@inlinable package func isLowercase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
@inlinable package func isUppercase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
@inlinable package func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLowercase(byte) || isUppercase(byte) }
@inlinable package func lowercase(_ byte: UInt8) -> UInt8 { isUppercase(byte) ? byte | 0x20 : byte }
/// As this program and engines write them, in small letters.
@inlinable package func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f") }
