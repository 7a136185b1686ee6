internal import CLinux
import RootlessStorage

/// A program that is asked one thing: started with an empty environment and nothing of ours open, in a session of its own, and killed
/// at its deadline, since what it looks at may never answer.
enum ChildProcess {
  enum Failure: Error, Equatable {
    case notStarted(Errno)
    /// Or nobody asks any more.
    ///
    /// - Parameter output: what it had written until then.
    case timedOut(output: [UInt8])
    /// It said more than anybody wants to hear.
    ///
    /// - Parameter output: what was heard of it.
    case tooMuch(output: [UInt8])
  }

  /// How a program ended.
  struct Ending {
    /// What it wrote to standard output, and to standard error if that was asked for.
    let output: [UInt8]
    /// The exit status, or 128 and the signal.
    let status: Int32
    /// The signal that ended it, if one did: a program may well exit with 128 and more.
    var signal: Int32?
  }

  /// Runs this very program with other arguments.
  ///
  /// - Parameter limit: bytes of its standard output.
  /// - Returns: what it wrote to standard output.
  static func runSelf(_ arguments: [[UInt8]], seconds: UInt32, limit: Int) throws(Failure) -> [UInt8] {
    let name = Array("rootless-storage".utf8)
    return try run("/proc/self/exe", [name] + arguments, environment: [], withErrors: false, seconds: seconds, limit: limit)
      .output
  }

  /// Runs a program.
  ///
  /// - Parameters:
  ///   - arguments: with its name.
  ///   - environment: `NAME=VALUE`.
  ///   - withErrors: what it writes to standard error counts too.
  ///   - seconds: until all of it is ended.
  ///   - grace: of these, seconds between the terminating signal and the killing one; 0: there is only the latter.
  ///   - whileAsked: it is ended too once nobody is there to read what this process writes to its standard output.
  static func run(
    _ path: Path, _ arguments: [[UInt8]], environment: [[UInt8]], withErrors: Bool, seconds: UInt32, grace: UInt32 = 0, limit: Int,
    whileAsked: Bool = false
  ) throws(Failure) -> Ending {
    try collect(seconds: seconds, grace: grace, limit: limit, asker: whileAsked ? 1 : -1) { _, writing, child in
      start(&child, path, arguments, environment, writing, withErrors)
    }
  }

  /// Starts this very program with other arguments, to exchange messages with it: its standard output is the other end of the socket.
  static func connectSelf(_ arguments: [[UInt8]]) throws(Failure) -> Companion {
    var own: Int32 = -1
    var other: Int32 = -1
    if unsafe clinux_socketpair(&own, &other) != 0 { throw .notStarted(.last) }
    let socket = FileDescriptor(owning: own)
    var child: Int32 = 0
    let failure = start(&child, "/proc/self/exe", [Array("rootless-storage".utf8)] + arguments, [], other, false)
    _ = close(other)
    if failure != 0 { throw .notStarted(Errno(failure)) }
    return Companion(child: child, socket: MessageSocket(socket))
  }

  /// Runs `body` in a copy of this process (fork(2)), in a session of its own, with no descriptor of this one's but /dev/null.
  ///
  /// A session of its own is out of reach of what ends this process's asker, and a copy with another uid is out of reach of a signal for
  /// its parent's death (PR_SET_PDEATHSIG), which a change of ids takes back. So this process looks at the other end of its own standard
  /// output while it waits: once that is closed, the copy is ended.
  ///
  /// - Precondition: this process has no other thread.
  /// - Parameter limit: bytes of what `body` returns.
  static func runCopy(seconds: UInt32, limit: Int, _ body: () -> [UInt8]) throws(Failure) -> [UInt8] {
    try collect(seconds: seconds, grace: 0, limit: limit, asker: 1, patience: unreadPatience) { reading, writing, child in
      child = clinux_fork()
      if child < 0 { return clinux_errno() }
      if child > 0 { return 0 }
      _ = setsid()
      // What was there is the way to whoever asks this process.
      if dup2(writing, 1) < 0 { _exit(1) }
      _ = close(writing)
      _ = close(reading)
      _exit(writeToStandardOutput(body()) ? 0 : 1)
    }.output
  }

  /// Milliseconds for a copy to notice that nobody reads its output any more.
  private static let unreadPatience: Int64 = 2000

  /// Starts a child, listens to it until it ends, and ends it at its deadline.
  ///
  /// - Parameters:
  ///   - asker: the end of a pipe or socket; when nobody has the other one any more, that is the deadline. -1: none.
  ///   - patience: milliseconds between that and the killing signal.
  ///   - begin: starts it, with the writing end of a pipe as its standard output. Returns 0, or the number of the error.
  private static func collect(
    seconds: UInt32, grace: UInt32, limit: Int, asker: Int32, patience: Int64 = 0,
    _ begin: (_ reading: Int32, _ writing: Int32, _ child: inout Int32) -> Int32
  ) throws(Failure) -> Ending {
    var reading: Int32 = -1
    var writing: Int32 = -1
    if unsafe clinux_pipe(&reading, &writing) != 0 { throw .notStarted(.last) }
    let output = FileDescriptor(owning: reading)
    var child: Int32 = 0
    var failure = clinux_set_nonblocking(reading) == 0 ? 0 : clinux_errno()
    if failure == 0 { failure = begin(reading, writing, &child) }
    _ = close(writing)
    if failure != 0 { throw .notStarted(Errno(failure)) }
    let last = clinux_monotonic_milliseconds() + Int64(seconds) * 1000
    let deadline = last - Int64(grace) * 1000
    let opened = clinux_pidfd_open(child)
    let process: FileDescriptor? = opened < 0 ? nil : FileDescriptor(owning: opened)
    let (text, stop) = listen(output, child, opened, limit, asker, until: deadline)
    let isLate = stop != .end
    let isTooMuch = text.count > limit
    // Nobody else reaps our children, so the number is the child's until we have.
    // One that says too much waits for somebody to listen.
    var ending = isLate || isTooMuch ? nil : wait(for: child, opened, until: deadline)
    // It may be done with what it is about, and ends what it has started itself: it sees too that nobody reads any more.
    _ = consume output
    if stop == .unasked { ending = wait(for: child, opened, until: min(deadline, clinux_monotonic_milliseconds() + patience)) }
    // It has closed its output, and goes on: only where a program of ours has said all is that an ending.
    let isHanging = ending == nil && !isTooMuch && grace > 0
    if ending == nil && grace > 0 {
      _ = kill(-child, SIGTERM)
      ending = wait(for: child, opened, until: min(last, clinux_monotonic_milliseconds() + Int64(grace) * 1000))
      // It has left its group behind.
      if ending != nil { _ = kill(-child, SIGKILL) }
    }
    if ending == nil {
      end(child)
      // What hangs in a file server that is gone is still ended by SIGKILL, but perhaps not what hangs in FUSE.
      ending = wait(for: child, opened, until: clinux_monotonic_milliseconds() + 1000)
    }
    _ = consume process
    if isTooMuch { throw .tooMuch(output: text) }
    if isLate || isHanging { throw .timedOut(output: text) }
    return Ending(output: text, status: ending?.status ?? 128 + SIGKILL, signal: ending.map(\.signal) ?? SIGKILL)
  }

  /// It leads a session and a process group of its own, or is about to.
  private static func end(_ child: Int32) {
    _ = kill(-child, SIGKILL)
    _ = kill(child, SIGKILL)
  }

  private static func start(
    _ child: inout Int32, _ path: Path, _ arguments: [[UInt8]], _ environment: [[UInt8]], _ report: Int32, _ withErrors: Bool
  ) -> Int32 {
    var vector: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe withCString($0) { unsafe strdup($0) } }
    defer { unsafe vector.forEach { unsafe free($0) } }
    var variables: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe withCString($0) { unsafe strdup($0) } }
    defer { unsafe variables.forEach { unsafe free($0) } }
    if unsafe vector.contains(where: { unsafe $0 == nil }) || variables.contains(where: { unsafe $0 == nil }) { return ENOMEM }
    unsafe vector.append(nil)
    unsafe variables.append(nil)
    return unsafe vector.withUnsafeBufferPointer { arguments in
      unsafe variables.withUnsafeBufferPointer { environment in
        unsafe withCString(path.bytes) { path in
          // SAFETY: both arrays end in nil, so they are not empty.
          unsafe spawn(
            &child, path, arguments.baseAddress!, report: report, errors: withErrors ? report : -1, environment: environment.baseAddress!)
        }
      }
    }
  }

  private enum Stop { case end, late, unasked }

  /// To the end of file or of the process, whichever comes first: what the program leaves behind may hold the pipe.
  ///
  /// - Parameters:
  ///   - process: a pidfd (pidfd_open(2)), or -1 where the kernel has none.
  ///   - asker: as `collect` has it.
  /// - Returns: what it wrote, and why there is no more.
  private static func listen(
    _ output: borrowing FileDescriptor, _ child: Int32, _ process: Int32, _ limit: Int, _ asker: Int32, until deadline: Int64
  ) -> (text: [UInt8], stop: Stop) {
    var text: [UInt8] = []
    while text.count <= limit {
      let left = deadline - clinux_monotonic_milliseconds()
      if left <= 0 { return (text, .late) }
      var events: Int32 = 0
      var exit: Int32 = 0
      var isGone: Int32 = 0
      // Before Linux 5.3 nothing wakes us at its exit. Asked before the pipe: what it wrote last is then there.
      let hasEnded = process < 0 && hasEnded(child)
      let slice = hasEnded ? 0 : process < 0 ? min(left, 50) : left
      if unsafe clinux_poll_with(asker, output.raw, process, Int32(clamping: slice), &events, &exit, &isGone) < 0
        && Errno.last != .interrupted
      {
        return (text, .late)
      }
      if isGone != 0 { return (text, .unasked) }
      if events == 0 {
        // What it wrote last has been read.
        if exit != 0 || hasEnded { break }
        continue
      }
      var isAtEnd = false
      do throws(Errno) {
        let piece = try readPiece(output)
        isAtEnd = piece.isEmpty
        text += piece
      } catch {
        if error != Errno(EAGAIN) { return (text, .late) }
      }
      if isAtEnd { break }
    }
    return (text, .end)
  }

  /// waitid(2): whether it has ended, without reaping it.
  private static func hasEnded(_ child: Int32) -> Bool {
    var number: Int32 = 0
    var code: Int32 = 0
    var status: Int32 = 0
    return unsafe clinux_waitid(clinux_p_pid, child, WEXITED | WNOHANG | WNOWAIT, &number, &code, &status) != 0 || number != 0
  }

  private static func readPiece(_ output: borrowing FileDescriptor) throws(Errno) -> [UInt8] {
    let raw = output.raw
    var failure: Errno? = nil
    let piece = unsafe [UInt8](unsafeUninitializedCapacity: 16384) { buffer, filled in
      // SAFETY: read(2) writes at most the buffer's count, which is not 0, and says how much it has written.
      do throws(Errno) { filled = try retrying { unsafe read(raw, buffer.baseAddress!, buffer.count) } } catch { failure = error }
    }
    if let failure { throw failure }
    return piece
  }

  /// - Returns: the exit status, or 128 and the signal, and the signal if one ended it, once it was reaped; nil if the deadline came first.
  private static func wait(for child: Int32, _ process: Int32, until deadline: Int64) -> (status: Int32, signal: Int32?)? {
    while true {
      var status: Int32 = 0
      let ended = unsafe waitpid(child, &status, WNOHANG)
      if ended != 0 { return status & 0x7f == 0 ? (status >> 8 & 0xff, nil) : (128 + (status & 0x7f), status & 0x7f) }
      let left = deadline - clinux_monotonic_milliseconds()
      if left <= 0 { return nil }
      var events: Int32 = 0
      var none: Int32 = 0
      if process < 0 { _ = usleep(1000) } else { _ = unsafe clinux_poll(process, -1, Int32(clamping: left), &events, &none) }
    }
  }

  /// This program a second time, to exchange messages with. It ends when nobody holds the other end of its socket any more.
  final class Companion {
    private let child: Int32
    let socket: MessageSocket

    fileprivate init(child: Int32, socket: consuming MessageSocket) {
      self.child = child
      self.socket = socket
    }

    deinit {
      // It may be one that does not answer. What it has started ends at its own deadline.
      ChildProcess.end(child)
      _ = ChildProcess.wait(for: child, -1, until: clinux_monotonic_milliseconds() + 1000)
    }
  }
}

/// SIGCHLD at its default, so that a child that has ended waits to be asked for.
func restoreChildSignal() { _ = clinux_default_signal(SIGCHLD) }

/// Whether what loses its parent below this process becomes its child (prctl(2), PR_SET_CHILD_SUBREAPER).
func adoptOrphans(_ isOn: Bool) { _ = clinux_prctl(PR_SET_CHILD_SUBREAPER, isOn ? 1 : 0) }

/// Kills and reaps the children of this process, and what becomes its child by that, until there is none; a second at most.
func endChildren() {
  let deadline = clinux_monotonic_milliseconds() + 1000
  while clinux_monotonic_milliseconds() < deadline {
    for child in children() { _ = kill(child, SIGKILL) }
    while true {
      let ended = waitpid(-1, nil, WNOHANG)
      if ended < 0 && Errno.last != .interrupted { return }
      if ended == 0 { break }
    }
    _ = usleep(1000)
  }
}

/// By field 4 of /proc/PID/stat (proc(5)): not every kernel lists children.
private func children() -> [Int32] {
  var found: [Int32] = []
  do throws(Errno) {
    let proc = try open(path: "/proc", .directory)
    let reader = DirectoryReader(try open(at: proc, [.dot], .directory))
    while let entry = try reader.next() {
      guard let number = identifier(entry.name), let child = Int32(exactly: number) else { continue }
      do throws(Errno) {
        let stat = try readAll(try open(at: proc, path: Path(entry.name) / "stat", .reading), limit: 4096)
        // The name before it is in parentheses, and may hold anything.
        let fields = words(stat[(stat.lastIndex(of: .rightParenthesis).map { $0 + 1 } ?? stat.endIndex)...])
        if fields.count > 1, identifier(fields[1]) == UInt32(bitPattern: getpid()) { found.append(child) }
      } catch { continue }
    }
  } catch {}
  return found
}
