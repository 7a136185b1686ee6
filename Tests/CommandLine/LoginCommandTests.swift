import Foundation
import TestSupport
import Testing

/// `login` does what a login does, for those who may have it done, and prints what a login logs.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct LoginCommandTests {
  private func machine(settings: String = "network_filesystems = ramfs") throws -> Machine {
    let machine = try Machine(settings: settings)
    try machine.user("alice", uid: 4001)
    try machine.user("mallory", uid: 4002)
    return machine
  }

  @Test(arguments: [nil, 4001]) func `root for a user, and the user herself, get what a login gives, once`(caller: Int?) throws {
    let machine = try machine()
    let first = try machine.rootlessStorage(caller == nil ? "login alice" : "login", asUid: caller)
    #expect(first.status == 0, "\(first)")
    #expect(
      first.lines == [
        "info    alice: created storage directory /var/tmp/alice (mode 0700)",
        "info    alice: created /home/alice/.config/containers/storage.conf",
        "info    alice: created /home/alice/.config/docker/daemon.json",
      ])
    #expect(
      try machine.sure("stat -c '%u:%g %a' /var/tmp/alice /home/alice/.config/docker/daemon.json").lines == [
        "4001:4001 700", "4001:4001 644",
      ])
    let before = try machine.snapshot("/home/alice /var/tmp")
    #expect(try machine.rootlessStorage("login alice", asUid: caller).text == "alice: there was nothing to do.\n")
    let debug = try machine.rootlessStorage("login --debug alice", asUid: caller)
    #expect(
      debug.lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ").contains(
        "debug   alice: storage directory /var/tmp/alice and the files in the home are in place"), "\(debug)")
    #expect(try machine.snapshot("/home/alice /var/tmp") == before)
    // The same as at a login, to the letter.
    #expect(try machine.login("alice").informations == [])
  }

  @Test func `nobody does it for another user, nor for root, nor for nobody`() throws {
    let machine = try machine()
    let before = try machine.snapshot("/home /var/tmp")
    for (arguments, uid, cause) in [
      ("login alice", 4002, "only root may do that for another user; run it with sudo"),
      ("login", nil, "root's own logins are not served; name a user"), ("login root", nil, "root's own logins are not served"),
      ("login nobody-here", nil, "there is no account of that name"), ("login --timeout 0 alice", nil, "--timeout takes 1 to 3600 seconds"),
    ] as [(String, Int?, String)] {
      let output = try machine.rootlessStorage(arguments, asUid: uid)
      #expect(output.status == 2 && output.text.contains(cause), "\(arguments): \(output)")
    }
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `what a login refuses is printed, and ends it with 1`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs\noccupied = refuse")
    try machine.sure("install -d -o 4002 /var/tmp/alice")
    let output = try machine.rootlessStorage("login alice")
    #expect(output.status == 1 && output.text.hasPrefix("error   alice: "), "\(output)")
    let record = try #require(
      try JSONSerialization.jsonObject(with: Data(machine.rootlessStorage("login --json alice").text.utf8)) as? [String: Any])
    #expect(record["user"] as? String == "alice" && record["outcome"] as? String == "tolerated")
    #expect((record["messages"] as? [[String: String]])?.map { $0["severity"] } == ["error"])
    // What the log would have.
    #expect(try machine.login("alice").errors.first == (record["messages"] as? [[String: String]])?.first?["text"])
  }

  @Test func `a session helper that others can write is not started, and one that hangs or ends early is told`() throws {
    let machine = try machine()
    let module = try Machine.modulePath()
    func use(_ script: String, owner: Int = 0) throws {
      try machine.write("#!/bin/sh\n\(script)\n", to: "/etc/helper")
      try machine.sure(
        "chmod 755 /etc/helper; chown \(owner) /etc/helper; rm -f /etc/ran; printf 'session optional \(module) helper=/etc/helper\\n' > /etc/pam.d/login"
      )
    }
    try use("touch /etc/ran; echo 'end done'", owner: 4002)
    let foreign = try machine.rootlessStorage("login alice")
    #expect(foreign.status == 2 && foreign.text.contains("/etc/helper") && foreign.text.contains("uid 4002"), "\(foreign)")
    #expect(try machine.sh("test -e /etc/ran").status != 0)
    try use("touch /etc/ran; printf '<6>al\\033ice: done\\nend done\\n'")
    #expect(try machine.rootlessStorage("login alice").text == "info    al\\033ice: done\n")
    try use("exec sleep 100")
    let hung = try machine.rootlessStorage("login --timeout 1 alice")
    #expect(hung.status == 2 && hung.text.contains("was not done within 1 seconds and was ended"), "\(hung)")
    try use("echo '<6>half'")
    let half = try machine.rootlessStorage("login alice")
    #expect(half.status == 2 && half.text.contains("ended before its report did"), "\(half)")
    try use("exec yes '<6>again'")
    let flood = try machine.rootlessStorage("login alice")
    #expect(flood.status == 2 && flood.text.contains("prints more than a session helper does"), "\(flood)")
  }
}
