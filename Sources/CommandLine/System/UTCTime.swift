internal import CLinux

/// A moment in UTC, for names of files and for people. Not Foundation's formatters, which bring some 40 MB of tables for all the
/// world's calendars with them.
struct UTCTime {
  /// `2026-11-24`
  let day: String
  /// `20:15:30`
  private let clock: String

  /// - Parameter seconds: since the epoch.
  init(_ seconds: Int64) {
    var parts = unsafe tm()
    var time = time_t(seconds)
    // A year that does not fit leaves zeros.
    _ = unsafe gmtime_r(&time, &parts)
    func digits(_ number: Int32, _ count: Int) -> String { padded(String(number), to: count, .left, with: "0") }
    unsafe day = "\(digits(parts.tm_year &+ 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
    unsafe clock = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
  }

  /// `20261124T201530Z`
  var stamp: String { day.filter { $0 != "-" } + "T" + clock.filter { $0 != ":" } + "Z" }

  /// `2026-11-24T20:15:30Z`, ISO 8601.
  var iso: String { "\(day)T\(clock)Z" }
}
