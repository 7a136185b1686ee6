internal import CLinux
import RootlessStorage

/// A directory in /run that only root may look into, and that goes with this object and with all that is in it.
final class TemporaryDirectory {
  let path: Path

  init() throws(Errno) {
    var template = Array("/run/rootless-storage-pam-XXXXXX".utf8) + [0]
    // SAFETY: mkdtemp(3) writes into the template, which ends in NUL, and nowhere else.
    let made = unsafe template.withUnsafeMutableBytes { unsafe mkdtemp($0.baseAddress!.assumingMemoryBound(to: CChar.self)) != nil }
    if !made { throw Errno.last }
    path = Path(Array(template.dropLast()))
  }

  deinit { TemporaryDirectory.remove(path, depth: 0) }

  /// Makes a file in it.
  func write(_ content: [UInt8], to name: String) throws(Errno) {
    try writeAll(try open(at: try open(path: path, .directory), Array(name.utf8), .creating, permissions: 0o600), content)
  }

  /// Copies the regular files of a directory of the host to the same place below it.
  func copy(_ directory: Path, from tree: HostTree) throws(Errno) {
    var place = try open(path: path, .directory)
    for component in directory.components {
      do throws(Errno) { try makeNamedDirectory(at: place, component, mode: 0o700) } catch {
        if error != .exists { throw error }
      }
      place = try open(at: place, component, .directory)
    }
    for name in (try? tree.names(directory)) ?? [] {
      guard let content = try? tree.read(directory / name) else { continue }
      try writeAll(try open(at: place, name, .creating, permissions: 0o600), content)
    }
  }

  private static func remove(_ path: Path, depth: Int) {
    do throws(Errno) {
      let directory = try open(path: path, .directory)
      for name in try names(in: directory, limit: 8192) {
        do throws(Errno) { try unlink(at: directory, name) } catch { if depth < 8 { remove(path / name, depth: depth + 1) } }
      }
      try removeEmptyDirectory(at: try open(path: path.parent, .directory), path.name)
    } catch {}
  }
}
