internal import CLinux
import RootlessStorage

/// One end of two connected sockets (socketpair(2)). A message is its length in four bytes, the least first, and so many bytes.
struct MessageSocket: ~Copyable {
  enum Failure: Error, Equatable {
    /// Nobody holds the other end.
    case ended
    case timedOut
    case tooLong
    case failed(Errno)
  }

  private let socket: FileDescriptor

  init(_ socket: consuming FileDescriptor) { self.socket = socket }

  /// What a process that was started for messages has as its standard output (`ChildProcess.connectSelf`).
  static func ofThisProcess() -> MessageSocket { MessageSocket(FileDescriptor(owning: 1)) }

  /// Waits until the other end has room for all of it.
  func send(_ message: [UInt8]) throws(Failure) {
    var rest = MessageSocket.length(message.count)[...] + message
    while !rest.isEmpty {
      let sent = unsafe rest.withUnsafeBytes { unsafe clinux_send(socket.raw, $0.baseAddress, $0.count) }
      if sent > 0 {
        rest = rest.dropFirst(sent)
      } else if Errno.last != .interrupted {
        throw Errno.last == Errno(EPIPE) ? .ended : .failed(.last)
      }
    }
  }

  /// Waits for the next message.
  ///
  /// - Parameters:
  ///   - limit: bytes of it.
  ///   - milliseconds: how long to wait for all of it; nil: for ever.
  func receive(limit: Int, milliseconds: Int64? = nil) throws(Failure) -> [UInt8] {
    let deadline = milliseconds.map { clinux_monotonic_milliseconds() + $0 }
    let length = try read(4, until: deadline).reversed().reduce(0) { $0 << 8 | Int($1) }
    if length > limit { throw .tooLong }
    return try read(length, until: deadline)
  }

  private static func length(_ count: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } }

  private func read(_ count: Int, until deadline: Int64?) throws(Failure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      if let deadline {
        let left = deadline - clinux_monotonic_milliseconds()
        var events: Int32 = 0
        var none: Int32 = 0
        if left <= 0 { throw .timedOut }
        if unsafe clinux_poll(socket.raw, -1, Int32(clamping: left), &events, &none) <= 0 { continue }
      }
      let start = done
      // SAFETY: `start` is less than the count, so the buffer is not empty and the range is inside it.
      let got = unsafe bytes.withUnsafeMutableBytes { unsafe clinux_receive(socket.raw, $0.baseAddress! + start, count - start) }
      if got == 0 { throw .ended }
      if got > 0 { done += got } else if Errno.last != .interrupted { throw .failed(.last) }
    }
    return bytes
  }
}
