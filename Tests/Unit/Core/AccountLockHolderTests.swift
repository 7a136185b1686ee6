import Testing

@testable import RootlessStorage

@Suite struct AccountLockHolderTests {
  @Test(
    arguments: [
      ("4711", 4711, nil), ("4711\0", 4711, nil), ("4711\n", 4711, nil), ("4711\0" + "8200", 4711, 8200), ("4711\0" + "8200\0", 4711, 8200),
      ("4711\0" + "0", 4711, nil), ("4711\0x", 4711, nil), ("4711\0" + "8200x", 4711, nil), ("4711 8200", 4711, nil),
      ("4711\0" + "18446744073709551616", 4711, nil), ("4294967295\0" + "18446744073709551615", 4_294_967_295, 18_446_744_073_709_551_615),
    ] as [([UInt8], UInt32, UInt64?)])
  func `a lock names its process, and perhaps when that started`(content: [UInt8], number: UInt32, started: UInt64?) {
    #expect(AccountLockHolder(content) == AccountLockHolder(number: number, started: started))
  }

  @Test(arguments: ["", "x", "\0", "-1", " 1", "4294967296", "99999999999999999999999"] as [[UInt8]])
  func `a lock without a number names nobody`(content: [UInt8]) { #expect(AccountLockHolder(content) == nil) }

  @Test func `what is written is read again, begins as shadow's, and is no longer than shadow reads`() {
    for (number, started) in [(1, 1), (4711, 0), (UInt32.max, UInt64.max), (4_194_304, 8_640_000_000)] as [(UInt32, UInt64)] {
      let holder = AccountLockHolder(ProcessStamp(number: number, started: started))
      #expect(AccountLockHolder(holder.content) == holder && holder.started == (started == 0 ? nil : started))
      #expect(holder.content.starts(with: decimal(UInt64(number)) + [0]) && holder.content.count <= 31)
    }
  }

  /// 1000 ticks are 10 seconds after the start of the machine, which was at 1,000,000.
  private let clock = BootClock(boot: 1_000_000_000, frequency: 100)

  @Test func `a number is used again where the start is another one`() {
    let holder = AccountLockHolder(number: 7, started: 1000)
    for modified in [Int64.min, 0, 1_000_010, Int64.max] {
      #expect(
        !holder.isReused(by: 1000, clock, modified: modified) && holder.isReused(by: 1001, clock, modified: modified)
          && holder.isReused(by: 999, clock, modified: modified))
    }
  }

  @Test func `without a start, where it clearly came after the lock was written`() {
    let holder = AccountLockHolder(number: 7, started: nil)
    // The lock was written at …010.0 to …010.999, so two seconds later is …013.
    for (tick, isReused) in [(0, false), (1000, false), (1100, false), (1299, false), (1300, true), (100_000, true)] as [(UInt64, Bool)] {
      #expect(holder.isReused(by: tick, clock, modified: 1_000_010) == isReused, "\(tick)")
    }
    #expect(!holder.isReused(by: 100_000, clock, modified: 1_002_000), "written in a time to come")
    #expect(!holder.isReused(by: UInt64.max, clock, modified: Int64.max) && !holder.isReused(by: 1, clock, modified: Int64.max / 1000))
    #expect(holder.isReused(by: 1, clock, modified: 0) && holder.isReused(by: UInt64.max, clock, modified: 0))
  }

  @Test func `the time of a process's start is told in UTC`() {
    for (seconds, text) in [
      (0, "1970-01-01 00:00:00"), (951_782_399, "2000-02-28 23:59:59"), (951_782_400, "2000-02-29 00:00:00"),
      (951_868_800, "2000-03-01 00:00:00"),
      (1_795_900_530, "2026-11-28 21:15:30"), (4_107_542_400, "2100-03-01 00:00:00"), (1_735_689_599, "2024-12-31 23:59:59"),
      (-5, "1970-01-01 00:00:00"),
    ] as [(Int64, [UInt8])] {
      #expect(Wording.time(seconds).bytes == text + " UTC", "\(seconds)")
    }
    #expect(startOfProcess(thisProcess().number).map { abs($0 - wallClock()) < 86400 } == true)
  }
}
