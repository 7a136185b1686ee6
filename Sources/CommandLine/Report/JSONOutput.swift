import FoundationEssentials

/// What `--json` of `check` and `repair` prints. Documented in rootless-storage-json(7); `version` changes when a key changes its meaning
/// or goes.
struct ReportDocument: Encodable {
  let version = 1
  let programVersion = Program.version
  let host: Host
  let users: [UserReport]

  struct Host: Encodable {
    let name: String
    let findings: [Finding]
    /// Files that the caller may not read, so that nothing is known of what they say.
    let unseen: [String]
    /// Ids that the name service was asked for; absent where it is not.
    var asked: Int?
  }
}

/// One JSON object with its keys in order, for people and for `diff` too.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  printOut(String(decoding: try encoder.encode(value), as: UTF8.self))
}
