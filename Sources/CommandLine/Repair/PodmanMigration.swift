import RootlessStorage

/// `podman system migrate`: ends the pause process, which keeps the user namespace with the ranges of its beginning, and with it every
/// container. The process must be for good the user.
struct PodmanMigration {
  /// So long it may take.
  static let seconds: UInt32 = 60
  /// Bytes of what it prints.
  private static let longestOutput = 1 << 20

  private let account: Account
  private let podman: [UInt8]
  private let seconds: UInt32

  init(_ account: Account, _ podman: [UInt8], seconds: UInt32 = PodmanMigration.seconds) {
    self.account = account
    self.podman = podman
    self.seconds = seconds
  }

  /// - Returns: why it failed, and what to do.
  func perform() -> String? {
    let by = "run it as that user in a session of theirs, and see what it says"
    do throws(ChildProcess.Failure) {
      let arguments = [podman] + ["system", "migrate"].map { Array($0.utf8) }
      let ending = try ChildProcess.run(
        podman, arguments, environment: environment, withErrors: true, seconds: seconds, limit: PodmanMigration.longestOutput)
      if ending.status == 0 { return nil }
      let last = ending.output.split(separator: 0x0a).last.map { ": \(shown(Array($0)))" } ?? ", and printed nothing"
      return "it ended with the exit status \(ending.status)\(last); \(by)"
    } catch {
      switch error {
      case .notStarted(let cause): return "it cannot be started: \(text(cause)); \(by)"
      case .timedOut: return "it was not done within \(counted(Int(seconds), "second", "seconds")), and was ended; \(by)"
      case .tooMuch: return "it printed more than anybody reads; \(by)"
      }
    }
  }

  /// Nothing of whoever repairs.
  private var environment: [[UInt8]] {
    let path = UserNamespaces.programDirectories.joined(separator: ":")
    var variables = [("HOME", account.home), ("USER", account.name), ("LOGNAME", account.name), ("PATH", Array(path.utf8))]
    // Without it Podman looks for its state elsewhere, and migrates nothing.
    let runtime = Array("/run/user/\(account.uid)".utf8)
    if isOwnDirectory(runtime, of: account.uid) { variables.append(("XDG_RUNTIME_DIR", runtime)) }
    return variables.map { Array($0.0.utf8) + [0x3d] + $0.1 }
  }
}

/// Whether a directory of the user's is there.
func isOwnDirectory(_ path: [UInt8], of uid: UInt32) -> Bool {
  guard path.first == 0x2f else { return false }
  do throws(Errno) { return try fileStatus(of: open(path: path, .directoryPlaceFollowing)).owner == uid } catch { return false }
}
