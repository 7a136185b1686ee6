import RootlessStorage

/// The markers are replaced in one pass, and nothing else is.
func fuzzSkeleton(_ input: [UInt8]) {
  let parts = fields(input, 4)
  let user = account(parts[0], uid: parts[1])
  let file = SkeletonFile(path: Path(parts[0]), mode: UInt32(parts[1].count) &* 0o111, content: parts[3])
  promise(file.mode & ~0o644 == 0, "the mode")
  let (parent, name) = (file.path.parent.bytes, file.path.name)
  promise([[], [0x2f]].contains { parent + $0 + name == parts[0] } && !name.contains(0x2f), "the path's parts")

  let values = [("@STORAGE@", parts[2]), ("@USER@", user.pathName), ("@UID@", decimal(UInt64(user.uid)))]
  var expected: [UInt8]? = []
  var rest = parts[3][...]
  while true {
    let found = values.compactMap { marker, value in rest.firstRange(of: bytes(marker)).map { (range: $0, value: value) } }
    guard let next = found.min(by: { $0.range.lowerBound < $1.range.lowerBound }) else { break }
    expected = next.value.flatMap { value in expected.map { $0 + rest[..<next.range.lowerBound] + value } }
    rest = rest[next.range.upperBound...]
  }
  promise(file.rendered(for: user, storage: Path(parts[2])) == expected.map { $0 + rest }, "the content")
}
