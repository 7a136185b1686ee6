import RootlessStorage

/// Arguments that are taken hold valid values only, and mean the same when they are written down again; what is refused is explained.
func fuzzHelperArguments(_ input: [UInt8]) {
  let words = input.split(separator: 0x0a, omittingEmptySubsequences: false).map(Array.init)
  do throws(UsageError) {
    let read = try HelperArguments(words)
    let credentials = read.account.credentials
    promise((1...3600).contains(read.timeout), "the timeout")
    promise(read.conf.isAbsolute && !read.account.name.isEmpty, "conf and name")
    promise(credentials.groups.count <= 4096 && !credentials.groups.contains(UInt32.max), "the groups")
    // Nothing is made up: each value stands there.
    for value in [read.account.home.bytes, read.account.name] { promise(words.contains(value), "a value that was given") }
    for id in [credentials.user, credentials.group] { promise(words.contains { number($0) == id }, "an id that was given") }
    let leftOut = read.account.groupsLeftOut ? [bytes("--groups-left-out")] : []
    let again = try HelperArguments(
      leftOut + [
        bytes("--uid"), decimal(UInt64(credentials.user)), bytes("--gid"), decimal(UInt64(credentials.group)), bytes("--groups"),
        Array(credentials.groups.map { decimal(UInt64($0)) }.joined(separator: [0x2c])), bytes("--timeout"), decimal(UInt64(read.timeout)),
        bytes("--conf"), read.conf.bytes, bytes("--home"), read.account.home.bytes, bytes("--"), read.account.name,
      ])
    promise(again.account == read.account && again.conf == read.conf && again.timeout == read.timeout, "the same, written down again")
  } catch {
    promiseToldWell(.usage(error), by: Wording())
  }
}
