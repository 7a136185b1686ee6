import RootlessStorage

/// What `check` has found in numbers, with nobody's name: for monitoring.
struct CheckSummary {
  private struct Kind: Hashable {
    let code: String
    let severity: String
  }

  private var kinds: [Kind: Int] = [:]
  private var users = 0
  /// Users who could not be looked at.
  private var unknown = 0

  mutating func add(_ report: UserReport) {
    users += 1
    if report.failure != nil { unknown += 1 }
    add(report.findings)
  }

  mutating func add(_ findings: [Finding]) {
    for finding in findings { kinds[Kind(code: finding.code.rawValue, severity: finding.severity.rawValue), default: 0] += 1 }
  }

  /// One line about errors, warnings and users who could not be looked at; nil if there are none.
  var line: String? {
    let told = sorted.filter { $0.kind.severity != Finding.Severity.note.rawValue }
    var parts: [String] = []
    for (severity, plural) in [("error", "errors"), ("warning", "warnings")] {
      let count = told.filter { $0.kind.severity == severity }.reduce(0) { $0 + $1.count }
      if count > 0 { parts.append(counted(count, severity, plural)) }
    }
    if unknown > 0 { parts.append("\(unknown) of \(counted(users, "user", "users")) could not be looked at") }
    if parts.isEmpty { return nil }
    let codes = told.map { "\($0.kind.code) \($0.count)" }.joined(separator: ", ")
    return parts.joined(separator: ", ") + (codes.isEmpty ? "" : ": \(codes)")
  }

  /// In the text format of Prometheus, as its node exporter reads it from a file.
  ///
  /// - Parameters:
  ///   - disk: of the storage directories; nil where nobody knows.
  ///   - milliseconds: that the run has taken.
  ///   - now: seconds since the epoch.
  func metrics(disk: Volume?, milliseconds: Int64, now: Int64) -> String {
    var lines: [String] = []
    func metric(_ name: String, _ help: String, _ samples: [String]) {
      lines +=
        ["# HELP rootless_storage_\(name) \(help)", "# TYPE rootless_storage_\(name) gauge"]
        + samples.map { "rootless_storage_\(name)\($0)" }
    }
    metric(
      "findings", "Findings of users and of this host.",
      sorted.map { "{code=\"\($0.kind.code)\",severity=\"\($0.kind.severity)\"} \($0.count)" })
    metric("users", "Users that were looked at, or could not be.", [" \(users)"])
    metric("users_unknown", "Users that could not be looked at.", [" \(unknown)"])
    if let disk, !disk.isNetwork {
      metric("disk_free_bytes", "Bytes that users can still write where the storage directories are.", [" \(disk.free)"])
      metric("disk_size_bytes", "Size of the file system where the storage directories are.", [" \(disk.size)"])
    }
    let fraction = String(1000 + milliseconds % 1000).dropFirst()
    metric("check_duration_seconds", "How long this run has taken.", [" \(milliseconds / 1000).\(fraction)"])
    metric("check_timestamp_seconds", "When this run ended.", [" \(now)"])
    return lines.joined(separator: "\n")
  }

  private var sorted: [(kind: Kind, count: Int)] {
    kinds.map { (kind: $0.key, count: $0.value) }.sorted { ($0.kind.code, $0.kind.severity) < ($1.kind.code, $1.kind.severity) }
  }
}
