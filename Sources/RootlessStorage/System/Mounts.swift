internal import CLinux

/// A file system's type, as far as anybody needs to know it.
public enum FileSystem: Equatable, Sendable {
  /// It lies on a block device, and nobody asked for the type.
  case blockDevice
  /// Named as in /proc/self/mountinfo.
  case named([UInt8])
}

/// The types of the file systems that are mounted.
///
/// Never asks a file server: statfs(2) would, and hangs when the server is gone. statmount(2) answers for one mount (Linux 6.8).
/// Where it is missing, a device number that is a block device's says enough, and for the rest /proc/self/mountinfo is read, once in a
/// run unless a mount has come since.
public final class MountTable {
  private let blockDeviceIsLocal: Bool
  private var mountinfo: [UInt8] = []

  /// - Parameter blockDeviceIsLocal: nobody asks for the type of what lies on a block device.
  public init(blockDeviceIsLocal: Bool) { self.blockDeviceIsLocal = blockDeviceIsLocal }

  /// The type of the file system that a file with this status is on.
  package func fileSystem(of file: FileStatus) throws(Errno) -> FileSystem {
    if let mount = file.mount, mount.isUnique, let type = typeFromStatmount(mount.number) { return .named(type) }
    // Some network file systems make up device numbers that look like a disk's (Lustre hashes a name): the kernel lists the real ones.
    if blockDeviceIsLocal && file.deviceMajor != 0 && isBlockDevice(file) { return .blockDevice }
    if let type = search(for: file) { return .named(type) }
    // A mount that comes or goes while the file is being read can hide a line; that does not happen three times in a row.
    for _ in 0..<3 {
      mountinfo = try readMountinfo()
      if let type = search(for: file) { return .named(type) }
    }
    throw .noEntry
  }

  private func search(for file: FileStatus) -> [UInt8]? {
    if mountinfo.isEmpty { return nil }
    // Before Linux 5.8 statx does not tell the mount. A file system's device number tells its type as well.
    var search =
      if let mount = file.mount, !mount.isUnique { MountinfoSearch(mount: mount.number) } else {
        MountinfoSearch(deviceMajor: file.deviceMajor, minor: file.deviceMinor)
      }
    return search.consume(mountinfo) ?? search.finish()
  }
}

/// The user who has made the FUSE mount that a descriptor lies on; nil if that cannot be told. Asks the kernel, and never the mount:
/// the number is the one that proc(5) tells of a descriptor, since statx(2) of a mount of another user's is refused.
package func userMountOwner(of place: borrowing FileDescriptor) -> UInt32? { withMount(of: place) { userID(ofMount: $0, inMountinfo: $1) } }

/// The type of the mount that a descriptor lies on, whoever may look at what lies there; nil if that cannot be told.
func mountType(of place: borrowing FileDescriptor) -> [UInt8]? {
  withMount(of: place) { number, mountinfo in
    var search = MountinfoSearch(mount: number)
    return search.consume(mountinfo) ?? search.finish()
  }
}

/// How the file server of the mount that a descriptor lies on wants Kerberos; nil if it does not. Asks the kernel, and never the server.
func kerberos(of place: borrowing FileDescriptor) -> KerberosMount? { withMount(of: place) { KerberosMount($0, inMountinfo: $1) } }

/// The number of the mount that a descriptor lies on, as /proc/self/mountinfo has it, and that file.
private func withMount<Answer>(of place: borrowing FileDescriptor, _ body: (UInt64, [UInt8]) -> Answer?) -> Answer? {
  let path = "/proc/self/fdinfo" / decimal(UInt64(UInt32(bitPattern: place.raw)))
  do throws(Errno) {
    guard let mount = mountNumber(inDescriptorInfo: try readAll(try open(path: path, .reading), limit: 4096)) else { return nil }
    return body(mount, try readMountinfo())
  } catch {
    return nil
  }
}

private func isBlockDevice(_ file: FileStatus) -> Bool {
  do throws(Errno) { _ = try open(path: "/sys/dev/block" / file.device, .pathOnly) } catch { return false }
  return true
}

private func readMountinfo() throws(Errno) -> [UInt8] {
  // The kernel bounds the number of mounts (fs.mount-max, 100,000).
  try readAll(try open(path: "/proc/self/mountinfo", .reading), limit: 64 << 20, chunk: 65536)
}

private func typeFromStatmount(_ mount: UInt64) -> [UInt8]? {
  var buffer = clinux_statmount()
  guard unsafe clinux_statmount_call(mount, clinux_statmount_fs_type | clinux_statmount_fs_subtype, &buffer) == 0 else { return nil }
  return unsafe withUnsafePointer(to: &buffer) { answer in
    guard unsafe answer.pointee.mask & clinux_statmount_fs_type != 0 else { return nil }
    var type = unsafe bytes(ofCString: clinux_statmount_string(answer, answer.pointee.fs_type))
    if type.elementsEqual("fuse".utf8) || type.elementsEqual("fuseblk".utf8) {
      // mountinfo says "fuse.sshfs". Before Linux 6.13 statmount keeps the second half to itself: mountinfo is asked then.
      guard unsafe answer.pointee.mask & clinux_statmount_fs_subtype != 0 else { return nil }
      let subtype = unsafe bytes(ofCString: clinux_statmount_string(answer, answer.pointee.fs_subtype))
      if !subtype.isEmpty { type += [.dot] + subtype }
    }
    return type
  }
}
