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
      guard isRoot else { throw CannotLook("--all looks into the homes of others, which only root may; run it with sudo") }
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

  /// Under sudo(8) the environment is somebody else's.
  private static var isOwnEnvironment: Bool { ProcessInfo.processInfo.environment["SUDO_UID"] == nil }

  private static func subject(named name: String, isRoot: Bool) -> Subject {
    do throws(NameServiceFailure) {
      guard let account = try NameService.account(named: Array(name.utf8)) else {
        return .unknown(name: shown(name), cause: "there is no account of that name; is the name service up? (getent passwd \(shellWord(Array(name.utf8))))")
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
    let subordinate = SubordinateIDTable(.users, (try? HostTree.this.read("/etc/subuid", limit: 64 << 20)) ?? [])
    func add(_ directory: consuming FileDescriptor) throws(Errno) {
      // One entry at a time: anybody can make millions.
      let reader = DirectoryReader(directory)
      while let entry = try reader.next() {
        do throws(Errno) {
          let owner = try knownStatus(at: reader.descriptor, entry.name).owner
          if settings.serves(uid: owner) && !Account.isReserved(uid: owner) && !subordinate.isSubordinate(owner) { uids.insert(owner) }
        } catch {}
      }
    }
    var obstacle: String? = nil
    do throws(WayProblem) {
      let parent = try walk(toDirectory: settings.storage.parent, .storage, MountTable(blockDeviceIsLocal: true))
      do throws(Errno) { try add(open(at: parent.descriptor, [0x2e], .directory)) } catch {
        obstacle = "\(shown(settings.storage.parent)) cannot be listed: \(text(error)); check it as root"
      }
    } catch {
      obstacle = text(Wording.way(error, .storage))
    }
    if let obstacle { throw CannotLook(obstacle) }
    do throws(Errno) { try add(open(path: Array("/run/user".utf8), .directory)) } catch {}
    return uids.sorted()
  }
}

/// Nothing can be seen, and why: exit status 2.
struct CannotLook: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
