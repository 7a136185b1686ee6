import RootlessStorage

/// Root's Docker where it has `userns-remap`, or had it: whose subordinate ids its containers have, and where its images are.
struct DockerRemap: Equatable, Sendable {
  /// `userns-remap` of /etc/docker/daemon.json; nil: not set.
  let value: String?
  /// Where root's Docker keeps what it has; with a mapping, in a directory of it.
  let root: Path
  /// The user whose ids the containers have; nil without a mapping.
  let owner: [UInt8]?
  /// The user's, if it is one of this host's own files.
  let uid: UInt32?
  /// Images of the daemon without a mapping.
  let hasPlainImages: Bool
  /// Names `UID.GID` of directories, each with what the daemon has with one mapping.
  let mapped: [[UInt8]]

  static let settings = "/etc/docker/daemon.json"
  /// Docker takes it for "make one".
  private static let standard = Array("default".utf8)
  private static let standardOwner = Array("dockremap".utf8)

  /// - Returns: nil if there is no mapping, and never was one.
  init?(_ tree: HostTree, _ index: SubordinateIDIndex) {
    value = index.readers.dockerRemap
    root = index.readers.dockerRoot
    mapped = ((try? tree.names(root)) ?? []).filter(DockerRemap.isMapping)
    hasPlainImages = tree.exists(root / "image")
    guard let value else {
      if mapped.isEmpty { return nil }
      owner = nil
      uid = nil
      return
    }
    let user = Array(value.utf8.prefix { $0 != .colon })
    if let number = user.uid {
      uid = number
      owner = index.users.realIDs(in: number...number, limit: 1).first?.name ?? user
    } else {
      let name = user == DockerRemap.standard ? DockerRemap.standardOwner : user
      owner = name
      uid = index.users.realIDs.first { $0.name == name }?.id
    }
  }

  /// Docker makes the user and the ranges when it is started.
  var isToBeMade: Bool { value?.utf8.prefix(while: { $0 != .colon }).elementsEqual(DockerRemap.standard) == true && uid == nil }

  /// The ranges that Docker takes: those under the number, or else those under the name.
  func ranges(in table: SubordinateIDTable) -> [SubordinateRange] {
    guard let owner else { return [] }
    let byNumber = uid.map { table.ranges(of: [decimal(UInt64($0))]) } ?? []
    return (byNumber.isEmpty ? table.ranges(of: [owner]) : byNumber).filter(\.isCertain)
  }

  /// The name of the directory that is in use; nil: none, or nobody knows.
  func current(_ index: SubordinateIDIndex) -> [UInt8]? {
    guard let uid = ranges(in: index.users).map(\.ids.lowerBound).min(), let gid = ranges(in: index.groups).map(\.ids.lowerBound).min()
    else { return nil }
    return decimal(UInt64(uid)) + [.dot] + decimal(UInt64(gid))
  }

  private static func isMapping(_ name: [UInt8]) -> Bool {
    let numbers = parts(name, separator: { $0 == .dot })
    return numbers.count == 2 && numbers.allSatisfy { identifier($0) != nil }
  }
}

/// What keeps root's Docker from its containers, or from each other's, where `userns-remap` is set.
func dockerFindings(_ docker: DockerRemap?, _ namespaces: UserNamespaces, _ index: SubordinateIDIndex, _ settings: Settings?) -> [Finding] {
  guard let docker else { return [] }
  var findings: [Finding] = []
  if docker.value != nil {
    if namespaces.isKernelWithout || namespaces.most == 0 {
      findings.append(
        Finding(
          .dockerRemap, .error,
          "\(DockerRemap.settings) has userns-remap, and this kernel makes no user namespaces, so no container of root's Docker starts.",
          remedy: "see userns-disabled, or remove userns-remap from \(DockerRemap.settings)"))
    }
    for table in index.tables where table.failure == nil { findings += mapping(docker, table, index, settings) }
  }
  return findings + hiddenImages(docker, index)
}

private func mapping(_ docker: DockerRemap, _ table: SubordinateIDTable, _ index: SubordinateIDIndex, _ settings: Settings?) -> [Finding] {
  guard let owner = docker.owner, let value = docker.value else { return [] }
  let ranges = docker.ranges(in: table)
  let name = shown(owner)
  if ranges.isEmpty {
    if docker.isToBeMade { return [] }
    return [
      Finding(
        .dockerRemap, .error,
        "\(DockerRemap.settings) has userns-remap \"\(shown(value))\", and \(table.file) has no \(table.noun)s of \(name): root's Docker does not start.",
        remedy: .root(
          "sudo systemctl restart docker",
          after:
            "give \(name) one range of ids in /etc/subuid and /etc/subgid that nobody has (rootless-storage subids list shows what is taken), then"
        ))
    ]
  }
  // The group of that name is meant to be in it where the user is.
  let own = table.kind == .users ? [docker.uid].compactMap { $0 } : index.groups.realIDs.filter { $0.name == owner }.map(\.id)
  return ranges.prefix(4).compactMap { range in
    var faults = people(table, range.ids, settings, own: own)
    table.forEach(overlapping: range.ids) { other in
      if other.ownerNumber != range.ownerNumber && other.canHaveUser {
        faults.append("subordinate ids of \(shown(other.owner)) (\(other.ids.shown))")
      }
      return faults.count < 4
    }
    if faults.isEmpty { return nil }
    return Finding(
      .dockerRemap, .error,
      "Containers of root's Docker have the \(table.noun)s \(range.ids.shown) of \(name) (userns-remap, \(table.file):\(range.line)), which include \(list(faults)): with ids in common, one can act as the other.",
      remedy: .root(
        "sudo vi +\(range.line) \(table.file) && sudo systemctl restart docker", note: "it begins with an empty directory for these",
        after: "give \(name) other ids"))
  }
}

/// Each mapping has a directory of its own, and what is in the others no command of Docker shows.
private func hiddenImages(_ docker: DockerRemap, _ index: SubordinateIDIndex) -> [Finding] {
  let current = docker.current(index)
  // Nobody knows which is in use.
  if docker.value != nil && current == nil && !docker.isToBeMade { return [] }
  var hidden = docker.mapped.filter { $0 != current }.map { shown(docker.root / $0) }
  if docker.value != nil && docker.hasPlainImages { hidden.insert(shown(docker.root), at: 0) }
  if hidden.isEmpty { return [] }
  let own = current.map { shown(docker.root / $0) } ?? (docker.value == nil ? shown(docker.root) : "another directory")
  return [
    Finding(
      .dockerImagesHidden, .note,
      "Root's Docker keeps its images in \(own), by userns-remap (\(docker.value.map { "\"\(shown($0))\"" } ?? "not set") in \(DockerRemap.settings)). Images, containers and volumes of another time are in \(list(Array(hidden.prefix(4)))): they take space, and no command of Docker shows them.",
      remedy:
        "look at them as root, the volumes above all; to have them back, set userns-remap as it was; else remove them while Docker is stopped"
    )
  ]
}
