import Foundation
import TestSupport
import Testing

/// The pages rootless-storage*(7) and (8) agree with the program.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct ManualTests {

  /// A page's lines by section, and by subsection of those that have some.
  private struct Page {
    private(set) var sections: [String: [String]] = [:]
    private(set) var subsections: [String: [String: [String]]] = [:]

    /// - Parameter name: the file in packaging/man.
    init(_ name: String) throws {
      var (section, subsection) = ("", "")
      for line in try String(contentsOfFile: "\(projectDirectory)/packaging/man/\(name)", encoding: .utf8).split(separator: "\n").map(
        String.init)
      {
        if line.hasPrefix(".Sh ") { (section, subsection) = (String(line.dropFirst(4)), "") }
        if line.hasPrefix(".Ss ") { subsection = String(line.dropFirst(4)) }
        sections[section, default: []].append(line)
        subsections[section, default: [:]][subsection, default: []].append(line)
      }
    }
  }

  /// First groups of all matches.
  private func all(_ pattern: some RegexComponent<(Substring, Substring)>, in text: String) -> [String] {
    text.matches(of: pattern).map { String($0.output.1) }
  }

  // MARK: Findings

  @Test func `every code is in the page, and no other, and repaired is said of those that repair fixes`() throws {
    let source = try String(contentsOfFile: "\(projectDirectory)/Sources/CommandLine/Report/FindingCode.swift", encoding: .utf8)
    let codes = all(#/case [A-Za-z]+ = "([a-z-]+)"/#, in: source)
    let entries =
      (try ["findings", "host-findings"].flatMap { try #require(try Page("rootless-storage-\($0).7").sections["DESCRIPTION"]) }).compactMap
    { try? #/\.It Cm ([a-z-]+) Pq (.*)/#.wholeMatch(in: $0)?.output }
    #expect(entries.map { String($0.1) }.sorted() == codes.sorted() && codes.count > 50)
    for entry in entries {
      #expect(
        (try? #/(error|warning|note|error or warning|error or note|warning or note|error, warning or note)(, repaired)?/#.wholeMatch(
          in: entry.2)) != nil, "\(entry)")
      // SituationTests proves of each situation whether it is fixed.
      let situations = SituationTests.situations.filter { $0.codes.contains(String(entry.1)) }
      // Or a virtual machine does, where the kernel of a container lacks something (QuotaTests).
      let isProven = situations.contains(where: \.isRepairable) || entry.1 == "quota-missing"
      #expect(entry.2.hasSuffix("repaired") == isProven, "\(entry)")
    }
  }

  // MARK: Commands and options

  @Test func `every command and option that help lists is in its page, and no other`() throws {
    let index = try Page("rootless-storage.8")
    let topics = try subcommands("")
    #expect(try Set(all(#/(?m)^\.It Cm ([a-z]+)$/#, in: #require(index.sections["COMMANDS"]).joined(separator: "\n"))) == Set(topics))
    for option in [".Fl -help .", ".Fl -version"] { #expect(try #require(index.sections["COMMANDS"]).contains(option), "once for all") }
    // Those with subcommands stand there as these.
    for topic in topics {
      let page = try Page("rootless-storage-\(topic).8")
      let nested = try subcommands(topic)
      let commands = nested.isEmpty ? [topic] : nested.map { "\(topic) \($0)" }
      if !nested.isEmpty { #expect(try Set(#require(page.subsections["DESCRIPTION"]).keys).subtracting([""]) == Set(commands)) }
      let synopsis = try #require(page.sections["SYNOPSIS"]).joined(separator: "\n").split(separator: "\n.Nm rootless-storage\n")
        .dropFirst()
      #expect(synopsis.count == commands.count, "\(topic)")
      for command in commands {
        let options = Set(all(#/(?m)^  (?:-[a-z], )?(--[a-z-]+)/#, in: try help(command))).subtracting(["--help", "--version"])
        let lines = try #require(nested.isEmpty ? page.sections["DESCRIPTION"] : page.subsections["DESCRIPTION"]?[command])
        #expect(Set(all(#/(?m)^\.It Fl (-[a-z-]+)/#, in: lines.joined(separator: "\n")).map { "-\($0)" }) == options, "\(command)")
        let form = try #require(synopsis.first { $0.hasPrefix(".Cm \(command)\n") })
        #expect(Set(all(#/(?m)^\.Op Fl (-[a-z-]+)/#, in: String(form)).map { "-\($0)" }) == options, "\(command)")
      }
    }
  }

  private func help(_ command: String) throws -> String {
    try run(Machine.commandLine, command.split(separator: " ").map(String.init) + ["--help"]).text
  }

  private func subcommands(_ command: String) throws -> [String] {
    let help = try help(command)
    guard let listed = help.range(of: "SUBCOMMANDS:\n") else { return [] }
    return all(#/(?m)^  ([a-z]+) /#, in: String(help[listed.upperBound...]))
  }

  // MARK: JSON

  /// All keys at any depth.
  private func keys(_ value: Any) -> Set<String> {
    switch value {
    case let object as [String: Any]: object.reduce(into: Set(object.keys)) { $0.formUnion(keys($1.value)) }
    case let list as [Any]: list.reduce(into: []) { $0.formUnion(keys($1)) }
    default: []
    }
  }

  private func keys(_ output: Output) throws -> Set<String> {
    do { return keys(try JSONSerialization.jsonObject(with: Data(output.text.utf8))) } catch {
      throw CommandFailure(description: "no JSON: \(output)")
    }
  }

  /// The subsection about the JSON of a command. Those of commands with subcommands are in their own pages.
  private func json(_ subsection: String) throws -> [String] {
    let topic = subsection.split(separator: " ")[0]
    let lines =
      ["subids", "pam"].contains(topic)
      ? try Page("rootless-storage-\(topic).8").subsections["JSON"] : try Page("rootless-storage-json.7").subsections["DESCRIPTION"]
    return try #require(lines?[subsection])
  }

  /// What a subsection of JSON names.
  private func documented(_ subsection: String) throws -> Set<String> {
    let lines = try json(subsection)
    return Set(
      lines.filter { $0.hasPrefix(".It Va ") || $0.hasPrefix(".Va ") }.flatMap { $0.split(separator: " ").dropFirst().map(String.init) }
        .filter { !["Va", ",", ".", ":", ";"].contains($0) })
  }

  @Test func `every key of the JSON that is printed is in the page, and no other`() throws {
    let machine = try Machine.good()
    // Root's alone is where the storage directories are from now on.
    try machine.sure(
      """
      mount -t tmpfs -o mode=755 none /mnt; printf 'storage_directory = /mnt/$USER\\norphan_days = 0\\n' >> /etc/rootless-storage/rootless-storage.conf
      rm -r /home/alice/.config/docker
      d=/home/alice/.local/share/containers/storage/overlay/x; mkdir -p $d; echo 1 > $d/f; chown -R 4001 /home/alice/.local
      """)
    // alice may not look at mallory.
    var seen = try keys(machine.rootlessStorage("check --json alice mallory", asUid: 4001))
    #expect(seen.contains("failure"))
    // Not even root can make her storage directory.
    try machine.sure("mount -o remount,ro /mnt")
    seen.formUnion(try keys(machine.rootlessStorage("repair --json alice")))
    #expect(seen.contains("cause"))
    try machine.sure("mount -o remount,rw /mnt")
    try machine.sure(
      "printf '[storage]\\ndriver = \"overlay\"\\n[storage.options.overlay]\\nignore_chown_errors = \"true\"\\n' > /home/alice/.config/containers/storage.conf"
    )
    seen.formUnion(try keys(machine.rootlessStorage("repair --json alice")))
    #expect(seen.contains("backup") && seen.contains("dataRoot"))
    // No file system here has limits: QuotaTests shows these keys.
    #expect(try documented("check and repair") == seen.union(["counts", "set", "already", "left", "isComplete", "count"]))
    #expect(try documented("login") == keys(machine.rootlessStorage("login --debug --json alice")))
    #expect(try documented("config show") == keys(machine.rootlessStorage("config show --json")))
    try machine.write("colour = red\n", to: "/etc/draft")
    #expect(try documented("config check") == keys(machine.rootlessStorage("config check --json /etc/draft")))

    try machine.sure("cd /mnt; install -d -o 4711 gone gone/containers gone/containers/storage")
    // No file system here has limits: QuotaTests shows these keys.
    #expect(try documented("list") == keys(machine.rootlessStorage("list --json")).union(["bytes", "bytesUsed", "inodes", "inodesUsed"]))
    let pruned = try keys(machine.rootlessStorage("prune --orphaned --dry-run --json")).union(
      keys(machine.rootlessStorage("prune --until-free 1K --dry-run --json")))
    #expect(try documented("prune") == pruned)

    let host = try keys(machine.rootlessStorage("subids check --json alice"))
    #expect(
      try documented("subids check").isSubset(of: host.union(["failure"]))
        && host.isSubset(of: documented("subids check").union(documented("check and repair"))))
    #expect(try documented("subids list") == keys(machine.rootlessStorage("subids list --json")))
    try machine.sure("sed -i /alice/d /etc/subuid; echo 'uid_max = 60000' >> /etc/rootless-storage/rootless-storage.conf")
    #expect(try documented("subids allocate") == keys(machine.rootlessStorage("subids allocate --dry-run --json alice")))
    #expect(try documented("subids release") == keys(machine.rootlessStorage("subids release --dry-run --json mallory")))

    try machine.sure(
      "printf 'session required pam_permit.so\\n' | tee /etc/pam.d/sshd > /etc/pam.d/login; echo 'session optional pam_rootless_storage.so debug' >> /etc/pam.d/login"
    )
    let disabling = try keys(machine.rootlessStorage("pam disable --dry-run --json"))
    let status = try keys(machine.rootlessStorage("pam status --json"))
    #expect(try documented("pam status") == status)
    try machine.sure("echo 'session optional pam_rootless_storage.so' >> /etc/pam.d/sshd")
    // What is refused here has no note.
    #expect(
      try documented("pam enable and disable") == keys(machine.rootlessStorage("pam disable --json")).union(["note"])
        && disabling.isSubset(of: documented("pam enable and disable")))
  }

  @Test func `every key of the JSON of status is in the page, and no other`() throws {
    let machine = try StatusTests.machine()
    let output = try machine.sh(
      StatusTests.journald
        + "log 0 'pam_rootless_storage(sshd:session): alice: created /var/tmp/alice'; journalctl --sync; env -i \(Machine.commandLine) status --json alice; stop"
    )
    #expect(output.text.contains("\"lastLog\":{"), "\(output)")
    #expect(try documented("status") == keys(output))
  }

  @Test func `every key of the JSON of verify is in the page, and no other`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    // Another driver than check expects, a failure that check explains, and Docker that is not here.
    try machine.sure(
      "echo 'driver = \"vfs\"' >> /home/alice/.config/containers/storage.conf; sed -i '/^driver = .overlay/d; /graphroot/d' /home/alice/.config/containers/storage.conf; sed -i /alice/d /etc/subuid"
    )
    try machine.write("echo 'lchown: check /etc/subuid' >&2; exit 125\n", to: "/var/tmp/alice/engine/podman-import")
    let seen = try keys(machine.rootlessStorage("verify --json alice mallory"))
    #expect(seen.contains("words") && seen.contains("check") && seen.contains("unknown") && seen.contains("fileSystem"), "\(seen)")
    #expect(try documented("verify") == seen)
  }

  @Test func `the examples of JSON are JSON, with keys that are documented`() throws {
    for subsection in [
      "check and repair", "verify", "status", "list", "prune", "subids list", "subids allocate", "subids release", "pam status",
      "pam enable and disable",
    ] {
      let lines = try json(subsection)
      let blocks = lines.split { $0.hasPrefix(".Bd") || $0.hasPrefix(".Ed") }.filter {
        !($0.first ?? "").hasPrefix(".") && !($0.first ?? "").isEmpty
      }
      #expect(blocks.count >= 1)
      for block in blocks {
        let text = block.joined(separator: "\n")
        let used = try keys(Output(status: 0, text: text.hasPrefix("{") ? text : "{\(text)}"))
        #expect(used.isSubset(of: try documented(subsection)), "\(text)")
      }
    }
  }
}
