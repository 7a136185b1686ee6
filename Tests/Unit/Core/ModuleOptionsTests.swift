import CLinux
import Testing

@testable import RootlessStorage

@Suite struct ModuleOptionsTests {
  private struct Taken: Equatable, CustomStringConvertible {
    var debug = false
    var strict = false
    var tell = false
    var uidMin: UInt32 = 1000
    var timeout: UInt32 = 10
    var conf: String? = nil
    var helper: String? = nil
    var description: String {
      "debug \(debug) strict \(strict) tell \(tell) uid_min \(uidMin) timeout \(timeout) conf \(conf ?? "-") helper \(helper ?? "-")"
    }
  }

  /// Takes the options one after the other, as libpam hands them over.
  private func take(_ options: [[UInt8]]) -> (taken: Taken, accepted: [Bool]) {
    let texts = unsafe options.map { option in unsafe withCString(option) { unsafe strdup($0)! } }
    defer { unsafe texts.forEach { unsafe free($0) } }
    var read = ModuleOptions()
    let accepted = unsafe texts.map { unsafe read.parse($0) }
    var taken = Taken(debug: read.debug, strict: read.strict, tell: read.tell, uidMin: read.uidMin, timeout: read.timeout)
    if let conf = unsafe read.conf { taken.conf = unsafe String(cString: conf) }
    if let helper = unsafe read.helper { taken.helper = unsafe String(cString: helper) }
    return (taken, accepted)
  }

  @Test func `without options the documented defaults hold`() { #expect(take([]).taken == Taken()) }

  @Test func `every option is taken`() {
    let all = take(["debug", "strict", "uid_min=500", "timeout=3", "conf=/etc/my.conf", "helper=/opt/helper"])
    #expect(all.accepted == [true, true, true, true, true, true])
    #expect(all.taken == Taken(debug: true, strict: true, uidMin: 500, timeout: 3, conf: "/etc/my.conf", helper: "/opt/helper"))
    #expect(take(["debug"]).taken == Taken(debug: true))
    #expect(take(["strict"]).taken == Taken(strict: true))
    #expect(take(["tell"]).taken == Taken(tell: true))
    #expect(take(["tell=yes", "tells", "tel"]).taken == Taken())
  }

  @Test(
    arguments: [
      ("uid_min=0", 0, 10), ("uid_min=4294967295", 4_294_967_295, 10), ("uid_min=007", 7, 10), ("timeout=1", 1000, 1),
      ("timeout=3600", 1000, 3600),
    ] as [([UInt8], UInt32, UInt32)])
  func `numbers may be as large as they make sense`(option: [UInt8], uidMin: UInt32, timeout: UInt32) {
    #expect(take([option]).accepted == [true])
    #expect(take([option]).taken == Taken(uidMin: uidMin, timeout: timeout))
  }

  @Test(
    arguments: [
      "", " ", "=", "debu", "debug=", "debug=yes", "debugx", " debug", "debug ", "DEBUG", "nodebug", "stric", "strict=1", "stricter",
      "uid_min",
      "uid_min=", "uid_min=-1", "uid_min=+1", "uid_min= 1", "uid_min=1 ", "uid_min=1000x", "uid_min=0x10", "uid_min=1e3",
      "uid_min=4294967296",
      "uid_min=18446744073709551616", "uid_min=18446744073709552616", "uid_min=99999999999999999999999999999999", "uid_min=５", "uid_max=5",
      "uidmin=5",
      "timeout", "timeout=", "timeout=0", "timeout=-1", "timeout=3601", "timeout=4294967295", "timeout=4294967297", "timeout=1.5",
      "timeout=1s",
      "conf", "conf=", "conf=relative", "conf=./x", "conf= /x", "conf=~/x", "helper", "helper=", "helper=session-helper", "config=/x",
      "silent",
      "\u{1b}[2J", "ä", "%s%n",
    ] as [[UInt8]])
  func `anything else is refused and changes nothing`(option: [UInt8]) {
    #expect(take([option]).accepted == [false])
    #expect(take([option]).taken == Taken())
  }

  @Test func `a malformed option leaves what an earlier one said, and the later of two holds`() {
    let result = take(["uid_min=500", "uid_min=x", "timeout=3", "timeout=0", "conf=/a", "conf=b", "helper=/c", "helper="])
    #expect(result.accepted == [true, false, true, false, true, false, true, false])
    #expect(result.taken == Taken(uidMin: 500, timeout: 3, conf: "/a", helper: "/c"))
    #expect(take(["uid_min=500", "uid_min=600", "conf=/a", "conf=/b"]).taken == Taken(uidMin: 600, conf: "/b"))
  }

  @Test func `an option may be long`() {
    let path = "/" + repeated("a", 100_000)
    #expect(same(take(["conf=" + path]).taken.conf.map(bytes), path))
    #expect(take([repeated("debug", 10_000)]).accepted == [false])
  }
}
