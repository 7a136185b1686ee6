import RootlessStorage

/// The other side of `Examiner`: for each question a copy of this process, which becomes the user and ends at its deadline. This process
/// touches nothing of a user's, has one thread, and was started without environment and descriptors. In its memory a copy finds what is the
/// same for all users (`SharedFacts`), and what earlier questions and answers have left there, and no copy can be traced by its user
/// (`Identity`).
struct ExaminerService {
  enum Failure: Error { case notStartedForIt }

  private var shared: SharedFacts? = nil
  /// Of a copy, which ends before it would be released again.
  private var examination: Examination? = nil

  /// Until nobody asks any more.
  mutating func run() throws(Failure) {
    let socket = MessageSocket.ofThisProcess()
    prepare()
    while true {
      do throws(MessageSocket.Failure) {
        let request = UserRequest(message: try socket.receive(limit: Examiner.limit))
        try socket.send((request.map { answer($0) } ?? .printed([])).message)
      } catch {
        if error == .ended { return }
        throw .notStartedForIt
      }
    }
  }

  mutating func answer(_ request: UserRequest) -> ExaminerAnswer {
    // One run asks with one file of settings.
    let shared: SharedFacts
    if let known = self.shared, known.conf == request.conf {
      shared = known
    } else {
      let isPrivileged = effectiveIDs().user == 0
      shared = SharedFacts(request.conf, isPrivileged: isPrivileged)
      // Whoever is not root asks for one user.
      if isPrivileged { rehearse(shared) }
    }
    self.shared = shared
    do throws(ChildProcess.Failure) {
      return .printed(
        try ChildProcess.runCopy(seconds: request.timeout, limit: Examiner.limit) {
          examination = Examination(request, shared)
          return examination?.run().message ?? []
        })
    } catch {
      return .failed(error)
    }
  }

  /// The first use of a type, a table or a parser costs more than all later ones: it is made here, and not in every copy. These are the
  /// files of a user for whom all is well; nothing is looked at.
  private func prepare() {
    let account = Account(
      credentials: Credentials(user: 65533, group: 65533, groups: []), name: Array("user".utf8), home: "/home/user")
    var facts = UserFacts(account: account, home: .on(.named(Array("nfs4".utf8))))
    facts.isNetworkHome = true
    facts.storage = UserFacts.Storage(
      path: "/var/tmp/user", observation: StorageObservation(parentIsWritableByOthers: true, state: .inPlace(mode: 0o700)))
    let storageConf = ConfigFile(
      sample: "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/user/containers/storage\"\n[storage.options]\nmountopt = \"nodev\"\n"
    )
    let daemonJson = ConfigFile(sample: "{ \"data-root\": \"/var/tmp/user/docker\" }\n")
    let user = PodmanConfig.File(path: "~/.config/containers/storage.conf", .user, storageConf)
    facts.podmanConfig = PodmanConfig(user: user)
    facts.storageConf = UserFacts.StorageConf(file: storageConf, text: user.text)
    facts.daemonJson = UserFacts.DaemonJson(file: daemonJson, text: daemonJson.bytes.flatMap { try? JSONText($0) })
    let diagnosis = UserDiagnosis(facts, Settings(), isPrivileged: true)
    var report = UserReport(name: "user", uid: account.uid)
    report.home = UserReport.Home(path: "/home/user", fileSystem: "nfs4", isNetwork: true)
    report.storage = UserReport.Storage(path: "/var/tmp/user", isInPlace: true)
    (report.graphroot, report.dataRoot) = (diagnosis.graphroot, diagnosis.dataRoot)
    report.findings = diagnosis.findings
    _ = report.message
  }

  /// The same for what looks: with `/` for a home, and `/etc` for the parent of the storage directories. What is looked at there is root's,
  /// and no user has a hand in it.
  private mutating func rehearse(_ shared: SharedFacts) {
    let account = Account(credentials: Credentials(user: 0, group: 0, groups: []), name: Array("root".utf8), home: "/")
    guard let template = try? StorageTemplate(Array("/etc/$USER".utf8)) else { return }
    var settings = Settings()
    settings.storage = template
    let mounts = MountTable(blockDeviceIsLocal: false)
    let home = HomeObserver(account, mounts)
    // One whose directory is there.
    let skeleton = [
      (UserExaminer.storageConf, "[storage]\ndriver = \"overlay\"\n"), (UserExaminer.daemonJson, "{}\n"), ("etc/none", ""),
    ].map {
      SkeletonFile(path: $0, mode: 0o644, content: Array($1.utf8))
    }
    let request = UserRequest(
      task: .check, name: Array("user".utf8), uid: 65533, gid: 65533, groups: [], groupsLeftOut: false, home: account.home,
      conf: shared.conf, timeout: 1, environment: nil)
    examination = Examination(request, shared)
    let place = StorageObserver(account, settings, leaf: Array("rootless-storage".utf8), mounts, EngineDirectories(skeleton: skeleton))
    examination?.rehearse(place, home, skeleton, settings, mounts)
    examination = nil
  }
}

extension ConfigFile {
  fileprivate var bytes: [UInt8]? {
    if case .content(let content) = self { content.bytes } else { nil }
  }
}
