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
      ? unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) : unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)
  }
  if failure == 0 { failure = unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) }
  if failure == 0 { failure = unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3) }

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
