import Foundation
import TestSupport
import Testing

/// One suite after another: each has a machine or two of 2 GiB.
@Suite(.serialized, .enabled(if: Lab.isPossible && Machine.host != nil, Comment(rawValue: Lab.need)))
enum NetworkTests {}

/// A lab with the module installed, in which every case has an account and a home of its own: what a client remembers of one home
/// says nothing about the next. Sessions are opened by the PAM host, whose steps beside the module's do not touch the home.
struct NetworkLab {
  let lab: Lab
  /// nfs3 or nfs4: the folder of the homes, and which version their mounts speak.
  let type: String

  static let types = ["nfs4", "nfs3"]
  static let isFull = ProcessInfo.processInfo.environment["ROOTLESS_STORAGE_FULL"] != nil

  /// At full length every fault comes in both versions, else in one.
  static func isDue(_ fault: HomeFault, _ number: Int, _ type: String) -> Bool {
    if let only = fault.only { return only == type }
    return isFull || types[number % 2] == type
  }

  /// The homes as they lie on the server.
  static let export = "/srv/export/home"

  init(_ hosts: [Lab.Host] = [.lab1], type: String, processors: Int = 1) throws {
    lab = try Lab(hosts, processors: processors)
    self.type = type
    for host in hosts {
      try lab.install(on: host)
      try lab.put(Machine.host ?? "/nonexistent", on: host)
      try lab.root("cat > /run/network <<'END'\n\(NetworkLab.functions)\nEND", on: host)
    }
  }

  /// As root, with the functions below.
  @discardableResult
  func sh(_ script: String, on host: Lab.Host = .lab1) throws -> Output {
    try lab.root("set -e; . /run/network; type=\(type)\n\(script)", on: host)
  }

  /// Opens and closes a session.
  func session(_ user: String, _ options: String, before script: String = "true", on host: Lab.Host = .lab1) throws -> Login {
    try Login(sh("\(script)\nsession \(user) \(options) 2>&1", on: host))
  }

  /// What is in the home, looked at on the server.
  func state(_ user: String) throws -> [String] { try sh("state \(user)").lines }

  /// The whole of what a login makes in a home that is empty.
  static let complete = [
    ".config d 700", ".config/containers d 700", ".config/containers/storage.conf f 644 1 whole", ".config/docker d 700",
    ".config/docker/daemon.json f 644 1 whole",
  ]

  /// The lines for it.
  static func created(_ user: String, _ home: String) -> [Login.Line] {
    [
      "created storage directory /var/tmp/\(user) (mode 0700)", "created \(home)/.config/containers/storage.conf",
      "created \(home)/.config/docker/daemon.json",
    ]
    .map { Login.Line(priority: 6, text: "\(user): \($0)") }
  }

  private static let functions = #"""
    export=/srv/export/home clients=192.168.77.0/24
    good=rw,sync,no_subtree_check,root_squash

    # account NAME UID [HOME]: an account, and an empty home on the server, 0700.
    account() {
      echo "$1:x:$2:$2::${3:-/home/$type/$1}:/bin/sh" >>/etc/passwd
      echo "$1:x:$2:" >>/etc/group
      install -d -m 700 -o "$2" -g "$2" $export/$1
    }
    home() { getent passwd "$1" | cut -d: -f6; }
    # As the user, which mounts it. A server that was away takes its time, and a mount that was being tried then fails once more, which
    # autofs remembers.
    mounted() {
      local attempt
      for attempt in $(seq 30); do
        if setpriv --reuid "$(id -u $1)" --regid "$(id -g $1)" --clear-groups timeout 100 stat "$(home $1)/." >/dev/null; then return 0; fi
        sleep 2
      done
      return 1
    }
    as() { setpriv --reuid "$(id -u $1)" --regid "$(id -g $1)" --clear-groups bash -c "cd $(home $1); $2"; }
    # The export anew, with other options.
    export_with() { exportfs -u $clients:$export; exportfs -o $1 $clients:$export; exportfs -f; }

    # session NAME OPTION…: what pam-host says, and what was logged, as "log PRIORITY TEXT".
    session() {
      local cursor name=$1
      shift
      echo "session required pam_rootless_storage.so $*" >/etc/pam.d/tested
      cursor=$(journalctl -n 1 -o cat --show-cursor | sed -n 's/^-- cursor: //p')
      # What an earlier session has logged is not left out of this one.
      rm -f /run/rootless-storage/[0-9]*
      pam-host /etc/pam.d tested $name
      log_after "$cursor" "$name"
    }
    log_after() {
      journalctl --sync
      # Not with -t: journalctl(1) of this release then leaves out the first line after the cursor.
      journalctl --after-cursor "$1" -o json --output-fields=PRIORITY,MESSAGE | python3 -c '
    import json, sys
    for line in sys.stdin:
      entry = json.loads(line)
      if str(entry["MESSAGE"]).startswith("pam_rootless_storage(tested:session): " + sys.argv[1] + ":"): print("log", entry["PRIORITY"], entry["MESSAGE"])' $2
    }

    # state NAME [DIRECTORY PATH]: the home as the server has it, or what it has at a path in it; of a file of the skeleton whether it is whole.
    state() {
      cd ${2:-$export/$1}
      find . -mindepth 1 -not -name lost+found -printf "${3:+$3/}"'%P %y %m %n %U\n' | LC_ALL=C sort | while read -r path kind mode links owner; do
        [ $kind != d ] || links=
        if [ $kind = f ]; then
          sed "s#@STORAGE@#/var/tmp/$1#g" "/etc/rootless-storage/skel/$path" 2>/dev/null | cmp -s - "./${path#"$3/"}" && links="$links whole" || links="$links partial"
        fi
        [ $owner = $(id -u $1) ] || links="$links of $owner"
        echo "$path $kind $mode${links:+ $links}"
      done
      cd /
    }

    # volume NAME: the home on a file system of its own with blocks of 1 KiB and quotas, exported by itself.
    volume() {
      truncate -s 8M /srv/volume-$1
      mkfs.ext4 -q -b 1024 -m 0 -O quota -E quotatype=usrquota /srv/volume-$1
      mount -o loop,usrquota /srv/volume-$1 $export/$1
      chown $1:$1 $export/$1
      chmod 700 $export/$1
      exportfs -o $good $clients:$export/$1
    }
    no_volume() { umount $(home $1) || true; exportfs -u $clients:$export/$1; exportfs -f; umount $export/$1; rm /srv/volume-$1; }
    # quota NAME BLOCKS INODES: what the user may have at most, the home itself included; 0: no limit. quotactl(2), Q_SETQUOTA.
    quota() {
      python3 - "$(findmnt -no SOURCE $export/$1)" $(id -u $1) $2 $3 <<'PYTHON'
    import ctypes, struct, sys
    device, (user, blocks, inodes) = sys.argv[1], map(int, sys.argv[2:])
    limits = struct.pack("8Q2I", blocks, blocks, 0, inodes, inodes, 0, 0, 0, 1 | 4, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.quotactl(0x800008 << 8, device.encode(), user, limits) != 0: sys.exit("quotactl: %d" % ctypes.get_errno())
    PYTHON
    }
    # fill NAME BLOCKS: so many of them stay free.
    fill() {
      dd if=/dev/zero of=$export/$1/.fill bs=64K 2>/dev/null || true
      dd if=/dev/zero of=$export/$1/.fill bs=1K oflag=append conv=notrunc 2>/dev/null || true
      sync
      truncate -s -$2K $export/$1/.fill
      sync
    }
    """#
}

/// Something that goes wrong with a home, and what a login into it comes to.
struct HomeFault: Sendable, CustomStringConvertible {
  let what: String
  /// Only for this kind of mounts.
  var only: String?
  /// As root on the server and client, with $user, $home and the functions of `NetworkLab`, while all is well.
  var before = "mounted $user"
  /// Where the account says that the home is, if not where the others are.
  var home: String?
  /// Then it goes wrong.
  let fault: String
  var timeout = 30
  /// What is logged, but for what was created in spite of it: "PRIORITY TEXT", with HOME and UID.
  let says: [String]
  /// What is created all the same: of the storage directory, storage.conf and daemon.json, the first so many.
  var created = 0
  /// What else may come of it, where that depends on what the client happens to remember.
  var or: (says: [String], created: Int)?
  /// The server's, and what the line tells people to do.
  let undo: String
  /// After all.
  var cleanUp = "umount $home || true"
  /// Prints what the server has of the home, if it is not all in one place.
  var state = "state $user"

  var description: String { what }

  static let killed =
    "3 the session helper was not done within the timeout and was killed, this session may be without container storage; check that the file server of the home answers, and with Kerberos its KDC and rpc.gssd"
  static let missing =
    "5 home HOME does not exist, or its file server is down, nothing is done; log in again when it is there; if autofs mounts it, check that autofs is running and has an entry for it"

  static func failed(_ cause: String, _ step: String, files: [String] = [".config/containers/storage.conf", ".config/docker/daemon.json"])
    -> [String]
  {
    files.map { "3 cannot create HOME/\($0): \(cause); \(step)" }
  }
}

extension NetworkLab {
  /// A login with the fault, one when it is over, and one that finds everything in place.
  ///
  /// - Returns: what is not as it should be.
  func problems(of fault: HomeFault, number: Int) throws -> [String] {
    let user = "user\(number)"
    let home = fault.home?.replacing("USER", with: user) ?? "/home/\(type)/\(user)"
    let set = "user=\(user) home=\(home)"
    var problems: [String] = []
    func expect(_ holds: Bool, _ text: @autoclosure () -> String) { if !holds { problems.append("\(type), \(fault.what): \(text())") } }

    try sh("\(set)\naccount $user \(5000 + number) $home\n\(fault.before)\n\(fault.fault)")
    let first = try session(user, "timeout=\(fault.timeout)")
    let created = NetworkLab.created(user, home)
    func isLogged(_ says: [String], _ count: Int) -> Bool {
      let said = says.map { line in
        let text = line.dropFirst(2).replacing("HOME", with: home).replacing("UID", with: "\(5000 + number)")
        return Login.Line(priority: Int(line.prefix(1)) ?? -1, text: "\(user): \(text)")
      }
      return sameLines(first.log, said + created.prefix(count))
    }
    expect(first.code == 0, "the session was refused: \(first)")
    let isOther = fault.or.map { isLogged($0.says, $0.created) } ?? false
    expect(isOther || isLogged(fault.says, fault.created), "logged \(first)")
    let done = isOther ? fault.or?.created ?? 0 : fault.created
    // The promise is a second over the timeout; another one for a machine that is busy.
    expect(first.milliseconds <= fault.timeout * 1000 + 2000, "took \(first.milliseconds) ms")
    let helpers = try helpers()
    expect(helpers == "", "a helper is left: \(helpers)")
    let places = try sh("\(set); \(fault.state)").lines
    expect(!places.contains { $0.contains("partial") || $0.contains("/.rootless-storage.") }, "on the server: \(places)")

    try sh("\(set)\n\(fault.undo)")
    let second = try session(user, "timeout=60")
    expect(second.code == 0 && sameLines(second.log, Array(created.dropFirst(done))), "afterwards: \(second)")
    let files = try sh("\(set); \(fault.state)").lines
    expect(files == NetworkLab.complete, "on the server: \(files)")
    let storage = try sh("stat -c '%a %U' /var/tmp/\(user) 2>&1 || true").text
    expect(storage == "700 \(user)\n", "the storage directory: \(storage)")
    let third = try session(user, "debug timeout=60")
    let inPlace = Login.Line(priority: 7, text: "\(user): storage directory /var/tmp/\(user) and the files in the home are in place")
    expect(third.code == 0 && third.log == [inPlace], "in place: \(third)")
    try sh("\(set)\n\(fault.cleanUp)")
    return problems
  }

  func helpers() throws -> String { try sh("pgrep -a session-helper || true").text }
}

/// In whatever order: journald sorts by its own clock.
func sameLines(_ left: [Login.Line], _ right: [Login.Line]) -> Bool {
  left.map { "\($0)" }.sorted() == right.map { "\($0)" }.sorted()
}
