internal import CLinux
import RootlessStorage

/// A moment by both clocks of this machine. The wall clock may be wrong, or be set; the other one only runs while the machine does.
struct Moment: Equatable {
  /// Seconds since the epoch.
  let wall: Int64
  /// Names this start of the machine (/proc/sys/kernel/random/boot_id).
  let boot: [UInt8]
  /// Seconds since then, the time that the machine slept included (CLOCK_BOOTTIME).
  let running: Int64

  /// Before this, a clock has not been set yet: 2025-01-01.
  static let earliest: Int64 = 1_735_689_600

  /// - Returns: nil where the clocks say nothing that can be believed.
  static func now() -> Moment? {
    let (wall, running) = (wallClock(), clinux_boot_seconds())
    guard wall >= earliest, running >= 0 else { return nil }
    guard let boot = hexadecimal(content("/proc/sys/kernel/random/boot_id", limit: 64)) else { return nil }
    return Moment(wall: wall, boot: boot, running: running)
  }
}

/// The 32 digits of an id of this machine's, without the hyphens between; nil if it is none.
func hexadecimal(_ text: [UInt8]) -> [UInt8]? {
  let digits = text.prefix { $0 != .newline }.filter { $0 != .hyphen }
  guard digits.count == 32, digits.allSatisfy({ isHexDigit($0) }) else { return nil }
  return digits
}

/// When the file was made (statx(2), STATX_BTIME), as `SECONDS.NANOSECONDS`; nil where the file system does not keep it. Nobody can
/// set it. A symbolic link is not followed.
func birthTime(at directory: borrowing FileDescriptor, _ name: [UInt8]) -> [UInt8]? {
  var status = statx()
  let raw = directory.raw
  let flags = clinux_at_symlink_nofollow | clinux_at_no_automount | clinux_at_statx_dont_sync
  let result = unsafe withCString(name) { unsafe statx(raw, $0, flags, clinux_statx_btime, &status) }
  guard result == 0, status.stx_mask & clinux_statx_btime != 0, let seconds = UInt64(exactly: status.stx_btime.tv_sec) else { return nil }
  let fraction = decimal(UInt64(status.stx_btime.tv_nsec))
  return decimal(seconds) + [.dot] + [UInt8](repeating: UInt8(ascii: "0"), count: max(0, 9 - fraction.count)) + fraction
}
