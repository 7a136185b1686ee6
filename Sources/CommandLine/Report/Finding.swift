/// One thing that is wrong, as `check` tells it.
struct Finding: Codable, Equatable, Sendable {
  enum Severity: String, Codable, Sendable {
    /// Containers do not work, or what is stored is not safe.
    case error
    /// Something does not work for everybody, or will not work for long.
    case warning
    /// Worth knowing; nothing has to be fixed, and the exit status does not count it.
    case note
  }

  /// Never changes its meaning: scripts and monitoring match it. All are listed in rootless-storage-findings(7).
  let code: FindingCode
  let severity: Severity
  /// One sentence with the actual values. What a user controls in it is escaped.
  let sentence: String
  /// The command that fixes it; where there is none, what to do.
  let remedy: String
  /// `rootless-storage repair` fixes it. `remedy` is that command then.
  let isRepairable: Bool

  init(_ code: FindingCode, _ severity: Severity, _ sentence: String, remedy: String, isRepairable: Bool = false) {
    self.code = code
    self.severity = severity
    self.sentence = sentence
    self.remedy = remedy
    self.isRepairable = isRepairable
  }
}
