import Foundation
import TestSupport
import Testing

/// The commands on a kernel that lacks what has come since Linux 4.18. (A login there: HostTests.)
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct OldKernelTests {
  private static let newer = "pidfd_open,pidfd_send_signal,pidfd_getfd,close_range,clone3,faccessat2,openat2,mount_setattr,epoll_pwait2"

  @Test(arguments: [
    "check alice mallory", "check --all --json", "list", "status alice", "repair alice --dry-run", "repair alice",
    "prune --orphaned --dry-run", "login alice",
    "subids check", "pam status", "config show",
  ])
  func `without the calls of newer kernels, each command says and does the same`(command: String) throws {
    let machine = try Machine.good(ownProcesses: true)  // status and list say whether a user has processes
    let spoil = "rm -f /home/alice/.config/docker/daemon.json; chmod 777 /var/tmp/alice"
    func answer(_ before: String) throws -> Output {
      try machine.sure(spoil)
      return try machine.sh("cd /; \(before) env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin '\(Machine.commandLine)' \(command)")
    }
    let now = try answer("")
    let then = try answer("strace -f -qq -o /etc/trace -e trace=\(OldKernelTests.newer) -e inject=\(OldKernelTests.newer):error=ENOSYS")
    #expect(then.text == now.text && then.status == now.status, "\(then)\nand not\n\(now)")
  }
}
