import Foundation
import TestSupport
import Testing

/// `rootless-storage prune`: what goes, what stays, and that nothing leads it astray.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct PruneTests {
  /// A machine with processes of its own, where three of four storage directories have an account.
  static let atOnce = "network_filesystems = ramfs\norphan_days = 0"

  private func machine(settings: String = PruneTests.atOnce) throws -> Machine {
    let machine = try Machine(ownProcesses: true, settings: settings)
    try machine.terminals()
    for (number, name) in ["alice", "bob", "carol"].enumerated() {
      try machine.user(name, uid: 4001 + number)
      try machine.storage(name, uid: 4001 + number)
    }
    return machine
  }

  /// The trash that stays behind after something could not be deleted, or after a kill.
  private func trash(_ machine: Machine) throws -> [String] { try machine.inParent().filter { $0.hasPrefix(".rootless-storage.prune.") } }

  // MARK: What goes

  @Test func `orphaned storage goes, everybody else's and a user's own files stay`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.storage("away", uid: 4712)
    try machine.sure("cd /var/tmp; echo mine > away/letter; mkdir away/photos; echo x > away/photos/x; chown -R 4712 away")
    try machine.storage("containers-user-1001", uid: 1001)
    try machine.sure("ln -s /var/tmp/alice /var/tmp/link; install -d -o 4711 /var/tmp/notes; touch /var/tmp/notes/x")
    let before = try machine.snapshot(
      "/var/tmp/alice /var/tmp/bob /var/tmp/carol /var/tmp/containers-user-1001 /var/tmp/notes /var/tmp/away/photos /etc")
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(output.status == 0, "\(output)")
    #expect(output.text.contains("deleted /var/tmp/gone (100 KiB)\n"), "\(output)")
    #expect(output.text.contains("deleted the container storage in /var/tmp/away (100 KiB); other files there stay\n"), "\(output)")
    #expect(output.text.contains("1 of them holds other files too: those stay.") && output.lines.allSatisfy { $0.count <= 80 }, "\(output)")
    #expect(try machine.inParent() == ["alice", "away", "bob", "carol", "containers-user-1001", "link", "notes"])
    #expect(try machine.sure("ls -A /var/tmp/away").lines == ["letter", "photos"])
    #expect(
      try machine.snapshot(
        "/var/tmp/alice /var/tmp/bob /var/tmp/carol /var/tmp/containers-user-1001 /var/tmp/notes /var/tmp/away/photos /etc") == before)
    let again = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(again.status == 0 && again.text == "There is nothing to delete in /var/tmp.\n", "\(again)")
  }

  @Test func `idle storage goes, of those who are there too, and both conditions must hold`() throws {
    let machine = try machine()
    try machine.clock()
    try machine.storage("gone", uid: 4711)
    try machine.storage("late", uid: 4712)
    try machine.sure("for name in bob late; do touch -d @$(($(date +%s) + 95 * 86400)) /var/tmp/$name/containers/storage/layer; done")
    func planned(_ arguments: String, _ days: Int) throws -> [String] {
      let output = try machine.rootlessStorage("prune \(arguments) --dry-run --json", environment: Machine.inDays(days))
      let all = try #require(try JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? [String: Any])
      return try #require(all["directories"] as? [[String: Any]]).compactMap { $0["path"] as? String }
    }
    #expect(try planned("--older-than 90", 89) == [])
    #expect(try planned("--older-than 90", 100) == ["/var/tmp/alice", "/var/tmp/carol", "/var/tmp/gone"])
    #expect(try planned("--orphaned --older-than 90", 100) == ["/var/tmp/gone"])
    #expect(try planned("--orphaned", 100) == ["/var/tmp/gone", "/var/tmp/late"])
    // Somebody's process: idle it is not.
    let output = try machine.sure(
      "setpriv --reuid 4001 --regid 4001 --clear-groups sleep 60 & \(Machine.asleep); env -i \(Machine.inDays(100)) \(Machine.commandLine) prune --older-than 90 --yes; kill -9 $!"
    )
    #expect(output.text.contains("1 more is in use and stays.") && output.text.contains("deleted /var/tmp/gone"), "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "late"])
  }

  @Test func `engines that the skeleton names go too, and names that it does not name stay`() throws {
    let machine = try machine()
    try machine.write(
      "root = \"@STORAGE@/buildkit/data\"\nother = '@STORAGE@/nerdctl'\nown = @STORAGE@/@USER@\nup = @STORAGE@/../x\nmail = a@STORAGE@b\n",
      to: "/etc/rootless-storage/skel/.config/tool.toml")
    try machine.sure("for d in gone gone/buildkit gone/nerdctl gone/gone gone/x; do install -d -o 4711 /var/tmp/$d; done")
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(output.status == 0 && output.text.contains("(containers, docker, buildkit, nerdctl)"), "\(output)")
    #expect(try machine.sure("ls -A /var/tmp/gone").lines == ["gone", "x"])
  }

  @Test func `an engine's directory that is something else stays, and all that it leads to`() throws {
    let machine = try machine()
    try machine.sure(
      """
      mkdir /home/precious; echo x > /home/precious/file; cd /var/tmp
      for name in gone mounted foreign filed; do install -d -o 47${#name}1 -m 700 $name $name/docker; done
      ln -s /home/precious gone/containers
      mkdir mounted/containers; mount --bind /home/precious mounted/containers
      install -d -o 4001 foreign/containers; touch foreign/containers/alices
      touch filed/containers
      """)
    let before = try machine.snapshot("/home/precious")
    let output = try machine.rootlessStorage("prune --orphaned --older-than 1 --dry-run")
    #expect(output.status == 0, "\(output)")
    for name in ["x1", "x2", "x3", "x4", "x5", "x6"] {
      try machine.user(name, uid: 6000 + Int(name.dropFirst())!); try machine.storage(name, uid: 6000 + Int(name.dropFirst())!)
    }
    let pruned = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(pruned.status == 1, "\(pruned)")
    #expect(pruned.text.contains("/var/tmp/mounted/containers stays: something is mounted there; unmount it"), "\(pruned)")
    #expect(
      pruned.text.contains(
        "/var/tmp/foreign/containers stays: it is owned by uid 4001, not by uid 4771; when nobody needs anything in /var/tmp/foreign any more, delete all of it: rm -rf --one-file-system /var/tmp/foreign"
      ), "\(pruned)")
    #expect(
      try machine.sure("cd /var/tmp; ls gone mounted filed foreign").lines == [
        "filed:", "containers", "foreign:", "containers", "gone:", "containers", "mounted:", "containers",
      ])
    #expect(try machine.snapshot("/home/precious") == before)
    #expect(try machine.sure("ls /var/tmp/foreign/containers").text == "alices\n")
    #expect(try trash(machine) == [])
  }

  // MARK: Trees built to trap a recursive delete

  @Test func `a tree full of traps is gone, and nothing outside was touched`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      """
      mkdir -p /var/tmp/outside/deep; echo precious > /var/tmp/outside/file; echo x > /var/tmp/outside/deep/x; chmod 4755 /var/tmp/outside/file
      cd /var/tmp/gone/docker
      ln -s /etc etc; ln -s / root; ln -s ../../../outside out; ln -s . self; ln -s loop loop; ln /var/tmp/outside/file hard
      mkdir -p a/b/c; ln -s ../../../../../outside/deep a/b/c/deep; ln -s /var/tmp/alice/containers a/b/alice
      mkdir closed; touch closed/x; mkdir closed/in; chmod 0 closed/in closed; mkdir -m 7777 sticky; touch sticky/x; chmod 7000 sticky/x
      mkdir -- $'new\\nline' $'\\xff\\xfe' '-rf' ' ' '...' 'deleted.1' 'deleted.2' "$(printf 'n%.0s' $(seq 255))"; touch -- $'new\\nline'/$'\\x80' '-rf/-rf' deleted.1/deleted.2 '*' '$(reboot)'
      mkfifo fifo; mknod device b 7 0; mknod null c 1 3; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
      mkdir -p overlay/work/work; chmod 0 overlay/work/work; mknod overlay/whiteout c 0 0
      mkdir subordinate; touch subordinate/{a,b}; mkdir -m 700 subordinate/d; touch subordinate/d/x
      chown -R -h 4711 .; chown -R -h 265000 subordinate; chown 100033:100042 subordinate/a overlay/whiteout; chmod 4755 /var/tmp/outside/file
      """)
    let kept = "/etc /var/tmp/outside/deep /var/tmp/alice /var/tmp/bob /var/tmp/carol"
    let before = try machine.snapshot(kept)
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(output.status == 0 && output.text.contains("deleted /var/tmp/gone ("), "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "outside"])
    #expect(try machine.snapshot(kept) == before)
    // Its second name is gone, and nothing else about it has changed.
    #expect(try machine.sure("stat -c '%a %h' /var/tmp/outside/file; cat /var/tmp/outside/file").text == "4755 1\nprecious\n")
  }

  @Test func `mounts in a tree are neither entered nor emptied, and the rest goes`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      """
      mkdir /var/tmp/outside; echo precious > /var/tmp/outside/file; cd /var/tmp/gone/docker
      mkdir -p 1/2/3 bound tmp fuse; touch file 1/x 1/2/x
      mount --bind /var/tmp/outside 1/2/3; mount --bind /home bound; touch /home/kept; mount -t tmpfs tmpfs tmp; touch tmp/kept; mount --bind /var/tmp/outside/file file
      mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab; bindfs /var/tmp/outside fuse
      """)
    let before = try machine.snapshot("/var/tmp/outside /home")
    #expect(try machine.rootlessStorage("list").status == 0)
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(
      output.status == 1 && output.text.contains("stays: something is mounted there; unmount it")
        && output.text.contains("the next prune tries again"), "\(output)")
    #expect(try machine.snapshot("/var/tmp/outside /home") == before)
    let left = try trash(machine)
    #expect(left.count == 1)
    #expect(try machine.sh("find /var/tmp/\(left.first ?? "x") -xdev -type f ! -name file").text == "", "\(output)")
    // The dead run's trash is found by the next one, which has the same to say, and goes once nothing is mounted.
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 1)
    #expect(try machine.snapshot("/var/tmp/outside /home") == before)
    try machine.sure("grep -o '/var/tmp/[.][^ ]*' /proc/self/mountinfo | sort -r | xargs -n 1 umount")
    let last = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(last.status == 0, "\(last)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "outside"])
    #expect(try machine.snapshot("/var/tmp/outside /home") == before)
  }

  @Test func `a FUSE mount that does not answer holds nothing up`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      """
      mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab; mkdir /var/tmp/outside /var/tmp/gone/docker/fuse /var/tmp/dave; touch /var/tmp/outside/file
      for place in gone/docker/fuse dave; do bindfs --no-allow-other /var/tmp/outside /var/tmp/$place; done; kill -STOP $(pgrep -x bindfs)
      """)
    try machine.user("dave", uid: 4004)
    let list = try machine.sh("timeout -s KILL 20 env -i \(Machine.commandLine) list --json")
    #expect(list.status == 0 && list.text.contains("\"state\":\"mount\"") && list.text.contains("\"size\":102400,"), "\(list)")
    let prune = try machine.sh("timeout -s KILL 20 env -i \(Machine.commandLine) prune --orphaned --yes")
    #expect(prune.status == 1 && prune.text.contains("/fuse stays: something is mounted there; unmount it"), "\(prune)")
    try machine.sure("kill -KILL $(pgrep -x bindfs)")
  }

  @Test func `a file that cannot be deleted is named, and the rest goes`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.storage("more", uid: 4712)
    try machine.sure(
      "cd /var/tmp/gone/docker; mkdir -p a/b c; touch a/b/stuck a/b/free c/x; chattr +i a/b/stuck; seq 20 | (cd c; xargs touch; chattr +i *)"
    )
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(
      output.status == 1 && output.text.contains("Operation not permitted; it may be immutable: chattr -R -i -a, then run this again"),
      "\(output)")
    #expect(output.text.contains(" more in /var/tmp/.rootless-storage.prune."), "\(output)")
    let left = try #require(try trash(machine).first)
    #expect(
      try machine.inParent() == [left, "alice", "bob", "carol"], "the empty storage directory, and the others, go all the same: \(output)")
    #expect(try machine.sure("find /var/tmp/\(left) -type f | wc -l").text == "22\n")
    try machine.sure("find /var/tmp/\(left) -type f -exec chattr -i {} +")
    #expect(try machine.rootlessStorage("prune --older-than 1 --yes").status == 0)
    #expect(try machine.inParent() == ["alice", "bob", "carol"])
  }

  @Test func `trees of any depth and width go, with few descriptors and little memory`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      """
      cd /var/tmp/gone/docker; mkdir wide; cd wide; seq 200000 | xargs touch; seq -f d%g 20000 | xargs mkdir; cd ..
      python3 - <<'PYTHON'
      import os
      for level in range(12000):
          os.mkdir("d"); os.mkdir("e"); open("f", "w"); os.chdir("d")
      PYTHON
      """)
    let output = try machine.sh("ulimit -n 100; ulimit -s 512; ulimit -v 400000; env -i \(Machine.commandLine) prune --orphaned --yes")
    #expect(output.status == 0, "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "carol"])
  }

  @Test func `a disk without room for one name more is emptied all the same`() throws {
    let machine = try Machine(storage: "tmpfs -o nr_inodes=200", ownProcesses: true, settings: PruneTests.atOnce)
    for (name, uid) in [("alice", 4001), ("bob", 4002)] {
      try machine.user(name, uid: uid)
      try machine.storage(name, uid: uid, kilobytes: 1)
    }
    try machine.storage("gone", uid: 4711, kilobytes: 1)
    try machine.sh("cd /var/tmp/gone/docker; mkdir $(seq 300)")
    let full = try machine.rootlessStorage("prune --orphaned --yes")
    // Not even the trash can be made: nothing has changed, and the next step is told.
    #expect(full.status == 1 && full.text.contains("No space left on device"), "\(full)")
    try machine.sure("rmdir /var/tmp/gone/docker/1 /var/tmp/gone/docker/2")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent() == ["alice", "bob"])
  }

  @Test func `when the trash cannot take more of a tree, what is in it goes first`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure("cd /var/tmp/gone/docker; mkdir a b c; mkdir a/{1..50} b/{1..50}; touch a/{1..50}/f")
    // Every second move into the trash fails as on a full disk, or where a directory can hold no more directories.
    for error in ["ENOSPC", "EMLINK"] {
      let output = try machine.sh(
        "strace -qq -o /dev/null -e trace=renameat -e inject=renameat:error=\(error):when=5+2 env -i \(Machine.commandLine) prune --orphaned --yes"
      )
      #expect(output.status == 0, "\(output)")
      #expect(try machine.inParent() == ["alice", "bob", "carol"], "\(output)")
      try machine.storage("gone", uid: 4711)
      try machine.sure("cd /var/tmp/gone/docker; mkdir a b c; mkdir a/{1..50}")
    }
    let never = try machine.sh(
      "strace -qq -o /dev/null -e trace=renameat -e inject=renameat:error=ENOSPC:when=5+ env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(never.status == 1 && never.text.contains("No space left on device; free some space"), "\(never)")
  }

  @Test func `how many of them hold what cannot be pulled again is said before it asks`() throws {
    let machine = try machine()
    for (number, name) in ["gone1", "gone2", "gone3"].enumerated() { try machine.storage(name, uid: 4711 + number) }
    try machine.sure(
      """
      cd /var/tmp; mkdir -p gone1/containers/storage/volumes/{db,empty}/_data gone2/docker/volumes/empty/_data gone3/docker/containers/0123
      echo 1 > gone1/containers/storage/volumes/db/_data/file; chown -R 4711 gone1; chown -R 4712 gone2; chown -R 4713 gone3
      """)
    let output = try machine.rootlessStorage("prune --orphaned --dry-run")
    #expect(
      output.status == 0
        && output.text.contains(
          "\n2 of them have volumes or containers: these are on this disk alone, and no\nbackup of a home has them.\n"),
      "\(output)")
    try machine.sure("rm -r /var/tmp/gone1 /var/tmp/gone3")
    let none = try machine.rootlessStorage("prune --orphaned --dry-run")
    #expect(none.text.contains("/gone2") || none.text.contains("gone2 "), "\(none)")
    #expect(!none.text.contains("volumes"), "\(none)")
  }

  // MARK: Somebody comes back

  @Test func `a user who comes back between the move and the deletion gets everything back`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    let before = try machine.sure("cd /var/tmp; find gone -printf '%p %i %U %m\\n' | sort; cksum gone/containers/storage/layer").text
    let output = try machine.sh(
      """
      \(Machine.prune(stoppedBehind: ["renameat"]))
      is_stopped 1
      [ -e /var/tmp/gone/containers ] && echo "was never moved"
      setpriv --reuid 4711 --regid 4711 --clear-groups sleep 60 & sleeper=$!; \(Machine.asleep)
      goes_on; ended; kill -9 $sleeper
      """)
    #expect(output.text.hasPrefix("status 1\n") && output.text.contains("/var/tmp/gone has come into use, nothing is deleted"), "\(output)")
    #expect(try machine.sure("cd /var/tmp; find gone -printf '%p %i %U %m\\n' | sort; cksum gone/containers/storage/layer").text == before)
    #expect(try trash(machine) == [])
  }

  @Test func `what cannot go back, since its place was taken, is kept and named`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    let output = try machine.sh(
      """
      \(Machine.prune(stoppedBehind: ["renameat"]))
      is_stopped 1
      setpriv --reuid 4711 --regid 4711 --clear-groups bash -c 'mkdir /var/tmp/gone/containers; exec sleep 60' & sleeper=$!; \(Machine.asleep)
      goes_on; ended; kill -9 $sleeper; wait $sleeper
      """)
    let left = try #require(try trash(machine).first, "\(output)")
    #expect(
      output.text.hasPrefix("status 1\n")
        && output.text.contains(
          "its owner has made a new one there. It is kept as /var/tmp/\(left)/containers; when the owner has renamed the new one, the next prune puts it back\n"
        ) && !output.text.contains("mv -"), "\(output)")
    #expect(
      try machine.sure("cd /var/tmp; ls -A \(left) gone; ls \(left)/containers/storage").lines
        == ["\(left):", ".origin", "containers", "", "gone:", "containers", "docker", "layer"].filter { $0 != "" })
    // As long as the place is taken, no later run deletes it.
    let again = try machine.sh(
      "setpriv --reuid 4711 --regid 4711 --clear-groups sleep 60 & \(Machine.asleep); env -i \(Machine.commandLine) prune --orphaned --yes; status=$?; kill -9 $!; wait $!; exit $status"
    )
    #expect(
      again.status == 1
        && again.text.contains(
          "its owner has made a new one in /var/tmp/gone; when the owner has renamed the new one, the next prune puts it back"),
      "\(again)")
    #expect(try machine.sure("ls /var/tmp/\(left)/containers/storage").text == "layer\n")
    try machine.sure("mv /var/tmp/gone/containers /var/tmp/gone/new")
    #expect(try machine.rootlessStorage("prune --older-than 1 --yes").status == 0)
    #expect(try machine.sure("ls /var/tmp/gone/containers/storage").text == "layer\n" && trash(machine) == [])
  }

  @Test func `in use is looked at once more before anything is moved`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    // The owner comes while the question waits for its answer.
    let output = try machine.sh(
      """
      mkfifo /etc/answer; script -qfec 'env -i TERM=dumb \(Machine.commandLine) prune --orphaned' /dev/null < /etc/answer > /etc/output & prune=$!
      exec 8> /etc/answer; until grep -qF '[y/N]' /etc/output; do kill -0 $prune || break; sleep 0.02; done
      setpriv --reuid 4711 --regid 4711 --clear-groups sleep 60 & \(Machine.asleep)
      echo y >&8; wait $prune; kill -9 $!; cat /etc/output
      """)
    #expect(output.text.contains("has come into use, nothing is deleted"), "\(output)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "gone"])
  }

  // MARK: Interrupted

  @Test(arguments: [
    "renameat 1", "renameat 2", "renameat 3", "renameat 5", "unlinkat 1", "unlinkat 5", "unlinkat 9", "symlinkat 1", "mkdirat 1",
  ])
  func `what a killed run has left, the next one puts back or deletes`(kill: String) throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure("cd /var/tmp/gone/docker; mkdir -p a/b/c d; touch a/b/c/x a/y d/{1,2,3}")
    let (call, number) = (kill.split(separator: " ")[0], kill.split(separator: " ")[1])
    let killed = try machine.sh(
      "strace -qq -o /dev/null -e trace=\(call) -e inject=\(call):signal=KILL:when=\(number) env -i \(Machine.commandLine) prune --orphaned --yes"
    )
    #expect(killed.status == 137, "\(killed)")
    // Others' names that look alike are left alone.
    try machine.sure(
      "cd /var/tmp; install -d -o 4001 -m 700 .rootless-storage.prune.4194303.5.1; install -d -m 700 .rootless-storage.prune.x .rootless-storage.prune.1.$(cut -d' ' -f22 /proc/1/stat).7; ln -s /etc .rootless-storage.prune.4194303.5.2"
    )
    let next = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(next.status == 0, "\(next)")
    #expect(try machine.inParent().filter { !$0.hasPrefix(".") } == ["alice", "bob", "carol"], "\(next)")
    #expect(try trash(machine).count == 4, "\(next)")
  }

  // MARK: What is not believed

  @Test func `yes refuses when more than half would be orphans, and a person may`() throws {
    let machine = try Machine(ownProcesses: true, settings: PruneTests.atOnce)
    try machine.terminals()
    try machine.user("alice", uid: 4001)
    try machine.storage("alice", uid: 4001)
    try machine.storage("gone", uid: 4711)
    try machine.storage("away", uid: 4712)
    let refused = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(
      refused.status == 1 && refused.text.contains("2 of 3 storage directories have no account, which is more than half"), "\(refused)")
    #expect(try machine.inParent() == ["alice", "away", "gone"])
    #expect(try machine.rootlessStorage("prune --orphaned --dry-run").status == 0)
    let asked = try machine.sh("echo y | script -qec 'env -i TERM=dumb \(Machine.commandLine) prune --orphaned' /dev/null")
    #expect(asked.text.contains("Delete the container storage in 2 directories? [y/N]"), "\(asked)")
    #expect(try machine.inParent() == ["alice"])
    // Exactly half is not more.
    try machine.storage("gone", uid: 4711)
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
  }

  @Test func `with a directory service, nobody is an orphan before it has answered`() throws {
    let machine = try machine()
    try machine.directoryService()
    try machine.clock()
    try machine.storage("gone", uid: 4711)
    let offline = try machine.rootlessStorage("prune --orphaned --yes", environment: Machine.directory)
    #expect(
      offline.status == 1 && offline.text.contains("1 more has no account, but that is not believed")
        && offline.text.contains("/etc/nsswitch.conf"), "\(offline)")
    // Nor does age help: it may be an absent user's other thing.
    let old = try machine.rootlessStorage("prune --older-than 5 --yes --json", environment: "\(Machine.directory) \(Machine.inDays(10))")
    #expect(old.text.contains("\"/var/tmp/alice\"") && !old.text.contains("\"/var/tmp/gone\""), "\(old)")
    for (number, name) in ["alice", "bob", "carol"].enumerated() { try machine.storage(name, uid: 4001 + number) }
    try machine.sure("touch /etc/directory.fails")
    let failing = try machine.rootlessStorage("prune --orphaned --yes", environment: Machine.directory)
    #expect(failing.status == 1 && failing.text.contains("the name service did not answer (Connection"), "\(failing)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "gone"])
    try machine.sure("rm /etc/directory.fails; echo 'remote 5001' > /etc/directory")
    try machine.storage("remote", uid: 5001)
    let online = try machine.rootlessStorage("prune --orphaned --yes", environment: Machine.directory)
    #expect(online.status == 0 && online.text.contains("gone: absent since "), "\(online)")
    #expect(try machine.inParent() == ["alice", "bob", "carol", "gone", "remote"])
  }

  @Test func `one account that is found proves nothing of another that is not`() throws {
    // erin's server is down: remote is in the cache, and of her the directory says "no such user". With 0 days, too.
    for settings in ["network_filesystems = ramfs", PruneTests.atOnce] {
      let machine = try machine(settings: settings)
      try machine.directoryService()
      try machine.sure("echo 'remote 5001' > /etc/directory")
      try machine.storage("remote", uid: 5001)
      try machine.storage("erin", uid: 2600)
      func prune(_ options: String = "--orphaned --yes") throws -> Output {
        try machine.rootlessStorage("prune \(options)", environment: Machine.directory)
      }
      for _ in 1...4 {
        let output = try prune()
        #expect(output.status == 0 && output.text.contains("erin: absent since "), "\(output)")
      }
      try machine.daysPass(9)
      let dry = try prune("--orphaned --dry-run")
      #expect(dry.status == 0 && dry.text.contains("There is nothing to delete"), "\(dry)")
      #expect(try prune().text.contains("There is nothing to delete"))
      // It is up again: what was seen of her counts no more.
      try machine.sure("echo 'erin 2600' >> /etc/directory")
      try machine.daysPass(9)
      #expect(try prune().status == 0)
      try machine.sure("sed -i /erin/d /etc/directory")
      try machine.daysPass(9)
      #expect(try prune().text.contains("erin: absent since "))
      // Nor what was seen in a run that could not look.
      try machine.daysPass(5)
      try machine.sure("mv /etc/directory /etc/away; touch /etc/directory")
      #expect(try prune().status == 1)
      try machine.sure("mv /etc/away /etc/directory")
      for days in [5, 5] {
        #expect(try prune().text.contains("erin: absent since "))
        try machine.daysPass(days)
      }
      #expect(try machine.inParent() == ["alice", "bob", "carol", "erin", "remote"])
      let last = try prune()
      #expect(last.status == 0 && last.text.contains("deleted /var/tmp/erin"), "\(last)")
    }
  }

  @Test func `what has been seen is kept as a file of root's, and only by runs that may delete`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs")
    try machine.storage("gone", uid: 4711)
    try machine.sure("chmod 755 /var/tmp")
    func kept() throws -> [String] { try machine.sure("ls -A /var/lib/rootless-storage").lines }
    let first = try machine.rootlessStorage("list")
    #expect(first.text.contains("gone: no run of rootless-storage prune has seen them absent before"), "\(first)")
    for arguments in ["prune --orphaned --dry-run", "prune --older-than 1 --dry-run", "list --json", "subids list", "check"] {
      _ = try machine.rootlessStorage(arguments)
    }
    #expect(try kept() == [])
    let blind = try machine.rootlessStorage("prune --orphaned < /dev/null")
    #expect(blind.status == 0 && blind.text.contains("1 more has no account, but stays until that has lasted"), "\(blind)")
    #expect(try kept() == [".orphans.lock", "orphans"])
    #expect(try machine.sure("stat -c '%a %u %g' /var/lib/rootless-storage/orphans").text == "600 0 0\n")
    let before = try machine.snapshot("/var/lib/rootless-storage")
    let listed = try #require(try machine.listed()["gone"])
    #expect(listed["state"] as? String == "unconfirmed" && listed["absentSince"] is String && listed["goneFrom"] is String, "\(listed)")
    for arguments in ["prune --orphaned --dry-run", "list", "prune bob --yes", "subids release --gone --dry-run"] {
      _ = try machine.rootlessStorage(arguments)
    }
    #expect(try machine.snapshot("/var/lib/rootless-storage") == before)
    // The same name on another directory is another matter, and so is a copy of this machine.
    try machine.daysPass(8)
    try machine.sure("mv /var/tmp/gone /etc/gone; cp -a /etc/gone /var/tmp/gone")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").text.contains("There is nothing to delete"))
    for _ in 1...2 {
      try machine.daysPass(5)
      _ = try machine.rootlessStorage("prune --orphaned --dry-run")
    }
    #expect(try machine.rootlessStorage("prune --orphaned --yes").text.contains("There is nothing to delete"), "two days are too few")
    try machine.daysPass(5)
    #expect(try machine.states()["gone"] == "orphaned")
    try machine.sure("echo f123456789abcdef0123456789abcdef > /etc/machine-id")
    #expect(try machine.states()["gone"] == "unconfirmed")
    try machine.sure("echo 0123456789abcdef0123456789abcdef > /etc/machine-id; chmod 666 /var/lib/rootless-storage/orphans")
    let foreign = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(foreign.status == 1 && foreign.text.contains("is not a file of root's that only root can write"), "\(foreign)")
    try machine.sure("chmod 600 /var/lib/rootless-storage/orphans; chmod 1777 /var/lib/rootless-storage")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 1)
    #expect(try machine.inParent() == ["alice", "carol", "gone"])
    try machine.sure("chmod 755 /var/lib/rootless-storage")
    #expect(try machine.rootlessStorage("prune --orphaned --yes").text.contains("deleted /var/tmp/gone"))
  }

  @Test func `a disk that somebody has filled keeps nothing that was seen before from counting`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs")
    try machine.sure("mount -t tmpfs -o mode=755,nr_blocks=8 full /var/lib/rootless-storage")
    try machine.storage("gone", uid: 4711)
    for _ in 1...2 {
      _ = try machine.rootlessStorage("prune --orphaned < /dev/null")
      try machine.daysPass(5)
    }
    try machine.storage("fresh", uid: 4712)
    try machine.sure("head -c 1000000 /dev/zero > /var/lib/rootless-storage/ballast || true")
    let output = try machine.rootlessStorage("prune --orphaned --yes")
    #expect(output.status == 1 && output.text.contains("deleted /var/tmp/gone"), "\(output)")
    #expect(
      output.text.contains("this run is not recorded") && output.text.contains("No space left on device; make room on that file system"),
      "\(output)")
    #expect(output.text.contains("fresh: no run of rootless-storage prune has seen them absent before"), "\(output)")
    #expect(try machine.inParent().contains("fresh"))
  }

  @Test func `each name that nothing bears is reported, and the others go`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs")
    try machine.sure("chmod 755 /var/tmp")
    try machine.storage("gone", uid: 4711)
    let output = try machine.rootlessStorage("prune gone tpyo goen --yes")
    #expect(output.status == 1 && output.text.contains("deleted /var/tmp/gone"), "\(output)")
    #expect(output.lines.filter { $0.contains("there is no storage directory of that name in /var/tmp") }.count == 1, "\(output)")
    #expect(output.text.contains("tpyo") && output.text.contains("goen"), "\(output)")
  }

  @Test func `the directory of an account that nobody can ask for stays`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs")
    try machine.directoryService()
    try machine.storage("remote", uid: 5001)
    for failure in ["true", "touch /etc/directory.fails"] {
      try machine.sure("chmod 1777 /var/tmp; \(failure); install -d -o 5001 /var/tmp/remote/docker/x")
      let output = try machine.rootlessStorage("prune remote --yes", environment: Machine.directory)
      #expect(
        output.status == 0 && output.text.contains("the directory stays, since it is not certain that its user has none"), "\(output)")
      #expect(try machine.sure("cd /var/tmp; find remote | LC_ALL=C sort").lines == ["remote", "remote/containers", "remote/docker"])
    }
  }

  @Test func `users who are named need no waiting, and may have an account`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs")
    try machine.sure("chmod 755 /var/tmp")
    for (name, uid) in [("gone", 4711), ("away", 4712), ("old", 4001)] { try machine.storage(name, uid: uid) }
    try machine.sure(
      "install -d -o 4001 /var/tmp/dave; echo 'dave:x:4009:4009::/:/bin/sh' >> /etc/passwd; mkdir /var/tmp/erin; mount -t tmpfs tmpfs /var/tmp/erin"
    )
    try machine.user("erin", uid: 4010, home: "/")
    func prune(_ arguments: String) throws -> Output { try machine.rootlessStorage("prune \(arguments)") }
    let blind = try prune("gone bob < /dev/null")
    #expect(
      blind.status == 1 && blind.text.contains("no terminal to ask on") && blind.text.contains("gone") && blind.text.contains("bob")
        && !blind.text.contains("carol"), "\(blind)")
    let used = try machine.sure(
      "setpriv --reuid 4002 --regid 4002 --clear-groups sleep 60 & \(Machine.asleep); env -i \(Machine.commandLine) prune bob --yes; kill -9 $!"
    )
    #expect(used.text.contains("1 more is in use and stays."), "\(used)")
    #expect(try prune("bob --older-than 5 --yes").text.contains("There is nothing to delete"))
    #expect(try machine.inParent().count == 8)
    let done = try prune("gone bob old --yes")
    #expect(done.status == 0, "\(done)")
    #expect(try machine.inParent() == ["alice", "away", "carol", "dave", "erin"])
    let none = try prune("nobody-here --yes")
    #expect(
      none.status == 1
        && none.text.contains("nobody-here: there is no storage directory of that name in /var/tmp; to see all: rootless-storage list"),
      "\(none)")
    let occupied = try prune("dave erin --yes")
    #expect(
      occupied.status == 1 && occupied.text.contains("/var/tmp/dave stays: it is another user's")
        && occupied.text.contains("/var/tmp/erin stays: something is mounted there"), "\(occupied)")
    #expect(try prune("alice --orphaned").status == 2)
    #expect(try machine.rootlessStorage("prune alice --yes", asUid: 4001).status == 2)
    #expect(try machine.inParent() == ["alice", "away", "carol", "dave", "erin"])
    // By the uid, where the path has no name in it.
    let byUid = try self.machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/$UID")
    try byUid.sure("chmod 755 /var/tmp")
    for name in ["4001", "4711"] { try byUid.storage(name, uid: Int(name)!) }
    #expect(try byUid.rootlessStorage("prune 4711 alice --yes").status == 0)
    #expect(try byUid.inParent() == ["alice", "bob", "carol"])
  }

  @Test func `directories that containers made do not switch it off, where subordinate ids come from a directory`() throws {
    let machine = try machine(settings: "network_filesystems = ramfs")
    try machine.directoryService()
    try machine.sure(
      """
      printf 'subid: sss\\n' >> /etc/nsswitch.conf; echo 'remote 5001' > /etc/directory; cd /var/tmp
      for i in $(seq 300); do mkdir -p c$i/docker; chown -R $((600000 + i)) c$i; done
      """)
    try machine.storage("remote", uid: 5001)
    let output = try machine.rootlessStorage("prune --orphaned --yes", environment: Machine.directory)
    #expect(
      output.status == 0 && output.text.contains("300 more may be subordinate ids'") && !output.text.contains("more than half"), "\(output)"
    )
    #expect(try machine.states(environment: Machine.directory).values.filter { $0 == "unconfirmed" }.count == 300)
    #expect(
      try machine.sure("grep -c '^storage' /var/lib/rootless-storage/orphans || true").text == "0\n"
        || machine.sure("ls /var/lib/rootless-storage").text == "")
  }

  @Test(arguments: ["", "passwd: files\n", "passwd:   compat systemd # sss\n", "passwd: files altfiles [NOTFOUND=return] systemd\n"])
  func `without a directory service, /etc/passwd is the authority`(switching: String) throws {
    let machine = try machine()
    try machine.write(switching, to: "/etc/nsswitch.conf")
    try machine.storage("gone", uid: 4711)
    #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0)
    #expect(try machine.inParent() == ["alice", "bob", "carol"])
  }

  @Test func `NIS behind compat is a directory service, and so is what nsswitch names beside files`() throws {
    for (switching, passwd) in [
      ("passwd: compat\n", "+::::::\n"), ("passwd: files sss\n", ""), ("passwd: files [NOTFOUND=return SUCCESS=continue] ldap\n", ""),
    ] {
      let machine = try machine()
      try machine.storage("gone", uid: 4711)
      try machine.write(switching, to: "/etc/nsswitch.conf")
      try machine.sure("printf '\(passwd)' >> /etc/passwd")
      #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 1, "\(switching)")
      #expect(try machine.inParent() == ["alice", "bob", "carol", "gone"])
    }
  }

  // MARK: Asking

  @Test func `it asks, and without a terminal it deletes nothing`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    let blind = try machine.rootlessStorage("prune --orphaned")
    #expect(
      blind.status == 1 && blind.text.contains("there is no terminal to ask on, nothing is deleted; add --yes, or --dry-run to only look"),
      "\(blind)")
    for answer in ["n", "", "no", "yep", "N"] {
      let output = try machine.sh(
        "echo '\(answer)' | script -qec 'env -i TERM=dumb \(Machine.commandLine) prune --orphaned; echo status $?' /dev/null")
      #expect(
        output.text.contains("That gives 100 KiB back.") && output.text.contains("Nothing is deleted.") && output.text.contains("status 0"),
        "\(output)")
    }
    #expect(try machine.inParent() == ["alice", "bob", "carol", "gone"])
    _ = try machine.sh("echo yes | script -qec 'env -i TERM=dumb \(Machine.commandLine) prune --orphaned' /dev/null")
    #expect(try machine.inParent() == ["alice", "bob", "carol"])
  }

  @Test func `a dry run changes nothing, and says the same`() throws {
    let machine = try machine()
    try machine.storage("gone", uid: 4711)
    try machine.sure("install -d -m 700 /var/tmp/.rootless-storage.prune.4194303.5.1; ln -s /etc /var/tmp/gone/docker/link")
    let before = try machine.snapshot("/var/tmp /etc /home")
    for options in ["--orphaned --dry-run", "--orphaned --dry-run --yes", "--orphaned --dry-run --json", "--older-than 1 --dry-run"] {
      #expect(try machine.rootlessStorage("prune \(options)").status == 0)
      #expect(try machine.snapshot("/var/tmp /etc /home") == before)
    }
    let output = try machine.rootlessStorage("prune --orphaned --dry-run")
    #expect(
      output.text.contains("Would delete: ") && output.text.contains("gone") && output.text.contains("That gives 100 KiB back."),
      "\(output)")
    let json = try machine.rootlessStorage("prune --orphaned --yes --json")
    let all = try #require(try JSONSerialization.jsonObject(with: Data(json.text.utf8)) as? [String: Any])
    #expect(all["version"] as? Int == 1 && all["bytes"] as? Int == 102400 && all["dryRun"] as? Bool == false)
    let directory = try #require((all["directories"] as? [[String: Any]])?.first)
    #expect(directory["path"] as? String == "/var/tmp/gone" && directory["result"] as? String == "deleted", "\(json)")
  }

  @Test func `wrong usage ends with 2, and users are told how to give back their own`() throws {
    let machine = try machine()
    for arguments in [
      "", "--yes", "--older-than 0", "--older-than -1", "--older-than 1.5", "--older-than soon", "--orphaned --json", "--orphaned --frob",
      "--older-than",
    ] {
      let output = try machine.rootlessStorage("prune \(arguments)")
      #expect(output.status == 2 && output.text.contains("rootless-storage prune"), "\(arguments): \(output)")
    }
    let user = try machine.rootlessStorage("prune --orphaned --yes", asUid: 4001)
    #expect(user.status == 2 && user.text.contains("podman system reset") && user.lines.count == 1, "\(user)")
  }

  // MARK: Attack

  @Test func `somebody who holds directories open and exchanges everything in them reaches nothing outside`() throws {
    let machine = try machine()
    // Another user's processes, which are none of the owner's: the storage was open to everybody.
    try machine.write(
      """
      import os, random, sys, time
      os.setgroups([]); os.setresgid(4666, 4666, 4666); os.setresuid(4666, 4666, 4666)
      top = "/var/tmp/gone/docker/"
      held = [os.open(top + name, os.O_RDONLY) for name in ("", "a", "a/b", "a/b/c", "d")]
      print("ready", flush=True)
      while not os.path.exists("/etc/go"): time.sleep(0.01)
      random.seed(int(sys.argv[1])); names = ["a", "b", "c", "d", "x", "y", "z"]
      def one(step):
          where, to, name, new = random.choice(held), random.choice(held), random.choice(names), random.choice(names)
          if step == 0: os.symlink(random.choice(["/etc", "/home/precious", "/var/tmp/alice/containers", "..", "../.."]), name, dir_fd=where)
          elif step == 1: os.mkdir(name, 0o777, dir_fd=where)
          elif step == 2: os.rename(name, new, src_dir_fd=where, dst_dir_fd=to)
          elif step == 3: os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o666, dir_fd=where))
          elif step == 4: os.unlink(name, dir_fd=where)
          else: os.link("/var/tmp/mallory", name, dst_dir_fd=where)
      while True:
          try: one(random.randrange(6))
          except OSError: pass
      """, to: "/etc/attack.py")
    try machine.sure(
      "mkdir /home/precious /home/precious/a /home/precious/d; touch /home/precious/x /home/precious/a/b /var/tmp/mallory; chmod 777 /home/precious; chown 4666 /var/tmp/mallory; chmod 711 /home"
    )
    try machine.sure("chmod 755 /home/precious")
    let kept = "/etc/rootless-storage /etc/passwd /home /var/tmp/alice /var/tmp/bob /var/tmp/carol"
    let before = try machine.snapshot(kept)
    for round in 1...6 {
      try machine.storage("gone", uid: 4711)
      let output = try machine.sh(
        """
        umask 0; cd /var/tmp; chmod 777 gone gone/docker; cd gone/docker; mkdir -p a/b/c d e; for i in $(seq 300); do mkdir -p e/$i/$i; touch e/$i/$i/x; done
        for i in 1 2; do python3 /etc/attack.py \(round)$i > /etc/ready$i & done
        while [ ! -s /etc/ready1 ] || [ ! -s /etc/ready2 ]; do sleep 0.02; done; rm /etc/ready?; touch /etc/go
        timeout -s KILL 60 env -i \(Machine.commandLine) prune --orphaned --yes; status=$?
        kill -9 %1 %2; wait; rm /etc/go; echo "status $status"
        """)
      #expect(!output.text.contains("status 137"), "\(output)")
      #expect(try machine.snapshot(kept) == before, "\(output)")
      // With the attacker gone, what is left goes too.
      #expect(try machine.rootlessStorage("prune --orphaned --yes").status == 0, "\(output)")
      #expect(try machine.inParent() == ["alice", "bob", "carol", "mallory"], "\(output)")
    }
  }

  @Test func `an owner who exchanges the storage directory itself gains nothing`() throws {
    let machine = try machine()
    try machine.sure("install -d -o 4666 -m 700 /var/tmp/other /var/tmp/other/docker; echo x > /var/tmp/other/docker/precious")
    try machine.write(
      """
      import os
      os.setgroups([]); os.setresgid(4666, 4666, 4666); os.setresuid(4666, 4666, 4666)
      print("ready", flush=True)
      while True:
          for step in (lambda: os.rename("/var/tmp/open/docker", "/var/tmp/open/x"), lambda: os.symlink("/var/tmp/other/docker", "/var/tmp/open/docker"),
                       lambda: os.symlink("/etc", "/var/tmp/open/containers"), lambda: os.unlink("/var/tmp/open/docker"), lambda: os.unlink("/var/tmp/open/containers"),
                       lambda: os.rename("/var/tmp/open/x", "/var/tmp/open/docker")):
              try: step()
              except OSError: pass
      """, to: "/etc/exchange.py")
    try machine.user("mallory", uid: 4666, home: "/")
    for _ in 1...8 {
      try machine.sure(
        "mkdir -p -m 777 /var/tmp/open; chown 4711 /var/tmp/open; chmod 777 /var/tmp/open; install -d -o 4711 /var/tmp/open/docker; touch /var/tmp/open/docker/x"
      )
      let output = try machine.sh(
        """
        python3 /etc/exchange.py > /etc/ready & while [ ! -s /etc/ready ]; do sleep 0.02; done; rm /etc/ready
        for i in 1 2 3 4 5; do timeout -s KILL 60 env -i \(Machine.commandLine) prune --orphaned --yes; done; kill -9 %1; wait; rm -rf /var/tmp/open
        """)
      #expect(try machine.sure("cat /var/tmp/other/docker/precious; grep -c root: /etc/passwd").text == "x\n1\n", "\(output)")
      #expect(try machine.sure("cat /var/tmp/alice/containers/storage/layer | wc -c").text == "102400\n")
    }
  }
}
