import RootlessStorage

/// What a process that looks for one user tells the one that asked: decided already, and small.
struct UserReport: Codable, Equatable, Sendable {
  struct Home: Codable, Equatable, Sendable {
    var path: String
    /// As /proc/self/mountinfo names it; absent where nobody tells.
    var fileSystem: String?
    var isNetwork: Bool
  }

  struct Storage: Codable, Equatable, Sendable {
    var path: String
    /// It is a directory of the user's that nobody else can write to.
    var isInPlace: Bool
  }

  /// What was done or would be done.
  struct Action: Codable, Equatable, Sendable {
    enum Outcome: String, Codable, Sendable { case planned, done, failed }
    /// In the imperative.
    var action: String
    var outcome: Outcome
    /// Where what was replaced lies by now, beside its old place.
    var backup: String?
    /// Why it failed, and what to do.
    var cause: String?
    /// Of files and directories, where the action is about many.
    var counts: ProjectCount?
  }

  var name: String
  /// Absent where there is no such account.
  var uid: UInt32?
  var home: Home?
  var storage: Storage?
  /// Where Podman's and Docker's storage is, by their config files, without symbolic links. Absent: below ~/.local/share.
  var graphroot: String?
  var dataRoot: String?
  /// Podman unpacks images as one user (`ignore_chown_errors` in the user's storage.conf); absent where it does not.
  var ignoresChownErrors: Bool?
  /// The settings exclude this user.
  var isServed = true
  var findings: [Finding] = []
  /// Absent when nothing was to be repaired.
  var actions: [Action]?
  /// Where engines are to be tried: a program can be run as this user, in a session of theirs. Never printed.
  var hasSession: Bool?
  /// Where engines are to be tried: what they are expected to say of themselves. Never printed.
  var expected: ExpectedEngines?
  /// Volumes with something in them on this host's disk; where engines are to be tried. Never printed.
  var volumes: Int?
  /// Why nothing could be seen; the rest is empty then.
  var failure: String?

  init(name: String, uid: UInt32?, failure: String? = nil) {
    self.name = name
    self.uid = uid
    self.failure = failure
  }
}

extension UserReport {
  /// Where engines store: the storage directory, or where the user has put what is not in it.
  var storagePlace: String? {
    func isElsewhere(_ path: String) -> Bool { storage.map { !path.hasPrefix($0.path + "/") } ?? true }
    let places = [graphroot, dataRoot].compactMap { $0 }.filter(isElsewhere)
    if places.isEmpty { return storage?.path }
    let isAll = places.count == 2 || storage == nil
    return ((isAll ? [] : [storage?.path].compactMap { $0 }) + places).joined(separator: ", ")
  }

  /// All texts in it can be shown on a terminal.
  var isPrintable: Bool {
    var texts = [name, home?.path, home?.fileSystem, storage?.path, graphroot, dataRoot, failure].compactMap { $0 }
    for finding in findings { texts += [finding.sentence, finding.remedy.text] }
    for action in actions ?? [] { texts += [action.action, action.backup ?? "", action.cause ?? ""] }
    return texts.allSatisfy { $0.utf8.allSatisfy { $0 >= .space && $0 < 0x7f } }
  }
}
