import RootlessStorage

/// What `pam status` says.
struct PAMStatusOutput {
  /// Every key is always there.
  private struct Row: Encodable {
    let service: String
    let state: String
    let file: String
    /// Where the line stands.
    @NullIfAbsent var line: String?
    /// Counted from 1, among the steps of the session.
    @NullIfAbsent var position: Int?
    @NullIfAbsent var steps: Int?
    @NullIfAbsent var reason: String?
    /// Where more lines of ours stand, each of which does the same work once more.
    let again: [String]
    /// It begins sessions for people.
    let isWanted: Bool

    /// All lines of ours in a stack that can be followed.
    var places: [String] { [line].compactMap(\.self) + again }
  }

  private let method: PAMMethod
  private let rows: [Row]
  /// Files that this user may not read.
  let unread: [String]

  init(_ stacks: PAMStacks, _ method: PAMMethod) {
    self.method = method
    let wanted = Set(PAMPlan.wanted(stacks).map(\.service))
    rows = stacks.stacks.filter {
      wanted.contains($0.service) || ($0.ours != nil && PAMPlan.isInUse($0.service) && !PAMStatusOutput.isShared($0.service))
    }.map { stack in
      let reach = PAMReach(stack)
      var (state, at, position, steps, reason): (String, String?, Int?, Int?, String?) = ("no", nil, nil, nil, nil)
      switch reach {
      case .reached(let step, let place, let count): (state, at, position, steps) = ("yes", PAMPlan.place(step), place, count)
      case .skippable(let step, let by): (state, at, reason) = ("sometimes", PAMPlan.place(step), "\(PAMPlan.place(by)) can skip it")
      case .notReached: break
      case .unknown(let why): (state, reason) = ("unknown", why)
      }
      // Of a stack that cannot be followed to its end, nobody knows which lines are reached.
      let again = at == nil ? [] : stack.steps.filter(\.isOurs).dropFirst().map { PAMPlan.place($0) }
      return Row(
        service: shown(stack.service), state: state, file: shown(stack.file), line: at, position: position, steps: steps, reason: reason,
        again: again, isWanted: wanted.contains(stack.service))
    }
    let failures = PAMPlan.wanted(stacks).flatMap(\.failures).filter { $0.reason == .read(.denied) }
    unread = Set(failures.map { shown($0.file) }).sorted()
  }

  /// What only others include.
  private static func isShared(_ name: [UInt8]) -> Bool {
    PAMFindings.shared.contains { name.elementsEqual($0.utf8) } || begins(name, with: Array("common-".utf8))
      || name.elementsEqual("other".utf8)
  }

  var isAllReached: Bool { rows.contains(where: \.isWanted) && rows.filter(\.isWanted).allSatisfy { $0.state == "yes" } }

  func write() {
    if rows.isEmpty { return printOut("No service that begins sessions for people has a file in /etc/pam.d.") }
    let cells = rows.map { row in
      [row.service, row.state, row.position.map { "\($0) of \(row.steps ?? 0)" } ?? "-", row.line ?? row.reason ?? "-"]
    }
    printOut(Terminal.standard.table([["SERVICE", "REACHED", "POSITION", "LINE"]] + cells))
    for row in rows where row.state == "sometimes" {
      printOut(Terminal.standard.wrapped("\n\(row.service): \(row.reason ?? "").", indent: 0))
    }
    let repeated = grouped(rows.filter { !$0.again.isEmpty }.map { ($0.places, $0.service) })
    for (places, services) in repeated {
      printOut(
        Terminal.standard.wrapped(
          "\n\(list(services)): pam_rootless_storage.so is called more than once; it is enough at one place, and stands at \(list(places)).",
          indent: 0))
    }
    if !unread.isEmpty { printOut("\nNot looked at, since it may not be read by you: \(unread.joined(separator: ", "))") }
    if !repeated.isEmpty {
      printOut("\n" + Terminal.standard.remedy(.root("sudo rootless-storage pam disable --all && sudo rootless-storage pam enable")))
    } else if !isAllReached && unread.isEmpty {
      printOut("\n" + Terminal.standard.remedy(.root("sudo rootless-storage pam enable")))
    }
  }

  func writeJSON() {
    var list = JSONList("\"method\":\(jsonText(method)),\"isAllReached\":\(isAllReached),", list: "services")
    for row in rows { list.add(row) }
    list.end()
  }
}

/// What `pam enable` and `pam disable` say.
struct PAMWorkOutput {
  private struct Change: Encodable {
    let file: String
    let diff: [String]
    @NullIfAbsent var backup: String?
  }

  private struct Refusal: Encodable {
    let services: [String]
    let reason: String
    let remedy: String
    let remedyParts: Remedy
  }

  private let work: PAMWork

  init(_ work: PAMWork) { self.work = work }

  /// - Parameters:
  ///   - quiet: what is said if there was nothing to do.
  ///   - verb: what was not done to what was refused.
  func write(quiet: String, verb: String) {
    let terminal = Terminal.standard
    if work.changes.isEmpty && work.commands.isEmpty && work.refusals.isEmpty { return printOut(quiet) }
    for note in work.notes { printOut(terminal.wrapped(note, indent: 0)) }
    for done in work.changes { printOut(UnifiedDiff(done.change).lines.joined(separator: "\n")) }
    for command in work.commands { printOut("\(work.isDryRun ? "would run" : "ran"): \(command)") }
    if work.isDryRun && !(work.changes.isEmpty && work.commands.isEmpty) { printOut("Nothing is changed.") }
    for done in work.changes {
      if let backup = done.backup { printOut("\(shown(done.change.file)) is changed; what was there before is in \(shown(backup))") }
    }
    for refusal in work.refusals {
      let services = refusal.services.isEmpty ? "" : " for \(list(refusal.services.map { shown($0) }))"
      printError(
        "rootless-storage: the line was not \(verb == "add" ? "added" : "removed")\(services): \(refusal.reason)\n\(terminal.remedy(refusal.remedy))"
      )
    }
  }

  func writeJSON() {
    let refusals = work.refusals.map {
      Refusal(services: $0.services.map { shown($0) }, reason: $0.reason, remedy: $0.remedy.text, remedyParts: $0.remedy)
    }
    var list = JSONList("\"method\":\(jsonText(work.method)),\"dryRun\":\(work.isDryRun),", list: "changes")
    for done in work.changes {
      list.add(Change(file: shown(done.change.file), diff: UnifiedDiff(done.change).lines, backup: done.backup.map { shown($0) }))
    }
    list.end(",\"commands\":\(jsonText(work.commands)),\"refusals\":\(jsonText(refusals)),\"notes\":\(jsonText(work.notes))")
  }
}

/// A change as diff(1) shows it, in one piece.
struct UnifiedDiff {
  private static let context = 3

  let lines: [String]

  init(_ change: PAMPlan.Change) {
    let (old, new) = (UnifiedDiff.rows(change.old), UnifiedDiff.rows(change.new))
    var first = 0
    while first < min(old.count, new.count) && old[first] == new[first] { first += 1 }
    var last = 0
    while last < min(old.count, new.count) - first && old[old.count - 1 - last] == new[new.count - 1 - last] { last += 1 }
    let start = max(0, first - UnifiedDiff.context)
    let tail = min(last, UnifiedDiff.context)
    let (oldEnd, newEnd) = (old.count - last, new.count - last)
    let name = shown(change.file)
    var lines = [
      "--- \(name)", "+++ \(name)", "@@ -\(UnifiedDiff.range(start, oldEnd + tail)) +\(UnifiedDiff.range(start, newEnd + tail)) @@",
    ]
    lines += old[start..<first].flatMap { UnifiedDiff.row(" ", $0) }
    lines += old[first..<oldEnd].flatMap { UnifiedDiff.row("-", $0) }
    lines += new[first..<newEnd].flatMap { UnifiedDiff.row("+", $0) }
    lines += old[oldEnd..<(oldEnd + tail)].flatMap { UnifiedDiff.row(" ", $0) }
    self.lines = lines
  }

  private static func rows(_ content: [UInt8]) -> [[UInt8]] {
    var rows = content.split(separator: .newline, omittingEmptySubsequences: false).map { Array($0) + [.newline] }
    // Behind the last newline is no line.
    let last = rows.removeLast().dropLast()
    if !last.isEmpty { rows.append(Array(last)) }
    return rows
  }

  private static func range(_ start: Int, _ end: Int) -> String { "\(end > start ? start + 1 : start),\(end - start)" }

  /// Tabs stay; everything else that is not printable is escaped.
  private static func row(_ mark: String, _ row: [UInt8]) -> [String] {
    let text = row.last == .newline ? row.dropLast() : row[...]
    let line = mark + text.split(separator: .tab, omittingEmptySubsequences: false).map { shown(Array($0)) }.joined(separator: "\t")
    return row.last == .newline ? [line] : [line, "\\ No newline at end of file"]
  }
}
