import Foundation
import TestSupport
import Testing

/// Squatting the storage directory, and swapping it between look and act: by another user, and by its own user against root.
@Suite(.enabled(if: Attack.isPossible, Comment(rawValue: Attack.need)))
struct StorageAttackTests {
  private var rounds: Int { Attack.rounds }

  static let things = [
    "dir", "dir:777", "symlink:/etc", "symlink:/root", "symlink:/home/alice", "symlink:/home/bob", "symlink:/var/tmp/bob",
    "symlink:/var/tmp/alice.other", "symlink:nowhere", "fifo", "socket", "device", "hardlink:/var/tmp/mallory.own", "file",
  ]

  @Test func `another user who squats it at any moment is moved aside or comes too late, and changes nothing`() throws {
    let machine = try Machine.attacked()
    for thing in StorageAttackTests.things {
      let steps = try machine.step(.mallory, thing: thing, second: thing == "dir" ? "symlink:/home/alice" : nil, rounds: rounds)
      #expect(steps.isHarmless(rounds), "\(thing): \(steps)")
      // Both were seen: the squatter who was first, and the one who was not. Not even with `strict` does a login fail, and at its end the
      // directory is the user's own.
      #expect(steps["moves"] > 0 && steps["errors"] > 0 && steps["created"] + steps["tolerated"] == rounds, "\(thing): \(steps)")
      #expect(steps["done"] + steps["tolerated"] == rounds && steps["host"] == 0, "\(thing): \(steps)")
      #expect(steps["log_4"] == steps["tolerated"], "the warning: \(thing): \(steps)")
    }
  }

  /// What comes out at an exchange is still the squatter's, who waits for it: that must not undo anything.
  @Test(arguments: ["tmpfs", "ext4"], [true, false])
  func `a squatter who makes, renames and exchanges without a pause never keeps the place`(type: String, exchanges: Bool) throws {
    let machine = try Machine.attacked()
    if type == "ext4" {
      try machine.sure(
        "truncate -s 64M /dev/shm/disk; mkfs.ext4 -q /dev/shm/disk; mount -o loop /dev/shm/disk /var/tmp; rmdir /var/tmp/lost+found; chmod 1777 /var/tmp"
      )
    }
    let rounds = Attack.isFull ? 10_000 : 1000
    let helper = "/usr/libexec/rootless-storage/session-helper --uid 4001 --gid 4001 --groups 4001 --home /home/alice alice"
    let figures = Figures(
      try machine.sh(
        "cd /; /usr/libexec/attacker squat --uid 4009 --place /var/tmp/alice --rounds \(rounds) \(exchanges ? "" : "--exchange refused") -- \(helper)"
      ))
    print("  \(type)\(exchanges ? "" : ", where SELinux refuses the exchange"): \(figures.output.lines.last ?? "")")
    #expect(figures["lost"] == 0 && figures["rounds"] == rounds, "\(figures)")
    // Refused is what says so; nearly always the place is taken. Where it is empty in between, a squatter is quicker more often.
    #expect(figures["taken"] > rounds * (exchanges ? 9 : 5) / 10 && figures["moves"] > rounds && figures["stolen"] > 0, "\(figures)")
    if type == "ext4" { try machine.sure("umount /var/tmp") }
  }

  static let swaps = [
    "symlink:/etc", "symlink:/root", "symlink:/home/bob", "symlink:/var/tmp/bob", "symlink:/var/tmp/alice.other",
    "exchange:/var/tmp/alice.other",
    "dir:777", "fifo", "file",
  ]

  @Test(arguments: ["fresh", "steady", "open"]) func `its own user who swaps it at any moment gains nothing`(scenario: String) throws {
    let machine = try Machine.attacked()
    for thing in StorageAttackTests.swaps {
      // There must be something to exchange; and what is exchanged is the user's own.
      if thing.hasPrefix("exchange:") && scenario == "fresh" { continue }
      let isProtected = thing.hasPrefix("exchange:") ? Attack.isProtected.filter { $0 != "/var/tmp/alice.other" } : Attack.isProtected
      let steps = try machine.step(.alice, thing: thing, scenario: scenario, rounds: rounds, protecting: isProtected)
      #expect(steps.isHarmless(rounds), "\(scenario) \(thing): \(steps)")
      #expect(steps["moves"] > rounds * 9 / 10 && steps["done"] > 1, "\(scenario) \(thing): \(steps)")
      // Two open directories of the user's look alike.
      let looksAlike = scenario == "open" && (thing == "dir:777" || thing.hasPrefix("exchange:"))
      #expect(looksAlike || steps["seen"] > 0, "\(scenario) \(thing): \(steps)")
      #expect(steps["host"] == 0, "what happens in a parent that others can write to fails no login: \(scenario) \(thing): \(steps)")
    }
  }

  @Test func `a parent without the sticky bit is refused whatever happens in it, and nothing is made`() throws {
    let machine = try Machine.attacked()
    try machine.sure("chmod 777 /var/tmp")
    for (by, thing) in [(Attack.By.mallory, "symlink:/home/bob"), (.mallory, "dir"), (.alice, "symlink:/var/tmp/bob")] {
      let steps = try machine.step(by, thing: thing, rounds: rounds, undisturbed: "is writable by others (mode 0777)")
      #expect(steps.isHarmless(rounds) && steps["moves"] > rounds / 2, "\(thing): \(steps)")
      // PAM_SUCCESS even with `strict`, an error line and a warning for each.
      #expect(
        steps["tolerated"] == rounds && steps["host"] == 0 && steps["log_3"] == rounds && steps["log_4"] == rounds, "\(thing): \(steps)")
      #expect(steps["log_6"] == 0 && (thing == "dir" || steps["created"] == 0), "\(thing): \(steps)")
    }
    #expect(try machine.sure("find /home/alice -mindepth 1 ! -name precious").text == "")
  }

  @Test func `a parent of root's leaves no room for either of them`() throws {
    let machine = try Machine.attacked()
    try machine.sure("chmod 755 /var/tmp")
    for (by, thing) in [
      (Attack.By.mallory, "dir"), (.mallory, "symlink:/etc"), (.alice, "symlink:/home/bob"), (.alice, "exchange:/var/tmp/alice.other"),
    ] {
      let steps = try machine.step(by, thing: thing, rounds: rounds)
      #expect(steps.isHarmless(rounds), "\(thing): \(steps)")
      #expect(steps["moves"] == 0 && steps["created"] == rounds && steps["host"] == 0, "\(thing): \(steps)")
    }
  }

  @Test func `a parent that is filled up at any moment costs an error that says so`() throws {
    let machine = try Machine.attacked()
    try machine.sure("mount -o remount,size=64k,nr_inodes=24 /var/tmp")
    let steps = try machine.step(.mallory, place: "/var/tmp", thing: "fill", rounds: rounds)
    #expect(steps.isHarmless(rounds), "\(steps)")
    #expect(
      steps["tolerated"] > 0 && steps["created"] > 0 && steps["done"] + steps["tolerated"] == rounds && steps["host"] == 0, "\(steps)")
  }
}
