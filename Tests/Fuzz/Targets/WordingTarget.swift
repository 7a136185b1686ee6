import RootlessStorage

/// Everything that a user controls is bounded and escaped before it is told, and the module passes on what the helper wrote.
func fuzzWording(_ input: [UInt8]) {
  let parts = fields(input, 4)
  let value = parts[3]
  var wording = Wording(account(parts[0], uid: [], home: Path(parts[1])))
  wording.storage = Path(parts[2])
  let events: [Event] = [
    .usage(.extraArgument(value)), .usage(.badValue("--groups", value)), .usage(.unknownOption(value)), .usage(.noValue(value)),
    .settingsRefused(PathError(path: Path(value), reason: .notRegular)),
    .homeLocal(type: value), .storageCreated(mode: 0o700), .fileCreated(Path(value)), .storeMoved(file: Path(parts[2]), store: Path(value)),
    .fileBlocked(file: Path(value), .notDirectory), .leftoverRemoved(Path(value)), .allInPlace,
  ]
  for event in events { promiseToldWell(event, by: wording) }
}

/// One printable line that is not too long, and that the module passes on to the letter.
func promiseToldWell(_ event: Event, by wording: Wording) {
  let text = wording.text(of: event).bytes
  // Four values at most, each cut at 256 bytes as it is shown.
  promise(isPrintable(text) && text.count < 1500, "one printable line: \(event)")
  var report = ReportWriter()
  report.add(event, wording)
  let written = report.drainWithEnd()
  let read = Reading(written, piece: written.count)
  promise(read.lines == [Array(text.prefix(1020))] && read.outcome == event.outcome && !read.isFlooded, "told as it is: \(event)")
  promise(read.priorities == [Int32(event.severity.rawValue)], "with its priority: \(event)")
}
