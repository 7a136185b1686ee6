import Foundation
import TestSupport
import Testing

/// Homes on NFS with Kerberos: real tickets, rpc.gssd, sshd, su, cron and Podman.
@Suite(.serialized, .enabled(if: KerberosLab.isPossible, "needs a virtual machine with Kerberos: run it as Tests/run kerberos"))
struct KerberosTests {
  private static let podman = """
    podman info --format "{{.Store.GraphRoot}}" && podman import -q /srv/image.tar localhost/test >/dev/null && podman run --rm --network=none localhost/test stat -c %u:%g /data/owned-by-999
    """

  /// The lines of both sessions of a login, systemd's user manager's and sshd's, whichever came first.
  private func expectAll(_ lab: KerberosLab, of user: String, _ home: String) throws {
    let log = try lab.lab.log().filter { $0.hasPrefix("\(user):") }
    #expect(Set(log) == Set(([KerberosLab.storage(user)] + KerberosLab.files(user, home)).map(\.text)) && log.count == 3, "\(log)")
  }

  @Test(arguments: ["FILE:/tmp/krb5cc_%{uid}", "KEYRING:persistent:%{uid}", "KCM:%{uid}"])
  func `with a ticket all is as without Kerberos, wherever tickets lie`(cache: String) throws {
    let lab = try KerberosLab(release: "bookworm", flavour: "krb5i", cache: cache)
    let kind = cache.split(separator: ":")[0]
    let command = "klist | grep -o \"cache: [A-Z]*\"; \(KerberosTests.podman); echo status $?"
    let output: Output
    if kind == "KCM" {
      // pam_krb5 does not store tickets there: it is sssd's, or a user's kinit.
      try lab.lab.root("echo secret | setpriv --reuid 2001 --regid 2001 --clear-groups kinit alice >/dev/null")
      output = try lab.lab.login("alice", command)
    } else {
      output = try lab.byPassword("alice", command)
    }
    #expect(output.lines.prefix(4) == ["cache: \(kind)", "/var/tmp/alice/containers/storage", "999:999", "status 0"], "\(output)")
    try expectAll(lab, of: "alice", "/home/nfs4/alice")
    let delegated = try lab.byTicket("bob", "cat .config/docker/daemon.json", delegated: true)
    #expect(delegated.text.contains("\"data-root\": \"/var/tmp/bob/docker\"") && delegated.lines.last == "status 0", "\(delegated)")
    try expectAll(lab, of: "bob", "/home/nfs4/bob")
    #expect(try lab.lab.root("rootless-storage check alice bob").status == 0)
  }

  @Test func `with krb5p, on a newer kernel, Podman works after the first login`() throws {
    let lab = try KerberosLab(release: "trixie", flavour: "krb5p")
    let output = try lab.byPassword("alice", "grep -o sec=krb5p /proc/self/mounts | head -n 1; \(KerberosTests.podman)")
    #expect(output.lines == ["sec=krb5p", "/var/tmp/alice/containers/storage", "999:999", "status 0"], "\(output)")
    try expectAll(lab, of: "alice", "/home/nfs4/alice")
  }

  @Test func `without a ticket every kind of login goes on, and the next one with a ticket completes it`() throws {
    let lab = try KerberosLab(release: "bookworm", flavour: "krb5i")
    func notice(_ user: String) -> String { KerberosLab.notice(user, "/home/nfs4/\(user)", "krb5i", "Permission denied").text }
    // A public key. What is said twice is said by the user manager's session and by sshd's.
    let key = try lab.lab.login("bob", "echo in; ls -d /var/tmp/bob/containers")
    #expect(key.lines.suffix(2) == ["in", "/var/tmp/bob/containers"], "\(key)")
    let first = try lab.lab.log().filter { $0.hasPrefix("bob:") }
    #expect(Set(first) == [notice("bob"), KerberosLab.storage("bob").text], "\(first)")
    // GSSAPI without delegation, su by root, cron, and a user manager that lingers.
    try lab.lab.root("rm -rf /var/tmp/bob; loginctl terminate-user bob || true")
    #expect(try lab.byTicket("bob", "echo in", delegated: false).lines.contains("in"))
    try lab.lab.root("su - alice -c true")
    #expect(try lab.lab.log(of: "su-l") == [notice("alice"), KerberosLab.storage("alice").text])
    try lab.lab.root(
      """
      rm -rf /var/tmp/alice /run/rootless-storage/[0-9]*; echo '* * * * * alice touch /tmp/cron-was-here' >/etc/cron.d/alice; chmod 644 /etc/cron.d/alice
      date --set="$(date -d 'next minute' +%H:%M:00 | sed 's/$/ -3 seconds/')" >/dev/null 2>&1 || date --set="@$(( ($(date +%s) / 60 + 1) * 60 - 3 ))" >/dev/null
      systemctl restart cron
      for n in $(seq 900); do [ -e /tmp/cron-was-here ] && break; sleep 0.2; done; [ -e /tmp/cron-was-here ]; rm /etc/cron.d/alice
      """)
    #expect(Set(try lab.lab.log(of: "cron")) == [notice("alice"), KerberosLab.storage("alice").text])
    try lab.lab.root(
      "rm -rf /var/tmp/alice; loginctl terminate-user alice || true; loginctl enable-linger alice; for n in $(seq 300); do [ -d /var/tmp/alice ] && break; sleep 0.2; done; [ -d /var/tmp/alice ]"
    )
    #expect(try lab.lab.root("stat -c '%U %a' /var/tmp/alice").text == "alice 700\n")

    // Root looks at them: nothing is wrong, and nothing is left to do.
    let check = try lab.lab.root("rootless-storage check --all; echo status $?")
    #expect(check.lines.last == "status 0", "\(check)")
    #expect(
      check.lines.filter { $0.contains("note home-ticket-missing") }.count == 2
        && check.lines.contains { $0.split(separator: " ") == ["bob", "nfs4", "/var/tmp/bob", "no", "ticket"] }, "\(check)")
    #expect(try lab.lab.root("rm -rf /var/tmp/bob; rootless-storage repair bob; echo status $?").lines.last == "status 0")
    #expect(try lab.lab.root("stat -c '%U %a' /var/tmp/bob").text == "bob 700\n")
    let status = try lab.lab.root("rootless-storage status bob")
    #expect(status.text.contains("no valid ticket") && status.text.contains("/home/nfs4/bob, nfs4\n"), "\(status)")
    #expect(try lab.lab.root("rootless-storage verify bob; echo status $?").lines.last == "status 3")

    // alice fetches a ticket in her session, and repairs; bob comes back with one.
    let repaired = try lab.lab.login(
      "alice", "echo secret | kinit >/dev/null && rootless-storage repair && rootless-storage check; echo status $?")
    #expect(repaired.lines.last == "status 0" && repaired.text.contains("storage.conf"), "\(repaired)")
    let back = try lab.byPassword("bob", "ls .config/containers .config/docker")
    #expect(back.text.contains("storage.conf") && back.text.contains("daemon.json"), "\(back)")
    #expect(try lab.lab.root("rootless-storage check --all; echo status $?").lines.last == "status 0")
  }

  /// The mount decides, wherever in it the home lies, and however one gets there.
  @Test func `the way to a home without a ticket, and a stranger in the storage directory's place`() throws {
    let lab = try KerberosLab(release: "bookworm", flavour: "krb5i")
    try lab.lab.root(
      """
      account() { echo "$1:x:$2:$2::$3:/bin/bash" >>/etc/passwd; echo "$1:x:$2:" >>/etc/group; }
      account below 2050 /home/nfs4/folder/below; install -d /srv/export/home/folder; install -d -m 700 -o 2050 -g 2050 /srv/export/home/folder/below
      account linked 2051 /home/link/linked; install -d -m 700 -o 2051 -g 2051 /srv/export/home/linked; mkdir /home/link; ln -s ../nfs4/linked /home/link/linked
      account closed 2052 /home/closed/closed; install -d -m 700 /home/closed; install -d -m 700 -o 2052 -g 2052 /home/closed/closed
      install -d -o bob -g bob /var/tmp/alice
      """)
    for (user, home) in [("below", "/home/nfs4/folder/below"), ("linked", "/home/link/linked")] {
      let login = try lab.session(user, "strict")
      #expect(
        login.code == 0 && sameLines(login.log, [KerberosLab.notice(user, home, "krb5i", "Permission denied"), KerberosLab.storage(user)]),
        "\(login)")
    }
    // What is closed on a local disk has nothing to do with tickets, and gets nothing.
    let closed = try lab.session("closed")
    #expect(closed.log.count == 1 && closed.log[0].text.contains("cannot be reached by its user: Permission denied"), "\(closed)")
    #expect(try lab.lab.root("ls -d /var/tmp/closed 2>&1 || true").text.contains("No such file"))
    // Else a ticket later would find bob's directory in use.
    let squatted = try lab.session("alice", "strict")
    #expect(
      squatted.code == 0 && squatted.log.count == 2
        && squatted.log.contains { $0.priority == 3 && $0.text.contains("was a directory of uid 2002, and is now a directory of uid 2001") },
      "\(squatted)")
    #expect(try lab.lab.root("stat -c %U /var/tmp/alice").text == "alice\n")
  }

  @Test(arguments: ["bookworm", "trixie"])
  func `a ticket that has ended is no error, and strict lets in`(release: String) throws {
    let flavour = release == "trixie" ? "krb5p" : "krb5i"
    let lab = try KerberosLab(release: release, flavour: flavour)
    let as_ = "setpriv --reuid 2001 --regid 2001 --clear-groups env KRB5CCNAME=FILE:/tmp/krb5cc_2001"
    // Seen through the mount with a ticket of a few seconds; then the kernel's context has ended too.
    try lab.lab.root(
      "echo secret | \(as_) kinit -l 5s alice >/dev/null; \(as_) ls /home/nfs4/alice/ >/dev/null; for n in $(seq 600); do \(as_) stat /home/nfs4/alice/.config 2>&1 | grep -q 'Key has expired' && break; sleep 0.2; done"
    )
    let expired = try lab.session("alice", "strict")
    #expect(
      expired.code == 0
        && sameLines(
          expired.log, [KerberosLab.notice("alice", "/home/nfs4/alice", flavour, "Key has expired"), KerberosLab.storage("alice")]),
      "\(expired)")
    let check = try lab.lab.root("rootless-storage check alice; echo status $?")
    #expect(check.lines.last == "status 0" && check.text.contains("home-ticket-missing") && !check.text.contains("mv "), "\(check)")
    try lab.lab.root("echo secret | \(as_) kinit alice >/dev/null")
    let renewed = try lab.session("alice", "strict")
    #expect(renewed.code == 0 && sameLines(renewed.log, KerberosLab.files("alice", "/home/nfs4/alice")), "\(renewed)")
  }

  /// The table's row for whatever hangs: strict refuses, others go on after the timeout.
  @Test func `a KDC that does not answer, and an rpc.gssd that hangs, are waited for until the timeout`() throws {
    let lab = try KerberosLab(release: "bookworm", flavour: "krb5i")
    let as_ = "setpriv --reuid 2001 --regid 2001 --clear-groups env KRB5CCNAME=FILE:/tmp/krb5cc_2001"
    let killed =
      "the session helper was not done within the timeout and was killed, this session may be without container storage; check that the file server of the home answers, and with Kerberos its KDC and rpc.gssd"
    try lab.lab.root(
      "echo secret | \(as_) kinit alice >/dev/null; nft 'table inet deaf { chain in { type filter hook input priority 0; meta l4proto { tcp, udp } th dport 88 drop; }; }'"
    )
    let deaf = try lab.session("alice", "timeout=3")
    #expect(deaf.code == 0 && deaf.milliseconds >= 3000 && deaf.log == [Login.Line(priority: 3, text: "alice: \(killed)")], "\(deaf)")
    #expect(try lab.session("alice", "timeout=3 strict").code == 14)
    try lab.lab.root("nft delete table inet deaf")
    try lab.lab.root("for n in $(seq 100); do \(as_) ls /home/nfs4/alice/ >/dev/null 2>&1 && break; sleep 0.2; done")
    let answered = try lab.session("alice")
    #expect(
      answered.code == 0 && sameLines(answered.log, [KerberosLab.storage("alice")] + KerberosLab.files("alice", "/home/nfs4/alice")),
      "\(answered)")

    try lab.lab.root("pkill -STOP rpc.gssd")
    let hung = try lab.session("bob", "timeout=3")
    #expect(hung.code == 0 && hung.log == [Login.Line(priority: 3, text: "bob: \(killed)")], "\(hung)")
    try lab.lab.root(
      "pkill -CONT rpc.gssd; for n in $(seq 300); do setpriv --reuid 2002 --regid 2002 --clear-groups stat /home/nfs4/bob/. 2>&1 | grep -q 'Permission denied' && break; sleep 0.2; done"
    )
    let resumed = try lab.session("bob")
    #expect(
      sameLines(resumed.log, [KerberosLab.notice("bob", "/home/nfs4/bob", "krb5i", "Permission denied"), KerberosLab.storage("bob")]),
      "\(resumed)")
    #expect(try lab.lab.root("pgrep -a session-helper || true").text == "")
  }
}

/// In whatever order: journald sorts by its own clock.
private func sameLines(_ left: [Login.Line], _ right: [Login.Line]) -> Bool {
  left.map { "\($0)" }.sorted() == right.map { "\($0)" }.sorted()
}
