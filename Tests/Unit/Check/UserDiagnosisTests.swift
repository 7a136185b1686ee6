import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// What cannot be produced on every machine; the rest is Tests/CommandLine/SituationTests.swift.
@Suite struct UserDiagnosisTests {
  private let settings = Settings()

  private func facts(_ state: StorageObservation.State = .inPlace(mode: 0o700), _ change: (inout UserFacts.Storage) -> Void = { _ in })
    -> UserFacts
  {
    var facts = UserFacts(account: account(), home: .on(.named("nfs4")))
    facts.isNetworkHome = true
    var storage = UserFacts.Storage(path: "/var/tmp/alice", observation: StorageObservation(parentIsWritableByOthers: true, state: state))
    change(&storage)
    facts.storage = storage
    return facts
  }

  private func codes(_ facts: UserFacts, isPrivileged: Bool = true) -> [FindingCode] {
    UserDiagnosis(facts, settings, isPrivileged: isPrivileged).findings.map(\.code)
  }

  @Test(arguments: [
    ("container_file_t", false), ("data_home_t", false), ("xdg_data_t", false), ("user_tmp_t", true), ("unlabeled_t", true),
  ])
  func `a label that containers may not use is found, where SELinux is on`(type: String, isFound: Bool) {
    let labelled = facts {
      $0.hasLabels = true; $0.label = type
    }
    #expect(codes(labelled) == (isFound ? [.storageLabel] : []))
    #expect(codes(facts { $0.label = type }) == [])
  }

  @Test func `xfs without types in its directories is found`() {
    var volume = Volume()
    volume.type = "xfs"
    volume.hasFileTypes = false
    #expect(codes(facts { $0.volume = volume }) == [.storageFileSystem])
    volume.hasFileTypes = true
    #expect(codes(facts { $0.volume = volume }) == [])
  }

  @Test func `without a storage directory of ours, engines are told of their usual places`() {
    var local = UserFacts(account: account(), home: .on(.blockDevice))
    #expect(
      IntendedConfig(local).graphroot == "/home/alice/.local/share/containers/storage"
        && IntendedConfig(local).dataRoot == "/home/alice/.local/share/docker")
    local.storage = facts().storage
    #expect(
      IntendedConfig(local).graphroot == "/var/tmp/alice/containers/storage" && IntendedConfig(local).dataRoot == "/var/tmp/alice/docker")
  }

  @Test(arguments: [
    (LockHolder.thisHost, FindingCode.imageInHome, Finding.Severity.note, "and this one has locked it."),
    (.unknown, .imageInHome, .note, "and whether it is locked is not known."),
    (.nobody, .imageInHome, .warning, "which nobody has locked: nothing keeps another host from mounting it too"),
    (.another, .imageOnTwoHosts, .error, "which another host has locked, and this one has not"),
  ])
  func `a store in an image is judged by who has locked the image`(
    lock: LockHolder, code: FindingCode, severity: Finding.Severity, words: String
  ) {
    let image = NetworkImage(path: "/home/alice/i\u{1B}", type: "nfs4", lock: lock)
    let trouble = UserDiagnosis(facts(), settings, isPrivileged: true).trouble(image, "/home/alice/s", "graphroot in f")
    #expect(trouble.code == code && trouble.severity == severity, "\(trouble)")
    #expect(
      trouble.sentence.hasPrefix("graphroot in f is /home/alice/s, in a file system in the image /home/alice/i\\033 on nfs4")
        && trouble.sentence.contains(words), "\(trouble)")
  }

  @Test func `a lock of this host's is told from others in the kernel's list`() throws {
    let place = TestDirectory()
    place.file("f", "")
    let file = try open(path: place("f"), .updating)
    #expect(LockHolder(of: file) == .nobody)
    try lockWhole(file)
    #expect(LockHolder(of: try open(path: place("f"), .reading)) == .thisHost)
    let status = try fileStatus(of: file)
    func name(_ number: UInt32) -> String { (number < 16 ? "0" : "") + String(number, radix: 16) }
    let own = "\(name(status.deviceMajor)):\(name(status.deviceMinor)):\(status.inode)"
    for (list, isListed) in [
      ("1: POSIX  ADVISORY  WRITE 7 \(own) 0 EOF\n", true),
      ("1: FLOCK  ADVISORY  WRITE 7 fe:00:1 0 EOF\n2: FLOCK  ADVISORY  READ -1 \(own) 0 EOF", true),
      ("1: FLOCK  ADVISORY  WRITE 7 \(own)0 0 EOF\n", false), ("1: -> FLOCK  ADVISORY  WRITE 7 \(own) 0 EOF\n", false), ("", false),
      (own, false),
    ] { #expect(LockHolder.isListed(status, in: bytes(list)) == isListed, "\(list)") }
  }

  @Test func `the runroot is read out of Podman's database`() {
    func found(_ text: String) -> String? { UserExaminer.runroot(inDatabase: Array(text.utf8)) }
    #expect(found("oslinuxrun-root/run/containers/storagestatic-dir/var/tmp") == "/run/containers/storage")
    #expect(found("run-root/astatic-dir\0\0run-root/astatic-dir") == "/a")
    #expect(found("run-root/astatic-dir\0\0run-root/bstatic-dir") == nil)
    #expect(found("run-root/a") == nil)
    #expect(found("run-rootstatic-dir") == nil)
    #expect(found("") == nil)
  }

  @Test func `a user without a Kerberos ticket is no error, and the storage directory is judged all the same`() {
    var away = facts(.absent)
    away.home = .withoutTicket(KerberosMount(type: "nfs4", flavour: "krb5i"), .keyExpired)
    let diagnosis = UserDiagnosis(away, settings, isPrivileged: true)
    #expect(
      diagnosis.findings.map(\.code) == [.storageMissing, .homeTicketMissing] && diagnosis.findings.map(\.severity) == [.error, .note])
    #expect(diagnosis.actions == [.login(.createStorageDirectory(mode: 0o700))])
    #expect(
      diagnosis.findings[1].sentence
        == "The home is on a network file system with Kerberos (nfs4, sec=krb5i), and alice has no valid ticket: Key has expired. What is in it is unknown."
    )
    #expect(diagnosis.findings[1].remedy.text == "as alice, in a session of theirs: kinit && rootless-storage check")
    away.storage?.observation.state = .inPlace(mode: 0o700)
    #expect(UserDiagnosis(away, settings, isPrivileged: true).findings.map(\.code) == [.homeTicketMissing])
  }

  @Test(arguments: [Errno.keyExpired, .ioError, .stale])
  func `a file that its server does not give now is not to be moved away`(cause: Errno) {
    var facts = facts()
    facts.storageConf = .init(file: .failed(cause))
    facts.daemonJson = .init(file: .failed(cause))
    let remedies = UserDiagnosis(facts, settings, isPrivileged: true).findings.filter {
      [.storageConfUnreadable, .daemonJsonUnreadable].contains($0.code)
    }.map(\.remedy.text)
    #expect(remedies.count == 2 && remedies.allSatisfy { !$0.contains("mv ") && $0.hasPrefix("log in as alice when") }, "\(remedies)")
  }

  @Test func `an outdated pause process is found`() {
    var outdated = facts()
    outdated.pause = .outdated(pid: 77)
    let findings = UserDiagnosis(outdated, settings, isPrivileged: true).findings
    #expect(findings.map(\.code) == [.migrateNeeded] && findings[0].sentence.contains("77"))
    #expect(findings[0].remedy.text.hasPrefix("as alice, in a session of theirs: podman system migrate    # ") && !findings[0].isRepairable)
    // repair runs what it can run, and promises nothing else.
    for (podman, canRun, isRepairable) in [("/usr/bin/podman", false, false), (nil, true, false), ("/usr/bin/podman", true, true)]
      as [(Path?, Bool, Bool)]
    {
      outdated.podman = podman
      outdated.canRunPrograms = canRun
      let diagnosis = UserDiagnosis(outdated, settings, isPrivileged: true)
      #expect(diagnosis.findings.map(\.isRepairable) == [isRepairable] && diagnosis.actions.isEmpty != isRepairable)
      #expect(diagnosis.findings[0].remedy.text.hasPrefix("sudo rootless-storage repair alice    # ") == isRepairable)
    }
    outdated.pause = .current
    #expect(codes(outdated) == [])
  }

  @Test func `what an administrator is told to paste starts nothing of the user's in their session`() {
    func remedy(_ name: [UInt8], _ command: String, isShowing: Bool = false, _ environment: UserFacts.Environment? = nil) -> String {
      var other = UserFacts(account: account(name, uid: 2001), home: .missing)
      other.environment = environment
      return UserDiagnosis(other, settings, isPrivileged: true).asUser(command, isShowing: isShowing)
    }
    #expect(remedy("alice", "rm -rf '/a $b'") == "sudo systemd-run --wait --collect --uid=alice rm -rf '/a $$b'")
    #expect(
      remedy("alice", "ls /a", isShowing: true) == "sudo systemd-run --quiet --pipe --collect --uid=alice ls /a </dev/null 2>&1 | cat -v")
    #expect(remedy("alice@dom", "rm /a") == "sudo systemd-run --wait --collect --uid=2001 rm /a")
    #expect(remedy("4711", "rm /a") == "sudo systemd-run --wait --collect --uid=2001 rm /a")
    #expect(remedy("alice", "rm -rf '/a $b'", UserFacts.Environment()) == "rm -rf '/a $b'")
  }

  @Test(arguments: [
    (UserFacts.Environment(configHome: "/tmp/x", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), [FindingCode.environmentConfig]),
    (UserFacts.Environment(configHome: "/home/alice/.config", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), []),
    (UserFacts.Environment(configHome: "", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), []),
    (UserFacts.Environment(storageConf: "/tmp/s.conf", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), [.environmentConfig]),
    (UserFacts.Environment(storageDriver: "vfs", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), [.environmentStore]),
    (
      UserFacts.Environment(containerHost: "unix:///nonexistent", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true),
      [.environmentConfig]
    ),
    (UserFacts.Environment(containerConnection: "x", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), [.environmentConfig]),
    (UserFacts.Environment(namespaceConfigured: "done", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), [.environmentConfig]),
    (UserFacts.Environment(containerHost: "", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true), []),
    (UserFacts.Environment(runtimeDirectory: ""), [.runtimeDirectory]),
    (UserFacts.Environment(runtimeDirectory: "/r"), [.runtimeDirectory]),
    (UserFacts.Environment(), [.runtimeDirectory]),
  ])
  func `the environment is judged`(environment: UserFacts.Environment, expected: [FindingCode]) {
    var own = facts()
    own.environment = environment
    #expect(codes(own) == expected)
  }

  @Test func `a newuidmap of the session's own is told of, and so are a dockerd's variables where there is one`() {
    var own = facts()
    own.environment = UserFacts.Environment(dockerDriver: "vfs", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true)
    #expect(codes(own) == [])
    own.dockerGeneration = .late
    #expect(codes(own) == [.dockerDriver])
    own.environment?.dockerDriver = "foo"
    #expect(codes(own) == [.environmentStore])
    own.environment?.dockerDriver = "overlay2"
    own.sessionMapProgram = UserFacts.SessionMapProgram(name: "newuidmap", path: "/home/alice/conda/bin/newuidmap")
    #expect(codes(own) == [.newuidmap])
    let found = UserDiagnosis(own, settings, isPrivileged: false).findings.filter { $0.code == .newuidmap }
    #expect(
      found.map { $0.sentence.contains("/home/alice/conda/bin/newuidmap") && $0.remedy.text.contains("before /home/alice/conda/bin") } == [
        true
      ])
  }

  @Test func `a service of Podman's that is there is a place to ask`() {
    var own = facts()
    own.environment = UserFacts.Environment(containerHost: "unix:///run/x", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true)
    own.hasContainerHost = true
    #expect(codes(own) == [])
  }

  @Test func `an empty XDG_CONFIG_HOME matters to a Podman that takes it for a path`() {
    var own = facts()
    own.environment = UserFacts.Environment(configHome: "", runtimeDirectory: "/r", runtimeDirectoryIsUsable: true)
    for (generation, expected) in [(PodmanGeneration.single, []), (.merging, [FindingCode.environmentConfig])] {
      own.podmanGeneration = generation
      #expect(codes(own) == expected)
    }
  }

  @Test func `a path of the environment is taken from where the caller is`() {
    var environment = UserFacts.Environment()
    #expect(environment.absolute("tmp") == nil)
    environment.workingDirectory = "/home/alice/work"
    #expect(environment.absolute("tmp") == "/home/alice/work/tmp" && environment.absolute("../x") == "/home/alice/x")
    #expect(environment.absolute("/x/../y") == "/x/../y" && environment.absolute("") == nil && environment.absolute(nil) == nil)
  }

  /// As encoding/json of Go's takes a list, with which Podman reads it.
  @Test(arguments: [
    ("", true), ("[]", true), ("null", true), (" [ {\"id\":\"a\"} ]\n", true), ("[{", false), ("{}", false), ("[{\"id\":\"a\"}", false),
    ("\0\0\0", false), ("[],", false), ("[] []", false), ("\"x\"", false),
  ])
  func `a list of Podman's store is judged`(text: String, isValid: Bool) {
    #expect((StoreFault.problem(ofList: Array(text.utf8)) == nil) == isValid)
  }

  @Test func `a damaged list stops Podman from 4.8 on, and is forgotten by one of before 4.4`() {
    // The one that no file names: others are looked at on a disk.
    let store = "/home/alice/.local/share/containers/storage"
    var damaged = facts()
    damaged.storageConf = UserFacts.StorageConf(file: ConfigFile(sample: "[storage]\ndriver = \"overlay\"\n"))
    damaged.podmanConfig = PodmanConfig(
      user: PodmanConfig.File(path: "~/.config/containers/storage.conf", .user, damaged.storageConf?.file ?? .absent))
    damaged.storeFaults = [
      store: [StoreFault(path: "\(store)/overlay-layers/layers.json", cause: .invalid(TextError(line: 1, reason: "x")))]
    ]
    for (generation, severity) in [(PodmanGeneration.early, Finding.Severity.warning), (.single, .error), (.merging, .error)] {
      damaged.podmanGeneration = generation
      let found = UserDiagnosis(damaged, settings, isPrivileged: true).findings.filter { $0.code == .podmanDatabase }
      #expect(found.map(\.severity) == [severity])
    }
    // What it is for each of those that may be meant.
    damaged.podmanGeneration = nil
    let found = UserDiagnosis(damaged, settings, isPrivileged: true).findings.filter { $0.code == .podmanDatabase }
    #expect(found.map(\.severity) == [.warning, .error])
  }

  static let states: [StorageObservation.State] = [
    .absent, .inPlace(mode: 0o700), .inPlace(mode: 0o711), .inPlace(mode: 0o755), .inPlace(mode: 0o000),
    .writableByOthers(mode: 0o777, content: .own),
    .writableByOthers(mode: 0o777, content: .foreign(name: "x", owner: 3)), .writableByOthers(mode: 0o777, content: .mount(name: "x")),
    .writableByOthers(mode: 0o777, content: .tooMuchToTell), .occupied(by: .directory, owner: 7), .occupied(by: .symbolicLink, owner: 0),
    .onNetwork(type: "nfs4"),
    .userMount(owner: nil), .userMount(owner: 7), .userMount(owner: 0), .writableByOthers(mode: 0o775, content: .ownAndOther),
    .way(PathError(path: "/var", reason: .ownedBy(7))), .way(PathError(path: "/var/tmp", reason: .onNetwork(type: "nfs"))),
    .failed(.ioError),
  ]

  @Test(arguments: states)
  func `what is repairable has an action, what has an action is repairable, and root can do all of it`(state: StorageObservation.State) {
    for isMount in [false, true] {
      let seen = facts(state) { $0.isMountPoint = isMount }
      let root = UserDiagnosis(seen, settings, isPrivileged: true)
      #expect(root.actions.isEmpty == root.findings.allSatisfy { !$0.isRepairable }, "\(root.findings)")
      let user = UserDiagnosis(seen, settings, isPrivileged: false)
      #expect(user.findings == root.findings, "what is wrong does not depend on who looks")
      #expect(user.actions.allSatisfy { root.actions.contains($0) })
      // What only root fixes names sudo.
      if user.actions.isEmpty { #expect(user.findings.filter(\.isRepairable).allSatisfy { $0.remedy.text.hasPrefix("sudo ") }) }
      for finding in root.findings {
        #expect(finding.sentence.hasSuffix(".") && !finding.sentence.contains("\n") && !finding.remedy.text.isEmpty, "\(finding)")
      }
    }
  }

  @Test func `a refused storage directory keeps everything else as it is`() {
    var refused = facts(.failed(.ioError))
    refused.skeleton = [SkeletonFile(path: ".config/containers/storage.conf", mode: 0o644, content: "[storage]\n")]
    refused.files = [FileObservation(state: .absent)]
    let diagnosis = UserDiagnosis(refused, settings, isPrivileged: true)
    #expect(diagnosis.actions == [])
    #expect(diagnosis.findings.map(\.code) == [.storageFailed, .storageConfMissing])
  }

  @Test(arguments: hostileBytes)
  func `what a user controls is escaped in every sentence and command`(hostile: [UInt8]) {
    var seen = facts(.occupied(by: .directory, owner: 7))
    seen.storage?.path = Path("/var/tmp/" + hostile.prefix(200))
    seen.skeleton = [SkeletonFile(path: Path(hostile.prefix(200) + "x"), mode: 0o644, content: "")]
    seen.files = [FileObservation(state: .absent, leftovers: [hostile])]
    let content = ConfigFile.Content(bytes: hostile, isLink: false, owner: 1000, mode: 0o644, identity: .none)
    seen.storageConf = UserFacts.StorageConf(file: .content(content))
    do throws(TextError) { seen.storageConf?.text = try TOMLText(hostile) } catch { seen.storageConf?.problem = error }
    seen.environment = UserFacts.Environment(configHome: String(decoding: hostile, as: UTF8.self) + "x")
    for finding in UserDiagnosis(seen, settings, isPrivileged: true).findings {
      #expect(isPrintable(bytes(finding.sentence)) && isPrintable(bytes(finding.remedy.text)), "\(finding)")
      #expect(finding.sentence.utf8.count < 2000)
    }
  }

  @Test(arguments: [
    ("alice", "alice"), ("a b", "'a b'"), ("it's", "$'it\\047s'"), ("DOM\\alice", "'DOM\\alice'"), ("a\nb", "$'a\\012b'"), ("", "''"),
  ])
  func `words are quoted for a shell`(word: String, quoted: String) {
    #expect(shellWord(bytes(word)) == quoted)
  }
}
