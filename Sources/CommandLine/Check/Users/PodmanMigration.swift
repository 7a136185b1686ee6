import RootlessStorage

/// `podman system migrate`: ends the pause process, which keeps the user namespace with the ranges of its beginning, and with it every
/// container. It runs what the user's containers.conf names, and so as no program of this process's session (`UserProgram`).
struct PodmanMigration {
  /// So long it may take.
  static let seconds: UInt32 = 60
  /// Bytes of what it prints.
  private static let longestOutput = 1 << 20
  private static let arguments = ["system", "migrate"].map { Array($0.utf8) }
  /// For a shell of the user's.
  static let command = "podman system migrate"
  /// The same with a Bolt database, which Podman from 5.8 on takes over into its own only if it is told to, or after a boot.
  static let commandWithDatabase = "podman system migrate --migrate-db"

  private let program: UserProgram
  private let podman: Path
  private let seconds: UInt32

  init(_ program: UserProgram, _ podman: Path, seconds: UInt32 = PodmanMigration.seconds) {
    self.program = program
    self.podman = podman
    self.seconds = seconds
  }

  /// - Returns: why it failed, and what to do.
  func perform() -> String? {
    PodmanMigration.trouble(seconds) { () throws(UserProgram.Failure) in
      try program.run(podman, PodmanMigration.arguments, seconds: seconds, limit: PodmanMigration.longestOutput)
    }
  }

  /// The same of any way to run it.
  static func trouble(_ seconds: UInt32, _ run: () throws(UserProgram.Failure) -> ChildProcess.Ending) -> String? {
    let by = "run \(command) as that user in a session of theirs, and see what it prints"
    do throws(UserProgram.Failure) {
      let ending = try run()
      if ending.status == 0 { return nil }
      let last = ending.output.split(separator: .newline).last.map { ": \(shown(Array($0)))" } ?? ", and printed nothing"
      return "it ended with the exit status \(ending.status)\(last); \(by)"
    } catch {
      switch error {
      case .noSession: return "the user has no session here that it could run in; \(by)"
      case .child(.notStarted(let cause)): return "it cannot be started: \(text(cause)); \(by)"
      case .child(.timedOut): return "it was not done within \(counted(Int(seconds), "second", "seconds")), and was ended; \(by)"
      case .child(.tooMuch): return "it printed more than anybody reads; \(by)"
      }
    }
  }
}
