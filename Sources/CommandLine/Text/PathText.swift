public import RootlessStorage

extension String {
  /// A path as text, for configuration files, which are text, and for engines. What is no UTF-8 in it is lost.
  init(decoding path: Path) { self.init(decoding: path.bytes, as: UTF8.self) }
}

extension Path {
  /// An absolute path and the directories above it, up to the root.
  var lineage: [Path] {
    var found = [self]
    while let last = found.last, last.isAbsolute, last != "/" { found.append(last.parent) }
    return found
  }
}

extension DefaultStringInterpolation {
  /// A text for a person, a command and JSON each want a path in their own way: which one, is to be said.
  @available(*, deprecated, message: "say how: shown, shellWord, string or String(decoding:)")
  mutating func appendInterpolation(_ path: Path) { appendLiteral(shown(path)) }
}

/// As its bytes alone.
extension Path: Codable {
  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode([UInt8].self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(bytes)
  }
}
