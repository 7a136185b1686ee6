internal import CLinux
import RootlessStorage

/// A name in a directory. What it is, the directory only says by the way: it may have become something else since.
struct DirectoryEntry {
  enum Kind { case directory, other, unknown }

  let name: [UInt8]
  let kind: Kind
}

/// Reads a directory one entry at a time: a directory may hold millions, and a user makes as many as they like.
final class DirectoryReader {
  /// What the kernel may answer at once, in bytes.
  private static let room = 65536

  /// The directory, open for reading.
  let descriptor: FileDescriptor
  /// As it was when it was opened by `opened(at:_:on:_:)`.
  private(set) var status: FileStatus? = nil
  /// Where the entry lies that comes after those that were handed out (d_off in getdents(2)).
  private(set) var offset: Int64 = 0
  private var buffer: [UInt8] = []
  private var position = 0

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Opens a directory, if it is on that mount: nothing that is on another one is asked for anything (openat2(2) with RESOLVE_NO_XDEV;
  /// before Linux 5.6, O_PATH and statx(2) with DONT_SYNC), since whoever serves it might answer anything, or never.
  ///
  /// - Parameters:
  ///   - mount: the status of something on the mount.
  ///   - accept: gets the status of what bears the name, if it is on the mount, and decides about it; true only for a directory.
  /// - Returns: nil if it is not on the mount, or not accepted.
  static func opened(
    at directory: borrowing FileDescriptor, _ name: [UInt8], on mount: FileStatus, _ accept: (FileStatus) -> Bool
  ) throws(Errno) -> DirectoryReader? {
    var listed: DirectoryReader? = nil
    do throws(Errno) { listed = DirectoryReader(try openDirectoryOnMount(at: directory, name)) } catch {
      if error == .noEntry { throw error }
      if error == .otherDevice { return nil }
    }
    if let listed {
      let seen = try fileStatus(of: listed.descriptor)
      listed.status = seen
      return seen.isOnMount(of: mount) && accept(seen) ? listed : nil
    }
    // Something else than a directory; or one that may not be listed, or a kernel that cannot do it.
    let place = try open(at: directory, name, .pathOnly)
    let seen = try fileStatus(of: place)
    guard seen.isOnMount(of: mount), accept(seen) else { return nil }
    let reader = DirectoryReader(try open(at: place, [.dot], .directory))
    reader.status = seen
    return reader
  }

  /// Goes on at an `offset` of before, of the same directory.
  func seek(to offset: Int64) throws(Errno) {
    if lseek(descriptor.raw, Int(offset), SEEK_SET) < 0 { throw .last }
    self.offset = offset
    position = 0
    buffer = []
  }

  /// The next entry, `.` and `..` left out; nil at the end.
  func next() throws(Errno) -> DirectoryEntry? {
    guard let record = try nextRecord() else { return nil }
    return DirectoryEntry(name: Array(buffer[record.name]), kind: record.kind)
  }

  /// What bears a name in the directory.
  enum Found {
    /// No directory, and its status.
    case file(FileStatus)
    /// Its status cannot be had.
    case gone(Errno)
    /// A directory, or something that the directory does not tell of.
    case name([UInt8])
  }

  /// The next entry, looked at where it is no directory; nil at the end.
  func nextFound() throws(Errno) -> Found? {
    guard let record = try nextRecord() else { return nil }
    if record.kind == .other {
      do throws(Errno) {
        let seen = try status(of: record)
        if seen.kind != .directory { return .file(seen) }
      } catch {
        return .gone(error)
      }
    }
    return .name(Array(buffer[record.name]))
  }

  private struct Record {
    /// In the buffer. A NUL follows.
    let name: Range<Int>
    let kind: DirectoryEntry.Kind
  }

  private func status(of record: Record) throws(Errno) -> FileStatus {
    var failure = Errno.invalid
    let seen = unsafe buffer.withUnsafeBytes { bytes -> FileStatus? in
      // SAFETY: the range is in the buffer, and `takeRecord` has seen the NUL behind it there.
      do throws(Errno) {
        let name = unsafe bytes.baseAddress!.advanced(by: record.name.lowerBound).assumingMemoryBound(to: CChar.self)
        return unsafe try cachedStatus(at: descriptor, cString: name)
      } catch {
        failure = error
        return nil
      }
    }
    guard let seen else { throw failure }
    return seen
  }

  private func nextRecord() throws(Errno) -> Record? {
    while true {
      if position >= buffer.count { try fill() }
      if buffer.isEmpty { return nil }
      if let record = takeRecord() { return record }
    }
  }

  private func fill() throws(Errno) {
    let raw = descriptor.raw
    var failure: Errno? = nil
    position = 0
    // The old one is given back first: the next is of the same size.
    buffer = []
    buffer = unsafe [UInt8](unsafeUninitializedCapacity: DirectoryReader.room) { bytes, filled in
      // SAFETY: the kernel writes at most the buffer's count, which is not 0, and says how much it has written.
      do throws(Errno) { filled = try retrying { unsafe clinux_getdents(raw, bytes.baseAddress!, bytes.count) } } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// struct linux_dirent64: 8 bytes inode, 8 offset, 2 length of the record, 1 type, then the name up to a NUL.
  private func takeRecord() -> Record? {
    let start = position
    let filled = buffer.count
    guard start + 19 < filled else {
      position = filled
      return nil
    }
    let length = Int(buffer[start + 16]) | Int(buffer[start + 17]) << 8
    guard length >= 20, start + length <= filled else {
      position = filled
      return nil
    }
    position = start + length
    var next: UInt64 = 0
    for index in 0..<8 { next |= UInt64(buffer[start + 8 + index]) << (8 * UInt64(index)) }
    offset = Int64(bitPattern: next)
    let first = start + 19
    var end = first
    while end < start + length && buffer[end] != 0 { end += 1 }
    // Never seen; but the name would not end where a system call has to find its end.
    if end == start + length { return nil }
    if buffer[first] == .dot && (end == first + 1 || end == first + 2 && buffer[first + 1] == .dot) { return nil }
    let kind: DirectoryEntry.Kind =
      switch Int32(buffer[start + 18]) {
      case 4: .directory  // DT_DIR
      case 0: .unknown  // DT_UNKNOWN
      default: .other
      }
    return Record(name: first..<end, kind: kind)
  }
}

/// openat2(2) of a directory to list, without a step onto another mount: `.otherDevice`.
private func openDirectoryOnMount(at directory: borrowing FileDescriptor, _ name: [UInt8]) throws(Errno) -> FileDescriptor {
  let raw = directory.raw
  let opened = try retrying { unsafe withCString(name) { unsafe Int(clinux_open_directory_on_mount(raw, $0)) } }
  return FileDescriptor(owning: Int32(truncatingIfNeeded: opened))
}
