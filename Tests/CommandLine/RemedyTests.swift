import Foundation
import Synchronization
import TestSupport
import Testing

/// Every remedy that is a command is run as it is printed, as whom it is meant for. Afterwards its finding is gone, or it said that a
/// person has to decide; and nothing is changed but what it is about.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct RemedyTests {
  /// An administrator, who is not root on their terminal, or the user.
  enum Reader: CaseIterable, Sendable {
    case administrator, user
  }

  /// A service's findings are other suites' to run: what it needs is not in such a machine.
  private static let elsewhere = ["subuid-missing", "subuid-small", "subuid-overlap", "subid-source", "migrate-needed"]
  /// Words that a command begins with.
  private static let commands: Set<Substring> = [
    "sudo", "rootless-storage", "podman", "systemctl", "unset", "mv", "rm", "ls", "echo", "printf", "chmod",
  ]

  private static let followed = Mutex<Set<String>>([])

  static let situations =
    SituationTests.situations + [
      .init(
        what: "images with volumes",
        script:
          "d=/home/alice/.local/share/containers/storage; mkdir -p $d/volumes/thesis/_data $d/volumes/empty/_data; echo 1 > $d/volumes/thesis/_data/db; chown -R 4001 /home/alice/.local",
        codes: ["images-in-home"], isRepairable: false),
      .init(
        what: "images of subordinate ids",
        script:
          "d=/home/alice/.local/share/containers/storage/overlay; mkdir -p $d/x; echo 1 > $d/x/f; chown -R 4001 /home/alice/.local; chown 100041 $d/x $d/x/f; chmod 755 $d/x",
        codes: ["images-in-home"], isRepairable: false),
      .init(
        what: "~/.config of root's",
        script:
          "rm \(SituationTests.conf); chown 0:0 /home/alice/.config; chmod 755 /home/alice/.config /home/alice/.config/containers; rm -r /home/alice/.config/containers",
        codes: ["file-blocked"], isRepairable: false),
    ]

  @Test(arguments: situations)
  func `a remedy that is a command does what it says, for an administrator`(situation: SituationTests.Situation) throws {
    try follow(situation, .administrator)
  }

  @Test(arguments: situations)
  func `a remedy that is a command does what it says, for the user`(situation: SituationTests.Situation) throws {
    try follow(situation, .user)
  }

  private func follow(_ situation: SituationTests.Situation, _ reader: Reader) throws {
    let machine = try Machine.good(settings: situation.settings)
    try machine.sure(situation.script)
    try machine.sudoers()
    let look = { () throws -> [Report.Finding] in
      let report =
        reader == .user ? try machine.check("", asUid: 4001, environment: "XDG_RUNTIME_DIR=/run/user/4001") : try machine.check("alice")
      return report.users.first?.findings ?? []
    }
    for finding in try look() where !RemedyTests.elsewhere.contains(finding.code) {
      // An earlier remedy may have been for this one too.
      guard try look().contains(where: { $0.code == finding.code && $0.sentence == finding.sentence }) else { continue }
      let parts = finding.remedyParts
      let first = finding.remedy.split(separator: " ").first ?? ""
      #expect(parts.command != nil || !RemedyTests.commands.contains(first), "a command that is not said to be one: \(finding)")
      // What a person does before is theirs; and what the user runs in a session of theirs, no administrator does.
      guard let command = parts.command, parts.instruction == nil else { continue }
      // Once for each finding and command: what else leads to them, SituationTests repairs.
      guard RemedyTests.followed.withLock({ $0.insert("\(reader) \(finding.code) \(command)").inserted }) else { continue }
      #expect(parts.runBy == (command.contains("sudo ") ? "root" : "alice"), "\(finding)")
      #expect(reader == .user || parts.runBy == "root", "an administrator needs sudo: \(finding)")
      let before = try machine.names()
      let output = try machine.sh(
        "cd /; exec setpriv --reuid \(reader == .user ? 4001 : 4900) --regid \(reader == .user ? 4001 : 4900) --clear-groups env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=\(reader == .user ? "/home/alice" : "/nonexistent") XDG_RUNTIME_DIR=/run/user/4001 bash -c \(quoted(command))"
      )
      let isGone = try !look().contains { $0.code == finding.code && $0.sentence == finding.sentence }
      // What only shows something says what is to be decided then.
      #expect(isGone || parts.note != nil, "\(situation.what): still there after \(command): \(finding), \(output)")
      let changed = try machine.names().symmetricDifference(before).map { String($0.split(separator: " ")[0]) }
      for path in Set(changed) { #expect(isMeant(path, finding), "\(situation.what): \(command) changed \(path)") }
      for program in ["/tmp", "/var/tmp"] where situation.what != "below a way that others can change" {
        #expect(try machine.sure("stat -c %a \(program)").lines == ["1777"] || situation.script.contains("mount -t overlay"), "\(command)")
      }
    }
  }

  /// repair changes the user's storage directory and engines' files; any other command what its finding names.
  private func isMeant(_ path: String, _ finding: Report.Finding) -> Bool {
    let text = finding.sentence + " " + finding.remedy
    if text.contains("rootless-storage repair"),
      [
        "/var/tmp/alice", "/var/tmp/.alice.", "/var/tmp/rootless-4001", "/home/alice/.config", "/run/user/4001/containers",
        "/run/rootless-storage",
      ].contains(where: path.hasPrefix)
    {
      return true
    }
    if text.contains(path) || text.contains(path.replacing("/home/alice/", with: "~/")) { return true }
    // What lies below a directory that is removed or moved.
    return text.split { " ',;)(".contains($0) }.contains { word in
      let named = word.replacing("~/", with: "/home/alice/")
      return named.count > 6 && path.hasPrefix(named + "/")
    }
  }

  private func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

  // MARK: What is not a loop

  @Test func `a full home is said, and repair is not offered over and over`() throws {
    let machine = try Machine(homes: "tmpfs", storage: "ramfs", settings: "network_filesystems = tmpfs")
    try machine.user("alice", uid: 4001)
    try machine.sure(
      "echo 'alice:100000:65536' | tee /etc/subuid > /etc/subgid; mount -o remount,size=1m /home; head -c 2000000 /dev/zero > /home/alice/fill 2> /dev/null || true; chown 4001 /home/alice/fill"
    )
    for command in ["check", "repair", "check"] {
      let findings = try Report(machine.rootlessStorage("\(command) --json alice")).users[0].findings.filter {
        $0.code.hasSuffix("-missing") && $0.code != "storage-missing"
      }
      #expect(findings.map(\.code) == ["storage-conf-missing", "daemon-json-missing"], "\(findings)")
      for finding in findings {
        #expect(
          !finding.isRepairable && finding.sentence.contains("no space, or none of the quota, is left for the home")
            && finding.remedy.hasPrefix("free space in the home /home/alice, then: sudo "), "\(finding)")
      }
    }
    try machine.sure("rm /home/alice/fill")
    #expect(try machine.repair("alice").codes == [])
  }

  @Test func `whatever is in the way of a file is named with owner and mode, once`() throws {
    let machine = try Machine.good()
    try machine.sure("rm -r /home/alice/.config; install -d -m 755 /home/alice/.config")
    let root = try machine.check("alice").users[0].findings
    #expect(root.count == 1 && root[0].code == "file-blocked", "\(root)")
    #expect(
      root[0].sentence.hasPrefix(
        "~/.config is owned by root, has the mode 0755, and alice may not create files in it: ~/.config/containers/storage.conf and ~/.config/docker/daemon.json cannot be created"
      ), "\(root)")
    #expect(root[0].remedy.hasPrefix("sudo chown -h 4001:4001 /home/alice/.config && sudo rootless-storage repair alice    # "), "\(root)")
    // Deeper, the way is the user's, who could lead root elsewhere: the user moves it.
    try machine.sure("chown 4001:4001 /home/alice/.config; install -d -m 755 /home/alice/.config/containers")
    let deeper = try machine.check("alice").users[0].findings.first { $0.code == "file-blocked" }
    #expect(
      deeper?.remedy.contains(
        "--uid=alice mv -nT /home/alice/.config/containers /home/alice/.config/containers.old && sudo rootless-storage repair alice")
        == true, "\(String(describing: deeper))")
    try machine.sure("chown 4001:4001 /home/alice/.config/containers; chmod 500 /home/alice/.config/containers")
    let closed = try machine.check("alice").users[0].findings.first { $0.code == "file-blocked" }
    #expect(closed?.remedy.contains("chmod u+rwx /home/alice/.config/containers && ") == true, "\(String(describing: closed))")
    // A file that is there and must be changed.
    try machine.sure(
      "chmod 700 /home/alice/.config/containers; printf '[storage]\\ndriver = \"overlay\"\\ngraphroot = \"/home/alice/x\"\\n' > \(SituationTests.conf); chown 4001:4001 \(SituationTests.conf); chown 0:0 /home/alice/.config/containers; chmod 755 /home/alice/.config/containers"
    )
    let edit = try machine.check("alice").users[0].findings.first { $0.code == "graphroot-network" }
    #expect(
      edit?.isRepairable == false && edit?.sentence.contains("It cannot be written: ~/.config/containers is owned by root") == true,
      "\(String(describing: edit))")
  }

  @Test func `named volumes in the home are named, and never in a command that removes them`() throws {
    let machine = try Machine.good()
    try machine.sure(
      "d=/home/alice/.local/share/docker; mkdir -p $d/volumes/thesis/_data $d/overlay2/a; echo 1 > $d/volumes/thesis/_data/db; echo 1 > $d/overlay2/a/f; chown -R 4001 /home/alice/.local"
    )
    let found = try machine.check("alice").users[0].findings
    #expect(
      found.map(\.code) == ["images-in-home"] && found[0].sentence.contains("The volume thesis in it holds data")
        && !found[0].remedy.contains("rm -rf"), "\(found)")
    try machine.sure("rm -r /home/alice/.local/share/docker/volumes; chown 100005 /home/alice/.local/share/docker/overlay2/a/f")
    let foreign = try machine.check("alice").users[0].findings
    #expect(
      foreign.first?.remedy.hasPrefix("as alice, in a session of theirs: rootlesskit rm -rf ~/.local/share/docker    # ") == true,
      "\(foreign)")
  }

  @Test func `the mode of a directory that holds other files is nobody's but the user's to change`() throws {
    let machine = try Machine.good()
    try machine.sure("chmod 755 /var/tmp/alice; echo data > /var/tmp/alice/dataset; chown 4001 /var/tmp/alice/dataset")
    let found = try machine.check("alice").users[0].findings
    #expect(found.map(\.code) == ["storage-mode"] && found[0].severity == "warning" && !found[0].isRepairable, "\(found)")
    _ = try machine.repair("alice")
    #expect(try machine.sure("stat -c %a /var/tmp/alice").lines == ["755"])
    // Its owner's own bits are set, and no others.
    try machine.sure("chmod 355 /var/tmp/alice")
    _ = try machine.repair("alice")
    #expect(try machine.sure("stat -c %a /var/tmp/alice").lines == ["711"] || machine.sure("stat -c %a /var/tmp/alice").lines == ["755"])
  }

  @Test func `two lines of the module: the command that is printed leaves one, and the module on`() throws {
    let machine = try Machine.ofMarkers()
    try machine.sure("for service in sshd login; do echo 'session required pam_marker.so' > /etc/pam.d/$service; done")
    #expect(try machine.rootlessStorage("pam enable").status == 0)
    try machine.sure("echo 'session optional pam_rootless_storage.so debug' >> /etc/pam.d/sshd")
    try machine.sudoers()
    let status = try machine.rootlessStorage("pam status")
    let printed = try #require(status.text.components(separatedBy: "    -> ").dropFirst().first)
    let remedy = printed.replacing("\\\n", with: "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(remedy == "sudo rootless-storage pam disable --all && sudo rootless-storage pam enable", "\(status)")
    _ = try machine.sh("PATH=/usr/local/bin:$PATH; \(remedy)")
    let after = try machine.rootlessStorage("pam status")
    #expect(after.status == 0 && !after.text.contains("more than once"), "\(after)")
  }

  @Test func `a settings file in a directory of everybody's is moved, and the directory left alone`() throws {
    let machine = try Machine.good()
    try machine.sure("mount -t tmpfs -o mode=1777 none /tmp; cp /etc/rootless-storage/rootless-storage.conf /tmp/my.conf")
    let found = try Report(machine.rootlessStorage("check --json --conf /tmp/my.conf 2> /dev/null")).host.findings.first {
      $0.code == "settings-refused"
    }
    #expect(
      found?.remedy.hasPrefix("put my.conf where only root can write") == true && found?.remedy.contains("chmod") == false,
      "\(String(describing: found))")
  }
}

extension Machine {
  /// sudo(8) for uid 4900 and alice, `rootless-storage` in the PATH, and a manager that runs a command as a user.
  fileprivate func sudoers() throws {
    try sure("mountpoint -q /usr/local/bin || mount -t tmpfs -o mode=755 none /usr/local/bin")
    try program(
      """
      #define _GNU_SOURCE 1
      #include <grp.h>
      #include <stdlib.h>
      #include <unistd.h>
      int main(int count, char **words) {
        (void)count;
        if (setgroups(0, 0) || setresgid(0, 0, 0) || setresuid(0, 0, 0)) return 111;
        setenv("SUDO_UID", "4900", 1);
        execvp(words[1], words + 1);
        return 127;
      }
      """, to: "/usr/local/bin/sudo")
    try sure(
      """
      chmod 4755 /usr/local/bin/sudo
      ln -sf '\(Machine.commandLine)' /usr/local/bin/rootless-storage
      cat > /usr/local/bin/systemd-run <<'END'
      #!/bin/bash
      if [ "$*" = --version ]; then echo 'systemd 200'; exit; fi
      while [ "${1#--}" != "$1" ]; do case "$1" in --uid=*) uid=$(id -u "${1#--uid=}");; esac; shift; done
      cd /; exec setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
      END
      chmod 755 /usr/local/bin/systemd-run
      mount -t tmpfs -o mode=1777 none /tmp
      mkdir -p /run/user; [ -d /run/user/4001 ] || install -d -m 700 -o 4001 -g 4001 /run/user/4001
      """)
  }

  /// What there is, without times: each name with kind, mode, owner and link.
  fileprivate func names() throws -> Set<String> {
    Set(try sure("find /home /var/tmp /etc /run /tmp /usr/local -xdev -printf '%p %y %m %U:%G %l\\n' 2> /dev/null || true").lines)
  }
}
