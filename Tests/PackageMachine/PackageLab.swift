import Foundation
import TestSupport

/// What the tests of this target need of Tests/run: the Debian package, and machines of these releases.
enum Packages {
  static let file = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_DEB"]
  /// A later version of it.
  static let next = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_NEXT_DEB"]
  static let releases = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_RELEASES"]?.split(separator: " ").map(String.init) ?? []
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
  func apt(_ command: String) throws -> String {
    try root("DEBIAN_FRONTEND=noninteractive apt-get --yes \(command) 2>&1").text
  }

  /// Installs the package from a file, which is all that is on the machine.
  @discardableResult
  func installPackage(_ file: String = Packages.file ?? "/nonexistent") throws -> String {
    try put(file, into: "/root")
    return try apt("install /root/\(URL(fileURLWithPath: file).lastPathComponent)")
  }

  /// Subordinate ids for the users of the directory, as the README has it.
  func giveSubordinateIDs() throws {
    try root(
      "printf '%s\\n' 'subids = allocate' 'uid_max = 40000' 'reserved_ids = 1000-40000' 'subid_max = 4294967294' >> /etc/rootless-storage/rootless-storage.conf"
    )
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
