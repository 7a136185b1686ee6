import RootlessStorage

/// A file of the skeleton that would make an invalid file in every home: the engine then does not start, or goes its own way.
struct SkeletonFault: Equatable, Sendable {
  enum Format: String, Equatable, Sendable {
    case toml = "TOML"
    case json = "JSON"
  }

  /// Relative to the skeleton.
  let path: Path
  let format: Format
  let problem: TextError

  /// Reads the file as the engine would read the copy in a home.
  ///
  /// - Returns: nil where nothing is wrong, or where nobody here knows the format.
  init?(_ file: SkeletonFile, _ settings: Settings) {
    guard let format = SkeletonFault.format(of: file.path) else { return nil }
    // Any user: what is wrong for one is wrong for all.
    let account = Account(
      credentials: Credentials(user: 1000, group: 1000, groups: []), name: Array("user".utf8), home: "/home/user")
    let storage = settings.storage.path(placeholder: Array("user".utf8))
    guard let content = file.rendered(for: account, storage: storage) else { return nil }
    do throws(TextError) {
      switch format {
      case .toml: _ = try TOMLText(content)
      case .json: _ = try JSONText(content)
      }
      return nil
    } catch {
      problem = error
    }
    path = file.path
    self.format = format
  }

  /// What Podman's and Docker's files are, and whatever calls itself TOML.
  private static func format(of path: Path) -> Format? {
    func ends(_ suffix: String) -> Bool { path.bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
    if ends(".toml") { return .toml }
    let isContainers = path.isAtOrBelow(".config/containers")
    if isContainers && ends(".conf") { return .toml }
    return ends(".json") && (isContainers || path.isAtOrBelow(".config/docker")) ? .json : nil
  }
}
