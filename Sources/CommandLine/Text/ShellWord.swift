import RootlessStorage

/// A name as one word of a command that is shown: it can be pasted into bash, and is printable whatever is in it.
func shellWord(_ bytes: [UInt8]) -> String {
  let isPlain =
    !bytes.isEmpty
    && bytes.allSatisfy { byte in
      switch byte {
      case _ where isAlphanumeric(byte), .plus, .comma, .hyphen, .dot, .slash, .colon, .equals, .at, .underscore: true
      default: false
      }
    }
  if isPlain { return String(decoding: bytes, as: UTF8.self) }
  if bytes.allSatisfy({ $0 >= .space && $0 < 0x7f && $0 != .apostrophe }) { return "'\(String(decoding: bytes, as: UTF8.self))'" }
  let escaped = bytes.flatMap { byte -> [UInt8] in
    if byte >= .space && byte < 0x7f && byte != .apostrophe && byte != .backslash { return [byte] }
    return [.backslash, UInt8(ascii: "0") + (byte >> 6), UInt8(ascii: "0") + (byte >> 3 & 7), UInt8(ascii: "0") + (byte & 7)]
  }
  return "$'\(String(decoding: escaped, as: UTF8.self))'"
}

func shellWord(_ path: Path) -> String { shellWord(path.bytes) }
