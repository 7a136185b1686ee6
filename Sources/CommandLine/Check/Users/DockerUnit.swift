import RootlessStorage

/// What the units of a user's manager start dockerd with (systemd.unit(5)): the unit's first file, and all drop-ins. The process must be
/// the user.
struct DockerUnit: Equatable, Sendable {
  struct Option: Equatable, Sendable {
    /// As daemon.json calls it: `data-root`, `config-file`, `storage-opts`.
    let name: String
    /// nil where it depends on what only the manager knows.
    let value: String?
    /// `FILE:LINE`.
    let place: String
    /// By its name of before Docker 17: `-g`, `--graph`.
    var isOld = false
    /// Some dockerd knows it.
    var isKnown = true
  }

  private(set) var options: [Option] = []

  func option(_ name: String) -> Option? { options.last { $0.name == name } }

  /// Where a user's manager looks, the first directory first; what begins with a tilde is in the home.
  static let directories = [
    "~/.config/systemd/user.control", "~/.config/systemd/user", "/etc/systemd/user", "/run/systemd/user", "~/.local/share/systemd/user",
    "/usr/local/lib/systemd/user", "/usr/lib/systemd/user",
  ]
  /// Options whose name daemon.json has otherwise, and short names.
  private static let fileNames = [
    "graph": "data-root", "host": "hosts", "label": "labels", "dns-opt": "dns-opts", "log-opt": "log-opts", "storage-opt": "storage-opts",
    "exec-opt": "exec-opts", "insecure-registry": "insecure-registries", "registry-mirror": "registry-mirrors", "add-runtime": "runtimes",
    "default-ulimit": "default-ulimits", "authorization-plugin": "authorization-plugins",
    "allow-nondistributable-artifact": "allow-nondistributable-artifacts", "default-address-pool": "default-address-pools",
    "node-generic-resource": "node-generic-resources", "cdi-spec-dir": "cdi-spec-dirs", "feature": "features",
    "default-network-opt": "default-network-opts",
  ]
  private static let shortNames = [
    "g": "data-root", "s": "storage-driver", "D": "debug", "l": "log-level", "H": "hosts", "G": "group", "b": "bridge", "p": "pidfile",
    "v": "version", "h": "help",
  ]
  /// They stand on a command line alone.
  private static let others: Set<String> = ["config-file", "help", "version", "validate", "cri-containerd"]
  private static let flags: Set<String> = ["help", "version", "validate", "cri-containerd"]

  /// A line of a unit's section `[Service]`, with what continues it.
  private struct Line {
    let text: String
    let place: String
  }

  init() {}

  /// - Parameter shared: those outside of the home in which there is anything about Docker.
  init(_ home: borrowing FileDescriptor, _ account: Account, shared: [String]) {
    var starts: [Line] = []
    let directories = DockerUnit.directories.filter { $0.hasPrefix("~") || shared.contains($0) }
    for path in DockerUnit.files(home, directories) {
      guard case .content(let content) = DockerUnit.read(path, home) else { continue }
      for line in DockerUnit.lines(content.bytes, shown(Array(path.utf8))) {
        // An empty one takes back all that came before it.
        if line.text.isEmpty { starts = [] } else { starts.append(line) }
      }
    }
    for start in starts { options += DockerUnit.options(start, account) }
  }

  private static func read(_ path: String, _ home: borrowing FileDescriptor) -> ConfigFile {
    path.hasPrefix("~/") ? ConfigFile.read(at: home, Path(Array(path.utf8.dropFirst(2)))) : ConfigFile.read(path: Path(path))
  }

  private static func files(_ home: borrowing FileDescriptor, _ directories: [String]) -> [String] {
    var files: [String] = []
    for directory in directories {
      let path = "\(directory)/docker.service"
      if case .absent = read(path, home) { continue }
      files.append(path)
      break
    }
    // Of drop-ins with one name the first directory has the word.
    var dropIns: [[UInt8]: String] = [:]
    for directory in directories {
      for name in entries("\(directory)/docker.service.d", home) where name.suffix(5).elementsEqual(".conf".utf8) && dropIns[name] == nil {
        dropIns[name] = "\(directory)/docker.service.d/\(String(decoding: name, as: UTF8.self))"
      }
    }
    return files + dropIns.sorted { isOrderedBefore($0.key, $1.key) }.map(\.value)
  }

  private static func entries(_ path: String, _ home: borrowing FileDescriptor) -> [[UInt8]] {
    do throws(Errno) {
      if path.hasPrefix("~/") {
        return try names(in: try open(at: home, path: Path(Array(path.utf8.dropFirst(2))), .directoryFollowing), limit: 64)
      }
      return try names(in: try open(path: Path(path), .directoryFollowing), limit: 64)
    } catch { return [] }
  }

  /// What stands behind `ExecStart=` in `[Service]`.
  private static func lines(_ content: [UInt8], _ file: String) -> [Line] {
    var found: [Line] = []
    var isService = false
    var pending = ""
    var first = 0
    for (index, raw) in content.split(separator: .newline, omittingEmptySubsequences: false).enumerated() {
      let text = trimmed(String(decoding: raw, as: UTF8.self))
      // A comment between the parts of a line is left out.
      if text.hasPrefix("#") || text.hasPrefix(";") { continue }
      if pending.isEmpty { first = index + 1 }
      if text.hasSuffix("\\") {
        pending += text.dropLast() + " "
        continue
      }
      let line = pending + text
      pending = ""
      if line.hasPrefix("[") { isService = line == "[Service]" }
      guard isService, let equals = line.firstIndex(of: "="), trimmed(String(line[..<equals])) == "ExecStart" else { continue }
      found.append(Line(text: trimmed(String(line[line.index(after: equals)...])), place: "\(file):\(first)"))
    }
    return found
  }

  private static func trimmed(_ text: String) -> String {
    let body = text.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
    return String(String(body.reversed().drop { $0 == " " || $0 == "\t" || $0 == "\r" }.reversed()))
  }

  private static func options(_ line: Line, _ account: Account) -> [Option] {
    let words = words(line.text)
    guard let program = words.firstIndex(where: { $0.split(separator: "/").last?.hasPrefix("dockerd") ?? false }) else { return [] }
    var found: [Option] = []
    var index = program + 1
    while index < words.count {
      let word = words[index]
      index += 1
      guard word.hasPrefix("-"), word != "-", word != "--" else { continue }
      let equals = word.firstIndex(of: "=")
      let written = String(word[..<(equals ?? word.endIndex)])
      let bare = String(written.drop { $0 == "-" })
      let name = written.hasPrefix("--") ? fileNames[bare] ?? bare : shortNames[bare] ?? bare
      let isKnown = others.contains(name) || DaemonJsonKeys.kinds(of: name) != nil || DaemonJsonKeys.removed[name] != nil
      var option = Option(
        name: isKnown ? name : written, value: equals.flatMap { expanded(String(word[word.index(after: $0)...]), account) },
        place: line.place,
        isOld: written == "-g" || written == "--graph", isKnown: isKnown)
      let isFlag = flags.contains(name) || DaemonJsonKeys.kinds(of: name) == [.boolean]
      if equals == nil && isKnown && !isFlag {
        option = Option(
          name: name, value: index < words.count ? expanded(words[index], account) : nil, place: line.place, isOld: option.isOld)
        index += 1
      }
      found.append(option)
    }
    return found
  }

  /// Words with their quotes taken away.
  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word: String? = nil
    var quote: Character? = nil
    for character in text {
      if character == quote {
        quote = nil
      } else if quote == nil && (character == "\"" || character == "'") {
        quote = character
        word = word ?? ""
      } else if quote == nil && (character == " " || character == "\t") {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words
  }

  /// Specifiers replaced (systemd.unit(5), "Specifiers"); nil with one that cannot be told here, or with a variable.
  private static func expanded(_ text: String, _ account: Account) -> String? {
    var result = ""
    var rest = text[...]
    while let character = rest.popFirst() {
      if character == "$" { return nil }
      guard character == "%" else {
        result.append(character)
        continue
      }
      switch rest.popFirst() {
      case "%": result.append("%")
      case "h": result += String(decoding: account.home)
      case "u": result += String(decoding: account.name, as: UTF8.self)
      case "U": result += "\(account.uid)"
      case "t": result += "/run/user/\(account.uid)"
      default: return nil
      }
    }
    return result
  }
}
