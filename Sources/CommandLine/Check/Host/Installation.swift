import RootlessStorage

/// What is installed of ours on this host, and what its settings and skeleton say.
struct Installation: Equatable, Sendable {
  /// What came of reading something that must be root's alone.
  enum Reading<Value: Equatable & Sendable>: Equatable, Sendable {
    case read(Value)
    /// The session helper refuses it too.
    case refused(PathError)
    /// Whoever runs this may not look; root may.
    case unseen(path: Path)
  }

  struct SettingsFile: Equatable, Sendable {
    let settings: Settings
    let problems: [SettingsProblem]
  }

  struct Skeleton: Equatable, Sendable {
    let warnings: [SkeletonWarning]
    let faults: [SkeletonFault]
  }

  struct Helper: Equatable, Sendable {
    enum State: Equatable, Sendable {
      case good
      case notExecutable(mode: UInt32)
      case refused(PathError)
      case unseen
    }
    let path: Path
    let state: State
  }

  struct Module: Equatable, Sendable {
    let path: Path
    let isThere: Bool
  }

  static let defaultHelper: Path = "/usr/libexec/rootless-storage/session-helper"

  /// Where libpam looks for modules that are named without a directory; nil if none of the usual directories has any.
  let moduleDirectory: Path?
  let modules: [Module]
  let helpers: [Helper]
  let settingsPath: Path
  let settings: Reading<SettingsFile>
  /// nil if there are no settings to say where it lies.
  let skeleton: Reading<Skeleton>?
  var skeletonPath: Path { if case .read(let file) = settings { file.settings.skeleton } else { "" } }

  init(_ tree: HostTree, settingsPath: Path, stacks: PAMStacks) {
    let steps = stacks.ourSteps
    let directory = PAMStacks.moduleDirectory(tree)
    moduleDirectory = directory
    // Nothing needs the module in its usual place if every line names another.
    let usual = directory.map { $0 / "pam_rootless_storage.so" }
    var wanted: [Path] = []
    for whole in steps.isEmpty ? [usual] : steps.map({ $0.whole(in: directory) }) {
      if let whole, !wanted.contains(whole) { wanted.append(whole) }
    }
    modules = wanted.map { Module(path: $0, isThere: tree.status($0)?.kind == .regular) }

    let mounts = MountTable(blockDeviceIsLocal: true)
    var helpers: [Path] = []
    let named = steps.map { $0.pathOption("helper") ?? Installation.defaultHelper }
    for path in named.isEmpty ? [Installation.defaultHelper] : named where !helpers.contains(path) { helpers.append(path) }
    self.helpers = helpers.map { Helper(path: $0, state: Installation.state(of: $0, tree, mounts)) }

    self.settingsPath = settingsPath
    settings = Installation.reading(tree) { () throws(PathError) in
      // Login reads them as root, and refuses what is not root's; so does this, whoever runs it.
      let reading = try readSettings(tree.resolve(settingsPath), trusted: true, mounts)
      var settings = reading.settings
      settings.exclusions = settings.exclusions.named { tree.onHost($0) }
      return SettingsFile(
        settings: settings, problems: reading.problems.map { SettingsProblem(file: tree.onHost($0.file), line: $0.line, reason: $0.reason) }
      )
    }
    if case .read(let file) = settings {
      skeleton = Installation.reading(tree) { () throws(PathError) in
        let reader = try SkeletonReader(tree.resolve(file.settings.skeleton), trusted: true, mounts)
        return Skeleton(warnings: reader.warnings, faults: reader.files.compactMap { SkeletonFault($0, file.settings) })
      }
    } else {
      skeleton = nil
    }
  }

  private static func reading<Value>(_ tree: HostTree, _ read: () throws(PathError) -> Value) -> Reading<Value> {
    do throws(PathError) { return .read(try read()) } catch {
      return isUnseen(error) ? .unseen(path: tree.onHost(error.path)) : .refused(onHost(error, tree))
    }
  }

  private static func onHost(_ problem: PathError, _ tree: HostTree) -> PathError {
    var problem = problem
    problem.path = tree.onHost(problem.path)
    return problem
  }

  /// Root could look, and this user cannot.
  private static func isUnseen(_ problem: PathError) -> Bool { effectiveIDs().user != 0 && problem.reason == .failed(.accessDenied) }

  private static func state(of path: Path, _ tree: HostTree, _ mounts: MountTable) -> Helper.State {
    do throws(PathError) {
      let mode = try walk(toFile: tree.resolve(path), .trusted, mounts).status.mode
      return mode & 0o100 == 0 ? .notExecutable(mode: mode) : .good
    } catch {
      return isUnseen(error) ? .unseen : .refused(onHost(error, tree))
    }
  }
}

extension Exclusions {
  /// The same, with other names of the files.
  fileprivate func named(_ name: (Path) -> Path) -> Exclusions {
    func renamed(_ place: Place?) -> Place? { place.map { Place(file: name($0.file), line: $0.line) } }
    var other = self
    other.usersPlace = renamed(usersPlace)
    other.groupsPlace = renamed(groupsPlace)
    other.uncertainUsers = renamed(uncertainUsers)
    other.uncertainGroups = renamed(uncertainGroups)
    return other
  }
}
