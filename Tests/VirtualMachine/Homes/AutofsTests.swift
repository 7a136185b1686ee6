import Foundation
import TestSupport
import Testing

extension NetworkTests {
  /// What autofs does to a login: by its maps, its mounts and its daemon.
  @Suite(.serialized) struct AutofsTests {
    /// Options of a map entry, as the wildcard maps of the machine have them.
    private static let options = "$(sed -n 's/^\\* \\(-[^ ]*\\) .*/\\1/p' /etc/auto.$type)"
    /// autofs remembers a failure for a while.
    private static let remembers = "sleep 4"

    private static let ownConfig = """
      install -d -m 700 -o $user -g $user $export/$user/.config $export/$user-config
      echo "$user \(options) / nfs-server:$export/$user /.config nfs-server:$export/$user-config" >>/etc/auto.keys
      systemctl reload autofs
      sleep 1
      """
    private static let configState = "state $user; state $user $export/$user-config .config"

    static let faults: [HomeFault] = [
      .init(
        what: "an indirect map has no entry, and gets one", before: "true", home: "/home/keys/USER", fault: "true",
        says: [HomeFault.missing],
        undo: "echo \"$user \(options) nfs-server:$export/$user\" >>/etc/auto.keys; \(remembers)"),
      .init(
        what: "an entry of a direct map", before: "true", home: "/home/direct/USER",
        fault: "echo \"$home \(options) nfs-server:$export/$user\" >>/etc/auto.direct; systemctl reload autofs; sleep 1", says: [],
        created: 3, undo: "true"),
      .init(
        what: "the server is down, and nothing mounted", before: "true", fault: "systemctl stop nfs-server", says: [HomeFault.missing],
        undo: "systemctl start nfs-server; \(remembers)"),
      .init(
        what: "packets vanish, and nothing is mounted", before: "true", fault: "nfs-server-link down lab1", timeout: 2,
        says: [HomeFault.killed],
        undo: "nfs-server-link up lab1; \(remembers); mounted $user"),
      .init(
        what: "the mount has expired",
        fault:
          "for i in $(seq 50); do grep -q \" $home \" /proc/mounts || break; pkill -USR1 automount; sleep 0.2; done; ! grep \" $home \" /proc/mounts",
        says: [], created: 3, undo: "grep -q \" $home \" /proc/mounts"),
      .init(what: "autofs is stopped", fault: "systemctl stop autofs", says: [HomeFault.missing], undo: "systemctl start autofs"),
      .init(
        what: "the daemon of autofs is killed", before: "true", fault: "pkill -KILL automount; sleep 0.5", says: [HomeFault.missing],
        undo: "systemctl restart autofs"),
      .init(
        what: "the daemon of autofs hangs", before: "true", fault: "pkill -STOP automount", timeout: 2, says: [HomeFault.killed],
        undo: "pkill -CONT automount; \(remembers)"),
      .init(
        what: "the home is a symbolic link into a mount that is not there yet", before: "true", home: "/home/link-USER",
        fault: "ln -s /home/$type/$user $home", says: [],
        created: 3, undo: "true", cleanUp: "umount /home/$type/$user; rm $home"),
      .init(
        what: "a symbolic link into a mount whose server is down", before: "true", home: "/home/link-USER",
        fault: "ln -s /home/$type/$user $home; systemctl stop nfs-server",
        says: [HomeFault.missing], undo: "systemctl start nfs-server; \(remembers)", cleanUp: "umount /home/$type/$user; rm $home"),
      .init(
        // autofs looks for the place of the second mount as root.
        what: "~/.config is a mount of its own in a home that root may not enter, and then may", before: "true", home: "/home/keys/USER",
        fault: ownConfig,
        says: [HomeFault.missing], undo: "chmod 711 $export/$user; \(remembers)", cleanUp: "true", state: configState),
    ]

    private static let maps = """
      echo '/home/keys /etc/auto.keys --timeout=300 --negative-timeout=3
      /- /etc/auto.direct --timeout=300 --negative-timeout=3' >/etc/auto.master.d/more.autofs
      touch /etc/auto.keys /etc/auto.direct
      systemctl restart autofs
      """

    @Test(arguments: NetworkLab.types)
    func `whatever autofs does, the login goes on, and ends right when it is over`(type: String) throws {
      let lab = try NetworkLab(type: type)
      try lab.sh(AutofsTests.maps)
      for (number, fault) in AutofsTests.faults.enumerated() where NetworkLab.isDue(fault, number, type) {
        for problem in try lab.problems(of: fault, number: number) { Issue.record("\(problem)") }
      }
    }
  }
}
