import RootlessStorage

/// The subordinate ids of this host, and the files that decide on new ones. Read once in a run.
struct SubordinateIDIndex: Equatable, Sendable {
  /// Where they come from instead of the files (nsswitch.conf(5), `subid`); nil: from the files.
  let source: [UInt8]?
  let users: SubordinateIDTable
  let groups: SubordinateIDTable
  /// Everybody who has ids, as the files spell them.
  let owners: OwnerNumbers
  /// What is known of the programs that read the files.
  let readers: SubordinateIDReaders
  /// What the planner of a login goes by.
  let facts: SubordinateIDFacts

  var tables: [SubordinateIDTable] { [users, groups] }

  init(_ tree: HostTree) {
    var facts = SubordinateIDFacts()
    var failures: [SubordinateIDKind: ReadError] = [:]
    func read(_ kind: SubordinateIDKind) -> [UInt8] {
      do throws(ReadError) { return try tree.read(Path(kind.file), limit: 64 << 20) } catch {
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

  init(
    _ facts: SubordinateIDFacts, _ failures: [SubordinateIDKind: ReadError] = [:],
    _ readers: SubordinateIDReaders = SubordinateIDReaders()
  ) {
    self.facts = facts
    self.readers = readers
    source = subordinateIDSource(facts.nsswitch)
    var numbers = OwnerNumbers()
    var users = SubordinateIDTable(.users, facts.subuid, &numbers, realIDs: RealID.read(facts.passwd), failure: failures[.users])
    var groups = SubordinateIDTable(.groups, facts.subgid, &numbers, realIDs: RealID.read(facts.group), failure: failures[.groups])
    (users.owners, groups.owners) = (numbers, numbers)
    (self.users, self.groups, owners) = (users, groups, numbers)
  }

  func table(_ kind: SubordinateIDKind) -> SubordinateIDTable { kind == .users ? users : groups }

  /// Whether the account is one of this host's own files.
  func isLocal(_ account: Account) -> Bool { users.realIDs(in: account.uid...account.uid, limit: 8).contains { $0.name == account.name } }
}

extension Settings {
  /// The uids of people, where the settings say how far they reach.
  var servedIDs: IDRange? { uidMax.flatMap { $0 >= uidMin ? uidMin...$0 : nil } }
}
