import RootlessStorage

/// Names of what Podman and Buildah make in /var/tmp for the time of a pull, a build, a save or a load, and leave there when they are
/// killed or the disk is full.
enum EngineLeftover {
  /// Behind these, Go's os.MkdirTemp writes a random number (containers/image before 5.24 and Docker archives, Buildah, Podman's builds).
  private static let numbered = ["storage", "oci", "docker-tar", "buildah", "libpod_builder", "podman"]
  /// It has nine or ten digits nearly always. Fewer may be anybody's: eight are a date.
  private static let digits = 9...10
  /// Behind this stands what it is for, and the number.
  private static let named = "container_images_"
  /// Days without a change after which nobody is at work on one any more, where its owner has no process.
  static let restDays: Int64 = 1

  static func isOne(_ name: [UInt8]) -> Bool {
    let number = name.reversed().prefix { isDigit($0) }.count
    let prefix = Array(name.dropLast(number))
    guard digits.contains(number) else { return false }
    return begins(prefix, with: Array(named.utf8)) || numbered.contains { prefix.elementsEqual($0.utf8) }
  }
}
