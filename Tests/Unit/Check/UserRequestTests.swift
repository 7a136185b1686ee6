import RootlessStorage
import Testing

@testable import rootless_storage

@Suite struct UserRequestTests {
  private let request = UserRequest(
    task: .verify, name: bytes("DOM\\alice \u{e4}"), uid: 4_294_967_294, gid: 0, groups: [27, 4001], groupsLeftOut: true,
    home: Path([0x2f, 0x20, 0xff, 0x0a]), conf: "/etc/c", timeout: 3600,
    environment: UserFacts.Environment(configHome: "/x", storageOptions: "a b"),
    engines: EngineGenerations(podman: .merging, docker: .early))

  @Test func `what is sent is what arrives`() {
    #expect(UserRequest(message: request.message) == request)
    var plain = request
    (plain.groups, plain.groupsLeftOut, plain.environment, plain.engines, plain.task) = ([], false, nil, EngineGenerations(), .check)
    #expect(UserRequest(message: plain.message) == plain)
  }

  @Test func `what is not whole is no request`() {
    let message = request.message
    for count in 0..<message.count { #expect(UserRequest(message: Array(message.prefix(count))) == nil, "\(count)") }
    #expect(UserRequest(message: message + [0]) == nil && UserRequest(message: message + [0, 0, 0, 0]) == nil)
    #expect(UserRequest(message: [0xff, 0xff, 0xff, 0xff, 0]) == nil)
  }
}

@Suite struct ReportMessageTests {
  @Test func `what is sent of a user is what arrives`() {
    var report = UserReport(name: "alice", uid: 4001)
    #expect(UserReport(message: report.message) == report)
    report.home = UserReport.Home(path: "/home/alice", fileSystem: nil, isNetwork: true)
    report.storage = UserReport.Storage(path: "", isInPlace: false)
    (report.graphroot, report.dataRoot, report.ignoresChownErrors, report.hasSession, report.volumes, report.isServed) = (
      "", "/d", true, false, 0, false
    )
    #expect(UserReport(message: report.message) == report)
    report.findings = [Finding(.storageMissing, .error, "It is gone.", remedy: "log in", isRepairable: true)]
    report.actions = [UserReport.Action(action: "give", outcome: .done, counts: ProjectCount())]
    report.actions?[0].counts?.leave(.subordinate)
    #expect(UserReport(message: report.message) == report)
    report.actions = []
    report.expected = ExpectedEngines(graphroot: "/g")
    #expect(UserReport(message: report.message) == report)
    let failed = UserReport(name: "uid 7", uid: nil, failure: "no answer")
    #expect(UserReport(message: failed.message) == failed)
  }

  @Test func `what is not whole is no report`() {
    let message = UserReport(name: "alice", uid: 4001).message
    for count in 0..<message.count { #expect(UserReport(message: Array(message.prefix(count))) == nil, "\(count)") }
    #expect(UserReport(message: message + [0, 0, 0, 0]) == nil && UserReport(message: []) == nil)
  }
}
