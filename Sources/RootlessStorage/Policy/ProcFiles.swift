// What the kernel writes in /proc, taken apart (proc(5)).

/// Looks for one mount, or for any mount of one device, in the lines of /proc/self/mountinfo, handed over in pieces of any size.
///
/// A line is `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL…] - TYPE SOURCE SUPEROPTIONS`. Mount points may be a user's
/// (FUSE), of any length, but their blanks are escaped by the kernel.
public struct MountinfoSearch {
  private let wanted: [UInt8]
  /// Where it stands in a line.
  private let wantedField: Int
  private var field: [UInt8] = []
  private var fieldNumber = 0
  private var isWanted = false
  private var afterSeparator = false

  /// - Parameter mount: the number in the first field.
  public init(mount: UInt64) {
    wanted = decimal(mount)
    wantedField = 0
  }

  public init(deviceMajor: UInt32, minor: UInt32) {
    wanted = decimal(UInt64(deviceMajor)) + [0x3a] + decimal(UInt64(minor))
    wantedField = 2
  }

  /// - Returns: the type of the mount, once its line has come.
  public mutating func take(_ piece: some Collection<UInt8>) -> [UInt8]? {
    for byte in piece {
      if byte == 0x20 || byte == 0x0a {
        if let type = endField() { return type }
        if byte == 0x0a { startLine() }
      } else if field.count < 128 {
        // Longer fields are paths or options; those wanted here are short.
        field.append(byte)
      }
    }
    return nil
  }

  /// The same at the end of the file.
  public mutating func finish() -> [UInt8]? { endField() }

  private mutating func endField() -> [UInt8]? {
    defer {
      field = []
      fieldNumber += 1
    }
    if fieldNumber == wantedField { isWanted = field == wanted }
    guard isWanted && !field.isEmpty else { return nil }
    if afterSeparator { return field }
    if fieldNumber >= 6 && field == [0x2d] { afterSeparator = true }
    return nil
  }

  private mutating func startLine() {
    fieldNumber = 0
    isWanted = false
    afterSeparator = false
  }
}

/// Field 22, the start time, of /proc/PID/stat. The second field is the program's name in parentheses and may hold anything, so
/// fields are counted from the last closing parenthesis.
public func startTime(inStat content: [UInt8]) -> UInt64? {
  guard let end = content.lastIndex(of: 0x29) else { return nil }
  let fields = words(content[(end + 1)...])
  guard fields.count > 19 else { return nil }
  return decimalValue(fields[19])
}
