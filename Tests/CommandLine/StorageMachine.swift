import Foundation
import TestSupport

// What the tests of `list` and `prune` build on.

extension Machine {
  /// A storage directory with podman's and docker's store in it.
  func storage(_ leaf: String, uid: Int, kilobytes: Int = 100) throws {
    try sure(
      """
      cd /var/tmp; install -d -o \(uid) -g \(uid) -m 700 '\(leaf)' '\(leaf)'/containers '\(leaf)'/containers/storage '\(leaf)'/docker
      head -c \(kilobytes * 1024) /dev/urandom > '\(leaf)'/containers/storage/layer; chown \(uid):\(uid) '\(leaf)'/containers/storage/layer
      """)
  }

  /// Lets script(1) make terminals in it.
  func terminals() throws { try sure("mount -t devpts -o ptmxmode=666 devpts /dev/pts; ln -s pts/ptmx /dev/ptmx") }

  /// A directory service of its own, `directory` in nsswitch.conf: it knows the accounts in /etc/directory ("NAME UID" lines), and
  /// answers nobody as long as there is a file /etc/directory.fails, and none about a uid from 100000 on as long as there is
  /// /etc/directory.wait, when it makes /etc/directory.waiting. Wants `Machine.directory` as the environment.
  func directoryService() throws {
    try sure("mkdir /etc/nss")
    try library(
      """
      #include <nss.h>
      #include <pwd.h>
      #include <errno.h>
      #include <stdio.h>
      #include <string.h>
      #include <unistd.h>
      static enum nss_status find(const char *name, uid_t uid, struct passwd *out, char *buffer, size_t size, int *errnop) {
        if (access("/etc/directory.fails", F_OK) == 0) { *errnop = ETIMEDOUT; return NSS_STATUS_UNAVAIL; }
        while (!name && uid >= 100000 && access("/etc/directory.wait", F_OK) == 0) {
          FILE *sign = fopen("/etc/directory.waiting", "w");
          if (sign) fclose(sign);
          usleep(10000);
        }
        FILE *file = fopen("/etc/directory", "r");
        char known[100]; unsigned number;
        while (file && fscanf(file, "%99s %u", known, &number) == 2) {
          if (name ? strcmp(name, known) != 0 : number != uid) continue;
          fclose(file);
          if (size < 200) { *errnop = ERANGE; return NSS_STATUS_TRYAGAIN; }
          strcpy(buffer, known);
          out->pw_name = buffer; out->pw_passwd = out->pw_gecos = out->pw_shell = out->pw_dir = buffer + strlen(buffer);
          out->pw_uid = out->pw_gid = number;
          return NSS_STATUS_SUCCESS;
        }
        if (file) fclose(file);
        return NSS_STATUS_NOTFOUND;
      }
      enum nss_status _nss_directory_getpwnam_r(const char *name, struct passwd *out, char *buffer, size_t size, int *errnop) { return find(name, 0, out, buffer, size, errnop); }
      enum nss_status _nss_directory_getpwuid_r(uid_t uid, struct passwd *out, char *buffer, size_t size, int *errnop) { return find(0, uid, out, buffer, size, errnop); }
      """, to: "/etc/nss/libnss_directory.so.2")
    try sure("touch /etc/directory; printf 'passwd: files directory\\ngroup: files\\n' > /etc/nsswitch.conf")
  }

  static let directory = "LD_LIBRARY_PATH=/etc/nss"

  /// Makes `Machine.inDays(N)` work: a clock that goes ahead, since nobody can set a file's time of change.
  func clock() throws {
    try library(
      """
      #include <stdlib.h>
      #include <time.h>
      time_t time(time_t *out) {
        struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
        const char *days = getenv("DAYS_AHEAD");
        time_t then = now.tv_sec + (days ? atol(days) * 86400 : 0);
        if (out) *out = then;
        return then;
      }
      """, to: "/etc/clock.so")
  }

  /// As if so many days had gone by, in which the machine ran, since all that earlier runs have seen.
  func daysPass(_ days: Int) throws {
    try sure(
      """
      python3 - <<'PYTHON'
      path = "/var/lib/rootless-storage/orphans"
      head, *lines = open(path).read().splitlines()
      def earlier(line):
          kind, key, binding, first, last, days, running, boot, time = line.split()
          return " ".join([kind, key, binding, str(int(first) - \(days * 86400)), str(int(last) - \(days * 86400)), days, str(int(running) + \(days * 86400)), boot, time])
      open(path, "w").write("\\n".join([head] + [earlier(line) for line in lines]) + "\\n")
      PYTHON
      """)
  }

  /// The beginning of a script: `prune --orphaned --yes`, whose output goes to /etc/output, is stopped behind the first call of each name
  /// in `calls`, one after the other. Then `is_stopped N` waits until it has been stopped N times, `goes_on` lets it go on, and
  /// `ended` waits for its end and shows its status and output. What strace(1) saw of `calls` and `also` is in /etc/trace.
  static func prune(stoppedBehind calls: [String], also: [String] = []) -> String {
    let stops = calls.map { "-e inject=\($0):signal=SIGSTOP:when=1" }.joined(separator: " ")
    return """
      is_stopped() { until [ "$(grep -c 'stopped by SIGSTOP' /etc/trace)" -ge "$1" ]; do kill -0 $prune || break; sleep 0.02; done; }
      goes_on() { kill -CONT $(cat /proc/$prune/task/$prune/children); }
      ended() { wait $prune; echo "status $?"; cat /etc/output; }
      touch /etc/trace
      strace -qq -o /etc/trace -e trace=\((calls + also).joined(separator: ",")) \(stops) env -i \(commandLine) prune --orphaned --yes > /etc/output 2>&1 & prune=$!
      """
  }

  /// Waits in a shell until the last `setpriv … sleep N &` sleeps as whom it was told to.
  static var asleep: String { "until [ \"$(cat /proc/$!/comm)\" = sleep ]; do sleep 0.02; done" }

  static func inDays(_ days: Int) -> String { "LD_PRELOAD=/etc/clock.so DAYS_AHEAD=\(days)" }

  /// What `list --json` says, by the name of the directory.
  func listed(environment: String = "", asUid uid: Int? = nil) throws -> [String: [String: Any]] {
    let output = try rootlessStorage("list --json 2>/dev/null", asUid: uid, environment: environment)
    guard output.status == 0, let all = try JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? [String: Any],
      all["version"] as? Int == 1,
      let directories = all["directories"] as? [[String: Any]]
    else { throw CommandFailure(description: "list: \(output)") }
    let paths = directories.compactMap { $0["path"] as? String }
    guard paths == paths.sorted() else { throw CommandFailure(description: "not sorted: \(paths)") }
    return Dictionary(
      uniqueKeysWithValues: directories.map { (String(($0["path"] as? String ?? "").split(separator: "/").last ?? ""), $0) })
  }

  /// The states of all that is listed.
  func states(environment: String = "") throws -> [String: String] {
    try listed(environment: environment).mapValues { $0["state"] as? String ?? "?" }
  }

  /// What stands in the parent, sorted.
  func inParent() throws -> [String] { try sure("ls -A /var/tmp | LC_ALL=C sort").lines }
}
