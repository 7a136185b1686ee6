/// Values of keys, other files of configuration, and what lies where Podman works, as people have told of them.
extension PodmanCases {
  static let values: [EngineCase] = [
    // storage.conf
    more("imagestore is graphroot", "imagestore = \"\(store)\""),
    more("imagestore below graphroot", "imagestore = \"\(store)/images\""),
    more("imagestore is relative", "imagestore = \"is\""),
    // That is a directory of this name, which is left to systemd-tmpfiles.
    more("imagestore with a variable", "imagestore = \"/var/tmp/$USER/is\"", advice: ["storage-ageing"]),
    more("imagestore with the runtime directory's variable", "imagestore = \"$XDG_RUNTIME_DIR/is\""),
    more("imagestore empty", "imagestore = \"\""),
    more("imagestore is another user's", "imagestore = \"/var/tmp/other\"", root: "install -d -m 755 -o bob -g bob /var/tmp/other"),
    more("runroot is graphroot", "runroot = \"\(store)\""),
    graphroot("graphroot in the runtime directory", "$XDG_RUNTIME_DIR/s"),
    conf(
      "graphroot is open to everybody", "driver = \"overlay\"\ngraphroot = \"/srv/open\"",
      root: "rm -rf /srv/open; install -d -m 1777 /srv/open",
      advice: ["graphroot-foreign"]),
    EngineCase(
      name: "local home, graphroot = \"/var/tmp\"", user: "bob",
      files: [(file, "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp\"\n")], advice: ["graphroot-foreign", "storage-ageing"]),
    graphroot("graphroot with an apostrophe", "/var/tmp/alice/it's"),
    conf("graphroot with a backslash", "driver = \"overlay\"\ngraphroot = '/var/tmp/alice/a\\b'"),
    graphroot("graphroot with a dollar sign alone", "/var/tmp/alice/a$/b"),
    graphroot("graphroot with a per cent sign", "/var/tmp/alice/%u"),
    graphroot("graphroot with an asterisk", "/var/tmp/alice/*"),
    more("runroot with a tilde", "runroot = \"~/rr\""),
    more("runroot is a file", "runroot = \"/var/tmp/alice/rf\"", own: "touch /var/tmp/alice/rf"),
    more("runroot with a comma", "runroot = \"/var/tmp/alice/a,b\""),
    more("additionalimagestores is relative", "[storage.options]\nadditionalimagestores = [\"ais\"]"),
    more("additionalimagestores with an empty text", "[storage.options]\nadditionalimagestores = [\"\"]"),
    more("additionalimagestores empty", "[storage.options]\nadditionalimagestores = []"),
    more("additionalimagestores with $HOME", "[storage.options]\nadditionalimagestores = [\"$HOME/ais\"]", own: "mkdir ~/ais"),
    more("additionalimagestores with a tilde", "[storage.options]\nadditionalimagestores = [\"~/ais\"]", own: "mkdir ~/ais"),
    more(
      "additionalimagestores is a file", "[storage.options]\nadditionalimagestores = [\"/var/tmp/alice/f\"]", own: "touch /var/tmp/alice/f"),
    more("additionalimagestores is graphroot", "[storage.options]\nadditionalimagestores = [\"\(store)\"]", own: "mkdir -p \(store)"),
    more("additionalimagestores in [storage.options.overlay]", "[storage.options.overlay]\nadditionalimagestores = [\"/nonexistent/ais\"]"),
    more(
      "additionalimagestores twice the same", "[storage.options]\nadditionalimagestores = [\"/var/tmp/alice/a\", \"/var/tmp/alice/a\"]",
      own: "mkdir /var/tmp/alice/a"),
    more(
      "additionalimagestores, one of the user's that is empty", "[storage.options]\nadditionalimagestores = [\"/var/tmp/alice/a\"]",
      own: "mkdir /var/tmp/alice/a"),
    more(
      "additionalimagestores, one of the user's with locks", "[storage.options]\nadditionalimagestores = [\"/var/tmp/alice/a\"]",
      own: "cd /var/tmp/alice; mkdir -p a/overlay-images a/overlay-layers; touch a/overlay-images/images.lock a/overlay-layers/layers.lock"),
    more("additionallayerstores is relative", "[storage.options]\nadditionallayerstores = [\"als:ref\"]"),
    more(
      "additionallayerstores with an unknown word", "[storage.options]\nadditionallayerstores = [\"/var/tmp/alice/als:x\"]",
      own: "mkdir /var/tmp/alice/als"),
    more(
      "additionallayerstores is a file", "[storage.options]\nadditionallayerstores = [\"/var/tmp/alice/f:ref\"]",
      own: "touch /var/tmp/alice/f"),
    more("mount_program is relative", "[storage.options.overlay]\nmount_program = \"fuse-overlayfs\""),
    more(
      "mount_program with a tilde", "[storage.options.overlay]\nmount_program = \"~/bin/fuse-overlayfs\"",
      own: "mkdir ~/bin; cp /bin/true ~/bin/fuse-overlayfs"),
    more(
      "mount_program with $HOME", "[storage.options.overlay]\nmount_program = \"$HOME/bin/fuse-overlayfs\"",
      own: "mkdir ~/bin; cp /bin/true ~/bin/fuse-overlayfs"),
    more("mount_program with an argument", "[storage.options.overlay]\nmount_program = \"/bin/true -o x\""),
    more(
      "mount_program that is not executable", "[storage.options.overlay]\nmount_program = \"/var/tmp/alice/p\"",
      own: "touch /var/tmp/alice/p"),
    more("mount_program is a directory", "[storage.options.overlay]\nmount_program = \"/usr/bin\""),
    more(
      "mount_program that may not be reached", "[storage.options.overlay]\nmount_program = \"/root/p\"",
      root: "chmod 700 /root; touch /root/p"),
    more("mount_program that fails", "[storage.options.overlay]\nmount_program = \"/bin/false\""),
    more(
      "mount_program in both tables, the general one missing",
      "[storage.options]\nmount_program = \"/nonexistent/p\"\n[storage.options.overlay]\nmount_program = \"/bin/true\""),
    more(
      "mount_program in both tables, the driver's missing",
      "[storage.options]\nmount_program = \"/bin/true\"\n[storage.options.overlay]\nmount_program = \"/nonexistent/p\""),
    conf(
      "vfs, and a mount_program that is missing",
      "driver = \"vfs\"\ngraphroot = \"\(store)\"\n[storage.options.overlay]\nmount_program = \"/nonexistent/p\"", advice: ["driver-vfs"]),
    more("mountopt empty", "[storage.options.overlay]\nmountopt = \"\""),
    more("mountopt = \"nodev,fsync=0\"", "[storage.options.overlay]\nmountopt = \"nodev,fsync=0\""),
    more("mountopt = \"volatile\"", "[storage.options.overlay]\nmountopt = \"volatile\""),
    more("mountopt = \"userxattr\"", "[storage.options.overlay]\nmountopt = \"userxattr\""),
    more("mountopt = \"nodev,\"", "[storage.options.overlay]\nmountopt = \"nodev,\""),
    more("mountopt with a blank", "[storage.options.overlay]\nmountopt = \"nodev, nosuid\""),
    more("mountopt = \"index=off\"", "[storage.options.overlay]\nmountopt = \"index=off\""),
    more("mountopt = \"redirect_dir=on\"", "[storage.options.overlay]\nmountopt = \"redirect_dir=on\""),
    more("mountopt = \"redirect_dir=off\"", "[storage.options.overlay]\nmountopt = \"redirect_dir=off\""),
    more("mountopt = \"redirect_dir=nofollow\"", "[storage.options.overlay]\nmountopt = \"redirect_dir=nofollow\""),
    more("mountopt = \"verity=require\"", "[storage.options.overlay]\nmountopt = \"verity=require\""),
    more("mountopt = \"workdir=/x\"", "[storage.options.overlay]\nmountopt = \"workdir=/x\""),
    more("mountopt = \"noexec\"", "[storage.options.overlay]\nmountopt = \"noexec\""),
    more("mountopt = \"ro\"", "[storage.options.overlay]\nmountopt = \"ro\""),
    more("mountopt in [storage.options]", "[storage.options]\nmountopt = \"nonsense\""),
    more("force_mask empty", "[storage.options.overlay]\nforce_mask = \"\""),
    more("force_mask = 0755 without quotes", "[storage.options.overlay]\nforce_mask = 755"),
    more("force_mask = \"0o755\"", "[storage.options.overlay]\nforce_mask = \"0o755\""),
    more("force_mask = \"0999\"", "[storage.options.overlay]\nforce_mask = \"0999\""),
    more("ignore_chown_errors empty", "[storage.options.overlay]\nignore_chown_errors = \"\""),
    more("ignore_chown_errors = \"yes\"", "[storage.options.overlay]\nignore_chown_errors = \"yes\""),
    more("ignore_chown_errors = \"perhaps\" in [storage.options]", "[storage.options]\nignore_chown_errors = \"perhaps\""),
    more("vfs.ignore_chown_errors = \"perhaps\", with overlay", "[storage.options.vfs]\nignore_chown_errors = \"perhaps\""),
    conf(
      "overlay.ignore_chown_errors = \"perhaps\", with vfs",
      "driver = \"vfs\"\ngraphroot = \"\(store)\"\n[storage.options.overlay]\nignore_chown_errors = \"perhaps\"", advice: ["driver-vfs"]),
    more("sync = \"nonsense\"", "[storage.options.overlay]\nsync = \"nonsense\""),
    more("override_kernel_check", "[storage.options]\noverride_kernel_check = \"true\""),
    more("overlay.override_kernel_check", "[storage.options.overlay]\noverride_kernel_check = \"true\""),
    more("ostree_repo", "[storage.options]\nostree_repo = \"/nonexistent\""),
    more("thinpool", "[storage.options.thinpool]\nautoextend_percent = \"20\""),
    more("thinpool is a text", "[storage.options]\nthinpool = \"x\""),
    more("aufs.mountopt", "[storage.options.aufs]\nmountopt = \"x\""),
    more("btrfs.size", "[storage.options.btrfs]\nsize = \"10G\""),
    more("btrfs.size is a number", "[storage.options.btrfs]\nsize = 10"),
    more("zfs.fsname is a number", "[storage.options.zfs]\nfsname = 1"),
    more("remap-user = alice", "[storage.options]\nremap-user = \"alice\"\nremap-group = \"alice\""),
    more("remap-user of nobody's", "[storage.options]\nremap-user = \"nobodyatall\""),
    more(
      "remap-uids of a range that is not mapped",
      "[storage.options]\nremap-uids = \"0:100000:65536\"\nremap-gids = \"0:100000:65536\""),
    more("remap-uids of all ids", "[storage.options]\nremap-uids = \"0:0:65536\"\nremap-gids = \"0:0:65536\""),
    more("root-auto-userns-user", "[storage.options]\nroot-auto-userns-user = \"storage\""),
    more("auto-userns-min-size = -1", "[storage.options]\nauto-userns-min-size = -1"),
    more("auto-userns-max-size = 4294967296", "[storage.options]\nauto-userns-max-size = 4294967296"),
    more("auto-userns-min-size = 0", "[storage.options]\nauto-userns-min-size = 0"),
    more("auto-userns-max-size below the least", "[storage.options]\nauto-userns-min-size = 2048\nauto-userns-max-size = 1024"),
    more("disable-volatile = true", "[storage.options]\ndisable-volatile = true"),
    more(
      "pull_options of texts",
      "[storage.options]\npull_options = { enable_partial_images = \"true\", use_hard_links = \"perhaps\", ostree_repos = \"\" }"),
    more("pull_options as a table", "[storage.options.pull_options]\nenable_partial_images = \"perhaps\"\nconvert_images = \"perhaps\""),
    more("use_composefs = \"perhaps\"", "[storage.options.overlay]\nuse_composefs = \"perhaps\""),
    more("use_composefs = \"false\"", "[storage.options.overlay]\nuse_composefs = \"false\""),
    more("driver_priority with an unknown one beside driver", "driver_priority = [\"nonsense\"]"),
    more("driver_priority empty", "driver_priority = []"),
    conf(
      "driver_priority = [\"nonsense\"], no driver", "driver_priority = [\"nonsense\"]\ngraphroot = \"\(store)\"",
      advice: ["driver-missing"]),
    more("overlay.inodes = \"\"", "[storage.options.overlay]\ninodes = \"\""),
    more("[storage.options] twice", "[storage.options]\nsize = \"\"\n[storage.options]\nmountopt = \"nodev\""),
    more("a key behind a table of options", "[storage.options.overlay]\nmountopt = \"nodev\"\ngraphroot = \"/home/alice/s\""),
    more("an octal number", "[storage.options]\nauto-userns-min-size = 0o2000"),
    more("a hexadecimal number in a list", "colours = [0x1]"),
    more("a number that is none", "colour = inf"),
    more("a time", "time = 07:32:00"),
    more("a date and a time with a blank", "time = 2024-01-01 07:32:00"),
    more("a date and a time", "time = 2024-01-01T07:32:00Z"),
    more("a number with an underscore", "[storage.options]\nauto-userns-min-size = 1_024"),
    more("three quotes behind a quote", "colour = \"\"\"a\"\"\"\""),
    more("a date as an unknown key", "day = 2024-01-01"),
    more("a nested list", "colours = [[1, 2], [\"a\"]]"),
    whole("blanks for tabs before keys", "\t[storage]\n\t  driver = \"overlay\"\n\t  graphroot = \"\(store)\"\n"),
    whole("no newline at the end", String(skeleton.dropLast())),
    whole("an escape that TOML does not know", "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/alice/\\d\"\n"),
    whole("an escape in a comment", "# \\d\n" + skeleton),
    whole("a text over two lines", "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp\n/alice\"\n"),
    whole("a colon for the equals sign", "[storage]\ndriver: \"overlay\"\ngraphroot: \"\(store)\"\n"),
    whole("two keys on one line", "[storage]\ndriver = \"overlay\" graphroot = \"\(store)\"\n"),
    whole("a shell's export", "export X=1\n" + skeleton),
  ]

  private static func engine(_ name: String, _ lines: String, advice: Set<String> = []) -> EngineCase {
    site("containers.conf: \(name)", [(containersConf, lines + "\n")], advice: advice)
  }

  private static func registries(_ name: String, _ content: String, site: Bool = false) -> EngineCase {
    PodmanCases.site(
      "registries.conf: \(name)",
      [(site ? "/etc/containers/registries.conf.d/900.conf" : "~/.config/containers/registries.conf", content + "\n")])
  }

  private static func policy(_ name: String, _ content: String) -> EngineCase {
    site("policy.json: \(name)", [("~/.config/containers/policy.json", content + "\n")])
  }

  static let others: [EngineCase] = [
    engine("log_driver = \"nonsense\"", "[containers]\nlog_driver = \"nonsense\""),
    engine("env is a text", "[containers]\nenv = \"A=b\""),
    engine("volumes is a text", "[containers]\nvolumes = \"/a:/b\""),
    engine("default_sysctls is a text", "[containers]\ndefault_sysctls = \"net.ipv4.ping_group_range=0 0\""),
    engine("dns_servers with a number", "[containers]\ndns_servers = [1]"),
    engine("pids_limit is a text", "[containers]\npids_limit = \"2048\""),
    engine("log_size_max is a text", "[containers]\nlog_size_max = \"1m\""),
    engine("init is a text", "[containers]\ninit = \"true\""),
    engine("userns = \"keep-id\"", "[containers]\nuserns = \"keep-id\""),
    engine("userns = \"nonsense\"", "[containers]\nuserns = \"nonsense\""),
    engine("netns = \"nonsense\"", "[containers]\nnetns = \"nonsense\""),
    engine("cgroups = \"nonsense\"", "[containers]\ncgroups = \"nonsense\""),
    engine("cgroupns = \"nonsense\"", "[containers]\ncgroupns = \"nonsense\""),
    engine("ipcns = \"nonsense\"", "[containers]\nipcns = \"nonsense\""),
    engine("umask = \"nonsense\"", "[containers]\numask = \"nonsense\""),
    engine("shm_size = \"lots\"", "[containers]\nshm_size = \"lots\""),
    engine("default_ulimits with what is none", "[containers]\ndefault_ulimits = [\"nonsense\"]"),
    engine("default_capabilities with an unknown one", "[containers]\ndefault_capabilities = [\"NONSENSE\"]"),
    engine("seccomp_profile that is missing", "[containers]\nseccomp_profile = \"/nonexistent/s.json\""),
    engine("containers is a text", "containers = \"x\""),
    engine("engine is a text", "engine = \"x\""),
    engine("network is a text", "network = \"x\""),
    engine("a key without a table", "runtime = \"crun\""),
    engine("an unknown table", "[nonsense]\nx = 1"),
    engine("conmon_path that is missing", "[engine]\nconmon_path = [\"/nonexistent/conmon\"]"),
    engine("conmon_path is a text", "[engine]\nconmon_path = \"/usr/bin/conmon\""),
    engine("conmon_path with one that is there", "[engine]\nconmon_path = [\"/nonexistent/conmon\", \"/usr/bin/conmon\"]"),
    engine("helper_binaries_dir is a text", "[engine]\nhelper_binaries_dir = \"/usr/libexec/podman\""),
    engine("runtime = \"runc\", which is not installed", "[engine]\nruntime = \"runc\""),
    engine("runtime with a path that is missing", "[engine]\nruntime = \"/nonexistent/crun\""),
    engine("runtime with a path that is there", "[engine]\nruntime = \"/usr/bin/crun\""),
    engine("runtime empty", "[engine]\nruntime = \"\""),
    engine("runtimes with a path that is missing", "[engine.runtimes]\ncrun = [\"/nonexistent/crun\"]"),
    engine("runtimes with a text", "[engine.runtimes]\ncrun = \"/usr/bin/crun\""),
    engine("runtimes with another one", "[engine]\nruntime = \"mine\"\n[engine.runtimes]\nmine = [\"/usr/bin/crun\"]"),
    engine("runtimes with another one that is missing", "[engine]\nruntime = \"mine\"\n[engine.runtimes]\nmine = [\"/nonexistent/crun\"]"),
    engine("runtimes with an unused one that is missing", "[engine.runtimes]\nmine = [\"/nonexistent/crun\"]"),
    engine("remote = true", "[engine]\nremote = true"),
    engine("active_service that is unknown", "[engine]\nactive_service = \"nonsense\""),
    engine("service_destinations", "[engine.service_destinations.x]\nuri = \"unix:///nonexistent.sock\""),
    engine("hooks_dir that is missing", "[engine]\nhooks_dir = [\"/nonexistent\"]"),
    engine("infra_image is a number", "[engine]\ninfra_image = 1"),
    engine("env is a list of numbers", "[engine]\nenv = [1]"),
    engine("env without an equals sign", "[engine]\nenv = [\"X\"]"),
    engine("env with a name alone and an equals sign", "[engine]\nenv = [\"X=\"]"),
    engine("a byte order mark", "\u{feff}[engine]\nnum_locks = 2048"),
    engine("dotted keys", "engine.num_locks = 2048"),
    engine("a hexadecimal number", "[engine]\nnum_locks = 0x800"),
    engine("a control character in a comment", "# \u{1}\n[engine]\nnum_locks = 2048", advice: ["containers-conf"]),
    engine("hooks_dir with {append=true}", "[engine]\nhooks_dir = [\"/nonexistent\", {append=true}]"),
    engine("helper_binaries_dir without netavark", "[engine]\nhelper_binaries_dir = [\"/nonexistent\"]"),
    engine("helper_binaries_dir empty", "[engine]\nhelper_binaries_dir = []"),
    engine(
      "helper_binaries_dir with netavark",
      "[engine]\nhelper_binaries_dir = [\"/nonexistent\", \"/usr/lib/podman\", \"/usr/libexec/podman\"]"),
    engine("tz = \"local\"", "[containers]\ntz = \"local\""),
    engine("tz that is not there", "[containers]\ntz = \"Nowhere/X\""),
    engine("devices with one that is missing", "[containers]\ndevices = [\"/dev/nonexistent:/dev/x:rw\"]"),
    engine("devices with a nonsense", "[containers]\ndevices = [\"nonsense::::\"]"),
    engine("devices with an empty text", "[containers]\ndevices = [\"\"]"),
    engine("events_logfile_path that cannot be made", "[engine]\nevents_logfile_path = \"/nonexistent/e.log\""),
    engine("events_logfile_path local", "[engine]\nevents_logger = \"file\"\nevents_logfile_path = \"/var/tmp/alice/e/e.log\""),
    engine("events_logfile_max_size = \"lots\"", "[engine]\nevents_logfile_max_size = \"lots\""),
    engine("events_logfile_max_size = \"1m\"", "[engine]\nevents_logfile_max_size = \"1m\""),
    engine("events_logfile_max_size is a number", "[engine]\nevents_logfile_max_size = 1000000"),
    engine("dns_bind_port = 65536", "[network]\ndns_bind_port = 65536"),
    engine("env with a proxy", "[engine]\nenv = [\"https_proxy=http://proxy.example:3128\"]"),
    engine("pull_policy = \"sometimes\"", "[engine]\npull_policy = \"sometimes\""),
    engine("image_default_transport = \"nonsense\"", "[engine]\nimage_default_transport = \"nonsense\""),
    engine("image_default_format = \"nonsense\"", "[engine]\nimage_default_format = \"nonsense\""),
    engine("image_volume_mode = \"nonsense\"", "[engine]\nimage_volume_mode = \"nonsense\""),
    engine("pod_exit_policy = \"nonsense\"", "[engine]\npod_exit_policy = \"nonsense\""),
    engine("compression_format = \"nonsense\"", "[engine]\ncompression_format = \"nonsense\""),
    engine("compression_level is a text", "[engine]\ncompression_level = \"5\""),
    engine("num_locks = 0", "[engine]\nnum_locks = 0"),
    engine("num_locks = -1", "[engine]\nnum_locks = -1"),
    engine("num_locks = 32", "[engine]\nnum_locks = 32"),
    engine("num_locks = 100, no multiple of 32", "[engine]\nnum_locks = 100"),
    engine("stop_timeout = -1", "[engine]\nstop_timeout = -1"),
    engine("events_logger = \"journald\"", "[engine]\nevents_logger = \"journald\""),
    engine("events_logger = \"none\"", "[engine]\nevents_logger = \"none\""),
    engine("cgroup_manager = \"systemd\"", "[engine]\ncgroup_manager = \"systemd\""),
    engine("volume_plugins with a missing one", "[engine.volume_plugins]\nx = \"/nonexistent.sock\""),
    engine("volume_plugins with a list", "[engine.volume_plugins]\nx = [\"/nonexistent.sock\"]"),
    engine("namespace", "[engine]\nnamespace = \"x\""),
    engine("no_pivot_root is a text", "[engine]\nno_pivot_root = \"x\""),
    engine("network_cmd_path that is missing", "[engine]\nnetwork_cmd_path = \"/nonexistent/slirp4netns\""),
    engine("network_cmd_options is a text", "[engine]\nnetwork_cmd_options = \"mtu=1500\""),
    engine("network_config_dir in the home", "[network]\nnetwork_config_dir = \"/home/alice/n\""),
    engine("network_config_dir local", "[network]\nnetwork_config_dir = \"/var/tmp/alice/n\""),
    engine("default_subnet = \"nonsense\"", "[network]\ndefault_subnet = \"nonsense\""),
    engine("default_subnet_pools with a text", "[network]\ndefault_subnet_pools = [\"10.0.0.0/8\"]"),
    engine("default_rootless_network_cmd = \"nonsense\"", "[network]\ndefault_rootless_network_cmd = \"nonsense\""),
    engine("default_rootless_network_cmd = \"slirp4netns\"", "[network]\ndefault_rootless_network_cmd = \"slirp4netns\""),
    engine("firewall_driver = \"nonsense\"", "[network]\nfirewall_driver = \"nonsense\""),
    engine("dns_bind_port is a text", "[network]\ndns_bind_port = \"53\""),
    engine("pasta_options is a text", "[network]\npasta_options = \"-t auto\""),
    engine("secrets.driver = \"nonsense\"", "[secrets]\ndriver = \"nonsense\""),
    engine("machine.cpus is a text", "[machine]\ncpus = \"2\""),
    EngineCase(name: "containers.conf: a directory", files: [(file, skeleton)], own: "mkdir -p \(containersConf)"),
    EngineCase(
      name: "containers.conf: a link that leads nowhere", files: [(file, skeleton)], own: "ln -s nothing \(containersConf)"),
    EngineCase(name: "containers.conf: empty", files: [(file, skeleton), (containersConf, "")]),
    environment("STORAGE_DRIVER = overlay", ["STORAGE_DRIVER=overlay"]),
    environment("STORAGE_OPTS of overlay", ["STORAGE_OPTS=overlay.mountopt=nodev"], advice: ["environment-store"]),
    environment("STORAGE_OPTS with nonsense", ["STORAGE_OPTS=nonsense"]),
    environment("TMPDIR in the home", ["TMPDIR=/home/alice/tmp"], own: "mkdir ~/tmp"),
    environment("TMPDIR empty", ["TMPDIR="]),
    environment("no HOME", ["-HOME"]),
    environment("HOME is missing", ["HOME=/nonexistent"]),
    environment("HOME is relative", ["HOME=alice"]),
    environment("no USER", ["-USER", "-LOGNAME"]),
    environment("XDG_CONFIG_HOME empty", ["XDG_CONFIG_HOME="]),
    environment("XDG_DATA_HOME cannot be made", ["XDG_DATA_HOME=/nonexistent/data"]),
    environment("XDG_DATA_HOME is relative", ["XDG_DATA_HOME=data"]),
    environment("XDG_CACHE_HOME cannot be made", ["XDG_CACHE_HOME=/nonexistent/cache"], advice: ["environment-store"]),
    environment("XDG_CACHE_HOME is relative", ["XDG_CACHE_HOME=cache"]),
    environment("XDG_CONFIG_HOME is relative", ["XDG_CONFIG_HOME=config"]),
    environment("XDG_CONFIG_HOME is relative, and leads to the usual place", ["XDG_CONFIG_HOME=.config"], advice: ["environment-config"]),
    environment("TMPDIR is relative", ["TMPDIR=tmp"], own: "mkdir ~/tmp"),
    environment("TMPDIR is relative, and missing", ["TMPDIR=tmp"]),
    environment("CONTAINERS_CONF is relative, and missing", ["CONTAINERS_CONF=c.conf"]),
    environment(
      "CONTAINERS_CONF with a wrong type", ["CONTAINERS_CONF=/home/alice/c.conf"], files: [("~/c.conf", "[engine]\nnum_locks = \"x\"\n")]),
    environment(
      "CONTAINERS_CONF with a good file", ["CONTAINERS_CONF=/home/alice/c.conf"], files: [("~/c.conf", "[engine]\nnum_locks = 2048\n")]),
    environment(
      "CONTAINERS_CONF with tmp_dir that is local", ["CONTAINERS_CONF=/home/alice/c.conf"],
      files: [("~/c.conf", "[engine]\ntmp_dir = \"/var/tmp/alice/t\"\n")]),
    environment("CONTAINERS_CONF_OVERRIDE missing", ["CONTAINERS_CONF_OVERRIDE=/nonexistent/c.conf"]),
    environment(
      "CONTAINERS_CONF_OVERRIDE with invalid TOML", ["CONTAINERS_CONF_OVERRIDE=/home/alice/c.conf"], files: [("~/c.conf", "[engine\nx")]),
    environment(
      "CONTAINERS_CONF_OVERRIDE with a good file", ["CONTAINERS_CONF_OVERRIDE=/home/alice/c.conf"],
      files: [("~/c.conf", "[engine]\nnum_locks = 2048\n")]),
    environment("CONTAINERS_REGISTRIES_CONF missing", ["CONTAINERS_REGISTRIES_CONF=/nonexistent/r.conf"]),
    environment(
      "CONTAINERS_REGISTRIES_CONF with invalid TOML", ["CONTAINERS_REGISTRIES_CONF=/home/alice/r.conf"], files: [("~/r.conf", "[x\n")]),
    environment(
      "CONTAINERS_REGISTRIES_CONF with a good file", ["CONTAINERS_REGISTRIES_CONF=/home/alice/r.conf"],
      files: [("~/r.conf", "unqualified-search-registries = [\"docker.io\"]\n")]),
    environment("XDG_RUNTIME_DIR with mode 755", ["XDG_RUNTIME_DIR=/var/tmp/alice/run"], own: "mkdir -m 755 /var/tmp/alice/run"),
    environment("XDG_RUNTIME_DIR is in the home", ["XDG_RUNTIME_DIR=/home/alice/run"], own: "mkdir -m 700 ~/run"),
    environment("XDG_RUNTIME_DIR is a file", ["XDG_RUNTIME_DIR=/var/tmp/alice/rf"], own: "touch /var/tmp/alice/rf"),
    environment("DBUS_SESSION_BUS_ADDRESS of nothing", ["DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus"]),
    environment("PATH without sbin", ["PATH=/usr/bin:/bin"]),
    environment("REGISTRY_AUTH_FILE missing", ["REGISTRY_AUTH_FILE=/nonexistent/auth.json"]),
    environment("BUILDAH_ISOLATION = nonsense", ["BUILDAH_ISOLATION=nonsense"]),
    registries("invalid TOML", "[registries\nx"),
    registries("empty", ""),
    registries("unqualified-search-registries", "unqualified-search-registries = [\"docker.io\"]"),
    registries("unqualified-search-registries is a text", "unqualified-search-registries = \"docker.io\""),
    registries("unqualified-search-registries with a scheme", "unqualified-search-registries = [\"https://docker.io\"]"),
    registries(
      "the old form",
      "[registries.search]\nregistries = [\"docker.io\"]\n[registries.insecure]\nregistries = []\n[registries.block]\nregistries = []"),
    registries("the old form, empty", "[registries]"),
    registries("the old form with a number", "[registries]\nsearch = 1"),
    registries("a byte order mark", "\u{feff}unqualified-search-registries = [\"docker.io\"]"),
    registries("an octal number", "x = 0o17"),
    registries("both forms", "unqualified-search-registries = [\"docker.io\"]\n[registries.search]\nregistries = [\"docker.io\"]"),
    registries("short-name-mode = \"nonsense\"", "short-name-mode = \"nonsense\""),
    registries("a registry without a location", "[[registry]]\ninsecure = true"),
    registries("a registry with a scheme", "[[registry]]\nlocation = \"https://registry.example\""),
    registries("a registry whose prefix is a pattern", "[[registry]]\nprefix = \"*.example.com\"\nlocation = \"mirror.example\""),
    registries("insecure is a text", "[[registry]]\nlocation = \"registry.example\"\ninsecure = \"true\""),
    registries("a mirror without a location", "[[registry]]\nlocation = \"registry.example\"\n[[registry.mirror]]\ninsecure = true"),
    registries("registry is a table", "[registry]\nlocation = \"registry.example\""),
    registries("credential-helpers", "credential-helpers = [\"nonsense\"]"),
    registries("an alias that is none", "[aliases]\nx = \"y\""),
    registries("an unknown key", "colour = 1"),
    registries("invalid TOML in /etc/containers/registries.conf.d", "[registries\nx", site: true),
    registries("the old form in /etc/containers/registries.conf.d", "[registries.search]\nregistries = [\"docker.io\"]", site: true),
    EngineCase(
      name: "registries.conf: mode 000", files: [(file, skeleton), ("~/.config/containers/registries.conf", "")],
      own: "chmod 000 ~/.config/containers/registries.conf"),
    EngineCase(
      name: "registries.conf: a directory", files: [(file, skeleton)], own: "mkdir -p ~/.config/containers/registries.conf"),
    EngineCase(
      name: "registries.conf: a link that leads nowhere", files: [(file, skeleton)],
      own: "ln -s nothing ~/.config/containers/registries.conf"),
    site(
      "registries.conf: invalid TOML in ~/.config/containers/registries.conf.d", [("~/.config/containers/registries.conf.d/x.conf", "[x\n")]
    ),
    policy("accepts everything", "{ \"default\": [{ \"type\": \"insecureAcceptAnything\" }] }"),
    policy("empty", ""),
    policy("an empty object", "{}"),
    policy("no JSON", "nonsense"),
    policy("an unknown type", "{ \"default\": [{ \"type\": \"nonsense\" }] }"),
    policy("an empty list", "{ \"default\": [] }"),
    policy("an unknown key", "{ \"default\": [{ \"type\": \"insecureAcceptAnything\" }], \"colour\": 1 }"),
    policy(
      "a key twice", "{ \"default\": [{ \"type\": \"insecureAcceptAnything\" }], \"default\": [{ \"type\": \"insecureAcceptAnything\" }] }"),
    policy("an unknown transport", "{ \"default\": [{ \"type\": \"insecureAcceptAnything\" }], \"transports\": { \"nonsense\": {} } }"),
    policy("a comment", "{ // x\n \"default\": [{ \"type\": \"insecureAcceptAnything\" }] }"),
    policy("a comma too many", "{ \"default\": [{ \"type\": \"insecureAcceptAnything\" }], }"),
    EngineCase(
      name: "policy.json: mode 000", files: [(file, skeleton), ("~/.config/containers/policy.json", "{}")],
      own: "chmod 000 ~/.config/containers/policy.json"),
    EngineCase(
      name: "policy.json: a link that leads nowhere", files: [(file, skeleton)], own: "ln -s nothing ~/.config/containers/policy.json"),
    policy("a byte order mark", "\u{feff}{ \"default\": [{ \"type\": \"insecureAcceptAnything\" }] }"),
    site("policy.json: none at all", [], site: "rm -f /etc/containers/policy.json /usr/share/containers/policy.json"),
    site(
      "policy.json: in /usr/share alone", [], site: "mv /etc/containers/policy.json /usr/share/containers/policy.json"),
    site("policy.json: no JSON in /etc", [("/etc/containers/policy.json", "nonsense\n")]),
    EngineCase(
      name: "policy.json: in /etc it may not be read", files: [(file, skeleton)], site: "chmod 600 /etc/containers/policy.json"),
    site("mounts.conf with what is missing", [("~/.config/containers/mounts.conf", "/nonexistent:/x\n")]),
    site("auth.json is no JSON", [("~/.config/containers/auth.json", "nonsense\n")]),
    site("registries.d with invalid YAML", [("~/.config/containers/registries.d/x.yaml", "a: [\n")]),
    EngineCase(
      name: "local home, user excluded by nothing, vfs", user: "bob", files: [(file, "[storage]\ndriver = \"vfs\"\n")],
      advice: ["driver-vfs"]),
    EngineCase(
      name: "local home, graphroot elsewhere", user: "bob",
      files: [(file, "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/tmp/bobs\"\n")],
      // Where systemd-tmpfiles looks after /var/tmp.
      advice: ["storage-ageing"]),
  ]

  /// A list of Podman's store that cannot be read. Podman before 4.4 passes over it, and loses what was in it.
  static func damaged(_ name: String, _ list: String, _ command: String = "echo '[{'") -> EngineCase {
    EngineCase(
      name: name, files: [(file, skeleton)],
      own: first + "mkdir -p $(dirname \(store)/\(list)); \(command) > \(store)/\(list)", advice: ["podman-database"])
  }

  static let host: [EngineCase] = [
    EngineCase(
      name: "the store has root's lost+found", files: [(file, skeleton)],
      root: "install -d -o alice -g alice \(directory)/containers \(store); mkdir -m 700 \(store)/lost+found"),
    EngineCase(
      name: "root's locks in /dev/shm", files: [(file, skeleton)],
      root: "truncate -s 300K /dev/shm/libpod_rootless_lock_4001; chmod 600 /dev/shm/libpod_rootless_lock_4001"),
    EngineCase(
      name: "root's locks of another user in /dev/shm", files: [(file, skeleton)],
      root: "truncate -s 300K /dev/shm/libpod_rootless_lock_4009"),
    EngineCase(name: "the runtime directory is root's", files: [(file, skeleton)], site: "chown root:root /run/user/4001"),
    EngineCase(name: "the runtime directory has mode 500", files: [(file, skeleton)], site: "chmod 500 /run/user/4001"),
    EngineCase(name: "the runtime directory has mode 755", files: [(file, skeleton)], site: "chmod 755 /run/user/4001"),
    EngineCase(
      name: "containers/overlay-layers in the runtime directory is root's", files: [(file, skeleton)],
      own: "mkdir -p /run/user/4001/containers/overlay-layers", after: "chown root:root /run/user/4001/containers/overlay-layers"),
    EngineCase(
      name: "mountpoints.lock in the runtime directory is root's", files: [(file, skeleton)], own: first,
      after:
        "cd /run/user/4001/containers; mkdir -p overlay-layers; touch overlay-layers/mountpoints.lock; chown alice:alice overlay-layers; chown root:root overlay-layers/mountpoints.lock; chmod 600 overlay-layers/mountpoints.lock"
    ),
    EngineCase(
      name: "libpod/tmp/alive.lck in the runtime directory is root's", files: [(file, skeleton)], own: first,
      after:
        "touch /run/user/4001/libpod/tmp/alive.lck; chown root:root /run/user/4001/libpod/tmp/alive.lck; chmod 600 /run/user/4001/libpod/tmp/alive.lck"
    ),
    EngineCase(name: "crun in the runtime directory is root's", files: [(file, skeleton)], site: "install -d -m 700 /run/user/4001/crun"),
    EngineCase(name: "overlay/l is root's", files: [(file, skeleton)], own: first, after: "chown root:root \(store)/overlay/l"),
    EngineCase(name: "overlay is root's", files: [(file, skeleton)], own: first, after: "chown root:root \(store)/overlay"),
    EngineCase(
      name: "storage.lock is root's", files: [(file, skeleton)], own: first,
      after: "chown root:root \(store)/storage.lock; chmod 600 \(store)/storage.lock"),
    EngineCase(
      name: "images.json is root's", files: [(file, skeleton)],
      own: first + "mkdir -p \(store)/overlay-images; echo '[]' > \(store)/overlay-images/images.json",
      after: "chown root:root \(store)/overlay-images/images.json; chmod 600 \(store)/overlay-images/images.json"),
    damaged("images.json is cut", "overlay-images/images.json"),
    damaged("images.json is full of NULs", "overlay-images/images.json", "head -c 300 /dev/zero"),
    damaged("images.json is an object", "overlay-images/images.json", "echo '{}'"),
    EngineCase(
      name: "images.json is null", files: [(file, skeleton)],
      own: first + "mkdir -p \(store)/overlay-images; echo null > \(store)/overlay-images/images.json"),
    EngineCase(
      name: "images.json is empty", files: [(file, skeleton)],
      own: first + "mkdir -p \(store)/overlay-images; : > \(store)/overlay-images/images.json"),
    damaged("layers.json is cut", "overlay-layers/layers.json"),
    damaged("volatile-layers.json is cut", "overlay-layers/volatile-layers.json"),
    damaged("containers.json is cut", "overlay-containers/containers.json"),
    damaged("volatile-containers.json is cut", "overlay-containers/volatile-containers.json"),
    EngineCase(
      name: "layers.json is a directory", files: [(file, skeleton)], own: "mkdir -p \(store)/overlay-layers/layers.json"),
    EngineCase(
      name: "storage.lock is a directory", files: [(file, skeleton)], own: "mkdir -p \(store)/storage.lock"),
    EngineCase(
      name: "storage.lock is a link that leads nowhere", files: [(file, skeleton)],
      own: "mkdir -p \(store); ln -s nothing \(store)/storage.lock"),
    EngineCase(
      name: "userns.lock is a directory", files: [(file, skeleton)], own: "mkdir -p \(store)/userns.lock"),
    EngineCase(
      name: "layers.lock is a directory", files: [(file, skeleton)], own: "mkdir -p \(store)/overlay-layers/layers.lock"),
    EngineCase(
      name: "overlay-layers is a link that leads nowhere", files: [(file, skeleton)],
      own: "mkdir -p \(store); ln -s nothing \(store)/overlay-layers"),
    EngineCase(
      name: "overlay-layers is a link to another place", files: [(file, skeleton)],
      own: "mkdir -p \(store) /var/tmp/alice/other; ln -s /var/tmp/alice/other \(store)/overlay-layers"),
    EngineCase(
      name: "overlay is a link into the home", files: [(file, skeleton)], own: "mkdir -p ~/o \(store); ln -s ~/o \(store)/overlay"),
    EngineCase(name: "libpod is a file", files: [(file, skeleton)], own: "mkdir -p \(store); touch \(store)/libpod"),
    EngineCase(name: "overlay-images is a file", files: [(file, skeleton)], own: "mkdir -p \(store); touch \(store)/overlay-images"),
    EngineCase(name: "the store has mode 500", files: [(file, skeleton)], own: "mkdir -p \(store); chmod 500 \(store)"),
    EngineCase(
      name: "the store is a link to another place", files: [(file, skeleton)],
      own: "mkdir -p /var/tmp/alice/other \(directory)/containers; ln -s /var/tmp/alice/other \(store)"),
    EngineCase(
      name: "the store is a link into the home", files: [(file, skeleton)], own: "mkdir -p ~/s \(directory)/containers; ln -s ~/s \(store)"),
    EngineCase(
      name: "volumes is a link into the home", files: [(file, skeleton)], own: "mkdir -p ~/v \(store); ln -s ~/v \(store)/volumes"),
    EngineCase(name: "~/.local is root's", files: [(file, skeleton)], site: "install -d -m 755 /home/alice/.local"),
    EngineCase(
      name: "~/.local/share/containers is root's", files: [(file, skeleton)],
      site:
        "install -d -m 700 /home/alice/.local /home/alice/.local/share; chown alice:alice /home/alice/.local /home/alice/.local/share; install -d -m 700 /home/alice/.local/share/containers"
    ),
    EngineCase(
      name: "~/.cache is root's", files: [(file, skeleton)], site: "install -d -m 700 /home/alice/.cache", advice: ["store-owner"]),
    EngineCase(name: "~/.cache is a file", files: [(file, skeleton)], own: "touch ~/.cache", advice: ["store-owner"]),
    EngineCase(name: "~/.cache has mode 500", files: [(file, skeleton)], own: "mkdir -m 500 ~/.cache"),
    EngineCase(name: "the home is read-only", files: [(file, skeleton)], site: "chmod 500 /home/alice"),
  ]
}
