/// The setting `storage_directory`: a parent that exists on the host, and the one component that is made for every user.
public struct StorageTemplate: Equatable, Sendable {
  public let parent: Path
  /// The last component, cut at its placeholders.
  private let leaf: [Piece]

  private enum Piece: Equatable { case literal([UInt8]), user, uid }

  public enum Problem: Error, Equatable, Sendable {
    case notAbsolute, emptyComponent, dotComponent, forbiddenCharacter, placeholderBeforeLast, noPlaceholder, unknownPlaceholder, tooLong
  }

  /// Takes the text of the setting apart.
  public init(_ text: [UInt8]) throws(Problem) {
    try checkAbsolutePath(text)
    var all = parts(text, separator: { $0 == .slash })
    all.removeFirst()
    let last = all.removeLast()
    for component in all where component.contains(.dollar) { throw .placeholderBeforeLast }
    parent = Path(absolute: all)
    leaf = try StorageTemplate.pieces(last)
  }

  private static func pieces(_ leaf: [UInt8]) throws(Problem) -> [Piece] {
    var found: [Piece] = []
    var literal: [UInt8] = []
    var placeholders = 0
    var rest = leaf[...]
    while let byte = rest.first {
      guard byte == .dollar else {
        literal.append(byte)
        rest = rest.dropFirst()
        continue
      }
      let name = rest.dropFirst().prefix { isNameByte($0) }
      if !literal.isEmpty { found.append(.literal(literal)) }
      literal = []
      if name.elementsEqual("USER".utf8) {
        found.append(.user)
      } else if name.elementsEqual("UID".utf8) {
        found.append(.uid)
      } else {
        throw .unknownPlaceholder
      }
      placeholders += 1
      rest = rest.dropFirst(1 + name.count)
    }
    if !literal.isEmpty { found.append(.literal(literal)) }
    if placeholders == 0 { throw .noPlaceholder }
    return found
  }

  /// What may continue the name of a variable in a shell: `$USERS` is not `$USER` and an S.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case _ where isAlphanumeric(byte), .underscore: true
    default: false
    }
  }

  /// The component for this user, or nil if the name must not stand in a path.
  public func leaf(for account: Account) -> [UInt8]? {
    var component: [UInt8] = []
    for piece in leaf {
      switch piece {
      case .literal(let bytes): component += bytes
      case .uid: component += decimal(UInt64(account.uid))
      case .user:
        guard let name = account.pathName else { return nil }
        component += name
      }
    }
    return component.count <= 255 ? component : nil
  }

  /// The whole path with something else in the place of what differs between users.
  package func path(placeholder: [UInt8]) -> Path {
    var component: [UInt8] = []
    for piece in leaf {
      if case .literal(let bytes) = piece { component += bytes } else { component += placeholder }
    }
    return parent / component
  }

  /// Whose component this may be: what `$USER` and `$UID` would stand for in it, nil for what the template does not hold. Of a
  /// component that holds both there may be several.
  package func users(inLeaf component: [UInt8]) -> [(name: [UInt8]?, uid: UInt32?)] {
    var literals = 0, names = 0, ids = 0
    for piece in leaf {
      switch piece {
      case .literal(let bytes): literals += bytes.count
      case .user: names += 1
      case .uid: ids += 1
      }
    }
    var found: [(name: [UInt8]?, uid: UInt32?)] = []
    // Every $UID in it is as long as the others, and so is every $USER.
    for digits in ids == 0 ? 0...0 : 1...10 {
      let rest = component.count - literals - ids * digits
      guard rest >= names, names == 0 ? rest == 0 : rest % names == 0 else { continue }
      if let match = match(component, nameLength: names == 0 ? 0 : rest / names, digits: digits) { found.append(match) }
    }
    return found
  }

  private func match(_ component: [UInt8], nameLength: Int, digits: Int) -> (name: [UInt8]?, uid: UInt32?)? {
    var name: [UInt8]? = nil
    var uid: UInt32? = nil
    var rest = component[...]
    for piece in leaf {
      switch piece {
      case .literal(let bytes):
        guard rest.starts(with: bytes) else { return nil }
        rest = rest.dropFirst(bytes.count)
      case .user:
        let part = Array(rest.prefix(nameLength))
        if let name, name != part { return nil }
        name = part
        rest = rest.dropFirst(nameLength)
      case .uid:
        let part = rest.prefix(digits)
        // A leading zero is never written.
        guard let value = identifier(part), decimal(UInt64(value)).elementsEqual(part), uid == nil || uid == value else { return nil }
        uid = value
        rest = rest.dropFirst(digits)
      }
    }
    if let name, Account(credentials: Credentials(user: 0, group: 0, groups: []), name: name, home: "").pathName == nil { return nil }
    return rest.isEmpty ? (name, uid) : nil
  }
}

/// An absolute path that can stand between quotes in TOML and JSON: printable ASCII without quotes and backslash, and without `.`,
/// `..` and empty components.
func checkAbsolutePath(_ path: [UInt8]) throws(StorageTemplate.Problem) {
  guard path.first == .slash else { throw .notAbsolute }
  if path.count > 1024 { throw .tooLong }
  for byte in path where byte < .space || byte > .tilde || byte == .quote || byte == .apostrophe || byte == .backquote || byte == .backslash
  {
    throw .forbiddenCharacter
  }
  for component in parts(path.dropFirst(), separator: { $0 == .slash }) {
    if component.isEmpty { throw .emptyComponent }
    if component == [.dot] || component == [.dot, .dot] { throw .dotComponent }
    if component.count > 255 { throw .tooLong }
  }
}
