import RootlessStorage
import Testing

@testable import rootless_storage

/// What `repair --recursive` decides about each file. (QuotaTests has it on a real file system.)
@Suite struct ProjectWalkTests {
  private let ranges: [IDRange] = [100_000...165_535, 0...9]

  @Test func `only the user and the user's subordinate ids are acted as`() {
    func standing(_ owner: UInt32, isPrivileged: Bool = true) -> ProjectCount.Cause? {
      ProjectWalk.standing(of: owner, 1000, ranges, isPrivileged: isPrivileged)
    }
    for owner: UInt32 in [1000, 100_000, 165_535, 5] { #expect(standing(owner) == nil, "\(owner)") }
    for owner: UInt32 in [0, 1001, 99_999, 165_536, UInt32.max] { #expect(standing(owner) == .stranger, "\(owner)") }
    #expect(standing(1000, isPrivileged: false) == nil)
    #expect(standing(100_000, isPrivileged: false) == .subordinate && standing(1001, isPrivileged: false) == .stranger)
  }

  @Test func `what is in the project of somebody else's is left there`() {
    func step(_ project: UInt32, _ isInherited: Bool, isDirectory: Bool) -> ProjectWalk.Step {
      ProjectWalk.step(for: ProjectMark(project: project, isInherited: isInherited), isDirectory: isDirectory, 42)
    }
    for isDirectory in [true, false] {
      #expect(step(0, false, isDirectory: isDirectory) == .set && step(0, true, isDirectory: isDirectory) == .set)
      #expect(step(7, false, isDirectory: isDirectory) == .left && step(7, true, isDirectory: isDirectory) == .left)
    }
    #expect(step(42, true, isDirectory: true) == .already && step(42, false, isDirectory: false) == .already)
    #expect(step(42, false, isDirectory: true) == .set, "it does not hand it on")
  }

  @Test func `what is left is counted by cause, and what can be helped is a failure`() {
    var count = ProjectCount()
    (count.set, count.already) = (3, 1)
    for cause: ProjectCount.Cause in [.mount, .special, .special] { count.leave(cause) }
    #expect(count.left == [.init(cause: .special, count: 2), .init(cause: .mount, count: 1)] && count.trouble == nil)
    #expect(
      count.lines(isPlan: false) == [
        "3 set, 1 had it already", "not set: 2 symbolic links and special files, which cannot be set; 1 where something is mounted",
      ])
    #expect(ProjectCount().lines(isPlan: true) == ["0 would be set, 0 had it already"])
    for cause in ProjectCount.Cause.allCases {
      var count = ProjectCount()
      count.leave(cause)
      #expect((count.trouble != nil) == (cause == .limit || cause == .error), "\(cause)")
    }
    count.isComplete = false
    #expect(count.trouble?.contains("run it again") == true)
  }
}
