import RootlessStorage

/// What is installed of ours on this host, and what its settings and skeleton say.
struct Installation: Equatable, Sendable {
  /// What came of reading something that must be root's alone.
  enum Reading<Value: Equatable & Sendable>: Equatable, Sendable {
    case read(Value)
    /// The session helper refuses it too.
    case refused(WayProblem)
    /// Whoever runs this may not look; root may.
    case unseen(path: [UInt8])
  }

  struct SettingsFile: Equatable, Sendable {
    let settings: Settings
    let problems: [SettingsProblem]
  }

  struct Helper: Equatable, Sendable {
    enum State: Equatable, Sendable {
      case good
      case notExecutable(mode: UInt32)
      case refused(WayProblem)
      case unseen
    }
    let path: [UInt8]
    let state: State
  }

  struct Module: Codable, Equatable, Sendable {
    let path: [UInt8]
    let isThere: Bool
  }

  /// Debian's name of the architecture that this program, and so the host's logins, are built for.
  #if arch(x86_64)
    private static let multiarch = "x86_64-linux-gnu"
  #elseif arch(arm64)
    private static let multiarch = "aarch64-linux-gnu"
  #else
    private static let multiarch = "none"
  #endif

  static let defaultHelper = "/usr/libexec/rootless-storage/session-helper"

  /// Where libpam looks for modules that are named without a directory; nil if none of the usual directories has any.
  let moduleDirectory: [UInt8]?
  let modules: [Module]
  let helpers: [Helper]
  let settingsPath: [UInt8]
  let settings: Reading<SettingsFile>
  /// Its warnings; nil if there are no settings to say where it lies.
  let skeleton: Reading<[SkeletonWarning]>?

  init(_ tree: HostTree, settingsPath: [UInt8], stacks: PAMStacks) {
    let steps = stacks.ourSteps
    let directory = Installation.moduleDirectory(tree)
    moduleDirectory = directory
    var wanted: [[UInt8]] = []
    for path in steps.map(\.path) + [Array("pam_rootless_storage.so".utf8)] {
      // Nothing needs the module in its usual place if every line names another.
      if path.first != 0x2f && !steps.isEmpty && !steps.contains(where: { $0.path == path }) { continue }
      if let whole = path.first == 0x2f ? path : directory.map({ $0 + [0x2f] + path }), !wanted.contains(whole) { wanted.append(whole) }
    }
    modules = wanted.map { Module(path: $0, isThere: tree.status($0)?.kind == .regular) }

    let mounts = MountTable(blockDeviceIsLocal: true)
    var helpers: [[UInt8]] = []
    let named = steps.map { $0.pathOption("helper") ?? Array(Installation.defaultHelper.utf8) }
    for path in named.isEmpty ? [Array(Installation.defaultHelper.utf8)] : named where !helpers.contains(path) { helpers.append(path) }
    self.helpers = helpers.map { Helper(path: $0, state: Installation.state(of: $0, tree, mounts)) }

    self.settingsPath = settingsPath
    settings = Installation.reading { () throws(WayProblem) in
      // Login reads them as root, and refuses what is not root's; so does this, whoever runs it.
      let reading = try readSettings(tree(settingsPath), trusted: true, mounts)
      return SettingsFile(settings: reading.settings, problems: reading.problems)
    }
    if case .read(let file) = settings {
      skeleton = Installation.reading { () throws(WayProblem) in try SkeletonReader(tree(file.settings.skeleton), trusted: true, mounts).warnings }
    } else {
      skeleton = nil
    }
  }

  private static func reading<Value>(_ read: () throws(WayProblem) -> Value) -> Reading<Value> {
    do throws(WayProblem) { return .read(try read()) } catch {
      return isUnseen(error) ? .unseen(path: error.path) : .refused(error)
    }
  }

  /// Root could look, and this user cannot.
  private static func isUnseen(_ problem: WayProblem) -> Bool { effectiveIDs().user != 0 && problem.reason == .failed(.accessDenied) }

  private static func state(of path: [UInt8], _ tree: HostTree, _ mounts: MountTable) -> Helper.State {
    do throws(WayProblem) {
      let mode = try walk(toFile: tree(path), .trusted, mounts).status.mode
      return mode & 0o100 == 0 ? .notExecutable(mode: mode) : .good
    } catch {
      return isUnseen(error) ? .unseen : .refused(error)
    }
  }

  /// The directory is compiled into libpam. It is the one where the modules of libpam's own package are.
  private static func moduleDirectory(_ tree: HostTree) -> [UInt8]? {
    ["/usr/lib/\(multiarch)", "/lib/\(multiarch)", "/usr/lib64", "/lib64", "/usr/lib", "/lib"].map { Array("\($0)/security".utf8) }
      .first { tree.status($0 + Array("/pam_permit.so".utf8)) != nil }
  }
}
