import RootlessStorage

/// Where accounts come from on this host: nsswitch.conf(5) and passwd(5).
///
/// It answers one question: is an account that is not there really gone, or is a directory service offline that would then say the
/// same? (sssd without its server and without a cache answers "no such user".)
struct AccountSources {
  /// Nothing can be offline.
  let isLocal: Bool
  /// systemd makes accounts up for services and machines, at ids of its own.
  private let hasSystemd: Bool
  /// /etc/passwd can be asked in place of the name service, since that would ask it first.
  private let isFileFirst: Bool
  /// Subordinate ids are in /etc/subuid, and nowhere else (nsswitch.conf(5), `subid`).
  let hasSubordinateFiles: Bool
  /// And there is no other to ask.
  let isFileOnly: Bool
  private let namesByUid: [UInt32: [UInt8]]
  private let uidsByName: [[UInt8]: UInt32]

  private static let local: [StaticString] = ["files", "compat", "systemd", "altfiles", "db"]

  /// - Parameters:
  ///   - switching: the content of /etc/nsswitch.conf.
  ///   - passwd: the content of /etc/passwd.
  init(switching: [UInt8], passwd: [UInt8]) {
    var words: [[UInt8]] = [Array("files".utf8)]
    for line in parts(switching, separator: { $0 == 0x0a }) {
      let text = Array(line.prefix { $0 != 0x23 }.drop { isBlank($0) })
      if begins(text, with: Array("passwd:".utf8)) { words = RootlessStorage.words(text.dropFirst(7)) }
    }
    var sources: [[UInt8]] = []
    var isInBrackets = false
    for word in words {
      if word.first == 0x5b { isInBrackets = true }
      if !isInBrackets { sources.append(word) }
      if word.last == 0x5d { isInBrackets = false }
    }

    var namesByUid: [UInt32: [UInt8]] = [:]
    var uidsByName: [[UInt8]: UInt32] = [:]
    var isCompat = false
    for line in parts(passwd, separator: { $0 == 0x0a }) {
      // NIS, or another directory, behind the source `compat`.
      if line.first == 0x2b || line.first == 0x2d { isCompat = true }
      let fields = parts(line, separator: { $0 == 0x3a })
      guard fields.count >= 6, let uid = identifier(fields[2]), !fields[0].isEmpty else { continue }
      if namesByUid[uid] == nil { namesByUid[uid] = fields[0] }
      if uidsByName[fields[0]] == nil { uidsByName[fields[0]] = uid }
    }
    self.namesByUid = namesByUid
    self.uidsByName = uidsByName
    // A host without root in /etc/passwd has not told everything.
    isLocal = !isCompat && namesByUid[0] != nil && sources.allSatisfy { source in AccountSources.local.contains { source.elementsEqual($0.bytes) } }
    hasSubordinateFiles = subordinateIDSource(switching) == nil
    hasSystemd = sources.contains { $0.elementsEqual("systemd".utf8) }
    isFileOnly = isLocal && sources.count == 1 && sources[0].elementsEqual("files".utf8)
    isFileFirst = words.first?.elementsEqual("files".utf8) == true && (words.count < 2 || words[1].first != 0x5b)
  }

  /// Reads both files; one that cannot be read counts as one that says nothing.
  static func ofThisHost() -> AccountSources {
    AccountSources(switching: content("/etc/nsswitch.conf", limit: 1 << 16), passwd: content("/etc/passwd", limit: 64 << 20))
  }

  /// The account in /etc/passwd, where that has the first word.
  func name(ofUid uid: UInt32) -> [UInt8]? { isFileFirst ? namesByUid[uid] : nil }
  func uid(ofName name: [UInt8]) -> UInt32? { isFileFirst ? uidsByName[name] : nil }

  /// Whether this account shows that a directory service answers.
  func comesFromDirectory(_ name: [UInt8], uid: UInt32) -> Bool {
    if uidsByName[name] != nil || namesByUid[uid] != nil { return false }
    return !(hasSystemd && uid >= 60001 && uid <= 65535)
  }
}

extension StaticString {
  fileprivate var bytes: [UInt8] { Array("\(self)".utf8) }
}
