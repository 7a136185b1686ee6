/// One way in which the files, the environment or the store of a user may be, and what is known of it without an engine.
struct EngineCase: Sendable {
  /// As the table names it.
  let name: String
  /// Whose it is: alice's home is on the network, bob's is not.
  var user = "alice"
  /// Files with their content; a path with a tilde is the user's.
  var files: [(path: String, content: String)] = []
  /// What comes before these, as root; and after them, as root and as the user.
  var root = ""
  var site = ""
  var own = ""
  /// As root again, when the user's processes have been ended.
  var after = ""
  /// Of the user's session, and of whoever checks in it.
  var environment: [String] = []
  /// Codes of warnings that are right although the engine works, and stores locally.
  var advice: Set<String> = []
  /// By the first word of the release: the engine's own bug, because of which check and engine differ.
  var bugs: [String: String] = [:]
}

enum PodmanCases {
  static let directory = "/var/tmp/alice"
  static let store = "/var/tmp/alice/containers/storage"
  static let file = "~/.config/containers/storage.conf"
  static let skeleton = "[storage]\ndriver = \"overlay\"\ngraphroot = \"\(store)\"\n"

  /// The user's storage.conf with these lines in [storage].
  static func conf(_ name: String, _ lines: String, root: String = "", own: String = "", advice: Set<String> = []) -> EngineCase {
    EngineCase(name: name, files: [(file, "[storage]\n\(lines)\n")], root: root, own: own, advice: advice)
  }

  /// The skeleton's, and these lines after it.
  static func more(_ name: String, _ lines: String, root: String = "", own: String = "", advice: Set<String> = []) -> EngineCase {
    EngineCase(name: name, files: [(file, skeleton + lines + "\n")], root: root, own: own, advice: advice)
  }

  static func graphroot(_ name: String, _ path: String, root: String = "", own: String = "") -> EngineCase {
    conf(name, "driver = \"overlay\"\ngraphroot = \"\(path)\"", root: root, own: own)
  }

  static func driver(_ name: String, advice: Set<String> = []) -> EngineCase {
    conf("driver = \"\(name)\"", "driver = \"\(name)\"\ngraphroot = \"\(store)\"", advice: advice)
  }

  static func whole(_ name: String, _ content: String, advice: Set<String> = []) -> EngineCase {
    EngineCase(name: name, files: [(file, content)], advice: advice)
  }

  static func environment(
    _ name: String, _ words: [String], files: [(path: String, content: String)] = [], root: String = "", own: String = "",
    advice: Set<String> = []
  ) -> EngineCase {
    EngineCase(name: name, files: [(file, skeleton)] + files, root: root, own: own, environment: words, advice: advice)
  }

  static func site(_ name: String, _ files: [(path: String, content: String)], site: String = "", advice: Set<String> = [])
    -> EngineCase
  {
    EngineCase(name: name, files: [(file, skeleton)] + files, site: site, advice: advice)
  }

  static let all =
    graphroots + drivers + syntax + types + paths + options + environments + sites + dropIns + engine + databases + reports + values
    + others + host + states

  private static let graphroots: [EngineCase] = [
    EngineCase(name: "as the skeleton has it", files: [(file, skeleton)]),
    conf("graphroot empty", "driver = \"overlay\"\ngraphroot = \"\""),
    conf("no graphroot", "driver = \"overlay\""),
    graphroot("graphroot is relative", "rel/store"),
    graphroot("graphroot with a tilde", "~/x"),
    graphroot("graphroot with $HOME", "$HOME/x"),
    graphroot("graphroot with $USER", "/var/tmp/$USER/s"),
    graphroot("graphroot with $UID", "/var/tmp/alice/$UID"),
    graphroot("graphroot with ${UID}", "/var/tmp/alice/${UID}s"),
    graphroot("graphroot with a variable that is not set", "/var/tmp/alice/s$UNSET_NAME"),
    graphroot("graphroot ends with a slash", "\(store)/"),
    graphroot("graphroot with dots", "/var/tmp/alice/../alice/./q"),
    graphroot("graphroot with two slashes", "/var/tmp//alice/q"),
    graphroot("graphroot with a blank", "/var/tmp/alice/a b"),
    graphroot("graphroot with a comma", "/var/tmp/alice/a,b"),
    graphroot("graphroot with a colon", "/var/tmp/alice/a:b"),
    graphroot("graphroot in the home", "/home/alice/s"),
    graphroot("graphroot is a link into the home", "/var/tmp/alice/l", own: "mkdir ~/s; ln -s ~/s /var/tmp/alice/l"),
    graphroot(
      "graphroot is a link in the home, to a local directory", "/home/alice/l", own: "mkdir /var/tmp/alice/s; ln -s /var/tmp/alice/s ~/l"),
    graphroot("graphroot is a link that leads nowhere", "/var/tmp/alice/l", own: "ln -s /var/tmp/alice/s /var/tmp/alice/l"),
    graphroot(
      "graphroot is a link from one local place to another", "/var/tmp/alice/l",
      own: "mkdir /var/tmp/alice/s; ln -s /var/tmp/alice/s /var/tmp/alice/l"),
    graphroot("graphroot below a directory of root's", "/var/lib/containers/storage"),
    graphroot("graphroot is root's", "/var/tmp/other", root: "mkdir -m 700 /var/tmp/other"),
    graphroot("graphroot is another user's", "/var/tmp/other", root: "install -d -m 755 -o bob -g bob /var/tmp/other"),
    graphroot("graphroot is a file", "/var/tmp/alice/f", own: "touch /var/tmp/alice/f"),
    graphroot("graphroot is not to be written to", "/var/tmp/alice/r", own: "mkdir -m 500 /var/tmp/alice/r"),
    graphroot("graphroot in /dev/shm", "/dev/shm/x"),
  ]

  private static let drivers: [EngineCase] = [
    conf("no driver", "graphroot = \"\(store)\"", advice: ["driver-missing"]),
    driver("", advice: ["driver-missing"]), driver("overlay2"), driver("vfs", advice: ["driver-vfs"]), driver("foo"), driver("btrfs"),
    driver("zfs"), driver("aufs"), driver("devicemapper"),
    driver("Overlay"),
    conf(
      "driver_priority = [\"vfs\", \"overlay\"], no driver", "driver_priority = [\"vfs\", \"overlay\"]\ngraphroot = \"\(store)\"",
      advice: ["driver-vfs", "driver-missing"]),
    conf(
      "driver_priority = [\"foo\", \"overlay\"], no driver", "driver_priority = [\"foo\", \"overlay\"]\ngraphroot = \"\(store)\"",
      advice: ["driver-missing"]),
    more("driver, and driver_priority = [\"vfs\"]", "driver_priority = [\"vfs\"]"),
  ]

  private static let syntax: [EngineCase] = [
    whole("table and keys in capitals", "[Storage]\nDriver = \"overlay\"\nGraphRoot = \"\(store)\"\n"),
    conf("graphroot twice", "driver = \"overlay\"\ngraphroot = \"\(store)\"\ngraphroot = \"\(store)\""),
    whole("[storage] twice", skeleton + "[storage]\nrunroot = \"\"\n"),
    whole("lines end with CR LF", skeleton.split(separator: "\n").joined(separator: "\r\n") + "\r\n"),
    whole("a byte order mark", "\u{feff}" + skeleton),
    whole("empty", ""),
    EngineCase(name: "a directory", own: "mkdir -p ~/.config/containers/storage.conf"),
    EngineCase(
      name: "mode 000", files: [(file, skeleton)], own: "chmod 000 ~/.config/containers/storage.conf",
      bugs: Dictionary(
        uniqueKeysWithValues: ["bullseye", "bookworm"].map {
          ($0, "Podman before 5 reads it as root of its user namespace, whom the mode does not stop, and check cannot")
        })),
    EngineCase(name: "~/.config/containers with mode 000", files: [(file, skeleton)], own: "chmod 000 ~/.config/containers"),
    EngineCase(name: "a link that leads nowhere", own: "mkdir -p ~/.config/containers; ln -s nothing ~/.config/containers/storage.conf"),
    EngineCase(
      name: "a link to another file", files: [("~/other.conf", skeleton)],
      own: "mkdir -p ~/.config/containers; ln -s ~/other.conf ~/.config/containers/storage.conf"),
    whole("the path without quotes", "[storage]\ndriver = \"overlay\"\ngraphroot = \(store)\n"),
    whole("the path in single quotes", "[storage]\ndriver = 'overlay'\ngraphroot = '\(store)'\n"),
    whole("the path in three quotes", "[storage]\ndriver = \"overlay\"\ngraphroot = \"\"\"\(store)\"\"\"\n"),
    whole("an inline table", "storage = { driver = \"overlay\", graphroot = \"\(store)\" }\n"),
    whole("dotted keys", "storage.driver = \"overlay\"\nstorage.graphroot = \"\(store)\"\n"),
    whole("the table's name in quotes", "[\"storage\"]\ndriver = \"overlay\"\ngraphroot = \"\(store)\"\n"),
    whole("no table", "driver = \"overlay\"\ngraphroot = \"\(store)\"\n"),
    whole("a control character in a comment", "# \u{1}\n" + skeleton, advice: ["storage-conf-invalid"]),
    whole("a comment behind a semicolon", skeleton + "; x\n"),
    more("an unknown key", "colour = \"blue\""),
    more("an unknown table", "[network]\nx = 1"),
    EngineCase(
      name: "not UTF-8",
      own:
        "mkdir -p ~/.config/containers; printf '# \\351\\n[storage]\\ndriver = \"overlay\"\\ngraphroot = \"\(store)\"\\n' > ~/.config/containers/storage.conf",
      advice: ["storage-conf-invalid"]),
    EngineCase(name: "a NUL at the end", files: [(file, skeleton)], own: "printf '\\0' >> ~/.config/containers/storage.conf"),
  ]

  private static let types: [EngineCase] = [
    conf("driver is a number", "driver = 1\ngraphroot = \"\(store)\""),
    conf("graphroot is a list", "driver = \"overlay\"\ngraphroot = [\"\(store)\"]"),
    more("runroot is false", "runroot = false"),
    more("rootless_storage_path is a number", "rootless_storage_path = 1"),
    more("options is a text", "options = \"x\""),
    more("options.overlay is a text", "[storage.options]\noverlay = \"x\""),
    more("ignore_chown_errors = true", "[storage.options.overlay]\nignore_chown_errors = true"),
    more("ignore_chown_errors = \"true\"", "[storage.options.overlay]\nignore_chown_errors = \"true\""),
    more("ignore_chown_errors = \"perhaps\"", "[storage.options.overlay]\nignore_chown_errors = \"perhaps\""),
    more("mountopt is a list", "[storage.options.overlay]\nmountopt = [\"nodev\"]"),
    more("transient_store is a text", "transient_store = \"true\""),
    more("transient_store = true", "transient_store = true"),
    more("driver_priority is a text", "driver_priority = \"overlay\""),
    more("additionalimagestores is a text", "[storage.options]\nadditionalimagestores = \"/nonexistent/ais\""),
    more("pull_options is a text", "[storage.options]\npull_options = \"x\""),
    more("pull_options with a boolean", "[storage.options]\npull_options = { enable_partial_images = true }"),
    more("auto-userns-min-size is a text", "[storage.options]\nauto-userns-min-size = \"1024\""),
    more("disable-volatile is a text", "[storage.options]\ndisable-volatile = \"x\""),
    whole("storage is a text", "storage = \"x\"\n"),
    whole("storage is a list of tables", "[[storage]]\ndriver = \"overlay\"\ngraphroot = \"\(store)\"\n"),
  ]

  private static let paths: [EngineCase] = [
    conf(
      "rootless_storage_path and no graphroot", "driver = \"overlay\"\nrootless_storage_path = \"\(store)\"",
      advice: ["rootless-storage-path"]),
    more("rootless_storage_path beside graphroot", "rootless_storage_path = \"/var/tmp/alice/y\"", advice: ["rootless-storage-path"]),
    conf(
      "graphroot in the home, and rootless_storage_path local",
      "driver = \"overlay\"\ngraphroot = \"/home/alice/s\"\nrootless_storage_path = \"\(store)\""),
    conf(
      "rootless_storage_path with $UID", "driver = \"overlay\"\nrootless_storage_path = \"/var/tmp/alice/$UID/s\"",
      advice: ["rootless-storage-path"]),
    conf("rootless_storage_path with $HOME", "driver = \"overlay\"\nrootless_storage_path = \"$HOME/s\""),
    more("runroot that does not exist", "runroot = \"/var/tmp/alice/rr\""),
    more("runroot that cannot be made", "runroot = \"/nonexistent/rr\""),
    more("runroot empty", "runroot = \"\""),
    more("runroot is relative", "runroot = \"rr\""),
    more("runroot in the home", "runroot = \"/home/alice/rr\""),
    more("runroot with a variable", "runroot = \"/var/tmp/$USER/rr\""),
    more("runroot is root's", "runroot = \"/var/tmp/rr\"", root: "mkdir -m 700 /var/tmp/rr"),
    more("runroot in XDG_RUNTIME_DIR", "runroot = \"$XDG_RUNTIME_DIR/containers\""),
    more("imagestore that is local", "imagestore = \"/var/tmp/alice/is\""),
    more("imagestore in the home", "imagestore = \"/home/alice/is\""),
    more("imagestore that cannot be made", "imagestore = \"/nonexistent/is\""),
    more("additionalimagestores that is missing", "[storage.options]\nadditionalimagestores = [\"/nonexistent/ais\"]"),
    more("additionalimagestores that is root's", "[storage.options]\nadditionalimagestores = [\"/root/ais\"]", root: "mkdir -p /root/ais"),
    more(
      "additionalimagestores that is empty", "[storage.options]\nadditionalimagestores = [\"/var/tmp/ais\"]", root: "mkdir -p /var/tmp/ais"),
    more(
      "additionalimagestores with {append=true}", "[storage.options]\nadditionalimagestores = [\"/var/tmp/ais\", {append=true}]",
      root: "mkdir -p /var/tmp/ais"),
    more("additionallayerstores that is missing", "[storage.options]\nadditionallayerstores = [\"/nonexistent/als:ref\"]"),
  ]

  private static let options: [EngineCase] = [
    more("mount_program that is missing", "[storage.options.overlay]\nmount_program = \"/usr/bin/fuse-overlayfs\""),
    more("mount_program that is missing, in [storage.options]", "[storage.options]\nmount_program = \"/usr/bin/fuse-overlayfs\""),
    more("mount_program empty", "[storage.options.overlay]\nmount_program = \"\""),
    more("mount_program that does nothing", "[storage.options.overlay]\nmount_program = \"/bin/true\""),
    more("mountopt = \"nodev\"", "[storage.options.overlay]\nmountopt = \"nodev\""),
    more("mountopt = \"nonsense\"", "[storage.options.overlay]\nmountopt = \"nonsense\""),
    more("overlay.size", "[storage.options.overlay]\nsize = \"10G\""),
    more("options.size", "[storage.options]\nsize = \"10G\""),
    more("overlay.inodes", "[storage.options.overlay]\ninodes = \"1000\""),
    more("force_mask", "[storage.options.overlay]\nforce_mask = \"shared\""),
    more("force_mask = \"nonsense\"", "[storage.options.overlay]\nforce_mask = \"nonsense\""),
    more("skip_mount_home", "[storage.options.overlay]\nskip_mount_home = \"true\""),
    more("use_composefs", "[storage.options.overlay]\nuse_composefs = \"true\""),
    conf(
      "vfs, and overlay.size", "driver = \"vfs\"\ngraphroot = \"\(store)\"\n[storage.options.overlay]\nsize = \"10G\"",
      advice: ["driver-vfs"]),
  ]

  private static let environments: [EngineCase] = [
    environment("XDG_CONFIG_HOME elsewhere", ["XDG_CONFIG_HOME=/var/tmp/alice/config"]),
    environment("CONTAINERS_STORAGE_CONF missing", ["CONTAINERS_STORAGE_CONF=/nonexistent/s.conf"]),
    environment(
      "CONTAINERS_STORAGE_CONF with graphroot in the home", ["CONTAINERS_STORAGE_CONF=/home/alice/s.conf"],
      files: [("~/s.conf", "[storage]\ndriver = \"overlay\"\ngraphroot = \"/home/alice/s\"\n")]),
    environment(
      "CONTAINERS_STORAGE_CONF with a local graphroot", ["CONTAINERS_STORAGE_CONF=/home/alice/s.conf"],
      files: [("~/s.conf", "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/alice/other\"\n")], advice: ["environment-config"]),
    environment(
      "CONTAINERS_STORAGE_CONF_OVERRIDE with graphroot in the home", ["CONTAINERS_STORAGE_CONF_OVERRIDE=/home/alice/s.conf"],
      files: [("~/s.conf", "[storage]\ngraphroot = \"/home/alice/s\"\n")]),
    environment("STORAGE_DRIVER = vfs", ["STORAGE_DRIVER=vfs"], advice: ["environment-store"]),
    environment("STORAGE_DRIVER = foo", ["STORAGE_DRIVER=foo"]),
    environment("STORAGE_OPTS with a program that is missing", ["STORAGE_OPTS=overlay.mount_program=/usr/bin/fuse-overlayfs"]),
    environment("XDG_DATA_HOME elsewhere", ["XDG_DATA_HOME=/var/tmp/alice/data"]),
    environment("no XDG_RUNTIME_DIR", ["-XDG_RUNTIME_DIR"], advice: ["runtime-directory"]),
    environment("XDG_RUNTIME_DIR is root's", ["XDG_RUNTIME_DIR=/run/user/0"], root: "install -d -m 700 /run/user/0"),
    environment("XDG_RUNTIME_DIR is missing", ["XDG_RUNTIME_DIR=/run/user/9999"], advice: ["runtime-directory"]),
  ]

  private static let sites: [EngineCase] = [
    EngineCase(
      name: "no file of the user's, rootless_storage_path in /etc",
      files: [("/etc/containers/storage.conf", "[storage]\ndriver = \"overlay\"\nrootless_storage_path = \"/var/tmp/$USER/rsp\"\n")]),
    EngineCase(
      name: "no file of the user's, graphroot in /etc",
      files: [("/etc/containers/storage.conf", "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/$USER/gr\"\n")]),
    EngineCase(name: "no file at all"),
    EngineCase(
      name: "local home, the old default file in /etc", user: "bob",
      files: [
        (
          "/etc/containers/storage.conf",
          "[storage]\ndriver = \"overlay\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n"
        )
      ]),
    EngineCase(
      name: "local home, graphroot and rootless_storage_path in /etc", user: "bob",
      files: [
        (
          "/etc/containers/storage.conf",
          "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/lib/containers/storage\"\nrootless_storage_path = \"/var/tmp/$USER/rsp\"\n"
        )
      ]),
    EngineCase(name: "local home, no file at all", user: "bob"),
    site("invalid TOML in /etc", [("/etc/containers/storage.conf", "[storage\nx")]),
    site(
      "options in /etc",
      [("/etc/containers/storage.conf", "[storage]\ndriver = \"overlay\"\n[storage.options.overlay]\nmountopt = \"nodev\"\n")],
      advice: ["site-options-hidden"]),
    site(
      "the old default file in /etc",
      [
        (
          "/etc/containers/storage.conf",
          "[storage]\ndriver = \"overlay\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n"
        )
      ]),
    EngineCase(
      name: "vfs in /etc, no driver in the user's",
      files: [(file, "[storage]\ngraphroot = \"\(store)\"\n"), ("/etc/containers/storage.conf", "[storage]\ndriver = \"vfs\"\n")],
      advice: ["driver-missing"]),
  ]

  static let network = "[storage]\ngraphroot = \"/home/alice/s\"\n"

  private static let dropIns: [EngineCase] = [
    site("drop-in /etc/containers/storage.conf.d, graphroot in the home", [("/etc/containers/storage.conf.d/x.conf", network)]),
    site("drop-in /etc/containers/storage.rootless.conf.d, the same", [("/etc/containers/storage.rootless.conf.d/x.conf", network)]),
    site("drop-in storage.rootless.conf.d/UID, the same", [("/etc/containers/storage.rootless.conf.d/4001/x.conf", network)]),
    site("drop-in storage.rootless.conf.d of another UID", [("/etc/containers/storage.rootless.conf.d/4002/x.conf", network)]),
    site("drop-in storage.rootful.conf.d", [("/etc/containers/storage.rootful.conf.d/x.conf", network)]),
    site("drop-in /usr/share/containers/storage.conf.d", [("/usr/share/containers/storage.conf.d/x.conf", network)]),
    site("drop-in of the user's, graphroot in the home", [("~/.config/containers/storage.conf.d/x.conf", network)]),
    site("drop-in of the user's, storage.rootless.conf.d", [("~/.config/containers/storage.rootless.conf.d/x.conf", network)]),
    site("drop-in of the user's that is not called .conf", [("~/.config/containers/storage.conf.d/x", network)]),
    site(
      "drop-in of the user's, driver = \"vfs\"", [("~/.config/containers/storage.conf.d/x.conf", "[storage]\ndriver = \"vfs\"\n")],
      advice: ["driver-vfs"]),
    site("drop-in of the user's, invalid TOML", [("~/.config/containers/storage.conf.d/x.conf", "[storage\nx")]),
    site(
      "drop-in of the site's, root's graphroot",
      [("/etc/containers/storage.conf.d/x.conf", "[storage]\ngraphroot = \"/var/lib/containers/storage\"\n")]),
    site(
      "drop-in of the site's that cannot be read", [("/etc/containers/storage.conf.d/x.conf", network)],
      site: "chmod 600 /etc/containers/storage.conf.d/x.conf"),
    site(
      "drop-in of the site's, and one of that name of the user's, without graphroot",
      [
        ("/etc/containers/storage.conf.d/x.conf", network),
        ("~/.config/containers/storage.conf.d/x.conf", "[storage]\ndriver = \"overlay\"\n"),
      ]),
    site(
      "two drop-ins, the later one local",
      [
        ("/etc/containers/storage.conf.d/1.conf", network),
        ("/etc/containers/storage.conf.d/2.conf", "[storage]\ngraphroot = \"/var/tmp/alice/two\"\n"),
      ]),
    EngineCase(
      name: "graphroot in the home, a drop-in of the user's makes it local",
      files: [
        (file, "[storage]\ndriver = \"overlay\"\ngraphroot = \"/home/alice/s\"\n"),
        ("~/.config/containers/storage.conf.d/x.conf", "[storage]\ngraphroot = \"\(store)\"\n"),
      ]),
    EngineCase(
      name: "no file of the user's, a drop-in of the site's has graphroot",
      files: [("/etc/containers/storage.conf.d/x.conf", "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/$USER/rsp\"\n")]),
  ]

  static let containersConf = "~/.config/containers/containers.conf"

  private static let engine: [EngineCase] = [
    site("containers.conf: volume_path in the home", [(containersConf, "[engine]\nvolume_path = \"/home/alice/v\"\n")]),
    site("containers.conf: static_dir that cannot be made", [(containersConf, "[engine]\nstatic_dir = \"/nonexistent/x\"\n")]),
    site("containers.conf: tmp_dir that cannot be made", [(containersConf, "[engine]\ntmp_dir = \"/nonexistent/x\"\n")]),
    site("containers.conf: database_backend = \"sqlite\"", [(containersConf, "[engine]\ndatabase_backend = \"sqlite\"\n")]),
    site("containers.conf: database_backend = \"boltdb\"", [(containersConf, "[engine]\ndatabase_backend = \"boltdb\"\n")]),
    site("containers.conf: database_backend is a number", [(containersConf, "[engine]\ndatabase_backend = 1\n")]),
    site("containers.conf: database_backend = \"nonsense\"", [(containersConf, "[engine]\ndatabase_backend = \"nonsense\"\n")]),
    site("containers.conf: invalid TOML", [(containersConf, "[engine\nx")]),
    site("containers.conf: a wrong type", [(containersConf, "[engine]\nstatic_dir = 1\n")]),
    site("/etc/containers/containers.conf: invalid TOML", [("/etc/containers/containers.conf", "[engine\nx")]),
    site("containers.conf.d: invalid TOML", [("~/.config/containers/containers.conf.d/x.conf", "[engine\nx")]),
  ]

  static func containers(_ name: String, _ line: String, advice: Set<String> = []) -> EngineCase {
    site("containers.conf: \(name)", [(containersConf, "[engine]\n\(line)\n")], advice: advice)
  }

  static func home(_ name: String, _ content: String, advice: Set<String> = []) -> EngineCase {
    EngineCase(name: "local home, \(name)", user: "bob", files: [(file, content)], advice: advice)
  }

  private static let usersPlace = "[storage]\ndriver = \"overlay\"\nrootless_storage_path = \"/var/tmp/$USER/rsp\"\n"

  /// As people have told of them in the trackers of Podman and containers/storage.
  private static let reports: [EngineCase] = [
    EngineCase(
      name: "no graphroot, and rootless_storage_path in /etc",
      files: [(file, "[storage]\ndriver = \"overlay\"\n"), ("/etc/containers/storage.conf", usersPlace)]),
    EngineCase(
      name: "invalid TOML, and rootless_storage_path in /etc", files: [(file, "[storage\n"), ("/etc/containers/storage.conf", usersPlace)],
      advice: ["storage-conf-invalid"]),
    home("invalid TOML", "[storage\n", advice: ["storage-conf-invalid"]),
    home("driver is a number", "[storage]\ndriver = 1\n", advice: ["storage-conf-invalid"]),
    home("no graphroot", "[storage]\ndriver = \"overlay\"\n"),
    more("an unknown key with a list of texts and numbers", "colours = [\"blue\", 1]"),
    more("skip_mount_home = \"perhaps\"", "[storage.options.overlay]\nskip_mount_home = \"perhaps\""),
    more("options.force_mask is a text", "[storage.options]\nforce_mask = \"0755\""),
    more("overlay.size is no size", "[storage.options.overlay]\nsize = \"lots\""),
    more("overlay.size empty", "[storage.options.overlay]\nsize = \"\""),
    more("mountopt = \"nodev,metacopy=on\"", "[storage.options.overlay]\nmountopt = \"nodev,metacopy=on\""),
    more("runroot of more than 50 characters", "runroot = \"/var/tmp/alice/a-directory-with-a-name-that-is-rather-long\""),
    graphroot("graphroot is a link to itself", "/var/tmp/alice/l", own: "ln -s l /var/tmp/alice/l"),
    graphroot("graphroot with a name of 300 characters", "/var/tmp/alice/" + String(repeating: "x", count: 300)),
    EngineCase(
      name: "a file in the place of the driver's directory", files: [(file, skeleton)], own: "mkdir -p \(store); touch \(store)/overlay"),
    EngineCase(
      name: "the driver's directory is root's", files: [(file, skeleton)],
      root: "install -d -o alice -g alice /var/tmp/alice/containers \(store); mkdir -m 700 \(store)/overlay"),
    EngineCase(
      name: "a directory in the database's place", files: [(file, skeleton)], own: "mkdir -p \(store)/db.sql \(store)/libpod/bolt_state.db"),
    environment("TMPDIR that is missing", ["TMPDIR=/nonexistent"]),
    environment("HOME is another user's", ["HOME=/root"]),
    environment("XDG_RUNTIME_DIR is relative", ["XDG_RUNTIME_DIR=run"]),
    environment("CONTAINERS_CONF missing", ["CONTAINERS_CONF=/nonexistent/c.conf"]),
    environment(
      "CONTAINERS_CONF with invalid TOML", ["CONTAINERS_CONF=/home/alice/c.conf"], files: [("~/c.conf", "[engine\nx")]),
    containers("volume_path is relative", "volume_path = \"v\""),
    containers("tmp_dir is relative", "tmp_dir = \"t\""),
    containers("runtime that is not there", "runtime = \"nonsense\""),
    containers("cgroup_manager = \"nonsense\"", "cgroup_manager = \"nonsense\""),
    containers("events_logger = \"nonsense\"", "events_logger = \"nonsense\""),
    containers("lock_type = \"nonsense\"", "lock_type = \"nonsense\""),
    containers("lock_type = \"file\"", "lock_type = \"file\""),
    containers("num_locks is a text", "num_locks = \"2048\""),
    containers("image_copy_tmp_dir that is missing", "image_copy_tmp_dir = \"/nonexistent/t\""),
    site("containers.conf: network_backend = \"cni\"", [(containersConf, "[network]\nnetwork_backend = \"cni\"\n")]),
    site("containers.conf: network_backend = \"nonsense\"", [(containersConf, "[network]\nnetwork_backend = \"nonsense\"\n")]),
  ]

  /// A first command, and what is done then.
  static let first = "podman info >/dev/null 2>&1 || true; "

  private static let databases: [EngineCase] = [
    EngineCase(name: "a second command", files: [(file, skeleton)], own: first),
    EngineCase(
      name: "the database of a store that was copied to another place", files: [(file, skeleton)],
      own: first
        + "cp -a \(store) /var/tmp/alice/new; sed -i 's,^graphroot.*,graphroot = \"/var/tmp/alice/new\",' ~/.config/containers/storage.conf"
    ),
    EngineCase(
      name: "the runroot that the database keeps is root's by now", files: [(file, skeleton + "runroot = \"/var/tmp/rr\"\n")],
      root: "install -d -m 700 -o alice -g alice /var/tmp/rr",
      own: first + "sed -i '/^runroot/d' ~/.config/containers/storage.conf", after: "rm -rf /var/tmp/rr; mkdir -m 700 /var/tmp/rr"),
    EngineCase(
      name: "the driver is another one than the database's", files: [(file, skeleton)],
      own: first + "sed -i 's,^driver.*,driver = \"vfs\",' ~/.config/containers/storage.conf", advice: ["driver-vfs"]),
    EngineCase(
      name: "the database is garbage", files: [(file, skeleton)],
      own: first + "for f in \(store)/db.sql \(store)/libpod/bolt_state.db; do [ ! -e $f ] || echo garbage > $f; done"),
  ]
}
