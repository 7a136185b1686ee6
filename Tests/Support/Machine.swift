import Foundation
import Glibc

/// A machine of its own for one test: a private mount namespace in which /etc, /dev, /home, /run, /var/tmp, /var/lib/rootless-storage and
/// /usr/libexec are new, and the staged tree is installed in its usual places. The real machine sees nothing of it, and it is gone with
/// this object.
///
/// Homes are on ramfs, which the settings declare to be a network file system; storage is on tmpfs.
public final class Machine {
  private let namespace: MountNamespace

  /// Where the built things are: the tree that packaging/install staged, and the PAM host.
  public static let stage = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_STAGE"]
  public static let host = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_PAM_HOST"]
  /// Whether tests can have machines at all.
  public static var isPossible: Bool { stage != nil && host != nil && geteuid() == 0 }
  /// What `.enabled(if:)` says if not.
  public static let need = "needs root and the staged tree: run it as Tests/run module"

  /// `rootless-storage` in the staged tree.
  public static var commandLine: String { "\(stage ?? "/nonexistent")/usr/bin/rootless-storage" }

  /// The module file in the staged tree.
  public static func modulePath() throws -> String { try module.get() }

  /// Looked for once, and not at every login.
  private static let module = Result {
    let found = try TestSupport.run("/usr/bin/find", [stage ?? "/nonexistent", "-name", "pam_rootless_storage.so"]).lines
    guard let path = found.first else { throw CommandFailure(description: "the staged tree has no module") }
    return path
  }

  /// - Parameters:
  ///   - homes: the file system that /home is on.
  ///   - storage: the file system that /var/tmp is on.
  ///   - ownProcesses: /proc shows only what the test itself runs in it, and not what other tests run as the same user.
  ///   - settings: the settings file; nil leaves the shipped one, with the default list of network file systems.
  public init(
    homes: String = "ramfs", storage: String = "tmpfs", ownProcesses: Bool = false, settings: String? = "network_filesystems = ramfs"
  ) throws {
    guard let stage = Machine.stage else { throw CommandFailure(description: Machine.need) }
    namespace = try MountNamespace(ownProcesses: ownProcesses)
    try sure(
      """
      umask 022
      mount -t tmpfs -o mode=755 etc /mnt
      cp -a /etc/ld.so.* /etc/login.defs /mnt/ 2>/dev/null || true
      mkdir /mnt/pam.d /mnt/security
      printf 'passwd: files\\ngroup: files\\n' > /mnt/nsswitch.conf
      printf 'root:x:0:0:root:/root:/bin/sh\\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\\n' > /mnt/passwd
      printf 'root:x:0:\\nnogroup:x:65534:\\n' > /mnt/group
      cp -r '\(stage)/etc/rootless-storage' /mnt/
      printf 'session required pam_permit.so\\n' > /mnt/pam.d/other
      mount --move /mnt /etc

      echo 0123456789abcdef0123456789abcdef > /etc/machine-id

      mkdir -p /var/lib/rootless-storage
      mount -t tmpfs -o mode=755 kept /var/lib/rootless-storage

      mount -t tmpfs -o mode=755 libexec /mnt
      cp -r '\(stage)/usr/libexec/rootless-storage' /mnt/
      if [ -d /usr/libexec/valgrind ]; then mkdir /mnt/valgrind; mount --bind /usr/libexec/valgrind /mnt/valgrind; fi
      mount --move /mnt /usr/libexec

      # What is running on the real machine is nothing to it.
      mount -t tmpfs -o mode=755 run /run

      mount -t \(homes) home /home
      chmod 755 /home
      mount -t \(storage) vartmp /var/tmp
      chmod 1777 /var/tmp

      # At the end, since there is no /dev/null in it yet.
      mount -t tmpfs -o mode=755 dev /mnt
      mkdir /mnt/pts /mnt/shm
      mount --move /mnt /dev
      """)
    // Without a program for each, of which a machine would have more than for all else.
    for (name, major, minor) in [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)] {
      try namespace.makeDevice("/dev/\(name)", S_IFCHR, major: UInt8(major), minor: UInt8(minor), mode: 0o666)
    }
    try namespace.makeDevice("/dev/loop-control", S_IFCHR, major: 10, minor: 237)
    for number in UInt8(0)..<64 { try namespace.makeDevice("/dev/loop\(number)", S_IFBLK, major: 7, minor: number) }
    // Its processes are all that there are, as on a host: the first one says so of /proc.
    if ownProcesses { try sure("mount -t tmpfs -o mode=755 ns /proc/1/ns; ln -s 'pid:[4026531836]' /proc/1/ns/pid") }
    if let settings { try write(settings + "\n", to: "/etc/rootless-storage/rootless-storage.conf") }
  }

  /// Runs a script as root in it.
  @discardableResult
  public func sh(_ script: String) throws -> Output {
    try namespace.run(["/bin/bash", "-c", script])
  }

  /// The same, where a failure means that the test cannot go on.
  @discardableResult
  public func sure(_ script: String) throws -> Output {
    let output = try sh("set -e\n" + script)
    if output.status != 0 { throw CommandFailure(description: "\(script)\n\(output)") }
    return output
  }

  public func write(_ text: String, to path: String) throws { try write(Data(text.utf8), to: path) }

  public func write(_ data: Data, to path: String) throws {
    if try namespace.write(data, to: path, O_TRUNC) { return }
    try sure("base64 -d > '\(path)' <<'END'\n\(data.base64EncodedString())\nEND")
  }

  /// Adds an account, and makes its home unless `home` is given.
  public func user(_ name: String, uid: Int = 4001, gid: Int? = nil, home: String? = nil) throws {
    let (own, group) = ("/home/\(name)", gid ?? uid)
    for (line, file) in [("\(name):x:\(uid):\(group)::\(home ?? own):/bin/sh\n", "passwd"), ("\(name):x:\(group):\n", "group")] {
      if try !namespace.write(Data(line.utf8), to: "/etc/" + file, O_APPEND) { try sure("printf '%s' '\(line)' >> /etc/\(file)") }
    }
    if home == nil, try !namespace.makeDirectory(own, mode: 0o700, owner: uid_t(uid), group: gid_t(group)) {
      try sure("install -d -m 700 -o \(uid) -g \(group) '\(own)'")
    }
  }

  /// Opens a session of the user through the real libpam, and closes it.
  ///
  /// - Parameters:
  ///   - options: what stands behind the module in the PAM line.
  ///   - host: options of the PAM host (Tests/Programs/pam-host/host.c).
  ///   - limits: a shell command that comes before it (ulimit, env, …).
  ///   - remembers: a line that an earlier login has logged is none of this one's, as on a host that was not booted since.
  @discardableResult
  public func login(_ name: String, _ options: String = "debug", host: String = "", before limits: String = "", remembers: Bool = false)
    throws -> Login
  {
    guard let program = Machine.host else { throw CommandFailure(description: Machine.need) }
    try write("session required \(try Machine.modulePath()) \(options)\n", to: "/etc/pam.d/tested")
    // Through a pipe, which limits on the size of files do not hit.
    let output = try sh(
      "set -o pipefail; rm -f /dev/log\(remembers ? "" : " /run/rootless-storage/[0-9]*"); (\(limits) exec '\(program)' --log \(host) /etc/pam.d tested '\(name)') | cat"
    )
    return try Login(output)
  }

  /// Runs the session helper by hand, as root or as the user.
  public func helper(_ arguments: String, asUid uid: Int? = nil) throws -> Output {
    let drop = uid.map { "setpriv --reuid \($0) --regid \($0) --clear-groups " } ?? ""
    return try sh("\(drop)/usr/libexec/rootless-storage/session-helper --by-hand \(arguments)")
  }

  /// Runs `rootless-storage`, as root or as a user, with a clean environment.
  ///
  /// - Parameter environment: `NAME=VALUE` words for env(1).
  @discardableResult
  public func rootlessStorage(_ arguments: String, asUid uid: Int? = nil, environment: String = "") throws -> Output {
    let drop = uid.map { "setpriv --reuid \($0) --regid \($0) --clear-groups " } ?? ""
    return try sh("cd /; \(drop)env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \(environment) '\(Machine.commandLine)' \(arguments)")
  }

  /// Everything below the paths, each with type, mode, owner, size, times and link: equal twice means that nothing was written.
  public func snapshot(_ paths: String) throws -> String {
    try sure("find \(paths) -printf '%p %y %m %U:%G %s %n %T@ %C@ %l\\n' | LC_ALL=C sort").text
  }
}

/// What a login came to.
public struct Login: CustomStringConvertible {
  public struct Line: Equatable, Sendable {
    /// syslog(3) priority.
    public let priority: Int
    /// Without the module's prefix.
    public let text: String

    public init(priority: Int, text: String) {
      self.priority = priority
      self.text = text
    }
  }

  /// What pam_open_session answered; 0 is PAM_SUCCESS, 14 PAM_SESSION_ERR.
  public let code: Int
  public let closeCode: Int
  public let milliseconds: Int
  /// Messages to the user.
  public let conversations: Int
  public let log: [Line]
  /// What the application is to tell its user.
  public let told: [String]
  public let output: Output

  /// - Parameter output: what the PAM host printed, and its log.
  public init(_ output: Output) throws {
    self.output = output
    var fields: [Substring: Int] = [:]
    var log: [Line] = []
    told = output.lines.filter { $0.hasPrefix("told ") }.map { String($0.dropFirst(5)) }
    for line in output.lines {
      let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
      if words[0] == "log", words.count == 3, let priority = Int(words[1]) {
        let text = String(words[2].replacing("pam_rootless_storage(tested:session): ", with: "", maxReplacements: 1))
        log.append(Line(priority: priority, text: text))
      } else if line.hasPrefix("open=") {
        for word in line.split(separator: " ") {
          let pair = word.split(separator: "=")
          if pair.count == 2 { fields[pair[0]] = Int(pair[1]) }
        }
      }
    }
    guard let code = fields["open"], let close = fields["close"], let time = fields["milliseconds"] else {
      throw CommandFailure(description: "no login took place: \(output)")
    }
    self.code = code
    closeCode = close
    milliseconds = time
    conversations = fields["conversations"] ?? -1
    self.log = log
  }

  /// The texts of one priority.
  public func texts(_ priority: Int) -> [String] { log.filter { $0.priority == priority }.map(\.text) }

  public var errors: [String] { texts(3) }
  public var warnings: [String] { texts(4) }
  public var notices: [String] { texts(5) }
  public var informations: [String] { texts(6) }
  public var debugs: [String] { texts(7) }

  public var description: String { output.description }
}
