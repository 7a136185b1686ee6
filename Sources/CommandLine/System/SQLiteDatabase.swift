internal import CLinux
import RootlessStorage

/// A database of SQLite's that somebody else has written, in memory, for reading (sqlite.org/c3ref).
///
/// The library is this host's own, loaded when it is needed: a host whose Podman keeps such a database has it in nearly all cases, and
/// nobody else needs it. Nothing in the file is trusted: it cannot name other files, call functions from its schema, change itself, or
/// keep the library busy.
@safe struct SQLiteDatabase: ~Copyable {
  enum Failure: Error, Equatable {
    /// There is no libsqlite3.so.0 here, or it is older than 3.36.
    case noLibrary
    /// What SQLite says of it.
    case unreadable(String)
  }

  private typealias Connection = OpaquePointer
  private typealias Statement = OpaquePointer

  /// The functions that are used.
  @safe private struct Library {
    let open: @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<Connection?>, Int32, UnsafePointer<CChar>?) -> Int32
    let close: @convention(c) (Connection?) -> Int32
    let limit: @convention(c) (Connection, Int32, Int32) -> Int32
    let progress:
      @convention(c) (Connection, Int32, (@convention(c) (UnsafeMutableRawPointer?) -> Int32)?, UnsafeMutableRawPointer?) -> Void
    let deserialize: @convention(c) (Connection, UnsafePointer<CChar>, UnsafeMutableRawPointer, Int64, Int64, UInt32) -> Int32
    let prepare:
      @convention(c) (
        Connection, UnsafePointer<CChar>, Int32, UnsafeMutablePointer<Statement?>, UnsafeMutablePointer<UnsafePointer<CChar>?>?
      ) -> Int32
    let step: @convention(c) (Statement) -> Int32
    let text: @convention(c) (Statement, Int32) -> UnsafePointer<CChar>?
    let length: @convention(c) (Statement, Int32) -> Int32
    let finalize: @convention(c) (Statement?) -> Int32
    let message: @convention(c) (Connection?) -> UnsafePointer<CChar>?
    let configure: UnsafeMutableRawPointer

    init?() {
      guard let library = unsafe dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL),
        let open = unsafe dlsym(library, "sqlite3_open_v2"), let close = unsafe dlsym(library, "sqlite3_close"),
        let limit = unsafe dlsym(library, "sqlite3_limit"), let progress = unsafe dlsym(library, "sqlite3_progress_handler"),
        let deserialize = unsafe dlsym(library, "sqlite3_deserialize"), let prepare = unsafe dlsym(library, "sqlite3_prepare_v2"),
        let step = unsafe dlsym(library, "sqlite3_step"), let text = unsafe dlsym(library, "sqlite3_column_text"),
        let length = unsafe dlsym(library, "sqlite3_column_bytes"), let finalize = unsafe dlsym(library, "sqlite3_finalize"),
        let message = unsafe dlsym(library, "sqlite3_errmsg"), let configure = unsafe dlsym(library, "sqlite3_db_config")
      else { return nil }
      // SAFETY: these are the types of sqlite3.h, which SQLite keeps.
      unsafe self.open = unsafeBitCast(open, to: type(of: self.open))
      unsafe self.close = unsafeBitCast(close, to: type(of: self.close))
      unsafe self.limit = unsafeBitCast(limit, to: type(of: self.limit))
      unsafe self.progress = unsafeBitCast(progress, to: type(of: self.progress))
      unsafe self.deserialize = unsafeBitCast(deserialize, to: type(of: self.deserialize))
      unsafe self.prepare = unsafeBitCast(prepare, to: type(of: self.prepare))
      unsafe self.step = unsafeBitCast(step, to: type(of: self.step))
      unsafe self.text = unsafeBitCast(text, to: type(of: self.text))
      unsafe self.length = unsafeBitCast(length, to: type(of: self.length))
      unsafe self.finalize = unsafeBitCast(finalize, to: type(of: self.finalize))
      unsafe self.message = unsafeBitCast(message, to: type(of: self.message))
      unsafe self.configure = configure
    }
  }

  private let library: Library
  private let connection: Connection
  private let content: UnsafeMutableRawPointer

  /// - Parameter bytes: of the whole file. Changes that SQLite keeps beside it (`-wal`, `-journal`) are not in it.
  init(_ bytes: [UInt8]) throws(Failure) {
    guard let library = Library() else { throw .noLibrary }
    // A header of 100 bytes is the least (sqlite.org/fileformat).
    guard bytes.count >= 100 else { throw .unreadable("file is not a database") }
    var connection: Connection? = nil
    // SQLITE_OPEN_READWRITE and SQLITE_OPEN_MEMORY.
    guard unsafe library.open(":memory:", &connection, 0x82, nil) == 0, let connection = unsafe connection else {
      _ = unsafe library.close(connection)
      throw .unreadable("out of memory")
    }
    let content = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 8)
    unsafe content.copyMemory(from: bytes, byteCount: bytes.count)
    // In write-ahead mode a database in memory cannot be opened; without a log beside it both formats are one.
    for offset in [18, 19] where bytes[offset] == 2 { unsafe content.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self) }
    // SQLITE_DBCONFIG_DEFENSIVE, and SQLITE_DBCONFIG_TRUSTED_SCHEMA off.
    _ = unsafe clinux_sqlite_configure(library.configure, UnsafeMutableRawPointer(connection), 1010, 1)
    _ = unsafe clinux_sqlite_configure(library.configure, UnsafeMutableRawPointer(connection), 1017, 0)
    // Bytes of a value and of a statement, columns, depth of an expression, terms of a compound select, attached databases, depth of
    // triggers.
    for (number, most) in [(0, 1 << 20), (1, 100_000), (2, 100), (3, 50), (4, 5), (7, 0), (10, 1)] as [(Int32, Int32)] {
      _ = unsafe library.limit(connection, number, most)
    }
    // Ended after that many instructions of its machine.
    unsafe library.progress(connection, 1_000_000, { _ in 1 }, nil)
    // SQLITE_DESERIALIZE_READONLY.
    let status = unsafe library.deserialize(connection, "main", content, Int64(bytes.count), Int64(bytes.count), 4)
    if status != 0 {
      let message = unsafe SQLiteDatabase.message(library, connection)
      _ = unsafe library.close(connection)
      unsafe content.deallocate()
      throw .unreadable(message)
    }
    self.library = library
    unsafe self.connection = connection
    unsafe self.content = content
  }

  deinit {
    _ = unsafe library.close(connection)
    unsafe content.deallocate()
  }

  /// The first column of the first row, as text; nil: there is no row, or NULL in it.
  func first(_ query: StaticString) throws(Failure) -> [UInt8]? {
    var statement: Statement? = nil
    // SAFETY: a StaticString of a literal ends in NUL.
    let text = unsafe UnsafeRawPointer(query.utf8Start).assumingMemoryBound(to: CChar.self)
    guard unsafe library.prepare(connection, text, -1, &statement, nil) == 0, let statement = unsafe statement else {
      throw unsafe .unreadable(SQLiteDatabase.message(library, connection))
    }
    let status = unsafe library.step(statement)
    var found: [UInt8]? = nil
    // SQLITE_ROW, SQLITE_DONE.
    if status == 100, let value = unsafe library.text(statement, 0) {
      let count = unsafe Int(library.length(statement, 0))
      unsafe found = Array(UnsafeRawBufferPointer(start: value, count: count))
    }
    let message = unsafe SQLiteDatabase.message(library, connection)
    _ = unsafe library.finalize(statement)
    if status != 100 && status != 101 { throw .unreadable(message) }
    return found
  }

  private static func message(_ library: Library, _ connection: Connection) -> String {
    unsafe library.message(connection).map { unsafe shown(bytes(ofCString: $0)) } ?? "unknown error"
  }
}
