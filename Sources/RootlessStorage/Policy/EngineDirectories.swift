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
    while let at = rest.firstIndex(of: 0x40) {
      rest = rest[at...]
      guard rest.starts(with: mark) else {
        rest = rest.dropFirst()
        continue
      }
      rest = rest.dropFirst(mark.count)
      let name = Array(rest.prefix { isNameByte($0) })
      rest = rest.dropFirst(name.count)
      if !name.isEmpty && name.count <= 255 && name.first != 0x2e && rest.first != 0x40 { found.append(name) }
    }
    return found
  }

  /// What a directory of an engine's is called with: whatever else ends a name between quotes, in a list, or in a variable.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2e, 0x5f, 0x2d, 0x2b: true
    default: false
    }
  }
}
