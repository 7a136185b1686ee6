import Foundation
import TestSupport
import Testing

/// Both packages as files: what lint says, what the programs in them need and how they are hardened, and that the same sources give the
/// same bytes.
@Suite(.enabled(if: DebianRoot.isPossible, Comment(rawValue: DebianRoot.need)))
struct PackageFilesTests {

  /// The programs of a package, unpacked, in a folder that is gone at the end of the test.
  private func withPrograms(_ body: (String, [String]) throws -> Void) throws {
    for package in [DebianRoot.deb, DebianRoot.rpm] {
      let folder = try run("/usr/bin/mktemp", ["-d"]).lines[0]
      defer { _ = try? run("/bin/rm", ["-rf", folder]) }
      let unpack =
        package.hasSuffix(".deb") ? "dpkg-deb -x '\(package)' '\(folder)'" : "rpm2archive - <'\(package)' | tar -xz -C '\(folder)'"
      let output = try run("/bin/bash", ["-c", unpack])
      if output.status != 0 { throw CommandFailure(description: "\(output)") }
      let programs = try run(
        "/bin/bash", ["-c", "find '\(folder)' -type f -exec sh -c 'head -c 4 \"$1\" | grep -q ELF && echo \"$1\"' sh {} \\;"]
      ).lines
      #expect(programs.count == 3, "\(package): \(programs)")
      try body(package, programs)
    }
  }

  @Test func `lintian finds no error and no warning`() throws {
    let output = try run("/usr/bin/lintian", ["--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", DebianRoot.deb])
    #expect(output.status == 0 && output.text == "", "\(output)")
  }

  @Test func `rpmlint finds nothing that is not explained`() throws {
    let output = try run("/usr/bin/rpmlint", ["--config", "\(projectDirectory)/packaging/rpmlint.toml", DebianRoot.rpm])
    #expect(output.status == 0 && output.text.contains("0 errors, 0 warnings"), "\(output)")
  }

  @Test func `nothing newer than RHEL 8 has is needed`() throws {
    // glibc 2.28, and what comes with GCC 8; libstdc++ is linked in.
    let newest = ["GLIBC": "2.28", "GCC": "7.0.0"]
    // Weak, and called only where libc has it.
    let unversioned: Set = [
      "__gmon_start__", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "posix_spawn_file_actions_addclosefrom_np",
    ]
    try withPrograms { package, programs in
      for program in programs {
        let imported = try run("/usr/bin/objdump", ["-T", program]).lines.filter { $0.contains("*UND*") }
        for symbol in imported where !symbol.contains("(") {
          #expect(
            symbol.contains(" w ") && unversioned.contains(String(symbol.split(separator: " ").last ?? "")),
            "\(package): \(program): \(symbol)")
        }
        let needed = try run("/usr/bin/objdump", ["-p", program]).text.matches(of: /\b(GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)/)
        #expect(needed.count > 1, "\(program)")
        for match in needed {
          let limit = newest[String(match.1)] ?? ""
          #expect(String(match.2).compare(limit, options: .numeric) != .orderedDescending, "\(package): \(program): \(match.0)")
        }
      }
    }
  }

  @Test func `programs are position independent, bound and read-only before they run, without executable stack or search path`() throws {
    try withPrograms { package, programs in
      for program in programs {
        #expect(try run("/usr/bin/readelf", ["-h", program]).text.contains("DYN ("), "\(program)")
        let headers = try run("/usr/bin/readelf", ["-lW", program]).lines
        #expect(headers.contains { $0.contains("GNU_RELRO") }, "\(program)")
        #expect(headers.first { $0.contains("GNU_STACK") }?.contains("RWE") == false, "\(program)")
        let dynamic = try run("/usr/bin/readelf", ["-dW", program]).text
        #expect(dynamic.contains("NOW") && !dynamic.contains("TEXTREL") && !dynamic.contains("PATH)"), "\(program)")
        // Neither the compiler's hashes, nor any other trace of the folder where it was built.
        #expect(try run("/usr/bin/grep", ["-c", "-F", "\(projectDirectory)/", program]).text == "0\n", "\(program)")
      }
    }
  }

  @Test func `both packages have the programs that were tried, bit for bit`() throws {
    let stage = try #require(Machine.stage)
    func sums(_ programs: [String]) throws -> [String] {
      try run("/usr/bin/sha256sum", programs).lines.map { String($0.prefix(64)) }.sorted()
    }
    let tried = try sums([Machine.commandLine, try Machine.modulePath(), "\(stage)/usr/libexec/rootless-storage/session-helper"])
    try withPrograms { package, programs in
      let packaged = try sums(programs)
      #expect(packaged == tried, "\(package)")
    }
  }

  @Test func `the same sources give the same bytes, in another folder, at another time, under another umask and locale`() throws {
    let folder = try run("/usr/bin/mktemp", ["-d", "/var/lib/rootless-storage-test-again.XXXXXX"]).lines[0]
    defer { _ = try? run("/bin/rm", ["-rf", folder]) }
    // The command line takes minutes; at its full length the test builds that, too.
    let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil
    let output = try run(
      "/bin/bash",
      [
        "-c",
        """
        set -e; umask 077; export LC_ALL=C.UTF-8 TZ=Asia/Kathmandu; unset SOURCE_DATE_EPOCH
        mkdir -p '\(folder)/a longer/way/.build-release'; cd '\(folder)/a longer/way'
        tar -C '\(projectDirectory)' --exclude='./.build*' --exclude=./.git -c . | tar -x --touch
        for part in checkouts repositories workspace-state.json; do cp -a '\(projectDirectory)/.build-release/'$part .build-release/; done
        top=$PWD; . packaging/common; find_swift >&2
        \(isFull ? "build_products" : "build_products libpam_rootless_storage.so session-helper; cp '\(projectDirectory)/.build-release/finished/rootless-storage' .build-release/finished/") >&2
        packaging/deb --without-build --output out; packaging/rpm --without-build --output out
        """,
      ])
    #expect(output.status == 0, "\(output)")
    let made = output.lines.suffix(2)
    #expect(made.first?.hasSuffix(".deb") == true && made.last?.hasSuffix(".rpm") == true, "\(output)")
    for (again, first) in zip(made, [DebianRoot.deb, DebianRoot.rpm]) {
      #expect(try run("/usr/bin/cmp", [first, again]).text == "", "\(again)")
    }
  }
}
