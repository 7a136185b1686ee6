import RootlessStorage

// The parsers under libFuzzer and AddressSanitizer (Tests/run fuzz). A target takes any bytes, and ends the process if what a parser
// made of them is not what it promises. The parsers are compiled in their ordinary form here, in which every overflow, every index
// beyond an array's end and every read behind a C string's end is fatal too.

/// Each with the form of its input: LINES are those before the rest.
private let targets: [String: @Sendable ([UInt8]) -> Void] = [
  "settings": fuzzSettings,  // a settings file
  "names": fuzzNames,  // TEMPLATE, NAME, UID, the name of a temporary file
  "skeleton": fuzzSkeleton,  // NAME, UID, STORAGE, the content of a skeleton file
  "procfiles": fuzzProcFiles,  // MOUNT or MAJOR:MINOR, the size of pieces, a mountinfo or a stat file
  "report": fuzzReport,  // the size of pieces, a report
  "wording": fuzzWording,  // NAME, HOME, STORAGE, a value that is told
  "module-options": fuzzModuleOptions,  // an option a line
  "helper-arguments": fuzzHelperArguments,  // an argument a line
  "toml": fuzzTOML,  // KEY with dots, VALUE or nothing to remove it, a TOML file
  "json": fuzzJSON,  // KEY, VALUE or nothing to remove it, a JSON file
  "subids": fuzzSubordinateIDs,  // NAME, UID, FIRST LAST, a subuid file that is the passwd file too
  "pam": fuzzPAM,  // a file of /etc/pam.d
  "tmpfiles": fuzzTmpfiles,  // the path of a directory, a tmpfiles.d file
]

/// What `--target=NAME` says; libFuzzer ignores options with two dashes.
private let target: @Sendable ([UInt8]) -> Void = {
  let name = CommandLine.arguments.lazy.compactMap { $0.hasPrefix("--target=") ? String($0.dropFirst(9)) : nil }.first
  guard let name, let target = targets[name] else { fatalError("--target= one of: \(targets.keys.sorted().joined(separator: " "))") }
  return target
}()

/// Called by libFuzzer for every input.
@c(LLVMFuzzerTestOneInput) public func fuzz(_ start: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  // SAFETY: libFuzzer hands over `size` bytes, which live until this returns.
  target(unsafe Array(UnsafeBufferPointer(start: start, count: size)))
  return 0
}

/// What a parser promises. libFuzzer keeps the input with which it is not so.
func promise(_ holds: Bool, _ what: @autoclosure () -> String) {
  if !holds { fatalError("broken promise: \(what())") }
}

/// So many parts: lines, and the rest as it is.
func fields(_ input: [UInt8], _ count: Int) -> [[UInt8]] {
  var found = input.split(separator: 0x0a, maxSplits: count - 1, omittingEmptySubsequences: false).map(Array.init)
  while found.count < count { found.append([]) }
  return found
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func isPrintable(_ text: some Collection<UInt8>) -> Bool { text.allSatisfy { $0 >= 0x20 && $0 < 0x7f } }

/// A number as Swift's own parser reads it, which takes a sign too.
func number<Number: FixedWidthInteger>(_ text: some Collection<UInt8>) -> Number? {
  text.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) ? Number(String(decoding: text, as: UTF8.self)) : nil
}

func account(_ name: [UInt8], uid: [UInt8], home: Path = "") -> Account {
  Account(credentials: Credentials(user: number(uid) ?? 4001, group: 4001, groups: [4001]), name: name, home: home)
}
