internal import CLinux
import RootlessStorage

/// Why processes of others may be running that /proc does not show.
enum HiddenProcesses {
  /// /proc is mounted with `hidepid`, and this process may not look behind it.
  case byMountOption
  /// /proc shows the processes of one PID namespace, and that is not the host's.
  case byNamespace

  var sentence: String {
    switch self {
    case .byMountOption: "/proc is mounted with hidepid and does not show the processes of others"
    case .byNamespace: "this runs in a PID namespace of its own, where /proc does not show the host's processes"
    }
  }

  var remedy: String {
    switch self {
    case .byMountOption: "run it as root with CAP_SYS_PTRACE, or in the group that gid= of that mount names (findmnt /proc)"
    case .byNamespace: "run it on the host itself, or in a container that has the host's PID namespace"
    }
  }
}

/// Whose processes are running, seen in one pass over /proc.
struct RunningProcesses {
  /// Real, effective, saved and file-system uids, and the owners of user namespaces; sorted.
  private let users: [UInt32]
  /// Others may be running too; nil if these are all.
  let hidden: HiddenProcesses?

  /// - Throws: /proc cannot be read, and so nobody can be called idle.
  static func look() throws(Errno) -> RunningProcesses {
    let proc = try open(path: "/proc", .directory)
    let reader = DirectoryReader(try open(at: proc, [.dot], .directory))
    var users: Set<UInt32> = []
    var count = 0
    // Before the look: a mount that comes later hides nothing of what is open.
    var hidden = ProcView.hidden(in: try fileStatus(of: proc), proc)
    while let entry = try reader.next() {
      guard identifier(entry.name) != nil else { continue }
      do throws(Errno) {
        let process = try open(at: proc, entry.name, .directory)
        let status = try readAll(try open(at: process, Array("status".utf8), .reading), limit: 16384)
        users.formUnion(uids(inStatus: status))
        if let owner = namespaceOwner(process) { users.insert(owner) }
        count += 1
      } catch {
        // It has ended since; or /proc hides others' processes from whoever is not root.
        if error == .accessDenied || error == .notPermitted {
          hidden = .byMountOption
        } else if error != .noEntry && error != .noProcess {
          throw error
        }
      }
    }
    // This one at least is there, if it is a /proc at all.
    if count == 0 { throw .noEntry }
    return RunningProcesses(users: users.sorted(), hidden: hidden)
  }

  private init(users: [UInt32], hidden: HiddenProcesses?) {
    self.users = users
    self.hidden = hidden
  }

  /// - Parameter subordinates: the user's ranges in /etc/subuid: a container's processes bear ids from there.
  func isAny(of uid: UInt32, _ subordinates: [IDRange]) -> Bool {
    isAny(of: [uid...uid] + subordinates)
  }

  func isAny(of ranges: [IDRange]) -> Bool { ranges.contains { isAny(from: $0.lowerBound, to: $0.upperBound) } }

  private func isAny(from first: UInt32, to last: UInt32) -> Bool {
    var low = 0
    var high = users.count
    while low < high {
      let middle = (low + high) / 2
      if users[middle] < first { low = middle + 1 } else { high = middle }
    }
    return low < users.count && users[low] <= last
  }

  /// The line `Uid:` of /proc/PID/status (proc(5)). The line `Name:` before it may hold anything but a line feed.
  private static func uids(inStatus content: [UInt8]) -> [UInt32] {
    var rest = content[...]
    while !rest.starts(with: "Uid:".utf8) {
      guard let end = rest.firstIndex(of: .newline) else { return [] }
      rest = rest[(end + 1)...]
    }
    return words(rest.dropFirst(4).prefix { $0 != .newline }).compactMap { identifier($0) }
  }

  /// A container's processes run in a user namespace of their user's: that holds also where /etc/subuid says nothing of the user any
  /// more. nil if the kernel does not tell.
  private static func namespaceOwner(_ process: borrowing FileDescriptor) -> UInt32? {
    let raw = process.raw
    do throws(Errno) {
      // A link of the kernel's own, which is meant to be followed.
      let opened = try retrying {
        unsafe withCString(Array("ns/user".utf8)) { unsafe Int(clinux_openat(raw, $0, O_RDONLY | clinux_o_cloexec, 0)) }
      }
      let namespace = FileDescriptor(owning: Int32(truncatingIfNeeded: opened))
      var owner: uid_t = 0
      return unsafe clinux_namespace_owner(namespace.raw, &owner) == 0 ? owner : nil
    } catch {
      return nil
    }
  }
}

/// Looks at the processes again and again.
final class ProcessWatch {
  private var last: RunningProcesses?
  private var time: Int64 = 0

  /// As they are now.
  func now() throws(Errno) -> RunningProcesses {
    let found = try RunningProcesses.look()
    (last, time) = (found, clinux_monotonic_milliseconds())
    return found
  }

  /// As they were at most so many milliseconds ago: where another look has been or will be.
  func recently(within age: Int64 = 1000) throws(Errno) -> RunningProcesses {
    if let last, clinux_monotonic_milliseconds() - time < age { return last }
    return try now()
  }
}
