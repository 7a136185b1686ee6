import Foundation
import TestSupport
import Testing

/// A `helper=` that does what it can to hold or to end the host (CVE-2015-3238: pam_unix waits for its helper's pipe for ever). What it prints,
/// and how it can exit, HostTests has.
@Suite(.enabled(if: Attack.isPossible, Comment(rawValue: Attack.need)))
struct HelperAttackTests {
  /// Seconds in a name that nobody else uses.
  static let mark = "3600.71077"

  /// - ends: it comes to an end by itself, so that nothing waits for the deadline.
  /// - stays: it has got away from everybody, as any daemon of root's can.
  static let helpers: [(script: String, ends: Bool, stays: Bool)] = [
    ("kill -STOP $$", false, false),
    ("exec >&-; kill -STOP $$", false, false),
    ("trap '' TERM HUP INT QUIT ALRM; while :; do sleep \(mark); done", false, true),
    ("exec setsid --wait sleep \(mark)", false, true),
    ("yes '<6>again'", false, false),
    ("while :; do echo '<3>%s%n'; sleep 0.01; done", false, false),
    ("setsid sleep \(mark) & exit 0", true, true),
    ("(setsid sh -c 'sleep \(mark) & kill -STOP $!; kill -STOP $$' &) ; exit 0", true, true),
    ("exec 0</dev/null 2>&1; (setsid sleep \(mark) > /dev/null 2>&1 &); echo 'end done'; exec >&-", true, true),
    ("kill -STOP $PPID; kill -CONT $PPID; kill -CHLD $PPID; echo 'end done'", true, false),
    ("for n in $(seq 200); do sleep \(mark) & done; exit 0", true, true),
  ]

  @Test(arguments: helpers) func `a helper that holds on is left at the deadline, and one that leaves somebody behind is not waited for`(
    script: String, ends: Bool, stays: Bool
  ) throws {
    let machine = try Machine.attacked(ownProcesses: true)
    try machine.write("#!/bin/bash\n\(script)\n", to: "/etc/helper")
    try machine.sure("chmod 755 /etc/helper")
    for host in ["", "--threads 8", "--ignore-sigchld", "--reap"] {
      let login = try machine.login("alice", "timeout=\(ends ? 60 : 1) helper=/etc/helper", host: "\(host) --memory")
      #expect(login.output.status == 0 && login.code == 0, "\(host): \(login)")
      if ends {
        #expect(login.milliseconds < 30_000, "\(host): \(login)")
      } else {
        #expect(login.errors.contains { $0.contains("was not done within the timeout and was killed") }, "\(host): \(login)")
        #expect(login.milliseconds >= 1000 && login.milliseconds < 30_000, "\(host): \(login)")
      }
      #expect(login.log.count <= 8 * 302, "\(host)")
      // No child of the host's own is left, not even a zombie.
      #expect(login.output.text.contains("children=0"), "\(host): \(login)")
      if !stays { #expect(try machine.sh("ps -eo stat=,args= | grep '[/]etc/helper' | grep -v ^Z").text == "", "\(host)") }
    }
  }
}
