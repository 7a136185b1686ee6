import RootlessStorage

/// What SELinux has denied the session helper since this host was started.
struct SELinuxDenials: Equatable, Sendable {
  /// At most 1,000 are counted.
  let count: Int
  /// The last one, for a sentence: `{ getattr } on a dir of the type user_tmp_t, in the domain sshd_t`.
  let last: String
  /// The helper has the domain that the policy module of this package gives it.
  let hasDomain: Bool

  /// nil where SELinux is off or permissive, where nothing was denied, and for whoever may not read the log.
  init?(_ tree: HostTree) {
    guard tree.isThisHost, effectiveIDs().user == 0, (try? tree.read("/sys/fs/selinux/enforce")) == [UInt8(ascii: "1")],
      let lines = try? Journal.denials()
    else { return nil }
    var hasDomain = false
    do throws(Errno) {
      let helper = try open(path: Array(Installation.defaultHelper.utf8), .reading)
      hasDomain = securityType(of: helper) == "rootless_storage_helper_exec_t"
    } catch {}
    self.init(lines, hasDomain: hasDomain)
  }

  /// - Parameter lines: as the kernel writes them. Names and paths in them may be a user's, but have no blanks: the kernel writes such in hex.
  init?(_ lines: [ArraySlice<UInt8>], hasDomain: Bool) {
    let found = lines.compactMap { SELinuxDenials.sentence($0) }
    guard let last = found.last else { return nil }
    count = found.count
    self.last = last
    self.hasDomain = hasDomain
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

func selinuxFindings(_ denials: SELinuxDenials?) -> [Finding] {
  guard let denials else { return [] }
  let how = denials.count == 1 ? "one access" : "\(denials.count) accesses"
  return [
    Finding(
      .selinuxDenied, .warning,
      "SELinux has denied the session helper \(how) since this host was started, so that logins do only a part of what they have to. The last one: \(denials.last).",
      remedy: denials.hasDomain
        ? .root("sudo ausearch -m avc -c session-helper", note: "allow what it needs in a module of your own, and report it")
        : "load the policy module of this package, which gives the helper a domain of its own (admin.md, section SELinux)")
  ]
}
