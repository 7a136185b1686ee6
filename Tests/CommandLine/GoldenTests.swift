import Foundation
import TestSupport
import Testing

/// What people and programs read, to the letter. After a change that is meant: `sudo Tests/run --update-golden`, and look at the
/// difference.
@Suite(.serialized, .enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct GoldenTests {
  private static let folder = URL(filePath: "\(projectDirectory)/Tests/CommandLine/golden")

  /// - Parameter isHostOurs: what is said of this host is about nothing but the files that the test has made.
  private func compare(_ name: String, _ output: Output, isHostOurs: Bool = false) throws {
    let text = "exit \(output.status)\n" + (isHostOurs ? output.text : GoldenTests.withoutThisMachine(output.text))
    let file = GoldenTests.folder.appendingPathComponent(name + ".txt")
    if ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_UPDATE_GOLDEN"] != nil {
      try Data(text.utf8).write(to: file)
      return
    }
    let wanted = try String(decoding: Data(contentsOf: file), as: UTF8.self)
    #expect(text == wanted, "\(name) differs; if that is meant: sudo Tests/run --update-golden")
  }

  /// Times, process numbers, and what is about the machine that the tests run on.
  static func withoutThisMachine(_ text: String) -> String {
    var text = text.replacing(#/[0-9]{8}T[0-9]{6}Z/#, with: "DATE").replacing(#/DATE\.[0-9]+/#, with: "DATE.PID")
      .replacing(#/DATE-[0-9a-f]{16}/#, with: "DATE-RANDOM")
      .replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/#, with: "TIME").replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}/#, with: "YYYY-MM-DD")
    if let start = text.range(of: "  \"host\" : {"), let end = text[start.lowerBound...].range(of: "\n  },") {
      text.replaceSubrange(start.lowerBound..<end.upperBound, with: "  \"host\" : …,")
    }
    // The section on this host, up to the next empty line.
    var lines: [Substring] = []
    var isHost = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == "this host" || line.hasPrefix("This host: ") { isHost = true }
      if !isHost { lines.append(line) } else if line.isEmpty { isHost = false }
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.joined(separator: "\n") + "\n"
  }

  /// alice with many findings, mallory with none, dave with a local home.
  private func troubled() throws -> Machine {
    let machine = try Machine.good()
    try machine.login("mallory")
    try machine.sure(
      """
      rm -r /var/tmp/alice; install -d -o 4002 /var/tmp/alice
      printf '# mine\\n[storage]\\ngraphroot = "/home/alice/images"\\n' > /home/alice/.config/containers/storage.conf
      echo '{ "data-root": ' > /home/alice/.config/docker/daemon.json
      mkdir -p /home/alice/.local/share/containers/storage; head -c 3000000 /dev/zero > /home/alice/.local/share/containers/storage/layer
      chown -R 4001:4001 /home/alice; mkdir -p /var/tmp/local
      echo 'dave:x:4003:4003::/var/tmp/local/dave:/bin/sh' >> /etc/passwd; echo 'dave:x:4003:' >> /etc/group
      install -d -o 4003 -g 4003 -m 700 /var/tmp/local/dave
      echo 'dave:300000:65536' | tee -a /etc/subuid >> /etc/subgid
      """)
    return machine
  }

  @Test func `check, repair and their plans`() throws {
    let machine = try troubled()
    try compare("check-findings", machine.rootlessStorage("check alice"))
    try compare("check-three", machine.rootlessStorage("check alice mallory dave nobody-here"))
    try compare("check-json", machine.rootlessStorage("check --json alice dave nobody-here"))
    try compare("repair-dry-run", machine.rootlessStorage("repair --dry-run alice mallory"))
    try compare("repair-dry-run-json", machine.rootlessStorage("repair --dry-run --json alice"))
    try compare("repair", machine.rootlessStorage("repair alice mallory"))
    try compare("repair-again", machine.rootlessStorage("repair alice"))
    try compare("check-by-alice", machine.rootlessStorage("check", asUid: 4001, environment: "XDG_CONFIG_HOME=/tmp/x"))
  }

  @Test func `list and prune`() throws {
    let machine = try Machine(ownProcesses: true, settings: "network_filesystems = ramfs")
    try machine.user("alice", uid: 4001)
    try machine.user("bob", uid: 4002)
    try machine.storage("alice", uid: 4001, kilobytes: 5000)
    try machine.storage("gone", uid: 4711)
    try machine.sure(
      "mount -o remount,size=100m /var/tmp; install -d -o 4001 -g 4001 /var/tmp/bob; echo notes > /var/tmp/gone/notes; chown 4711 /var/tmp/gone/notes"
    )
    try machine.sure("install -d -o 4002 -g 4002 -m 700 /var/tmp/.alice.replaced-20261128T201500Z-5f3c2a1b")
    try compare("list-first", machine.rootlessStorage("list"))
    try compare("prune-first", machine.rootlessStorage("prune --orphaned --yes"))
    try compare("list-waiting", machine.rootlessStorage("list"))
    try machine.daysPass(4)
    _ = try machine.rootlessStorage("prune --orphaned --yes")
    try machine.daysPass(4)
    try compare("list", machine.rootlessStorage("list"))
    try compare("list-json", machine.rootlessStorage("list --json"))
    try compare("prune-dry-run", machine.rootlessStorage("prune --orphaned --dry-run"))
    try compare("prune-dry-run-json", machine.rootlessStorage("prune --orphaned --dry-run --json"))
    try compare("prune-without-terminal", machine.rootlessStorage("prune --orphaned < /dev/null"))
    try compare("prune-old", machine.rootlessStorage("prune --older-than 30 --yes"))
    try compare("prune", machine.rootlessStorage("prune --orphaned --yes"))
    try compare("prune-again", machine.rootlessStorage("prune --orphaned --yes"))
  }

  @Test func `subordinate ids`() throws {
    let machine = try Machine(ownProcesses: true, settings: SubidsTests.allocating + "\norphan_days = 0")
    for (number, name) in ["alice", "bob", "carol"].enumerated() { try machine.user(name, uid: 4001 + number) }
    try machine.sure(
      """
      printf 'alice:100000:65536\\nbob:165535:65536\\nleft:400000:65536\\nalice:1:2:3\\nbob:0x500000:65536\\n' > /etc/subuid
      printf 'alice:100000:65536\\nbob:196904608:1\\n4003:700000:1000\\n' > /etc/subgid
      """)
    try compare("subids-check", machine.rootlessStorage("subids check alice bob carol"), isHostOurs: true)
    try compare("subids-list", machine.rootlessStorage("subids list"))
    try compare("subids-list-json", machine.rootlessStorage("subids list --json"))
    try compare("subids-allocate-dry-run", machine.rootlessStorage("subids allocate --dry-run alice bob carol"))
    try compare("subids-allocate", machine.rootlessStorage("subids allocate alice bob carol nobody-here"))
    try compare("subids-allocate-json", machine.rootlessStorage("subids allocate --json alice bob carol"))
    try compare("subids-release-dry-run", machine.rootlessStorage("subids release --dry-run left alice"))
    try compare("subids-release-without-terminal", machine.rootlessStorage("subids release left < /dev/null"))
    try compare("subids-release", machine.rootlessStorage("subids release --gone --yes"))
  }

  @Test(arguments: [
    "", "check", "repair", "verify", "login", "list", "prune", "subids", "subids check", "subids list", "subids allocate", "subids release",
    "config", "config check", "config show", "status", "pam", "pam status", "pam enable", "pam disable",
  ])
  func `help`(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    try compare((["help"] + words).joined(separator: "-"), run(Machine.commandLine, words + ["--help"]))
  }
}
