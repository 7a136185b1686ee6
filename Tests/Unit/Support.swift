import Foundation

@testable import RootlessStorage

/// Where this tree lies.
let projectDirectory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

// Names, paths and contents are bytes in the core; in a test they read better as text.

extension Array: @retroactive ExpressibleByUnicodeScalarLiteral where Element == UInt8 {
  public init(unicodeScalarLiteral text: String) { self = Array(text.utf8) }
}

extension Array: @retroactive ExpressibleByExtendedGraphemeClusterLiteral where Element == UInt8 {
  public init(extendedGraphemeClusterLiteral text: String) { self = Array(text.utf8) }
}

extension Array: @retroactive ExpressibleByStringLiteral where Element == UInt8 {
  public init(stringLiteral text: String) { self = Array(text.utf8) }
}

/// Bytes as a failure message should show them.
func shown(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

func shown(_ path: Path) -> String { shown(path.bytes) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func repeated(_ text: String, _ count: Int) -> [UInt8] { Array(repeatElement(bytes(text), count: count).joined()) }

func account(_ name: [UInt8] = "alice", uid: UInt32 = 1000, gid: UInt32 = 1000, home: Path = "/home/alice") -> Account {
  Account(credentials: Credentials(user: uid, group: gid, groups: []), name: name, home: home)
}

/// What a user or a file server may put into a name or a path.
let hostileBytes: [[UInt8]] = [
  "",
  "\n<3>root: logged in\nend done\n",
  "\u{1b}]0;owned\u{7}\u{1b}[2J",
  "%s%n%100000d",
  "back\\slash \"quoted\" 'quoted' `run` $(run)",
  "ä€𝄞",
  "\r\t\u{7f}\u{0}after",
  [0xff, 0xfe, 0x80, 0xc0],
  Array(0...255),
  [UInt8](repeating: 0x0a, count: 5000),
  [UInt8](repeating: 0x61, count: 100_000),
]

/// Whether they are equal. For long ones: `#expect(a == b)` would look for the difference, which takes minutes.
func same<Element: Equatable>(_ left: [Element]?, _ right: [Element]?) -> Bool { left == right }

func isPrintable(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7f } }

/// SplitMix64: the same numbers in every run.
struct FixedNumbers: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
