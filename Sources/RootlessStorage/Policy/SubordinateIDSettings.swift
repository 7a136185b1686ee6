/// What an administrator can choose for subordinate ids.
public struct SubordinateIDSettings: Equatable, Sendable {
  public enum Scheme: Equatable, Sendable {
    /// The same on every host: `min + (uid - UID_MIN) * count`, the formula of shadow 4.20.
    case uid
    /// The lowest ids that are free on this host.
    case firstFree
  }

  /// Whether a login, and `rootless-storage subids`, may write into the two files.
  public var allocates = false
  public var scheme = Scheme.uid
  /// nil: what login.defs(5) says.
  public var min: UInt32?
  public var max: UInt32?
  public var count: UInt32?
  /// Ids of accounts, of which this host may know nothing.
  public var reserved: [IDRange] = []
  /// A line of the settings file does not hold. It may be the one that says which ids to keep off, misspelt: nothing is given out.
  public var isUncertain = false

  public init() {}
}
