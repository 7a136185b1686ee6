import Foundation
import TestSupport
import Testing

/// The package in Debian 11: glibc 2.31, which has its threads in a library of their own and lacks calls that are newer, Linux-PAM 1.4, and
/// /lib beside /usr/lib. The kernel is this machine's.
@Suite(.enabled(if: DebianRoot.isPossible && DebianRoot.oldBase != nil, Comment(rawValue: DebianRoot.need)))
struct OldDebianTests {
  private func installed() throws -> DebianRoot {
    let root = try DebianRoot(DebianRoot.oldBase)
    try root.install()
    try root.sure("printf 'network_filesystems = ramfs\\n' > /etc/rootless-storage/rootless-storage.conf")
    try root.user("alice", uid: 4001)
    return root
  }

  @Test func `on the oldest Debian, it is installed, prepares a user's storage, finds its work good, and goes`() throws {
    let root = try installed()
    #expect(try root.session("common-session").contains(DebianRoot.line))
    // overlay, on which the whole Debian is here, is no place for engines.
    try root.sure("mount -t tmpfs -o mode=1777 storage /var/tmp")
    func ours(_ login: Login) -> [String] { login.log.filter { $0.text.hasPrefix("alice: ") }.map { "\($0.priority) \($0.text)" } }
    let first = try root.login("alice")
    #expect(first.code == 0 && ours(first).allSatisfy { $0.hasPrefix("6 alice: created ") } && ours(first).count == 3, "\(first)")
    let again = try root.login("alice")
    #expect(again.code == 0 && ours(again) == [], "\(again)")

    // A clean Debian has neither newuidmap nor engines; of what was made here, nothing is wrong.
    let check = try root.sh("rootless-storage check alice")
    #expect(check.status == 1 && check.text.contains("error newuidmap") && check.text.split(separator: "error ").count == 2, "\(check)")
    #expect(check.text.contains("alice"), "\(check)")
    #expect(try root.sure("rootless-storage list").text.contains("alice"))
    try root.sure(
      "rm /home/alice/.config/docker/daemon.json; rootless-storage repair alice; test -s /home/alice/.config/docker/daemon.json")

    let output = try root.sure("dpkg --remove libpam-rootless-storage 2>&1")
    #expect(!(try root.session("common-session").contains(DebianRoot.line)), "\(output)")
    #expect(try root.sh("find / -xdev -name 'pam_rootless_storage.so'").text == "")
  }

  @Test func `the helper starts clean on the oldest Debian, too`() throws {
    let root = try installed()
    // ls itself has the fourth.
    try root.sure(
      """
      printf '#!/bin/sh\\necho "<6>fds $(ls /proc/self/fd | tr "\\\\n" " ")"\\necho "end done"\\n' > /usr/libexec/listing; chmod 755 /usr/libexec/listing
      printf 'session required pam_rootless_storage.so helper=/usr/libexec/listing\\n' > /etc/pam.d/listing
      """)
    let login = try Login(
      try root.sh("rm -f /dev/log; exec 5</etc/passwd 9</etc/group 77</etc/group; /run/tests/pam-host --log /etc/pam.d listing alice"))
    #expect(login.log.contains { $0.text.hasSuffix("fds 0 1 2 3 ") }, "\(login)")
  }
}
