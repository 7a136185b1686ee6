import FoundationEssentials
import RootlessStorage

extension UserReport {
  /// What most users have none of.
  private struct Lists: Codable {
    var findings: [Finding]
    var actions: [Action]?
    var expected: ExpectedEngines?
    var isEmpty: Bool { findings.isEmpty && actions == nil && expected == nil }
  }

  /// As it is sent to whoever asked. What is not there is an empty field, and what is there begins with a byte of its own.
  var message: [UInt8] {
    func field(_ text: String?) -> [UInt8] { text.map { [.plus] + Array($0.utf8) } ?? [] }
    func field(_ value: Bool?) -> [UInt8] { value.map { [$0 ? UInt8(ascii: "1") : UInt8(ascii: "0")] } ?? [] }
    let lists = Lists(findings: findings, actions: actions, expected: expected)
    return MessageFields.joined([
      field(name), field(uid.map { "\($0)" }), field(home?.path), field(home?.fileSystem), field(home?.isNetwork), field(storage?.path),
      field(storage?.isInPlace),
      field(graphroot), field(dataRoot), field(ignoresChownErrors), field(isServed), field(hasSession), field(volumes.map { "\($0)" }),
      field(failure),
      lists.isEmpty ? [] : (try? JSONEncoder().encode(lists)).map { Array($0) } ?? [],
    ])
  }

  /// nil for what is no such message. It comes from a process that was the user at last.
  init?(message: [UInt8]) {
    guard let fields = MessageFields.split(message), fields.count == 15 else { return nil }
    func text(_ index: Int) -> String? { fields[index].isEmpty ? nil : String(decoding: fields[index].dropFirst(), as: UTF8.self) }
    func truth(_ index: Int) -> Bool? { fields[index].first.map { $0 == UInt8(ascii: "1") } }
    guard let name = text(0) else { return nil }
    self.init(name: name, uid: fields[1].isEmpty ? nil : identifier(fields[1].dropFirst()), failure: text(13))
    if let path = text(2), let isNetwork = truth(4) { home = Home(path: path, fileSystem: text(3), isNetwork: isNetwork) }
    if let path = text(5), let isInPlace = truth(6) { storage = Storage(path: path, isInPlace: isInPlace) }
    (graphroot, dataRoot, ignoresChownErrors, hasSession) = (text(7), text(8), truth(9), truth(11))
    isServed = truth(10) ?? true
    volumes = fields[12].isEmpty ? nil : identifier(fields[12].dropFirst()).map { Int($0) }
    if fields[14].isEmpty { return }
    guard let lists = try? JSONDecoder().decode(Lists.self, from: Data(fields[14])) else { return nil }
    (findings, actions, expected) = (lists.findings, lists.actions, lists.expected)
  }
}
