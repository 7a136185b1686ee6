/// What kept /etc/subuid and /etc/subgid from being changed.
public enum SubordinateIDFailure: Equatable, Sendable {
  public enum Unfit: Equatable, Sendable { case symbolicLink, notRegular, notRoots, tooLarge }

  case way(PathError)
  case unfit(file: [UInt8], Unfit)
  /// `since`: when the process started, in seconds since the epoch.
  case locked(file: [UInt8], process: UInt32?, since: Int64?)
  /// It could be ended or starved by what it has from whoever started it, and so takes no lock.
  case hindered(Hindrance, Errno)
  /// Relative to /etc.
  case failed(file: [UInt8], Errno)
}
