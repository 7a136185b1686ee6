import RootlessStorage

/// What Podman from 4.8 on keeps in `db.sql` of its graphroot since its first command there: the only row of the table DBConfig
/// (libpod/sqlite_state.go).
struct PodmanDatabase: Equatable, Sendable {
  let staticDirectory: String
  let graphroot: String
  let runroot: String
  let driver: String
  /// Where named volumes are.
  let volumes: String?

  /// Whether SQLite takes the bytes for a database; an empty file is a new one.
  static func isDatabase(_ bytes: [UInt8]) -> Bool { bytes.isEmpty || bytes.starts(with: Array("SQLite format 3\0".utf8)) }

  /// nil where Podman has not written the row yet.
  ///
  /// - Parameter bytes: of the whole file, beside which there is no journal.
  init?(_ bytes: [UInt8]) throws(SQLiteDatabase.Failure) {
    if bytes.isEmpty { return nil }
    let database = try SQLiteDatabase(bytes)
    // A view of that name, or a table that a module makes up, is not Podman's.
    guard try database.first("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'DBConfig' AND rootpage > 0") != nil,
      let fixed = try database.first("SELECT StaticDir FROM DBConfig LIMIT 1"),
      let graphroot = try database.first("SELECT GraphRoot FROM DBConfig LIMIT 1"),
      let runroot = try database.first("SELECT RunRoot FROM DBConfig LIMIT 1"),
      let driver = try database.first("SELECT GraphDriver FROM DBConfig LIMIT 1")
    else { return nil }
    staticDirectory = String(decoding: fixed, as: UTF8.self)
    self.graphroot = String(decoding: graphroot, as: UTF8.self)
    self.runroot = String(decoding: runroot, as: UTF8.self)
    self.driver = String(decoding: driver, as: UTF8.self)
    volumes = (try? database.first("SELECT VolumeDir FROM DBConfig LIMIT 1")).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) }
  }
}
