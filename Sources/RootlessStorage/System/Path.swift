/// A path, as the kernel takes it: bytes, absolute or relative. The empty one is the directory that relative ones begin in.
///
/// What stands between two slashes, a name alone, is `[UInt8]`.
public struct Path: Hashable, Sendable {
  public let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The absolute path of these components; of none, the root.
  public init(absolute components: some Sequence<[UInt8]>) {
    var whole: [UInt8] = []
    for component in components {
      whole.append(.slash)
      whole += component
    }
    bytes = whole.isEmpty ? [.slash] : whole
  }

  public var isEmpty: Bool { bytes.isEmpty }

  public var isAbsolute: Bool { bytes.first == .slash }

  private var isRoot: Bool { bytes.count == 1 && isAbsolute }

  /// Empty ones and `.` left out.
  public var components: [[UInt8]] { parts(bytes, separator: { $0 == .slash }).filter { !$0.isEmpty && $0 != [.dot] } }

  /// The directory that it lies in: the root of the root, the empty path of a name alone.
  public var parent: Path {
    guard let slash = bytes.lastIndex(of: .slash) else { return "" }
    return slash == 0 ? "/" : Path(Array(bytes[..<slash]))
  }

  /// What is behind the last slash.
  public var name: [UInt8] {
    guard let slash = bytes.lastIndex(of: .slash) else { return bytes }
    return Array(bytes[(slash + 1)...])
  }

  /// Whether it is that directory, or lies below it. Compared as they are written: neither `.` nor `..` nor empty components are looked
  /// through.
  public func isAtOrBelow(_ directory: Path) -> Bool {
    if directory.isRoot { return isAbsolute }
    let length = directory.bytes.count
    return bytes.starts(with: directory.bytes) && (bytes.count == length || bytes[length] == .slash)
  }

  /// What bears the name in the directory.
  public static func / (directory: Path, name: [UInt8]) -> Path {
    if directory.isEmpty { return Path(name) }
    if name.isEmpty { return directory }
    var whole: [UInt8] = []
    whole.reserveCapacity(directory.bytes.count + 1 + name.count)
    whole += directory.bytes
    if !directory.isRoot { whole.append(.slash) }
    whole += name
    return Path(whole)
  }

  /// Where a relative path leads from the directory.
  public static func / (directory: Path, relative: Path) -> Path { directory / relative.bytes }
}

extension Path: ExpressibleByStringLiteral {
  public init(stringLiteral literal: StaticString) {
    // SAFETY: a literal between quotes has so many bytes there, for as long as the process lives.
    bytes = unsafe [UInt8](UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }
}

extension Path: Comparable {
  /// Byte order, which is the same on every host.
  public static func < (left: Path, right: Path) -> Bool { isOrderedBefore(left.bytes, right.bytes) }
}
