import CLinux
import RootlessStorage

/// Of the options in a PAM line, those hold that are well formed, the last of each; whatever they are, the numbers stay in their ranges.
func fuzzModuleOptions(_ input: [UInt8]) {
  let texts = input.split(separator: 0x0a, omittingEmptySubsequences: false).map { $0.prefix { $0 != 0 } }
  // Each in memory of its own, so that reading behind its end is seen.
  let options = unsafe texts.map { text in
    let option = UnsafeMutablePointer<CChar>.allocate(capacity: text.count + 1)
    for (index, byte) in text.enumerated() { unsafe option[index] = CChar(bitPattern: byte) }
    unsafe option[text.count] = 0
    return unsafe option
  }
  defer { unsafe options.forEach { unsafe $0.deallocate() } }
  var read = ModuleOptions()
  var debug = false
  var strict = false
  var tell = false
  var uidMin: UInt32 = 1000
  var timeout: UInt32 = 10
  var conf: [UInt8]? = nil
  var helper: [UInt8]? = nil
  for (place, text) in texts.enumerated() {
    let parts = text.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
    var isGood = false
    switch (String(decoding: parts[0], as: UTF8.self), parts.count > 1 ? parts[1] : nil) {
    case ("debug", nil): (debug, isGood) = (true, true)
    case ("strict", nil): (strict, isGood) = (true, true)
    case ("tell", nil): (tell, isGood) = (true, true)
    case ("uid_min", let value?):
      if let id: UInt32 = number(value) { (uidMin, isGood) = (id, true) }
    case ("timeout", let value?):
      if let seconds: UInt32 = number(value), (1...3600).contains(seconds) { (timeout, isGood) = (seconds, true) }
    case ("conf", let value?):
      if value.first == 0x2f { (conf, isGood) = (value, true) }
    case ("helper", let value?):
      if value.first == 0x2f { (helper, isGood) = (value, true) }
    default: break
    }
    promise(unsafe read.parse(options[place]) == isGood, "well formed: \(text)")
  }
  promise(read.debug == debug && read.strict == strict && read.tell == tell, "debug, strict and tell")
  promise(read.uidMin == uidMin && read.timeout == timeout, "uid_min and timeout")
  promise(unsafe read.conf.map { unsafe bytes(ofCString: $0) } == conf, "conf")
  promise(unsafe read.helper.map { unsafe bytes(ofCString: $0) } == helper, "helper")
}
