import Foundation
import TestSupport
import Testing

/// `config`: what of a settings file holds, and why the rest does not.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct ConfigCommandTests {

  @Test func `a draft is checked wherever it is, line by line, and nothing changes`() throws {
    let machine = try Machine()
    try machine.user("alice", uid: 4001)
    try machine.write("uid_min = 500\ncolour = red\nuid_max = many\n# subids = perhaps\nsubids = perhaps\n", to: "/home/alice/draft")
    try machine.sure("chown 4001 /home/alice/draft")
    let before = try machine.snapshot("/home /etc")
    for (file, uid) in [("/home/alice/draft", nil), ("home/alice/draft", nil), ("/home/alice/draft", 4001)] as [(String, Int?)] {
      let output = try machine.rootlessStorage("config check \(file)", asUid: uid)
      #expect(output.status == 1, "\(output)")
      let text = output.lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
      for part in [
        "/home/alice/draft:2: there is no setting \"colour\"", "/home/alice/draft:3: uid_max is a number", "/home/alice/draft:5: subids is",
      ] { #expect(text.contains(part), "\(part): \(text)") }
      #expect(!text.contains(":1:") && !text.contains(":4:"))
    }
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(machine.rootlessStorage("config check --json /home/alice/draft").text.utf8))
        as? [String: Any])
    #expect((json["problems"] as? [[String: Any]])?.compactMap { $0["line"] as? Int } == [2, 3, 5])
    #expect(try machine.snapshot("/home /etc") == before)
    let gone = try machine.rootlessStorage("config check /home/alice/gone")
    #expect(gone.status == 2 && gone.text.contains("/home/alice/gone"), "\(gone)")
    let folder = try machine.rootlessStorage("config check /home")
    #expect(folder.status == 2, "\(folder)")
  }

  @Test func `whom the settings exclude is shown by name, and for a group's name the number to write`() throws {
    let machine = try Machine(settings: "exclude_users = alice alcie\nexclude_groups = 5005 5006\n")
    try machine.user("alice", uid: 4001)
    try machine.sure("echo students:x:5005: >> /etc/group")
    let good = try machine.rootlessStorage("config check")
    #expect(good.status == 0, "\(good)")
    #expect(
      good.lines.dropFirst() == [
        "exclude_users: this host knows no user alcie", "exclude_groups: 5005 is students", "exclude_groups: this host knows no group 5006",
      ], "\(good)")
    #expect(try machine.rootlessStorage("config show").lines.contains("exclude_groups = 5005 5006 # line 2"))
    try machine.write("exclude_groups = 5006 students\n", to: "/etc/draft")
    let bad = try machine.rootlessStorage("config check /etc/draft")
    #expect(bad.status == 1, "\(bad)")
    #expect(
      bad.lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
        == "/etc/draft:1: \"students\" in exclude_groups is no number of a group, which a login needs; nothing is done at logins until that is fixed; the number of students is 5005"
    )
    try machine.write("exclude_groups = nobody-here\n", to: "/etc/draft")
    #expect(try machine.rootlessStorage("config check /etc/draft").status == 1)
    #expect(try machine.rootlessStorage("config check --json /etc/draft").text.contains("nobody-here"))
  }

  @Test func `groups that have limits are shown by name, and for a group's name the number to write`() throws {
    let machine = try Machine(
      settings: "storage_quota_groups = 5005=10G 5006=0\nstorage_quota_inodes_groups = 5005=100000 # many\nstorage_quota = 20G\n")
    try machine.sure("echo students:x:5005: >> /etc/group")
    let good = try machine.rootlessStorage("config check")
    #expect(good.status == 0, "\(good)")
    #expect(
      good.lines.dropFirst() == [
        "storage_quota_groups: 5005 is students", "storage_quota_groups: this host knows no group 5006",
        "storage_quota_inodes_groups: 5005 is students",
      ], "\(good)")
    let shown = try machine.rootlessStorage("config show").lines
    #expect(
      shown.filter { $0.hasPrefix("storage_quota") } == [
        "storage_quota = 20G # line 3", "storage_quota_inodes = 0 # default", "storage_quota_groups = 5005=10G 5006=0 # line 1",
        "storage_quota_inodes_groups = 5005=100000 # line 2", "storage_quota_project_base = 1073741824 # default",
      ], "\(shown)")
    try machine.write("storage_quota_groups = 5006=0 students=10G\n", to: "/etc/draft")
    let bad = try machine.rootlessStorage("config check /etc/draft")
    #expect(bad.status == 1, "\(bad)")
    #expect(
      bad.lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
        == "/etc/draft:1: \"students\" in storage_quota_groups is no number of a group, which a login needs; the default holds; the number of students is 5005"
    )
  }

  @Test func `login, check, repair, verify, status and list judge an excluded user as a login does`() throws {
    let machine = try Machine.good()
    try machine.sure(
      "rm /home/alice/.config/containers/storage.conf; echo 'exclude_users = alice' >> /etc/rootless-storage/rootless-storage.conf")
    let line = "exclude_users (/etc/rootless-storage/rootless-storage.conf:2)"
    let before = try machine.snapshot("/home /var/tmp")
    #expect(
      try machine.rootlessStorage("login --debug alice").text.replacing(#/\s+/#, with: " ").contains(
        "debug alice: is excluded by \(line), nothing to do"))
    #expect(try machine.repair("alice").users.first?.actions?.isEmpty == true)
    for command in ["check alice", "status alice"] {
      let output = try machine.rootlessStorage(command)
      #expect(output.text.replacing(#/\s+/#, with: " ").contains("Is excluded by \(line)"), "\(command): \(output)")
    }
    #expect(try machine.check("alice").codes == ["account-excluded"])
    let verify = try machine.rootlessStorage("verify alice")
    #expect(verify.status == 0 && verify.text.contains("not served (excluded by the settings)"), "\(verify)")
    #expect(try machine.rootlessStorage("list").text.contains("alice"), "what there is, is listed")
    #expect(try machine.snapshot("/home /var/tmp") == before)
    #expect(try machine.login("alice", "strict").code == 0)
    #expect(try machine.snapshot("/home /var/tmp") == before)
  }

  @Test func `the file of logins is judged as a login does, by its owner too`() throws {
    let machine = try Machine()
    let good = try machine.rootlessStorage("config check")
    #expect(good.status == 0 && good.text == "/etc/rootless-storage/rootless-storage.conf: every line holds.\n", "\(good)")
    try machine.sure("chown 4001 /etc/rootless-storage/rootless-storage.conf")
    for command in ["check", "show"] {
      let output = try machine.rootlessStorage("config \(command)")
      #expect(output.status == 2 && output.text.contains("uid 4001"), "\(output)")
    }
    try machine.sure("rm /etc/rootless-storage/rootless-storage.conf")
    #expect(try machine.rootlessStorage("config check").status == 0)
    #expect(try machine.rootlessStorage("config show").lines.allSatisfy { !$0.contains("# line") })
  }

  @Test func `drop-ins are checked and shown with their own lines, as a login reads them`() throws {
    let machine = try Machine(settings: "uid_min = 500\norphan_days = 5\n")
    try machine.user("alice", uid: 4001)
    let folder = "/etc/rootless-storage/conf.d"
    try machine.sure("mkdir -p \(folder) /etc/other/conf.d")
    try machine.write("orphan_days = 20\nuid_max = many\n", to: "\(folder)/20-host.conf")
    try machine.write("orphan_days = 10\ndirectory_mode = 0711\n", to: "\(folder)/10-site.conf")
    for name in [".hidden.conf", "30.conf~", "30.conf.dpkg-dist", "30.conf.rpmnew"] {
      try machine.write("colour = red\n", to: "\(folder)/\(name)")
    }
    let check = try machine.rootlessStorage("config check")
    #expect(
      check.status == 1 && check.lines.first?.hasPrefix("\(folder)/20-host.conf:2: uid_max is a number") == true
        && !check.text.contains("colour"), "\(check)")
    let show = try machine.rootlessStorage("config show 2> /dev/null")
    #expect(
      show.lines.prefix(3) == ["# /etc/rootless-storage/rootless-storage.conf", "# \(folder)/10-site.conf", "# \(folder)/20-host.conf"],
      "\(show)")
    for line in [
      "uid_min = 500 # line 1", "orphan_days = 20 # \(folder)/20-host.conf:1", "directory_mode = 0711 # \(folder)/10-site.conf:2",
      "uid_max = none # default",
    ] {
      #expect(show.text.replacing("\n    ", with: " ").contains(line), "\(line): \(show)")
    }
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(machine.rootlessStorage("config show --json 2> /dev/null").text.utf8)) as? [String: Any])
    #expect(json["dropIns"] as? [String] == ["\(folder)/10-site.conf", "\(folder)/20-host.conf"])
    let mode = try #require((json["settings"] as? [[String: Any]])?.first { $0["key"] as? String == "directory_mode" })
    #expect(mode["file"] as? String == "\(folder)/10-site.conf" && mode["line"] as? Int == 2)
    // The finding names the drop-in too.
    let finding = try machine.rootlessStorage("check alice")
    #expect(finding.text.contains("edit \(folder)/20-host.conf at line 2"), "\(finding)")
    // A draft is checked alone, and what is named elsewhere has its own drop-ins.
    try machine.write("uid_min = 600\n", to: "/etc/other/site.conf")
    let draft = try machine.rootlessStorage("config check \(folder)/10-site.conf")
    #expect(draft.status == 0 && draft.text == "\(folder)/10-site.conf: every line holds.\n", "\(draft)")
    try machine.write("uid_min = 700\n", to: "/etc/other/conf.d/x.conf")
    #expect(
      try machine.rootlessStorage("config show --conf /etc/other/site.conf").lines.contains("uid_min = 700 # /etc/other/conf.d/x.conf:1"))
    // One that a login refuses is refused here.
    for script in ["chmod 666 \(folder)/10-site.conf", "chmod 777 \(folder)", "chown 4001 \(folder)"] {
      try machine.sure(script)
      for command in ["check", "show"] {
        let output = try machine.rootlessStorage("config \(command)")
        #expect(output.status == 2 && output.text.contains(folder), "\(script): \(output)")
      }
      try machine.sure("chmod 644 \(folder)/10-site.conf; chmod 755 \(folder); chown 0 \(folder)")
    }
  }

  @Test func `a draft may come through a pipe of the shell's, and --conf says that it takes none`() throws {
    let machine = try Machine()
    let output = try machine.sh(
      "[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd; bash -c '\(Machine.commandLine) config check <(printf \"uid_min = 500\\nfrob = 1\\n\")'"
    )
    #expect(output.status == 1 && output.text.contains(":2: ") && output.text.contains("frob"), "\(output)")
    let good = try machine.sh("echo 'uid_min = 500' | \(Machine.commandLine) config check /proc/self/fd/0")
    #expect(good.status == 0 && good.text == "/proc/self/fd/0: every line holds.\n", "\(good)")
    let long = try machine.sh("yes '# text' | \(Machine.commandLine) config check /proc/self/fd/0")
    #expect(long.status == 2 && long.text.contains("is too large"), "\(long)")
    for command in ["check", "list", "config show"] {
      let refused = try machine.sh("echo 'uid_min = 500' | \(Machine.commandLine) \(command) --conf /proc/self/fd/0")
      #expect(
        refused.status == 2 && refused.text.contains("--conf takes a file that can be opened again")
          && refused.text.contains("config check /proc/self/fd/0"), "\(refused)")
    }
    // A file that is open is a file.
    try machine.write("uid_min = 600\n", to: "/etc/draft")
    let open = try machine.sh("\(Machine.commandLine) config check /proc/self/fd/0 < /etc/draft")
    #expect(open.status == 0, "\(open)")
  }

  @Test func `show names the line of each value, or default, and what does not hold is the default`() throws {
    let machine = try Machine(
      settings: "uid_min = 500\nuid_min = 600   # people\nuid_max = 5\norphan_days = never\nstorage_directory = /scratch/$USER\n")
    let output = try machine.rootlessStorage("config show 2> /dev/null")
    #expect(output.status == 0, "\(output)")
    for line in [
      "uid_min = 600 # line 2", "uid_max = none # default", "orphan_days = 7 # default", "storage_directory = /scratch/$USER # line 5",
      "guarded_directories = /var/tmp/$USER # default", "occupied = take # default",
    ] {
      #expect(output.lines.contains(line), "\(line): \(output)")
    }
    #expect(output.lines.allSatisfy { $0.count <= 80 })
    #expect(try machine.rootlessStorage("config show").text.contains("orphan_days is a number of days"), "on standard error")
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(machine.rootlessStorage("config show --json 2> /dev/null").text.utf8)) as? [String: Any])
    let settings = try #require(json["settings"] as? [[String: Any]])
    // All that the shipped file names.
    let keys = try machine.sure("grep -oE '^#?[a-z_]+ =' '\(projectDirectory)/packaging/rootless-storage.conf' | tr -d '# ='").lines
    #expect(settings.compactMap { $0["key"] as? String }.sorted() == keys.sorted())
    #expect(settings.first { $0["key"] as? String == "uid_min" }?["line"] as? Int == 2)
  }
}
