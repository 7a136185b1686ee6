import RootlessStorage

/// Ids of one owner in /etc/subuid or /etc/subgid, as at least one program reads them.
struct SubordinateRange: Equatable, Sendable {
  /// A name, or a uid in digits.
  let owner: [UInt8]
  let ids: IDRange
  /// Every program reads these ids in that line.
  let isCertain: Bool
  /// shadow does, and so do engines that are built with libsubid.
  var isShadows = true
  /// Counted from 1.
  let line: Int
  /// The owner's, among all of this host (`OwnerNumbers`).
  var ownerNumber = 0

  func belongs(to account: Account) -> Bool { owner == account.name || owner.uid == account.uid }

  /// Somebody can have such a name.
  var canHaveUser: Bool { owner.first != .hash && owner.first != .exclamationMark }
}

extension [UInt8] {
  /// The uid that an owner in digits is.
  var uid: UInt32? { identifier(self) }
}

extension IDRange {
  var shown: String { "\(lowerBound)-\(upperBound)" }
  /// Up to 2^32.
  var size: UInt64 { UInt64(upperBound - lowerBound) + 1 }
}

/// A line from which not every program takes the same ids.
struct SubordinateOddity: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// Podman gives up at a line that has not three fields, for whomever it reads the file.
    case fields
    /// Nobody takes ids from it.
    case unread
    /// shadow reads other ids in it than Podman, or one of them none.
    case ambiguous(shadow: IDRange?, podman: IDRange?)
    /// For Podman a comment, for shadow a range of `#…`.
    case comment(IDRange)
    /// It reaches beyond the last id that the kernel maps.
    case beyond(IDRange)
  }

  /// Counted from 1.
  let line: Int
  let kind: Kind
}

/// One of the two files, with all that its ranges can collide with, sorted once.
struct SubordinateIDTable: Equatable, Sendable {
  let kind: SubordinateIDKind
  /// In the order of the file; a line that programs read differently has two.
  let ranges: [SubordinateRange]
  let oddities: [SubordinateOddity]
  /// Why there are none. A file that is missing is empty.
  let failure: ReadError?
  /// The last line does not end.
  let lacksLastNewline: Bool
  /// Of this host's own files, in order. The name service has more.
  let realIDs: [RealID]
  /// The owners of this file and of what was read before; the index puts all of this host here.
  var owners: OwnerNumbers
  /// Places in `ranges` by their owners' numbers, and where those of each begin.
  private let byOwner: [Int]
  private let begins: [Int]
  private let search: RangeSearch
  /// All of them, where they overlap or touch made one.
  let united: [IDRange]

  var file: String { kind.file }
  /// `uid` or `gid`.
  var noun: String { kind.noun }

  init(_ kind: SubordinateIDKind, _ content: [UInt8], realIDs: [RealID] = [], failure: ReadError? = nil) {
    var numbers = OwnerNumbers()
    self.init(kind, content, &numbers, realIDs: realIDs, failure: failure)
    owners = numbers
  }

  /// - Parameter numbers: gets the owners; the table's own are to be set when all tables are made.
  init(_ kind: SubordinateIDKind, _ content: [UInt8], _ numbers: inout OwnerNumbers, realIDs: [RealID] = [], failure: ReadError? = nil) {
    self.kind = kind
    self.failure = failure
    self.realIDs = realIDs
    lacksLastNewline = content.last.map { $0 != .newline } ?? false
    var ranges: [SubordinateRange] = []
    var oddities: [SubordinateOddity] = []
    var number = 0
    numbers.startOver()
    forEachLine(content) { text in
      number += 1
      let line = SubordinateLine(text)
      if let odd = SubordinateIDTable.oddity(text, line) { oddities.append(SubordinateOddity(line: number, kind: odd)) }
      guard let line else { return }
      let owner = numbers.number(of: line.owner)
      line.forEachReading {
        ranges.append(
          SubordinateRange(
            owner: numbers.names[owner], ids: $0, isCertain: line.certain != nil, isShadows: line.shadow == $0 && !line.isBeyond,
            line: number, ownerNumber: owner))
      }
    }
    self.ranges = ranges
    self.oddities = oddities
    owners = OwnerNumbers()
    (byOwner, begins) = SubordinateIDTable.grouped(ranges, count: numbers.count)
    search = RangeSearch(ranges.map(\.ids))
    united = merged(search.sorted.map { ranges[$0].ids })
  }

  /// Places of the ranges by owner, in the order of the file, and where those of each owner begin.
  private static func grouped(_ ranges: [SubordinateRange], count: Int) -> (places: [Int], begins: [Int]) {
    var begins = [Int](repeating: 0, count: count + 1)
    for range in ranges { begins[range.ownerNumber + 1] += 1 }
    for number in 0..<count { begins[number + 1] += begins[number] }
    var free = begins
    var places = [Int](repeating: 0, count: ranges.count)
    for (place, range) in ranges.enumerated() {
      places[free[range.ownerNumber]] = place
      free[range.ownerNumber] += 1
    }
    return (places, begins)
  }

  private static func oddity(_ text: ArraySlice<UInt8>, _ line: SubordinateLine?) -> SubordinateOddity.Kind? {
    let content = text.drop { isBlank($0) || $0 == .carriageReturn }
    if content.isEmpty { return nil }
    if content.first == .hash { return (line?.plain ?? line?.shadow).map { .comment($0) } }
    if text.count(where: { $0 == .colon }) != 2 { return .fields }
    guard let line else { return .unread }
    if line.isBeyond, line.plain == line.shadow, let range = line.shadow { return .beyond(range) }
    return line.certain == nil ? .ambiguous(shadow: line.shadow, podman: line.plain) : nil
  }

  /// The user's own, by name and by number.
  func ranges(of account: Account) -> [SubordinateRange] {
    let number = decimal(UInt64(account.uid))
    return ranges(of: number == account.name ? [number] : [account.name, number])
  }

  /// - Parameter owners: names, or uids in digits.
  func ranges(of owners: [[UInt8]]) -> [SubordinateRange] {
    owners.flatMap { owner in self.owners.number(of: owner).map { ranges(ofNumber: $0) } ?? [] }
  }

  /// - Parameter number: an owner's.
  func ranges(ofNumber number: Int) -> [SubordinateRange] {
    // Owners of the other file alone have numbers beyond these.
    number + 1 < begins.count ? byOwner[begins[number]..<begins[number + 1]].map { ranges[$0] } : []
  }

  /// Places in `ranges`, in order of where these begin.
  var order: [Int] { search.sorted }

  /// So many ids these owners can count on; what stands in two lines counts once.
  func sum(of owners: [[UInt8]]) -> UInt64 { merged(ranges(of: owners).filter(\.isCertain).map(\.ids)).reduce(0) { $0 + $1.size } }

  func sum(of account: Account) -> UInt64 {
    sum(of: account.name == decimal(UInt64(account.uid)) ? [account.name] : [account.name, decimal(UInt64(account.uid))])
  }

  /// Neighbouring pairs of ranges of these owners, who are one, that have ids in common. Two readings of one line are no pair.
  func doubles(of ranges: [SubordinateRange]) -> [(SubordinateRange, SubordinateRange)] {
    var pairs: [(SubordinateRange, SubordinateRange)] = []
    var last: SubordinateRange? = nil
    for range in ranges.filter(\.isShadows).sorted(by: { ($0.ids.lowerBound, $0.line) < ($1.ids.lowerBound, $1.line) }) {
      if let previous = last, previous.line != range.line, previous.ids.upperBound >= range.ids.lowerBound {
        pairs.append(previous.line < range.line ? (previous, range) : (range, previous))
      }
      if last.map({ $0.ids.upperBound < range.ids.upperBound }) ?? true { last = range }
    }
    return pairs
  }

  func doubles(of account: Account) -> [(SubordinateRange, SubordinateRange)] { Array(doubles(of: ranges(of: account)).prefix(8)) }

  /// Whether somebody's containers have this id, and so no person does.
  func isSubordinate(_ id: UInt32) -> Bool {
    var low = 0
    var high = united.count
    while low < high {
      let middle = (low + high) / 2
      if united[middle].upperBound < id { low = middle + 1 } else { high = middle }
    }
    return low < united.count && united[low].contains(id)
  }

  /// Ranges that have ids of these, in order of their beginnings, until the answer is false.
  func forEach(overlapping range: IDRange, _ body: (SubordinateRange) -> Bool) { search.forEach(overlapping: range) { body(ranges[$0]) } }

  /// Ranges of others that have ids of these, at most so many.
  func others(than account: Account, in range: IDRange, limit: Int) -> [SubordinateRange] {
    var found: [SubordinateRange] = []
    forEach(overlapping: range) { other in
      if !other.belongs(to: account) { found.append(other) }
      return found.count < limit
    }
    return found
  }

  /// Ids in the range that somebody has, at most so many.
  func realIDs(in range: IDRange, limit: Int) -> [RealID] { RealID.some(of: realIDs, in: range, limit: limit) }
}

extension SubordinateIDKind {
  var file: String { "/etc/\(String(decoding: fileName, as: UTF8.self))" }
  var noun: String { self == .users ? "uid" : "gid" }
  /// Where this host's own ids of the kind stand.
  var accounts: String { self == .users ? "/etc/passwd" : "/etc/group" }
}
