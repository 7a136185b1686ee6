import RootlessStorage

/// Keeps since when accounts have been absent, in a file that only root can write: /var/lib/rootless-storage/orphans.
struct AbsenceMemory {
  /// What is known of one absence.
  struct Answer: Equatable {
    /// The account is taken for gone.
    let isGone: Bool
    /// The first run that saw it absent, and the moment before which no run can take it for gone; seconds since the epoch. nil if no
    /// run has written it down yet.
    var since: Int64? = nil
    var earliest: Int64? = nil
  }

  static let directory: Path = "/var/lib/rootless-storage"
  static let name = Array("orphans".utf8)
  private static let lockName = Array(".orphans.lock".utf8)
  private static let newName = Array(".orphans.new".utf8)
  /// Others hold the lock for as long as it takes to write the file; milliseconds.
  private static let timeout: Int64 = 10_000

  /// Why nothing is known, or nothing could be kept, with what to do.
  private(set) var problem: String?
  private let directory: Path
  private let machine: [UInt8]?
  private let moment: Moment?
  private let isWriting: Bool

  /// - Parameters:
  ///   - machine: what machine-id(5) says.
  ///   - moment: now; nil if the clocks cannot be believed.
  ///   - isWriting: a look that changes nothing must not count as a run.
  init(directory: Path, machine: [UInt8]?, moment: Moment?, isWriting: Bool) {
    self.directory = directory
    self.machine = machine
    self.moment = moment
    self.isWriting = isWriting
  }

  static func ofThisHost(isWriting: Bool) -> AbsenceMemory {
    let machine = hexadecimal(content("/etc/machine-id", limit: 64)) ?? hexadecimal(content("/var/lib/dbus/machine-id", limit: 64))
    return AbsenceMemory(directory: directory, machine: machine, moment: Moment.now(), isWriting: isWriting)
  }

  /// Takes in what a run has found, and keeps it if this is one that writes.
  ///
  /// - Parameters:
  ///   - absent: everything in the scope whose account is absent; nothing if this run could not look.
  ///   - orphanDays: as the settings say. With 0, and where nothing but this host's own files tells of accounts, one look is enough.
  /// - Returns: what is known of each, in that order.
  mutating func note(_ absent: [Absence.Subject], _ scope: Absence.Scope, orphanDays: UInt32, isLocal: Bool) -> [Answer] {
    if orphanDays == 0 && isLocal {
      // Nothing is kept. Nor do old lines stay, for a day when the settings say something else: nobody has looked since.
      _ = keep([], scope)
      problem = nil
      return absent.map { _ in Answer(isGone: true) }
    }
    guard let known = keep(absent, scope) else { return absent.map { _ in Answer(isGone: false) } }
    return known.map { absence, isKept in
      Answer(
        isGone: absence.isGone(afterDays: orphanDays), since: isKept ? absence.first : nil,
        earliest: isKept ? absence.earliest(afterDays: orphanDays) : nil)
    }
  }

  /// - Returns: what is known of each, and whether that was or is written down; nil if nothing is known.
  private mutating func keep(_ absent: [Absence.Subject], _ scope: Absence.Scope) -> [(Absence, isKept: Bool)]? {
    // Where nobody is absent, there is nobody to tell it to.
    guard let machine else {
      if absent.isEmpty { return [] }
      problem = "/etc/machine-id does not name this machine; to make it: systemd-machine-id-setup"
      return nil
    }
    guard let moment else {
      if absent.isEmpty { return [] }
      problem = "the clock of this machine cannot be believed, or /proc does not show when it was started; set the clock, and look again"
      return nil
    }
    var list = AbsenceList(machine: machine)
    do throws(Failure) {
      if let place = try place(isWanted: isWriting && !absent.isEmpty) {
        if isWriting {
          let record = try keep(absent, scope, machine, moment, in: place)
          problem = record.failure.map { unrecorded($0) } ?? (record.left > 0 ? full(record.left) : nil)
          return record.known
        }
        list = AbsenceList(try kept(in: place), machine: machine)
      }
      return AbsenceMemory.look(&list, absent, scope, moment)
    } catch {
      let what = "since when accounts have been absent cannot be read or kept"
      switch error {
      case .way(let failure): problem = "\(what): \(text(Wording.way(failure, .trusted)))"
      case .failed(let cause), .unlocked(let cause): problem = "\(what): \(shown(path)): \(text(cause)); look at it as root"
      case .foreign: problem = "\(what): \(shown(path)) is not a file of root's that only root can write; look at it as root, and remove it"
      }
      return nil
    }
  }

  /// What came of a run that was to be written down.
  private struct Record {
    let known: [(Absence, isKept: Bool)]
    /// Why it was not.
    var failure: Errno? = nil
    /// For so many of the absent there was no line.
    var left = 0
  }

  private func unrecorded(_ cause: Errno) -> String {
    "this run is not recorded, and absences count only as far as earlier runs have written them down: \(shown(path)): \(text(cause)); make room on that file system, or make it writable, and run this again"
  }

  private func full(_ left: Int) -> String {
    "\(shown(path)) is full (\(AbsenceList.most) lines), so \(counted(left, "absence is", "absences are")) not recorded and will not count; delete what the users have left who are gone: rootless-storage prune USER, or rootless-storage subids release OWNER"
  }

  /// What the lines and this run tell together.
  private static func look(_ list: inout AbsenceList, _ absent: [Absence.Subject], _ scope: Absence.Scope, _ moment: Moment) -> [(
    Absence, isKept: Bool
  )] {
    let before = Set(list.lines.filter { $0.kind == scope.kind && $0.isCredible(moment) }.map(\.subject))
    return list.note(absent, scope, moment).map { ($0, before.contains($0.subject)) }
  }

  /// A file that cannot be written must not keep what it says from counting: any user can fill a disk.
  private func keep(
    _ absent: [Absence.Subject], _ scope: Absence.Scope, _ machine: [UInt8], _ moment: Moment, in place: borrowing FileDescriptor
  ) throws(Failure) -> Record {
    do throws(Failure) { return try keepLocked(absent, scope, machine, moment, in: place) } catch {
      guard case .unlocked(let cause) = error else { throw error }
      var list = AbsenceList(try kept(in: place), machine: machine)
      return Record(known: AbsenceMemory.look(&list, absent, scope, moment), failure: cause)
    }
  }

  private func keepLocked(
    _ absent: [Absence.Subject], _ scope: Absence.Scope, _ machine: [UInt8], _ moment: Moment, in place: borrowing FileDescriptor
  ) throws(Failure) -> Record {
    // Two runs must not lose each other's lines. It goes with the descriptor.
    let lock = try AbsenceMemory.lock(in: place)
    defer { withExtendedLifetime(lock) {} }
    let before = try kept(in: place)
    var list = AbsenceList(before, machine: machine)
    let looked = AbsenceMemory.look(&list, absent, scope, moment)
    if before.isEmpty && list.lines.isEmpty { return Record(known: looked) }
    do throws(Errno) {
      let new = try open(at: place, AbsenceMemory.newName, .rewriting, permissions: 0o600)
      try changeMode(of: new, to: 0o600)
      try writeAll(new, list.content)
      // What is half written after a power failure would be believed.
      try synchronize(new)
      try rename(AbsenceMemory.newName, in: place, to: AbsenceMemory.name, in: place)
    } catch {
      strike(before, absent, scope, moment, in: place)
      return Record(known: looked, failure: error)
    }
    let lines = Set(list.lines.filter { $0.kind == scope.kind }.map(\.subject))
    let known = looked.map { ($0.0, isKept: lines.contains($0.0.subject)) }
    do throws(Errno) { try synchronize(place) } catch { return Record(known: known, failure: error) }
    return Record(known: known, left: known.count { !$0.isKept })
  }

  /// Takes back what must not count any more, without wanting room: whoever has been found again would be gone at once when next
  /// absent. A byte is written as a whole. On a file system that is read-only the lines stay.
  private func strike(
    _ content: [UInt8], _ absent: [Absence.Subject], _ scope: Absence.Scope, _ moment: Moment, in place: borrowing FileDescriptor
  ) {
    let subjects = Set(absent)
    let over = AbsenceList.beginnings(in: content) { scope.covers($0) && (!subjects.contains($0.subject) || !$0.isCredible(moment)) }
    if over.isEmpty { return }
    do throws(Errno) {
      let file = try open(at: place, AbsenceMemory.name, .overwriting)
      for offset in over { try overwrite(file, at: offset, with: AbsenceList.struck) }
      try synchronize(file)
    } catch {}
  }

  /// Only root can open this file, and so only root can keep it locked.
  private static func lock(in place: borrowing FileDescriptor) throws(Failure) -> FileDescriptor {
    do throws(Errno) {
      let lock = try open(at: place, lockName, .lockFile, permissions: 0o600)
      try lockWhole(lock, until: monotonicMilliseconds() + timeout)
      return lock
    } catch { throw .unlocked(error) }
  }

  // MARK: The file

  private enum Failure: Error {
    case way(PathError)
    case failed(Errno)
    /// The lock cannot be had.
    case unlocked(Errno)
    /// Somebody else can write it, or it is no file.
    case foreign
  }

  private var path: Path { directory / AbsenceMemory.name }

  /// The directory, in which nobody else can make or change a name.
  ///
  /// - Parameter isWanted: it is made where it is missing.
  private func place(isWanted: Bool) throws(Failure) -> FileDescriptor? {
    if let place = try reach(directory) { return place }
    guard isWanted else { return nil }
    guard let parent = try reach(directory.parent) else { throw .failed(.noEntry) }
    do throws(Errno) { try makeNamedDirectory(at: parent, directory.name, mode: 0o755) } catch {
      if error != .exists { throw .failed(error) }
    }
    guard let place = try reach(directory) else { throw .failed(.noEntry) }
    return place
  }

  /// - Returns: nil if it is missing.
  private func reach(_ path: Path) throws(Failure) -> FileDescriptor? {
    let end: OpenedPath
    do throws(PathError) { end = try walk(toDirectory: path, .trusted, MountTable(blockDeviceIsLocal: true)) } catch {
      if error.reason == .missing { return nil }
      throw .way(error)
    }
    do throws(Errno) { return try open(at: end.descriptor, [.dot], .directory) } catch { throw .failed(error) }
  }

  private func kept(in place: borrowing FileDescriptor) throws(Failure) -> [UInt8] {
    do throws(Errno) {
      let file = try open(at: place, AbsenceMemory.name, .reading)
      let status = try fileStatus(of: file)
      guard status.kind == .regular, status.owner == 0, status.mode & 0o022 == 0, status.size <= UInt64(AbsenceList.longestFile) else {
        throw .notPermitted
      }
      return try readAll(file, limit: AbsenceList.longestFile, chunk: 65536)
    } catch {
      switch error {
      case .noEntry: return []
      case .notPermitted, .tooManySymlinks: throw .foreign
      default: throw .failed(error)
      }
    }
  }
}
