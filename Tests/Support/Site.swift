import Foundation

/// A site with the role packaging/ansible/rootless_storage: one host, and a folder with its inventory and its play. They are for Debian's
/// ansible-playbook, which runs on this machine and acts on the host.
public final class Site {
  /// What a play did.
  public struct Play: CustomStringConvertible, Sendable {
    public let text: String
    /// Of the one host: ok, changed, unreachable, failed, skipped.
    public let recap: [String: Int]

    public var description: String { text }
  }

  /// Lines that one of them has and the other has not.
  public static func difference(_ before: String, _ after: String) -> [String] {
    Set(before.split(separator: "\n")).symmetricDifference(after.split(separator: "\n")).sorted().prefix(20).map(String.init)
  }

  // MARK: Commands for the host

  /// All that a play could have changed, with the times of changes: not the locks of dpkg, nor what apt remembers of its lists.
  public static let snapshot = """
    find /etc /usr/lib/x86_64-linux-gnu/security /usr/libexec /usr/bin /var/cache /var/lib/dpkg /var/tmp -xdev \\
      -not -path '/etc/rootless-storage/*.dpkg-*' -not -path '*/systemd-private-*' -not -path '/var/lib/dpkg/lock*' \\
      -not -path '/var/cache/apt*' -printf '%p %y %m %U %s %T@\\n' | LC_ALL=C sort
    """

  public static let settings = "grep -v '^#' /etc/rootless-storage/rootless-storage.conf"
  public static let stacks = "grep -h rootless /etc/pam.d/common-session{,-noninteractive} | tr -s '\\t ' ' '"
  public static let skeleton = "cd /etc/rootless-storage/skel; find . -type f | LC_ALL=C sort"
  /// What is left after a purge, and how many packages.
  public static let remains =
    "grep -rl rootless_storage /etc/pam.d || true; ls -d /etc/rootless-storage /usr/bin/rootless-storage /var/cache/rootless-storage* 2>/dev/null || true; dpkg -l libpam-rootless-storage 2>/dev/null | grep -c ^.[^n] || true"

  /// What the gate tells where newuidmap is missing, and bob's storage.conf names no graphroot.
  public static let faults = ["error newuidmap: ", "sudo apt install uidmap", "error graphroot-missing: ", "rootless-storage repair bob"]

  private let folder: String
  private let package: String
  private let strategy: [String: String]
  private var variables: [String: Any] = [
    "rootless_storage_uid_max": 40000, "rootless_storage_subids": "off", "rootless_storage_reserved_ids": ["5000000-5999999", "7"],
    "rootless_storage_skeleton": [
      ".config/containers/storage.conf": "# The site's.\n[storage]\ndriver = \"overlay\"\ngraphroot = \"@STORAGE@/containers/storage\"\n",
      ".config/docker/daemon.json": NSNull(), ".site": "for @USER@\n",
    ] as [String: Any],
  ]

  /// - Parameters:
  ///   - package: the file that is installed.
  ///   - networkFilesystems: types of file systems of the homes.
  ///   - connection: variables with which Ansible reaches the host as root.
  ///   - isEmulated: the host's processor is. Without Mitogen it compiles Ansible's library once for each task, which is most of a play.
  public init(package: String, networkFilesystems: [String], connection: String, isEmulated: Bool = false) throws {
    self.package = package
    strategy =
      isEmulated
      ? [
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_STRATEGY_PLUGINS": "/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy", "ANSIBLE_TIMEOUT": "180",
      ] : [:]
    folder = try run("/usr/bin/mktemp", ["-d"]).lines[0]
    variables["rootless_storage_package"] = package
    variables["rootless_storage_network_filesystems"] = networkFilesystems
    try "lab1 \(connection) ansible_python_interpreter=/usr/bin/python3\n".write(
      toFile: folder + "/hosts", atomically: true, encoding: .utf8)
    try "- hosts: all\n  gather_facts: false\n  roles: [rootless_storage]\n".write(
      toFile: folder + "/site.yml", atomically: true, encoding: .utf8)
  }

  deinit { _ = try? run("/bin/rm", ["-rf", folder]) }

  /// - Parameter variables: from here on, those of the site.
  public func play(_ options: String = "", variables: [String: Any] = [:]) throws -> Play {
    self.variables.merge(variables) { $1 }
    try JSONSerialization.data(withJSONObject: self.variables).write(to: URL(fileURLWithPath: folder + "/variables.json"))
    let roles = "\(projectDirectory)/packaging/ansible"
    let output = try run(
      "/usr/bin/timeout",
      ["--kill-after=5", "900", "ansible-playbook", "-i", "\(folder)/hosts", "-e", "@\(folder)/variables.json"]
        + options.split(separator: " ").map(String.init) + ["\(folder)/site.yml"],
      environment: strategy.merging([
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8", "ANSIBLE_ROLES_PATH": roles,
        "ANSIBLE_PIPELINING": "1", "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": folder,
      ]) { $1 })
    guard let line = output.lines.last(where: { $0.hasPrefix("lab1 ") && $0.contains("ok=") }) else {
      throw CommandFailure(description: "no play took place: \(output)")
    }
    var recap: [String: Int] = [:]
    for word in line.split(separator: " ") {
      let pair = word.split(separator: "=")
      if pair.count == 2 { recap[String(pair[0])] = Int(pair[1]) }
    }
    if recap["unreachable"] != 0 { throw CommandFailure(description: "the host could not be reached: \(output)") }
    return Play(text: output.text, recap: recap)
  }

  /// The same package with a lower version.
  public func olderPackage() throws -> String {
    let older = folder + "/older.deb"
    let made = try run(
      "/bin/bash",
      [
        "-c",
        "set -e; dpkg-deb -R '\(package)' '\(folder)/older'; sed -i 's/^Version: .*/Version: 0.1/' '\(folder)/older/DEBIAN/control'; dpkg-deb --root-owner-group -Zgzip -b '\(folder)/older' '\(older)'",
      ])
    if made.status != 0 { throw CommandFailure(description: "\(made)") }
    return older
  }
}
