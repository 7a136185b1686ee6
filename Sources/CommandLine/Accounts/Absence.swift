import RootlessStorage

/// That an account was absent, in every run since a first one: the line that is kept of it between runs.
///
/// One answer proves nothing. A directory service that is offline still knows whoever is in its cache, and says of everybody else
/// what it says of somebody who has left. So an absence counts only once it has lasted.
struct Absence: Equatable {
  enum Kind: String { case storage, owner }

  /// What somebody absent has here.
  struct Subject: Hashable {
    /// A path, or an owner of subordinate ids as the files spell it.
    let key: [UInt8]
    /// What else must be the same in the next run, without blanks: another directory of that name is another matter.
    let binding: [UInt8]
  }

  /// What one run looks at, all of it: of what is not among its answers, nothing is kept.
  enum Scope: Equatable {
    /// The storage directories in this parent.
    case storage(parent: Path)
    /// The owners of subordinate ids.
    case owners

    var kind: Kind { self == .owners ? .owner : .storage }

    func covers(_ absence: Absence) -> Bool {
      switch self {
      case .owners: return absence.kind == .owner
      case .storage(let parent):
        return absence.kind == .storage && Path(absence.subject.key).parent.components == parent.components
      }
    }
  }

  /// Runs on fewer days are too few: what one evening shows, the next morning may not.
  static let days = 3
  /// The machine must have run so long between the runs, in seconds: a clock that is set wrong, or a copy of the machine that was
  /// asleep, makes days of minutes.
  static let running: Int64 = 86400
  /// Of a parent that no run looks at any more, lines are kept so long, in seconds.
  fileprivate static let memory: Int64 = 400 * 86400

  let kind: Kind
  let subject: Subject
  /// Seconds since the epoch.
  let first: Int64
  let last: Int64
  /// On so many different days (UTC) somebody looked.
  let days: UInt32
  /// Seconds that the machine ran between the runs, by its own clock.
  let running: Int64
  /// When the last run was, by that clock.
  let boot: [UInt8]
  let bootTime: Int64

  init(kind: Kind, _ subject: Subject, first: Int64, last: Int64, days: UInt32, running: Int64, boot: [UInt8], bootTime: Int64) {
    (self.kind, self.subject, self.first, self.last) = (kind, subject, first, last)
    (self.days, self.running, self.boot, self.bootTime) = (days, running, boot, bootTime)
  }

  /// Seen for the first time.
  init(kind: Kind, _ subject: Subject, _ now: Moment) {
    self.init(kind: kind, subject, first: now.wall, last: now.wall, days: 1, running: 0, boot: now.boot, bootTime: now.running)
  }

  /// Neither clock has gone back since: otherwise one of them was wrong, and with it all that was counted.
  func isCredible(_ now: Moment) -> Bool {
    first >= Moment.earliest && first <= last && last <= now.wall && running >= 0 && bootTime >= 0
      && (boot != now.boot || bootTime <= now.running)
  }

  /// Seen again.
  func seen(_ now: Moment) -> Absence {
    // Of an earlier start of the machine nobody knows how long it ran on: only what it has run since this one began is added.
    let (sum, overflow) = running.addingReportingOverflow(boot == now.boot ? now.running - bootTime : now.running)
    let isNewDay = last / 86400 != now.wall / 86400
    return Absence(
      kind: kind, subject, first: first, last: now.wall, days: isNewDay && days < UInt32.max ? days + 1 : days,
      running: overflow ? Int64.max : sum,
      boot: now.boot, bootTime: now.running)
  }

  /// The account is taken for gone.
  func isGone(afterDays orphanDays: UInt32) -> Bool {
    days >= UInt32(Absence.days) && last - first >= Int64(orphanDays) * 86400 && running >= Absence.running
  }

  /// No run before this moment can take it for gone; seconds since the epoch.
  func earliest(afterDays orphanDays: UInt32) -> Int64 {
    let missing = Int64(Absence.days) - Int64(min(days, UInt32(Absence.days)))
    let byDays = missing == 0 ? last : (last / 86400 + missing) * 86400
    return max(first + Int64(orphanDays) * 86400, byDays, last + max(0, Absence.running - running))
  }
}

/// All that is kept: text, a line for each, so that an administrator can read it.
struct AbsenceList: Equatable {
  static let most = 4096
  /// Longer ones nobody has written.
  static let longestFile = 4 << 20
  private static let heading = "rootless-storage-absences 1"

  /// The id of the machine on which they were written: a copy of its disk begins anew.
  let machine: [UInt8]
  private(set) var lines: [Absence] = []

  init(machine: [UInt8]) { self.machine = machine }

  /// A line that cannot be read is left out; with another heading, or of another machine, all are.
  init(_ content: [UInt8], machine: [UInt8]) {
    self.machine = machine
    var texts = parts(content, separator: { $0 == .newline })[...]
    guard let first = texts.popFirst(), words(first) == words(AbsenceList.heading.utf8) + [machine] else { return }
    var seen: Set<Absence.Subject> = []
    for text in texts.prefix(AbsenceList.most) {
      if let line = AbsenceList.line(text), seen.insert(line.subject).inserted { lines.append(line) }
    }
  }

  /// In the place of a line's first byte it makes one that cannot be read.
  static let struck: UInt8 = .hash

  /// Where lines begin that can be read, in bytes.
  static func beginnings(in content: [UInt8], where isWanted: (Absence) -> Bool) -> [Int] {
    var found: [Int] = []
    var start = 0
    for text in parts(content, separator: { $0 == .newline }) {
      if let line = line(text), isWanted(line) { found.append(start) }
      start += text.count + 1
    }
    return found
  }

  private static func line(_ text: [UInt8]) -> Absence? {
    let fields = words(text)
    guard fields.count == 9, let kind = Absence.Kind(rawValue: String(decoding: fields[0], as: UTF8.self)), let key = plain(fields[1])
    else { return nil }
    let numbers = [fields[3], fields[4], fields[6], fields[8]].compactMap { decimalValue($0).flatMap { Int64(exactly: $0) } }
    // Numbers far beyond any clock's would overflow a sum.
    guard numbers.count == 4, numbers.allSatisfy({ $0 < 1 << 48 }), let days = identifier(fields[5]), let boot = hexadecimal(fields[7])
    else { return nil }
    return Absence(
      kind: kind, Absence.Subject(key: key, binding: fields[2]), first: numbers[0], last: numbers[1], days: days, running: numbers[2],
      boot: boot,
      bootTime: numbers[3])
  }

  var content: [UInt8] {
    var text = Array(AbsenceList.heading.utf8) + [.space] + machine + [.newline]
    for line in lines {
      let numbers = [line.first, line.last, Int64(line.days), line.running].map { decimal(UInt64(max(0, $0))) }
      let fields =
        [Array(line.kind.rawValue.utf8), AbsenceList.escaped(line.subject.key), line.subject.binding] + numbers + [
          line.boot, decimal(UInt64(max(0, line.bootTime))),
        ]
      text += fields.joined(separator: [.space]) + [.newline]
    }
    return text
  }

  /// Takes in what a run has found.
  ///
  /// - Parameter absent: everything in the scope whose account is absent. All else in it loses its line.
  /// - Returns: what is known of each, in that order.
  mutating func note(_ absent: [Absence.Subject], _ scope: Absence.Scope, _ now: Moment) -> [Absence] {
    var known: [Absence.Subject: Absence] = [:]
    var kept: [Absence] = []
    for line in lines {
      if !scope.covers(line) {
        if line.last <= now.wall && now.wall - line.last <= Absence.memory { kept.append(line) }
      } else if line.isCredible(now) {
        known[line.subject] = line
      }
    }
    let found = absent.map { known[$0]?.seen(now) ?? Absence(kind: scope.kind, $0, now) }
    // Where there are too many, those who wait longest keep their lines.
    lines = Array((kept + found.sorted { $0.first < $1.first }).prefix(AbsenceList.most))
    return found
  }

  // MARK: Names in a line

  /// Everything but what a path commonly has, as `%XX`.
  static func escaped(_ name: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return name.flatMap { byte -> [UInt8] in
      let isPlain = isDigit(byte) || isUppercase(byte) || isLowercase(byte) || isWord([byte], of: "/ . _ - @ +")
      return isPlain ? [byte] : [.percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }

  private static func plain(_ text: [UInt8]) -> [UInt8]? {
    var name: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index] != .percent {
        name.append(text[index])
        index += 1
        continue
      }
      guard index + 2 < text.count, let byte = UInt8(String(decoding: text[(index + 1)...(index + 2)], as: UTF8.self), radix: 16) else {
        return nil
      }
      name.append(byte)
      index += 3
    }
    return name.isEmpty ? nil : name
  }
}
