import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// When a walk through somebody else's tree ends, and what it says of itself then.
struct TreeWalkTests {
  private func walk(_ files: TestDirectory, _ budget: TreeWalk.Budget = .size, _ onProgress: @escaping (Int, UInt64) -> Void = { _, _ in }) throws -> TreeWalk {
    let parent = try open(path: files.path, .directoryPlace)
    var walk = TreeWalk(now: wallClock(), isRoot: isRoot, budget: budget, onProgress: onProgress)
    walk.add(at: parent, "tree", on: try fileStatus(of: parent))
    return walk
  }

  private func tree(_ directories: Int) -> TestDirectory {
    let files = TestDirectory()
    for number in 0..<directories { files.directory("tree/" + Array("d\(number)/in".utf8)) }
    return files
  }

  @Test func `a tree within the budget is seen whole`() throws {
    let seen = try walk(tree(50))
    #expect(seen.isComplete && !seen.isCutShort && seen.files == 101)
  }

  @Test func `the budget of names ends a walk`() throws {
    let seen = try walk(tree(50), TreeWalk.Budget(entries: 60, seconds: 60))
    #expect(!seen.isComplete && seen.isCutShort && seen.files == 60)
  }

  @Test func `the budget of time ends a walk`() throws {
    let seen = try walk(tree(300), TreeWalk.Budget(entries: 1_000_000, seconds: 0))
    #expect(!seen.isComplete && seen.isCutShort && seen.files < 300)
  }

  @Test func `a directory that was moved to where the walk had yet to come counts once, and the size is not exact`() throws {
    let files = tree(600)
    let top = try open(path: files("tree"), .directory)
    let reader = DirectoryReader(try open(path: files("tree"), .directory))
    var order: [[UInt8]] = []
    while let entry = try reader.next() { order.append(entry.name) }
    var isMoved = false
    let seen = try walk(files) { _, _ in
      if isMoved { return }
      isMoved = true
      // The first that was seen changes places with the last.
      do { try rootless_storage.exchange(at: top, order[0], order[order.count - 1]) } catch { Issue.record("\(error)") }
    }
    #expect(isMoved && !seen.isComplete && !seen.isCutShort)
    // The one that was moved away was not met, and the other one once.
    #expect(seen.files == 1 + 2 * 600 - 2)
  }
}
