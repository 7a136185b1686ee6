import RootlessStorage

/// What the engines' config files say when they are as the skeleton has them for this user.
struct IntendedConfig: Equatable, Sendable {
  let graphroot: String
  let dataRoot: String
  let driver: String
  /// What a login would write; nil if the skeleton has no such file.
  private(set) var storageConf: Plan.NewFile?
  private(set) var daemonJson: Plan.NewFile?

  init(_ facts: UserFacts) {
    let storage = facts.storage?.path ?? ""
    func rendered(_ path: Path) -> Plan.NewFile? {
      guard let file = facts.skeleton.first(where: { $0.path == path }), let content = file.rendered(for: facts.account, storage: storage)
      else { return nil }
      return Plan.NewFile(file, content: content)
    }
    storageConf = rendered(UserExaminer.storageConf)
    daemonJson = rendered(UserExaminer.daemonJson)
    // A home on local disk gets no storage directory: what engines use without a word about it is as good there.
    let base = String(decoding: facts.storage == nil ? facts.account.home / ".local/share" : storage)
    // A skeleton that cannot be parsed says nothing; its own finding is somebody else's.
    let toml = storageConf.flatMap { file in
      // As a login writes it, so it is with most users.
      if let text = facts.storageConf?.text, text.bytes == file.content { return text }
      return try? TOMLText(file.content)
    }
    graphroot = IntendedConfig.text(toml?.value(["storage", "graphroot"])) ?? base + "/containers/storage"
    driver = IntendedConfig.text(toml?.value(["storage", "driver"])) ?? "overlay"
    let json = daemonJson.flatMap { file in
      if let text = facts.daemonJson?.text, text.bytes == file.content { return text }
      return try? JSONText(file.content)
    }
    dataRoot = json?.string("data-root") ?? base + "/docker"
  }

  private static func text(_ value: TOMLText.Value?) -> String? {
    if case .string(let text)? = value, !text.isEmpty { text } else { nil }
  }

  /// The storage directory that a path of an engine's would be in if it were written like `intended`, but for another storage
  /// directory of the same user: an administrator has moved `storage_directory` since. Nil if it is not written so, or the same.
  static func earlierStorage(_ path: String, like intended: String, _ facts: UserFacts) -> String? {
    guard let storage = facts.storage else { return nil }
    let base = String(decoding: storage.path)
    guard intended.hasPrefix(base + "/") else { return nil }
    let suffix = intended.dropFirst(base.count)
    guard path.hasSuffix(suffix), path != intended else { return nil }
    let earlier = path.dropLast(suffix.count)
    guard earlier.hasPrefix("/"), let leaf = earlier.split(separator: "/").last else { return nil }
    let name = String(decoding: facts.account.name, as: UTF8.self)
    // The last component is made for every user, from the name or the uid.
    let isTheirs = [name, String(facts.account.uid)].contains { part in
      // As a word of its own: 1000 is no part of 10001.
      leaf == part || ["-", "_", "."].contains { leaf.hasPrefix(part + $0) || leaf.hasSuffix($0 + part) }
    }
    return isTheirs ? String(earlier) : nil
  }
}
