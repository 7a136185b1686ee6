import RootlessStorage

/// authselect(8), which makes /etc/pam.d/system-auth and others of a profile: our line is in a profile of its own, or in the
/// administrator's.
///
/// A stock profile cannot be given a line, so what is current is copied to custom/rootless-storage, and that is selected with the same
/// features. Where the current profile is custom already, its templates get the line.
struct Authselect {
  enum Failure: Error { case refused(reason: String, remedy: String) }

  static let ours = "custom/rootless-storage"
  private static let generated = "/etc/authselect/"
  private static let customs = "/etc/authselect/custom/"
  private static let stocks = ["/usr/share/authselect/vendor/", "/usr/share/authselect/default/"]

  let tree: HostTree
  /// Where the program is.
  private let program: String
  /// The profile that is selected, and its features.
  let current: String
  let features: [String]

  /// Looks, and refuses what authselect itself finds changed.
  init(_ tree: HostTree) throws(Failure) {
    self.tree = tree
    guard let program = ["/usr/bin/authselect", "/usr/sbin/authselect"].first(where: tree.exists) else {
      throw .refused(reason: "/etc/authselect/authselect.conf says that authselect writes the session stacks, and there is no authselect", remedy: "install authselect, or see authselect(8) for opting out, and run this again")
    }
    self.program = program
    let check = try Authselect.run(program, ["check"])
    if check.status != 0 { throw .refused(reason: "authselect does not find its files as it made them (\(Authselect.said(check)))", remedy: "fix that first: authselect check; authselect select PROFILE FEATURES --force, which keeps a backup") }
    let answer = try Authselect.run(program, ["current", "--raw"])
    let words = String(decoding: answer.output, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    // What is made a path of has to be a name.
    guard answer.status == 0, let profile = words.first, words.allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } && !$0.contains("..") }) else {
      throw .refused(reason: "authselect does not say which profile is selected (\(Authselect.said(answer)))", remedy: "select one: authselect select PROFILE FEATURES")
    }
    (current, features) = (profile, Array(words.dropFirst()))
    if let file = try changedByHand() {
      throw .refused(
        reason: "\(shown(file)) is not what authselect makes of the profile \(current), and it would write over that", remedy: "put what was changed into a custom profile (authselect-profiles(5)), or, if the profile was updated, take it over with authselect apply-changes, and run this again")
    }
  }

  /// A generated file that is not what `authselect` would write now. Since 1.4 authselect itself does not look, and writes over it
  /// without a backup (findings/authselect-check.sh).
  private func changedByHand() throws(Failure) -> [UInt8]? {
    let options = [
      "system-auth": "--system-auth", "password-auth": "--password-auth", "fingerprint-auth": "--fingerprint-auth", "smartcard-auth": "--smartcard-auth",
      "switchable-auth": "--switchable-auth", "postlogin": "--postlogin", "nsswitch.conf": "--nsswitch", "dconf-db": "--dconf-db", "dconf-locks": "--dconf-lock",
    ]
    for (name, option) in options.sorted(by: { $0.key < $1.key }) {
      let file = Array("\(Authselect.generated)\(name)".utf8)
      guard let content = try? tree.read(file) else { continue }
      let answer = try Authselect.run(program, ["test", current] + features + [option])
      // `File PATH:` comes first; what is written has a comment before it.
      let wanted = answer.output[(answer.output.firstIndex(of: 0x0a).map { $0 + 1 } ?? answer.output.endIndex)...]
      if answer.status != 0 || Authselect.significant(content[...]) != Authselect.significant(wanted) { return file }
    }
    return nil
  }

  /// Neither comments nor empty lines.
  private static func significant(_ content: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    content.split(separator: 0x0a).filter { line in line.first { !isBlank($0) }.map { $0 != 0x23 } ?? false }
  }

  var isCustom: Bool { current.hasPrefix("custom/") }

  /// Whether authselect writes the file.
  func writes(_ file: [UInt8]) -> Bool { begins(tree.real(file), with: Array(Authselect.generated.utf8)) }

  /// A template of a profile.
  private func template(_ name: [UInt8], of profile: String) -> [UInt8] {
    if profile.hasPrefix("custom/") { return Array("\(Authselect.customs)\(profile.dropFirst(7))/".utf8) + name }
    let place = Authselect.stocks.first { tree.exists("\($0)\(profile)") } ?? Authselect.stocks[1]
    return Array("\(place)\(profile)/".utf8) + name
  }

  // MARK: Enabling

  /// What is run, as one would type it.
  var enablingCommands: [String] {
    if isCustom { return ["authselect apply-changes"] }
    return [
      (["authselect"] + creation).joined(separator: " "), (["authselect", "select", Authselect.ours] + features).joined(separator: " "),
    ]
  }

  private var creation: [String] { ["create-profile", "rootless-storage", "--base-on", current, "--symlink-meta", "--symlink-nsswitch", "--symlink-dconf"] }

  /// The templates with the line, as they are to be.
  ///
  /// - Parameter names: of the generated files that get it.
  func templates(_ names: [[UInt8]]) throws(Failure) -> [PAMPlan.Change] {
    if !isCustom && tree.exists("\(Authselect.customs)rootless-storage") {
      throw .refused(
        reason: "there is a profile \(Authselect.ours) already, and \(current) is selected",
        remedy: "select it (sudo authselect select \(([Authselect.ours] + features).joined(separator: " "))), or remove /etc/authselect/custom/rootless-storage, and run this again")
    }
    var changes: [PAMPlan.Change] = []
    for name in names {
      let file = template(name, of: current)
      if isCustom, let target = tree.link(file) {
        throw .refused(
          reason: "\(shown(file)), a template of the selected profile, is a symbolic link to \(shown(target)), which is another profile's",
          remedy: "put a copy in its place (sudo cp --remove-destination \(shellWord(tree.real(file))) \(shellWord(file))), and run this again")
      }
      let content: [UInt8]
      do throws(ReadFailure) { content = try tree.read(file) } catch { throw .refused(reason: "\(shown(file)) \(error.explanation)", remedy: "reinstall or fix the profile \(current), and run this again") }
      let text = PAMText(content)
      guard let place = text.places.first else { throw .refused(reason: "\(shown(file)) has no line for sessions", remedy: "fix the profile \(current), and run this again") }
      let target = isCustom ? file : template(name, of: Authselect.ours)
      changes.append(PAMPlan.Change(file: target, old: content, new: text.adding(behind: place)))
    }
    return changes
  }

  /// Makes the profile, or changes the administrator's, and lets authselect write its files of it. What would be generated is looked at
  /// before.
  ///
  /// - Parameters:
  ///   - isProved: whether these contents of files of libpam's are what was wanted.
  ///   - isRight: looks at what is there then.
  /// - Returns: backups of templates.
  func enable(_ templates: [PAMPlan.Change], _ isProved: ([PAMPlan.Change]) -> Bool, _ isRight: () -> Bool) throws(Failure) -> [[UInt8]] {
    let profile = isCustom ? current : Authselect.ours
    if !isCustom { try sure(creation) }
    var backups: [[UInt8]] = []
    do throws(Failure) {
      backups = try replace(templates) { isProved(generated(templates, profile)) }
      if isCustom { try sure(["apply-changes"]) } else { try sure(["select", profile] + features) }
      if !isRight() { throw .refused(reason: "what authselect wrote is not what was tried before", remedy: "look into authselect's own messages, and run this again") }
    } catch {
      // As it was.
      if isCustom {
        if !backups.isEmpty {
          _ = try? replace(templates.map { PAMPlan.Change(file: $0.file, old: $0.new, new: $0.old) }) { true }
          _ = try? sure(["apply-changes"])
        }
      } else {
        if let now = try? Authselect(tree), now.current == Authselect.ours { _ = try? sure(["select", current] + features) }
        removeProfile()
      }
      throw error
    }
    // The copy's first form is in the profile that it was copied from.
    if !isCustom { removeFiles(backups) }
    return isCustom ? backups : []
  }

  /// What authselect would make of the templates.
  private func generated(_ templates: [PAMPlan.Change], _ profile: String) -> [PAMPlan.Change] {
    templates.compactMap { change in
      let name = String(decoding: baseName(change.file), as: UTF8.self)
      let file = Array("\(Authselect.generated)\(name)".utf8)
      guard let answer = try? Authselect.run(program, ["test", profile] + features + ["--\(name)"]), answer.status == 0, let old = try? tree.read(file) else { return nil }
      // `File PATH:`, the content and an empty line.
      var content = Array(answer.output[(answer.output.firstIndex(of: 0x0a).map { $0 + 1 } ?? answer.output.endIndex)...])
      while content.suffix(2) == [0x0a, 0x0a] { content.removeLast() }
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
    return [(["authselect", "select", former] + features).joined(separator: " "), "rm -r /etc/authselect/custom/rootless-storage"]
  }

  /// - Parameter all: lines that were written by hand go too.
  /// - Returns: nil if no template has such a line.
  func removal(all: Bool) -> Removal? {
    var changes: [PAMPlan.Change] = []
    guard isCustom else { return nil }
    let directory = "\(Authselect.customs)\(current.dropFirst(7))"
    for name in (try? tree.names(directory)) ?? [] {
      let file = Array("\(directory)/".utf8) + name
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
    for place in Authselect.stocks {
      for profile in (try? tree.names(place)) ?? [] {
        let names = (try? tree.names("\(Authselect.customs)rootless-storage")) ?? []
        let isSame = names.filter(PAMPlan.isInUse).allSatisfy { name in
          let file = Array("\(Authselect.customs)rootless-storage/".utf8) + name
          let content = changes.first { $0.file == file }?.new ?? (try? tree.read(file))
          return content != nil && content == (try? tree.read(Array(place.utf8) + profile + [0x2f] + name))
        }
        if isSame && !names.isEmpty { return String(decoding: profile, as: UTF8.self) }
      }
    }
    return nil
  }

  /// - Returns: backups of templates.
  func disable(_ removal: Removal, _ isRight: () -> Bool) throws(Failure) -> [[UInt8]] {
    let wrong = Failure.refused(reason: "what authselect wrote is not what was wanted", remedy: "look into authselect's own messages, and run this again")
    if let former = removal.former {
      try sure(["select", former] + features)
      if !isRight() {
        _ = try? sure(["select", current] + features)
        throw wrong
      }
      removeProfile()
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

  private func replace(_ changes: [PAMPlan.Change], _ isRight: () -> Bool) throws(Failure) -> [[UInt8]] {
    guard let first = changes.first else { return [] }
    do throws(PAMFiles.Failure) {
      if let backups = try PAMFiles(parent(first.file)).replace(changes, isRight) { return backups }
    } catch { throw .refused(reason: error.refusal.reason, remedy: error.refusal.remedy) }
    throw .refused(reason: "with the line in its templates, authselect would generate more than that line", remedy: "add \"\(PAMFindings.line)\" to the templates of a custom profile by hand (authselect-profiles(5))")
  }

  private func removeProfile() {
    let directory = Array("\(Authselect.customs)rootless-storage".utf8)
    let names = (try? tree.names(String(decoding: directory, as: UTF8.self))) ?? []
    removeFiles(names.map { directory + [0x2f] + $0 })
    do throws(Errno) { try removeEmptyDirectory(at: try open(path: parent(directory), .directory), baseName(directory)) } catch {}
  }

  private func removeFiles(_ files: [[UInt8]]) {
    for file in files { do throws(Errno) { try removeFile(at: try open(path: parent(file), .directory), baseName(file)) } catch {} }
  }

  private func sure(_ arguments: [String]) throws(Failure) {
    let ending = try Authselect.run(program, arguments)
    if ending.status != 0 { throw .refused(reason: "authselect \(arguments.joined(separator: " ")) failed (\(Authselect.said(ending)))", remedy: "fix that, and run this again") }
  }

  private static func run(_ program: String, _ arguments: [String]) throws(Failure) -> ChildProcess.Ending {
    do throws(ChildProcess.Failure) {
      return try ChildProcess.run(
        Array(program.utf8), (["authselect"] + arguments).map { Array($0.utf8) }, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"].map { Array($0.utf8) },
        withErrors: true, seconds: 120, limit: 1 << 20)
    } catch { throw .refused(reason: "authselect cannot be run (\(error.explanation))", remedy: "try: sudo authselect check") }
  }

  private static func said(_ ending: ChildProcess.Ending) -> String {
    let line = ending.output.split(separator: 0x0a).last.map { shown(Array($0)) } ?? ""
    return line.isEmpty ? "exit status \(ending.status)" : line
  }
}
