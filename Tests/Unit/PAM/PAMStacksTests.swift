import Testing

@testable import RootlessStorage
@testable import rootless_storage

private let ours = "session optional pam_rootless_storage.so"

@Suite struct PAMStackLinesTests {
  private func lines(_ text: String) -> [PAMLine] { PAMLines(bytes(text)).lines }

  private func modules(_ text: String) -> [String] {
    lines(text).map { line in
      guard case .module(let type, let control, let path, let arguments) = line.content else { return "\(line.number) \(line.content)" }
      let words = [shown(control.text), shown(path)] + arguments.map { "<\(shown($0))>" }
      return "\(line.number)-\(line.lastNumber) \(line.isSilent ? "-" : "")\(type) \(words.joined(separator: " "))"
    }
  }

  @Test func `types, controls, paths and arguments are taken apart as libpam does it`() {
    #expect(
      modules(
        """
        # a comment

        session required pam_unix.so
        \t -SESSION\tOptional  /lib/security/pam_x.so a=b  [c = d \\] e]  # comment \\
        session [success=1 default=ignore] pam_y.so
        session required \\
           pam_z.so \\
           last
        """) == [
          "3-3 session required pam_unix.so", "4-4 -session Optional /lib/security/pam_x.so <a=b> <c = d ] e>",
          "5-5 session [success=1 default=ignore] pam_y.so", "6-8 session required pam_z.so <last>",
        ])
  }

  @Test func `a comment ends a line that would be continued`() {
    #expect(modules("session required \\ # x\nsession required pam_a.so").count == 2)
    #expect(modules("# x \\\nsession required pam_a.so") == ["2-2 session required pam_a.so"])
  }

  @Test func `a file that ends in a continued line is unfinished`() {
    #expect(PAMLines(bytes("session required pam_a.so\nsession \\")).isUnfinished)
    #expect(PAMLines(bytes("session required pam_a.so\nsession required pam_b.so \\\n")).isUnfinished)
    #expect(!PAMLines(bytes("session required pam_a.so\n")).isUnfinished)
    #expect(!PAMLines(bytes("session required pam_a.so")).isUnfinished)
  }

  @Test func `what is not a line for a module is told apart`() {
    #expect(
      lines(
        "@include a\nsession include b\nauth substack c\nsession\nsession required\nnonsense required pam_a.so\n[session] optional x.so"
      ).map(\.content).prefix(6)
        == [
          .includeAll("a"), .include(.session, "b", isSubstack: false), .include(.auth, "c", isSubstack: true), .broken(.session),
          .broken(.session),
          .broken(nil),
        ])
  }

  @Test(arguments: [
    ("required", "success=ok new_authtok_reqd=ok ignore=ignore default=bad"),
    ("SUFFICIENT", "success=done new_authtok_reqd=done default=ignore"),
    ("[success=2 default=ignore]", "success=2 default=ignore"), ("[ success = ok  user_unknown=die ]", "success=ok user_unknown=die"),
    ("[default=1]", "default=1"), ("[success=0]", "default=bad"), ("[success]", "default=bad"), ("[=ok]", "default=bad"),
    ("[]", "default=bad"),
    ("[success=ok x]", "default=bad"), ("[success==ok]", "default=bad"), ("[success=99999999999]", "default=bad"),
    ("nonsense", "default=bad"),
    ("[required]", "default=bad"),
  ])
  func `controls become actions`(control: String, expected: String) throws {
    let line = try #require(lines("session \(control) pam_a.so").first)
    guard case .module(_, let parsed, _, _) = line.content else {
      Issue.record("\(line)")
      return
    }
    let text = parsed.actions.map { one in
      if case .jump(let count) = one.action { return "\(one.answer)=\(count)" }
      return "\(one.answer)=\(one.action)"
    }
    #expect(text.joined(separator: " ") == expected)
    #expect(shown(parsed.text) == control)
  }

  @Test func `nothing traps`() {
    for content in hostileBytes {
      _ = PAMLines(content)
      _ = PAMLines("session " + content + " " + content + "\n")
      _ = PAMLines(content + " session [" + content + "\\", withServices: true)
    }
  }
}

@Suite struct PAMStacksTests {
  private let place = TestDirectory()

  private func stacks(_ services: [String] = PAMFindings.services) -> PAMStacks { PAMStacks(place.tree, services: services) }
  private func steps(_ service: String) -> [String] {
    (stacks([service]).stack(of: service)?.steps ?? []).map {
      "\($0.kind == .module ? shown($0.module) : "\($0.kind) \(shown($0.path))") \(shown($0.file.name)):\($0.line)\($0.level > 0 ? " +\($0.level)" : "")"
    }
  }
  private func findings() -> [Finding] { PAMFindings(stacks: stacks(), isRoot: true).all() }
  private func sentences() -> [String] { findings().map { "\($0.code.rawValue) \($0.severity.rawValue): \($0.sentence)" } }

  @Test func `Debian's stacks are flat, in order, with file and line`() {
    place.pam(Stock.debian(ours))
    #expect(
      steps("cron") == [
        "pam_loginuid cron:2", "pam_env cron:3", "pam_permit common-session-noninteractive:2", "pam_deny common-session-noninteractive:4",
        "pam_permit common-session-noninteractive:6", "pam_unix common-session-noninteractive:8",
        "pam_rootless_storage common-session-noninteractive:10",
        "pam_limits cron:6",
      ])
    #expect(steps("su-l").first == "pam_keyinit su-l:2")
    #expect(steps("su-l").last == "pam_rootless_storage common-session:11")
    #expect(
      stacks(["sshd"]).stack(of: "sshd")?.files == [
        "/etc/pam.d/sshd", "/etc/pam.d/common-auth", "/etc/pam.d/common-account", "/etc/pam.d/common-session", "/etc/pam.d/common-password",
      ])
  }

  @Test func `a Debian host with the line in both files has no findings`() {
    place.pam(Stock.debian(ours))
    // As shipped, with a stack in the other directory.
    place.put("usr/lib/pam.d/systemd-user", Stock.debianSystemdUser)
    #expect(sentences() == [])
    #expect(stacks().stacks.map { shown($0.service) } == ["cron", "login", "sshd", "su", "su-l", "systemd-user"])
    #expect(stacks().ourSteps.map { shown($0.file) } == ["/etc/pam.d/common-session-noninteractive", "/etc/pam.d/common-session"])
  }

  @Test func `where nothing calls the module, one error names the services and the files`() {
    place.pam(Stock.debian())
    let finding = findings().first { $0.code == .pamNotReached }
    #expect(finding?.severity == .error)
    #expect(
      finding?.sentence
        == "No login on this host calls pam_rootless_storage.so: it is in none of the session stacks of cron, login, sshd, su and su-l.")
    #expect(finding?.remedy.text == "sudo rootless-storage pam enable")
  }

  @Test func `where some do not, a warning names those`() {
    place.pam(Stock.debian())
    place.put("etc/pam.d/common-session", Stock.debian(ours)["common-session"]!)
    let finding = findings().first { $0.code == .pamNotReached }
    #expect(finding?.severity == .warning)
    #expect(finding?.sentence == "Sessions of cron do not call pam_rootless_storage.so, as others on this host do.")
  }

  @Test func `a service without a line for sessions gets the stack of other`() {
    place.pam(Stock.debian(ours))
    place.put("etc/pam.d/xdm", "auth required pam_unix.so\n")
    #expect(stacks(["xdm"]).stack(of: "xdm")?.ours != nil)
    #expect(stacks(["slurm"]).stacks.isEmpty)
  }

  @Test func `RHEL's stacks, through include and substack`() {
    place.pam(Stock.rhel(ours))
    #expect(sentences() == [])
    #expect(
      steps("remote").prefix(4) == [
        "substack system-auth remote:1", "pam_keyinit system-auth:7 +1", "pam_limits system-auth:8 +1", "pam_systemd system-auth:9 +1",
      ])
    #expect(steps("sshd").contains("pam_rootless_storage password-auth:14"))
    #expect(steps("sshd").last == "pam_lastlog postlogin:4")
  }

  @Test func `the file of a link inside the tree is read`() {
    place.pam(Stock.rhel(ours))
    place.put("etc/authselect/real", Stock.rhel(ours)["system-auth"]!)
    place.link("etc/pam.d/linked", to: "/etc/authselect/real")
    place.put("etc/pam.d/gdm-password", "session include linked\n")
    #expect(steps("gdm-password").contains("pam_rootless_storage linked:14"))
  }

  @Test func `Arch: in system-auth the line runs before what system-login begins`() {
    place.pam(Stock.arch)
    place.put("etc/pam.d/system-auth", Stock.arch["system-auth"]! + ours)
    #expect(
      sentences().last
        == "pam-order warning: In sessions of sshd, pam_rootless_storage.so (/etc/pam.d/system-auth:5) runs before pam_systemd.so (/etc/pam.d/system-login:5), and may miss the home or what is needed to reach it."
    )
  }

  @Test func `behind modules that make the home, the line is in the wrong place`() {
    place.pam(Stock.rhel(ours))
    place.put("etc/pam.d/password-auth", Stock.rhel("session optional pam_oddjob_mkhomedir.so", before: ours)["password-auth"]!)
    let order = findings().first { $0.code == .pamOrder }
    #expect(
      order?.sentence
        == "In sessions of crond and sshd, pam_rootless_storage.so (/etc/pam.d/password-auth:10) runs before pam_sss.so (/etc/pam.d/password-auth:13) and pam_oddjob_mkhomedir.so (/etc/pam.d/password-auth:14), and may miss the home or what is needed to reach it."
    )
    #expect(
      order?.remedy.text
        == "move \"session optional pam_rootless_storage.so\" from /etc/pam.d/password-auth:10 to behind /etc/pam.d/password-auth:13 and /etc/pam.d/password-auth:14"
    )
    #expect(findings().count == 1)
  }

  @Test func `a module that has run before ours may run again behind it, and systemd-user begins no session`() {
    place.pam([
      "sshd": "session optional pam_systemd.so\n\(ours)\nsession optional pam_systemd.so\n",
      "systemd-user": "\(ours)\nsession optional pam_systemd.so\n",
    ])
    #expect(sentences() == [])
    place.pam(["systemd-user": "\(ours)\nsession optional pam_mkhomedir.so\n"])
    #expect(findings().map(\.code) == [.pamOrder])
  }

  @Test(arguments: [
    ("[success=1 default=ignore]", true), ("[success=2 default=ignore]", true), ("[default=1]", true), ("sufficient", true),
    ("[success=done]", true),
    ("[success=ok default=1]", true), ("required", false), ("requisite", false), ("optional", false), ("[success=ok default=die]", false),
  ])
  func `a control before ours that can skip it is told`(control: String, skips: Bool) {
    place.pam(["sshd": "session \(control) pam_a.so\n\(ours)\nsession required pam_b.so\nsession required pam_c.so\n"])
    let found = findings().filter { $0.code == .pamOrder }
    #expect(found.count == (skips ? 1 : 0))
    if skips {
      #expect(
        found.first?.sentence
          == "In sessions of sshd, pam_a.so (/etc/pam.d/sshd:1, \(control)) can skip pam_rootless_storage.so (/etc/pam.d/sshd:2).")
    }
  }

  @Test func `jumps and ends stay in their substack`() {
    let skipped = { (files: [String: String]) in
      self.place.pam(files)
      return self.findings().contains { $0.code == .pamOrder }
    }
    // The substack ends, and what is behind it goes on.
    #expect(!skipped(["sshd": "session substack a\n\(ours)\n", "a": "session sufficient pam_a.so\nsession required pam_b.so\n"]))
    #expect(skipped(["sshd": "session include a\n\(ours)\n", "a": "session sufficient pam_a.so\nsession required pam_b.so\n"]))
    // It counts as one module.
    #expect(
      !skipped([
        "sshd": "session [default=1] pam_x.so\nsession substack a\n\(ours)\n",
        "a": "session required pam_a.so\nsession required pam_b.so\n",
      ]))
    #expect(skipped(["sshd": "session [default=2] pam_x.so\nsession substack a\n\(ours)\n", "a": "session required pam_a.so\n"]))
    #expect(skipped(["sshd": "session [default=1] pam_x.so\nsession substack a\n", "a": "session required pam_a.so\n\(ours)\n"]))
    #expect(!skipped(["sshd": "session [default=9] pam_x.so\nsession required pam_y.so\n", "a": ""]))
  }

  @Test func `options of our lines are kept`() {
    place.pam([
      "sshd": "session optional /opt/pam_rootless_storage.so debug conf=/etc/a.conf [helper=/opt/a b] helper=/opt/c helper=relative\n"
    ])
    let step = stacks().ourSteps.first
    #expect(step?.pathOption("conf") == "/etc/a.conf")
    #expect(step?.pathOption("helper") == "/opt/c")
    #expect(step?.pathOption("none") == nil)
    #expect(step?.arguments == ["debug", "conf=/etc/a.conf", "helper=/opt/a b", "helper=/opt/c", "helper=relative"])
  }

  @Test func `a file in etc hides the one of the distribution, a dangling link does not`() {
    place.put("usr/lib/pam.d/login", ours)
    place.put("etc/pam.d/sshd", "session required pam_a.so\n")
    place.put("usr/lib/pam.d/sshd", ours)
    place.link("etc/pam.d/login", to: "nowhere")
    #expect(steps("login") == ["pam_rootless_storage login:1"])
    #expect(steps("sshd") == ["pam_a sshd:1"])
    place.put("etc/pam.d/sshd", "auth required pam_a.so\n")
    #expect(steps("sshd") == [])
  }

  @Test func `pam.conf counts only without the directories`() {
    place.put("etc/pam.conf", "# x\nSSHD session required pam_a.so\nsshd \(ours)\nlogin session required pam_b.so\n")
    #expect(steps("sshd") == ["pam_a pam.conf:2", "pam_rootless_storage pam.conf:3"])
    #expect(sentences() == ["pam-not-reached warning: Sessions of login do not call pam_rootless_storage.so, as others on this host do."])
    place.directory("etc/pam.d")
    #expect(stacks().stacks.isEmpty)
  }

  @Test func `where some cannot be followed, nothing is said of those`() {
    place.pam(["sshd": "@include nothing", "login": "session required pam_a.so", "su": ours])
    #expect(
      sentences().last == "pam-not-reached warning: Sessions of login do not call pam_rootless_storage.so, as others on this host do.")
    place.put("etc/pam.d/su", "session required pam_a.so")
    #expect(
      sentences().last
        == "pam-not-reached warning: Sessions of login and su do not call pam_rootless_storage.so; others could not be looked at to their end."
    )
  }

  @Test func `a host that knows no service for people`() {
    #expect(
      sentences() == [
        "pam-not-reached error: No service that begins sessions for people has a file in /etc/pam.d, so no login calls pam_rootless_storage.so."
      ])
  }
}

/// Where libpam looks is what its library says.
@Suite struct PAMDirectoriesTests {
  private let place = TestDirectory()

  /// As the linker may leave it.
  private func library(_ directories: [String]) -> String {
    "\u{7f}ELF\u{0}(%s) /x is not it\u{0}" + directories.map { "\($0)/%s\u{0}" }.joined() + "%s/%s\u{0}/pam.d\u{0}"
  }

  @Test(arguments: [
    ["/etc/pam.d", "/usr/lib/pam.d"], ["/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d"],
    ["/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam/pam.d"],
    ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"], ["/etc/pam.d", "/usr/share/pam.d"],
  ]) func `in any order in the library, the vendor's directory is the last`(directories: [String]) {
    for text in [library(directories), library(directories.reversed()), library(directories + directories)] {
      #expect(PAMDirectories.inLibrary(bytes(text)) == directories.map { Path($0) })
    }
  }

  @Test(arguments: [
    "", "/pam.d/%s", "/pam.d/%s\u{0}", "/etc/pam.d/%s", "/usr/lib/pam.d/%s\u{0}", "\u{1b}[2J/pam.d/%s\u{0}", "/etc/pam.d/%d\u{0}",
    "/p/pam.d/pam.d/%",
  ])
  func `what is no libpam names none`(text: String) {
    #expect(PAMDirectories.inLibrary(bytes(text)) == [])
    place.put("usr/lib64/libpam.so.0", text)
    #expect(PAMDirectories.of(place.tree) == ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"])
  }

  @Test func `this machine's own library is understood`() {
    #expect(PAMDirectories.of(HostTree.this).starts(with: ["/etc/pam.d", "/usr/lib/pam.d"]))
  }

  @Test(arguments: ["/usr/share/pam.d", "/usr/share/pam/pam.d"])
  func `a service of the vendor's is found where this libpam looks, and nowhere else`(vendor: String) {
    place.put("usr/lib64/libpam.so.0.85.1", library(["/usr/lib/pam.d", vendor, "/etc/pam.d"]))
    place.link("usr/lib64/libpam.so.0", to: "libpam.so.0.85.1")
    place.put("\(vendor)/sshd", "session include system-auth\n")
    place.put("\(vendor)/system-auth", "session required pam_a.so\n\(ours)\n")
    place.put("usr/etc/pam.d/login", ours)
    let stacks = PAMStacks(place.tree, services: ["login", "sshd"])
    #expect(stacks.stacks.map { shown($0.file) } == ["\(vendor)/sshd"])
    #expect(stacks.stacks.first?.steps.map { shown($0.file) } == ["\(vendor)/system-auth", "\(vendor)/system-auth"])
    place.put("etc/pam.d/system-auth", "session required pam_b.so\n")
    #expect(PAMStacks(place.tree, services: ["sshd"]).stacks.first?.ours == nil)
    let plan = PAMPlan.enabling(place.tree)
    #expect(plan.changes.map { shown($0.file) } == ["/etc/pam.d/system-auth"])
    place.put("\(vendor)/sshd", "session required pam_c.so\n")
    #expect(PAMPlan.enabling(place.tree).refusals.map(\.reason) == ["\(vendor)/sshd is the vendor's, whose updates write over it"])
  }
}

/// What nobody sane writes, or somebody malicious does.
@Suite struct PAMStacksHostileTests {
  private let place = TestDirectory()

  private func failures(_ service: String = "sshd") -> [PAMStack.Failure] {
    PAMStacks(place.tree, services: [service]).stack(of: service)?.failures ?? []
  }

  @Test func `a file that includes itself, or another that does`() {
    place.pam(["sshd": "@include a\n\(ours)", "a": "@include b\nsession required pam_a.so", "b": "session include a\n"])
    #expect(failures() == [PAMStack.Failure(file: "/etc/pam.d/a", reason: .loop)])
    let findings = PAMFindings(stacks: PAMStacks(place.tree, services: ["sshd"]), isRoot: true).all()
    #expect(findings.map(\.sentence) == ["/etc/pam.d/a, a part of the session stack of sshd, includes itself."])
  }

  @Test func `includes that double at every step end`() {
    for number in 0..<40 {
      place.put("etc/pam.d/f\(number)", "@include f\(number + 1)\n@include f\(number + 1)\nsession required pam_a.so\n")
    }
    place.put("etc/pam.d/f40", ours)
    place.put("etc/pam.d/sshd", "@include f0")
    #expect(failures().contains { $0.reason == .tooMuch })
  }

  @Test func `a chain is followed as deep as libpam does`() {
    for number in 0..<30 { place.put("etc/pam.d/f\(number)", "session include f\(number + 1)\n") }
    place.put("etc/pam.d/f30", ours)
    place.put("etc/pam.d/sshd", "@include f0")
    #expect(failures() == [])
    #expect(PAMStacks(place.tree, services: ["sshd"]).stack(of: "sshd")?.ours == 0)
    place.put("etc/pam.d/f30", "session include f31\n")
    place.put("etc/pam.d/f31", ours)
    #expect(failures() == [PAMStack.Failure(file: "/etc/pam.d/f31", reason: .tooMuch)])
  }

  @Test func `a FIFO is not waited for, and what cannot be read is told`() {
    place.directory("etc/pam.d")
    place.fifo("etc/pam.d/sshd")
    #expect(failures() == [PAMStack.Failure(file: "/etc/pam.d/sshd", reason: .read(.notRegular))])
    place.put("etc/pam.d/login", "session include sshd\nsession include nothing\n")
    #expect(
      failures("login") == [
        PAMStack.Failure(file: "/etc/pam.d/sshd", reason: .read(.notRegular)),
        PAMStack.Failure(file: "/etc/pam.d/nothing", reason: .read(.missing)),
      ])
    let findings = PAMFindings(stacks: PAMStacks(place.tree, services: ["login", "sshd"]), isRoot: true).all()
    #expect(
      findings.map(\.sentence) == [
        "/etc/pam.d/sshd, a part of the session stack of login and sshd, is not a regular file.",
        "/etc/pam.d/nothing, a part of the session stack of login, does not exist.",
      ])
  }

  @Test func `a line of a megabyte is too much, many steps are, and bytes of any kind are lines`() {
    place.put("etc/pam.d/sshd", "session required pam_a.so " + String(repeating: "x", count: 1 << 20))
    #expect(failures() == [PAMStack.Failure(file: "/etc/pam.d/sshd", reason: .read(.tooLarge))])
    place.put("etc/pam.d/sshd", String(repeating: "session required pam_a.so\n", count: 5000))
    #expect(failures() == [PAMStack.Failure(file: "/etc/pam.d/sshd", reason: .tooMuch)])
    let content: [[UInt8]] = [Array(0...255), "\n", bytes(ours), [0], "\nsession optional pam_\u{1b}[2J\n"]
    place.file("etc/pam.d/sshd", Array(content.joined()))
    let stacks = PAMStacks(place.tree, services: ["sshd"])
    #expect(stacks.stack(of: "sshd")?.ours == 0)
  }

  @Test func `an ordinary user is not told that what only root reads is wrong`() throws {
    place.pam(["sshd": "session required pam_a.so\n", "login": ours])
    let all = PAMStacks(place.tree, services: ["login", "sshd"])
    #expect(PAMFindings(stacks: all, isRoot: false).unseen() == [])
    guard !isRoot else { return }
    place.setMode("etc/pam.d/sshd", 0)
    let some = PAMFindings(stacks: PAMStacks(place.tree, services: ["login", "sshd"]), isRoot: false)
    #expect(some.all() == [])
    #expect(some.unseen() == ["/etc/pam.d/sshd"])
  }
}
