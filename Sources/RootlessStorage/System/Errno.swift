internal import CLinux

/// The number a system call left in `errno(3)`, taken at once.
public struct Errno: Error, Equatable, Sendable {
  public let rawValue: Int32

  public init(_ rawValue: Int32) { self.rawValue = rawValue }

  package static var last: Errno { Errno(clinux_errno()) }

  public static let notPermitted = Errno(EPERM)
  public static let noEntry = Errno(ENOENT)
  package static let wouldBlock = Errno(EAGAIN)
  package static let noData = Errno(ENODATA)
  public static let interrupted = Errno(EINTR)
  public static let ioError = Errno(EIO)
  public static let notExecutable = Errno(ENOEXEC)
  public static let accessDenied = Errno(EACCES)
  public static let exists = Errno(EEXIST)
  public static let notDirectory = Errno(ENOTDIR)
  package static let busy = Errno(EBUSY)
  package static let otherDevice = Errno(EXDEV)
  package static let isDirectory = Errno(EISDIR)
  package static let notEmpty = Errno(ENOTEMPTY)
  package static let noDevice = Errno(ENODEV)
  package static let notBlockDevice = Errno(ENOTBLK)
  package static let notTerminal = Errno(ENOTTY)
  package static let noProcess = Errno(ESRCH)
  public static let invalid = Errno(EINVAL)
  public static let fileTooLarge = Errno(EFBIG)
  public static let noSpace = Errno(ENOSPC)
  public static let readOnly = Errno(EROFS)
  public static let tooManyLinks = Errno(EMLINK)
  public static let nameTooLong = Errno(ENAMETOOLONG)
  public static let notImplemented = Errno(ENOSYS)
  public static let tooManySymlinks = Errno(ELOOP)
  public static let notSupported = Errno(EOPNOTSUPP)
  public static let stale = Errno(ESTALE)
  public static let quotaExceeded = Errno(EDQUOT)
  public static let noKey = Errno(ENOKEY)
  public static let keyExpired = Errno(EKEYEXPIRED)
  public static let keyRevoked = Errno(EKEYREVOKED)

  /// The kernel's sentence for this number, in English whatever the locale (`strerror_l(3)`).
  public var explanation: [UInt8] {
    guard let text = unsafe clinux_error_text(rawValue) else { return Array("unknown error".utf8) }
    return unsafe bytes(ofCString: text)
  }
}

/// The bytes before the NUL.
package func bytes(ofCString text: UnsafePointer<CChar>) -> [UInt8] {
  // SAFETY: the caller's text ends in NUL.
  unsafe [UInt8](UnsafeBufferPointer(start: UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self), count: strlen(text)))
}

/// The result of a call that answers -1 and sets errno, or its errno as an error. Interrupted calls are made again.
package func retrying(_ call: () -> Int) throws(Errno) -> Int {
  while true {
    let result = call()
    if result >= 0 { return result }
    let error = Errno.last
    if error != .interrupted { throw error }
  }
}

/// A copy of `bytes` that ends in NUL, for a system call. Bytes with a NUL inside never get here: paths are checked
/// where they enter (settings, arguments), and names that the kernel lists cannot hold one.
package func withCString<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
  unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count + 1) { copy in
    // SAFETY: there is room for the bytes and the NUL, so the base address is not nil; CChar and UInt8 share a layout.
    let end = unsafe copy.initialize(fromContentsOf: bytes)
    unsafe copy.initializeElement(at: end, to: 0)
    return unsafe body(UnsafeRawPointer(copy.baseAddress!).assumingMemoryBound(to: CChar.self))
  }
}
