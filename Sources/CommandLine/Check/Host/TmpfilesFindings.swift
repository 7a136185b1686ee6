import RootlessStorage

/// Where systemd-tmpfiles would remove what the engines keep in the storage directories.
///
/// - Parameter engines: where the engines' directories lie in a storage directory, the deepest one of each.
func ageingFindings(
  _ tmpfiles: Tmpfiles, _ template: StorageTemplate, engines: [Path] = ["containers/storage", "docker"]
) -> [Finding] {
  // Any user: what the lines say of one they say of all, since they cannot name all.
  let storage = template.path(placeholder: Array("user".utf8))
  var findings: [Finding] = []
  var told: [(fate: Tmpfiles.Fate, engines: [Path])] = []
  for engine in engines {
    guard let fate = tmpfiles.fate(of: storage / engine) else { continue }
    if let index = told.firstIndex(where: { $0.fate == fate }) { told[index].engines.append(engine) } else { told.append((fate, [engine])) }
  }
  for (fate, engines) in told {
    let places = list(engines.map { shown(template.path(placeholder: Array("USER".utf8)) / $0) })
    let (line, what, how) =
      switch fate {
      case .ages(let line):
        (line, "removes what has not been used for \(shown(line.age ?? [])) below \(shown(line.path))", ", file by file")
      case .emptiedAtBoot(let line): (line, "empties \(shown(line.path)) at every boot", "")
      }
    findings.append(
      Finding(
        .storageAgeing, .warning,
        "systemd-tmpfiles \(what) (\(shown(line.file)):\(line.number)), and with it the containers and images in \(places)\(how).",
        remedy: remedy(line, template, engines)))
  }
  return findings
}

private func remedy(_ line: TmpfilesLine, _ template: StorageTemplate, _ engines: [Path]) -> Remedy {
  let storage = template.path(placeholder: Array("user".utf8))
  // A line for the engine's directory keeps off only ageing that begins above it, and there may be one already that ages.
  let tops = engines.map { storage / ($0.components.first ?? []) }
  guard line.type != UInt8(ascii: "x"), !line.isEmptying,
    !tops.contains(where: { top in top.lineage.dropFirst().dropLast().allSatisfy { !line.matches($0) } })
  else {
    if line.file.parent == "/etc/tmpfiles.d" { return "take line \(line.number) out of \(shellWord(line.file))" }
    return
      "take that line out: copy \(shellWord(line.file)) to /etc/tmpfiles.d, where it hides the other, and edit line \(line.number) there"
  }
  // In the pattern the placeholder alone is a star. Whatever else has a meaning there, or in a line of tmpfiles.d, is written otherwise.
  let pieces = parts(template.path(placeholder: [0x00]).bytes, separator: { $0 == 0 })
  let pattern = Path(Array(pieces.map(quoted).joined(separator: [.asterisk])))
  let lines = engines.map { shellWord(Array("x ".utf8) + (pattern / ($0.components.first ?? [])).bytes) }
  return .root("printf '%s\\n' \(lines.joined(separator: " ")) | sudo tee -a /etc/tmpfiles.d/rootless-storage-local.conf")
}

private func quoted(_ text: [UInt8]) -> [UInt8] {
  text.flatMap { byte -> [UInt8] in
    switch byte {
    case .asterisk, .questionMark, .leftBracket: [.leftBracket, byte, .rightBracket]
    case .space: Array("\\x20".utf8)
    case .percent: [.percent, .percent]
    default: [byte]
    }
  }
}
