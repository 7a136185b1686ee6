import FoundationEssentials
import RootlessStorage

/// The other side of `Examiner`: for each question a copy of this process, which becomes the user and ends at its deadline. This process
/// touches nothing of a user's, has one thread, and was started without environment and descriptors. In its memory a copy finds no more than
/// what earlier questions and answers have left there, and no copy can be traced by its user (`Identity`).
struct ExaminerService {
  enum Failure: Error { case notStartedForIt }

  /// Until nobody asks any more.
  func run() throws(Failure) {
    let socket = MessageSocket.ofThisProcess()
    prepare()
    while true {
      do throws(MessageSocket.Failure) {
        let question = try socket.receive(limit: Examiner.limit)
        try socket.send(answer(question).message)
      } catch {
        if error == .ended { return }
        throw .notStartedForIt
      }
    }
  }

  func answer(_ question: [UInt8]) -> ExaminerAnswer {
    guard let request = try? JSONDecoder().decode(UserRequest.self, from: Data(question)) else { return .printed([]) }
    do throws(ChildProcess.Failure) {
      return .printed(
        try ChildProcess.runCopy(seconds: request.timeout, limit: Examiner.limit) {
          var examination = Examination(request)
          return (try? JSONEncoder().encode(examination.run())).map { Array($0) } ?? []
        })
    } catch {
      return .failed(error)
    }
  }

  /// The first use of a type, a table or a parser costs more than all later ones: it is made here, and not in every copy. These are the
  /// files of a user for whom all is well; nothing is looked at.
  private func prepare() {
    let account = Account(credentials: Credentials(user: 65533, group: 65533, groups: []), name: Array("user".utf8), home: Array("/home/user".utf8))
    let home = UserReport.Home(path: "/home/user", fileSystem: "nfs4", isNetwork: true)
    var facts = UserFacts(account: account, home: .on(.named(Array("nfs4".utf8))))
    facts.isNetworkHome = true
    facts.storage = UserFacts.Storage(
      path: Array("/var/tmp/user".utf8), observation: StorageObservation(parentIsWritableByOthers: true, state: .inPlace(mode: 0o700)))
    let storageConf = ConfigFile(sample: "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/user/containers/storage\"\n[storage.options]\nmountopt = \"nodev\"\n")
    let daemonJson = ConfigFile(sample: "{ \"data-root\": \"/var/tmp/user/docker\" }\n")
    let user = PodmanConfig.File(path: "~/.config/containers/storage.conf", .user, storageConf)
    facts.podmanConfig = PodmanConfig(user: user)
    facts.storageConf = UserFacts.StorageConf(file: storageConf, text: user.text)
    facts.daemonJson = UserFacts.DaemonJson(file: daemonJson, text: daemonJson.bytes.flatMap { try? JSONText($0) })
    var report = UserReport(name: "user", uid: account.uid)
    report.home = home
    report.storage = UserReport.Storage(path: "/var/tmp/user", isInPlace: true)
    report.findings = UserDiagnosis(facts, Settings(), isPrivileged: true).findings
    _ = try? JSONEncoder().encode(report)
  }
}

extension ConfigFile {
  fileprivate init(sample: String) { self = .content(Content(bytes: Array(sample.utf8), isLink: false, owner: 65533, mode: 0o600, inode: 0)) }

  fileprivate var bytes: [UInt8]? {
    if case .content(let content) = self { content.bytes } else { nil }
  }
}
