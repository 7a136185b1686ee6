import RootlessStorage

/// A storage directory, as `--json` tells it. Every key is always there: null says that it is not known.
struct StorageRecord: Encodable {
  let path: String
  let uid: UInt32
  @NullIfAbsent var account: String?
  let state: String
  /// The user whose place it is, where it is in another's.
  @NullIfAbsent var placeOf: String?
  /// It was put out of that place.
  let isReplaced: Bool
  @NullIfAbsent var size: UInt64?
  @NullIfAbsent var engines: [Engine]?
  @NullIfAbsent var reclaimable: UInt64?
  @NullIfAbsent var sizeIsExact: Bool?
  @NullIfAbsent var lastUse: String?
  @NullIfAbsent var inUse: Bool?
  @NullIfAbsent var limit: StorageLimit?
  /// `unconfirmed` until it has lasted: since when there has been no account, and when that counts at the earliest.
  @NullIfAbsent var absentSince: String?
  @NullIfAbsent var goneFrom: String?

  struct Engine: Encodable {
    let name: String
    let images: UInt64
    let volumes: UInt64
  }

  init(_ entry: StorageEntry, _ path: Path) {
    self.path = string(path)
    uid = entry.uid
    account = entry.account.map(string)
    state = entry.state.rawValue
    placeOf = entry.placeOf.map(string)
    isReplaced = entry.isReplaced
    size = entry.measure?.size
    engines = entry.measure?.engines.map { Engine(name: string($0.name), images: $0.images, volumes: $0.volumes) }
    reclaimable = entry.measure?.reclaimable
    sizeIsExact = entry.measure?.isExact
    lastUse = entry.measure.map { UTCTime($0.lastUse).iso }
    inUse = entry.isInUse
    limit = entry.limit
    var answer: AbsenceMemory.Answer? = nil
    if case .waiting(let found)? = entry.uncertainty { answer = found }
    absentSince = answer?.since.map { UTCTime($0).iso }
    goneFrom = answer?.earliest.map { UTCTime($0).iso }
  }
}

/// Storage directories in rows, written one at a time: there may be ten thousand.
struct StorageTable<Entries: Sequence<StorageEntry>> {
  private static var heading: [String] { ["NAME", "UID", "OWNER", "SIZE", "LAST USE", "IN USE", "STATE"] }

  private let terminal = Terminal.standard
  private let entries: Entries
  private let showsEngines: Bool
  private let size: (StorageEntry) -> UInt64?

  /// - Parameters:
  ///   - showsEngines: below each row, what its engines have.
  ///   - size: the bytes that the column SIZE shows.
  init(_ entries: Entries, showsEngines: Bool = false, size: @escaping (StorageEntry) -> UInt64?) {
    self.entries = entries
    self.showsEngines = showsEngines
    self.size = size
  }

  func write() {
    var columns = Columns(rightAligned: [1, 3])
    columns.fit(Self.heading)
    for entry in entries { columns.fit(cells(entry)) }
    // A name that is so long that the line would be, is on a line of its own.
    columns.narrow(to: terminal.width)
    printOut(terminal.styled(columns.line(Self.heading), .bold))
    for entry in entries {
      var row = cells(entry)
      if row[0].count > columns.widths[0] {
        printOut(row[0])
        row[0] = ""
      }
      printOut(columns.line(row))
      if showsEngines { for engine in entry.measure?.engines ?? [] { printOut(engine.line) } }
    }
  }

  private func cells(_ entry: StorageEntry) -> [String] {
    let owner: String =
      switch (entry.account, entry.state) {
      case (let account?, _): shown(account)
      case (nil, .unanswered): "no answer"
      case (nil, .mount): "-"
      case (nil, _): "no such account"
      }
    let bytes = size(entry).map { (entry.measure?.isExact == true ? "" : ">= ") + shownSize($0) } ?? "-"
    let day = entry.measure.map { UTCTime($0.lastUse).day } ?? "-"
    let use = entry.isInUse.map { $0 ? "yes" : "no" } ?? "?"
    let uid = entry.state == .mount && entry.account == nil ? "-" : String(entry.uid)
    return [shown(entry.leaf), uid, owner, bytes, day, use, entry.state.rawValue]
  }
}

extension StorageEntry.Measure.Engine {
  fileprivate var line: String { "  \(shown(name)): \(shownSize(images)) images and containers, \(shownSize(volumes)) volumes" }
}

extension StorageInventory {
  /// Use and limit of those that have one.
  var limitNotes: [String] {
    let limited = entries.filter { $0.limit != nil }
    if limited.isEmpty { return [] }
    let most = 64
    var notes = ["Limits, which guard against accidents and are no boundary, since the owner of a file may change its project:"]
    notes += limited.prefix(most).map { "\(shown($0.leaf)): \($0.limit?.shown ?? "")" }
    if limited.count > most { notes.append("and \(limited.count - most) more, see --json") }
    return notes
  }

  /// What the states mean that ask for something to be done.
  var notes: [String] {
    var notes: [String] = []
    func count(_ state: StorageEntry.State) -> Int { entries.filter { $0.state == state }.count }
    if count(.orphaned) > 0 {
      notes.append("orphaned: there is no such account any more; to give that disk back: rootless-storage prune --orphaned")
    }
    if entries.contains(where: { $0.uncertainty == .offline }) {
      notes.append(
        "unconfirmed: there is no such account, but that is not believed: \(offlineUncertainty); try: getent passwd NAME for a user of the directory"
      )
    }
    notes += waitingNotes
    if entries.contains(where: { $0.uncertainty == .subordinate }) {
      notes.append(
        "unconfirmed: it may be a subordinate id's: those come from a directory (subid in /etc/nsswitch.conf), and no uid_max in rootless-storage.conf tells them from people"
      )
    }
    if count(.former) > 0 {
      notes.append(
        "former: the owner has an account, but under another name: the uid was another person's before, who has left, or the account was renamed. Look at it as root; to delete the container storage: rootless-storage prune NAME"
      )
    }
    if count(.unanswered) > 0 {
      notes.append(
        "unanswered: the name service did not answer\(accounts.failure.map { " (\(text($0)))" } ?? ""); try: getent passwd UID, and look again when it answers"
      )
    }
    for entry in entries where entry.state == .occupied {
      notes.append(
        "occupied: \(shown(parent.path(entry.leaf))) is where \(shown(entry.placeOf ?? [])) should have a storage directory, and is something else, owned by uid \(entry.uid); look at it as root, and move it away"
      )
      if notes.count > 16 { break }
    }
    if count(.mount) > 0 { notes.append("mount: something is mounted in the place of a storage directory; it was not looked into") }
    if count(.replaced) > 0 || entries.contains(where: { $0.isReplaced && $0.state == .orphaned }) {
      notes.append(
        "replaced: a login or repair has put it out of the place of a storage directory; look at it as root, and remove it by hand, or leave it to: rootless-storage prune --older-than DAYS"
      )
    }
    if count(.leftover) > 0 || entries.contains(where: { $0.isLeftover && $0.state == .orphaned }) {
      notes.append(
        "leftover: an engine has left it beside the storage directories, where a pull, a build or a load was broken off; it goes with: rootless-storage prune --older-than DAYS, and early with --until-free SIZE"
      )
    }
    if let hiddenProcesses {
      notes.append("It is unknown whether anything is in use: \(hiddenProcesses.sentence); \(hiddenProcesses.remedy).")
    }
    if let processFailure { notes.append("It is unknown whether anything is in use: /proc: \(text(processFailure)); is it mounted?") }
    return notes
  }

  /// Who is absent, but not for long enough.
  private var waitingNotes: [String] {
    let waiting = entries.compactMap { entry -> (StorageEntry, AbsenceMemory.Answer)? in
      if case .waiting(let answer)? = entry.uncertainty { (entry, answer) } else { nil }
    }
    if waiting.isEmpty { return [] }
    let most = 16
    var notes = ["unconfirmed: there is no such account, but that counts only once it has lasted (orphan_days in rootless-storage.conf):"]
    notes += waiting.prefix(most).map { "\(shown($0.0.leaf)): \(waitingUncertainty($0.1, by: "rootless-storage prune"))" }
    if waiting.count > most { notes.append("and \(waiting.count - most) more") }
    if let problem = memory?.problem { notes.append("unconfirmed: \(problem)") }
    return notes
  }
}
