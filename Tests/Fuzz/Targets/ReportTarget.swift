import RootlessStorage

/// What the module logs of a report, whoever wrote it: bounded, printable, nothing behind the end record, and the same however it comes.
func fuzzReport(_ input: [UInt8]) {
  let parts = fields(input, 2)
  let whole = Reading(parts[1], piece: parts[1].count)
  promise(whole == Reading(parts[1], piece: 1 + (number(parts[0]) ?? 0) % 4096), "the same in pieces")
  promise(whole == Reading(expectedOf: parts[1]), "what a plain reading finds")
  promise(whole.lines.count <= 300 && whole.lines.allSatisfy { isPrintable($0) && $0.count < 1024 }, "bounded and printable")
  promise(
    whole.priorities.allSatisfy { (3...7).contains($0) || $0 == ReportFormat.userPriority || $0 == ReportFormat.repeatedError },
    "priorities of syslog, and ours")
}

/// What comes out of a report.
struct Reading: Equatable {
  var priorities: [Int32] = []
  var lines: [[UInt8]] = []
  var outcome: Outcome? = nil
  var isFlooded = false

  /// By the module's reader, in memory of exactly the size that it asks for.
  init(_ report: [UInt8], piece: Int) {
    let line = UnsafeMutablePointer<UInt8>.allocate(capacity: ReportFormat.longestLine)
    defer { unsafe line.deallocate() }
    unsafe line.update(repeating: 0xff, count: ReportFormat.longestLine)
    var reader = unsafe ReportReader(line: line)
    for start in stride(from: 0, to: report.count, by: max(piece, 1)) {
      // In an array of its own, so that reading behind its end is seen.
      let part = Array(report[start..<min(start + piece, report.count)])
      // SAFETY: the reader takes `count` bytes and hands over texts that end in NUL.
      unsafe part.withUnsafeBufferPointer { buffer in
        unsafe reader.consume(buffer.baseAddress!, count: buffer.count) { priority, text in
          priorities.append(priority)
          lines.append(unsafe bytes(ofCString: text))
        }
      }
    }
    outcome = reader.outcome
    isFlooded = reader.isFlooded
  }

  /// By the words of Report.swift.
  init(expectedOf report: [UInt8]) {
    let outcomes: [String: Outcome] = ["end done": .done, "end tolerated": .tolerated, "end failed": .failed]
    for raw in report.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast() {
      let line = raw.prefix(1023).map { isPrintable([$0]) ? $0 : 0x3f }
      outcome = outcomes[String(decoding: line, as: UTF8.self)]
      if outcome != nil { return }
      if line.isEmpty { continue }
      if lines.count == 300 {
        isFlooded = true
        continue
      }
      if line.starts(with: bytes("<s>")) {
        priorities.append(ReportFormat.repeatedError)
        lines.append(Array(line.dropFirst(3)))
        continue
      }
      let mark = (3...7).first { line.starts(with: "<\($0)>".utf8) }
      priorities.append(mark.map(Int32.init) ?? 4)
      lines.append(mark == nil ? line : Array(line.dropFirst(3)))
    }
  }
}
