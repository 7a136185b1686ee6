import FoundationEssentials
import RootlessStorage

/// A storage directory, as `--json` tells it.
struct StorageRecord: Encodable {
  let path: String
  let uid: UInt32
  let account: String?
  let state: String
  /// The user whose place it is, where it is in another's.
  let placeOf: String?
  /// It was put out of that place.
  let isReplaced: Bool
  let size: UInt64?
  let reclaimable: UInt64?
  let sizeIsExact: Bool?
  let lastUse: String?
  let inUse: Bool?
  /// `unconfirmed` until it has lasted: since when there has been no account, and when that counts at the earliest.
  let absentSince: String?
  let goneFrom: String?

  init(_ entry: StorageEntry, _ path: [UInt8]) {
    self.path = string(path)
    uid = entry.uid
    account = entry.account.map(string)
    state = entry.state.rawValue
    placeOf = entry.placeOf.map(string)
    isReplaced = entry.isReplaced
    size = entry.measure?.size
    reclaimable = entry.measure?.reclaimable
    sizeIsExact = entry.measure?.isExact
    lastUse = entry.measure.map { UTCTime($0.lastUse).iso }
    inUse = entry.isInUse
    var answer: AbsenceMemory.Answer? = nil
    if case .waiting(let found)? = entry.doubt { answer = found }
    absentSince = answer?.since.map { UTCTime($0).iso }
    goneFrom = answer?.earliest.map { UTCTime($0).iso }
  }

  private enum Key: String, CodingKey { case path, uid, account, state, placeOf, isReplaced, size, reclaimable, sizeIsExact, lastUse, inUse, absentSince, goneFrom }

  /// Every key is always there: null says that it is not known.
  func encode(to encoder: any Encoder) throws {
    var record = encoder.container(keyedBy: Key.self)
    try record.encode(path, forKey: .path)
    try record.encode(uid, forKey: .uid)
    try record.encode(account, forKey: .account)
    try record.encode(state, forKey: .state)
    try record.encode(placeOf, forKey: .placeOf)
    try record.encode(isReplaced, forKey: .isReplaced)
    try record.encode(size, forKey: .size)
    try record.encode(reclaimable, forKey: .reclaimable)
    try record.encode(sizeIsExact, forKey: .sizeIsExact)
    try record.encode(lastUse, forKey: .lastUse)
    try record.encode(inUse, forKey: .inUse)
    try record.encode(absentSince, forKey: .absentSince)
    try record.encode(goneFrom, forKey: .goneFrom)
  }
}

/// Names as they are. What is no UTF-8 cannot stand in JSON: it is escaped as for a person.
func string(_ bytes: [UInt8]) -> String { String(validating: bytes, as: UTF8.self) ?? shown(bytes) }

/// One value on one line.
func jsonText(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // Records of numbers, texts and nothing else: encoding cannot fail.
  guard let data = try? encoder.encode(value) else { return "null" }
  return String(decoding: data, as: UTF8.self)
}

/// Writes an object whose one list is long: a record at a time.
struct JSONList {
  private var isFirst = true

  /// - Parameter head: the members before the list, as they stand.
  init(_ head: String, list: String) { writeToStandardOutput(Array("{\(head)\"\(list)\":[".utf8)) }

  mutating func add(_ record: some Encodable) {
    writeToStandardOutput(Array("\(isFirst ? "" : ",")\n\(jsonText(record))".utf8))
    isFirst = false
  }

  /// - Parameter tail: the members after the list.
  func end(_ tail: String = "") { printOut("\n]\(tail)}") }
}

/// Storage directories in rows, written one at a time: there may be ten thousand.
struct StorageTable<Entries: Sequence<StorageEntry>> {
  private static var heading: [String] { ["NAME", "UID", "OWNER", "SIZE", "LAST USE", "IN USE", "STATE"] }

  private let terminal = Terminal.standard
  private let entries: Entries
  private let size: (StorageEntry) -> UInt64?

  /// - Parameter size: the bytes that the column SIZE shows.
  init(_ entries: Entries, size: @escaping (StorageEntry) -> UInt64?) {
    self.entries = entries
    self.size = size
  }

  func write() {
    var widths = Self.heading.map(\.count)
    for entry in entries { for (column, cell) in cells(entry).enumerated() { widths[column] = max(widths[column], cell.count) } }
    // A name that is so long that the line would be, is on a line of its own.
    widths[0] = min(widths[0], max(8, terminal.width - widths.dropFirst().reduce(0) { $0 + $1 + 2 }))
    printOut(terminal.styled(line(Self.heading, widths), .bold))
    for entry in entries {
      var row = cells(entry)
      if row[0].count > widths[0] {
        printOut(row[0])
        row[0] = ""
      }
      printOut(line(row, widths))
    }
  }

  private func line(_ row: [String], _ widths: [Int]) -> String {
    var line = ""
    for (column, cell) in row.enumerated() {
      let padding = String(repeating: " ", count: max(0, widths[column] - cell.count))
      // Numbers end in one column; behind the last column nothing follows.
      let isNumber = column == 1 || column == 3
      line += (column == 0 ? "" : "  ") + (isNumber ? padding + cell : column == row.count - 1 ? cell : cell + padding)
    }
    return line
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

/// `1 storage directory`, `2 storage directories`.
func counted(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
