import RootlessStorage

/// Proves that libpam opens a session through our line: in a stack of its own, in a directory of its own, in a child.
///
/// For root, whom the module leaves alone: nothing is made. The other modules of a stack are not tried, since what they do to the user,
/// the log and the machine cannot be taken back; that they stay as they are is proved from the text (`PAMComparison`).
enum PAMTrial {
  static let service = "rootless-storage"

  struct Failure: Equatable {
    let reason: String
    let remedy: Remedy
  }

  /// - Returns: why no session opens; nil: it does.
  static func failure() -> Failure? {
    do throws(Errno) {
      let directory = try TemporaryDirectory()
      for name in [service, "other"] { try directory.write(PAMText.line + [.newline], to: name) }
      return answer(directory.path)
    } catch {
      return Failure(
        reason: "the line cannot be tried in a directory of its own in /run (\(text(error)))", remedy: "fix that, and run this again")
    }
  }

  private static func answer(_ path: Path) -> Failure? {
    let cause: String
    do throws(ChildProcess.Failure) {
      let said = String(
        decoding: try ChildProcess.runSelf([Array("pam".utf8), Array("try".utf8), path.bytes], seconds: 10, limit: 4096), as: UTF8.self)
      if said == "success\n" { return nil }
      cause = said.isEmpty ? "it ended without an answer" : shown(said.split(separator: "\n").first.map(String.init) ?? said)
    } catch { cause = error.explanation }
    return Failure(
      reason: "libpam opens no session through the line \"\(PAMFindings.line)\" (\(cause))",
      remedy:
        "install pam_rootless_storage.so where libpam looks for modules (rootless-storage check reports whether it is), and run this again")
  }

  /// What the child does and says.
  static func tryOut(_ directory: Path) -> String {
    switch PAMLibrary.openSession(confdir: directory, service: service, user: "root") {
    case .opened: return "success"
    case .noLibrary: return "there is no libpam.so.0"
    case .noConfdir: return "its libpam is older than 1.4 and has no pam_start_confdir"
    case .refused(let step, let answer, let isModuleMissing):
      return "\(step): \(isModuleMissing ? "the module is not there or cannot be loaded, answer" : "answer") \(answer)"
    }
  }
}
