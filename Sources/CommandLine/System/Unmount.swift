internal import CLinux
import RootlessStorage

/// Detaches what is mounted on this name in a directory (fchdir(2), umount2(2) with MNT_DETACH and UMOUNT_NOFOLLOW), in the mount
/// namespace of this process. The working directory is `/` afterwards. The process must be single-threaded, and root.
func detachMount(_ name: [UInt8], in directory: borrowing FileDescriptor) throws(Errno) {
  let raw = directory.raw
  _ = try retrying { Int(fchdir(raw)) }
  defer { _ = unsafe chdir("/") }
  _ = try retrying { unsafe withCString(name) { unsafe Int(clinux_detach($0)) } }
}
