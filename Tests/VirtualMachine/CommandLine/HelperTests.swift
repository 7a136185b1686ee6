import Foundation
import TestSupport
import Testing

/// `rootless-storage` against the real thing: Podman breaks, check says why, and what it says to do fixes it.
@Suite(.serialized, .enabled(if: Lab.isPossible, Comment(rawValue: Lab.need)))
struct HelperTests {
  /// Something that goes wrong for alice, whose home is on NFS and who has used Podman on this host.
  struct Situation: Sendable {
    let what: String
    /// As root, where everything was good before.
    let script: String
    /// What Podman is asked to do then, and what is in its answer.
    var attempt = HelperTests.bringIn
    let trouble: String
    /// What check finds in it, and in what is left when repair has done its work.
    let codes: [String]
    var left: [String] = []
    /// What is left when everybody has done what they were told, since nothing that is told is a command.
    var stays: [String] = []
    /// Holds when it is fixed, by whoever is told to.
    var after = "true"
    /// What Podman does when it is fixed.
    var proof = HelperTests.bringIn
    var answer = "sha256:"
    /// As root, where no command fixes it: away with the situation.
    var undo: String?
    /// As root, afterwards.
    var cleanUp = "true"
  }

  private static let bringIn = "podman import -q /srv/image.tar localhost/test"
  private static let start = "podman run --rm --network=none localhost/test stat -c %u:%g /data/owned-by-999"
  private static let both = "\(bringIn) && \(start)"

  private static let good = "/var/tmp/alice/containers/storage"
  /// As in the scripts: $conf is alice's file.
  private static func conf(_ text: String) -> String { "cat <<'END' | as alice 'cat > '$conf\n\(text)\nEND\n" }
  private static let overlay = "[storage]\ndriver = \"overlay\"\n"

  /// A store that is not there yet; the old one comes back afterwards.
  private static let newStore = "mv /var/tmp/alice /var/lib/aside; "
  private static let oldStore =
    "as alice 'podman system migrate'; rm -rf /var/tmp/alice /var/tmp/.alice.*; mv /var/lib/aside /var/tmp/alice"
  private static let emptyDirectory = "install -d -m 700 -o alice -g alice /var/tmp/alice; "

  private static let inHome = "setting up pivot dir"
  private static let onNetwork = "a network file system with user namespaces is not supported"
  private static let restart = "as alice 'podman system migrate'"

  /// With Podman 4.3 on Linux 6.1.
  static let situations: [Situation] = [
    .init(
      what: "no storage.conf", script: "as alice 'rm '$conf", trouble: inHome, codes: ["storage-conf-missing"], left: ["images-in-home"],
      after: "grep -q '\(good)' <(as alice 'cat '$conf); as alice '! ls .local/share/containers/storage'", proof: both, answer: "999:999"),
    .init(
      what: "graphroot in the home", script: conf("# mine\n\(overlay)  graphroot = \"/home/nfs4/alice/images\" # there\nunknown = 1"),
      trouble: onNetwork,
      codes: ["graphroot-network"],
      after:
        "as alice 'grep -qx \"# mine\" '$conf' && grep -qx unknown.=.1 '$conf' && grep -q alice/images.*there '$conf'.*.bak && test -d images/libpod'"
    ),
    .init(what: "no graphroot", script: conf(overlay), trouble: onNetwork, codes: ["graphroot-missing"], left: ["images-in-home"]),
    .init(
      what: "invalid TOML", script: conf("[storage\ngraphroot = "), trouble: "Failed to read", codes: ["storage-conf-invalid"],
      left: ["images-in-home"],
      after: "as alice 'grep -qx \".storage\" '$conf'.*.bak'"),
    .init(
      what: "storage.conf a link that leads nowhere", script: "as alice 'ln -sf /nowhere '$conf", trouble: inHome,
      codes: ["storage-conf-unreadable"],
      left: ["images-in-home", "storage-conf-unreadable"], after: "test $(as alice 'readlink '$conf.old) = /nowhere"),
    .init(
      what: "graphroot of somebody else's",
      script: "install -d -m 755 -o bob /var/tmp/theirs; " + conf("\(overlay)graphroot = \"/var/tmp/theirs\""),
      trouble: "mkdir /var/tmp/theirs/libpod: permission denied", codes: ["graphroot-foreign"]),
    .init(
      what: "graphroot that cannot be made", script: conf("\(overlay)graphroot = \"/scratch/alice\""),
      trouble: "mkdir /scratch: permission denied",
      codes: ["graphroot-missing"]),
    .init(
      what: "no driver", script: conf("[storage]\ngraphroot = \"\(good)\""), trouble: "The storage 'driver' option must be set",
      codes: ["driver-missing"],
      after: "as alice 'podman images' > /run/images 2>&1; ! grep driver /run/images"),
    .init(
      what: "graphroot with a variable", script: conf("\(overlay)graphroot = \"/var/tmp/$USER/containers/storage\""),
      attempt: "env -u USER podman info --format {{.Store.GraphRoot}}", trouble: "/var/tmp/containers/storage",
      codes: ["graphroot-variable"],
      proof: "env -u USER podman info --format {{.Store.GraphRoot}}", answer: good, cleanUp: "rm -rf /var/tmp/containers"),

    // Podman keeps it in its database, from its first command on.
    .init(
      what: "a runroot that is not the user's",
      script: newStore + emptyDirectory + conf("\(overlay)graphroot = \"\(good)\"\nrunroot = \"/run/containers/storage\""),
      trouble: "RunRoot is pointing to a path (/run/containers/storage) which is not writable", codes: ["runroot-unusable"],
      left: ["runroot-unusable"],
      after: "test -f \(good)/libpod/bolt_state.db.old", cleanUp: oldStore),
    .init(
      what: "somebody else's directory in the place of the storage directory",
      script: newStore + "install -d -m 755 -o bob /var/tmp/alice; touch /var/tmp/alice/theirs",
      trouble: "mkdir /var/tmp/alice/containers: permission denied",
      codes: ["storage-occupied"],
      after:
        "test $(stat -c %U:%a /var/tmp/alice) = alice:700; test $(stat -c %U /var/tmp/.alice.replaced-*) = bob; test -f /var/tmp/.alice.replaced-*/theirs",
      proof: both, answer: "999:999", cleanUp: oldStore),
    .init(
      what: "a storage directory that its owner cannot write to", script: newStore + emptyDirectory + "chmod 500 /var/tmp/alice",
      trouble: "mkdir /var/tmp/alice/containers: permission denied", codes: ["storage-mode"],
      after: "test $(stat -c %a /var/tmp/alice) = 700", cleanUp: oldStore),
    .init(
      what: "a full disk", script: "mount -t tmpfs -o size=1m,mode=1777 none /var/tmp; " + emptyDirectory,
      trouble: "no space left on device",
      codes: ["storage-space"], undo: "\(restart); umount /var/tmp"),
    .init(
      what: "storage on overlay",
      script:
        "mount -t tmpfs none /mnt; mkdir /mnt/u /mnt/w; mount -t overlay -o lowerdir=/opt,upperdir=/mnt/u,workdir=/mnt/w none /var/tmp; chmod 1777 /var/tmp; rm -rf /run/user/2001/containers; "
        + emptyDirectory,
      trouble: "'overlay' is not supported over overlayfs", codes: ["storage-file-system", "storage-space"],
      undo: "\(restart); umount /var/tmp /mnt; rm -rf /run/user/2001/containers"),
    .init(
      what: "storage on a disk that executes nothing, and the driver that minds",
      script: "truncate -s 4G /srv/disk; mkfs.ext4 -q /srv/disk; mount -o loop,noexec /srv/disk /var/tmp; chmod 1777 /var/tmp; "
        + emptyDirectory + conf("[storage]\ndriver = \"vfs\"\ngraphroot = \"\(good)\""),
      attempt: both, trouble: "open executable: Permission denied", codes: ["driver-vfs", "storage-noexec"],
      left: ["driver-vfs", "storage-noexec"], stays: ["storage-noexec"],
      // With overlay, the mount is as it was.
      proof: both, answer: "999:999", cleanUp: "\(restart); umount /var/tmp; rm /srv/disk; as alice 'podman system migrate'"),

    .init(
      what: "no subordinate ids",
      script:
        "cp -p /etc/subuid /etc/subgid /run; sed -i /alice/d /etc/subuid /etc/subgid; \(restart); as alice 'podman image rm -f localhost/test'",
      // What the site does to give her a range is the site's.
      trouble: "potentially insufficient UIDs or GIDs", codes: ["subuid-missing"], undo: "cp -p /run/subuid /run/subgid /etc; \(restart)"),
    .init(
      what: "few subordinate ids",
      script: "sed -i s/^alice:100000:65536/alice:100000:500/ /etc/subuid; \(restart); as alice 'podman image rm -f localhost/test'",
      trouble: "potentially insufficient UIDs or GIDs", codes: ["subuid-small"], undo: "cp -p /run/subuid /run/subgid /etc; \(restart)"),
    .init(
      what: "other subordinate ids than when Podman's pause process was started",
      script:
        "sed -i s/^alice:100000:65536/alice:100000:500/ /etc/subuid; \(restart); as alice 'podman image rm -f localhost/test; \(bringIn) || true'; cp -p /run/subuid /run/subgid /etc",
      attempt: "podman unshare cat /proc/self/uid_map", trouble: " 500\n", codes: ["migrate-needed"],
      proof: "podman unshare cat /proc/self/uid_map", answer: " 100000      65536\n",
      cleanUp: "as alice 'podman image rm -f localhost/test; \(bringIn)'"),

    .init(
      what: "newuidmap without the rights that it needs", script: "\(restart); chmod u-s /usr/bin/newuidmap",
      trouble: "newuidmap: write to uid_map failed: Operation not permitted", codes: ["newuidmap"], left: ["newuidmap"]),
    .init(
      what: "no user namespaces", script: "\(restart); sysctl -q user.max_user_namespaces=0 kernel.unprivileged_userns_clone=0",
      trouble: "user namespaces are not enabled",
      codes: ["userns-disabled", "userns-disabled"], left: ["userns-disabled", "userns-disabled"]),
  ]

  @Test func `Podman breaks, check says why, and what it says fixes it`() throws {
    let lab = try Lab()
    try lab.install()
    let helper = try Helper(lab)
    try lab.root("loginctl enable-linger alice")
    #expect(try lab.login("alice", HelperTests.both).text.contains("999:999"))
    #expect(try helper.codes() == [])
    // None of it is root's to see.
    #expect(try lab.root("ls /home/nfs4/alice 2>&1 || true").text.contains("Permission denied"))
    for situation in HelperTests.situations {
      let what = situation.what
      try helper.sh(situation.script)
      #expect(try helper.codes() == situation.codes, "\(what)")
      let broken = try helper.alice(situation.attempt)
      #expect(broken.contains(situation.trouble), "\(what): \(broken)")
      if let undo = situation.undo {
        try helper.sh(undo)
      } else {
        let repair = try helper.report("repair alice")
        #expect(repair.actions.allSatisfy { $0.outcome == "done" }, "\(what): \(repair.actions)")
        #expect(repair.codes == situation.left, "\(what), after repair")
        try helper.follow(repair, what)
      }
      if situation.undo != nil || !situation.left.isEmpty {
        let left = try helper.codes()
        #expect(left == situation.stays, "\(what), when it is fixed: \(left)")
      }
      let fixed = try helper.alice(situation.proof)
      #expect(fixed.contains(situation.answer), "\(what): \(fixed)")
      let after = try helper.sh("set -e; \(situation.after)")
      #expect(after.hasSuffix("status 0\n"), "\(what): \(situation.after): \(after)")
      try helper.sh("\(situation.cleanUp); as alice 'chmod -R u+rwx '$conf'*; rm -rf images '$conf'.*'; rm -rf /var/tmp/theirs")
    }
    let end = try helper.alice(HelperTests.start)
    #expect(end.contains("999:999"), "what alice had all the time: \(end)")

    // What has not been used for a second goes, and containers are not used all the time.
    try lab.root(
      """
      install -d -o bob /var/tmp/bob/containers/storage; touch /var/tmp/bob/containers/storage/layer
      mv /usr/lib/tmpfiles.d/rootless-storage.conf /run/shipped
      echo 'q /var/tmp 1777 root root 1s' > /etc/tmpfiles.d/tmp.conf
      systemctl unmask systemd-tmpfiles-clean.timer 2>&1
      """)
    let ageing = try helper.report("check alice")
    #expect(ageing.codes == ["storage-ageing"])
    try helper.follow(ageing, "ageing")
    #expect(try helper.codes() == [])
    try lab.root("sleep 2; systemd-tmpfiles --clean")
    let kept = try helper.alice(HelperTests.start)
    #expect(kept.contains("999:999"), "\(kept)")
    #expect(try lab.root("ls /var/tmp/bob/containers/storage").text == "layer\n")
    try lab.root(
      "mv /etc/tmpfiles.d/rootless-storage-local.conf /run; mv /run/shipped /usr/lib/tmpfiles.d/rootless-storage.conf; systemd-tmpfiles --clean"
    )
    #expect(try lab.root("ls /var/tmp/bob/containers/storage").text == "layer\n", "the shipped file does it too")
    try lab.root("rm /usr/lib/tmpfiles.d/rootless-storage.conf; systemd-tmpfiles --clean")
    #expect(try lab.root("ls /var/tmp/bob/containers/storage 2>&1 || true").text.contains("layer\n") == false, "without either, it is gone")
  }

  @Test func `the environment counts for oneself, and a file server that is gone stops nobody else`() throws {
    let lab = try Lab(processors: 2)
    try lab.install()
    let helper = try Helper(lab)
    try lab.root(
      """
      for user in alice carol dave; do loginctl enable-linger $user; done
      echo 'alice ALL=(ALL) NOPASSWD:SETENV: ALL' > /etc/sudoers.d/alice
      """)
    for user in ["alice", "carol"] { #expect(try lab.login(user, "true").status == 0) }

    // Of one login, which costs seconds.
    let commands = [
      ("rootless-storage check --json", []),
      ("XDG_CONFIG_HOME=/tmp/x rootless-storage check --json", ["environment-config"]),
      ("XDG_CONFIG_HOME=/tmp/x rootless-storage check --json alice", ["environment-config"]),
      ("env -u XDG_RUNTIME_DIR rootless-storage check --json", ["runtime-directory"]),
      // Whoever is behind sudo, it is not their environment.
      ("XDG_CONFIG_HOME=/tmp/x sudo -E rootless-storage check --json alice", []),
      ("XDG_CONFIG_HOME=/tmp/x sudo -E -u alice rootless-storage check --json", []),
    ]
    let answers = try lab.login("alice", commands.map(\.0).joined(separator: "; echo ----; ")).text.components(separatedBy: "----\n")
    #expect(answers.count == commands.count)
    for ((command, codes), answer) in zip(commands, answers) {
      #expect(try Report(Output(status: 0, text: answer)).codes == codes, "\(command): \(answer)")
    }
    let others = try lab.login(
      "alice",
      "rootless-storage check bob; echo status $?; rootless-storage check --all; echo status $?; XDG_CONFIG_HOME=/tmp/x podman info --format {{.Store.GraphRoot}}"
    ).text
    #expect(others.components(separatedBy: "status 2\n").count == 3 && others.contains("only root may look"), "\(others)")
    #expect(others.hasSuffix("/home/nfs4/alice/.local/share/containers/storage\n"), "what is said of the environment is true: \(others)")
    try helper.sh("as alice 'rm -rf .local/share/containers'")

    // Requests to the file server: as many as there are files to look at, and not more on a host with more users or images.
    for (user, type) in [("alice", "nfs4"), ("carol", "nfs3")] {
      let counts = try lab.root(
        """
        requests() { awk -v home=/home/\(type)/\(user) '$1 == "device" { here = ($5 == home) } here && $1 ~ /^[A-Z_]+:$/ { sum += $3 } END { print sum }' /proc/self/mountstats; }
        measure() { sync; echo 3 > /proc/sys/vm/drop_caches; sleep 1; before=$(requests); "$@" > /dev/null; after=$(requests); echo $((after - before)); }
        measure rootless-storage check \(user); measure rootless-storage repair \(user)
        """)
      for line in counts.lines { #expect((1...60).contains(Int(line) ?? 0), "\(user): \(counts)") }
    }

    #expect(try helper.report("check --all").users.map(\.name) == ["alice", "carol", "dave"])
    try lab.link("down")
    for command in ["check", "repair"] {
      let began = Date()
      let output = try lab.root(
        "timeout 60 rootless-storage \(command) --all --json --timeout 8; echo status $?; pgrep -x rootless-storag || true")
      #expect(Date().timeIntervalSince(began) < 45, "\(output)")
      #expect(output.text.hasSuffix("status 2\n"), "\(output)")
      let report = try Report(Output(status: 2, text: output.text.replacing("status 2\n", with: "")))
      #expect(
        report.users.map {
          $0.failure
            == "no answer within 8 seconds; is the file server of /home/\($0.name == "carol" ? "nfs3" : "nfs4")/\($0.name) down, or of another path that its files name?"
        } == [true, true, false])
      #expect(
        report.users.last?.name == "dave" && report.users.last?.failure == nil
          && report.codes == (command == "check" ? ["storage-parent-shared"] : []), "\(output)")
    }
    #expect(try Report(lab.login("dave", "rootless-storage check --json", patience: 120)).codes == [])
  }

  @Test func `repair replaces a file on NFS in one step, keeps the old one beside, and other hosts see both`() throws {
    let lab = try Lab([.lab1, .lab2])
    for host in [Lab.Host.lab1, .lab2] {
      try lab.install(on: host)
      _ = try Helper(lab, host)
    }
    func root(_ command: String, on host: Lab.Host = .lab1) throws -> String { try lab.root(". /run/lab; \(command)", on: host).text }
    for (user, type) in [("alice", "nfs4"), ("carol", "nfs3")] {
      let file = "/home/\(type)/\(user)/.config/containers/storage.conf"
      let old = "# mine\n[storage]\ndriver = \"overlay\"\ngraphroot = \"/home/\(type)/\(user)/images\"\n"
      let new = old.replacing("/home/\(type)/\(user)/images", with: "/var/tmp/\(user)/containers/storage")
      let state =
        "cat \(file) \(file).*.bak; stat -c \"%i %U %a %h\" \(file).*.bak; stat -c \"%U %a %h\" \(file); ls -A .config/containers | wc -l"
      for host in [Lab.Host.lab1, .lab2] { #expect(try lab.login(user, "true", on: host).status == 0) }
      let spoil = "printf '\(old.replacing("\n", with: "\\n"))' | as \(user) 'cat > \(file)'"
      let inode = try root("\(spoil); as \(user) 'chmod 640 \(file); stat -c %i \(file)'").replacing("\n", with: "")
      let expected = "\(new)\(old)\(inode) \(user) 640 1\n\(user) 640 1\n2\n"
      #expect(try Report(lab.root("rootless-storage repair --json \(user)")).actions.map(\.outcome) == ["done"])
      #expect(try root("as \(user) '\(state)'") == expected)
      // What a host has seen lately it may take from its cache.
      try lab.root("echo 3 > /proc/sys/vm/drop_caches", on: .lab2)
      #expect(try root("as \(user) '\(state)'", on: .lab2) == expected)
      #expect(try Report(lab.root("rootless-storage check --json \(user)", on: .lab2)).codes == [])

      // Both hosts at once: whoever is second finds it fixed, or says that it was changed meanwhile.
      _ = try root("as \(user) 'rm \(file).*'; \(spoil)")
      let repairs = Repairs()
      DispatchQueue.concurrentPerform(iterations: 2) { index in
        let host = index == 0 ? Lab.Host.lab1 : .lab2
        repairs.add((try? lab.root("rootless-storage repair --json \(user) || true", on: host)) ?? Output(status: -1, text: "no answer"))
      }
      let all = try repairs.all.flatMap { try Report($0).actions }
      #expect(
        all.contains { $0.outcome == "done" } && all.allSatisfy { $0.outcome == "done" || $0.cause?.contains("changed") == true }, "\(all)")
      for host in [Lab.Host.lab1, .lab2] {
        try lab.root("echo 3 > /proc/sys/vm/drop_caches", on: host)
        #expect(try root("as \(user) 'cat \(file)'", on: host) == new)
        #expect(try root("as \(user) 'grep -l images \(file).*.bak | wc -l'", on: host) != "0\n")
        #expect(try Report(lab.root("rootless-storage check --json \(user)", on: host)).codes == [])
      }
    }
  }
}

private final class Repairs: @unchecked Sendable {
  private let lock = NSLock()
  private var outputs: [Output] = []
  func add(_ output: Output) { lock.withLock { outputs.append(output) } }
  var all: [Output] { lock.withLock { outputs } }
}

extension Report {
  fileprivate var findings: [Finding] { host.findings + users.flatMap(\.findings) }
  /// Of the host and of all users, sorted.
  fileprivate var codes: [String] { findings.map(\.code).sorted() }
  fileprivate var actions: [Action] { users.flatMap { $0.actions ?? [] } }
}

/// alice on lab1, without a login: a login would create the files that are missing.
struct Helper {
  let lab: Lab

  init(_ lab: Lab, _ host: Lab.Host = .lab1) throws {
    self.lab = lab
    try lab.root(
      #"""
      cat > /run/lab <<'END'
      conf=.config/containers/storage.conf
      as() {
        local user=$1 uid home
        shift
        uid=$(id -u $user) home=$(getent passwd $user | cut -d: -f6)
        (cd / && exec setpriv --reuid $user --regid $user --init-groups env -i HOME=$home USER=$user LOGNAME=$user \
          PATH=/usr/local/bin:/usr/bin:/bin XDG_RUNTIME_DIR=/run/user/$uid DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$uid/bus \
          timeout 120 bash -c "cd; $*")
      }
      END
      """#, on: host)
  }

  /// As root, with `as USER COMMAND`. What it printed, and then `status N`.
  @discardableResult
  func sh(_ script: String) throws -> String { try lab.root(". /run/lab; (\(script)\n) 2>&1; echo status $?").text }

  func alice(_ command: String) throws -> String { try sh("as alice '\(command.replacing("'", with: "'\\''"))'") }

  func report(_ arguments: String) throws -> Report { try Report(lab.root("rootless-storage \(arguments) --json || true")) }

  func codes() throws -> [String] { try report("check alice").codes }

  /// Does what the report tells people to do, and what is told then, until there is nothing more to do. A remedy that is no command
  /// is left.
  func follow(_ first: Report, _ what: String) throws {
    var report = first
    for _ in 0..<4 {
      let remedies = report.findings.map(\.remedy).filter { !$0.contains("mount -o remount,") }
      if remedies.isEmpty { return }
      for remedy in remedies {
        let told = "as alice, in a session of theirs: "
        // Podman asks before it deletes everything.
        let output = remedy.hasPrefix(told) ? try alice("yes | (\(remedy.dropFirst(told.count))\n)") : try sh("yes | (\(remedy)\n)")
        // repair is content only when nothing at all is left.
        #expect(output.hasSuffix("status 0\n") || remedy.contains("rootless-storage repair"), "\(what): \(remedy): \(output)")
      }
      report = try self.report("check alice")
    }
  }
}
