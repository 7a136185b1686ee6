import RootlessStorage

/// What is wrong with this host, whoever is asked about.
func hostFindings(_ facts: HostFacts) -> [Finding] {
  var findings = PAMFindings(stacks: facts.stacks, isRoot: facts.isRoot).all()
  findings += installationFindings(facts.installation)
  if let tmpfiles = facts.tmpfiles, let settings = facts.settings { findings += ageingFindings(tmpfiles, settings.storage) }
  findings += userNamespaceFindings(facts.userNamespaces)
  findings += allocationFindings(facts.subordinateIDs, facts.settings)
  return findings
}

/// Files that could not be looked at, so that nothing is known of what they say. Root may see more.
func hostUnseen(_ facts: HostFacts) -> [[UInt8]] {
  var paths = PAMFindings(stacks: facts.stacks, isRoot: facts.isRoot).unseen() + installationUnseen(facts.installation)
  paths += facts.tmpfiles?.failures.map(\.file) ?? []
  paths += facts.subordinateIDs.tables.filter { $0.failure == .denied }.map { Array($0.file.utf8) }
  return paths
}
