internal import CLinux
internal import RootlessStorageEmbedded

// What the module needs of the system. It runs in the host's process: nothing here traps, allocates behind one's back, or changes
// anything of the host's, and every descriptor it opens is closed on exec from the start.

/// A helper that was started, and the reading end of its report.
///
/// The host may ignore SIGCHLD, reap every child in another thread, or fork in a third at any moment. So the child is known by a
/// pidfd(2), opened directly after the start and then proven to be a child of this process that nobody has reaped: only such a one
/// is ever killed or waited for. On kernels without pidfds (before 5.3) the same proof is made by number before each kill.
struct HelperProcess: ~Copyable {
  private let number: pid_t
  /// -1 if the kernel has none, or if the child could not be proven to be ours.
  private let pidfd: Int32
  private let report: Int32
  /// Somebody else has reaped it already: it has exited, and is not ours to kill or wait for.
  private let isLost: Bool

  enum StartError: Error {
    case pipe(Errno), spawn(Errno)
  }

  /// How it ended.
  enum Ending {
    case exited(status: Int32)
    case killed(signal: Int32)
    /// The host reaped it.
    case reapedElsewhere
    /// It was not done at the deadline.
    case timedOut(isGone: Bool)
    /// poll(2) failed.
    case pollFailed(Errno)
  }

  /// Starts a program with posix_spawn(3): empty environment, a session of its own, every signal at its default and none blocked,
  /// standard output the report, the other two standard descriptors /dev/null, no further descriptor.
  ///
  /// - Parameters:
  ///   - path: absolute, ends in NUL.
  ///   - arguments: ends in nil, as for execve(2).
  init(path: UnsafePointer<CChar>, arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) throws(StartError) {
    var reading: Int32 = -1
    var writing: Int32 = -1
    if unsafe clinux_pipe(&reading, &writing) != 0 { throw .pipe(.last) }
    var child: pid_t = 0
    var failure = clinux_set_nonblocking(reading) == 0 ? 0 : clinux_errno()
    if failure == 0 { failure = unsafe spawn(&child, path, arguments, report: writing) }
    _ = close(writing)
    if failure != 0 {
      _ = close(reading)
      throw .spawn(Errno(failure))
    }
    number = child
    report = reading
    let opened = clinux_pidfd_open(child)
    let cause = opened < 0 ? clinux_errno() : 0
    if opened >= 0 && HelperProcess.isOurs(child, pidfd: opened) {
      pidfd = opened
      isLost = false
    } else {
      if opened >= 0 { _ = close(opened) }
      pidfd = -1
      // No such process: the host lets the kernel reap, or another thread was faster. Without pidfds the number has to do.
      isLost = opened >= 0 || cause == ESRCH
    }
  }

  deinit {
    _ = close(report)
    if pidfd >= 0 { _ = close(pidfd) }
  }

  /// Reads the report until the helper has exited, or to the deadline, when it is killed. Waits at most a second longer, for the
  /// kernel to end it.
  ///
  /// End of file is no exit, and an exit no end of file: another thread of the host that forked may hold the pipe open. So the
  /// reading stops at the end record, at end of file, or when the helper has exited and the pipe is empty.
  ///
  /// - Parameter buffer: `size` bytes of the caller's, to read into.
  func follow(
    _ reader: inout ReportReader, seconds: UInt32, _ buffer: UnsafeMutablePointer<UInt8>, size: Int,
    _ deliver: (Int32, UnsafePointer<CChar>) -> Void
  ) -> Ending {
    let deadline = clinux_monotonic_milliseconds() &+ Int64(seconds) &* 1000
    var isOpen = true
    while true {
      let left = deadline &- clinux_monotonic_milliseconds()
      if left <= 0 { return end() }
      var reportEvents: Int32 = 0
      var exitEvents: Int32 = 0
      let polled = unsafe clinux_poll(isOpen ? report : -1, pidfd, slice(left, isOpen), &reportEvents, &exitEvents)
      if polled < 0 {
        let cause = Errno.last
        if cause == .interrupted { continue }
        _ = end()
        return .pollFailed(cause)
      }
      if reportEvents != 0 { isOpen = unsafe read(&reader, buffer, size, deliver) }
      if hasExited(exitEvents, isOpen) {
        // What it wrote last is in the pipe; what a child of its still writes is cut off there.
        var rounds = 0
        while isOpen && rounds < 64 {
          isOpen = unsafe read(&reader, buffer, size, deliver)
          rounds &+= 1
        }
        return reap()
      }
    }
  }

  /// Milliseconds to wait at once: all there is, unless nothing would wake us at the exit.
  private func slice(_ left: Int64, _ isOpen: Bool) -> Int32 {
    let most: Int64 = pidfd >= 0 ? 1_000_000 : isOpen ? 100 : 10
    return Int32(truncatingIfNeeded: left < most ? left : most)
  }

  private func hasExited(_ exitEvents: Int32, _ isOpen: Bool) -> Bool {
    if pidfd >= 0 { return exitEvents != 0 }
    // All that it wrote is in the pipe. Whoever still holds the other end is somebody else, and may hold it for ever.
    if isLost { return true }
    let state = wait(clinux_p_pid, number, WNOWAIT)
    return state.failure != 0 || state.hasEnded
  }

  /// - Returns: whether there may be more.
  private func read(
    _ reader: inout ReportReader, _ buffer: UnsafeMutablePointer<UInt8>, _ size: Int, _ deliver: (Int32, UnsafePointer<CChar>) -> Void
  ) -> Bool {
    let got = unsafe CLinux.read(report, buffer, size)
    if got > 0 {
      unsafe reader.consume(buffer, count: got, deliver)
      return reader.outcome == nil
    }
    return got < 0 && (clinux_errno() == EINTR || clinux_errno() == EAGAIN)
  }

  /// Kills it and waits at most a second.
  private func end() -> Ending {
    if isLost { return .timedOut(isGone: false) }
    // A sandbox may let a pidfd be made and not be used.
    if pidfd < 0 || clinux_pidfd_kill(pidfd) != 0, HelperProcess.isOurs(number, pidfd: pidfd) { _ = kill(number, SIGKILL) }
    let deadline = clinux_monotonic_milliseconds() &+ 1000
    while true {
      let left = deadline &- clinux_monotonic_milliseconds()
      if left <= 0 { return .timedOut(isGone: false) }
      var none: Int32 = 0
      var exitEvents: Int32 = 0
      _ = unsafe clinux_poll(-1, pidfd, slice(left, false), &none, &exitEvents)
      if hasExited(exitEvents, false) { break }
    }
    _ = reap()
    return .timedOut(isGone: true)
  }

  private func reap() -> Ending {
    if isLost { return .reapedElsewhere }
    var state = wait(clinux_p_pidfd, pidfd, 0)
    if state.failure == EINVAL || pidfd < 0 { state = wait(clinux_p_pid, number, 0) }
    if state.failure != 0 || !state.hasEnded { return .reapedElsewhere }
    return state.code == CLD_EXITED ? .exited(status: state.status) : .killed(signal: state.status)
  }

  /// It is a child of this process, and nobody has reaped it. Linux 5.3 has pidfds, but waits for them only since 5.4.
  private static func isOurs(_ number: pid_t, pidfd: Int32) -> Bool {
    if pidfd >= 0 {
      let failure = wait(clinux_p_pidfd, pidfd, WNOWAIT).failure
      if failure != EINVAL { return failure != ECHILD }
    }
    return wait(clinux_p_pid, number, WNOWAIT).failure == 0
  }
}

private struct ChildState {
  /// 0, or the number of the error.
  var failure: Int32 = 0
  var hasEnded = false
  var code: Int32 = 0
  var status: Int32 = 0
}

/// waitid(2) for the end of a child, without waiting. Interrupted, it is made again, and yet not for ever: a child is left to the host
/// when nobody reaps it.
private func wait(_ kind: Int32, _ identifier: Int32, _ option: Int32) -> ChildState {
  var state = ChildState()
  var ended: Int32 = 0
  var attempts = 0
  repeat {
    let result = unsafe clinux_waitid(kind, identifier, WEXITED | WNOHANG | option, &ended, &state.code, &state.status)
    state.failure = result == 0 ? 0 : clinux_errno()
    attempts &+= 1
  } while state.failure == EINTR && attempts < 10000
  state.hasEnded = ended != 0
  return state
}
