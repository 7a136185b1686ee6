import Foundation
import TestSupport
import Testing

/// packaging/selinux compiled against Debian's policy, and the policy that comes out asked what it allows.
@Suite(.serialized, .enabled(if: Policy.source != nil, "needs Debian's SELinux policy: run it as Tests/run vm-packages"))
struct PolicyTests {
  @Test func `the session helper gets a domain from those who open sessions, and from nobody else`() throws {
    let policy = try Policy.linked.get()
    let who = try policy.ask("sesearch", "-T -c process -D rootless_storage_helper_t").lines.compactMap {
      $0.firstMatch(of: #/^type_transition (\S+) rootless_storage_helper_exec_t:/#)?.1
    }
    for host in ["sshd_t", "local_login_t", "crond_t", "xdm_t", "init_t", "staff_sudo_t"] {
      #expect(who.contains { $0 == host }, "\(host) in \(who)")
    }
    let sessions = try policy.ask("seinfo", "-a pam_domain -x").text
    for host in who where host != "init_t" && host != "initrc_t" { #expect(sessions.contains("\t\(host)\n"), "\(host) opens sessions") }
    // Behind pam_selinux it runs in the user's domain, and must not be refused there.
    #expect(try policy.ask("sesearch", "-A -s user_t -t rootless_storage_helper_exec_t -c file -p entrypoint").lines.count > 0)
    // A module that cannot kill it cannot keep its deadline.
    #expect(try policy.ask("sesearch", "-A -s sshd_t -t rootless_storage_helper_t -c process -p sigkill").lines.count > 0)
    for role in ["system_r", "staff_r", "user_r", "sysadm_r", "unconfined_r"] {
      #expect(try policy.ask("seinfo", "-r \(role) -x").text.contains("rootless_storage_helper_t"), "\(role)")
    }
  }

  @Test func `a storage directory is born with the type of a user's data`() throws {
    let policy = try Policy.linked.get()
    #expect(
      try policy.ask("sesearch", "-T -s rootless_storage_helper_t -t tmp_t -c dir").text
        == "type_transition rootless_storage_helper_t tmp_t:dir xdg_data_t;\n")
    #expect(
      try policy.ask("sesearch", "-T -s rootless_storage_helper_t -t var_lib_t -c dir").text
        == "type_transition rootless_storage_helper_t var_lib_t:dir xdg_data_t;\n")
  }

  @Test func `it may write in homes and nowhere else, run nothing, and speak to nobody`() throws {
    let policy = try Policy.linked.get()
    let rules = try policy.ask("sesearch", "-A -s rootless_storage_helper_t -c file -p create").lines
    let types = Set(
      rules.filter { !$0.contains("]:True") }.compactMap {
        $0.firstMatch(of: #/^allow rootless_storage_helper_t (\S+):/#).map { String($0.1) }
      })
    #expect(types == ["nfs_t", "cifs_t", "fusefs_t", "user_home_t", "rootless_storage_runtime_t"])
    // Of /etc nothing, unless the administrator has said so.
    #expect(
      rules.filter { $0.contains(" etc_t:file") }.allSatisfy { $0.hasSuffix("[ rootless_storage_allocate_subids ]:True") }
        && rules.contains { $0.contains(" etc_t:file") })
    // Nor the lock of the account files.
    let lock = try policy.ask("sesearch", "-A -s rootless_storage_helper_t -t shadow_lock_t -c file -p open,write,lock").lines
    #expect(
      lock == ["allow rootless_storage_helper_t shadow_lock_t:file { getattr lock open write }; [ rootless_storage_allocate_subids ]:True"])
    // No limit is set without the administrator's boolean, with which the rest of CAP_SYS_ADMIN comes.
    let limits = try ["-c capability -p sys_admin", "-c filesystem -p quotamod", "-c filesystem -p quotaget"].map {
      try policy.ask("sesearch", "-A -s rootless_storage_helper_t \($0)").lines
    }
    let boolean = "[ rootless_storage_limit_storage ]:True"
    #expect(
      limits == [
        ["allow rootless_storage_helper_t rootless_storage_helper_t:capability sys_admin; \(boolean)"],
        ["allow rootless_storage_helper_t fs_t:filesystem quotamod; \(boolean)"],
        ["allow rootless_storage_helper_t fs_t:filesystem quotaget; \(boolean)"],
      ])
    for question in [
      "-c file -p execute_no_trans", "-c file -p relabelto -t user_home_t", "-t shadow_t -c file -p read", "-c process -p ptrace",
      "-c tcp_socket -p create",
      "-c capability -p chown", "-c process -p transition",
    ] {
      #expect(try policy.ask("sesearch", "-A -s rootless_storage_helper_t \(question)").text == "", "\(question)")
    }
  }

  @Test func `another user's object in the storage directory's place is renamed, and not opened`() throws {
    let policy = try Policy.linked.get()
    #expect(try policy.ask("sesearch", "-A -s rootless_storage_helper_t -c capability -p fowner").lines.count > 0)
    for kind in ["dir", "file", "lnk_file", "fifo_file", "sock_file"] {
      #expect(try policy.ask("sesearch", "-A -s rootless_storage_helper_t -t user_tmp_t -c \(kind) -p rename").lines.count > 0, "\(kind)")
    }
    for question in [
      "-c file -p open", "-c file -p read", "-c file -p create", "-c dir -p add_name", "-c dir -p rmdir", "-c lnk_file -p unlink",
      "-c fifo_file -p open",
    ] {
      #expect(try policy.ask("sesearch", "-A -s rootless_storage_helper_t -t user_tmp_t \(question)").text == "", "\(question)")
    }
    #expect(
      try policy.ask("sesearch", "-T -s rootless_storage_helper_t -t var_run_t -c dir").text
        == "type_transition rootless_storage_helper_t var_run_t:dir rootless_storage_runtime_t;\n")
  }

  @Test func `Podman's record of a failure is removed, in the user's runtime directory and below the directory for temporary files`() throws
  {
    let policy = try Policy.linked.get()
    for type in ["user_runtime_t", "user_tmp_t"] {
      #expect(try policy.ask("sesearch", "-A -s rootless_storage_helper_t -t \(type) -c file -p unlink").lines.count > 0, "\(type)")
      #expect(try policy.ask("sesearch", "-A -s rootless_storage_helper_t -t \(type) -c dir -p remove_name").lines.count > 0, "\(type)")
    }
  }

  @Test func `its file contexts name the session helper as it is installed`() throws {
    let policy = try Policy.linked.get()
    let contexts = try String(contentsOfFile: policy.contexts, encoding: .utf8)
    #expect(
      contexts.split(separator: "\n").contains {
        $0.split(separator: "\t") == [
          "/usr/libexec/rootless-storage/session-helper", "--", "system_u:object_r:rootless_storage_helper_exec_t:s0",
        ]
      })
    #expect(FileManager.default.fileExists(atPath: "\(Machine.stage ?? "")/usr/libexec/rootless-storage/session-helper"))
  }
}
