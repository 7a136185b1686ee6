import RootlessStorage

/// What keeps a user from writing a file at its place in the home: the first component at fault.
struct BlockedPlace: Equatable, Sendable {
  enum Fault: Equatable, Sendable {
    /// Something else than a directory is in its place, or a symbolic link that leads to none.
    case occupied(FileKind)
    /// The user may not enter it, or not create anything in it.
    case closed(owner: UInt32, mode: UInt32)
  }

  /// Relative to the home; empty: the home itself.
  let path: Path
  let fault: Fault

  /// Directories that files have been looked for in, and that keep nobody from anything.
  struct Seen {
    fileprivate var open: [Path] = []
  }

  /// Looks without writing. The process must be the user; it may hang with the file server.
  ///
  /// - Parameter file: relative to the home.
  /// - Returns: nil if nothing is in the way, or nobody can tell.
  init?(onTheWayTo file: Path, at home: borrowing FileDescriptor, _ seen: inout Seen) {
    var prefixes: [Path] = [""]
    var path: Path = ""
    for component in file.components.dropLast() {
      path = path / component
      prefixes.append(path)
    }
    var last: BlockedPlace? = nil
    for prefix in prefixes {
      if seen.open.contains(prefix) {
        last = nil
        continue
      }
      do throws(Errno) {
        let directory = try open(at: home, path: prefix, .pathOnlyDirectoryFollowing)
        let status = try fileStatus(of: directory)
        let isOpen = canMakeFiles(in: directory)
        last = isOpen ? nil : BlockedPlace(path: prefix, fault: .closed(owner: status.owner, mode: status.mode))
        if isOpen { seen.open.append(prefix) }
      } catch {
        switch error {
        case .noEntry:
          // What bears the name nevertheless is a symbolic link that leads nowhere.
          do throws(Errno) { self.init(path: prefix, fault: .occupied(try fileStatus(at: home, path: prefix).kind)) } catch {
            guard let last else { return nil }
            self = last
          }
          return
        case .notDirectory, .tooManySymlinks:
          do throws(Errno) { self.init(path: prefix, fault: .occupied(try fileStatus(at: home, path: prefix).kind)) } catch { return nil }
          return
        default:
          // The directory before it cannot be entered.
          guard error == .accessDenied, let last else { return nil }
          self = last
          return
        }
      }
    }
    guard let last else { return nil }
    self = last
  }

  private init(path: Path, fault: Fault) {
    self.path = path
    self.fault = fault
  }
}

/// What a repair could not write into the home, and why.
struct WriteFailure: Equatable, Sendable {
  /// Relative to the home.
  let path: Path
  /// For the end of a sentence.
  let cause: String
  /// No space or no quota.
  let isFull: Bool
}

extension UserDiagnosis {
  /// The file of the home that an action writes; nil where it writes none.
  static func file(of action: RepairAction) -> Path? {
    switch action {
    case .login(.createFile(let file)), .replaceFile(let file): file.path
    case .editStorageConf: UserExaminer.storageConf
    case .editDaemonJson: UserExaminer.daemonJson
    case .login, .setStorageMode, .setQuota, .detachMount, .removeOverlayRecords, .migrate: nil
    }
  }

  /// Why a file of the home cannot be written now, as a sentence, and what is to be done before it can be; nil if nothing is known
  /// to be in the way.
  func obstacle(to file: Path) -> (sentence: String, remedy: Remedy)? {
    if let blocked = facts.blocked.first(where: { $0.file == file })?.place {
      return ("It cannot be written: \(sentence(on: blocked)).", remedy(of: blocked))
    }
    let failure = facts.writeFailures.first { $0.path == file }
    if facts.homeIsFull || failure?.isFull == true {
      return (
        "It cannot be written: no space, or none of the quota, is left for the home.",
        run(repairCommand, after: "free space in the home \(shownHome), then")
      )
    }
    guard let failure else { return nil }
    return (
      "repair could not write it: \(failure.cause).", run(repairCommand, after: "find out why \(name) cannot write ~/\(shown(file)), then")
    )
  }

  func sentence(on blocked: BlockedPlace) -> String {
    let place = blocked.path.isEmpty ? "the home \(shownHome)" : "~/\(shown(blocked.path))"
    switch blocked.fault {
    case .occupied(let kind): return "\(place) is \(noun(kind)), and no directory"
    case .closed(let owner, let mode):
      let whose = owner == facts.account.uid ? "" : "is owned by \(owner == 0 ? "root" : "uid \(owner)"), "
      return "\(place) \(whose)has the mode \(shownMode(mode)), and \(name) may not create files in it"
    }
  }

  /// Root never acts on a path behind a directory of the user's, who could exchange it for a link meanwhile: only the first component,
  /// whose directory is the home, is given to the user.
  func remedy(of blocked: BlockedPlace) -> Remedy {
    let path = inHome(blocked.path)
    let aside = run("\(asUser("mv -nT \(path) \(asideInHome(blocked.path))")) && \(repairCommand)")
    switch blocked.fault {
    case .occupied: return aside
    case .closed(let owner, _):
      if blocked.path.isEmpty { return run(repairCommand, after: "make the home \(shownHome) writable to \(name), then") }
      if owner == facts.account.uid { return run("\(asUser("chmod u+rwx \(path)")) && \(repairCommand)") }
      if !blocked.path.parent.isEmpty { return aside }
      let home = shellWord(facts.account.home / blocked.path)
      return .root(
        "sudo chown -h \(facts.account.uid):\(facts.account.credentials.group) \(home) && \(repairCommand)",
        note: "on the file server, if it refuses this to root of this host")
    }
  }

  private var shownHome: String { shown(facts.account.home) }
}
