// What the kernel writes in /proc, taken apart (proc(5)).

/// Looks for one mount, or for any mount of one device, in the lines of /proc/self/mountinfo, handed over in pieces of any size.
///
/// A line is `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL…] - TYPE SOURCE SUPEROPTIONS`. Mount points may be a user's
/// (FUSE), of any length, but their blanks are escaped by the kernel.
public struct MountinfoSearch {
  private let wanted: [UInt8]
  /// Where it stands in a line.
  private let wantedField: Int
  private var fieldNumber = 0
  /// Bytes of the field so far.
  private var length = 0
  /// The field is the wanted one so far, or in a line that is wanted, the hyphen that separates.
  private var isSame = true
  private var line = Line.unknown
  private var type: [UInt8] = []

  private enum Line {
    case unknown, other
    case wanted, beforeType
  }

  /// - Parameter mount: the number in the first field.
  public init(mount: UInt64) {
    wanted = decimal(mount)
    wantedField = 0
  }

  public init(deviceMajor: UInt32, minor: UInt32) {
    wanted = decimal(UInt64(deviceMajor)) + [.colon] + decimal(UInt64(minor))
    wantedField = 2
  }

  /// - Returns: the type of the mount, once its line has come.
  public mutating func consume(_ piece: some Collection<UInt8>) -> [UInt8]? {
    var rest = piece[...]
    while !rest.isEmpty {
      // Thousands of lines are another mount's.
      if line == .other { rest = rest.drop { $0 != .newline } }
      guard let byte = rest.popFirst() else { break }
      if byte == .space || byte == .newline {
        if let type = endField() { return type }
        if byte == .newline { startLine() }
      } else {
        consume(byte)
      }
    }
    return nil
  }

  /// The same at the end of the file.
  public mutating func finish() -> [UInt8]? { endField() }

  private mutating func consume(_ byte: UInt8) {
    switch line {
    case .unknown: isSame = isSame && length < wanted.count && wanted[length] == byte
    case .wanted: isSame = length == 0 && byte == .hyphen
    // The kernel's names are short.
    case .beforeType: if length < 128 { type.append(byte) }
    case .other: break
    }
    // Mount points are of any length; overflow is out of reach.
    length += 1
  }

  private mutating func endField() -> [UInt8]? {
    defer {
      fieldNumber += 1
      length = 0
      isSame = true
    }
    switch line {
    case .unknown:
      if fieldNumber == wantedField { line = isSame && length == wanted.count ? .wanted : .other }
    case .wanted:
      if fieldNumber >= 6 && isSame && length == 1 { line = .beforeType }
    case .beforeType:
      if length > 0 { return type }
    case .other: break
    }
    return nil
  }

  private mutating func startLine() {
    fieldNumber = 0
    line = .unknown
  }
}

/// An option of a mount's file system, `NAME=VALUE` in the line of /proc/self/mountinfo that begins with this number. What stands before
/// ` - ` may be a user's.
///
/// - Parameter name: with its `=`.
private func option(_ name: [UInt8], ofMount mount: UInt64, inMountinfo content: [UInt8]) -> (type: [UInt8], value: [UInt8])? {
  let number = decimal(mount)
  var found: (type: [UInt8], value: [UInt8])? = nil
  forEachLine(content) { line in
    let fields = parts(line, separator: { $0 == .space })
    guard found == nil, fields.count > 9, fields[0] == number, let hyphen = fields[6...].firstIndex(of: [.hyphen]),
      fields.count > hyphen + 3
    else { return }
    for option in parts(fields[hyphen + 3], separator: { $0 == .comma }) where option.starts(with: name) {
      found = (fields[hyphen + 1], Array(option.dropFirst(name.count)))
    }
  }
  return found
}

/// The user who has made a FUSE mount: `user_id=` among its options.
package func userID(ofMount mount: UInt64, inMountinfo content: [UInt8]) -> UInt32? {
  option(Array("user_id=".utf8), ofMount: mount, inMountinfo: content).flatMap { identifier($0.value) }
}

/// A mount whose file server lets in only who has a Kerberos ticket.
public struct KerberosMount: Equatable, Sendable {
  /// The file system's.
  public let type: [UInt8]
  /// As `sec=` has it: krb5, krb5i or krb5p (nfs(5), mount.cifs(8)).
  public let flavour: [UInt8]

  public init(type: [UInt8], flavour: [UInt8]) {
    self.type = type
    self.flavour = flavour
  }

  /// The mount of this number; nil for one without Kerberos.
  package init?(_ mount: UInt64, inMountinfo content: [UInt8]) {
    guard let (type, flavour) = option(Array("sec=".utf8), ofMount: mount, inMountinfo: content), flavour.starts(with: "krb5".utf8) else {
      return nil
    }
    self.init(type: type, flavour: flavour)
  }
}

/// `mnt_id:` in /proc/self/fdinfo/N, in decimal.
package func mountNumber(inDescriptorInfo content: [UInt8]) -> UInt64? {
  var found: UInt64? = nil
  forEachLine(content) { line in
    if line.starts(with: "mnt_id:".utf8) { found = decimalValue(line.dropFirst(7).drop { isBlank($0) }) }
  }
  return found
}

/// Field 22, the start time, of /proc/PID/stat. The second field is the program's name in parentheses and may hold anything, so
/// fields are counted from the last closing parenthesis.
public func startTime(inStat content: [UInt8]) -> UInt64? {
  guard let end = content.lastIndex(of: .rightParenthesis) else { return nil }
  let fields = words(content[(end + 1)...])
  guard fields.count > 19 else { return nil }
  return decimalValue(fields[19])
}
