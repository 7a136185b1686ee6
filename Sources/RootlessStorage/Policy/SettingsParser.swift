/// One of the files that the settings are read from.
package struct SettingsFile: Equatable, Sendable {
  package let path: Path
  package let content: [UInt8]

  package init(path: Path, content: [UInt8]) {
    self.path = path
    self.content = content
  }

  /// A file may have this many bytes.
  package static let longest = 65536
  /// So many drop-ins are read.
  static let mostDropIns = 64
  /// So many names of any kind may be in their directory.
  static let mostNames = 1024

  /// What editors and packages leave beside a file (`.x.conf.swp`, `x.conf~`, `x.conf.rpmnew`, `x.conf.dpkg-dist`) is none.
  package static func isDropIn(_ name: [UInt8]) -> Bool { name.first != .dot && name.suffix(5).elementsEqual(".conf".utf8) }
}

/// A line of a settings file that does not hold.
public struct SettingsProblem: Equatable, Sendable {
  /// Its path.
  package let file: Path
  /// Counted from 1; 0 for the file as a whole.
  public let line: Int
  public let reason: Reason

  public enum Reason: Equatable, Sendable {
    case noEqualsSign([UInt8])
    case unknownKey([UInt8])
    case badPath(key: [UInt8], value: [UInt8], StorageTemplate.Problem)
    case badMode([UInt8])
    case badNumber(key: [UInt8], value: [UInt8])
    case badType([UInt8])
    case noTypes
    case badOrphanDays([UInt8])
    case rangeIsEmpty(min: UInt32, max: UInt32)
    case badOccupied([UInt8])
    case badQuota([UInt8])
    case badGroupLimit(key: [UInt8], GroupLimitProblem)
    case tooManyGuards
    case lineTooLong
    case badExcludedUser([UInt8])
    case badExcludedGroup([UInt8])
    case nobodyExcluded(key: [UInt8])
    case badSubids([UInt8])
    case badScheme([UInt8])
    case badCount([UInt8])
    case badRange([UInt8])
    case noRanges
    case tooManyProblems
  }

  package init(file: Path = "", line: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }
}

/// Reads `key = value` lines as faillock.conf(5) writes them: `#` begins a comment, blanks around keys and values do not count,
/// of two lines for one key the later holds, whichever files they are in. A line that does not hold leaves its key's default and a problem.
public struct SettingsParser {
  /// A longer line does not count.
  package static let longestLine = 4096
  /// After this many problems the rest is not listed.
  private static let mostProblems = 16
  /// Each costs every login a look.
  static let mostGuards = 8

  public private(set) var settings = Settings()
  public private(set) var problems: [SettingsProblem] = []
  private var file: Path = ""
  private var line = 0
  /// Where `uid_max` stands.
  private var maxFile: Path = ""
  private var maxLine = 0

  public init(_ content: [UInt8]) { self.init([SettingsFile(path: "", content: content)]) }

  /// - Parameter files: in the order in which they count.
  package init(_ files: [SettingsFile]) {
    for each in files {
      file = each.path
      line = 0
      var rest = each.content[...]
      while true {
        line += 1
        let text = rest.prefix { $0 != .newline }
        parseLine(text)
        if text.endIndex == rest.endIndex { break }
        rest = rest[(text.endIndex + 1)...]
      }
    }
    if let max = settings.uidMax, max < settings.uidMin {
      file = maxFile
      line = maxLine
      report(.rangeIsEmpty(min: settings.uidMin, max: max))
      settings.uidMax = nil
    }
    settings.subordinateIDs.isUncertain = !problems.isEmpty
  }

  private mutating func parseLine(_ text: ArraySlice<UInt8>) {
    if text.count > SettingsParser.longestLine {
      // Whom it excludes is not known, which is not "nobody".
      exclude(Array(trimmed(text.prefix { $0 != .equals && $0 != .hash })), nil)
      return report(.lineTooLong)
    }
    let statement = trimmed(text.prefix { $0 != .hash })
    if statement.isEmpty { return }
    guard let equals = statement.firstIndex(of: .equals) else { return report(.noEqualsSign(Array(statement))) }
    let key = Array(trimmed(statement[..<equals]))
    let value = Array(trimmed(statement[(equals + 1)...]))
    // A line that does not hold leaves the default, also over an earlier line that did.
    if key.elementsEqual("storage_directory".utf8) {
      settings.storage = Settings.defaultStorage
      do throws(StorageTemplate.Problem) { settings.storage = try StorageTemplate(value) } catch {
        report(.badPath(key: key, value: value, error))
      }
    } else if key.elementsEqual("skel".utf8) {
      settings.skeleton = Settings.defaultSkeleton
      do throws(StorageTemplate.Problem) {
        try checkAbsolutePath(value)
        settings.skeleton = Path(value)
      } catch {
        report(.badPath(key: key, value: value, error))
      }
    } else if key.elementsEqual("occupied".utf8) {
      settings.occupied = value.elementsEqual("refuse".utf8) ? .refuse : .take
      if settings.occupied == .take && !value.elementsEqual("take".utf8) { report(.badOccupied(value)) }
    } else if key.elementsEqual("guarded_directories".utf8) {
      takeGuards(key, value)
    } else if key.elementsEqual("directory_mode".utf8) {
      settings.directoryMode = Settings.defaultDirectoryMode
      if value.elementsEqual("0711".utf8) {
        settings.directoryMode = 0o711
      } else if !value.elementsEqual("0700".utf8) {
        report(.badMode(value))
      }
    } else if key.elementsEqual("network_filesystems".utf8) {
      takeTypes(value)
    } else if key.elementsEqual("uid_min".utf8) {
      settings.uidMin = Settings.defaultUidMin
      if let number = identifier(value) { settings.uidMin = number } else { report(.badNumber(key: key, value: value)) }
    } else if key.elementsEqual("uid_max".utf8) {
      maxFile = file
      maxLine = line
      settings.uidMax = nil
      if let number = identifier(value) { settings.uidMax = number } else { report(.badNumber(key: key, value: value)) }
    } else if key.elementsEqual("orphan_days".utf8) {
      settings.orphanDays = Settings.defaultOrphanDays
      if let days = identifier(value), days <= Settings.mostOrphanDays { settings.orphanDays = days } else { report(.badOrphanDays(value)) }
    } else if isWord(key, of: "storage_quota storage_quota_inodes storage_quota_project_base") {
      takeQuota(key, value)
    } else if isWord(key, of: "storage_quota_groups storage_quota_inodes_groups") {
      takeGroupLimits(key, value)
    } else if isWord(key, of: "exclude_users exclude_groups") {
      if let reason = exclude(key, words(value)) { report(reason) }
    } else if !takeSubordinate(key, value) {
      report(.unknownKey(key))
    }
  }

  /// Names or numbers, or `none`. Of a line that does not hold nothing counts, and whom it excludes is in doubt.
  ///
  /// - Parameter list: nil: the line cannot be read.
  /// - Returns: why it does not hold.
  @discardableResult private mutating func exclude(_ key: [UInt8], _ list: [[UInt8]]?) -> SettingsProblem.Reason? {
    let place = Exclusions.Place(file: file, line: line)
    var problem: SettingsProblem.Reason? = list?.isEmpty ?? false ? .nobodyExcluded(key: key) : nil
    var listed = list ?? []
    if listed.count == 1 && listed[0].elementsEqual("none".utf8) { listed = [] }
    if key.elementsEqual("exclude_users".utf8) {
      if let bad = listed.first(where: { !Exclusions.isName($0) }) { problem = .badExcludedUser(bad) }
      let isUncertain = problem != nil || list == nil
      settings.exclusions.users = isUncertain ? [] : listed
      settings.exclusions.usersPlace = place
      settings.exclusions.uncertainUsers = isUncertain ? place : nil
    } else if key.elementsEqual("exclude_groups".utf8) {
      var groups: [UInt32] = []
      for word in listed {
        if let number = identifier(word), !Account.isReserved(gid: number) {
          groups.append(number)
        } else {
          problem = problem ?? .badExcludedGroup(word)
        }
      }
      let isUncertain = problem != nil || list == nil
      settings.exclusions.groups = isUncertain ? [] : groups
      settings.exclusions.groupsPlace = place
      settings.exclusions.uncertainGroups = isUncertain ? place : nil
    }
    return problem
  }

  private mutating func takeQuota(_ key: [UInt8], _ value: [UInt8]) {
    if key.elementsEqual("storage_quota".utf8) {
      settings.quotas.general.bytes = 0
      if let bytes = StorageQuota.bytes(of: value) { settings.quotas.general.bytes = bytes } else { report(.badQuota(value)) }
    } else if key.elementsEqual("storage_quota_inodes".utf8) {
      settings.quotas.general.inodes = number(key, value) ?? 0
    } else {
      settings.quotas.general.projectBase = number(key, value) ?? StorageQuota.defaultProjectBase
    }
  }

  private mutating func takeGroupLimits(_ key: [UInt8], _ value: [UInt8]) {
    let isOfBytes = key.elementsEqual("storage_quota_groups".utf8)
    var limits = GroupLimits()
    do throws(GroupLimitProblem) {
      limits = try GroupLimits(value, Exclusions.Place(file: file, line: line)) { text in
        isOfBytes ? StorageQuota.bytes(of: text) : identifier(text).map { UInt64($0) }
      }
    } catch {
      report(.badGroupLimit(key: key, error))
    }
    if isOfBytes { settings.quotas.bytesOfGroups = limits } else { settings.quotas.inodesOfGroups = limits }
  }

  /// - Returns: whether it is a setting of subordinate ids.
  private mutating func takeSubordinate(_ key: [UInt8], _ value: [UInt8]) -> Bool {
    if key.elementsEqual("subids".utf8) {
      settings.subordinateIDs.allocates = value.elementsEqual("allocate".utf8)
      if !settings.subordinateIDs.allocates && !value.elementsEqual("off".utf8) { report(.badSubids(value)) }
    } else if key.elementsEqual("subid_scheme".utf8) {
      settings.subordinateIDs.scheme = value.elementsEqual("first-free".utf8) ? .firstFree : .uid
      if settings.subordinateIDs.scheme == .uid && !value.elementsEqual("uid".utf8) { report(.badScheme(value)) }
    } else if key.elementsEqual("subid_min".utf8) {
      settings.subordinateIDs.min = number(key, value)
    } else if key.elementsEqual("subid_max".utf8) {
      settings.subordinateIDs.max = number(key, value)
    } else if key.elementsEqual("subid_count".utf8) {
      settings.subordinateIDs.count = number(key, value)
      if let count = settings.subordinateIDs.count, count < SubordinateIDPlanner.enough {
        settings.subordinateIDs.count = nil
        report(.badCount(value))
      }
    } else if key.elementsEqual("reserved_ids".utf8) {
      takeReserved(value)
    } else {
      return false
    }
    return true
  }

  private mutating func number(_ key: [UInt8], _ value: [UInt8]) -> UInt32? {
    if let number = identifier(value) { return number }
    report(.badNumber(key: key, value: value))
    return nil
  }

  /// `N` or `N-M`, separated by blanks.
  private mutating func takeReserved(_ value: [UInt8]) {
    settings.subordinateIDs.reserved = []
    let ranges = words(value)
    if ranges.isEmpty { return report(.noRanges) }
    for range in ranges {
      let ends = parts(range, separator: { $0 == .hyphen })
      guard ends.count <= 2, let first = identifier(ends[0]), let last = identifier(ends[ends.count - 1]), first <= last else {
        return report(.badRange(range))
      }
      settings.subordinateIDs.reserved.append(first...last)
    }
  }

  /// Paths like `storage_directory`, separated by blanks, or `none`.
  private mutating func takeGuards(_ key: [UInt8], _ value: [UInt8]) {
    settings.guardedDirectories = nil
    if value.elementsEqual("none".utf8) {
      settings.guardedDirectories = []
      return
    }
    var guards: [StorageTemplate] = []
    let paths = words(value)
    if paths.isEmpty { return report(.badPath(key: key, value: value, .notAbsolute)) }
    if paths.count > SettingsParser.mostGuards { return report(.tooManyGuards) }
    for path in paths {
      do throws(StorageTemplate.Problem) { guards.append(try StorageTemplate(path)) } catch {
        return report(.badPath(key: key, value: path, error))
      }
    }
    settings.guardedDirectories = guards
  }

  private mutating func takeTypes(_ value: [UInt8]) {
    settings.networkFileSystems = Settings.defaultNetworkFileSystems
    let types = words(value)
    if types.isEmpty { return report(.noTypes) }
    for type in types where type.count > 64 || type.contains(where: { $0 < .exclamationMark || $0 > .tilde || $0 == .comma }) {
      return report(.badType(type))
    }
    settings.networkFileSystems = types
  }

  private mutating func report(_ reason: SettingsProblem.Reason) {
    if problems.count < SettingsParser.mostProblems {
      problems.append(SettingsProblem(file: file, line: line, reason: reason))
    } else if problems.count == SettingsParser.mostProblems {
      problems.append(SettingsProblem(file: file, line: line, reason: .tooManyProblems))
    }
  }

  private func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = text.drop { isBlank($0) || $0 == .carriageReturn }
    while let last = rest.last, isBlank(last) || last == .carriageReturn { rest.removeLast() }
    return rest
  }
}
