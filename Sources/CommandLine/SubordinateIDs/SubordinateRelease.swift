import RootlessStorage

/// What `subids release` removes, and what has to be known before.
struct SubordinateRelease {
  struct Line: Equatable {
    let kind: SubordinateIDKind
    let text: [UInt8]
  }

  let lines: [Line]
  /// Owners that were named and have no line.
  let without: [[UInt8]]
  /// What may still need these ids, a sentence each.
  let warnings: [String]
  private let owners: Set<[UInt8]>

  init(_ host: SubordinateHost, _ states: SubordinateOwners, _ wanted: [[UInt8]]) {
    let owners = Set(wanted)
    let index = host.index
    let lines = index.tables.flatMap { table in
      SubordinateRelease.lines(of: owners, in: index.facts.content(table.kind)).map { Line(kind: table.kind, text: $0) }
    }
    let having = Set(lines.map { Array($0.text.prefix { $0 != .colon }) })
    self.owners = owners
    self.lines = lines
    without = wanted.filter { !having.contains($0) }
    let processes: RunningProcesses?
    do throws(Errno) { processes = try RunningProcesses.look() } catch { processes = nil }
    warnings = having.sorted(by: isOrderedBefore).flatMap { SubordinateRelease.warnings(of: $0, host, states, processes) }
  }

  private static func warnings(
    of owner: [UInt8], _ host: SubordinateHost, _ states: SubordinateOwners, _ processes: RunningProcesses?
  ) -> [String] {
    let name = shown(owner)
    var warnings: [String] = []
    var (account, uid) = (owner, owner.uid)
    switch states.state(owner) {
    case .account(let found, let number):
      (account, uid) = (found, number)
      warnings.append(
        "\(name) has an account\(found == owner ? "" : ", \(shown(found))"), and cannot run containers as before without these ids.")
      // The same account under its other name keeps its lines.
      let other = found == owner ? decimal(UInt64(number)) : found
      if host.index.tables.contains(where: { !$0.ranges(of: [other]).isEmpty }) {
        warnings.append("What \(shown(other)) has, which is the same account, stays.")
      }
    case .unconfirmed: warnings.append("It is unknown whether \(name) still has an account: \(states.uncertainty).")
    case .kept(let purpose): warnings.append("\(name) has no account, but \(purpose.reason).")
    case .gone: break
    }
    let ranges = host.index.tables.flatMap { $0.ranges(of: [owner]).map(\.ids) } + (uid.map { [$0...$0] } ?? [])
    switch processes?.isAny(of: ranges) {
    case true?: warnings.append("Processes of \(name), or of containers of \(name), are running.")
    case nil: warnings.append("It is unknown whether processes of \(name) are running: is /proc mounted?")
    case false?: break
    }
    if let path = storage(of: account, uid, host.settings) { warnings.append("There is still a storage directory: \(shown(path)).") }
    return warnings
  }

  /// Where the owner's storage directory is, if there is something.
  private static func storage(of name: [UInt8], _ uid: UInt32?, _ settings: Settings) -> Path? {
    let account = Account(credentials: Credentials(user: uid ?? UInt32.max, group: 0, groups: []), name: name, home: "")
    guard let leaf = settings.storage.leaf(for: account) else { return nil }
    // A name that is a number stands for no path with a name in it, and no number is known of a name.
    guard settings.storage.users(inLeaf: leaf).contains(where: { $0.name == name || (uid != nil && $0.uid == uid) }) else { return nil }
    let path = settings.storage.parent / leaf
    return HostTree.this.status(path) != nil ? path : nil
  }

  // MARK: The files

  /// The lines of these owners, whatever else stands in them.
  static func lines(of owners: Set<[UInt8]>, in content: [UInt8]) -> [[UInt8]] {
    var found: [[UInt8]] = []
    forEachLine(content) { line in if isOf(owners, line) { found.append(Array(line)) } }
    return found
  }

  /// The content without them, every other byte as it is.
  static func removing(_ owners: Set<[UInt8]>, from content: [UInt8]) -> [UInt8] {
    var kept: [UInt8] = []
    kept.reserveCapacity(content.count)
    var rest = content[...]
    while !rest.isEmpty {
      let line = rest.prefix { $0 != .newline }
      let end = min(line.endIndex + 1, rest.endIndex)
      if !isOf(owners, line) { kept += rest[..<end] }
      rest = rest[end...]
    }
    return kept
  }

  private static func isOf(_ owners: Set<[UInt8]>, _ line: ArraySlice<UInt8>) -> Bool {
    guard let colon = line.firstIndex(of: .colon) else { return false }
    return owners.contains(Array(line[..<colon]))
  }

  /// Removes them under the locks, as they are then.
  ///
  /// - Returns: how many lines.
  func perform(timeout: Int64) throws(SubordinateIDError) -> Int {
    let files = try SubordinateIDFiles(MountTable(blockDeviceIsLocal: true))
    let before = try files.facts()
    let prepared = change(before)
    let lock = try files.lock(timeout)
    let change = try files.isStill(before) ? prepared : change(try files.facts())
    if !change.contents.isEmpty { try files.replace(change.contents) }
    lock.release()
    return change.count
  }

  private func change(_ facts: SubordinateIDFacts) -> (contents: [(kind: SubordinateIDKind, content: [UInt8])], count: Int) {
    var contents: [(kind: SubordinateIDKind, content: [UInt8])] = []
    var count = 0
    for kind in [SubordinateIDKind.users, .groups] {
      let content = facts.content(kind)
      let lines = SubordinateRelease.lines(of: owners, in: content).count
      if lines > 0 { contents.append((kind, SubordinateRelease.removing(owners, from: content))) }
      count += lines
    }
    return (contents, count)
  }
}
