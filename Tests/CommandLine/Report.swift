import Foundation
import TestSupport

extension Report {
  /// The codes of the one user's findings.
  var codes: [String] { users.first?.findings.map(\.code) ?? ["no user"] }
}

extension Machine {
  func check(_ arguments: String, asUid uid: Int? = nil, environment: String = "") throws -> Report {
    try Report(try rootlessStorage("check --json \(arguments)", asUid: uid, environment: environment))
  }

  func repair(_ arguments: String, asUid uid: Int? = nil, environment: String = "") throws -> Report {
    try Report(try rootlessStorage("repair --json \(arguments)", asUid: uid, environment: environment))
  }

  /// A machine where alice has logged in, and everything is as it should be.
  static func good(storage: String = "tmpfs", ownProcesses: Bool = false, settings: String = "network_filesystems = ramfs") throws
    -> Machine
  {
    let machine = try Machine(storage: storage, ownProcesses: ownProcesses, settings: settings)
    try machine.user("alice", uid: 4001)
    try machine.user("mallory", uid: 4002)
    try machine.sure(
      "echo 'alice:100000:65536' | tee /etc/subuid > /etc/subgid; echo 'mallory:200000:65536' | tee -a /etc/subuid >> /etc/subgid")
    let login = try machine.login("alice")
    guard login.informations.count == 3 else { throw CommandFailure(description: "no good state: \(login)") }
    return machine
  }
}
