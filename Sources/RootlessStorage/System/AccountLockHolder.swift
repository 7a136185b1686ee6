/// Who holds a lock file of shadow-utils (`FILE.lock`), as its content tells.
///
/// shadow writes the process's number and a NUL, and reads up to the NUL, at most 31 bytes in all. Behind it we write when the process
/// started: a number is used again, and a lock whose process was killed must not become another one's.
package struct AccountLockHolder: Equatable, Sendable {
  package static let longestContent = 31

  package let number: UInt32
  /// Clock ticks since boot; nil: the file does not tell, as shadow's do not.
  package let started: UInt64?

  package init(number: UInt32, started: UInt64?) {
    self.number = number
    self.started = started
  }

  /// - Returns: nil if no process is named.
  package init?(_ content: [UInt8]) {
    guard let number = identifier(content.prefix { isDigit($0) }) else { return nil }
    self.number = number
    let rest = content.drop { isDigit($0) }
    guard rest.first == 0, let started = decimalValue(rest.dropFirst().prefix { $0 != 0 }), started > 0 else {
      self.started = nil
      return
    }
    self.started = started
  }

  /// What is written into the file.
  package init(_ process: ProcessStamp) { self.init(number: process.number, started: process.started > 0 ? process.started : nil) }

  package var content: [UInt8] {
    guard let started else { return decimal(UInt64(number)) + [0] }
    let content = decimal(UInt64(number)) + [0] + decimal(started)
    return content.count <= AccountLockHolder.longestContent ? content : decimal(UInt64(number)) + [0]
  }

  /// Whether the process that runs under this number by now is another one than the one that made the lock.
  ///
  /// - Parameters:
  ///   - running: when it started, in clock ticks since boot.
  ///   - clock: to compare that with the time of the file.
  ///   - modified: when the file was written, in seconds since the epoch.
  package func isReused(by running: UInt64, _ clock: BootClock, modified: Int64) -> Bool {
    if let started { return started != running }
    // The file's time has whole seconds, and two more are for clocks that are not quite one. A time to come makes nothing reused.
    let (end, overflow) = modified.addingReportingOverflow(3)
    if overflow { return false }
    let (milliseconds, isFar) = end.multipliedReportingOverflow(by: 1000)
    return !isFar && clock.milliseconds(atTick: running) >= milliseconds
  }
}

/// Relates clock ticks since boot to the time of day.
package struct BootClock: Equatable, Sendable {
  /// Milliseconds since the epoch.
  package let boot: Int64
  /// Ticks in a second, more than 0.
  package let frequency: Int64

  package init(boot: Int64, frequency: Int64) {
    self.boot = boot
    self.frequency = frequency
  }

  /// Milliseconds since the epoch.
  package func milliseconds(atTick tick: UInt64) -> Int64 {
    let ticks = Int64(clamping: min(tick, UInt64(Int64.max) / 1000))
    return boot &+ ticks &* 1000 / frequency
  }
}
