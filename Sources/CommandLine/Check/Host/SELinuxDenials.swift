import RootlessStorage

/// What SELinux has denied the session helper since its policy was last changed on this host. What was denied before may be allowed now.
struct SELinuxDenials: Equatable, Sendable {
  /// At most 1,000 are counted.
  let count: Int
  /// The last one, for a sentence: `{ getattr } on a dir of the type user_tmp_t, in the domain sshd_t`.
  let last: String
  /// The helper has the domain that the policy module of this package gives it.
  let hasDomain: Bool
  /// The booleans of that policy module that are off.
  let off: Set<String>

  /// Of packaging/selinux.
  static let booleans = (subordinateIDs: "rootless_storage_allocate_subids", limits: "rootless_storage_limit_storage")

  /// nil where SELinux is off or permissive, where nothing was denied, and for whoever may not read the log.
  init?(_ tree: HostTree) {
    guard tree.isThisHost, effectiveIDs().user == 0, (try? tree.read("/sys/fs/selinux/enforce")) == [UInt8(ascii: "1")],
      let lines = try? Journal.denials()
    else { return nil }
    var hasDomain = false
    do throws(Errno) {
      let helper = try open(path: Installation.defaultHelper, .reading)
      hasDomain = securityType(of: helper) == "rootless_storage_helper_exec_t"
    } catch {}
    // Each is a file with what it is now, and what it will be: "0 0".
    let off = [SELinuxDenials.booleans.subordinateIDs, SELinuxDenials.booleans.limits].filter {
      (try? tree.read(Path("/sys/fs/selinux/booleans/\($0)")))?.first == UInt8(ascii: "0")
    }
    self.init(lines, hasDomain: hasDomain, off: Set(off))
  }

  /// - Parameter lines: as the kernel writes them. Names and paths in them may be a user's, but have no blanks: the kernel writes such in
  ///   hex.
  init?(_ lines: [ArraySlice<UInt8>], hasDomain: Bool, off: Set<String>) {
    let change = lines.lastIndex { $0.starts(with: "MAC_".utf8) }
    let found = lines[(change.map { $0 + 1 } ?? 0)...].compactMap { SELinuxDenials.sentence($0) }
    guard let last = found.last else { return nil }
    count = found.count
    self.last = last
    self.hasDomain = hasDomain
    self.off = off
  }

  /// Of programs of the system: a user's own program may have any name, and be denied anything.
  private static func sentence(_ line: ArraySlice<UInt8>) -> String? {
    let fields = words(line)
    func value(_ key: String) -> [UInt8]? {
      let name = Array("\(key)=".utf8)
      return fields.last { $0.starts(with: name) }.map { Array($0.dropFirst(name.count)) }
    }
    func type(_ context: [UInt8]) -> String? {
      let parts = parts(context, separator: { $0 == .colon })
      return parts.count > 2 ? shown(parts[2]) : nil
    }
    guard let begin = fields.firstIndex(of: [.leftBrace]), let end = fields.firstIndex(of: [.rightBrace]), begin < end,
      let source = value("scontext"), source.starts(with: "system_u:".utf8), let target = value("tcontext"), let kind = value("tclass"),
      let domain = type(source), let object = type(target)
    else { return nil }
    let permissions = fields[begin...end].map { shown(Array($0)) }.joined(separator: " ")
    return "\(permissions) on a \(shown(kind)) of the type \(object), in the domain \(domain)"
  }
}

func selinuxFindings(_ denials: SELinuxDenials?, _ settings: Settings?) -> [Finding] {
  guard let denials else { return [] }
  let how = denials.count == 1 ? "one access" : "\(denials.count) accesses"
  return [
    Finding(
      .selinuxDenied, .warning,
      "SELinux has denied the session helper \(how) since its policy was last changed or this host was started, so that logins do only a part of what they have to. The last one: \(denials.last).",
      remedy: remedy(denials, settings))
  ]
}

private func remedy(_ denials: SELinuxDenials, _ settings: Settings?) -> Remedy {
  guard denials.hasDomain else {
    return "load the policy module of this package, which gives the helper a domain of its own (admin.md, section SELinux)"
  }
  let needed = [
    (settings?.subordinateIDs.allocates == true, SELinuxDenials.booleans.subordinateIDs),
    (settings?.quotas.isSet == true, SELinuxDenials.booleans.limits),
  ]
  let missing = needed.filter { $0.0 && denials.off.contains($0.1) }.map { "\($0.1)=on" }
  if missing.isEmpty {
    return .root("sudo ausearch -m avc -c session-helper", note: "allow what it needs in a module of your own, and report it")
  }
  return .root("sudo setsebool -P \(missing.joined(separator: " "))", note: "the settings need that")
}
