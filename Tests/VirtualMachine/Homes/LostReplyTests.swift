import Foundation
import TestSupport
import Testing

extension NetworkTests {
  /// A request is carried out, and the server's answer gets lost: the client asks again. NFS 4.2 numbers its requests, and a server of
  /// NFS 3 remembers its latest answers; but a server that was restarted meanwhile knows neither.
  @Suite(.serialized) struct LostReplyTests {
    /// Requests of a first login, by their numbers in NFS 3 (RFC 1813).
    static let requests = [(2, "SETATTR"), (7, "WRITE"), (8, "CREATE"), (9, "MKDIR"), (12, "REMOVE"), (15, "LINK")]

    /// The first such request that goes out: what comes back is answered with a reset of the connection, as if the network had broken,
    /// until the client has to connect anew. The offsets are program version and procedure, behind a TCP header with timestamps.
    private static func lose(_ request: Int, milliseconds: Int) -> String {
      """
      nft -f - <<NFT
      table inet lost {
        set lost { type ipv4_addr; flags timeout; }
        set seen { type ipv4_addr; }
        chain out {
          type filter hook output priority 0
          tcp dport 2049 @th,416,32 3 @th,448,32 \(request) ip daddr != @seen add @lost { ip daddr timeout \(milliseconds)ms } add @seen { ip daddr }
        }
        chain in { type filter hook input priority 0; tcp sport 2049 ip saddr @lost reject with tcp reset; }
      }
      NFT
      """
    }
    private static let restart =
      "(for i in $(seq 500); do nft list set inet lost seen | grep -q elements && break; done; rpc.nfsd 0; rpc.nfsd 4) >/dev/null 2>&1 &"

    @Test func `the lost reply to a request of NFS 3 changes nothing`() throws {
      let lab = try NetworkLab(type: "nfs3")
      let kinds = NetworkLab.isFull ? [false, true, false, true, true, true] : [false, true]
      for (number, name) in LostReplyTests.requests {
        for (round, isRestarted) in kinds.enumerated() {
          let user = "\(name.lowercased())\(round)"
          let login = try lab.session(
            user, "timeout=60",
            before: """
              account \(user) \(5000 + number * 10 + round); mounted \(user)
              \(LostReplyTests.lose(number, milliseconds: isRestarted ? 1500 : 300))
              \(isRestarted ? LostReplyTests.restart : "true")
              """)
          #expect(
            try lab.sh("nft list set inet lost seen | grep -c elements || true; nft delete table inet lost").text == "1\n",
            "\(name): nothing was lost")
          try expectComplete(lab, user, login, "\(name), the server \(isRestarted ? "restarted" : "remembers")")
        }
      }
    }

    @Test(arguments: NetworkLab.types) func `replies lost at any moment of a login change nothing`(type: String) throws {
      let lab = try NetworkLab(type: type)
      let rounds = NetworkLab.isFull ? 60 : 5
      for round in 0..<rounds {
        let user = "user\(round)"
        let moment = Double(round * 41 % 170) / 1000
        let login = try lab.session(
          user, "timeout=60",
          before: """
            account \(user) \(5000 + round); mounted \(user)
            (sleep \(moment)
            nft 'table inet lost { chain in { type filter hook input priority 0; tcp sport 2049 reject with tcp reset; }; }'
            sleep 0.3; \(round % 3 == 2 ? "rpc.nfsd 0; rpc.nfsd 4;" : "") nft delete table inet lost) >/dev/null 2>&1 &
            """)
        try lab.sh("for i in $(seq 100); do nft list table inet lost 2>/dev/null | grep -q . || break; sleep 0.1; done")
        try expectComplete(lab, user, login, "after \(moment) s")
      }
    }

    private func expectComplete(_ lab: NetworkLab, _ user: String, _ login: Login, _ what: String) throws {
      let home = "/home/\(lab.type)/\(user)"
      #expect(login.code == 0 && sameLines(login.log, NetworkLab.created(user, home)), "\(what): \(login)")
      let state = try lab.state(user)
      #expect(state == NetworkLab.complete, "\(what): \(state)")
    }
  }
}
