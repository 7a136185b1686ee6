import Foundation
import TestSupport
import Testing

/// `rootless-storage list`.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct ListTests {
  @Test func `only storage directories are listed, each with its state`() throws {
    let machine = try Machine(settings: PruneTests.atOnce)
    try machine.user("alice", uid: 4001)
    try machine.user("bob", uid: 4002)
    try machine.user("carol", uid: 4003)
    try machine.user("dave", uid: 4004)
    try machine.user("erin", uid: 4005)
    try machine.user("daemon", uid: 200)
    try machine.storage("alice", uid: 4001)
    try machine.storage("gone", uid: 4711)
    try machine.storage("bob", uid: 4001)
    // None of these is one.
    for (name, uid) in [
      ("alice-project", 4001), ("containers-user-1001", 1001), ("podman-run-4711", 4711), ("storage-run-4711", 4711), ("run-4711", 4711),
      ("daemon", 200), ("ghost", 65534),
    ] {
      try machine.storage(name, uid: uid)
    }
    try machine.sure(
      """
      cd /var/tmp
      ln -s /etc elsewhere; touch file; mkfifo fifo; chown -h 4711 elsewhere file fifo
      install -d -o 4711 notes; touch notes/letter                # a user's other thing, gone with the account
      install -d -o 4711 half half/containers                     # no store in it
      install -d -o 4711 linked; ln -s /etc linked/docker         # a symbolic link is no engine's directory
      install -d -o 4711 -m 700 empty
      install -d -o 4711 'not a name' 'not a name/docker'
      ln -s /etc dave; chown -h 4001 dave                         # a symbolic link in dave's place
      touch carol; chown 4003 carol                               # carol's own file in the place
      mkdir erin; mount -t tmpfs -o uid=4005 tmpfs erin
      printf 'alice:200000:65536\\n' > /etc/subuid
      install -d -o 200033 inner inner/docker                     # made by a container of alice's
      """)
    #expect(
      try machine.states() == [
        "alice": "ok", "alice-project": "former", "gone": "orphaned", "empty": "orphaned", "bob": "occupied", "dave": "occupied",
        "carol": "occupied", "erin": "mount",
      ])
    let listed = try machine.listed()
    #expect(
      listed["bob"]?["placeOf"] as? String == "bob" && listed["bob"]?["account"] as? String == "alice" && listed["bob"]?["size"] is NSNull)
    #expect(listed["gone"]?["account"] is NSNull && listed["gone"]?["uid"] as? Int == 4711)
    let text = try machine.rootlessStorage("list")
    #expect(text.status == 0 && text.text.contains("no such account") && text.text.contains("rootless-storage prune --orphaned"), "\(text)")
    #expect(text.lines.allSatisfy { $0.count <= 80 }, "\(text)")
    #expect(text.text.contains("/var/tmp/bob is where bob should have a storage directory, and is"), "\(text)")
  }

  @Test func `a directory service that does not answer is told from one that knows nobody`() throws {
    let machine = try Machine()
    try machine.directoryService()
    try machine.user("local", uid: 4001)
    try machine.storage("local", uid: 4001)
    try machine.storage("gone", uid: 4711)
    // Nothing shows that the directory is there.
    #expect(try machine.states(environment: Machine.directory) == ["local": "ok", "gone": "unconfirmed"])
    let text = try machine.rootlessStorage("list", environment: Machine.directory)
    #expect(text.text.contains("unconfirmed: there is no such account, but"), "\(text)")
    // An owner of a storage directory does, or somebody who is logged in; but only of themselves.
    func note() throws -> String { try machine.rootlessStorage("list", environment: Machine.directory).text }
    #expect(try note().contains("may be offline"))
    try machine.sure("echo 'remote 5001' > /etc/directory")
    try machine.storage("remote", uid: 5001)
    #expect(try machine.states(environment: Machine.directory) == ["local": "ok", "gone": "unconfirmed", "remote": "ok"])
    #expect(try note().contains("that counts only once it has lasted"))
    try machine.sure("rm -r /var/tmp/remote; mount -t tmpfs tmpfs /run; install -d -o 5001 /run/user/5001")
    #expect(try note().contains("that counts only once it has lasted"))
    try machine.sure("touch /etc/directory.fails")
    #expect(try machine.states(environment: Machine.directory) == ["local": "ok", "gone": "unanswered"])
    let failing = try machine.rootlessStorage("list", environment: Machine.directory)
    #expect(
      failing.text.contains("unanswered: the name service did not answer (Connection timed out)") && failing.text.contains("no answer"),
      "\(failing)")
    // A local user's other things are not taken for storage then.
    try machine.sure("install -d -o 4001 /var/tmp/things /var/tmp/things/docker")
    #expect(try machine.states(environment: Machine.directory) == ["local": "ok", "gone": "unanswered"])
  }

  @Test func `with the uid in the name, and with both`() throws {
    for (template, own, others) in [
      ("$UID", "4001", "4002"), ("$USER-$UID.d", "alice-4001.d", "bob-4002.d"), ("$UID-$UID", "4001-4001", "4002-4002"),
    ] {
      let machine = try Machine(settings: PruneTests.atOnce + "\nstorage_directory = /var/tmp/\(template)")
      try machine.user("alice", uid: 4001)
      try machine.user("bob", uid: 4002)
      try machine.storage(own, uid: 4001)
      try machine.storage(others, uid: 4001)
      try machine.storage("alice", uid: 4001)
      try machine.storage("04001", uid: 4001)
      #expect(try machine.states() == [own: "ok", others: "occupied", "alice": "guarded"], "\(template)")
      try machine.sure("sed -i '/^alice/d; /^bob/d' /etc/passwd")
      #expect(try machine.states().filter { $0.value != "guarded" } == [own: "orphaned"], "\(template)")
    }
  }

  @Test func `storage of somebody who had the owner's uid before is shown, told to the owner, and never goes by itself`() throws {
    let machine = try Machine(settings: PruneTests.atOnce)
    try machine.user("newbie", uid: 2001)
    try machine.sure("chmod 755 /var/tmp")
    try machine.storage("old", uid: 2001)
    try machine.storage("newbie", uid: 2001)
    try machine.sure("install -d -o 2001 /var/tmp/project /var/tmp/project/things; install -d -o 2001 /var/tmp/empty")
    #expect(try machine.states() == ["old": "former", "newbie": "ok"])
    let list = try machine.rootlessStorage("list")
    #expect(
      list.text.contains("former: the owner has an account, but under another name") && list.text.contains("rootless-storage prune NAME"),
      "\(list)")
    for (uid, arguments) in [(nil, "--json newbie"), (nil, "--json --all"), (2001, "--json")] as [(Int?, String)] {
      let output = try machine.rootlessStorage("check \(arguments)", asUid: uid)
      let found = try Report(output).users.flatMap(\.findings).filter { $0.code == "storage-former" }
      #expect(
        found.count == 1 && found[0].severity == "note"
          && found[0].sentence.hasPrefix("/var/tmp/old holds container storage and is owned by newbie (uid 2001)"), "\(output)")
      #expect(found.first?.remedy.hasSuffix("rootless-storage prune old") == true)
    }
    try machine.clock()
    for arguments in ["--orphaned --yes", "--orphaned --older-than 1 --yes", "--older-than 1 --yes"] {
      _ = try machine.rootlessStorage("prune \(arguments)", environment: Machine.inDays(100))
    }
    #expect(try machine.inParent() == ["empty", "old", "project"])
    #expect(try machine.rootlessStorage("prune old --yes").status == 0)
    #expect(try machine.inParent() == ["empty", "project"])
  }

  @Test func `images and volumes are told apart, per engine`() throws {
    let machine = try Machine()
    try machine.user("alice", uid: 4001)
    try machine.storage("alice", uid: 4001, kilobytes: 500)
    try machine.sure(
      """
      cd /var/tmp/alice; mkdir -p containers/storage/volumes/db/_data docker/volumes/web/_data docker/overlay2/x own/storage/volumes containers/volumes
      head -c 300000 /dev/zero > containers/storage/volumes/db/_data/table; head -c 200000 /dev/zero > docker/volumes/web/_data/page
      head -c 100000 /dev/zero > docker/overlay2/x/file; head -c 50000 /dev/zero > own/storage/volumes/mine; head -c 40000 /dev/zero > containers/volumes/none; chown -R 4001 .
      """)
    let engines = try #require(try machine.listed()["alice"]?["engines"] as? [[String: Any]])
    #expect(engines.map { $0["name"] as? String } == ["containers", "docker"])
    #expect(engines.map { $0["volumes"] as? Int } == [303104, 200704], "\(engines)")
    #expect(engines.map { $0["images"] as? Int } == [512000 + 40960, 102400], "\(engines)")
    let text = try machine.rootlessStorage("list --by-size").text
    #expect(
      text.contains(
        "\n  containers: 540 KiB images and containers, 296 KiB volumes\n  docker: 100 KiB images and containers, 196 KiB volumes\n"),
      "\(text)")
    #expect(try !machine.rootlessStorage("list").text.contains("images and containers"))
  }

  @Test func `what engines have left beside the storage is listed, and nothing that only looks like it`() throws {
    let machine = try Machine(settings: PruneTests.atOnce)
    try machine.user("alice", uid: 4001)
    try machine.user("storage123456789", uid: 4002)
    try machine.storage("alice", uid: 4001)
    try machine.storage("storage123456789", uid: 4002)
    try machine.sure(
      """
      cd /var/tmp; install -d -o 4001 buildah2350563489 container_images_ container_images_backup oci12345 podman20261129 storage20261129120000 storage-123456789 storage123456789x root123456789 podman123456789
      head -c 100000 /dev/zero > docker-tar147897057; chown 4001 docker-tar147897057; head -c 50000 /dev/zero > buildah2350563489/layer
      install -d -o 4777 container_images_oci3989760625; install -d container_images_roots; ln -s /etc libpod_builder3381219266; chown -h 4001 libpod_builder3381219266
      """)
    #expect(
      try machine.states() == [
        "alice": "ok", "storage123456789": "ok", "buildah2350563489": "leftover", "docker-tar147897057": "leftover",
        "podman123456789": "leftover", "container_images_oci3989760625": "orphaned",
      ])
    let listed = try machine.listed()
    #expect(
      listed["buildah2350563489"]?["size"] as? Int == 53248 && listed["buildah2350563489"]?["account"] as? String == "alice"
        && listed["docker-tar147897057"]?["size"] as? Int == 102400)
    let text = try machine.rootlessStorage("list")
    #expect(
      text.text.contains("\n2 storage directories in /var/tmp") && text.text.contains("4 more were left beside them by engines, 152 KiB.")
        && text.text.contains("leftover: an engine has left it"), "\(text)")
    #expect(text.lines.allSatisfy { $0.count <= 80 }, "\(text)")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try !machine.inParent().contains("container_images_oci3989760625") && machine.inParent().contains("buildah2350563489"))
  }

  @Test func `what lies where storage_directory pointed before is listed apart, and stays`() throws {
    let machine = try Machine(settings: PruneTests.atOnce + "\nstorage_directory = /mnt/$USER")
    try machine.sure("mount -t tmpfs -o mode=1777 none /mnt")
    try machine.user("alice", uid: 4001)
    try machine.storage("alice", uid: 4001)
    try machine.storage("gone", uid: 4711)
    try machine.sure("cp -a /var/tmp/alice /mnt/; touch /var/tmp/alice-notes; mkdir /var/tmp/things")
    let output = try machine.rootlessStorage("list --json")
    let all = try #require(try JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? [String: Any])
    let found = try #require(all["directories"] as? [[String: Any]])
    #expect(
      found.map { "\($0["path"] ?? "") \($0["state"] ?? "")" } == ["/mnt/alice ok", "/var/tmp/alice guarded", "/var/tmp/gone guarded"],
      "\(output)")
    #expect(found.allSatisfy { $0["size"] as? Int ?? 0 > 100000 })
    let text = try machine.rootlessStorage("list")
    #expect(
      text.text.contains("\nIn /var/tmp, where storage_directory pointed before (guarded_directories):\n\nNAME")
        && text.text.contains("\n1 storage directory in /mnt, 100 KiB."), "\(text)")
    let before = try machine.snapshot("/var/tmp")
    try machine.clock()
    for arguments in ["--orphaned", "--older-than 1", "--until-free 99%", "gone"] {
      _ = try machine.rootlessStorage("prune \(arguments) --yes", environment: Machine.inDays(100))
    }
    #expect(try machine.snapshot("/var/tmp") == before)
  }

  @Test func `what a guarded path gives to the owner is listed as such, and not pruned`() throws {
    let machine = try Machine(settings: PruneTests.atOnce + "\nguarded_directories = /var/tmp/old-$USER")
    try machine.user("bbb", uid: 4001)
    try machine.storage("bbb", uid: 4001)
    try machine.storage("old-bbb", uid: 4001)
    #expect(try machine.states() == ["bbb": "ok", "old-bbb": "guarded"])
    #expect(try !machine.rootlessStorage("check --all --json").text.contains("storage-former"))
    let before = try machine.snapshot("/var/tmp/old-bbb")
    let output = try machine.rootlessStorage("prune old-bbb --yes")
    #expect(output.status == 1 && output.text.contains("old-bbb: there is no storage directory of that name"), "\(output)")
    #expect(try machine.snapshot("/var/tmp/old-bbb") == before)
  }

  @Test func `owners that a mount shows are nobody's`() throws {
    let machine = try Machine()
    try machine.user("alice", uid: 4001)
    try machine.user("mallory", uid: 4666)
    try machine.sure(
      """
      mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab; install -d -o 4666 /var/tmp/x /var/tmp/m /run/user 2>/dev/null || true
      mount -t tmpfs -o mode=755 run /run; mkdir -p /run/user/4666; chown 4666 /run/user/4666
      bindfs -o allow_other --force-user=alice /var/tmp/m /var/tmp/x; bindfs -o allow_other --force-user=alice /var/tmp/m /run/user/4666
      test "$(stat -c %U /var/tmp/x /run/user/4666)" = "$(printf 'alice\\nalice')"
      """)
    let users = try Report(machine.rootlessStorage("check --all --json")).users
    #expect(users.map(\.name) == ["mallory"], "\(users)")
    let before = try machine.snapshot("/home/alice")
    _ = try machine.rootlessStorage("repair --all")
    #expect(try machine.snapshot("/home/alice") == before && !machine.inParent().contains("alice"))
    // Their daemons end with the mounts, and not with the namespace.
    try machine.sure("umount /var/tmp/x /run/user/4666")
  }

  @Test func `check of all asks for few of many owners, where subordinate ids come from a directory`() throws {
    let machine = try Machine()
    try machine.directoryService()
    try machine.sure(
      """
      printf 'subid: sss\\n' >> /etc/nsswitch.conf; echo 'remote 5001' > /etc/directory; cd /var/tmp
      for i in $(seq 500); do mkdir c$i; chown $((600000 + i)) c$i; done; install -d -o 5001 remote
      """)
    let output = try machine.sh(
      "strace -f -o /etc/trace -e trace=openat env -i \(Machine.directory) \(Machine.commandLine) check --all --json; grep -c '\"/etc/directory\"' /etc/trace >&2"
    )
    #expect(output.text.contains("\"remote\""), "\(output)")
    let asked = try #require(output.lines.last.flatMap { Int($0) })
    #expect(asked < 100, "asked \(asked) times")
  }

  @Test func `sizes are those of the disk, with every file once, and of nothing outside`() throws {
    let machine = try Machine()
    try machine.user("alice", uid: 4001)
    try machine.storage("alice", uid: 4001, kilobytes: 500)
    try machine.sure(
      """
      cd /var/tmp; head -c 4000000 /dev/urandom > big; mkdir outside; head -c 300000 /dev/urandom > outside/linked
      cd alice; ln ../outside/linked containers/linked                # one name outside
      head -c 200000 /dev/urandom > docker/twice; ln docker/twice docker/again
      head -c 150000 /dev/urandom > docker/shared; ln docker/shared own-name
      truncate -s 1G docker/sparse; head -c 70000 /dev/urandom > own
      ln -s ../../big docker/link; ln -s /var/tmp docker/up; mkfifo docker/fifo; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("docker/socket")'
      mkdir docker/mnt docker/mnt2; mount -t tmpfs tmpfs docker/mnt; head -c 900000 /dev/zero > docker/mnt/file; mount --bind /var/tmp docker/mnt2
      touch docker/bound; mount --bind /var/tmp/big docker/bound; mkdir docker/closed; touch docker/closed/x; chmod 0 docker/closed
      """)
    let entry = try #require(try machine.listed()["alice"])
    let expected = try machine.sure("mkdir -p /mnt; mount --bind /var/tmp /mnt; du -s --block-size=1 /mnt/alice | cut -f1").lines.first
      .flatMap { Int($0) }
    #expect(entry["size"] as? Int == expected && entry["sizeIsExact"] as? Bool == true, "\(entry) \(String(describing: expected))")
    // The engines' directories hold 500 KiB, 200000 and the two shared ones, which stay with their other names.
    #expect(
      (entry["reclaimable"] as? Int ?? 0) >= 500 * 1024 + 200000 && (entry["reclaimable"] as? Int ?? 0) < 500 * 1024 + 200000 + 20000,
      "\(entry)")
    let again = try machine.rootlessStorage("list")
    #expect(again.lines.count > 1 && again.lines[1].contains("alice") && again.lines[1].contains("1.2 MiB"), "\(again)")
  }

  @Test func `the last use is the latest change in the engines' directories, and not in the future`() throws {
    let machine = try Machine()
    try machine.clock()
    try machine.user("alice", uid: 4001)
    try machine.storage("alice", uid: 4001)
    let now = Date()
    func lastUse(_ days: Int) throws -> Date {
      let text = try #require(try machine.listed(environment: Machine.inDays(days))["alice"]?["lastUse"] as? String)
      return try #require(try? Date(text, strategy: .iso8601))
    }
    #expect(abs(try lastUse(50).timeIntervalSince(now)) < 60)
    // What an image says, or its user, is no use in the future; a change in one's own files is none of an engine's.
    try machine.sure("touch -d 2099-01-01 /var/tmp/alice/docker; touch -d @$(($(date +%s) + 20 * 86400)) /var/tmp/alice/containers")
    #expect(abs(try lastUse(10).timeIntervalSince(now)) < 60)
    #expect(abs(try lastUse(50).timeIntervalSince(now) - 20 * 86400) < 60)
    try machine.sure("touch -d @$(($(date +%s) + 30 * 86400)) /var/tmp/alice/mine")
    #expect(abs(try lastUse(50).timeIntervalSince(now) - 20 * 86400) < 60)
  }

  @Test func `in use is whose owner, or whose owner's container, runs a process`() throws {
    let machine = try Machine(ownProcesses: true)
    for (name, uid) in [("alice", 4001), ("bob", 4002), ("carol", 4003), ("dave", 4004), ("erin", 4005)] {
      try machine.user(name, uid: uid)
      try machine.storage(name, uid: uid)
    }
    try machine.storage("gone", uid: 4711)
    let output = try machine.sure(
      """
      printf 'bob:200000:65536\\n4003:300000:65536\\ndave:400000:65536\\ngone:500000:65536\\n' > /etc/subuid
      # alice's own; bob's and carol's subordinate; dave's effective only; a namespace of erin's that /etc/subuid says nothing of.
      sleeper() { setpriv --reuid $1 --regid $1 --clear-groups sleep 60 & \(Machine.asleep); }
      sleeper 4001; sleeper 265535; sleeper 300000; sleeper 500007
      setpriv --ruid 0 --euid 4004 --regid 4004 --clear-groups sleep 60 &
      \(Machine.asleep); env -i \(Machine.commandLine) list --json; kill -9 $(jobs -p); wait || true
      """)
    for (name, isInUse) in [("alice", true), ("bob", true), ("carol", true), ("dave", true), ("erin", false), ("gone", true)] {
      let line = try #require(output.lines.first { $0.contains("/var/tmp/\(name)\"") })
      #expect(line.contains("\"inUse\":\(isInUse)"), "\(line)")
    }
    #expect(try machine.listed().values.allSatisfy { $0["inUse"] as? Bool == false })
  }

  @Test func `a process in a user namespace of the owner's counts, whatever its uid`() throws {
    let machine = try Machine(ownProcesses: true)
    try machine.user("alice", uid: 4001)
    try machine.storage("alice", uid: 4001)
    // Uid 900001 stands in nobody's range; its user namespace was made by alice.
    try machine.write(
      """
      import ctypes, os, time
      libc = ctypes.CDLL(None); ready = os.pipe(); go = os.pipe(); child = os.fork()
      if child == 0:
          os.setresgid(4001, 4001, 4001); os.setresuid(4001, 4001, 4001)
          assert libc.unshare(0x10000000) == 0
          os.write(ready[1], b"x"); os.read(go[0], 1)
          os.setresuid(1, 1, 1); os.write(ready[1], b"y"); time.sleep(60); os._exit(0)
      os.read(ready[0], 1)
      open(f"/proc/{child}/uid_map", "w").write("0 4001 1\\n1 900001 1\\n")
      os.write(go[1], b"x"); os.read(ready[0], 1)
      print(open(f"/proc/{child}/status").read().split("Uid:")[1].split("\\n")[0].split()[0], flush=True)
      os.system("env -i \(Machine.commandLine) list --json"); os.kill(child, 9)
      """, to: "/etc/namespace.py")
    let output = try machine.sure("python3 /etc/namespace.py")
    #expect(output.lines.first == "900001" && output.text.contains("\"inUse\":true"), "\(output)")
  }

  @Test func `users see their own, as far as they can read it`() throws {
    let machine = try Machine()
    try machine.user("alice", uid: 4001)
    try machine.user("bob", uid: 4002)
    try machine.storage("alice", uid: 4001)
    try machine.storage("bob", uid: 4002)
    #expect(try machine.listed(asUid: 4001).keys.sorted() == ["alice"])
    #expect(try machine.listed(asUid: 4001)["alice"]?["sizeIsExact"] as? Bool == true)
    try machine.sure("install -d -m 700 -o 200033 /var/tmp/alice/docker/sub")
    #expect(try machine.listed(asUid: 4001)["alice"]?["sizeIsExact"] as? Bool == false)
    #expect(try machine.rootlessStorage("list", asUid: 4001).text.contains(">= "))
    #expect(try machine.listed()["alice"]?["sizeIsExact"] as? Bool == true)
    try machine.user("carol", uid: 4003)
    #expect(try machine.rootlessStorage("list", asUid: 4003).text == "You have no storage directory in /var/tmp.\n")
  }

  @Test func `a tree of any depth and width is measured with few descriptors and little memory`() throws {
    let machine = try Machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      """
      cd /var/tmp/gone/docker; mkdir wide; cd wide; seq 50000 | xargs touch; seq -f d%g 20000 | xargs mkdir; cd ..
      python3 - <<'PYTHON'
      import os
      for level in range(12000):
          os.mkdir("d"); open("f", "w").write("x"); os.chdir("d")
      PYTHON
      """)
    let output = try machine.sh("ulimit -n 100; ulimit -s 512; ulimit -v 400000; env -i \(Machine.commandLine) list --json")
    #expect(output.status == 0 && output.text.contains("\"sizeIsExact\":true"), "\(output)")
    // tmpfs: a page for every file that is not empty.
    let size = (try machine.listed()["gone"]?["size"] as? Int) ?? 0
    #expect(size == 12000 * 4096 + 102400, "\(size)")
  }

  @Test func `a way that is not to be trusted ends it with 2`() throws {
    let machine = try Machine(settings: "storage_directory = /var/tmp/a/$USER")
    try machine.sure("mkdir -m 777 /var/tmp/a")
    let output = try machine.rootlessStorage("list")
    #expect(
      output.status == 2
        && output.text.contains("the storage directories cannot be looked at: /var/tmp/a is writable by others (mode 0777)"), "\(output)")
    #expect(try machine.rootlessStorage("prune --orphaned").status == 2)
    try machine.sure("chown 4001 /etc/rootless-storage/rootless-storage.conf")
    #expect(
      try machine.rootlessStorage("list").text.contains(
        "the settings cannot be used: /etc/rootless-storage/rootless-storage.conf is owned by uid 4001"))
    #expect(try machine.rootlessStorage("list --conf relative").status == 2)
    #expect(try machine.rootlessStorage("list --frob").status == 2)
    try machine.write("storage_directory = /var/tmp/$USER\nnetwork_filesystems = tmpfs\nfrob = 1\n", to: "/etc/other.conf")
    let network = try machine.rootlessStorage("list --conf /etc/other.conf")
    #expect(
      network.status == 2 && network.text.contains("/etc/other.conf:3: ")
        && network.text.contains("itself on a network file system (tmpfs)"), "\(network)")
    let empty = try Machine()
    #expect(try empty.rootlessStorage("list").text == "There are no storage directories in /var/tmp.\n")
  }
}
