import Foundation
import TestSupport
import Testing

extension NetworkTests {
  /// What file servers and networks do to a login.
  @Suite(.serialized) struct NetworkFaultTests {

    private static let quota = "free some of the quota on the home and log in again"
    private static let stale = "unmount it on this host and log in again, for what was mounted is gone on the server or no longer exported"
    private static let denied =
      "5 home HOME cannot be reached by its user: Permission denied, nothing is done; check its mode and the options of its export, or it is a FUSE mount without allow_other"
    private static let exportAgain = "exportfs -u $clients:$export; exportfs -ra; exportfs -f"

    static let faults: [HomeFault] = [
      .init(
        what: "the server is stopped", fault: "systemctl stop nfs-server", timeout: 2, says: [HomeFault.killed],
        undo: "systemctl start nfs-server; mounted $user"),
      .init(
        what: "packets vanish", fault: "nfs-server-link down lab1", timeout: 2, says: [HomeFault.killed],
        undo: "nfs-server-link up lab1; mounted $user"),
      .init(
        // A client that still remembers that the user may enter the home is refused one step later, and not every client that is told to
        // forget does.
        what: "the export is withdrawn", fault: "exportfs -u $clients:$export; exportfs -f; echo 3 >/proc/sys/vm/drop_caches",
        says: [denied],
        or: (HomeFault.failed("Stale file handle", stale), 1), undo: "exportfs -ra; exportfs -f"),
      .init(
        what: "the export is read-only", fault: "export_with ro,sync,no_subtree_check",
        says: HomeFault.failed("Read-only file system", "make the home writable and log in again"), created: 1, undo: exportAgain),
      .init(
        what: "the mount is read-only", fault: "mount -o remount,ro $home",
        says: HomeFault.failed("Read-only file system", "make the home writable and log in again"),
        created: 1, undo: "mount -o remount,rw $home"),
      .init(what: "the export has another fsid", fault: "export_with $good,fsid=77", says: [], created: 3, undo: exportAgain),
      .init(
        what: "the home is another user's", before: "true", fault: "chown daemon $export/$user",
        says: ["4 home HOME is owned by uid 1, not by uid UID, nothing is done; correct the owner or the account"],
        undo: "chown $user $export/$user; umount $home"),
      .init(
        what: "the user may not enter the home", before: "true", fault: "chmod 0 $export/$user", says: [denied],
        undo: "chmod 700 $export/$user; umount $home"),
      .init(
        what: "everybody is nobody to the server", before: "true", fault: "export_with $good,all_squash", says: [denied],
        undo: "\(exportAgain); umount $home"),
      .init(
        what: "the server cannot be searched on the way to the home", only: "nfs4", before: "true", fault: "chmod 700 $export",
        says: [HomeFault.missing],
        // autofs remembers a failure for a while.
        undo: "chmod 755 $export; sleep 4"),
      .init(
        what: "the home was replaced on the server",
        fault: "cp -a $export/$user $export/$user.new; rm -r $export/$user; mv $export/$user.new $export/$user",
        says: HomeFault.failed("Stale file handle", stale), created: 1, undo: "umount $home"),
      .init(
        what: "the disk is full", before: "volume $user; mounted $user", fault: "fill $user 0",
        says: HomeFault.failed("No space left on device", "free space on the home and log in again"), created: 1,
        undo: "rm $export/$user/.fill", cleanUp: "no_volume $user",
        state: noFill),
      .init(
        what: "the disk has room for two directories", before: "volume $user; mounted $user", fault: "fill $user 2",
        says: HomeFault.failed("No space left on device", "free space on the home and log in again"), created: 1,
        undo: "rm $export/$user/.fill", cleanUp: "no_volume $user",
        state: noFill),
    ]
    private static let noFill = "state $user | grep -v '^.fill ' || true"

    /// The home itself takes one block and one inode; then come .config, containers, storage.conf, docker, daemon.json. A block that a
    /// file lacks is missed when it is written back, and NFS tells at fsync(2).
    static let quotas: [HomeFault] =
      (NetworkLab.isFull
      ? [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5)] : [(1, 0), (3, 0), (5, 0), (0, 3)]).map {
        blocks, inodes in
        let oneIsDone = max(blocks, inodes) > 3
        return .init(
          what: "a quota of \(blocks) blocks and \(inodes) inodes", before: "volume $user; mounted $user",
          fault: "quota $user \(blocks) \(inodes)",
          says: oneIsDone
            ? HomeFault.failed("Disk quota exceeded", quota, files: [".config/docker/daemon.json"])
            : HomeFault.failed("Disk quota exceeded", quota),
          created: oneIsDone ? 2 : 1, undo: "quota $user 0 0", cleanUp: "no_volume $user")
      }

    @Test(arguments: NetworkLab.types)
    func `whatever fails, the login goes on, the line says what to do, and the next one ends right`(type: String) throws {
      let lab = try NetworkLab(type: type)
      for (number, fault) in (NetworkFaultTests.faults + NetworkFaultTests.quotas).enumerated() where NetworkLab.isDue(fault, number, type)
      {
        for problem in try lab.problems(of: fault, number: number) { Issue.record("\(problem)") }
      }
    }

    /// The server goes at some moment of a first login.
    @Test(arguments: NetworkLab.types)
    func `a server that stops or restarts during a login leaves nothing that the next one does not complete`(type: String) throws {
      let lab = try NetworkLab(type: type)
      let rounds = NetworkLab.isFull ? 40 : 2
      var killed = 0
      for round in 0..<rounds {
        let user = "user\(round)"
        let home = "/home/\(type)/\(user)"
        let created = NetworkLab.created(user, home)
        // Every other one comes back while the login waits for it: the login then ends right, after the grace period.
        let comesBack = round % 2 == 0
        let moment = Double(round * 37 % 180) / 1000
        let login = try lab.session(
          user, "timeout=\(comesBack ? 60 : 2)",
          before:
            "account \(user) \(5000 + round); mounted \(user); (sleep \(moment); rpc.nfsd 0; \(comesBack ? "sleep 0.5; rpc.nfsd 4;" : "") touch /run/over) >/dev/null 2>&1 &"
        )
        #expect(login.code == 0)
        try lab.sh("for i in $(seq 300); do [ ! -e /run/over ] || break; sleep 0.1; done; rm /run/over")
        let wasKilled = Login.Line(priority: 3, text: "\(user): \(HomeFault.killed.dropFirst(2))")
        let couldNotBeEnded = Login.Line(priority: 3, text: wasKilled.text.replacing("was killed", with: "cannot be ended"))
        let done = login.log.filter { $0.priority == 6 }
        if comesBack {
          #expect(sameLines(login.log, created), "\(login)")
        } else {
          #expect(login.milliseconds <= 4000, "\(login)")
          let rest = login.log.filter { $0.priority != 6 }
          #expect(sameLines(login.log, created) || rest == [wasKilled] || rest == [couldNotBeEnded], "\(login)")
          if !rest.isEmpty { killed += 1 }
        }
        // On the server, whatever has its final name is whole.
        let state = try lab.state(user)
        #expect(!state.contains { !$0.contains("/.rootless-storage.") && $0.contains("partial") }, "\(state)")

        let next = try lab.session(user, "timeout=60", before: comesBack ? "true" : "rpc.nfsd 4; mounted \(user)")
        // Done, and not told: the helper was killed before it could.
        #expect(next.code == 0 && next.log.allSatisfy { created.contains($0) && !done.contains($0) }, "\(next) after \(login)")
        #expect(try lab.state(user) == NetworkLab.complete, "\(next) after \(login)")
        #expect(try lab.helpers() == "")
        #expect(try lab.session(user, "debug").debugs.count == 1)
      }
      #expect(killed > 0 || !NetworkLab.isFull, "no server went in time")
    }
  }
}
