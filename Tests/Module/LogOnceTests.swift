import TestSupport
import Testing

/// A line is logged once for each cause and boot, and nothing that matters is left out (pam_rootless_storage(8), DIAGNOSTICS).
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct LogOnceTests {
  private static let refusing = "network_filesystems = ramfs\noccupied = refuse"

  private func refused(_ settings: String = refusing) throws -> Machine {
    let machine = try Machine(settings: settings)
    try machine.user("alice")
    try machine.sure("install -d -o 4009 /var/tmp/alice")
    return machine
  }

  @Test func `the second session's line is a debug message, and a second attack is logged`() throws {
    let machine = try refused()
    let first = try machine.login("alice", "", remembers: true)
    #expect(first.errors.count == 1 && first.errors[0].contains("uid 4009"), "\(first)")
    #expect(try machine.login("alice", "", remembers: true).log == [])
    let loud = try machine.login("alice", "debug", remembers: true)
    #expect(loud.log.contains(.init(priority: 7, text: first.errors[0])) && loud.errors == [], "\(loud)")
    #expect(
      try machine.sure("stat -c '%a %u %F %s' /run/rootless-storage /run/rootless-storage/4001").lines == [
        "755 0 directory 60", "600 0 regular file 136",
      ])
    // Another user's object, and another user's storage.
    try machine.sure("rmdir /var/tmp/alice; install -d -o 4010 /var/tmp/alice")
    #expect(try machine.login("alice", "", remembers: true).errors.first?.contains("uid 4010") == true)
    try machine.user("bob", uid: 4002)
    try machine.sure("install -d -o 4009 /var/tmp/bob")
    #expect(try machine.login("bob", "", remembers: true).errors.count == 1)
    // Each is known now, whichever was the last.
    try machine.sure("chown 4009 /var/tmp/alice")
    for name in ["alice", "bob"] { #expect(try machine.login(name, "", remembers: true).log == []) }
    // After the next boot it is said again.
    try machine.sure("rm -r /run/rootless-storage")
    #expect(try machine.login("alice", "", remembers: true).errors == first.errors)
  }

  @Test func `what fails a strict session is in the log each time`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("chmod 777 /etc/rootless-storage/skel")
    let first = try machine.login("alice", "strict", remembers: true)
    #expect(first.code == 14 && first.errors.count == 1, "\(first)")
    #expect(try machine.login("alice", "", remembers: true).log == [], "where it fails no session, it is known")
    let again = try machine.login("alice", "strict", remembers: true)
    #expect(again.code == 14 && again.errors == first.errors, "\(again)")
    #expect(try machine.login("alice", "debug", remembers: true).texts(7).contains(first.errors[0]))
  }

  @Test func `a place that is taken is in the log each time`() throws {
    let machine = try Machine()
    try machine.user("alice")
    for _ in 0..<2 {
      try machine.sure("rm -rf /var/tmp/alice; install -d -o 4009 /var/tmp/alice")
      let login = try machine.login("alice", "", remembers: true)
      #expect(login.errors.count == 1 && login.errors[0].contains("is kept as"), "\(login)")
    }
    // And so is what a login has made, or closed.
    for _ in 0..<2 {
      try machine.sure("rm -rf /var/tmp/alice")
      #expect(try machine.login("alice", "", remembers: true).texts(6).count == 1)
      try machine.sure("chmod 777 /var/tmp/alice")
      #expect(try machine.login("alice", "", remembers: true).texts(5).count == 1)
    }
  }

  @Test func `what fails when root's rights are gone is known too`() throws {
    let machine = try Machine(storage: "ramfs", settings: "network_filesystems = tmpfs")
    try machine.user("alice")
    try machine.sure("mount -t tmpfs -o nr_inodes=1,mode=700,uid=4001,gid=4001 full /home/alice")
    let first = try machine.login("alice", "", remembers: true)
    #expect(!first.errors.isEmpty && first.errors.allSatisfy { $0.contains("No space left") }, "\(first)")
    #expect(try machine.login("alice", "", remembers: true).log == [])
  }

  @Test func `a line of the settings is told once, and a new one again`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\ncolour = red")
    try machine.user("alice")
    #expect(try machine.login("alice", "", remembers: true).warnings.count == 1)
    #expect(try machine.login("alice", "", remembers: true).warnings == [])
    try machine.sure("mkdir -p /etc/rootless-storage/conf.d")
    try machine.write("colour = blue\nshape = round\n", to: "/etc/rootless-storage/conf.d/x.conf")
    #expect(try machine.login("alice", "", remembers: true).warnings.count == 2)
    #expect(try machine.login("alice", "", remembers: true).warnings == [])
  }

  @Test func `by hand everything is said, and nothing is kept that the log has not`() throws {
    let machine = try refused()
    for _ in 0..<2 {
      let output = try machine.rootlessStorage("login alice")
      #expect(output.status == 1 && output.text.contains("uid 4009"), "\(output)")
    }
    #expect(try machine.login("alice", "", remembers: true).errors.count == 1)
    #expect(try machine.rootlessStorage("login alice").text.contains("uid 4009"))
  }

  @Test(arguments: [
    "touch D", "install -d -m 777 D", "install -d -o 4001 D", "install -d D; mkdir D/4001", "install -d D; mkfifo -m 600 D/4001",
    "install -d D; touch /etc/precious; chmod 600 /etc/precious; ln -s /etc/precious D/4001",
    "install -d D; install -m 644 /dev/null D/4001", "install -d D; install -m 600 -o 4001 /dev/null D/4001",
    "install -d D; install -m 600 /dev/null D/4001; ln D/4001 D/other", "install -d D; mount -t tmpfs -o ro none D",
  ]) func `a memory that cannot be trusted or written is none, and stays as it is`(script: String) throws {
    let machine = try refused()
    try machine.sure("umask 022; " + script.replacing("D", with: "/run/rootless-storage"))
    let before = try machine.snapshot("/run /etc/rootless-storage")
    for _ in 0..<2 {
      let login = try machine.login("alice", "", remembers: true)
      #expect(login.code == 0 && login.errors.count == 1, "\(login)")
    }
    #expect(try machine.snapshot("/run /etc/rootless-storage") == before)
    #expect(try machine.sh("test ! -s /etc/precious").status == 0)
  }

  @Test(arguments: ["", "head -c 136 /dev/urandom", "head -c 135 /dev/zero", "head -c 137 /dev/zero", "head -c 1000000 /dev/zero", "yes"])
  func `whatever is in it, the line is logged once`(script: String) throws {
    let machine = try refused()
    try machine.sure(
      "umask 077; install -d -m 755 /run/rootless-storage; (\(script.isEmpty ? "true" : script)) | head -c 2000000 > /run/rootless-storage/4001"
    )
    #expect(try machine.login("alice", "", remembers: true).errors.count == 1)
    // What is longer is not ours to cut.
    let again = try machine.login("alice", "", remembers: true)
    let isLonger = try machine.sure("stat -c %s /run/rootless-storage/4001").text != "136\n"
    #expect(again.errors.count == (isLonger ? 1 : 0), "\(again)")
  }
}
