import ArgumentParser
import RootlessStorage

/// Names for a shell to complete: of those who have been on this host, by their storage directories and the runtime directories of
/// their sessions. Never a walk through all accounts of a site.
enum UserCompletion {
  /// Names are read from the names of directories, and the name service is asked only where those hold a uid: so often at most.
  private static let mostLookups = 32
  /// Entries that are looked at. Somebody waits for it who has pressed a key.
  private static let mostEntries = 20_000

  static let kind = CompletionKind.custom { (_: [String], _: Int, prefix: String) in names(beginningWith: Array(prefix.utf8)) }

  static func names(beginningWith prefix: [UInt8]) -> [String] {
    var names: Set<String> = []
    let accounts = Accounts(AccountSources.ofThisHost())
    var lookups = 0
    func add(_ name: [UInt8]) {
      if begins(name, with: prefix) { names.insert(String(decoding: name, as: UTF8.self)) }
    }
    func add(_ uid: UInt32) {
      lookups += 1
      guard lookups <= mostLookups, case .found(let name, _) = accounts.account(uid: uid) else { return }
      // With other characters (DOM\alice) every shell would have to quote it in its own way.
      let account = Account(credentials: Credentials(user: uid, group: 0, groups: []), name: name, home: "")
      if let name = account.pathName { add(name) }
    }
    // Whatever cannot be read has no names in it: there is nobody to tell of it here.
    do throws(PathError) {
      let mounts = MountTable(blockDeviceIsLocal: true)
      let settings = try readSettings(Settings.defaultPath, trusted: effectiveIDs().user == 0, mounts).settings
      let parent = try walk(toDirectory: settings.storage.parent, .storage, mounts)
      do throws(Errno) {
        let reader = DirectoryReader(try open(at: parent.descriptor, [.dot], .directory))
        var seen = 0
        while seen < mostEntries, let entry = try reader.next()?.name {
          seen += 1
          for user in settings.storage.users(inLeaf: entry) {
            guard let owner = try? cachedStatus(at: parent.descriptor, entry).owner, settings.serves(uid: owner) else { continue }
            if let name = user.name { add(name) } else if user.uid == owner { add(owner) }
          }
        }
      } catch {}
      do throws(Errno) {
        let reader = DirectoryReader(try open(path: "/run/user", .directory))
        while lookups < mostLookups, let entry = try reader.next()?.name {
          if let uid = identifier(entry), settings.serves(uid: uid) { add(uid) }
        }
      } catch {}
    } catch {}
    return names.sorted()
  }
}
