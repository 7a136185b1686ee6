import Foundation
import TestSupport
import Testing

/// check as people run it: for whom, how it ends, and that nobody's home keeps it from the others.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct CheckTests {
  /// Everything installed, and every service's stack reaching the module: a host without findings.
  private func goodHost() throws -> Machine {
    let machine = try Machine.good()
    let module = try Machine.modulePath()
    try machine.sure(
      """
      directory=$(dirname $(find /usr/lib /lib /lib64 -name pam_permit.so 2>/dev/null | head -n 1))
      mount -t tmpfs -o mode=755 none /mnt; cp -a $directory/. /mnt/; install -m 644 '\(module)' /mnt/pam_rootless_storage.so; mount --move /mnt $directory
      mount -t tmpfs -o mode=755 none /usr/local/bin
      for name in newuidmap newgidmap; do install -m 4755 /bin/true /usr/local/bin/$name; done
      rm -f /etc/pam.d/tested
      for service in sshd login su cron systemd-user; do printf 'session required pam_permit.so\\nsession optional pam_rootless_storage.so\\n' > /etc/pam.d/$service; done
      """)
    return machine
  }

  @Test func `where all is good it says so and names verify, and the exit status is 0`() throws {
    let machine = try goodHost()
    let output = try machine.rootlessStorage("check alice")
    #expect(
      output.status == 0
        && output.lines == [
          "alice: no problems found; home on ramfs, storage in /var/tmp/alice.", "Next, to ask the engines: rootless-storage verify alice",
        ], "\(output)")
    let host = try machine.rootlessStorage("check")
    #expect(host.status == 0 && host.lines.count == 1, "\(host)")
    #expect(try machine.rootlessStorage("repair alice").status == 0)
    // What a container made is nobody's, and an orphan is noted.
    try machine.sure("install -d -o 100007 /var/tmp/by-a-container; install -d -o 55555 /var/tmp/orphan")
    // What others can do on hosts without the package concerns no single user.
    let shared = try machine.rootlessStorage("check --all")
    #expect(
      shared.status == 0 && shared.text.contains("storage-parent-shared") && shared.text.contains("/var/lib/rootless-storage/$USER"),
      "\(shared)")
    try machine.sure("chmod 755 /var/tmp")
    let orphan = try machine.check("--all").host.findings
    #expect(
      orphan.map(\.code) == ["storage-orphaned"] && orphan[0].sentence.hasPrefix("1 uid that owns something")
        && orphan[0].severity == "note", "\(orphan)")
    try machine.sure("rmdir /var/tmp/orphan")
    let all = try machine.rootlessStorage("check --all")
    #expect(
      all.status == 0
        && all.lines == [
          "alice: no problems found; home on ramfs, storage in /var/tmp/alice.", "Next, to ask the engines: rootless-storage verify alice",
        ], "\(all)")
  }

  @Test func `a limit that the file system does not have is one finding of the host`() throws {
    let machine = try goodHost()
    #expect(try machine.check("alice").host.findings.map(\.code) == [])
    try machine.sure("echo storage_quota = 1G >> /etc/rootless-storage/rootless-storage.conf")
    let report = try machine.check("alice")
    #expect(
      report.host.findings.map(\.code) == ["quota-unsupported"] && report.host.findings[0].sentence.contains("is no boundary"), "\(report)")
    #expect(report.users[0].findings.map(\.code) == [])
  }

  @Test func `a finding ends it with 1, a user who cannot be looked at with 2, whatever else there is`() throws {
    let machine = try goodHost()
    try machine.sure("rm /home/alice/.config/docker/daemon.json")
    #expect(try machine.rootlessStorage("check alice").status == 1)
    #expect(try machine.rootlessStorage("check nobody-here").status == 2)
    let both = try machine.rootlessStorage("check alice nobody-here")
    #expect(
      both.status == 2 && both.text.contains("daemon-json-missing") && both.text.contains("there is no account of that name"), "\(both)")
    #expect(try machine.rootlessStorage("repair --dry-run alice").status == 1)
    #expect(try machine.rootlessStorage("check --frob").status == 2)
    #expect(try machine.rootlessStorage("check --all alice").status == 2)
    #expect(try machine.rootlessStorage("check --timeout 0 alice").status == 2)
    #expect(try machine.rootlessStorage("repair").status == 2, "root names whom")
  }

  @Test func `a module of the name service that is no good for threads is called by one at a time`() throws {
    let machine = try Machine.good()
    // As libnss-extrausers has it: no initgroups_dyn, so that glibc walks through all groups without a lock of its own.
    try machine.sure("mkdir /etc/nss")
    try machine.library(
      """
      #include <grp.h>
      #include <nss.h>
      #include <stdlib.h>
      #include <unistd.h>
      static int inside;
      enum nss_status _nss_single_setgrent(int stay) { (void)stay; return NSS_STATUS_SUCCESS; }
      enum nss_status _nss_single_endgrent(void) { return NSS_STATUS_SUCCESS; }
      enum nss_status _nss_single_getgrent_r(struct group *out, char *buffer, size_t size, int *cause) {
        (void)out, (void)buffer, (void)size, (void)cause;
        if (__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) != 0) abort();
        usleep(50000);
        __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
        return NSS_STATUS_NOTFOUND;
      }
      """, to: "/etc/nss/libnss_single.so.2")
    try machine.sure(
      """
      printf 'passwd: files\\ngroup: files single\\n' > /etc/nsswitch.conf
      for n in $(seq 4010 4025); do echo "u$n:x:$n:$n::/home/u$n:/bin/sh" >> /etc/passwd; install -d -m 700 -o $n -g $n /home/u$n /var/tmp/u$n; done
      """)
    let output = try machine.rootlessStorage("check --json --all", environment: "LD_LIBRARY_PATH=/etc/nss")
    #expect(output.status == 1)
    #expect(try Report(output).users.count == 17)
    #expect(try Report(output).users.allSatisfy { $0.failure == nil })
  }

  @Test func `what a host lacks is found`() throws {
    let machine = try goodHost()
    try machine.sure(
      """
      sed -i /rootless/d /etc/pam.d/cron
      rm /usr/local/bin/newuidmap
      touch /etc/nothing; chmod 755 /etc/nothing; [ ! -e /usr/bin/newuidmap ] || mount --bind /etc/nothing /usr/bin/newuidmap
      echo 'colour = red' >> /etc/rootless-storage/rootless-storage.conf
      """)
    #expect(try machine.check("").host.findings.map(\.code).sorted() == ["newuidmap", "pam-not-reached", "settings-problem"])
    try machine.sure("rm -r /usr/libexec/rootless-storage; ln -s /etc /etc/rootless-storage/skel/link")
    #expect(
      try machine.check("").host.findings.map(\.code).sorted() == [
        "helper-missing", "newuidmap", "pam-not-reached", "settings-problem", "skeleton-warning",
      ])
  }

  @Test func `root's Docker with ids of its own is judged by the files that it reads`() throws {
    let machine = try goodHost()
    try machine.sure(
      "mkdir -p /etc/docker; echo '{ \"userns-remap\": \"alice\" }' > /etc/docker/daemon.json; sed -i s/^mallory:200000/mallory:150000/ /etc/subgid"
    )
    let report = try machine.check("")
    #expect(
      report.host.findings.map(\.code) == ["docker-remap"]
        && report.host.findings[0].sentence.contains(
          "the gids 100000-165535 of alice (userns-remap, /etc/subgid:1), which include subordinate ids of mallory (150000-215535)"),
      "\(report)")
    try machine.sure("sed -i s/^mallory:150000/mallory:200000/ /etc/subgid; sed -i /^alice/d /etc/subuid")
    #expect(
      try machine.check("").host.findings.map(\.sentence) == [
        "/etc/docker/daemon.json has userns-remap \"alice\", and /etc/subuid has no uids of alice: root's Docker does not start."
      ])
    try machine.sure("echo alice:100000:65536 >> /etc/subuid")
    #expect(try machine.check("").host.findings.isEmpty)
  }

  @Test(arguments: [("size=1500m", "warning"), ("size=20m", "error"), ("nr_inodes=1000", "warning")])
  func `the space of all is told once, for the host`(option: String, severity: String) throws {
    let machine = try goodHost()
    try machine.login("mallory")
    try machine.sure("chmod 755 /var/tmp; mount -o remount,\(option) /var/tmp")
    let report = try machine.check("--all")
    #expect(report.users.count == 2 && report.users.allSatisfy { $0.findings.isEmpty }, "\(report)")
    #expect(report.host.findings.map(\.code) == ["storage-space"] && report.host.findings[0].severity == severity, "\(report)")
  }

  @Test func `a home on a file system that nobody knows is noted, and no gate fails for it`() throws {
    let machine = try goodHost()
    try machine.sure("mkdir -p /var/tmp/homes")
    try machine.sure(
      "echo 'dave:x:4003:4003::/var/tmp/homes:/bin/sh' >> /etc/passwd; echo 'dave:300000:65536' | tee -a /etc/subuid >> /etc/subgid; mount -t mqueue none /var/tmp/homes; chown 4003 /var/tmp/homes; chmod 700 /var/tmp/homes"
    )
    let report = try machine.rootlessStorage("check --json dave")
    #expect(try Report(report).users.first?.findings.map(\.code) == ["home-unfamiliar"], "\(report)")
    #expect(report.status == 0)
  }

  @Test func `settings that are not root's are refused`() throws {
    let machine = try Machine.good()
    try machine.sure("chmod 666 /etc/rootless-storage/rootless-storage.conf")
    let output = try machine.rootlessStorage("check alice")
    #expect(output.status == 2 && output.text.contains("settings-refused") && output.text.contains("is writable by others"), "\(output)")
    let json = try machine.rootlessStorage("check --json alice 2> /dev/null")
    #expect(json.status == 2)
    #expect(try Report(json).host.findings.contains { $0.code == "settings-refused" })
    #expect(try machine.rootlessStorage("repair alice").status == 2)
  }

  @Test func `the settings that a login goes by are those of the PAM line, and --conf names others`() throws {
    let machine = try Machine.good()
    try machine.sure(
      """
      echo 'network_filesystems = ramfs' > /etc/other.conf; echo 'storage_directory = /var/tmp/other-$UID' >> /etc/other.conf
      echo 'session optional pam_rootless_storage.so conf=/etc/other.conf' > /etc/pam.d/sshd
      """)
    #expect(try machine.check("alice").codes.sorted() == ["data-root-stale", "graphroot-stale", "storage-missing"])
    #expect(try machine.check("--conf /etc/rootless-storage/rootless-storage.conf alice").codes == [])
    try machine.sure("install -d -m 700 -o 4001 -g 4001 /var/tmp/other-4001")
    #expect(try machine.rootlessStorage("list").text.contains("other-4001"))
    for command in ["check", "list", "prune --orphaned --dry-run", "repair alice"] {
      let output = try machine.rootlessStorage("\(command) --conf /etc/nowhere.conf")
      #expect(output.status == 2 && output.text.contains("/etc/nowhere.conf"), "\(command): \(output)")
    }
  }

  @Test func `a path that does not begin at the root is one of the working directory`() throws {
    let machine = try Machine.good()
    try machine.sure("printf 'network_filesystems = ramfs\\nstorage_directory = /var/tmp/other-$UID\\n' > /etc/other.conf")
    let report = try Report(try machine.sh("cd /etc && '\(Machine.commandLine)' check --json --conf other.conf alice"))
    #expect(report.codes.contains("storage-missing"), "\(report)")
  }

  @Test func `options of the mount that break nothing are told of once, of this host`() throws {
    let machine = try Machine.good()
    try machine.sure("mount -o remount,nodev,nosuid /var/tmp")
    let report = try machine.check("alice mallory")
    #expect(report.host.findings.map(\.code).filter { $0.hasPrefix("storage-no") } == ["storage-nosuid", "storage-nodev"], "\(report)")
    #expect(!report.users.flatMap(\.findings).contains { $0.code.hasPrefix("storage-no") })
  }

  @Test func `a number is a user, where nobody bears it as a name`() throws {
    let machine = try Machine.good()
    #expect(try machine.check("4001").users.map(\.name) == ["alice"])
    #expect(try machine.rootlessStorage("check 4999").text.contains("there is no account of that name"))
    let mistyped = try machine.rootlessStorage("chekc alice")
    #expect(mistyped.status == 2 && mistyped.text.contains("perhaps check is meant"), "\(mistyped)")
    let root = try machine.check("root")
    #expect(root.codes == ["account-refused"] && root.users[0].findings[0].severity == "note", "\(root)")
  }

  @Test func `a finding names whose a thing is, and a remedy names where a link leads and who can edit it`() throws {
    let machine = try Machine.good()
    try machine.sure("rm -r /var/tmp/alice; install -d -o 4002 -g 4002 /var/tmp/alice")
    #expect(
      try machine.check("alice").users[0].findings.contains { $0.sentence.contains("owned by mallory (uid 4002), not by alice (uid 4001)") }
    )
    try machine.sure("rm -r /var/tmp/alice; install -d -m 700 -o 4001 -g 4001 /var/tmp/alice")
    let conf = SituationTests.conf
    try machine.sure(
      "mkdir /home/alice/dotfiles; printf '[storage]\\ngraphroot = \"/home/alice/s\"\\ndriver = \"overlay\"\\n' > /home/alice/dotfiles/c; chown -R 4001 /home/alice/dotfiles; rm \(conf); ln -s ../../dotfiles/c \(conf); chown -h 4001 \(conf)"
    )
    let linked = try machine.check("alice").users[0].findings[0].remedy
    #expect(linked.contains("is a link to (/home/alice/dotfiles/c)") && linked.hasSuffix("# as alice"), "\(linked)")
    try machine.sure("chown 0 /home/alice/dotfiles/c")
    #expect(try machine.check("alice").users[0].findings[0].remedy.hasSuffix("# as root"))
  }

  @Test func `where a user has put a store elsewhere, that is where storage is`() throws {
    let machine = try goodHost()
    try machine.sure(
      """
      mount -t ext4 -o loop $(truncate -s 3G /var/lib/rootless-storage/i; mkfs.ext4 -q /var/lib/rootless-storage/i; echo /var/lib/rootless-storage/i) /mnt
      install -d -m 700 -o 4001 -g 4001 /mnt/rita; rm \(SituationTests.conf); install -d -o 4001 /home/alice/.local /home/alice/.local/share
      ln -s /mnt/rita /home/alice/.local/share/containers; chown -h 4001 /home/alice/.local/share/containers
      """)
    let output = try machine.rootlessStorage("check alice")
    #expect(output.lines.first == "alice: no problems found; home on ramfs, storage in /var/tmp/alice, /mnt/rita/storage.", "\(output)")
    #expect(try machine.rootlessStorage("status alice").text.contains("/mnt/rita/storage"))
  }

  @Test func `a local home is left alone`() throws {
    let machine = try Machine.good(settings: "network_filesystems = ramfs")
    try machine.sure(
      """
      mkdir /var/tmp/homes; echo 'dave:x:4003:4003::/var/tmp/homes/dave:/bin/sh' >> /etc/passwd; echo 'dave:x:4003:' >> /etc/group
      install -d -o 4003 -g 4003 -m 700 /var/tmp/homes/dave; echo 'dave:300000:65536' | tee -a /etc/subuid >> /etc/subgid
      """)
    let before = try machine.snapshot("/var/tmp")
    #expect(try machine.check("dave").codes == [])
    #expect(try machine.repair("dave").users.first?.actions?.isEmpty == true)
    #expect(try machine.snapshot("/var/tmp") == before)
    // What is wrong in its files is said all the same, and left to the user.
    try machine.sure(
      "mkdir -p /var/tmp/homes/dave/.config/containers; echo '[storage' > /var/tmp/homes/dave/.config/containers/storage.conf; chown -R 4003:4003 /var/tmp/homes/dave"
    )
    let report = try machine.check("dave")
    #expect(report.codes == ["storage-conf-invalid"] && report.users[0].findings[0].isRepairable == false, "\(report)")
  }

  @Test func `the caller's environment counts for oneself, and never for root or under sudo`() throws {
    let machine = try Machine.good()
    try machine.sure("mkdir -p /run/user; mount -t tmpfs -o mode=755 none /run/user; install -d -m 700 -o 4001 -g 4001 /run/user/4001")
    let variables = "XDG_CONFIG_HOME=/tmp/x CONTAINERS_STORAGE_CONF=/tmp/y STORAGE_DRIVER=vfs XDG_RUNTIME_DIR=/run/user/4001"
    #expect(
      try machine.check("", asUid: 4001, environment: variables).codes.sorted() == [
        "environment-config", "environment-config", "environment-store",
      ])
    #expect(try machine.check("alice", asUid: 4001, environment: variables).codes.count == 3)
    #expect(try machine.check("alice", asUid: 4001, environment: "\(variables) SUDO_UID=4002").codes == [])
    #expect(try machine.check("alice", environment: variables).codes == [])
    let runtime = "XDG_RUNTIME_DIR=/run/user/4001"
    for (variable, code) in [
      ("HOME=/root", "environment-config"), ("CONTAINERS_CONF=/nonexistent/x", "environment-config"),
      ("TMPDIR=/nonexistent", "environment-store"), ("TMPDIR=/root", "environment-store"),
    ] {
      #expect(try machine.check("", asUid: 4001, environment: "\(runtime) \(variable)").codes == [code], "\(variable)")
      #expect(try machine.check("alice", environment: "\(runtime) \(variable)").codes == [], "\(variable), which is root's")
    }
    for good in ["HOME=/home/alice", "CONTAINERS_CONF=/etc/hostname.conf", "TMPDIR=/var/tmp", "TMPDIR=/tmp"] {
      try machine.sure("touch /etc/hostname.conf; chmod 644 /etc/hostname.conf")
      #expect(try machine.check("", asUid: 4001, environment: "\(runtime) \(good)").codes == [], "\(good)")
    }
    #expect(try machine.check("", asUid: 4001).codes == ["runtime-directory"])
    #expect(try machine.check("", asUid: 4001, environment: "XDG_RUNTIME_DIR=/run/user").codes == ["runtime-directory"])
  }

  @Test func `a home that hangs costs its user's deadline and stops nobody else`() throws {
    let machine = try Machine.good(ownProcesses: true, settings: "network_filesystems = ramfs fuse fuse.bindfs")
    try machine.sure(CheckTests.stuckHome)
    #expect(try machine.check("stuck").codes.contains("storage-conf-missing"))
    try machine.sure("kill -STOP $(pgrep -fx 'bindfs .* /home/stuck')")
    let started = Date()
    let report = try machine.check("--all --timeout 2")
    #expect(Date().timeIntervalSince(started) < 30)
    #expect(report.users.map(\.name) == ["alice", "stuck"])
    #expect(report.users.first?.findings.isEmpty == true && report.users.last?.failure?.contains("within 2 seconds") == true, "\(report)")
    let named = try machine.rootlessStorage("check --timeout 2 stuck alice")
    #expect(named.status == 2 && named.text.contains("could not look: no answer within 2 seconds"), "\(named)")
    // What looks is killed: the process that starts another for each user, once that hangs.
    let killed = try machine.sh(
      """
      '\(Machine.commandLine)' check --timeout 20 stuck > /etc/out 2>&1 & check=$!
      for round in $(seq 500); do
        service=$(pgrep -P $check -fx 'rootless-storage examine') && pgrep -P $service -u 4005 > /dev/null && break; sleep 0.02
      done
      kill -KILL $service; wait $check; echo "status $?"; cat /etc/out
      """)
    #expect(
      killed.text.contains("status 2")
        && killed.lines.filter { $0.contains("could not look: the process that looked ended without an answer; try again") }.count == 1,
      "\(killed)")
    // What was looking is an orphan now, and ends when the home answers, or at its deadline.
    try machine.sure(
      "kill -CONT $(pgrep -fx 'bindfs .* /home/stuck'); for round in $(seq 100); do umount /home/stuck 2> /dev/null && break; sleep 0.05; done; ! mountpoint -q /home/stuck"
    )
    let left = try machine.sh(
      """
      for round in $(seq 100); do pgrep -fx 'rootless-storage examine' > /dev/null || break; sleep 0.05; done
      pgrep -fx 'rootless-storage examine'
      """)
    #expect(left.text == "", "nothing is left behind")
  }

  @Test(arguments: ["check", "repair", "verify"], ["INT", "KILL"])
  func `what looks ends with whoever has asked`(command: String, signal: String) throws {
    let machine = try Machine.good(ownProcesses: true, settings: "network_filesystems = ramfs fuse fuse.bindfs")
    try machine.sure(CheckTests.stuckHome + "\nkill -STOP $(pgrep -fx 'bindfs .* /home/stuck')")
    // A shell has its background ignore what a terminal sends for Ctrl-C, and the threads of the tests' program block it.
    let ended = try machine.sh(
      """
      env --default-signal=INT '\(Machine.commandLine)' \(command) --timeout 300 stuck > /etc/out 2>&1 & asker=$!
      for round in $(seq 500); do
        service=$(pgrep -P $asker -fx 'rootless-storage examine') && pgrep -P $service -u 4005 > /etc/looking && break; sleep 0.02
      done
      kill -\(signal) $asker; { wait $asker; } 2> /dev/null; echo "status $?"
      for round in $(seq 100); do pgrep -fx 'rootless-storage examine' > /etc/left || break; sleep 0.05; done
      echo "looked $(wc -l < /etc/looking), left $(wc -l < /etc/left)"
      """)
    #expect(ended.lines == ["status \(signal == "INT" ? 130 : 137)", "looked 1, left 0"], "\(ended)")
    // As after any other repair that was ended.
    try machine.sure("kill -CONT $(pgrep -fx 'bindfs .* /home/stuck')")
    #expect(try machine.repair("stuck").codes == [])
    #expect(try machine.check("stuck").codes == [])
    try machine.sure("for round in $(seq 100); do umount /home/stuck 2> /dev/null && break; sleep 0.05; done; ! mountpoint -q /home/stuck")
  }

  /// The home of stuck, with uid 4005, is on FUSE, and answers.
  private static let stuckHome = """
    mknod -m 666 /dev/fuse c 10 229; touch /etc/mtab; echo user_allow_other > /etc/fuse.conf
    mkdir /var/tmp/real; install -d -m 700 -o 4005 -g 4005 /var/tmp/real/stuck; install -d -m 700 -o 4005 -g 4005 /var/tmp/stuck; mkdir /home/stuck
    echo 'stuck:x:4005:4005::/home/stuck:/bin/sh' >> /etc/passwd; echo 'stuck:x:4005:' >> /etc/group; echo 'stuck:400000:65536' | tee -a /etc/subuid >> /etc/subgid
    bindfs -o allow_other,attr_timeout=0,entry_timeout=0 /var/tmp/real/stuck /home/stuck > /dev/null 2>&1
    """

  @Test func `quiet is one line or none, and metrics are numbers without names`() throws {
    let machine = try Machine.good()
    try machine.user("mallory", uid: 4002)
    let good = try machine.rootlessStorage("check --quiet alice")
    let host = try machine.check("").codes
    #expect(good.status == (host.isEmpty ? 0 : 1) && good.lines.count == (host.isEmpty ? 0 : 1), "\(good)")
    try machine.sure(
      "rm -r /home/alice/.config; mkdir -p /home/alice/.config/docker; echo '{' > /home/alice/.config/docker/daemon.json; chown -R 4001:4001 /home/alice/.config"
    )
    let report = try machine.check("alice nobody-here")
    let line = try machine.rootlessStorage("check --quiet alice nobody-here")
    #expect(line.status == 2 && line.lines.count == 1 && line.text.contains("1 of 2 users could not be looked at: "), "\(line)")
    #expect(
      line.text.contains("daemon-json-invalid 1") && line.text.contains("storage-conf-missing 1") && !line.text.contains("alice"), "\(line)"
    )
    let metrics = try machine.rootlessStorage("check --metrics alice nobody-here")
    #expect(metrics.status == 2 && !metrics.text.contains("alice"), "\(metrics)")
    // NAME{LABELS} VALUE, each behind a line of HELP and one of TYPE for its name.
    var (values, typed): ([String: Double], Set<Substring>) = ([:], [])
    for line in metrics.lines {
      let words = line.split(separator: " ")
      if line.hasPrefix("# TYPE ") {
        typed.insert(words[2])
      } else if !line.hasPrefix("#") {
        #expect(words.count == 2 && typed.contains(words[0].prefix { $0 != "{" }), "\(line)")
        values[String(words[0])] = Double(words[1])
      }
    }
    for finding in report.users[0].findings + report.host.findings {
      let name = "rootless_storage_findings{code=\"\(finding.code)\",severity=\"\(finding.severity)\"}"
      let count = (report.users[0].findings + report.host.findings).filter { $0.code == finding.code && $0.severity == finding.severity }
        .count
      #expect(values[name] == Double(count), "\(name): \(metrics)")
    }
    #expect(values["rootless_storage_users"] == 2 && values["rootless_storage_users_unknown"] == 1, "\(metrics)")
    #expect(
      values["rootless_storage_disk_free_bytes"] ?? 0 > 0
        && values["rootless_storage_disk_free_bytes"] ?? 0 <= values["rootless_storage_disk_size_bytes"] ?? 0)
    #expect(abs((values["rootless_storage_check_timestamp_seconds"] ?? 0) - Date().timeIntervalSince1970) < 60)
    #expect(try machine.rootlessStorage("check --quiet --json alice").status == 2)
  }

  @Test func `text stays within 80 columns, and has no colour but on a terminal`() throws {
    let machine = try Machine.good()
    try machine.sure("rm -r /home/alice/.config; rm -r /var/tmp/alice; sed -i /alice/d /etc/subuid")
    let output = try machine.rootlessStorage("check alice")
    #expect(!output.text.contains("\u{1b}"))
    #expect(output.lines.allSatisfy { $0.count <= 80 }, "\(output)")
    try machine.terminals()
    let terminal = try machine.sh("env -u NO_COLOR TERM=xterm script -qec \"'\(Machine.commandLine)' check alice\" /dev/null")
    #expect(terminal.text.contains("\u{1b}[31merror"), "\(terminal)")
    #expect(
      !(try machine.sh("NO_COLOR=1 TERM=xterm script -qec \"'\(Machine.commandLine)' check alice\" /dev/null")).text.contains("\u{1b}[3"))
  }

  @Test func `files that a user has made do not reach a terminal as they are`() throws {
    let machine = try Machine.good()
    try machine.sure(
      "printf '[storage]\\ndriver = \"overlay\"\\ngraphroot = \"/home/alice/\\\\u001b[2J\\\\u0007 x\"\\nrunroot = \"/x\\\\u001b]0;owned\"\\n' > /home/alice/.config/containers/storage.conf"
    )
    for arguments in ["check alice", "repair --dry-run alice", "check --json alice"] {
      let output = try machine.rootlessStorage(arguments)
      #expect(
        (output.text.contains("033") || arguments.hasPrefix("repair")) && !output.text.contains("\u{1b}") && !output.text.contains("\u{7}"),
        "\(output)")
    }
  }

  @Test func `a process that looks is started with nothing of the caller's`() throws {
    let machine = try Machine.good()
    let trace = try machine.sure(
      "SECRET=1 LD_PRELOAD= strace -f -s 200 -v -e trace=execve,setsid,dup2,close_range -qq -o /etc/trace '\(Machine.commandLine)' check alice > /dev/null || true; cat /etc/trace"
    )
    let started = trace.lines.filter { $0.contains("execve(") && $0.contains("\"examine\"") }
    #expect(started.count == 1 && started[0].contains("], [])") || started.first?.contains("], 0x") == false, "\(started)")
    #expect(trace.text.contains("setsid()"))
  }
}
