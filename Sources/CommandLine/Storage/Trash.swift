import RootlessStorage

/// A directory of root's own beside the storage directories, on the same mount, where trees are taken apart: nobody else can reach
/// a path in it, replace a name in it, or have a storage directory of its name.
final class Trash {
  private static let prefix = Array(".rootless-storage.prune.".utf8)
  /// What is to be deleted whatever happens, as opposed to what was moved here and may have to go back.
  private static let condemned = Array("deleted.".utf8)

  /// A symbolic link that nobody follows: its target is the storage directory that the other names came from.
  private static let origin = Array(".origin".utf8)

  let name: [UInt8]
  let descriptor: FileDescriptor
  let status: FileStatus

  /// Makes one: `.rootless-storage.prune.PID.START.NUMBER`.
  ///
  /// - Parameter leaf: the storage directory that something is moved from, so that a later run can put it back.
  init(in parent: borrowing FileDescriptor, for leaf: [UInt8]?) throws(Errno) {
    let process = thisProcess()
    var attempt = 0
    while true {
      // Others can make names in the parent, but cannot guess all of these.
      let name =
        Trash.prefix + decimal(UInt64(process.number)) + [.dot] + decimal(process.started) + [.dot]
        + decimal(UInt64.random(in: 0...UInt64(UInt32.max)))
      do throws(Errno) {
        try makeNamedDirectory(at: parent, name, mode: 0o700)
      } catch {
        attempt += 1
        if error != .exists || attempt > 16 { throw error }
        continue
      }
      descriptor = try open(at: parent, name, .directory)
      status = try fileStatus(of: descriptor)
      self.name = name
      // Made by root in a directory where nobody else can rename it: this cannot fail, and if it does, somebody can.
      guard status.owner == 0, status.mode & 0o077 == 0 else { throw .notPermitted }
      // Else what has another project id could not be moved here (EXDEV). Where that cannot be changed, the move tells of it.
      _ = stopInheritingProject(descriptor)
      if let leaf { try makeSymbolicLink(at: descriptor, Trash.origin, to: Path(leaf)) }
      return
    }
  }

  /// Opens what a run that is dead has left, and nothing that only looks like it: a user can make the name, but not for root.
  ///
  /// - Returns: nil if it is no such thing.
  init?(leftBehind name: [UInt8], in parent: borrowing FileDescriptor, _ parentStatus: FileStatus) throws(Errno) {
    guard let maker = Trash.maker(name) else { return nil }
    let place = try open(at: parent, name, .pathOnly)
    let seen = try fileStatus(of: place)
    guard Trash.isRoots(seen, parentStatus), isGone(maker) else { return nil }
    self.name = name
    descriptor = try open(at: place, [.dot], .directory)
    status = seen
  }

  /// Whether a name is such a trash, and not only one that looks like it: anybody can make the name, but not for root.
  static func isOne(_ name: [UInt8], in parent: borrowing FileDescriptor, _ parentStatus: FileStatus) -> Bool {
    if maker(name) == nil { return false }
    do throws(Errno) { return isRoots(try cachedStatus(at: parent, name), parentStatus) } catch { return false }
  }

  private static func maker(_ name: [UInt8]) -> ProcessStamp? {
    guard begins(name, with: prefix) else { return nil }
    let fields = parts(name.dropFirst(prefix.count), separator: { $0 == .dot })
    guard fields.count == 3, let number = identifier(fields[0]), let started = decimalValue(fields[1]), identifier(fields[2]) != nil else {
      return nil
    }
    return ProcessStamp(number: number, started: started)
  }

  private static func isRoots(_ seen: FileStatus, _ parent: FileStatus) -> Bool {
    seen.kind == .directory && seen.owner == 0 && seen.mode & 0o077 == 0 && seen.isOnMount(of: parent)
  }

  /// The storage directory that the uncondemned names came from.
  func origin() throws(Errno) -> [UInt8]? {
    do throws(Errno) { return try target(ofLink: try open(at: descriptor, Trash.origin, .pathOnly)).bytes } catch {
      if error == .noEntry { return nil }
      throw error
    }
  }
  static func isOrigin(_ name: [UInt8]) -> Bool { name == origin }

  /// Removes it, if nothing is in it any more.
  func discard(from parent: borrowing FileDescriptor) throws(Errno) {
    let reader = DirectoryReader(try open(at: descriptor, [.dot], .directory))
    while let entry = try reader.next() { if !Trash.isOrigin(entry.name) { throw .notEmpty } }
    do throws(Errno) { try unlink(at: descriptor, Trash.origin) } catch { if error != .noEntry { throw error } }
    try removeEmptyDirectory(at: parent, name)
  }

  /// The name under which something waits for its end.
  static func condemned(_ number: UInt64) -> [UInt8] { condemned + decimal(number) }
  static func isCondemned(_ name: [UInt8]) -> Bool { begins(name, with: condemned) && decimalValue(name.dropFirst(condemned.count)) != nil }
}
