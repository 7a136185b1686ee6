internal import CLinux

/// Starts a program with posix_spawn(3): a session of its own, every signal at its default and none blocked, standard input /dev/null,
/// no descriptor but the three standard ones.
///
/// - Parameters:
///   - report: becomes its standard output.
///   - errors: becomes its standard error; -1: /dev/null.
///   - variables: ends in nil, as for execve(2); nil: empty.
/// - Returns: 0, or the number of the error.
package func spawn(
  _ child: inout Int32, _ path: UnsafePointer<CChar>, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>, report: Int32,
  errors: Int32 = -1, environment variables: UnsafePointer<UnsafeMutablePointer<CChar>?>? = nil
) -> Int32 {
  var actions = unsafe posix_spawn_file_actions_t()
  var failure = unsafe posix_spawn_file_actions_init(&actions)
  if failure != 0 { return failure }
  defer { _ = unsafe posix_spawn_file_actions_destroy(&actions) }
  var attributes = posix_spawnattr_t()
  failure = unsafe posix_spawnattr_init(&attributes)
  if failure != 0 { return failure }
  defer { _ = unsafe posix_spawnattr_destroy(&attributes) }

  // The report first: if the host runs without standard descriptors, the pipe may be one of them.
  failure = unsafe posix_spawn_file_actions_adddup2(&actions, report, 1)
  if failure == 0 {
    failure =
      errors < 0
      ? unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
      : unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)
  }
  if failure == 0 { failure = unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) }
  if failure == 0 { failure = unsafe clinux_spawn_close_from(&actions, 3) }
  if failure < 0 { failure = unsafe closeEach(&actions, from: 3) }

  var signals = sigset_t()
  // With a set of one's own these two cannot fail.
  _ = unsafe sigemptyset(&signals)
  if failure == 0 { failure = unsafe posix_spawnattr_setsigmask(&attributes, &signals) }
  _ = unsafe sigfillset(&signals)
  if failure == 0 { failure = unsafe posix_spawnattr_setsigdefault(&attributes, &signals) }
  if failure == 0 { failure = unsafe posix_spawnattr_setflags(&attributes, clinux_spawn_flags) }
  if failure != 0 { return failure }

  if let variables = unsafe variables { return unsafe posix_spawn(&child, path, &actions, &attributes, arguments, variables) }
  var environment: UnsafeMutablePointer<CChar>? = nil
  return unsafe posix_spawn(&child, path, &actions, &attributes, arguments, &environment)
}

/// The same as `clinux_spawn_close_from`, where libc cannot do it (before glibc 2.34): closes each descriptor that this process has now. One
/// that another thread opens meanwhile and does not close on exec is still there in the child.
///
/// - Returns: 0, or the number of the error: ENOSYS where there is no /proc, so that nobody takes it for a missing program.
func closeEach(_ actions: inout posix_spawn_file_actions_t, from first: Int32) -> Int32 {
  let folder = unsafe clinux_openat(clinux_at_fdcwd, "/proc/self/fd", O_RDONLY | clinux_o_directory | clinux_o_cloexec, 0)
  if folder < 0 { return clinux_errno() == ENOENT ? ENOSYS : clinux_errno() }
  defer { _ = close(folder) }
  return unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer in
    let start = buffer.baseAddress!
    while true {
      let got = unsafe clinux_getdents(folder, start, 1024)
      if got <= 0 { return got == 0 ? 0 : clinux_errno() }
      var offset = 0
      // SAFETY: the kernel writes whole entries, at least 24 bytes long, whose names end in NUL (getdents64(2)).
      while offset < got {
        let entry = unsafe start + offset
        if let descriptor = unsafe number(of: (entry + 19).assumingMemoryBound(to: UInt8.self)), descriptor >= first && descriptor != folder
        {
          let failure = unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
          // A descriptor above a limit that was lowered cannot be named, and stays.
          if failure != 0 && failure != EBADF { return failure }
        }
        offset &+= unsafe Int(entry.load(fromByteOffset: 16, as: UInt16.self))
      }
    }
  }
}

/// A decimal number that ends in NUL; nil for `.` and `..`.
private func number(of text: UnsafePointer<UInt8>) -> Int32? {
  var value: Int32 = 0
  var position = 0
  while unsafe text[position] != 0 {
    let digit = unsafe text[position] &- UInt8(ascii: "0")
    if digit > 9 { return nil }
    value = value &* 10 &+ Int32(digit)
    position &+= 1
  }
  return value
}
