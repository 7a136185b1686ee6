import RootlessStorage

// The steps of replacing a file that are the same for a user's configuration and for the files of libpam. How the new file gets the
// name, and what is undone after a failure, is the caller's.

/// Makes a new file, which goes again if it cannot be completed.
///
/// - Parameters:
///   - name: no file may bear it; its mode is 0600 until `complete` changes that.
///   - complete: writes the content, and has it on the disk.
/// - Returns: what `complete` returns.
func makeFile<Made>(
  at directory: borrowing FileDescriptor, _ name: [UInt8], _ complete: (borrowing FileDescriptor) throws(Errno) -> Made
) throws(Errno) -> Made {
  let new = try open(at: directory, name, .creating, permissions: 0o600)
  do throws(Errno) { return try complete(new) } catch {
    do throws(Errno) { try unlink(at: directory, name) } catch {}
    throw error
  }
}

/// Gives a file a second name, `NAME.TIME.bak`, which it keeps when the first one goes to a new file.
///
/// - Parameters:
///   - identity: of the file as it was read.
///   - size: of the file as it was read, in bytes.
///   - copy: makes a file of that name with the same content, where the file system has no second names. Without it that is an error.
/// - Returns: the second name; nil if the file is not the one that was read.
func keepBackup(
  at directory: borrowing FileDescriptor, of name: [UInt8], _ identity: FileIdentity, size: Int,
  copy: ((borrowing FileDescriptor, [UInt8]) throws(Errno) -> Void)? = nil
) throws(Errno) -> [UInt8]? {
  let stamp = UTCTime(wallClock()).stamp
  func isTheOneRead(_ status: FileStatus) -> Bool {
    status.kind == .regular && FileIdentity(status) == identity && status.size == UInt64(size)
  }
  var attempt = 1
  while true {
    let backup = name + Array(".\(stamp)\(attempt == 1 ? "" : ".\(attempt)").bak".utf8)
    do throws(Errno) {
      do throws(Errno) {
        try link(at: directory, name, backup)
        if isTheOneRead(try fileStatus(at: directory, backup)) { return backup }
        try unlink(at: directory, backup)
        return nil
      } catch {
        let hasNoLinks = error == .notPermitted || error == .notSupported || error == .notImplemented || error == .tooManyLinks
        guard hasNoLinks, let copy else { throw error }
        if !isTheOneRead(try fileStatus(at: directory, name)) { return nil }
        try copy(directory, backup)
        return backup
      }
    } catch {
      // Somebody else's backup, of the same second.
      if error != .exists || attempt == 100 { throw error }
      attempt += 1
    }
  }
}
