import CLinux
import Foundation
import Testing

@testable import RootlessStorage
@testable import rootless_storage

private let ours = "session optional pam_rootless_storage.so"
private let conf = "etc/rootless-storage/rootless-storage.conf"

/// A whole host in a tree.
@Suite(.enabled(if: isRoot, "needs root")) struct HostDiagnosisTests {
  private let place = TestDirectory()

  /// Debian 12, with everything installed.
  init() {
    place.pam(Stock.debian(ours))
    for module in ["permit", "deny", "unix", "systemd", "loginuid", "limits", "keyinit", "motd", "mail", "selinux", "env"] {
      place.put("usr/lib64/security/pam_\(module).so", "")
    }
    place.directory("var/tmp")
    place.setMode("var/tmp", 0o1777)
    place.put("usr/lib64/security/pam_rootless_storage.so", "")
    place.put("usr/libexec/rootless-storage/session-helper", "", mode: 0o755)
    place.put(conf, "# nothing\n")
    place.put("etc/rootless-storage/skel/f", "")
    place.put("proc/sys/kernel/osrelease", "6.1.0\n")
    place.put("usr/bin/newuidmap", "", mode: 0o4755)
    place.put("usr/bin/newgidmap", "", mode: 0o4755)
    place.put("usr/bin/systemd-tmpfiles", "")
  }

  private func facts() -> HostFacts { HostFacts.look(root: place.path) }
  private func findings() -> [Finding] { hostFindings(facts()) }
  /// Without the tree's own path.
  private func sentences() -> [String] {
    findings().map { "\($0.code.rawValue): \($0.sentence) | \($0.remedy.text)".replacingOccurrences(of: shown(place.path), with: "") }
  }

  @Test func `a host with everything in place has no findings, and nothing is hidden from root`() {
    #expect(sentences() == [])
    #expect(hostUnseen(facts()) == [])
    #expect(facts().settings == Settings())
  }

  @Test func `a missing module`() {
    _ = unsafe withCString(place("usr/lib64/security/pam_rootless_storage.so").bytes) { unsafe unlink($0) }
    #expect(
      sentences() == [
        "module-missing: The PAM module /usr/lib64/security/pam_rootless_storage.so is not there, so no login prepares anything. | install the package again, or packaging/install from its source"
      ])
    place.put("etc/pam.d/common-session", "session optional /opt/pam_rootless_storage.so\n")
    place.put("etc/pam.d/common-session-noninteractive", "session optional /opt/pam_rootless_storage.so\n")
    #expect(sentences().map { $0.prefix(59) } == ["module-missing: The PAM module /opt/pam_rootless_storage.so"])
    place.put("opt/pam_rootless_storage.so", "")
    #expect(sentences() == [])
    _ = unsafe withCString(place("usr/lib64/security/pam_permit.so").bytes) { unsafe unlink($0) }
    #expect(findings().map(\.code) == [.moduleMissing])
  }

  @Test func `a helper that is missing, not executable, or not root's alone`() {
    let helper = "usr/libexec/rootless-storage/session-helper" as [UInt8]
    place.setMode(helper, 0o644)
    #expect(
      sentences() == [
        "helper-missing: The session helper /usr/libexec/rootless-storage/session-helper is not executable (mode 0644), so no login prepares anything. | sudo chmod 755 /usr/libexec/rootless-storage/session-helper"
      ])
    place.setMode(helper, 0o775)
    #expect(
      sentences() == [
        "helper-missing: The session helper /usr/libexec/rootless-storage/session-helper, which runs as root at every login, is not root's alone: /usr/libexec/rootless-storage/session-helper is writable by others (mode 0775). | sudo chmod go-w /usr/libexec/rootless-storage/session-helper    # when what is in it is as it should be: others could write to it"
      ])
    place.setMode(helper, 0o755)
    place.setOwner("usr/libexec", 12_345)
    #expect(
      sentences().first?.contains(
        "/usr/libexec is owned by uid 12345. | sudo chown root:root /usr/libexec    # when what is in it is as it should be: its owner could write to it"
      ) == true)
    place.setOwner("usr/libexec", 0)
    _ = unsafe withCString(place(helper).bytes) { unsafe unlink($0) }
    #expect(
      sentences().first?.hasPrefix("helper-missing: The session helper /usr/libexec/rootless-storage/session-helper is not there") == true)
    // The lines may name another one.
    place.put("opt/helper", "", mode: 0o755)
    place.put("etc/pam.d/common-session", ours + " helper=/opt/helper\n")
    place.put("etc/pam.d/common-session-noninteractive", ours + " helper=/opt/helper\n")
    #expect(sentences() == [])
  }

  @Test func `problems of the settings are told in the words of the login's log`() {
    place.put(conf, "\ncolour = red\nuid_max = 5\n")
    #expect(
      sentences() == [
        "settings-problem: /etc/rootless-storage/rootless-storage.conf:2: there is no setting \"colour\", ignoring. | edit /etc/rootless-storage/rootless-storage.conf at line 2; see rootless-storage.conf(5)",
        "settings-problem: /etc/rootless-storage/rootless-storage.conf:3: uid_max 5 is below uid_min 1000; the default holds. | edit /etc/rootless-storage/rootless-storage.conf at line 3; see rootless-storage.conf(5)",
      ])
    place.setMode(bytes(conf), 0o666)
    #expect(
      sentences() == [
        "settings-refused: The settings are not used and nothing is done: /etc/rootless-storage/rootless-storage.conf is writable by others (mode 0666); it and every directory above it must be root's and writable by nobody else. | sudo chmod go-w /etc/rootless-storage/rootless-storage.conf    # when what is in it is as it should be: others could write to it"
      ])
    #expect(facts().settings == nil)
  }

  @Test func `the settings that the PAM lines name are the ones that count`() {
    place.put("etc/other.conf", "uid_min = 7000\n")
    place.put("etc/pam.d/common-session", ours + " conf=/etc/other.conf\n")
    #expect(facts().settings?.uidMin == 1000)
    place.put("etc/pam.d/common-session-noninteractive", ours + " conf=/etc/other.conf\n")
    #expect(facts().settings?.uidMin == 7000)
    #expect(HostFacts.look(settingsPath: Path("/" + conf), root: place.path).settings?.uidMin == 1000)
  }

  @Test func `problems of the skeleton`() {
    place.link("etc/rootless-storage/skel/link", to: "f")
    #expect(
      sentences() == [
        "skeleton-warning: /etc/rootless-storage/skel/link in the skeleton is a symbolic link, ignoring. | move /etc/rootless-storage/skel/link out of the skeleton, or make it a regular file within its limits; see rootless-storage.conf(5)"
      ])
    place.setMode("etc/rootless-storage/skel/f", 0o664)
    #expect(findings().map(\.code) == [.skeletonRefused])
    place.put(conf, "skel = /nowhere\n")
    #expect(
      sentences() == [
        "skeleton-refused: The skeleton is not used and nothing is done: /nowhere does not exist; reinstall the package or set skel. | install the package again, or set skel in rootless-storage.conf"
      ])
  }

  @Test func `ageing is judged where the settings put the storage`() {
    place.put("usr/lib/tmpfiles.d/tmp.conf", "q /var/tmp 1777 root root 30d\nd /scratch 1777 root root 7d\n")
    place.put("usr/lib/tmpfiles.d/rootless-storage.conf", "x /var/tmp/*/containers\nx /var/tmp/*/docker\n")
    #expect(sentences() == [])
    place.put(conf, "storage_directory = /scratch/$USER\n")
    place.directory("scratch")
    #expect(findings().map(\.code) == [.storageAgeing])
    #expect(sentences().first?.contains("7d below /scratch (/usr/lib/tmpfiles.d/tmp.conf:2)") == true)
  }

  @Test func `no remedy takes a directory of everybody's away from them`() {
    place.put("scratch/my.conf", "")
    place.setMode("scratch", 0o1777)
    let found = hostFindings(HostFacts.look(settingsPath: "/scratch/my.conf", root: place.path)).first { $0.code == .settingsRefused }
    #expect(
      found?.remedy.text
        == "put my.conf where only root can write, such as below /etc/rootless-storage, and name it there; /scratch is left as it is")
    place.setMode("scratch", 0o775)
    let group = hostFindings(HostFacts.look(settingsPath: "/scratch/my.conf", root: place.path)).first { $0.code == .settingsRefused }
    #expect(group?.remedy.text.contains("chmod") == false)
    place.setMode("etc/rootless-storage", 0o775)
    #expect(
      hostFindings(HostFacts.look(root: place.path)).first { $0.code == .settingsRefused }?.remedy.text.hasPrefix(
        "sudo chmod go-w /etc/rootless-storage    # ") == true)
  }

  @Test func `a storage parent that no login can use is the host's own finding`() {
    place.put(conf, "storage_directory = /data/containers/$USER\n")
    #expect(
      sentences().map { $0.prefix(95) } == [
        "storage-way: No login makes a storage directory: the path to /data/containers, where they are t"
      ])
    #expect(findings().first?.remedy.text.hasPrefix("sudo mkdir /data    # unless a disk has to be mounted there") == true)
    place.directory("data/containers")
    #expect(sentences() == [])
    place.setMode("data/containers", 0o777)
    #expect(
      findings().map(\.code) == [.storageWay] && findings().first?.remedy.text.hasPrefix("sudo chmod +t /data/containers    # ") == true)
    place.setMode("data/containers", 0o1777)
    #expect(sentences() == [])
    place.setOwner("data", 12_345)
    #expect(
      findings().map(\.code) == [.storageWay]
        && findings().first?.remedy.text.hasPrefix("sudo ls -ld /data    # decide whose it is") == true)
  }

  @Test(
    arguments: [
      (".config/containers/storage.conf", "[storage]\ngraphroot = @STORAGE@/containers\n", "TOML (line 2"),
      (".config/containers/registries.conf", "x = \n", "TOML (line 1"),
      (".config/nerdctl/nerdctl.toml", "= 1\n", "TOML (line 1"),
      (".config/docker/daemon.json", "{ \"data-root\": \"@STORAGE@/docker\", }", "JSON (line 1"),
      (".config/containers/storage.conf", "[storage]\ngraphroot = \"@STORAGE@/containers\"\n", nil),
      (".config/docker/daemon.json", "{ \"data-root\": \"@STORAGE@/docker\" }", nil),
      (".config/other/settings.json", "// anything", nil), (".bashrc", "= 1", nil),
    ] as [(String, String, String?)])
  func `what the skeleton would write into every home is read as the engine would read it`(file: String, content: String, problem: String?)
  {
    place.put("etc/rootless-storage/skel/\(file)", content)
    #expect(findings().map(\.code) == (problem == nil ? [] : [.skeletonInvalid]))
    if let problem {
      #expect(
        sentences().first?.hasPrefix("skeleton-invalid: /etc/rootless-storage/skel/\(file) is invalid \(problem)") == true, "\(sentences())"
      )
    }
  }

  @Test func `a module that a session needs and that is not there`() {
    place.put(
      "etc/pam.d/sshd",
      "session required pam_gone.so\nsession optional pam_too.so\nsession [success=ok module_unknown=ignore default=bad] pam_tolerated.so\n-session requisite /opt/lost.so\n@include common-session\n"
    )
    #expect(
      sentences() == [
        "pam-module: Sessions of sshd fail: pam_gone.so (/etc/pam.d/sshd:1) is not there. | install the package with that module, or take the line at /etc/pam.d/sshd:1 out",
        "pam-module: Sessions of sshd fail: lost.so (/etc/pam.d/sshd:4) is not there. | install the package with that module, or take the line at /etc/pam.d/sshd:4 out",
      ])
    place.put("etc/pam.d/sshd", "session required\n@include common-session\n")
    #expect(findings().map(\.code) == [.pamModule])
  }

  @Test(
    arguments: [
      ("UsePAM no\n", "/etc/ssh/sshd_config:1"), ("# UsePAM no\nusepam = no\n", "/etc/ssh/sshd_config:2"), ("UsePAM yes\nUsePAM no\n", nil),
      ("Port 22\n", nil), ("Match User x\n  UsePAM no\n", nil),
      ("Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n", "/etc/ssh/sshd_config.d/a.conf:1"),
      ("UsePAM yes\nInclude sshd_config.d/*.conf\n", nil),
    ] as [(String, String?)])
  func `sshd without PAM`(config: String, place found: String?) {
    place.put("etc/ssh/sshd_config", config)
    place.put("etc/ssh/sshd_config.d/a.conf", "UsePAM no\n")
    #expect(findings().map(\.code) == (found == nil ? [] : [.pamUnused]))
    if let found { #expect(sentences().first?.contains("(UsePAM no, \(found))") == true) }
  }

  @Test func `a copy of a profile of authselect's that was updated since, unless somebody has changed it`() {
    let copy = "etc/authselect/custom/rootless-storage"
    place.put("usr/share/authselect/default/sssd/system-auth", "session required pam_a.so\n")
    place.put("etc/authselect/authselect.conf", "custom/rootless-storage\nwith-mkhomedir\n")
    place.put("\(copy)/system-auth", "session required pam_a.so\nsession optional pam_rootless_storage.so\n")
    #expect(AuthselectCopy(place.tree) == nil && findings() == [])
    #expect(throws: Never.self) { try AuthselectCopy.writeRecord(place.tree, AuthselectCopy.directory, base: "sssd") }
    #expect(AuthselectCopy(place.tree)?.isUnchanged == true && findings() == [])
    place.put("usr/share/authselect/default/sssd/system-auth", "session required pam_b.so\n")
    place.put("usr/share/authselect/default/sssd/switchable-auth", "session required pam_b.so\n")
    #expect(
      sentences() == [
        "pam-profile-outdated: authselect writes this host's stacks of custom/rootless-storage, a copy of the profile sssd from before its update: what the update changed in switchable-auth and system-auth has no effect here. | sudo rootless-storage pam enable"
      ])
    place.put("etc/authselect/authselect.conf", "sssd\n")
    #expect(findings() == [])
    place.put("etc/authselect/authselect.conf", "custom/rootless-storage\n")
    place.put("\(copy)/system-auth", "session required pam_mine.so\nsession optional pam_rootless_storage.so\n")
    #expect(findings() == [])
  }

  @Test func `what may go wrong later, or is not known to go wrong, is a note`() {
    place.put("etc/slurm/slurm.conf", "ClusterName=x\n#UsePAM=1\n")
    place.put("usr/bin/podman", "", mode: 0o755)
    place.directory("sys/fs/cgroup")
    place.put("proc/self/mounts", "proc /proc proc rw,nosuid,hidepid=invisible,gid=4 0 0\n")
    #expect(findings().map(\.code) == [.pamUnused, .cgroupOld, .procHidden])
    #expect(findings().allSatisfy { $0.severity == .note })
    place.put("etc/slurm/slurm.conf", "UsePAM = 1 # yes\n")
    place.put("sys/fs/cgroup/cgroup.controllers", "cpu\n")
    place.put("proc/self/mounts", "proc /proc proc rw,hidepid=2 0 0\nproc /proc proc rw 0 0\n")
    #expect(sentences() == [])
    place.setMode("usr/bin/podman", 0o4755)
    #expect(findings().map(\.code) == [.engineSetuid] && findings()[0].remedy.text == "sudo chmod u-s,g-s /usr/bin/podman")
    place.setMode("usr/bin/podman", 0o755)
    for program in ["usr/bin/crun", "usr/libexec/podman/conmon", "usr/bin/skopeo"] {
      place.put(program, "", mode: program.hasSuffix("skopeo") ? 0o2755 : 0o4755)
    }
    #expect(findings().map(\.remedy.text) == ["sudo chmod u-s,g-s /usr/bin/crun", "sudo chmod u-s,g-s /usr/libexec/podman/conmon"])
  }

  @Test func `a line of the settings for which nobody is served is an error`() {
    place.put(conf, "colour = red\nexclude_groups = students\nexclude_users = bob,eve\n")
    #expect(
      findings().map(\.code) == [.settingsProblem, .settingsProblem, .settingsProblem]
        && findings().map(\.severity) == [.warning, .error, .error], "\(findings())")
    place.put(conf, "exclude_groups = students\nexclude_groups = 2000\n")
    #expect(findings().map(\.severity) == [.warning], "a later line holds")
  }

  // MARK: userns-remap of root's Docker

  private func docker(_ settings: String, subuid: String, subgid: String? = nil) -> [String] {
    place.put("etc/docker/daemon.json", settings)
    place.put("etc/passwd", "root:x:0:0::/:\nalice:x:1000:1000::/:\ndockremap:x:990:990::/:\nremap:x:500000:500000::/:\n")
    place.put("etc/group", "root:x:0:\nalice:x:1000:\ndockremap:x:990:\nremap:x:500000:\n")
    place.put("etc/subuid", subuid)
    place.put("etc/subgid", subgid ?? subuid)
    return sentences()
  }

  @Test(arguments: [
    ("{\"userns-remap\": \"default\"}", "dockremap:300000:65536\n"),
    ("{\"userns-remap\": \"dockremap\"}", "alice:100000:65536\n990:300000:65536\n"),
    ("{\"userns-remap\": \"990:990\"}", "dockremap:300000:65536\n"), ("{\"userns-remap\": \"\"}", ""), ("{\"userns-remap\": 5}", ""),
    ("{}", "alice:1000:65536\n"),
    // As is often told: a user whose own id is the first of the range.
    ("{\"userns-remap\": \"remap:remap\"}", "remap:500000:65536\n"), ("no JSON", ""),
    // The number comes before the name.
    ("{\"userns-remap\": \"dockremap\"}", "990:300000:65536\ndockremap:1000:65536\n"),
  ])
  func `a mapping of Docker's that is its own is none to speak of`(settings: String, subuid: String) {
    #expect(docker(settings, subuid: subuid) == [])
  }

  @Test func `a mapping of Docker's that is not there`() {
    #expect(
      docker("{\"userns-remap\": \"remap\"}", subuid: "remap:300000:65536\n", subgid: "alice:100000:65536\n") == [
        "docker-remap: /etc/docker/daemon.json has userns-remap \"remap\", and /etc/subgid has no gids of remap: root's Docker does not start. | give remap one range of ids in /etc/subuid and /etc/subgid that nobody has (rootless-storage subids list shows what is taken), then: sudo systemctl restart docker"
      ])
    #expect(docker("{\"userns-remap\": \"ldapuser\"}", subuid: "").count == 2)
    #expect(docker("{\"userns-remap\": \"default\"}", subuid: "").count == 2, "the user is there, so Docker makes nothing")
    place.put("etc/passwd", "root:x:0:0::/:\n")
    #expect(sentences() == [], "Docker makes both")
  }

  @Test func `a mapping of Docker's with ids of others`() {
    let one = docker("{\"userns-remap\": \"default\"}", subuid: "dockremap:300000:65536\n", subgid: "dockremap:1000:65536\n")
    #expect(
      one.count == 1
        && one[0].hasPrefix(
          "docker-remap: Containers of root's Docker have the gids 1000-66535 of dockremap (userns-remap, /etc/subgid:1), which include the gid 1000 of alice in /etc/group and systemd's ids"
        ) && one[0].contains(": sudo vi +1 /etc/subgid && "), "\(one)")
    let other = docker("{\"userns-remap\": \"default\"}", subuid: "alice:100000:65536\ndockremap:165535:65536\n")
    #expect(
      other.count == 2 && other.allSatisfy { $0.contains("which include subordinate ids of alice (100000-165535): with ids in common") },
      "\(other)")
    place.put("proc/sys/user/max_user_namespaces", "0\n")
    #expect(Set(findings().map(\.code)) == [.usernsDisabled, .dockerRemap] && findings().count == 4)
  }

  @Test func `images of another mapping of Docker's, or of none`() {
    let good = "dockremap:300000:65536\n"
    place.directory("var/lib/docker/300000.300000")
    #expect(docker("{\"userns-remap\": \"default\"}", subuid: good) == [])
    place.directory("var/lib/docker/image")
    #expect(
      docker("{\"userns-remap\": \"default\"}", subuid: good) == [
        "docker-images-hidden: Root's Docker keeps its images in /var/lib/docker/300000.300000, by userns-remap (\"default\" in /etc/docker/daemon.json). Images, containers and volumes of another time are in /var/lib/docker: they take space, and no command of Docker shows them. | look at them as root, the volumes above all; to have them back, set userns-remap as it was; else remove them while Docker is stopped"
      ])
    #expect(
      docker("{}", subuid: good).first?.contains(
        "images in /var/lib/docker, by userns-remap (not set in /etc/docker/daemon.json). Images, containers and volumes of another time are in /var/lib/docker/300000.300000:"
      ) == true)
    #expect(
      docker("{\"userns-remap\": \"default\"}", subuid: "dockremap:400000:65536\n").first?.contains(
        "are in /var/lib/docker and /var/lib/docker/300000.300000:") == true)
    #expect(docker("{\"userns-remap\": \"default\", \"data-root\": \"/srv/docker\"}", subuid: good) == [])
    // Nobody knows which directory is in use.
    #expect(docker("{\"userns-remap\": \"remap\"}", subuid: good).allSatisfy { $0.hasPrefix("docker-remap: ") })
    #expect(findings().allSatisfy { $0.code == .dockerRemap })
  }

  @Test(arguments: [
    ("/usr/sbin/tmpwatch -umc 30d /var/tmp\n", ["containers", "docker"]),
    ("/usr/sbin/tmpwatch -umc -x /var/tmp/x 30d \\\n  /tmp /var/tmp\n", ["containers", "docker"]),
    ("/usr/sbin/tmpwatch -X '/var/tmp/*/containers' 30d /var/tmp/\n", ["docker"]),
    ("/usr/sbin/tmpwatch -X '/var/tmp/*/containers' -X '/var/tmp/*/docker' 30d /var/tmp\n", []),
    ("/usr/sbin/tmpwatch 10d /tmp\n", []), ("# /usr/sbin/tmpwatch 10d /var/tmp\n", []),
    ("nice -n10 tmpreaper --delay=256 --protect='/var/tmp/*/docker' 7d /var/tmp\n", ["containers"]),
    ("tmpreaper 7d $TMPREAPER_DIRS\n", ["containers", "docker"]),
  ])
  func `cleaners other than systemd-tmpfiles`(job: String, taken: [String]) {
    place.put("etc/cron.daily/clean", job)
    if job.contains("$") { place.put("etc/tmpreaper.conf", "TMPREAPER_DIRS='/tmp/. /var/tmp/.'\n") }
    #expect(findings().map(\.code) == (taken.isEmpty ? [] : [.storageAgeing]), "\(sentences())")
    if !taken.isEmpty {
      #expect(sentences()[0].contains(" in \(list(taken.map { "/var/tmp/USER/\($0)" })), file by file. | give "), "\(sentences())")
    }
  }

  @Test func `a directory of every user's own in the place of the storage directories' parent`() {
    place.put("etc/security/namespace.conf", "# x\n/var/tmp /var/tmp-inst/ level root\n")
    #expect(sentences() == [])
    place.put("usr/lib64/security/pam_namespace.so", "")
    place.put("etc/pam.d/login", "session required pam_namespace.so\n" + (Stock.debian(ours)["login"] ?? ""))
    #expect(
      findings().map(\.code) == [.storagePolyinstantiated] && sentences()[0].contains("(/etc/security/namespace.conf:2)"), "\(sentences())")
    place.put(conf, "storage_directory = /var/tmpx/$USER\n")
    place.directory("var/tmpx")
    #expect(sentences() == [])
  }

  @Test func `all facts of a host with nothing`() {
    let empty = TestDirectory()
    let found = hostFindings(HostFacts.look(root: empty.path))
    #expect(Set(found.map(\.code)) == [.moduleMissing, .helperMissing, .skeletonRefused, .newuidmap, .pamNotReached, .storageWay])
  }
}

@Suite struct HostDiagnosisWordsTests {
  @Test func `the host that runs this is looked at without harm`() {
    let facts = HostFacts.look()
    #expect(facts.userNamespaces.kernel.isEmpty == false)
    _ = hostFindings(facts)
  }

  @Test(arguments: [
    ("alice", "alice"), ("/a/b-c.d_e:f=@+,", "/a/b-c.d_e:f=@+,"), ("", "''"), ("a b", "'a b'"), ("$(x)`*", "'$(x)`*'"),
    ("DOM\\alice", "'DOM\\alice'"),
    ("o'brien", "$'o\\047brien'"), ("a\nb", "$'a\\012b'"), ("ä", "$'\\303\\244'"),
  ])
  func `a word can be pasted into a shell`(word: String, expected: String) { #expect(shellWord(bytes(word)) == expected) }

  @Test(arguments: [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")] as [([String], String)])
  func `names are listed`(names: [String], expected: String) { #expect(list(names) == expected) }
}
