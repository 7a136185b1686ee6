internal import CLinux
import RootlessStorage

// Calls that only the looking at a host needs.

/// fnmatch(3) as systemd-tmpfiles uses it: a `*` matches neither a slash nor a leading dot.
func matchesPath(_ pattern: Path, _ path: Path) -> Bool {
  unsafe withCString(pattern.bytes) { pattern in unsafe withCString(path.bytes) { unsafe fnmatch(pattern, $0, clinux_fnm_path) == 0 } }
}

/// getxattr(2), at most 256 bytes; nil if there is no such attribute, or no way to tell.
func extendedAttribute(_ name: String, of path: Path) -> [UInt8]? {
  var value = [UInt8](repeating: 0, count: 256)
  let room = value.count
  let length = unsafe value.withUnsafeMutableBytes { buffer in
    unsafe withCString(path.bytes) { path in
      unsafe withCString(Array(name.utf8)) { name in
        // SAFETY: getxattr writes at most `room` bytes into a buffer of that size.
        unsafe getxattr(path, name, buffer.baseAddress!, room)
      }
    }
  }
  return length < 0 ? nil : Array(value.prefix(length))
}

/// Whether set-user-ID bits and file capabilities have no effect there (statvfs(3)). Asks whoever serves the file system.
func isMountedNosuid(_ path: Path) -> Bool {
  var status = statvfs()
  guard unsafe withCString(path.bytes, { unsafe statvfs($0, &status) }) == 0 else { return false }
  return status.f_flag & clinux_st_nosuid != 0
}

/// Leaves the session keyring of whoever started this process (keyctl(2)).
///
/// - Returns: what stopped it. A kernel without keys, and a sandbox that hides them, do.
@discardableResult func leaveSessionKeyring() -> Errno? { clinux_join_session_keyring() < 0 ? .last : nil }

/// A write that a limit on file sizes stops fails from now on, and does not end this process (SIGXFSZ, setrlimit(2)).
func ignoreFileSizeLimit() { _ = clinux_ignore_signal(SIGXFSZ) }

/// getcwd(3); `/` where it is gone.
func workingDirectory() -> Path {
  guard let path = unsafe getcwd(nil, 0) else { return "/" }
  defer { unsafe free(path) }
  return unsafe Path(bytes(ofCString: path))
}
