import Foundation
import TestSupport
import Testing

/// Limits of storage directories, on a kernel and a file system that have them: those of the containers that other suites run in have none.
@Suite(.serialized, .enabled(if: Lab.isPossible && Machine.host != nil, Comment(rawValue: Lab.need)))
struct QuotaTests {
  /// Of alice, bob and carol, whose uids are 2001, 2002 and 2003.
  private static let (alice, bob, carol) = ("1073743825", "1073743826", "1073743827")

  /// `volume NAME FEATURES OPTIONS`: an ext4 of 64 MiB at /srv/NAME, where anybody can make directories, and the settings for it.
  private static let functions = #"""
    conf=/etc/rootless-storage/conf.d
    volume() {
      modprobe loop; modprobe quota_v2
      truncate -s 64M /srv/$1.img
      mkfs.ext4 -q ${2:+-O $2} /srv/$1.img
      mkdir -p /srv/$1 $conf
      mount -o loop${3:+,$3} /srv/$1.img /srv/$1
      chmod 1777 /srv/$1
      printf 'storage_directory = /srv/%s/$USER\nguarded_directories = none\nstorage_quota = 8M\nstorage_quota_inodes = 200\n' $1 > $conf/quota.conf
    }
    # The project and the flags of what is named, and its path.
    project() { lsattr -pd "$@" | sed 's/  */ /g; s/^ //; s/ [-a-zA-OQ-Z]*\(P\?\)[-a-zA-OQ-Z]* / \1 /'; }
    codes() { rootless-storage check --json "$1" | python3 -c 'import json, sys; r = json.load(sys.stdin); print(*sorted(f["code"] for f in r["host"]["findings"] + r["users"][0]["findings"] if f["code"].startswith("quota")))'; }
    # MiB that belong to a subordinate uid of whoever runs it.
    sub() { unshare --map-root-user --map-auto sh -c "mkdir $1/of-sub && head -c ${2}M /dev/zero > $1/of-sub/file && chown -R 1:1 $1/of-sub"; }
    session() { echo 'session required pam_rootless_storage.so' > /etc/pam.d/tested; pam-host "$@" /etc/pam.d tested carol > /dev/null || echo failed; }
    # What two sessions of carol's log about her limit.
    warnings() {
      rm -f /run/rootless-storage/[0-9]*
      local cursor=$(journalctl -n 1 -o cat --show-cursor | sed -n 's/^-- cursor: //p')
      session; session; journalctl --sync
      journalctl --after-cursor "$cursor" -o cat | grep -a '(tested:session): carol: .* has no limit: ' || true
    }
    """#

  private struct Host {
    let lab: Lab

    init() throws {
      lab = try Lab()
      try lab.install()
      try lab.put(Machine.host ?? "/nonexistent")
      try lab.root("cat > /run/quota <<'END'\n\(QuotaTests.functions)\nEND\nchmod 644 /run/quota")
    }

    @discardableResult func root(_ script: String) throws -> [String] { try lab.root(". /run/quota; \(script)").lines }
    func login(_ user: String, _ script: String) throws -> Output { try lab.login(user, ". /run/quota; \(script)") }
    func codes(_ user: String = "alice") throws -> String { try root("codes \(user)").joined(separator: " ") }
  }

  @Test func `a login limits a new directory, subordinate ids count, and what happens at the limit is told`() throws {
    let host = try Host()
    try host.root("volume q quota,project prjquota")
    let first = try host.login("alice", "project /srv/q/alice /srv/q/alice/containers /srv/q/alice/docker")
    #expect(
      first.lines == ["/srv/q/alice", "/srv/q/alice/containers", "/srv/q/alice/docker"].map { "\(QuotaTests.alice) P \($0)" }, "\(first)")
    #expect(try host.lab.log().filter { $0.contains("limit") } == [], "nothing to warn of")
    #expect(try host.codes() == "")

    // Other than with a quota of the user's.
    #expect(try host.login("alice", "sub /srv/q/alice/containers 5").status == 0)
    let use = try host.root(
      "rootless-storage list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"directories\"][0][\"limit\"])'"
    ).joined()
    let (limit, used) = try (number("bytes", in: use), number("bytesUsed", in: use))
    #expect(limit == 8 << 20 && (5 << 20...6 << 20).contains(used), "\(use)")
    #expect(try number("inodes", in: use) == 200 && number("inodesUsed", in: use) < 20, "\(use)")
    for command in ["list", "status alice"] {
      #expect(try host.root("rootless-storage \(command)").contains { $0.contains("5.0 MiB of 8.0 MiB, ") }, "\(command)")
    }

    let big = try host.login("alice", "head -c 6M /dev/zero > /srv/q/alice/big")
    #expect(big.text.contains("Disk quota exceeded"), "\(big)")
    #expect(try host.codes() == "quota-reached")
    let words = try host.root("rootless-storage check alice || true").joined(separator: " ").replacing(#/ +/#, with: " ")
    #expect(
      words.contains("reached its limit: 8.0 MiB of 8.0 MiB") && words.contains("disk quota exceeded") && words.contains("is no boundary"),
      "\(words)")
    #expect(try host.login("alice", "rootless-storage check").text.contains("quota-reached"), "the user sees it too")

    // No boundary: the owner of a file takes it out, and then the directory.
    #expect(try host.login("alice", "chattr -p 0 /srv/q/alice/big && head -c 20M /dev/zero > /srv/q/alice/big").status == 0)
    #expect(try host.codes() == "")
    #expect(
      try host.login("alice", "chattr -p 0 /srv/q/alice && mkdir -p /srv/q/alice/mine && chattr -p 7 /srv/q/alice/docker").status == 0)
    #expect(try host.codes() == "quota-left quota-missing")
    let repaired = try host.root("rootless-storage repair alice || true; project /srv/q/alice /srv/q/alice/docker")
    #expect(
      repaired.suffix(2) == ["\(QuotaTests.alice) P /srv/q/alice", "7 P /srv/q/alice/docker"],
      "a project of others is not touched: \(repaired)")
    #expect(try host.codes() == "quota-left")
  }

  @Test func `repair limits what is there, and follows the settings; the projects of others are never touched`() throws {
    let host = try Host()
    try host.root(
      "volume q quota,project prjquota; install -d -m 700 -o bob -g bob /srv/q/bob /srv/q/bob/containers /srv/q/bob/containers/storage")
    #expect(try host.login("bob", "true").status == 0)
    #expect(try host.codes("bob") == "quota-left quota-missing")
    #expect(try host.login("bob", "rootless-storage repair").text.contains("quota-missing"), "only root can")
    let done = try host.root("rootless-storage repair bob || true; project /srv/q/bob /srv/q/bob/containers /srv/q/bob/containers/storage")
    #expect(
      done.suffix(3) == [
        "\(QuotaTests.bob) P /srv/q/bob", "\(QuotaTests.bob) P /srv/q/bob/containers", "0  /srv/q/bob/containers/storage",
      ], "\(done)")
    #expect(try host.codes("bob") == "quota-left", "what is older is not counted")
    #expect(try host.root("rootless-storage repair --dry-run bob || true").contains { $0.contains("limit the storage") } == false)

    try host.root("sed -i 's/8M/12M/' $conf/quota.conf")
    #expect(try host.codes("bob") == "quota-left quota-missing")
    try host.root("rootless-storage repair bob || true")
    #expect(try host.codes("bob") == "quota-left")
    #expect(try host.root("rootless-storage list").contains { $0.contains("of 12 MiB") })

    // A name, another's limit, a project above, a base beyond all numbers: one warning, at the first of two logins, and no failure.
    let refusals = [
      (
        "echo site:\(QuotaTests.carol) > /etc/projid", "rm /etc/projid",
        "/etc/projid or /etc/projects has given the project \(QuotaTests.carol) to somebody"
      ),
      ("install -d /srv/q/other; chattr -p \(QuotaTests.carol) /srv/q/other", "rm -r /srv/q/other", "has a limit or files already"),
      ("chattr -p 9 /srv/q", "chattr -p 0 /srv/q", "the directory above it has the project 9"),
      ("echo storage_quota_project_base = 4294967295 > $conf/z.conf", "rm $conf/z.conf", "which is no project"),
    ]
    for (before, after, words) in refusals {
      try host.root("rm -rf /srv/q/carol; \(before)")
      let lines = try host.root("warnings; project /srv/q/carol")
      #expect(lines.count == 2 && lines[0].contains(words), "\(words): \(lines)")
      #expect(lines.last == "0  /srv/q/carol", "\(lines)")
      try host.root(after)
    }
    // Before Linux 5.14, by the device.
    let old = try host.root(
      "rm -rf /srv/q/carol; session --deny 443; project /srv/q/carol; strace -qq -f -o /dev/null -e inject=quotactl_fd:error=ENOSYS rootless-storage list"
    )
    #expect(old.first == "\(QuotaTests.carol) P /srv/q/carol" && old.contains { $0.contains("of 12 MiB") }, "\(old)")
  }

  @Test func `where a file system cannot, a login goes on, and one finding names what to do`() throws {
    let host = try Host()
    for (features, options, remount, why) in [
      ("", "", "", "not turned on"), ("quota,project", "", "mount -o remount,prjquota /srv/q; ", "no limit is enforced"),
    ] {
      try host.root("volume q '\(features)' '\(options)'; \(remount)true")
      let login = try host.login(
        "alice", "test -d /srv/q/alice/containers && grep -l /srv/q .config/containers/storage.conf || cat .config/containers/storage.conf")
      #expect(login.status == 0, "\(login)")
      #expect(try host.codes() == "quota-unsupported")
      let words = try host.root("rootless-storage check alice || true").joined(separator: " ").replacing(#/ +/#, with: " ")
      #expect(words.contains(why) && words.contains("tune2fs -O project -Q prjquota") && words.contains("is no boundary"), "\(words)")
      #expect(
        try host.lab.log().filter {
          $0.contains("/srv/q/alice has no limit: its file system") || $0.contains("/srv/q/alice has no limit: project quotas")
        }.count == (features.isEmpty ? 1 : 2))
      try host.root("umount /srv/q; rm /srv/q.img")
    }
  }

  private func number(_ key: String, in text: String) throws -> Int {
    try #require(text.matches(of: #/'([a-zA-Z]+)': (\d+)/#).first { $0.output.1 == key }.flatMap { Int($0.output.2) }, "\(key): \(text)")
  }
}
