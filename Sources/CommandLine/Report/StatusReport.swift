import RootlessStorage

/// What `status` shows of one user, without judgement. Documented in rootless-storage-json(7). Every key is always there:
/// null says that it is not known, or does not exist.
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
  @NullIfAbsent var uid: UInt32?
  @NullIfAbsent var isServed: Bool? = nil
  @NullIfAbsent var home: UserReport.Home? = nil
  /// Why `home` is not known.
  @NullIfAbsent var obstacle: String? = nil
  @NullIfAbsent var storage: UserReport.Storage? = nil
  @NullIfAbsent var use: Use? = nil
  @NullIfAbsent var limit: StorageLimit? = nil
  /// Where storage directories are.
  @NullIfAbsent var disk: DiskSpace? = nil
  @NullIfAbsent var graphroot: String? = nil
  @NullIfAbsent var driver: String? = nil
  @NullIfAbsent var dataRoot: String? = nil
  /// Volumes with something in them on this host's disk.
  @NullIfAbsent var volumes: Int? = nil
  /// `FIRST-LAST`, in the order of the files; absent where they come from elsewhere.
  @NullIfAbsent var subuids: [String]? = nil
  @NullIfAbsent var subgids: [String]? = nil
  /// Where subordinate ids come from instead of the files (`subid` in nsswitch.conf(5)).
  @NullIfAbsent var subidSource: String? = nil
  @NullIfAbsent var lastLog: LogLine? = nil
  /// Why `lastLog` is not known.
  @NullIfAbsent var logFailure: String? = nil
  /// Why nothing could be seen.
  @NullIfAbsent var failure: String? = nil

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
}
