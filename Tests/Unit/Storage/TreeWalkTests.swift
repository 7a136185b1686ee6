import Synchronization
import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// When a walk through somebody else's tree ends, and what it says of itself then.
struct TreeWalkTests {
  private func walk(_ files: TestDirectory, _ budget: TreeWalk.Budget = .size, _ onProgress: @escaping (Int, UInt64) -> Void = { _, _ in })
    throws -> TreeWalk
  {
    let parent = try open(path: files.path, .pathOnlyDirectory)
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

  // MARK: Several threads

  private func walk(_ files: TestDirectory, threads: Int, _ budget: TreeWalk.Budget = .size) throws -> TreeWalk {
    let parent = try open(path: files.path, .pathOnlyDirectory)
    var walk = TreeWalk(now: wallClock(), isRoot: isRoot, budget: budget, threads: threads) { _, _ in }
    walk.add(at: parent, "tree", on: try fileStatus(of: parent), apart: ["d7", "in"])
    return walk
  }

  /// Directories with files, of which one in three has a second name elsewhere in the tree and one in three outside of it.
  private func linkedTree(_ directories: Int) throws -> TestDirectory {
    let files = tree(directories)
    files.directory("outside")
    for number in 0..<directories {
      files.file("tree/" + Array("d\(number)/in/file".utf8), [UInt8](repeating: UInt8(ascii: "x"), count: 5000))
      let place = try open(path: files(""), .directory)
      let old = "tree/d\(number)/in/file"
      let new = number % 3 == 0 ? "tree/d\((number + 1) % directories)/again\(number)" : "outside/f\(number)"
      if number % 3 < 2 { try link(at: place, Array(old.utf8), Array(new.utf8)) }
    }
    return files
  }

  @Test func `several threads count what one does`() throws {
    let files = try linkedTree(3000)
    let one = try walk(files, threads: 1)
    #expect(one.isComplete && one.files == 1 + 3 * 3000 + 1000 && one.exclusiveBytes < one.bytes && one.apartBytes > 0)
    for threads in [2, 4, 7] {
      let seen = try walk(files, threads: threads)
      #expect(seen.isComplete && !seen.isCutShort && seen.files == one.files && seen.bytes == one.bytes && seen.newest == one.newest)
      #expect(seen.exclusiveBytes == one.exclusiveBytes && seen.apartBytes == one.apartBytes)
    }
  }

  @Test func `the budget ends the walk of several threads too`() throws {
    let files = tree(6000)
    for _ in 0..<20 {
      let seen = try walk(files, threads: 4, TreeWalk.Budget(entries: 9000, seconds: 60))
      #expect(seen.isCutShort && !seen.isComplete && seen.files >= 9000 && seen.files < 9000 + 4 * 256)
      let whole = try walk(files, threads: 4, TreeWalk.Budget(entries: 12_001, seconds: 60))
      #expect(whole.isComplete && whole.files == 12_001)
    }
  }

  private final class Numbers: Sendable { let all = Mutex<[Int]>([]) }

  @Test func `work that makes more work is done once, and then all threads end`() {
    for members in [1, 2, 5] {
      let work = SharedWork<Int>(members: 1, room: 8)
      let done = Numbers()
      @Sendable func perform(_ first: Int) {
        var own = [first]
        while let number = own.popLast() {
          done.all.withLock { $0.append(number) }
          for next in [2 * number + 1, 2 * number + 2] where next < 20_000 && !work.offer(next) { own.append(next) }
        }
      }
      work.join(members - 1)
      let helpers = HelperThreads(members - 1) { while let number = work.next(meanwhile: {}) { perform(number) } }
      perform(0)
      while let number = work.next(meanwhile: {}) { perform(number) }
      helpers.join()
      #expect(done.all.withLock { $0.sorted() } == Array(0..<20_000))
    }
  }
}
