internal import CLinux
internal import CPAM
internal import RootlessStorageEmbedded

// The way of a login: this file, then Sources/SessionHelper/SessionHelper.swift, then Policy/Planner.swift.
//
// It runs as root inside sshd, login, su, gdm or cron, perhaps in one of several threads. So it only reads its options, looks the
// account and its groups up, starts the session helper, listens to it until a deadline, and logs. Nothing here traps or uses a Swift
// runtime; a test reads that from the built file.

/// Called when a session begins (pam_sm_open_session(3)).
@c(pam_sm_open_session)
public func openSession(
  _ handle: OpaquePointer?, _ flags: CInt, _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> CInt {
  guard let handle = unsafe handle else { return PAM_SUCCESS }
  var item: UnsafeRawPointer? = nil
  _ = unsafe pam_get_item(handle, PAM_USER, &item)
  let pamUser = unsafe item?.assumingMemoryBound(to: CChar.self)
  let log = unsafe Log(handle, user: pamUser ?? literal("(nobody)"))
  var options = ModuleOptions()
  var index = 0
  // SAFETY: libpam hands over `count` texts that end in NUL and live as long as the handle.
  while index < Int(count), let option = unsafe arguments?[index] {
    if unsafe !options.parse(option) {
      unsafe log.warning("option is unknown or malformed, ignoring; see pam_rootless_storage(8): ", option)
    }
    index &+= 1
  }
  let outcome = unsafe session(handle, pamUser, options, isSilent: UInt32(bitPattern: flags) & PAM_SILENT != 0, log)
  if !options.strict || outcome == .done { return PAM_SUCCESS }
  if outcome == .tolerated {
    log.warning(
      "the login goes on although the option strict is given: somebody else may have caused it, who can write to the directory that holds the storage directories, or has filled the disk; a directory of root's on a disk that users cannot fill prevents both"
    )
    return PAM_SUCCESS
  }
  return PAM_SESSION_ERR
}

/// Called when a session ends. There is nothing to do.
@c(pam_sm_close_session)
public func closeSession(
  _ handle: OpaquePointer?, _ flags: CInt, _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> CInt { PAM_SUCCESS }

private func session(
  _ handle: OpaquePointer, _ pamUser: UnsafePointer<CChar>?, _ options: ModuleOptions, isSilent: Bool, _ log: Log
) -> Outcome {
  guard let pamUser = unsafe pamUser else {
    log.warning("the application has not named the user, nothing is done")
    return .done
  }
  guard let account = unsafe pam_modutil_getpwnam(handle, pamUser) else {
    log.warning("the account cannot be looked up, nothing is done; is the name service up?")
    return .done
  }
  let uid = unsafe account.pointee.pw_uid
  if uid == 0 || uid < options.uidMin {
    if options.debug { log.debug("root or a user below uid_min, nothing to do") }
    return .done
  }
  guard let name = unsafe account.pointee.pw_name, let home = unsafe account.pointee.pw_dir else {
    log.warning("the account has no name or no home, nothing is done; correct it")
    return .done
  }
  guard let launch = Launch() else {
    log.error("out of memory, nothing is done; log in again")
    return .failed
  }
  // Where the package puts it.
  let helper = unsafe options.helper ?? literal("/usr/libexec/rootless-storage/session-helper")
  if unsafe !launch.prepare(helper: helper, options, uid: uid, gid: account.pointee.pw_gid, home: home, name: name) {
    log.error("the groups cannot be looked up, nothing is done; is memory short?")
    return .failed
  }
  let outcome = unsafe follow(launch, helper, options, log)
  // Only now: the application takes as long as it likes for it, and the helper's deadline is over.
  if options.tell, !isSilent, let text = unsafe launch.told { unsafe cpam_info(handle, text) }
  return outcome
}

/// Starts the session helper and passes its report on to syslog.
private func follow(
  _ launch: borrowing Launch, _ path: UnsafePointer<CChar>, _ options: ModuleOptions, _ log: Log
) -> Outcome {
  var reader = launch.reader()
  let ending: HelperProcess.Ending
  do throws(HelperProcess.StartError) {
    let helper = try unsafe launch.start(path)
    ending = unsafe launch.follow(helper, &reader, seconds: options.timeout) { priority, text in
      if priority == ReportFormat.userPriority {
        unsafe launch.keep(text)
        return
      }
      // A session that fails has its reason in the log, also if it is an old one.
      let level = priority != ReportFormat.repeatedError ? priority : options.strict ? LOG_ERR : LOG_DEBUG
      if level != LOG_DEBUG || options.debug { unsafe log.pass(level, text) }
    }
  } catch {
    let cause: Errno
    switch error {
    case .pipe(let number), .spawn(let number): cause = number
    }
    if cause == .noEntry || cause == .accessDenied || cause == .notExecutable {
      unsafe log.error(
        "the session helper cannot be started, nothing is done; reinstall the package, or correct helper= in the PAM line: ", path)
      return .failed
    }
    unsafe log.error(
      "the session helper cannot be started, nothing is done; fix the cause and log in again: ", clinux_error_text(cause.rawValue))
    return .failed
  }
  if reader.isFlooded { log.warning("the session helper printed too much, the rest is left out; run it by hand as root") }
  switch ending {
  case .timedOut(let isGone):
    if isGone {
      log.error(
        "the session helper was not done within the timeout and was killed, this session may be without container storage; check that the file server of the home answers, and with Kerberos its KDC and rpc.gssd"
      )
    } else {
      log.error(
        "the session helper was not done within the timeout and cannot be ended, this session may be without container storage; check that the file server of the home answers, and with Kerberos its KDC and rpc.gssd"
      )
    }
    return .failed
  case .pollFailed(let cause):
    unsafe log.error(
      "the session helper cannot be listened to and was killed; fix the cause and log in again: ", clinux_error_text(cause.rawValue))
    return .failed
  case .exited, .killed, .reapedElsewhere: break
  }
  if let outcome = reader.outcome { return outcome }
  switch ending {
  case .exited(let status):
    log.error("the session helper ended without a whole report, run it by hand as root; its exit status was ", number: status)
  case .killed(let signal): log.error("the session helper was killed before it was done, log in again; the signal was ", number: signal)
  default: log.error("the session helper ended without a whole report; log in again")
  }
  return .failed
}
