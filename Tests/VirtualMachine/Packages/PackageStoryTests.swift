import Foundation
import TestSupport
import Testing

/// A site installs the package, its people log in, Podman and rootless Docker work; the package goes, and they still log in.
/// Nobody but the directory knows these users, and their homes are on NFS 4.2.
@Suite(.serialized, .enabled(if: Packages.isPossible, Comment(rawValue: Packages.need)))
struct PackageStoryTests {
  @Test(arguments: Packages.releases) func `from the package alone`(release: String) throws {
    let story = try PackageStory(release)
    try story.lab.makeSite()
    // Before 2.33 glibc reads nsswitch.conf once: who runs already does not know the directory's users. Cron runs no job of theirs then,
    // and the system bus refuses them: without it a user's manager can move no process out of a session, into a container's scope.
    if release == "bullseye" {
      try story.lab.root("systemctl daemon-reexec; systemctl restart dbus; systemctl restart systemd-logind cron")
    }
    try story.podmanFailedBefore()
    try story.isInstalled()
    try story.firstLogins()
    if release == "bullseye" { try story.overlayIsPermitted() }
    try story.podmanWorks()
    try story.podmanWorksAfterFailures()
    try story.dockerWorks()
    try story.nothingIsFound()
    try story.cronRan()
    try story.isRemoved()
    try story.isPurgedAndBack()
    story.tell("Podman and rootless Docker import and run; check is clean")
  }
}

/// The steps, in the one machine of a release.
final class PackageStory {
  let lab: Lab
  private let release: String
  private let versions: [String]

  init(_ release: String) throws {
    lab = try Lab(release: release)
    self.release = release
    let version = { (package: String) in "dpkg-query --show --showformat '${Version}\\n' \(package)" }
    versions = try lab.root("uname -r; \(["libpam0g", "podman", "docker.io"].map(version).joined(separator: "; "))").lines
  }

  /// A row of the table that `Tests/run matrix` prints.
  func tell(_ seen: String) {
    guard let path = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_TABLE"], let file = FileHandle(forUpdatingAtPath: path) else {
      return
    }
    file.seekToEndOfFile()
    file.write(Data("| \(([release] + versions + [seen]).joined(separator: " | ")) |\n".utf8))
  }

  // ---- Installation ----------------------------------------------------------------------------------------------

  func isInstalled() throws {
    let before = try lab.contentOfEtc()
    let packages = "dpkg-query --show | sort > /run/packages"
    try lab.root(packages)
    let said = try lab.installPackage()
    #expect(
      try lab.root("mv /run/packages /run/before; \(packages); diff /run/before /run/packages | grep '^[<>]' | cut -f 1").text
        == "> \(Packages.name)\n", "\(said)")
    #expect(
      try changes(before, lab.contentOfEtc())
        == [
          "./pam.d/common-session", "./pam.d/common-session-noninteractive", "./rootless-storage/rootless-storage.conf",
          "./rootless-storage/skel/.config/containers/storage.conf", "./rootless-storage/skel/.config/docker/daemon.json",
        ])
    let stack = try lab.root("grep -h '^session' /etc/pam.d/common-session").lines
    #expect(stack.last?.contains("pam_rootless_storage.so") == true && stack.contains { $0.contains("pam_mkhomedir.so") }, "\(stack)")
    try lab.giveSubordinateIDs()
  }

  // ---- Logins ----------------------------------------------------------------------------------------------------

  private static let storage = "stat -c %U:%a"

  /// Each way in with a user who has never been here.
  func firstLogins() throws {
    // Cron takes its time.
    try lab.root(
      "install -d -m 1777 /run/jobs; echo '* * * * * user2 echo $(stat -c \\%U /var/tmp/user2) >> /run/jobs/user2' > /etc/cron.d/jobs")
    // There is no home yet: systemd's user manager comes before pam_mkhomedir, and finds none.
    let made = try lab.login(
      "heidi", "\(PackageStory.storage) ~ /var/tmp/heidi; stat -f -c %T ~; grep -c vers=4.2 /proc/mounts; cat ~/.config/docker/daemon.json")
    #expect(
      made.status == 0 && made.lines.contains("heidi:700") && made.lines.contains("nfs")
        && made.lines.last == "{ \"data-root\": \"/var/tmp/heidi/docker\" }", "\(made)")
    #expect(try lab.log(of: "sshd").contains("heidi: created storage directory /var/tmp/heidi (mode 0700)"))
    try expectFirst("su-l", "user1", lab.root("su - user1 -c '\(PackageStory.storage) /var/tmp/user1'"))
    try lab.console("user3")
    try expectFirst("login", "user3", lab.root("\(PackageStory.storage) /var/tmp/user3"))
    // The user manager's own session comes first.
    try expectFirst("systemd-user", "erin", lab.login("erin", "\(PackageStory.storage) /var/tmp/erin"))
    try lab.root("runuser -u erin -- rm /home/nfs4/erin/.config/docker/daemon.json")
    #expect(
      try lab.login("erin", "cat ~/.config/docker/daemon.json").text == "{ \"data-root\": \"/var/tmp/erin/docker\" }\n",
      "deleted, it returns")
    #expect(try lab.log(of: "sshd").contains("erin: created /home/nfs4/erin/.config/docker/daemon.json"))
    #expect(try lab.faults() == [])
  }

  private func expectFirst(_ service: String, _ user: String, _ output: Output) throws {
    #expect(output.text.contains("\(user):700"), "\(service): \(output)")
    let log = try lab.log(of: service)
    #expect(log.contains("\(user): created storage directory /var/tmp/\(user) (mode 0700)"), "\(service): \(log)")
  }

  func cronRan() throws {
    let jobs = try lab.cronJobs(after: 0)
    #expect(!jobs.isEmpty && Set(jobs) == ["user2"], "\(jobs)")
    #expect(try lab.log(of: "cron").contains("user2: created storage directory /var/tmp/user2 (mode 0700)"))
  }

  // ---- Engines ---------------------------------------------------------------------------------------------------

  private static let owners = "stat -c %u:%g /etc/shadow /data/owned-by-999 /data/owned-by-root"
  private static let podman = "podman run --rm --pull=never --network=none localhost/test \(owners)"
  private static let docker = "docker run --rm --network=none test \(owners)"

  func podmanWorks() throws {
    let output = try lab.login(
      "erin",
      "podman import -q /srv/image.tar localhost/test >/dev/null && \(PackageStory.podman); podman info --format '{{.Store.GraphDriverName}} {{.Store.GraphRoot}}'"
    )
    #expect(output.lines.suffix(4) == ["0:42", "999:999", "0:0", "overlay /var/tmp/erin/containers/storage"], "\(output)")
    #expect(try isOnDisk("/var/tmp/erin/containers/storage"))
  }

  /// The host says so, and no file in a home.
  func overlayIsPermitted() throws {
    let before = try lab.root("rootless-storage check || true").text
    #expect(before.contains("error fuse-overlayfs") && before.contains("permit_mounts_in_userns=1"), "\(before)")
    try lab.permitOverlay()
  }

  private static let record = "/run/user/2001/containers/overlay/overlay-false"

  /// Whom a site installs this for: she has tried Podman on her home, and lingers, so that her runtime directory stays. Without the
  /// driver in her file, Podman 4.3 would take vfs.
  func podmanFailedBefore() throws {
    try lab.root("loginctl enable-linger alice")
    let output = try lab.login(
      "alice",
      """
      mkdir -p ~/.config/containers; printf '[storage]\\ndriver = "overlay"\\n' > ~/.config/containers/storage.conf
      podman import -q /srv/image.tar localhost/test > /dev/null 2>&1; echo status $?
      rm ~/.config/containers/storage.conf; ls \(PackageStory.record)
      """)
    #expect(output.lines == ["status 125", PackageStory.record], "\(output)")
  }

  func podmanWorksAfterFailures() throws {
    let output = try lab.login(
      "alice",
      "podman import -q /srv/image.tar localhost/test > /dev/null && \(PackageStory.podman); podman info --format '{{.Store.GraphDriverName}} {{.Store.GraphRoot}}'"
    )
    #expect(output.lines.suffix(4) == ["0:42", "999:999", "0:0", "overlay /var/tmp/alice/containers/storage"], "\(output)")
    let log = try lab.log()
    #expect(log.contains { $0.hasPrefix("alice: removed \(PackageStory.record): Podman recorded there") }, "\(log)")
  }

  /// As Docker's documentation has it: dockerd-rootless-setuptool.sh install, which makes a user unit. Debian's package leaves the links
  /// to the site.
  func dockerWorks() throws {
    try lab.root(
      "ln -s /usr/share/docker.io/contrib/dockerd-rootless.sh /usr/share/docker.io/contrib/dockerd-rootless-setuptool.sh $(command -v docker rootlesskit) /usr/local/bin; modprobe -a ip_tables nf_tables || true"
    )
    let output = try lab.login(
      "erin",
      """
      dockerd-rootless-setuptool.sh install 2>&1
      export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock
      for n in $(seq 120); do ! docker version >/dev/null 2>&1 || break; sleep 1; done
      docker import /srv/image.tar test >/dev/null && \(PackageStory.docker); docker info --format '{{.Driver}} {{.DockerRootDir}}'
      """, patience: 600)
    #expect(output.lines.suffix(4).prefix(3) == ["0:42", "999:999", "0:0"], "\(output)")
    #expect(
      output.lines.last.map { ["overlay2 /var/tmp/erin/docker", "overlayfs /var/tmp/erin/docker"].contains($0) } == true, "\(output)")
    #expect(try isOnDisk("/var/tmp/erin/docker"))
  }

  /// Something is there, on the machine's own disk, and the home has no store.
  private func isOnDisk(_ directory: String) throws -> Bool {
    let seen = try lab.root(
      "stat -f -c %T \(directory); find \(directory) -path '*owned-by-999' | wc -l; runuser -u erin -- ls /home/nfs4/erin/.local/share/containers/storage /home/nfs4/erin/.local/share/docker 2>&1 | grep -vc 'No such file' || true"
    ).lines
    return seen.count == 3 && seen[0] == "ext2/ext3" && (Int(seen[1]) ?? 0) > 0 && seen[2] == "0"
  }

  func nothingIsFound() throws {
    let output = try lab.login("erin", "rootless-storage check")
    #expect(output.status == 0, "\(output)")
    // Five are looked at together, by an emulated processor that others want too: how long that takes is nothing to this test.
    let asRoot = try lab.root("rootless-storage check --timeout 60 erin heidi user1 user2 user3 2>&1; echo status $?").text
    #expect(asRoot.hasSuffix("status 0\n"), "\(asRoot)")
    try enginesAreVerified()
    try theTimersServiceChecks()
  }

  /// What the timer starts finds what the command finds, and fails as that does.
  private func theTimersServiceChecks() throws {
    let byHand = try lab.root("rootless-storage check --all --quiet --timeout 60 2>&1; echo status $?").lines
    try lab.root(
      "mkdir -p /run/systemd/system/rootless-storage-check.service.d; printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/rootless-storage check --all --quiet --timeout 60\\n' > /run/systemd/system/rootless-storage-check.service.d/patience.conf; systemctl daemon-reload"
    )
    let started = try lab.root(
      "systemctl start rootless-storage-check.service; journalctl --sync; echo status $(systemctl show --value -p ExecMainStatus rootless-storage-check.service); journalctl -q -o cat -t rootless-storage"
    ).lines
    let status = try #require(started.first { $0.hasPrefix("status ") })
    #expect(status == byHand.last, "\(started), \(byHand)")
    #expect(Set(byHand.dropLast()).isSubset(of: started), "\(started), \(byHand)")
  }

  /// The real engines, by root for erin, and by erin; nothing is left of it.
  private func enginesAreVerified() throws {
    // In ~/.cache Podman 3.0 locks its file of short names, with the first container that is named by its image's id.
    let what =
      "ls -A --ignore=.cache ~; podman ps -aq; podman images -aq | sort -u; export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock; docker ps -aq; docker images -aq"
    let before = try lab.login("erin", what).text
    let asRoot = try lab.root(
      "begin=$(date +%s%N); rootless-storage verify --timeout 600 erin 2>&1; echo status $?; echo $((($(date +%s%N) - begin) / 1000000))")
    let steps = asRoot.lines.compactMap { $0.wholeMatch(of: #/  ([a-z]+) +([0-9.]+) s  done/#) }
    #expect(
      asRoot.lines.dropLast().last == "status 0"
        && steps.map { String($0.output.1) } == Array(repeating: ["info", "import", "run", "volume", "remove"], count: 2).flatMap { $0 },
      "\(asRoot)")
    // What it costs beside what the engines take: loading this program is slow on an emulated processor that others want too, so this
    // finds a waste, and no percents.
    let engines = steps.reduce(0) { $0 + (Double($1.output.2) ?? 0) }
    let whole = (Double(asRoot.lines.last ?? "") ?? 0) / 1000
    #expect(whole <= engines * 1.5, "\(whole) s, of which engines \(engines) s")
    let asErin = try lab.login("erin", "rootless-storage verify --timeout 600 --engine podman")
    #expect(asErin.status == 0 && asErin.lines.count == 6, "\(asErin)")
    #expect(try lab.login("erin", what).text == before)
    #expect(try lab.root("rootless-storage verify user6; echo status $?").lines.last == "status 3", "nobody has logged in as user6 yet")
  }

  // ---- Removal ---------------------------------------------------------------------------------------------------

  func isRemoved() throws {
    let jobs = try lab.cronJobs(after: 0).count
    let said = try lab.apt("remove \(Packages.name)")
    #expect(
      try lab.root("! grep -r rootless_storage /etc/pam.d; find / -xdev -name 'pam_rootless_storage.so'; ls -A /etc/rootless-storage").lines
        == ["rootless-storage.conf", "skel"], "\(said)")
    try loginsWork(after: jobs)
    let engines = try lab.login(
      "erin", "\(PackageStory.podman); export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock; \(PackageStory.docker)")
    #expect(engines.lines == ["0:42", "999:999", "0:0", "0:42", "999:999", "0:0"], "\(engines)")
    let files = try lab.login(
      "heidi",
      "cat ~/.config/containers/storage.conf | grep graphroot; cat ~/.config/docker/daemon.json; \(PackageStory.storage) /var/tmp/heidi")
    #expect(
      files.lines == ["graphroot = \"/var/tmp/heidi/containers/storage\"", "{ \"data-root\": \"/var/tmp/heidi/docker\" }", "heidi:700"],
      "\(files)")
  }

  /// By ssh, su and cron, for people who are new here, and without a word of PAM's.
  private func loginsWork(after jobs: Int) throws {
    #expect(try lab.login("user4", "id -un; ls -d /var/tmp/user4 2>&1 || true").lines.first == "user4")
    #expect(try lab.root("su - user5 -c 'id -un'").text == "user5\n")
    // One that began before the removal may still be counted.
    #expect(try lab.cronJobs(after: jobs + 1).count > jobs + 1)
    #expect(try lab.loadFailures() == [])
    #expect(try lab.log().filter { $0.contains("user4") || $0.contains("user5") } == [])
    #expect(try lab.root("ls -d /var/tmp/user4 /var/tmp/user5 2>/dev/null || true").text == "", "nobody makes storage any more")
  }

  func isPurgedAndBack() throws {
    try lab.apt("purge \(Packages.name)")
    #expect(
      try lab.root(
        "ls -d /etc/rootless-storage /usr/libexec/rootless-storage /usr/share/rootless-storage /var/tmp/erin 2>/dev/null || true"
      ).text == "/var/tmp/erin\n", "what is the users' stays")
    #expect(try lab.login("erin", "echo in").text == "in\n")
    try lab.installPackage()
    #expect(try lab.login("user6", "\(PackageStory.storage) /var/tmp/user6").text == "user6:700\n")
    #expect(try lab.loadFailures() == [])
  }
}
