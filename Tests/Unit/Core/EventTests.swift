import Testing

@testable import RootlessStorage

@Suite struct EventTests {
  @Test(arguments: EventSamples.all(with: "value"))
  func `an error fails a strict login, unless anybody could cause it; nothing else does`(event: Event) {
    var expected: Outcome = event.severity == .err ? .failed : .done
    if case .storageRefused(let seen) = event, seen.parentIsWritableByOthers { expected = .tolerated }
    if case .storageNotTaken(let seen, _) = event, seen.parentIsWritableByOthers { expected = .tolerated }
    if case .storageFailed(_, true) = event { expected = .tolerated }
    if case .storageFailed(let cause, _) = event, [.noSpace, .quotaExceeded, .readOnly].contains(cause) { expected = .tolerated }
    if case .fileFailed(_, let cause) = event, [.noSpace, .quotaExceeded, .readOnly].contains(cause) { expected = .tolerated }
    // The place is the user's by then.
    if case .storageTaken = event { expected = .done }
    if case .exclusionUnknown = event { expected = .done }
    #expect(event.outcome == expected)
  }

  /// What the rows of the design's table do not say: everything that ends a run before it could look is an error, everything that
  /// costs a part is a warning.
  @Test(
    arguments: [
      (.usage(.missing("NAME")), .err), (.notPermitted(uid: 1), .err), (.processNotPrepared(.notPermitted), .err),
      (.identity(IdentityError(step: .verify, cause: nil)), .err), (.nameUnfit, .err),
      (.settingsRefused(PathError(path: "/f", reason: .ownedBy(1))), .err),
      (.skeletonRefused(PathError(path: "/f", reason: .missing)), .err),
      (.storageFailed(.noSpace, parentIsWritableByOthers: true), .err), (.storageFailed(.readOnly, parentIsWritableByOthers: false), .err),
      (.fileFailed(file: "f", .quotaExceeded), .err),
      (.settingsProblem(SettingsProblem(file: "/f", line: 1, reason: .noTypes)), .warning),
      (.skeletonWarning(SkeletonWarning(path: "f", reason: .symbolicLink)), .warning),
      (.storeUnknown(file: "f", store: "s", .ioError), .warning), (.groupsLeftOut, .warning),
      (.quotaUncertain(.bytes, nil, .init(file: "f", line: 1)), .warning), (.idReserved, .err),
      (.excluded(.name(Exclusions.Place(file: "/f", line: 1))), .debug),
      (.exclusionUnknown(.groups(Exclusions.Place(file: "/f", line: 1))), .err),
    ] as [(Event, Severity)])
  func `every other event has the severity of its consequence`(event: Event, severity: Severity) { #expect(event.severity == severity) }

  @Test func `the numbers are syslog's`() {
    #expect([Severity.err, .warning, .notice, .info, .debug].map(\.rawValue) == [3, 4, 5, 6, 7])
  }
}
