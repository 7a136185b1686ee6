import Foundation
import TestSupport
import Testing

/// Signals, tracing, limits, locks and full process tables, by the user and by somebody else.
@Suite(.enabled(if: Attack.isPossible, Comment(rawValue: Attack.need)))
struct ProcessAttackTests {
  private let logins = Attack.isFull ? 3000 : 300

  @Test(arguments: ["", "--caller 4001"]) func `the user can neither signal, limit, read nor trace a helper that has root's rights left`(
    host: String
  ) throws {
    // In a host like su, whose real uid is the caller's, from the helper's first setresuid on.
    let machine = try Machine.attacked()
    let steps = try machine.step(.alice, rounds: 3, order: "tamper", host: host)
    #expect(steps.isHarmless(3), "\(steps)")
    // Once it is all the user's, it can be signalled: the attempts do work.
    #expect(steps["moves"] > 300 && steps["seen"] > 10 && steps["seen"] < steps["moves"] / 2, "\(steps)")
  }

  @Test func `a signal to it is refused until it is all the user's, and after that the login goes on and says so`() throws {
    let machine = try Machine.attacked()
    for (order, rounds) in [("kill", Attack.rounds), ("stop", Attack.isFull ? 60 : 8)] {
      let begin = Date()
      let steps = try machine.step(.alice, rounds: rounds, order: order, options: order == "stop" ? "debug timeout=1" : "debug timeout=600")
      #expect(steps["violations"] == 0 && steps["rounds"] == rounds && steps["host"] == 0, "\(order): \(steps)")
      // Both: refused, and met; each that was met is one error line of the module's.
      #expect(steps["moves"] > 0 && steps["moves"] < rounds * 3 / 4 && steps["log_3"] == steps["moves"], "\(order): \(steps)")
      // timeout=1, and at most a second for the reaping.
      #expect(order == "kill" || Date().timeIntervalSince(begin) < Double(steps["moves"] * 2 + 60), "\(order): \(steps)")
      // What was left behind is fixed.
      #expect(try machine.login("alice", "strict timeout=60").code == 0)
      #expect(try machine.isWhole() && machine.sure("find /home/alice -name '.rootless-storage.*'").text == "", "\(order)")
    }
  }

  @Test(arguments: [("signals", Attack.By.mallory), ("tamper", .mallory), ("tamper", .alice)])
  func `nothing can be done to a helper while logins go on`(what: String, by: Attack.By) throws {
    let machine = try Machine.attacked(ownProcesses: true)
    try machine.begin("attack", "/usr/libexec/attacker press --uid \(by.rawValue) \(what)")
    try machine.carol(logins: logins)
    let login = try machine.login("alice", "strict timeout=60", host: "--count \(logins)")
    let attack = try machine.end("attack")
    let carol = try machine.end("carol", waiting: true)
    #expect(attack["tried"] > logins && attack["met"] > 0 && attack["succeeded"] == 0, "\(attack)")
    #expect(login.output.status == 0 && login.code == 0 && login.informations.filter { $0.hasPrefix("alice: ") }.count == 3, "\(login)")
    #expect(login.errors == [] && carol.isUndisturbed, "\(carol)")
  }

  @Test func `a user who kills and stops his own helpers delays nobody else`() throws {
    let machine = try Machine.attacked(ownProcesses: true)
    try machine.begin("attack", "/usr/libexec/attacker press --uid 4001 signals")
    try machine.carol(logins: logins)
    let count = Attack.isFull ? 100 : 20
    let login = try machine.login("alice", "debug timeout=1", host: "--count \(count)")
    let attack = try machine.end("attack")
    let carol = try machine.end("carol", waiting: true)
    #expect(login.code == 0 && login.output.status == 0 && carol.isUndisturbed, "\(carol)")
    // The host, which is root's, is never met.
    #expect(attack["met"] > 0, "\(attack)")
    let own = login.log.filter { $0.text.hasPrefix("alice: ") }
    #expect(own.count >= count, "each login says something: \(login)")
    #expect(login.errors.count == attack["succeeded"] || login.errors.count <= count, "\(login) \(attack)")
    #expect(try machine.login("alice", "strict timeout=60").code == 0)
    #expect(try machine.sh("ps -C session-helper -o stat= | grep -v ^Z").text == "")
  }

  @Test(arguments: ["processes", "locks"]) func `a user with a full process table, or locks and watches on everything in reach, logs in`(
    what: String
  ) throws {
    let machine = try Machine.attacked(ownProcesses: true)
    try machine.begin("attack", "/usr/libexec/attacker press --uid 4001 \(what)")
    try machine.carol(logins: logins)
    var created = 0
    for _ in 0..<5 {
      try machine.sure("rm -rf /home/alice/.config /var/tmp/alice")
      // A limit that is the user's counts for the helper from its drop on.
      let login = try machine.login("alice", "strict timeout=60", host: "--count \(logins / 5)", before: "ulimit -u 32;")
      created += login.informations.filter { $0.hasPrefix("alice: ") }.count
      #expect(login.code == 0 && login.output.status == 0 && login.errors == [], "\(login)")
    }
    let attack = try machine.end("attack")
    #expect(created == 15 && attack["succeeded"] > 0, "\(attack)")
    #expect(try machine.end("carol", waiting: true).isUndisturbed)
    #expect(try machine.sh("ps -o stat= -u 4001 | grep -v ^Z").text == "", "nothing is left")
  }
}
