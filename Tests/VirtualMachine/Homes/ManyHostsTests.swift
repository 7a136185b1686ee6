import Foundation
import TestSupport
import Testing

extension NetworkTests {
  /// Several hosts open the first session of one user at the same moment: lab1, which is the server too, lab2, and lab3, which is a network
  /// namespace of lab2 with an address, a name and a mount of its own. NFS tells clients apart by those, as our temporary files' names do.
  @Suite(.serialized) struct ManyHostsTests {
    private static let rounds = NetworkLab.isFull ? 200 : 10
    private static let hosts = 3

    /// One account for each round, in a mount that stays: hosts that have to mount first do not meet.
    private static func prepare(_ type: String) -> String {
      """
      mkdir -p /home/rounds
      for n in $(seq -w 1 \(rounds)); do
        echo "round$n:x:5000:5000::/home/rounds/round$n:/bin/sh" >>/etc/passwd
        if [ $(hostname) = lab1 ]; then install -d -m 700 -o 5000 -g 5000 $export/rounds/round$n; fi
      done
      echo round:x:5000: >>/etc/group
      echo 'session required pam_rootless_storage.so timeout=60' >/etc/pam.d/tested
      # Hosts are not so much in step that they often come to link(2) together: here they wait before it, and all have looked by then.
      printf '#!/bin/sh\nexec strace -qq -A -o /run/links -e trace=linkat -e inject=linkat:delay_enter=2000000:when=1 /usr/libexec/rootless-storage/session-helper "$@"\n' >/run/waiting-helper
      chmod 755 /run/waiting-helper
      echo 'session required pam_rootless_storage.so timeout=60 helper=/run/waiting-helper' >/etc/pam.d/tested-waiting
      mount -t nfs -o hard,vers=\(type == "nfs3" ? "3,nolock" : "4.2") nfs-server:$export/rounds /home/rounds
      cat >/run/rounds <<'PYTHON'
      # rounds N [HOSTS]: opens the sessions, each when all hosts are ready. With HOSTS it is the one that says when.
      import random, socket, subprocess, sys, time
      def lines(connection): return connection.makefile("rw", newline="\\n")
      def say(peer, word): print(word, file=peer, flush=True)
      rounds = int(sys.argv[1])
      peers = []
      if len(sys.argv) > 2:
        listener = socket.create_server(("192.168.77.1", 7000))
        peers = [lines(listener.accept()[0]) for _ in range(int(sys.argv[2]) - 1)]
      else:
        for _ in range(300):
          try: server = lines(socket.create_connection(("192.168.77.1", 7000))); break
          except OSError: time.sleep(0.1)
      random.seed(socket.gethostname())
      width = len(str(rounds))
      for number in range(1, rounds + 1):
        if peers:
          for peer in peers: peer.readline()
          for peer in peers: say(peer, "go")
        else:
          say(server, "ready")
          if server.readline() != "go\\n": sys.exit("the others are gone")
        time.sleep(random.choice([0, 0, 0, 0.005, 0.02]))
        output = subprocess.run(["pam-host", "/etc/pam.d", "tested" if number % 2 else "tested-waiting", "round" + str(number).zfill(width)], capture_output=True, text=True).stdout
        if not output.startswith("open=0 close=0 "): sys.exit("round %d: %s" % (number, output))
      print("done")
      PYTHON
      """
    }

    /// In lab2.
    private static let third = """
      ip link add third link site type macvlan mode bridge
      unshare --mount --uts --net sleep infinity >/dev/null 2>&1 &
      holder=$!
      echo $holder >/run/third
      until [ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
      ip link set third netns $holder
      nsenter -t $holder -m -u -n bash -c '
        hostname lab3
        ip link set lo up
        ip address add 192.168.77.3/24 dev third
        ip link set third up
        mount -t tmpfs -o mode=1777 storage /var/tmp'
      """

    @Test(arguments: NetworkLab.types)
    func `several hosts at once make one whole file each, and say so once`(type: String) throws {
      let lab = try NetworkLab([.lab1, .lab2], type: type, processors: 2)
      try lab.sh("mkdir $export/rounds")
      // In the namespace first: what lab2 has mounted would be shared with it, one client for both.
      try lab.sh(ManyHostsTests.third, on: .lab2)
      try lab.sh(ManyHostsTests.prepare(type), on: .lab1)
      try lab.sh(
        """
        cat >/run/prepare <<'END'
        set -e
        . /run/network
        \(ManyHostsTests.prepare(type))
        END
        cp -p /etc/passwd /etc/group /run
        nsenter -t $(cat /run/third) -m -u -n bash /run/prepare
        cp -p /run/passwd /run/group /etc
        bash /run/prepare
        nsenter -t $(cat /run/third) -m -u -n grep ' /home/rounds ' /proc/mounts | tail -n 1
        """, on: .lab2)

      let (rounds, hosts) = (ManyHostsTests.rounds, ManyHostsTests.hosts)
      let outputs = try lab.lab.atOnce([
        (.lab1, "python3 /run/rounds \(rounds) \(hosts)"), (.lab2, "python3 /run/rounds \(rounds)"),
        (.lab2, "nsenter -t $(cat /run/third) -m -u -n python3 /run/rounds \(rounds)"),
      ])
      #expect(outputs.map(\.text) == Array(repeating: "done\n", count: hosts), "\(outputs)")

      var logged: [Substring: [String]] = [:]
      for host in [Lab.Host.lab1, .lab2] {
        for line in try lab.lab.log(of: "tested[a-z-]*", on: host) { logged[line.prefix { $0 != ":" }, default: []].append(line) }
      }
      let states = try lab.sh("for home in $export/rounds/*; do user=${home##*/}; echo \"$user $(state $user $home | tr '\\n' ';')\"; done")
        .lines
      #expect(logged.count == rounds && states.count == rounds)
      for state in states {
        let user = state.prefix { $0 != " " }
        let created = NetworkLab.created(String(user), "/home/rounds/\(user)").map(\.text)
        let expected = Array(repeating: created[0], count: hosts) + created.dropFirst()
        #expect(logged[user, default: []].sorted() == expected.sorted(), "\(logged[user, default: []])")
        #expect(state == "\(user) \(NetworkLab.complete.map { $0 + ";" }.joined())")
      }
      // They did meet.
      let late = try [Lab.Host.lab1, .lab2].map { Int(try lab.sh("grep -c EEXIST /run/links || true", on: $0).lines[0]) ?? 0 }
      #expect(late.reduce(0, +) > 0, "\(late)")
      for host in [Lab.Host.lab1, .lab2] { #expect(try lab.sh("pgrep -a session-helper || true", on: host).text == "") }
    }
  }
}
