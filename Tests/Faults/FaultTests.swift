import Foundation
import TestSupport
import Testing

/// Tests/Programs/pam-faults, as Tests/run has built it.
private let injector = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_PAM_FAULTS"]

/// Whatever system call of a login fails, in the session helper or in the module: the login goes on, in time; nothing partial and
/// nothing foreign is left; the log says what is missing; and the next login completes it.
///
/// Thousands of logins: a program of its own makes them (Tests/Programs/pam-faults/main.c).
@Suite(.enabled(if: Machine.isPossible && injector != nil, "needs root, the staged tree and pam-faults: run it as Tests/run faults"))
struct FaultTests {
  /// With every fault, in a session helper, once more each time SIGKILL comes soon after it.
  static let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil

  /// What a login finds (Tests/Programs/pam-faults/state.c), and the least number of faults: a test that tries none proves nothing.
  static let ofHelper: [(String, Int)] = [
    ("first", 1300), ("no-statmount", 1300), ("no-links", 1200), ("config-only", 1200), ("leftover", 900), ("blocked", 900),
    ("one-file", 900),
    ("open-storage", 800), ("two-links", 700), ("steady", 600), ("squatted-directory", 1300), ("squatted-link", 1300),
    ("no-exchange", 1300),
    ("root-link", 700), ("quota", 1300),
  ]
  static let ofIDs: [(String, Int)] = [
    ("subids-first", 1900), ("subids-half", 1800), ("subids-enough", 800), ("subids-refused", 1000), ("subids-locked-stale", 2000),
  ]
  static let ofModule: [(String, Int)] = [
    ("module-first", 400), ("module-strict", 400), ("module-steady", 400), ("module-no-pidfd", 400), ("module-hanging", 30),
    ("module-hanging-no-pidfd", 30),
  ]

  @Test(arguments: ofHelper) func `every fault of the session helper`(scenario: String, least: Int) throws { try sweep(scenario, least) }

  @Test(arguments: ofIDs) func `every fault while subordinate ids are given`(scenario: String, least: Int) throws {
    try sweep(scenario, least)
  }

  @Test(arguments: ofModule) func `every fault of the module`(scenario: String, least: Int) throws { try sweep(scenario, least) }

  private func sweep(_ scenario: String, _ least: Int) throws {
    let machine = try Machine()
    try machine.user("alice")
    let output = try machine.sh(
      "rm -f /dev/log; exec '\(injector ?? "")' '\(try Machine.modulePath())' \(scenario) \(FaultTests.isFull ? "full" : "")")
    print("  \(output.lines.last ?? "")")
    #expect(output.status == 0, "\(output.text.prefix(4000))")
    let figures = (output.lines.last ?? "").split { !$0.isNumber }.compactMap { Int($0) }
    #expect(figures.first ?? 0 >= least, "so few faults prove nothing: \(output.text.suffix(1000))")
  }
}
