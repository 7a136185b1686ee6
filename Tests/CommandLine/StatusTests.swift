import Foundation
import TestSupport
import Testing

/// `status`, against the real journald(8).
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct StatusTests {
  /// alice has logged in. A journald(8) of its own keeps what the module has logged, and what others say it has.
  static func machine(settings: String = "network_filesystems = ramfs") throws -> Machine {
    let machine = try Machine.good(ownProcesses: true, settings: settings)
    try machine.sure(
      """
      mount -o remount,size=100m /var/tmp; head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\n' > /etc/machine-id; mount -t tmpfs -o mode=755 none /var/log
      install -d /etc/systemd /run/systemd/journal /run/log/journal; printf '[Journal]\\nReadKMsg=no\\nAudit=no\\n' > /etc/systemd/journald.conf
      head -c 300000 /dev/zero > /var/tmp/alice/containers/layer; mkdir -p /var/tmp/alice/docker/volumes/{db,empty}/_data; echo 1 > /var/tmp/alice/docker/volumes/db/_data/file
      chown -R 4001:4001 /var/tmp/alice/containers/layer /var/tmp/alice/docker
      """)
    return machine
  }

  /// The beginning of a script in which journald(8) runs: `log UID TEXT` sends it a line, and `stop` ends it.
  static let journald = #"""
    /usr/lib/systemd/systemd-journald >/dev/null 2>&1 & journald=$!
    until [ -S /run/systemd/journal/dev-log ] && [ -S /run/systemd/journal/socket ] && journalctl --sync; do kill -0 $journald || break; sleep 0.05; done
    log() { setpriv --reuid $1 --regid $1 --clear-groups /usr/bin/python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect("/run/systemd/journal/dev-log"); s.send(b"<86>sshd[7]: " + sys.argv[1].encode())' "$2"; }
    stop() { kill -9 $journald; }

    """#

  private func lines(_ text: String) -> [String] {
    text.replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]{8}[+]00:?00)?/#, with: "TIME").split(
      separator: "\n", omittingEmptySubsequences: false
    ).dropLast().map(String.init)
  }

  @Test func `one screen shows what a user has, and what the module logged last`() throws {
    let machine = try StatusTests.machine()
    let output = try machine.sh(
      StatusTests.journald + """
        log 0 'pam_rootless_storage(sshd:session): alice: created /var/tmp/alice'
        log 0 'pam_rootless_storage(sshd:session): alice: created /home/alice/.config/docker/daemon.json'
        log 0 'pam_rootless_storage(sshd:session): alicea: created /var/tmp/alicea'
        log 0 'somebody: pam_rootless_storage(sshd:session): alice: not the module'
        log 4002 'pam_rootless_storage(sshd:session): alice: forged'
        chmod 755 /run/log/journal; journalctl --sync
        env -i \(Machine.commandLine) status alice mallory; echo "exit $?"
        echo; setpriv --reuid 4001 --regid 4001 --clear-groups env -i \(Machine.commandLine) status | tail -n 1
        stop
        """)
    #expect(
      lines(output.text) == [
        "alice (uid 4001)",
        "  Home              /home/alice, ramfs",
        "  Storage           /var/tmp/alice",
        "  Size              300 KiB, last change TIME, not in use",
        "  Disk              100 MiB of 100 MiB free (99 %), tmpfs",
        "  Podman            /var/tmp/alice/containers/storage, driver overlay",
        "  Docker            /var/tmp/alice/docker",
        "  Volumes           1, on this host's disk alone",
        "  Subordinate uids  100000-165535",
        "  Subordinate gids  100000-165535",
        "  Last log line     TIME pam_rootless_storage(sshd:session):",
        "                    alice: created /home/alice/.config/docker/daemon.json",
        "",
        "mallory (uid 4002)",
        "  Home              /home/mallory, ramfs",
        "  Storage           /var/tmp/mallory, not in place",
        "  Disk              100 MiB of 100 MiB free (99 %), tmpfs",
        "  Podman            /home/mallory/.local/share/containers/storage",
        "  Docker            /home/mallory/.local/share/docker",
        "  Subordinate uids  200000-265535",
        "  Subordinate gids  200000-265535",
        "  Last log line     none",
        "exit 0",
        "",
        "  Last log line     none that you may read; root sees it",
      ], "\(output)")
  }

  @Test func `what is unknown is told as that`() throws {
    let machine = try StatusTests.machine()
    try machine.sure(
      """
      echo 'subid: sss' >> /etc/nsswitch.conf; rm /etc/subgid; mkdir -p /var/tmp/local
      echo 'dave:x:4003:4003::/var/tmp/local/dave:/bin/sh' >> /etc/passwd; echo 'dave:x:4003:' >> /etc/group; install -d -o 4003 -g 4003 -m 700 /var/tmp/local/dave
      mount --bind /dev/null /usr/bin/journalctl; rm -r /home/alice; ln -s /nowhere /home/alice
      """)
    let output = try machine.rootlessStorage("status alice dave nobody-here")
    #expect(output.status == 2)
    #expect(output.text.contains("  Home              "), "\(output)")
    #expect(output.text.contains("  Storage           none, the home is local\n"), "\(output)")
    #expect(output.text.contains("  Subordinate ids   from sss (subid in /etc/nsswitch.conf)\n"), "\(output)")
    #expect(output.text.contains("  Last log line     unknown: there is no journalctl here; look for\n"), "\(output)")
    #expect(output.text.contains("nobody-here: could not look: there is no account of that name"), "\(output)")
  }

  @Test func `root names users, and nobody else sees another's`() throws {
    let machine = try StatusTests.machine()
    let root = try machine.rootlessStorage("status")
    #expect(root.status == 2 && root.text.contains("Name the users whose status is to be shown."), "\(root)")
    let other = try machine.rootlessStorage("status mallory", asUid: 4001)
    #expect(other.status == 2 && other.text.contains("only root may look into the home of another user"), "\(other)")
    #expect(try machine.rootlessStorage("status", asUid: 4001).text.contains("  Storage           /var/tmp/alice\n"))
    #expect(try machine.rootlessStorage("status --timeout 0 alice").status == 2)
  }

  @Test func `nothing is changed by it`() throws {
    let machine = try StatusTests.machine()
    let state = "find /home /var/tmp /etc /run -printf '%p %i %m %U %G %T@ %C@\\n' | LC_ALL=C sort"
    let before = try machine.sure(state).text
    #expect(try machine.rootlessStorage("status alice mallory").status == 0)
    #expect(try machine.sure(state).text == before)
  }
}
