import CLinux

@testable import RootlessStorage

// Files to test against. Modes are set after the creation: other tests change the umask of the process at the same time.

func exists(_ path: Path) -> Bool { unsafe withCString(path.bytes) { unsafe access($0, F_OK) == 0 } }

let myself = effectiveIDs()
let isRoot = myself.user == 0

/// A directory of the test's own, which goes with everything in it. Root's lies where nobody else can write on the way to it.
final class TestDirectory {
  let path: Path

  init() {
    var template = (isRoot ? "/root/.rootless-storage-test-XXXXXX" : "/tmp/rootless-storage-test-XXXXXX") as [UInt8] + [0]
    let made = unsafe template.withUnsafeMutableBytes { unsafe mkdtemp($0.baseAddress!.assumingMemoryBound(to: CChar.self)) != nil }
    precondition(made, "a directory for the test can be made")
    path = Path(Array(template.dropLast()))
  }

  deinit { remove(path) }

  /// The path of a name in it.
  func callAsFunction(_ name: [UInt8]) -> Path { path / name }

  /// With everything in it.
  func delete(_ name: [UInt8]) { remove(self(name)) }

  private func remove(_ path: Path) {
    if unsafe withCString(path.bytes, { unsafe unlink($0) }) == 0 { return }
    _ = unsafe withCString(path.bytes) { unsafe chmod($0, 0o700) }
    if let directory = try? open(path: path, .directory), let entries = try? names(in: directory, limit: 10_000) {
      for name in entries { remove(path / name) }
    }
    _ = unsafe withCString(path.bytes) { unsafe rmdir($0) }
  }

  @discardableResult func directory(_ name: [UInt8], mode: UInt32 = 0o755) -> Path {
    var path = self.path
    for component in Path(name).components {
      path = path / component
      _ = unsafe withCString(path.bytes) { unsafe mkdir($0, 0o755) }
    }
    setMode(name, mode)
    return path
  }

  @discardableResult func file(_ name: [UInt8], _ content: [UInt8] = [], mode: UInt32 = 0o644) -> Path {
    let raw = unsafe withCString(self(name).bytes) { unsafe clinux_openat(clinux_at_fdcwd, $0, O_CREAT | O_TRUNC | O_WRONLY, 0o600) }
    precondition(raw >= 0, "\(shown(name)) can be made")
    let file = FileDescriptor(owning: raw)
    precondition((try? writeAll(file, content)) != nil, "\(shown(name)) can be written")
    setMode(name, mode)
    return self(name)
  }

  @discardableResult func link(_ name: [UInt8], to target: Path) -> Path {
    let done = unsafe withCString(target.bytes) { to in unsafe withCString(self(name).bytes) { from in unsafe symlink(to, from) } }
    precondition(done == 0, "\(shown(name)) can be linked")
    return self(name)
  }

  @discardableResult func fifo(_ name: [UInt8]) -> Path {
    let done = unsafe withCString(self(name).bytes) { unsafe mkfifo($0, 0o644) }
    precondition(done == 0, "\(shown(name)) can be made")
    return self(name)
  }

  func setMode(_ name: [UInt8], _ mode: UInt32) { _ = unsafe withCString(self(name).bytes) { unsafe chmod($0, mode) } }

  /// Root only. Of a symbolic link, the link's own.
  func setOwner(_ name: [UInt8], _ owner: UInt32) {
    let done = unsafe withCString(self(name).bytes) { unsafe lchown($0, owner, UInt32.max) }
    precondition(done == 0, "\(shown(name)) can be given away")
  }

  /// The names in it, in byte order.
  func entries(_ name: [UInt8] = ".") -> [String] {
    guard let directory = try? open(path: self(name), .directoryFollowing), let entries = try? names(in: directory, limit: 10_000) else {
      return []
    }
    return entries.map(shown).sorted()
  }

  func content(_ name: [UInt8]) -> [UInt8]? {
    guard let file = try? open(path: self(name), .reading) else { return nil }
    return try? readAll(file, limit: 1 << 20)
  }

  func mode(_ name: [UInt8]) -> UInt32? {
    guard let place = try? open(path: self(name), .pathOnly) else { return nil }
    return try? fileStatus(of: place).mode
  }
}
