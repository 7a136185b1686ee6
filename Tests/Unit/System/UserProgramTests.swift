import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// How a manager of systemd's is asked to run a program as a user.
struct UserProgramTests {
  @Test(
    arguments: [
      ("systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT\n", .ofUser), ("systemd 248\n", .ofUser), ("systemd 257.9 (257.9-1)\n", .ofUser),
      ("systemd 247 (247.3-7+deb11u6)\n", .ofMachine), ("systemd 239 (239-82.el8)\n+PAM\n", .ofMachine), ("systemd 236\n", .ofMachine),
      ("systemd 235\n", nil), ("systemd\n", nil), ("", nil), ("elogind 252\n", nil), ("systemd x\n", nil), ("\nsystemd 252\n", nil),
      ("systemd 99999999999\n", nil),
    ] as [(String, UserProgram.Manager?)])
  func `the user's own manager where systemd-run can reach it`(version: String, expected: UserProgram.Manager?) {
    #expect(UserProgram.Manager(version: Array(version.utf8)) == expected)
  }

  @Test func `it is asked by number, for a unit that ends whole, and with the program's environment alone`() {
    let alice = account("alice@dom", uid: 2001, gid: 2001, home: "/home/$x")
    func words(_ manager: UserProgram.Manager) -> [String] {
      UserProgram(as: alice, isCaller: false).request(manager, ["/usr/bin/podman", "a b"], ["HOME=/home/$x"], seconds: 60).map {
        String(decoding: $0, as: UTF8.self)
      }
    }
    let bounds = [
      "--property=WorkingDirectory=/", "--property=RuntimeMaxSec=60", "--property=TimeoutStopSec=5", "--property=KillMode=control-group",
    ]
    let program = ["--", "/usr/bin/env", "-i", "HOME=/home/$$x", "/usr/bin/podman", "a b"]
    #expect(words(.ofUser) == ["--quiet", "--pipe", "--wait", "--collect", "--user", "--machine=2001@.host"] + bounds + program)
    let session = [
      "--uid=2001", "--slice=user-2001.slice", "--property=PAMName=systemd-user", "--property=KeyringMode=private",
      "--property=Delegate=yes",
    ]
    #expect(words(.ofMachine) == ["--quiet", "--pipe", "--wait", "--collect"] + session + bounds + program)
  }
}
