import RootlessStorage

/// Where libpam looks for a service's file, first one first. It was told when it was built, and the library says it.
enum PAMDirectories {
  static let administrators: Path = "/etc/pam.d"
  /// Linux-PAM's own, which comes before a vendor's.
  private static let distributions: Path = "/usr/lib/pam.d"
  /// Where nobody can read libpam; the last one is openSUSE's.
  static let usual: [Path] = [administrators, distributions, "/usr/etc/pam.d"]
  /// Where libraries lie.
  static let libraries: [Path] = [
    "/usr/lib" / Path(PAMStacks.multiarch), "/lib" / Path(PAMStacks.multiarch), "/usr/lib64", "/lib64", "/usr/lib", "/lib",
  ]
  // It has 70 KB.
  private static let largestLibrary = 4 << 20

  static func of(_ tree: HostTree) -> [Path] {
    for directory in libraries {
      guard let library = try? tree.read(directory / "libpam.so.0", limit: largestLibrary) else { continue }
      let found = inLibrary(library)
      if !found.isEmpty { return found }
    }
    return usual
  }

  /// The formats that pam_handlers.c has for the names of files: `/etc/pam.d/%s`. The linker sorts strings as it likes.
  ///
  /// - Returns: in the order in which libpam looks; empty if it is no libpam, or none that has such directories.
  static func inLibrary(_ library: [UInt8]) -> [Path] {
    let end = Array("/pam.d/%s".utf8) + [0]
    var found: [Path] = []
    var index = 0
    while index + end.count <= library.count {
      // Few bytes of a library are this one.
      guard library[index] == .slash, library[index + 1] == UInt8(ascii: "p"), library[index...].starts(with: end) else {
        index += 1
        continue
      }
      let start = library[..<index].lastIndex(of: 0).map { $0 + 1 } ?? 0
      // A path of printable characters.
      let name = library[start..<(index + 6)]
      if name.first == .slash && name.count < 256 && name.allSatisfy({ $0 > .space && $0 < 0x7f }) {
        let directory = Path(Array(name))
        if !found.contains(directory) { found.append(directory) }
      }
      index += end.count
    }
    guard found.contains(administrators) else { return [] }
    let first = [administrators, distributions].filter(found.contains)
    return first + found.filter { !first.contains($0) }
  }
}
