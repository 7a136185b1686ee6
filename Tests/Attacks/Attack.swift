import Foundation
import TestSupport

/// The people and things of Tests/Programs/attacker: alice, who logs in and may be the attacker; mallory, who has an account like
/// everybody; bob and carol, whom it does not concern.
enum Attack {
  static let attacker = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_ATTACKER"]
  static var isPossible: Bool { Machine.isPossible && attacker != nil }
  static let need = "needs root and the staged tree: run it as Tests/run attacks"
  /// `Tests/run --full`.
  static let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil

  /// Logins of each attack by steps, of which there are some eighty.
  static let rounds = isFull ? 1210 : 120

  /// Who attacks.
  enum By: Int, Sendable {
    case alice = 4001
    case mallory = 4009
  }

  /// What nobody may touch: `attacker step --protect`.
  static let isProtected = [
    "/etc", "/root", "/home/bob", "/home/mallory/things", "/home/alice/precious", "/var/tmp/bob", "/var/tmp/alice.other",
  ]
}

extension Machine {
  /// A machine with everybody in it, and what a login of alice's makes kept in /etc/expected.
  static func attacked(
    homes: String = "ramfs", storage: String = "tmpfs", ownProcesses: Bool = false, settings: String = "network_filesystems = ramfs"
  ) throws -> Machine {
    let machine = try Machine(homes: homes, storage: storage, ownProcesses: ownProcesses, settings: settings)
    for (name, uid) in [("alice", 4001), ("bob", 4002), ("carol", 4003), ("mallory", 4009)] { try machine.user(name, uid: uid) }
    try machine.sure(
      """
      mount -t tmpfs -o mode=700 root /root; echo secret > /root/secret; chmod 600 /root/secret
      cp '\(Attack.attacker ?? "")' /usr/libexec/attacker; cp '\(Machine.host ?? "")' /usr/libexec/pam-host
      for who in bob carol; do
        id=$(id -u $who); install -d -m 700 -o $id -g $id /var/tmp/$who
        echo $who > /home/$who/secret; cp /home/$who/secret /var/tmp/$who/; chmod 600 /home/$who/secret /var/tmp/$who/secret; chown $id /home/$who/secret /var/tmp/$who/secret
      done
      chmod 755 /home/mallory; install -d -o 4009 /home/mallory/things; touch /var/tmp/mallory.own; chown 4009 /var/tmp/mallory.own
      """)
    try machine.login("alice", "timeout=60")
    try machine.write("session required \(try Machine.modulePath()) strict timeout=60\n", to: "/etc/pam.d/carols")
    try machine.sure(
      """
      mkdir /etc/expected; cp /home/alice/.config/*/* /etc/expected/; test "$(ls /etc/expected | wc -l)" -eq 2
      rm -rf /home/alice/.config /var/tmp/alice
      echo precious > /home/alice/precious; chmod 600 /home/alice/precious; install -d -m 777 -o 4001 /var/tmp/alice.other; chown 4001 /home/alice/precious
      """)
    return machine
  }

  /// Runs `attacker step` through real logins (Tests/Programs/attacker/step.c).
  func step(
    _ by: Attack.By, place: String = "/var/tmp/alice", thing: String = "dir", second: String? = nil, scenario: String = "fresh",
    rounds: Int, order: String = "come", undisturbed: String = "end done", options: String = "strict debug timeout=60", host: String = "",
    protecting protected: [String] = Attack.isProtected
  ) throws -> Steps {
    try write("session required \(try Machine.modulePath()) \(options)\n", to: "/etc/pam.d/tested")
    let change = second.map { "--second '\($0)'" } ?? ""
    let paths = protected.map { "--protect \($0)" }.joined(separator: " ")
    return try Steps(
      sh(
        """
        rm -f /dev/log; cd /
        /usr/libexec/attacker step --uid \(by.rawValue) --place '\(place)' --thing '\(thing)' \(change) --scenario \(scenario) --rounds \(rounds) \
          --order \(order) --undisturbed '\(undisturbed)' \(paths) -- /usr/libexec/pam-host --log \(host) /etc/pam.d tested alice
        """))
  }

  /// Starts something that goes on while others log in; `end` says what it printed.
  func begin(_ name: String, _ command: String) throws {
    // Nobody's child, and no holder of the pipe that a login's output goes through.
    try sure("(\(command) > /dev/shm/\(name) 2>&1 & echo $! > /dev/shm/\(name).pid) > /dev/null 2>&1")
  }

  /// Ends it with SIGTERM, or waits for its own end.
  func end(_ name: String, waiting: Bool = false) throws -> Figures {
    try sure(
      """
      pid=$(cat /dev/shm/\(name).pid); \(waiting ? "true" : "kill -TERM $pid")
      # What nobody waits for stays as a zombie, and has ended all the same.
      runs() { case $(ps -o stat= -p $pid) in ''|Z*) false ;; esac; }
      for try in $(seq 2400); do runs || break; sleep 0.05; done; ! runs
      """)
    return Figures(try sure("cat /dev/shm/\(name)"))
  }

  /// Both files are in alice's home, as a login makes them that nobody attacks.
  func isWhole() throws -> Bool {
    try sh("test \"$(cat /home/alice/.config/*/*)\" = \"$(cat /etc/expected/storage.conf /etc/expected/daemon.json)\"").status == 0
  }

  /// Carol, whom it does not concern, logs in again and again.
  func carol(logins: Int) throws { try begin("carol", "/usr/libexec/pam-host --time --count \(logins) /etc/pam.d carols carol") }
}

/// What a program printed as NAME=NUMBER words, the later ones counting.
struct Figures: CustomStringConvertible {
  let output: Output
  private var figures: [Substring: Int] = [:]

  init(_ output: Output) {
    self.output = output
    for word in output.text.split(whereSeparator: \.isWhitespace) {
      let pair = word.split(separator: "=")
      if pair.count == 2, let number = Int(pair[1]) { figures[pair[0]] = number }
    }
  }

  subscript(_ name: Substring) -> Int { figures[name] ?? -1 }
  var description: String { output.description }

  /// Carol's: every login the same PAM_SUCCESS, and none near the deadline of 60 s.
  var isUndisturbed: Bool {
    output.status == 0 && self["open"] == 0 && self["differing"] == 0 && self["longest_us"] < 30_000_000 && self["longest_us"] > 0
  }
}

/// What `attacker step` printed.
struct Steps: CustomStringConvertible {
  private let figures: Figures

  init(_ output: Output) throws {
    guard output.lines.last?.hasPrefix("rounds=") == true else { throw CommandFailure(description: "no attack took place: \(output)") }
    figures = Figures(output)
    // Tests/run adds them up.
    print("  attack: \(output.lines.last ?? "")")
  }

  subscript(_ name: Substring) -> Int { figures[name] }
  var description: String { figures.description }

  /// What holds after every attack: see step.c.
  func isHarmless(_ rounds: Int) -> Bool {
    figures.output.status == 0 && self["violations"] == 0 && self["rounds"] == rounds && self["host"] <= 1
      && self["log_3"] == self["errors"]
  }
}
