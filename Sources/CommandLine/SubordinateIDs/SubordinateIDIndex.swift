import RootlessStorage

/// A uid or a gid that somebody has.
struct RealID: Equatable, Sendable {
  let id: UInt32
  let name: [UInt8]

  /// Those in the range, at most so many.
  ///
  /// - Parameter sorted: by id.
  static func some(of sorted: [RealID], in range: IDRange, limit: Int) -> [RealID] {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].id < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return Array(sorted[low...].prefix(limit).prefix { $0.id <= range.upperBound })
  }

  /// The lines of passwd(5) or group(5): in both, the third field is the id.
  static func read(_ content: [UInt8]) -> [RealID] {
    content.split(separator: 0x0a).compactMap { line in
      let fields = line.split(separator: 0x3a, maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count >= 3, let id = identifier(fields[2]) else { return nil }
      return RealID(id: id, name: Array(fields[0]))
    }.sorted { $0.id < $1.id }
  }
}

/// The subordinate ids of this host, and the files that decide on new ones. Read once in a run.
struct SubordinateIDIndex: Equatable, Sendable {
  /// Where they come from instead of the files (nsswitch.conf(5), `subid`); nil: from the files.
  let source: [UInt8]?
  let users: SubordinateIDTable
  let groups: SubordinateIDTable
  /// What is known of the programs that read the files.
  let readers: SubordinateIDReaders
  /// What the planner of a login goes by.
  let facts: SubordinateIDFacts

  var tables: [SubordinateIDTable] { [users, groups] }

  init(_ tree: HostTree) {
    var facts = SubordinateIDFacts()
    var failures: [SubordinateIDKind: ReadFailure] = [:]
    func read(_ kind: SubordinateIDKind) -> [UInt8] {
      do throws(ReadFailure) { return try tree.read(kind.file, limit: 64 << 20) } catch {
        if error != .missing { failures[kind] = error }
        return []
      }
    }
    facts.subuid = read(.users)
    facts.subgid = read(.groups)
    facts.passwd = (try? tree.read("/etc/passwd", limit: 64 << 20)) ?? []
    facts.group = (try? tree.read("/etc/group", limit: 64 << 20)) ?? []
    facts.nsswitch = (try? tree.read("/etc/nsswitch.conf")) ?? []
    facts.loginDefinitions = (try? tree.read("/etc/login.defs")) ?? []
    facts.vendorDefinitions = (try? tree.read("/usr/etc/login.defs")) ?? []
    facts.uidMap = (try? tree.read("/proc/self/uid_map")) ?? []
    facts.gidMap = (try? tree.read("/proc/self/gid_map")) ?? []
    self.init(facts, failures, SubordinateIDReaders(tree, hasOtherSource: subordinateIDSource(facts.nsswitch) != nil))
  }

  init(_ facts: SubordinateIDFacts, _ failures: [SubordinateIDKind: ReadFailure] = [:], _ readers: SubordinateIDReaders = SubordinateIDReaders()) {
    self.facts = facts
    self.readers = readers
    source = subordinateIDSource(facts.nsswitch)
    users = SubordinateIDTable(.users, facts.subuid, realIDs: RealID.read(facts.passwd), failure: failures[.users])
    groups = SubordinateIDTable(.groups, facts.subgid, realIDs: RealID.read(facts.group), failure: failures[.groups])
  }

  func table(_ kind: SubordinateIDKind) -> SubordinateIDTable { kind == .users ? users : groups }

  /// Whether the account is one of this host's own files.
  func isLocal(_ account: Account) -> Bool { users.realIDs(in: account.uid...account.uid, limit: 8).contains { $0.name == account.name } }
}

extension Settings {
  /// The uids of people, where the settings say how far they reach.
  var servedIDs: IDRange? { uidMax.flatMap { $0 >= uidMin ? uidMin...$0 : nil } }
}
