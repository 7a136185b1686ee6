internal import CLinux
import RootlessStorage

// Calls on names in directories that are open already, which only the command line needs.

/// renameat2(2) with RENAME_NOREPLACE.
func renameWithoutReplacing(
  _ old: [UInt8], in source: borrowing FileDescriptor, to new: [UInt8], in target: borrowing FileDescriptor
) throws(Errno) {
  let (from, to) = (source.raw, target.raw)
  _ = try retrying {
    unsafe withCString(old) { old in
      unsafe withCString(new) { new in unsafe Int(clinux_renameat2(from, old, to, new, clinux_rename_noreplace)) }
    }
  }
}

/// renameat2(2) with RENAME_EXCHANGE: both names are there at every moment.
func exchange(at directory: borrowing FileDescriptor, _ first: [UInt8], _ second: [UInt8]) throws(Errno) {
  let raw = directory.raw
  _ = try retrying {
    unsafe withCString(first) { one in
      unsafe withCString(second) { other in unsafe Int(clinux_renameat2(raw, one, raw, other, clinux_rename_exchange)) }
    }
  }
}

/// chmod(2) of what is open as a place, whatever its mode lets one open. By the link in /proc, which leads to the descriptor's own
/// file and never to what bears its name by now.
func changeMode(ofPlace place: borrowing FileDescriptor, to mode: UInt32) throws(Errno) {
  let path = Path("/proc/self/fd/\(place.raw)")
  _ = try retrying { unsafe withCString(path.bytes) { unsafe Int(chmod($0, mode)) } }
}

/// Opens for reading what is open as a place, by the same link.
func reopen(_ place: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
  try open(path: "/proc/self/fd" / decimal(UInt64(UInt32(bitPattern: place.raw))), .readingFollowing)
}

/// symlinkat(2).
func makeSymbolicLink(at directory: borrowing FileDescriptor, _ name: [UInt8], to target: Path) throws(Errno) {
  let raw = directory.raw
  _ = try retrying { unsafe withCString(target.bytes) { target in unsafe withCString(name) { unsafe Int(symlinkat(target, raw, $0)) } } }
}

/// The path of a directory that is open as a place, without symbolic links, by the link in /proc; nil where nobody tells.
func realPath(ofPlace place: borrowing FileDescriptor) -> Path? {
  let path = "/proc/self/fd" / decimal(UInt64(UInt32(bitPattern: place.raw)))
  let target = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
    // SAFETY: readlink(2) writes at most the buffer's count, which is not 0, and says how much it has written.
    let length = unsafe withCString(path.bytes) { unsafe readlink($0, buffer.baseAddress!, buffer.count) }
    count = max(0, length)
  }
  // A path that does not fit is cut.
  return target.isEmpty || target.count == 4096 ? nil : Path(target)
}

/// Whether this process may make something in a directory that is open as a place, with the identity it has at the moment (faccessat(2)
/// with AT_EACCESS).
func canMakeFiles(in place: borrowing FileDescriptor) -> Bool {
  let raw = place.raw
  return unsafe withCString([.dot]) { unsafe faccessat(raw, $0, W_OK | X_OK, clinux_at_eaccess) } == 0
}

/// Takes from a directory that what is made in it gets its project id (FS_IOC_SETFLAGS without FS_PROJINHERIT_FL).
///
/// - Returns: whether it is so now. It borrows the descriptor: of a temporary one whose number alone is passed on, the call would find
///   it closed.
func stopInheritingProject(_ directory: borrowing FileDescriptor) -> Bool { clinux_stop_inheriting_project(directory.raw) == 0 }
