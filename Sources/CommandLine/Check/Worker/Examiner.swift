import RootlessStorage

/// What looks at users for `check`, `repair` and `verify`: this program a second time, which keeps its identity and copies itself for
/// each user (`ExaminerService`). Starting the program for each would take longer than looking does.
final class Examiner {
  /// Bytes of a question, and of an answer.
  static let limit = 1 << 20

  private var process: ChildProcess.Companion? = nil

  /// - Parameter seconds: until the process that looks is ended.
  func ask(_ question: [UInt8], seconds: UInt32) throws(ChildProcess.Failure) -> [UInt8] {
    let current = if let process { process } else { try ChildProcess.connectSelf([Array("examine".utf8)]) }
    // Whatever stops it from answering: the next question gets a new process.
    process = nil
    let message: [UInt8]
    do throws(MessageSocket.Failure) {
      try current.socket.send(question)
      // It takes up to a second to end what hangs.
      message = try current.socket.receive(limit: Examiner.limit + 1, milliseconds: (Int64(seconds) + 3) * 1000)
    } catch {
      if error == .timedOut { throw .timedOut(output: []) }
      return []
    }
    process = current
    return try ExaminerAnswer(message: message).text()
  }
}

/// What the service says of one user.
enum ExaminerAnswer {
  /// What the process printed that looked.
  case printed([UInt8])
  case failed(ChildProcess.Failure)

  init(message: [UInt8]) {
    switch message.first {
    case 0: self = .printed(Array(message.dropFirst()))
    case 1: self = .failed(.timedOut(output: []))
    case 2: self = .failed(.tooMuch(output: []))
    default: self = .failed(.notStarted(Errno(message.dropFirst().reversed().reduce(0) { $0 << 8 | Int32($1) })))
    }
  }

  var message: [UInt8] {
    switch self {
    case .printed(let text): [0] + text
    case .failed(.timedOut): [1]
    case .failed(.tooMuch): [2]
    case .failed(.notStarted(let cause)): [3] + (0..<4).map { UInt8(truncatingIfNeeded: cause.rawValue >> ($0 * 8)) }
    }
  }

  func text() throws(ChildProcess.Failure) -> [UInt8] {
    switch self {
    case .printed(let text): text
    case .failed(let failure): throw failure
    }
  }
}
