import RootlessStorage

/// The files from which Podman takes its configuration for one user, as they were read, and what each generation of Podman makes of them.
struct PodmanConfig: Equatable, Sendable {
  /// Who can change a file.
  enum Place: Equatable, Sendable { case user, site, vendor }

  struct File: Equatable, Sendable {
    /// As a sentence names it; printable.
    let path: String
    let place: Place
    let file: ConfigFile
    private(set) var text: TOMLText?
    private(set) var problem: TOMLText.Problem?
    /// What is wrong with it in the eyes of later versions than the one that `text` is of.
    private(set) var laterProblem: TOMLText.Problem?

    /// - Parameter known: the same file as it was parsed before, if it has not changed.
    init(path: String, _ place: Place, _ file: ConfigFile, known: File? = nil) {
      self.path = path
      self.place = place
      self.file = file
      guard case .content(let content) = file else { return }
      if case .content(let earlier)? = known?.file, earlier.bytes == content.bytes {
        text = known?.text
        problem = known?.problem
        return
      }
      do throws(TOMLText.Problem) { text = try TOMLText(content.bytes) } catch { problem = error }
    }

    /// The user's own, as it was read and parsed before.
    init(_ own: UserFacts.StorageConf) {
      path = "~/.config/containers/storage.conf"
      place = .user
      file = own.file
      text = own.text
      problem = own.problem
    }

    /// The same as Podman of a generation reads it.
    func read(by generation: PodmanGeneration?) -> File {
      guard generation == .oldest, let problem, case .content(let content) = file, let lenient = TOMLText.leniently(content.bytes) else {
        return self
      }
      var same = self
      (same.text, same.problem, same.laterProblem) = (lenient, nil, problem)
      return same
    }

    /// Podman takes a link that leads nowhere for no file.
    var isThere: Bool { file != .absent && file != .dangling }
  }

  /// ~/.config/containers/storage.conf.
  var user: File
  /// The site's and the vendor's, of which the first one counts that is there.
  var others: [File] = []
  /// In the order in which they are read: a later one wins.
  var dropIns: [File] = []
  /// Files of containers.conf, in that order too.
  var engine: [File] = []
  /// registries.conf, and the files of its directories.
  var registries: [File] = []
  /// policy.json.
  var policy: File?

  /// Where files lie that are not in the home, the weakest first.
  static let siteDirectories: [(path: String, place: Place)] = [("/usr/share/containers", .vendor), ("/etc/containers", .site)]

  /// The directories that have drop-in files for a user other than root, the weakest first: of files of one name the strongest counts.
  static func dropInDirectories(_ uid: UInt32) -> [(path: String, place: Place)] {
    siteDirectories.flatMap { base, place in
      ["storage.conf.d", "storage.rootless.conf.d", "storage.rootless.conf.d/\(uid)"].map { ("\(base)/\($0)", place) }
    }
  }

  /// What one generation makes of them.
  func reading(_ generation: PodmanGeneration) -> PodmanReading {
    let main = user.isThere ? user : others.first(where: \.isThere)
    return PodmanReading(
      generation: generation, main: main, isPassedOver: main?.isPassedOver(by: generation) ?? false,
      site: generation.passesOverFaults ? others.first(where: \.isThere).flatMap { $0.isPassedOver(by: generation) ? nil : $0 } : nil,
      dropIns: generation == .merging ? dropIns.filter(\.isThere) : [])
  }
}

/// The configuration of storage that Podman of one generation works with.
struct PodmanReading: Equatable, Sendable {
  let generation: PodmanGeneration
  /// The one main file that it reads, if there is one.
  let main: PodmanConfig.File?
  /// It has a fault, and nothing in it counts.
  let isPassedOver: Bool
  /// The main file of the site's or the vendor's, of which a place for users counts where the user's names none; nil if it is not read.
  let site: PodmanConfig.File?
  /// Read after it.
  let dropIns: [PodmanConfig.File]

  /// What it reads.
  var files: [PodmanConfig.File] { (main.map { [$0] } ?? []) + dropIns }
  /// What counts of that, the weakest first.
  var layers: [PodmanConfig.File] { isPassedOver ? dropIns : files }

  /// The value that counts, and the file that has it.
  func value(_ path: [String]) -> (value: TOMLText.Value, file: PodmanConfig.File)? {
    for file in layers.reversed() {
      // A site's main file was for root, but for its options, before drop-in files came.
      if generation != .merging, file.place != .user, path == ["storage", "graphroot"] || path == ["storage", "runroot"] { continue }
      if generation == .oldest, file.place != .user, path == ["storage", "driver"] { continue }
      if let value = file.text?.value(path) { return (value, file) }
    }
    return nil
  }

  /// The same of a text; nil also if it is empty, which means the default.
  func text(_ path: [String]) -> (text: String, file: PodmanConfig.File)? {
    guard let (value, file) = value(path), case .string(let text) = value, !text.isEmpty else { return nil }
    return (text, file)
  }

  /// Where the store is; nil: in the home.
  var store: (key: String, path: String, file: PodmanConfig.File)? {
    for key in ["graphroot", "rootless_storage_path"] {
      if let (path, file) = text(["storage", key]) { return (key, path, file) }
    }
    // The default of which it then is.
    if let site, case .string(let path)? = site.text?.value(["storage", "rootless_storage_path"]), !path.isEmpty {
      return ("rootless_storage_path", path, site)
    }
    return nil
  }

  /// Something else than the kernel mounts for it.
  var namesMountProgram: Bool {
    text(["storage", "options", "overlay", "mount_program"]) != nil || text(["storage", "options", "mount_program"]) != nil
  }

  /// The driver that is named, first of all by `driver`.
  var driver: (key: String, name: String, file: PodmanConfig.File)? {
    if let (name, file) = text(["storage", "driver"]) { return ("driver", name, file) }
    guard generation == .merging, let (value, file) = value(["storage", "driver_priority"]), case .array(let names) = value,
      case .string(let first)? = names.first
    else { return nil }
    return ("driver_priority", first, file)
  }
}

/// A path as containers/storage takes it: with the uid for `$UID`, and then with the variables of the environment.
struct ExpandedPath: Equatable, Sendable {
  let path: String
  /// It has variables that are not the same in every session, as in cron's.
  let isVariable: Bool

  /// - Parameter text: as it is written. A variable that no session has by itself is empty.
  init(_ text: String, _ account: Account) {
    let known: [String: String] = [
      "HOME": String(decoding: account.home), "USER": String(decoding: account.name, as: UTF8.self),
      "LOGNAME": String(decoding: account.name, as: UTF8.self), "XDG_RUNTIME_DIR": "/run/user/\(account.uid)",
    ]
    var path: [UInt8] = []
    var isVariable = false
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == .dollar else {
        path.append(byte)
        continue
      }
      if rest.starts(with: Array("UID".utf8)) {
        path += decimal(UInt64(account.uid))
        rest = rest.dropFirst(3)
        continue
      }
      let hasBraces = rest.first == .leftBrace
      if hasBraces, !rest.contains(.rightBrace) { continue }
      let name = Array(hasBraces ? rest.dropFirst().prefix { $0 != .rightBrace } : rest.prefix { ExpandedPath.isInName($0) })
      rest = rest.dropFirst(name.count + (hasBraces ? 2 : 0))
      if name.isEmpty && !hasBraces {
        path.append(byte)
        continue
      }
      let variable = String(decoding: name, as: UTF8.self)
      // The home is what Podman takes from the account where the environment has none.
      if variable != "HOME" { isVariable = true }
      path += Array((known[variable] ?? "").utf8)
    }
    self.path = String(decoding: path, as: UTF8.self)
    self.isVariable = isVariable
  }

  private static func isInName(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == .underscore }
}
