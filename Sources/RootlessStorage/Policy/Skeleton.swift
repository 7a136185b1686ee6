/// A regular file of the skeleton, as it was read.
public struct SkeletonFile: Equatable, Sendable {
  static let mostFiles = 64
  static let largestFile = 65536
  static let deepestPath = 8
  /// Entries in one directory that are looked at.
  static let mostEntries = 1024

  /// What package managers and Ansible put beside a file, for a moment while they replace it or for good: `storage.conf.dpkg-dist` or
  /// `.rpmnew` where the administrator has changed the file. It is nobody's config file, and must not end in every home.
  static func isLeftByInstallers(_ name: [UInt8]) -> Bool {
    if name.starts(with: ".ansible_tmp".utf8) { return true }
    // rpm, while it unpacks: storage.conf;5f3a91c2
    if let semicolon = name.lastIndex(of: .semicolon) {
      let rest = name[semicolon...].dropFirst()
      if rest.count == 8 && rest.allSatisfy({ isHexDigit($0) }) { return true }
    }
    guard let dot = name.lastIndex(of: .dot) else { return false }
    let suffix = name[dot...]
    return suffix.starts(with: ".dpkg-".utf8) || suffix.starts(with: ".ucf-".utf8) || suffix.elementsEqual(".rpmnew".utf8)
      || suffix.elementsEqual(".rpmsave".utf8) || suffix.elementsEqual(".rpmorig".utf8)
  }

  /// Relative to the skeleton, and to the home.
  public let path: Path
  /// The mode for the home's file: the skeleton's, & 0644.
  public let mode: UInt32
  public let content: [UInt8]

  public init(path: Path, mode: UInt32, content: [UInt8]) {
    self.path = path
    self.mode = mode & 0o644
    self.content = content
  }

  /// The content for one user: `@STORAGE@`, `@USER@` and `@UID@` replaced in one pass, anything else as it stands.
  ///
  /// - Returns: nil if the name is wanted and could do harm between quotes.
  public func rendered(for account: Account, storage: Path) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(content.count + storage.bytes.count)
    var rest = content[...]
    while let byte = rest.first {
      if byte == .at {
        if rest.starts(with: "@STORAGE@".utf8) {
          result += storage.bytes
          rest = rest.dropFirst(9)
          continue
        }
        if rest.starts(with: "@USER@".utf8) {
          guard let name = account.pathName else { return nil }
          result += name
          rest = rest.dropFirst(6)
          continue
        }
        if rest.starts(with: "@UID@".utf8) {
          result += decimal(UInt64(account.uid))
          rest = rest.dropFirst(5)
          continue
        }
      }
      result.append(byte)
      rest = rest.dropFirst()
    }
    return result
  }

  /// Podman's configuration, relative to the home.
  package static var storageConf: Path { ".config/containers/storage.conf" }

  /// Where the engine that reads this file keeps its storage if nobody tells it otherwise, relative to the home. A user who has
  /// moved that place already must not get the file: it would hide what works.
  package var ownStore: Path? {
    if path == SkeletonFile.storageConf { return ".local/share/containers" }
    if path == ".config/docker/daemon.json" { return ".local/share/docker" }
    return nil
  }
}

/// An entry of the skeleton that is left out.
public struct SkeletonWarning: Equatable, Sendable {
  public enum Reason: Equatable, Sendable {
    case symbolicLink, special, tooLarge, tooManyFiles, tooDeep, tooManyEntries, nameTooLong
    /// There are more warnings than are listed.
    case unlisted
  }
  /// Relative to the skeleton.
  public let path: Path
  public let reason: Reason
}
