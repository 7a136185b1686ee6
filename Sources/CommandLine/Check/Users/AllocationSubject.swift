import RootlessStorage

/// A user whose subordinate ids a command is about.
enum AllocationSubject {
  /// With groups.
  case account(Account)
  case unknown(name: String, uid: UInt32?, cause: String)

  /// - Returns: nil for a uid without an account, which is `list`'s to tell of.
  init?(_ subject: UserSelection.Subject) {
    do throws(NameServiceError) {
      switch subject {
      case .unknown(let name, let cause): self = .unknown(name: name, uid: nil, cause: cause)
      case .account(let account): self = .account(try NameService.withGroups(account))
      case .uid(let uid):
        guard let account = try NameService.account(uid: uid) else { return nil }
        self = .account(try NameService.withGroups(account))
      }
    } catch {
      var (name, uid): (String, UInt32?) = ("user", nil)
      if case .uid(let number) = subject { (name, uid) = ("uid \(number)", number) }
      if case .account(let account) = subject { (name, uid) = (shown(account.name), account.uid) }
      self = .unknown(name: name, uid: uid, cause: "the name service did not answer: \(text(error.cause)); try again")
    }
  }
}
