import RootlessStorage

/// What `subids` goes by: the settings of logins, and the files of this host.
struct SubordinateHost {
  let settings: Settings
  let index: SubordinateIDIndex

  init(_ settings: Settings) throws(CommandError) {
    self.settings = settings
    index = SubordinateIDIndex(HostTree.this)
    for table in index.tables {
      if let failure = table.failure { throw CommandError("\(table.file) \(failure.explanation); look at it as root") }
    }
  }
}
