internal import CLinux

/// Takes the lock of a whole file (fcntl(2), F_OFD_SETLK), without waiting: the errors are `wouldBlock` where somebody else has it, and
/// the system's. It goes with the open file, and so with the last descriptor of it.
package func lockWhole(_ file: borrowing FileDescriptor) throws(Errno) {
  while clinux_lock_whole(file.raw) != 0 {
    let cause = Errno.last
    if cause == .interrupted { continue }
    throw cause == .accessDenied ? .wouldBlock : cause
  }
}

/// The same, with a try every 5 milliseconds until `end` (`monotonicMilliseconds`) while somebody else has it.
package func lockWhole(_ file: borrowing FileDescriptor, until end: Int64) throws(Errno) {
  while true {
    do throws(Errno) { return try lockWhole(file) } catch {
      if error != .wouldBlock || monotonicMilliseconds() >= end { throw error }
      pause(milliseconds: 5)
    }
  }
}

/// nanosleep(2), which a signal shortens.
package func pause(milliseconds: Int) { clinux_sleep_milliseconds(milliseconds) }
