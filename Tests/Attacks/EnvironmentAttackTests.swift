import Foundation
import TestSupport
import Testing

/// What the caller of a host like su has in the environment (CVE-2010-3853, pam_namespace: it reached a helper of root's).
@Suite(.enabled(if: Attack.isPossible, Comment(rawValue: Attack.need)))
struct EnvironmentAttackTests {
  static let variables = [
    "LD_PRELOAD=/etc/mark.so", "LD_AUDIT=/etc/mark.so", "LD_LIBRARY_PATH=/etc/libraries", "LD_BIND_NOW=1", "LD_DEBUG=all",
    "LD_DEBUG_OUTPUT=/etc/debug",
    "LD_PROFILE=libc.so.6", "LD_PROFILE_OUTPUT=/etc", "GLIBC_TUNABLES=glibc.malloc.check=3:glibc.malloc.perturb=165", "MALLOC_CHECK_=3",
    "MALLOC_PERTURB_=165",
    "MALLOC_TRACE=/etc/trace", "SWIFT_DEBUG_ENABLE_MALLOC_SCRIBBLE=1", "SWIFT_BACKTRACE=enable=yes", "TMPDIR=/home/mallory",
    "TZ=/home/mallory/things/tz",
    "TZDIR=/home/mallory", "LOCPATH=/home/mallory", "LANG=tr_TR.UTF-8", "LC_ALL=xx", "NLSPATH=/home/mallory/%N", "GCONV_PATH=/home/mallory",
    "IFS=/", "PATH=/home/mallory",
    "HOME=/home/mallory", "USER=mallory", "LOGNAME=mallory", "XDG_CONFIG_HOME=/home/mallory", "XDG_DATA_HOME=/home/mallory",
    "XDG_RUNTIME_DIR=/home/mallory",
    "CONTAINERS_STORAGE_CONF=/home/mallory/x", "STORAGE_DRIVER=vfs", "HOSTALIASES=/home/mallory/x", "RES_OPTIONS=debug", "LOCALDOMAIN=evil",
    "BASH_ENV=/etc/mark.sh",
  ]

  @Test func `nothing of it reaches the helper or changes what a login does`() throws {
    let machine = try Machine.attacked()
    try machine.library(
      """
      #include <fcntl.h>
      #include <unistd.h>
      __attribute__((constructor)) static void mark(void) {
        int file = open("/dev/shm/mark", O_WRONLY | O_CREAT | O_APPEND, 0666);
        char path[256];
        long length = readlink("/proc/self/exe", path, sizeof path);
        if (length > 0 && write(file, path, length) > 0 && write(file, "\\n", 1) > 0) close(file);
      }
      unsigned la_version(unsigned version) { return version; }
      """, to: "/etc/mark.so")
    // In place of libc too, where LD_LIBRARY_PATH counts.
    try machine.sure("mkdir /etc/libraries; cp /etc/mark.so /etc/libraries/libc.so.6; echo 'touch /dev/shm/mark' > /etc/mark.sh")
    func state() throws -> [String] {
      try machine.sure(
        "cd /; find /home/alice /home/mallory /var/tmp -printf '%p %y %m %U:%G %s %l\\n' | sort; cat /home/alice/.config/*/*"
      ).lines
    }
    func reset() throws { try machine.sure("rm -rf /home/alice/.config /var/tmp/alice") }
    let clean = try machine.login("alice", "debug strict timeout=60")
    let expected = try state()
    #expect(clean.informations.count == 3)

    // The proof that the mark can be made: a helper that is started with the variable.
    try machine.sh("LD_PRELOAD=/etc/mark.so /usr/libexec/rootless-storage/session-helper --uid 4001 --gid 4001 --home /home/alice alice")
    #expect(try machine.sure("cat /dev/shm/mark; rm /dev/shm/mark").text.contains("session-helper"))

    var sets = EnvironmentAttackTests.variables.map { [$0] }
    sets.append(EnvironmentAttackTests.variables)
    for variables in sets {
      for caller in ["", "--caller 4009"] {
        try reset()
        let login = try machine.login(
          "alice", "debug strict timeout=60", host: "\(caller) " + variables.map { "--setenv '\($0)'" }.joined(separator: " "))
        #expect(login.log == clean.log && login.code == 0 && login.output.status == 0, "\(variables): \(login)")
        #expect(try state() == expected, "\(variables)")
        #expect(try machine.sh("ls /dev/shm/mark /etc/debug* /etc/trace* /etc/*.profile 2> /dev/null").text == "", "\(variables)")
      }
    }
  }
}
