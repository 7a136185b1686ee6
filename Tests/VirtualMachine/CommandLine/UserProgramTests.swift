import Foundation
import TestSupport
import Testing

/// `repair` has Podman migrate, and Podman runs what alice's containers.conf names: with nothing of root's, whose `repair` it is.
@Suite(.serialized, .enabled(if: Lab.isPossible, Comment(rawValue: Lab.need)))
struct UserProgramTests {
  /// A conmon of alice's, which writes down what it has, and leaves a process behind.
  private static let conmon = """
    #!/bin/bash
    {
      echo "key $(keyctl print $(cat /run/roots-key) 2>&1)"
      echo "keyring $(keyctl show @s 2>&1 | grep -c admins-secret)"
      echo "group $(cut -d: -f3- /proc/self/cgroup)"
      echo "files $(ulimit -n)"
      echo "nice $(nice)"
      echo "mounts $(ls /tmp | grep -c roots-own)"
      echo "input $(readlink /proc/self/fd/0)"
      echo "terminal $(ps -o tty= -p $$)"
    } > /var/tmp/alice/seen
    setsid sleep 3001 < /dev/null > /dev/null 2>&1 &
    test ! -e /var/tmp/alice/hang || { trap : TERM; while :; do sleep 3002; done; }
    exec /usr/bin/conmon "$@"
    """

  /// A root with a key, a control group, limits, a priority, mounts and a terminal, all of its own, repairs alice.
  private static let repair = """
    mkdir -p /sys/fs/cgroup/roots
    cat > /run/repair <<'END'
    echo $$ > /sys/fs/cgroup/roots/cgroup.procs
    keyctl add user admins-secret roots-secret @s > /run/roots-key
    ulimit -n 777; mount -t tmpfs none /tmp; touch /tmp/roots-own
    exec nice -n 5 rootless-storage repair --json alice > /run/report 2>&1
    END
    script -qec 'unshare --mount keyctl session - bash /run/repair' /dev/null > /dev/null
    cat /run/report
    """

  /// What other commands of alice's left is not the repair's.
  private static let paused = """
    pkill -KILL -u alice sleep
    as alice 'unshare -Ur -m sleep 3000 > /dev/null 2>&1 & mkdir -p /run/user/2001/libpod/tmp; printf %s $! > /run/user/2001/libpod/tmp/pause.pid'
    rm -f /var/tmp/alice/seen
    """

  /// What is left of a run, and in root's control group. Units that have ended take a moment to go.
  private static let left = """
    pgrep -a sleep | grep ' 300[12]'
    for process in $(cat /sys/fs/cgroup/roots/cgroup.procs); do echo "root's group: $process $(cat /proc/$process/comm)"; done
    for try in $(seq 20); do units=$(systemctl list-units --plain --no-legend 'run-u[0-9]*.service'); test "$units" || break; sleep 0.5; done
    echo "$units"
    """

  @Test func `what podman runs for root's repair has nothing of root's, and ends with it`() throws {
    let lab = try Lab()
    try lab.install()
    let helper = try Helper(lab)
    try lab.root("loginctl enable-linger alice")
    let script = Data(UserProgramTests.conmon.utf8).base64EncodedString()
    let conf = "[engine]\\nconmon_path = [\"/home/nfs4/alice/bin/conmon\"]\\n"
    let login = try lab.login(
      "alice",
      "mkdir bin; echo \(script) | base64 -d > bin/conmon; chmod 755 bin/conmon; printf '\(conf)' > .config/containers/containers.conf; podman info --format {{.Host.Conmon.Path}}"
    )
    #expect(login.text.hasSuffix("/home/nfs4/alice/bin/conmon\n"), "\(login)")

    // systemd-run as before 248, when it did not reach the managers of users.
    let older =
      "printf '#!/bin/sh\\n[ \"$*\" != --version ] || { echo systemd 239; exit; }\\nexec /usr/bin/systemd-run \"$@\"\\n' > /usr/local/bin/systemd-run; chmod 755 /usr/local/bin/systemd-run"
    for (script, group) in [
      ("true", "/user.slice/user-2001.slice/user@2001.service/app.slice/run-"), (older, "/user.slice/user-2001.slice/run-"),
    ] as [(String, String)] {
      try helper.sh(script)
      try helper.sh(UserProgramTests.paused)
      let report = try Report(helper.lab.root(". /run/lab; \(UserProgramTests.repair)"))
      #expect(report.users.first?.actions?.map(\.outcome) == ["done"], "\(report)")
      #expect(try helper.codes() == [])
      let seen = try lab.root("cat /var/tmp/alice/seen").lines
      #expect(
        seen.map { $0.prefix { $0 != " " } } == ["key", "keyring", "group", "files", "nice", "mounts", "input", "terminal"], "\(seen)")
      for line in ["key keyctl_read_alloc: Permission denied", "keyring 0", "nice 0", "mounts 0", "terminal ?"] {
        #expect(seen.contains(line), "\(line): \(seen)")
      }
      #expect(seen.contains { $0.hasPrefix("group \(group)") }, "\(seen)")
      #expect(!seen.contains("files 777"), "\(seen)")
      #expect(seen.contains { $0 == "input /dev/null" || $0.hasPrefix("input pipe:") }, "\(seen)")
      #expect(try lab.root(UserProgramTests.left).text == "\n")

      try helper.sh("\(UserProgramTests.paused); as alice 'touch /var/tmp/alice/hang'")
      let late = try Report(helper.lab.root(". /run/lab; \(UserProgramTests.repair)"))
      #expect(
        late.users.first?.actions?.map(\.outcome) == ["failed"]
          && late.users.first?.actions?.first?.cause?.hasPrefix("it was not done within 60 seconds, and was ended; ") == true, "\(late)")
      #expect(try lab.root(UserProgramTests.left).text == "\n")
      try helper.sh("rm /var/tmp/alice/hang")
    }

    // Logged out: there is nothing of theirs that it could run in.
    try helper.sh(
      """
      rm -f /var/tmp/alice/seen; loginctl disable-linger alice; pkill -KILL -u alice
      systemctl stop user@2001.service user-runtime-dir@2001.service
      setsid setpriv --reuid 2001 --regid 2001 --clear-groups unshare -Ur sleep 3000 > /dev/null 2>&1 &
      install -d -m 700 /tmp/podman-run-2001/libpod/tmp; echo $! > /tmp/podman-run-2001/libpod/tmp/pause.pid; chown -R alice:alice /tmp/podman-run-2001
      """)
    let away = try helper.report("repair alice")
    #expect(away.users.flatMap(\.findings).map(\.code) == ["migrate-needed"] && away.users.first?.actions?.isEmpty == true, "\(away)")
    #expect(
      away.users.first?.findings.first?.remedy.hasPrefix("as alice, in a session of theirs: podman system migrate    # ") == true, "\(away)"
    )
    #expect(try lab.root("test ! -e /var/tmp/alice/seen && test ! -e /run/user/2001").text == "")
  }
}
