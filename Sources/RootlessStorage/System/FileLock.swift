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

/// nanosleep(2), which a signal shortens.
package func pause(milliseconds: Int) { clinux_sleep_milliseconds(milliseconds) }
