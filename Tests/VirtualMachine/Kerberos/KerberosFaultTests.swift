import Foundation
import TestSupport
import Testing

/// Tests/Programs/pam-faults, as Tests/run has built it.
private let injector = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_PAM_FAULTS"] ?? ""

/// Faults of system calls in a login whose home root cannot look into.
@Suite(
  .serialized,
  .enabled(
    if: KerberosLab.isPossible && FileManager.default.fileExists(atPath: injector),
    "needs a virtual machine with Kerberos, and pam-faults: run it as Tests/run kerberos"))
struct KerberosFaultTests {
  /// What a login finds (Tests/Programs/pam-faults/state.c), and which of its faults are tried: each that has such a number.
  private static let scenarios = [("first", 20), ("leftover", 60), ("two-links", 60), ("squatted-directory", 80)]
  private static let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil

  /// The home is reset, and looked at, on the file server's side. That both see the same at once, the mount keeps nothing in memory.
  @Test(arguments: [("bookworm", "krb5i"), ("trixie", "krb5p")])
  func `whatever fails in a login with a ticket, it goes on, and the next one completes it`(release: String, flavour: String) throws {
    let lab = try KerberosLab(release: release, flavour: flavour).lab
    try lab.put(injector)
    try lab.root(
      """
      sed -i 's/^alice:x:2001:2001:\\(.*\\):[^:]*:\\([^:]*\\)$/alice:x:4001:4001:\\1:\\/home\\/alice:\\2/' /etc/passwd
      sed -i 's/^alice:x:2001:/alice:x:4001:/' /etc/group
      chown -R 4001:4001 /srv/export/home/alice
      systemctl stop autofs
      mkdir /home/alice
      mount -t nfs4 -o vers=4.2,hard,sec=\(flavour),noac,lookupcache=none nfs-server:/srv/export/home/alice /home/alice
      as_alice="setpriv --reuid 4001 --regid 4001 --clear-groups env KRB5CCNAME=FILE:/tmp/krb5cc_4001"
      echo secret | $as_alice kinit alice > /dev/null
      $as_alice ls /home/alice > /dev/null
      ! ls /home/alice 2> /dev/null
      """)
    for (scenario, every) in KerberosFaultTests.scenarios {
      let output = try lab.root(
        "rm -f /dev/log; pam-faults pam_rootless_storage.so \(scenario) every \(KerberosFaultTests.isFull ? 1 : every) home /srv/export/home/alice 2>&1 || true"
      )
      print("  \(output.lines.last ?? "")")
      let figures = (output.lines.last ?? "").split { !$0.isNumber }.compactMap { Int($0) }
      #expect(figures.count > 1 && figures[0] >= 10 && figures[1] == 0, "so few faults prove nothing: \(output.text.prefix(4000))")
    }
  }
}
