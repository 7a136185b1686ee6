/// The name of a file that is not in its place yet: `.rootless-storage.PID.START.INDEX.HOST`. It says who is at work, so that what
/// a killed helper left behind can be told from what another one, perhaps on another host, is just writing.
public struct TemporaryName: Equatable, Sendable {
  private static let prefix = Array(".rootless-storage.".utf8)
  /// A leftover of another host is removed when it is this old, in seconds.
  static let otherHostsGrace: Int64 = 3600

  public let process: ProcessStamp
  /// Tells the files of one process apart.
  public let index: UInt32
  public let host: [UInt8]

  public init(process: ProcessStamp, index: UInt32, host: [UInt8]) {
    self.process = process
    self.index = index
    self.host = TemporaryName.safe(host)
  }

  /// A host's name may hold anything; at most 64 harmless bytes of it stay.
  private static func safe(_ host: [UInt8]) -> [UInt8] {
    host.prefix(64).map { byte in
      switch byte {
      case _ where isAlphanumeric(byte), .hyphen, .dot: byte
      default: .underscore
      }
    }
  }

  public var bytes: [UInt8] {
    TemporaryName.prefix + decimal(UInt64(process.number)) + [.dot] + decimal(process.started) + [.dot]
      + decimal(UInt64(index)) + [.dot] + host
  }

  /// Reads a name of this form, and no other.
  public init?(_ name: [UInt8]) {
    guard begins(name, with: TemporaryName.prefix), name.count <= 255 else { return nil }
    let fields = parts(name.dropFirst(TemporaryName.prefix.count), separator: { $0 == .dot })
    guard fields.count >= 4, let number = identifier(fields[0]), let started = decimalValue(fields[1]), let index = identifier(fields[2])
    else { return nil }
    var host = fields[3]
    for more in fields[4...] { host += [.dot] + more }
    self.init(process: ProcessStamp(number: number, started: started), index: index, host: host)
    guard bytes == name else { return nil }
  }

  /// Whether the file can be removed: on the same host, when its process is gone; of another host, when it is old.
  ///
  /// - Parameters:
  ///   - age: seconds since it was last changed.
  ///   - processIsGone: asked only for this host's.
  public func isLeftover(onHost here: [UInt8], age: Int64, processIsGone: (ProcessStamp) -> Bool) -> Bool {
    if host == TemporaryName.safe(here) && processIsGone(process) { return true }
    return host != TemporaryName.safe(here) && age > TemporaryName.otherHostsGrace
  }
}
