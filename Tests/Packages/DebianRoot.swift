import Foundation
import TestSupport

/// A clean Debian of its own for one test: an overlay over what Tests/Packages/root has made, in a private mount namespace. It reaches no
/// network, runs no daemon, and is gone with this object.
///
/// Homes are on ramfs, as everywhere in these tests.
final class DebianRoot {
  private let namespace: MountNamespace
  /// Where the overlay is, in the namespace.
  static let place = "/mnt/root"

  private static let variables = ProcessInfo.processInfo.environment
  /// Built by Tests/run: the directory of the clean Debian, and the packages.
  static let base = variables["ROOTLESS_STORAGE_DEBIAN_ROOT"]
  /// The oldest release that the packages are tried in: glibc 2.31, Linux-PAM 1.4, and /lib not merged with /usr/lib.
  static let oldBase = variables["ROOTLESS_STORAGE_OLD_DEBIAN_ROOT"]
  /// A later Debian, where authselect is installed, and a newer version of it lies in /var/cache/newer.
  static let authselectBase = variables["ROOTLESS_STORAGE_AUTHSELECT_ROOT"]
  static let deb = variables["ROOTLESS_STORAGE_DEB"] ?? "/nonexistent"
  static let rpm = variables["ROOTLESS_STORAGE_RPM"] ?? "/nonexistent"
  /// The next version of both, with other settings.
  static let nextDeb = variables["ROOTLESS_STORAGE_NEXT_DEB"] ?? "/nonexistent"
  static let nextRPM = variables["ROOTLESS_STORAGE_NEXT_RPM"] ?? "/nonexistent"
  /// The first package that sites have; made for Tests/run --all.
  static let formerDeb = variables["ROOTLESS_STORAGE_FORMER_DEB"]
  static var isPossible: Bool { base != nil && Machine.host != nil && FileManager.default.fileExists(atPath: deb) }
  /// A small one of a release, with shadow-utils.
  static func shadowBase(_ release: String) -> String? { variables["ROOTLESS_STORAGE_SHADOW_\(release)"] }
  static let need = "needs root and the packages: run it as Tests/run packages"

  /// - Parameter ownProcesses: /proc shows only what is run in it, and programs can see that they are in a chroot.
  init(_ base: String? = base, ownProcesses: Bool = false) throws {
    guard let base, let host = Machine.host else { throw CommandFailure(description: DebianRoot.need) }
    namespace = try MountNamespace(ownProcesses: ownProcesses)
    let root = DebianRoot.place
    let made = try outside(
      """
      set -e; umask 022
      mount -t tmpfs -o mode=755 packages /mnt
      mkdir /mnt/upper /mnt/work \(root)
      mount -t overlay -o lowerdir='\(base)',upperdir=/mnt/upper,workdir=/mnt/work root \(root)
      mount -t proc proc \(root)/proc
      mount -t tmpfs -o mode=755 dev \(root)/dev
      for node in null zero full random urandom tty; do touch \(root)/dev/$node; mount --bind /dev/$node \(root)/dev/$node; done
      ln -s /proc/self/fd \(root)/dev/fd
      mount -t tmpfs -o mode=755 run \(root)/run
      mount -t ramfs home \(root)/home
      chmod 755 \(root)/home
      mount -t tmpfs -o mode=1777 tmp \(root)/tmp
      mkdir \(root)/run/tests
      cp '\(host)' \(root)/run/tests/pam-host
      for package in '\(DebianRoot.formerDeb ?? "")' '\(DebianRoot.deb)' '\(DebianRoot.nextDeb)' '\(DebianRoot.rpm)' '\(DebianRoot.nextRPM)'; do
        if [ -e "$package" ]; then cp "$package" \(root)/run/tests/; fi
      done
      """)
    if made.status != 0 { throw CommandFailure(description: "no Debian: \(made)") }
  }

  /// Puts the programs and their settings in their places, without a package.
  func place(settings: String) throws {
    guard let stage = Machine.stage else { throw CommandFailure(description: Machine.need) }
    let root = DebianRoot.place
    let copied = try outside(
      """
      set -e; umask 022
      mkdir -p \(root)/usr/libexec \(root)/etc
      cp -r '\(stage)/usr/libexec/rootless-storage' \(root)/usr/libexec/
      cp -r '\(stage)/etc/rootless-storage' \(root)/etc/
      cp '\(stage)/usr/bin/rootless-storage' \(root)/usr/bin/
      """)
    if copied.status != 0 { throw CommandFailure(description: "no programs: \(copied)") }
    try configure(settings)
  }

  /// Copies a program of this machine's to /run/tests.
  func put(_ program: String) throws {
    let copied = try outside("cp '\(program)' \(DebianRoot.place)/run/tests/")
    if copied.status != 0 { throw CommandFailure(description: "no \(program): \(copied)") }
  }

  func configure(_ settings: String) throws {
    try sure("printf '\(settings.replacing("\n", with: "\\n"))\\n' > /etc/rootless-storage/rootless-storage.conf")
  }

  /// Runs a script as root of the real machine, in the namespace.
  @discardableResult
  func outside(_ script: String) throws -> Output {
    try namespace.run(["/bin/bash", "-c", script])
  }

  /// Runs a script as root in it.
  @discardableResult
  func sh(_ script: String) throws -> Output {
    let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root"]
    return try namespace.run(
      ["/usr/sbin/chroot", DebianRoot.place, "/usr/bin/env", "-i"] + environment + ["/bin/bash", "-c", "cd /; umask 022; " + script])
  }

  /// The same, where a failure means that the test cannot go on.
  @discardableResult
  func sure(_ script: String) throws -> Output {
    let output = try sh("set -e; " + script)
    if output.status != 0 { throw CommandFailure(description: "\(script)\n\(output)") }
    return output
  }

  /// What Ansible has to know to act on it as root. Only the way there is not that of a network: `enter` takes the place of ssh.
  var ansibleVariables: String {
    let enter = "\(projectDirectory)/Tests/Packages/enter"
    return
      "ansible_connection=ssh ansible_host=\(namespace.process) ansible_user=root ansible_ssh_executable='\(enter)' ansible_ssh_transfer_method=piped"
  }

  /// Where a package lies in it.
  static func inside(_ package: String) -> String { "/run/tests/\(package.split(separator: "/").last ?? "")" }

  @discardableResult
  func install(_ package: String = deb) throws -> Output { try sure("dpkg --install \(DebianRoot.inside(package)) 2>&1") }

  /// The session lines of a stack, one blank between words.
  func session(_ stack: String) throws -> [String] {
    try sure("cat /etc/pam.d/\(stack)").lines.filter { $0.hasPrefix("session") }.map {
      $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
  }

  static let line = "session optional pam_rootless_storage.so"

  /// Every file below the directories that dpkg and the maintainer scripts write to, with mode and owner; not what caches and logs hold.
  func files() throws -> [String] {
    try sure(
      "find / -xdev \\( -path /proc -o -path /var/cache -o -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/rpm \\) -prune -o -printf '%p %y %m %U:%G\\n' | LC_ALL=C sort"
    ).lines
  }

  /// Adds an account with a home on a file system that the settings call a network one.
  func user(_ name: String, uid: Int) throws {
    try sure(
      "useradd --uid \(uid) --user-group --no-create-home --shell /bin/sh \(name); install -d -m 700 -o \(uid) -g \(uid) /home/\(name)")
  }

  /// Opens a session through common-session, as sshd does, and closes it.
  func login(_ name: String) throws -> Login {
    try sure("printf '@include common-session\\n' > /etc/pam.d/tested")
    return try Login(try sh("rm -f /dev/log; /run/tests/pam-host --log /etc/pam.d tested \(name)"))
  }
}
