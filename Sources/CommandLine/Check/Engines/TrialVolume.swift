import RootlessStorage

/// A directory in the user's home, which a container gets as a volume. It is there for as long as anything of the trial may be: a trial
/// that finds one looks for what an earlier one has left, and no other trial has to start the engine for that.
///
/// The process is the user. The home is opened once.
struct TrialVolume: ~Copyable {
  let path: Path
  /// An earlier trial has left it.
  let wasThere: Bool
  private let name: [UInt8]
  private let home: FileDescriptor
  private let directory: FileDescriptor

  init(_ engine: EngineReport.Engine, home path: Path, owner: UInt32) throws(Errno) {
    // Hosts share the home.
    let host = hostName().filter { isDigit($0) || isUppercase($0) || isLowercase($0) || $0 == .hyphen || $0 == .dot }
    let name = Array(".rootless-storage-verify-\(engine.rawValue)-".utf8) + host.prefix(64)
    let home = try open(path: path, .directoryFollowing)
    var wasThere = false
    do throws(Errno) { try makeNamedDirectory(at: home, name, mode: 0o700) } catch {
      if error != .exists { throw error }
      wasThere = true
    }
    let directory = try open(at: home, name, .directory)
    if try fileStatus(of: directory).owner != owner { throw .notPermitted }
    try TrialVolume.empty(directory)
    self.path = path / name
    self.wasThere = wasThere
    self.name = name
    self.home = home
    self.directory = directory
  }

  /// - Returns: what is wrong with what the container wrote; nil: it is the user's, and says that the files of the image have the owners
  ///   that they were given.
  func fault(owner: UInt32) -> String? {
    do throws(Errno) {
      let file = try open(at: directory, Array(ProbeProgram.written.utf8), .reading)
      let status = try syncedStatus(of: file)
      if status.kind != .regular { return "what the container wrote into the home is not there as it was written" }
      if status.owner != owner {
        return "a file that the container's root wrote into the home belongs to uid \(status.owner) outside, and not to \(owner)"
      }
      guard let owners = ProbeProgram.owners(in: try readAll(file, limit: 4096)) else {
        return "what the container wrote into the home is not there as it was written"
      }
      for (seen, file) in zip(owners, ProbeProgram.owners) where seen.owner != file.owner || seen.group != file.group {
        return "the image's file of \(file.owner):\(file.group) belongs to \(seen.owner):\(seen.group) in the container"
      }
      return nil
    } catch {
      return "the file that the container wrote into the home cannot be read: \(text(error))"
    }
  }

  func remove() throws(Errno) {
    try TrialVolume.empty(directory)
    try removeEmptyDirectory(at: home, name)
  }

  private static func empty(_ directory: borrowing FileDescriptor) throws(Errno) {
    do throws(Errno) { try unlink(at: directory, Array(ProbeProgram.written.utf8)) } catch { if error != .noEntry { throw error } }
  }
}
