import Testing

@testable import RootlessStorage
@testable import rootless_storage

@Suite struct SELinuxDenialsTests {
  private func denials(_ text: String, hasDomain: Bool = false, off: Set<String> = []) -> SELinuxDenials? {
    SELinuxDenials(Array(text.utf8).split(separator: .newline), hasDomain: hasDomain, off: off)
  }

  private static let sshd =
    "AVC avc:  denied  { getattr } for  pid=811 comm=\"session-helper\" path=\"/var/tmp/bob\" dev=\"vda\" ino=131073 scontext=system_u:system_r:sshd_t:s0-s0:c0.c1023 tcontext=unconfined_u:object_r:user_tmp_t:s0 tclass=dir permissive=0"

  @Test func `the last denial of a program of the system's makes the sentence`() {
    let cron = SELinuxDenialsTests.sshd.replacing("{ getattr }", with: "{ read write }").replacing("sshd_t", with: "crond_t").replacing(
      "tclass=dir", with: "tclass=file")
    let found = denials("\(SELinuxDenialsTests.sshd)\n\(cron)\n")
    #expect(found?.count == 2 && found?.last == "{ read write } on a file of the type user_tmp_t, in the domain crond_t")
    let finding = selinuxFindings(found, nil)
    #expect(
      finding.map(\.code) == [.selinuxDenied] && finding[0].sentence.contains("2 accesses")
        && finding[0].remedy.text.hasPrefix("load the policy module"))
    #expect(
      selinuxFindings(denials(SELinuxDenialsTests.sshd, hasDomain: true), nil)[0].remedy.text.hasPrefix(
        "sudo ausearch -m avc -c session-helper "))
    #expect(selinuxFindings(nil, Settings()) == [])
  }

  @Test func `what was denied before the policy was changed counts no more`() {
    let (denial, load) = (SELinuxDenialsTests.sshd, "MAC_POLICY_LOAD auid=0 ses=3 lsm=selinux res=1")
    #expect(denials("\(denial)\n\(load)\n") == nil)
    #expect(denials("\(denial)\nMAC_CONFIG_CHANGE bool=use_nfs_home_dirs val=1 old_val=0 auid=0 ses=3\n") == nil)
    #expect(denials("\(denial)\n\(denial)\n\(load)\n\(denial)\n")?.count == 1)
    #expect(denials("\(load)\n\(denial)\nMAC\n")?.count == 1)
  }

  @Test func `the booleans are named that the settings need and that are off`() {
    let both: Set = ["rootless_storage_allocate_subids", "rootless_storage_limit_storage"]
    func remedy(_ off: Set<String>, hasDomain: Bool = true, _ change: (inout Settings) -> Void) -> String? {
      var settings = Settings()
      change(&settings)
      return selinuxFindings(denials(SELinuxDenialsTests.sshd, hasDomain: hasDomain, off: off), settings)[0].remedy.command
    }
    let ausearch = "sudo ausearch -m avc -c session-helper"
    #expect(remedy(both) { $0.quotas.general.bytes = 1 << 30 } == "sudo setsebool -P rootless_storage_limit_storage=on")
    #expect(remedy(both) { $0.subordinateIDs.allocates = true } == "sudo setsebool -P rootless_storage_allocate_subids=on")
    let all = remedy(both) {
      $0.quotas.general.inodes = 1000
      $0.subordinateIDs.allocates = true
    }
    #expect(all == "sudo setsebool -P rootless_storage_allocate_subids=on rootless_storage_limit_storage=on")
    #expect(remedy(both) { _ in } == ausearch)
    #expect(remedy(["rootless_storage_allocate_subids"]) { $0.quotas.general.bytes = 1 << 30 } == ausearch)
    // Without the policy module there are no booleans.
    #expect(remedy(both, hasDomain: false) { $0.quotas.general.bytes = 1 << 30 } == nil)
  }

  @Test(arguments: [
    "", "AVC avc:  denied", "AVC avc:  denied  { } for scontext=system_u tcontext=x:y:z tclass=dir",
    "} { scontext=system_u:system_r:a_t:s0 tcontext=a:b:c tclass=dir",
    sshd.replacing("system_u:system_r:sshd_t", with: "unconfined_u:unconfined_r:unconfined_t"), sshd.replacing("tclass=dir", with: ""),
  ])
  func `a user's program, and what is no denial, make none`(line: String) { #expect(denials(line) == nil) }

  @Test func `what stands in a line is shown, and not printed as it is`() {
    let found = denials(SELinuxDenialsTests.sshd.replacing("user_tmp_t", with: "a\u{1b}[2Jb"))
    #expect(found?.last.contains("\u{1b}") == false)
  }
}
