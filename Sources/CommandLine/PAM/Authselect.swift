import RootlessStorage

/// authselect(8), which makes /etc/pam.d/system-auth and others of a profile: our line is in a profile of its own, or in the
/// administrator's.
///
/// A stock profile cannot be given a line, so what is current is copied to custom/rootless-storage, and that is selected with the same
/// features. Where the current profile is custom already, its templates get the line.
struct Authselect {
  enum Failure: Error { case refused(reason: String, remedy: Remedy) }

  static let ours = "custom/\(AuthselectCopy.name)"
  private static let generated: Path = "/etc/authselect"
  private static let customs = AuthselectCopy.customs
  private static let stocks = AuthselectCopy.stocks
  /// A copy that is to take the place of an older one, until it does; then the older one, until it is gone.
  private static let next = "\(AuthselectCopy.name).being-made"

  let tree: HostTree
  /// Where the program is.
  private let program: Path
  /// The profile that is selected, and its features.
  let current: String
  let features: [String]
  /// The profile that we made, selected or left over.
  private let copy: AuthselectCopy?

  /// Looks, and refuses what authselect itself finds changed.
  init(_ tree: HostTree) throws(Failure) {
    self.tree = tree
    guard let program = (["/usr/bin/authselect", "/usr/sbin/authselect"] as [Path]).first(where: tree.exists) else {
      throw .refused(
        reason: "according to /etc/authselect/authselect.conf, authselect writes the session stacks, and there is no authselect",
        remedy: "install authselect, or see authselect(8) for opting out, and run this again")
    }
    self.program = program
    let check = try Authselect.run(program, ["check"])
    if check.status != 0 {
      throw .refused(
        reason: "authselect does not find its files as it made them (\(Authselect.said(check)))",
        remedy:
          "see authselect check; if authselect was updated: sudo authselect apply-changes; if somebody changed its files: sudo authselect select PROFILE FEATURES --force, which keeps a backup; then run this again"
      )
    }
    let answer = try Authselect.run(program, ["current", "--raw"])
    let words = String(decoding: answer.output, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    // What is made a path of has to be a name.
    guard answer.status == 0, let profile = words.first,
      words.allSatisfy({ $0.utf8.allSatisfy { $0 > .space && $0 < 0x7f } && !$0.contains("..") })
    else {
      throw .refused(
        reason: "authselect does not report which profile is selected (\(Authselect.said(answer)))",
        remedy: "select one: authselect select PROFILE FEATURES")
    }
    (current, features, copy) = (profile, Array(words.dropFirst()), AuthselectCopy(tree))
    if let file = try changedByHand() {
      throw .refused(
        reason: "\(shown(file)) is not what authselect makes of the profile \(current), and it would write over that",
        remedy:
          "put what was changed into a custom profile (authselect-profiles(5)), or, if the profile was updated, take it over with authselect apply-changes, and run this again"
      )
    }
  }

  /// A generated file that is not what `authselect` would write now. Since 1.4 authselect itself does not look, and writes over it
  /// without a backup (findings/authselect-check.sh).
  private func changedByHand() throws(Failure) -> Path? {
    let options = [
      "system-auth": "--system-auth", "password-auth": "--password-auth", "fingerprint-auth": "--fingerprint-auth",
      "smartcard-auth": "--smartcard-auth",
      "switchable-auth": "--switchable-auth", "postlogin": "--postlogin", "nsswitch.conf": "--nsswitch", "dconf-db": "--dconf-db",
      "dconf-locks": "--dconf-lock",
    ]
    for (name, option) in options.sorted(by: { $0.key < $1.key }) {
      let file = Authselect.generated / Path(name)
      guard let content = try? tree.read(file) else { continue }
      let answer = try Authselect.run(program, ["test", current] + features + [option])
      // `File PATH:` comes first; what is written has a comment before it.
      let wanted = answer.output[(answer.output.firstIndex(of: .newline).map { $0 + 1 } ?? answer.output.endIndex)...]
      if answer.status != 0 || Authselect.significant(content[...]) != Authselect.significant(wanted) { return file }
    }
    return nil
  }

  /// Neither comments nor empty lines.
  private static func significant(_ content: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    content.split(separator: .newline).filter { line in line.first { !isBlank($0) }.map { $0 != .hash } ?? false }
  }

  var isCustom: Bool { current.hasPrefix("custom/") }

  /// The stock profile that is to be copied; nil: the selected profile is an administrator's, and gets the line itself.
  private var base: String? { isCustom ? (isRenewal ? copy?.base : nil) : current }

  /// Our copy is selected, and the profile that it was made of was updated since.
  var isRenewal: Bool { copy?.isToBeRenewed ?? false }

  /// Whether authselect writes the file.
  func writes(_ file: Path) -> Bool { tree.real(file).isAtOrBelow(Authselect.generated) }

  /// A template of a profile.
  private func template(_ name: [UInt8], of profile: String) -> Path {
    if profile.hasPrefix("custom/") { return Authselect.customs / Path(String(profile.dropFirst(7))) / name }
    return (AuthselectCopy.place(of: profile, tree) ?? Authselect.stocks[1] / Path(profile)) / name
  }

  // MARK: Enabling

  /// What is run, as one would type it.
  var enablingCommands: [String] {
    guard let base else { return ["authselect apply-changes"] }
    return (copy == nil ? [] : [Authselect.removal]) + [
      (["authselect"] + creation(AuthselectCopy.name, of: base)).joined(separator: " "),
      (["authselect"] + selection).joined(separator: " "),
    ]
  }

  static let removal = "rm -r /etc/authselect/\(ours)"

  private func creation(_ name: String, of base: String) -> [String] {
    ["create-profile", name, "--base-on", base, "--symlink-meta", "--symlink-nsswitch", "--symlink-dconf"]
  }

  /// Lets authselect write its files of our profile, or of the administrator's that has the line.
  private var selection: [String] { base == nil || isRenewal ? ["apply-changes"] : ["select", Authselect.ours] + features }

  /// Of the files that authselect writes, those whose templates in our copy have the line.
  var namesInCopy: [[UInt8]] {
    ((try? tree.names(AuthselectCopy.directory)) ?? []).filter { name in
      guard PAMPlan.isInUse(name), let content = try? tree.read(AuthselectCopy.directory / name) else { return false }
      return !PAMText(content).ours.isEmpty
    }
  }

  /// What authselect would write of the stock profile as it is by now, without our line.
  func renewed() -> [PAMPlan.Change] {
    guard let base else { return [] }
    let names = ((try? tree.names(Authselect.generated)) ?? []).filter {
      $0.suffix(5).elementsEqual("-auth".utf8) || $0.elementsEqual("postlogin".utf8)
    }
    return generated(names, base)
  }

  /// The templates with the line, as they are to be.
  ///
  /// - Parameter names: of the generated files that get it.
  func templates(_ names: [[UInt8]]) throws(Failure) -> [PAMPlan.Change] {
    if !isCustom && tree.exists(AuthselectCopy.directory) && !(copy?.isUnchanged ?? false) {
      throw .refused(
        reason: "there is a profile \(Authselect.ours) already, which was changed by hand, and \(current) is selected",
        remedy:
          "select it (sudo authselect select \(([Authselect.ours] + features).joined(separator: " "))), or remove /etc/authselect/custom/rootless-storage, and run this again"
      )
    }
    var changes: [PAMPlan.Change] = []
    for name in names {
      let file = template(name, of: base ?? current)
      if base == nil, let target = tree.link(file) {
        throw .refused(
          reason: "\(shown(file)), a template of the selected profile, is a symbolic link to \(shown(target)), which is another profile's",
          remedy:
            "put a copy in its place (sudo cp --remove-destination \(shellWord(tree.real(file))) \(shellWord(file))), and run this again")
      }
      let content: [UInt8]
      do throws(ReadError) { content = try tree.read(file) } catch {
        throw .refused(
          reason: "\(shown(file)) \(error.explanation)", remedy: "reinstall or fix the profile \(base ?? current), and run this again")
      }
      let text = PAMText(content)
      guard let place = text.places.first else {
        throw .refused(reason: "\(shown(file)) has no line for sessions", remedy: "fix the profile \(base ?? current), and run this again")
      }
      let target = base == nil ? file : template(name, of: Authselect.ours)
      changes.append(PAMPlan.Change(file: target, old: content, new: text.adding(behind: place)))
    }
    return changes
  }

  /// Makes the profile, or changes the administrator's, and lets authselect write its files of it. What would be generated is looked at
  /// before. An older copy of ours keeps its name until the new one takes it.
  ///
  /// - Parameters:
  ///   - isProved: whether these contents of files of libpam's are what was wanted.
  ///   - isRight: looks at what is there then.
  /// - Returns: backups of templates.
  func enable(_ templates: [PAMPlan.Change], _ isProved: ([PAMPlan.Change]) -> Bool, _ isRight: () -> Bool) throws(Failure) -> [Path] {
    if let base { return try enableCopy(of: base, templates, isProved, isRight) }
    var backups: [Path] = []
    do throws(Failure) {
      backups = try replace(templates) { isProved(generated(templates.map(\.file.name), current)) }
      try select(isRight)
    } catch {
      // As it was.
      if !backups.isEmpty {
        _ = try? replace(templates.map { PAMPlan.Change(file: $0.file, old: $0.new, new: $0.old) }) { true }
        _ = try? sure(["apply-changes"])
      }
      throw error
    }
    return backups
  }

  private func enableCopy(of base: String, _ templates: [PAMPlan.Change], _ isProved: ([PAMPlan.Change]) -> Bool, _ isRight: () -> Bool)
    throws(Failure) -> [Path]
  {
    let name = copy == nil ? AuthselectCopy.name : Authselect.next
    // A run that was killed has left it.
    if copy != nil { removeProfile(Authselect.next) }
    try sure(creation(name, of: base))
    var isExchanged = false
    do throws(Failure) {
      let changes = templates.map { PAMPlan.Change(file: template($0.file.name, of: "custom/\(name)"), old: $0.old, new: $0.new) }
      let backups = try replace(changes) { isProved(generated(changes.map(\.file.name), "custom/\(name)")) }
      // The copy's first form is in the profile that it was copied from.
      removeFiles(backups)
      do throws(Errno) {
        try AuthselectCopy.writeRecord(tree, Authselect.customs / Path(name), base: base)
        if copy != nil { try exchangeProfiles() }
        isExchanged = copy != nil
      } catch {
        throw .refused(reason: "the profile \(Authselect.ours) cannot be made (\(text(error)))", remedy: "fix that, and run this again")
      }
      try select(isRight)
    } catch {
      // As it was.
      if isExchanged { do throws(Errno) { try exchangeProfiles() } catch {} }
      if isRenewal {
        _ = try? sure(["apply-changes"])
      } else if let now = try? Authselect(tree), now.current == Authselect.ours {
        _ = try? sure(["select", current] + features)
      }
      removeProfile(name)
      throw error
    }
    if copy != nil { removeProfile(Authselect.next) }
    return []
  }

  private func select(_ isRight: () -> Bool) throws(Failure) {
    try sure(selection)
    if !isRight() {
      throw .refused(
        reason: "what authselect wrote is not what was tried before", remedy: "look into authselect's own messages, and run this again")
    }
  }

  /// The new copy and the old one, in one step: the name of the selected profile is there at every moment.
  private func exchangeProfiles() throws(Errno) {
    try exchange(
      at: try open(path: tree.resolve(Authselect.customs), .directory), Array(Authselect.next.utf8), Array(AuthselectCopy.name.utf8))
  }

  /// What authselect would make of a profile's templates, of those that can be told.
  private func generated(_ names: [[UInt8]], _ profile: String) -> [PAMPlan.Change] {
    names.compactMap { name in
      let file = Authselect.generated / name
      guard let answer = try? Authselect.run(program, ["test", profile] + features + ["--\(String(decoding: name, as: UTF8.self))"]),
        answer.status == 0, let old = try? tree.read(file)
      else { return nil }
      // `File PATH:`, the content and an empty line.
      var content = Array(answer.output[(answer.output.firstIndex(of: .newline).map { $0 + 1 } ?? answer.output.endIndex)...])
      while content.suffix(2) == [.newline, .newline] { content.removeLast() }
      return PAMPlan.Change(file: file, old: old, new: content)
    }
  }

  // MARK: Disabling

  /// What takes the line away again.
  struct Removal {
    let templates: [PAMPlan.Change]
    /// The stock profile that is selected again; nil: the current one stays.
    let former: String?
  }

  var isOurs: Bool { current == Authselect.ours }

  func disablingCommands(_ removal: Removal) -> [String] {
    guard let former = removal.former else { return ["authselect apply-changes"] }
    return [(["authselect", "select", former] + features).joined(separator: " "), Authselect.removal]
  }

  /// - Parameter all: lines that were written by hand go too.
  /// - Returns: nil if no template has such a line.
  func removal(all: Bool) -> Removal? {
    var changes: [PAMPlan.Change] = []
    guard isCustom else { return nil }
    let directory = Authselect.customs / Path(String(current.dropFirst(7)))
    for name in (try? tree.names(directory)) ?? [] {
      let file = directory / name
      guard PAMPlan.isInUse(name), tree.link(file) == nil, let content = try? tree.read(file) else { continue }
      let text = PAMText(content)
      let lines = text.ours.filter { all || $0.isAsAdded }
      if !lines.isEmpty { changes.append(PAMPlan.Change(file: file, old: content, new: text.removing(lines))) }
    }
    return changes.isEmpty ? nil : Removal(templates: changes, former: isOurs ? former(changes) : nil)
  }

  /// The stock profile that ours is, but for the line. With other changes in it, by an administrator or by an update of the stock one,
  /// it is worth more than that.
  private func former(_ changes: [PAMPlan.Change]) -> String? {
    // The line was in it from the first, so that nothing else has changed if that is still so.
    if let copy, copy.isUnchanged { return AuthselectCopy.place(of: copy.base, tree) == nil ? nil : copy.base }
    for place in Authselect.stocks {
      for profile in (try? tree.names(place)) ?? [] {
        let names = (try? tree.names(AuthselectCopy.directory)) ?? []
        let isSame = names.filter(PAMPlan.isInUse).allSatisfy { name in
          let file = AuthselectCopy.directory / name
          let content = changes.first { $0.file == file }?.new ?? (try? tree.read(file))
          return content != nil && content == (try? tree.read(place / profile / name))
        }
        if isSame && !names.isEmpty { return String(decoding: profile, as: UTF8.self) }
      }
    }
    return nil
  }

  /// - Returns: backups of templates.
  func disable(_ removal: Removal, _ isRight: () -> Bool) throws(Failure) -> [Path] {
    let wrong = Failure.refused(
      reason: "what authselect wrote is not what it was to write", remedy: "look into authselect's own messages, and run this again")
    if let former = removal.former {
      try sure(["select", former] + features)
      if !isRight() {
        _ = try? sure(["select", current] + features)
        throw wrong
      }
      Authselect.removeCopies(tree)
      return []
    }
    let backups = try replace(removal.templates) { true }
    do throws(Failure) {
      try sure(["apply-changes"])
      if !isRight() { throw wrong }
    } catch {
      _ = try? replace(removal.templates.map { PAMPlan.Change(file: $0.file, old: $0.new, new: $0.old) }) { true }
      _ = try? sure(["apply-changes"])
      throw error
    }
    return backups
  }

  // MARK: Steps

  private func replace(_ changes: [PAMPlan.Change], _ isRight: () -> Bool) throws(Failure) -> [Path] {
    guard let first = changes.first else { return [] }
    do throws(PAMFiles.Failure) {
      if let backups = try PAMFiles(first.file.parent).replace(changes, isRight) { return backups }
    } catch { throw .refused(reason: error.refusal.reason, remedy: error.refusal.remedy) }
    throw .refused(
      reason: "with the line in its templates, authselect would generate more than that line",
      remedy: "add \"\(PAMFindings.line)\" to the templates of a custom profile by hand (authselect-profiles(5))")
  }

  private func removeProfile(_ name: String) { Authselect.removeProfile(tree, name) }

  /// What a run that was killed has left goes too.
  static func removeCopies(_ tree: HostTree) { for name in [AuthselectCopy.name, next] { removeProfile(tree, name) } }

  /// Takes a custom profile away, which holds files only.
  private static func removeProfile(_ tree: HostTree, _ name: String) {
    let directory = customs / Path(name)
    let names = (try? tree.names(directory)) ?? []
    removeFiles(names.map { directory / $0 })
    do throws(Errno) { try removeEmptyDirectory(at: try open(path: directory.parent, .directory), directory.name) } catch {}
  }

  private func removeFiles(_ files: [Path]) { Authselect.removeFiles(files) }

  private static func removeFiles(_ files: [Path]) {
    for file in files { do throws(Errno) { try unlink(at: try open(path: file.parent, .directory), file.name) } catch {} }
  }

  private func sure(_ arguments: [String]) throws(Failure) {
    let ending = try Authselect.run(program, arguments)
    if ending.status != 0 {
      throw .refused(
        reason: "authselect \(arguments.joined(separator: " ")) failed (\(Authselect.said(ending)))", remedy: "fix that, and run this again"
      )
    }
  }

  private static func run(_ program: Path, _ arguments: [String]) throws(Failure) -> ChildProcess.Ending {
    do throws(ChildProcess.Failure) {
      return try ChildProcess.run(
        program, (["authselect"] + arguments).map { Array($0.utf8) },
        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"].map { Array($0.utf8) },
        withErrors: true, seconds: 120, limit: 1 << 20)
    } catch { throw .refused(reason: "authselect cannot be run (\(error.explanation))", remedy: "try: sudo authselect check") }
  }

  private static func said(_ ending: ChildProcess.Ending) -> String {
    let line = ending.output.split(separator: .newline).last.map { shown(Array($0)) } ?? ""
    return line.isEmpty ? "exit status \(ending.status)" : line
  }
}
