import RootlessStorage

/// What `pam enable` or `pam disable` would change in files of /etc/pam.d, each file judged for itself.
struct PAMPlan {
  /// A file with its one line more, or its lines fewer.
  struct Change: Equatable {
    let file: Path
    let old: [UInt8]
    let new: [UInt8]
  }

  /// What is not done.
  struct Refusal: Equatable {
    /// Whose sessions do not get what was asked for; empty where that is not about services.
    var services: [[UInt8]]
    /// A sentence without its end.
    let reason: String
    /// What to do.
    let remedy: Remedy
  }

  private(set) var changes: [Change] = []
  private(set) var refusals: [Refusal] = []
  /// The host as it would be.
  private(set) var tree: HostTree
  /// Its sessions as they are, and as they would be.
  let before: PAMStacks
  private(set) var after: PAMStacks
  /// Of the host as it would be.
  private var known: PAMKnowledge
  /// Where the files of all stacks lie, behind symbolic links.
  private let places: [Path: Path]

  private init(_ tree: HostTree) {
    self.tree = tree
    known = PAMKnowledge(tree)
    before = PAMStacks(everyServiceOf: tree, &known)
    after = before
    var places: [Path: Path] = [:]
    for file in before.stacks.flatMap(\.files) where places[file] == nil { places[file] = tree.real(file) }
    self.places = places
  }

  /// The stacks of the services that begin sessions for people.
  static func wanted(_ stacks: PAMStacks) -> [PAMStack] {
    stacks.stacks.filter { stack in PAMFindings.services.contains { stack.service.elementsEqual($0.utf8) } }
  }

  // MARK: Enabling

  /// Our line where a session of every service in question reaches it, in as few files as possible: in one that others include if that
  /// is right for all of them, else in the service's own.
  ///
  /// - Parameter throughLinks: what a symbolic link stands for is planned for too, though whoever made the link has to write it.
  static func enabling(_ tree: HostTree, throughLinks: Bool = false) -> PAMPlan {
    var plan = PAMPlan(tree)
    for stack in wanted(plan.before).sorted(by: { rank($0) < rank($1) }) {
      if let refusal = refusal(of: stack) {
        plan.add(refusal)
        continue
      }
      guard let now = plan.after.stacks.first(where: { $0.service == stack.service }), now.ours == nil else { continue }
      var first: Refusal?
      var isDone = false
      for file in candidates(stack) {
        guard let refusal = plan.add(to: file, for: stack, throughLinks) else {
          isDone = true
          break
        }
        first = first ?? refusal
      }
      if !isDone, let first { plan.add(first) }
    }
    return plan
  }

  /// Services that share more come first: the line that serves the others is placed before it is looked for a place of their own.
  private static func rank(_ stack: PAMStack) -> Int {
    PAMFindings.shared.firstIndex { name in stack.files.contains { $0.name.elementsEqual(name.utf8) } } ?? PAMFindings.shared.count
  }

  private static func candidates(_ stack: PAMStack) -> [Path] {
    let shared = PAMFindings.shared.compactMap { name in stack.files.first { $0.name.elementsEqual(name.utf8) } }
    return shared + (shared.contains(stack.file) ? [] : [stack.file])
  }

  /// A stack in which no line could help.
  private static func refusal(of stack: PAMStack) -> Refusal? {
    if let failure = stack.failures.first {
      return Refusal(
        services: [stack.service], reason: "\(shown(failure.file)) \(failure.explanation)",
        remedy: "fix or restore \(shellWord(failure.file)) as root, and run this again")
    }
    if let broken = stack.steps.first(where: { $0.kind == .broken }) {
      return Refusal(
        services: [stack.service], reason: "\(place(broken)) is no line that libpam understands, so no session begins",
        remedy: "fix that line, and run this again")
    }
    if let ours = stack.ours, let index = stack.steps[..<ours].indices.first(where: { stack.canSkip(ours, from: $0) }) {
      return Refusal(
        services: [stack.service], reason: "\(place(stack.steps[index])) can skip pam_rootless_storage.so (\(place(stack.steps[ours])))",
        remedy:
          "move \"\(PAMFindings.line)\" from \(place(stack.steps[ours])) to before \(place(stack.steps[index])), or let the control there skip less"
      )
    }
    return nil
  }

  /// - Returns: why not; nil if it is done.
  private mutating func add(to file: Path, for stack: PAMStack, _ throughLinks: Bool) -> Refusal? {
    let refuse = { (reason: String, remedy: Remedy) in Refusal(services: [stack.service], reason: reason, remedy: remedy) }
    if let (reason, remedy) = PAMPlan.owner(of: file, tree, throughLinks) { return refuse(reason, remedy) }
    let content: [UInt8]
    do throws(ReadError) { content = try tree.read(file) } catch {
      return refuse("\(shown(file)) \(error.explanation)", "fix or restore \(shellWord(file)) as root, and run this again")
    }
    let text = PAMText(content)
    if let (line, reason) = text.objection { return refuse("\(shown(file)):\(line) \(reason)", "fix that line, and run this again") }
    var first: PAMComparison.Objection?
    let names = names(of: file)
    // Nobody has as many; a file of nothing but lines must not take forever.
    for number in text.places.prefix(64) {
      let new = text.adding(behind: number)
      let changed = tree.replacing(tree.real(file), with: new)
      var known = self.known
      known.forget(names + [file])
      let stacks = PAMStacks(everyServiceOf: changed, &known)
      if let objection = PAMComparison(before: after, after: stacks).objection(addingTo: names, behind: number) {
        first = first ?? objection
        continue
      }
      guard let now = stacks.stacks.first(where: { $0.service == stack.service }), now.ours != nil else { continue }
      (tree, after, self.known) = (changed, stacks, known)
      changes.append(Change(file: file, old: content, new: new))
      return nil
    }
    let (reason, remedy) = PAMPlan.words(first, file)
    return refuse(reason, remedy)
  }

  /// What stacks call the file: symbolic links to it are names of it.
  private func names(of file: Path) -> [Path] {
    let real = tree.real(file)
    return places.filter { $0.value == real }.map(\.key)
  }

  // MARK: Disabling

  /// Without the lines that `enabling` adds, or without any line of ours.
  ///
  /// - Parameter all: those too that are written in any other way.
  static func disabling(_ tree: HostTree, all: Bool) -> PAMPlan {
    var plan = PAMPlan(tree)
    for name in plan.before.files where isInUse(name) {
      guard let file = plan.before.directories.lazy.map({ $0 / name }).first(where: tree.exists) else {
        continue
      }
      if let refusal = plan.remove(from: file, all) { plan.add(refusal) }
    }
    // What stacks include from elsewhere, and /etc/pam.conf.
    for step in plan.before.ourSteps where !plan.before.directories.contains(step.file.parent) {
      plan.add(
        Refusal(
          services: [], reason: "\(place(step)) is not in a file of /etc/pam.d, and names pam_rootless_storage.so",
          remedy: "remove that line by hand"))
    }
    return plan
  }

  /// Not what editors, package managers and this program leave behind.
  static func isInUse(_ name: [UInt8]) -> Bool {
    let text = String(decoding: name, as: UTF8.self)
    return !text.hasPrefix(".")
      && ![".bak", "~", ".rpmsave", ".rpmnew", ".rpmorig", ".pacnew", ".pacsave", ".pam-old", ".orig", ".old"].contains(
        where: text.hasSuffix)
      && !text.contains(".dpkg-")
  }

  private mutating func remove(from file: Path, _ all: Bool) -> Refusal? {
    let refuse = { (reason: String, remedy: Remedy) in Refusal(services: [], reason: reason, remedy: remedy) }
    let content: [UInt8]
    // What cannot be read cannot be searched for our line; where it matters for sessions, `status` and `check` tell of it.
    do throws(ReadError) { content = try tree.read(file) } catch { return nil }
    let text = PAMText(content)
    if text.ours.isEmpty { return nil }
    let real = tree.real(file)
    // The file itself is looked at too.
    if real != file && before.directories.contains(real.parent) { return nil }
    if let (reason, remedy) = PAMPlan.owner(of: file, tree, false) {
      return refuse("\(reason), and holds a line of pam_rootless_storage.so", remedy)
    }
    if let managed = text.ours.first(where: { text.isManaged($0.numbers.lowerBound) }) {
      return refuse(
        "\(shown(file)):\(managed.numbers.lowerBound) is between pam-auth-update's markers, and holds \(shown(managed.text))",
        "take the profile away with sudo pam-auth-update, or remove that line by hand")
    }
    if let (line, reason) = text.objection { return refuse("\(shown(file)):\(line) \(reason)", "fix that line, and run this again") }
    var lines = text.ours
    if !all {
      lines = lines.filter(\.isAsAdded)
      if let other = text.ours.first(where: { !$0.isAsAdded }) {
        add(
          refuse(
            "\(shown(file)):\(other.numbers.lowerBound) was not added by pam enable: \(shown(other.text))",
            .root("sudo rootless-storage pam disable --all", after: "to remove what was written by hand too")))
      }
      if lines.isEmpty { return nil }
    }
    let new = text.removing(lines)
    let changed = tree.replacing(real, with: new)
    let names = names(of: file)
    var known = self.known
    known.forget(names + [file])
    let stacks = PAMStacks(everyServiceOf: changed, &known)
    if let objection = PAMComparison(before: after, after: stacks).objection(removingFrom: names, lines: lines.map(\.numbers)) {
      let (reason, _) = PAMPlan.words(objection, file)
      return refuse(reason, "remove the line from \(shown(file)) by hand, and fix what counts it")
    }
    (tree, after, self.known) = (changed, stacks, known)
    changes.append(Change(file: file, old: content, new: new))
    return nil
  }

  // MARK: Words

  /// One for all services of which the same is to be said.
  private mutating func add(_ refusal: Refusal) {
    if let index = refusals.firstIndex(where: { $0.reason == refusal.reason && $0.remedy == refusal.remedy }) {
      refusals[index].services += refusal.services
    } else {
      refusals.append(refusal)
    }
  }

  /// Who else writes the file, so that it is not ours to change.
  private static func owner(of file: Path, _ tree: HostTree, _ throughLinks: Bool) -> (reason: String, remedy: Remedy)? {
    if file == "/etc/pam.conf" {
      return ("/etc/pam.conf holds all services, which is not changed here", "add the line \"SERVICE \(PAMFindings.line)\" there by hand")
    }
    if !file.isAtOrBelow("/etc") {
      let copy = "/etc/pam.d" / file.name
      return (
        "\(shown(file)) is the vendor's, whose updates write over it",
        .root("sudo cp \(shellWord(file)) \(shellWord(copy))", note: "the copy counts in its place then; run this again")
      )
    }
    if !throughLinks, tree.real(file).isAtOrBelow("/etc/authselect") {
      return (
        "\(shown(file)) is written by authselect",
        "change the profile that is selected; sudo authselect apply-changes then writes the file anew, without what was added to it by hand"
      )
    }
    // `disable` looks for lines there, and what `include /etc/other/f` or `include ./f` names may be known by another name too.
    if file.parent != "/etc/pam.d" {
      return ("\(shown(file)) is not named as a file in /etc/pam.d", "add the line \"\(PAMFindings.line)\" there by hand")
    }
    if !throughLinks, let target = tree.link(file) {
      return (
        "\(shown(file)) is a symbolic link to \(shown(target)), which is written by whoever made the link",
        "put a copy in its place (sudo cp --remove-destination \(shellWord(tree.real(file))) \(shellWord(file))), and run this again"
      )
    }
    return nil
  }

  private static func words(_ objection: PAMComparison.Objection?, _ file: Path) -> (reason: String, remedy: Remedy) {
    let byHand = "add the line \"\(PAMFindings.line)\" by hand where it is reached"
    switch objection {
    case .skips(let step):
      return (
        "\(place(step)) (\(shown(step.control?.text ?? []))) can skip what stands behind it in \(shown(file))",
        "let the control there skip less, or \(byHand)"
      )
    case .moves(let step):
      return (
        "\(place(step)) (\(shown(step.control?.text ?? []))) counts the lines behind it, and would lead elsewhere",
        "\(byHand), and fix that count"
      )
    case .twice(let service):
      return ("sessions of \(shown(service)) would call pam_rootless_storage.so twice by a line in \(shown(file))", Remedy(byHand))
    case .early(let step, let service):
      return (
        "in sessions of \(shown(service)), \(place(step)) comes behind \(shown(file)), and pam_rootless_storage.so needs what it does",
        "move that line to before where the file is included, or \(byHand)"
      )
    case .differs(let service):
      return ("\(shown(file)) cannot be changed without changing more of the sessions of \(shown(service))", Remedy(byHand))
    case nil: return ("\(shown(file)) has no line for sessions", Remedy(byHand))
    }
  }

  static func place(_ step: PAMStep) -> String { "\(shown(step.file)):\(step.line)" }
}
