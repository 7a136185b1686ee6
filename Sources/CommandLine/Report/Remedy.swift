/// What fixes a finding, in its parts, so that nobody has to guess which of it a shell takes.
///
/// A text alone is a remedy that only a person can carry out: `"install the package again"`.
struct Remedy: Codable, Equatable, Sendable {
  /// Whose rights a command needs.
  enum Actor: Equatable, Sendable {
    /// An administrator. The command has its `sudo` already.
    case root
    /// A user, by name, on a terminal of theirs.
    case user(String)
    /// Whoever reads it.
    case anyone

    fileprivate var name: String? {
      switch self {
      case .root: "root"
      case .user(let name): name
      case .anyone: nil
      }
    }
  }

  /// What a person does; before the command, where there is one.
  let instruction: String?
  /// What a shell takes as it is.
  let command: String?
  /// Whose rights the command, or the person, needs: `root` or the name of a user. nil: anybody's.
  let runBy: String?
  /// What has to be known of it, or decided.
  let note: String?

  /// What only a person can do.
  init(_ instruction: String, by actor: Actor = .anyone, note: String? = nil) {
    self.init(instruction, nil, actor, note)
  }

  private init(_ instruction: String?, _ command: String?, _ actor: Actor, _ note: String?) {
    self.instruction = instruction
    self.command = command
    runBy = actor.name
    self.note = note
  }

  /// - Parameter command: with `sudo`.
  static func root(_ command: String, note: String? = nil, after instruction: String? = nil) -> Remedy {
    Remedy(instruction, command, .root, note)
  }

  static func user(_ name: String, _ command: String, note: String? = nil, after instruction: String? = nil) -> Remedy {
    Remedy(instruction, command, .user(name), note)
  }

  static func anyone(_ command: String, note: String? = nil, after instruction: String? = nil) -> Remedy {
    Remedy(instruction, command, .anyone, note)
  }

  /// All of it on one line. What stands behind a command is a comment for a shell.
  var text: String {
    words + (remark.map { "    # \($0)" } ?? "")
  }

  /// What a person does, and what a shell takes.
  var words: String { [instruction, command].compactMap { $0 }.joined(separator: ": ") }

  /// What stands behind them: where there is no command to tell, also whose rights are needed.
  var remark: String? {
    let person = command == nil ? runBy.map { "as \($0)" } : nil
    let parts = [person, note].compactMap { $0 }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }
}

extension Remedy: ExpressibleByStringInterpolation {
  init(stringLiteral value: String) { self.init(value) }
}
