import Glibc
import Testing

@testable import RootlessStorage
@testable import rootless_storage

/// Situations of a host that people have told of: what is found, and where nothing is.
@Suite(.enabled(if: isRoot, "needs root")) struct HostKindsTests {
  private let place = TestDirectory()
  private let storage: Path = "/var/tmp/alice/containers"

  // MARK: What removes old files

  @Test(
    arguments: [
      ("etc/cron.daily/clean", "#!/bin/sh\nfind /var/tmp -atime +7 -delete\n", true),
      ("etc/cron.daily/clean", "#!/bin/sh\nfind /tmp /var/tmp -type f -mtime +30 -exec rm -f {} \\;\n", true),
      ("etc/cron.daily/clean", "find /var/tmp -mindepth 1 -ctime +10 -print0 | xargs -0 rm -rf\n", true),
      (
        "etc/cron.daily/clean", "find /var/tmp -atime +7 -not -path '/var/tmp/*/containers' -not -path '/var/tmp/*/containers/*' -delete\n",
        false
      ),
      ("etc/cron.daily/clean", "find /var/tmp -atime +7 -print\n", false),
      ("etc/cron.daily/clean", "find /var/tmp -name '*.log' -delete\n", false),
      ("etc/cron.daily/clean", "find /var/tmp -maxdepth 1 -type f -delete\n", false),
      ("etc/cron.daily/clean", "find /var/log -mtime +7 -delete\n", false),
      ("etc/crontab", "0 3 * * * root /usr/sbin/stmpclean -t 7d /var/tmp\n", true),
      ("var/spool/cron/crontabs/root", "0 3 * * * find /var/tmp -mtime +3 -delete\n", true),
      ("var/spool/cron/root", "0 3 * * * rm -rf /var/tmp/*\n", true), ("etc/rc.local", "#!/bin/sh\nrm -rf /tmp/* /var/tmp/*\n", true),
      ("etc/rc.local", "rm -f /var/tmp/*\nrm -rf /var/tmp/build-*\nrm -rf \"$TMP\"/*\n", false),
      ("etc/systemd/system/clean.service", "[Service]\nExecStart=/usr/bin/find /var/tmp -mtime +7 -delete\n", true),
      ("etc/cron.d/clean", "# find /var/tmp -delete\n", false),
    ] as [(String, String, Bool)])
  func `jobs of other kinds that remove old files`(file: String, content: String, takes: Bool) {
    place.put(file, content)
    let cleaners = Cleaner.all(place.tree)
    #expect(cleaners.contains { $0.takes(storage) } == takes, "\(cleaners)")
    if takes, let cleaner = cleaners.first {
      #expect(!cleaner.exemption(["'/var/tmp/*/containers'"]).text.isEmpty && cleaner.deed.hasPrefix("removes"))
    }
  }

  @Test func `what is told to spare a place spares it`() {
    place.put(
      "etc/cron.daily/clean", "find /var/tmp -atime +7 -not -path '/var/tmp/*/containers' -not -path '/var/tmp/*/containers/*' -delete\n")
    #expect(Cleaner.all(place.tree).contains { $0.takes("/var/tmp/alice/docker") })
  }

  // MARK: Directories of sessions' own

  private func polyinstantiation(_ parent: Path = "/var/tmp") -> Polyinstantiation? {
    Polyinstantiation(place.tree, parent, PAMStacks(place.tree, services: PAMFindings.services))
  }

  @Test(
    arguments: [
      ("Dirs=/var/tmp,/dev/shm", "job_container.conf:1"), ("BasePath=/scratch Dirs=\"/tmp,/var/tmp\" # x", "job_container.conf:1"),
      ("BasePath=/scratch", nil), ("Dirs=/tmp", nil), ("# Dirs=/var/tmp", nil),
    ] as [(String, String?)])
  func `Slurm's directories for each job`(settings: String, found: String?) {
    place.put("etc/slurm/job_container.conf", settings + "\n")
    #expect(polyinstantiation() == nil, "no plugin")
    place.put("etc/slurm/slurm.conf", "JobContainerType = job_container/tmpfs # x\nPrologFlags=Contain\n")
    #expect(polyinstantiation()?.place == found.map { "/etc/slurm/\($0)" })
    #expect((polyinstantiation("/tmp/users") == nil) == (settings.contains("Dirs=/var/tmp,")))
    #expect(polyinstantiation("/var/lib/rootless-storage") == nil)
  }

  @Test func `plugins for Slurm, and units with PrivateTmp`() {
    place.put("etc/slurm/plugstack.conf", "required private-tmpdir.so base=/scratch/slurm mount=/tmp mount=/var/tmp\n")
    #expect(polyinstantiation()?.place == "/etc/slurm/plugstack.conf:1")
    place.put("etc/slurm/plugstack.conf", "required private-tmpdir.so base=/scratch/slurm mount=/tmp\n# mount=/var/tmp\n")
    #expect(polyinstantiation() == nil)
    place.put("etc/systemd/system/ssh.service.d/harden.conf", "[Service]\nPrivateTmp = true\n")
    #expect(polyinstantiation()?.place == "/etc/systemd/system/ssh.service.d/harden.conf:2")
    #expect(polyinstantiation("/scratch") == nil)
    place.put("etc/systemd/system/ssh.service.d/harden.conf", "[Service]\n#PrivateTmp=true\nPrivateTmp=no\n")
    #expect(polyinstantiation() == nil)
    place.put("etc/systemd/system/apache2.service.d/harden.conf", "[Service]\nPrivateTmp=true\n")
    #expect(polyinstantiation() == nil, "no service of sessions")
  }

  // MARK: What engines need

  private static let program = "\u{7f}ELF"

  private func needs() -> [String] { EngineNeeds(place.tree, UserNamespaces(place.tree)).all.map(\.what) }

  /// Podman with all that it needs.
  private func podman() {
    for name in ["podman", "conmon", "crun"] { place.put("usr/bin/\(name)", HostKindsTests.program, mode: 0o755) }
    place.directory("dev/shm")
    place.setMode("dev/shm", 0o1777)
    place.put("dev/null", "")
    place.put("dev/net/tun", "", mode: 0o666)
  }

  @Test func `what Podman needs`() {
    #expect(needs() == [], "no engine")
    podman()
    #expect(needs() == [])
    for (path, what) in [
      ("usr/bin/conmon", "conmon, which watches containers, is not installed"), ("usr/bin/crun", "neither crun nor runc is installed"),
      ("dev/net/tun", "/dev/net/tun is not there"),
    ] as [([UInt8], String)] {
      _ = unsafe withCString(place(path).bytes) { unsafe unlink($0) }
      #expect(needs() == [what])
      podman()
    }
    place.setMode("dev/shm", 0o755)
    place.setMode("dev/net/tun", 0o600)
    #expect(needs() == ["users may not write to /dev/shm", "users may not open /dev/net/tun"])
  }

  @Test func `other places for what Podman needs are the site's business`() {
    podman()
    _ = unsafe withCString(place("usr/bin/conmon").bytes) { unsafe unlink($0) }
    _ = unsafe withCString(place("usr/bin/crun").bytes) { unsafe unlink($0) }
    place.put("etc/containers/containers.conf", "[engine]\n# conmon_path = [\"/opt/conmon\"]\n")
    #expect(needs().count == 2)
    place.put("etc/containers/containers.conf.d/x.conf", "[engine]\n  conmon_path = [\"/opt/conmon\"]\nruntime = \"/opt/crun\"\n")
    #expect(needs() == [])
    // Where they lie on RHEL and Ubuntu.
    place.put("etc/containers/containers.conf.d/x.conf", "")
    place.put("usr/libexec/podman/conmon", "")
    place.put("usr/lib/cri-o-runc/sbin/runc", "")
    #expect(needs() == [])
    // A script starts what nobody knows.
    _ = unsafe withCString(place("usr/libexec/podman/conmon").bytes) { unsafe unlink($0) }
    place.put("usr/bin/podman", "#!/bin/sh\n", mode: 0o755)
    #expect(needs() == [])
  }

  @Test func `what rootless Docker needs, where it is installed`() {
    place.put("usr/bin/dockerd", HostKindsTests.program, mode: 0o755)
    #expect(needs() == [], "root's Docker alone")
    place.put("usr/bin/rootlesskit", HostKindsTests.program, mode: 0o755)
    place.put("usr/bin/dockerd-rootless.sh", "#!/bin/sh\n", mode: 0o755)
    #expect(needs() == ["none of slirp4netns, pasta and vpnkit is installed"])
    place.put("usr/bin/pasta", "", mode: 0o755)
    #expect(needs() == [])
  }

  @Test func `masked units that sessions need`() {
    podman()
    place.directory("etc/systemd/system")
    place.link("etc/systemd/system/user@.service", to: "/dev/null")
    #expect(needs() == ["user@.service is masked"])
    #expect(needFindings(EngineNeeds(place.tree, UserNamespaces(place.tree))).map(\.severity) == [.warning])
  }

  @Test func `kinds of namespaces that are switched off`() {
    place.put("proc/sys/user/max_net_namespaces", "0\n")
    place.put("proc/sys/user/max_mnt_namespaces", "1000\n")
    let findings = userNamespaceFindings(UserNamespaces(place.tree)).filter { $0.code == .usernsDisabled }
    #expect(
      findings.map(\.sentence) == [
        "Namespaces of the kind net are switched off (user.max_net_namespaces is 0), so rootless containers do not start."
      ])
  }

  // MARK: Sessions without PAM

  @Test(
    arguments: [
      ("etc/pbs.conf", "PBS_START_MOM=1\n", true), ("etc/pbs.conf", "PBS_START_MOM=0\n", false),
      ("etc/teleport.yaml", "ssh_service:\n  enabled: yes\n", true),
      ("etc/teleport.yaml", "ssh_service:\n  pam:\n    enabled: yes\n", false),
      ("etc/rstudio/rserver.conf", "auth-pam-sessions-enabled=0\n", true),
      ("etc/rstudio/rserver.conf", "# auth-pam-sessions-enabled=0\n", false),
      ("etc/jupyterhub/jupyterhub_config.py", "c.PAMAuthenticator.open_sessions = False\n", true),
    ] as [(String, String, Bool)])
  func `others that begin sessions without PAM`(file: String, content: String, isFound: Bool) {
    place.put(file, content)
    #expect(SessionFacts(place.tree).others.map(\.file) == (isFound ? ["/" + file] : []))
  }
}
