/// Users whom no login serves, although their uids are in range. They are named, or are in a group that is named by its number: a login
/// does not ask which number a group has.
public struct Exclusions: Equatable, Sendable {
  /// A line of the settings.
  public struct Place: Equatable, Sendable {
    package var file: Path
    package var line: Int

    package init(file: Path, line: Int) {
      self.file = file
      self.line = line
    }
  }

  /// Why a user is excluded.
  public enum Reason: Equatable, Sendable {
    case name(Place)
    case group(UInt32, Place)
  }

  /// Why nobody can tell whether a user is.
  public enum Uncertainty: Equatable, Sendable {
    /// The line does not hold.
    case line(Place)
    /// Not all groups of the user are known.
    case groups(Place)
  }

  package var users: [[UInt8]] = []
  package var usersPlace: Place? = nil
  package var groups: [UInt32] = []
  package var groupsPlace: Place? = nil
  /// The line of each that does not hold.
  package var uncertainUsers: Place? = nil
  package var uncertainGroups: Place? = nil

  public init() {}

  func reason(for account: Account) -> Reason? {
    if let usersPlace, users.contains(account.name) { return .name(usersPlace) }
    guard let groupsPlace else { return nil }
    for group in groups where group == account.credentials.group || account.credentials.groups.contains(group) {
      return .group(group, groupsPlace)
    }
    return nil
  }

  /// Of a user for whom no reason was found.
  func uncertainty(about account: Account) -> Uncertainty? {
    if let place = uncertainUsers ?? uncertainGroups { return .line(place) }
    if let groupsPlace, !groups.isEmpty, account.groupsLeftOut { return .groups(groupsPlace) }
    return nil
  }

  /// Whether a word of a list of users can be a name. What other programs take for a list, a pattern or a group is none: nobody would be
  /// excluded by it.
  static func isName(_ word: [UInt8]) -> Bool {
    guard let first = word.first, word.count <= 255 else { return false }
    switch first {
    case .hyphen, .plus, .exclamationMark, .at, .percent, .ampersand, .tilde: return false
    default: break
    }
    for byte in word {
      switch byte {
      case 0...UInt8.space, 0x7f, .comma, .semicolon, .colon, .slash, .quote, .apostrophe, .asterisk, .questionMark, .equals: return false
      default: continue
      }
    }
    return true
  }
}
