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
    place.put("usr/lib64/security/pam_permit.so", "")
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
    findings().map { "\($0.code.rawValue): \($0.sentence) | \($0.remedy)".replacingOccurrences(of: shown(place.path), with: "") }
  }

  @Test func `a host with everything in place has no findings, and nothing is hidden from root`() {
    #expect(sentences() == [])
    #expect(hostUnseen(facts()) == [])
    #expect(facts().settings == Settings())
  }

  @Test func `a missing module`() {
    _ = unsafe withCString(place("usr/lib64/security/pam_rootless_storage.so")) { unsafe unlink($0) }
    #expect(
      sentences() == [
        "module-missing: The PAM module /usr/lib64/security/pam_rootless_storage.so is not there, so no login prepares anything. | install the package again, or packaging/install from its source"
      ])
    place.put("etc/pam.d/common-session", "session optional /opt/pam_rootless_storage.so\n")
    place.put("etc/pam.d/common-session-noninteractive", "session optional /opt/pam_rootless_storage.so\n")
    #expect(sentences().map { $0.prefix(59) } == ["module-missing: The PAM module /opt/pam_rootless_storage.so"])
    place.put("opt/pam_rootless_storage.so", "")
    #expect(sentences() == [])
    _ = unsafe withCString(place("usr/lib64/security/pam_permit.so")) { unsafe unlink($0) }
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
        "helper-missing: The session helper /usr/libexec/rootless-storage/session-helper, which runs as root at every login, is not root's alone: /usr/libexec/rootless-storage/session-helper is writable by others (mode 0775). | look at /usr/libexec/rootless-storage/session-helper as root, then: chmod go-w /usr/libexec/rootless-storage/session-helper"
      ])
    place.setMode(helper, 0o755)
    place.setOwner("usr/libexec", 12_345)
    #expect(sentences().first?.contains("/usr/libexec is owned by uid 12345. | look at /usr/libexec as root, then: chown root:root /usr/libexec") == true)
    place.setOwner("usr/libexec", 0)
    _ = unsafe withCString(place(helper)) { unsafe unlink($0) }
    #expect(sentences().first?.hasPrefix("helper-missing: The session helper /usr/libexec/rootless-storage/session-helper is not there") == true)
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
        "settings-refused: The settings are not used and nothing is done: /etc/rootless-storage/rootless-storage.conf is writable by others (mode 0666); it and every directory above it must be root's and writable by nobody else. | look at /etc/rootless-storage/rootless-storage.conf as root, then: chmod go-w /etc/rootless-storage/rootless-storage.conf"
      ])
    #expect(facts().settings == nil)
  }

  @Test func `the settings that the PAM lines name are the ones that count`() {
    place.put("etc/other.conf", "uid_min = 7000\n")
    place.put("etc/pam.d/common-session", ours + " conf=/etc/other.conf\n")
    #expect(facts().settings?.uidMin == 1000)
    place.put("etc/pam.d/common-session-noninteractive", ours + " conf=/etc/other.conf\n")
    #expect(facts().settings?.uidMin == 7000)
    #expect(HostFacts.look(settingsPath: bytes("/" + conf), root: place.path).settings?.uidMin == 1000)
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
    #expect(findings().map(\.code) == [.storageAgeing])
    #expect(sentences().first?.contains("7d below /scratch (/usr/lib/tmpfiles.d/tmp.conf:2)") == true)
  }

  @Test func `all facts of a host with nothing`() {
    let empty = TestDirectory()
    let found = hostFindings(HostFacts.look(root: empty.path))
    #expect(Set(found.map(\.code)) == [.moduleMissing, .helperMissing, .skeletonRefused, .newuidmap, .pamNotReached])
  }
}

@Suite struct HostDiagnosisWordsTests {
  @Test func `the host that runs this is looked at without harm`() {
    let facts = HostFacts.look()
    #expect(facts.userNamespaces.kernel.isEmpty == false)
    _ = hostFindings(facts)
  }

  @Test(arguments: [
    ("alice", "alice"), ("/a/b-c.d_e:f=@+,", "/a/b-c.d_e:f=@+,"), ("", "''"), ("a b", "'a b'"), ("$(x)`*", "'$(x)`*'"), ("DOM\\alice", "'DOM\\alice'"),
    ("o'brien", "$'o\\047brien'"), ("a\nb", "$'a\\012b'"), ("ä", "$'\\303\\244'"),
  ])
  func `a word can be pasted into a shell`(word: String, expected: String) { #expect(shellWord(bytes(word)) == expected) }

  @Test(arguments: [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")] as [([String], String)])
  func `names are listed`(names: [String], expected: String) { #expect(list(names) == expected) }
}
