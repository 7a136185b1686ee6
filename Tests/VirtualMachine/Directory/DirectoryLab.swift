import Foundation
import TestSupport

extension Lab {
  /// Installs everything on a host that knows the users of the directory, and adds lines to its settings.
  func useDirectory(settings: String = "", on host: Host = .lab1) throws {
    try root("use-directory", on: host)
    try install(on: host)
    try put(Machine.host ?? "/nonexistent", on: host)
    try addSettings(settings, on: host)
  }

  func addSettings(_ lines: String, on host: Host = .lab1) throws {
    try root("printf '%s\\n' '\(lines)' >> /etc/rootless-storage/rootless-storage.conf", on: host)
  }

  /// Opens and closes a session by the PAM host, which logs to the journal as the service "tested".
  ///
  /// - Parameter host: options of the PAM host.
  func session(_ user: String, host options: String = "", timeout: Int = 60, on host: Host = .lab1) throws -> Output {
    try root(
      "echo 'session required pam_rootless_storage.so timeout=\(timeout)' > /etc/pam.d/tested; rm -f /run/rootless-storage/[0-9]*; pam-host \(options) /etc/pam.d tested \(user); journalctl --sync",
      on: host)
  }

  /// /etc/subuid and /etc/subgid.
  func subordinateFiles(on host: Host = .lab1) throws -> [[SubordinateLine]] {
    try ["subuid", "subgid"].map { try root("cat /etc/\($0)", on: host).lines.map(SubordinateLine.init) }
  }
}

/// OWNER:FIRST:COUNT, or what is none.
struct SubordinateLine: Hashable, CustomStringConvertible {
  let description: String
  let owner: String
  let range: ClosedRange<Int>?

  init(_ text: String) {
    description = text
    let fields = text.split(separator: ":", omittingEmptySubsequences: false)
    owner = String(fields[0])
    if fields.count == 3, let first = Int(fields[1]), let count = Int(fields[2]), count > 0 {
      range = first...(first + count - 1)
    } else {
      range = nil
    }
  }
}

/// A user namespace's uid_map or gid_map, as words without the kernel's padding.
func identifierMap(_ lines: some Sequence<String>) -> [String] {
  lines.map { $0.split(separator: " ").joined(separator: " ") }
}
