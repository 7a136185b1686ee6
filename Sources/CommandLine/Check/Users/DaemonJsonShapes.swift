import RootlessStorage

/// What has to be in a value of daemon.json, as the structures of dockerd have it (daemon/config in moby).
indirect enum DaemonJsonShape: Sendable {
  case text, whole, boolean, listOrMap
  case list(DaemonJsonShape)
  /// An object with whatever keys.
  case map(DaemonJsonShape)
  /// An object with these keys, whose case does not matter; what else is in it is passed over.
  case record([String: DaemonJsonShape])

  private var name: String {
    switch self {
    case .text: "a text in quotes"
    case .whole: "a whole number"
    case .boolean: "true or false"
    case .list, .listOrMap: "a list"
    case .map, .record: "an object"
    }
  }

  /// What is wrong with a value, with the place in it; nil: nothing. A null is as if it were not there.
  func fault(in value: JSONTree, at place: String = "") -> String? {
    switch (self, value) {
    case (_, .null), (.listOrMap, .array), (.listOrMap, .object), (.text, .string), (.boolean, .boolean), (.whole, .integer): return nil
    case (.list(let shape), .array(let values)):
      return values.enumerated().lazy.compactMap { shape.fault(in: $1, at: "\(place)[\($0)]") }.first
    case (.map(let shape), .object(let members)):
      return members.sorted { $0.key < $1.key }.lazy.compactMap { shape.fault(in: $1, at: DaemonJsonShape.below(place, $0)) }.first
    case (.record(let shapes), .object(let members)):
      return members.sorted { $0.key < $1.key }.lazy.compactMap { key, value in
        shapes[key.lowercased()]?.fault(in: value, at: DaemonJsonShape.below(place, key))
      }.first
    default: return place.isEmpty ? "is not \(name)" : "has \(place), which is not \(name)"
    }
  }

  private static func below(_ place: String, _ key: String) -> String { place.isEmpty ? shown(key) : "\(place).\(shown(key))" }

  /// nil: of no value of the key there is more to tell than its kind.
  static func of(_ key: String) -> DaemonJsonShape? { all[key] }

  private static let all: [String: DaemonJsonShape] = {
    var shapes: [String: DaemonJsonShape] = [
      "builder": .record([
        "gc": .record([
          "enabled": .boolean, "defaultkeepstorage": .text, "defaultreservedspace": .text, "defaultmaxusedspace": .text,
          "defaultminfreespace": .text,
          "policy": .list(
            .record([
              "all": .boolean, "keepstorage": .text, "reservedspace": .text, "maxusedspace": .text, "minfreespace": .text,
              // A list of `key=value`, or an object.
              "filter": .listOrMap,
            ])),
        ]),
        "entitlements": .map(.boolean),
      ]),
      "default-address-pools": .list(.record(["base": .text, "size": .whole])), "default-network-opts": .map(.map(.text)),
      "default-shm-size": .text, "default-ulimits": .map(.record(["name": .text, "hard": .whole, "soft": .whole])),
      "features": .map(.boolean), "proxies": .record(["http-proxy": .text, "https-proxy": .text, "no-proxy": .text]),
      "runtimes": .map(.record(["path": .text, "runtimeargs": .list(.text), "runtimetype": .text])),
    ]
    for key in [
      "allow-nondistributable-artifacts", "authorization-plugins", "cdi-spec-dirs", "dns", "dns-opts", "dns-search", "exec-opts",
      "host-gateway-ips", "hosts", "insecure-registries", "labels", "node-generic-resources", "registry-mirrors", "storage-opts",
    ] {
      shapes[key] = .list(.text)
    }
    for key in [
      "cpu-rt-period", "cpu-rt-runtime", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "mtu",
      "network-control-plane-mtu", "network-diagnostic-port", "oom-score-adjust", "shutdown-timeout",
    ] {
      shapes[key] = .whole
    }
    return shapes
  }()

}

/// Values of which Docker takes only some.
enum DaemonJsonWords {
  /// The options of log drivers, beside those that every driver has; of other drivers they are not known here.
  static func logOptions(of driver: String) -> Set<String>? {
    let common: Set<String> = ["mode", "max-buffer-size", "cache-disabled", "cache-max-file", "cache-max-size", "cache-compress"]
    let named: Set<String> = ["labels", "labels-regex", "env", "env-regex", "tag"]
    switch driver {
    case "json-file": return common.union(named).union(["max-file", "max-size", "compress"])
    case "local": return common.union(["max-file", "max-size", "compress"])
    case "journald": return common.union(named)
    case "syslog":
      return common.union(named).union([
        "syslog-address", "syslog-facility", "syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key", "syslog-tls-skip-verify",
        "syslog-format",
      ])
    default: return nil
    }
  }

  private static let facilities: Set<String> = [
    "", "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "local0", "local1", "local2",
    "local3", "local4", "local5", "local6", "local7",
  ]

  static func isFacility(_ text: String) -> Bool { facilities.contains(text) || decimalValue(Array(text.utf8)).map { $0 < 24 } ?? false }

  /// A domain to search in: letters, digits and hyphens, no hyphen at either end of a label, and a letter somewhere.
  static func isDomain(_ text: String) -> Bool {
    var name = text.split(separator: " ", omittingEmptySubsequences: true)
    guard name.count <= 1, let whole = name.popLast() else { return text.isEmpty ? false : text == " " }
    if whole == "." { return true }
    let bare = whole.hasSuffix(".") ? whole.dropLast() : whole
    return bare.utf8.count < 255 && bare.utf8.contains { isLowercase($0 | 0x20) } && labels(bare)
  }

  private static func labels(_ text: Substring) -> Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-") && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == .hyphen }
    }
  }

  /// What is wrong with an element of insecure-registries; nil: nothing.
  static func problem(ofRegistry text: String, isAddress: (String) -> Bool) -> String? {
    if text.hasPrefix("-") || text.hasSuffix("-") { return "which begins or ends with a hyphen" }
    var host = Substring(text)
    for scheme in ["http://", "https://"] where host.lowercased().hasPrefix(scheme) { host = host.dropFirst(scheme.count) }
    let range = host.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if range.count == 2, isAddress(String(range[0])), UInt8(range[1]) != nil { return nil }
    if isAddress(String(host)) { return nil }
    let parts = host.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let isHost = parts[0].hasPrefix("[") || labels(parts[0])
    if parts[0].hasPrefix("[") { return nil }
    guard isHost, parts.count == 1 || parts[1].utf8.allSatisfy({ isDigit($0) }) && !parts[1].isEmpty else {
      return "which is neither a host nor a range of addresses"
    }
    if parts.count == 2, !(decimalValue(Array(parts[1].utf8)).map { $0 < 65_536 } ?? false) { return "whose port is none" }
    return nil
  }

  /// What is wrong with an element of registry-mirrors, which begins with http:// or https://; nil: nothing.
  ///
  /// - Parameter hasPaths: Docker takes a path in it.
  static func problem(ofMirror text: String, hasPaths: Bool) -> String? {
    guard let start = text.firstRange(of: "://")?.upperBound else { return nil }
    let rest = text[start...]
    if rest.contains("?") || rest.contains("#") { return "which has a query or a fragment" }
    let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts[0].contains("@") { return "which has a user's name" }
    return !hasPaths && parts.count == 2 && !parts[1].isEmpty ? "which has a path" : nil
  }

  /// What is wrong with an element of hosts; nil: nothing.
  static func problem(ofHost text: String) -> String? {
    guard let end = text.firstRange(of: "://") else { return nil }
    switch text[..<end.lowerBound] {
    case "tcp", "npipe", "http", "https": return nil
    case "fd": return "which takes a socket from systemd, and the unit of a rootless Docker has none"
    case "unix":
      let path = text[end.upperBound...]
      return ["/var/run/", "/run/docker"].contains { path.hasPrefix($0) }
        ? "a socket in a directory that nobody sees outside of a rootless Docker" : nil
    default: return "which Docker does not know"
    }
  }
}
