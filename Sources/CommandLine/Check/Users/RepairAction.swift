import RootlessStorage

/// One thing that `repair` does for one user.
enum RepairAction: Equatable, Sendable {
  /// What a login does too.
  case login(Plan.Action)
  case setStorageMode(from: UInt32, to: UInt32)
  /// Give the storage directory its project and limit, and these directories in it the project. Root's to do.
  case setQuota(engines: [[UInt8]])
  /// Unmount a FUSE mount that this other user has put in the storage directory's place. Root's to do.
  case detachMount(owner: UInt32)
  /// Change these keys of `[storage]` in storage.conf.
  case editStorageConf([KeyChange])
  /// Change these keys of daemon.json.
  case editDaemonJson([KeyChange])
  /// Set a file aside that cannot be parsed, and write it anew as a login would.
  case replaceFile(Plan.NewFile)
  /// Remove the files in which Podman recorded that overlay does not work.
  case removeOverlayRecords([Path])
  /// Have Podman take the user's ranges as they are now. It stops running containers, and takes its time: it has a process of its own.
  case migrate(podman: Path)

  /// It is done before the home is written to, with root's rights in reserve where there are any.
  var isStorage: Bool {
    switch self {
    case .login(.createStorageDirectory), .login(.restrictStorageDirectory), .login(.takePlace), .detachMount, .setStorageMode, .setQuota:
      true
    case .login(.removeLeftover), .login(.createFile), .editStorageConf, .editDaemonJson, .replaceFile, .removeOverlayRecords, .migrate:
      false
    }
  }
}

extension RepairAction {
  var isMigration: Bool { if case .migrate = self { true } else { false } }
}

/// A change of one key with a text for a value. In storage.conf: of `[storage]`, with dots between the names of the tables below it.
enum KeyChange: Equatable, Sendable {
  case set(key: String, value: String)
  case remove(key: String)

  var text: String {
    switch self {
    case .set(let key, let value): "set \(key) = \"\(shown(value))\""
    case .remove(let key): "remove \(key)"
    }
  }
}

extension TOMLText {
  /// With these keys of `[storage]` changed.
  func applying(_ changes: [KeyChange]) throws(EditError) -> TOMLText {
    var text = self
    for change in changes {
      switch change {
      case .set(let key, let value): text = try text.setting(TOMLText.path(key), to: value)
      case .remove(let key): text = try text.removing(TOMLText.path(key))
      }
    }
    return text
  }

  private static func path(_ key: String) -> [String] { ["storage"] + key.split(separator: ".").map(String.init) }
}

extension JSONText {
  /// With these keys changed.
  func applying(_ changes: [KeyChange]) throws(EditError) -> JSONText {
    var text = self
    for change in changes {
      switch change {
      case .set(let key, let value): text = try text.setting(key, to: value)
      case .remove(let key): text = try text.removing(key)
      }
    }
    return text
  }
}

/// The words for actions, in the imperative: what is going to be done.
struct RepairWording {
  let account: Account
  let storage: Path

  static func inclusion(in storage: Path) -> String { "give what is older in the storage directory \(shown(storage)) its project" }

  func text(of action: RepairAction) -> String {
    switch action {
    case .login(.createStorageDirectory(let mode)): "create the storage directory \(shown(storage)) (mode \(shownMode(mode)))"
    case .login(.restrictStorageDirectory(let from, let to)):
      "take the write bits for others from the storage directory \(shown(storage)) (mode \(shownMode(from)) becomes \(shownMode(to)))"
    case .login(.removeLeftover(let directory, let name)):
      "remove \(inHome(directory / name)), which an interrupted login or repair left"
    case .login(.createFile(let file)): "create \(inHome(file.path))"
    case .detachMount(let owner): "unmount the FUSE mount of uid \(owner) at \(shown(storage))"
    case .login(.takePlace(let kind, let owner)):
      "put a new storage directory in the place of \(noun(kind)) of uid \(owner) at \(shown(storage)), which stays beside it"
    case .setStorageMode(let from, let to):
      "change the mode of the storage directory \(shown(storage)) from \(shownMode(from)) to \(shownMode(to))"
    case .setQuota(let engines):
      "limit the storage directory \(shown(storage)) as the settings say, \(engines.isEmpty ? "" : "with \(engines.map { shown($0) }.joined(separator: ", ")) in it, ")against accidents"
    case .editStorageConf(let changes): "\(changes.map(\.text).joined(separator: ", ")) in \(inHome(UserExaminer.storageConf))"
    case .editDaemonJson(let changes) where changes.isEmpty: "take the byte order mark from \(inHome(UserExaminer.daemonJson))"
    case .editDaemonJson(let changes): "\(changes.map(\.text).joined(separator: ", ")) in \(inHome(UserExaminer.daemonJson))"
    case .replaceFile(let file): "set \(inHome(file.path)) aside and write it anew; what else was in it is in the backup alone then"
    case .removeOverlayRecords(let paths):
      "remove \(paths.map { shown($0) }.joined(separator: " and ")), where Podman recorded that overlay does not work"
    case .migrate(let podman):
      "run \(shown(podman)) system migrate, which stops running containers, so that the ranges in /etc/subuid count"
    }
  }

  private func inHome(_ path: Path) -> String { "~/\(shown(path))" }
}
