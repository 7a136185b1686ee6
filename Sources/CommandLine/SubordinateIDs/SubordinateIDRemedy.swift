import RootlessStorage

/// How an account gets the ids that it lacks, by what the site has decided. Never a range that is free on this host only: on the next
/// host it would be another one.
struct SubordinateIDRemedy {
  private let account: Account
  private let index: SubordinateIDIndex
  private let settings: Settings?
  private let isRefused: Bool

  /// - Parameter isRefused: logins give out ids, but none to this account.
  init(_ account: Account, _ index: SubordinateIDIndex, _ settings: Settings?, isRefused: Bool) {
    self.account = account
    self.index = index
    self.settings = settings
    self.isRefused = isRefused
  }

  private var allocates: Bool { settings?.subordinateIDs.allocates == true }
  private var name: String { shellWord(account.name) }

  /// `rootless-storage repair`, by root, gives the ids.
  var isRepairable: Bool {
    guard allocates, !isRefused, let settings else { return false }
    return SubordinateIDPlanner.obstacle(settings, index.facts) == nil && index.source == nil
  }

  /// The command by which the account gets a range in these files.
  func adding(to tables: [SubordinateIDTable]) -> Remedy {
    if isRefused { return "see subid-refused, which explains why a login gives \(shown(account.name)) none" }
    if allocates {
      return .root("sudo rootless-storage repair \(name)", note: "or the user logs in again; then, as that user: podman system migrate")
    }
    if let range = counterpart(of: tables) {
      return .root(
        "sudo usermod \(option("--add", tables[0])) \(range.shown) \(name)",
        note: "the same ids as in the other file; then, as that user: podman system migrate")
    }
    if tables.count == 2, let plan = computed, let users = plan.users, let groups = plan.groups {
      return .root(
        "sudo usermod --add-subuids \(users.shown) --add-subgids \(groups.shown) \(name)",
        note: "what useradd computes from the uid, on every host; then, as that user: podman system migrate")
    }
    return
      "give \(shown(account.name)) one range in both files as your site does it, or set subids = allocate in rootless-storage.conf on every host; see SUBORDINATE IDS in rootless-storage.conf(5)"
  }

  /// What useradd would give, where it computes ranges from uids, so that they are the same on every host. Not left to usermod
  /// --add-subids, which in shadow 4.20.3 takes one id too many, the next user's first.
  private var computed: SubordinateIDPlan? {
    guard index.facts.definitions.users.isDeterministic && index.facts.definitions.groups.isDeterministic else { return nil }
    // The bounds are those of login.defs(5), and nobody has to say which ids the directory's accounts have.
    var wanted = settings ?? Settings()
    wanted.subordinateIDs = SubordinateIDSettings()
    wanted.subordinateIDs.reserved = (settings?.subordinateIDs.reserved ?? []) + [0...(SubordinateIDPlanner.lowest - 1)]
    do throws(SubordinateIDRefusal) { return try SubordinateIDPlanner(account, wanted).plan(index.facts) } catch { return nil }
  }

  /// The command by which the account has another range than this one.
  func replacing(_ range: IDRange, in table: SubordinateIDTable) -> Remedy {
    // Where both files have the same range, both get the same new one.
    let other = index.table(table.kind == .users ? .groups : .users)
    let tables = other.failure == nil && other.ranges(of: account).contains { $0.ids == range } ? index.tables : [table]
    let removal = "sudo usermod \(tables.map { "\(option("--del", $0)) \(range.shown)" }.joined(separator: " ")) \(name)"
    let migrate = "then, as that user: podman system migrate"
    let rest = tables.allSatisfy { table in
      merged(table.ranges(of: account).filter { $0.isCertain && $0.ids != range }.map(\.ids)).reduce(0) { $0 + $1.size }
        >= UInt64(SubordinateIDPlanner.enough)
    }
    if rest { return .root(removal, note: "other ranges remain; \(migrate)") }
    if allocates { return .root("\(removal) && sudo rootless-storage repair \(name)", note: migrate) }
    return .root(removal, note: "and give \(shown(account.name)) one range in both files as your site does it; \(migrate)")
  }

  /// The range that the account has in the other file, if it can have it in this one too.
  private func counterpart(of tables: [SubordinateIDTable]) -> IDRange? {
    guard tables.count == 1, let table = tables.first, table.failure == nil else { return nil }
    let other = index.table(table.kind == .users ? .groups : .users)
    let ranges = other.ranges(of: account).filter { $0.isCertain && $0.ids.size >= UInt64(SubordinateIDPlanner.enough) }
    return ranges.first { range in
      table.others(than: account, in: range.ids, limit: 1).isEmpty && people(table, range.ids, settings).isEmpty
        && !table.ranges(of: account).contains { $0.ids.overlaps(range.ids) }
    }?.ids
  }

  private func option(_ verb: String, _ table: SubordinateIDTable) -> String {
    table.kind == .users ? "\(verb)-subuids" : "\(verb)-subgids"
  }
}
