import Foundation
import TestSupport
import Testing

/// Podman's record that overlay does not work, of a user who tried it on the network home before there was a storage directory.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct OverlayCacheTests {
  /// As Podman makes it, for alice, in one of its runtime directories.
  private static func record(in place: String = "/run/user/4001") -> String {
    "install -d -m 700 -o 4001 -g 4001 \(place) \(place)/containers \(place)/containers/overlay; "
      + "echo overlay is not supported over nfs > \(place)/containers/overlay/overlay-false; chown 4001:4001 \(place)/containers/overlay/overlay-false; "
  }

  private static func text(_ place: String) -> String {
    "alice: removed \(place)/containers/overlay/overlay-false: Podman recorded there, before its storage was where it is now, that overlay does not work, and would not have tried it again"
  }

  private func exists(_ machine: Machine, _ path: String = "/run/user/4001/containers/overlay/overlay-false") throws -> Bool {
    try machine.sh("test -e \(path) || test -L \(path)").status == 0
  }

  @Test(arguments: ["/run/user/4001", "/tmp/storage-run-4001", "/tmp/podman-run-4001", "/tmp/containers-user-4001"])
  func `the first login removes it, wherever Podman keeps it`(place: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      "mount -t tmpfs -o mode=1777 tmp /tmp; \(OverlayCacheTests.record(in: place)) touch \(place)/containers/overlay/overlay-true \(place)/containers/overlay/else"
    )
    let login = try machine.login("alice", "strict debug")
    #expect(login.code == 0 && login.informations.last == OverlayCacheTests.text(place) && login.informations.count == 4, "\(login)")
    #expect(try machine.sure("ls -A \(place)/containers/overlay").lines == ["else", "overlay-true"])
  }

  /// The home has its files from a login on another host; this host's runtime directory is older than the storage directory.
  @Test func `on the second of two hosts that share the home it goes with the storage directory's first login`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice", "")
    try machine.sure("rm -r /var/tmp/alice; \(OverlayCacheTests.record())")
    let login = try machine.login("alice", "debug")
    #expect(
      login.informations == ["alice: created storage directory /var/tmp/alice (mode 0700)", OverlayCacheTests.text("/run/user/4001")],
      "\(login)")
    #expect(try !exists(machine))
  }

  @Test func `one that is older than configuration or storage directory goes at any login, a newer one stays`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice", "")
    // Podman has tried the storage directory itself.
    try machine.sure("sleep 1.1; \(OverlayCacheTests.record())")
    #expect(try machine.login("alice", "").log == [])
    #expect(try exists(machine))
    // The file is changed, by whomever.
    try machine.sure("sleep 1.1; setpriv --reuid 4001 --regid 4001 --clear-groups touch /home/alice/.config/containers/storage.conf")
    #expect(try machine.login("alice", "").informations == [OverlayCacheTests.text("/run/user/4001")])
    #expect(try !exists(machine))
    try machine.sure(
      "sleep 1.1; \(OverlayCacheTests.record()) sleep 1.1; setpriv --reuid 4001 --regid 4001 --clear-groups mkdir /var/tmp/alice/more")
    #expect(try machine.login("alice", "").informations == [OverlayCacheTests.text("/run/user/4001")])
  }

  @Test func `where nothing is recorded, a login in a good state looks once`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice", "")
    let calls = try machine.sure(
      "strace -qq -o /etc/trace /usr/libexec/rootless-storage/session-helper --uid 4001 --gid 4001 --home /home/alice alice > /dev/null; grep -c -e /run/user -e storage-run -e podman-run -e containers-user /etc/trace"
    )
    #expect(calls.lines.last == "1", "\(calls)")
  }

  /// Everything that is not a plain file of alice's, in directories that are hers alone.
  static let others: [(what: String, script: String)] = [
    ("a link", "cd /run/user/4001/containers/overlay; rm overlay-false; ln -s /etc/passwd overlay-false; chown -h 4001 overlay-false"),
    ("a second link", "ln /run/user/4001/containers/overlay/overlay-false /run/user/4001/other"),
    ("a FIFO", "cd /run/user/4001/containers/overlay; rm overlay-false; mkfifo overlay-false; chown 4001 overlay-false"),
    ("a directory", "cd /run/user/4001/containers/overlay; rm overlay-false; install -d -o 4001 overlay-false"),
    ("another's file", "chown 4009 /run/user/4001/containers/overlay/overlay-false"),
    ("a large file", "truncate -s 5000 /run/user/4001/containers/overlay/overlay-false"),
    ("a link on the path", "cd /run/user/4001; mv containers there; ln -s there containers; chown -h 4001 containers"),
    ("another's directory", "chown 4009 /run/user/4001/containers; chmod 755 /run/user/4001/containers"),
    ("a directory that others can write to", "chmod 777 /run/user/4001/containers/overlay"),
    (
      "a mount on the path",
      "mount --bind /run/user/4001/containers /mnt; mount -t tmpfs none /run/user/4001/containers; cp -a /mnt/. /run/user/4001/containers"
    ),
    ("another's runtime directory", "chown 4009 /run/user/4001; chmod 755 /run/user/4001"),
  ]

  @Test(arguments: others) func `anything else is left alone`(what: String, script: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(OverlayCacheTests.record() + script)
    let before = try machine.sure("find /run/user/4001 -printf '%p %y %m %U %n %s\\n'").text
    let login = try machine.login("alice", "strict debug")
    #expect(login.code == 0 && login.informations.count == 3 && login.warnings == [], "\(what): \(login)")
    #expect(try machine.sure("find /run/user/4001 -printf '%p %y %m %U %n %s\\n'").text == before, "\(what)")
  }

  /// bindfs shows a directory with any owner; `allow_other` needs the administrator's leave in fuse.conf.
  @Test func `another user's FUSE mount in /tmp is not entered, whatever owner it shows`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.user("mallory", uid: 4009)
    try machine.sure(
      """
      mount -t tmpfs -o mode=1777 tmp /tmp
      echo user_allow_other > /etc/fuse.conf; mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab
      install -d -o 4009 -g 4009 /tmp/storage-run-4001 /home/mallory/x /home/mallory/x/containers /home/mallory/x/containers/overlay
      touch /home/mallory/x/containers/overlay/overlay-false; chown 4009:4009 /home/mallory/x/containers/overlay/overlay-false
      chmod 755 /home/mallory
      setpriv --reuid 4009 --regid 4009 --clear-groups bindfs -o allow_other --force-user=4001 --force-group=4001 --perms=0700 /home/mallory/x /tmp/storage-run-4001 > /dev/null 2>&1
      test $(setpriv --reuid 4001 --regid 4001 --clear-groups stat -c %u /tmp/storage-run-4001/containers/overlay/overlay-false) = 4001
      """)
    let login = try machine.login("alice", "strict debug")
    #expect(login.code == 0 && login.informations.count == 3 && login.warnings == [], "\(login)")
    #expect(try exists(machine, "/home/mallory/x/containers/overlay/overlay-false"))
    try machine.sure("umount /tmp/storage-run-4001")
  }

  @Test func `what was done is in the log though the path of the record never answers`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.user("bob", uid: 4009)
    try machine.sure("install -d -o 4009 /var/tmp/alice")
    // The look at the record waits for longer than the deadline is.
    try machine.write(
      "#!/bin/sh\nexec strace -qq -o /etc/trace -P /run/user/4001/containers/overlay/overlay-false -e inject=statx:delay_enter=9000000 /usr/libexec/rootless-storage/session-helper \"$@\"\n",
      to: "/etc/slow")
    try machine.sure("chmod 755 /etc/slow")
    let login = try machine.login("alice", "timeout=3 helper=/etc/slow")
    #expect(
      login.errors.contains {
        $0.contains("storage directory /var/tmp/alice was a directory of uid 4009, and is now a directory of uid 4001")
      }, "\(login)")
    #expect(login.errors.contains { $0.contains("was not done within the timeout") }, "\(login)")
  }

  @Test func `one that cannot be removed costs a warning that names it`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("\(OverlayCacheTests.record()) chmod 500 /run/user/4001/containers/overlay")
    let login = try machine.login("alice", "strict debug")
    #expect(login.code == 0, "\(login)")
    #expect(
      login.warnings == [
        "alice: /run/user/4001/containers/overlay/overlay-false cannot be removed: Permission denied; Podman recorded there, before its storage was where it is now, that overlay does not work, and does not try it again; remove it as the user"
      ], "\(login)")
  }

  @Test func `a login that is refused removes nothing`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\noccupied = refuse")
    try machine.user("alice")
    try machine.sure("\(OverlayCacheTests.record()) install -d -o 4009 /var/tmp/alice")
    _ = try machine.login("alice", "")
    #expect(try exists(machine))
  }
}
