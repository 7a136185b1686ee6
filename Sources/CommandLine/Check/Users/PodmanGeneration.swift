import RootlessStorage

/// How a Podman reads storage.conf. The version of containers/storage that it was built with decides, and `podman --version` does not
/// tell that: Debian's 5.8.6 reads as version 6 does.
enum PodmanGeneration: String, Codable, CaseIterable, Comparable, Sendable {
  /// Before 3.2: one file, of which nothing counts where anything in it is wrong, and that an old reader of TOML reads.
  case oldest
  /// From 3.2 on: the same, with a newer reader, and more keys.
  case lenient
  /// From 4.2 on: one file, no start with a wrong one, and a Bolt database.
  case early
  /// From 4.8 on: one file too.
  case single
  /// containers/storage from 1.63 on, as in Podman 6: one file, and all drop-in files over it.
  case merging

  /// Of the podman that is installed here.
  ///
  /// - Returns: nil if there is none, or one that is no program of Go's as it is known: a script that starts another one.
  static func installed(_ tree: HostTree) -> PodmanGeneration? {
    // Names of a package, of a type and of functions in the table of functions, which no stripping takes away: seen in Debian's 3.0.1,
    // 4.3.1, 5.4.2, 5.8.6 and 6.1.1. That of `lenient` is from the sources of containers/storage 1.31 to 1.40.
    let names = [
      "storage/pkg/configfile", "libpod.(*SQLiteState)", "types.loadDefaultStoreOptions", "LookupAdditionalLayer", "containers/storage",
    ]
    guard let has = EngineGenerations.find(names, inProgram: "podman", tree), let first = has.firstIndex(of: true) else { return nil }
    return [.merging, .single, .early, .lenient, .oldest][first]
  }

  /// What a podman may be of which nothing is known. Older ones would be judged alike, but for files that they pass over.
  static let supposed: [PodmanGeneration] = [.early, .single, .merging]

  static func < (left: PodmanGeneration, right: PodmanGeneration) -> Bool { left.order < right.order }

  private var order: Int { PodmanGeneration.allCases.firstIndex(of: self) ?? 0 }

  /// It takes nothing from a file that has a fault, and starts.
  var passesOverFaults: Bool { self < .early }

  /// A sentence about some of them: who is meant.
  static func names(_ some: [PodmanGeneration]) -> String {
    switch (some.contains(.early), some.contains(.single), some.contains(.merging)) {
    case (true, false, false): "Podman before 4.8"
    case (false, true, false): "Podman from 4.8 on and before 6 (in Debian before 5.8.6)"
    case (true, true, false): "Podman before 6 (in Debian before 5.8.6)"
    case (false, false, true): "Podman from 6 on (in Debian from 5.8.6 on)"
    case (false, true, true): "Podman from 4.8 on"
    default: "Podman"
    }
  }
}
