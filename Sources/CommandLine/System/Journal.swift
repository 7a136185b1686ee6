import RootlessStorage

/// What journald(8) keeps of the module's lines. journalctl(1) is asked: the format of its files has no library that a host without systemd
/// has too.
enum Journal {
  enum Failure: Error, Equatable {
    case missing
    case notStarted(Errno)
    case timedOut
    /// Its exit status.
    case failed(Int32)
  }

  /// The last line of the module about a user, of a program that ran as root: anybody may send a line that looks like it. The real uid
  /// counts, so that lines of su(1) are not among them.
  ///
  /// - Returns: its time (ISO 8601) and text, both as they can be shown; nil if there is none that the caller may read.
  static func lastLine(about name: [UInt8]) throws(Failure) -> (time: String, text: String)? {
    // What is no letter or digit loses its meaning in a pattern.
    var quoted: [UInt8] = []
    for byte in name {
      let isPlain = isDigit(byte) || isUppercase(byte) || isLowercase(byte) || byte >= 0x80
      quoted += isPlain ? [byte] : [.backslash, byte]
    }
    let pattern = Array("^pam_rootless_storage\\([^)]*\\): ".utf8) + quoted + Array(": ".utf8)
    let options = ["--lines=1", "--output=short-iso", "--utc", "--case-sensitive=true", "SYSLOG_FACILITY=10", "_UID=0"].map {
      Array($0.utf8)
    }
    let line = try run(options + [Array("--grep=".utf8) + pattern]).prefix { $0 != .newline }
    if line.isEmpty { return nil }
    // TIME HOST PROGRAM[PID]: TEXT
    guard let blank = line.firstIndex(of: .space), let text = Journal.text(in: line[blank...]) else { return nil }
    return (shown(Array(line[..<blank])), shown(Array(text)))
  }

  /// What the kernel has written of SELinux's denials to the session helper, and of changes of its policy, since this host was started, a
  /// line each, at most 1,000. Only the kernel, and who may write to its audit log, makes such lines.
  static func denials() throws(Failure) -> [ArraySlice<UInt8>] {
    let options = ["--boot", "--lines=1000", "--output=cat", "_TRANSPORT=audit", "_AUDIT_TYPE_NAME=AVC", "_COMM=session-helper"]
    let changes = ["MAC_POLICY_LOAD", "MAC_CONFIG_CHANGE"].flatMap { ["+", "_TRANSPORT=audit", "_AUDIT_TYPE_NAME=\($0)"] }
    return try run((options + changes).map { Array($0.utf8) }).split(separator: .newline)
  }

  /// What journalctl prints; nothing where no line matches.
  private static func run(_ options: [[UInt8]]) throws(Failure) -> [UInt8] {
    let programs = UserProgram.directories.map { $0 / "journalctl" }
    guard let program = programs.first(where: { HostTree.this.status($0)?.kind == .regular }) else { throw .missing }
    let ending: ChildProcess.Ending
    do throws(ChildProcess.Failure) {
      let arguments = ["journalctl", "--quiet", "--no-pager"].map { Array($0.utf8) } + options
      ending = try ChildProcess.run(
        program, arguments, environment: [Array("LC_ALL=C".utf8)], withErrors: false, seconds: 10, limit: 1 << 20)
    } catch {
      switch error {
      case .notStarted(let cause): throw .notStarted(cause)
      case .timedOut, .tooMuch: throw .timedOut
      }
    }
    // It ends with 1 where no line matches.
    if ending.output.isEmpty && ending.status > 1 { throw .failed(ending.status) }
    return ending.output
  }

  private static func text(in line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let mark = Array("pam_rootless_storage(".utf8)
    return line.indices.first { line[$0...].starts(with: mark) }.map { line[$0...] }
  }
}
