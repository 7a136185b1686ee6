import Foundation
import TestSupport
import Testing

/// packaging/install and packaging/uninstall, and what they put there.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct InstallTests {

  /// A folder that is gone at the end of the test.
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = try run("/usr/bin/mktemp", ["-d"]).lines[0]
    defer { _ = try? run("/bin/rm", ["-rf", folder]) }
    try body(folder)
  }

  private func install(_ folder: String) throws -> Output {
    // What this very run has built is installed, without a second build.
    try run("\(projectDirectory)/packaging/install", ["--without-build", "--destdir", folder])
  }

  private func files(_ folder: String) throws -> [String] {
    try run("/usr/bin/find", [folder, "-type", "f", "-printf", "%P %m\n"]).lines.sorted()
  }

  @Test func `a staged tree is complete, and uninstall takes all of it away`() throws {
    try withFolder { folder in
      #expect(try install(folder).status == 0)
      let installed = try files(folder)
      for name in [
        "etc/rootless-storage/rootless-storage.conf 644", "etc/rootless-storage/skel/.config/containers/storage.conf 644",
        "etc/rootless-storage/skel/.config/docker/daemon.json 644", "usr/lib/tmpfiles.d/rootless-storage.conf 644",
        "usr/libexec/rootless-storage/session-helper 755", "usr/share/man/man5/rootless-storage.conf.5 644",
        "usr/share/man/man8/pam_rootless_storage.8 644", "usr/share/man/man7/rootless-storage-findings.7 644",
        "usr/share/man/man7/rootless-storage-json.7 644", "usr/share/man/man7/rootless-storage-host-findings.7 644",
        "usr/share/man/man8/rootless-storage-check.8 644", "usr/share/man/man8/rootless-storage-list.8 644",
        "usr/share/man/man8/rootless-storage-pam.8 644", "usr/share/man/man8/rootless-storage-prune.8 644",
        "usr/share/man/man8/rootless-storage-repair.8 644",
        "usr/share/man/man8/rootless-storage-status.8 644", "usr/share/man/man8/rootless-storage-subids.8 644",
        "usr/share/man/man8/rootless-storage-verify.8 644", "usr/share/man/man8/rootless-storage.8 644", "usr/bin/rootless-storage 755",
        "usr/lib/systemd/system/rootless-storage-check.service 644", "usr/lib/systemd/system/rootless-storage-check.timer 644",
        "usr/lib/systemd/system/rootless-storage-prune.service 644", "usr/lib/systemd/system/rootless-storage-prune.timer 644",
        "usr/share/bash-completion/completions/rootless-storage 644", "usr/share/fish/vendor_completions.d/rootless-storage.fish 644",
      ] { #expect(installed.contains(name), "\(name)") }
      #expect(installed.filter { $0.hasSuffix("security/pam_rootless_storage.so 644") }.count == 1)
      // The one directory that this distribution's zsh reads.
      let isDebian = FileManager.default.fileExists(atPath: "/etc/debian_version")
      #expect(installed.contains("usr/share/pam-configs/rootless-storage 644") == isDebian)
      #expect(
        installed.filter { $0.contains("/zsh/") } == [
          "usr/share/zsh/\(isDebian ? "vendor-completions" : "site-functions")/_rootless-storage 644"
        ])
      #expect(try install(folder).status == 0, "twice is fine")
      #expect(try files(folder) == installed)
      #expect(
        try run("/usr/bin/stat", ["-c", "%a", "\(folder)/etc/rootless-storage/conf.d"]).lines == ["755"],
        "the directory of drop-ins is there, and empty")
      let output = try run("\(projectDirectory)/packaging/uninstall", ["--destdir", folder])
      #expect(output.status == 0, "\(output)")
      #expect(try files(folder) == [])
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/etc/rootless-storage"))
    }
  }

  @Test func `the shells that there are can read their completions, and none offers what is not for people`() throws {
    let stage = try #require(Machine.stage)
    for (shell, pattern) in [("bash", "rootless-storage"), ("zsh", "_rootless-storage"), ("fish", "rootless-storage.fish")] {
      let file = try #require(
        try run("/usr/bin/find", ["\(stage)/usr/share", "-path", "*/*completion*/*", "-name", pattern]).lines.first
          ?? run("/usr/bin/find", ["\(stage)/usr/share/zsh", "-name", pattern]).lines.first)
      let text = try String(contentsOfFile: file, encoding: .utf8)
      #expect(text.contains("prune") && text.contains("verify") && !text.contains("examine") && !text.contains("try-engines"), "\(file)")
      // Behind `help` stand the commands.
      let help =
        [
          "bash": "__rootless-storage_add_completions -W 'check\nrepair\n", "zsh": "'1:command:(check repair ",
          "fish": "\"rootless-storage help\" -eq 1' -fa 'check'",
        ][shell] ?? "none"
      #expect(text.contains(help), "\(file)")
      // zsh and fish are not needed for the tests; where they are installed, they say whether they understand it.
      if let program = ["/usr/bin/\(shell)", "/bin/\(shell)"].first(where: { FileManager.default.isExecutableFile(atPath: $0) }) {
        let output = try run(program, ["-n", file])
        #expect(output.status == 0 && output.text == "", "\(output)")
      }
    }
  }

  @Test func `bash completes commands, options, files, and the users of this host`() throws {
    let machine = try Machine(settings: "network_filesystems = ramfs\nstorage_directory = /var/tmp/$USER")
    for (number, name) in ["alice", "alfred", "bob", "service"].enumerated() {
      try machine.user(name, uid: name == "service" ? 200 : 4001 + number)
    }
    try machine.sure(
      """
      cd /var/tmp; install -d -o 4001 alice; install -d -o 4003 bob; install -d -o 200 alservice; install -d albatross
      mount -t tmpfs -o mode=755 none /run; install -d -o 4002 /run/user/4002
      ln -s /proc/self/fd /dev/fd     # bash's <(…)
      """)
    let stage = try #require(Machine.stage)
    /// What is offered behind the last word.
    func completed(_ line: String, asUid uid: Int? = nil) throws -> [String] {
      let drop = uid.map { "setpriv --reuid \($0) --regid \($0) --clear-groups " } ?? ""
      try machine.write(
        """
        . '\(stage)/usr/share/bash-completion/completions/rootless-storage'
        COMP_LINE="\(line)"; COMP_POINT=${#COMP_LINE}; read -ra COMP_WORDS <<<"$COMP_LINE"
        [ "${COMP_LINE% }" = "$COMP_LINE" ] || COMP_WORDS+=("")
        COMP_WORDS[0]='\(Machine.commandLine)'; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _rootless-storage rootless-storage "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """, to: "/etc/complete")
      return try machine.sure("cd /; \(drop)bash /etc/complete").lines
    }
    #expect(try completed("rootless-storage ch") == ["check"])
    #expect(
      try completed("rootless-storage ").sorted()
        == [
          "--version", "-h", "--help", "check", "config", "help", "list", "login", "pam", "prune", "repair", "status", "subids", "verify",
        ].sorted())
    #expect(
      try completed("rootless-storage help ").sorted()
        == ["check", "config", "list", "login", "pam", "prune", "repair", "status", "subids", "verify"].sorted())
    #expect(try completed("rootless-storage help p") == ["prune", "pam"])
    #expect(try completed("rootless-storage help pam ").allSatisfy { $0.isEmpty })
    #expect(try completed("rootless-storage prune --o").sorted() == ["--older-than", "--orphaned"])
    #expect(try completed("rootless-storage list --conf /etc/rootless-storage/root") == ["/etc/rootless-storage/rootless-storage.conf"])
    // Whoever has storage or a session here, and neither other things in /var/tmp nor accounts that have never been here.
    #expect(try completed("rootless-storage check al") == ["alfred", "alice"])
    #expect(try completed("rootless-storage repair --dry-run ").filter { !$0.hasPrefix("-") } == ["alfred", "alice", "bob"])
    // For sudo(8), whose completion runs as the user.
    #expect(try completed("rootless-storage check al", asUid: 4003) == ["alfred", "alice"])
    // With uids in the names, accounts are looked up.
    try machine.sure(
      "echo 'storage_directory = /var/tmp/u$UID' >> /etc/rootless-storage/rootless-storage.conf; install -d -o 4003 /var/tmp/u4003; install -d -o 4003 /var/tmp/u4001"
    )
    #expect(try completed("rootless-storage check ").filter { !$0.hasPrefix("-") } == ["alfred", "bob"])
  }

  @Test func `what an administrator has changed is kept, and what is unchanged follows the new version`() throws {
    try withFolder { folder in
      _ = try install(folder)
      let settings = "\(folder)/etc/rootless-storage/rootless-storage.conf"
      let shipped = "\(folder)/usr/share/rootless-storage/shipped/etc/rootless-storage"
      let skeleton = "\(folder)/etc/rootless-storage/skel/.config/docker/daemon.json"
      _ = try run("/bin/sh", ["-c", "echo 'uid_min = 5000' >> \(settings)"])
      #expect(try install(folder).text.contains("rootless-storage.conf (yours, kept)"))
      // As if an older version had been installed: both shipped copies differ from what is new.
      _ = try run(
        "/bin/sh",
        ["-c", "echo '# old' > \(shipped)/rootless-storage.conf; echo '{}' | tee \(shipped)/skel/.config/docker/daemon.json > \(skeleton)"])
      let output = try install(folder)
      #expect(output.text.contains("(yours, kept; the new version is /etc/rootless-storage/rootless-storage.conf.new)"), "\(output)")
      #expect(output.text.contains("daemon.json (was unchanged since it was installed, replaced)"))
      #expect(try run("/usr/bin/tail", ["-n", "1", settings]).text == "uid_min = 5000\n")
      #expect(try run("/bin/cat", [skeleton]).text.contains("@STORAGE@"))
      #expect(
        try run("\(projectDirectory)/packaging/uninstall", ["--destdir", folder]).text.contains(
          "kept /etc/rootless-storage/rootless-storage.conf, which was changed"))
      #expect(try files(folder) == ["etc/rootless-storage/rootless-storage.conf 644"])
    }
  }

  @Test func `purge takes what an earlier uninstall has kept, and a file that was removed does not come back`() throws {
    try withFolder { folder in
      _ = try install(folder)
      _ = try run(
        "/bin/sh",
        [
          "-c",
          "rm \(folder)/etc/rootless-storage/skel/.config/docker/daemon.json; echo '# mine' | tee \(folder)/etc/rootless-storage/conf.d/mine.conf >> \(folder)/etc/rootless-storage/rootless-storage.conf",
        ])
      #expect(try install(folder).text.contains("daemon.json (you have removed it, left out)"))
      #expect(try !files(folder).contains { $0.hasPrefix("etc/") && $0.contains("daemon.json") })
      #expect(try run("\(projectDirectory)/packaging/uninstall", ["--destdir", folder]).status == 0)
      #expect(try files(folder) == ["etc/rootless-storage/conf.d/mine.conf 644", "etc/rootless-storage/rootless-storage.conf 644"])
      #expect(try run("\(projectDirectory)/packaging/uninstall", ["--purge", "--destdir", folder]).status == 0)
      #expect(try files(folder) == [])
    }
  }

  @Test func `uninstall refuses while a stack names the module`() throws {
    try withFolder { folder in
      _ = try install(folder)
      let before = try files(folder)
      _ = try run(
        "/bin/sh",
        ["-c", "mkdir \(folder)/etc/pam.d; echo 'session optional pam_rootless_storage.so' > \(folder)/etc/pam.d/common-session"])
      let output = try run("\(projectDirectory)/packaging/uninstall", ["--destdir", folder])
      #expect(output.status == 1 && output.text.contains("common-session"))
      #expect(try files(folder).count == before.count + 1)
      _ = try run(
        "/bin/sh", ["-c", "cd \(folder)/etc/pam.d; cp common-session common-session.20261125T000000Z.bak; sed -i s/^/#/ common-session"])
      #expect(try run("\(projectDirectory)/packaging/uninstall", ["--destdir", folder]).status == 0)
    }
  }

  @Test func `unknown options are refused, and help is given`() throws {
    for script in ["install", "uninstall", "try", "picture"] {
      let refused = try run("\(projectDirectory)/packaging/\(script)", ["--frob"])
      #expect(refused.status == 1 && refused.text.contains("--help"), "\(refused)")
      let help = try run("\(projectDirectory)/packaging/\(script)", ["--help"])
      #expect(help.status == 0 && help.lines.count > 3 && !help.text.contains("#!/"), "\(help)")
    }
  }

  @Test func `try shows a login, check and repair, changes nothing outside, and the picture in the README is of it`() throws {
    func outside() throws -> String {
      try run(
        "/bin/sh",
        ["-c", "ls -A /var/lib | grep rootless-storage-try; ls -Ad /home/alice /var/tmp/alice 2> /dev/null; cksum /etc/passwd /etc/subuid"]
      ).text
    }
    let before = try outside()
    let shown = try run("\(projectDirectory)/packaging/try", ["--without-build"])
    #expect(shown.status == 0, "\(shown)")
    for text in [
      "created storage directory /var/tmp/alice (mode 0700)", "Nothing was written", "error graphroot-network", "set graphroot =",
    ] {
      #expect(shown.text.contains(text), "\(text) in \(shown)")
    }
    #expect(try outside() == before)
    // A backup has the time in its name.
    func timeless(_ text: String) -> String { text.replacing(#/\d{8}T\d{6}Z/#, with: "TIME").trimmingCharacters(in: .whitespaces) }
    let printed = Set(shown.lines.map(timeless))
    let picture = try drawn("\(projectDirectory)/packaging/doc/login.svg").map(timeless).filter {
      !$0.isEmpty && $0 != "sudo packaging/try"
    }
    #expect(picture.count > 15)
    // Where something is wrong with this host, the last check tells of that.
    let others = picture.filter { !printed.contains($0) }
    let isClean = !shown.text.contains("this host")
    #expect(
      others.allSatisfy { !isClean && ($0.hasPrefix("alice: no problems found; ") || $0.hasPrefix("Next, to ask the engines: ")) },
      "packaging/doc/login.svg is not what is printed now: sudo packaging/picture; \(others)")
    // Nobody who reads it asks another server for anything.
    let source = try String(contentsOfFile: "\(projectDirectory)/packaging/doc/login.svg", encoding: .utf8)
    #expect(!source.contains("url(\"") && !source.contains("@import") && !source.contains("href") && !source.contains("<script"))
  }

  /// The lines of text in a picture, from the top.
  private func drawn(_ file: String) throws -> [String] {
    let source = try String(contentsOfFile: file, encoding: .utf8)
    var lines: [Double: String] = [:]
    for match in source.matches(of: #/<text [^>]*y="([0-9.]+)"[^>]*>([^<]*)</text>/#) {
      lines[Double(match.1) ?? 0, default: ""] += match.2
    }
    return lines.sorted { $0.key < $1.key }.map { line in
      [("&#160;", " "), ("&quot;", "\""), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("\n", ""), ("&amp;", "&")].reduce(line.value) {
        $0.replacing($1.0, with: $1.1)
      }
    }
  }

  @Test func `without Swift there is one message that says how to get it`() throws {
    // A PATH with the tools of the system, and no Swift in the places where it is looked for.
    let output = try run(
      "/usr/bin/unshare",
      [
        "--mount", "--propagation", "private", "/bin/sh", "-c",
        "for d in /opt /root /home; do mount -t tmpfs none $d; done; cd /; PATH=/usr/bin:/bin HOME=/nonexistent exec \(projectDirectory)/packaging/install --destdir /opt/x",
      ])
    // A checkout below one of these folders hides itself.
    if output.text.contains("not found") && output.status == 127 { return }
    #expect(output.status == 1 && output.text.contains("https://www.swift.org/install/linux"), "\(output)")
  }

  @Test func `manual pages are clean under mandoc, and documented options are those that there are`() throws {
    let pages = try FileManager.default.contentsOfDirectory(atPath: "\(projectDirectory)/packaging/man")
    #expect(pages.count >= 11)
    for page in pages {
      let lint = try run("/usr/bin/mandoc", ["-T", "lint", "-W", "style", "\(projectDirectory)/packaging/man/\(page)"]).lines
        // Whether other pages are installed on this machine is not this page's.
        .filter { !$0.contains("referenced manual not found") && !$0.contains("mandoc.db") }
      #expect(lint == [], "\(page)")
      // A reader finds nothing in a page without end.
      #expect(
        try String(contentsOfFile: "\(projectDirectory)/packaging/man/\(page)", encoding: .utf8).split(
          separator: "\n", omittingEmptySubsequences: false
        )
        .count <= 480, "\(page)")
    }
    // Every page that a page of ours names is there.
    for page in pages {
      let text = try String(contentsOfFile: "\(projectDirectory)/packaging/man/\(page)", encoding: .utf8)
      for match in text.matches(of: /(?m)^\.Xr (rootless-storage\S*|pam_rootless_storage) ([578])/) {
        #expect(pages.contains("\(match.1).\(match.2)"), "\(page) names \(match.1)(\(match.2))")
      }
    }
    let module = try String(contentsOfFile: "\(projectDirectory)/packaging/man/pam_rootless_storage.8", encoding: .utf8)
    let source = try String(contentsOfFile: "\(projectDirectory)/Sources/RootlessStorage/Policy/ModuleOptions.swift", encoding: .utf8)
    let documented = Set(module.matches(of: /\.It Cm ([a-z_]+)/).map { String($0.1) })
    #expect(documented == Set(source.matches(of: /after\("([a-z_]+)=?"/).map { String($0.1) }))
    let settings = try String(contentsOfFile: "\(projectDirectory)/packaging/man/rootless-storage.conf.5", encoding: .utf8)
    let parser = try String(contentsOfFile: "\(projectDirectory)/Sources/RootlessStorage/Policy/SettingsParser.swift", encoding: .utf8)
    let groups = parser.matches(of: /isWord\(key, of: "([a-z_ ]+)"\)/).flatMap { $0.1.split(separator: " ").map(String.init) }
    let keys = Set(parser.matches(of: /key\.elementsEqual\("([a-z_]+)"\.utf8\)/).map { String($0.1) } + groups)
    for key in keys { #expect(settings.contains("\n.It Cm") && settings.contains(key), "\(key)") }
    #expect(keys.count == 22)
  }

  @Test func `the shipped settings say what the defaults are`() throws {
    let machine = try Machine(settings: nil)
    try machine.user("alice")
    // With every line uncommented, nothing is reported and nothing changes.
    try machine.sure(
      "sed -i 's/^#\\([a-z_]* = \\)/\\1/' /etc/rootless-storage/rootless-storage.conf; test $(grep -c '^[a-z]' /etc/rootless-storage/rootless-storage.conf) -eq 22"
    )
    #expect(
      try machine.login("alice").log == [
        .init(priority: 7, text: "alice: home /home/alice is on a local file system (ramfs), nothing to do")
      ])
  }
}
