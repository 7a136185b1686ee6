internal import CLinux

/// What a process may be hindered by that it has from whoever started it.
public enum Hindrance: Equatable, Sendable {
  /// A limit of setrlimit(2).
  case addressSpace, data, stack, processorTime, fileSize, openFiles, lockedMemory, residentSet
  case niceness, scheduling, inputOutput
}

struct HindranceError: Error {
  let hindrance: Hindrance
  let cause: Errno
}

/// Makes this process root's own in what it may use and how it is scheduled, as shadow's programs do in pwd_init: su(1) and sudo(8)
/// hand over what their caller has chosen, and a process that is ended or starved while it holds the locks of the account files keeps
/// everybody from them.
///
/// Sets resource limits to infinity (not that of core files, which stays 0), the nice value to 0, policy and I/O priority to the default,
/// and the processors to all. What may not be set is an error only where what is there is worse than what editing the files needs.
func becomeUnhindered() throws(HindranceError) {
  // What is enough: several copies of files of 64 MiB, and much more than the time there is.
  try lift(clinux_rlimit_as, .addressSpace, enough: 4 << 30)
  try lift(clinux_rlimit_data, .data, enough: 4 << 30)
  try lift(clinux_rlimit_stack, .stack, enough: 1 << 20)
  try lift(clinux_rlimit_cpu, .processorTime, enough: 600)
  try lift(clinux_rlimit_fsize, .fileSize, enough: 128 << 20)
  // The kernel knows no infinity here (fs.nr_open).
  try lift(clinux_rlimit_nofile, .openFiles, enough: 64)
  try lift(clinux_rlimit_memlock, .lockedMemory, enough: 0)
  try lift(clinux_rlimit_rss, .residentSet, enough: 0)
  if clinux_set_nice(0) != 0 {
    let cause = Errno.last
    // 20 is the nice value 0.
    if clinux_get_priority() < 20 { throw HindranceError(hindrance: .niceness, cause: cause) }
  }
  if clinux_schedule_as_others() != 0 {
    let cause = Errno.last
    if clinux_is_scheduled_as_others() == 0 { throw HindranceError(hindrance: .scheduling, cause: cause) }
  }
  if clinux_default_io_priority() != 0 {
    let cause = Errno.last
    if clinux_has_idle_io_priority() != 0 { throw HindranceError(hindrance: .inputOutput, cause: cause) }
  }
  // Always permitted to oneself; fewer processors alone end nothing.
  _ = clinux_run_anywhere()
}

/// - Parameter enough: in the limit's unit.
private func lift(_ resource: Int32, _ hindrance: Hindrance, enough: UInt64) throws(HindranceError) {
  if clinux_set_limit(resource, clinux_rlim_infinity) == 0 { return }
  let cause = Errno.last
  var current: UInt64 = 0, highest: UInt64 = 0
  if unsafe clinux_get_limit(resource, &current, &highest) == 0 && current >= enough { return }
  if clinux_set_limit(resource, max(highest, enough)) == 0 { return }
  throw HindranceError(hindrance: hindrance, cause: cause)
}
