/// Reads the skeleton, in byte order of its names, within the bounds that `SkeletonFile` gives.
///
/// With root's rights every directory and file of it must be root's alone; one that is not makes the whole skeleton refused, since
/// what it says ends in everybody's home.
public struct SkeletonReader {
  public private(set) var files: [SkeletonFile] = []
  public private(set) var warnings: [SkeletonWarning] = []
  private let root: Path
  private let trusted: Bool

  /// - Parameter trusted: the process has root's rights.
  public init(_ root: Path, trusted: Bool, _ mounts: MountTable) throws(PathError) {
    self.root = root
    self.trusted = trusted
    let end = try walk(toDirectory: root, trusted ? .trusted : .any, mounts)
    let top = try openJudged(end.descriptor, [.dot], "", .directory)
    try list(top.descriptor, "", depth: 1)
  }

  private mutating func list(_ directory: borrowing FileDescriptor, _ path: Path, depth: Int) throws(PathError) {
    var entries: [[UInt8]]
    do throws(Errno) {
      entries = try names(in: directory, limit: SkeletonFile.mostEntries)
    } catch {
      throw problem(path, .failed(error))
    }
    if entries.count > SkeletonFile.mostEntries {
      warn(path, .tooManyEntries)
      entries.removeLast(entries.count - SkeletonFile.mostEntries)
    }
    entries.sort(by: isOrderedBefore)
    // Before anything is asked about it: it may be gone by then.
    for name in entries where !SkeletonFile.isLeftByInstallers(name) {
      try add(directory, name, path / name, depth: depth)
    }
  }

  private mutating func add(_ directory: borrowing FileDescriptor, _ name: [UInt8], _ path: Path, depth: Int) throws(PathError) {
    if path.bytes.count > 1024 { return warn(path, .nameTooLong) }
    var failure: Errno? = nil
    var kind = FileKind.unknown
    do throws(Errno) { kind = try fileStatus(at: directory, name).kind } catch { failure = error }
    if let failure { throw problem(path, .failed(failure)) }
    switch kind {
    case .symbolicLink: warn(path, .symbolicLink)
    case .directory:
      if depth >= SkeletonFile.deepestPath { return warn(path, .tooDeep) }
      let next = try openJudged(directory, name, path, .directory)
      try list(next.descriptor, path, depth: depth + 1)
    case .regular:
      if files.count >= SkeletonFile.mostFiles { return warn(path, .tooManyFiles) }
      let file = try openJudged(directory, name, path, .reading)
      var content: [UInt8] = []
      do throws(Errno) { content = try file.content(limit: SkeletonFile.largestFile) } catch { failure = error }
      if let failure { throw problem(path, .failed(failure)) }
      if content.count > SkeletonFile.largestFile { return warn(path, .tooLarge) }
      files.append(SkeletonFile(path: path, mode: file.status.mode, content: content))
    case .fifo, .socket, .characterDevice, .blockDevice, .unknown: warn(path, .special)
    }
  }

  private func openJudged(
    _ directory: borrowing FileDescriptor, _ name: [UInt8], _ path: Path, _ mode: OpenMode
  ) throws(PathError) -> OpenedPath {
    let objection: PathError.Reason
    do throws(Errno) {
      let opened = try OpenedPath(try open(at: directory, name, mode))
      if !trusted || (opened.status.owner == 0 && opened.status.mode & 0o022 == 0) { return opened }
      objection = opened.status.owner != 0 ? .ownedBy(opened.status.owner) : .writableByOthers(mode: opened.status.mode)
    } catch {
      objection = .failed(error)
    }
    throw problem(path, objection)
  }

  private func problem(_ path: Path, _ reason: PathError.Reason) -> PathError {
    PathError(path: root / path, reason: reason)
  }

  private mutating func warn(_ path: Path, _ reason: SkeletonWarning.Reason) {
    if warnings.count < 16 { return warnings.append(SkeletonWarning(path: path, reason: reason)) }
    if warnings.count == 16 { warnings.append(SkeletonWarning(path: path, reason: .unlisted)) }
  }
}
