enum Program {
  /// The version of this program: the newest one in packaging/CHANGELOG.md, which a unit test compares with it.
  static let version = "1.0"
}
