import Foundation
import TestSupport
import Testing

/// `prune --until-free`: what goes first, what never goes, and that no more goes than is needed.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct PruneSpaceTests {
  /// A disk of 64 MiB. Five users have 8 MiB each: two are gone, one is idle, one has a volume, one was here yesterday.
  private func machine() throws -> Machine {
    let machine = try Machine(ownProcesses: true, settings: PruneTests.atOnce)
    try machine.clock()
    try machine.sure("umount /var/tmp; mount -t tmpfs -o size=64m,mode=1777 none /var/tmp")
    for (number, name) in ["idle", "keeper", "recent"].enumerated() { try machine.user(name, uid: 4001 + number) }
    for (number, name) in ["idle", "keeper", "recent", "first", "second"].enumerated() {
      try machine.storage(name, uid: 4001 + number, kilobytes: 8192)
    }
    try machine.sure(
      """
      install -d -o 4002 -g 4002 /var/tmp/keeper/containers/storage/volumes /var/tmp/keeper/containers/storage/volumes/db /var/tmp/keeper/containers/storage/volumes/db/_data
      touch /var/tmp/keeper/containers/storage/volumes/db/_data/table
      touch -d @$(($(date +%s) + 95 * 86400)) /var/tmp/recent/containers/storage/layer
      touch -d @$(($(date +%s) + 10 * 86400)) /var/tmp/second/containers/storage/layer
      """)
    return machine
  }

  private func plan(_ machine: Machine, _ arguments: String) throws -> (paths: [String], all: [String: Any], status: Int) {
    let output = try machine.rootlessStorage("prune \(arguments) --dry-run --json", environment: Machine.inDays(100))
    let all = try #require(try JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? [String: Any], "\(output)")
    let paths = try #require(all["directories"] as? [[String: Any]]).compactMap {
      ($0["path"] as? String)?.split(separator: "/").last.map(String.init)
    }
    return (paths, all, Int(output.status))
  }

  @Test func `whose users are gone goes first, then whose are idle, and no more than is needed`() throws {
    let machine = try machine()
    for (goal, wanted) in [
      ("20M", []), ("30%", []), ("30M", ["first"]), ("39M", ["first", "second"]), ("45M", ["first", "second", "idle"]),
    ] {
      let (paths, all, status) = try plan(machine, "--until-free \(goal)")
      #expect(paths == wanted && status == 0 && all["lacking"] as? Int == 0, "\(goal): \(all)")
    }
    // Idle for 90 days, unless something else is said.
    #expect(try plan(machine, "--until-free 45M --older-than 101").paths == ["first", "second"])
  }

  @Test func `volumes stay, and who was here lately, and what is lacking is told with who uses most`() throws {
    let machine = try machine()
    let (paths, all, status) = try plan(machine, "--until-free 95%")
    #expect(paths == ["first", "second", "idle"] && status == 1, "\(all)")
    #expect(all["withData"] as? Int == 1 && all["lacking"] as? Int ?? 0 > 0, "\(all)")
    #expect(try plan(machine, "--until-free 95% --volumes").paths == ["first", "second", "idle", "keeper"])
    // A container that is stopped is as good as a volume, and an empty volume is nothing.
    try machine.sure(
      "install -d -o 4001 -g 4001 /var/tmp/idle/docker/containers /var/tmp/idle/docker/containers/0123; rm /var/tmp/keeper/containers/storage/volumes/db/_data/table"
    )
    #expect(try plan(machine, "--until-free 95%").paths == ["first", "second", "keeper"])
    let text = try machine.rootlessStorage("prune --until-free 95% --dry-run", environment: Machine.inDays(100))
    #expect(
      text.status == 1 && text.text.contains("That is not enough: ") && text.text.contains("Most is used by ")
        && text.text.contains("1 more stays, since it holds volumes or"), "\(text)")
    #expect(text.lines.allSatisfy { $0.count <= 80 }, "\(text)")
  }

  @Test func `what engines have left beside the storage goes next, if nobody is at work on it`() throws {
    let machine = try machine()
    try machine.sure(
      """
      cd /var/tmp; install -d -o 4003 container_images_storage1234567890 buildah2350563489 outside; head -c 4194304 /dev/urandom > container_images_storage1234567890/1
      ln -s /var/tmp/outside buildah2350563489/link; touch outside/precious; head -c 1048576 /dev/urandom > docker-tar147897057; head -c 102400 /dev/urandom > buildah2350563489/layer
      chown -R 4003 container_images_storage1234567890 buildah2350563489 docker-tar147897057
      """)
    let others = ["buildah2350563489", "container_images_storage1234567890", "docker-tar147897057"]
    #expect(try Set(plan(machine, "--until-free 40920K").paths) == Set(["first", "second"] + others))
    #expect(try Set(plan(machine, "--until-free 95%").paths) == Set(["first", "second", "idle"] + others))
    // A pull that is going on: the owner has a process; or nobody knows better for a day.
    let busy = try machine.sh(
      "setpriv --reuid 4003 --regid 4003 --clear-groups sleep 60 & \(Machine.asleep); env -i \(Machine.inDays(100)) \(Machine.commandLine) prune --until-free 40920K --dry-run; kill -9 $!"
    )
    #expect(!busy.text.contains("buildah") && busy.text.contains("in use"), "\(busy)")
    let young = try machine.rootlessStorage("prune --until-free 95% --dry-run --json")
    #expect(!young.text.contains("buildah"), "\(young)")
    let before = try machine.snapshot("/var/tmp/idle /var/tmp/recent /var/tmp/outside")
    let output = try machine.rootlessStorage("prune --until-free 40920K --yes", environment: Machine.inDays(100))
    #expect(output.status == 0 && output.text.contains("3 of these were left beside them by an engine: all of it goes."), "\(output)")
    #expect(try machine.inParent() == ["idle", "keeper", "outside", "recent"])
    #expect(try machine.snapshot("/var/tmp/idle /var/tmp/recent /var/tmp/outside") == before)
  }

  @Test func `it deletes until so much is free, and with that nothing more`() throws {
    let machine = try machine()
    let output = try machine.rootlessStorage("prune --until-free 39M --yes", environment: Machine.inDays(100))
    #expect(output.status == 0, "\(output)")
    #expect(try machine.inParent() == ["idle", "keeper", "recent"])
    let free = try #require(Int(try machine.sure("stat -f -c %a /var/tmp").text.split(separator: "\n").first ?? ""))
    #expect(free * 4096 >= 39 << 20)
    let again = try machine.rootlessStorage("prune --until-free 39M --yes", environment: Machine.inDays(100))
    #expect(again.status == 0 && again.text.contains("There is nothing to delete"), "\(again)")
    let most = try machine.rootlessStorage("prune --until-free 95% --yes", environment: Machine.inDays(100))
    #expect(most.status == 1 && most.text.contains("That is not enough"), "\(most)")
    #expect(
      try machine.sure("ls /var/tmp/keeper/containers/storage/volumes/db/_data /var/tmp/recent/containers/storage").text.contains("table"))
  }

  @Test(arguments: [
    ("--until-free 0%", "1% to 99%"), ("--until-free 100%", "1% to 99%"), ("--until-free 5", "1% to 99%"),
    ("--until-free 1.5G", "1% to 99%"), ("--until-free 99999999999999T", "1% to 99%"),
    ("--until-free 20% --orphaned", "chooses by itself"), ("--until-free 20% idle", "chooses by itself"),
    ("--orphaned --volumes", "--volumes goes with --until-free"),
  ])
  func `what cannot be meant is refused`(_ arguments: String, _ words: String) throws {
    let machine = try Machine(ownProcesses: true, settings: PruneTests.atOnce)
    let output = try machine.rootlessStorage("prune --yes \(arguments)")
    #expect(output.status == 2 && output.text.contains(words), "\(output)")
  }
}
