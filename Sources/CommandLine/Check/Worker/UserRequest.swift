import FoundationEssentials
import RootlessStorage

/// What a process that looks for one user is asked. It never asks the name service itself.
struct UserRequest: Codable, Equatable, Sendable {
  enum Task: String, Codable, Sendable {
    case check, plan, repair
    /// `podman system migrate` alone, where it is needed: it takes longer than looking may.
    case migrate
    /// Older content below the storage directory gets its project; and the plan of that. It takes longer than looking may.
    case include, includePlan
    /// As `check`, and what is to be known before engines are tried.
    case verify

    var isInclusion: Bool { self == .include || self == .includePlan }
  }

  var task: Task
  var name: [UInt8]
  var uid: UInt32
  var gid: UInt32
  var groups: [UInt32]
  /// The user is in more.
  var groupsLeftOut: Bool
  var home: Path
  var conf: Path
  /// Seconds; the asker kills it then.
  var timeout: UInt32
  /// What the caller's environment says, if the user is the caller.
  var environment: UserFacts.Environment?
  /// How the engines of this host read their configuration.
  var engines = EngineGenerations()
}

extension UserRequest {
  /// As it is sent to the process that looks.
  var message: [UInt8] {
    // Of the caller alone.
    let variables = environment.flatMap { try? JSONEncoder().encode($0) }.map { Array($0) } ?? []
    let numbers = [uid, gid, timeout, groupsLeftOut ? 1 : 0] + groups
    return MessageFields.joined([
      conf.bytes, Array(task.rawValue.utf8), name, home.bytes, Array(numbers.map { decimal(UInt64($0)) }.joined(separator: [.space])),
      variables,
      Array((engines.podman?.rawValue ?? "").utf8),
      Array((engines.docker?.rawValue ?? "").utf8),
    ])
  }

  /// nil for what is no such message.
  init?(message: [UInt8]) {
    guard let fields = MessageFields.split(message), fields.count == 8,
      let task = Task(rawValue: String(decoding: fields[1], as: UTF8.self))
    else { return nil }
    let numbers = words(fields[4]).map { identifier($0) }
    let known = numbers.compactMap { $0 }
    guard known.count == numbers.count, known.count >= 4, known[3] <= 1 else { return nil }
    let environment = fields[5].isEmpty ? nil : try? JSONDecoder().decode(UserFacts.Environment.self, from: Data(fields[5]))
    self.init(
      task: task, name: fields[2], uid: known[0], gid: known[1], groups: Array(known[4...]), groupsLeftOut: known[3] == 1,
      home: Path(fields[3]),
      conf: Path(fields[0]), timeout: known[2], environment: environment,
      engines: EngineGenerations(
        podman: PodmanGeneration(rawValue: String(decoding: fields[6], as: UTF8.self)),
        docker: DockerGeneration(rawValue: String(decoding: fields[7], as: UTF8.self))))
  }
}
