import TestSupport
import Testing

/// Faults of system calls in a login whose home root cannot look into.
@Suite(
  .serialized,
  .enabled(
    if: KerberosLab.isPossible && FaultLab.isPossible,
    "needs a virtual machine with Kerberos, and pam-faults: run it as Tests/run kerberos"))
struct KerberosFaultTests {
  /// What a login finds, and which of its faults are tried.
  private static let scenarios = [("first", 20), ("leftover", 60), ("two-links", 60), ("squatted-directory", 80)]

  @Test(arguments: [("bookworm", "krb5i"), ("trixie", "krb5p")])
  func `whatever fails in a login with a ticket, it goes on, and the next one completes it`(release: String, flavour: String) throws {
    let faults = try FaultLab(
      KerberosLab(release: release, flavour: flavour).lab, flavour: flavour, ticket: "echo secret | kinit alice > /dev/null")
    for (scenario, every) in KerberosFaultTests.scenarios {
      let sweep = try faults.sweep(scenario, every: every)
      #expect(sweep.isClean, "\(sweep)")
    }
  }
}
