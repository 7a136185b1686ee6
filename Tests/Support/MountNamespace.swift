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

  /// Makes a device node in it.
  func makeDevice(_ path: String, _ kind: mode_t, major: UInt8, minor: UInt8, mode: mode_t = 0o644) throws {
    if mknod(root + path, kind, dev_t(major) << 8 | dev_t(minor)) != 0 || chmod(root + path, mode) != 0 {
      throw CommandFailure(description: "\(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Makes a directory of somebody's in it, without a program.
  func makeDirectory(_ path: String, mode: mode_t, owner: uid_t, group: gid_t) throws -> Bool {
    guard let (parent, name) = openParent(of: path) else { return false }
    defer { close(parent) }
    return mkdirat(parent, name, mode) == 0 && fchmodat(parent, name, mode, 0) == 0
      && fchownat(parent, name, owner, group, AT_SYMLINK_NOFOLLOW) == 0
  }

  /// Writes a file as root in it, without a program.
  ///
  /// - Parameter flags: O_TRUNC or O_APPEND.
  func write(_ data: Data, to path: String, _ flags: Int32) throws -> Bool {
    guard let (parent, name) = openParent(of: path) else { return false }
    defer { close(parent) }
    let file = openat(parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0o644)
    guard file >= 0 else { return false }
    try FileHandle(fileDescriptor: file, closeOnDealloc: true).write(contentsOf: data)
    return true
  }

  /// Nil where the path leads over a symbolic link, which would not mean there what it means to this process.
  private func openParent(of path: String) -> (parent: Int32, name: String)? {
    var parts = path.split(separator: "/").map(String.init)
    guard path.hasPrefix("/"), let name = parts.popLast() else { return nil }
    var directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)
    for part in parts where directory >= 0 {
      let next = openat(directory, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      close(directory)
      directory = next
    }
    return directory < 0 ? nil : (directory, name)
  }

  /// Runs a program as root in it.
  @discardableResult
  public func run(_ words: [String]) throws -> Output { try TestSupport.run("/usr/bin/nsenter", prefix + words) }
}
