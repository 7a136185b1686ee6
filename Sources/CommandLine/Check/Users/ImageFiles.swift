import RootlessStorage

// registries.conf(5) and policy.json(5), which Podman reads before it touches an image.

extension UserExaminer {
  /// The user's file hides the site's; what is in directories is read in any case.
  func registries(_ home: borrowing FileDescriptor, _ root: borrowing FileDescriptor) -> [PodmanConfig.File] {
    let own = PodmanConfig.File(
      path: "~/.config/containers/registries.conf", .user, ConfigFile.read(at: home, ".config/containers/registries.conf"))
    let main = own.isThere ? own : file("/etc/containers/registries.conf", .site, root)
    let directories = [
      files(in: "/etc/containers/registries.conf.d", .site, root), files(in: ".config/containers/registries.conf.d", .user, home),
    ]
    return ([main] + directories.joined().map(\.file)).filter(\.isThere)
  }

  /// The user's, else the site's; nil where there is neither.
  func policy(_ home: borrowing FileDescriptor, _ root: borrowing FileDescriptor) -> PodmanConfig.File? {
    let own = ConfigFile.read(at: home, ".config/containers/policy.json")
    let all = [
      PodmanConfig.File(path: "~/.config/containers/policy.json", .user, own), file("/etc/containers/policy.json", .site, root),
      file("/usr/share/containers/policy.json", .vendor, root),
    ]
    return all.first(where: \.isThere)
  }
}

extension UserDiagnosis {
  func judgeImageFiles() {
    guard let config = facts.podmanConfig else { return }
    // A directory that cannot be entered is told of with containers.conf.
    let isClosed = config.engine.contains { file in
      if case .failed = file.file { file.place == .site } else { false }
    }
    func isTold(_ file: PodmanConfig.File) -> Bool {
      if case .failed = file.file { isClosed && file.place == .site } else { false }
    }
    for file in config.registries.map({ $0.read(by: facts.podmanGeneration) }) where !isTold(file) {
      judgeLaterProblem(of: file)
      if let why = fault(ofRegistries: file) { addImageFile(file, why, "finds no image by its name") }
    }
    if let file = config.policy, !(file.place == .vendor && isVendorPolicyPassedOver) {
      if !isTold(file), let why = fault(ofPolicy: file) { addImageFile(file, why, "can neither pull nor import an image") }
    } else if facts.podmanGeneration != nil, !isClosed {
      add(
        .containersConf, .error,
        "There is no policy.json in ~/.config/containers, nor in /etc/containers: Podman can neither pull nor import an image.",
        .root(
          "sudo find /etc/containers -ls",
          note: "put a policy.json there (containers-policy.json(5)); it comes with the package of Podman, or one that it needs"))
    }
  }

  /// Podman before 6.1 does not look below /usr/share.
  private var isVendorPolicyPassedOver: Bool {
    facts.podmanGeneration.map { $0 < .merging } ?? false || facts.readsImageFilesAsBefore == true
  }

  private func addImageFile(_ file: PodmanConfig.File, _ why: String, _ effect: String) {
    add(
      .containersConf, .error, "\(file.path) \(why): Podman \(effect), and most of its commands fail.",
      Remedy("edit \(file.path)", by: file.place == .user ? .user(name) : .root))
  }

  // MARK: registries.conf

  func fault(ofRegistries file: PodmanConfig.File) -> String? {
    switch file.file {
    case .absent, .dangling: return nil
    // What keeps all files of the home from being read is told once.
    // Podman reads it as root of its user namespace, whom the mode of the user's own file does not stop.
    case .failed where file.place == .user: return nil
    case .notRegular, .tooLarge, .failed: return unreadable(file.file)
    case .content: break
    }
    if let problem = file.problem { return "is invalid TOML (line \(problem.line): \(problem.reason))" }
    guard let text = file.text else { return nil }
    if let (what, _) = syntaxFault(of: file, text, facts.podmanGeneration ?? .merging) { return what }
    let isDropIn = file.path.contains("/registries.conf.d/")
    if let old = text.root["registries"] {
      guard case .table = old else { return "has registries, which is no table" }
      for table in ["search", "insecure", "block"] {
        guard let value = text.value(["registries", table]) else { continue }
        guard case .table(let keys) = value else { return "has registries.\(table), which is no table" }
        guard let names = keys["registries"] else { continue }
        guard case .array(let values) = names, values.allSatisfy({ if case .string = $0 { true } else { false } }) else {
          return "has registries.\(table).registries, which is no list of texts"
        }
      }
      let isSet = ["search", "insecure", "block"].contains { table in
        if case .table(let keys)? = text.value(["registries", table]) { keys["registries"] != nil } else { false }
      }
      if isSet, facts.readsImageFilesAsBefore == false {
        return "has the table [registries], the old form, which Podman from 6.1 on does not read"
      }
      if isDropIn { return "has the table [registries], the old form, which a file in that directory may not have" }
      if let new = ["unqualified-search-registries", "registry", "short-name-mode", "aliases", "credential-helpers"].first(where: {
        text.root[$0] != nil
      }) {
        return "has the table [registries], the old form, and \(new), which is of the new one"
      }
    }
    if let fault = RegistriesKeys.typeFault(in: text.root) { return fault }
    if case .string(let mode)? = text.root["short-name-mode"], !["", "enforcing", "permissive", "disabled"].contains(mode) {
      return "has short-name-mode = \"\(shown(mode))\", which can be enforcing, permissive or disabled"
    }
    if case .array(let names)? = text.root["unqualified-search-registries"] {
      for case .string(let name) in names where !RegistriesKeys.isHost(name) {
        return "has \"\(shown(name))\" in unqualified-search-registries, which is no host"
      }
    }
    if case .table(let aliases)? = text.root["aliases"] {
      for (name, value) in aliases.sorted(by: { $0.key < $1.key }) {
        if case .string(let image) = value, !image.isEmpty, !image.contains("/") {
          return "has the alias \(shown(name)) = \"\(shown(image))\", which has no registry"
        }
      }
    }
    if case .array(let registries)? = text.root["registry"] {
      for case .table(let registry) in registries { if let fault = RegistriesKeys.fault(of: registry) { return fault } }
    }
    return nil
  }

  // MARK: policy.json

  private func fault(ofPolicy file: PodmanConfig.File) -> String? {
    let content: ConfigFile.Content
    switch file.file {
    case .absent, .dangling: return nil
    case .failed where file.place == .user && file.file == facts.storageConf?.file: return nil
    case .notRegular, .tooLarge, .failed: return unreadable(file.file)
    case .content(let some): content = some
    }
    let text: JSONText
    do throws(JSONText.Problem) { text = try JSONText(content.bytes) } catch {
      return "is invalid JSON (line \(error.line): \(error.reason))"
    }
    let names = text.keys.map(\.name)
    if let unknown = names.first(where: { $0 != "default" && $0 != "transports" }) {
      return "has the key \(shown(unknown)), which there is not"
    }
    if Set(names).count < names.count { return "has a key twice" }
    guard let value = text.value("default") else { return "has no default" }
    if let fault = UserDiagnosis.fault(ofRequirements: value) { return fault }
    guard let transports = text.value("transports"), transports != .null else { return nil }
    guard case .object(let scopes) = transports else { return "has transports, which is no object" }
    for (name, scope) in scopes.sorted(by: { $0.key < $1.key }) {
      guard case .object(let lists) = scope else { return "has transports.\(shown(name)), which is no object" }
      for list in lists.values { if let fault = UserDiagnosis.fault(ofRequirements: list) { return fault } }
    }
    return nil
  }

  private static func fault(ofRequirements value: JSONTree) -> String? {
    guard case .array(let requirements) = value, !requirements.isEmpty else { return "has a list of requirements that is empty, or none" }
    for requirement in requirements {
      guard case .object(let members) = requirement, case .string(let type)? = members["type"] else {
        return "has a requirement without a type"
      }
      if !["insecureAcceptAnything", "reject", "signedBy", "signedBaseLayer", "sigstoreSigned"].contains(type) {
        return "has a requirement of the type \(shown(type)), which there is not"
      }
    }
    return nil
  }
}

/// What has to stand in registries.conf (sysregistriesv2 of containers/image).
private enum RegistriesKeys {
  static func typeFault(in root: [String: TOMLText.Value]) -> String? {
    for key in ["unqualified-search-registries", "credential-helpers"] {
      guard let value = root[key] else { continue }
      guard case .array(let values) = value, values.allSatisfy({ if case .string = $0 { true } else { false } }) else {
        return "has \(key), which is no list of texts"
      }
    }
    if let value = root["short-name-mode"] { guard case .string = value else { return "has short-name-mode, which is no text in quotes" } }
    if let value = root["aliases"] {
      guard case .table(let names) = value, names.values.allSatisfy({ if case .string = $0 { true } else { false } }) else {
        return "has aliases, which is no table of texts"
      }
    }
    if let value = root["registry"] {
      guard case .array(let values) = value, values.allSatisfy({ if case .table = $0 { true } else { false } }) else {
        return "has registry, which has to be written [[registry]]"
      }
    }
    return nil
  }

  static func fault(of registry: [String: TOMLText.Value]) -> String? {
    for key in ["location", "prefix"] {
      if let value = registry[key] { guard case .string = value else { return "has a registry whose \(key) is no text in quotes" } }
    }
    for key in ["insecure", "blocked", "mirror-by-digest-only"] {
      if let value = registry[key] { guard case .boolean = value else { return "has a registry whose \(key) is neither true nor false" } }
    }
    var location = ""
    var prefix = ""
    if case .string(let text)? = registry["location"] { location = text }
    if case .string(let text)? = registry["prefix"] { prefix = text }
    if location.isEmpty && !prefix.hasPrefix("*.") { return "has a registry without a location" }
    for text in [location, prefix] where text.hasPrefix("http://") || text.hasPrefix("https://") {
      return "has the registry \(shown(text)): it is written without http:// or https://"
    }
    guard let mirrors = registry["mirror"] else { return nil }
    guard case .array(let list) = mirrors else { return "has a mirror, which has to be written [[registry.mirror]]" }
    for case .table(let mirror) in list {
      guard case .string(let text)? = mirror["location"], !text.isEmpty else { return "has a mirror without a location" }
      if text.hasPrefix("http://") || text.hasPrefix("https://") {
        return "has the mirror \(shown(text)): it is written without http:// or https://"
      }
    }
    return nil
  }

  /// `host` or `host:port`.
  static func isHost(_ text: String) -> Bool {
    var name = text[...]
    while name.hasSuffix("/") { name.removeLast() }
    return !name.isEmpty && !name.contains("/") && !name.contains(" ")
  }
}
