import RootlessStorage

/// Who writes this host's session stacks, and so how our line gets into them.
enum PAMMethod: String, Encodable {
  /// Debian's: from a profile that the package ships.
  case pamAuthUpdate = "pam-auth-update"
  /// RHEL's and Fedora's: from a profile, in which our line has to be.
  case authselect
  /// Nobody: the files themselves are changed.
  case files

  static func of(_ tree: HostTree) -> PAMMethod {
    if AuthUpdate.isUsable(tree) { return .pamAuthUpdate }
    if tree.exists("/etc/authselect/authselect.conf") { return .authselect }
    return .files
  }
}
