import Foundation
import TestSupport
import Testing

/// Recipes of packaging/doc/admin.md that are commands, run as they stand there.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct RecipeTests {

  /// The indented lines below a heading.
  private func commands(under heading: String) throws -> String {
    let lines = try String(contentsOfFile: "\(projectDirectory)/packaging/doc/admin.md", encoding: .utf8).components(
      separatedBy: "\n")
    let start = try #require(lines.firstIndex(of: heading))
    let section = lines[(start + 1)...].prefix { !$0.hasPrefix("#") }
    return section.filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }.joined(separator: "\n")
  }

  /// Owner, kind, mode, capability, size, links and extended attributes of all in it.
  private func contents(_ machine: Machine, _ directory: String) throws -> [String] {
    try machine.sure(
      """
      cd \(directory) && find . -printf '%P %y %m %U:%G %s %n %l\\n' | sort; find . ! -type l | sort | getfacl -n - | grep -v '^$'; find . -type f -exec sha256sum {} + | sort
      python3 - <<'PYTHON'
      import os
      for folder, names, files in sorted(os.walk(".")):
          for name in sorted(names + files):
              path = os.path.join(folder, name)
              for key in sorted(os.listxattr(path, follow_symlinks=False)): print(path, key, os.getxattr(path, key, follow_symlinks=False).hex())
      PYTHON
      """
    ).lines
  }

  @Test func `a user whose uid changes has the old storage, with all that is in it`() throws {
    let machine = try Machine.good(ownProcesses: true)
    try machine.sure(
      """
      mount -t tmpfs -o mode=700 root /root
      cd /var/tmp/alice; install -d -o 4001 -g 4001 containers/storage containers/storage/overlay containers/storage/volumes docker
      cd containers/storage/overlay
      install -m 4755 -o 100000 -g 100000 /bin/true su; ln su hard; ln -s /etc/shadow link; chown -h 100007:100007 link
      install -m 755 -o 100000 -g 100000 /bin/true ping
      install -m 640 -o 4001 -g 100042 /dev/null own; setfacl -m u:100005:r own
      python3 -c 'import os; os.setxattr("own", "user.containers.override_stat", b"0:0:0644"); os.setxattr("ping", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))'
      mkfifo -m 600 pipe; chown 4001:4001 pipe; truncate -s 5M sparse; chown 4001:4001 sparse
      """)
    let before = try contents(machine, "/var/tmp/alice")
    // A new number in the directory, and a home of it.
    try machine.sure(
      "sed -i 's/^alice:x:4001:4001:/alice:x:5001:5001:/' /etc/passwd; sed -i 's/^alice:x:4001:/alice:x:5001:/' /etc/group; find /home/alice -exec chown -h 5001:5001 {} +"
    )
    #expect(try machine.check("alice").codes == ["storage-occupied"])
    let commands = try commands(under: "### A user's uid changes")
    let recipe = try machine.sh(
      "set -o pipefail; PATH=\(URL(fileURLWithPath: Machine.commandLine).deletingLastPathComponent().path):$PATH; OLD=4001; NEW=5001\n\(commands)"
    )
    #expect(
      recipe.text.contains(#/alice +ramfs +\/var\/tmp\/alice +good/#) || recipe.text.contains("alice: no problems found"), "\(recipe)")
    let expected = before.map { $0.replacing(#/\b4001\b/#, with: "5001") }
    let found = try contents(machine, "/var/tmp/alice")
    #expect(found == expected, "\(Set(found).symmetricDifference(expected))")
    #expect(try machine.sure("stat -c %b /var/tmp/alice/containers/storage/overlay/sparse").text == "0\n")
    #expect(try machine.check("alice").codes == [])
    let login = try machine.login("alice", "strict")
    #expect(login.code == 0 && login.log.isEmpty, "\(login)")
    #expect(try machine.sure("stat -c %u /var/tmp/alice.old").text == "4001\n", "kept until somebody removes it")
  }
}
