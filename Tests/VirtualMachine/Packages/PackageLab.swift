import Foundation
import TestSupport

/// What the tests of this target need of Tests/run: the Debian package, and machines of these releases.
enum Packages {
  static let file = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_DEB"]
  /// A later version of it.
  static let next = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_NEXT_DEB"]
  static let releases = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_RELEASES"]?.split(separator: " ").map(String.init) ?? []
  /// A Debian with authselect, and a newer one in /var/cache/newer.
  static let authselect = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_AUTHSELECT_ROOT"]
  static let name = "libpam-rootless-storage"
  static var isPossible: Bool { file != nil && !releases.isEmpty && geteuid() == 0 }
  static let need = "needs root, the Debian package and virtual machines: run it as Tests/run vm-packages"
}

extension Lab {
  /// What a site with a directory and pam_mkhomedir has, before our package comes.
  func makeSite() throws {
    try root("use-directory && DEBIAN_FRONTEND=noninteractive pam-auth-update --enable mkhomedir")
  }

  /// apt-get, as an administrator calls it; without a terminal, and no list of an archive is on the machine.
  @discardableResult
  func apt(_ command: String, on host: Host = .lab1) throws -> String {
    try root("DEBIAN_FRONTEND=noninteractive apt-get --yes \(command) 2>&1", on: host).text
  }

  /// Installs the package from a file, which is all that is on the machine.
  @discardableResult
  func installPackage(_ file: String = Packages.file ?? "/nonexistent", on host: Host = .lab1) throws -> String {
    try put(file, into: "/root", on: host)
    return try apt("install /root/\(URL(fileURLWithPath: file).lastPathComponent)", on: host)
  }

  /// Subordinate ids for the users of the directory, as the README has it.
  func giveSubordinateIDs() throws {
    try root(
      "printf '%s\\n' 'subids = allocate' 'uid_max = 40000' 'reserved_ids = 1000-40000' 'subid_max = 4294967294' >> /etc/rootless-storage/rootless-storage.conf"
    )
  }

  /// The lines that jobs have left in /run/jobs, when there are more than so many. Waits for a job, which cron begins with the minute. The
  /// clock goes on to the minute's end; cron sleeps by another one, and looks at this one when a signal wakes it.
  func cronJobs(after count: Int) throws -> [String] {
    try root(
      """
      jobs() { cat /run/jobs/* 2>/dev/null; }
      for n in $(seq 300); do
        [ "$(jobs | wc -l)" -le \(count) ] || break
        if [ $((n % 20)) = 1 ] && [ $(($(date +%s) % 60)) -lt 57 ]; then
          date --set="@$(($(date +%s) / 60 * 60 + 57))" >/dev/null
          kill -HUP "$(cat /run/crond.pid)"
        fi
        sleep 0.5
      done
      jobs || true
      """
    ).lines
  }

  /// Logs in on a terminal. login(1) wants one, and asks it; what comes before the shell is all that counts here. What holds the input open
  /// must not hold the connection's output too, which would wait for its end.
  func console(_ user: String) throws {
    try root(
      """
      script --quiet --command 'login -f \(user)' /dev/null < <(sleep 90 2>/dev/null) > /run/login & script=$!
      for n in $(seq 80); do ! grep -q \(user)@ /run/login || break; sleep 1; done
      kill $script
      """)
  }

  /// Linux 5.10 of Debian mounts overlay for users where its module is told to. As the remedy has it, without the time that a restart
  /// takes.
  func permitOverlay(on host: Host = .lab1) throws {
    try root(
      "echo 'options overlay permit_mounts_in_userns=1' > /etc/modprobe.d/rootless-overlay.conf; rmmod overlay || true; modprobe overlay",
      on: host)
  }

  /// What libpam logs of a module that it cannot load.
  func loadFailures() throws -> [String] {
    try root("journalctl --no-pager | grep -aE 'unable to dlopen|adding faulty module|cannot open shared object' || true").lines
  }

  /// And what our module could not do.
  func faults() throws -> [String] {
    try loadFailures() + root("journalctl --no-pager | grep -aE 'pam_rootless_storage.*(cannot|failed|refused)' || true").lines
  }

  /// Every file of /etc with its content.
  func contentOfEtc() throws -> Set<String> { try Set(root("cd /etc && find . -type f -exec sha256sum {} +").lines) }
}

/// The names of the files in which two states of /etc differ.
func changes(_ before: Set<String>, _ after: Set<String>) -> [String] {
  Set(before.symmetricDifference(after).map { String($0.drop { $0 != "." }) }).sorted()
}
