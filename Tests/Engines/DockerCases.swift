/// daemon.json, and what else tells Docker where to store. The user's manager is not there: what its unit adds to dockerd's command line is
/// given by hand, as the unit has it.
enum DockerCases {
  static let store = "/var/tmp/alice/docker"
  static let file = "~/.config/docker/daemon.json"
  private static let unit = "~/.config/systemd/user/docker.service"

  static func json(_ name: String, _ text: String, root: String = "", own: String = "", advice: Set<String> = []) -> EngineCase {
    EngineCase(name: name, files: [(file, text + "\n")], root: root, own: own, advice: advice)
  }

  /// data-root, and a member after it.
  static func with(_ name: String, _ member: String, root: String = "", own: String = "", advice: Set<String> = []) -> EngineCase {
    json(name, "{ \"data-root\": \"\(store)\", \(member) }", root: root, own: own, advice: advice)
  }

  static func root(_ name: String, _ value: String, root: String = "", own: String = "") -> EngineCase {
    json(name, "{ \"data-root\": \(value) }", root: root, own: own)
  }

  /// With options on dockerd's command line, which the unit has too.
  static func options(_ name: String, _ options: String, _ text: String, advice: Set<String> = []) -> EngineCase {
    EngineCase(
      name: name,
      files: [(file, text + "\n"), (unit, "[Service]\nExecStart=/usr/share/docker.io/contrib/dockerd-rootless.sh \(options)\n")],
      environment: ["DOCKERD_OPTIONS=\(options)"], advice: advice)
  }

  static let all = roots + texts + keys + drivers + places + commandLines + reports + values + states

  private static let roots: [EngineCase] = [
    json("as the skeleton has it", "{ \"data-root\": \"\(store)\" }"),
    json("no data-root", "{ \"debug\": false }"),
    EngineCase(name: "no file"),
    root("data-root is relative", "\"rel/d\""),
    root("data-root with a tilde", "\"~/docker\""),
    root("data-root with $HOME", "\"$HOME/docker\""),
    root("data-root empty", "\"\""),
    root("data-root is a number", "1"),
    root("data-root is null", "null"),
    root("data-root in the home", "\"/home/alice/d\""),
    root("data-root ends with a slash", "\"\(store)/\""),
    root("data-root with dots", "\"/var/tmp/alice/../alice/d\""),
    root("data-root with a blank", "\"/var/tmp/alice/a b\""),
    json("data-root with a comma", "{ \"data-root\": \"/var/tmp/alice/a,b\" }", advice: ["docker-driver"]),
    json("data-root with a colon", "{ \"data-root\": \"/var/tmp/alice/a:b\" }", advice: ["docker-driver"]),
    root("data-root is a file", "\"/var/tmp/alice/f\"", own: "touch /var/tmp/alice/f"),
    root("data-root is a link into the home", "\"/var/tmp/alice/l\"", own: "mkdir ~/s; ln -s ~/s /var/tmp/alice/l"),
    root(
      "data-root is a link from one local place to another", "\"/var/tmp/alice/l\"",
      own: "mkdir /var/tmp/alice/s; ln -s /var/tmp/alice/s /var/tmp/alice/l"),
    root("data-root is another user's", "\"/var/tmp/other\"", root: "install -d -m 755 -o bob -g bob /var/tmp/other"),
    root("data-root cannot be made", "\"/nonexistent/d\""),
    root("data-root several levels deep", "\"/var/tmp/alice/a/b/c\""),
    root("data-root with an escape", "\"/var/tmp/alice/\\u0064ocker\""),
    json("data-root twice, the first one local", "{ \"data-root\": \"\(store)\", \"data-root\": \"/home/alice/d\" }"),
    json("data-root twice, the last one local", "{ \"data-root\": \"/home/alice/d\", \"data-root\": \"\(store)\" }"),
    json("Data-Root", "{ \"Data-Root\": \"\(store)\" }"),
    json("graph", "{ \"graph\": \"\(store)\" }", advice: ["data-root-old-key"]),
    json("graph in the home", "{ \"graph\": \"/home/alice/d\" }"),
    json("graph and data-root", "{ \"graph\": \"\(store)\", \"data-root\": \"\(store)\" }"),
  ]

  private static let texts: [EngineCase] = [
    EngineCase(name: "empty", files: [(file, "")]),
    EngineCase(name: "blanks only", files: [(file, " \n\n")]),
    EngineCase(name: "a byte order mark", files: [(file, "\u{feff}{ \"data-root\": \"\(store)\" }\n")]),
    json("null", "null"),
    json("a list", "[]"),
    json("a text", "\"x\""),
    json("two documents", "{ \"data-root\": \"\(store)\" }\n{}", advice: ["daemon-json-invalid"]),
    json("something after it", "{ \"data-root\": \"\(store)\" } x", advice: ["daemon-json-invalid"]),
    json("data-root in the home, and something after it", "{ \"data-root\": \"/home/alice/d\" } x"),
    json("a comment", "{ // x\n\"data-root\": \"\(store)\" }"),
    json("a comma too many", "{ \"data-root\": \"\(store)\", }"),
    json("single quotes", "{ 'data-root': '\(store)' }"),
    EngineCase(
      name: "a text that is not UTF-8",
      own:
        "mkdir -p ~/.config/docker; printf '{ \"data-root\": \"\(store)\", \"labels\": [\"a=\\351\"] }\\n' > ~/.config/docker/daemon.json",
      advice: ["daemon-json-invalid"]),
    EngineCase(name: "a directory", own: "mkdir -p ~/.config/docker/daemon.json"),
    EngineCase(
      name: "mode 000", files: [(file, "{ \"data-root\": \"\(store)\" }\n")], own: "chmod 000 ~/.config/docker/daemon.json",
      bugs: Dictionary(
        uniqueKeysWithValues: EngineRoot.releases.map {
          ($0, "dockerd reads it as root of rootlesskit's user namespace, whom the mode does not stop, and check cannot")
        })),
    EngineCase(name: "a link that leads nowhere", own: "mkdir -p ~/.config/docker; ln -s nothing ~/.config/docker/daemon.json"),
    EngineCase(
      name: "a link to another file", files: [("~/other.json", "{ \"data-root\": \"\(store)\" }\n")],
      own: "mkdir -p ~/.config/docker; ln -s ~/other.json ~/.config/docker/daemon.json"),
  ]

  private static let keys: [EngineCase] = [
    with("an unknown key", "\"colour\": \"blue\""),
    with("a key in capitals", "\"Debug\": true"),
    with("debug is a text", "\"debug\": \"true\""),
    with("debug = true", "\"debug\": true"),
    with("labels is a text", "\"labels\": \"a=b\""),
    with("log-opts with a number", "\"log-opts\": { \"max-size\": 1 }"),
    with("log-opts", "\"log-driver\": \"json-file\", \"log-opts\": { \"max-size\": \"1m\" }"),
    with("log-level = \"nonsense\"", "\"log-level\": \"nonsense\""),
    with("max-concurrent-downloads is a text", "\"max-concurrent-downloads\": \"3\""),
    with("default-address-pools", "\"default-address-pools\": [{ \"base\": \"10.1.0.0/16\", \"size\": 24 }]"),
    with("dns with what is no address", "\"dns\": [\"nonsense\"]"),
    with("registry-mirrors without a scheme", "\"registry-mirrors\": [\"mirror.example\"]"),
    with("live-restore", "\"live-restore\": true"),
    with("userns-remap", "\"userns-remap\": \"default\""),
    with("cluster-store-opts", "\"cluster-store-opts\": {}", advice: ["daemon-json-key"]),
    with("builder.gc", "\"builder\": { \"gc\": { \"enabled\": true, \"defaultKeepStorage\": \"1GB\" } }"),
  ]

  private static let drivers: [EngineCase] = [
    with("storage-driver = vfs", "\"storage-driver\": \"vfs\"", advice: ["docker-driver"]),
    with("storage-driver = overlay2", "\"storage-driver\": \"overlay2\""),
    with("storage-driver = fuse-overlayfs, which is not installed", "\"storage-driver\": \"fuse-overlayfs\""),
    with("storage-driver = overlay", "\"storage-driver\": \"overlay\"", advice: ["docker-driver"]),
    with("storage-driver = aufs", "\"storage-driver\": \"aufs\""),
    with("storage-driver = foo", "\"storage-driver\": \"foo\""),
    with("storage-driver = btrfs", "\"storage-driver\": \"btrfs\""),
    with("storage-driver empty", "\"storage-driver\": \"\""),
    with("storage-driver is a number", "\"storage-driver\": 1"),
    with("storage-opts overlay2.size", "\"storage-driver\": \"overlay2\", \"storage-opts\": [\"overlay2.size=10G\"]"),
    with("storage-opts of another driver", "\"storage-driver\": \"overlay2\", \"storage-opts\": [\"dm.fs=ext4\"]"),
    with("features.containerd-snapshotter", "\"features\": { \"containerd-snapshotter\": true }"),
    json("features.containerd-snapshotter and no data-root", "{ \"features\": { \"containerd-snapshotter\": true } }"),
  ]

  private static let places: [EngineCase] = [
    with("exec-root", "\"exec-root\": \"/run/user/4001/x\""),
    with("exec-root that cannot be made", "\"exec-root\": \"/nonexistent/x\""),
    with("pidfile that cannot be made", "\"pidfile\": \"/nonexistent/x\""),
    with("pidfile", "\"pidfile\": \"/run/user/4001/x.pid\""),
  ]

  /// As people have told of them in the trackers of moby and of rootlesskit.
  private static let reports: [EngineCase] = [
    with("default-runtime that is not there", "\"default-runtime\": \"nonsense\""),
    with("runtimes with a program that is missing", "\"runtimes\": { \"x\": { \"path\": \"/nonexistent/x\" } }"),
    with("log-driver = \"nonsense\"", "\"log-driver\": \"nonsense\""),
    with("log-opts that the driver does not know", "\"log-driver\": \"json-file\", \"log-opts\": { \"nonsense\": \"1\" }"),
    with("exec-opts with an unknown cgroup driver", "\"exec-opts\": [\"native.cgroupdriver=nonsense\"]"),
    with("group that there is not", "\"group\": \"nonexistent\""),
    with("group docker", "\"group\": \"docker\""),
    with("group by number", "\"group\": \"4999\""),
    with("seccomp-profile that is missing", "\"seccomp-profile\": \"/nonexistent/s.json\""),
    with("containerd that is missing", "\"containerd\": \"/nonexistent/containerd.sock\""),
    with("insecure-registries with what is no host", "\"insecure-registries\": [\"http://registry.example/x\"]"),
    with("default-cgroupns-mode = \"nonsense\"", "\"default-cgroupns-mode\": \"nonsense\""),
    with("default-ulimits with a list", "\"default-ulimits\": { \"nofile\": [1024] }"),
    with("mtu is a text", "\"mtu\": \"1500\""),
    with("max-download-attempts = 0", "\"max-download-attempts\": 0"),
    with("shutdown-timeout = -1", "\"shutdown-timeout\": -1"),
    with("features is a list", "\"features\": [\"buildkit\"]"),
    with("features with an unknown one", "\"features\": { \"nonsense\": true }"),
    with("labels without a value", "\"labels\": [\"a\"]"),
    with("labels twice", "\"labels\": [\"a=1\", \"a=2\"]"),
    with("default-shm-size is no size", "\"default-shm-size\": \"lots\""),
    with("ip is no address", "\"ip\": \"nonsense\""),
    with("storage-opts without a value", "\"storage-opts\": [\"overlay2\"]"),
  ]

  private static let commandLines: [EngineCase] = [
    options("--data-root local, no data-root in the file", "--data-root /var/tmp/alice/other", "{ \"debug\": false }"),
    options("--data-root in the home", "--data-root /home/alice/d", "{}"),
    options("-g local", "-g /var/tmp/alice/other", "{}", advice: ["data-root-old-key"]),
    options("--data-root and data-root", "--data-root /var/tmp/alice/other", "{ \"data-root\": \"\(store)\" }"),
    options("--config-file that is missing", "--config-file /nonexistent/d.json", "{ \"data-root\": \"\(store)\" }"),
    options("--storage-driver foo", "--storage-driver foo", "{ \"data-root\": \"\(store)\" }"),
    EngineCase(
      name: "XDG_CONFIG_HOME elsewhere", files: [(file, "{ \"data-root\": \"\(store)\" }\n")],
      environment: ["XDG_CONFIG_HOME=/var/tmp/alice/config"]),
    EngineCase(
      name: "XDG_DATA_HOME elsewhere, no data-root", files: [(file, "{}\n")], own: "mkdir /var/tmp/alice/data",
      environment: ["XDG_DATA_HOME=/var/tmp/alice/data"], advice: ["data-root-missing"]),
  ]
}
