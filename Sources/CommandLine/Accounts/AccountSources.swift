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
  private let passwd: [UInt8]
  /// Where the first line of each uid stands in it.
  private let linesByUid: [UInt32: Range<Int>]
  private let uidsByName: [NameKey: UInt32]
  private let isGroupFileOnly: Bool

  private static let local: [StaticString] = ["files", "compat", "systemd", "altfiles", "db"]

  /// - Parameters:
  ///   - switching: the content of /etc/nsswitch.conf.
  ///   - passwd: the content of /etc/passwd.
  init(switching: [UInt8], passwd: [UInt8]) {
    let (words, sources) = AccountSources.sources(of: Array("passwd:".utf8), switching)
    let groups = AccountSources.sources(of: Array("group:".utf8), switching).sources
    isGroupFileOnly = groups.count == 1 && groups[0].elementsEqual("files".utf8)

    var linesByUid: [UInt32: Range<Int>] = [:]
    var uidsByName: [NameKey: UInt32] = [:]
    var isCompat = false
    let lines = passwd.count { $0 == .newline }
    linesByUid.reserveCapacity(lines)
    uidsByName.reserveCapacity(lines)
    forEachLine(passwd) { line in
      // NIS, or another directory, behind the source `compat`.
      if line.first == .plus || line.first == .hyphen { isCompat = true }
      guard let (name, uid) = AccountSources.account(line) else { return }
      if linesByUid[uid] == nil { linesByUid[uid] = line.startIndex..<line.endIndex }
      let key = NameKey(name)
      if uidsByName[key] == nil { uidsByName[key] = uid }
    }
    self.passwd = passwd
    self.linesByUid = linesByUid
    self.uidsByName = uidsByName
    // A host without root in /etc/passwd has not told everything.
    isLocal =
      !isCompat && linesByUid[0] != nil && sources.allSatisfy { source in AccountSources.local.contains { source.elementsEqual($0.bytes) } }
    hasSubordinateFiles = subordinateIDSource(switching) == nil
    hasSystemd = sources.contains { $0.elementsEqual("systemd".utf8) }
    isFileOnly = isLocal && sources.count == 1 && sources[0].elementsEqual("files".utf8)
    isFileFirst = words.first?.elementsEqual("files".utf8) == true && (words.count < 2 || words[1].first != .leftBracket)
  }

  /// The words behind a database's name, and those that are sources and no actions.
  private static func sources(of database: [UInt8], _ switching: [UInt8]) -> (words: [[UInt8]], sources: [[UInt8]]) {
    var words: [[UInt8]] = [Array("files".utf8)]
    forEachLine(switching) { line in
      let text = Array(line.prefix { $0 != .hash }.drop { isBlank($0) })
      if begins(text, with: database) { words = RootlessStorage.words(text.dropFirst(database.count)) }
    }
    var sources: [[UInt8]] = []
    var isInBrackets = false
    for word in words {
      if word.first == .leftBracket { isInBrackets = true }
      if !isInBrackets { sources.append(word) }
      if word.last == .rightBracket { isInBrackets = false }
    }
    return (words, sources)
  }

  /// A line of passwd(5), which has at least six fields.
  private static func account(_ line: ArraySlice<UInt8>) -> (name: [UInt8], uid: UInt32)? {
    var colons: [Int] = []
    colons.reserveCapacity(6)
    for place in line.indices where line[place] == .colon {
      colons.append(place)
      if colons.count == 5 { break }
    }
    guard colons.count == 5, colons[0] > line.startIndex, let uid = identifier(line[(colons[1] + 1)..<colons[2]]) else { return nil }
    return (Array(line[..<colons[0]]), uid)
  }

  /// Nothing but this host's files has accounts or groups.
  func hasOnlyFiles(_ kind: SubordinateIDKind) -> Bool { kind == .users ? isFileOnly : isGroupFileOnly }

  /// Reads both files; one that cannot be read counts as one that says nothing.
  static func ofThisHost() -> AccountSources {
    AccountSources(switching: content("/etc/nsswitch.conf", limit: 1 << 16), passwd: content("/etc/passwd", limit: 64 << 20))
  }

  /// The account in /etc/passwd, where that has the first word.
  func name(ofUid uid: UInt32) -> [UInt8]? { isFileFirst ? linesByUid[uid].map { Array(passwd[$0].prefix { $0 != .colon }) } : nil }
  /// The same with all that is known of it, but its groups; nil also where the line has something unusual in it, of which the name service
  /// has to say what it means.
  func account(ofUid uid: UInt32) -> Account? {
    guard isFileFirst, let range = linesByUid[uid] else { return nil }
    let fields = parts(passwd[range], separator: { $0 == .colon })
    guard fields.count == 7, let group = identifier(fields[3]), let first = fields[0].first, first != .hash, first != .plus,
      first != .hyphen, !isBlank(first)
    else { return nil }
    return Account(credentials: Credentials(user: uid, group: group, groups: []), name: Array(fields[0]), home: Path(Array(fields[5])))
  }
  func uid(ofName name: [UInt8]) -> UInt32? { isFileFirst ? uidsByName[NameKey(name)] : nil }

  /// Whether this account shows that a directory service answers.
  func comesFromDirectory(_ name: [UInt8], uid: UInt32) -> Bool {
    if uidsByName[NameKey(name)] != nil || linesByUid[uid] != nil { return false }
    return !(hasSystemd && uid >= 60001 && uid <= 65535)
  }
}

extension StaticString {
  fileprivate var bytes: [UInt8] { Array("\(self)".utf8) }
}
