import Foundation
import TestSupport
import Testing

/// Every way in which daemon.json may be, tried with the real rootless dockerd of four releases, and held against what
/// `check` says of it.
@Suite(.enabled(if: EngineRoot.isPossible, Comment(rawValue: EngineRoot.need)), .serialized)
struct DockerTableTests {
  /// experimental has that of sid.
  private static var releases: [String] { EngineTable.releases.filter { $0 != "experimental" } }
  private static let cases = EngineTable.chosen(DockerCases.all)

  @Test func `check and Docker are of one mind about every configuration`() async throws {
    try await EngineTable.run("Docker", Self.cases, Self.releases, version: Self.version, row: Self.row)
  }

  private static func version(_ root: EngineRoot) throws -> String {
    let words = try root.sure("dockerd --version").text.split(separator: " ")
    return words.count > 2 ? String(words[2].prefix { $0 != "+" && $0 != "," }) : "?"
  }

  private static let podman = [(PodmanCases.file, PodmanCases.skeleton)]

  /// As dockerd-rootless.sh starts it, but with the host's network, and without firewall rules.
  private static let start = """
    cat > /tmp/start <<'END'
    rm -f /run/docker /run/containerd /run/xtables.lock
    exec dockerd --bridge=none --iptables=false --ip-forward=false $DOCKERD_OPTIONS
    END
    rootlesskit --state-dir=$XDG_RUNTIME_DIR/dockerd-rootless --net=host --copy-up=/etc --copy-up=/run --propagation=rslave /bin/sh /tmp/start > /tmp/log 2>&1 &
    export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock
    answer=
    # It answers in a second, or never: with some files it only computes.
    deadline=$((SECONDS + 30))
    while [ $SECONDS -lt $deadline ]; do
      answer=$(timeout 10 docker info --format '{{.DockerRootDir}}|{{.Driver}}' 2>/dev/null) && [ -n "${answer#|}" ] && break
      answer=
      kill -0 $! 2>/dev/null || break
      sleep 0.1
    done
    [ -n "$answer" ] || { grep -v '^\\[rootlesskit' /tmp/log | tail -n 1; exit 1; }
    timeout 60 docker import /run/tests/layer.tar tried 2>&1 || { echo "$answer"; exit 2; }
    echo "$answer"
    """

  private static func row(_ some: EngineCase, _ root: EngineRoot) throws -> EngineRow {
    try root.prepare(some, podman)
    let verdicts = try root.check(some)
    var row = EngineRow(name: some.name)
    let said = try root.sh(start, as: some.user, some.environment)
    let parts = said.lines.last?.split(separator: "|", omittingEmptySubsequences: false).map(String.init) ?? []
    if said.status != 1, parts.count == 2 {
      try row.recordStart(parts[0], driver: parts[1], hasImported: said.status == 0, root)
    } else {
      row.answer = "does not start"
    }
    row.words = said.text
    row.judge(verdicts, advice: some.advice, store: \.dataRoot, usual: EngineRoot.home(some.user) + "/.local/share/docker")
    return row
  }
}
