import Foundation
import TestSupport
import Testing

/// Faults of system calls in a login under Debian's policy, enforcing, with the module in it: what a login does after an error, such as
/// to remove what it has begun, must be allowed too.
@Suite(
  .serialized,
  .enabled(
    if: Policy.source != nil && Policy.hasMachine && FaultLab.isPossible,
    "needs a virtual machine with SELinux, and pam-faults: run it as Tests/run selinux"))
struct SELinuxFaultTests {
  /// What a login finds, and which of its faults are tried.
  private static let scenarios = [
    ("first", 100), ("leftover", 100), ("two-links", 100), ("open-storage", 100), ("squatted-directory", 150), ("squatted-link", 150),
    ("module-first", 50),
  ]
  private static let ofIDs = [("subids-first", 150), ("subids-locked-stale", 150)]

  /// pam-faults compares the domain of the helper in each login.
  @Test func `enforcing, whatever fails in a login, it goes on, and the next one completes it, and nothing of it is denied`() throws {
    let lab = try Lab()
    try lab.putPackage()
    try lab.root("setsebool use_nfs_home_dirs on")
    try lab.install(policy: try Policy.linked.get(), and: ["\(projectDirectory)/Tests/VirtualMachine/SELinux/faults.cil"])
    let faults = try FaultLab(lab)
    // sshd's own context; the helper's differs in its type.
    let host = try lab.root("tr -d '\\0\\n' < /proc/$(systemctl show --property MainPID --value ssh)/attr/current").text
    let contexts = "contexts \(host) \(host.replacing(":sshd_t:", with: ":rootless_storage_helper_t:"))"
    #expect(host.contains(":sshd_t:"))
    try lab.root("restorecon /etc/passwd /etc/group; cp -a /etc/rootless-storage/rootless-storage.conf /run/settings; setenforce 1")
    #expect(try lab.root("getenforce; id -Z | cut -d: -f3").lines == ["Enforcing", "unconfined_t"])
    func sweep(_ scenario: String, _ every: Int) throws -> FaultLab.Sweep {
      try lab.root("cp /run/settings /etc/rootless-storage/rootless-storage.conf")
      return try faults.sweep(scenario, every: every, contexts)
    }

    // The proof that it is the helper's domain that decides: without the boolean it may give no subordinate ids, traced or not.
    let refused = try sweep("subids-first", 1)
    #expect(refused.output.status == 2 && refused.output.text.contains("no subordinate ids are given"), "\(refused)")
    #expect(try lab.denials("scontext=[^ ]*:rootless_storage_helper_t:").contains { $0.contains("{ setsched }") })
    try lab.root("setsebool rootless_storage_allocate_subids on; dmesg -C; journalctl --rotate --vacuum-time=1s 2> /dev/null")

    for (scenario, every) in SELinuxFaultTests.scenarios + SELinuxFaultTests.ofIDs {
      let sweep = try sweep(scenario, every)
      #expect(sweep.isClean, "\(sweep)")
    }
    for pattern in [
      "scontext=[^ ]*:rootless_storage_helper_t:", "tcontext=[^ ]*:rootless_storage_helper", "comm=.(session-helper|pam-faults)",
    ] {
      #expect(try lab.denials(pattern) == [], "\(pattern)")
    }
  }
}
