/// A key of a TOML file of Podman's, and of which type its value has to be.
struct PodmanKey: Sendable {
  enum ValueType: Equatable, Sendable {
    case text, texts, boolean, table, tables, textTable, listTable
    /// A table of texts. A text alone is passed over.
    case options
    /// A whole number that Go takes into a type of so many bits.
    case number(ClosedRange<Int64>)

    static let anyNumber = ValueType.number(Int64.min...Int64.max)

    /// What a value has to be, for a sentence.
    var name: String {
      switch self {
      case .text: "a text in quotes"
      case .texts: "a list of texts"
      case .boolean: "true or false"
      case .table: "a table"
      case .tables: "a list of tables"
      case .textTable, .options: "a table of texts"
      case .listTable: "a table of lists of texts"
      case .number(let range): range.lowerBound < 0 ? "a number" : "a number from \(range.lowerBound) to \(range.upperBound)"
      }
    }
  }

  let path: String
  let keys: [String]
  let type: ValueType
  /// The first generation that knows it.
  let since: PodmanGeneration
  /// The last one.
  let until: PodmanGeneration

  private init(_ path: String, _ type: ValueType, since: PodmanGeneration = .oldest, until: PodmanGeneration = .merging) {
    self.path = path
    keys = path.split(separator: ".").map(String.init)
    self.type = type
    self.since = since
    self.until = until
  }

  private static func all(_ table: String, _ type: ValueType, _ names: [String], since: PodmanGeneration = .oldest) -> [PodmanKey] {
    names.map { PodmanKey("\(table).\($0)", type, since: since) }
  }

  private static let unsigned32: ValueType = .number(0...4_294_967_295)

  /// Those of storage.conf, as the structures of containers/storage have them (pkg/config, types/options.go).
  static let storage: [PodmanKey] =
    [PodmanKey("storage", .table)] + all("storage", .text, ["driver", "runroot", "graphroot", "rootless_storage_path"])
    + all("storage", .text, ["imagestore"], since: .single) + all("storage", .boolean, ["transient_store"], since: .single)
    + all("storage", .texts, ["driver_priority"], since: .single) + [PodmanKey("storage.options", .table)]
    + all("storage.options", .texts, ["additionalimagestores"])
    + all("storage.options", .texts, ["additionallayerstores"], since: .lenient)
    + all(
      "storage.options", .text,
      [
        "size", "remap-uids", "remap-gids", "remap-user", "remap-group", "root-auto-userns-user", "ignore_chown_errors", "mountopt",
        "mount_program", "skip_mount_home",
      ])
    // Here force_mask is a number, in the table of the driver a text.
    + all("storage.options", unsigned32, ["auto-userns-min-size", "auto-userns-max-size", "force_mask"])
    + all("storage.options", .boolean, ["disable-volatile"], since: .lenient)
    + all("storage.options", .options, ["pull_options"], since: .lenient) + all("storage.options", .table, ["overlay", "vfs"])
    + all(
      "storage.options.overlay", .text, ["ignore_chown_errors", "mountopt", "mount_program", "size", "skip_mount_home", "force_mask"])
    + all("storage.options.overlay", .text, ["inodes"], since: .lenient)
    + all("storage.options.overlay", .text, ["use_composefs"], since: .single)
    + [PodmanKey("storage.options.thinpool", .table, until: .single)] + all("storage.options", .table, ["btrfs", "zfs"])
    + all("storage.options.btrfs", .text, ["size"]) + all("storage.options.zfs", .text, ["fsname"])
    + all("storage.options.vfs", .text, ["ignore_chown_errors"])

  /// Those of containers.conf(5), as the structures of containers/common have them (pkg/config/config.go). `since` is the generation by
  /// which every Podman knows a key; one in between may not.
  static let containers: [PodmanKey] =
    ["containers", "engine", "network", "secrets"].map { PodmanKey($0, .table) }
    + all(
      "containers", .texts,
      [
        "annotations", "default_capabilities", "default_sysctls", "default_ulimits", "devices", "dns_options", "dns_searches",
        "dns_servers", "env", "volumes",
      ])
    + all(
      "containers", .text,
      [
        "apparmor_profile", "cgroupns", "cgroups", "init_path", "ipcns", "log_driver", "netns", "pidns", "seccomp_profile", "shm_size",
        "tz", "umask", "userns", "utsns",
      ])
    + all("containers", .boolean, ["enable_keyring", "env_host", "http_proxy", "init", "label", "no_hosts"])
    + all("containers", .anyNumber, ["log_size_max", "pids_limit", "userns_size"]) + all("containers", .texts, ["mounts"], since: .single)
    + all("containers", .text, ["log_tag", "base_hosts_file"], since: .early)
    + all("containers", .boolean, ["privileged", "read_only"], since: .single)
    + all("containers", .anyNumber, ["oom_score_adj"], since: .single)
    + all("engine", .texts, ["conmon_path", "conmon_env_vars", "env", "hooks_dir", "network_cmd_options", "runtime_supports_json"])
    + all("engine", .texts, ["helper_binaries_dir"], since: .early)
    + all(
      "engine", .text,
      [
        "active_service", "cgroup_manager", "detach_keys", "events_logfile_path", "events_logger", "image_default_transport",
        "infra_command", "infra_image",
        "init_path", "lock_type", "namespace", "network_cmd_path", "pull_policy", "runtime", "static_dir", "tmp_dir", "volume_path",
      ])
    + all("engine", .text, ["image_copy_tmp_dir", "image_default_format"], since: .early)
    + all("engine", .text, ["image_volume_mode", "pod_exit_policy", "compression_format", "database_backend"], since: .single)
    + all("engine", .boolean, ["no_pivot_root", "remote"]) + all("engine", .boolean, ["multi_image_archive"], since: .early)
    + all("engine", .boolean, ["events_container_create_inspect_data"], since: .single)
    + all("engine", .number(1...4_294_967_295), ["num_locks"]) + all("engine", .anyNumber, ["stop_timeout"])
    + all("engine", .anyNumber, ["image_parallel_copies"], since: .early)
    + all("engine", .anyNumber, ["compression_level", "retry"], since: .single) + all("engine", .listTable, ["runtimes"])
    + all("engine", .textTable, ["volume_plugins"]) + all("engine", .table, ["service_destinations"])
    + all("network", .texts, ["cni_plugin_dirs"]) + all("network", .text, ["default_network", "network_config_dir"])
    + all("network", .text, ["default_subnet", "network_backend"], since: .early)
    + all("network", .tables, ["default_subnet_pools"], since: .early)
    + all("network", .text, ["default_rootless_network_cmd", "firewall_driver"], since: .single)
    + all("network", .texts, ["pasta_options", "netavark_plugin_dirs"], since: .single)
    + all("network", .number(0...65535), ["dns_bind_port"], since: .early)
    + all("machine", .anyNumber, ["cpus", "disk_size", "memory"], since: .early) + all("secrets", .text, ["driver"], since: .early)

  struct Fault: Sendable {
    let key: PodmanKey
    let value: TOMLText.Value
    /// What the value is.
    let kind: String
  }

  /// The values that are not of their key's type.
  ///
  /// - Parameter appending: the generation from which on a list may have `{append=true}`: what other files list stays.
  static func faults(_ all: [PodmanKey], in text: TOMLText, _ generation: PodmanGeneration, appending: PodmanGeneration) -> [Fault] {
    // Most files have one table.
    let tables = Set(["storage", "containers", "engine", "network", "secrets", "machine"].filter { text.value([$0]) != nil })
    let hasOptions = text.value(["storage", "options"]) != nil
    return all.compactMap { key in
      if key.keys.count > 1, !tables.contains(key.keys[0]) || !hasOptions && key.path.hasPrefix("storage.options.") { return nil }
      guard generation >= key.since, generation <= key.until, let value = text.value(key.keys) else { return nil }
      return mismatch(value, key.type, isAppending: generation >= appending).map { Fault(key: key, value: value, kind: $0) }
    }
  }

  static func faults(inStorageConf text: TOMLText, _ generation: PodmanGeneration) -> [Fault] {
    faults(storage, in: text, generation, appending: .merging)
  }

  static func faults(inContainersConf text: TOMLText, _ generation: PodmanGeneration) -> [Fault] {
    faults(containers, in: text, generation, appending: .single)
  }

  /// - Returns: what the value is; nil if it is as it has to be.
  private static func mismatch(_ value: TOMLText.Value, _ type: ValueType, isAppending: Bool) -> String? {
    func areTexts(_ values: some Sequence<TOMLText.Value>) -> Bool { values.allSatisfy { if case .string = $0 { true } else { false } } }
    switch (type, value) {
    case (.text, .string), (.boolean, .boolean), (.table, .table), (.options, .string): return nil
    case (.number(let range), .integer(let number)): return range.contains(number) ? nil : "\(number)"
    case (.texts, .array(let values)):
      let isFit = values.allSatisfy { value in
        switch value {
        case .string: true
        case .table: isAppending
        default: false
        }
      }
      return isFit ? nil : "a list of something else"
    case (.tables, .array(let values)):
      return values.allSatisfy { if case .table = $0 { true } else { false } } ? nil : "a list of something else"
    case (.textTable, .table(let values)), (.options, .table(let values)):
      return areTexts(values.values) ? nil : "a table of something else"
    case (.listTable, .table(let values)):
      return values.values.allSatisfy { mismatch($0, .texts, isAppending: isAppending) == nil } ? nil : "a table of something else"
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
    return hasByteOrderMark || generation == .oldest && text.hasNewerSyntax
      || !PodmanKey.faults(inStorageConf: text, generation).isEmpty
  }
}
