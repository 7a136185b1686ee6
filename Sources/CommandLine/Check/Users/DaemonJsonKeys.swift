import RootlessStorage

/// The keys of daemon.json that dockerd of versions 20.10 to 29 takes, and of which kind their values are. With any other key, or a
/// value of another kind, Docker does not start.
enum DaemonJsonKeys {
  /// Keys that Docker took once, until the version beside each.
  static let removed = [
    "graph": "23", "cluster-store": "23", "cluster-advertise": "23", "cluster-store-opts": "23", "disable-legacy-registry": "19.03",
  ]

  /// What a dockerd has in it that looks at a key's value, or refuses it, where others pass it over (daemon/config).
  static let laterChecks = [
    "api-cors-header": "config parameter and the dockerd \"--api-cors-header\" option have been removed",
    "exec-opts": "invalid exec-opt (", "network-diagnostic-port": "invalid network-diagnostic-port (",
  ]

  /// A key that came with Docker 28. Before that, data-root was a part of a format in which the driver's name was put (in
  /// layer.NewStoreFromOptions until a few days after 28.0.0).
  static let afterFormat = "allow-direct-routing"

  /// Whether such a dockerd would refuse the file for one of these keys. Only then is the program, of some 70 MB, searched.
  static func isDoubtful(_ key: String, _ text: JSONText) -> Bool {
    switch key {
    case "exec-opts": foreignExecOption(text) != nil
    case "network-diagnostic-port": text.integer(key).map { !(0...65535).contains($0) } ?? false
    default: text.string(key) ?? "" != ""
    }
  }

  /// The first that is none of the one option that dockerd has.
  static func foreignExecOption(_ text: JSONText) -> String? {
    text.strings("exec-opts").first { $0 != "" && !$0.hasPrefix("native.cgroupdriver=") }
  }

  /// Keys that only some versions from 20.10 on take: a dockerd has their names in it where it does (tags of its structures).
  static let varying: Set<String> = [
    "allow-direct-routing", "bip6", "bridge-accept-fwmark", "cdi-spec-dirs", "containerd-namespace", "containerd-plugin-namespace",
    "firewall-backend", "host-gateway-ips", "http-proxy", "https-proxy", "ip-forward-no-drop", "log-format", "min-api-version",
    "network-diagnostic-port", "no-proxy", "nri-opts", "oom-score-adjust", "proxies",
  ]

  /// Docker 20.10 takes a key that was removed later.
  static func isTakenEarly(_ key: String) -> Bool { removed[key] == "23" }

  /// - Returns: nil for a key that no version is known to take.
  static func kinds(of key: String) -> [JSONKind]? {
    if strings.contains(key) { return [.string] }
    if booleans.contains(key) { return [.boolean] }
    if numbers.contains(key) { return [.number] }
    if arrays.contains(key) { return [.array] }
    if objects.contains(key) { return [.object] }
    return others.contains(key) ? [] : nil
  }

  private static let strings: Set<String> = [
    "api-cors-header", "bip", "bip6", "bridge", "bridge-accept-fwmark", "cgroup-parent", "containerd", "containerd-namespace",
    "containerd-plugin-namespace", "data-root", "default-cgroupns-mode", "default-gateway", "default-gateway-v6", "default-ipc-mode",
    "default-runtime",
    "exec-root", "firewall-backend", "fixed-cidr", "fixed-cidr-v6", "group", "host-gateway-ip", "init-path", "ip", "log-driver",
    "log-format", "log-level",
    "metrics-addr", "pidfile", "seccomp-profile", "storage-driver", "swarm-default-advertise-addr", "tlscacert", "tlscert", "tlskey",
    "userland-proxy-path",
    "userns-remap",
  ]
  private static let booleans: Set<String> = [
    "allow-direct-routing", "debug", "experimental", "icc", "init", "ip-forward", "ip-forward-no-drop", "ip-masq", "iptables", "ip6tables",
    "ipv6", "live-restore",
    "no-new-privileges", "raw-logs", "rootless", "selinux-enabled", "tls", "tlsverify", "userland-proxy", "validate",
  ]
  private static let numbers: Set<String> = [
    "cpu-rt-period", "cpu-rt-runtime", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "mtu",
    "network-control-plane-mtu",
    "network-diagnostic-port", "oom-score-adjust", "shutdown-timeout", "swarm-raft-election-tick", "swarm-raft-heartbeat-tick",
  ]
  private static let arrays: Set<String> = [
    "allow-nondistributable-artifacts", "authorization-plugins", "cdi-spec-dirs", "default-address-pools", "dns", "dns-opts", "dns-search",
    "exec-opts",
    "host-gateway-ips", "hosts", "insecure-registries", "labels", "registry-mirrors", "storage-opts",
  ]
  private static let objects: Set<String> = [
    "builder", "default-network-opts", "default-ulimits", "features", "log-opts", "proxies", "runtimes",
  ]
  /// Taken with more than one kind of value, or by the name of their option on the command line.
  private static let others: Set<String> = [
    "add-runtime", "allow-nondistributable-artifact", "authorization-plugin", "cdi-spec-dir", "default-address-pool", "default-network-opt",
    "default-shm-size", "default-ulimit", "deprecated-key-path", "dns-opt", "exec-opt", "feature", "host", "http-proxy", "https-proxy",
    "insecure-registry", "label", "log-opt",
    "min-api-version", "nri-opts", "no-proxy",
    "node-generic-resource", "node-generic-resources", "registry-mirror", "storage-opt",
  ]
}
