import RootlessStorage

/// Looks into a home, its config files and what they point at, and changes nothing. The process must be for good the user: all of
/// this is the user's, may be a trap, and may hang with its file server.
struct UserExaminer {
  static let storageConf = Array(SkeletonFile.storageConf.utf8)
  static let daemonJson = Array(".config/docker/daemon.json".utf8)

  let account: Account
  let settings: Settings
  let mounts: MountTable

  /// Adds to `facts` what only the user can see.
  func examine(_ home: borrowing FileDescriptor, _ facts: inout UserFacts) {
    facts.storageConf = storageConf(home)
    facts.daemonJson = daemonJson(home, facts.storage?.path)
    facts.podmanConfig = podmanConfig(home)
    if let config = facts.podmanConfig {
      facts.places = places(config)
      facts.missingPrograms = missingPrograms(config)
    }
    let graphroot = facts.storageConf?.graphroot
    facts.strangers = strangers(graphroot?.isNetwork == false ? graphroot?.path : nil)
    facts.leftovers = leftovers(home, facts)
    if facts.isNetworkHome {
      facts.blocked = []
      for path in [UserExaminer.storageConf, UserExaminer.daemonJson] + facts.skeleton.map(\.path) where !facts.blocked.contains(where: { $0.file == path }) {
        if let place = BlockedPlace(onTheWayTo: path, at: home) { facts.blocked.append(.init(file: path, place: place)) }
      }
      facts.homeIsFull = isFull(home)
    }
    facts.pause = pauseProcess(facts.environment?.runtimeDirectory)
    facts.podman = UserNamespaces.find("podman", HostTree.this)
    if let directory = facts.environment?.runtimeDirectory {
      facts.environment?.runtimeDirectoryIsUsable = isOwnDirectory(Array(directory.utf8), of: account.uid)
    }
  }

  // MARK: Podman

  private func storageConf(_ home: borrowing FileDescriptor) -> UserFacts.StorageConf {
    var conf = UserFacts.StorageConf(file: ConfigFile.read(at: home, UserExaminer.storageConf))
    guard case .content(let content) = conf.file else { return conf }
    do throws(TOMLText.Problem) {
      let text = try TOMLText(content.bytes)
      conf.text = text
      if case .string(let written)? = text.value(["storage", "graphroot"]) {
        let path = ExpandedPath(written, account).path
        if path.hasPrefix("/") { conf.graphroot = Place(path, settings, mounts) }
      }
      if let graphroot = conf.graphroot, !graphroot.isNetwork {
        conf.hasVfsStore = Place(graphroot.path + "/vfs-images", settings, mounts).exists
        conf.keptRunroot = keptRunroot(graphroot.path).map { Place($0, settings, mounts) }
      }
    } catch {
      conf.problem = error
    }
    return conf
  }

  /// Podman writes it into its database with the first command, and from then on takes it from there.
  private func keptRunroot(_ graphroot: String) -> String? {
    do throws(Errno) {
      let root = try open(path: [0x2f], .directoryPlace)
      let path = Array((graphroot + UserExaminer.podmanDatabase).utf8.drop { $0 == 0x2f })
      guard case .content(let content) = ConfigFile.read(at: root, path) else { return nil }
      return UserExaminer.runroot(inDatabase: content.bytes)
    } catch { return nil }
  }

  static let podmanDatabase = "/libpod/bolt_state.db"

  /// What stands after `run-root` in a Bolt database: in its pages each key is followed by its value, and that by the next key,
  /// `static-dir`. nil where it is not so, or where old and new pages differ.
  static func runroot(inDatabase bytes: [UInt8]) -> String? {
    let (key, next) = (Array("run-root/".utf8), Array("static-dir".utf8))
    var found: String? = nil
    var index = 0
    while let start = bytes[index...].firstIndex(of: key[0]) {
      index = start + 1
      guard bytes[start...].starts(with: key) else { continue }
      let value = bytes[(start + key.count - 1)...].prefix(4096)
      guard let end = value.indices.first(where: { value[$0...].starts(with: next) }) else { continue }
      let path = String(decoding: value[..<end], as: UTF8.self)
      if let found, found != path { return nil }
      found = path
    }
    return found
  }

  // MARK: Docker

  private func daemonJson(_ home: borrowing FileDescriptor, _ storage: [UInt8]?) -> UserFacts.DaemonJson {
    let unit = DockerUnit(home, account)
    var daemon = UserFacts.DaemonJson(file: .absent)
    daemon.unit = unit
    daemon.hasFuseOverlayfs = UserNamespaces.find("fuse-overlayfs", HostTree.this) != nil
    let usual = String(decoding: account.home + [0x2f] + UserExaminer.daemonJson, as: UTF8.self)
    if let option = unit.option("config-file"), option.value != usual {
      daemon.isUsual = false
      daemon.name = option.value.map { shown($0) } ?? "what --config-file in \(option.place) names"
      daemon.file = .absent
      if let path = option.value, path.hasPrefix("/") {
        do throws(Errno) { daemon.file = ConfigFile.read(at: try open(path: [0x2f], .directoryPlace), Array(path.utf8.dropFirst())) } catch {}
      }
    } else {
      daemon.file = ConfigFile.read(at: home, UserExaminer.daemonJson)
    }
    func place(_ path: String?) -> Place? { path.flatMap { $0.hasPrefix("/") ? Place($0, settings, mounts) : nil } }
    if case .content(let content) = daemon.file {
      var bytes = content.bytes
      daemon.hasMark = bytes.starts(with: [0xef, 0xbb, 0xbf])
      if daemon.hasMark { bytes.removeFirst(3) }
      daemon.isBlank = bytes.allSatisfy { isBlank($0) || $0 == 0x0a || $0 == 0x0d }
      if daemon.isBlank { bytes = Array("{}\n".utf8) }
      do throws(JSONText.Problem) {
        let text = try JSONText(bytes)
        daemon.text = text
        daemon.dataRoot = place(text.string("data-root"))
        daemon.graph = place(text.string("graph"))
        daemon.execRoot = place(text.string("exec-root"))
      } catch {
        daemon.problem = error
      }
    }
    daemon.unitRoot = place(unit.option("data-root")?.value)
    if let root = daemon.unitRoot ?? daemon.dataRoot, !root.isNetwork {
      let path = Array(root.path.utf8)
      if !(storage.map { isBelow(path, $0) } ?? false) {
        daemon.volume = root.volume
        daemon.fate = Tmpfiles(HostTree.this)?.fate(of: path)
      }
    }
    return daemon
  }

  // MARK: What earlier attempts left

  private func leftovers(_ home: borrowing FileDescriptor, _ facts: UserFacts) -> [UserFacts.Leftover] {
    guard facts.isNetworkHome else { return [] }
    var found: [UserFacts.Leftover] = []
    for (engine, store) in [(UserFacts.Engine.podman, ".local/share/containers/storage"), (.docker, ".local/share/docker")] {
      let path = Array(store.utf8)
      do throws(Errno) {
        let status = try fileStatus(at: home, path)
        // A link or a mount there is the user's way of having moved the store.
        guard status.kind == .directory, status.isInMount(of: try fileStatus(of: home)) else { continue }
        var count = TreeCount(limit: 100_000)
        try count.add(open(at: home, path, .directory))
        if count.files > 0 {
          var leftover = UserFacts.Leftover(engine: engine, path: path, size: count.size, isAtLeast: !count.isWhole)
          leftover.hasOthers = count.hasOthers
          leftover.volumes = volumes(home, path + Array("/volumes".utf8))
          found.append(leftover)
        }
      } catch {}
    }
    return found
  }

  /// Named volumes with something in them, at most 64: unlike images they are data of the user's, which is nowhere else.
  private func volumes(_ home: borrowing FileDescriptor, _ path: [UInt8]) -> [[UInt8]] {
    var found: [[UInt8]] = []
    do throws(Errno) {
      let directory = try open(at: home, path, .directory)
      for name in try names(in: directory, limit: 1024).sorted(by: isOrderedBefore) where found.count < 64 {
        do throws(Errno) {
          if try names(in: open(at: directory, name + Array("/_data".utf8), .directory), limit: 1).isEmpty { continue }
          found.append(name)
        } catch {
          // What a container has closed to its user is no less theirs.
          if error == .accessDenied { found.append(name) }
        }
      }
    } catch {}
    return found
  }

  // MARK: Processes and the session

  /// Podman's pause process keeps the user namespace, with the ranges that held when it was started.
  private func pauseProcess(_ runtimeDirectory: String?) -> UserFacts.PauseProcess {
    do throws(Errno) {
      let root = try open(path: [0x2f], .directoryPlace)
      guard let pid = pauseNumber(root, runtimeDirectory ?? "/run/user/\(account.uid)") ?? pauseNumber(root, "/tmp/podman-run-\(account.uid)") else {
        return .none
      }
      guard case .content(let map) = ConfigFile.read(at: root, Array("proc/\(pid)/uid_map".utf8)) else { return .none }
      guard case .content(let file) = ConfigFile.read(at: root, Array("etc/subuid".utf8)) else { return .none }
      // Whether Podman itself reads the file or libsubid for it, it is right.
      let ranges = SubordinateIDTable(.users, file.bytes).ranges(of: account).filter(\.isCertain).map(\.ids)
      if ranges.isEmpty { return .none }
      // Lines `INSIDE OUTSIDE COUNT` (user_namespaces(7)). The first one is the user.
      let mapped = parts(map.bytes, separator: { $0 == 0x0a }).compactMap { line -> [UInt32]? in
        let numbers = words(line).compactMap { identifier($0) }
        return numbers.count == 3 && numbers[1] != account.uid ? Array(numbers[1...]) : nil
      }
      return Set(mapped) == Set(ranges.map { [$0.lowerBound, UInt32(clamping: $0.size)] }) ? .current : .outdated(pid: pid)
    } catch { return .none }
  }

  /// What Podman has written into pause.pid. Whatever it says, that process's uid map is all that is read.
  private func pauseNumber(_ root: borrowing FileDescriptor, _ directory: String) -> UInt32? {
    let path = Array(directory.utf8.drop { $0 == 0x2f }) + Array("/libpod/tmp/pause.pid".utf8)
    guard case .content(let content) = ConfigFile.read(at: root, path), content.bytes.count < 32 else { return nil }
    return identifier(content.bytes.prefix { $0 >= 0x30 && $0 <= 0x39 })
  }
}
