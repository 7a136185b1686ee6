import RootlessStorage

/// What a user may have named, for a person: printable ASCII, everything else as `\ooo`, bounded (`Text`).
func shown(_ bytes: [UInt8]) -> String { String(decoding: escaped(bytes), as: UTF8.self) }

func shown(_ path: Path) -> String { shown(path.bytes) }

/// The same for a text that was decoded already.
func shown(_ text: String) -> String { shown(Array(text.utf8)) }

/// A text of the core's as a string.
func text(_ text: Text) -> String { String(decoding: text.bytes, as: UTF8.self) }

/// The cause that a system call gave.
func text(_ cause: Errno) -> String { String(decoding: cause.explanation, as: UTF8.self) }

/// A size for a person: `0 B`, `512 B`, `3.4 MiB`, `120 GiB`.
func shownSize(_ bytes: UInt64) -> String {
  if bytes < 1024 { return "\(bytes) B" }
  var value = Double(bytes)
  var unit = "B"
  for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] where value >= 1024 {
    value /= 1024
    unit = next
  }
  if value >= 10 { return "\(Int(value.rounded())) \(unit)" }
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10) \(unit)"
}

/// A mode in octal digits, at least four: `0700`.
func shownMode(_ mode: UInt32) -> String { String(decoding: octal(mode), as: UTF8.self) }

/// What bears a name, with its article.
func noun(_ kind: FileKind) -> String { String(decoding: Wording.noun(kind).bytes, as: UTF8.self) }

/// The words that the login's log has for it, as a sentence of its own.
func sentence(_ event: Event, skeleton: Path = "") -> String {
  var wording = Wording()
  wording.skeleton = skeleton
  var text = String(decoding: wording.sentence(event).bytes, as: UTF8.self)
  // A sentence that begins with a path keeps its case.
  if let first = text.first, first.isLetter { text = first.uppercased() + text.dropFirst() }
  return text + "."
}
