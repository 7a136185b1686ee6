import ArgumentParser
import FoundationEssentials
import RootlessStorage

/// Whom a command is about.
struct UserSelection {
  enum Subject: Sendable {
    case account(Account)
    case uid(UInt32)
    /// Nobody can be looked at under this name, and why.
    case unknown(name: String, cause: String)
  }

  /// Owners without an account, of 65,536 neighbouring uids, that are asked for where they may be somebody's subordinate ids.
  private static let mostAbsent = 64

  let subjects: [Subject]
  /// The user is the caller, whose environment counts.
  let isSelf: Bool

  /// - Parameters:
  ///   - names: as given; none and not `all` means the caller.
  ///   - all: the users seen on this host.
  init(_ names: [String], all: Bool, _ settings: Settings) throws {
    let isRoot = effectiveIDs().user == 0
    if all {
      guard names.isEmpty else { throw ValidationError("--all and names of users exclude each other.") }
      guard isRoot else { throw CommandError("--all looks into the homes of others, which only root may; run it with sudo") }
      subjects = try UserSelection.seen(settings).map { .uid($0) }
      isSelf = false
      return
    }
    if names.isEmpty {
      // For root there is nobody to look at but the host.
      subjects = isRoot ? [] : [.uid(effectiveIDs().user)]
      isSelf = !isRoot && UserSelection.isOwnEnvironment
      return
    }
    subjects = names.map { UserSelection.subject(named: $0, isRoot: isRoot) }
    if case .account(let account)? = subjects.first, names.count == 1, !isRoot, account.uid == effectiveIDs().user {
      isSelf = UserSelection.isOwnEnvironment
    } else {
      isSelf = false
    }
  }

  /// Of all of them, in order.
  var uids: [UInt32] {
    subjects.compactMap { subject in
      switch subject {
      case .account(let account): account.uid
      case .uid(let uid): uid
      case .unknown: nil
      }
    }.sorted()
  }

  /// Under sudo(8) the environment is somebody else's.
  private static var isOwnEnvironment: Bool { ProcessInfo.processInfo.environment["SUDO_UID"] == nil }

  private static func subject(named name: String, isRoot: Bool) -> Subject {
    do throws(NameServiceError) {
      // A name may consist of digits (useradd --badname): only what is none is a number.
      var found = try NameService.account(named: Array(name.utf8))
      if found == nil, let uid = identifier(Array(name.utf8)) { found = try NameService.account(uid: uid) }
      guard let account = found else {
        return .unknown(
          name: shown(name),
          cause: "there is no account of that name; is the name service up? (getent passwd \(shellWord(Array(name.utf8))))")
      }
      guard isRoot || account.uid == effectiveIDs().user else {
        return .unknown(name: shown(name), cause: "only root may look into the home of another user; run it with sudo")
      }
      return .account(account)
    } catch {
      return .unknown(name: shown(name), cause: "the name service did not answer: \(text(error.cause)); try again")
    }
  }

  /// The owners of what is where storage directories are, and of runtime directories: those who have been here. Never a walk through
  /// all accounts of a site. What containers made there is nobody's by itself: its owner is in somebody's subordinate range.
  private static func seen(_ settings: Settings) throws -> [UInt32] {
    var uids: Set<UInt32> = []
    // Read when somebody is seen: the files may be long.
    lazy var subordinate = SubordinateIDTable(.users, (try? HostTree.this.read("/etc/subuid", limit: 64 << 20)) ?? [])
    lazy var accounts = Accounts(AccountSources.ofThisHost())
    var absent: [UInt32: Int] = [:]
    func add(_ owner: UInt32) {
      guard settings.serves(uid: owner) && !Account.isReserved(uid: owner) && !subordinate.isSubordinate(owner) && !uids.contains(owner)
      else { return }
      // Where subordinate ids come from a directory, whoever has some can make directories of thousands of owners: of neighbours
      // among them that have no account, only so many are asked for.
      if !accounts.sources.hasSubordinateFiles && settings.uidMax == nil {
        guard absent[owner >> 16, default: 0] < mostAbsent else { return }
        if accounts.account(uid: owner) == .absent {
          absent[owner >> 16, default: 0] += 1
          return
        }
      }
      uids.insert(owner)
    }
    var obstacle: String? = nil
    do throws(PathError) {
      let parent = try walk(toDirectory: settings.storage.parent, .storage, MountTable(blockDeviceIsLocal: true))
      do throws(Errno) {
        // One entry at a time: anybody can make millions.
        let reader = DirectoryReader(try open(at: parent.descriptor, [.dot], .directory))
        while let entry = try reader.next() {
          // Whoever mounts something there decides which owner it shows.
          guard let seen = try? cachedStatus(at: parent.descriptor, entry.name), seen.isOnMount(of: parent.status) else { continue }
          add(seen.owner)
        }
      } catch {
        obstacle = "\(shown(settings.storage.parent)) cannot be listed: \(text(error)); check it as root"
      }
    } catch {
      obstacle = text(Wording.way(error, .storage))
    }
    if let obstacle { throw CommandError(obstacle) }
    do throws(Errno) {
      // Their names are given by root. Each is a mount, and its owner may have mounted something else over it.
      let reader = DirectoryReader(try open(path: "/run/user", .directory))
      while let entry = try reader.next() { if let uid = identifier(entry.name) { add(uid) } }
    } catch {}
    return uids.sorted()
  }
}

extension UserSelection {
  /// Why somebody cannot be looked at.
  struct Failure: Error {
    let name: String
    let uid: UInt32?
    let cause: String
  }
}

extension UserSelection.Subject {
  /// With its groups.
  func account() throws(UserSelection.Failure) -> Account {
    let uid: UInt32? = if case .uid(let uid) = self { uid } else { nil }
    var found: Account? = nil
    var failure: NameServiceError? = nil
    do throws(NameServiceError) {
      switch self {
      case .unknown: break
      case .account(let account): found = try NameService.withGroups(account)
      case .uid(let uid): if let account = try NameService.account(uid: uid) { found = try NameService.withGroups(account) }
      }
    } catch {
      failure = error
    }
    if let found { return found }
    if case .unknown(let name, let cause) = self { throw UserSelection.Failure(name: name, uid: nil, cause: cause) }
    let name = uid.map { "uid \($0)" } ?? "user"
    if let failure {
      throw UserSelection.Failure(name: name, uid: uid, cause: "the name service did not answer: \(text(failure.cause)); try again")
    }
    throw UserSelection.Failure(name: name, uid: uid, cause: "there is no account of this uid; is the name service up?")
  }
}
