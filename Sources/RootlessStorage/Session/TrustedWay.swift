/// What a directory on a way must be like.
enum WayRule {
  /// Root's, and writable by nobody else: the way to the settings and the skeleton.
  case trusted
  /// Root's, and writable by others only with the sticky bit: the way to the storage directory.
  case storage
  /// Anything: the settings of somebody who runs the helper for themselves.
  case any
}

/// The end of a way, open as a place (O_PATH).
struct WayEnd: ~Copyable {
  let descriptor: FileDescriptor
  let status: FileStatus
}

/// Walks an absolute path one component at a time, and guarantees:
///
/// - every directory is opened from the one before it, with O_NOFOLLOW, and judged by its descriptor: what was judged is what is
///   used, whatever is renamed meanwhile;
/// - a symbolic link is read through its own descriptor and followed only if it is root's, its target under the same rules, 40 links
///   in all as in path_resolution(7);
/// - nobody but root can have changed, or can change, any component (`trusted`), or remove or rename one (`storage`).
///
/// The problem that it throws names the component at fault.
func walk(toDirectory path: [UInt8], _ rule: WayRule) throws(WayProblem) -> WayEnd {
  try walk(path, rule, file: false)
}

/// The same to a regular file, open for reading.
func walk(toFile path: [UInt8], _ rule: WayRule) throws(WayProblem) -> WayEnd {
  try walk(path, rule, file: true)
}

private func walk(_ path: [UInt8], _ rule: WayRule, file: Bool) throws(WayProblem) -> WayEnd {
  var pending = Array(components(path).reversed())
  var links = 0
  var walked: [UInt8] = []
  var current = try openRoot(rule)
  while let component = pending.popLast() {
    let here = walked + [0x2f] + component
    let isFile = file && pending.isEmpty
    var failure: Errno? = nil
    do throws(Errno) {
      let next = try open(at: current.descriptor, component, isFile ? .reading : .directoryPlace)
      current = try WayEnd(next)
    } catch {
      failure = error
    }
    if failure == nil {
      walked = here
      try judge(current.status, here, rule, file: isFile)
      continue
    }
    // Both say that the component may be a symbolic link: the first where a directory is wanted, the second where a file is.
    guard let failure, failure == .notDirectory || failure == .tooManySymlinks else {
      throw WayProblem(path: here, reason: failure == .noEntry ? .missing : .failed(failure ?? .ioError))
    }
    let target = try readLink(current.descriptor, component, here, rule)
    links += 1
    if links > 40 { throw WayProblem(path: here, reason: .tooManySymbolicLinks) }
    pending += components(target).reversed()
    if target.first == 0x2f {
      current = try openRoot(rule)
      walked = []
    }
  }
  return current
}

extension WayEnd {
  init(_ descriptor: consuming FileDescriptor) throws(Errno) {
    status = try fileStatus(of: descriptor)
    self.descriptor = descriptor
  }
}

private func openRoot(_ rule: WayRule) throws(WayProblem) -> WayEnd {
  let root: WayEnd
  do throws(Errno) { root = try WayEnd(try open(path: [0x2f], .directoryPlace)) } catch {
    throw WayProblem(path: [0x2f], reason: .failed(error))
  }
  try judge(root.status, [0x2f], rule, file: false)
  return root
}

private func judge(_ status: FileStatus, _ path: [UInt8], _ rule: WayRule, file: Bool) throws(WayProblem) {
  if file && status.kind != .regular { throw WayProblem(path: path, reason: .notRegular) }
  if rule == .any { return }
  if status.owner != 0 { throw WayProblem(path: path, reason: .ownedBy(status.owner)) }
  if status.mode & 0o022 != 0 && !(rule == .storage && status.mode & 0o1000 != 0) {
    throw WayProblem(path: path, reason: .writableByOthers(mode: status.mode))
  }
}

private func readLink(
  _ directory: borrowing FileDescriptor, _ component: [UInt8], _ path: [UInt8], _ rule: WayRule
) throws(WayProblem) -> [UInt8] {
  let owner: UInt32
  let text: [UInt8]
  do throws(Errno) {
    let link = try open(at: directory, component, .anyPlace)
    let seen = try fileStatus(of: link)
    guard seen.kind == .symbolicLink else { throw .notDirectory }
    owner = seen.owner
    text = try target(ofLink: link)
  } catch {
    throw WayProblem(path: path, reason: error == .notDirectory ? .notDirectory : .failed(error))
  }
  if rule != .any && owner != 0 { throw WayProblem(path: path, reason: .linkOwnedBy(owner)) }
  return text
}
