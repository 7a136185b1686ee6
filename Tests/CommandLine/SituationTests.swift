import Foundation
import TestSupport
import Testing

/// Every finding of a user's produced by a real situation, and fixed by repair where that is promised, after which check is silent.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct SituationTests {
  struct Situation: Sendable, CustomTestStringConvertible {
    let what: String
    /// As root, where everything was good before.
    let script: String
    let codes: [String]
    var isRepairable = true
    /// Holds after the repair, or after repair has left it alone.
    var after = "true"
    var settings = "network_filesystems = ramfs"
    /// Stands in what check finds.
    var says = ""
    var testDescription: String { what }
  }

  static let conf = "/home/alice/.config/containers/storage.conf"
  static let daemon = "/home/alice/.config/docker/daemon.json"
  /// Writes a file of alice's.
  private static func put(_ path: String, _ text: String) -> String {
    "cat > \(path) <<'END'\n\(text)\nEND\nchown 4001:4001 \(path)"
  }
  /// Writes a file of root's, with the directories on its way.
  private static func site(_ path: String, _ text: String) -> String {
    "mkdir -p $(dirname \(path)); cat > \(path) <<'END'\n\(text)\nEND"
  }
  /// Something that bears the marks of a podman by which its generation is known: no engine, which nothing here runs.
  private static func podman(_ marks: String) -> String {
    "mkdir -p /etc/containers; echo '{ \"default\": [{ \"type\": \"reject\" }] }' > /etc/containers/policy.json; mount -t tmpfs -o mode=755 none /usr/local/bin; printf '\\177ELF containers/storage \(marks)' > /usr/local/bin/podman; chmod 755 /usr/local/bin/podman\n"
  }
  /// The same of a dockerd.
  private static func dockerd(_ marks: String) -> String {
    "mount -t tmpfs -o mode=755 none /usr/local/bin; printf '\\177ELF \(marks)' > /usr/local/bin/dockerd; chmod 755 /usr/local/bin/dockerd\n"
  }
  private static let docker20 = dockerd("config.ParseClusterAdvertiseSettings")
  private static let docker23 = dockerd("config.MaskCredentials")
  private static let oldest = podman("")
  private static let lenient = podman("LookupAdditionalLayer")
  private static let early = podman("LookupAdditionalLayer types.loadDefaultStoreOptions")
  private static let single = podman("libpod.(*SQLiteState)")
  private static let merging = podman("libpod.(*SQLiteState) storage/pkg/configfile")
  private static let home = "[storage]\ngraphroot = \"/home/alice/store\""
  private static let own = "/home/alice/.config/containers"
  /// A drop-in file, or another file, of alice's.
  private static func mine(_ path: String, _ text: String) -> String {
    "install -d -o 4001 -g 4001 $(dirname \(own)/\(path)); \(put("\(own)/\(path)", text))"
  }
  private static let goodDriver = "[storage]\ndriver = \"overlay\"\n"
  private static let goodRoot = "graphroot = \"/var/tmp/alice/containers/storage\""

  private static let store = "/var/tmp/alice/containers/storage"
  /// An additional image store of root's, with one image and one layer, and the lines that list it.
  private static let siteStore = """
    mkdir -p /var/tmp/site/overlay/one/diff /var/tmp/site/overlay-images /var/tmp/site/overlay-layers
    touch /var/tmp/site/overlay-images/images.lock /var/tmp/site/overlay-layers/layers.lock
    for list in images layers; do echo '[{"id":"one"}]' > /var/tmp/site/overlay-$list/$list.json; done

    """
  private static let readOnly = "mount --bind /var/tmp/site /var/tmp/site; mount -o remount,bind,ro /var/tmp/site\n"
  private static let listed = put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionalimagestores = [\"/var/tmp/site\"]") + "\n"
  private static let program = "printf '[storage.options.overlay]\\nmount_program = \"/bin/true\"\\n' >> \(conf)"
  /// Podman's database since 4.8, with what counts of its table.
  private static func database(_ runroot: String, _ more: String = "") -> String {
    """
    install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store)
    python3 - \(store) <<'END'
    import sqlite3, sys
    store = sys.argv[1]
    database = sqlite3.connect(store + "/db.sql")
    database.executescript("CREATE TABLE DBConfig (Id INTEGER PRIMARY KEY, SchemaVersion INTEGER, Os TEXT, StaticDir TEXT, TmpDir TEXT, GraphRoot TEXT, RunRoot TEXT, GraphDriver TEXT, VolumeDir TEXT); CREATE TABLE ContainerConfig (Id TEXT)")
    database.execute("INSERT INTO DBConfig (Id, StaticDir, GraphRoot, RunRoot, GraphDriver) VALUES (1, ?, ?, ?, 'overlay')", (store + "/libpod", store, "\(runroot)"))
    database.commit()
    database.executescript("\(more)")
    database.close()
    END
    chown 4001 \(store)/db.sql
    """
  }

  private static let listCut =
    "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store) \(store)/overlay-images; echo '[{' > \(store)/overlay-images/images.json; chown 4001 \(store)/overlay-images/images.json"
  /// The database of Podman before 4.8, as far as anybody looks.
  private static let bolt = """
    install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store) \(store)/libpod
    head -c 16 /dev/zero > \(store)/libpod/bolt_state.db; printf '\\355\\332\\014\\355' >> \(store)/libpod/bolt_state.db; head -c 8192 /dev/zero >> \(store)/libpod/bolt_state.db
    chown 4001:4001 \(store)/libpod/bolt_state.db
    """

  private static let runtime = "install -d -m 700 -o 4001 -g 4001 /run/user/4001 /run/user/4001/libpod /run/user/4001/libpod/tmp; "
  private static func pause(_ command: String) -> String {
    "\(runtime)\(command) > /run/user/4001/libpod/tmp/pause.pid; chown 4001:4001 /run/user/4001/libpod/tmp/pause.pid"
  }
  private static func inRuntime(_ command: String) -> String {
    "\(runtime)cd /run/user/4001; \(command); chown -Rh 4001:4001 .; cd /"
  }
  private static func inPodman(_ directory: String) -> String {
    "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store) \(store)/\(directory); "
  }
  private static func backend(_ command: String) -> String {
    inPodman("") + "\(command) > \(store)/defaultNetworkBackend; chown 4001 \(store)/defaultNetworkBackend"
  }
  private static func mountProgram(_ word: String) -> String {
    inPodman("overlay") + "printf \(word) > \(store)/overlay/.has-mount-program; chown 4001 \(store)/overlay/.has-mount-program"
  }
  /// More than is read.
  private static func longList(_ end: String) -> String {
    inPodman("overlay-images")
      + "{ printf '[{}'; yes ',{}' | head -n 500000 | tr -d '\\n'; \(end.isEmpty ? ":" : end); } > \(store)/overlay-images/images.json; chown 4001 \(store)/overlay-images/images.json"
  }
  private static let data = "/var/tmp/alice/docker"
  private static func inDocker(_ path: String) -> String { "mkdir -p \(data)/\(path); chown -R 4001:4001 \(data); " }
  private static func nulls(_ directory: String, _ name: String) -> String {
    inDocker(directory) + "head -c 65536 /dev/zero > \(data)/\(directory)/\(name); chown 4001 \(data)/\(directory)/\(name)"
  }

  /// A drop-in for docker that all users' managers read.
  private static func unit(_ directory: String, _ command: String) -> String {
    "mkdir -p \(directory)/systemd/user/docker.service.d; printf '[Unit]\\nExecStart=/no\\n[Service]\\n# --data-root /no\\nExecStart=\\nExecStart=%s\\n' '\(command.replacing("'", with: "\""))' > \(directory)/systemd/user/docker.service.d/x.conf\n"
  }

  /// Below /var/tmp/aged what is old is removed, by systemd-tmpfiles or by a job of cron's, or at every boot.
  private static let aged = "mkdir /var/tmp/aged; mount -t tmpfs -o size=3g,mode=755 none /var/tmp/aged; "
  private static let ages = aged + "mkdir -p /etc/tmpfiles.d; echo 'd /var/tmp/aged 755 root root 10d' > /etc/tmpfiles.d/aged.conf\n"
  private static let cleans =
    aged + "mkdir -p /etc/cron.daily; printf '#!/bin/sh\\n/usr/sbin/tmpwatch 10d /var/tmp/aged\\n' > /etc/cron.daily/tmpwatch\n"
  private static let empties = aged + "mkdir -p /etc/tmpfiles.d; echo 'D /var/tmp/aged 755 root root -' > /etc/tmpfiles.d/aged.conf\n"
  /// A directory of alice's below /var/tmp.
  private static func ownDirectory(_ name: String) -> String { "install -d -m 700 -o 4001 -g 4001 /var/tmp/\(name)\n" }
  private static func mounted(_ option: String) -> String {
    "rm -r /var/tmp/alice; mkdir /var/tmp/alice; mount -t tmpfs -o \(option),size=3g,mode=700,uid=4001,gid=4001 none /var/tmp/alice"
  }
  private static let full =
    "mount -t tmpfs -o size=64k,mode=700,uid=4001 none /var/tmp/small; head -c 64k /dev/zero > /var/tmp/small/all || true\n"
  private static let overlay =
    "mount -t tmpfs none /mnt; mkdir /mnt/l /mnt/u /mnt/w; mount -t overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w none /var/tmp/o; install -d -o 4001 /var/tmp/o/s\n"
  /// A symbolic link or a mount in the place of an engine's store.
  private static func linked(_ store: String, to target: String) -> String {
    "install -d -o 4001 /home/alice/.local /home/alice/.local/share; ln -s \(target) /home/alice/.local/share/\(store); chown -h 4001 /home/alice/.local/share/\(store)\n"
  }
  private static func bound(_ store: String, from source: String) -> String {
    "install -d -o 4001 /home/alice/.local /home/alice/.local/share /home/alice/.local/share/\(store); mount --bind \(source) /home/alice/.local/share/\(store)\n"
  }
  /// A file system in a file, mounted in the place of Podman's store. By itself the file is on a network file system.
  ///
  /// - Parameter lock: a lock of the file is held by the loop device, until that goes with the mount.
  private static func image(_ directory: String = "/mnt", lock: Bool) -> String {
    """
    [ \(directory) != /mnt ] || mount -t ramfs none /mnt
    truncate -s 400M \(directory)/i; mkfs.ext4 -q -E root_owner=4001:4001,lazy_itable_init=0 \(directory)/i; chown 4001 \(directory)/i
    install -d -o 4001 /home/alice/.local /home/alice/.local/share /home/alice/.local/share/containers
    python3 - <<'END'
    import errno, fcntl, os, struct, sys
    file = os.open("\(directory)/i", os.O_RDWR)
    # F_OFD_SETLK. Here that is what others see of a lock as they see another host's on NFS.
    if \(lock ? 1 : 0): fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    # LOOP_CTL_GET_FREE, LOOP_SET_FD, LOOP_SET_STATUS64 with LO_FLAGS_AUTOCLEAR.
    control = os.open("/dev/loop-control", os.O_RDWR)
    while True:
      name = "/dev/loop%d" % fcntl.ioctl(control, 0x4C82)
      device = os.open(name, os.O_RDWR)
      try:
        fcntl.ioctl(device, 0x4C00, file)
        break
      except OSError as error:
        if error.errno != errno.EBUSY: raise
    fcntl.ioctl(device, 0x4C04, struct.pack("=5Q4I64s64s32s2Q", 0, 0, 0, 0, 0, 0, 0, 0, 4, b"", b"", b"", 0, 0))
    sys.exit(os.system("mount -o nosuid,nodev " + name + " /home/alice/.local/share/containers") >> 8)
    END

    """
  }

  static let situations: [Situation] = [
    // The storage directory
    .init(
      what: "no storage directory", script: "rm -r /var/tmp/alice", codes: ["storage-missing"],
      after: "test $(stat -c %U:%a /var/tmp/alice) = alice:700"),
    .init(
      what: "somebody else's directory in its place",
      script: "rm -r /var/tmp/alice; install -d -m 755 -o 4002 -g 4002 /var/tmp/alice; touch /var/tmp/alice/trap",
      codes: ["storage-occupied"],
      after:
        "test $(stat -c %U:%a /var/tmp/alice) = alice:700; test $(ls /var/tmp/alice | wc -l) = 2; test $(stat -c %U /var/tmp/.alice.replaced-*/trap) = root; test $(stat -c %U /var/tmp/.alice.replaced-*) = mallory"
    ),
    .init(
      what: "a symbolic link in its place", script: "rm -r /var/tmp/alice; ln -s /etc /var/tmp/alice; chown -h 4002 /var/tmp/alice",
      codes: ["storage-occupied"],
      after:
        "test $(stat -c %U:%a:%F /var/tmp/alice) = 'alice:700:directory'; test $(readlink /var/tmp/.alice.replaced-*) = /etc; test $(stat -c %U /etc) = root"
    ),
    .init(
      what: "a dangling link in its place", script: "rm -r /var/tmp/alice; ln -s /nowhere /var/tmp/alice; chown -h 4002 /var/tmp/alice",
      codes: ["storage-occupied"],
      after: "test -d /var/tmp/alice; test ! -e /nowhere"),
    .init(
      what: "a symbolic link of root's in its place", script: "rm -r /var/tmp/alice; ln -s /nowhere /var/tmp/alice",
      codes: ["storage-occupied"], isRepairable: false, after: "test -L /var/tmp/alice; test ! -e /nowhere"),
    .init(
      what: "a directory of root's in its place", script: "rm -r /var/tmp/alice; mkdir /var/tmp/alice", codes: ["storage-occupied"],
      isRepairable: false, after: "test $(stat -c %u /var/tmp/alice) = 0"),
    .init(
      what: "open to others, who may be meant to write there",
      script: "install -d -o 4001 /var/tmp/alice/dataset; chmod 775 /var/tmp/alice", codes: ["storage-open"], isRepairable: false,
      after: "test $(stat -c %a /var/tmp/alice) = 775"),
    .init(
      what: "a FIFO in its place", script: "rm -r /var/tmp/alice; mkfifo /var/tmp/alice; chown 4002 /var/tmp/alice",
      codes: ["storage-occupied"], after: "test -d /var/tmp/alice; test -p /var/tmp/.alice.replaced-*"),
    .init(
      what: "a file in its place", script: "rm -r /var/tmp/alice; echo mine > /var/tmp/alice", codes: ["storage-occupied"],
      after: "test -d /var/tmp/alice; grep mine /var/tmp/.alice.replaced-*"),
    .init(
      what: "a mount in its place", script: "mount -t tmpfs none /var/tmp/alice", codes: ["storage-occupied"], isRepairable: false,
      after: "mountpoint -q /var/tmp/alice"),
    .init(
      what: "open to others", script: "chmod 777 /var/tmp/alice", codes: ["storage-open", "storage-mode"],
      after: "test $(stat -c %a /var/tmp/alice) = 711"),
    .init(
      what: "readable by others", script: "chmod 755 /var/tmp/alice", codes: ["storage-mode"],
      after: "test $(stat -c %a /var/tmp/alice) = 711"),
    .init(
      what: "closed to its owner", script: "chmod 000 /var/tmp/alice", codes: ["storage-mode"],
      after: "test $(stat -c %a /var/tmp/alice) = 700"),
    .init(
      what: "open to others, and somebody was there",
      script: "chmod 777 /var/tmp/alice; touch /var/tmp/alice/trap; chown 4002 /var/tmp/alice/trap",
      codes: ["storage-tampered"], isRepairable: false, after: "test -e /var/tmp/alice/trap"),
    .init(what: "below a way that others can change", script: "chmod 777 /var/tmp", codes: ["storage-way"], isRepairable: false),
    .init(
      what: "on a network file system", script: "echo 'network_filesystems = ramfs tmpfs' > /etc/rootless-storage/rootless-storage.conf",
      codes: ["storage-network"],
      isRepairable: false),
    .init(what: "a mount with noexec", script: "mount -o remount,noexec /var/tmp", codes: ["storage-noexec"], isRepairable: false),
    .init(what: "a mount of the user's own with nosuid", script: mounted("nosuid"), codes: ["storage-nosuid"], isRepairable: false),
    .init(
      what: "a mount of the user's own with nodev, which is only noted", script: mounted("nodev"), codes: ["storage-nodev"],
      isRepairable: false),
    .init(
      what: "little space on a mount of the user's own",
      script: "rm -r /var/tmp/alice; mkdir /var/tmp/alice; mount -t tmpfs -o size=1500m,mode=700,uid=4001,gid=4001 none /var/tmp/alice",
      codes: ["storage-space"],
      isRepairable: false),
    .init(
      what: "readable by others, who may be meant to read there",
      script: "chmod 755 /var/tmp/alice; install -d -o 4001 /var/tmp/alice/dataset", codes: ["storage-mode"], isRepairable: false,
      after: "test $(stat -c %a /var/tmp/alice) = 755"),
    .init(
      what: "a directory of root's in the way of the files", script: "rm -r /home/alice/.config; install -d -m 755 /home/alice/.config",
      codes: ["file-blocked"], isRepairable: false),
    .init(
      what: "on overlay",
      script:
        "mount -t tmpfs none /mnt; mkdir /mnt/u /mnt/w; mount -t overlay -o lowerdir=/var/tmp,upperdir=/mnt/u,workdir=/mnt/w none /var/tmp",
      codes: ["storage-file-system"], isRepairable: false),
    .init(
      what: "on overlay, where a program mounts Podman's",
      script:
        "mount -t tmpfs none /mnt; mkdir /mnt/u /mnt/w; mount -t overlay -o lowerdir=/var/tmp,upperdir=/mnt/u,workdir=/mnt/w none /var/tmp\n"
        + program, codes: [], isRepairable: false),
    .init(
      what: "on overlay, with the driver vfs",
      script:
        "mount -t tmpfs none /mnt; mkdir /mnt/u /mnt/w; mount -t overlay -o lowerdir=/var/tmp,upperdir=/mnt/u,workdir=/mnt/w none /var/tmp\n"
        + put(conf, "[storage]\ndriver = \"vfs\"\n" + goodRoot), codes: [], isRepairable: false),

    // storage.conf
    .init(what: "no storage.conf", script: "rm \(conf)", codes: ["storage-conf-missing"], after: "grep -q graphroot \(conf)"),
    .init(what: "no daemon.json", script: "rm \(daemon)", codes: ["daemon-json-missing"], after: "grep -q data-root \(daemon)"),
    .init(
      what: "nothing at all", script: "rm -r /home/alice/.config /var/tmp/alice",
      codes: ["storage-missing", "storage-conf-missing", "daemon-json-missing"]),
    .init(
      what: "another file of the skeleton missing",
      script: "mkdir -p /etc/rootless-storage/skel/.config/nerdctl; echo x > /etc/rootless-storage/skel/.config/nerdctl/nerdctl.toml",
      codes: ["file-missing"], after: "test -f /home/alice/.config/nerdctl/nerdctl.toml"),
    .init(
      what: "a file where a directory should be",
      script: "rm -r /home/alice/.config; echo mine > /home/alice/.config; chown 4001 /home/alice/.config", codes: ["file-blocked"],
      isRepairable: false, after: "grep -q mine /home/alice/.config"),
    .init(
      what: "invalid TOML", script: put(conf, "[storage\ngraphroot = "), codes: ["storage-conf-invalid"],
      after:
        "grep -q '\(goodRoot)' \(conf); grep -q '^graphroot = $' \(conf).*.bak; test $(stat -c %U \(conf) \(conf).*.bak | sort -u) = alice"),
    .init(
      what: "storage.conf is no text", script: "head -c 300 /dev/urandom > \(conf)", codes: ["storage-conf-invalid"],
      after: "test $(stat -c %s \(conf).*.bak) = 300"),
    .init(
      what: "storage.conf a dangling link", script: "ln -sf /nowhere \(conf); chown -h 4001 \(conf)", codes: ["storage-conf-unreadable"],
      isRepairable: false, after: "test $(readlink \(conf)) = /nowhere"),
    .init(
      what: "storage.conf a directory", script: "rm \(conf); mkdir \(conf); chown 4001 \(conf)", codes: ["storage-conf-unreadable"],
      isRepairable: false),
    .init(
      what: "storage.conf a FIFO", script: "rm \(conf); mkfifo \(conf); chown 4001 \(conf)", codes: ["storage-conf-unreadable"],
      isRepairable: false),
    .init(what: "storage.conf not readable", script: "chmod 000 \(conf)", codes: ["storage-conf-unreadable"], isRepairable: false),
    .init(
      what: "graphroot in the home",
      script: put(conf, "# mine\n[storage]\n  driver = \"overlay\"   # keep\n  graphroot = \"/home/alice/images\" # there\nunknown = 1\n"),
      codes: ["graphroot-network"],
      after:
        "grep -qx '  \(goodRoot) # there' \(conf); grep -qx '# mine' \(conf); grep -q '\"overlay\"   # keep' \(conf); grep -q 'unknown = 1' \(conf); grep -q /home/alice/images \(conf).*.bak"
    ),
    .init(
      what: "graphroot in the home through a link",
      script: "ln -s /home/alice /var/tmp/way; chown -h 4001 /var/tmp/way; "
        + put(conf, goodDriver + "graphroot = \"/var/tmp/way/images\""),
      codes: ["graphroot-network"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(what: "no graphroot", script: put(conf, goodDriver), codes: ["graphroot-missing"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "an empty storage.conf", script: put(conf, ""), codes: ["graphroot-missing", "driver-missing"],
      after: "grep -q '\(goodRoot)' \(conf); test $(ls -d \(conf).*.bak | wc -l) = 1"),
    .init(
      what: "graphroot that cannot be made", script: put(conf, goodDriver + "graphroot = \"/scratch/alice\""), codes: ["graphroot-missing"],
      after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "graphroot of somebody else's",
      script: "install -d -m 777 -o 4002 /var/tmp/theirs; " + put(conf, goodDriver + "graphroot = \"/var/tmp/theirs\""),
      codes: ["graphroot-foreign"],
      after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "graphroot with a variable", script: put(conf, goodDriver + "graphroot = \"/var/tmp/$USER/containers/storage\""),
      codes: ["graphroot-variable"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "graphroot that is no text", script: put(conf, goodDriver + "graphroot = 7"), codes: ["storage-conf-invalid"],
      after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "the storage directory was moved since",
      script: "echo 'storage_directory = /var/tmp/rootless-$UID' >> /etc/rootless-storage/rootless-storage.conf",
      codes: ["storage-missing", "graphroot-stale", "data-root-stale"],
      after:
        "grep -qx 'graphroot = \"/var/tmp/rootless-4001/containers/storage\"' \(conf); grep -q '\"/var/tmp/rootless-4001/docker\"' \(daemon); test -d /var/tmp/alice"
    ),
    .init(
      what: "rootless_storage_path in place of graphroot",
      script: "install -d -o 4001 /var/tmp/mine; " + put(conf, goodDriver + "rootless_storage_path = \"/var/tmp/mine\""),
      codes: ["rootless-storage-path"],
      after: "grep -q '^graphroot = \"/var/tmp/mine\"' \(conf)"),
    .init(
      what: "rootless_storage_path in the home", script: put(conf, goodDriver + "rootless_storage_path = \"/home/alice/images\""),
      codes: ["graphroot-network"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "both", script: put(conf, goodDriver + goodRoot + "\nrootless_storage_path = \"/home/alice/images\" # gone"),
      codes: ["rootless-storage-path"],
      after: "grep -q '\(goodRoot)' \(conf); if grep -q rootless \(conf); then exit 1; fi"),
    .init(
      what: "no driver", script: put(conf, "[storage]\n" + goodRoot), codes: ["driver-missing"],
      after: "grep -q 'driver = \"overlay\"' \(conf)"),
    .init(
      what: "the driver vfs", script: put(conf, "[storage]\ndriver = \"vfs\" # slow\n" + goodRoot), codes: ["driver-vfs"],
      after: "grep -qx 'driver = \"overlay\" # slow' \(conf)"),
    .init(
      what: "the driver vfs with images in it",
      script:
        "install -d -o 4001 /var/tmp/alice/containers /var/tmp/alice/containers/storage /var/tmp/alice/containers/storage/vfs-images; "
        + put(conf, "[storage]\ndriver = \"vfs\"\n" + goodRoot), codes: ["driver-vfs"], isRepairable: false),
    .init(
      what: "somebody else's runroot",
      script: put(conf, goodDriver + goodRoot + "\nrunroot = \"/run/containers/storage\"\n[storage.options]\nmount_program = \"\""),
      codes: ["runroot-unusable"],
      after: "if grep -q runroot \(conf); then exit 1; fi; grep -q mount_program \(conf)"),
    .init(
      what: "Podman has recorded that overlay does not work",
      script:
        "d=/run/user/4001/containers/overlay; install -d -m 700 -o 4001 -g 4001 /run/user/4001 /run/user/4001/containers $d; touch -d yesterday $d/overlay-false; chown 4001 $d/overlay-false; sleep 1.1; chmod 711 /var/tmp/alice",
      codes: ["overlay-record"], after: "test ! -e /run/user/4001/containers/overlay/overlay-false"),
    .init(
      what: "Podman has recorded it of a store in the home",
      script: put(conf, goodDriver + "graphroot = \"/home/alice/store\"")
        + "\nsleep 1.1; d=/run/user/4001/containers/overlay; install -d -m 700 -o 4001 -g 4001 /run/user/4001 /run/user/4001/containers $d; touch $d/overlay-false; chown 4001 $d/overlay-false",
      codes: ["graphroot-network", "overlay-record"], after: "test ! -e /run/user/4001/containers/overlay/overlay-false"),
    .init(
      what: "a runroot that is no text", script: put(conf, goodDriver + goodRoot + "\nrunroot = 5"), codes: ["storage-conf-invalid"],
      after: "if grep -q runroot \(conf); then exit 1; fi; grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "an unknown driver", script: put(conf, "[storage]\ndriver = \"nonsense\"\n" + goodRoot), codes: ["driver-unknown"],
      after: "grep -q 'driver = \"overlay\"' \(conf)"),
    .init(
      what: "a byte order mark", script: "sed -i '1s/^/\\xef\\xbb\\xbf/' \(conf)", codes: ["storage-conf-invalid"], isRepairable: false),
    .init(
      what: "graphroot that leaves the storage directory",
      script: put(conf, goodDriver + "graphroot = \"/var/tmp/alice/../../../home/alice/store\""), codes: ["graphroot-network"],
      after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "graphroot behind a link to nowhere",
      script:
        "rmdir /var/tmp/alice/containers; ln -s /home/alice/nowhere /var/tmp/alice/containers; chown -h 4001 /var/tmp/alice/containers",
      codes: ["graphroot-missing"], isRepairable: false),
    .init(
      what: "graphroot is the root", script: put(conf, goodDriver + "graphroot = \"/\""), codes: ["graphroot-foreign"],
      after: "grep -q '\(goodRoot)' \(conf); test $(ls \(daemon)* | wc -l) = 1"),
    .init(
      what: "graphroot is the whole storage directory", script: put(conf, goodDriver + "graphroot = \"/var/tmp/alice/\""),
      codes: ["data-root-shared"], after: "grep -q '\(goodRoot)' \(conf); test $(ls \(daemon)* | wc -l) = 1"),
    .init(
      what: "graphroot in a table that is none", script: put(conf, "storage = 5"), codes: ["storage-conf-invalid"], isRepairable: false),
    .init(
      what: "invalid TOML, and data-root where graphroot will be",
      script: put(conf, "[storage") + "\n" + put(daemon, "{ \"data-root\": \"/var/tmp/alice/containers/storage\" }"),
      codes: ["storage-conf-invalid", "data-root-shared"], after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "a graphroot that the user has chosen, which is fine",
      script:
        "install -d -m 755 /var/tmp/srv; install -d -o 4001 /var/tmp/srv/alice; sed -i s,/var/tmp/alice/,/var/tmp/srv/alice/, \(conf)",
      codes: [], isRepairable: false),
    .init(
      what: "options of the site hidden",
      script:
        "mkdir -p /etc/containers; printf '[storage.options]\\nadditionalimagestores = [\"/srv/images\"]\\n' > /etc/containers/storage.conf",
      codes: ["site-options-hidden"],
      isRepairable: false),
    .init(
      what: "storage.conf a link to a file",
      script: "mv \(conf) /home/alice/real; sed -i s,/var/tmp/alice/,/home/alice/, /home/alice/real; ln -s /home/alice/real \(conf)",
      codes: ["graphroot-network"], isRepairable: false, after: "test -L \(conf)"),
    .init(
      what: "storage.conf of root's", script: "sed -i s,/var/tmp/alice/,/home/alice/, \(conf); chown 0 \(conf)",
      codes: ["graphroot-network"], isRepairable: false, after: "test $(stat -c %U \(conf)) = root"),

    // Keys and values of storage.conf that stop an engine, or do not
    .init(
      what: "a driver for another file system", script: put(conf, "[storage]\ndriver = \"btrfs\"\n" + goodRoot), codes: ["driver-unknown"],
      after: "grep -q 'driver = \"overlay\"' \(conf)"),
    .init(
      what: "a driver that is no more", script: put(conf, "[storage]\ndriver = \"aufs\"\n" + goodRoot), codes: ["driver-unknown"],
      after: "grep -q 'driver = \"overlay\"' \(conf)"),
    .init(
      what: "vfs as the first of several drivers",
      script: merging + put(conf, "[storage]\ndriver_priority = [\"vfs\", \"overlay\"]\n" + goodRoot), codes: ["driver-vfs"],
      after: "grep -q 'driver = \"overlay\"' \(conf)"),
    .init(what: "no driver, which Podman 6 takes", script: merging + put(conf, "[storage]\n" + goodRoot), codes: [], isRepairable: false),
    .init(
      what: "options that are no table", script: put(conf, goodDriver + goodRoot + "\noptions = \"x\""), codes: ["storage-conf-invalid"],
      isRepairable: false),
    .init(
      what: "an option without quotes",
      script: put(conf, goodDriver + goodRoot + "\n[storage.options.overlay]\nignore_chown_errors = true"), codes: ["storage-conf-invalid"],
      after: "grep -qx 'ignore_chown_errors = \"true\"' \(conf)"),
    .init(
      what: "a text where true or false belongs", script: single + put(conf, goodDriver + goodRoot + "\ntransient_store = \"true\""),
      codes: ["storage-conf-invalid"], isRepairable: false),
    .init(
      what: "the same, which an old Podman does not look at",
      script: early + put(conf, goodDriver + goodRoot + "\ntransient_store = \"true\""), codes: [], isRepairable: false),
    .init(
      what: "a text where a list belongs",
      script: put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionalimagestores = \"/srv\""), codes: ["storage-conf-invalid"],
      isRepairable: false),
    .init(
      what: "image stores that are not there",
      script: put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionalimagestores = [\"/nowhere\", \"/var/tmp\"]"),
      codes: ["image-store"], isRepairable: false),
    .init(
      what: "an image store that cannot be read",
      script: "install -d -m 700 /var/tmp/closed /var/tmp/closed/ais; "
        + put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionalimagestores = [\"/var/tmp/closed/ais\"]"),
      codes: ["image-store"], isRepairable: false),
    .init(what: "an image store of the site", script: siteStore + listed + program, codes: [], isRepairable: false),
    .init(
      what: "what lies below its mount point", script: siteStore + "rm -r /var/tmp/site/overlay; rm /var/tmp/site/*/*.json\n" + listed,
      codes: [], isRepairable: false),
    .init(
      what: "a store whose images belong to others, without fuse-overlayfs", script: siteStore + listed, codes: ["image-store"],
      isRepairable: false),
    .init(
      what: "one that only root can read", script: siteStore + "chmod 700 /var/tmp/site/overlay-layers\n" + listed + program,
      codes: ["image-store"], isRepairable: false),
    .init(
      what: "one of which root alone can read a list",
      script: siteStore + "chmod 600 /var/tmp/site/overlay-images/images.json\n" + listed + program, codes: ["image-store"],
      isRepairable: false),
    .init(
      what: "one without a lock", script: siteStore + "rm /var/tmp/site/overlay-images/images.lock\n" + listed + program,
      codes: ["image-store"], isRepairable: false),
    .init(
      what: "one without a lock on a mount where nobody can write: Podman passes over it",
      script: single + siteStore + "rm /var/tmp/site/overlay-images/images.lock\n" + readOnly + listed + program,
      codes: ["image-store"], isRepairable: false, after: "'\(Machine.commandLine)' check alice | grep -q 'warning image-store'"),
    .init(
      what: "the same, with an old Podman, which does not",
      script: early + siteStore + "rm /var/tmp/site/overlay-images/images.lock\n" + readOnly + listed + program,
      codes: ["image-store"], isRepairable: false, after: "'\(Machine.commandLine)' check alice | grep -q 'error image-store'"),
    .init(
      what: "one without the lock of its layers there",
      script: single + siteStore + "rm /var/tmp/site/overlay-layers/layers.lock\n" + readOnly + listed + program,
      codes: ["image-store"], isRepairable: false, after: "'\(Machine.commandLine)' check alice | grep -q 'error image-store'"),
    .init(
      what: "one with a damaged list", script: siteStore + "echo '[{' > /var/tmp/site/overlay-layers/layers.json\n" + listed + program,
      codes: ["image-store"], isRepairable: false),
    .init(
      what: "the same of images, with an old Podman",
      script: early + siteStore + "echo '[{' > /var/tmp/site/overlay-images/images.json\n" + listed + program, codes: ["image-store"],
      isRepairable: false),
    .init(
      what: "an image store in the home, which is read alone",
      script: "install -d -o 4001 /home/alice/ais; "
        + put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionalimagestores = [\"/home/alice/ais\"]"),
      codes: [], isRepairable: false),
    .init(
      what: "imagestore in the home", script: single + put(conf, goodDriver + goodRoot + "\nimagestore = \"/home/alice/images\" # mine"),
      codes: ["image-store"],
      after: "if grep -q imagestore \(conf); then exit 1; fi; grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "the same, which an old Podman does not look at either",
      script: early + put(conf, goodDriver + goodRoot + "\nimagestore = \"/home/alice/images\""), codes: [], isRepairable: false),
    .init(
      what: "a mount program that is not there",
      script: put(
        conf, goodDriver + goodRoot + "\n[storage.options.overlay]\nmount_program = \"/usr/bin/no-such-program\"\nmountopt = \"nodev\""),
      codes: ["storage-option"],
      after: "if grep -q mount_program \(conf); then exit 1; fi; grep -q mountopt \(conf)"),
    .init(
      what: "a size for containers", script: put(conf, goodDriver + goodRoot + "\n[storage.options.overlay]\nsize = \"10G\""),
      codes: ["storage-option"], after: "if grep -q size \(conf); then exit 1; fi"),
    .init(
      what: "force_mask alone, with an old Podman",
      script: early + put(conf, goodDriver + goodRoot + "\n[storage.options.overlay]\nforce_mask = \"700\""), codes: ["storage-option"],
      after: "if grep -q force_mask \(conf); then exit 1; fi"),
    .init(
      what: "force_mask alone, with a newer one",
      script: single + put(conf, goodDriver + goodRoot + "\n[storage.options.overlay]\nforce_mask = \"700\""), codes: [],
      isRepairable: false),
    .init(
      what: "graphroot with a comma", script: put(conf, goodDriver + "graphroot = \"/var/tmp/alice/a,b\""), codes: ["storage-path"],
      after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "graphroot in memory",
      script: "install -d -o 4001 -g 4001 /dev/shm/alice; " + put(conf, goodDriver + "graphroot = \"/dev/shm/alice\""),
      codes: ["graphroot-volatile"], isRepairable: false),
    .init(
      what: "graphroot on a tmpfs of its own",
      script: aged + ownDirectory("aged/g") + put(conf, goodDriver + "graphroot = \"/var/tmp/aged/g\""), codes: ["graphroot-volatile"],
      isRepairable: false),
    .init(
      what: "graphroot on a tmpfs of its own, behind a link",
      script: aged + ownDirectory("aged/g") + "ln -s aged /var/tmp/fast\n" + put(conf, goodDriver + "graphroot = \"/var/tmp/fast/g\""),
      codes: ["graphroot-volatile"], isRepairable: false),
    .init(
      what: "graphroot beside the storage directories of a host that has all in memory",
      script: ownDirectory("g") + put(conf, goodDriver + "graphroot = \"/var/tmp/g\""), codes: [], isRepairable: false),
    .init(
      what: "graphroot on a full disk",
      script: "mkdir /var/tmp/small; mount -t tmpfs -o size=20m none /var/tmp/small; chown 4001 /var/tmp/small; "
        + put(conf, goodDriver + "graphroot = \"/var/tmp/small\""), codes: ["graphroot-volatile", "storage-space"],
      isRepairable: false),
    .init(
      what: "graphroot with the uid, which every Podman puts in", script: put(conf, goodDriver + "graphroot = \"/var/tmp/alice/$UID/s\""),
      codes: [], isRepairable: false),
    .init(
      what: "graphroot with a variable that nobody sets", script: put(conf, goodDriver + "graphroot = \"/var/tmp/alice/${NO_SUCH}s\""),
      codes: ["graphroot-variable"], after: "grep -q '\"/var/tmp/alice/s\"' \(conf)"),
    .init(
      what: "graphroot in the home, as $HOME", script: put(conf, goodDriver + "graphroot = \"$HOME/s\""), codes: ["graphroot-network"],
      after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "runroot in the home, which works", script: put(conf, goodDriver + goodRoot + "\nrunroot = \"/home/alice/rr\""),
      codes: ["runroot-unusable"], after: "if grep -q runroot \(conf); then exit 1; fi"),
    .init(
      what: "runroot that is no absolute path", script: put(conf, goodDriver + goodRoot + "\nrunroot = \"rr\""),
      codes: ["runroot-unusable"], after: "if grep -q runroot \(conf); then exit 1; fi"),
    .init(
      what: "runroot with a variable", script: put(conf, goodDriver + goodRoot + "\nrunroot = \"$XDG_RUNTIME_DIR/rr\""), codes: [],
      isRepairable: false),
    .init(
      what: "a byte order mark, with an old Podman", script: early + "sed -i '1s/^/\\xef\\xbb\\xbf/' \(conf)",
      codes: ["storage-conf-invalid"], isRepairable: false),
    .init(
      what: "a byte order mark, with a newer one", script: single + "sed -i '1s/^/\\xef\\xbb\\xbf/' \(conf)", codes: [], isRepairable: false
    ),

    // The files that Podman reads beside the user's
    .init(
      what: "a drop-in file of the site's moves the store into the home", script: site("/etc/containers/storage.conf.d/x.conf", home),
      codes: ["graphroot-network"], isRepairable: false),
    .init(
      what: "the same with a Podman that reads none", script: single + site("/etc/containers/storage.conf.d/x.conf", home), codes: [],
      isRepairable: false),
    .init(
      what: "the same in a directory for users other than root",
      script: merging + site("/etc/containers/storage.rootless.conf.d/x.conf", home), codes: ["graphroot-network"], isRepairable: false),
    .init(
      what: "the same in a directory for this user", script: merging + site("/etc/containers/storage.rootless.conf.d/4001/x.conf", home),
      codes: ["graphroot-network"], isRepairable: false),
    .init(
      what: "the same in directories for others",
      script: merging + site("/etc/containers/storage.rootless.conf.d/4002/x.conf", home) + "\n"
        + site("/etc/containers/storage.rootful.conf.d/x.conf", home), codes: [], isRepairable: false),
    .init(
      what: "the same from the vendor",
      script: merging + "mount -t tmpfs -o mode=755 none /usr/share\n" + site("/usr/share/containers/storage.conf.d/x.conf", home),
      codes: ["graphroot-network"], isRepairable: false),
    .init(
      what: "the same from the vendor, hidden by a file of that name",
      script: merging + "mount -t tmpfs -o mode=755 none /usr/share\n" + site("/usr/share/containers/storage.conf.d/x.conf", home) + "\n"
        + site("/etc/containers/storage.conf.d/x.conf", ""),
      codes: [], isRepairable: false),
    .init(
      what: "root's storage in a drop-in file",
      script: merging
        + site("/etc/containers/storage.conf.d/x.conf", "[storage]\ngraphroot = \"/root/storage\"\nrunroot = \"/run/containers/storage\""),
      codes: ["graphroot-missing", "runroot-unusable"], isRepairable: false),
    .init(
      what: "a drop-in file of the user's moves the store into the home", script: merging + mine("storage.conf.d/90-x.conf", home),
      codes: ["graphroot-network"], isRepairable: false),
    .init(what: "a drop-in file without .conf", script: merging + mine("storage.conf.d/90-x", home), codes: [], isRepairable: false),
    .init(
      what: "a directory for root alone, of the user's", script: merging + mine("storage.rootless.conf.d/90-x.conf", home), codes: [],
      isRepairable: false),
    .init(
      what: "a drop-in file that is no TOML", script: merging + mine("storage.conf.d/90-x.conf", "x ="), codes: ["storage-conf-invalid"],
      isRepairable: false),
    .init(
      what: "a drop-in file with a wrong type", script: merging + mine("storage.conf.d/90-x.conf", "[storage]\ndriver = 7"),
      codes: ["storage-conf-invalid"], isRepairable: false),
    .init(
      what: "a drop-in file with vfs", script: merging + mine("storage.conf.d/90-x.conf", "[storage]\ndriver = \"vfs\""),
      codes: ["driver-vfs"], isRepairable: false),
    .init(
      what: "a drop-in file with an unknown driver",
      script: merging + site("/etc/containers/storage.conf.d/x.conf", "[storage]\ndriver = \"nonsense\""), codes: ["driver-unknown"],
      isRepairable: false),
    .init(
      what: "a drop-in file that nobody may read",
      script: merging + site("/etc/containers/storage.conf.d/x.conf", home) + "\nchmod 600 /etc/containers/storage.conf.d/x.conf",
      codes: ["storage-conf-unreadable"], isRepairable: false),
    .init(
      what: "a graphroot that a drop-in file alone has",
      script: merging + put(conf, goodDriver) + "\n" + mine("storage.conf.d/90-x.conf", "[storage]\n" + goodRoot), codes: [],
      isRepairable: false),
    .init(
      what: "the same with a Podman that reads none of it",
      script: single + put(conf, goodDriver) + "\n" + mine("storage.conf.d/90-x.conf", "[storage]\n" + goodRoot),
      codes: ["graphroot-missing"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "no storage.conf, where the site's puts the store on local disk",
      script: "rm \(conf); " + site("/etc/containers/storage.conf", "[storage]\nrootless_storage_path = \"/var/tmp/alice/rsp\""),
      codes: ["storage-conf-missing"],
      after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "the site's file is no TOML, with an old Podman", script: early + site("/etc/containers/storage.conf", "x ="),
      codes: ["storage-conf-invalid"], isRepairable: false),
    .init(
      what: "the site's file is no TOML, with a Podman that passes over it", script: lenient + site("/etc/containers/storage.conf", "x ="),
      codes: [], isRepairable: false),
    .init(
      what: "no TOML, with a Podman that passes over it", script: lenient + put(conf, "[storage\ngraphroot = "),
      codes: ["storage-conf-invalid"], says: "takes nothing of it, and stores in ~/.local/share/containers/storage"),
    .init(
      what: "a wrong type, with a Podman that passes over the whole file",
      script: oldest + put(conf, goodDriver + goodRoot + "\nrunroot = 5"), codes: ["storage-conf-invalid"],
      says: "stores in ~/.local/share/containers/storage"),
    .init(
      what: "keys with dots, with a Podman that cannot read them",
      script: oldest + put(conf, "storage.driver = \"overlay\"\nstorage.\(goodRoot)"), codes: ["storage-conf-invalid"], isRepairable: false),
    .init(
      what: "keys with dots, with a newer one", script: lenient + put(conf, "storage.driver = \"overlay\"\nstorage.\(goodRoot)"), codes: [],
      isRepairable: false),
    .init(
      what: "a control character in a comment, with a Podman that takes it", script: oldest + "printf '# \\001\\n' >> \(conf)",
      codes: ["storage-conf-invalid"], isRepairable: false, says: "later ones do not start"),
    .init(
      what: "a key that an old Podman does not know",
      script: oldest + put(conf, goodDriver + goodRoot + "\n[storage.options]\ndisable-volatile = \"x\""), codes: [], isRepairable: false),
    .init(
      what: "no graphroot, where the site's file has a place for users",
      script: lenient + put(conf, goodDriver) + "\n"
        + site("/etc/containers/storage.conf", "[storage]\nrootless_storage_path = \"/var/tmp/alice/rsp\""),
      codes: [], isRepairable: false),
    .init(
      what: "the site's file is no TOML, with a newer one", script: merging + site("/etc/containers/storage.conf", "x ="), codes: [],
      isRepairable: false),
    .init(
      what: "root's lock in the store",
      script:
        "install -d -o 4001 -g 4001 /var/tmp/alice/containers /var/tmp/alice/containers/storage /var/tmp/alice/containers/storage/overlay-layers; touch /var/tmp/alice/containers/storage/overlay-layers/layers.lock",
      codes: ["store-owner"], isRepairable: false),
    .init(
      what: "root's directory in the runtime directory",
      script: "install -d -m 700 -o 4001 -g 4001 /run/user/4001 /run/user/4001/libpod; mkdir /run/user/4001/libpod/tmp",
      codes: ["store-owner"], isRepairable: false),
    .init(
      what: "root's locks of Podman's in shared memory", script: "truncate -s 300K /dev/shm/libpod_rootless_lock_4001",
      codes: ["store-owner"],
      isRepairable: false),
    .init(
      what: "stores that are file systems of their own",
      script:
        "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store) /var/tmp/alice/docker; mkdir -m 700 \(store)/lost+found /var/tmp/alice/docker/lost+found",
      codes: [], isRepairable: false),
    .init(
      what: "Podman's locks, cut by a full disk",
      script: single + ": > /dev/shm/libpod_rootless_lock_4001; chown 4001 /dev/shm/libpod_rootless_lock_4001",
      codes: ["podman-database"], isRepairable: false, says: "is cut"),
    .init(
      what: "Podman's locks, whole",
      script: single + "truncate -s 300K /dev/shm/libpod_rootless_lock_4001; chown 4001 /dev/shm/libpod_rootless_lock_4001",
      codes: [], isRepairable: false),
    .init(
      what: "a pause process that is gone", script: single + pause("printf 2999999"), codes: ["pause-process"], isRepairable: false,
      says: "which does not exist any more"),
    .init(
      what: "a pause process that is another one by now", script: single + pause("printf 1"), codes: ["pause-process"], isRepairable: false,
      says: "which is another one by now"),
    .init(
      what: "an empty pause.pid", script: single + pause(":"), codes: ["pause-process"], isRepairable: false, says: "has no number"),
    .init(
      what: "a directory for pause.pid", script: merging + "\(runtime)install -d -o 4001 -g 4001 /run/user/4001/libpod/tmp/pause.pid",
      codes: ["pause-process"], isRepairable: false, says: "is a directory"),
    .init(
      what: "a pause process that is gone, with a Podman that makes another one",
      script: podman("libpod.(*SQLiteState) storage/pkg/configfile is not a pause process") + pause("printf 2999999"), codes: [],
      isRepairable: false),
    .init(
      what: "a pause process that is gone, without Podman", script: pause("printf 2999999"), codes: [], isRepairable: false),
    .init(
      what: "an empty name of a network backend", script: podman("libpod.(*SQLiteState) unknown network backend value") + backend(":"),
      codes: ["podman-database"], isRepairable: false, says: "is empty"),
    .init(
      what: "a name of a network backend with a newline",
      script: podman("libpod.(*SQLiteState) unknown network backend value") + backend("echo netavark"), codes: ["podman-database"],
      isRepairable: false),
    .init(
      what: "the name of a network backend, which is installed",
      script: podman("libpod.(*SQLiteState) unknown network backend value") + backend("printf netavark")
        + "\nmount -t tmpfs -o mode=755 none /usr/local/lib; install -D -m 755 /dev/null /usr/local/lib/podman/netavark", codes: [],
      isRepairable: false),
    .init(
      what: "the name of a network backend, which is not installed",
      script: podman("libpod.(*SQLiteState) unknown network backend value") + backend("printf netavark"), codes: ["podman-database"],
      isRepairable: false, says: "netavark's, which is not installed"),
    .init(
      what: "an empty name of a network backend, which this Podman does not read", script: single + backend(":"), codes: [],
      isRepairable: false),
    .init(
      what: "a store of fuse-overlayfs, which has gone", script: merging + mountProgram("true"), codes: ["overlay-record"],
      isRepairable: false),
    .init(what: "the same with a Podman that nobody knows", script: mountProgram("true"), codes: ["overlay-record"], isRepairable: false),
    .init(what: "the same with a Podman that does not look", script: single + mountProgram("true"), codes: [], isRepairable: false),
    .init(what: "a store of the kernel's overlay", script: merging + mountProgram("false"), codes: [], isRepairable: false),
    .init(
      what: "a long list of images that is cut", script: single + longList(""), codes: ["podman-database"], isRepairable: false,
      says: "its end is missing"),
    .init(what: "a long list of images", script: single + longList("echo ']'"), codes: [], isRepairable: false),
    .init(
      what: "a socket for a lock of the store",
      script: single
        + "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store); cd \(store); python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"storage.lock\")'; chown 4001 storage.lock; cd /",
      codes: ["podman-database"], isRepairable: false, says: "is a socket"),
    .init(
      what: "a file for the directory of networks",
      script: single
        + "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store); touch \(store)/networks; chown 4001 \(store)/networks",
      codes: ["graphroot-missing"], isRepairable: false),
    .init(
      what: "root's directory for secrets",
      script: single + "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store); mkdir \(store)/secrets", codes: ["store-owner"],
      isRepairable: false, says: "has no secrets"),
    .init(
      what: "storage.conf is /dev/null", script: "rm \(conf); ln -s /dev/null \(conf)", codes: ["graphroot-missing", "driver-missing"],
      isRepairable: false),
    .init(
      what: "containers.conf and registries.conf are /dev/null",
      script: "ln -s /dev/null \(own)/containers.conf; ln -s /dev/null \(own)/registries.conf", codes: [], isRepairable: false),
    .init(
      what: "a drop-in file that /dev/null masks",
      script: merging + site("/etc/containers/storage.conf.d/50.conf", home)
        + "\ninstall -d -o 4001 -g 4001 \(own)/storage.conf.d; ln -s /dev/null \(own)/storage.conf.d/50.conf", codes: [],
      isRepairable: false),
    .init(
      what: "an additional image store with a variable",
      script: single + put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionalimagestores = [\"/var/tmp/alice/$UID\"]")
        + "\ninstall -d -o 4001 -g 4001 /var/tmp/alice/4001", codes: ["image-store"], isRepairable: false, says: "replaces no variable"),
    .init(
      what: "volume_path with a variable", script: mine("containers.conf", "[engine]\nvolume_path = \"$HOME/v\""),
      codes: ["containers-conf"],
      isRepairable: false, says: "replaces no variable"),
    .init(
      what: "image_copy_tmp_dir that nobody makes", script: mine("containers.conf", "[engine]\nimage_copy_tmp_dir = \"/var/tmp/alice/t\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "network_config_dir that cannot be made", script: mine("containers.conf", "[network]\nnetwork_config_dir = \"/nonexistent/x\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "a TMPDIR of containers.conf that is missing", script: mine("containers.conf", "[engine]\nenv = [\"TMPDIR=/nonexistent\"]"),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "a CONTAINERS_STORAGE_CONF of containers.conf",
      script: mine("containers.conf", "[engine]\nenv = [\"CONTAINERS_STORAGE_CONF=/nonexistent\"]"), codes: ["containers-conf"],
      isRepairable: false),
    .init(
      what: "a TMPDIR of containers.conf that is good", script: mine("containers.conf", "[engine]\nenv = [\"TMPDIR=/var/tmp\", \"A=b\"]"),
      codes: [], isRepairable: false),
    .init(
      what: "another user's locks there", script: "truncate -s 300K /dev/shm/libpod_rootless_lock_4009", codes: [], isRepairable: false),
    .init(
      what: "a runtime directory that is root's", script: "install -d -m 700 /run/user/4001", codes: ["store-owner"], isRepairable: false),
    .init(
      what: "root's lock among Podman's networks",
      script:
        "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store) \(store)/networks; touch \(store)/networks/netavark.lock",
      codes: ["store-owner"], isRepairable: false),
    .init(
      what: "root's lock one level deeper in the runtime directory",
      script:
        "install -d -m 700 -o 4001 -g 4001 /run/user/4001 /run/user/4001/containers /run/user/4001/containers/overlay-layers; touch /run/user/4001/containers/overlay-layers/mountpoints.lock",
      codes: ["store-owner"], isRepairable: false),
    .init(
      what: "registries.conf is no TOML", script: mine("registries.conf", "unqualified-search-registries = docker.io"),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "registries.conf in both forms",
      script: mine("registries.conf", "unqualified-search-registries = [\"docker.io\"]\n[registries.search]\nregistries = [\"docker.io\"]"),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "registries.conf in the old form", script: mine("registries.conf", "[registries.search]\nregistries = [\"docker.io\"]"),
      codes: [],
      isRepairable: false),
    .init(
      what: "a registry of the site's with a scheme",
      script: site("/etc/containers/registries.conf.d/x.conf", "[[registry]]\nlocation = \"https://registry.example\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "registries with all that may be in them",
      script: mine(
        "registries.conf",
        "unqualified-search-registries = [\"docker.io\", \"registry.example:5000\"]\nshort-name-mode = \"permissive\"\n[aliases]\nx = \"registry.example/x\"\n[[registry]]\nprefix = \"*.example.com\"\nblocked = true\n[[registry]]\nlocation = \"registry.example\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"mirror.example\""
      ), codes: [], isRepairable: false),
    .init(
      what: "policy.json with a requirement that there is not",
      script: mine("policy.json", "{ \"default\": [{ \"type\": \"nonsense\" }] }"),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "policy.json that rejects all but one registry",
      script: mine(
        "policy.json",
        "{ \"default\": [{ \"type\": \"reject\" }], \"transports\": { \"docker\": { \"registry.example\": [{ \"type\": \"insecureAcceptAnything\" }] } } }"
      ),
      codes: [], isRepairable: false),
    .init(
      what: "a mount program without a directory", script: "\(program.replacing("/bin/true", with: "fuse-overlayfs"))",
      codes: ["storage-option"],
      after: "if grep -q mount_program \(conf); then exit 1; fi"),
    .init(
      what: "a value of containers.conf that is of another type",
      script: mine("containers.conf", "[containers]\npids_limit = \"2048\"\n[network]\ndefault_subnet_pools = [\"10.0.0.0/8\"]"),
      codes: ["containers-conf", "containers-conf"], isRepairable: false),
    .init(
      what: "somebody else's runroot in Podman's database", script: single + database("/run/containers/storage"),
      codes: ["runroot-unusable"], isRepairable: false,
      after: "test -s \(store)/db.sql"),
    .init(
      what: "a database of Podman's with a runroot that is fine", script: single + database("/run/user/4001/containers"), codes: [],
      isRepairable: false),
    .init(
      what: "a Bolt database, with a Podman that has to take it over", script: merging + bolt, codes: ["podman-database"],
      isRepairable: false),
    .init(what: "a Bolt database, with a Podman that goes on with it", script: single + bolt, codes: [], isRepairable: false),
    .init(
      what: "a database in write-ahead mode", script: single + database("/run/containers/storage", "PRAGMA journal_mode = WAL"),
      codes: ["runroot-unusable"], isRepairable: false),
    .init(
      what: "a database that Podman before 4.8 never reads", script: early + database("/run/containers/storage"), codes: [],
      isRepairable: false),
    .init(
      what: "a database with a view in the table's place",
      script: single
        + database(
          "/x",
          "DROP TABLE DBConfig; CREATE VIEW DBConfig AS SELECT '/l' AS StaticDir, '/g' AS GraphRoot, '/run/containers/storage' AS RunRoot, 'overlay' AS GraphDriver"
        ),
      codes: [], isRepairable: false),
    .init(
      what: "a database that was damaged",
      script: single + database("/run/containers/storage")
        + "\npython3 -c 'import sys; f = open(sys.argv[1], \"r+b\"); f.seek(100); f.write(b\"x\" * 3000)' \(store)/db.sql",
      codes: ["podman-database"], isRepairable: false),
    .init(
      what: "a database that is being written",
      script: single + database("/run/containers/storage") + "\necho x > \(store)/db.sql-journal; chown 4001 \(store)/db.sql-journal",
      codes: ["podman-database"], isRepairable: false),
    .init(
      what: "a FIFO in the database's place",
      script: single + "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store); mkfifo \(store)/db.sql; chown 4001 \(store)/db.sql",
      codes: ["podman-database"], isRepairable: false),
    .init(
      what: "a database of 2 GiB",
      script: single
        + "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store); truncate -s 2G \(store)/db.sql; chown 4001 \(store)/db.sql",
      codes: ["podman-database"], isRepairable: false),
    .init(
      what: "a database that is none",
      script: single
        + "install -d -o 4001 -g 4001 /var/tmp/alice/containers /var/tmp/alice/containers/storage; echo garbage > /var/tmp/alice/containers/storage/db.sql; chown 4001 /var/tmp/alice/containers/storage/db.sql",
      codes: ["podman-database"], isRepairable: false),
    .init(
      what: "a list of images that is cut", script: single + listCut, codes: ["podman-database"], isRepairable: false,
      after: "test -s \(store)/overlay-images/images.json", says: "overlay-images/images.json, a list of Podman's, is invalid JSON"),
    .init(
      what: "a list of images that is cut, with a Podman that forgets them", script: early + listCut, codes: ["podman-database"],
      isRepairable: false, says: "Podman before 4.4 forgets what was in it"),
    .init(
      what: "a directory in the place of a lock of Podman's",
      script: single + "install -d -o 4001 -g 4001 /var/tmp/alice/containers \(store) \(store)/storage.lock", codes: ["podman-database"],
      isRepairable: false),
    .init(
      what: "no policy.json, with a Podman", script: single + "rm /etc/containers/policy.json", codes: ["containers-conf"],
      isRepairable: false, says: "There is no policy.json"),
    .init(
      what: "helpers where netavark is not",
      script: single + mine("containers.conf", "[engine]\nhelper_binaries_dir = [\"/nonexistent\"]"), codes: ["containers-conf"],
      isRepairable: false, says: "where netavark is not"),
    .init(
      what: "the old form of registries.conf, with a Podman that does not read it",
      script: merging + mine("registries.conf", "[registries.search]\nregistries = [\"docker.io\"]"), codes: ["containers-conf"],
      isRepairable: false, says: "the old form, which Podman from 6.1 on does not read"),
    .init(
      what: "the old form of registries.conf, with a Podman that reads it",
      script: podman("libpod.(*SQLiteState) storage/pkg/configfile sysregistriesv2.dropInConfigs")
        + mine("registries.conf", "[registries.search]\nregistries = [\"docker.io\"]"), codes: [], isRepairable: false),
    .init(
      what: "a cache directory of root's, with a Podman", script: single + "install -d -m 700 /home/alice/.cache", codes: ["store-owner"],
      isRepairable: false, says: "Podman's cache directory is /home/alice/.cache"),
    .init(
      what: "a data-root with a per cent sign, with a Docker that takes it for a format",
      script: docker23 + put(daemon, "{ \"data-root\": \"/var/tmp/alice/100%\" }"), codes: ["data-root-missing"], isRepairable: false,
      says: "has a per cent sign"),
    .init(
      what: "drop-in files in a directory that only root may enter",
      script: merging + site("/etc/containers/storage.conf.d/x.conf", home) + "\nchmod 700 /etc/containers/storage.conf.d",
      codes: ["storage-conf-unreadable"], isRepairable: false),
    .init(
      what: "a file that everybody may read, in a directory that only root may enter",
      script: single + site("/etc/containers/containers.conf", "[engine]\nvolume_path = \"/nowhere/v\"") + "\nchmod 700 /etc/containers",
      codes: ["containers-conf", "containers-conf"], isRepairable: false, after: "chmod 755 /etc/containers",
      says: "/etc/containers/containers.conf cannot be read: Permission denied"),
    .init(
      what: "a path with the user's name in a site's file",
      script: merging + "install -d -o 4002 /var/tmp/theirs; "
        + site(
          "/etc/containers/storage.conf.d/x.conf", "[storage]\nrunroot = \"/var/tmp/$USER/rr\"\nimagestore = \"/var/tmp/theirs/$USER\""),
      codes: ["image-store"], isRepairable: false),

    // Every key that names a directory, and what can be wrong with one that is the user's
    .init(
      what: "graphroot where old files are removed",
      script: ages + ownDirectory("aged/alice") + put(conf, goodDriver + "graphroot = \"/var/tmp/aged/alice\""),
      codes: ["graphroot-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "graphroot where a job of cron's removes old files",
      script: cleans + ownDirectory("aged/alice") + put(conf, goodDriver + "graphroot = \"/var/tmp/aged/alice\""),
      codes: ["graphroot-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "graphroot where old files are removed, and these are spared",
      script: ages + ownDirectory("aged/alice") + "echo 'x /var/tmp/aged/alice' >> /etc/tmpfiles.d/aged.conf\n"
        + put(conf, goodDriver + "graphroot = \"/var/tmp/aged/alice\""), codes: ["graphroot-volatile"], isRepairable: false),
    .init(
      what: "graphroot behind a link, where old files are removed",
      script: ages + ownDirectory("aged/alice") + "ln -s aged /var/tmp/way\n"
        + put(conf, goodDriver + "graphroot = \"/var/tmp/way/alice\""), codes: ["graphroot-volatile", "storage-ageing"], isRepairable: false
    ),
    .init(
      what: "graphroot behind a bind mount, where old files are removed",
      script: ages + ownDirectory("aged/alice") + ownDirectory("bound") + "mount --bind /var/tmp/aged/alice /var/tmp/bound\n"
        + put(conf, goodDriver + "graphroot = \"/var/tmp/bound\""), codes: ["graphroot-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "a site's graphroot where old files are removed",
      script: merging + ages + ownDirectory("aged/alice")
        + site("/etc/containers/storage.conf.d/x.conf", "[storage]\ngraphroot = \"/var/tmp/aged/$USER\""),
      codes: ["graphroot-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "graphroot on a mount with noexec",
      script: ownDirectory("n") + "mount -t tmpfs -o noexec,mode=700,uid=4001 none /var/tmp/n\n"
        + put(conf, goodDriver + "graphroot = \"/var/tmp/n\""), codes: ["graphroot-volatile", "storage-noexec"], isRepairable: false),
    .init(
      what: "graphroot on overlay", script: ownDirectory("o") + overlay + put(conf, goodDriver + "graphroot = \"/var/tmp/o/s\""),
      codes: ["storage-file-system"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "graphroot a link that leads nowhere",
      script: "ln -s /nowhere /var/tmp/link; chown -h 4001 /var/tmp/link; " + put(conf, goodDriver + "graphroot = \"/var/tmp/link\""),
      codes: ["graphroot-missing"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "runroot where old files are removed",
      script: ages + ownDirectory("aged/rr") + put(conf, goodDriver + goodRoot + "\nrunroot = \"/var/tmp/aged/rr\""),
      codes: ["storage-ageing"], isRepairable: false),
    .init(
      what: "runroot in a directory that is emptied at boot, as it should be",
      script: empties + ownDirectory("aged/rr") + put(conf, goodDriver + goodRoot + "\nrunroot = \"/var/tmp/aged/rr\""), codes: [],
      isRepairable: false),
    .init(
      what: "runroot on a full disk",
      script: ownDirectory("small") + full + put(conf, goodDriver + goodRoot + "\nrunroot = \"/var/tmp/small\""), codes: ["storage-space"],
      isRepairable: false),
    .init(
      what: "runroot in which nothing can be made",
      script: "install -d -m 500 -o 4001 /var/tmp/rr; " + put(conf, goodDriver + goodRoot + "\nrunroot = \"/var/tmp/rr\""),
      codes: ["runroot-unusable"], after: "if grep -q runroot \(conf); then exit 1; fi"),
    .init(
      what: "imagestore where old files are removed",
      script: single + ages + ownDirectory("aged/i") + put(conf, goodDriver + goodRoot + "\nimagestore = \"/var/tmp/aged/i\""),
      codes: ["graphroot-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "imagestore on overlay",
      script: single + ownDirectory("o") + overlay + put(conf, goodDriver + goodRoot + "\nimagestore = \"/var/tmp/o/s\""),
      codes: ["storage-file-system"], after: "if grep -q imagestore \(conf); then exit 1; fi"),
    .init(
      what: "imagestore on a full disk",
      script: single + ownDirectory("small") + full + put(conf, goodDriver + goodRoot + "\nimagestore = \"/var/tmp/small\""),
      codes: ["graphroot-volatile", "storage-space"], isRepairable: false),
    .init(
      what: "images of others where old files are removed",
      script: ages + "mkdir -p /var/tmp/aged/ais/overlay-images; touch /var/tmp/aged/ais/overlay-images/images.lock; "
        + put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionalimagestores = [\"/var/tmp/aged/ais\"]"),
      codes: ["storage-ageing"], isRepairable: false),
    .init(
      what: "layers of others where old files are removed",
      script: ages + "mkdir -p /var/tmp/aged/als; "
        + put(conf, goodDriver + goodRoot + "\n[storage.options]\nadditionallayerstores = [\"/var/tmp/aged/als:ref\"]"),
      codes: ["storage-ageing"], isRepairable: false),
    .init(
      what: "volumes where old files are removed",
      script: ages + ownDirectory("aged/v") + mine("containers.conf", "[engine]\nvolume_path = \"/var/tmp/aged/v\""),
      codes: ["storage-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "volumes on a mount with noexec",
      script: ownDirectory("n") + "mount -t tmpfs -o noexec,mode=700,uid=4001 none /var/tmp/n\n"
        + mine("containers.conf", "[engine]\nvolume_path = \"/var/tmp/n\""), codes: ["storage-volatile", "storage-noexec"],
      isRepairable: false),
    .init(
      what: "volumes on a full disk",
      script: ownDirectory("small") + full + mine("containers.conf", "[engine]\nvolume_path = \"/var/tmp/small\""),
      codes: ["storage-volatile", "storage-space"], isRepairable: false),
    .init(
      what: "static_dir where old files are removed",
      script: ages + ownDirectory("aged/l") + mine("containers.conf", "[engine]\nstatic_dir = \"/var/tmp/aged/l\""),
      codes: ["storage-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "static_dir in which nothing can be made",
      script: "install -d -m 500 -o 4001 /var/tmp/l; " + mine("containers.conf", "[engine]\nstatic_dir = \"/var/tmp/l\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "tmp_dir where old files are removed",
      script: ages + ownDirectory("aged/t") + mine("containers.conf", "[engine]\ntmp_dir = \"/var/tmp/aged/t\""), codes: ["storage-ageing"],
      isRepairable: false),
    .init(
      what: "tmp_dir in memory, as it should be", script: ownDirectory("t") + mine("containers.conf", "[engine]\ntmp_dir = \"/var/tmp/t\""),
      codes: [], isRepairable: false),
    .init(
      what: "tmp_dir a link that leads nowhere",
      script: "ln -s /nowhere /var/tmp/link; " + mine("containers.conf", "[engine]\ntmp_dir = \"/var/tmp/link\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "images are copied where everybody may write",
      script: ages + "chmod 1777 /var/tmp/aged\n" + mine("containers.conf", "[engine]\nimage_copy_tmp_dir = \"/var/tmp/aged\""), codes: [],
      isRepairable: false),
    .init(
      what: "images are copied where nothing can be made", script: mine("containers.conf", "[engine]\nimage_copy_tmp_dir = \"/nowhere/x\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "images are copied onto a full disk",
      script: ownDirectory("small") + full + mine("containers.conf", "[engine]\nimage_copy_tmp_dir = \"/var/tmp/small\""),
      codes: ["storage-space"], isRepairable: false),
    .init(
      what: "data-root where old files are removed",
      script: ages + ownDirectory("aged/d") + put(daemon, "{ \"data-root\": \"/var/tmp/aged/d\" }"),
      codes: ["storage-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "exec-root where old files are removed",
      script: ages + ownDirectory("aged/x")
        + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"exec-root\": \"/var/tmp/aged/x\" }"), codes: ["storage-ageing"],
      isRepairable: false),
    .init(
      what: "exec-root and the pid file in a runtime directory, without a session",
      script: put(
        daemon,
        "{ \"data-root\": \"/var/tmp/alice/docker\", \"exec-root\": \"/run/user/4001/docker\", \"pidfile\": \"/run/user/4001/docker.pid\" }"
      ), codes: [], isRepairable: false),

    // Links and mounts in the place of an engine's store
    .init(
      what: "a link to a local directory in the place of Podman's store",
      script: "rm \(conf); " + linked("containers", to: "/var/tmp/images") + ownDirectory("images"), codes: [], isRepairable: false),
    .init(
      what: "the same with a storage.conf that has no graphroot",
      script: put(conf, goodDriver) + "\n" + linked("containers", to: "/var/tmp/images") + ownDirectory("images"), codes: [],
      isRepairable: false),
    .init(
      what: "a link into the home in the place of Podman's store",
      script: "rm \(conf); " + linked("containers", to: "/home/alice/images") + "install -d -o 4001 /home/alice/images",
      codes: ["graphroot-network"], isRepairable: false),
    .init(
      what: "the same with a storage.conf that has no graphroot, which gets one",
      script: put(conf, goodDriver) + "\n" + linked("containers", to: "/home/alice/images") + "install -d -o 4001 /home/alice/images",
      codes: ["graphroot-network"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "a link that leads nowhere in the place of Podman's store", script: "rm \(conf); " + linked("containers", to: "/nowhere/x"),
      codes: ["graphroot-missing"], isRepairable: false),
    .init(
      what: "a link to somebody else's directory in the place of Podman's store",
      script: "rm \(conf); install -d -o 4002 /var/tmp/theirs /var/tmp/theirs/storage; " + linked("containers", to: "/var/tmp/theirs"),
      codes: ["graphroot-foreign"], isRepairable: false),
    .init(
      what: "a bind mount in the place of Podman's store, of what is removed when it is old",
      script: "rm \(conf); " + ages + ownDirectory("aged/alice") + bound("containers", from: "/var/tmp/aged/alice"),
      codes: ["graphroot-volatile", "storage-ageing"], isRepairable: false),
    .init(
      what: "an image on a file server in the place of Podman's store, locked by this host", script: "rm \(conf); " + image(lock: true),
      codes: ["image-in-home"], isRepairable: false),
    .init(
      what: "an image on a file server that storage.conf names, and that nobody has locked",
      script: put(conf, goodDriver + "graphroot = \"/home/alice/.local/share/containers/storage\"") + "\n" + image(lock: false),
      codes: ["image-in-home"], isRepairable: false),
    .init(
      what: "an image on a file server that another host has locked",
      script: "rm \(conf); " + image(lock: true) + "mount --bind /dev/null /proc/locks", codes: ["image-on-two-hosts"], isRepairable: false),
    .init(
      what: "an image on a file server, and a graphroot elsewhere", script: image(lock: true), codes: ["image-in-home"], isRepairable: false
    ),
    .init(
      what: "an image on a file server that is not used, and that another host has locked",
      script: image(lock: true) + "mount --bind /dev/null /proc/locks", codes: ["image-in-home", "image-on-two-hosts"], isRepairable: false),
    .init(
      what: "an image on a local disk in the place of Podman's store",
      script: "rm \(conf); " + image("/var/lib/rootless-storage", lock: false), codes: [], isRepairable: false),
    .init(
      what: "a link in the place of the store, which graphroot makes needless", script: linked("containers", to: "/nowhere/x"), codes: [],
      isRepairable: false),
    .init(
      what: "a link to a local directory in the place of Docker's store",
      script: "rm \(daemon); " + linked("docker", to: "/var/tmp/images") + ownDirectory("images"), codes: [], isRepairable: false),
    .init(
      what: "a link into the home in the place of Docker's store",
      script: "rm \(daemon); " + linked("docker", to: "/home/alice/images") + "install -d -o 4001 /home/alice/images",
      codes: ["data-root-network"], isRepairable: false),
    .init(
      what: "the same with a daemon.json that has no data-root, which gets one",
      script: put(daemon, "{ \"debug\": true }") + "\n" + linked("docker", to: "/home/alice/images")
        + "install -d -o 4001 /home/alice/images", codes: ["data-root-network"], after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "a link that leads nowhere in the place of Docker's store", script: "rm \(daemon); " + linked("docker", to: "/nowhere"),
      codes: ["data-root-missing"], isRepairable: false),

    .init(
      what: "a value that is no truth",
      script: put(conf, goodDriver + "\n" + goodRoot + "\n[storage.options.overlay]\nignore_chown_errors = \"perhaps\""),
      codes: ["storage-option"], after: "! grep -q perhaps \(conf)"),
    .init(
      what: "composefs",
      script: merging + put(conf, goodDriver + "\n" + goodRoot + "\n[storage.options.overlay]\nuse_composefs = \"true\""),
      codes: ["storage-option"], after: "! grep -q composefs \(conf)"),
    .init(
      what: "layers that are not there",
      script: put(conf, goodDriver + "\n" + goodRoot + "\n[storage.options]\nadditionallayerstores = [\"/nonexistent:ref\"]"),
      codes: ["image-store"], isRepairable: false),
    .init(
      what: "images of somebody else's that are none",
      script: "mkdir -p /var/tmp/images; "
        + put(conf, goodDriver + "\n" + goodRoot + "\n[storage.options]\nadditionalimagestores = [\"/var/tmp/images\"]"),
      codes: ["image-store"], isRepairable: false),
    .init(
      what: "a database that no Podman knows", script: single + mine("containers.conf", "[engine]\ndatabase_backend = \"nonsense\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "a path of containers.conf that is a number", script: mine("containers.conf", "[engine]\nstatic_dir = 1"),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "a graphroot in which nothing can be made",
      script: "install -d -m 500 -o 4001 -g 4001 /var/tmp/mine; " + put(conf, goodDriver + "\ngraphroot = \"/var/tmp/mine\""),
      codes: ["graphroot-missing"], after: "grep -q '\(goodRoot)' \(conf)"),
    .init(
      what: "an event log that Podman does not know", script: mine("containers.conf", "[engine]\nevents_logger = \"nonsense\""),
      codes: ["containers-conf"], isRepairable: false,
      says: "which Podman does not know"),
    .init(
      what: "a runtime of which no file tells", script: mine("containers.conf", "[engine]\nruntime = \"nonsense\""),
      codes: ["containers-conf"], isRepairable: false,
      says: "of which no file tells Podman where it is"),
    .init(
      what: "a number of locks in quotes", script: mine("containers.conf", "[engine]\nnum_locks = \"many\""), codes: ["containers-conf"],
      isRepairable: false,
      says: "is a text, and has to be a number"),
    .init(what: "containers.conf is no TOML", script: mine("containers.conf", "x ="), codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "a Bolt database is wanted", script: mine("containers.conf", "[engine]\ndatabase_backend = \"boltdb\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "a Bolt database is wanted, with a Podman of which nobody knows whether it makes one",
      script: single + mine("containers.conf", "[engine]\ndatabase_backend = \"boltdb\""), codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "volumes at a place that cannot be made",
      script: site("/etc/containers/containers.conf.d/x.conf", "[engine]\nvolume_path = \"/scratch/volumes\""), codes: ["containers-conf"],
      isRepairable: false),
    .init(
      what: "volumes at somebody else's place",
      script: "install -d -o 4002 /var/tmp/theirs; " + mine("containers.conf.d/x.conf", "[engine]\nvolume_path = \"/var/tmp/theirs\""),
      codes: ["containers-conf"], isRepairable: false),
    .init(
      what: "Podman has recorded it before the storage was there, and in another place since",
      script: """
        mount -t tmpfs -o mode=1777 none /tmp
        a=/run/user/4001/containers/overlay; b=/tmp/storage-run-4001/containers/overlay
        for d in /run/user/4001 /run/user/4001/containers $a /tmp/storage-run-4001 /tmp/storage-run-4001/containers $b; do install -d -m 700 -o 4001 -g 4001 $d; done
        touch $a/overlay-false; chown 4001 $a/overlay-false; sleep 1.1; chmod 711 /var/tmp/alice; sleep 1.1; touch $b/overlay-false; chown 4001 $b/overlay-false
        """,
      codes: ["overlay-record"],
      after: "test ! -e /run/user/4001/containers/overlay/overlay-false; test -e /tmp/storage-run-4001/containers/overlay/overlay-false"),

    // daemon.json
    .init(
      what: "invalid JSON", script: put(daemon, "{ \"data-root\": "), codes: ["daemon-json-invalid"],
      after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon); grep -q data-root \(daemon).*.bak"),
    .init(
      what: "daemon.json a directory", script: "rm \(daemon); mkdir \(daemon); chown 4001 \(daemon)", codes: ["daemon-json-unreadable"],
      isRepairable: false),
    .init(
      what: "data-root in the home", script: put(daemon, "{\n  \"debug\": true,\n  \"data-root\": \"/home/alice/docker\"\n}"),
      codes: ["data-root-network"],
      after: "grep -qx '  \"data-root\": \"/var/tmp/alice/docker\"' \(daemon); grep -qx '  \"debug\": true,' \(daemon)"),
    .init(
      what: "options of the log that are no texts",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"log-opts\": { \"max-size\": 1 } }"), codes: ["daemon-json-key"],
      isRepairable: false),
    .init(
      what: "options of the log",
      script: put(
        daemon,
        "{ \"data-root\": \"/var/tmp/alice/docker\", \"log-opts\": { \"max-size\": \"1m\" }, \"log-level\": \"info\", \"dns\": [\"10.0.0.1\", \"fd00::1\"], \"registry-mirrors\": [\"https://mirror.example\"] }"
      ), codes: [], isRepairable: false),
    .init(
      what: "a level of the log that is none",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"log-level\": \"nonsense\" }"), codes: ["daemon-json-key"],
      isRepairable: false),
    .init(
      what: "a name server that is no address",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"dns\": [\"nonsense\"] }"), codes: ["daemon-json-key"],
      isRepairable: false),
    .init(
      what: "a mirror without a scheme",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"registry-mirrors\": [\"mirror.example\"] }"),
      codes: ["daemon-json-key"], isRepairable: false),
    .init(
      what: "a group that there is not",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"group\": \"nonexistent\" }"), codes: ["daemon-json-key"],
      isRepairable: false,
      says: "a group that there is not"),
    .init(
      what: "a runtime that there is not",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"default-runtime\": \"nonsense\" }"), codes: ["daemon-json-key"],
      isRepairable: false,
      says: "which runtimes does not have"),
    .init(
      what: "an option that the log driver does not know",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"log-opts\": { \"nonsense\": \"1\" } }"),
      codes: ["daemon-json-key"], isRepairable: false,
      says: "does not know"),
    .init(
      what: "a cgroup driver that there is not",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"exec-opts\": [\"native.cgroupdriver=nonsense\"] }"),
      codes: ["daemon-json-key"], isRepairable: false,
      says: "a driver that there is not"),
    .init(
      what: "a profile that is missing",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"seccomp-profile\": \"/nonexistent/s.json\" }"),
      codes: ["daemon-json-key"], isRepairable: false,
      says: "which does not exist"),
    .init(
      what: "two labels of one name",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"labels\": [\"a=1\", \"a=2\"] }"), codes: ["daemon-json-key"],
      isRepairable: false,
      says: "two values for one name"),
    .init(
      what: "a size that is none",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"default-shm-size\": \"nonsense\" }"), codes: ["daemon-json-key"],
      isRepairable: false,
      says: "which is no size"),
    .init(
      what: "a pid file that cannot be made",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"pidfile\": \"/nonexistent/x\" }"), codes: ["daemon-json-key"],
      isRepairable: false),
    .init(
      what: "a size that overlay2 has on xfs alone",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"storage-opts\": [\"overlay2.size=10G\"] }"),
      codes: ["docker-driver"], isRepairable: false),
    .init(
      what: "no data-root", script: put(daemon, "{ \"debug\": true }"), codes: ["data-root-missing"],
      after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon); grep -q '\"debug\": true' \(daemon)"),
    .init(
      what: "data-root of somebody else's",
      script: "install -d -m 777 -o 4002 /var/tmp/theirs; " + put(daemon, "{ \"data-root\": \"/var/tmp/theirs\" }"),
      codes: ["data-root-foreign"], after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "data-root shared with podman", script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/containers\" }"),
      codes: ["data-root-shared"], after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "data-root on the command line too",
      script:
        "mkdir -p /home/alice/.config/systemd/user/docker.service.d; printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/dockerd-rootless.sh --data-root /scratch\\n' > /home/alice/.config/systemd/user/docker.service.d/x.conf; chown -R 4001 /home/alice/.config/systemd",
      codes: ["data-root-twice"], isRepairable: false),

    .init(
      what: "the old key of data-root, in the home",
      script: put(daemon, "{ \"graph\": \"/home/alice/docker\", \"log-driver\": \"local\" }"), codes: ["data-root-old-key"],
      after: "if grep graph \(daemon); then exit 1; fi; grep -q '\"/var/tmp/alice/docker\"' \(daemon); grep -q log-driver \(daemon)"),
    .init(
      what: "the old key of data-root, in a good place",
      script:
        "install -d -m 755 /var/lib/rootless-storage/a; install -d -o 4001 /var/lib/rootless-storage/a/d; mount -t ext4 -o loop $(truncate -s 3G /var/lib/rootless-storage/i; mkfs.ext4 -q /var/lib/rootless-storage/i; echo /var/lib/rootless-storage/i) /var/lib/rootless-storage/a/d; chown 4001 /var/lib/rootless-storage/a/d; "
        + put(daemon, "{ \"graph\": \"/var/lib/rootless-storage/a/d\" }"), codes: ["data-root-old-key"],
      after: "if grep graph \(daemon); then exit 1; fi; grep -q '\"/var/lib/rootless-storage/a/d\"' \(daemon)"),
    .init(
      what: "the old key and the new one",
      script: put(daemon, "{ \"graph\": \"/home/alice/docker\", \"data-root\": \"/var/tmp/alice/docker\" }"), codes: ["data-root-old-key"],
      after: "if grep graph \(daemon); then exit 1; fi; grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "daemon.json with a byte order mark", script: "sed -i '1s/^/\\xef\\xbb\\xbf/' \(daemon)", codes: ["daemon-json-invalid"],
      after: "head -c 1 \(daemon) | grep -q '{'; grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "an empty daemon.json", script: ": > \(daemon)", codes: ["data-root-missing"],
      after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "the old key of data-root, with a Docker that takes it",
      script: docker20 + put(daemon, "{ \"graph\": \"/var/tmp/alice/docker\" }"), codes: ["data-root-old-key"],
      after: "if grep graph \(daemon); then exit 1; fi; grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "the old key of data-root, in the home, with a Docker that takes it",
      script: docker20 + put(daemon, "{ \"graph\": \"/home/alice/docker\" }"), codes: ["data-root-network"],
      after: "if grep graph \(daemon); then exit 1; fi; grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "the old key and the new one, with a Docker that takes either",
      script: docker20 + put(daemon, "{ \"graph\": \"/home/alice/docker\", \"data-root\": \"/var/tmp/alice/docker\" }"),
      codes: ["data-root-old-key"], after: "if grep graph \(daemon); then exit 1; fi; grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "a byte order mark, with Docker 20.10", script: docker20 + "sed -i '1s/^/\\xef\\xbb\\xbf/' \(daemon)",
      codes: ["daemon-json-invalid"], after: "head -c 1 \(daemon) | grep -q '{'"),
    .init(
      what: "a byte order mark, with a Docker that takes it", script: docker23 + "sed -i '1s/^/\\xef\\xbb\\xbf/' \(daemon)", codes: [],
      isRepairable: false),
    .init(
      what: "a second object, with Docker 20.10", script: docker20 + "echo '{}' >> \(daemon)", codes: ["daemon-json-invalid"],
      isRepairable: false),
    .init(
      what: "a second object, and data-root in the home, with Docker 20.10",
      script: docker20 + put(daemon, "{ \"data-root\": \"/home/alice/docker\" } {}"), codes: ["daemon-json-invalid", "data-root-network"],
      isRepairable: false),
    .init(
      what: "a comma in data-root, with Docker 20.10", script: docker20 + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker,x\" }"),
      codes: ["data-root-missing"], after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "the driver vfs of Docker", script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"storage-driver\": \"vfs\" }"),
      codes: ["docker-driver"], isRepairable: false),
    .init(
      what: "a comma in data-root", script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker,x\" }"), codes: ["docker-driver"],
      isRepairable: false),
    .init(
      what: "a colon in data-root", script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker:x\" }"), codes: ["docker-driver"],
      isRepairable: false),
    .init(
      what: "a colon in the data-root of a unit",
      script: unit("/etc", "/usr/bin/dockerd-rootless.sh --data-root '/var/tmp/%u/d:x'") + put(daemon, "{}"), codes: ["docker-driver"],
      isRepairable: false),
    .init(
      what: "the driver overlay, with Docker 20.10",
      script: docker20 + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"storage-driver\": \"overlay\" }"),
      codes: ["docker-driver"], isRepairable: false),
    .init(
      what: "a key that only Docker 20.10 takes",
      script: docker20 + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"cluster-store-opts\": {} }"),
      codes: ["daemon-json-key"], isRepairable: false),
    .init(
      what: "an empty daemon.json, with Docker 20.10", script: docker20 + ": > \(daemon)", codes: ["data-root-missing"],
      after: "grep -q '\"/var/tmp/alice/docker\"' \(daemon)"),
    .init(
      what: "a key with capitals", script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"Debug\": true }"),
      codes: ["daemon-json-key"], isRepairable: false),
    .init(
      what: "a key that Docker does not know", script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"_comment\": \"x\" }"),
      codes: ["daemon-json-key"], isRepairable: false),
    .init(
      what: "a value of another kind",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"dns\": \"10.0.0.1\", \"debug\": null }"),
      codes: ["daemon-json-key"], isRepairable: false),
    .init(
      what: "userns-remap for a rootless daemon",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"userns-remap\": \"default\" }"), codes: ["daemon-json-key"],
      isRepairable: false),
    .init(
      what: "values inside lists and objects that are of another kind",
      script: put(
        daemon,
        "{ \"data-root\": \"/var/tmp/alice/docker\", \"dns\": [8], \"features\": { \"buildkit\": \"true\" }, \"mtu\": 1450.5, \"default-address-pools\": [{ \"base\": \"10.1.0.0/16\", \"size\": \"24\" }] }"
      ), codes: ["daemon-json-key", "daemon-json-key", "daemon-json-key", "daemon-json-key"], isRepairable: false,
      says: "has [0].size, which is not a whole number"),
    .init(
      what: "values that Docker does not take",
      script: put(
        daemon,
        "{ \"data-root\": \"/var/tmp/alice/docker\", \"default-ipc-mode\": \"host\", \"insecure-registries\": [\"my_registry:5000\"], \"registry-mirrors\": [\"https://user:x@mirror.example\"], \"tls\": true }"
      ), codes: ["daemon-json-key", "daemon-json-key", "daemon-json-key", "daemon-json-key"], isRepairable: false),
    .init(
      what: "registries and mirrors that are good",
      script: put(
        daemon,
        "{ \"data-root\": \"/var/tmp/alice/docker\", \"insecure-registries\": [\"10.0.0.0/8\", \"registry.example:5000\", \"http://registry.example\", \"[fd00::1]:5000\"], \"registry-mirrors\": [\"https://mirror.example/\", \"http://mirror.example:5000\"], \"dns-search\": [\"lab.example.\", \".\"], \"proxies\": { \"no-proxy\": \"localhost\" } }"
      ), codes: [], isRepairable: false),
    .init(
      what: "a key that the dockerd of this host does not have",
      script: docker23 + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"log-format\": \"json\" }"), codes: ["daemon-json-key"],
      isRepairable: false),
    .init(
      what: "a key that the dockerd of this host has",
      script: dockerd("config.MaskCredentials json:\\042log-format,omitempty\\042 json:\\042firewall-backend")
        + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"log-format\": \"json\" }"), codes: [], isRepairable: false),
    .init(
      what: "a snapshotter's name, and the snapshotters are off",
      script: put(
        daemon,
        "{ \"data-root\": \"/var/tmp/alice/docker\", \"storage-driver\": \"overlayfs\", \"features\": { \"containerd-snapshotter\": false } }"
      ),
      codes: ["docker-driver"], after: "if grep storage-driver \(daemon); then exit 1; fi"),
    .init(
      what: "an option of a unit that Docker does not know, and one that the file has too",
      script: unit("/etc", "dockerd-rootless.sh --nonsense --debug --log-level info")
        + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"debug\": true }"), codes: ["daemon-json-key", "data-root-twice"],
      isRepairable: false),
    .init(
      what: "good options of a unit",
      script: unit("/etc", "dockerd-rootless.sh --experimental -l info --label a=b --host unix:///run/user/4001/docker.sock")
        + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\" }"), codes: [], isRepairable: false),
    .init(
      what: "a data-root without the write bit, which dockerd as root of its namespace does not need",
      script: "install -d -m 500 -o 4001 -g 4001 /var/tmp/alice/docker", codes: [], isRepairable: false),
    .init(
      what: "root's directory in Docker's store",
      script: "install -d -o 4001 -g 4001 /var/tmp/alice/docker; mkdir /var/tmp/alice/docker/overlay2",
      codes: ["store-owner"], isRepairable: false, says: "Docker cannot use it"),
    .init(
      what: "root's directory in Docker's store, without which it starts",
      script: "install -d -o 4001 -g 4001 /var/tmp/alice/docker; mkdir /var/tmp/alice/docker/tmp /var/tmp/alice/docker/runtimes", codes: [],
      isRepairable: false),
    .init(
      what: "a network database of Docker's that is full of NULs", script: docker23 + nulls("network/files", "local-kv.db"),
      codes: ["docker-store"], isRepairable: false, says: "is no database any more"),
    .init(
      what: "an empty database of Docker's", script: docker23 + inDocker("network/files") + ": > \(data)/network/files/local-kv.db",
      codes: [], isRepairable: false),
    .init(
      what: "a history of builds that is full of NULs", script: docker23 + nulls("buildkit", "history.db"), codes: ["docker-store"],
      isRepairable: false),
    .init(
      what: "the same with a Docker that has none", script: docker20 + nulls("buildkit", "history.db"), codes: [], isRepairable: false),
    .init(
      what: "an empty list of images' names",
      script: docker23 + inDocker("image/overlay2") + ": > \(data)/image/overlay2/repositories.json",
      codes: ["docker-store"], isRepairable: false, says: "it is empty"),
    .init(
      what: "a file for Docker's volumes", script: docker23 + inDocker("") + "touch \(data)/volumes; chown 4001 \(data)/volumes",
      codes: ["docker-store"], isRepairable: false, says: "is a file"),
    .init(
      what: "images of fuse-overlayfs, which has gone, in Docker's store", script: docker23 + inDocker("fuse-overlayfs/x"),
      codes: ["docker-driver"], isRepairable: false),
    .init(
      what: "images of two drivers in Docker's store", script: docker23 + inDocker("fuse-overlayfs/x") + inDocker("overlay2/x"),
      codes: ["docker-driver"], isRepairable: false, says: "storage-driver does not say which"),
    .init(
      what: "docker.pid of another process", script: docker23 + inRuntime("printf '1\\n' > docker.pid"), codes: ["docker-store"],
      isRepairable: false, says: "names the process 1, which is another one by now"),
    .init(
      what: "the same with what a RootlessKit has left that is gone",
      script: docker23 + inRuntime("mkdir dockerd-rootless; printf 2999999 > dockerd-rootless/child_pid; printf 1 > docker.pid"),
      codes: ["docker-store"], isRepairable: false),
    .init(
      what: "docker.pid of a dockerd that runs",
      script: docker23
        + inRuntime(
          "mkdir /usr/local/bin/x; cp /bin/sleep /usr/local/bin/x/dockerd; /usr/local/bin/x/dockerd 300 < /dev/null > /dev/null 2>&1 & printf %s $! > docker.pid; until [ \"$(cat /proc/$!/comm)\" = dockerd ]; do sleep 0.05; done"
        ), codes: [], isRepairable: false),
    .init(
      what: "docker.pid with a number of RootlessKit's own namespace of processes",
      script: docker23
        + inRuntime(
          "setpriv --reuid 4001 --regid 4001 --clear-groups setsid unshare --user sleep 300 < /dev/null > /dev/null 2>&1 & kit=$!; until [ \"$(cat /proc/$kit/comm)\" = sleep ]; do sleep 0.05; done; printf '0 4001 1\\n1 700000 65536\\n' > /run/map; cat /run/map > /proc/$kit/uid_map; mkdir dockerd-rootless; printf %s $kit > dockerd-rootless/child_pid; printf 1 > docker.pid"
        ), codes: [], isRepairable: false),
    .init(
      what: "docker.pid of a process that is gone", script: docker23 + inRuntime("printf 2999999 > docker.pid"), codes: [],
      isRepairable: false),
    .init(what: "an empty docker.pid", script: docker23 + inRuntime(": > docker.pid"), codes: [], isRepairable: false),
    .init(
      what: "more than a number in docker.pid", script: docker23 + inRuntime("printf '1 1' > docker.pid"), codes: [], isRepairable: false),
    .init(
      what: "docker.pid of another process, where daemon.json names another file",
      script: docker23
        + put(daemon, "{ \"data-root\": \"\(data)\", \"pidfile\": \"/var/tmp/alice/docker.pid\" }") + "\n"
        + inRuntime("printf 1 > docker.pid"), codes: [], isRepairable: false),
    .init(
      what: "a directory for docker.pid", script: docker23 + inRuntime("mkdir docker.pid"), codes: ["docker-store"], isRepairable: false,
      says: "is a directory, and has to be a file of Docker's"),
    .init(
      what: "docker.pid is a link into a directory that does not exist", script: docker23 + inRuntime("ln -s none/none docker.pid"),
      codes: ["docker-store"], isRepairable: false, says: "is a symbolic link into a directory that does not exist"),
    .init(
      what: "docker.pid is a link to a file that Docker can make", script: docker23 + inRuntime("ln -s none docker.pid"), codes: [],
      isRepairable: false),
    .init(
      what: "a directory for docker.sock", script: docker23 + inRuntime("mkdir docker.sock"), codes: ["docker-store"], isRepairable: false,
      says: "is a directory, and has to be a socket of Docker's"),
    .init(
      what: "the same, where Docker listens elsewhere",
      script: docker23
        + put(daemon, "{ \"data-root\": \"\(data)\", \"hosts\": [\"unix:///run/user/4001/d.sock\"] }") + "\n"
        + inRuntime("mkdir docker.sock"), codes: [], isRepairable: false),
    .init(what: "a file for docker.sock", script: docker23 + inRuntime(": > docker.sock"), codes: [], isRepairable: false),
    .init(
      what: "files for the directories of Docker's in the runtime directory",
      script: docker23 + inRuntime(": > docker; : > dockerd-rootless"),
      codes: ["docker-store", "docker-store"], isRepairable: false, says: "is a file, and has to be a directory of Docker's"),
    .init(
      what: "a file for the exec-root that daemon.json does not name",
      script: docker23
        + put(daemon, "{ \"data-root\": \"\(data)\", \"exec-root\": \"/run/user/4001/d\" }") + "\n" + inRuntime(": > docker"), codes: [],
      isRepairable: false),
    .init(
      what: "exec-root is data-root", script: put(daemon, "{ \"data-root\": \"\(data)\", \"exec-root\": \"\(data)\" }"),
      codes: ["exec-root-unusable"], after: "if grep exec-root \(daemon); then exit 1; fi"),
    .init(
      what: "daemon.json is /dev/null", script: "rm \(daemon); ln -s /dev/null \(daemon)", codes: ["data-root-missing"],
      isRepairable: false),

    .init(
      what: "many keys that are good",
      script: put(
        daemon,
        "{ \"data-root\": \"/var/tmp/alice/docker\", \"features\": { \"containerd-snapshotter\": true }, \"storage-driver\": \"stargz\", \"registry-mirrors\": [\"https://x\"], \"log-opts\": {}, \"mtu\": 1400 }"
      ), codes: [], isRepairable: false),
    .init(
      what: "a driver that rootless Docker has not",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"storage-driver\": \"overlay\" }"), codes: ["docker-driver"],
      after: "if grep storage-driver \(daemon); then exit 1; fi"),
    .init(
      what: "a driver of another file system",
      script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"storage-driver\": \"btrfs\" }"), codes: ["docker-driver"],
      after: "if grep storage-driver \(daemon); then exit 1; fi"),
    .init(
      what: "exec-root in the home", script: put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"exec-root\": \"/home/alice/x\" }"),
      codes: ["exec-root-unusable"], after: "if grep exec-root \(daemon); then exit 1; fi"),
    .init(
      what: "data-root in memory",
      script:
        "install -d -m 755 /var/tmp/m; install -d -o 4001 /var/tmp/m/a; mount -t tmpfs -o noexec,size=50m,uid=4001,mode=700 none /var/tmp/m/a; "
        + put(daemon, "{ \"data-root\": \"/var/tmp/m/a/docker\" }"), codes: ["storage-volatile", "storage-noexec", "storage-space"],
      isRepairable: false),
    .init(
      what: "data-root of a drop-in of the host's, in the home",
      script: unit("/etc", "dockerd-rootless.sh --data-root %h/d") + put(daemon, "{}"), codes: ["data-root-network"], isRepairable: false),
    .init(
      what: "data-root by its short name, in the storage directory",
      script: unit("/etc", "/usr/bin/dockerd-rootless.sh -g '/var/tmp/%u/docker'") + put(daemon, "{}"), codes: ["data-root-old-key"],
      isRepairable: false),
    .init(
      what: "data-root that the manager alone knows", script: unit("/run", "dockerd-rootless.sh --data-root=${ROOT}") + put(daemon, "{}"),
      codes: ["data-root-unknown"], isRepairable: false),
    .init(
      what: "a drop-in of the user's that hides the host's",
      script: unit("/etc", "dockerd-rootless.sh --data-root=%h/d")
        + "d=/home/alice/.config/systemd/user/docker.service.d; mkdir -p $d; : > $d/x.conf; chown -R 4001 /home/alice/.config/systemd",
      codes: [], isRepairable: false),
    .init(
      what: "another daemon.json, which is not there", script: unit("/etc", "dockerd-rootless.sh --config-file %h/d.json"),
      codes: ["daemon-json-unreadable"], isRepairable: false),
    .init(
      what: "another daemon.json, with the storage in the home",
      script: unit("/etc", "dockerd-rootless.sh --config-file=/home/alice/d.json")
        + put("/home/alice/d.json", "{ \"data-root\": \"/home/alice/d\" }"), codes: ["data-root-network"], isRepairable: false),
    .init(
      what: "a driver on the command line too",
      script: unit("/etc", "dockerd-rootless.sh -s overlay2")
        + put(daemon, "{ \"data-root\": \"/var/tmp/alice/docker\", \"storage-driver\": \"overlay2\" }"), codes: ["data-root-twice"],
      isRepairable: false),

    // The rest of the home
    .init(
      what: "images from earlier attempts",
      script:
        "mkdir -p /home/alice/.local/share/containers/storage/overlay; head -c 5000000 /dev/zero > /home/alice/.local/share/containers/storage/overlay/layer; chown -R 4001 /home/alice/.local",
      codes: ["images-in-home"], isRepairable: false),
    .init(
      what: "volumes on the local disk",
      script:
        "for d in containers/storage docker; do install -d -o 4001 -g 4001 /var/tmp/alice/$d /var/tmp/alice/$d/volumes /var/tmp/alice/$d/volumes/{thesis,empty} /var/tmp/alice/$d/volumes/{thesis,empty}/_data; done; echo 1 | tee /var/tmp/alice/containers/storage/volumes/thesis/_data/db > /var/tmp/alice/docker/volumes/thesis/_data/db",
      codes: ["volumes-local", "volumes-local"], isRepairable: false),
    .init(
      what: "what an interrupted login left",
      script:
        "rm \(conf); touch /home/alice/.config/containers/.rootless-storage.999999.1.1.$(hostname); chown 4001 /home/alice/.config/containers/.root*",
      codes: ["leftover", "storage-conf-missing"],
      after: "test ! -e /home/alice/.config/containers/.rootless-storage.999999.1.1.$(hostname)"),
    .init(what: "the home is gone", script: "mv /home/alice /home/away", codes: ["home-unusable"], isRepairable: false),
    .init(what: "the home is somebody else's", script: "chown 4002 /home/alice", codes: ["home-unusable"], isRepairable: false),

    // Whom the settings exclude: what is missing is none of the module's business
    .init(
      what: "excluded by name",
      script: "echo 'exclude_users = alice' >> /etc/rootless-storage/rootless-storage.conf; rm -r /var/tmp/alice \(conf)",
      codes: ["account-excluded"], isRepairable: false),
    .init(
      what: "excluded by a group",
      script:
        "echo lab:x:5005:alice >> /etc/group; echo 'exclude_groups = 5005' >> /etc/rootless-storage/rootless-storage.conf; chmod 777 /var/tmp/alice",
      codes: ["account-excluded"], isRepairable: false),
    .init(
      what: "excluded, or not: nobody knows",
      script: "echo 'exclude_groups = lab' >> /etc/rootless-storage/rootless-storage.conf; rm \(conf)", codes: ["account-refused"],
      isRepairable: false),
    .init(
      what: "in more groups than are looked at, of which some are excluded",
      script:
        "for i in $(seq 10000 14999); do echo g$i:x:$i:alice; done >> /etc/group; echo 'exclude_groups = 14999' >> /etc/rootless-storage/rootless-storage.conf; rm \(conf)",
      codes: ["account-refused"], isRepairable: false),

    // Subordinate ids
    .init(what: "no subordinate ids", script: "sed -i /alice/d /etc/subuid /etc/subgid", codes: ["subuid-missing"], isRepairable: false),
    .init(
      what: "no subordinate ids, where logins give them out", script: "sed -i /alice/d /etc/subuid /etc/subgid", codes: ["subuid-missing"],
      after: "grep -qx alice:196773536:65536 /etc/subuid && grep -qx alice:196773536:65536 /etc/subgid", settings: SubidsTests.allocating),
    .init(
      what: "few subordinate ids, where logins give them out", script: "sed -i s/alice:100000:65536/alice:100000:1000/ /etc/subuid",
      codes: ["subuid-small"],
      after: "grep -qx alice:196773536:65536 /etc/subuid", settings: SubidsTests.allocating),
    .init(what: "the same line twice", script: "sed -i p /etc/subuid", codes: ["subuid-overlap"], isRepairable: false),
    .init(
      what: "a single gid of a group", script: "echo video:x:44: >> /etc/group; echo alice:44:1 >> /etc/subgid", codes: ["subuid-overlap"],
      isRepairable: false),
    .init(
      what: "subordinate ids in hexadecimal digits", script: "sed -i s/alice:100000/alice:0x186a0/ /etc/subuid", codes: ["subuid-missing"],
      isRepairable: false),
    .init(
      what: "subordinate ids beyond the last one", script: "sed -i s/alice:100000/alice:4294901760/ /etc/subuid", codes: ["subuid-missing"],
      isRepairable: false),
    .init(
      what: "subordinate ids under the number only", script: "sed -i s/^alice:/4001:/ /etc/subuid", codes: ["subid-name"],
      isRepairable: false),
    .init(
      what: "few subordinate ids", script: "sed -i s/alice:100000:65536/alice:100000:1000/ /etc/subuid", codes: ["subuid-small"],
      isRepairable: false),
    .init(
      what: "subordinate ids that overlap", script: "sed -i s/mallory:200000/mallory:120000/ /etc/subgid", codes: ["subuid-overlap"],
      isRepairable: false),
    .init(
      what: "a pause process with other ids",
      script:
        "\(SubidsTests.paused())\n\(SubidsTests.managed())\n\(put("/usr/local/bin/podman", SubidsTests.podman)); chmod 755 /usr/local/bin/podman",
      codes: ["migrate-needed"],
      after: "grep -qx 'arguments: system migrate' /var/tmp/alice/podman.log; rm /var/tmp/alice/podman.log"),
    .init(
      what: "a pause process with other ids, and more than a number in pause.pid",
      script:
        "\(SubidsTests.paused())\necho >> /run/user/4001/libpod/tmp/pause.pid\n\(SubidsTests.managed())\n\(put("/usr/local/bin/podman", SubidsTests.podman)); chmod 755 /usr/local/bin/podman",
      codes: ["migrate-needed"],
      after: "grep -qx 'arguments: system migrate' /var/tmp/alice/podman.log; rm /var/tmp/alice/podman.log"),
    .init(
      what: "subordinate ids from elsewhere", script: "echo 'subid: sss' >> /etc/nsswitch.conf", codes: ["subid-source"],
      isRepairable: false),
  ]

  @Test(arguments: situations)
  func `is found, and fixed where that is promised`(situation: Situation) throws {
    let machine = try Machine.good(settings: situation.settings)
    #expect(try machine.check("alice").codes == [], "good before")
    try machine.sure(situation.script)
    let before = try machine.snapshot("/home /var/tmp")
    let found = try machine.check("alice")
    #expect(found.codes.sorted() == situation.codes.sorted(), "\(found)")
    #expect(situation.says.isEmpty || found.users[0].findings.contains { $0.sentence.contains(situation.says) }, "\(found)")
    // With all users she is told the same, where she has been seen on this host.
    func told(_ user: Report.User?) -> [String] { (user?.findings ?? []).map { "\($0.severity) \($0.code): \($0.sentence) \($0.remedy)" } }
    if let all = try? machine.check("--all").users.first(where: { $0.name == "alice" }) { #expect(told(all) == told(found.users.first)) }
    for finding in found.users.first?.findings ?? [] {
      #expect(finding.isRepairable == situation.isRepairable, "\(finding)")
      #expect(finding.sentence.hasSuffix(".") && !finding.remedy.isEmpty)
    }
    #expect(try machine.snapshot("/home /var/tmp") == before, "check changes nothing")
    let plan = try machine.repair("--dry-run alice").users.first?.actions ?? []
    #expect(try machine.snapshot("/home /var/tmp") == before, "a plan changes nothing")
    #expect(plan.isEmpty != situation.isRepairable, "\(plan)")
    let repair = try machine.repair("alice")
    let actions = repair.users.first?.actions ?? []
    #expect(actions.allSatisfy { $0.outcome == "done" }, "\(actions)")
    #expect(actions.map(\.action).sorted() == plan.map(\.action).sorted(), "what was planned is what is done")
    #expect(try machine.check("alice").codes.sorted() == (situation.isRepairable ? [] : situation.codes.sorted()))
    if !situation.isRepairable { #expect(try machine.snapshot("/home /var/tmp") == before, "what is not fixed is left alone") }
    let after = try machine.sh("set -e; \(situation.after)")
    #expect(after.status == 0, "\(situation.after): \(after)")
    // And once more: nothing is left to do.
    if situation.isRepairable {
      let state = try machine.snapshot("/home /var/tmp")
      #expect(try machine.repair("alice").users.first?.actions?.isEmpty == true)
      #expect(try machine.snapshot("/home /var/tmp") == state)
    }
  }
}
