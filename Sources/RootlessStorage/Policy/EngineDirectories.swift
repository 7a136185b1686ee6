/// The directories that engines have in a storage directory. Everything else in one is a user's own.
public struct EngineDirectories: Equatable, Sendable {
  /// One component each: `containers`, `docker`, and what the skeleton's files name.
  package let names: [[UInt8]]
  /// Only what the skeleton's files name: a login makes these with a new storage directory, which ageing would remove if it were empty.
  package let ofSkeleton: [[UInt8]]

  public init(skeleton: [SkeletonFile]) {
    var named: [[UInt8]] = []
    for file in skeleton {
      for name in EngineDirectories.components(in: file.content) where !named.contains(name) { named.append(name) }
    }
    ofSkeleton = named
    let always = [Array("containers".utf8), Array("docker".utf8)]
    names = always + named.filter { !always.contains($0) }
  }

  /// The first components behind `@STORAGE@/`. One that is another for every user (`@STORAGE@/@USER@`) is not known here, and so
  /// never deleted.
  private static func components(in content: [UInt8]) -> [[UInt8]] {
    let mark = Array("@STORAGE@/".utf8)
    var found: [[UInt8]] = []
    var rest = content[...]
    while let at = rest.firstIndex(of: .at) {
      rest = rest[at...]
      guard rest.starts(with: mark) else {
        rest = rest.dropFirst()
        continue
      }
      rest = rest.dropFirst(mark.count)
      let name = Array(rest.prefix { isNameByte($0) })
      rest = rest.dropFirst(name.count)
      if !name.isEmpty && name.count <= 255 && name.first != .dot && rest.first != .at { found.append(name) }
    }
    return found
  }

  /// What a directory of an engine's is called with: whatever else ends a name between quotes, in a list, or in a variable.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case _ where isAlphanumeric(byte), .dot, .underscore, .hyphen, .plus: true
    default: false
    }
  }
}
