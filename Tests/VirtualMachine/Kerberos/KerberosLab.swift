import Foundation
import TestSupport

/// A machine that is KDC, file server and client at once (use-kerberos), with everything installed.
struct KerberosLab {
  let lab: Lab
  static let isPossible =
    Lab.isPossible && Machine.host != nil && ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_VM_KERBEROS"] == "yes"

  /// - Parameters:
  ///   - release: Debian's.
  ///   - flavour: of the mounts: krb5, krb5i or krb5p.
  ///   - cache: where tickets lie, as in krb5.conf(5).
  init(release: String, flavour: String, cache: String = "FILE:/tmp/krb5cc_%{uid}") throws {
    lab = try Lab(release: release)
    try lab.root("use-kerberos \(flavour) '\(cache)'")
    try lab.install()
    try lab.put(Machine.host ?? "/nonexistent")
  }

  /// - Parameter options: of ssh(1).
  private func ssh(_ user: String, _ options: String, _ command: String) -> String {
    let usual = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o KexAlgorithms=ecdh-sha2-nistp256"
    return "ssh \(usual) \(options) \(user)@lab1 '\(command)'"
  }

  /// Logs in by the password, with which pam_krb5 gets a ticket.
  func byPassword(_ user: String, _ command: String) throws -> Output {
    try lab.root(
      "sshpass -p secret \(ssh(user, "-o PubkeyAuthentication=no -o PreferredAuthentications=keyboard-interactive", command)) 2>&1; echo status $?"
    )
  }

  /// Logs in with a ticket that root has got for the user, which is handed on or not.
  func byTicket(_ user: String, _ command: String, delegated: Bool) throws -> Output {
    try lab.root(
      """
      export KRB5CCNAME=FILE:/root/ticket; echo secret | kinit -f \(user) >/dev/null
      \(ssh(user, "-o PubkeyAuthentication=no -o PreferredAuthentications=gssapi-with-mic -o GSSAPIAuthentication=yes -o GSSAPIDelegateCredentials=\(delegated ? "yes" : "no")", command)) 2>&1; echo status $?
      kdestroy -q
      """)
  }

  /// Opens and closes a session by the PAM host, and says how that ended, in how many milliseconds, and what was logged.
  func session(_ user: String, _ options: String = "") throws -> Login {
    try Login(
      lab.root(
        """
        echo 'session required pam_rootless_storage.so \(options)' >/etc/pam.d/tested
        cursor=$(journalctl -n 1 -o cat --show-cursor | sed -n 's/^-- cursor: //p')
        # What an earlier session has logged is not left out of this one.
        rm -f /run/rootless-storage/[0-9]*
        pam-host /etc/pam.d tested \(user) 2>&1
        journalctl --sync
        journalctl --after-cursor "$cursor" -o json --output-fields=PRIORITY,MESSAGE | python3 -c '
        import json, sys
        for line in sys.stdin:
          entry = json.loads(line)
          if str(entry["MESSAGE"]).startswith("pam_rootless_storage(tested:session): \(user):"): print("log", entry["PRIORITY"], entry["MESSAGE"])'
        """))
  }

  /// What a login without a ticket logs.
  static func notice(_ user: String, _ home: String, _ flavour: String, _ cause: String) -> Login.Line {
    Login.Line(
      priority: 5,
      text:
        "\(user): home \(home) is on a network file system with Kerberos (nfs4, sec=\(flavour)), and its user has no valid ticket: \(cause); no file is created in it; get a ticket (kinit) and log in again, or run rootless-storage repair then; if klist shows a ticket, check that rpc.gssd is running and finds that cache"
    )
  }

  static func storage(_ user: String) -> Login.Line {
    Login.Line(priority: 6, text: "\(user): created storage directory /var/tmp/\(user) (mode 0700)")
  }

  static func files(_ user: String, _ home: String) -> [Login.Line] {
    [".config/containers/storage.conf", ".config/docker/daemon.json"].map {
      Login.Line(priority: 6, text: "\(user): created \(home)/\($0)")
    }
  }
}
