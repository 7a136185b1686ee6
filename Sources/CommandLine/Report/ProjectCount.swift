import RootlessStorage

/// What has become of the files and directories below a storage directory that were to get its project.
struct ProjectCount: Codable, Equatable, Sendable {
  /// Why something stays as it is.
  enum Cause: String, Codable, CaseIterable, Sendable {
    /// A symbolic link, FIFO, socket or device: it cannot be opened without an effect, and the kernel takes no other way.
    case special
    /// It belongs to somebody else, and so does what is in it.
    case stranger
    /// It belongs to a subordinate id, whom only root can act as.
    case subordinate
    /// It is in the project of somebody else's.
    case project
    /// Something is mounted there.
    case mount
    /// Its owner may not read it.
    case unreadable
    /// The limit is reached.
    case limit
    /// It lies deeper than the walk goes.
    case deep
    case error
  }

  struct Left: Codable, Equatable, Sendable {
    var cause: Cause
    var count: Int
  }

  /// They got the project, or would get it.
  var set = 0
  /// They had it.
  var already = 0
  /// In the order of the causes.
  private(set) var left: [Left] = []
  /// Nothing was left out for want of time.
  var isComplete = true

  func count(of cause: Cause) -> Int { left.first { $0.cause == cause }?.count ?? 0 }

  mutating func leave(_ cause: Cause) {
    if let index = left.firstIndex(where: { $0.cause == cause }) { return left[index].count += 1 }
    left.append(Left(cause: cause, count: 1))
    left.sort { ProjectCount.order($0.cause) < ProjectCount.order($1.cause) }
  }

  private static func order(_ cause: Cause) -> Int { Cause.allCases.firstIndex(of: cause) ?? 0 }

  /// Why it has failed, and what to do. What can never be set is no failure.
  var trouble: String? {
    if !isComplete { return "it was not done within the time; run it again, it goes on" }
    if count(of: .limit) > 0 { return "the limit is reached; raise storage_quota or remove what is not needed, and run it again" }
    if count(of: .error) > 0 { return "some could not be looked at or set; check the disk that holds them, and run it again" }
    return nil
  }

  /// For people.
  func lines(isPlan: Bool) -> [String] {
    let first = "\(set) \(isPlan ? "would be set" : "set"), \(already) had it already"
    if left.isEmpty { return [first] }
    return [first] + ["not set: " + left.map { ProjectCount.text(of: $0) }.joined(separator: "; ")]
  }

  private static func text(of left: Left) -> String {
    let what =
      switch left.cause {
      case .special: "symbolic links and special files, which cannot be set"
      case .stranger: "of other owners, with what is in them"
      case .subordinate: "of subordinate ids, with what is in them, which only root can set"
      case .project: "in other projects, with what is in them"
      case .mount: "where something is mounted"
      case .unreadable: "that their owners may not open"
      case .limit: "beyond the limit"
      case .deep: "more than 256 directories deep"
      case .error: "because of an error"
      }
    return "\(left.count) \(what)"
  }
}
