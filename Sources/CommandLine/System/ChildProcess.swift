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

  /// Runs this very program with other arguments.
  ///
  /// - Parameter limit: bytes of its standard output.
  /// - Returns: what it wrote to standard output.
  static func runSelf(_ arguments: [[UInt8]], seconds: UInt32, limit: Int) throws(Failure) -> [UInt8] {
    var reading: Int32 = -1
    var writing: Int32 = -1
    if unsafe clinux_pipe(&reading, &writing) != 0 { throw .notStarted(.last) }
    let output = FileDescriptor(owning: reading)
    var child: Int32 = 0
    var failure = clinux_set_nonblocking(reading) == 0 ? 0 : clinux_errno()
    if failure == 0 { failure = start(&child, [Array("rootless-storage".utf8)] + arguments, writing) }
    _ = close(writing)
    if failure != 0 { throw .notStarted(Errno(failure)) }
    let deadline = clinux_monotonic_milliseconds() + Int64(seconds) * 1000
    let text = listen(output, limit, until: deadline)
    // Nobody else reaps our children, so the number is the child's until we have.
    if text == nil || !waits(for: child, until: deadline) {
      _ = kill(child, SIGKILL)
      // What hangs in a file server that is gone is still ended by SIGKILL, but perhaps not what hangs in FUSE.
      _ = waits(for: child, until: clinux_monotonic_milliseconds() + 1000)
    }
    guard let text else { throw .timedOut }
    if text.count > limit { throw .tooMuch }
    return text
  }

  private static func start(_ child: inout Int32, _ arguments: [[UInt8]], _ report: Int32) -> Int32 {
    var vector: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe withCString($0) { unsafe strdup($0) } }
    defer { for unsafe text in unsafe vector { unsafe free(text) } }
    if unsafe vector.contains(where: { unsafe $0 == nil }) { return ENOMEM }
    unsafe vector.append(nil)
    return unsafe vector.withUnsafeBufferPointer { arguments in
      unsafe withCString(Array("/proc/self/exe".utf8)) { path in
        // SAFETY: the array ends in nil, so it is not empty.
        unsafe spawn(&child, path, arguments.baseAddress!, report: report)
      }
    }
  }

  /// - Returns: nil if the deadline came first.
  private static func listen(_ output: borrowing FileDescriptor, _ limit: Int, until deadline: Int64) -> [UInt8]? {
    var text: [UInt8] = []
    while text.count <= limit {
      let left = deadline - clinux_monotonic_milliseconds()
      if left <= 0 { return nil }
      var events: Int32 = 0
      var none: Int32 = 0
      if unsafe clinux_poll(output.raw, -1, Int32(clamping: left), &events, &none) < 0 && Errno.last != .interrupted { return nil }
      if events == 0 { continue }
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

  /// - Returns: whether it has ended and was reaped.
  private static func waits(for child: Int32, until deadline: Int64) -> Bool {
    while true {
      var status: Int32 = 0
      let ended = unsafe waitpid(child, &status, WNOHANG)
      if ended != 0 { return true }
      if clinux_monotonic_milliseconds() >= deadline { return false }
      _ = usleep(1000)
    }
  }
}

/// SIGCHLD at its default, so that a child that has ended waits to be asked for.
func restoreChildSignal() { _ = clinux_default_signal(SIGCHLD) }
