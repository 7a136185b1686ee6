internal import CLinux

/// The ids that a user's files are touched with.
public struct Credentials: Equatable, Sendable {
  public let user: UInt32
  public let group: UInt32
  /// Supplementary groups.
  public let groups: [UInt32]

  public init(user: UInt32, group: UInt32, groups: [UInt32]) {
    self.user = user
    self.group = group
    self.groups = groups
  }
}

/// A step of changing the identity that did not happen, or did not hold.
public struct IdentityError: Error, Equatable, Sendable {
  public enum Step: Equatable, Sendable {
    case becomeRoot, groups, groupID, userID, capabilities, dumpable, verify
  }
  public let step: Step
  public let cause: Errno?
}

/// The identity of this process (credentials(7)). Single-threaded, as the session helper is.
///
/// With root's rights it goes through these states: wholly root → looking as the user, with only the effective ids, so that
/// the user can neither signal nor trace it → root again, to read the skeleton → … → for good the user. Every change is
/// verified, since a drop of privileges that is not is none (CVE-2010-3430). Started by the user, it is the user all along.
public struct Identity: ~Copyable {
  private enum State { case root, looking, dropped }

  public let credentials: Credentials
  /// The process was started with root's rights.
  public let isPrivileged: Bool
  private var state: State

  /// Makes the process wholly root: after `su` the real user id is still the caller's, who could stop or kill it.
  public init(for credentials: Credentials) throws(IdentityError) {
    self.credentials = credentials
    isPrivileged = geteuid() == 0
    state = isPrivileged ? .root : .dropped
    try notDumpable()
    guard isPrivileged else { return }
    if setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0 { throw IdentityError(step: .becomeRoot, cause: .last) }
    try setGroups([])
    if ids() != Ids(users: [0, 0, 0], groups: [0, 0, 0]) { throw IdentityError(step: .verify, cause: nil) }
  }

  /// Takes the user's effective ids and groups, and no capability in effect; root's rights stay in reserve.
  public mutating func becomeUser() throws(IdentityError) {
    guard state == .root else { return }
    try setGroups(credentials.groups)
    if setresgid(clinux_invalid_id, credentials.group, clinux_invalid_id) != 0 { throw IdentityError(step: .groupID, cause: .last) }
    if setresuid(clinux_invalid_id, credentials.user, clinux_invalid_id) != 0 { throw IdentityError(step: .userID, cause: .last) }
    state = .looking
    // Leaving the effective id 0 clears them, unless the host was given secure bits that keep them.
    try setEffectiveCapabilities(0)
    // A change of ids makes a process as dumpable as fs.suid_dumpable says.
    try notDumpable()
    let expected = Ids(users: [0, credentials.user, 0], groups: [0, credentials.group, 0])
    if ids() != expected { throw IdentityError(step: .verify, cause: nil) }
    if currentGroups() != credentials.groups.sorted() { throw IdentityError(step: .groups, cause: nil) }
  }

  /// mkdirat(2) as the user: the directory is born with its owner, since the file-system ids are the user's. Where the user may not
  /// write to the parent and root's rights are in reserve, once more with CAP_DAC_OVERRIDE in effect for this one call.
  package func makeDirectory(at parent: borrowing FileDescriptor, _ name: [UInt8], mode: UInt32) throws(Errno) {
    do throws(Errno) { return try makeNamedDirectory(at: parent, name, mode: mode) } catch {
      if state != .looking || error != .accessDenied { throw error }
    }
    try with(1 << UInt64(clinux_cap_dac_override)) { () throws(Errno) in try makeNamedDirectory(at: parent, name, mode: mode) }
  }

  /// renameat2(2) with RENAME_EXCHANGE of two names in a directory with the sticky bit, where the one may be another user's: with
  /// CAP_FOWNER in effect for this one call. Neither object is opened, followed or changed.
  package func exchangeNames(at parent: borrowing FileDescriptor, _ one: [UInt8], _ other: [UInt8]) throws(Errno) {
    try asFileOwner { () throws(Errno) in try exchange(at: parent, one, other) }
  }

  /// The same with RENAME_NOREPLACE.
  package func renameAnothers(at parent: borrowing FileDescriptor, _ old: [UInt8], _ new: [UInt8]) throws(Errno) {
    try asFileOwner { () throws(Errno) in try renameWithoutReplacing(at: parent, old, new) }
  }

  @inline(never) private func asFileOwner(_ call: () throws(Errno) -> Void) throws(Errno) {
    guard state == .looking else { throw .notPermitted }
    do throws(Errno) { return try with(1 << UInt64(clinux_cap_fowner), call) } catch {
      if error != .accessDenied { throw error }
    }
    // A parent that only a group may write to.
    try with(1 << UInt64(clinux_cap_fowner) | 1 << UInt64(clinux_cap_dac_override), call)
  }

  /// One call with these capabilities in effect, and none before and after it.
  @inline(never) private func with(_ capabilities: UInt64, _ call: () throws(Errno) -> Void) throws(Errno) {
    do throws(IdentityError) { try setEffectiveCapabilities(capabilities) } catch {
      throw error.cause ?? .notPermitted
    }
    var failure: Errno? = nil
    do throws(Errno) { try call() } catch { failure = error }
    do throws(IdentityError) { try setEffectiveCapabilities(0) } catch {
      // A capability that cannot be given back must not be carried into a home.
      endProcess(status: 1)
    }
    if let failure { throw failure }
  }

  /// Back to root's effective ids, after `becomeUser`.
  public mutating func becomeRootAgain() throws(IdentityError) {
    guard state == .looking else { return }
    if setresuid(clinux_invalid_id, 0, clinux_invalid_id) != 0 { throw IdentityError(step: .becomeRoot, cause: .last) }
    if setresgid(clinux_invalid_id, 0, clinux_invalid_id) != 0 { throw IdentityError(step: .becomeRoot, cause: .last) }
    try setGroups([])
    state = .root
    if ids() != Ids(users: [0, 0, 0], groups: [0, 0, 0]) { throw IdentityError(step: .verify, cause: nil) }
  }

  /// Something as root, where root's rights are in reserve: not after `dropForGood`, and not where the user has started it.
  public mutating func asRoot(_ body: () -> Void) throws(IdentityError) {
    if state == .dropped { return }
    let isLooking = state == .looking
    try becomeRootAgain()
    body()
    if isLooking { try becomeUser() }
  }

  /// The user for good: groups, group ids, user ids, every capability; not dumpable; and verified, so that no later mistake
  /// can act with more than the user's rights. Started by the user, it only verifies.
  public mutating func dropForGood() throws(IdentityError) {
    try becomeRootAgain()
    if state == .root {
      try setGroups(credentials.groups)
      if setresgid(credentials.group, credentials.group, credentials.group) != 0 { throw IdentityError(step: .groupID, cause: .last) }
      if setresuid(credentials.user, credentials.user, credentials.user) != 0 { throw IdentityError(step: .userID, cause: .last) }
      var none = clinux_capabilities(effective: 0, permitted: 0, inheritable: 0)
      if unsafe clinux_capset(&none) != 0 { throw IdentityError(step: .capabilities, cause: .last) }
      state = .dropped
    }
    try notDumpable()
    let user = credentials.user
    let group = credentials.group
    if ids() != Ids(users: [user, user, user], groups: [group, group, group]) { throw IdentityError(step: .verify, cause: nil) }
    var held = clinux_capabilities(effective: 1, permitted: 1, inheritable: 1)
    if unsafe clinux_capget(&held) != 0 { throw IdentityError(step: .capabilities, cause: .last) }
    if held.effective != 0 || held.permitted != 0 || held.inheritable != 0 { throw IdentityError(step: .capabilities, cause: nil) }
    if isPrivileged && currentGroups() != credentials.groups.sorted() { throw IdentityError(step: .groups, cause: nil) }
    // What no kernel should grant any more: if it does, the drop was none.
    if isPrivileged && setresuid(clinux_invalid_id, 0, clinux_invalid_id) == 0 { throw IdentityError(step: .verify, cause: nil) }
  }
}

private struct Ids: Equatable {
  let users: [UInt32]
  let groups: [UInt32]
}

private func ids() -> Ids? {
  var real: UInt32 = 0, effective: UInt32 = 0, saved: UInt32 = 0
  guard unsafe getresuid(&real, &effective, &saved) == 0 else { return nil }
  let users = [real, effective, saved]
  guard unsafe getresgid(&real, &effective, &saved) == 0 else { return nil }
  return Ids(users: users, groups: [real, effective, saved])
}

private func setGroups(_ groups: [UInt32]) throws(IdentityError) {
  let result = unsafe groups.withUnsafeBufferPointer { unsafe setgroups($0.count, $0.baseAddress) }
  if result != 0 { throw IdentityError(step: .groups, cause: .last) }
}

private func currentGroups() -> [UInt32] {
  let count = getgroups(0, nil)
  if count <= 0 { return [] }
  var groups = [UInt32](repeating: clinux_invalid_id, count: Int(count))
  // SAFETY: the array has room for `count`; getgroups fails rather than writing more.
  let got = unsafe groups.withUnsafeMutableBufferPointer { unsafe getgroups(count, $0.baseAddress) }
  return got == count ? groups.sorted() : []
}

private func setEffectiveCapabilities(_ effective: UInt64) throws(IdentityError) {
  var capabilities = clinux_capabilities(effective: 0, permitted: 0, inheritable: 0)
  if unsafe clinux_capget(&capabilities) != 0 { throw IdentityError(step: .capabilities, cause: .last) }
  if capabilities.effective == effective { return }
  capabilities.effective = effective
  if unsafe clinux_capset(&capabilities) != 0 { throw IdentityError(step: .capabilities, cause: .last) }
  if unsafe clinux_capget(&capabilities) != 0 { throw IdentityError(step: .capabilities, cause: .last) }
  if capabilities.effective != effective { throw IdentityError(step: .capabilities, cause: nil) }
}

private func notDumpable() throws(IdentityError) {
  if clinux_prctl(PR_SET_DUMPABLE, 0) != 0 { throw IdentityError(step: .dumpable, cause: .last) }
  if clinux_prctl(PR_GET_DUMPABLE, 0) != 0 { throw IdentityError(step: .dumpable, cause: nil) }
}
