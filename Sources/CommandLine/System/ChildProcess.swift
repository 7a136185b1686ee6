internal import CLinux
import RootlessStorage

/// A program that is asked one thing: started with an empty environment and nothing of ours open, in a session of its own, and killed
/// at its deadline, since what it looks at may never answer.
enum ChildProcess {
  enum Failure: Error, Equatable {
    case notStarted(Errno)
    case timedOut
    /// It said more than anybody wants to hear.
    case tooMuch
  }

  /// How a program ended.
  struct Ending {
    /// What it wrote to standard output, and to standard error if that was asked for.
    let output: [UInt8]
    /// The exit status, or 128 and the signal.
    let status: Int32
  }

  /// Runs this very program with other arguments.
  ///
  /// - Parameter limit: bytes of its standard output.
  /// - Returns: what it wrote to standard output.
  static func runSelf(_ arguments: [[UInt8]], seconds: UInt32, limit: Int) throws(Failure) -> [UInt8] {
    let name = Array("rootless-storage".utf8)
    return try run(Array("/proc/self/exe".utf8), [name] + arguments, environment: [], withErrors: false, seconds: seconds, limit: limit).output
  }

  /// Runs a program.
  ///
  /// - Parameters:
  ///   - arguments: with its name.
  ///   - environment: `NAME=VALUE`.
  ///   - withErrors: what it writes to standard error counts too.
  static func run(
    _ path: [UInt8], _ arguments: [[UInt8]], environment: [[UInt8]], withErrors: Bool, seconds: UInt32, limit: Int
  ) throws(Failure) -> Ending {
    var reading: Int32 = -1
    var writing: Int32 = -1
    if unsafe clinux_pipe(&reading, &writing) != 0 { throw .notStarted(.last) }
    let output = FileDescriptor(owning: reading)
    var child: Int32 = 0
    var failure = clinux_set_nonblocking(reading) == 0 ? 0 : clinux_errno()
    if failure == 0 { failure = start(&child, path, arguments, environment, writing, withErrors) }
    _ = close(writing)
    if failure != 0 { throw .notStarted(Errno(failure)) }
    let deadline = clinux_monotonic_milliseconds() + Int64(seconds) * 1000
    let text = listen(output, child, limit, until: deadline)
    // Nobody else reaps our children, so the number is the child's until we have.
    // One that says too much waits for somebody to listen.
    var status = text.map { $0.count <= limit } == true ? wait(for: child, until: deadline) : nil
    if status == nil {
      // It leads a session and a process group of its own.
      _ = kill(-child, SIGKILL)
      // What hangs in a file server that is gone is still ended by SIGKILL, but perhaps not what hangs in FUSE.
      status = wait(for: child, until: clinux_monotonic_milliseconds() + 1000)
    }
    guard let text else { throw .timedOut }
    if text.count > limit { throw .tooMuch }
    return Ending(output: text, status: status ?? 128 + SIGKILL)
  }

  private static func start(
    _ child: inout Int32, _ path: [UInt8], _ arguments: [[UInt8]], _ environment: [[UInt8]], _ report: Int32, _ withErrors: Bool
  ) -> Int32 {
    var vector: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe withCString($0) { unsafe strdup($0) } }
    defer { for unsafe text in unsafe vector { unsafe free(text) } }
    var variables: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe withCString($0) { unsafe strdup($0) } }
    defer { for unsafe text in unsafe variables { unsafe free(text) } }
    if unsafe vector.contains(where: { unsafe $0 == nil }) || variables.contains(where: { unsafe $0 == nil }) { return ENOMEM }
    unsafe vector.append(nil)
    unsafe variables.append(nil)
    return unsafe vector.withUnsafeBufferPointer { arguments in
      unsafe variables.withUnsafeBufferPointer { environment in
        unsafe withCString(path) { path in
          // SAFETY: both arrays end in nil, so they are not empty.
          unsafe spawn(
            &child, path, arguments.baseAddress!, report: report, errors: withErrors ? report : -1, environment: environment.baseAddress!)
        }
      }
    }
  }

  /// To the end of file or of the process, whichever comes first: what the program leaves behind may hold the pipe.
  ///
  /// - Returns: nil if the deadline came first.
  private static func listen(_ output: borrowing FileDescriptor, _ child: Int32, _ limit: Int, until deadline: Int64) -> [UInt8]? {
    let opened = clinux_pidfd_open(child)
    let process: FileDescriptor? = opened < 0 ? nil : FileDescriptor(owning: opened)
    var text: [UInt8] = []
    while text.count <= limit {
      let left = deadline - clinux_monotonic_milliseconds()
      if left <= 0 { return nil }
      var events: Int32 = 0
      var exit: Int32 = 0
      if unsafe clinux_poll(output.raw, opened, Int32(clamping: left), &events, &exit) < 0 && Errno.last != .interrupted { return nil }
      if events == 0 {
        // What it wrote last has been read.
        if exit != 0 { break }
        continue
      }
      var isAtEnd = false
      do throws(Errno) {
        let piece = try readPiece(output)
        isAtEnd = piece.isEmpty
        text += piece
      } catch {
        if error != Errno(EAGAIN) { return nil }
      }
      if isAtEnd { break }
    }
    _ = consume process
    return text
  }

  private static func readPiece(_ output: borrowing FileDescriptor) throws(Errno) -> [UInt8] {
    var piece = [UInt8](repeating: 0, count: 65536)
    let raw = output.raw
    let room = piece.count
    // SAFETY: read(2) writes at most `room` bytes into a buffer of that size.
    let got = try retrying { unsafe piece.withUnsafeMutableBytes { unsafe read(raw, $0.baseAddress!, room) } }
    piece.removeLast(room - got)
    return piece
  }

  /// - Returns: the exit status, or 128 and the signal, once it has ended and was reaped; nil if the deadline came first.
  private static func wait(for child: Int32, until deadline: Int64) -> Int32? {
    while true {
      var status: Int32 = 0
      let ended = unsafe waitpid(child, &status, WNOHANG)
      if ended != 0 { return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f) }
      if clinux_monotonic_milliseconds() >= deadline { return nil }
      _ = usleep(1000)
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
    let proc = try open(path: Array("/proc".utf8), .directory)
    let reader = DirectoryReader(try open(at: proc, [0x2e], .directory))
    while let entry = try reader.next() {
      guard let number = identifier(entry.name), let child = Int32(exactly: number) else { continue }
      do throws(Errno) {
        let stat = try readAll(try open(at: proc, entry.name + Array("/stat".utf8), .reading), limit: 4096)
        // The name before it is in parentheses, and may hold anything.
        let fields = words(stat[(stat.lastIndex(of: 0x29).map { $0 + 1 } ?? stat.endIndex)...])
        if fields.count > 1, identifier(fields[1]) == UInt32(bitPattern: getpid()) { found.append(child) }
      } catch { continue }
    }
  } catch {}
  return found
}
