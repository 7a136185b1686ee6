import RootlessStorage

/// What there is to know of this host. Nothing of it belongs to one user, and nobody's home is looked at.
struct HostFacts: Equatable, Sendable {
  /// Whoever looks may read everything.
  let isRoot: Bool
  let stacks: PAMStacks
  /// The profile of authselect's that `pam enable` has made; nil: none.
  let authselectCopy: AuthselectCopy?
  let installation: Installation
  /// nil: nothing ages here.
  let tmpfiles: Tmpfiles?
  let userNamespaces: UserNamespaces
  let subordinateIDs: SubordinateIDIndex
  /// nil: root's Docker has no mapping of ids, and never had one.
  let docker: DockerRemap?
  /// The directory that holds the storage directories, where others than root can create entries; nil: only root can, or nobody knows.
  let sharedParent: Path?
  /// The directory that holds the storage directories; nil where the settings do not say.
  let storageParent: StorageParentFacts?
  let cleaners: [Cleaner]
  /// How sessions begin here without our module.
  let sessions: SessionFacts
  /// Control groups are of version 1, or of both.
  let hasOldControlGroups: Bool
  /// hidepid= of the mount at /proc, if it hides the processes of others.
  let hidesProcesses: String?
  /// What gives sessions a directory of their own in the place of the storage parent.
  let polyinstantiation: Polyinstantiation?
  /// What the engines of this host lack.
  let needs: EngineNeeds
  let selinux: SELinuxDenials?

  struct StorageParentFacts: Equatable, Sendable {
    let path: Path
    let problem: PathError?
    /// nil where nobody knows.
    let volume: Volume?
    /// What its file system does about projects; nil where the settings limit nothing, or nobody knows.
    var quota: QuotaState?
    /// Its own project; 0 also where it is in none and hands it on.
    var project: ProjectMark?
  }

  /// Reads it all, and changes nothing.
  ///
  /// - Parameters:
  ///   - settingsPath: the settings that are looked at; nil: those that the first of our PAM lines names, as a login does.
  ///   - root: where the host's files lie.
  static func look(settingsPath: Path? = nil, root: Path = "/") -> HostFacts {
    let tree = HostTree(root)
    let stacks = PAMStacks(tree, services: PAMFindings.services)
    let settingsPath = settingsPath ?? stacks.ourSteps.first?.pathOption("conf") ?? Settings.defaultPath
    let installation = Installation(tree, settingsPath: settingsPath, stacks: stacks)
    let subordinateIDs = SubordinateIDIndex(tree)
    let userNamespaces = UserNamespaces(tree)
    return HostFacts(
      isRoot: effectiveIDs().user == 0, stacks: stacks, authselectCopy: AuthselectCopy(tree), installation: installation,
      tmpfiles: Tmpfiles(tree),
      userNamespaces: userNamespaces, subordinateIDs: subordinateIDs, docker: DockerRemap(tree, subordinateIDs),
      sharedParent: HostFacts.sharedParent(tree, installation), storageParent: HostFacts.storageParent(tree, installation),
      cleaners: Cleaner.all(tree), sessions: SessionFacts(tree),
      hasOldControlGroups: tree.exists("/sys/fs/cgroup") && !tree.exists("/sys/fs/cgroup/cgroup.controllers"),
      hidesProcesses: HostFacts.hidesProcesses(tree), polyinstantiation: HostFacts.polyinstantiation(tree, installation, stacks),
      needs: EngineNeeds(tree, userNamespaces),
      selinux: SELinuxDenials(tree))
  }

  private static func storageParent(_ tree: HostTree, _ installation: Installation) -> StorageParentFacts? {
    guard case .read(let file) = installation.settings else { return nil }
    let path = file.settings.storage.parent
    do throws(PathError) {
      let mounts = MountTable(blockDeviceIsLocal: false)
      let place = try walk(toDirectory: tree.resolve(path), .storage, mounts)
      var volume: Volume? = nil
      // In another host's tree the disk is not that host's.
      if tree.isThisHost {
        do throws(Errno) { volume = try Volume(of: place.descriptor, mounts.fileSystem(of: place.status), file.settings) } catch {}
      }
      var facts = StorageParentFacts(path: path, problem: nil, volume: volume)
      if tree.isThisHost && file.settings.quotas.isSet {
        do throws(Errno) {
          let directory = try open(at: place.descriptor, [.dot], .directory)
          facts.quota = try quotaState(at: directory)
          if facts.quota != .off { facts.project = try projectMark(of: directory) }
        } catch {}
      }
      return facts
    } catch {
      // Somebody who is not root may not see it all.
      if effectiveIDs().user != 0 && error.reason == .failed(.accessDenied) {
        return StorageParentFacts(path: path, problem: nil, volume: nil)
      }
      var problem = error
      problem.path = tree.onHost(error.path)
      return StorageParentFacts(path: path, problem: problem, volume: nil)
    }
  }

  /// The last line for /proc counts: a later mount lies above an earlier one.
  private static func hidesProcesses(_ tree: HostTree) -> String? {
    var value: String? = nil
    for line in ((try? tree.read("/proc/self/mounts", limit: 16 << 20)) ?? []).split(separator: .newline) {
      let fields = line.split(separator: .space)
      guard fields.count > 3, fields[1].elementsEqual("/proc".utf8), fields[2].elementsEqual("proc".utf8) else { continue }
      let option = fields[3].split(separator: .comma).first { begins(Array($0), with: Array("hidepid=".utf8)) }
      value = option.map { String(decoding: $0.dropFirst(8), as: UTF8.self) }
    }
    return value == "0" || value == "off" ? nil : value
  }

  private static func polyinstantiation(_ tree: HostTree, _ installation: Installation, _ stacks: PAMStacks) -> Polyinstantiation? {
    guard case .read(let file) = installation.settings else { return nil }
    return Polyinstantiation(tree, file.settings.storage.parent, stacks)
  }

  private static func sharedParent(_ tree: HostTree, _ installation: Installation) -> Path? {
    guard case .read(let file) = installation.settings else { return nil }
    let path = file.settings.storage.parent
    do throws(Errno) { return try fileStatus(of: try open(path: tree.resolve(path), .pathOnly)).mode & 0o022 != 0 ? path : nil } catch {
      return nil
    }
  }

  /// The settings that hold for logins; nil where they are refused, or only root may read them.
  var settings: Settings? {
    if case .read(let file) = installation.settings { return file.settings }
    return nil
  }
}
