/// What engines said and did for one user: a record of `verify --json`.
struct VerificationReport: Encodable {
  enum State: String, Encodable {
    /// Each engine that was asked did what it was to do, and is where check expects it.
    case good
    case findings
    /// No engine could be asked, and that is nobody's fault: the user is logged out, or has no engine here.
    case unknown
    /// Outside uid_min to uid_max; nothing was run.
    case notServed = "not-served"
    /// Something keeps us from looking.
    case failed
  }

  var name: String
  /// Absent where there is no such account.
  var uid: UInt32?
  var state: State
  /// Why, of the last three.
  var cause: String?
  var engines: [EngineReport] = []
  var findings: [Finding] = []
  /// What check finds that explains why an engine failed.
  var explanations: [Finding] = []
}
