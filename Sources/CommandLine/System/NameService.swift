internal import CLinux
import RootlessStorage
import Synchronization

/// The name service did not answer, as opposed to "there is no such account".
struct NameServiceError: Error, Equatable {
  let cause: Errno
}

/// Accounts, as getpwnam_r(3) and its kin tell them. May take as long as the site's name service takes.
enum NameService {
  /// One call at a time. glibc has no lock of its own where a module has no initgroups_dyn (libnss-extrausers): getgrouplist(3) then
  /// walks through all groups with setgrent and getgrent_r of the module, whose place in the file is one for the whole process. Two
  /// threads there crash, or get each other's groups.
  private static let turn = Mutex(())

  /// - Returns: nil if there is no such account.
  static func account(named name: [UInt8]) throws(NameServiceError) -> Account? {
    // A name with a NUL would be cut.
    guard !name.contains(0) else { return nil }
    return try unsafe account { entry, buffer, size, found in
      unsafe withCString(name) { unsafe getpwnam_r($0, entry, buffer, size, found) }
    }
  }

  static func account(uid: UInt32) throws(NameServiceError) -> Account? {
    try unsafe account { entry, buffer, size, found in unsafe getpwuid_r(uid, entry, buffer, size, found) }
  }

  private static func account(
    _ look: (
      UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32
  ) throws(NameServiceError) -> Account? {
    var size = 4096
    while true {
      var entry = unsafe passwd()
      var found: UnsafeMutablePointer<passwd>? = nil
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
      defer { unsafe buffer.deallocate() }
      let failure = turn.withLock { _ in unsafe look(&entry, buffer, size, &found) }
      if failure == ERANGE && size < 1 << 20 {
        size *= 4
        continue
      }
      // getpwnam(3): "not found" has many numbers, and 0.
      if failure != 0 && failure != ENOENT && failure != ESRCH { throw NameServiceError(cause: Errno(failure)) }
      guard failure == 0, unsafe found != nil, let name = unsafe entry.pw_name, let home = unsafe entry.pw_dir else { return nil }
      let credentials = unsafe Credentials(user: entry.pw_uid, group: entry.pw_gid, groups: [])
      return unsafe Account(credentials: credentials, name: bytes(ofCString: name), home: Path(bytes(ofCString: home)))
    }
  }

  /// The name of a group (getgrgid_r(3)); nil if there is no such group.
  static func name(ofGroup gid: UInt32) throws(NameServiceError) -> [UInt8]? {
    try unsafe groupEntry({ entry, buffer, size, found in unsafe getgrgid_r(gid, entry, buffer, size, found) }) {
      unsafe $0.gr_name.map { unsafe bytes(ofCString: $0) }
    }
  }

  private static func groupEntry<Answer>(
    _ look: (
      UnsafeMutablePointer<group>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<group>?>
    ) -> Int32, _ answer: (group) -> Answer?
  ) throws(NameServiceError) -> Answer? {
    var size = 4096
    while true {
      var entry = unsafe group()
      var found: UnsafeMutablePointer<group>? = nil
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
      defer { unsafe buffer.deallocate() }
      let failure = turn.withLock { _ in unsafe look(&entry, buffer, size, &found) }
      // A group of all users of a site does not fit at once.
      if failure == ERANGE && size < 1 << 24 {
        size *= 4
        continue
      }
      if failure != 0 && failure != ENOENT && failure != ESRCH { throw NameServiceError(cause: Errno(failure)) }
      guard failure == 0, unsafe found != nil else { return nil }
      return unsafe answer(entry)
    }
  }

  /// The number of a group (getgrnam_r(3)); nil if there is no such group.
  static func gid(ofGroup name: [UInt8]) throws(NameServiceError) -> UInt32? {
    guard !name.contains(0) else { return nil }
    return try unsafe groupEntry({ entry, buffer, size, found in
      unsafe withCString(name) { unsafe getgrnam_r($0, entry, buffer, size, found) }
    }) {
      unsafe $0.gr_gid
    }
  }

  /// The account with its supplementary groups (getgrouplist(3)), at most 4,096 as the module passes on.
  static func withGroups(_ account: Account) throws(NameServiceError) -> Account {
    var groups = [gid_t](repeating: clinux_invalid_id, count: HelperArguments.mostGroups)
    var count = Int32(groups.count)
    let group = account.credentials.group
    let result = unsafe groups.withUnsafeMutableBufferPointer { buffer in
      // SAFETY: the array is not empty, and getgrouplist writes at most `count` of it.
      turn.withLock { _ in unsafe withCString(account.name) { unsafe getgrouplist($0, group, buffer.baseAddress!, &count) } }
    }
    // With more groups than there is room for, what fits was written. A count that fits means that there was no memory.
    if result < 0 && Int(count) <= groups.count { throw NameServiceError(cause: Errno(ENOMEM)) }
    let known = groups.prefix(max(0, min(Int(count), groups.count))).filter { $0 != clinux_invalid_id }
    return Account(
      credentials: Credentials(user: account.uid, group: group, groups: known), name: account.name, home: account.home,
      groupsLeftOut: result < 0)
  }
}
