import RootlessStorage

/// The settings are what a second reading of the file finds, written by other means, and valid whatever the file says.
func fuzzSettings(_ input: [UInt8]) {
  let parser = SettingsParser(input)
  let settings = parser.settings
  var values: [String: [UInt8]] = [:]
  var mistakes = 0
  for line in input.split(separator: 0x0a, omittingEmptySubsequences: false) {
    let statement = stripped(line.prefix { $0 != 0x23 })
    let sides = statement.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
    if line.count > 4096 || (sides.count == 1 && !statement.isEmpty) { mistakes += 1 }
    if line.count > 4096 {
      // Whom such a line excludes, nobody knows.
      let key = String(decoding: stripped(line.prefix { $0 != 0x23 && $0 != 0x3d }), as: UTF8.self)
      if key == "exclude_users" || key == "exclude_groups" { values[key] = [] }
    }
    guard line.count <= 4096, sides.count == 2 else { continue }
    let key = String(decoding: stripped(sides[0]), as: UTF8.self)
    let value = stripped(sides[1])
    values[key] = value
    if !isValid(key, value) { mistakes += 1 }
  }
  values = values.filter { isValid($0.key, $0.value) }

  promise(settings.uidMin == values["uid_min"].flatMap(number) ?? 1000, "uid_min")
  let max: UInt32? = values["uid_max"].flatMap(number)
  let isRange = max.map { $0 >= settings.uidMin } ?? true
  promise(settings.uidMax == (isRange ? max : nil), "uid_max")
  promise(settings.directoryMode == (values["directory_mode"] == bytes("0711") ? 0o711 : 0o700), "directory_mode")
  promise(settings.quotas.general.bytes == values["storage_quota"].flatMap(bytesOfQuota) ?? 0, "storage_quota")
  promise(settings.quotas.general.inodes == values["storage_quota_inodes"].flatMap(number) ?? 0, "storage_quota_inodes")
  // Whoever is in one group gets what the list has first for it.
  for key in ["storage_quota_groups", "storage_quota_inodes_groups"] {
    let isOfBytes = key == "storage_quota_groups"
    let pairs = values[key].flatMap { limitsOfGroups(key, $0) } ?? []
    for group in pairs.map(\.group) + [1] {
      let account = Account(credentials: Credentials(user: 1, group: group, groups: []), name: bytes("a"), home: "/")
      let limits = settings.quotas.limits(for: account)
      let general = isOfBytes ? settings.quotas.general.bytes : UInt64(settings.quotas.general.inodes)
      let own = pairs.first { $0.group == group }
      promise((isOfBytes ? limits.bytes : UInt64(limits.inodes)) == own?.limit ?? general, key)
      promise((isOfBytes ? limits.bytesGroup : limits.inodesGroup) == own?.group, key)
    }
  }
  promise(settings.skeleton == values["skel"].map { Path($0) } ?? "/etc/rootless-storage/skel", "skel")
  let types = values["network_filesystems"].map { $0.split { $0 == 0x20 || $0 == 0x09 }.map(Array.init) }
  promise(settings.networkFileSystems == types ?? Settings().networkFileSystems, "network_filesystems")
  // A name or a number that holds is excluded, and of a last line that does not hold nobody knows.
  let listed = { (key: String) in values[key].map { $0 == bytes("none") ? [] : split($0) } ?? [] }
  promise(settings.exclusions.users == listed("exclude_users"), "exclude_users")
  let groups: [UInt32] = listed("exclude_groups").compactMap { number($0) }
  promise(settings.exclusions.groups == groups, "exclude_groups")
  let template = try? StorageTemplate(values["storage_directory"] ?? bytes("/var/tmp/$USER"))
  promise(settings.storage == template, "storage_directory")
  // Of the rest, which is no mistake of another kind, at most 16 and "there are more" are told.
  promise(parser.problems.count == min(mistakes + (isRange ? 0 : 1), 17), "a problem for each mistake: \(parser.problems)")
  for problem in parser.problems { promiseToldWell(.settingsProblem(problem), by: Wording()) }

  // The same lines in a file and a drop-in, cut anywhere, are the same settings.
  for cut in input.indices where input[cut] == 0x0a && (cut % 7 == 0 || input.count < 256) {
    let halves = [input[..<cut], input[(cut + 1)...]].map { SettingsFile(path: "/etc/f", content: Array($0)) }
    let merged = SettingsParser(halves)
    promise(
      placeless(merged.settings) == placeless(settings) && merged.problems.map(\.reason) == parser.problems.map(\.reason),
      "a drop-in from \(cut)")
  }
}

/// Without where the lines stand.
private func placeless(_ settings: Settings) -> Settings {
  var settings = settings
  func blank(_ place: inout Exclusions.Place?) { if place != nil { place = Exclusions.Place(file: "", line: 0) } }
  blank(&settings.quotas.bytesOfGroups.place)
  blank(&settings.quotas.inodesOfGroups.place)
  blank(&settings.exclusions.usersPlace)
  blank(&settings.exclusions.groupsPlace)
  blank(&settings.exclusions.uncertainUsers)
  blank(&settings.exclusions.uncertainGroups)
  return settings
}

private func stripped(_ text: some Collection<UInt8>) -> [UInt8] {
  let isGap: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
  return Array(text.drop(while: isGap).reversed().drop(while: isGap).reversed())
}

private func isValid(_ key: String, _ value: [UInt8]) -> Bool {
  switch key {
  case "uid_min", "uid_max", "storage_quota_inodes", "storage_quota_project_base":
    let id: UInt32? = number(value)
    return id != nil
  case "storage_quota": return bytesOfQuota(value) != nil
  case "storage_quota_groups", "storage_quota_inodes_groups": return limitsOfGroups(key, value) != nil
  case "directory_mode": return value == bytes("0700") || value == bytes("0711")
  case "skel": return isPlainPath(value)
  case "storage_directory": return isTemplate(value)
  case "exclude_users": return !split(value).isEmpty && split(value).allSatisfy(isUserName)
  case "exclude_groups":
    let groups: [UInt32?] = split(value).map { number($0) }
    return value == bytes("none") || !groups.isEmpty && groups.allSatisfy { $0.map { $0 != UInt32.max } ?? false }
  case "network_filesystems":
    let types = value.split { $0 == 0x20 || $0 == 0x09 }
    return !types.isEmpty && types.allSatisfy { $0.count <= 64 && !$0.contains(0x2c) && isPrintable($0) }
  default: return false
  }
}

/// Digits, and a letter for a power of 1024.
private func bytesOfQuota(_ value: [UInt8]) -> UInt64? {
  let powers: [Character: UInt64] = ["K": 1, "M": 2, "G": 3, "T": 4]
  let text = String(decoding: value, as: UTF8.self)
  let power = text.last.flatMap { powers[$0] } ?? 0
  let digits = power == 0 ? text[...] : text.dropLast()
  guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = UInt64(digits) else { return nil }
  let (bytes, overflow) = count.multipliedReportingOverflow(by: (0..<power).reduce(1) { product, _ in product * 1024 })
  return overflow || bytes > 1 << 62 ? nil : bytes
}

/// `GID=LIMIT` up to 64 times, or `none`.
private func limitsOfGroups(_ key: String, _ value: [UInt8]) -> [(group: UInt32, limit: UInt64)]? {
  if value == bytes("none") { return [] }
  var pairs: [(group: UInt32, limit: UInt64)] = []
  for word in split(value) {
    let sides = word.split(separator: 0x3d, omittingEmptySubsequences: false).map(Array.init)
    guard sides.count == 2, let group: UInt32 = number(sides[0]), group != UInt32.max else { return nil }
    let count: UInt32? = number(sides[1])
    guard let limit = key == "storage_quota_groups" ? bytesOfQuota(sides[1]) : count.map({ UInt64($0) }) else { return nil }
    pairs.append((group, limit))
  }
  return pairs.isEmpty || pairs.count > 64 ? nil : pairs
}

private func split(_ value: [UInt8]) -> [[UInt8]] { value.split { $0 == 0x20 || $0 == 0x09 }.map(Array.init) }

/// No list, pattern, path, group or option.
private func isUserName(_ word: [UInt8]) -> Bool {
  word.count <= 255 && !"-+!@%&~".utf8.contains(word[0]) && !word.contains { $0 <= 0x20 || $0 == 0x7f || ",;:/\"'*?=".utf8.contains($0) }
}

/// rootless-storage.conf(5): an absolute path of printable characters without quotes, backslash, `..` or empty components.
func isPlainPath(_ path: [UInt8]) -> Bool {
  guard isPrintable(path), path.count <= 1024, !path.contains(where: "\"'`\\".utf8.contains) else { return false }
  let all = String(decoding: path, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
  return all.count > 1 && all[0].isEmpty && all.dropFirst().allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255 }
}

/// `$USER` or `$UID` in the last component, and no other dollar sign anywhere.
func isTemplate(_ path: [UInt8]) -> Bool {
  guard isPlainPath(path), let slash = path.lastIndex(of: 0x2f), !path[..<slash].contains(0x24) else { return false }
  let names = path[slash...].split(separator: 0x24, omittingEmptySubsequences: false).dropFirst().map { part in
    String(decoding: part.prefix { letters.contains($0) || $0 == 0x5f }, as: UTF8.self)
  }
  return !names.isEmpty && names.allSatisfy { $0 == "USER" || $0 == "UID" }
}

let letters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
