import Foundation
import TestSupport
import Testing

/// The table "what a login does" of pam_rootless_storage(8), row by row, through the real libpam.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct TableTests {
  @Test func `a first login makes the storage directory and both files`() throws {
    let machine = try Machine()
    try machine.user("alice", uid: 4001, gid: 4002)
    let login = try machine.login("alice", "")
    #expect(login.code == 0)
    #expect(
      login.log == [
        .init(priority: 6, text: "alice: created storage directory /var/tmp/alice (mode 0700)"),
        .init(priority: 6, text: "alice: created /home/alice/.config/containers/storage.conf"),
        .init(priority: 6, text: "alice: created /home/alice/.config/docker/daemon.json"),
      ])
    let seen = try machine.sure("stat -c '%n %F %a %u:%g' /var/tmp/alice /home/alice/.config /home/alice/.config/* /home/alice/.config/*/*")
      .lines
    #expect(
      seen == [
        "/var/tmp/alice directory 700 4001:4002",
        "/home/alice/.config directory 700 4001:4002",
        "/home/alice/.config/containers directory 700 4001:4002",
        "/home/alice/.config/docker directory 700 4001:4002",
        "/home/alice/.config/containers/storage.conf regular file 644 4001:4002",
        "/home/alice/.config/docker/daemon.json regular file 644 4001:4002",
      ])
    // An empty directory would be removed by systemd-tmpfiles when it is old enough.
    #expect(
      try machine.sure("cd /var/tmp/alice; stat -c '%n %F %a %u:%g' *").lines == [
        "containers directory 700 4001:4002", "docker directory 700 4001:4002",
      ])
    #expect(
      try machine.sure("cat /home/alice/.config/containers/storage.conf").text.hasSuffix(
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/alice/containers/storage\"\n"))
    #expect(try machine.sure("cat /home/alice/.config/docker/daemon.json").text == "{ \"data-root\": \"/var/tmp/alice/docker\" }\n")
    #expect(login.conversations == 0)
  }

  @Test func `a second login writes nothing and says nothing`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.login("alice")
    let before = try machine.snapshot("/home /var/tmp /etc")
    try machine.sure("sleep 0.02")
    let login = try machine.login("alice", "")
    #expect(login.log == [])
    let loud = try machine.login("alice", "debug")
    #expect(loud.log == [.init(priority: 7, text: "alice: storage directory /var/tmp/alice and the files in the home are in place")])
    // The PAM line, which the test itself writes, and what the directory that holds it tells of that, are left out.
    func relevant(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.hasPrefix("/etc/pam.d") } }
    #expect(relevant(before) == relevant(try machine.snapshot("/home /var/tmp /etc")))
  }

  @Test func `root is not served, and no process is started`() throws {
    let machine = try Machine()
    let login = try machine.login("root", "debug helper=/nonexistent")
    #expect(login.code == 0)
    #expect(login.log == [.init(priority: 7, text: "root: root or a user below uid_min, nothing to do")])
    #expect(try machine.login("root", "helper=/nonexistent").log == [])
  }

  @Test func `a user below uid_min is not served, and no process is started`() throws {
    let machine = try Machine()
    try machine.user("daemon", uid: 999)
    #expect(try machine.login("daemon", "debug helper=/nonexistent").debugs == ["daemon: root or a user below uid_min, nothing to do"])
    try machine.user("alice", uid: 4001)
    #expect(try machine.login("alice", "debug helper=/nonexistent uid_min=4002").debugs.count == 1)
    #expect(try machine.login("alice", "helper=/nonexistent uid_min=4001").errors.count > 0)
  }

  @Test func `the larger uid_min holds, and uid_max`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nuid_min = 5000\nuid_max = 6000")
    for (name, uid) in [("below", 4999), ("above", 6001)] {
      try machine.user(name, uid: uid)
      let login = try machine.login(name)
      #expect(login.log == [.init(priority: 7, text: "\(name): uid \(uid) is outside uid_min to uid_max, nothing to do")])
    }
    for (name, uid) in [("first", 5000), ("last", 6000)] {
      try machine.user(name, uid: uid)
      #expect(try machine.login(name).informations.count == 3)
    }
  }

  @Test func `an unknown account is left alone with a warning`() throws {
    let machine = try Machine()
    let login = try machine.login("nosuchuser", "strict debug")
    #expect(login.code == 0)
    #expect(login.warnings == ["nosuchuser: the account cannot be looked up, nothing is done; is the name service up?"])
  }

  @Test(arguments: ["tmpfs", "ramfs"])
  func `a home on a local file system is left alone`(type: String) throws {
    // The shipped settings: neither type is in the default list.
    let machine = try Machine(homes: type, settings: nil)
    try machine.user("alice")
    let before = try machine.snapshot("/home /var/tmp")
    #expect(try machine.login("alice", "").log == [])
    #expect(
      try machine.login("alice").log == [
        .init(priority: 7, text: "alice: home /home/alice is on a local file system (\(type)), nothing to do")
      ])
    #expect(before == (try machine.snapshot("/home /var/tmp")))
  }

  @Test func `a home on a block device is local`() throws {
    let machine = try Machine()
    try machine.sure(
      """
      truncate -s 8M /var/tmp/disk; mkfs.ext4 -q /var/tmp/disk
      mkdir /home/disk; mount -o loop /var/tmp/disk /home/disk
      chown 4001 /home/disk
      """)
    try machine.user("alice", home: "/home/disk")
    for (deny, says) in [("", "file system (ext4)"), ("--deny \(SystemCall.statmount)", "disk")] {
      #expect(try machine.login("alice", host: deny).debugs == ["alice: home /home/disk is on a local \(says), nothing to do"])
    }
    // Once a type that lies on disks is listed, the shortcut is off.
    for deny in ["", "--deny \(SystemCall.statmount)"] {
      try machine.write("network_filesystems = nfs xfs\n", to: "/etc/rootless-storage/rootless-storage.conf")
      #expect(try machine.login("alice", host: deny).debugs == ["alice: home /home/disk is on a local file system (ext4), nothing to do"])
      try machine.write("network_filesystems = nfs ext4\n", to: "/etc/rootless-storage/rootless-storage.conf")
      try machine.sure("rm -rf /home/disk/.config /var/tmp/alice")
      #expect(try machine.login("alice", host: deny).informations.count == 3)
    }
  }

  @Test func `a device number that only looks like a disk's is no disk`() throws {
    // As on Lustre: no such block device is known to the kernel. Here /sys is taken away.
    let machine = try Machine()
    try machine.sure(
      "truncate -s 8M /var/tmp/disk; mkfs.ext4 -q /var/tmp/disk; mkdir /home/disk; mount -o loop /var/tmp/disk /home/disk; chown 4001 /home/disk; mount -t tmpfs none /sys"
    )
    try machine.user("alice", home: "/home/disk")
    #expect(
      try machine.login("alice", host: "--deny \(SystemCall.statmount)").debugs == [
        "alice: home /home/disk is on a local file system (ext4), nothing to do"
      ])
  }

  struct HomeCase: Sendable, CustomTestStringConvertible {
    let what: String
    let home: String
    let script: String
    let priority: Int
    let says: String
    var testDescription: String { what }
  }

  static let homes: [HomeCase] = [
    .init(
      what: "missing", home: "/home/none", script: "true", priority: 5,
      says:
        "home /home/none does not exist, or its file server is down, nothing is done; log in again when it is there; if autofs mounts it, check that autofs is running and has an entry for it"
    ),
    .init(
      what: "not absolute", home: "home/alice", script: "true", priority: 4,
      says: "home \"home/alice\" is not an absolute path, nothing is done; correct the account"),
    .init(
      what: "empty", home: "", script: "true", priority: 4, says: "home \"\" is not an absolute path, nothing is done; correct the account"),
    .init(
      what: "a file", home: "/home/file", script: "touch /home/file; chown 4001 /home/file", priority: 4,
      says: "home /home/file is not a directory, nothing is done; correct the account"),
    .init(
      what: "a FIFO", home: "/home/fifo", script: "mkfifo /home/fifo; chown 4001 /home/fifo", priority: 4,
      says: "home /home/fifo is not a directory, nothing is done; correct the account"),
    .init(
      what: "somebody else's", home: "/home/bob", script: "install -d -o 4009 /home/bob", priority: 4,
      says: "home /home/bob is owned by uid 4009, not by uid 4001, nothing is done; correct the owner or the account"),
    .init(
      what: "root's", home: "/", script: "true", priority: 4,
      says: "home / is owned by uid 0, not by uid 4001, nothing is done; correct the owner or the account"),
    .init(
      what: "out of reach", home: "/home/closed/alice", script: "install -d -m 700 /home/closed; install -d -o 4001 /home/closed/alice",
      priority: 5,
      says:
        "home /home/closed/alice cannot be reached by its user: Permission denied, nothing is done; check its mode and the options of its export, or it is a FUSE mount without allow_other"
    ),
    .init(
      what: "a loop", home: "/home/loop", script: "ln -s loop /home/loop", priority: 4,
      says: "home /home/loop is not a directory, nothing is done; correct the account"),
  ]

  @Test(arguments: homes) func `a home that is no good is left alone with the reason`(home: HomeCase) throws {
    let machine = try Machine()
    try machine.user("alice", home: home.home)
    try machine.sure(home.script)
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0)
    #expect(login.log == [.init(priority: home.priority, text: "alice: \(home.says)")])
    #expect(before == (try machine.snapshot("/home /var/tmp")))
  }

  @Test func `a home through a symbolic link is followed by the kernel`() throws {
    let machine = try Machine()
    try machine.user("alice", home: "/home/link")
    try machine.sure("install -d -m 700 -o 4001 -g 4001 /home/real; ln -s real /home/link")
    #expect(try machine.login("alice").informations.count == 3)
    try machine.sure("test -f /home/real/.config/containers/storage.conf")
  }

  @Test func `a file system whose type cannot be found out is left alone`() throws {
    let machine = try Machine()
    try machine.user("alice")
    // Neither statmount(2), as before Linux 6.8, nor /proc.
    let login = try machine.login("alice", "", host: "--deny \(SystemCall.statmount)", before: "umount -l /proc;")
    #expect(
      login.warnings == [
        "alice: the file system of home /home/alice cannot be found out: No such file or directory, nothing is done; is /proc mounted?"
      ], "\(login)")
    #expect(login.code == 0)
    #expect(try machine.sure("ls -A /var/tmp").text == "")
  }

  @Test(arguments: ["0700", "0711"]) func `the storage directory gets directory_mode, whatever the umask`(mode: String) throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\ndirectory_mode = \(mode)")
    try machine.user("alice")
    for umask in ["000", "077", "777"] {
      try machine.sure("rm -rf /var/tmp/alice")
      let login = try machine.login("alice", "", before: "umask \(umask);")
      #expect(login.informations.first == "alice: created storage directory /var/tmp/alice (mode \(mode))")
      #expect(try machine.sure("stat -c %a /var/tmp/alice").text == "\(mode.dropFirst())\n")
    }
  }

  @Test func `a limit that the file system does not have is a warning, and fails no login`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_quota = 1G")
    try machine.user("alice")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.errors == [] && login.informations.count == 3, "\(login)")
    #expect(
      login.warnings.count == 1
        && login.warnings.allSatisfy { $0.hasPrefix("alice: storage directory /var/tmp/alice has no limit: ") && $0.contains("prjquota") },
      "\(login)")
    #expect(try machine.sure("ls /var/tmp/alice").lines == ["containers", "docker"])
    #expect(try machine.login("alice", "strict").warnings == [], "a directory that is there is not looked at")
  }

  @Test(arguments: ["700", "711", "755", "500"]) func `a storage directory that only the user can write to keeps its mode`(mode: String)
    throws
  {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -m \(mode) -o 4001 -g 4001 /var/tmp/alice")
    #expect(try machine.login("alice").errors == [])
    #expect(try machine.sure("stat -c %a /var/tmp/alice").text == "\(mode)\n")
  }

  @Test func `write bits for others are taken away from the user's own directory`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -m 777 -o 4001 -g 4001 /var/tmp/alice; install -d -o 4001 /var/tmp/alice/containers")
    let login = try machine.login("alice", "strict")
    #expect(login.notices == ["alice: storage directory /var/tmp/alice was writable by others; its mode is now 0755 (was 0777)"])
    #expect(login.informations.count == 2)
    #expect(login.code == 0)
    #expect(try machine.sure("stat -c %a /var/tmp/alice").text == "755\n")
  }

  @Test func `a writable directory in which somebody has been is refused`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("install -d -m 770 -o 4001 -g 4001 /var/tmp/alice; install -d -o 4009 /var/tmp/alice/containers")
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "strict")
    #expect(
      login.errors == [
        "alice: storage directory /var/tmp/alice is refused, nothing is done: it is writable by others (mode 0770) and an entry in it is owned by uid 4009; look at it as root, move it away, and log in again; the entry is \"containers\""
      ])
    #expect(login.code == 0, "the parent is writable by others")
    #expect(before == (try machine.snapshot("/home /var/tmp")))
  }

  /// What only root can have put there, and what is the user's own decision.
  static let squats: [(String, String)] = [
    ("install -d -m 777 /var/tmp/alice", "it is owned by uid 0, not by uid 4001"),
    ("ln -s /etc /var/tmp/alice", "it is a symbolic link owned by uid 0, not a directory"),
    (
      "install -d -o 4001 /var/tmp/mine; ln -s mine /var/tmp/alice; chown -h 4001 /var/tmp/alice",
      "it is a symbolic link owned by uid 4001, not a directory"
    ),
    ("mknod /var/tmp/alice c 1 3", "it is a device owned by uid 0, not a directory"),
  ]

  @Test(arguments: squats) func `whatever else is in the storage directory's place is refused`(script: String, says: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(script)
    let before = try machine.snapshot("/home /var/tmp /etc/rootless-storage")
    let login = try machine.login("alice", "strict")
    #expect(
      login.errors == [
        "alice: storage directory /var/tmp/alice is refused, nothing is done: \(says); look at it as root, move it away, and log in again"
      ])
    #expect(login.code == 0)
    #expect(login.warnings.count == 1 && login.warnings[0].contains("although the option strict is given"))
    #expect(before == (try machine.snapshot("/home /var/tmp /etc/rootless-storage")))
  }

  @Test func `where only root can write to the parent, strict fails the login`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/roots/$USER")
    try machine.user("alice")
    try machine.sure("install -d -m 755 /var/tmp/roots; install -d -o 4009 /var/tmp/roots/alice")
    #expect(try machine.login("alice", "strict").code == 14)
    #expect(try machine.login("alice", "").code == 0)
    try machine.sure("rmdir /var/tmp/roots/alice")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0)
    #expect(try machine.sure("stat -c '%a %u:%g' /var/tmp/roots/alice").text == "700 4001:4001\n")
  }

  @Test func `what others could have done never fails a login, even with strict`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/site/$USER")
    try machine.user("alice")
    // The parent is missing in a directory that anybody can write to: anybody can take its name.
    for script in [
      "install -d -o 4009 /var/tmp/site", "rmdir /var/tmp/site; ln -s /etc /var/tmp/site; chown -h 4009 /var/tmp/site",
      "rm /var/tmp/site; touch /var/tmp/site",
    ] {
      try machine.sure(script)
      let login = try machine.login("alice", "strict")
      #expect(login.code == 0 && login.errors.count == 1 && login.warnings.count == 1, "\(login)")
    }
    // Anybody can fill it.
    try machine.write("network_filesystems = ramfs\n", to: "/etc/rootless-storage/rootless-storage.conf")
    try machine.sure("rm /var/tmp/site; mount -o remount,nr_inodes=1 /var/tmp")
    let full = try machine.login("alice", "strict")
    #expect(full.code == 0 && full.errors.count == 1 && full.warnings.count == 1, "\(full)")
  }

  @Test func `a parent with the set-group-ID bit does not hand it on`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/site/$USER")
    try machine.user("alice")
    try machine.sure("install -d -m 2755 -g 4009 /var/tmp/site")
    #expect(try machine.login("alice").informations.count == 3)
    #expect(try machine.sure("stat -c '%a %u' /var/tmp/site/alice").text == "700 4001\n")
  }

  @Test func `a parent that its users may not pass through is named`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/site/$USER")
    try machine.user("alice")
    try machine.sure("install -d -m 700 /var/tmp/site")
    let login = try machine.login("alice")
    #expect(
      login.errors.count == 1
        && login.errors[0].contains(
          "make the directory above it searchable by everybody (chmod o+x), or see what SELinux denies (ausearch -m avc)"),
      "\(login)")
  }

  @Test func `something mounted in a writable storage directory makes it refused`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      "install -d -m 777 -o 4001 /var/tmp/alice; install -d -o 4001 /var/tmp/alice/containers; mount -t tmpfs none /var/tmp/alice/containers; chown 4001 /var/tmp/alice/containers"
    )
    let login = try machine.login("alice")
    #expect(login.errors.count == 1 && login.errors[0].contains("something is mounted in it"), "\(login)")
  }

  /// bindfs shows a directory with any owner and mode; `allow_other` needs the administrator's leave in fuse.conf.
  @Test(arguments: ["", "-o allow_other"]) func `another user's FUSE mount in the storage directory's place is not believed`(option: String)
    throws
  {
    let machine = try Machine()
    try machine.user("alice")
    try machine.user("mallory", uid: 4009)
    try machine.sure(
      """
      echo user_allow_other > /etc/fuse.conf; mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab
      install -d -o 4009 /var/tmp/alice /home/mallory/x
      setpriv --reuid 4009 --regid 4009 --clear-groups bindfs \(option) --force-user=4001 --force-group=4001 --perms=0700 /home/mallory/x /var/tmp/alice > /dev/null 2>&1
      """)
    if !option.isEmpty {
      #expect(try machine.sure("setpriv --reuid 4001 --regid 4001 --clear-groups stat -c '%u %a' /var/tmp/alice").text == "4001 700\n")
    }
    let login = try machine.login("alice", "strict")
    #expect(
      login.errors == [
        "alice: storage directory /var/tmp/alice is refused, nothing is done: it is a FUSE mount of uid 4009; containers must not be used on this host until it is repaired; unmount it as root, and log in again"
      ], "\(login)")
    #expect(login.code == 0)
    #expect(try machine.sure("ls -A /home/alice; umount /var/tmp/alice").text == "")
  }

  @Test func `nor is one on the way to it, or in it`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/site/$USER")
    try machine.user("alice")
    try machine.user("mallory", uid: 4009)
    try machine.sure(
      """
      echo user_allow_other > /etc/fuse.conf; mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab
      install -d -o 4009 /var/tmp/site /home/mallory/x /home/mallory/y
      setpriv --reuid 4009 --regid 4009 --clear-groups bindfs -o allow_other --force-user=0 --force-group=0 --perms=0755 /home/mallory/x /var/tmp/site > /dev/null 2>&1
      """)
    var login = try machine.login("alice", "strict")
    #expect(login.errors.count == 1 && login.errors[0].contains("/var/tmp/site is a FUSE mount") && login.code == 0, "\(login)")
    try machine.sure(
      """
      umount /var/tmp/site; chown root /var/tmp/site; install -d -m 777 -o 4001 /var/tmp/site/alice; install -d -o 4009 /var/tmp/site/alice/containers
      setpriv --reuid 4009 --regid 4009 --clear-groups bindfs -o allow_other --force-user=4001 --perms=0700 /home/mallory/y /var/tmp/site/alice/containers > /dev/null 2>&1
      """)
    login = try machine.login("alice", "strict")
    #expect(login.errors.count == 1 && login.errors[0].contains("something is mounted in it"), "\(login)")
    try machine.sure("umount /var/tmp/site/alice/containers")
  }

  static let ways: [(String, String)] = [
    ("install -d -m 777 /var/tmp/a/parent", "/var/tmp/a/parent is writable by others (mode 0777)"),
    ("install -d -m 775 /var/tmp/a/parent", "/var/tmp/a/parent is writable by others (mode 0775)"),
    ("install -d -m 755 /var/tmp/a/parent; chmod 777 /var/tmp/a", "/var/tmp/a is writable by others (mode 0777)"),
    ("install -d -m 755 -o 4001 /var/tmp/a/parent", "/var/tmp/a/parent is owned by uid 4001"),
    ("install -d -m 755 /var/tmp/a/parent; chown 4009 /var/tmp/a", "/var/tmp/a is owned by uid 4009"),
    (
      "mkdir /var/tmp/a; install -d -m 755 /var/tmp/b; ln -s ../b /var/tmp/a/parent; chown -h 4001 /var/tmp/a/parent",
      "/var/tmp/a/parent is a symbolic link owned by uid 4001"
    ),
    ("mkdir /var/tmp/a; touch /var/tmp/a/parent", "/var/tmp/a/parent is not a directory"),
    ("mkdir /var/tmp/a; ln -s parent /var/tmp/a/parent", "/var/tmp/a/parent is behind more than 40 symbolic links; shorten"),
    ("mkdir /var/tmp/a", "/var/tmp/a/parent does not exist; create it as root, or set storage_directory"),
    (
      "mkdir -p /var/tmp/a/parent; mount -t ramfs none /var/tmp/a/parent; chmod 755 /var/tmp/a/parent",
      "/var/tmp/a/parent is itself on a network file system (ramfs)"
    ),
    (
      "mkdir -p /var/tmp/a/parent/alice; mount -t ramfs none /var/tmp/a/parent/alice; chown 4001 /var/tmp/a/parent/alice",
      "it is itself on a network file system (ramfs)"
    ),
  ]

  @Test(arguments: ways) func `a way that is not trustworthy is refused`(script: String, says: String) throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/a/parent/$USER")
    try machine.user("alice")
    try machine.sure(script)
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "")
    #expect(login.log.count == 1 && login.errors.count == 1)
    #expect(
      login.errors.first?.hasPrefix("alice: storage directory /var/tmp/a/parent/alice is refused, nothing is done: \(says)") == true,
      "\(login)")
    #expect(before == (try machine.snapshot("/home /var/tmp")))
  }

  @Test func `root's symbolic links and sticky directories on the way are fine`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/a/link/$UID")
    try machine.user("alice")
    try machine.sure("mkdir /var/tmp/a; install -d -m 1777 /var/tmp/b; ln -s /var/tmp/a/../b /var/tmp/a/link")
    #expect(try machine.login("alice").informations.first == "alice: created storage directory /var/tmp/a/link/4001 (mode 0700)")
    #expect(try machine.sure("stat -c '%a %u:%g' /var/tmp/b/4001").text == "700 4001:4001\n")
  }

  @Test func `a home that its user may not enter gets nothing, not even a storage directory`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("chmod 000 /home/alice")
    let login = try machine.login("alice", "strict")
    #expect(login.notices.count == 1 && login.notices[0].contains("cannot be reached by its user: Permission denied"), "\(login)")
    #expect(login.log.count == 1 && login.code == 0)
    #expect(try machine.sure("ls -A /var/tmp").text == "")
  }

  static let moved: [(String, String, String)] = [
    ("ln -s /var/tmp/x .local/share/containers", "containers/storage.conf", ".local/share/containers"),
    ("mkdir .local/share/containers; mount -t tmpfs none .local/share/containers", "containers/storage.conf", ".local/share/containers"),
    (
      "mkdir .local/share/containers /var/tmp/images; mount --bind /var/tmp/images .local/share/containers", "containers/storage.conf",
      ".local/share/containers"
    ),
    ("ln -s nowhere .local/share/docker", "docker/daemon.json", ".local/share/docker"),
  ]

  @Test(arguments: moved) func `an engine whose store the user has moved keeps it`(script: String, file: String, store: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("cd /home/alice; install -d -o 4001 .local .local/share; \(script); chown -h 4001 \(store)")
    for _ in 0..<2 {
      let login = try machine.login("alice", "")
      #expect(
        login.notices == [
          "alice: /home/alice/.config/\(file) is not created, since /home/alice/\(store) is a symbolic link or a mount: it would hide the storage that you chose"
        ], "\(login)")
    }
    let files = try machine.sure("cd /home/alice/.config; find . -type f").lines
    #expect(files.count == 1 && files[0] != "./\(file)")
  }

  /// As where `~/.local` leads into the scratch file system of a cluster.
  @Test(arguments: [
    "install -d -o 4001 /home/scratch; mount -t ramfs none /home/scratch; ln -s /home/scratch .local",
    "mkdir .local; mount --bind .local .local",
  ])
  func `a store on another network mount has not been moved to where it works`(script: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("cd /home/alice; \(script); install -d -o 4001 .local/ .local/share .local/share/containers .local/share/docker")
    let login = try machine.login("alice", "")
    #expect(login.notices == [] && login.informations.count == 3, "\(login)")
    #expect(
      try machine.sure("cd /home/alice/.config; find . -type f").lines.sorted() == ["./containers/storage.conf", "./docker/daemon.json"])
  }

  static let present = ["ln -s nowhere", "ln -s /etc/passwd", "mkfifo", "mkdir", "touch", "install -m 000 /dev/null"]

  @Test(arguments: present) func `whatever bears a file's name is left alone and never opened`(command: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      "cd /home/alice; install -d -o 4001 -g 4001 .config .config/containers .config/docker; \(command) .config/containers/storage.conf")
    let before = try machine.snapshot("/home/alice/.config/containers")
    let login = try machine.login("alice", "")
    #expect(login.errors + login.warnings == [])
    #expect(login.informations.count == 2, "\(login)")
    #expect(before == (try machine.snapshot("/home/alice/.config/containers")))
  }

  static let blocked: [(String, String)] = [
    ("touch .config/containers", "Not a directory"),
    ("mkfifo .config/containers", "Not a directory"),
    ("ln -s nowhere .config/containers", "Not a directory"),
    ("ln -s containers .config/containers", "Too many levels of symbolic links"),
    ("mkdir -m 000 .config/containers", "Permission denied"),
    ("mkdir -m 500 .config/containers", "Permission denied"),
    ("ln -s /root .config/containers", "Permission denied"),
  ]

  @Test(arguments: blocked) func `a file whose way is blocked is skipped, the others are done`(script: String, cause: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("cd /home/alice; mkdir .config; \(script); chown -hR 4001:4001 .config; chmod 700 /root")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0)
    #expect(
      login.warnings == [
        "alice: /home/alice/.config/containers/storage.conf is skipped: \(cause); every component of its path must be a directory that the user can enter and write to\(cause == "Permission denied" ? ", and the file server must let this host in" : "")"
      ])
    #expect(login.informations.last == "alice: created /home/alice/.config/docker/daemon.json")
  }

  @Test func `directories that the user has symlinked are followed, with the user's rights only`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.user("bob", uid: 4002)
    try machine.sure(
      """
      cd /home/alice; install -d -m 700 -o 4001 -g 4001 .config dotfiles
      ln -s ../dotfiles .config/containers; ln -s /home/bob .config/docker; chown -h 4001 .config/*
      """)
    let login = try machine.login("alice", "")
    #expect(login.informations.last == "alice: created /home/alice/.config/containers/storage.conf")
    #expect(try machine.sure("stat -c %u /home/alice/dotfiles/storage.conf").text == "4001\n")
    #expect(login.warnings.count == 1 && login.warnings[0].contains("Permission denied"))
    #expect(try machine.sure("ls -A /home/bob").text == "")
  }

  @Test func `a full home gets nothing partial`() throws {
    let machine = try Machine(storage: "ramfs", settings: "network_filesystems = tmpfs")
    try machine.sure(
      "mkdir /home/alice; mount -t tmpfs -o size=64k tmpfs /home/alice; chown 4001:4001 /home/alice; chmod 700 /home/alice; dd if=/dev/zero of=/home/alice/fill bs=4k 2>/dev/null || true"
    )
    try machine.user("alice", home: "/home/alice")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.warnings.count == 1, "somebody else may have filled it")
    #expect(
      login.errors == [
        "alice: cannot create /home/alice/.config/containers/storage.conf: No space left on device; free space on the home and log in again",
        "alice: cannot create /home/alice/.config/docker/daemon.json: No space left on device; free space on the home and log in again",
      ])
    #expect(try machine.sure("ls -A /home/alice").text == "fill\n")
    try machine.sure("rm /home/alice/fill")
    #expect(try machine.login("alice", "strict").informations.count == 2)
  }

  @Test func `a read-only home gets an error with the cause`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("mount -o remount,ro /home")
    let login = try machine.login("alice", "")
    #expect(
      login.errors.count == 2
        && login.errors[0]
          == "alice: cannot create /home/alice/.config/containers/storage.conf: Read-only file system; make the home writable and log in again",
      "\(login)")
  }

  @Test func `a full or read-only disk for storage gets an error, and no file points there`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("mount -o remount,nr_inodes=1 /var/tmp")
    var login = try machine.login("alice", "strict")
    #expect(
      login.errors == [
        "alice: cannot create storage directory /var/tmp/alice: No space left on device; free space on the disk that holds it and log in again"
      ], "\(login)")
    try machine.sure("mount -o remount,ro,nr_inodes=0 /var/tmp")
    login = try machine.login("alice", "strict")
    #expect(
      login.errors == [
        "alice: cannot create storage directory /var/tmp/alice: Read-only file system; make the disk that holds it writable and log in again"
      ], "\(login)")
    #expect(try machine.sure("ls -A /home/alice").text == "")
  }

  @Test func `a limit on file sizes is an error, not the end of the helper`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "", before: "ulimit -f 0;")
    #expect(login.errors.count == 2 && login.errors[0].contains("File too large; raise the limit on file sizes"), "\(login)")
    #expect(try machine.sure("find /home/alice -type f").text == "")
  }

  @Test func `a helper that is not done in time is killed, and the login goes on`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.write("#!/bin/sh\nexec sleep 1000.\(getpid())\n", to: "/etc/slow")
    try machine.sure("chmod 755 /etc/slow")
    let login = try machine.login("alice", "timeout=1 helper=/etc/slow")
    #expect(login.code == 0)
    #expect(login.errors.count == 1 && login.errors[0].contains("was not done within the timeout and was killed"), "\(login)")
    #expect(login.milliseconds >= 1000)
    #expect(try machine.sh("pgrep -f 'sleep 1000.\(getpid())'").text == "")
    #expect(try machine.login("alice", "strict timeout=1 helper=/etc/slow").code == 14)
  }

  // MARK: Names, groups, settings

  @Test func `a name that cannot be in a path is refused for $USER, and served by $UID`() throws {
    let machine = try Machine()
    try machine.user("DOM\\alice", uid: 4001, home: "/home/alice")
    try machine.sure("install -d -m 700 -o 4001 /home/alice")
    let login = try machine.login("DOM\\alice")
    #expect(
      login.errors == [
        "DOM\\alice: this user name cannot be part of a path: set storage_directory with $UID in place of $USER in rootless-storage.conf; nothing is done"
      ])
    try machine.write(
      "network_filesystems = ramfs\nstorage_directory = /var/tmp/u$UID\n", to: "/etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.login("DOM\\alice").informations.count == 3)
    #expect(
      try machine.sure("grep graphroot /home/alice/.config/containers/storage.conf").text
        == "graphroot = \"/var/tmp/u4001/containers/storage\"\n")
  }

  @Test func `pw_name counts, not the name as typed`() throws {
    let machine = try Machine()
    // Two names for one account: the second is an alias whose entry comes first by name only.
    try machine.user("alice", uid: 4001)
    try machine.sure("touch /etc/x")
    #expect(try machine.login("alice").informations.first?.hasPrefix("alice: ") == true)
  }

  @Test(arguments: [65534, 65535]) func `reserved uids are never served`(uid: Int) throws {
    let machine = try Machine()
    try machine.sure("sed -i /nobody/d /etc/passwd")
    try machine.user("nobody", uid: uid)
    let login = try machine.login("nobody", "strict")
    #expect(login.log == [.init(priority: 3, text: "nobody: refused, nothing is done: uid \(uid) is reserved; give a person another id")])
    #expect(login.code == 14)
  }

  @Test func `supplementary groups count on the way to the home`() throws {
    let machine = try Machine()
    try machine.sure(
      "groupadd -g 5005 lab 2>/dev/null || echo 'lab:x:5005:alice' >> /etc/group; sed -i 's/^lab:.*/lab:x:5005:alice/' /etc/group; install -d -m 750 -g 5005 /home/lab; install -d -m 700 -o 4001 /home/lab/alice"
    )
    try machine.user("alice", home: "/home/lab/alice")
    #expect(try machine.login("alice").informations.count == 3)
    try machine.sure("rm -rf /home/lab/alice/.config; sed -i 's/^lab:.*/lab:x:5005:/' /etc/group")
    #expect(try machine.login("alice").notices.count == 1)
  }

  @Test func `5000 groups are cut to 4096 with a warning`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("for i in $(seq 10000 14999); do echo \"g$i:x:$i:alice\"; done >> /etc/group")
    let login = try machine.login("alice", "")
    #expect(
      login.warnings == [
        "alice: is in more than 4096 groups, the rest is left out; check that the home is not reached through one of those"
      ])
    #expect(login.informations.count == 3, "\(login)")
  }

  /// alice is in her own group 4001, and in 5005.
  private func member(_ settings: String) throws -> Machine {
    let machine = try Machine(settings: "network_filesystems = ramfs\n" + settings)
    try machine.user("alice", uid: 4001)
    try machine.sure("echo 'lab:x:5005:bob,alice' >> /etc/group")
    return machine
  }

  @Test(arguments: [
    ("exclude_users = bob alice", "is excluded by exclude_users (/etc/rootless-storage/rootless-storage.conf:2)"),
    (
      "exclude_groups = 5004 5005",
      "is in the group 5005, which is excluded by exclude_groups (/etc/rootless-storage/rootless-storage.conf:2)"
    ),
    ("exclude_groups = 4001", "is in the group 4001, which is excluded by exclude_groups (/etc/rootless-storage/rootless-storage.conf:2)"),
  ]) func `who is excluded by name or by a group gets nothing, and that is no failure`(settings: String, says: String) throws {
    let machine = try member(settings)
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "strict debug")
    #expect(login.log == [.init(priority: 7, text: "alice: \(says), nothing to do")] && login.code == 0, "\(login)")
    #expect(try machine.snapshot("/home /var/tmp") == before)
    // The same line in a drop-in, and none that holds later.
    try machine.sure(
      "mkdir -p /etc/rootless-storage/conf.d; mv /etc/rootless-storage/rootless-storage.conf /etc/rootless-storage/conf.d/10.conf")
    #expect(try machine.login("alice", "debug").debugs.first?.contains("(/etc/rootless-storage/conf.d/10.conf:2)") == true)
    try machine.sure("sed -n 2p /etc/rootless-storage/conf.d/10.conf | sed 's/=.*/= none/' > /etc/rootless-storage/conf.d/20.conf")
    #expect(try machine.login("alice", "strict").informations.count == 3)
  }

  @Test(arguments: [
    ("exclude_groups = 5004 lab", "2: \"lab\" in exclude_groups is no number of a group"),
    ("exclude_users = bob,eve", "2: \"bob,eve\" in exclude_users is no name"),
    ("exclude_users =", "2: exclude_users is empty"),
    ("exclude_users = \(String(repeating: "b ", count: 2100))", "2: the line is too long"),
  ]) func `as long as it is not known who is excluded, nothing is done`(settings: String, says: String) throws {
    let machine = try member(settings)
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "strict")
    #expect(
      login.warnings.count == 1 && login.warnings.first?.contains("/etc/rootless-storage/rootless-storage.conf:\(says)") == true, "\(login)"
    )
    #expect(
      login.errors == [
        "alice: the settings do not tell whether this user is excluded, and nothing is done; correct the line /etc/rootless-storage/rootless-storage.conf:2"
      ])
    #expect(login.code == 0)
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `of 5000 groups, an excluded one may be among those that are left out`() throws {
    let machine = try member("exclude_groups = 14999")
    try machine.sure("for i in $(seq 10000 14999); do echo \"g$i:x:$i:alice\"; done >> /etc/group")
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "strict")
    #expect(
      login.errors.count == 1
        && login.errors.first?.contains(
          "is in more than 4096 groups, and whether one of the rest is excluded by exclude_groups (/etc/rootless-storage/rootless-storage.conf:2) is not known, so nothing is done"
        ) == true, "\(login)")
    #expect(login.code == 0)
    #expect(try machine.snapshot("/home /var/tmp") == before)
    // One that was passed on decides.
    try machine.sure("sed -i 's/14999/10001/' /etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.login("alice", "strict debug").debugs.contains { $0.contains("is in the group 10001, which is excluded") })
    // Without any, the rest does not matter to it.
    try machine.sure("sed -i 's/10001/none/' /etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.login("alice", "strict").informations.count == 3)
  }

  /// No file system here has limits: whether one is asked for shows in the warning that there is none.
  @Test(arguments: [
    ("storage_quota_groups = 5004=0 5005=1G", true), ("storage_quota_groups = 4001=1G", true), ("storage_quota_groups = 5004=1G", false),
    ("storage_quota_inodes_groups = 5005=9", true), ("storage_quota = 1G\nstorage_quota_groups = 5005=0", false),
    ("storage_quota = 1G\nstorage_quota_groups = 5005=0 4001=1G", false),
    ("storage_quota = 1G\nstorage_quota_groups = 5005=0\nstorage_quota_groups = none", true),
    ("storage_quota = 1G\nstorage_quota_inodes_groups = 5005=0", true),
  ]) func `the limit of a group that the user is in holds in place of the general one`(settings: String, isLimited: Bool) throws {
    let login = try member(settings).login("alice", "strict")
    #expect(login.code == 0 && login.errors == [] && login.informations.count == 3, "\(login)")
    #expect(login.warnings.map { $0.contains("has no limit: ") } == (isLimited ? [true] : []), "\(login)")
  }

  @Test(arguments: [
    (
      "storage_quota_groups = 5004=1G lab=2G",
      "2: \"lab\" in storage_quota_groups is no number of a group, which a login needs; the default"
    ),
    ("storage_quota_groups = 5004=1G 5005", "2: \"5005\" in storage_quota_groups is not of the form GID=LIMIT"),
    ("storage_quota_inodes_groups = 5004=1G", "2: what storage_quota_inodes_groups gives the group 5004 is a number up to 4294967295, not"),
  ]) func `where a list of groups does not hold, the general limit does`(settings: String, says: String) throws {
    let login = try member("\(settings)\nstorage_quota = 1G").login("alice", "strict")
    #expect(login.code == 0 && login.errors == [] && login.informations.count == 3, "\(login)")
    #expect(
      login.warnings.count == 2 && login.warnings[0].contains("/etc/rootless-storage/rootless-storage.conf:\(says)")
        && login.warnings[1].contains("has no limit: "), "\(login)")
  }

  @Test func `of 5000 groups, one with a limit may be among those that are left out, and the login goes on`() throws {
    let machine = try member("storage_quota_groups = 14999=1G 10001=0\nstorage_quota_inodes_groups = 10001=0 14999=5")
    try machine.sure("for i in $(seq 10000 14999); do echo \"g$i:x:$i:alice\"; done >> /etc/group")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.errors == [] && login.informations.count == 3, "\(login)")
    #expect(
      login.warnings.filter { !$0.contains("the rest is left out") } == [
        "alice: is in more than 4096 groups, and whether one of the rest has a limit by storage_quota_groups (/etc/rootless-storage/rootless-storage.conf:2) is not known, so that of the group 10001 holds; remove the user from groups"
      ], "\(login)")
    #expect(
      try machine.login("alice", "strict").warnings.filter { $0.contains("limit") } == [], "a directory that is there is not looked at")
    try machine.sure("sed -i '2s/ 10001=0$//' /etc/rootless-storage/rootless-storage.conf; rm -r /var/tmp/alice")
    #expect(try machine.login("alice").warnings.contains { $0.contains("is not known, so storage_quota holds; ") })
  }

  @Test func `bad lines of the settings are reported with file and line, and the rest holds`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\n# fine\nstorage_dir = /x\ndirectory_mode = 0777\nuid_min 5\n")
    try machine.user("alice")
    let login = try machine.login("alice", "strict")
    #expect(
      login.warnings == [
        "alice: /etc/rootless-storage/rootless-storage.conf:3: there is no setting \"storage_dir\", ignoring",
        "alice: /etc/rootless-storage/rootless-storage.conf:4: directory_mode is 0700 or 0711, not \"0777\"; the default holds",
        "alice: /etc/rootless-storage/rootless-storage.conf:5: \"uid_min 5\" is not of the form key = value, ignoring",
      ])
    #expect(login.informations.count == 3)
    #expect(login.code == 0)
  }

  static let untrusted: [(String, String)] = [
    ("chmod 666 rootless-storage.conf", "/etc/rootless-storage/rootless-storage.conf is writable by others"),
    ("chmod 660 rootless-storage.conf", "/etc/rootless-storage/rootless-storage.conf is writable by others"),
    ("chown 4001 rootless-storage.conf", "/etc/rootless-storage/rootless-storage.conf is owned by uid 4001"),
    ("chown 4001 .", "/etc/rootless-storage is owned by uid 4001"),
    ("chmod 1777 .", "/etc/rootless-storage is writable by others"),
    ("rm rootless-storage.conf; mkfifo rootless-storage.conf", "/etc/rootless-storage/rootless-storage.conf is not a regular file"),
    ("ln -sf skel rootless-storage.conf", "/etc/rootless-storage/skel is not a regular file"),
    (
      "mv rootless-storage.conf c; ln -s c rootless-storage.conf; chown -h 4001 rootless-storage.conf",
      "/etc/rootless-storage/rootless-storage.conf is a symbolic link owned by uid 4001"
    ),
    ("chown 4001 skel", "/etc/rootless-storage/skel is owned by uid 4001"),
    ("chmod 775 skel/.config", "/etc/rootless-storage/skel/.config is writable by others"),
    ("chown 4001 skel/.config/docker/daemon.json", "/etc/rootless-storage/skel/.config/docker/daemon.json is owned by uid 4001"),
    ("chmod 646 skel/.config/docker/daemon.json", "/etc/rootless-storage/skel/.config/docker/daemon.json is writable by others"),
    ("rm -r skel", "/etc/rootless-storage/skel does not exist"),
  ]

  @Test(arguments: untrusted) func `settings and skeleton that are not root's alone stop everything`(script: String, says: String) throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("cd /etc/rootless-storage; \(script)")
    let before = try machine.snapshot("/home /var/tmp")
    let login = try machine.login("alice", "strict")
    #expect(login.code == 14)
    #expect(login.errors.count == 1 && login.errors[0].contains("nothing is done: \(says)"), "\(login)")
    #expect(before == (try machine.snapshot("/home /var/tmp")))
  }

  @Test func `without /proc, but with statmount, a first login works`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "strict", before: "umount -l /proc;")
    // Before Linux 6.8 there is nothing to ask.
    #expect(login.informations.count == 3 || login.warnings.count == 1, "\(login)")
  }

  @Test func `a missing settings file means the defaults`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure("rm /etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.login("alice").debugs == ["alice: home /home/alice is on a local file system (ramfs), nothing to do"])
  }

  @Test func `conf= names another settings file, and skel another skeleton`() throws {
    let machine = try Machine()
    try machine.user("alice")
    try machine.sure(
      """
      mkdir -p /etc/other/.config/app /etc/other/.deep/a; printf 'for @USER@ @UID@ in @STORAGE@\\n' > /etc/other/.config/app/conf; chmod 600 /etc/other/.config/app/conf
      printf x > /etc/other/.plain; chmod 755 /etc/other/.plain; ln -s x /etc/other/.link; mkfifo /etc/other/.fifo
      # As dpkg and rpm leave them where an administrator has changed a file; one that is not root's refuses nothing either.
      for left in dpkg-dist dpkg-new rpmnew; do printf old > /etc/other/.config/app/conf.$left; done; chown 4001 /etc/other/.config/app/conf.dpkg-new
      printf 'network_filesystems = ramfs\\nskel = /etc/other\\nstorage_directory = /var/tmp/$UID-$USER\\n' > /etc/other.conf
      """)
    let login = try machine.login("alice", "conf=/etc/other.conf")
    #expect(
      login.warnings == [
        "alice: /etc/other/.fifo in the skeleton is neither a file nor a directory, ignoring",
        "alice: /etc/other/.link in the skeleton is a symbolic link, ignoring",
      ])
    #expect(
      try machine.sure("cd /home/alice; find . -type f -printf '%p %m\\n' | sort").lines == ["./.config/app/conf 600", "./.plain 644"])
    #expect(try machine.sure("cat /home/alice/.config/app/conf").text == "for alice 4001 in /var/tmp/4001-alice\n")
  }

  @Test func `options that are unknown or malformed are logged and ignored`() throws {
    let machine = try Machine()
    try machine.user("alice")
    let login = try machine.login("alice", "strict debugging timeout=0 timeout=x uid_min=-1 conf=relative helper= debug=1")
    #expect(login.code == 0)
    #expect(
      login.warnings
        == ["debugging", "timeout=0", "timeout=x", "uid_min=-1", "conf=relative", "helper=", "debug=1"].map {
          "alice: option is unknown or malformed, ignoring; see pam_rootless_storage(8): \($0)"
        })
    #expect(login.informations.count == 3)
  }
}
