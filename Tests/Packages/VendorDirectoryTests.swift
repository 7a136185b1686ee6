import Foundation
import TestSupport
import Testing

/// libpam looks for a service's file where it was told to when it was built, and the command looks there too.
@Suite(.enabled(if: DebianRoot.isPossible, Comment(rawValue: DebianRoot.need)))
struct VendorDirectoryTests {
  @Test func `a libpam that was built for another directory: su, pam status, enable and check find the same file`() throws {
    let root = try DebianRoot()
    try root.install()
    try root.user("alice", uid: 4001)
    try root.sure(
      """
      mount -t tmpfs -o mode=1777 storage /var/tmp; printf 'network_filesystems = ramfs\\n' > /etc/rootless-storage/rootless-storage.conf
      rm -f /etc/pam.d/su; mkdir -p /usr/lib/pam.d /usr/etc/pam.d
      printf 'auth sufficient pam_rootok.so\\naccount required pam_permit.so\\nsession required pam_permit.so\\n' | tee /usr/lib/pam.d/su > /usr/etc/pam.d/su
      printf 'session optional pam_rootless_storage.so\\n' >> /usr/etc/pam.d/su
      """)
    func state() throws -> String {
      let text = try root.sh("rootless-storage pam status --json").text
      let all = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
      let su = (all["services"] as? [[String: Any]])?.first { $0["service"] as? String == "su" }
      return "\(su?["state"] as? String ?? text) \(su?["file"] as? String ?? "")"
    }
    func makes() throws -> Bool { try root.sh("rm -rf /var/tmp/alice; su alice -c true; test -d /var/tmp/alice").status == 0 }
    #expect(try state() == "no /usr/lib/pam.d/su" && !makes())
    // The same libpam as a distribution builds it that names another directory: both names have the same length.
    try root.sure(
      "library=$(readlink -f /lib/$(uname -m)-linux-gnu/libpam.so.0); sed 's#/usr/lib/pam[.]d#/usr/etc/pam.d#g' $library > $library.new; ! cmp -s $library $library.new; mv $library.new $library"
    )
    #expect(try state() == "yes /usr/etc/pam.d/su" && makes())
    // The vendor's file is not changed; the message has what to do, which works.
    try root.sure("sed -i /rootless/d /usr/etc/pam.d/su")
    #expect(try state() == "no /usr/etc/pam.d/su" && !makes())
    let refused = try root.sh("rootless-storage pam enable")
    #expect(
      refused.status == 1 && refused.text.replacing(#/\s+/#, with: " ").contains("/usr/etc/pam.d/su is the vendor's")
        && refused.text.contains("sudo cp /usr/etc/pam.d/su /etc/pam.d/su"), "\(refused)")
    try root.sure("cp /usr/etc/pam.d/su /etc/pam.d/su; rootless-storage pam enable")
    #expect(try state() == "yes /etc/pam.d/su" && makes())
    // A line there keeps the module where it is.
    try root.sure(
      "rootless-storage pam disable; rm /etc/pam.d/su; printf 'session optional pam_rootless_storage.so debug\\n' >> /usr/etc/pam.d/su")
    let kept = try root.sh("dpkg --remove libpam-rootless-storage")
    #expect(kept.status != 0 && kept.text.contains("/usr/etc/pam.d/su\n"), "\(kept)")
  }
}
