internal import CLinux

/// A process, as another one can recognise it.
public struct ProcessStamp: Equatable, Sendable {
  public let number: UInt32
  /// Clock ticks since boot.
  public let started: UInt64

  package init(number: UInt32, started: UInt64) {
    self.number = number
    self.started = started
  }
}

/// Puts the process in the state the session helper works in, whoever started it: working directory `/`, umask 077, no core
/// file, no death by a closed pipe or by a limit on file sizes (the write then fails and is reported), and an end by SIGALRM
/// after `seconds` in case the host, which would have killed it, has died itself.
///
/// - Returns: what stopped it, if anything.
public func prepareProcess(endingAfter seconds: UInt32) -> Errno? {
  if unsafe chdir("/") != 0 { return .last }
  _ = umask(0o077)
  if clinux_no_core() != 0 { return .last }
  if clinux_ignore_signal(SIGPIPE) != 0 || clinux_ignore_signal(SIGXFSZ) != 0 { return .last }
  // The default action ends the process even where it hangs; a handler would never run. Whoever starts this by hand may block it.
  if clinux_default_signal(SIGALRM) != 0 { return .last }
  var none = sigset_t()
  _ = unsafe sigemptyset(&none)
  if unsafe sigprocmask(SIG_SETMASK, &none, nil) != 0 { return .last }
  _ = alarm(seconds)
  return nil
}

/// _exit(2).
public func endProcess(status: Int32) -> Never { _exit(status) }

/// The effective ids of whoever runs this process.
public func effectiveIDs() -> (user: UInt32, group: UInt32) { (geteuid(), getegid()) }

/// The arguments after the program's name, as bytes.
public func arguments(_ count: Int32, _ vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [[UInt8]] {
  var found: [[UInt8]] = []
  guard let vector = unsafe vector else { return found }
  var index = 1
  // SAFETY: main(3) hands over `count` pointers to texts that end in NUL.
  while index < Int(count), let argument = unsafe vector[index] {
    unsafe found.append(bytes(ofCString: argument))
    index += 1
  }
  return found
}

/// Writes to standard output, where the report goes.
///
/// - Returns: whether all of it was written.
@discardableResult public func writeToStandardOutput(_ text: [UInt8]) -> Bool {
  var done = 0
  while done < text.count {
    let start = done
    // SAFETY: `start` is less than the count, so the buffer is not empty and the range is inside it.
    let written = unsafe text.withUnsafeBytes { bytes in unsafe write(1, bytes.baseAddress! + start, bytes.count - start) }
    if written < 0 && Errno.last != .interrupted { return false }
    if written > 0 { done += written }
  }
  return true
}

/// The host's name as uname(2) gives it.
package func hostName() -> [UInt8] {
  var names = utsname()
  guard unsafe uname(&names) == 0 else { return [] }
  return unsafe withUnsafePointer(to: &names.nodename) { name in
    // SAFETY: uname ends the name with NUL.
    unsafe bytes(ofCString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
  }
}

/// 64 bits that nobody can guess (getrandom(2), without waiting for a kernel that has just been started).
package func randomNumber() throws(Errno) -> UInt64 {
  var number: UInt64 = 0
  let size = MemoryLayout<UInt64>.size
  let got = try retrying { unsafe withUnsafeMutableBytes(of: &number) { unsafe getrandom($0.baseAddress!, size, UInt32(GRND_NONBLOCK)) } }
  if got != size { throw .ioError }
  return number
}

/// CLOCK_MONOTONIC, in milliseconds.
public func monotonicMilliseconds() -> Int64 { clinux_monotonic_milliseconds() }

/// Seconds since the epoch.
package func wallClock() -> Int64 { Int64(time(nil)) }

/// This process as another one can recognise it: its number, and when it started; 0 where there is no /proc to tell.
package func thisProcess() -> ProcessStamp {
  let number = UInt32(bitPattern: getpid())
  return ProcessStamp(number: number, started: startTime(ofProcess: number) ?? 0)
}

/// Whether a process of this number runs, be it the one that is meant or not (kill(2) with signal 0).
package func processExists(_ number: UInt32) -> Bool {
  guard number > 0, let number = Int32(exactly: number) else { return false }
  return kill(number, 0) == 0 || Errno.last != .noProcess
}

/// A process that runs no more, or whose number another one bears by now. When it cannot be told, the answer is no.
package func isGone(_ process: ProcessStamp) -> Bool {
  // No process has such a number.
  if !processExists(process.number) { return true }
  guard let started = startTime(ofProcess: process.number) else { return false }
  return started != process.started
}

/// Whether the process that made a lock file runs no more. When it cannot be told, the answer is no.
///
/// - Parameter modified: when the file was written, in seconds since the epoch.
package func isGone(_ holder: AccountLockHolder, modified: Int64) -> Bool {
  if !processExists(holder.number) { return true }
  guard let running = startTime(ofProcess: holder.number) else { return false }
  return holder.isReused(by: running, bootClock(), modified: modified)
}

/// When the process of this number started, in seconds since the epoch; nil when that cannot be told.
package func startOfProcess(_ number: UInt32) -> Int64? {
  startTime(ofProcess: number).map { bootClock().milliseconds(atTick: $0) / 1000 }
}

private func bootClock() -> BootClock {
  BootClock(
    boot: clinux_milliseconds_since_epoch() - clinux_milliseconds_since_boot(), frequency: max(1, Int64(sysconf(Int32(_SC_CLK_TCK)))))
}

/// Clock ticks since boot at which a process started: field 22 of /proc/PID/stat (proc(5)).
private func startTime(ofProcess number: UInt32) -> UInt64? {
  let path = "/proc" / decimal(UInt64(number)) / "stat"
  do throws(Errno) { return startTime(inStat: try readAll(try open(path: path, .reading), limit: 4096)) } catch { return nil }
}
