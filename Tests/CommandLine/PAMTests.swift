import Foundation
import TestSupport
import Testing

/// `pam status`, `enable` and `disable` on the stacks that distributions ship, and on any others: what it wrote is run by the real
/// libpam, before and after.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct PAMTests {
  static let line = "session optional pam_rootless_storage.so"
  private static let folder = URL(filePath: "\(projectDirectory)/Tests/CommandLine/pam")

  /// Hosts, and where the line comes in.
  static let hosts: [(String, [String: String])] = [
    (
      "debian-12",
      ["common-session": "# end of pam-auth-update config", "common-session-noninteractive": "# end of pam-auth-update config"]
    ),
    (
      "ubuntu-24.04",
      ["common-session": "# end of pam-auth-update config", "common-session-noninteractive": "# end of pam-auth-update config"]
    ),
    ("rhel-9-sssd", ["system-auth": "pam_sss.so", "password-auth": "pam_sss.so", "gdm-fingerprint": "postlogin"]),
    (
      "rhel-9-winbind",
      ["system-auth": "pam_winbind.so krb5_auth", "password-auth": "pam_winbind.so krb5_auth", "gdm-fingerprint": "postlogin"]
    ),
    ("rhel-10-sssd", ["system-auth": "pam_sss.so", "password-auth": "pam_sss.so", "gdm-fingerprint": "postlogin"]),
    ("rhel-10-local", ["system-auth": "pam_unix.so", "password-auth": "pam_unix.so", "gdm-fingerprint": "postlogin"]),
    ("fedora", ["system-auth": "pam_sss.so", "password-auth": "pam_sss.so", "gdm-fingerprint": "postlogin"]),
    ("arch", ["system-login": "pam_env.so", "crond": "system-auth", "su": "pam_unix.so"]),
  ]

  private func put(_ host: String, _ machine: Machine) throws -> [String: String] {
    for name in try FileManager.default.contentsOfDirectory(atPath: PAMTests.folder.appendingPathComponent(host).path) {
      try machine.write(
        String(contentsOf: PAMTests.folder.appendingPathComponent("\(host)/\(name)"), encoding: .utf8), to: "/etc/pam.d/\(name)")
    }
    return try machine.stacks()
  }

  private static func modules(_ host: String) throws -> Set<String> {
    var found: Set<String> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(host).path) {
      let text = try String(contentsOf: folder.appendingPathComponent("\(host)/\(name)"), encoding: .utf8)
      found.formUnion(text.matches(of: #/pam_[a-z0-9_]+\.so/#).map { String($0.output) })
    }
    return found.subtracting(["pam_rootless_storage.so"])
  }

  @Test(arguments: hosts) func `one line comes into each file that needs it, sessions run as before but for it, and it goes again`(
    host: String, places: [String: String]
  ) throws {
    let machine = try Machine.ofMarkers(PAMTests.modules(host))
    let before = try put(host, machine)
    let services = try machine.reach()
    #expect(services.count >= 5 && services.values.allSatisfy { $0 == "no" }, "\(services)")
    var sessions: [String: [String]] = [:]
    for service in services.keys { sessions[service] = try machine.trace(service).modules }

    #expect(try machine.rootlessStorage("pam enable --dry-run").status == 0)
    #expect(try machine.stacks() == before, "a dry run changes nothing")
    let enabled = try machine.rootlessStorage("pam enable")
    #expect(enabled.status == 0, "\(enabled)")
    let after = try machine.stacks()
    for (name, old) in before {
      guard let place = places[name] else {
        #expect(after[name] == old, "\(name)")
        continue
      }
      // Every byte but the line, which is behind the last of what it depends on.
      let (was, now) = (
        old.split(separator: "\n", omittingEmptySubsequences: false),
        try #require(after[name]).split(separator: "\n", omittingEmptySubsequences: false)
      )
      let number = try #require(now.firstIndex { $0 == PAMTests.line }, "\(name)")
      var without = now
      without.remove(at: number)
      #expect(was == without, "\(name)")
      #expect(now[number - 1].trimmingCharacters(in: .whitespaces).hasSuffix(place), "\(name): behind \(now[number - 1])")
    }
    #expect(after.count == before.count)
    #expect(try machine.reach().values.allSatisfy { $0 == "yes" })
    #expect(try machine.rootlessStorage("pam status").status == 0)
    for service in services.keys {
      let now = try machine.trace(service)
      #expect(now.code == 0 && now.modules.filter { $0 == "pam_rootless_storage.so" }.count == 1, "\(service): \(now)")
      #expect(now.modules.filter { $0 != "pam_rootless_storage.so" } == sessions[service], "\(service)")
      let late = try #require(now.modules.firstIndex(of: "pam_rootless_storage.so"))
      for module in ["pam_sss.so", "pam_winbind.so", "pam_mkhomedir.so", "pam_oddjob_mkhomedir.so", "pam_systemd.so", "pam_namespace.so"]
      where !(service == "systemd-user" && module == "pam_systemd.so") {
        #expect(!now.modules[late...].contains { $0.hasPrefix(module) }, "\(service): \(module)")
      }
    }

    // Again, nothing.
    let again = try machine.rootlessStorage("pam enable")
    #expect(again.text == "Sessions of all services reach pam_rootless_storage.so; nothing to do.\n" && again.status == 0)
    #expect(try machine.stacks() == after)
    // Others' edits stay.
    let edited = try #require(places.keys.sorted().first)
    try machine.sure("cd /etc/pam.d; sed -i '1s/^/# ours\\n/' \(edited); echo '# theirs' >> \(edited)")
    let disabled = try machine.rootlessStorage("pam disable")
    #expect(disabled.status == 0, "\(disabled)")
    var wanted = before
    wanted[edited] = "# ours\n\(before[edited]!)# theirs\n"
    #expect(try machine.stacks() == wanted)
    #expect(try machine.rootlessStorage("pam disable").text.hasSuffix("nothing to do.\n"))
  }

  @Test func `who calls the module twice is named with all places, together where they are the same, and not where the stack has no end`()
    throws
  {
    let machine = try Machine.ofMarkers()
    try machine.sure(
      """
      cd /etc/pam.d; printf 'session required pam_marker.so\n\(PAMTests.line)\n\(PAMTests.line)\n' > system-auth
      for name in login su; do printf 'session include system-auth\n' > $name; done; printf '@include system-auth\nsession include gone\n' > sshd
      """)
    let output = try machine.rootlessStorage("pam status")
    let words = output.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(
      words.contains(
        "login and su: pam_rootless_storage.so is called more than once; it is enough at one place, and stands at /etc/pam.d/system-auth:2 and /etc/pam.d/system-auth:3."
      ), "\(output)")
    #expect(words.components(separatedBy: "more than once").count == 2 && words.contains("sshd unknown"), "\(output)")
    #expect(
      try machine.rootlessStorage("pam disable").status == 0 && machine.rootlessStorage("pam enable").status == 1,
      "sshd includes a file that is missing")
    #expect(try machine.reach() == ["login": "yes", "su": "yes", "sshd": "unknown"])
    #expect(try !machine.rootlessStorage("pam status").text.contains("more than once"))
  }

  // MARK: Any stacks

  /// A generator that gives the same each time.
  private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  /// Files as nobody would write them: four services that include two others, every module with a number of its own.
  private static func files(_ dice: inout Dice) -> [String: String] {
    var number = 0
    func lines(_ included: [String], _ dice: inout Dice) -> String {
      var text = ""
      for _ in 0..<Int.random(in: 1...6, using: &dice) {
        let module = "pam_marker.so id=\(number)"
        number += 1
        let jump = Int.random(in: 1...3, using: &dice)
        let controls = [
          "required", "required", "optional", "optional", "optional", "requisite", "sufficient", "[success=\(jump) default=ignore]",
          "[default=\(jump)]",
          "[success=ok ignore=\(jump) default=bad]", "[success=done default=ignore]", "[default=die success=ok]",
          "[success=reset default=ok]", "nonsense",
        ]
        switch Int.random(in: 0..<20, using: &dice) {
        case 0: text += "# a comment \\\n"
        case 1: text += "\n"
        case 2: text += "auth required \(module)\n"
        case 3...5:
          if let name = included.randomElement(using: &dice) {
            text += "session \(Bool.random(using: &dice) ? "include" : "substack") \(name)\n"
          }
        case 6: if let name = included.randomElement(using: &dice) { text += "@include \(name)\n" }
        case 7: text += "session \\\n  \(controls.randomElement(using: &dice)!)\\\n\t\(module)   # end\n"
        case 8: text += "\t-SESSION\t\(controls.randomElement(using: &dice)!)\t\(module)\t\n"
        case 9: text += "session optional pam_systemd.so\n"
        case 10 where Int.random(in: 0..<4, using: &dice) == 0:
          text += ["session\n", "session required \(module)\r\n", "nonsense x y\n", "session include nowhere\n"].randomElement(
            using: &dice)!
        default: text += "session \(controls.prefix(Int.random(in: 5...14, using: &dice)).randomElement(using: &dice)!) \(module)\n"
        }
      }
      if Int.random(in: 0..<8, using: &dice) == 0, text.hasSuffix("\n") { text.removeLast() }
      return text
    }
    var files = ["extra": lines([], &dice)]
    files["system-auth"] = lines(["extra"], &dice)
    for service in ["login", "sshd", "su", "vlock"] {
      files[service] = lines(["system-auth", "extra"], &dice) + (Bool.random(using: &dice) ? "\nsession include system-auth\n" : "")
    }
    return files
  }

  @Test(arguments: 0..<4) func `whatever the stacks are, it refuses, or sessions run as before but for our module`(part: Int) throws {
    let machine = try Machine.ofMarkers(["pam_systemd.so"])
    var dice = Dice(state: UInt64(part + 1))
    let services = ["login", "sshd", "su", "vlock"]
    var (changed, reached, refused) = (0, 0, 0)
    for round in 0..<(ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] == nil ? 30 : 1000) {
      let files = PAMTests.files(&dice).map { "base64 -d > /etc/pam.d/\($0.key) <<< '\(Data($0.value.utf8).base64EncodedString())'" }
      try machine.sure("find /etc/pam.d -type f ! -name other -delete\n" + files.joined(separator: "\n"))
      let before = try machine.stacks()
      let answers = (0..<3).map { _ in String((0..<60).map { _ in "sssif".randomElement(using: &dice)! }) }
      let was = try machine.traces(answers, services)
      let output = try machine.rootlessStorage("pam enable")
      #expect([0, 1].contains(output.status), "\(output)")
      let after = try machine.stacks()
      let reach = try machine.reach()
      let now = try machine.traces(answers, services)
      let about = "part \(part), round \(round)\n\(before)\n\(after)\n\(output)"
      for (name, old) in before where after[name] != old {
        changed += 1
        // One line more, and it goes again.
        let (was, now) = (
          old.split(separator: "\n", omittingEmptySubsequences: false),
          after[name]!.split(separator: "\n", omittingEmptySubsequences: false)
        )
        #expect(now.count == was.count + 1 && now.filter { $0 == PAMTests.line }.count == 1, "\(about)")
      }
      for (old, new) in zip(was, now) {
        for (index, service) in services.enumerated() {
          let without = new[index].modules.filter { !$0.hasPrefix("pam_rootless_storage") }
          #expect(without == old[index].modules, "\(service): \(about)")
          #expect(new[index].modules.count - without.count <= 1, "\(service): \(about)")
          // Where no other module has a say, ours has: PAM_PERM_DENIED (6) is libpam's own answer then.
          #expect(
            new[index].code == old[index].code || (old[index].code == 6 && new[index].code == 0),
            "\(service): \(old[index]) \(new[index]) \(about)")
          // A session that begins has called it.
          if reach[service] == "yes" && new[index].code == 0 {
            #expect(new[index].modules.count == without.count + 1, "\(service): \(new[index]) \(about)")
          }
        }
      }
      reached += reach.values.count { $0 == "yes" }
      refused += reach.values.count { $0 != "yes" }
      #expect((output.status == 0) == reach.values.allSatisfy { $0 == "yes" }, "\(reach) \(about)")
      try machine.rootlessStorage("pam disable")
      #expect(try machine.stacks() == before, "\(about)")
    }
    #expect(changed > 20 && reached > 20 && refused > 5, "\(changed) files, \(reached) services, \(refused) refused")
  }
}
