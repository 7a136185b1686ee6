import Testing

@testable import RootlessStorage

@Suite struct HelperArgumentsTests {
  private static let least: [[UInt8]] = ["--uid", "1000", "--gid", "100", "--home", "/home/alice", "alice"]

  private func parsed(_ arguments: [[UInt8]]) throws(UsageError) -> HelperArguments { try HelperArguments(arguments) }

  @Test func `with the least of arguments the documented defaults hold`() throws {
    let arguments = try parsed(HelperArgumentsTests.least)
    #expect(shown(arguments.conf) == "/etc/rootless-storage/rootless-storage.conf")
    #expect(arguments.timeout == 10)
    #expect(!arguments.account.groupsLeftOut)
    #expect(try parsed(["--groups-left-out"] + HelperArgumentsTests.least).account.groupsLeftOut)
    #expect(
      arguments.account == Account(credentials: Credentials(user: 1000, group: 100, groups: []), name: "alice", home: "/home/alice"))
  }

  @Test(
    arguments: [
      ["--conf", "/c", "--timeout", "3", "--uid", "1000", "--gid", "100", "--groups", "5,6,0", "--home", "/h", "alice"],
      ["alice", "--home", "/h", "--groups", "5,6,0", "--gid", "100", "--uid", "1000", "--timeout", "3", "--conf", "/c"],
      ["--conf", "/c", "--timeout", "3", "--uid", "1000", "--gid", "100", "--groups", "5,6,0", "--home", "/h", "--", "alice"],
      [
        "--conf", "/x", "--timeout", "9", "--uid", "9", "--gid", "9", "--groups", "9", "--home", "/x", "--conf", "/c", "--timeout", "3",
        "--uid", "1000",
        "--gid", "100", "--groups", "5,6,0", "--home", "/h", "alice",
      ],
    ] as [[[UInt8]]])
  func `all arguments are taken, in any order, the later of two`(arguments: [[UInt8]]) throws {
    let taken = try parsed(arguments)
    #expect(taken.conf == "/c")
    #expect(taken.timeout == 3)
    #expect(taken.account == Account(credentials: Credentials(user: 1000, group: 100, groups: [5, 6, 0]), name: "alice", home: "/h"))
  }

  @Test(
    arguments: [
      ([], .missing("--uid N")), (["alice"], .missing("--uid N")), (["--gid", "1", "--home", "/", "alice"], .missing("--uid N")),
      (["--uid", "1", "--home", "/", "alice"], .missing("--gid N")), (["--uid", "1", "--gid", "1", "alice"], .missing("--home PATH")),
      (["--uid", "1", "--gid", "1", "--home", "/"], .missing("NAME")), (["--uid", "1", "--gid", "1", "--home", "/", ""], .missing("NAME")),
      (["--uid", "1", "--gid", "1", "--home", "/", "--"], .missing("NAME")), (["--uid"], .noValue("--uid")),
      (least + ["--conf"], .noValue("--conf")), (["-"], .unknownOption("-")), (least + ["--nonsense"], .unknownOption("--nonsense")),
      (least + ["--nonsense", "x"], .unknownOption("--nonsense")), (least + ["-u", "0"], .unknownOption("-u")),
      (least + ["--uid=0", "x"], .unknownOption("--uid=0")), (least + ["--UID", "0"], .unknownOption("--UID")),
      (least + ["---", "0"], .unknownOption("---")), (least + ["bob"], .extraArgument("bob")), (least + [""], .extraArgument("")),
      (least + ["--", "--uid"], .extraArgument("--uid")), (least + ["--timeout", "0"], .badValue("--timeout", "0")),
      (least + ["--timeout", "3601"], .badValue("--timeout", "3601")), (least + ["--timeout", ""], .badValue("--timeout", "")),
      (least + ["--timeout", "1s"], .badValue("--timeout", "1s")), (least + ["--conf", ""], .badValue("--conf", "")),
      (least + ["--conf", "rel.conf"], .badValue("--conf", "rel.conf")), (least + ["--groups", ","], .badValue("--groups", "")),
      (least + ["--groups", "1,"], .badValue("--groups", "")), (least + ["--groups", "1,,2"], .badValue("--groups", "")),
      (least + ["--groups", "1, 2"], .badValue("--groups", " 2")), (least + ["--groups", "wheel"], .badValue("--groups", "wheel")),
      (least + ["--groups", "1,4294967295"], .badValue("--groups", "4294967295")),
      (least + ["--groups", "4294967296"], .badValue("--groups", "4294967296")), (["--", "--uid", "1"], .extraArgument("1")),
    ] as [([[UInt8]], UsageError)])
  func `every mistake is told apart`(arguments: [[UInt8]], problem: UsageError) {
    #expect(throws: problem) { try parsed(arguments) }
  }

  @Test(
    arguments: ["", "-1", "+1", " 1", "1 ", "0x1", "1e3", "4294967296", "18446744073709551616", "root", "１", "1\0", "--gid", "1,2"]
      as [[UInt8]])
  func `an id is a number of 32 bits and nothing else`(value: [UInt8]) {
    #expect(throws: UsageError.badValue("--uid", value)) { try parsed(HelperArgumentsTests.least + ["--uid", value]) }
    #expect(throws: UsageError.badValue("--gid", value)) { try parsed(HelperArgumentsTests.least + ["--gid", value]) }
  }

  @Test func `an id that must not be used is still read, for others to refuse`() throws {
    let arguments = try parsed(HelperArgumentsTests.least + ["--uid", "0", "--gid", "4294967295"])
    #expect(arguments.account.uid == 0)
    #expect(Planner.ineligibility(of: arguments.account, Settings()) == .idReserved)
  }

  @Test(arguments: hostileBytes.filter { !$0.isEmpty && $0.first != 0x2d })
  func `name and home are bytes, whatever they hold`(value: [UInt8]) throws {
    let arguments = try parsed(["--uid", "1", "--gid", "1", "--home", value, "--", value])
    #expect(same(arguments.account.name, value))
    #expect(same(arguments.account.home.bytes, value))
  }

  @Test func `behind -- a name may begin with a hyphen, and is then not taken for an option`() throws {
    #expect(try parsed(["--uid", "1", "--gid", "1", "--home", "/", "--", "--uid"]).account.name == "--uid")
    #expect(try parsed(["--uid", "1", "--gid", "1", "--home", "/", "--", "--"]).account.name == "--")
  }

  @Test(arguments: [0, 1, 4096, 4097, 12_000]) func `four thousand and ninety-six groups are taken, and more left out`(count: Int) throws {
    let list = bytes((0..<count).map(String.init).joined(separator: ","))
    let arguments = try parsed(HelperArgumentsTests.least + ["--groups", list])
    #expect(same(arguments.account.credentials.groups, Array(0..<UInt32(min(count, 4096)))))
    #expect(arguments.account.groupsLeftOut == (count > 4096))
  }
}
