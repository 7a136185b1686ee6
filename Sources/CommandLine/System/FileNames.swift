internal import CLinux
import RootlessStorage

// Calls on names in a directory that is open already, which only repairs need.

/// renameat(2): the new name is replaced in one step.
func rename(at directory: borrowing FileDescriptor, _ old: [UInt8], over new: [UInt8]) throws(Errno) {
  let raw = directory.raw
  _ = try retrying {
    unsafe withCString(old) { from in unsafe withCString(new) { to in unsafe Int(renameat(raw, from, raw, to)) } }
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

extension Errno {
  /// A mount point, when a name of it was to be changed.
  static let busy = Errno(EBUSY)
}

/// chmod(2) of what is open as a place, whatever its mode lets one open. By the link in /proc, which leads to the descriptor's own
/// file and never to what bears its name by now.
func changeMode(ofPlace place: borrowing FileDescriptor, to mode: UInt32) throws(Errno) {
  let path = Array("/proc/self/fd/\(place.raw)".utf8)
  _ = try retrying { unsafe withCString(path) { unsafe Int(chmod($0, mode)) } }
}
