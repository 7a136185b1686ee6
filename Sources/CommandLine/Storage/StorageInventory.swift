import FoundationEssentials
import RootlessStorage

/// Finds the storage directories on this host and looks into them. Changes nothing.
struct StorageInventory {
  /// Entries of one user's that are looked up by name, to find out whether they stand in another user's place: with one's own uid
  /// and one's subordinate ones a user can make millions of them.
  private static let mostLookups = 64
  /// What was put out of the way that is shown, of one holder's and of all: anybody can make such names, for what is their own.
  /// The same holds for what engines have left.
  private static let mostReplaced = (of: 64, all: 4096)
  /// Who pays for what is on another mount: its owner is made up, and must not spend what a real one may ask.
  private static let mountHolder: [UInt8] = []
  /// Owners without an account, of 65,536 neighbouring uids, that are asked for where they may be somebody's subordinate ids.
  private static let mostUncertain = 64

  let parent: StorageParent
  let accounts: Accounts
  /// Sorted by name.
  var entries: [StorageEntry] = []
  /// Why "in use" is not known, if it is not.
  private(set) var processFailure: Errno?
  private(set) var hiddenProcesses: HiddenProcesses?
  /// What earlier runs have seen of those who are absent; nil if nothing is to be known of it.
  private(set) var memory: AbsenceMemory?
  /// Names of directories that are looked at; nil: all.
  private let only: Set<[UInt8]>?
  private let subordinates: SubordinateIDTable
  private var lookups: [[UInt8]: Int] = [:]
  private var uncertain: [UInt32: Int] = [:]
  private var replaced: (of: [[UInt8]: Int], all: Int) = ([:], 0)

  /// - Parameters:
  ///   - memory: one that is written wants all directories.
  ///   - only: names of directories; nil: all.
  init(_ parent: StorageParent, memory: AbsenceMemory? = nil, only: Set<[UInt8]>? = nil) {
    let subuid = content("/etc/subuid", limit: 64 << 20)
    self.init(parent, Accounts(AccountSources.ofThisHost()), SubordinateIDTable(.users, subuid), memory: memory, only: only)
  }

  init(_ parent: StorageParent, _ accounts: Accounts, _ subordinates: SubordinateIDTable, memory: AbsenceMemory?, only: Set<[UInt8]>? = nil)
  {
    self.parent = parent
    self.accounts = accounts
    self.subordinates = subordinates
    self.memory = memory
    self.only = only
  }

  /// Looks at everything: who owns it, whether it is in use, and what is in it.
  mutating func look() throws(CommandError) { try look(.size) { _ in true } }

  /// Looks at who owns it and whether it is in use, and only then into those that matter: that may take long, for each of them.
  ///
  /// - Parameters:
  ///   - budget: for each storage directory. What was put out of the way has one for all of one owner's, of what a size is worth.
  ///   - matters: asked once all owners and processes are known.
  mutating func look(_ budget: TreeWalk.Budget, into matters: (StorageEntry) -> Bool) throws(CommandError) {
    var progress = Progress()
    try find(&progress)
    if let processes = runningProcesses() {
      hiddenProcesses = hidden(from: processes)
      for index in entries.indices { entries[index].isInUse = isInUse(entries[index], processes) }
    }
    let now = wallClock()
    let hasLimits = enforcesLimits
    // Milliseconds that were spent on what was put out of the way, by owner: anybody can make many of these.
    var spent: [[UInt8]: Int64] = [:]
    for index in entries.indices {
      let entry = entries[index]
      // What stands in another's place is not anybody's storage.
      guard entry.state != .occupied && entry.state != .mount && matters(entry) else { continue }
      let place = "\(index + 1) of \(entries.count): \(shown(entry.leaf))"
      progress.show("looking at \(place)")
      let shared = ProgressBox(progress)
      let owner = entry.isAside ? subordinateHolder(of: entry.uid) ?? decimal(UInt64(entry.uid)) : []
      let began = monotonicMilliseconds()
      var own = budget
      if entry.isAside {
        // One owner may have many, and a size is worth no more.
        own = .size
        own.seconds = max(0, own.seconds - spent[owner, default: 0] / 1000)
      }
      entries[index].measure = measure(entry, now, own) { files, bytes in
        shared.progress.show("looking at \(place), \(files) files, \(shownSize(bytes))")
      }
      progress = shared.progress
      if !entry.isAside && hasLimits { entries[index].limit = limit(entry) }
      if entry.isAside { spent[owner, default: 0] += monotonicMilliseconds() - began }
    }
    progress.clear()
  }

  /// A process of the owner's is running, or was when the processes were looked at; nil if that cannot be told.
  func isInUse(_ entry: StorageEntry, _ processes: RunningProcesses) -> Bool? {
    if entry.state == .replaced { return processes.isAny(of: entry.uid, []) ? true : hidden(from: processes) == nil ? false : nil }
    var names: [[UInt8]] = [decimal(UInt64(entry.uid))]
    if let account = entry.account {
      names.append(account)
    } else {
      // /etc/subuid often outlives the account.
      for user in parent.settings.storage.users(inLeaf: entry.leaf) { if let name = user.name { names.append(name) } }
    }
    if processes.isAny(of: entry.uid, subordinates.ranges(of: names).map(\.ids)) { return true }
    return hidden(from: processes) == nil ? false : nil
  }

  /// Why others may be at work here whom nobody sees.
  func hidden(from processes: RunningProcesses) -> HiddenProcesses? {
    processes.hidden == .byNamespace && parent.isContainersOwn ? nil : processes.hidden
  }

  private mutating func runningProcesses() -> RunningProcesses? {
    do throws(Errno) { return try RunningProcesses.look() } catch {
      processFailure = error
      return nil
    }
  }

  // MARK: Finding them

  private mutating func find(_ progress: inout Progress) throws(CommandError) {
    do throws(Errno) {
      if parent.isRoot {
        let reader = DirectoryReader(try open(at: parent.descriptor, [.dot], .directory))
        var seen = 0
        while let entry = try reader.next() {
          seen += 1
          progress.show("\(seen) entries, \(entries.count) storage directories")
          if only?.contains(entry.name) == false { continue }
          let found = AsideName(entry.name) == nil ? judgeLeftover(entry.name) ?? judge(entry.name) : judgeReplaced(entry.name)
          if let found { entries.append(found) }
        }
      } else if case .found(let name, let uid) = accounts.account(uid: effectiveIDs().user), let leaf = leaf(name, uid),
        let found = judge(leaf)
      {
        entries.append(found)
      }
    } catch {
      throw CommandError("\(shown(parent.settings.storage.parent)) cannot be listed: \(text(error)); fix that as root")
    }
    entries.sort { isOrderedBefore($0.leaf, $1.leaf) }
    judgeAbsences()
  }

  /// Who is absent now is gone only if that has lasted.
  private mutating func judgeAbsences() {
    let absent = entries.indices.filter { entries[$0].state == .orphaned }
    // Only now has every account that there is to see been asked for.
    let couldLook = absent.isEmpty || accounts.couldLook()
    let subjects = couldLook ? absent.map { subject(entries[$0]) } : []
    let scope = Absence.Scope.storage(parent: parent.settings.storage.parent)
    let answers = memory?.note(subjects, scope, orphanDays: parent.settings.orphanDays, isLocal: accounts.sources.isLocal)
    for (number, index) in absent.enumerated() {
      let answer = couldLook ? answers?[number] ?? AbsenceMemory.Answer(isGone: false) : nil
      if answer?.isGone == true { continue }
      entries[index].state = .unconfirmed
      entries[index].uncertainty = answer.map { .waiting($0) } ?? .offline
    }
  }

  /// A directory that is made anew under the same name is another one.
  private func subject(_ entry: StorageEntry) -> Absence.Subject {
    let device = entry.identity.device
    let numbers = [device >> 32, device & 0xffff_ffff, entry.identity.inode].map { decimal($0) }
    let born = birthTime(at: parent.descriptor, entry.leaf) ?? [.hyphen]
    return Absence.Subject(
      key: parent.path(entry.leaf).bytes, binding: Array((numbers + [born, decimal(UInt64(entry.uid))]).joined(separator: [.colon])))
  }

  /// Directories that bear another name than that of the account that owns them, and hold container storage.
  ///
  /// - Parameter uids: the owners.
  mutating func formers(of uids: Set<UInt32>) -> [StorageEntry] {
    var found: [StorageEntry] = []
    do throws(Errno) {
      let reader = DirectoryReader(try open(at: parent.descriptor, [.dot], .directory))
      while let entry = try reader.next() {
        guard let owner = try? cachedStatus(at: parent.descriptor, entry.name).owner, uids.contains(owner) else { continue }
        if let entry = judge(entry.name), entry.state == .former { found.append(entry) }
      }
    } catch {}
    return found.sorted { isOrderedBefore($0.leaf, $1.leaf) }
  }

  private func leaf(_ name: [UInt8], _ uid: UInt32) -> [UInt8]? {
    parent.settings.storage.leaf(for: Account(credentials: Credentials(user: uid, group: 0, groups: []), name: name, home: ""))
  }

  /// - Returns: nil if it is nobody's storage directory.
  private mutating func judge(_ name: [UInt8]) -> StorageEntry? {
    let candidates = parent.settings.storage.users(inLeaf: name)
    if candidates.isEmpty { return nil }
    let seen: FileStatus
    do throws(Errno) { seen = try cachedStatus(at: parent.descriptor, name) } catch {
      // A FUSE mount answers nobody but its maker. Whose place it is in is all that can be told.
      guard error == .accessDenied, case .found(let user, let uid) = user(of: name, candidates, StorageInventory.mountHolder) else {
        return nil
      }
      return StorageEntry(leaf: name, uid: uid, account: nil, placeOf: user, identity: FileIdentity.none, state: .mount)
    }
    let isServed = parent.settings.serves(uid: seen.owner) && !Account.isReserved(uid: seen.owner)
    let isMount = !seen.isOnMount(of: parent.status)
    guard isServed || isMount else { return nil }
    let identity = FileIdentity(seen)
    func entry(
      _ state: StorageEntry.State, account: [UInt8]? = nil, placeOf: [UInt8]? = nil, _ uncertainty: StorageEntry.Uncertainty? = nil
    )
      -> StorageEntry
    {
      StorageEntry(
        leaf: name, uid: seen.owner, account: account, placeOf: placeOf, identity: identity, state: state, uncertainty: uncertainty)
    }

    // Whoever mounts something decides which owner it shows; and what bears a subordinate uid, a container has made. Neither owner
    // is asked for: all that can be told is in whose place it stands.
    let holder = isMount ? StorageInventory.mountHolder : subordinateHolder(of: seen.owner)
    if let holder {
      guard case .found(let user, let uid)? = user(of: name, candidates, holder) else { return nil }
      let isOwn = uid == seen.owner && seen.kind == .directory
      return entry(isMount ? .mount : isOwn ? .ok : .occupied, account: isOwn ? user : nil, placeOf: isOwn && !isMount ? nil : user)
    }

    guard let owner = lookUp(owner: seen.owner) else {
      return seen.kind == .directory && looksLikeStorage(name, seen) ? entry(.unconfirmed, .subordinate) : nil
    }
    var account: [UInt8]? = nil
    if case .found(let found, let uid) = owner {
      account = found
      if leaf(found, uid) == name {
        return seen.kind == .directory ? entry(.ok, account: found) : entry(.occupied, account: found, placeOf: found)
      }
    }
    guard let named = user(of: name, candidates, decimal(UInt64(seen.owner))) else { return nil }
    if case .found(let user, let uid) = named {
      // Two accounts may share a uid: then it is the second one's own.
      return uid == seen.owner && seen.kind == .directory ? entry(.ok, account: user) : entry(.occupied, account: account, placeOf: user)
    }
    // Somebody's other thing; or nobody's, if it looks like a storage directory.
    guard candidates.contains(where: { $0.uid == nil || $0.uid == seen.owner }) else { return nil }
    if let account {
      guard named == .absent, !isGuarded(name, account, seen.owner) else { return nil }
      return looksLikeStorage(name, seen, ifEmpty: false) ? entry(.former, account: account) : nil
    }
    guard looksLikeStorage(name, seen) else { return nil }
    if owner != .absent || named != .absent { return entry(.unanswered) }
    return isUncertain ? entry(.unconfirmed, .subordinate) : entry(.orphaned)
  }

  /// What a login or `repair` has put out of the way, whoever it is of: the owner's account decides, and never the name's.
  private mutating func judgeReplaced(_ name: [UInt8]) -> StorageEntry? {
    guard let kept = AsideName(name), kept.purpose == .replaced, !parent.settings.storage.users(inLeaf: kept.leaf).isEmpty else {
      return nil
    }
    let seen: FileStatus
    do throws(Errno) { seen = try cachedStatus(at: parent.descriptor, name) } catch { return nil }
    let isMount = !seen.isOnMount(of: parent.status)
    let subordinateHolder = isMount ? nil : subordinateHolder(of: seen.owner)
    // With 65,536 subordinate ids one user would be as many owners.
    let holder = isMount ? StorageInventory.mountHolder : subordinateHolder ?? decimal(UInt64(seen.owner))
    let made = replaced.of[holder, default: 0]
    guard made < StorageInventory.mostReplaced.of, replaced.all < StorageInventory.mostReplaced.all else { return nil }
    replaced.of[holder] = made + 1
    replaced.all += 1
    func entry(_ state: StorageEntry.State, _ account: [UInt8]?, _ uncertainty: StorageEntry.Uncertainty? = nil) -> StorageEntry {
      StorageEntry(
        leaf: name, uid: seen.owner, account: account, placeOf: kept.leaf, identity: FileIdentity(seen), state: state,
        uncertainty: uncertainty,
        replacedAt: seen.changed)
    }
    if isMount { return entry(.mount, nil) }
    // Nobody asks for the account of an id that a container has made.
    if subordinateHolder != nil { return entry(.replaced, nil) }
    guard let owner = lookUp(owner: seen.owner) else { return entry(.unconfirmed, nil, .subordinate) }
    return switch owner {
    case .found(let account, _): entry(.replaced, account)
    case .absent: isUncertain ? entry(.unconfirmed, nil, .subordinate) : entry(.orphaned, nil)
    case .unanswered: entry(.unanswered, nil)
    }
  }

  /// What an engine has left beside the storage directories, and that is not a user's of this very name.
  private mutating func judgeLeftover(_ name: [UInt8]) -> StorageEntry? {
    guard EngineLeftover.isOne(name) else { return nil }
    let seen: FileStatus
    do throws(Errno) { seen = try cachedStatus(at: parent.descriptor, name) } catch { return nil }
    guard seen.isOnMount(of: parent.status), seen.kind == .directory || seen.kind == .regular, parent.settings.serves(uid: seen.owner),
      !Account.isReserved(uid: seen.owner), subordinateHolder(of: seen.owner) == nil
    else { return nil }
    let holder = decimal(UInt64(seen.owner))
    let candidates = parent.settings.storage.users(inLeaf: name)
    if !candidates.isEmpty {
      guard case .absent? = user(of: name, candidates, holder) else { return nil }
    }
    let made = replaced.of[holder, default: 0]
    guard made < StorageInventory.mostReplaced.of, replaced.all < StorageInventory.mostReplaced.all, let owner = lookUp(owner: seen.owner)
    else { return nil }
    replaced.of[holder] = made + 1
    replaced.all += 1
    var (account, state, uncertainty): ([UInt8]?, StorageEntry.State, StorageEntry.Uncertainty?) = (nil, .unanswered, nil)
    switch owner {
    case .found(let name, _): (account, state) = (name, .leftover)
    case .absent: (state, uncertainty) = isUncertain ? (.unconfirmed, .subordinate) : (.orphaned, nil)
    case .unanswered: break
    }
    var entry = StorageEntry(
      leaf: name, uid: seen.owner, account: account, placeOf: nil, identity: FileIdentity(seen), state: state, uncertainty: uncertainty)
    entry.isLeftover = true
    return entry
  }

  /// The owner's account; nil if so many neighbouring owners had none that nobody is asked any more.
  private mutating func lookUp(owner uid: UInt32) -> AccountLookup? {
    let block = uid >> 16
    if isUncertain && uncertain[block, default: 0] >= StorageInventory.mostUncertain { return nil }
    let answer = accounts.account(uid: uid)
    if isUncertain && answer == .absent { uncertain[block, default: 0] += 1 }
    return answer
  }

  /// Whether a former value of `storage_directory` gives this name to the owner's account: the home may still name it, and nobody else
  /// may get the name.
  private func isGuarded(_ name: [UInt8], _ account: [UInt8], _ owner: UInt32) -> Bool {
    parent.settings.guards.contains { guarded in
      guard guarded.parent == parent.settings.storage.parent else { return false }
      func gives(_ name: [UInt8], to user: [UInt8]) -> Bool {
        guarded.leaf(for: Account(credentials: Credentials(user: owner, group: 0, groups: []), name: user, home: "")) == name
      }
      if gives(name, to: account) { return true }
      // Two accounts may share a uid.
      return guarded.users(inLeaf: name).contains { candidate in
        guard let user = candidate.name, gives(name, to: user) else { return false }
        return accounts.account(named: user) == .found(name: user, uid: owner)
      }
    }
  }

  /// An owner without an account may be a subordinate id: those come from a directory, which nobody here can list, the settings do
  /// not say how far the uids of people reach, and anybody can make directories in the parent.
  private var isUncertain: Bool {
    !accounts.sources.hasSubordinateFiles && parent.settings.uidMax == nil && parent.status.mode & 0o022 != 0
  }

  /// Whose subordinate id it is, as /etc/subuid spells it; nil if nobody's.
  private func subordinateHolder(of uid: UInt32) -> [UInt8]? {
    guard subordinates.isSubordinate(uid) else { return nil }
    var holder: [UInt8]? = nil
    subordinates.forEach(overlapping: uid...uid) { range in
      holder = range.owner
      return false
    }
    // Not to be mistaken for a uid in digits, whose own directories are counted by themselves.
    return holder.map { [.colon] + $0 }
  }

  /// The user whose storage directory would have this name; nil if this holder has made so many that nobody is asked any more.
  private mutating func user(of name: [UInt8], _ candidates: [(name: [UInt8]?, uid: UInt32?)], _ holder: [UInt8]) -> AccountLookup? {
    let made = lookups[holder, default: 0]
    if made >= StorageInventory.mostLookups { return nil }
    lookups[holder] = made + 1
    var answer = AccountLookup.absent
    for candidate in candidates {
      let lookup: AccountLookup =
        if let name = candidate.name { accounts.account(named: name) } else if let uid = candidate.uid { accounts.account(uid: uid) } else {
          .absent
        }
      switch lookup {
      case .found(let found, let uid): if leaf(found, uid) == name && parent.settings.serves(uid: uid) { return lookup }
      case .unanswered: answer = lookup
      case .absent: continue
      }
    }
    return answer
  }

  /// Whether a directory that nobody's account explains can be a storage directory: it is empty, or an engine's directory lies in it.
  ///
  /// - Parameter ifEmpty: whether an empty one is.
  private func looksLikeStorage(_ name: [UInt8], _ seen: FileStatus, ifEmpty: Bool = true) -> Bool {
    if seen.kind != .directory || isEnginesOwn(name) { return false }
    do throws(Errno) {
      let place = try open(at: parent.descriptor, name, .pathOnly)
      let status = try fileStatus(of: place)
      guard FileIdentity(status) == FileIdentity(seen), status.isOnMount(of: parent.status) else { return false }
      if try DirectoryReader(try open(at: place, [.dot], .directory)).next() == nil { return ifEmpty }
      for engine in parent.engines.names {
        // Podman's own temporary directories hold other things.
        let sign = engine.elementsEqual("containers".utf8) ? "containers/storage" : Path(engine)
        guard try isDirectory(place, sign, of: seen.owner, status) else { continue }
        // What `prune` has emptied holds nothing of anybody's.
        if ifEmpty { return true }
        if try DirectoryReader(try open(at: place, path: sign, .directory)).next() != nil { return true }
      }
      return false
    } catch {
      return false
    }
  }

  func isDirectory(_ place: borrowing FileDescriptor, _ path: Path, of owner: UInt32, _ mount: FileStatus) throws(Errno) -> Bool {
    do throws(Errno) {
      var seen = mount
      var current = try open(at: place, [.dot], .pathOnlyDirectory)
      for component in path.components {
        current = try open(at: current, component, .pathOnly)
        seen = try fileStatus(of: current)
        guard seen.kind == .directory, seen.owner == owner, seen.isOnMount(of: mount) else { return false }
      }
      return true
    } catch {
      if error == .noEntry || error == .notDirectory || error == .accessDenied { return false }
      throw error
    }
  }

  /// Podman's and containers/storage's temporary directories of users without a runtime directory.
  private func isEnginesOwn(_ name: [UInt8]) -> Bool {
    for prefix in ["containers-user-", "podman-run-", "storage-run-", "run-"] {
      if begins(name, with: Array(prefix.utf8)) && identifier(name.dropFirst(prefix.utf8.count)) != nil { return true }
    }
    return false
  }

  // MARK: Looking into one

  /// - Returns: nil if it is not there any more.
  private func measure(
    _ entry: StorageEntry, _ now: Int64, _ budget: TreeWalk.Budget, _ onProgress: @escaping (Int, UInt64) -> Void
  ) -> StorageEntry.Measure? {
    if entry.isAside { return measureAside(entry, now, budget, onProgress) }
    do throws(Errno) {
      let place = try open(at: parent.descriptor, entry.leaf, .pathOnly)
      let seen = try fileStatus(of: place)
      guard FileIdentity(seen) == entry.identity, seen.kind == .directory, seen.owner == entry.uid, seen.isOnMount(of: parent.status) else {
        return nil
      }
      var walk = TreeWalk(now: now, isRoot: parent.isRoot, budget: budget, onProgress: onProgress)
      var own: Set<[UInt8]> = []
      var engines: [StorageEntry.Measure.Engine] = []
      for engine in parent.engines.names where try isDirectory(place, Path(engine), of: entry.uid, seen) {
        own.insert(engine)
        let (bytes, volumes) = (walk.bytes, walk.apartBytes)
        walk.add(at: place, engine, on: seen, apart: StorageInventory.volumes(of: engine))
        let inVolumes = walk.apartBytes &- volumes
        engines.append(StorageEntry.Measure.Engine(name: engine, volumes: inVolumes, images: walk.bytes &- bytes &- inVolumes))
      }
      let reclaimable = walk.exclusiveBytes
      let lastUse = walk.newest
      let isEmpty = walk.files <= own.count
      let isCutShort = walk.isCutShort
      var hasOthers = false
      var isExact = true
      do throws(Errno) {
        let reader = DirectoryReader(try open(at: place, [.dot], .directory))
        while let other = try reader.next() {
          if own.contains(other.name) { continue }
          hasOthers = true
          if walk.isCutShort { break }
          walk.add(at: place, other.name, on: seen)
        }
      } catch {
        isExact = false
        hasOthers = true
      }
      return StorageEntry.Measure(
        size: walk.bytes &+ seen.allocated, engines: engines, reclaimable: hasOthers ? reclaimable : reclaimable &+ seen.allocated,
        isExact: isExact && walk.isComplete,
        // One that no engine has used yet was made at a login.
        lastUse: lastUse ?? min(max(seen.changed, seen.modified), now), hasOthers: hasOthers, hasEngines: !own.isEmpty,
        isEmpty: isEmpty, isCutShort: isCutShort)
    } catch {
      return nil
    }
  }

  /// Of the file system that all of them are on.
  private var enforcesLimits: Bool {
    do throws(Errno) { return try quotaState(at: parent.descriptor) == .enforced } catch { return false }
  }

  /// The file system enforces limits.
  private func limit(_ entry: StorageEntry) -> StorageLimit? {
    do throws(Errno) {
      let place = try open(at: parent.descriptor, entry.leaf, .pathOnly)
      let seen = try fileStatus(of: place)
      guard FileIdentity(seen) == entry.identity, seen.kind == .directory, seen.isOnMount(of: parent.status) else { return nil }
      let directory = try open(at: place, [.dot], .directory)
      return StorageLimit(try DirectoryQuota(of: directory, in: parent.descriptor, .enforced), limits(of: entry))
    } catch { return nil }
  }

  /// The owner's. Nobody's groups are asked for where no group has a limit in files, and where nobody answers, the general one holds.
  private func limits(of entry: StorageEntry) -> StorageQuota {
    let quotas = parent.settings.quotas
    guard !quotas.inodesOfGroups.pairs.isEmpty, let name = entry.account, let owner = accounts.withGroups(named: name) else {
      return quotas.general
    }
    return quotas.limits(for: owner)
  }

  /// All of it goes, or nothing. What was replaced has been there since its time of change, whatever its owner does in it.
  private func measureAside(
    _ entry: StorageEntry, _ now: Int64, _ budget: TreeWalk.Budget, _ onProgress: @escaping (Int, UInt64) -> Void
  ) -> StorageEntry.Measure? {
    do throws(Errno) {
      let seen = try cachedStatus(at: parent.descriptor, entry.leaf)
      guard FileIdentity(seen) == entry.identity, seen.owner == entry.uid, seen.isOnMount(of: parent.status) else { return nil }
      var walk = TreeWalk(now: now, isRoot: parent.isRoot, budget: budget, onProgress: onProgress)
      walk.add(at: parent.descriptor, entry.leaf, on: seen)
      return StorageEntry.Measure(
        size: walk.bytes, reclaimable: walk.exclusiveBytes, isExact: walk.isComplete,
        lastUse: entry.isReplaced ? min(seen.changed, now) : walk.newest ?? now, hasOthers: false, hasEngines: true, isEmpty: false,
        isCutShort: !entry.isReplaced && walk.isCutShort)
    } catch {
      return nil
    }
  }
}

/// A progress line that a closure writes on.
private final class ProgressBox {
  var progress: Progress
  init(_ progress: Progress) { self.progress = progress }
}
