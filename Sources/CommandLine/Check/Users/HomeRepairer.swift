import RootlessStorage

/// Puts a changed config file in the place of the user's, in one step, with the original beside it as a dated backup. The process must
/// be the user for good.
///
/// Whenever it is interrupted, the old file or the new one bears the name, whole; at worst a backup or a temporary file is left over.
struct HomeRepairer {
  enum Failure: Error, Equatable {
    /// Somebody has changed the file since it was looked at.
    case changedMeanwhile
    case failed(Errno)
    /// The editor could not change just this.
    case notUnderstood
  }

  /// - Parameters:
  ///   - original: the file as it was read.
  /// - Returns: the name of the backup.
  func replace(
    _ path: Path, _ original: ConfigFile.Content, with content: [UInt8], mode: UInt32, at home: borrowing FileDescriptor
  ) throws(Failure) -> [UInt8] {
    let name = path.name
    var isChanged = false
    do throws(Errno) {
      let directory = try open(at: home, path: path.parent, .directoryFollowing)
      let temporary = TemporaryName(process: thisProcess(), index: 1, host: hostName()).bytes
      try write(content, mode, temporary, directory)
      do throws(Errno) {
        if let backup = try keep(name, original, directory) {
          try rename(temporary, in: directory, to: name, in: directory)
          // The file itself is on disk already; not every file system can do this for a directory.
          do throws(Errno) { try synchronize(directory) } catch {}
          return backup
        }
        isChanged = true
        try unlink(at: directory, temporary)
      } catch {
        if !isChanged { do throws(Errno) { try unlink(at: directory, temporary) } catch {} }
        throw error
      }
    } catch {
      if !isChanged { throw .failed(error) }
    }
    throw .changedMeanwhile
  }

  private func write(_ content: [UInt8], _ mode: UInt32, _ name: [UInt8], _ directory: borrowing FileDescriptor) throws(Errno) {
    try makeFile(at: directory, name) { new throws(Errno) in
      try writeAll(new, content)
      do throws(Errno) { try changeMode(of: new, to: mode & 0o7777) } catch {
        // A file system without modes.
        if error != .notPermitted && error != .notSupported && error != .notImplemented { throw error }
      }
      try synchronize(new)
    }
  }

  /// - Returns: the name of the backup; nil if the file is not the one that was read.
  private func keep(_ name: [UInt8], _ original: ConfigFile.Content, _ directory: borrowing FileDescriptor) throws(Errno) -> [UInt8]? {
    try keepBackup(at: directory, of: name, original.identity, size: original.bytes.count) { directory, backup throws(Errno) in
      try write(original.bytes, original.mode, backup, directory)
    }
  }
}
