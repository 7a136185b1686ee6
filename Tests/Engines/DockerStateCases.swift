/// What a crash, a full disk or other programs have left in data-root and in the runtime directory, and what dockerd's environment has.
extension DockerCases {
  private static let good = [(file, "{ \"data-root\": \"\(store)\" }\n")]

  private static func inStore(_ name: String, _ command: String) -> EngineCase {
    EngineCase(name: name, files: good, own: "mkdir -p \(store); cd \(store); \(command)")
  }

  private static func zeros(_ database: String) -> EngineCase {
    inStore("\(database) is full of NULs", "mkdir -p $(dirname \(database)); head -c 65536 /dev/zero > \(database)")
  }

  private static func ofRoot(_ name: String) -> EngineCase {
    EngineCase(
      name: "\(name) of data-root is root's", files: good,
      root: "install -d -m 710 -o alice -g alice \(store); install -d -m 700 \(store)/\(name)")
  }

  private static func inRuntimeDirectory(_ name: String, _ command: String) -> EngineCase {
    EngineCase(name: name, files: good, own: "cd $XDG_RUNTIME_DIR; \(command)")
  }

  private static func ofRootInRuntimeDirectory(_ name: String) -> EngineCase {
    EngineCase(name: "\(name) in the runtime directory is root's", files: good, root: "mkdir -m 700 /run/user/4001/\(name)")
  }

  private static func environment(_ name: String, _ words: [String], advice: Set<String> = []) -> EngineCase {
    EngineCase(name: name, files: good, environment: words, advice: advice)
  }

  static let states: [EngineCase] = [
    zeros("network/files/local-kv.db"),
    inStore("network/files/local-kv.db is empty", "mkdir -p network/files; : > network/files/local-kv.db"),
    inStore("network/files/local-kv.db is a directory", "mkdir -p network/files/local-kv.db"),
    zeros("volumes/metadata.db"), zeros("buildkit/cache.db"), zeros("buildkit/metadata_v2.db"), zeros("buildkit/containerdmeta.db"),
    zeros("buildkit/snapshots.db"), zeros("buildkit/history.db"),
    zeros("containerd/daemon/io.containerd.metadata.v1.bolt/meta.db"),
    inStore("repositories.json is empty", "mkdir -p image/overlay2; : > image/overlay2/repositories.json"),
    inStore("repositories.json is cut", "mkdir -p image/overlay2; printf '{\"Repositories\":{' > image/overlay2/repositories.json"),
    inStore("repositories.json is good", "mkdir -p image/overlay2; printf '{\"Repositories\":{}}' > image/overlay2/repositories.json"),
    inStore("engine-id is a directory", "mkdir engine-id"),
    inStore("engine-id is empty", ": > engine-id"),
    inStore("containers is a file", "touch containers"), inStore("network is a file", "touch network"),
    inStore("plugins is a file", "touch plugins"), inStore("volumes is a file, for Docker", "touch volumes"),
    inStore("image is a file", "touch image"), inStore("buildkit is a file", "touch buildkit"),
    inStore("overlay2 is a file", "touch overlay2"), inStore("runtimes is a file", "touch runtimes"),
    inStore("tmp is a file", "touch tmp"),
    inStore("images of the driver fuse-overlayfs, which is not installed", "mkdir -p fuse-overlayfs/x"),
    inStore("images of the drivers fuse-overlayfs and overlay2", "mkdir -p fuse-overlayfs/x overlay2/x"),
    ofRoot("tmp"), ofRoot("runtimes"), ofRoot("trust"), ofRoot("containers"), ofRoot("plugins"),
    ofRootInRuntimeDirectory("docker"), ofRootInRuntimeDirectory("dockerd-rootless"),
    inRuntimeDirectory("docker.pid of another process", "printf 1 > docker.pid"),
    inRuntimeDirectory("docker.pid of a process that is gone", "printf 2999999 > docker.pid"),
    inRuntimeDirectory("docker.pid is empty", ": > docker.pid"),
    inRuntimeDirectory("docker.pid is no number", "printf nonsense > docker.pid"),
    inRuntimeDirectory("docker.pid ends with a line break", "echo 1 > docker.pid"),
    inRuntimeDirectory("docker.pid is a directory", "mkdir docker.pid"),
    inRuntimeDirectory("docker.pid is a dangling link", "ln -s none/none docker.pid"),
    inRuntimeDirectory("docker.sock is a directory", "mkdir docker.sock"),
    inRuntimeDirectory("docker.sock is a directory with something in it", "mkdir -p docker.sock/x"),
    inRuntimeDirectory("docker.sock is a file", ": > docker.sock"),
    inRuntimeDirectory("docker is a file in the runtime directory", ": > docker"),
    inRuntimeDirectory("dockerd-rootless is a file in the runtime directory", ": > dockerd-rootless"),
    EngineCase(
      name: "data-root on overlay", files: [(file, "{ \"data-root\": \"/opt/alice/images\" }\n")],
      root: "rm -rf /opt/alice; install -d -o alice -g alice /opt/alice", advice: ["docker-driver"]),
    EngineCase(
      name: "data-root on overlay, and storage-driver overlay2",
      files: [(file, "{ \"data-root\": \"/opt/alice/images\", \"storage-driver\": \"overlay2\" }\n")],
      root: "rm -rf /opt/alice; install -d -o alice -g alice /opt/alice"),
    with("exec-root is data-root", "\"exec-root\": \"\(store)\""),
    json("data-root in exec-root", "{ \"data-root\": \"/var/tmp/alice/x/docker\", \"exec-root\": \"/var/tmp/alice/x\" }"),
    EngineCase(name: "a link to /dev/null", own: "mkdir -p ~/.config/docker; ln -s /dev/null ~/.config/docker/daemon.json"),
    environment("DOCKER_DRIVER = foo", ["DOCKER_DRIVER=foo"]),
    environment("DOCKER_DRIVER = vfs", ["DOCKER_DRIVER=vfs"], advice: ["docker-driver"]),
    environment("DOCKER_TMPDIR that is missing", ["DOCKER_TMPDIR=/nonexistent"]),
    environment("DOCKER_TMPDIR local", ["DOCKER_TMPDIR=/var/tmp/alice/t"]),
  ]
}
