internal import CLinux

/// The type of the file system that a descriptor's file is on.
///
/// Never asks a file server: statfs(2) would, and hangs when the server is gone. A device number with a major part is a
/// block device; otherwise statmount(2) is asked (Linux 6.8), and where it is missing, /proc/self/mountinfo is read once.
///
/// - Parameters:
///   - known: the status of the file, from this very descriptor.
///   - blockDeviceIsLocal: nobody asks for the type of what lies on a block device.
func fileSystem(of file: borrowing FileDescriptor, _ known: FileStatus, blockDeviceIsLocal: Bool) throws(Errno) -> FileSystem {
  if blockDeviceIsLocal && known.deviceMajor != 0 { return .blockDevice }
  if let mount = known.mount, mount.isUnique, let type = typeFromStatmount(mount.number) { return .named(type) }
  let number = try mountinfoNumber(of: file, known.mount)
  // A mount that comes or goes while the file is being read can hide a line; that does not happen three times in a row.
  for _ in 0..<3 {
    if let type = try typeFromMountinfo(number) { return .named(type) }
  }
  throw .noEntry
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
      if !subtype.isEmpty { type += [0x2e] + subtype }
    }
    return type
  }
}

private func mountinfoNumber(of file: borrowing FileDescriptor, _ mount: MountID?) throws(Errno) -> UInt64 {
  if let mount, !mount.isUnique { return mount.number }
  if let mount = try statusWithMountinfoNumber(of: file).mount { return mount.number }
  // Before Linux 5.8 statx does not know.
  let path = Array("/proc/self/fdinfo/".utf8) + decimal(UInt64(UInt32(bitPattern: file.raw)))
  let information = try readAll(try open(path: path, .reading), limit: 4096)
  guard let number = mountNumber(inFdinfo: information) else { throw .noEntry }
  return number
}

private func typeFromMountinfo(_ number: UInt64) throws(Errno) -> [UInt8]? {
  let file = try open(path: Array("/proc/self/mountinfo".utf8), .reading)
  var search = MountinfoSearch(number: number)
  let raw = file.raw
  var buffer = [UInt8](repeating: 0, count: 32768)
  while true {
    let got = try retrying {
      // SAFETY: read(2) writes at most the buffer's size into it.
      unsafe buffer.withUnsafeMutableBytes { unsafe read(raw, $0.baseAddress!, $0.count) }
    }
    if got == 0 { return search.finish() }
    if let type = search.take(buffer[0..<got]) { return type }
  }
}
