/// A name or a path as one word of a command that is shown: it can be pasted into bash, and is printable whatever is in it.
func shellWord(_ bytes: [UInt8]) -> String {
  let isPlain = !bytes.isEmpty && bytes.allSatisfy { byte in
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x3a, 0x3d, 0x40, 0x5f: true
    default: false
    }
  }
  if isPlain { return String(decoding: bytes, as: UTF8.self) }
  if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != 0x27 }) { return "'\(String(decoding: bytes, as: UTF8.self))'" }
  let escaped = bytes.flatMap { byte -> [UInt8] in
    if byte >= 0x20 && byte < 0x7f && byte != 0x27 && byte != 0x5c { return [byte] }
    return [0x5c, 0x30 + (byte >> 6), 0x30 + (byte >> 3 & 7), 0x30 + (byte & 7)]
  }
  return "$'\(String(decoding: escaped, as: UTF8.self))'"
}
