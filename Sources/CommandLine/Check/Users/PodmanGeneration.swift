import RootlessStorage

/// How a Podman reads storage.conf. The version of containers/storage that it was built with decides, and `podman --version` does not
/// tell that: Debian's 5.8.6 reads as version 6 does.
enum PodmanGeneration: String, Codable, CaseIterable, Sendable {
  /// Before 4.8: one file, and a Bolt database.
  case early
  /// From 4.8 on: one file too.
  case single
  /// containers/storage from 1.63 on, as in Podman 6: one file, and all drop-in files over it.
  case merging

  /// Of the podman that is installed here.
  ///
  /// - Returns: nil if there is none, or one that is no program of Go's as it is known: a script that starts another one.
  static func installed(_ tree: HostTree) -> PodmanGeneration? {
    // Names of a package and of a type in the table of functions, which no stripping takes away: seen in Debian's 4.3.1, 5.4.2, 5.8.6
    // and 6.1.1.
    let names: [StaticString] = ["storage/pkg/configfile", "libpod.(*SQLiteState)", "containers/storage"]
    guard let has = EngineGenerations.find(names, inProgram: "podman", tree) else { return nil }
    return has[0] ? .merging : has[1] ? .single : has[2] ? .early : nil
  }

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
