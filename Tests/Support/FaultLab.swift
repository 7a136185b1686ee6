import Foundation

/// Tests/Programs/pam-faults in a virtual machine that is both file server and client of alice's home.
public struct FaultLab {
  private let lab: Lab
  /// As Tests/run has built it.
  private static let program = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_PAM_FAULTS"] ?? ""
  public static let isPossible = Lab.isPossible && FileManager.default.fileExists(atPath: program)
  /// Whether every fault is tried.
  public static let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil

  /// Mounts alice's home where pam-faults looks for it, over whatever root may not look into. It is reset, and looked at, on the file
  /// server's side. That both see the same at once, the mount keeps nothing in memory.
  ///
  /// - Parameters:
  ///   - flavour: of the mount: sys, krb5, krb5i or krb5p.
  ///   - ticket: a command, run as alice, without which she cannot look into her home either.
  public init(_ lab: Lab, flavour: String = "sys", ticket: String = "") throws {
    self.lab = lab
    try lab.put(FaultLab.program)
    try lab.root(
      """
      set -e
      sed -i 's/^alice:x:2001:2001:\\(.*\\):[^:]*:\\([^:]*\\)$/alice:x:4001:4001:\\1:\\/home\\/alice:\\2/' /etc/passwd
      sed -i 's/^alice:x:2001:/alice:x:4001:/' /etc/group
      chown -R 4001:4001 /srv/export/home/alice
      systemctl stop autofs
      mkdir /home/alice
      mount -t nfs4 -o vers=4.2,hard,sec=\(flavour),noac,lookupcache=none nfs-server:/srv/export/home/alice /home/alice
      as_alice="setpriv --reuid 4001 --regid 4001 --clear-groups env KRB5CCNAME=FILE:/tmp/krb5cc_4001"
      \(ticket.isEmpty ? "" : "$as_alice sh -c '\(ticket)'")
      $as_alice ls /home/alice > /dev/null
      ! ls /home/alice 2> /dev/null
      """)
  }

  /// What came of a scenario.
  public struct Sweep: CustomStringConvertible {
    public let output: Output
    /// The faults, none if it could not begin.
    public let tried: Int
    public let violations: Int

    public var description: String { "\(output.text.prefix(4000))" }
    /// So few faults prove nothing.
    public var isClean: Bool { output.status == 0 && tried >= 10 && violations == 0 }
  }

  /// Tries each fault that has such a number, or with `--full` every one.
  ///
  /// - Parameters:
  ///   - scenario: what a login finds (Tests/Programs/pam-faults/state.c).
  ///   - options: of pam-faults.
  public func sweep(_ scenario: String, every: Int, _ options: String = "") throws -> Sweep {
    let output = try lab.root(
      "rm -f /dev/log; pam-faults pam_rootless_storage.so \(scenario) every \(FaultLab.isFull ? 1 : every) home /srv/export/home/alice \(options) 2>&1; echo status $?"
    )
    let lines = output.lines
    let last = lines.dropLast().last ?? ""
    print("  \(last)")
    let figures = last.hasPrefix("faults tried ") ? last.split { !$0.isNumber }.compactMap { Int($0) } : []
    let status = Int32(lines.last?.dropFirst("status ".count) ?? "") ?? -1
    return Sweep(
      output: Output(status: status, text: output.text), tried: figures.first ?? 0, violations: figures.count > 1 ? figures[1] : -1)
  }
}
