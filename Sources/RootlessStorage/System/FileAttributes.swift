internal import CLinux

/// Gives a file that is being made the owner, mode, access control list and SELinux label of another one, by which it will be
/// replaced. (fchown(2) of a file that nobody else knows yet; nothing that existed is chowned.)
package func copyAttributes(from old: borrowing FileDescriptor, to new: borrowing FileDescriptor) throws(Errno) {
  let status = try fileStatus(of: old)
  let born = try fileStatus(of: new)
  if born.owner != status.owner || born.group != status.group {
    let raw = new.raw
    _ = try retrying { Int(fchown(raw, status.owner, status.group)) }
  }
  try changeMode(of: new, to: status.mode)
  // What the default list of the directory has given to the new one goes.
  if try !copyAttribute("system.posix_acl_access", from: old, to: new) { try removeAttribute("system.posix_acl_access", of: new) }
  _ = try copyAttribute("security.selinux", from: old, to: new)
}

/// fgetxattr(2), fsetxattr(2). A file system, or a kernel, without such attributes has none to copy.
///
/// - Returns: whether there was one.
private func copyAttribute(_ name: String, from old: borrowing FileDescriptor, to new: borrowing FileDescriptor) throws(Errno) -> Bool {
  let source = old.raw, target = new.raw
  let name = Array(name.utf8)
  var failure: Errno? = nil
  let value = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, length in
    // SAFETY: fgetxattr writes at most the buffer's count, and says how much it has written.
    do throws(Errno) {
      length = try retrying { unsafe withCString(name) { unsafe fgetxattr(source, $0, buffer.baseAddress!, buffer.count) } }
    } catch { failure = error }
  }
  if let failure {
    if failure == .noData || failure == .notSupported { return false }
    throw failure
  }
  _ = try retrying {
    unsafe withCString(name) { name in
      unsafe value.withUnsafeBytes { bytes in unsafe Int(fsetxattr(target, name, bytes.baseAddress, bytes.count, 0)) }
    }
  }
  return true
}

/// fremovexattr(2).
private func removeAttribute(_ name: String, of file: borrowing FileDescriptor) throws(Errno) {
  let raw = file.raw
  let name = Array(name.utf8)
  do throws(Errno) { _ = try retrying { unsafe withCString(name) { unsafe Int(fremovexattr(raw, $0)) } } } catch {
    if error != .noData && error != .notSupported { throw error }
  }
}
