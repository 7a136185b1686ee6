import RootlessStorage

/// The tiny image as a tar archive (POSIX ustar): the program, files of three owners, and the place of a volume.
enum ProbeArchive {
  /// nil where there is no program for this machine.
  static var content: [UInt8]? {
    guard let program = ProbeProgram.elf else { return nil }
    var archive = entry(String(ProbeProgram.path.dropFirst()), mode: 0o755, owner: 0, group: 0, program)
    archive += entry(String(ProbeProgram.volume.dropFirst()) + "/", mode: 0o755, owner: 0, group: 0, [], isDirectory: true)
    for file in ProbeProgram.owners {
      archive += entry(
        file.name, mode: 0o644, owner: file.owner, group: file.group, Array("owner \(file.owner), group \(file.group)\n".utf8))
    }
    return archive + [UInt8](repeating: 0, count: 1024)
  }

  private static func entry(
    _ name: String, mode: UInt32, owner: UInt32, group: UInt32, _ content: [UInt8], isDirectory: Bool = false
  ) -> [UInt8] {
    func field(_ bytes: [UInt8], _ size: Int) -> [UInt8] { bytes + [UInt8](repeating: 0, count: max(0, size - bytes.count)) }
    /// Octal digits, and a NUL.
    func number(_ value: Int, _ size: Int) -> [UInt8] {
      let digits = String(value, radix: 8)
      return Array(padded(digits, to: size - 1, .left, with: "0").utf8) + [0]
    }
    // 2026-01-01: before it a tool may warn.
    let before =
      field(Array(name.utf8), 100) + number(Int(mode), 8) + number(Int(owner), 8) + number(Int(group), 8) + number(content.count, 12)
      + number(1_767_225_600, 12)
    let after =
      [isDirectory ? UInt8(ascii: "5") : UInt8(ascii: "0")] + field([], 100) + Array("ustar\u{0}00".utf8) + field([], 64) + number(0, 8)
      + number(0, 8)
    let blank = [UInt8](repeating: .space, count: 8)
    let sum = (before + blank + after).reduce(0) { $0 + Int($1) }
    let header = field(before + number(sum, 7) + [.space] + after, 512)
    return header + field(content, (content.count + 511) / 512 * 512)
  }
}
