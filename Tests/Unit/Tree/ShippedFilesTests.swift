import Testing

@testable import RootlessStorage

/// A path in this repository.
private func inRepository(_ path: Path) -> Path { Path(projectDirectory) / path }

private let settingsFile = inRepository("packaging/rootless-storage.conf")
private let skeleton = inRepository("packaging/skel")

@Suite struct ShippedFilesTests {
  private func lines() throws -> [[UInt8]] {
    parts(try readAll(try open(path: settingsFile, .reading), limit: 65536), separator: { $0 == 0x0a })
  }

  @Test
  func `the shipped settings file parses and is the defaults`() throws {
    let reading = try readSettings(settingsFile, trusted: false, MountTable(blockDeviceIsLocal: true))
    #expect(reading.settings == Settings())
    #expect(reading.problems == [])
  }

  @Test
  func `every key stands in the shipped settings file, commented out, with its default`() throws {
    // A setting has no blank after the #, an explanation has.
    let commented = try lines().filter { $0.count > 1 && $0[0] == 0x23 && $0[1] != 0x20 }.map { Array($0.dropFirst()) }
    let keys = commented.map { shown($0.prefix { $0 != 0x20 && $0 != 0x3d }) }
    #expect(
      keys.sorted() == [
        "directory_mode", "exclude_groups", "exclude_users", "guarded_directories", "network_filesystems", "occupied", "orphan_days",
        "reserved_ids", "skel", "storage_directory", "storage_quota", "storage_quota_groups", "storage_quota_inodes",
        "storage_quota_inodes_groups", "storage_quota_project_base", "subid_count", "subid_max", "subid_min", "subid_scheme", "subids",
        "uid_max", "uid_min",
      ])
    // Those have no default, or have it in another file.
    let examples: [[UInt8]] = ["exclude_", "guarded_directories", "uid_max", "reserved_ids", "subid_min", "subid_max", "subid_count"]
    for line in commented {
      if !examples.contains(where: { begins(line, with: $0) }) { #expect(SettingsParser(line).settings == Settings(), "\(shown(line))") }
      #expect(SettingsParser(line).problems == [], "\(shown(line))")
    }
  }

  @Test
  func `the shipped skeleton is the two files of the contract`() throws {
    let reader = try SkeletonReader(skeleton, trusted: false, MountTable(blockDeviceIsLocal: true))
    #expect(reader.warnings == [])
    #expect(reader.files.map { shown($0.path) } == [".config/containers/storage.conf", ".config/docker/daemon.json"])
    let texts = reader.files.compactMap { $0.rendered(for: account(), storage: "/var/tmp/alice").map(shown) }
    let podman = """
      # Created at login by pam_rootless_storage because this home is on a network file system.
      # Edit it as you like: it is never overwritten. Deleted, it returns at the next login.
      [storage]
      driver = "overlay"
      graphroot = "/var/tmp/alice/containers/storage"

      """
    #expect(texts == [podman, "{ \"data-root\": \"/var/tmp/alice/docker\" }\n"])
    #expect(reader.files.allSatisfy { $0.mode == 0o644 && $0.ownStore != nil })
  }

  @Test
  func `the units end, and ageing spares its trash and nothing that somebody else can make`() throws {
    func content(_ path: Path) throws -> [[UInt8]] {
      parts(try readAll(try open(path: inRepository(path), .reading), limit: 65536), separator: { $0 == 0x0a })
    }
    #expect(try content("packaging/systemd/rootless-storage-prune.service").contains("TimeoutStartSec=6h"))
    #expect(try content("packaging/systemd/rootless-storage-check.service").contains("TimeoutStartSec=6h"))
    let lines = try content("packaging/tmpfiles.d/rootless-storage.conf").filter { !$0.isEmpty && $0.first != 0x23 }
    #expect(
      lines == [
        "x /var/tmp/*/containers", "x /var/tmp/*/docker", "x /var/tmp/.rootless-storage.prune.*",
        "d /run/rootless-storage 0755 root root -", "d /var/lib/rootless-storage 0755 root root -",
      ])
  }
}
