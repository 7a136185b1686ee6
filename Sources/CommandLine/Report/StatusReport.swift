import RootlessStorage

/// What `status` shows of one user, without judgement. Documented in rootless-storage-json(7).
struct StatusReport: Encodable, Equatable {
  /// What a user's storage holds on the disk.
  struct Use: Encodable, Equatable {
    /// Bytes.
    let size: UInt64
    /// Everything could be looked at, and nothing changed meanwhile.
    let sizeIsExact: Bool
    /// When anything in the engines' directories was changed last.
    let lastUse: String
    /// A process of the user's is running; absent where nobody can tell.
    let inUse: Bool?
  }

  /// What the module logged last for the user.
  struct LogLine: Encodable, Equatable {
    /// As journalctl(1) prints it, in ISO 8601.
    let time: String
    let text: String
  }

  let name: String
  let uid: UInt32?
  var isServed: Bool?
  var home: UserReport.Home?
  /// Why `home` is not known.
  var obstacle: String?
  var storage: UserReport.Storage?
  var use: Use?
  var limit: StorageLimit?
  /// Where storage directories are.
  var disk: DiskSpace?
  var graphroot: String?
  var driver: String?
  var dataRoot: String?
  /// Volumes with something in them on this host's disk.
  var volumes: Int?
  /// `FIRST-LAST`, in the order of the files; absent where they come from elsewhere.
  var subuids: [String]?
  var subgids: [String]?
  /// Where subordinate ids come from instead of the files (`subid` in nsswitch.conf(5)).
  var subidSource: String?
  var lastLog: LogLine?
  /// Why `lastLog` is not known.
  var logFailure: String?
  /// Why nothing could be seen.
  var failure: String?

  init(name: String, uid: UInt32?, failure: String? = nil) {
    self.name = name
    self.uid = uid
    self.failure = failure
  }

  // MARK: Text

  /// One screen.
  func text(_ terminal: Terminal) -> String {
    if let failure { return terminal.wrapped("\(name): could not look: \(failure)", indent: 2) }
    let title = terminal.styled(name, .bold) + (uid.map { " (uid \($0))" } ?? "")
    let width = 20
    let lines = rows.map { label, value in
      let head = "  \(label)" + String(repeating: " ", count: max(1, width - label.count - 2))
      return terminal.wrapped(value, indent: width, first: head)
    }
    return ([title] + lines).joined(separator: "\n")
  }

  private var rows: [(label: String, value: String)] {
    var rows: [(String, String)] = []
    if isServed == false { rows.append(("Served", "no, the settings exclude this user")) }
    rows.append(
      ("Home", home.map { "\($0.path), \($0.fileSystem ?? "type unknown")\($0.isNetwork ? "" : ", local")" } ?? obstacle ?? "unknown"))
    if home != nil, let obstacle { rows.append(("", obstacle)) }
    if let storage {
      rows.append(("Storage", "\(storage.path)\(storage.isInPlace ? "" : ", not in place")"))
      if let use {
        let size = "\(use.sizeIsExact ? "" : "at least ")\(shownSize(use.size))"
        let activity = use.inUse.map { $0 ? ", in use" : ", not in use" } ?? ""
        rows.append(("Size", "\(size), last change \(use.lastUse.prefix(10))\(activity)"))
      }
      if let limit { rows.append(("Limit", "\(limit.shown) (against accidents; the owner of a file can avoid it)")) }
    } else {
      rows.append(("Storage", home?.isNetwork == false ? "none, the home is local" : "unknown"))
    }
    if let disk { rows.append(("Disk", disk.shown)) }
    rows.append(("Podman", graphroot.map { "\($0)\(driver.map { ", driver \($0)" } ?? "")" } ?? "unknown"))
    rows.append(("Docker", dataRoot ?? "unknown"))
    if let volumes, volumes > 0 { rows.append(("Volumes", "\(volumes), on this host's disk alone")) }
    if let subidSource {
      rows.append(("Subordinate ids", "from \(subidSource) (subid in /etc/nsswitch.conf)"))
    } else {
      rows.append(("Subordinate uids", shownRanges(subuids)))
      rows.append(("Subordinate gids", shownRanges(subgids)))
    }
    rows.append(("Last log line", lastLog.map { "\($0.time) \($0.text)" } ?? logFailure ?? "none"))
    return rows
  }

  private func shownRanges(_ ranges: [String]?) -> String {
    guard let ranges else { return "unknown: the file cannot be read" }
    return ranges.isEmpty ? "none" : ranges.joined(separator: ", ")
  }

  // MARK: JSON

  private enum Key: String, CodingKey {
    case name, uid, isServed, home, obstacle, storage, use, limit, disk, graphroot, driver, dataRoot, volumes, subuids, subgids,
      subidSource, lastLog, logFailure, failure
  }

  /// Every key is always there: null says that it is not known, or does not exist.
  func encode(to encoder: any Encoder) throws {
    var report = encoder.container(keyedBy: Key.self)
    try report.encode(name, forKey: .name)
    try report.encode(uid, forKey: .uid)
    try report.encode(isServed, forKey: .isServed)
    try report.encode(home, forKey: .home)
    try report.encode(obstacle, forKey: .obstacle)
    try report.encode(storage, forKey: .storage)
    try report.encode(use, forKey: .use)
    try report.encode(limit, forKey: .limit)
    try report.encode(disk, forKey: .disk)
    try report.encode(graphroot, forKey: .graphroot)
    try report.encode(driver, forKey: .driver)
    try report.encode(dataRoot, forKey: .dataRoot)
    try report.encode(volumes, forKey: .volumes)
    try report.encode(subuids, forKey: .subuids)
    try report.encode(subgids, forKey: .subgids)
    try report.encode(subidSource, forKey: .subidSource)
    try report.encode(lastLog, forKey: .lastLog)
    try report.encode(logFailure, forKey: .logFailure)
    try report.encode(failure, forKey: .failure)
  }
}
