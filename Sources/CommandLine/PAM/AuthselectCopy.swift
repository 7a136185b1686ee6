import RootlessStorage

/// The profile custom/rootless-storage, which `pam enable` makes of a stock profile and our line.
///
/// authselect never follows a stock profile into a copy of it. What was made is written down in the copy, so that an update of the stock
/// profile is told from a change by an administrator, which is worth more than either.
struct AuthselectCopy: Equatable, Sendable {
  static let name = "rootless-storage"
  /// Where authselect looks for profiles, in this order, after the administrator's own.
  static let stocks: [Path] = ["/usr/share/authselect/vendor", "/usr/share/authselect/default"]
  static let customs: Path = "/etc/authselect/custom"
  /// authselect knows the names of a profile's files, and reads no other. A dot keeps it from those who look for templates.
  static let recordName = Array(".made-by-rootless-storage".utf8)

  /// The stock profile that it was made of.
  let base: String
  /// authselect writes its files of it.
  let isSelected: Bool
  /// It is byte for byte what `pam enable` made.
  let isUnchanged: Bool
  /// Templates that the stock profile has otherwise by now, but for our line, in byte order. Empty also if that profile is gone.
  let outdated: [[UInt8]]

  /// - Returns: nil if there is no such profile, or one of which nobody wrote down how it was made.
  init?(_ tree: HostTree) {
    let directory = AuthselectCopy.directory
    guard let record = try? tree.read(directory / AuthselectCopy.recordName, limit: 4096) else { return nil }
    let words = record.split(separator: .newline).map { $0.split(separator: .space) }
    guard let first = words.first, first.count == 2, first[0].elementsEqual("base".utf8), first[1].first != .dot, !first[1].contains(.slash)
    else { return nil }
    let base = String(decoding: first[1], as: UTF8.self)
    self.base = base
    let selected = (try? tree.read("/etc/authselect/authselect.conf", limit: 4096))?.split(separator: .newline).first ?? []
    isSelected = selected.elementsEqual("custom/\(AuthselectCopy.name)".utf8)
    let templates = AuthselectCopy.templates(tree, directory)
    isUnchanged = AuthselectCopy.record(base, templates) == record
    guard let stock = AuthselectCopy.place(of: base, tree) else {
      outdated = []
      return
    }
    // What is a link in the copy is the stock profile's own.
    let stocked = AuthselectCopy.templates(tree, stock).filter { tree.link(directory / $0.name) == nil }
    let names = Set((templates + stocked).map(\.name))
    outdated = names.filter { name in
      let copied = templates.first { $0.name == name }.map { PAMText($0.content) }
      return copied.map { $0.removing($0.ours.filter(\.isAsAdded)) } != stocked.first { $0.name == name }?.content
    }.sorted(by: isOrderedBefore)
  }

  /// It should be made anew: nothing of an administrator's is in it, and the stock profile was updated.
  var isToBeRenewed: Bool { isSelected && isUnchanged && !outdated.isEmpty }

  // MARK: The record

  private typealias Template = (name: [UInt8], content: [UInt8])

  static var directory: Path { customs / Path(name) }

  /// Where a stock profile is.
  static func place(of profile: String, _ tree: HostTree) -> Path? {
    stocks.lazy.map { $0 / Path(profile) }.first(where: tree.exists)
  }

  /// Its own files, in byte order.
  private static func templates(_ tree: HostTree, _ directory: Path) -> [Template] {
    ((try? tree.names(directory)) ?? []).compactMap { name in
      let file = directory / name
      guard PAMPlan.isInUse(name), tree.link(file) == nil, let content = try? tree.read(file) else { return nil }
      return (name, content)
    }
  }

  private static func record(_ base: String, _ templates: [Template]) -> [UInt8] {
    var text = "base \(base)\n"
    for template in templates {
      // Only root can write there, and gains nothing by making two alike.
      text += "\(shown(template.name)) \(fowlerNollVo(template.content))\n"
    }
    return Array(text.utf8)
  }

  /// Writes down what is in a profile that was just made.
  ///
  /// - Parameter directory: its own.
  static func writeRecord(_ tree: HostTree, _ directory: Path, base: String) throws(Errno) {
    let file = try open(
      at: try open(path: tree.resolve(directory), .directory), recordName, .creating, permissions: 0o644)
    try writeAll(file, record(base, templates(tree, directory)))
  }
}
