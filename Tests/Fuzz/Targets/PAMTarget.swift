import RootlessStorage

/// A line says the same when it is written down again in another way, and every line knows where it stands. Our line comes in behind
/// others and goes again, and every other line stays what it was.
func fuzzPAM(_ input: [UInt8]) {
  fuzzEdit(input)
  for withServices in [false, true] {
    let lines = PAMLines(input, withServices: withServices).lines
    let count = input.split(separator: 0x0a, omittingEmptySubsequences: false).count
    var last = 0
    for line in lines {
      promise(line.number > last && line.lastNumber >= line.number && line.lastNumber <= count, "where it stands")
      last = line.lastNumber
      promise((line.service != nil) == withServices, "a service in pam.conf, and only there")
      guard let text = written(line) else { continue }
      let again = PAMLines(text, withServices: withServices)
      promise(again.lines.count == 1 && !again.isUnfinished, "one line")
      promise(
        again.lines.first.map { $0.content == line.content && $0.isSilent == line.isSilent && $0.service == line.service } ?? false,
        "the same")
    }
  }
}

private func fuzzEdit(_ input: [UInt8]) {
  let text = PAMText(input)
  let removed = PAMText(text.removing(text.ours))
  promise(removed.ours.isEmpty || text.objection != nil, "all lines of ours go")
  if text.objection != nil { return }
  let before = PAMLines(input).lines
  for place in text.places.prefix(8) {
    let with = text.adding(behind: place)
    promise(with.count == input.count + PAMText.line.count + 1, "one line more")
    let lines = PAMLines(with).lines
    let added = lines.filter { $0.number == place + 1 }
    promise(added.count == 1 && lines.count == before.count + 1, "it is a line")
    for (old, new) in zip(before, lines.filter { $0.number != place + 1 }) {
      let shift = old.number > place ? 1 : 0
      promise(
        new.content == old.content && new.isSilent == old.isSilent && new.number == old.number + shift
          && new.lastNumber == old.lastNumber + shift, "the others stay")
    }
    let after = PAMText(with)
    let ours = after.ours.filter { $0.numbers.lowerBound == place + 1 }
    promise(ours.map(\.isAsAdded) == [true] && after.removing(ours) == input, "it goes as it came")
  }
}

/// nil where it cannot be: a bracket that the line's end closes may hold a backslash at its end.
private func written(_ line: PAMLine) -> [UInt8]? {
  var words = line.service.map { [$0] } ?? []
  switch line.content {
  case .includeAll(let name): words += [bytes("@include"), name.bytes]
  case .include(let type, let name, let isSubstack): words += [kind(line, type), bytes(isSubstack ? "SubStack" : "include"), name.bytes]
  case .module(let type, let control, let path, let arguments):
    let isBracketed = control.text.first == 0x5b
    let text = isBracketed ? Array(control.text.dropFirst().dropLast()) : control.text
    if isBracketed && text.last == 0x5c { return nil }
    words.append(kind(line, type))
    guard let first = word(path.bytes), let rest = all(arguments) else { return nil }
    return all(words).map { Array(($0 + [isBracketed ? bracketed(text) : text, first] + rest).joined(separator: bytes(" \\\n\t "))) }
  case .broken: return nil
  }
  return all(words).map { Array($0.joined(separator: [0x09])) }
}

private func kind(_ line: PAMLine, _ type: PAMType) -> [UInt8] { bytes((line.isSilent ? "-" : "") + type.rawValue.uppercased()) }

private func all(_ words: [[UInt8]]) -> [[UInt8]]? {
  let written = words.compactMap(word)
  return written.count == words.count ? written : nil
}

private func word(_ text: [UInt8]) -> [UInt8]? {
  let isPlain = !text.isEmpty && text.first != 0x5b && !text.contains(where: isBlank)
  // Where a line ends in it, a backslash continues the line.
  if text.last == 0x5c { return nil }
  return isPlain ? text : bracketed(text)
}

private func bracketed(_ text: [UInt8]) -> [UInt8] { [0x5b] + text.flatMap { $0 == 0x5d ? [0x5c, $0] : [$0] } + [0x5d] }
