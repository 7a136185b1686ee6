import RootlessStorage

/// What is wrong with this host, whoever is asked about.
func hostFindings(_ facts: HostFacts) -> [Finding] {
  var findings = PAMFindings(stacks: facts.stacks, isRoot: facts.isRoot).all()
  findings += installationFindings(facts.installation)
  if let tmpfiles = facts.tmpfiles, let settings = facts.settings { findings += ageingFindings(tmpfiles, settings.storage) }
  findings += userNamespaceFindings(facts.userNamespaces)
  findings += allocationFindings(facts.subordinateIDs, facts.settings)
  if facts.subordinateIDs.source == nil { findings += fileFindings(facts.subordinateIDs) + brokenLines(facts.subordinateIDs) }
  return findings
}

/// What concerns the hosts that share homes with this one. A site decides on it once, so it is told with all users only.
func siteFindings(_ facts: HostFacts) -> [Finding] {
  guard let parent = facts.sharedParent else { return [] }
  return [
    Finding(
      .storageParentShared, .note,
      "every user can create entries in \(shown(parent)), and the files in the homes name it on every host that mounts them. Here a login takes a user's path back from another user. A host without this package does not: whoever creates the path there first provides that user's container storage.",
      remedy: "install this package on every host that mounts these homes, or set storage_directory below a directory that only root can write to, such as /var/lib/rootless-storage/$USER")
  ]
}

/// Files that could not be looked at, so that nothing is known of what they say. Root may see more.
func hostUnseen(_ facts: HostFacts) -> [[UInt8]] {
  var paths = PAMFindings(stacks: facts.stacks, isRoot: facts.isRoot).unseen() + installationUnseen(facts.installation)
  paths += facts.tmpfiles?.failures.map(\.file) ?? []
  paths += facts.subordinateIDs.tables.filter { $0.failure == .denied }.map { Array($0.file.utf8) }
  return paths
}
