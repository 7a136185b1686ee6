/// What login.defs(5) says of ids.
public struct LoginDefinitions: Equatable, Sendable {
  /// Bounds and size of the ranges in one of the two files.
  public struct Subordinate: Equatable, Sendable {
    public var min: UInt32 = 100_000
    public var max: UInt32 = 600_100_000
    public var count: UInt32 = 65536
    /// shadow 4.20 computes ranges from uids (SUB_UID_DETERMINISTIC, SUB_GID_DETERMINISTIC), and begins again at the end of the span
    /// (UNSAFE_SUB_UID_DETERMINISTIC_WRAP).
    public var isDeterministic = false
    public var wraps = false
    /// Lines begin with the uid instead of the name (SUB_UID_STORE_BY_UID).
    public var storesByUid = false
  }

  public var uidMin: UInt32 = 1000
  public var users = Subordinate()
  public var groups = Subordinate()
  /// Lines of these keys whose value is no number of 32 bits, by their key. shadow might take the number in another way.
  public private(set) var uncertain: [[UInt8]] = []

  /// shadow's defaults.
  public init() {}

  /// - Parameter content: of the file. A key's last line holds.
  public init(_ content: [UInt8]) {
    // shadow has other defaults where it computes ranges (lib/find_new_sub_uids.c).
    forEachLine(content) { line in
      let words = words(line.prefix { $0 != .hash })
      if words.count >= 2 { applySwitch(words[0], words[1]) }
    }
    if users.isDeterministic { (users.min, users.max) = LoginDefinitions.deterministicBounds }
    if groups.isDeterministic { (groups.min, groups.max) = LoginDefinitions.deterministicBounds }
    forEachLine(content) { line in
      let words = words(line.prefix { $0 != .hash })
      if words.count >= 2 { apply(words[0], words[1]) }
    }
  }

  private static var deterministicBounds: (UInt32, UInt32) { (65536, UInt32.max) }

  /// The key by which useradd computes ranges from uids; nil: it takes the first that are free.
  package var deterministicKey: [UInt8]? {
    if users.isDeterministic { return Array("SUB_UID_DETERMINISTIC".utf8) }
    return groups.isDeterministic ? Array("SUB_GID_DETERMINISTIC".utf8) : nil
  }

  /// As getdef_bool() of shadow: "yes" in any case, in quotes or not, is true, and all else false.
  private mutating func applySwitch(_ key: [UInt8], _ value: [UInt8]) {
    let plain = value.filter { $0 != .quote }
    let isYes =
      plain.count == 3 && plain[0] | 0x20 == UInt8(ascii: "y") && plain[1] | 0x20 == UInt8(ascii: "e")
      && plain[2] | 0x20 == UInt8(ascii: "s")
    if key.elementsEqual("SUB_UID_DETERMINISTIC".utf8) {
      users.isDeterministic = isYes
    } else if key.elementsEqual("SUB_GID_DETERMINISTIC".utf8) {
      groups.isDeterministic = isYes
    } else if key.elementsEqual("UNSAFE_SUB_UID_DETERMINISTIC_WRAP".utf8) {
      users.wraps = isYes
    } else if key.elementsEqual("UNSAFE_SUB_GID_DETERMINISTIC_WRAP".utf8) {
      groups.wraps = isYes
    } else if key.elementsEqual("SUB_UID_STORE_BY_UID".utf8) {
      users.storesByUid = isYes
    } else if key.elementsEqual("SUB_GID_STORE_BY_UID".utf8) {
      groups.storesByUid = isYes
    }
  }

  private mutating func apply(_ key: [UInt8], _ value: [UInt8]) {
    guard isWord(key, of: "UID_MIN SUB_UID_MIN SUB_UID_MAX SUB_UID_COUNT SUB_GID_MIN SUB_GID_MAX SUB_GID_COUNT") else { return }
    // A leading 0 is octal there.
    guard let number = identifier(value), value.count == 1 || value.first != UInt8(ascii: "0") else { return uncertain.append(key) }
    if key.elementsEqual("UID_MIN".utf8) {
      uidMin = number
    } else if key.elementsEqual("SUB_UID_MIN".utf8) {
      users.min = number
    } else if key.elementsEqual("SUB_UID_MAX".utf8) {
      users.max = number
    } else if key.elementsEqual("SUB_UID_COUNT".utf8) {
      users.count = number
    } else if key.elementsEqual("SUB_GID_MIN".utf8) {
      groups.min = number
    } else if key.elementsEqual("SUB_GID_MAX".utf8) {
      groups.max = number
    } else {
      groups.count = number
    }
  }
}

/// Where the ranges come from instead of the files: the first source behind `subid:` in nsswitch.conf(5), which is the only one that
/// shadow takes; nil: from the files.
package func subordinateIDSource(_ nsswitch: [UInt8]) -> [UInt8]? {
  var source: [UInt8]? = nil
  var isFound = false
  forEachLine(nsswitch) { line in
    let words = words(line.prefix { $0 != .hash })
    guard !isFound, let first = words.first, first.starts(with: "subid:".utf8) else { return }
    isFound = true
    // The blank behind the colon may be missing.
    source = first.count > 6 ? Array(first.dropFirst(6)) : words.dropFirst().first
  }
  guard let source, !source.elementsEqual("files".utf8) else { return nil }
  return source
}

/// The first source behind `group:` in nsswitch.conf(5) whose groups need not be in /etc/group; nil: all groups are of this host.
///
/// Only `files` and `systemd` are of this host for sure: the groups of the latter that are in no file have gids below 65536, which
/// are never given out. `compat` may include NIS, and `db` holds what /etc/group does not. Every line counts, since it depends on the
/// C library which of several does.
package func remoteGroupSource(_ nsswitch: [UInt8]) -> [UInt8]? {
  var source: [UInt8]? = nil
  forEachLine(nsswitch) { line in
    var sources: [UInt8] = []
    var isAction = false
    for byte in line.prefix(while: { $0 != .hash }) {
      // What is between brackets is an action; a bracket and the colon end a word as a blank does.
      if byte == .leftBracket { isAction = true }
      sources.append(isAction || byte == .colon ? .space : byte)
      if byte == .rightBracket { isAction = false }
    }
    let words = words(sources[...])
    guard source == nil, let first = words.first, first.elementsEqual("group".utf8) else { return }
    for word in words.dropFirst() where source == nil && !word.elementsEqual("files".utf8) && !word.elementsEqual("systemd".utf8) {
      source = Array(word)
    }
  }
  return source
}
