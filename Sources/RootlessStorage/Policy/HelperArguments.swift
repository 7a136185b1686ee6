/// The session helper's arguments, valid each for itself:
/// `[--conf FILE] [--timeout S] [--by-hand] --uid N --gid N [--groups N,N,…] [--groups-left-out] --home PATH NAME`.
public struct HelperArguments: Equatable, Sendable {
  /// More groups are never taken.
  public static let mostGroups = 4096
  public static let defaultTimeout: UInt32 = 10
  public static let longestTimeout: UInt32 = 3600

  public let conf: Path
  /// Seconds.
  public let timeout: UInt32
  public let account: Account
  /// Somebody reads the report: what it has said before is said again, and what it says is not in the log.
  public let isByHand: Bool

  public init(_ arguments: [[UInt8]]) throws(UsageError) {
    var conf: [UInt8]? = nil
    var timeout: [UInt8]? = nil
    var uid: [UInt8]? = nil
    var gid: [UInt8]? = nil
    var groups: [UInt8]? = nil
    var home: [UInt8]? = nil
    var name: [UInt8]? = nil
    var index = 0
    var optionsEnded = false
    var isByHand = false
    var groupsLeftOut = false
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      if optionsEnded || argument.first != .hyphen {
        if name != nil { throw .extraArgument(argument) }
        name = argument
        continue
      }
      if argument.elementsEqual("--".utf8) {
        optionsEnded = true
        continue
      }
      if argument.elementsEqual("--by-hand".utf8) {
        isByHand = true
        continue
      }
      if argument.elementsEqual("--groups-left-out".utf8) {
        groupsLeftOut = true
        continue
      }
      guard HelperArguments.isOption(argument) else { throw .unknownOption(argument) }
      guard index < arguments.count else { throw .noValue(argument) }
      let value = arguments[index]
      index += 1
      if argument.elementsEqual("--conf".utf8) {
        conf = value
      } else if argument.elementsEqual("--timeout".utf8) {
        timeout = value
      } else if argument.elementsEqual("--uid".utf8) {
        uid = value
      } else if argument.elementsEqual("--gid".utf8) {
        gid = value
      } else if argument.elementsEqual("--groups".utf8) {
        groups = value
      } else {
        home = value
      }
    }
    self.isByHand = isByHand
    guard let uid else { throw .missing("--uid N") }
    guard let gid else { throw .missing("--gid N") }
    guard let home else { throw .missing("--home PATH") }
    guard let name, !name.isEmpty else { throw .missing("NAME") }
    guard let user = identifier(uid) else { throw .badValue("--uid", uid) }
    guard let group = identifier(gid) else { throw .badValue("--gid", gid) }
    if let timeout {
      guard let seconds = identifier(timeout), seconds >= 1, seconds <= HelperArguments.longestTimeout else {
        throw .badValue("--timeout", timeout)
      }
      self.timeout = seconds
    } else {
      self.timeout = HelperArguments.defaultTimeout
    }
    self.conf = conf.map { Path($0) } ?? Settings.defaultPath
    guard self.conf.isAbsolute else { throw .badValue("--conf", self.conf.bytes) }
    var list: [UInt32] = []
    if let groups, !groups.isEmpty {
      for part in parts(groups, separator: { $0 == .comma }) {
        guard let number = identifier(part), !Account.isReserved(gid: number) else { throw .badValue("--groups", part) }
        list.append(number)
      }
    }
    if list.count > HelperArguments.mostGroups {
      groupsLeftOut = true
      list = Array(list.prefix(HelperArguments.mostGroups))
    }
    account = Account(
      credentials: Credentials(user: user, group: group, groups: list), name: name, home: Path(home), groupsLeftOut: groupsLeftOut)
  }

  private static func isOption(_ argument: [UInt8]) -> Bool { isWord(argument, of: "--conf --timeout --uid --gid --groups --home") }
}

/// What is wrong with the session helper's arguments.
public enum UsageError: Error, Equatable, Sendable {
  case missing(Text)
  case noValue([UInt8])
  case badValue(Text, [UInt8])
  case unknownOption([UInt8])
  case extraArgument([UInt8])
}
