import RootlessStorage
import Testing

@testable import rootless_storage

@Suite struct MountPathsTests {
  private let mountinfo = bytes(
    """
    20 1 8:1 / / rw - ext4 /dev/sda1 rw
    21 20 8:2 / /data rw - ext4 /dev/sda2 rw
    22 20 8:2 /tmp /tmp rw - ext4 /dev/sda2 rw
    23 20 8:2 /tmp/a\\040b /home/alice/.local rw - ext4 /dev/sda2 rw
    24 20 0:30 / /run rw - tmpfs tmpfs rw
    25 20 8:1 /srv/x /mnt rw - ext4 /dev/sda1 rw

    """)

  private func others(_ mount: UInt64, _ path: String) -> [String] {
    pathsByOtherMounts(ofMount: mount, at: Path(path), mountinfo).map { shown($0) }
  }

  @Test func `a directory is found by other mounts of its file system, and by no other's`() {
    #expect(others(21, "/data/tmp/a b/c") == ["/tmp/a b/c", "/home/alice/.local/c"])
    #expect(others(22, "/tmp/x") == ["/data/tmp/x"])
    #expect(others(23, "/home/alice/.local") == ["/data/tmp/a b", "/tmp/a b"])
    #expect(others(20, "/srv/x") == ["/mnt"] && others(20, "/srv/xy") == [])
    #expect(others(25, "/mnt/y") == ["/srv/x/y"])
    #expect(others(24, "/run/user") == [])
  }

  @Test func `what is not in the mount, or in no mount, has no other path`() {
    #expect(others(21, "/elsewhere") == [] && others(99, "/data") == [])
  }
}
