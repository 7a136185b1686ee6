import RootlessStorage

/// What one engine said of itself, and what came of each step of a trial. What a user controls in it is escaped.
struct EngineReport: Codable, Equatable, Sendable {
  enum Engine: String, Codable, CaseIterable, Sendable {
    case podman, docker

    /// As people call it.
    var name: String { self == .podman ? "Podman" : "Docker" }
  }

  struct Step: Codable, Equatable, Sendable {
    enum Name: String, Codable, Sendable {
      /// What an earlier run left goes.
      case leftovers
      case info
      case `import`
      case run
      /// What the container wrote is looked at from outside.
      case volume
      case remove
    }

    enum Outcome: String, Codable, Sendable {
      case done
      /// The engine's exit status says so, or what it answered or did is wrong.
      case failed
      /// The engine cannot be started.
      case notStarted = "not-started"
      /// A signal ended the engine.
      case killed
      /// It did not answer in time, and was ended.
      case late
      /// It printed too much, and was ended.
      case flooded
      /// There is nothing for it to do on this kind of machine.
      case skipped
    }

    var step: Name
    var outcome: Outcome
    var milliseconds: Int
    /// What happened, in our words.
    var cause: String?
    /// The engine's exit status, where that is what failed.
    var status: Int32?
    /// The last lines that the engine printed; absent where all went well.
    var words: [String]?
  }

  /// What the engine says of one thing, and what `check` computed.
  struct Difference: Codable, Equatable, Sendable {
    enum Subject: String, Codable, Sendable { case graphroot, driver, runroot, database }

    var what: Subject
    var engine: String
    var check: String
  }

  var engine: Engine
  var version: String?
  /// Podman's graphroot, Docker's data-root.
  var graphroot: String?
  /// The type of its file system.
  var fileSystem: String?
  var isNetwork = false
  var driver: String?
  var runroot: String?
  /// Only newer versions of Podman tell.
  var database: String?
  var steps: [Step] = []
  var differences: [Difference] = []
  /// Why it was not asked.
  var unknown: String?

  init(_ engine: Engine) { self.engine = engine }
}

extension EngineReport {
  /// Lines of what an engine printed that are shown.
  static let mostWords = 6

  /// All of it can be shown, and added up: whatever the process of a user's has made of it.
  var isSane: Bool {
    var texts = [version, graphroot, fileSystem, driver, runroot, database, unknown].compactMap { $0 }
    for step in steps { texts += [step.cause ?? ""] + (step.words ?? []) }
    for difference in differences { texts += [difference.engine, difference.check] }
    return steps.count <= 16 && differences.count <= 4
      && steps.allSatisfy { (0...4_000_000).contains($0.milliseconds) && ($0.words?.count ?? 0) <= EngineReport.mostWords }
      && texts.allSatisfy { $0.utf8.allSatisfy { $0 >= .space && $0 < 0x7f } }
  }

  /// The first step that did not go well.
  var failedStep: Step? { steps.first { $0.outcome != .done && $0.outcome != .skipped } }
}

/// What engines are expected to say of themselves, by what was seen of a user; nil: nobody knows. These are paths as they are, and never
/// shown.
struct ExpectedEngines: Codable, Equatable, Sendable {
  var graphroot: String?
  var driver: String?
  var runroot: String?
  var database: String?
  var dataRoot: String?
}
