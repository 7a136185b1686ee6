import Foundation
import TestSupport
import Testing

/// People log in while the administrator installs, upgrades and removes: by sshd, by su, and by a PAM host that is quicker than both.
@Suite(.serialized, .enabled(if: Packages.isPossible && Packages.next != nil && Machine.host != nil, Comment(rawValue: Packages.need)))
struct LoginsMeanwhileTests {
  /// At full length on each release: it takes its time.
  private static let releases = Packages.releases.prefix(
    ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] == nil ? 1 : Packages.releases.count)

  @Test(arguments: releases) func `no login fails while the package comes, is upgraded, goes and comes back`(release: String) throws {
    let lab = try Lab(release: release, processors: 2)
    try lab.makeSite()
    for file in [Packages.file, Packages.next] { try lab.put(file ?? "/nonexistent", into: "/root") }
    let (this, next) = (LoginsMeanwhileTests.name(Packages.file), LoginsMeanwhileTests.name(Packages.next))
    try begin(on: lab)
    // dpkg keeps what changed settings were, so that nobody is asked.
    let actions = [
      "install ./\(this)", "install ./\(next)", "remove \(Packages.name)", "install ./\(this)", "purge \(Packages.name)",
      "install ./\(next)",
    ]
    let phases = try actions.map { action in
      let times = try lab.root(
        "cd /root; start=$(date +%s%N); DEBIAN_FRONTEND=noninteractive apt-get --yes \(action) >/run/said 2>&1 || { cat /run/said; exit 1; }; echo $start $(date +%s%N)"
      )
      try settle(lab)
      return Login("phase \(times.lines[0]) 0")
    }
    let logins = try end(on: lab)

    for way in LoginsMeanwhileTests.ways.keys {
      let mine = logins.filter { $0.way == way }
      for (action, phase) in zip(actions, phases) {
        #expect(mine.contains { $0.overlaps(phase) }, "\(way), \(action): \(mine.count) logins, none then")
      }
    }
    #expect(logins.filter { $0.status != 0 } == [], "of \(logins.count)")
    // A session that began before the removal, and comes to its end after it, finds no session helper: that is logged, and it goes on.
    #expect(try lab.loadFailures() == [])
  }

  private static func name(_ file: String?) -> String { URL(fileURLWithPath: file ?? "/nonexistent").lastPathComponent }

  private static let ways = [
    // With the keys of OpenSSH's first choice, an emulated processor computes more than a second for each login, before PAM is asked.
    "ssh": "ssh -o StrictHostKeyChecking=accept-new -o KexAlgorithms=ecdh-sha2-nistp256 user1@lab1 true",
    "su": "su - frank -c true",
    "host": "pam-host /etc/pam.d tested erin | grep -q '^open=0 close=0 '",
  ]

  /// Each way in a loop of its own, which writes a line for each login. The pauses are for the package manager: without them what an
  /// emulated processor can do goes to logins, and a phase takes minutes.
  private func begin(on lab: Lab) throws {
    try lab.put(Machine.host ?? "/nonexistent")
    try lab.root(
      """
      set -e
      ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; cat /root/.ssh/id_ed25519.pub >> /etc/ssh/authorized_keys
      printf '%s\\n' 'session required pam_permit.so' '@include common-session-noninteractive' > /etc/pam.d/tested
      mkdir /run/logins
      """)
    for (way, command) in LoginsMeanwhileTests.ways {
      try lab.root(
        """
        cat > /run/\(way).sh <<'END'
        while [ ! -e /run/end ]; do
          start=$(date +%s%N); \(command); status=$?
          echo "\(way) $start $(date +%s%N) $status"
          sleep 1
        done > /run/logins/\(way)
        touch /run/\(way).ended
        END
        bash /run/\(way).sh > /run/\(way).said 2>&1 < /dev/null &
        """)
    }
    try settle(lab)
  }

  /// Waits until each way has got somebody in who began after now.
  private func settle(_ lab: Lab) throws {
    try lab.root(
      """
      now=$(date +%s%N)
      for n in $(seq 1200); do
        [ "$(cat /run/logins/* | awk -v now="$now" '$2 > now {print $1}' | sort -u | wc -l)" != \(LoginsMeanwhileTests.ways.count) ] || exit 0
        sleep 0.5
      done
      tail -n 3 /run/logins/* /run/*.said
      exit 1
      """)
  }

  private func end(on lab: Lab) throws -> [Login] {
    try lab.root(
      "touch /run/end; for n in $(seq 1200); do [ \"$(ls /run/*.ended 2>/dev/null | wc -l)\" != \(LoginsMeanwhileTests.ways.count) ] || break; sleep 0.5; done; cat /run/logins/*"
    ).lines.map(Login.init)
  }
}

/// "WAY BEGIN END STATUS", in the machine's nanoseconds.
struct Login: Equatable, CustomStringConvertible {
  let description: String
  let way: String
  let status: Int
  private let time: ClosedRange<Int>

  init(_ line: String) {
    description = line
    let fields = line.split(separator: " ").map(String.init)
    let begin = fields.count == 4 ? Int(fields[1]) ?? 0 : 0
    way = fields.first ?? ""
    time = begin...max(begin, fields.count == 4 ? Int(fields[2]) ?? 0 : 0)
    status = fields.count == 4 ? Int(fields[3]) ?? -1 : -1
  }

  func overlaps(_ other: Login) -> Bool { time.overlaps(other.time) }
}
