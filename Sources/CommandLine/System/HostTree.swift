import RootlessStorage

/// Why a file of this host's configuration was not read.
enum ReadError: Error, Equatable, Sendable {
  case missing
  /// Whoever runs this may not; root may.
  case denied
  case notRegular
  case tooLarge
  case failed(errno: Int32)

  fileprivate init(_ cause: Errno) {
    switch cause {
    case .noEntry, .notDirectory: self = .missing
    case .accessDenied, .notPermitted: self = .denied
    default: self = .failed(errno: cause.rawValue)
    }
  }

  /// For a sentence: `/etc/f ` and this.
  var explanation: String {
    switch self {
    case .missing: "does not exist"
    case .denied: "cannot be read by this user"
    case .notRegular: "is not a regular file"
    case .tooLarge: "is too large"
    case .failed(let number): "cannot be read (\(shown(Errno(number).explanation)))"
    }
  }
}

/// Where this host's own files lie: at `/`, or in a tree that stands for another host.
///
/// They are read with the caller's rights. Nothing here waits: a FIFO in the place of a file is refused.
struct HostTree: Sendable {
  static let this = HostTree("/")

  /// What stands before every path; empty for the host itself.
  private let prefix: Path
  /// Contents that stand for those of the files of these paths.
  private var replaced: [Path: [UInt8]] = [:]
  /// A file of configuration is never larger than this, unless its reader says otherwise.
  static let largestFile = 1 << 20

  init(_ root: Path) { prefix = root == "/" ? "" : root }

  /// Where a path of the host lies.
  func resolve(_ path: Path) -> Path { isThisHost ? path : Path(prefix.bytes + path.bytes) }

  /// A path in the tree as the host itself calls it.
  func onHost(_ path: Path) -> Path {
    !isThisHost && begins(path.bytes, with: prefix.bytes) ? Path(Array(path.bytes.dropFirst(prefix.bytes.count))) : path
  }
  /// It is the host itself.
  var isThisHost: Bool { prefix.isEmpty }

  /// The same host, if the file had this content.
  func replacing(_ path: Path, with content: [UInt8]) -> HostTree {
    var other = self
    other.replaced[path] = content
    return other
  }

  /// The content of a regular file. Symbolic links in the last component are followed inside the tree.
  func read(_ path: Path, limit: Int = largestFile) throws(ReadError) -> [UInt8] {
    do throws(Errno) {
      let place = try resolved(path)
      if let content = replaced[place] { return content }
      let file = try open(path: resolve(place), .reading)
      guard try fileStatus(of: file).kind == .regular else { throw .invalid }
      let content = try readAll(file, limit: limit, chunk: 65536)
      if content.count <= limit { return content }
    } catch {
      throw error == .invalid ? .notRegular : ReadError(error)
    }
    throw .tooLarge
  }

  /// The first number in a file of the kernel's below /proc/sys; nil also if there is no such file.
  func number(_ path: Path) -> UInt64? {
    guard let content = try? read(path, limit: 4096) else { return nil }
    return decimalValue(content.prefix { isDigit($0) })
  }

  /// What bears the name, through symbolic links; nil if there is nothing, or no way to tell.
  func status(_ path: Path) -> FileStatus? {
    do throws(Errno) { return try fileStatus(of: try open(path: resolve(try resolved(path)), .pathOnly)) } catch { return nil }
  }

  func exists(_ path: Path) -> Bool { status(path) != nil }

  /// The target of a symbolic link; nil if it is none.
  func link(_ path: Path) -> Path? {
    do throws(Errno) {
      let place = try open(path: resolve(path), .pathOnly)
      return try fileStatus(of: place).kind == .symbolicLink ? try target(ofLink: place) : nil
    } catch { return nil }
  }

  /// The names in a directory in byte order; at most 4,096.
  func names(_ path: Path) throws(ReadError) -> [[UInt8]] {
    do throws(Errno) {
      let directory = try open(path: resolve(path), .directoryFollowing)
      return try RootlessStorage.names(in: directory, limit: 4096).sorted(by: isOrderedBefore)
    } catch { throw ReadError(error) }
  }

  /// Where symbolic links in the last component lead to; the path itself if that cannot be told.
  func real(_ path: Path) -> Path {
    do throws(Errno) { return try resolved(path) } catch { return path }
  }

  /// The path that symbolic links in the last component lead to. In another host's tree the kernel would follow them out of it.
  private func resolved(_ path: Path) throws(Errno) -> Path {
    var path = path
    for _ in 0..<40 {
      guard let target = link(path) else { return path }
      path = target.isAbsolute ? target : path.parent / target
    }
    throw .tooManySymlinks
  }
}

/// What a file of the system's says, or nothing if it cannot be read.
func content(_ path: Path, limit: Int) -> [UInt8] {
  do throws(Errno) {
    let content = try readAll(try open(path: path, .reading), limit: limit, chunk: 65536)
    return content.count <= limit ? content : []
  } catch {
    return []
  }
}
