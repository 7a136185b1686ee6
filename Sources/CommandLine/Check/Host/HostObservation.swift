import RootlessStorage

/// What there is to know of this host. Nothing of it belongs to one user, and nobody's home is looked at.
struct HostFacts: Equatable, Sendable {
  /// Whoever looks may read everything.
  let isRoot: Bool
  let stacks: PAMStacks
  let installation: Installation
  /// nil: nothing ages here.
  let tmpfiles: Tmpfiles?
  let userNamespaces: UserNamespaces
  let subordinateIDs: SubordinateIDIndex
  /// The directory that holds the storage directories, where others than root can create entries; nil: only root can, or nobody knows.
  let sharedParent: [UInt8]?

  /// Reads it all, and changes nothing.
  ///
  /// - Parameters:
  ///   - settingsPath: the settings that are looked at; nil: those that the first of our PAM lines names, as a login does.
  ///   - root: where the host's files lie.
  static func look(settingsPath: [UInt8]? = nil, root: [UInt8] = [0x2f]) -> HostFacts {
    let tree = HostTree(root)
    let stacks = PAMStacks(tree, services: PAMFindings.services)
    let settingsPath = settingsPath ?? stacks.ourSteps.first?.pathOption("conf") ?? Array(Settings.defaultPath.utf8)
    let installation = Installation(tree, settingsPath: settingsPath, stacks: stacks)
    return HostFacts(
      isRoot: effectiveIDs().user == 0, stacks: stacks, installation: installation, tmpfiles: Tmpfiles(tree),
      userNamespaces: UserNamespaces(tree), subordinateIDs: SubordinateIDIndex(tree),
      sharedParent: HostFacts.sharedParent(tree, installation))
  }

  private static func sharedParent(_ tree: HostTree, _ installation: Installation) -> [UInt8]? {
    guard case .read(let file) = installation.settings else { return nil }
    let path = file.settings.storage.parent
    do throws(Errno) { return try fileStatus(of: try open(path: tree(path), .anyPlace)).mode & 0o022 != 0 ? path : nil } catch { return nil }
  }

  /// The settings that hold for logins; nil where they are refused, or only root may read them.
  var settings: Settings? {
    if case .read(let file) = installation.settings { return file.settings }
    return nil
  }
}
