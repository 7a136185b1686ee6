import RootlessStorage

/// One step of a service's session stack, where included files have become part of it.
struct PAMStep: Equatable, Sendable {
  enum Kind: String, Sendable {
    case module
    /// Where a substack begins. It does nothing, but jumps count it.
    case substack
    /// A line that libpam cannot use: opening a session fails.
    case broken
  }

  let kind: Kind
  /// As it is written: an absolute path, or one in the module directory. Of a substack, its file's name.
  let path: Path
  let file: Path
  let line: Int
  /// How deep it lies in substacks: what ends or jumps in one stays in it.
  let level: Int
  let control: PAMControl?
  let arguments: [[UInt8]]

  var module: [UInt8] { moduleName(path) }

  /// A session of this stack does not begin: its line cannot be used, or the module is not there and the control makes a failure of that.
  ///
  /// - Parameters:
  ///   - directory: where modules lie that are named without a directory; nil: nobody knows.
  ///   - missing: whole paths of modules that are not there.
  func fails(where directory: Path?, missing: Set<Path>) -> Bool {
    // What cannot be included is a failure of its own.
    if kind == .broken { return path.isEmpty }
    guard kind == .module, !isOurs, let control else { return false }
    guard let whole = whole(in: directory), missing.contains(whole) else { return false }
    // pam_dispatch.c: a module that cannot be loaded answers PAM_MODULE_UNKNOWN.
    let action = control.actions.last { $0.answer == "module_unknown" } ?? control.actions.last { $0.answer == "default" }
    return action?.action == .bad || action?.action == .die
  }

  /// Where the module lies.
  ///
  /// - Parameter directory: of modules that are named without a directory; nil: nobody knows.
  func whole(in directory: Path?) -> Path? { path.isAbsolute ? path : directory.map { $0 / path } }

  /// libpam finds it by its whole name only; one with a carriage return at its end, for example, is another's.
  var isOurs: Bool { kind == .module && path.name.elementsEqual("pam_rootless_storage.so".utf8) }

  /// The absolute path that the option is set to; of several, the last. Our module ignores any other value.
  func pathOption(_ name: String) -> Path? {
    let prefix = Array("\(name)=/".utf8)
    return arguments.last { begins($0, with: prefix) }.map { Path(Array($0.dropFirst(prefix.count - 1))) }
  }
}

/// The session stack of one service.
struct PAMStack: Equatable, Sendable {
  struct Failure: Equatable, Sendable {
    enum Reason: Equatable, Sendable {
      case read(ReadError)
      /// It includes itself.
      case loop
      /// More than anybody would write: more than libpam takes, or than is looked at here.
      case tooMuch
      /// It ends in a line that should be continued.
      case unfinished
    }
    let file: Path
    let reason: Reason

    /// For a sentence: `/etc/f ` and this.
    var explanation: String {
      switch reason {
      case .read(let cause): cause.explanation
      case .loop: "includes itself"
      case .tooMuch: "includes more than can be followed"
      case .unfinished: "ends in a line that should be continued"
      }
    }
  }

  let service: [UInt8]
  /// The file that libpam takes for it.
  let file: Path
  fileprivate(set) var steps: [PAMStep] = []
  /// All files that it is made of, as far as they matter for sessions, in the order in which they are read.
  fileprivate(set) var files: [Path] = []
  /// Where it could not be followed. What is in `steps` then is not all.
  fileprivate(set) var failures: [Failure] = []

  /// Where our module stands first.
  var ours: Int? { steps.firstIndex { $0.isOurs } }

  fileprivate init(service: [UInt8], file: Path) {
    self.service = service
    self.file = file
  }
}

/// The session stacks of this host, as Linux-PAM puts them together (pam_handlers.c).
struct PAMStacks: Equatable, Sendable {
  /// Where libpam looks, in this order.
  let directories: [Path]
  /// By service, in byte order.
  let stacks: [PAMStack]
  /// Names of all files in the directories, also of those that are no service's.
  let files: [[UInt8]]
  /// Directories that whoever runs this may not list.
  let deniedDirectories: [Path]
  /// Whole paths of modules in session stacks that are not there.
  let missingModules: Set<Path>

  func stack(of service: String) -> PAMStack? { stacks.first { $0.service.elementsEqual(service.utf8) } }

  /// Every line of our module that a session reaches, each once.
  var ourSteps: [PAMStep] {
    var found: [PAMStep] = []
    for step in stacks.flatMap(\.steps) where step.isOurs && !found.contains(where: { $0.file == step.file && $0.line == step.line }) {
      found.append(step)
    }
    return found
  }

  /// - Parameter wanted: the services that are looked at.
  init(_ tree: HostTree, services wanted: [String]) {
    var known = PAMKnowledge(tree)
    self.init(tree, &known) { _ in wanted.map { Array($0.utf8) }.sorted(by: isOrderedBefore) }
  }

  /// Debian's name of the architecture that this program, and so the host's logins, are built for.
  #if arch(x86_64)
    static let multiarch = "x86_64-linux-gnu"
  #elseif arch(arm64)
    static let multiarch = "aarch64-linux-gnu"
  #else
    static let multiarch = "none"
  #endif

  /// The directory is compiled into libpam. It is the one where the modules of libpam's own package are.
  static func moduleDirectory(_ tree: HostTree) -> Path? {
    PAMDirectories.libraries.lazy.map { $0 / "security" }.first { tree.exists($0 / "pam_permit.so") }
  }

  /// All services: every file that could be one's. What begins with a dot is a file that somebody is writing, or was.
  init(everyServiceOf tree: HostTree) {
    var known = PAMKnowledge(tree)
    self.init(everyServiceOf: tree, &known)
  }

  /// - Parameter known: what is not read again.
  init(everyServiceOf tree: HostTree, _ known: inout PAMKnowledge) { self.init(tree, &known) { $0.filter { $0.first != .dot } } }

  /// - Parameter wanted: of the names of files, the services that are looked at, in byte order.
  private init(_ tree: HostTree, _ known: inout PAMKnowledge, _ wanted: ([[UInt8]]) -> [[UInt8]]) {
    var reader = PAMReader(tree, known)
    directories = known.directories
    files = reader.fileNames
    deniedDirectories = reader.deniedDirectories
    stacks = wanted(files).compactMap { reader.stack(of: $0) }
    known = reader.known
    var missing: Set<Path> = []
    for stack in stacks {
      for step in stack.steps where step.kind == .module {
        guard let whole = step.whole(in: known.moduleDirectory) else { continue }
        if !known.isThere(whole, tree) { missing.insert(whole) }
      }
    }
    missingModules = missing
  }
}

/// What was read for the stacks of a host: they are looked at again and again with one file changed, and nothing else has to be read anew.
struct PAMKnowledge {
  let directories: [Path]
  let moduleDirectory: Path?
  fileprivate var files: [Path: Result<PAMLines, ReadError>] = [:]
  private var modules: [Path: Bool] = [:]

  init(_ tree: HostTree) {
    directories = PAMDirectories.of(tree)
    moduleDirectory = PAMStacks.moduleDirectory(tree)
  }

  /// - Parameter names: all those of one file.
  mutating func forget(_ names: [Path]) { for name in names { files[name] = nil } }

  fileprivate mutating func isThere(_ module: Path, _ tree: HostTree) -> Bool {
    if let known = modules[module] { return known }
    let found = tree.status(module) != nil
    modules[module] = found
    return found
  }
}

/// Puts stacks together. Files are read once each.
private struct PAMReader {
  /// libpam's PAM_SUBSTACK_MAX_LEVEL was 32 for long, and is 16 in newer ones.
  static let deepestInclude = 32
  // No host has as much; a file that includes itself twice would take forever.
  static let mostSteps = 4096
  static let mostIncludes = 1024
  static let largestFile = 1 << 18

  private let tree: HostTree
  private(set) var known: PAMKnowledge
  /// /etc/pam.conf, which counts only where there are no directories.
  private let pamConf: PAMLines?
  private(set) var fileNames: [[UInt8]] = []
  private(set) var deniedDirectories: [Path] = []
  private var includes = 0

  init(_ tree: HostTree, _ known: PAMKnowledge) {
    self.tree = tree
    self.known = known
    var hasDirectory = false
    var names: Set<[UInt8]> = []
    for directory in known.directories {
      do throws(ReadError) {
        names.formUnion(try tree.names(directory))
        hasDirectory = true
      } catch {
        if error != .missing { hasDirectory = true }
        if error == .denied { deniedDirectories.append(directory) }
      }
    }
    fileNames = names.sorted(by: isOrderedBefore)
    guard !hasDirectory, let content = try? tree.read("/etc/pam.conf", limit: PAMReader.largestFile) else {
      pamConf = nil
      return
    }
    pamConf = PAMLines(content, withServices: true)
  }

  /// - Returns: nil if the host does not know the service.
  mutating func stack(of service: [UInt8]) -> PAMStack? {
    guard var stack = ownStack(of: service) else { return nil }
    // libpam takes the stack of `other` where a service has no line for sessions.
    if stack.steps.isEmpty && stack.failures.isEmpty && !service.elementsEqual("other".utf8), let other = ownStack(of: Array("other".utf8))
    {
      stack.steps = other.steps
      stack.files += other.files
      stack.failures = other.failures
    }
    return stack
  }

  private mutating func ownStack(of service: [UInt8]) -> PAMStack? {
    includes = 0
    if let pamConf {
      let file: Path = "/etc/pam.conf"
      let lines = pamConf.lines.filter { lowercased($0.service ?? []) == lowercased(service) }
      if lines.isEmpty { return nil }
      var stack = PAMStack(service: service, file: file)
      stack.files = [file]
      if pamConf.isUnfinished { stack.failures.append(PAMStack.Failure(file: file, reason: .unfinished)) }
      append(lines, of: file, nil, level: 0, within: [file], &stack)
      return stack
    }
    guard let file = find(Path(service)) else { return nil }
    var stack = PAMStack(service: service, file: file)
    _ = include(file, nil, level: 0, within: [], &stack)
    return stack
  }

  /// - Parameters:
  ///   - filter: the type of lines that is taken; nil: all, of which only sessions matter.
  ///   - chain: the files that include this one.
  /// - Returns: whether libpam could use it.
  private mutating func include(_ file: Path, _ filter: PAMType?, level: Int, within chain: [Path], _ stack: inout PAMStack) -> Bool {
    let fail = { (reason: PAMStack.Failure.Reason, stack: inout PAMStack) in
      let failure = PAMStack.Failure(file: file, reason: reason)
      if !stack.failures.contains(failure) { stack.failures.append(failure) }
      return false
    }
    includes += 1
    if chain.contains(file) { return fail(.loop, &stack) }
    if chain.count >= PAMReader.deepestInclude || includes > PAMReader.mostIncludes { return fail(.tooMuch, &stack) }
    switch lines(of: file) {
    case .failure(let failure): return fail(.read(failure), &stack)
    case .success(let read):
      if !stack.files.contains(file) { stack.files.append(file) }
      append(read.lines, of: file, filter, level: level, within: chain + [file], &stack)
      return read.isUnfinished ? fail(.unfinished, &stack) : true
    }
  }

  private mutating func append(
    _ lines: [PAMLine], of file: Path, _ filter: PAMType?, level: Int, within chain: [Path], _ stack: inout PAMStack
  ) {
    for line in lines {
      if stack.steps.count >= PAMReader.mostSteps {
        let failure = PAMStack.Failure(file: stack.file, reason: .tooMuch)
        if !stack.failures.contains(failure) { stack.failures.append(failure) }
        return
      }
      let step = { (kind: PAMStep.Kind, path: Path, control: PAMControl?, arguments: [[UInt8]]) in
        PAMStep(kind: kind, path: path, file: file, line: line.number, level: level, control: control, arguments: arguments)
      }
      switch line.content {
      case .module(.session, let control, let path, let arguments): stack.steps.append(step(.module, path, control, arguments))
      case .includeAll(let name):
        if !include(find(name) ?? PAMReader.standard(name), filter, level: level, within: chain, &stack),
          filter == .session || filter == nil
        {
          stack.steps.append(step(.broken, name, nil, []))
        }
      case .include(.session, let name, let isSubstack):
        if isSubstack { stack.steps.append(step(.substack, name, nil, [])) }
        let inner = level + (isSubstack ? 1 : 0)
        if !include(find(name) ?? PAMReader.standard(name), .session, level: inner, within: chain, &stack) {
          stack.steps.append(step(.broken, name, nil, []))
        }
      case .broken(.session): stack.steps.append(step(.broken, "", nil, []))
      // Of an unknown type: libpam counts it among the lines that it is looking for, or else as `auth`.
      case .broken(nil): if filter == .session { stack.steps.append(step(.broken, "", nil, [])) }
      case .module, .include, .broken: continue
      }
    }
  }

  private mutating func lines(of file: Path) -> Result<PAMLines, ReadError> {
    if let known = known.files[file] { return known }
    let result: Result<PAMLines, ReadError>
    do throws(ReadError) { result = .success(PAMLines(try tree.read(file, limit: PAMReader.largestFile))) } catch {
      result = .failure(error)
    }
    known.files[file] = result
    return result
  }

  /// The file of that name that libpam opens: a dangling symbolic link in one directory is none, and the next one counts.
  private mutating func find(_ name: Path) -> Path? {
    if name.isAbsolute { return name }
    for directory in known.directories {
      let file = directory / name
      if case .failure(.missing) = lines(of: file) { continue }
      return file
    }
    return nil
  }

  private static func standard(_ name: Path) -> Path { PAMDirectories.administrators / name }
}
