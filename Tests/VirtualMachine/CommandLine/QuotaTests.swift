import Foundation
import TestSupport
import Testing

/// Limits of storage directories, on a kernel and a file system that have them: those of the containers that other suites run in have none.
@Suite(.serialized, .enabled(if: Lab.isPossible && Machine.host != nil, Comment(rawValue: Lab.need)))
struct QuotaTests {
  /// Of alice, bob and carol, whose uids are 2001, 2002 and 2003.
  private static let (alice, bob, carol) = ("1073743825", "1073743826", "1073743827")

  /// `volume NAME FEATURES OPTIONS`: an ext4 of 64 MiB at /srv/NAME, where anybody can make directories, and the settings for it.
  /// `xfs NAME OPTIONS`: the same with an XFS, which is 300 MiB at least.
  private static let functions = #"""
    conf=/etc/rootless-storage/conf.d
    volume() {
      modprobe quota_v2
      truncate -s 64M /srv/$1.img
      mkfs.ext4 -q ${2:+-O $2} /srv/$1.img
      use "$1" "$3"
    }
    xfs() {
      truncate -s 300M /srv/$1.img
      mkfs.xfs -q /srv/$1.img
      use "$1" "$2"
    }
    use() {
      modprobe loop
      mkdir -p /srv/$1 $conf
      mount -o loop${2:+,$2} /srv/$1.img /srv/$1
      chmod 1777 /srv/$1
      printf 'storage_directory = /srv/%s/$USER\nguarded_directories = none\nstorage_quota = 8M\nstorage_quota_inodes = 200\n' $1 > $conf/quota.conf
    }
    # The project and the flags of what is named, and its path.
    project() { lsattr -pd "$@" | sed 's/  */ /g; s/^ //; s/ [-a-zA-OQ-Z]*\(P\?\)[-a-zA-OQ-Z]* / \1 /'; }
    codes() { rootless-storage check --json "$1" | python3 -c 'import json, sys; r = json.load(sys.stdin); print(*sorted(f["code"] for f in r["host"]["findings"] + r["users"][0]["findings"] if f["code"].startswith("quota")))'; }
    # The limit of somebody's storage directory, in bytes and files, as list has it.
    limit() { rootless-storage list --json | python3 -c 'import json, sys; l = next(d["limit"] for d in json.load(sys.stdin)["directories"] if d["path"] == "/srv/q/" + sys.argv[1]); print(l and "%s %s" % (l["bytes"], l["inodes"]))' "$1"; }
    # MiB that belong to a subordinate uid of whoever runs it.
    sub() { unshare --map-root-user --map-auto sh -c "mkdir $1/of-sub && head -c ${2}M /dev/zero > $1/of-sub/file && chown -R 1:1 $1/of-sub"; }
    # Content of bob's storage directory that is older than its limit, with what is not to be set.
    older() {
      local s=$(sed -n 's/^bob:\([0-9]*\):.*/\1/p' /etc/subuid) t=/srv/q/bob/containers/storage
      mkdir -p /srv/q/outside $t/dir $t/of-sub/other $t/mount
      head -c 1M /dev/zero > $t/own
      head -c 2M /dev/zero > $t/of-sub/file
      touch $t/dir/deep $t/of-sub/mine $t/seven $t/closed $t/of-alice $t/of-root /srv/q/outside/target /srv/q/outside/linked
      ln /srv/q/outside/linked $t/linked
      chattr -p 7 $t/seven
      ln $t/seven /srv/q/outside/seven
      chown -R bob:bob $t /srv/q/outside
      ln -s /srv/q/outside/target $t/link
      mkfifo $t/fifo
      chown -h bob:bob $t/link $t/fifo
      chown $((s + 41)):$((s + 41)) $t/of-sub $t/of-sub/file
      chown $((s + 99)) $t/of-sub/other
      chown alice $t/of-alice
      chown root $t/of-root
      chmod 700 $t/of-sub $t/of-sub/other
      chmod 600 $t/of-sub/file
      chmod 0 $t/closed
      mount -t tmpfs none $t/mount
    }
    # The outcome of repair --recursive, how many were set, how many had been, and how many are left for which cause.
    included() { rootless-storage repair --recursive --json "$@" | python3 -c 'import json, sys; a = json.load(sys.stdin)["users"][0]["actions"][-1]; c = a["counts"]; print(a["outcome"], c["set"], c["already"], *("%s:%d" % (l["cause"], l["count"]) for l in c["left"]))'; }
    # Files and bytes that are counted for bob, and that should be.
    counted() {
      sync
      rootless-storage list --json | python3 -c 'import json, sys; l = next(d["limit"] for d in json.load(sys.stdin)["directories"] if "/srv/q/bob" in str(d)); print(l["inodesUsed"], l["bytesUsed"])'
      find /srv/q/bob -xdev '(' -type f -o -type d ')' ! -user alice ! -user root ! -name seven ! -name closed ! -name mount -printf '%b\n' | awk '{ n++; b += $1 } END { print n, b * 512 }'
    }
    # Takes carol's project its limit: quotactl_fd(2) with Q_SETQUOTA and PRJQUOTA; setquota(8) is not here.
    unlimit() { python3 -c 'import ctypes, os, struct; os._exit(ctypes.CDLL(None).syscall(443, os.open("/srv/q", os.O_RDONLY), 0x80000802, 1073743827, struct.pack("8QI4x", *[0] * 8, 5)) != 0)'; }
    # For each of these faults in a login that makes carol's storage directory, what check finds of it; and once more after the settings have
    # got another limit and repair has run.
    halfway() {
      local fault size=8
      for fault in "$@"; do
        rm -rf /srv/q/carol; unlimit
        { strace -qq -o /run/trace -e trace=ioctl,quotactl_fd -e "inject=$fault" /usr/libexec/rootless-storage/session-helper --uid 2003 --gid 2003 \
          --home "$(getent passwd carol | cut -d: -f6)" carol > /dev/null || true; } 2> /dev/null
        # No fault, no proof.
        grep -qE 'INJECTED|KILL' /run/trace || echo "$fault: not met"
        echo "$fault: $(codes carol)"
        size=$((size + 1)); sed -i "s/^storage_quota = .*/storage_quota = ${size}M/" $conf/quota.conf
        rootless-storage repair carol > /run/out || true
        [ "$(codes carol)" = "" ] || { echo "$fault: repair left $(codes carol)"; cat /run/out; }
      done
      sed -i "s/^storage_quota = .*/storage_quota = 12M/" $conf/quota.conf
      rm -rf /srv/q/carol; unlimit
    }
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
    try limits(host, "Disk quota exceeded")
    // XFS answers otherwise at the limit of a project than at a user's.
    try host.root("umount /srv/q; rm /srv/q.img; xfs q prjquota")
    try limits(host, "No space left on device")
  }

  private func limits(_ host: Host, _ error: String) throws {
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
    #expect(big.text.contains(error), "\(big)")
    #expect(try host.codes() == "quota-reached")
    let words = try host.root("rootless-storage check alice || true").joined(separator: " ").replacing(#/ +/#, with: " ")
    #expect(
      words.contains("reached its limit: 8.0 MiB of 8.0 MiB") && words.contains("\"\(error.prefix(1).lowercased())\(error.dropFirst())\"")
        && words.contains("is no boundary"),
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
    try limitsOfGroup(host)
  }

  /// carol is in a group with limits of its own. (XFS tells a number of files where none is limited, which is nobody's limit.)
  private func limitsOfGroup(_ host: Host) throws {
    func give(_ size: String, _ files: Int) throws {
      try host.root("printf 'storage_quota_groups = 4999=1M 5300=\(size)\\nstorage_quota_inodes_groups = 5300=\(files)\\n' > $conf/z.conf")
    }
    func limit() throws -> String { try host.root("limit carol").joined() }
    try host.root("echo limited:x:5300:carol >> /etc/group")
    try give("4M", 100)
    #expect(try host.login("carol", "project /srv/q/carol").lines == ["\(QuotaTests.carol) P /srv/q/carol"])
    #expect(try limit() == "4194304 100")
    for command in ["list", "status carol"] {
      #expect(try host.root("rootless-storage \(command)").contains { $0.contains(" of 4.0 MiB, ") }, "\(command)")
    }
    #expect(try host.codes("carol") == "" && host.codes("alice") == "quota-left", "the others have the general one")
    #expect(try host.login("carol", "head -c 5M /dev/zero > /srv/q/carol/big").status != 0)
    let words = try host.root("rootless-storage check carol || true").joined(separator: " ").replacing(#/ +/#, with: " ")
    #expect(words.contains("reached its limit: 4.0 MiB of 4.0 MiB") && words.contains("raise storage_quota_groups, "), "\(words)")

    try host.root("rm /srv/q/carol/big")
    try give("6M", 100)
    #expect(try host.codes("carol") == "quota-missing")
    try host.root("rootless-storage repair carol")
    #expect(try limit() == "6291456 100" && host.codes("carol") == "")
    try give("0", 0)
    #expect(try host.codes("carol") == "quota-missing", "none for the group, and one is there")
    try host.root("rootless-storage repair carol")
    #expect(try limit() == "None" && host.codes("carol") == "")

    // One who is no longer in the group, and whose directory has been removed: the limit that is left is of these settings.
    try give("4M", 100)
    #expect(try host.root("rm -r /srv/q/carol; rootless-storage login carol; limit carol").last == "4194304 100")
    try host.root("rm -r /srv/q/carol; sed -i 's/^limited:.*/limited:x:5300:/' /etc/group; rootless-storage login carol")
    #expect(try limit() == "8388608 200" && host.codes("carol") == "")
    try host.root("rm -r /srv/q/carol $conf/z.conf; sed -i /^limited:/d /etc/group")
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

    try includeOlder(host)

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
    try halfWayIsCompleted(host)

    // Before Linux 5.14, by the device.
    let old = try host.root(
      "rm -rf /srv/q/carol; session --deny 443; project /srv/q/carol; strace -qq -f -o /dev/null -e inject=quotactl_fd:error=ENOSYS rootless-storage list"
    )
    #expect(old.first == "\(QuotaTests.carol) P /srv/q/carol" && old.contains { $0.contains("of 12 MiB") }, "\(old)")
  }

  /// Whatever ends it between the first look and the limit, and whatever the limit is by then. The calls: Q_XGETQSTATV, Q_GETQUOTA twice
  /// and Q_SETQUOTA; FS_IOC_FSGETXATTR of the directory and of the one above it, and both of these of the directory.
  private func halfWayIsCompleted(_ host: Host) throws {
    let faults = (1...4).flatMap { call in
      ["ioctl", "quotactl_fd"].flatMap { ["\($0):error=EIO:when=\(call)", "\($0):signal=KILL:when=\(call)"] }
    }
    let seen = try host.root("halfway \(faults.joined(separator: " "))")
    #expect(seen == faults.map { "\($0): quota-missing" })
  }

  /// The storage directory of bob and that of Podman in it are in his project by now; what Podman would have had in it before is not.
  private func includeOlder(_ host: Host) throws {
    try host.root("older")
    let left = "special:2 stranger:2"
    let rest = "project:1 mount:1 unreadable:1"
    #expect(try host.root("included --dry-run bob") == ["planned 9 1 \(left) \(rest)"])
    #expect(try host.root("project /srv/q/bob/containers/storage/own") == ["0  /srv/q/bob/containers/storage/own"], "nothing was changed")

    // Without root's rights the user's own alone.
    let byUser = try host.login("bob", "included")
    #expect(byUser.lines == ["done 5 1 special:2 stranger:2 subordinate:1 \(rest)"], "\(byUser)")
    #expect(try host.root("included bob") == ["done 4 6 \(left) \(rest)"])
    #expect(try host.codes("bob") == "")
    let again = try host.root(
      "rootless-storage repair bob > /run/out; plain=$?; rootless-storage repair --recursive bob; test $? = $plain && echo no worse"
    ).joined(separator: " ").replacing(#/ +/#, with: " ")
    #expect(
      again.contains("done give what is older") && again.contains("0 set, 10 had it already") && again.contains("2 symbolic links")
        && again.hasSuffix("no worse"),
      "\(again)")

    let place = "/srv/q/bob/containers/storage"
    let inProject = ["own", "dir/deep", "linked", "of-sub/file", "of-sub/mine"].map { "\(place)/\($0)" }
    #expect(try host.root("project \(inProject.joined(separator: " "))") == inProject.map { "\(QuotaTests.bob)  \($0)" })
    let directories = ["", "/dir", "/of-sub", "/of-sub/other"].map { place + $0 }
    #expect(try host.root("project \(directories.joined(separator: " "))") == directories.map { "\(QuotaTests.bob) P \($0)" })
    let untouched = ["\(place)/of-alice", "\(place)/of-root", "\(place)/closed", "/srv/q/outside", "/srv/q/outside/target"]
    #expect(try host.root("project \(untouched.joined(separator: " "))") == untouched.map { "0  \($0)" })
    #expect(try host.root("project \(place)/seven") == ["7  \(place)/seven"])
    let counted = try host.root("counted")
    #expect(counted.count == 2 && counted[0] == counted[1] && counted[0].hasPrefix("11 "), "\(counted)")
    try host.root("umount \(place)/mount")

    // No limit, no project.
    let without = try host.root(
      "printf 'storage_quota = 0\\nstorage_quota_inodes = 0\\n' > $conf/z.conf; rootless-storage repair --recursive bob 2>&1 || echo status $?; rm $conf/z.conf"
    ).joined(separator: " ")
    #expect(without.contains("set storage_quota, or repair without --recursive") && without.hasSuffix("status 2"), "\(without)")
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
      let older = try host.root("rootless-storage repair --recursive alice || echo status $?").joined(separator: " ").replacing(
        #/ +/#, with: " ")
      #expect(
        older.contains("failed give what is older") && older.contains("mount it anew with prjquota") && older.hasSuffix("status 1"),
        "\(older)")
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
