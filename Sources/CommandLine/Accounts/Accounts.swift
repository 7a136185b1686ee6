import RootlessStorage

/// What is known of an account.
enum AccountLookup: Equatable {
  case found(name: [UInt8], uid: UInt32)
  case absent
  /// The name service did not answer, which is not "no such account".
  case unanswered(Errno)
}

/// Who is asked for accounts: the name service, or in a test something that says what it would.
struct AccountLookups {
  let byUid: (UInt32) throws(NameServiceError) -> Account?
  let byName: ([UInt8]) throws(NameServiceError) -> Account?

  static var nameService: AccountLookups {
    AccountLookups(
      byUid: { (uid) throws(NameServiceError) in try NameService.account(uid: uid) },
      byName: { (name) throws(NameServiceError) in try NameService.account(named: name) })
  }
}

/// Asks for accounts, /etc/passwd before the name service where that has the first word there anyhow: with ten thousand users
/// every question would read ten thousand lines.
final class Accounts {
  let sources: AccountSources
  /// An account that is not in /etc/passwd was found in this run: a directory service is there and answers.
  private(set) var directoryAnswered = false
  /// Why the name service did not answer, if it once did not.
  private(set) var failure: Errno?
  private var last: (uid: UInt32, AccountLookup)?

  private let lookups: AccountLookups

  init(_ sources: AccountSources, lookups: AccountLookups = .nameService) {
    self.sources = sources
    self.lookups = lookups
  }

  func account(uid: UInt32) -> AccountLookup {
    // Somebody with many entries is asked for once.
    if let last, last.uid == uid { return last.1 }
    let answer: AccountLookup
    if let name = sources.name(ofUid: uid) {
      answer = .found(name: name, uid: uid)
    } else if sources.isFileOnly {
      answer = .absent
    } else {
      do throws(NameServiceError) { answer = recorded(try lookups.byUid(uid)) } catch { answer = failed(error) }
    }
    last = (uid, answer)
    return answer
  }

  func account(named name: [UInt8]) -> AccountLookup {
    if let uid = sources.uid(ofName: name) { return .found(name: name, uid: uid) }
    if sources.isFileOnly { return .absent }
    do throws(NameServiceError) { return recorded(try lookups.byName(name)) } catch { return failed(error) }
  }

  /// The account with its supplementary groups, which only the name service tells.
  ///
  /// - Returns: nil also where that did not answer.
  func withGroups(named name: [UInt8]) -> Account? {
    do throws(NameServiceError) {
      guard let account = try lookups.byName(name) else { return nil }
      return try NameService.withGroups(account)
    } catch { return nil }
  }

  private func recorded(_ account: Account?) -> AccountLookup {
    guard let account else { return .absent }
    if sources.comesFromDirectory(account.name, uid: account.uid) { directoryAnswered = true }
    return .found(name: account.name, uid: account.uid)
  }

  private func failed(_ error: NameServiceError) -> AccountLookup {
    failure = error.cause
    return .unanswered(error.cause)
  }

  /// Whether this run could look at all.
  ///
  /// A directory that is offline says "no such account" too. So on a host that has one, somebody who is not in /etc/passwd must have
  /// been found in this run; if no storage directory's owner was, whoever is logged in may be. That proves nothing of others, since
  /// the answer may come from a cache: whether an account is gone, only several runs together tell (Absence.swift).
  func couldLook() -> Bool {
    if sources.isLocal { return true }
    if directoryAnswered { return true }
    do throws(Errno) {
      let runtime = DirectoryReader(try open(path: "/run/user", .directory))
      var asked = 0
      while asked < 1000, let entry = try runtime.next() {
        guard let uid = identifier(entry.name) else { continue }
        asked += 1
        _ = account(uid: uid)
        if directoryAnswered { return true }
      }
    } catch {}
    return false
  }
}
