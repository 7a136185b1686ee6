import Foundation
import TestSupport
import Testing

/// What `prune` and `list` must not be led to by one user, by a file system, or by what they cannot see.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct PruneBoundsTests {
  /// A machine with processes of its own, where three storage directories have an account.
  private func machine(storage: String = "tmpfs", settings: String = PruneTests.atOnce) throws -> Machine {
    let machine = try Machine(storage: storage, ownProcesses: true, settings: settings)
    for (number, name) in ["alice", "bob", "carol"].enumerated() {
      try machine.user(name, uid: 4001 + number)
      try machine.storage(name, uid: 4001 + number)
    }
    return machine
  }

  private func trash(_ machine: Machine) throws -> [String] { try machine.inParent().filter { $0.hasPrefix(".rootless-storage.prune.") } }

  /// Puts a file system of this type in the place of /var/tmp.
  private func volume(_ machine: Machine, _ make: String) throws {
    try machine.sure(
      """
      truncate -s 400M /home/image; \(make) /home/image > /dev/null 2>&1
      umount /var/tmp; mount -o loop /home/image /var/tmp; rm -rf /var/tmp/*; chmod 1777 /var/tmp
      """)
    for (number, name) in ["alice", "bob", "carol"].enumerated() { try machine.storage(name, uid: 4001 + number) }
  }

  // MARK: One user's tree

  @Test func `only what can go is looked into`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.storage("busy", uid: 4712)
    for name in ["alice", "gone", "busy"] {
      try machine.sure(
        "mkdir /var/tmp/\(name)/docker/tree-of-\(name); touch /var/tmp/\(name)/docker/tree-of-\(name)/x; chown -R --reference=/var/tmp/\(name) /var/tmp/\(name)/docker"
      )
    }
    let output = try machine.sh(
      """
      setpriv --reuid 4712 --regid 4712 --clear-groups sleep 60 & \(Machine.asleep)
      strace -qq -f -o /etc/trace -e trace=openat,openat2 env -i \(Machine.commandLine) prune --orphaned --yes; echo "status $?"; kill -9 $!
      """)
    #expect(
      output.text.contains("deleted /var/tmp/gone (") && output.text.contains("1 more is in use and stays.")
        && output.text.contains("status 0"), "\(output)")
    let opened = try machine.sure("grep -o 'tree-of-[a-z]*' /etc/trace | sort -u").lines
    #expect(opened == ["tree-of-gone"], "\(opened)")
  }

  @Test func `who moves a tree along in front of the walk is counted once, and holds nobody up`() throws {
    let machine = try machine()
    try machine.user("mallory", uid: 4666)
    try machine.storage("mallory", uid: 4666)
    try machine.storage("zoe", uid: 4711)
    // Whenever the tree is listed, it changes places with the next of many empty directories beside it.
    try machine.write(
      """
      import ctypes, os
      libc = ctypes.CDLL(None, use_errno=True)
      os.setgroups([]); os.setresgid(4666, 4666, 4666); os.setresuid(4666, 4666, 4666)
      os.chdir("/var/tmp/mallory/docker")
      for number in range(6000): os.mkdir("place%05d" % number)
      order = [e.name for e in os.scandir(".") if e.name.startswith("place")]
      for number in range(3000): open(order[0] + "/file%d" % number, "w").close()
      watch = libc.inotify_init()
      libc.inotify_add_watch(watch, (order[0] + "/").encode(), 0x20)
      print("ready", flush=True)
      for old, new in zip(order[0:-1:300], order[300::300]):
          os.read(watch, 65536)
          if libc.syscall(316, -100, old.encode(), -100, new.encode(), 2) != 0: break
      while True: os.read(watch, 65536)
      """, to: "/etc/mover.py")
    let output = try machine.sh(
      """
      python3 /etc/mover.py > /etc/ready & mover=$!; while [ ! -s /etc/ready ]; do sleep 0.02; done
      # On a busy machine the walk may have gone by before the tree moves: once it must meet it.
      for try in {1..9}; do
        timeout -s KILL 60 env -i \(Machine.commandLine) list --json | grep -F /var/tmp/mallory > /etc/listed
        ! grep -q '"sizeIsExact":false' /etc/listed || break
      done
      cat /etc/listed
      timeout -s KILL 60 env -i \(Machine.commandLine) prune --orphaned --yes; echo "status $?"; kill -9 $mover
      """)
    #expect(
      output.text.contains("\"sizeIsExact\":false") && output.text.contains("deleted /var/tmp/zoe (100 KiB)")
        && output.text.contains("status 0"), "\(output)")
  }

  // MARK: One look for many

  @Test func `the processes are looked at for many at once, and whoever has come back gets it back`() throws {
    let machine = try machine()
    for number in 1...40 {
      try machine.storage("gone\(number)", uid: 4710 + number, kilobytes: 1)
      try machine.user("extra\(number)", uid: 6000 + number)
      try machine.storage("extra\(number)", uid: 6000 + number, kilobytes: 1)
    }
    let output = try machine.sh(
      """
      \(Machine.prune(stoppedBehind: ["renameat"], also: ["openat"]))
      is_stopped 1
      setpriv --reuid 4711 --regid 4711 --clear-groups sleep 60 & sleeper=$!; \(Machine.asleep)
      goes_on; ended; kill -9 $sleeper
      """)
    #expect(
      output.text.hasPrefix("status 1\n") && output.text.contains("/var/tmp/gone1 has come into use, nothing is deleted"), "\(output)")
    #expect(try machine.inParent().filter { $0.hasPrefix("gone") || $0.hasPrefix(".") } == ["gone1"], "\(output)")
    #expect(try machine.sure("ls /var/tmp/gone1/containers/storage").text == "layer\n")
    let looks = Int(try machine.sure("grep -c '\"/proc\", O_RDONLY' /etc/trace").text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    #expect(looks >= 4 && looks <= 12, "\(looks) looks at /proc for 40 directories")
  }

  @Test func `whoever has come back waits for no other's deletion`() throws {
    let machine = try machine(settings: PruneTests.atOnce)
    for (number, name) in ["gone1", "gone2", "zoe"].enumerated() { try machine.storage(name, uid: 4711 + number, kilobytes: 1) }
    // zoe, who would be last, comes back while all of them are being moved, and has hers again before anything is deleted.
    let output = try machine.sh(
      """
      \(Machine.prune(stoppedBehind: ["renameat", "unlinkat"]))
      is_stopped 1
      setpriv --reuid 4713 --regid 4713 --clear-groups sleep 60 & sleeper=$!; \(Machine.asleep)
      goes_on; is_stopped 2
      ls -d /var/tmp/zoe/*; echo "waiting: $(cd /var/tmp; ls -d .rootless-storage.prune.*/containers 2>/dev/null)"
      kill -0 $prune && echo "at work"; goes_on; ended; kill -9 $sleeper
      """)
    #expect(output.text.hasPrefix("/var/tmp/zoe/containers\n/var/tmp/zoe/docker\nwaiting: \nat work\nstatus 1\n"), "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "zoe"], "\(output)")
  }

  // MARK: The directory of an account

  @Test func `the emptied directory of an account stays, with the user's own directories of the engines`() throws {
    let machine = try machine()
    try machine.clock()
    try machine.sure(
      "cd /var/tmp/alice; mkdir -p docker/a/b docker/c; touch docker/a/b/x docker/f; chown -R 4001 docker; chmod 711 docker; rm -r ../bob/docker; echo mine > ../carol/mine"
    )
    let own = "cd /var/tmp; stat -c '%n %i %u:%g %a' alice alice/containers alice/docker bob bob/containers carol carol/mine"
    let before = try machine.sure(own).text
    let output = try machine.rootlessStorage("prune --older-than 90 --yes", environment: Machine.inDays(100))
    #expect(
      output.status == 0
        && output.text.contains(
          "deleted the container storage in /var/tmp/alice (100 KiB); the directory stays, since its user has an account\n"),
      "\(output)")
    #expect(try machine.sure(own).text == before)
    #expect(
      try machine.sure("cd /var/tmp; find alice bob carol | LC_ALL=C sort").lines == [
        "alice", "alice/containers", "alice/docker", "bob", "bob/containers", "carol", "carol/containers", "carol/docker", "carol/mine",
      ])
    #expect(try trash(machine) == [])
    let again = try machine.rootlessStorage("prune --older-than 90 --yes", environment: Machine.inDays(300))
    #expect(again.status == 0 && again.text == "There is nothing to delete in /var/tmp.\n", "\(again)")
    // Without an account, and where nobody else can take the name, it goes.
    try machine.sure("sed -i /^alice/d /etc/passwd")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent() == ["bob", "carol"])
    try machine.sure("chmod 755 /var/tmp")
    #expect(try machine.rootlessStorage("prune --older-than 90 --yes", environment: Machine.inDays(300)).status == 0)
    #expect(try machine.inParent() == ["carol"])
  }

  @Test(arguments: ["renameat 1", "renameat 3", "renameat 4", "unlinkat 1", "unlinkat 4", "renameat2 1"])
  func `a run that is killed while it empties one leaves it to the next`(kill: String) throws {
    let machine = try machine()
    try machine.clock()
    try machine.sure(
      "cd /var/tmp/alice/docker; mkdir -p a/b/c d; touch a/b/c/x a/y d/{1,2,3}; chown -R 4001 .; touch -d 2099-01-01 x; rm -r /var/tmp/bob /var/tmp/carol"
    )
    let (call, number) = (kill.split(separator: " ")[0], kill.split(separator: " ")[1])
    let killed = try machine.sh(
      "strace -qq -o /dev/null -e trace=\(call) -e inject=\(call):signal=KILL:when=\(number) env -i \(Machine.inDays(100)) \(Machine.commandLine) prune --older-than 90 --yes"
    )
    #expect(killed.status == 137, "\(killed)")
    let next = try machine.rootlessStorage("prune --older-than 90 --yes", environment: Machine.inDays(200))
    #expect(next.status == 0, "\(next)")
    #expect(
      try machine.sure("cd /var/tmp; find . -mindepth 1 | LC_ALL=C sort").lines == ["./alice", "./alice/containers", "./alice/docker"],
      "\(next)")
  }

  @Test func `what cannot be emptied is named, and the user's directory stays`() throws {
    let machine = try machine()
    try machine.clock()
    try machine.sure(
      "cd /var/tmp/alice/docker; mkdir a; touch a/stuck a/free; chattr +i a/stuck; touch ../containers/stuck; chattr +i ../containers/stuck"
    )
    let output = try machine.rootlessStorage("prune --older-than 90 --yes", environment: Machine.inDays(100))
    #expect(output.status == 1 && output.text.contains("Operation not permitted; it may be immutable"), "\(output)")
    #expect(output.text.components(separatedBy: "it may be immutable").count == 3, "each once: \(output)")
    #expect(try machine.sure("ls -A /var/tmp/alice").lines == ["docker"], "\(output)")
    try machine.sure("chattr -i /var/tmp/.rootless-storage.prune.*/*/stuck")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent() == ["alice", "bob", "carol"])
  }

  // MARK: What an interrupted run has left

  @Test func `others' names hide nothing of what an interrupted run has left`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    let decoys =
      "setpriv --reuid 4666 --regid 4666 --clear-groups bash -c 'cd /var/tmp; mkdir -m 700 $(seq -f .rootless-storage.prune.4194303.5.%.0f"
    try machine.sure("\(decoys) 1 2000)'")
    let killed = try machine.sh(
      "strace -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=2 env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(killed.status == 137, "\(killed)")
    try machine.sure("\(decoys) 2001 4000)'; [ ! -e /var/tmp/gone/containers ]; echo 'back:x:4711:4711::/:/bin/sh' >> /etc/passwd")
    let next = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(next.status == 0, "\(next)")
    #expect(try machine.sure("ls /var/tmp/gone/containers/storage").text == "layer\n", "\(next)")
    #expect(try trash(machine).count == 4000)
  }

  @Test func `more of root's than one run takes is said`() throws {
    let machine = try machine()
    try machine.sure("cd /var/tmp; mkdir -m 700 $(seq -f .rootless-storage.prune.4194303.5.%.0f 1 1100)")
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(
      output.status == 1
        && output.text.contains("more than 1024 directories .rootless-storage.prune.* in /var/tmp; run this again for the others"),
      "\(output)")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try trash(machine) == [])
  }

  // MARK: Large trees

  @Test func `what several threads empty together goes, each thing that stays is named once, and nothing outside is touched`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      """
      mkdir /var/tmp/outside; touch /var/tmp/outside/precious; cd /var/tmp/gone/docker
      for a in $(seq 40); do mkdir -p d$a/{1..30}/{x,y}; for b in $(seq 30); do touch d$a/$b/{1..4} d$a/$b/x/{1..4}; ln -s /var/tmp/outside d$a/$b/y/out; done; done
      mkdir d3/7/x/mount; mount -t tmpfs none d3/7/x/mount; touch d3/7/x/mount/kept; chattr +i d5/9/x/2 d20/30/x/4; chown -R -h 4711 . 2>/dev/null || true
      """)
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(
      output.status == 1 && output.text.components(separatedBy: "it may be immutable").count == 3
        && output.text.components(separatedBy: "something is mounted there").count == 2, "\(output)")
    let left = "cd /var/tmp; find .rootless-storage.prune.* -xdev ! -type d ! -name .origin | sed 's,.*/,,' | sort"
    #expect(try machine.sure(left).lines == ["2", "4"])
    #expect(
      try machine.sure("ls /var/tmp/outside; find /var/tmp/.rootless-storage.prune.* -name kept -exec basename {} \\;").lines == [
        "precious", "kept",
      ])
    try machine.sure("umount /var/tmp/.rootless-storage.prune.*/*/mount; chattr -i /var/tmp/.rootless-storage.prune.*/*/{2,4}")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent() == ["alice", "bob", "carol", "outside"])
  }

  // MARK: Trees that cannot be moved

  @Test(arguments: ["ENOKEY", "EXDEV"])
  func `a tree whose directories cannot be moved is taken apart where it is`(error: String) throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      """
      mkdir /var/tmp/outside; echo precious > /var/tmp/outside/file; cd /var/tmp/gone/docker
      mkdir -p a/b/c/d wide/{1..300}/x; touch a/b/c/d/x a/b/y wide/{1..300}/f; ln -s /var/tmp/outside a/b/link; ln -s ../../../../outside wide/1/out
      python3 - <<'PYTHON'
      import os
      for level in range(3000):
          os.mkdir("deep"); open("f", "w"); os.chdir("deep")
      PYTHON
      mkdir -p mounted/in/here; mount --bind /var/tmp/outside mounted/in/here; chown -R -h 4711 /var/tmp/gone 2>/dev/null || true
      """)
    let before = try machine.snapshot("/var/tmp/outside /var/tmp/alice")
    // The first is the move into the trash, those of the engines' directories to their numbers come behind it.
    let output = try machine.sh(
      "ulimit -n 100; strace -qq -o /dev/null -e trace=renameat -e inject=renameat:error=\(error):when=5+ env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(output.status == 1 && output.text.contains("/mounted stays: something is mounted there; unmount it"), "\(output)")
    #expect(try machine.snapshot("/var/tmp/outside /var/tmp/alice") == before)
    let left = try trash(machine)
    #expect(
      try machine.sure("cd /var/tmp/\(left.first ?? "x"); find . -xdev | wc -l").text.trimmingCharacters(in: .whitespacesAndNewlines).count
        == 1, "\(output)")
    try machine.sure("umount /var/tmp/\(left.first ?? "x")/*/mounted/in/here")
    let last = try machine.sh(
      "strace -qq -o /dev/null -e trace=renameat -e inject=renameat:error=\(error):when=2+ env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(last.status == 0, "\(last)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "outside"])
  }

  @Test func `who moves a directory out of a tree that is taken apart leads nobody after it`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    // Everybody can write to the shared directory; what is alice's there, only alice can delete.
    try machine.sure(
      """
      umask 0; mkdir -m 1777 /var/tmp/shared; echo precious > /var/tmp/shared/precious; chown 4001 /var/tmp/shared/precious
      cd /var/tmp/gone/docker; mkdir -p x/sub/deep; touch x/sub/deep/{1..30}; chmod 755 ../../gone; chmod 755 .
      """)
    try machine.write(
      """
      import os, time
      os.setgroups([]); os.setresgid(4666, 4666, 4666); os.setresuid(4666, 4666, 4666)
      held = os.open("/var/tmp/gone/docker/x", os.O_RDONLY); deep = os.open("sub/deep", os.O_RDONLY, dir_fd=held)
      print("ready", flush=True)
      while len(os.listdir(deep)) == 30: time.sleep(0.005)
      os.rename("sub", "/var/tmp/shared/sub", src_dir_fd=held)
      print("moved", flush=True)
      """, to: "/etc/move.py")
    let output = try machine.sh(
      """
      python3 /etc/move.py > /etc/moves & while [ ! -s /etc/moves ]; do sleep 0.02; done
      strace -qq -o /dev/null -e trace=renameat,unlinkat -e inject=renameat:error=EXDEV:when=5+ -e inject=unlinkat:delay_enter=50000 env -i \(Machine.commandLine) prune --orphaned --yes; echo "status $?"; cat /etc/moves
      """)
    #expect(output.text.contains("moved") && output.text.contains("status 1") && output.text.contains("Stale file handle"), "\(output)")
    #expect(try machine.sure("ls -A /var/tmp/shared; cat /var/tmp/shared/precious").lines == ["precious", "sub", "precious"], "\(output)")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent() == ["alice", "bob", "carol", "shared"])
  }

  @Test func `a tree that is encrypted and has lost its key goes`() throws {
    let machine = try machine()
    try volume(machine, "mkfs.ext4 -q -O encrypt")
    try machine.storage("gone", uid: 4711)
    // FS_IOC_ADD_ENCRYPTION_KEY, FS_IOC_SET_ENCRYPTION_POLICY, FS_IOC_REMOVE_ENCRYPTION_KEY of linux/fscrypt.h, as the user.
    try machine.write(
      """
      import fcntl, os, struct
      os.setgroups([]); os.setresgid(4711, 4711, 4711); os.setresuid(4711, 4711, 4711)
      top = "/var/tmp/gone/docker/secret"; os.mkdir(top)
      fd = os.open(top, os.O_RDONLY); key = os.urandom(64)
      arg = bytearray(struct.pack("=II32sII32s", 2, 0, bytes(32), 64, 0, bytes(32)) + key)
      fcntl.ioctl(fd, 0xC0506617, arg); name = bytes(arg[8:24])
      fcntl.ioctl(fd, 0x800C6613, struct.pack("=BBBBB3s16s", 2, 1, 4, 0, 0, bytes(3), name))
      for path in ("a/b/c", "d/e", "f"):
          os.makedirs(top + "/" + path); open(top + "/" + path + "/file", "w").write("x")
      os.close(fd); os.sync()
      fd = os.open("/var/tmp/gone", os.O_RDONLY)
      fcntl.ioctl(fd, 0xC0406618, bytearray(struct.pack("=II32sI5I", 2, 0, name + bytes(16), 0, 0, 0, 0, 0, 0)))
      """, to: "/etc/encrypt.py")
    try machine.sure("python3 /etc/encrypt.py; echo 2 > /proc/sys/vm/drop_caches; [ ! -e /var/tmp/gone/docker/secret/a ]")
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(output.status == 0, "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "carol"], "\(output)")
  }

  @Test func `another project id is no obstacle`() throws {
    let machine = try machine()
    try volume(machine, "mkfs.xfs -q")
    // What is made in the parent inherits its project, and takes nothing of another.
    try machine.sure("chattr +P -p 7 /var/tmp")
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      "cd /var/tmp/gone/docker; mkdir -p a/b; touch a/b/x; chattr -R -p 9 /var/tmp/gone/docker /var/tmp/gone/containers; mkdir /var/tmp/probe; python3 -c 'import os; os.rename(\"a\", \"/var/tmp/probe/a\")' 2>&1 | grep 'Errno 18'; rmdir /var/tmp/probe"
    )
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(output.status == 0, "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "carol"], "\(output)")
  }

  @Test(arguments: [
    ("EXDEV", "it cannot be moved within the file system: it has another project id than /var/tmp (lsattr -pd)"),
    ("ENOKEY", "it is encrypted, and its key is not there"), ("EBUSY", "something is mounted there; unmount it"),
  ])
  func `an engine's directory that cannot be moved out of reach stays, and the cause is not guessed`(error: String, cause: String) throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    let output = try machine.sh(
      "strace -qq -o /dev/null -e trace=renameat -e inject=renameat:error=\(error):when=1 env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(output.status == 1 && output.text.contains("/var/tmp/gone/containers stays: \(cause)"), "\(output)")
    if error != "EBUSY" {
      #expect(
        output.text.contains(
          "when nobody needs anything in /var/tmp/gone any more, delete all of it: rm -rf --one-file-system /var/tmp/gone\n"), "\(output)")
    }
    // No command leads root through a directory that its owner can exchange.
    let named = try machine.sh(
      "strace -qq -o /dev/null -e trace=renameat -e inject=renameat:error=\(error):when=1 env -i \(Machine.commandLine) prune alice --yes")
    #expect(
      named.status == 1 && !named.text.contains("rm -")
        && (error == "EBUSY" || named.text.contains("alice can move or delete it, in a session of their own")), "\(named)")
    #expect(try machine.sure("ls -A /var/tmp/gone").lines == ["containers"] && trash(machine) == [])
  }

  // MARK: What cannot be seen

  @Test func `in another PID namespace nothing is deleted, and in use is not known`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure("mkdir -m 700 /var/tmp/.rootless-storage.prune.4194303.5.1; umount /proc/1/ns")
    let before = try machine.snapshot("/var/tmp")
    for arguments in ["--orphaned --yes", "--orphaned --yes --json", "--older-than 1 --yes"] {
      let output = try machine.rootlessStorage("prune \(arguments)")
      #expect(
        output.status == 2
          && output.text.contains(
            "PID namespace of its own, where /proc does not show the host's processes, so nothing is deleted; run it on the host itself"),
        "\(output)")
    }
    #expect(try machine.snapshot("/var/tmp") == before)
    #expect(
      try machine.rootlessStorage("prune --orphaned --dry-run").text.contains(
        "It is unknown whether anything is in use: this runs in a PID namespace"))
    #expect(try machine.listed()["gone"]?["inUse"] is NSNull)
    #expect(try machine.rootlessStorage("list").text.contains("It is unknown whether anything is in use: this runs in a PID namespace"))
    let used = try machine.sure(
      "setpriv --reuid 4711 --regid 4711 --clear-groups sleep 60 & sleep 1; env -i \(Machine.commandLine) list --json; kill -9 $!")
    #expect(used.lines.contains { $0.contains("/var/tmp/gone\"") && $0.contains("\"inUse\":true") }, "\(used)")
    // A /proc of another namespace, where that one is the first, shows everything.
    let outside = try machine.sh(
      "mount -t tmpfs ns /proc/1/ns; ln -s 'pid:[4026531836]' /proc/1/ns/pid; unshare -p -f env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(outside.status == 0 && outside.text.contains("deleted /var/tmp/gone"), "\(outside)")
  }

  @Test func `a container's own directory is judged by the container's processes`() throws {
    let machine = try Machine(settings: PruneTests.atOnce)
    try machine.user("alice", uid: 4001)
    let own = try machine.sure("mktemp -d /opt/rootless-storage-test.XXXXXX").text.trimmingCharacters(in: .whitespacesAndNewlines)
    defer { _ = try? machine.sh("rm -rf \(own)") }
    try machine.sure(
      "chmod 1777 \(own); for name in alice gone; do install -d -o 4711 \(own)/$name \(own)/$name/docker; done; chown -R 4001 \(own)/alice")
    try machine.write(
      "storage_directory = \(own)/$USER\nnetwork_filesystems = ramfs\norphan_days = 0\n", to: "/etc/rootless-storage/rootless-storage.conf")
    func prune(_ environment: String, _ before: String = "true") throws -> Output {
      try machine.sh(
        "env \(environment) unshare -p -f --mount-proc bash -c '\(before); \(Machine.commandLine) prune --orphaned --yes; exit $?'")
    }
    #expect(try prune("x=y").status == 2)
    #expect(try prune("container=").status == 2)
    // A volume may be the host's.
    #expect(try prune("container=lxc", "mount --bind \(own) \(own)").status == 2)
    #expect(try machine.sure("ls \(own)").lines == ["alice", "gone"])
    let output = try prune("container=lxc")
    #expect(output.status == 0, "\(output)")
    #expect(try machine.sure("ls \(own)").lines == ["alice"])
  }

  @Test(arguments: [("hidepid=1", 4811), ("hidepid=2", 4812), ("hidepid=2,gid=4999", 4813), ("hidepid=4", 4814)])
  func `behind hidepid nothing is deleted, unless all processes can be seen`(option: String, uid: Int) throws {
    // In the first PID namespace, with a /proc of its own.
    let machine = try Machine(settings: PruneTests.atOnce)
    for (name, uid) in [("alice", 4801), ("bob", 4802)] {
      try machine.user(name, uid: uid)
      try machine.storage(name, uid: uid)
    }
    try machine.storage("gone", uid: uid)
    try machine.sure("mount -t proc -o \(option) proc /proc")
    // root's own group is the one that may look, where no other is named.
    let blind = "setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace \(option.contains("gid") ? "" : "--regid 4998 --clear-groups ")"
    let output = try machine.sh(
      "setpriv --reuid \(uid) --regid \(uid) --clear-groups sleep 60 & \(Machine.asleep); env -i PATH=$PATH \(blind) \(Machine.commandLine) prune --orphaned --yes; echo status $?; kill -9 $!; wait || true"
    )
    #expect(
      output.text.contains("status 2")
        && output.text.contains(
          "/proc is mounted with hidepid and does not show the processes of others, so nothing is deleted; run it as root with CAP_SYS_PTRACE"
        ), "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "gone"])
    if option.contains("gid") {
      let member = try machine.sh(
        "setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace --groups 4999 env -i \(Machine.commandLine) prune --orphaned --dry-run")
      #expect(member.status == 0 && member.text.contains("gone"), "\(member)")
    }
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent() == ["alice", "bob"])
  }

  // MARK: What was put out of the way

  @Test func `what was put out of the way is listed, and goes by its owner and age`() throws {
    let machine = try machine()
    try machine.clock()
    try machine.user("mallory", uid: 4666)
    let stamp = "20261128T201500Z-1a2b3c4d"
    try machine.sure(
      """
      cd /var/tmp; mkdir outside; echo precious > outside/file
      install -d -o 4666 .alice.replaced-\(stamp) .alice.replaced-\(stamp)/containers; head -c 200000 /dev/zero > .alice.replaced-\(stamp)/containers/x; chown -R 4666 .alice.replaced-\(stamp)
      ln -s /var/tmp/outside .bob.replaced-\(stamp); chown -h 4777 .bob.replaced-\(stamp)
      mkfifo .a.b.replaced-20261128T201500Z-77; chown 4777 .a.b.replaced-20261128T201500Z-77
      install -d -o 4777 .alice.replaced-2026 .alice.replaced-20261128T201500Z .alice.replaced-20261128T201500Z-xyz .alice.replaced-20261128T201500Z-1.bak
      """)
    let listed = try machine.listed()
    #expect(
      Set(listed.keys) == [
        "alice", "bob", "carol", ".alice.replaced-\(stamp)", ".bob.replaced-\(stamp)", ".a.b.replaced-20261128T201500Z-77",
      ])
    let one = listed[".alice.replaced-\(stamp)"]
    #expect(
      one?["state"] as? String == "replaced" && one?["isReplaced"] as? Bool == true && one?["account"] as? String == "mallory"
        && one?["placeOf"] as? String == "alice", "\(listed)")
    #expect(
      (one?["size"] as? Int ?? 0) >= 200000 && listed[".bob.replaced-\(stamp)"]?["state"] as? String == "orphaned"
        && listed["alice"]?["isReplaced"] as? Bool == false, "\(listed)")
    #expect(try machine.rootlessStorage("list").text.contains("replaced: a login or repair has put it out of the place"))
    let before = try machine.snapshot("/var/tmp/outside")
    let orphaned = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(
      orphaned.status == 0 && orphaned.text.contains("2 of these were put out of the place of a storage directory: all of it goes."),
      "\(orphaned)")
    let others = [
      ".alice.replaced-2026", ".alice.replaced-20261128T201500Z", ".alice.replaced-20261128T201500Z-1.bak",
      ".alice.replaced-20261128T201500Z-xyz",
    ]
    #expect(try machine.inParent() == (others + [".alice.replaced-\(stamp)", "alice", "bob", "carol", "outside"]).sorted())
    // Its own owner's writing into it makes it no younger, and a process of the owner's keeps it.
    let used = try machine.sure(
      "touch /var/tmp/.alice.replaced-\(stamp)/containers/x; setpriv --reuid 4666 --regid 4666 --clear-groups sleep 60 & \(Machine.asleep); env -i \(Machine.inDays(100)) \(Machine.commandLine) prune --older-than 90 --yes; kill -9 $!"
    )
    #expect(used.text.contains("1 more is in use and stays."), "\(used)")
    // Too young: that is known without a look into it.
    let young = try machine.sh(
      "strace -qq -f -o /etc/trace -e trace=openat,openat2 env -i \(Machine.inDays(100)) \(Machine.commandLine) prune --older-than 150 --yes"
    )
    #expect(young.status == 0, "\(young)")
    #expect(try machine.sh("grep -c 'replaced-\(stamp)\"' /etc/trace").text == "0\n")
    #expect(try machine.inParent().contains(".alice.replaced-\(stamp)"))
    #expect(try machine.rootlessStorage("prune --older-than 90 --yes", environment: Machine.inDays(100)).status == 0)
    #expect(try machine.inParent() == others + ["alice", "bob", "carol", "outside"])
    #expect(try machine.snapshot("/var/tmp/outside") == before)
  }

  @Test func `many that one owner has put out of the way are measured within the time of one`() throws {
    let machine = try machine()
    // Every look at the clock takes ten seconds.
    try machine.library(
      """
      #include <sys/syscall.h>
      #include <time.h>
      #include <unistd.h>
      static long looks;
      int clock_gettime(clockid_t clock, struct timespec *out) {
        int result = syscall(SYS_clock_gettime, clock, out);
        if (clock == CLOCK_MONOTONIC) out->tv_sec += 10 * looks++;
        return result;
      }
      """, to: "/etc/slow.so")
    try machine.sure(
      """
      cd /var/tmp
      for i in 1 2 3 4; do mkdir .alice.replaced-20261128T201500Z-$i; (cd .alice.replaced-20261128T201500Z-$i; head -c 3000 /dev/zero | split -a 4 -b 1 - x); done; chown -R 4666 .alice.*
      """)
    let listed = try machine.listed(environment: "LD_PRELOAD=/etc/slow.so")
    let sizes = (1...4).map { listed[".alice.replaced-20261128T201500Z-\($0)"]?["size"] as? Int ?? 0 }
    #expect(sizes[0] > 1000 * 4096 && sizes[1...].allSatisfy { $0 > 0 && $0 < 300 * 4096 }, "\(sizes)")
  }

  @Test(arguments: ["renameat 1", "renameat 2", "unlinkat 1"])
  func `a run that is killed over it puts it back, or deletes it`(kill: String) throws {
    let machine = try machine()
    let name = ".alice.replaced-20261128T201500Z-1a2b3c4d"
    try machine.sure("install -d -o 4777 /var/tmp/\(name) /var/tmp/\(name)/x")
    let (call, number) = (kill.split(separator: " ")[0], kill.split(separator: " ")[1])
    let killed = try machine.sh(
      "strace -qq -o /dev/null -e trace=\(call) -e inject=\(call):signal=KILL:when=\(number) env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(killed.status == 137, "\(killed)")
    try machine.user("owner", uid: 4777, home: "/")
    let next = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(next.status == 0, "\(next)")
    #expect(try machine.inParent() == (kill == "unlinkat 1" ? [] : [name]) + ["alice", "bob", "carol"])
  }

  @Test func `prepared directories that no login has used go after a day, and nothing else of such a name`() throws {
    let machine = try machine()
    try machine.clock()
    try machine.sure(
      """
      cd /var/tmp; for number in $(seq 100); do install -d -o 4001 .alice.new-20261128T201500Z-$number; done
      install -d -o 4001 .alice.new-20261128T201500Z-abc .alice.new-20261128T201500Z-abc/containers .alice.new-2026 new-20261128T201500Z-1; touch .bob.new-20261128T201500Z-1
      """)
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent().count == 107)
    #expect(try machine.rootlessStorage("prune --orphaned --dry-run", environment: Machine.inDays(2)).status == 0)
    #expect(try machine.inParent().count == 107)
    #expect(try machine.rootlessStorage("prune --orphaned --yes", environment: Machine.inDays(2)).status == 0)
    #expect(try machine.inParent().count == 43, "at most 64 in one run")
    #expect(try machine.rootlessStorage("prune --orphaned --yes", environment: Machine.inDays(2)).status == 0)
    #expect(
      try machine.inParent() == [
        ".alice.new-2026", ".alice.new-20261128T201500Z-abc", ".bob.new-20261128T201500Z-1", "alice", "bob", "carol",
        "new-20261128T201500Z-1",
      ])
    #expect(try machine.states().keys.sorted() == ["alice", "bob", "carol"])
  }
}
