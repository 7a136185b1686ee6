import RootlessStorage

/// Why an owner of subordinate ids that has no account is none whose ids are to be taken back.
enum SubordinateOwnerPurpose: Equatable {
  /// Podman's, for containers of root with --userns=auto.
  case podman
  /// Docker's, for userns-remap.
  case docker
  /// Apptainer has put a `!` before the name.
  case disabled(name: [UInt8])
  /// The name of an account without its backslash.
  case spelling(of: [UInt8])
  /// The storage directory of that name belongs to an account with another name.
  case renamed(to: [UInt8], uid: UInt32, storage: Path)

  /// Of a name that nobody needs to have.
  init?(_ owner: [UInt8], dockerOwners: [[UInt8]]) {
    if ["containers", "root-auto-userns-user"].contains(where: { owner.elementsEqual($0.utf8) }) {
      self = .podman
    } else if owner.elementsEqual("dockremap".utf8) || dockerOwners.contains(owner) {
      self = .docker
    } else if owner.first == .exclamationMark && owner.count > 1 {
      self = .disabled(name: Array(owner.dropFirst()))
    } else {
      return nil
    }
  }

  /// - Parameter ranges: the owner's, in words.
  func finding(_ owner: [UInt8], _ ranges: [String]) -> Finding? {
    let name = shown(owner)
    switch self {
    case .podman, .docker, .spelling: return nil
    case .disabled(let user):
      return Finding(
        .subidGone, .note, "Apptainer has disabled the subordinate ids of \(shown(user)) (\(name): \(list(ranges))); they stay reserved.",
        remedy: .root("sudo apptainer config fakeroot --enable \(shellWord(user))", after: "nothing; to enable them"))
    case .renamed(let new, let uid, let storage):
      let word = shellWord(new)
      return Finding(
        .subidGone, .warning,
        "\(name) has no account, but subordinate ids: \(list(ranges)); and \(shown(storage)) is owned by \(shown(new)) (uid \(uid)): either \(name) has been renamed to \(shown(new)), or \(shown(new)) has made that directory.",
        remedy:
          "if it is one person, give the ranges the new name, so that images keep their owners: edit \(name) to \(shown(new)) with sudo vi /etc/subuid and sudo vi /etc/subgid; the images are still in \(shown(storage)), which rootless-storage check \(word) tells of; if not: sudo rootless-storage subids release \(shellWord(owner))"
      )
    }
  }

  /// What to do where the range is in somebody's way.
  func otherIDs(instead range: SubordinateRange, _ table: SubordinateIDTable) -> Remedy {
    let edit = "sudo vi +\(range.line) \(table.file)"
    return switch self {
    case .podman, .docker, .spelling, .renamed: .root(edit, after: "give \(shown(range.owner)) other ids in line \(range.line)")
    case .disabled: .root(edit, after: "remove the disabled line")
    }
  }

  /// Why `subids release --gone` leaves it, for a person.
  var reason: String {
    switch self {
    case .podman: "Podman uses these ids for containers of root with --userns=auto"
    case .docker: "Docker uses these ids for userns-remap"
    case .disabled(let name): "Apptainer has disabled these ids of \(shown(name)), and keeps them reserved"
    case .spelling(let name): "it is \(shown(name)) under another spelling"
    case .renamed(let name, _, let storage): "\(shown(storage)) is owned by \(shown(name)), who may have had this name"
    }
  }
}
