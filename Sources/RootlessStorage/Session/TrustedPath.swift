/// What a directory on a way must be like.
package enum WayRule {
  /// Root's, and writable by nobody else: the way to the settings and the skeleton.
  case trusted
  /// Root's, and writable by others only with the sticky bit: the way to the storage directory.
  case storage
  /// Anything: the settings of somebody who runs the helper for themselves.
  case any
}

/// The end of a way, open as a place (O_PATH).
package struct OpenedPath: ~Copyable {
  package let descriptor: FileDescriptor
  package let status: FileStatus

  /// Others can make entries in it, though perhaps not remove each other's.
  package var isWritableByOthers: Bool { status.mode & 0o022 != 0 }

  init(_ descriptor: consuming FileDescriptor) throws(Errno) {
    status = try fileStatus(of: descriptor)
    self.descriptor = descriptor
  }

  init(_ descriptor: consuming FileDescriptor, _ status: FileStatus) {
    self.status = status
    self.descriptor = descriptor
  }

  package consuming func takeDescriptor() -> FileDescriptor { descriptor }

  /// The content of a file that is open for reading, as `readAll` gives it. Less than there was a moment ago is none: somebody is just
  /// writing it anew, and half a file must not become everybody's.
  func content(limit: Int, chunk: Int = 4096) throws(Errno) -> [UInt8] {
    let content = try readAll(descriptor, limit: limit, chunk: chunk)
    if content.count <= limit && UInt64(content.count) < status.size { throw .ioError }
    return content
  }
}

/// Walks an absolute path one component at a time, and guarantees:
///
/// - every directory is opened from the one before it, with O_NOFOLLOW, and judged by its descriptor: what was judged is what is
///   used, whatever is renamed meanwhile;
/// - a symbolic link is read through its own descriptor and followed only if it is root's, its target under the same rules, 40 links
///   in all as in path_resolution(7);
/// - no component in a directory that others can write to is a FUSE mount, whose maker decides what owner and mode one sees, and
///   whether one ever gets an answer;
/// - nobody but root can have changed, or can change, any component (`trusted`), or remove or rename one (`storage`).
///
/// The problem that it throws names the component at fault.
package func walk(toDirectory path: Path, _ rule: WayRule, _ mounts: MountTable) throws(PathError) -> OpenedPath {
  var walker = Walker(rule, mounts)
  return try walker.walk(path, file: false)
}

/// The same to a regular file, open for reading.
package func walk(toFile path: Path, _ rule: WayRule, _ mounts: MountTable) throws(PathError) -> OpenedPath {
  var walker = Walker(rule, mounts)
  return try walker.walk(path, file: true)
}

private struct Walker {
  let rule: WayRule
  let mounts: MountTable
  /// What `end` objected to.
  var found: PathError? = nil

  init(_ rule: WayRule, _ mounts: MountTable) {
    self.rule = rule
    self.mounts = mounts
  }

  mutating func walk(_ path: Path, file: Bool) throws(PathError) -> OpenedPath {
    var pending = Array(path.components.reversed())
    var links = 0
    var walked: Path = "/"
    var current = try openRoot()
    while let component = pending.popLast() {
      let here = walked / component
      let isFile = file && pending.isEmpty
      let failure: Errno
      do throws(Errno) {
        let next = try open(at: current.descriptor, component, isFile ? .reading : .pathOnlyDirectory)
        current = try end(next, here, file: isFile, canBeOthers: current.isWritableByOthers)
        walked = here
        continue
      } catch {
        failure = error
      }
      if var found {
        if current.isWritableByOthers { found.mayBeTamperedByOthers = true }
        throw found
      }
      // Both say that the component may be a symbolic link: the first where a directory is wanted, the second where a file is.
      guard failure == .notDirectory || failure == .tooManySymlinks else {
        // What a link of root's points to is expected to be there.
        let isMissing = failure == .noEntry && (links == 0 || rule == .storage)
        throw problem(here, isMissing ? .missing : .failed(failure), in: current)
      }
      let target = try readLink(component, here, in: current)
      links += 1
      if links > 40 { throw problem(here, .tooManySymbolicLinks, in: current) }
      pending += target.components.reversed()
      if target.isAbsolute {
        current = try openRoot()
        walked = "/"
      }
    }
    // A way that ends in a directory after all: `/`, or a link to one.
    if file && current.status.kind != .regular { throw problem(path, .notRegular, in: current) }
    return current
  }

  /// The place with its status, judged; an objection is left in `found`.
  ///
  /// - Parameter canBeOthers: others can make entries where it lies.
  private mutating func end(
    _ descriptor: consuming FileDescriptor, _ path: Path, file: Bool, canBeOthers: Bool
  ) throws(Errno) -> OpenedPath {
    found = nil
    let status: FileStatus
    do throws(Errno) { status = try fileStatus(of: descriptor) } catch {
      if error == .accessDenied { found = PathError(path: path, reason: isSilentUserMount(descriptor) ? .userMount : .failed(error)) }
      throw error
    }
    if let reason = objection(to: status, file: file, canBeOthers) {
      found = PathError(path: path, reason: reason)
      throw .notPermitted
    }
    return OpenedPath(descriptor, status)
  }

  private mutating func openRoot() throws(PathError) -> OpenedPath {
    do throws(Errno) { return try end(try open(path: "/", .pathOnlyDirectory), "/", file: false, canBeOthers: false) } catch {
      throw found ?? PathError(path: "/", reason: .failed(error))
    }
  }

  private func objection(to status: FileStatus, file: Bool, _ canBeOthers: Bool) -> PathError.Reason? {
    if rule == .any { return file && status.kind != .regular ? .notRegular : nil }
    // Only there can anybody but root have mounted something: fusermount3(1) wants to write to the mount point.
    if canBeOthers {
      do throws(Errno) {
        if case .named(let type) = try mounts.fileSystem(of: status), Settings.isUserMount(type) { return .userMount }
      } catch {
        return .failed(error)
      }
    }
    if file && status.kind != .regular { return .notRegular }
    let isWritable = status.mode & 0o022 != 0
    if status.owner != 0 { return .ownedBy(status.owner) }
    if isWritable && !(rule == .storage && status.mode & 0o1000 != 0) { return .writableByOthers(mode: status.mode) }
    return nil
  }

  private func problem(_ path: Path, _ reason: PathError.Reason, in directory: borrowing OpenedPath) -> PathError {
    var problem = PathError(path: path, reason: reason)
    if directory.isWritableByOthers { problem.mayBeTamperedByOthers = true }
    return problem
  }

  private func readLink(_ component: [UInt8], _ path: Path, in directory: borrowing OpenedPath) throws(PathError) -> Path {
    let owner: UInt32
    let text: Path
    do throws(Errno) {
      let link = try open(at: directory.descriptor, component, .pathOnly)
      let seen = try fileStatus(of: link)
      guard seen.kind == .symbolicLink else { throw .notDirectory }
      owner = seen.owner
      text = try target(ofLink: link)
    } catch {
      throw problem(path, error == .notDirectory ? .notDirectory : .failed(error), in: directory)
    }
    if rule != .any && owner != 0 { throw problem(path, .linkOwnedBy(owner), in: directory) }
    return text
  }
}

/// Of a place that its user may not look at: a FUSE mount answers nobody but its maker, unless that was allowed; anything else is what
/// the policy of a security module says. What nobody knows counts as the former.
func isSilentUserMount(_ place: borrowing FileDescriptor) -> Bool { mountType(of: place).map { Settings.isUserMount($0) } ?? true }
