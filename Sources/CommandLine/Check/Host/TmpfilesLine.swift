import RootlessStorage

/// A line of a tmpfiles.d file (tmpfiles.d(5)), as far as it decides what is removed.
struct TmpfilesLine: Equatable, Sendable {
  let file: Path
  let number: Int
  /// The letter.
  let type: UInt8
  /// With a `!`, it holds only at boot.
  let isForBoot: Bool
  /// Specifiers replaced. A glob where the type takes one.
  let path: Path
  /// After which time what is below is removed; nil: never. Of an `X` line, what it inherits.
  var age: [UInt8]?

  /// The types whose path is a glob (`needs_glob` in systemd's tmpfiles.c).
  private static let globbing = Set("weEtTaAhHxXrRzZm".utf8)
  private static let known = Set("fFdDvqQpLcbCwetTaAhHxXrRzZm".utf8)
  private static let owning = Set("fFdDvqQpLcbCwexXrR".utf8)
  /// Those whose content ages. Of `x` and `X` newer ones of systemd (after 252) take the path for a glob here too.
  private static let ageing = Set("dDevqQCxX".utf8)

  var isGlob: Bool { TmpfilesLine.globbing.contains(type) }
  /// Of several such lines for one path only the first counts.
  var takesOwnership: Bool { TmpfilesLine.owning.contains(type) }
  /// `D` and `R`: all that is there goes when the host boots.
  var isEmptying: Bool { type == UInt8(ascii: "D") || type == UInt8(ascii: "R") }
  func matches(_ path: Path) -> Bool { isGlob ? matchesPath(self.path, path) : self.path == path }

  /// - Returns: nil for a line that systemd-tmpfiles does not take, or that cannot concern us.
  init?(_ text: [UInt8], file: Path, number: Int) {
    guard let fields = TmpfilesLine.fields(text), fields.count >= 2, let type = fields[0].first, TmpfilesLine.known.contains(type),
      fields[0].dropFirst().allSatisfy({ "!+-=~^$?".utf8.contains($0) }), let path = TmpfilesLine.expanded(fields[1]), path.isAbsolute,
      // A path ends at a NUL, and would be another one (also written as `\x00`, which systemd refuses).
      !path.bytes.contains(0)
    else { return nil }
    self.file = file
    self.number = number
    self.type = type
    isForBoot = fields[0].contains(.exclamationMark)
    // path_simplify: no doubled slashes, none at the end.
    self.path = Path(absolute: path.components)
    let written = fields.count > 5 ? fields[5] : [.hyphen]
    switch TmpfilesLine.age(written) {
    case .invalid: return nil
    case .never: age = nil
    case .after(let time): age = TmpfilesLine.ageing.contains(type) ? time : nil
    }
  }

  /// The words, with quotes and backslashes taken away; nil where they do not fit together.
  private static func fields(_ text: [UInt8]) -> [[UInt8]]? {
    var fields: [[UInt8]] = []
    var rest = text[...]
    // What follows the age is an argument, in which nothing has to fit.
    while fields.count < 6 {
      rest = rest.drop { isBlank($0) || $0 == .carriageReturn }
      if rest.isEmpty { break }
      var field: [UInt8] = []
      var quote: UInt8? = nil
      while let byte = rest.first, quote != nil || !(isBlank(byte) || byte == .carriageReturn) {
        rest = rest.dropFirst()
        if byte == quote {
          quote = nil
        } else if quote == nil && (byte == .quote || byte == .apostrophe) {
          quote = byte
        } else if byte == .backslash {
          guard let character = unescaped(&rest) else { return nil }
          field.append(character)
        } else {
          field.append(byte)
        }
      }
      if quote != nil { return nil }
      fields.append(field)
    }
    return fields
  }

  /// What a backslash means for what follows it.
  private static func unescaped(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
    guard let byte = rest.popFirst() else { return nil }
    switch byte {
    case .backslash, .quote, .apostrophe: return byte
    case UInt8(ascii: "s"): return .space
    case UInt8(ascii: "t"): return .tab
    case UInt8(ascii: "n"): return .newline
    case UInt8(ascii: "x"):
      let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      rest = rest.dropFirst(2)
      return value
    default: return nil
    }
  }

  /// The path with its specifiers replaced; nil with one that cannot stand in the path of a storage directory.
  private static func expanded(_ path: [UInt8]) -> Path? {
    var result: [UInt8] = []
    var rest = path[...]
    while let byte = rest.popFirst() {
      guard byte == .percent else {
        result.append(byte)
        continue
      }
      switch rest.popFirst() {
      case .percent: result.append(.percent)
      case UInt8(ascii: "T"): result += Array("/tmp".utf8)
      case UInt8(ascii: "V"): result += Array("/var/tmp".utf8)
      case UInt8(ascii: "S"): result += Array("/var/lib".utf8)
      case UInt8(ascii: "C"): result += Array("/var/cache".utf8)
      case UInt8(ascii: "L"): result += Array("/var/log".utf8)
      case UInt8(ascii: "t"): result += Array("/run".utf8)
      case UInt8(ascii: "h"): result += Array("/root".utf8)
      case UInt8(ascii: "u"), UInt8(ascii: "g"): result += Array("root".utf8)
      case UInt8(ascii: "U"), UInt8(ascii: "G"): result.append(UInt8(ascii: "0"))
      default: return nil
      }
    }
    return Path(result)
  }

  private enum Age {
    case never, invalid
    case after([UInt8])
  }

  /// `30d`, `~10d`, `aAm:12h`; a dash means never.
  private static func age(_ field: [UInt8]) -> Age {
    if field.isEmpty || field == [.hyphen] { return .never }
    // The tilde keeps the files of the first level only.
    var rest = field.first == .tilde ? field[1...] : field[...]
    if let colon = rest.firstIndex(of: .colon) {
      if colon == rest.startIndex || !rest[..<colon].allSatisfy({ "abcmABCM ".utf8.contains($0) }) { return .invalid }
      rest = rest[(colon + 1)...]
    }
    if rest.elementsEqual("infinity".utf8) { return .never }
    guard let first = rest.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") else { return .invalid }
    return .after(Array(rest))
  }
}
