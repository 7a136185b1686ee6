/// The keys of containers.conf(5), and of which type their values have to be: as the structures of containers/common have them
/// (pkg/config/config.go). A value of another type stops Podman; a key that it does not know is passed over.
enum ContainersConfKeys {
  enum ValueType: String, Sendable {
    case text = "a text in quotes", texts = "a list of texts", boolean = "true or false", number = "a number",
      tables = "a list of tables", table = "a table", textTable = "a table of texts", listTable = "a table of lists of texts"
  }

  /// - Parameter since: the generation by which every Podman knows it; one in between may not.
  private static func keys(_ table: String, _ type: ValueType, _ names: [String], since: PodmanGeneration = .oldest)
    -> [(path: [String], type: ValueType, since: PodmanGeneration)]
  {
    names.map { ([table, $0], type, since) }
  }

  static let all: [(path: [String], type: ValueType, since: PodmanGeneration)] =
    ["containers", "engine", "network", "secrets"].map { ([$0], .table, .oldest) }
    + keys(
      "containers", .texts,
      [
        "annotations", "default_capabilities", "default_sysctls", "default_ulimits", "devices", "dns_options", "dns_searches",
        "dns_servers", "env", "volumes",
      ])
    + keys(
      "containers", .text,
      [
        "apparmor_profile", "cgroupns", "cgroups", "init_path", "ipcns", "log_driver", "netns", "pidns", "seccomp_profile", "shm_size",
        "tz", "umask", "userns", "utsns",
      ])
    + keys("containers", .boolean, ["enable_keyring", "env_host", "http_proxy", "init", "label", "no_hosts"])
    + keys("containers", .number, ["log_size_max", "pids_limit", "userns_size"])
    + keys("containers", .texts, ["mounts"], since: .single) + keys("containers", .text, ["log_tag", "base_hosts_file"], since: .early)
    + keys("containers", .boolean, ["privileged", "read_only"], since: .single)
    + keys("containers", .number, ["oom_score_adj"], since: .single)
    + keys("engine", .texts, ["conmon_path", "conmon_env_vars", "env", "hooks_dir", "network_cmd_options", "runtime_supports_json"])
    + keys("engine", .texts, ["helper_binaries_dir"], since: .early)
    + keys(
      "engine", .text,
      [
        "active_service", "cgroup_manager", "detach_keys", "events_logger", "image_default_transport", "infra_command", "infra_image",
        "init_path", "lock_type", "namespace", "network_cmd_path", "pull_policy", "runtime", "static_dir", "tmp_dir", "volume_path",
      ])
    + keys("engine", .text, ["image_copy_tmp_dir", "events_logfile_path", "image_default_format"], since: .early)
    + keys("engine", .text, ["image_volume_mode", "pod_exit_policy", "compression_format", "database_backend"], since: .single)
    + keys("engine", .boolean, ["no_pivot_root", "remote"]) + keys("engine", .boolean, ["multi_image_archive"], since: .early)
    + keys("engine", .number, ["num_locks", "stop_timeout"]) + keys("engine", .number, ["image_parallel_copies"], since: .early)
    + keys("engine", .number, ["compression_level", "retry"], since: .single) + keys("engine", .listTable, ["runtimes"])
    + keys("engine", .textTable, ["volume_plugins"]) + keys("engine", .table, ["service_destinations"])
    + keys("network", .texts, ["cni_plugin_dirs"]) + keys("network", .text, ["default_network", "network_config_dir"])
    + keys("network", .text, ["default_subnet", "network_backend"], since: .early)
    + keys("network", .tables, ["default_subnet_pools"], since: .early)
    + keys("network", .text, ["default_rootless_network_cmd", "firewall_driver"], since: .single)
    + keys("network", .texts, ["pasta_options", "netavark_plugin_dirs"], since: .single)
    + keys("network", .number, ["dns_bind_port"], since: .early)
    + keys("machine", .number, ["cpus", "disk_size", "memory"], since: .early) + keys("secrets", .text, ["driver"], since: .early)

  /// What a value is not, for a sentence.
  static func negation(_ type: ValueType) -> String {
    switch type {
    case .text: "no text in quotes"
    case .number: "no number"
    case .boolean: "neither true nor false"
    default: "not \(type.rawValue)"
    }
  }

  /// - Returns: true if a value is as it has to be.
  static func fits(_ value: TOMLText.Value, _ type: ValueType) -> Bool {
    switch (type, value) {
    case (.text, .string), (.boolean, .boolean), (.number, .integer), (.table, .table): true
    // `{append=true}` in a list: what other files list stays.
    case (.texts, .array(let values)): values.allSatisfy { if case .string = $0 { true } else if case .table = $0 { true } else { false } }
    case (.tables, .array(let values)): values.allSatisfy { if case .table = $0 { true } else { false } }
    case (.textTable, .table(let values)): values.values.allSatisfy { if case .string = $0 { true } else { false } }
    case (.listTable, .table(let values)): values.values.allSatisfy { fits($0, .texts) }
    default: false
    }
  }
}
