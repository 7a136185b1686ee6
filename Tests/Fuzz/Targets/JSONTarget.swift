import FoundationEssentials
import RootlessStorage

/// What the scanner takes, Foundation reads the same way; and an edit changes the one key and not a byte besides.
func fuzzJSON(_ input: [UInt8]) {
  let parts = fields(input, 3)
  guard let before = try? JSONText(parts[2]) else { return }
  promiseAgreement(before)
  let key = String(decoding: parts[0], as: UTF8.self)
  let value = String(decoding: parts[1], as: UTF8.self)
  guard let after = try? parts[1].isEmpty ? before.removing(key) : before.setting(key, to: value) else { return }
  promiseAgreement(after)
  promise((try? parts[1].isEmpty ? after.removing(key) : after.setting(key, to: value))?.bytes == after.bytes, "once more changes nothing")
  promise(others(key, before) == others(key, after), "all other members stay, to the letter and in their order")
  if parts[1].isEmpty {
    promise(!after.has(key), "the key is gone")
    var rest = before.bytes[...]
    promise(
      after.bytes.allSatisfy { byte in
        rest = rest.drop { $0 != byte }; return rest.popFirst() != nil
      }, "nothing is added")
  } else {
    promise(
      members(after).filter { isSame($0.key, key) }.allSatisfy { $0.string.map { isSame($0, value) } ?? false },
      "every value is the new one")
    promise(after.has(key), "the key is there")
    promise(around(key, before) == around(key, after) || !before.has(key), "only the values are replaced")
    promise(
      before.has(key) || Change(before.bytes, after.bytes).removed.allSatisfy { isBlank($0) || $0 == 0x0d },
      "nothing but blanks is taken away")
  }
}

private func members(_ text: JSONText) -> [JSONMember] { (try? JSONScan(text.bytes))?.members ?? [] }

/// The members with other keys, as they are written.
private func others(_ key: String, _ text: JSONText) -> [ArraySlice<UInt8>] {
  members(text).filter { !isSame($0.key, key) }.map { text.bytes[$0.range] }
}

/// All bytes but those of the key's values.
private func around(_ key: String, _ text: JSONText) -> [UInt8] {
  members(text).reversed().filter { isSame($0.key, key) }.reduce(text.bytes) { $0.replacing($1.value, with: []) }
}

/// A string that Foundation reads; nil for any other value.
private struct Meaning: Decodable {
  let string: String?
  init(from decoder: any Decoder) throws { string = try? decoder.singleValueContainer().decode(String.self) }
}

private func promiseAgreement(_ text: JSONText) {
  guard let read = try? JSONDecoder().decode([String: Meaning].self, from: Data(text.bytes)) else {
    return promise(false, "Foundation reads it")
  }
  let members = members(text)
  promise(Set(members.map(\.key)) == Set(read.keys), "the same keys")
  // Of several with one key, Foundation and Go do not take the same one.
  for member in members where members.count(where: { $0.key == member.key }) == 1 {
    promise(
      read[member.key]?.string.map { Array($0.utf8) } == member.string.map { Array($0.utf8) }, "a string means the same: \(member.key)")
  }
}
