import Testing

@testable import RootlessStorage
@testable import rootless_storage

private let ours = "session optional pam_rootless_storage.so"

/// The text: where the line can stand, and that it goes as it came.
@Suite struct PAMTextTests {
  private func places(_ text: String) -> [Int] { PAMText(bytes(text)).places }

  @Test func `the line can stand behind every line for sessions, the last one first`() {
    #expect(places("session required a.so\nauth required b.so\n@include c\n-session optional d.so\n\n# end\n") == [4, 3, 1])
    #expect(places("session required \\\n  a.so \\\n  x\nauth required b.so\n") == [3])
    #expect(places("# session required a.so\n\nauth required b.so\n").isEmpty)
  }

  @Test func `it never stands between the markers of pam-auth-update`() {
    let text = """
      session required a.so
      # here are the per-package modules (the "Primary" block)
      session [default=1] pam_permit.so
      # and here are more per-package modules (the "Additional" block)
      session required pam_unix.so
      # end of pam-auth-update config
      session optional b.so

      """
    #expect(places(text) == [7, 6, 1])
    #expect(PAMText(bytes(text)).isManaged(5) && !PAMText(bytes(text)).isManaged(7))
    // Without its end pam-auth-update leaves the file alone.
    #expect(places(text.replacing("# end of", with: "# the end of")) == [7, 5, 3, 1])
  }

  @Test(arguments: [
    "session required a.so\n", "session required a.so", "session required a.so\r\nsession required b.so\r\n",
    "\n\n# x\n\tsession required \\\n a.so\n\n",
    "auth required a.so\nsession required b.so # \\\n#x", "@include x\n\n\n",
  ]) func `what comes in goes, and every other byte stays`(text: String) throws {
    for place in PAMText(bytes(text)).places {
      let with = PAMText(bytes(text)).adding(behind: place)
      #expect(with.count == bytes(text).count + ours.utf8.count + 1)
      let added = PAMText(with)
      #expect(added.ours.map(\.isAsAdded) == [true] && added.ours[0].numbers == (place + 1)...(place + 1))
      #expect(added.removing(added.ours) == bytes(text), "\(shown(with))")
      // What others add since then stays.
      let edited = PAMText(bytes("# first\n") + with + bytes("\n# last\n"))
      #expect(edited.removing(edited.ours) == bytes("# first\n\(text)\n# last\n"))
    }
  }

  @Test func `lines of ours that were written in another way are told apart`() {
    let text =
      "\(ours)\nsession\toptional\tpam_rootless_storage.so\nsession optional pam_rootless_storage.so debug\nsession required \\\n /lib/security/pam_rootless_storage.so\n# \(ours)\nsession required a.so \\\n\(ours)\n\(ours) # x\n"
    #expect(
      PAMText(bytes(text)).ours.map { "\($0.numbers.lowerBound) \($0.isAsAdded)" } == [
        "1 true", "2 false", "3 false", "4 false", "9 false",
      ])
    #expect(shown(PAMText(bytes(text)).removing(PAMText(bytes(text)).ours)) == shown("# \(ours)\nsession required a.so \\\n\(ours)\n"))
  }

  @Test(arguments: [
    ("session required a.so\nsession\n", 2), ("nonsense\n", 1), ("session required a.so \\\n", 1), ("auth\n", 1),
    ("session required a.so\nsession a\0b c\n", 2),
    ("@include\n", 1), ("session required a.so \\\n# b\nsession required c.so\n", 2),
    ("session required a.so \\\n\nsession required c.so\n", 2),
    ("#\(String(repeating: "x", count: 1022))\nsession required a.so\n", 1),
    ("session required a.so \\\n\(String(repeating: "b ", count: 500)) \\\nc\n", 1),
  ]) func `what libpam does not understand is named by its line`(text: String, line: Int) {
    #expect(PAMText(bytes(text)).objection?.line == line)
  }

  @Test func `nothing traps`() {
    for content in hostileBytes {
      let text = PAMText(content)
      for place in text.places { #expect(text.adding(behind: place).count == content.count + ours.utf8.count + 1) }
      _ = (text.removing(text.ours), text.objection)
    }
  }
}

/// Where the line goes on other hosts, and what is refused.
@Suite struct PAMPlanTests {
  private let place = TestDirectory()

  /// `FILE:LINE`, where the line comes in.
  private func plan() -> (places: [String], refusals: [String]) {
    let plan = PAMPlan.enabling(place.tree)
    let places = plan.changes.map { change in "\(shown(change.file.name)):\(PAMText(change.new).ours[0].numbers.lowerBound)" }
    return (places, plan.refusals.map { "\($0.services.map { shown($0) }.joined(separator: ",")): \($0.reason)" })
  }

  @Test func `Debian, RHEL and Arch: behind everything, in as few files as possible`() {
    place.pam(Stock.debian())
    #expect(plan() == (["common-session:11", "common-session-noninteractive:10"], []))
    let rhel = TestDirectory()
    rhel.pam(Stock.rhel())
    #expect(PAMPlan.enabling(rhel.tree).changes.map { shown($0.file.name) } == ["system-auth", "password-auth"])
    let arch = TestDirectory()
    arch.pam(Stock.arch)
    #expect(PAMPlan.enabling(arch.tree).changes.map { shown($0.file.name) } == ["system-login", "su"])
  }

  @Test func `a service that the shared line would reach twice, or too early, gets one of its own`() {
    place.pam([
      "system-login": "session include system-auth\nsession optional pam_systemd.so\n", "system-auth": "session required pam_unix.so\n",
    ])
    place.pam(["login": "session include system-login\n", "crond": "session include system-auth\n"])
    #expect(plan() == (["system-login:3", "crond:2"], []))
    place.pam(["sshd": "session include system-login\nsession required pam_mkhomedir.so\nsession optional pam_motd.so\n"])
    #expect(plan() == (["login:2", "sshd:4", "crond:2"], []), "in system-login it would run before the home of sshd's sessions is made")
  }

  @Test(arguments: [
    // What stands there; where the line comes in, or who is in its way.
    ("session sufficient pam_a.so\nsession required pam_b.so\n", "refused 1"),
    ("session [success=done default=ignore] pam_a.so\n", "refused 1"),
    ("session required pam_b.so\nsession sufficient pam_a.so\n", "2"),
    ("session required pam_sss.so\nsession [success=1 default=ignore] pam_a.so\nsession required pam_b.so\n", "4"),
    ("session required pam_b.so\nsession [success=2 default=ignore] pam_a.so\nsession required pam_b.so\n", "2"),
    ("session [success=1 default=ignore] pam_a.so\n", "refused 1"),
    ("session [default=2] pam_a.so\nsession required pam_mkhomedir.so\n", "refused 1"),
    ("session requisite pam_a.so\nsession [default=die] pam_b.so\nsession [default=bad] pam_c.so\n", "4"),
    (
      "session required pam_b.so\nsession [success=1 default=ignore] pam_a.so\nsession required pam_mkhomedir.so\nsession sufficient pam_c.so\n",
      "4"
    ),
    ("auth required pam_unix.so\n", "refused 0"),
  ]) func `no control before it can skip it, and none leads elsewhere`(stack: String, expected: String) throws {
    place.pam(["sshd": stack])
    let plan = plan()
    if let line = expected.split(separator: " ").dropFirst().first {
      #expect(plan.places.isEmpty)
      let reason = try #require(plan.refusals.first)
      #expect(
        reason.hasPrefix(line == "0" ? "sshd: /etc/pam.d/sshd has no line for sessions" : "sshd: /etc/pam.d/sshd:\(line) "), "\(reason)")
    } else {
      #expect(plan == (["sshd:\(expected)"], []))
    }
  }

  @Test func `a jump over an include from another service keeps its meaning`() {
    place.pam([
      "system-auth": "session required pam_unix.so\n", "login": "session include system-auth\n",
      // Two modules are skipped: pam_unix and pam_b.
      "cron":
        "session [success=2 default=ignore] pam_a.so\nsession include system-auth\nsession required pam_b.so\nsession required pam_c.so\n",
    ])
    #expect(plan() == (["cron:5", "login:2"], []))
  }

  @Test func `a substack counts as one, and what ends it does not skip what follows`() {
    place.pam([
      "system-auth": "session sufficient pam_unix.so\n",
      "remote": "session [success=1 default=ignore] pam_a.so\nsession substack system-auth\nsession required pam_b.so\n",
    ])
    #expect(plan() == (["remote:4"], []))
  }

  @Test(arguments: [
    ("sshd", "session required\n", "/etc/pam.d/sshd:1 is no line that libpam understands, so no session begins"),
    ("sshd", "session include sshd\n", "/etc/pam.d/sshd includes itself"),
    ("sshd", "session include nowhere\n", "/etc/pam.d/nowhere does not exist"),
    ("sshd", "session required pam_a.so \\\n", "/etc/pam.d/sshd ends in a line that should be continued"),
    ("sshd", "nonsense\nsession required pam_a.so\n", "/etc/pam.d/sshd:1 is no line that libpam understands"),
  ]) func `what is not understood is refused by name`(file: String, content: String, reason: String) {
    place.pam([file: content])
    #expect(plan() == ([], ["sshd: \(reason)"]))
  }

  @Test func `the vendor's files, links and special files are refused, with what to do`() {
    place.put("usr/lib/pam.d/login", "session required pam_unix.so\n")
    #expect(plan() == ([], ["login: /usr/lib/pam.d/login is the vendor's, whose updates write over it"]))
    #expect(
      PAMPlan.enabling(place.tree).refusals[0].remedy.text
        == "sudo cp /usr/lib/pam.d/login /etc/pam.d/login    # the copy counts in its place then; run this again")
    place.put("etc/real", "session required pam_unix.so\n")
    place.directory("etc/pam.d")
    place.link("etc/pam.d/login", to: "/etc/real")
    #expect(plan() == ([], ["login: /etc/pam.d/login is a symbolic link to /etc/real, which is written by whoever made the link"]))
  }

  @Test func `files that are not in the directory are neither changed nor forgotten`() {
    place.pam([
      "sshd": "session include /etc/site/common-session\n", "login": "session include ./system-auth\n",
      "system-auth": "session required pam_a.so\n",
    ])
    place.put("etc/site/common-session", "session required pam_unix.so\n")
    #expect(plan() == (["sshd:2", "login:2"], []))
    place.put("etc/site/common-session", "session required pam_unix.so\n\(ours)\n")
    #expect(
      PAMPlan.disabling(place.tree, all: true).refusals.map(\.reason) == [
        "/etc/site/common-session:2 is not in a file of /etc/pam.d, and names pam_rootless_storage.so"
      ])
  }

  @Test func `a link to a service's file in the directory is another name of it`() {
    place.pam(["su": "session required pam_unix.so\n"])
    place.link("etc/pam.d/su-l", to: "su")
    #expect(plan() == (["su:2"], []))
    place.pam(["su": "session required pam_unix.so\n\(ours)\nsession optional pam_a.so\n"])
    let plan = PAMPlan.disabling(place.tree, all: false)
    #expect(plan.refusals == [] && plan.changes.map { shown($0.file.name) } == ["su"])
  }

  @Test func `what libpam cannot load by its name is not ours`() {
    place.pam([
      "sshd": "session required pam_unix.so\nsession optional pam_rootless_storage.so\r\n", "su": "session optional pam_rootless_storage\n",
    ])
    #expect(PAMStacks(everyServiceOf: place.tree).reached.isEmpty)
    #expect(PAMPlan.enabling(place.tree).after.reached.count == 2)
  }

  @Test func `only what was added goes, unless all is wanted, and a count that includes our line keeps it`() {
    place.pam([
      "sshd": "session required pam_unix.so\n\(ours)\n", "login": "\(ours) debug\n",
      "cron": "session [success=1 default=ignore] pam_a.so\n\(ours)\nsession required pam_b.so\n",
    ])
    let plan = PAMPlan.disabling(place.tree, all: false)
    #expect(plan.changes.map { shown($0.file.name) } == ["sshd"])
    #expect(shown(plan.changes[0].new) == shown("session required pam_unix.so\n"))
    #expect(
      plan.refusals.map(\.reason) == [
        "/etc/pam.d/cron:1 ([success=1 default=ignore]) counts the lines behind it, and would lead elsewhere",
        "/etc/pam.d/login:1 was not added by pam enable: \(ours) debug",
      ])
    #expect(PAMPlan.disabling(place.tree, all: true).changes.map { shown($0.file.name) } == ["login", "sshd"])
    #expect(shown(PAMPlan.disabling(place.tree, all: true).changes[0].new).isEmpty)
  }
}
