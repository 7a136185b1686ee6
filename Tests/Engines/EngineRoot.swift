import Foundation
import TestSupport

/// One release of Debian with its Podman and Docker, in a mount namespace of its own: an overlay over what Tests/Packages/root has made,
/// with the staged tree of rootless-storage in its usual places. Engines run in it as users whose subordinate ids newuidmap gives.
///
/// It is the root of that namespace, and not a chroot: a process whose root is another directory cannot make user namespaces. Homes are on
/// ramfs, which the settings call a network file system; storage is on tmpfs.
final class EngineRoot {
  /// Releases as Tests/Packages/root knows them. That of experimental is sid with a newer Podman.
  static let releases = ["bullseye", "bookworm", "trixie", "sid", "experimental"]
  static let need = "needs root, the staged tree and Debian's engines: run it as Tests/run engines"
  static var isPossible: Bool { Machine.isPossible && releases.allSatisfy { base($0) != nil } }

  private static func base(_ release: String) -> String? { ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_ENGINES_\(release)"] }

  private let namespace: MountNamespace
  let release: String

  /// alice's home is on the network; bob's is not.
  static let uids = ["alice": 4001, "bob": 4002]

  init(_ release: String) throws {
    guard let base = EngineRoot.base(release), let stage = Machine.stage else { throw CommandFailure(description: EngineRoot.need) }
    self.release = release
    namespace = try MountNamespace(ownProcesses: true)
    try sure(
      """
      umask 022
      mount -t tmpfs -o mode=755 engines /mnt
      mkdir /mnt/upper /mnt/work /mnt/root
      mount -t overlay -o lowerdir='\(base)',upperdir=/mnt/upper,workdir=/mnt/work root /mnt/root
      cd /mnt/root
      mount -t proc proc proc
      mount -t sysfs sys sys
      # Podman 6 takes no other.
      mount -t cgroup2 cgroup sys/fs/cgroup
      mount -t tmpfs -o mode=755 dev dev
      mkdir dev/shm dev/pts dev/net
      mount -t devpts -o newinstance,ptmxmode=666 pts dev/pts
      ln -s pts/ptmx dev/ptmx
      mount -t tmpfs -o mode=1777 shm dev/shm
      for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
      ln -s /proc/self/fd dev/fd
      mount -t tmpfs -o mode=755 run run
      mkdir run/tests run/user
      mount -t ramfs home home
      chmod 755 home
      mount -t tmpfs -o mode=1777 tmp tmp
      mount -t tmpfs -o mode=1777 vartmp var/tmp
      mount -t tmpfs -o mode=755 srv srv
      mkdir -p usr/libexec etc
      cp -r '\(stage)/usr/libexec/rootless-storage' usr/libexec/
      cp -r '\(stage)/etc/rootless-storage' etc/
      cp '\(stage)/usr/bin/'* usr/bin/
      # A layer with a file of another id than the user's.
      mkdir /mnt/layer
      echo layer > /mnt/layer/file
      tar --create --file run/tests/layer.tar --numeric-owner --owner 999 --group 999 --directory /mnt/layer file
      mkdir former
      pivot_root . former
      cd /
      umount --lazy /former
      """)
    try sure(
      """
      rmdir /former
      mount --make-rshared /
      printf 'network_filesystems = ramfs\\n' > /etc/rootless-storage/rootless-storage.conf
      printf 'alice:x:4001:4001::/home/alice:/bin/sh\\nbob:x:4002:4002::/srv/bob:/bin/sh\\n' >> /etc/passwd
      printf 'alice:x:4001:\\nbob:x:4002:\\n' >> /etc/group
      printf 'alice:100000:65536\\nbob:200000:65536\\n' | tee /etc/subuid > /etc/subgid
      mkdir -p /etc/containers /usr/share/containers
      cp -a /etc/containers /run/tests/etc
      cp -a /usr/share/containers /run/tests/share
      """)
  }

  /// Everything is as before the first case.
  func reset() throws {
    var script = ""
    for (name, uid) in EngineRoot.uids.sorted(by: { $0.key < $1.key }) {
      endProcesses(of: name)
      let home = EngineRoot.home(name)
      script += "rm -rf \(home) /run/user/\(uid); install -d -m 700 -o \(uid) -g \(uid) \(home) /run/user/\(uid)\n"
    }
    try sure(
      """
      \(script)
      rm -rf /tmp/* /var/tmp/* /dev/shm/* /etc/containers /usr/share/containers
      cp -a /run/tests/etc /etc/containers
      cp -a /run/tests/share /usr/share/containers
      install -d -m 700 -o 4001 -g 4001 /var/tmp/alice
      """)
  }

  /// All of a user's processes, in this namespace of processes.
  func endProcesses(of name: String) {
    let uid = EngineRoot.uids[name] ?? -1
    // The shell that does it goes with them.
    _ = try? sh("setpriv --reuid \(uid) --regid \(uid) --clear-groups /bin/bash -c 'kill -KILL -1'")
  }

  static func home(_ name: String) -> String { name == "bob" ? "/srv/bob" : "/home/\(name)" }

  /// Runs a script as root in it.
  func sh(_ script: String) throws -> Output {
    try namespace.run([
      "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root", "/bin/bash", "-c",
      "cd /; umask 022; " + script,
    ])
  }

  @discardableResult
  func sure(_ script: String) throws -> Output {
    let output = try namespace.run(["/bin/bash", "-c", "export PATH=/usr/sbin:/usr/bin:/sbin:/bin; set -e; cd /; " + script])
    if output.status != 0 { throw CommandFailure(description: "\(script)\n\(output)") }
    return output
  }

  /// Runs a script as a user, in an environment like a session's; `environment` comes over it: `NAME=VALUE`, or `-NAME` for none.
  func sh(_ script: String, as name: String, _ environment: [String] = []) throws -> Output {
    let uid = EngineRoot.uids[name] ?? -1
    var variables = [
      "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8", "HOME": EngineRoot.home(name), "USER": name, "LOGNAME": name,
      "SHELL": "/bin/sh",
      "XDG_RUNTIME_DIR": "/run/user/\(uid)",
    ]
    for word in environment {
      if word.hasPrefix("-") {
        variables[String(word.dropFirst())] = nil
      } else if let equals = word.firstIndex(of: "=") {
        variables[String(word[..<equals])] = String(word[word.index(after: equals)...])
      }
    }
    let words = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return try namespace.run(
      ["/usr/bin/setpriv", "--reuid", "\(uid)", "--regid", "\(uid)", "--clear-groups", "/usr/bin/env", "-i"] + words + [
        "/bin/bash", "-c", "cd; umask 022; " + script,
      ])
  }

  /// Writes files; those whose path begins with a tilde are the user's.
  func write(_ files: [(path: String, content: String)], of name: String) throws {
    for (path, content) in files {
      let data = Data(content.utf8).base64EncodedString()
      let script = "mkdir -p \"$(dirname \(path))\"; echo \(data) | base64 -d > \(path)"
      let output = path.hasPrefix("~") ? try sh(script, as: name) : try sh(script)
      if output.status != 0 { throw CommandFailure(description: "\(path)\n\(output)") }
    }
  }
}
