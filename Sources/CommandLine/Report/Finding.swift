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
  /// What fixes it.
  let remedy: Remedy
  /// `rootless-storage repair` fixes it. `remedy` is that command then.
  let isRepairable: Bool

  init(_ code: FindingCode, _ severity: Severity, _ sentence: String, remedy: Remedy, isRepairable: Bool = false) {
    self.code = code
    self.severity = severity
    self.sentence = sentence
    self.remedy = remedy
    self.isRepairable = isRepairable
  }

  // MARK: JSON

  private enum Key: String, CodingKey { case code, severity, sentence, remedy, remedyParts, isRepairable }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    code = try values.decode(FindingCode.self, forKey: .code)
    severity = try values.decode(Severity.self, forKey: .severity)
    sentence = try values.decode(String.self, forKey: .sentence)
    remedy = try values.decode(Remedy.self, forKey: .remedyParts)
    isRepairable = try values.decode(Bool.self, forKey: .isRepairable)
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(code, forKey: .code)
    try values.encode(severity, forKey: .severity)
    try values.encode(sentence, forKey: .sentence)
    try values.encode(remedy.text, forKey: .remedy)
    try values.encode(remedy, forKey: .remedyParts)
    try values.encode(isRepairable, forKey: .isRepairable)
  }
}
