import Foundation
import Glibc

/// A private mount namespace: what is mounted in it, the real machine does not see, and it is gone with this object.
public final class MountNamespace {
  private let holder: Process
  private let release: Pipe
  private let prefix: [String]
  /// The number of a process in it, as this process can name it.
  public let process: String
  /// Its root directory, as this process can name it.
  private let root: String

  /// - Parameter ownProcesses: /proc shows only what is run in it, and not what other tests run.
  public init(ownProcesses: Bool = false) throws {
    holder = Process()
    release = Pipe()
    // Whatever else is started meanwhile must not hold it open.
    _ = fcntl(release.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
    holder.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
    // Ends when this process closes the pipe, or dies.
    let processes = ownProcesses ? ["--pid", "--fork", "--kill-child", "--mount-proc"] : []
    holder.arguments = processes + ["--mount", "--propagation", "private", "/bin/sh", "-c", "echo ready; cat > /dev/null"]
    holder.standardInput = release
    let ready = Pipe()
    holder.standardOutput = ready
    try holder.run()
    guard ready.fileHandleForReading.availableData.count > 0 else { throw CommandFailure(description: "no mount namespace") }
    var inside = String(holder.processIdentifier)
    if ownProcesses {
      // The first process of the namespace, and not the one that made it.
      let children = "/proc/\(inside)/task/\(inside)/children"
      inside = try String(contentsOfFile: children, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    process = inside
    root = "/proc/\(inside)/root"
    prefix = ["--target", inside, "--mount"] + (ownProcesses ? ["--pid"] : []) + ["--"]
  }

  deinit {
    try? release.fileHandleForWriting.close()
    holder.waitUntilExit()
  }

  /// Makes a device node in it, which everybody may read and root may write.
  func makeDevice(_ path: String, _ kind: mode_t, major: UInt8, minor: UInt8) throws {
    if mknod(root + path, kind | 0o644, dev_t(major) << 8 | dev_t(minor)) != 0 {
      throw CommandFailure(description: "\(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Runs a program as root in it.
  @discardableResult
  public func run(_ words: [String]) throws -> Output { try TestSupport.run("/usr/bin/nsenter", prefix + words) }
}
