internal import CLinux
internal import CPAM
import RootlessStorage

/// libpam, loaded when it is asked for: the command runs on hosts that have none.
enum PAMLibrary {
  enum Answer: Equatable {
    /// A session was opened, and closed again.
    case opened
    case noLibrary
    /// It is older than 1.4, and has no pam_start_confdir(3).
    case noConfdir
    /// - `step`: the function that answered with a number that is not PAM_SUCCESS.
    /// - `isModuleMissing`: the number is the one for a module that is not there or cannot be loaded.
    case refused(step: String, answer: Int32, isModuleMissing: Bool)
  }

  /// Opens a session and closes it, through a stack in a directory of its own (pam_start_confdir(3), pam_open_session(3)). What the
  /// modules do to this process stays: for a child.
  static func openSession(confdir directory: Path, service: String, user: String) -> Answer {
    var step: UnsafePointer<CChar>? = nil
    let answer = unsafe withCString(directory.bytes) { directory in
      unsafe withCString(Array(service.utf8)) { service in
        unsafe withCString(Array(user.utf8)) { user in unsafe cpam_session(directory, service, user, &step) }
      }
    }
    if answer == PAM_SUCCESS { return .opened }
    if answer == cpam_no_libpam.rawValue { return .noLibrary }
    if answer == cpam_no_confdir.rawValue { return .noConfdir }
    // SAFETY: it is nil, or a constant of the program's that ends in NUL.
    let name = unsafe step.map { unsafe String(decoding: bytes(ofCString: $0), as: UTF8.self) } ?? ""
    return .refused(step: name, answer: answer, isModuleMissing: answer == PAM_MODULE_UNKNOWN || answer == PAM_PERM_DENIED)
  }
}
