import Foundation
import TestSupport
import Testing

/// Invariant 2, and what a host gets to carry: read from the built files themselves.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct ArtefactTests {
  private func module() throws -> String { try Machine.modulePath() }
  private var helper: String { "\(Machine.stage ?? "")/usr/libexec/rootless-storage/session-helper" }

  private func needed(_ path: String) throws -> [String] {
    try run("/usr/bin/readelf", ["-d", path]).lines.filter { $0.contains("(NEEDED)") }.compactMap {
      $0.split(separator: "[").last?.dropLast()
    }.map(String.init)
  }

  @Test func `the module exports its two functions and nothing else`() throws {
    let defined = try run("/usr/bin/nm", ["-D", "--defined-only", try module()]).lines.compactMap { $0.split(separator: " ").last }
    #expect(defined.sorted() == ["pam_sm_close_session", "pam_sm_open_session"])
  }

  @Test func `the module needs libpam and libc, the helper libc only, and neither has a search path`() throws {
    #expect(try needed(try module()) == ["libpam.so.0", "libc.so.6"])
    #expect(try needed(helper) == ["libc.so.6"])
    for path in [try module(), helper] { #expect(!(try run("/usr/bin/readelf", ["-d", path]).text.contains("PATH"))) }
  }

  @Test func `the module has no instruction that traps`() throws {
    let code = try run("/usr/bin/objdump", ["-d", "--no-show-raw-insn", try module()])
    #expect(code.lines.count > 500, "objdump has read it")
    let traps = code.lines.filter { line in
      ["ud2", "ud1", "brk", "udf", "hlt"].contains { line.split(separator: "\t").last?.hasPrefix($0) == true }
    }
    #expect(traps == [])
  }

  @Test func `the search for traps finds them where they are`() throws {
    // The proof that the test above can fail: the helper has checks, and so traps.
    let code = try run("/usr/bin/objdump", ["-d", "--no-show-raw-insn", helper])
    #expect(code.lines.contains { line in ["ud2", "brk", "udf"].contains { line.split(separator: "\t").last?.hasPrefix($0) == true } })
  }

  @Test func `the module imports nothing that ends the process or allocates behind its back`() throws {
    let imported = try run("/usr/bin/nm", ["-D", "--undefined-only", try module()]).lines
      .compactMap { $0.split(separator: " ").last?.split(separator: "@").first }.map(String.init)
    #expect(imported.contains("pam_syslog"))
    let forbidden = [
      "abort", "exit", "_exit", "__assert_fail", "posix_memalign", "malloc", "realloc", "raise", "setenv", "putenv", "sigaction", "signal",
      "chdir", "umask", "dlopen", "pthread_create", "fork", "system", "waitpid",
    ]
    #expect(imported.filter { forbidden.contains($0) } == [])
  }

  @Test func `the files are as small as promised`() throws {
    func size(_ path: String) throws -> Int { try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? .max }
    #expect(try size(try module()) <= 32 * 1024)
    #expect(try size(helper) <= 300 * 1024)
  }

  @Test func `both have their tables read-only after loading, and no executable stack`() throws {
    for path in [try module(), helper] {
      let headers = try run("/usr/bin/readelf", ["-lW", path]).lines
      #expect(headers.contains { $0.contains("GNU_RELRO") })
      #expect(headers.first { $0.contains("GNU_STACK") }?.contains("RWE") == false)
    }
    #expect(try run("/usr/bin/readelf", ["-d", try module()]).text.contains("NOW"))
    #expect(try run("/usr/bin/readelf", ["-d", helper]).text.contains("NOW"))
    #expect(try run("/usr/bin/readelf", ["-h", helper]).text.contains("DYN"), "position independent")
  }

  @Test func `nothing newer than glibc 2.28 is needed`() throws {
    for path in [try module(), helper] {
      let versions = try run("/usr/bin/objdump", ["-T", path]).text.matches(of: /GLIBC_2\.(\d+)/).compactMap { Int($0.1) }
      #expect(versions.max() ?? 99 <= 28)
    }
  }
}
