/// What earlier commands, a crash, a full disk or other programs have left, what the session has, and paths that Podman takes as they are
/// written.
extension PodmanCases {
  private static func engine(_ name: String, _ lines: String, root: String = "", own: String = "", advice: Set<String> = []) -> EngineCase {
    EngineCase(
      name: "containers.conf: \(name)", files: [(file, skeleton), ("~/.config/containers/containers.conf", lines + "\n")], root: root,
      own: own, advice: advice)
  }

  private static func state(_ name: String, _ own: String, advice: Set<String> = []) -> EngineCase {
    EngineCase(name: name, files: [(file, skeleton)], own: own, advice: advice)
  }

  private static func inStore(_ name: String, _ command: String, advice: Set<String> = []) -> EngineCase {
    state(name, "mkdir -p \(store); cd \(store); \(command)", advice: advice)
  }

  /// With the runtime directory's, which the first command makes.
  private static func pause(_ name: String, _ command: String, advice: Set<String> = []) -> EngineCase {
    state("pause.pid \(name)", "mkdir -p $XDG_RUNTIME_DIR/libpod/tmp; cd $XDG_RUNTIME_DIR/libpod/tmp; \(command)", advice: advice)
  }

  private static func ofRoot(_ name: String, advice: Set<String> = []) -> EngineCase {
    EngineCase(
      name: "\(name) of the store is root's", files: [(file, skeleton)],
      root: "install -d -o alice -g alice \(directory)/containers \(store); install -d -m 700 \(store)/\(name)", advice: advice)
  }

  private static let emptyStore =
    "mkdir -p overlay overlay-images overlay-layers; touch overlay-images/images.lock overlay-layers/layers.lock"

  static let states: [EngineCase] = paths + nulls + sessions + pauses + stores

  private static let paths: [EngineCase] = [
    more(
      "additionalimagestores with $UID", "[storage.options]\nadditionalimagestores = [\"/var/tmp/alice/$UID\"]",
      own: "mkdir /var/tmp/alice/4001; cd /var/tmp/alice/4001; \(emptyStore)"),
    more(
      "additionallayerstores with $UID", "[storage.options]\nadditionallayerstores = [\"/var/tmp/alice/$UID\"]",
      own: "mkdir /var/tmp/alice/4001"),
    more("imagestore with $USER", "imagestore = \"/var/tmp/alice/$USER\""),
    more("imagestore with $USER, in the home", "imagestore = \"/home/$USER/images\""),
    engine("volume_path with $HOME", "[engine]\nvolume_path = \"$HOME/v\""),
    engine("static_dir with $HOME", "[engine]\nstatic_dir = \"$HOME/s\""),
    engine("tmp_dir with $UID", "[engine]\ntmp_dir = \"/run/user/$UID/lp\""),
    engine("volume_path with $USER that can be made", "[engine]\nvolume_path = \"/var/tmp/alice/$USER\""),
    engine("image_copy_tmp_dir with $USER", "[engine]\nimage_copy_tmp_dir = \"/var/tmp/$USER/t\"", own: "mkdir /var/tmp/alice/t"),
    engine("image_copy_tmp_dir that is missing", "[engine]\nimage_copy_tmp_dir = \"/var/tmp/alice/t\""),
    engine("events_logfile_path with $USER", "[engine]\nevents_logfile_path = \"/home/$USER/events\""),
    engine("network_config_dir that cannot be made", "[network]\nnetwork_config_dir = \"/nonexistent/net\""),
    engine("network_config_dir that is root's", "[network]\nnetwork_config_dir = \"/var/tmp/net\"", root: "mkdir -m 700 /var/tmp/net"),
    engine("network_config_dir is relative", "[network]\nnetwork_config_dir = \"net\""),
    engine("env with TMPDIR that is missing", "[engine]\nenv = [\"TMPDIR=/nonexistent\"]"),
    engine("env with TMPDIR in the home", "[engine]\nenv = [\"TMPDIR=/home/alice\"]"),
    engine("env with STORAGE_OPTS", "[engine]\nenv = [\"STORAGE_OPTS=overlay.mount_program=/nonexistent\"]"),
    engine("env with STORAGE_DRIVER", "[engine]\nenv = [\"STORAGE_DRIVER=vfs\"]"),
    engine("env with CONTAINERS_STORAGE_CONF that is missing", "[engine]\nenv = [\"CONTAINERS_STORAGE_CONF=/nonexistent\"]"),
    engine("env with CONTAINER_HOST", "[engine]\nenv = [\"CONTAINER_HOST=unix:///nonexistent\"]"),
    engine("env with XDG_CONFIG_HOME", "[engine]\nenv = [\"XDG_CONFIG_HOME=/nonexistent\"]"),
    engine("env with HOME", "[engine]\nenv = [\"HOME=/nonexistent\"]"),
  ]

  private static let nulls: [EngineCase] = [
    EngineCase(name: "a link to /dev/null", own: "mkdir -p ~/.config/containers; ln -s /dev/null ~/.config/containers/storage.conf"),
    EngineCase(
      name: "local home, a link to /dev/null", user: "bob",
      own: "mkdir -p ~/.config/containers; ln -s /dev/null ~/.config/containers/storage.conf", advice: ["driver-missing"]),
    state("containers.conf: a link to /dev/null", "ln -s /dev/null ~/.config/containers/containers.conf"),
    state("registries.conf: a link to /dev/null", "ln -s /dev/null ~/.config/containers/registries.conf"),
    environment("CONTAINERS_CONF = /dev/null", ["CONTAINERS_CONF=/dev/null"]),
    environment("CONTAINERS_REGISTRIES_CONF = /dev/null", ["CONTAINERS_REGISTRIES_CONF=/dev/null"]),
    EngineCase(
      name: "drop-in of the site's, graphroot in the home, which a link to /dev/null of the user's masks",
      files: [(file, skeleton), ("/etc/containers/storage.conf.d/50.conf", "[storage]\ngraphroot = \"/home/alice/x\"\n")],
      own: "mkdir -p ~/.config/containers/storage.conf.d; ln -s /dev/null ~/.config/containers/storage.conf.d/50.conf"),
  ]

  private static let sessions: [EngineCase] = [
    environment("CONTAINER_HOST of nothing", ["CONTAINER_HOST=unix:///run/user/4001/podman/podman.sock"]),
    environment("CONTAINER_CONNECTION of nothing", ["CONTAINER_CONNECTION=remote"]),
    environment("_CONTAINERS_USERNS_CONFIGURED", ["_CONTAINERS_USERNS_CONFIGURED=done"]),
    environment(
      "PATH with a newuidmap of the user's own", ["PATH=/home/alice/bin:/usr/bin:/bin:/usr/sbin"],
      own: "mkdir ~/bin; cp /usr/bin/newuidmap /usr/bin/newgidmap ~/bin"),
    environment(
      "PATH without newuidmap", ["PATH=/home/alice/bin"],
      own: "mkdir ~/bin; for name in podman timeout rootless-storage crun conmon cat bash; do ln -s $(command -v $name) ~/bin/$name; done"),
    environment("TMPDIR has mode 500", ["TMPDIR=/var/tmp/alice/t"], own: "mkdir -m 500 /var/tmp/alice/t"),
    environment("TMPDIR is root's", ["TMPDIR=/var/tmp/t"], root: "mkdir -m 755 /var/tmp/t"),
    environment("XDG_RUNTIME_DIR empty", ["XDG_RUNTIME_DIR="], advice: ["runtime-directory"]),
  ]

  private static let pauses: [EngineCase] = [
    pause("is empty", ": > pause.pid"),
    pause("is no number", "printf nonsense > pause.pid"),
    pause("of a process that is gone", "printf 2999999 > pause.pid"),
    pause("of another process", "printf 1 > pause.pid"),
    pause("is a directory", "mkdir pause.pid"),
    // They name its own pause process.
    pause("that ends with a line break", "podman info > /dev/null; echo >> pause.pid"),
    pause("that begins with a line break", "podman info > /dev/null; printf '\\n%s' $(cat pause.pid) > pause.pid"),
    pause("with words around the number", "podman info > /dev/null; printf ' %s pause' $(cat pause.pid) > pause.pid"),
  ]

  private static let stores: [EngineCase] = [
    inStore("networks is a file", "touch networks", advice: ["graphroot-missing"]),
    inStore("volumes is a file", "touch volumes", advice: ["graphroot-missing"]),
    inStore("secrets is a file", "touch secrets"),
    inStore(
      "storage.lock is a socket",
      "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"storage.lock\", Listen => 1) or die'"),
    inStore(
      "images.json of more than 1 MiB is cut",
      "mkdir overlay-images; { printf '['; yes '{\"id\":\"\(String(repeating: "0", count: 64))\",\"layer\":\"x\"},' | head -n 20000 | tr -d '\\n'; } > overlay-images/images.json",
      advice: ["podman-database"]),
    inStore("defaultNetworkBackend is empty", ": > defaultNetworkBackend"),
    inStore("defaultNetworkBackend with a newline", "echo netavark > defaultNetworkBackend"),
    inStore("defaultNetworkBackend is netavark", "printf netavark > defaultNetworkBackend"),
    inStore("defaultNetworkBackend is cni", "printf cni > defaultNetworkBackend"),
    inStore("the store was made with fuse-overlayfs, which is not installed", "mkdir overlay; printf true > overlay/.has-mount-program"),
    inStore("the store was not made with fuse-overlayfs", "mkdir overlay; printf false > overlay/.has-mount-program"),
    engine(
      "volume_path that is taken away after the first command", "[engine]\nvolume_path = \"/var/tmp/alice/v\"",
      own: "podman info > /dev/null; rm ~/.config/containers/containers.conf"),
    state(
      "containers.conf: volume_path that comes after the first command",
      "podman info > /dev/null; printf '[engine]\\nvolume_path = \"/var/tmp/alice/v\"\\n' > ~/.config/containers/containers.conf"),
    ofRoot("secrets", advice: ["store-owner"]), ofRoot("artifacts", advice: ["store-owner"]), ofRoot("volumes", advice: ["store-owner"]),
    ofRoot("networks", advice: ["store-owner"]), ofRoot("libpod"),
  ]
}
