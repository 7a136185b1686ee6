import RootlessStorage

/// Tries one engine. The process is the user, in a session of theirs, with nothing of whoever asked (UserProgram.swift).
struct EngineTrial {
  /// Bytes of what a command prints.
  private static let longestOutput = 1 << 20
  /// Seconds between the terminating signal and the killing one.
  private static let grace: UInt32 = 2

  private let request: TrialRequest
  private let program: Path
  private let commands: EngineCommands
  private let environment: [[UInt8]]
  /// The image; nil: there is none for this kind of machine.
  private let archive: Path?
  /// Milliseconds that are kept for tidying up.
  private let reserve: Int64
  private var report: EngineReport

  /// - Parameter environment: of the session.
  init(_ engine: EngineReport.Engine, _ program: Path, _ request: TrialRequest, archive: Path?, environment: [[UInt8]]) {
    self.request = request
    self.program = program
    self.archive = archive
    self.environment = environment
    commands = EngineCommands(engine: engine)
    report = EngineReport(engine)
    reserve = min(10_000, (request.deadline - monotonicMilliseconds()) / 4)
  }

  mutating func run() -> EngineReport {
    guard let said = ask() else { return report }
    judge(said)
    let began = monotonicMilliseconds()
    var isMade = false
    do throws(Errno) {
      let volume = try TrialVolume(report.engine, home: request.home, owner: request.uid)
      isMade = true
      if volume.wasThere && !removeAll(.leftovers) { return report }
      tryImage(volume)
      // What has not gone is looked for by the next trial, which finds the directory.
      if let last = report.steps.last, last.step != .remove || last.outcome == .done { try volume.remove() }
    } catch {
      let what = "the directory .rootless-storage-verify-\(report.engine.rawValue)-HOST in the home, the container's volume,"
      note(isMade ? .remove : .volume, since: began, "\(what) cannot be \(isMade ? "removed" : "made"): \(text(error))")
    }
    return report
  }

  private mutating func tryImage(_ volume: borrowing TrialVolume) {
    guard let archive else {
      report.steps.append(
        .init(step: .import, outcome: .skipped, milliseconds: 0, cause: "there is no program for an image on this kind of machine"))
      return
    }
    var image: [UInt8]? = nil
    perform(.import, commands.importing(archive)) { ending in
      image = EngineCommands.ids(in: ending.output).last
      return image == nil ? "it printed no id of an image" : nil
    }
    // What it did before it failed, nobody knows.
    guard let image else { return _ = removeAll(.remove) }
    guard perform(.run, commands.running(image, volume: volume.path), { _ in nil }) else { return _ = removeAll(.remove) }
    let began = monotonicMilliseconds()
    note(.volume, since: began, volume.fault(owner: request.uid))
    // The image is all that is left.
    perform(.remove, commands.removing(images: [image]), isLast: true) { _ in nil }
  }

  // MARK: Steps

  /// What the engine says of itself.
  private mutating func ask() -> EngineCommands.Information? {
    var said: EngineCommands.Information? = nil
    let commands = commands
    perform(.info, commands.info.map { Array($0.utf8) }) { ending in
      guard let answer = commands.information(in: ending.output) else { return "it printed no information" }
      if let error = answer.errors.first { return "its daemon did not answer: \(shown(error))" }
      said = answer
      return nil
    }
    return said
  }

  private mutating func judge(_ said: EngineCommands.Information) {
    func bounded(_ text: String?) -> String? { text.map { shown($0) } }
    report.version = bounded(said.version)
    report.graphroot = bounded(said.graphroot)
    report.driver = bounded(said.driver)
    report.runroot = bounded(said.runroot)
    report.database = bounded(said.database)
    if let path = said.graphroot, path.utf8.first == .slash, let settings {
      let place = Place(path, settings, MountTable(blockDeviceIsLocal: false))
      report.fileSystem = place.type
      report.isNetwork = place.isNetwork
    }
    func compare(_ what: EngineReport.Difference.Subject, _ engine: String?, _ check: String?, by areSame: (String, String) -> Bool) {
      guard let engine, let check, !areSame(engine, check) else { return }
      report.differences.append(.init(what: what, engine: shown(engine), check: shown(check)))
    }
    func areEqual(_ first: String, _ second: String) -> Bool { first.utf8.elementsEqual(second.utf8) }
    let expected = request.expected
    guard report.engine == .podman else { return compare(.graphroot, said.graphroot, expected.dataRoot, by: EngineTrial.leadToOne) }
    compare(.graphroot, said.graphroot, expected.graphroot, by: EngineTrial.leadToOne)
    compare(.driver, said.driver, expected.driver, by: areEqual)
    compare(.runroot, said.runroot, expected.runroot, by: EngineTrial.leadToOne)
    compare(.database, said.database, expected.database, by: areEqual)
  }

  /// All that bears the label. Several commands are one step.
  private mutating func removeAll(_ step: EngineReport.Step.Name) -> Bool {
    let first = report.steps.count
    let isLast = step == .remove
    var isGone = true
    for isOfImages in [false, true] where isGone {
      var left: [[UInt8]] = []
      isGone = perform(step, isOfImages ? commands.leftImages : commands.leftContainers, isLast: isLast) { ending in
        // An image is listed once for each of its names.
        for id in EngineCommands.ids(in: ending.output) where !left.contains(id) { left.append(id) }
        return nil
      }
      if isGone && !left.isEmpty {
        isGone = perform(step, isOfImages ? commands.removing(images: left) : commands.removing(containers: left), isLast: isLast) { _ in
          nil
        }
      }
    }
    if var whole = report.steps.last {
      whole.milliseconds = report.steps[first...].reduce(0) { $0 + $1.milliseconds }
      report.steps.replaceSubrange(first..., with: [whole])
    }
    return isGone
  }

  // MARK: Commands

  private mutating func note(_ step: EngineReport.Step.Name, since began: Int64, _ cause: String?) {
    report.steps.append(
      .init(step: step, outcome: cause == nil ? .done : .failed, milliseconds: Int(monotonicMilliseconds() - began), cause: cause))
  }

  /// Runs the engine, and notes what came of it. Once nobody waits for the answer any more it is ended, unless it tidies up.
  ///
  /// - Parameters:
  ///   - isLast: it may use the time that is kept for tidying up.
  ///   - judge: why an answer is none; nil if it is one.
  /// - Returns: whether it went well.
  @discardableResult private mutating func perform(
    _ name: EngineReport.Step.Name, _ arguments: [[UInt8]], isLast: Bool = false, _ judge: (ChildProcess.Ending) -> String?
  ) -> Bool {
    let began = monotonicMilliseconds()
    let seconds = UInt32(clamping: (request.deadline - (isLast ? 0 : reserve) - began) / 1000)
    var step = EngineReport.Step(step: name, outcome: .done, milliseconds: 0)
    func fail(_ outcome: EngineReport.Step.Outcome, _ cause: String, _ output: [UInt8] = []) {
      step.outcome = outcome
      step.cause = cause
      step.words = EngineTrial.lastLines(output)
      // What has left its session is a child of this process by now.
      if outcome != .failed { endChildren() }
    }
    if seconds == 0 {
      fail(.late, "no time was left for it")
    } else {
      do throws(ChildProcess.Failure) {
        let ending = try ChildProcess.run(
          program, [Array(report.engine.rawValue.utf8)] + arguments, environment: environment, withErrors: true, seconds: seconds,
          grace: min(EngineTrial.grace, seconds / 2), limit: EngineTrial.longestOutput, whileAsked: !isLast)
        if let signal = ending.signal {
          fail(.killed, "it was ended by signal \(signal), which rootless-storage did not send", ending.output)
        } else if ending.status != 0 {
          step.status = ending.status
          fail(.failed, EngineTrial.cause(ending.status, name), ending.output)
        } else if let cause = judge(ending) {
          fail(.failed, cause, ending.output)
        }
      } catch {
        switch error {
        case .notStarted(let why): fail(.notStarted, "\(shown(program)) cannot be started: \(text(why))")
        case .timedOut(let output):
          fail(.late, "it was not done within \(counted(Int(seconds), "second", "seconds")), and was ended", output)
        case .tooMuch(let output):
          fail(.flooded, "it printed more than \(shownSize(UInt64(EngineTrial.longestOutput))), and was ended", output)
        }
      }
    }
    step.milliseconds = Int(monotonicMilliseconds() - began)
    report.steps.append(step)
    return step.outcome == .done
  }

  /// The program in the image ends with the number of an error, engines with 125 and more.
  private static func cause(_ status: Int32, _ step: EngineReport.Step.Name) -> String {
    guard step == .run, status < 125 else { return "it ended with the exit status \(status)" }
    return "the program in the container ended with the exit status \(status) (\(text(Errno(status))))"
  }

  private static func lastLines(_ output: [UInt8]) -> [String]? {
    let lines = output.suffix(65536).split(separator: .newline).map { Array($0.last == .carriageReturn ? $0.dropLast() : $0) }.filter {
      !$0.isEmpty
    }
    return lines.isEmpty ? nil : lines.suffix(EngineReport.mostWords).map { shown($0) }
  }

  // MARK: Places

  private var settings: Settings? {
    do throws(PathError) { return try readSettings(request.conf, trusted: false, MountTable(blockDeviceIsLocal: true)).settings } catch {
      return nil
    }
  }

  /// Whether two paths lead to one directory.
  private static func leadToOne(_ first: String, _ second: String) -> Bool {
    func plain(_ path: String) -> [Substring] { path.split(separator: "/").filter { $0 != "." } }
    if plain(first) == plain(second) { return true }
    do throws(Errno) {
      let one = try fileStatus(of: open(path: Path(first), .pathOnlyDirectoryFollowing))
      let other = try fileStatus(of: open(path: Path(second), .pathOnlyDirectoryFollowing))
      return one.isSameFile(as: other)
    } catch { return false }
  }
}

/// Tries engines one after another, each if it is there.
func tryEngines(_ request: TrialRequest, environment: [[UInt8]]) -> [EngineReport] {
  let runtime = Path("/run/user/\(request.uid)")
  func report(_ engine: EngineReport.Engine, _ archive: Path?) -> EngineReport {
    var report = EngineReport(engine)
    guard let program = UserNamespaces.find(engine.rawValue, HostTree.this) else {
      report.unknown = "it is not installed on this host"
      return report
    }
    var variables = environment
    if engine == .docker {
      // The system's own daemon is not the user's.
      let socket = runtime / "docker.sock"
      guard isOwnSocket(socket, of: request.uid) else {
        report.unknown = "no daemon of this user's is running: systemctl --user start docker"
        return report
      }
      variables.append(Array("DOCKER_HOST=unix://".utf8) + socket.bytes)
    }
    if request.deadline - monotonicMilliseconds() < 2000 {
      report.unknown = "no time was left for it: try again with --engine \(engine.rawValue), or with a larger --timeout"
      return report
    }
    var trial = EngineTrial(engine, program, request, archive: archive, environment: variables)
    return trial.run()
  }
  adoptOrphans(true)
  var reports: [EngineReport] = []
  do throws(Errno) {
    try TrialScratch(runtime: runtime, owner: request.uid).use { archive in reports = request.engines.map { report($0, archive) } }
  } catch {
    let why =
      error == .wouldBlock
      ? "another verify of this user goes on; try again when it is done"
      : "\(shown(runtime)) cannot be written to: \(text(error)); is it full, or read-only?"
    reports = request.engines.map { engine in
      var report = EngineReport(engine)
      report.unknown = why
      return report
    }
  }
  return reports
}

/// A directory in the runtime directory that holds the image, and that one trial of a user's has at a time.
private struct TrialScratch {
  private static let name = Array("rootless-storage-verify".utf8)
  private static let file = Array("image.tar".utf8)

  /// The runtime directory.
  let runtime: Path
  let owner: UInt32

  private var path: Path { runtime / TrialScratch.name }

  /// Makes the directory, and hands `work` the path of the image, nil where there is none for this kind of machine. The error is
  /// `wouldBlock` where another trial goes on.
  func use(_ work: (Path?) -> Void) throws(Errno) {
    let above = try open(path: runtime, .directory)
    if try fileStatus(of: above).owner != owner { throw .notPermitted }
    do throws(Errno) { try makeNamedDirectory(at: above, TrialScratch.name, mode: 0o700) } catch { if error != .exists { throw error } }
    let directory = try open(at: above, TrialScratch.name, .directory)
    if try fileStatus(of: directory).owner != owner { throw .notPermitted }
    // It goes with the descriptor, however this process ends.
    try lockExclusively(directory)
    // One that has been removed since is of another trial, which has ended.
    guard try fileStatus(at: above, TrialScratch.name).isSameFile(as: fileStatus(of: directory)) else { throw .wouldBlock }
    do throws(Errno) { try unlink(at: directory, TrialScratch.file) } catch { if error != .noEntry { throw error } }
    var archive: Path? = nil
    if let content = ProbeArchive.content {
      try writeAll(try open(at: directory, TrialScratch.file, .creating, permissions: 0o600), content)
      archive = path / TrialScratch.file
    }
    work(archive)
    // What cannot be removed goes with the runtime directory.
    if archive != nil { do throws(Errno) { try unlink(at: directory, TrialScratch.file) } catch {} }
    do throws(Errno) { try removeEmptyDirectory(at: above, TrialScratch.name) } catch {}
  }
}

private func isOwnSocket(_ path: Path, of uid: UInt32) -> Bool {
  do throws(Errno) {
    let status = try fileStatus(of: open(path: path, .pathOnly))
    return status.kind == .socket && status.owner == uid
  } catch { return false }
}
