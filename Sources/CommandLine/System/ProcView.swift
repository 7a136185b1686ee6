internal import CLinux
import RootlessStorage

/// Which processes a proc file system shows (proc(5), pid_namespaces(7)).
enum ProcView {
  /// PROC_PID_INIT_INO: what nsfs calls the first PID namespace, in every kernel since 3.8.
  private static let firstNamespace: Path = "pid:[4026531836]"

  /// What the file system hides from this process.
  ///
  /// - Parameter proc: open as a directory.
  static func hidden(in status: FileStatus, _ proc: borrowing FileDescriptor) -> HiddenProcesses? {
    // Whoever is in the first namespace sees oneself only in a /proc of that one. From inside another one, the first process tells
    // whose /proc it is.
    if namespace(proc, "self") != firstNamespace && namespace(proc, "1") != firstNamespace { return .byNamespace }
    return hides(status) ? .byMountOption : nil
  }

  private static func namespace(_ proc: borrowing FileDescriptor, _ process: Path) -> Path? {
    do throws(Errno) { return try target(ofLink: try open(at: proc, path: process / "ns/pid", .pathOnly)) } catch { return nil }
  }

  // MARK: hidepid

  /// As the kernel decides (has_pid_permissions): CAP_SYS_PTRACE sees everybody, and so does the group of `gid=`, which is root's own
  /// unless another is named, but for `hidepid=ptraceable`.
  private static func hides(_ status: FileStatus) -> Bool {
    // Without the list of mounts, it is not known.
    guard let options = options(status) else { return true }
    let hiding = value(of: "hidepid", options)
    if hiding == nil || hiding == Array("off".utf8) || hiding == Array("0".utf8) || mayTrace() { return false }
    if hiding == Array("ptraceable".utf8) || hiding == Array("4".utf8) { return true }
    return !isMember(of: value(of: "gid", options).flatMap { identifier($0) } ?? 0)
  }

  /// The options of the file system (proc(5), /proc/PID/mountinfo: what follows ` - TYPE SOURCE `), found by its device number.
  private static func options(_ status: FileStatus) -> [UInt8]? {
    let device = status.device
    do throws(Errno) {
      let content = try readAll(try open(path: "/proc/self/mountinfo", .reading), limit: 16 << 20, chunk: 65536)
      var found: [UInt8]? = nil
      forEachLine(content) { line in
        let fields = words(line)
        guard found == nil, fields.count > 6, fields[2] == device, let end = fields.firstIndex(of: [.hyphen]), end + 3 < fields.count else {
          return
        }
        found = fields[end + 3]
      }
      return found
    } catch {
      return nil
    }
  }

  private static func value(of key: String, _ options: [UInt8]) -> [UInt8]? {
    let mark = Array("\(key)=".utf8)
    for option in parts(options, separator: { $0 == .comma }) where begins(option, with: mark) {
      return Array(option.dropFirst(mark.count))
    }
    return nil
  }

  private static func mayTrace() -> Bool {
    var held = clinux_capabilities(effective: 0, permitted: 0, inheritable: 0)
    return unsafe clinux_capget(&held) == 0 && held.effective & (1 << UInt64(clinux_cap_sys_ptrace)) != 0
  }

  private static func isMember(of group: UInt32) -> Bool {
    if getegid() == group { return true }
    let count = getgroups(0, nil)
    if count <= 0 { return false }
    var groups = [gid_t](repeating: 0, count: Int(count))
    // SAFETY: the array has room for `count`; getgroups fails rather than writing more.
    let got = unsafe groups.withUnsafeMutableBufferPointer { unsafe getgroups(count, $0.baseAddress) }
    return got == count && groups.contains(group)
  }
}
