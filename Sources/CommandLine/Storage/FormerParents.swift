import RootlessStorage

// What lies where `storage_directory` pointed before.

extension StorageInventory {
  static let noteOfGuarded =
    "guarded: homes may still name it, and prune never takes it; when no home does, look at it as root, and remove it by hand"

  /// What users have at the `guarded_directories`: homes may still name it, and `prune` never takes it.
  ///
  /// - Parameter onFailure: hears of each of these that cannot be looked at; one whose parent is not there is none.
  func guarded(onFailure: (String) -> Void) -> [StorageInventory] {
    let settings = parent.settings
    return settings.guards.compactMap { template in
      var former = settings
      former.storage = template
      do throws(Errno) { _ = try fileStatus(path: template.parent) } catch { if error == .noEntry { return nil } }
      do throws(CommandError) {
        var inventory = StorageInventory(try StorageParent(former))
        try inventory.look()
        inventory.keepGuarded(beside: self)
        return inventory
      } catch {
        onFailure(error.description)
        return nil
      }
    }
  }

  /// Leaves those that are a user's, or were one's who is gone, and that are not listed already.
  private mutating func keepGuarded(beside present: StorageInventory) {
    let listed = Set(present.entries.map(\.identity))
    entries = entries.filter {
      !$0.isAside && [.ok, .orphaned, .unconfirmed, .unanswered].contains($0.state) && !listed.contains($0.identity)
    }
    for index in entries.indices {
      entries[index].state = .guarded
      entries[index].uncertainty = nil
    }
  }
}
