import Foundation
import TestSupport
import Testing

/// Invariant 0: after a login nobody else's directory is in the place of the storage directory, or the log says that it is.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct TakeoverTests {
  /// What anybody can put into a place that anybody can write to, and how the log calls it.
  static let things: [(script: String, says: String)] = [
    ("install -d -o 4009 -g 4009 /var/tmp/alice", "a directory of uid 4009"),
    (
      "install -d -o 4009 -g 4009 /var/tmp/alice/containers/storage /var/tmp/alice; touch /var/tmp/alice/containers/storage/image",
      "a directory of uid 4009"
    ),
    ("install -d -m 1777 -o 4009 /var/tmp/alice; install -d -o 4001 /var/tmp/alice/containers", "a directory of uid 4009"),
    ("ln -s nowhere /var/tmp/alice; chown -h 4009 /var/tmp/alice", "a symbolic link of uid 4009"),
    ("ln -s /etc /var/tmp/alice; chown -h 4009 /var/tmp/alice", "a symbolic link of uid 4009"),
    ("echo secret > /var/tmp/alice; chown 4009 /var/tmp/alice", "a file of uid 4009"),
    ("echo secret > /var/tmp/alice; chown 4001 /var/tmp/alice", "a file of uid 4001"),
    ("echo secret > /var/tmp/other; ln /var/tmp/other /var/tmp/alice", "a file of uid 0"),
    ("mkfifo /var/tmp/alice; chown 4009 /var/tmp/alice", "a FIFO of uid 4009"),
    ("mkfifo /var/tmp/alice; chown 4001 /var/tmp/alice", "a FIFO of uid 4001"),
    ("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/var/tmp/alice\")'", "a socket of uid 0"),
    ("mknod /var/tmp/alice c 0 0; chown 4009 /var/tmp/alice", "a device of uid 4009"),
  ]

  /// Type, mode, owner, inode, times of all that is there but for its own times of change, which a rename sets.
  private func contents(_ machine: Machine, _ path: String) throws -> String {
    try machine.sure("find \(path) -printf '%P %y %m %U:%G %i %s %n %T@ %l\\n' | LC_ALL=C sort").text
  }

  /// The name under which what was in the place is kept.
  private func kept(_ machine: Machine) throws -> String {
    let names = try machine.sure("cd /var/tmp; ls -d .alice.*").lines
    #expect(names.count == 1, "\(names)")
    let name = names.first ?? ""
    #expect(name.wholeMatch(of: /\.alice\.replaced-\d{8}T\d{6}Z-[0-9a-f]{16}/) != nil, "\(name)")
    return name
  }

  private func sentence(_ kept: String, _ says: String) -> String {
    """
    alice: storage directory /var/tmp/alice was \(says), and is now a directory of uid 4001; what was there is kept as /var/tmp/\(kept); find out \
    what uid \(says.split(separator: " ").last ?? "") intended; to undo it, set occupied = refuse and run as root: mv -T '/var/tmp/alice' \
    '/var/tmp/alice.undone' && mv -T '/var/tmp/\(kept)' '/var/tmp/alice'
    """
  }

  @Test(arguments: things) func `another's object is replaced, and kept untouched under another name`(script: String, says: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    // As on the first of two hosts that share the home; this one is the second.
    try machine.login("alice", "")
    try machine.sure("umount /var/tmp; mount -t tmpfs vartmp /var/tmp; chmod 1777 /var/tmp; \(script)")
    let before = try contents(machine, "/var/tmp/alice")
    let login = try machine.login("alice", "strict")
    let kept = try kept(machine)
    #expect(login.code == 0 && login.conversations == 0)
    #expect(login.log == [.init(priority: 3, text: sentence(kept, says))], "\(login)")
    #expect(try contents(machine, "/var/tmp/\(kept)") == before)
    #expect(
      try machine.sure("cd /var/tmp; stat -c '%n %F %a %u:%g' alice alice/*").lines
        == ["alice directory 700 4001:4001", "alice/containers directory 700 4001:4001", "alice/docker directory 700 4001:4001"])
    // The next login finds all in place.
    #expect(try machine.login("alice", "").log == [])
    // What the line says brings it back.
    try machine.write("network_filesystems = ramfs\noccupied = refuse\n", to: "/etc/rootless-storage/rootless-storage.conf")
    try machine.sure("mv -T '/var/tmp/alice' '/var/tmp/alice.undone' && mv -T '/var/tmp/\(kept)' '/var/tmp/alice'")
    #expect(try contents(machine, "/var/tmp/alice") == before)
  }

  @Test func `the first login on a host makes the files too`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -o 4009 /var/tmp/alice")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.errors.count == 1 && login.informations.count == 2 && login.warnings == [])
  }

  @Test(arguments: things) func `with occupied = refuse nothing is changed, and the log says that containers must not be used`(
    script: String, says: String
  ) throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\noccupied = refuse")
    try machine.user("alice")
    try machine.sure(script)
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.errors.count == 1 && login.warnings.count == 1)
    #expect(login.errors.first?.contains("is refused, nothing is done: it is ") == true)
    #expect((login.errors.first?.contains("containers must not be used on this host") == true) == says.hasSuffix("4009"), "\(login)")
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `where only root can write, what is there is an administrator's decision`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/roots/$USER\nguarded_directories = none")
    try machine.user("alice")
    try machine.sure("install -d -m 755 /var/tmp/roots; install -d -o 4009 /var/tmp/roots/alice")
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "")
    #expect(login.errors.count == 1 && login.errors[0].contains("is refused"), "\(login)")
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `whoever runs the helper without root's rights is told`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -o 4009 /var/tmp/alice")
    let output = try machine.helper("--uid 4001 --gid 4001 --groups 4001 --home /home/alice alice", asUid: 4001)
    #expect(output.status == 1 && output.text.contains("<3>alice: storage directory /var/tmp/alice is refused"), "\(output)")
    #expect(try machine.sure("stat -c %u /var/tmp/alice").text == "4009\n")
  }

  @Test func `on a full disk the other's object is moved away, and the place stays empty`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice", "")
    // The kernel's root directory, mallory's directory, and no inode more.
    try machine.sure(
      "umount /var/tmp; mount -t tmpfs -o nr_inodes=3 vartmp /var/tmp; chmod 1777 /var/tmp; install -d -o 4009 /var/tmp/alice; touch /var/tmp/full; ! touch /var/tmp/more 2>/dev/null"
    )
    let login = try machine.login("alice", "strict")
    let kept = try kept(machine)
    #expect(login.code == 0)
    #expect(
      login.errors == [
        """
        alice: storage directory /var/tmp/alice was a directory of uid 4009, and nothing is there now; containers must not be used on this host until a \
        login has made it; what was there is kept as /var/tmp/\(kept); find out what uid 4009 intended; to undo it, set occupied = refuse and run as \
        root: mv -T '/var/tmp/\(kept)' '/var/tmp/alice'
        """,
        "alice: cannot create storage directory /var/tmp/alice: No space left on device; free space on the disk that holds it and log in again",
      ], "\(login)")
    #expect(try machine.sure("stat -c %u /var/tmp/\(kept); ! ls -d /var/tmp/alice 2>/dev/null").text == "4009\n")
    try machine.sure("rm /var/tmp/full")
    #expect(try machine.login("alice", "").errors == [])
    #expect(try machine.sure("stat -c %u /var/tmp/alice").text == "4001\n")
  }

  @Test(arguments: [
    ("+i", "Operation not permitted; it, or the directory above it, may be immutable"),
    ("mount", "something is mounted there; unmount it as root"),
  ])
  func `what cannot be moved is refused with the cause`(what: String, says: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      """
      truncate -s 8M /dev/shm/disk; mkfs.ext4 -q /dev/shm/disk; mount -o loop /dev/shm/disk /var/tmp; rmdir /var/tmp/lost+found; chmod 1777 /var/tmp
      install -d -o 4009 /var/tmp/alice
      if [ \(what) = mount ]; then install -d -o 4009 /dev/shm/other; mount --bind /dev/shm/other /var/tmp/alice; else chattr \(what) /var/tmp/alice; fi
      """)
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.errors.count == 1 && login.errors[0].contains("; it could not be replaced: \(says)"), "\(login)")
    #expect(login.errors[0].contains("containers must not be used on this host until it is repaired"))
    #expect(
      try machine.sure("stat -c %u /var/tmp/alice; find /var/tmp -mindepth 1 ! -path /var/tmp/alice; ls -A /home/alice").text == "4009\n")
    try machine.sh("chattr -i /var/tmp/alice; umount /var/tmp/alice; umount /var/tmp")
  }

  @Test func `a kernel or file system that cannot exchange names is named`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -o 4009 /var/tmp/alice")
    let login = try machine.login("alice", "", host: "--deny \(SystemCall.renameat2)")
    #expect(login.errors.count == 1 && login.errors[0].contains("this file system cannot exchange two names"), "\(login)")
    #expect(try machine.sure("cd /var/tmp; stat -c '%n %u' alice; ls -A").text == "alice 4009\nalice\n")
  }

  @Test func `only a refusal of another user's object is told to the user, and only if the PAM line asks for it`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\noccupied = refuse")
    try machine.user("alice")
    try machine.sure("install -d -o 4009 /var/tmp/alice")
    let login = try machine.login("alice", "tell", host: "--tell")
    #expect(login.code == 0 && login.errors.count == 1, "\(login)")
    #expect(
      login.told == [
        "The directory for container images /var/tmp/alice on this host is under the control of another user. Do not use containers on this host until an administrator has repaired it (rootless-storage repair alice)."
      ], "\(login)")
    #expect(try machine.login("alice", "", host: "--tell").told == [])
    #expect(try machine.login("alice", "tell", host: "--tell --silent").told == [])
    try machine.write("network_filesystems = ramfs\n", to: "/etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.login("alice", "tell", host: "--tell").told == [], "it is repaired by then")
  }

  @Test func `a former storage directory is guarded and never made`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /srv/site/$USER")
    try machine.user("alice")
    try machine.sure("mount -t tmpfs srv /srv; install -d -m 755 /srv/site")
    #expect(try machine.login("alice", "").informations.count == 3)
    #expect(try machine.sure("ls -A /var/tmp").text == "")
    // Homes still name /var/tmp/alice.
    try machine.sure("install -d -o 4009 /var/tmp/alice")
    let login = try machine.login("alice", "strict")
    let kept = try kept(machine)
    #expect(login.code == 0)
    #expect(
      login.log == [
        .init(priority: 3, text: sentence(kept, "a directory of uid 4009").replacing("alice: storage", with: "alice: former storage"))
      ], "\(login)")
    #expect(try machine.sure("stat -c '%n %u' /var/tmp/alice /srv/site/alice").lines == ["/var/tmp/alice 4001", "/srv/site/alice 4001"])
    #expect(try machine.login("alice", "").log == [])
    // Root's own object there is told, and left alone; the rest of the login goes on.
    try machine.sure("rm -rf /var/tmp/alice /home/alice/.config; ln -s /srv /var/tmp/alice")
    let refused = try machine.login("alice", "")
    #expect(
      refused.errors.count == 1
        && refused.errors[0].hasPrefix(
          "alice: former storage directory /var/tmp/alice, which files in the home may still name, is not the user's: it is a symbolic link owned by uid 0"
        ), "\(refused)")
    #expect(refused.informations.count == 2)
    try machine.write(
      "network_filesystems = ramfs\nstorage_directory = /srv/site/$USER\nguarded_directories = none\n",
      to: "/etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.login("alice", "").log == [])
  }

  @Test func `names of users that are uids of others take nothing from these`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/$UID")
    try machine.user("mallory", uid: 4009)
    try machine.user("4009", uid: 4001)
    // By the default, /var/tmp/$USER is guarded, which is uid 4009's storage directory for the user of that name.
    #expect(try machine.login("mallory", "").errors == [])
    let before = try machine.sure("stat -c '%i %u' /var/tmp/4009").text
    let login = try machine.login("4009", "")
    #expect(login.errors.count == 1 && login.errors[0].contains("former storage directory /var/tmp/4009"), "\(login)")
    #expect(try machine.sure("stat -c '%i %u' /var/tmp/4009; ls -d /var/tmp/.4009.* 2>/dev/null || true").text == before)
  }

  /// A directory that the user has once made in another's, whose default access control list lets that one write to it.
  @Test func `an own directory that another user has put there, and can write to, is no storage directory`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -m 775 -o 4001 -g 4001 /var/tmp/alice /var/tmp/alice/containers")
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "tell", host: "--tell")
    #expect(
      login.errors.count == 1 && login.errors[0].contains("and so is \"containers\" in it (mode 0775); containers must not be used"),
      "\(login)")
    #expect(login.told.count == 1)
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `the user's own directory with more than engines' directories in it keeps its mode`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      "install -d -m 775 -o 4001 -g 4001 /var/tmp/alice; install -d -o 4001 /var/tmp/alice/dataset /var/tmp/alice/containers")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.errors == [] && login.notices == [])
    #expect(
      login.warnings.count == 1 && login.warnings[0].contains("its mode is not changed, since more than directories of engines lies in it"),
      "\(login)")
    #expect(try machine.sure("stat -c %a /var/tmp/alice").text == "775\n")
  }

  @Test func `what containers have made in the user's own directory is the user's`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      "echo alice:200000:65536 > /etc/subuid; install -d -m 770 -o 4001 -g 4001 /var/tmp/alice; install -d -o 200033 /var/tmp/alice/containers"
    )
    let login = try machine.login("alice", "")
    #expect(
      login.errors == []
        && login.notices == ["alice: storage directory /var/tmp/alice was writable by others; its mode is now 0750 (was 0770)"], "\(login)")
    try machine.sure("chmod 770 /var/tmp/alice; echo bob:200000:65536 > /etc/subuid")
    #expect(try machine.login("alice", "").errors.count == 1)
  }

  @Test func `a full or read-only disk fails no strict login`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /srv/site/$USER\nguarded_directories = none")
    try machine.user("alice")
    try machine.sure("mount -t tmpfs -o nr_inodes=3 srv /srv; install -d -m 755 /srv/site; touch /srv/full")
    let full = try machine.login("alice", "strict")
    #expect(full.code == 0 && full.errors.count == 1 && full.warnings.count == 1 && full.errors[0].contains("No space left"), "\(full)")
    try machine.sure("rm /srv/full; mount -o remount,ro /srv")
    let readOnly = try machine.login("alice", "strict")
    #expect(readOnly.code == 0 && readOnly.errors.count == 1 && readOnly.errors[0].contains("Read-only file system"), "\(readOnly)")
  }

  @Test func `what a killed run has prepared is removed by the next one that prepares`() throws {
    let machine = try Machine()
    try machine.user("alice")
    // A time of change is the kernel's: on a disk that is not mounted, debugfs can set it.
    try machine.sure(
      """
      truncate -s 8M /dev/shm/disk; mkfs.ext4 -q /dev/shm/disk; mount -o loop /dev/shm/disk /var/tmp; rmdir /var/tmp/lost+found; chmod 1777 /var/tmp; cd /var/tmp
      install -d -o 4001 .alice.new-20200101T000000Z-0123456789abcdef .alice.new-20200101T000000Z-1123456789abcdef .alice.new-20200101T000000Z-4123456789abcdef
      install -d -o 4001 .alice.new-20200101T000000Z-1123456789abcdef/full .alice.new-20200101T000000Z-0123456789abcde .bob.new-20200101T000000Z-3123456789abcdef
      install -d -o 4009 .alice.new-20200101T000000Z-2123456789abcdef alice
      cd /; umount /var/tmp
      old=$(date -u -d '2 hours ago' +%Y%m%d%H%M%S)
      for name in 0123456789abcdef 1123456789abcdef 2123456789abcdef; do debugfs -w -R "sif /.alice.new-20200101T000000Z-$name ctime $old" /dev/shm/disk 2>/dev/null; done
      debugfs -w -R "sif /.bob.new-20200101T000000Z-3123456789abcdef ctime $old" /dev/shm/disk 2>/dev/null
      mount -o loop /dev/shm/disk /var/tmp
      """)
    #expect(try machine.login("alice", "").errors.count == 1)
    // The first is gone: the others are not empty, another user's, of another place, of another form, or young.
    #expect(
      try machine.sure("cd /var/tmp; ls -Ad .*.new-*").lines == [
        ".alice.new-20200101T000000Z-0123456789abcde", ".alice.new-20200101T000000Z-1123456789abcdef",
        ".alice.new-20200101T000000Z-2123456789abcdef",
        ".alice.new-20200101T000000Z-4123456789abcdef", ".bob.new-20200101T000000Z-3123456789abcdef",
      ])
    try machine.sure("umount /var/tmp")
  }

  @Test func `two sessions at once come to one directory`() throws {
    let machine = try Machine()
    try machine.user("alice")
    for _ in 0..<20 {
      try machine.sure("rm -rf /var/tmp/alice /var/tmp/.alice.*; install -d -o 4009 /var/tmp/alice")
      let login = try machine.login("alice", "strict timeout=60", host: "--threads 4")
      #expect(login.code == 0)
      #expect(login.errors.count == 1 && login.errors[0].contains("is kept as"), "\(login)")
      #expect(try machine.sure("stat -c %u /var/tmp/alice; ls -d /var/tmp/.alice.* | wc -l").text == "4001\n1\n")
    }
  }

  @Test func `the lock of another session is waited for, and its owner is no other user`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      "install -d -o 4009 /var/tmp/alice; install -d -m 755 /run/rootless-storage; install -m 600 /dev/null /run/rootless-storage/takeover.4001"
    )
    try machine.sure(
      "(flock --help >/dev/null; exec python3 -c 'import fcntl,time,struct; f=open(\"/run/rootless-storage/takeover.4001\",\"r+\"); fcntl.lockf(f,fcntl.LOCK_EX); print(\"ok\",flush=True); time.sleep(6)' > /dev/shm/locked 2>&1 &) ; for i in $(seq 100); do grep -q ok /dev/shm/locked && break; sleep 0.05; done"
    )
    let login = try machine.login("alice", "timeout=4")
    #expect(
      login.errors.count == 1 && login.errors[0].contains("another session of the same user is replacing it; log in again"), "\(login)")
    #expect(login.milliseconds >= 2000 && login.milliseconds < 4000)
    #expect(try machine.sure("stat -c '%a %u' /run/rootless-storage/takeover.4001 /run/rootless-storage").lines == ["600 0", "755 0"])
  }

  @Test func `a login that finds everything in place looks at nothing of this`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice", "")
    try machine.sure("rm -r /run/rootless-storage")
    let helper = "/usr/libexec/rootless-storage/session-helper \(FilesTests.alice)"
    let calls = try machine.sure("strace -qq -o /etc/trace \(helper) > /dev/null; cat /etc/trace").lines
    #expect(calls.count > 50)
    for call in calls {
      for sign in ["/run/rootless-storage", "subuid", "renameat2(", "mkdirat(", "getrandom(", "/proc/self/fdinfo"]
      where !call.contains("GRND_NONBLOCK) = 8") {
        #expect(!call.contains(sign), "\(call)")
      }
    }
    try machine.sure("! ls /run/rootless-storage 2>/dev/null")
  }
}
