import Foundation
import TestSupport
import Testing

/// pam_rootless_storage as rpm handles it, with its scriptlets, in a root whose session stacks are those of RHEL without authselect. rpm
/// and the programs of the root are Debian's; its libpam finds the module through a symbolic link.
@Suite(.enabled(if: DebianRoot.isPossible, Comment(rawValue: DebianRoot.need)))
struct RPMPackageTests {
  private let settings = "/etc/rootless-storage/rootless-storage.conf"
  private let stacks = ["system-auth", "password-auth"]

  private func redHat() throws -> DebianRoot {
    let root = try DebianRoot()
    try root.sure(
      """
      rm -rf /usr/sbin/pam-auth-update /usr/share/pam-configs /usr/lib/pam.d /etc/pam.d; mkdir /etc/pam.d
      ln -s /usr/lib64/security/pam_rootless_storage.so /usr/lib/$(uname -m)-linux-gnu/security/pam_rootless_storage.so
      for stack in \(stacks.joined(separator: " ")); do
        printf 'auth        required      pam_unix.so\\naccount     required      pam_unix.so\\npassword    required      pam_unix.so\\n' > /etc/pam.d/$stack
        printf 'session     optional      pam_keyinit.so revoke\\n-session    optional      pam_systemd.so\\nsession     required      pam_unix.so\\n' >> /etc/pam.d/$stack
      done
      for type in auth account password session; do printf '%s include password-auth\\n' $type >> /etc/pam.d/sshd; printf '%s include system-auth\\n' $type | tee -a /etc/pam.d/login >> /etc/pam.d/su; done
      printf 'session required pam_deny.so\\n' > /etc/pam.d/other
      """)
    return root
  }

  /// - Parameter what: options, and a package to install, or the name of the one to remove.
  @discardableResult
  private func rpm(_ root: DebianRoot, _ what: String) throws -> Output {
    // Its dependencies are not in this root's database.
    try root.outside("rpm --root /mnt/root --force-debian --nodeps \(what)")
  }

  private func install(_ root: DebianRoot) throws {
    let output = try rpm(root, "--install '\(DebianRoot.rpm)'")
    #expect(output.status == 0, "\(output)")
  }

  @Test func `installed, it changes no stack and switches nothing on; rootless-storage pam enable does`() throws {
    let root = try redHat()
    let before = try root.sure("cat /etc/pam.d/*").text
    try install(root)
    #expect(try root.sure("cat /etc/pam.d/*").text == before)
    #expect(try root.sh("systemctl is-enabled rootless-storage-prune.timer rootless-storage-check.timer").text == "disabled\ndisabled\n")
    try root.sure("rootless-storage pam enable")
    for stack in stacks { #expect(try root.session(stack).last == DebianRoot.line, "\(stack)") }
    try root.user("alice", uid: 4001)
    try root.sure("echo 'network_filesystems = ramfs' >> \(settings); printf 'session include system-auth\\n' > /etc/pam.d/tested")
    let login = try Login(try root.sh("rm -f /dev/log; /run/tests/pam-host --log /etc/pam.d tested alice"))
    #expect(login.code == 0 && login.informations.contains { $0.hasPrefix("alice: created storage directory /var/tmp/alice") }, "\(login)")
  }

  @Test func `an upgrade keeps changed settings and the line, and replaces what is unchanged`() throws {
    let root = try redHat()
    try install(root)
    try root.sure("rootless-storage pam enable; echo 'uid_min = 5000' >> \(settings)")
    let before = try root.sure("cat /etc/pam.d/*-auth").text
    let output = try rpm(root, "--upgrade '\(DebianRoot.nextRPM)'")
    #expect(output.status == 0, "\(output)")
    #expect(try root.sure("tail -n 1 \(settings)").text == "uid_min = 5000\n")
    #expect(try root.sure("tail -n 1 \(settings).rpmnew").text == "# next\n")
    #expect(try root.sure("cat /etc/rootless-storage/skel/.config/docker/daemon.json").text.contains("next"))
    #expect(try root.sure("cat /etc/pam.d/*-auth").text == before)
  }

  @Test func `removed, its line is gone before its module, a timer that was switched on too, and nothing is left but what was changed`()
    throws
  {
    let root = try redHat()
    let before = try root.files(), stacks = try root.sure("cat /etc/pam.d/*").text
    try install(root)
    try root.sure(
      "rootless-storage pam enable; systemctl enable rootless-storage-prune.timer rootless-storage-check.timer; echo '# mine' >> \(settings); install -d /var/lib/rootless-storage; touch /var/lib/rootless-storage/orphans"
    )
    // The erasure of the module's file, and what the stacks say at that moment.
    let output = try root.outside(
      "strace -f -o /mnt/trace -e trace=unlink,unlinkat,rename,renameat,renameat2 rpm --root /mnt/root --force-debian --nodeps --erase pam_rootless_storage; grep -nE 'pam_rootless_storage.so|system-auth|password-auth' /mnt/trace >/mnt/order"
    )
    #expect(try root.sh("grep -ls rootless /etc/pam.d/system-auth /etc/pam.d/password-auth").text == "", "\(output)")
    let order = try root.outside("cat /mnt/order").lines.filter { !$0.contains("= -1") }
    let module = try #require(order.firstIndex { $0.contains("unlinkat(") && $0.contains("\"pam_rootless_storage.so\"") }, "\(order)")
    for stack in self.stacks {
      let last = try #require(order.lastIndex { $0.contains("\(stack)\"") }, "\(order)")
      #expect(last < module, "\(order)")
    }
    #expect(
      try root.sh("systemctl is-enabled rootless-storage-prune.timer").status != 0
        && root.sh("systemctl is-enabled rootless-storage-check.timer").status != 0)
    #expect(try root.sure("tail -n 1 \(settings).rpmsave").text == "# mine\n")
    try root.sure("rm -r /etc/rootless-storage /etc/pam.d/*.bak")
    // Shared directories are other packages' on the systems that it is for, and Debian's rpm has its database in /root.
    #expect(Set(try root.files()).subtracting(before).filter { !$0.contains(" d ") && !$0.hasPrefix("/root/.rpmdb/") } == [])
    #expect(try root.sure("cat /etc/pam.d/*").text == stacks)
  }

  @Test func `removed where there is container storage, it leaves the lines that keep systemd-tmpfiles away`() throws {
    let root = try redHat()
    let kept = "/etc/tmpfiles.d/rootless-storage-kept.conf"
    let installed = try rpm(root, "--install '\(DebianRoot.rpm)'")
    #expect(installed.text.contains("in no PAM stack yet. Next: rootless-storage pam enable"), "\(installed)")
    try root.user("alice", uid: 4001)
    try root.sure("install -d /etc/tmpfiles.d; install -d -o 4001 -g 4001 -m 700 /var/tmp/alice /var/tmp/alice/containers")
    let removed = try rpm(root, "--erase pam_rootless_storage")
    #expect(removed.status == 0 && removed.text.contains("Container storage of users stays on this host."), "\(removed)")
    #expect(try root.sure("grep -c '^x ' \(kept)").text == "3\n")
    try install(root)
    #expect(try root.sh("test -e \(kept)").status != 0)
  }

  @Test func `a line that an administrator has written keeps it from being removed`() throws {
    let root = try redHat()
    try install(root)
    try root.sure("echo 'session required pam_rootless_storage.so strict' >> /etc/pam.d/su; cp /etc/pam.d/su /etc/pam.d/su.rpmsave")
    let refused = try rpm(root, "--erase pam_rootless_storage")
    #expect(
      refused.status != 0 && refused.text.contains("/etc/pam.d/su\n") && !refused.text.contains("/etc/pam.d/su.rpmsave"), "\(refused)")
    #expect(try root.sh("test -e /usr/lib64/security/pam_rootless_storage.so").status == 0)
    try root.sure("sed -i /rootless/d /etc/pam.d/su")
    #expect(try rpm(root, "--erase pam_rootless_storage").status == 0)
  }

  // MARK: RHEL's macros and packages

  /// As redhat-rpm-config of RHEL has them, as far as they matter for this package. Its sh is bash, which brp-compress needs.
  private static func macros(_ release: Int) -> String {
    """
    %dist .el\(release)
    %rhel \(release)
    %el\(release) 1
    %_isa (x86-64)
    %_lib lib64
    %_libdir /usr/lib64
    %_libexecdir /usr/libexec
    %_unitdir /usr/lib/systemd/system
    %_tmpfilesdir /usr/lib/tmpfiles.d
    %_enable_debug_packages 1
    %_include_minidebuginfo 1
    %_build_id_links compat
    %_missing_build_ids_terminate_build 1
    %_binary_payload \(release == 8 ? "w2.xzdio" : "w19.zstdio")
    %__os_install_post bash /usr/lib/rpm/brp-compress /usr \\
      /usr/lib/rpm/brp-strip %{__strip} \\
      /usr/lib/rpm/brp-strip-comment-note %{__strip} %{__objdump} \\
      /usr/lib/rpm/brp-strip-static-archive %{__strip} \\
    %{nil}
    """
  }

  /// What packages of RHEL 8 provide: glibc 2.28, GCC 8, Linux-PAM 1.3.1. The newest of each.
  private static let newest = ["GLIBC": "2.28", "GCC": "7.0.0", "LIBPAM": "1.0", "LIBPAM_EXTENSION": "1.1.1", "LIBPAM_MODUTIL": "1.1.9"]
  private static let libraries = [
    "ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpam.so.0", "libpthread.so.0", "librt.so.1",
  ]

  /// An empty package that provides what is required, in a version of RHEL 8's; whatever RHEL 8 does not have is left out.
  private func platform(_ requirements: [String], in folder: String) throws -> String {
    let provided = requirements.filter { requirement in
      if ["/bin/sh", "pam(x86-64)", "rtld(GNU_HASH)"].contains(requirement) { return true }
      guard let parts = requirement.wholeMatch(of: /([^(]+)\((?:([A-Z_]+)_([0-9.]+))?\)\(64bit\)/),
        RPMPackageTests.libraries.contains(String(parts.1))
      else { return false }
      guard let family = parts.2, let version = parts.3 else { return true }
      return RPMPackageTests.newest[String(family)].map { String(version).compare($0, options: .numeric) != .orderedDescending } ?? false
    }
    let spec =
      "Name: rhel-8\nVersion: 8\nRelease: 1\nSummary: What it provides\nLicense: none\nBuildArch: noarch\n"
      + provided.map { "Provides: \($0)\n" }.joined() + "%description\n-\n%files\n"
    try Data(spec.utf8).write(to: URL(fileURLWithPath: "\(folder)/rhel-8.spec"))
    let output = try run(
      "/usr/bin/rpmbuild", ["-bb", "--define", "_topdir \(folder)", "--define", "_rpmdir \(folder)/platform", "\(folder)/rhel-8.spec"])
    if output.status != 0 { throw CommandFailure(description: "\(output)") }
    return "\(folder)/platform/noarch/rhel-8-8-1.noarch.rpm"
  }

  @Test(arguments: [8, 9])
  func `built with RHEL's macros, it needs nothing that RHEL 8 lacks: rpm installs it, upgrades it and erases it, dependencies and all`(
    release: Int
  ) throws {
    let folder = try run("/usr/bin/mktemp", ["-d", "/var/tmp/rootless-storage-rpm-test.XXXXXX"]).lines[0]
    defer { _ = try? run("/bin/rm", ["-rf", folder]) }
    try Data(RPMPackageTests.macros(release).utf8).write(to: URL(fileURLWithPath: "\(folder)/.rpmmacros"))
    let built = try run("/usr/bin/env", ["HOME=\(folder)", "\(projectDirectory)/packaging/rpm", "--without-build", "--output", folder])
    let package = built.lines.last ?? ""
    try #require(built.status == 0 && package.hasSuffix("-1.el\(release).x86_64.rpm"), "\(built)")

    // The same programs, and pages as RHEL compresses them.
    func digests(_ file: String) throws -> [String] {
      try run("/usr/bin/rpm", ["-qp", "--queryformat", "[%{FILEDIGESTS} %{FILENAMES}\n]", file]).lines.filter {
        $0.contains(/(bin\/rootless-storage|\.so|session-helper)$/)
      }
    }
    #expect(try digests(package) == digests(DebianRoot.rpm) && digests(package).count == 3)
    let files = try run("/usr/bin/rpm", ["-qpl", package]).lines
    #expect(
      files.contains("/usr/lib64/security/pam_rootless_storage.so") && files.contains("/usr/share/man/man8/rootless-storage.8.gz")
        && !files.contains { $0.contains("build-id") }, "\(files)")

    // rpm of RHEL 8, 4.14, knows these properties of a package.
    let requirements = try run("/usr/bin/rpm", ["-qp", "--requires", package]).lines
    let properties = requirements.filter { $0.hasPrefix("rpmlib(") }.map { String($0.prefix { $0 != " " }) }
    #expect(
      Set(properties).isSubset(of: [
        "rpmlib(CompressedFileNames)", "rpmlib(FileDigests)", "rpmlib(PayloadFilesHavePrefix)", "rpmlib(PayloadIsXz)",
        "rpmlib(PayloadIsZstd)",
      ]), "\(properties)")
    #expect(requirements.contains { $0.contains("GLIBC_2.") })

    let root = try redHat()
    let platform = try platform(requirements, in: folder)
    func rpm(_ what: String) throws -> Output { try root.outside("rpm --root /mnt/root --force-debian \(what)") }
    #expect(try rpm("--install '\(package)'").status != 0, "nothing provides libc yet")
    #expect(try rpm("--install '\(platform)'").status == 0)
    let stacks = try root.sure("cat /etc/pam.d/*").text
    let installed = try rpm("--install '\(package)'")
    #expect(installed.status == 0, "\(installed)")
    #expect(try rpm("--verify pam_rootless_storage").text == "", "owners, modes and contents are the package's")
    try root.sure("rootless-storage pam enable")
    let upgraded = try rpm("--upgrade '\(DebianRoot.nextRPM)'")
    #expect(upgraded.status == 0, "\(upgraded)")
    for stack in self.stacks { #expect(try root.session(stack).last == DebianRoot.line, "\(stack)") }
    let erased = try rpm("--erase pam_rootless_storage")
    #expect(erased.status == 0, "\(erased)")
    #expect(try rpm("--query --all").lines == ["rhel-8-8-1.noarch"])
    #expect(try root.sure("rm -f /etc/pam.d/*.bak; cat /etc/pam.d/*").text == stacks)
  }
}
