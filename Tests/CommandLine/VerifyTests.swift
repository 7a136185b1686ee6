import Foundation
import TestSupport
import Testing

/// `verify` runs engines as the user and leaves nothing, whatever an engine does. Real engines: PackageStoryTests.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct VerifyTests {
  struct Answer: Decodable {
    struct Step: Decodable, Equatable {
      let step: String
      let outcome: String
      let milliseconds: Int
      let cause: String?
      let status: Int?
      let words: [String]?
    }
    struct Difference: Decodable {
      let what: String
      let engine: String
      let check: String
    }
    struct Engine: Decodable {
      let engine: String
      let version: String?
      let steps: [Step]
      let differences: [Difference]
      let unknown: String?
      var failed: Step? { steps.first { $0.outcome != "done" } }
      /// Their names, all done.
      var done: [String] { steps.filter { $0.outcome == "done" }.map(\.step) }
    }
    struct User: Decodable {
      let name: String
      let state: String
      let cause: String?
      let engines: [Engine]
      let findings: [Report.Finding]
      let explanations: [Report.Finding]
    }
    let users: [User]
    let programVersion: String
  }

  /// Plays podman and docker: it keeps one image and one container in /var/tmp/USER/engine, and does before a command what a script
  /// ENGINE-COMMAND there says.
  static let engine = #"""
    #!/bin/bash
    me=$(basename "$0"); here=/var/tmp/$USER/engine; mkdir -p $here
    echo "$me $*" >> $here/log
    { id -u; id -G; pwd; env | LC_ALL=C sort | grep -vE '^(PWD|OLDPWD|SHLVL|_)='; readlink /proc/self/fd/0; ps -o tty= -p $$; } > $here/process
    [ ! -e $here/$me-$1 ] || . $here/$me-$1
    image=$(printf %064d 7)
    case $1 in
      info)
        if [ $me = docker ]; then echo "{\"ServerVersion\":\"26.1.5\",\"DockerRootDir\":\"/var/tmp/$USER/docker\",\"Driver\":\"overlay2\"}"
        else echo "{\"host\":{\"databaseBackend\":\"sqlite\"},\"store\":{\"graphRoot\":\"/var/tmp/$USER/containers/storage\",\"graphDriverName\":\"overlay\",\"runRoot\":\"/run/user/$UID/containers\"},\"version\":{\"Version\":\"5.4.2\"}}"; fi ;;
      import) [[ "$*" == *"LABEL io.rootless-storage.verify=1"* ]] && tar -tf "${@: -2:1}" > $here/archive || exit 1; echo $image > $here/$me.image; echo sha256:$image ;;
      run) touch $here/$me.container; while [ "$1" != --volume ]; do shift; done
        printf '\0\0\0\0\052\0\0\0\347\003\0\0\347\003\0\0\376\377\0\0\376\377\0\0' > "${2%:/volume}/written"; rm $here/$me.container ;;
      ps) [ ! -e $here/$me.container ] || printf '%064d\n' 8 ;;
      images) [ ! -e $here/$me.image ] || { echo sha256:$image; echo sha256:$image; } ;;
      image) rm $here/$me.image ;;
      rm) rm $here/$me.container ;;
    esac
    """#

  /// A manager of each user's who is logged in, as `VerifyTests.logIn` makes them.
  static let manager = #"""
    #!/bin/bash
    if [ "$*" = --version ]; then echo 'systemd 252 (252.1-1)'; exit; fi
    for word; do [[ "$word" == --machine=* ]] && uid=${word#--machine=} && uid=${uid%@.host}; done
    while [ "$1" != -- ]; do shift; done
    shift; cd /; exec setpriv --reuid $uid --regid $uid --clear-groups "$@"
    """#

  static func logIn(_ uid: Int) -> String {
    """
    install -d -m 700 -o \(uid) -g \(uid) /run/user/\(uid) /run/user/\(uid)/systemd
    for socket in systemd/private docker.sock; do python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' /run/user/\(uid)/$socket; chown \(uid):\(uid) /run/user/\(uid)/$socket; done
    """
  }

  /// alice is logged in, with everything in place and both engines.
  static func machine(engines: [String] = ["podman", "docker"], ownProcesses: Bool = false) throws -> Machine {
    let machine = try Machine.good(ownProcesses: ownProcesses)
    try machine.sure(
      """
      mount -t tmpfs -o mode=755 none /usr/local/bin; install -d /run/systemd/system; install -d -m 755 /run/user
      for program in podman docker systemd-run; do [ ! -e /usr/bin/$program ] || mount --bind /dev/null /usr/bin/$program; done
      \(logIn(4001)); install -d -o 4001 -g 4001 /var/tmp/alice/engine
      """)
    try machine.write(manager, to: "/usr/local/bin/systemd-run")
    for name in engines { try machine.write(engine, to: "/usr/local/bin/\(name)") }
    try machine.sure("chmod 755 /usr/local/bin/*")
    return machine
  }

  private func verify(_ machine: Machine, _ arguments: String, status: Int32, asUid uid: Int? = nil, environment: String = "") throws
    -> Answer
  {
    let output = try machine.rootlessStorage("verify --json \(arguments)", asUid: uid, environment: environment)
    #expect(output.status == status, "\(output)")
    do { return try JSONDecoder().decode(Answer.self, from: Data(output.text.utf8)) } catch {
      throw CommandFailure(description: "\(error): \(output)")
    }
  }

  /// What is there beside what the stand-ins keep for themselves.
  private func left(_ machine: Machine) throws -> [String] {
    try machine.sh(
      "find /home /run/user /var/tmp/alice/engine -name '*rootless-storage-verify*' -o -name '*.image' -o -name '*.container' | grep -v skel"
    ).lines
  }

  // MARK: What goes well

  @Test(arguments: [nil, 4001]) func `both engines are asked as the user, in a session of theirs, and nothing is left`(caller: Int?) throws
  {
    let machine = try VerifyTests.machine()
    let before = try machine.sure("find /home /run/user -printf '%p %y %m %U:%G %s %l\\n' | sort").text
    let foreign =
      "HOME=/root XDG_RUNTIME_DIR=/run/\(caller == nil ? "root" : "user/4001") CONTAINERS_CONF=/etc/evil DOCKER_HOST=tcp://evil LD_DEBUG_OUTPUT=/etc/x"
    let answer = try verify(machine, caller == nil ? "alice" : "", status: 0, asUid: caller, environment: foreign)
    #expect(answer.users.map(\.name) == ["alice"] && answer.users.map(\.state) == ["good"] && !answer.programVersion.isEmpty, "\(answer)")
    #expect(
      answer.users[0].engines.map(\.engine) == ["podman", "docker"] && answer.users[0].engines.map(\.version) == ["5.4.2", "26.1.5"])
    for engine in answer.users[0].engines {
      #expect(
        engine.done == ["info", "import", "run", "volume", "remove"] && engine.failed == nil && engine.differences.isEmpty, "\(engine)")
    }
    #expect(
      try machine.sure("cat /var/tmp/alice/engine/process").lines == [
        "4001", "4001", "/", "DOCKER_HOST=unix:///run/user/4001/docker.sock", "HOME=/home/alice", "LOGNAME=alice",
        "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
        "USER=alice", "XDG_RUNTIME_DIR=/run/user/4001", "/dev/null", "?",
      ])
    let log = try machine.sure("cat /var/tmp/alice/engine/log").lines
    // No command more than somebody would type.
    #expect(
      log.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == [
        "podman info", "podman import", "podman run", "podman image", "docker info", "docker import", "docker run", "docker image",
      ], "\(log)")
    #expect(
      log.filter { $0.contains(" run ") }.allSatisfy {
        $0.contains("--network=none") && $0.contains("--rm") && $0.contains("--volume /home/alice/.rootless-storage-verify-")
          && $0.contains("--label io.rootless-storage.verify=1")
      }, "\(log)")
    #expect(try machine.sure("cat /var/tmp/alice/engine/archive").lines == ["probe", "volume/", "0-42", "999-999", "65534-65534"])
    #expect(try machine.sure("find /home /run/user -printf '%p %y %m %U:%G %s %l\\n' | sort").text == before)
    #expect(try left(machine) == [])

    let text = try machine.rootlessStorage("verify alice --engine podman", asUid: caller, environment: foreign)
    #expect(
      text.status == 0 && text.lines.first == "alice: podman 5.4.2 works, overlay in /var/tmp/alice/containers/storage (tmpfs).", "\(text)")
    #expect(
      text.lines.dropFirst().allSatisfy { $0.wholeMatch(of: #/  (info|import|run|volume|remove) +[0-9]+\.[0-9]{2} s  done/#) != nil }
        && text.lines.count == 6 && Set(text.lines.dropFirst().map(\.count)).count == 1, "\(text)")
  }

  @Test func `what an engine says of itself may have many lines, with warnings around it`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    try machine.write(
      """
      echo '{broken' >&2; echo 'WARN[0000] "/" is not a shared mount {}' >&2
      printf '{\n    "host": {},\n    "store": {\n        "graphRoot": "/var/tmp/alice/containers/storage"\n    },\n    "version": {\n        "Version": "4.3.1"\n    }\n}\n'
      echo 'WARN[0001] done' >&2; exit 0
      """, to: "/var/tmp/alice/engine/podman-info")
    #expect(try verify(machine, "alice --engine podman", status: 0).users[0].engines[0].version == "4.3.1")
  }

  // MARK: What does not

  struct Fault: CustomStringConvertible, Sendable {
    let what: String
    /// The command of the engine that goes wrong.
    let command: String
    let script: String
    let step: String
    let outcome: String
    let cause: String
    var words: [String]?
    var status: Int?
    let remedy: String
    /// Of how many seconds it has 5 at most.
    var isLate = false
    var description: String { what }
  }

  private static let again = "sudo rootless-storage verify alice"
  static let faults: [Fault] = [
    Fault(
      what: "info fails", command: "info", script: "printf 'first\\n\\033[31mlast \\\\ line\\r\\n' >&2; exit 125", step: "info",
      outcome: "failed", cause: "it ended with the exit status 125",
      words: ["first", "\\033[31mlast \\ line"], status: 125,
      remedy:
        "as alice, in a session of theirs: podman --log-level=debug info    # check finds nothing that explains it: act on what Podman prints; then: \(again)"
    ),
    Fault(
      what: "info is no JSON", command: "info", script: "echo '{ rubbish'; exit", step: "info", outcome: "failed",
      cause: "it printed no information", words: ["{ rubbish"], remedy: "as alice, in a session"),
    Fault(
      what: "info is deep", command: "info", script: "head -c 500000 /dev/zero | tr '\\0' '['; exit", step: "info", outcome: "failed",
      cause: "it printed no information", remedy: "as alice, in a session"),
    Fault(
      what: "info is killed", command: "info", script: "echo dying; kill -9 $$", step: "info", outcome: "killed",
      cause: "it was ended by signal 9, which rootless-storage did not send", words: ["dying"],
      remedy: "sudo journalctl -k -g 'killed process'    # the kernel ends programs when memory is short; then: \(again)"),
    Fault(
      what: "info floods", command: "info", script: "exec yes words", step: "info", outcome: "flooded",
      cause: "it printed more than 1.0 MiB, and was ended",
      remedy: "as alice, in a session of theirs: podman --log-level=debug info    # see what it prints; "),
    Fault(
      what: "info ignores SIGTERM", command: "info", script: "trap '' TERM; echo waiting; while :; do sleep 1; done", step: "info",
      outcome: "late", cause: ", and was ended", words: ["waiting"],
      remedy:
        "as alice, in a session of theirs: podman --log-level=debug info    # see what it waits for; or give it longer: \(again) --timeout 600",
      isLate: true),
    Fault(
      what: "info leaves its session", command: "info", script: "(trap '' TERM HUP; setsid sleep 3007 &); exec sleep 3007", step: "info",
      outcome: "late", cause: ", and was ended", remedy: "as alice", isLate: true),
    Fault(
      what: "import fails", command: "import", script: "echo 'Error: writing blob: lchown /65534-65534: invalid argument' >&2; exit 125",
      step: "import", outcome: "failed", cause: "it ended with the exit status 125",
      words: ["Error: writing blob: lchown /65534-65534: invalid argument"], status: 125, remedy: "as alice"),
    Fault(
      what: "import names no image", command: "import", script: "touch $here/$me.image; echo imported; exit", step: "import",
      outcome: "failed", cause: "it printed no id of an image", words: ["imported"], remedy: "as alice"),
    Fault(
      what: "import hangs", command: "import", script: "touch $here/$me.image; trap '' TERM; while :; do sleep 1; done", step: "import",
      outcome: "late", cause: ", and was ended", remedy: "as alice", isLate: true),
    Fault(
      what: "run fails", command: "run", script: "touch $here/$me.container; echo 'OCI runtime error' >&2; exit 126", step: "run",
      outcome: "failed", cause: "it ended with the exit status 126", words: ["OCI runtime error"], status: 126, remedy: "as alice"),
    Fault(
      what: "the program in the container fails", command: "run", script: "exit 13", step: "run", outcome: "failed",
      cause: "the program in the container ended with the exit status 13 (Permission denied)", status: 13, remedy: "as alice"),
    Fault(
      what: "run hangs", command: "run", script: "touch $here/$me.container; trap '' TERM; while :; do sleep 1; done", step: "run",
      outcome: "late", cause: ", and was ended", remedy: "as alice", isLate: true),
    Fault(
      what: "run writes nothing", command: "run", script: "exit 0", step: "volume", outcome: "failed",
      cause: "the file that the container wrote into the home cannot be read: No such file or directory",
      remedy: "as alice, in a session of theirs: touch ~/rootless-storage-test"),
    Fault(
      what: "run writes rubbish", command: "run", script: "echo rubbish > ${10%:/volume}/written; exit", step: "volume", outcome: "failed",
      cause: "what the container wrote into the home is not there as it was written", remedy: "as alice"),
    Fault(
      what: "run leaves a link", command: "run", script: "ln -s /etc/passwd ${10%:/volume}/written; exit", step: "volume",
      outcome: "failed", cause: "the file that the container wrote into the home cannot be read: Too many levels of symbolic links",
      remedy: "as alice"),
    Fault(
      what: "run leaves a pipe", command: "run", script: "mkfifo ${10%:/volume}/written; exit", step: "volume", outcome: "failed",
      cause: "what the container wrote into the home is not there as it was written", remedy: "as alice"),
    Fault(
      what: "owners are squashed", command: "run", script: "head -c 24 /dev/zero > ${10%:/volume}/written; exit", step: "volume",
      outcome: "failed", cause: "the image's file of 0:42 belongs to 0:0 in the container",
      remedy: "as alice"),
    Fault(
      what: "nothing is removed", command: "image", script: "echo busy >&2; exit 2", step: "remove", outcome: "failed",
      cause: "it ended with the exit status 2", words: ["busy"], status: 2,
      remedy: "\(again)    # what is left bears the label io.rootless-storage.verify=1, and the next run removes it"),
  ]

  @Test(arguments: faults) func `whatever the engine does is told, in time, and is gone`(fault: Fault) throws {
    let machine = try VerifyTests.machine(engines: ["podman"], ownProcesses: true)
    try machine.write(fault.script + "\n", to: "/var/tmp/alice/engine/podman-\(fault.command)")
    let began = Date()
    let answer = try verify(machine, "alice --engine podman --timeout \(fault.isLate ? 8 : 60)", status: 1)
    let seconds = Date().timeIntervalSince(began)
    #expect(seconds < (fault.isLate ? 9.5 : 30), "\(seconds) s")
    let user = answer.users[0]
    let step = try #require(user.engines.first?.failed, "\(answer)")
    #expect(
      step.step == fault.step && step.outcome == fault.outcome && step.status == fault.status && step.cause?.hasSuffix(fault.cause) == true,
      "\(step)")
    if let words = fault.words { #expect(step.words == words, "\(step)") }
    #expect(
      user.findings.map(\.code) == ["engine-fails"] && user.explanations.isEmpty && user.findings[0].remedy.hasPrefix(fault.remedy),
      "\(user)")
    #expect(user.findings[0].severity == (fault.step == "remove" ? "warning" : "error"))
    let processes = try machine.sh("pgrep -u alice -a").lines.filter { !$0.contains("pgrep") }
    #expect(processes == [], "\(processes)")
    if fault.command == "image" {
      #expect(try left(machine).count == 2)
      try machine.sure("rm /var/tmp/alice/engine/podman-image")
      #expect(
        try verify(machine, "alice --engine podman", status: 0).users[0].engines[0].done == [
          "info", "leftovers", "import", "run", "volume", "remove",
        ])
    }
    #expect(try left(machine) == [])
  }

  @Test(arguments: [("INT", nil), ("KILL", nil), ("INT", 4001), ("KILL", 4001)] as [(String, Int?)])
  func `an engine is ended with whoever asks, and nothing is left`(signal: String, caller: Int?) throws {
    let machine = try VerifyTests.machine(engines: ["podman", "docker"], ownProcesses: true)
    try machine.write("touch $here/$me.container; (setsid sleep 3001 &); sleep 3002\n", to: "/var/tmp/alice/engine/podman-run")
    let drop = caller.map { "setpriv --reuid \($0) --regid \($0) --clear-groups " } ?? ""
    // A shell has its background ignore what a terminal sends for Ctrl-C, and the threads of the tests' program block it.
    let ended = try machine.sh(
      """
      cd /
      \(drop)env -i --default-signal=INT XDG_RUNTIME_DIR=/run/user/4001 '\(Machine.commandLine)' verify --timeout 300 \(caller == nil ? "alice" : "") > /dev/null 2>&1 &
      asker=$!
      for round in $(seq 1000); do [ $(pgrep -cfx 'sleep 300[12]') -lt 2 ] || break; sleep 0.02; done
      kill -\(signal) $asker; { wait $asker; } 2> /dev/null; echo "status $?"
      for round in $(seq 200); do pgrep -u alice -a > /etc/left || break; sleep 0.05; done
      cat /etc/left
      """)
    #expect(ended.lines == ["status \(signal == "INT" ? 130 : 137)"], "\(ended)")
    #expect(try left(machine) == [])
    #expect(try machine.sh("grep 'docker import' /var/tmp/alice/engine/log").lines == [], "the next engine is not tried")
  }

  @Test func `what a killed run left goes with the next one`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    // The parent is what asks the engines.
    try machine.write("touch $here/$me.container; kill -9 $PPID; exit\n", to: "/var/tmp/alice/engine/podman-run")
    let killed = try verify(machine, "alice --engine podman", status: 2)
    #expect(
      killed.users[0].state == "failed" && killed.users[0].cause == "the process that asks the engines ended without an answer; try again",
      "\(killed)")
    #expect(try left(machine).count == 4, "volume, directory in the runtime directory, image, container")
    try machine.sure("rm /var/tmp/alice/engine/podman-run")
    let next = try verify(machine, "alice --engine podman", status: 0)
    #expect(next.users[0].engines[0].done == ["info", "leftovers", "import", "run", "volume", "remove"], "\(next)")
    #expect(try left(machine) == [])
  }

  @Test func `what lies in the volume's place is not followed`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    try machine.sure(
      "ln -s /var/tmp/alice /home/alice/.rootless-storage-verify-podman-$(hostname); echo mine > /var/tmp/alice/written; chown 4001 /var/tmp/alice/written"
    )
    let answer = try verify(machine, "alice", status: 1)
    #expect(answer.users[0].engines[0].failed?.step == "volume" && answer.users[0].findings[0].code == "engine-fails", "\(answer)")
    #expect(try machine.sure("cat /var/tmp/alice/written").lines == ["mine"])
  }

  // MARK: Differences and explanations

  @Test func `a difference between the engine and check is a finding`() throws {
    let machine = try VerifyTests.machine()
    try machine.sure(
      "printf 'runroot = \"/run/user/4001/other\"\\n' >> /home/alice/.config/containers/storage.conf; install -d -o 4001 -g 4001 /var/tmp/alice/containers /var/tmp/alice/containers/storage /var/tmp/alice/containers/storage/libpod; touch /var/tmp/alice/containers/storage/db.sql"
    )
    try machine.write(
      #"echo '{"host":{"databaseBackend":"boltdb"},"store":{"graphRoot":"/home/alice/.local/share/containers/storage","graphDriverName":"vfs","runRoot":"/run/user/4001/containers"},"version":{"Version":"\u001b[31m5"}}'; exit"#
        + "\n",
      to: "/var/tmp/alice/engine/podman-info")
    try machine.write(
      #"echo '{"ServerVersion":"26","DockerRootDir":"/var/tmp/alice/docker-of-old"}'; exit"# + "\n", to: "/var/tmp/alice/engine/docker-info"
    )
    let answer = try verify(machine, "alice", status: 1)
    let user = answer.users[0]
    #expect(
      user.engines[0].differences.map(\.what) == ["graphroot", "driver", "runroot", "database"] && user.engines[0].version == "\\033[31m5",
      "\(answer)")
    #expect(
      user.engines[1].differences.map { [$0.what, $0.engine, $0.check] } == [
        ["graphroot", "/var/tmp/alice/docker-of-old", "/var/tmp/alice/docker"]
      ], "\(answer)")
    #expect(
      user.findings.map(\.code) == Array(repeating: "engine-differs", count: 5)
        && user.findings.map(\.severity) == ["error", "warning", "warning", "warning", "warning"], "\(user.findings)")
    #expect(
      user.findings[0].sentence
        == "Podman reports the graphroot /home/alice/.local/share/containers/storage, which is on a network file system (ramfs); check expects /var/tmp/alice/containers/storage."
    )
    #expect(user.findings[4].sentence.hasPrefix("Docker reports the data-root /var/tmp/alice/docker-of-old; "))
    // Where it is the same directory by another path, it is no difference.
    try machine.sure(
      "rm /var/tmp/alice/engine/*-info; sed -i /other/d /home/alice/.config/containers/storage.conf; ln -s alice/containers /var/tmp/link; sed -i 's,/var/tmp/alice/containers,/var/tmp/link,' /home/alice/.config/containers/storage.conf"
    )
    #expect(try verify(machine, "alice", status: 0).users[0].engines[0].differences.isEmpty)
  }

  @Test func `only a finding that explains the step is given as its reason`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    try machine.sure("echo '[storage' > /home/alice/.config/containers/storage.conf; sed -i /alice/d /etc/subuid /etc/subgid")
    func explained(_ command: String, _ words: String, status: Int = 125) throws -> [String] {
      try machine.sure("rm -f /var/tmp/alice/engine/podman-*")
      try machine.write("echo '\(words)' >&2; exit \(status)\n", to: "/var/tmp/alice/engine/podman-\(command)")
      let user = try verify(machine, "alice --engine podman", status: 1).users[0]
      let first = user.explanations.first?.code
      #expect(
        first.map {
          user.findings.last?.remedy == "fix \($0), which check finds and which explains it; then: sudo rootless-storage verify alice"
        } ?? true, "\(user)")
      return user.explanations.map(\.code)
    }
    #expect(try explained("info", "toml: line 1: expected") == ["storage-conf-invalid"])
    #expect(try explained("import", "lchown /0-42: potentially insufficient UIDs or GIDs (check /etc/subuid)") == ["subuid-missing"])
    #expect(try explained("import", "no such program") == [])
    #expect(try explained("run", "pids limit reached") == [])
    // What a signal ends has no reason that check could know.
    try machine.sure("rm -f /var/tmp/alice/engine/podman-*")
    try machine.write("echo /etc/subuid; kill -9 $$\n", to: "/var/tmp/alice/engine/podman-info")
    #expect(try verify(machine, "alice --engine podman", status: 1).users[0].explanations.isEmpty)
    let text = try machine.rootlessStorage("verify alice")
    #expect(text.lines.allSatisfy { $0.count <= 80 || $0.contains("-> ") }, "\(text)")
  }

  // MARK: Who is asked

  @Test func `an engine that is not here is named, and the other one is asked alone`() throws {
    let machine = try VerifyTests.machine(engines: ["docker"])
    let answer = try verify(machine, "alice", status: 0)
    #expect(
      answer.users[0].state == "good" && answer.users[0].engines.map(\.unknown) == ["it is not installed on this host", nil], "\(answer)")
    #expect(try machine.rootlessStorage("verify alice").lines.first == "alice: podman was not asked: it is not installed on this host")
    let alone = try verify(machine, "alice --engine podman", status: 3)
    #expect(
      alone.users[0].state == "unknown" && alone.users[0].cause == "podman was not asked: it is not installed on this host", "\(alone)")
    // A daemon of somebody else's is not alice's.
    try machine.sure("chown 4002 /run/user/4001/docker.sock")
    let foreign = try verify(machine, "alice", status: 3)
    #expect(
      foreign.users[0].cause
        == "podman was not asked: it is not installed on this host; docker was not asked: no daemon of this user's is running: systemctl --user start docker",
      "\(foreign)")
    // A podman that cannot be started is one.
    try machine.sure("printf '#!/no/such/program\\n' > /usr/local/bin/podman; chmod 755 /usr/local/bin/podman")
    let broken = try verify(machine, "alice --engine podman", status: 1)
    #expect(
      broken.users[0].engines[0].failed?.outcome == "not-started"
        && broken.users[0].findings[0].sentence
          == "Podman failed at the step info: /usr/local/bin/podman cannot be started: No such file or directory.",
      "\(broken)")
  }

  @Test func `users who are logged out are unknown, and of several the worst counts`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    let out = try verify(machine, "mallory", status: 3)
    #expect(
      out.users[0].state == "unknown" && out.users[0].cause?.hasPrefix("mallory is not logged in on this host, or ") == true
        && out.users[0].cause?.hasSuffix(" loginctl enable-linger mallory") == true, "\(out)")
    #expect(try machine.rootlessStorage("verify mallory").text.hasPrefix("mallory: unknown: mallory is not logged in on this host"))
    #expect(try verify(machine, "alice mallory", status: 3).users.map(\.state) == ["good", "unknown"])
    try machine.sure(VerifyTests.logIn(4002))
    try machine.login("mallory")
    #expect(try verify(machine, "alice mallory", status: 0).users.map(\.state) == ["good", "good"])
    #expect(try machine.sure("stat -c %u /var/tmp/alice/engine/log /var/tmp/mallory/engine/log").lines == ["4001", "4002"])
    try machine.write("exit 1\n", to: "/var/tmp/mallory/engine/podman-info")
    try machine.user("carol", uid: 4003)
    #expect(try verify(machine, "mallory alice carol", status: 1).users.map(\.state) == ["findings", "good", "unknown"])
    let missing = try verify(machine, "mallory nobody-here", status: 2)
    #expect(
      missing.users.map(\.state) == ["findings", "failed"] && missing.users[1].cause?.hasPrefix("there is no account of that name") == true,
      "\(missing)")
    // For oneself, and not for others; under sudo the session is somebody else's.
    #expect(
      try verify(machine, "mallory", status: 2, asUid: 4001).users[0].cause
        == "only root may look into the home of another user; run it with sudo")
    #expect(
      try verify(machine, "", status: 3, asUid: 4001, environment: "SUDO_UID=4002").users[0].cause?.hasPrefix(
        "this is no session of alice's own, since sudo made the caller alice") == true)
    #expect(try verify(machine, "", status: 3, asUid: 4003).users[0].cause?.hasPrefix("there is no /run/user/4003 of carol's") == true)
    try machine.sure("echo 'uid_min = 4002' >> /etc/rootless-storage/rootless-storage.conf")
    #expect(try verify(machine, "alice", status: 0).users[0].state == "not-served")
    for (arguments, cause) in [
      ("", "Name the users whose engines are to be asked."), ("alice --timeout 4", "--timeout takes 5 to 3600 seconds."),
      ("alice --engine lxc", "--engine takes podman or docker."),
    ] {
      let output = try machine.rootlessStorage("verify \(arguments)")
      #expect(output.status == 2 && output.text.contains(cause), "\(output)")
    }
  }

  @Test func `two runs for one user do not meet`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    try machine.write("touch $here/begun; sleep 5\n", to: "/var/tmp/alice/engine/podman-info")
    try machine.sure(
      "'\(Machine.commandLine)' verify alice > /run/first 2>&1 & while [ ! -e /var/tmp/alice/engine/begun ]; do sleep 0.1; done")
    let second = try verify(machine, "alice --engine podman", status: 3)
    #expect(second.users[0].cause == "podman was not asked: another verify of this user goes on; try again when it is done", "\(second)")
  }

  @Test func `what the user's process answers is not believed to be harmless`() throws {
    let machine = try VerifyTests.machine(engines: ["podman"])
    let step = #"{"step":"info","outcome":"done","milliseconds":MS,"cause":"CAUSE"}"#
    for (milliseconds, cause, count) in [("9223372036854775807", "x", 1), ("-1", "x", 1), ("1", "\\u001b[2J", 1), ("1", "x", 100)] {
      let steps = Array(
        repeating: step.replacingOccurrences(of: "MS", with: milliseconds).replacingOccurrences(of: "CAUSE", with: cause), count: count
      ).joined(separator: ",")
      try machine.write(
        "#!/bin/bash\n[ \"$*\" != --version ] || { echo systemd 252; exit; }\ncat <<'END'\n[{\"engine\":\"podman\",\"isNetwork\":false,\"differences\":[],\"steps\":[\(steps)]}]\nEND\n",
        to: "/usr/local/bin/systemd-run")
      try machine.sure("chmod 755 /usr/local/bin/systemd-run")
      let answer = try verify(machine, "alice --engine podman", status: 2)
      #expect(answer.users[0].cause == "the process that asks the engines ended without an answer; try again", "\(milliseconds): \(answer)")
    }
    // Nobody else's engines are asked by what the user's session starts.
    func attempt(_ uid: Int, asUid caller: Int?) throws -> Int32 {
      let soon = try machine.sure("python3 -c 'import time; print(time.monotonic_ns() // 1000000 + 20000)'").lines[0]
      return try machine.rootlessStorage(
        "try-engines '{\"engines\":[\"podman\"],\"uid\":\(uid),\"home\":[47],\"conf\":[47],\"deadline\":\(soon),\"expected\":{}}'",
        asUid: caller
      ).status
    }
    #expect(
      try [attempt(4002, asUid: nil), attempt(4002, asUid: 4001), attempt(0, asUid: nil), attempt(4001, asUid: 4001)] == [2, 2, 2, 0])
  }
}
