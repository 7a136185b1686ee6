/// The user who logs in. Of an account that got this far the ids may be used, and the name may be shown; in a path or a file the
/// name may stand only if `pathName` is not nil.
public struct Account: Equatable, Sendable {
  public let credentials: Credentials
  /// `pw_name`.
  public let name: [UInt8]
  /// `pw_dir`, as it is: it is looked at by the user's own identity only.
  public let home: Path
  /// The user is in more groups than are known here.
  public let groupsLeftOut: Bool

  public var uid: UInt32 { credentials.user }

  public init(credentials: Credentials, name: [UInt8], home: Path, groupsLeftOut: Bool = false) {
    self.credentials = credentials
    self.groupsLeftOut = groupsLeftOut
    self.name = name
    self.home = home
  }

  /// The name, if it can do no harm as a component of a path or between quotes: only `[A-Za-z0-9._@-]`, neither `-` nor `.` first.
  public var pathName: [UInt8]? {
    guard let first = name.first, first != .hyphen, first != .dot, name.count <= 255 else { return nil }
    for byte in name {
      switch byte {
      case _ where isAlphanumeric(byte), .dot, .underscore, .at, .hyphen: continue
      default: return nil
      }
    }
    return name
  }

  /// Ids that no person has: root, the two `nobody`s, and the number that means "leave it" to setresuid(2).
  package static func isReserved(uid: UInt32) -> Bool { uid == 0 || uid == 65534 || uid == 65535 || uid == UInt32.max }

  /// The number that means "leave it" to setresgid(2).
  package static func isReserved(gid: UInt32) -> Bool { gid == UInt32.max }
}
