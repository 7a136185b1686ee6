internal import CLinux
import RootlessStorage

/// Runs a program that does what a user's files tell it, as that user, with nothing of whoever has it run.
///
/// Beside its ids a process inherits what it never sees: the session keyring, whose keys it possesses whatever its uid (keyrings(7)), the
/// control group, resource limits, scheduling and mounts. So root starts no such process: a manager of systemd's does, in a unit of its
/// own, and all of the unit ends with the program or at its deadline, whatever becomes of whoever asked. Root's own client of the
/// manager never gets the user's ids, and what it hands over is a pipe and /dev/null, never a terminal.
///
/// Whoever asks for themselves has their own session already, and is the parent of the program.
///
/// What it prints is the user's: bounded here, to be escaped by whoever shows it, and no proof of anything.
struct UserProgram {
  enum Failure: Error, Equatable {
    /// There is no systemd, or one that cannot do it, or the user is not logged in; or somebody asks who is neither root nor the user.
    case noSession
    case child(ChildProcess.Failure)
  }

  /// Whom root asks to start it.
  enum Manager: Equatable {
    /// The user's, reached through a session of theirs: `-M UID@.host`, since systemd 248.
    case ofUser
    /// The machine's.
    case ofMachine

    /// - Parameter version: what `systemd-run --version` prints: `systemd 252 (252.39-1)` and more.
    /// - Returns: nil for what is older than --pipe and --collect, or no version at all.
    init?(version: [UInt8]) {
      let words = RootlessStorage.words(version.prefix { $0 != .newline })
      guard words.count > 1, words[0].elementsEqual("systemd".utf8), let number = identifier(words[1].prefix { isDigit($0) }),
        number >= 236
      else { return nil }
      self = number >= 248 ? .ofUser : .ofMachine
    }
  }

  /// Where the engines find programs, whatever PATH the user has.
  static let directories: [Path] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]

  private let account: Account
  /// The user asks for themselves, in a session of their own: not under sudo(8).
  private let isCaller: Bool
  private let whileAsked: Bool

  /// - Parameters:
  ///   - isCaller: the user asks for themselves. Says nothing where root asks.
  ///   - whileAsked: what the user's own process starts ends too once nobody is there to read that process's standard output.
  init(as account: Account, isCaller: Bool, whileAsked: Bool = false) {
    self.account = account
    self.isCaller = isCaller
    self.whileAsked = whileAsked
  }

  /// Whether a program can be run as this user; that a manager answers, it does not say. The process must be for good the user: what is
  /// in a runtime directory may be a trap.
  ///
  /// - Parameters:
  ///   - isPrivileged: root asks, or asked before this process became the user.
  ///   - hasClient: as `UserProgram.hasClient` says.
  func isPossible(isPrivileged: Bool, hasClient: Bool) -> Bool {
    isPrivileged ? hasClient && hasManager : isCaller && effectiveIDs().user == account.uid
  }

  /// Whether root can ask a manager at all: systemd runs, and systemd-run(1) is root's.
  static var hasClient: Bool { client != nil }

  /// Runs it in the directory `/`, with /dev/null as standard input, in a session without a terminal.
  ///
  /// Where root asks, a process that was the user must have seen that it is possible. The process that asks as the user must have no
  /// other child: at the deadline all its children end.
  ///
  /// - Parameters:
  ///   - path: absolute.
  ///   - arguments: without its name.
  ///   - variables: `NAME=VALUE`, beside those that every session has: all of its environment.
  ///   - seconds: until all of it is killed.
  ///   - limit: bytes of its standard output and standard error together.
  func run(_ path: Path, _ arguments: [[UInt8]], variables: [[UInt8]] = [], seconds: UInt32, limit: Int) throws(Failure)
    -> ChildProcess.Ending
  {
    if effectiveIDs().user != 0 {
      guard isPossible(isPrivileged: false, hasClient: false) else { throw .noSession }
      let hasRuntimeDirectory = isOwnDirectory(runtimeDirectory, of: account.uid)
      return try runAsChild(path, arguments, environment(hasRuntimeDirectory) + variables, seconds: seconds, limit: limit)
    }
    guard let client = UserProgram.client, let manager = UserProgram.manager(client) else { throw .noSession }
    let began = clinux_monotonic_milliseconds()
    do throws(ChildProcess.Failure) {
      let command = request(manager, [path.bytes] + arguments, environment(true) + variables, seconds: seconds)
      let ending = try ChildProcess.run(
        client, [client.bytes] + command, environment: [UserProgram.clientPath], withErrors: true, seconds: seconds + UserProgram.timeout,
        limit: limit)
      // The client does not tell this one from a failure.
      if ending.status != 0 && clinux_monotonic_milliseconds() - began >= Int64(seconds) * 1000 { throw .timedOut(output: ending.output) }
      return ending
    } catch { throw .child(error) }
  }

  // MARK: By a manager

  /// Seconds between the terminating signal and the killing one.
  private static let grace: UInt32 = 5
  /// Seconds for a manager to begin and to end a unit.
  private static let timeout: UInt32 = 30

  /// The arguments of systemd-run(1).
  func request(_ manager: Manager, _ program: [[UInt8]], _ environment: [[UInt8]], seconds: UInt32) -> [[UInt8]] {
    let uid = account.uid
    var words = ["--quiet", "--pipe", "--wait", "--collect"]
    switch manager {
    // By number: a name may hold an @ itself.
    case .ofUser: words += ["--user", "--machine=\(uid)@.host"]
    // PAM's service of the user's own manager gives the session its limits and leaves it in the unit's control group. That of a login
    // would move it into one of logind's, which outlives the unit. So would Podman itself, into one of the user's manager, where the
    // control group is not the user's.
    case .ofMachine:
      words += [
        "--uid=\(uid)", "--slice=user-\(uid).slice", "--property=PAMName=systemd-user", "--property=KeyringMode=private",
        "--property=Delegate=yes",
      ]
    }
    words += [
      "--property=WorkingDirectory=/", "--property=RuntimeMaxSec=\(seconds)", "--property=TimeoutStopSec=\(UserProgram.grace)",
      "--property=KillMode=control-group", "--", "/usr/bin/env", "-i",
    ]
    // A manager replaces $NAME in what it starts.
    return words.map { Array($0.utf8) } + (environment + program).map { word in word.flatMap { $0 == .dollar ? [$0, $0] : [$0] } }
  }

  /// The environment of the client, which starts itself again on the way to a user's manager.
  private static let clientPath = Array("PATH=/usr/bin:/bin:/usr/sbin:/sbin".utf8)

  /// systemd-run, where nobody but root can have put it; nil where systemd does not run.
  private static var client: Path? {
    guard HostTree.this.status("/run/systemd/system")?.kind == .directory else { return nil }
    let mounts = MountTable(blockDeviceIsLocal: true)
    return UserProgram.directories.map { $0 / "systemd-run" }.first { path in
      do throws(PathError) {
        _ = try walk(toFile: path, .trusted, mounts)
        return true
      } catch { return false }
    }
  }

  private static func manager(_ client: Path) -> Manager? {
    do throws(ChildProcess.Failure) {
      let said = try ChildProcess.run(
        client, [client.bytes, Array("--version".utf8)], environment: [clientPath], withErrors: false, seconds: timeout, limit: 4096)
      return Manager(version: said.output)
    } catch { return nil }
  }

  /// The user's manager listens there as long as they are logged in or linger.
  private var hasManager: Bool {
    do throws(Errno) {
      let status = try fileStatus(of: open(path: runtimeDirectory / "systemd/private", .pathOnly))
      return status.kind == .socket && status.owner == account.uid
    } catch { return false }
  }

  // MARK: By the user

  private func runAsChild(
    _ path: Path, _ arguments: [[UInt8]], _ environment: [[UInt8]], seconds: UInt32, limit: Int
  ) throws(Failure) -> ChildProcess.Ending {
    // What leaves its session or loses its parent stays a child of this process, and is found at the deadline.
    adoptOrphans(true)
    defer { adoptOrphans(false) }
    do throws(ChildProcess.Failure) {
      return try ChildProcess.run(
        path, [path.bytes] + arguments, environment: environment, withErrors: true, seconds: seconds, limit: limit, whileAsked: whileAsked)
    } catch {
      endChildren()
      throw .child(error)
    }
  }

  /// Nothing of whoever has it run.
  private func environment(_ hasRuntimeDirectory: Bool) -> [[UInt8]] {
    let path = UserProgram.directories.map(\.bytes).joined(separator: [.colon])
    var variables = [("HOME", account.home.bytes), ("USER", account.name), ("LOGNAME", account.name), ("PATH", Array(path))]
    // Without it Podman looks for its state elsewhere.
    if hasRuntimeDirectory { variables.append(("XDG_RUNTIME_DIR", runtimeDirectory.bytes)) }
    return variables.map { Array($0.0.utf8) + [.equals] + $0.1 }
  }

  private var runtimeDirectory: Path { Path("/run/user/\(account.uid)") }
}

/// Whether a directory of the user's is there.
func isOwnDirectory(_ path: Path, of uid: UInt32) -> Bool {
  guard path.isAbsolute else { return false }
  do throws(Errno) { return try fileStatus(of: open(path: path, .pathOnlyDirectoryFollowing)).owner == uid } catch { return false }
}
