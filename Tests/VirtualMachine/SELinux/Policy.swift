import Foundation
import TestSupport

/// Debian's policy with the module in it, in a folder of its own. It is linked once: that takes a processor half a minute.
final class Policy: @unchecked Sendable {
  /// The package selinux-policy-default, unpacked.
  static let source = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_POLICY"]
  static let hasMachine = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_VM_SELINUX"] == "yes"
  static let linked = Result { try Policy() }

  private let folder: String
  private var file: String { "\(folder)/root/etc/selinux/default/policy/policy.33" }
  var module: String { "\(folder)/module/rootless_storage.pp" }
  var contexts: String { "\(folder)/root/etc/selinux/default/contexts/files/file_contexts" }

  private init() throws {
    folder = try run("/usr/bin/mktemp", ["-d"]).lines[0]
    let module = "\(projectDirectory)/packaging/selinux"
    let made = try run(
      "/bin/bash",
      [
        "-c",
        """
        set -euo pipefail
        cd '\(folder)'
        mkdir -p root/var/lib/selinux module
        cp -r '\(Policy.source ?? "")/etc' root/
        cp /etc/selinux/semanage.conf root/etc/selinux/
        cp '\(module)'/rootless_storage.* module/
        make -C module -f /usr/share/selinux/devel/Makefile rootless_storage.pp
        options=()
        for name in $(cat '\(Policy.source ?? "")/usr/share/selinux/default/.modules'); do options+=(-i "\(Policy.source ?? "")/usr/share/selinux/default/$name.pp.bz2"); done
        semodule --path "$PWD/root" --noreload --store default "${options[@]}" -i module/rootless_storage.pp
        """,
      ])
    if made.status != 0 || made.text.lowercased().contains("warning") {
      throw CommandFailure(description: "the policy cannot be made: \(made)")
    }
  }

  func ask(_ program: String, _ question: String) throws -> Output {
    // These take the policy first.
    let output = try run("/bin/bash", ["-c", "\(program) '\(file)' \(question)"])
    if output.status != 0 { throw CommandFailure(description: "\(program) \(question): \(output)") }
    return output
  }
}

extension Lab {
  func putPackage() throws {
    let package = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_DEB"] ?? ""
    try put(package)
    try root("dpkg -i /usr/local/sbin/\(URL(fileURLWithPath: package).lastPathComponent)")
  }

  /// - Parameter others: modules of a test's own.
  func install(policy: Policy, and others: [String] = []) throws {
    let modules = [policy.module] + others
    for module in modules { try put(module) }
    let options = modules.map { "-i /usr/local/sbin/\(URL(fileURLWithPath: $0).lastPathComponent)" }.joined(separator: " ")
    try root("semodule \(options) && restorecon -R /usr/libexec/rootless-storage /run/rootless-storage")
  }

  /// What the kernel says it would have denied, each once.
  ///
  /// - Parameter pattern: an extended regular expression.
  func denials(_ pattern: String) throws -> [String] {
    try root(
      "{ journalctl --no-pager -o cat _TRANSPORT=audit + _TRANSPORT=kernel; dmesg; } | grep -a 'avc:  denied' | sed 's/.*avc: /avc:/; s/ pid=[0-9]*//; s/ ino=[0-9]*//' | grep -aE \"\(pattern)\" | sort -u | head -n 50"
    ).lines
  }
}
