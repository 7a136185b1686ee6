/// What a process that looks for one user is asked. It never asks the name service itself.
struct UserRequest: Codable, Equatable, Sendable {
  enum Task: String, Codable, Sendable {
    case check, plan, repair
    /// `podman system migrate` alone, where it is needed: it takes longer than looking may.
    case migrate
    /// As `check`, and what is to be known before engines are tried.
    case verify
  }

  var task: Task
  var name: [UInt8]
  var uid: UInt32
  var gid: UInt32
  var groups: [UInt32]
  /// The user is in more.
  var groupsLeftOut: Bool
  var home: [UInt8]
  var conf: [UInt8]
  /// Seconds; the asker kills it then.
  var timeout: UInt32
  /// What the caller's environment says, if the user is the caller.
  var environment: UserFacts.Environment?
  /// How the podman of this host reads its configuration; nil where that is not known.
  var podman: PodmanGeneration?
}
