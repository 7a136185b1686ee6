import Testing

@testable import rootless_storage

@Suite struct SELinuxDenialsTests {
  private func denials(_ text: String, hasDomain: Bool = false) -> SELinuxDenials? {
    SELinuxDenials(Array(text.utf8).split(separator: 0x0a), hasDomain: hasDomain)
  }

  private static let sshd =
    "AVC avc:  denied  { getattr } for  pid=811 comm=\"session-helper\" path=\"/var/tmp/bob\" dev=\"vda\" ino=131073 scontext=system_u:system_r:sshd_t:s0-s0:c0.c1023 tcontext=unconfined_u:object_r:user_tmp_t:s0 tclass=dir permissive=0"

  @Test func `the last denial of a program of the system's makes the sentence`() {
    let cron = SELinuxDenialsTests.sshd.replacing("{ getattr }", with: "{ read write }").replacing("sshd_t", with: "crond_t").replacing(
      "tclass=dir", with: "tclass=file")
    let found = denials("\(SELinuxDenialsTests.sshd)\n\(cron)\n")
    #expect(found?.count == 2 && found?.last == "{ read write } on a file of the type user_tmp_t, in the domain crond_t")
    let finding = selinuxFindings(found)
    #expect(
      finding.map(\.code) == [.selinuxDenied] && finding[0].sentence.contains("2 accesses")
        && finding[0].remedy.text.hasPrefix("load the policy module"))
    #expect(
      selinuxFindings(denials(SELinuxDenialsTests.sshd, hasDomain: true))[0].remedy.text.hasPrefix(
        "sudo ausearch -m avc -c session-helper "))
    #expect(selinuxFindings(nil) == [])
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
