import Foundation
import TestSupport
import Testing

/// The moves of the steps without anybody standing still, against several logins at once, while carol logs in too.
@Suite(.enabled(if: Attack.isPossible, Comment(rawValue: Attack.need)))
struct RaceTests {
  static let attacks: [(by: Attack.By, place: String, thing: String)] = [
    (.mallory, "/var/tmp/alice", "symlink:/home/bob"), (.mallory, "/var/tmp/alice", "dir:777"),
    (.alice, "/var/tmp/alice", "symlink:/var/tmp/bob"),
    (.alice, "/home/alice/.config", "symlink:/home/bob"), (.alice, "/home/alice/.config/containers", "symlink:/etc"),
    (.alice, "/home/alice/.config/docker", "fifo"),
  ]

  @Test(arguments: attacks) func `moves at any moment harm nobody`(attack: (by: Attack.By, place: String, thing: String)) throws {
    let machine = try Machine.attacked()
    let threads = 4
    let each = Attack.isFull ? 1000 : 50
    let isProtected = (Attack.isProtected.filter { $0 != "/etc" } + ["/etc/rootless-storage", "/etc/passwd", "/etc/expected"]).joined(
      separator: " ")
    let before = try machine.snapshot(isProtected)
    try machine.begin("attack", "/usr/libexec/attacker race --uid \(attack.by.rawValue) --place \(attack.place) --thing \(attack.thing)")
    try machine.carol(logins: threads * each)
    let login = try machine.login("alice", "strict debug timeout=60", host: "--threads \(threads) --count \(each)")
    let moves = try machine.end("attack")
    let carol = try machine.end("carol", waiting: true)
    #expect(before == (try machine.snapshot(isProtected)))
    #expect(carol.isUndisturbed, "\(carol)")
    let own = login.log.filter { $0.text.hasPrefix("alice: ") }
    #expect(own.count >= threads * each, "each login says something: \(own.count)")
    // Both happened: a login that met the attacker, and one that did not.
    let met = own.filter { $0.priority <= 4 }
    #expect(moves["moves"] > 10 && !met.isEmpty && own.contains { $0.priority >= 6 }, "\(moves) \(met.count) of \(own.count)")
    #expect(
      met.filter { $0.priority == 3 }.allSatisfy { $0.text.contains("/var/tmp/alice") || $0.text.contains("/home/alice") },
      "\(met.prefix(3))")
    // The code is the first login's; the status tells of one that differs.
    if attack.by == .mallory {
      let errors = Set(met.filter { $0.priority == 3 }.map(\.text))
      #expect(login.code == 0 && login.output.status == 0, "what others do in /var/tmp fails no login: \(errors)")
    }
    #expect(try machine.sure("find /home/alice /var/tmp -name '.rootless-storage.*'").text == "")
    // All is well when the attacker is gone.
    try machine.sure("rm -rf /var/tmp/alice")
    #expect(try machine.login("alice", "strict timeout=60").code == 0)
    #expect(try machine.isWhole())
    #expect(try machine.sh("ls -A /home/bob /var/tmp/bob").text == "/home/bob:\nsecret\n\n/var/tmp/bob:\nsecret\n")
  }
}
