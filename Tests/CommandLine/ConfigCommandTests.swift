import Foundation
import TestSupport
import Testing

/// `config`: what of a settings file holds, and why the rest does not.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct ConfigCommandTests {
  private static let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

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
      for part in ["/home/alice/draft:2: there is no setting \"colour\"", "/home/alice/draft:3: uid_max is a number", "/home/alice/draft:5: subids is"] { #expect(text.contains(part), "\(part): \(text)") }
      #expect(!text.contains(":1:") && !text.contains(":4:"))
    }
    let json = try #require(try JSONSerialization.jsonObject(with: Data(machine.rootlessStorage("config check --json /home/alice/draft").text.utf8)) as? [String: Any])
    #expect((json["problems"] as? [[String: Any]])?.compactMap { $0["line"] as? Int } == [2, 3, 5])
    #expect(try machine.snapshot("/home /etc") == before)
    let gone = try machine.rootlessStorage("config check /home/alice/gone")
    #expect(gone.status == 2 && gone.text.contains("/home/alice/gone"), "\(gone)")
    let folder = try machine.rootlessStorage("config check /home")
    #expect(folder.status == 2, "\(folder)")
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

  @Test func `show names the line of each value, or default, and what does not hold is the default`() throws {
    let machine = try Machine(settings: "uid_min = 500\nuid_min = 600   # people\nuid_max = 5\norphan_days = never\nstorage_directory = /scratch/$USER\n")
    let output = try machine.rootlessStorage("config show 2> /dev/null")
    #expect(output.status == 0, "\(output)")
    for line in ["uid_min = 600 # line 2", "uid_max = none # default", "orphan_days = 7 # default", "storage_directory = /scratch/$USER # line 5", "guarded_directories = /var/tmp/$USER # default", "occupied = take # default"] {
      #expect(output.lines.contains(line), "\(line): \(output)")
    }
    #expect(output.lines.allSatisfy { $0.count <= 80 })
    #expect(try machine.rootlessStorage("config show").text.contains("orphan_days is a number of days"), "on standard error")
    let json = try #require(try JSONSerialization.jsonObject(with: Data(machine.rootlessStorage("config show --json 2> /dev/null").text.utf8)) as? [String: Any])
    let settings = try #require(json["settings"] as? [[String: Any]])
    // All that the shipped file names.
    let keys = try machine.sure("grep -oE '^#?[a-z_]+ =' '\(ConfigCommandTests.top)/packaging/rootless-storage.conf' | tr -d '# ='").lines
    #expect(settings.compactMap { $0["key"] as? String }.sorted() == keys.sorted())
    #expect(settings.first { $0["key"] as? String == "uid_min" }?["line"] as? Int == 2)
  }
}
