import Foundation
import Glibc

/// Two virtual machines with Debian's kernel that share NFS homes (Tests/VirtualMachine/machine): lab1 is file server and client,
/// lab2 a client. Both begin afresh with this object and end with it.
public final class Lab {
  public enum Host: String, Sendable { case lab1, lab2 }

  public static let isPossible = Machine.stage != nil && geteuid() == 0
  public static let need = "needs root, the staged tree and virtual machines: run it as Tests/run vm"

  private let folder: String
  private let script: String
  private let environment: [String: String]

  /// - Parameters:
  ///   - release: Debian's, in these machines; nil is the one that the suite vm uses.
  ///   - second: Debian's in lab2, if that has another.
  ///   - processors: of each machine: 2 where several things happen at once in one of them, which is what the test is about, else 1.
  public init(_ hosts: [Host] = [.lab1], release: String? = nil, second: String? = nil, processors: Int = 1) throws {
    script =
      "\(projectDirectory)/Tests/VirtualMachine/machine"
    folder = try run("/usr/bin/mktemp", ["-d"]).lines[0]
    var variables = ["ROOTLESS_STORAGE_VM_RUN": folder, "ROOTLESS_STORAGE_VM_PROCESSORS": "\(processors)"]
    if let release { variables["ROOTLESS_STORAGE_VM_SUITE"] = release }
    environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
    for host in hosts {
      let other = host == .lab2 ? second.map { ["ROOTLESS_STORAGE_VM_SUITE": $0] } ?? [:] : [:]
      try sure(["start", host.rawValue], other)
    }
  }

  deinit {
    _ = try? run("/bin/bash", [script, "stop"], environment: environment)
    _ = try? run("/bin/rm", ["-rf", folder])
  }

  /// Seconds after which a command is taken to hang. An emulated machine on a busy host needs minutes for what takes seconds elsewhere
  /// (to install a package while people log in took more than four), so it is far above that: it ends a run, and measures nothing.
  public static let patience = 900

  private func machine(_ arguments: [String], patience: Int = Lab.patience, _ variables: [String: String] = [:]) throws -> Output {
    // A login into a home whose server is gone never ends by itself.
    let output = try run(
      "/usr/bin/timeout", ["--kill-after=5", "\(patience)", "/bin/bash", script] + arguments,
      environment: environment.merging(variables) { $1 })
    // By timeout(1): its own TERM, or its KILL where that was not enough.
    guard output.status == 124 || output.status == 137 else { return output }
    return Output(status: output.status, text: output.text + "\ngiven up after \(patience) seconds, if nothing in the machine was killed")
  }

  @discardableResult
  private func sure(_ arguments: [String], _ variables: [String: String] = [:]) throws -> Output {
    let output = try machine(arguments, variables)
    if output.status != 0 { throw CommandFailure(description: "machine \(arguments): \(output)") }
    return output
  }

  /// Runs a command as root.
  @discardableResult
  public func root(_ command: String, on host: Host = .lab1) throws -> Output { try sure(["ssh", "@\(host.rawValue)", command]) }

  /// Logs in through sshd and PAM, and runs a command there.
  ///
  /// - Parameter patience: seconds after which the login is given up.
  public func login(_ user: String, _ command: String, on host: Host = .lab1, patience: Int = Lab.patience) throws -> Output {
    try machine(["ssh", "\(user)@\(host.rawValue)", command], patience: patience)
  }

  /// Runs commands at once, each as root, or with a login of the user.
  public func atOnce(_ commands: [(host: Host, command: String)], user: String = "") throws -> [Output] {
    let results = Results(count: commands.count)
    let group = DispatchGroup()
    for (index, (host, command)) in commands.enumerated() {
      group.enter()
      // Not concurrentPerform, which runs no more at once than there are processors: these wait for one another.
      Thread.detachNewThread {
        results.set(
          index, (try? self.machine(["ssh", "\(user)@\(host.rawValue)", command], patience: 1500)) ?? Output(status: -1, text: "no answer"))
        group.leave()
      }
    }
    group.wait()
    return results.all
  }

  /// What Ansible has to know to reach lab1 as root, over the connection that is open already.
  public var sshVariables: String {
    get throws {
      let port = try sure(["status"]).lines.compactMap { line in line.firstMatch(of: #/^lab1 port (\d+) /#)?.1 }.first ?? ""
      let options =
        "-F none -o ControlPath=\(folder)/ssh -o IdentitiesOnly=yes -o HostKeyAlias=lab1 -o UserKnownHostsFile=\(folder)/known_hosts -o GlobalKnownHostsFile=none"
      return
        "ansible_host=127.0.0.1 ansible_port=\(port) ansible_user=root ansible_ssh_private_key_file=\(folder)/key ansible_ssh_common_args='\(options)'"
    }
  }

  public func link(_ direction: String, _ host: Host = .lab1) throws { try sure(["link", direction, "@\(host.rawValue)"]) }
  public func server(_ direction: String) throws { try sure(["server", direction]) }

  /// Unpacks the staged tree and adds the line to the stacks, as an administrator would: at their end.
  public func install(_ options: String = "", on host: Host = .lab1) throws {
    let stage = Machine.stage ?? "/nonexistent"
    let put = try run("/bin/bash", ["-c", "tar -C '\(stage)' -c . | '\(script)' put '@\(host.rawValue)'"], environment: environment)
    if put.status != 0 { throw CommandFailure(description: "\(put)") }
    try root(
      "for stack in common-session common-session-noninteractive; do echo 'session optional pam_rootless_storage.so \(options)' >> /etc/pam.d/$stack; done",
      on: host)
  }

  /// Puts a file into a directory: a program where root finds it by its name.
  public func put(_ file: String, into directory: String = "/usr/local/sbin", on host: Host = .lab1) throws {
    let path = URL(fileURLWithPath: file)
    let put = try run(
      "/bin/bash",
      [
        "-c",
        "tar -C '\(path.deletingLastPathComponent().path)' -c '\(path.lastPathComponent)' | '\(script)' put '@\(host.rawValue)' '\(directory)'",
      ],
      environment: environment)
    if put.status != 0 { throw CommandFailure(description: "\(put)") }
  }

  /// What the module has logged. The first login of a user starts systemd's user manager, which is a session of its own, and by
  /// pam_systemd's place in the stack the earlier one.
  ///
  /// - Parameter service: only of its sessions.
  public func log(of service: String = "[a-z-]*", on host: Host = .lab1) throws -> [String] {
    // A journal that journald is making longer just then is called truncated, and left out.
    try root(
      """
      journalctl --sync
      for n in 1 2 3 4 5; do
        journalctl --no-pager -o cat > /run/said 2> /run/not-said
        grep -q truncated /run/not-said || break
        sleep 1
      done
      grep -a '^pam_rootless_storage(\(service):session)' /run/said || true
      """, on: host
    ).lines
      .map { $0.replacing(#/^pam_rootless_storage\([a-z-]*:session\): /#, with: "") }
  }
}

/// What threads put into an array, each in a place of its own.
private final class Results: @unchecked Sendable {
  private let lock = NSLock()
  private var outputs: [Output]

  init(count: Int) { outputs = Array(repeating: Output(status: -1, text: ""), count: count) }

  func set(_ index: Int, _ output: Output) { lock.withLock { outputs[index] = output } }
  var all: [Output] { lock.withLock { outputs } }
}

extension Lab: @unchecked Sendable {}
