import Foundation
import TestSupport
import Testing

/// The user as attacker in the home: everything on the way to a file, the file, and its temporary name, swapped at any moment.
@Suite(.enabled(if: Attack.isPossible, Comment(rawValue: Attack.need)))
struct HomeAttackTests {
  private var rounds: Int { Attack.rounds }

  static let places = [".config", ".config/containers", ".config/docker/daemon.json"]
  static let things = [
    "symlink:/etc", "symlink:/root", "symlink:/home/bob", "symlink:/home/alice/precious", "fifo", "symlink:/dev/zero", "sparse", "dir:0",
  ]

  @Test(arguments: places)
  func `what is swapped in the home is followed with the user's rights at most, and nothing of anybody's is touched`(place: String) throws {
    let machine = try Machine.attacked()
    for thing in HomeAttackTests.things {
      let steps = try machine.step(.alice, place: "/home/alice/\(place)", thing: thing, rounds: rounds)
      #expect(steps.isHarmless(rounds), "\(place) \(thing): \(steps)")
      #expect(steps["moves"] > rounds / 2 && steps["seen"] > 0 && steps["done"] > 1, "\(place) \(thing): \(steps)")
      #expect(steps["created"] == rounds, "the storage directory is not concerned: \(place) \(thing): \(steps)")
    }
  }

  @Test(arguments: [".config/containers", ".config/docker"]) func `a temporary name that the user has taken is neither followed nor opened`(
    place: String
  ) throws {
    let machine = try Machine.attacked()
    for target in ["/home/alice/precious", "/home/alice/nothing", "/etc/passwd", "/dev/zero", ""] {
      let steps = try machine.step(.alice, place: "/home/alice/\(place)", thing: "temporary:\(target)", rounds: rounds)
      #expect(steps.isHarmless(rounds), "\(place) \(target): \(steps)")
      #expect(steps["moves"] > rounds / 2 && steps["done"] > 1, "\(place) \(target): \(steps)")
      #expect(try machine.sh("cat /home/alice/precious; ls /home/alice/nothing").text.hasPrefix("precious\n"))
    }
  }

  @Test func `a home that is filled up at any moment gets nothing partial`() throws {
    let machine = try Machine.attacked(homes: "tmpfs", storage: "ramfs", settings: "network_filesystems = tmpfs")
    try machine.sure("mount -o remount,nr_blocks=16,nr_inodes=60 /home")
    let steps = try machine.step(.alice, place: "/home/alice", thing: "fill", rounds: rounds)
    #expect(steps.isHarmless(rounds), "\(steps)")
    #expect(steps["tolerated"] > 0 && steps["failed"] == 0 && steps["done"] > 1 && steps["created"] == rounds, "\(steps)")
  }

  @Test func `100,000 names that look like leftovers cost no more than a bounded look, and none but files of dead helpers goes`() throws {
    let machine = try Machine.attacked()
    let names = Attack.isFull ? 100_000 : 20_000
    try machine.sure(
      """
      python3 - <<'MAKE'
      import os
      os.setresgid(4001, 4001, 4001); os.setresuid(4001, 4001, 4001)
      host = os.uname().nodename
      os.makedirs("/home/alice/.config/containers", 0o700); os.chdir("/home/alice/.config/containers")
      for number in range(\(names)):
          name = f".rootless-storage.4194303.{number + 1}.1.{host}"
          if number % 3 == 0: os.symlink("/etc/passwd", name)
          elif number % 3 == 1: os.mkdir(name)
          else: open(name, "w").close()
      MAKE
      """)
    // The deadline is the promise: a listing without a bound would not keep it for ever.
    let login = try machine.login("alice", "strict debug timeout=5")
    #expect(login.code == 0 && login.informations.count == 3, "\(login.log.prefix(5))")
    #expect(login.debugs.count == 30, "lines are bounded: \(login.debugs.count)")
    #expect(try machine.sure("cd /home/alice/.config/containers; find . ! -type f ! -name . | wc -l").text == "\(names - names / 3)\n")
    #expect(try machine.sure("find /home/alice/.config/containers -type f -name '.rootless*' | wc -l").text == "\(names / 3 - 64)\n")
    #expect(try machine.login("alice", "strict timeout=5").code == 0)
  }

  @Test func `names with newlines and escape sequences reach the log harmless, one line each`() throws {
    let machine = try Machine.attacked()
    let home = "/home/ali\\033[2Jce"
    try machine.sure(
      """
      home=$(printf '\(home)'); install -d -m 700 -o 4001 -g 4001 "$home" "$home/.config" "$home/.config/containers"
      printf 'alice:x:4001:4001::%s:/bin/sh\\n' "$home" > /etc/new; grep -v ^alice: /etc/passwd >> /etc/new; cat /etc/new > /etc/passwd
      cd "$home/.config/containers"; touch "$(printf '.rootless-storage.1.1.1.x\\ny')" "$(printf 'storage.conf\\033]0;x\\007')" "$(printf '<3>forged: all is lost\\nend failed')"
      chown 4001 *; install -d -m 777 -o 4001 /var/tmp/alice; mkdir "$(printf '/var/tmp/alice/\\n<3>forged\\nend done\\n\\033[31m')"
      """)
    let refused = try machine.login("alice", "strict debug")
    #expect(refused.code == 0 && refused.errors.count == 1 && refused.warnings.count == 1 && refused.log.count == 2, "\(refused)")
    #expect(refused.errors.first?.contains("the entry is \"\\012<3>forged\\012end done\\012\\033[31m\"") == true, "\(refused)")
    try machine.sure("rm -r /var/tmp/alice")
    let login = try machine.login("alice", "strict debug")
    #expect(login.code == 0 && login.informations.count == 3 && login.log.count == 3, "\(login)")
    #expect(login.informations.last == "alice: created /home/ali\\033[2Jce/.config/docker/daemon.json", "\(login)")
    for line in refused.log + login.log { #expect(line.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }) }
  }
}
