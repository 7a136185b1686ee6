import RootlessStorage

/// Who is in which group, where /etc/group alone says that (nsswitch.conf(5)): with ten thousand users every question to the name service
/// would read all of the file.
struct LocalGroups: Sendable {
  private var groups: [NameKey: [UInt32]] = [:]

  /// - Returns: nil where somebody else is to be asked, or where a line has something unusual in it.
  init?(_ sources: AccountSources, group: [UInt8]) {
    guard sources.hasOnlyFiles(.groups), !group.isEmpty else { return nil }
    var isUnusual = false
    var members: [NameKey: [UInt32]] = [:]
    forEachLine(group) { line in
      if line.isEmpty || line.first == .hash { return }
      let fields = parts(line, separator: { $0 == .colon })
      guard fields.count == 4, let gid = identifier(fields[2]), let first = fields[0].first, first != .plus, first != .hyphen,
        !line.contains(where: isBlank)
      else {
        isUnusual = true
        return
      }
      if fields[3].isEmpty { return }
      for name in parts(fields[3], separator: { $0 == .comma }) where !name.isEmpty { members[NameKey(name), default: []].append(gid) }
    }
    if isUnusual { return nil }
    groups = members
  }

  /// The account with its supplementary groups, as `NameService.withGroups` gives it.
  func withGroups(_ account: Account) -> Account {
    var found = [account.credentials.group]
    var areLeftOut = false
    for gid in groups[NameKey(account.name)] ?? [] where !found.contains(gid) {
      areLeftOut = found.count == HelperArguments.mostGroups
      if areLeftOut { break }
      found.append(gid)
    }
    return Account(
      credentials: Credentials(user: account.uid, group: account.credentials.group, groups: found), name: account.name, home: account.home,
      groupsLeftOut: areLeftOut)
  }
}
