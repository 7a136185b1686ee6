import RootlessStorage

/// Storage directories of users that bear another name than theirs, which nobody has any more: such a user has the uid of somebody
/// who has left, and can read all that was theirs, or had another name before. Looked for once for all users.
struct FormerStorage: Sendable {
  /// Directories that are told of, for each user.
  private static let most = 8

  private var found: [UInt32: [(path: Path, name: [UInt8])]] = [:]

  init(_ subjects: [UserSelection.Subject], _ settings: Settings) {
    let uids = Set(
      subjects.compactMap { subject in
        switch subject {
        case .account(let account): account.uid
        case .uid(let uid): uid
        case .unknown: nil
        }
      }.filter { settings.serves(uid: $0) })
    if uids.isEmpty { return }
    // What cannot be looked at is told of among the host's findings.
    do throws(CommandError) {
      let parent = try StorageParent(settings)
      var inventory = StorageInventory(parent)
      for entry in inventory.formers(of: uids) {
        guard let name = settings.storage.users(inLeaf: entry.leaf).lazy.compactMap(\.name).first else { continue }
        found[entry.uid, default: []].append((parent.path(entry.leaf), name))
      }
    } catch {}
  }

  func findings(for account: Account, _ subordinates: SubordinateIDIndex) -> [Finding] {
    (found[account.uid] ?? []).prefix(FormerStorage.most).map { path, name in
      let lines = subordinates.tables.filter { !$0.ranges(of: [name]).isEmpty }.map { "sudo vi \($0.file)" }
      let ranges =
        lines.isEmpty
        ? "" : "; give the subordinate ids of \(shown(name)) the new name, so that the images keep their owners: \(list(lines))"
      return Finding(
        .storageFormer, .note,
        "\(shown(path)) holds container storage and is owned by \(shown(account.name)) (uid \(account.uid)), but its name is that of no account: the uid was another person's before, or the account had that name.",
        remedy:
          "look at it as root; if the account had that name, its images are there: keep graphroot and data-root in the home's files as they are\(ranges); if it is another person's: rootless-storage prune \(shellWord(name))"
      )
    }
  }
}
