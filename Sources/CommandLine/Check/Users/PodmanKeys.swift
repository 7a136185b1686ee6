/// A key of storage.conf, and of which type its value has to be: as the structures of containers/storage have them (pkg/config,
/// types/options.go).
struct PodmanKey: Sendable {
  enum ValueType: String, Sendable {
    case text = "a text in quotes", texts = "a list of texts", boolean = "true or false", table = "a table", number = "a number",
      textTable = "a table of texts"
  }

  let path: String
  let keys: [String]
  let type: ValueType
  /// The first generation that knows it.
  let since: PodmanGeneration
  /// The last one.
  let until: PodmanGeneration
  let isOption: Bool

  private init(_ path: String, _ type: ValueType, since: PodmanGeneration = .oldest, until: PodmanGeneration = .merging) {
    self.path = path
    keys = path.split(separator: ".").map(String.init)
    self.type = type
    self.since = since
    self.until = until
    isOption = path.hasPrefix("storage.options.")
  }

  private static let all: [PodmanKey] =
    [PodmanKey("storage", .table)]
    + ["driver", "runroot", "graphroot", "rootless_storage_path"].map { PodmanKey("storage.\($0)", .text) }
    + [
      PodmanKey("storage.imagestore", .text, since: .single), PodmanKey("storage.transient_store", .boolean, since: .single),
      PodmanKey("storage.driver_priority", .texts, since: .single),
    ]
    + [
      PodmanKey("storage.options", .table), PodmanKey("storage.options.additionalimagestores", .texts),
      PodmanKey("storage.options.additionallayerstores", .texts, since: .lenient),
    ]
    + [
      "size", "remap-uids", "remap-gids", "remap-user", "remap-group", "root-auto-userns-user", "ignore_chown_errors", "mountopt",
      "mount_program", "skip_mount_home",
    ]
    .map { PodmanKey("storage.options.\($0)", .text) }
    + ["auto-userns-min-size", "auto-userns-max-size"].map { PodmanKey("storage.options.\($0)", .number) }
    + [
      PodmanKey("storage.options.disable-volatile", .boolean, since: .lenient),
      PodmanKey("storage.options.pull_options", .textTable, since: .lenient), PodmanKey("storage.options.overlay", .table),
    ]
    // Here as a number, in the table of the driver as a text.
    + [PodmanKey("storage.options.force_mask", .number)]
    + ["ignore_chown_errors", "mountopt", "mount_program", "size", "skip_mount_home", "force_mask"].map {
      PodmanKey("storage.options.overlay.\($0)", .text)
    }
    + [
      PodmanKey("storage.options.overlay.inodes", .text, since: .lenient),
      PodmanKey("storage.options.overlay.use_composefs", .text, since: .single), PodmanKey("storage.options.vfs", .table),
      PodmanKey("storage.options.thinpool", .table, until: .single), PodmanKey("storage.options.btrfs", .table),
      PodmanKey("storage.options.zfs", .table),
      PodmanKey("storage.options.btrfs.size", .text), PodmanKey("storage.options.zfs.fsname", .text),
      PodmanKey("storage.options.vfs.ignore_chown_errors", .text),
    ]

  struct Fault: Sendable {
    let key: PodmanKey
    let value: TOMLText.Value
    /// What the value is.
    let kind: String
  }

  /// The values that are not of their key's type.
  static func faults(in text: TOMLText, _ generation: PodmanGeneration) -> [Fault] {
    let hasOptions = text.value(["storage", "options"]) != nil
    return all.compactMap { key in
      if key.isOption && !hasOptions { return nil }
      guard generation >= key.since, generation <= key.until, let value = text.value(key.keys) else { return nil }
      return mismatch(value, key.type, generation).map { Fault(key: key, value: value, kind: $0) }
    }
  }

  /// - Returns: what the value is; nil if it is as it has to be.
  private static func mismatch(_ value: TOMLText.Value, _ type: ValueType, _ generation: PodmanGeneration) -> String? {
    switch (type, value) {
    case (.text, .string), (.boolean, .boolean), (.table, .table), (.number, .integer): return nil
    case (.texts, .array(let values)):
      let isFit = values.allSatisfy { value in
        switch value {
        case .string: true
        // `{append=true}`: what other files list stays.
        case .table: generation == .merging
        default: false
        }
      }
      return isFit ? nil : "a list of something else"
    // A text alone is passed over.
    case (.textTable, .table(let values)):
      let isFit = values.values.allSatisfy { if case .string = $0 { true } else { false } }
      return isFit ? nil : "a table of something else"
    case (.textTable, .string): return nil
    case (_, .string): return "a text"
    case (_, .boolean): return "true or false"
    case (_, .integer): return "a number"
    case (_, .array): return "a list"
    case (_, .table): return "a table"
    case (_, .other): return "a date or a fraction"
    }
  }
}

extension PodmanConfig.File {
  static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

  var hasByteOrderMark: Bool { if case .content(let content) = file { content.bytes.starts(with: Self.byteOrderMark) } else { false } }

  /// It has a fault, and nothing in it counts for a Podman that starts all the same.
  func isPassedOver(by generation: PodmanGeneration) -> Bool {
    guard generation.passesOverFaults else { return false }
    guard let text else { return true }
    return hasByteOrderMark || generation == .oldest && text.hasNewerSyntax || !PodmanKey.faults(in: text, generation).isEmpty
  }
}
