internal import CLinux
import RootlessStorage

/// What statvfs(3) and the mount table tell of the file system that a directory is on.
struct Volume: Equatable, Sendable {
  /// As /proc/self/mountinfo names it; nil if nobody tells.
  var type: String?
  var isNetwork = false
  var noexec = false
  var nosuid = false
  var nodev = false
  /// Bytes that an ordinary user can still write, and all there are.
  var free: UInt64 = 0
  var size: UInt64 = 0
  var freeInodes: UInt64 = 0
  /// 0 on file systems that make them as needed.
  var inodes: UInt64 = 0
  /// It is in memory, and gone at the next boot.
  var isInMemory: Bool { type.map(Volume.isInMemory) ?? false }
  /// The number of a file system in memory, which tells it from others of its type; else nil.
  var memoryDevice: UInt64?
  /// Directory entries carry the type of what they name, which overlay needs. XFS can be made without.
  var hasFileTypes = true

  /// - Parameter place: on a local file system: statvfs(3) of a network file system asks its server, and hangs when that is gone.
  init(of place: borrowing FileDescriptor, _ type: FileSystem, _ settings: Settings) throws(Errno) {
    if case .named(let name) = type {
      self.type = shown(name)
      isNetwork = settings.isNetwork(name)
    }
    if isNetwork { return }
    let answer = try fileSystemStatistics(of: place)
    noexec = answer.f_flag & UInt(clinux_st_noexec) != 0
    nosuid = answer.f_flag & UInt(clinux_st_nosuid) != 0
    nodev = answer.f_flag & UInt(clinux_st_nodev) != 0
    free = UInt64(answer.f_bavail).multipliedReportingOverflow(by: UInt64(answer.f_frsize)).partialValue
    size = UInt64(answer.f_blocks).multipliedReportingOverflow(by: UInt64(answer.f_frsize)).partialValue
    freeInodes = UInt64(answer.f_favail)
    inodes = UInt64(answer.f_files)
    if isInMemory {
      let status = try fileStatus(of: place)
      memoryDevice = UInt64(status.deviceMajor) << 32 | UInt64(status.deviceMinor)
    }
    if self.type == "xfs" {
      // An answer that does not come says nothing.
      do throws(Errno) { hasFileTypes = xfsHasFileTypes(try open(at: place, [.dot], .directory)) } catch {}
    }
  }

  init() {}

  /// - Parameter type: as /proc/self/mountinfo names it.
  static func isInMemory(_ type: String) -> Bool { type == "tmpfs" || type == "ramfs" }
}

/// fstatvfs(3). Where the limit of a project counts for the directory, the sizes are that limit's.
func fileSystemStatistics(of place: borrowing FileDescriptor) throws(Errno) -> statvfs {
  var answer = statvfs()
  let raw = place.raw
  _ = try retrying { unsafe Int(fstatvfs(raw, &answer)) }
  return answer
}

/// Whether the file system of a directory says that no byte is free for an ordinary user (fstatvfs(3)). On a network file system this
/// asks the server, and hangs when that is gone. Quotas are not in it.
func isFull(_ directory: borrowing FileDescriptor) -> Bool {
  guard let answer = try? fileSystemStatistics(of: directory) else { return false }
  return answer.f_blocks > 0 && answer.f_bavail == 0
}

/// Whether nobody can write to what a directory is on, there or at all (fstatvfs(3)). On a network file system this may ask the server.
func isReadOnly(_ directory: borrowing FileDescriptor) -> Bool {
  guard let answer = try? fileSystemStatistics(of: directory) else { return false }
  return answer.f_flag & UInt(clinux_st_readonly) != 0
}

/// Borrows the descriptor: of a temporary one whose number alone is passed on, the call would find it closed.
private func xfsHasFileTypes(_ directory: borrowing FileDescriptor) -> Bool { clinux_xfs_has_file_types(directory.raw) != 0 }

/// The type of a file's SELinux label (`container_file_t`); nil without SELinux.
func securityType(of directory: borrowing FileDescriptor) -> String? {
  var buffer = [UInt8](repeating: 0, count: 256)
  let raw = directory.raw
  let length = unsafe buffer.withUnsafeMutableBytes { bytes in
    // SAFETY: fgetxattr writes at most as many bytes as the buffer has.
    unsafe fgetxattr(raw, "security.selinux", bytes.baseAddress!, bytes.count)
  }
  guard length > 0 else { return nil }
  let fields = parts(buffer.prefix(length).prefix { $0 != 0 }, separator: { $0 == .colon })
  return fields.count >= 3 ? shown(fields[2]) : nil
}
