import RootlessStorage

/// What a process that tries engines, as the user and in a session of theirs, is asked.
struct TrialRequest: Codable, Equatable, Sendable {
  /// To be tried, in this order.
  var engines: [EngineReport.Engine]
  var uid: UInt32
  var home: Path
  var conf: Path
  /// When all has to be done: milliseconds of the monotonic clock, which all processes of a host share.
  var deadline: Int64
  var expected: ExpectedEngines
}

extension UserDiagnosis {
  /// What the engines will say of themselves. The process must be for good the user: it looks into the store.
  var expectedEngines: ExpectedEngines {
    let home = String(decoding: facts.account.home)
    let readings = readings
    /// What each generation of Podman that may be meant makes of the files, if it is one thing.
    func common(_ value: (PodmanReading) -> String?) -> String? {
      guard let first = readings.first.flatMap(value), readings.allSatisfy({ value($0) == first }) else { return nil }
      return first
    }
    // What is none, check judges.
    func absolute(_ path: String?) -> String? { path.flatMap { $0.utf8.first == .slash ? $0 : nil } }
    var expected = ExpectedEngines()
    expected.graphroot = absolute(
      common {
        $0.store.map { ExpandedPath($0.path, facts.account).path } ?? ownStore(.podman)?.place.real ?? home
          + "/.local/share/containers/storage"
      })
    // Of several the first one that works is taken, and nobody here knows which that is.
    expected.driver = common { reading in
      guard let driver = reading.driver, driver.key == "driver" else { return nil }
      return driver.name == "overlay2" ? "overlay" : driver.name
    }
    if let graphroot = expected.graphroot { expected.database = database(in: graphroot) }
    let kept = facts.storageConf?.keptRunroot?.path
    expected.runroot = absolute(kept ?? common { $0.text(["storage", "runroot"]).map { ExpandedPath($0.text, facts.account).path } })
    if let daemon = facts.daemonJson, daemon.unit.option("config-file").map({ $0.value != nil }) ?? true {
      if let option = daemon.unit.option("data-root") {
        expected.dataRoot = absolute(option.value)
      } else if daemon.file == .absent || daemon.text != nil {
        expected.dataRoot = daemon.dataRoot?.path ?? daemon.graph?.path ?? ownStore(.docker)?.place.real ?? home + "/.local/share/docker"
      }
    }
    return expected
  }

  /// The database that Podman will use in a store; nil where that is not sure.
  private func database(in graphroot: String) -> String? {
    func exists(_ name: String) -> Bool {
      do throws(Errno) { _ = try open(path: Path("\(graphroot)/\(name)"), .pathOnly) } catch { return false }
      return true
    }
    if let generation = facts.podmanGeneration, generation < .single { return "boltdb" }
    switch (exists("libpod/bolt_state.db"), exists("db.sql")) {
    case (true, false): return facts.podmanGeneration == .single ? "boltdb" : nil
    case (false, true): return "sqlite"
    default: return nil
    }
  }
}
